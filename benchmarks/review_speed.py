"""Reviewing: whole processes against SymPy's import, and how the time grows with the equations.

`python -m benchmarks.review_speed`: texts with 1,000 and 4,000 equations, each with names of its own,
and the derivations of all weights of one network; each ratio of pairs measured in turn.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from backprop_symbolic import Network
from backprop_symbolic.api import derive
from backprop_symbolic.graph import dense
from backprop_symbolic.notation import notation
from backprop_symbolic.review import command
from backprop_symbolic.review.context import Given
from backprop_symbolic.review.tree import RIGHT, WRONG
from benchmarks.timing import Row, at_most, figure, paired, process, show

IMPORT = [sys.executable, "-c", "import sympy"]
SIMPLE, DERIVED, GROWTH = 5.0, 5.0, 4.4


def simple(count: int) -> str:
    """`count` equations: y = k x² + b and dy/dx = 2 k x in turn, every pair with its own names."""
    pairs = (
        rf"$$ y_{{{i}}} = {i % 7 + 2} x_{{{i}}}^2 + b_{{{i}}} $$" + "\n\n"
        rf"$$ \frac{{\partial y_{{{i}}}}}{{\partial x_{{{i}}}}} = {2 * (i % 7 + 2)} x_{{{i}}} $$" + "\n\n"
        for i in range(1, count // 2 + 1)
    )
    return "".join(pairs)


def mistaken(count: int) -> str:
    """`count` equations of which every other one is wrong in a way that no usual repair mends."""
    pairs = (
        rf"$$ y_{{{i}}} = {i % 7 + 2} x_{{{i}}}^2 + b_{{{i}}} $$" + "\n\n"
        rf"$$ \frac{{\partial y_{{{i}}}}}{{\partial x_{{{i}}}}} = 97 x_{{{i}}} + 3 \cos(x_{{{i}}}) $$"
        + "\n\n"
        for i in range(1, count // 2 + 1)
    )
    return "".join(pairs)


def derived(sizes: list[int]) -> str:
    """The derivations of all weights of a network, as `derive --weight all` writes them."""
    return derive(dense(Network.dense(sizes), notation("layered")), "all").markdown()


def equations(text: str) -> int:
    """How many equations of a text are decided; all of these are."""
    findings = command.judged("text.md", text.encode(), Given()).findings
    assert all(finding.verdict in (RIGHT, WRONG) for finding in findings)
    return len(findings)


def script(path: Path) -> list[str]:
    """`backprop review` of a file, beside this Python or by its module."""
    found = Path(sys.executable).with_name("backprop")
    start = [str(found)] if found.exists() else [sys.executable, "-m", "backprop_symbolic"]
    return [*start, "review", "--fail-on", "never", "--quiet", "-o", f"{path}.txt", str(path)]


def measure(pairs: int = 7) -> list[Row]:
    """The table."""
    few, many, network = simple(1000), simple(4000), derived([8, 8, 8])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for text, what, target in (
            (few, "simple equations", SIMPLE),
            (network, "lines that derive all weights of 8-8-8", DERIVED),
            (mistaken(1000), "equations, half of them wrong beyond repair", None),
        ):
            path = Path(folder, "text.md")
            path.write_text(text, encoding="utf-8")
            ratio, note = paired(process(script(path)), process(IMPORT), pairs)
            count = equations(text)
            title = f"review of {count:,} {what}  /  import sympy"
            told = (
                figure(title, f"{ratio:.2f}{note}") if target is None else at_most(title, ratio, target, note)
            )
            rows.append(told)
    ratio, note = paired(lambda: equations(many), lambda: equations(few), pairs)
    rows.append(at_most("4,000 simple equations  /  1,000, without imports", ratio, GROWTH, note))
    some, more = mistaken(1000), mistaken(4000)
    ratio, note = paired(lambda: equations(more), lambda: equations(some), pairs)
    rows.append(
        at_most("4,000 equations, half of them wrong  /  1,000, without imports", ratio, GROWTH, note)
    )
    small, large = derived([4, 4, 4]), network
    ratio, note = paired(lambda: equations(large), lambda: equations(small), pairs)
    lengths = f"characters {len(large) / len(small):.1f}, lines {equations(large) / equations(small):.1f}"
    rows.append(figure(f"8-8-8  /  4-4-4: {lengths}; time", f"{ratio:.2f}{note}"))
    return rows


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.review_speed", description=__doc__)
    parser.add_argument("--pairs", type=int, default=7, help="pairs per row")
    show("Speed of reviews", measure(parser.parse_args(args).pairs))


if __name__ == "__main__":
    main()
