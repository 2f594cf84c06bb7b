"""Updating the output layer first and using its new weights for the layers below.

    δ_h = Σ_k δ_k · w_kh(t+1) · f'(net_h)   in place of   Σ_k δ_k · w_kh(t) · f'(net_h)

This is no derivative of E at any point: the δ are those of the old weights, the factor w is new. Some
programs do it, and the numbers printed in a widely read worked example come from one of them. It is
here to reproduce such numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace as changed
from typing import TYPE_CHECKING

from backprop_symbolic.algebra import replace
from backprop_symbolic.errors import BadSetting
from backprop_symbolic.graph import after
from backprop_symbolic.numeric.compile import load
from backprop_symbolic.numeric.source import Line, Program, scalar, tuple_text, unpacked, written

if TYPE_CHECKING:
    from sympy import Expr, Symbol

    from backprop_symbolic.derivation import Derivation
    from backprop_symbolic.numeric.compile import Compiled


def sequential(compiled: Compiled, derivation: Derivation) -> Compiled:
    """`compiled` with a `step` that updates the layers from the last to the first, one by one.

    Raises BadSetting for a graph: it has no layers.
    """
    source = f"{scalar(derivation)}\n\n" + "\n".join(_step(_Sequential(derivation))) + "\n"
    functions = {**compiled.functions, "step": load(source)["step"]}
    return changed(compiled, source=source, functions=functions)


class _Sequential(Program):
    """The lines of a derivation, each layer's updates before the δ of the layer below."""

    def __post_init__(self) -> None:
        graph = self.derivation.graph
        if graph.network is None:
            raise BadSetting(f"--sequential goes from layer to layer, and {graph.title} has none")
        super().__post_init__()
        self.names = {**self.names, **{after(w): line.variable for w, line in self.updates.items()}}
        self.backward = []
        self.hoisted = {}
        new: dict[Expr, Expr] = {w: after(w) for w in self.updates}
        for layer in range(graph.network.layers, 0, -1):
            for delta, step in self.derivation.definitions.items():
                if graph[self.quantity(delta)].place.layer == layer:
                    self.add(self.backward, delta, replace(step.rhs, new), self.equation(step))
            self.backward.extend(self.moved(layer))

    def quantity(self, delta: Symbol) -> Symbol:
        """What `delta` is the derivative by."""
        return next(q for q, d in self.derivation.graph.deltas.items() if d == delta)

    def moved(self, layer: int) -> Iterator[Line]:
        for w, line in self.updates.items():
            if self.derivation.graph[w].place.layer == layer:
                yield line


def _step(program: _Sequential) -> Iterator[str]:
    graph = program.derivation.graph
    new = tuple_text(program.updates[w].variable for w in program.leaves.parameters)
    yield f"def step(parameters, inputs, targets, {program.names[graph.rate]}, constants=()):"
    yield '    """(error, new parameters): layer by layer, each δ by the weights above it as updated."""'
    for line in unpacked(program, "parameters", "inputs", "targets", "constants"):
        yield f"    {line}"
    for line in written([*program.forward, *program.error, *program.backward]):
        yield f"    {line}"
    yield f"    return {program.names[graph.error]}, {new}"
