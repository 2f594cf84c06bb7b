"""Names, parameters and lists as a user meets them."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_symbolic import BackpropError, Network, derive, read
from backprop_symbolic.activations import activations, formula, general, layer_activations
from backprop_symbolic.calculus import kinks
from backprop_symbolic.errors import BadNetwork, BadParameter, UnknownName
from backprop_symbolic.losses import losses
from backprop_symbolic.numeric.values import examples
from backprop_symbolic.printing import Plain
from backprop_symbolic.registry import exact, split, written
from backprop_symbolic.render import formats
from backprop_symbolic.spec import MAX_SOFTMAX
from backprop_symbolic.wording import messages
from tests.commands import run

# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("hardtanh", "hard_tanh"), ("leaky-relu", "leaky_relu"), ("LeakyReLU", "leaky_relu"), ("swish", "silu"),
        ("logsigmoid", "log_sigmoid"), ("hardswish", "hard_swish"), ("hardsigmoid", "hard_sigmoid"), ("ReLU6", "relu6"),
        ("soft shrink", "softshrink"), ("heaviside", "binary_step"), ("elu(alpha=1.0)", "elu"),
        ("Soft-Plus( beta = 2.0 )", "softplus(beta=2)"), ("leaky_relu(negative_slope=1e-1)", "leaky_relu(slope=0.1)"),
        ("softshrink(lambd=0.25)", "softshrink(lambda_=0.25)"), ("softshrink(lambda=1/4)", "softshrink(lambda_=1/4)"),
        ("hardtanh(max_val=2, min_val=-2)", "hard_tanh(min_val=-2, max_val=2)"),
    ],
)  # fmt: skip
def test_usual_spellings_mean_one_activation(typed, name):
    """Names as in torch.nn.functional, with and without underscores; values in one canonical form."""
    assert activations.get(typed).name == name
    assert activations.get(name) == activations.get(typed)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("l1_loss", "mae"), ("mse_loss", "mse"), ("huber_loss(delta=2)", "huber(delta=2)"), ("smoothl1", "smooth_l1"),
        ("cross_entropy", "softmax_cross_entropy"), ("nll", "categorical_cross_entropy"), ("bce", "binary_cross_entropy"),
        ("bce_with_logits", "binary_cross_entropy_with_logits"), ("poisson_nll_loss", "poisson"), ("half-sse", "half_sse"),
    ],
)  # fmt: skip
def test_usual_spellings_mean_one_loss(typed, name):
    assert losses.get(typed).name == name


@pytest.mark.parametrize(
    ("typed", "error", "says"),
    [
        ("elu(alpa=2)", UnknownName, r"^no parameter 'alpa' of activation 'elu'\. Known: alpha\. Did you mean 'alpha'\?$"),
        ("softplus(beta=0)", BadParameter, r"^activation 'softplus': beta must be greater than 0, not 0$"),
        ("softplus(beta=-1e2)", BadParameter, r"beta must be greater than 0, not -100$"),
        ("softplus(beta=x)", BadParameter, r"beta = 'x' is not a number$"),
        ("softplus(beta=1/0)", BadParameter, r"beta = '1/0' is not a number$"),
        ("softplus(beta=1e999)", BadParameter, r"beta = '1e999' is not a number$"),
        ("softplus(beta=2, beta=3)", BadParameter, r"beta is given twice$"),
        ("elu(alpha=2, 3)", BadParameter, r"'3' is not 'name=number'; write elu\(alpha=1\)$"),
        ("tanh(beta=2)", BadParameter, r"^activation 'tanh' has no parameters; write tanh$"),
        ("hard_tanh(min_val=2)", BadParameter, r"max_val must be greater than min_val, not 1$"),
        ("softpluss(beta=2)", UnknownName, r"^no activation 'softpluss\(beta=2\)'"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused_by_name(typed, error, says):
    """One line that says which activation, which parameter and what would be right."""
    with pytest.raises(error, match=says) as raised:
        Network.dense([2, 2, 2], typed)
    assert isinstance(raised.value, BackpropError)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("typed", "says"), [("focal(gamma=1.5)", "whole number"), ("huber(delta=0)", "greater than 0")]
)
def test_a_wrong_parameter_of_a_loss_is_refused(typed, says):
    with pytest.raises(BadParameter, match=says):
        losses.get(typed)


def test_resolving_a_name_changes_no_registry():
    """`elu(alpha=7)` is a function of its text: nothing is registered by asking."""
    before = activations.names()
    assert activations.get("elu(alpha=7)") == activations.get("ELU( alpha=7.0 )")
    assert activations.names() == before


@given(st.fractions(max_denominator=10**6), st.booleans())
def test_numbers_are_exact(value, decimal):
    """A number is read and written without loss."""
    text = str(value)
    if decimal:
        text = f"{value.numerator}e-3"
        value = Fraction(value.numerator, 1000)
    if exact(text) is not None:
        assert exact(text) == value
        assert exact(written(text)) == value
        assert written(written(text)) == written(text)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a,b", ["a", "b"]),
        ("f(x=1,y=2),b", ["f(x=1,y=2)", "b"]),
        ("", [""]),
        ("a,", ["a", ""]),
        ("max(x,(1,2)),c", ["max(x,(1,2))", "c"]),
    ],
)
def test_commas_inside_parentheses_do_not_part(text, parts):
    assert split(text) == parts


# ---------------------------------------------------------------- formulas


def test_values_stand_in_the_formula_and_symbols_in_the_general_one():
    """softplus(beta=2) has 2 where the general formula has β; a default 1 is not written."""
    plain = Plain({})
    entry = activations.get("softplus(beta=2)")
    assert plain(general(entry)) == "1/beta*ln(1 + exp(beta*x))"
    assert plain(formula(entry)) == "1/2*ln(1 + exp(2*x))"
    assert plain(formula(activations.get("softplus"))) == "ln(1 + exp(x))"
    assert plain(formula(activations.get("elu(alpha=0.5)"))) == "(x if x > 0 else 0.5*(exp(x) - 1))"


def test_kinks_depend_on_the_parameters():
    """ELU has none for α = 1; a threshold that joins its two pieces is ReLU's kink, a jump otherwise."""
    assert kinks(activations.get("elu")) == []
    assert [str(at) for at, _ in kinks(activations.get("elu(alpha=0.5)"))] == ["0"]
    assert kinks(activations.get("leaky_relu(slope=1)")) == []
    assert len(kinks(activations.get("softshrink"))) == 2


def test_parameters_in_a_graph_file():
    """h = elu(net, alpha=0.5), printed so that it can be read again."""
    text = "net = w*x\nh = elu(net, alpha=0.5)\nE = (t - h)**2"
    graph = read(text)
    shown = Plain({})(graph.definition(next(s for s in graph.quantities if s.name == "h")))
    assert shown == "elu(net, alpha=0.5)"
    assert derive(graph, "w").steps
    with pytest.raises(UnknownName, match=r"line 2, column 5: no parameter 'alpa'"):
        read(text.replace("alpha", "alpa"))


# ---------------------------------------------------------------- softmax and penalties refused by name


@pytest.mark.parametrize(
    ("sizes", "options", "says"),
    [
        ([2, 1], {"activation": "softmax"}, "softmax of 1 unit is the constant 1"),
        ([2, 1], {"loss": "softmax_cross_entropy"}, "softmax of 1 unit is the constant 1"),
        ([2, MAX_SOFTMAX + 1], {"activation": "softmax"}, "at most 100 units are allowed"),
        ([2, 2], {"l1": "0"}, "penalty l1 = '0' is not a number greater than 0"),
        ([2, 2], {"l2": "-1"}, "penalty l2 = '-1' is not a number greater than 0"),
        ([2, 2], {"l2": "lots"}, "penalty l2 = 'lots' is not a number greater than 0"),
    ],
)
def test_what_cannot_be_is_refused(sizes, options, says):
    with pytest.raises(BadNetwork, match=says):
        Network.dense(sizes, **options)


def test_penalties_on_the_command_line():
    """The same as in Python; refused with --graph."""
    shown = run("--weight", "w31", "--l1", "0.1", "--l2", "1/3", "--format", "text", "--detail", "brief")
    assert "δₒ₁ · yₕ₁ + λ₁ · sgn(w₃₁) + λ₂ · w₃₁" in shown.out
    assert "λ₂ = ⅓" in shown.out or "λ₂ = 1/3" in shown.out
    refused = run("--weight", "w", "--l1", "", "--format", "text")
    assert refused.err == "Error: --l1 needs a number greater than 0, such as 0.01\n"


# ---------------------------------------------------------------- backprop list


def backprop(*args):
    return run(*args, command="backprop")


def test_list_has_one_line_for_each_entry():
    """Every name of every registry, once, with its formula or a description."""
    lines = backprop("list").out.splitlines()
    names = [line.split()[0] for line in lines if line.startswith("  ")]
    expected = [
        *activations.names(),
        *layer_activations.names(),
        *losses.names(),
        "lecture",
        "layered",
        "mazur",
        "en",
        "ko",
    ]
    assert names == [*expected, *formats.names(), *examples()]
    assert "  softplus      1/beta*log(1 + exp(beta*x))  (beta = 1)" in lines


def test_list_as_json_and_in_korean():
    data = json.loads(backprop("list", "--format", "json").out)
    assert list(data) == ["activations", "losses", "notations", "languages", "formats", "examples"]
    assert {item["name"] for item in data["losses"]} == set(losses.names())
    assert all(item["summary"] for items in data.values() for item in items)
    assert backprop("list", "formats", "--lang", "ko").out != backprop("list", "formats").out


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (
            ("list", "activation"),
            "no list 'activation'. Known: activations losses notations languages formats examples. Did you mean 'activations'?",
        ),
        (("list", "--format", "xml"), "no format 'xml' of a list. Known: text json."),
        (("list", "--lang", "fr"), "no language 'fr'. Known: en ko."),
        (("list", "-o", "/nowhere/x"), "cannot write '/nowhere/x': there is no directory '/nowhere'"),
    ],
)
def test_list_refuses_by_name(args, says):
    found = backprop(*args)
    assert (found.code, found.out, found.err) == (2, "", f"Error: {says}\n")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_format_is_described(language):
    assert [k.partition(".")[2] for k in messages(language) if k.startswith("format.")] == formats.names()
