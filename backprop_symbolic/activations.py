"""Activations as data: a formula, its sign on the board, the form its derivative is used in.

Formulas are text in the language of `expressions`, parsed when first used, so that listing the
names costs nothing. A new activation is one `register` call; tests, help and documents pick it
up from the registry. None of the derivatives below is believed: `calculus` derives each one from
the formula and the verifier checks every line of that derivation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from backprop_symbolic.registry import Registry, spelling

if TYPE_CHECKING:
    from sympy import Expr, Symbol


@dataclass(frozen=True)
class BoardLine:
    """One line of a board proof of f': the formula and the rule that leads to it.

    Where `pending`, the line is d/dx of the formula: f rewritten, not yet differentiated.
    """

    text: str
    rule: str
    pending: bool = False


@dataclass(frozen=True)
class Activation:
    """y = f(x).

    formula  f, in x
    prime    f' as a derivation uses it, in x and in the output y; where empty, the form that
             elimination finds is used
    latex    the sign of f, as in `\\sigma`(x)
    sign     the same for a terminal
    board    the lines of the proof a lecturer writes, from d/dx f(x) to `prime`; where empty,
             `calculus` finds the lines
    kinks    the points x where f' does not exist; `prime` states the convention taken there
    """

    name: str
    formula: str
    prime: str
    latex: str
    sign: str
    board: tuple[BoardLine, ...] = ()
    kinks: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


activations: Registry[Activation] = Registry("activation")

sigmoid = activations.register(
    Activation(
        "sigmoid",
        "1/(1 + exp(-x))",
        "y*(1 - y)",
        r"\sigma",
        "σ",
        board=(
            BoardLine("(1 + exp(-x))**-1", "as_power", pending=True),
            BoardLine("-(1 + exp(-x))**-2*(-exp(-x))", "chain"),
            BoardLine("exp(-x)/(1 + exp(-x))**2", "as_fraction"),
            BoardLine("(1 + exp(-x) - 1)/(1 + exp(-x))**2", "add_and_subtract_one"),
            BoardLine("1/(1 + exp(-x)) - 1/(1 + exp(-x))**2", "split_fraction"),
            BoardLine("1/(1 + exp(-x))*(1 - 1/(1 + exp(-x)))", "factor_out"),
            BoardLine("sigmoid(x)*(1 - sigmoid(x))", "recognise"),
        ),
        aliases=("logistic",),
    )
)
tanh = activations.register(
    Activation(
        "tanh",
        "(exp(x) - exp(-x))/(exp(x) + exp(-x))",
        "1 - y**2",
        r"\tanh",
        "tanh",
        board=(
            BoardLine(
                "((exp(x) + exp(-x))*(exp(x) + exp(-x)) - (exp(x) - exp(-x))*(exp(x) - exp(-x)))"
                "/(exp(x) + exp(-x))**2",
                "quotient",
            ),
            BoardLine(
                "((exp(x) + exp(-x))**2 - (exp(x) - exp(-x))**2)/(exp(x) + exp(-x))**2",
                "as_power",
            ),
            BoardLine("1 - ((exp(x) - exp(-x))/(exp(x) + exp(-x)))**2", "split_fraction"),
            BoardLine("1 - tanh(x)**2", "recognise"),
        ),
    )
)
relu = activations.register(
    Activation(
        "relu",
        "x if x > 0 else 0",
        "1 if x > 0 else 0",
        r"\operatorname{ReLU}",
        "ReLU",
        kinks=("0",),
    )
)
leaky_relu = activations.register(
    Activation(
        "leaky_relu",
        "x if x > 0 else 0.01*x",
        "1 if x > 0 else 0.01",
        r"\operatorname{LeakyReLU}",
        "LeakyReLU",
        kinks=("0",),
    )
)
identity = activations.register(
    Activation("identity", "x", "1", r"\operatorname{id}", "id", aliases=("linear",))
)
softplus = activations.register(
    Activation(
        "softplus",
        "log(1 + exp(x))",
        "1 - exp(-y)",
        r"\operatorname{softplus}",
        "softplus",
        board=(
            BoardLine("1/(1 + exp(x))*exp(x)", "chain"),
            BoardLine("(1 + exp(x) - 1)/(1 + exp(x))", "add_and_subtract_one"),
            BoardLine("1 - 1/(1 + exp(x))", "split_fraction"),
            BoardLine("1 - exp(-softplus(x))", "recognise"),
        ),
    )
)
arctan = activations.register(
    Activation("arctan", "atan(x)", "1/(1 + x**2)", r"\arctan", "arctan", aliases=("atan",))
)
softsign = activations.register(
    Activation(
        "softsign",
        "x/(1 + abs(x))",
        "1/(1 + abs(x))**2",
        r"\operatorname{softsign}",
        "softsign",
    )
)
elu = activations.register(
    Activation(
        "elu",
        "x if x > 0 else exp(x) - 1",
        "1 if x > 0 else y + 1",
        r"\operatorname{ELU}",
        "ELU",
    )
)
silu = activations.register(
    Activation(
        "silu",
        "x*sigmoid(x)",
        "sigmoid(x) + y*(1 - sigmoid(x))",
        r"\operatorname{SiLU}",
        "SiLU",
        aliases=("swish",),
    )
)


def activation(name: str) -> Activation:
    """The activation called `name`, or made from it where it is a formula in x.

    Raises UnknownName with the nearest name, or BadExpression for a formula that is none.
    """
    if is_formula(name):
        return of_formula(name)
    for entry in activations:
        if spelling(name) in map(spelling, entry.aliases):
            return entry
    return activations.get(name)


def function_symbol(name: str) -> Symbol | None:
    """The SymPy symbol that stands for the activation `name` in Call and Prime, or None."""
    from sympy import Symbol

    if is_formula(name):
        return Symbol(of_formula(name).name)
    for entry in activations:
        if spelling(name) in map(spelling, (entry.name, *entry.aliases)):
            return Symbol(entry.name)
    return None


function_symbol.known = activations.names  # type: ignore[attr-defined]


# ---------------------------------------------------------------- formulas typed by a user

#: A function that a network names itself, where it has several: `f_2: x**2`.
_NUMBERED = re.compile(r"(f_\d+): *(.+)", re.DOTALL)


#: What a name looks like: `leaky-relu`, or with values in parentheses.
_NAME = re.compile(r"\s*[^\W\d][\w\s-]*(\([^()]*\))?\s*")


def is_formula(name: str) -> bool:
    """Whether `name` is a formula in x and no name: x stands in it, or it looks like no name."""
    return bool(re.search(r"\bx\b", name)) or not (_NAME.fullmatch(name) or not name.strip())


@lru_cache(maxsize=256)
def of_formula(text: str) -> Activation:
    """The activation f(x) = text. Raises BadExpression or UnknownName for what is no formula in x."""
    from backprop_symbolic.cases import borders_of

    numbered = _NUMBERED.fullmatch(text.strip())
    sign, body = (numbered[1], numbered[2]) if numbered else ("f", text)
    shown = " ".join(body.split())
    parsed = _parsed_in_x(shown)
    borders = tuple(str(border) for border in borders_of(parsed) or ())
    latex = sign.replace("_", "_{") + "}" if numbered else sign
    name = f"{sign}: {shown}" if numbered else shown
    return Activation(name, shown, "", latex, sign, kinks=borders)


def numbered_apart(names: list[str]) -> list[str]:
    """Layer by layer the names; several formulas that differ are called f_1, f_2, … in order."""
    formulas = list(dict.fromkeys(name for name in names if is_formula(name)))
    if len(formulas) < 2:
        return names
    return [f"f_{formulas.index(name) + 1}: {name}" if is_formula(name) else name for name in names]


def split_list(text: str) -> list[str]:
    """`tanh,max(x,0)` at its top-level commas: a comma inside parentheses separates nothing."""
    parts, depth = [""], 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += c
    return parts


@lru_cache(maxsize=256)
def _parsed_in_x(text: str) -> Expr:
    """A user's formula: x is its only name; cases inside cases are one list of cases."""
    from backprop_symbolic.algebra import X
    from backprop_symbolic.cases import Uncertain, flattened
    from backprop_symbolic.errors import BadExpression, quoted
    from backprop_symbolic.expressions import parse

    def names(name: str) -> Expr | None:
        if name in ("x", "pi"):
            return X if name == "x" else None
        raise BadExpression(f"{quoted(name)} is no name here: the variable of an activation is x")

    where = f"activation {quoted(text)}"
    parsed = parse(text, names, function_symbol, where=where)
    try:
        return flattened(parsed)
    except Uncertain:
        raise BadExpression(
            f"{where}: cases inside cases need conditions that are linear in x, such as x > 1"
        ) from None


@lru_cache(maxsize=256)
def _parsed(text: str) -> Expr:
    from backprop_symbolic.algebra import VARIABLES
    from backprop_symbolic.expressions import parse

    return parse(text, VARIABLES.get, function_symbol)


def formula(entry: Activation) -> Expr:
    """f(x), in the symbol `algebra.X`."""
    return _parsed_in_x(entry.formula) if is_formula(entry.name) else _parsed(entry.formula)


@lru_cache(maxsize=1024)
def formula_of(name: str) -> Expr:
    """f(x) of the activation called `name`."""
    return formula(activation(name))


def prime(entry: Activation) -> Expr:
    """f' as the entry states it, in the symbols `algebra.X` and `algebra.Y`."""
    return _parsed(entry.prime)


def elementary(entry: Activation) -> bool:
    """Whether f is an elementary function under its own sign: arctan(x) = arctan(x) says nothing."""
    from backprop_symbolic.algebra import X
    from backprop_symbolic.printing import FUNCTIONS

    found = formula(entry)
    signs = FUNCTIONS.get(type(found).__name__, ("", ""))
    return signs[0] == entry.latex and found.args == (X,)


def board(entry: Activation) -> list[tuple[Expr, str]]:
    """The board proof: each line with its rule."""
    from backprop_symbolic.algebra import Partial, X

    found = []
    for line in entry.board:
        parsed = _parsed(line.text)
        found.append((Partial(parsed, X) if line.pending else parsed, line.rule))
    return found
