"""Activations and losses in Coq: every one of the registries is proved by coqc, or refused by name.

All of them are compiled as one script, so that Coq's libraries are loaded once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from commands import process
from sympy import Expr, Symbol
from tools import program

from backprop_symbolic import activations, losses, page
from backprop_symbolic.algebra import ONE, Call, Tight, X, add, mul, neg, power
from backprop_symbolic.derivation import Derivation, Group, Section, Step
from backprop_symbolic.formal import coqc
from backprop_symbolic.formal.functions import (
    activation_script,
    function,
    functions,
    loss_proof,
    loss_script,
    proved,
    said,
    script,
)
from backprop_symbolic.formal.names import library
from backprop_symbolic.formal.script import NotExported, closing
from backprop_symbolic.formal.terms import Curve, certificate, function_name, term

#: Activations with values of one's own, and formulas: each rule of the library stands in one of them.
OWN_VALUES = [
    "elu(alpha=0.5)",
    "celu(alpha=2)",
    "softplus(beta=2)",
    "leaky_relu(slope=0.2)",
    "hard_tanh(min_val=-2)",
]
FORMULAS = [
    "f_1: x*exp(-x**2)/(1 + x**2)",
    "f_2: log(x) if x > 1 else sqrt(1 + x**2) - sqrt(2)",
    "f_3: exp(log(1 + x**2)**2)",
    "f_4: relu(x)**2 + hard_tanh(2*x)",
    "f_5: sin(x)*cos(2*x) + sinh(x)",
    "f_6: abs(x - 1) + sign(x) + 2**x",
    "f_7: (x + 1)**-0.5 + (x*x + 1)**0.3 + x**-2",
    "f_8: x if x > 0 else sqrt(1 - x) - 1",
    "f_9: abs(x)**1.5",
]
OWN_LOSSES = ["huber(delta=0.5)", "focal(gamma=3)", "t*log(t/o)", "abs(t - o)**3", "sqrt(1 + (t - o)**2)"]
LAYERS = [*activations.layer_activations.names()]


@dataclass(frozen=True)
class Compiled:
    """What coqc says of everything at once.

    line     of its first complaint; None where there is none
    starts   where the text of each begins, by its name
    refused  why others have no text
    said     on both streams
    """

    line: int | None
    starts: dict[str, int]
    refused: dict[str, str]
    said: str


def compiled(text: str, folder) -> tuple[int | None, str]:
    """The line of coqc's first complaint, and all that it says."""
    (folder / "all.v").write_text(text, encoding="utf-8")
    outcome = process([program("coqc"), "-q", "all.v"], cwd=folder, timeout=300)
    found = re.search(r"line (\d+), characters [\d-]+:\nError", outcome.err)
    assert (outcome.code == 0) == (found is None), outcome.err
    return int(found[1]) if found else None, outcome.out + outcome.err


@pytest.fixture(scope="session")
def everything(tmp_path_factory) -> Compiled:
    """Every activation and loss, those with values and the formulas, compiled in one run."""
    texts: dict[str, str] = {}
    refused: dict[str, str] = {}
    asked: list[str] = []
    for name in [*activations.activations.names(), *OWN_VALUES, *FORMULAS]:
        try:
            for made in functions([activations.activation(name)]):
                texts.setdefault(made.name, made.text)
                asked.append(made.theorem)
        except NotExported as error:
            refused[name] = str(error)
    for i, name in enumerate([*losses.losses.names(), *OWN_LOSSES]):
        try:
            text, needed, _ = loss_proof(losses.loss(name))
        except NotExported as error:
            refused[f"loss {name}"] = str(error)
            continue
        for made in needed:
            texts.setdefault(made.name, made.text)
        texts[f"loss {name}"] = f"Module M{i}.\n{text}End M{i}.\n"
        asked.append(f"M{i}.loss'derive")
    whole, starts = library(), {}
    for name, text in texts.items():
        starts[name] = whole.count("\n") + 1
        whole += text
    line, heard = compiled(whole + closing(asked), tmp_path_factory.mktemp("coq"))
    return Compiled(line, starts, refused, heard)


def judge(everything: Compiled, name: str, refusal: str) -> None:
    """Refused by its own name, or taken by Coq: what stands before the first complaint and does not hold it."""
    if refusal in everything.refused:
        assert name in everything.refused[refusal]
        return
    after = [start for start in everything.starts.values() if start > everything.starts[name]]
    assert everything.line is None or (after and everything.line >= min(after)), everything.said


@pytest.mark.parametrize("name", [*activations.activations.names(), *OWN_VALUES, *FORMULAS])
def test_an_activation_is_proved_or_refused(name, everything):
    judge(everything, function_name(activations.activation(name).name), name)


@pytest.mark.parametrize("name", [*losses.losses.names(), *OWN_LOSSES])
def test_a_loss_is_proved_or_refused(name, everything):
    key = f"loss {name}"
    judge(everything, key if key in everything.starts else name, key)


def test_they_rest_on_the_classical_reals_alone(everything):
    """No axiom but those of the real numbers; and nothing was left out for want of time."""
    assert everything.line is None, everything.said
    named = re.findall(r"^([\w.']+\.[\w.']+)\s*:", everything.said.partition("Axioms:")[2], re.M)
    assert named
    assert set(named) <= set(coqc.CLASSICAL_REALS)


def test_what_is_refused_is_known(everything):
    """A function that loses its proof is seen here."""
    assert list(everything.refused) == ["loss softmax_cross_entropy"]


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_function_is_refused(name):
    with pytest.raises(NotExported, match=f"^{name} has no Coq form yet: it acts on a whole layer$"):
        activation_script(activations.layer_function(name))


# ---------------------------------------------------------------- the lines are the steps


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "mish", "elu", "gelu"])
def test_every_printed_step_is_a_lemma_in_its_order(name):
    """Each with the line as printed and its rule before it, and the theorem after them."""
    entry = activations.activation(name)
    made = function(entry)
    steps = list(page.without_facts(entry).sections[0].steps())
    assert [id for id, _ in made.lemmas] == [step.id for step in steps]
    places = [
        made.text.index(f"(* {said(step)} *)\nLemma {lemma} ")
        for step, (_, lemma) in zip(steps, made.lemmas, strict=True)
    ]
    assert places == sorted(places)
    assert made.text.index(f"Theorem {made.theorem} ") > places[-1]


def test_another_proof_of_the_same_is_in_the_script():
    """tanh by sinh/cosh too."""
    made = activation_script(activations.activation("tanh"))
    assert len(made.lemmas) > len(function(activations.activation("tanh")).lemmas)
    assert "sinh(x)/cosh(x)" in made.text


def test_a_function_knows_where_it_has_a_derivative():
    """ReLU away from 0; ELU everywhere where α is 1, as both of its cases meet there, else away from 0."""
    known = {
        n: function(activations.activation(n))
        for n in ("relu", "elu", "elu(alpha=0.5)", "celu(alpha=2)", "sigmoid")
    }
    assert known["relu"].condition == "act_relu'domain"
    assert "Definition act_relu'domain (x : R) : Prop := (0 <> x)." in known["relu"].text
    assert known["elu(alpha=0.5)"].condition
    assert [known[n].condition for n in ("elu", "celu(alpha=2)", "sigmoid")] == [None] * 3


def test_what_a_function_is_made_of_comes_first_and_once():
    made = [f.name for f in functions([activations.activation(n) for n in ("mish", "silu", "tanh")])]
    assert len(made) == len(set(made))
    assert made.index("act_tanh") < made.index("act_mish")
    assert made.index("act_sigmoid") < made.index("act_silu")


def test_a_loss_says_what_it_supposes_before_it_proves():
    """0 < o < 1 under binary cross-entropy, o ≠ t under the absolute error, n > 0 where n occurs."""
    bce = loss_script(losses.loss("binary_cross_entropy")).text
    first = bce.index("Lemma loss'")
    for hypothesis in ("Hypothesis output_above_0 : 0 < o_k.", "Hypothesis output_below_1 : o_k < 1."):
        assert library().count("\n") and bce.index(hypothesis) < first
    mae = loss_script(losses.loss("mae")).text
    assert "Hypothesis output_off_target : o_k <> t_k." in mae
    assert "Hypothesis outputs_positive : 0 < n." in mae
    assert "supposed_" not in bce + mae  # what the registry states is enough
    assert "Hypothesis supposed_1 : 0 < o_k." in loss_script(losses.loss("(t - o)**2 + log(o)")).text


def test_a_script_stands_alone():
    """coqc takes it by itself, and says what it rests on."""
    program("coqc")
    verdict = coqc.check(activation_script(activations.activation("silu")))
    assert verdict.proved, verdict.error
    assert set(verdict.axioms) <= set(coqc.CLASSICAL_REALS)


# ---------------------------------------------------------------- what is false is rejected


def less(expr: Expr) -> Expr:
    """A product without its last factor."""
    return mul(*expr.args[:-1])


#: (function, the step, what is done to its right side): the sign, a factor, σ′, an exponent, another function.
DAMAGES: dict[str, tuple[str, str, Callable[[Expr], Expr]]] = {
    "sign": ("sigmoid", "s3", neg),
    "exponent": ("tanh", "s3", lambda e: power(e, ONE + ONE)),
    "lost factor": ("mish", "s7", less),
    "lost slope": ("sigmoid", "s9", lambda e: Call(Symbol("sigmoid"), X)),
    "a name's meaning": ("mish", "s3", lambda e: X),
    "cases exchanged": ("elu", "s3", lambda e: e.func(*((pair.args[0], ~pair.args[1] if i == 0 else True) for i, pair in enumerate(e.args)), evaluate=False)),
}  # fmt: skip


EVERYDAY = ("sign", "lost factor", "cases exchanged")


def damaged(section: Section, id: str, change: Callable[[Expr], Expr]) -> Section:
    """A proof in which one step claims something else."""

    def step(s: Step) -> Step:
        return replace(s, rhs=change(s.rhs)) if s.id == id else s

    items = tuple(
        replace(item, steps=tuple(step(s) for s in item.steps))
        if isinstance(item, Group)
        else damaged(item, id, change)
        for item in section.items
    )
    return replace(section, items=items)


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[pytest.mark.slow] * (k not in EVERYDAY)) for k in DAMAGES]
)
def test_a_false_line_is_rejected(kind):
    """By Coq, at the lemma of that line."""
    program("coqc")
    name, id, change = DAMAGES[kind]
    entry = activations.activation(name)
    derivation = page.without_facts(entry)
    made = proved(entry, [damaged(derivation.sections[0], id, change)], derivation.meanings)
    needed = [f.text for f in functions([entry]) if f.name != made.name]
    lemma = dict(made.lemmas)[id]
    # What follows the line is not needed for the verdict.
    until = made.text[: made.text.index("Qed.", made.text.index(f"Lemma {lemma} "))] + "Qed.\n"
    verdict = coqc.check(script(kind, [*needed, until], [lemma], lemmas=((id, lemma),)))
    assert not verdict.proved
    assert f"{lemma}, which is step {id}" in verdict.error


def test_a_false_line_of_a_loss_is_rejected():
    """∂E/∂o = t - o, the wrong way round."""
    program("coqc")
    derivation = page.loss_page("half_sse")
    section = damaged(derivation.sections[0], "s8", neg)
    wrong: Derivation = replace(derivation, sections=(section,))
    text, _, lemmas = loss_proof(losses.loss("half_sse"), wrong)
    verdict = coqc.check(script("wrong", [text], ["loss'derive"], lemmas=lemmas))
    assert not verdict.proved
    assert "which is step s8" in verdict.error


#: A lemma of a step: its name, what it is about, its claim, its proof.
LINE = re.compile(r"^Lemma (\S+'s\d+)([^\n]*) :\n  ([^\n]*)\.\nProof\.\s+(.*?)\.?\s*Qed\.", re.M | re.S)


@pytest.mark.slow
def test_every_line_with_one_added_is_rejected(tmp_path):
    """Each line of every activation, its right side one too large: the same proof proves the line and not that."""
    whole, lines = library(), 0
    for made in functions([activations.activation(n) for n in activations.activations.names()]):
        whole += made.text
        found = LINE.findall(made.text)
        assert [lemma for lemma, *_ in found] == [lemma for _, lemma in made.lemmas]
        for _, heads, claim, tactics in found:
            lines += 1
            one = re.sub(r"(?<=[\w)])\. (?=[a-z])", "; ", " ".join(tactics.split()))
            whole += f"Goal forall{heads}, {claim}.\nProof. intros. solve [ {one} ]. Qed.\n"
            whole += f"Goal forall{heads}, {claim} + 1.\nProof. intros. Fail solve [ {one} ]. Abort.\n"
    assert lines > 100
    line, heard = compiled(whole, tmp_path)
    assert line is None, heard


# ---------------------------------------------------------------- terms


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("1/(1 + exp(-x))", "(1 / (1 + (exp (- x))))"),
        ("-x + 2*x - 1/2", "((- x) + (2 * x) - (1 / 2))"),
        ("1.702*x**3", "((851 / 500) * (x ^ 3))"),
        ("x**-2", "(/ (x ^ 2))"),
        ("sqrt(x)*x**0.3", "((sqrt x) * (Rpower x (3 / 10)))"),
        ("x if x > 0 else 0", "(if Rlt_dec 0 x then x else 0)"),
        ("1 if x >= 2 else x", "(if Rle_dec 2 x then 1 else x)"),
        ("abs(x)*sign(x) + pi*tanh(x)", "(((Rabs x) * (sign x)) + (PI * (act_tanh x)))"),
    ],
)
def test_a_formula_as_a_term(formula, expected):
    parsed = activations.formula(activations.activation(formula))
    assert term(parsed, lambda s: s.name) == expected


def test_constants_cost_nothing_in_a_derivative():
    """Of a weighted sum only the terms that move have a rule of their own."""
    a, b, x = Symbol("a"), Symbol("b"), X
    found = certificate(add(mul(a, x), b), {x: Curve("v", "1", "(m_id x)")}, lambda s: s.name, {}.__getitem__)
    assert (found.value, found.slope) == ("((a * x) + b)", "(a * 1)")
    assert found.body == "((a * v) + b)"
    assert "m_mult" not in found.proof


def test_what_has_no_coq_form_is_named():
    from sympy import gamma

    with pytest.raises(NotExported, match=r"^gamma has no Coq form yet, in 'gamma\(x\)'$"):
        term(gamma(X), lambda s: s.name)
    with pytest.raises(NotExported, match="gamma"):
        certificate(Tight(X, gamma(X)), {X: Curve("v", "1", "(m_id x)")}, lambda s: s.name, {}.__getitem__)
