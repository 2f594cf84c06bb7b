"""The notes: what they hold and in which order, every line decided, nothing copied, nothing false."""

from __future__ import annotations

import dataclasses
import re
import shlex
from functools import cache
from pathlib import Path

import lectures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lectures import LECTURES, network, prose, values, written
from sympy import Abs, Expr, Rational, Symbol, sign
from tools import shared

from backprop_symbolic import Network, read
from backprop_symbolic.algebra import Numeral, Partial, symbols
from backprop_symbolic.derivation import BRIEF
from backprop_symbolic.document import Bullets, Code, Display, Heading, Note, Paragraph, Picture, Table
from backprop_symbolic.errors import BadSetting, UnknownName
from backprop_symbolic.graph import after, dense
from backprop_symbolic.lecture import PARTS, Lecture, Notes, general, notes
from backprop_symbolic.losses import losses
from backprop_symbolic.rules import RULES
from backprop_symbolic.spec import BIAS_MODES
from backprop_symbolic.wording import languages, messages

#: The main sections of the notes of 2-2-2, in the lecture's order; the numbered ones are its own.
ORDER = (
    ("", "what"), ("", "network"), ("1.", "output_update"), ("2.", "error"), ("3.", "chain_rule"),
    ("4.", "factors"), ("5.", "updating"), ("6.", "hidden_update"), ("7.", "hidden_error"),
    ("8.", "delta_form"), ("", "summary"), ("", "vanishing"), ("", "example"), ("", "check"),
    ("", "training"), ("", "commands"), ("", "symbols"),
)  # fmt: skip
#: Sentences that begin with one of the parameters gone through.
STARTS = {"notes.output_start", "notes.hidden_start", "notes.parameter", "notes.layer"}
E, W31, W11 = Symbol("E"), Symbol("w31"), Symbol("w11")


def headings(found: Notes, level: int = 2) -> list[Heading]:
    return [b for b in found.document.blocks if isinstance(b, Heading) and b.level == level]


def equations(found: Notes) -> list[tuple[Expr, Expr]]:
    """Every row of every display as lhs = rhs; a row without a left side has the one before it."""
    pairs = []
    for block in found.document.blocks:
        left: Expr | None = None
        for row in block.rows if isinstance(block, Display) else ():
            left = left if row.lhs is None else row.lhs
            assert left is not None
            pairs.append((left, row.rhs))
    return pairs


def section(found: Notes, anchor: str) -> list:
    """The blocks of one main section."""
    blocks, inside = [], False
    for block in found.document.blocks:
        if isinstance(block, Heading) and block.level == 2:
            inside = block.anchor == anchor
        if inside:
            blocks.append(block)
    return blocks


# ---------------------------------------------------------------- parts and their order


def test_the_parts_are_in_the_lectures_order():
    found = [(b.label, b.text.key.removeprefix("notes.")) for b in headings(written("2-2-2"))]
    assert tuple(found) == ORDER


@pytest.mark.parametrize("language", languages())
def test_every_part_has_words_in_every_language(language):
    """The headings stand in the prose of each language, in the same order."""
    text, at = prose(written("2-2-2"), language), 0
    for _, key in ORDER:
        at = text.find(messages(language)[f"notes.{key}"], at)
        assert at >= 0, key


def test_headings_have_anchors_of_their_own():
    for name in ("2-2-2", "deep", "recurrent"):
        anchors = [b.anchor for b in written(name).document.blocks if isinstance(b, Heading) and b.anchor]
        assert len(anchors) == len(set(anchors))
        assert all(b.anchor for b in headings(written(name)))


def test_hypotheses_stand_before_the_first_conclusion():
    blocks = written("2-2-2").document.blocks
    hypotheses = next(
        i for i, b in enumerate(blocks) if isinstance(b, Bullets) and b.items[0].key == "hypothesis.network"
    )
    first = next(i for i, b in enumerate(blocks) if isinstance(b, Heading) and b.label == "1.")
    assert hypotheses < first


def test_four_steps_and_the_algorithm_are_ordered_lists():
    ordered = [b for b in written("2-2-2").document.blocks if isinstance(b, Bullets) and b.ordered]
    assert [len(b.items) for b in ordered] == [4, 6]


def test_each_further_layer_is_an_induction_step():
    """A network of four layers: sections for layers 2 and 1, after the delta form."""
    found = written("deep")
    assert [b.text.key for b in headings(found) if b.label == "9."] == ["notes.layers"]
    steps = [b.text.args["layer"] for b in headings(found, 3) if b.text.key == "notes.layer"]
    assert steps == [2, 1]
    for w in ("w53", "w31", "w11"):
        assert any(left == after(Symbol(w)) for left, _ in equations(found)), w


def test_without_a_hidden_layer_nothing_is_said_of_one():
    found = written("one layer")
    assert not {"notes.hidden_update", "notes.delta_form", "notes.algorithm_order"} & {
        m.key for m in lectures.messages_of(found.document)
    }
    assert [b.label for b in headings(found) if b.label] == ["1.", "2.", "3.", "4.", "5."]


@pytest.mark.parametrize("part", PARTS)
def test_each_part_can_stand_alone(part):
    """One part is the whole document, with its sentences and verified steps."""
    found = notes(Lecture(network(2, 2, 2), parts=(part,), plots=False))
    keys = [b.text.key for b in headings(found)]
    assert keys and all(s.evidence for s in found.steps)
    assert set(keys) <= {f"notes.{key}" for _, key in ORDER}


def test_a_proof_is_given_where_the_derivation_does_not_stand_before():
    """The vanishing gradient alone proves the sigmoid's derivative; after the derivation it refers to it."""
    alone = notes(Lecture(network(2, 2, 2), parts=("vanishing",), plots=False))
    boards = [s for s in alone.steps if s.rule.key == "board" and "sigmoid" in str(s.rule)]
    assert boards
    said = [m.key for m in lectures.messages_of(written("2-2-2").document)]
    assert said.count("notes.function_proved") == 1


# ---------------------------------------------------------------- every line is decided


@pytest.mark.parametrize("name", LECTURES)
def test_every_step_has_evidence(name):
    """No line is shown that the verifier did not decide."""
    found = written(name)
    assert all(step.evidence is not None and step.evidence.points >= 2 for step in found.steps)
    assert {step.rule.key for step in found.steps} <= set(RULES)


@pytest.mark.parametrize("name", LECTURES)
def test_every_equation_is_a_step_or_has_numbers(name):
    """A row says what a decided step says, or what the numbers put in come to."""
    found = written(name)
    decided = {(step.lhs, step.rhs) for step in found.steps}
    forward = {(q.symbol, q.definition) for q in found.graph.quantities.values()}
    for left, right in equations(found):
        assert (left, right) in decided | forward or right.has(Numeral), f"{left} = {right}"


def test_every_number_is_that_of_its_line():
    """A result is what its formula comes to, up to the rounding of no digit: floats are held exactly."""
    import sympy

    from backprop_symbolic.evaluate import Evaluator, Numbers
    from backprop_symbolic.graph import Graph

    seen = 0
    empty = Graph({}, E, Symbol("eta"), {})
    for block in written("2-2-2").document.blocks:
        for row in block.rows if isinstance(block, Display) else ():
            if row.result is not None:
                value = Evaluator(empty, {}, Numbers(), lambda s: complex("nan")).value(row.rhs)
                assert abs(value - complex(sympy.Float(row.result.value, 30))) < 1e-12
                seen += 1
    assert seen > 15


def test_general_lines_can_fail():
    """A changed sign in the delta form is refused."""
    from backprop_symbolic.errors import Unverified
    from backprop_symbolic.verify import decide

    verifier, heard = general._above(E, Symbol("eta"), 2, None, None)
    right = general.delta_form(E, Symbol("eta"))[1]
    decide(verifier, right)
    with pytest.raises(Unverified):
        decide(verifier, dataclasses.replace(right, rhs=-right.rhs))
    with pytest.raises(Unverified):
        decide(verifier, dataclasses.replace(right, lhs=general.DELTA_J, rhs=heard))


def test_penalties_are_in_the_general_lines():
    """∂E/∂w_ji has the penalties' terms where there are penalties."""
    one, two = Symbol("lambda1"), Symbol("lambda2")
    gradient = general.delta_form(E, Symbol("eta"), one, two)[1].rhs
    assert gradient.has(sign) and {one, two} <= set(symbols(gradient))
    assert not general.delta_form(E, Symbol("eta"))[1].rhs.has(sign, Abs)


# ---------------------------------------------------------------- the lecture's equations, its slips mended


@cache
def shown() -> set[tuple[str, str]]:
    """The equations of 2-2-2 as plain text."""
    from backprop_symbolic.printing import Plain

    write = Plain({})
    return {(write(left), write(right)) for left, right in equations(written("2-2-2"))}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("E", "E_o1 + E_o2"),
        ("E_o1", "1/2*(y_t1 - y_o1)**2"),
        ("E_o2", "1/2*(y_t2 - y_o2)**2"),
        ("E", "1/2*(y_t1 - y_o1)**2 + 1/2*(y_t2 - y_o2)**2"),
        ("diff(E, w31)", "diff(E, y_o1)*diff(y_o1, net_3)*diff(net_3, w31)"),
        ("diff(E, y_o1)", "(y_t1 - y_o1)*(-1)"),
        ("diff(E, y_o1)", "y_o1 - y_t1"),
        ("diff(y_o1, net_3)", "y_o1*(1 - y_o1)"),
        ("net_3", "w31*y_h1 + w32*y_h2 + 1"),
        ("diff(net_3, w31)", "y_h1"),
        ("diff(E, w31)", "(y_o1 - y_t1)*y_o1*(1 - y_o1)*y_h1"),
        ("w31(t+1)", "w31(t) - eta*diff(E, w31)"),
        ("w31(t+1)", "w31(t) - eta*(y_o1 - y_t1)*y_o1*(1 - y_o1)*y_h1"),
        ("w31(t+1)", "w31(t) - eta*delta_o1*y_h1"),
        ("diff(E, w11)", "diff(E, y_h1)*diff(y_h1, net_1)*diff(net_1, w11)"),
        ("diff(y_h1, net_1)", "y_h1*(1 - y_h1)"),
        ("diff(net_1, w11)", "x1"),
        ("diff(E, y_h1)", "diff(E_o1, y_h1) + diff(E_o2, y_h1)"),
        ("diff(E_o1, y_h1)", "diff(E_o1, net_3)*diff(net_3, y_h1)"),
        ("diff(E_o1, net_3)", "diff(E_o1, y_o1)*diff(y_o1, net_3)"),
        ("diff(E_o1, net_3)", "(y_o1 - y_t1)*y_o1*(1 - y_o1)"),
        ("diff(net_3, y_h1)", "w31"),
        ("diff(E_o1, y_h1)", "(y_o1 - y_t1)*y_o1*(1 - y_o1)*w31"),
        ("diff(E_o1, y_h1)", "delta_o1*w31"),
        ("diff(E_o2, y_h1)", "diff(E_o2, net_4)*w41"),
        ("diff(E_o2, y_h1)", "(y_o2 - y_t2)*y_o2*(1 - y_o2)*w41"),
        ("diff(E_o2, y_h1)", "delta_o2*w41"),
        ("diff(E, y_h1)", "delta_o1*w31 + delta_o2*w41"),
        ("diff(E, w11)", "(delta_o1*w31 + delta_o2*w41)*y_h1*(1 - y_h1)*x1"),
        ("delta_h1", "(delta_o1*w31 + delta_o2*w41)*y_h1*(1 - y_h1)"),
        ("w11(t+1)", "w11(t) - eta*delta_h1*x1"),
    ],
)  # fmt: skip
def test_the_lectures_equations_are_there(left, right):
    assert (left, right) in shown()


def test_no_update_lacks_the_learning_rate():
    """Slip of the lecture: w(t+1) = w(t) - dE/dw. Here η stands in every update, and t is no factor."""
    for name in LECTURES:
        found = written(name)
        rate = found.graph.rate
        updates = [
            (left, right)
            for left, right in equations(found)
            if isinstance(left, Symbol) and left.name.endswith("(t+1)") and not right.has(Numeral)
        ]
        assert all(rate in symbols(right) for _, right in updates)
        assert not any(Symbol("t") in symbols(right) for _, right in updates)
    assert len([1 for left, _ in equations(written("2-2-2")) if left == after(W31)]) >= 4


def test_an_output_is_not_its_own_error_and_delta_is_one_name():
    """Slips of the lecture: y_o1 = ½(…)², δy_o1."""
    lefts = {left for left, _ in shown()}
    assert {"E_o1", "E_o2", "delta_o1", "delta_o2", "delta_h1"} <= lefts
    assert not [right for left, right in shown() if left == "y_o1" and "y_t1" in right]


@pytest.mark.parametrize("language", languages())
def test_half_the_squared_error_is_not_called_a_mean(language):
    text = prose(written("2-2-2"), language)
    assert not re.search(r"MSE|평균제곱|제곱평균|mean squared", text)


def test_the_greatest_slope_of_the_sigmoid_is_a_quarter():
    """Slip of the lecture: about 0.3."""
    assert ("σ'(0)", "1/4") in shown()
    assert "0.3" not in [str(m.args.get("value")) for m in lectures.messages_of(written("2-2-2").document)]
    below = [m for m in lectures.messages_of(written("2-2-2").document) if m.key == "notes.slope_below"]
    assert [m.args["value"] for m in below] == [Rational(1, 4)]


def test_the_kink_of_relu_is_stated():
    """Slip of the lecture: a derivative at 0."""
    said = [m for m in lectures.messages_of(written("2-2-2").document) if m.key == "hypothesis.kink"]
    assert [str(m.args["prime"]) for m in said] == ["Prime(relu, 0)"]


def test_the_deltas_come_before_any_weight_is_moved():
    """Slips of the summary: which branch ends, and in which order weights are corrected."""
    algorithm = next(b for b in section(written("2-2-2"), "summary") if isinstance(b, Bullets))
    keys = [m.key.removeprefix("notes.algorithm_") for m in algorithm.items]
    assert keys == ["choose", "forward", "error", "backward", "update", "again"]
    (remark,) = [b for b in section(written("2-2-2"), "summary") if isinstance(b, Note)]
    assert remark.items[0].args == {"delta": Symbol("delta_h1"), "weights": (W31, Symbol("w41"))}


def test_the_bias_of_one_is_a_choice():
    """Slip of the lecture: the bias is always 1. Said where it is 1; where it is trained its derivative stands."""
    said = {name: [m.key for m in lectures.messages_of(written(name).document)] for name in LECTURES}
    assert "notes.bias_is_one" in said["2-2-2"]
    for name, bias in (("deep", "b7"), ("layer bias", "b2")):
        assert "notes.bias_is_one" not in said[name]
        assert any(
            left == Partial(E, Symbol(bias)) or str(left).endswith(f"{bias})")
            for left, _ in equations(written(name))
        )


# ---------------------------------------------------------------- true sentences for other networks


def said(name: str) -> set[str]:
    return {m.key.removeprefix("notes.") for m in lectures.messages_of(written(name).document)}


def test_sentences_are_chosen_by_what_is_the_case():
    """Each of these would be false where it is not said."""
    assert {"same_form", "hidden_known", "forward_units"} <= said("2-2-2")
    assert not {"forward_softmax", "forward_identity", "recursion_softmax"} & said("2-2-2")
    assert {"forward_softmax", "same_form_short", "hidden_first"} <= said("softmax")
    assert "hidden_known" not in said("softmax")
    assert {"recursion_softmax"} <= said("hidden softmax")
    assert {"same_form_penalty"} <= said("penalties") and "chain_need" not in said("penalties")
    assert {"forward_identity", "names_layers_one"} <= said("one layer")
    assert "error_half" not in said("softmax")
    assert {"error_goal_bias", "bias_derivative"} <= said("deep")
    assert {"bias_shared"} <= said("layer bias")
    assert {"output_start_bias", "hidden_start_bias"} <= said("a bias")
    assert {"names_inputs_many", "forward_more", "deltas_more", "check_some"} <= said("wide")
    assert not {"vanishing", "network"} & said("no activation")


def test_what_training_came_to_is_said_truly():
    assert {"training_diverges", "error_rises", "numbers_first"} <= said("too fast")
    assert {"training_rises", "error_rises"} <= said("rises")
    assert {"training_stuck", "error_stuck"} <= said("slowly")
    assert {"training_stays", "error_stays"} <= said("too slowly")
    assert "all_updates" not in said("no rate")
    assert "check.sides" in {m.key for m in lectures.messages_of(written("kink").document)}


def test_the_table_of_both_layers_has_the_factors():
    """Side by side: (1), (2), (3) as the steps found them."""
    table = next(b for b in section(written("2-2-2"), "delta-form") if isinstance(b, Table))
    values_ = written("2-2-2").steps
    found = {step.lhs: step.rhs for step in values_}
    assert [row[2] for row in table.rows] == [
        found[Partial(E, Symbol("y_h1"))], found[Partial(Symbol("y_h1"), Symbol("net_1"))],
        found[Partial(Symbol("net_1"), W11)],
    ]  # fmt: skip


SIZES = st.lists(st.integers(1, 3), min_size=2, max_size=4)
NAMES = st.sampled_from(["sigmoid", "tanh", "relu", "identity", "softplus", "elu"])


@st.composite
def networks(draw) -> Network:
    sizes = draw(SIZES)
    activations = [draw(NAMES) for _ in sizes[1:]]
    if sizes[-1] > 1 and draw(st.booleans()):
        activations[-1] = "softmax"
    plain = [loss.name for loss in losses if loss.targets == "any" and not loss.conditions]
    return Network.dense(
        sizes, activations, draw(st.sampled_from(plain)), draw(st.sampled_from(list(BIAS_MODES))),
        l2=draw(st.sampled_from(["", "0.01"])),
    )  # fmt: skip


@settings(max_examples=6)
@given(networks())
def test_notes_of_any_network_derive_one_weight_of_each_layer(chosen):
    """Each layer's weight has its ∂E/∂w and its update, by steps with evidence; every δ is defined."""
    graph = dense(chosen)
    found = notes(Lecture(graph, parts=("introduction", "derivation", "summary", "symbols"), plots=False))
    lefts = [left for left, _ in equations(found)]
    for layer in range(1, chosen.layers + 1):
        first = next(
            q.symbol for q in graph.quantities.values() if q.naming == "weight" and q.place.layer == layer
        )
        assert Partial(graph.error, first) in lefts and after(first) in lefts
    assert all(step.evidence for step in found.steps)
    texts = {language: prose(found, language) for language in languages()}
    assert all(len(text) > 1000 and not re.search(r"\{\w*\}", text) for text in texts.values())
    assert len([b for b in headings(found) if b.label]) == 5 + 3 * (chosen.layers > 1) + (chosen.layers > 2)


def test_a_graph_without_layers_gets_its_parameters_one_by_one():
    found = written("recurrent")
    keys = [b.text.key for b in headings(found)]
    assert keys.count("notes.parameter") == 2  # w and b2
    assert any(
        "held" in str(type(left)) or (isinstance(left, Partial) and left.held) for left, _ in equations(found)
    )


# ---------------------------------------------------------------- what is asked for


def test_other_weights_can_be_chosen():
    found = notes(Lecture(network(2, 2, 2), ("w22", "w42"), parts=("derivation",), plots=False))
    lefts = {left for left, _ in equations(found)}
    assert {after(Symbol("w42")), after(Symbol("w22"))} <= lefts and after(W31) not in lefts
    one = notes(Lecture(network(2, 2, 2), ("w22",), parts=("derivation",), plots=False))
    assert {after(W31), after(Symbol("w22"))} <= {left for left, _ in equations(one)}


@pytest.mark.parametrize(
    ("weights", "parts", "error", "text"),
    [
        (("w51",), PARTS, UnknownName, "no weight 'w51' in a 2-2-2 network"),
        (("w31", "w42"), PARTS, BadSetting, "'w31' and 'w42' are both of layer 2: the notes go through one"),
        ((), ("derivatoin",), UnknownName, "Did you mean 'derivation'"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_by_name(weights, parts, error, text):
    with pytest.raises(error, match=text):
        notes(Lecture(network(2, 2, 2), weights, parts=parts, plots=False))


def test_a_graph_without_parameters_is_refused():
    with pytest.raises(BadSetting, match="no parameter"):
        notes(Lecture(read("input a\nE = a**2"), plots=False))


def test_title_author_and_date_are_text():
    """What a user writes is no markup in any language: it reaches the format as an argument."""
    found = written("own words")
    assert found.document.title.args == {"text": "<b>_w_ & $x$</b>"}
    for language in languages():
        assert prose(found, language).startswith("<b>_w_ & $x$</b>\n")
        assert "A. Kim" in prose(found, language) and "2024-05-01" in prose(found, language)
    assert {"author"} <= said("author") and {"date"} <= said("date")


def test_brief_notes_have_fewer_lines():
    brief = notes(Lecture(network(2, 2, 2), parts=("derivation",), plots=False, detail=BRIEF))
    usual = notes(Lecture(network(2, 2, 2), parts=("derivation",), plots=False))
    assert len(equations(brief)) < len(equations(usual)) - 20


def test_strict_notes_cancel():
    found = notes(Lecture(network(2, 2, 2), parts=("derivation",), plots=False, strict=True))
    assert any(s.evidence and s.evidence.method.endswith("cancellation") for s in found.steps)


def test_every_symbol_of_the_graph_has_a_meaning_and_is_in_the_index():
    """The index names each symbol of 2-2-2, and where it is defined."""
    found = written("2-2-2")
    graph = found.graph
    assert {*graph.quantities, *graph.deltas.values()} <= set(found.document.meanings)
    (table,) = [b for b in section(found, "symbols") if isinstance(b, Table)]
    listed = {s for row in table.rows for s in row[0].args["names"]}
    assert {*graph.quantities, *graph.deltas.values()} <= listed
    assert all(row[2].key != "notes.no_value" for row in table.rows)


@pytest.mark.parametrize("name", [n for n in LECTURES if n != "own words"])
def test_every_name_can_be_written_in_every_language(name):
    """No symbol of a display is without LaTeX of its own, apart from the letters of proofs."""
    found = written(name)
    for language in languages():
        names = found.names(language)
        for left, right in equations(found):
            for s in (*symbols(left), *symbols(right)):
                assert s in names or re.fullmatch(r"[a-zA-Z](_\d+)?|.+\(t(\+1)?\)", s.name), s


# ---------------------------------------------------------------- pictures


def test_pictures_stand_where_the_lecture_has_them():
    """The path of the output weight in 1, that of the hidden one in 6, a plot for each function, the curve."""
    found = written("2-2-2")
    names = {
        anchor: [b.name for b in section(found, anchor) if isinstance(b, Picture)]
        for anchor in ("output-update", "hidden-update", "vanishing", "training")
    }
    assert names["vanishing"] == ["curves-sigmoid", "curves-tanh", "curves-relu", "curves-softplus"]
    assert names["training"] == ["error-curve"]
    assert names["output-update"] == ["path-w31"] and names["hidden-update"] == ["path-w11"]


def test_without_plots_there_is_no_picture():
    assert not [b for b in written("deep").document.blocks if isinstance(b, Picture)]


# ---------------------------------------------------------------- numbers that others get too


def typed(line: str) -> str:
    """What a command of the notes prints."""
    from click.testing import CliRunner

    from backprop_symbolic.cli import cli

    done = CliRunner().invoke(cli, shlex.split(line)[1:], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("name", ["2-2-2", "published", "softmax", "penalties", "layer bias", "recurrent"])
def test_the_commands_give_the_numbers_of_the_notes(name, tmp_path, monkeypatch):
    """Every command runs; `check` agrees, `train` ends with the error of the notes' table."""
    monkeypatch.chdir(tmp_path)
    lines = lectures.programs(written(name))["sh"].splitlines()
    if "END" in lines:  # the shell writes a graph into a file
        Path("graph.txt").write_text("\n".join(lines[1 : lines.index("END")]))
        lines = lines[lines.index("END") + 1 :]
    printed = {line.split()[1]: typed(line) for line in lines}
    assert list(printed) == [c for c in ("derive", "check", "train", "vanishing") if c in printed]
    assert re.search(r"(\d+) of \1 agree\.", printed["check"])
    table = next(b for b in section(written(name), "training") if isinstance(b, Table))
    last = float(table.rows[-1][1].value)
    if "train" in printed:
        found = re.search(r"^\s*1000\s+(\S+)$", printed["train"], re.M)
        assert found and abs(float(found[1]) / last - 1) < 1e-6


@pytest.mark.parametrize("name", ["2-2-2", "softmax", "recurrent"])
def test_the_python_program_runs(name, capsys):
    """It prints ∂E/∂w of the chosen weights."""
    exec(compile(lectures.programs(written(name))["python"], name, "exec"), {})
    shown_ = capsys.readouterr().out.splitlines()
    weights = [m.args["weight"] for m in lectures.messages_of(written(name).document) if m.key in STARTS]
    assert [line.split(" :")[0] for line in shown_] == list(map(str, weights))


def test_a_published_example_is_used_where_it_fits():
    found = written("published")
    assert {"numbers_published"} <= said("published")
    (delta,) = [
        b.rows[1].result for b in found.document.blocks
        if isinstance(b, Display) and b.rows[0].lhs == Symbol("delta_o1") and len(b.rows) == 2
        and b.rows[1].result is not None
    ]  # fmt: skip
    assert abs(float(delta.value) - 0.13849856) < 1e-8  # as the example's author has it


def test_given_values_are_those_worked_out():
    graph = network(2, 2, 2)
    found = notes(Lecture(graph, values=values(graph, 0.25, x1=0.75), options="--values v.toml", plots=False))
    given_ = next(b for b in section(found, "example") if isinstance(b, Display))
    numbers = {row.lhs: row.rhs.value for row in given_.rows}
    assert numbers[Symbol("x1")] == Rational(3, 4) and numbers[graph.rate] == Rational(1, 4)
    assert "--values v.toml" in next(b.text for b in found.document.blocks if isinstance(b, Code))


def test_derive_with_one_of_several_samples_has_its_numbers():
    """A sample chosen among several has a place for each of its numbers."""
    from backprop_symbolic import derive
    from backprop_symbolic.numeric.substitute import with_numbers

    graph = network(2, 2, 2)
    chosen = values(graph, 0.5, samples=2).at(2)
    assert with_numbers(derive(graph, "w31"), chosen).figures is not None
    assert set(chosen.origins) >= set(chosen.samples[0])


# ---------------------------------------------------------------- the words are our own


def hangul(text: str) -> list[str]:
    return re.findall("[가-힣]+", text)


def test_no_sentence_of_the_lecture_is_copied():
    """No six Korean words in a row stand in the lecture too, in the notes or in any message."""
    lecture = hangul(shared("reference", "lecture-ko.md").read_text(encoding="utf-8"))
    theirs = {tuple(lecture[i : i + 6]) for i in range(len(lecture) - 5)}
    texts = [*(prose(written(name), "ko") for name in LECTURES), *messages("ko").values()]
    for text in texts:
        ours = hangul(text)
        assert not theirs & {tuple(ours[i : i + 6]) for i in range(len(ours) - 5)}


def test_korean_is_plain_and_english_is_no_korean():
    """-다 throughout, no -습니다; and no Hangul in English."""
    for name in LECTURES:
        assert not re.search("습니다|합니다|입니다|됩니다|세요|해요", prose(written(name), "ko"))
        assert not re.search("[가-힣]", prose(written(name), "en"))


def test_growth_is_linear_in_the_edges():
    """Each further layer adds the same number of steps: nothing is derived twice, no path is expanded."""
    steps = {}
    for depth in (6, 9, 12):
        found = notes(Lecture(dense(Network.dense([2] * depth)), parts=("derivation",), plots=False))
        steps[depth] = len(found.steps)
    assert steps[12] - steps[9] == steps[9] - steps[6] > 0


def test_a_paragraph_never_ends_in_a_colon_before_nothing():
    """What leads to equations, a list or a table is followed by them."""
    english = messages("en")
    for name in LECTURES:
        blocks = written(name).document.blocks
        for block, following in zip(blocks, [*blocks[1:], None], strict=True):
            if isinstance(block, Paragraph) and english[block.text.key].endswith(":"):
                assert isinstance(following, (Display, Bullets, Table, Code, Heading, Picture, Paragraph)), (
                    block
                )
                assert not isinstance(following, Paragraph) or following.text.key.startswith(
                    "notes.forward"
                ), block
