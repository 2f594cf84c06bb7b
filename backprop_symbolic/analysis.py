"""Where a formula of one variable is zero, what sign it has, what it tends to: proved, or refused.

A formula is cut at the points where a case, an absolute value or a sign changes. On each piece it
is a rational function of x, of exponentials e^{c·x^n} and of values such as ln u, erf u: a `Frame`
holds it so. Its zeros are those of the factors of its numerator:

    a factor in x alone, or in one exponential alone   all real roots of a polynomial, isolated exactly
    any other factor                                   interval arithmetic: boxes that hold no zero,
                                                       boxes that hold one; beyond them one term
                                                       outweighs all the others

What cannot be settled raises NotEstablished; nothing is guessed, and no work is unbounded.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import FrameType
from typing import Any, TypeVar, cast

from sympy import (
    Abs,
    Add,
    Basic,
    Dummy,
    E,
    Expr,
    Float,
    Integer,
    Mul,
    Piecewise,
    Poly,
    Pow,
    Rational,
    expand,
    false,
    nan,
    oo,
    pi,
    radsimp,
    true,
    zoo,
)
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
from sympy.polys.domains import QQ
from sympy.polys.fields import FracField
from sympy.polys.polyerrors import BasePolynomialError

from backprop_symbolic import intervals
from backprop_symbolic.activations import formula_of
from backprop_symbolic.algebra import Call, Frac, X, contains, mapped, plain, rebuild, replace, sub
from backprop_symbolic.intervals import EVERYTHING, INF, Interval, around, point

MAX_CELLS = 64  # pieces of one formula
MAX_TERMS = 400  # of a numerator or a denominator
MAX_DEGREE = 80
MAX_ROOTS = 24  # the degree of a polynomial whose roots are isolated
MAX_BOXES = 3_000  # of one search for zeros
MAX_CALLS = 8_000_000  # function calls of one analysis; a shipped activation takes half at most
MAX_LIMIT_CALLS = 1_500_000  # the same, of one limit left to SymPy
SPLIT = 0.5131  # where a box is cut: not at a round number, where a zero is likely
NARROW = 1e-7  # of a box in which a zero is not yet alone

T = TypeVar("T")


class NotEstablished(Exception):
    """A fact that could not be proved with the work allowed. `str` says why, for a developer."""


class TooMuch(BaseException):
    """The work allowed is used up. No `except Exception` on the way may swallow it."""


def bounded(work: Callable[[], T], calls: int = MAX_CALLS) -> T:
    """work(), but at most `calls` function calls of it. Raises NotEstablished.

    Counted and not timed, so that the answer is the same on every machine.
    """
    _ = X + 1  # at its first sum SymPy loads parts of itself: that is no work to be counted
    left = calls
    before = sys.getprofile()

    def count(frame: FrameType, event: str, arg: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise TooMuch

    sys.setprofile(count)
    try:
        return work()
    except TooMuch:
        raise NotEstablished("more work than is allowed") from None
    except (RecursionError, OverflowError, MemoryError, BasePolynomialError) as error:
        raise NotEstablished(type(error).__name__) from None
    finally:
        sys.setprofile(before)


# ---------------------------------------------------------------- numbers and places


@dataclass(frozen=True, slots=True)
class Value:
    """A number: exactly where it has a closed form, and between two floats in any case."""

    exact: Expr | None
    box: Interval

    @property
    def infinite(self) -> bool:
        return self.exact in (oo, -oo)

    @property
    def middle(self) -> float:
        """The float nearest to it that is known."""
        return self.box.low if self.infinite else self.box.middle

    def __neg__(self) -> Value:
        return Value(None if self.exact is None else -self.exact, -self.box)

    def magnitude(self) -> Value:
        """|v|."""
        return -self if self.box.high <= 0 else Value(_abs(self.exact), self.box.magnitude())

    def below(self, other: Value) -> bool:
        """Whether it is surely less than `other`."""
        if self == other or (self.exact is not None and self.exact == other.exact):
            return False
        if self.exact is not None and other.exact is not None:
            return _sign(other.exact - self.exact) > 0
        return self.box.high < other.box.low


def _abs(exact: Expr | None) -> Expr | None:
    if exact is None:
        return None
    return -exact if _sign(exact) < 0 else exact


def exactly(value: Expr | int) -> Value:
    """A number that is known exactly."""
    found = cast(Expr, Integer(value) if isinstance(value, int) else value)
    if found in (oo, -oo):
        end = INF if found == oo else -INF
        return Value(found, point(end))
    if isinstance(found, Integer) and abs(int(found)) < 2**53:
        return Value(found, point(float(found)))
    middle = float(found.evalf(25))
    return Value(found, around(middle))


MINUS_INFINITY, INFINITY, NOUGHT = exactly(-oo), exactly(oo), exactly(0)


def _sign(value: Expr) -> int:
    """The sign of a real number given exactly. Raises NotEstablished where it shows none."""
    if isinstance(value, Rational):
        return (int(value.p) > 0) - (int(value.p) < 0)
    if value in (oo, -oo):
        return 1 if value == oo else -1
    if value.has(nan, zoo) or value.free_symbols:
        raise NotEstablished(f"no real number: {value}")
    for digits in (20, 50):
        shown = value.evalf(digits, maxn=400)
        if isinstance(shown, (Float, Rational)) and abs(shown) > Float(10) ** (8 - digits):
            return 1 if shown > 0 else -1
    if expand(radsimp(value)) == 0:
        return 0
    raise NotEstablished(f"the sign of {value}")


# ---------------------------------------------------------------- pieces


@dataclass(frozen=True, slots=True)
class Cell:
    """low < x < high, where the formula is `expr`, smooth and defined everywhere inside."""

    low: Value
    high: Value
    expr: Expr


def opened(expr: Expr) -> Expr:
    """`expr` with the formula of every activation in it written out."""

    def one(node: Expr) -> Expr | None:
        if not isinstance(node, Call):
            return None
        return replace(opened(formula_of(node.name)), {X: opened(cast(Expr, node.args[1]))})

    return mapped(expr, one)


def cells(expr: Expr) -> list[Cell]:
    """The pieces of a formula in x, from left to right; where it is undefined there is none."""
    found = list(_cut(opened(expr), MINUS_INFINITY, INFINITY))
    if len(found) > MAX_CELLS:
        raise NotEstablished("too many pieces")
    joined: list[Cell] = []
    for cell in found:
        before = joined[-1] if joined else None
        same = before and before.high == cell.low and before.expr == cell.expr
        if before and same and defined(expr, cell.low):
            joined[-1] = Cell(before.low, cell.high, cell.expr)
        else:
            joined.append(cell)
    return joined


def defined(expr: Expr, at: Value) -> bool:
    """Whether the formula has a value at a point."""
    try:
        value_at(expr, at)
    except NotEstablished:
        return False
    return True


def _cut(expr: Expr, low: Value, high: Value, depth: int = 0) -> Iterator[Cell]:
    if depth > MAX_CELLS:
        raise NotEstablished("too many switches")
    switch = next(_switches(expr), None)
    if switch is None:
        yield from _where_defined(expr, low, high)
        return
    inside = plain(switch)
    frame = Frame(inside)
    places = [low, *frame.zeros(frame.of(inside), low, high), high] if inside != 0 else [low, high]
    for a, b in pairwise(places):
        answer = 0 if inside == 0 else frame.sign(frame.of(inside), a, b)
        yield from _cut(_settled(expr, switch, answer), a, b, depth + 1)


def _gap(node: Basic) -> Expr | None:
    """What decides a switch by its sign, or None where `node` is none."""
    if isinstance(node, Relational):
        return sub(cast(Expr, node.args[0]), cast(Expr, node.args[1]))
    return cast(Expr, node.args[0]) if isinstance(node, (Abs, sign_)) else None


def _switches(expr: Basic) -> Iterator[Expr]:
    """What decides the cases, absolute values and signs in `expr`, innermost first."""
    for arg in expr.args:
        yield from _switches(arg)
    gap = _gap(expr)
    if gap is not None:
        yield gap


def _settled(expr: Expr, switch: Expr, answer: int) -> Expr:
    """`expr` where the sign of `switch` is known."""

    def walk(node: Basic) -> Basic:
        if not node.args:
            return node
        gap = _gap(node)
        if gap is not None and gap == switch:
            return _answer(node, answer)
        if isinstance(node, Piecewise):
            return _chosen([(walk(p.args[0]), walk(p.args[1])) for p in node.args])
        return _with(node, tuple(walk(arg) for arg in node.args))

    return cast(Expr, walk(expr))


def _answer(node: Basic, sign: int) -> Basic:
    if isinstance(node, Abs):
        inner = cast(Expr, node.args[0])
        return inner if sign > 0 else Mul(-1, inner, evaluate=False) if sign < 0 else Integer(0)
    if isinstance(node, sign_):
        return cast(Basic, Integer(sign))
    holds: dict[type, bool] = {Gt: sign > 0, Ge: sign >= 0, Lt: sign < 0, Le: sign <= 0}
    if type(node) not in holds:
        raise NotEstablished(f"condition {node}")
    return cast(Basic, true if holds[type(node)] else false)


def _chosen(pairs: list[tuple[Basic, Basic]]) -> Basic:
    """The first case that holds, if all cases before it are known not to."""
    left = [(value, test) for value, test in pairs if test != False]  # noqa: E712
    if not left:
        raise NotEstablished("no case holds")
    if left[0][1] == True:  # noqa: E712
        return left[0][0]
    return cast(Basic, Piecewise(*left, evaluate=False))


def _with(node: Basic, args: tuple[Basic, ...]) -> Basic:
    return node if all(a is b for a, b in zip(args, node.args, strict=True)) else rebuild(node, args)


def _where_defined(expr: Expr, low: Value, high: Value) -> Iterator[Cell]:
    """The parts of (low, high) where denominators are not 0, logarithms and roots exist."""
    whole = plain(expr)
    if whole.has(nan, zoo, oo):
        return
    parts = [(low, high)]
    for condition, positive in _conditions(expr):
        if not contains(condition, X):
            if positive and _sign(condition) < 0:
                return
            if not positive and _sign(condition) == 0:
                return
            continue
        frame = Frame(condition)
        element = frame.of(condition)
        kept = []
        for a, b in parts:
            places = [a, *frame.zeros(element, a, b), b]
            for left, right in pairwise(places):
                if not positive or frame.sign(element, left, right) > 0:
                    kept.append((left, right))
        parts = kept
    yield from (Cell(a, b, whole) for a, b in parts)


def _conditions(expr: Basic) -> Iterator[tuple[Expr, bool]]:
    """(u, True) for what must be positive, (u, False) for what must not be 0."""
    for arg in expr.args:
        yield from _conditions(arg)
    if isinstance(expr, Frac):
        yield plain(cast(Expr, expr.args[1])), False
    elif isinstance(expr, log_):
        yield plain(cast(Expr, expr.args[0])), True
    elif isinstance(expr, Pow):
        base, exponent = (plain(cast(Expr, a)) for a in expr.args)
        if not isinstance(exponent, Integer):
            yield base, True
        elif exponent < 0:
            yield base, False


def value_at(expr: Expr, at: Value) -> Expr:
    """The value of a formula at a point that is known exactly, cases and all."""
    if at.exact is None or at.infinite:
        raise NotEstablished("a place that has no closed form")
    here = opened(expr)
    while (switch := next(_switches(here), None)) is not None:
        here = _settled(here, switch, _sign(_put(plain(switch), at.exact)))
    for condition, positive in _conditions(here):
        sign = _sign(_put(condition, at.exact))
        if sign == 0 and _is_root(here) and positive:
            continue
        if sign == 0 or (positive and sign < 0):
            raise NotEstablished("no value at this point")
    return _put(plain(here), at.exact)


def _is_root(expr: Basic) -> bool:
    return not expr.has(log_)


def _put(expr: Expr, at: Expr) -> Expr:
    found = cast(Expr, expr.xreplace({X: at})) if contains(expr, X) else expr
    found = cast(Expr, found.doit()) if found.has(log_) else found
    if found.has(nan, zoo, oo) or found.free_symbols:
        raise NotEstablished("no value at this point")
    return tidied(found)


def tidied(value: Expr) -> Expr:
    """A number with its roots put together; e, erf and the like stay in terms of their own."""
    if isinstance(value, Rational):
        return cast(Expr, value)
    spread = expand(value)
    return cast(Expr, spread if spread.has(exp_, erf_, E, log_) else radsimp(spread))


# ---------------------------------------------------------------- the frame


@dataclass(frozen=True)
class Generator:
    """One of the quantities that a formula is rational in.

    key       what it stands for
    kind      x, exponential (e^{rate·x^order}), constant, or the function it is the value of
    argument  u, where it is a function of u
    """

    key: Expr
    kind: str
    rate: Interval | None = None
    order: int = 0
    argument: Expr | None = None


class Frame:
    """The field of rational functions of x, exponentials and functions that a formula lies in."""

    def __init__(self, expr: Expr) -> None:
        self.steps: dict[Expr, Rational] = {}  # exponent without its number → that number's divisor
        self.generators: dict[Expr, Generator] = {X: Generator(X, "x")}
        self._collect(expr)
        for rest, step in self.steps.items():
            self._exponential(rest, step)
        self.order = list(self.generators.values())
        names = [Dummy(f"g{i}") for i in range(len(self.order))]
        self.field: Any = FracField(names, QQ)
        self.ring = self.field.ring
        self.place = {g.key: i for i, g in enumerate(self.order)}
        self.known: dict[Expr, Any] = {}
        self.derived: dict[Any, Any] = {}
        self.slopes: list[Any] = [self._slope(g) for g in self.order]

    # ------------------------------------------------------------ building

    def _collect(self, expr: Expr, derivatives: bool = True) -> None:
        """Finds the generators that `expr` and its derivatives need."""
        if expr in self.generators or isinstance(expr, Rational):
            return
        if isinstance(expr, (exp_, sinh_, cosh_)):
            self._collect_exponent(cast(Expr, expr.args[0]))
        elif not expr.free_symbols:
            if isinstance(expr, (Add, Mul)) or _whole_power(expr):
                for arg in expr.args:
                    self._collect(cast(Expr, arg))
            elif isinstance(expr, Pow) and isinstance(expr.args[1], Rational):
                root = cast(Expr, Pow(expr.args[0], Rational(1, expr.args[1].q), evaluate=False))
                self.generators[root] = Generator(root, "constant")
            else:
                self.generators[expr] = Generator(expr, "constant")
        elif isinstance(expr, (Add, Mul)):
            for arg in expr.args:
                self._collect(arg)
        elif isinstance(expr, Pow):
            self._collect_power(*cast(tuple[Expr, Expr], expr.args))
        elif isinstance(expr, (log_, erf_, atan_, sin_, cos_)):
            u = cast(Expr, expr.args[0])
            self._collect(u)
            kinds = (sin_, cos_) if isinstance(expr, (sin_, cos_)) else (type(expr),)
            for kind in kinds:
                key = cast(Expr, kind(u, evaluate=False))
                self.generators.setdefault(key, Generator(key, kind.__name__, argument=u))
            if isinstance(expr, erf_):
                self._collect(cast(Expr, 1 / Pow(pi, Rational(1, 2))))
                self._collect_exponent(expand(-(u**2)))
        else:
            raise NotEstablished(f"no form for {type(expr).__name__}")

    def _collect_power(self, base: Expr, exponent: Expr) -> None:
        self._collect(base)
        if isinstance(exponent, Integer):
            return
        if isinstance(exponent, Rational):
            key = cast(Expr, Pow(base, Rational(1, exponent.q), evaluate=False))
            self.generators.setdefault(key, Generator(key, "root", order=int(exponent.q), argument=base))
            return
        self._collect(cast(Expr, log_(base)))
        self._collect_exponent(cast(Expr, expand(exponent * log_(base))))

    def _collect_exponent(self, exponent: Expr) -> None:
        for number, rest in _terms(exponent):
            known = self.steps.get(rest)
            self.steps[rest] = number if known is None else _divisor(known, number)
            if not isinstance(rest, log_) and rest.free_symbols:
                self._collect(rest)

    def _exponential(self, rest: Expr, step: Rational) -> None:
        if isinstance(rest, log_):
            base = cast(Expr, rest.args[0])
            self._collect(base)
            if step.q != 1:
                self._collect_power(base, Rational(1, step.q))
            return
        key = cast(Expr, exp_(step * rest))
        found = _monomial(rest)
        if not rest.free_symbols:
            self.generators.setdefault(key, Generator(key, "constant"))
        elif found is None:
            self.generators[key] = Generator(key, "exp", argument=step * rest)
        else:
            factor, order = found
            rate = exactly(step * factor).box
            self.generators[key] = Generator(key, "exponential", rate, order, step * rest)

    def of(self, expr: Expr) -> Any:
        """The element of the field that a formula is."""
        found = self.known.get(expr)
        if found is None:
            found = self.known[expr] = self._sized(self._of(expr))
        return found

    def _of(self, expr: Expr) -> Any:
        if expr in self.place:
            return self.field.gens[self.place[expr]]
        if isinstance(expr, Rational):
            return self.field(QQ(int(expr.p), int(expr.q)))
        if isinstance(expr, Add):
            total = self.field.zero
            for arg in expr.args:
                total = self._sized(total + self.of(arg))
            return total
        if isinstance(expr, Mul):
            product = self.field.one
            for arg in expr.args:
                product = self._sized(product * self.of(arg))
            return product
        if isinstance(expr, exp_):
            return self._of_exponent(cast(Expr, expr.args[0]))
        if isinstance(expr, (sinh_, cosh_)):
            up = self._of_exponent(cast(Expr, expr.args[0]))
            down = 1 / up
            return (up + down if isinstance(expr, cosh_) else up - down) / 2
        if isinstance(expr, Pow):
            return self._of_power(*cast(tuple[Expr, Expr], expr.args))
        if len(expr.args) != 1:
            raise NotEstablished(f"no form for {type(expr).__name__}")
        return self._generator(cast(Expr, rebuild(expr, expr.args)))

    def _generator(self, key: Expr) -> Any:
        if key not in self.place:
            raise NotEstablished(f"no form for {type(key).__name__}")
        return self.field.gens[self.place[key]]

    def _of_power(self, base: Expr, exponent: Expr) -> Any:
        if isinstance(exponent, Integer):
            inner = self.of(base)
            if inner == 0 and exponent < 0:
                raise NotEstablished("division by zero")
            if abs(int(exponent)) * max(_degree(inner.numer), _degree(inner.denom)) > MAX_DEGREE:
                raise NotEstablished("degree")
            return inner ** int(exponent)
        if isinstance(exponent, Rational):
            key = cast(Expr, Pow(base, Rational(1, exponent.q), evaluate=False))
            return self._generator(key) ** int(exponent.p)
        return self._of_exponent(cast(Expr, expand(exponent * log_(base))))

    def _of_exponent(self, exponent: Expr) -> Any:
        product = self.field.one
        for number, rest in _terms(exponent):
            step = self.steps[rest]
            if isinstance(rest, log_):
                product = product * self._of_power(cast(Expr, rest.args[0]), number)
                continue
            count = number / step
            gen = self._generator(cast(Expr, exp_(step * rest)))
            if abs(int(count)) > MAX_DEGREE:
                raise NotEstablished("degree")
            product = product * gen ** int(count)
        return product

    def _sized(self, element: Any) -> Any:
        for part in (element.numer, element.denom):
            if len(part) > MAX_TERMS or _degree(part) > MAX_DEGREE:
                raise NotEstablished("too large")
        return element

    # ------------------------------------------------------------ derivatives

    def _slope(self, g: Generator) -> Any:
        """dg/dx, as an element."""
        if g.kind == "x":
            return self.field.one
        if g.kind == "constant":
            return self.field.zero
        gen = self.field.gens[self.place[g.key]]
        u = cast(Expr, g.argument)
        inner = self.of(u)
        du = self._through(inner)
        if g.kind in ("exp", "exponential"):
            return du * gen
        if g.kind == "log":
            return du / inner
        if g.kind == "atan":
            return du / (1 + inner**2)
        if g.kind == "root":
            return du * gen / (g.order * inner)
        if g.kind == "sin":
            return du * self.of(cast(Expr, cos_(u, evaluate=False)))
        if g.kind == "cos":
            return -du * self.of(cast(Expr, sin_(u, evaluate=False)))
        root = self.of(cast(Expr, 1 / Pow(pi, Rational(1, 2))))
        return 2 * root * self._of_exponent(expand(-(u**2))) * du

    def _through(self, element: Any) -> Any:
        """du/dx of an element, by the slopes of the generators in it."""
        total = self.field.zero
        for i, gen in enumerate(self.field.gens):
            part = element.diff(gen)
            if part != 0:
                slope = self.slopes[i] if hasattr(self, "slopes") else self._slope(self.order[i])
                total = self._sized(total + part * slope)
        return total

    def derivative(self, element: Any) -> Any:
        """d/dx of an element."""
        found = self.derived.get(element)
        if found is None:
            found = self.derived[element] = self._sized(self._through(element))
        return found

    # ------------------------------------------------------------ written again

    def written(self, poly: Any) -> Expr:
        """A polynomial of the ring as SymPy, highest powers first."""
        return cast(Expr, poly.as_expr(*(g.key for g in self.order)))

    # ------------------------------------------------------------ intervals

    def box(self, x: Interval) -> list[Interval]:
        """The values of all generators for x in an interval."""
        found: list[Interval | None] = [None] * len(self.order)

        def get(i: int) -> Interval:
            known = found[i]
            if known is None:
                known = found[i] = self._range(self.order[i], x, get)
            return known

        return [get(i) for i in range(len(self.order))]

    def _range(self, g: Generator, x: Interval, get: Callable[[int], Interval]) -> Interval:
        if g.kind == "x":
            return x
        if g.kind == "constant":
            return exactly(g.key).box
        if g.kind == "exponential":
            return intervals.exp(cast(Interval, g.rate) * x**g.order)
        inner = self.of(cast(Expr, g.argument))
        used = {i for part in (inner.numer, inner.denom) for m in part for i, e in enumerate(m) if e}
        values = [get(i) if i in used else EVERYTHING for i in range(len(self.order))]
        u = self.quotient(inner, values)
        if g.kind == "root":
            n = g.order
            low, high = max(u.low, 0.0), max(u.high, 0.0)
            rough = Interval(low ** (1 / n), high ** (1 / n))
            return Interval(max(rough.low * (1 - 1e-14), 0.0), rough.high * (1 + 1e-14))
        table = {"exp": intervals.exp, "log": intervals.log, "sin": intervals.sin, "cos": intervals.cos}
        if g.kind in table:
            return table[g.kind](u)
        return intervals.increasing(math.erf if g.kind == "erf" else math.atan, u)

    def poly(self, poly: Any, values: list[Interval]) -> Interval:
        """The values of a polynomial for generators in given intervals."""
        total = point(0.0)
        for monomial, coefficient in poly.terms():
            total = total + self.term(monomial, coefficient, values)
        return total

    def term(self, monomial: tuple[int, ...], coefficient: Any, values: list[Interval]) -> Interval:
        product = around(int(coefficient.numerator) / int(coefficient.denominator))
        if coefficient.denominator == 1 and abs(coefficient.numerator) < 2**53:
            product = point(float(int(coefficient.numerator)))
        for i, exponent in enumerate(monomial):
            if exponent:
                product = product * values[i] ** exponent
        return product

    def quotient(self, element: Any, values: list[Interval]) -> Interval:
        """The values of an element for generators in given intervals."""
        return self.poly(element.numer, values) / self.poly(element.denom, values)

    def near(self, element: Any, x: Interval) -> Interval:
        """The values of an element for x in an interval, also by the mean value theorem."""
        rough = self.quotient(element, self.box(x))
        if not (math.isfinite(x.width) and x.width > 0):
            return rough
        middle = point(x.middle)
        slope = self.quotient(self.derivative(element), self.box(x))
        return rough.meet(self.quotient(element, self.box(middle)) + slope * (x - middle))

    # ------------------------------------------------------------ zeros

    def zeros(self, element: Any, low: Value, high: Value) -> list[Value]:
        """Every x with low < x < high at which an element is 0. Raises NotEstablished."""
        if element.numer == 0:
            raise NotEstablished("0 everywhere")
        found: list[Value] = []
        for factor in self.factors(element.numer):
            found.extend(self._zeros_of(factor, low, high))
        found.sort(key=lambda v: v.middle)
        for a, b in pairwise(found):
            if not a.box.high < b.box.low:
                raise NotEstablished("zeros that cannot be told apart")
        return found

    def zeros_between(self, element: Any, places: list[Value], limits: tuple[Value, Value]) -> list[Value]:
        """Every zero of an element that is strictly monotone between neighbouring `places`.

        `limits` are its limits at the first and the last place. A function that falls or rises
        strictly to 0 is not 0 on the way.
        """
        values = [limits[0], *(self.value(element, p) for p in places[1:-1]), limits[1]]
        found = []
        for i, (a, b) in enumerate(pairwise(places)):
            first, last = (side_of(values[k]) for k in (i, i + 1))
            if first * last < 0:
                found.append(self._crossing(element, a, b, first))
            if last == 0 and i + 2 < len(places):
                found.append(places[i + 1])
        return found

    def _crossing(self, element: Any, low: Value, high: Value, first: int) -> Value:
        """The one place between two where a monotone element changes its sign, `first` on the left."""
        a = low.box.high if not low.infinite else self._reached(element, high.box.low, -1, first)
        b = high.box.low if not high.infinite else self._reached(element, low.box.high, 1, -first)
        if a < 0 < b and self._vanishes(element.numer, Integer(0)):
            return NOUGHT
        for _ in range(60):
            middle = a / 2 + b / 2
            sign = self.quotient(element, self.box(point(middle))).sign
            if sign == 0 or not a < middle < b:
                break
            a, b = (middle, b) if sign == first else (a, middle)
        return Value(None, Interval(a, b))

    def _reached(self, element: Any, start: float, side: int, sign: int) -> float:
        """A place beyond `start` where an element has the sign that its limit gives it."""
        edge = start if math.isfinite(start) else 0.0
        for doubling in range(12):
            place = edge + side * 2.0**doubling
            if self.quotient(element, self.box(point(place))).sign == sign:
                return place
        raise NotEstablished("no place with the sign of the limit")

    def factors(self, poly: Any) -> list[Any]:
        """The factors of a numerator that may vanish, each once."""
        reduced = self._reduced(poly)
        if reduced == 0:
            raise NotEstablished("0 everywhere")
        return [f for f, _ in reduced.factor_list()[1] if not self._never_zero(f)]

    def _reduced(self, poly: Any) -> Any:
        """√2·√2 as 2, and sin² + cos² as 1, for the generators in a polynomial."""
        relations = []
        for i, g in enumerate(self.order):
            gen = self.ring.gens[i]
            if g.kind == "constant" and isinstance(g.key, Pow) and isinstance(g.key.args[1], Rational):
                base, exponent = g.key.args
                if isinstance(base, Integer) and exponent.p == 1:
                    relations.append(gen ** int(exponent.q) - int(base))
            elif g.kind == "sin":
                cosine = self.place[cast(Expr, cos_(g.argument, evaluate=False))]
                relations.append(gen**2 + self.ring.gens[cosine] ** 2 - 1)
        return poly.rem(relations) if relations else poly

    def _never_zero(self, factor: Any) -> bool:
        used = _used(factor)
        kinds = {self.order[i].kind for i in used}
        positive = {"constant", "exponential", "exp", "root"}
        if len(factor) == 1:
            return kinds <= positive
        if not kinds <= positive:
            return False
        signs = {c > 0 for c in factor.coeffs()}
        constants = all(self.order[i].kind != "constant" or self._positive(i) for i in used)
        return len(signs) == 1 and constants

    def _positive(self, i: int) -> bool:
        return exactly(self.order[i].key).box.low > 0

    def _zeros_of(self, factor: Any, low: Value, high: Value) -> list[Value]:
        if not self.single(factor):
            return self._boxed_zeros(factor, low, high)
        g = self.order[next(iter(_used(factor)))]
        if g.kind == "x":
            return [v for v in _real_roots(self.written(factor), X) if _inside(v, low, high)]
        return list(self._exponential_zeros(factor, g, low, high))

    def _exponential_zeros(self, factor: Any, g: Generator, low: Value, high: Value) -> Iterator[Value]:
        """x = ln(r)/c for each positive root r of a polynomial in e^{cx}."""
        t = Dummy("t")
        poly = factor.as_expr(*(t if k == g.key else Integer(0) for k in self.place))
        rate = cast(Expr, cast(Expr, g.argument) / X)
        for root in _real_roots(poly, t):
            if root.exact is not None and _sign(root.exact) > 0:
                value = exactly(tidied(cast(Expr, log_(root.exact) / rate)) if root.exact != 1 else 0)
            elif root.exact is None and root.box.low > 0:
                value = Value(None, intervals.log(root.box) / cast(Interval, g.rate))
            else:
                continue
            if _inside(value, low, high):
                yield value

    def _boxed_zeros(self, factor: Any, low: Value, high: Value) -> list[Value]:
        left = low.box.high if not low.infinite else -self._tail(factor, -1, high)
        right = high.box.low if not high.infinite else self._tail(factor, 1, low)
        slope = self.derivative(self.field(factor))
        todo = [Interval(left, right)]
        alone: list[Interval] = []
        for _ in range(MAX_BOXES):
            if not todo:
                break
            x = todo.pop()
            values = self.box(x)
            if self.poly(factor, values).sign:
                continue
            if self.quotient(slope, values).sign:
                alone.append(x)
                continue
            if self.near(self.field(factor), x).sign:
                continue
            if x.width < NARROW * (1 + abs(x.middle)):
                raise NotEstablished(f"a zero near {x.middle} that is not alone")
            middle = x.low + SPLIT * x.width
            todo.extend((Interval(x.low, middle), Interval(middle, x.high)))
        if todo:
            raise NotEstablished("too many boxes")
        found = []
        for x in sorted(
            _merged(alone, lambda x: bool(self.quotient(slope, self.box(x)).sign)), key=lambda x: x.low
        ):
            zero = self._only(factor, x, low, high)
            if zero is not None:
                found.append(zero)
        return found

    def _only(self, factor: Any, x: Interval, low: Value, high: Value) -> Value | None:
        """The one zero of a factor that is strictly monotone on x, if there is one."""
        first, last = (self._sign_near(factor, end, edge) for end, edge in ((x.low, low), (x.high, high)))
        if first == 0 or last == 0 or first == last:
            if first == 0 == last:
                raise NotEstablished("a sign at the end of a box")
            return None
        if x.low < 0 < x.high and self._vanishes(factor, Integer(0)):
            return NOUGHT
        a, b = x.low, x.high
        for _ in range(60):
            middle = a / 2 + b / 2
            sign = self.poly(factor, self.box(point(middle))).sign
            if sign == 0 or not a < middle < b:
                # The rounding errors reach 0: as close as floats can tell.
                break
            a, b = (middle, b) if sign == first else (a, middle)
        return Value(None, Interval(a, b))

    def _sign_near(self, factor: Any, end: float, edge: Value) -> int:
        """The sign at the end of a box; 0 where that end is the edge of the piece and a zero itself."""
        sign = self.poly(factor, self.box(point(end))).sign
        if sign:
            return sign
        if (
            edge.exact is not None
            and edge.box.low <= end <= edge.box.high
            and self._vanishes(factor, edge.exact)
        ):
            return 0
        raise NotEstablished(f"the sign at {end}")

    def _vanishes(self, factor: Any, at: Expr) -> bool:
        try:
            return _sign(_put(self.written(factor), at)) == 0
        except NotEstablished:
            return False

    def single(self, factor: Any) -> bool:
        """Whether a factor is a polynomial in x alone or in one exponential alone."""
        used = _used(factor)
        g = self.order[next(iter(used))]
        return len(used) == 1 and (g.kind == "x" or (g.kind == "exponential" and g.order == 1))

    # ------------------------------------------------------------ far out

    def growth(self, monomial: tuple[int, ...], side: int) -> tuple[dict[int, float], int]:
        """How a monomial grows towards side·∞: the rate of each e^{x^n}, and the power of x."""
        rates: dict[int, float] = {}
        power = 0
        for g, exponent in zip(self.order, monomial, strict=True):
            if not exponent:
                continue
            if g.kind == "x":
                power = exponent
            elif g.kind == "exponential":
                turned = side if g.order % 2 else 1
                rates[g.order] = rates.get(g.order, 0.0) + turned * exponent * cast(Interval, g.rate).middle
        return {n: r for n, r in rates.items() if abs(r) > 1e-12}, power

    def leading(self, poly: Any, side: int) -> list[tuple[tuple[int, ...], Any]]:
        """The terms that outgrow all others towards side·∞."""
        terms = list(poly.terms())
        grown = [self.growth(m, side) for m, _ in terms]
        orders = sorted({n for rates, _ in grown for n in rates}, reverse=True)
        keys = [(*(round(rates.get(n, 0.0), 12) for n in orders), power) for rates, power in grown]
        best = max(keys)
        return [term for term, key in zip(terms, keys, strict=True) if key == best]

    def _tail(self, factor: Any, side: int, other: Value) -> float:
        """T so that the factor has no zero where side·x ≥ T: one term outweighs the rest."""
        start = 1.0 if other.infinite else max(1.0, side * other.middle + 1)
        for doubling in range(14):
            bound = start * 2.0**doubling
            if self._outweighed(factor, side, bound):
                return bound
        raise NotEstablished("no term outweighs the others far out")

    def _outweighed(self, factor: Any, side: int, bound: float) -> bool:
        lead = self.leading(factor, side)
        first = lead[0][0]
        rates, power = self.growth(first, side)
        tail = Interval(bound, INF) if side > 0 else Interval(-INF, -bound)
        values = self.box(tail)
        rest: Interval = point(0.0)
        head: Interval = point(0.0)
        for monomial, coefficient in factor.terms():
            size = self._bounded_part(monomial, coefficient, values)
            if (monomial, coefficient) in lead:
                head = head + size
                continue
            other_rates, other_power = self.growth(monomial, side)
            falling = {n: other_rates.get(n, 0.0) - rates.get(n, 0.0) for n in {*rates, *other_rates}}
            ratio = _largest(falling, other_power - power, bound)
            rest = rest + size.magnitude() * Interval(0.0, ratio)
        return head.sign != 0 and head.magnitude().low > rest.high

    def _bounded_part(self, monomial: tuple[int, ...], coefficient: Any, values: list[Interval]) -> Interval:
        """A term without its x and exponentials, which `growth` answers for."""
        kept = tuple(
            0 if g.kind in ("x", "exponential") else e for g, e in zip(self.order, monomial, strict=True)
        )
        return self.term(kept, coefficient, values)

    # ------------------------------------------------------------ signs and limits

    def sign(self, element: Any, low: Value, high: Value) -> int:
        """The sign of an element between two neighbouring zeros or ends."""
        if element.numer == 0:
            return 0
        for place in _between(low, high):
            sign = self.quotient(element, self.box(point(place))).sign
            if sign:
                return sign
        raise NotEstablished("no sign found between two zeros")

    def limit(self, element: Any, side: int) -> Expr:
        """The limit towards side·∞, by the terms that outgrow the others. Raises NotEstablished."""
        element = self._expanded(element, side)
        if element.numer == 0:
            return cast(Expr, Integer(0))
        top, bottom = (self._lead_limit(part, side) for part in (element.numer, element.denom))
        (over, up), (under, down) = top, bottom
        orders = sorted({*up[0], *down[0]}, reverse=True)
        for difference in (
            *(round(up[0].get(n, 0.0) - down[0].get(n, 0.0), 12) for n in orders),
            up[1] - down[1],
        ):
            if difference < 0:
                return cast(Expr, Integer(0))
            if difference > 0:
                odd = (up[1] - down[1]) % 2 if side < 0 else 0
                return cast(Expr, oo * _sign(over / under) * (-1) ** odd)
        return tidied(cast(Expr, over / under))

    def _expanded(self, element: Any, side: int) -> Any:
        """ln u and erf u by their growth far out: g = main + rest·(1 + o(1)).

            ln u   main = c·x^n where u grows like e^{c·x^n}, rest = u/e^{c·x^n} - 1
            erf u  main = ±1, rest = -e^{-u²}/(u·√π)

        Only where g is multiplied by something and added to something, and where what is left
        grows at least like the rest: then nothing that counts was left out.
        """
        for i, g in enumerate(self.order):
            gen = self.field.gens[i]
            factor = element.diff(gen)
            if g.kind not in ("log", "erf") or factor == 0:
                continue
            if self.limit(self.of(cast(Expr, g.argument)), side) not in (oo, -oo, 0, 1):
                continue  # a limit of its own, that is not 0
            if factor.diff(gen) != 0:
                raise NotEstablished(f"{g.kind} squared")
            main, rest = (self._log_far if g.kind == "log" else self._erf_far)(g, side)
            element = element - factor * gen + factor * (main + rest)
            if element == 0 or (rest != 0 and self._slower(element, factor * rest, side)):
                raise NotEstablished("what is left out counts")
        return element

    def _log_far(self, g: Generator, side: int) -> tuple[Any, Any]:
        inner = self.of(cast(Expr, g.argument))
        lead = self.field.one
        for part, turned in ((inner.numer, 1), (inner.denom, -1)):
            leading = self.leading(part, side)
            if len(leading) != 1:
                raise NotEstablished("a logarithm far out")
            lead = lead * self.field(self.ring({leading[0][0]: leading[0][1]})) ** turned
        grown = self.field.zero
        for part, turned in ((lead.numer, 1), (lead.denom, -1)):
            monomial, coefficient = next(iter(part.terms()))
            for k, exponent in enumerate(monomial):
                if exponent and self.order[k].kind != "exponential":
                    raise NotEstablished("a logarithm far out")
                if exponent:
                    grown = grown + turned * exponent * self.of(cast(Expr, self.order[k].argument))
            if coefficient != 1:
                raise NotEstablished("the logarithm of a number")
        return grown, inner / lead - 1

    def _erf_far(self, g: Generator, side: int) -> tuple[Any, Any]:
        u = cast(Expr, g.argument)
        end = self.limit(self.of(u), side)
        if end not in (oo, -oo):
            raise NotEstablished("erf far out")
        root = self.of(cast(Expr, 1 / Pow(pi, Rational(1, 2))))
        return self.field(1 if end == oo else -1), -self._of_exponent(expand(-(u**2))) * root / self.of(u)

    def _slower(self, left: Any, right: Any, side: int) -> bool:
        """Whether one element grows more slowly than another."""
        (a, p), (b, q) = (self._growth_of(e, side) for e in (left, right))
        for n in sorted({*a, *b}, reverse=True):
            difference = a.get(n, 0.0) - b.get(n, 0.0)
            if abs(difference) > 1e-9:
                return difference < 0
        return p < q

    def _growth_of(self, element: Any, side: int) -> tuple[dict[int, float], int]:
        (up, p), (down, q) = (
            self.growth(self.leading(part, side)[0][0], side) for part in (element.numer, element.denom)
        )
        return {n: up.get(n, 0.0) - down.get(n, 0.0) for n in {*up, *down}}, p - q

    def _lead_limit(self, poly: Any, side: int) -> tuple[Expr, tuple[dict[int, float], int]]:
        """The limit of the leading coefficient, and the growth that it stands before."""
        lead = self.leading(poly, side)
        total: Expr = Integer(0)
        for monomial, coefficient in lead:
            factor: Expr = Rational(int(coefficient.numerator), int(coefficient.denominator))
            for g, exponent in zip(self.order, monomial, strict=True):
                if exponent and g.kind not in ("x", "exponential"):
                    factor = factor * self._generator_limit(g, side) ** exponent
            total = total + factor
        total = expand(total)
        if total == 0 or total.has(nan, zoo, oo):
            raise NotEstablished("leading terms that cancel")
        return total, self.growth(lead[0][0], side)

    def _generator_limit(self, g: Generator, side: int) -> Expr:
        if g.kind == "constant":
            return g.key
        inner = self.limit(self.of(cast(Expr, g.argument)), side)
        if g.kind == "erf" and inner in (oo, -oo):
            return cast(Expr, Integer(1 if inner == oo else -1))
        if g.kind == "atan" and inner in (oo, -oo):
            return cast(Expr, pi / 2 if inner == oo else -pi / 2)
        if inner in (oo, -oo) or g.kind in ("sin", "cos"):
            raise NotEstablished(f"{g.kind} far out")
        return cast(Expr, g.key.func(*(inner if a == g.argument else a for a in g.key.args)))

    def value(self, element: Any, at: Value) -> Value:
        """The value of an element at a point of the open piece."""
        if at.exact is None:
            return Value(None, self.near(element, at.box))
        parts = [_put(self.written(p), at.exact) for p in (element.numer, element.denom)]
        if _sign(parts[1]) == 0:
            raise NotEstablished("no value at this point")
        return exactly(tidied(cast(Expr, parts[0] / parts[1])))


def side_of(value: Value) -> int:
    """The sign of a number. Raises NotEstablished where its interval holds 0."""
    if value.exact is not None:
        return _sign(value.exact)
    if value.box.sign == 0:
        raise NotEstablished("a sign that the interval leaves open")
    return value.box.sign


def _used(poly: Any) -> set[int]:
    return {i for monomial in poly for i, e in enumerate(monomial) if e}


def _degree(poly: Any) -> int:
    return max((sum(m) for m in poly), default=0)


def _whole_power(expr: Expr) -> bool:
    return isinstance(expr, Pow) and isinstance(expr.args[1], Integer)


def _terms(exponent: Expr) -> list[tuple[Rational, Expr]]:
    """Σ number·rest, where the numbers are rational."""
    spread = expand(exponent, deep=False) if isinstance(exponent, (Add, Mul, Pow)) else exponent
    found = []
    for term in Add.make_args(spread):
        number, rest = term.as_coeff_Mul()
        if not isinstance(number, Rational):
            raise NotEstablished("an exponent that is no sum of rational multiples")
        if number != 0:
            found.append((number, rest))
    return found


def _divisor(a: Rational, b: Rational) -> Rational:
    """The largest number of which both are whole multiples."""
    bottom = math.lcm(int(a.q), int(b.q))
    top = math.gcd(int(a.p) * (bottom // int(a.q)), int(b.p) * (bottom // int(b.q)))
    return cast(Rational, Rational(top, bottom))


def _monomial(rest: Expr) -> tuple[Expr, int] | None:
    """(c, n) where `rest` is c·x^n with a constant c and a whole n > 0."""
    factor, power = rest.as_independent(X, as_Add=False)
    if power == X:
        return factor, 1
    if isinstance(power, Pow) and power.args[0] == X and isinstance(power.args[1], Integer):
        n = int(power.args[1])
        return (factor, n) if 0 < n <= MAX_DEGREE else None
    return None


def _real_roots(poly: Expr, gen: Expr) -> list[Value]:
    """All real roots of a polynomial with rational coefficients, isolated exactly."""
    found: list[Value] = []
    p = Poly(poly, gen)
    if p.degree() <= 2:
        a, b, c = [0, 0, 0, *p.all_coeffs()][-3:]
        if a == 0:
            return [exactly(-c / b)]
        under = b**2 - 4 * a * c
        if under < 0:
            return []
        roots = {tidied((-b + s * Pow(under, Rational(1, 2))) / (2 * a)) for s in (-1, 1)}
        return sorted((exactly(r) for r in roots), key=lambda v: v.middle)
    if p.degree() > MAX_ROOTS:
        raise NotEstablished("degree")
    for (low, high), _ in p.intervals(eps=Rational(1, 10**13)):
        if low == high:
            found.append(exactly(low))
        else:
            found.append(Value(None, intervals.hull([around(float(low)), around(float(high))])))
    return found


def _inside(value: Value, low: Value, high: Value) -> bool:
    """low < value < high. Raises NotEstablished where the floats cannot tell."""
    if low.below(value) and value.below(high):
        return True
    if value.exact is not None and value.exact in (low.exact, high.exact):
        return False
    if value.box.high < low.box.low or value.box.low > high.box.high:
        return False
    if value.exact is not None and low.exact is not None and high.exact is not None:
        return False
    raise NotEstablished("a zero at the end of a piece")


def _between(low: Value, high: Value) -> Iterator[float]:
    """Some floats strictly between two places."""
    a, b = low.box.high, high.box.low
    if low.infinite and high.infinite:
        yield from (0.0, 1.0, -1.0)
    elif low.infinite:
        yield from (b - 1, b - 0.1, b - 7)
    elif high.infinite:
        yield from (a + 1, a + 0.1, a + 7)
    else:
        yield from (a + share * (b - a) for share in (0.5, 0.25, 0.75, 0.1, 0.9))


def _merged(boxes: Iterable[Interval], alone: Callable[[Interval], bool]) -> list[Interval]:
    """Touching boxes joined where the joint box keeps the property."""
    found: list[Interval] = []
    for x in sorted(boxes, key=lambda x: x.low):
        if found and found[-1].high == x.low and alone(joint := Interval(found[-1].low, x.high)):
            found[-1] = joint
        else:
            found.append(x)
    return found


def _largest(rates: Mapping[int, float], power: int, bound: float) -> float:
    """The largest value of x^power·e^{Σ rate·x^n} for x ≥ bound, where it falls; else ∞."""
    kept = {n: r for n, r in rates.items() if abs(r) > 1e-12}
    if not kept:
        return bound**power if power < 0 else INF
    top = max(kept)
    if kept[top] > 0:
        return INF
    slope = sum(n * max(r, 0.0) * bound ** (n - 1) for n, r in kept.items() if n != top)
    if top * -kept[top] * bound ** (top - 1) <= (slope + max(power, 0) / bound) * 1.000001:
        return INF
    exponent = sum(r * bound**n for n, r in kept.items()) + power * math.log(bound)
    return math.exp(min(exponent * (1 - 1e-12) if exponent < 0 else exponent, 700.0)) * 1.000001 + 1e-300


# ---------------------------------------------------------------- limits by SymPy, checked


def sympy_limit(expr: Expr, at: Expr, side: str) -> Expr:
    """SymPy's limit of a formula in x, with bounded work, and only where its values go there.

    nan where there is none (sin x far out). Raises NotEstablished.
    """
    from sympy import AccumBounds, limit

    try:
        found = bounded(lambda: limit(expr, X, at, side), MAX_LIMIT_CALLS)
    except NotEstablished:
        raise
    except Exception as error:
        raise NotEstablished(f"no limit: {type(error).__name__}") from None
    if isinstance(found, AccumBounds):
        return cast(Expr, nan)
    infinite = found in (oo, -oo)
    number = found.is_number and found.is_real and not found.has(nan, zoo)
    if (infinite or number) and _approached(expr, at, side, cast(Expr, found)):
        return cast(Expr, found) if infinite else tidied(cast(Expr, found))
    raise NotEstablished("no limit found")


def _float(mp: Any, expr: Expr) -> Any:
    """A number to 60 digits; not by way of decimal text, which a tower of powers has too much of."""
    return mp.make_mpf(Float(expr.evalf(60), 60)._mpf_)


def _approached(expr: Expr, at: Expr, side: str, limit: Expr) -> bool:
    """Whether the values of a formula come nearer to a limit, or grow with its sign."""
    from mpmath import mp, mpf

    if at in (oo, -oo):
        places = [mpf(v) if at == oo else -mpf(v) for v in (30, 200)]
    else:
        step = 1 if side == "+" else -1
        places = [mpf(str(at.evalf(30))) + step * mpf(10) ** -k for k in (4, 8)]
    with mp.workdps(150):
        try:
            values = [_float(mp, expr.xreplace({X: Float(p, 150)})) for p in places]
        except (TypeError, ValueError, ArithmeticError, AttributeError):
            return False
        if limit in (oo, -oo):
            turned = [v if limit == oo else -v for v in values]
            return bool(turned[1] > turned[0])
        goal = _float(mp, limit)
        first, second = (abs(v - goal) for v in values)
        return bool(second < first or second < mpf(10) ** -40)
