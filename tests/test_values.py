"""Numbers for a graph: every format read, every misfit refused with its place."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_symbolic import Network, read
from backprop_symbolic.errors import BackpropError, BadValues, UnknownName
from backprop_symbolic.graph import dense
from backprop_symbolic.numeric.values import (
    Source,
    evaluate,
    example,
    examples,
    load,
    parse_set,
    random_values,
    resolve,
    stated,
)

GRAPH = dense(Network.dense([2, 2, 2], bias="fixed"))
NUMBERS = {
    "x1": 0.05, "x2": 0.1, "y_t1": 0.01, "y_t2": 0.99, "b1": 0.35, "b2": 0.6, "w11": 0.15, "w12": 0.2,
    "w21": 0.25, "w22": 0.3, "w31": 0.4, "w32": 0.45, "w41": 0.5, "w42": 0.55,
}  # fmt: skip
NAMES = list(NUMBERS)
ARRAYS = {
    "inputs": [0.05, 0.1],
    "targets": [0.01, 0.99],
    "weights": [[[0.15, 0.2], [0.25, 0.3]], [[0.4, 0.45], [0.5, 0.55]]],
    "biases": [0.35, 0.6],
    "learning_rate": 0.5,
}


def toml(table: dict[str, object]) -> str:
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in table.items())


def yaml(table: dict[str, object]) -> str:
    return "\n".join(f"{name}: {json.dumps(value)}" for name, value in table.items())


def csv(table: dict[str, object]) -> str:
    return "name,value\n" + "\n".join(f"{name},{value}" for name, value in table.items())


WRITERS = {"toml": toml, "yaml": yaml, "json": json.dumps, "csv": csv}


def written(tmp_path, text: str, suffix: str):
    path = tmp_path / f"values.{suffix}"
    path.write_text(text, encoding="utf-8")
    return path


def named(values) -> dict[str, float]:
    return {s.name: n for s, n in values.numbers.items()}


# ---------------------------------------------------------------- what is read


@pytest.mark.parametrize("suffix", WRITERS)
def test_each_format_gives_the_same_numbers(suffix, tmp_path):
    """Names with numbers, in TOML, YAML, JSON and CSV."""
    text = WRITERS[suffix]({**NUMBERS, "eta": 0.5})
    values = resolve(GRAPH, [load(written(tmp_path, text, suffix))])
    assert named(values) == {**NUMBERS, "eta": 0.5}


@pytest.mark.parametrize("suffix", ["toml", "yaml", "json"])
def test_arrays_give_the_same_numbers(suffix, tmp_path):
    """inputs, targets, weights (a matrix per layer), biases."""
    values = resolve(GRAPH, [load(written(tmp_path, WRITERS[suffix](ARRAYS), suffix))])
    assert named(values) == {**NUMBERS, "eta": 0.5}


def test_tables_of_names(tmp_path):
    """[inputs], [parameters] and the like hold names too."""
    path = written(tmp_path, "[inputs]\nx1 = 1\nx2 = 2\n[parameters]\nw11 = 3\n", "toml")
    assert {n: v.value for n, v in load(path).numbers.items()} == {"x1": 1, "x2": 2, "w11": 3}


def test_numbers_keep_every_bit(tmp_path):
    """0.1 + 0.2 and the smallest float come out as they went in."""
    path = written(tmp_path, f"x1 = {0.1 + 0.2!r}\nx2 = 5e-324\n", "toml")
    assert [n.value for n in load(path).numbers.values()] == [0.1 + 0.2, 5e-324]


def test_yaml_numbers_mean_what_they_look_like(tmp_path):
    """1e-3 is no text, 010 no octal, 1:30 no ninety."""
    path = written(tmp_path, "x1: 1e-3\nx2: 010\n", "yaml")
    assert [n.value for n in load(path).numbers.values()] == [0.001, 10.0]
    with pytest.raises(BadValues, match="line 1, column 5: the text '1:30' is not a number"):
        load(written(tmp_path, "x1: 1:30\n", "yaml"))


def test_yaml_runs_nothing_and_expands_nothing(tmp_path):
    """A tag makes no object; a list of a list of a list is refused before it grows."""
    with pytest.raises(BadValues):
        load(written(tmp_path, "x1: !!python/object/apply:os.getcwd []\n", "yaml"))
    bomb = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "\n".join(
        f"{c}: &{c} [{','.join([f'*{b}'] * 9)}]" for b, c in zip("abcdefgh", "bcdefghi", strict=True)
    )
    with pytest.raises(BadValues):
        load(written(tmp_path, bomb, "yaml"))
    with pytest.raises(BadValues):
        load(written(tmp_path, "inputs: &a [*a]\n", "yaml"))


def test_later_sources_win():
    values = resolve(
        GRAPH, [example("mazur"), parse_set("x1=0.5"), parse_set("w_{31}=2"), parse_set("eta=1")]
    )
    assert (named(values)["x1"], named(values)["w31"], named(values)["eta"]) == (0.5, 2.0, 1.0)
    assert values.origins[next(s for s in GRAPH.quantities if s.name == "x1")] == "--set x1=0.5"


def test_samples(tmp_path):
    """A CSV file with a row of names, and arrays of arrays; the weights come from elsewhere."""
    rows = load(written(tmp_path, "x1,x2,y_t1,y_t2\n1,2,0,1\n3,4,1,0\n", "csv"))
    values = resolve(GRAPH, [example("mazur"), rows])
    assert [sorted((s.name, n) for s, n in row.items()) for row in values.samples][1] == [
        ("x1", 3.0), ("x2", 4.0), ("y_t1", 1.0), ("y_t2", 0.0),
    ]  # fmt: skip
    assert named(values.at(2))["x1"] == 3.0
    with pytest.raises(BadValues, match="no sample 3: there are 2"):
        values.at(3)
    arrays = written(tmp_path, "inputs = [[1, 2], [3, 4]]\ntargets = [[0, 1], [1, 0]]\n", "toml")
    assert resolve(GRAPH, [example("mazur"), load(arrays)]).samples == values.samples


# ---------------------------------------------------------------- drawn


def test_a_seed_draws_the_same_each_time_and_names_apart():
    """The same seed, the same numbers; giving one changes no other."""
    first = named(resolve(GRAPH, [], seed=7))
    assert first == named(resolve(GRAPH, [], seed=7)) != named(resolve(GRAPH, [], seed=8))
    assert {**first, "x1": 9.0} == named(resolve(GRAPH, [parse_set("x1=9")], seed=7))


@pytest.mark.parametrize(
    "network",
    [
        Network.dense([2, 3, 3], ["relu", "softmax"], "categorical_cross_entropy"),
        Network.dense([2, 2, 2], loss="binary_cross_entropy"),
        Network.dense([2, 2, 2], "relu", "kl_div"),
        Network.dense([1, 2, 1], "tanh", "hinge", "node", l1="0.1", l2="0.2"),
    ],
    ids=lambda n: n.loss,
)
def test_drawn_values_are_in_the_domain(network):
    """Targets that add up to 1 where they must; penalties as the network states them."""
    graph = dense(network)
    values = resolve(graph, [], seed=1)
    assert all(math.isfinite(n) for n in evaluate(graph, values.numbers).values())
    for symbol, text in graph.values.items():
        assert values[symbol] == float(text)
    if graph.constraints:
        assert math.isclose(sum(n for s, n in values.numbers.items() if graph[s].role == "target"), 1)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "suffix", "said"),
    [
        ('x1 = "a"', "toml", "'x1': the text 'a' is not a number"),
        ("x1 = true", "toml", "'x1': the truth value true is not a number"),
        ("x1 = nan", "toml", "'x1': NaN; every value must be a finite number"),
        ("x1 = inf", "toml", "'x1': a number too large or infinite; every value"),
        (f"x1 = {'9' * 400}", "toml", "'x1': a number too large or infinite"),
        ("x1 = 1\nx1 = 2", "toml", "is not TOML: Cannot overwrite a value"),
        ("x1 = ", "toml", "is not TOML: Invalid value (at end of document)"),
        ("x1 = [1]", "toml", "'x1': a list is not a number"),
        ("x1 = 2020-01-01", "toml", "'x1': date '2020-01-01' is not a number"),
        ("network = 3", "toml", "'network': int '3' where text is expected"),
        ('{"x1": 1, "x1": 2}', "json", "'x1': 'x1' is given twice, first at"),
        ('{"x1": NaN}', "json", "'x1': NaN"),
        ('{"x1": null}', "json", "'x1': nothing is not a number"),
        ("[1, 2]", "json", "a values file is a table of names and numbers"),
        ("{", "json", "is not JSON"),
        pytest.param("[" * 100_000, "json", "nested too deeply", id="deep"),
        ("x1: 1\nx1: 2\n", "yaml", "line 2, column 5: 'x1' is given twice, first at"),
        ("x1: .nan\n", "yaml", "line 1, column 5: the text '.nan' is not a number"),
        ("", "yaml", "is empty"),
        ("? [a]\n: 1\n", "yaml", "a key is a name"),
        ("x1: [", "yaml", "is not YAML"),
        ("name,value\nx1,1\nx1,2\n", "csv", "line 3, column 2: 'x1' is given twice"),
        ("name,value\nx1,1,2\n", "csv", "line 2: 3 cells; a row is name,value"),
        ("name,value\nx1,abc\n", "csv", "line 2, column 2: the text 'abc' is not a number"),
        ("x1,x2,y_t1\n1,2\n", "csv", "line 2: 2 cells for 3 names"),
        ("x1,x1,y_t1\n1,2,3\n", "csv", "line 1, column 2: 'x1' names two columns"),
        ("x1,x2,y_t1\n", "csv", "has names but no sample"),
        ("", "csv", "is empty"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(text, suffix, said, tmp_path, monkeypatch):
    """File and key, or line and column, and what is wrong there."""
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path, text, suffix)
    with pytest.raises(BadValues) as refused:
        load(path.name)
    assert path.name in str(refused.value)
    assert said in str(refused.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(BadValues, match="No such file"):
        load(tmp_path / "missing.toml")
    with pytest.raises(BadValues, match=r"must end in .toml, .yaml, .json or .csv"):
        load(written(tmp_path, "x1 = 1", "txt"))
    path = tmp_path / "latin.toml"
    path.write_bytes(b"x1 = 1 # \xff")
    with pytest.raises(BadValues, match=r"is not UTF-8 text \(byte 9\)"):
        load(path)


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ([], "no value for inputs x1 x2; targets y_t1 y_t2; constants b1 b2; parameters w11 w12 w21 w22 w31 w32 w41 w42: "
         "give them in the values file or by --set x1=0.5, or draw them with --seed 7"),
        (["x9=1"], "--set x9=1: no quantity 'x9' in a 2-2-2 network."),
        (["net_1=1"], "--set net_1=1: 'net_1' is computed in a 2-2-2 network; only leaves have values"),
        (["x1=a"], "--set x1=a: the text 'a' is not a number"),
        (["x1=inf"], "--set x1=inf: a number too large or infinite"),
        (["x1"], "--set 'x1' is not NAME=NUMBER, e.g. x1=0.05"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_network(sources, said):
    with pytest.raises(BadValues) as refused:
        resolve(GRAPH, [parse_set(text) for text in sources])
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inputs": [1]}, "'inputs': 1 given, 2 needed (inputs)"),
        ({"weights": [[[1, 2], [3, 4]]]}, "'weights': 1 given, 2 needed (layers of a 2-2-2 network)"),
        (
            {"weights": [[[1, 2]], [[1, 2], [3, 4]]]},
            "'weights', layer 1: 1 given, 2 needed (rows, one for each unit)",
        ),
        (
            {"weights": [[[1, 2], [3]], [[1, 2], [3, 4]]]},
            "'weights', layer 1, row 2: 1 given, 2 needed (weights)",
        ),
        ({"biases": [0.35]}, "'biases': 1 given, 2 needed (layers of a 2-2-2 network)"),
        ({"x1": 2}, "'inputs[1]': 'x1' is given twice, first at"),
    ],
)
def test_arrays_of_a_wrong_shape(change, said, tmp_path):
    """Which layer, which row, how many are needed."""
    path = written(tmp_path, json.dumps({**ARRAYS, **change}), "json")
    with pytest.raises(BadValues) as refused:
        resolve(GRAPH, [load(path)])
    assert said in str(refused.value)


def test_a_number_out_of_a_domain_is_named():
    """log 0: the quantity, its formula and the numbers in it."""
    graph = read("parameters w\na = w*x1\nE = log(a)\n")
    with pytest.raises(
        BadValues, match=r"E = ln\(a\) has no value at a = 0: the logarithm of a number that is not positive"
    ):
        resolve(graph, [parse_set("w=0"), parse_set("x1=1")])
    graph = dense(Network.dense([1, 2], "relu", "categorical_cross_entropy", "none"))
    with pytest.raises(BadValues, match=r"E_o1 = .* has no value at y_t1 = 0.5, y_o1 = 0: the logarithm"):
        resolve(graph, [parse_set(t) for t in ("x1=1", "w11=-1", "w21=1", "y_t1=0.5", "y_t2=0.5")])
    graph = dense(Network.dense([1, 2], "softmax", "categorical_cross_entropy", "none"))
    given = [parse_set(t) for t in ("x1=1", "w11=-1", "w21=1", "y_t1=0.5")]
    assert named(resolve(graph, given))["y_t2"] == 0.5
    with pytest.raises(
        BadValues, match=r"--set y_t2=0.7: y_t2 = 0.7, but y_t2 = 1 - y_t1 = 0.5: the targets are"
    ):
        resolve(graph, [*given, parse_set("y_t2=0.7")])


def test_a_penalty_is_what_the_network_states():
    graph = dense(Network.dense([1, 1], l2="0.1"))
    rate = next(iter(graph.values))
    with pytest.raises(BadValues, match=f"'{rate.name}' is 0.1 in a 1-1 network, not 0.2"):
        resolve(graph, [parse_set(f"{rate.name}=0.2")], seed=1)


# ---------------------------------------------------------------- what files state of the network


def test_options_win_and_contradictions_are_told(tmp_path):
    first = load(written(tmp_path, 'network = "2-2-2"\nbias = "node"\n', "toml"))
    chosen, notes = stated([example("mazur"), first], {"network": "2-3-2", "loss": None})
    assert (chosen["network"], chosen["bias"], chosen["notation"], chosen["loss"]) == (
        "2-3-2",
        "node",
        "mazur",
        None,
    )
    assert len(notes) == 2
    assert notes[1].startswith("--network 2-3-2 is used, not ")
    with pytest.raises(BadValues, match="is a graph: 'network' is about networks"):
        stated([example("micrograd")], {"network": "2-2-2", "graph": None})


@pytest.mark.parametrize("name", examples())
def test_every_example_states_its_source(name):
    source = example(name)
    assert source.address.startswith("https://")
    assert {"network", "graph"} & set(source.settings)


def test_an_unknown_example_is_named():
    with pytest.raises(UnknownName, match=r"no example 'mazurr'.*Did you mean 'mazur'"):
        example("mazurr")


# ---------------------------------------------------------------- hostile text


@given(st.text(max_size=60), st.sampled_from(["toml", "yaml", "json", "csv"]))
def test_any_text_is_values_or_refused_in_one_line(tmp_path_factory, text, suffix):
    path = tmp_path_factory.mktemp("hostile") / f"v.{suffix}"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        source = load(path)
    except BackpropError as error:
        assert "\n" not in str(error)
    else:
        assert isinstance(source, Source)


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TREE = st.recursive(
    LEAF,
    lambda t: (
        st.lists(t, max_size=3) | st.dictionaries(st.sampled_from([*NAMES, *ARRAYS, "z"]), t, max_size=4)
    ),
    max_leaves=12,
)


@given(TREE)
def test_any_json_is_values_or_refused_in_one_line(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("tree") / "v.json"
    path.write_text(json.dumps(tree), encoding="utf-8")
    try:
        values = resolve(GRAPH, [load(path)], seed=1)
    except BackpropError as error:
        assert "\n" not in str(error)
    else:
        assert all(math.isfinite(n) for n in values.numbers.values())


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_typed_is_the_number_read(number):
    assert parse_set(f"x1={number!r}").numbers["x1"].value == number


@given(st.integers())
def test_every_seed_draws(seed):
    assert len(random_values(GRAPH, seed).numbers) == len(NAMES) + 1
