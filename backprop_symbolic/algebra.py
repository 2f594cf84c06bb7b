"""Expressions as they are written on the board.

A line of a derivation is a SymPy expression built with `evaluate=False`, so that it prints in
the order it was written. Thirteen nodes say what SymPy has no word for; each is an ordinary SymPy
`Expr`, and `plain` turns any of them back into evaluated SymPy.

    Frac(a, b)        a/b written as a fraction       (Pow(b, -1) is written b^{-1})
    Tight(a, b)       a product written without a dot: y(1 - y)
    Call(f, u)        f(u), f an activation by its name
    Prime(f, u)       f'(u)
    Partial(q, p)     ∂q/∂p, an atom until the verifier or a rule gives it a value
    Ordinary(q, p)    dq/dp, the same for a function of one variable
    Decimal(r)        a number written with a decimal point, held exactly
    Numeral(r, n)     a number put in for a name, held exactly, written with n significant digits
    Near(r)           about r: a decimal that is rounded
    Span(a, b, …)     the numbers from a to b, with or without the ends
    Total(a, j)       Σ_j a, a sum over an index; it has a value only with its terms written out
    At(v, t)          v(t), one number of a sequence
    Series(u, i, t)   Σ u for i = 1 … t
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from sympy import Add, Basic, Expr, Integer, Mul, Piecewise, Pow, Rational, Symbol
from sympy import exp as sympy_exp
from sympy.logic.boolalg import Boolean

ZERO: Expr = Integer(0)
ONE: Expr = Integer(1)
MINUS_ONE: Expr = Integer(-1)
TWO: Expr = Integer(2)

#: The variable of an activation's formula, and its output y = f(x).
X, Y = Symbol("x"), Symbol("y")
VARIABLES: Mapping[str, Expr] = {"x": X, "y": Y}


class Frac(Expr):
    """numerator / denominator, written as a fraction."""

    __slots__ = ()
    is_commutative = True

    def __new__(cls, numerator: Expr, denominator: Expr) -> Frac:
        return cast(Frac, Basic.__new__(cls, numerator, denominator))

    def doit(self, **hints: Any) -> Expr:
        """The evaluated quotient."""
        return plain(self)


class Tight(Expr):
    """A product written without dots between its factors: y(1 - y)."""

    __slots__ = ()
    is_commutative = True

    def __new__(cls, *factors: Expr) -> Tight:
        return cast(Tight, Basic.__new__(cls, *factors))

    def doit(self, **hints: Any) -> Expr:
        """The evaluated product."""
        return plain(self)


class Call(Expr):
    """f(u), where f is an activation known by its name."""

    __slots__ = ()
    is_commutative = True

    def __new__(cls, function: Symbol, argument: Expr) -> Call:
        return cast(Call, Basic.__new__(cls, function, argument))

    @property
    def name(self) -> str:
        """The activation's name."""
        return cast(Symbol, self.args[0]).name


class Prime(Expr):
    """f'(u), the derivative of the activation f at u."""

    __slots__ = ()
    is_commutative = True

    def __new__(cls, function: Symbol, argument: Expr) -> Prime:
        return cast(Prime, Basic.__new__(cls, function, argument))

    @property
    def name(self) -> str:
        """The activation's name."""
        return cast(Symbol, self.args[0]).name


class Partial(Expr):
    """∂of/∂wrt: `of` as a function of the quantity `wrt`, all that does not follow from it fixed.

    Quantities in `held` are fixed too, although they follow from `wrt`: (∂of/∂wrt) with them
    held is what one edge of the graph contributes where other paths lead the same way.
    """

    __slots__ = ()
    is_commutative = True

    def __new__(cls, of: Expr, wrt: Symbol, *held: Symbol) -> Partial:
        return cast(Partial, Basic.__new__(cls, of, wrt, *held))

    @property
    def of(self) -> Expr:
        """What is differentiated."""
        return cast(Expr, self.args[0])

    @property
    def wrt(self) -> Symbol:
        """By what it is differentiated."""
        return cast(Symbol, self.args[1])

    @property
    def held(self) -> tuple[Symbol, ...]:
        """What is held fixed besides."""
        return cast(tuple[Symbol, ...], self.args[2:])


class Ordinary(Partial):
    """dof/dwrt, of a function of one variable: a Partial that is written with d."""

    __slots__ = ()


class At(Expr):
    """v(t): the number of a sequence at an index."""

    __slots__ = ()
    is_commutative = True

    def __new__(cls, sequence: Symbol, index: Expr) -> At:
        return cast(At, Basic.__new__(cls, sequence, index))


class Series(Expr):
    """Σ_{i=1}^{last} term."""

    __slots__ = ()
    is_commutative = True

    def __new__(cls, term: Expr, index: Symbol, last: Expr) -> Series:
        return cast(Series, Basic.__new__(cls, term, index, last))


class Decimal(Expr):
    """A rational number written with a decimal point: 1.702 is 851/500, exactly."""

    __slots__ = ()
    is_commutative = True

    def __new__(cls, value: Rational) -> Decimal:
        return cast(Decimal, Basic.__new__(cls, value))

    @property
    def value(self) -> Rational:
        """The exact value."""
        return cast(Rational, self.args[0])

    @property
    def text(self) -> str:
        """The shortest exact decimal writing."""
        p, q, digits = abs(self.value.p), self.value.q, 0
        while q != 1 and (10**digits) % q:
            digits += 1
        whole = str(p * 10**digits // q).rjust(digits + 1, "0")
        shown = f"{whole[:-digits]}.{whole[-digits:]}" if digits else whole
        return f"-{shown}" if self.value.p < 0 else shown


class Numeral(Expr):
    """A number put in for a name: held exactly, written with some significant digits."""

    __slots__ = ()
    is_commutative = True

    def __new__(cls, value: Rational, digits: Integer) -> Numeral:
        return cast(Numeral, Basic.__new__(cls, value, digits))

    @property
    def value(self) -> Rational:
        """The exact value."""
        return cast(Rational, self.args[0])

    @property
    def written(self) -> tuple[bool, str, int | None]:
        """Whether it is negative, its digits, and the power of ten that they are multiplied by.

        There is no power where the number is neither too small nor too large to be written without.
        """
        value, digits = abs(int(self.value.p) / int(self.value.q)), cast(Integer, self.args[1]).p
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        exponent: int | None = int(power)
        if value == int(value) < WHOLE:
            shown, exponent = str(int(value)), None
        elif LEAST <= int(power) < digits:
            shown, exponent = f"{value:.{max(0, digits - 1 - int(power))}f}", None
        else:
            shown = mantissa
        written = float(f"{shown}e{exponent or 0}")
        if "." in shown and abs(written - value) <= EXACT * value:
            shown = shown.rstrip("0").rstrip(".")
        return bool(self.value < 0), shown, exponent


#: Whole numbers below WHOLE are written in full; powers of ten stand below 10^LEAST. Zeros at the
#: end are left out where the number is what is written, up to EXACT, and not rounded to it.
WHOLE, LEAST, EXACT = 10**6, -4, 1e-12


class Near(Expr):
    """≈ value: a rounded number where an exact one would stand."""

    __slots__ = ()
    is_commutative = True

    def __new__(cls, value: Decimal) -> Near:
        return cast(Near, Basic.__new__(cls, value))


class Span(Expr):
    """[low, high], (low, high), … or {low}: a set of numbers between two ends."""

    __slots__ = ()
    is_commutative = True

    def __new__(cls, low: Expr, high: Expr, closed_low: Integer, closed_high: Integer) -> Span:
        return cast(Span, Basic.__new__(cls, low, high, closed_low, closed_high))

    @property
    def brackets(self) -> tuple[str, str]:
        """What is written before and after the ends."""
        _, _, first, last = self.args
        return "[" if first == 1 else "(", "]" if last == 1 else ")"


class Total(Expr):
    """Σ_j term: a sum over an index; a line that holds one is decided with the terms written out."""

    __slots__ = ()
    is_commutative = True

    def __new__(cls, term: Expr, index: Symbol) -> Total:
        return cast(Total, Basic.__new__(cls, term, index))


def number(expr: Expr) -> Rational | None:
    """The exact value of a number node, None for anything else."""
    if isinstance(expr, Rational):
        return cast(Rational, expr)
    return expr.value if isinstance(expr, (Decimal, Numeral)) else None


def add(*terms: Expr) -> Expr:
    """terms[0] + terms[1] + …, in this order."""
    return terms[0] if len(terms) == 1 else Add(*terms, evaluate=False) if terms else ZERO


def mul(*factors: Expr) -> Expr:
    """factors[0] · factors[1] · …, in this order."""
    return factors[0] if len(factors) == 1 else Mul(*factors, evaluate=False) if factors else ONE


def neg(term: Expr) -> Expr:
    """-term."""
    return Mul(MINUS_ONE, term, evaluate=False)


def sub(left: Expr, right: Expr) -> Expr:
    """left - right."""
    return Add(left, neg(right), evaluate=False)


def power(base: Expr, exponent: Expr) -> Expr:
    """base^exponent."""
    return cast(Expr, Pow(base, exponent, evaluate=False))


def exp(argument: Expr) -> Expr:
    """e^argument."""
    return cast(Expr, sympy_exp(argument, evaluate=False))


def rebuild(node: Basic, args: tuple[Basic, ...]) -> Basic:
    """`node` with other arguments, nothing evaluated."""
    make: Any = node.func
    if isinstance(node, (Add, Mul, Pow, Piecewise, Boolean)) or getattr(node, "is_Function", False):
        return cast(Basic, make(*args, evaluate=False))
    return cast(Basic, make(*args))


def replace(expr: Expr, values: Mapping[Expr, Expr]) -> Expr:
    """`expr` with every key of `values` exchanged for its value; order and form are kept."""

    def walk(node: Basic) -> Basic:
        found = values.get(cast(Expr, node))
        if found is not None:
            return found
        if not node.args:
            return node
        args = tuple(walk(arg) for arg in node.args)
        # By identity: exchanging a name must not rebuild what it does not touch.
        if all(new is old for new, old in zip(args, node.args, strict=True)):
            return node
        return rebuild(node, args)

    return cast(Expr, walk(expr))


def plain(expr: Expr) -> Expr:
    """`expr` as ordinary evaluated SymPy: fractions divided, products multiplied."""

    def walk(node: Basic) -> Basic:
        if not node.args or isinstance(node, Partial):
            return node
        args = [walk(arg) for arg in node.args]
        if isinstance(node, Frac):
            return cast(Basic, args[0] / args[1])  # type: ignore[operator]
        if isinstance(node, Tight):
            return Mul(*cast(list[Expr], args))
        if isinstance(node, (Decimal, Numeral)):
            return args[0]
        return cast(Basic, node.func(*args))

    return cast(Expr, walk(expr))


def contains(expr: Basic, symbol: Symbol) -> bool:
    """Whether `symbol` occurs in `expr` (a derivative by it does not count as an occurrence)."""
    if expr == symbol:
        return True
    args = expr.args[:1] if isinstance(expr, Partial) else expr.args
    return any(contains(arg, symbol) for arg in args)


def pending(expr: Basic) -> bool:
    """Whether a derivative is still to be done in `expr`."""
    return isinstance(expr, Partial) or any(pending(arg) for arg in expr.args)


def symbols(expr: Basic) -> list[Symbol]:
    """The names in `expr`, in the order they are first read. Function names do not count."""
    found: dict[Symbol, None] = {}

    def walk(node: Basic) -> None:
        if isinstance(node, Symbol):
            found[node] = None
        elif isinstance(node, (Call, Prime)):
            walk(node.args[1])
        else:
            for arg in node.args:
                walk(arg)

    walk(expr)
    return list(found)


def mapped(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """`expr` with each outermost part for which `change` answers exchanged for the answer."""

    def walk(node: Basic) -> Basic:
        new = change(node) if isinstance(node, Expr) else None
        if new is not None:
            return new
        if not node.args:
            return node
        args = tuple(walk(arg) for arg in node.args)
        if all(a is b for a, b in zip(args, node.args, strict=True)):
            return node
        return rebuild(node, args)

    return cast(Expr, walk(expr))


# ---------------------------------------------------------------- values put in


def settled(expr: Expr) -> Expr:
    """`expr` as a person writes it once numbers stand for its parameters.

    1·a → a, 0·a → 0, a/1 → a, 1/2 as a fraction of numbers, a^1 → a, e^0 → 1, a + 0 → a, 3 - 1 → 2. Numbers
    are not multiplied with each other; nothing is reordered.
    """

    def walk(node: Basic) -> Basic:
        if not node.args or isinstance(node, Decimal):
            return node
        args = tuple(walk(arg) for arg in node.args)
        if isinstance(node, (Mul, Tight)):
            return _settled_product(cast(tuple[Expr, ...], args), isinstance(node, Tight))
        if isinstance(node, Frac):
            over, under = number(cast(Expr, args[0])), number(cast(Expr, args[1]))
            if over == 0 or under == 1:
                return args[0]
            if over is not None and under is not None:
                return cast(Expr, over / under)
        if isinstance(node, Pow) and args[1] == ONE:
            return args[0]
        if isinstance(node, sympy_exp) and args[0] == ZERO:
            return ONE
        if isinstance(node, Add):
            return _settled_sum(cast(tuple[Expr, ...], args))
        if all(new is old for new, old in zip(args, node.args, strict=True)):
            return node
        return rebuild(node, args)

    return cast(Expr, walk(expr))


def _settled_product(factors: tuple[Expr, ...], tight: bool) -> Expr:
    if any(number(f) == 0 for f in factors):
        return ZERO
    kept = [f for f in factors if f != ONE]
    return Tight(*kept) if tight and len(kept) > 1 else mul(*kept)


def _settled_sum(terms: tuple[Expr, ...]) -> Expr:
    kept = [t for t in terms if number(t) != 0]
    values = [number(t) for t in kept]
    if len(kept) > 1 and all(isinstance(v, Rational) for v in values):
        return sum(cast(list[Rational], values), ZERO)
    return add(*kept)


def at_point(expr: Expr, variable: Symbol, point: Expr, side: int = 0) -> Expr:
    """The value of `expr` at variable = point, by the case that `case_at` finds."""
    return plain(case_at(expr, variable, point, side)).subs(variable, point)


def case_at(expr: Expr, variable: Symbol, point: Expr, side: int = 0) -> Expr:
    """`expr` without its cases: the one that holds at variable = point remains.

    With `side` -1 or 1 it is the one that holds just below or just above the point.
    """

    def case(node: Expr) -> Expr | None:
        if not isinstance(node, Piecewise):
            return None
        for pair in node.args:
            value, condition = pair.args
            if condition == True or _holds(condition, variable, point, side):  # noqa: E712
                return mapped(cast(Expr, value), case)
        raise ValueError(f"no case of {node} holds at {point}")

    return mapped(expr, case)


def _holds(condition: Basic, variable: Symbol, point: Expr, side: int) -> bool:
    """Whether `variable < border` or the like holds at the point or beside it."""
    left, right = (plain(cast(Expr, a)) for a in condition.args)
    gap = (left - right).subs(variable, point)
    if gap == 0 and side:
        slope = (left - right).coeff(variable)
        gap = slope * side
    name = type(condition).__name__
    if gap == 0:
        return name in ("GreaterThan", "LessThan")
    return bool(gap > 0) == (name in ("GreaterThan", "StrictGreaterThan"))
