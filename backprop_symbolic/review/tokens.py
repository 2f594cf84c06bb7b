r"""One row of LaTeX, or of plain text, cut into tokens.

What only concerns how a row looks is left out: \left, \big, blanks, colours, a quote's `>`. Text in
\text{…} is a name where an operand stands, else a remark. Brackets are paired once, without recursion.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from backprop_symbolic.message import Message
from backprop_symbolic.review.tree import Span
from backprop_symbolic.review.words import (
    ALIGNED,
    AND,
    BRACKETS,
    CASES,
    CLOSING,
    CONNECTIVES,
    FONTS,
    FUNCTIONS,
    GREEK,
    GROUP_SILENT,
    JOINING,
    JOINING_WORDS,
    QUANTITIES,
    RELATIONS,
    SILENT,
    SIZES,
    STRANGE_PRODUCTS,
    TIMES,
    TRANSPARENT,
    UNICODE_GREEK,
    VARIANTS,
    WHEN,
    WIDE,
    WORDS,
)

MAX_ROW = 20_000  # characters of one row
MAX_DEPTH = 60  # brackets inside brackets, and what else nests
MAX_DIGITS = 100  # of one number


class Unreadable(Exception):
    """What is not understood, from where to where."""

    def __init__(self, span: Span, key: str, **args: str | int) -> None:
        self.span, self.why = span, Message(f"review.{key}", args)


class Token(NamedTuple):
    """A piece of a row.

    kind  num, run (Latin letters with digits), word (surely one name), op, cmd, open, close, rel,
          sep (a wide blank), join (therefore), split (and, a comma), when (if), end
    mark  of a word or run: how it is set (bold, cal, …), text for \text, operator
    """

    kind: str
    text: str
    start: int
    end: int
    mark: str = ""


#: As Token(…), for a tenth of the time.
_new = tuple.__new__

LEX = re.compile(
    r"[\s~\u200b\ufeff]*(?:(?P<last>\Z)"
    r"|(?P<comment>%[^\n]*)"
    r"|\\(?P<name>[A-Za-z]+)|(?P<escape>\\.)"
    r"|(?P<num>(?:\d+(?:\.\d+)?|\.\d+)(?:e[-+]?\d+|E[-+]\d+)?)"
    r"|(?P<run>[A-Za-z]+\d*)"
    r"|(?P<hangul>[가-힣]+)|(?P<han>[\u3400-\u9fff]+)"
    r"|(?P<double>\*\*|:=|&&)"
    r"|(?P<sign>.))",
    re.DOTALL,
)
BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
GROUP = re.compile(r"\s*(?:\[[^\]\n]{0,40}\]\s*)?\{")
DELIMITER = re.compile(r"\s*(\.)|\s*\\?(\||[lr]vert|[lr]Vert)")
NOT_EQUAL = re.compile(r"\s*=")
BARE = re.compile(r"\s*(?:([A-Za-z])|\\([A-Za-z]+))")
LATIN_TAIL = re.compile(r"[A-Za-z]{1,2}(?![A-Za-z0-9])|\s+[A-Za-z](?=\s*_)")
INDICES = re.compile(r"[hijklmnopqrst]{2,3}\Z")
WORD = re.compile(r"[^\W\d_][\w-]*\Z")


#: What a sign is: its kind and text. What stands further down goes before what stands above.
SIGNS: dict[str, tuple[str, str]] = {
    "∂": ("cmd", "partial"), "∑": ("cmd", "sum"), "Σ": ("cmd", "sum"), "√": ("cmd", "sqrt"),
    "∞": ("cmd", "infty"), "…": ("cmd", "ldots"), "∇": ("cmd", "nabla"), "∈": ("cmd", "in"),
    **dict.fromkeys(",;，、；。：:", ("split", ",")),
    **{sign: ("op", sign) for sign in "+-*/^_."},
    **dict.fromkeys("'’′", ("op", "'")),
    "**": ("op", "^"),
    **{sign: ("bar", sign) for sign in "|‖"},
    **{sign: ("close", sign) for sign in ")]}"},
    **{sign: ("open", sign) for sign in "([{"},
    **{sign: ("op", name) for sign, name in (STRANGE_PRODUCTS | TIMES).items()},
    **{sign: ("word", name) for sign, name in UNICODE_GREEK.items()},
    **{sign: ("join", name) for sign, name in JOINING.items()},
    **{sign: ("rel", name) for sign, name in RELATIONS.items()},
}  # fmt: skip


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text, self.out, self.tables = text, list[Token](), 0

    @cached_property
    def braces(self) -> dict[int, int]:
        """The closing brace of each opening one."""
        closed: dict[int, int] = {}
        stack: list[int] = []
        for found in BRACE.finditer(self.text):
            if found.group() == "{":
                stack.append(found.start())
            elif found.group() == "}" and stack:
                closed[stack.pop()] = found.start()
        return closed

    def add(self, kind: str, text: str, start: int, end: int, mark: str = "") -> None:
        self.out.append(_new(Token, (kind, text, start, end, mark)))

    def run(self) -> list[Token]:
        at, text, out, lex = _prose_end(self.text), self.text, self.out, LEX.match
        while True:
            found = lex(text, at)
            assert found is not None  # the last branch takes any character
            kind, at = found.lastgroup, found.end()
            if kind == "sign" and (known := SIGNS.get(text[at - 1])) is not None:
                out.append(_new(Token, (*known, at - 1, at, "")))
                continue
            start, piece = found.start(kind or 0), found.group(kind or 0)
            if kind == "name":
                at = self.command(piece, start - 1, at)
            elif kind == "escape":
                self.escape(piece[1:], start, at)
            elif kind == "num":
                if len(piece) > MAX_DIGITS and sum(map(str.isdigit, piece)) > MAX_DIGITS:
                    raise Unreadable((start, at), "why_number", limit=MAX_DIGITS)
                self.add("num", piece, start, at)
            elif kind == "run":
                self.latin(piece, start, at)
            elif kind in ("hangul", "han"):
                at = self.letters(piece, start, at)
            elif kind in ("double", "sign"):
                self.sign(piece, start, at)
            elif kind == "last":
                break
        return _tidy(_names(self.out), len(self.text))

    def latin(self, piece: str, start: int, end: int) -> None:
        if piece in ("if", "otherwise", "when"):
            self.add("when", piece, start, end)
        elif piece in ("and", "therefore", "because", "thus", "hence"):
            joined = CONNECTIVES.get(piece)
            self.add("split" if joined is None else "join", joined or "", start, end)
        else:
            self.add("run", piece, start, end)

    def letters(self, piece: str, start: int, end: int) -> int:
        """Hangul or Chinese, with the Latin letters that belong to it: 오차y_{out}."""
        for word in JOINING_WORDS:
            if piece == word or (
                len(word) > 1 and "\u3400" <= word[0] <= "\u9fff" and piece.startswith(word)
            ):
                self.add("join", CONNECTIVES[word], start, start + len(word))
                return start + len(word)
        if piece in WHEN or piece in AND:
            self.add("when" if piece in WHEN else "split", piece, start, end)
            return end
        tail = LATIN_TAIL.match(self.text, end)
        if tail and self.text[end : end + 1] not in ("_",):
            self.add("word", piece + tail.group().strip(), start, tail.end())
            return tail.end()
        self.add("word", piece, start, end)
        return end

    def sign(self, piece: str, start: int, end: int) -> None:
        known = SIGNS.get(piece)
        if known is not None:
            self.add(known[0], known[1], start, end)
        elif piece == "&&":
            self.add("sep", piece, start, end, "&")
        elif piece == "&":
            if self.tables:
                self.add("sep", piece, start, end, "&")
        else:
            raise Unreadable(
                (start, end),
                "why_character",
                character=piece if piece.isprintable() else f"U+{ord(piece):04X}",
            )

    def escape(self, piece: str, start: int, end: int) -> None:
        if piece in BRACKETS:
            self.add(*BRACKETS[piece], start, end)
        elif piece == "\\":
            self.add("sep", "\\\\", start, end)
        elif piece not in ",;:! \n\t>/-":
            raise Unreadable((start, end), "why_unknown_command", command=piece)

    def command(self, name: str, start: int, at: int) -> int:
        """\\name, and its group where it takes one; returns where the text goes on."""
        if name in SIZES:
            dot = DELIMITER.match(self.text, at)
            if dot and dot.group(1):
                return dot.end()
            if dot and name != "middle" and (name in ("left", "right") or name[-1] in "lr"):
                double = "‖" if dot.group().strip().startswith("\\|") or "V" in dot.group() else "|"
                self.add("open" if name[0] == "l" or name[-1] == "l" else "close", double, start, dot.end())
                return dot.end()
        elif name in FONTS:
            return self.font(FONTS[name], start, at)
        elif name in ("begin", "end"):
            return self.environment(name, start, at)
        elif name in GROUP_SILENT:
            return self.group(at)[1]
        elif name in WIDE:
            self.add("sep", name, start, at)
        elif name in RELATIONS:
            self.add("rel", RELATIONS[name], start, at)
        elif name in JOINING:
            self.add("join", JOINING[name], start, at)
        elif name in BRACKETS:
            self.add(*BRACKETS[name], start, at)
        elif name in TIMES or name in STRANGE_PRODUCTS:
            self.add("op", TIMES.get(name) or STRANGE_PRODUCTS[name], start, at)
        elif name in GREEK:
            self.add("word", VARIANTS.get(name, name), start, at)
        elif name == "prime":
            self.add("op", "'", start, at)
        elif name == "not":
            found = NOT_EQUAL.match(self.text, at)
            if not found:
                raise Unreadable((start, at), "why_unknown_command", command=name)
            self.add("rel", "≠", start, found.end())
            return found.end()
        elif name in FUNCTIONS and name != "sqrt":
            self.add("word", name, start, at, "operator")
        elif name not in SILENT and name not in TRANSPARENT:
            self.add("cmd", name, start, at)
        elif name in TRANSPARENT:
            self.add("cmd", "boxed", start, at)
        return at

    def group(self, at: int) -> tuple[int, int]:
        """Where the inside of { … } at `at` begins, and where the text goes on behind it; else `at` twice."""
        found = GROUP.match(self.text, at)
        if not found:
            return at, at
        opened = found.end() - 1
        if opened not in self.braces:
            raise Unreadable((opened, opened + 1), "why_unbalanced", bracket="{")
        return found.end(), self.braces[opened] + 1

    def environment(self, which: str, start: int, at: int) -> int:
        inside, end = self.group(at)
        name = self.text[inside : max(end - 1, inside)].strip().rstrip("*")
        if name in ALIGNED:
            return end
        kind = "cases" if name in CASES else "array" if name == "array" else "matrix"
        if which == "begin" and name in ("array", "alignedat", "alignat"):
            end = self.group(end)[1]
        if kind == "matrix" and "matrix" not in name:
            raise Unreadable((start, end), "why_unknown_command", command=f"{which} {name}"[:40])
        self.tables += 1 if which == "begin" else -1
        self.add("open" if which == "begin" else "close", kind, start, end)
        return end

    def font(self, font: str, start: int, at: int) -> int:
        inside, end = self.group(at)
        if inside == end:
            return self.bare(font, start, at)
        content = self.text[inside : end - 1].strip()
        inner = inside + self.text[inside : end - 1].index(content) if content else inside
        bare = content.strip(" .,:;()")
        if not content:
            return end
        if font in ("text", "roman") and bare in CONNECTIVES:
            self.add("join", CONNECTIVES[bare], start, end)
        elif font == "text" and (bare in AND or bare in WHEN or bare.split()[0] in WHEN):
            self.add("when" if bare not in AND else "split", bare, start, end)
        elif content == "d" and font == "roman":
            self.add("run", "d", inner, inner + 1)
        elif content.startswith("\\"):
            found = re.fullmatch(r"\\([A-Za-z]+)", content)
            if not found or found.group(1) not in GREEK:
                return inside - 1  # the group is read as it stands, without its font
            self.add("word", found.group(1), start, end, _marked(font))
        elif WORD.match(content):
            self.add("word", content, start, end, _marked(font))
        elif font == "text" and not re.search(r"[()^_=+*/\\]", content):
            self.add("word", " ".join(content.split()), start, end, "prose" if " " in content else "text")
        else:
            return inside - 1
        return end

    def bare(self, font: str, start: int, at: int) -> int:
        r"""\mathbf X, without braces."""
        found = BARE.match(self.text, at)
        if not found:
            return at
        name = found.group(1) or found.group(2)
        if found.group(2) and name not in GREEK:
            return at
        self.add("word", name, start, found.end(), _marked(font))
        return found.end()


def _marked(font: str) -> str:
    return "" if font == "roman" else font


def _prose_end(text: str) -> int:
    """Where a row begins behind words and a colon: 可以得到总误差为：J = …"""
    head, _, _ = text.partition("=")
    cut = max(head.rfind("："), head.rfind("，"))
    if cut < 0 and ":" in head and re.search(r"[가-힣\u3400-\u9fff]", head[: head.rfind(":")]):
        cut = head.rfind(":")
    return cut + 1 if cut >= 0 and "\\" not in head[:cut] else 0


def _names(tokens: list[Token]) -> list[Token]:
    """Each run of Latin letters as the names it stands for, and the digits of \\frac12 one by one."""
    out: list[Token] = []
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i else None
        if token.kind == "run" and len(token.text) > 1:
            after = tokens[i + 1].text if i + 1 < len(tokens) and tokens[i + 1].kind == "op" else ""
            _cut(token, before, _divided(tokens, i), after, out)
        elif token.kind == "num" and before and before.text.endswith("frac") and token.text.isdigit():
            out += [Token("num", c, token.start + k, token.start + k + 1) for k, c in enumerate(token.text)]
        else:
            out.append(token)
    return out


def _divided(tokens: list[Token], i: int) -> bool:
    """Whether a run that begins with d may be a differential: behind a brace, behind or before a stroke."""
    if not tokens[i].text.startswith("d") or tokens[i].text in WORDS:
        return False
    before = tokens[i - 1] if i else None
    if before and (before.text in ("{", "/", "over") or before.text.endswith("frac")):
        return True
    j = i + 1
    while j + 1 < len(tokens) and j < i + 12 and tokens[j].kind == "op" and tokens[j].text in "_^":
        j += 1
        if tokens[j].kind == "open":
            while j + 1 < len(tokens) and j < i + 12 and tokens[j].kind != "close":
                j += 1
        j += 1
    return j < len(tokens) and tokens[j].kind == "op" and tokens[j].text == "/"


def _cut(run: Token, before: Token | None, divided: bool, after: str, out: list[Token]) -> None:
    text, start = run.text, run.start
    script = before.text if before and before.kind == "op" and before.end == start else ""
    while text:
        size = _first(text, script, after)
        if divided and size > 1:
            size = 1
        divided, script = False, ""
        kind = "num" if text[0].isdigit() else "run"
        out.append(Token(kind, text[:size], start, start + size, run.mark))
        text, start = text[size:], start + size


def _first(text: str, script: str, after: str) -> int:
    """How many characters the first name of a run has."""
    if text[0].isdigit():
        return len(text)
    letters = text.rstrip("0123456789")
    known = letters.lower() in WORDS or (letters[1:] in QUANTITIES and len(letters) > 3)
    if script == "^":
        return len(text) if known or text in ("new", "old") else 1
    if script == "_":
        whole = (
            known or letters != text or (after not in ("_", "^") and (INDICES.match(text) or len(text) > 3))
        )
        return len(text) if whole else 1
    if known or letters != text or len(text) > 3:
        return len(text)
    return 1


OPERAND_BEFORE = ("num", "run", "word", "close")


def _tidy(tokens: list[Token], length: int) -> list[Token]:
    """Without quote marks in the middle, boxes and remarks; paired."""
    kept: list[Token] = []
    for i, token in enumerate(tokens):
        if token.mark not in ("prose", "text") and token.text != ">":
            kept.append(token)
            continue
        after = tokens[i + 1].kind if i + 1 < len(tokens) else "end"
        before = kept[-1].kind if kept else "start"
        if token.kind == "rel" and token.text == ">" and (
            before in ("start", "rel", "op", "open", "cmd", "join", "sep")
            or after in ("end", "rel", "close", "op")
        ):  # fmt: skip
            continue
        if token.kind == "word" and token.mark in ("prose", "text"):
            alone = before == "sep" and after in ("end", "sep")
            operand = before not in OPERAND_BEFORE and (token.mark == "text" or before != "sep")
            operand = operand and (token.mark == "text" or after not in (*OPERAND_BEFORE, "open", "cmd"))
            if alone or not (operand or token.mark == "text"):
                kept.append(token._replace(kind="split", text="text"))
                continue
            token = token._replace(mark="")
        kept.append(token)
    kept.append(Token("end", "", length, length))
    return _unboxed(_braced(kept))


def _braced(tokens: list[Token]) -> list[Token]:
    r"""A lone \\{ before an array makes cases of it."""
    if not any(token.text in ("array", "cases") for token in tokens):
        return tokens
    out: list[Token] = []
    level: list[bool] = []
    for i, token in enumerate(tokens):
        after = tokens[i + 1] if i + 1 < len(tokens) else token
        if (
            token.text == "\\{"
            and token.kind == "open"
            and after.kind == "open"
            and after.text in ("array", "cases")
        ):
            if not _closed(tokens, i + 1):
                level.append(True)
                continue
        elif token.text == "array" and token.kind == "open":
            made = bool(level) and level[-1] and tokens[i - 1].text == "\\{"
            if not made:
                level.append(False)
            token = token._replace(text="cases" if made else "array")
        elif token.text == "array" and token.kind == "close" and level and level.pop():
            token = token._replace(text="cases")
        out.append(token)
    return out


def _closed(tokens: list[Token], i: int) -> bool:
    r"""Whether \\} stands behind the environment that begins at `i`."""
    depth = 0
    for j in range(i, len(tokens) - 1):
        if tokens[j].text == tokens[i].text:
            depth += {"open": 1, "close": -1}.get(tokens[j].kind, 0)
            if depth == 0:
                return tokens[j + 1].text == "\\}"
    return True


def _unboxed(tokens: list[Token]) -> list[Token]:
    """Without the braces of \\boxed{…}."""
    boxes = [i for i, token in enumerate(tokens) if token.kind == "cmd" and token.text == "boxed"]
    if not boxes:
        return tokens
    partner = pairs(tokens)
    gone = {*boxes, *(j for i in boxes if i + 1 in partner for j in (i + 1, partner[i + 1]))}
    return [token for i, token in enumerate(tokens) if i not in gone]


def pairs(tokens: Sequence[Token]) -> dict[int, int]:
    """The closing bracket of each opening one. Raises Unreadable."""
    found: dict[int, int] = {}
    stack: list[int] = []
    for i, token in enumerate(tokens):
        if token.kind == "open":
            stack.append(i)
            if len(stack) > MAX_DEPTH:
                raise Unreadable((token.start, token.end), "why_deep", limit=MAX_DEPTH)
        elif token.kind == "close":
            if not stack or not _fits(tokens[stack[-1]].text, token.text):
                raise Unreadable(
                    (token.start, token.end),
                    "why_unbalanced",
                    bracket=token.text[-1:] if len(token.text) < 3 else token.text,
                )
            found[stack.pop()] = i
    if stack:
        token = tokens[stack[-1]]
        raise Unreadable(
            (token.start, token.end),
            "why_unbalanced",
            bracket=token.text[-1:] if len(token.text) < 3 else token.text,
        )
    return found


def _fits(opening: str, closing: str) -> bool:
    """Whether brackets belong together; [0, 1) and (0, 1] are intervals."""
    return closing == CLOSING.get(opening, opening) or opening + closing in ("[)", "(]")


@lru_cache(maxsize=64)  # a row is looked at for whether it goes on, then read
def tokens(text: str) -> tuple[Token, ...]:
    """The tokens of a row, the last of kind `end`. Raises Unreadable."""
    if len(text) > MAX_ROW:
        raise Unreadable((MAX_ROW, len(text)), "why_long", limit=MAX_ROW)
    return tuple(_Lexer(text).run())
