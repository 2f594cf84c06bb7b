"""Facts of all shipped activations, against the time of importing SymPy."""

from __future__ import annotations

import argparse
import subprocess
import sys
from statistics import median

from benchmarks.timing import Row, figure, show

IMPORT = "import time; t = time.perf_counter(); import sympy; print(time.perf_counter() - t)"
FACTS = """
import time
from backprop_symbolic.activations import activations, formula
from backprop_symbolic.facts import facts
entries = list(activations)
for entry in entries:
    formula(entry)
for entry in entries:
    start = time.perf_counter()
    facts(entry)
    print(entry.name, time.perf_counter() - start)
"""


def run(code: str) -> list[list[str]]:
    """The words of each line that a new interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return [line.split() for line in done.stdout.splitlines()]


def measure(rounds: int = 5) -> list[Row]:
    alone: list[float] = []
    spent: dict[str, list[float]] = {}
    for _ in range(rounds):
        alone.append(float(run(IMPORT)[0][0]))
        for name, seconds in run(FACTS):
            spent.setdefault(name, []).append(float(seconds) / alone[-1])
    each = {name: median(ratios) for name, ratios in spent.items()}
    dearest = sorted(each, key=lambda name: each[name])[::-1]
    shown = ", ".join(f"{name} {each[name]:.2f}" for name in dearest[:5])
    return [
        figure(f"facts of all {len(each)} activations / import sympy", f"{sum(each.values()):.2f}"),
        figure("one activation, median / import sympy", f"{median(each.values()):.3f}"),
        figure("the dearest", shown),
    ]


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.facts", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="new interpreters of each kind")
    show("Facts", measure(parser.parse_args(args).rounds))


if __name__ == "__main__":
    main()
