"""Every derived gradient and update against references that know nothing of the derivation.

    central  (E(w+h) - E(w-h))/2h, h halved and extrapolated to 0 (Richardson)
    complex  Im E(w + ih)/h with h = 1e-30
    torch    PyTorch's autograd over the graph's definitions
    jax      the same of JAX

At a kink the two one-sided derivatives are given instead of the central difference.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from sympy import Rational, Symbol

from backprop_symbolic.errors import NotInstalled, unknown
from backprop_symbolic.evaluate import Evaluator, Numbers, Undecidable
from backprop_symbolic.graph import Graph
from backprop_symbolic.numeric.steps import Steps

REFERENCES = ("central", "complex", "torch", "jax")
STEP = 1e-30  # of the complex step: the second order vanishes
TOLERANCE = 1e-9  # relative, for references that are exact up to rounding
CENTRAL = 1e-6  # relative, for central differences
HALVINGS = 8
SMALL = 1e-6
AT_KINK = 1e-9  # a kink this near is taken as met


@dataclass(frozen=True)
class Line:
    """One gradient or update and what the references say of it.

    difference  the largest relative difference from a reference; what is smaller than SMALL times the
                largest gradient is compared with that
    sides       the derivatives from the left and from the right, where they differ
    """

    parameter: Symbol
    kind: str  # gradient or update
    derived: float
    references: Mapping[str, float]
    difference: float
    verdict: str  # agrees, kink or differs
    sides: tuple[float, float] | None = None


def available() -> list[str]:
    """The references that are installed."""
    return [name for name in REFERENCES if name not in ("torch", "jax") or find_spec(name)]


def check(
    steps: Steps, references: Sequence[str] = (), parameters: Sequence[Symbol] | None = None
) -> list[Line]:
    """∂E/∂w and w(t+1) of every parameter, or of `parameters`, with the references named, or with all
    that are installed.

    Raises UnknownName for a reference that does not exist, NotInstalled for one not installed.
    """
    names = list(dict.fromkeys(references)) or available()
    for name in names:
        if name not in REFERENCES:
            raise unknown("reference", name, REFERENCES)
        if name not in available():
            raise NotInstalled(f"the reference {name} needs {name}: pip install {name}")
    graph = steps.graph
    point = {s: steps.values.numbers.get(s, 0.0) for s in graph.quantities if graph[s].definition is None}
    whole: dict[str, Mapping[Symbol, float]] = {}
    if "torch" in names:
        whole["torch"] = by_torch(graph, point)
    if "jax" in names:
        whole["jax"] = by_jax(graph, point)
    lines: list[Line] = []
    for w in graph.parameters if parameters is None else parameters:
        lines.extend(_lines(steps, w, point, names, whole))
    return [*(x for x in lines if x.kind == "gradient"), *(x for x in lines if x.kind == "update")]


def _lines(
    steps: Steps,
    w: Symbol,
    point: Mapping[Symbol, float],
    names: Sequence[str],
    whole: Mapping[str, Mapping[Symbol, float]],
) -> list[Line]:
    graph, derived = steps.graph, steps.gradients[w]
    left, right = one_sided(graph, point, w, -AT_KINK), one_sided(graph, point, w, AT_KINK)
    kink = abs(right - left) > TOLERANCE * max(abs(left), abs(right)) + 1e-15
    found: dict[str, float] = {}
    allowed: dict[str, float] = {}
    for name in names:
        allowed[name] = TOLERANCE * abs(derived) + 1e-15
        if name == "complex":
            found[name] = by_complex_step(graph, point, w)
        elif name == "central":
            if kink:
                continue
            found[name], doubt = by_central_difference(graph, point, w)
            allowed[name] = (
                CENTRAL * abs(derived) + 10 * doubt + 1e-12 * max(1.0, abs(steps.known[graph.error]))
            )
        else:
            found[name] = whole[name][w]
    agrees = all(abs(found[n] - derived) <= allowed[n] for n in found)
    verdict = ("kink" if kink else "agrees") if agrees else "differs"
    sides = (left, right) if kink else None
    least = SMALL * max(abs(g) for g in steps.gradients.values())
    lines = [Line(w, "gradient", derived, found, _difference(derived, found, least), verdict, sides)]
    rate = steps.rate
    if rate is not None:
        new = steps.update(w, derived)
        after = {n: steps.known[w] - rate * g for n, g in found.items()}
        fits = all(
            abs(after[n] - new) <= rate * allowed[n] + TOLERANCE * max(abs(new), abs(steps.known[w]))
            for n in after
        )
        lines.append(
            Line(w, "update", new, after, _difference(new, after, 0.0), verdict if fits else "differs", None)
        )
    return lines


def _difference(derived: float, found: Mapping[str, float], least: float) -> float:
    scale = max(abs(derived), least) or 1.0
    return max((abs(r - derived) / scale for r in found.values()), default=0.0)


# ---------------------------------------------------------------- differences


def _real(graph: Graph, point: Mapping[Symbol, float], w: Symbol, shift: float) -> Evaluator:
    leaves = {**point, w: point[w] + shift}
    return Evaluator(graph, {}, Numbers(), lambda s: complex(leaves[s]))


def by_complex_step(
    graph: Graph, point: Mapping[Symbol, float], w: Symbol, judge: Evaluator | None = None
) -> float:
    """∂E/∂w = Im E(w + ih)/h; branches are decided at the point itself, or by `judge`."""
    leaves = {s: complex(n) for s, n in point.items()}
    leaves[w] += complex(0, STEP)
    real = judge or _real(graph, point, w, 0.0)
    error = Evaluator(graph, {}, Numbers(), leaves.__getitem__, real).value(graph.error)
    return float(error.imag / STEP)


def one_sided(graph: Graph, point: Mapping[Symbol, float], w: Symbol, shift: float) -> float:
    """The derivative at the point with the branches that hold at w + shift."""
    return by_complex_step(graph, point, w, _real(graph, point, w, shift * max(1.0, abs(point[w]))))


def by_central_difference(graph: Graph, point: Mapping[Symbol, float], w: Symbol) -> tuple[float, float]:
    """∂E/∂w by central differences extrapolated to h = 0, and how far off it may be.

    The first h is so small that no branch changes on the way and every quantity has a value.
    """
    base = _real(graph, point, w, 0.0)
    base.value(graph.error)

    def slope(h: float) -> float | None:
        ends = []
        for shift in (h, -h):
            end = _real(graph, point, w, shift)
            try:
                ends.append(end.value(graph.error).real)
            except (Undecidable, ArithmeticError, ValueError):
                return None
            if end.branches != base.branches:
                return None
        return float(ends[0] - ends[1]) / (2 * h)

    h = 0.1 * max(1.0, abs(point[w]))
    while (first := slope(h)) is None and h > 1e-7:
        h /= 4
    if first is None:
        return math.nan, math.inf
    row, best, doubt = [first], first, math.inf
    for _ in range(HALVINGS):
        h /= 2
        found = slope(h)
        if found is None:
            break
        new = [found]
        for k, before in enumerate(row, 1):
            new.append(new[-1] + (new[-1] - before) / (4**k - 1))
            off = max(abs(new[-1] - new[-2]), abs(new[-1] - before))
            if off < doubt:
                best, doubt = new[-1], off
        if abs(new[-1] - row[-1]) > 2 * doubt and doubt > 0:
            break  # rounding has taken over
        row = new
    return best, doubt


# ---------------------------------------------------------------- autograd of others


class Tensors:
    """Arithmetic on another library's numbers, which remember how they were computed."""

    def __init__(self, functions: Mapping[str, Callable[[Any], Any]]) -> None:
        self.functions = functions

    def number(self, value: Rational) -> float:
        return int(value.p) / int(value.q)

    def sum(self, terms: list[Any]) -> Any:
        return sum(terms[1:], terms[0]) if terms else 0.0

    def product(self, factors: list[Any]) -> Any:
        return math.prod(factors[1:], start=factors[0]) if factors else 1.0

    def inverse(self, value: Any) -> Any:
        return 1.0 / value

    def power(self, base: Any, exponent: Rational) -> Any:
        return base ** (int(exponent.p) if exponent.q == 1 else exponent.p / exponent.q)

    def exponential(self, parts: list[tuple[Rational, Any]]) -> Any:
        return self.functions["exp"](self.sum([(int(c.p) / int(c.q)) * v for c, v in parts]))

    def function(self, name: str, value: Any) -> Any:
        return math.pi if name == "pi" else self.functions[name](value)


def _error(graph: Graph, point: Mapping[Symbol, float], leaves: Mapping[Symbol, Any], domain: Tensors) -> Any:
    real = Evaluator(graph, {}, Numbers(), lambda s: complex(point[s]))
    return Evaluator(graph, {}, domain, leaves.__getitem__, real).value(graph.error)


def by_torch(graph: Graph, point: Mapping[Symbol, float]) -> Mapping[Symbol, float]:
    """∂E/∂w of every parameter by PyTorch, float64."""
    import torch

    def on_tensor(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda value: function(torch.as_tensor(value, dtype=torch.float64))

    names = ("exp", "log", "sin", "cos", "atan", "erf")
    domain = Tensors({name: on_tensor(getattr(torch, name)) for name in names})
    leaves = {s: torch.tensor(n, dtype=torch.float64, requires_grad=True) for s, n in point.items()}
    error = torch.as_tensor(_error(graph, point, leaves, domain))
    if error.requires_grad:
        error.backward()
    slopes = {w: leaves[w].grad for w in graph.parameters}
    return {w: 0.0 if slope is None else float(slope) for w, slope in slopes.items()}


def by_jax(graph: Graph, point: Mapping[Symbol, float]) -> Mapping[Symbol, float]:
    """∂E/∂w of every parameter by JAX, float64."""
    import jax
    from jax import numpy as jnp
    from jax.scipy.special import erf

    functions = {
        "exp": jnp.exp,
        "log": jnp.log,
        "sin": jnp.sin,
        "cos": jnp.cos,
        "atan": jnp.arctan,
        "erf": erf,
    }

    def error(parameters: list[Any]) -> Any:
        leaves = {**point, **dict(zip(graph.parameters, parameters, strict=True))}
        return jnp.asarray(_error(graph, point, leaves, Tensors(functions)))

    config: Any = jax.config
    before = config.jax_enable_x64
    config.update("jax_enable_x64", True)
    try:
        slopes = jax.grad(error)([jnp.asarray(point[w], dtype=jnp.float64) for w in graph.parameters])
        return {w: float(slope) for w, slope in zip(graph.parameters, slopes, strict=True)}
    finally:
        config.update("jax_enable_x64", before)
