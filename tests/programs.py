"""What the tests of generated programs share: networks to draw, points, PyTorch as a second opinion."""

from __future__ import annotations

import math
import random
from typing import Any

from hypothesis import strategies as st

from backprop_symbolic import Network
from backprop_symbolic.activations import activations
from backprop_symbolic.graph import Graph
from backprop_symbolic.losses import losses
from backprop_symbolic.spec import BIAS_MODES

#: Losses that need outputs between 0 and 1.
UNIT = [loss.name for loss in losses if "log(o)" in loss.part or "log(1 - o)" in loss.part]


@st.composite
def networks(draw: st.DrawFn, width: int = 3, depth: int = 3) -> Network:
    """Small networks: every activation, loss and bias mode."""
    sizes = draw(st.lists(st.integers(1, width), min_size=2, max_size=depth + 1))
    names = [draw(st.sampled_from(activations.names())) for _ in sizes[1:]]
    loss = draw(st.sampled_from(losses.names()))
    if loss in UNIT:
        names[-1] = "sigmoid"
    return Network.dense(sizes, names, loss, draw(st.sampled_from(sorted(BIAS_MODES))))


def points(graph: Graph, seed: int, spread: float = 1.0) -> dict[str, float]:
    """A value for each leaf; targets lie between 0 and 1. Drawn, so that no kink is met."""
    source = random.Random(seed)
    return {
        q.symbol.name: source.uniform(0, 1) if q.role == "target" else source.uniform(-spread, spread)
        for q in graph.quantities.values()
        if q.definition is None
    }


def close(found: float, wanted: float, tolerance: float = 1e-9) -> bool:
    """Equal to `tolerance`, relative to the size, with a floor for what is nearly 0."""
    return abs(found - wanted) <= tolerance * max(1e-3, abs(found), abs(wanted))


def torch_gradient(torch: Any, graph: Graph, leaves: dict[str, float]) -> tuple[float, dict[str, float]]:
    """E and ∂E/∂w by PyTorch's autograd, from the registries' texts and not from the package's trees."""
    network = graph.network
    value = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in leaves.items()}
    scope = {
        n: getattr(torch, n)
        for n in ("exp", "log", "sin", "cos", "sinh", "cosh", "atan", "erf", "abs", "sign", "sqrt")
    }
    scope["pi"] = math.pi
    for entry in activations:
        scope[entry.name] = lambda u, e=entry: _eval(e.formula, {**scope, "x": u})
    quantities = list(graph.quantities.values())
    layer_values = [value[q.symbol.name] for q in quantities if q.role == "input"]
    for layer in range(1, network.layers + 1):
        above = []
        for j in range(1, network.sizes[layer] + 1):
            total = torch.tensor(1.0 if network.bias == "1" else 0.0, dtype=torch.float64)
            for q in quantities:
                if q.place.layer != layer or q.definition is not None:
                    continue
                if q.naming == "weight" and q.place.index == j:
                    total = total + value[q.symbol.name] * layer_values[q.place.from_ - 1]
                elif q.naming.startswith("bias") and q.place.index in (0, j):
                    total = total + value[q.symbol.name]
            above.append(scope[network.activations[layer - 1]](total))
        layer_values = above
    targets = [value[q.symbol.name] for q in quantities if q.role == "target"]
    text, n = losses.get(network.loss).part, float(len(targets))
    error = sum(
        _eval(text, {**scope, "t": t, "o": o, "n": n}) for t, o in zip(targets, layer_values, strict=True)
    )
    names = [w.name for w in graph.parameters]
    slopes = torch.autograd.grad(error, [value[n] for n in names], allow_unused=True)
    return error.item(), {n: 0.0 if s is None else s.item() for n, s in zip(names, slopes, strict=True)}


def _eval(text: str, scope: dict[str, Any]) -> Any:
    return eval(text, {"__builtins__": {}}, scope)  # text of this package's own registries
