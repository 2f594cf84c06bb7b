"""Optimisers as data: the rule that moves a parameter w against its derivative g = ∂E/∂w.

A rule is formulas as text in the language of `expressions`. From them come the program that
updates numbers, the one that updates NumPy arrays in place, and the page that derives the rule
(`descent`). A new optimiser is one `register` call.

    w, g   the parameter and its derivative            t   number of the update, from 1
    eta    the learning rate                           and the optimiser's own states and numbers
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backprop_symbolic.errors import BadSetting, Unverified, quoted, unknown
from backprop_symbolic.registry import Registry

if TYPE_CHECKING:
    from sympy import Expr, Symbol


@dataclass(frozen=True)
class Hyperparameter:
    """A number that an optimiser needs besides the learning rate: low ≤ default < high."""

    name: str
    default: float
    latex: str
    low: float = 0.0
    high: float = 1.0

    def check(self, value: float) -> float:
        """`value`, where it lies in the range. Raises BadSetting."""
        if not self.low <= value < self.high:
            bound = f"at least {self.low:g}" + ("" if math.isinf(self.high) else f" and below {self.high:g}")
            raise BadSetting(f"--{self.name} {value:g}: it must be {bound}")
        return value


@dataclass(frozen=True)
class Claim:
    """left = right[0] = right[1] = …, for every number t of an update; `key` leads to its words.

    v(t) is the state v after update t, w(t) the parameter before it, and sum(u) is Σ u for
    i = 1 … t; sum_next goes up to t + 1.
    """

    key: str
    left: str
    right: tuple[str, ...]


@dataclass(frozen=True)
class Recurrence:
    """name(first) = start, and name(t) = formula from then on: what a claim speaks of besides."""

    name: str
    latex: str
    first: int
    start: str
    formula: str


@dataclass(frozen=True)
class Optimizer:
    """States, which begin at 0, and the lines that one update runs through.

    states     one number for each parameter, kept from update to update
    rule       (name, formula) in order: a state, a name of its own, and at the end w
    settings   the numbers it needs; values left out are their defaults
    latex      how its states and own names are written, where not by their letter
    claims     what follows from the rule; each is verified before it is shown
    sequences  what the claims speak of besides
    """

    name: str
    rule: tuple[tuple[str, str], ...]
    states: tuple[str, ...] = ()
    settings: tuple[Hyperparameter, ...] = ()
    latex: Mapping[str, str] = field(default_factory=dict, hash=False)
    claims: tuple[Claim, ...] = ()
    sequences: tuple[Recurrence, ...] = ()

    def values(self, given: Mapping[str, float]) -> dict[str, float]:
        """Every setting with its value. Raises UnknownName, or BadSetting for one out of range."""
        known = [s.name for s in self.settings]
        for name in given:
            if name not in known:
                raise unknown("setting", name, known or ["(none)"], f"of the optimizer {self.name}")
        return {s.name: s.check(given.get(s.name, s.default)) for s in self.settings}


optimizers: Registry[Optimizer] = Registry("optimizer")

_MOMENTUM = Hyperparameter("momentum", 0.9, r"\mu")
_EPSILON = Hyperparameter("epsilon", 1e-8, r"\varepsilon", high=math.inf)

_SUM_OF_V = (
    Claim(
        "optimizer_unrolled",
        "v(t)",
        (
            "momentum*v(t-1) + g(t)",
            "momentum*(momentum*v(t-2) + g(t-1)) + g(t)",
            "momentum**2*v(t-2) + momentum*g(t-1) + g(t)",
        ),
    ),
    Claim("optimizer_series", "v(t)", ("sum(momentum**(t-i)*g(i))",)),
    Claim(
        "optimizer_induction",
        "v(t+1)",
        (
            "momentum*v(t) + g(t+1)",
            "momentum*sum(momentum**(t-i)*g(i)) + g(t+1)",
            "sum_next(momentum**(t+1-i)*g(i))",
        ),
    ),
)
_CONSTANT = Recurrence("V", r"\bar{v}", 0, "0", "momentum*V(t-1) + G")

optimizers.register(
    Optimizer(
        "sgd", (("w", "w - eta*g"),), claims=(Claim("optimizer_all", "w(t+1)", ("w(1) - eta*sum(g(i))",)),)
    )
)
optimizers.register(
    Optimizer(
        "momentum",
        (("v", "momentum*v + g"), ("w", "w - eta*v")),
        ("v",),
        (_MOMENTUM,),
        claims=(
            *_SUM_OF_V,
            Claim("optimizer_weight", "w(t+1)", ("w(t) - eta*v(t)", "w(t) - eta*sum(momentum**(t-i)*g(i))")),
            Claim(
                "optimizer_constant",
                "V(t)",
                ("sum(momentum**(t-i)*G)", "(1 - momentum**t)/(1 - momentum)*G"),
            ),
        ),
        sequences=(_CONSTANT,),
    )
)
optimizers.register(
    Optimizer(
        "nesterov",
        (("v", "momentum*v + g"), ("w", "w - eta*(g + momentum*v)")),
        ("v",),
        (_MOMENTUM,),
        claims=(
            *_SUM_OF_V,
            Claim("optimizer_ahead_step", "u(t)", ("momentum*u(t-1) - eta*g(t)",)),
            Claim("optimizer_ahead_move", "p(t+1)", ("p(t) + u(t)",)),
            Claim("optimizer_ahead_point", "w(t)", ("p(t) + momentum*u(t-1)",)),
            Claim("optimizer_ahead_same", "u(t)", ("-eta*v(t)",)),
            Claim(
                "optimizer_ahead_end",
                "w(t+1)",
                (
                    "p(t+1) + momentum*u(t)",
                    "p(t) + u(t) + momentum*u(t)",
                    "w(t) - momentum*u(t-1) + u(t) + momentum*u(t)",
                    "w(t) - eta*g(t) + momentum*u(t)",
                    "w(t) - eta*(g(t) + momentum*v(t))",
                ),
            ),
        ),
        sequences=(
            Recurrence("u", "u", 0, "0", "momentum*u(t-1) - eta*g(t)"),
            Recurrence("p", r"\theta", 1, "w(1)", "p(t-1) + u(t-1)"),
        ),
    )
)
optimizers.register(
    Optimizer(
        "adagrad",
        (("s", "s + g**2"), ("w", "w - eta*(g/(sqrt(s) + epsilon))")),
        ("s",),
        (Hyperparameter("epsilon", 1e-10, r"\varepsilon", high=math.inf),),
        claims=(
            Claim("optimizer_series", "s(t)", ("sum(g(i)**2)",)),
            Claim(
                "optimizer_induction",
                "s(t+1)",
                ("s(t) + g(t+1)**2", "g(t+1)**2 + sum(g(i)**2)", "sum_next(g(i)**2)"),
            ),
            Claim(
                "optimizer_weight",
                "w(t+1)",
                (
                    "w(t) - eta*(g(t)/(sqrt(s(t)) + epsilon))",
                    "w(t) - eta*(g(t)/(sqrt(sum(g(i)**2)) + epsilon))",
                ),
            ),
        ),
    )
)
optimizers.register(
    Optimizer(
        "rmsprop",
        (("s", "alpha*s + (1 - alpha)*g**2"), ("w", "w - eta*(g/(sqrt(s) + epsilon))")),
        ("s",),
        (Hyperparameter("alpha", 0.99, r"\alpha"), _EPSILON),
        claims=(
            Claim("optimizer_series", "s(t)", ("sum((1 - alpha)*alpha**(t-i)*g(i)**2)",)),
            Claim(
                "optimizer_induction",
                "s(t+1)",
                (
                    "alpha*s(t) + (1 - alpha)*g(t+1)**2",
                    "alpha*sum((1 - alpha)*alpha**(t-i)*g(i)**2) + (1 - alpha)*g(t+1)**2",
                    "sum_next((1 - alpha)*alpha**(t+1-i)*g(i)**2)",
                ),
            ),
            Claim("optimizer_weights", "sum((1 - alpha)*alpha**(t-i))", ("1 - alpha**t",)),
        ),
    )
)
optimizers.register(
    Optimizer(
        "adam",
        (
            ("m", "beta1*m + (1 - beta1)*g"),
            ("s", "beta2*s + (1 - beta2)*g**2"),
            ("mhat", "m/(1 - beta1**t)"),
            ("shat", "s/(1 - beta2**t)"),
            ("w", "w - eta*(mhat/(sqrt(shat) + epsilon))"),
        ),
        ("m", "s"),
        (Hyperparameter("beta1", 0.9, r"\beta_1"), Hyperparameter("beta2", 0.999, r"\beta_2"), _EPSILON),
        {"mhat": r"\hat{m}", "shat": r"\hat{s}"},
        (
            Claim("optimizer_series", "m(t)", ("sum((1 - beta1)*beta1**(t-i)*g(i))",)),
            Claim(
                "optimizer_induction",
                "m(t+1)",
                (
                    "beta1*m(t) + (1 - beta1)*g(t+1)",
                    "beta1*sum((1 - beta1)*beta1**(t-i)*g(i)) + (1 - beta1)*g(t+1)",
                    "sum_next((1 - beta1)*beta1**(t+1-i)*g(i))",
                ),
            ),
            Claim("optimizer_series", "s(t)", ("sum((1 - beta2)*beta2**(t-i)*g(i)**2)",)),
            Claim(
                "optimizer_bias",
                "M(t)",
                (
                    "sum((1 - beta1)*beta1**(t-i)*G)",
                    "(1 - beta1)*G*sum(beta1**(t-i))",
                    "(1 - beta1)*G*((1 - beta1**t)/(1 - beta1))",
                    "(1 - beta1**t)*G",
                ),
            ),
            Claim("optimizer_corrected", "M(t)/(1 - beta1**t)", ("G",)),
            Claim("optimizer_bias_square", "S(t)", ("(1 - beta2**t)*Q",)),
            Claim("optimizer_corrected", "S(t)/(1 - beta2**t)", ("Q",)),
        ),
        (
            Recurrence("M", r"\bar{m}", 0, "0", "beta1*M(t-1) + (1 - beta1)*G"),
            Recurrence("S", r"\bar{s}", 0, "0", "beta2*S(t-1) + (1 - beta2)*Q"),
        ),
    )
)


# ---------------------------------------------------------------- the rule as expressions


def names(optimizer: Optimizer) -> dict[str, Symbol]:
    """Every name that the rule may use."""
    from sympy import Symbol

    typed = ["w", "g", "eta", "t", *optimizer.states, *(s.name for s in optimizer.settings)]
    return {name: Symbol(name) for name in [*typed, *(name for name, _ in optimizer.rule)]}


def lines(optimizer: Optimizer) -> tuple[tuple[Symbol, Expr], ...]:
    """The rule, parsed. Raises BadExpression or UnknownName for a formula that is none."""
    from backprop_symbolic.expressions import parse

    known = names(optimizer)
    return tuple(
        (known[name], parse(text, known.get, known=lambda: list(known), where=f"rule of {optimizer.name}"))
        for name, text in optimizer.rule
    )


def whole(optimizer: Optimizer) -> list[tuple[Symbol, Expr]]:
    """The lines of the states and of w, with the names in between put in."""
    from backprop_symbolic.algebra import replace

    kept, between = {"w", *optimizer.states}, dict[Any, Any]()
    found = []
    for name, expr in lines(optimizer):
        inserted = replace(expr, between)
        if name.name in kept:
            found.append((name, inserted))
        else:
            between[name] = inserted
    return found


def common(optimizer: Optimizer) -> tuple[list[tuple[Symbol, Expr]], list[tuple[Symbol, Expr]]]:
    """(what is the same for all parameters, once for each update; the lines with its names put in).

    1 - β^t is such a number: it holds neither w, g nor a state.
    """
    from sympy import Symbol

    from backprop_symbolic.algebra import mapped, symbols

    own = {Symbol(name) for name in ("w", "g", *optimizer.states)}
    found: dict[Expr, Symbol] = {}

    def hoist(node: Expr) -> Expr | None:
        if not node.args or not symbols(node) or not own.isdisjoint(symbols(node)):
            return None
        return found.setdefault(node, Symbol(f"c{len(found) + 1}"))

    rest = [(name, mapped(expr, hoist)) for name, expr in whole(optimizer)]
    return [(name, expr) for expr, name in found.items()], rest


# ---------------------------------------------------------------- the programs


def scalar_source(optimizer: Optimizer) -> str:
    """`update` for numbers: new parameters and states, one after the other, with `math` alone."""
    from backprop_symbolic.numeric.printer import Printer
    from backprop_symbolic.numeric.source import tuple_text

    shared, rest = common(optimizer)
    write = Printer(_variables(optimizer, shared))
    states, kept = optimizer.states, ("w", *optimizer.states)
    looped = f"for {', '.join(('w', 'g', *states))} in zip(parameters, gradients"
    body = [
        *(f"{name} = {write(expr)}" for name, expr in shared),
        f"{', '.join(f'new_{name}' for name in kept)} = {', '.join('[]' for _ in kept)}",
        f"{looped}{', *states' if states else ''}):",
        *(f"    {name} = {write(expr)}" for name, expr in rest),
        *(f"    new_{name}.append({name})" for name in kept),
        f"return tuple(new_w), {tuple_text(f'tuple(new_{name})' for name in states)}",
    ]
    head = "from math import sqrt" if any("sqrt(" in line for line in body) else ""
    return _module(optimizer, head, "", body)


def array_source(optimizer: Optimizer) -> str:
    """`update` for NumPy arrays, in place; what is needed in between goes into the buffers of `work`."""
    from backprop_symbolic.numeric.inplace import Emitter
    from backprop_symbolic.numeric.printer import Printer

    shared, rest = common(optimizer)
    variables = _variables(optimizer, shared)
    emitter = Emitter(variables)
    for name, expr in rest:
        emitter.into(variables[name], expr)
    scratch = [f"S{i}" for i in range(1, emitter.scratch + 1)]
    write = Printer(variables)
    states = optimizer.states
    buffers = [f"    {s} = work[{i}][: w.size].reshape(w.shape)" for i, s in enumerate(scratch)]
    body = [
        *(f"{name} = {write(expr)}" for name, expr in shared),
        f"for {', '.join(('w', 'g', *states))} in zip(parameters, gradients{', *states' if states else ''}):",
        *buffers,
        *(f"    {line}" for line in emitter.lines),
        "return parameters, states",
    ]
    return _module(optimizer, "import numpy as np", ", work", body) + f"\n\nBUFFERS = {len(scratch)}\n"


def _variables(optimizer: Optimizer, shared: Sequence[tuple[Symbol, Expr]]) -> dict[Symbol, str]:
    return {s: s.name for s in [*names(optimizer).values(), *(name for name, _ in shared)]}


def _module(optimizer: Optimizer, head: str, extra: str, body: Sequence[str]) -> str:
    arguments = ", ".join(["t", "eta", *(s.name for s in optimizer.settings)])
    return "\n".join(
        [
            *([head, "", ""] if head else []),
            f"def update(parameters, gradients, states, {arguments}{extra}):",
            f'    """One update by {optimizer.name}."""',
            *(f"    {line}" for line in body),
        ]
    )


@dataclass(frozen=True)
class Updating:
    """An optimiser that runs: `Updating(parameters, gradients, states, t, eta)` → new ones.

    The array form changes its arrays in place. `buffers` is how many scratch arrays it needs, each
    as long as the largest parameter.
    """

    optimizer: Optimizer
    source: str
    settings: tuple[float, ...]
    function: Callable[..., tuple[Any, Any]] = field(repr=False, compare=False)
    buffers: int = 0

    def __call__(
        self, parameters: Any, gradients: Any, states: Any, t: int, eta: float, work: Any = None
    ) -> tuple[Any, Any]:
        extra = () if work is None else (work,)
        return self.function(parameters, gradients, states, t, eta, *self.settings, *extra)


def compile_scalar(optimizer: Optimizer, settings: Mapping[str, float]) -> Updating:
    """The update of numbers, compared with the rule's own values. Raises BadSetting, Unverified."""
    from backprop_symbolic.numeric.compile import load

    values = tuple(optimizer.values(settings).values())
    source = scalar_source(optimizer)
    made = Updating(optimizer, source, values, load(source)["update"])
    _compare(optimizer, values, lambda w, g, states, t, eta: made((w,), (g,), [(s,) for s in states], t, eta))
    return made


def compile_arrays(optimizer: Optimizer, settings: Mapping[str, float]) -> Updating:
    """The update of arrays in place, compared with the rule's own values."""
    import numpy as np

    from backprop_symbolic.numeric.compile import load

    values = tuple(optimizer.values(settings).values())
    source = array_source(optimizer)
    scope = load(source)
    made = Updating(optimizer, source, values, scope["update"], scope["BUFFERS"])

    def one(w: float, g: float, states: Sequence[float], t: int, eta: float) -> tuple[Any, Any]:
        work = [np.empty(1) for _ in range(made.buffers)]
        return made([np.array(w)], [np.array(g)], [[np.array(s)] for s in states], t, eta, work)

    _compare(optimizer, values, one)
    return made


def _compare(optimizer: Optimizer, settings: Sequence[float], one: Callable[..., tuple[Any, Any]]) -> None:
    """Compares a program with the rule as `evaluate` values it, line by line. Raises Unverified."""
    from backprop_symbolic.evaluate import Evaluator, Numbers
    from backprop_symbolic.graph import Graph

    known = names(optimizer)
    source = random.Random(20230119)
    graph = Graph({}, known["w"], known["eta"], {})
    for t in (1, 2, 7):
        w, g, eta = source.uniform(-1, 1), source.uniform(-1, 1), source.uniform(0.01, 0.5)
        states = [source.uniform(0.1, 1) for _ in optimizer.states]
        point = dict(zip([s.name for s in optimizer.settings], settings, strict=True))
        point |= {"w": w, "g": g, "eta": eta, "t": t, **dict(zip(optimizer.states, states, strict=True))}
        leaves = {known[name]: complex(value) for name, value in point.items()}
        for name, expr in lines(optimizer):
            leaves[name] = Evaluator(graph, {}, Numbers(), leaves.__getitem__).value(expr)
        (new, *_), kept = one(w, g, states, t, eta)
        wanted = [leaves[known[name]].real for name in ("w", *optimizer.states)]
        for found, value in zip([new, *(s[0] for s in kept)], wanted, strict=True):
            if abs(float(found) - value) > 1e-12 * max(1.0, abs(value)):
                raise Unverified(f"the program of {optimizer.name} gives {float(found)}, its rule {value}")


def check_rate(rate: float) -> float:
    """A learning rate: positive and finite. Raises BadSetting."""
    if not (math.isfinite(rate) and rate > 0):
        raise BadSetting(f"learning rate {quoted(rate)}: it must be a positive number")
    return rate
