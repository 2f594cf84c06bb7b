"""Proofs of derivatives: every line decided, the end compared with SymPy, names given once, forms found."""

from __future__ import annotations

import math
import re

import mpmath
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sympy import Expr, Symbol, diff, lambdify, preorder_traversal

from backprop_symbolic import BackpropError, Network, derive, prove_activation, prove_loss
from backprop_symbolic import calculus as calculus_module
from backprop_symbolic.activations import (
    activation,
    activations,
    formula,
    general,
    in_parameter,
    is_formula,
    prime,
)
from backprop_symbolic.algebra import Partial, X, Y, contains, plain, symbols
from backprop_symbolic.calculus import lines
from backprop_symbolic.cases import cases, flattened
from backprop_symbolic.derivation import Step
from backprop_symbolic.elimination import Form, eliminate, form, opened
from backprop_symbolic.errors import BadExpression, NotDifferentiable, UnknownName, Unverified
from backprop_symbolic.expressions import parse
from backprop_symbolic.losses import losses
from backprop_symbolic.page import activation_page, loss_page
from backprop_symbolic.printing import Plain
from backprop_symbolic.proof import READABLE, Names
from backprop_symbolic.rules import InnerChain, InnerName, Stated
from backprop_symbolic.softmax import for_each

typed = Plain({})


def shown(expr: Expr) -> str:
    return typed(expr)


# ---------------------------------------------------------------- random formulas


@st.composite
def formulas(draw: st.DrawFn, depth: int = 5) -> str:
    """Text of a formula in x: sums, products, quotients, powers, exp, log, tanh, erf, cases."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(["x", "x", "x", "2", "1/3", "0.5"]))
    inner = formulas(depth=depth - 1)
    kind = draw(
        st.sampled_from(
            ["sum", "difference", "product", "quotient", "power", "exp", "log", "tanh", "erf", "cases"]
        )
    )
    one = draw(inner)
    if kind in ("sum", "difference", "product"):
        sign = {"sum": "+", "difference": "-", "product": "*"}[kind]
        return f"({one}){sign}({draw(inner)})"
    if kind == "quotient":
        return f"({one})/(2 + ({draw(inner)})**2)"
    if kind == "power":
        return f"({one})**{draw(st.integers(2, 3))}"
    if kind == "log":
        return f"log(1 + ({one})**2)"
    if kind == "cases":
        border = draw(st.sampled_from(["0", "1/2", "-1"]))
        return f"(({one}) if x > {border} else ({draw(inner)}))"
    return f"{kind}(({one})/2)"


def by_sympy(text: str, x: float) -> float | None:
    """SymPy's own derivative of the formula, at one real point."""
    derived = diff(plain(opened(formula(activation(text)))), X)
    with mpmath.workdps(30):
        try:
            value = mpmath.mpc(lambdify([X], derived, "mpmath")(mpmath.mpf(x)))
        except (TypeError, ValueError, ZeroDivisionError, OverflowError):
            return None
        return float(value.real) if mpmath.isfinite(value) and abs(value.real) < 1e12 else None


def at(expr: Expr, x: float) -> float | None:
    """The value of a formula in x, by mpmath."""
    with mpmath.workdps(30):
        try:
            value = mpmath.mpc(lambdify([X], plain(opened(expr)), "mpmath")(mpmath.mpf(x)))
        except (TypeError, ValueError, ZeroDivisionError, OverflowError):
            return None
        return float(value.real) if mpmath.isfinite(value) else None


def check(text: str) -> None:
    """Every line is decided (the page is verified as it is made); the end is SymPy's derivative."""
    try:
        page = activation_page(text if "x" in text else f"{text} + 0*x")
    except BackpropError as error:
        assume(any(word in str(error) for word in ("could not be", "linear in x", "greater than 0")))
        assume(False)
    derived = page.ends[X]
    assert not derived.has(Partial), "a derivative is left"
    assert not set(symbols(derived)) - {X}, "a name is left"
    names = [step.lhs for step in page.steps if isinstance(step.rule, InnerName)]
    assert len(names) == len(set(names)), "a name is given twice"
    compared = 0
    for x in (0.31, -0.77, 1.43, -1.9):
        theirs, ours = by_sympy(page_name(text), x), at(derived, x)
        if theirs is None or ours is None:
            continue
        compared += 1
        assert math.isclose(theirs, ours, rel_tol=1e-7, abs_tol=1e-9), (
            f"{text} at {x}: {ours}, SymPy {theirs}"
        )
    assume(compared)
    for format in ("text", "latex"):
        written = prove_activation(page_name(text), detail="full").render(format)
        assert not re.search(r"Subs|xi_|\bDerivative\b|Partial|Frac\(|Tight", written)


def page_name(text: str) -> str:
    return text if "x" in text else f"{text} + 0*x"


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(formulas(3))
def test_the_proof_of_a_random_formula(text):
    """Lines verify, the end equals SymPy's diff, no name twice, no placeholder: depth 3."""
    check(text)


@settings(max_examples=6, suppress_health_check=list(HealthCheck))
@given(formulas(5))
def test_the_proof_of_a_random_deep_formula(text):
    """The same for depth 5."""
    check(text)


@pytest.mark.slow
@settings(max_examples=settings.default.max_examples, suppress_health_check=list(HealthCheck))
@given(formulas(5))
def test_the_proof_of_many_random_formulas(text):
    """The same, many times."""
    check(text)


# ---------------------------------------------------------------- how a proof is written


def rows(name: str, detail: str = "full") -> list[tuple[str, str, str]]:
    """The lines of a page: left side, right side, rule."""
    return [(shown(s.lhs), shown(s.rhs), s.rule.key) for s in activation_page(name).steps]


def test_the_inner_function_gets_a_name():
    """ln(1 + e^x): u = 1 + e^x, du/dx on its own, then 1/u · du/dx, then put back."""
    found = rows("log(1 + exp(x))")
    assert found[0:6] == [
        ("u", "1 + exp(x)", "inner_name"),
        ("diff(u, x)", "diff(exp(x), x)", "differentiated"),
        ("diff(u, x)", "exp(x)", "differentiated"),
        ("diff(ln(1 + exp(x)), x)", "diff(ln(u), x)", "with_name"),
        ("diff(ln(1 + exp(x)), x)", "1/u*diff(u, x)", "chain_inner"),
        ("diff(ln(1 + exp(x)), x)", "1/(1 + exp(x))*exp(x)", "insert"),
    ]


def test_names_are_fresh():
    """No name twice in one proof, and none that the formula or the document uses."""
    page = activation_page("sin(cos(exp(x**2))) + sin(x**2 + x**3)")
    names = [str(s.lhs) for s in page.steps if isinstance(s.rule, InnerName)]
    assert names == ["u", "v", "w", "s"]
    derivation = derive(Network.dense([1, 1], "sin(cos(exp(x**2)))"), "w11").derivation
    assert [str(s.lhs) for s in derivation.steps if isinstance(s.rule, InnerName)] == ["u", "v", "w"]
    given_names = Names({"u", "w", "a_1"})
    assert [given_names.fresh(X).name for _ in range(10)][:9] == [
        "v",
        "s",
        "p",
        "q",
        "r",
        "a",
        "b",
        "c",
        "u_1",
    ]


def test_what_is_plain_gets_no_name():
    """e^{-x}, ln(2x), sin(x + 1): the derivative of the inner function is seen at once."""
    for text in ("exp(-x)", "log(2*x)", "sin(x + 1)", "tanh(x/3)", "(x + 1)**5"):
        assert not any(rule == "inner_name" for _, _, rule in rows(text)), text


def test_the_outer_rule_is_named_beside_the_chain_rule():
    """The chain rule's line says which outer derivative it used."""
    (step,) = (s for s in activation_page("atan(x**2)").steps if isinstance(s.rule, InnerChain))
    assert step.rule.rule == "arctangent"
    assert "(chain rule, derivative of the arctangent)" in prove_activation("atan(x**2)").text()


@pytest.mark.parametrize("entry", activations, ids=lambda e: e.name)
def test_each_rule_can_recompute_its_line(entry):
    """A step carries its rule, and the rule gives the line again."""
    for step in activation_page(entry.name).steps:
        assert step.recompute() == step.rhs
        assert step.evidence is not None


def test_detail_decides_which_lines_are_shown():
    """brief has fewer lines than normal, normal fewer than full; the result is in each."""
    lengths = [
        len(prove_activation("mish", detail=d).text().splitlines()) for d in ("brief", "normal", "full")
    ]
    assert lengths == sorted(set(lengths))
    for detail in ("brief", "normal", "full"):
        assert "y(1 - y)" in prove_activation("sigmoid", detail=detail).text()


def test_derive_uses_the_proof():
    """The lines of the proof stand in the derivation, too."""
    for name in ("mish", "x*tanh(x**2)"):
        page = {(s.lhs, s.rhs) for s in activation_page(name).steps if isinstance(s.rule, InnerChain)}
        used = {(s.lhs, s.rhs) for s in derive(Network.dense([1, 1], name), "w11").steps}
        assert page, name
        assert page <= used, name


def test_tanh_has_a_second_proof():
    """From sinh and cosh, as well as from exponentials."""
    text = prove_activation("tanh").text()
    assert "A second proof" in text
    assert "cosh²(x) - sinh²(x)" in text


# ---------------------------------------------------------------- the form in the output


@pytest.mark.parametrize("entry", activations, ids=lambda e: e.name)
def test_the_form_found_is_the_derivative(entry):
    """The form that elimination finds, f' by the rules, and what the entry states: one value everywhere."""
    f = formula(entry)
    derived = lines(f, X)[-1].expr
    found = form(f, derived)
    used = calculus_module.prime(entry)
    for x in (-4.3, -1.7, -0.4, 0.3, 1.2, 2.9, 7.1):
        here = at(derived, x)
        values = [used] if found is None else [used, found]
        for expr in values:
            y = at(f, x)
            with mpmath.workdps(30):
                value = lambdify([X, Y], plain(opened(expr)), "mpmath")(mpmath.mpf(x), mpmath.mpf(y))
            assert math.isclose(here, float(mpmath.re(value)), rel_tol=1e-9, abs_tol=1e-11), (
                entry.name,
                shown(expr),
            )
    if entry.prime:
        assert shown(prime(entry)) == shown(used)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/(1 + exp(-x))", "y*(1 - y)"),
        ("tanh(x)", "1 - y**2"),
        ("log(1 + exp(x))", "1 - exp(-y)"),
        ("-log(1 + exp(-x))", "1 - exp(y)"),
        ("atan(x)", "(cos(y))**2"),
        ("atan(exp(x))", "sin(y)*cos(y)"),
        ("exp(x) - 1", "1 + y"),
        ("x/(1 + abs(x))", "(1 - abs(y))**2"),
        ("exp(x)", "y"),
        ("2**x", "y*ln(2)"),
        ("3*x + 2", "3"),
        ("exp(-x**2)", "-2*x*y"),
        ("x if x > 0 else 2*(exp(x) - 1)", "(1 if x > 0 else 2 + y)"),
        ("2*sigmoid(x) - 1", "1/2*(1 - y**2)"),
        ("sigmoid(1.702*x)", "1.702*y*(1 - y)"),
        ("1/x", "-y**2"),
        ("x**2", None),
        ("x*sigmoid(x)", None),
        ("erf(x)", None),
    ],
)
def test_forms_as_a_person_writes_them(text, expected):
    """1 - y and not -y + 1, y(1 - y) and not y - y²."""
    f = formula(activation(text))
    found = form(f, lines(f, X)[-1].expr)
    assert (None if found is None else shown(found)) == expected


def test_the_elimination_is_shown():
    """E named, y through E, solved, f' through E, put in, reduced."""
    found = [(rule, left, right) for left, right, rule in rows("1/(1 + exp(-x))") if rule == "eliminated"]
    assert [(left, right) for _, left, right in found] == [
        ("E", "exp(-x)"),
        ("y", "1/(1 + E)"),
        ("E", "(1 - y)/y"),
        ("diff(y, x)", "E/((1 + E)**2)"),
        ("diff(y, x)", "((1 - y)/y)/((1 + (1 - y)/y)**2)"),
        ("diff(y, x)", "y*(1 - y)"),
    ]


@pytest.mark.parametrize(
    "formula",
    [
        "x/(1+exp(-1.702*x))",  # a decimal and its minus apart: -(1.702) and (-1.702)
        "log(1+exp(x))-x/2",  # even, as no finite field can tell
        "log(log(x))",  # a value above 1 alone
        "sqrt(log(x))",
    ],
)
def test_less_usual_formulas_are_proved(formula):
    assert prove_activation(formula).steps


def test_the_minus_of_a_decimal_needs_no_parentheses():
    text = prove_activation("exp(-1.5*x)").latex()
    assert "&= -1.5 e^{-1.5 x} &&" in text
    assert "(-1.5)" not in text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x**2", "two points share y, but not the slope"),
        ("silu", "in between the function turns"),
        ("erf(x)", "No form through y alone has been found"),
        ("gaussian", "The variable cannot be avoided"),
    ],
)
def test_where_there_is_no_form_the_page_says_so(text, sentence):
    assert sentence in prove_activation(text).text()


def test_an_elimination_can_be_given_another_name():
    """Where E is taken, another letter stands for the atom."""
    f = formula(activation("sigmoid"))
    found = eliminate(f, lines(f, X)[-1].expr, Y, Symbol("E"))
    assert isinstance(found, Form)
    renamed = found.named(Symbol("q"))
    assert not any(contains(m.rhs, Symbol("E")) for m in renamed.moves)
    assert renamed.expr == found.expr


# ---------------------------------------------------------------- cases


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max(0, min(x, 1))", ["1 | x > 1", "x | x > 0", "0 | true"]),
        ("min(max(x + 3, 0), 6)/6", ["6/6 | x > 3", "(x + 3)/6 | x > -3", "0/6 | true"]),
        ("abs(x - 1) + abs(x)", ["(x - 1) + x | x > 1", "-(x - 1) + x | x > 0", "-(x - 1) - x | true"]),
        ("x**2", ["x**2 | true"]),
    ],
)
def test_cases_are_taken_apart(text, expected):
    """Every interval between the borders with its own formula, from the highest down."""
    parsed = parse(text, {"x": X}.get)
    found = [
        f"{shown(c.value)} | {c.condition if c.condition == True else shown(c.condition)}"  # noqa: E712
        for c in cases(parsed)
    ]
    assert [f.replace("True", "true") for f in found] == expected


@settings(max_examples=10)
@given(st.floats(-5, 5).filter(lambda x: all(abs(x - b) > 1e-6 for b in (-3, 0, 1, 3))))
def test_flattening_keeps_the_value(x):
    """Nested cases and one list of cases have one value."""
    text = "max(0, min(x, 1)) + min(max(x + 3, 0), 6) * abs(x)"
    value = max(0, min(x, 1)) + min(max(x + 3, 0), 6) * abs(x)
    assert math.isclose(
        at(flattened(parse(text, {"x": X}.get)), x) or 0.0, value, rel_tol=1e-9, abs_tol=1e-12
    )


# ---------------------------------------------------------------- formulas typed by a user


@pytest.mark.parametrize(
    ("text", "answer"),
    [("x", True), ("x*sigmoid(x)", True), ("3", True), ("-x", True), ("1/2", True), ("sigmoid", False),
     ("leaky-relu", False), ("elu(alpha=0.5)", False), ("relu6", False), ("", False), ("maxout", False)],
)  # fmt: skip
def test_what_is_a_formula(text, answer):
    assert is_formula(text) == answer


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("z**2 + x", BadExpression, "'z' is no name here: the variable of an activation is x"),
        ("floor(x)", UnknownName, "no function 'floor'"),
        ("mystery(x)", UnknownName, "no function 'mystery'"),
        ("x**x", NotDifferentiable, "x**x has no derivative at 0"),
        ("(-2)**x", NotDifferentiable, "needs a base that is always positive"),
        ("log(-1) + x", NotDifferentiable, "-1 stands where a number greater than 0 is needed"),
        ("x/(1 - 1)", NotDifferentiable, "0 stands where a number different from 0"),
        ("x %% 2", BadExpression, "syntax error"),
        ("x % 2", BadExpression, "is not arithmetic"),
        ("x.real", BadExpression, "is not arithmetic"),
        ("__import__('os') + x", UnknownName, "no function '__import__'"),
        ("max(0, x) if x**2 > max(x, 1) else 0", BadExpression, "linear in x"),
    ],
)
def test_refusals(text, kind, words):
    """What cannot be read or differentiated is refused by name, by derive and by the page alike."""
    for use in (prove_activation, lambda t: derive(Network.dense([1, 1], t), "w11")):
        with pytest.raises(kind, match=re.escape(words)):
            use(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [("(z - o)**2", "'z' is no name here: a loss is written in the target t"), ("o**o", "always positive"),
     ("nothing", "no loss 'nothing'"), ("floor(t - o)", "no function 'floor'")],
)  # fmt: skip
def test_refusals_of_losses(text, words):
    for use in (prove_loss, lambda t: derive(Network.dense([1, 1], loss=t), "w11")):
        with pytest.raises(BackpropError, match=re.escape(words)):
            use(text)


def test_formulas_in_a_network():
    """One formula for each layer, split at commas that stand in no parentheses; f_1 and f_2 apart."""
    network = Network.parse("2-2-2", "max(0,x), x*sigmoid(1.702*x)")
    assert network.activations == ("f_1: max(0,x)", "f_2: x*sigmoid(1.702*x)")
    text = derive(network, "w11").text()
    assert "f_1(x) = {0 (0 > x); x (otherwise)}" in text
    assert "f_2(x) = x · σ(1.702x)" in text
    same = Network.parse("2-2-2", "x**2,x**2")
    assert same.activations == ("x**2", "x**2")
    assert "f(x) = x²" in derive(same, "w31").text()


def test_registries_are_not_changed():
    """Reading formulas leaves the registries as they were."""
    before = (activations.names(), losses.names())
    derive(Network.dense([2, 2], "x**3 + x", loss="(t - o)**4"), "w11")
    assert (activations.names(), losses.names()) == before


def test_a_constant_is_allowed_and_said_to_be_one():
    text = prove_activation("3").text()
    assert "f(x) is constant" in text
    assert str(derive(Network.dense([1, 1], "3"), "w11").gradient) == "0"


def test_a_loss_from_a_formula():
    """The same gradient as by hand: -(t - o)³ for ¼(t - o)⁴."""
    found = derive(Network.dense([1, 1], loss="(t - o)**4/4"), "w11").gradient
    assert str(found) == "-x1*y_o1*(1 - y_o1)*(t1 - y_o1)**3" or "y_t1" in str(found)
    assert "-(tₖ - oₖ)³" in prove_loss("(t-o)**4/4").text()


@pytest.mark.parametrize("text", ["sqrt(3)*x + exp(x)", "(1 + x**2)**(1/3)"])
def test_roots_that_the_field_does_not_have(text):
    """√3 and cube roots are compared at real points, and the evidence says so."""
    methods = {step.evidence.method for step in activation_page(text).steps}
    assert "real_points" in methods


# ---------------------------------------------------------------- pages


@pytest.mark.parametrize("name", [*losses.names(), "(t - o)**4/4", "log(cosh(o - t))/n"])
def test_the_page_of_each_loss(name):
    """Every line verified in every detail, in both languages and every format."""
    for lang in ("en", "ko"):
        page = prove_loss(name, lang=lang)
        assert all(step.evidence is not None for step in page.steps)
        for format in ("latex", "markdown", "text", "json"):
            assert page.render(format)


@pytest.mark.parametrize("name", activations.names())
def test_the_page_of_each_activation(name):
    """Every format in both languages; strict adds exact cancellation where there are no real points."""
    for lang in ("en", "ko"):
        page = prove_activation(name, lang=lang)
        for format in ("latex", "markdown", "text", "json"):
            assert page.render(format)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softplus", "elu", "gaussian", "hard_swish"])
def test_pages_hold_strictly(name):
    page = prove_activation(name, strict=True).derivation
    methods = {s.evidence.method for section in page.sections for s in section.steps()}
    assert methods == {"prime_field+cancellation"}


def test_pages_say_what_a_name_means_here():
    """The exact formula, parameters with their letters, kinks and the value taken there."""
    text = prove_activation("elu(alpha=2)").text()
    assert "2(eˣ - 1)" in text
    assert "α = 2" in text
    assert "no derivative at x = 0" in text
    assert "ln(x)" in prove_activation("log(x)").text()
    assert "where x > 0" in prove_activation("log(x)").text()
    assert "where x is not 0" in prove_activation("1/x").text()


# ---------------------------------------------------------------- long formulas keep their names


def chained(depth: int) -> str:
    """sin(cos(sin(… x²)))."""
    text = "x**2"
    for i in range(depth):
        text = f"{('sin', 'cos')[i % 2]}({text})"
    return text


@pytest.mark.parametrize("entry", activations, ids=lambda e: e.name)
def test_a_derivative_at_once_is_the_last_of_its_lines(entry):
    """What `derivative` gives without writing lines is what the lines end with."""
    assert calculus_module.derivative(formula(entry), X) == lines(formula(entry), X)[-1].expr


def test_a_long_derivative_keeps_the_names():
    """No line grows with the square of the depth; the page says that the names stay, and the end is right."""
    page = activation_page(chained(16))
    chains = [s for s in page.steps if s.rule.key == "insert"]
    assert chains
    assert max(sum(1 for _ in preorder_traversal(s.rhs)) for s in chains) <= 8 * 16
    names = {s.lhs for s in page.steps if isinstance(s.rule, InnerName)}
    (end,) = (s for s in page.steps if isinstance(s.rule, Stated) and isinstance(s.lhs, Partial))
    assert names == set(symbols(end.rhs)) - {X}
    assert set(symbols(page.ends[X])) == {X}, "what is compared at the end has no names"
    assert math.isclose(at(page.ends[X], 0.7), by_sympy(chained(16), 0.7), rel_tol=1e-9)
    assert "as named above" in prove_activation(chained(16)).text()


def test_a_short_derivative_is_put_together():
    """Where the whole can be read, no name is left in the end, and nothing is said of names."""
    text = chained(4)
    assert (
        sum(1 for _ in preorder_traversal(calculus_module.derivative(formula(activation(text)), X)))
        <= READABLE
    )
    assert "as named above" not in prove_activation(text).text()


# ---------------------------------------------------------------- by the parameters


def test_prelu_by_its_parameter():
    """0 for x > 0, x otherwise, line by line with the letter a."""
    found = [(left, right) for left, right, _ in rows("prelu") if left in ("f", "diff(f, a)")]
    assert found == [
        ("f", "(x if x > 0 else a*x)"),
        ("diff(f, a)", "(0 if x > 0 else diff(a*x, a))"),
        ("diff(f, a)", "(0 if x > 0 else x)"),
    ]


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("prelu", "slope"),
        ("leaky_relu", "slope"),
        ("elu", "alpha"),
        ("celu", "alpha"),
        ("softplus", "beta"),
        ("threshold", "value"),
    ],
)
def test_the_derivative_by_a_parameter_is_measured(name, parameter):
    """The last line for ∂f/∂a equals a difference quotient of the formula with a as a letter."""
    entry = activation(name)
    (chosen,) = (p for p in entry.parameters if p.name == parameter)
    f, letter = in_parameter(entry, chosen)
    page = activation_page(name)
    end = [
        s
        for s in page.steps
        if isinstance(s.lhs, Partial) and s.lhs.wrt == letter and s.lhs.of.is_Symbol and str(s.lhs.of) == "f"
    ][-1].rhs
    for x in (-1.3, -0.2, 0.4, 1.7):
        with mpmath.workdps(40):
            value = lambdify([X, letter], plain(opened(f)), "mpmath")
            h = mpmath.mpf(10) ** -15
            measured = (value(mpmath.mpf(x), 0.7 + h) - value(mpmath.mpf(x), 0.7 - h)) / (2 * h)
            claimed = lambdify([X, letter], plain(opened(end)), "mpmath")(mpmath.mpf(x), mpmath.mpf(0.7))
        assert math.isclose(measured, claimed, rel_tol=1e-8, abs_tol=1e-10), (name, x)


def test_a_border_that_moves_is_no_derivative():
    """A parameter in a condition moves a border; there is no section for it."""
    for name in ("hardshrink", "softshrink", "hard_tanh"):
        assert general(activation(name)).has(*(Symbol(p.name) for p in activation(name).parameters))
        assert "by the parameter" not in prove_activation(name).text()


# ---------------------------------------------------------------- softmax, and a loss behind it


def test_the_page_of_softmax():
    """Both cases proved from the quotient rule on, all nine entries, one formula, and the two sums."""
    found = [(shown(s.lhs), shown(s.rhs), s.rule.key) for s in activation_page("softmax").steps]
    ends = {left: right for left, right, _ in found}
    for i in (1, 2, 3):
        for j in (1, 2, 3):
            expected = f"y_{i}*(1 - y_{i})" if i == j else f"-y_{i}*y_{j}"
            assert ends[f"diff(y_{i}, x_{j})"] == expected
    assert ends["diff(y_i, x_j)"] == "(y_i*(1 - y_i) if i == j else -y_i*y_j)"
    assert ends["y_1 + y_2 + y_3"] == "1"
    assert ends["diff(y_1, x_1) + diff(y_1, x_2) + diff(y_1, x_3)"] == "0"
    assert "(quotient rule)" in prove_activation("softmax").text()
    assert "e^(xᵢ))/(Σⱼ e^(xⱼ))" in prove_activation("Softmax").text()


@pytest.mark.parametrize("name", ["activation", "loss"])
@pytest.mark.parametrize("strict", [False, True])
def test_every_line_about_softmax_is_decided(name, strict):
    """Evidence for each line, for the formula of all indices too, and a complex step at the end."""
    page = (
        activation_page("softmax", strict=strict)
        if name == "activation"
        else loss_page("cross_entropy", strict=strict)
    )
    assert {s.evidence.method for s in page.steps} == {
        "prime_field+cancellation" if strict else "prime_field"
    }
    assert page.evidence["method"] == "complex_step"
    assert len(page.ends) == 3
    for step in page.steps:
        assert step.recompute() == step.rhs


def test_a_formula_for_all_indices_is_tried_at_each():
    """One that fails where i = j, or where it is not, is refused."""
    page = activation_page("softmax")
    (general_step,) = (s for s in page.steps if s.id == "g1")
    form = general_step.rhs
    y, other = Symbol("y_i"), Symbol("y_j")
    for damaged in (form.args[0].args[0], form.args[1].args[0], form * 2, y * other):
        step = Step("g1", general_step.lhs, damaged, Stated(damaged))
        with pytest.raises(Unverified):
            for_each(page.graph, step, "xy", (Symbol("i"), Symbol("j")))


def test_the_page_of_softmax_with_cross_entropy():
    """p - t by the sum over paths, the Jacobian and Σt = 1, the hypothesis first; not by the probability."""
    page = loss_page("cross_entropy")
    keys = [key for key, _ in page.hypotheses]
    assert "targets_sum" in keys
    used = [s.rule.key for s in page.steps]
    assert used.index("sum_over_paths") < used.index("through_softmax") < used.index("hypothesis")
    assert {shown(o): shown(e) for o, e in page.ends.items()} == {
        f"o_{k}": f"p_{k} - t_{k}" for k in (1, 2, 3)
    }
    assert shown(page.steps[-1].lhs) == "diff(E, o_k)"
    assert shown(page.steps[-1].rhs) == "p_k - t_k"


@pytest.mark.parametrize("text", ["x + exp(x - x)", "(x)+(((exp(((x)-(x))/2))**2)**2)"])
def test_an_exponent_that_is_nothing_is_no_atom(text):
    """e^(x - x) is 1: the form in the output is found without it."""
    page = prove_activation(text)
    assert page.steps
    assert all(step.evidence for step in page.steps)
