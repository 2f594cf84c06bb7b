r"""Mathematics for Typst: an expression as Typst writes it.

Names and words are LaTeX everywhere in this package, in a small language: letters, indices, accents and
some thirty commands. `translated` reads exactly that language and refuses by name what is not in it, so
that nothing is typeset otherwise than it was meant.

    \mathit{net}_{3} → name("net")_(3)        \text{오차}_{out} → "오차"_(o u t)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from sympy import Symbol

from backprop_symbolic import activations
from backprop_symbolic.algebra import Call, Prime
from backprop_symbolic.errors import BadNotation, quoted
from backprop_symbolic.printing import BREAK, Printer, latex_name

#: LaTeX command → Typst symbol.
SYMBOLS: Mapping[str, str] = {
    **{name: name for name in (
        "alpha", "beta", "gamma", "delta", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu",
        "xi", "pi", "rho", "sigma", "tau", "upsilon", "chi", "psi", "omega", "Gamma", "Delta", "Theta",
        "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega", "ell", "prime", "partial", "approx", "sum",
        "tanh", "sinh", "cosh", "sin", "cos", "arctan", "ln", "sup", "max",
    )},
    "epsilon": "epsilon.alt", "varepsilon": "epsilon", "phi": "phi.alt", "varphi": "phi",
    "cdot": "dot", "infty": "infinity", "ge": ">=", "le": "<=",
}  # fmt: skip
#: LaTeX command with a text for its argument → what stands before and after the quoted text.
TEXTS: Mapping[str, tuple[str, str]] = {
    "text": ("", ""), "mathrm": ("upright(", ")"), "operatorname": ("op(", ")"), "mathit": ("name(", ")"),
    "mathbf": ("bold(", ")"), "mathsf": ("sans(", ")"), "mathtt": ("mono(", ")"),
}  # fmt: skip
#: The same where the argument is mathematics.
STYLES = {"mathrm": "upright", "mathit": "italic", "mathbf": "bold", "mathsf": "sans", "mathtt": "mono"}
ACCENTS = {"hat": "hat", "bar": "macron", "tilde": "tilde", "vec": "arrow", "sqrt": "sqrt"}
SPACES = {
    ",": " thin ", ":": " med ", ";": " thick ", " ": " space ", "!": "", "{": "{", "}": "}", "_": "\\_",
}  # fmt: skip

_TOKEN = re.compile(r"\\[A-Za-z]+\s*|\\.|\d+(?:\.\d+)?|\s+|.", re.DOTALL)
_TEXT = re.compile(r"(?:[^\\{}$#%&]|\\_)*")


def string(text: str) -> str:
    """`text` between quotes, as Typst reads strings."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def glued(parts: list[str]) -> str:
    """The parts side by side, with a blank only where two words would become one."""
    shown = ""
    for part in parts:
        apart = shown[-1:].isalnum() and part[:1].isalnum()
        shown += f" {part}" if apart else part
    return shown


@cache
def translated(latex: str) -> str:
    """A name's LaTeX in Typst. Raises BadNotation for what is not in the language of names."""
    reader = _Reader(latex, balanced(latex))
    shown = reader.sequence("")
    return shown.strip()


def balanced(text: str) -> bool:
    """Whether every round bracket has its partner."""
    depth = 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if depth < 0:
            return False
    return depth == 0


class _Reader:
    """Recursive descent over the LaTeX of one name."""

    def __init__(self, latex: str, brackets: bool) -> None:
        self.latex, self.brackets = latex, brackets
        self.tokens = _TOKEN.findall(latex)
        self.at = 0

    @property
    def next(self) -> str:
        return self.tokens[self.at].rstrip() or " " if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.next
        if not token:
            raise self.refused("its end")
        self.at += 1
        return token

    def refused(self, what: str) -> BadNotation:
        return BadNotation(f"{quoted(self.latex)} cannot be set by Typst: {what} is not understood there")

    def sequence(self, end: str) -> str:
        """What stands before the token `end`."""
        parts: list[str] = []
        while self.next != end:
            if self.next == " ":
                self.at += 1
                continue
            parts.append(self.scripted())
        return glued(parts)

    def scripted(self) -> str:
        """One piece with its primes, its index and its exponent."""
        base = '""' if self.next in ("_", "^", "'") else self.atom()
        primes, below, above = "", "", ""
        while self.next in ("'", "_", "^"):
            token = self.take()
            if token == "'":
                primes += "'"
            elif token == "_" and not below:
                below = f"_({self.argument()})"
            elif token == "^" and not above:
                above = f"^({self.argument()})"
            else:
                raise self.refused(f"a second {token}")
        return base + primes + below + above

    def argument(self) -> str:
        while self.next == " ":
            self.at += 1
        return self.group() if self.next == "{" else self.atom()

    def group(self) -> str:
        self.at += 1
        shown = self.sequence("}")
        self.at += 1
        return shown

    def atom(self) -> str:
        token = self.take()
        if token == "{":
            self.at -= 1
            return self.group()
        if token == "|" and "|" in self.tokens[self.at :]:
            inner = self.sequence("|")
            self.at += 1
            return f"abs({inner})"
        if token.startswith("\\"):
            return self.command(token[1:])
        if token in "()" and not self.brackets:
            return f"\\{token}"
        if token in ("=", "+", "<", ">"):
            return f" {token} "
        if token == ",":
            return ", "
        if token in "()[]-." or token[0].isdigit() or (token.isascii() and token.isalpha()):
            return token
        if token.isalnum():
            return string(token)
        raise self.refused(quoted(token))

    def command(self, name: str) -> str:
        if name in SPACES:
            return SPACES[name]
        if name in SYMBOLS:
            shown = SYMBOLS[name]
            return f" {shown} " if name in ("cdot", "approx", "ge", "le") else shown
        if name in TEXTS:
            text = self.text()
            if text is not None:
                before, after = TEXTS[name]
                return f"{before}{string(text)}{after}"
            if name in STYLES:
                return f"{STYLES[name]}({self.argument()})"
        elif name in ACCENTS:
            return f"{ACCENTS[name]}({self.argument()})"
        elif name == "frac":
            return f"frac({self.argument()}, {self.argument()})"
        raise self.refused(f"\\{name}")

    def text(self) -> str | None:
        """The argument where it is a text: letters, digits, underscores, in braces."""
        if self.next != "{" or "}" not in self.tokens[self.at :]:
            return None
        end = self.tokens.index("}", self.at)
        text = "".join(self.tokens[self.at + 1 : end])
        if not text or not _TEXT.fullmatch(text):
            return None
        self.at = end + 1
        return text.replace("\\_", "_")


class Typst(Printer[str]):
    """Typst's mathematics. A `BREAK` marks each place between terms, as in `Latex`.

    links  symbol → label: each use of the symbol leads there
    """

    def __init__(
        self,
        names: Mapping[Symbol, str],
        otherwise: str = "otherwise",
        links: Mapping[Symbol, str] | None = None,
    ) -> None:
        super().__init__(names, otherwise)
        self.links = links or {}

    def name(self, symbol: Symbol) -> str:
        shown = translated(latex_name(self.names, symbol))
        label = self.links.get(symbol)
        return shown if label is None else f"#to({string(label)}, ${shown}$)"

    def word(self, latex: str, plain: str) -> str:
        inner = translated(latex)
        lead, trail = latex[:1].isspace(), latex[-1:].isspace() and inner
        return f"{' ' if lead else ''}{inner}{' ' if trail else ''}"

    def applied(self, expr: Call | Prime, argument: str) -> str:
        sign = activations.activation(expr.name).latex + ("'" if isinstance(expr, Prime) else "")
        return f"{translated(sign)}({argument})"

    def join(self, parts: list[str]) -> str:
        return glued(parts)

    def dot(self) -> str:
        return " dot "

    def thin(self) -> str:
        return " "

    def sum(self, parts: list[tuple[bool, str]]) -> str:
        text = ""
        for minus, part in parts:
            if text:
                text += f"{BREAK} {'-' if minus else '+'} {part}"
            else:
                text = f"-{part}" if minus else part
        return text

    def parens(self, inner: str) -> str:
        return f"({whole(inner) if re.search(r'frac[(]|cases[(]|sum_', inner) else inner})"

    def fraction(self, top: str, bottom: str) -> str:
        return f"frac({whole(top)}, {whole(bottom)})"

    def raised(self, base: str, exponent: str) -> str:
        return f"{base}^({whole(exponent)})"

    def root(self, inner: str) -> str:
        return f"sqrt({whole(inner)})"

    def derivative(self, d: str, of: str | None, wrt: str) -> str:
        sign = "partial" if d == "∂" else "d"
        return f"frac({glued([sign, of or ''])}, {glued([sign, wrt])})"

    def cases(self, rows: list[tuple[str, str | None]]) -> str:
        otherwise = string(self.otherwise)
        return f"cases({', '.join(f'{whole(v)} & {whole(test or otherwise)}' for v, test in rows)})"

    def bars(self, inner: str) -> str:
        return f"abs({whole(inner)})"

    def foot(self, names: list[str]) -> str:
        return f"_({', '.join(names)})"

    def series(self, term: str, index: str, last: str) -> str:
        return f"sum_({index} = 1)^({whole(last)}) {whole(term)}"


def whole(text: str) -> str:
    """`text` without its marks."""
    return text.replace(BREAK, "")


def unspaced(typst: str) -> str:
    """The same mathematics with no blank between letters, which a bookmark would show: y_(h 1) as yh1."""
    return re.sub(r"(?<=\w) (?=\d|[A-Za-z]\b)", r"\\", typst)


# ---------------------------------------------------------------- where a long line may be broken


def pieces(typst: str) -> list[tuple[int, str]]:
    """A right side cut wherever it may be broken, each piece with how welcome a break before it is.

    1 between terms, 2 before a dot, 3 between terms within parentheses. Joined they are the whole.
    """
    found: list[tuple[int, str]] = []
    start, level = 0, 1
    for at, cost in _breaks(typst):
        found.append((level, _closed(typst[start:at])))
        start, level = at + (typst[at] == BREAK), cost
    return [*found, (level, _closed(typst[start:]))]


def _breaks(typst: str) -> Iterator[tuple[int, int]]:
    """Each place of a break and what it costs."""
    depth = 0
    for token in re.finditer(rf'"(?:\\.|[^"\\])*"|\\.|[()]|{BREAK}| dot ', typst):
        if token[0] in "()":
            depth += 1 if token[0] == "(" else -1
        elif token[0] == BREAK:
            yield token.start(), 1 if depth == 0 else 3
        elif token[0] == " dot " and depth == 0:
            yield token.start(), 2


def _closed(piece: str) -> str:
    """`piece` where brackets without a partner stand for themselves."""
    open_, alone = list[int](), set[int]()
    for token in re.finditer(r'"(?:\\.|[^"\\])*"|\\.|[()]', piece):
        if token[0] == "(":
            open_.append(token.start())
        elif token[0] == ")":
            if open_:
                open_.pop()
            else:
                alone.add(token.start())
    alone.update(open_)
    return "".join(f"\\{c}" if i in alone else c for i, c in enumerate(piece)).strip()
