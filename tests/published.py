"""Published worked examples, as claims about quantities of ours.

The files lie beside a checkout (`tools.shared`). What stands here are the facts that a run needs:
the numbers of a network, and how a source's names translate. A name of ours that begins with `-` says
that the source writes the number with the other sign (δ = -∂E/∂net, a threshold θ = -b).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

WEIGHTS = {str(i): w for i, w in enumerate(("w11", "w12", "w21", "w22", "w31", "w32", "w41", "w42"), 1)}
#: The weights of the textbook that numbers its units 1 to 5, in the order of ours.
BY_UNITS = ("w13", "w23", "w14", "w24", "w35", "w45")


@dataclass(frozen=True)
class Case:
    """One file: the options that state its network, a values file of its own, and names of ours.

    names   the source's name → ours; the pattern must match all of it. A name that nothing matches
            is not about one update of one sample, and `left_out` says so
    """

    file: str
    options: tuple[str, ...] = ()
    values: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    left_out: str = "(?!)"
    causes: Mapping[str, str] = field(default_factory=dict)

    def ours(self, name: str) -> str | None:
        """Our name for one of the source's, None where it is left out."""
        for pattern, ours in self.names.items():
            match = re.fullmatch(pattern, name)
            if match:
                return match.expand(ours)
        assert re.fullmatch(self.left_out, name), f"{self.file}: no name of ours for {name!r}"
        return None


_MAZUR = """
network = "2-2-2"
bias = "node"
learning_rate = 0.5
inputs = [0.05, 0.10]
targets = [0.01, 0.99]
weights = [[[0.15, 0.20], [0.25, 0.30]], [[0.40, 0.45], [0.50, 0.55]]]
biases = [[0.35, 0.35], [0.60, 0.60]]
"""
_NEGNEVITSKY = """
network = "2-2-1"
bias = "node"
learning_rate = 0.1
inputs = [1, 1]
targets = [0]
weights = [[[0.5, 0.4], [0.9, 1.0]], [[-1.2, 1.1]]]
biases = [[-0.8, 0.1], [-0.3]]
"""
_HAN = """
network = "3-2-1"
bias = "node"
learning_rate = 0.9
inputs = [1, 0, 1]
targets = [1]
weights = [[[0.2, 0.4, -0.5], [-0.3, 0.1, 0.2]], [[-0.3, -0.2]]]
biases = [[-0.4, 0.2], [0.1]]
"""
_BROWNLEE = """
network = "2-1-2"
bias = "node"
inputs = [1, 0]
targets = [0, 1]
weights = [[[0.13436424411240122, 0.8474337369372327]], [[0.2550690257394217], [0.4494910647887381]]]
biases = [[0.763774618976614], [0.49543508709194095, 0.651592972722763]]
"""
_CIRCUIT1 = """
graph = \"\"\"
parameters x y z
q = x + y
f = q*z
\"\"\"
x = -2
y = 5
z = -4
"""
_CIRCUIT3 = """
graph = \"\"\"
parameters x y z w
p = x*y
m = max(z, w)
s = p + m
f = s*2
\"\"\"
x = 3
y = -4
z = 2
w = -1
"""

_FORWARD = {
    **{f"z{i}('?)": rf"net_{i}\1" for i in range(1, 5)},
    **{f"[ah]{i}('?)": rf"y_h{i}\1" for i in (1, 2)},
}

CASES = (
    Case(
        "N02_mazur_bias_trained", values=_MAZUR,
        names={
            "E": "E", r"dE/dW2\[0,0\]": "w31", r"dE/dW2\[0,1\]": "w32", r"dE/dW2\[1,0\]": "w41",
            r"dE/dW2\[1,1\]": "w42", r"w2\+": "w12+", r"w5\+": "w31+", r"w8\+": "w42+",
            **{rf"b_h{i}\+": f"b{i}+" for i in (1, 2)}, **{rf"b_o{i}\+": f"b{i + 2}+" for i in (1, 2)},
        },
    ),
    Case(
        "N03_wikidocs_kr_2-2-2", ("--example", "wikidocs", "--notation", "lecture"),
        names={
            **_FORWARD, "E_total('?)": r"E\1", "E_o([12])('?)": r"E_o\1\2", "o([12])('?)": r"y_o\1\2",
            "dE/do1": "dE/dy_o1", "do1/dz3": "dy_o1/dnet_3", "dE_o([12])/dh1": r"dE_o\1/dy_h1",
            "dE/dh1": "dE/dy_h1", "dh1/dz1": "dy_h1/dnet_1",
            **{f"dE/dW{i}": w for i, w in WEIGHTS.items()}, **{rf"W{i}\+": f"{w}+" for i, w in WEIGHTS.items()},
        },
    ),
    Case(
        "N04_hmkcode_linear_2-2-1", ("--example", "hmkcode", "--notation", "lecture"),
        names={
            "h([12])": r"y_h\1", "prediction('?)": r"y_o1\1", "Error": "E", "Delta": "delta_o1",
            **{rf"lr\*dE/dw{i}": f"-Δ{w}" for i, w in WEIGHTS.items()},
            **{rf"w{i}\+": f"{w}+" for i, w in WEIGHTS.items()}, "h([12])' .*": r"y_h\1'",
        },
        causes={"h1' in the details box: 2x.12+3x.23": "before_update", "h2' in the details box: 2x.13+3x.10": "before_update"},
    ),
    Case(
        "N08_negnevitsky_xor_2-2-1", values=_NEGNEVITSKY,
        names={
            "y3": "y_h1", "y4": "y_h2", "y5": "y_o1", "e": "-dE/dy_o1", "delta5": "-delta_o1",
            "delta3": "-delta_h1", "delta4": "-delta_h2",
            **{f"d{old}": f"Δ{new}" for old, new in zip(BY_UNITS, WEIGHTS.values(), strict=False)},
            **{rf"{old}\+": f"{new}+" for old, new in zip(BY_UNITS, WEIGHTS.values(), strict=False)},
            **{f"dtheta{i + 2}": f"-Δb{i}" for i in (1, 2, 3)}, **{rf"theta{i + 2}\+": f"-b{i}+" for i in (1, 2, 3)},
        },
    ),
    Case(
        "N09_han_kamber_3-2-1", values=_HAN,
        names={
            "I4": "net_1", "I5": "net_2", "I6": "net_3", "O4": "y_h1", "O5": "y_h2", "O6": "y_o1", "Err6": "-delta_o1",
            "Err5": "-delta_h2", "Err4": "-delta_h1", r"w46\+": "w31+", r"w56\+": "w32+",
            **{rf"w0{i + 3}\+": f"b{i}+" for i in (1, 2, 3)}, r"w([123])4\+": r"w1\1+", r"w([123])5\+": r"w2\1+",
        },
    ),
    Case(
        "N10_mlmastery_2-1-2", values=_BROWNLEE,
        names={"output([12])": r"y_o\1", "hidden output": "y_h1"},
        # The source feeds outputs that are not the forward pass; the rest is its training.
        left_out="delta .*|error epoch .*|final .*",
    ),
    Case(
        "N11_cs231n_circuits", values=_CIRCUIT1,
        names={"circuit1 ([qf])": r"\1", "circuit1 df/d([xyz])": r"\1"}, left_out="circuit[23] .*",
    ),
    Case(
        "N11_cs231n_circuits", ("--example", "cs231n"),
        names={
            "circuit2 dot": "dot", "circuit2 f": "f", "circuit2 d dot": "df/ddot",
            "circuit2 dw([012])": r"w\1", "circuit2 dx([01])": r"df/dx\1",
        },
        left_out=r"circuit[13] .*|circuit2 (w\d\*x\d|sum|\*-1|exp|\+1|d\(.*\) ?\w*|d exp)",
    ),
    Case(
        "N11_cs231n_circuits", values=_CIRCUIT3,
        names={
            r"circuit3 x\*y": "p", "circuit3 max": "m", "circuit3 sum": "s", "circuit3 out": "f",
            "circuit3 d([xyzw])": r"\1",
        },
        left_out="circuit[12] .*",
    ),
    Case("N13_micrograd_readme", ("--example", "micrograd"), names={"g": "g", "dg/d([ab])": r"\1"}),
    Case(
        "N14_prakash_relu_sigmoid_softmax", ("--example", "prakash"),
        names={"softmax output ([123])": r"y_o\1", "output ([123]) as first published": r"y_o\1"},
        causes={
            **{f"softmax output {i}": "rounded_unevenly" for i in (1, 2, 3)},
            **{f"output {i} as first published": "no_exponential" for i in (1, 2, 3)},
        },
    ),
    Case(
        "N17_postnetwork_3-2-2_softmax", ("--example", "postnetwork"),
        names={**_FORWARD, "yhat([12])": r"y_o\1", "L": "E"},
        causes={"yhat1": "from_claims", "yhat2": "from_claims", "L": "from_claims"},
    ),
    Case(
        "N25_kircerta_relu_2-2-1", ("--example", "kircerta"),
        names={**_FORWARD, "yhat": "y_o1", "L": "E", "dL/dyhat": "dE/dy_o1", r"dL/dW2\[0\]": "w31", r"dL/dW2\[1\]": "w32"},
    ),
    Case(
        "N29_tailvar_relu_1-2-1", ("--example", "tailvar"),
        names={
            r"a1\[0\]": "net_1", r"a1\[1\]": "net_2", r"h1\[0\]": "y_h1", r"h1\[1\]": "y_h2", "f": "y_o1", "L": "E",
            "delta_f": "delta_o1", r"dL/dW2\[0\]": "w31", r"dL/dW2\[1\]": "w32", "dL/db2": "b3",
            r"dL/dh1\[0\]": "dE/dy_h1", r"dL/dh1\[1\]": "dE/dy_h2", r"dL/da1\[0\]": "delta_h1",
            r"dL/da1\[1\]": "delta_h2", r"dL/dW1\[0\]": "w11", r"dL/dW1\[1\]": "w21", r"dL/db1\[0\]": "b1",
            r"dL/db1\[1\]": "b2",
        },
    ),
)  # fmt: skip
