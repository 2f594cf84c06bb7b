r"""A row's tokens as relations, by recursive descent.

Row        [therefore] Relation { (comma | word | ⇒) Relation }
Relation   [Sum] { sign Sum }
Sum        [±] Product { ± Product }
Product    Beside { (· | × | * | /) Beside }          a/b takes the factor on either side
Beside     Factor { Factor }                          side by side
Factor     Atom { ^Exponent | ' }
Atom       number, name, (Sum), \frac, d/dx, \sqrt, \sum, cases, |Sum|, function and argument

What cannot be read is a NotRead with its place; nothing is guessed. Where writing leaves two readings
(y(1 - y), x_j^k, \delta y) the tree keeps what was written, and `meaning` decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from backprop_symbolic.message import Message
from backprop_symbolic.review import tokens as lexer
from backprop_symbolic.review.tokens import Token, Unreadable
from backprop_symbolic.review.tree import (
    Applied,
    Bars,
    Beside,
    Cases,
    Derivative,
    Foreign,
    Greatest,
    Name,
    Node,
    NotRead,
    Number,
    Power,
    Primed,
    Product,
    Quotient,
    Relation,
    Root,
    Row,
    Series,
    Statement,
    Sum,
)
from backprop_symbolic.review.words import (
    ACCENTS,
    CALLED,
    ELEMENTARY,
    FRACTIONS,
    FUNCTIONS,
    QUANTITIES,
    REMARKS,
    STRANGE,
    STRANGE_PRODUCTS,
    TIMED,
    WORDS,
)

MAX_LEVEL = 60  # atoms inside atoms
MAX_JOINED = 8  # rows that one formula may run over
STARTS = frozenset({"num", "run", "word", "cmd", "open"})
PAREN_SUP = re.compile(r"\d+|[a-zA-Z]|[lLkKnNmt] ?[-+] ?\d+|t")
LEVEL = re.compile(r"[A-Za-z][-+]\d")
NEXT = {"+", "new", "t+1", "(t+1)", "next", "neu", "k+1", "(k+1)"}
NOW = {"t", "(t)", "old", "now"}
ORNAMENTS = re.compile(
    r"\\(?:mathit|mathrm|mathbf|text|textrm|textit|mathsf|operatorname|mbox|rm|left|right|[,;:! ])"
    r"|[{}\\_~\s]|^\(|\)$"
)


@dataclass(frozen=True, slots=True)
class _Differential(Node):
    """d of something, waiting for what it is divided by."""

    of: Node
    total: bool


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(lexer.tokens(text))
        self.partner = lexer.pairs(self.tokens)
        self.i, self.level, self.bars, self.loose = 0, 0, 0, 0
        self.uncalled = False  # while what stands behind a name in parentheses is not its own: dE/dw (a + b)
        self.aside: list[Relation] = []
        self.over = self.overs()

    def overs(self) -> dict[int, int]:
        r"""The \over of each pair of braces, by the opening one."""
        found: dict[int, int] = {}
        if "\\over" not in self.text:
            return found
        stack: list[int] = []
        for i, token in enumerate(self.tokens):
            if token.kind == "open":
                stack.append(i)
            elif token.kind == "close":
                stack.pop()
            elif token.kind == "cmd" and token.text == "over" and stack:
                found.setdefault(stack[-1], i)
        return found

    # ------------------------------------------------------------ helpers

    @property
    def token(self) -> Token:
        return self.tokens[self.i]

    @property
    def next(self) -> Token:
        return self.tokens[min(self.i + 1, len(self.tokens) - 1)]

    @property
    def here(self) -> int:
        return self.token.start

    @property
    def behind(self) -> int:
        """Where what was read last ends."""
        return self.tokens[self.i - 1].end if self.i else 0

    def at(self, kind: str, *texts: str) -> bool:
        token = self.tokens[self.i]
        return token.kind == kind and (not texts or token.text in texts)

    def take(self) -> Token:
        self.i += 1
        return self.tokens[self.i - 1]

    def fail(self, key: str, token: Token | None = None, **args: str | int) -> Unreadable:
        token = token or self.token
        return Unreadable((token.start, max(token.end, token.start)), key, **args)

    def unexpected(self) -> Unreadable:
        token = self.token
        if token.kind == "end":
            return self.fail("why_ends")
        if token.kind == "cmd":
            return self.fail("why_unknown_command", command=token.text[:40])
        return self.fail(
            "why_unexpected", piece=self.text[token.start : token.end][:40].strip("\\") or token.text[:40]
        )

    # ------------------------------------------------------------ a row

    def statement(self) -> tuple[tuple[Relation, ...], str]:
        connective = ""
        found: list[Relation] = []
        self.strip()
        while not self.at("end"):
            if self.at("join"):
                connective = self.take().text or connective
            elif self.at("sep") or self.at("split") or self.at("op", "."):
                self.take()
            elif self.at("when"):
                self.take()
                self.condition(found)
            elif self.wrapped():
                self.parenthesis(found)
            else:
                relation = self.relation()
                if found and self.limits(relation):
                    self.narrow(found, relation)
                else:
                    found.append(relation)
                found += self.aside
                self.aside = []
                if not (
                    self.at("end")
                    or self.at("sep")
                    or self.at("split")
                    or self.at("join")
                    or self.at("when")
                    or self.at("op", ".")
                ):
                    raise self.unexpected()
        if self.loose:
            raise Unreadable((0, len(self.text)), "why_differential")
        return tuple(found), connective

    def strip(self) -> None:
        """Without the parentheses around a whole row that says why: (\\because a = b)."""
        last = len(self.tokens) - 2
        while last > 0 and self.tokens[last].kind in ("split", "sep"):
            last -= 1
        if self.at("open", "(") and self.partner.get(0) == last and self.tokens[1].kind == "join":
            self.tokens[last] = self.tokens[last]._replace(kind="sep", text="")
            self.i = 1

    def wrapped(self) -> bool:
        """Whether a relation or a list in parentheses stands here by itself: (x > 0), (i = 1, 2)."""
        if not self.at("open", "("):
            return False
        end = self.partner[self.i]
        if self.tokens[end + 1].kind not in ("end", "split", "sep", "join"):
            return False
        depth = 0
        for token in self.tokens[self.i + 1 : end]:
            depth += {"open": 1, "close": -1}.get(token.kind, 0)
            if depth == 0 and token.kind in ("rel", "join", "when"):
                return True
        return False

    def parenthesis(self, found: list[Relation]) -> None:
        end = self.partner[self.i]
        self.take()
        while self.i < end:
            if self.at("join") or self.at("when") or self.at("split") or self.at("sep"):
                self.take()
                continue
            relation = self.relation()
            if self.i < end and not (self.at("split") or self.at("sep") or self.at("when")):
                raise self.unexpected()
            if found:
                self.narrow(found, relation)
            else:
                found.append(relation)
        self.i = end + 1

    def condition(self, found: list[Relation]) -> None:
        """Behind `if`: what a value is limited to."""
        if self.at("end") or self.at("sep") or self.at("split"):
            return
        relation = self.relation()
        if found:
            self.narrow(found, relation)
        else:
            found.append(relation)

    def limits(self, relation: Relation) -> bool:
        return bool(relation.signs) and all(sign in "<>≤≥≠" for sign in relation.signs)

    def narrow(self, found: list[Relation], condition: Relation) -> None:
        """The last side of what was read holds where `condition` does."""
        last = found[-1]
        side = last.sides[-1]
        if side is None or len(last.sides) < 2:
            found.append(condition)
            return
        span = (side.span[0], condition.span[1])
        if isinstance(side, Cases) and len(side.rows) == 1 and side.rows[0][1] is not None:
            side = Foreign("conditions", span=span)
        else:
            side = Cases(((side, condition),), span=span)
        found[-1] = replace(last, sides=(*last.sides[:-1], side), span=(last.span[0], condition.span[1]))

    def relation(self) -> Relation:
        start = self.here
        sides: list[Node | None] = []
        signs: list[str] = []
        if self.at("rel"):
            sides.append(None)
        else:
            sides.append(self.side())
        while self.at("rel") or self.updated(sides):
            signs.append(self.take().text)
            while self.at("sep") and self.token.text != "\\\\" and self.token.mark != "&":
                self.take()
            if self.at("rel") and signs[-1] == self.token.text:
                self.take()
            if self.at("end") and len(sides) > 0:
                signs.pop()
                break
            sides.append(self.side())
        if len(sides) == 1 and sides[0] is None:
            raise self.fail("why_ends")
        return Relation(tuple(sides), tuple(signs), span=(start, self.behind))

    def updated(self, sides: list[Node | None]) -> bool:
        """w5+ = …: a plus before the sign is the name's."""
        if not (self.at("op", "+") and self.tokens[self.i + 1].kind == "rel" and isinstance(sides[-1], Name)):
            return False
        self.take()
        sides[-1] = replace(sides[-1], tense="next", span=(sides[-1].span[0], self.behind))
        return True

    def side(self) -> Node:
        found = self.sum()
        if self.at("cmd", "in"):
            start = self.here
            while not (
                self.at("end") or self.at("rel") or self.at("split") or self.at("sep") or self.at("close")
            ):
                self.i = self.partner.get(self.i, self.i) + 1
            self.aside.append(
                Relation((Foreign("∈", span=(start, self.behind)),), (), span=(start, self.behind))
            )
        return found

    # ------------------------------------------------------------ sums and products

    def sum(self) -> Node:
        start = self.here
        terms: list[tuple[int, Node]] = []
        sign = self.signs()
        while True:
            terms.append((sign, self.product()))
            if not self.at("op", "+", "-") or self.tokens[self.i + 1].kind == "rel":
                break
            sign = self.signs()
        if terms == [(1, terms[0][1])]:
            return terms[0][1]
        return Sum(tuple(terms), span=(start, self.behind))

    def signs(self) -> int:
        sign = 1
        while self.at("op", "+", "-"):
            sign *= -1 if self.take().text == "-" else 1
        return sign

    def signed(self) -> Node:
        """What stands behind a sign of multiplication: it may have a sign of its own."""
        start = self.here
        negative = self.signs() < 0
        found = self.beside()
        return Sum(((-1, found),), span=(start, self.behind)) if negative else found

    def product(self) -> Node:
        start = self.here
        while self.at("op", "*", "."):  # a row that goes on
            self.take()
        parts = [self.signed()]
        strange = ""
        while True:
            if self.tokens[self.i].kind != "op":
                if not self.starts_factor():
                    break
                parts.append(self.beside())  # behind a fraction written with /
            elif self.at("op", "*") or self.dot():
                self.take()
                while self.at("sep") and self.token.mark != "&":
                    self.take()
                parts.append(self.signed())
            elif self.at("op", "/"):
                self.take()
                self.divide(parts)
            elif self.token.kind == "op" and self.token.text in STRANGE_PRODUCTS.values():
                strange = self.take().text
                parts.append(self.signed())
            else:
                break
        span = (start, self.behind)
        if strange:
            return Foreign(strange, span=span)
        kept = [part for i in range(len(parts)) if (part := self.scientific(parts, i)) is not None]
        return kept[0] if len(kept) == 1 else Product(tuple(kept), span=span)

    def dot(self) -> bool:
        """p_j.p_i: a full stop between two names."""
        after = self.next
        return self.at("op", ".") and (after.kind in ("num", "run", "word", "open") or (after.kind == "cmd"))

    def divide(self, parts: list[Node]) -> None:
        """a/b: the factor before by the factor behind; dE/dw and ∂/∂x f are derivatives."""
        last = parts.pop()
        whole = (
            last.factors if isinstance(last, Product) and last.span[1] == self.tokens[self.i - 2].end else ()
        )
        top = whole[-1] if whole else last
        if isinstance(top, _Differential) and isinstance(top.of, Foreign) and top.of.what == "d":
            by = self.by(self.i, None)
            self.loose -= 1
            made: Node = self.operated(top.span[0], by, top.total)
        else:
            sign = self.signs()
            bottom = self.uncalled_factor() if isinstance(top, _Differential) else self.factor()
            made = self.quotient(top, bottom, (top.span[0], self.behind))
            if sign < 0:
                made = Sum(((-1, made),), span=made.span)
        if whole:
            made = Product((*whole[:-1], made), span=(last.span[0], self.behind))
        parts.append(made)

    def quotient(self, top: Node, bottom: Node, span: tuple[int, int]) -> Node:
        if not isinstance(bottom, _Differential):
            return Quotient(top, bottom, span=span)
        by = self.named(bottom.of)
        if isinstance(top, _Differential):
            self.loose -= 2
            return Derivative(top.of, by, bottom.total and top.total, span=span)
        raise Unreadable(span, "why_differential")

    def scientific(self, parts: list[Node], i: int) -> Node | None:
        """1.2 · 10^{-3} is one number."""
        part, after = parts[i], parts[i + 1] if i + 1 < len(parts) else None
        if isinstance(part, Number) and isinstance(after, Power):
            shift = _ten_to(after)
            if shift is not None:
                scale = Fraction(10) ** shift
                span = (part.span[0], after.span[1])
                return Number(
                    self.text[slice(*span)], part.value * scale, (part.unit or 1) * scale, span=span
                )
        if i and isinstance(part, Power) and isinstance(parts[i - 1], Number) and _ten_to(part) is not None:
            return None
        return part

    def starts_factor(self) -> bool:
        token = self.token
        if token.kind == "bar":
            return not self.bars
        if token.kind == "cmd":
            return token.text not in ("over", "in")
        return token.kind in STARTS

    def beside(self) -> Node:
        """Factors side by side."""
        start = self.here
        first = self.factor()
        if not self.starts_factor():
            return first
        parts = [first]
        while self.starts_factor():
            if self.at("num") and isinstance(parts[-1], Number):
                raise self.fail("why_unexpected", piece=self.token.text[:40])
            if self.remark(parts[-1]):
                continue
            parts.append(self.factor())
        return parts[0] if len(parts) == 1 else Product(tuple(parts), span=(start, self.behind))

    def remark(self, before: Node) -> bool:
        """1(bias): what a number is, said in parentheses."""
        if not (isinstance(before, Number) and self.at("open", "(") and self.partner[self.i] == self.i + 2):
            return False
        if self.tokens[self.i + 1].text not in REMARKS:
            return False
        self.i += 3
        return True

    # ------------------------------------------------------------ factors

    def factor(self) -> Node:
        start = self.here
        found = self.atom()
        while self.tokens[self.i].kind == "op":
            if self.at("op", "^"):
                self.take()
                found = self.raised(found, start)
            elif self.at("op", "'"):
                primes = self.primes()
                if isinstance(found, Name) and self.at("open", "("):
                    found = self.call(found, primes, start)
                else:
                    found = Primed(found, span=(start, self.behind))
                    if primes > 1:
                        found = Foreign("second derivative", span=found.span)
            elif self.at("op", "_"):
                self.take()
                self.script()
                found = Foreign("index", span=(start, self.behind))
            else:
                break
        return found

    def primes(self) -> int:
        count = 0
        while self.at("op", "'"):
            self.take()
            count += 1
        return count

    def raised(self, base: Node, start: int) -> Node:
        if self.transposed():
            return Foreign("transpose", span=(start, self.behind))
        exponent = self.exponent()
        if isinstance(base, Foreign):
            return Foreign(base.what, span=(start, self.behind))
        return Power(base, exponent, span=(start, self.behind))

    def transposed(self) -> bool:
        r"""^T, ^\top, ^{\mathsf T}."""
        for size, names in ((1, [self.token]), (3, self.tokens[self.i + 1 : self.i + 2])):
            if size == 3 and not (self.at("open", "{") and self.partner[self.i] == self.i + 2):
                continue
            if names and (
                names[0].text in ("top", "intercal")
                or (names[0].text == "T" and names[0].kind in ("run", "word"))
            ):
                self.i += size
                return True
        return False

    def exponent(self) -> Node:
        if self.at("open", "{"):
            return self.bracketed()
        if self.at("open", "("):
            return self.bracketed()
        start = self.here
        if self.at("op", "+", "-"):
            negative = self.signs() < 0
            found = self.atom()
            return Sum(((-1, found),), span=(start, self.behind)) if negative else found
        if self.at("run") or self.at("word"):
            return self.bare_name()
        if self.at("op", "*"):
            self.take()
            return Foreign("*", span=(start, self.behind))
        return self.atom()

    def bracketed(self) -> Node:
        """What stands between brackets; the brackets are gone through."""
        opened = self.i
        bars, self.bars = self.bars, 0
        self.take()
        if self.i == self.partner[opened]:
            if self.tokens[opened].text == "{":  # {}+ a: nothing
                self.take()
                self.bars = bars
                if self.at("op", "+", "-", "*"):
                    self.take()
                return self.factor()
            raise self.unexpected()
        about = self.at("rel", "≈") and bool(self.take())  # a value said only roughly
        found = self.sum()
        end = self.partner[opened]
        interval = self.tokens[opened].text + self.tokens[end].text in ("[)", "(]")
        if self.at("split") and self.i < end:
            self.i = end
            found = Foreign("list", span=(self.tokens[opened].start, self.token.end))
        elif about:
            found = Foreign("about", span=found.span)
        elif interval:
            raise self.fail("why_unbalanced", bracket=self.tokens[end].text)
        if self.i != end:
            raise self.unexpected()
        self.take()
        self.bars = bars
        return found

    def atom(self) -> Node:
        self.level += 1
        if self.level > MAX_LEVEL:
            raise self.fail("why_deep", limit=MAX_LEVEL)
        found = self.one()
        self.level -= 1
        return found

    def one(self) -> Node:
        token = self.token
        if token.kind == "num":
            return _number(self.take())
        if token.kind in ("run", "word"):
            return self.letters()
        if token.kind == "bar":
            return self.between_bars()
        if token.kind == "open":
            return self.opened()
        if token.kind == "cmd":
            return self.command()
        raise self.unexpected()

    def opened(self) -> Node:
        token, opened = self.token, self.i
        if token.text in ("|", "‖"):
            inside = self.bracketed()
            return Bars(inside, token.text == "‖", span=(token.start, self.behind))
        if token.text == "cases":
            return self.cases(self.partner[opened])
        if token.text in ("matrix", "array"):
            self.i = self.partner[opened] + 1
            return Foreign("matrix", span=(token.start, self.behind))
        if token.text == "\\{" and self.tokens[opened + 1].text == "array":
            self.take()
            return self.cases(self.partner[self.i])
        if token.text == "{" and opened in self.over:
            middle, end = self.over[opened], self.partner[opened]
            return self.fraction((opened + 1, middle), (middle + 1, end), end + 1, token.start)
        found = self.bracketed()
        if token.text == "{" and isinstance(found, Name):
            if self.called() and found.base in FUNCTIONS:
                return self.call(found, 0, token.start)
            if self.at("op", "_", "^") and not found.sub:
                return self.scripted(found, token.start)
        return found

    def between_bars(self) -> Node:
        token = self.take()
        self.bars += 1
        inside = self.sum()
        if not self.at("bar", token.text):
            raise self.fail("why_unbalanced", token, bracket="|")
        self.take()
        self.bars -= 1
        twice = token.text == "‖" or (
            isinstance(inside, Bars) and self.text[token.end : token.end + 1] == "|"
        )
        inside = inside.body if twice and isinstance(inside, Bars) and token.text == "|" else inside
        return Bars(inside, twice, span=(token.start, self.behind))

    # ------------------------------------------------------------ commands

    def command(self) -> Node:
        token = self.token
        if token.text in FRACTIONS:
            return self.frac()
        if token.text == "partial":
            return self.differential()
        if token.text in ACCENTS:
            return self.accented(ACCENTS[token.text])
        if token.text == "sqrt":
            return self.root()
        if token.text == "sum":
            return self.series()
        if token.text in ("underbrace", "overbrace"):
            self.take()
            inside = self.argument()
            self.skip_scripts()
            return inside
        if token.text in STRANGE:
            self.take()
            self.skip_scripts()
            return Foreign(token.text, span=(token.start, self.behind))
        if token.text == "over":
            raise self.unexpected()
        raise self.fail("why_unknown_command", command=token.text[:40])

    def skip_scripts(self) -> None:
        while self.at("op", "_", "^", "'"):
            if self.take().text != "'":
                self.script()

    def accented(self, mark: str) -> Node:
        start = self.take().start
        if self.at("open", "{"):
            end = self.partner[self.i]
            self.take()
            inside = self.factor()
            if self.i != end:
                raise self.unexpected()
            self.take()
        else:
            inside = self.bare_name()
        if not isinstance(inside, Name):
            return Foreign(mark, span=(start, self.behind))
        return self.scripted(replace(inside, mark=mark), start)

    def bare_name(self) -> Node:
        if self.at("run") or self.at("word"):
            token = self.take()
            base, sub = _parts(token.text) if token.kind == "run" else (token.text, "")
            mark = token.mark if token.mark not in ("operator", "text") else ""
            return Name(base, sub, mark=mark, span=(token.start, token.end))
        return self.atom()

    def root(self) -> Node:
        start = self.take().start
        if self.at("open", "["):
            self.i = self.partner[self.i] + 1
            self.argument()
            return Foreign("root", span=(start, self.behind))
        return Root(self.argument(), span=(start, self.behind))

    def argument(self) -> Node:
        """One argument of a command: a group or what stands next."""
        if self.at("open"):
            return self.bracketed() if self.token.text != "cases" else self.atom()
        return self.atom() if self.token.kind == "cmd" else self.bare_name()

    def frac(self) -> Node:
        start = self.take().start
        if self.at("open", "{"):
            top = (self.i + 1, self.partner[self.i])
            second = self.partner[self.i] + 1
            if self.tokens[second].kind == "open" and self.tokens[second].text == "{":
                return self.fraction(top, (second + 1, self.partner[second]), self.partner[second] + 1, start)
        above = self.argument()
        below = self.argument()
        return Quotient(above, below, span=(start, self.behind))

    def fraction(self, top: tuple[int, int], bottom: tuple[int, int], end: int, start: int) -> Node:
        """The fraction of two stretches of tokens; a derivative where both begin with d or ∂."""
        if top[0] == top[1] or bottom[0] == bottom[1]:
            self.i = top[0] if top[0] == top[1] else bottom[0]
            raise self.unexpected()
        bars, self.bars = self.bars, 0
        if self.begins_d(*bottom) and self.begins_d(*top, alone=True):
            made = self.derivative(top, bottom, end, start)
        else:
            above = self.stretch(top)
            below = self.stretch(bottom)
            self.i = end
            made = self.quotient(above, below, (start, self.behind))
        self.bars = bars
        return made

    def stretch(self, piece: tuple[int, int]) -> Node:
        self.i = piece[0]
        found = self.sum()
        if self.i != piece[1]:
            raise self.unexpected()
        return found

    # ------------------------------------------------------------ derivatives

    def begins_d(self, at: int, end: int, alone: bool = False) -> bool:
        """Whether the stretch begins with d of something, or ∂; `alone`: d by itself too."""
        token = self.tokens[at]
        if token.kind == "op" and token.text == "-":
            return at + 1 < end and self.begins_d(at + 1, end)
        if token.kind == "cmd" and token.text == "partial":
            return True
        if token.kind != "run" or token.text != "d":
            return False
        if at + 1 == end:
            return alone
        after = self.tokens[at + 1]
        return after.kind in ("run", "word", "open") or (
            after.kind == "cmd" and after.text in (*ACCENTS, *FRACTIONS, "sum")
        )

    def take_d(self) -> bool:
        """Goes past d or ∂; returns whether it was d."""
        if self.at("cmd", "partial"):
            self.take()
            return False
        self.take()
        return True

    def derivative(self, top: tuple[int, int], bottom: tuple[int, int], end: int, start: int) -> Node:
        if top[0] + 1 == top[1] and self.tokens[top[0]].text in ("d", "partial"):
            by = self.by(bottom[0], bottom[1])
            total = self.tokens[top[0]].text == "d"
            self.i = end
            return self.operated(start, by, total)
        if self.tokens[top[0] + 1].text == "^":
            self.i = end
            return Foreign("second derivative", span=(start, self.behind))
        terms: list[tuple[int, Node, bool]] = []
        self.i = top[0]
        sign = self.signs()
        while True:
            if not self.begins_d(self.i, top[1]):
                raise self.fail("why_differential")
            total = self.take_d()
            terms.append((sign, self.product(), total))
            if self.i == top[1]:
                break
            if not self.at("op", "+", "-"):
                raise self.unexpected()
            sign = self.signs()
        by = self.by(*bottom)
        self.i = end
        span = (start, self.behind)
        made = [
            (sign, Derivative(of, by, total, span=of.span if len(terms) > 1 else span))
            for sign, of, total in terms
        ]
        return made[0][1] if len(made) == 1 and made[0][0] == 1 else Sum(tuple(made), span=span)

    def by(self, at: int, end: int | None) -> Name:
        """The name of d name, at a token."""
        self.i = at
        if not self.begins_d(at, len(self.tokens)):
            raise self.fail("why_differential")
        self.take_d()
        found = self.uncalled_factor()
        if end is not None and self.i != end:
            raise self.fail("why_differential")
        return self.named(found)

    def named(self, node: Node) -> Name:
        """A name; y_j^k below a ∂ is one, since nothing is derived by a power."""
        if isinstance(node, Name):
            return node
        if (
            isinstance(node, Power)
            and isinstance(node.base, Name)
            and isinstance(node.exponent, Name)
            and not node.base.sup
        ):
            return replace(node.base, sup=node.exponent.key, span=node.span)
        if isinstance(node, Power) and isinstance(node.base, Name) and isinstance(node.exponent, Sum):
            above = re.sub(r"\s", "", self.text[slice(*node.exponent.span)])
            if LEVEL.fullmatch(above):
                return replace(node.base, sup=above, span=node.span)
        raise Unreadable(node.span, "why_differential")

    def operated(self, start: int, by: Name, total: bool) -> Node:
        """d/dx before what it acts on: one bracket or fraction, else all that stands beside it."""
        if self.at("op", "*"):
            self.take()
        if not self.starts_factor():
            if not (self.at("end") or self.at("op", "+", "-") or self.at("rel") or self.at("close")):
                raise self.unexpected()
            raise self.fail("why_differential")
        one = self.at("open") or (self.at("cmd") and self.token.text in FRACTIONS)
        of = self.factor() if one else self.beside()
        return Derivative(of, by, total, span=(start, self.behind))

    def differential(self) -> Node:
        r"""∂E or dE of ∂E/∂w, written with a stroke."""
        start = self.here
        total = self.take_d()
        self.loose += 1
        if self.at("op", "/"):
            return _Differential(Foreign("d"), total, span=(start, self.behind))
        return _Differential(self.factor(), total, span=(start, self.behind))

    def uncalled_factor(self) -> Node:
        uncalled, self.uncalled = self.uncalled, True
        found = self.factor()
        self.uncalled = uncalled
        return found

    def stroke(self) -> bool:
        """Whether a d here is that of dE/dw: a name, a stroke, and another d."""
        if not self.begins_d(self.i, len(self.tokens), alone=True):
            return (
                self.at("run", "d")
                and self.tokens[self.i + 1].text == "/"
                and self.begins_d(self.i + 2, len(self.tokens))
            )
        before = self.tokens[self.i - 1] if self.i else None
        if before and before.kind == "op" and before.text == "/":
            return self.loose > 0
        last = len(self.tokens) - 1
        at = self.i + 1
        if self.tokens[at].kind == "cmd":
            at += 1
        at = self.partner.get(at, at) + 1
        while at < last and self.tokens[at].kind == "op" and self.tokens[at].text in "_^":
            at = self.partner.get(at + 1, at + 1) + 1
        if at >= last or self.tokens[at].kind != "op" or self.tokens[at].text != "/":
            return False
        return self.begins_d(at + 1, last + 1)

    # ------------------------------------------------------------ names and functions

    def letters(self) -> Node:
        """A name with all that is put on it, or a function at its argument."""
        token, start = self.token, self.here
        if token.kind == "run" and token.text == "d" and self.stroke():
            return self.differential()
        self.take()
        if token.text == "Delta" and (self.at("run") or self.at("word") or self.at("cmd", *ACCENTS)):
            changed = self.atom()
            if isinstance(changed, Name):
                return replace(changed, mark="Delta" + changed.mark, span=(start, self.behind))
            return Foreign("Delta", span=(start, self.behind))
        if token.text in ("max", "min", "sup", "prod", "diag", "argmax", "argmin"):
            return self.strange_function(token)
        if token.text in ELEMENTARY:
            return self.elementary(token)
        if token.text == "sum" and token.kind == "run" and self.at("op", "_"):
            return self.limited(start)
        base, sub = _parts(token.text) if token.kind == "run" else (token.text, "")
        mark = token.mark if token.mark not in ("operator", "text") else ""
        name = Name(base, sub, mark=mark, span=(start, self.behind))
        if (base in QUANTITIES or base == "delta") and self.at("open", "{") and self.here == self.behind:
            name = self.unscored(name)
        return self.scripted(name, start, operator=token.mark == "operator")

    def unscored(self, name: Name) -> Name:
        """output{o1}: the index without its stroke."""
        end = self.partner[self.i]
        inside = self.text[self.token.end : self.tokens[end].start].strip()
        if not re.fullmatch(r"[A-Za-z]{1,2}\d*", inside):
            return name
        self.i = end + 1
        return replace(name, sub=inside, span=(name.span[0], self.behind))

    def scripted(self, name: Name, start: int, operator: bool = False) -> Node:
        """A name with its indices, exponents, primes and time, and what it is applied to."""
        power: Node | None = None
        primes, stem = 0, start
        while self.tokens[self.i].kind == "op":
            if self.at("op", "_") and (not name.sub or self.next.text in ("new", "old")):
                self.take()
                name = _indexed(name, self.script())
            elif self.at("op", "^") and power is None:
                stem = self.behind
                self.take()
                if self.transposed():
                    self.skip_scripts()
                    return Foreign("transpose", span=(start, self.behind))
                name, more, power = self.above(name)
                primes += more
            elif self.at("op", "'"):
                primes += self.primes()
            else:
                break
        name = _at(self.timed(name), start, self.behind)
        if power is not None:
            if primes:
                return Foreign("derivative of a power", span=(start, self.behind))
            return Power(_at(name, start, stem), power, span=(start, self.behind))
        if self.called():
            return self.call(name, primes, start, operator)
        if primes:
            return replace(name, mark="prime" if primes == 1 else "second", span=(start, self.behind))
        return name

    def script(self) -> str:
        """An index as text, without braces, parentheses and blanks."""
        start = self.here
        if self.at("open", "{"):
            self.i = self.partner[self.i] + 1
        elif self.token.kind in ("num", "run", "word") or self.at("cmd", "infty", "ldots"):
            self.take()
        elif self.at("op", "*", "+", "-") or self.at("open", "("):
            self.i = self.partner.get(self.i, self.i) + 1
        else:
            raise self.unexpected()
        plain = self.text[start : self.behind].removeprefix("{").removesuffix("}")
        plain = plain if plain.isalnum() else ORNAMENTS.sub("", plain)
        return plain[1:-1] if plain.startswith("(") and plain.endswith(")") else plain

    def above(self, name: Name) -> tuple[Name, int, Node | None]:
        """A name with what stands above it, or its number of primes, or its exponent."""
        start, at = self.here, self.i
        end = self.partner[at] if self.at("open", "{") or self.at("open", "(") or self.at("open", "[") else at
        braced = self.at("open", "{")
        raw = self.text[start : self.tokens[end].end]
        raw = ORNAMENTS.sub("", raw[1:-1] if braced else raw)
        inner = self.tokens[at + 1 : end] if braced else [self.token]
        if inner and all(t.kind == "op" and t.text == "'" for t in inner):
            self.i = end + 1
            return name, len(inner), None
        timed = name.base in TIMED or name.base not in CALLED | {"e"}
        if (raw in NEXT or raw in NOW) and (raw[0] in "(+no" or name.base in TIMED) and timed:
            self.i = end + 1
            return replace(name, tense="next" if raw in NEXT else "now"), 0, None
        whole = self.text[start : self.tokens[end].end]
        whole = whole[1:-1].strip() if braced else whole
        if whole[:1] + whole[-1:] in ("()", "[]") and PAREN_SUP.fullmatch(whole[1:-1].strip()):
            self.i = end + 1
            return _with(name, name.sub, re.sub(r"\s", "", whole)), 0, None
        if whole in ("*", "\\ast", "\\star"):
            self.i = end + 1
            return replace(name, sup="*"), 0, None
        return name, 0, self.exponent()

    def timed(self, name: Name) -> Name:
        """w_{31}t and w_{31}(t + 1): a time right behind a name."""
        if name.tense or self.tokens[self.i].kind not in ("open", "run"):
            return name
        token, after = self.token, self.tokens[min(self.i + 1, len(self.tokens) - 1)]
        if token.kind == "open" and token.text == "(" and not self.uncalled and name.base not in CALLED:
            end = self.partner[self.i]
            inside = re.sub(r"\s", "", self.text[token.end : self.tokens[end].start])
            if inside in ("t", "t+1"):
                self.i = end + 1
                return replace(name, tense="now" if inside == "t" else "next")
        elif token.text == "t" and token.kind == "run" and token.start == self.behind and name.base in TIMED:
            bound = (after.kind == "op" and after.text in "_^'") or after.kind == "open"
            if name.sub[-1:].isdigit() and not bound:
                self.take()
                return replace(name, tense="now")
        return name

    def called(self) -> bool:
        return not self.uncalled and self.at("open", "(", "[")

    def call(self, name: Name, primes: int, start: int, operator: bool = False) -> Node:
        r"""name(…): surely a function where it has primes or is known as one."""
        inside = self.arguments()
        span = (start, self.behind)
        if len(inside) > 1:
            return Foreign("function of several", span=span)
        within = inside[0]
        if name.base in QUANTITIES and not name.sub and isinstance(within, Name) and within.sub.isdigit():
            return replace(name, sub=within.key, span=span)
        if primes or operator or name.base.lower() in FUNCTIONS:
            return Applied(name, within, primes, span=span)
        return Beside(name, within, span=span)

    def arguments(self) -> list[Node]:
        """What stands between parentheses, with commas between."""
        end = self.partner[self.i]
        if self.token.text + self.tokens[end].text in ("[)", "(]"):
            raise self.fail("why_unbalanced", self.tokens[end], bracket=self.tokens[end].text)
        bars, self.bars = self.bars, 0
        uncalled, self.uncalled = self.uncalled, False
        self.take()
        found = [self.sum()]
        while self.at("split") and self.i < end:
            self.take()
            found.append(self.sum())
        if self.i != end:
            raise self.unexpected()
        self.take()
        self.bars, self.uncalled = bars, uncalled
        return found

    def at_bars(self) -> bool:
        return self.at("bar", "|") or self.at("open", "|")

    def strange_function(self, token: Token) -> Node:
        """max(a, b) case by case; other functions of several or of indices are not judged."""
        scripts = self.at("op", "_") or self.at("op", "^")
        if token.text in ("max", "sup") and self.at("op", "_"):
            self.take()
            index = self.script()
            if index.isalpha() and self.at_bars():
                return Greatest(self.one(), Name(index), span=(token.start, self.behind))
        elif token.text == "sup" and self.at_bars():
            return Greatest(self.one(), span=(token.start, self.behind))
        self.skip_scripts()
        inside = self.arguments() if self.called() else []
        span = (token.start, self.behind)
        if token.text in ("max", "min") and len(inside) == 2 and not scripts:
            sign = ">" if token.text == "max" else "<"
            return Cases(
                ((inside[0], Relation((inside[0], inside[1]), (sign,), span=span)), (inside[1], None)),
                span=span,
            )
        return Foreign(token.text, span=span)

    def elementary(self, token: Token) -> Node:
        r"""\ln p, exp(-x), \tanh^2 x."""
        name = Name(token.text, span=(token.start, token.end))
        power: Node | None = None
        primes = self.primes()
        if self.at("op", "_"):
            self.skip_scripts()
            name = replace(name, sub="base")
        if self.at("op", "^"):
            self.take()
            power = self.exponent()
        if not self.starts_factor():
            return replace(name, mark="prime") if primes else name
        if self.at("open", "(", "["):
            inside = self.arguments()
            within = inside[0] if len(inside) == 1 else Foreign("list", span=(token.start, self.behind))
        else:
            within = self.adjacent()
        span = (token.start, self.behind)
        if name.sub:
            return Foreign(token.text, span=span)
        applied: Node = Applied(name, within, primes, span=span)
        if token.text == "sqrt" and not primes:
            applied = Root(within, span=span)
        return applied if power is None else Power(applied, power, span=span)

    def adjacent(self) -> Node:
        r"""The argument of \tan ix: a factor, and the letters right behind it."""
        start = self.here
        parts = [self.factor()]
        while (self.at("run") or self.at("num")) and self.here == self.behind:
            parts.append(self.factor())
        return parts[0] if len(parts) == 1 else Product(tuple(parts), span=(start, self.behind))

    # ------------------------------------------------------------ sums over an index, cases

    def series(self) -> Node:
        return self.limited(self.take().start)

    def limited(self, start: int) -> Node:
        index: Name | None = None
        first = last = without = None
        strange = False
        while self.at("op", "_", "^"):
            if self.take().text == "^":
                last = self.exponent()
                continue
            if not self.at("open", "{"):
                found = self.bare_name()
                index = found if isinstance(found, Name) else None
                strange = strange or index is None
                continue
            end = self.partner[self.i]
            self.take()
            while self.i < end:
                found = self.factor()
                if not isinstance(found, Name) or (index and found.key != index.key):
                    strange = True
                elif index is None:
                    index = found
                if self.at("rel", "="):
                    self.take()
                    first = self.sum()
                elif self.at("rel", "≠"):
                    self.take()
                    without = self.sum()
                elif self.i < end and not self.at("split"):
                    strange, self.i = True, end
                if self.at("split") and self.i < end:
                    self.take()
            self.i = end + 1
        term = self.product()
        span = (start, self.behind)
        if strange:
            return Foreign("sum", span=span)
        return Series(term, index, first, last, without, span=span)

    def cases(self, end: int) -> Node:
        start = self.here
        after = end + 1
        self.take()
        rows: list[tuple[Node, Relation | None]] = []
        while self.i < end:
            value = self.sum()
            rows.append((value, self.case_condition(end)))
            if self.i < end:
                if not self.at("sep", "\\\\"):
                    raise self.fail("why_cases")
                self.take()
        if not rows:
            raise self.fail("why_ends")
        self.i = after
        if self.at("close", "\\}") and self.tokens[end].text == "array":
            self.take()
        return Cases(tuple(rows), span=(start, self.behind))

    def case_condition(self, end: int) -> Relation | None:
        worded = False
        while self.i < end and (
            self.at("split", ",") or self.at("when") or (self.at("sep") and self.token.text != "\\\\")
        ):
            worded = worded or self.at("when")
            self.take()
        if self.i >= end or self.at("sep", "\\\\"):
            return None
        if self.at("open", "(") and self.wrapped_case():
            close = self.partner[self.i]
            self.take()
            found = self.relation()
            if self.i != close:
                raise self.fail("why_cases")
            self.take()
        else:
            found = self.relation()
        if not found.signs:
            raise self.fail("why_cases")
        return found

    def wrapped_case(self) -> bool:
        return self.tokens[self.partner[self.i] + 1].kind in ("sep", "close", "split")


def _parts(text: str) -> tuple[str, str]:
    """w5 is w with 5 below, Etotal is E with total below."""
    letters = text.rstrip("0123456789")
    if letters != text:
        return letters, text[len(letters) :]
    if text.lower() not in WORDS and len(text) > 3 and text[1:] in QUANTITIES:
        return text[0], text[1:]
    return text, ""


def _indexed(name: Name, sub: str) -> Name:
    if sub in ("new", "old"):
        return replace(name, tense="next" if sub == "new" else "now")
    if sub in ("t", "t+1") and name.base in TIMED:
        return replace(name, tense="now" if sub == "t" else "next")
    return _with(name, sub, name.sup)


def _at(name: Name, start: int, end: int) -> Name:
    """The name in another place; `replace` takes four times as long."""
    return Name(name.base, name.sub, name.sup, name.tense, name.mark, span=(start, end))


def _with(name: Name, sub: str, sup: str) -> Name:
    """The name with other indices."""
    return Name(name.base, sub, sup, name.tense, name.mark, span=name.span)


def _number(token: Token) -> Number:
    mantissa, _, power = token.text.lower().partition("e")
    whole, point, digits = mantissa.partition(".")
    shift = int(power or 0)
    if abs(shift) > 400:
        raise Unreadable((token.start, token.end), "why_number", limit=400)
    scale = Fraction(10) ** (shift - len(digits))
    value = int((whole + digits) or "0") * scale
    return Number(token.text, value, scale if point or power else Fraction(0), span=(token.start, token.end))


def _ten_to(node: Power) -> int | None:
    """k of 10^k, a whole number."""
    base, exponent = node.base, node.exponent
    sign = 1
    if isinstance(exponent, Sum) and len(exponent.terms) == 1:
        sign, exponent = exponent.terms[0]
    if not (isinstance(base, Number) and base.value == 10 and isinstance(exponent, Number)):
        return None
    if exponent.value.denominator != 1 or exponent.value > 400:
        return None
    return sign * int(exponent.value)


# ---------------------------------------------------------------- rows


def parse(row: Row) -> Statement | NotRead:
    """What a row says, or where and why it cannot be read."""
    return _parsed(row)


def parse_all(rows: Sequence[Row]) -> tuple[Statement | NotRead, ...]:
    """What the rows say; a formula that runs over several rows is one statement.

    The row of such a statement has the ids of all, R28+R29, and their text.
    """
    found: list[Statement | NotRead] = []
    i = 0
    while i < len(rows):
        row, end = _joined(rows, i)
        said = _parsed(row)
        if isinstance(said, NotRead) and end > i + 1:
            row, end = rows[i], i + 1
            said = _parsed(row)
        found.append(said)
        i = end
    return tuple(found)


def _parsed(row: Row) -> Statement | NotRead:
    if row.unread is not None:
        command = f"\\{row.unread.args['command']}"
        at = max(row.text.find(command), 0)
        return NotRead(row, (at, min(at + len(command), len(row.text))), row.unread)
    said = _said(row.text)
    if isinstance(said, Unreadable):
        start, end = said.span
        start = min(start, len(row.text))
        return NotRead(row, (start, min(max(end, start), len(row.text))), said.why)
    if not said[0]:
        return NotRead(row, (0, len(row.text)), Message("review.why_words"))
    return Statement(row, *said)


@lru_cache(maxsize=2048)  # the names in the sentences between formulas come again and again
def _said(text: str) -> tuple[tuple[Relation, ...], str] | Unreadable:
    """What a row of this text says, or where it is not understood."""
    try:
        return _Parser(text).statement()
    except Unreadable as error:
        return error.with_traceback(None)


#: What only sets a row in; between two formulas it would part them.
SET_IN = re.compile(r"(?:\\q?quad|\\[,;:! ]|\{\}|[\s&>])*")
#: A row that begins with a sign of operation goes on from the one before.
GOES_ON = re.compile(
    r"(?:\\q?quad|\\[,;:! ]|\{\}|[\s&>])*(?:(?P<sum>[+\-−])|\\cdot|\\times|\*|/|·|×)(?![A-Za-z*])"
)


def _joined(rows: Sequence[Row], i: int) -> tuple[Row, int]:
    """The row `i` with those behind it that it runs on over, and the number of the next."""
    row, end = rows[i], i + 1
    while end < min(len(rows), i + MAX_JOINED):
        after = rows[end]
        if not (row.display and after.display and row.cell == after.cell):
            break
        opened, waits, related = _left_open(row.text)
        found = GOES_ON.match(after.text)
        begins = bool(found) and not re.match(r"\s*\*\*", after.text)
        if found and found.group("sum") in ("-", "−") and not (waits or opened):
            begins = row.block == after.block and related and not _left_open(after.text)[2]
        if not (opened or waits or (begins and related)):
            break
        skip = SET_IN.match(after.text)
        start = skip.end() if skip and begins else 0
        at = (*row.at, *after.at[start:])
        unread, expanded = row.unread or after.unread, row.expanded or after.expanded
        text = f"{row.text} {after.text[start:]}"
        row = replace(row, id=f"{row.id}+{after.id}", text=text, at=at, unread=unread, expanded=expanded)
        end += 1
    return row, end


def _left_open(text: str) -> tuple[bool, bool, bool]:
    """Whether brackets are open at the end of a row, whether it waits for an operand, whether it relates."""
    if len(text) > lexer.MAX_ROW:
        return False, False, False
    try:
        found = list(lexer.tokens(text)[:-1])
    except Unreadable:
        return False, False, False
    depth = 0
    related = False
    for token in found:
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        if depth < 0:
            return False, False, False
        related = related or (token.kind == "rel" and depth == 0)
    while found and found[-1].kind == "sep":
        found.pop()
    waits = bool(found) and found[-1].kind == "op" and found[-1].text in "+-*/"
    return depth > 0, waits, related
