"""The forward pass as named quantities: dense networks, and graphs written as text."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Symbol

from backprop_symbolic import Network, derive, read
from backprop_symbolic.activations import activations
from backprop_symbolic.algebra import ONE, Call, Tight, add, symbols
from backprop_symbolic.backprop import backprop
from backprop_symbolic.errors import BackpropError, BadExpression, BadGraph, BadNetwork, UnknownName
from backprop_symbolic.graph import MAX_DEFINITIONS, MAX_EDGES, MAX_FILE, Graph, auto_latex, dense
from backprop_symbolic.losses import losses
from backprop_symbolic.notation import builtin_names, notation
from backprop_symbolic.spec import BIAS_MODES, MAX_LAYERS, MAX_UNITS
from backprop_symbolic.verify import verify


def names(graph: Graph, *roles: str) -> list[str]:
    return [q.symbol.name for q in graph.quantities.values() if q.role in roles]


def S(text: str) -> list[Symbol]:
    return [Symbol(name) for name in text.split()]


# ---------------------------------------------------------------- dense networks


def test_the_lecture_network_has_the_lecture_names():
    """2-2-2: every quantity, its role and its order."""
    graph = dense(Network.dense([2, 2, 2]))
    assert names(graph, "input") == ["x1", "x2"]
    assert names(graph, "target") == ["y_t1", "y_t2"]
    assert names(graph, "parameter") == ["w11", "w12", "w21", "w22", "w31", "w32", "w41", "w42"]
    assert names(graph, "net") == ["net_1", "net_2", "net_3", "net_4"]
    assert names(graph, "activation") == ["y_h1", "y_h2", "y_o1", "y_o2"]
    assert names(graph, "part") == ["E_o1", "E_o2"]
    assert graph.error == Symbol("E")
    assert graph.rate == Symbol("eta")
    assert [d.name for d in graph.deltas.values()] == ["delta_h1", "delta_h2", "delta_o1", "delta_o2"]


def test_the_lecture_network_is_defined_as_in_the_lecture():
    """net_3 = w31 y_h1 + w32 y_h2 + 1, y_o1 = σ(net_3), E = E_o1 + E_o2."""
    graph = dense(Network.dense([2, 2, 2]))
    w31, w32, h1, h2, net3, o1, e1, e2 = S("w31 w32 y_h1 y_h2 net_3 y_o1 E_o1 E_o2")
    assert graph.definition(net3) == add(Tight(w31, h1), Tight(w32, h2), ONE)
    assert graph.definition(o1) == Call(Symbol("sigmoid"), net3)
    assert graph.definition(graph.error) == add(e1, e2)
    with pytest.raises(KeyError, match="w31 is a leaf"):
        graph.definition(w31)


@pytest.mark.parametrize(
    ("style", "weights", "nets"),
    [
        ("lecture", "w11 w12 w21 w22 w31 w32", "net_1 net_2 net_3"),
        ("layered", "w1_11 w1_12 w1_21 w1_22 w2_11 w2_12", "z1_1 z1_2 z2_1"),
        ("mazur", "w1 w2 w3 w4 w5 w6", "net_h1 net_h2 net_o1"),
    ],
)
def test_each_notation_names_the_same_network(style, weights, nets):
    """Names differ, order and structure do not."""
    graph = dense(Network.dense([2, 2, 1]), notation(style))
    assert names(graph, "parameter") == weights.split()
    assert names(graph, "net") == nets.split()


networks = st.builds(
    Network.dense,
    st.lists(st.integers(1, 12), min_size=2, max_size=5),
    st.sampled_from(activations.names()),
    st.sampled_from(losses.names()),
    st.sampled_from(sorted(BIAS_MODES)),
)


@given(networks, st.sampled_from(builtin_names()))
def test_any_dense_network_is_complete_and_in_order(network, style):
    """Names are all different, uses come after definitions, every parameter is found and counted."""
    graph = dense(network, notation(style))
    biases = {"layer": network.layers, "node": sum(network.sizes[1:])}.get(network.bias, 0)
    assert len(graph.parameters) == network.edges + biases
    everything = [*graph.quantities, *graph.deltas.values()]
    assert len({s.name for s in everything}) == len(everything)
    for quantity in graph.quantities.values():
        for name in symbols(quantity.definition) if quantity.definition is not None else ():
            assert graph.order[name] < graph.order[quantity.symbol]
    for parameter in graph.parameters:
        assert graph.parameter(parameter.name) == parameter
        assert graph.consumers[parameter], "feeds nothing"
    for language in ("en", "ko"):
        written = graph.written(language)
        assert set(everything) == set(written)
        assert len(set(written.values())) == len(written), "two quantities look alike"


@pytest.mark.parametrize(
    ("bias", "leaves"),
    [("1", []), ("none", []), ("layer", ["b1", "b2"]), ("node", ["b1", "b2", "b3"]), ("fixed", ["b1", "b2"])],
)
def test_bias_modes(bias, leaves):
    """Which biases there are in 2-2-1, and whether they are trained."""
    graph = dense(Network.dense([2, 2, 1], bias=bias))
    role = "constant" if bias == "fixed" else "parameter"
    assert [n for n in names(graph, role) if n.startswith("b")] == leaves
    net = graph.definition(Symbol("net_1"))
    assert len(net.args) == (2 if bias == "none" else 3)


def test_lecture_numbers_run_on_through_deeper_networks():
    """Nodes are numbered through hidden and output layers; w_{to,from} numbers both so."""
    graph = dense(Network.dense([2, 3, 2, 1]))
    assert names(graph, "net") == [f"net_{i}" for i in range(1, 7)]
    assert names(graph, "activation") == ["y_h1", "y_h2", "y_h3", "y_h4", "y_h5", "y_o1"]
    assert names(graph, "parameter") == [
        "w11",
        "w12",
        "w21",
        "w22",
        "w31",
        "w32",
        "w41",
        "w42",
        "w43",
        "w51",
        "w52",
        "w53",
        "w64",
        "w65",
    ]


def test_two_digits_take_a_comma():
    """w10,3 is to node 10 from 3; w1,11 and w11,1 stay apart."""
    graph = dense(Network.dense([12, 12, 2]))
    assert {"w1,11", "w11,1", "w10,3", "w13,12", "w99"} <= {p.name for p in graph.parameters}
    assert graph.written("en")[Symbol("w10,3")] == "w_{10,3}"


def test_an_ambiguous_name_is_refused_with_its_readings():
    """w111 could be w1,11 or w11,1 where both exist; where one exists, it is found."""
    wide = dense(Network.dense([12, 12, 2]))
    with pytest.raises(
        UnknownName, match=r"^weight 'w111' is ambiguous in a 12-12-2 network: write 'w1,11' or 'w11,1'$"
    ):
        wide.parameter("w111")
    assert dense(Network.dense([11, 2])).parameter("w111") == Symbol("w1,11")


@pytest.mark.parametrize("typed", ["w31", "w_31", "w_{31}", "w3,1", "w_{3,1}", "w 31", "w^{31}", r"w\_31"])
def test_a_name_is_found_as_it_is_usually_typed(typed):
    """Marks of LaTeX and blanks do not count."""
    assert dense(Network.dense([2, 2, 2])).parameter(typed) == Symbol("w31")


@pytest.mark.parametrize("typed", ["w^{(2)}_{11}", "w^(2)_11", "w2_11", "w211"])
def test_layered_names_are_found_as_they_are_written(typed):
    """w^{(2)}_{11} may be typed as LaTeX writes it."""
    assert dense(Network.dense([2, 2, 2]), notation("layered")).parameter(typed) == Symbol("w2_11")


def test_an_unknown_weight_is_answered_with_the_list_and_the_nearest():
    """The message of style.md."""
    with pytest.raises(UnknownName) as error:
        dense(Network.dense([2, 2, 2])).parameter("w51")
    assert re.fullmatch(
        r"no weight 'w51' in a 2-2-2 network\. Its weights: w11 w12 w21 w22 w31 w32 w41 w42\. Did you mean 'w[1-4]1'\?",
        str(error.value),
    )


def test_a_long_list_of_weights_is_cut_short():
    """24 names and how many there are."""
    with pytest.raises(UnknownName, match=r"… \(110 in all\)\. Did you mean"):
        dense(Network.dense([10, 10, 1])).parameter("q")


@pytest.mark.parametrize(
    "typed", ["", " ", "W31", "w", "31", "x1", "net_3", "E", "w31w31", "w31\n", "w" * 500, "\0"]
)
def test_what_is_no_weight_is_refused_on_one_line(typed):
    """Other quantities, other case and rubbish are unknown weights, except for blanks around a name."""
    graph = dense(Network.dense([2, 2, 2]))
    try:
        assert graph.parameter(typed) == Symbol("w31")
        assert typed.strip() == "w31"
    except UnknownName as error:
        assert str(error).isprintable()
        assert len(str(error)) < 300


@pytest.mark.parametrize(
    "sizes",
    [
        "2-0-2",
        "2",
        "a-b",
        "",
        "-",
        "2-",
        "-2",
        "2--2",
        "2-2-1000000",
        "2-9999999999",
        "2.5-2",
        "2-2-2 2",
        "٢-2",
        "1e3-2",
    ],
)
def test_a_malformed_network_is_refused_at_once(sizes):
    """One clear line, whatever is wrong with the sizes."""
    begin = time.perf_counter()
    with pytest.raises(BadNetwork) as error:
        dense(Network.parse(sizes))
    assert str(error.value).isprintable()
    assert time.perf_counter() - begin < 1


@pytest.mark.parametrize(
    "sizes", [[2, True], [2, 2.0], [2, "2"], [0, 2], [2, -1], [2, MAX_UNITS + 1], [1] * (MAX_LAYERS + 1), [MAX_EDGES + 1, 1], []],
    ids=["bool", "float", "text", "zero", "negative", "wide", "deep", "edges", "empty"],
)  # fmt: skip
def test_sizes_from_python_are_checked_too(sizes):
    """What is no list of at least two positive whole numbers within the limits is refused."""
    with pytest.raises(BadNetwork):
        dense(Network.dense(sizes))


def test_activations_per_layer_must_fit():
    """One for all or one for each layer with weights."""
    assert Network.parse("2-2-2", "tanh, sigmoid").activations == ("tanh", "sigmoid")
    with pytest.raises(BadNetwork, match="3 activations for 2 layers"):
        Network.parse("2-2-2", "tanh,tanh,tanh")
    with pytest.raises(UnknownName, match="Did you mean 'sigmoid'"):
        Network.parse("2-2-2", "sigmoyd")
    with pytest.raises(UnknownName, match="bias mode"):
        Network.parse("2-2-2", bias="nodes")


# ---------------------------------------------------------------- graphs as text

LECTURE = """
# the lecture's network, in any order
E = E1 + E2
E1 = 1/2*(t1 - o1)**2      # forward reference
E2 = 1/2*(t2 - o2)**2
o1 = sigmoid(net3)
o2 = sigmoid(net4)
net3 = w31*h1 + w32*h2 + 1
net4 = w41*h1 + w42*h2 + 1
h1 = sigmoid(net1)

  h2 = sigmoid(net2)
net1 = w11*x1 + w12*x2 + 1
net2 = w21*x1 + w22*x2 + 1
"""


def test_a_graph_file_has_the_roles_of_the_lecture():
    """Nets, activations, parts and the error are recognised; leaves by their first letters."""
    graph = read(LECTURE)
    assert names(graph, "parameter") == ["w11", "w12", "w21", "w22", "w31", "w32", "w41", "w42"]
    assert sorted(names(graph, "net")) == ["net1", "net2", "net3", "net4"]
    assert sorted(names(graph, "activation")) == ["h1", "h2", "o1", "o2"]
    assert sorted(names(graph, "part")) == ["E1", "E2"]
    assert names(graph, "input", "target") == ["x1", "x2", "t1", "t2"]
    assert graph.error == Symbol("E")


def test_a_graph_file_derives_what_the_network_derives():
    """The same gradients as from `dense`, name for name."""
    ours, theirs = derive(read(LECTURE), "all"), derive(Network.dense([2, 2, 2]), "all")
    rename = dict(zip(S("y_h1 y_h2 y_o1 y_o2 y_t1 y_t2"), S("h1 h2 o1 o2 t1 t2"), strict=True))
    rename |= {
        d: Symbol(f"delta_net{i}") for d, i in zip(theirs.graph.deltas.values(), (1, 2, 3, 4), strict=True)
    }
    expanded = [
        {w: g.subs(list(reversed(x.deltas.items()))) for w, g in x.gradients.items()} for x in (ours, theirs)
    ]
    for w, gradient in expanded[1].items():
        assert (expanded[0][w] - gradient.subs(rename)).expand() == 0


def test_a_shared_weight_sums_over_its_uses():
    """w used in two sums: ∂E/∂w has one term for each."""
    graph = read("a = w*x1\nb1_ = w*x2\nh = tanh(a)\nE = (t1 - h)**2 + (t2 - b1_)**2")
    assert graph.consumers[Symbol("w")] == tuple(S("a b1_"))
    gradient = derive(graph, "w").derivation.results[Symbol("w")].folded.rhs
    assert set(gradient.free_symbols) == set(S("delta_a delta_b1_ x1 x2"))


def test_a_weight_used_twice_in_one_sum_counts_twice():
    """net = w x1 + w x2: ∂net/∂w = x1 + x2."""
    verified = derive(read("net = w*x1 + w*x2\nE = (t1 - net)**2"), "w")
    assert verified.gradient == Symbol("delta_net") * (Symbol("x1") + Symbol("x2"))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(end):
    """The same graph from every kind of line end."""
    assert list(read(LECTURE.replace("\n", end)).quantities) == list(read(LECTURE).quantities)


def test_declarations_give_a_name_its_role():
    """`input`, `target`, `parameter`, `constant`, singular or plural, with or without colon and commas."""
    graph = read("inputs: a, b\ntarget c\nparameter p q\nconstant: k\nE = (p*a + q*b - k*c)**2")
    roles = {q.symbol.name: q.role for q in graph.quantities.values()}
    assert roles == {
        "a": "input", "b": "input", "c": "target", "p": "parameter", "q": "parameter", "k": "constant", "E": "error", "eta": "constant",
    }  # fmt: skip


def test_a_declaration_overrules_the_convention():
    """`input w1` makes w1 an input."""
    graph = read("input w1\nE = (w1*w2)**2")
    assert names(graph, "parameter") == ["w2"]


def test_a_role_word_can_be_a_name():
    """`input = …` is a definition."""
    assert names(read("input = w1*x1\nE = input**2"), "net") == ["input"]


def test_parameters_are_in_natural_order():
    """w2 before w10."""
    graph = read("E = w10 + w9*w2 + w1")
    assert names(graph, "parameter") == ["w1", "w2", "w9", "w10"]


def test_names_that_would_collide_are_kept_apart():
    """A user's own eta and delta_a leave the learning rate and the δ their own names."""
    graph = read("delta_a = w1*x1\na = delta_a**2\neta = a*w2\nE = eta**2")
    everything = [*graph.quantities, *graph.deltas.values()]
    assert len({s.name for s in everything}) == len(everything)
    assert graph.rate.name != "eta"
    verify(backprop(graph, graph.parameters))


BROKEN = [
    (
        "a = b\nb = c\nc = a\nE = a",
        BadGraph,
        r"line 1, column 1: the definitions form a cycle: a → b → c → a",
    ),
    ("E = E", BadGraph, r"line 1, column 1: the definitions form a cycle: E → E"),
    ("E = w1*foo", BadGraph, r"line 1, column 8: 'foo' is used but defined nowhere"),
    ("net = w1*x1\nE = nett**2", BadGraph, r"line 2, column 5: 'nett' is used .* Did you mean 'net'\?"),
    ("E = w1\n\nE = w2", BadGraph, r"line 3, column 1: 'E' is already defined in line 1"),
    ("parameter p\nE = p\n p = 2", BadGraph, r"line 3, column 2: 'p' is already declared"),
    ("parameter w1 w1\nE = w1", BadGraph, r"line 1, column 14: 'w1' is already declared"),
    ("E = p\nparameter E", BadGraph, r"line 2, column 11: 'E' is already defined in line 1"),
    ("E = w1*x1 +* x2", BadExpression, r"line 1, column 12: syntax error near '\*'"),
    ("E = w1 +", BadExpression, r"line 1, column 9: the formula ends too early"),
    ("# comment\n  E = w1)", BadExpression, r"line 2, column 9: syntax error near '\)'"),
    ("E = w1\nF w1", BadGraph, r"line 2, column 1: 'F w1' is not 'name = formula'"),
    ("E == w1", BadGraph, r"line 1, column 1: 'E == w1' is not 'name = formula'"),
    ("1a = w1", BadGraph, r"line 1, column 1: '1a' is not a name"),
    ("  a-b = w1", BadGraph, r"line 1, column 3: 'a-b' is not a name"),
    ("sin = w1", BadGraph, r"line 1, column 1: 'sin' is the name of a function or constant"),
    ("sigmoid = w1", BadGraph, r"line 1, column 1: 'sigmoid' is the name of a function"),
    ("pi = w1", BadGraph, r"line 1, column 1: 'pi' is the name of a function or constant"),
    (
        "A = w1\nB = w2",
        BadGraph,
        r"2 quantities feed no other \('A', 'B'\); one of them must be the error: call it E",
    ),
    ("", BadGraph, r"no definition found"),
    ("# nothing\n\n", BadGraph, r"no definition found"),
    ("input x", BadGraph, r"no definition found"),
    ("E = sigmoyd(w1)", UnknownName, r"line 1, column 5.*Did you mean 'sigmoid'"),
    ("E = __import__('os')", UnknownName, r"line 1, column 5"),
    ("E = w1 + 'a'", BadExpression, r"line 1, column 10"),
    ("E = w1; F = w2", BadExpression, r"line 1, column 7"),
    ("E = " + "(" * 100_000 + "w1" + ")" * 100_000, BadExpression, r"line 1, column "),
    ("E = 9**9**9**9*w1", BadExpression, r"line 1, column .*tower of numbers"),
    ("E = (((9**64)**64)**64)**64*w1", BadExpression, r"line 1, column "),
    ("E = w1\n" + "#\n" * MAX_DEFINITIONS, BadGraph, r"more than 5000 lines"),
    ("#" * (MAX_FILE + 1), BadGraph, r"more than 1000000 characters"),
]


@pytest.mark.parametrize(
    ("text", "kind", "says"), BROKEN, ids=lambda v: repr(v[:24]) if isinstance(v, str) else ""
)
def test_a_broken_graph_is_refused_with_line_and_column(text, kind, says):
    """Each mistake: its kind, its place, what it is, on one line and at once."""
    begin = time.perf_counter()
    with pytest.raises(kind, match=says) as error:
        read(text, "net.txt")
    assert str(error.value).isprintable()
    assert "net.txt" in str(error.value)
    assert time.perf_counter() - begin < 2


@pytest.mark.parametrize("formula", ["w1/(1 - 1)", "w1*0**-1", "sqrt(-1)*w1", "log(0)*w1", "log(-1 - w1**2)"])
def test_a_formula_without_a_value_is_refused_or_at_least_no_crash(formula):
    """What has no value at any point is one of our errors, never another exception."""
    with pytest.raises(BackpropError):
        derive(read(f"E = {formula}"), "w1")


def test_the_gradient_of_a_large_power_is_given():
    """What the parser lets through can be shown: nothing hangs."""
    assert derive(read("E = w1*x1**64*(9**9)**9"), "w1").gradient.free_symbols == {Symbol("x1")}


def test_several_ends_need_one_called_e():
    """Where more than one quantity feeds no other, the one called E is the error."""
    graph = read("E = (t1 - w1*x1)**2\naside = w2*x1")
    assert graph.error == Symbol("E")
    assert graph.consumers[Symbol("w2")] == ()


@pytest.mark.parametrize("name", ["E", "Loss", "L", "error", "E_total", "오차"])
def test_the_names_an_error_may_have(name):
    """Usual names of an error are taken for it, in any case."""
    assert read(f"{name} = w1**2\naside = w1").error == Symbol(name)


def test_a_deep_chain_costs_no_recursion():
    """2000 definitions, each on the one before: read, derived and verified."""
    rows = ["h0 = w0*x1"]
    rows += [f"h{i} = tanh(h{i - 1})" if i % 2 else f"h{i} = 0.5*h{i - 1} + w{i}" for i in range(1, 2000)]
    graph = read("\n".join([*reversed(rows), "E = (t1 - h1999)**2"]))
    derivation = verify(backprop(graph, [graph.parameter("w0")]))
    assert len(derivation.steps) < 30 * 2000
    assert all(step.evidence for step in derivation.steps)


def test_a_name_may_be_written_in_any_alphabet():
    """Korean, Greek, and the micro sign that Python reads as a Greek mu."""
    assert derive(read("가중합 = w1*x1\n오차 = (t1 - 가중합)**2"), "w1").graph.error == Symbol("오차")
    graph = read("\u00b51 = w1*x1\nE = \u00b51**2")
    assert len(graph.deltas) == 1


# ---------------------------------------------------------------- LaTeX of a graph's names


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("w11", "w_{11}"), ("w_11", "w_{11}"), ("net1", r"\mathit{net}_{1}"), ("y_o1", "y_{o1}"), ("delta", r"\delta"),
        ("theta1", r"\theta_{1}"), ("x", "x"), ("가중합1", r"\text{가중합}_{1}"), ("w1_2", "w_{1,2}"),
    ],
)  # fmt: skip
def test_names_are_written_as_a_reader_expects(name, latex):
    """Digits and what follows an underscore become an index."""
    assert auto_latex(name) == latex


ALIKE = [
    "w11",
    "w_11",
    "w1_1",
    "w_1_1",
    "w11_",
    "_w11",
    "w__11",
    "delta",
    "delta_",
    "eta",
    "Eta",
    "net1",
    "net_1",
    "delta_net1",
]


@given(
    st.lists(
        st.one_of(
            st.sampled_from(ALIKE), st.from_regex(r"[a-zA-Z가-힣_][a-zA-Z0-9가-힣_]{0,6}", fullmatch=True)
        ),
        min_size=1,
        max_size=8,
        unique=True,
    )
)
def test_no_two_names_look_alike(found):
    """However names are chosen, LaTeX keeps them apart, the δ and the learning rate included."""
    graph_names = [n for n in found if n.isidentifier()]
    rows = [f"parameter {' '.join(graph_names)}"] if graph_names else []
    total = " + ".join(f"{n}**2" for n in graph_names) or "w1"
    try:
        graph = read("\n".join([*rows, f"aa_node = exp({total})", "E_end = aa_node**2"]))
    except BackpropError:
        return  # a function's name, or a Python keyword
    written = graph.written("en")
    assert len(set(written.values())) == len(written), written
