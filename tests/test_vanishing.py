"""`backprop vanishing`: the bound, what is measured, the formats, the plots, the refusals."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import re
import subprocess
import sys

import pytest
from commands import ROOT, run
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Rational

from backprop_symbolic import Network, derive
from backprop_symbolic.activations import activation, activations
from backprop_symbolic.document import Display, Heading, Paragraph, Table
from backprop_symbolic.errors import (
    BadExpression,
    BadNetwork,
    NoBound,
    NotInstalled,
    OutputRefused,
    UnknownName,
)
from backprop_symbolic.facts import facts
from backprop_symbolic.render import Options, write_document
from backprop_symbolic.vanishing import (
    as_csv,
    as_json,
    document,
    measure,
    parse_weights,
    samples_for,
    vanishing,
)

DEEP = Network.parse("2-2-2-2-2-2")


@pytest.fixture(scope="module")
def lecture():
    """The lecture's comparison in a network of five layers."""
    return vanishing(DEEP, ["relu", "tanh", "softplus"])


# ---------------------------------------------------------------- the bound


def test_a_quarter_for_each_layer(lecture):
    """The sigmoid's bound is 1, ¼, 1/16, … exactly; ReLU, tanh and softplus have 1 throughout."""
    sigmoid, *others = lecture.courses
    assert list(sigmoid.bounds) == [Rational(1, 4**n) for n in range(5)]
    assert [c.entry.name for c in others] == ["relu", "tanh", "softplus"]
    assert all(set(c.bounds) == {1} for c in others)


@pytest.mark.parametrize("name", [e.name for e in activations])
def test_nothing_measured_exceeds_the_bound(name, monkeypatch):
    """For every activation: no random network passes on more than the bound, at any layer."""
    monkeypatch.setattr("backprop_symbolic.vanishing.SAMPLES", 12)
    for weights in (Rational(1, 2), Rational(3)):
        found = vanishing(Network.parse("3-4-2-5-2", name), weights=weights, seed=3)
        (course,) = found.courses
        for bound, largest in zip(course.bounds_as_floats, course.largest, strict=True):
            assert largest <= bound * (1 + 1e-9)


@settings(max_examples=max(5, settings().max_examples // 2))
@given(
    st.sampled_from(["sigmoid", "tanh", "relu", "silu", "arctan"]),
    st.lists(st.integers(1, 4), min_size=2, max_size=6),
    st.integers(0, 10**6),
)
def test_random_networks_stay_below_the_bound(name, sizes, seed):
    """Whatever the sizes and the seed."""
    factor = facts(activation(name)).steepest.value.value.box.high
    for ratios in measure(activation(name), sizes, Rational(2), seed)[:5]:
        for n, ratio in enumerate(ratios):
            assert ratio <= (2 * factor) ** n * (1 + 1e-9)


def test_the_bound_is_nearly_reached():
    """In a chain of single units with small values the sigmoid passes on nearly ¼ per layer."""
    (course,) = vanishing(Network.parse("1-1-1-1", "sigmoid"), weights=Rational(1, 10), seed=1).courses
    assert course.largest[1] > 0.9 * course.bounds_as_floats[1]


def test_measured_is_what_backpropagation_gives():
    """The measured ratios are those of the derived δ: one network computed by the derivation's formulas."""
    import random

    from backprop_symbolic.sampling import Sampled
    from backprop_symbolic.vanishing import _matrix, _one_network

    sizes, seed = (2, 2, 2), 11
    ratios = _one_network(Sampled(activation("sigmoid")), sizes, 1.0, random.Random(seed))
    source = random.Random(seed)
    x = [source.uniform(-2, 2) for _ in range(2)]
    first = _matrix(2, 2, 1.0, source)
    second = _matrix(2, 2, 1.0, source)
    targets = [source.uniform(-1, 1) for _ in range(2)]
    values = {"x1": x[0], "x2": x[1], "y_t1": targets[0], "y_t2": targets[1]}
    values |= {f"w{j + 1}{i + 1}": first[j][i] for j in range(2) for i in range(2)}
    values |= {f"w{k + 3}{j + 1}": second[k][j] for k in range(2) for j in range(2)}
    derivation = derive(Network.dense([2, 2, 2], bias="none"), "all").derivation
    from oracle import Oracle

    oracle = Oracle(derivation.graph, derivation.meanings, values)
    deltas = [abs(oracle.value(s).real) for s in derivation.graph.deltas.values()]
    assert len(deltas) == 4
    ratio = max(deltas[:2]) / max(deltas[2:])
    assert ratios[1] == pytest.approx(ratio, rel=1e-9) or ratios[1] == pytest.approx(1 / ratio, rel=1e-9)


def test_weights_scale_the_bound():
    """c multiplies into each layer: with c = 4 the sigmoid's bound is 1 throughout."""
    (course,) = vanishing(DEEP, weights=Rational(4)).courses
    assert set(course.bounds) == {1}
    (course,) = vanishing(DEEP, weights=Rational(1, 2)).courses
    assert course.bounds[-1] == Rational(1, 8**4)


def test_an_inexact_slope_is_rounded_up():
    """SiLU's bound is a number not below the enclosure of its greatest slope."""
    (course,) = vanishing(Network.parse("2-2-2", "silu")).courses
    assert course.bounds[1] >= course.steepest.box.high
    assert course.bounds[1] - Rational(course.steepest.box.high) < Rational(1, 10**11)


def test_the_seed_repeats_and_counts():
    """The same seed gives the same figures, another seed others."""
    assert vanishing(DEEP, seed=5) == vanishing(DEEP, seed=5)
    assert vanishing(DEEP, seed=5).courses[0].largest != vanishing(DEEP, seed=6).courses[0].largest


def test_large_networks_are_measured_less_often():
    assert samples_for((2, 2, 2)) == 100
    assert samples_for((5000, 5000)) == 2


# ---------------------------------------------------------------- the document


def test_every_step_of_the_page_is_verified(lecture):
    """The recursion of δ, the facts and the powers carry the verifier's evidence."""
    from backprop_symbolic.vanishing import _bound, origin

    names = {}
    sections = (origin(lecture, names), *(_bound(c, lecture, names) for c in lecture.courses))
    steps = [step for section in sections for step in section.steps()]
    assert len(steps) >= 8
    assert all(step.evidence is not None for step in steps)


def test_the_page_has_its_parts(lecture):
    page, names = document(lecture)
    assert [type(b) for b in page.blocks].count(Table) == 1
    assert sum(isinstance(b, Heading) for b in page.blocks) == 5
    assert any(isinstance(b, Display) for b in page.blocks)
    assert any(isinstance(b, Paragraph) for b in page.blocks)
    assert all(isinstance(latex, str) for latex in names.values())


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("format", ["text", "markdown", "latex"])
def test_documents(lecture, format, language):
    """Each format holds the table and says ¼; nothing unwritten is left."""
    page, names = document(lecture)
    shown = write_document(page, format, names, Options(language)).content
    assert "0.00390625" in shown
    assert ("1/4" in shown) if format == "text" else (r"\frac{1}{4}" in shown)
    assert "lvert" not in shown if format == "text" else r"\lvert" in shown
    assert "\x1f" not in shown
    assert re.search("[가-힣]", shown) is None if language == "en" else re.search("[가-힣]", shown)


@pytest.mark.latex
@pytest.mark.parametrize("language", ["en", "ko"])
def test_latex_compiles(lecture, language, tmp_path):
    """A real engine sets the page without an error or a missing character."""
    page, names = document(lecture)
    source = tmp_path / "v.tex"
    source.write_bytes(write_document(page, "latex", names, Options(language, standalone=True)).data)
    done = subprocess.run(
        ["xelatex", "-interaction=nonstopmode", "-halt-on-error", source.name],
        cwd=tmp_path, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in (tmp_path / "v.log").read_text(encoding="utf-8", errors="replace")


def test_data_formats_agree(lecture):
    """CSV and JSON hold the same rows, and JSON the exact ¼."""
    table = list(csv.DictReader(io.StringIO(as_csv(lecture))))
    data = json.loads(as_json(lecture))
    assert len(table) == len(data["rows"]) == 20
    for row, other in zip(table, data["rows"], strict=True):
        assert {k: str(v) for k, v in other.items()} == row
    first = data["activations"][0]
    assert (first["name"], first["steepest"], first["factor"]) == ("sigmoid", "1/4", 0.25)
    assert data["activations"][3]["attained"] is False


# ---------------------------------------------------------------- refusals


def test_no_bound_where_the_slope_has_none():
    from backprop_symbolic.activations import Activation

    added = activations.register(Activation("square_for_test", "x**2", "2*x", "q", "q"))
    try:
        with pytest.raises(
            NoBound, match=r"^the slope of 'square_for_test' is unbounded, so there is no bound"
        ):
            vanishing(Network.parse("2-2-2", added.name))
    finally:
        del activations._entries["squarefortest"]


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (lambda: vanishing(Network.parse("2-2-2", "tanh,sigmoid")), BadNetwork, "several activations"),
        (lambda: vanishing(DEEP, ["reluu"]), UnknownName, "Did you mean"),
        (lambda: parse_weights("-1"), BadExpression, "positive number"),
        (lambda: parse_weights("1e9"), BadExpression, "positive number"),
        (lambda: parse_weights("0/3"), BadExpression, "positive number"),
        (lambda: parse_weights("3/0"), BadExpression, "positive number"),
        (lambda: vanishing(Network.parse("15000-9000-2")), BadNetwork, "more than 20000 units"),
    ],
)
def test_refusals(work, error, message):
    with pytest.raises(error, match=message):
        work()


def refused(*args, cwd=None):
    outcome = run("vanishing", *args, command="backprop", cwd=cwd)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("Error: ")
    assert outcome.err.count("\n") == 1
    return outcome.err[len("Error: ") : -1]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--depth", "0"], "--depth takes a number of layers from 1 to 999, not '0'"),
        (["--depth", "3", "--network", "2-2"], "--depth goes without --network"),
        (["--plot", "a.gif"], "--plot 'a.gif': a plot is written as .svg, .png or .pdf"),
        (["--plot", "no/a.svg"], "cannot write 'no/a.svg': there is no directory 'no'"),
        (["--plot", "a.svg", "-o", "a.svg"], "--plot and --output name the same file"),
        (["--weights", "big"], "--weights takes a positive number such as 1, 0.5 or 3/2, not 'big'"),
        (["--format", "jsn"], "no format 'jsn'. Known: text markdown latex json csv. Did you mean 'json'?"),
        (["--lang", "fr"], "no language 'fr'. Known: en ko."),
    ],
)
def test_refusals_of_the_command(args, message, tmp_path):
    """One line, exit code 2, and no file."""
    assert refused(*args, cwd=tmp_path) == message
    assert list(tmp_path.iterdir()) == []


def test_the_command(tmp_path):
    """The table to a file and the plot beside it; standard output stays empty."""
    outcome = run(
        "vanishing", "--depth", "3", "--compare", "none", "--format", "csv", "-o", "t.csv", "--plot", "p.svg",
        command="backprop", cwd=tmp_path,
    )  # fmt: skip
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.svg", "t.csv"]
    assert (tmp_path / "t.csv").read_text().splitlines()[2].startswith("sigmoid,1,2,0.25,")


def test_help_needs_no_sympy():
    code = (
        "import sys\nfrom backprop_symbolic.cli import main\n"
        "try:\n    main(['vanishing', '--help'])\nexcept SystemExit: pass\n"
        "print(*({'sympy', 'matplotlib'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert "Bound the gradient" in done.stdout
    assert done.stderr.strip() == ""


# ---------------------------------------------------------------- plots


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch):
    import importlib.util

    from backprop_symbolic import plots

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "matplotlib" else found(name, *a)
    )
    with pytest.raises(
        NotInstalled, match=r"^plots need matplotlib: pip install 'backprop-symbolic\[plot\]'$"
    ):
        plots.needed()


def test_without_a_hangul_font_one_line_says_so(lecture, monkeypatch):
    pytest.importorskip("matplotlib")
    from backprop_symbolic import plots

    monkeypatch.setattr(plots, "hangul_font", lambda: None)
    with pytest.raises(
        NotInstalled, match=r"^plots in 'ko' need a font with Hangul: pip install koreanize-mat"
    ):
        plots.vanishing_plot(lecture, "svg", "ko")
    assert plots.vanishing_plot(lecture, "svg", "en")


def test_the_same_svg_each_time(lecture):
    """Byte for byte, also from another process; no date in it."""
    pytest.importorskip("matplotlib")
    from backprop_symbolic import plots

    drawn = plots.vanishing_plot(lecture, "svg")
    assert drawn == plots.vanishing_plot(lecture, "svg")
    assert b"<dc:date>" not in drawn
    code = (
        "import sys\nfrom backprop_symbolic import Network, plots, vanishing as v\n"
        "found = v.vanishing(Network.parse('2-2-2-2-2-2'), ['relu', 'tanh', 'softplus'])\n"
        "sys.stdout.buffer.write(plots.vanishing_plot(found, 'svg'))"
    )
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT)
    assert again.stdout == drawn


@pytest.mark.parametrize(("format", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_plots_of_curves(format, start):
    """f and f' of activations with a jump, a kink, a maximum and a supremum, in each format."""
    pytest.importorskip("matplotlib")
    from backprop_symbolic import plots

    entries = [activation(name) for name in ("sigmoid", "relu", "softplus", "silu")]
    drawn = plots.curves(entries, format)
    assert drawn.startswith(start)


def test_a_step_has_no_joining_line():
    """No drawn line of a step function goes from 0 to 1."""
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    from backprop_symbolic import plots
    from backprop_symbolic.activations import Activation

    figure = Figure()
    step = Activation("step_for_test", "1 if x >= 0 else 0", "0", r"\mathrm{step}", "step")
    plots._curves(figure, plots._Words("en"), [step])
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 2]
    assert len(lines) == 2
    for line in lines:
        assert max(line.get_ydata()) == min(line.get_ydata())


def test_the_maximum_is_marked():
    """A star stands at (0, ¼) of the sigmoid's derivative, with ¼ beside it."""
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    from backprop_symbolic import plots

    figure = Figure()
    plots._curves(figure, plots._Words("en"), [activation("sigmoid")])
    stars = [line for line in figure.axes[1].lines if line.get_marker() == "*"]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in stars] == [(0.0, 0.25)]
    assert [t.get_text() for t in figure.axes[1].texts] == ["1/4"]


def test_formats_of_plots():
    from backprop_symbolic import plots

    assert plots.format_of("a/b.SVG") == "svg"
    with pytest.raises(OutputRefused):
        plots.format_of("svg")


def test_colours_and_styles_tell_curves_apart():
    """As many line styles and markers as colours, none twice."""
    from backprop_symbolic import plots

    for table in (plots.COLOURS, plots.STYLES, plots.MARKERS):
        assert len(table) == len(set(table)) == 7
    assert math.isnan(plots._positive([0.0])[0])


@pytest.mark.parametrize(
    "name",
    [*(a.name for a in activations), "x**(1/3)", "log(x)", "x if x >= 1 else -x", "max(x, 2)", "exp(exp(x))"],
)
def test_dual_numbers_say_what_the_evaluator_says(name):
    """The quick way to f(x) and f'(x) agrees with the slow one, at kinks and where there is no value too."""
    from backprop_symbolic.sampling import Sampled

    quick, slow = Sampled(activation(name)), Sampled(activation(name))
    assert quick.fast is not None
    slow.fast = None
    source = random.Random(name)
    for x in (-3.0, -1.0, 0.0, 1.0, 3.0, *(source.uniform(-6, 6) for _ in range(30)), 700.0, -800.0):
        ours, theirs = quick.at(x), slow.at(x)
        assert (ours is None) == (theirs is None), x
        for a, b in zip(ours or (), theirs or (), strict=True):
            assert abs(a - b) <= 1e-12 * max(1.0, abs(b)) or a == b, x
