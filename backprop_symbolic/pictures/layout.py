"""A chart laid out: every box, line and label gets its place.

Inputs stand left, the error right. A path is drawn backwards along the links it takes; where several
paths take the same link they run side by side, and where all do, as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sympy import Symbol

from backprop_symbolic.pictures.chart import Box, Chart, Edge, Leaf, Link
from backprop_symbolic.pictures.derivatives import derivatives
from backprop_symbolic.pictures.geometry import (
    FURTHER,
    PLAIN,
    SEVERAL,
    TRUNK,
    Layout,
    Line,
    Point,
    Rect,
    Shape,
    Text,
    extent,
)
from backprop_symbolic.pictures.names import Fraction, Label, name, partial, words
from backprop_symbolic.pictures.order import Item, Stop, grid, heights
from backprop_symbolic.pictures.placing import Board, Segment, Wanted

NAME, WEIGHT, LEAF, NOTE, LEGEND = 16.0, 15.0, 12.0, 13.0, 14.0  # sizes of letters
HEIGHT = 44.0  # of a box
LEAF_SIZE = 25.0
LEAF_RISE = 34.0  # from the upper edge of a box to the middle of what is written above it
DOTS = 20.0  # how far a ⋮ reaches
MARGIN = 20.0
GAP, LABELLED = 78.0, 128.0  # least room between columns, without and with weights
STEEP, WIDEST = 0.62, 340.0  # room for a link that rises by 1, and when it is enough
MAX_LABELS = 20  # weights written between two columns
PATH, HEAVY = 2.8, 5.0  # widths of lines
STRAND = 4.6  # between paths side by side
ROW, SAMPLE = 25.0, 44.0  # of the legend: height of a row, length of a line


def layout(chart: Chart, names: Mapping[Symbol, str], texts: Mapping[str, str]) -> Layout:
    """The places of everything; `names` is the LaTeX of the names, `texts` the words of the legend."""
    plan = _Plan(chart, names)
    plan.place()
    plan.draw()
    plan.write()
    return plan.framed(texts)


@dataclass(frozen=True, slots=True)
class _Strand:
    """One line of several side by side."""

    tone: str
    heavy: bool


class _Plan:
    """What is decided so far."""

    def __init__(self, chart: Chart, names: Mapping[Symbol, str]) -> None:
        self.chart, self.names = chart, names
        self.labels = {s: name(names[s]) for s in chart.graph.quantities if s in names}
        self.notes = derivatives(chart)
        self.grid = grid(len(chart.boxes), [(link.source, link.target) for link in chart.links])
        self.column = {item: c for c, items in enumerate(self.grid.columns) for item in items}
        self.excerpts = {
            self.column[i] for i, box in enumerate(chart.boxes) if box.count > 1
        }  # columns that show some of their units only
        self.reaches = self.extents()
        self.y: Mapping[Item, float] = {}
        self.sides: list[tuple[float, float]] = []  # of each column
        self.edges: list[tuple[float, float]] = []  # of the boxes in it, without what is written above
        self.shapes: dict[int, Shape] = {}
        self.leaves: dict[tuple[int, int], Shape] = {}  # by box, and place in it
        self.drawn: dict[Link, list[Line]] = {}
        self.lines: list[Line] = []
        self.texts: list[Text] = []

    # ------------------------------------------------------------ tones

    def tone(self, routes: frozenset[int]) -> str:
        """The tone of what belongs to some of the paths."""
        if not routes:
            return PLAIN
        if len(routes) == 1:
            (route,) = routes
            return FURTHER if self.chart.routes[route].kind == "further" else f"route{route}"
        return TRUNK if len(routes) == len(self.chart.routes) else SEVERAL

    def strands(self, edge: Edge, heavy: bool) -> list[_Strand]:
        """What is drawn for an edge of the graph: one line where all paths take it, else one for each."""
        routes = self.chart.members.get(edge, frozenset())
        tone = self.tone(routes)
        if tone == SEVERAL:
            return [_Strand(self.tone(frozenset({route})), heavy) for route in sorted(routes)]
        return [] if tone == PLAIN else [_Strand(tone, heavy)]

    def through(self, box: Box) -> frozenset[int]:
        """The paths through a box."""
        first, last = box.quantities[0], box.quantities[-1]
        found = [routes for edge, routes in self.chart.members.items() if last == edge[0] or first == edge[1]]
        return frozenset().union(*found)

    # ------------------------------------------------------------ places of boxes

    def place(self) -> None:
        """x from the columns, y from the rows."""
        boxes = self.chart.boxes
        self.y = heights(self.grid, self.room)
        x = 0.0
        for c, items in enumerate(self.grid.columns):
            nodes = [i for i in items if isinstance(i, int)]
            widths = self.widths(nodes)
            room = max([*widths.values(), *(self.leaves_width(boxes[i]) for i in nodes)], default=0.0)
            x += self.gap(c) if c else 0.0
            self.sides.append((x, x + room))
            half = max(widths.values(), default=0.0) / 2
            self.edges.append((x + room / 2 - half, x + room / 2 + half))
            for i in nodes:
                self.shapes[i] = self.shape(boxes[i], x + room / 2, self.y[i], widths[_parts(boxes[i])])
            x += room

    def widths(self, nodes: Sequence[int]) -> dict[int, float]:
        """How wide the boxes of a column are, alike for as many parts."""
        found: dict[int, float] = {}
        for box in (self.chart.boxes[i] for i in nodes):
            width = sum(self.half(box, k) for k in range(_parts(box))) if _parts(box) else 2 * DOTS
            found[_parts(box)] = max(found.get(_parts(box), 0.0), width)
        return found

    def half(self, box: Box, k: int) -> float:
        """How wide one part of a box is."""
        least = 40.0 if len(box.quantities) > 1 else HEIGHT
        return max(least, self.labels[box.quantities[k]].width * NAME + 24)

    def leaf_label(self, leaf: Leaf) -> Label:
        if leaf.symbol is not None:
            return self.labels[leaf.symbol]
        return name(leaf.number) if leaf.number else words("…")

    def leaf_width(self, leaf: Leaf) -> float:
        return max(LEAF_SIZE, self.leaf_label(leaf).width * LEAF + 15)

    def leaves_width(self, box: Box) -> float:
        return sum(self.leaf_width(leaf) + 8 for leaf in box.leaves)

    def gap(self, c: int) -> float:
        """Room between a column and the one before it: more for steep links and for labels."""
        links = [k for k in self.chart.links if self.column[k.source] < c <= self.column[k.target]]
        labels = [self.labels[w].width * WEIGHT for link in links for w in link.weights[:1]]
        noted = 24.0 * any(link.edge in self.notes for link in links)
        least = max(LABELLED, 2.2 * max(labels) + 40) if labels else GAP
        joints = [(item, end) for item in self.grid.columns[c - 1] for end in self.grid.after[item]]
        steepest = max((abs(self.y[a] - self.y[b]) for a, b in joints), default=0.0)
        return max(least + noted, min(STEEP * steepest, WIDEST))

    def room(self, above: Item, below: Item) -> float:
        """The least distance between two neighbours in a column."""
        return self.reach(above)[1] + self.reach(below)[0] + MARGIN

    def reach(self, item: Item) -> tuple[float, float]:
        """How far an item reaches above and below its middle."""
        if isinstance(item, Stop):
            return 6.0, 6.0
        return (DOTS, DOTS) if self.chart.boxes[item].count > 1 else self.reaches

    def extents(self) -> tuple[float, float]:
        """How far boxes reach above and below their middle: all the same, so that rows are straight."""
        boxes = self.chart.boxes
        leaves = any(box.leaves for box in boxes)
        notes = any(_inner(box) in self.notes for box in boxes)
        above, below = LEAF_RISE + LEAF_SIZE / 2, 2.7 * NOTE + 4
        return HEIGHT / 2 + (above if leaves else 0.0), HEIGHT / 2 + (below if notes else 0.0)

    def shape(self, box: Box, x: float, y: float, width: float) -> Shape:
        """A box with the tone of the paths through it."""
        if box.count > 1:
            return Shape("dots", x, y, 2 * DOTS, 2 * DOTS)
        role = self.chart.graph[box.quantities[0]].role
        kind = "round" if role in ("input", "net", "activation", "softmax") else "square"
        split = None
        if len(box.quantities) > 1:
            first, second = self.half(box, 0), self.half(box, 1)
            split = x - width / 2 + width * first / (first + second)
        return Shape(kind, x, y, width, HEIGHT, self.tone(self.through(box)), split)

    # ------------------------------------------------------------ boxes and lines

    def draw(self) -> None:
        """Names in boxes, what is written above them, and lines: first those that no path takes."""
        for i, box in enumerate(self.chart.boxes):
            if box.count == 1:
                self.fill(box, self.shapes[i])
                self.hang(i, box)
        for link in self.chart.links:
            way = _distinct(self.corners(link))
            plain = [Line(way, head=(way[-1], way[-2]))] if self.idle(link) else []
            self.drawn[link] = [*plain, *self.path(link, way)]
        drawn = [line for lines in self.drawn.values() for line in lines]
        self.lines = sorted([*self.lines, *drawn], key=lambda line: line.tone != PLAIN)

    def fill(self, box: Box, shape: Shape) -> None:
        """The names in a box."""
        labels = [self.labels[q] for q in box.quantities]
        if shape.split is None:
            self.texts.append(Text(labels[0], shape.x, shape.y, NAME))
            return
        self.texts.append(Text(labels[0], (shape.rect.left + shape.split) / 2 + 2, shape.y, NAME))
        self.texts.append(Text(labels[1], (shape.split + shape.rect.right) / 2 - 2, shape.y, NAME))

    def hang(self, i: int, box: Box) -> None:
        """The leaves of a box in a row above it, over the sum where it has two parts."""
        shape, total = self.shapes[i], self.leaves_width(box)
        middle = shape.x if shape.split is None else (shape.rect.left + 8 + shape.split) / 2
        left, right = self.sides[self.column[i]]
        x = max(left, min(middle - total / 2, right - total))
        for k, leaf in enumerate(box.leaves):
            width = self.leaf_width(leaf)
            self.leaf(i, k, leaf, x + 4 + width / 2)
            x += width + 8

    def leaf(self, i: int, k: int, leaf: Leaf, x: float) -> None:
        """A leaf above a box, with an arrow into it, or from it where a path ends there."""
        rect = self.shapes[i].rect
        y = rect.top - LEAF_RISE
        inset = 14.0 if self.shapes[i].kind == "round" else 6.0
        start, end = (x, y + LEAF_SIZE / 2), (min(max(x, rect.left + inset), rect.right - inset), rect.top)
        tone = self.tone(self.chart.members.get(_source(leaf), frozenset()))
        self.leaves[i, k] = Shape("round", x, y, self.leaf_width(leaf), LEAF_SIZE, tone)
        self.texts.append(Text(self.leaf_label(leaf), x, y, LEAF))
        if tone == PLAIN:
            self.lines.append(Line((start, end), head=(end, start)))
        else:
            self.lines.append(Line((start, end), tone, HEAVY, (start, end)))

    def corners(self, link: Link) -> tuple[Point, ...]:
        """The points of a link, around the boxes: level inside columns, straight between them."""
        source, target = self.shapes[link.source], self.shapes[link.target]
        first, last = self.column[link.source], self.column[link.target]
        points = [(source.rect.right, source.y), (self.edges[first][1], source.y)]
        for c in range(first + 1, last):
            left, right = self.sides[c]
            y = self.y[Stop((link.source, link.target), c)]
            points.extend([(left, y), (right, y)])
        return (*points, (self.edges[last][0], target.y), (target.rect.left, target.y))

    def stretch(self, link: Link) -> Segment:
        """The longest part of a link between two columns."""
        return max(list(pairwise(self.corners(link)))[1::2], key=lambda part: part[1][0] - part[0][0])

    def dotted(self, link: Link) -> bool:
        """Whether a link leads to or from a ⋮."""
        return any(self.chart.boxes[i].count > 1 for i in (link.source, link.target))

    def idle(self, link: Link) -> bool:
        """Whether a link is drawn although no path takes it."""
        used = link.edge in self.chart.members or self.chart.parameter in link.weights
        return not used and not self.dotted(link)

    def path(self, link: Link, way: tuple[Point, ...]) -> Iterator[Line]:
        """The paths that take a link, side by side, and the end of those that end at its weight."""
        strands = self.strands(link.edge, heavy=False)
        if self.chart.parameter in link.weights:
            strands += self.strands((self.chart.parameter, link.edge[1]), heavy=True)
        middle = (len(strands) - 1) / 2
        step = STRAND + (HEAVY - PATH) * any(strand.heavy for strand in strands)
        for k, strand in enumerate(strands):
            shifted = _aside(way, step * (k - middle))
            head = None if strand.heavy or self.dotted(link) else (shifted[0], shifted[1])
            yield Line(shifted, strand.tone, HEAVY if strand.heavy else PATH, head)

    # ------------------------------------------------------------ labels

    def write(self) -> None:
        """The weights on their lines and the derivatives beside them, as far as they can be read."""
        taken = [shape.rect for shape in (*self.shapes.values(), *self.leaves.values())]
        board = Board(taken, [part for line in self.lines for part in pairwise(line.points)])
        own: list[Wanted] = []
        along: list[Wanted] = []
        others: dict[int, list[Wanted]] = {}
        for link in self.chart.links:
            for wanted in self.weights(link):
                if wanted.kind == "own":
                    own.append(wanted)
                elif link.edge in self.chart.members:
                    along.append(wanted)
                elif not {self.column[link.source], self.column[link.target]} & self.excerpts:
                    others.setdefault(self.column[link.target], []).append(wanted)
        found = board.put(own, crossings=len(self.lines))
        self.lines.extend(line for text in found for line in self.arrows_to(text))
        if len(along) <= MAX_LABELS:
            found += board.put(along, crossings=2)
        found += board.put(list(self.derivatives()), crossings=1)
        for group in others.values():
            if len(group) <= MAX_LABELS:
                found += board.put(group, crossings=1)
        self.texts.extend(found)

    def weights(self, link: Link) -> Iterator[Wanted]:
        """The labels of a link."""
        if self.dotted(link):
            return
        for w in link.weights:
            mine = w == self.chart.parameter
            tone = self.tone(self.chart.members[w, link.edge[1]]) if mine else PLAIN
            kind, line = "own" if mine else "weight", self.stretch(link)
            own = tuple(part for drawn in self.drawn[link] for part in pairwise(drawn.points))
            yield Wanted(self.labels[w], WEIGHT, kind, tone, line, own)

    def derivatives(self) -> Iterator[Wanted]:
        """What the chain rule takes along the paths: beside links, below boxes, beside leaves."""
        for link in self.chart.links:
            for edge in (link.edge, *((w, link.edge[1]) for w in link.weights)):
                if edge in self.notes:
                    yield Wanted(self.note(edge), NOTE, "note", PLAIN, self.stretch(link))
        for i, box in enumerate(self.chart.boxes):
            shape = self.shapes[i]
            if _inner(box) in self.notes and shape.split is not None:
                x, far = shape.split, HEIGHT / 2 + 1.35 * NOTE + 4
                places = ((x, shape.y + far), (x + 36, shape.y + far), (x + 44, shape.y - far))
                yield self.beside(_inner(box), places)
            for k, leaf in enumerate(box.leaves):
                if _source(leaf) in self.notes:
                    at = self.leaves[i, k]
                    aside = (at.width + extent(self.note(_source(leaf)), NOTE, "note")[0]) / 2 + 7
                    yield self.beside(_source(leaf), ((at.x + aside, at.y), (at.x - aside, at.y)))

    def beside(self, edge: Edge, places: tuple[Point, ...]) -> Wanted:
        return Wanted(self.note(edge), NOTE, "note", PLAIN, (places[0], places[0]), around=places)

    def note(self, edge: Edge) -> Fraction:
        of, by = self.notes[edge]
        return partial(self.names[of], self.names[by])

    def arrows_to(self, text: Text) -> Iterator[Line]:
        """The path ends at the weight: an arrow from the target's side to its label."""
        for line in self.lines:
            if line.width == HEAVY and line.head is None:
                for start, end in pairwise(line.points):
                    span = text.rect.span(start, end)
                    if span is not None:
                        x, y = (a + span[1] * (b - a) for a, b in zip(start, end, strict=True))
                        yield Line((), line.tone, HEAVY, ((x, y), end))

    # ------------------------------------------------------------ legend and frame

    def framed(self, texts: Mapping[str, str]) -> Layout:
        """Everything, with a legend below, and the frame around it."""
        shapes = (*self.shapes.values(), *self.leaves.values())
        rects = [*(shape.rect for shape in shapes), *(text.rect for text in self.texts)]
        rects += [Rect(x, y, x, y) for line in self.lines for x, y in line.points]
        left, bottom = min(r.left for r in rects), max(r.bottom for r in rects)
        self.texts.extend(self.legend(left, bottom + 34, texts))
        rects += [text.rect for text in self.texts]
        frame = Rect(
            left - MARGIN,
            min(r.top for r in rects) - MARGIN,
            max(r.right for r in rects) + MARGIN,
            max(r.bottom for r in rects) + MARGIN,
        )
        return Layout(frame, tuple(self.lines), shapes, tuple(self.texts))

    def legend(self, left: float, y: float, texts: Mapping[str, str]) -> Iterator[Text]:
        """A row for each of several paths or groups of them, and one for what all share."""
        routes = self.chart.routes
        if len(routes) < 2:
            return
        for i, route in enumerate(routes):
            self.sample(left, y, self.tone(frozenset({i})))
            x = left + SAMPLE + 12
            if route.kind != "further":
                arrows = [label for q in route.nodes for label in (words("→"), self.labels[q])]
                for piece in (words(f"({chr(ord('a') + i)})"), *arrows[1:]):
                    width = piece.width * LEGEND
                    yield Text(piece, x + width / 2, y, LEGEND, "legend")
                    x += width + 7
                x += 8
            if route.kind != "path":
                text = texts[f"diagram.{route.kind}"].replace("{count}", str(route.count))
                yield Text(words(text), x, y, LEGEND, "words")
            y += ROW
        if any(self.tone(found) == TRUNK for found in self.chart.members.values()):
            self.sample(left, y, TRUNK)
            yield Text(words(texts["diagram.common"]), left + SAMPLE + 12, y, LEGEND, "words")

    def sample(self, left: float, y: float, tone: str) -> None:
        """A piece of line of a tone."""
        self.lines.append(Line(((left, y), (left + SAMPLE, y)), tone, PATH))


def _parts(box: Box) -> int:
    """How many quantities a box shows; none where it stands for several."""
    return len(box.quantities) if box.count == 1 else 0


def _inner(box: Box) -> Edge:
    """The edge inside a box of two parts; a pair that is no edge for one of one."""
    return box.quantities[0], box.quantities[-1]


def _source(leaf: Leaf) -> Edge:
    """The edge from a leaf into its box; a pair that is no edge for a number."""
    return leaf.symbol or leaf.into, leaf.into


def _distinct(points: tuple[Point, ...]) -> tuple[Point, ...]:
    """The points without those that the one before them has reached."""
    found = [points[0]]
    for x, y in points[1:]:
        if abs(x - found[-1][0]) + abs(y - found[-1][1]) > 0.1:
            found.append((x, y))
    return tuple(found)


def _aside(points: tuple[Point, ...], by: float) -> tuple[Point, ...]:
    """The points moved down, so far that `by` lies between the lines; the ends stay at their boxes."""
    found = []
    for i, (x, y) in enumerate(points):
        before, after = points[max(i - 1, 0)], points[min(i + 1, len(points) - 1)]
        dx, dy = after[0] - before[0], after[1] - before[1]
        slant = (dx * dx + dy * dy) ** 0.5 / dx if dx > 0 else 1.0
        found.append((x, y + by * min(slant, 2.0)))
    return tuple(found)
