"""Verdicts: small texts for each rule, the lecture, and eight published texts of which no right row is called wrong."""

from __future__ import annotations

import json
import math
import re
from inspect import getsource

import pytest
from tools import missing, shared

from backprop_symbolic.graph import dense
from backprop_symbolic.notation import notation
from backprop_symbolic.review import context, grammar, judge, meaning, repair, sources
from backprop_symbolic.review.context import Given
from backprop_symbolic.review.tree import REMARK, RIGHT, UNDECIDED, WRONG, Finding, Review, Row
from backprop_symbolic.spec import Network
from backprop_symbolic.wording import languages, messages


def rows(*texts: str, ids: tuple[str, ...] = ()) -> tuple[Row, ...]:
    """Displays one below the other."""
    return tuple(
        Row(ids[n] if ids else f"R{n + 1}", text, tuple((n + 1, i + 1) for i in range(len(text) + 1)), n)
        for n, text in enumerate(texts)
    )


def reviewed(*texts: str, given: Given | None = None) -> Review:
    return judge.review("text", "", grammar.parse_all(rows(*texts)), given)


def verdicts(*texts: str, given: Given | None = None) -> list[str]:
    """What is found of each link, remarks left out."""
    return [f.verdict for f in reviewed(*texts, given=given).findings if f.verdict != REMARK]


def remarks(review: Review) -> list[str]:
    return [f.why.key for f in review.findings if f.verdict == REMARK and f.why is not None]


NET = (
    r"net_1 = w_1 x_1 + w_2 x_2 + b",
    r"y_1 = \frac{1}{1 + e^{-net_1}}",
    r"E = \frac{1}{2}(t_1 - y_1)^2",
)
SOFTMAX = (r"p_j = \frac{e^{a_j}}{\sum_k e^{a_k}}", r"\sum_k y_k = 1", r"L = -\sum_k y_k \log(p_k)")


# ---------------------------------------------------------------- claims


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (r"\frac{\partial E}{\partial y_1} = y_1 - t_1", RIGHT),
        (r"\frac{\partial E}{\partial y_1} = t_1 - y_1", WRONG),
        (r"\frac{\partial y_1}{\partial net_1} = y_1 (1 - y_1)", RIGHT),
        (r"\frac{\partial y_1}{\partial net_1} = y_1 (1 + y_1)", WRONG),
        (r"\frac{\partial net_1}{\partial w_1} = x_1", RIGHT),
        (r"\frac{\partial net_1}{\partial w_1} = x_2", WRONG),
        (r"\frac{\partial E}{\partial w_1} = (y_1 - t_1) y_1 (1 - y_1) x_1", RIGHT),
        (r"\frac{\partial E}{\partial w_1} = (y_1 - t_1) x_1", WRONG),
        (r"\frac{\partial E}{\partial w_1} = \delta_1 x_1", RIGHT),
        (r"\frac{\partial E}{\partial w_1} = -\delta_1 x_1", WRONG),
        (r"\frac{\partial E}{\partial y_1} = |y_1 - t_1|", WRONG),
        (r"\frac{\partial E}{\partial w_1} = zeta \cdot x_1", UNDECIDED),
        (r"\frac{\partial E}{\partial y_1} = \{\frac{1}{2}(t_1 - y_1)^2\}'", RIGHT),
        (r"\frac{\partial E}{\partial net_1} = \{\frac{1}{2}(t_1 - y_1)^2\}'", RIGHT),
        (r"\frac{\partial E}{\partial net_1} = \{\frac{1}{2}(t_1 - net_1)^2\}'", WRONG),
    ],
)
def test_a_claim_is_decided_from_the_definitions(claim, verdict):
    """Definitions are right, and the claim after them is what they make it."""
    assert verdicts(*NET, claim) == [RIGHT] * 3 + [verdict]


def test_a_definition_may_follow_its_use():
    """A name with an index has its meaning throughout the text."""
    assert verdicts(r"\frac{\partial net_1}{\partial w_1} = x_1", NET[0]) == [RIGHT, RIGHT]


def test_a_delta_means_what_the_text_says():
    """With the opposite sign of δ the claims turn round."""
    said = r"\delta_1 = (t_1 - y_1) y_1 (1 - y_1)"
    assert verdicts(*NET, said, r"\frac{\partial E}{\partial w_1} = -\delta_1 x_1")[-1] == RIGHT
    assert verdicts(*NET, said, r"\frac{\partial E}{\partial w_1} = \delta_1 x_1")[-1] == WRONG


def test_a_wrong_link_has_a_counterexample():
    """Numbers for what is free, as the text writes it, and what both sides come to there."""
    found = reviewed(*NET, r"\frac{\partial net_1}{\partial w_1} = x_2").findings[-1]
    values = dict(found.at)
    assert set(values) == {"x_1", "x_2"}
    assert [float(side) for side in found.sides] == [float(values["x_1"]), float(values["x_2"])]


def test_a_counterexample_can_be_computed_by_hand():
    """Inputs, weights and targets come first; what is computed from them, as far as the line names it, then."""
    found = reviewed(*NET, r"\frac{\partial E}{\partial y_1} = t_1 - y_1").findings[-1]
    at, hence = dict(found.at), {name: float(value) for name, value in found.hence}
    assert set(at) == {"w_1", "x_1", "w_2", "x_2", "b", "t_1"}
    w1, x1, w2, x2, b, t = (float(at[n]) for n in ("w_1", "x_1", "w_2", "x_2", "b", "t_1"))
    y = 1 / (1 + math.exp(-(w1 * x1 + w2 * x2 + b)))
    assert hence["y_1"] == pytest.approx(y, rel=1e-4)
    assert float(found.sides[0]) == pytest.approx(y - t, rel=1e-4)
    assert float(found.sides[1]) == pytest.approx(t - y, rel=1e-4)


def test_a_large_network_is_shown_by_the_names_of_the_line():
    """Dozens of weights are no help: then what the line itself names has its numbers."""
    given = Given(graph=dense(Network.dense((4, 6, 3)), notation("lecture")))
    found = reviewed(r"\frac{\partial E}{\partial w_{11}} = \delta_{1} \cdot x_{2}", given=given).findings[-1]
    assert found.verdict == WRONG
    assert len(found.at) <= judge.SHOWN
    assert "x_{2}" in dict(found.at)


def test_what_only_follows_is_marked():
    """A step that is right but for the wrong one before it names that; the head stays the measure."""
    review = reviewed(
        *NET,
        r"\frac{\partial E}{\partial y_1} = t_1 - y_1",
        r"= -(y_1 - t_1)",
        r"= y_1 - t_1",
    )
    assert [(f.verdict, f.follows) for f in review.findings[3:]] == [(WRONG, ""), (WRONG, "R4"), (RIGHT, "")]


def test_letters_get_new_meanings():
    """z = x + y, later z = x y: each is right, and said."""
    texts = (
        r"z = x + y",
        r"\frac{\partial z}{\partial x} = 1",
        r"z = x y",
        r"\frac{\partial z}{\partial x} = y",
    )
    review = reviewed(*texts)
    assert [f.verdict for f in review.findings] == [RIGHT] * 4
    assert "context_again" in [said.key for said, _ in review.context]
    assert verdicts(*texts[:3], r"\frac{\partial z}{\partial x} = 1")[-1] == WRONG


def test_a_restated_definition_is_a_claim():
    """net_1 keeps its meaning."""
    assert verdicts(*NET, r"net_1 = w_1 x_1 + w_1 x_2 + b")[-1] == WRONG


def test_functions_that_are_not_known():
    """f and g may be any; where f is defined it is that."""
    assert verdicts(r"\{f(g(x))\}' = f'(g(x)) g'(x)") == [RIGHT]
    assert verdicts(r"\frac{df}{dx} = \frac{df}{dg} \cdot \frac{dg}{dx}") == [RIGHT]
    assert verdicts(r"h_1 = g(i_1 w_1)", r"\frac{\partial h_1}{\partial w_1} = i_1 g'(i_1 w_1)") == [
        RIGHT,
        RIGHT,
    ]
    assert verdicts(r"h_1 = g(i_1 w_1)", r"\frac{\partial h_1}{\partial w_1} = w_1 g'(i_1 w_1)")[1] == WRONG
    assert verdicts(r"f(x) = \frac{1}{1 + e^{-x}}", r"f'(x) = f(x) (1 - f(x))") == [RIGHT, RIGHT]
    assert verdicts(r"f(x) = x^3", r"f'(x) = 3 x^2") == [RIGHT, RIGHT]


def test_a_proof_in_x():
    """d/dx of something written in x needs no definition."""
    head = r"\frac{d}{dx}(\frac{1}{1 + e^{-x}}) = "
    assert verdicts(head + r"\frac{e^{-x}}{(1 + e^{-x})^2}") == [RIGHT]
    assert verdicts(head + r"\frac{-e^{-x}}{(1 + e^{-x})^2}") == [WRONG]


# ---------------------------------------------------------------- readings


def readings(*texts: str, given: Given | None = None) -> list[tuple[str, dict]]:
    """How the last line was read."""
    found = reviewed(*texts, given=given).findings[-1]
    assert found.verdict == RIGHT, found.why
    return [(said.key, dict(said.args)) for said in found.readings]


def test_a_plain_reading_is_not_told():
    assert readings(*NET, r"\frac{\partial E}{\partial y_1} = y_1 - t_1") == []


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ((*NET, r"\frac{\partial E}{\partial w_1} = \delta_1 x_1"), ("read_alias", "name", r"\delta_1")),
        ((r"a = 3 x", r"z = a x + x", r"\frac{\partial z}{\partial x} = a + 1"), ("read_direct", "", "")),
        ((r"\frac{df}{dx} = \frac{df}{dg} \cdot \frac{dg}{dx}",), ("read_linked", "other", "g")),
        (
            (*NET, r"\frac{\partial E_{total}}{\partial y_1} = y_1 - t_1"),
            ("context_alias", "name", "Etotal"),
        ),
        ((*SOFTMAX, r"\frac{\partial L}{\partial o_i} = p_i - y_i"), ("read_alias", "other", "a_{i}")),
        ((*NET[::2], r"y_1 = f(net_1)", r"f'(net_1) = y_1 (1 - y_1)"), ("read_logistic", "", "")),
    ],
)
def test_a_line_tells_how_it_was_read(texts, said):
    """What holds in one of several readings alone says which; what holds from then on is said at the head."""
    review = reviewed(*texts)
    assert review.findings[-1].verdict == RIGHT, review.findings[-1].why
    heads = [m for m, _ in review.context]
    told = {
        (m.key, k, m.args.get(k, "")) for m in (*review.findings[-1].readings, *heads) for k in (*m.args, "")
    }
    assert said in told


# ---------------------------------------------------------------- indices


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (r"\frac{\partial L}{\partial a_i} = p_i - y_i", RIGHT),
        (r"\frac{\partial L}{\partial a_i} = y_i - p_i", WRONG),
        (r"\frac{\partial p_i}{\partial a_j} = p_i (\delta_{ij} - p_j)", RIGHT),
        (r"\frac{\partial p_j}{\partial a_j} = p_i (\delta_{ij} - p_j)", WRONG),
        (r"\frac{\partial p_i}{\partial a_j} = -p_i p_j", UNDECIDED),
        (r"\frac{\partial L}{\partial o_i} = p_i - y_i", RIGHT),
    ],
)
def test_indices_stand_for_any_number(claim, verdict):
    """A claim holds for equal and for different indices, or the condition must be said."""
    assert verdicts(*SOFTMAX, claim)[-1] == verdict


def test_an_index_that_is_not_on_the_left():
    """p_j = e^{a_i}/… is no definition of p_j."""
    assert verdicts(r"p_j = \frac{e^{a_i}}{\sum_k e^{a_k}}") == [WRONG]


def test_towers_of_powers_are_left_as_they_are():
    """9^{9^9} is not multiplied out."""
    assert verdicts(r"y = x^{9^{9^{9}}}", r"\frac{dy}{dx} = 1")[0] == RIGHT


# ---------------------------------------------------------------- updates


def test_updates():
    """w(t + 1) = w - η ∂E/∂w; without η it is remarked."""
    assert verdicts(*NET, r"w_1^{+} = w_1 - \eta \frac{\partial E}{\partial w_1}")[-1] == RIGHT
    assert verdicts(*NET, r"w_1^{+} = w_1 + \eta \frac{\partial E}{\partial w_1}")[-1] == WRONG
    assert remarks(reviewed(*NET, r"w_1(t+1) = w_1(t) - \frac{\partial E}{\partial w_1}")) == ["remark_rate"]


# ---------------------------------------------------------------- numbers


NUMBERS = (*NET, r"net_1 = 0.15 \cdot 0.05 + 0.2 \cdot 0.1 + 0.35")


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (r"net_1 = 0.3775", RIGHT),
        (r"net_1 = 0.3757", WRONG),
        (r"y_1 = 0.593269992", RIGHT),
        (r"y_1 = 0.5933", RIGHT),
        (r"y_1 = 0.5943", WRONG),
        (r"y_1 = \frac{1}{1 + e^{-0.3775}} = 0.593269992", RIGHT),
        (r"y_1 = \frac{1}{1 + e^{-0.3757}}", WRONG),
        (r"\frac{\partial y_1}{\partial net_1} = 0.593269992 (1 - 0.593269992) = 0.241300709", RIGHT),
        (r"\frac{\partial net_1}{\partial w_1} = x_1 = 0.05", RIGHT),
        (r"E = 0.2", UNDECIDED),
    ],
)
def test_numbers(row, verdict):
    """Numbers are learnt where they are put in for names, and then judged with what rounding allows."""
    found = verdicts(*NUMBERS, row)[4:]
    assert set(found) == {verdict}


@pytest.mark.parametrize(
    ("row", "verdict", "told"),
    [
        (r"y_1 = 0.59327", RIGHT, ()),
        (r"y_1 = 0.59326", WRONG, ("mistake_rounding",)),
        (r"y_1 = 0.59328", WRONG, ("mistake_rounding",)),
        (r"y_1 = 0.59372", WRONG, ("mistake_digit",)),
        (r"\frac{\partial y_1}{\partial net_1} = 0.593 (1 - 0.593) = 0.2413", RIGHT, ()),
        (r"\frac{\partial y_1}{\partial net_1} = 0.593 (1 - 0.593) = 0.241351", RIGHT, ()),
        (r"\frac{\partial y_1}{\partial net_1} = 0.593 (1 - 0.593) = 0.24142", RIGHT, ("read_rounding",)),
        (r"\frac{\partial y_1}{\partial net_1} = 0.593 (1 - 0.593) = 0.3172", WRONG, ("mistake_arithmetic",)),
    ],
)
def test_rounding(row, verdict, told):
    """Half a unit of the last digit is right; more only where the rounding before allows it, and that is told."""
    found = reviewed(*NUMBERS, row).findings[-1]
    assert found.verdict == verdict
    assert (
        tuple(said.key.removeprefix("review.") for said in (*found.readings, *filter(None, [found.mistake])))
        == told
    )


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (r"\frac{dy}{dx} = 0.6 x", RIGHT),
        (r"\frac{dy}{dx} = 0.5 x", WRONG),
        (r"\frac{dy}{dx} = 0.55 x + 0.05 x", RIGHT),
        (r"\frac{dz}{dx} = 0.7 \cdot 1.2 \, x", UNDECIDED),  # 0.792 x, of which 0.7 and 1.2 may be rounded
        (r"\frac{dz}{dx} = 0.8 \cdot 1.2 \, x", WRONG),
        (r"\frac{du}{dx} = 0.5 x", UNDECIDED),  # u = 3 x²: 0.5 may be a number put in
    ],
)
def test_decimals_as_factors(claim, verdict):
    """They are judged where what is differentiated has such factors itself."""
    assert verdicts("y = 0.3 x^2 + b", "z = 0.396 x^2", "u = 3 x^2", claim)[-1] == verdict


def test_a_bound_in_a_text_about_functions():
    found = reviewed(r"\sigma(x) = \frac{1}{1+e^{-x}}", r"\sigma'(x) \le \frac{1}{4}", r"\sigma'(x) \le \frac{1}{5}")
    assert [f.verdict for f in found.findings] == [RIGHT, RIGHT, UNDECIDED]
    assert found.findings[-1].why.key == "why_bound_here"
    (x,), (slope, bound) = found.findings[-1].at, map(float, found.findings[-1].sides)
    sigma = 1 / (1 + math.exp(-float(x[1])))
    assert slope == pytest.approx(sigma * (1 - sigma), rel=1e-4)
    assert slope > bound == 0.2


def test_updated_numbers():
    """After an update the text may go on with the new weights."""
    texts = (
        r"z_1 = W_1 x_1 = 0.3 \cdot 0.5 = 0.15", r"E = (z_1 - t_1)^2 = (0.15 - 0.1)^2 = 0.0025",
        r"W_1^{+} = W_1 - \alpha \frac{\partial E}{\partial W_1} = 0.3 - 0.5 \cdot 0.05 = 0.275",
        r"z_1 = W_1 x_1 = 0.275 \cdot 0.5 = 0.1375",
    )  # fmt: skip
    assert set(verdicts(*texts)) == {RIGHT}
    assert verdicts(*texts[:3], r"z_1 = W_1 x_1 = 0.285 \cdot 0.5")[-1] == WRONG


# ---------------------------------------------------------------- the context


def test_a_notation_of_ours_is_recognised():
    """What the lecture's names leave undefined is taken from its network."""
    review = reviewed(
        r"net_3 = w_{31} y_{h1} + w_{32} y_{h2} + 1",
        r"\frac{\partial y_{o1}}{\partial net_3} = y_{o1} (1 - y_{o1})",
        r"\frac{\partial E}{\partial y_{o1}} = y_{o1} - y_{t1}",
        r"\frac{\partial net_1}{\partial w_{11}} = x_1",
    )
    assert [f.verdict for f in review.findings] == [RIGHT] * 4
    assert review.context[0][0].key == "context_notation"


def test_a_given_network_goes_before_the_text():
    """A definition that contradicts it is wrong."""
    graph = dense(Network.dense((2, 2, 2)), notation("lecture"))
    wrong = r"\mathit{net}_{3} = w_{31} y_{h1} + w_{42} y_{h2} + 1"
    assert verdicts(wrong, given=Given(graph=graph)) == [WRONG]
    assert verdicts(wrong.replace("42", "32"), given=Given(graph=graph)) == [RIGHT]


def test_given_definitions_and_values():
    """What a reader states is not asked of the text."""
    given = Given(definitions=(r"z = 3 x",), values={"x": 0.5})
    assert verdicts(r"\frac{dz}{dx} = 3", r"z = 1.5", r"z = 1.6", given=given) == [RIGHT, RIGHT, WRONG]


def test_patience_with_a_text_has_an_end(monkeypatch):
    pairs = [
        (f"y_{i} = 2 x_{i}", rf"\frac{{dy_{i}}}{{dx_{i}}} = \cos(x_{i}) + 97 x_{i}") for i in range(1, 6)
    ]
    lines = [line for pair in pairs for line in pair]
    slip = r"\frac{dy_1}{dx_1} = -\frac{y_1}{x_1}"
    assert reviewed(*lines, slip).findings[-1].mistake is not None
    monkeypatch.setattr(repair.Patience.__init__, "__defaults__", (100,))
    found = reviewed(*lines, slip)
    assert [f.verdict for f in found.findings] == [RIGHT, WRONG] * 5 + [WRONG]
    assert found.findings[-1].mistake is None
    told = [rows for message, rows in found.context if message.key == "context_impatient"]
    assert len(told) == 1


def test_what_was_taken_is_said():
    """Each definition with the row it stands in."""
    said = reviewed(*NET).context
    assert [rows for _, rows in said] == [("R1",), ("R2",), ("R3",)]
    assert said[2][0].args["formula"] == r"E = \frac{1}{2}(t_1 - y_1)^2"


def test_every_sentence_has_its_words():
    """Whatever context, meaning and judge say is in the message files."""
    text = "".join(getsource(module) for module in (context, meaning, judge))
    keys = set(re.findall(r"\"((?:why|remark|context|read)_\w+)\"", text))
    for language in languages():
        assert {f"review.{key}" for key in keys} <= set(messages(language))


# ---------------------------------------------------------------- published texts


def lecture() -> Review:
    path = shared("reference", "lecture-ko.md")
    return judge.review(path.name, "", grammar.parse_all(sources.read(path.read_bytes(), path.name)))


def test_the_lecture():
    """Its three slips are found, its notation is remarked, and no right equation is called wrong."""
    review = lecture()
    wrong = [(f.left, f.right) for f in review.findings if f.verdict == WRONG]
    assert wrong == [
        ("y_{o1}", r"\frac{1}{2}(y_{t1} - y_{o1})^{2}"),
        ("y_{o2}", r"\frac{1}{2}(y_{t2} - y_{o2})^{2}"),
        (r"\frac{dy_{o1}}{d가중합_{3}}", "y_{h1}"),
    ]
    said = remarks(review)
    assert said.count("remark_rate") == 4
    assert said.count("remark_name") == 1
    assert "remark_time" in said


TEXTS = ("D01", "D02", "D04", "D07", "D08", "D11", "D13", "D20")


def published(name: str) -> tuple[dict[str, str], Review]:
    """A text's labels by row, and its review without any context given."""
    folder = shared("cases", "derivations")
    found = sorted(folder.glob(f"{name}_*.json"))
    if not found:
        missing(f"{folder}/{name}", "The published cases lie beside the checkout.")
    lines = json.loads(found[0].read_text(encoding="utf-8"))["lines"]
    texts = [line["text"].replace("&", "").replace("> ", "").lstrip(">").strip() for line in lines]
    parsed = grammar.parse_all(rows(*texts, ids=tuple(line["id"] for line in lines)))
    return {line["id"]: line["label"] for line in lines}, judge.review(name, "", parsed)


@pytest.mark.parametrize("name", TEXTS)
def test_no_right_row_of_a_published_text_is_called_wrong(name):
    """The worst mistake of all does not happen."""
    labels, review = published(name)
    blamed = [f for f in review.findings if f.verdict == WRONG and labels.get(f.row.id) == "ok"]
    assert not blamed, [(f.row.id, f.left, f.right) for f in blamed]


@pytest.mark.parametrize(("name", "least"), [("D01", 4), ("D02", 1), ("D04", 10), ("D13", 2)])
def test_wrong_rows_of_published_texts_are_found(name, least):
    """Without a word on the network; D01's lost digit and D02's weight need numbers that they leave out."""
    labels, review = published(name)
    wrong = {f.row.id for f in review.findings if f.verdict == WRONG and labels.get(f.row.id) == "wrong"}
    assert len(wrong) >= least


def places(found: Finding) -> str:
    return found.row.text[slice(*found.span)]


def test_the_span_of_a_finding_is_its_link():
    """From its left side to its right one; of a row that goes on, its right side."""
    review = reviewed(*NET, r"\frac{\partial E}{\partial y_1} = -(t_1 - y_1)", r"= y_1 - t_1")
    assert [places(f) for f in review.findings[3:]] == [
        r"\frac{\partial E}{\partial y_1} = -(t_1 - y_1)", "y_1 - t_1",
    ]  # fmt: skip
