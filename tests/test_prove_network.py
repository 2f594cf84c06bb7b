"""Derivations in Coq: each printed step a lemma in its order, every gradient a theorem; damaged ones are rejected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sympy import Add, Expr, Mul
from tools import program

from backprop_symbolic import Network, derive, read
from backprop_symbolic.algebra import Tight, add, mul, neg, rebuild
from backprop_symbolic.derivation import Derivation, Step
from backprop_symbolic.formal import coqc, network
from backprop_symbolic.formal.script import NotExported
from backprop_symbolic.graph import Graph
from tests.damage import with_step

#: w2 is used twice, h1 reaches the error by two ways, and names are keywords of Coq or hold what Coq has not.
GRAPH = """
forall = w1*x1 + w2*x2
h1 = sigmoid(forall)
fix = w2*h1 + w3*x1
o1 = tanh(fix)
E = (t1 - o1)**2/2 + 0.5*h1**2
"""


def derivation(sizes: list[int], weight: str, **options: object) -> Derivation:
    return derive(Network.dense(sizes, **options), weight).derivation  # type: ignore[arg-type]


def proved(found: Derivation) -> coqc.Verdict:
    program("coqc")
    return coqc.check(network.script(found))


def printed(found: Derivation) -> list[Step]:
    return list(dict.fromkeys(found.steps))


@pytest.mark.parametrize("weight", [pytest.param("w31", marks=pytest.mark.slow), "all"])
def test_every_printed_step_is_a_lemma_in_its_order(weight):
    """The lemmas are the steps, in the order in which they are read, and Coq accepts them all."""
    found = derivation([2, 2, 2], weight)
    script = network.script(found)
    assert [step for step, _ in script.lemmas] == list(dict.fromkeys(step.id for step in found.steps))
    own = [script.text.index(f"Lemma {lemma} ") for _, lemma in script.lemmas if lemma.startswith("step_")]
    assert own == sorted(own)
    assert script.theorems == tuple(f"gradient_{w.name}" for w in found.results)
    verdict = proved(found)
    assert verdict.proved, verdict.error
    assert set(verdict.axioms) <= set(coqc.CLASSICAL_REALS)


# ---------------------------------------------------------------- damage


def parts(expr: Expr) -> Iterator[tuple[Expr, Callable[[Expr], Expr]]]:
    """Every part of an expression, and how another takes its place."""
    yield expr, lambda new: new
    for i, arg in enumerate(expr.args):
        for part, put in parts(arg):  # type: ignore[arg-type]
            yield part, lambda new, i=i, put=put: rebuild(expr, (*expr.args[:i], put(new), *expr.args[i + 1 :]))  # type: ignore[misc]


def sign(rhs: Expr) -> Expr | None:
    """The whole with the other sign."""
    return neg(rhs)


def path(rhs: Expr) -> Expr | None:
    """A sum over the paths without the last."""
    return next((put(part.args[0]) for part, put in parts(rhs) if isinstance(part, Add) and "delta" in str(part.args[0])), None)  # type: ignore[arg-type]


def slope(rhs: Expr) -> Expr | None:
    """A product without y(1 - y)."""
    for part, put in parts(rhs):
        if isinstance(part, Mul) and any(isinstance(f, Tight) for f in part.args):
            return put(mul(*(f for f in part.args if not isinstance(f, Tight))))  # type: ignore[arg-type]
    return None


def index(rhs: Expr) -> Expr | None:
    """A weight exchanged for that of the other path."""
    names = {s.name: s for s in rhs.free_symbols}
    if {"w31", "w41"} <= names.keys():
        return rhs.xreplace({names["w31"]: names["w41"], names["w41"]: names["w31"]})
    return None


def factor(rhs: Expr) -> Expr | None:
    """Twice as much."""
    return add(rhs, rhs)


@pytest.mark.parametrize(
    "damage", [path, *(pytest.param(d, marks=pytest.mark.slow) for d in (slope, sign, index, factor))]
)
def test_a_damaged_gradient_is_rejected_by_name(damage):
    """∂E/∂w11 with a sign, a path, σ′, an index or a factor wrong: Coq rejects the lemma of that step."""
    found = derivation([2, 2, 2], "w11")
    gradient = next(iter(found.results.values())).gradient
    rhs = damage(gradient.rhs)
    assert rhs is not None
    assert rhs != gradient.rhs
    verdict = proved(with_step(found, replace(gradient, rhs=rhs)))
    assert not verdict.proved
    assert gradient.id in verdict.error, verdict.error


@pytest.mark.slow
@pytest.mark.parametrize("damage", [sign, factor])
def test_any_damaged_step_is_rejected(damage):
    """The same for each step of the derivation that is no name's meaning."""
    found = derivation([2, 2, 2], "w11")
    meanings = {*found.meanings, *found.graph.quantities}
    for step in printed(found):
        if step.lhs in meanings or any(i == step.id and not name.startswith("step_") for i, name in network.script(found).lemmas):
            continue
        verdict = proved(with_step(found, replace(step, rhs=damage(step.rhs))))
        assert not verdict.proved, step.id


# ---------------------------------------------------------------- other networks


@dataclass(frozen=True)
class Case:
    graph: Graph | Network
    weight: str = "all"


DOCS = Path(__file__).resolve().parent.parent / "docs" / "examples"
TWICE = """
input h0
h1 = tanh(w*x1 + u*h0)
h2 = tanh(w*x2 + u*h1)
오차합 = max(h2, w*h0) + 0*End
E = 1/2*(t - 오차합)**2 + log(1 + u**2)
parameter w u End unused
"""

CASES = {
    "names of Coq, shared weights, two ways": Case(read(GRAPH)),
    "one quantity along two paths": Case(read((DOCS / "skip.txt").read_text(encoding="utf-8"))),
    "a weight in two layers": Case(read((DOCS / "shared.txt").read_text(encoding="utf-8"))),
    "two times, max, Hangul, a parameter unused": Case(read(TWICE)),
    "a penalty on |w|": Case(Network.dense([1, 2, 1], l1=0.1)),
    "a penalty on the squares": Case(Network.dense([1, 2, 1], l2=0.01)),
    "a bias of each unit, tanh": Case(Network.dense([1, 2, 1], activation="tanh", bias="node")),
    "a bias of each layer, ReLU": Case(Network.dense([1, 2, 1], activation="relu", bias="layer")),
    "no bias, three layers": Case(Network.dense([1, 2, 2, 1], bias="none"), "w11"),
    "cross entropy": Case(Network.dense([1, 2, 1], loss="binary_cross_entropy", bias="fixed")),
}


@pytest.mark.parametrize(
    "name", [*[*CASES][:1], *(pytest.param(c, marks=pytest.mark.slow) for c in [*CASES][1:])]
)
def test_any_network_is_proved(name):
    case = CASES[name]
    found = derive(case.graph, case.weight).derivation
    verdict = proved(found)
    assert verdict.proved, verdict.error
    assert len(verdict.theorems) == len(found.results)


def test_what_has_no_form_is_refused_by_name():
    softmax = derive(Network.dense([2, 2, 3], loss="softmax_cross_entropy"), "w31")
    with pytest.raises(NotExported, match="softmax"):
        network.script(softmax.derivation)
