"""Pages for a browser: the mathematics is the derivation's, nothing is fetched, everyone can read them.

Chromium with the network cut, the Nu checker and axe-core judge them in test_browser.py.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from xml.etree import ElementTree

import pytest
from sympy import Basic, Symbol

from backprop_symbolic import derive, losses, prove_activation, prove_loss, read
from backprop_symbolic.activations import activations, layer_activations
from backprop_symbolic.derivation import FULL, Derivation
from backprop_symbolic.document import (
    Bullets,
    Code,
    Display,
    Document,
    Heading,
    Message,
    Note,
    Paragraph,
    Picture,
    Row,
    Table,
    document,
)
from backprop_symbolic.errors import NotInstalled, NotWritable
from backprop_symbolic.numeric.descent import descent
from backprop_symbolic.numeric.optimizers import optimizers
from backprop_symbolic.pictures import picture
from backprop_symbolic.render import Options, write_document
from backprop_symbolic.rendering import webfonts as fonts
from backprop_symbolic.rendering.mathml import ITALIC, MathML, Sign
from backprop_symbolic.rendering.slides import HEIGHT, slides
from backprop_symbolic.rendering.web import Page
from tests.commands import process
from tests.tools import missing, require


@pytest.fixture(autouse=True, scope="module")
def libraries() -> None:
    """What the extra `html` brings; the fonts' packages are looked for, not imported."""
    for package in ("math_core", "ziamath", "koreanize_matplotlib"):
        if find_spec(package) is None:
            missing(package, "pip install 'backprop-symbolic[html]'")


EVIL = "<script>alert('&lt;')</script>"
SVG = (
    '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'viewBox="0 0 10 10"><metadata><x/></metadata><title>old</title><defs><path id="p" d="M0 0"/></defs>'
    '<style>*{stroke:none}.a{fill:url(#g)}</style><use xlink:href="#p"/><rect clip-path="url(#p)" width="9" height="9"/></svg>'
)


@dataclass(frozen=True)
class Stub:
    """A drawing that is there already."""

    kinds: tuple[str, ...] = ("svg",)

    def draw(self, kind, names, language, templates=None):
        assert kind == "svg"
        return SVG.encode()


def everything() -> Document:
    """A document with a block of every kind, and words given by a user."""
    x, y = Symbol("x1"), Symbol("y1")
    said = Message("title.optimizer", {"name": EVIL})
    drawn = Picture("path", Stub(), said, said)
    chart = picture(derive("2-2-2", "w11").graph, Symbol("w11"), "chart")
    return Document(
        said,
        (
            Heading(2, said, "(1)"),
            Paragraph(Message("group.by_delta")),
            Display((Row(y, x), Row(None, x + 1, (Message("rule.definition"),))), (y,)),
            Heading(4, Message("section.setting")),
            Bullets((said, Message("group.by_delta")), ordered=True),
            Note((said,)),
            Paragraph(Message("hypothesis.graph", {"error": y, "parameters": (x, y)})),
            Table((Message("train.iteration"), Message("train.error")), ((x, said), (y, said)), "rl"),
            Code(f"echo '{EVIL}'\n"),
            drawn,
            drawn,
            chart,
        ),
        {x: Message("meaning.input", {"index": 1}), y: Message("meaning.a_node")},
    )


def written(format_: str, page: Document, language: str = "en") -> str:
    names = derive("2-2-2", "w11").graph.written(language)
    return write_document(page, format_, names, Options(language)).data.decode()


# ---------------------------------------------------------------- the mathematics is the derivation's


def pages() -> Iterator[tuple[str, Derivation]]:
    """Every page there is, and derivations in which every kind of line occurs."""
    for name in (*activations.names(), *layer_activations.names()):
        yield name, prove_activation(name).derivation
    for name in losses.losses.names():
        yield name, prove_loss(name).derivation
    for optimizer in optimizers:
        yield optimizer.name, descent(optimizer)
    for network in ("2-2-2", "2-3-12-2"):
        yield network, derive(network, "w11").derivation
    yield "layered", derive("2-2-2", "all", notation="layered").derivation
    yield (
        "graph",
        derive(read("가 = w1*x1\nb_long_name = sqrt(가)**2 + w2\nE = abs(b_long_name)/가")).derivation,
    )


def formulas(page: Document) -> Iterator[tuple[Basic, ...]]:
    """Every formula in a document."""
    for block in page.blocks:
        if isinstance(block, Display):
            yield from ((row.lhs, row.rhs) if row.lhs is not None else (row.rhs,) for row in block.rows)
        for message in (getattr(block, "text", None), *getattr(block, "items", ())):
            for value in getattr(message, "args", {}).values():
                values = value if isinstance(value, tuple) else (value,)
                yield from ((v,) for v in values if isinstance(v, Basic))


def bare(element: ElementTree.Element) -> str:
    """An element without what was put into it: titles, links, slanted letters written as such."""
    upright = {slanted: letter for letter, slanted in ITALIC.items()}

    def plain(node: ElementTree.Element) -> ElementTree.Element:
        copy = ElementTree.Element(node.tag, {k: v for k, v in node.attrib.items() if k != "href"})
        copy.text = node.text
        for child in node:
            if child.tag in ("a", "span"):
                assert len(node) == 1
                assert node.text is None
                copy.text = upright.get(child.text, child.text)
            else:
                copy.append(plain(child))
        return copy

    return ElementTree.tostring(plain(element), encoding="unicode")


def test_every_formula_can_be_written_and_marking_symbols_changes_none():
    """All pages and derivations convert; with titles and links taken out again, nothing has changed."""
    count = 0
    for name, derivation in pages():
        page = document(derivation, FULL)
        names = derivation.graph.written("ko")
        unmarked = MathML(names, "otherwise", {})
        marked = MathML(names, "otherwise", dict.fromkeys(page.meanings, Sign("it", "there")))
        for parts in set(formulas(page)):
            latex = " = ".join(unmarked.latex(p) for p in parts)
            as_it_is = unmarked.element(latex, True)
            with_marks = marked.element(" = ".join(marked.latex(p) for p in parts), True)
            assert bare(with_marks) == bare(as_it_is), (name, latex)
            count += 1
        assert marked.used or not page.meanings, name
    assert count > 1_000


def letters(html: str) -> str:
    """The letters of a piece of HTML."""
    upright = {slanted: letter for letter, slanted in ITALIC.items()}
    return "".join(upright.get(c, c) for c in re.sub(r"<[^>]*>", "", html))


def test_cutting_a_formula_loses_and_adds_nothing():
    """A row is broken into pieces that say, one after the other, what the whole says."""
    for _, derivation in (p for p in pages() if p[0] in ("gelu", "mish", "adam", "2-3-12-2")):
        page = Page(document(derivation, FULL), derivation.graph.written("en"), Options("en"))
        blocks = [b for b in page.document.blocks if isinstance(b, Display)]
        shown = [b for b in page.blocks if b["kind"] == "display"]
        assert any("<wbr>" in line.formula for b in shown for line in b["rows"])
        for block, made in zip(blocks, shown, strict=True):
            for row, line in zip(block.rows, made["rows"], strict=True):
                whole = "" if row.lhs is None else page.math.latex(row.lhs)
                for part in (p for p in (row.rhs, row.result) if p is not None):
                    whole += f"{{}} = {page.math.latex(part)}"
                element = page.math.element(whole, True)
                assert letters(line.formula) == letters(ElementTree.tostring(element, encoding="unicode"))


def test_what_cannot_be_written_is_named():
    """Never raw LaTeX in a page: an error that says which formula it was."""
    page = Document(Message("section.setting"), (Display((Row(Symbol("x"), Symbol("y")),)),))
    with pytest.raises(NotWritable, match=r"^no MathML for the formula .*\\nosuch") as raised:
        write_document(page, "html", {Symbol("y"): r"\nosuch{y}"})
    assert not re.search("[\U000f0000-\U000ffffd]", str(raised.value))


@pytest.mark.parametrize("gone", ["math_core", "ziamath", "koreanize_matplotlib"])
def test_a_library_that_is_not_there_is_named(gone, monkeypatch):
    """One line with what to type."""
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: None if n == gone else find(n, *a))
    monkeypatch.setitem(sys.modules, gone, None)
    fonts.font.cache_clear()
    with pytest.raises(NotInstalled, match=f"pip install {gone.replace('_', '-')}, or .*html"):
        derive("2-2-2", "w31").render("html")


# ---------------------------------------------------------------- one file, sound and harmless


@pytest.mark.parametrize("format_", ["html", "slides"])
def test_words_of_a_user_are_text(format_):
    """<script> in a title, a table, a caption or code comes out as text; there is no script at all."""
    text = written(format_, everything())
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 6
    assert "&amp;lt;" in text


@pytest.mark.parametrize("format_", ["html", "slides"])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_page_asks_for_nothing(format_, language):
    """No address of the network, no script, no file beside it; links lead to places that exist, once."""
    text = derive("2-2-2", ["w31", "w11"], lang=language).render(format_)
    assert not re.search(r"https?://|<script|<link|<iframe|<img|@import|javascript:", text)
    assert set(re.findall(r"url\((.{5})", text)) == {"data:"}
    ids = re.findall(r' id="([^"]*)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', text)) <= set(ids)
    assert f'<html lang="{language}">' in text


@pytest.mark.parametrize("format_", ["html", "slides"])
def test_the_same_document_gives_the_same_bytes(format_):
    """Whatever order Python's sets have."""
    code = f"from backprop_symbolic import derive; print(derive('2-2-2', 'w31').render({format_!r}))"
    runs = {
        process([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}).out
        for seed in ("1", "2")
    }
    assert len(runs) == 1
    assert "</html>" in runs.pop()


@pytest.mark.parametrize("format_", ["html", "slides"])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_html_is_parsed_without_an_error(format_, language):
    """html5lib, strict: every element is closed as HTML closes it."""
    html5lib = require("html5lib")
    parser = html5lib.HTMLParser(strict=True)
    parser.parse(derive("2-3-2", ["w31", "w11"], lang=language).render(format_))
    parser.parse(written(format_, everything(), language))
    parser.parse(prove_activation("gelu", lang=language).render(format_))


def test_delta_leads_to_its_definition():
    """A use of δ is a link to the display that defines it, where δ itself is none; others say what they are."""
    text = derive("2-2-2", ["w31", "w11"]).render("html")
    definition = re.search(r'<div class="display[^"]*" id="delta_o1".*?</div>\n</div>', text, re.DOTALL)
    assert definition is not None
    assert "<a " not in definition[0]
    assert text.count('href="#delta_o1"') >= 4
    assert re.search(r'<a href="#delta_o1" title="the delta of unit 1 of layer 2: [^"]*">', text)
    assert not re.search(r"<math[^>]*>(?:(?!</math>).)*<a\b", text)
    assert re.search(r'<span title="the weight from unit 1 of layer 1 to unit 1 of layer 2">𝑤</span>', text)
    outline = text[text.index("<nav") : text.index("</nav>")]
    assert not re.search(r"<a[^>]*>[^/]*<a", outline.replace("</", "/"))


def test_a_link_is_not_lost_where_a_formula_is_long():
    """A factor too wide to be left alone, with nowhere to be cut, keeps its link."""
    d = Symbol("d")
    for name in ("d", rf"\text{{{'wide' * 9}}}"):
        row = MathML({d: name}, "otherwise", {d: Sign("it", "there")}).row(None, d * 2)
        assert row.find(".//a").get("href") == "#there"


def test_symbols_are_listed_unless_the_document_lists_them():
    """Whoever has no mouse finds them at the end."""
    page = everything()
    assert 'id="symbols"' in written("html", page)
    own = Heading(2, Message("section.setting"), anchor="symbols")
    text = written("html", Document(page.title, (*page.blocks, own), page.meanings))
    assert text.count('id="symbols"') == 1
    assert "<dl" not in text


def test_pictures_stand_in_the_page_with_their_words():
    """Two of the same drawing: ids of their own, title and description, nothing of other vocabularies."""
    text = written("html", everything())
    assert text.count("<svg") == 3
    assert text.count('class="paper"') == 2  # the chart has colours for the dark
    assert "𝑤" in text[text.index('id="chart"') :]
    for name in ("path", "path-2"):
        assert f'<path d="M0 0" id="{name}-p">' in text or f'<path id="{name}-p" d="M0 0">' in text
        assert f'href="#{name}-p"' in text
        assert f'clip-path="url(#{name}-p)"' in text
        assert f"fill:url(#{name}-g)" in text
        assert f"#{name} *{{stroke:none}}" in text
        assert f'role="img" aria-labelledby="{name}-title {name}-desc"' in text
    assert "metadata" not in text
    assert ">old<" not in text
    assert "xlink" not in text


def test_no_heading_level_is_left_out():
    """Level 4 after level 2 becomes 3."""
    text = written("html", everything())
    assert [int(n) for n in re.findall(r"<h(\d)", text)][:3] == [1, 2, 3]


# ---------------------------------------------------------------- fonts


def test_a_cut_font_has_what_is_shown_and_what_it_grows_into():
    """The glyphs of the characters, with the larger parentheses that a tall fraction needs."""
    cut = fonts.font(fonts.MATH)
    assert cut.needed("x") < cut.needed("x(") < cut.needed("x(√")
    assert len(cut.needed("(")) > 10
    assert len(cut.woff("x(√")) < 60_000 < fonts.MATH.path().stat().st_size // 20
    assert cut.woff("x(√") == cut.woff("√(x")


def test_a_cut_font_is_a_font():
    """fontTools reads every table of it, with all checksums right; unneeded outlines are empty."""
    ttlib = require("fontTools.ttLib")
    from io import BytesIO

    for source, shown in ((fonts.MATH, "x(√𝛿"), (fonts.HANGUL, "가중합 x"), (fonts.HANGUL_BOLD, "오차")):
        made = ttlib.TTFont(BytesIO(fonts.font(source).woff(shown)), checkChecksums=2)
        assert set(made.getBestCmap()) == {ord(c) for c in shown}
        for table in made.keys():  # noqa: SIM118 - a font's own method
            assert made[table] is not None
        order, glyf = made.getGlyphOrder(), made["glyf"]
        full = {order[g] for g in fonts.font(source).needed(shown)}
        assert {n for n in order if glyf[n].numberOfContours} <= full


def test_fonts_that_show_nothing_are_left_out():
    """An English page without Hangul has no regular Nanum Gothic in it; a Korean one has both."""
    faces = re.findall(r'font-family:"(\w+)";font-weight:(\d+)', derive("2-2-2", "w31").render("html"))
    assert faces == [("Formula", "400"), ("Letters", "700")]
    faces = re.findall(
        r'font-family:"(\w+)";font-weight:(\d+)', derive("2-2-2", "w31", lang="ko").render("html")
    )
    assert faces == [("Formula", "400"), ("Letters", "400"), ("Letters", "700")]


# ---------------------------------------------------------------- slides


@pytest.mark.parametrize("network", ["2-2-2", "2-3-3-2"])
def test_slides_hold_everything_once(network):
    """No row is lost or shown twice when a section is divided; a row at the top has its left side."""
    derivation = derive(network, "w11").derivation
    page = Page(document(derivation), derivation.graph.written("en"), Options("en"))
    deck = slides(page.blocks, page.again)
    rows = [line.chain for b in page.blocks if b["kind"] == "display" for line in b["rows"]]
    shown = [line.chain for s in deck for b in s.blocks if b["kind"] == "display" for line in b["rows"]]
    assert shown == rows
    assert len(deck) > 5
    for slide in deck:
        for block in slide.blocks:
            if block["kind"] == "display":
                assert '<span class="left"></span>' not in block["rows"][0].formula
        assert slide.height <= HEIGHT or len(slide.blocks) == 1


def test_slides_are_numbered():
    """Each slide says which of how many it is, and which part of its section."""
    text = derive("2-2-2", "w11").render("slides")
    count = text.count('<section class="slide')
    assert re.findall(r'<p class="number">(\d+) / (\d+)</p>', text) == [
        (str(i), str(count)) for i in range(1, count + 1)
    ]
    parts = [tuple(map(int, p.split("/"))) for p in re.findall(r"<small>(\d+/\d+)</small>", text)]
    for before, (part, parts_) in zip([(0, 0), *parts], parts, strict=False):
        assert part == 1 or before == (part - 1, parts_)
    assert len(parts) >= 4
