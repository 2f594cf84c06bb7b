"""What the notes are about: a graph, one parameter of each layer, and their one derivation.

The derivation is of every parameter, those of the notes first, so that nothing is derived twice: the
lines, the numbers, the check and the training all come from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sympy import Expr, Mul, Symbol

from backprop_symbolic.algebra import Partial, pending
from backprop_symbolic.api import collector_paused
from backprop_symbolic.backprop import backprop
from backprop_symbolic.derivation import Derivation, Group, Result, Rule, Section, Step
from backprop_symbolic.errors import BadSetting, quoted
from backprop_symbolic.graph import Graph
from backprop_symbolic.verify import Verifier, decide, verify

#: Sections of a derivation that are about one parameter.
OWN = ("weight", "bias", "parameter")
#: Parameters of a graph without layers that the notes go through where none are asked for.
MAX_PARAMETERS = 4


@dataclass(frozen=True)
class Subject:
    """A graph and its verified derivation; `chosen` are the parameters the notes go through."""

    graph: Graph
    derivation: Derivation
    chosen: tuple[Symbol, ...]

    # ------------------------------------------------------------ sections

    def section(self, key: str) -> Section:
        """The section of the whole derivation called `key`: forward or error."""
        return next(s for s in self.derivation.sections if s.key == key)

    @cached_property
    def sections(self) -> Mapping[Symbol, tuple[tuple[Section, ...], Section]]:
        """Parameter → the sections that prepare its own (δ of other units), and its own."""
        found: dict[Symbol, tuple[tuple[Section, ...], Section]] = {}
        before: list[Section] = []
        for section in self.derivation.sections:
            w = section.args.get("weight")
            if section.key in OWN and isinstance(w, Symbol):
                found[w] = tuple(before), section
                before = []
            elif section.key not in ("forward", "error"):
                before.append(section)
        return found

    def own(self, w: Symbol) -> Section:
        """The section that derives ∂E/∂w."""
        return self.sections[w][1]

    def prepared(self, w: Symbol) -> tuple[Section, ...]:
        """The sections before it that give the δ it leans on."""
        return self.sections[w][0]

    # ------------------------------------------------------------ places

    @property
    def first(self) -> Symbol:
        """The parameter at the end of the network."""
        return self.chosen[0]

    def net(self, w: Symbol) -> Symbol:
        """The weighted sum, or other quantity, that w enters."""
        return self.graph.consumers[w][0]

    def output(self, w: Symbol) -> Symbol:
        """The output of the unit that w belongs to; the quantity itself where there is none."""
        net = self.net(w)
        place, graph = self.graph[net].place, self.graph
        users = graph.consumers[net]
        own = [y for y in users if graph[y].place.layer and graph[y].place.index == place.index]
        return next(iter(own or users), net)

    def delta(self, w: Symbol) -> Symbol | None:
        """δ of the unit that w belongs to."""
        return self.graph.deltas.get(self.net(w))

    def layer(self, w: Symbol) -> int:
        """The layer of w, from 1."""
        return self.graph[w].place.layer

    # ------------------------------------------------------------ what was found

    @cached_property
    def values(self) -> Mapping[Expr, Expr]:
        """Each derivative with what it was found to be: the last line that leaves nothing to be done."""
        return {s.lhs: s.rhs for s in self.derivation.steps if not pending(s.rhs)}

    def factors(self, w: Symbol) -> tuple[Partial, ...]:
        """The factors of ∂E/∂w along its chain; empty where it is no product of derivatives."""
        chain = next((s for s in self.own(w).steps() if s.lhs == Partial(self.graph.error, w)), None)
        if chain is None or not isinstance(chain.rhs, Mul):
            return ()
        found = tuple(f for f in chain.rhs.args if isinstance(f, Partial))
        return found if len(found) == len(chain.rhs.args) else ()

    @cached_property
    def decided(self) -> Mapping[str, Step]:
        """Every step of the derivation by its id, with its evidence."""
        return {s.id: s for s in self.derivation.steps}

    def result(self, w: Symbol) -> Result:
        """What the derivation ends with for w, each step with its evidence.

        The update of a parameter that the error does not depend on is no step of it.
        """
        found = self.derivation.results[w]
        gradient, folded, update = (
            self.decided.get(s.id, s) for s in (found.gradient, found.folded, found.update)
        )
        return Result(w, gradient, folded, update)

    def definition(self, delta: Symbol) -> Step:
        """The step that gives a δ its value."""
        return self.decided[self.derivation.definitions[delta].id]

    def is_used(self, w: Symbol) -> bool:
        """Whether the error depends on w."""
        return bool(self.graph.consumers[w])

    def rule(self, w: Symbol) -> Step:
        """w(t+1) = w(t) - η·∂E/∂w."""
        update = self.derivation.results[w].update.lhs
        return next(s for s in self.own(w).steps() if s.lhs == update)

    def defined_in(self, sections: Iterable[Section]) -> Iterator[Step]:
        """The steps that give each δ of some sections its value."""
        inside = {s.id for section in sections for s in section.steps()}
        yield from (self.definition(d) for d, s in self.derivation.definitions.items() if s.id in inside)

    # ------------------------------------------------------------ lines of one's own

    @cached_property
    def verifier(self) -> Verifier:
        """Decides further lines about this graph."""
        return Verifier(self.graph, self.derivation.meanings)

    def line(self, id: str, lhs: Expr, rule: Rule, uses: Sequence[str] = ()) -> Step:
        """lhs = what the rule gives, decided. Raises Unverified."""
        step = Step(id, lhs, rule.result(), rule, tuple(uses))
        return dataclasses.replace(step, evidence=decide(self.verifier, step))


def subject(graph: Graph, weights: Sequence[str] = (), strict: bool = False) -> Subject:
    """The derivation of all parameters of a graph; `weights` are those that the notes go through.

    In a network that is one of each layer: where none is named, the first weight into its first unit.
    Raises UnknownName for a weight that does not exist, BadSetting for two of one layer.
    """
    named = list(dict.fromkeys(graph.parameter(name) for name in weights))
    chosen = _one_of_each_layer(graph, named) if graph.network is not None else _some(graph, named)
    if not chosen:
        raise BadSetting(f"{graph.title} has no parameter to be derived")
    rest = sorted(set(graph.parameters) - set(chosen), key=lambda w: (-_depth(graph, w), graph.order[w]))
    with collector_paused():
        derivation = verify(backprop(graph, (*chosen, *rest)), strict=strict)
    return Subject(graph, derivation, tuple(chosen))


def _one_of_each_layer(graph: Graph, named: Sequence[Symbol]) -> list[Symbol]:
    """One parameter of each layer, the last layer's first."""
    found: dict[int, Symbol] = {}
    for w in named:
        layer = graph[w].place.layer
        if layer in found:
            raise BadSetting(
                f"{quoted(found[layer].name)} and {quoted(w.name)} are both of layer {layer}: "
                "the notes go through one parameter of each layer"
            )
        found[layer] = w
    for w in graph.parameters:
        if graph[w].naming == "weight":
            found.setdefault(graph[w].place.layer, w)
    return [found[layer] for layer in sorted(found, reverse=True)]


def _some(graph: Graph, named: Sequence[Symbol]) -> list[Symbol]:
    """Those named, or the parameters nearest to the error."""
    if named:
        return list(named)
    return sorted(graph.parameters, key=lambda w: (-_depth(graph, w), graph.order[w]))[:MAX_PARAMETERS]


def _depth(graph: Graph, w: Symbol) -> int:
    """The layer of a parameter; in a graph without layers the place of what it enters last."""
    if graph.network is not None:
        return graph[w].place.layer
    return max((graph.order[user] for user in graph.consumers[w]), default=-1)


def walk(items: Iterable[Group | Section]) -> Iterator[Group]:
    """Every group of some sections, in reading order."""
    for item in items:
        if isinstance(item, Group):
            yield item
        else:
            yield from walk(item.items)
