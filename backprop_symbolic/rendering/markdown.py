"""Markdown, as each of its readers takes it: GitHub, Jekyll, MyST, Quarto, Obsidian, Jupyter.

A dialect is one entry of `DIALECTS`. The templates say what stands where, the entry how it is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sympy import Symbol

from backprop_symbolic.document import Display, Document, Heading, Message, Picture, Row
from backprop_symbolic.rendering.base import (
    Format,
    Options,
    Words,
    Written,
    blocks,
    environment,
    formats,
    on_one_line,
    plain_words,
)
from backprop_symbolic.rendering.latex import escape_latex, inline, printer, reason_text, rows_of

if TYPE_CHECKING:
    from backprop_symbolic.printing import Latex

#: What stands for a character of text that would be markup.
ESCAPES: Mapping[str, str] = {**{c: f"\\{c}" for c in "\\`*_[]<>|#~$"}, "&": "&amp;"}
#: A reader that looks for mathematics in the finished page meets these in a piece of text of their own.
APART: Mapping[str, str] = {"$": "<span>&#36;</span>", "\\": "<span>&#92;</span>"}
#: Signs that kramdown, or Liquid before it, takes for markup in spite of a backslash.
ENTITIES: Mapping[str, str] = {c: f"&#{ord(c)};" for c in "<>`|{~"}


@dataclass(frozen=True)
class Dialect:
    """How one reader of Markdown takes mathematics and markup. `<name>` in a pattern is put in.

    inline          what encloses mathematics in a sentence
    display         the lines around mathematics that stands by itself
    parted          where a blank must part two signs of mathematics, a regular expression
    alone           what marks a formula that is a whole paragraph as one in a sentence
    escapes         what stands for characters of text that would be markup
    program         what stands for signs of a program that would not be left alone, by expression
    front           the template of what goes before the text; "" for the title as a heading
    note            the line that opens a remark, what begins its lines, the line that closes it
    picture         `<alt>` in Markdown, as `<html>`, or `<quoted>`; `<file>`, `<caption>`
    fence           the lines around a program
    heading_target  the line before a heading, and what follows its text, where links lead to it
    display_target  the lines before and after mathematics, where links lead to it
    link            `<text>` that leads to `<anchor>`; "" where mathematics cannot be a link
    """

    name: str
    inline: tuple[str, str] = ("$", "$")
    display: tuple[str, str] = ("$$", "$$")
    parted: str = ""
    alone: str = ""
    escapes: Mapping[str, str] = field(default_factory=lambda: ESCAPES)
    program: Mapping[str, str] = field(default_factory=dict)
    front: str = ""
    note: tuple[str, str, str] = ("", "> ", "")
    picture: str = "![<alt>](<file>)\n\n<caption>"
    fence: str = "```"
    heading_target: tuple[str, str] = ("", "")
    display_target: tuple[str, str] = ("", "")
    link: str = ""


DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            "github",
            inline=("$`", "`$"),
            escapes={**ESCAPES, "$": APART["$"]},
            note=("> [!NOTE]", "> ", ""),
        ),
        Dialect(
            "jekyll",  # kramdown; before it, Liquid reads the file and knows no escapes
            inline=("$$", "$$"),
            parted=r"\{(?=[{%])",
            alone="\\",
            escapes={**ESCAPES, **APART, **ENTITIES, "--": r"\-\-"},
            program={r"\{(?=[{%])": '{{ "{" }}'},
            front="markdown/front.jekyll.yml",
            fence="~~~",
            heading_target=("", " {#<anchor>}"),
            display_target=("", "{: #<anchor>}"),
            link="[<text>](#<anchor>)",
        ),
        Dialect(
            "myst",  # roles and directives are known without an extension
            inline=("{math}`", "`"),
            display=("```{math}", "```"),
            note=("```{note}\n", "", "```"),
            picture="```{figure} <file>\n---\nalt: <quoted>\n---\n<caption>\n```",
            heading_target=("(<anchor>)=", ""),
            display_target=("(<anchor>)=", ""),
            link="[<text>](#<anchor>)",
        ),
        Dialect(
            "quarto",
            escapes={
                **ESCAPES,
                **APART,
                "{": r"\{",
                "}": r"\}",
                "^": r"\^",
                "@": r"\@",
                '"': r"\"",
                "--": r"\-\-",
            },
            front="markdown/front.quarto.yml",
            note=("::: {.callout-note}", "", ":::"),
            picture="![<caption>](<file>){fig-alt=<quoted>}",
            heading_target=("", " {#<anchor>}"),
            display_target=("::: {#<anchor>}\n", "\n:::"),
            link="[<text>](#<anchor>)",
        ),
        Dialect(
            "obsidian",
            escapes={**ESCAPES, "==": "=&#61;", "%%": "%&#37;"},
            note=("> [!note]", "> ", ""),
        ),
        Dialect("jupyter", escapes={**ESCAPES, **APART}),
    )
}


def filled(pattern: str, **values: str) -> str:
    """A pattern with its `<name>` put in."""
    return re.sub(r"<(\w+)>", lambda match: values[match[1]], pattern)


def escaped(text: str, escapes: Mapping[str, str] = ESCAPES) -> str:
    """Text as Markdown text on one line; what could begin mathematics, markup or HTML is escaped."""
    signs = "|".join(re.escape(sign) for sign in sorted(escapes, key=len, reverse=True))
    return re.sub(signs, lambda match: escapes[match[0]], on_one_line(text))


def escape_markdown(text: str) -> str:
    """Text as Markdown text for GitHub."""
    return escaped(text, DIALECTS["github"].escapes)


def quoted(text: str) -> str:
    """Text between quotation marks, as YAML and attributes take it."""
    shown = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in shown)


def slug(name: str) -> str:
    """A name as an anchor of letters, digits and - that begins with a letter: delta_o1 → def-delta-o1."""
    return "def-" + "".join(
        c if c.isascii() and c.isalnum() else "-" if c == "_" else f"-{ord(c):x}-" for c in name
    )


#: What would make a list, a heading or another block of a line of text, and so must not begin it.
_BLOCK = re.compile(
    r"[-+](?=\s|$)|-(?=-*$)|\+(?=\+\+)|=(?=[=\s]*$)|:(?=[:\s]|$)|%|\^(?=\s*$)|(?<=\d)[.)](?=\s|$)|\((?=[^)]*\)=)"
)


def as_text(line: str) -> str:
    """A line of text that begins no block."""
    digits = len(line) - len(line.lstrip("0123456789"))
    found = _BLOCK.match(line, digits if digits < 10 else 0)
    return f"{line[: found.start()]}&#{ord(found[0])};{line[found.end() :]}" if found else line


class Sentences(Words):
    """Sentences of a dialect: mathematics touches no letter before it, names lead to their meaning."""

    def __init__(
        self, dialect: Dialect, write: Latex, options: Options, anchors: Mapping[Symbol, str] | None = None
    ) -> None:
        self.dialect, self.anchors = dialect, anchors or {}
        self.enclosed = inline(write, *dialect.inline)
        super().__init__(
            options.language, self.linked, lambda t: escaped(t, dialect.escapes), options.templates
        )

    def linked(self, value: Any) -> str:
        """Mathematics in a sentence, a name that has a definition as a link to it."""
        shown = parted(self.enclosed(value), self.dialect)
        anchor = self.anchors.get(value) if isinstance(value, Symbol) else None
        return shown if anchor is None else filled(self.dialect.link, text=shown, anchor=anchor)

    def pieces(self, message: Message) -> list[str]:
        """The pieces, mathematics with a blank before it where a letter stands."""
        found = super().pieces(message)
        opening = self.dialect.inline[0]
        for i in range(1, len(found), 2):
            if found[i - 1][-1:].isalnum() and found[i].startswith((opening, f"[{opening}")):
                found[i] = f" {found[i]}"
        return found


def parted(latex: str, dialect: Dialect) -> str:
    """Mathematics with a blank wherever the dialect must not see two signs side by side."""
    return re.sub(dialect.parted, lambda match: f"{match[0]} ", latex) if dialect.parted else latex


def targets(document: Document) -> dict[int, tuple[str, list[Symbol]]]:
    """Each display in which names get their meaning, by its place: its anchor, and the names."""
    found: dict[int, tuple[str, list[Symbol]]] = {}
    met: set[Symbol] = set()
    for place, block in enumerate(document.blocks):
        if isinstance(block, Display) and (new := [name for name in block.names if name not in met]):
            found[place] = slug(new[0].name), new
            met.update(new)
    return found


class Sheet:
    """A document's pieces as a dialect writes them: title, blocks, and the files they refer to."""

    def __init__(
        self, document: Document, names: Mapping[Symbol, str], options: Options, dialect: Dialect
    ) -> None:
        self.dialect, self.names, self.options = dialect, names, options
        self.files: dict[str, bytes] = {}
        self.write = printer(names, options)
        found = targets(document) if dialect.link else {}
        anchors = {name: anchor for anchor, defined in found.values() for name in defined}
        self.words = Sentences(dialect, self.write, options, anchors)
        self.unlinked = Sentences(dialect, self.write, options)
        self.plain = plain_words(names, options)
        self.title, self.plain_title = self.unlinked(document.title), self.plain(document.title)
        self.blocks = blocks(document, self.words, self.rows(), self.picture)
        for place, (block, shown) in enumerate(zip(document.blocks, self.blocks, strict=True)):
            self.look(block, shown, found[place][0] if place in found else "")

    def rows(self) -> Callable[[tuple[Row, ...]], list[dict[str, str]]]:
        """What writes rows. Inside a display the text of a reason is LaTeX, whatever surrounds it."""
        options = self.options
        reasons = Words(options.language, inline(self.write, "$", "$"), escape_latex, options.templates)
        found = rows_of(self.write, reason_text(reasons))

        def rows(given: tuple[Row, ...]) -> list[dict[str, str]]:
            shown = [{k: parted(v, self.dialect) for k, v in row.items()} for row in found(given)]
            return [{**row, "left": as_mathematics(row["left"])} for row in shown]

        return rows

    def picture(self, picture: Picture) -> str:
        """A picture that refers to its file."""
        kind = "svg" if "svg" in picture.drawing.kinds else "png"
        name = f"{picture.name}.{kind}"
        self.files[name] = picture.drawing.draw(
            kind, self.names, self.options.language, self.options.templates
        )
        alt = self.plain(picture.alt)
        bare = {sign: re.sub("</?span>", "", shown) for sign, shown in self.dialect.escapes.items()}
        return filled(
            self.dialect.picture,
            alt=escaped(alt, bare),
            quoted=quoted(alt),
            html=escape(alt).replace("$", "&#36;"),
            file=self.address(name),
            caption=as_text(self.words(picture.caption)),
        )

    def address(self, name: str) -> str:
        """Where a file is found."""
        return quote(name)

    def look(self, block: object, shown: dict[str, Any], anchor: str) -> None:
        """Puts in what the dialect adds to a block: targets, fences, and marks that keep text text."""
        kind = shown["kind"]
        if isinstance(block, Heading):
            label = self.unlinked.escape(block.label)
            shown["text"] = " ".join(filter(None, [label, self.unlinked(block.text)]))
            shown |= self.target(self.dialect.heading_target, block.anchor)
        elif kind == "display":
            shown |= self.target(self.dialect.display_target, anchor)
        elif kind == "paragraph":
            shown["text"] = self.line(shown["text"])
        elif kind in ("bullets", "note"):
            shown["items"] = [self.line(item) for item in shown["items"]]
        elif kind == "table":
            shown["head"] = [as_text(cell) for cell in shown["head"]]
            shown["rows"] = [[as_text(cell) for cell in row] for row in shown["rows"]]
        elif kind == "code":
            shown["text"] = self.program(shown["text"])
            runs = re.findall(f"{self.dialect.fence[0]}{{3,}}", shown["text"])
            shown["fence"] = max([self.dialect.fence, *(run + run[0] for run in runs)], key=len)

    def target(self, around: tuple[str, str], anchor: str) -> dict[str, str]:
        """What stands before and after a block to which links lead."""
        before, after = (filled(part, anchor=anchor) if anchor else "" for part in around)
        return {"before": before, "after": after}

    def line(self, text: str) -> str:
        """A sentence as a paragraph or item."""
        opening, closing = self.dialect.inline
        one = (
            text.startswith(opening)
            and text.endswith(closing)
            and text.count(opening) == 1 + (opening == closing)
        )
        return self.dialect.alone + text if one else as_text(text)

    def program(self, text: str) -> str:
        """A program's lines, kept from what reads the file before Markdown does."""
        for signs, shown in self.dialect.program.items():
            text = re.sub(signs, shown.replace("\\", r"\\"), text)
        return text.rstrip("\n")

    def note(self, items: list[str]) -> str:
        """A remark of some paragraphs."""
        opening, mark, closing = self.dialect.note
        lines = [f"{mark}{line}".rstrip() for line in "\n\n".join(items).split("\n")]
        return "\n".join(filter(None, [opening, "\n".join(lines), closing]))

    def render(self, template: str, found: list[dict[str, Any]]) -> str:
        """Blocks by a template."""
        return (
            environment(self.options.templates)
            .get_template(template)
            .render(
                title=self.title,
                plain_title=self.plain_title,
                language=self.options.language,
                dialect=self.dialect,
                quoted=quoted,
                note=self.note,
                blocks=found,
            )
        )


def as_mathematics(left: str) -> str:
    """A left side with which a line may begin: one that makes no list, heading or quotation."""
    return f"{{}}{left}" if re.match(r"[-+#>*=]|\d+[.)]\s", left) else left


def write(document: Document, names: Mapping[Symbol, str], options: Options) -> Written:
    """The document as Markdown."""
    sheet = Sheet(document, names, options, DIALECTS[options.dialect or "github"])
    return Written(sheet.render("markdown/document.md", sheet.blocks), sheet.files)


formats.register(
    Format(
        "markdown",
        "formulas as GitHub renders them, or as another reader of Markdown with --dialect",
        document=write,
        suffix=".md",
        dialects=tuple(DIALECTS),
    )
)
