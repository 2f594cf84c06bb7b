"""`backprop check`: gradients and updates against references that know nothing of the derivation."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest
from commands import run
from drawn import networks
from hypothesis import assume, given
from hypothesis import strategies as st
from tools import require

from backprop_symbolic import Network, derive, read
from backprop_symbolic.errors import BadValues, UnknownName
from backprop_symbolic.graph import dense
from backprop_symbolic.numeric.check import by_central_difference, by_jax, by_torch, check
from backprop_symbolic.numeric.report import Report, write
from backprop_symbolic.numeric.steps import Steps
from backprop_symbolic.numeric.values import evaluate, example, examples, parse_set, resolve

FAST = ("central", "complex")


def steps_of(graph, *sources: str, seed: int | None = None) -> Steps:
    return Steps(derive(graph, "all").derivation, resolve(graph, [parse_set(s) for s in sources], seed=seed))


def of_example(name: str) -> Steps:
    source = example(name)
    said = {key: setting.text for key, setting in source.settings.items()}
    if "graph" in said:
        graph = read(said["graph"])
    else:
        graph = dense(
            Network.parse(
                said["network"],
                said.get("activation", "sigmoid"),
                said.get("loss", "half_sse"),
                said.get("bias", "1"),
            )
        )
    return Steps(derive(graph, "all").derivation, resolve(graph, [source]))


# ---------------------------------------------------------------- references


@pytest.mark.parametrize("name", examples())
def test_every_example_agrees(name):
    """Each published example: all gradients and updates, by central differences and complex step."""
    lines = check(of_example(name), FAST)
    assert lines
    assert {line.verdict for line in lines} == {"agrees"}
    assert all(math.isfinite(line.references["central"]) for line in lines)


@pytest.mark.parametrize(("library", "function"), [("torch", by_torch), ("jax", by_jax)])
@pytest.mark.parametrize("name", ["mazur", "postnetwork", "tailvar", "micrograd"])
def test_autograd_of_others(library, function, name):
    """PyTorch and JAX over the same definitions find the same gradients in float64."""
    require(library)
    lines = check(of_example(name), (library,))
    assert {line.verdict for line in lines} == {"agrees"}
    assert max(line.difference for line in lines) < 1e-9
    assert function.__name__ == f"by_{library}"


@given(networks(width=3, depth=2), st.integers(0, 10**6))
def test_every_network_agrees(network, seed):
    """Random networks and values: derived gradients are those of the complex step."""
    # A softmax of a softmax is a network that `backprop` does not derive yet.
    assume(not (network.activations[-1] == "softmax" and network.loss == "softmax_cross_entropy"))
    graph = dense(network)
    try:
        steps = steps_of(graph, seed=seed)
    except BadValues:
        return  # no point in the domain was found
    assert {line.verdict for line in check(steps, ("complex",))} <= {"agrees", "kink"}


def test_a_wrong_gradient_differs():
    """A derivation that says the opposite is found out by every reference."""
    steps = of_example("mazur")
    steps.__dict__["gradients"] = {w: -g for w, g in steps.gradients.items()}
    lines = check(steps, FAST)
    assert {line.verdict for line in lines if line.kind == "gradient"} == {"differs"}
    assert not Report(steps.graph, lines, []).passes


def test_central_differences_are_extrapolated():
    """On E = e^w the answer is good to eleven digits, and says how good it is."""
    graph = read("E = exp(w)")
    steps = steps_of(graph, "w=1")
    found, doubt = by_central_difference(graph, steps.values.numbers | {graph.rate: 0.0}, graph.parameters[0])
    assert abs(found - math.e) < 1e-10
    assert doubt < 1e-9


def test_a_central_difference_does_not_cross_a_kink():
    """relu(w) at w = 10⁻³: the first step, 0.1, would reach over the kink."""
    graph = read("E = relu(w)*3")
    (line,) = check(steps_of(graph, "w=0.001"), FAST)
    assert line.verdict == "agrees"
    assert math.isclose(line.references["central"], 3, rel_tol=1e-9)


def test_at_a_kink_both_sides_are_shown():
    """relu at 0: 0 from the left, 1 from the right, and the convention's value; no central difference."""
    graph = read("E = relu(w)*3 + w")
    steps = steps_of(graph, "w=0")
    (line,) = check(steps, FAST)
    assert (line.verdict, line.sides, line.derived) == ("kink", (1.0, 4.0), 1.0)
    assert "central" not in line.references
    for language, words in (("en", "from the left 1, from the right 4"), ("ko", "좌미분 1, 우미분 4")):
        assert words in write(Report(graph, [line], []), "text", language)


def test_updates_at_once_and_layer_by_layer():
    """0.2910277737 and 0.2910279239, from 0.298371109."""
    steps = of_example("mazur")
    error = steps.graph.error
    assert steps.known[error] == pytest.approx(0.298371109, abs=1e-9)
    assert steps.passed(steps.updated)[error] == pytest.approx(0.2910277737, abs=1e-10)
    assert steps.passed(steps.one_by_one)[error] == pytest.approx(0.2910279239, abs=1e-10)
    assert (
        evaluate(steps.graph, {**steps.values.numbers, **steps.updated})[error]
        == steps.passed(steps.updated)[error]
    )


def test_an_unknown_reference_is_named():
    with pytest.raises(
        UnknownName,
        match=r"no reference 'centrl'\. Known: central complex torch jax\. Did you mean 'central'",
    ):
        check(of_example("tailvar"), ("centrl",))


# ---------------------------------------------------------------- the command


def backprop(*args: str):
    return run("check", *args, "--reference", "complex", command="backprop")


def test_exit_codes():
    """0 where all is right, 1 where a claim is wrong, 2 where the input is bad."""
    assert backprop("--example", "hmkcode").code == 0
    assert backprop("--example", "hmkcode", "--claim", "w5=3").code == 1
    refused = backprop("--example", "hmkcode", "--claim", "w9=3")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("Error: claim 'w9=3': no quantity 'w9' in a 2-2-1 network.")
    without = backprop("--network", "2-2-2")
    assert (without.code, without.err) == (
        2,
        "Error: a check needs numbers: --values, --set, --seed or --example\n",
    )


def test_json_and_csv_say_the_same(tmp_path):
    args = ("--example", "mazur", "--claim", "w5=-0.0822", "--claim", "w5+=0.3589")
    whole = json.loads(backprop(*args, "--format", "json").out)
    target = tmp_path / "table.csv"
    assert backprop(*args, "--format", "csv", "-o", str(target)).code == 1
    rows = list(csv.DictReader(io.StringIO(target.read_text(encoding="utf-8"))))
    assert [float(row["derived"]) for row in rows[:16]] == [line["derived"] for line in whole["lines"]]
    assert (
        [row["verdict"] for row in rows[16:]]
        == [claim["verdict"] for claim in whole["claims"]]
        == ["wrong", "right"]
    )
    assert rows[16]["causes"] == "sign" == whole["claims"][0]["causes"][0]["cause"]
    assert whole["passes"] is False


def test_the_examples_are_listed():
    outcome = run("list", "examples", "--format", "json", command="backprop")
    assert {item["name"] for item in json.loads(outcome.out)["examples"]} == set(examples())
