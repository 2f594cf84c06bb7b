"""What turns a document's source into a PDF: Typst, a Python package, or a TeX on this machine.

The same source gives the same bytes: the date in a PDF is that of SOURCE_DATE_EPOCH, else a fixed one.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from backprop_symbolic.errors import NotInstalled, NotTypeset, quoted, unknown
from backprop_symbolic.fonts import hangul_font, named

TEX = ("xelatex", "lualatex")
ENGINES = ("typst", *TEX)
#: 1 January 2000, UTC.
FIXED_DATE = 946684800
#: The font for Hangul that a book would have; where it is not there, any other is taken.
BOOK = "NanumMyeongjo"
#: Seconds that a run of TeX may take.
PATIENCE = 300


def checked(engine: str) -> str:
    """The engine's name. Raises UnknownName."""
    if engine not in ENGINES:
        raise unknown("engine", engine, ENGINES)
    return engine


def date() -> int:
    """The moment that a PDF says it was made, in seconds since 1970."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(given) if given.isdecimal() else FIXED_DATE


# ---------------------------------------------------------------- Typst


def hangul_fonts() -> list[Path]:
    """Fonts with Hangul, that of a book first. Raises NotInstalled where this machine has none."""
    found = [font for font in (named(BOOK), hangul_font()) if font is not None]
    if not found:
        raise NotInstalled(
            "Hangul in a PDF needs a font: pip install 'backprop-symbolic[pdf]', or install fonts-nanum"
        )
    return found


def typst(source: str, files: Mapping[str, bytes], hangul: bool) -> bytes:
    """The PDF of a Typst source. Raises NotInstalled, or NotTypeset where a letter has no glyph.

    It is PDF/A-2u, in which every sign must have a glyph and be readable as text: without that, Typst draws
    a box for a sign that no font has, and says nothing.
    """
    try:
        import typst as compiler
    except ImportError:
        raise NotInstalled(_without_typst()) from None
    paths = hangul_fonts() if hangul else []
    fonts = compiler.Fonts(False, True, sorted({str(path.parent) for path in paths}))
    families = {Path(font.path): font.family for font in fonts.fonts() if font.path is not None}
    with TemporaryDirectory() as folder:
        _lay_out(Path(folder), {"main.typ": source.encode("utf-8"), **files})
        try:
            found = compiler.compile(
                str(Path(folder, "main.typ")),
                root=folder,
                font_paths=fonts,
                sys_inputs={"hangul": json.dumps([families[path] for path in paths])},
                timestamp=date(),
                pdf_standards=["a-2u"],
            )
        except compiler.TypstError as error:
            raise NotTypeset(_complaint(error.message, error.diagnostic)) from None
    return bytes(found)


def _without_typst() -> str:
    from shutil import which

    found = next((name for name in TEX if which(name)), None)
    instead = f", or --engine {found}, which is on this machine" if found else ""
    return f"format pdf needs the package typst: pip install 'backprop-symbolic[pdf]'{instead}"


def _complaint(message: str, diagnostic: str) -> str:
    glyph = re.search(r'the text `"(.+?)"` could not be displayed', message, re.DOTALL)
    if glyph:
        return f"no font at hand has a glyph for {quoted(glyph[1])}"
    line = re.search(r"\.typ:(\d+)", diagnostic)
    return f"Typst: {message}" + (f" (line {line[1]} of the source)" if line else "")


def _lay_out(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


# ---------------------------------------------------------------- TeX


def tex(source: str, files: Mapping[str, bytes], engine: str) -> bytes:
    """The PDF of a LaTeX source. Raises NotInstalled, or NotTypeset with TeX's own complaint.

    TeX runs twice, for the contents, the bookmarks and the page count.
    """
    import subprocess
    from shutil import which

    program = which(engine)
    if program is None:
        raise NotInstalled(f"--engine {engine} needs {engine} with kotex, and there is none on this machine")
    with TemporaryDirectory() as folder:
        _lay_out(Path(folder), {"main.tex": source.encode("utf-8"), **files})
        command = [program, "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape", "main.tex"]
        settings = {"SOURCE_DATE_EPOCH": str(date()), "FORCE_SOURCE_DATE": "1", "max_print_line": "10000"}
        for _ in range(2):
            try:
                done = subprocess.run(
                    command,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    timeout=PATIENCE,
                    env={**os.environ, **settings},
                )
            except subprocess.TimeoutExpired:
                raise NotTypeset(f"{engine} did not finish within {PATIENCE} seconds") from None
            log = _log(Path(folder))
            if done.returncode:
                raise NotTypeset(f"{engine}: {_error(log)}")
        missing = re.search(r"Missing character: There is no (\S+)", log)
        if missing:
            raise NotTypeset(f"{engine}: no font at hand has a glyph for {quoted(missing[1])}")
        return Path(folder, "main.pdf").read_bytes()


def _log(folder: Path) -> str:
    path = folder / "main.log"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _error(log: str) -> str:
    """The first complaint of a log, in one line."""
    found = re.search(r"^! (.*)", log, re.MULTILINE)
    return quoted(found[1].strip(), 200) if found else "it failed and says no reason"
