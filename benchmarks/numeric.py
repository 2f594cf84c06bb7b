"""Generated programs: a training step against PyTorch eager and against the bare matrix products.

Each table comes from a process of its own, with one thread or two. OPENBLAS_CORETYPE and
OPENBLAS_L2_SIZE are taken out of its environment: where they are set for another machine they slow
NumPy alone. Needs torch (`pip install torch==2.13.0`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from statistics import median

from backprop_symbolic import Network, derive
from backprop_symbolic.numeric.compile import compile_matrix, compile_scalar
from benchmarks.timing import Row, at_most, figure, rounds, show

#: Sizes, batch, dtype, rounds, steps in each, and what a step may take relative to PyTorch eager.
CASES = (
    ((784, 128, 10), 64, "float32", 40, 10, 0.75),
    ((784, 128, 10), 64, "float64", 30, 10, None),
    ((784, 1024, 1024, 10), 256, "float64", 12, 1, 1.05),
)
BARE = 1.2
SCALAR = 0.015


def eager(sizes: tuple[int, ...], batch: int, dtype: str) -> Callable[[], object]:
    """One step of PyTorch: modules, autograd, torch.optim.SGD."""
    import torch

    kind = getattr(torch, dtype)
    layers = [
        m
        for a, b in pairwise(sizes)
        for m in (torch.nn.Linear(a, b, dtype=kind), torch.nn.Sigmoid())
    ]
    model = torch.nn.Sequential(*layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, t = torch.rand(batch, sizes[0], dtype=kind), torch.rand(batch, sizes[-1], dtype=kind)

    def step() -> object:
        optimizer.zero_grad()
        error = 0.5 * ((t - model(x)) ** 2).sum() / batch
        error.backward()
        optimizer.step()
        return error.item()

    return step


def bare(sizes: tuple[int, ...], batch: int, dtype: str) -> Callable[[], object]:
    """The matrix products of one step, into buffers, and nothing else."""
    import numpy as np

    weights = [np.full((b, a), 0.01, dtype) for a, b in pairwise(sizes)]
    slopes = [np.empty_like(w) for w in weights]
    values = [np.full((batch, n), 0.5, dtype) for n in sizes]
    deltas = [np.full((batch, n), 0.5, dtype) for n in sizes]
    out = [np.empty((batch, n), dtype) for n in sizes]

    def products() -> None:
        for i, w in enumerate(weights):
            np.matmul(values[i], w.T, out=out[i + 1])
        for i in range(len(weights) - 1, -1, -1):
            np.matmul(deltas[i + 1].T, values[i], out=slopes[i])
            if i:
                np.matmul(deltas[i + 1], weights[i], out=out[i])

    return products


def ours(sizes: tuple[int, ...], batch: int, dtype: str) -> Callable[[], object]:
    """One step of the generated program."""
    import numpy as np

    compiled = compile_matrix(Network.dense(sizes, bias="node"), dtype)
    parameters, work = compiled.functions["initial"](), compiled.functions["workspace"](batch)
    source = np.random.default_rng(0)
    x, t = source.random((batch, sizes[0])).astype(dtype), source.random((batch, sizes[-1])).astype(dtype)
    step = compiled.functions["step"]
    return lambda: step(parameters, x, t, 0.1, (), work)


def repeated(work: Callable[[], object], times: int) -> Callable[[], object]:
    """`work` several times over: one collection of garbage before many steps."""

    def run() -> None:
        for _ in range(times):
            work()

    return run


def matrix_rows(
    sizes: tuple[int, ...], batch: int, dtype: str, count: int, inner: int, target: float | None
) -> list[Row]:
    works = [repeated(make(sizes, batch, dtype), inner) for make in (ours, eager, bare)]
    times = rounds(works, count)
    best = [min(t) / inner for t in times]
    what = f"{'-'.join(map(str, sizes))}, batch {batch}, {dtype}"
    note = f"  ({1e3 * best[0]:.2f} ms at best; best/best"
    rows = []
    for i, (name, bound) in enumerate((("PyTorch eager", target), ("bare products", BARE)), 1):
        ratio = median(a / b for a, b in zip(times[0], times[i], strict=True))
        shown = f"{note} {best[0] / best[i]:.3f})"
        label = f"{what}: step / {name}"
        rows.append(at_most(label, ratio, bound, shown) if bound else figure(label, f"{ratio:.2f}{shown}"))
    return rows


def scalar_rows(count: int = 30, inner: int = 5_000) -> list[Row]:
    """2-2-2: a thousand steps of straight-line Python against a few of PyTorch's."""
    rows = []
    theirs, few = eager((2, 2, 2), 1, "float64"), 50
    derivation = derive("2-2-2", "all").derivation
    for name in ("straight-line Python", "numba"):
        try:
            step = compile_scalar(derivation, njit=name == "numba").functions["step"]
            if name == "numba":
                import numba  # noqa: F401
        except ImportError:
            rows.append(figure(f"2-2-2, {name}", "not installed"))
            continue

        def steps(step: Callable[..., tuple] = step) -> None:
            p = (0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55)
            for _ in range(inner):
                _, p = step(p, (0.05, 0.1), (0.01, 0.99), 0.5)

        def torch_steps() -> None:
            for _ in range(few):
                theirs()

        a, b = rounds([steps, torch_steps], count)
        ratio = median((x / inner) / (y / few) for x, y in zip(a, b, strict=True))
        note = f"  ({1e6 * min(a) / inner:.2f} µs / {1e6 * min(b) / few:.0f} µs at best)"
        row = Row(
            f"2-2-2, {name}: step / PyTorch eager", f"≤ {SCALAR}", f"{ratio:.4f}{note}", ratio <= SCALAR
        )
        rows.append(row)
    return rows


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.numeric", description=__doc__)
    parser.add_argument("--threads", type=int, help="measure in this process, with so many threads")
    given = parser.parse_args(args)
    if given.threads is None:
        for threads in (1, 2):
            kept = {k: v for k, v in os.environ.items() if k not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")}
            limits = dict.fromkeys(
                ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads)
            )
            subprocess.run(
                [sys.executable, "-m", "benchmarks.numeric", "--threads", str(threads)],
                env={**kept, **limits},
                check=True,
            )
        return
    import torch

    torch.set_num_threads(given.threads)
    rows = [row for case in CASES for row in matrix_rows(*case)]
    if given.threads == 1:
        rows += scalar_rows()
    show(f"Generated programs, {given.threads} thread{'s' * (given.threads > 1)}", rows)


if __name__ == "__main__":
    main()
