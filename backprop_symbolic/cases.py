"""Formulas by cases, taken apart: which formula holds in which interval of x.

A formula with |x|, sgn x, min, max or nested cases is branch-free in each interval between its
borders. The borders are exact: every condition is solved for x, where it is linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import cast

from sympy import ITE, Abs, Add, Basic, Expr, Mul, Piecewise, Pow, Rational, Symbol, pi, true
from sympy import cosh as cosh_
from sympy import exp as exp_
from sympy import log as log_
from sympy import sign as sign_
from sympy.core.relational import Ge, Gt, Le, Lt, Relational

from backprop_symbolic.algebra import (
    MINUS_ONE,
    ONE,
    ZERO,
    Decimal,
    Frac,
    Tight,
    X,
    add,
    contains,
    mapped,
    neg,
    number,
    plain,
)
from backprop_symbolic.errors import NotDifferentiable


class Uncertain(Exception):
    """A condition that is not linear in x, so that its border cannot be told exactly."""


@dataclass(frozen=True, slots=True)
class Case:
    """f where `condition` holds and none before it did; the last condition is true."""

    value: Expr
    condition: Basic


def cases(expr: Expr) -> tuple[Case, ...]:
    """`expr` as cases free of |x|, sgn x and further cases; () where a border cannot be found.

    Cases over x > number stay as they are written; others become one case for each interval
    between the borders, from the highest down.
    """
    if not expr.has(Piecewise, Abs, sign_):
        return (Case(expr, true),)
    if isinstance(expr, Piecewise) and not any(pair.args[0].has(Piecewise, Abs, sign_) for pair in expr.args):
        return tuple(Case(cast(Expr, pair.args[0]), pair.args[1]) for pair in expr.args)
    borders = borders_of(expr)
    if borders is None or not borders:
        return ()
    found = [Case(at(expr, cast(Rational, borders[0] - 1)), true)]
    for i, border in enumerate(borders):
        beyond = borders[i + 1] if i + 1 < len(borders) else border + 2
        value = at(expr, cast(Rational, (border + beyond) / 2))
        found.append(Case(value, cast(Basic, Gt(X, _shown(border, expr), evaluate=False))))
    merged: list[Case] = []
    for case in reversed(found):
        if merged and merged[-1].value == case.value:
            merged[-1] = case
        else:
            merged.append(case)
    return tuple(merged)


def _shown(border: Rational, expr: Expr) -> Expr:
    """A border as the formula would write it."""
    return Decimal(border) if expr.has(Decimal) and border.q != 1 else cast(Expr, border)


def borders_of(expr: Expr) -> list[Rational] | None:
    """Where |u|, sgn u and the conditions of `expr` change, in order; None where that cannot be told."""
    found: set[Rational] = set()
    tests = [cast(Expr, node.args[0]) for node in expr.atoms(Abs, sign_)]
    tests += [add(cast(Expr, r.args[0]), neg(cast(Expr, r.args[1]))) for r in expr.atoms(Gt, Ge, Lt, Le)]
    for test in tests:
        if not contains(test, X):
            continue
        try:
            zero, one, three = (_rational_value(test, Rational(k)) for k in (0, 1, 3))
        except Uncertain:
            return None
        slope = one - zero
        if three - zero != 3 * slope:
            return None
        if slope != 0:
            found.add(cast(Rational, -zero / slope))
    return sorted(found)


def _rational_value(expr: Expr, x: Rational) -> Rational:
    """The exact value at x of something made of sums and products."""
    value = number(expr)
    if value is not None:
        return value
    if expr == X:
        return x
    args = (
        [_rational_value(cast(Expr, a), x) for a in expr.args]
        if isinstance(expr, (Add, Mul, Tight, Frac))
        else []
    )
    if isinstance(expr, Add):
        return sum(args, Rational(0))
    if isinstance(expr, (Mul, Tight)):
        return cast(Rational, reduce(lambda a, b: a * b, args, Rational(1)))
    if isinstance(expr, Frac) and args[1] != 0:
        return cast(Rational, args[0] / args[1])
    if isinstance(expr, Piecewise):
        return _rational_value(_chosen(expr, x), x)
    if isinstance(expr, Abs):
        return cast(Rational, abs(_rational_value(cast(Expr, expr.args[0]), x)))
    raise Uncertain(str(expr))


def _chosen(expr: Piecewise, x: Rational) -> Expr:
    """The branch of `expr` at x."""
    for pair in expr.args:
        condition = pair.args[1]
        if condition == true or _holds(condition, x):
            return cast(Expr, pair.args[0])
    raise Uncertain("no branch")


def _holds(condition: Basic, x: Rational) -> bool:
    if isinstance(condition, ITE):  # what SymPy makes of a condition that has cases itself
        test, one, other = condition.args
        return _holds(one if _holds(test, x) else other, x)
    if not isinstance(condition, Relational):
        return bool(condition)
    left, right = (_rational_value(cast(Expr, a), x) for a in condition.args)
    if isinstance(condition, (Gt, Ge)):
        return bool(left > right or (left == right and isinstance(condition, Ge)))
    return bool(left < right or (left == right and isinstance(condition, Le)))


def at(expr: Expr, x: Rational) -> Expr:
    """`expr` as it is around x, between its borders: |u| is u or -u, of each case one is left."""

    def one(node: Expr) -> Expr | None:
        if isinstance(node, Piecewise):
            return at(_chosen(node, x), x)
        if isinstance(node, (Abs, sign_)):
            inner = cast(Expr, node.args[0])
            positive = _rational_value(inner, x) > 0
            if isinstance(node, sign_):
                return ONE if positive else MINUS_ONE
            return at(inner, x) if positive else neg(at(inner, x))
        return None

    return mapped(expr, one)


def flattened(expr: Expr) -> Expr:
    """`expr` with cases inside cases, or cases inside conditions, as one list of cases.

    Raises Uncertain where a border cannot be told.
    """
    nested = any(
        pair.args[0].has(Piecewise) or not (pair.args[1] == true or isinstance(pair.args[1], Relational))
        for piecewise in expr.atoms(Piecewise)
        for pair in piecewise.args
    )
    if not nested:
        return expr
    found = cases(expr)
    if not found:
        raise Uncertain(str(expr))
    if len(found) == 1:
        return found[0].value
    return cast(Expr, Piecewise(*((c.value, c.condition) for c in found), evaluate=False))


def slopes(prime: Expr, parts: tuple[Case, ...]) -> list[Expr]:
    """`prime` in each of the cases of f."""
    if len(parts) < 2:
        return [prime] * len(parts)
    if isinstance(prime, Piecewise) and [pair.args[1] for pair in prime.args] == [p.condition for p in parts]:
        return [cast(Expr, pair.args[0]) for pair in prime.args]
    return [at(prime, point) if prime.has(Piecewise, Abs, sign_) else prime for point in inside(parts)]


def inside(parts: tuple[Case, ...]) -> list[Rational]:
    """A number x inside each case, where the conditions are comparisons with numbers."""
    borders = sorted({b for part in parts for b in borders_of_condition(part.condition)})
    points = [borders[0] - 1, *((a + b) / 2 for a, b in pairwise(borders)), borders[-1] + 1]
    found: list[Rational] = []
    for i, part in enumerate(parts):
        for point in points:
            taken = [p.condition == true or _holds(p.condition, point) for p in parts[: i + 1]]
            if taken[-1] and not any(taken[:-1]):
                found.append(cast(Rational, point))
                break
        else:
            raise Uncertain(str(part.condition))
    return found


def borders_of_condition(condition: Basic) -> list[Rational]:
    """Where one condition changes."""
    return (
        []
        if condition == true
        else borders_of(cast(Expr, Piecewise((ONE, condition), (ZERO, true), evaluate=False))) or []
    )


# ---------------------------------------------------------------- where a formula has a value


def positive(expr: Expr) -> bool:
    """Whether `expr` is plainly greater than 0 for every x."""
    value = number(expr)
    if value is not None:
        return bool(value > 0)
    args = [a for a in expr.args if isinstance(a, Expr)]
    if isinstance(expr, (exp_, cosh_)) or expr is pi:
        return True
    if isinstance(expr, Add):
        return all(not_negative(a) for a in args) and any(positive(a) for a in args)
    if isinstance(expr, (Mul, Tight, Frac)):
        return all(positive(a) for a in args)
    if isinstance(expr, Pow):
        return positive(args[0])
    if isinstance(expr, Piecewise):
        return all(positive(cast(Expr, pair.args[0])) for pair in expr.args)
    return False


def not_negative(expr: Expr) -> bool:
    """Whether `expr` is plainly 0 or greater for every x."""
    if isinstance(expr, Abs) or positive(expr) or number(expr) == 0:
        return True
    if isinstance(expr, Pow):
        exponent = number(cast(Expr, expr.args[1]))
        return exponent is not None and exponent > 0 and (exponent.p % 2 == 0 or exponent.q % 2 == 0)
    if isinstance(expr, (Mul, Tight)):
        return all(not_negative(cast(Expr, a)) for a in expr.args)
    return False


def refuse_towers(expr: Expr, variable: Symbol) -> None:
    """Raises NotDifferentiable for u^v with a moving v where u is not plainly positive: x^x, (-2)^x."""
    for node in expr.atoms(Pow):
        base, exponent = cast(tuple[Expr, Expr], node.args)
        if contains(exponent, variable) and not positive(base):
            raise NotDifferentiable(
                f"a power with {variable} in its exponent needs a base that is always positive, as in "
                f"2**{variable}: {variable}**{variable} has no derivative at 0 and no value below; "
                f"exp({variable}*log({variable})) says that {variable} > 0 is meant"
            )


def conditions(expr: Expr) -> list[tuple[str, Expr]]:
    """What must hold for `expr` to have a value and a slope: ("positive", u) or ("nonzero", u) each."""
    found: dict[tuple[str, Expr], None] = {}

    def walk(node: Basic) -> None:
        for arg in node.args:
            walk(arg)
        if isinstance(node, log_):
            must(cast(Expr, node.args[0]), "positive")
        elif isinstance(node, Frac):
            must(cast(Expr, node.args[1]), "nonzero")
        elif isinstance(node, Pow) and not isinstance(node, exp_):
            exponent = number(cast(Expr, node.args[1]))
            if exponent is None or exponent.q != 1:
                must(cast(Expr, node.args[0]), "positive")
            elif exponent < 0:
                must(cast(Expr, node.args[0]), "nonzero")

    def must(what: Expr, key: str) -> None:
        value = number(plain(what))
        if value is not None and (value == 0 or (value < 0 and key == "positive")):
            need = "greater than 0" if key == "positive" else "different from 0"
            raise NotDifferentiable(f"{value} stands where a number {need} is needed")
        if value is None and not positive(what):
            found[key, what] = None

    walk(expr)
    return list(found)
