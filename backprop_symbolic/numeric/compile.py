"""Generated source made to run, and checked against the derivation that it was generated from."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import Symbol

from backprop_symbolic.derivation import Derivation
from backprop_symbolic.errors import NoMatrixForm, NotInstalled, Unverified, unknown
from backprop_symbolic.evaluate import Evaluator, Numbers, Undecidable
from backprop_symbolic.graph import Graph
from backprop_symbolic.numeric.source import Leaves, scalar
from backprop_symbolic.spec import Network

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


#: What the matrix form has besides: buffers for a batch size, parameters to begin with.
_OWN = ("workspace", "initial")
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
    compiled = _loaded(source, "scalar", "float64")
    check(compiled, derivation)
    return compiled


def _loaded(source: str, form: str, dtype: str) -> Compiled:
    scope = load(source)
    return Compiled(
        source,
        parameters=scope["PARAMETERS"],
        inputs=scope["INPUTS"],
        targets=scope["TARGETS"],
        constants=scope["CONSTANTS"],
        form=form,
        dtype=dtype,
        derived=scope["GRADIENTS"],
        functions={n: scope[n] for n in ("forward", "values", "gradient", "step", *_OWN) if n in scope},
    )


def compile_matrix(network: Network, dtype: str = "float64") -> Compiled:
    """The matrix form of a network, ready to run: parameters are arrays, a batch has samples as rows.

    The layer pattern is that of the network's derivation, or of one with few units per layer where
    that would be too long (`layers.small`); scalar and matrix form of what was derived are compared.
    Raises NoMatrixForm where the steps have no layer pattern, NotInstalled without NumPy.
    """
    from backprop_symbolic.api import derive
    from backprop_symbolic.numeric.layers import small

    return matrix_of(derive(small(network), "all").derivation, network, dtype)


def matrix_of(derivation: Derivation, network: Network | None = None, dtype: str = "float64") -> Compiled:
    """The matrix form of a derivation's layer pattern, for `network` or for what was derived."""
    from backprop_symbolic.numeric.layers import pattern
    from backprop_symbolic.numeric.matrix import DTYPES, matrix

    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    need_numpy()
    found = pattern(derivation)
    compare(_loaded(matrix(found), "matrix", "float64"), derivation)
    return _loaded(matrix(found, network, dtype), "matrix", dtype)


def need_numpy() -> None:
    """Raises NotInstalled where NumPy is not installed."""
    from importlib.util import find_spec

    if find_spec("numpy") is None:
        raise NotInstalled(
            "the matrix form needs NumPy: pip install 'backprop-symbolic[numeric]'; "
            "the scalar form (--form scalar) does without"
        )


def arrays(graph: Graph, values: Sequence[float], dtype: str = "float64") -> list[Any]:
    """Values of a network's parameters, in the graph's order, as arrays W1, b1, W2, …"""
    import numpy as np

    table = dict(zip(graph.parameters, values, strict=True))
    return [np.array([table[s] for s in group], dtype).reshape(shape) for group, shape in _grouped(graph)]


def scalars(graph: Graph, parameters: Sequence[Any]) -> tuple[float, ...]:
    """The numbers in arrays W1, b1, W2, …, in the order of the graph's parameters."""
    table: dict[Symbol, float] = {}
    for (group, _), array in zip(_grouped(graph), parameters, strict=True):
        table.update(zip(group, map(float, array.ravel()), strict=True))
    return tuple(table[s] for s in graph.parameters)


def _grouped(graph: Graph) -> list[tuple[list[Symbol], tuple[int, ...]]]:
    """The parameters that each array W1, b1, W2, … holds, row by row, and its shape."""
    network = graph.network
    if network is None:
        raise NoMatrixForm(f"{graph.title} has no layers")
    found: list[tuple[list[Symbol], tuple[int, ...]]] = []
    leaves = [graph[s] for s in graph.parameters]
    for layer in range(1, network.layers + 1):
        here = [q for q in leaves if q.place.layer == layer]
        weights = sorted(
            (q for q in here if q.naming == "weight"), key=lambda q: (q.place.index, q.place.from_)
        )
        biases = sorted((q for q in here if q.naming != "weight"), key=lambda q: q.place.index)
        found.append(([q.symbol for q in weights], (network.sizes[layer], network.sizes[layer - 1])))
        if biases:
            found.append(([q.symbol for q in biases], (len(biases),)))
    return found


def compare(compiled: Compiled, derivation: Derivation) -> None:
    """Compares the matrix form with the scalar form, on a batch of random samples.

    Raises Unverified where the mean error, a gradient or an updated weight differs.
    """
    graph, single = derivation.graph, compile_scalar(derivation)
    source = random.Random(20230118)
    order = [single.derived.index(s.name) for s in graph.parameters]
    for _ in range(DRAWS):
        p, c, xs, ts = (
            [source.uniform(0.05, 0.95) for _ in single.parameters],
            [source.uniform(0.05, 0.95) for _ in single.constants],
            *(
                [[source.uniform(0.05, 0.95) for _ in n] for _ in range(3)]
                for n in (single.inputs, single.targets)
            ),
        )
        try:
            each = [single.gradient(p, x, t, c) for x, t in zip(xs, ts, strict=True)]
        except (OverflowError, ValueError, ZeroDivisionError):
            continue
        error = sum(e for e, _ in each) / 3
        slopes = [sum(g[i] for _, g in each) / 3 for i in order]
        found_error, found = compiled.gradient(arrays(graph, p), xs, ts, c)
        # The scalar form's own step, on one sample, gives the sign of the update.
        one = single.step(p, xs[0], ts[0], 0.5, c)[1]
        _, moved = compiled.step(arrays(graph, p), xs[:1], ts[:1], 0.5, c)
        pairs = [(found_error, error), *zip(scalars(graph, found), slopes, strict=True)]
        pairs += zip(scalars(graph, moved), one, strict=True)
        if all(abs(a - b) <= TOLERANCE * max(1e-3, abs(b)) for a, b in pairs):
            return
        raise Unverified("the matrix form and the scalar form give different numbers")
    raise Unverified("scalar and matrix form could not be compared: no point was found where all has a value")


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
            expected, taken = of_steps(derivation, leaves)
        except (Undecidable, OverflowError, ValueError, ZeroDivisionError):
            continue
        groups = [[taken[s] for s in group] for _, group in Leaves.of(derivation.graph).rows()]
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


def of_steps(
    derivation: Derivation, leaves: Mapping[Symbol, float]
) -> tuple[dict[str, float], dict[Symbol, float]]:
    """E, each ∂E/∂w and each w(t+1) as the derivation's steps say, at one point; and the point.

    The point is `leaves`, but for what the derivation's hypotheses say of them.
    """
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
    taken = {s: point.value(s).real for s, q in graph.quantities.items() if q.definition is None}
    return found, taken
