"""Slides in LaTeX, for the class beamer: blocks in frames that they fit in.

TeX alone knows how high a frame is; here heights are estimated, in points, from what TeX was seen to
make of each kind of block, and a frame is ended before it is full. A test has TeX look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import ceil
from typing import TYPE_CHECKING, Any

from backprop_symbolic.document import Document
from backprop_symbolic.rendering.base import Format, Options, Written, environment, formats, plain_words
from backprop_symbolic.rendering.latex import Measure, escape_latex, latex_blocks, packages, text_width

if TYPE_CHECKING:
    from sympy import Symbol

SLIDE = Measure(formula=56, reasoned=38, aligned=72, line=72)
#: What a frame holds below its title; what a subtitle takes of it, and each further line of a title.
HEIGHT, SUBTITLE, TITLE = 197.0, 12.0, 14.0
#: A line of text, of a program, of a table; what stands between paragraphs and around other blocks.
LINE, CODE_LINE, TABLE_LINE, PARAGRAPH, LIST, TABLE, DISPLAY = 13.6, 11.0, 12.0, 4.0, 5.0, 15.0, 16.0
#: A row of a display: as such, with indices above and below, with a fraction, and for each in another.
ROW, INDICES, FRACTION, NESTED = 18.6, 22.0, 31.5, 4.0
#: The same with a sum, and for each case where there are cases.
SUM, CASE = 40.5, 19.5
#: A picture with its caption.
PICTURE = 164.0
#: Headings down to this level begin a frame.
SPLITTING = 3
#: What a sentence introduces, so that it stays with it.
SHOWN = ("display", "table", "code", "picture", "bullets")
#: What a block is cut into where it is too high for one frame.
PARTS = {"display": "rows", "bullets": "items", "note": "items", "table": "rows", "code": "lines"}

Block = dict[str, Any]


@dataclass
class Frame:
    """What is shown at a time: the titles above it, and the blocks; `section` where one begins here."""

    title: str
    subtitle: str
    section: str = ""
    blocks: list[Block] = field(default_factory=list)

    def has_room(self, blocks: list[Block]) -> bool:
        """Whether the blocks fit in below what is there."""
        return total([*self.blocks, *blocks]) <= room(self.title, self.subtitle)


def write(document: Document, names: Mapping[Symbol, str], options: Options) -> Written:
    """The document as slides."""
    title, found, files, scripts = latex_blocks(document, names, replace(options, standalone=True), SLIDE)
    text = (
        environment(options.templates)
        .get_template("beamer/document.tex")
        .render(
            title=title,
            plain_title=escape_latex(plain_words(names, options)(document.title)),
            language=options.language,
            packages=packages(found),
            scripts=scripts,
            frames=list(frames(found)),
        )
    )
    return Written(text.rstrip() + "\n", files)


# ---------------------------------------------------------------- frames


def frames(blocks: list[Block]) -> Iterator[Frame]:
    """The blocks in frames: a new one at each heading but the lowest, and where the one before is full.

    A heading or a sentence stays with what comes after it; what is too high for a frame by itself goes on
    in the next.
    """
    frame = Frame("", "")
    for group in groups(blocks):
        first = group[0]
        if first["kind"] == "heading" and first["level"] <= SPLITTING:
            if frame.blocks:
                yield frame
            top = first["level"] < SPLITTING
            title, subtitle = (first["text"], "") if top else (frame.title, first["text"])
            section = first["text"] if top else "" if frame.blocks else frame.section
            frame = Frame(title, subtitle, section)
            continue
        for piece in fitting(group, room(frame.title, frame.subtitle)):
            if frame.blocks and not frame.has_room(piece):
                yield frame
                frame = Frame(frame.title, frame.subtitle)
            frame.blocks.extend(piece)
    if frame.blocks:
        yield frame


def groups(blocks: list[Block]) -> Iterator[list[Block]]:
    """Blocks that belong together: low headings, a sentence, what it introduces; a high heading alone."""
    group: list[Block] = []
    for block in blocks:
        heading = block["kind"] == "heading"
        if group and group[-1]["kind"] == "paragraph" and block["kind"] not in SHOWN:
            yield group
            group = []
        group.append(block)
        if block["kind"] != "paragraph" and not (heading and block["level"] > SPLITTING):
            yield group
            group = []
    if group:
        yield group


def fitting(group: list[Block], room: float) -> Iterator[list[Block]]:
    """A group in pieces that each fit in a frame."""
    piece: list[Block] = []
    for block in group:
        for part in cut(block, room, room - total(piece)):
            if piece and total([*piece, part]) > room:
                yield piece
                piece = []
            piece.append(part)
    if piece:
        yield piece


def cut(block: Block, room: float, first: float) -> Iterator[Block]:
    """A block in pieces that fit, the first one in what is left of a frame."""
    part = PARTS.get(block["kind"])
    if part is None or height(block) <= first:
        yield block
        return
    taken: list[Any] = []
    for unit in equations(block, room) if block["kind"] == "display" else ([item] for item in block[part]):
        if taken and height({**block, part: [*taken, *unit]}) > first:
            yield {**block, part: taken}
            taken, first = [], room
            if block["kind"] == "display":
                unit = [{**unit[0], "left": unit[0]["again"]}, *unit[1:]]
        taken += unit
    yield {**block, part: taken}


def equations(block: Block, room: float) -> Iterator[list[dict[str, str]]]:
    """Equations of a display with the lines that they go on in, each with its left side even if repeated.

    One that is too high for a frame comes line by line.
    """
    left, unit = "", list[dict[str, str]]()
    for row in block["rows"]:
        left = row["left"] or left
        if unit and (row["sign"] or height({**block, "rows": [*unit, row]}) > room):
            yield unit
            unit = []
        unit.append({**row, "again": left if row["sign"] else ""})
    if unit:
        yield unit


# ---------------------------------------------------------------- heights


def room(title: str, subtitle: str) -> float:
    """What a frame with these titles holds."""
    further = max(0, lines(title, SLIDE.formula) - 1) * TITLE
    return HEIGHT - further - (SUBTITLE * lines(subtitle, SLIDE.line) if subtitle else 0)


def total(blocks: list[Block]) -> float:
    """About how high blocks one below another are."""
    return sum(map(height, blocks))


def height(block: Block) -> float:
    """About how high a block is."""
    kind = block["kind"]
    if kind == "display":
        return DISPLAY + sum(row_height(row["left"] + row["right"]) for row in block["rows"])
    if kind == "table":
        rows = [block["head"], *block["rows"]]
        line = TABLE_LINE * float(block["stretch"])
        return TABLE + line * sum(row_lines(row, block["columns"]) for row in rows)
    if kind == "code":
        return PARAGRAPH + CODE_LINE * sum(lines(line, SLIDE.line) for line in block["lines"])
    if kind == "picture":
        return PICTURE
    if kind == "bullets":
        return LIST + sum(text_height(item) for item in block["items"])
    if kind == "note":
        return sum(text_height(item) + PARAGRAPH for item in block["items"])
    return text_height(block["text"]) + PARAGRAPH


def lines(text: str, line: int) -> int:
    """How many lines of so many characters a text takes."""
    return max(1, ceil(text_width(text) / line))


def text_height(text: str) -> float:
    """How high a text is; a fraction makes a line higher."""
    return LINE * lines(text, SLIDE.line) + (5.0 if r"\frac" in text else 0.0)


def row_lines(row: list[str], columns: str) -> int:
    """How many lines a row of a table takes: more where a column of words is broken."""
    shares = re.findall(r"p\{([\d.]+)[^}]*\}|[lcr]", columns)
    return max(
        lines(cell, int(float(share) * SLIDE.line)) if share else 1
        for cell, share in zip(row, shares, strict=True)
    )


def row_height(latex: str) -> float:
    """How high a row of a display is."""
    found = [INDICES if re.search(r"\^\{[^{}]*\}_|_\{[^{}]*\}\^", latex) else ROW]
    if depth := fraction_depth(latex):
        found.append(FRACTION + NESTED * (depth - 1) + (2.0 if r"\sqrt" in latex else 0.0))
    if r"\sum" in latex:
        found.append(SUM)
    if r"\begin{cases}" in latex:
        found.append(CASE * (1 + max(part.count(r"\\") for part in latex.split(r"\begin{cases}"))))
    return max(found)


def fraction_depth(latex: str) -> int:
    r"""How deeply fractions stand in fractions."""
    depth = deepest = awaited = 0
    outside: list[tuple[bool, int]] = []
    for token in re.findall(r"\\frac|\\[{}]|[{}]", latex):
        if token == r"\frac":
            awaited = 2
        elif token == "{":
            outside.append((awaited > 0, awaited))
            depth += awaited > 0
            deepest, awaited = max(deepest, depth), 0
        elif token == "}":
            part, before = outside.pop()
            depth -= part
            awaited = max(0, before - 1)
    return deepest


formats.register(
    Format("beamer", "slides in LaTeX, for xelatex or lualatex", document=write, suffix=".beamer.tex")
)
