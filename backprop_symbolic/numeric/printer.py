"""Expressions as Python text: for numbers with `math`, for arrays with torch or jax.numpy.

A dialect says how its library writes a function; precedence and signs are the same for all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from sympy import Abs, Add, Basic, Expr, Mul, Piecewise, Pow, Rational, Symbol, pi
from sympy import atan as atan_
from sympy import cos as cos_
from sympy import cosh as cosh_
from sympy import erf as erf_
from sympy import exp as exp_
from sympy import log as log_
from sympy import sign as sign_
from sympy import sin as sin_
from sympy import sinh as sinh_
from sympy.core.relational import Ge, Gt, Le, Lt

from backprop_symbolic.algebra import MINUS_ONE, Frac, Tight, number
from backprop_symbolic.errors import NotDifferentiable
from backprop_symbolic.numeric.stable import Function

CONDITIONAL, COMPARISON, SUM, PRODUCT, MINUS, POWER, ATOM = range(7)

#: SymPy's functions by the names that math, torch and jax.numpy share.
FUNCTIONS: Mapping[type, str] = {
    exp_: "exp", log_: "log", sin_: "sin", cos_: "cos", sinh_: "sinh", cosh_: "cosh", atan_: "atan",
    erf_: "erf",
}  # fmt: skip
RELATIONS: Mapping[type, str] = {Gt: ">", Ge: ">=", Lt: "<", Le: "<="}

#: How each recognised function is computed: text in the dialect's functions, with u for the argument.
Forms = Mapping[str, tuple[str, int]]


@dataclass(frozen=True)
class Dialect:
    """How one library writes what Python has no operator for.

    prefix     stands before a function's name: "torch."
    forms      recognised function → its text, with {u} for the argument, and the text's precedence
    absolute, sign, constant_pi, largest  the same for these
    choose     whether `a if u > 0 else b` chooses by one number; if not, where() chooses by element
    """

    prefix: str
    forms: Forms
    absolute: str = "abs({u})"
    sign: tuple[str, int] = ("(({u} > 0.0) - ({u} < 0.0))", ATOM)
    constant_pi: str = "pi"
    choose: bool = True
    largest: str = "max({all})"
    renamed: Mapping[str, str] = field(default_factory=dict)


#: For one number, with the functions of `math`. Each form is its function on paper:
#: 1/(1 + e^{-u}) = e^u/(1 + e^u); ln(1 + e^u) = u + ln(1 + e^{-u}); ln cosh u = ln(1 + 2 sinh²(u/2))
#: = |u| + ln(1 + e^{-2|u|}) - ln 2.
MATH = Dialect(
    "",
    {
        "log1p": ("log1p({u})", ATOM),
        "expm1": ("expm1({u})", ATOM),
        "tanh": ("tanh({u})", ATOM),
        "logistic": (
            "1.0/(1.0 + exp(-{u})) if {u} > -700.0 else exp({u})/(1.0 + exp({u}))",
            CONDITIONAL,
        ),
        "softplus": ("{u} + log1p(exp(-{u})) if {u} > 0.0 else log1p(exp({u}))", CONDITIONAL),
        "log_cosh": (
            "log1p(2.0*sinh(0.5*{u})**2) if abs({u}) < 1.0 "
            "else abs({u}) + log1p(exp(-2.0*abs({u}))) - log(2.0)",
            CONDITIONAL,
        ),
    },
)
TORCH = Dialect(
    "torch.",
    {
        "log1p": ("torch.log1p({u})", ATOM),
        "expm1": ("torch.expm1({u})", ATOM),
        "tanh": ("torch.tanh({u})", ATOM),
        "logistic": ("torch.sigmoid({u})", ATOM),
        "softplus": ("torch.logaddexp({u}, torch.zeros_like({u}))", ATOM),
        "log_cosh": (
            "torch.where(torch.abs({u}) < 1.0, torch.log1p(2.0*torch.sinh(0.5*{u})**2), "
            "torch.abs({u}) + torch.log1p(torch.exp(-2.0*torch.abs({u}))) - math.log(2.0))",
            ATOM,
        ),
    },
    absolute="torch.abs({u})",
    sign=("torch.sign({u})", ATOM),
    constant_pi="math.pi",
    choose=False,
    largest="torch.max(torch.stack([{all}]))",
)
JAX = Dialect(
    "jnp.",
    {
        "log1p": ("jnp.log1p({u})", ATOM),
        "expm1": ("jnp.expm1({u})", ATOM),
        "tanh": ("jnp.tanh({u})", ATOM),
        "logistic": ("jax.nn.sigmoid({u})", ATOM),
        "softplus": ("jnp.logaddexp({u}, 0.0)", ATOM),
        "log_cosh": (
            "jnp.where(jnp.abs({u}) < 1.0, jnp.log1p(2.0*jnp.sinh(0.5*{u})**2), "
            "jnp.abs({u}) + jnp.log1p(jnp.exp(-2.0*jnp.abs({u}))) - math.log(2.0))",
            ATOM,
        ),
    },
    absolute="jnp.abs({u})",
    sign=("jnp.sign({u})", ATOM),
    constant_pi="math.pi",
    choose=False,
    largest="jnp.max(jnp.stack([{all}]))",
    renamed={"atan": "arctan", "erf": "jax.scipy.special.erf"},
)


class Printer:
    """`Printer(names, dialect)(expr)` is `expr` as text, its names by `names`.

    Expressions must have gone through `stable`. Raises NotDifferentiable for what has no text.
    """

    def __init__(self, names: Mapping[Symbol, str], dialect: Dialect = MATH) -> None:
        self.names, self.dialect = names, dialect

    def __call__(self, expr: Expr, level: int = CONDITIONAL) -> str:
        text, own = self.write(expr)
        return f"({text})" if own < level else text

    def write(self, e: Expr) -> tuple[str, int]:
        """The text and how strongly its outermost operation binds."""
        value = number(e)
        if value is not None:
            return numeral(value)
        if isinstance(e, Symbol):
            return self.names[e], ATOM
        if isinstance(e, Add):
            return self.sum(e), SUM
        if isinstance(e, (Mul, Tight)):
            return self.product(cast(tuple[Expr, ...], e.args))
        if isinstance(e, Frac):
            top, bottom = cast(tuple[Expr, Expr], e.args)
            return f"{self(top, PRODUCT)}/{self(bottom, MINUS)}", PRODUCT
        if isinstance(e, Pow):
            return self.power(*cast(tuple[Expr, Expr], e.args))
        if isinstance(e, Function):
            return self.function(e)
        if isinstance(e, Piecewise):
            return self.pieces(e)
        if e is pi:
            return self.dialect.constant_pi, ATOM
        if isinstance(e, (Abs, sign_)):
            u = cast(Expr, e.args[0])
            text, own = (self.dialect.absolute, ATOM) if isinstance(e, Abs) else self.dialect.sign
            return text.replace("{u}", self(u, POWER)), own
        name = FUNCTIONS.get(type(e))
        if name is None:
            raise NotDifferentiable(f"no program text for {type(e).__name__} in {e}")
        return f"{self.called(name)}({self(cast(Expr, e.args[0]))})", ATOM

    def called(self, name: str) -> str:
        name = self.dialect.renamed.get(name, name)
        return name if "." in name else self.dialect.prefix + name

    def sum(self, e: Add) -> str:
        parts: list[str] = []
        for term in e.args:
            text = self(term, SUM)
            if parts and text.startswith("-"):
                parts.append(f" - {text[1:]}")
            else:
                parts.append(f" + {text}" if parts else text)
        return "".join(parts)

    def product(self, args: tuple[Expr, ...]) -> tuple[str, int]:
        if args and args[0] == MINUS_ONE and len(args) > 1:
            # -(a·b) and (-a)·b are one number, also in floating point.
            return f"-{self.product(args[1:])[0]}", SUM
        if len(args) == 1:
            return self(args[0], PRODUCT), PRODUCT
        # A quotient is bracketed unless it comes first: a*(b/c) is another rounding than a*b/c.
        shown = [self(a, PRODUCT if i == 0 else MINUS) for i, a in enumerate(args)]
        return "*".join(shown), PRODUCT

    def power(self, base: Expr, exponent: Expr) -> tuple[str, int]:
        n = number(exponent)
        if n is not None and n == Rational(1, 2):
            return f"{self.called('sqrt')}({self(base)})", ATOM
        if n is not None and n.q == 1:
            size = int(n)
            shown = self(base, ATOM)
            if isinstance(base, Symbol) and size in (2, 3):
                return "*".join([shown] * size), PRODUCT
            return (f"1.0/{shown}", PRODUCT) if size == -1 else (f"{shown}**{size}", POWER)
        return f"{self(base, ATOM)}**{self(exponent, POWER)}", POWER

    def function(self, e: Function) -> tuple[str, int]:
        if e.name == "softmax":
            # e^{u - m}/Σ e^{v - m} is e^u/Σ e^v, and overflows for no u where m is the largest.
            own, *rest = (self(u, MINUS) for u in e.arguments)
            top = self.dialect.largest.replace("{all}", ", ".join(rest))
            power = self.called("exp")
            total = " + ".join(f"{power}({u} - {top})" for u in rest)
            return f"{power}({own} - {top})/({total})", PRODUCT
        text, own_level = self.dialect.forms[e.name]
        u = e.arguments[0]
        once = text.count("{u}") == 1 and text.endswith("({u})")
        return text.replace("{u}", self(u) if once else self(u, POWER)), own_level

    def pieces(self, e: Piecewise) -> tuple[str, int]:
        *first, last = e.args
        if self.dialect.choose:
            tests = [f"if {self.condition(p.args[1])} else" for p in first]
            chosen = [self(cast(Expr, p.args[0]), COMPARISON) for p in first]
            shown = [f"{value} {test}" for value, test in zip(chosen, tests, strict=True)]
            return " ".join([*shown, self(cast(Expr, last.args[0]), COMPARISON)]), CONDITIONAL
        text = self(cast(Expr, last.args[0]))
        for p in reversed(first):
            value = cast(Expr, p.args[0])
            shown_value = self(value)
            if number(value) is not None and self.dialect is TORCH:
                # where() of two numbers would forget the precision: it takes the condition's.
                shown_value = f"torch.full_like({self(cast(Expr, p.args[1].args[0]))}, {shown_value})"
            text = f"{self.called('where')}({self.condition(p.args[1])}, {shown_value}, {text})"
        return text, ATOM

    def condition(self, condition: Basic) -> str:
        left, right = cast(tuple[Expr, Expr], condition.args)
        return f"{self(left, SUM)} {RELATIONS[type(condition)]} {self(right, SUM)}"


def numeral(value: Rational) -> tuple[str, int]:
    """A number as Python writes it: 1 → 1.0, 1/3 → 1.0/3.0, which Python divides when it compiles."""
    p, q = int(value.p), int(value.q)
    sign, size = ("-", -p) if p < 0 else ("", p)
    if q == 1:
        return f"{sign}{_float(size)}", SUM if sign else ATOM
    decimal = repr(size / q)
    if Rational(decimal) == Rational(size, q):
        return f"{sign}{decimal}", SUM if sign else ATOM
    return f"{sign}{_float(size)}/{_float(q)}", SUM if sign else PRODUCT


def _float(value: int) -> str:
    return f"{value}.0" if value < 10**15 else repr(float(value))


def identifiers(text: str) -> set[str]:
    """Every name that a line of program text uses."""
    return set(re.findall(r"[^\W\d]\w*", text))
