"""Mathematics for a terminal: two-dimensional Unicode by SymPy's own `prettyForm`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from sympy import Basic, Rational, Symbol
from sympy.printing.pretty.pretty_symbology import pretty_use_unicode
from sympy.printing.pretty.stringpict import prettyForm, stringPict

from backprop_symbolic.algebra import Call, Frac, Near, Ordinary, Partial, Prime, X
from backprop_symbolic.printing import RELATIONS, Plain, Printer, latex_name

#: stringPict counts a Hangul syllable as one column; a filler takes the second and is removed.
FILLER = "\ue000"
_SUB = dict(zip("0123456789+-aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
_SUP = dict(zip("0123456789+-()nitxyuv", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱᵗˣʸᵘᵛ", strict=True))
#: Combining marks: they take no column of their own.
_ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303"}
#: Stand for _ and ^ that no Unicode index exists for, until the name is done.
_MARK, _RAISE = "\ue001", "\ue002"
_GREEK = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Delta": "Δ",
    "Theta": "Θ", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "Gamma": "Γ", "Lambda": "Λ",
    "varphi": "φ", "varepsilon": "ε", "ell": "ℓ", "prime": "′",
}  # fmt: skip


def unicode_name(latex: str) -> str:
    r"""A name's LaTeX as Unicode: w_{31} → w₃₁, \text{가중합}_{3} → 가중합₃."""
    text = re.sub(r"\\(hat|bar|tilde)\{(\w)\}", lambda m: m[2] + _ACCENTS[m[1]], latex)
    text = re.sub(r"\\(?:text|mathit|mathrm|mathbf|mathsf|mathtt|hat|bar|tilde|vec)\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"\\sqrt\{(\w+)\}", r"√\1", text)
    text = re.sub(r"\\frac\{([-√\w]+)\}\{([√\w]+)\}", r"\1/\2", text)
    text = re.sub(r"\\([A-Za-z]+) ?", lambda m: _GREEK.get(m[1], m[1]), text)
    text = re.sub(r"\\(.)", lambda m: "" if m[1] in ",;! " else m[1], text)
    text = re.sub(r"([_^])([^{}])", r"\1{\2}", text)
    while (lowered := re.sub(r"([_^])\{([^{}]*)\}", _index, text)) != text:
        text = lowered  # indices of indices, from the innermost outwards
    return text.replace("{", "").replace("}", "").replace(_MARK, "_").replace(_RAISE, "^")


def _index(match: re.Match[str]) -> str:
    inside = match[2].replace(" ", "")
    table = _SUB if match[1] == "_" else _SUP
    letters = [c for c in inside if c != ","]
    if letters and all(c in table for c in letters):
        return "".join(table.get(c, c) for c in inside)
    return f"{_MARK if match[1] == '_' else _RAISE}{inside}"


def padded(text: str) -> str:
    """`text` with a filler after every character that takes two columns."""
    return "".join(c + FILLER if unicodedata.east_asian_width(c) in "WF" else c for c in text)


@contextmanager
def unicode_brackets() -> Iterator[None]:
    """SymPy's tall brackets in Unicode, whatever the locale: the output is UTF-8 in any case."""
    before = pretty_use_unicode(True)
    try:
        yield
    finally:
        pretty_use_unicode(before)


class Terminal(Printer[prettyForm]):
    """Expressions as boxes of text: fractions stand, exponents are raised."""

    def text(self, text: str, binding: int = prettyForm.ATOM) -> prettyForm:
        return prettyForm(padded(text), binding=binding)

    def name(self, symbol: Symbol) -> prettyForm:
        return self.text(unicode_name(latex_name(self.names, symbol)))

    def word(self, latex: str, plain: str) -> prettyForm:
        return self.text(plain)

    def dot(self) -> prettyForm:
        return self.text(" · ")

    def between(self, left: Basic, right: Basic, index: int, tight: bool) -> prettyForm | None:
        joint = super().between(left, right, index, tight)
        two_bars = isinstance(left, Rational) and left.q > 2 and isinstance(right, (Partial, Frac))
        return self.text(" ") if two_bars and joint is None else joint

    def join(self, parts: list[prettyForm]) -> prettyForm:
        return _beside(parts)

    def sum(self, parts: list[tuple[bool, prettyForm]]) -> prettyForm:
        row: list[stringPict] = []
        for minus, part in parts:
            sign = (" - " if minus else " + ") if row else ("-" if minus else "")
            row.extend([prettyForm(sign), part] if sign else [part])
        return _beside(row)

    def parens(self, inner: prettyForm) -> prettyForm:
        return prettyForm(*inner.parens())

    def fraction(self, top: prettyForm, bottom: prettyForm) -> prettyForm:
        if (str(top), str(bottom)) == ("1", "2"):
            return self.text("½")
        return _stacked(top, bottom)

    def raised(self, base: prettyForm, exponent: prettyForm) -> prettyForm:
        shown = str(exponent)
        if base.height() == exponent.height() == 1 and all(c in _SUP for c in shown):
            return _beside([base, self.text("".join(_SUP[c] for c in shown))])
        # The exponent's lowest line stands one above the base's highest.
        top = prettyForm(*prettyForm(" " * base.width()).right(exponent))
        low = prettyForm(*base.right(" " * exponent.width()))
        lines = [*_lines(top), *_lines(low)]
        return prettyForm("\n".join(lines), baseline=top.height() + base.baseline)

    def root(self, inner: prettyForm) -> prettyForm:
        return _beside([self.text("√"), inner if str(inner).isalnum() else self.parens(inner)])

    def derivative(self, d: str, of: prettyForm | None, wrt: prettyForm) -> prettyForm:
        if of is None:
            return _beside([self.fraction(self.text(d), _beside([self.text(d), wrt])), self.text(" ")])
        return self.fraction(_beside([self.text(d), of]), _beside([self.text(d), wrt]))

    def series(self, term: prettyForm, index: prettyForm, last: prettyForm) -> prettyForm:
        lowest = f"{index}=1"
        width = max(len(lowest), last.width())
        lines = [part.center(width) for part in (*_lines(last), "Σ", lowest)]
        sign = prettyForm("\n".join(lines), baseline=last.height())
        return _beside([sign, self.text(" "), term])

    def foot(self, names: list[prettyForm]) -> prettyForm:
        return self.text("_" + ",".join(str(n) for n in names))

    def cases(self, rows: list[tuple[prettyForm, prettyForm | None]]) -> prettyForm:
        width = max(value.width() for value, _ in rows)
        lines: list[str] = []
        for value, test in rows:
            gap = " " * (width - value.width() + 3)
            lines.extend(_lines(_beside([value, self.text(gap), test or self.text(self.otherwise)])))
        full = max(map(len, lines))  # of unequal lines prettyForm would centre the shorter ones
        lines = [line.ljust(full) for line in lines]
        middle = (len(lines) - 1) // 2
        left = {1: ["{"], 2: ["⎰", "⎱"]}.get(len(lines)) or [
            "⎧", *("⎨" if i == middle else "⎪" for i in range(1, len(lines) - 1)), "⎩",
        ]  # fmt: skip
        text = "\n".join(f"{brace} {line}" for brace, line in zip(left, lines, strict=True))
        return prettyForm(text, baseline=middle)

    def bars(self, inner: prettyForm) -> prettyForm:
        return prettyForm(*inner.parens(left="|", right="|"))


def _lines(form: stringPict) -> list[str]:
    return str(form).split("\n")


def _beside(parts: list[prettyForm] | list[stringPict]) -> prettyForm:
    form: stringPict = parts[0]
    for part in parts[1:]:
        form = stringPict(*form.right(part))
    return prettyForm(str(form), baseline=form.baseline)


def _stacked(top: prettyForm, bottom: prettyForm) -> prettyForm:
    width = max(top.width(), bottom.width())
    lines = [line.center(width) for line in _lines(top)]
    bar = len(lines)
    lines += ["─" * width, *(line.center(width) for line in _lines(bottom))]
    return prettyForm("\n".join(lines), baseline=bar)


class Flat(Plain):
    """One line of Unicode, for a formula inside a sentence: ∂E/∂w₃₁."""

    raises_signs = True

    def series(self, term: str, index: str, last: str) -> str:
        return f"Σ[{index} = 1 … {last}] {term}"

    def name(self, symbol: Symbol) -> str:
        return unicode_name(latex_name(self.names, symbol))

    def applied(self, expr: Call | Prime, argument: str) -> str:
        return Printer.applied(self, expr, argument)

    def function(self, name: str) -> str:
        from backprop_symbolic import activations

        return activations.activation(name).sign

    def word(self, latex: str, plain: str) -> str:
        return plain

    def dot(self) -> str:
        return " · "

    def thin(self) -> str:
        return ""

    def root(self, inner: str) -> str:
        return f"√{inner}" if inner.isalnum() else f"√({inner})"

    def raised(self, base: str, exponent: str) -> str:
        if all(c in _SUP for c in exponent):
            return base + "".join(_SUP[c] for c in exponent)
        return f"{base}^({exponent})"

    def partial(self, expr: Partial) -> str:
        d = "d" if expr.wrt == X or isinstance(expr, Ordinary) else "∂"
        of = self.name(expr.of) if isinstance(expr.of, Symbol) else f"({self(expr.of)})"
        held = f"|_{','.join(self.name(h) for h in expr.held)}" if expr.held else ""
        return f"{d}{of}/{d}{self.name(expr.wrt)}{held}"

    def cases(self, rows: list[tuple[str, str | None]]) -> str:
        shown = "; ".join(f"{v} ({test or self.otherwise})" for v, test in rows)
        return f"{{{shown}}}"

    def relation(self, condition: Basic) -> str:
        left, right = condition.args
        sign = "" if isinstance(right, Near) else f"{RELATIONS[type(condition)][1]} "
        return f"{self(left)} {sign}{self(right)}"

    def bars(self, inner: str) -> str:
        return f"|{inner}|"

    def total(self, term: str, index: Symbol) -> str:
        return f"{unicode_name(f'Σ_{{{self.name(index)}}}')} {term}"
