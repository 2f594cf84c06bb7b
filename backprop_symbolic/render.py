"""Documents as text: LaTeX, Markdown, terminal, JSON, through the templates and message files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from backprop_symbolic.derivation import DETAILS, NORMAL, Argument, Derivation
from backprop_symbolic.document import (
    Bullets,
    Display,
    Document,
    Figures,
    Heading,
    Message,
    Paragraph,
    Row,
    Table,
)
from backprop_symbolic.document import document as to_document
from backprop_symbolic.printing import BREAK, Latex, break_lines
from backprop_symbolic.registry import Registry
from backprop_symbolic.wording import languages, messages, template_dir

if TYPE_CHECKING:
    from jinja2 import Environment
    from sympy import Symbol

    from backprop_symbolic.terminal import Terminal

SCHEMA = "1.2"


# ---------------------------------------------------------------- formats


@dataclass(frozen=True)
class Format:
    """An output format: its name, what it is, and the function that writes it."""

    name: str
    summary: str
    write: Callable[[Derivation, Options], str]


@dataclass(frozen=True)
class Options:
    """How a derivation is rendered."""

    language: str = "en"
    detail: int = NORMAL
    standalone: bool = False
    inline: tuple[str, str] = ("$`", "`$")  # what encloses mathematics in Markdown text
    figures: Figures | None = None  # the numbers to put in


formats: Registry[Format] = Registry("format")


def render(derivation: Derivation, format: str = "latex", options: Options | None = None) -> str:
    """The derivation in a format. Raises UnknownName for an unknown format or language."""
    chosen = formats.get(format)
    options = options or Options()
    messages(options.language)
    return chosen.write(derivation, options)


class Words:
    """Messages of one language with mathematics put in by one format."""

    def __init__(self, language: str, math: Callable[[Any], str], escape: Callable[[str], str]) -> None:
        self.table, self.math, self.escape = messages(language), math, escape

    def __call__(self, message: Message) -> str:
        """The sentence: text escaped for the format, each {argument} as mathematics."""
        pieces = re.split(r"\{(\w+(?:=\w+)?)\}", self.table[message.key])
        return "".join(
            self.argument(piece, message.args) if i % 2 else self.escape(piece)
            for i, piece in enumerate(pieces)
        )

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


# ---------------------------------------------------------------- LaTeX and Markdown


@cache
def environment() -> Environment:
    """Jinja with delimiters that LaTeX does not use, and nothing undefined let through."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
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
        autoescape=False,
        loader=FileSystemLoader(template_dir()),
    )


def _blocks(document: Document, words: Words, rows: Callable[[tuple[Row, ...]], Any]) -> list[dict[str, Any]]:
    """The document's blocks as plain text and rows, for a template."""
    found: list[dict[str, Any]] = []
    for block in document.blocks:
        if isinstance(block, Heading):
            text = " ".join(filter(None, [words.escape(block.label), words(block.text)]))
            found.append({"kind": "heading", "level": block.level, "text": text})
        elif isinstance(block, Paragraph):
            found.append({"kind": "paragraph", "text": words(block.text)})
        elif isinstance(block, Bullets):
            found.append({"kind": "bullets", "items": [words(item) for item in block.items]})
        elif isinstance(block, Display):
            found.append({"kind": "display", "rows": rows(block.rows)})
        elif isinstance(block, Table):
            head = [words(message) for message in block.head]
            cells = [[words.math(cell) for cell in row] for row in block.rows]
            found.append({"kind": "table", "head": head, "rows": cells})
    return found


def write_document(
    document: Document, format: str, names: Mapping[Symbol, str], options: Options | None = None
) -> str:
    """Any document as latex, markdown or text; `names` gives the LaTeX of the names in it."""
    options = options or Options()
    otherwise = messages(options.language)["word.otherwise"]
    if format == "text":
        from backprop_symbolic.terminal import Terminal

        return _text(document, Terminal(names, otherwise), options)
    write = {"latex": _latex, "markdown": _markdown}[format]
    return write(document, Latex(names, otherwise), options)


def _latex_printer(derivation: Derivation, options: Options) -> Latex:
    table = messages(options.language)
    return Latex(derivation.graph.written(options.language), table["word.otherwise"])


def _latex_rows(
    printer: Latex, reason: Callable[[tuple[Message, ...]], str]
) -> Callable[[tuple[Row, ...]], Any]:
    def rows(given: tuple[Row, ...]) -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        for row in given:
            # Beside a reason there is less room for the formula.
            width = 46 if row.reasons else 72
            right = printer(row.rhs)
            if row.result is not None:
                right += f"{BREAK} = {printer(row.result)}"
            first, *rest = break_lines(right, width)
            left = "" if row.lhs is None else printer(row.lhs).replace(BREAK, "")
            why = reason(row.reasons) if row.reasons else ""
            found.append({"left": left, "sign": "=", "right": first.strip(), "reason": why})
            found.extend({"left": "", "sign": "", "right": r.strip(), "reason": ""} for r in rest)
        return found

    return rows


_LATEX_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}",
    ">": r"\textgreater{}",
}  # fmt: skip


def escape_latex(text: str) -> str:
    """Text as LaTeX text."""
    return "".join(_LATEX_ESCAPES.get(c, c) for c in text)


def escape_markdown(text: str) -> str:
    """Text as Markdown text; what could begin mathematics, markup or HTML is escaped."""
    return re.sub(r"([\\`*_\[\]<>$|#~])", r"\\\1", text)


def _inline(printer: Latex, opening: str, closing: str) -> Callable[[Any], str]:
    def math(value: Any) -> str:
        parts = value if isinstance(value, tuple) else (value,)
        return opening + " = ".join(printer(p).replace(BREAK, "") for p in parts) + closing

    return math


def _write_latex(derivation: Derivation, options: Options) -> str:
    return _latex(
        to_document(derivation, options.detail, options.figures), _latex_printer(derivation, options), options
    )


def _latex(document: Document, printer: Latex, options: Options) -> str:
    words = Words(options.language, _inline(printer, "$", "$"), escape_latex)
    title, blocks = words(document.title), _blocks(document, words, _latex_rows(printer, _reason_text(words)))
    scripts = {script(c) for c in f"{title}{blocks}" if c.isalpha() and not c.isascii()}
    text = (
        environment()
        .get_template("latex/standalone.tex" if options.standalone else "latex/fragment.tex")
        .render(
            title=title,
            scripts=scripts,
            blocks=blocks,
            sectioning=["section", "section", "subsection", "subsubsection"],
        )
    )
    return text.rstrip() + "\n"


def script(letter: str) -> str:
    """What a LaTeX document must load for a letter: latin (nothing), cjk (kotex), other (a wide font)."""
    from unicodedata import name

    spelled = name(letter, "")
    if spelled.startswith("LATIN"):
        return "latin"
    return "cjk" if spelled.startswith(("HANGUL", "CJK", "HIRAGANA", "KATAKANA")) else "other"


def _reason_text(words: Words) -> Callable[[tuple[Message, ...]], str]:
    r"""Reasons as one `\text{…}`, mathematics in it and all."""
    return lambda messages: rf"\text{{{words.list(messages)}}}"


def _write_markdown(derivation: Derivation, options: Options) -> str:
    return _markdown(
        to_document(derivation, options.detail, options.figures), _latex_printer(derivation, options), options
    )


def _markdown(document: Document, printer: Latex, options: Options) -> str:
    words = Words(options.language, _inline(printer, *options.inline), escape_markdown)
    # Inside $$ the text of a reason is LaTeX, whatever surrounds the block.
    reasons = Words(options.language, _inline(printer, "$", "$"), escape_latex)
    return (
        environment()
        .get_template("markdown/document.md")
        .render(
            title=words(document.title),
            blocks=_blocks(document, words, _latex_rows(printer, _reason_text(reasons))),
        )
    )


# ---------------------------------------------------------------- terminal


def _write_text(derivation: Derivation, options: Options) -> str:
    from backprop_symbolic.terminal import Terminal

    otherwise = messages(options.language)["word.otherwise"]
    printer = Terminal(derivation.graph.written(options.language), otherwise)
    return _text(to_document(derivation, options.detail, options.figures), printer, options)


def _text(document: Document, printer: Terminal, options: Options) -> str:
    from backprop_symbolic.terminal import FILLER, padded, unicode_brackets

    words = Words(options.language, lambda value: _one_line(printer, value), str)
    with unicode_brackets():
        blocks = _blocks(document, words, lambda rows: _text_rows(printer, words, rows))
    text = (
        environment()
        .get_template("text/document.txt")
        .render(
            title=words(document.title),
            width=lambda shown: len(padded(shown)),
            aligned=_aligned,
            blocks=blocks,
        )
    )
    return text.replace(FILLER, "")


def _aligned(row: list[str], block: Mapping[str, Any]) -> str:
    """One row of a table, numbers under their heading's right end."""
    from backprop_symbolic.terminal import padded

    widths = [max(len(padded(r[i])) for r in (block["head"], *block["rows"])) for i in range(len(row))]
    cells = [" " * (width - len(padded(cell))) + cell for cell, width in zip(row, widths, strict=True)]
    return "    " + "  ".join(cells)


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


def _one_line(printer: Terminal, value: Any) -> str:
    """Mathematics inside a sentence: fractions lie down."""
    from backprop_symbolic.terminal import Flat

    flat = Flat(printer.names, printer.otherwise)
    parts = value if isinstance(value, tuple) else (value,)
    return " = ".join(flat(p) for p in parts)


# ---------------------------------------------------------------- JSON


def _write_json(derivation: Derivation, options: Options) -> str:
    import json

    from backprop_symbolic.jsonform import as_json

    return json.dumps(as_json(derivation, options, SCHEMA), ensure_ascii=False, indent=2) + "\n"


formats.register(
    Format("latex", "a fragment for \\input, or a whole document with --standalone", _write_latex)
)
formats.register(Format("markdown", "$$ blocks that GitHub renders", _write_markdown))
formats.register(Format("text", "Unicode for the terminal", _write_text))
formats.register(Format("json", "every step with its rule and evidence, for programs", _write_json))

__all__ = ["DETAILS", "Options", "formats", "languages", "messages", "render"]
