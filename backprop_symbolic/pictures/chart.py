"""A graph as boxes, links between them, and the paths from a parameter to the error.

A weighted sum and the one output made from it share a box, net | y. A parameter that multiplies one
quantity in a sum is the label of a link, w·y; any other leaf but an input is written beside the box
that it feeds: a bias, a target, a constant, the number 1. Which edges lie on a path is read from the
graph's definitions alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from sympy import Add, Expr, Mul, Rational, Symbol

from backprop_symbolic.algebra import Decimal, Tight, symbols
from backprop_symbolic.errors import BadPicture
from backprop_symbolic.graph import Graph
from backprop_symbolic.pictures.units import Shown

MAX_BOXES = 150
MAX_LINKS = 700
MAX_ROUTES = 6  # that a reader can tell apart
MAX_LEAVES = 3  # beside one box

Edge = tuple[Symbol, Symbol]


@dataclass(frozen=True, slots=True)
class Leaf:
    """What is written beside a box: a leaf of the graph, a number, or dots for several more."""

    into: Symbol
    symbol: Symbol | None = None
    number: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """One quantity, or a weighted sum and the output made from it; `count` is how many it stands for."""

    quantities: tuple[Symbol, ...]
    leaves: tuple[Leaf, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Link:
    """An edge between two boxes by their numbers; `weights` are the parameters it is multiplied by."""

    source: int
    target: int
    edge: Edge
    weights: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """A path from the error back to the parameter, or several that are drawn alike.

    kind   path; bundle, all paths that begin alike; further, all that are not drawn apart
    nodes  the stretch in which it differs from the others, from the error's side
    """

    kind: str
    nodes: tuple[Symbol, ...]
    count: int


@dataclass(frozen=True)
class Chart:
    """What a picture shows.

    routes   the paths, or groups of them; all paths together are `paths`
    members  each edge of the graph on a path → the routes that it belongs to
    """

    graph: Graph
    parameter: Symbol
    boxes: tuple[Box, ...]
    links: tuple[Link, ...]
    routes: tuple[Route, ...]
    members: Mapping[Edge, frozenset[int]]
    paths: int

    def highlighted(self) -> frozenset[Edge]:
        """The edges of the graph that the picture highlights."""
        inside = {(b.quantities[0], b.quantities[1]) for b in self.boxes if len(b.quantities) > 1}
        beside = {
            (leaf.symbol, leaf.into) for b in self.boxes for leaf in b.leaves if leaf.symbol is not None
        }
        between = {link.edge for link in self.links}
        by_weight = {(w, link.edge[1]) for link in self.links for w in link.weights}
        return frozenset((inside | beside | between | by_weight) & set(self.members))


def chart(shown: Shown, parameter: Symbol) -> Chart:
    """The chart of a graph and one of its parameters. Raises BadPicture where it would be too large."""
    graph = shown.graph
    boxes = tuple(_boxes(shown, parameter))
    if len(boxes) > MAX_BOXES:
        raise BadPicture(f"a picture shows at most {MAX_BOXES} nodes; {graph.title} has {len(boxes)}")
    links = tuple(_links(graph, boxes))
    if len(links) > MAX_LINKS:
        raise BadPicture(f"a picture shows at most {MAX_LINKS} edges; {graph.title} has {len(links)}")
    return Chart(graph, parameter, boxes, links, *_routes(_Paths(shown, parameter)))


# ---------------------------------------------------------------- boxes and links


def _boxes(shown: Shown, parameter: Symbol) -> Iterator[Box]:
    graph = shown.graph
    for quantity in graph.quantities.values():
        q = quantity.symbol
        if not (graph.consumers[q] or q == graph.error):
            continue
        if quantity.role != "input" and quantity.definition is None:
            continue
        if quantity.role == "activation" and _one_box(graph, q):
            continue
        users = graph.consumers[q]
        output = users if len(users) == 1 and _one_box(graph, users[0]) else ()
        count = shown.counts.get(q, 1)
        yield Box((q, *output), () if count > 1 else _leaves(graph, q, parameter), count)


def _one_box(graph: Graph, q: Symbol) -> bool:
    """Whether a quantity is f(net) and shares the box of its net, which nothing else uses."""
    if graph[q].role != "activation":
        return False
    (net,) = symbols(graph.definition(q))
    return graph[net].role == "net" and graph.consumers[net] == (q,)


def _terms(definition: Expr) -> tuple[Expr, ...]:
    return (
        tuple(t for t in definition.args if isinstance(t, Expr))
        if isinstance(definition, Add)
        else (definition,)
    )


def _weighted(graph: Graph, term: Expr) -> tuple[Symbol, Symbol] | None:
    """(w, y) where the term is w·y, w a parameter and y the output of a box."""
    if isinstance(term, (Mul, Tight)) and len(term.args) == 2:
        one, other = term.args
        for w, y in ((one, other), (other, one)):
            if (
                isinstance(w, Symbol)
                and isinstance(y, Symbol)
                and graph[w].role == "parameter"
                and _boxed(graph, y)
            ):
                return w, y
    return None


def _boxed(graph: Graph, q: Symbol) -> bool:
    return graph[q].role == "input" or graph[q].definition is not None


def _leaves(graph: Graph, q: Symbol, parameter: Symbol) -> tuple[Leaf, ...]:
    """What is written beside the box of q: the leaves in its definition that are no label of a link."""
    definition = graph[q].definition
    if definition is None:
        return ()
    found: dict[Symbol, None] = {}
    numbers = []
    for term in _terms(definition):
        if graph[q].role == "net" and isinstance(term, (Rational, Decimal)):
            numbers.append(term.text if isinstance(term, Decimal) else str(term))
        elif _weighted(graph, term) is None:
            found.update(dict.fromkeys(s for s in symbols(term) if not _boxed(graph, s)))
    leaves = [Leaf(q, s) for s in found]
    if len(leaves) > MAX_LEAVES:
        first = next((leaf for leaf in leaves if leaf.symbol == parameter), leaves[0])
        leaves = [first, Leaf(q)]
    return (*leaves, *(Leaf(q, number=number) for number in numbers))


def _links(graph: Graph, boxes: tuple[Box, ...]) -> Iterator[Link]:
    by_output = {box.quantities[-1]: i for i, box in enumerate(boxes)}
    for i, box in enumerate(boxes):
        q = box.quantities[0]
        definition = graph[q].definition
        if definition is None:
            continue
        weights: dict[Symbol, list[Symbol]] = {s: [] for s in symbols(definition) if s in by_output}
        for term in _terms(definition):
            pair = _weighted(graph, term)
            if pair is not None and pair[0] not in weights[pair[1]]:
                weights[pair[1]].append(pair[0])
        for y, found in weights.items():
            yield Link(by_output[y], i, (y, q), tuple(found))


# ---------------------------------------------------------------- paths


class _Paths:
    """The edges on the way from a parameter to the error, and how many paths they make."""

    def __init__(self, shown: Shown, parameter: Symbol) -> None:
        self.graph, self.counts, self.parameter = shown.graph, shown.counts, parameter
        self.users: dict[Symbol, tuple[Symbol, ...]] = {}
        reached = {parameter}
        for q in self.graph.order:
            if q in reached:
                self.users[q] = self.graph.consumers[q]
                reached.update(self.users[q])
        self.edges: list[Edge] = [(q, user) for q, users in self.users.items() for user in users]
        self.number: dict[Symbol, int] = {self.graph.error: 1}
        for q in reversed(list(self.users)):
            if q != self.graph.error:
                self.number[q] = sum(self.through(q, user) for user in self.users[q])

    def through(self, q: Symbol, user: Symbol) -> int:
        """How many paths from q to the error go through `user`, or those that it stands for."""
        return self.copies(q, user) * self.number[user]

    def copies(self, q: Symbol, user: Symbol) -> int:
        """How many edges from one q an edge stands for: to its own of several users, or to all of them."""
        count = self.counts.get(user, 1)
        if count == 1 or q not in self.counts or self.graph[user].definition is None:
            return count
        alike = [
            s for s in symbols(self.graph.definition(user)) if self.graph[s].naming == self.graph[q].naming
        ]
        return count if len(alike) > 1 else 1

    def apart(self, limit: int) -> list[tuple[Symbol, ...]]:
        """The first paths through quantities that stand for themselves, at most `limit`."""
        found: list[tuple[Symbol, ...]] = []
        todo: list[tuple[Symbol, ...]] = [(self.parameter,)]
        while todo and len(found) < limit:
            path = todo.pop()
            if path[-1] == self.graph.error:
                found.append(path)
            else:
                todo.extend(
                    (*path, user) for user in reversed(self.users[path[-1]]) if user not in self.counts
                )
        return found

    def beyond(self, q: Symbol) -> set[Symbol]:
        """q and all that follows from it."""
        found = {q}
        for s in self.users:
            if s in found:
                found.update(self.users[s])
        return found

    def further(self) -> frozenset[Edge]:
        """The edges of the paths that go through a quantity that stands for several."""
        after: set[Symbol] = set()
        before: set[Symbol] = set()
        for q in self.users:
            if q in self.counts or q in after:
                after.update((q, *self.users[q]))
        for q in reversed(list(self.users)):
            if q in self.counts or any(user in before for user in self.users[q]):
                before.add(q)
        return frozenset((q, user) for q, user in self.edges if q in after or user in before)


_Routes = tuple[tuple[Route, ...], dict[Edge, frozenset[int]], int]


def _routes(paths: _Paths) -> _Routes:
    """The paths one by one where they can be told apart, else by the branch they take first."""
    total = paths.number[paths.parameter]
    found = paths.apart(MAX_ROUTES + 1)
    if len(found) > MAX_ROUTES:
        return _bundles(paths, total)
    sets = [frozenset(pairwise(path)) for path in found]
    if total > len(found):
        sets.append(paths.further())
    members = _members(paths, sets)
    routes = [Route("path", _differing(path, members, len(sets)), 1) for path in found]
    if total > len(found):
        routes.append(Route("further", (), total - len(found)))
    return tuple(routes), members, total


def _bundles(paths: _Paths, total: int) -> _Routes:
    """The paths by the branch at which they part, seen from the parameter."""
    trunk = [paths.parameter]
    while len(paths.users[trunk[-1]]) == 1:
        trunk.append(paths.users[trunk[-1]][0])
    fork, heads = trunk[-1], paths.users[trunk[-1]]
    clear = [head for head in heads if head not in paths.counts]
    clear = clear if len(clear) <= MAX_ROUTES else clear[: MAX_ROUTES - 1]
    common = frozenset(pairwise(trunk))
    sets, routes = [], []
    for head in clear:
        sets.append(common | _onwards(paths, fork, head))
        routes.append(Route("bundle", (head, fork), paths.through(fork, head)))
    rest = [head for head in heads if head not in clear]
    if rest:
        sets.append(common.union(*(_onwards(paths, fork, head) for head in rest)))
        routes.append(Route("further", (), sum(paths.through(fork, head) for head in rest)))
    return tuple(routes), _members(paths, sets), total


def _onwards(paths: _Paths, fork: Symbol, head: Symbol) -> frozenset[Edge]:
    reached = paths.beyond(head)
    return frozenset({(fork, head), *(edge for edge in paths.edges if edge[0] in reached)})


def _members(paths: _Paths, sets: list[frozenset[Edge]]) -> dict[Edge, frozenset[int]]:
    return {edge: frozenset(i for i, s in enumerate(sets) if edge in s) for edge in paths.edges}


def _differing(
    path: tuple[Symbol, ...], members: Mapping[Edge, frozenset[int]], routes: int
) -> tuple[Symbol, ...]:
    """The stretch of a path with edges that some other path does not take, from the error's side."""
    own = [i for i, edge in enumerate(pairwise(path)) if len(members[edge]) < routes]
    stretch = path[own[0] : own[-1] + 2] if own else path
    return tuple(reversed(stretch))
