"""Activations as data: a formula, its sign on the board, the form its derivative is used in.

Formulas are text in the language of `expressions`, parsed when first used, so that listing the
names costs nothing. A new activation is one `register` call; tests, help and documents pick it
up from the registry. None of the derivatives below is believed: `calculus` derives each one from
the formula and the verifier checks every line of that derivation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from backprop_symbolic.registry import Parameter, Registry, Values, canonical, spelling

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
class OtherProof:
    """Another proof of f', from another formula for f.

    key      its name, a message of the table [section]
    formula  f, in x
    board    the lines from d/dx of the formula on
    """

    key: str
    formula: str
    board: tuple[BoardLine, ...]


@dataclass(frozen=True)
class Activation:
    """y = f(x).

    formula     f, in x and the parameters
    prime       f' as a derivation uses it, in x, in the output y and the parameters; where empty,
                the form that elimination finds is used
    latex       the sign of f, as in `\\sigma`(x)
    sign        the same for a terminal
    board       the lines of the proof a lecturer writes, from d/dx f(x) to `prime`; where empty,
                `calculus` finds the lines
    kinks       the points x where f' may not exist, in the parameters; `prime` states the
                convention taken there, which is PyTorch's
    elementary  f is known by this very sign: arctan(x) = arctan(x) would say nothing
    parameters  the constants of the formula that a user may set
    values      those that were set: `elu(alpha=0.5)` is `elu` with values (("alpha", "0.5"),)
    torch       the same function in PyTorch, F being torch.nn.functional; "" where it has none
    others      further proofs, from other formulas for f
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
    parameters: tuple[Parameter, ...] = ()
    values: Values = ()
    torch: str = ""
    others: tuple[OtherProof, ...] = ()

    def with_values(self, values: Values) -> Activation:
        """The same function with other values of its parameters, which show in its name and sign."""
        latex = {p.name: p.latex for p in self.parameters}
        return replace(
            self,
            name=canonical(self.name, values),
            values=values,
            aliases=(),
            latex=f"{self.latex}_{{{', '.join(f'{latex[n]}={v}' for n, v in values)}}}",
            sign=f"{self.sign}[{', '.join(f'{n}={v}' for n, v in values)}]",
        )

    @property
    def base(self) -> str:
        """The name without values."""
        return self.name.partition("(")[0]


@dataclass(frozen=True)
class LayerActivation:
    """y_k = f_k(x_1, …, x_n): an activation in which every sum of a layer acts on every output.

    formula  y_k as plain text, for lists
    """

    name: str
    formula: str
    latex: str
    sign: str
    aliases: tuple[str, ...] = ()
    torch: str = ""


activations: Registry[Activation] = Registry("activation", Activation, group="backprop_symbolic.activations")
layer_activations: Registry[LayerActivation] = Registry("activation", LayerActivation)

softmax = layer_activations.register(
    LayerActivation(
        "softmax",
        "exp(x_k)/(exp(x_1) + … + exp(x_n))",
        r"\operatorname{softmax}",
        "softmax",
        torch="F.softmax(x, dim=-1)",
    )
)

sigmoid = activations.register(
    Activation(
        "sigmoid",
        "1/(1 + exp(-x))",
        "",
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
        torch="torch.sigmoid(x)",
    )
)
tanh = activations.register(
    Activation(
        "tanh",
        "(exp(x) - exp(-x))/(exp(x) + exp(-x))",
        "",
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
        others=(
            OtherProof(
                "by_hyperbolic",
                "sinh(x)/cosh(x)",
                board=(
                    BoardLine("(cosh(x)*cosh(x) - sinh(x)*sinh(x))/cosh(x)**2", "quotient"),
                    BoardLine("(cosh(x)**2 - sinh(x)**2)/cosh(x)**2", "as_power"),
                    BoardLine("1 - (sinh(x)/cosh(x))**2", "split_fraction"),
                    BoardLine("1 - tanh(x)**2", "recognise"),
                ),
            ),
        ),
        torch="torch.tanh(x)",
    )
)
relu = activations.register(
    Activation(
        "relu",
        "x if x > 0 else 0",
        "",
        r"\operatorname{ReLU}",
        "ReLU",
        kinks=("0",),
        torch="F.relu(x)",
    )
)
leaky_relu = activations.register(
    Activation(
        "leaky_relu",
        "x if x > 0 else slope*x",
        "",
        r"\operatorname{LeakyReLU}",
        "LeakyReLU",
        kinks=("0",),
        parameters=(Parameter("slope", "a", "0.01", aliases=("negative_slope", "alpha")),),
        torch="F.leaky_relu(x, slope)",
    )
)
prelu = activations.register(
    Activation(
        "prelu",
        "x if x > 0 else slope*x",
        "",
        r"\operatorname{PReLU}",
        "PReLU",
        kinks=("0",),
        parameters=(Parameter("slope", "a", "0.25", aliases=("weight", "init", "alpha")),),
        torch="F.prelu(x, torch.tensor(slope, dtype=x.dtype))",
    )
)
identity = activations.register(
    Activation("identity", "x", "", r"\operatorname{id}", "id", aliases=("linear",), torch="x")
)
binary_step = activations.register(
    Activation(
        "binary_step",
        "1 if x >= 0 else 0",
        "",
        r"\operatorname{step}",
        "step",
        kinks=("0",),
        aliases=("step", "heaviside"),
    )
)
softplus = activations.register(
    Activation(
        "softplus",
        "1/beta*log(1 + exp(beta*x))",
        "",
        r"\operatorname{softplus}",
        "softplus",
        board=(
            BoardLine("1/beta*(1/(1 + exp(beta*x)))*(beta*exp(beta*x))", "chain"),
            BoardLine("exp(beta*x)/(1 + exp(beta*x))", "one_fraction"),
            BoardLine("(1 + exp(beta*x) - 1)/(1 + exp(beta*x))", "add_and_subtract_one"),
            BoardLine("1 - 1/(1 + exp(beta*x))", "split_fraction"),
            BoardLine("1 - exp(-(beta*softplus(x)))", "recognise"),
        ),
        parameters=(Parameter("beta", r"\beta", "1", "positive"),),
        torch="F.softplus(x, beta)",
    )
)
arctan = activations.register(
    Activation(
        "arctan",
        "atan(x)",
        "1/(1 + x**2)",
        r"\arctan",
        "arctan",
        elementary=True,
        aliases=("atan",),
        torch="torch.arctan(x)",
    )
)
softsign = activations.register(
    Activation(
        "softsign",
        "x/(1 + abs(x))",
        "",
        r"\operatorname{softsign}",
        "softsign",
        torch="F.softsign(x)",
    )
)
elu = activations.register(
    Activation(
        "elu",
        "x if x > 0 else alpha*(exp(x) - 1)",
        "",
        r"\operatorname{ELU}",
        "ELU",
        kinks=("0",),
        parameters=(Parameter("alpha", r"\alpha", "1", "nonnegative"),),
        torch="F.elu(x, alpha)",
    )
)
selu = activations.register(
    Activation(
        "selu",
        "1.0507009873554805*(x if x > 0 else 1.6732632423543772*(exp(x) - 1))",
        "1.0507009873554805*(1 if x > 0 else 1.6732632423543772*exp(x))",
        r"\operatorname{SELU}",
        "SELU",
        board=(
            BoardLine(
                "1.0507009873554805*(1 if x > 0 else 1.6732632423543772*exp(x))",
                "each_case",
            ),
        ),
        kinks=("0",),
        torch="F.selu(x)",
    )
)
celu = activations.register(
    Activation(
        "celu",
        "x if x > 0 else alpha*(exp(x/alpha) - 1)",
        "",
        r"\operatorname{CELU}",
        "CELU",
        parameters=(Parameter("alpha", r"\alpha", "1", "positive"),),
        torch="F.celu(x, alpha)",
    )
)
gelu = activations.register(
    Activation(
        "gelu",
        "x/2*(1 + erf(x/sqrt(2)))",
        "1/2*(1 + erf(x/sqrt(2))) + x/sqrt(2*pi)*exp(-x**2/2)",
        r"\operatorname{GELU}",
        "GELU",
        torch="F.gelu(x)",
    )
)
gelu_tanh = activations.register(
    Activation(
        "gelu_tanh",
        "x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))",
        "1/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3))) + "
        "x/2*(1 - tanh(sqrt(2/pi)*(x + 0.044715*x**3))**2)*sqrt(2/pi)*(1 + 0.134145*x**2)",
        r"\operatorname{GELU}_{\tanh}",
        "GELU_tanh",
        aliases=("gelu_new", "gelu_approximate"),
        torch="F.gelu(x, approximate='tanh')",
    )
)
silu = activations.register(
    Activation(
        "silu",
        "x*sigmoid(x)",
        "sigmoid(x) + y*(1 - sigmoid(x))",
        r"\operatorname{SiLU}",
        "SiLU",
        board=(
            BoardLine("sigmoid(x) + x*sigmoid(x)*(1 - sigmoid(x))", "product"),
            BoardLine("sigmoid(x) + silu(x)*(1 - sigmoid(x))", "recognise"),
        ),
        aliases=("swish",),
        torch="F.silu(x)",
    )
)
mish = activations.register(
    Activation(
        "mish",
        "x*tanh(softplus(x))",
        "tanh(softplus(x)) + x*(1 - tanh(softplus(x))**2)*sigmoid(x)",
        r"\operatorname{Mish}",
        "Mish",
        torch="F.mish(x)",
    )
)
hard_sigmoid = activations.register(
    Activation(
        "hard_sigmoid",
        "0 if x <= -3 else x/6 + 1/2 if x < 3 else 1",
        "",
        r"\operatorname{HardSigmoid}",
        "HardSigmoid",
        kinks=("-3", "3"),
        torch="F.hardsigmoid(x)",
    )
)
hard_tanh = activations.register(
    Activation(
        "hard_tanh",
        "min_val if x <= min_val else x if x < max_val else max_val",
        "",
        r"\operatorname{HardTanh}",
        "HardTanh",
        kinks=("min_val", "max_val"),
        parameters=(
            Parameter("min_val", "a", "-1"),
            Parameter("max_val", "b", "1", "above_min_val"),
        ),
        torch="F.hardtanh(x, min_val, max_val)",
    )
)
hard_swish = activations.register(
    Activation(
        "hard_swish",
        "0 if x <= -3 else x*(x + 3)/6 if x < 3 else x",
        "0 if x <= -3 else (2*x + 3)/6 if x < 3 else 1",
        r"\operatorname{HardSwish}",
        "HardSwish",
        kinks=("-3", "3"),
        aliases=("hard_silu",),
        torch="F.hardswish(x)",
    )
)
log_sigmoid = activations.register(
    Activation(
        "log_sigmoid",
        "-log(1 + exp(-x))",
        "",
        r"\operatorname{LogSigmoid}",
        "LogSigmoid",
        board=(
            BoardLine("-(1/(1 + exp(-x))*(-exp(-x)))", "chain"),
            BoardLine("exp(-x)/(1 + exp(-x))", "one_fraction"),
            BoardLine("(1 + exp(-x) - 1)/(1 + exp(-x))", "add_and_subtract_one"),
            BoardLine("1 - 1/(1 + exp(-x))", "split_fraction"),
            BoardLine("1 - exp(log_sigmoid(x))", "recognise"),
        ),
        torch="F.logsigmoid(x)",
    )
)
tanhshrink = activations.register(
    Activation(
        "tanhshrink",
        "x - tanh(x)",
        "tanh(x)**2",
        r"\operatorname{Tanhshrink}",
        "Tanhshrink",
        board=(
            BoardLine("1 - (1 - tanh(x)**2)", "sum"),
            BoardLine("tanh(x)**2", "collect"),
        ),
        torch="F.tanhshrink(x)",
    )
)
softshrink = activations.register(
    Activation(
        "softshrink",
        "x - lambda_ if x > lambda_ else x + lambda_ if x < -lambda_ else 0",
        "",
        r"\operatorname{Softshrink}",
        "Softshrink",
        kinks=("-lambda_", "lambda_"),
        parameters=(Parameter("lambda_", r"\lambda", "0.5", "nonnegative", ("lambda", "lambd")),),
        torch="F.softshrink(x, lambda_)",
    )
)
hardshrink = activations.register(
    Activation(
        "hardshrink",
        "x if x > lambda_ else x if x < -lambda_ else 0",
        "",
        r"\operatorname{Hardshrink}",
        "Hardshrink",
        kinks=("-lambda_", "lambda_"),
        parameters=(Parameter("lambda_", r"\lambda", "0.5", "nonnegative", ("lambda", "lambd")),),
        torch="F.hardshrink(x, lambda_)",
    )
)
threshold = activations.register(
    Activation(
        "threshold",
        "x if x > threshold else value",
        "",
        r"\operatorname{Threshold}",
        "Threshold",
        kinks=("threshold",),
        parameters=(Parameter("threshold", r"\theta", "1"), Parameter("value", "v", "0")),
        torch="F.threshold(x, threshold, value)",
    )
)
relu6 = activations.register(
    Activation(
        "relu6",
        "0 if x <= 0 else x if x < 6 else 6",
        "",
        r"\operatorname{ReLU6}",
        "ReLU6",
        kinks=("0", "6"),
        torch="F.relu6(x)",
    )
)
gaussian = activations.register(
    Activation(
        "gaussian",
        "exp(-x**2)",
        "",
        r"\operatorname{Gauss}",
        "Gauss",
    )
)


def activation(name: str) -> Activation:
    """The activation called `name`, or made from it where it is a formula in x.

    Raises as `Registry.get`, or BadExpression for a formula that is none.
    """
    if is_formula(name):
        return of_formula(name)
    return activations.get(name)


def layer_function(name: str) -> Activation | LayerActivation:
    """What a layer may have: an activation of one variable, or of the whole layer such as softmax."""
    found = layer_activations.find(name)
    return found if found is not None else activation(name)


def function_symbol(name: str) -> Symbol | None:
    """The symbol of the registered activation `name` in Call and Prime, or None; what a parser asks."""
    from sympy import Symbol

    entry = activations.find(name)
    return None if entry is None else Symbol(entry.name)


function_symbol.known = activations.names  # type: ignore[attr-defined]


# ---------------------------------------------------------------- formulas typed by a user

#: A function that a network names itself, where it has several: `f_2: x**2`.
_NUMBERED = re.compile(r"(f_\d+): *(.+)", re.DOTALL)


#: What a name looks like: `leaky-relu`, or with values in parentheses.
_NAME = re.compile(r"\s*[^\W\d][\w\s-]*(\([^()]*\))?\s*")


def is_formula(name: str) -> bool:
    """Whether `name` is a formula in x and no name: x stands in it, or it looks like no name."""
    if re.match(r"\s*\w+\s*\(\s*\w+\s*=(?!=)", name):
        return False  # elu(alpha=0.5)
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


@lru_cache(maxsize=256)
def _parsed_in_x(text: str) -> Expr:
    """A user's formula: x is its only name; cases inside cases are one list of cases."""
    from backprop_symbolic.algebra import X
    from backprop_symbolic.cases import Uncertain, conditions, flattened, refuse_towers
    from backprop_symbolic.errors import BadExpression, NotDifferentiable, quoted
    from backprop_symbolic.expressions import parse

    def names(name: str) -> Expr | None:
        if name in ("x", "pi"):
            return X if name == "x" else None
        raise BadExpression(f"{quoted(name)} is no name here: the variable of an activation is x")

    where = f"activation {quoted(text)}"
    parsed = parse(text, names, function_symbol, where=where)
    try:
        refuse_towers(parsed, X)
        conditions(parsed)  # a logarithm of -1 is refused here
        return flattened(parsed)
    except NotDifferentiable as error:
        raise NotDifferentiable(f"{where}: {error}") from None
    except Uncertain:
        raise BadExpression(
            f"{where}: cases inside cases need conditions that are linear in x, such as x > 1"
        ) from None


@lru_cache(maxsize=1024)
def _parsed(text: str, about: str, parameters: tuple[Parameter, ...], values: Values | None) -> Expr:
    """`text` as an expression; the parameters with their values, or as symbols where `values` is None."""
    from sympy import Symbol

    from backprop_symbolic.algebra import VARIABLES, settled
    from backprop_symbolic.expressions import parse, typed_number

    names: dict[str, Expr] = {p.name: Symbol(p.name) for p in parameters}
    if values is not None:
        given = dict(values)
        names = {p.name: typed_number(given.get(p.name, p.default)) for p in parameters}
    parsed = parse(text, {**VARIABLES, **names}.get, function_symbol, where=f"activation '{about}'")
    return settled(parsed) if parameters and values is not None else parsed


def formula(entry: Activation) -> Expr:
    """f(x), in the symbol `algebra.X`, with the values of its parameters."""
    if is_formula(entry.name):
        return _parsed_in_x(entry.formula)
    return _parsed(entry.formula, entry.name, entry.parameters, entry.values)


def general(entry: Activation) -> Expr:
    """f(x) with its parameters as symbols: max(0, x) + a·min(0, x), not 0.01."""
    return _parsed(entry.formula, entry.name, entry.parameters, None)


def in_parameter(entry: Activation, parameter: Parameter) -> tuple[Expr, Symbol]:
    """f with one of its parameters as a letter, the others with their values; and the letter."""
    from sympy import Symbol

    from backprop_symbolic.algebra import replace as exchange
    from backprop_symbolic.algebra import settled

    letter = Symbol(parameter.latex.strip("\\"))
    values = parameter_values(entry) | {Symbol(parameter.name): cast("Expr", letter)}
    return settled(exchange(general(entry), values)), letter


@lru_cache(maxsize=1024)
def formula_of(name: str) -> Expr:
    """f(x) of the activation called `name`."""
    return formula(activation(name))


def prime(entry: Activation) -> Expr:
    """f' as the entry states it, in the symbols `algebra.X` and `algebra.Y`."""
    return _parsed(entry.prime, entry.name, entry.parameters, entry.values)


def board(entry: Activation) -> list[tuple[Expr, str]]:
    """The board proof: each line with its rule."""
    from sympy import Symbol

    from backprop_symbolic.algebra import Call, Partial, X, mapped

    def own(node: Expr) -> Expr | None:
        """A line that speaks of softplus(x) means the function at hand, whatever its values."""
        if isinstance(node, Call) and node.name == entry.base:
            return Call(Symbol(entry.name), cast("Expr", node.args[1]))
        return None

    found = []
    for line in entry.board:
        parsed = _parsed(line.text, entry.name, entry.parameters, entry.values)
        if entry.values:
            parsed = mapped(parsed, own)
        found.append((Partial(parsed, X) if line.pending else parsed, line.rule))
    return found


def other_formula(entry: Activation, number: int) -> Expr:
    """The formula for f that another proof starts from."""
    return _parsed(entry.others[number].formula, entry.name, entry.parameters, entry.values)


def other_board(entry: Activation, number: int) -> list[tuple[Expr, str]]:
    """The lines of another proof, each with its rule."""
    lines = entry.others[number].board
    return [(_parsed(b.text, entry.name, entry.parameters, entry.values), b.rule) for b in lines]


def parameter_values(entry: Activation) -> dict[Expr, Expr]:
    """Each parameter's letter with the value it has here."""
    from sympy import Symbol

    from backprop_symbolic.expressions import typed_number

    given = dict(entry.values)
    return {Symbol(p.name): typed_number(given.get(p.name, p.default)) for p in entry.parameters}


def kinks(entry: Activation, form: Expr) -> list[tuple[Expr, Expr]]:
    """The points x where f' = `form` does not exist, each with the value taken there by convention.

    A point where both sides agree for the values at hand is none: ELU has a kink at 0 unless α = 1.
    """
    from backprop_symbolic.algebra import X, Y, at_point, case_at, plain, replace, settled

    f = formula(entry)
    found = []
    for text in dict.fromkeys(entry.kinks):
        shown = _parsed(text, entry.name, entry.parameters, entry.values)
        point = plain(shown)
        values = {at_point(f, X, point, side) for side in (-1, 0, 1)}
        slopes = {at_point(replace(form, {Y: f}), X, point, side) for side in (-1, 0, 1)}
        if len(values) > 1 or len(slopes) > 1:
            here: dict[Expr, Expr] = {X: point, Y: at_point(f, X, point)}
            found.append((shown, settled(replace(case_at(form, X, point), here))))
    return found


__all__ = [
    "Activation", "BoardLine", "LayerActivation", "Parameter", "activation", "activations", "board",
    "formula", "formula_of", "function_symbol", "general", "kinks", "layer_activations",
    "layer_function", "prime", "spelling",
]  # fmt: skip
