"""The scalar form: programs from a derivation's steps, with nothing but `math`."""

from __future__ import annotations

import dataclasses
import keyword
import math
import random
import unicodedata

import mpmath
import oracle
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from programs import close, networks, points, torch_gradient
from sympy import Symbol
from tools import require

from backprop_symbolic import Network, derive, read
from backprop_symbolic.activations import activations
from backprop_symbolic.algebra import Partial, neg
from backprop_symbolic.errors import Unverified
from backprop_symbolic.graph import dense
from backprop_symbolic.numeric import names
from backprop_symbolic.numeric.compile import check, compile_scalar
from backprop_symbolic.numeric.printer import MATH, Printer
from backprop_symbolic.numeric.source import OWN, comment, scalar
from backprop_symbolic.numeric.stable import MEANINGS, Function, stable

X = Symbol("x")


def derived(given: object, weight: str = "all"):
    return derive(given, weight).derivation


def values_of(compiled, leaves):
    """The arguments of a program at a point."""
    return [
        [leaves[n] for n in group]
        for group in (compiled.parameters, compiled.inputs, compiled.targets, compiled.constants)
    ]


# ---------------------------------------------------------------- the numbers


@given(networks(), st.integers(0, 10**6))
def test_gradient_is_that_of_a_complex_step_and_of_pytorch(network, seed):
    """∂E/∂w by the program = by a complex step = by autograd, to 1e-9."""
    torch = require("torch")
    graph = dense(network)
    leaves = points(graph, seed)
    compiled = compile_scalar(derived(graph))
    try:
        second = oracle.Oracle(graph, {}, leaves)
        expected = {w: second.partial(Partial(graph.error, w)) for w in graph.parameters}
    except oracle.NoValue:
        assume(False)
    p, x, t, c = values_of(compiled, leaves)
    error, slopes = compiled.gradient(p, x, t, c)
    torch_error, torch_slopes = torch_gradient(torch, graph, leaves)
    assert close(error, second.number(graph.error)) and close(error, torch_error)
    for name, slope in zip(compiled.derived, slopes, strict=True):
        assert close(slope, expected[Symbol(name)]), name
        assert close(slope, torch_slopes[name]), name


@given(networks(), st.integers(0, 10**6), st.floats(0.01, 2))
def test_step_is_the_old_weight_less_rate_times_gradient(network, seed, eta):
    """w(t+1) = w(t) - η·∂E/∂w for all weights, in the order in which they were given."""
    compiled = compile_scalar(derived(network))
    p, x, t, c = values_of(compiled, points(dense(network), seed))
    error, slopes = compiled.gradient(p, x, t, c)
    same, new = compiled.step(p, x, t, eta, c)
    table = dict(zip(compiled.derived, slopes, strict=True))
    assert same == error
    for name, old, value in zip(compiled.parameters, p, new, strict=True):
        assert close(value, old - eta * table[name])


@pytest.mark.parametrize("text", [
    "h = w*x\nE = (t - h)**2/2",
    "h = w*x\ng = sin(w*h) + h\nk = max(g, 0.1)*softplus(2*h)*silu(h)\nE = (t - k*h)**2",
    "E = w**3*x + exp(w)*erf(w) - t",
    "p = sqrt(1 + w**2)\nq = w/p\nE = log(cosh(q - t)) + abs(p)*min(q, p)",
    "a = exp(w)/(exp(w) + exp(v) + exp(x))\nE = -t*log(a)\nparameter v",
])  # fmt: skip
def test_graphs(text):
    """Any graph, shared weights and skips included; `check` compares with the steps, this with a complex step."""
    graph = read(text)
    compiled = compile_scalar(derived(graph))
    leaves = {k: abs(v) + 0.1 for k, v in points(graph, 5).items()}
    second = oracle.Oracle(graph, {}, leaves)
    p, x, t, c = values_of(compiled, leaves)
    for name, slope in zip(compiled.derived, compiled.gradient(p, x, t, c)[1], strict=True):
        assert close(slope, second.partial(Partial(graph.error, Symbol(name))))
    everything = compiled.values(p, x, t, c)
    for q in graph.quantities.values():
        if q.definition is not None:
            assert close(everything[q.symbol.name], second.number(q.symbol))


def test_forward_and_values_name_every_quantity():
    """forward gives what does not depend on targets; values the error and each δ too, under their names."""
    compiled = compile_scalar(derived("2-2-2"))
    p, x, t, c = [0.1] * 8, [0.5, 0.2], [0, 1], []
    assert list(compiled.forward(p, x)) == [
        "net_1",
        "y_h1",
        "net_2",
        "y_h2",
        "net_3",
        "y_o1",
        "net_4",
        "y_o2",
    ]
    values = compiled.values(p, x, t, c)
    assert set(values) - set(compiled.forward(p, x)) == {
        "E_o1", "E_o2", "E", "delta_o1", "delta_o2", "delta_h1", "delta_h2",
    }  # fmt: skip
    assert values["E"] == compiled.gradient(p, x, t)[0]


def test_one_weight_alone():
    """A derivation of w31 gives its gradient; step leaves the other weights as they are."""
    one, all_ = compile_scalar(derived("2-2-2", "w31")), compile_scalar(derived("2-2-2"))
    p, x, t = [0.1 * i for i in range(8)], [0.5, 0.2], [0, 1]
    assert one.derived == ("w31",)
    assert one.gradient(p, x, t)[1][0] == all_.gradient(p, x, t)[1][0]
    new = one.step(p, x, t, 0.5)[1]
    assert [i for i in range(8) if new[i] != p[i]] == [one.parameters.index("w31")]


def test_numbers_that_others_printed():
    """The Mazur network: error 0.298371109 before the first update, 0.291027774 after it (all at once)."""
    compiled = compile_scalar(derived(Network.dense([2, 2, 2], bias="fixed")))
    p, x, t, c = [0.15, 0.20, 0.25, 0.30, 0.40, 0.45, 0.50, 0.55], (0.05, 0.10), (0.01, 0.99), (0.35, 0.60)
    error, new = compiled.step(p, x, t, 0.5, c)
    assert error == pytest.approx(0.298371109, abs=1e-9)
    assert compiled.gradient(new, x, t, c)[0] == pytest.approx(0.2910277737, abs=1e-10)
    for _ in range(9_999):
        _, new = compiled.functions["step"](new, x, t, 0.5, c)
    assert compiled.gradient(new, x, t, c)[0] == pytest.approx(3.510188e-05, rel=1e-6)


# ---------------------------------------------------------------- nothing is found again


@pytest.mark.parametrize("which", ["gradient", "delta", "update"])
def test_a_wrong_step_gives_a_wrong_number(which):
    """A sign flipped in one step shows in the numbers: the program knows nothing but the steps."""
    right = derived("2-2-2")
    w = Symbol("w31")
    if which == "delta":
        d = Symbol("delta_o1")
        step = right.definitions[d]
        wrong = dataclasses.replace(
            right, definitions={**right.definitions, d: dataclasses.replace(step, rhs=neg(step.rhs))}
        )
    else:
        result, field = right.results[w], "folded" if which == "gradient" else "update"
        step = getattr(result, field)
        result = dataclasses.replace(result, **{field: dataclasses.replace(step, rhs=neg(step.rhs))})
        wrong = dataclasses.replace(right, results={**right.results, w: result})
    good, bad = compile_scalar(right), compile_scalar(wrong)
    p, x, t = [0.1 * i for i in range(8)], [0.5, 0.2], [0, 1]
    at = good.derived.index("w31")
    if which == "update":
        at = good.parameters.index("w31")
        assert bad.step(p, x, t, 0.5)[1][at] == -good.step(p, x, t, 0.5)[1][at]
    else:
        assert bad.gradient(p, x, t)[1][at] == -good.gradient(p, x, t)[1][at] != 0
    if which == "delta":  # the layer below leans on it
        assert bad.gradient(p, x, t)[1][-1] != good.gradient(p, x, t)[1][-1]


def test_a_program_that_differs_from_the_steps_is_refused():
    """`check` evaluates the steps by another route; a program with one sign wrong does not pass."""
    derivation = derived("2-2-2")
    compiled = compile_scalar(derivation)
    broken = dict(compiled.functions)
    broken["gradient"] = lambda *args: (
        compiled.gradient(*args)[0],
        [-g for g in compiled.gradient(*args)[1]],
    )
    with pytest.raises(Unverified, match="the generated program gives"):
        check(dataclasses.replace(compiled, functions=broken), derivation)


# ---------------------------------------------------------------- floating point


@pytest.mark.parametrize("name", [n for n in MEANINGS if n != "softmax"])
@pytest.mark.parametrize(
    "u", [-1e3, -750.0, -700.0, -40.0, -1.0, -1e-3, -1e-9, 0.0, 1e-9, 0.3, 1.0, 40.0, 700.0, 750.0, 1e3]
)
def test_a_function_has_its_meaning_where_the_formula_would_overflow(name, u):
    """Each form that is computed = the formula it stands for, to 1e-13 (1,200 digits beside it)."""
    if (name == "log1p" and u <= -1) or (name == "expm1" and u > 709):
        return
    text = Printer({X: "x"}, MATH)(Function(name, X))
    found = eval(text, {**vars(math), "x": u})  # text that the printer wrote
    with mpmath.workdps(1200):
        wanted = _high(name, mpmath.mpf(u))
        assert abs(found - wanted) <= abs(wanted) * 1e-13 + 1e-300


def _high(name, u):
    return {
        "log1p": lambda: mpmath.log(1 + u), "expm1": lambda: mpmath.exp(u) - 1, "tanh": lambda: mpmath.tanh(u),
        "logistic": lambda: 1 / (1 + mpmath.exp(-u)), "softplus": lambda: mpmath.log(1 + mpmath.exp(u)),
        "log_cosh": lambda: mpmath.log(mpmath.cosh(u)),
    }[name]()  # fmt: skip


@given(st.sampled_from(activations.names()), st.integers(0, 10**6))
def test_stable_forms_are_the_formulas(name, seed):
    """What `stable` makes of f(x) has f's value; each recognised function is its meaning."""
    u = random.Random(seed).uniform(-4, 4)
    entry = activations.get(name)
    from backprop_symbolic.activations import formula

    found = eval(Printer({X: "x"}, MATH)(stable(formula(entry))), {**vars(math), "x": u})
    assert close(found, oracle.apply(name, u).real, 1e-12)


@pytest.mark.parametrize("name", activations.names())
@pytest.mark.parametrize("u", [-800.0, 800.0])
def test_no_activation_overflows(name, u):
    """For large |net| a program gives finite numbers, for f and f'."""
    compiled = compile_scalar(derived(Network.dense([1, 1], name, bias="none")))
    error, slopes = compiled.gradient([u], [1.0], [0.5])
    assert math.isfinite(error) and math.isfinite(slopes[0])


def test_saturated_cross_entropy_has_a_gradient():
    """(o - t)/(o(1 - o))·o(1 - o) is o - t also where o is 1 to the last digit."""
    compiled = compile_scalar(derived(Network.dense([1, 1], loss="binary_cross_entropy", bias="none")))
    assert "delta_o1 = y_o1 - y_t1" in compiled.source
    assert compiled.gradient([30.0], [1.0], [0.0])[1][0] == pytest.approx(1.0)


def test_arithmetic_that_fails_is_placed():
    """log 0 raises in the program; `where` names the variable whose line it was."""
    compiled = compile_scalar(derived(Network.dense([1, 1], "relu", "binary_cross_entropy", "none")))
    with pytest.raises(ValueError, match=r"math domain|log|expected") as caught:
        compiled.gradient([-1.0], [1.0], [0.5])
    assert compiled.where(caught.value) == "E"
    assert compiled.where(ValueError("elsewhere")) is None


# ---------------------------------------------------------------- names


@given(st.lists(st.text(min_size=1, max_size=6), unique=True, max_size=30))
def test_names_become_variables_one_for_one(given_names):
    """Whatever is typed: no two alike, each read by Python as written, none reserved."""
    table = names.mangled(given_names, OWN)
    made = list(table.values())
    assert len(set(made)) == len(given_names) and not set(made) & set(OWN)
    for variable in made:
        assert variable.isidentifier() and not keyword.iskeyword(variable)
        assert unicodedata.normalize("NFKC", variable) == variable


def test_names_that_are_variables_stay():
    """w31, Hangul and a name with '_' are kept; a comma, a keyword and ﬁ are not."""
    table = names.mangled(["w31", "가중합_3", "w10,3", "w10_3", "lambda", "ﬁ", "fi", "exp"], ["exp"])
    assert list(table.values()) == ["w31", "가중합_3", "w10_3_2", "w10_3", "lambda_", "fi_2", "fi", "exp_2"]


@pytest.mark.parametrize(
    "word",
    [
        "forward",
        "parameters",
        "inputs",
        "math",
        "gradient",
        "njit",
        "print",
        "__name__",
        "__builtins__",
        "가중치",
    ],
)
def test_hostile_names_of_a_graph(word):
    """A graph may call a weight what Python or the program calls something else."""
    graph = read(f"parameter {word}\ninput q\nwalk = {word}*q\nE = (t - sigmoid(walk)*{word})**2")
    compiled = compile_scalar(derived(graph))
    assert compiled.parameters == (word,)
    leaves = {word: 0.3, "q": 0.5, "t": 1.0, graph.rate.name: 0.1}
    slope = oracle.Oracle(graph, {}, leaves).partial(Partial(graph.error, Symbol(word)))
    assert close(compiled.gradient([0.3], [0.5], [1.0])[1][0], slope)


@given(st.text())
def test_a_comment_stays_a_comment(text):
    """No text ends the line of the comment that it stands in."""
    written = comment(text)
    assert len(written.splitlines()) == 1 and written.startswith("#")
    compile(written + "\n", "x", "exec")


def test_two_digit_names():
    """w10,3 is a variable, and the program still calls it w10,3."""
    compiled = compile_scalar(derived("3-10-1", ["w11,10", "w10,3"]))
    assert "w10,3" in compiled.parameters and "w10_3*x3" in compiled.source


# ---------------------------------------------------------------- the text


def test_every_line_tells_its_equation():
    """Each δ, gradient and update stands under the step it comes from, by label."""
    derivation = derived("2-2-2")
    source = scalar(derivation)
    for step in (
        *derivation.definitions.values(),
        *(s for r in derivation.results.values() for s in (r.folded, r.update)),
    ):
        assert f"[{step.id}]" in source
    assert "# δₒ₁ = (yₒ₁ - yₜ₁) · yₒ₁(1 - yₒ₁)" in source and "import numpy" not in source


def test_numba_gives_the_same_numbers():
    """With numba, where it is installed, gradient and step are the same to the last digits."""
    require("numba")
    derivation = derived("2-2-2")
    plain, fast = compile_scalar(derivation), compile_scalar(derivation, njit=True)
    p, x, t = tuple(0.1 * i for i in range(8)), (0.5, 0.2), (0.0, 1.0)
    assert "@njit" in fast.source
    assert fast.gradient(p, x, t)[1] == pytest.approx(plain.gradient(p, x, t)[1], rel=1e-14)
    assert fast.step(p, x, t, 0.5)[1] == pytest.approx(plain.step(p, x, t, 0.5)[1], rel=1e-14)
