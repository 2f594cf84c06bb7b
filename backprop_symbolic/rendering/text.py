"""Unicode for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backprop_symbolic.document import Document, Row
from backprop_symbolic.rendering.base import (
    Format,
    Options,
    Words,
    Written,
    blocks,
    environment,
    formats,
    plain_words,
)
from backprop_symbolic.wording import messages

if TYPE_CHECKING:
    from sympy import Symbol

    from backprop_symbolic.terminal import Terminal


def write(document: Document, names: Mapping[Symbol, str], options: Options) -> Written:
    """The document as lines for a terminal."""
    from backprop_symbolic.terminal import FILLER, Terminal, padded, unicode_brackets

    write = Terminal(names, messages(options.language, options.templates)["word.otherwise"])
    words = plain_words(names, options)
    with unicode_brackets():
        found = blocks(document, words, lambda rows: _text_rows(write, words, rows), lambda picture: "")
    text = (
        environment(options.templates)
        .get_template("text/document.txt")
        .render(
            title=words(document.title),
            width=lambda shown: len(padded(shown)),
            aligned=_aligned,
            blocks=found,
        )
    )
    return Written(text.replace(FILLER, ""))


def _aligned(row: list[str], block: Mapping[str, Any]) -> str:
    """One row of a table, each cell where its column's letter puts it; numbers to the right."""
    from backprop_symbolic.terminal import padded

    columns = zip(*(map(padded, cells) for cells in (block["head"], *block["rows"])), strict=True)
    widths = [max(map(len, column)) for column in columns]
    align = block["align"] or "r" * len(row)
    placed = {"l": str.ljust, "c": str.center, "r": str.rjust}
    cells = [placed[a](padded(c), w) for a, c, w in zip(align, row, widths, strict=True)]
    return ("    " + "  ".join(cells)).rstrip()


def _text_rows(printer: Terminal, words: Words, rows: tuple[Row, ...]) -> str:
    from backprop_symbolic.terminal import padded

    shown: list[str] = []
    indent = height = 0
    for row in rows:
        if row.lhs is not None:
            left = printer(row.lhs)
            indent = left.width()
        else:
            left = printer.text(" " * indent)
        parts = [left, printer.text(" = "), printer(row.rhs)]
        if row.result is not None:
            parts.extend([printer.text(" = "), printer(row.result)])
        if row.reasons:
            parts.append(printer.text(padded(f"    ({words.list(row.reasons)})")))
        lines = [line.rstrip() for line in str(printer.join(parts)).split("\n")]
        # A row of one line may follow another closely; fractions need air.
        if shown and (len(lines) > 1 or height > 1):
            shown.append("")
        height = len(lines)
        shown.extend(lines)
    return "\n".join(shown)


formats.register(Format("text", "Unicode for the terminal", document=write))
