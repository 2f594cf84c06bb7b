"""Plots by matplotlib: how the gradient vanishes, and f beside f'.

The figures are drawn without a display and come out the same each time. Colours (Okabe and Ito)
can be told apart by the colour-blind, and each curve has a line style of its own as well. Words
and mathematics never share one label, because matplotlib's mathematics has no Hangul.
"""

from __future__ import annotations

import io
import logging
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sympy import Rational, Symbol

from backprop_symbolic.activations import Activation, activation, formula
from backprop_symbolic.analysis import exactly, value_at
from backprop_symbolic.errors import NotInstalled, OutputRefused, quoted
from backprop_symbolic.facts import Facts, Kink, facts, latex_sign
from backprop_symbolic.fonts import hangul_font
from backprop_symbolic.sampling import Sampled
from backprop_symbolic.vanishing import Vanishing
from backprop_symbolic.wording import messages

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = {".svg": "svg", ".png": "png", ".pdf": "pdf"}
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)), (0, (1, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
POINTS = 241  # of a curve
REACH = 5.0  # plotted on both sides of 0


def format_of(path: str) -> str:
    """svg, png or pdf, by the name's end. Raises OutputRefused for another."""
    found = FORMATS.get(Path(path).suffix.lower())
    if found is None:
        raise OutputRefused(f"--plot {quoted(path)}: a plot is written as .svg, .png or .pdf")
    return found


def needed() -> None:
    """Raises NotInstalled where matplotlib is not there."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise NotInstalled("plots need matplotlib: pip install 'backprop-symbolic[plot]'")


def ready(language: str, templates: Path | None = None) -> None:
    """Raises NotInstalled where a plot in this language could not be drawn."""
    needed()
    _Words(language, templates)


def error_curve(
    points: Sequence[tuple[int, float]], format: str, language: str = "en", templates: Path | None = None
) -> bytes:
    """The error against the iteration, on a logarithmic scale where it is never 0, as a file's bytes."""
    return _drawn(
        lambda figure, words: _error_curve(figure, words, points),
        format,
        (language, templates),
        (7, 4.4),
        ERRORS,
    )


def vanishing_plot(
    found: Vanishing, format: str, language: str = "en", templates: Path | None = None
) -> bytes:
    """The bound and the measured ratios against the layers passed, as a file's bytes."""
    return _drawn(
        lambda figure, words: _vanishing(figure, words, found), format, (language, templates), (10, 4.4)
    )


def curves(
    entries: Sequence[Activation], format: str, language: str = "en", templates: Path | None = None
) -> bytes:
    """f and f' of each activation side by side, the greatest |f'| marked, as a file's bytes."""
    return _drawn(
        lambda figure, words: _curves(figure, words, entries),
        format,
        (language, templates),
        (10, 4.2),
        CURVES,
    )


@dataclass(frozen=True)
class _Plot:
    """A plot of a document: it can be drawn as each kind, and has no names that a notation writes."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it can be drawn as."""
        return tuple(FORMATS.values())


@dataclass(frozen=True)
class Curves(_Plot):
    """f and f' of activations by their names or formulas, in two panels."""

    names: tuple[str, ...]

    def draw(
        self, kind: str, names: Mapping[Symbol, str], language: str, templates: Path | None = None
    ) -> bytes:
        """The plot. Raises NotInstalled."""
        return curves([activation(name) for name in self.names], kind, language, templates)


@dataclass(frozen=True)
class ErrorCurve(_Plot):
    """The error against the iteration."""

    points: tuple[tuple[int, float], ...]

    def draw(
        self, kind: str, names: Mapping[Symbol, str], language: str, templates: Path | None = None
    ) -> bytes:
        """The plot. Raises NotInstalled."""
        return error_curve(self.points, kind, language, templates)


@dataclass(frozen=True)
class VanishingPlot(_Plot):
    """How the bound on the gradient and random gradients shrink from layer to layer."""

    found: Vanishing

    def draw(
        self, kind: str, names: Mapping[Symbol, str], language: str, templates: Path | None = None
    ) -> bytes:
        """The plot. Raises NotInstalled."""
        return vanishing_plot(self.found, kind, language, templates)


# ---------------------------------------------------------------- the file


#: Room around the plots of curves: words of one line, at every language the same. To let matplotlib
#: find it out costs as much as the drawing.
CURVES = {"left": 0.05, "right": 0.985, "bottom": 0.13, "top": 0.92, "wspace": 0.14}
ERRORS = {"left": 0.13, "right": 0.97, "bottom": 0.13, "top": 0.92}


def _drawn(
    draw: Any,
    format: str,
    words: tuple[str, Path | None],
    size: tuple[float, float],
    room: Mapping[str, float] | None = None,
) -> bytes:
    """The figure as a file; without `room`, matplotlib finds out how much its words need."""
    needed()
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings = {
        "svg.hashsalt": "backprop-symbolic",
        "svg.fonttype": "path",
        "pdf.fonttype": 42,
        "mathtext.fontset": "dejavusans",
        "axes.unicode_minus": False,
        "font.size": 11,
    }
    with mpl.rc_context({**mpl.rcParamsDefault, "backend": "agg", **settings}):
        figure = Figure(figsize=size, layout="constrained" if room is None else None)
        if room is not None:
            figure.subplots_adjust(**dict(room))
        draw(figure, _Words(*words))
        stream = io.BytesIO()
        dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None, "ModDate": None}, "png": {}}
        with _quiet("fontTools"):
            figure.savefig(stream, format=format, dpi=144, metadata=dates[format])
    return stream.getvalue()


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Without the remarks of a library on tables of a font that no reader needs."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


class _Words:
    """Labels in a language, in a font that has its letters."""

    def __init__(self, language: str, templates: Path | None = None) -> None:
        self.table = messages(language, templates)
        texts = "".join(text for key, text in self.table.items() if key.startswith("plot."))
        self.font: Any = _hangul_font(language) if re.search("[가-힣]", texts) else None

    def put(self, axes: Axes, title: str, x: str, y: str) -> None:
        """The words around a plot."""
        font = {} if self.font is None else {"font": self.font}
        axes.set_title(self.table[f"plot.{title}"], fontsize=12, **font)
        for key, label in ((x, axes.set_xlabel), (y, axes.set_ylabel)):
            if key:
                label(self.table[f"plot.{key}"], **font)


def _hangul_font(language: str) -> Any:
    """A font that has Hangul, by its path. Raises NotInstalled where the machine has none."""
    from matplotlib.font_manager import FontProperties

    found = hangul_font()
    if found is None:
        raise NotInstalled(
            f"plots in {quoted(language)} need a font with Hangul: pip install koreanize-matplotlib, or "
            "install fonts-nanum, or use --lang en"
        )
    return FontProperties(fname=str(found), size=11)


def _sign(entry: Activation) -> str:
    """The function's sign as matplotlib's mathematics, or as plain text where that cannot read it."""
    from matplotlib.mathtext import MathTextParser

    upright = re.sub(r"\\(tanh|arctan|exp|sin|cos)\b", r"\\mathrm{\1}", latex_sign(entry))
    text = f"${upright}$"
    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return entry.sign.replace("$", r"\$")
    return text


# ---------------------------------------------------------------- how the gradient vanishes


def _vanishing(figure: Figure, words: _Words, found: Vanishing) -> None:
    left, right = figure.subplots(1, 2, sharey=True)
    layers = range(found.depth)
    for i, course in enumerate(found.courses):
        style: dict[str, Any] = {
            "color": COLOURS[i % len(COLOURS)],
            "linestyle": STYLES[i % len(STYLES)],
            "marker": MARKERS[i % len(MARKERS)],
            "label": _sign(course.entry),
        }
        # Bounds that coincide are drawn from broad to thin, so that each is seen.
        later = sum(other.bounds == course.bounds for other in found.courses[i + 1 :])
        broad = 1.6 + 1.3 * later
        nested = {"markersize": 5 + 3.5 * later, "markerfacecolor": "none", "markeredgewidth": 1.5}
        left.plot(layers, _positive(course.bounds_as_floats), **style, linewidth=broad, **nested)
        right.plot(layers, _positive(course.typical), **style, linewidth=1.6, markersize=5)
    for axes, title in ((left, "bound"), (right, "measured")):
        axes.set_yscale("log")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(True, which="major", color="#d9d9d9", linewidth=0.6)
        words.put(axes, title, "layers_passed", "ratio" if axes is left else "")
        axes.legend(loc="lower left", frameon=True, framealpha=1)


def _positive(values: Sequence[float]) -> list[float]:
    """Values for a logarithmic axis: 0 has no place on it and leaves a gap."""
    return [v if v > 0 else math.nan for v in values]


# ---------------------------------------------------------------- f and f'


def _curves(figure: Figure, words: _Words, entries: Sequence[Activation]) -> None:
    axes = figure.subplots(1, 2)
    seen: list[tuple[float, float]] = []
    for i, entry in enumerate(entries):
        known = facts(entry)
        style: dict[str, Any] = {"color": COLOURS[i % len(COLOURS)], "linestyle": STYLES[i % len(STYLES)]}
        sign = _sign(entry)
        label = (sign, sign[:-1] + "'$" if sign.endswith("$") else f"{sign}'")
        for stretch in _stretches(known):
            _stretch(axes, Sampled(entry), stretch, style, label if stretch[2] else ("", ""))
        for kink in _kinks(known):
            _ends(axes, kink, entry, style["color"])
        _summit(axes[1], known, Sampled(entry), style["color"], seen)
    for panel, title in zip(axes, ("f", "slope"), strict=True):
        panel.grid(True, color="#d9d9d9", linewidth=0.6)
        panel.axhline(0, color="#808080", linewidth=0.8, zorder=1)
        panel.axvline(0, color="#808080", linewidth=0.8, zorder=1)
        panel.set_xlim(-REACH, REACH)
        panel.margins(y=0.16 if title == "slope" else 0.08)
        low, high = panel.get_ylim()
        if high - low < 0.1:  # a constant: no scale of its own rounding errors
            middle = (low + high) / 2
            panel.set_ylim(middle - 0.5, middle + 1)
        panel.set_xlabel("$x$")
        words.put(panel, title, "", "")
        panel.legend(loc="upper left", frameon=True, framealpha=1)


def _stretches(known: Facts) -> list[tuple[float, float, bool]]:
    """The intervals that are drawn in one line each: between kinks, inside the domain."""
    spans = known.domain.value or ()
    borders = sorted({float(k.at.middle) for k in _kinks(known)})
    found: list[tuple[float, float]] = []
    for span in spans:
        places = [max(span.low.middle, -REACH), *borders, min(span.high.middle, REACH)]
        inside = [p for p in places if places[0] <= p <= places[-1]]
        found.extend((a, b) for a, b in pairwise(inside) if a < b)
    return [(a, b, i == 0) for i, (a, b) in enumerate(found)]


def _kinks(known: Facts) -> list[Kink]:
    return [fact.value for fact in known.kinks if isinstance(fact.value, Kink)]


def _stretch(
    axes: Sequence[Axes], sampled: Sampled, stretch: tuple[float, float, bool], style: Mapping[str, Any],
    label: tuple[str, str],
) -> None:  # fmt: skip
    low, high, _ = stretch
    inside = 1e-9 * (high - low)  # the ends belong to the neighbours
    places = [low + inside + (high - low - 2 * inside) * n / (POINTS - 1) for n in range(POINTS)]
    values = [sampled.at(x) or (math.nan, math.nan) for x in places]
    for k in (0, 1):
        clipped = [v[k] if abs(v[k]) < 20 else math.nan for v in values]
        named: dict[str, Any] = {"label": label[k]} if label[k] else {}
        axes[k].plot(places, clipped, linewidth=2, **style, **named)


def _ends(axes: Sequence[Axes], kink: Kink, entry: Activation, colour: str) -> None:
    """Hollow where a curve does not reach, filled where the value is."""
    at = kink.at.middle
    sampled = Sampled(entry)
    sides = [sampled.at(at + step) for step in (-1e-9, 1e-9)]
    here = exactly(value_at(formula(entry), kink.at)).middle
    for panel, k, value in ((axes[0], 0, here), (axes[1], 1, kink.convention.middle)):
        if panel is axes[0] and not kink.jump:
            continue
        for side in sides:
            if side is not None and abs(side[k] - value) > 1e-6:
                panel.plot(
                    [at], [side[k]], "o", color=colour, markerfacecolor="white", markersize=6, zorder=4
                )
        panel.plot([at], [value], "o", color=colour, markersize=6, zorder=4)


def _summit(
    panel: Axes, known: Facts, sampled: Sampled, colour: str, seen: list[tuple[float, float]]
) -> None:
    """Marks the greatest |f'|: its points, or a line at the supremum that is not taken."""
    if not known.steepest.established or known.steepest.value.value.infinite:
        return
    steepest = known.steepest.value
    height = steepest.value.middle
    exact = steepest.value.exact
    label = str(exact) if isinstance(exact, Rational) and exact.q < 100 else f"≈ {height:.3f}"
    for point in steepest.points:
        if abs(point.middle) < REACH:
            sign = _slope_sign(sampled, point.middle)
            panel.plot([point.middle], [sign * height], "*", color=colour, markersize=11, zorder=5)
    if not steepest.attained:
        panel.axhline(height, color=colour, linewidth=0.9, linestyle=(0, (1, 3)))
    if steepest.points:
        sign = _slope_sign(sampled, steepest.points[-1].middle)
        place = (steepest.points[-1].middle, height * sign)
        near = sum(abs(place[0] - x) < 1 and abs(place[1] - y) < 0.15 for x, y in seen)
        seen.append(place)
        offset = 7 + 14 * near if sign > 0 else -17 - 14 * near
        panel.annotate(label, place, textcoords="offset points", xytext=(8, offset), color=colour)


def _slope_sign(sampled: Sampled, at: float) -> int:
    found = sampled.at(at)
    return 1 if found is None or found[1] >= 0 else -1


# ---------------------------------------------------------------- training


def _error_curve(figure: Figure, words: _Words, points: Sequence[tuple[int, float]]) -> None:
    axes = figure.add_subplot()
    axes.plot([i for i, _ in points], [e for _, e in points], color=COLOURS[0], linewidth=1.6)
    if all(e > 0 for _, e in points):
        axes.set_yscale("log")
    axes.grid(True, alpha=0.3)
    words.put(axes, "training", "iteration", "error")
