"""What the formats share: the registry, sentences put into a format, blocks for a template."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backprop_symbolic.derivation import NORMAL, Argument, Derivation
from backprop_symbolic.document import (
    Bullets,
    Code,
    Display,
    Document,
    Figures,
    Heading,
    Message,
    Note,
    Paragraph,
    Picture,
    Row,
    Table,
)
from backprop_symbolic.document import document as to_document
from backprop_symbolic.registry import Registry
from backprop_symbolic.wording import messages, template_dirs

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment
    from sympy import Symbol


@dataclass(frozen=True)
class Options:
    """How something is rendered."""

    language: str = "en"
    detail: int = NORMAL
    standalone: bool = False
    figures: Figures | None = None  # the numbers to put in
    dialect: str = ""  # of a format that has several; empty for its usual one
    engine: str = "typst"  # what makes a PDF: typst, xelatex or lualatex
    templates: Path | None = None  # a folder whose templates and messages go before ours


@dataclass(frozen=True, slots=True)
class Written:
    """A rendered document: its text or bytes, and the files it refers to by relative names."""

    content: str | bytes
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def data(self) -> bytes:
        """The document's bytes."""
        return self.content if isinstance(self.content, bytes) else self.content.encode("utf-8")


#: Writes any document. The mapping gives the LaTeX of every name in it.
Writer = Callable[["Document", "Mapping[Symbol, str]", Options], Written]


@dataclass(frozen=True)
class Format:
    """An output format: its name, what it is, and the function that writes it.

    document  writes any document; where there is none, the format is of derivations alone
    write     writes a derivation; where there is none, its document is written
    suffix    how a file's name ends
    dialects  the names of its variants, the usual one first
    binary    whether it is bytes that are no text
    """

    name: str
    summary: str
    write: Callable[[Derivation, Options], str | bytes] | None = None
    document: Writer | None = None
    suffix: str = ".txt"
    dialects: tuple[str, ...] = ()
    binary: bool = False

    def derivation(self, derivation: Derivation, options: Options) -> Written:
        """The derivation in this format."""
        if self.write is not None:
            return Written(self.write(derivation, options))
        if self.document is None:
            raise TypeError(f"format {self.name!r} has no function that writes")
        found = to_document(derivation, options.detail, options.figures)
        return self.document(found, derivation.graph.written(options.language), options)


formats: Registry[Format] = Registry("format")


# ---------------------------------------------------------------- sentences


class Words:
    """Messages of one language with mathematics put in by one format."""

    def __init__(
        self,
        language: str,
        math: Callable[[Any], str],
        escape: Callable[[str], str],
        templates: Path | None = None,
    ) -> None:
        self.table, self.math, self.escape = messages(language, templates), math, escape

    def __call__(self, message: Message) -> str:
        """The sentence: text escaped for the format, each {argument} as mathematics."""
        return "".join(self.pieces(message))

    def pieces(self, message: Message) -> list[str]:
        """The sentence in pieces: text and arguments by turns."""
        pieces = re.split(r"\{(\w+(?:=\w+)?)\}", self.table[message.key])
        return [
            self.argument(piece, message.args) if i % 2 else self.escape(piece)
            for i, piece in enumerate(pieces)
        ]

    def list(self, messages: tuple[Message, ...]) -> str:
        """Short messages side by side."""
        return ", ".join(self(message) for message in messages)

    def argument(self, name: str, args: Mapping[str, Argument]) -> str:
        if "=" in name:
            left, _, right = name.partition("=")
            return self.math((args[left], args[right]))
        value = args[name]
        if isinstance(value, (str, int)):
            return self.escape(str(value))
        if isinstance(value, tuple):
            return ", ".join(self.math(v) for v in value)
        return self.math(value)

    def cell(self, cell: object) -> str:
        """A cell of a table: a sentence or mathematics."""
        return self(cell) if isinstance(cell, Message) else self.math(cell)


def plain_words(names: Mapping[Symbol, str], options: Options) -> Words:
    """Sentences on one line of Unicode, where there is no markup: file titles, texts for pictures."""
    from backprop_symbolic.terminal import Flat

    flat = Flat(names, messages(options.language, options.templates)["word.otherwise"])

    def math(value: Any) -> str:
        return " = ".join(flat(part) for part in (value if isinstance(value, tuple) else (value,)))

    return Words(options.language, math, on_one_line, options.templates)


def on_one_line(text: str) -> str:
    """Text without line breaks and other signs that control a screen or a file."""
    return re.sub(r"\s*[\x00-\x1f\x7f-\x9f\u2028\u2029]\s*", " ", text)


#: A document with so many sections and so many blocks gets a table of contents.
SECTIONS, LONG = 6, 60
#: As many entries fit well on one page; where there would be more, sections alone are listed.
ENTRIES = 30


def contents(blocks: list[dict[str, Any]], options: Options) -> tuple[str, int]:
    """The heading of the table of contents and how many levels it lists; none for a short document."""
    levels = [block["level"] for block in blocks if block["kind"] == "heading"]
    if sum(level <= 2 for level in levels) < SECTIONS or len(blocks) < LONG:
        return "", 0
    depth = 2 if sum(level <= 3 for level in levels) <= ENTRIES else 1
    return messages(options.language, options.templates)["word.contents"], depth


# ---------------------------------------------------------------- templates


@cache
def environment(templates: Path | None = None, html: bool = False) -> SandboxedEnvironment:
    """Jinja with delimiters that LaTeX does not use, and nothing undefined let through.

    Templates of the folder `templates` go before ours; they run in a sandbox. With `html`, whatever
    is not marked as safe is escaped.
    """
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=html,
        loader=FileSystemLoader(template_dirs(templates)),
    )


def blocks(
    document: Document,
    words: Words,
    rows: Callable[[tuple[Row, ...]], Any],
    picture: Callable[[Picture], str] | None = None,
) -> list[dict[str, Any]]:
    """The document's blocks as plain text and rows, for a template.

    picture  gives what a template puts in for a picture: a file's name, or the picture itself;
             None for a format that shows none
    """
    found: list[dict[str, Any]] = []
    for block in document.blocks:
        if isinstance(block, Heading):
            text = " ".join(filter(None, [words.escape(block.label), words(block.text)]))
            found.append({"kind": "heading", "level": block.level, "text": text, "anchor": block.anchor})
        elif isinstance(block, Paragraph):
            found.append({"kind": "paragraph", "text": words(block.text)})
        elif isinstance(block, Bullets):
            items = [words(item) for item in block.items]
            found.append({"kind": "bullets", "items": items, "ordered": block.ordered})
        elif isinstance(block, Note):
            found.append({"kind": "note", "items": [words(item) for item in block.items]})
        elif isinstance(block, Display):
            found.append({"kind": "display", "rows": rows(block.rows), "names": block.names})
        elif isinstance(block, Table):
            head = [words(message) for message in block.head]
            cells = [[words.cell(cell) for cell in row] for row in block.rows]
            found.append({"kind": "table", "head": head, "rows": cells, "align": block.align})
        elif isinstance(block, Code):
            found.append({"kind": "code", "language": block.language, "text": block.text})
        elif isinstance(block, Picture) and picture is not None:
            caption, alt = words(block.caption), words(block.alt)
            found.append({"kind": "picture", "picture": picture(block), "caption": caption, "alt": alt})
    return found
