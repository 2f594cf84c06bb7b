"""Columns, and the order and height of what stands in them: a layered drawing.

Nodes are numbers, links are pairs of them. A link over several columns gets a place in each column
between, a `Stop`, so that it runs around the nodes and not through them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

SWEEPS = 4

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Stop:
    """The place of a link in a column that it passes."""

    link: Pair
    column: int


Item = int | Stop


def columns(nodes: int, links: Sequence[Pair]) -> list[int]:
    """The column of each node: the longest way to it; a node that nothing leads to stands by its user.

    Links lead from lower to higher numbers or not, but never in a circle.
    """
    below: list[list[int]] = [[] for _ in range(nodes)]
    above: list[list[int]] = [[] for _ in range(nodes)]
    for source, target in links:
        below[target].append(source)
        above[source].append(target)
    found: dict[int, int] = {}
    todo = list(range(nodes))
    while todo:
        node = todo[-1]
        missing = [n for n in below[node] if n not in found]
        if node in found or not missing:
            todo.pop()
            found.setdefault(node, max((found[n] + 1 for n in below[node]), default=0))
        else:
            todo.extend(missing)
    return [
        found[n] if below[n] else min((found[m] - 1 for m in above[n]), default=found[n])
        for n in range(nodes)
    ]


@dataclass(frozen=True)
class Grid:
    """What stands in each column from the top; what each item is joined to in the columns beside it."""

    columns: tuple[tuple[Item, ...], ...]
    before: Mapping[Item, tuple[Item, ...]]
    after: Mapping[Item, tuple[Item, ...]]

    def crossings(self) -> int:
        """How many pairs of links cross."""
        total = 0
        for column, following in pairwise(self.columns):
            place = {item: i for i, item in enumerate(following)}
            seen: list[int] = []
            for item in column:
                ends = sorted(place[end] for end in self.after[item])
                total += sum(1 for end in ends for other in seen if other > end)
                seen.extend(ends)
        return total

    def sweeps(self) -> Iterator[tuple[int, Mapping[Item, tuple[Item, ...]]]]:
        """Every column with the joints to the one before it, rightwards, then to that after it, back."""
        last = len(self.columns) - 1
        yield from ((column, self.before) for column in range(1, last + 1))
        yield from ((column, self.after) for column in range(last - 1, -1, -1))


def grid(nodes: int, links: Sequence[Pair]) -> Grid:
    """Every node in its column, the links around them, with few crossings."""
    column_of = columns(nodes, links)
    found: list[list[Item]] = [[] for _ in range(max(column_of) + 1)]
    before: dict[Item, list[Item]] = {}
    after: dict[Item, list[Item]] = {}
    for node, column in enumerate(column_of):
        found[column].append(node)
        before[node], after[node] = [], []
    for source, target in links:
        way: list[Item] = [source]
        for column in range(column_of[source] + 1, column_of[target]):
            stop = Stop((source, target), column)
            found[column].append(stop)
            before[stop], after[stop] = [], []
            way.append(stop)
        way.append(target)
        for one, other in pairwise(way):
            after[one].append(other)
            before[other].append(one)
    joined = [{item: tuple(ends) for item, ends in side.items()} for side in (before, after)]
    return _untangled(Grid(tuple(map(tuple, found)), *joined))


def _untangled(start: Grid) -> Grid:
    """Each item by the mean place of its neighbours, as long as fewer links cross."""
    best, fewest = start, start.crossings()
    found = start
    for _ in range(SWEEPS if fewest else 0):
        order = list(found.columns)
        for column, joined in found.sweeps():
            place = {item: float(i) for items in order for i, item in enumerate(items)}
            means = {i: _mean([place[end] for end in joined[i]]) for i in order[column]}
            keys = {i: place[i] if mean is None else mean for i, mean in means.items()}
            order[column] = tuple(sorted(order[column], key=keys.__getitem__))
        found = replace(found, columns=tuple(order))
        crossings = found.crossings()
        if crossings < fewest:
            best, fewest = found, crossings
    return best


def heights(found: Grid, room: Callable[[Item, Item], float]) -> Mapping[Item, float]:
    """The y of every item: near the mean of its neighbours, at least `room` apart in a column."""
    y: dict[Item, float] = {}
    for items in found.columns:
        y |= _apart([0.0] * len(items), items, room)
    for _ in range(2):
        for column, joined in found.sweeps():
            items = found.columns[column]
            means = {i: _mean([y[end] for end in joined[i]]) for i in items}
            y |= _apart([y[i] if mean is None else mean for i, mean in means.items()], items, room)
    return y


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _apart(
    wanted: Sequence[float], items: Sequence[Item], room: Callable[[Item, Item], float]
) -> dict[Item, float]:
    """The places nearest to `wanted` (least squares) that keep the order and the room between."""
    offsets = [0.0]
    for above, below in pairwise(items):
        offsets.append(offsets[-1] + room(above, below))
    blocks: list[tuple[float, int]] = []  # mean of wanted - offset, number of items: merged while they fall
    for want, offset in zip(wanted, offsets, strict=False):
        mean, count = want - offset, 1
        while blocks and blocks[-1][0] >= mean:
            other, number = blocks.pop()
            mean, count = (mean * count + other * number) / (count + number), count + number
        blocks.append((mean, count))
    placed = [mean for mean, count in blocks for _ in range(count)]
    return {item: mean + offset for item, mean, offset in zip(items, placed, offsets, strict=False)}
