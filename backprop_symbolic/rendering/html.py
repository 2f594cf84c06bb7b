"""One HTML file that needs nothing else: MathML, fonts and pictures are inside, and no script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from backprop_symbolic.document import Document
from backprop_symbolic.rendering.base import Format, Options, Written, formats

if TYPE_CHECKING:
    from sympy import Symbol


def write(document: Document, names: Mapping[Symbol, str], options: Options) -> Written:
    """The document as a page for a browser. Raises NotInstalled and NotWritable."""
    from backprop_symbolic.rendering.web import Page

    page = Page(document, names, options)
    return Written(
        page.written("html/document.html", blocks=page.blocks, outline=page.outline(), symbols=page.symbols())
    )


formats.register(
    Format("html", "one page for a browser, with everything inside", document=write, suffix=".html")
)
