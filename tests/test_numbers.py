"""A derivation with numbers: each line's number is its own, agrees with the graph, and is shown rounded."""

from __future__ import annotations

import json
import math
import re

import jsonschema
import pytest
from commands import ROOT, run
from drawn import networks
from hypothesis import assume, given
from hypothesis import strategies as st
from sympy import Integer, Rational, Symbol

from backprop_symbolic import Network, derive, read
from backprop_symbolic.algebra import Numeral, add, mul, power, replace
from backprop_symbolic.errors import BadValues, Unverified
from backprop_symbolic.evaluate import Evaluator, Numbers
from backprop_symbolic.expressions import parse
from backprop_symbolic.graph import dense
from backprop_symbolic.numeric.substitute import figures, with_numbers
from backprop_symbolic.numeric.values import example, parse_set, resolve
from backprop_symbolic.printing import Latex
from backprop_symbolic.render import formats
from backprop_symbolic.terminal import Flat

MAZUR = dense(Network.dense([2, 2, 2], bias="fixed"))


def numbered(weight="w31", digits=4, **options):
    return with_numbers(derive(MAZUR, weight, **options), resolve(MAZUR, [example("mazur")]), digits)


def numeral(value: float, digits: int = 4) -> Numeral:
    return Numeral(Rational(*value.as_integer_ratio()), Integer(digits))


# ---------------------------------------------------------------- what is shown


@pytest.mark.parametrize("line", [
    "= 0.15 · 0.05 + 0.2 · 0.1 + 0.35 = 0.3775",
    "= (0.7514 - 0.01) · 0.7514 · (1 - 0.7514) · 0.5933 = 0.08217",
    "= 0.1385 · 0.5933 = 0.08217",
    "= 0.4 - 0.5 · 0.1385 · 0.5933 = 0.3589",
    "= ½(0.01 - 0.7514)² = 0.2748",
])  # fmt: skip
def test_the_lines_of_the_mazur_network(line):
    """The forward pass, the gradient, δ, the update and the error, with numbers."""
    assert line in numbered().text()


def test_partials_keep_their_symbol():
    """∂E/∂w = … = 0.08217: the left side is never a number, nor is a derivative still to be done."""
    document = json.loads(numbered("all").json())
    for section in document["sections"]:
        for step in steps(section):
            if "numbers" in step:
                assert "diff" not in step["rhs"]["text"]


def steps(section):
    for item in section["items"]:
        yield from item["steps"] if "steps" in item else steps(item)


@pytest.mark.parametrize("name", [entry.name for entry in formats if not entry.binary])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_format_and_language_shows_the_numbers(name, language):
    assert "0.08217" in numbered(lang=language).render(name)
    assert "0.08217" not in derive(MAZUR, "w31", lang=language).render(name)


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (0.05, 4, "0.05"), (0.0821670405, 4, "0.08217"), (0.0821670405, 2, "0.082"), (-0.3, 4, "-0.3"),
        (0.0000123, 4, "1.23 · 10⁻⁵"), (-0.0000123, 4, "-1.23 · 10⁻⁵"), (0.000123, 4, "0.000123"),
        (2.00004, 4, "2.000"), (2.0, 4, "2"), (123456.7, 4, "1.235 · 10⁵"), (123456.0, 4, "123456"), (0.0, 4, "0"),
        (0.1 + 0.2, 4, "0.3"), (0.99999, 4, "1.000"), (1e300, 3, "1 · 10³⁰⁰"), (1e-300, 3, "1 · 10⁻³⁰⁰"),
    ],
)  # fmt: skip
def test_how_a_number_is_written(value, digits, shown):
    """Significant digits; no zeros that say nothing; a power of ten where it is shorter."""
    assert Flat({})(numeral(value, digits)) == shown


def test_negative_numbers_stand_in_brackets():
    flat, latex = Flat({}), Latex({})
    a, b = numeral(0.5), numeral(-0.3)
    assert flat(add(a, b)) == "0.5 + (-0.3)"
    assert flat(mul(a, b)) == "0.5 · (-0.3)"
    assert flat(power(b, Integer(2))) == "(-0.3)²"
    assert flat(mul(Integer(3), power(numeral(2.0), Integer(2)))) == "3 · 2²"
    assert latex(mul(a, numeral(-0.0000123))) == r"0.5 \cdot (-1.23 \cdot 10^{-5})"


# ---------------------------------------------------------------- what is computed


def test_rounded_values_are_never_fed_on():
    """With one digit shown every number is the same, to the last bit, as with seventeen."""

    def values(digits: int) -> dict[str, float]:
        return {key: figure.value for key, figure in numbered("all", digits).figures.steps.items()}

    assert values(1) == values(17)
    assert values(1)  # there are some


def test_each_line_is_the_value_of_the_formula_it_shows():
    """The numbers put in, not the names, give the result."""
    found = numbered("all").figures
    point = Evaluator(MAZUR, {}, Numbers(), {}.__getitem__)
    for figure in (*found.forward.values(), *found.steps.values()):
        assert point.value(figure.formula).real == figure.value
        assert not {s for s in figure.formula.free_symbols if s in MAZUR.quantities}


def test_a_wrong_line_is_refused_by_name():
    """A step that does not hold has a number that the graph does not give."""
    import dataclasses

    from backprop_symbolic.backprop import backprop
    from backprop_symbolic.derivation import Group, Section

    derivation = backprop(MAZUR, [MAZUR.parameter("w31")])
    wrong = derivation.results[MAZUR.parameter("w31")].gradient

    def damaged(part):
        if isinstance(part, Section):
            return dataclasses.replace(part, items=tuple(map(damaged, part.items)))
        assert isinstance(part, Group)
        turned = tuple(
            dataclasses.replace(s, rhs=mul(Integer(-1), s.rhs)) if s.id == wrong.id else s for s in part.steps
        )
        return dataclasses.replace(part, steps=turned)

    damaged_one = dataclasses.replace(derivation, sections=tuple(map(damaged, derivation.sections)))
    with pytest.raises(
        Unverified, match=rf"^step {wrong.id} \(insert\): .* comes to -0\.0821.* and to 0\.0821"
    ):
        figures(damaged_one, resolve(MAZUR, [example("mazur")]))


@given(networks(width=3, depth=2), st.integers(0, 10**6))
def test_every_network_has_numbers_that_agree(network, seed):
    """Random networks, all activations, losses and bias modes: no line is refused, each format is written."""
    # A softmax of a softmax is a network that `backprop` does not derive yet.
    assume(not (network.activations[-1] == "softmax" and network.loss == "softmax_cross_entropy"))
    graph = dense(network)
    try:
        values = resolve(graph, [], seed=seed)
    except BadValues:
        return  # no point in the domain was found
    shown = with_numbers(derive(graph, "all"), values)
    assert shown.figures.steps
    assert "numbers" in json.loads(shown.json())


LEAVES = st.floats(-1e4, 1e4).filter(lambda v: v == 0 or abs(v) > 1e-8)


@given(st.dictionaries(st.sampled_from("abcd"), LEAVES, min_size=4), st.sampled_from([
    "a + b*c - d", "a*(b - c)**2", "3*a**2 - b", "a - (b - c)", "-(a*b)", "2*(a + b)*(c - d)", "a*b*c*d", "1/2*(a - b)**2",
]))  # fmt: skip
def test_what_is_shown_reads_back_as_its_value(numbers, text):
    """The line as written, digits and signs and brackets, is arithmetic with that result."""
    names = {name: Symbol(name) for name in numbers}
    formula = replace(
        parse(text, names.get, lambda name: None), {names[n]: numeral(v, 17) for n, v in numbers.items()}
    )
    shown = Flat({})(formula)
    typed = re.sub(r"10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: f"10**({_plain(m[1])})", shown)
    typed = re.sub(r"([⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda m: f"**{_plain(m[1])}", typed)
    typed = typed.replace("·", "*").replace("½", "1/2 * ")
    point = Evaluator(read("E = w1"), {}, Numbers(), {}.__getitem__)
    typed = re.sub(r"(?<=[\d)]) *\(", "*(", typed)  # 2(a + b)
    again = point.value(parse(typed, names.get, lambda name: None)).real
    wanted = point.value(formula).real
    assert math.isclose(again, wanted, rel_tol=1e-9, abs_tol=1e-6)


def _plain(raised: str) -> str:
    return raised.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))


def test_without_a_learning_rate_the_update_has_no_number():
    graph = dense(Network.dense([1, 1]))
    shown = with_numbers(
        derive(graph, "w11"), resolve(graph, [parse_set(t) for t in ("x1=1", "y_t1=0", "w11=0.5")])
    ).text()
    assert "w₁₁(t) - η" in shown
    assert "- η" not in shown.split("w₁₁(t) - η · δₒ₁ · x₁")[-1]


def test_equal_terms_are_two_terms():
    """s = a + 1 + a: the forward mode counts both uses of a, as the derivation does."""
    graph = read("a = w*x1\ns = a + 1 + a\nE = s**2 + a")
    shown = with_numbers(derive(graph, "w"), resolve(graph, [], seed=1))
    assert shown.figures.steps


# ---------------------------------------------------------------- JSON and the command line


def test_json_keeps_to_the_schema():
    schema = json.loads((ROOT / "docs" / "derivation.schema.json").read_text(encoding="utf-8"))
    document = json.loads(numbered("all").json())
    jsonschema.validate(document, schema)
    assert document["numbers"]["given"]["x1"]["value"] == 0.05
    assert document["numbers"]["given"]["x1"]["from"] == "example mazur, 'inputs[1]'"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--weight", "w31", "--digits", "4"), "--digits goes with --values, --set, --seed or --example"),
        (("--weight", "w31", "--sample", "1"), "--sample goes with --values, --set, --seed or --example"),
        (("--weight", "w31", "--seed", "1", "--digits", "0"), "--digits 0: numbers are shown with 1 to 17 significant digits"),
        (("--weight", "w31", "--seed", "1", "--sample", "2"), "no sample 2: there are 1, counted from 1"),
        (("--weight", "w31", "--set", "x1=1"), "no value for input x2; targets y_t1 y_t2; parameters w11 w12"),
        (("--weight", "w31", "--example", "nobody"), "no example 'nobody'. Known: "),
        (("--seed", "1"), "Missing option '--weight'."),
        (("--example", "micrograd", "--network", "2-2-2"), "example micrograd, 'graph' is a graph: 'network' is about networks"),
    ],
)  # fmt: skip
def test_the_command_refuses_by_name(args, said):
    outcome = run(*args)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"Error: {said}")
    assert outcome.err.count("\n") == 1


def test_options_against_a_file_are_told():
    outcome = run("--example", "mazur", "--notation", "lecture", "--weight", "w31", "--format", "text")
    assert outcome.code == 0
    assert outcome.err == "Note: --notation lecture is used, not example mazur, 'notation' = 'mazur'\n"


def test_values_from_a_file_and_from_options(tmp_path):
    path = tmp_path / "numbers.toml"
    path.write_text('network = "1-1"\nx1 = 1\ny_t1 = 0\nw11 = 0.5\neta = 1\n', encoding="utf-8")
    outcome = run("--weight", "w11", "--values", path, "--set", "x1=2", "--format", "text")
    assert "0.5 · 2 + 1 = 2" in outcome.out
