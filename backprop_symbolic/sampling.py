"""An activation and its derivative in floating point, for measurements and plots."""

from __future__ import annotations

from typing import Any

from mpmath import mp, mpc, mpf
from sympy import Rational, Symbol

from backprop_symbolic.activations import Activation, formula
from backprop_symbolic.algebra import Partial, X
from backprop_symbolic.errors import NoBound
from backprop_symbolic.evaluate import Evaluator, Numbers, Undecidable
from backprop_symbolic.graph import Graph, Quantity

BESIDE = 1e-9  # where f has no value at a point, the value this far to the right of it


class Sampled:
    """x ↦ (f(x), f'(x)), f' by forward-mode differentiation of the formula."""

    def __init__(self, entry: Activation) -> None:
        body = formula(entry)
        self.y = Symbol("y")
        quantities = {X: Quantity(X, "input"), self.y: Quantity(self.y, "node", body)}
        self.graph = Graph(quantities, self.y, Symbol("eta"), {})
        self.slope = Partial(self.y, X)

    def __call__(self, x: float) -> tuple[float, float]:
        """f(x) and f'(x). Raises NoBound where f has no value."""
        found = self.at(x) or self.at(x + BESIDE)
        if found is None:
            raise NoBound(f"the activation has no value at {x:.6g}, which the network needs")
        return found

    def at(self, x: float) -> tuple[float, float] | None:
        """f(x) and f'(x), None where they have no value in floating point."""
        for domain in (Numbers(), Wide()):  # e^{x³} outgrows a float where the whole does not
            point = Evaluator(self.graph, {}, domain, lambda _, d=domain: d.number(Rational(x)))
            try:
                found = point.value(self.y).real, point.value(self.slope).real
                return float(found[0]), float(found[1])
            except OverflowError:
                continue
            except (Undecidable, ZeroDivisionError):
                return None
        return None


class Wide(Numbers):
    """Real numbers with exponents of any size."""

    def number(self, value: Rational) -> Any:
        return mpc(int(value.p)) / int(value.q)

    def sum(self, terms: list[Any]) -> Any:
        return sum(terms, mpc(0))

    def product(self, factors: list[Any]) -> Any:
        result = mpc(1)
        for f in factors:
            result *= f
        return result

    def power(self, base: Any, exponent: Rational) -> Any:
        if base == 0 and exponent.p < 0:
            raise Undecidable("division by zero")
        if exponent.q != 1 and base.real < 0:
            raise Undecidable("a root of a negative number")
        return base ** (mpf(int(exponent.p)) / int(exponent.q))

    def exponential(self, parts: list[tuple[Rational, Any]]) -> Any:
        return mp.exp(sum((self.number(c) * v for c, v in parts), mpc(0)))

    def function(self, name: str, value: Any) -> Any:
        if name == "pi":
            return mpc(mp.pi)
        if name == "log" and value.real <= 0:
            raise Undecidable("the logarithm of a number that is not positive")
        return mpc(getattr(mp, name)(value.real))
