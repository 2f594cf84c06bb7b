"""Markdown, as GitHub renders it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from backprop_symbolic.document import Document
from backprop_symbolic.rendering.base import Format, Options, Words, Written, blocks, environment, formats
from backprop_symbolic.rendering.latex import escape_latex, inline, printer, reason_text, rows_of

if TYPE_CHECKING:
    from sympy import Symbol


def escape_markdown(text: str) -> str:
    """Text as Markdown text; what could begin mathematics, markup or HTML is escaped."""
    return re.sub(r"([\\`*_\[\]<>$|#~])", r"\\\1", text)


def write(document: Document, names: Mapping[Symbol, str], options: Options) -> Written:
    """The document as Markdown."""
    write = printer(names, options)
    words = Words(options.language, inline(write, *options.inline), escape_markdown, options.templates)
    # Inside $$ the text of a reason is LaTeX, whatever surrounds the block.
    reasons = Words(options.language, inline(write, "$", "$"), escape_latex, options.templates)
    text = (
        environment(options.templates)
        .get_template("markdown/document.md")
        .render(
            title=words(document.title),
            blocks=blocks(document, words, rows_of(write, reason_text(reasons))),
        )
    )
    return Written(text)


formats.register(Format("markdown", "$$ blocks that GitHub renders", document=write, suffix=".md"))
