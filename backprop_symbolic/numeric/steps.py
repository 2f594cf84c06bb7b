"""The numbers that a derivation's own steps give, as they stand or with something done wrong.

δ, ∂E/∂w and w(t+1) are evaluated as the steps write them: a step that was put together from facts
(`Inserted`) can be put together again from others. That is how a usual mistake is computed: the
derivation with one factor dropped, one path forgotten, one name exchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

from sympy import Expr, Symbol

from backprop_symbolic.algebra import Partial, replace, symbols
from backprop_symbolic.derivation import Derivation, Step
from backprop_symbolic.evaluate import Evaluator, Numbers, TermIndex
from backprop_symbolic.graph import Graph, now
from backprop_symbolic.numeric.values import Values, evaluate
from backprop_symbolic.rules import Inserted


@dataclass(frozen=True)
class Damage:
    """What is done otherwise than the derivation says.

    facts    (step, what a fact is put in for) → what is put in instead
    numbers  other numbers for some names, in the backward pass alone
    """

    facts: Mapping[tuple[str, Expr], Expr] = field(default_factory=dict)
    numbers: Mapping[Symbol, float] = field(default_factory=dict)


NONE = Damage()


class Steps:
    """A derivation of all parameters at one point."""

    def __init__(self, derivation: Derivation, values: Values) -> None:
        self.derivation, self.graph, self.values = derivation, derivation.graph, values
        self.known = evaluate(self.graph, values.numbers)
        self.index = TermIndex(self.graph)

    @property
    def rate(self) -> float | None:
        """The learning rate, where it was given."""
        return self.values.numbers.get(self.graph.rate)

    def value(self, expr: Expr, known: Mapping[Symbol, float]) -> float:
        """An expression's value where `known` gives every name."""
        point = Evaluator(self.graph, {}, Numbers(), lambda s: complex(known[s]), index=self.index)
        point.fixed.update({s: complex(n) for s, n in known.items()})
        return float(point.value(expr).real)

    # ------------------------------------------------------------ δ and gradients

    def needed(self, expr: Expr) -> list[Symbol]:
        """The δ that `expr` leans on, directly or through others, in the order they are defined."""
        found: set[Symbol] = set()
        todo = [expr]
        while todo:
            for s in symbols(todo.pop()):
                if s in self.derivation.definitions and s not in found:
                    found.add(s)
                    todo.append(self.derivation.definitions[s].rhs)
        return [d for d in self.derivation.definitions if d in found]

    def built(self, step: Step, damage: Damage) -> Expr:
        """The right side of a step, put together again where one of its facts is another."""
        rule = step.rule
        if isinstance(rule, Inserted) and any((step.id, key) in damage.facts for key, _ in rule.values):
            facts = {key: damage.facts.get((step.id, key), fact) for key, fact in rule.values}
            return replace(rule.pattern, facts)
        return step.rhs

    def deltas(self, expr: Expr, damage: Damage = NONE) -> dict[Symbol, float]:
        """Every name's number, with the δ that `expr` leans on."""
        known = {**self.known, **damage.numbers}
        for delta in self.needed(expr):
            known[delta] = self.value(self.built(self.derivation.definitions[delta], damage), known)
        return known

    def delta(self, delta: Symbol, damage: Damage = NONE) -> float:
        """δ as its steps give it."""
        step = self.derivation.definitions[delta]
        return self.value(self.built(step, damage), self.deltas(step.rhs, damage))

    def gradient(self, w: Symbol, damage: Damage = NONE) -> float:
        """∂E/∂w as the steps give it."""
        folded = self.derivation.results[w].folded
        return self.value(self.built(folded, damage), self.deltas(folded.rhs, damage))

    def update(self, w: Symbol, gradient: float) -> float:
        """w(t+1) = w(t) - η·∂E/∂w as the step writes it, for a value of ∂E/∂w."""
        rule = self.derivation.results[w].update.rule
        partial, found = Partial(self.graph.error, w), Symbol("gradient")
        pattern = replace(cast(Inserted, rule).pattern, {partial: found})
        return self.value(pattern, {**self.known, now(w): self.known[w], found: gradient})

    @cached_property
    def gradients(self) -> Mapping[Symbol, float]:
        """∂E/∂w of every parameter, each δ computed once."""
        point = Evaluator(self.graph, {}, Numbers(), lambda s: complex(self.known[s]), index=self.index)
        point.fixed.update({s: complex(n) for s, n in self.known.items()})
        for delta, step in self.derivation.definitions.items():
            point.fixed[delta] = point.value(step.rhs)
        results = self.derivation.results
        return {w: float(point.value(results[w].folded.rhs).real) for w in self.graph.parameters}

    @cached_property
    def updated(self) -> Mapping[Symbol, float]:
        """Every parameter after one update, all at once."""
        return {w: self.update(w, g) for w, g in self.gradients.items()}

    @cached_property
    def one_by_one(self) -> Mapping[Symbol, float]:
        """Every parameter after an update layer by layer, the output first, new values used at once."""
        new: dict[Symbol, float] = {}
        for layer in self.layers:
            damage = Damage(numbers=dict(new))
            new.update({w: self.update(w, self.gradient(w, damage)) for w in layer})
        return new

    @cached_property
    def layers(self) -> list[list[Symbol]]:
        """The parameters by layers, the output's first; of a graph, by what they feed."""
        place = self.graph.order
        key = {
            w: self.graph[w].place.layer
            if self.graph.network is not None
            else max((place[u] for u in self.graph.consumers[w]), default=0)
            for w in self.graph.parameters
        }
        return [[w for w in key if key[w] == k] for k in sorted(set(key.values()), reverse=True)]

    # ------------------------------------------------------------ the forward pass

    def passed(
        self, numbers: Mapping[Symbol, float], fixed: Mapping[Symbol, float] | None = None
    ) -> dict[Symbol, float]:
        """The forward pass with other numbers for some leaves, and with some quantities as given."""
        known = {**self.values.numbers, **numbers}
        if not fixed:
            return evaluate(self.graph, known)
        found = dict(known)
        for s, q in self.graph.quantities.items():
            if s in fixed:
                found[s] = fixed[s]
            elif q.definition is not None:
                found[s] = self.value(q.definition, found)
        return found


def siblings(graph: Graph, symbol: Symbol) -> list[Symbol]:
    """The other quantities of the same kind in the same layer."""
    here = graph[symbol]
    return [
        s
        for s, q in graph.quantities.items()
        if s != symbol and q.role == here.role and q.place.layer == here.place.layer
    ]
