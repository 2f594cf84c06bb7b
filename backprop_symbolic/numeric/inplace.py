"""Expressions over arrays as NumPy operations into buffers: no array is made on the way.

`Emitter.into(dest, expr)` writes the lines that put `expr` into the buffer `dest`. What is needed
in between goes into scratch buffers S1, S2, … and into the mask M1; it counts the most in use at
once. A part that occurs twice is computed once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from sympy import Abs, Add, Basic, Expr, Mul, Piecewise, Pow, Rational, Symbol, true
from sympy import erf as erf_
from sympy import log as log_
from sympy import sign as sign_
from sympy import sinh as sinh_
from sympy.core.relational import Ge, Gt, Le, Lt

from backprop_symbolic.algebra import (
    MINUS_ONE,
    ONE,
    TWO,
    Frac,
    Tight,
    add,
    exp,
    mapped,
    mul,
    neg,
    number,
    power,
    symbols,
)
from backprop_symbolic.errors import NotDifferentiable
from backprop_symbolic.numeric.printer import FUNCTIONS, MATH, Dialect, Printer
from backprop_symbolic.numeric.stable import Function, opposite

#: Numbers such as ln 2 and √π, which are computed once, by math.
_CONSTANTS = Printer({}, Dialect("math.", MATH.forms, constant_pi="math.pi"))
_RELATIONS: Mapping[type, str] = {Gt: "greater", Ge: "greater_equal", Lt: "less", Le: "less_equal"}


@dataclass(frozen=True)
class Operand:
    """A number, a buffer that must stay, or a scratch buffer that may be written over (`owned`)."""

    text: str
    owned: bool = False


class Emitter:
    """Lines of NumPy for expressions in `names`, which must have gone through `stable`.

    `suffix` is what the names of this emitter's scratch buffers end in.
    """

    def __init__(self, names: Mapping[Symbol, str], suffix: str = "") -> None:
        self.names, self.suffix = names, suffix
        self.lines: list[str] = []
        self.scratch = self.masks = 0
        self.free: list[str] = []
        self.uses: Counter[Expr] = Counter()
        self.kept: dict[Expr, Operand] = {}
        self.dest = ""

    def into(self, dest: str, expr: Expr) -> None:
        """The lines that put `expr` into `dest`, which may be one of the buffers it is made of."""
        self.free = [f"S{i}{self.suffix}" for i in range(self.scratch, 0, -1)]
        reads = {self.names[s] for s in symbols(expr)}
        if dest not in reads:
            self.free.append(dest)
        self.uses, self.kept, self.dest = Counter(), {}, dest
        formula = lowered(expr)
        self.count(formula)
        found = self.value(formula, dest)
        if found.text != dest:
            self.lines.append(f"np.copyto({dest}, {found.text})")

    # ------------------------------------------------------------ buffers

    def take(self) -> str:
        """A scratch buffer."""
        if not self.free:
            self.scratch += 1
            return f"S{self.scratch}{self.suffix}"
        return self.free.pop()

    def release(self, *operands: Operand) -> None:
        self.free.extend(o.text for o in operands if o.owned and o.text not in self.free)

    def apply(self, function: str, *operands: Operand, out: str = "") -> Operand:
        """One operation, into `out` or a scratch buffer."""
        self.release(*operands)
        target = out or self.take()
        if out in self.free:
            self.free.remove(out)
        args = ", ".join([*(o.text for o in operands), f"out={target}"])
        self.lines.append(f"np.{function}({args})")
        return Operand(target, True)

    # ------------------------------------------------------------ values

    def value(self, e: Expr, out: str = "") -> Operand:
        """The operand that holds `e`; with `out`, the last operation goes there."""
        if isinstance(e, Symbol):
            name = self.names[e]
            # What is read once may be written over, where it is to be lost anyway.
            return Operand(name, name == self.dest and self.uses[e] == 1)
        if not symbols(e):
            return Operand(_CONSTANTS(e))
        known = self.kept.get(e)
        if known is not None:
            return known
        if self.uses[e] < 2:
            return self.compute(e, out)
        # Used again: its buffer is kept until the whole formula is done.
        found = self.kept[e] = Operand(self.compute(e, "").text)
        return found

    def count(self, e: Basic) -> None:
        """Counts how often each part is used; what is used twice is computed, and counted, once."""
        if isinstance(e, Expr):
            self.uses[e] += 1
            if self.uses[e] > 1:
                return
        extreme = _extreme(e) if isinstance(e, Piecewise) else None
        for arg in extreme[1:] if extreme else e.args:
            self.count(arg)

    def compute(self, e: Expr, out: str) -> Operand:
        if isinstance(e, Add):
            return self.sum(e, out)
        if isinstance(e, (Mul, Tight)):
            return self.product(cast(tuple[Expr, ...], e.args), out)
        if isinstance(e, Frac):
            top, bottom = cast(tuple[Expr, Expr], e.args)
            above = self.value(top)
            return self.apply("divide", above, self.value(bottom), out=out)
        if isinstance(e, Pow):
            return self.power(cast(Expr, e.args[0]), cast(Expr, e.args[1]), out)
        if isinstance(e, Piecewise):
            return self.pieces(e, out)
        if isinstance(e, Function):
            return self.function(e, out)
        u = self.value(cast(Expr, e.args[0]))
        if isinstance(e, erf_):
            self.lines.append(f"np.copyto({(to := self.place(out, u))}, erf({u.text}))")
            return Operand(to, True)
        name = {Abs: "abs", sign_: "sign"}.get(type(e)) or FUNCTIONS.get(type(e))
        if name is None:
            raise NotDifferentiable(f"no program text for {type(e).__name__} in {e}")
        return self.apply({"atan": "arctan"}.get(name, name), u, out=out)

    def place(self, out: str, *operands: Operand) -> str:
        """Where an operation without `out=` puts its result."""
        self.release(*operands)
        target = out or self.take()
        if target in self.free:
            self.free.remove(target)
        return target

    def sum(self, e: Add, out: str) -> Operand:
        *middle, last = e.args
        total: Operand | None = None
        for term in (*middle, last):
            minus = isinstance(term, Mul) and term.args[0] == MINUS_ONE
            here = out if term is last else ""
            if total is None:
                total = self.value(term)
            elif minus:
                total = self.apply("subtract", total, self.value(opposite(term)), out=here)
            else:
                total = self.apply("add", total, self.value(term), out=here)
        return cast(Operand, total)

    def product(self, args: tuple[Expr, ...], out: str) -> Operand:
        if args[0] == MINUS_ONE:
            rest = args[1:]
            inner = self.value(rest[0]) if len(rest) == 1 else self.product(rest, "")
            return self.apply("negative", inner, out=out)
        total = self.value(args[0])
        for i, factor in enumerate(args[1:], 2):
            total = self.apply("multiply", total, self.value(factor), out=out if i == len(args) else "")
        return total

    def power(self, base: Expr, exponent: Expr, out: str) -> Operand:
        n = number(exponent)
        u = self.value(base)
        simple = {Rational(2): "square", Rational(1, 2): "sqrt", Rational(-1): "reciprocal"}
        if n is not None and n in simple:
            return self.apply(simple[n], u, out=out)
        return self.apply("power", u, self.value(exponent), out=out)

    def function(self, e: Function, out: str) -> Operand:
        u = e.arguments[0]
        if e.name == "softplus":
            return self.apply("logaddexp", Operand("0.0"), self.value(u), out=out)
        if e.name == "softmax":
            raise NotDifferentiable("softmax stands for a whole layer")
        return self.apply(e.name, self.value(u), out=out)

    def pieces(self, e: Piecewise, out: str) -> Operand:
        extreme = _extreme(e)
        if extreme:
            function, left, right = extreme
            first = self.value(left)
            return self.apply(function, first, self.value(right), out=out)
        indicated = _indicator(e)
        if indicated is not None:
            below, above = (self.value(cast(Expr, a)) for a in indicated.args)
            return self.apply(_RELATIONS[type(indicated)], below, above, out=out)
        *first_ones, last = e.args
        otherwise = self.value(cast(Expr, last.args[0]))
        if otherwise.owned:
            target = otherwise.text
        else:
            target = self.take()
            self.lines.append(f"np.copyto({target}, {otherwise.text})")
        for pair in reversed(first_ones):
            chosen = self.value(cast(Expr, pair.args[0]))
            mask = self.mask(pair.args[1])
            self.lines.append(f"np.copyto({target}, {chosen.text}, where={mask})")
            self.release(chosen)
        return Operand(target, True)

    def mask(self, condition: Basic) -> str:
        left, right = (self.value(cast(Expr, a)) for a in condition.args)
        self.masks = max(self.masks, 1)
        mask = f"M1{self.suffix}"
        self.lines.append(f"np.{_RELATIONS[type(condition)]}({left.text}, {right.text}, out={mask})")
        self.release(left, right)
        return mask


def lowered(e: Expr) -> Expr:
    """`e` with logistic and log_cosh by what NumPy has, in a form that does not overflow.

    1/(1 + e^{-u}) is such a form: where e^{-u} is inf, it is 0.
    """

    def form(node: Expr) -> Expr | None:
        if not isinstance(node, Function):
            return None
        u = [lowered(a) for a in node.arguments]
        if node.name == "logistic":
            return Frac(ONE, add(ONE, exp(opposite(u[0]))))
        return _log_cosh(u[0]) if node.name == "log_cosh" else Function(node.name, *u)

    return mapped(e, form)


def _extreme(e: Piecewise) -> tuple[str, Expr, Expr] | None:
    """max(a, b) or min(a, b), where that is what the cases say."""
    if len(e.args) != 2 or e.args[1].args[1] != true:
        return None
    condition = e.args[0].args[1]
    values = (e.args[0].args[0], e.args[1].args[0])
    if type(condition) in (Gt, Ge, Lt, Le) and set(condition.args) == set(values):
        larger = type(condition) in (Gt, Ge)
        straight = condition.args == values
        return ("maximum" if larger == straight else "minimum"), *cast(tuple[Expr, Expr], values)
    return None


def _indicator(e: Piecewise) -> Basic | None:
    """The condition where the cases say 1 where it holds and 0 elsewhere."""
    plain = len(e.args) == 2 and e.args[0].args[0] == ONE and e.args[1].args[0] == 0
    return e.args[0].args[1] if plain else None


def _log_cosh(u: Expr) -> Expr:
    """ln cosh u = ln(1 + 2 sinh²(u/2)) = |u| + ln(1 + e^{-2|u|}) - ln 2, the former for small u."""
    size = cast(Expr, Abs(u, evaluate=False))
    half = cast(Expr, sinh_(mul(cast(Expr, Rational(1, 2)), u), evaluate=False))
    near = Function("log1p", mul(TWO, power(half, TWO)))
    far = add(
        size,
        Function("log1p", exp(mul(cast(Expr, Rational(-2)), size))),
        neg(cast(Expr, log_(TWO, evaluate=False))),
    )
    return cast(Expr, Piecewise((near, Lt(size, ONE, evaluate=False)), (far, true), evaluate=False))
