"""Lecture notes: each format of the whole lecture against SymPy's import, and growth with the edges."""

from __future__ import annotations

import argparse
import subprocess
import sys
from functools import partial
from itertools import pairwise

from backprop_symbolic.graph import dense
from backprop_symbolic.lecture import Lecture, notes
from backprop_symbolic.render import Options, formats, write_document
from backprop_symbolic.spec import Network
from benchmarks.timing import Row, at_most, figure, seconds, show

FOUR = ([2, 8, 2], [2, 8, 8, 2], [2, 8, 8, 8, 2], [2, 8, 8, 8, 8, 8, 2])


def sympy_import() -> float:
    """Seconds of SymPy's import in a new interpreter."""
    code = "import time; t = time.perf_counter(); import sympy; print(time.perf_counter() - t)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(run.stdout)


def written(sizes: list[int], format_: str) -> None:
    """The notes on a network, derived and rendered, without pictures."""
    found = notes(Lecture(dense(Network.dense(sizes)), plots=False))
    write_document(found.document, format_, found.names("ko"), Options("ko", standalone=True))


def best(sizes: list[int], format_: str, rounds: int) -> float:
    """The shortest of some runs."""
    return min(seconds(partial(written, sizes, format_)) for _ in range(rounds))


def measure(rounds: int = 3) -> list[Row]:
    rows = []
    for entry in formats:
        if entry.document is not None:
            written([2, 2, 2], entry.name)  # what is loaded once is loaded
            ratio = min(best([2, 2, 2], entry.name, 1) / sympy_import() for _ in range(rounds))
            rows.append(at_most(f"2-2-2 as {entry.name}, without pictures / import sympy", ratio, 2))
    each = []
    for sizes in FOUR:
        edges = sum(a * b for a, b in pairwise(sizes))
        each.append(best(sizes, "markdown", rounds) / edges)
        name = "-".join(map(str, sizes))
        rows.append(figure(f"{name}, {edges} edges", f"{each[-1] * 1000:.1f} ms an edge"))
    rows.append(at_most("the largest / the smallest, per edge", each[-1] / each[0], 1.5))
    return rows


def main(args: list[str] | None = None) -> None:
    argparse.ArgumentParser(prog="python -m benchmarks.notes", description=__doc__).parse_args(args)
    show("Lecture notes", measure())


if __name__ == "__main__":
    main()
