"""Lines about any unit: δ_j = (Σ_k δ_k w_kj)·f'(net_j), tried at every unit of the network.

j, i, k    units: δ_j is ∂E/∂net_j, y_i the value that a unit or an input gives on
w_kj       the weight from j to k, or from k to j where only that exists
1, 2, …    beside a letter, w_1j: the units that j feeds, in their order; Σ_k and max_k go over them
f          the activation of the unit that it is applied to; sup |f'| its greatest slope
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product
from typing import Any, cast

from sympy import Expr, Mul, Piecewise, Symbol
from sympy.core.relational import Gt

from backprop_symbolic.algebra import Call, Partial, Tight, add
from backprop_symbolic.graph import Graph
from backprop_symbolic.message import Message
from backprop_symbolic.review.context import free_letters, walk
from backprop_symbolic.review.meaning import Meaning, NotUnderstood, Writer
from backprop_symbolic.review.tree import (
    Bars,
    Derivative,
    Greatest,
    Name,
    Node,
    Series,
    Span,
)

#: So many choices of units are tried for one line.
CHOICES = 60
DELTAS = ("delta", "δ")
NETS = ("net", "가중합")


@dataclass(frozen=True)
class Unit:
    """net, y = f(net), and the edges that lead into net: weight and what it is multiplied by."""

    net: Symbol
    output: Symbol
    edges: tuple[tuple[Symbol, Symbol], ...]


Place = Unit | Symbol  # a unit, or an input


@dataclass(frozen=True)
class Structure:
    """The units of a network, read off its definitions."""

    units: tuple[Unit, ...]
    error: Symbol

    @staticmethod
    def of(graph: Graph) -> Structure | None:
        """The units of `graph`; None where it has none."""
        outputs = {}
        for q in graph.quantities.values():
            if isinstance(q.definition, Call) and isinstance(q.definition.args[1], Symbol):
                outputs[q.definition.args[1]] = q.symbol
        units = []
        for net, output in outputs.items():
            definition = graph[net].definition if net in graph.quantities else None
            if definition is None:
                continue
            edges = tuple(edge for term in definition.args if (edge := _edge(term, graph)) is not None)
            if edges:
                units.append(Unit(net, output, edges))
        return Structure(tuple(units), graph.error) if units else None

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """Every unit and every input."""
        outputs = {unit.output for unit in self.units}
        inputs = dict.fromkeys(y for unit in self.units for _, y in unit.edges if y not in outputs)
        return (*self.units, *inputs)

    def above(self, place: Place) -> list[Unit]:
        """The units that a place feeds."""
        value = _value(place)
        return [unit for unit in self.units if any(y == value for _, y in unit.edges)]

    def weight(self, upper: Place, lower: Place) -> Symbol | None:
        """The weight on the edge from `lower` to `upper`."""
        if not isinstance(upper, Unit):
            return None
        return next((w for w, y in upper.edges if y == _value(lower)), None)


def _value(place: Place) -> Symbol:
    return place.output if isinstance(place, Unit) else place


def _edge(term: Any, graph: Graph) -> tuple[Symbol, Symbol] | None:
    """w·y of a weighted sum."""
    if not isinstance(term, (Mul, Tight)) or len(term.args) != 2:
        return None
    if not all(isinstance(a, Symbol) and a in graph.quantities for a in term.args):
        return None
    roles = [graph[cast(Symbol, a)].role for a in term.args]
    if roles.count("parameter") != 1:
        return None
    w, y = term.args if roles[0] == "parameter" else reversed(term.args)
    return cast(Symbol, w), cast(Symbol, y)


class UnitWriter(Writer):
    """The expression of a line with units for its letters."""

    def __init__(
        self, meaning: Meaning, structure: Structure, chosen: Mapping[str, Place], turned: bool
    ) -> None:
        super().__init__(meaning, {}, None)
        self.structure, self.chosen, self.turned = structure, chosen, turned

    def with_place(self, letter: str, place: Place) -> UnitWriter:
        return UnitWriter(self.meaning, self.structure, {**self.chosen, letter: place}, self.turned)

    def name(self, node: Name) -> Expr:
        places = [self.chosen.get(c) for c in node.sub]
        if not places or len(places) > 2 or None in places:
            return super().name(node)
        if len(places) == 2:
            upper, lower = cast(list[Place], reversed(places) if self.turned else places)
            weight = self.structure.weight(upper, lower)
            if weight is None:
                raise NotUnderstood(Message("why_unknown_name", {"name": node.key}), node.span)
            return weight
        place = cast(Place, places[0])
        if node.base in DELTAS or self.net_like(node):
            if not isinstance(place, Unit):
                raise NotUnderstood(Message("why_unknown_name", {"name": node.key}), node.span)
            net = place.net
            return Partial(self.structure.error, net) if node.base in DELTAS else net
        return _value(place)

    def net_like(self, node: Name) -> bool:
        """Whether the letters of a name are those of weighted sums."""
        nets = {unit.net for unit in self.structure.units}
        known = self.meaning.context.names.items()
        return node.base in NETS or any(s in nets and key.startswith(node.base) for key, s in known)

    def call(self, function: Name, argument: Node, primes: int, span: Span) -> Expr:
        net = self.expr(argument)
        unit = next((u for u in self.structure.units if u.net == net), None)
        own = self.meaning.context.function(function.key, self.meaning.stretch)
        if unit is not None and own is None and function.base in ("f", "g", "phi", "varphi") and primes < 2:
            return Partial(unit.output, unit.net) if primes else unit.output
        return super().call(function, argument, primes, span)

    def derivative(self, node: Derivative) -> Expr:
        by = self.name(node.by)
        if not isinstance(by, Symbol):
            raise NotUnderstood(Message("why_variable"), node.span)
        return self.partial(self.expr(node.of), by, node.span)

    def series(self, node: Series) -> Expr:
        if node.index is None or node.first is not None or node.last is not None:
            return super().series(node)
        letter = node.index.key
        return add(*(self.with_place(letter, unit).expr(node.term) for unit in self.over(letter, node)))

    def over(self, letter: str, node: Node) -> Sequence[Place]:
        """The units that an index runs over: those that the other place of w_kj feeds, or is fed by."""
        for name in walk(node):
            if isinstance(name, Name) and len(name.sub) == 2 and letter in name.sub:
                other = self.chosen.get(name.sub.replace(letter, "", 1))
                if other is None:
                    break
                if (name.sub[0] == letter) != self.turned:
                    return self.structure.above(other)
                if isinstance(other, Unit):
                    values = [y for _, y in other.edges]
                    return [p for p in self.structure.places if _value(p) in values]
        if len(self.main) == 1:
            return self.structure.above(self.main[0])
        raise NotUnderstood(Message("why_sum"), node.span)

    @cached_property
    def main(self) -> list[Place]:
        """The places that letters stand for, without those of numbers."""
        return list({id(p): p for c, p in self.chosen.items() if not c.isdigit()}.values())

    def greatest(self, node: Greatest) -> Expr:
        if node.index is not None:
            letter = node.index.key
            terms = [self.with_place(letter, p).expr(node.body) for p in self.over(letter, node)]
        else:
            inside = node.body.body if isinstance(node.body, Bars) else None
            unit = self.main[0] if len(self.main) == 1 else None
            if not (isinstance(inside, Name) and inside.mark == "prime" and isinstance(unit, Unit)):
                raise NotUnderstood(Message("why_foreign"), node.span)
            terms = [self.steepest(unit, node.span)]
        if not terms:
            raise NotUnderstood(Message("why_foreign"), node.span)
        found = terms[0]
        for term in terms[1:]:
            found = cast(
                Expr, Piecewise((term, Gt(term, found, evaluate=False)), (found, True), evaluate=False)
            )
        return found

    def steepest(self, unit: Unit, span: Span) -> Expr:
        """sup |f'| of the unit's activation, exactly or from above."""
        from backprop_symbolic.activations import activation
        from backprop_symbolic.facts import facts
        from backprop_symbolic.vanishing import steepness

        graph = cast(Graph, self.meaning.context.graph)
        applied = cast(Call, graph[unit.output].definition)
        known = facts(activation(applied.name)).steepest
        if not known.established or known.value.value.infinite:
            raise NotUnderstood(Message("why_foreign"), span)
        return steepness(known.value.value)


def bound_in(sides: Sequence[Node]) -> set[str]:
    """The letters that a sum or a maximum runs over."""
    return {
        n.index.key
        for side in sides
        for n in walk(side)
        if isinstance(n, (Series, Greatest)) and n.index is not None
    }


def letters_of(sides: Sequence[Node]) -> set[str]:
    """The letters of a line that stand for a unit and that no sum binds: the j of δ_j, w_kj and w_1j."""
    free = {c for side in sides for c in free_letters(side)}
    bound = bound_in(sides)
    for side in sides:
        for n in walk(side):
            if isinstance(n, Name) and len(n.sub) == 2 and sum(c.isdigit() for c in n.sub) == 1:
                free |= {c for c in n.sub if c in "ijklmn"} - bound
    return free


def choices(
    structure: Structure, sides: Sequence[Node], letters: set[str], turned: bool
) -> Iterator[dict[str, Place]]:
    """Units for the letters of a line, such that each weight in it stands on an edge."""
    free = sorted(letters)
    pairs = {n.sub for side in sides for n in walk(side) if isinstance(n, Name) and len(n.sub) == 2}
    digits = {c for pair in pairs for c in pair if c.isdigit() and any(d in letters for d in pair)}
    bound = bound_in(sides)
    bound_alone = [b for b in bound if not any(b in pair for pair in pairs)]
    deltas = {
        c for side in sides for n in walk(side) if isinstance(n, Name) and n.base in DELTAS for c in n.sub
    }

    def fits(chosen: Mapping[str, Place]) -> bool:
        if not all(isinstance(chosen[c], Unit) for c in deltas & letters):
            return False
        if bound_alone and not all(structure.above(chosen[c]) for c in letters):
            return False
        for pair in pairs:
            places = [chosen.get(c) for c in (reversed(pair) if turned else pair)]
            if None not in places:
                if structure.weight(cast(Place, places[0]), cast(Place, places[1])) is None:
                    return False
            elif any(c in bound for c in pair):
                other = chosen.get(next((c for c in pair if c not in bound), ""))
                if other is not None and not structure.above(other):
                    return False
        return True

    def found() -> Iterator[dict[str, Place]]:
        for places in product(structure.places, repeat=len(free)):
            chosen = dict(zip(free, places, strict=True))
            if digits and len(free) == 1:
                above = structure.above(places[0])
                if {str(k + 1) for k in range(len(above))} != digits:
                    continue
                chosen |= {str(k + 1): unit for k, unit in enumerate(above)}
            if fits(chosen):
                yield chosen

    if free and len(free) <= 3:
        yield from islice(found(), CHOICES)
