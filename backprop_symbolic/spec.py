"""What network is meant: sizes, activations, loss, bias mode. Validated here, built in `graph`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from backprop_symbolic.activations import layer_activations, layer_function, numbered_apart
from backprop_symbolic.errors import BadNetwork, quoted, unknown
from backprop_symbolic.losses import loss as find_loss
from backprop_symbolic.registry import exact, split, written

#: Bias modes and what net_j adds for each.
BIAS_MODES = {
    "1": "the constant 1, as in the lecture",
    "none": "nothing",
    "layer": "one trainable b for each layer",
    "node": "one trainable b for each node",
    "fixed": "one constant b for each layer, not trained",
}
MAX_UNITS = 100_000  # in one layer; what a derivation can carry is bounded in `graph`
MAX_LAYERS = 1_000
MAX_SOFTMAX = 100  # units of a layer in which each acts on all


@dataclass(frozen=True, slots=True)
class Network:
    """A dense feed-forward network: net = W y + b, y = f(net), E = loss(target, output) + penalties.

    sizes        units per layer, inputs first
    activations  one name per layer after the inputs; softmax is a layer's, not a unit's
    loss         a name from `losses`
    bias         a key of BIAS_MODES
    l1, l2       λ₁ of + λ₁ Σ|w| and λ₂ of + λ₂/2 Σw² as exact numbers in text, "" for none; the
                 sums run over the weights, not over the biases
    """

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str = "half_sse"
    bias: str = "1"
    l1: str = ""
    l2: str = ""

    @classmethod
    def dense(
        cls,
        sizes: Sequence[int],
        activation: str | Sequence[str] = "sigmoid",
        loss: str = "half_sse",
        bias: str = "1",
        l1: str | float = "",
        l2: str | float = "",
    ) -> Network:
        """A network from its layer sizes; one activation for all layers, or one for each.

        Raises BadNetwork for sizes that make no network and for a penalty that is no positive
        number, UnknownName for an unknown activation, loss or bias mode, BadParameter for a
        parameter of one that is not allowed.
        """
        checked = tuple(_size(size, sizes) for size in sizes)
        if len(checked) < 2:
            raise BadNetwork(
                f"network {quoted('-'.join(map(str, checked)))} has no weights: name at least an "
                "input and an output layer, e.g. 2-2-2"
            )
        if len(checked) > MAX_LAYERS:
            raise BadNetwork(f"a network of {len(checked)} layers; at most {MAX_LAYERS} are allowed")
        layers = len(checked) - 1
        given = [activation] if isinstance(activation, str) else list(activation)
        names = numbered_apart([layer_function(name.strip()).name for name in given])
        if len(names) not in (1, layers):
            raise BadNetwork(
                f"{len(names)} activations for {layers} layers with weights; give one for all or "
                f"one for each, e.g. {','.join(['sigmoid'] * layers)}"
            )
        if bias not in BIAS_MODES:
            raise unknown("bias mode", bias, BIAS_MODES)
        each = tuple(names * layers if len(names) == 1 else names)
        error = find_loss(loss)
        mixed = [
            (name, size) for name, size in zip(each, checked[1:], strict=True) if name in layer_activations
        ]
        if error.through and each[-1] == error.through:
            raise BadNetwork(
                f"{error.name} has a {error.through} of its own: let the last layer be identity, or take "
                "categorical_cross_entropy"
            )
        if error.through:
            mixed.append((error.through, checked[-1]))
        for name, size in mixed:
            if size < 2:
                raise BadNetwork(f"{name} of 1 unit is the constant 1; give the layer at least 2 units")
            if size > MAX_SOFTMAX:
                raise BadNetwork(
                    f"{name} of {size} units has {size * size} derivatives; at most {MAX_SOFTMAX} units "
                    "are allowed"
                )
        return cls(checked, each, error.name, bias, _penalty("l1", l1), _penalty("l2", l2))

    @classmethod
    def parse(
        cls,
        sizes: str,
        activation: str = "sigmoid",
        loss: str = "half_sse",
        bias: str = "1",
        l1: str | float = "",
        l2: str | float = "",
    ) -> Network:
        """A network from text as on the command line: `2-2-2`, `tanh,sigmoid`."""
        parts = sizes.strip().split("-")
        if not all(re.fullmatch(r"[0-9]+", part) for part in parts):
            raise BadNetwork(
                f"network {quoted(sizes)} is not a list of layer sizes joined by '-', e.g. 2-2-2"
            )
        if any(len(part) > 9 for part in parts):
            raise _too_large(max(parts, key=len))
        return cls.dense([int(part) for part in parts], split(activation), loss, bias, l1, l2)

    @property
    def layers(self) -> int:
        """How many layers have weights."""
        return len(self.sizes) - 1

    @property
    def title(self) -> str:
        """The sizes as typed: 2-2-2."""
        return "-".join(map(str, self.sizes))

    @property
    def edges(self) -> int:
        """How many weights there are, biases not counted."""
        return sum(a * b for a, b in zip(self.sizes, self.sizes[1:], strict=False))


def _penalty(which: str, given: str | float) -> str:
    """The factor of a penalty as the shortest exact text, "" for none."""
    if given == "":
        return ""
    value = exact(str(given))
    if value is None or value <= 0:
        raise BadNetwork(f"penalty {which} = {quoted(given)} is not a number greater than 0, such as 0.01")
    return written(str(given))


def _size(size: object, sizes: Sequence[object]) -> int:
    shown = "-".join(map(str, sizes))
    if isinstance(size, bool) or not isinstance(size, int):
        raise BadNetwork(f"network {quoted(shown)}: {quoted(size)} is not a number of units")
    if size < 1:
        raise BadNetwork(f"network {quoted(shown)}: a layer needs at least 1 unit, not {size}")
    if size > MAX_UNITS:
        raise _too_large(str(size))
    return size


def _too_large(units: str) -> BadNetwork:
    shown = units if len(units) <= 12 else f"{units[:12]}…"
    return BadNetwork(f"a layer of {shown} units is too large; at most {MAX_UNITS} are allowed")
