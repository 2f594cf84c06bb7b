"""Derivations and documents in every format that `rendering` holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from backprop_symbolic import rendering
from backprop_symbolic.derivation import DETAILS, Derivation
from backprop_symbolic.document import Document
from backprop_symbolic.errors import NotText, unknown
from backprop_symbolic.rendering.base import Format, Options, Words, Written, environment, formats
from backprop_symbolic.rendering.markdown import escape_markdown
from backprop_symbolic.wording import languages, messages

if TYPE_CHECKING:
    from sympy import Symbol

rendering.load()


def rendered(derivation: Derivation, format: str = "latex", options: Options | None = None) -> Written:
    """The derivation in a format, with the files it refers to.

    Raises UnknownName for an unknown format, dialect or language.
    """
    options = options or Options()
    return _chosen(format, options).derivation(derivation, options)


def render(derivation: Derivation, format: str = "latex", options: Options | None = None) -> str:
    """The derivation in a format of text. Raises UnknownName for an unknown format or language, NotText."""
    return rendered(derivation, textual(format).name, options).data.decode("utf-8")


def textual(format: str) -> Format:
    """The format called so. Raises UnknownName, or NotText where it is one of bytes."""
    chosen = formats.get(format)
    if chosen.binary:
        raise NotText(f"format {chosen.name} is no text: .bytes({chosen.name!r}) gives its bytes")
    return chosen


def write_document(
    document: Document, format: str, names: Mapping[Symbol, str], options: Options | None = None
) -> Written:
    """Any document in a format; `names` gives the LaTeX of the names in it. Raises UnknownName."""
    options = options or Options()
    writer = _chosen(format, options).document
    if writer is None:
        known = [entry.name for entry in formats if entry.document is not None]
        raise unknown("format", format, known, "of a document")
    return writer(document, names, options)


def _chosen(format: str, options: Options) -> Format:
    chosen = formats.get(format)
    messages(options.language, options.templates)
    if options.dialect and options.dialect not in chosen.dialects:
        raise unknown("dialect", options.dialect, chosen.dialects, f"of {chosen.name}")
    return chosen


__all__ = [
    "DETAILS", "Format", "Options", "Words", "Written", "environment", "escape_markdown", "formats",
    "languages", "messages", "render", "rendered", "textual", "write_document",
]  # fmt: skip
