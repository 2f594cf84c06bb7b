"""The repaired copy of a text: what is wrong and can be repaired is changed, all else stays as it is."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from backprop_symbolic.errors import BadText
from backprop_symbolic.review.tree import WRONG, Finding, Span


@dataclass(frozen=True, slots=True)
class Edit:
    """A piece of the text to be replaced, by (line, column) from 1, the end not included."""

    finding: Finding
    start: tuple[int, int]
    end: tuple[int, int]
    replacement: str


def place_of_repair(finding: Finding) -> Span | None:
    """Where in its row the side stands that a repair is for; None where that is not to be found."""
    if finding.row.expanded:
        return None  # what is wrong may stand in a macro's definition
    text, (first, last) = finding.row.text, finding.span
    side = (finding.right if finding.side else finding.left).strip()
    at = text.rfind(side, first, last) if finding.side else text.find(side, first, last)
    return None if at < 0 or not side else (at, at + len(side))


def edits(findings: Iterable[Finding]) -> tuple[Edit, ...]:
    """The repairs of what is wrong by itself, not as a consequence, in the order of the text."""
    found: dict[tuple[int, tuple[int, int]], Edit] = {}
    for finding in findings:
        span = place_of_repair(finding)
        if finding.verdict != WRONG or finding.follows or not finding.repair or span is None:
            continue
        start, last = finding.row.at[span[0]], finding.row.at[span[1] - 1]
        place = (-1 if finding.row.cell is None else finding.row.cell, start)
        found.setdefault(place, Edit(finding, start, (last[0], last[1] + 1), finding.repair))
    return tuple(found[place] for place in sorted(found))


def repaired(text: str, changes: Sequence[Edit]) -> str:
    """The text with its edits, which must not overlap."""
    pieces, done = [], 0
    for first, last, replacement in _places(text, changes):
        if first >= done:
            pieces += [text[done:first], replacement]
            done = last
    return "".join([*pieces, text[done:]])


def _places(text: str, changes: Iterable[Edit]) -> Iterator[tuple[int, int, str]]:
    """From where to where a text is to be replaced by what."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    for change in changes:
        first, last = (starts[line - 1] + column - 1 for line, column in (change.start, change.end))
        yield first, last, change.replacement


# ---------------------------------------------------------------- notebooks

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s"\[\]{},:]+', re.DOTALL)


def repaired_notebook(text: str, changes: Sequence[Edit]) -> str:
    """A notebook's JSON with the edits of its cells; every string that is not edited stays byte for byte.

    Raises BadText for one in which a key stands twice.
    """
    strings = dict(_sources(text))
    cells = json.loads(text)["cells"]
    new: dict[tuple[int, int], str] = {}
    for cell, edited in groupby(changes, key=lambda change: change.finding.row.cell):
        spans = [span for (number, _), span in sorted(strings.items()) if number == cell]
        lines = [json.loads(text[a:b]) for a, b in spans]
        if cell is None or "".join(lines) != "".join(cells[cell]["source"]):
            raise BadText(f"cell {cell}: a key stands twice in this notebook; it is not repaired")
        new.update(zip(spans, _edited(lines, tuple(edited)), strict=True))
    pieces, done = [], 0
    for first, last in sorted(new):
        if json.loads(text[first:last]) != new[first, last]:
            ascii_only = "\\u" in text[first:last]
            pieces += [text[done:first], json.dumps(new[first, last], ensure_ascii=ascii_only)]
            done = last
    return "".join([*pieces, text[done:]])


def _edited(lines: Sequence[str], changes: Sequence[Edit]) -> list[str]:
    """The strings of a cell with its edits; what replaces stands in the first string that it touches."""
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    found, end = list(lines), starts[-1]
    for first, last, replacement in reversed(list(_places("".join(lines), changes))):
        if last > end:
            continue
        end = first
        one, other = bisect_right(starts, first) - 1, bisect_right(starts, last - 1) - 1
        tail = found[other][last - starts[other] :]
        found[one] = found[one][: first - starts[one]] + replacement + (tail if one == other else "")
        if one != other:
            found[one + 1 : other + 1] = [*[""] * (other - one - 1), tail]
    return found


def _sources(text: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """(cell, line) of each string of cells[i].source → where it stands, quotes included."""
    path: list[str | int] = []
    last = (0, 0)
    for found in _TOKEN.finditer(text):
        sign = found.group()
        if sign in "[{":
            path.append(0 if sign == "[" else "")
        elif sign in "]}":
            path.pop()
        elif sign == "," and path:
            here = path[-1]
            path[-1] = here + 1 if isinstance(here, int) else ""
        elif sign == ":":
            path[-1] = json.loads(text[slice(*last)])
        elif sign.startswith('"'):
            last = found.span()
            if path[:1] == ["cells"] and path[2:3] == ["source"] and len(path) in (3, 4):
                line = path[3] if len(path) == 4 else 0
                if isinstance(path[1], int) and isinstance(line, int):
                    yield (path[1], line), last
