"""Training 2-2-2: one iteration of the loop, its checks included, beside PyTorch eager.

The loop looks at every error and every weight, counts epochs and keeps the curve; the bare step is
in `benchmarks.numeric`. Needs torch.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from statistics import median

from backprop_symbolic.numeric import values
from backprop_symbolic.numeric.optimizers import optimizers
from backprop_symbolic.numeric.session import Request, Session, prepare
from backprop_symbolic.numeric.train import Plan
from backprop_symbolic.spec import Network
from benchmarks.numeric import eager, repeated
from benchmarks.timing import Row, at_most, figure, rounds, show

ITERATIONS, EAGER_STEPS = 10_000, 50


def session(optimizer: str) -> Session:
    """The worked example with fixed biases, ready to train."""
    from backprop_symbolic.notation import notation

    network = Network.dense([2, 2, 2], bias="fixed")
    plan = Plan(optimizer, iterations=ITERATIONS, patience=0)
    return prepare(Request(network, [values.example("mazur")], plan=plan, style=notation("mazur"), rate=0.01))


def loop(optimizer: str) -> Callable[[], object]:
    """All iterations, each time from the beginning."""
    made = session(optimizer).trainer
    begun = made.parameters

    def run() -> None:
        made.parameters, made.states = begun, made.engine.states(begun)
        made.iteration, made.reason = 0, ""
        for _ in made.steps():
            pass

    return run


def measure(count: int = 10) -> list[Row]:
    rows = []
    theirs = repeated(eager((2, 2, 2), 1, "float64"), EAGER_STEPS)
    for name in optimizers.names():
        ours, other = rounds([loop(name), theirs], count)
        ratio = median((a / ITERATIONS) / (b / EAGER_STEPS) for a, b in zip(ours, other, strict=True))
        per_step, eager_step = (1e6 * min(t) / n for t, n in ((ours, ITERATIONS), (other, EAGER_STEPS)))
        rows.append(figure(f"{name}: iteration / PyTorch eager with SGD",
                           f"{ratio:.4f}  ({per_step:.1f} µs / {eager_step:.0f} µs at best)"))  # fmt: skip
        if name == "sgd":
            rows.append(at_most("sgd: seconds for 10,000 iterations", median(ours), 1.0))
    return rows


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="times everything is measured")
    show("Training 2-2-2", measure(parser.parse_args(args).rounds))


if __name__ == "__main__":
    main()
