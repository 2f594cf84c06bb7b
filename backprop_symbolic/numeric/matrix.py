"""The matrix form: a derivation's layer pattern as NumPy over layers and batches, in place.

Samples are rows: Y^l has one row per sample, so net^l = W^l y^{l-1} is written Y^{l-1} (W^l)ᵀ and
δ^l (y^{l-1})ᵀ, summed over the samples, (Δ^l)ᵀ Y^{l-1}. The error of a batch is the mean of the
errors of its samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import cast

from sympy import Basic, Expr, Pow, Rational, Symbol

from backprop_symbolic.algebra import TWO, mul, number, symbols
from backprop_symbolic.derivation import Step
from backprop_symbolic.numeric.inplace import Emitter
from backprop_symbolic.numeric.layers import BACK, NET, OUT, PROBABILITY, TARGET, Layer, Pattern
from backprop_symbolic.numeric.printer import numeral
from backprop_symbolic.numeric.source import comment, main_lines, network_comment, tuple_text
from backprop_symbolic.numeric.stable import Function, factors, stable
from backprop_symbolic.spec import Network
from backprop_symbolic.terminal import Flat

DTYPES = ("float64", "float32")
_UP = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")


def matrix(pattern: Pattern, network: Network | None = None, dtype: str = "float64") -> str:
    """The matrix form as a module, for `network` or the network that was derived."""
    return _Writer(pattern, network or pattern.network, dtype).module()


def upper(number: int) -> str:
    """The number of a layer, as an exponent."""
    return str(number).translate(_UP)


def is_trained(layer: Layer) -> bool:
    """Whether the layer has a bias among the parameters."""
    return layer.bias in ("node", "layer")


def parameter_names(pattern: Pattern) -> list[str]:
    """W1, b1, W2, …: b only where it is trained."""
    return [
        name
        for layer in pattern.layers
        for name in (f"W{layer.number}", *([f"b{layer.number}"] if is_trained(layer) else []))
    ]


def shapes(pattern: Pattern, network: Network) -> list[str]:
    """The shape of each parameter of `network`, as text."""
    rows = []
    for layer in pattern.layers:
        units, below = network.sizes[layer.number], network.sizes[layer.number - 1]
        rows.append(f"({units}, {below})")
        if is_trained(layer):
            rows.append(f"({units if layer.bias == 'node' else 1},)")
    return rows


class Words(Flat):
    """A pattern's formulas as text: in layer 2 net², y², t, and (W³)ᵀδ³ for what comes back."""

    def __init__(self, layer: int) -> None:
        super().__init__({})
        here, above = upper(layer), upper(layer + 1)
        self.own = {NET: f"net{here}", OUT: f"y{here}", TARGET: "t", BACK: f"(W{above})ᵀδ{above}"}
        self.own[PROBABILITY] = "p"

    def __call__(self, expr: Basic) -> str:
        return f"{expr.name}({self(NET)})" if isinstance(expr, Function) else super().__call__(expr)

    def name(self, symbol: Symbol) -> str:
        return self.own[symbol]

    def dot(self) -> str:
        return " ⊙ "


class _Writer:
    def __init__(self, pattern: Pattern, network: Network, dtype: str) -> None:
        self.pattern, self.network, self.dtype = pattern, network, dtype
        self.last = network.layers
        self.flat = Flat(pattern.derivation.graph.written("en"))
        self.emitters = {layer.number: self.emitter(layer) for layer in pattern.layers}

    # ------------------------------------------------------------ names

    def emitter(self, layer: Layer) -> Emitter:
        n = layer.number
        names = {NET: self.net(layer), OUT: f"Y{n}", TARGET: "T", BACK: f"D{n}", PROBABILITY: "P"}
        return Emitter(names, f"_{n}")

    def net(self, layer: Layer) -> str:
        """The buffer of net^l: that of y^l, unless δ^l needs net^l after y^l is there."""
        separate = layer.activation != NET and NET in symbols(stable(layer.delta))
        return f"{'N' if separate else 'Y'}{layer.number}"

    def below(self, layer: Layer) -> str:
        return "X" if layer.number == 1 else f"Y{layer.number - 1}"

    @property
    def parameters(self) -> list[str]:
        return parameter_names(self.pattern)

    @property
    def constants(self) -> list[str]:
        fixed = self.network.bias == "fixed"
        return [f"b{layer.number}" for layer in self.pattern.layers] if fixed else []

    # ------------------------------------------------------------ one layer

    def forward_lines(self, layer: Layer, net: str, out: str, emitter: Emitter) -> Iterator[str]:
        n, words = layer.number, Words(layer.number)
        below = "x" if n == 1 else f"y{upper(n - 1)}"
        bias = {"1": "1.0", "none": ""}.get(layer.bias, f"b{n}")
        shown = {"1": " + 1", "none": ""}.get(layer.bias, f" + b{upper(n)}")
        yield comment(f"net{upper(n)} = W{upper(n)} {below}{shown}")
        yield f"np.matmul({self.below(layer)}, W{n}.T, out={net})"
        if bias:
            yield f"np.add({net}, {bias}, out={net})"
        yield comment(f"y{upper(n)} = {words(layer.activation)}")
        if isinstance(layer.activation, Function):
            yield from _softmax(net, out)
        elif layer.activation != NET:
            yield from self.emitted(emitter, out, layer.activation)

    def emitted(self, emitter: Emitter, out: str, expr: Expr) -> list[str]:
        emitter.lines = []
        emitter.into(out, stable(expr))
        return emitter.lines

    def delta_lines(self, layer: Layer, scale: str) -> Iterator[str]:
        n = layer.number
        emitter, words = self.emitters[n], Words(n)
        yield comment(f"δ{upper(n)} = {words(layer.delta)}, as {self.equation(layer.shown[0])}")
        if n < self.last:
            yield f"np.matmul(D{n + 1}, W{n + 1}, out=D{n})"
        if layer.delta != BACK:
            yield from self.emitted(emitter, f"D{n}", layer.delta)
        if n == self.last:
            yield f"np.multiply(D{n}, {scale}, out=D{n})  # the mean over the samples, once for all below"

    def error_lines(self) -> Iterator[str]:
        n, words = self.last, Words(self.last)
        if self.pattern.through:
            yield comment(f"p = softmax(y{upper(n)})")
            yield from _softmax(f"Y{n}", "P")
        yield comment(f"E = Σ {words(self.pattern.part)}, the mean over the samples")
        parts = factors(self.pattern.part)
        front = "".join(f"{numeral(value)[0]} * " for f in parts if (value := number(f)) is not None)
        rest = mul(*(f for f in parts if number(f) is None))
        if isinstance(rest, Pow) and rest.args[1] == TWO:
            yield from self.emitted(self.emitters[n], f"D{n}", cast(Expr, rest.args[0]))
            total = f"np.vdot(D{n}, D{n})"
        else:
            yield from self.emitted(self.emitters[n], f"D{n}", rest)
            total = f"D{n}.sum()"
        yield f"E = {front}float({total}) / samples"

    def gradient_lines(self, layer: Layer, weights: str, bias: str) -> Iterator[str]:
        n = layer.number
        below = "x" if n == 1 else f"y{upper(n - 1)}"
        yield comment(
            f"∂E/∂W{upper(n)} = {_sign(layer.weight)}δ{upper(n)} {below}ᵀ, as {self.equation(layer.shown[1])}"
        )
        yield f"np.matmul(D{n}.T, {self.below(layer)}, out={weights})"
        yield from _scaled(weights, layer.weight)
        if is_trained(layer):
            total = "" if layer.bias == "node" else "Σ "
            yield comment(f"∂E/∂b{upper(n)} = {_sign(layer.bias_weight)}{total}δ{upper(n)}")
            if layer.bias == "node":
                yield f"np.matmul(ones, D{n}, out={bias})"
            else:
                yield f"{bias}[0] = D{n}.sum()"
            yield from _scaled(bias, layer.bias_weight)

    def update_lines(self, layer: Layer) -> Iterator[str]:
        n = layer.number
        pairs = [(f"W{n}", f"G{n}", layer.moved[0])]
        if is_trained(layer):
            pairs.append((f"b{n}", f"g{n}", layer.moved[1]))
        for name, change, moved in pairs:
            shown = f"{name[0]}{upper(n)}"
            yield comment(
                f"{shown}(t+1) = {shown}(t) {'-' if moved < 0 else '+'} {_sign(abs(moved))}η·∂E/∂{shown}"
            )
            yield from _scaled(change, abs(moved))
            yield f"np.{'subtract' if moved < 0 else 'add'}({name}, {change}, out={name})"

    def equation(self, step: Step) -> str:
        return f"{self.flat(step.lhs)} = {self.flat(step.rhs)} [{step.id}]"

    # ------------------------------------------------------------ the functions

    def module(self) -> str:
        gradient, step = self.gradient(), self.step()
        body = [
            f"DTYPE = np.{self.dtype}",
            f"SIZES = {self.network.sizes!r}",
            f"PARAMETERS = {tuple_text(map(repr, self.parameters))}",
            'INPUTS = ("X",)',
            'TARGETS = ("T",)',
            f"CONSTANTS = {tuple_text(map(repr, self.constants))}",
            "GRADIENTS = PARAMETERS",
            *(["", *_ERF] if any("erf(" in line for line in (*gradient, *self.forward())) else []),
            "", "", *self.initial(),
            "", "", *self.workspace(),
            "", "", *self.forward(),
            "", "", *gradient,
            "", "", *step,
            "", "", *_VALUES_HEAD, *self.values(),
            "", "", *main_lines(_MAIN, self.pattern.distributed, "T = T / T.sum(axis=1, keepdims=True)"),
        ]  # fmt: skip
        uses_math = any("math." in line for line in body)
        imports = [*(["import math", ""] if uses_math else []), "import numpy as np", ""]
        return "\n".join([*self.head(), *imports, *body]) + "\n"

    def head(self) -> list[str]:
        numbers = "one number for each unit" if self.network.bias != "layer" else "one number"
        return [
            '"""Backpropagation as derived by backprop-symbolic: a few lines for each layer and its step."""',
            "",
            *network_comment(self.network, self.pattern.network),
            comment("Samples are rows of X and T; the error is the mean of the samples' errors."),
            comment(f"Parameters: W of a layer has a row for each of its units, b has {numbers}."),
            "",
        ]

    def initial(self) -> list[str]:
        return [
            "def initial(seed=0, scale=1.0):",
            '    """Parameters to begin with: normal, their spread scale/√(units below); biases are 0."""',
            "    random = np.random.default_rng(seed)",
            "    return [",
            "        (random.standard_normal(shape) * scale / shape[1] ** 0.5).astype(DTYPE)",
            "        if len(shape) == 2",
            "        else np.zeros(shape, DTYPE)",
            f"        for shape in {tuple_text(shapes(self.pattern, self.network))}",
            "    ]",
        ]

    @property
    def buffers(self) -> list[str]:
        names = ["ones"] if self.network.bias == "node" else []
        for layer in self.pattern.layers:
            n = layer.number
            emitter = self.emitters[n]
            names += [*([f"N{n}"] if self.net(layer) == f"N{n}" else []), f"Y{n}", f"D{n}", f"G{n}"]
            names += [f"g{n}"] if is_trained(layer) else []
            names += [f"S{i}_{n}" for i in range(1, emitter.scratch + 1)]
            names += [f"M1_{n}"] if emitter.masks else []
        return [*names, *(["P"] if self.pattern.through else [])]

    def workspace(self) -> list[str]:
        sizes = self.network.sizes
        widest, largest = max(sizes[1:]), max(a * b for a, b in pairwise(sizes))
        scratch = max(e.scratch for e in self.emitters.values())
        lines = [
            "def workspace(samples):",
            '    """Buffers for batches of so many samples; layers share what they do not need at once."""',
            f"    G = np.empty({largest}, DTYPE)",
        ]
        lines += [f"    S{i} = np.empty(samples * {widest}, DTYPE)" for i in range(1, scratch + 1)]
        masked = any(e.masks for e in self.emitters.values())
        lines += [f"    M1 = np.empty(samples * {widest}, bool)"] if masked else []
        for name in self.buffers:
            if name == "ones":
                lines.append("    ones = np.ones(samples, DTYPE)  # onesᵀ D sums over the samples")
                continue
            if name == "P":
                lines.append(f"    P = np.empty((samples, {sizes[-1]}), DTYPE)")
                continue
            kind, _, number = name.rpartition("_") if "_" in name else (name[0], "", name[1:])
            n = sizes[int(number)]
            if kind == "G":
                below = sizes[int(number) - 1]
                lines.append(f"    {name} = G[: {n * below}].reshape({n}, {below})")
            elif kind == "g":
                lines.append(f"    {name} = np.empty({n if self.network.bias == 'node' else 1}, DTYPE)")
            elif kind[0] in "SM":
                lines.append(f"    {name} = {kind}[: samples * {n}].reshape(samples, {n})")
            else:
                lines.append(f"    {name} = np.empty((samples, {n}), DTYPE)")
        return [*lines, f"    return {tuple_text(self.buffers)}"]

    def start(self, work: bool = True) -> list[str]:
        lines = [f"{tuple_text(self.parameters)} = parameters"]
        lines += [f"{tuple_text(self.constants)} = constants"] if self.constants else []
        lines += ["X = np.asarray(X, DTYPE)"]
        if work:
            lines += [
                "T = np.asarray(T, DTYPE)",
                "samples = len(X)",
                f"{tuple_text(self.buffers)} = workspace(samples) if work is None else work",
            ]
        return lines

    def forward(self) -> list[str]:
        body, names = [], []
        for layer in self.pattern.layers:
            n = layer.number
            net, out = f"N{n}", f"Y{n}"
            own = Emitter({NET: net}, f"_{n}")
            lines = list(self.forward_lines(layer, net, net if layer.activation == NET else out, own))
            shape = f"np.empty((len(X), {self.network.sizes[n]}), DTYPE)"
            body.append(f"{net} = {shape}")
            body.append(f"{out} = {net}" if layer.activation == NET else f"{out} = {shape}")
            body += [f"S{i}_{n} = {shape}" for i in range(1, own.scratch + 1)]
            body += [f"M1_{n} = np.empty({net}.shape, bool)"] if own.masks else []
            body += lines
            names += [f"'net{n}': {net}", f"'y{n}': {out}"]
        return _function(
            "def forward(parameters, X, constants=()):",
            "net and y of every layer, by name.",
            self.start(work=False),
            [*body, f"return {{{', '.join(names)}}}"],
        )

    def backward(self, scale: str, layer_done: Callable[[Layer], Iterable[str]]) -> list[str]:
        """Forward, the error, and δ from the last layer down; each layer is done once δ below it is there."""
        lines: list[str] = []
        for layer in self.pattern.layers:
            lines += self.forward_lines(
                layer, self.net(layer), f"Y{layer.number}", self.emitters[layer.number]
            )
        lines += self.error_lines()
        layers = self.pattern.layers
        lines += self.delta_lines(layers[-1], scale)
        for layer in reversed(layers):
            if layer.number > 1:
                lines += self.delta_lines(layers[layer.number - 2], scale)
            lines += layer_done(layer)
        return lines

    def gradient(self) -> list[str]:
        outs = [f"d{name}" for name in self.parameters]

        def done(layer: Layer) -> Iterable[str]:
            return self.gradient_lines(layer, f"dW{layer.number}", f"db{layer.number}")

        body = self.backward("1.0 / samples", done)
        return _function(
            "def gradient(parameters, X, T, constants=(), work=None, out=None):",
            "(E, ∂E/∂W and ∂E/∂b of each layer), into the arrays of `out` where they are given.",
            [
                *self.start(),
                f"{tuple_text(outs)} = [np.empty_like(p) for p in parameters] if out is None else out",
            ],
            [*body, f"return E, [{', '.join(outs)}]"],
        )

    def step(self) -> list[str]:
        def done(layer: Layer) -> Iterable[str]:
            return [
                *self.gradient_lines(layer, f"G{layer.number}", f"g{layer.number}"),
                *self.update_lines(layer),
            ]

        body = self.backward("eta / samples", done)
        return _function(
            "def step(parameters, X, T, eta, constants=(), work=None):",
            "(E, parameters): one step of gradient descent, the arrays of `parameters` changed in place.",
            [
                *self.start(),
                comment(
                    "Every weight from the old ones: W is changed when δ below it has been found with it."
                ),
                comment("G is η·∂E/∂W: η goes into the last δ, and from there into all products."),
            ],
            [*body, "return E, parameters"],
        )

    def values(self) -> list[str]:
        place = {name: i for i, name in enumerate(self.buffers)}
        rows = [f"'delta{layer.number}': work[{place[f'D{layer.number}']}]" for layer in self.pattern.layers]
        return [f"    return {{**forward(parameters, X, constants), 'E': E, {', '.join(rows)}}}"]


def _function(head: str, summary: str, start: Iterable[str], body: Iterable[str]) -> list[str]:
    return [
        head,
        f'    """{summary}"""',
        *(f"    {line}" for line in start),
        '    with np.errstate(all="ignore"):  # inf and nan are seen in the numbers',
        *(f"        {line}" for line in body),
    ]


def _softmax(given: str, out: str) -> Iterator[str]:
    """e^u/Σ e^v over the units of each sample; u - max u in place of u overflows for no u."""
    yield f"np.subtract({given}, {given}.max(axis=1, keepdims=True), out={out})"
    yield f"np.exp({out}, out={out})"
    yield f"np.divide({out}, {out}.sum(axis=1, keepdims=True), out={out})"


def _sign(factor: Rational) -> str:
    return "" if factor == 1 else "-" if factor == -1 else f"{numeral(factor)[0]}·"


def _scaled(name: str, factor: Rational) -> list[str]:
    return [] if factor == 1 else [f"np.multiply({name}, {numeral(factor)[0]}, out={name})"]


_ERF = [
    "# NumPy has no erf: math.erf for one number after the other.",
    "erf = np.vectorize(math.erf, otypes=[DTYPE])",
]
_VALUES_HEAD = [
    "def values(parameters, X, T, constants=()):",
    '    """net, y and δ of every layer and the error, by name; δ is ∂E/∂net of the mean error."""',
    "    work = workspace(len(X))",
    "    E, _ = gradient(parameters, X, T, constants, work)",
]
_MAIN = """\
if __name__ == "__main__":  # a few derivatives beside central differences, on a random batch
    random = np.random.default_rng(0)
    X = random.uniform(0.1, 0.9, (4, SIZES[0])).astype(DTYPE)
    T = random.uniform(0.1, 0.9, (4, SIZES[-1])).astype(DTYPE)
    # targets
    parameters, constants = initial(), tuple(0.5 for _ in CONSTANTS)
    error, derived = gradient(parameters, X, T, constants)
    h = 1e-6 if DTYPE is np.float64 else 1e-2
    print("error", error)
    for name, array, slope in zip(PARAMETERS, parameters, derived):
        place = np.unravel_index(np.argmax(np.abs(slope)), slope.shape)
        here, errors = array[place], []
        for moved in (here + h, here - h):
            array[place] = moved
            errors.append(gradient(parameters, X, T, constants)[0])
        array[place] = here
        print(name, [int(i) for i in place], slope[place], (errors[0] - errors[1]) / (2 * h))
""".splitlines()
