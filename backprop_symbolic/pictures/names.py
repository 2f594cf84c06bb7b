r"""A name's LaTeX as pieces of text for a picture, and how wide they are.

w_{31} is an italic w and a lowered 31; \text{가중합}_{3} is upright Hangul and a lowered 3. The
widths are those of a font like Times, rounded up: a picture leaves that much room.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

INDEX = 0.7  # size of a lowered or raised piece, in that of the name
LOWERED, RAISED = 0.24, -0.34  # how far, in the size of the name, downwards
_STYLES = {
    "mathit": "italic", "mathrm": "upright", "mathsf": "upright", "text": "upright", "mathbf": "bold",
    "mathtt": "mono",
}  # fmt: skip
_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "vec": "\u20d7"}
_SIGNS = {
    "partial": "∂", "ell": "ℓ", "prime": "′", "varphi": "φ", "varepsilon": "ε", "lambda": "λ", "Lambda": "Λ",
    ",": "\u2009", ";": "\u2009", "!": "", " ": " ",
}  # fmt: skip
_TOKEN = re.compile(r"\\[A-Za-z]+ ?|\\.|[{}_^]|.", re.S)
#: Characters by their width in a font like Times, in the font's size.
_WIDTHS = (
    (0.0, "\u0302\u0303\u0304\u20d7"), (0.2, "\u2009"), (0.34, "ijlftrI|.,:;'′()[]! "), (0.5, "0123456789-"),
    (0.52, "abcdeghknopqsuvxyzJ_"), (0.72, "ABCDEFGHKLNOPQRSTUVXYZ∂"), (0.8, "mwMW"),
)  # fmt: skip
_WIDTH = {c: width for width, characters in _WIDTHS for c in characters}


@dataclass(frozen=True, slots=True)
class Run:
    """Letters of one style on one level: 0 on the line, 1 lowered, -1 raised.

    style  italic, upright, bold, mono, or sign for ∂
    back   how far it begins before the end of the piece before it, in the size of the name
    """

    text: str
    style: str = "italic"
    level: int = 0
    back: float = 0.0

    @property
    def width(self) -> float:
        """In the size of the name."""
        size = INDEX if self.level else 1.0
        return size * (1.2 if self.style in ("mono", "bold") else 1.0) * text_width(self.text)


@dataclass(frozen=True, slots=True)
class Label:
    """A name, or a few words: its LaTeX and its pieces of text."""

    latex: str
    runs: tuple[Run, ...]

    @property
    def width(self) -> float:
        """In the size of the name."""
        at = end = 0.0
        for run in self.runs:
            at += run.width - run.back
            end = max(end, at)
        return end

    @property
    def plain(self) -> str:
        """One line of text: w31."""
        return "".join(run.text for run in self.runs)

    @property
    def hangul(self) -> bool:
        """Whether a font with Hangul is needed."""
        return any(wide(c) for c in self.plain)


@dataclass(frozen=True, slots=True)
class Fraction:
    """∂top/∂bottom."""

    top: Label
    bottom: Label

    @property
    def width(self) -> float:
        """In the size of its letters."""
        return max(self.top.width, self.bottom.width) + 0.25

    @property
    def latex(self) -> str:
        """The fraction as LaTeX."""
        return rf"\frac{{{self.top.latex}}}{{{self.bottom.latex}}}"

    @property
    def plain(self) -> str:
        """One line of text: ∂E/∂w31."""
        return f"{self.top.plain}/{self.bottom.plain}"


def name(latex: str) -> Label:
    """The label of a name by its LaTeX."""
    return Label(latex, tuple(_joined(_runs(_tokens(latex), "italic", 0))))


def words(text: str) -> Label:
    """A label of words."""
    escaped = re.sub(r"([#$%&_{}])", r"\\\1", re.sub(r"[\\^~]", "", text))
    return Label({"→": r"\to", "…": r"\dots"}.get(text, rf"\text{{{escaped}}}"), (Run(text, "upright"),))


def partial(of: str, by: str) -> Fraction:
    """∂of/∂by, both by their LaTeX."""
    return Fraction(name(rf"\partial {of}"), name(rf"\partial {by}"))


def wide(c: str) -> bool:
    """Whether a character takes the place of two: Hangul and its neighbours."""
    return unicodedata.east_asian_width(c) in "WF"


def text_width(text: str) -> float:
    """The width of letters, in their size."""
    return sum(_WIDTH.get(c, 0.95 if wide(c) else 0.62) for c in text)


def _tokens(latex: str) -> Iterator[str]:
    return (match.group() for match in _TOKEN.finditer(latex))


def _runs(tokens: Iterator[str], style: str, level: int) -> Iterator[Run]:
    """The pieces up to the end of the group."""
    above = 0.0  # the width of the index just written, which stands above or below the next one
    for token in tokens:
        if token == "}":
            return
        if token not in "_^":
            yield from _piece(token, tokens, style, level)
            above = 0.0
            continue
        inner = list(_runs(_argument(tokens), style, level or (1 if token == "_" else -1)))
        if inner and not level:
            inner[0] = replace(inner[0], back=0.88 * above)
            above = sum(run.width for run in inner)
        yield from inner


def _piece(token: str, tokens: Iterator[str], style: str, level: int) -> Iterator[Run]:
    command = token[1:].rstrip() if token.startswith("\\") and len(token) > 1 else ""
    if token == "{":
        yield from _runs(tokens, style, level)
    elif command in _STYLES:
        yield from _runs(_argument(tokens), _STYLES[command], level)
    elif command in _ACCENTS:
        *first, last = list(_runs(_argument(tokens), style, level)) or [Run("")]
        yield from first
        yield Run(last.text + _ACCENTS[command], last.style, level)
    elif command or token.startswith("\\"):
        yield Run(_sign(token[1:].rstrip() or " "), style if command != "partial" else "sign", level)
    else:
        letter = token.isalpha() and not wide(token)
        yield Run(
            "′" if token == "'" else token, style if letter or style == "mono" else _upright(style), level
        )


def _argument(tokens: Iterator[str]) -> Iterator[str]:
    """The tokens of the next group, or the next token alone."""
    first = next(tokens, "")
    if first != "{":
        yield first
        return
    depth = 1
    for token in tokens:
        depth += (token == "{") - (token == "}")
        if not depth:
            return
        yield token


def _upright(style: str) -> str:
    return "upright" if style == "italic" else style


def _sign(command: str) -> str:
    """What a command stands for: a Greek letter, a space, the character itself."""
    if command in _SIGNS:
        return _SIGNS[command]
    size = "CAPITAL" if command[0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {command.upper()}")
    except KeyError:
        return command


def _joined(runs: Iterator[Run]) -> Iterator[Run]:
    """Neighbours of one style and level as one piece."""
    before: Run | None = None
    for run in runs:
        if before is not None and (before.style, before.level) == (run.style, run.level) and not run.back:
            before = Run(before.text + run.text, run.style, run.level, before.back)
        else:
            if before is not None and before.text:
                yield before
            before = run
    if before is not None and before.text:
        yield before
