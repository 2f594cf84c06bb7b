"""Notebooks: valid, the same each time, and they run from top to bottom and find what they say."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import re
from functools import cache

import drawn
import pytest
import tools
from commands import run
from every_block import SVG, every_block
from mathematics import cells, notebook_equations, rows

from backprop_symbolic import Network, VerifiedDerivation, derive, prove_activation, prove_loss, read
from backprop_symbolic.derivation import DETAILS
from backprop_symbolic.document import Document, Message, Paragraph, document
from backprop_symbolic.graph import dense
from backprop_symbolic.notation import Notation, notation
from backprop_symbolic.numeric.descent import descent
from backprop_symbolic.numeric.optimizers import optimizers
from backprop_symbolic.numeric.substitute import with_numbers
from backprop_symbolic.numeric.values import example, parse_set, resolve
from backprop_symbolic.render import Options, render, write_document

GRAPH = "parameter c\nnet = w*x + 1\nh = tanh(net)\nE = (t - c*h)**2 + abs(w)*0.5"
MINE = notation("mazur")


@cache
def numbered() -> VerifiedDerivation:
    """w31 and w11 of the lecture's network with Mazur's numbers, in Korean."""
    derived = derive(Network.dense([2, 2, 2], bias="fixed"), ["w31", "w11"], lang="ko")
    return with_numbers(derived, resolve(derived.graph, [example("mazur")]))


def executed(source: str) -> tuple[dict, str]:
    """The names that the cells leave when run one after another, and what they print."""
    found: dict = {}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        for number, cell in enumerate(cells(source, "code"), 1):
            exec(compile(cell, f"cell {number}", "exec"), found)  # our own program, not a user's text
    return found, out.getvalue()


# ---------------------------------------------------------------- the file


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_notebook_is_valid_and_always_the_same(language):
    """nbformat finds no fault; ids are unique; a second time gives the same bytes."""
    nbformat = tools.require("nbformat")
    whole, names = every_block(language)
    options = Options(language)
    source = write_document(whole, "notebook", names, options).content
    for text in (source, numbered().notebook(lang=language)):
        nbformat.validate(nbformat.reads(text, as_version=4))
        ids = [cell["id"] for cell in json.loads(text)["cells"]]
        assert len(set(ids)) == len(ids)
        assert text.endswith("}\n")
    assert source == write_document(whole, "notebook", names, options).content
    assert numbered().notebook() == numbered().notebook()
    assert nbformat.writes(nbformat.reads(source, as_version=4)) + "\n" == source


def test_a_cell_for_each_heading_and_each_program():
    """A heading begins a cell, programs in Python are cells of their own, others stay text."""
    whole, names = every_block()
    source = write_document(whole, "notebook", names).content
    texts, programs = cells(source, "markdown"), cells(source, "code")
    assert programs == ['print("```", {"a": {1: 2}}, f"{{x}}")']
    assert texts[0].startswith("# ")
    assert [t for t in texts[1:] if not t.startswith("#")] == [texts[-1]], "after a program the text goes on"
    assert all(len(re.findall(r"^#+ ", re.sub(r"```.*?```", "", t, flags=re.S), re.M)) <= 1 for t in texts)
    assert any("```sh\nbackprop derive" in t for t in texts)
    assert notebook_equations(source) == rows(whole, names)


def test_pictures_are_in_the_notebook():
    """As an image whose address holds the SVG, on a line of its own, with its words. No file lies beside."""
    whole, names = every_block()
    file = write_document(whole, "notebook", names)
    image = re.compile(r'^<img src="data:image/svg\+xml;base64,([^"]+)" alt="[^"$]*δₒ₁[^"$]*">$', re.M)
    (data,) = image.findall("\n".join(cells(file.content, "markdown")))
    assert base64.b64decode(data) == SVG
    assert dict(file.files) == {}


def test_a_document_of_nothing_but_a_title_is_a_notebook():
    alone = Document(Message("section.error"), ())
    assert cells(write_document(alone, "notebook", {}).content, "markdown") == ["# The error"]
    one = Document(Message("section.error"), (Paragraph(Message("section.setting")),))
    assert cells(write_document(one, "notebook", {}).content, "markdown") == ["# The error\n\nSetting"]


# ---------------------------------------------------------------- it runs


def test_a_kernel_runs_it():
    """Top to bottom in Jupyter's own kernel: no error, and numbers that agree."""
    nbformat, nbclient = tools.require("nbformat"), tools.require("nbclient")
    tools.require("ipykernel")
    book = nbformat.reads(numbered().notebook(), as_version=4)
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    outputs = [
        output.get("text") or output["data"]["text/plain"]
        for cell in book.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]
    gradients, verified, slopes, updates = outputs
    assert gradients.startswith("{w31: ")
    assert re.fullmatch(r"\(\d\d+, True\)", verified)
    assert "∂E/∂w31 = 0.0821670406" in slopes
    assert re.search(r"w31\(t\+1\) = (0\.35891\d+), \1", updates)


CASES = {
    "w31": lambda: derive("2-2-2", "w31"),
    "all": lambda: derive("2-3-1", "all", lang="ko", detail="full"),
    "brief": lambda: derive("2-2-2", ["w2_11", "w1_21"], notation="layered", detail="brief"),
    "biases": lambda: derive(Network.dense([2, 2, 2], ["tanh", "softmax"], "categorical_cross_entropy", "node", l1="1/3"), ["b1", "w31"]),
    "formulas": lambda: derive(Network.dense([1, 1, 1], ["x*sigmoid(1.702*x)", "atan(x)"], "(t - o)**4/4", l2=0.1), "all"),
    "own notation": lambda: derive(dense(Network.dense([2, 2, 1]), Notation("mine", MINE.names, MINE.latex, {})), "w1"),
    "graph": lambda: derive(read(GRAPH), "all", lang="ko"),
    "names": lambda: derive(read("parameters: w_1 _ 가중치\nnet = w_1*x_1 + _*x_12 + 가중치\nE = (t1 - net)**2"), "all"),
    "no effect": lambda: derive(read("parameter u\na = w1*x1\nE = a**2"), "all"),
    "numbers": numbered,
    "numbers of a penalty": lambda: _with(derive(Network.dense([1, 1, 1], l1="0.5"), "w21"), "x1=0.5", "y_t1=1", "w11=0.25", "w21=-1e-3"),
}  # fmt: skip


def _with(derived: VerifiedDerivation, *given: str) -> VerifiedDerivation:
    """Numbers for every leaf but the learning rate."""
    return with_numbers(derived, resolve(derived.graph, [parse_set(text) for text in given]))


@pytest.mark.parametrize("name", CASES)
def test_the_first_cell_derives_the_same_once_more(name):
    """What it makes renders to the very document in which it stands; all its numbers agree."""
    result = CASES[name]()
    source = result.notebook()
    found, printed = executed(source)
    again = found["d"]
    assert again.derivation.graph.quantities == result.graph.quantities
    assert (again.language, again.detail) == (result.language, result.detail)
    assert (
        again.markdown() == VerifiedDerivation(result.derivation, result.language, result.detail).markdown()
    )
    shown = document(result.derivation, DETAILS[result.detail], result.figures)
    assert notebook_equations(source) == rows(shown, result.graph.written(result.language), result.language)
    pairs = re.findall(r" = (\S+), (\S+)$", printed, re.M)
    assert len(pairs) == len(result.derivation.parameters)
    assert all(abs(float(a) - float(b)) < 1e-6 * max(1, abs(float(a))) for a, b in pairs)


@pytest.mark.parametrize(("activation", "loss"), drawn.pairs())
def test_numbers_agree_for_every_activation_and_loss(activation, loss):
    """The cells that measure by central differences fail nowhere."""
    network = Network.dense([1, 1, 2], ["tanh", activation], loss, "layer")
    _, printed = executed(derive(network, ["w21", "w11"]).notebook())
    assert printed.count("(t+1) = ") == 2


PAGES = {
    **{f"activation {n}": (lambda n=n: prove_activation(n)) for n in ("sigmoid", "elu(alpha=0.5)", "softmax", "x*sigmoid(1.702*x)")},
    **{f"loss {n}": (lambda n=n: prove_loss(n)) for n in ("half_sse", "softmax_cross_entropy", "(t - o)**4/4")},
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_proved_once_more(name):
    """The notebook of a proof makes and verifies the same page."""
    result = PAGES[name]()
    found, _ = executed(result.notebook())
    assert found["d"].markdown() == result.markdown()


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_an_optimizers_rule_is_written_once_more(name):
    page = descent(optimizers.get(name))
    found, _ = executed(render(page, "notebook"))
    assert render(found["d"], "markdown") == render(page, "markdown")


def test_a_wrong_number_stops_the_notebook():
    """The last cell can fail: with another gradient in it, its assertion does."""
    source = derive("2-2-2", "w31").notebook()
    check = cells(source, "code")[-1]
    found, _ = executed(source)
    with pytest.raises(AssertionError):
        exec(check.replace("steps.gradient(weight))", "1 + steps.gradient(weight))"), found)


def test_the_command_writes_a_notebook(tmp_path):
    """derive --format notebook -o FILE writes what the library does."""
    outcome = run("--weight", "w31", "--format", "notebook", "-o", tmp_path / "w31.ipynb")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert (tmp_path / "w31.ipynb").read_text(encoding="utf-8") == derive("2-2-2", "w31").notebook()
