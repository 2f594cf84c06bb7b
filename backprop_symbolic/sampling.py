"""An activation and its derivative in floating point, for measurements and plots."""

from __future__ import annotations

from sympy import Expr, Symbol

from backprop_symbolic.activations import Activation, formula, function_symbol
from backprop_symbolic.algebra import Call, Partial, X
from backprop_symbolic.errors import NoBound
from backprop_symbolic.evaluate import Evaluator, Numbers, Undecidable
from backprop_symbolic.graph import Graph, Quantity

BESIDE = 1e-9  # where f has no value at a point, the value this far to the right of it


class Sampled:
    """x ↦ (f(x), f'(x)), f' by forward-mode differentiation of the formula."""

    def __init__(self, entry: Activation) -> None:
        symbol = function_symbol(entry.name)
        body: Expr = formula(entry) if symbol is None else Call(symbol, X)
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
        point = Evaluator(self.graph, {}, Numbers(), lambda _: complex(x))
        try:
            return point.value(self.y).real, point.value(self.slope).real
        except (Undecidable, OverflowError, ZeroDivisionError):
            return None
