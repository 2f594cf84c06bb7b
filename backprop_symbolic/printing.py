r"""Mathematics as it is written: an expression to LaTeX, to terminal text, to plain typing.

`Printer` walks an expression once and decides what needs parentheses; a subclass says how each
piece looks. Order and form are those of the expression: nothing is rearranged.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from sympy import Abs, Add, Basic, E, Expr, Integer, Mul, Piecewise, Pow, Rational, Symbol, oo, pi
from sympy import exp as exp_
from sympy import sign as sign_
from sympy.core.relational import Eq, Ge, Gt, Le, Lt, Relational

from backprop_symbolic import activations
from backprop_symbolic.algebra import (
    At,
    Call,
    Decimal,
    Frac,
    Near,
    Numeral,
    Ordinary,
    Partial,
    Prime,
    Series,
    Span,
    Tight,
    Total,
    X,
    number,
)

if TYPE_CHECKING:
    from backprop_symbolic.graph import Graph

#: How tightly each kind of expression holds together.
SUM, PRODUCT, TIGHT, POWER, ATOM = 1, 2, 3, 4, 5
#: SymPy function → LaTeX and plain sign.
FUNCTIONS = {
    "log": (r"\ln", "ln"), "sin": (r"\sin", "sin"), "cos": (r"\cos", "cos"),
    "sinh": (r"\sinh", "sinh"), "cosh": (r"\cosh", "cosh"), "atan": (r"\arctan", "arctan"),
    "erf": (r"\operatorname{erf}", "erf"), "sign": (r"\operatorname{sgn}", "sgn"),
}  # fmt: skip
RELATIONS: Mapping[type, tuple[str, str, str]] = {
    Eq: ("=", "=", "=="),
    Gt: (">", ">", ">"), Lt: ("<", "<", "<"), Ge: (r"\ge", "≥", ">="), Le: (r"\le", "≤", "<="),
}  # fmt: skip

T = TypeVar("T")


class Printer(ABC, Generic[T]):
    """The walk. `names` gives the LaTeX of every name; `otherwise` is a word of the language."""

    #: Whether f(u)² may be written f²(u); not where the text is to be read by a program.
    raises_signs: ClassVar[bool] = True

    def __init__(self, names: Mapping[Symbol, str], otherwise: str = "otherwise") -> None:
        self.names, self.otherwise = names, otherwise
        self.memo: dict[Basic, T] = {}

    def __call__(self, expr: Basic) -> T:
        found = self.memo.get(expr)
        if found is None:
            found = self.memo[expr] = self.write(expr)
        return found

    # What a piece looks like.
    @abstractmethod
    def name(self, symbol: Symbol) -> T: ...
    @abstractmethod
    def word(self, latex: str, plain: str) -> T: ...
    @abstractmethod
    def join(self, parts: list[T]) -> T: ...
    @abstractmethod
    def sum(self, parts: list[tuple[bool, T]]) -> T: ...
    @abstractmethod
    def parens(self, inner: T) -> T: ...
    @abstractmethod
    def fraction(self, top: T, bottom: T) -> T: ...
    @abstractmethod
    def raised(self, base: T, exponent: T) -> T: ...
    @abstractmethod
    def root(self, inner: T) -> T: ...
    @abstractmethod
    def derivative(self, d: str, of: T | None, wrt: T) -> T: ...
    @abstractmethod
    def cases(self, rows: list[tuple[T, T | None]]) -> T: ...
    @abstractmethod
    def bars(self, inner: T) -> T: ...
    @abstractmethod
    def foot(self, names: list[T]) -> T: ...

    def series(self, term: T, index: T, last: T) -> T:
        """Σ_{index=1}^{last} term."""
        raise TypeError("no way to write a sum over an index")

    def dot(self) -> T:
        """The sign between factors."""
        return self.word(r" \cdot ", "·")

    def thin(self) -> T | None:
        """What stands between the factors of a product without dots, if anything."""
        return None

    # The walk itself.
    def write(self, expr: Basic) -> T:
        if isinstance(expr, Symbol):
            return self.name(expr)
        if isinstance(expr, Add):
            return self.sum([self.term(t, i == 0) for i, t in enumerate(expr.args)])
        if isinstance(expr, Tight):
            return self.product(expr.args, tight=True)
        if isinstance(expr, Mul):
            return self.product(expr.args)
        if isinstance(expr, Rational):
            return self.rational(expr)
        if isinstance(expr, Partial):
            return self.partial(expr)
        if isinstance(expr, Frac):
            return self.fraction(self(expr.args[0]), self(expr.args[1]))
        if isinstance(expr, Decimal):
            positive = without_minus(expr)
            return self.word(expr.text, expr.text) if positive is None else self.sum([(True, self(positive))])
        if isinstance(expr, Numeral):
            return self.numeral(expr)
        if isinstance(expr, exp_):
            return self.raised(self.word("e", "e"), self(expr.args[0]))
        if isinstance(expr, Pow):
            if expr.args[1] == Rational(1, 2):
                return self.root(self(expr.args[0]))
            if self.raises_signs and (sign := self.raisable(expr)) is not None:
                argument = self.parens(self(expr.args[0].args[-1]))
                return self.join([self.raised(sign, self(expr.args[1])), argument])
            base = self.within(expr.args[0], ATOM)
            if isinstance(expr.args[0], Symbol) and "^" in latex_name(self.names, expr.args[0]):
                base = self.parens(base)  # a^{(1)} squared
            return self.raised(base, self(expr.args[1]))
        if isinstance(expr, (Call, Prime)):
            return self.applied(expr, self(expr.args[1]))
        if isinstance(expr, At):
            return self.join([self(expr.args[0]), self.parens(self(expr.args[1]))])
        if isinstance(expr, Series):
            term, index, last = expr.args
            return self.series(self.within(term, PRODUCT), self(index), self(last))
        if isinstance(expr, Piecewise):
            return self.cases(
                [(self(p.args[0]), None if p.args[1] == True else self.relation(p.args[1]))  # noqa: E712
                 for p in expr.args]
            )  # fmt: skip
        if isinstance(expr, Abs):
            return self.bars(self(expr.args[0]))
        if expr is pi:
            return self.word(r"\pi", "π")
        if expr is E:
            return self.word("e", "e")
        if expr is oo or expr is -oo:
            minus = "" if expr is oo else "-"
            return self.word(rf"{minus}\infty", f"{minus}∞")
        if isinstance(expr, Near):
            return self.join([self.word(r"\approx ", "≈ "), self(expr.args[0])])
        if isinstance(expr, Span):
            return self.span(expr)
        if isinstance(expr, Relational):
            return self.relation(expr)
        if isinstance(expr, Total):
            return self.total(self.within(expr.args[0], TIGHT), cast(Symbol, expr.args[1]))
        name = "sign" if isinstance(expr, sign_) else type(expr).__name__
        if name in FUNCTIONS:
            return self.join([self.word(*FUNCTIONS[name]), self.parens(self(expr.args[0]))])
        raise TypeError(f"no way to write {type(expr).__name__}")

    def raisable(self, expr: Pow) -> T | None:
        """The sign of f where f(u)^n is written f^n(u), as with tanh²(u)."""
        base, exponent = expr.args
        if not isinstance(exponent, Integer) or exponent < 2:
            return None
        if isinstance(base, Call):
            return self.function(base.name) if base.name == "tanh" else None
        name = type(base).__name__
        return self.word(*FUNCTIONS[name]) if name in ("sin", "cos", "sinh", "cosh") else None

    def applied(self, expr: Call | Prime, argument: T) -> T:
        """f(u) or f'(u)."""
        sign = self.function(expr.name)
        if isinstance(expr, Prime):
            sign = self.join([sign, self.word("'", "'")])
        return self.join([sign, self.parens(argument)])

    def function(self, name: str) -> T:
        entry = activations.activation(name)
        return self.word(entry.latex, entry.sign)

    def relation(self, condition: Basic) -> T:
        latex, sign, _ = RELATIONS[type(condition)]
        left, right = condition.args
        if isinstance(right, Near):  # x ≈ 2.4, not x = ≈ 2.4
            return self.join([self(left), self.word(" ", " "), self(right)])
        return self.join([self(left), self.word(f" {latex} ", f" {sign} "), self(right)])

    def partial(self, expr: Partial) -> T:
        d = "d" if expr.wrt == X or isinstance(expr, Ordinary) else "∂"
        wrt = self.name(expr.wrt)
        if isinstance(expr.of, Symbol):
            shown = self.derivative(d, self.name(expr.of), wrt)
            return self.holding(shown, [self.name(h) for h in expr.held]) if expr.held else shown
        return self.join([self.derivative(d, None, wrt), self.within(expr.of, PRODUCT + 1)])

    def holding(self, shown: T, held: list[T]) -> T:
        """A derivative with what is held fixed noted at its foot: (∂p/∂z)_s."""
        return self.join([self.parens(shown), self.foot(held)])

    def total(self, term: T, index: Symbol) -> T:
        """Σ_j term."""
        sigma = self.join([self.word(r"\sum", "Σ"), self.foot([self.name(index)])])
        return self.join([sigma, self.word(" ", " "), term])

    def span(self, expr: Span) -> T:
        low, high = expr.args[:2]
        if low == high:
            return self.join([self.word(r"\{", "{"), self(low), self.word(r"\}", "}")])
        before, after = expr.brackets
        comma = self.word(r",\, ", ", ")
        return self.join([self.word(before, before), self(low), comma, self(high), self.word(after, after)])

    def rational(self, value: Rational) -> T:
        p, q = abs(int(value.p)), int(value.q)
        shown = self.word(str(p), str(p))
        if q != 1:
            shown = self.fraction(shown, self.word(str(q), str(q)))
        return shown if value.p >= 0 else self.sum([(True, shown)])

    def numeral(self, expr: Numeral) -> T:
        """0.0822, or 1.23 · 10^{-5}."""
        negative, digits, scale = expr.written
        shown = self.word(digits, digits)
        if scale is not None:
            ten = self.raised(self.word("10", "10"), self.rational(Rational(scale)))
            shown = self.join([shown, self.dot(), ten])
        return self.sum([(True, shown)]) if negative else shown

    def within(self, expr: Basic, strength: int) -> T:
        """`expr` with parentheses where it holds together less than `strength`."""
        shown = self(expr)
        return shown if precedence(expr) >= strength else self.parens(shown)

    def term(self, term: Expr, first: bool) -> tuple[bool, T]:
        """One term of a sum: whether it is subtracted, and what is."""
        if isinstance(term, Mul) and term.args[0] == -1:
            rest = term.args[1:]
            inner = self.product(rest) if len(rest) > 1 else self.within(rest[0], PRODUCT)
            return True, inner
        if (positive := without_minus(term)) is not None:
            return True, self(positive)
        if isinstance(term, Mul) and (positive := without_minus(term.args[0])) is not None:
            return True, self.product((positive, *term.args[1:]))
        # A number put in keeps its own sign: 0.5 + (-0.3).
        alone = first and isinstance(term, Numeral)
        return False, self.within(term, SUM if alone or not isinstance(term, (Add, Numeral)) else PRODUCT)

    def product(self, factors: tuple[Basic, ...], tight: bool = False) -> T:
        first = factors[0]
        if len(factors) > 1 and (positive := without_minus(first)) is not None:
            rest = factors[1:] if first == -1 else (positive, *factors[1:])
            inner = self.product(rest, tight) if len(rest) > 1 else self.within(rest[0], PRODUCT)
            return self.sum([(True, inner)])
        parts: list[T] = []
        for i, factor in enumerate(factors):
            if i == 0 and isinstance(factor, Mul) and not tight:
                shown = self(factor)  # a minus may open a product
            elif i == len(factors) - 1 and isinstance(factor, Partial):
                shown = self(factor)  # d/dx reaches to the end of the product
            elif i > 0 and leads_with_minus(factor):
                shown = self.parens(self(factor))
            else:
                shown = self.within(factor, TIGHT)
            if i > 0:
                joint = self.between(factors[i - 1], factor, i, tight)
                if joint is not None:
                    parts.append(joint)
            parts.append(shown)
        return self.join(parts)

    def between(self, left: Basic, right: Basic, index: int, tight: bool) -> T | None:
        """What stands between two factors: nothing after a coefficient, else a dot."""
        if isinstance(left, Numeral):
            return self.dot()
        digits = (Rational, Decimal, Numeral)
        numeric = isinstance(right, digits) or (
            isinstance(right, (Mul, Tight, Pow)) and isinstance(right.args[0], digits)
        )
        # 2·1/n: without the dot it would be a mixed number.
        mixed = (
            isinstance(left, (Rational, Decimal))
            and isinstance(right, Frac)
            and number(cast(Expr, right.args[0]))
        )
        if numeric or mixed:
            return self.dot()
        if tight or (index == 1 and isinstance(left, (Rational, Decimal))):
            return self.thin()
        return self.dot()


def precedence(expr: Basic) -> int:
    """How tightly `expr` holds together when written."""
    if isinstance(expr, Add):
        return SUM
    if isinstance(expr, Mul):
        return SUM if leads_with_minus(expr) else PRODUCT
    if isinstance(expr, Tight):
        return TIGHT
    if isinstance(expr, Rational):
        return SUM if expr < 0 else ATOM if expr.q == 1 else TIGHT
    if isinstance(expr, Decimal):
        return SUM if expr.value < 0 else ATOM
    if isinstance(expr, Numeral):
        negative, _, scale = expr.written
        return SUM if negative else ATOM if scale is None else PRODUCT
    if isinstance(expr, Frac):
        return TIGHT
    if isinstance(expr, (Pow, exp_)):
        return ATOM if isinstance(expr, Pow) and expr.args[1] == Rational(1, 2) else POWER
    if isinstance(expr, (Series, Total)):
        return PRODUCT
    if isinstance(expr, Partial):
        return POWER if isinstance(expr.of, Symbol) else PRODUCT
    if isinstance(expr, (Piecewise, Call, Prime)):
        return TIGHT if isinstance(expr, Piecewise) else POWER
    return ATOM if isinstance(expr, (Symbol, Abs, At)) or not expr.args else POWER


def leads_with_minus(expr: Basic) -> bool:
    """Whether the first sign written is a minus."""
    if isinstance(expr, (Mul, Tight)):
        return leads_with_minus(expr.args[0])
    return without_minus(expr) is not None


def without_minus(expr: Basic) -> Expr | None:
    """The number of which `expr` is the negative, written with a minus; None for anything else."""
    if isinstance(expr, Rational) and expr < 0:
        return cast(Expr, -expr)
    if isinstance(expr, Decimal) and expr.value < 0:
        return Decimal(cast(Rational, -expr.value))
    return None


# ---------------------------------------------------------------- LaTeX

BREAK = "\x1f"  # where a long line may be broken


class Latex(Printer[str]):
    r"""LaTeX. A `BREAK` marks each place between terms, for `break_lines` to use or to remove."""

    def name(self, symbol: Symbol) -> str:
        return latex_name(self.names, symbol)

    def word(self, latex: str, plain: str) -> str:
        return latex

    def join(self, parts: list[str]) -> str:
        text = ""
        for part in parts:
            # A command that ends in a letter must not run into the next word.
            glue = re.search(r"\\[A-Za-z]+$", text) and part[:1].isalpha()
            text += (" " if glue else "") + part
        return text

    def sum(self, parts: list[tuple[bool, str]]) -> str:
        text = ""
        for minus, part in parts:
            if text:
                text += f"{BREAK} - {part}" if minus else f"{BREAK} + {part}"
            else:
                text = f"-{part}" if minus else part
        return text

    def parens(self, inner: str) -> str:
        if r"\frac" in inner or r"\begin" in inner or r"\sum" in inner:
            return rf"\left({inner.replace(BREAK, '')}\right)"
        return f"({inner})"

    def fraction(self, top: str, bottom: str) -> str:
        return rf"\frac{{{_whole(top)}}}{{{_whole(bottom)}}}"

    def raised(self, base: str, exponent: str) -> str:
        return f"{base}^{{{_whole(exponent)}}}"

    def root(self, inner: str) -> str:
        return rf"\sqrt{{{_whole(inner)}}}"

    def derivative(self, d: str, of: str | None, wrt: str) -> str:
        sign = r"\partial" if d == "∂" else "d"
        gap = " " if d == "∂" else ""
        top = sign if of is None else f"{sign}{gap}{of}"
        return rf"\frac{{{top}}}{{{sign}{gap}{wrt}}}"

    def cases(self, rows: list[tuple[str, str | None]]) -> str:
        otherwise = rf"\text{{{self.otherwise}}}"
        shown = r" \\ ".join(f"{_whole(v)} & {_whole(test or otherwise)}" for v, test in rows)
        return rf"\begin{{cases}} {shown} \end{{cases}}"

    def bars(self, inner: str) -> str:
        return rf"\left\lvert {_whole(inner)} \right\rvert"

    def foot(self, names: list[str]) -> str:
        return f"_{{{', '.join(names)}}}"

    def series(self, term: str, index: str, last: str) -> str:
        return rf"\sum_{{{index}=1}}^{{{_whole(last)}}} {_whole(term)}"

    def thin(self) -> str:
        return " "


def _whole(text: str) -> str:
    return text.replace(BREAK, "")


def latex_name(names: Mapping[Symbol, str], symbol: Symbol) -> str:
    """The LaTeX of a name: from the notation, w(t+1) from w, else from its own letters."""
    found = names.get(symbol)
    if found is not None:
        return found
    match = re.fullmatch(r"(.+)\((t|t\+1)\)", symbol.name)
    if match:
        return f"{latex_name(names, Symbol(match[1]))}({match[2]})"
    from backprop_symbolic.graph import auto_latex

    return auto_latex(symbol.name)


def break_lines(latex: str, width: int = 72) -> list[str]:
    """A right side as one row, or as several of about `width` characters.

    It is broken between terms, where a term alone is too long between its factors, and within
    parentheses only where nothing else helps.
    """
    rows = [latex]
    for cut in (_terms, _factors, lambda row: row.split(BREAK)):
        rows = [
            part for row in rows for part in ([row] if visible(row) <= width else _filled(cut(row), width))
        ]
    return [_whole(row) for row in rows]


def _filled(pieces: Sequence[str], width: int) -> list[str]:
    """The pieces in rows, as many in each as fit."""
    rows, row = list[str](), ""
    for piece in pieces:
        if row and visible(row + piece) > width:
            rows.append(row)
            row = piece
        else:
            row += piece
    return [*rows, row]


def _terms(latex: str) -> list[str]:
    """`latex` cut at each mark between terms that stands in no braces, parentheses or environment."""
    return _cut(latex, BREAK, len(BREAK))


def _factors(latex: str) -> list[str]:
    """`latex` cut before each such dot."""
    return _cut(latex, r"\cdot", 0)


def _cut(latex: str, mark: str, skip: int) -> list[str]:
    pieces, depth, start = list[str](), 0, 0
    for token in re.finditer(rf"\\(?:begin|end|left|right|cdot)\b|\\.|[{{}}()]|{BREAK}", latex):
        if token[0] in ("{", "(", r"\begin", r"\left"):
            depth += 1
        elif token[0] in ("}", ")", r"\end", r"\right"):
            depth -= 1
        elif token[0] == mark and depth == 0:
            pieces.append(latex[start : token.start()])
            start = token.start() + skip
    return [*pieces, latex[start:]]


def visible(latex: str) -> int:
    """About how many characters wide a formula is when set."""
    text = latex.replace(BREAK, "")
    # A fraction is as wide as the wider of its two parts.
    text = re.sub(r"\\frac\{((?:[^{}]|\{[^{}]*\})*)\}\{((?:[^{}]|\{[^{}]*\})*)\}",
                  lambda m: max(m[1], m[2], key=len), text)  # fmt: skip
    text = re.sub(r"\\(?:text|mathit|mathrm|operatorname)\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\[A-Za-z]+", "x", text)
    return len(re.sub(r"[{}\\ _^&]", "", text))


# ---------------------------------------------------------------- plain typing


class Plain(Printer[str]):
    """One line of plain text in the language of graph files: w31*y_h1 + 1."""

    raises_signs = False

    def name(self, symbol: Symbol) -> str:
        return symbol.name

    def word(self, latex: str, plain: str) -> str:
        typed = {"π": "pi", "sgn": "sign", "e": "exp(1)", "∞": "inf", "-∞": "-inf", "≈ ": "~"}
        return typed.get(plain, plain)

    def function(self, name: str) -> str:
        return activations.activation(name).sign if activations.is_formula(name) else name

    def applied(self, expr: Call | Prime, argument: str) -> str:
        if activations.is_formula(expr.name):
            return super().applied(expr, argument)
        name, _, values = expr.name.partition("(")
        mark = "'" if isinstance(expr, Prime) else ""
        return f"{name}{mark}({argument}{', ' + values[:-1] if values else ''})"

    def join(self, parts: list[str]) -> str:
        return "".join(parts)

    def dot(self) -> str:
        return "*"

    def thin(self) -> str:
        return "*"

    def sum(self, parts: list[tuple[bool, str]]) -> str:
        text = ""
        for minus, part in parts:
            text += (" - " if minus else " + ") + part if text else ("-" if minus else "") + part
        return text

    def parens(self, inner: str) -> str:
        return f"({inner})"

    def fraction(self, top: str, bottom: str) -> str:
        return f"{_typed(top)}/{_typed(bottom)}"

    def raised(self, base: str, exponent: str) -> str:
        return f"exp({exponent})" if base == "exp(1)" else f"{base}**{_typed(exponent)}"

    def root(self, inner: str) -> str:
        return f"sqrt({inner})"

    def derivative(self, d: str, of: str | None, wrt: str) -> str:
        return f"diff({of}, {wrt})" if of is not None else f"diff[{wrt}]"

    def partial(self, expr: Partial) -> str:
        held = f", held={'+'.join(h.name for h in expr.held)}" if expr.held else ""
        return f"diff({self(expr.of)}, {self.name(expr.wrt)}{held})"

    def series(self, term: str, index: str, last: str) -> str:
        return f"Sum({term}, {index}, 1, {last})"

    def foot(self, names: list[str]) -> str:
        return ""

    def total(self, term: str, index: Symbol) -> str:
        return f"sum[{index.name}]({term})"

    def cases(self, rows: list[tuple[str, str | None]]) -> str:
        text = "".join(f"{value} if {test} else " for value, test in rows if test)
        return f"({text}{rows[-1][0]})"

    def relation(self, condition: Basic) -> str:
        left, right = condition.args
        return f"{self(left)} {RELATIONS[type(condition)][2]} {self(right)}"

    def bars(self, inner: str) -> str:
        return f"abs({inner})"


def definitions(graph: Graph) -> str:
    """A graph as text, its leaves declared, so that it is read as the same one."""
    write = Plain({})
    leaves = [q for q in graph.quantities.values() if q.definition is None and q.symbol != graph.rate]
    lines = [f"{q.role} {q.symbol.name}" for q in leaves]
    lines += [
        f"{q.symbol.name} = {write(q.definition)}"
        for q in graph.quantities.values()
        if q.definition is not None
    ]
    return "\n".join(lines) + "\n"


def _typed(text: str) -> str:
    return text if re.fullmatch(r"[\w.]+|-?√\w+|\w+\([^()]*\)", text) else f"({text})"
