"""The PDF: its mathematics is the derivation's, every sign has a glyph, nothing sticks out, names are text.

Typst compiles in a fraction of a second, so every formula of the package goes through it. What it drew is
read back by poppler.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import tools
from commands import ROOT, SCRIPTS
from everything import HOSTILE, everything, name
from hypothesis import given
from hypothesis import strategies as st
from normal import from_latex, from_typst, typst_rows
from sympy import Symbol
from test_formats import CASES, LANGS, OVERFULL, Case, compiled

from backprop_symbolic import BackpropError, derive, engines, prove_activation, prove_loss, read
from backprop_symbolic.activations import activations, layer_activations
from backprop_symbolic.api import VerifiedDerivation
from backprop_symbolic.cli import derive_main
from backprop_symbolic.derivation import DETAILS
from backprop_symbolic.document import Display, Document, Heading, document
from backprop_symbolic.errors import (
    BadNotation,
    NotInstalled,
    NotText,
    NotTypeset,
    OutputRefused,
    UnknownName,
)
from backprop_symbolic.losses import losses
from backprop_symbolic.numeric.descent import descent
from backprop_symbolic.numeric.optimizers import optimizers
from backprop_symbolic.printing import BREAK, Latex
from backprop_symbolic.render import Options, write_document
from backprop_symbolic.rendering.base import environment
from backprop_symbolic.rendering.pdf import escape_typst, typst_source
from backprop_symbolic.typesetting import Typst, pieces, translated
from backprop_symbolic.wording import messages

HIDDEN = Case("w11")


@cache
def pages() -> tuple[VerifiedDerivation, ...]:
    """Every activation, loss and optimizer, and a derivation in each notation and of each graph."""
    functions = [prove_activation(n) for n in (*activations.names(), *layer_activations.names())]
    return (
        *functions,
        *(prove_loss(n) for n in losses.names()),
        *(VerifiedDerivation(descent(o)) for o in optimizers),
        *(case.derived("en", "full") for case in CASES.values()),
    )


@pytest.fixture(scope="module")
def typst():
    return tools.require("typst")


def read_back(pdf: bytes, *options: str) -> str:
    """The text of a PDF, as poppler finds it."""
    program = tools.program("pdftotext")
    done = subprocess.run([program, *options, "-", "-"], input=pdf, capture_output=True, check=True)
    return done.stdout.decode()


# ---------------------------------------------------------------- the printer


@pytest.mark.parametrize("lang", LANGS)
def test_typst_and_latex_say_the_same(lang):
    """Every step of every page and case: the signs of both printers, in order, structure and all."""
    compared = 0
    for result in pages():
        names = result.graph.written(lang)
        latex, typst = Latex(names), Typst(names)
        for step in result.steps:
            for side in (step.lhs, step.rhs):
                shown = typst(side).replace(BREAK, "")
                assert from_typst(shown) == from_latex(latex(side).replace(BREAK, "")), shown
                compared += 1
    assert compared > 3000


def test_the_comparison_is_no_rubber_stamp():
    assert from_latex(r"\frac{a}{b}_{31}") == from_typst("frac(a, b)_(31)")
    for wrong in ("frac(b, a)_(31)", "frac(a, b)_(3) 1", "frac(a, b)^(31)", "a/b_(31)", "frac(a, b c)_(31)"):
        assert from_latex(r"\frac{a}{b}_{31}") != from_typst(wrong)


@pytest.mark.parametrize(
    ("latex", "typst"),
    [
        (r"\mathit{net}_{3}", 'name("net")_(3)'), (r"\text{오차}_{out}", '"오차"_(o u t)'), ("y_{o1}", "y_(o 1)"),
        (r"w^{(2)}_{11}", "w_(11)^((2))"), (r"\delta_{o1}", "delta_(o 1)"), ("w_{10,3}", "w_(10, 3)"), (r"R_1", "R_(1)"),
        (r"\operatorname{GELU}_{\tanh}''(x)", 'op("GELU")\'\'_(tanh)(x)'), (r"\hat{m}", "hat(m)"), (r"\bar{v}", "macron(v)"),
        (r"\mathtt{w\_1}", 'mono("w_1")'), (r"\epsilon", "epsilon.alt"), (r"\varepsilon", "epsilon"), (r"\mathbf{\delta}", "bold(delta)"),
        (r"\max_k |\delta_k|", "max_(k)abs(delta_(k))"), ("x)(", r"x\)\("), (r"\text{a}_{\text{b}}", '"a"_("b")'), ("y'", "y'"),
    ],
)  # fmt: skip
def test_names_are_translated(latex, typst):
    """The small language of names, sign by sign."""
    assert translated(latex) == typst


@pytest.mark.parametrize(
    "latex", [r"\foo", r"\frac{1}", "a_1_2", "{a", r"\text", "a#b", r"\input{x}", "$", "a&b", "_", "%"]
)
def test_what_is_not_in_the_language_is_refused_by_name(latex):
    with pytest.raises(BadNotation, match=r"cannot be set by Typst: .* is not understood there") as raised:
        translated(latex)
    assert "\n" not in str(raised.value)


SIGNS = [*"abxy012_^{}\\()[]',|-+= 가", r"\text", r"\delta", r"\frac", r"\hat", r"\_"]


@given(st.lists(st.sampled_from(SIGNS), max_size=12).map("".join))
def test_a_name_is_translated_or_refused(latex):
    """Never another exception, and no unbalanced bracket but an escaped one."""
    try:
        shown = translated(latex)
    except BadNotation:
        return
    bare = re.sub(r'"(\\.|[^"\\])*"|\\.', "", shown)
    assert bare.count("(") == bare.count(")")


def test_every_formula_compiles(typst):
    """All lines of all pages in both languages, in one document; the pieces of the long ones too."""
    formulas: dict[str, None] = {}
    for result in pages():
        for lang in LANGS:
            write = Typst(result.graph.written(lang))
            for step in result.steps:
                for side in (step.lhs, step.rhs):
                    shown = write(side)
                    formulas[f"$ {shown.replace(BREAK, '')} $"] = None
                    formulas.update((f"${piece}$", None) for _, piece in pieces(shown))
    style = environment().get_template("typst/style.typ").render(language="en")
    pdf = engines.typst("\n\n".join([style, *formulas]), {}, hangul=True)
    assert len(formulas) > 3000
    assert len(pdf) > 10**6


@pytest.mark.parametrize(
    ("typst", "found"),
    [
        (f"a{BREAK} + b dot c", [(1, "a"), (1, "+ b"), (2, "dot c")]),
        (f"(a{BREAK} - b) dot c", [(1, r"\(a"), (3, r"- b\)"), (2, "dot c")]),
        ('"a dot (b" dot sigma(x)', [(1, '"a dot (b"'), (2, "dot sigma(x)")]),
        ("x", [(1, "x")]),
    ],
)
def test_where_a_line_may_be_broken(typst, found):
    """Between terms, before dots, within brackets; in no text, and no bracket without its partner."""
    assert pieces(typst) == found


# ---------------------------------------------------------------- the source


def equations(found: Document, names, lang: str) -> list[tuple[list[str], list[str]]]:
    """The signs of both sides of every row, by LaTeX."""
    latex = Latex(names, messages(lang)["word.otherwise"])
    shown: list[tuple[list[str], list[str]]] = []
    for block in found.blocks:
        for row in block.rows if isinstance(block, Display) else ():
            sides = [latex(side).replace(BREAK, "") for side in (row.lhs, row.rhs) if side is not None]
            left = from_latex(sides[0]) if row.lhs is not None else shown[-1][0]
            shown.append((left, from_latex(sides[-1])))
    return shown


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("case", CASES)
def test_the_source_holds_the_equations_of_the_derivation(case, lang):
    """Row by row what the document holds, as LaTeX alone would print it."""
    result = CASES[case].derived(lang, "full")
    found = document(result.derivation, DETAILS["full"])
    names = result.graph.written(lang)
    expected = equations(found, names, lang)
    assert expected
    assert typst_rows(typst_source(found, names, Options(lang)).data.decode()) == expected


def test_uses_of_delta_lead_to_its_definition():
    """Where a display gives a name its meaning, each use of the name is a link there."""
    found, names = everything("en")
    source = typst_source(found, names, Options()).data.decode()
    assert source.count('#defined("name-delta_o1")') == 1
    assert source.count('#to("name-delta_o1", $delta_(o 1)$)') > 5
    assert not re.search(r"^=.*#to\(", source, re.MULTILINE)


def test_a_label_that_two_displays_would_bear_is_set_once():
    d = Symbol("d")
    display = Display((), (d,))
    found = Document(name("x"), (display, display))
    assert typst_source(found, {d: "d"}, Options()).data.decode().count('#defined("') == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_holds_no_markup(text):
    """Whatever could begin markup stands behind a backslash."""
    shown = escape_typst(text)
    assert re.sub(r"\\(.)", r"\1", shown) == text
    assert not re.search(r"(?<!\\)[#$@*_`<>\[\]]", shown)


# ---------------------------------------------------------------- what was drawn


@pytest.mark.parametrize("lang", LANGS)
def test_the_text_is_in_the_pdf(typst, lang):
    """Every name as typed, every kind of block, in either language."""
    found, names = everything(lang)
    pdf = write_document(found, "pdf", names, Options(lang)).data
    text = read_back(pdf, "-layout")
    flat = re.sub(r"\s+", " ", text)
    for typed in HOSTILE:
        assert typed in flat, typed
    for line in (
        "derive --weight w31 --format pdf -o 'w31.pdf'",
        r'# "two" `ticks` \ {x} $y$ 100% ~ ^ _ & <b> 가중치',
        "print(f'{i}: #{i:>2} -- {i!r}')",
    ):
        assert line in flat
    words = {
        "en": ("square", "The error", "agrees"),
        "ko": ("사각형", "오차", "가중합", "일치", "유도한 값"),
    }[lang]
    for word in words:
        assert word in flat


@pytest.mark.parametrize("lang", LANGS)
def test_what_a_pdf_says_of_itself(typst, lang):
    """Title, language, A4, page numbers, a bookmark for each heading, PDF/A."""
    result = HIDDEN.derived(lang)
    pdf = result.bytes("pdf")
    info = subprocess.run(
        [tools.program("pdfinfo"), "-"], input=pdf, capture_output=True, check=True
    ).stdout.decode()
    assert re.search(
        r"Title: +" + {"en": "Derivation of ∂E/∂w₁₁", "ko": "∂오차ₒᵤₜ/∂w₁₁ 유도하기"}[lang], info
    )
    assert "(A4)" in info
    assert f"/Lang({lang})".encode() in pdf
    meta = subprocess.run(
        [tools.program("pdfinfo"), "-meta", "-"], input=pdf, capture_output=True, check=True
    ).stdout
    assert b"<pdfaid:part>2</pdfaid:part>" in meta
    count = int(re.search(r"Pages: +(\d+)", info)[1])
    assert re.findall(r"(\d+)\s*\f", read_back(pdf, "-layout")) == [str(i) for i in range(1, count + 1)]
    outline = subprocess.run(
        [tools.program("pdftohtml"), "-xml", "-i", "-stdout", "-", "x"],
        input=pdf,
        capture_output=True,
        check=True,
    ).stdout.decode()
    marks = re.findall(r'<item page="\d+">(.*?)</item>', outline)
    headings = [b for b in document(result.derivation).blocks if isinstance(b, Heading)]
    assert len(marks) == len(headings)
    assert {"en": "The delta δh1", "ko": "델타 δh1"}[lang] in marks


def boxes(pdf: bytes) -> list[tuple[float, float]]:
    """The left and right end of every word."""
    found = re.findall(r'<word xMin="([\d.]+)" yMin="[\d.]+" xMax="([\d.]+)"', read_back(pdf, "-bbox"))
    return [(float(left), float(right)) for left, right in found]


@pytest.mark.parametrize(
    "make",
    [
        lambda: prove_activation("gelu_tanh", detail="full"), lambda: prove_activation("selu", lang="ko", detail="full"),
        lambda: prove_loss("binary_cross_entropy_with_logits", lang="ko", detail="full"), lambda: CASES["wide"].derived("ko", "full"),
    ],
)  # fmt: skip
def test_nothing_sticks_out(typst, make):
    """However long a formula is: between the margins of 25 mm."""
    margin = 25 / 25.4 * 72
    found = boxes(make().bytes("pdf"))
    assert len(found) > 100
    assert min(left for left, _ in found) > margin - OVERFULL
    assert max(right for _, right in found) < 595.3 - margin + OVERFULL


def test_the_same_bytes_each_time(typst, monkeypatch):
    """Also from another process; the date is fixed, or that of SOURCE_DATE_EPOCH."""
    result = HIDDEN.derived("ko")
    pdf = result.bytes("pdf")
    code = "import sys; from backprop_symbolic import derive; sys.stdout.buffer.write(derive('2-2-2', 'w11', lang='ko').bytes('pdf'))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT).stdout == pdf
    )
    assert b"20000101" in pdf
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert b"20231114" in result.bytes("pdf")


def test_a_sign_without_a_glyph_is_an_error_that_names_it(typst):
    """Not a box."""
    found = Document(name("a 🚀 b"), ())
    with pytest.raises(NotTypeset, match=r"^no font at hand has a glyph for '🚀'$"):
        write_document(found, "pdf", {}, Options())
    hidden = read("parameter 𐎠\nnet1 = 𐎠*x1 + 1\nE = (t1 - net1)**2\n")
    with pytest.raises(NotTypeset, match="no font at hand has a glyph for '𐎠'"):
        derive(hidden, "all").bytes("pdf")


@pytest.mark.parametrize("letter", ["θ1", "δ", "Ж2", "œ", "ℵ", "가중치", "漢字", "ö"])
def test_letters_of_other_scripts_have_glyphs(typst, letter):
    """What Python takes for a name, as far as a font at hand has it."""
    graph = f"parameter {letter}\nnet1 = {letter}*x1 + 1\nE = (t1 - net1)**2\n"
    assert derive(read(graph), "all").bytes("pdf").startswith(b"%PDF-1.7")


def test_a_template_of_ones_own_that_typst_refuses_is_told_with_its_line(typst, tmp_path):
    (tmp_path / "typst").mkdir()
    (tmp_path / "typst" / "document.typ").write_text("= A\n#nothing[x]\n")
    with pytest.raises(NotTypeset, match=r"^Typst: unknown variable: nothing \(line 2 of the source\)$"):
        write_document(Document(name("x"), ()), "pdf", {}, Options(templates=tmp_path))


# ---------------------------------------------------------------- what is missing, what is wrong


def test_without_typst_the_error_says_what_to_install(monkeypatch):
    """And that TeX on this machine would do."""
    monkeypatch.setitem(sys.modules, "typst", None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(
        NotInstalled, match=r"^format pdf needs the package typst: pip install 'backprop-symbolic\[pdf\]'$"
    ):
        HIDDEN.derived().bytes("pdf")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if name == "lualatex" else None)
    with pytest.raises(NotInstalled, match=r", or --engine lualatex, which is on this machine$"):
        HIDDEN.derived().bytes("pdf")
    with pytest.raises(NotInstalled, match=r"^--engine xelatex needs xelatex with kotex"):
        HIDDEN.derived().bytes("pdf", engine="xelatex")


def test_without_a_font_hangul_is_refused(typst, monkeypatch):
    monkeypatch.setattr(engines, "named", lambda family: None)
    monkeypatch.setattr(engines, "hangul_font", lambda: None)
    with pytest.raises(
        NotInstalled,
        match=r"^Hangul in a PDF needs a font: pip install 'backprop-symbolic\[pdf\]', or install fonts-nanum$",
    ):
        HIDDEN.derived("ko").bytes("pdf")
    assert HIDDEN.derived("en").bytes("pdf")


def test_the_font_of_the_wheel_will_do(typst, monkeypatch):
    """Where the machine has no font of its own."""
    monkeypatch.setattr(engines, "named", lambda family: None)
    assert "가중합" in read_back(HIDDEN.derived("ko").bytes("pdf"))


def test_bytes_are_no_text():
    """`render` says what to call instead; an engine that does not exist is refused with the nearest."""
    with pytest.raises(NotText, match=r"^format pdf is no text: \.bytes\('pdf'\) gives its bytes$"):
        HIDDEN.derived().render("pdf")
    with pytest.raises(
        UnknownName, match=r"^no engine 'typts'\. Known: typst xelatex lualatex\. Did you mean 'typst'\?$"
    ):
        HIDDEN.derived().bytes("pdf", engine="typts")
    assert HIDDEN.derived().bytes("markdown").decode() == HIDDEN.derived().markdown()


def outcome(*args: str, tmp_path: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([SCRIPTS / "derive", *args], capture_output=True, cwd=tmp_path, timeout=120)


def test_the_command_writes_a_pdf(typst, tmp_path):
    """To a file or to standard output, the same bytes."""
    written = outcome("--weight", "w31", "--format", "pdf", "-o", "w31.pdf", tmp_path=tmp_path)
    assert (written.returncode, written.stdout, written.stderr) == (0, b"", b"")
    assert (tmp_path / "w31.pdf").read_bytes() == Case("w31").derived().bytes("pdf")
    piped = outcome("--weight", "w31", "--format", "pdf", tmp_path=tmp_path)
    assert piped.stdout == (tmp_path / "w31.pdf").read_bytes()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--format", "pdf", "--engine", "xelatx"), "no engine 'xelatx'. Known: typst xelatex lualatex. Did you mean 'xelatex'?"),
        (("--format", "text", "--engine", "xelatex"), "--engine goes with --format pdf, not text"),
        (("--format", "pdf", "--standalone"), "--standalone goes with --format latex, not pdf"),
    ],
)  # fmt: skip
def test_wrong_options_are_refused(args, says, tmp_path):
    found = outcome("--weight", "w31", *args, "-o", "x.pdf", tmp_path=tmp_path)
    assert found.returncode == 2
    assert found.stderr.decode().startswith(f"Error: {says}")
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_gets_no_bytes(monkeypatch, capsys):
    """The refusal comes before any work is done."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with pytest.raises(SystemExit) as ended:
        derive_main(["--weight", "w31", "--format", "pdf"])
    assert ended.value.code == 2
    assert (
        capsys.readouterr().err == "Error: format pdf is no text for a terminal: name a file with -o FILE\n"
    )
    assert issubclass(OutputRefused, BackpropError)


# ---------------------------------------------------------------- by TeX


@pytest.mark.latex
@pytest.mark.parametrize(
    ("engine", "lang"),
    [
        ("xelatex", "ko"), pytest.param("lualatex", "en", marks=pytest.mark.slow),
        pytest.param("xelatex", "en", marks=pytest.mark.slow), pytest.param("lualatex", "ko", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_every_kind_of_block_in_latex(engine, lang, tmp_path):
    """No line too wide, no sign missing; names come out as they are typed, pictures are drawn."""
    found, names = everything(lang)
    written = write_document(found, "latex", names, Options(lang, standalone=True))
    assert written.files == {}
    text = compiled(written.data.decode(), engine, tmp_path)
    flat = re.sub(r"\s+", " ", text)
    for typed in HOSTILE:
        assert typed in flat, typed
    assert r'# "two" `ticks` \ {x} $y$ 100% ~ ^ _ & <b> 가중치' in flat
    assert {"en": "square", "ko": "사각형"}[lang] in flat


@pytest.mark.latex
def test_a_pdf_by_tex(tmp_path):
    """--engine xelatex: bookmarks and title in it, the same bytes each time."""
    tools.program("xelatex")
    result = Case("w31").derived("en", "brief")
    pdf = result.bytes("pdf", engine="xelatex")
    assert pdf == result.bytes("pdf", engine="xelatex")
    info = subprocess.run(
        [tools.program("pdfinfo"), "-"], input=pdf, capture_output=True, check=True
    ).stdout.decode()
    assert "Derivation of ∂E/∂w₃₁" in info
    outline = subprocess.run(
        [tools.program("pdftohtml"), "-xml", "-i", "-stdout", "-", "x"],
        input=pdf,
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert "The delta δₒ₁" in re.findall(r'<item page="\d+">(.*?)</item>', outline)


@pytest.mark.latex
def test_what_tex_complains_of_is_told():
    tools.program("xelatex")
    with pytest.raises(NotTypeset, match=r"^xelatex: 'Undefined control sequence\.'$"):
        engines.tex("\\documentclass{article}\\begin{document}\\nothing\\end{document}", {}, "xelatex")
    with pytest.raises(NotTypeset, match=r"^xelatex: no font at hand has a glyph for '한'$"):
        engines.tex("\\documentclass{article}\\begin{document}한\\end{document}", {}, "xelatex")


@pytest.mark.parametrize("kinds", [("svg", "pdf"), ("png",)])
def test_a_picture_without_tikz_is_a_file_of_its_own(kinds):
    """Referred to by its relative name; in a fragment as in a whole document."""
    found, names = everything("en", kinds)
    for standalone in (False, True):
        written = write_document(found, "latex", names, Options(standalone=standalone))
        (file,) = written.files
        assert file == f"square.{'pdf' if 'pdf' in kinds else 'png'}"
        assert rf"\includegraphics{{{file}}}" in written.data.decode()


def test_a_fragment_says_what_it_needs():
    found, names = everything("ko")
    first = write_document(found, "latex", names, Options("ko")).data.decode().splitlines()[0]
    assert first == "% For \\input into a document that loads amsmath, tikz, graphicx and, for Hangul, kotex."


def test_a_long_document_has_a_table_of_contents():
    """One of all parameters has, one of a single weight has not; in Typst as in LaTeX."""
    for case, there in (("all", True), ("w31", False)):
        result = CASES[case].derived("ko")
        found = document(result.derivation)
        names = result.graph.written("ko")
        options = Options("ko", standalone=True)
        assert (r"\tableofcontents" in write_document(found, "latex", names, options).data.decode()) == there
        assert ("#outline(title: [차례]" in typst_source(found, names, options).data.decode()) == there
        assert (
            r"\tableofcontents"
            not in write_document(found, "latex", names, replace(options, standalone=False)).data.decode()
        )
