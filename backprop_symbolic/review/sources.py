r"""A file as rows of mathematics, each character with its place.

Markdown  $…$, $$…$$ (kramdown's inline too), $`…`$, \(…\), \[…\], environments, ```math and {math}; quoted
          lines; and lines of plain text, or of a fence without a language, that are clearly equations
LaTeX     environments, $…$, \[…\]; comments, pictures and verbatim are passed over, \input is not followed
notebooks the Markdown cells

A display is split at each \\ that stands outside of braces and of cases. Signs of alignment are left out,
and so are reasons in a column of their own (&& \text{…}).
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate, repeat

from backprop_symbolic.errors import BadText, quoted
from backprop_symbolic.message import Message
from backprop_symbolic.review import macros
from backprop_symbolic.review.tree import Row
from backprop_symbolic.review.words import words

MAX_BYTES = 10_000_000
MAX_TEXT = 20_001  # characters kept of a row; the grammar reads no longer one
MAX_INLINE = 2_000  # characters between two $ in a line
MAX_CELLS = 10_000

DISPLAY = "align aligned alignat flalign gather multline eqnarray equation displaymath split math dmath"
SKIPPED = "verbatim Verbatim lstlisting minted tikzpicture comment filecontents algorithm algorithmic"
#: Environments that are one formula inside a row: their \\ is their own.
WHOLE = words("cases dcases rcases array matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix")
STRIPPED = frozenset([*DISPLAY.split(), "gathered", "alignedat", "subequations"])
FENCED_MATH = re.compile(r"\{?(?:math|latex-math|katex)\}?")
PLAIN_FENCES = ("", "text", "txt", "plain", "plaintext", "none")

_ENVIRONMENT = "|".join(DISPLAY.split())
MARKDOWN = re.compile(
    r"(?=[\\`$<{]|^)(?:"  # no other sign begins one: most of a text is passed over at once
    r"(?P<escape>\\[\\`$*_{}#<>!.|-])"
    r"|^(?P<fence>[ \t>]*(?:[-*+]|\d+\.)?[ \t]*(?P<ticks>`{3,}|~{3,})(?P<info>[^\n`]*)$)"
    r"|(?P<myst>\{math\}(?=`))"
    r"|(?P<github>\$`)"
    r"|(?P<code>`+)"
    r"|(?P<html><!--)"
    r"|(?P<double>\$\$)"
    r"|(?P<single>\$)"
    r"|(?P<bracket>\\\[)|(?P<paren>\\\()"
    rf"|(?P<env>\\begin\{{(?P<name>{_ENVIRONMENT})(?P<star>\*?)\}}))",
    re.MULTILINE,
)
LATEX = re.compile(
    r"(?P<escape>\\[\\$%&#_{}])"
    r"|(?P<comment>%[^\n]*)"
    rf"|(?P<skip>\\begin\{{(?P<skipped>{'|'.join(SKIPPED.split())})\*?\}})"
    r"|(?P<verb>\\verb\*?(?P<stop>[^A-Za-z\s*]))"
    r"|(?P<double>\$\$)"
    r"|(?P<single>\$)"
    r"|(?P<bracket>\\\[)|(?P<paren>\\\()"
    rf"|(?P<env>\\begin\{{(?P<name>{_ENVIRONMENT})(?P<star>\*?)\}})"
)
LABEL = re.compile(r"(?P<label>\((?:\d{1,3}|[a-z])\)(?:-\d{1,2})?(?:\s*,\s*\((?:\d{1,3}|[a-z])\))*)")
HEADING = re.compile(r"[ \t>]*(?:#{1,6}[ \t]+|\\(?:sub)*(?:section|paragraph)\*?\{)(?P<text>[^\n]*)")
QUOTE = re.compile(r"[ \t]*(?:>[ \t]?)+")
BULLET = re.compile(r"[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)?")


def read(data: bytes, name: str) -> tuple[Row, ...]:
    """The rows of a file, in reading order. Its kind is by its name's ending, else Markdown.

    Raises BadText for what is too large, no UTF-8 text, no notebook, or defines too many commands.
    """
    if len(data) > MAX_BYTES:
        raise BadText(f"{quoted(name)}: {len(data)} bytes; at most {MAX_BYTES} are read")
    text = _decoded(data, name)
    if name.lower().endswith(".ipynb"):
        return _notebook(text, name)
    latex = name.lower().endswith((".tex", ".ltx", ".latex"))
    return _numbered(_Text(text, latex, name).rows())


def text_of(data: bytes, name: str) -> str:
    """The text as it was read. Raises BadText."""
    return _decoded(data, name)


def _decoded(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadText(f"{quoted(name)} is UTF-16; UTF-8 is read: save it as UTF-8")
    at = data.find(b"\0")
    if at >= 0:
        line = data.count(b"\n", 0, at) + 1
        raise BadText(f"{quoted(name)}, line {line}: a NUL byte; this is no text file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        raise BadText(
            f"{quoted(name)}, line {line}: the byte 0x{byte:02x} is not UTF-8: save it as UTF-8"
        ) from None


def _notebook(text: str, name: str) -> tuple[Row, ...]:
    try:
        book = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise BadText(f"{quoted(name)}{where}: no notebook: not JSON") from None
    cells = book.get("cells") if isinstance(book, dict) else None
    if not isinstance(cells, list) or len(cells) > MAX_CELLS:
        raise BadText(f"{quoted(name)}: no notebook: it has no list 'cells' of at most {MAX_CELLS}")
    found: list[Row] = []
    for number, cell in enumerate(cells):
        if not isinstance(cell, dict) or cell.get("cell_type") != "markdown":
            continue
        source = cell.get("source", "")
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str):
            raise BadText(f"{quoted(name)}, cell {number}: its source is no text")
        blocks = found[-1].block + 1 if found else 0
        found += [
            replace(row, cell=number, block=row.block + blocks) for row in _Text(source, False, name).rows()
        ]
    return _numbered(found)


def _numbered(rows: Iterator[Row] | list[Row]) -> tuple[Row, ...]:
    return tuple(replace(row, id=f"R{number}") for number, row in enumerate(rows, 1))


class _Text:
    """A text and what stands in it: pieces of mathematics from where to where."""

    def __init__(self, text: str, latex: bool, name: str) -> None:
        self.text, self.latex = text, latex
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self.macros = macros.found_in(text, name)
        self.blocks = 0
        self.missing: dict[str, int] = {}  # a closing sign that stands nowhere behind this place
        self.labels = list(self.labelled())
        self.ticks: dict[str, list[int]] = {}
        if not latex:
            for found in re.finditer("`+", text):
                self.ticks.setdefault(found.group(), []).append(found.start())

    # ------------------------------------------------------------ places

    def line(self, at: int) -> int:
        """The number of the line of a place, from 0."""
        return bisect_right(self.starts, at) - 1

    def line_end(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end

    def find(self, closing: str, at: int) -> int:
        """Where `closing` stands next; what was sought in vain is not sought again."""
        if self.missing.get(closing, len(self.text) + 1) <= at:
            return -1
        found = self.text.find(closing, at)
        if found < 0:
            self.missing[closing] = at
        return found

    def labelled(self) -> Iterator[tuple[int, str]]:
        """Where a label begins to hold: a heading, or a line that is nothing else."""
        for start, line in zip(self.starts, self.text.split("\n"), strict=True):
            heading = HEADING.match(line)
            text = heading.group("text") if heading else line.strip(" \t>*")
            if not heading and not (text.startswith("(") and len(text) <= 12):
                continue
            found = LABEL.match(text)
            if heading or found:
                yield start, found.group("label") if found else ""

    def label(self, at: int) -> str:
        found = bisect_right(self.labels, (at, "\U0010ffff")) - 1
        return self.labels[found][1] if found >= 0 else ""

    # ------------------------------------------------------------ what stands where

    def rows(self) -> Iterator[Row]:
        at = self.body()
        prose = at
        pattern = LATEX if self.latex else MARKDOWN
        while found := pattern.search(self.text, at):
            if (defined := self.macros.around(found.start())) is not None:
                at = max(defined[1], found.end())
                continue
            start, end, inside, display = self.piece(found)
            if inside is not None:
                yield from self.prose(prose, start)
                yield from self.formula(*inside, display)
                prose = end
            elif found.lastgroup == "fence":
                yield from self.prose(prose, start)
                prose = end
                yield from self.fence(found, end)
            at = max(end, found.end())
        yield from self.prose(prose, len(self.text))

    def body(self) -> int:
        """Where the text begins: behind \\begin{document} or the front matter."""
        if self.latex:
            return max(self.text.find("\\begin{document}"), 0)
        found = re.match(r"---[ \t]*\r?\n(?:.*\n){0,200}?---[ \t]*\r?\n", self.text)
        return found.end() if found else 0

    def piece(self, found: re.Match[str]) -> tuple[int, int, tuple[int, int] | None, bool]:
        """Where a construct begins and ends, where its mathematics stands, and whether as a display."""
        start, at = found.span()
        kind = found.lastgroup or ""
        groups = found.groupdict()
        if groups.get("escape") or groups.get("comment"):
            return start, at, None, False
        if groups.get("fence"):
            return start, self.fence_end(found), None, False
        if groups.get("html"):
            return start, self.closed("-->", at), None, False
        if groups.get("skip"):
            return start, self.closed(f"\\end{{{groups['skipped']}", at), None, False
        if groups.get("verb"):
            end = self.text.find(groups["stop"], at, self.line_end(at))
            return start, end + 1 if end >= 0 else at, None, False
        if groups.get("myst"):
            end = self.text.find("`", at + 1, self.line_end(at))
            return (start, end + 1, (at + 1, end), False) if end >= 0 else (start, at, None, False)
        if groups.get("github"):
            end = self.text.find("`$", at, min(at + MAX_INLINE, len(self.text)))
            return (start, end + 2, (at, end), False) if end >= 0 else (start, at, None, False)
        if groups.get("code"):
            return start, self.code_end(found), None, False
        if groups.get("double"):
            return self.display("$$", start, at)
        if groups.get("bracket"):
            return self.display("\\]", start, at)
        if groups.get("paren"):
            end = self.text.find("\\)", at, min(at + MAX_INLINE, len(self.text)))
            return (start, end + 2, (at, end), False) if end >= 0 else (start, at, None, False)
        if groups.get("env"):
            return self.environment(groups["name"] + groups["star"], start, at)
        assert kind == "single" or groups.get("single")
        return self.inline(start, at)

    def closed(self, closing: str, at: int) -> int:
        end = self.find(closing, at)
        return end + len(closing) if end >= 0 else at

    def code_end(self, found: re.Match[str]) -> int:
        """Where inline code ends; a run of backticks that nothing closes is text."""
        places = self.ticks.get(found.group(), [])
        later = bisect_left(places, found.end())
        return places[later] + len(found.group()) if later < len(places) else found.end()

    def display(self, closing: str, start: int, at: int) -> tuple[int, int, tuple[int, int] | None, bool]:
        end = self.find(closing, at)
        alone = not self.text[at : self.line_end(at)].strip()
        blank = re.compile(r"\n[ \t>]*\n").search(self.text, at, end if end >= 0 else len(self.text))
        if end >= 0 and (not blank or alone):
            return start, end + len(closing), (at, end), True
        stop = blank.start() if blank else len(self.text)
        return start, stop, (start, stop), True  # nothing closes it: the sign stays, and is not read

    def environment(self, name: str, start: int, at: int) -> tuple[int, int, tuple[int, int] | None, bool]:
        end = self.find(f"\\end{{{name}}}", at)
        if end >= 0:
            return start, end + len(name) + 6, (at, end), name != "math"
        blank = re.compile(r"\n[ \t>]*\n").search(self.text, at)
        stop = blank.start() if blank else len(self.text)
        return start, stop, (start, stop), True

    def inline(self, start: int, at: int) -> tuple[int, int, tuple[int, int] | None, bool]:
        """$…$ within a paragraph: no blank behind the first nor before the last, no digit behind it."""
        window = self.text[at : at + MAX_INLINE]
        ends = re.compile(r"(?<!\\)\$|\n[ \t>]*\n").search(window)
        if not ends or ends.group() != "$":
            return start, at, None, False
        end = at + ends.start()
        inside = self.text[at:end]
        after = self.text[end + 1 : end + 2]
        if not inside.strip() or (
            not self.latex and (after.isdigit() or inside[0] in " \t\n" or inside[-1] in " \t\n")
        ):
            return start, at, None, False
        return start, end + 1, (at, end), False

    def fence_end(self, found: re.Match[str]) -> int:
        """Where the fence's last line begins."""
        ticks = found.group("ticks")
        at = found.end()
        while (at := self.find(f"{ticks}", at)) >= 0:
            begin = self.text.rfind("\n", 0, at) + 1
            if not self.text[begin:at].strip(" \t>") and not self.text[at : self.line_end(at)].strip(
                f" \t\r{ticks[0]}"
            ):
                return self.line_end(at)
            at = self.line_end(at)
        return len(self.text)

    def fence(self, found: re.Match[str], end: int) -> Iterator[Row]:
        info = found.group("info").strip()
        last = self.text.rfind("\n", 0, end)
        start = min(found.end() + 1, len(self.text))
        if last < start:
            return
        if FENCED_MATH.fullmatch(info.split(" ")[0]):
            options = re.compile(r"(?:[ \t>]*:\w+:[^\n]*\n)*").match(self.text, start)
            yield from self.formula(options.end() if options else start, last, True)
        elif info in PLAIN_FENCES:
            lines = [line for line in self.text[start:last].split("\n") if line.strip(" \t>\r")]
            if lines and all(_equation(line) for line in lines):
                yield from self.plain(start, last)

    # ------------------------------------------------------------ plain text

    def prose(self, start: int, end: int) -> Iterator[Row]:
        """The lines of prose that are equations: only whole lines, so that no half sentence is one."""
        if self.latex or start >= end:
            return
        if start and self.text[start - 1] != "\n":
            start = self.line_end(start) + 1
        if end < len(self.text) and self.text[end - 1] != "\n":
            end = self.text.rfind("\n", 0, end) + 1
        if start < end:
            yield from self.plain(start, end)

    def plain(self, start: int, end: int) -> Iterator[Row]:
        at = start
        while at < end:
            stop = min(self.line_end(at), end)
            line = self.text[at:stop]
            if "=" in line and (found := _equation(line)):
                self.blocks += 1
                yield self.row(list(range(at + found[0], at + found[1])), 0, True)
            at = stop + 1

    # ------------------------------------------------------------ rows

    def formula(self, start: int, end: int, display: bool) -> Iterator[Row]:
        """The rows of a piece of mathematics."""
        whole = self.unquoted(start, end)
        places = self.macros.outside(whole)
        if len(places) < len(whole) and all(self.text[place].isspace() for place in places):
            return  # nothing but definitions
        self.blocks += 1
        for index, places_of_row in enumerate(self.rows_of(places)):
            yield self.row(places_of_row, index, display)

    def characters(self, places: list[int]) -> str:
        """What stands at places that do not go back."""
        if places and places[-1] - places[0] == len(places) - 1:
            return self.text[places[0] : places[-1] + 1]
        return "".join(map(self.text.__getitem__, places))

    def unquoted(self, start: int, end: int) -> list[int]:
        """The places of a formula's characters, without comments and the quote marks of its lines."""
        begin = self.text.rfind("\n", 0, start) + 1
        quoted_ = not self.latex and QUOTE.match(self.text, begin, max(start, begin))
        lone = not self.text[start : self.line_end(start)].strip()
        places: list[int] = []
        at = start
        while at < end:
            stop = min(self.line_end(at), end)
            if at > start or lone:
                mark = QUOTE.match(self.text, at, stop)
                if mark and (quoted_ or lone) and not self.latex:
                    at = mark.end()
            line = self.text[at:stop]
            comment = re.search(r"(?<!\\)%", line)
            places += range(at, at + comment.start() if comment else stop)
            if stop < end:
                places.append(stop)
            at = stop + 1
        return places

    def rows_of(self, places: list[int]) -> Iterator[list[int]]:
        r"""A formula's rows: split at \\, without &, without the environments that only align."""
        text = self.characters(places)
        if not PARTED.search(text):
            yield places
            return
        shrunk = SHRUNK.fullmatch(text)
        if shrunk is not None:
            places, text = places[shrunk.start("inner") : shrunk.end("inner")], shrunk["inner"]
        depth, whole, column = 0, 0, 0
        row: list[int] = []
        at = 0
        for found in ROW_SIGN.finditer(text):
            if found.start() < at:
                continue  # inside of a reason
            row += places[at : found.start()]
            at = found.end()
            sign = found.group()
            if found.group("which"):
                name = found.group("name").rstrip("*")
                if name in STRIPPED and not whole:
                    continue
                if name in WHOLE:
                    whole = max(whole + (1 if found.group("which") == "begin" else -1), 0)
            elif sign in "{}":
                depth = max(depth + (1 if sign == "{" else -1), 0)
            elif sign.startswith("&") and not whole:
                if len(sign) == 1:
                    continue
                column = found.end()
                if REASON.match(text, column):
                    at = self.reason_end(text, column)
                    continue
            elif sign.startswith("\\\\") and not depth and not whole:
                yield row
                row = []
                continue
            row += places[found.start() : found.end()]
        row += places[at:]
        yield row

    def reason_end(self, text: str, at: int) -> int:
        r"""Behind the reason that stands beside a row: up to the next \\ outside of braces."""
        depth = 0
        for found in ROW_SIGN.finditer(text, at):
            depth += {"{": 1, "}": -1}.get(found.group(), 0)
            if depth <= 0 and (found.group().startswith("\\\\") or found.group("which") == "end"):
                return found.start()
        return len(text)

    def row(self, places: list[int], index: int, display: bool) -> Row:
        places = self.trimmed(places)
        while places and self.text[places[-1]].isspace():
            places.pop()
        places = places[:MAX_TEXT]
        text = self.characters(places)
        first, end = (places[0], places[-1] + 1) if places else (0, 0)
        unread: Message | None = None
        expanded = self.macros.used(text)
        if expanded:
            try:
                text, spots = self.macros.expanded(text, places)
                places = list(accumulate(spots, max))
            except macros.Unexpanded as error:
                unread = error.why
        at = self.positions([*places, end])
        return Row(
            "", text, tuple(at), self.blocks - 1, index, display, self.label(first), None, unread, expanded
        )

    def positions(self, places: list[int]) -> list[tuple[int, int]]:
        """(line, column) of places that do not go back."""
        line = self.line(places[0])
        if places[-1] <= self.line_end(places[0]):
            before = self.starts[line] - 1
            return list(zip(repeat(line + 1), [place - before for place in places], strict=False))
        at: list[tuple[int, int]] = []
        for place in places:
            while line + 1 < len(self.starts) and self.starts[line + 1] <= place:
                line += 1
            at.append((line + 1, place - self.starts[line] + 1))
        return at

    def trimmed(self, places: list[int]) -> list[int]:
        first = next((i for i, place in enumerate(places) if not self.text[place].isspace()), len(places))
        # A row that was broken before its sign begins with a space that is none of its own.
        indent = INDENT.match(self.characters(places[first : first + MAX_INDENT]))
        return places[first + (indent.end() if indent is not None else 0) :]


ROW_SIGN = re.compile(
    r"\\\\(?:\*?\s*\[[^\]\n]{0,20}\]|\*)?"
    r"|\\(?P<which>begin|end)\s*\{(?P<name>[A-Za-z]+\*?)\}(?:\{[lcr|@{}\s]{0,40}\})?"
    r"|\\[^A-Za-z]"
    r"|[{}]|&&?"
)
#: Without any of these a formula is one row, as it stands.
PARTED = re.compile(r"\\\\|&|\\begin|\\end|\\resizebox")
MAX_INDENT = 60
INDENT = re.compile(r"(?:\\q?quad|\\[,;: ]|\{\}|\s)+(?==|\\cdot|\\times|[-+−])")
#: A formula that is set smaller where it is too wide.
SHRUNK = re.compile(
    r"\s*\\resizebox\*?\s*\{[^{}]{0,200}\}\s*\{!\}\s*\{\s*\$(?:\\displaystyle)?(?P<inner>[^$]*)\$\s*\}\s*"
)
REASON = re.compile(r"\s*(?:\\quad|\\qquad|\\[,;: ]|\s)*\\text(?:rm|it)?\s*\{")

# ---------------------------------------------------------------- is a line an equation

OPERATOR = r"(?:\*\*|[-+*/^=<>≤≥≈·×−(){}\[\]_|'′,√])"
TERM = re.compile(
    rf"\s*(?:(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?)|(?P<word>[^\W\d_][^\W_]*)|(?P<operator>{OPERATOR}|[∂∑Σ]))"
)
CODE = re.compile(
    r"==|!=|<=|>=|\+=|-=|\*=|/=|=>|->|:=|;|\"|#|\$|`|\\\\|<[A-Za-z/]|https?:|\bdef\b|\breturn\b|\bimport\b|\bnp\b"
)
CJK = re.compile(r"[가-힣\u3400-\u9fff]")
MAX_LINE = 500


def _equation(line: str) -> tuple[int, int] | None:
    """From where to where a line of plain text is an equation, if it clearly is one.

    That is: names, numbers and operators only, an equals sign between two sides, never two words with
    nothing but a blank between them, and a left side that is short.
    """
    if len(line) > MAX_LINE or "=" not in line or CODE.search(line):
        return None
    start = (BULLET.match(line) or re.match("", line)).end()  # type: ignore[union-attr]
    head = line[: line.index("=")]
    cut = max(head.rfind(sign) for sign in "：，。:") + 1
    if cut and CJK.search(head[:cut]):
        start = cut
    end = len(line.rstrip(" \t\r.。,，"))
    before = ""
    at = start
    names = signs = equals = 0
    while at < end:
        found = TERM.match(line, at, end)
        if not found:
            if line[at:end].isspace():
                break
            return None
        kind = found.lastgroup or ""
        if kind == "word":
            word = found.group("word")
            if before in ("word", "number") and found.start("word") > at:
                return None
            if before == "word" or len(word) > 20:
                return None
            names += 1
        elif kind == "operator":
            equals += found.group("operator") == "="
            signs += 1
        before = kind
        at = found.end()
    left = line[start : line.index("=")].strip()
    right = line[line.rindex("=") + 1 : end].strip()
    if (
        not names
        or not equals
        or not left
        or not right
        or len(left) > 120
        or left.count("(") != left.count(")")
    ):
        return None
    start += len(line[start:end]) - len(line[start:end].lstrip())
    return start, end
