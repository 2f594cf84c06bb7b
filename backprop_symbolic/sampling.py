"""An activation and its derivative in floating point, for measurements and plots.

A formula becomes a function of dual numbers, (u, u') ↦ (f(u), f'(u)·u'), made once and called often.
Where that has no value, or the formula holds what it does not know, an `Evaluator` is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

from mpmath import mp, mpc, mpf
from sympy import Abs, Add, Basic, Expr, Mul, Piecewise, Pow, Rational, Symbol
from sympy import atan as atan_
from sympy import cos as cos_
from sympy import cosh as cosh_
from sympy import erf as erf_
from sympy import exp as exp_
from sympy import log as log_
from sympy import sign as sign_
from sympy import sin as sin_
from sympy import sinh as sinh_
from sympy.core.relational import Ge, Gt, Le, Lt, Relational

from backprop_symbolic.activations import Activation, formula, formula_of
from backprop_symbolic.algebra import Call, Frac, Partial, Tight, X, contains
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
        self.fast = dual(body)

    def __call__(self, x: float) -> tuple[float, float]:
        """f(x) and f'(x). Raises NoBound where f has no value."""
        found = self.at(x) or self.at(x + BESIDE)
        if found is None:
            raise NoBound(f"the activation has no value at {x:.6g}, which the network needs")
        return found

    def at(self, x: float) -> tuple[float, float] | None:
        """f(x) and f'(x), None where they have no value in floating point."""
        if self.fast is not None:
            try:
                value, slope = self.fast(x, 1.0)
            except (ArithmeticError, ValueError):
                value = slope = math.nan
            if math.isfinite(value) and math.isfinite(slope):
                return value, slope
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


# ---------------------------------------------------------------- dual numbers

#: (u, u') ↦ (f(u), f'(u)·u').
Dual = Callable[[float, float], tuple[float, float]]

#: g ↦ (g(v), g'(v)) for a value v.
_OUTER: dict[type, Callable[[float], tuple[float, float]]] = {
    exp_: lambda v: (math.exp(v),) * 2,
    log_: lambda v: (math.log(v), 1 / v),
    sin_: lambda v: (math.sin(v), math.cos(v)),
    cos_: lambda v: (math.cos(v), -math.sin(v)),
    sinh_: lambda v: (math.sinh(v), math.cosh(v)),
    cosh_: lambda v: (math.cosh(v), math.sinh(v)),
    atan_: lambda v: (math.atan(v), 1 / (1 + v * v)),
    erf_: lambda v: (math.erf(v), 2 / math.sqrt(math.pi) * math.exp(-v * v)),
    Abs: lambda v: (abs(v), 1.0 if v > 0 else -1.0),
    sign_: lambda v: (1.0 if v > 0 else -1.0, 0.0),
}


def dual(expr: Expr) -> Dual | None:
    """A formula in x as a function of dual numbers; None where it holds what has no such function."""
    try:
        return _dual(expr)
    except (KeyError, Undecidable, ArithmeticError, ValueError):
        return None


def _dual(expr: Basic) -> Dual:
    if expr == X:
        return lambda v, d: (v, d)
    if not contains(expr, X):
        number = Evaluator(_NOTHING, {}, Numbers(), lambda _: complex("nan")).value(expr).real
        return lambda v, d: (number, 0.0)
    if isinstance(expr, Piecewise):
        return _by_cases([(_dual(p.args[0]), p.args[1]) for p in expr.args])
    if isinstance(expr, Call):
        outer, inner = _dual(formula_of(expr.name)), _dual(expr.args[1])
        return lambda v, d: outer(*inner(v, d))
    if isinstance(expr, Pow):
        return _power(_dual(expr.args[0]), expr.args[1])
    parts = [_dual(arg) for arg in expr.args]
    if isinstance(expr, Add):
        return lambda v, d: cast(
            "tuple[float, float]", tuple(map(sum, zip(*(p(v, d) for p in parts), strict=True)))
        )
    if isinstance(expr, (Mul, Tight)):
        return _product(parts)
    if isinstance(expr, Frac):
        return _quotient(*parts)
    return _chain(_OUTER[expr.func], *parts)


def _product(parts: list[Dual]) -> Dual:
    def f(v: float, d: float) -> tuple[float, float]:
        value, slope = 1.0, 0.0
        for part in parts:
            u, t = part(v, d)
            value, slope = value * u, slope * u + value * t
        return value, slope

    return f


def _quotient(top: Dual, bottom: Dual) -> Dual:
    def f(v: float, d: float) -> tuple[float, float]:
        (a, s), (b, t) = top(v, d), bottom(v, d)
        value = a / b
        return value, (s - value * t) / b

    return f


def _power(base: Dual, exponent: Basic) -> Dual:
    if not isinstance(exponent, Rational):
        raise KeyError(exponent)
    n = int(exponent.p) if exponent.q == 1 else float(exponent)

    def f(v: float, d: float) -> tuple[float, float]:
        u, t = base(v, d)
        if u < 0 and isinstance(n, float):
            raise ValueError("a root of a negative number")
        return u**n, n * u ** (n - 1) * t

    return f


def _chain(outer: Callable[[float], tuple[float, float]], inner: Dual) -> Dual:
    def f(v: float, d: float) -> tuple[float, float]:
        u, t = inner(v, d)
        value, slope = outer(u)
        return value, slope * t

    return f


def _by_cases(pairs: list[tuple[Dual, Basic]]) -> Dual:
    """The first case that holds; at a border, as the evaluator has it, the one beyond."""
    tests = [(case, _gap(condition)) for case, condition in pairs]

    def f(v: float, d: float) -> tuple[float, float]:
        for case, gap in tests:
            if gap is None or gap(v) > 0:
                return case(v, d)
        raise ValueError("no case holds")

    return f


def _gap(condition: Basic) -> Callable[[float], float] | None:
    """What is greater than 0 where a condition holds; None where it always does."""
    if condition == True:  # noqa: E712
        return None
    if not isinstance(condition, Relational) or type(condition) not in (Gt, Ge, Lt, Le):
        raise KeyError(condition)
    left, right = (_dual(side) for side in condition.args)
    sign = 1 if type(condition) in (Gt, Ge) else -1
    return lambda v: sign * (left(v, 1.0)[0] - right(v, 1.0)[0])


_NOTHING = Graph({X: Quantity(X, "input")}, X, Symbol("eta"), {})
