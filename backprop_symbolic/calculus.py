"""Differentiation by rules that a reader can follow.

`expand` applies one rule to one derivative; `lines` applies it to every pending derivative of a
line, tidies the arithmetic and goes on until none is left. Each line is a whole formula in which
`Partial` marks what is still to be done, so that the verifier can decide every line by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from sympy import Abs, Add, Expr, Integer, Mul, Piecewise, Pow, Rational, Symbol, pi, sqrt
from sympy import atan as atan_
from sympy import cos as cos_
from sympy import cosh as cosh_
from sympy import erf as erf_
from sympy import exp as exp_
from sympy import log as log_
from sympy import sign as sign_
from sympy import sin as sin_
from sympy import sinh as sinh_
from sympy.functions.elementary.piecewise import ExprCondPair

from backprop_symbolic.activations import Activation, activation, formula
from backprop_symbolic.activations import kinks as stated_kinks
from backprop_symbolic.activations import prime as stated_prime
from backprop_symbolic.algebra import (
    MINUS_ONE,
    ONE,
    TWO,
    ZERO,
    Call,
    Decimal,
    Frac,
    Partial,
    Prime,
    Tight,
    X,
    Y,
    add,
    contains,
    exp,
    mapped,
    mul,
    neg,
    number,
    pending,
    power,
    rebuild,
    replace,
    sub,
)
from backprop_symbolic.elimination import form
from backprop_symbolic.errors import NotDifferentiable


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a differentiation: the formula and the rules that led to it, main one first."""

    expr: Expr
    rules: tuple[str, ...]


def lines(expr: Expr, wrt: Symbol, *held: Symbol) -> list[Line]:
    """The lines from ∂expr/∂wrt to a formula with no derivative left.

    Quantities in `held` are fixed, although they follow from `wrt`. Raises NotDifferentiable where
    no rule exists.
    """
    current: Expr = Partial(expr, wrt, *held)
    found: list[Line] = []
    while True:
        applied: list[str] = []

        def one(node: Expr, applied: list[str] = applied) -> Expr | None:
            if not isinstance(node, Partial):
                return None
            result, rule = expand(node)
            applied.append(rule)
            return result

        expanded = mapped(current, one)
        if not applied:
            return found
        rules = tuple(dict.fromkeys(applied))
        current = tidy(expanded, signs=False)
        found.append(Line(current, rules))
        done = tidy(current)
        if done != current and not pending(done):
            found.append(Line(done, ("arithmetic",)))
            return found


@lru_cache(maxsize=64)
def derivative(expr: Expr, wrt: Symbol) -> Expr:
    """∂expr/∂wrt as the last of its `lines` has it, without writing each of them out.

    A line holds the whole formula, so that all lines together grow with the cube of its depth.
    """

    def done(node: Expr) -> Expr | None:
        return mapped(expand(node)[0], done) if isinstance(node, Partial) else None

    return tidy(tidy(mapped(Partial(expr, wrt), done), signs=False))


@lru_cache(maxsize=512)
def prime(entry: Activation) -> Expr:
    """f' in x and y = f(x), as it is used further: as the entry states it, else in the form found.

    Where f' cannot be written through y it is the last line of its proof, in x.
    """
    if entry.prime:
        return stated_prime(entry)
    f = formula(entry)
    derived = derivative(f, X)
    found = form(f, derived)
    return derived if found is None else found


# ---------------------------------------------------------------- the rules


def expand(node: Partial) -> tuple[Expr, str]:
    """One rule applied to ∂of/∂wrt: the formula it gives and the rule's key."""
    of, wrt = node.of, node.wrt
    if not contains(of, wrt):
        return ZERO, "constant"
    if of == wrt:
        return ONE, "identity"
    for kind, rule in RULES:
        if isinstance(of, kind):
            result, key = rule(of, wrt)
            return (_holding(result, node.held), key) if node.held else (result, key)
    raise NotDifferentiable(f"no differentiation rule for {type(of).__name__} in {of}")


def _holding(expr: Expr, held: tuple[Symbol, ...]) -> Expr:
    """`expr` with `held` fixed in each derivative that is still to be done."""

    def fix(node: Expr) -> Expr | None:
        return Partial(node.of, node.wrt, *held) if isinstance(node, Partial) else None

    return mapped(expr, fix)


def _d(of: Expr, wrt: Symbol) -> Expr:
    """∂of/∂wrt, at once where it is plain: 1 for the variable, 0 for a constant."""
    if of == wrt:
        return ONE
    return Partial(of, wrt) if contains(of, wrt) else ZERO


def _sum(of: Expr, wrt: Symbol) -> tuple[Expr, str]:
    """(f + g)' = f' + g'; terms without the variable vanish."""
    terms = [cast(Expr, t) for t in of.args if contains(t, wrt)]
    return add(*(_signed(t, wrt) for t in terms)), "sum"


def _signed(term: Expr, wrt: Symbol) -> Expr:
    """(-f)' = -f', so that a difference stays a difference."""
    if isinstance(term, Mul) and term.args[0] == MINUS_ONE:
        return neg(_d(mul(*term.args[1:]), wrt))
    return _d(term, wrt)


def _product(of: Expr, wrt: Symbol) -> tuple[Expr, str]:
    """(c·f)' = c·f'; (f·g)' = f'·g + f·g'."""
    factors = [cast(Expr, f) for f in of.args]
    moving = [i for i, f in enumerate(factors) if contains(f, wrt)]
    terms = []
    for i in moving:
        here = list(factors)
        here[i] = _d(factors[i], wrt)
        terms.append(mul(*here))
    return add(*terms), "product" if len(moving) > 1 else "constant_factor"


def _quotient(of: Expr, wrt: Symbol) -> tuple[Expr, str]:
    """(f/g)' = (f'·g - f·g')/g²; (f/c)' = f'/c; (c/g)' = -c/g²·g'."""
    top, bottom = cast(tuple[Expr, Expr], of.args)
    if not contains(bottom, wrt):
        return Frac(_d(top, wrt), bottom), "constant_factor"
    square = power(bottom, TWO)
    if not contains(top, wrt):
        return mul(MINUS_ONE, Frac(top, square), _d(bottom, wrt)), "reciprocal"
    return (
        Frac(sub(mul(_d(top, wrt), bottom), mul(top, _d(bottom, wrt))), square),
        "quotient",
    )


def _power(of: Expr, wrt: Symbol) -> tuple[Expr, str]:
    """(u^n)' = n·u^{n-1}·u'; (a^u)' = a^u·ln a·u'."""
    base, exponent = cast(tuple[Expr, Expr], of.args)
    if not contains(exponent, wrt):
        n = number(exponent)
        lower = Integer(n.p - n.q) / n.q if n is not None else sub(exponent, ONE)
        reduced = base if lower == 1 else power(base, cast(Expr, lower))
        if base == wrt:
            return mul(exponent, reduced), "power"
        return mul(exponent, reduced, _d(base, wrt)), "power_chain"
    if not contains(base, wrt):
        return mul(of, cast(Expr, log_(base, evaluate=False)), _d(exponent, wrt)), "exponential"
    ln = cast(Expr, log_(base, evaluate=False))
    return mul(of, Partial(mul(exponent, ln), wrt)), "log_derivative"


def _chained(outer: Callable[[Expr], Expr], rule: str) -> Callable[[Expr, Symbol], tuple[Expr, str]]:
    """f(u)' = f'(u)·u', where `outer` gives f'(u)."""

    def apply(of: Expr, wrt: Symbol) -> tuple[Expr, str]:
        u = cast(Expr, of.args[0])
        return (outer(u), rule) if u == wrt else (mul(outer(u), _d(u, wrt)), rule)

    return apply


def _activation(of: Expr, wrt: Symbol) -> tuple[Expr, str]:
    """f(u)' = f'(u)·u', f' in the form its own proof ends with."""
    u = of.args[1]
    if u.has(Piecewise):
        # SymPy would fold cases of cases into one condition that nobody can read.
        outer: Expr = Prime(cast(Symbol, of.args[0]), cast(Expr, u))
    else:
        outer = replace(prime(activation(cast(Call, of).name)), {X: cast(Expr, u), Y: of})
    return (outer, "activation") if u == wrt else (mul(outer, _d(cast(Expr, u), wrt)), "activation")


def _pieces(of: Expr, wrt: Symbol) -> tuple[Expr, str]:
    """Each branch on its own; at the border the derivative is a convention."""
    parts = [(_d(cast(Expr, pair.args[0]), wrt), pair.args[1]) for pair in of.args]
    return cast(Expr, Piecewise(*parts, evaluate=False)), "pieces"


def _one(function: object) -> Callable[[Expr], Expr]:
    return lambda u: cast(Expr, function(u, evaluate=False))  # type: ignore[operator]


#: What has a rule, and the rule: the kind of the outermost operation → its derivative.
RULES: tuple[tuple[type, Callable[[Expr, Symbol], tuple[Expr, str]]], ...] = (
    (Add, _sum),
    (Mul, _product),
    (Tight, _product),
    (Frac, _quotient),
    (Call, _activation),
    (Piecewise, _pieces),
    (exp_, _chained(exp, "exponential")),
    (Pow, _power),
    (log_, _chained(lambda u: Frac(ONE, u), "logarithm")),
    (sin_, _chained(_one(cos_), "sine")),
    (cos_, _chained(lambda u: neg(_one(sin_)(u)), "cosine")),
    (sinh_, _chained(_one(cosh_), "sinh")),
    (cosh_, _chained(_one(sinh_), "cosh")),
    (atan_, _chained(lambda u: Frac(ONE, add(ONE, power(u, TWO))), "arctangent")),
    (erf_, _chained(lambda u: mul(Frac(TWO, sqrt(pi)), exp(neg(power(u, TWO)))), "erf")),
    (Abs, _chained(_one(sign_), "absolute_value")),
    (sign_, lambda of, wrt: (ZERO, "sign")),
)


def kinks(entry: Activation) -> list[tuple[Expr, Expr]]:
    """The points x where f' does not exist, each with the value that is taken there by convention."""
    return stated_kinks(entry, prime(entry)) if entry.kinks else []


# ---------------------------------------------------------------- arithmetic a reader does unasked


def tidy(expr: Expr, signs: bool = True, turn: bool = True) -> Expr:
    """0 + a → a, 1·a → a, 2·½ → 1, and with `signs` also (a - b)·(-1) → b - a.

    Without `turn` a product keeps its minus: in a sum, c - η·(a - b) stays a difference. Nothing is
    multiplied out, factored or reordered.
    """
    if isinstance(expr, Partial) or not expr.args or isinstance(expr, Decimal):
        return expr
    if isinstance(expr, Add):
        return _tidy_sum([tidy(a, signs, turn=i == 0) for i, a in enumerate(expr.args)])
    args = [tidy(a, signs) if isinstance(a, Expr) else _tidy_pair(a, signs) for a in expr.args]
    if isinstance(expr, (Mul, Tight)):
        return _tidy_product(args, signs, isinstance(expr, Tight), turn)
    if isinstance(expr, Frac):
        return _tidy_fraction(args[0], args[1])
    if isinstance(expr, Pow) and args[1] == ONE:
        return args[0]
    if isinstance(expr, Piecewise):
        branches = [cast(Expr, pair.args[0]) for pair in args]
        if all(b == branches[0] for b in branches):
            return branches[0]
    if all(new is old for new, old in zip(args, expr.args, strict=True)):
        return expr
    return cast(Expr, rebuild(expr, tuple(args)))


def _tidy_pair(pair: object, signs: bool) -> Expr:
    """The (value, condition) pair of a Piecewise; a condition is left as it is."""
    if isinstance(pair, ExprCondPair):
        return cast(Expr, ExprCondPair(tidy(cast(Expr, pair.args[0]), signs), pair.args[1]))
    return cast(Expr, pair)


def _tidy_fraction(top: Expr, bottom: Expr) -> Expr:
    """0/b → 0, a/1 → a, and a common number cancelled: 2·a/2 → a."""
    if top == ZERO:
        return ZERO
    factors = list(top.args) if isinstance(top, Mul) else [top]
    over, under = number(factors[0]), number(bottom)
    if under is not None and under == 0:
        raise NotDifferentiable(f"division by zero: {Frac(top, bottom)} has no value")
    if over is not None and under is not None and over != -1:
        ratio = over / under
        rest = factors[1:] if ratio.p == 1 and len(factors) > 1 else [Integer(ratio.p), *factors[1:]]
        top, bottom = mul(*rest), Integer(ratio.q)
    return top if bottom == ONE else Frac(top, bottom)


def _tidy_sum(terms: list[Expr]) -> Expr:
    kept = [t for t in terms if t != ZERO]
    if len(kept) > 1 and all(number(t) is not None for t in kept):
        return sum((cast(Rational, number(t)) for t in kept), ZERO)
    return add(*kept)


def _tidy_product(factors: list[Expr], signs: bool, tight: bool, turn: bool) -> Expr:
    flat: list[Expr] = []
    for f in factors:
        # A product inside a product is one product; a sum or a tight group stays a unit.
        flat.extend(f.args if isinstance(f, Mul) else [f])
    if ZERO in flat:
        return ZERO
    coefficient: Expr = ONE
    rest: list[Expr] = []
    minus = 0
    for f in flat:
        value = number(f)
        if value == -1:
            if signs:
                minus += 1
            else:
                rest.append(f)
        elif value is not None:
            product = cast(Rational, number(coefficient)) * value
            exact = isinstance(coefficient, Decimal) or isinstance(f, Decimal)
            coefficient = Decimal(product) if exact and product.q != 1 else cast(Expr, product)
        else:
            rest.append(f)
    if minus % 2:
        rest, coefficient = _negated(rest, coefficient, turn)
    if coefficient != ONE:
        rest.insert(0, coefficient)
    if not rest:
        return ONE
    if len(rest) == 1:
        return rest[0]
    return Tight(*rest) if tight and MINUS_ONE not in rest else mul(*rest)


def _negated(factors: list[Expr], coefficient: Expr, turn: bool) -> tuple[list[Expr], Expr]:
    """-(a - b)·c as (b - a)·c where a difference can be turned round, else with a leading -1."""
    for i, f in enumerate(factors if turn else ()):
        if isinstance(f, Add) and len(f.args) == 2:
            a, b = f.args
            if isinstance(b, Mul) and b.args[0] == MINUS_ONE and not _is_negative(a):
                turned = add(mul(*b.args[1:]), _minus(a))
                return [*factors[:i], turned, *factors[i + 1 :]], coefficient
    if coefficient != ONE:
        return factors, _minus(coefficient)
    return [MINUS_ONE, *factors], coefficient


def _minus(term: Expr) -> Expr:
    """-term; the minus of a number goes into it."""
    value = number(term)
    if value is None:
        return neg(term)
    return Decimal(-value) if isinstance(term, Decimal) else cast(Expr, -value)


def _is_negative(term: Expr) -> bool:
    return isinstance(term, Mul) and bool(term.args[0] == MINUS_ONE)
