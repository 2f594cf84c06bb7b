"""Networks to draw: every activation and loss, softmax, parameters, penalties, all bias modes."""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet
from hypothesis import strategies as st

from backprop_symbolic import Network
from backprop_symbolic.activations import activations
from backprop_symbolic.losses import losses
from backprop_symbolic.spec import BIAS_MODES

#: An activation of the output layer for which a loss has a value at every point, by its targets.
OUTPUT = {"any": None, "unit": ("sigmoid",), "distribution": ("sigmoid", "softmax"), "sign": None}
#: Losses whose outputs may be anything, although their targets may not.
FREE = ("binary_cross_entropy_with_logits", "softmax_cross_entropy")
#: Entries with other values of their parameters.
CONCRETE = (
    "softplus(beta=2)", "softplus(beta=0.5)", "elu(alpha=0.5)", "celu(alpha=1/2)", "leaky_relu(slope=0.2)",
    "prelu(slope=-1)", "hard_tanh(min_val=-2, max_val=0.5)", "softshrink(lambda_=0.25)",
    "hardshrink(lambda_=0.1)", "threshold(threshold=0.5, value=-1)",
)  # fmt: skip
CONCRETE_LOSSES = ("huber(delta=0.5)", "smooth_l1(beta=1/4)", "focal(gamma=0)", "focal(gamma=3)")


#: Outputs that lie at or below 0, only at 0 and 1, or so often at 0 exactly that they rarely lie between.
NEVER_INSIDE = ("log_sigmoid", "binary_step", "threshold", "hardshrink", "softshrink")


def apart(activation: str, loss: str) -> bool:
    """Whether the outputs of an activation never, or hardly ever, lie where the loss is defined."""
    needs = {"output_positive", "output_in_unit_interval"} & set(losses.get(loss).conditions)
    return bool(needs) and activation in NEVER_INSIDE


def pairs(meeting: bool = True) -> list[ParameterSet]:
    """(activation, loss): every activation and every loss at least once each day, the others marked slow.

    Those that cannot meet are left out where only `meeting` ones are asked for.
    """
    names, errors = activations.names(), losses.names()
    everyday = {(a, errors[i % len(errors)]) for i, a in enumerate(names)} | {("sigmoid", e) for e in errors}
    return [
        pytest.param(a, e, id=f"{a}-{e}", marks=() if (a, e) in everyday else pytest.mark.slow)
        for a in names
        for e in errors
        if not (meeting and apart(a, e))
    ]


@st.composite
def networks(draw: st.DrawFn, width: int = 4, depth: int = 3) -> Network:
    """A network of at most `depth` layers with weights and `width` units in each."""
    loss = losses.get(draw(st.sampled_from([*losses.names(), *CONCRETE_LOSSES])))
    sizes = draw(st.lists(st.integers(1, width), min_size=2, max_size=depth + 1))
    free = [*activations.names(), *CONCRETE, *["softmax"] * 6]
    names = [draw(st.sampled_from(free)) for _ in sizes[1:]]
    allowed = None if loss.base in FREE else OUTPUT[loss.targets]
    if allowed is not None:
        names[-1] = draw(st.sampled_from(allowed))
    if loss.through:
        sizes[-1] = max(sizes[-1], 2)
    for i, name in enumerate(names, 1):
        if name == "softmax":
            sizes[i] = max(sizes[i], 2)
    penalty = st.sampled_from(["", "", "0.01", "1/3"])
    bias = draw(st.sampled_from(sorted(BIAS_MODES)))
    return Network.dense(sizes, names, loss.name, bias, draw(penalty), draw(penalty))
