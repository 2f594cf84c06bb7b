"""The derived gradient inside other people's autograd: torch.autograd.Function, jax.custom_vjp.

The lines are those of the scalar and the matrix form in the library's own functions, and a check
against the library's finite differences stands beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sympy import Rational

from backprop_symbolic.algebra import symbols
from backprop_symbolic.derivation import Derivation
from backprop_symbolic.numeric.layers import BACK, NET, OUT, PROBABILITY, TARGET, Layer, Pattern
from backprop_symbolic.numeric.matrix import Words, is_trained, parameter_names, shapes, upper
from backprop_symbolic.numeric.printer import JAX, PRODUCT, TORCH, Dialect, Printer, numeral
from backprop_symbolic.numeric.source import (
    Program,
    comment,
    header,
    is_distributed,
    main_lines,
    network_comment,
    tables,
    tuple_text,
    unpacked,
    written,
)
from backprop_symbolic.numeric.stable import Function, stable
from backprop_symbolic.spec import Network

# ---------------------------------------------------------------- scalar form


def torch_scalar(derivation: Derivation) -> str:
    """One tensor of parameters, one of inputs, one of targets; E and all ∂E/∂w in its forward pass."""
    program = Program(derivation, TORCH)
    lines = _scalar_lines(program)
    slopes = tuple_text(_slopes(program))
    return _text(
        [
            *header(derivation, "scalar form, torch.autograd.Function"),
            "",
            *_imports(lines, "import torch"),
            *tables(program),
            "",
            "",
            "class Error(torch.autograd.Function):",
            '    """Error.apply(parameters, inputs, targets, constants): the last three are data."""',
            "",
            "    @staticmethod",
            "    def forward(ctx, parameters, inputs, targets, constants=()):",
            *_indented(lines, 8),
            f"        slopes = [torch.as_tensor(s, dtype=parameters.dtype) for s in {slopes}]",
            "        ctx.save_for_backward(torch.stack(slopes))",
            f"        return {program.names[derivation.graph.error]}",
            "",
            "    @staticmethod",
            "    def backward(ctx, above):",
            "        (slopes,) = ctx.saved_tensors",
            "        return above * slopes, None, None, None",
            "",
            "",
            *main_lines(_TORCH_SCALAR_CHECK, is_distributed(derivation.graph), "t = t / t.sum()"),
        ]
    )


def jax_scalar(derivation: Derivation) -> str:
    """The same for JAX: arrays of parameters, inputs and targets."""
    program = Program(derivation, JAX)
    lines = _scalar_lines(program)
    error = program.names[derivation.graph.error]
    return _text(
        [
            *header(derivation, "scalar form, jax.custom_vjp"),
            "",
            *_imports(lines, "import jax", "import jax.numpy as jnp"),
            *tables(program),
            "",
            "",
            "@jax.custom_vjp",
            "def error(parameters, inputs, targets, constants=()):",
            '    """The error; inputs, targets and constants are data."""',
            "    return _forward(parameters, inputs, targets, constants)[0]",
            "",
            "",
            "def _forward(parameters, inputs, targets, constants):",
            *_indented(lines, 4),
            f"    slopes = [jnp.asarray(s, parameters.dtype) for s in {tuple_text(_slopes(program))}]",
            f"    return {error}, jnp.stack(slopes)",
            "",
            "",
            "def _backward(slopes, above):",
            "    return above * slopes, None, None, None",
            "",
            "",
            "error.defvjp(_forward, _backward)",
            "",
            "",
            *main_lines(_JAX_SCALAR_CHECK, is_distributed(derivation.graph), "t = t / t.sum()"),
        ]
    )


def _scalar_lines(program: Program) -> list[str]:
    return [
        *unpacked(program, "parameters", "inputs", "targets", "constants"),
        *written([*program.forward, *program.error, *program.backward, *program.gradients.values()]),
    ]


def _slopes(program: Program) -> Iterator[str]:
    """∂E/∂w for each parameter; 0 for one that was not derived."""
    for w in program.leaves.parameters:
        yield program.gradients[w].variable if w in program.gradients else "0.0"


# ---------------------------------------------------------------- matrix form


def torch_matrix(pattern: Pattern, network: Network) -> str:
    """X and T with samples as rows, W and b of each layer; the gradient layer by layer."""
    names = parameter_names(pattern)
    forward, saved = _forward_lines(pattern, TORCH)
    backward, slopes = _backward_lines(pattern, TORCH)
    kept = tuple_text([*(n for n in names if n[0] == "W"), "X", "T", *saved])
    return _text(
        [
            '"""Backpropagation as derived by backprop-symbolic: matrix form, torch.autograd.Function."""',
            "",
            *network_comment(network, pattern.network),
            "",
            *_imports([*forward, *backward], "import torch"),
            *_shapes(pattern, network),
            "",
            "",
            "class Error(torch.autograd.Function):",
            f'    """Error.apply(X, T, constants, {", ".join(names)}): the mean error of a batch."""',
            "",
            "    @staticmethod",
            f"    def forward(ctx, X, T, constants, {', '.join(names)}):",
            *_indented([*_constants(pattern), *forward], 8),
            f"        ctx.save_for_backward{kept}",
            "        return E",
            "",
            "    @staticmethod",
            "    def backward(ctx, above):",
            f"        {kept} = ctx.saved_tensors",
            *_indented(backward, 8),
            f"        return None, None, None, {', '.join(slopes)}",
            "",
            "",
            *main_lines(_TORCH_MATRIX_CHECK, pattern.distributed, "T = T / T.sum(-1, keepdims=True)"),
        ]
    )


def jax_matrix(pattern: Pattern, network: Network) -> str:
    """The same for JAX: parameters is a tuple W1, b1, W2, …"""
    names = parameter_names(pattern)
    forward, saved = _forward_lines(pattern, JAX)
    backward, slopes = _backward_lines(pattern, JAX)
    kept = tuple_text([*(n for n in names if n[0] == "W"), "X", "T", *saved])
    return _text(
        [
            '"""Backpropagation as derived by backprop-symbolic: matrix form, jax.custom_vjp."""',
            "",
            *network_comment(network, pattern.network),
            "",
            *_imports([*forward, *backward], "import jax", "import jax.numpy as jnp"),
            *_shapes(pattern, network),
            "",
            "",
            "@jax.custom_vjp",
            "def error(parameters, X, T, constants=()):",
            f'    """The mean error of a batch; parameters is the tuple {", ".join(names)}."""',
            "    return _forward(parameters, X, T, constants)[0]",
            "",
            "",
            "def _forward(parameters, X, T, constants):",
            f"    {tuple_text(names)} = parameters",
            *_indented([*_constants(pattern), *forward], 4),
            f"    return E, {kept}",
            "",
            "",
            "def _backward(saved, above):",
            f"    {kept} = saved",
            *_indented(backward, 4),
            f"    return {tuple_text(slopes)}, None, None, None",
            "",
            "",
            "error.defvjp(_forward, _backward)",
            "",
            "",
            *main_lines(_JAX_MATRIX_CHECK, pattern.distributed, "T = T / T.sum(-1, keepdims=True)"),
        ]
    )


def _constants(pattern: Pattern) -> list[str]:
    if pattern.network.bias != "fixed":
        return []
    return [f"{tuple_text(f'b{layer.number}' for layer in pattern.layers)} = constants"]


def _printer(layer: Layer, dialect: Dialect) -> Printer:
    n = layer.number
    back = f"(D{n + 1} @ W{n + 1})"
    return Printer({NET: f"net{n}", OUT: f"Y{n}", TARGET: "T", BACK: back, PROBABILITY: "P"}, dialect)


def _forward_lines(pattern: Pattern, dialect: Dialect) -> tuple[list[str], list[str]]:
    """The lines from X to E, and what of them the way back needs."""
    lines: list[str] = []
    library = "torch" if dialect is TORCH else "jax.nn"
    for layer in pattern.layers:
        n, words, text = layer.number, Words(layer.number), _printer(layer, dialect)
        below = "X" if n == 1 else f"Y{n - 1}"
        bias = {"1": " + 1.0", "none": ""}.get(layer.bias, f" + b{n}")
        lines.append(f"net{n} = {below} @ W{n}.T{bias}")
        lines.append(comment(f"y{upper(n)} = {words(layer.activation)}"))
        if isinstance(layer.activation, Function):
            lines.append(f"Y{n} = {library}.softmax(net{n}, -1)")
        else:
            lines.append(f"Y{n} = {text(stable(layer.activation))}")
    last = pattern.layers[-1]
    saved = [f"{kind}{layer.number}" for layer in pattern.layers for kind in ("net", "Y")]
    if pattern.through:
        lines.append(f"P = {library}.softmax(Y{last.number}, -1)")
        saved.append("P")
    lines.append(comment(f"E = Σ {Words(last.number)(pattern.part)}, the mean over the samples"))
    lines.append(f"E = ({_printer(last, dialect)(stable(pattern.part))}).sum() / len(X)")
    return lines, saved


def _backward_lines(pattern: Pattern, dialect: Dialect) -> tuple[list[str], list[str]]:
    """The lines of δ from the last layer down, and the gradient of each parameter."""
    lines: list[str] = []
    slopes: list[str] = []
    for layer in reversed(pattern.layers):
        n, words, text = layer.number, Words(layer.number), _printer(layer, dialect)
        lines.append(comment(f"δ{upper(n)} = {words(layer.delta)}"))
        formula = text(stable(layer.delta), PRODUCT)
        if not symbols(layer.delta):  # a step's f' = 0
            formula = f"{dialect.prefix}full_like(Y{n}, {formula})"
        lines.append(
            f"D{n} = above / len(X) * {formula}" if n == len(pattern.layers) else f"D{n} = {formula}"
        )
        below = "X" if n == 1 else f"Y{n - 1}"
        here = [f"{_times(layer.weight)}D{n}.T @ {below}"]
        if is_trained(layer):
            total = f"D{n}.sum(0)" if layer.bias == "node" else f"D{n}.sum().reshape(1)"
            here.append(f"{_times(layer.bias_weight)}{total}")
        slopes = here + slopes
    return lines, slopes


def _times(factor: Rational) -> str:
    return "" if factor == 1 else f"{numeral(factor)[0]} * "


def _shapes(pattern: Pattern, network: Network) -> list[str]:
    return [
        f"SIZES = {network.sizes!r}",
        f"PARAMETERS = {tuple_text(map(repr, parameter_names(pattern)))}",
        f"SHAPES = {tuple_text(shapes(pattern, network))}",
        f"CONSTANTS = {len(pattern.layers) if network.bias == 'fixed' else 0}  # fixed biases, one per layer",
    ]


# ---------------------------------------------------------------- text


def _imports(lines: Iterable[str], *needed: str) -> list[str]:
    standard = ["import math", ""] if any("math." in line for line in lines) else []
    return [*standard, *needed, ""]


def _indented(lines: Iterable[str], by: int) -> list[str]:
    return [" " * by + line for line in lines]


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


_TORCH_SCALAR_CHECK = """\
def check():
    \"\"\"True where torch.autograd.gradcheck finds the derived gradient in finite differences.\"\"\"
    draw = torch.Generator().manual_seed(0)
    p, x, t, c = (
        torch.rand(len(names), generator=draw, dtype=torch.float64) * 0.8 + 0.1
        for names in (PARAMETERS, INPUTS, TARGETS, CONSTANTS)
    )
    # targets
    return torch.autograd.gradcheck(lambda w: Error.apply(w, x, t, c), (p.requires_grad_(),))


if __name__ == "__main__":
    print("gradcheck", check())
""".splitlines()
_TORCH_MATRIX_CHECK = """\
def check(samples=3):
    \"\"\"True where torch.autograd.gradcheck finds the derived gradient in finite differences.\"\"\"
    draw = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.rand(shape, generator=draw, dtype=torch.float64) * 0.8 + 0.1

    X, T = random(samples, SIZES[0]), random(samples, SIZES[-1])
    # targets
    weights = [random(*shape).div_(shape[-1]).requires_grad_() for shape in SHAPES]
    constants = (0.5,) * CONSTANTS
    return torch.autograd.gradcheck(lambda *w: Error.apply(X, T, constants, *w), weights, fast_mode=True)


if __name__ == "__main__":
    print("gradcheck", check())
""".splitlines()
_JAX_SCALAR_CHECK = """\
def check():
    \"\"\"True where jax.test_util.check_grads finds the derived gradient in finite differences.\"\"\"
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    keys = jax.random.split(jax.random.key(0), 4)
    p, x, t, c = (
        jax.random.uniform(key, (len(names),), minval=0.1, maxval=0.9)
        for key, names in zip(keys, (PARAMETERS, INPUTS, TARGETS, CONSTANTS))
    )
    # targets
    check_grads(lambda w: error(w, x, t, c), (p,), order=1, modes=("rev",))
    return True


if __name__ == "__main__":
    print("check_grads", check())
""".splitlines()
_JAX_MATRIX_CHECK = """\
def check(samples=3):
    \"\"\"True where jax.test_util.check_grads finds the derived gradient in finite differences.\"\"\"
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    shapes = ((samples, SIZES[0]), (samples, SIZES[-1]), *SHAPES)
    keys = jax.random.split(jax.random.key(0), len(shapes))
    X, T, *weights = (
        jax.random.uniform(key, shape, minval=0.1, maxval=0.9) for key, shape in zip(keys, shapes)
    )
    # targets
    weights = tuple(w / w.shape[-1] for w in weights)
    constants = (0.5,) * CONSTANTS
    check_grads(lambda *w: error(w, X, T, constants), weights, order=1, modes=("rev",))
    return True


if __name__ == "__main__":
    print("check_grads", check())
""".splitlines()
