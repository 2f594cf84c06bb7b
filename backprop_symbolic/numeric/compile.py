"""Generated source made to run, and checked against the derivation that it was generated from."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import Symbol

from backprop_symbolic.derivation import Derivation
from backprop_symbolic.errors import Unverified
from backprop_symbolic.evaluate import Evaluator, Numbers, Undecidable
from backprop_symbolic.numeric.source import Leaves, scalar

#: Points at which a program is compared with the derivation, and how many are tried for them.
POINTS, DRAWS = 2, 200
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Compiled:
    """A generated program that runs.

    source      the text, as `backprop code` prints it
    parameters  names in the order in which values are given; the same for inputs, targets, constants
    form        scalar: values are sequences of floats, gradients come in the order of `derived`;
                matrix: parameters are arrays W1, b1, W2, … and a batch has samples as rows
    dtype       float64 or float32
    derived     the parameters with a gradient

    Errors of arithmetic are those of Python: OverflowError, ValueError, ZeroDivisionError from the
    scalar form, inf and nan from the matrix form; `where` names the quantity.
    """

    source: str
    parameters: tuple[str, ...]
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    constants: tuple[str, ...]
    form: str = "scalar"
    dtype: str = "float64"
    derived: tuple[str, ...] = ()
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict, repr=False, compare=False)

    def forward(self, p: Sequence[Any], x: Any, c: Sequence[Any] = ()) -> dict[str, Any]:
        """Every quantity that does not depend on the targets, by name, in order."""
        result: dict[str, Any] = self.functions["forward"](p, x, c)
        return result

    def values(self, p: Sequence[Any], x: Any, t: Any, c: Sequence[Any] = ()) -> dict[str, Any]:
        """Every quantity by name, in order; the error and each δ too."""
        result: dict[str, Any] = self.functions["values"](p, x, t, c)
        return result

    def gradient(self, p: Sequence[Any], x: Any, t: Any, c: Sequence[Any] = ()) -> tuple[Any, Sequence[Any]]:
        """(E, the gradients in the order of `derived`)."""
        result: tuple[Any, Sequence[Any]] = self.functions["gradient"](p, x, t, c)
        return result

    def step(
        self, p: Sequence[Any], x: Any, t: Any, eta: float, c: Sequence[Any] = ()
    ) -> tuple[Any, Sequence[Any]]:
        """(E before the update, the new parameters); the matrix form changes its arrays in place."""
        result: tuple[Any, Sequence[Any]] = self.functions["step"](p, x, t, eta, c)
        return result

    def where(self, error: BaseException) -> str | None:
        """The variable whose line raised `error` in the generated program, None where none did."""
        trace = error.__traceback__
        found = None
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == FILENAME:
                found = self.source.splitlines()[trace.tb_lineno - 1].split(" = ")[0].strip()
            trace = trace.tb_next
        return found


#: Where a traceback says that a generated line stands.
FILENAME = "<derived>"


def load(source: str) -> dict[str, Any]:
    """The names that generated source defines, once it has run.

    This is the one place that runs text as a program, and no user's text is in it: variables are
    made by `names.mangled`, names as typed stand in it as `repr` writes them, and formulas are
    SymPy expressions that `printer` wrote. A comment cannot end before its line does.
    """
    scope: dict[str, Any] = {"__name__": "derived"}
    exec(compile(source, FILENAME, "exec"), scope)
    return scope


def compile_scalar(derivation: Derivation, *, njit: bool = False) -> Compiled:
    """The scalar form of a derivation, ready to run, its numbers compared with the derivation's.

    With `njit`, gradient and step are compiled by numba where it is installed. Raises Unverified
    where the program and the steps give different numbers, NotDifferentiable where an expression
    has no program text.
    """
    source = scalar(derivation, njit=njit)
    scope = load(source)
    compiled = Compiled(
        source,
        parameters=scope["PARAMETERS"],
        inputs=scope["INPUTS"],
        targets=scope["TARGETS"],
        constants=scope["CONSTANTS"],
        derived=scope["GRADIENTS"],
        functions={name: scope[name] for name in ("forward", "values", "gradient", "step")},
    )
    check(compiled, derivation)
    return compiled


def check(compiled: Compiled, derivation: Derivation) -> None:
    """Compares the program's error, gradients and update with the values of the steps themselves.

    The steps are evaluated as they are written, by `evaluate`, at random points. Raises Unverified
    where a number differs, or where no point has a value.
    """
    source, done = random.Random(20230118), 0
    for draw in range(DRAWS):
        low = -1.0 if draw % 2 == 0 else 0.05
        leaves = {s: source.uniform(low, 1.0) for s in derivation.graph.quantities}
        leaves[derivation.graph.rate] = source.uniform(0.1, 1.0)
        try:
            expected = of_steps(derivation, leaves)
        except (Undecidable, OverflowError, ValueError, ZeroDivisionError):
            continue
        groups = [[leaves[s] for s in group] for _, group in Leaves.of(derivation.graph).rows()]
        p, x, t, c = map(tuple, groups)
        error, gradients = compiled.gradient(p, x, t, c)
        _, new = compiled.step(p, x, t, leaves[derivation.graph.rate], c)
        kept = dict(zip(compiled.parameters, new, strict=True))
        found = [error, *gradients, *(kept[name] for name in compiled.derived)]
        for name, value, wanted in zip(expected, found, expected.values(), strict=True):
            if abs(value - wanted) > TOLERANCE * max(1e-3, abs(wanted)):
                raise Unverified(f"the generated program gives {name} = {value!r}, the steps give {wanted!r}")
        done += 1
        if done == POINTS:
            return
    raise Unverified("the generated program could not be checked: no point was found where all has a value")


def of_steps(derivation: Derivation, leaves: Mapping[Symbol, float]) -> dict[str, float]:
    """E, each ∂E/∂w and each w(t+1) as the derivation's steps say, at one point."""
    from backprop_symbolic.graph import now

    graph = derivation.graph
    given = {s: complex(v) for s, v in leaves.items()}
    given.update({now(w): given[w] for w in derivation.results})
    meanings = {delta: step.rhs for delta, step in derivation.definitions.items()}
    point = Evaluator(graph, meanings, Numbers(), given.__getitem__)
    for delta in meanings:  # in the order they were derived: depth costs no recursion
        point.value(delta)
    found = {graph.error.name: point.value(graph.error).real}
    found.update({f"∂/∂{w.name}": point.value(r.folded.rhs).real for w, r in derivation.results.items()})
    found.update({f"{w.name}(t+1)": point.value(r.update.rhs).real for w, r in derivation.results.items()})
    return found
