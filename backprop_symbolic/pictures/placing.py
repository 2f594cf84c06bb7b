"""Labels put where they can be read: on or beside their line, over no box and no other label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backprop_symbolic.pictures.geometry import Point, Rect, Text, extent
from backprop_symbolic.pictures.names import Fraction, Label

APART = 3.0  # between labels, and between a label and a box
CROSSED = 2.5  # cost of a line that runs under a label that is not its own
ALONG = (0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68, 0.26, 0.74, 0.2, 0.8, 0.14, 0.86)

Segment = tuple[Point, Point]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A label that belongs to a line, or to a box: then `around` are the places it may take.

    own  the lines that may run under it
    """

    label: Label | Fraction
    size: float
    kind: str
    tone: str
    line: Segment
    own: tuple[Segment, ...] = ()
    around: tuple[Point, ...] = ()


class Board:
    """What is taken already."""

    def __init__(self, taken: Sequence[Rect], lines: Sequence[Segment]) -> None:
        self.taken, self.lines = list(taken), list(lines)

    def put(self, wanted: Sequence[Wanted], crossings: int) -> list[Text]:
        """All of them, or none where one finds no place that at most so many other lines cross."""
        found: list[Text] = []
        before = len(self.taken)
        for want in wanted:
            text = self.best(want, crossings)
            if text is None:
                del self.taken[before:]
                return []
            found.append(text)
            self.taken.append(text.rect)
        return found

    def best(self, want: Wanted, crossings: int) -> Text | None:
        """The label at its best free place."""
        best: tuple[float, Text] | None = None
        for cost, x, y in _places(want):
            if best is not None and cost >= best[0]:
                continue
            text = Text(want.label, x, y, want.size, want.kind, want.tone)
            room = text.rect
            if any(room.meets(other, APART) for other in self.taken):
                continue
            crossed = sum(1 for line in self.lines if line not in want.own and room.cuts(*line))
            if crossed > crossings:
                continue
            if best is None or cost + CROSSED * crossed < best[0]:
                best = (cost + CROSSED * crossed, text)
        return None if best is None else best[1]


def _places(want: Wanted) -> Iterator[tuple[float, float, float]]:
    """The places a label may take, each with its cost."""
    if want.around:
        yield from ((i * 0.5, x, y) for i, (x, y) in enumerate(want.around))
        return
    (x1, y1), (x2, y2) = want.line
    width, height = extent(want.label, want.size, want.kind)
    length = max(1.0, ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5)
    across = ((y2 - y1) / length, -(x2 - x1) / length)  # upwards for a line that runs to the right
    for i, t in enumerate(ALONG):
        x, y = x1 + t * (x2 - x1), y1 + t * (y2 - y1)
        if want.kind != "note":
            yield i * 0.3, x, y
            continue
        clear = abs(across[0]) * width / 2 + abs(across[1]) * height / 2 + 5
        for j, far in enumerate((clear, clear + 8, clear + 16)):
            yield i * 0.3 + j * 0.8, x + across[0] * far, y + across[1] * far
            yield i * 0.3 + j * 0.8 + 0.1, x - across[0] * far, y - across[1] * far
