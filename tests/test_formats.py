"""What comes out: LaTeX that compiles, Markdown that parses, text that lines up, JSON to a schema.

And the same mathematics in all of them: the equations are read back out of LaTeX, Markdown and JSON
and compared with the derivation.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from itertools import pairwise, product
from pathlib import Path

import pytest
import tools
from commands import ROOT
from jsonschema import Draft202012Validator
from markdown_it import MarkdownIt
from mathematics import latex_equations, markdown_equations, notebook_equations, rows_of, squeezed
from mdit_py_plugins.dollarmath import dollarmath_plugin
from sympy import Expr, Symbol, atan, expand

from backprop_symbolic import Network, VerifiedDerivation, derive, read
from backprop_symbolic.activations import activations, function_symbol
from backprop_symbolic.algebra import Call, plain
from backprop_symbolic.derivation import DETAILS, Group, Section
from backprop_symbolic.document import Display, document
from backprop_symbolic.expressions import parse
from backprop_symbolic.losses import losses
from backprop_symbolic.printing import BREAK, Latex
from backprop_symbolic.wording import messages

SHARED = "net1 = w*x1 + 1\nh1 = tanh(net1)\nnet2 = w*h1 + 1\no1 = sigmoid(net2)\nE = 1/2*(t1 - o1)**2\n"
RESIDUAL = "a = w1*x1 + b1\nh = sigmoid(a)\ns = h*x1 + a\nE = (t1 - s)**2 + abs(w1)*0.5\n"
#: Names that are hard on a printer: indices, lone underscores, letters of many scripts, LaTeX commands.
HOSTILE = """\
parameters: w_1 _ __ w_a_b frac input alpha w_ 가중치 ö
input x_1 x_12 begin text
aleph = w_1*x_1 + _*x_12 + __*begin
mathit = sigmoid(aleph)
end = frac*mathit + input*text + w_a_b + alpha*x_1
hidden__unit_ = tanh(end)
sum_ = w_*hidden__unit_ + 가중치*mathit + ö
E = 1/2*(t1 - sum_)**2
"""


@dataclass(frozen=True)
class Case:
    """A derivation to be rendered."""

    weight: str
    sizes: tuple[int, ...] = (2, 2, 2)
    activation: str = "sigmoid"
    loss: str = "half_sse"
    bias: str = "1"
    notation: str = "lecture"
    graph: str = ""

    @cache  # noqa: B019 - cases live as long as the tests
    def derived(self, lang: str = "en", detail: str = "normal") -> VerifiedDerivation:
        weight = "all" if self.weight == "all" else self.weight.split()
        if self.graph:
            return derive(read(self.graph), weight, lang=lang, detail=detail)
        network = Network.dense(self.sizes, self.activation.split(","), self.loss, self.bias)
        return derive(network, weight, notation=self.notation, lang=lang, detail=detail)


CASES = {
    "w31": Case("w31"),
    "w11": Case("w11"),
    "all": Case("all"),
    "deep": Case("w1_11", (3, 4, 3, 2), "tanh,relu,sigmoid", "mae", "layer", "layered"),
    "wide": Case("w10,3 w11", (3, 10, 2), "leaky_relu,silu", "binary_cross_entropy", "node"),
    "mazur": Case("w5 w1", activation="softplus,arctan", loss="log_cosh", notation="mazur"),
    "four outputs": Case("w11", (2, 3, 4), "elu,softsign", "mse", "fixed"),
    "one of each": Case("all", (1, 1, 1), "identity", "sse", "none"),
    "shared": Case("w", graph=SHARED),
    "residual": Case("all", graph=RESIDUAL),
    "hostile": Case("all", graph=HOSTILE),
}
LANGS, LEVELS = ("en", "ko"), tuple(DETAILS)
EVERY = pytest.mark.parametrize(
    ("case", "lang", "detail"),
    [pytest.param(CASES[c], lang, d, id=f"{c}-{lang}-{d}") for c, lang, d in product(CASES, LANGS, LEVELS)],
)


# ---------------------------------------------------------------- the same mathematics everywhere


def equations_of(result: VerifiedDerivation, lang: str, detail: str) -> list[tuple[str, str]]:
    """(left, right) of every step that is shown, in reading order."""
    shown, level = [], DETAILS[detail]
    write = Latex(result.graph.written(lang), messages(lang)["word.otherwise"])

    def walk(item: Section | Group) -> None:
        if item.detail <= level:
            if isinstance(item, Section):
                for inner in item.items:
                    walk(inner)
                return
            for step in item.steps:
                if step.detail <= level:
                    pair = (write(step.lhs).replace(BREAK, ""), write(step.rhs).replace(BREAK, ""))
                    shown.append((squeezed(pair[0]), squeezed(pair[1])))

    for section in result.derivation.sections:
        walk(section)
    return shown


def steps_of(data: object) -> Iterator[dict]:
    """Every step of a JSON document, in reading order."""
    if isinstance(data, dict):
        if "rhs" in data:
            yield data
        else:
            for value in data.values():
                yield from steps_of(value)
    elif isinstance(data, list):
        for item in data:
            yield from steps_of(item)


def shown_in_json(data: object, level: int) -> list[dict]:
    """The steps that a document of this detail shows; a section or group may carry a detail too."""
    if isinstance(data, list):
        return [step for item in data for step in shown_in_json(item, level)]
    assert isinstance(data, dict)
    if data.get("detail", 0) > level:
        return []
    return [data] if "rhs" in data else shown_in_json(data.get("items", data.get("steps")), level)


@EVERY
def test_every_format_contains_the_same_mathematics(case, lang, detail):
    """The equations read out of LaTeX, of Markdown and of JSON are the derivation's, one for one."""
    result = case.derived(lang, detail)
    expected = equations_of(result, lang, detail)
    assert expected
    assert latex_equations(result.latex()) == expected
    assert latex_equations(result.latex(standalone=True)) == expected
    assert markdown_equations(result.markdown()) == expected
    assert notebook_equations(result.notebook()) == expected
    found = shown_in_json(json.loads(result.json())["sections"], DETAILS[detail])
    assert [(squeezed(s["lhs"]["latex"]), squeezed(s["rhs"]["latex"])) for s in found] == expected


@EVERY
def test_no_printed_line_says_nothing(case, lang, detail):
    """No equation has the same two sides, and no line of a chain repeats the one before."""
    result = case.derived(lang, detail)
    write = Latex(result.graph.written(lang), messages(lang)["word.otherwise"])
    for block in document(result.derivation, DETAILS[detail]).blocks:
        left = before = ""
        for row in block.rows if isinstance(block, Display) else ():
            shown = write(row.rhs)
            assert row.lhs is not None or shown != before
            left, before = left if row.lhs is None else write(row.lhs), shown
            assert left != shown


@pytest.mark.parametrize("name", activations.names())
def test_an_activation_is_not_defined_by_itself(name):
    """Neither the hypothesis nor the end of the proof says f(x) = f(x)."""
    source = squeezed(Case("w31", activation=name).derived(detail="full").markdown())
    assert not re.search(r"([^$`&=]+)=\1(?![^$`&=\\]|\\cdot)", source.replace("&=", "="))


# ---------------------------------------------------------------- LaTeX


OVERFULL = 5  # points beyond the margin that nobody sees
DOCUMENT = r"""\documentclass[11pt,a4paper]{article}
\usepackage[margin=25mm]{geometry}
\usepackage{amsmath}
\usepackage{graphicx}
\usepackage{kotex}
\setmainhangulfont{NanumMyeongjo}
\setsanshangulfont{NanumGothic}
\begin{document}
\section{A host document}
%s
Text after it.
\end{document}
"""


def compiled(source: str, engine: str, folder: Path, overfull: float = OVERFULL, **files: str) -> str:
    """The text of the PDF. Fails where the log has an error, a missing glyph or a line too wide."""
    program = tools.program(engine)
    for name, text in {"main": source, **files}.items():
        (folder / f"{name}.tex").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [
            program,
            "-halt-on-error",
            "-interaction=nonstopmode",
            "-file-line-error",
            "-no-shell-escape",
            "main.tex",
        ],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "max_print_line": "10000", "openin_any": "a"},
        timeout=300,
    )
    log = (folder / "main.log").read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, "\n".join(log.splitlines()[-40:])
    complaints = [
        line
        for line in log.splitlines()
        if "Missing character" in line
        or "Undefined control sequence" in line
        or (
            re.search(r"Overfull \\hbox \(([\d.]+)pt", line)
            and float(re.search(r"\(([\d.]+)pt", line)[1]) > overfull
        )
        or (
            re.search(r"(LaTeX|Package \w+) (Error|Font Warning)", line)
            and "Size substitutions" not in line
            and "Some font shapes" not in line
        )
    ]
    assert complaints == []
    pdf = folder / "main.pdf"
    assert pdf.stat().st_size > 1000
    if shutil.which("pdftotext") is None:
        return ""
    return subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, check=True).stdout.decode()


@pytest.mark.latex
@pytest.mark.parametrize(
    ("name", "engine", "lang", "detail"),
    [
        ("w31", "xelatex", "en", "normal"),
        ("w31", "lualatex", "ko", "brief"),
        ("w11", "lualatex", "en", "full"),
        ("w11", "xelatex", "ko", "full"),
        ("deep", "xelatex", "ko", "normal"),
    ],
)
def test_standalone_latex_compiles(name, engine, lang, detail, tmp_path):
    """Exit status 0, nothing missing, nothing beyond the margin; Hangul is really in the PDF."""
    source = CASES[name].derived(lang, detail).latex(standalone=True)
    text = compiled(source, engine, tmp_path)
    if text and lang == "ko":
        for word in ("신경망", "가중합", "유도하기"):
            assert word in text or word in re.sub(r"\s", "", text)


@pytest.mark.latex
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["xelatex", "lualatex"])
@EVERY
def test_standalone_latex_compiles_in_every_variant(case, lang, detail, engine, tmp_path):
    """Every case, in both languages, at every detail, with both engines."""
    compiled(case.derived(lang, detail).latex(standalone=True), engine, tmp_path)


def host(parts: dict[str, str]) -> str:
    return DOCUMENT % "\n".join(rf"\input{{{name}}}" for name in parts)


@pytest.mark.latex
def test_fragments_work_in_a_host_document(tmp_path):
    """\\input of fragments with every activation, every loss, every notation, a graph, in one document."""
    parts: dict[str, str] = {}
    names, all_losses = activations.names(), losses.names()
    for i, activation in enumerate(names):
        case = Case("w31 w11", activation=activation, loss=all_losses[i % len(all_losses)], bias="layer")
        parts[f"part{i}"] = case.derived(LANGS[i % 2]).latex()
    for name in ("mazur", "deep", "shared", "residual"):
        parts[f"more-{name}"] = CASES[name].derived("ko", "full").latex()
    text = compiled(host(parts), "xelatex", tmp_path, **parts)
    assert not text or "Text after it." in text


@pytest.mark.latex
@pytest.mark.parametrize("lang", LANGS)
def test_hostile_names_compile(lang, tmp_path):
    """Names such as `_`, `w_a_b`, `frac`, `가중치` are text, in either language."""
    text = compiled(CASES["hostile"].derived(lang).latex(standalone=True), "xelatex", tmp_path)
    assert not text or "가중치" in text.replace(" ", "")


@pytest.mark.latex
@pytest.mark.parametrize("name", ["θ1", "δ", "Ж2", "œ", "ℵ"])
def test_letters_of_other_scripts_compile(name, tmp_path):
    """Greek, Cyrillic and other letters Python takes for a name are not lost in the PDF."""
    graph = f"parameter {name}\nnet1 = {name}*x1 + 1\nE = (t1 - net1)**2\n"
    compiled(derive(read(graph), "all").latex(standalone=True), "xelatex", tmp_path)


def test_latex_is_balanced():
    """Braces and environments match, and no blank line stands inside mathematics."""
    for case, lang, detail in product(CASES.values(), LANGS, LEVELS):
        source = case.derived(lang, detail).latex(standalone=True)
        bare = re.sub(r"\\[{}]", "", source)
        assert bare.count("{") == bare.count("}")
        stack = []
        for kind, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", source):
            stack.append(name) if kind == "begin" else None
            assert kind == "begin" or stack.pop() == name
        assert stack == []
        for body in re.findall(r"\\begin\{align\*\}(.*?)\\end\{align\*\}", source, re.DOTALL):
            assert "\n\n" not in body
            assert not body.rstrip().endswith("\\")


def test_hangul_in_latex_mathematics_is_wrapped():
    """Bare Hangul in mathematics vanishes: every run of it stands in \\text{}."""
    for case, detail in product(CASES.values(), LEVELS):
        result = case.derived("ko", detail)
        for left, right in latex_equations(result.latex()):
            bare = re.sub(r"\\text\{[^{}]*\}", "", left + right)
            assert not re.search("[가-힣]", bare), bare


# ---------------------------------------------------------------- Markdown


def parsed(source: str) -> list:
    """Tokens as a renderer with dollar mathematics sees them, inline ones included."""
    reader = (
        MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, allow_space=False, allow_digits=False)
    )
    found = []
    for token in reader.parse(source):
        found.append(token)
        found.extend(token.children or [])
    return found


@EVERY
def test_markdown_parses_as_it_was_meant(case, lang, detail):
    """Each $$ block is one block of mathematics, each $`…`$ one inline piece, and there is no HTML."""
    source = case.derived(lang, detail).markdown()
    written = re.findall(r"^\$\$\n(.*?)\n\$\$$", source, re.DOTALL | re.MULTILINE)
    assert source.count("$$") == 2 * len(written)
    tokens = parsed(source)
    assert [t.content.strip("\n") for t in tokens if t.type == "math_block"] == written
    inline = re.findall(r"(?<!\\)\$`(.*?)`\$", source)
    assert [t.content for t in tokens if t.type == "math_inline"] == [f"`{piece}`" for piece in inline]
    assert not {t.type for t in tokens} & {
        "html_block",
        "html_inline",
        "code_block",
        "fence",
        "code_inline",
        "table_open",
    }
    for token in tokens:
        if token.type == "text":
            assert "$" not in token.content
    for body in written:
        assert "\n\n" not in body
        for line in body.split("\n"):
            assert line.strip()
            assert not re.match(r"\s*[-+#>*]|\s*\d+[.)]\s", line), line
            assert line.strip() != "="
            assert "|" not in line, "a bar breaks tables: \\lvert"
            assert not re.search(r"\\[\[\]()]", line)


@EVERY
def test_markdown_blocks_stand_alone(case, lang, detail):
    """`$$` on lines of their own with a blank line before and after."""
    lines = case.derived(lang, detail).markdown().split("\n")
    fences = [i for i, line in enumerate(lines) if "$$" in line]
    for begin, end in zip(fences[::2], fences[1::2], strict=True):
        assert lines[begin] == lines[end] == "$$"
        assert lines[begin - 1] == lines[end + 1] == ""


def test_markdown_headings_are_headings():
    """One title, and no level is skipped on the way down."""
    for case, lang in product(CASES.values(), LANGS):
        levels = [int(t.tag[1]) for t in parsed(case.derived(lang).markdown()) if t.type == "heading_open"]
        assert levels.count(1) == 1 == levels[0]
        assert all(b <= a + 1 for a, b in pairwise(levels))
        assert max(levels) <= 6


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", CASES)
def test_a_notebook_shows_markdown_with_plain_dollars(name, lang):
    """`_repr_markdown_` differs from `markdown()` in the inline signs alone: Jupyter knows no $`…`$."""
    result = CASES[name].derived(lang)
    shown = result._repr_markdown_()
    assert shown == result.markdown().replace("$`", "$").replace("`$", "$")
    inline = [t.content for t in parsed(shown) if t.type == "math_inline"]
    assert inline == re.findall(r"(?<!\\)\$`(.*?)`\$", result.markdown())


@pytest.mark.parametrize("name", CASES)
def test_a_notebook_shows_the_result_as_latex(name):
    """`_repr_latex_` is one formula with ∂E/∂w for every parameter."""
    result = CASES[name].derived()
    shown = result._repr_latex_()
    assert shown.startswith("$")
    assert shown.endswith("$")
    assert shown.count("$") == 2
    body = re.search(r"\\begin\{aligned\}\n(.*)\n\\end\{aligned\}", shown, re.DOTALL)[1]
    write = Latex(result.graph.written("en"))
    expected = [
        (squeezed(write(r.gradient.lhs)), squeezed(write(r.gradient.rhs).replace(BREAK, "")))
        for r in result.derivation.results.values()
    ]
    assert rows_of(body) == expected
    assert len(expected) == len(result.gradients)


# ---------------------------------------------------------------- text


def columns(line: str) -> list[str]:
    """The line as terminal columns: a wide character takes two, a combining one none."""
    found: list[str] = []
    for c in line:
        if unicodedata.combining(c):
            continue
        wide = unicodedata.east_asian_width(c) in "WF"
        found.extend([c, ""] if wide else [c])
    return found


def cell(grid: list[list[str]], row: int, column: int) -> str:
    if not 0 <= row < len(grid) or not 0 <= column < len(grid[row]):
        return " "
    return grid[row][column]


BESIDE = set(" ½()|{}⎛⎜⎝⎞⎟⎠⎧⎨⎪⎩⎰⎱/\\")


@EVERY
def test_fractions_and_equals_signs_line_up(case, lang, detail):
    """Numerator and denominator stand over and under their bar; the rows of a chain share one `=`."""
    text = case.derived(lang, detail).text()
    displays = re.findall(r"(?:^(?: {4}.*)?\n)+", text, re.MULTILINE)
    bars = signs = 0
    for display in displays:
        grid = [columns(line) for line in display.split("\n")]
        equals = None
        for y, row in enumerate(grid):
            line = "".join(row)
            for bar in re.finditer("─+", line.replace("\ue000", "?")):
                begin = len(columns(line[: bar.start()]))
                end = begin + len(bar[0])
                bars += 1
                for near in (y - 1, y + 1):
                    over = [cell(grid, near, x) for x in range(begin, end)]
                    assert any(c not in (" ",) for c in over), f"nothing over or under a bar:\n{display}"
                    assert cell(grid, near, begin - 1) in BESIDE, f"a part sticks out to the left:\n{display}"
                    assert cell(grid, near, end) in BESIDE, f"a part sticks out to the right:\n{display}"
                    # Centred, up to the half column that cannot be split.
                    left = next(i for i, c in enumerate(over) if c != " ")
                    right = next(i for i, c in enumerate(reversed(over)) if c != " ")
                    if "─" not in over:
                        assert abs(left - right) <= 1 or near_is_deeper(grid, near, begin, end), display
            at = [i for i, c in enumerate(row) if c == "="]
            if not at:
                continue
            signs += 1
            if all(c == " " for c in row[: at[0]]):
                assert at[0] == equals, f"a further row of a chain is not under the first:\n{display}"
            equals = at[0]
    assert bars
    assert signs


def near_is_deeper(grid: list[list[str]], row: int, begin: int, end: int) -> bool:
    """Whether the part over or under a bar is a formula of several lines, whose edge may be uneven."""
    step = 1 if row + 1 < len(grid) and any(cell(grid, row + 1, x) == "─" for x in range(begin, end)) else -1
    return any(cell(grid, row - step, x).strip() for x in range(begin, end))


@EVERY
def test_text_is_clean(case, lang, detail):
    """No filler of the private area, no control character, no blank at a line's end, no LaTeX."""
    text = case.derived(lang, detail).text()
    assert not [c for c in text if unicodedata.category(c) in ("Co", "Cc", "Cs", "Cn") and c != "\n"]
    assert [line for line in text.split("\n") if line != line.rstrip()] == []
    assert not re.search(r"\\[a-zA-Z{]|\$|\{\w+\}", text)
    assert "\n\n\n" not in text


@pytest.mark.parametrize("lang", LANGS)
def test_headings_are_underlined_to_their_width(lang):
    """Under a heading stand as many signs as the terminal needs columns for it."""
    lines = CASES["w11"].derived(lang).text().split("\n")
    rules = [i for i, line in enumerate(lines) if re.fullmatch(r"=+|-+|·+", line)]
    assert len(rules) > 10
    for i in rules:
        assert len(lines[i]) == len(columns(lines[i - 1]))


# ---------------------------------------------------------------- JSON


SCHEMA = json.loads((ROOT / "docs" / "derivation.schema.json").read_text(encoding="utf-8"))


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


@EVERY
def test_json_follows_the_schema_and_every_step_has_evidence(case, lang, detail):
    """docs/derivation.schema.json describes what is written; ids are unique and lead somewhere."""
    data = json.loads(case.derived(lang, detail).json())
    errors = [
        f"{list(e.absolute_path)}: {e.message[:200]}" for e in Draft202012Validator(SCHEMA).iter_errors(data)
    ]
    assert errors == []
    steps = list(steps_of(data["sections"]))
    assert all(step["evidence"] is not None for step in steps)
    ids = [step["id"] for step in steps]
    assert len(ids) == len(set(ids))
    results = {step for result in data["results"].values() for step in result.values()}
    assert results <= set(ids), "a result is a step that is there"
    known = {q["name"] for q in data["quantities"]}
    assert data["error"] in known
    assert set(data["results"]) <= {q["name"] for q in data["quantities"] if q["role"] == "parameter"}


@EVERY
def test_json_uses_lead_to_steps_that_are_there(case, lang, detail):
    """What a step uses can be looked up, and no step leans on itself by a detour."""
    steps = {step["id"]: step for step in steps_of(json.loads(case.derived(lang, detail).json())["sections"])}
    dangling = {
        i: set(step["uses"]) - set(steps) for i, step in steps.items() if set(step["uses"]) - set(steps)
    }
    assert dangling == {}
    order = TopologicalSorter({i: step["uses"] for i, step in steps.items()})
    assert len(list(order.static_order())) == len(steps)


def test_a_damaged_document_is_refused_by_the_schema():
    """The schema is no rubber stamp."""
    validator = Draft202012Validator(SCHEMA)
    good = CASES["w31"].derived().json()

    def damaged(change) -> bool:
        data = json.loads(good)
        change(data, next(iter(steps_of(data["sections"]))))
        return not validator.is_valid(data)

    assert validator.is_valid(json.loads(good))
    assert damaged(lambda data, step: data.update(schema="2.0"))
    assert damaged(lambda data, step: data.pop("results"))
    assert damaged(lambda data, step: step.update(evidence=None))
    assert damaged(lambda data, step: step["evidence"].update(method="trust me"))
    assert damaged(lambda data, step: step["evidence"].update(points=0))
    assert damaged(lambda data, step: step.pop("rule"))
    assert damaged(lambda data, step: step.update(comment="x"))


def inverse_tangent(expr: Expr) -> Expr:
    """`arctan(x)` in a graph file is the activation, which is SymPy's atan."""
    return expr.replace(
        lambda e: isinstance(e, Call) and str(e.args[0]) == "arctan", lambda e: atan(e.args[1])
    )


@pytest.mark.parametrize("name", [c for c in CASES if c != "wide"])
def test_text_in_json_can_be_read_back(name):
    """`text` is the language of graph files: read by it, it is the formula of the step.

    Names with a comma (w10,3) are for people; a graph file cannot hold them.
    """
    result = CASES[name].derived()
    names = {s.name: s for s in (*result.graph.quantities, *result.derivation.meanings)} | {"x": Symbol("x")}
    steps, read_back = {step.id: step for step in result.steps}, 0
    for shown in steps_of(json.loads(result.json())["sections"]):
        text = shown["rhs"]["text"]
        if "diff" in text or "(t" in text:
            continue
        again, meant = parse(text, names.get, function_symbol), steps[shown["id"]].rhs
        assert expand(plain(inverse_tangent(again)) - plain(inverse_tangent(meant))) == 0, text
        read_back += 1
    assert read_back > 5


def test_json_is_told_apart_by_language_in_words_only():
    """The structure, the formulas as text and the evidence do not depend on the language."""

    def bones(data: object) -> object:
        if isinstance(data, dict):
            return {k: bones(v) for k, v in data.items() if k not in ("latex", "reason", "language")}
        return [bones(v) for v in data] if isinstance(data, list) else data

    for case in CASES.values():
        english, korean = (json.loads(case.derived(lang).json()) for lang in LANGS)
        english.pop("evidence"), korean.pop("evidence")  # random points differ
        assert bones(english) == bones(korean)


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    "name", ["_", "__", "x_1_", "w__a", "frac", "input", "begin", "alpha", "가중치", "가_1", "ö", "A"]
)
def test_any_name_that_python_takes_can_be_written(name):
    """Every name a graph may hold has LaTeX with matching braces and text without LaTeX in it."""
    graph = read(f"parameter {name}\nnet1 = {name}*x1\nE = (t1 - net1)**2\n")
    latex = graph.written("en")[Symbol(name)]
    assert latex.count("{") == latex.count("}")
    assert not re.search(r"(?<!\\)[#%&~]|(?<!\\)_(?!\{)", latex)
    commands = set(re.findall(r"\\([A-Za-z]+)", latex))
    assert commands <= {"mathit", "mathtt", "text", "alpha"}
    result = derive(graph, "all")
    assert "\\" not in result.text()
    assert name.strip("_").split("_")[0] in result.json()


def test_two_names_never_look_alike():
    """w11, w_11 and w_1_1 stay three different names on paper."""
    graph = read("parameters: w11 w_11 w_1_1 w1_1\nE = (t1 - w11 - w_11*x1 - w_1_1*x2 - w1_1*x3)**2\n")
    for lang in LANGS:
        shown = list(graph.written(lang).values())
        assert len(shown) == len(set(shown))


def test_names_in_decomposed_or_compatible_form():
    """A Mac may write 가 as ᄀ+ᅡ, and ﬁ is one letter: a name is the same where it is defined and used."""
    for name in (unicodedata.normalize("NFD", "가중치"), "ﬁ", "é", unicodedata.normalize("NFD", "é")):
        graph = read(f"parameter {name}\nnet = {name}*x1\nE = (t1 - net)**2\n")
        derive(graph, "all")
