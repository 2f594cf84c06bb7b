"""Paired timing: every ratio compares two things measured in turn, and is the median of the pairs.

A machine that slows down for a while slows both sides of a pair, so the ratio stays; the seconds
beside it are of this machine and mean little elsewhere.
"""

from __future__ import annotations

import gc
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, the target in words, the figure in words."""

    what: str
    target: str
    measured: str
    met: bool | None = None  # None where there is no target


def at_most(what: str, ratio: float, target: float, note: str = "") -> Row:
    """A ratio that should not be above `target`."""
    return Row(what, f"≤ {target:.3g}", f"{ratio:.2f}{note}", ratio <= target)


def at_least(what: str, ratio: float, target: float, note: str = "") -> Row:
    """A ratio that should not be below `target`."""
    return Row(what, f"≥ {target:.3g}", f"{ratio:,.0f}{note}", ratio >= target)


def figure(what: str, measured: str) -> Row:
    """A figure without a target."""
    return Row(what, "", measured)


def seconds(work: Callable[[], object]) -> float:
    """The time of one call, with no old garbage to collect inside it."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def process(command: Sequence[str]) -> Callable[[], object]:
    """A whole process, from start to exit; its output goes through a pipe.

    It may keep compiled modules, as an installed package does.
    """
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return lambda: subprocess.run(command, check=True, capture_output=True, env=env)


def rounds(works: Sequence[Callable[[], object]], count: int) -> list[list[float]]:
    """`count` times of each work, measured in turn; a first round warms up and is not counted."""
    for work in works:
        work()
    times: list[list[float]] = [[] for _ in works]
    for number in range(count):
        # Every other round runs backwards, so that no side is always the one measured first.
        order = range(len(works)) if number % 2 == 0 else reversed(range(len(works)))
        for i in order:
            times[i].append(seconds(works[i]))
    return times


def paired(ours: Callable[[], object], theirs: Callable[[], object], count: int) -> tuple[float, str]:
    """The median over pairs of ours/theirs, and the median times in words."""
    a, b = rounds([ours, theirs], count)
    ratio = median(x / y for x, y in zip(a, b, strict=True))
    return ratio, f"  ({1000 * median(a):.0f} ms / {1000 * median(b):.0f} ms)"


def show(title: str, rows: Sequence[Row]) -> None:
    """Prints a table: what, target, measured, whether it is met."""
    wide = max(len(r.what) for r in rows)
    target = max(6, *(len(r.target) for r in rows))
    print(f"\n{title}\n{'-' * len(title)}")
    print(f"{'':{wide}}  {'target':{target}}  measured")
    for r in rows:
        mark = {True: "  ok", False: "  MISSED", None: ""}[r.met]
        print(f"{r.what:{wide}}  {r.target:{target}}  {r.measured}{mark}", flush=True)
