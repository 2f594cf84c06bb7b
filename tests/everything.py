"""A document with a block of every kind, and with names that would be markup if they were not escaped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sympy import Integer, Symbol

from backprop_symbolic import derive
from backprop_symbolic.derivation import NORMAL
from backprop_symbolic.document import (
    Bullets,
    Code,
    Display,
    Document,
    Heading,
    Message,
    Note,
    Paragraph,
    Picture,
    Row,
    Table,
    document,
)

#: What a reader must see as it is typed, in every format.
HOSTILE = (
    "<script>alert(1)</script>", r"\write18{ls}", "$$x$$", "a|b", "a_b", "#set", "100%", "@you", "*no*", '"quoted"',
    "`tick`", "~", "^", "&", "{{x}}", "{% x %}", "//", "/* no */", "[a](b)", "1. no", "= no", "- no", "+ no",
    "https://example.org", "...",
)  # fmt: skip
W, D = Symbol("w31"), Symbol("delta_o1")


@dataclass(frozen=True)
class Square:
    """A drawing of a square and a word, as what it is asked for."""

    kinds: tuple[str, ...] = ("svg", "tikz")

    def draw(self, kind: str, names: Mapping[Symbol, str], language: str, templates=None) -> bytes:
        word = {"en": "square", "ko": "사각형"}[language]
        if kind == "tikz":
            return (
                rf"\begin{{tikzpicture}}\draw[thick] (0,0) rectangle (4,1.5) node[midway] {{{word} ${names[W]}$}};"
                r"\end{tikzpicture}"
            ).encode()
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 150" width="400" height="150">'
            '<rect x="2" y="2" width="396" height="146" fill="none" stroke="black"/>'
            f'<text x="150" y="85" font-size="30">{word}</text></svg>'
        ).encode()


def name(text: str) -> Message:
    """A sentence that holds a name given by the user."""
    return Message("title.loss", {"loss": text})


def everything(
    language: str, kinds: tuple[str, ...] = ("svg", "tikz")
) -> tuple[Document, Mapping[Symbol, str]]:
    """The document and the LaTeX of its names."""
    derived = derive("2-2-2", "w31", lang=language)
    names = derived.graph.written(language)
    inner = document(derived.derivation, NORMAL)
    use = Row(W, D * Symbol("y_h1"))
    return Document(
        name("A & B_1 #1"),
        (
            Heading(2, Message("section.setting"), anchor="setting"),
            Bullets(tuple(name(text) for text in HOSTILE)),
            Bullets(
                (Message("section.forward"), Message("section.error"), Message("section.product")),
                ordered=True,
            ),
            Note((Message("group.delta_again"), Message("group.chain_single"))),
            Picture("square", Square(kinds), Message("section.forward"), Message("section.error")),
            Paragraph(Message("group.chain_single")),
            Table(
                (Message("check.quantity"), Message("check.derived"), Message("check.verdict")),
                (
                    (W, Integer(-3), Message("verdict.agrees")),
                    (D, Integer(12), Message("verdict.last_digit")),
                ),
                "lrl",
            ),
            Code(
                "derive --weight w31 --format pdf -o 'w31.pdf'\n\n  # \"two\" `ticks` \\ {x} $y$ 100% ~ ^ _ & <b> 가중치\n"
            ),
            Code("for i in range(3):\n    print(f'{i}: #{i:>2} -- {i!r}')  # 한글\n", "python"),
            Heading(2, name(HOSTILE[0]), "(1)"),
            Display((Row(D, W), Row(None, Symbol("y_o1"))), (D,)),
            Paragraph(Message("group.by_delta")),
            Display((use,)),
            *inner.blocks,
        ),
    ), names
