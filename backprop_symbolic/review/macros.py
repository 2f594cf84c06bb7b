r"""The commands that a text defines itself, and formulas with their bodies in their places.

\newcommand{\net}[1]{z_{#1}}   \net{h1} → z_{h1}
\def\grad#1{\partial E / \partial #1}, \let\half\h, \DeclareMathOperator{\net}{net}

Only what takes whole arguments is put in, so often and no oftener; a definition of another form, two
different ones of one command, or one without end is refused by its name and line. Every character of a
body stands where the command was written.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from backprop_symbolic.errors import BadText, quoted
from backprop_symbolic.message import Message

MAX_BODY = 1_000  # characters of a definition
MAX_DEFINITIONS = 2_000  # in one text
MAX_EXPANSIONS = 500  # in one row
MAX_LENGTH = 20_001  # characters of a row with its macros put in: the grammar reads no longer one
MAX_WORK = 1_000_000  # characters moved in a whole text

DEFINITION = re.compile(
    r"\\(?P<how>def|gdef|edef|xdef|let|(?:re|provide)?newcommand|providecommand|DeclareMathOperator"
    r"|DeclareRobustCommand|(?:New|Renew|Provide)DocumentCommand)(?![A-Za-z])\*?\s*\{?\s*"
    r"\\(?P<name>[A-Za-z]+)\s*\}?"
)
COUNT = re.compile(r"\s*\[(\d)\]")
PARAMETERS = re.compile(r"((?:#\d)*)\s*(?=\{)")
BETWEEN = re.compile(r"[^{}\n$\\]{0,60}(?=\{)")
MEANT = re.compile(r"\s*=?\s*\\([A-Za-z]+)")
BRACE = re.compile(r"\\.|%[^\n]*|[{}]", re.DOTALL)
COMMAND = re.compile(r"\\([A-Za-z]+)")
COMMENT = re.compile(r"(?<!\\)%[^\n]*\n?")
#: In a body these part a row or do what only TeX can.
BEYOND = re.compile(r"\\\\|(?<!\\)&|\\(?:if[a-z]*|else|fi|expandafter|csname|catcode|futurelet)(?![A-Za-z])")

#: A character and its place in the text.
Spot = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Macro:
    """What a text defines in `line`: a body for `count` arguments; None where its form is not read."""

    name: str
    line: int
    count: int
    body: str | None
    why: str = "why_macro"

    def refusal(self, why: str = "") -> Message:
        """Why a row with this command is not read."""
        return Message(f"review.{why or self.why}", {"command": self.name[:40], "line": self.line})


class Unexpanded(Exception):
    """A macro that cannot be put in: which, and why."""

    def __init__(self, why: Message) -> None:
        super().__init__(why.key)
        self.why = why


@dataclass
class Macros:
    """The definitions of a text.

    table  by the command
    spans  from where to where they stand, in order
    work   how many characters may still be moved
    """

    table: dict[str, Macro] = field(default_factory=dict)
    spans: list[tuple[int, int]] = field(default_factory=list)
    work: int = MAX_WORK

    def around(self, at: int) -> tuple[int, int] | None:
        """The definition that a place stands in."""
        found = bisect_right(self.spans, (at, 1 << 60)) - 1
        return self.spans[found] if found >= 0 and self.spans[found][1] > at else None

    def used(self, text: str) -> bool:
        """Whether one of the commands stands in a piece of text."""
        return any(name in self.table for name in COMMAND.findall(text)) if self.table else False

    def outside(self, places: list[int]) -> list[int]:
        """The places that stand in no definition."""
        if not self.spans or not places:
            return places
        first = bisect_right(self.spans, (places[0], 1 << 60)) - 1
        last = bisect_right(self.spans, (places[-1], 1 << 60))
        near = self.spans[max(first, 0) : last]
        return [p for p in places if not any(a <= p < b for a, b in near)] if near else places

    def expanded(self, text: str, places: Sequence[int]) -> tuple[str, list[int]]:
        """A row with the bodies of its macros in their places. Raises Unexpanded."""
        todo = list(zip(reversed(text), reversed(places), strict=True))
        done: list[Spot] = []
        times = 0
        while todo:
            name = _command(todo)
            macro = self.table.get(name)
            if macro is None:
                _emit(done, todo, 1 + len(name))
            elif macro.body is None:
                raise Unexpanded(macro.refusal())
            else:
                times += 1
                place = todo[-1][1]
                del todo[-1 - len(name) :]
                arguments = [_argument(todo, macro) for _ in range(macro.count)]
                new = list(_filled(macro.body, arguments, place))
                self.work -= len(new) + 1
                if times > MAX_EXPANSIONS or self.work < 0:
                    raise Unexpanded(macro.refusal("why_macro_end"))
                todo += reversed(new)
            if len(done) + len(todo) > MAX_LENGTH:
                done += reversed(todo)  # too long to be read, which the grammar tells
                break
        kept = done[:MAX_LENGTH]
        return "".join(c for c, _ in kept), [place for _, place in kept]


def _command(todo: list[Spot]) -> str:
    """The letters of the command that comes next, or nothing."""
    if todo[-1][0] != "\\":
        return ""
    at = len(todo) - 2
    while at >= 0 and todo[at][0].isascii() and todo[at][0].isalpha():
        at -= 1
    return "".join(c for c, _ in reversed(todo[at + 1 : -1]))


def _emit(done: list[Spot], todo: list[Spot], count: int) -> None:
    """Moves what comes next, an escaped sign with its backslash."""
    if count == 1 and todo[-1][0] == "\\" and len(todo) > 1:
        count = 2
    for _ in range(count):
        done.append(todo.pop())


def _argument(todo: list[Spot], macro: Macro) -> list[Spot]:
    """The group, command or sign that comes next. Raises Unexpanded where nothing does."""
    while todo and todo[-1][0].isspace():
        todo.pop()
    if not todo:
        raise Unexpanded(macro.refusal("why_macro_argument"))
    found: list[Spot] = []
    if todo[-1][0] != "{":
        _emit(found, todo, 1 + len(_command(todo)))
        return found
    depth = 0
    while todo:
        found.append(todo.pop())
        if found[-1][0] == "\\" and todo:
            found.append(todo.pop())
        elif found[-1][0] in "{}":
            depth += 1 if found[-1][0] == "{" else -1
            if not depth:
                return found[1:-1]
    raise Unexpanded(macro.refusal("why_macro_argument"))


def _filled(body: str, arguments: list[list[Spot]], place: int) -> Iterator[Spot]:
    """A body with its arguments; a blank keeps a command that ends a piece from the letters behind it."""
    for piece in re.split(r"(#\d)", body):
        if re.fullmatch(r"#\d", piece):
            inside = arguments[int(piece[1]) - 1]
            yield from inside
            piece = "".join(c for c, _ in inside)
        else:
            yield from ((c, place) for c in piece)
        if re.search(r"\\[A-Za-z]+\Z", piece):
            yield " ", place


# ---------------------------------------------------------------- definitions


def found_in(text: str, name: str) -> Macros:
    """The macros that a text defines. Raises BadText for too many."""
    macros = Macros()
    line, counted = 1, 0
    looked, commented = 0, -1  # up to where comments were sought; the end of the line of the last one
    for found in DEFINITION.finditer(text):
        start = found.start()
        if start < looked:
            continue  # inside of another one
        line += text.count("\n", counted, start)
        begin = max(text.rfind("\n", looked, start) + 1, looked)
        if start > commented and COMMENT.search(text, begin, start):
            commented = text.find("\n", start) % (len(text) + 1)
        counted = looked = start
        if start <= commented:
            continue
        macro, end = _read(text, found, line)
        looked = end
        known = macros.table.get(macro.name)
        if known is not None and (known.count, known.body) != (macro.count, macro.body):
            macro = replace(macro, body=None, why="why_macro_twice")
        macros.table[macro.name] = macro
        macros.spans.append((start, end))
        if len(macros.spans) > MAX_DEFINITIONS:
            raise BadText(f"{quoted(name)}, line {line}: more than {MAX_DEFINITIONS} definitions of commands")
    return macros


def _read(text: str, found: re.Match[str], line: int) -> tuple[Macro, int]:
    """A definition, and where it ends."""
    how, name, at = found["how"], found["name"], found.end()
    if how == "let":
        meant = MEANT.match(text, at)
        body = f"\\{meant[1]}" if meant else None
        return Macro(name, line, 0, body), meant.end() if meant else at
    count = 0
    if how in ("def", "gdef"):
        taken = PARAMETERS.match(text, at)
        count = len(taken[1]) // 2 if taken else 0
        whole = taken is not None and taken[1] == "".join(f"#{i}" for i in range(1, count + 1))
        at = taken.end() if taken else at
    else:
        whole = how != "edef" and how != "xdef" and not how.endswith("DocumentCommand")
        taken = COUNT.match(text, at)
        count, at = (int(taken[1]), taken.end()) if taken else (0, at)
    inside = _group(text, at) if whole else None
    if inside is None:
        return Macro(name, line, count, None), _behind(text, at)
    body = COMMENT.sub("", text[inside[0] : inside[1]])
    if how == "DeclareMathOperator":
        body = rf"\operatorname{{{body}}}"
    if BEYOND.search(body) or any(int(n) not in range(1, count + 1) for n in re.findall(r"#(\d)", body)):
        return Macro(name, line, count, None), inside[1] + 1
    return Macro(name, line, count, body), inside[1] + 1


def _behind(text: str, at: int) -> int:
    """Where a definition of another form ends: behind the groups in its line."""
    while (before := BETWEEN.match(text, at)) and (inside := _group(text, before.end())) is not None:
        at = inside[1] + 1
    return at


def _group(text: str, at: int) -> tuple[int, int] | None:
    """From where to where the inside of the { … } behind a place goes; None where there is none."""
    while at < len(text) and text[at].isspace():
        at += 1
    if text[at : at + 1] != "{":
        return None
    depth = 0
    for found in BRACE.finditer(text, at, at + MAX_BODY):
        depth += {"{": 1, "}": -1}.get(found.group(), 0)
        if not depth and found.group() == "}":
            return at + 1, found.start()
    return None
