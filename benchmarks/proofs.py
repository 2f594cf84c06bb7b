"""Proofs: what the page of each activation costs against SymPy's import, and how a proof grows with depth.

Growth is measured without the facts, whose work is bounded, and each time with another formula, so
that nothing is remembered.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from statistics import median

from backprop_symbolic.activations import activation, activations
from backprop_symbolic.page import activation_page, without_facts
from benchmarks.timing import Row, at_most, figure, rounds, seconds, show

DEPTHS = (4, 8, 16)
CHAIN = ("sin({})", "tanh(1 + {})", "exp(-{}**2)", "log(1 + {}**2)")


def sympy_import() -> float:
    """Seconds that `import sympy` takes in a new interpreter, measured inside it."""
    code = "import time; t = time.perf_counter(); import sympy; print(time.perf_counter() - t)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(run.stdout)


def nested(depth: int, constant: int = 0) -> str:
    """A sum of `depth` functions of functions: each more is a name and a chain rule more."""
    inner = f"sin(x)*{{}} + {constant}"
    terms = (CHAIN[i % len(CHAIN)].format(f"({i + 2}*x + {inner.format(i + 1)})") for i in range(depth))
    return " + ".join(terms)


def chained(depth: int, constant: int = 0) -> str:
    """sin(cos(sin(… x² + c))), `depth` functions deep."""
    text = f"x**2 + {constant}"
    for i in range(depth):
        text = f"{('sin', 'cos')[i % 2]}({text})"
    return text


def measure(count: int = 5) -> list[Row]:
    floor = median(sympy_import() for _ in range(count))
    names = activations.names()
    times = rounds([lambda name=name: activation_page(name) for name in names], count)
    each = {name: median(row) for name, row in zip(names, times, strict=True)}
    dearest = max(each, key=each.__getitem__)
    rows = [
        at_most("dearest proof / import sympy", each[dearest] / floor, 0.3,
                f"  ({dearest}, {1e3 * each[dearest]:.0f} ms / {1e3 * floor:.0f} ms)"),
        figure("all shipped proofs / import sympy", f"{sum(each.values()) / floor:.2f}"),
    ]  # fmt: skip
    for title, make in (("terms", nested), ("functions inside one another", chained)):
        grown = []
        for depth in DEPTHS:
            entries = [activation(make(depth, c)) for c in range(1, count + 1)]
            taken = [seconds(lambda e=entry: without_facts(e)) for entry in entries]
            grown.append(median(taken) / depth)
        shown = ", ".join(f"{d}: {1e3 * t:.1f}" for d, t in zip(DEPTHS, grown, strict=True))
        rows.append(figure(f"{title}: ms for each", shown))
        rows.append(at_most(f"{title}: deepest / shallowest, for each", grown[-1] / grown[0], 1.5))
    return rows


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proofs", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="times every proof is measured")
    show("Proofs", measure(parser.parse_args(args).rounds))


if __name__ == "__main__":
    main()
