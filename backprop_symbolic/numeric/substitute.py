"""A derivation with numbers: = (0.7514 - 0.01) · 0.7514 · (1 - 0.7514) · 0.5933 = 0.08217.

Each line's number is the value of that line: numbers are put in for the names, and what comes out
is evaluated. What the line says of its left side is then found by another route, the forward-mode
derivative over the graph; where the two differ nothing is shown.
"""

from __future__ import annotations

import dataclasses
import math
from typing import cast

from sympy import Expr, Integer, Rational, Symbol

from backprop_symbolic.algebra import Numeral, pending, replace, symbols
from backprop_symbolic.api import VerifiedDerivation
from backprop_symbolic.derivation import Derivation, Step
from backprop_symbolic.document import Figure, Figures
from backprop_symbolic.errors import BadValues, Unverified, quoted
from backprop_symbolic.evaluate import Evaluator, Numbers, Undecidable
from backprop_symbolic.graph import now
from backprop_symbolic.numeric.values import Values

TOLERANCE = 1e-9  # relative
ROUNDING = 1e-14  # of the largest number in a line: what cancellation may leave
MAX_DIGITS = 17  # more than these a float does not hold


def figures(derivation: Derivation, values: Values, digits: int = 4) -> Figures:
    """Every line of `derivation` with numbers, shown with `digits` significant digits.

    Lines that speak of names without a number (x of a proof, a learning rate that was not given)
    and lines with a derivative still to be done have none. Raises Unverified where a line's number
    is not what the graph gives, BadValues for digits that make no sense or a line without a value.
    """
    if not 1 <= digits <= MAX_DIGITS:
        raise BadValues(f"--digits {digits}: numbers are shown with 1 to {MAX_DIGITS} significant digits")
    return _Figures(derivation, values, digits).whole()


def with_numbers(derived: VerifiedDerivation, values: Values, digits: int = 4) -> VerifiedDerivation:
    """`derived` with a line of numbers after each formula; see `figures`."""
    return dataclasses.replace(derived, figures=figures(derived.derivation, values, digits))


class _Figures:
    def __init__(self, derivation: Derivation, values: Values, digits: int) -> None:
        self.derivation, self.graph, self.values = derivation, derivation.graph, values
        self.digits = Integer(digits)
        self.known: dict[Expr, Expr] = {}
        leaves = {s: complex(n) for s, n in values.numbers.items()}
        leaves.update({now(w): leaves[w] for w in self.graph.parameters})
        #: Judges each line: δ is here ∂E/∂net by forward mode, not what the steps make of it.
        self.judge = Evaluator(self.graph, derivation.meanings, Numbers(), leaves.__getitem__)
        self.plain = Evaluator(self.graph, {}, Numbers(), leaves.__getitem__)

    def whole(self) -> Figures:
        graph, given = self.graph, self.values
        leaves = {}
        for s in graph.quantities:
            if s in given:
                leaves[s] = (self.numeral(given[s]), given.origins[s])
        self.known.update({s: number for s, (number, _) in leaves.items()})
        self.known.update({now(w): self.known[w] for w in graph.parameters})
        forward: dict[Symbol, Figure] = {}
        for s, q in graph.quantities.items():
            if q.definition is not None:
                figure = self.figure(q.definition, s.name)
                self.agrees(figure, s, f"{s.name} in the forward pass")
                forward[s] = figure
                self.known[s] = figure.result
        for delta, step in self.derivation.definitions.items():
            self.known[delta] = self.step(step).result
        steps = {s.id: self.step(s) for s in self.derivation.steps if self.has_number(s)}
        return Figures(int(self.digits), leaves, forward, steps)

    def numeral(self, value: float) -> Numeral:
        return Numeral(cast(Rational, Rational(*value.as_integer_ratio())), self.digits)

    def has_number(self, step: Step) -> bool:
        return (
            not pending(step.rhs) and all(s in self.known for s in symbols(step.rhs)) and self.is_here(step)
        )

    def is_here(self, step: Step) -> bool:
        """Whether the left side speaks of this graph, not of the variable of a formula."""
        lhs = step.lhs.args if step.lhs.args else (step.lhs,)
        named = {*self.graph.quantities, *self.derivation.meanings}
        return all(not isinstance(a, Symbol) or a in named for a in lhs)

    def step(self, step: Step) -> Figure:
        figure = self.figure(step.rhs, f"step {step.id}")
        self.agrees(figure, step.lhs, f"step {step.id} ({step.rule.key})")
        return figure

    def figure(self, expr: Expr, what: str) -> Figure:
        """The expression with numbers put in, and its value."""
        formula = replace(expr, self.known)
        try:
            value = self.plain.value(formula)
        except (Undecidable, ArithmeticError, ValueError) as error:
            raise BadValues(f"{what} has no value at these numbers: {error}") from None
        if not math.isfinite(value.real):
            raise BadValues(f"{what} is too large a number at these values")
        return Figure(formula, self.numeral(value.real))

    def agrees(self, figure: Figure, lhs: Expr, what: str) -> None:
        """Refuses a number that is not what the graph gives for the left side."""
        try:
            wanted = self.judge.value(lhs).real
        except (Undecidable, ArithmeticError, ValueError) as error:
            raise BadValues(f"{what} has no value at these numbers: {error}") from None
        largest = max((abs(float(n.value)) for n in figure.formula.atoms(Numeral)), default=1.0)
        if not abs(figure.value - wanted) <= TOLERANCE * abs(wanted) + ROUNDING * max(1.0, largest):
            raise Unverified(
                f"{what}: {lhs} comes to {figure.value!r} as the line says, and to {wanted!r} by the "
                f"forward-mode derivative of {quoted(self.graph.title)}"
            )
