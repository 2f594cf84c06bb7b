"""A second opinion in plain Python, for the tests only.

`Oracle` gives the value of any expression of a derivation at one real point, and ∂q/∂p by a
complex step: p is moved by 1e-30·i, the forward pass is run again, and the imaginary part of q is
read off. It shares no code with `backprop_symbolic.evaluate`. Activation and loss formulas are
read from the registry's text by Python itself (`formula`), not by the package's parser, so a new
entry needs nothing here.
"""

from __future__ import annotations

import cmath
import math
import random
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from sympy import Abs, Add, Basic, Expr, Mul, Piecewise, Pow, Rational, Symbol, pi, sign
from sympy.core.relational import Ge, Gt, Le, Lt

from backprop_symbolic.activations import activations
from backprop_symbolic.algebra import Call, Decimal, Frac, Partial, Prime, Tight
from backprop_symbolic.graph import Graph
from backprop_symbolic.registry import exact

H = 1e-30


class NoValue(Exception):
    """A point outside the domain: log 0, a division by zero."""


class Z:
    """A complex number that a formula may compare with 0 and take the absolute value of."""

    __slots__ = ("v",)

    def __init__(self, v: Any) -> None:
        self.v = complex(v.v if isinstance(v, Z) else v)

    def __add__(self, o: Any) -> Z:
        return Z(self.v + Z(o).v)

    def __sub__(self, o: Any) -> Z:
        return Z(self.v - Z(o).v)

    def __rsub__(self, o: Any) -> Z:
        return Z(Z(o).v - self.v)

    def __mul__(self, o: Any) -> Z:
        return Z(self.v * Z(o).v)

    def __truediv__(self, o: Any) -> Z:
        return Z(self.v / Z(o).v)

    def __rtruediv__(self, o: Any) -> Z:
        return Z(Z(o).v / self.v)

    def __pow__(self, o: Any) -> Z:
        exponent = Z(o).v
        whole = exponent.imag == 0 and exponent.real == int(exponent.real)
        return Z(self.v ** (int(exponent.real) if whole else exponent))

    def __rpow__(self, o: Any) -> Z:
        return Z(Z(o).v ** self.v)

    def __neg__(self) -> Z:
        return Z(-self.v)

    def __gt__(self, o: Any) -> bool:
        return self.v.real > Z(o).v.real

    def __lt__(self, o: Any) -> bool:
        return self.v.real < Z(o).v.real

    def __ge__(self, o: Any) -> bool:
        return self.v.real >= Z(o).v.real

    def __le__(self, o: Any) -> bool:
        return self.v.real <= Z(o).v.real

    def __abs__(self) -> Z:
        return Z(self.v if self.v.real > 0 else -self.v)

    __radd__, __rmul__ = __add__, __mul__


def _log(v: complex) -> complex:
    if v.real <= 0:
        raise NoValue("log of a number that is not positive")
    return cmath.log(v)


def _erf(v: complex) -> complex:
    return complex(math.erf(v.real), 2 / math.sqrt(math.pi) * math.exp(-(v.real**2)) * v.imag)


_PLAIN: dict[str, Callable[[complex], complex]] = {
    "exp": cmath.exp, "log": _log, "ln": _log, "sqrt": cmath.sqrt, "sin": cmath.sin, "cos": cmath.cos,
    "sinh": cmath.sinh, "cosh": cmath.cosh, "atan": cmath.atan, "erf": _erf,
    "abs": lambda v: v if v.real > 0 else -v,
    "sign": lambda v: complex((v.real > 0) - (v.real < 0)),
}  # fmt: skip


@cache
def _compiled(text: str) -> Any:
    return compile(text, text, "eval")


def formula(text: str, **names: Any) -> complex:
    """The value of a registry's formula, computed by Python's own arithmetic on complex numbers."""
    scope: dict[str, Any] = {n: (lambda u, f=f: Z(f(Z(u).v))) for n, f in _PLAIN.items()}
    scope.update({e.name: (lambda u, e=e: Z(apply(e.name, Z(u).v))) for e in activations})
    scope["pi"] = Z(math.pi)
    scope.update({name: Z(value) for name, value in names.items()})
    return Z(eval(_compiled(text), {"__builtins__": {}}, scope)).v  # text of this package's own registries


def apply(activation: str, x: complex) -> complex:
    """f(x) for an activation by its name."""
    entry = activations.get(activation)
    return formula(entry.formula, x=x, **settings(entry))


def settings(entry: Any) -> dict[str, float]:
    """The values of an entry's parameters: those it was given, the defaults for the others."""
    given = dict(entry.values)
    return {p.name: float(exact(given.get(p.name, p.default))) for p in entry.parameters}


class Oracle:
    """Values at one point, the leaves and free symbols given by `leaves` (drawn where missing)."""

    def __init__(
        self, graph: Graph, meanings: Mapping[Symbol, Expr], leaves: Mapping[str, float] | None = None,
        seed: int = 0, spread: float = 2.0,
    ) -> None:  # fmt: skip
        self.graph, self.meanings = graph, meanings
        self.leaves = dict(leaves or {})
        self.random, self.spread = random.Random(seed), spread
        self.passes: dict[tuple[Symbol, tuple[Symbol, ...]], dict[Symbol, complex]] = {}
        self.base = self.forward({})

    def leaf(self, symbol: Symbol) -> complex:
        if symbol in self.graph.constraints:  # a target of a distribution is what the others leave
            return self.at(self.graph.constraints[symbol], {})
        if symbol.name not in self.leaves:
            low, high = self.graph.domains.get(symbol, (-self.spread, self.spread))
            self.leaves[symbol.name] = self.random.uniform(low, high)
        return complex(self.leaves[symbol.name])

    def forward(self, moved: Mapping[Symbol, complex]) -> dict[Symbol, complex]:
        """The forward pass with some quantities set to other values."""
        found: dict[Symbol, complex] = dict(moved)
        for symbol, quantity in self.graph.quantities.items():
            if symbol not in found:
                definition = quantity.definition
                found[symbol] = self.leaf(symbol) if definition is None else self.at(definition, found)
        return found

    def value(self, expr: Basic) -> complex:
        """The value of `expr` at the point. Raises NoValue outside its domain."""
        return self.at(expr, self.base)

    def number(self, expr: Basic) -> float:
        value = self.value(expr)
        if not (cmath.isfinite(value) and abs(value.imag) <= 1e-9 * max(1.0, abs(value.real))):
            raise NoValue("not a finite real number")
        return value.real

    def partial(self, node: Partial) -> complex:
        """∂of/∂wrt by a complex step in wrt; what is held keeps its value."""
        key = (node.wrt, node.held)
        if key not in self.passes:
            start = self.base.get(node.wrt)
            if start is None:
                start = self.at(node.wrt, self.base)
            held = {h: self.base[h] for h in node.held}
            self.passes[key] = self.forward({**held, node.wrt: start + 1j * H})
        return complex(self.at(node.of, self.passes[key]).imag / H)

    def at(self, e: Basic, known: Mapping[Symbol, complex]) -> complex:
        try:
            return self._at(e, known)
        except (ZeroDivisionError, OverflowError, ValueError) as error:
            raise NoValue(str(error)) from None

    def _at(self, e: Basic, known: Mapping[Symbol, complex]) -> complex:
        if isinstance(e, Symbol):
            if e in known:
                return known[e]
            meaning = self.meanings.get(e)
            if meaning is None:
                return self.leaf(e)
            # δ is a derivative and stays; u = 1 + e^x, a name of a proof, moves with x.
            return self.value(meaning) if meaning.has(Partial) else self._at(meaning, known)
        if isinstance(e, Rational):
            return complex(e.p / e.q)
        if isinstance(e, Decimal):
            return complex(e.value.p / e.value.q)
        if isinstance(e, Partial):
            return self.partial(e)
        if isinstance(e, Call):
            return apply(str(e.args[0]), self._at(e.args[1], known))
        if isinstance(e, Prime):
            return complex(apply(str(e.args[0]), self._at(e.args[1], known).real + 1j * H).imag / H)
        if isinstance(e, Piecewise):
            return self._at(next(p.args[0] for p in e.args if self.true(p.args[1], known)), known)
        if e is pi:
            return complex(math.pi)
        values = [self._at(a, known) for a in e.args]
        if isinstance(e, Add):
            return sum(values, 0j)
        if isinstance(e, (Mul, Tight)):
            product = 1 + 0j
            for v in values:
                product *= v
            return product
        if isinstance(e, Frac):
            return values[0] / values[1]
        if isinstance(e, Pow):
            exponent = e.args[1]
            if isinstance(exponent, Rational) and exponent.q == 1:
                return complex(values[0] ** int(exponent.p))
            if values[0].real <= 0:
                raise NoValue("a root or power of a number that is not positive")
            return complex(cmath.exp(values[1] * cmath.log(values[0])))
        name = {Abs: "abs", sign: "sign"}.get(type(e), type(e).__name__)
        return complex(_PLAIN[name](values[0]))

    def true(self, condition: Basic, known: Mapping[Symbol, complex]) -> bool:
        if not isinstance(condition, (Gt, Ge, Lt, Le)):
            return bool(condition)
        left, right = (self._at(a, known).real for a in condition.args)
        return left > right if isinstance(condition, (Gt, Ge)) else left < right


def differ(left: float, right: float, tolerance: float = 1e-7) -> bool:
    """Whether two numbers are too far apart to be one number and a rounding error."""
    return abs(left - right) > tolerance * max(1e-3, abs(left), abs(right))
