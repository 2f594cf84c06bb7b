"""One normal form for the mathematics of LaTeX and of Typst: a list of signs, structure in brackets.

\\frac{1}{2} y_{o1}^{2} and frac(1, 2) y_(o 1)^(2) are both  frac( 1 ; 2 ) y _( o 1 ) ^( 2 ). The two readers
share nothing but this form, so that the two printers can be held against each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_LATEX = re.compile(r"\\(?:[A-Za-z]+|.)|\d+(?:\.\d+)?|\S")
_TYPST = re.compile(r'"(?:\\.|[^"\\])*"|\\.|[A-Za-z]{2,}(?:\.[a-z]+)*|\d+(?:\.\d+)?|>=|<=|\S')
#: A command or a function with a text in it.
WORDS = ("text", "mathrm", "operatorname", "mathit", "mathbf", "mathsf", "mathtt")
STYLES = ("upright", "op", "name", "bold", "sans", "mono")
#: What the two call differently.
SIGNS = {
    "cdot": "dot", "infty": "infinity", "ge": ">=", "le": "<=", "bar": "macron", "vec": "arrow",
    "varepsilon": "epsilon", "epsilon": "epsilon.alt", "varphi": "phi", "phi": "phi.alt",
}  # fmt: skip


def scripted(take: Callable[[], list[str]], peek: Callable[[], str], base: list[str]) -> list[str]:
    """A piece with its primes, index and exponent, in this order."""
    primes, below, above = 0, list[str](), list[str]()
    while peek() in ("'", "_", "^"):
        mark = peek()
        inner = take()
        if mark == "'":
            primes += 1
        elif mark == "_":
            below = ["_(", *inner, ")"]
        else:
            above = ["^(", *inner, ")"]
    return [*base, *["'"] * primes, *below, *above]


class Latex:
    def __init__(self, text: str) -> None:
        self.tokens, self.at = _LATEX.findall(text), 0
        self.inside = False  # of | … |

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def sequence(self, *ends: str) -> list[str]:
        found: list[str] = []
        while self.peek() and self.peek() not in ends:
            found += scripted(self.script, self.peek, self.piece())
        return found

    def script(self) -> list[str]:
        return [] if self.next() == "'" else self.argument()

    def argument(self) -> list[str]:
        if self.peek() != "{":
            return self.piece()
        self.next()
        found = self.sequence("}")
        self.next()
        return found

    def piece(self) -> list[str]:
        token = self.next()
        if token == "{":
            self.at -= 1
            return self.argument()
        if token == "|":
            self.inside = not self.inside
            return ["abs("] if self.inside else [")"]
        if not token.startswith("\\"):
            return [token]
        name = token[1:]
        if name in ("left", "right", ",", ";", " "):
            return []
        if name in ("lvert", "rvert"):
            return ["abs(" if name == "lvert" else ")"]
        if name == "frac":
            return ["frac(", *self.argument(), ";", *self.argument(), ")"]
        if name in ("sqrt", "hat", "bar", "tilde", "vec"):
            return [f"{SIGNS.get(name, name)}(", *self.argument(), ")"]
        if name in WORDS:
            start = self.at + 1
            end = self.tokens.index("}", start)
            self.at = end + 1
            return ["text:" + "".join(self.tokens[start:end]).replace("\\_", "_")]
        if name == "begin":
            self.at += len(["{", *"cases", "}"])
            return ["cases(", *self.cases(), ")"]
        return [SIGNS.get(name, name)]

    def cases(self) -> list[str]:
        found: list[str] = []
        while True:
            found += self.sequence("&", "\\\\", "\\end")
            mark = self.next()
            if mark == "\\end":
                self.at += len(["{", *"cases", "}"])
                return found
            found.append("&" if mark == "&" else ";")


class Typst:
    def __init__(self, text: str) -> None:
        text = re.sub(r'#to\("[^"]*", \$(.*?)\$\)', r"\1", text)
        self.tokens, self.at = _TYPST.findall(text), 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def sequence(self, *ends: str) -> list[str]:
        found: list[str] = []
        while self.peek() and self.peek() not in ends:
            found += scripted(self.script, self.peek, self.piece())
        return found

    def script(self) -> list[str]:
        if self.next() == "'":
            return []
        assert self.next() == "("
        found = self.sequence(")")
        self.next()
        return found

    def piece(self) -> list[str]:
        token = self.next()
        if token == "(":
            found = ["(", *self.sequence(")", "]"), self.peek()]
            self.next()
            return found
        if token.startswith('"'):
            return ["text:" + re.sub(r"\\(.)", r"\1", token[1:-1]).replace(" ", "")]
        if token.startswith("\\"):
            return [token[1:]]
        if token in ("thin", "med", "thick"):
            return []
        if self.peek() == "(" and token in (
            *STYLES,
            "frac",
            "sqrt",
            "abs",
            "cases",
            "hat",
            "macron",
            "tilde",
            "arrow",
        ):
            self.next()
            return self.call(token)
        return [token]

    def call(self, name: str) -> list[str]:
        found = [] if name in STYLES else [f"{name}("]
        while True:
            found += self.sequence(")", "," if name in ("frac", "cases") else ")")
            if self.next() == ")":
                return found if name in STYLES else [*found, ")"]
            found.append(";")


def from_latex(text: str) -> list[str]:
    """The signs of a formula in LaTeX."""
    return Latex(text).sequence()


def from_typst(text: str) -> list[str]:
    """The signs of a formula in Typst."""
    return Typst(text).sequence()


def typst_rows(source: str) -> list[tuple[list[str], list[str]]]:
    """(left, right) of every row of every display of a document; a row without a left side goes on."""
    found: list[tuple[list[str], list[str]]] = []
    for measured, plain in re.findall(
        r"^#display\(\n(.*?)^\)$|^\$ (.*?) \$$", source, re.MULTILINE | re.DOTALL
    ):
        rows = [tuple(re.split(r" ?&= ", row, maxsplit=1)) for row in plain.split(" \\\n")] if plain else []
        for left, rest in re.findall(r"^  row\((none|\$.*?\$), (.*)\),$", measured, re.MULTILINE):
            formulas = re.findall(r"\$((?:#to\(.*?\$\)|[^$])*)\$", rest.partition(", why: [")[0])
            rows.append(("" if left == "none" else left[1:-1], " ".join(formulas)))
        for left, right in rows:
            found.append((from_typst(left) if left else found[-1][0], from_typst(right)))
    return found
