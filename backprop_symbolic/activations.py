"""Activations as data: a formula, its sign on the board, the form its derivative is used in.

Formulas are text in the language of `expressions`, parsed when first used, so that listing the
names costs nothing. A new activation is one `register` call; tests, help and documents pick it
up from the registry. None of the derivatives below is believed: `calculus` derives each one from
the formula and the verifier checks every line of that derivation.
"""

from __future__ import annotations

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
    prime    f' as a derivation uses it, in x and in the output y
    latex    the sign of f, as in `\\sigma`(x)
    sign     the same for a terminal
    board    the lines of the proof a lecturer writes, from d/dx f(x) to `prime`; where empty,
             `calculus` finds the lines
    kinks    the points x where f' does not exist; `prime` states the convention taken there
    elementary  f is known by this very sign: arctan(x) = arctan(x) would say nothing
    """

    name: str
    formula: str
    prime: str
    latex: str
    sign: str
    board: tuple[BoardLine, ...] = ()
    kinks: tuple[str, ...] = ()
    elementary: bool = False
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
    Activation("arctan", "atan(x)", "1/(1 + x**2)", r"\arctan", "arctan", elementary=True, aliases=("atan",))
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
    """The activation called `name` or one of its aliases. Raises UnknownName with the nearest."""
    for entry in activations:
        if spelling(name) in map(spelling, entry.aliases):
            return entry
    return activations.get(name)


def function_symbol(name: str) -> Symbol | None:
    """The SymPy symbol that stands for the activation `name` in Call and Prime, or None."""
    from sympy import Symbol

    for entry in activations:
        if spelling(name) in map(spelling, (entry.name, *entry.aliases)):
            return Symbol(entry.name)
    return None


function_symbol.known = activations.names  # type: ignore[attr-defined]


@lru_cache(maxsize=256)
def _parsed(text: str) -> Expr:
    from backprop_symbolic.algebra import VARIABLES
    from backprop_symbolic.expressions import parse

    return parse(text, VARIABLES.get, function_symbol)


def formula(entry: Activation) -> Expr:
    """f(x), in the symbol `algebra.X`."""
    return _parsed(entry.formula)


@lru_cache(maxsize=1024)
def formula_of(name: str) -> Expr:
    """f(x) of the activation called `name`."""
    return formula(activations.get(name))


def prime(entry: Activation) -> Expr:
    """f' in the symbols `algebra.X` and `algebra.Y`, as a derivation uses it."""
    return _parsed(entry.prime)


def board(entry: Activation) -> list[tuple[Expr, str]]:
    """The board proof: each line with its rule."""
    from backprop_symbolic.algebra import Partial, X

    found = []
    for line in entry.board:
        parsed = _parsed(line.text)
        found.append((Partial(parsed, X) if line.pending else parsed, line.rule))
    return found
