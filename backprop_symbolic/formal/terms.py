"""Expressions as Coq terms over R, and proofs of their derivatives, one rule of library.v for each operation.

term(1/(1 + e^{-x}))         (1 / (1 + (exp (- x))))
certificate(…, {x: itself})  its slope, and a proof of `moves (fun x => …) x value slope`
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from sympy import Abs, Add, Basic, E, Expr, Mul, Piecewise, Pow, Rational, Symbol, pi
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

from backprop_symbolic import activations
from backprop_symbolic.algebra import (
    MINUS_ONE,
    Call,
    Frac,
    Partial,
    Prime,
    Tight,
    mul,
    number,
)
from backprop_symbolic.errors import quoted
from backprop_symbolic.formal.names import escaped
from backprop_symbolic.formal.script import Function, NotExported

#: What names a symbol in Coq, what writes a derivative that stands in a formula, what knows an activation.
Naming = Callable[[Symbol], str]
Derivatives = Callable[[Partial], str]
Functions = Callable[[str], Function]

#: SymPy's functions of one argument: how Coq calls them, the rule of the library, the slope at {0}.
UNARY: Mapping[type, tuple[str, str, str]] = {
    exp_: ("exp", "m_exp", "exp {0}"), log_: ("ln", "m_ln", "/ {0}"), sin_: ("sin", "m_sin", "cos {0}"),
    cos_: ("cos", "m_cos", "- sin {0}"), sinh_: ("sinh", "m_sinh", "cosh {0}"),
    cosh_: ("cosh", "m_cosh", "sinh {0}"), atan_: ("atan", "m_atan", "/ (1 + {0} ^ 2)"),
    Abs: ("Rabs", "m_abs", "sign {0}"), sign_: ("sign", "m_sign", "0"),
    erf_: ("erf", "m_erf", "2 / sqrt PI * exp (- {0} ^ 2)"),
}  # fmt: skip

HALF = Rational(1, 2)


def function_name(activation: str) -> str:
    """What Coq calls an activation: act_sigmoid; a formula of the user's is formula_f, formula_f_1, …"""
    if activations.is_formula(activation):
        return f"formula_{escaped(activations.activation(activation).sign)}"
    return f"act_{escaped(activation)}"


def not_exported(what: Basic) -> NotExported:
    """That a construct has no Coq form."""
    kind = "sign" if isinstance(what, sign_) else type(what).__name__
    return NotExported(f"{kind} has no Coq form yet, in {quoted(str(what)[:80])}")


def no_derivative(node: Partial) -> str:
    """For formulas in which every derivative has been done."""
    raise not_exported(node)


def term(expr: Basic, names: Naming, partial: Derivatives = no_derivative) -> str:
    """`expr` over R, in parentheses unless it is a word. Raises NotExported for what has no Coq form."""
    return _Writer(names, partial)(expr)


def condition(relation: Basic, names: Naming, partial: Derivatives = no_derivative) -> tuple[str, str, str]:
    """u > v as (Rlt_dec, v, u): what decides it, and its two sides in the order of < or ≤."""
    if not isinstance(relation, (Gt, Ge, Lt, Le)):
        raise not_exported(relation)
    write = _Writer(names, partial)
    return write.decided(relation)


class _Writer:
    """The walk from an expression to a term."""

    def __init__(self, names: Naming, partial: Derivatives) -> None:
        self.names, self.partial = names, partial

    def __call__(self, expr: Basic) -> str:
        value = number(cast(Expr, expr))
        if value is not None:
            return rational(value)
        if isinstance(expr, Symbol):
            return self.names(expr)
        if isinstance(expr, Add):
            return self.sum(expr)
        if isinstance(expr, (Mul, Tight)):
            return self.product(expr)
        if isinstance(expr, Frac):
            return f"({self(expr.args[0])} / {self(expr.args[1])})"
        if isinstance(expr, Pow):
            return self.power(expr)
        if isinstance(expr, Call):
            return f"({function_name(expr.name)} {self(expr.args[1])})"
        if isinstance(expr, Prime):
            return f"({function_name(expr.name)}' {self(expr.args[1])})"
        if isinstance(expr, Partial):
            return self.partial(expr)
        if isinstance(expr, Piecewise):
            return self.cases(expr.args)
        if type(expr) in UNARY:
            return f"({UNARY[type(expr)][0]} {self(expr.args[0])})"
        if expr is pi:
            return "PI"
        if expr is E:
            return "(exp 1)"
        raise not_exported(expr)

    def sum(self, expr: Add) -> str:
        first, *more = (signed(t) for t in expr.args)
        text = f"(- {self(first[1])})" if first[0] else self(first[1])
        return "(" + text + "".join(f" {'-' if minus else '+'} {self(t)}" for minus, t in more) + ")"

    def product(self, expr: Expr) -> str:
        minus, rest = signed(expr)
        if minus:
            return f"(- {self(rest)})"
        return "(" + " * ".join(self(f) for f in expr.args) + ")"

    def power(self, expr: Pow) -> str:
        base, exponent = self(expr.args[0]), number(expr.args[1])
        if exponent is None:
            return f"(Rpower {base} {self(expr.args[1])})"
        if exponent.q == 1:
            raised = base if abs(exponent) == 1 else f"({base} ^ {abs(exponent.p)})"
            return raised if exponent >= 0 else f"(/ {raised})"
        if abs(exponent) == HALF:
            return f"(sqrt {base})" if exponent > 0 else f"(/ (sqrt {base}))"
        return f"(Rpower {base} {rational(exponent)})"

    def cases(self, pairs: tuple[Basic, ...]) -> str:
        """if … then … else …; `pairs` are a formula and its condition each, the last one always true."""
        *before, last = pairs
        if last.args[1] != True:  # noqa: E712
            raise NotExported(f"cases that leave one open have no Coq form: {quoted(str(pairs)[:80])}")
        text = self(last.args[0])
        for value, relation in (pair.args for pair in reversed(before)):
            test, left, right = self.decided(relation)
            text = f"(if {test} {left} {right} then {self(value)} else {text})"
        return text

    def decided(self, relation: Basic) -> tuple[str, str, str]:
        if not isinstance(relation, (Gt, Ge, Lt, Le)):
            raise not_exported(relation)
        low, high = smaller_first(relation)
        return "Rlt_dec" if isinstance(relation, (Gt, Lt)) else "Rle_dec", self(low), self(high)


def smaller_first(relation: Basic) -> tuple[Expr, Expr]:
    """u > v as (v, u), u < v as (u, v)."""
    left, right = cast(tuple[Expr, Expr], relation.args)
    return (right, left) if isinstance(relation, (Gt, Ge)) else (left, right)


def parted(relation: Basic, names: Naming, *, closed: bool = False) -> tuple[Assumption, Assumption]:
    """What a condition says where it holds and where not; with `closed`, the border belongs to both."""
    test, a, b = condition(relation, names)
    low, high = smaller_first(relation)
    if closed:
        below, above = Le(low, high, evaluate=False), Le(high, low, evaluate=False)
        return Assumption(below, True, f"{a} <= {b}"), Assumption(above, True, f"{b} <= {a}")
    less = f"{a} {'<' if test == 'Rlt_dec' else '<='} {b}"
    return Assumption(relation, True, less), Assumption(relation, False, f"~ {less}")


def signed(expr: Expr) -> tuple[bool, Expr]:
    """-a as (True, a), anything else as it stands."""
    if isinstance(expr, (Mul, Tight)) and expr.args[0] == MINUS_ONE and len(expr.args) > 1:
        return True, mul(*cast(tuple[Expr, ...], expr.args[1:]))
    return False, expr


def rational(value: Rational) -> str:
    """1.702 as (851 / 500), exactly."""
    p = str(value.p) if value.p >= 0 else f"(-{-value.p})"
    return p if value.q == 1 else f"({p} / {value.q})"


# ---------------------------------------------------------------- derivatives


@dataclass(frozen=True, slots=True)
class Curve:
    """A quantity as a function of what moves.

    body   its term in the bound variable
    slope  its derivative, a term
    proof  of `moves (fun variable => body) point value slope`, value being what the names call it
    """

    body: str
    slope: str
    proof: str


@dataclass(frozen=True, slots=True)
class Assumption:
    """The condition of a case, as it holds there: `holds` says whether it does or its opposite does."""

    relation: Basic
    holds: bool
    statement: str


@dataclass(frozen=True, slots=True)
class Obligation:
    """What must hold for a rule to apply.

    kind       nonzero, positive, border (u ≠ v), smooth (values and slopes meet at u = v), or domain (of
               an activation)
    of         what it is about: the divisor, the argument of ln, the two sides u and v
    statement  the proposition
    assumed    the conditions of the cases that it stands in
    """

    kind: str
    of: tuple[Expr, ...]
    statement: str
    assumed: tuple[Assumption, ...] = ()


@dataclass(frozen=True, slots=True)
class Certificate:
    """`proof` proves moves (fun variable => body) point value slope."""

    body: str
    value: str
    slope: str
    proof: str


#: What proves an obligation: a Coq term.
Side = Callable[[Obligation], str]


def by_tactic(obligation: Obligation) -> str:
    """The library's tactics, which know the section's hypotheses."""
    return "ltac:(meet)" if obligation.kind == "smooth" else "ltac:(side)"


def certificate(
    expr: Expr,
    moved: Mapping[Symbol, Curve],
    names: Naming,
    functions: Functions,
    *,
    side: Side = by_tactic,
    smooth: Callable[[Basic], bool] = lambda relation: False,
) -> Certificate:
    """The derivative of `expr` along what moves; a symbol that is not in `moved` is a constant.

    smooth  whether the cases on both sides of a condition's border have one value and one slope there

    Raises NotExported for what has no rule.
    """
    return _Certifier(moved, names, functions, side, smooth)(expr)


class _Certifier:
    """The walk from an expression to the proof of its derivative."""

    def __init__(
        self,
        moved: Mapping[Symbol, Curve],
        names: Naming,
        functions: Functions,
        side: Side,
        smooth: Callable[[Basic], bool],
    ) -> None:
        self.moved, self.functions, self.side, self.smooth = moved, functions, side, smooth
        self.write = _Writer(names, no_derivative)
        self.in_motion = _Writer(lambda s: moved[s].body if s in moved else names(s), no_derivative)
        self.assumed: list[Assumption] = []

    def __call__(self, expr: Expr) -> Certificate:
        value = self.write(expr)
        slope, proof = self.walk(expr)
        return Certificate(self.in_motion(expr), value, slope, proof)

    def moves(self, expr: Basic) -> bool:
        """Whether a moved symbol occurs in `expr`."""
        return bool(expr.free_symbols & self.moved.keys())

    def due(self, kind: str, statement: str, *of: Expr) -> str:
        return self.side(Obligation(kind, of, statement, tuple(self.assumed)))

    def walk(self, expr: Expr) -> tuple[str, str]:
        """The slope and its proof."""
        if not self.moves(expr):
            return "0", f"(m_const {self.write(expr)} _)"
        if isinstance(expr, Symbol):
            return self.moved[expr].slope, self.moved[expr].proof
        if isinstance(expr, Add):
            return self.sum(expr)
        if isinstance(expr, (Mul, Tight)):
            return self.product(expr)
        if isinstance(expr, Frac):
            return self.quotient(*cast(tuple[Expr, Expr], expr.args))
        if isinstance(expr, Pow):
            return self.power(expr)
        if isinstance(expr, Piecewise):
            return self.cases(expr.args)
        if isinstance(expr, Call):
            return self.activation(expr)
        if type(expr) in UNARY:
            return self.unary(expr)
        raise NotExported(f"no rule in Coq for the derivative of {quoted(str(expr)[:80])}")

    def sum(self, expr: Add) -> tuple[str, str]:
        """f + g - c + …, one rule for each term."""
        first, *more = (signed(t) for t in expr.args)
        text = f"(- {self.write(first[1])})" if first[0] else self.write(first[1])
        slope = proof = ""
        if self.moves(first[1]):
            slope, proof = self.walk(first[1])
            if first[0]:
                slope, proof = f"(- {slope})", f"(m_opp {proof})"
        for minus, t in more:
            sign, rule = ("-", "minus") if minus else ("+", "plus")
            if not self.moves(t):
                if proof:
                    proof = f"(m_{rule}_const {self.write(t)} {proof})"
            else:
                own, by = self.walk(t)
                if proof:
                    slope, proof = f"({slope} {sign} {own})", f"(m_{rule} {proof} {by})"
                else:
                    slope = f"(- {own})" if minus else own
                    proof = f"(m_const_{rule} ({text}) {by})"
            text += f" {sign} {self.write(t)}"
        return slope, proof

    def product(self, expr: Expr) -> tuple[str, str]:
        """f · g · c · …, from the left."""
        minus, rest = signed(expr)
        if minus:
            slope, proof = self.walk(rest)
            return f"(- {slope})", f"(m_opp {proof})"
        text = slope = proof = ""
        for factor in cast(tuple[Expr, ...], expr.args):
            here = self.write(factor)
            if not self.moves(factor):
                if proof:
                    slope, proof = f"({slope} * {here})", f"(m_scal_r {here} {proof})"
            else:
                own, by = self.walk(factor)
                if proof:
                    slope = f"({slope} * {here} + {text} * {own})"
                    proof = f"(m_mult {proof} {by})"
                elif text:
                    slope, proof = f"({text} * {own})", f"(m_scal {text} {by})"
                else:
                    slope, proof = own, by
            text = f"({text} * {here})" if text else here
        return slope, proof

    def quotient(self, top: Expr, bottom: Expr) -> tuple[str, str]:
        over, under = self.write(top), self.write(bottom)
        if not self.moves(bottom):
            slope, proof = self.walk(top)
            return f"({slope} / {under})", f"(m_div_const {under} {proof})"
        apart = self.due("nonzero", f"{under} <> 0", bottom)
        down, by = self.walk(bottom)
        if not self.moves(top):
            return f"(- ({over} / {under} ^ 2) * {down})", f"(m_const_div {over} {by} {apart})"
        up, proof = self.walk(top)
        slope = f"(({up} * {under} - {over} * {down}) / {under} ^ 2)"
        return slope, f"(m_div {proof} {by} {apart})"

    def power(self, expr: Pow) -> tuple[str, str]:
        base, exponent = expr.args
        n, root = number(exponent), self.write(base)
        if n == 0:
            return "0", "(m_const 1 _)"
        if n is None:
            return self.raised(base, exponent)
        slope, proof = self.walk(base)
        if abs(n) == HALF:
            above = self.due("positive", f"0 < {root}", base)
            if n > 0:
                return f"(/ (2 * sqrt {root}) * {slope})", f"(m_sqrt {proof} {above})"
            return f"(- (/ (2 * {root} * sqrt {root}) * {slope}))", f"(m_inv_sqrt {proof} {above})"
        if n.q != 1:
            above = self.due("positive", f"0 < {root}", base)
            c, d = rational(n), rational(cast(Rational, n - 1))
            return f"({c} * Rpower {root} {d} * {slope})", f"(m_rpower {c} {d} {proof} {above} ltac:(lra))"
        k = abs(int(n.p))
        if n > 0:
            if k == 1:
                return slope, proof
            return f"({k} * {root} ^ {k - 1} * {slope})", f"(m_pow {k - 1} {proof})"
        apart = self.due("nonzero", f"{root} <> 0", base)
        if k == 1:
            return f"(- ({slope} / {root} ^ 2))", f"(m_inv {proof} {apart})"
        return f"(- ({k} * {slope} / {root} ^ {k + 1}))", f"(m_inv_pow {k - 1} {proof} {apart})"

    def raised(self, base: Expr, exponent: Expr) -> tuple[str, str]:
        """a^u, or u^v."""
        over, under = self.write(exponent), self.write(base)
        whole = f"Rpower {under} {over}"
        above = self.due("positive", f"0 < {under}", base)
        if not self.moves(exponent):
            slope, proof = self.walk(base)
            reduced = f"({over} * Rpower {under} ({over} - 1) * {slope})"
            return reduced, f"(m_rpower {over} ({over} - 1) {proof} {above} eq_refl)"
        slope, proof = self.walk(exponent)
        if not self.moves(base):
            return f"({whole} * ln {under} * {slope})", f"(m_expo {under} {proof})"
        own, by = self.walk(base)
        both = f"({whole} * ({slope} * ln {under} + {over} * (/ {under} * {own})))"
        return both, f"(m_rpower_both {by} {proof} {above})"

    def unary(self, expr: Expr) -> tuple[str, str]:
        inner = cast(Expr, expr.args[0])
        _, rule, outer = UNARY[type(expr)]
        a = self.write(inner)
        premise = ""
        if isinstance(expr, log_):
            premise = " " + self.due("positive", f"0 < {a}", inner)
        elif isinstance(expr, (Abs, sign_)):
            premise = " " + self.due("nonzero", f"{a} <> 0", inner)
        slope, proof = self.walk(inner)
        return f"({outer.format(a)} * {slope})", f"({rule} {proof}{premise})"

    def activation(self, expr: Call) -> tuple[str, str]:
        """f(u)' = f'(u)·u'."""
        inner = cast(Expr, expr.args[1])
        a, known = self.write(inner), self.functions(expr.name)
        slope, proof = self.walk(inner)
        theorem = f"({known.theorem} {a})"
        if known.condition is not None:
            inside = self.due("domain", f"{known.condition} {a}", expr)
            theorem = f"({known.theorem} {a} {inside})"
        return f"({known.slope} {a} * {slope})", f"(m_chain {theorem} {proof})"

    # ------------------------------------------------------------ cases

    def cases(self, pairs: tuple[Basic, ...]) -> tuple[str, str]:
        """The first of the cases, and the others as the else of it."""
        value, relation = cast(tuple[Expr, Basic], pairs[0].args)
        if len(pairs) == 1:
            return self.walk(value)
        test, a, b = self.write.decided(relation)
        low, high = smaller_first(relation)
        meets = self.moves(relation) and self.smooth(relation)
        yes, no = parted(relation, self.write.names, closed=meets)
        dc, here = self.within(yes, lambda: self.walk(value))
        dd, there = self.within(no, lambda: self.cases(pairs[1:]))
        slope = f"(if {test} {a} {b} then {dc} else {dd})"
        if not self.moves(relation):
            return slope, f"(m_fixed ({test} {a} {b}) {here} {there})"
        rule = "m_less" if test == "Rlt_dec" else "m_less_eq"
        if meets:
            rule += "_smooth"
            c, d = self.write(value), self.write.cases(pairs[1:])
            border = self.due("smooth", f"{a} = {b} -> {c} = {d} /\\ {dc} = {dd}", low, high)
        else:
            border = self.due("border", f"{a} <> {b}", low, high)
        return slope, f"({rule} {self.near(low)} {self.near(high)} {here} {there} {border})"

    def within(self, assumption: Assumption, make: Callable[[], tuple[str, str]]) -> tuple[str, str]:
        """What `make` finds in a case; its proof as a function of the case's condition."""
        self.assumed.append(assumption)
        slope, proof = make()
        self.assumed.pop()
        return slope, f"(fun case{len(self.assumed) + 1} => {proof})"

    def near(self, expr: Expr) -> str:
        """That a side of a condition is continuous."""
        if isinstance(expr, Abs) and self.moves(expr):
            return f"(near_abs {self.near(cast(Expr, expr.args[0]))})"
        return f"(near_of {self.walk(expr)[1]})"
