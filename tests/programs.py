"""What the tests of generated programs share: networks to draw, points, PyTorch as a second opinion."""

from __future__ import annotations

import random
from typing import Any

from drawn import FREE, OUTPUT
from hypothesis import strategies as st

from backprop_symbolic import Network
from backprop_symbolic.activations import activations, layer_activations
from backprop_symbolic.graph import Graph
from backprop_symbolic.losses import losses
from backprop_symbolic.spec import BIAS_MODES

#: PyTorch has no step, and its own slope of hard sigmoid is 1/6 in single precision.
INSTEAD = {
    "binary_step": "torch.where(x >= 0, 1.0, 0.0).to(torch.float64) + 0*x",
    "hard_sigmoid": "torch.clamp(x/6 + 0.5, 0, 1)",
}


@st.composite
def networks(draw: st.DrawFn, width: int = 3, depth: int = 3) -> Network:
    """Small networks: every activation, loss and bias mode; outputs lie where the loss is defined."""
    sizes = draw(st.lists(st.integers(1, width), min_size=2, max_size=depth + 1))
    names = [draw(st.sampled_from(activations.names())) for _ in sizes[1:]]
    loss = losses.get(draw(st.sampled_from(losses.names())))
    allowed = None if loss.name in FREE else OUTPUT[loss.targets]
    if allowed is not None:
        names[-1] = draw(st.sampled_from(allowed))
    if loss.through or names[-1] == "softmax":
        sizes[-1] = max(sizes[-1], 2)
    return Network.dense(sizes, names, loss.name, draw(st.sampled_from(sorted(BIAS_MODES))))


def points(graph: Graph, seed: int, spread: float = 1.0) -> dict[str, float]:
    """A value for each leaf; targets lie between 0 and 1, as the hypotheses say. No kink is met."""
    source = random.Random(seed)
    found = {
        q.symbol.name: source.uniform(0, 1) if q.role == "target" else source.uniform(-spread, spread)
        for q in graph.quantities.values()
        if q.definition is None
    }
    if graph.constraints:
        targets = [q.symbol.name for q in graph.quantities.values() if q.role == "target"]
        total = sum(found[t] for t in targets)
        found |= {t: found[t] / total for t in targets}
    return found


def close(found: float, wanted: float, tolerance: float = 1e-9) -> bool:
    """Equal to `tolerance`, relative to the size, with a floor for what is nearly 0."""
    return abs(found - wanted) <= tolerance * max(1e-3, abs(found), abs(wanted))


def torch_gradient(torch: Any, graph: Graph, leaves: dict[str, float]) -> tuple[float, dict[str, float]]:
    """E and ∂E/∂w by PyTorch's autograd, from what the registries say is the same in PyTorch."""
    network = graph.network
    value = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in leaves.items()}
    quantities = list(graph.quantities.values())
    y = torch.stack([value[q.symbol.name] for q in quantities if q.role == "input"])
    for layer in range(1, network.layers + 1):
        nets = []
        for j in range(1, network.sizes[layer] + 1):
            total = torch.tensor(1.0 if network.bias == "1" else 0.0, dtype=torch.float64)
            for q in quantities:
                if q.place.layer != layer or q.definition is not None:
                    continue
                if q.naming == "weight" and q.place.index == j:
                    total = total + value[q.symbol.name] * y[q.place.from_ - 1]
                elif q.naming.startswith("bias") and q.place.index in (0, j):
                    total = total + value[q.symbol.name]
            nets.append(total)
        name = network.activations[layer - 1]
        entry = layer_activations.find(name) or activations.get(name)
        y = _in_torch(torch, entry, entry.torch or entry.formula, x=torch.stack(nets))
    loss = losses.get(network.loss)
    t = torch.stack([value[q.symbol.name] for q in quantities if q.role == "target"])
    error = _in_torch(torch, loss, loss.torch, t=t, o=y)
    names = [w.name for w in graph.parameters]
    slopes = torch.autograd.grad(error, [value[n] for n in names], allow_unused=True)
    return error.item(), {n: 0.0 if s is None else s.item() for n, s in zip(names, slopes, strict=True)}


def _in_torch(torch: Any, entry: Any, text: str, **names: Any) -> Any:
    """The text of an entry with its parameters' values, by PyTorch."""
    chosen = dict(getattr(entry, "values", ()))
    scope = {p.name: float(chosen.get(p.name, p.default)) for p in getattr(entry, "parameters", ())}
    scope |= {"torch": torch, "F": torch.nn.functional, "exp": torch.exp, **names}
    text = INSTEAD.get(entry.name, text)
    return eval(text, scope)  # text of this package's own registries
