"""Slides: nothing is lost, no frame overflows, every frame says what it is about. TeX judges the heights."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest
from everything import HOSTILE, everything
from hypothesis import given
from hypothesis import strategies as st
from test_formats import CASES, LANGS, OVERFULL, compiled, rows_of, squeezed

from backprop_symbolic import VerifiedDerivation, prove_activation, prove_loss
from backprop_symbolic.activations import activations, layer_activations
from backprop_symbolic.derivation import DETAILS
from backprop_symbolic.document import document
from backprop_symbolic.losses import losses
from backprop_symbolic.numeric.descent import descent
from backprop_symbolic.numeric.optimizers import optimizers
from backprop_symbolic.render import Options, write_document
from backprop_symbolic.rendering import beamer
from backprop_symbolic.rendering.latex import latex_blocks


def slides(result: VerifiedDerivation, lang: str, detail: str = "normal") -> list[beamer.Frame]:
    """The frames of a derivation."""
    found = document(result.derivation, DETAILS[detail])
    options = Options(lang, DETAILS[detail], standalone=True)
    _, blocks, _, _ = latex_blocks(found, result.graph.written(lang), options, beamer.SLIDE)
    return list(beamer.frames(blocks))


def set_by_tex(source: str, engine: str, folder: Path) -> str:
    """The text of the slides. Fails where a frame is too high, a line too wide, a sign missing."""
    text = compiled(source, engine, folder)
    log = (folder / "main.log").read_text(encoding="utf-8", errors="replace")
    too_high = [h for h in re.findall(r"Overfull \\vbox \(([\d.]+)pt", log) if float(h) > OVERFULL]
    assert too_high == []
    return text


# ---------------------------------------------------------------- frames


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("case", CASES)
def test_no_block_is_lost_and_none_is_shown_twice(case, lang):
    """The rows, sentences and items in the frames are those of the document, in its order."""
    result = CASES[case].derived(lang, "full")
    found = document(result.derivation, DETAILS["full"])
    options = Options(lang, DETAILS["full"], standalone=True)
    _, blocks, _, _ = latex_blocks(found, result.graph.written(lang), options, beamer.SLIDE)
    shown = list(chain.from_iterable(frame.blocks for frame in beamer.frames(blocks)))

    def content(blocks: list[beamer.Block]) -> list[str]:
        whole: list[str] = []
        for block in blocks:
            if block["kind"] == "display":
                whole += [row["right"] for row in block["rows"]]
            elif block["kind"] != "heading":
                whole += block["items"] if "items" in block else [block["text"]]
        return whole

    assert content(shown) == content(blocks)
    titles = {frame.section for frame in beamer.frames(blocks)} - {""}
    assert titles == {b["text"] for b in blocks if b["kind"] == "heading" and b["level"] == 2}


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("case", CASES)
def test_frames_are_full_but_not_overfull_as_far_as_is_known(case, lang):
    """None is estimated too high; none ends with a heading or with a sentence that introduces a formula."""
    for frame in slides(CASES[case].derived(lang, "full"), lang, "full"):
        assert frame.title
        assert frame.blocks
        assert beamer.total(frame.blocks) <= beamer.room(frame.title, frame.subtitle)
        assert frame.blocks[-1]["kind"] != "heading"


def test_a_chain_that_goes_on_says_what_it_is_equal_to():
    """The first row of a frame has its left side, repeated where the chain began in the frame before."""
    continued = 0
    for case in CASES.values():
        for frame in slides(case.derived("en", "full"), "en", "full"):
            for block in frame.blocks:
                if block["kind"] == "display":
                    assert block["rows"][0]["sign"]
                    assert block["rows"][0]["left"]
                    continued += block is frame.blocks[0]
    assert continued > 10


def test_a_heading_stays_with_what_it_is_the_heading_of():
    """A low heading in a frame is followed by a block in the same frame."""
    low = 0
    for frame in slides(CASES["w11"].derived("ko"), "ko"):
        for block, after in zip(frame.blocks, [*frame.blocks[1:], None], strict=True):
            if block["kind"] == "heading":
                low += 1
                assert after is not None
                assert after["kind"] != "heading"
    assert low >= 3


@given(st.integers(1, 90), st.sampled_from(["bullets", "code", "table", "note"]))
def test_a_long_block_is_cut_into_frames(count, kind):
    """However many items: all of them, in order, and no piece is higher than a frame."""
    items = [f"item {i}" for i in range(count)]
    part = beamer.PARTS[kind]
    block = {"kind": kind, part: [[i] for i in items] if kind == "table" else items, "ordered": False}
    block |= {"head": ["head"], "columns": "l", "stretch": 1.2} if kind == "table" else {}
    found = list(beamer.frames([{"kind": "heading", "level": 2, "text": "Title", "anchor": ""}, block]))
    assert list(chain.from_iterable(b[part] for frame in found for b in frame.blocks)) == block[part]
    assert all(beamer.total(frame.blocks) <= beamer.HEIGHT for frame in found)


@pytest.mark.parametrize(
    ("latex", "depth"),
    [
        ("x + y", 0), (r"\frac{1}{2}", 1), (r"\frac{\frac{1}{2}}{3} + \frac{1}{2}", 2), (r"\frac{1}{2} {\frac{1}{2}}", 1),
        (r"e^{\frac{1}{\frac{a}{\frac{b}{c}}}}", 3), (r"\{\frac{1}{2}\}", 1), (r"\frac{1}{x_{3}} \cdot \frac{\partial E}{\partial y}", 1),
    ],
)  # fmt: skip
def test_how_deeply_fractions_stand_in_each_other(latex, depth):
    assert beamer.fraction_depth(latex) == depth


# ---------------------------------------------------------------- the source


@pytest.mark.parametrize("case", CASES)
def test_the_slides_hold_the_equations_of_the_derivation(case):
    """Row by row, those of the LaTeX document; a left side that is repeated is no other."""
    result = CASES[case].derived("ko", "full")

    def equations(source: str, environment: str) -> list[tuple[str, str]]:
        bodies = re.findall(rf"\\begin{{{environment}}}(.*?)\\end{{{environment}}}", source, re.DOTALL)
        return list(chain.from_iterable(rows_of(body) for body in bodies))

    found = equations(result.render("beamer"), "aligned")
    article = (
        result.latex()
        .replace(r"\begin{aligned}", r"\begin{align*}")
        .replace(r"\end{aligned}", r"\end{align*}")
    )
    expected = equations(article, r"align\*")
    assert squeezed(str(found)) == squeezed(str(expected))


def test_a_source_is_balanced_and_has_a_title_of_its_own():
    source = CASES["w31"].derived("ko").render("beamer")
    assert source.count(r"\begin{frame}") == source.count(r"\end{frame}") == source.count(r"\frametitle") + 1
    assert r"\hypersetup{pdftitle={∂오차ₒᵤₜ/∂w₃₁ 유도하기}, pdflang={ko}}" in source
    assert r"\setbeamertemplate{navigation symbols}{}" in source


# ---------------------------------------------------------------- TeX


@pytest.mark.latex
@pytest.mark.parametrize(
    ("engine", "lang"),
    [
        ("xelatex", "ko"), pytest.param("lualatex", "ko", marks=pytest.mark.slow),
        pytest.param("xelatex", "en", marks=pytest.mark.slow), pytest.param("lualatex", "en", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_slides_of_every_kind_of_block(engine, lang, tmp_path):
    """They compile, nothing overflows, and names come out as they are typed."""
    found, names = everything(lang)
    text = set_by_tex(write_document(found, "beamer", names, Options(lang)).data.decode(), engine, tmp_path)
    flat = re.sub(r"\s+", " ", text)
    for typed in HOSTILE:
        assert typed in flat, typed
    assert {"en": "square", "ko": "사각형"}[lang] in flat


@pytest.mark.latex
def test_slides_by_lualatex(tmp_path):
    """The other engine takes them too."""
    assert "The update of" in set_by_tex(CASES["w31"].derived().render("beamer"), "lualatex", tmp_path)


@pytest.mark.latex
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["xelatex", "lualatex"])
@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("case", CASES)
def test_slides_of_every_case(case, lang, engine, tmp_path):
    set_by_tex(CASES[case].derived(lang, "full").render("beamer", lang=lang), engine, tmp_path)


@pytest.mark.latex
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["activation", "loss", "optimizer"])
def test_slides_of_every_page(kind, tmp_path):
    """All pages of a kind as one set of slides."""
    pages = {
        "activation": lambda: [
            prove_activation(n, detail="full") for n in (*activations.names(), *layer_activations.names())
        ],
        "loss": lambda: [prove_loss(n, detail="full") for n in losses.names()],
        "optimizer": lambda: [VerifiedDerivation(descent(o)) for o in optimizers],
    }[kind]()
    sources = [page.render("beamer") for page in pages]
    frames = [source.partition("\\begin{document}")[2].partition("\\end{document}")[0] for source in sources]
    head = re.sub(
        r"insertframenumber/\d+", "insertframenumber/5000", sources[0].partition("\\begin{document}")[0]
    )
    set_by_tex(head + "\\begin{document}" + "".join(frames) + "\\end{document}", "xelatex", tmp_path)
