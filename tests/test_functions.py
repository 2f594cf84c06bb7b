"""Every shipped activation and loss against two judges that know nothing of this package.

The first is numbers of 50 digits (mpmath): the registry's formula, read by Python itself, is
differentiated numerically, on both sides of every kink. The second is PyTorch: values and autograd
gradients of the function the entry names as PyTorch's, at kinks too, where f' is a convention.
Whole networks, with softmax and penalties, are compared with autograd of the same network.
"""

from __future__ import annotations

import math
import random
import re
from typing import Any

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Symbol

from backprop_symbolic import Network, calculus, derive
from backprop_symbolic.activations import Activation, activations
from backprop_symbolic.algebra import Partial, plain
from backprop_symbolic.calculus import kinks
from backprop_symbolic.graph import dense
from backprop_symbolic.losses import losses
from backprop_symbolic.printing import Plain
from backprop_symbolic.verify import verify
from tests.drawn import CONCRETE, CONCRETE_LOSSES, networks
from tests.oracle import NoValue, Oracle, differ, settings
from tests.tools import require

FUNCTIONS = [*activations, *map(activations.get, CONCRETE)]
LOSSES = [*losses, *map(losses.get, CONCRETE_LOSSES)]
POINTS = (-7.3, -3.2, -1.7, -0.9, -0.31, 0.23, 0.77, 1.4, 2.9, 6.4)
mpmath.mp.dps = 50

# ---------------------------------------------------------------- 50 digits


def numeric(text: str, **names: Any) -> Any:
    """A registry's formula by mpmath; Python reads it, not the package's parser."""
    scope = {
        n: getattr(mpmath, n)
        for n in ("exp", "log", "sqrt", "sin", "cos", "sinh", "cosh", "atan", "erf", "sign")
    }
    scope |= {"abs": abs, "pi": mpmath.pi, "max": max, "min": min}
    scope |= {e.name: (lambda u, e=e: numeric(e.formula, x=u, **exactly(e))) for e in activations}
    # Numbers as mpf, so that 1/2 and 0.044715 have 50 digits.
    scope["number"] = mpmath.mpf
    exact = re.sub(r"(?<![\w.])\d+(?:\.\d+)?", lambda m: f"number('{m[0]}')", text)
    return eval(exact, {"__builtins__": {}}, {**scope, **names}) * mpmath.mpf(1)


def prime_text(entry: Activation) -> str:
    """f' as it is used: stated by the entry, or found from its formula."""
    return entry.prime or Plain({})(calculus.prime(entry))


def exactly(entry: Any) -> dict[str, Any]:
    """The parameters of an entry with their values, as mpmath numbers."""
    chosen = dict(entry.values)
    return {p.name: mpmath.mpf(mpmath.mpmathify(chosen.get(p.name, p.default))) for p in entry.parameters}


def points(entry: Activation) -> list[float]:
    """Ordinary points, and points just below and just above every kink."""
    beside = [float(plain(p)) + s for p, _ in kinks(entry) for s in (-1e-3, 1e-3)]
    return [*POINTS, *beside]


@pytest.mark.parametrize("entry", FUNCTIONS, ids=lambda e: e.name)
def test_the_derivative_of_every_activation_to_forty_digits(entry):
    """f' as stated equals the numeric derivative of f, on both sides of kinks."""
    given_values = exactly(entry)
    for at in points(entry):
        x = mpmath.mpf(at)
        slope = mpmath.diff(lambda u: numeric(entry.formula, x=u, **given_values), x, h=mpmath.mpf(10) ** -25)
        y = numeric(entry.formula, x=x, **given_values)
        stated = numeric(prime_text(entry), x=x, y=y, **given_values)
        assert abs(slope - stated) < mpmath.mpf(10) ** -18 * max(1, abs(slope)), (at, slope, stated)


@pytest.mark.parametrize("entry", LOSSES, ids=lambda e: e.name)
@pytest.mark.parametrize("n", [1, 3])
def test_the_derivative_of_every_loss_to_forty_digits(entry, n):
    """∂part/∂o as stated equals the numeric derivative of the part, on both sides of kinks."""
    given_values = exactly(entry)
    for target, output in ((0.3, 0.6), (0.8, 0.1), (0.5, 0.9), (0.95, 0.02), (0.4, 0.4001)):
        t, o = mpmath.mpf(target), mpmath.mpf(output)
        names = {"t": t, "n": mpmath.mpf(n), **given_values}
        slope = mpmath.diff(
            lambda u, names=names: numeric(entry.part, o=u, **names), o, h=mpmath.mpf(10) ** -25
        )
        stated = numeric(entry.prime, o=o, **names)
        assert abs(slope - stated) < mpmath.mpf(10) ** -18 * max(1, abs(slope)), (target, output)


# ---------------------------------------------------------------- PyTorch, function by function


#: PyTorch's own slope has single precision here: its 1/6 is a float32 also in float64.
SINGLE = {"hard_sigmoid": 1e-7}


def in_torch(entry: Any, **names: Any) -> Any:
    """What the entry says is the same in PyTorch, evaluated."""
    torch = require("torch")
    scope = {"torch": torch, "F": torch.nn.functional, **settings(entry), **names}
    return eval(entry.torch, scope)


@pytest.mark.parametrize("entry", [e for e in FUNCTIONS if e.torch], ids=lambda e: e.name)
def test_activations_are_pytorchs_in_value_and_gradient(entry):
    """f and f' equal PyTorch's; at each kink the convention is the value autograd takes there."""
    torch = require("torch")
    at = [*points(entry)]
    x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    y = in_torch(entry, x=x)
    y.sum().backward()
    for i, point in enumerate(at):
        u = mpmath.mpf(point)
        value = numeric(entry.formula, x=u, **exactly(entry))
        slope = numeric(prime_text(entry), x=u, y=value, **exactly(entry))
        assert float(y[i].detach()) == pytest.approx(float(value), rel=1e-12, abs=1e-13)
        assert float(x.grad[i]) == pytest.approx(float(slope), rel=SINGLE.get(entry.name, 1e-10), abs=1e-12)
    for point, slope in kinks(entry):
        kink = torch.tensor([float(plain(point))], dtype=torch.float64, requires_grad=True)
        in_torch(entry, x=kink).sum().backward()
        assert float(kink.grad[0]) == pytest.approx(float(plain(slope)), rel=1e-12, abs=1e-12), point


def test_what_pytorch_has_is_compared():
    """Only two activations are not PyTorch's, and every loss names its counterpart."""
    assert [e.name for e in activations if not e.torch] == ["binary_step", "gaussian"]
    assert [e.name for e in losses if not e.torch] == []


@pytest.mark.parametrize("entry", LOSSES, ids=lambda e: e.name)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_losses_are_pytorchs_in_value_and_gradient(entry, n):
    """E and ∂E/∂o of one sample equal PyTorch's with the reduction that the entry names."""
    torch = require("torch")
    if entry.through and n == 1:
        n = 2
    source = random.Random(n)
    targets = [source.uniform(0.1, 0.9) for _ in range(n)]
    if entry.targets == "distribution":
        targets = [t / sum(targets) for t in targets]
    if entry.targets == "sign":
        targets = [source.choice((-1.0, 1.0)) for _ in range(n)]
    outputs = [source.uniform(0.05, 0.95) for _ in range(n)]
    o = torch.tensor(outputs, dtype=torch.float64, requires_grad=True)
    t = torch.tensor(targets, dtype=torch.float64)
    error = in_torch(entry, o=o, t=t)
    error.sum().backward()
    network = Network.dense([1, n], "identity", entry.name, "none")
    graph = dense(network)
    # Each output is its own weight times 1, so ∂E/∂w is ∂E/∂o.
    leaves = {"x1": 1.0}
    leaves.update({f"w{k},1" if k > 9 else f"w{k}1": v for k, v in enumerate(outputs, 1)})
    leaves.update({f"y_t{k}": v for k, v in enumerate(targets, 1)})
    about = backprop_of(network)
    oracle = Oracle(graph, about.meanings, leaves)
    assert oracle.number(graph.error) == pytest.approx(float(error.sum()), rel=1e-11)
    for k, parameter in enumerate(graph.parameters):
        derived = oracle.number(about.results[parameter].folded.rhs)
        assert derived == pytest.approx(float(o.grad[k]), rel=1e-9, abs=1e-12)


def backprop_of(network: Network) -> Any:
    """The derivation of all parameters, unverified: at a loss's own domain it is judged here."""
    from backprop_symbolic.backprop import backprop

    graph = dense(network)
    return backprop(graph, graph.parameters)


# ---------------------------------------------------------------- PyTorch, whole networks

WHOLE = [
    Network.dense([2, 3, 2], ["tanh", "softmax"], "categorical_cross_entropy", "node"),
    Network.dense([2, 3, 3], ["gelu", "identity"], "softmax_cross_entropy", "layer"),
    Network.dense([3, 4, 3, 2], ["softmax", "silu", "softmax"], "half_sse"),
    Network.dense([2, 3, 2], ["mish", "softmax"], "kl_div", "none"),
    Network.dense([2, 3, 2], ["sigmoid", "sigmoid"], "half_sse", "node", "0.1", "0.01"),
    Network.dense([2, 2, 3], ["elu(alpha=0.5)", "softmax"], "categorical_cross_entropy", "fixed", l2="1/4"),
    Network.dense([2, 1], "softplus(beta=2)", "huber(delta=0.2)", l1="0.05"),
]


@pytest.mark.parametrize("network", WHOLE, ids=lambda n: f"{n.title} {n.activations[-1]} {n.loss}")
def test_whole_networks_against_autograd(network):
    """Every ∂E/∂w of the verified derivation equals autograd's, penalties and softmax included."""
    torch = require("torch")
    found = derive(network, "all").derivation
    graph = found.graph
    oracle = Oracle(graph, found.meanings, seed=3)
    leaf = {
        s: torch.tensor(oracle.leaf(s).real, dtype=torch.float64)
        for s, q in graph.quantities.items()
        if not q.definition
    }
    for s, value in graph.values.items():
        oracle.leaves[s.name] = settings_of(value)
        leaf[s] = torch.tensor(settings_of(value), dtype=torch.float64)
    oracle = Oracle(graph, found.meanings, oracle.leaves)
    for p in graph.parameters:
        leaf[p].requires_grad_(True)
    autograd(network, graph, leaf).backward()
    for p in graph.parameters:
        derived = oracle.number(found.results[p].folded.rhs)
        assert derived == pytest.approx(float(leaf[p].grad), rel=1e-8, abs=1e-11), p


def settings_of(text: str) -> float:
    from backprop_symbolic.registry import exact

    return float(exact(text))


def autograd(network: Network, graph: Any, leaf: dict[Symbol, Any]) -> Any:
    """The error of the same network by PyTorch: matrices from the same leaves."""
    torch = require("torch")
    by_role = {
        role: [s for s, q in graph.quantities.items() if q.role == role] for role in ("input", "target")
    }
    y = torch.stack([leaf[s] for s in by_role["input"]])
    weights = [q for q in graph.quantities.values() if q.naming == "weight"]
    for layer, name in enumerate(network.activations, 1):
        nets = []
        for j in range(1, network.sizes[layer] + 1):
            row = torch.stack(
                [leaf[q.symbol] for q in weights if q.place.layer == layer and q.place.index == j]
            )
            nets.append(row @ y + bias(network, graph, leaf, layer, j))
        net = torch.stack(nets)
        y = torch.softmax(net, -1) if name == "softmax" else in_torch(activations.get(name), x=net)
    t = torch.stack([leaf[s] for s in by_role["target"]])
    error = in_torch(losses.get(network.loss), o=y, t=t)
    flat = torch.stack([leaf[q.symbol] for q in weights])
    if network.l1:
        error = error + settings_of(network.l1) * flat.abs().sum()
    if network.l2:
        error = error + settings_of(network.l2) / 2 * (flat**2).sum()
    return error


def bias(network: Network, graph: Any, leaf: dict[Symbol, Any], layer: int, index: int) -> Any:
    if network.bias in ("1", "none"):
        return float(network.bias == "1")
    return next(
        leaf[q.symbol]
        for q in graph.quantities.values()
        if q.naming == f"bias_{network.bias}" and q.place.layer == layer and q.place.index in (0, index)
    )


# ---------------------------------------------------------------- random networks


@given(networks(), st.integers(0, 2**16))
def test_any_network_is_derived_and_every_step_holds(network, seed):
    """Whatever is drawn: all steps verify, and ∂E/∂w equals a complex step through the forward pass."""
    found = derive(network, "all").derivation
    assert all(step.evidence is not None for step in found.steps)
    oracle = Oracle(found.graph, found.meanings, seed=seed, spread=0.9)
    for w, result in found.results.items():
        try:
            derived, measured = oracle.number(result.folded.rhs), oracle.number(Partial(found.graph.error, w))
        except NoValue:
            continue
        assert not differ(derived, measured), w


@pytest.mark.parametrize("name", ["categorical_cross_entropy", "softmax_cross_entropy", "kl_div"])
@pytest.mark.parametrize("weight", ["w31", "w11", "all"])
@pytest.mark.parametrize("detail", ["brief", "normal", "full"])
def test_softmax_with_cross_entropy_ends_in_output_minus_target(name, weight, detail):
    """δ_k = y_k - t_k is derived: by the two cases of the Jacobian and Σt = 1, stated first."""
    last = "identity" if name == "softmax_cross_entropy" else "softmax"
    found = derive(Network.dense([2, 2, 2], ["sigmoid", last], name), weight, detail=detail)
    y = "p_o" if name == "softmax_cross_entropy" else "y_o"
    deltas = {str(d): str(v) for d, v in found.deltas.items()}
    assert deltas["delta_o1"] == f"{y}1 - y_t1"
    keys = [key for key, _ in found.derivation.hypotheses]
    assert "targets_sum" in keys
    used = [step.rule.key for step in found.steps]
    assert "hypothesis" in used
    assert used.index("through_softmax") < used.index("hypothesis")


def test_the_hypothesis_on_the_targets_is_needed():
    """Without Σt = 1 the last step of the folding is refused: nothing is assumed silently."""
    from dataclasses import replace

    from backprop_symbolic.errors import Unverified

    found = derive(
        Network.dense([2, 2, 3], ["sigmoid", "softmax"], "categorical_cross_entropy"), "w31"
    ).derivation
    free = replace(found, graph=replace(found.graph, constraints={}))
    with pytest.raises(Unverified, match=r"\(hypothesis\)"):
        verify(free)


def test_another_loss_after_a_softmax_keeps_its_sum_over_paths():
    """½Σ(t-o)² after a softmax does not fold, and needs no hypothesis on the targets."""
    found = derive(Network.dense([2, 2, 2], ["sigmoid", "softmax"]), "w31")
    assert "targets_sum" not in [key for key, _ in found.derivation.hypotheses]
    assert found.graph.constraints == {}
    assert {str(s) for s in found.gradient.free_symbols} == {"y_o1", "y_o2", "y_t1", "y_t2", "y_h1"}


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_penalties_add_their_share_to_the_gradient(size):
    """∂E/∂w = δ·y + λ₂w, and + λ₁ sgn(w); a bias gets none."""
    network = Network.dense([2, size, 2], l2="0.01", bias="node")
    plainly = derive(Network.dense([2, size, 2], bias="node"), "all").gradients
    found = derive(network, "all")
    for w, gradient in found.gradients.items():
        share = gradient - found.derivation.results[w].folded.rhs.args[0].doit() if w.name[0] == "w" else None
        if share is None:
            assert not gradient.has(Symbol("lambda2"))
            assert w in plainly
        else:
            assert plain(found.derivation.results[w].folded.rhs.args[1]) == Symbol("lambda2") * w


def test_the_work_for_penalties_grows_with_the_number_of_weights():
    """Steps per weight do not depend on how many weights there are."""
    counts = [len(derive(Network.dense([n, n, n], l1=1, l2=1), "all").steps) / (2 * n * n) for n in (4, 8)]
    assert math.isclose(*counts, rel_tol=0.3)
