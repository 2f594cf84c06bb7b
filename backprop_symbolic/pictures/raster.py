"""A picture as PNG or PDF: its SVG drawn by Typst.

Typst brings the serif fonts of the mathematics inside itself, draws the SVG that everyone else sees, and
makes the PDF of the lecture notes anyway. Hangul comes from NanumGothic, by its file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backprop_symbolic.engines import date
from backprop_symbolic.errors import NotInstalled
from backprop_symbolic.fonts import hangul_folder
from backprop_symbolic.pictures.names import wide

DPI = 144


def raster(svg: str, kind: str) -> bytes:
    """The SVG as `png` or `pdf`. Raises NotInstalled without Typst, or without a font for Hangul."""
    from importlib.util import find_spec

    if find_spec("typst") is None:
        raise NotInstalled(f"a picture as {kind} needs Typst: pip install 'backprop-symbolic[pdf]'")
    import typst

    body = svg.partition("</style>")[2]
    hangul = any(wide(c) for c in body)
    folder: Path | None = hangul_folder() if hangul else None
    if hangul and folder is None:
        raise NotInstalled(
            f"a picture as {kind} with Hangul needs its font: pip install 'backprop-symbolic[pdf]', "
            "or install fonts-nanum"
        )
    fonts: list[Any] = [] if folder is None else [str(folder)]
    text = svg.replace("\\", "\\\\").replace('"', '\\"')
    source = f'#set page(width: auto, height: auto, margin: 0pt)\n#image(bytes("{text}"), format: "svg")\n'
    drawn = typst.compile(
        source.encode("utf-8"),
        format="png" if kind == "png" else "pdf",
        ppi=DPI,
        font_paths=fonts,
        ignore_system_fonts=True,
        timestamp=date(),
    )
    return bytes(drawn)
