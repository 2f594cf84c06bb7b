"""Colours and line styles of paths, alike in every form of a picture.

The colours are those of Okabe and Ito, which the colour-blind can tell apart; each has a line style of
its own, so that a print without colours can be read too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from backprop_symbolic.pictures.geometry import FURTHER, PLAIN, SEVERAL, TRUNK


@dataclass(frozen=True, slots=True)
class Tone:
    """A colour as six hexadecimal digits, on white and on dark paper, and lengths of dashes and gaps."""

    colour: str
    dark: str
    dashes: tuple[float, ...] = ()


INK, DARK_INK = "1b1b1b", "eceff4"
PAPER, DARK_PAPER = "ffffff", "15181d"
FILL, DARK_FILL = "f5f6f8", "20252c"
TONES: Mapping[str, Tone] = {
    PLAIN: Tone("8a9099", "7d8590"),
    TRUNK: Tone(INK, DARK_INK),
    SEVERAL: Tone("5b616b", "a9b0ba"),
    FURTHER: Tone("6e6e6e", "a0a6ad", (1.5, 4.5)),
    "route0": Tone("D55E00", "E8711A"),
    "route1": Tone("0072B2", "3E9BD6", (11.0, 4.5)),
    "route2": Tone("009E73", "1DB98D", (3.0, 3.0)),
    "route3": Tone("CC79A7", "D98CB6", (11.0, 4.0, 3.0, 4.0)),
    "route4": Tone("E69F00", "F0AC1A", (18.0, 4.0)),
    "route5": Tone("56B4E9", "6CC0EE", (10.0, 3.5, 2.5, 3.5, 2.5, 3.5)),
}
