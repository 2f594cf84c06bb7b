"""Flow charts: what is highlighted, where everything lies, and what real programs make of the files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zlib
from functools import cache
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from commands import ROOT, Outcome
from drawn import networks
from hypothesis import given
from hypothesis import strategies as st
from sympy import Symbol
from tools import program, require

from backprop_symbolic import Network, read
from backprop_symbolic.algebra import symbols
from backprop_symbolic.cli import main
from backprop_symbolic.errors import BadPicture, NotInstalled, UnknownName
from backprop_symbolic.graph import dense
from backprop_symbolic.notation import notation
from backprop_symbolic.pictures import KINDS, Diagram, diagram, picture, raster, tones
from backprop_symbolic.pictures.geometry import PLAIN, Layout, Rect
from backprop_symbolic.pictures.layout import layout
from backprop_symbolic.pictures.names import Fraction, name
from backprop_symbolic.pictures.order import columns
from backprop_symbolic.pictures.svg import escape, style
from backprop_symbolic.pictures.units import MAX_ROWS, locate
from backprop_symbolic.rendering.base import Words
from backprop_symbolic.wording import messages

LECTURE = notation("lecture")
SVG = "{http://www.w3.org/2000/svg}"
GRAPHS = {
    "shared": (ROOT / "docs" / "examples" / "shared.txt").read_text(encoding="utf-8"),
    "skip": (ROOT / "docs" / "examples" / "skip.txt").read_text(encoding="utf-8"),
    "long skip": "a = w1*x1\nb = tanh(a)\nc = sinh(b)\nd = c*x1 + w1\nE = (t1 - d)**2 + a\n",
    "no sum": "E = w1",
    "hostile": "parameter _ 가중치 frac\ninput 온도\nz_ = frac*온도 + 가중치\ny = sigmoid(z_)*_\nE = (t1 - y)**2\n",
}
#: name → (network, weight, notation, language)
NETWORKS = {
    "w31": (Network.dense([2, 2, 2]), "w31", "lecture", "en"),
    "w11 ko": (Network.dense([2, 2, 2]), "w11", "lecture", "ko"),
    "deep": (Network.dense([2, 2, 2, 2]), "w11", "lecture", "ko"),
    "wide": (Network.dense([3, 4, 4, 2]), "w11", "lecture", "en"),
    "long": (Network.dense([3, *[2] * 8, 1], "tanh", bias="none"), "w11", "layered", "en"),
    "elided": (Network.dense([784, 128, 10]), "w50,700", "lecture", "ko"),
    "bundles": (Network.dense([2, 8, 8, 8, 2]), "w11", "lecture", "ko"),
    "bias": (Network.dense([2, 2, 2], bias="node"), "b1", "lecture", "ko"),
    "one bias": (Network.dense([2, 3, 2], bias="layer"), "b1", "layered", "ko"),
    "softmax": (
        Network.dense([2, 2, 3], ["sigmoid", "softmax"], "categorical_cross_entropy"),
        "w31",
        "lecture",
        "en",
    ),
    "logits": (Network.dense([2, 8], "identity", "softmax_cross_entropy"), "w11", "lecture", "ko"),
    "identity": (Network.dense([2, 1, 1], "identity"), "w11", "mazur", "en"),
    "penalty": (Network.dense([2, 2, 2], l1="0.1", l2="0.01", bias="fixed"), "w11", "lecture", "ko"),
    "smallest": (Network.dense([1, 1]), "w11", "lecture", "en"),
}


@cache
def cases() -> dict[str, tuple[Diagram, str]]:
    """Every diagram that the tests look at, with its language."""
    found = {}
    for case, (network, weight, written, language) in NETWORKS.items():
        names = {"layered": {"w11": "w1_11"}, "mazur": {"w11": "w1"}}.get(written, {})
        found[case] = (diagram(network, names.get(weight, weight), notation(written)), language)
    for case, text in GRAPHS.items():
        graph = read(text)
        found |= {f"{case}, {p.name}": (Diagram(graph, p), "en") for p in graph.parameters}
    return found


CASES = [*NETWORKS, *(f"{case}, {p.name}" for case, text in GRAPHS.items() for p in read(text).parameters)]


def laid_out(case: str) -> Layout:
    drawing, language = cases()[case]
    return layout(drawing.chart, drawing.chart.graph.written(language), messages(language))


def drawn(case: str, kind: str) -> str:
    drawing, language = cases()[case]
    return drawing.draw(kind, drawing.chart.graph.written(language), language).decode("utf-8")


# ---------------------------------------------------------------- what is highlighted


def on_paths(graph, parameter: Symbol) -> set[tuple[Symbol, Symbol]]:
    """The edges on some path from the parameter to the error, by walking the definitions both ways."""
    uses = {
        (p, q.symbol)
        for q in graph.quantities.values()
        if q.definition is not None
        for p in symbols(q.definition)
    }

    def closure(start: Symbol, steps: set[tuple[Symbol, Symbol]]) -> set[Symbol]:
        found = {start}
        while new := {b for a, b in steps if a in found} - found:
            found |= new
        return found

    after = closure(parameter, uses)
    before = closure(graph.error, {(b, a) for a, b in uses})
    return {(a, b) for a, b in uses if a in after and b in before}


def paths(graph, q: Symbol) -> int:
    """How many paths lead from q to the error."""
    edges = on_paths(graph, q)

    @cache
    def count(at: Symbol) -> int:
        return 1 if at == graph.error else sum(count(b) for a, b in edges if a == at)

    return count(q)


@given(networks(), st.data())
def test_of_a_network_the_paths_are_highlighted_and_nothing_else(network, data):
    """The highlighted edges are the edges of the graph on a path from the parameter to the error."""
    graph = dense(network)
    parameter = data.draw(st.sampled_from(graph.parameters))
    chart = Diagram(graph, parameter).chart
    assert chart.highlighted() == on_paths(graph, parameter)
    assert set(chart.members) == on_paths(graph, parameter)
    assert chart.paths == paths(graph, parameter) == sum(route.count for route in chart.routes)
    assert all(chart.members.values()), "an edge of no route"


@pytest.mark.parametrize("case", [c for c in CASES if c not in NETWORKS])
def test_of_a_graph_the_paths_are_highlighted_and_nothing_else(case):
    drawing, _ = cases()[case]
    assert drawing.chart.highlighted() == on_paths(drawing.graph, drawing.parameter)
    assert drawing.chart.paths == paths(drawing.graph, drawing.parameter)


@pytest.mark.parametrize("weight", ["w11", "w8,9", "w24,8", "w25,20", "b1", "b25"])
@pytest.mark.parametrize("last", ["sigmoid", "softmax"])
def test_of_an_excerpt_the_same_paths_are_counted(weight, last):
    """What stands for several counts as often, and between shown units the edges are the whole graph's."""
    network = Network.dense([9, 8, 16, 8], ["sigmoid", "sigmoid", last], bias="node")
    graph = dense(network)
    drawing = diagram(network, weight, LECTURE)
    chart, counts = drawing.chart, drawing.counts
    assert chart.paths == paths(graph, drawing.parameter) == sum(route.count for route in chart.routes)
    shown = set(drawing.graph.quantities) - set(counts)
    whole = {(a, b) for a, b in on_paths(graph, drawing.parameter) if a in shown and b in shown}
    assert {(a, b) for a, b in chart.highlighted() if a in shown and b in shown} == whole
    assert Diagram(graph, drawing.parameter).draw("svg", graph.written("en"), "en") == drawing.draw(
        "svg", graph.written("en"), "en"
    )


def test_lines_join_the_boxes_of_the_path():
    """w31: one coloured line from E to E_o1, from there to y_o1, and the heaviest on the weight's own edge."""
    drawing, _ = cases()["w31"]
    found = laid_out("w31")
    assert found.shapes[0].kind == "round"
    boxes = {
        box.quantities[-1].name: shape for box, shape in zip(drawing.chart.boxes, found.shapes, strict=False)
    }
    ends = {
        (boxes[a].rect.right, boxes[a].y, boxes[b].rect.left, boxes[b].y): pair
        for pair in [("E_o1", "E"), ("y_o1", "E_o1"), ("y_h1", "y_o1")]
        for a, b in [pair]
    }
    toned = [line for line in found.lines if line.tone != PLAIN and line.points]
    assert {(*line.points[0], *line.points[-1]) for line in toned} == set(ends)
    heaviest = max(toned, key=lambda line: line.width)
    assert ends[(*heaviest.points[0], *heaviest.points[-1])] == ("y_h1", "y_o1")
    assert [shape.tone for shape in found.shapes].count("route0") == 3


def test_each_path_has_a_colour_and_a_line_style():
    """(a) through o1, (b) through o2; what both take is drawn once, in ink."""
    drawing, _ = cases()["w11 ko"]
    routes = drawing.chart.routes
    assert [[q.name for q in route.nodes] for route in routes] == [
        ["E", f"E_o{k}", f"y_o{k}", f"net_{k + 2}", "y_h1"] for k in (1, 2)
    ]
    found = laid_out("w11 ko")
    assert {shape.tone for shape in found.shapes} == {"plain", "trunk", "route0", "route1"}
    shades = [shade for tone, shade in tones.TONES.items() if tone.startswith("route") or tone == "further"]
    for shade, other in combinations(shades, 2):
        assert shade.colour != other.colour
        assert shade.dashes != other.dashes


def test_more_paths_than_can_be_told_apart_are_bundled():
    """Of 128 paths those that begin alike share a colour; the rest is said to be so many."""
    drawing, language = cases()["bundles"]
    assert [(route.kind, route.count) for route in drawing.chart.routes] == [("bundle", 16)] * 4 + [
        ("further", 64)
    ]
    text = "".join(ElementTree.fromstring(drawn("bundles", "svg")).itertext())
    assert "나머지 경로 64개" in text
    assert language == "ko"


def derivatives(case: str) -> set[str]:
    """The derivatives that are written beside the paths."""
    return {text.label.plain for text in laid_out(case).texts if isinstance(text.label, Fraction)}


def test_the_chain_rule_stands_along_the_path():
    """The three factors of the lecture; one by one for two paths; none where one edge is not all of it."""
    assert derivatives("w31") == {"∂E/∂yo1", "∂yo1/∂net3", "∂net3/∂w31"}
    assert derivatives("w11 ko") == {
        "∂오차o1/∂yo1", "∂오차o2/∂yo2", "∂yo1/∂가중합3", "∂yo2/∂가중합4", "∂가중합3/∂yh1", "∂가중합4/∂yh1",
        "∂yh1/∂가중합1", "∂가중합1/∂w11",
    }  # fmt: skip
    assert derivatives("shared, w") == derivatives("skip, a") == derivatives("bundles") == set()


# ---------------------------------------------------------------- large networks


def test_large_layers_are_elided():
    """The first three units, the last, and those of the weight are shown, and ⋮ for each gap."""
    drawing = diagram(Network.dense([784, 128, 10]), "w50,700", LECTURE)
    inputs = [q.symbol.name for q in drawing.graph.quantities.values() if q.role == "input"]
    assert inputs == ["x1", "x2", "x3", "x4", "x700", "x701", "x784"]
    assert {s.name: n for s, n in drawing.counts.items() if s.name.startswith("x")} == {"x4": 696, "x701": 83}
    shown = "".join(ElementTree.fromstring(drawing.draw("svg", drawing.graph.written("en"), "en")).itertext())
    assert "x700" in shown and "x4\n" not in shown and "x701" not in shown


def test_of_a_huge_network_only_what_is_shown_is_built():
    """Ten billion weights: some ninety quantities."""
    drawing = diagram(Network.dense([100_000, 100_000, 2]), "w50000,7", LECTURE)
    assert drawing.parameter == Symbol("w50000,7")
    assert len(drawing.graph.quantities) < 100
    with pytest.raises(
        UnknownName, match=r"^no weight 'w9' in a 100000-100000-2 network\. Its weights: w11 … "
    ):
        diagram(Network.dense([100_000, 100_000, 2]), "w9", LECTURE)


@pytest.mark.parametrize("written", ["lecture", "layered", "mazur"])
@pytest.mark.parametrize("bias", ["node", "layer"])
def test_a_weight_is_found_by_its_name(written, bias):
    """Every parameter of a network, its place worked out from its name alone."""
    network = Network.dense([3, 12, 11, 2], bias=bias)
    graph = dense(network, notation(written))
    for parameter in graph.parameters:
        assert locate(network, notation(written), parameter.name) == (parameter, graph[parameter].place)


def test_layers_up_to_six_are_shown_whole():
    assert not diagram(Network.dense([MAX_ROWS] * 3), "w11", LECTURE).counts
    assert diagram(Network.dense([MAX_ROWS + 1] * 3), "w11", LECTURE).counts


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(BadPicture, match=r"^a picture shows at most 30 layers with weights; network '2-2-"):
        diagram(Network.dense([2] * 40), "w11", LECTURE)
    chain = "a0 = w*x\n" + "".join(f"a{i + 1} = sin(a{i})\n" for i in range(200))
    graph = read(chain + "E = a200\n")
    with pytest.raises(BadPicture, match=r"^a picture shows at most 150 nodes; the graph has 203$"):
        Diagram(graph, Symbol("w")).draw("svg", graph.written("en"), "en")


# ---------------------------------------------------------------- where everything lies


def inside(inner: Rect, outer: Rect) -> bool:
    return (
        outer.left <= inner.left
        and inner.right <= outer.right
        and outer.top <= inner.top
        and inner.bottom <= outer.bottom
    )


def well_laid_out(found: Layout) -> None:
    """No two labels overlap, none lies over a box but its own, nothing is clipped, boxes do not touch."""
    rects = [shape.rect for shape in found.shapes]
    assert all(not a.meets(b) for a, b in combinations(rects, 2))
    assert all(not a.rect.meets(b.rect) for a, b in combinations(found.texts, 2))
    for text in found.texts:
        if text.kind == "name":
            assert sum(inside(text.rect, rect) for rect in rects) == 1
        else:
            assert not any(text.rect.meets(rect) for rect in rects)
        assert inside(text.rect, found.frame)
    for x, y in (point for line in found.lines for point in line.points):
        assert inside(Rect(x, y, x, y), found.frame)
    for line in found.lines:
        for start, end in zip(line.points, line.points[1:], strict=False):
            through = [rect for rect in rects if (s := rect.span(start, end)) and s[1] - s[0] > 1e-6]
            assert not through, "a line runs through a box"


@pytest.mark.parametrize("case", CASES)
def test_labels_do_not_overlap_and_are_not_clipped(case):
    well_laid_out(laid_out(case))


@given(networks(width=9, depth=4), st.data())
def test_any_network_is_well_laid_out(network, data):
    """Whatever its widths, biases, activations, loss; in each notation and language."""
    language = data.draw(st.sampled_from(["en", "ko"]))
    graph = dense(network, notation(data.draw(st.sampled_from(["lecture", "layered", "mazur"]))))
    chart = Diagram(graph, data.draw(st.sampled_from(graph.parameters))).chart
    well_laid_out(layout(chart, graph.written(language), messages(language)))


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), max_size=20))
def test_links_lead_to_the_right(pairs):
    """Each link ends in a later column than it begins in."""
    links = [(a, a + b) for a, b in pairs]
    found = columns(20, links)
    assert all(found[a] < found[b] for a, b in links)


def test_the_weight_itself_is_always_labelled():
    """In a crowded picture other labels may be left out, the weight's own never."""
    for case in CASES:
        drawing, _ = cases()[case]
        kinds = [text.kind for text in laid_out(case).texts]
        beside = [leaf.symbol for box in drawing.chart.boxes for leaf in box.leaves]
        assert "own" in kinds or drawing.parameter in beside, case


@pytest.mark.parametrize(
    ("latex", "pieces"),
    [
        (r"w_{31}", [("w", "italic", 0), ("31", "upright", 1)]),
        (r"\mathit{net}_{3}", [("net", "italic", 0), ("3", "upright", 1)]),
        (r"\text{가중합}_{3}", [("가중합", "upright", 0), ("3", "upright", 1)]),
        (r"w^{(2)}_{11}", [("w", "italic", 0), ("(2)", "upright", -1), ("11", "upright", 1)]),
        (r"\delta_{h1}", [("δ", "italic", 0), ("h", "italic", 1), ("1", "upright", 1)]),
        (r"\hat{y}'", [("y\u0302", "italic", 0), ("′", "upright", 0)]),
        (r"\mathtt{a\_b}", [("a_b", "mono", 0)]),
        (r"\mathbf{W}", [("W", "bold", 0)]),
        (r"\partial E", [("∂", "sign", 0), ("E", "italic", 0)]),
    ],
)
def test_a_name_is_read_from_its_latex(latex, pieces):
    assert [(run.text, run.style, run.level) for run in name(latex).runs] == pieces


# ---------------------------------------------------------------- SVG


@pytest.mark.parametrize("case", CASES)
def test_the_svg_says_what_it_shows(case):
    """Well-formed, with a title and a description that it points to; it fetches and runs nothing."""
    text = drawn(case, "svg")
    root = ElementTree.fromstring(text)
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert len(title.text) > 10 and len(desc.text) > 30
    assert not re.search(r"<script|<image|href|url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text)
    assert "prefers-color-scheme:dark" in text
    used = {c for e in root.iter() for c in e.get("class", "").split()}
    assert {f"bp-{t}" for t in ("route0", "trunk")} & used


def test_text_in_the_svg_is_text():
    """Names with lowered pieces, the words of the lecture."""
    root = ElementTree.fromstring(drawn("w11 ko", "svg"))
    texts = ["".join(e.itertext()) for e in root.iter(f"{SVG}text")]
    assert {"가중합1", "yh1", "오차o1", "오차out", "w11", "x1", "모든 경로가 함께 지나는 곳"} <= set(texts)


def test_two_pictures_in_one_page_do_not_share_an_id():
    ids = [re.findall(r' id="(\w+)"', drawn(case, "svg")) for case in CASES]
    assert len({i for found in ids for i in found}) == 2 * len(CASES)


def test_what_is_markup_comes_out_as_text():
    assert escape('<script>&"\x00') == "&lt;script&gt;&amp;&quot;"


def test_the_same_bytes_each_time():
    """In this process and in another with another hash seed."""
    code = (
        "import sys; from backprop_symbolic import Network; from backprop_symbolic.notation import notation; "
        "from backprop_symbolic.pictures import diagram; d = diagram(Network.dense([3, 4, 4, 2]), 'w11', notation('lecture')); "
        "[sys.stdout.write(d.draw(k, d.graph.written('en'), 'en').decode()) for k in ('svg', 'tikz')]"
    )
    expected = drawn("wide", "svg") + drawn("wide", "tikz")
    env = {"PYTHONHASHSEED": "1", "PYTHONIOENCODING": "utf-8"}
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=ROOT, env=env)
    assert again.stdout.decode("utf-8") == expected


MEASURE = """
const found = [];
for (const svg of document.querySelectorAll("svg")) {
  const box = e => { const b = e.getBBox(); return [b.x, b.y + 0.2 * b.height, b.x + b.width, b.y + 0.8 * b.height]; };
  found.push({
    frame: svg.getAttribute("viewBox").split(" ").map(Number),
    labels: [...svg.querySelectorAll("g")].map(g => [g.textContent, g.getAttribute("class"), box(g)]),
    boxes: [...svg.querySelectorAll("rect.bp-box")].map(box),
  });
}
document.body.textContent = JSON.stringify(found);
"""


def test_in_a_browser_labels_neither_overlap_nor_leave_their_place(tmp_path):
    """Chromium measures every label: the room that was reckoned with is enough for real fonts."""
    page = tmp_path / "page.html"
    page.write_text(
        f"<meta charset=utf-8><body>{''.join(drawn(c, 'svg') for c in CASES)}<script>{MEASURE}</script>",
        "utf-8",
    )
    done = subprocess.run(
        [
            program("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    body = re.search(r"<body>(.*)</body>", done.stdout.decode("utf-8"), re.S)[1]
    measured = json.loads(body.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"))
    assert len(measured) == len(CASES)
    for case, found in zip(CASES, measured, strict=True):
        left, top, width, height = found["frame"]
        frame = Rect(left, top, left + width, top + height)
        labels = [(text, kind, Rect(*box)) for text, kind, box in found["labels"]]
        assert len(labels) == len(laid_out(case).texts)
        for (a, _, one), (b, _, other) in combinations(labels, 2):
            assert not one.meets(other), f"{case}: {a} overlaps {b}"
        for text, kind, rect in labels:
            assert rect.right > rect.left and inside(rect, frame), f"{case}: {text} is clipped"
            within = sum(inside(rect, Rect(*box)) for box in found["boxes"])
            assert within == (1 if kind == "bp-name" else 0), f"{case}: {text}"


# ---------------------------------------------------------------- TikZ


def without_text(latex: str) -> str:
    return re.sub(r"\\text\{[^{}]*\}", "", latex)


@pytest.mark.parametrize("case", CASES)
def test_hangul_in_mathematics_is_wrapped(case):
    """kotex prints bare Hangul in mathematics as garbage, without an error."""
    source = drawn(case, "tikz")
    assert not re.search("[가-힣]", without_text(source))
    assert source.count("{") == source.count("}")


FEW = ["w31", "w11 ko", "elided", "one bias", "softmax", "shared, w", "hostile, 가중치"]


@pytest.mark.latex
@pytest.mark.parametrize(
    ("engine", "some"),
    [
        ("xelatex", FEW),
        pytest.param("xelatex", CASES, marks=pytest.mark.slow),
        pytest.param("lualatex", CASES, marks=pytest.mark.slow),
    ],
    ids=["few", "xelatex", "lualatex"],
)
def test_tikz_compiles(engine, some, tmp_path):
    """Pictures in one document: no error, no glyph missing, nothing beyond the margin."""
    from backprop_symbolic.pictures import document

    pictures = "\n\n".join(drawn(case, "tikz") for case in some)
    source = document(pictures)
    assert r"\usepackage{kotex}" in source
    (tmp_path / "all.tex").write_text(source, encoding="utf-8")
    done = subprocess.run(
        [program(engine), "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        cwd=tmp_path, capture_output=True, timeout=240,
    )  # fmt: skip
    log = (tmp_path / "all.log").read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, log[-3000:]
    assert "Missing character" not in log
    assert not [m for m in re.findall(r"Overfull \\hbox \(([\d.]+)pt", log) if float(m) > 1]
    text = subprocess.run(
        [program("pdftotext"), "all.pdf", "-"], cwd=tmp_path, capture_output=True, check=True
    )
    assert "가중합" in text.stdout.decode("utf-8").replace(" ", "")


# ---------------------------------------------------------------- PNG, PDF


def test_png_and_pdf_are_the_svg():
    """The size of the SVG at 144 dots an inch, 72 of its pixels an inch; the PDF keeps text as text."""
    require("typst")
    drawing, language = cases()["w11 ko"]
    names = drawing.graph.written(language)
    png, pdf = drawing.draw("png", names, language), drawing.draw("pdf", names, language)
    assert png.startswith(b"\x89PNG\r\n\x1a\n") and pdf.startswith(b"%PDF")
    frame = laid_out("w11 ko").frame
    width, height = (int.from_bytes(png[i : i + 4], "big") for i in (16, 20))
    for pixels, length in ((width, frame.right - frame.left), (height, frame.bottom - frame.top)):
        assert 0.7 < pixels / length / (raster.DPI / 96) < 1.6
    assert png == drawing.draw("png", names, language)
    assert pdf == drawing.draw("pdf", names, language)


def test_hangul_in_a_png_is_no_box(monkeypatch):
    """Without a font of the machine, different syllables come out as different pictures, and none is left out."""
    require("typst")
    from backprop_symbolic import fonts

    monkeypatch.setattr(fonts, "SYSTEM", ())

    def one(text: str) -> bytes:
        frame = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 30" width="60" height="30">'
        return raster.raster(
            f'{frame}<style>{style()}</style><text class="bp-t bp-k" y="20">{text}</text></svg>', "png"
        )

    pictures = [zlib.crc32(one(text)) for text in ("가", "중", "합", "오", "차", "", "x")]
    assert len(set(pictures)) == 7


def test_without_typst_or_a_font_one_line_says_what_to_install(monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    drawing, language = cases()["w11 ko"]
    names = drawing.graph.written(language)
    monkeypatch.setattr(raster, "hangul_folder", lambda: None)
    with pytest.raises(NotInstalled, match=r"^a picture as png with Hangul needs its font: pip install "):
        drawing.draw("png", names, language)
    monkeypatch.setattr(importlib.util, "find_spec", lambda n, *a: None if n == "typst" else real(n, *a))
    with pytest.raises(
        NotInstalled, match=r"^a picture as pdf needs Typst: pip install 'backprop-symbolic\[pdf\]'$"
    ):
        drawing.draw("pdf", names, language)
    assert drawing.draw("svg", names, language)


# ---------------------------------------------------------------- in documents


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("case", ["w31", "w11 ko", "shared, w"])
def test_a_picture_of_a_document_has_words(case, language):
    """Caption and alternative text by message, the names put in."""
    drawing, _ = cases()[case]
    found = picture(drawing.graph, drawing.parameter, "network")
    say = Words(language, lambda value: name(drawing.graph.written(language)[value]).plain, str)
    assert found.drawing.kinds == KINDS
    assert drawing.parameter.name in say(found.caption)
    assert name(drawing.graph.written(language)[drawing.graph.error]).plain in say(found.alt)


def test_another_kind_is_refused():
    drawing, _ = cases()["w31"]
    with pytest.raises(UnknownName, match="no kind of picture 'svgz'"):
        drawing.draw("svgz", {}, "en")


def test_plots_are_drawings():
    """Curves, error curve and vanishing plot in each of their kinds."""
    require("matplotlib")
    from backprop_symbolic import plots, vanishing

    found = vanishing.vanishing(Network.dense([2, 2, 2]), [])
    magic = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
    for plot in (
        plots.Curves(("sigmoid",)),
        plots.ErrorCurve(((1, 0.5), (2, 0.25))),
        plots.VanishingPlot(found),
    ):
        assert set(plot.kinds) == set(magic)
        for kind in plot.kinds if isinstance(plot, plots.ErrorCurve) else ("png",):
            assert plot.draw(kind, {}, "ko").startswith(magic[kind])


# ---------------------------------------------------------------- the command


@pytest.fixture
def call(capsysbinary, tmp_path, monkeypatch):
    """The command in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def call(*args: str) -> Outcome:
        with pytest.raises(SystemExit) as stop:
            main([*args])
        out, err = capsysbinary.readouterr()
        return Outcome(int(stop.value.code or 0), out.decode(), err.decode())

    return call


def test_diagram_goes_to_stdout_or_a_file(call):
    """SVG without a word more; a file by its name's end; the same bytes."""
    shown = call("diagram", "--weight", "w11", "--lang", "ko")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == drawn("w11 ko", "svg")
    assert call("diagram", "--weight", "w_{11}", "--lang", "ko", "-o", "a.svg").out == ""
    assert Path("a.svg").read_text(encoding="utf-8") == shown.out
    call("diagram", "--weight", "w11", "--lang", "ko", "-o", "a.tex")
    assert Path("a.tex").read_text(encoding="utf-8") == drawn("w11 ko", "tikz")
    call("diagram", "--weight", "w11", "--lang", "ko", "-o", "whole.tex", "--standalone")
    assert Path("whole.tex").read_text(encoding="utf-8").count(r"\begin{document}") == 1


def test_diagram_takes_every_option_of_a_network(call):
    """The loss, the penalties, the notation are all in the picture."""
    options = (
        "--network",
        "2-2-2",
        "--activation",
        "tanh,softmax",
        "--loss",
        "mse",
        "--l2",
        "0.1",
        "--bias",
        "layer",
    )
    out = call("diagram", "--weight", "w2_11", *options, "--notation", "layered").out
    texts = {"".join(e.itertext()) for e in ElementTree.fromstring(out).iter(f"{SVG}text")}
    assert {"z(2)1", "a(2)1", "R2", "λ2", "b(2)", "t1", "E1"} <= texts


def test_diagram_of_a_graph(call, monkeypatch):
    Path("g.txt").write_text(GRAPHS["shared"], encoding="utf-8")
    assert call("diagram", "--weight", "w", "--graph", "g.txt").out == drawn("shared, w", "svg")


def test_diagram_as_png(call):
    require("typst")
    assert call("diagram", "--weight", "w31", "-o", "a.png").err == ""
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["--weight", "w51"], "no weight 'w51' in a 2-2-2 network. Its weights: w11 w12 w21 w22 w31 w32 w41 w42. Did you mean 'w41'?"),
        (["--weight", ""], "no weight '' in a 2-2-2 network. Its weights: w11 w12 w21 w22 w31 w32 w41 w42. Did you mean 'w11'?"),
        ([], "Missing option '--weight'."),
        (["--weight", "w31", "-o", "a.jpg"], "a diagram is written as .svg, .png, .pdf or .tex, not 'a.jpg'; or name one with --format"),
        (["--weight", "w31", "--format", "pgn"], "no format 'pgn' of a diagram. Known: svg png pdf tikz. Did you mean 'png'?"),
        (["--weight", "w31", "--format", "png"], "--format png goes with -o FILE"),
        (["--weight", "w31", "--standalone"], "--standalone goes with --format tikz, not svg"),
        (["--weight", "w31", "-o", "none/a.svg"], "cannot write 'none/a.svg': there is no directory 'none'"),
        (["--weight", "w31", "--lang", "kr"], "no language 'kr'. Known: en ko. Did you mean 'ko'?"),
        (["--weight", "w31", "--graph", "g.txt", "--network", "2-2"], "--network is for networks and does not go with --graph"),
        (["--weight", "w11", "--notation", "lectur"], "no notation 'lectur' (a file of your own ends in .toml). Known: lecture layered mazur. Did you mean 'lecture'?"),
    ],
)  # fmt: skip
def test_diagram_refuses_in_one_line(args, error, call, tmp_path):
    outcome = call("diagram", *args)
    assert outcome == Outcome(2, "", f"Error: {error}\n")
    assert not list(tmp_path.iterdir())


def test_activation_draws_its_curves(call):
    """The page on stdout, f and f' in the file."""
    require("matplotlib")
    outcome = call("activation", "tanh", "--format", "text", "--plot", "a.svg")
    assert outcome.err == "" and outcome.out
    assert Path("a.svg").read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["softmax", "--plot", "a.svg"], "--plot goes with a function of one variable, not 'softmax'"),
        (["tanh", "--plot", "a.gif"], "--plot 'a.gif': a plot is written as .svg, .png or .pdf"),
        (["tanh", "--plot", "a.svg", "-o", "a.svg"], "--plot and --output name the same file"),
    ],
)
def test_activation_refuses_a_plot_in_one_line(args, error, call, tmp_path):
    require("matplotlib")
    assert call("activation", *args) == Outcome(2, "", f"Error: {error}\n")
    assert not list(tmp_path.iterdir())
