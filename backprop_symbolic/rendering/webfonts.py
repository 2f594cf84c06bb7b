"""Fonts cut down to the characters of one document, as WOFF to be put inside a page.

A cut font keeps its glyph numbers: outlines that are not needed become empty, so that every table
that speaks of glyphs by number (MATH, kern, GPOS) stays right as it is. That takes milliseconds.
"""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from backprop_symbolic.errors import NotInstalled

#: Tables that a browser needs or makes use of; the others are left out.
KEPT = (
    "GPOS", "MATH", "OS/2", "cmap", "cvt ", "fpgm", "gasp", "glyf", "head", "hhea", "hmtx", "kern", "loca",
    "maxp", "name", "post", "prep",
)  # fmt: skip


@dataclass(frozen=True)
class Source:
    """A font file inside an installed package, which is found but never imported."""

    package: str
    file: str
    needs: str
    #: How the browser is to measure lines, where the font's own tables disagree with each other.
    lines: str = ""

    def path(self) -> Path:
        """Where the file lies. Raises NotInstalled."""
        from importlib.util import find_spec

        spec = find_spec(self.package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            path = Path(folder) / "fonts" / self.file
            if path.is_file():
                return path
        raise NotInstalled(
            f"the font {self.file} is not installed: pip install {self.needs}, "
            "or pip install 'backprop-symbolic[html]'"
        )


MATH = Source(
    "ziamath",
    "STIXTwoMath-Regular.ttf",
    "ziamath",
    "ascent-override:76.2%;descent-override:23.8%;line-gap-override:25%;",
)
HANGUL = Source("koreanize_matplotlib", "NanumGothic.ttf", "koreanize-matplotlib")
HANGUL_BOLD = Source("koreanize_matplotlib", "NanumGothicBold.ttf", "koreanize-matplotlib")


@cache
def font(source: Source) -> Font:
    """A font, read once. Raises NotInstalled."""
    return Font(source.path().read_bytes())


class Font:
    """A TrueType font: its tables, and which glyph shows which character."""

    def __init__(self, data: bytes) -> None:
        count = struct.unpack_from(">H", data, 4)[0]
        self.tables: dict[str, bytes] = {}
        for i in range(count):
            tag, _, start, length = struct.unpack_from(">4sLLL", data, 12 + 16 * i)
            self.tables[tag.decode("latin-1")] = data[start : start + length]
        self.glyphs = dict(_characters(self.tables["cmap"]))
        self.starts = self._starts()
        self.variants = _variants(self.tables["MATH"]) if "MATH" in self.tables else {}

    def _starts(self) -> tuple[int, ...]:
        """Where each outline begins, and where the last one ends."""
        loca = self.tables["loca"]
        if struct.unpack_from(">h", self.tables["head"], 50)[0]:
            return struct.unpack(f">{len(loca) // 4}L", loca)
        return tuple(2 * start for start in struct.unpack(f">{len(loca) // 2}H", loca))

    def outline(self, glyph: int) -> bytes:
        """The outline of a glyph, empty for a blank."""
        return self.tables["glyf"][self.starts[glyph] : self.starts[glyph + 1]]

    def needed(self, characters: Iterable[str]) -> set[int]:
        """The glyphs of `characters`, with their larger variants and the parts they are made of."""
        found: set[int] = set()
        todo = [0, *(self.glyphs[ord(c)] for c in characters if ord(c) in self.glyphs)]
        while todo:
            glyph = todo.pop()
            if glyph not in found:
                found.add(glyph)
                todo.extend(self.variants.get(glyph, ()))
                todo.extend(_components(self.outline(glyph)))
        return found

    def woff(self, characters: Iterable[str]) -> bytes:
        """The font with the glyphs of `characters` alone, the same bytes for the same characters."""
        shown = {ord(c): self.glyphs[ord(c)] for c in sorted(characters) if ord(c) in self.glyphs}
        kept = self.needed(map(chr, shown))
        glyf, starts = bytearray(), [0]
        for glyph in range(len(self.starts) - 1):
            if glyph in kept:
                glyf += _padded(self.outline(glyph))
            starts.append(len(glyf))
        head = bytearray(self.tables["head"])
        struct.pack_into(">L", head, 8, 0)  # the checksum, put in at the end
        struct.pack_into(">h", head, 50, 1)  # starts of outlines have four bytes
        post = bytearray(self.tables["post"][:32])
        struct.pack_into(">L", post, 0, 0x00030000)  # without the names of the glyphs
        cut = {
            "glyf": bytes(glyf),
            "loca": struct.pack(f">{len(starts)}L", *starts),
            "hmtx": self._widths(kept),
            "cmap": _cmap(shown),
            "head": bytes(head),
            "post": bytes(post),
        }
        return _woff({tag: cut.get(tag, self.tables.get(tag, b"")) for tag in KEPT if tag in self.tables})

    def _widths(self, kept: set[int]) -> bytes:
        """The widths of the glyphs, 0 for those that are gone: zeros cost nothing when compressed."""
        wide = struct.unpack_from(">H", self.tables["hhea"], 34)[0]
        widths = bytearray(len(self.tables["hmtx"]))
        for glyph in (g for g in kept if g < wide):
            widths[4 * glyph : 4 * glyph + 4] = self.tables["hmtx"][4 * glyph : 4 * glyph + 4]
        widths[4 * wide - 4 :] = self.tables["hmtx"][4 * wide - 4 :]
        return bytes(widths)


def face(family: str, weight: str, source: Source, characters: Iterable[str]) -> str:
    """An @font-face rule with the cut font in it; empty where the font has none of the characters."""
    shown = sorted(c for c in set(characters) if ord(c) in font(source).glyphs)
    if not shown:
        return ""
    data = b64encode(font(source).woff(shown)).decode("ascii")
    return (
        f'@font-face{{font-family:"{family}";font-weight:{weight};font-display:block;{source.lines}'
        f'src:url(data:font/woff;base64,{data}) format("woff")}}\n'
    )


# ---------------------------------------------------------------- tables


def _characters(cmap: bytes) -> Iterator[tuple[int, int]]:
    """Character → glyph, from the widest of the Unicode tables (format 12, else 4)."""
    found: dict[int, int] = {}
    for i in range(struct.unpack_from(">H", cmap, 2)[0]):
        platform, encoding, start = struct.unpack_from(">HHL", cmap, 4 + 8 * i)
        if platform == 3 and encoding in (1, 10):
            found[struct.unpack_from(">H", cmap, start)[0]] = start
    if 12 in found:
        start = found[12]
        for i in range(struct.unpack_from(">L", cmap, start + 12)[0]):
            first, last, glyph = struct.unpack_from(">LLL", cmap, start + 16 + 12 * i)
            yield from ((c, glyph + c - first) for c in range(first, last + 1))
        return
    start = found[4]
    count = struct.unpack_from(">H", cmap, start + 6)[0] // 2
    ends = struct.unpack_from(f">{count}H", cmap, start + 14)
    begins = struct.unpack_from(f">{count}H", cmap, start + 16 + 2 * count)
    deltas = struct.unpack_from(f">{count}H", cmap, start + 16 + 4 * count)
    at = start + 16 + 6 * count
    ranges = struct.unpack_from(f">{count}H", cmap, at)
    for i in range(count):
        for c in range(begins[i], min(ends[i], 0xFFFE) + 1):
            glyph = c
            if ranges[i]:
                glyph = struct.unpack_from(">H", cmap, at + 2 * i + ranges[i] + 2 * (c - begins[i]))[0]
                if not glyph:
                    continue
            yield c, (glyph + deltas[i]) & 0xFFFF


def _cmap(shown: Mapping[int, int]) -> bytes:
    """Character → glyph as two tables: format 4 for the first 65,536 characters, format 12 for all."""
    runs: list[list[int]] = []  # first character, last character, glyph of the first
    for c, glyph in sorted(shown.items()):
        if runs and c == runs[-1][1] + 1 and glyph - c == runs[-1][2] - runs[-1][0]:
            runs[-1][1] = c
        else:
            runs.append([c, c, glyph])
    groups = b"".join(struct.pack(">LLL", *run) for run in runs)
    wide = struct.pack(">HHLLL", 12, 0, 16 + len(groups), 0, len(runs)) + groups
    # A run may lie on both sides of 65,535 in no font of ours: letters end long before it.
    low = [*(run for run in runs if run[1] < 0xFFFF), [0xFFFF, 0xFFFF, 0]]
    count = len(low)
    power = 1 << (count.bit_length() - 1)
    narrow = struct.pack(
        ">HHHHHHH", 4, 16 + 8 * count, 0, 2 * count, 2 * power, power.bit_length() - 1, 2 * (count - power)
    )
    narrow += struct.pack(f">{count}H", *(run[1] for run in low)) + b"\0\0"
    narrow += struct.pack(f">{count}H", *(run[0] for run in low))
    narrow += struct.pack(f">{count}H", *((run[2] - run[0]) & 0xFFFF for run in low)) + bytes(2 * count)
    start = 4 + 8 * 2
    return struct.pack(">HHHHLHHL", 0, 2, 3, 1, start, 3, 10, start + len(narrow)) + narrow + wide


def _components(outline: bytes) -> Iterator[int]:
    """The glyphs that a glyph is put together from."""
    if not outline or struct.unpack_from(">h", outline)[0] >= 0:
        return
    at, more = 10, True
    while more:
        flags, glyph = struct.unpack_from(">HH", outline, at)
        yield glyph
        at += 8 if flags & 1 else 6
        at += 2 if flags & 8 else 4 if flags & 64 else 8 if flags & 128 else 0
        more = bool(flags & 32)


def _variants(table: bytes) -> dict[int, tuple[int, ...]]:
    """Glyph → its larger variants and the parts it grows by, from the table MATH."""
    found: dict[int, tuple[int, ...]] = {}
    base = struct.unpack_from(">H", table, 8)[0]
    _, tall, wide, talls, wides = struct.unpack_from(">HHHHH", table, base)
    offsets = struct.unpack_from(f">{talls + wides}H", table, base + 10)
    covered = [
        *(_coverage(table, base + tall) if talls else ()),
        *(_coverage(table, base + wide) if wides else ()),
    ]
    for glyph, offset in zip(covered, offsets, strict=True):
        at = base + offset
        assembly, count = struct.unpack_from(">HH", table, at)
        larger = [struct.unpack_from(">H", table, at + 4 + 4 * i)[0] for i in range(count)]
        if assembly:
            at += assembly
            parts = struct.unpack_from(">H", table, at + 4)[0]
            larger += [struct.unpack_from(">H", table, at + 6 + 10 * i)[0] for i in range(parts)]
        found[glyph] = (*found.get(glyph, ()), *larger)
    return found


def _coverage(table: bytes, at: int) -> Iterator[int]:
    """The glyphs of a coverage table, in order."""
    form, count = struct.unpack_from(">HH", table, at)
    if form == 1:
        yield from struct.unpack_from(f">{count}H", table, at + 4)
        return
    for i in range(count):
        first, last, _ = struct.unpack_from(">HHH", table, at + 4 + 6 * i)
        yield from range(first, last + 1)


# ---------------------------------------------------------------- the file


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _checksum(data: bytes) -> int:
    padded = _padded(data)
    words: tuple[int, ...] = struct.unpack(f">{len(padded) // 4}L", padded)
    return sum(words) & 0xFFFFFFFF


def _woff(tables: Mapping[str, bytes]) -> bytes:
    """The tables as a WOFF file, each compressed where that makes it smaller."""
    count = len(tables)
    power, log = 1 << (count.bit_length() - 1), count.bit_length() - 1
    directory = struct.pack(">LHHHH", 0x00010000, count, 16 * power, log, 16 * (count - power))
    sums = {tag: _checksum(data) for tag, data in tables.items()}
    starts = [12 + 16 * count]
    for data in tables.values():
        starts.append(starts[-1] + len(_padded(data)))
    for (tag, data), (start, _) in zip(tables.items(), pairwise(starts), strict=True):
        directory += struct.pack(">4sLLL", tag.encode("latin-1"), sums[tag], start, len(data))
    whole = (0xB1B0AFBA - _checksum(directory) - sum(sums.values())) & 0xFFFFFFFF
    found, body, at = b"", b"", 44 + 20 * count
    for tag, data in tables.items():
        shown = data[:8] + struct.pack(">L", whole) + data[12:] if tag == "head" else data
        packed = zlib.compress(shown, 9)
        packed = packed if len(packed) < len(shown) else shown
        found += struct.pack(
            ">4sLLLL", tag.encode("latin-1"), at + len(body), len(packed), len(shown), sums[tag]
        )
        body += _padded(packed)
    header = struct.pack(
        ">4sLLHHLHHLLLLL", b"wOFF", 0x00010000, at + len(body), count, 0, starts[-1], 1, 0, 0, 0, 0, 0, 0
    )
    return header + found + body
