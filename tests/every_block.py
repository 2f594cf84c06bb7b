"""A document with blocks of every kind, and labels that are hard on a format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sympy import Symbol

from backprop_symbolic import derive
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
    Table,
    document,
)

#: What a user may call something: markup of every format, to come out as text.
LABELS = (
    "<script>alert(1)</script>", r"\write18{ls}", "$$ x^2 $$", "$x$ and $y$", "a|b", "_a_ *b* **c** __d__", "`e`",
    "{{ page.title }} {% raw %}", r"\(x\) \[y\] \begin{x}", "&lt; &amp; &", "[a](b) ![c](d) [[e]]", "~~f~~ ~g~ x^2^",
    "==h== %%i%%", "# j #", "--weight --- x", "@k [@l]", "{: .m} {::n} {#o}", "<!-- p -->", "{math}`q`", "한글 <b>",
)  # fmt: skip
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><circle cx="20" cy="20" r="15"/></svg>'


@dataclass(frozen=True)
class Circle:
    """The simplest drawing."""

    kinds: tuple[str, ...] = ("svg",)

    def draw(self, kind: str, names: Mapping[Symbol, str], language: str, templates=None) -> bytes:
        return SVG


def every_block(language: str = "en") -> tuple[Document, Mapping[Symbol, str]]:
    """The derivation of w31 and w11 with one more block of every kind, and the LaTeX of its names."""
    derivation = derive("2-2-2", ["w31", "w11"]).derivation
    derived = document(derivation)
    (delta, *_) = derivation.definitions
    weight, error = derivation.parameters[0], derivation.graph.error
    sentence = Message("group.chain_by_delta", {"weight": weight, "net": Symbol("net3"), "delta": delta})
    alone = Message("hypothesis.rate_l2", {"rate": derivation.graph.rate, "value": error})
    picture = Picture("path-w31", Circle(), Message("section.weight", {"weight": weight}), sentence)
    more = (
        Heading(2, Message("section.product"), "(1)", anchor="more"),
        Paragraph(sentence),
        Note((sentence, Message("hypothesis.aliases", {"names": "a | b"}))),
        Bullets((sentence, alone), ordered=True),
        Bullets(tuple(Message("hypothesis.aliases", {"names": label}) for label in LABELS)),
        Table(
            (Message("section.error"), Message("section.delta", {"delta": delta}), Message("section.error")),
            ((delta, Message("hypothesis.aliases", {"names": "a|b"}), error), (weight, sentence, delta)),
            "lcr",
        ),
        picture,
        Code("backprop derive --weight w31\n# {{ x }} {% y %}"),
        Code('print("```", {"a": {1: 2}}, f"{{x}}")', "python"),
        Display(derived_rows(derived), (delta,)),
    )
    whole = Document(derived.title, (*derived.blocks, *more), {})
    return whole, derivation.graph.written(language)


def derived_rows(derived: Document):
    """The rows of the longest display."""
    return max((b.rows for b in derived.blocks if isinstance(b, Display)), key=len)
