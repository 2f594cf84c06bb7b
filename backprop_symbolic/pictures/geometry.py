"""What a laid-out picture is made of: shapes, lines and texts with their places.

Lengths are in pixels of an SVG, 16 of them the size of a name; y grows downwards.
"""

from __future__ import annotations

from dataclasses import dataclass

from backprop_symbolic.pictures.names import Fraction, Label

#: Tones: plain for what is on no path, trunk for what all paths share, several for a box on some of them,
#: route0 … for one path or group of paths, further for those that are not drawn apart.
PLAIN, TRUNK, SEVERAL, FURTHER = "plain", "trunk", "several", "further"

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle by its corners."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, x: float, y: float, width: float, height: float) -> Rect:
        """The rectangle of a size around a centre."""
        return cls(x - width / 2, y - height / 2, x + width / 2, y + height / 2)

    def meets(self, other: Rect, apart: float = 0.0) -> bool:
        """Whether less than `apart` lies between the two."""
        return (
            self.left - apart < other.right
            and other.left - apart < self.right
            and self.top - apart < other.bottom
            and other.top - apart < self.bottom
        )

    def cuts(self, start: Point, end: Point) -> bool:
        """Whether a straight line passes through."""
        return self.span(start, end) is not None

    def span(self, start: Point, end: Point) -> tuple[float, float] | None:
        """Between which parts of a straight line, 0 its start and 1 its end, it lies inside."""
        low, high = 0.0, 1.0
        for a, b, least, most in (
            (start[0], end[0], self.left, self.right),
            (start[1], end[1], self.top, self.bottom),
        ):
            if a == b:
                if not least < a < most:
                    return None
                continue
            one, other = sorted(((least - a) / (b - a), (most - a) / (b - a)))
            low, high = max(low, one), min(high, other)
        return (low, high) if low < high else None


@dataclass(frozen=True, slots=True)
class Shape:
    """A box of the picture.

    kind   round (an input, a unit, a leaf), square (an error or another quantity), dots
    split  where a box of two is divided, as x; None for a box of one
    """

    kind: str
    x: float
    y: float
    width: float
    height: float
    tone: str = PLAIN
    split: float | None = None

    @property
    def rect(self) -> Rect:
        """The room it takes."""
        return Rect.around(self.x, self.y, self.width, self.height)


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points; `head` is the tip of an arrow and the point it comes from."""

    points: tuple[Point, ...]
    tone: str = PLAIN
    width: float = 1.2
    head: tuple[Point, Point] | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A label around a centre, at a size.

    kind  name (in a box), weight (on a line), own (the parameter's), note (beside a line), legend;
          words, which begin at x
    """

    label: Label | Fraction
    x: float
    y: float
    size: float
    kind: str = "name"
    tone: str = PLAIN

    @property
    def rect(self) -> Rect:
        """The room it takes."""
        width, height = extent(self.label, self.size, self.kind)
        return Rect.around(self.x + (width / 2 if self.kind == "words" else 0.0), self.y, width, height)


def extent(label: Label | Fraction, size: float, kind: str = "name") -> tuple[float, float]:
    """The width and height of the room that a label takes."""
    width = label.width * size
    if isinstance(label, Fraction):
        return width + 4, 2.7 * size
    if kind == "own":
        return width + 14, 1.3 * size + 6
    return width + (2 if kind == "weight" else 4), 1.3 * size


@dataclass(frozen=True, slots=True)
class Layout:
    """A picture with every place decided; `frame` is what is seen of it."""

    frame: Rect
    lines: tuple[Line, ...]
    shapes: tuple[Shape, ...]
    texts: tuple[Text, ...]


def head_length(line: Line) -> float:
    """How long the tip of an arrow is."""
    return 6.0 + 1.6 * line.width


def head(line: Line) -> tuple[Point, Point, Point]:
    """The corners of an arrow's tip."""
    (x, y), (fx, fy) = line.head or ((0.0, 0.0), (0.0, 0.0))
    length = ((x - fx) ** 2 + (y - fy) ** 2) ** 0.5 or 1.0
    dx, dy = (x - fx) / length, (y - fy) / length
    long, half = head_length(line), 2.4 + 0.9 * line.width
    back = (x - long * dx, y - long * dy)
    return (x, y), (back[0] - half * dy, back[1] + half * dx), (back[0] + half * dy, back[1] - half * dx)


def shortened(line: Line) -> tuple[Point, ...]:
    """The points of a line without the stretch that its tip covers."""
    if line.head is None or not line.points:
        return line.points
    tip = line.head[0]
    back = head_length(line) - 1.0
    found = list(line.points)
    at, beside = (0, 1) if found[0] == tip else (-1, -2)
    (x, y), (fx, fy) = found[at], found[beside]
    length = ((x - fx) ** 2 + (y - fy) ** 2) ** 0.5 or 1.0
    found[at] = (x - back * (x - fx) / length, y - back * (y - fy) / length)
    return tuple(found)
