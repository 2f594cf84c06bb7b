"""Training: the published figures, numbers = arrays, batches, streams, checkpoints, divergence."""

from __future__ import annotations

import json
import math
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tools import require

from backprop_symbolic import Network, read
from backprop_symbolic.activations import activations
from backprop_symbolic.api import derive
from backprop_symbolic.errors import BadCheckpoint, BadSamples, BadSetting, Diverged, UnknownName
from backprop_symbolic.graph import dense
from backprop_symbolic.numeric import checkpoint, samples, train, values
from backprop_symbolic.numeric.optimizers import optimizers
from backprop_symbolic.numeric.samples import Given
from backprop_symbolic.numeric.session import Request, prepare
from backprop_symbolic.numeric.train import Plan, Trainer

MAZUR = values.example("mazur")
NETWORK = Network.dense([2, 2, 2], bias="fixed")


def mazur(plan=None, **more):
    """The session of the worked example with fixed biases 0.35 and 0.60 and η 0.5."""
    from backprop_symbolic.notation import notation

    return prepare(Request(NETWORK, [MAZUR], plan=plan or Plan(), style=notation("mazur"), **more))


def run(session, steps=None):
    """Trains to the end, or a number of steps."""
    for done in session.trainer.steps():
        if steps is not None and done >= steps:
            break
    return session


@pytest.fixture
def xor(tmp_path):
    path = tmp_path / "xor.csv"
    path.write_text("x1,x2,yt1\n0,0,0.1\n0,1,0.9\n1,0,0.9\n1,1,0.1\n")
    return path


# ---------------------------------------------------------------- published figures


@pytest.mark.parametrize(
    ("sequential", "iterations", "error"),
    [
        (False, 1, "0.2910277737"),
        (False, 10_000, "3.510188e-05"),
        (True, 1, "0.2910279239"),
        (True, 10_000, "3.508479e-05"),
    ],
)
def test_the_worked_example_to_the_printed_digits(sequential, iterations, error):
    """All weights at once, and the output layer first: 2-2-2, fixed biases, η 0.5.

    mattmazur.com/2015/03/17/a-step-by-step-backpropagation-example prints the latter.
    """
    session = run(mazur(Plan(iterations=iterations), sequential=sequential))
    digits = len(error.split("e")[0].lstrip("0.").replace(".", ""))
    assert float(f"{session.trainer.error():.{digits - 1}e}") == float(error)
    assert session.trainer.iteration == iterations


def test_sequential_is_not_the_gradient():
    """Only the layers below the last differ, and they do."""
    plain, first = (run(mazur(Plan(iterations=1), sequential=s)).trainer.parameters for s in (False, True))
    assert plain[4:] == first[4:]
    assert all(a != b for a, b in zip(plain[:4], first[:4], strict=True))


def test_sequential_by_hand():
    """δ_h by the updated weights above it: w1 after one update, worked out here."""
    f = lambda u: 1 / (1 + math.exp(-u))  # noqa: E731
    w = [0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55]
    h = [f(w[0] * 0.05 + w[1] * 0.1 + 0.35), f(w[2] * 0.05 + w[3] * 0.1 + 0.35)]
    o = [f(w[4] * h[0] + w[5] * h[1] + 0.6), f(w[6] * h[0] + w[7] * h[1] + 0.6)]
    d = [(y - t) * y * (1 - y) for y, t in zip(o, (0.01, 0.99), strict=True)]
    new = [w[4] - 0.5 * d[0] * h[0], w[6] - 0.5 * d[1] * h[0]]
    slope = (d[0] * new[0] + d[1] * new[1]) * h[0] * (1 - h[0]) * 0.05
    found = run(mazur(Plan(iterations=1), sequential=True)).trainer.parameters[0]
    assert found == pytest.approx(w[0] - 0.5 * slope, rel=1e-15)


# ---------------------------------------------------------------- numbers = arrays = torch


@given(data=st.data())
def test_numbers_and_arrays_train_alike(data):
    """After k updates by any optimiser the scalar and the matrix form agree to 1e-9."""
    require("numpy")
    smooth = [a.name for a in activations if not a.kinks]
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    names = [data.draw(st.sampled_from(smooth)) for _ in sizes[1:]]
    loss = data.draw(st.sampled_from(["half_sse", "sse", "mse", "log_cosh"]))
    network = Network.dense(
        sizes, names, loss, data.draw(st.sampled_from(["1", "none", "layer", "node", "fixed"]))
    )
    draw = random.Random(data.draw(st.integers(0, 2**32)))
    plan = Plan(data.draw(st.sampled_from(optimizers.names())), rate=0.02, batch=3, iterations=8, patience=0)
    graph = dense(network)
    sources = [values.random_values(graph, draw.randrange(10**6))]
    rows = [
        {s.name: values.Number(draw.uniform(0.1, 0.9), "") for s, q in graph.quantities.items()
         if q.role in ("input", "target")}
        for _ in range(5)
    ]  # fmt: skip
    sources.append(values.Source("drawn", samples=tuple(rows)))
    one, other = (
        run(prepare(Request(network, sources, plan=plan, rate=0.02, form=f))) for f in ("scalar", "matrix")
    )
    from backprop_symbolic.numeric.compile import scalars

    assert scalars(graph, other.trainer.parameters) == pytest.approx(
        one.trainer.parameters, rel=1e-9, abs=1e-12
    )
    assert other.trainer.best == pytest.approx(one.trainer.best, rel=1e-9)


@pytest.mark.parametrize("name", optimizers.names())
def test_training_is_that_of_torch(name):
    """The worked example for 60 updates by torch.optim and autograd, error by error."""
    from test_optimizers import torch_optimizer

    torch = require("torch")
    kind = torch.float64
    lower = torch.tensor([[0.15, 0.2], [0.25, 0.3]], dtype=kind, requires_grad=True)
    upper = torch.tensor([[0.4, 0.45], [0.5, 0.55]], dtype=kind, requires_grad=True)
    x, t = torch.tensor([0.05, 0.1], dtype=kind), torch.tensor([0.01, 0.99], dtype=kind)
    optimizer = torch_optimizer(torch, name, [lower, upper], 0.05, {})
    wanted = []
    for _ in range(60):
        optimizer.zero_grad()
        error = 0.5 * ((t - torch.sigmoid(upper @ torch.sigmoid(lower @ x + 0.35) + 0.6)) ** 2).sum()
        wanted.append(error.item())
        error.backward()
        optimizer.step()
    found = []
    session = mazur(Plan(name, iterations=60), rate=0.05)
    for _ in session.trainer.steps(lambda iteration, error, parameters: found.append(error)):
        pass
    assert found == pytest.approx(wanted, rel=1e-12)


def test_float32_is_offered():
    """The matrix form in single precision goes the same way, to single precision."""
    np = require("numpy")
    session = run(mazur(Plan(iterations=200), form="matrix", dtype="float32"))
    assert {p.dtype for p in session.trainer.parameters} == {np.dtype("float32")}
    wanted = run(mazur(Plan(iterations=200))).trainer.error()
    assert session.trainer.error() == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("form", ["scalar", "matrix"])
def test_a_batch_is_the_mean_of_its_samples(form):
    """One update by three samples moves as far as the mean of three separate gradients."""
    derivation = derive(NETWORK, "all").derivation
    xs, ts = ((0.1, 0.9), (0.3, 0.2), (0.5, 0.7)), ((0.2, 0.8), (0.6, 0.1), (0.9, 0.4))
    from backprop_symbolic.numeric.compile import arrays, compile_scalar, scalars

    single = compile_scalar(derivation)
    start, fixed = tuple(0.1 * i for i in range(1, 9)), (0.35, 0.6)
    order = [single.derived.index(name) for name in single.parameters]
    each = [single.gradient(start, x, t, fixed)[1] for x, t in zip(xs, ts, strict=True)]
    wanted = [w - 0.5 * sum(g[i] for g in each) / 3 for w, i in zip(start, order, strict=True)]
    plan = Plan(batch=3, iterations=1)
    if form == "scalar":
        trainer = Trainer(train.scalar_engine(derivation, plan, fixed), Given(xs, ts), plan, start)
        list(trainer.steps())
        found = trainer.parameters
    else:
        require("numpy")
        begun = arrays(derivation.graph, start)
        trainer = Trainer(train.array_engine(NETWORK, plan, fixed), Given(xs, ts), plan, begun)
        list(trainer.steps())
        found = scalars(derivation.graph, trainer.parameters)
    assert found == pytest.approx(wanted, rel=1e-12)


def test_a_graph_trains_in_numbers_only():
    """Any scalar graph; it has no layers, so no matrix form and no order of layers."""
    graph = read("net = w*x + b\nE = 1/2*(t - net)**2\n")
    sources = [values.parse_set(s) for s in ("w=0", "b=0", "x=2", "t=1")]
    session = run(prepare(Request(graph, sources, rate=0.1, plan=Plan(iterations=500))))
    assert session.trainer.error() == pytest.approx(0, abs=1e-20)
    for more, message in (({"form": "matrix"}, "has no layers"), ({"sequential": True}, "has none")):
        with pytest.raises(Exception, match=message):
            prepare(Request(graph, sources, rate=0.1, **more))


# ---------------------------------------------------------------- stopping


def test_stop_at_an_error():
    """The first epoch whose error is at most the bound is the last."""
    session = run(mazur(Plan(until_error=0.1)))
    assert session.trainer.reason == train.UNTIL_ERROR
    assert session.trainer.curve.points[-1][1] <= 0.1 < session.trainer.curve.points[-2][1]


def test_stop_when_the_error_no_longer_falls():
    """A rate far too large lets the error stand still; after `patience` epochs that is enough."""
    graph = read("E = (t - w*x)**2\n")
    sources = [values.parse_set(s) for s in ("w=0", "x=1", "t=1")]
    session = run(prepare(Request(graph, sources, rate=1.0, plan=Plan(patience=7))))
    assert session.trainer.reason == train.PATIENCE
    assert session.trainer.iteration == 8  # w goes 0, 2, 0, …: E is 1 for ever


def test_stop_after_iterations_in_the_middle_of_an_epoch(xor):
    """An iteration is one update: the fifth batch of one is the first of the second epoch."""
    session = run(
        prepare(Request(Network.dense([2, 2, 1]), data=xor, seed=3, rate=0.5, plan=Plan(iterations=5)))
    )
    assert (session.trainer.iteration, session.trainer.epoch, session.trainer.position) == (5, 1, 1)
    assert session.trainer.reason == train.ITERATIONS


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan(iterations=0), "--iterations 0: it must be at least 1"),
        (Plan(batch=0), "--batch 0: it must be at least 1"),
        (Plan(patience=-1), "--patience -1: it must be at least 0"),
        (Plan(until_error=-0.5), "--until-error -0.5: it must be at least 0"),
        (Plan(until_error=math.nan), "--until-error nan: it must be at least 0"),
    ],
)
def test_a_plan_out_of_range_is_refused(plan, message):
    with pytest.raises(BadSetting, match=message):
        mazur(plan)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_a_learning_rate_is_positive(rate):
    with pytest.raises(BadSetting, match="it must be a positive number"):
        mazur(rate=rate)


def test_the_learning_rate_is_never_drawn():
    """A seed draws weights; how fast to learn is the reader's to say."""
    with pytest.raises(BadSetting, match="no learning rate: give --rate"):
        prepare(Request(Network.dense([2, 2, 2]), seed=1))


def test_the_curve_stays_bounded():
    """However long the training, at most MAX_POINTS are kept, evenly."""
    curve = train.Curve()
    for i in range(20_000):
        curve.add(i, 1.0)
    assert len(curve.points) <= train.MAX_POINTS + 1
    assert {b[0] - a[0] for a, b in zip(curve.points, curve.points[1:], strict=False)} == {curve.stride}


# ---------------------------------------------------------------- divergence


@pytest.mark.parametrize("form", ["scalar", "matrix"])
def test_a_number_that_overflows_stops_the_training(form):
    """The iteration and the first quantity that is no number are named."""
    network = Network.dense([1, 1, 1], "identity")
    sources = [values.random_values(dense(network), 5)]
    with pytest.raises(
        Diverged, match=r"^iteration (\d+): \S+ is no longer a finite number.*below 80 may help"
    ):
        run(prepare(Request(network, sources, rate=80.0, form=form)))


def test_the_quantity_is_the_first_that_is_not_finite():
    """exp(1000) overflows in a, not in what is computed from it."""
    graph = read("a = exp(w*x)\nb = a + 1\nE = (t - b)**2\n")
    sources = [values.parse_set(s) for s in ("w=-3", "x=1", "t=5")]
    with pytest.raises(Diverged, match=r"^iteration 2: a is no longer a finite number"):
        run(prepare(Request(graph, sources, rate=1e5)))


def test_a_logarithm_of_zero_stops_the_training():
    """math.log refuses 0: the line of the generated program says which quantity that is."""
    graph = read("a = w*x\nE = (log(a) - t)**2\n")
    sources = [values.parse_set(s) for s in ("w=1", "x=1", "t=-5")]
    with pytest.raises(Diverged, match=r"^iteration 2: \w+ is no longer a finite number \(.*\)"):
        run(prepare(Request(graph, sources, rate=1.0)))


# ---------------------------------------------------------------- samples in a file


def test_names_of_columns_in_any_order(tmp_path):
    """The first row says which column is which."""
    path = tmp_path / "a.csv"
    path.write_text('\ufefft1, x2 ,x1\n1,2,3\r\n"4",5e0, 6 \n', encoding="utf-8")
    found = samples.read(path, ["x1", "x2"], ["t1"])
    assert found.count == 2
    assert list(found.batches(1)) == [([[3.0, 2.0]], [[1.0]]), ([[6.0, 5.0]], [[4.0]])]
    assert list(found.batches(5, skip=1)) == [([[6.0, 5.0]], [[4.0]])]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x1,x2,t1\n1,2,abc\n", "line 2, column 3: 'abc' is not a finite number"),
        ("x1,x2,t1\n1,2,3\n1,nan,3\n", "line 3, column 2: 'nan' is not a finite number"),
        ("x1,x2,t1\n1,,3\n", "line 2, column 2: nothing is not a finite number"),
        ("x1,x2,t1\n1,1e999,3\n", "line 2, column 2: '1e999' is not a finite number"),
        ("x1,x2,t1\n1,2\n", "line 2: 2 cells for 3 names"),
        ("x1,x2,t1\n1,2,3,4\n", "line 2: 4 cells for 3 names"),
        ("x1,x2,t1\n1,2,3\n\n", "line 3: an empty line"),
        ("x1,x2\n1,2\n", "line 1: no column for t1"),
        ("x1,x2,t1,t1\n1,2,3,3\n", "line 1, column 4: 't1' names two columns"),
        ("x1,x2,t1\n", "has names but no sample"),
        ("", "has no first row of names"),
        ('x1,x2,t1\n1,"2,3\n', "line 2: not CSV"),
        (b"x1,x2,t1\n1,2,\xff\n", r"line 2: not UTF-8 text \(byte 5\)"),
    ],
    ids=repr,
)
def test_a_wrong_sample_is_refused_with_its_place(tmp_path, text, message):
    path = tmp_path / "a.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadSamples, match=message):
        samples.read(path, ["x1", "x2"], ["t1"])


def test_an_unknown_column_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x1,x3,t1\n1,2,3\n")
    with pytest.raises(UnknownName, match=r"no input or target 'x3' \(.*line 1, column 2\)"):
        samples.read(path, ["x1", "x2"], ["t1"])


def test_a_file_that_changes_while_it_is_read(tmp_path):
    """Samples that are gone in a later epoch are missed, not passed over."""
    path = tmp_path / "a.csv"
    path.write_text("x1,t1\n1,2\n3,4\n")
    found = samples.read(path, ["x1"], ["t1"])
    path.write_text("x1,t1\n1,2\n")
    with pytest.raises(BadSamples, match="the file was changed while it was used"):
        list(found.batches(1))


def test_a_shuffle_is_the_same_again_and_another_in_each_epoch(tmp_path):
    """Every sample once in every epoch; the order follows from seed and epoch."""
    path = tmp_path / "a.csv"
    path.write_text("x1,t1\n" + "".join(f"{i},{-i}\n" for i in range(50)))
    found = samples.read(path, ["x1"], ["t1"], 9)

    def seen(epoch, skip=0, source=found):
        return [x[0] for xs, _ in source.batches(7, epoch, skip) for x in xs]

    assert sorted(seen(0)) == sorted(seen(1)) == list(range(50))
    assert seen(0) == seen(0) != seen(1)
    assert seen(1, 21) == seen(1)[21:]
    other = samples.read(path, ["x1"], ["t1"], 10)
    assert seen(0, source=other) != seen(0)
    in_memory = Given(tuple((float(i),) for i in range(50)), tuple((float(-i),) for i in range(50)), 9)
    assert seen(1, source=in_memory) == seen(1)


@pytest.mark.parametrize("shuffle", [None, 4])
def test_a_file_larger_than_a_batch_is_never_held(tmp_path, shuffle):
    """A file of 4 MB is read with a small part of that: 16 bytes a row where it is shuffled."""
    path = tmp_path / "large.csv"
    names = [f"x{i}" for i in range(1, 41)]
    row = ",".join(["0.123456789"] * 41)
    path.write_text(",".join([*names, "t1"]) + "\n" + f"{row}\n" * 8_000)
    size = path.stat().st_size
    tracemalloc.start()
    try:
        found = samples.read(path, names, ["t1"], shuffle)
        assert sum(len(xs) for xs, _ in found.batches(16)) == 8_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 3_500_000
    assert peak < size / 8


def test_a_step_holds_activations_gradients_and_parameters_twice():
    """Gradient descent of 784-256-256-10 on arrays: the parameters, and no more besides than is said."""
    np = require("numpy")
    network = Network.dense([784, 256, 256, 10], bias="node")
    plan = Plan(batch=64, iterations=4)
    engine = train.array_engine(network, plan)
    begun = engine.compiled.functions["initial"](0)
    x, t = np.full((64, 784), 0.5), np.full((64, 10), 0.5)
    parameters = sum(p.nbytes for p in begun)
    activations = 2 * 64 * sum(network.sizes[1:]) * 8  # y and δ of each layer
    tracemalloc.start()
    try:
        states = engine.states(begun)
        for number in range(1, 4):
            _, found = engine.look(begun, (x, t))
            begun, states = engine.move(begun, states, found, number)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The parameters were there before: left are their gradients, the activations, and once more as much.
    assert parameters < peak < activations + 2 * parameters


# ---------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("form", ["scalar", "matrix"])
@pytest.mark.parametrize("name", optimizers.names())
def test_going_on_gives_the_same_bits(tmp_path, xor, name, form):
    """Stopped in the middle of a shuffled epoch and gone on with: every number is the same."""
    if form == "matrix":
        require("numpy")
    plan = Plan(name, batch=3, iterations=30, patience=9)
    request = Request(
        Network.dense([2, 2, 1], ["tanh", "sigmoid"], bias="node"),
        data=xor, seed=11, rate=0.1, shuffle=True, form=form, plan=plan,
    )  # fmt: skip
    through = run(prepare(request))
    path = tmp_path / "c.json"
    stopped = run(prepare(request), 13)
    assert stopped.trainer.position == 3
    checkpoint.save(path, stopped.trainer, stopped.about)
    on = prepare(request)
    checkpoint.restore(path, on.trainer, on.about)
    run(on)
    assert on.named(on.trainer.parameters) == through.named(through.trainer.parameters)
    assert on.trainer.best == through.trainer.best
    assert on.trainer.curve == through.trainer.curve
    assert on.trainer.error() == through.trainer.error()
    checkpoint.save(tmp_path / "on.json", on.trainer, on.about)
    checkpoint.save(tmp_path / "through.json", through.trainer, through.about)
    assert (tmp_path / "on.json").read_bytes() == (tmp_path / "through.json").read_bytes()


def test_a_checkpoint_is_json_with_hexadecimal_numbers(tmp_path):
    """Nothing of it is executable, and no decimal rounding touches a number."""
    session = run(mazur(Plan("adam", iterations=3)))
    checkpoint.save(tmp_path / "c.json", session.trainer, session.about)
    data = json.loads((tmp_path / "c.json").read_text())
    assert [float.fromhex(text) for text in data["parameters"]] == list(session.trainer.parameters)
    assert data["iteration"] == 3


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"plan": Plan("adam")}, "its optimizer is 'sgd', here it is 'adam'"),
        ({"rate": 0.25}, "its learning rate is"),
        ({"sequential": True}, "its order of updates is 'all at once', here it is 'sequential'"),
        ({"form": "matrix"}, "its form is 'scalar', here it is 'matrix'"),
        ({"plan": Plan(batch=2)}, "its batch is '1', here it is '2'"),
    ],
    ids=str,
)
def test_a_checkpoint_of_another_training_is_refused(tmp_path, other, what):
    session = run(mazur(Plan(iterations=2)))
    checkpoint.save(tmp_path / "c.json", session.trainer, session.about)
    another = mazur(**other)
    with pytest.raises(BadCheckpoint, match=f"is of another training: {what}"):
        checkpoint.restore(tmp_path / "c.json", another.trainer, another.about)


def test_a_checkpoint_of_other_samples_or_another_network_is_refused(tmp_path):
    session = run(mazur(Plan(iterations=2)))
    checkpoint.save(tmp_path / "c.json", session.trainer, session.about)
    for target, sources, what in (
        (NETWORK, [MAZUR, values.parse_set("i1=0.06")], "samples"),
        (Network.dense([2, 2, 2], "tanh", bias="fixed"), [MAZUR], "network"),
    ):
        from backprop_symbolic.notation import notation

        another = prepare(Request(target, sources, style=notation("mazur")))
        with pytest.raises(BadCheckpoint, match=f"is of another training: its {what} is"):
            checkpoint.restore(tmp_path / "c.json", another.trainer, another.about)


def broken(change):
    def apply(text: str) -> str:
        data = json.loads(text)
        change(data)
        return json.dumps(data)

    return apply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:50], "is not JSON"),
        (lambda text: "[]", "was not written by backprop train --checkpoint"),
        (broken(lambda d: d.update(version=2)), "has version '2', not 1"),
        (broken(lambda d: d.pop("parameters")), "is damaged: KeyError 'parameters'"),
        (broken(lambda d: d["parameters"].pop()), "is damaged: ValueError"),
        (broken(lambda d: d["parameters"].__setitem__(0, "none")), "is damaged: ValueError"),
        (broken(lambda d: d.update(iteration=-1)), "is damaged: ValueError -1 is not a count"),
        (broken(lambda d: d.update(iteration=True)), "is damaged: ValueError True is not a count"),
        (broken(lambda d: d.pop("about")), "does not say what it is of"),
    ],
)
def test_a_broken_checkpoint_is_refused(tmp_path, change, message):
    session = run(mazur(Plan(iterations=2)))
    path = tmp_path / "c.json"
    checkpoint.save(path, session.trainer, session.about)
    path.write_text(change(path.read_text()))
    before = session.trainer.parameters
    with pytest.raises(BadCheckpoint, match=message):
        checkpoint.restore(path, session.trainer, session.about)
    assert session.trainer.parameters == before


# ---------------------------------------------------------------- networks too large to write out


def test_a_large_network_trains_from_a_file(tmp_path):
    """More weights than a derivation carries: weights by the seed, samples streamed, arrays."""
    require("numpy")
    path = tmp_path / "a.csv"
    draw = random.Random(1)
    names = [*(f"x{i}" for i in range(1, 151)), "y_t1", "y_t2"]
    rows = "".join(",".join(f"{draw.random():.3f}" for _ in names) + "\n" for _ in range(6))
    path.write_text(",".join(names) + "\n" + rows)
    network = Network.dense([150, 150, 2], bias="node")
    session = prepare(Request(network, data=path, seed=2, rate=0.5, plan=Plan(batch=3, iterations=40)))
    before = session.trainer.error()
    run(session)
    assert session.trainer.error() < before
    assert session.names == ("W1", "b1", "W2", "b2")


@settings(max_examples=5)
@given(st.integers(0, 2**40))
def test_an_order_is_a_permutation(seed):
    assert sorted(samples.order(30, seed, 2)) == list(range(30))
