"""Which units of a large layer a picture shows, and the graph of those alone.

A unit that is not shown is stood for by one of its neighbours: of 784 inputs x1, x2, x3, a ⋮ for 780,
and x784. Nothing else of such a network is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from sympy import Symbol

from backprop_symbolic.errors import BadPicture, UnknownName, nearest, quoted
from backprop_symbolic.graph import MAX_EDGES, Graph, Quantity, dense, excerpt, weight_number
from backprop_symbolic.notation import Notation, Place
from backprop_symbolic.spec import Network

MAX_ROWS = 6  # units of a layer that is shown as it is
FIRST = 3  # units of a larger layer that are shown, besides the last and those of the weight
MAX_LAYERS = 30  # layers with weights
_ROLES = ("weight", "bias_node", "bias_layer")


@dataclass(frozen=True)
class Shown:
    """A graph to be drawn; `counts` says for how many each quantity stands that stands for several."""

    graph: Graph
    counts: Mapping[Symbol, int] = field(default_factory=dict)


def shown(graph: Graph, parameter: Symbol) -> Shown:
    """The graph without the units of large layers that tell nothing of the parameter. Raises BadPicture."""
    network = graph.network
    if network is None or graph.notation is None:
        return Shown(graph)
    _drawable(network)
    if max(network.sizes) <= MAX_ROWS:
        return Shown(graph)
    return _excerpt(network, graph.notation, graph[parameter].place)


def shown_of(network: Network, style: Notation, typed: str) -> tuple[Shown, Symbol]:
    """The graph to be drawn and the parameter that `typed` names, without building the whole network.

    Raises UnknownName, BadNotation, BadPicture.
    """
    _drawable(network)
    found = locate(network, style, typed)
    if found is None and network.edges <= MAX_EDGES:
        graph = dense(network, style)
        parameter = graph.parameter(typed)
        return shown(graph, parameter), parameter
    if found is None:
        raise _unknown(network, style, typed)
    parameter, place = found
    return _excerpt(network, style, place), parameter


def _drawable(network: Network) -> None:
    if network.layers > MAX_LAYERS:
        raise BadPicture(
            f"a picture shows at most {MAX_LAYERS} layers with weights; "
            f"network {quoted(network.title)} has {network.layers}"
        )


def _excerpt(network: Network, style: Notation, place: Place) -> Shown:
    wanted = {place.layer: {place.index} - {0}, place.layer - 1: {place.from_} - {0}}
    chosen = [_chosen(size, wanted.get(layer, set())) for layer, size in enumerate(network.sizes)]
    graph = excerpt(network, style, [sorted(units) for units in chosen])
    counts = {}
    for quantity in graph.quantities.values():
        layer = _layer(quantity, network)
        count = 1 if layer is None else chosen[layer].get(quantity.place.index, 1)
        if count > 1:
            counts[quantity.symbol] = count
    return Shown(graph, counts)


def _chosen(size: int, wanted: set[int]) -> dict[int, int]:
    """Unit → how many units it stands for, itself included."""
    if size <= MAX_ROWS:
        return dict.fromkeys(range(1, size + 1), 1)
    kept = sorted({*range(1, FIRST + 1), *wanted, size})
    found = dict.fromkeys(kept, 1)
    for low, high in pairwise(kept):
        if high - low > 1:
            found[low + 1] = high - low - 1
    return found


def _layer(quantity: Quantity, network: Network) -> int | None:
    """The layer whose unit a quantity belongs to; None where it belongs to none."""
    if quantity.naming == "input":
        return 0
    if quantity.naming in ("target", "part", "probability"):
        return network.layers
    return quantity.place.layer if quantity.naming in ("net", "hidden", "output") else None


# ---------------------------------------------------------------- a weight by its name


def locate(network: Network, style: Notation, typed: str) -> tuple[Symbol, Place] | None:
    """The parameter called `typed`, up to `_ { } ^ ( )`, and where it stands; None where there is none."""
    bare = re.sub(r"[{}^()\s\\]", "", typed)
    for text in (bare, bare.replace("_", "")):
        for role in _ROLES:
            if role == "weight" or role == f"bias_{network.bias}":
                for place in _places(network, style.names[role], text, role):
                    if style.typed(role, place) == text:
                        return Symbol(text), place
    return None


def _places(network: Network, pattern: str, text: str, role: str) -> Iterator[Place]:
    """The places that a name can speak of; whether it does, the notation says."""
    parts = re.split(r"<([a-z_]+|,)>", pattern)
    fields = parts[1::2]
    shape = "".join(
        re.escape(p) if i % 2 == 0 else ",?" if p == "," else r"([ho]?[0-9]{1,9})"
        for i, p in enumerate(parts)
    )
    match = re.fullmatch(shape, text)
    if match is None:
        return
    given: dict[str, int] = {}
    for name, number in zip((f for f in fields if f != ","), match.groups(), strict=True):
        if name == "unit":  # h2 is node 2, o2 the second output
            name = "node" if number.startswith("h") else "index"
            given |= {} if name == "node" else {"layer": network.layers}
        given[name] = int(number.lstrip("ho"))
    sizes = network.sizes
    for layer in range(1, network.layers + 1):
        before, below = sum(sizes[1:layer]), sum(sizes[1 : layer - 1])
        j = given.get("index", given.get("node", before + 1) - before)
        i = given.get("from", given.get("from_node", below + 1) - below)
        if "number" in given:
            place = given["number"] - weight_number(network, layer, 1, 1)
            j, i = place // sizes[layer - 1] + 1, place % sizes[layer - 1] + 1
        if given.get("layer", layer) == layer and 1 <= j <= sizes[layer] and 1 <= i <= sizes[layer - 1]:
            yield _place(network, layer, j, i, role)


def _place(network: Network, layer: int, j: int, i: int, role: str) -> Place:
    if role == "bias_layer":
        return Place(layer=layer)
    node = sum(network.sizes[1:layer]) + j
    unit = f"o{j}" if layer == network.layers else f"h{node}"
    if role == "bias_node":
        return Place(index=j, node=node, layer=layer, unit=unit)
    below = sum(network.sizes[1 : layer - 1]) + i
    return Place(j, node, layer, i, below, weight_number(network, layer, j, i), unit)


def _unknown(network: Network, style: Notation, typed: str) -> UnknownName:
    first = style.typed("weight", _place(network, 1, 1, 1, "weight"))
    ends = (network.layers, network.sizes[-1], network.sizes[-2])
    last = style.typed("weight", _place(network, *ends, "weight"))
    units: Sequence[Sequence[int]] = [sorted(_chosen(size, set())) for size in network.sizes]
    names = [p.name for p in excerpt(network, style, units).parameters]
    return UnknownName(
        f"no weight {quoted(typed)} in a {network.title} network. Its weights: {first} … {last} "
        f"({network.edges} in all). Did you mean {quoted(nearest(typed, names) or first)}?"
    )
