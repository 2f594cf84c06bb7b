"""Differentiation by rules: every line is true, the last one is the derivative, tidying changes no value."""

from __future__ import annotations

from functools import cache
from typing import Any

import mpmath
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sympy import (
    Abs,
    Expr,
    Integer,
    Piecewise,
    Rational,
    Symbol,
    atan,
    cos,
    cosh,
    diff,
    erf,
    lambdify,
    log,
    sign,
    sin,
    sinh,
    true,
)
from sympy import exp as sympy_exp
from sympy.printing.codeprinter import PrintMethodNotImplementedError

from backprop_symbolic import read
from backprop_symbolic.activations import activations, formula
from backprop_symbolic.algebra import (
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
    mul,
    neg,
    plain,
    power,
    replace,
    sub,
)  # fmt: skip
from backprop_symbolic.calculus import RULES, expand, lines, prime, tidy
from backprop_symbolic.derivation import Step
from backprop_symbolic.errors import NotDifferentiable, Unverified
from backprop_symbolic.evaluate import Undecidable
from backprop_symbolic.losses import losses
from backprop_symbolic.losses import part as loss_part
from backprop_symbolic.losses import prime as loss_prime
from backprop_symbolic.rules import Stated
from backprop_symbolic.verify import Verifier, decide
from tests.oracle import NoValue, Oracle, differ

u, a, b = Symbol("u"), Symbol("a"), Symbol("b")


@cache
def graph() -> Any:
    """A small graph whose leaves are u, a and b; it has cases, so that branches are decided."""
    return read("parameter u\ninput a b\nE = (u*a - b)**2 + abs(u)")


def verifier(seed: int = 1) -> Verifier:
    return Verifier(graph(), {}, seed=seed)


def points(count: int = 12) -> list[Oracle]:
    return [Oracle(graph(), {}, seed=seed, spread=1.5) for seed in range(count)]


# ---------------------------------------------------------------- random expressions


def unary(f: Any) -> Any:
    return lambda e: f(e, evaluate=False)


SMOOTH = {
    "exp": unary(sympy_exp), "log": unary(log), "sin": unary(sin), "cos": unary(cos), "sinh": unary(sinh), "cosh": unary(cosh),
    "atan": unary(atan), "erf": unary(erf), "neg": neg,
    "tanh": lambda e: Call(Symbol("tanh"), e), "sigmoid": lambda e: Call(Symbol("sigmoid"), e),
    "square": lambda e: power(e, Integer(2)), "cube": lambda e: power(e, Integer(3)), "reciprocal": lambda e: power(e, Integer(-1)),
    "root": lambda e: power(e, Rational(1, 2)), "exponential": lambda e: power(Integer(2), e),
}  # fmt: skip
CASES = {
    "abs": unary(Abs),
    "relu": lambda e: Call(Symbol("relu"), e),
    "elu": lambda e: Call(Symbol("elu"), e),
}
BINARY = {
    "sum": add, "sub": sub, "mul": mul, "tight": Tight, "frac": Frac,
    "power": lambda e, f: power(add(Integer(2), power(e, Integer(2))), f),
}  # fmt: skip
LEAVES = st.sampled_from(
    [u, u, u, a, b, Integer(1), Integer(2), Integer(-3), Rational(1, 2), Decimal(Rational(851, 500))]
)


def piecewise(args: tuple[Expr, Expr]) -> Expr:
    return Piecewise((args[0], u > a), (args[1], true), evaluate=False)


def expressions(depth: int, cases: bool = True) -> st.SearchStrategy[Expr]:
    if depth == 0:
        return LEAVES
    inner = expressions(depth - 1, cases)
    choices = [
        LEAVES,
        st.tuples(st.sampled_from(sorted(SMOOTH)), inner).map(lambda t: SMOOTH[t[0]](t[1])),
        st.tuples(st.sampled_from(sorted(BINARY)), inner, inner).map(lambda t: BINARY[t[0]](t[1], t[2])),
        st.tuples(st.sampled_from(["sum", "mul"]), inner, inner, inner).map(
            lambda t: (add if t[0] == "sum" else mul)(*t[1:])
        ),
    ]
    if cases:
        choices.append(st.tuples(st.sampled_from(sorted(CASES)), inner).map(lambda t: CASES[t[0]](t[1])))
        choices.append(st.tuples(inner, inner).map(piecewise))
    return st.one_of(choices)


def values(e: Expr, at: list[Oracle]) -> dict[int, float]:
    """The values at those points where there is one of moderate size."""
    found: dict[int, float] = {}
    for i, oracle in enumerate(at):
        try:
            value = oracle.number(e)
        except NoValue:
            continue
        if abs(value) < 1e8:
            found[i] = value
    return found


def by_sympy(e: Expr, at: Oracle) -> float | None:
    """SymPy's own derivative of the formulas themselves, evaluated with 30 digits.

    Numbers are put in as floating point: exact rationals in a tower of powers never end.
    """
    real = {s: Symbol(s.name, real=True) for s in (u, a, b)}
    try:
        derived = diff(plain(opened_calls(e)).xreplace(real), real[u])
        names = sorted(derived.free_symbols, key=str)
        function = lambdify(names, derived, "mpmath")
        with mpmath.workdps(30):
            value = mpmath.mpc(function(*(mpmath.mpf(at.leaves[n.name]) for n in names)))
    except (
        TypeError,
        ValueError,
        ZeroDivisionError,
        OverflowError,
        KeyError,
        PrintMethodNotImplementedError,
    ):
        return None  # no value there, or a derivative that SymPy leaves undone
    with mpmath.workdps(30):
        return float(value.real) if mpmath.isfinite(value) and abs(value.imag) < 1e-9 else None


def opened_calls(e: Expr) -> Expr:
    """`e` with each activation's formula in the place of its name."""
    if isinstance(e, Call):
        return replace(opened_calls(formula(activations.get(str(e.args[0])))), {X: opened_calls(e.args[1])})
    calls = {c: opened_calls(c) for c in e.atoms(Call)}
    outer = {c: o for c, o in calls.items() if not any(c in d.args[1].atoms(Call) for d in calls)}
    return replace(e, outer) if outer else e


# ---------------------------------------------------------------- the properties


def check_lines(e: Expr) -> None:
    """Every line from ∂e/∂u on is decided true, and the last is the derivative."""
    at = points()
    usable = values(e, at)
    assume(len(usable) >= 2)
    judge = verifier()
    previous: Expr = Partial(e, u)
    found = lines(e, u)
    assert found, "no line"
    for number, line in enumerate(found):
        step = Step(f"s{number}", Partial(e, u), line.expr, Stated(line.expr))
        try:
            decide(judge, step)
        except Unverified as error:
            assert "could not be decided" in str(error), error
            assume(False)  # a root that no drawn field element has
        previous = line.expr
        assert line.rules
    assert not previous.has(Partial), "a derivative is left"
    derived = values(previous, [at[i] for i in usable])
    by_step = values(Partial(e, u), [at[i] for i in usable])
    for i in derived.keys() & by_step.keys():
        assert not differ(derived[i], by_step[i], 1e-6), (
            f"{e}: {derived[i]} by the lines, {by_step[i]} by a complex step"
        )
    compared = 0
    for i in derived:
        ours, theirs = derived[i], by_sympy(e, at[list(usable)[i]])
        if theirs is not None and compared < 2:
            compared += 1
            assert not differ(ours, theirs, 1e-6), f"{e}: {ours} by the lines, {theirs} by SymPy"


@settings(max_examples=120)
@given(expressions(2))
def test_every_line_of_a_small_expression_is_true(e):
    """Lines verify, and the end equals SymPy's diff and a complex step: depth 2."""
    check_lines(e)


@given(expressions(4))
def test_every_line_of_a_deep_expression_is_true(e):
    """The same for depth 4."""
    check_lines(e)


@pytest.mark.slow
@settings(max_examples=3 * settings.default.max_examples, suppress_health_check=list(HealthCheck))
@given(expressions(4))
def test_every_line_of_many_deep_expressions_is_true(e):
    """The same, many times."""
    check_lines(e)


@settings(max_examples=200)
@given(expressions(3), st.booleans())
def test_tidying_never_changes_the_value(e, signs):
    """tidy(e) = e at random real points, and in the prime field; tidy once is tidy for good."""
    tidied = tidy(e, signs)
    before = values(e, points(6))
    after = values(tidied, points(6))
    for i, value in before.items():
        assert i in after
        assert not differ(value, after[i]), f"{e} became {tidied}"
    assert tidy(tidied, signs) == tidied, f"{tidied} is not tidy"
    if before:
        try:
            assert verifier().holds(e, tidied)
        except Undecidable:
            return


@settings(max_examples=100)
@given(expressions(3))
def test_plain_has_the_same_value(e):
    """`plain` turns the board's form into evaluated SymPy of the same value."""
    before = values(e, points(4))
    opened = plain(e)
    after = values(opened, points(4))
    for i in before.keys() & after.keys():
        assert not differ(before[i], after[i], 1e-6), f"{e} became {opened}"


@given(expressions(3))
def test_a_derivative_by_an_absent_name_is_zero(e):
    """What does not contain the variable has the derivative 0, in one line."""
    other = Symbol("z")
    (line,) = lines(e, other)
    assert (line.expr, line.rules) == (0, ("constant",))


# ---------------------------------------------------------------- rules one by one


@pytest.mark.parametrize(
    ("e", "rule", "result"),
    [
        (Integer(3), "constant", "0"),
        (a, "constant", "0"),
        (u, "identity", "1"),
        (add(u, a), "sum", "1"),
        (mul(a, u), "constant_factor", "a"),
        (power(u, Integer(2)), "power", "2*u"),
        (power(u, Integer(3)), "power", "3*u**2"),
        (Frac(u, a), "constant_factor", "1/a"),
        (unary(sympy_exp)(u), "exponential", "exp(u)"),
        (unary(log)(u), "logarithm", "1/u"),
        (unary(sin)(u), "sine", "cos(u)"),
        (unary(cos)(u), "cosine", "-sin(u)"),
        (unary(sinh)(u), "sinh", "cosh(u)"),
        (unary(cosh)(u), "cosh", "sinh(u)"),
        (unary(Abs)(u), "absolute_value", "sign(u)"),
        (unary(sign)(u), "sign", "0"),
        (unary(atan)(u), "arctangent", "1/(u**2 + 1)"),
        (unary(erf)(u), "erf", "2*exp(-u**2)/sqrt(pi)"),
    ],
    ids=lambda v: str(v) if isinstance(v, str) else "",
)
def test_each_rule_by_its_name(e, rule, result):
    """The simplest case of each rule, and the key it goes by."""
    found = lines(e, u)
    assert found[0].rules[0] == rule
    assert str(plain(found[-1].expr)) == result


@pytest.mark.parametrize(("kind", "rule"), RULES, ids=lambda v: getattr(v, "__name__", ""))
def test_each_kind_with_a_rule_is_differentiated(kind, rule):
    """Every entry of RULES does its kind of expression, and the oracle agrees."""
    samples = [
        add(u, power(u, Integer(2))), mul(u, unary(sin)(u)), Tight(u, sub(Integer(1), u)), Frac(u, add(Integer(2), u)),
        Call(Symbol("tanh"), mul(Integer(2), u)), piecewise((mul(Integer(2), u), power(u, Integer(2)))), power(u, Integer(3)),
        *(f(mul(Integer(2), u)) for f in map(unary, (sympy_exp, log, sin, cos, sinh, cosh, atan, erf, Abs, sign))),
    ]  # fmt: skip
    mine = [e for e in samples if isinstance(e, kind)]
    assert mine, f"no sample of {kind.__name__}"
    for e in mine:
        for oracle in points(4):
            try:
                assert not differ(oracle.number(lines(e, u)[-1].expr), oracle.number(Partial(e, u)), 1e-6)
            except NoValue:
                continue


def test_a_quotient_and_a_product_are_written_as_taught():
    """(f/g)' = (f'g - fg')/g², (fg)' = f'g + fg', with the derivatives still to be done."""
    f, g = unary(sin)(u), unary(sympy_exp)(u)
    df, dg = Partial(f, u), Partial(g, u)
    assert expand(Partial(Frac(f, g), u)) == (
        Frac(sub(mul(df, g), mul(f, dg)), power(g, Integer(2))),
        "quotient",
    )
    assert expand(Partial(mul(f, g), u)) == (add(mul(df, g), mul(f, dg)), "product")


def test_what_is_held_does_not_move():
    """∂(u·h)/∂u with h held is h, although h follows from u."""
    tied = read("h = sin(u_)\nparameter u_\nE = u_*h")
    h, leaf = Symbol("h"), Symbol("u_")
    judge = Verifier(tied, {})
    assert judge.holds(Partial(mul(leaf, h), leaf, h), h)
    assert not judge.holds(Partial(mul(leaf, h), leaf), h)
    assert lines(mul(leaf, h), leaf, h)[-1].expr == h


def test_a_function_without_a_rule_is_refused_by_name():
    """What has no rule raises NotDifferentiable, and says what it is."""
    with pytest.raises(NotDifferentiable, match="no differentiation rule for Prime"):
        lines(Prime(Symbol("tanh"), u), u)


# ---------------------------------------------------------------- the registries


@pytest.mark.parametrize("entry", activations, ids=lambda entry: entry.name)
def test_the_lines_of_each_activation_end_in_its_stated_derivative(entry):
    """d/dx f(x) by calculus equals f' as the registry states it, at real points on both sides of kinks."""
    derived = lines(formula(entry), X)[-1].expr
    assert not contains(derived, Y)
    call = Call(Symbol(entry.name), X)
    stated = replace(prime(entry), {Y: call})
    for oracle in points(12):
        here = oracle.number(Partial(call, X))
        assert not differ(oracle.number(derived), here)
        assert not differ(oracle.number(stated), here)


@pytest.mark.parametrize("outputs", [1, 2, 5])
@pytest.mark.parametrize("loss", losses, ids=lambda loss: loss.name)
def test_the_lines_of_each_loss_end_in_its_stated_derivative(loss, outputs):
    """∂part/∂o by calculus equals the registry's prime, for o in (0, 1)."""
    derived = lines(loss_part(loss, a, u, outputs), u)[-1].expr
    for k in range(1, 10):
        oracle = Oracle(graph(), {}, {"u": k / 10 - 0.03, "a": (7 * k % 10) / 10 + 0.02, "b": 1.0})
        here = oracle.number(Partial(loss_part(loss, a, u, outputs), u))
        assert not differ(oracle.number(derived), here)
        assert not differ(oracle.number(loss_prime(loss, a, u, outputs)), here)
