"""Formulas recognised that floating point should compute in another way than they are written.

1/(1 + e^{-u}) overflows for large -u, and e^u - 1 loses its digits for small u. `stable` finds
such formulas, by their shape alone, and puts a function in their place whose definition they are
(`MEANINGS`); how each function is computed is `printer`'s and `inplace`'s matter, and equal on
paper. What is not recognised is computed as it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from sympy import Add, Basic, Expr, Mul
from sympy import cosh as cosh_
from sympy import exp as exp_
from sympy import log as log_
from sympy import sinh as sinh_
from sympy.core.symbol import Str

from backprop_symbolic.activations import formula_of
from backprop_symbolic.algebra import (
    MINUS_ONE,
    ONE,
    Call,
    Frac,
    Tight,
    X,
    add,
    exp,
    mul,
    neg,
    rebuild,
    replace,
)


class Function(Expr):
    """A function of `MEANINGS`, applied."""

    __slots__ = ()
    is_commutative = True

    def __new__(cls, function: str | Str, *args: Expr) -> Function:
        return cast(Function, Basic.__new__(cls, Str(str(function)), *args))

    @property
    def name(self) -> str:
        """The function's name."""
        return str(self.args[0])

    @property
    def arguments(self) -> tuple[Expr, ...]:
        """What it is applied to."""
        return cast(tuple[Expr, ...], self.args[1:])


def _log(u: Expr) -> Expr:
    return cast(Expr, log_(u, evaluate=False))


#: What each function means, as a formula.
MEANINGS: Mapping[str, Callable[..., Expr]] = {
    "log1p": lambda u: _log(add(ONE, u)),
    "expm1": lambda u: add(exp(u), MINUS_ONE),
    "tanh": lambda u: Frac(add(exp(u), neg(exp(neg(u)))), add(exp(u), exp(neg(u)))),
    "logistic": lambda u: Frac(ONE, add(ONE, exp(neg(u)))),
    "softplus": lambda u: _log(add(ONE, exp(u))),
    "log_cosh": lambda u: _log(cast(Expr, cosh_(u, evaluate=False))),
    "softmax": lambda u, *all_: Frac(exp(u), add(*(exp(v) for v in all_))),
}


def stable(expr: Expr) -> Expr:
    """`expr` with the recognised formulas as functions, and activations opened to their formulas."""

    def walk(node: Basic) -> Basic:
        for recognise in _RECOGNISED:
            new = recognise(node)
            if new is not None:
                return walk(new)
        if isinstance(node, Call):
            return walk(opened(node))
        if not node.args:
            return node
        args = tuple(walk(a) for a in node.args)
        if all(new is old for new, old in zip(args, node.args, strict=True)):
            return node
        return Function(*args) if isinstance(node, Function) else rebuild(node, args)  # type: ignore[arg-type]

    return cast(Expr, walk(expr))


def opened(call: Call) -> Expr:
    """f(u) by the formula of f."""
    return replace(formula_of(call.name), {X: cast(Expr, call.args[1])})


def factors(expr: Basic) -> list[Expr]:
    """The factors of a product, of products inside it too."""
    if isinstance(expr, (Mul, Tight)):
        return [f for arg in expr.args for f in factors(arg)]
    return [cast(Expr, expr)]


def opposite(expr: Expr) -> Expr:
    """-u; u where `expr` is -u."""
    if isinstance(expr, Mul) and expr.args[0] == MINUS_ONE:
        return mul(*expr.args[1:])
    return neg(expr)


# ---------------------------------------------------------------- the shapes


def _beside(expr: Basic | None, one: Expr) -> Expr | None:
    """u where `expr` is one + u."""
    if not isinstance(expr, Add) or len(expr.args) != 2:
        return None
    first, second = expr.args
    if one in (first, _number(first)):
        return second
    return first if one in (second, _number(second)) else None


def _number(term: Expr) -> Expr:
    """-1 where `term` is written -(1)."""
    return MINUS_ONE if term == neg(ONE) else term


def _exponent(expr: Basic | None) -> Expr | None:
    """u where `expr` is e^u."""
    return cast(Expr, expr.args[0]) if isinstance(expr, exp_) else None


def _logarithms(expr: Basic) -> Expr | None:
    """ln(1/v) = -ln v; ln(1 + e^u) = softplus(u); ln cosh u; ln(1 + u) = log1p(u)."""
    if not isinstance(expr, log_):
        return None
    inside = expr.args[0]
    if isinstance(inside, Call):
        inside = opened(inside)
    if isinstance(inside, Frac) and inside.args[0] == ONE:
        return neg(_log(cast(Expr, inside.args[1])))
    if isinstance(inside, cosh_):
        return Function("log_cosh", cast(Expr, inside.args[0]))
    rest = _beside(expr.args[0], ONE)
    if rest is None:
        rest = _beside(inside, ONE)
    if rest is None:
        return None
    u = _exponent(rest)
    return Function("log1p", rest) if u is None else Function("softplus", u)


def _logistic(expr: Basic) -> Expr | None:
    """a/(1 + e^u) = a·logistic(-u); e^u/(1 + e^u) = logistic(u)."""
    u = _exponent(_beside(expr.args[1], ONE)) if isinstance(expr, Frac) else None
    if u is None:
        return None
    top = cast(Expr, expr.args[0])
    if top == exp(u):
        return Function("logistic", u)
    found = Function("logistic", opposite(u))
    return found if top == ONE else mul(top, found)


def _tanh(expr: Basic) -> Expr | None:
    """(e^u - e^{-u})/(e^u + e^{-u}) = sinh u/cosh u = tanh u."""
    if not isinstance(expr, Frac):
        return None
    top, bottom = expr.args
    if isinstance(top, sinh_) and isinstance(bottom, cosh_) and top.args == bottom.args:
        return Function("tanh", cast(Expr, top.args[0]))
    if not (isinstance(top, Add) and isinstance(bottom, Add) and len(top.args) == len(bottom.args) == 2):
        return None
    u = _exponent(top.args[0])
    if u is None:
        return None
    down = exp(opposite(u))
    if top.args[1] == neg(down) and set(bottom.args) == {exp(u), down}:
        return Function("tanh", u)
    return None


def _softmax(expr: Basic) -> Expr | None:
    """e^{u_k}/Σ_j e^{u_j}."""
    if not (isinstance(expr, Frac) and isinstance(expr.args[1], Add)):
        return None
    own = _exponent(expr.args[0])
    exponents = [_exponent(term) for term in expr.args[1].args]
    if own is None or own not in exponents or None in exponents:
        return None
    return Function("softmax", own, *cast(list[Expr], exponents))


def _expm1(expr: Basic) -> Expr | None:
    """e^u - 1 = expm1(u); 1 - e^u = -expm1(u)."""
    u = _exponent(_beside(expr, MINUS_ONE))
    if u is not None:
        return Function("expm1", u)
    rest = _beside(expr, ONE)
    u = _exponent(opposite(rest)) if rest is not None and isinstance(rest, Mul) else None
    return None if u is None else neg(Function("expm1", u))


def _cancelled(expr: Basic) -> Expr | None:
    """a/(b·c)·b·c = a: (o - t)/(o(1 - o))·o(1 - o) has a value at o = 0 and o = 1 too."""
    if not isinstance(expr, Mul):
        return None
    parts = cast(list[Expr], list(expr.args))
    for i, part in enumerate(parts):
        if not isinstance(part, Frac):
            continue
        rest = [f for j, other in enumerate(parts) if j != i for f in factors(other)]
        for f in factors(part.args[1]):
            if f not in rest:
                break
            rest.remove(f)
        else:
            return mul(cast(Expr, part.args[0]), *rest)
    return None


_RECOGNISED: tuple[Callable[[Basic], Expr | None], ...] = (
    _logarithms, _logistic, _tanh, _softmax, _expm1, _cancelled,
)  # fmt: skip
