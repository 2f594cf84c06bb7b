"""Injected faults: damaged lines of our own documents that are found, named, and blamed on no other line.

`python -m benchmarks.review_faults`: 1,260 seeds, a table by kind of damage.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import faults


def measure(cases: int, first: int = 0, verbose: bool = False) -> list[str]:
    """A table in Markdown: kind of damage, cases, found, kind named, other lines blamed."""
    found: dict[str, list[faults.Judged]] = defaultdict(list)
    start = time.perf_counter()
    for seed in range(first, first + cases):
        judged = faults.judged(seed)
        if judged is None:
            continue
        found[judged.fault.kind].append(judged)
        if verbose and not (judged.found and judged.named and not judged.blamed):
            print(seed, judged)
    taken = time.perf_counter() - start
    rows = ["| damage | cases | found | kind named | another line blamed |", "|---|---:|---:|---:|---:|"]
    every = [j for kind in faults.KINDS for j in found[kind]]
    for kind, judged_ones in [*((k, found[k]) for k in faults.KINDS), ("all", every)]:
        count = len(judged_ones)
        if count:
            cells = [sum(j.found for j in judged_ones), sum(j.named for j in judged_ones)]
            shares = " | ".join(f"{c} ({100 * c / count:.1f} %)" for c in cells)
            rows.append(f"| {kind} | {count} | {shares} | {sum(bool(j.blamed) for j in judged_ones)} |")
    rows.append(f"\n{len(every)} cases in {taken:.0f} s")
    return rows


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.review_faults", description=__doc__)
    parser.add_argument("--cases", type=int, default=1260, help="seeds to draw")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--verbose", action="store_true", help="print every case that is not perfect")
    given = parser.parse_args(args)
    print("\n".join(measure(given.cases, given.first, given.verbose)))


if __name__ == "__main__":
    main()
