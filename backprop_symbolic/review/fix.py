"""The repaired copy of a text: what is wrong and can be repaired is changed, all else stays as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

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
    found: dict[tuple[int, int], Edit] = {}
    for finding in findings:
        span = place_of_repair(finding)
        if finding.verdict != WRONG or finding.follows or not finding.repair or span is None:
            continue
        start, last = finding.row.at[span[0]], finding.row.at[span[1] - 1]
        found.setdefault(start, Edit(finding, start, (last[0], last[1] + 1), finding.repair))
    return tuple(found[start] for start in sorted(found))


def repaired(text: str, changes: Sequence[Edit]) -> str:
    """The text with its edits, which must not overlap."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)

    def offset(place: tuple[int, int]) -> int:
        return starts[place[0] - 1] + place[1] - 1

    pieces, done = [], 0
    for change in changes:
        first, last = offset(change.start), offset(change.end)
        if first >= done:
            pieces += [text[done:first], change.replacement]
            done = last
    return "".join([*pieces, text[done:]])
