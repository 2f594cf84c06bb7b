"""What a rule of differentiation asks for: what holds by itself, and what a theorem must suppose.

What `certain` answers True for, the tactic `side` of the library proves; the rest becomes a premise
by name. Coq has the last word: an obligation wrongly held to be certain fails there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from sympy import Abs, Expr, Ge, Gt, Le, Lt, Mul, Ne, Pow, Rational, Symbol, expand, oo
from sympy.core.relational import Relational

from backprop_symbolic import cases
from backprop_symbolic.algebra import Frac, Tight, neg, number, plain, sub
from backprop_symbolic.formal.terms import Assumption, Obligation, smaller_first


def certain(obligation: Obligation, known: Iterable[Assumption] = ()) -> bool:
    """Whether it holds by the signs of its parts, or from what is assumed of one variable.

    That the cases of a smooth formula meet at their border is certain, as it was asked for.
    """
    if obligation.kind == "smooth":
        return True
    assumed = (*known, *obligation.assumed)
    if obligation.kind == "border":
        return _apart(sub(*obligation.of), assumed)
    if obligation.kind not in ("positive", "nonzero"):
        return False
    return _holds(obligation.of[0], obligation.kind, assumed)


def premise(obligation: Obligation) -> str:
    """The proposition to suppose; a border is excluded whatever the case that it stands in."""
    assumed = () if obligation.kind == "border" else obligation.assumed
    return "".join(f"({a.statement}) -> " for a in assumed) + obligation.statement


def _holds(what: Expr, kind: str, known: tuple[Assumption, ...]) -> bool:
    """Whether `what` is positive, or different from 0."""
    if cases.positive(what) or (kind == "nonzero" and cases.positive(neg(what))):
        return True
    parts = [cast(Expr, a) for a in what.args]
    if isinstance(what, (Mul, Tight, Frac)) and all(_holds(part, kind, known) for part in parts):
        return True
    if isinstance(what, Pow) and number(parts[1]) is not None and _holds(parts[0], kind, known):
        return True
    if _by_range(what, kind, known):
        return True
    return kind == "nonzero" and (_by_modulus(what, known) or _apart(what, known))


def _apart(what: Expr, known: tuple[Assumption, ...]) -> bool:
    """u - v ≠ 0 where u ≠ v is assumed."""
    gaps = [
        plain(sub(*cast(tuple[Expr, Expr], a.relation.args))) for a in known if isinstance(a.relation, Ne)
    ]
    return any(expand(plain(what) - gap) == 0 or expand(plain(what) + gap) == 0 for gap in gaps)


def _by_modulus(what: Expr, known: tuple[Assumption, ...]) -> bool:
    """u ≠ 0 where |u| ≥ c or |u| > c is assumed for a number c > 0."""
    for a in known:
        if not isinstance(a.relation, Relational):
            continue
        low, high = smaller_first(a.relation)
        modulus, bound = (high, low) if a.holds else (low, high)
        value = number(bound)
        if isinstance(modulus, Abs) and modulus.args[0] == what and value is not None and value > 0:
            return True
    return False


def _by_range(what: Expr, kind: str, known: tuple[Assumption, ...]) -> bool:
    """a·x + b > 0, or ≠ 0, for every x that the assumptions leave."""
    free = what.free_symbols
    symbol = cast(Symbol, next(iter(free), None))
    if len(free) != 1 or (line := line_of(what, symbol)) is None:
        return False
    slope, constant = line
    low, high = _range(symbol, known)
    zero = -constant / slope
    above, below = _beyond(low, zero), _beyond((-high[0], high[1]), -zero)
    if kind == "nonzero":
        return above or below
    return above if slope > 0 else below


def _beyond(end: tuple[Expr, bool], zero: Rational) -> bool:
    """Whether everything from `end` upwards is greater than `zero`."""
    return bool(end[0] > zero) or (bool(end[0] == zero) and not end[1])


def _range(symbol: Symbol, known: tuple[Assumption, ...]) -> tuple[tuple[Expr, bool], tuple[Expr, bool]]:
    """The ends between which the symbol lies, each with whether it belongs to them."""
    low: tuple[Expr, bool] = (-oo, True)
    high: tuple[Expr, bool] = (oo, True)
    for a in known:
        if not isinstance(a.relation, (Gt, Ge, Lt, Le)):
            continue
        smaller, greater = smaller_first(a.relation)
        line = line_of(sub(greater, smaller), symbol)
        if line is None:
            continue
        slope, constant = line if a.holds else (-line[0], -line[1])
        closed = isinstance(a.relation, (Ge, Le)) == a.holds
        end = (cast(Expr, -constant / slope), closed)
        if slope > 0 and (end[0] > low[0] or (end[0] == low[0] and not closed)):
            low = end
        elif slope < 0 and (end[0] < high[0] or (end[0] == high[0] and not closed)):
            high = end
    return low, high


def line_of(expr: Expr, symbol: Symbol) -> tuple[Rational, Rational] | None:
    """(a, b) where `expr` is a·symbol + b with numbers a ≠ 0 and b."""
    poly = plain(expr).as_poly(symbol)
    if poly is None or poly.degree() != 1:
        return None
    slope, constant = poly.nth(1), poly.nth(0)
    return (slope, constant) if isinstance(slope, Rational) and isinstance(constant, Rational) else None
