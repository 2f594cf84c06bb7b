"""Slides for a browser: one slide for each section, a long section on several, nothing cut off.

How tall things are is estimated in em of the slide's text, on the safe side; a slide is as many em wide
and high on every screen, since its text grows with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from html import unescape
from math import ceil
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from backprop_symbolic.document import Document
from backprop_symbolic.rendering.base import Format, Options, Written, formats

if TYPE_CHECKING:
    from sympy import Symbol

#: The room of a slide under its heading, in em of its text.
WIDTH, HEIGHT = 37.0, 20.0
#: Headings of levels up to this begin a slide.
BEGINS = 3
#: What is lower than this is not divided.
WHOLE = 11.0
#: The size of letters in a table, of those of the text.
TABLE = 0.8
#: Room that a picture gets at least.
PICTURE = 11.0

Block = Mapping[str, Any]


@dataclass(frozen=True)
class Slide:
    """What stands under a heading, and how tall it is; `part` of the `parts` slides of its section."""

    heading: Block
    blocks: tuple[Block, ...] = ()
    height: float = 0.0
    part: int = 1
    parts: int = 1

    @property
    def scale(self) -> float:
        """By how much the text is made smaller where one formula alone is too tall."""
        return min(1.0, HEIGHT / self.height) if self.height else 1.0


def slides(blocks: Iterable[Block], again: Callable[[Any], Any]) -> list[Slide]:
    """The blocks on slides; `again` gives a row its left side once more, for the top of a slide."""
    found: list[Slide] = []
    for heading, under in _sections(blocks):
        full = _filled(heading, under, again, HEIGHT)
        # As many slides, but none of them with a last line alone on it.
        for share in (0.55, 0.65, 0.75, 0.85):
            evenly = _filled(heading, under, again, HEIGHT * share)
            if len(evenly) == len(full) and max(s.height for s in evenly) <= HEIGHT:
                full = evenly
                break
        found.extend(replace(slide, part=i, parts=len(full)) for i, slide in enumerate(full, 1))
    return found


def _sections(blocks: Iterable[Block]) -> Iterator[tuple[Block, list[Block]]]:
    """Headings that begin a slide, each with the blocks under it.

    One does not where nothing has been said yet under the heading of the level above.
    """
    heading: Block = {"kind": "heading", "level": 2, "text": Markup(), "anchor": ""}
    under: list[Block] = []
    for block in blocks:
        if block["kind"] == "heading" and block["level"] <= BEGINS and (under or block["level"] == 2):
            if under:
                yield heading, under
            heading, under = block, []
        elif block["kind"] == "heading" and not under and not heading["anchor"]:
            heading = block
        else:
            under.append(block)
    if under or heading["anchor"]:
        yield heading, under


def _filled(heading: Block, blocks: list[Block], again: Callable[[Any], Any], room: float) -> list[Slide]:
    """The slides of one section, each filled as far as `room` allows."""
    filling = _Filling(heading, room - (_text(heading["text"], WIDTH / 1.35) - 1.8) * 1.35)
    for i, block in enumerate(blocks):
        parts = _parts(block)
        if block["kind"] == "heading":
            # On a slide there is one level below its own heading.
            filling.put({**block, "level": 3}, _sentence(block), _needed(blocks[i:]))
        elif parts is not None:
            filling.put_parts(block, *parts, again if block["kind"] == "display" else lambda part: part)
        elif block["kind"] == "picture":
            height = filling.left if filling.left >= PICTURE else HEIGHT
            filling.put({**block, "height": height - 3.0}, height)
        else:
            filling.put(block, _sentence(block), _needed(blocks[i:]))
    return filling.slides


def _sentence(block: Block) -> float:
    """How tall a heading or a paragraph is."""
    return _text(block["text"], WIDTH) + (1.4 if block["kind"] == "heading" else 0.9)


def _needed(blocks: list[Block]) -> float:
    """The room without which a block stands on the next slide: with what it leads to."""
    block, *rest = blocks
    parts = _parts(block)
    if parts is not None:
        _, heights, around = parts
        whole = around + sum(heights)
        return whole if whole <= WHOLE else around + heights[0]
    if block["kind"] == "picture":
        return PICTURE
    leads = bool(rest) and (block["kind"] == "heading" or rest[0]["kind"] == "display")
    return _sentence(block) + (_needed(rest) if leads else 0.0)


def _parts(block: Block) -> tuple[str, list[float], float] | None:
    """Where a block can be divided: the key of its parts, how tall each is, and what is around them."""
    kind = block["kind"]
    if kind == "display":
        return "rows", [_row(row, block["layout"]) for row in block["rows"]], 1.0
    if kind == "bullets":
        return "items", [_text(item, WIDTH - 2) + 0.3 for item in block["items"]], 0.8
    if kind == "note":
        return "items", [_text(item, WIDTH - 3) + 0.6 for item in block["items"]], 1.2
    if kind == "symbols":
        return "rows", [max(2.0, _text(row[1], WIDTH - 8) + 0.4) for row in block["rows"]], 0.8
    if kind == "table":
        head, *rows = _table(block)
        return "rows", rows, head + 1.5
    if kind == "code":
        return "lines", [1.35 * ceil((len(line) + 1) / 64) for line in block["lines"]], 2.4
    return None


class _Filling:
    """The slides of one section while they are filled, one block after the other."""

    def __init__(self, heading: Block, room: float) -> None:
        self.room, self.slides = room, [Slide(heading)]

    @property
    def left(self) -> float:
        """The room that the last slide still has."""
        return self.room - self.slides[-1].height

    def turn(self) -> None:
        """Goes on to a new slide, unless this one is still empty."""
        if self.slides[-1].blocks:
            self.slides.append(Slide(self.slides[-1].heading))

    def put(self, block: Block, height: float, needed: float = 0.0) -> None:
        """A block where it fits with what it needs after it, else on a new slide."""
        if max(height, needed) > self.left:
            self.turn()
        last = self.slides[-1]
        self.slides[-1] = replace(last, blocks=(*last.blocks, block), height=last.height + height)

    def put_parts(
        self, block: Block, key: str, heights: list[float], around: float, first: Callable[[Any], Any]
    ) -> None:
        """A block divided between its parts; `first` makes the first part of a further slide."""
        parts = list(block[key])
        while parts:
            whole = around + sum(heights)
            if (whole if whole <= WHOLE else around + heights[0]) > self.left:
                self.turn()
            count, height = 1, around + heights[0]
            while count < len(parts) and height + heights[count] <= self.left:
                height += heights[count]
                count += 1
            self.put({**block, key: parts[:count]}, height)
            parts, heights = parts[count:], heights[count:]
            if parts:
                parts[0] = first(parts[0])
                block = {**block, "anchors": [], "start": block.get("start", 1) + count}


def _row(row: Any, layout: str) -> float:
    """How tall a row of a display is, broken where it is too wide."""
    beside, stacked = "beside" in layout, "stacked" in layout
    room: float = WIDTH - 2 - (14 if beside else 0) - (2 if stacked else row.left)
    lines: int = ceil((row.width - row.left) / max(room, 8.0)) + (1 if stacked and row.left else 0)
    tall: float = max(2.4, row.height + 0.7)
    return tall * lines + (2.0 if row.reason and not beside else 0.0)


def _table(block: Block) -> list[float]:
    """How tall the head and the rows of a table are; wide columns share the room that narrow ones leave."""
    rows = [block["head"], *block["rows"]]
    room = WIDTH / TABLE - 1.6 * len(block["head"])
    columns = [max(map(_length, column)) for column in zip(*rows, strict=True)]
    narrow = [column for column in columns if column <= room / len(columns)]
    left = (room - sum(narrow)) / max(1.0, sum(columns) - sum(narrow))
    shares = [column + 1.0 if column in narrow else column * min(left, 1.1) for column in columns]
    return [TABLE * (0.8 + max(map(_text, row, shares))) for row in rows]


def _text(html: str, width: float) -> float:
    """How tall a sentence is."""
    # A last line that is nearly full may be one more.
    return ceil(_length(html) / width + 0.03) * (2.4 if "<mfrac" in html else 1.8)


def _length(html: str) -> float:
    """How long a sentence is in one line."""
    shown = unescape(re.sub(r"<[^>]*>", "", html))
    return sum(0.95 if 0x1100 <= ord(c) < 0x1D400 else 0.45 for c in shown)


def write(document: Document, names: Mapping[Symbol, str], options: Options) -> Written:
    """The document as slides. Raises NotInstalled and NotWritable."""
    from backprop_symbolic.rendering.web import SYMBOLS, Page

    page = Page(document, names, options)
    shown: list[Block] = list(page.blocks)
    if symbols := page.symbols():
        text = Markup(page.say("html.symbols"))
        shown.append({"kind": "heading", "level": 2, "text": text, "anchor": SYMBOLS})
        shown.append({"kind": "symbols", "rows": symbols})
    return Written(page.written("slides/document.html", slides=slides(shown, page.again)))


formats.register(Format("slides", "slides for a browser, in one file", document=write, suffix=".slides.html"))
