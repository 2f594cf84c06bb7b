"""Derivations and documents in every format that `rendering` holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from typing import TYPE_CHECKING

from backprop_symbolic import rendering
from backprop_symbolic.derivation import DETAILS, Derivation
from backprop_symbolic.document import Document
from backprop_symbolic.errors import BackpropError, BadTemplates, NotText, quoted, unknown
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
    chosen = _chosen(format, options)
    with _template_errors(options.templates):
        return chosen.derivation(derivation, options)


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
    with _template_errors(options.templates):
        return writer(document, names, options)


@contextmanager
def _template_errors(own: Path | None) -> Iterator[None]:
    """What goes wrong in a template of the user's is told with its place. Raises BadTemplates."""
    if own is None:
        yield
        return
    from jinja2 import TemplateSyntaxError

    try:
        yield
    except BackpropError:
        raise
    except Exception as error:
        place = None
        if isinstance(error, TemplateSyntaxError):
            place = (error.filename, error.lineno)
        for frame, line in walk_tb(error.__traceback__):  # Jinja puts the template's own places here
            place = (frame.f_code.co_filename, line) if _within(frame.f_code.co_filename, own) else place
        if place is None or not _within(place[0], own):
            raise
        name = Path(str(place[0])).relative_to(own).as_posix()
        why = " ".join(str(error).split()) or type(error).__name__
        raise BadTemplates(f"template {quoted(name)}, line {place[1]}: {why}") from None


def _within(file: str | None, folder: Path) -> bool:
    return file is not None and Path(file).is_relative_to(folder)


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
