"""An optimiser's rule written down, and what follows from it, every equality verified.

The rule is that which trains: `optimizers` has it once. Its states and weights are sequences v(t),
w(t); an equality for every t is decided at t = 1 … LAST by running the rule from the beginning with
random values of a prime field, which is another route than the rewriting that is shown. For all t it
follows where an induction step is among the equalities.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import cast

from sympy import Expr, Integer, Pow, Rational, Symbol

from backprop_symbolic.algebra import (
    ONE,
    ZERO,
    At,
    Call,
    Decimal,
    Partial,
    Series,
    add,
    mapped,
    plain,
    replace,
    sub,
)
from backprop_symbolic.derivation import Argument, Derivation, Evidence, Group, Section, Step
from backprop_symbolic.errors import Unverified
from backprop_symbolic.evaluate import Undecidable
from backprop_symbolic.expressions import parse
from backprop_symbolic.graph import Graph, Quantity
from backprop_symbolic.numeric.optimizers import Claim, Optimizer, lines, names
from backprop_symbolic.rules import Defined, Stated
from backprop_symbolic.verify import Verifier
from backprop_symbolic.wording import languages

LAST = 8
T, INDEX = Symbol("t"), Symbol("i")
W, G, RATE, ERROR = Symbol("w"), Symbol("g"), Symbol("eta"), Symbol("E")
#: Gradients that stay the same, and their squares.
STEADY = ("G", "Q")
_LATEX = {"eta": r"\eta", "G": r"\gamma", "Q": r"\kappa", "E": "E", "w": "w", "g": "g", "t": "t", "i": "i"}


@dataclass(frozen=True)
class RulePage(Derivation):
    """A derivation that is about an optimiser's rule."""

    optimizer: str = ""

    @property
    def title(self) -> tuple[str, Mapping[str, Argument]]:
        """The key of the title and what it speaks of."""
        return "title.optimizer", {"name": self.optimizer}


def descent(optimizer: Optimizer) -> RulePage:
    """The optimiser's page: its rule, then its claims, each with evidence. Raises Unverified."""
    page = _Page(optimizer)
    sections = [Section("optimizer_rule", (Group("optimizer_rule", tuple(page.rule())),))]
    for number, claim in enumerate(optimizer.claims, 1):
        steps = tuple(page.steps(claim, number))
        args = {"left": steps[0].lhs, "steady": Symbol(STEADY[0]), "square": Symbol(STEADY[1])}
        group = Group(claim.key, steps, args)
        sections.append(Section(claim.key, (group,)))
    return RulePage(
        page.shown(),
        tuple(sections),
        {},
        {},
        {},
        tuple(page.hypotheses()),
        {"method": "prime_field", "optimizer": optimizer.name, "updates": LAST},
        optimizer.name,
    )


class _Page:
    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.known = names(optimizer)
        self.recurrences = {Symbol(r.name): r for r in optimizer.sequences}
        self.general = dict(self.rewritten())
        self.has_root = any(rhs.has(Rational(1, 2)) for rhs in self.general.values())
        self.verifiers: dict[int, Verifier] = {}

    # ------------------------------------------------------------ the rule over time

    def rewritten(self) -> Iterator[tuple[Expr, Expr]]:
        """The rule with its times: v(t) = μ v(t-1) + g(t), …, w(t+1) = w(t) - …"""
        before = sub(T, ONE)
        time: dict[Expr, Expr] = {s: At(s, before) for s in map(Symbol, self.optimizer.states)}
        time |= {W: At(W, T), G: At(G, T)}
        for name, expr in lines(self.optimizer):
            rhs = replace(expr, time)
            lhs = At(W, add(T, ONE)) if name == W else At(name, T)
            time[name] = lhs
            yield lhs, rhs

    def rule(self) -> Iterator[Step]:
        for number, (lhs, rhs) in enumerate(self.general.items(), 1):
            yield self.decided(Step(f"r{number}", lhs, rhs, Defined(rhs)))

    def steps(self, claim: Claim, number: int) -> Iterator[Step]:
        left = self.read(claim.left)
        for place, text in enumerate(claim.right, 1):
            right = self.read(text)
            yield self.decided(Step(f"c{number}.{place}", left, right, Stated(right)))

    def read(self, text: str) -> Expr:
        """A claim's formula: v(t) as a sequence, sum(u) as a series."""
        sequences = {"w", "g", *self.optimizer.states, *(s.name for s in self.recurrences)}
        free = {**self.known, "i": INDEX, **{name: Symbol(name) for name in STEADY}}

        def function(name: str) -> Symbol | None:
            return Symbol(name) if name in {*sequences, "sum", "sum_next"} else None

        return _sequenced(parse(text, free.get, function, where=f"a claim of {self.optimizer.name}"))

    # ------------------------------------------------------------ verification

    def decided(self, step: Step) -> Step:
        """The step with evidence that it holds at every t up to LAST at which it speaks of something."""
        points = 0
        for t in range(1, LAST + 1):
            try:
                left, right = at(step.lhs, t), at(step.rhs, t)
            except _TooEarly:
                continue
            try:
                held = self.verifier(t).holds(left, right)
            except Undecidable as error:
                raise Unverified(f"step {step.id} at t = {t} could not be decided: {error}") from None
            if not held:
                raise Unverified(f"step {step.id}: {step.lhs} = {step.rhs} does not hold at t = {t}")
            points += held
        return changed(step, evidence=Evidence("prime_field", points))

    def verifier(self, t: int) -> Verifier:
        if t not in self.verifiers:
            self.verifiers[t] = Verifier(self.run(t), {})
        return self.verifiers[t]

    def run(self, t: int) -> Graph:
        """The rule run from the first update to the one after t, each number by name.

        Where the rule takes a root, w(1) … w(t) are any numbers: not every number of a prime field
        has a root, and no equality here speaks of more than one.
        """
        found = {s: Quantity(s, "constant") for s in self.constants()}
        found[_named(W, 1)] = Quantity(_named(W, 1), "parameter")
        found.update({_named(G, k): Quantity(_named(G, k), "input") for k in range(1, t + 2)})

        def put(lhs: Expr, rhs: Expr) -> None:
            found[cast(Symbol, lhs)] = Quantity(cast(Symbol, lhs), "node", rhs)

        for state in map(Symbol, self.optimizer.states):
            put(_named(state, 0), ZERO)
        for symbol, r in self.recurrences.items():
            put(_named(symbol, r.first), at(self.read(r.start), 1))
        for k in range(1, t + 2):
            for lhs, rhs in self.general.items():
                if self.has_root and lhs.args[0] == W and k != t:
                    found[_named(W, k + 1)] = Quantity(_named(W, k + 1), "parameter")
                else:
                    put(at(lhs, k), at(rhs, k))
            for symbol, r in self.recurrences.items():
                if k > r.first:
                    put(_named(symbol, k), at(self.read(r.formula), k))
        return Graph(found, _named(W, t + 1), RATE, {})

    def constants(self) -> list[Symbol]:
        return [RATE, *(Symbol(s.name) for s in self.optimizer.settings), *map(Symbol, STEADY)]

    # ------------------------------------------------------------ the page

    def hypotheses(self) -> Iterator[tuple[str, Mapping[str, Argument]]]:
        yield (
            "optimizer_gradient",
            {"gradient": At(G, T), "partial": Partial(ERROR, W), "weight": At(W, T), "rate": RATE},
        )
        for state in self.optimizer.states:
            yield "optimizer_start", {"state": At(Symbol(state), ZERO), "value": ZERO}
        for r in self.optimizer.sequences:
            first = At(Symbol(r.name), Integer(r.first))
            yield "optimizer_start", {"state": first, "value": self.read(r.start)}
        for setting in self.optimizer.settings:
            default = Decimal(Rational(repr(setting.default)))
            yield "optimizer_setting", {"name": Symbol(setting.name), "default": default}

    def shown(self) -> Graph:
        """A graph that gives every name its LaTeX."""
        latex = {**_LATEX, **{s.name: s.latex for s in self.optimizer.settings}, **self.optimizer.latex}
        latex |= {r.name: r.latex for r in self.optimizer.sequences}
        written = {symbol: latex.get(symbol.name, symbol.name) for symbol in self.known.values()}
        written |= {Symbol(name): shown for name, shown in latex.items()}
        leaves = {W: Quantity(W, "parameter"), ERROR: Quantity(ERROR, "error")}
        leaves |= {s: Quantity(s, "constant") for s in self.constants()}
        return Graph(
            leaves, ERROR, RATE, {}, title=self.optimizer.name, _written=dict.fromkeys(languages(), written)
        )


class _TooEarly(Exception):
    """v(-1): the equality speaks of an update before the first."""


def at(expr: Expr, t: int) -> Expr:
    """`expr` at one t: v(t-1) becomes the symbol of that number, a series its terms."""

    def put(node: Expr) -> Expr | None:
        if isinstance(node, At):
            return _named(cast(Symbol, node.args[0]), int(plain(cast(Expr, node.args[1]))))
        if isinstance(node, Series):
            term, index, last = cast(tuple[Expr, Symbol, Expr], node.args)
            terms = [replace(term, {index: Integer(i)}) for i in range(1, int(plain(last)) + 1)]
            return add(*(mapped(u, put) for u in terms))
        if isinstance(node, Pow):
            base, exponent = cast(tuple[Expr, Expr], node.args)
            return cast(Expr, Pow(mapped(base, put), plain(exponent), evaluate=False))
        return None

    return mapped(replace(expr, {T: Integer(t)}), put)


def _named(sequence: Symbol, index: int) -> Symbol:
    if index < (1 if sequence in (W, G) else 0):
        raise _TooEarly
    return Symbol(f"{sequence.name}({index})")


def _sequenced(expr: Expr) -> Expr:
    """`expr` with calls v(t) as At and sum(u) as Series."""

    def change(node: Expr) -> Expr | None:
        if not isinstance(node, Call):
            return None
        inside = cast(Expr, node.args[1])
        if node.name in ("sum", "sum_next"):
            return Series(_sequenced(inside), INDEX, T if node.name == "sum" else add(T, ONE))
        return At(Symbol(node.name), inside)

    return mapped(expr, change)
