"""What a browser makes of our pages: Chromium with the network cut, axe-core and the Nu checker judge.

Chromium starts once; the tools come from Debian and npm, see .ci/run.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from backprop_symbolic import derive, prove_activation
from backprop_symbolic.numeric.descent import descent
from backprop_symbolic.numeric.optimizers import optimizers
from backprop_symbolic.render import Options, render
from tests.browser import Browser, Tab, chromium
from tests.test_html import everything, written
from tests.tools import missing, node_module, program, require

FORMATS = ("html", "slides")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages as files: a derivation and a block of every kind in all forms, and more slides."""
    require("math_core")
    found = tmp_path_factory.mktemp("pages")

    def put(name: str, text: str) -> None:
        (found / f"{name}.html").write_text(text, encoding="utf-8")

    for format_ in FORMATS:
        for language in ("en", "ko"):
            put(f"w31.{language}.{format_}", derive("2-2-2", "w31", lang=language).render(format_))
            put(f"everything.{language}.{format_}", written(format_, everything(), language))
    for name in ("gelu", "mish", "hard_swish"):
        put(f"{name}.en.slides", prove_activation(name).render("slides"))
    put("adam.ko.slides", render(descent(optimizers.get("adam")), "slides", Options("ko")))
    put("long.ko.slides", derive("2-3-3-2", "w11", detail="full", lang="ko").render("slides"))
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


PAGES = [f"{name}.{lang}.{f}" for f in FORMATS for lang in ("en", "ko") for name in ("w31", "everything")]


@pytest.fixture(scope="module", params=PAGES)
def opened(request: pytest.FixtureRequest, browser: Browser, folder: Path) -> Iterator[Tab]:
    """A page, opened once for all that looks at it."""
    found = browser.open(folder / f"{request.param}.html")
    yield found
    found.close()


@pytest.fixture
def tab(opened: Tab) -> Tab:
    """The page as it is at first, on a screen of middle size."""
    opened.size(1000, 800)
    opened.media()
    return opened


# ---------------------------------------------------------------- what is seen


def test_the_page_shows_mathematics(tab):
    """Fractions are taller than their letters, indices smaller, roots and brackets grow; no code is seen."""
    sizes = tab.run("""(() => {
        const box = e => e.getBoundingClientRect(), font = e => parseFloat(getComputedStyle(e).fontSize);
        return {
            formulas: document.querySelectorAll("math").length,
            fractions: [...document.querySelectorAll('[displaystyle="true"] mfrac')].map(
                e => box(e).height / font(e)),
            stacked: [...document.querySelectorAll("mfrac")].every(
                e => box(e.children[0]).bottom <= box(e.children[1]).top + 1),
            scripts: [...document.querySelectorAll("msub, msup")].map(e => font(e.children[1]) / font(e)),
        }})()""")
    assert sizes["formulas"] >= 5
    assert sizes["stacked"]
    assert all(height > 1.5 for height in sizes["fractions"])
    assert all(0.5 < size < 0.9 or size == 1 for size in sizes["scripts"])
    assert any(size < 0.9 for size in sizes["scripts"])
    assert len(sizes["fractions"]) > 20 or "<pre>" in tab.run("document.body.innerHTML")
    seen = tab.run("document.body.innerText")
    assert not re.search(r"\\[a-z]|\$|&(amp|lt|gt);(?!')|[{}]|[\U000f0000-\U000ffffd]", seen)


def test_the_screenshot_is_not_blank(tab):
    """Ink on paper, and paper on most of it; in the dark the other way round."""
    image = require("PIL.Image")
    tab.size(900, 700)
    for scheme in ("light", "dark"):
        tab.media("", scheme)
        counts = image.open(io.BytesIO(tab.picture())).convert("L").histogram()
        paper = counts.index(max(counts))
        assert paper > 250 if scheme == "light" else paper < 30, scheme
        assert counts[paper] > 0.6 * 900 * 700, scheme
        assert (sum(counts[:100]) if scheme == "light" else sum(counts[156:])) > 500, scheme


@pytest.mark.parametrize(("width", "height"), [(360, 740), (1000, 800), (1600, 900)])
def test_nothing_is_wider_than_the_window(tab, width, height):
    """The page itself never scrolls sideways; where a formula must, the keyboard reaches it."""
    tab.size(width, height)
    assert tab.run("document.documentElement.scrollWidth <= innerWidth")
    assert (
        tab.run("""[...document.querySelectorAll("body *")].filter(e =>
            e.scrollWidth > e.clientWidth + 1 && ["auto", "scroll"].includes(getComputedStyle(e).overflowX)
            && !(e.tabIndex >= 0 && e.getAttribute("aria-label"))).map(e => e.outerHTML.slice(0, 200))""")
        == []
    )


def test_fonts_are_those_inside_the_page(tab):
    """Every font of the page is loaded, and every letter, Hangul too, is set in one of them."""
    faces = tab.run("[...document.fonts].map(f => [f.family, f.weight, f.status])")
    assert {family for family, _, _ in faces} == {"Formula", "Letters"}
    assert {status for _, _, status in faces if _} == {"loaded"}
    tab.call("DOM.enable")
    tab.call("CSS.enable")
    root = tab.call("DOM.getDocument")["root"]["nodeId"]
    for selector in ("h1", "h2", "p", "li", "math", "mtext", ".why", "dd", "td"):
        nodes = tab.call("DOM.querySelectorAll", nodeId=root, selector=selector)["nodeIds"]
        for node in nodes[:3]:
            used = tab.call("CSS.getPlatformFontsForNode", nodeId=node)["fonts"]
            assert all(f["isCustomFont"] for f in used), (selector, used)


def test_nothing_is_fetched(tab):
    """The page asks for itself and for what is inside it."""
    asked = tab.asked()
    assert asked
    assert {address.partition(":")[0] for address in asked} <= {"file", "data"}
    assert len([a for a in asked if a.startswith("file:")]) == 1


def test_one_comes_to_the_definition_by_a_link(browser, folder):
    """A click on δ brings its definition into sight."""
    tab = browser.open(folder / "w31.en.html.html", 900, 500)
    tab.run("document.querySelector('main a[href=\"#delta_o1\"]').click()")
    top, bottom = tab.run(
        "(r => [r.top, r.bottom])(document.getElementById('delta_o1').getBoundingClientRect())"
    )
    assert 0 <= top < bottom <= 500
    tab.close()


# ---------------------------------------------------------------- slides


def test_no_slide_overflows(browser, folder):
    """On screens of two shapes everything stands on its slide, above the number."""
    for path in sorted(folder.glob("*.slides.html")):
        tab = browser.open(path, 1280, 720)
        for width, height in ((1280, 720), (1024, 768)):
            tab.size(width, height)
            over = tab.run("""[...document.querySelectorAll(".slide")].filter(s => {
                const body = s.querySelector(".body"), number = s.querySelector(".number");
                return s.scrollHeight > s.clientHeight + 1 || s.scrollWidth > s.clientWidth + 1 || body
                    && body.getBoundingClientRect().bottom > number.getBoundingClientRect().bottom
                }).map(s => s.id)""")
            assert over == [], (path.name, width, height)
        tab.close()


def test_slides_turn_by_the_keyboard(browser, folder):
    """Page down and space go on by one slide, page up goes back."""
    tab = browser.open(folder / "w31.en.slides.html", 1280, 720)
    for key, code, slide in (("PageDown", 34, 1), (" ", 32, 2), ("PageUp", 33, 1)):
        for kind in ("keyDown", "keyUp"):
            text = {"text": " "} if key == " " and kind == "keyDown" else {}
            tab.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)
        tab.run("""new Promise(done => { let last = -1; const look = () => {
            if (scrollY === last && scrollY % innerHeight === 0) done(true);
            else { last = scrollY; setTimeout(look, 120); } }; look(); })""")
        assert tab.run("scrollY / innerHeight") == slide, key
    tab.close()


def test_each_slide_is_a_page_on_paper(browser, folder, tmp_path):
    """As many pages as slides, in the shape of a screen."""
    tab = browser.open(folder / "w31.ko.slides.html")
    count = tab.run("document.querySelectorAll('.slide').length")
    (tmp_path / "slides.pdf").write_bytes(tab.paper())
    tab.close()
    said = subprocess.run(
        [program("pdfinfo"), tmp_path / "slides.pdf"], capture_output=True, text=True, check=True
    ).stdout
    assert re.search(rf"Pages: +{count}\n", said)
    assert re.search(r"Page size: +960 x 540 pts", said)


# ---------------------------------------------------------------- judges


def test_axe_finds_no_barrier(tab):
    """axe-core: no violation that is serious or critical, in the light and in the dark."""
    script = (node_module("axe-core") / "axe.min.js").read_text(encoding="utf-8")
    tab.call("Runtime.evaluate", expression=script)
    for scheme in ("light", "dark"):
        tab.media("", scheme)
        found = tab.run(
            "axe.run(document, {resultTypes: ['violations']}).then(r => JSON.stringify(r.violations))"
        )
        bad = [
            (v["id"], v["impact"], [n["html"][:200] for n in v["nodes"][:3]])
            for v in json.loads(found)
            if v["impact"] in ("serious", "critical")
        ]
        assert not bad, bad


#: What the Nu checker does not know: MathML Core's property math-depth and its scriptlevel on every
#: element, and that HTML allows phrasing content in <mi> (HTML Living Standard, section MathML), not in
#: <mtext> alone.
UNKNOWN = re.compile(
    r"math-depth|“scriptlevel” not allowed on element “mtable”|Element “span” not allowed as child of element “mi”"
)


def test_the_nu_checker_finds_no_error(folder):
    """HTML and CSS as the standards say."""
    jar = node_module("vnu-jar") / "build" / "dist" / "vnu.jar"
    if not jar.is_file():
        missing("vnu.jar", "npm install --no-save vnu-jar")
    files = [folder / f"{name}.html" for name in (*PAGES, "hard_swish.en.slides")]
    done = subprocess.run(
        [program("java"), "-Xss1m", "-jar", jar, "--format", "json", "--errors-only", *files],
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    found = [m for m in json.loads(done.stderr)["messages"] if not UNKNOWN.search(m["message"])]
    assert [(Path(m["url"]).name, m["message"], m.get("extract")) for m in found] == []
