r"""A laid-out picture as a tikzpicture; nothing but TikZ and amsmath's \text is needed.

It is scaled down where it is wider than the line.
"""

from __future__ import annotations

from collections.abc import Iterator

from backprop_symbolic.pictures import tones
from backprop_symbolic.pictures.geometry import PLAIN, Layout, Line, Point, Rect, Shape, Text, head, shortened
from backprop_symbolic.pictures.names import Fraction, Label
from backprop_symbolic.rendering.base import environment
from backprop_symbolic.rendering.latex import script

POINT = 0.62  # points for a pixel: a name of 16 pixels in letters of 10 points
ROUNDING = 5.0
_SIZES = ((16.0, r"\normalsize"), (15.0, r"\small"), (13.0, r"\footnotesize"), (0.0, r"\scriptsize"))


def tikz(layout: Layout) -> str:
    """The picture, for a document that loads tikz and amsmath, and kotex where there is Hangul."""
    lines, shapes, texts = layout.lines, layout.shapes, layout.texts
    used = sorted({x.tone for x in lines} | {x.tone for x in shapes} | {x.tone for x in texts})
    rows = [
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tikzpicture}}[x={POINT}pt,y=-{POINT}pt,line join=round]",
        *(rf"\definecolor{{bp{tone}}}{{HTML}}{{{tones.TONES[tone].colour.upper()}}}" for tone in used),
        rf"\definecolor{{bpfill}}{{HTML}}{{{tones.FILL.upper()}}}",
        rf"\useasboundingbox {_corner(layout.frame)};",
        *(row for line in lines for row in _line(line)),
        *(row for shape in shapes for row in _shape(shape)),
        *(row for text in texts for row in _text(text)),
        r"\end{tikzpicture}}",
    ]
    return "\n".join(rows) + "\n"


def document(picture: str) -> str:
    """A whole document with a picture in it, for xelatex or lualatex."""
    scripts = {script(c) for c in picture if c.isalpha() and not c.isascii()}
    template = environment().get_template("latex/diagram.tex")
    return template.render(picture=picture.rstrip(), scripts=scripts)


def _line(line: Line) -> Iterator[str]:
    points = shortened(line)
    if points:
        yield rf"\draw[bp{line.tone},line width={_n(line.width * POINT)}pt{_dashes(line)}] {_way(points)};"
    if line.head is not None:
        yield rf"\fill[bp{line.tone}] {_way(head(line))} -- cycle;"


def _dashes(line: Line) -> str:
    lengths = [f"{_n(length * POINT)}pt" for length in tones.TONES[line.tone].dashes]
    pattern = " ".join(f"{'off' if i % 2 else 'on'} {length}" for i, length in enumerate(lengths))
    return f",dash pattern={pattern}" if pattern else ""


def _shape(shape: Shape) -> Iterator[str]:
    if shape.kind == "dots":
        for k in (-1, 0, 1):
            yield rf"\fill[bp{shape.tone}] ({_n(shape.x)},{_n(shape.y + 9 * k)}) circle[radius=1.5pt];"
        return
    rounding = shape.height / 2 * POINT if shape.kind == "round" else ROUNDING
    width = 0.8 if shape.tone == PLAIN else 1.5
    style = f"bp{shape.tone},line width={width}pt"
    yield rf"\draw[{style},fill=bpfill,rounded corners={_n(rounding)}pt] {_corner(shape.rect)};"
    if shape.split is not None:
        ends = (shape.split, shape.rect.top), (shape.split, shape.rect.bottom)
        yield rf"\draw[{style}] {_way(ends)};"


def _text(text: Text) -> Iterator[str]:
    if text.kind in ("weight", "note"):
        yield rf"\fill[white] {_corner(text.rect)};"
    elif text.kind == "own":
        style = f"bp{text.tone},line width=1.2pt,fill=white,rounded corners=3pt"
        yield rf"\draw[{style}] {_corner(text.rect)};"
    size = next(command for least, command in _SIZES if text.size >= least)
    if isinstance(text.label, Fraction):
        yield rf"\node[inner sep=0pt,font={size}] at ({_n(text.x)},{_n(text.y)}) {{${_math(text.label)}$}};"
        return
    anchor = "base west" if text.kind == "words" else "base"
    place = f"({_n(text.x)},{_n(text.y + 0.34 * text.size)})"
    yield rf"\node[inner sep=0pt,anchor={anchor},font={size}] at {place} {{${_math(text.label)}$}};"


def _math(label: Label | Fraction) -> str:
    return rf"\displaystyle{label.latex}" if isinstance(label, Fraction) else label.latex


def _way(points: tuple[Point, ...]) -> str:
    return " -- ".join(f"({_n(x)},{_n(y)})" for x, y in points)


def _corner(rect: Rect) -> str:
    return f"({_n(rect.left)},{_n(rect.top)}) rectangle ({_n(rect.right)},{_n(rect.bottom)})"


def _n(value: float) -> str:
    return f"{value:.1f}"
