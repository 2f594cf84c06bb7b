"""A laid-out picture as SVG: text stays text, nothing is fetched, the same bytes each time."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from backprop_symbolic.pictures import tones
from backprop_symbolic.pictures.geometry import PLAIN, Layout, Line, Shape, Text, head, shortened
from backprop_symbolic.pictures.names import INDEX, LOWERED, RAISED, Fraction, Label, Run

SERIF = '"STIX Two Text","STIX Two Math","Libertinus Serif","Times New Roman",Times,serif'
HANGUL = 'NanumGothic,"Nanum Gothic","Noto Sans CJK KR","Apple SD Gothic Neo","Malgun Gothic",sans-serif'
MONO = '"DejaVu Sans Mono",Consolas,Menlo,monospace'
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
ROUNDING = 8.0  # of the corners of a square box


def svg(layout: Layout, title: str, description: str) -> str:
    """The picture; `title` and `description` say it in words."""
    frame = layout.frame
    body = "\n".join(_body(layout))
    mark = f"bp{zlib.crc32(f'{title}{description}{body}'.encode()):08x}"
    width, height = frame.right - frame.left, frame.bottom - frame.top
    box = f"{_n(frame.left)} {_n(frame.top)} {_n(width)} {_n(height)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" width="{_n(width)}" height="{_n(height)}" '
        f'role="img" aria-labelledby="{mark}t {mark}d">\n'
        f'<title id="{mark}t">{escape(title)}</title>\n<desc id="{mark}d">{escape(description)}</desc>\n'
        f"<style>{style()}</style>\n"
        f'<rect class="bp-paper" x="{_n(frame.left)}" y="{_n(frame.top)}" width="{_n(width)}" '
        f'height="{_n(height)}"/>\n{body}\n</svg>\n'
    )


def escape(text: str) -> str:
    """Text as XML text; what XML has no place for is left out."""
    return "".join(_ESCAPES.get(c, c) for c in text if c.isprintable())


def style() -> str:
    """The style sheet: light, and dark on a screen that asks for it."""
    light = [_colours(tone, shade.colour) for tone, shade in tones.TONES.items()]
    dark = [_colours(tone, shade.dark) for tone, shade in tones.TONES.items()]
    dashes = [
        f".bp-l.bp-{tone}{{stroke-dasharray:{' '.join(_n(d) for d in shade.dashes)}}}"
        for tone, shade in tones.TONES.items()
        if shade.dashes
    ]
    return "".join(
        [
            f".bp-t{{font-family:{SERIF};text-anchor:middle}}.bp-s{{text-anchor:start}}.bp-k{{font-family:{HANGUL}}}"
            f".bp-i{{font-style:italic}}.bp-b{{font-weight:bold}}.bp-m{{font-family:{MONO}}}"
            ".bp-l{fill:none;stroke-linejoin:round}.bp-h{stroke:none}.bp-bar{stroke-width:.9}",
            *dashes,
            *_papers(tones.INK, tones.PAPER, tones.FILL),
            *light,
            "@media screen and (prefers-color-scheme:dark){",
            *_papers(tones.DARK_INK, tones.DARK_PAPER, tones.DARK_FILL),
            *dark,
            "}",
        ]
    )


def _papers(ink: str, paper: str, fill: str) -> list[str]:
    return [f".bp-t{{fill:#{ink}}}.bp-bar{{stroke:#{ink}}}.bp-paper{{fill:#{paper}}}.bp-box{{fill:#{fill}}}"]


def _colours(tone: str, colour: str) -> str:
    return f".bp-{tone}{{stroke:#{colour}}}.bp-h.bp-{tone}{{fill:#{colour}}}"


def _body(layout: Layout) -> Iterator[str]:
    for line in layout.lines:
        yield from _line(line)
    for shape in layout.shapes:
        yield from _shape(shape)
    for text in layout.texts:
        yield from _text(text)


def _line(line: Line) -> Iterator[str]:
    points = shortened(line)
    if points:
        way = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
        yield f'<path class="bp-l bp-{line.tone}" stroke-width="{_n(line.width)}" d="{way}"/>'
    if line.head is not None:
        corners = " ".join(f"{_n(x)},{_n(y)}" for x, y in head(line))
        yield f'<polygon class="bp-h bp-{line.tone}" points="{corners}"/>'


def _shape(shape: Shape) -> Iterator[str]:
    rect = shape.rect
    if shape.kind == "dots":
        for k in (-1, 0, 1):
            place = f'cx="{_n(shape.x)}" cy="{_n(shape.y + 9 * k)}"'
            yield f'<circle class="bp-h bp-{shape.tone}" {place} r="2.4"/>'
        return
    round_ = shape.height / 2 if shape.kind == "round" else ROUNDING
    width = 1.3 if shape.tone == PLAIN else 2.4
    yield (
        f'<rect class="bp-box bp-{shape.tone}" stroke-width="{_n(width)}" x="{_n(rect.left)}" '
        f'y="{_n(rect.top)}" width="{_n(shape.width)}" height="{_n(shape.height)}" rx="{_n(round_)}"/>'
    )
    if shape.split is not None:
        yield (
            f'<path class="bp-{shape.tone}" stroke-width="{_n(width * 0.7)}" '
            f'd="M{_n(shape.split)} {_n(rect.top)}V{_n(rect.bottom)}"/>'
        )


def _text(text: Text) -> Iterator[str]:
    rect = text.rect
    if text.kind in ("weight", "own", "note"):
        outline = f' bp-{text.tone}" stroke-width="2' if text.kind == "own" else ""
        yield (
            f'<rect class="bp-paper{outline}" x="{_n(rect.left)}" y="{_n(rect.top)}" '
            f'width="{_n(rect.right - rect.left)}" height="{_n(rect.bottom - rect.top)}" rx="5"/>'
        )
    yield f'<g class="bp-{text.kind}">'
    if isinstance(text.label, Fraction):
        yield _label(text.label.top, text.x, text.y - 0.68 * text.size, text.size)
        half = text.label.width * text.size / 2
        yield f'<path class="bp-bar" d="M{_n(text.x - half)} {_n(text.y)}h{_n(2 * half)}"/>'
        yield _label(text.label.bottom, text.x, text.y + 0.62 * text.size, text.size)
    else:
        yield _label(text.label, text.x, text.y, text.size, " bp-s" if text.kind == "words" else "")
    yield "</g>"


def _label(label: Label, x: float, y: float, size: float, more: str = "") -> str:
    if label.hangul and label.runs[0].text == "∂":  # fonts with Hangul have a poor one
        rest = Label(label.latex, label.runs[1:])
        left = x - label.width * size / 2
        sign = left + label.runs[0].width * size / 2
        start = left + label.runs[0].width * size
        return _label(Label("", label.runs[:1]), sign, y, size) + _label(rest, start, y, size, " bp-s")
    if any(run.back for run in label.runs) and not more:  # renderers disagree on where its middle is
        x, more = x - label.width * size / 2, " bp-s"
    kind = f"bp-t{' bp-k' if label.hangul else ''}{more}"
    inner = "".join(_runs(label.runs, size))
    return f'<text class="{kind}" x="{_n(x)}" y="{_n(y + 0.34 * size)}" font-size="{_n(size)}">{inner}</text>'


def _runs(runs: Sequence[Run], size: float) -> Iterator[str]:
    level = 0.0
    for run, after in zip(runs, (*runs[1:], None), strict=True):
        here = (LOWERED if run.level > 0 else RAISED if run.level < 0 else 0.0) * size
        classes = {"italic": "bp-i", "bold": "bp-b", "mono": "bp-m"}.get(run.style, "")
        attributes = f' class="{classes}"' if classes else ""
        attributes += f' dx="{_n(-run.back * size)}"' if run.back else ""
        attributes += f' dy="{_n(here - level)}"' if here != level else ""
        attributes += f' font-size="{_n(INDEX * size)}"' if run.level else ""
        if after is not None and after.back:  # so that what stands below begins where this begins
            attributes += f' textLength="{_n(after.back * size)}" lengthAdjust="spacingAndGlyphs"'
        yield f"<tspan{attributes}>{escape(run.text)}</tspan>"
        level = here


def _n(value: float) -> str:
    """A number with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0").replace("-0", "0", value > -0.05)
