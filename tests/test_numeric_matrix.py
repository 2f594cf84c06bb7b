"""The matrix form: one pattern per layer read off the steps, NumPy in place."""

from __future__ import annotations

import dataclasses
import random
import tracemalloc

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from programs import close, networks, points, torch_gradient
from sympy import Expr, Symbol
from tools import require

from backprop_symbolic import Network, derive, read
from backprop_symbolic.activations import activations
from backprop_symbolic.algebra import mul, neg
from backprop_symbolic.errors import NoMatrixForm, UnknownName
from backprop_symbolic.graph import dense
from backprop_symbolic.losses import losses
from backprop_symbolic.numeric.compile import (
    arrays,
    compile_matrix,
    compile_scalar,
    matrix_of,
    scalars,
)
from backprop_symbolic.numeric.inplace import Emitter
from backprop_symbolic.numeric.layers import NET, OUT, pattern, small
from backprop_symbolic.numeric.stable import stable
from backprop_symbolic.spec import BIAS_MODES

np = require("numpy")


def derived(network):
    return derive(network, "all").derivation


# ---------------------------------------------------------------- the numbers


@given(networks(), st.integers(0, 10**6), st.integers(1, 4))
def test_matrix_is_scalar_is_pytorch(network, seed, samples):
    """A batch's mean error and gradients = the means of the scalar form's = those of autograd, to 1e-9."""
    torch = require("torch")
    derivation = derived(network)
    graph = derivation.graph
    assume(_has_pattern(derivation))
    single, batch = compile_scalar(derivation), matrix_of(derivation)
    here = points(graph, seed)
    rows = [points(graph, seed + i) for i in range(1, samples + 1)]
    p = [here[n] for n in single.parameters]
    c = [here[n] for n in single.constants]
    xs = [[row[n] for n in single.inputs] for row in rows]
    ts = [[row[n] for n in single.targets] for row in rows]
    try:
        each = [dict(zip(("E", *single.derived), (e, *g), strict=True))
                for e, g in (single.gradient(p, x, t, c) for x, t in zip(xs, ts, strict=True))]  # fmt: skip
    except (ValueError, ZeroDivisionError):
        assume(False)
    error, slopes = batch.gradient(arrays(graph, p), np.array(xs), np.array(ts), c)
    assert close(error, sum(e["E"] for e in each) / samples)
    for w, slope in zip(graph.parameters, scalars(graph, slopes), strict=True):
        assert close(slope, sum(e[w.name] for e in each) / samples)
    if samples == 1:
        leaves = {**here, **{n: rows[0][n] for n in (*single.inputs, *single.targets)}}
        torch_error, torch_slopes = torch_gradient(torch, graph, leaves)
        assert close(error, torch_error)
        assert all(
            close(s, torch_slopes[w.name])
            for w, s in zip(graph.parameters, scalars(graph, slopes), strict=True)
        )


def _has_pattern(derivation):
    pattern(derivation)  # every dense network of these activations and losses has one
    return True


@given(networks(), st.integers(0, 10**6))
def test_step_changes_the_arrays_in_place(network, seed):
    """step gives w - η·∂E/∂w for every weight, in the very arrays it was given."""
    derivation = derived(network)
    graph, batch = derivation.graph, matrix_of(derivation)
    source = np.random.default_rng(seed)
    p = arrays(graph, source.uniform(-1, 1, len(graph.parameters)))
    c = source.uniform(-1, 1, len(batch.constants))
    X, T = source.uniform(-1, 1, (3, network.sizes[0])), source.uniform(0, 1, (3, network.sizes[-1]))
    error, slopes = batch.gradient(p, X, T, c)
    assume(np.isfinite(error))
    wanted = [w - 0.3 * g for w, g in zip(p, slopes, strict=True)]
    same, new = batch.step(p, X, T, 0.3, c)
    assert same == error and all(a is b for a, b in zip(new, p, strict=True))
    assert all(np.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in zip(p, wanted, strict=True))


@pytest.mark.parametrize("activation", [*activations.names()])
def test_every_activation_in_place(activation):
    """f into another buffer, f in place of net, and f' times what stands there: the scalar form's numbers."""
    derivation = derived(Network.dense([2, 3, 2], activation, bias="node"))
    matrix_of(derivation)  # compares the two forms


@pytest.mark.parametrize("loss", losses.names())
@pytest.mark.parametrize("outputs", [1, 2])
def test_every_loss(loss, outputs):
    """One output, where E is its error, and several, where E is a sum."""
    if losses.get(loss).through:
        outputs += 1  # a softmax of one output is the constant 1
    compile_matrix(Network.dense([2, outputs], "sigmoid", loss))


def test_float32_is_close_to_float64():
    """The same numbers to about seven digits, in arrays of float32 throughout."""
    network = Network.dense([3, 4, 2], ["tanh", "sigmoid"], bias="node")
    wide, narrow = compile_matrix(network), compile_matrix(network, "float32")
    X, T = np.random.default_rng(1).random((5, 3)), np.random.default_rng(2).random((5, 2))
    p = wide.functions["initial"](3)
    p32 = narrow.functions["initial"](3)
    error, slopes = wide.gradient(p, X, T)
    error32, slopes32 = narrow.gradient(p32, X, T)
    assert error32 == pytest.approx(error, rel=1e-5)
    for a, b in zip(slopes, slopes32, strict=True):
        assert b.dtype == np.float32 and np.allclose(a, b, rtol=1e-3, atol=1e-6)
    with pytest.raises(UnknownName, match=r"no dtype 'float16'\. Known: float64 float32"):
        compile_matrix(network, "float16")


def test_values_by_name():
    """values gives net, y, δ of each layer and E; δ is that of the mean error."""
    derivation = derived("2-2-2")
    single, batch = compile_scalar(derivation), matrix_of(derivation)
    p, x, t = [0.1 * i for i in range(8)], [0.5, 0.2], [0.0, 1.0]
    one = single.values(p, x, t)
    found = batch.values(arrays(derivation.graph, p), [x], [t])
    assert found["E"] == pytest.approx(one["E"])
    assert found["y1"][0] == pytest.approx([one["y_h1"], one["y_h2"]])
    assert found["delta2"][0] == pytest.approx([one["delta_o1"], one["delta_o2"]])
    assert set(batch.forward(arrays(derivation.graph, p), [x])) == {"net1", "y1", "net2", "y2"}


@pytest.mark.parametrize("bias", BIAS_MODES)
def test_weights_by_name_and_in_arrays(bias):
    """arrays and scalars are each other's inverse; W has w_ji in row j, column i."""
    graph = dense(Network.dense([2, 3, 2], bias=bias))
    values = [random.Random(0).random() for _ in graph.parameters]
    packed = arrays(graph, values)
    assert scalars(graph, packed) == tuple(values)
    table = dict(zip([w.name for w in graph.parameters], values, strict=True))
    assert packed[0][2, 1] == table["w32"] and packed[0].shape == (3, 2)


# ---------------------------------------------------------------- read off the steps


def damaged(derivation, change, only=None):
    """The derivation with δ of the hidden layer (or of one unit) changed."""
    definitions = {
        d: dataclasses.replace(s, rhs=change(s.rhs))
        if d.name.startswith("delta_h") and only in (None, d.name)
        else s
        for d, s in derivation.definitions.items()
    }
    return dataclasses.replace(derivation, definitions=definitions)


def test_a_wrong_step_gives_a_wrong_matrix():
    """A sign flipped in every δ of a layer is in the pattern, and in the numbers."""
    right = derived(Network.dense([2, 3, 2], bias="node"))
    good, bad = matrix_of(right), matrix_of(damaged(right, neg))
    p = good.functions["initial"](1)
    X, T = np.ones((1, 2)), np.zeros((1, 2))
    for name, a, b in zip(good.parameters, good.gradient(p, X, T)[1], bad.gradient(p, X, T)[1], strict=True):
        assert np.array_equal(b, -a if name.endswith("1") else a)


def _without_last_term(rhs: Expr) -> Expr:
    total, *rest = rhs.args
    return mul(type(total)(*total.args[:-1], evaluate=False), *rest)


@pytest.mark.parametrize(("change", "only", "message"), [
    (neg, "delta_h2", "have different shapes"),
    (_without_last_term, None, "has δₒ₁ in it"),
    (lambda rhs: mul(rhs, Symbol("x1")), None, "has x₁ in it"),
])  # fmt: skip
def test_steps_without_a_common_pattern_are_refused(change, only, message):
    """What units do not share has no matrix form; the error shows the step."""
    with pytest.raises(NoMatrixForm, match=f"no matrix form: δₕ.*{message}.*use --form scalar"):
        pattern(damaged(derived("2-2-2"), change, only))


@pytest.mark.parametrize("field", ["folded", "update"])
def test_a_weight_whose_step_differs_is_refused(field):
    """∂E/∂w or w(t+1) of one weight that is unlike the others'."""
    right = derived("2-2-2")
    w = Symbol("w11")
    step = getattr(right.results[w], field)
    for change in (lambda e: neg(e), lambda e: mul(e, Symbol("x2"))):
        result = dataclasses.replace(
            right.results[w], **{field: dataclasses.replace(step, rhs=change(step.rhs))}
        )
        with pytest.raises(NoMatrixForm, match="no matrix form: "):
            pattern(dataclasses.replace(right, results={**right.results, w: result}))


def test_what_has_no_layers_is_refused():
    """A graph, and a derivation of some weights only."""
    with pytest.raises(
        NoMatrixForm, match="has no layers: the matrix form is for networks; use --form scalar"
    ):
        pattern(derived(read("h = w*x\nE = (t - h)**2")))
    with pytest.raises(NoMatrixForm, match="needs every weight derived; 'w11' is not"):
        pattern(derive("2-2-2", "w31").derivation)


def test_large_networks_take_the_pattern_of_a_small_one():
    """The program for 784-1024-1024-10 says which network was derived; where E has n, n is kept."""
    assert small(Network.dense([784, 1024, 1024, 10])).title == "2-3-2-3"
    assert small(Network.dense([784, 128, 10], loss="mse")).title == "2-3-10"
    assert small(Network.dense([3, 4, 2])).title == "3-4-2"
    compiled = compile_matrix(Network.dense([50, 40, 12], loss="mse", bias="node"))
    assert "a 2-3-12 network, derived and verified" in compiled.source
    p = compiled.functions["initial"]()
    X, T = np.random.default_rng(0).random((6, 50)), np.random.default_rng(1).random((6, 12))
    error, slopes = compiled.gradient(p, X, T)
    y1 = 1 / (1 + np.exp(-(X @ p[0].T + p[1])))
    y2 = 1 / (1 + np.exp(-(y1 @ p[2].T + p[3])))
    assert error == pytest.approx(((T - y2) ** 2).mean())
    d2 = 2 / 12 * (y2 - T) * y2 * (1 - y2) / 6
    d1 = d2 @ p[2] * y1 * (1 - y1)
    wanted = [d1.T @ X, d1.sum(0), d2.T @ y1, d2.sum(0)]
    assert all(np.allclose(a, b, rtol=1e-9) for a, b in zip(slopes, wanted, strict=True))


# ---------------------------------------------------------------- in place


def test_a_step_makes_no_arrays():
    """With its buffers given, a step allocates less than one layer's activations.

    NumPy itself takes 64 kB for a moment where it adds b to every row.
    """
    network = Network.dense([64, 256, 256, 8], ["silu", "elu", "tanh"], bias="node")
    compiled = compile_matrix(network)
    work, p = compiled.functions["workspace"](128), compiled.functions["initial"]()
    X, T = np.zeros((128, 64)), np.zeros((128, 8))
    step = compiled.functions["step"]
    step(p, X, T, 0.1, (), work)
    tracemalloc.start()
    step(p, X, T, 0.1, (), work)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 70_000 < 128 * 256 * 8


def held(found):
    """Bytes of the arrays, each memory counted once."""
    owners = [a if a.base is None else a.base for a in found]
    return sum({id(a): a.nbytes for a in owners}.values())


def test_memory_of_a_large_step():
    """784-1024-1024-10: parameters and buffers within activations + gradients + twice the parameters."""
    network = Network.dense([784, 1024, 1024, 10], bias="node")
    compiled = compile_matrix(network)
    p, work = compiled.functions["initial"](), compiled.functions["workspace"](256)
    parameters = held(p)
    activations_ = 8 * 256 * sum(2 * n for n in network.sizes[1:])  # net and y of each layer
    assert parameters + held(work) <= activations_ + parameters + 2 * parameters


@given(st.sampled_from(activations.names()), st.sampled_from(["same", "other"]), st.integers(0, 999))
def test_formulas_into_a_buffer_that_they_read(name, where, seed):
    """`into` may write over its own argument; the numbers are those of `into` another buffer."""
    from backprop_symbolic.activations import formula
    from backprop_symbolic.algebra import X, replace

    expr = stable(replace(formula(activations.get(name)), {X: NET}))
    out = "A" if where == "same" else "B"
    emitter = Emitter({NET: "A", OUT: "B"})
    emitter.into(out, expr)
    A = np.random.default_rng(seed).uniform(-3, 3, (2, 3))
    import math

    import oracle

    wanted = np.vectorize(lambda u: oracle.apply(name, u).real)(A)
    scope = {"np": np, "A": A, "B": np.empty_like(A), "erf": np.vectorize(math.erf), "math": math}
    scope |= {f"S{i}": np.empty_like(A) for i in range(1, emitter.scratch + 1)} | {
        "M1": np.empty(A.shape, bool)
    }
    exec("\n".join(emitter.lines), scope)
    assert np.allclose(scope[out], wanted, rtol=1e-12, atol=1e-15)
