"""Where a font with Hangul lies: inside the koreanize-matplotlib wheel, or on the machine.

The wheel is found, never imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

NAMES = ("NanumGothic", "NanumBarunGothic", "NotoSansCJK", "NotoSansKR", "malgun", "AppleGothic", "UnDotum")
SYSTEM = ("/usr/share/fonts", "/usr/local/share/fonts", "~/.fonts", "~/.local/share/fonts",
          "/Library/Fonts", "/System/Library/Fonts", "C:/Windows/Fonts")  # fmt: skip


def hangul_font() -> Path | None:
    """The file of a font with Hangul, None where there is none."""
    for path in (*_bundled(), *_installed()):
        if path.is_file():
            return path
    return None


def named(family: str) -> Path | None:
    """The file of a font family on the machine, None where it is not there."""
    for folder in SYSTEM:
        found = sorted(Path(folder).expanduser().rglob(f"{family}.[ot]tf"))
        if found:
            return found[0]
    return None


def hangul_folder() -> Path | None:
    """The folder of that font."""
    found = hangul_font()
    return None if found is None else found.parent


def _bundled() -> Iterator[Path]:
    from importlib.util import find_spec

    spec = find_spec("koreanize_matplotlib")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        yield Path(folder) / "fonts" / "NanumGothic.ttf"


def _installed() -> Iterator[Path]:
    files = [
        path
        for folder in SYSTEM
        for path in sorted(Path(folder).expanduser().rglob("*.tt?"))
        if "Bold" not in path.name
    ]
    for name in NAMES:
        yield from (path for path in files if path.name.startswith(name))
