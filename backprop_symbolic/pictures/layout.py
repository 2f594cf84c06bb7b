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
from backprop_symbolic.pictures.names import Label, name, partial, words
from backprop_symbolic.pictures.order import Grid, Item, Stop, grid, heights
from backprop_symbolic.pictures.placing import Board, Wanted

NAME, WEIGHT, LEAF, NOTE, LEGEND = 16.0, 15.0, 12.0, 13.0, 14.0  # sizes of letters
HEIGHT = 44.0  # of a box
LEAF_SIZE = 25.0
LEAF_RISE = 34.0  # from the upper edge of a box to the middle of what is written above it
MARGIN = 20.0
GAP, LABELLED = 78.0, 128.0  # between columns
MAX_LABELS = 20  # weights written between two columns
MAX_NOTES = 14  # derivatives written along the paths
PATH, HEAVY = 2.8, 5.0  # widths of lines
STRAND = 4.6  # between paths side by side
DOTS = 20.0


def layout(chart: Chart, names: Mapping[Symbol, str], texts: Mapping[str, str]) -> Layout:
    """The places of everything; `names` is the LaTeX of the names, `texts` the words of the legend."""
    return _Layout(chart, names, texts).build()


@dataclass(frozen=True, slots=True)
class _Strand:
    """One line of several side by side."""

    tone: str
    heavy: bool


class _Layout:
    def __init__(self, chart: Chart, names: Mapping[Symbol, str], texts: Mapping[str, str]) -> None:
        self.chart, self.texts = chart, texts
        self.labels = {s: name(names[s]) for s in chart.graph.quantities if s in names}
        self.names = names
        self.notes = self.annotations()
        self.grid = grid(len(chart.boxes), [(link.source, link.target) for link in chart.links])
        self.column = {item: c for c, items in enumerate(self.grid.columns) for item in items}
        self.widths = {i: self.width(box) for i, box in enumerate(chart.boxes)}
        self.tallest = self.extents()
        self.shapes: dict[int, Shape] = {}
        self.leaves: list[Shape] = []
        self.lines: list[Line] = []
        self.found: list[Text] = []

    def build(self) -> Layout:
        self.place()
        for i, box in enumerate(self.chart.boxes):
            self.fill(i, box)
        ways = {link: self.way(link) for link in self.chart.links}
        plain = [self.context(link, ways[link]) for link in self.chart.links]
        self.lines = [line for line in plain if line is not None] + self.lines
        for link in self.chart.links:
            self.lines.extend(self.path(link, ways[link]))
        self.write(ways)
        shapes = [*self.shapes.values(), *self.leaves]
        return self.framed(shapes)

    # ------------------------------------------------------------ tones

    def tone(self, routes: frozenset[int]) -> str:
        """The tone of what belongs to some of the paths."""
        total = len(self.chart.routes)
        if not routes:
            return PLAIN
        if len(routes) == 1:
            (route,) = routes
            return FURTHER if self.chart.routes[route].kind == "further" else f"route{route}"
        return TRUNK if len(routes) == total else SEVERAL

    def strands(self, edge: Edge, heavy: bool) -> list[_Strand]:
        """What is drawn for an edge of the graph: one line where all paths take it, else one for each."""
        routes = self.chart.members.get(edge, frozenset())
        tone = self.tone(routes)
        if not routes:
            return []
        if tone != SEVERAL:
            return [_Strand(tone, heavy)]
        return [_Strand(self.tone(frozenset({r})), heavy) for r in sorted(routes)]

    # ------------------------------------------------------------ boxes

    def width(self, box: Box) -> float:
        """The width of a box; of the column's boxes of one kind the widest counts."""
        if box.count > 1:
            return 2 * DOTS
        return sum(self.half(box, k) for k in range(len(box.quantities)))

    def half(self, box: Box, k: int) -> float:
        width = self.labels[box.quantities[k]].width * NAME
        return max(40.0 if len(box.quantities) > 1 else HEIGHT, width + 24)

    def leaf_width(self, leaf: Leaf) -> float:
        return max(LEAF_SIZE, self.leaf_label(leaf).width * LEAF + 12)

    def leaf_label(self, leaf: Leaf) -> Label:
        if leaf.symbol is not None:
            return self.labels[leaf.symbol]
        return name(leaf.number) if leaf.number else words("…")

    def leaves_width(self, box: Box) -> float:
        return sum(self.leaf_width(leaf) + 8 for leaf in box.leaves)

    def place(self) -> None:
        """x from the columns, y from the rows."""
        boxes = self.chart.boxes
        y = heights(self.grid, self.room)
        x = 0.0
        column = self.column
        self.ends: list[tuple[float, float]] = []
        for c, items in enumerate(self.grid.columns):
            nodes = [i for i in items if isinstance(i, int)]
            wide: dict[int, float] = {}  # boxes of one kind are equally wide
            for i in nodes:
                parts = len(boxes[i].quantities) if boxes[i].count == 1 else 0
                wide[parts] = max(wide.get(parts, 0.0), self.widths[i])
            room = max([*wide.values(), *(self.leaves_width(boxes[i]) for i in nodes), 0.0])
            if c:
                x += self.gap([link for link in self.chart.links if self.passes(link, column, c)], y, column, c)
            self.ends.append((x, x + room))
            for i in nodes:
                box = boxes[i]
                parts = len(box.quantities) if box.count == 1 else 0
                self.shapes[i] = self.shape(box, x + room / 2, y[i], wide[parts])
            x += room
        self.y = y

    def passes(self, link: Link, column: Mapping[Item, int], c: int) -> bool:
        return column[link.source] < c <= column[link.target]

    def gap(
        self, links: Sequence[Link], y: Mapping[Item, float], column: Mapping[Item, int], c: int
    ) -> float:
        """Room between a column and the one before it: more for steep links and for labels."""
        steep = max((abs(a - b) for link in links for a, b in [self.slope(link, y, column, c)]), default=0.0)
        labels = [self.labels[w].width * WEIGHT for link in links for w in link.weights[:1]]
        noted = any(link.edge in self.notes for link in links)
        base = GAP + 22 * noted
        if labels:
            base = max(LABELLED, 2.2 * max(labels) + 40) + 24 * noted
        return max(base, min(0.62 * steep, 340.0))

    def slope(
        self, link: Link, y: Mapping[Item, float], column: Mapping[Item, int], c: int
    ) -> tuple[float, float]:
        pair = (link.source, link.target)
        left: Item = link.source if column[link.source] == c - 1 else Stop(pair, c - 1)
        right: Item = link.target if column[link.target] == c else Stop(pair, c)
        return y[left], y[right]

    def room(self, above: Item, below: Item) -> float:
        """The least distance between two neighbours in a column."""
        return self.reach(above)[1] + self.reach(below)[0] + MARGIN

    def reach(self, item: Item) -> tuple[float, float]:
        """How far an item reaches above and below its middle."""
        if isinstance(item, Stop):
            return 6.0, 6.0
        return (DOTS, DOTS) if self.chart.boxes[item].count > 1 else self.tallest

    def extents(self) -> tuple[float, float]:
        """How far the boxes reach above and below their middle: all the same, so that rows are straight."""
        boxes = self.chart.boxes
        leaves = any(box.leaves for box in boxes)
        notes = any(len(box.quantities) > 1 and box.quantities in self.notes for box in boxes)
        above, below = LEAF_RISE + LEAF_SIZE / 2, 2.7 * NOTE + 4
        return HEIGHT / 2 + (above if leaves else 0.0), HEIGHT / 2 + (below if notes else 0.0)

    def shape(self, box: Box, x: float, y: float, width: float) -> Shape:
        """A box with the tone of the paths through it."""
        if box.count > 1:
            return Shape("dots", x, y, 2 * DOTS, 2 * DOTS)
        role = self.chart.graph[box.quantities[0]].role
        kind = "round" if role in ("input", "net", "activation", "softmax") else "square"
        routes: frozenset[int] = frozenset().union(
            *(found for edge, found in self.chart.members.items() if box.quantities[-1] == edge[0]),
            *(found for edge, found in self.chart.members.items() if box.quantities[0] == edge[1]),
        )
        tone = self.tone(routes)
        split = None
        if len(box.quantities) > 1:
            first, second = self.half(box, 0), self.half(box, 1)
            split = x - width / 2 + width * first / (first + second)
        return Shape(kind, x, y, width, HEIGHT, tone, split)

    def fill(self, i: int, box: Box) -> None:
        """The names in a box, and what is written above it."""
        shape = self.shapes[i]
        if shape.kind == "dots":
            return
        left, right = shape.rect.left, shape.rect.right
        if shape.split is None:
            self.found.append(Text(self.labels[box.quantities[0]], shape.x, shape.y, NAME))
        else:
            first, second = self.labels[box.quantities[0]], self.labels[box.quantities[1]]
            self.found.append(Text(first, (left + shape.split) / 2 + 2, shape.y, NAME))
            self.found.append(Text(second, (shape.split + right) / 2 - 2, shape.y, NAME))
        x = shape.x if shape.split is None else (left + 8 + shape.split) / 2
        x = max(x - self.leaves_width(box) / 2, min(left, shape.x - self.leaves_width(box) / 2))
        for leaf in box.leaves:
            width = self.leaf_width(leaf)
            self.leaf(leaf, x + 4 + width / 2, shape, width)
            x += width + 8

    def leaf(self, leaf: Leaf, x: float, shape: Shape, width: float) -> None:
        """A leaf above a box, with an arrow into it."""
        top = shape.rect.top
        y = top - LEAF_RISE
        inner = shape.rect
        inset = min(HEIGHT / 2, 14.0) if shape.kind == "round" else 4.0
        down = min(max(x, inner.left + inset), inner.right - inset)
        start, end = (x, y + LEAF_SIZE / 2), (down, top)
        edge = (leaf.symbol or leaf.into, leaf.into)
        strands = self.strands(edge, heavy=True)
        tone = strands[0].tone if len(strands) == 1 else SEVERAL if strands else PLAIN
        self.leaves.append(Shape("round", x, y, width, LEAF_SIZE, tone))
        self.found.append(Text(self.leaf_label(leaf), x, y, LEAF))
        if strands:
            self.lines.append(Line((start, end), tone, HEAVY, (start, end)))
        else:
            self.lines.append(Line((start, end), head=(end, start)))

    # ------------------------------------------------------------ lines

    def way(self, link: Link) -> tuple[Point, ...]:
        """The points of a link, around the boxes between its ends."""
        source, target = self.shapes[link.source], self.shapes[link.target]
        points = [(source.rect.right, source.y)]
        for stop in self.stops(link):
            left, right = self.ends[stop.column]
            points.extend([(left, self.y[stop]), (right, self.y[stop])])
        points.append((target.rect.left, target.y))
        return tuple(points)

    def stops(self, link: Link) -> list[Stop]:
        found: list[Stop] = []
        item = self.follow(link, link.source)
        while isinstance(item, Stop):
            found.append(item)
            item = self.follow(link, item)
        return found

    def follow(self, link: Link, item: Item) -> Item:
        """What a link comes to after an item."""
        for after in self.grid.after[item]:
            if after == link.target or (
                isinstance(after, Stop) and after.link == (link.source, link.target)
            ):
                return after
        raise KeyError(link)

    def dotted(self, link: Link) -> bool:
        return any(self.chart.boxes[i].count > 1 for i in (link.source, link.target))

    def excerpt(self, link: Link) -> bool:
        """Whether a column at an end of the link shows some of its units only."""
        columns = [self.column[i] for i in (link.source, link.target)]
        return any(self.chart.boxes[i].count > 1 for c in columns for i in self.grid.columns[c] if isinstance(i, int))

    def context(self, link: Link, way: tuple[Point, ...]) -> Line | None:
        """A link that no path takes."""
        if self.dotted(link) or link.edge in self.chart.members or self.chart.parameter in link.weights:
            return None
        return Line(way, head=(way[-1], way[-2]))

    def path(self, link: Link, way: tuple[Point, ...]) -> Iterator[Line]:
        """The paths that take a link, side by side."""
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

    def annotations(self) -> dict[Edge, tuple[Symbol, Symbol]]:
        """Edge → the derivative (of, by) that is written beside it: where the paths are few."""
        chart = self.chart
        graph = chart.graph
        if len(chart.routes) > 2 or any(route.kind != "path" for route in chart.routes):
            return {}
        users: dict[Symbol, set[Symbol]] = {}
        for q, user in chart.members:
            users.setdefault(q, set()).add(user)
        for q, found in users.items():
            for user in found:
                if any(_leads(users, other, user) for other in found - {user}):
                    return {}  # a derivative by one edge alone would need to say what is held fixed
        notes = {}
        for q, user in chart.members:
            if user == graph.error and graph[q].role == "part":
                continue
            of = graph.error if graph[user].role == "part" and len(chart.routes) == 1 else user
            notes[q, user] = (of, q)
        return notes if len(notes) <= MAX_NOTES else {}

    def write(self, ways: Mapping[Link, tuple[Point, ...]]) -> None:
        """The weights on their lines and the derivatives beside them, as far as they can be read."""
        taken = [s.rect for s in (*self.shapes.values(), *self.leaves)]
        drawn = [line for line in self.lines if len(line.points) > 1]
        board = Board(taken, [s for line in drawn for s in pairwise(line.points)])
        own, along, others = [], [], {}
        for link, way in ways.items():
            for wanted in self.weights(link, way):
                if wanted.kind == "own":
                    own.append(wanted)
                elif link.edge in self.chart.members:
                    along.append(wanted)
                elif not self.excerpt(link):
                    others.setdefault(round(way[0][0] + way[-1][0]), []).append(wanted)
        self.found.extend(board.put(own, 99))
        if len(along) <= MAX_LABELS:
            self.found.extend(board.put(along, 2))
        self.found.extend(board.put(list(self.wanted_notes(ways)), 1))
        for wanted in others.values():
            if len(wanted) <= MAX_LABELS:
                self.found.extend(board.put(wanted, 1))
        for text in self.found:
            if text.kind == "own":
                self.lines.extend(self.arrow_to(text))

    def weights(self, link: Link, way: tuple[Point, ...]) -> Iterator[Wanted]:
        """The label of a link, on its longest stretch between columns."""
        if not link.weights or self.dotted(link):
            return
        stretch = max(list(pairwise(way))[::2], key=lambda s: abs(s[1][0] - s[0][0]))
        for w in link.weights:
            mine = w == self.chart.parameter
            tone = PLAIN
            if mine:
                tone = self.tone(self.chart.members[w, link.edge[1]])
            yield Wanted(self.labels[w], WEIGHT, "own" if mine else "weight", tone, stretch)

    def wanted_notes(self, ways: Mapping[Link, tuple[Point, ...]]) -> Iterator[Wanted]:
        chart = self.chart
        for link, way in ways.items():
            stretch = max(list(pairwise(way))[::2], key=lambda s: abs(s[1][0] - s[0][0]))
            edges = [link.edge, *((w, link.edge[1]) for w in link.weights)]
            for edge in edges:
                if edge in self.notes:
                    yield Wanted(self.note(edge), NOTE, "note", self.tone(chart.members[edge]), stretch)
        for i, box in enumerate(chart.boxes):
            shape = self.shapes[i]
            if shape.kind == "dots":
                continue
            if len(box.quantities) > 1 and box.quantities in self.notes:
                edge = (box.quantities[0], box.quantities[1])
                below = shape.rect.bottom + 1.35 * NOTE + 4
                above = shape.rect.top - 1.35 * NOTE - 4
                x = shape.split or shape.x
                around = ((x, below), (x + 30, below), (x + 40, above), (x - 30, below))
                yield Wanted(self.note(edge), NOTE, "note", PLAIN, ((x, shape.y), (x, below)), around)
            for leaf in box.leaves:
                edge = (leaf.symbol or leaf.into, leaf.into)
                if leaf.symbol is not None and edge in self.notes:
                    at = next(s for s in self.leaves if abs(s.y - (shape.rect.top - LEAF_RISE)) < 1 and shape.rect.left - 20 <= s.x <= shape.rect.right + 20)
                    label = self.note(edge)
                    width = extent(label, NOTE, "note")[0]
                    around = tuple((at.x + side * ((at.width + width) / 2 + 7), at.y) for side in (1, -1))
                    yield Wanted(label, NOTE, "note", PLAIN, ((at.x, at.y), (at.x, shape.y)), around)

    def note(self, edge: Edge) -> object:
        of, by = self.notes[edge]
        return partial(self.names[of], self.names[by])

    def arrow_to(self, text: Text) -> Iterator[Line]:
        """The path ends at the weight: an arrow from the target's side to its label."""
        for line in self.lines:
            if line.width == HEAVY and line.head is None:
                for start, end in pairwise(line.points):
                    span = text.rect.span(start, end)
                    if span is not None:
                        t = span[1]
                        tip = (start[0] + t * (end[0] - start[0]), start[1] + t * (end[1] - start[1]))
                        yield Line((), line.tone, HEAVY, (tip, end))

    # ------------------------------------------------------------ legend and frame

    def framed(self, shapes: Sequence[Shape]) -> Layout:
        rects = [*(s.rect for s in shapes), *(t.rect for t in self.found)]
        rects += [Rect(x, y, x, y) for line in self.lines for x, y in line.points]
        left, right = min(r.left for r in rects), max(r.right for r in rects)
        top, bottom = min(r.top for r in rects), max(r.bottom for r in rects)
        legend = list(self.legend(left, bottom + 34))
        for text in legend:
            right = max(right, text.rect.right)
            bottom = max(bottom, text.rect.bottom)
        frame = Rect(left - MARGIN, top - MARGIN, right + MARGIN, bottom + MARGIN)
        return Layout(frame, tuple(self.lines), tuple(shapes), (*self.found, *legend))

    def legend(self, left: float, y: float) -> Iterator[Text]:
        """A row for each path or group of paths, where there is more than one, and one for what they share."""
        routes = self.chart.routes
        if len(routes) < 2:
            return
        for i, route in enumerate(routes):
            tone = self.tone(frozenset({i}))
            self.lines.append(Line(((left, y), (left + 44, y)), tone, PATH))
            x = left + 56.0
            pieces: list[Label] = []
            if route.kind != "further":
                pieces.append(words(f"({chr(ord('a') + i)})"))
                for q in route.nodes:
                    pieces += [self.labels[q], words("→")]
                pieces.pop()
            for piece in pieces:
                width = piece.width * LEGEND
                yield Text(piece, x + width / 2, y, LEGEND, "legend")
                x += width + 7
            if route.kind != "path":
                text = self.texts[f"diagram.{route.kind}"].replace("{count}", str(route.count))
                yield Text(words(text), x + 8 * bool(pieces), y, LEGEND, "words")
            y += 25
        if any(self.tone(found) == TRUNK for found in self.chart.members.values()):
            self.lines.append(Line(((left, y), (left + 44, y)), TRUNK, PATH))
            yield Text(words(self.texts["diagram.common"]), left + 56, y, LEGEND, "words")


def _leads(users: Mapping[Symbol, set[Symbol]], start: Symbol, end: Symbol) -> bool:
    """Whether a path leads from one quantity to another."""
    todo, seen = [start], {start}
    while todo:
        for user in users.get(todo.pop(), ()):
            if user == end:
                return True
            if user not in seen:
                seen.add(user)
                todo.append(user)
    return False


def _aside(points: tuple[Point, ...], by: float) -> tuple[Point, ...]:
    """The points moved to the side of the line, downwards for a line that runs to the right."""
    if not by:
        return points
    found = []
    for i, (x, y) in enumerate(points):
        before, after = points[max(i - 1, 0)], points[min(i + 1, len(points) - 1)]
        dx, dy = after[0] - before[0], after[1] - before[1]
        length = (dx * dx + dy * dy) ** 0.5 or 1.0
        found.append((x - by * dy / length, y + by * dx / length))
    return tuple(found)
