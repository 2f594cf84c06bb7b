"""PDF, typeset by Typst, or from our LaTeX by xelatex or lualatex where that is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from backprop_symbolic import engines
from backprop_symbolic.document import Display, Document, Heading, Picture, Row, Table
from backprop_symbolic.rendering.base import (
    Format,
    Options,
    Words,
    Written,
    blocks,
    contents,
    environment,
    formats,
    plain_words,
)
from backprop_symbolic.typesetting import Typst, pieces, string, unspaced, whole
from backprop_symbolic.wording import messages

if TYPE_CHECKING:
    from sympy import Symbol

#: Columns of a table: the letters of LaTeX in Typst's words.
SIDES = {"l": "left", "c": "center", "r": "right"}
#: So many signs of a right side surely fit on a line; so many of both sides, with no measuring done.
SHORT, PLAIN = 40, 54
#: Equations beyond these may go on on the next page.
FEW = 6
_LINK = re.compile(r'#to\("[^"]*", \$(.*?)\$\)')
_SIGN = re.compile(r'"[^"]*"|[A-Za-z.]+|[^\s()_^,]')


def write(document: Document, names: Mapping[Symbol, str], options: Options) -> Written:
    """The document as a PDF. Raises UnknownName, NotInstalled or NotTypeset."""
    if engines.checked(options.engine) != "typst":
        from dataclasses import replace

        from backprop_symbolic.rendering import latex

        source = latex.write(document, names, replace(options, standalone=True))
        return Written(engines.tex(source.data.decode("utf-8"), source.files, options.engine))
    source = typst_source(document, names, options)
    text = source.data.decode("utf-8")
    return Written(engines.typst(text, source.files, _HANGUL.search(text) is not None))


#: Letters of Hangul, and what is written with them.
_HANGUL = re.compile("[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef]")


def typst_source(document: Document, names: Mapping[Symbol, str], options: Options) -> Written:
    """The document in Typst, with its pictures as files."""
    labels = {
        s: f"name-{s.name}" for block in document.blocks if isinstance(block, Display) for s in block.names
    }
    otherwise = messages(options.language, options.templates)["word.otherwise"]
    write = Typst(names, otherwise, labels)
    words = Words(options.language, inline(write), escape_typst, options.templates)
    # A heading is no place for a link: the table of contents repeats it, the bookmarks have it as text.
    bare = inline(Typst(names, otherwise))
    headings = Words(options.language, lambda value: unspaced(bare(value)), escape_typst, options.templates)
    files: dict[str, bytes] = {}

    def picture(found: Picture) -> str:
        kind = "svg" if "svg" in found.drawing.kinds else "png"
        name = f"{found.name}.{kind}"
        files[name] = found.drawing.draw(kind, names, options.language, options.templates)
        return name

    found = blocks(document, words, lambda rows: rows_of(write, words, rows), picture)
    defined: set[Symbol] = set()
    for block, shown in zip(document.blocks, found, strict=True):
        if isinstance(block, Heading):
            shown["depth"] = max(1, block.level - 1)
            shown["text"] = " ".join(filter(None, [escape_typst(block.label), headings(block.text)]))
        elif isinstance(block, Table):
            shown["align"] = block.align or "r" * len(block.head)
        elif isinstance(block, Display):
            shown["plain"] = is_plain(shown["rows"])
            shown["targets"] = [labels[s] for s in block.names if s not in defined]
            defined.update(block.names)
    heading, depth = contents(found, options)
    text = (
        environment(options.templates)
        .get_template("typst/document.typ")
        .render(
            title=headings(document.title),
            plain_title=plain_words(names, options)(document.title),
            contents=escape_typst(heading),
            depth=depth,
            blocks=found,
            language=options.language,
            sides=SIDES,
            string=string,
        )
    )
    return Written(text.rstrip() + "\n", files)


def inline(printer: Typst) -> Callable[[Any], str]:
    """What writes mathematics in a sentence."""

    def math(value: Any) -> str:
        parts = value if isinstance(value, tuple) else (value,)
        return f"${' = '.join(whole(printer(part)) for part in parts)}$"

    return math


def rows_of(printer: Typst, words: Words, rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    """Rows as Typst writes them: left side, the parts of the right side, the reason."""
    found = []
    for row in rows:
        left = "" if row.lhs is None else whole(printer(row.lhs))
        right = parts(printer(row.rhs))
        if row.result is not None:
            right.append((1, f"= {whole(printer(row.result))}"))
        found.append({"left": left, "right": right, "reason": words.list(row.reasons)})
    return found


def is_plain(rows: list[dict[str, Any]]) -> bool:
    """Whether Typst may set the rows as they are: few, all of them short, with no reasons beside them."""
    return len(rows) <= FEW and all(
        not row["reason"] and len(row["right"]) == 1 and signs(row["left"] + row["right"][0][1]) <= PLAIN
        for row in rows
    )


def parts(typst: str) -> list[tuple[int, str]]:
    """A right side as the parts between which a line may be broken; a short one is a single part."""
    return [(1, whole(typst).strip())] if signs(typst) <= SHORT else pieces(typst)


def signs(typst: str) -> float:
    """No fewer signs than a formula is wide, one for a letter, two for a syllable of Hangul."""
    found = _SIGN.findall(_LINK.sub(r"\1", typst))
    return sum(sum(1.4 if c.isascii() else 2 for c in sign) if sign[0] == '"' else 1 for sign in found)


def escape_typst(text: str) -> str:
    """Text as Typst text: what could begin markup, mathematics, code or a link is escaped."""
    text = re.sub(r'([\\`*_\[\]#$<>@~/"])', r"\\\1", text)
    text = re.sub(r"(?<!\w)-(?!\d)|-(?!\w)|\.(?=\.)|(?<=[\d])\.(?=\s|$)|(?<=\.)\.", r"\\\g<0>", text)
    return re.sub(r"^(\s*)([=+])", r"\1\\\2", text)


formats.register(Format("pdf", "typeset by Typst; no TeX needed", document=write, suffix=".pdf", binary=True))
