"""One first-layer weight against SymPy's `diff` and `latex` of the composed loss.

SymPy gets the loss as one expression in inputs, targets and weights, because that is what `diff`
needs; its result is one formula. Ours is the whole derivation, verified. Each side runs in a
process of its own; imports are not counted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from itertools import pairwise

from benchmarks.timing import Row, at_least, figure, seconds, show

SMALL = "2-8-8-2"
REAL = "2-16-16-16-2"
#: Seconds of `diff` and of `latex` for REAL, as `--full` once measured them.
KNOWN = (10.7, 26.3)


def ours(sizes: str) -> str:
    """Seconds of the whole derivation of w11 and its LaTeX."""
    from backprop_symbolic import Network, derive

    derive(Network.dense([2, 2, 2]), "w31").latex()  # what is loaded once is not counted
    found: list[str] = []
    spent = seconds(lambda: found.append(derive(Network.parse(sizes), "w11").latex()))
    return f"{spent} {len(found[0])}"


def theirs(sizes: str) -> str:
    """Seconds of `diff` and of `latex`, and the size of the answer."""
    from sympy import Expr, Rational, Symbol, count_ops, exp, latex

    numbers = [int(part) for part in sizes.split("-")]
    values: list[Expr] = [Symbol(f"x_{i}") for i in range(1, numbers[0] + 1)]
    for layer, (before, units) in enumerate(pairwise(numbers), 1):
        weights = [[Symbol(f"w{layer}_{j}_{i}") for i in range(before)] for j in range(units)]
        nets = [sum((w * y for w, y in zip(row, values, strict=True)), Rational(1)) for row in weights]
        values = [1 / (1 + exp(-net)) for net in nets]
    loss = sum(Rational(1, 2) * (Symbol(f"t_{k}") - y) ** 2 for k, y in enumerate(values))
    found: list = []
    differentiating = seconds(lambda: found.append(loss.diff(Symbol("w1_0_0"))))
    writing = seconds(lambda: found.append(latex(found[0])))
    return f"{differentiating} {writing} {count_ops(found[0])} {len(found[1])}"


def run(side: str, sizes: str, timeout: float) -> list[float] | None:
    """The figures of one side, or None where it did not finish."""
    command = [sys.executable, "-m", "benchmarks.against_sympy", "--side", side, "--sizes", sizes]
    try:
        answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return None
    return [float(word) for word in answer.stdout.split()]


def measure(sizes: str = SMALL, timeout: float = 900) -> list[Row]:
    mine = run("ours", sizes, timeout)
    if mine is None:
        return [Row(f"derive --weight w11, {sizes}", "", f"not finished in {timeout:.0f} s", False)]
    what = f"SymPy diff + latex  /  derive + verify + LaTeX, w11 of {sizes}"
    rows = [figure(f"derivation of w11, {sizes}", f"{mine[0]:.3f} s, {mine[1] / 1e6:.3f} MB of LaTeX")]
    other = run("theirs", sizes, timeout)
    target = 100 if sizes == REAL else 0
    if other is None:
        ratio, note = timeout / mine[0], f" or more: SymPy did not finish in {timeout:.0f} s"
    else:
        diff, writing, operations, size = other
        ratio, note = (diff + writing) / mine[0], ""
        rows.append(
            figure(
                f"SymPy, {sizes}",
                f"{diff:.2f} s + {writing:.2f} s, {operations:,.0f} operations, {size / 1e6:.3f} MB of LaTeX",
            )
        )
    if target:
        rows.append(at_least(what, ratio, target, note))
    else:
        rows.append(figure(what, f"{ratio:,.0f}{note}"))
        known = run("ours", REAL, timeout)
        if known is not None:
            ratio = sum(KNOWN) / known[0]
            note = f"  ({sum(KNOWN):.0f} s known / {known[0]:.3f} s; --full measures both)"
            rows.append(at_least(f"the same for {REAL}", ratio, 100, note))
    return rows


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.against_sympy", description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"run SymPy on {REAL}: minutes")
    parser.add_argument("--timeout", type=float, default=900, help="seconds allowed to each process")
    parser.add_argument("--sizes", default=None, help=argparse.SUPPRESS)
    parser.add_argument("--side", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    given = parser.parse_args(args)
    sizes = given.sizes or (REAL if given.full else SMALL)
    if given.side:
        print({"ours": ours, "theirs": theirs}[given.side](sizes))
        return
    show("Against SymPy", measure(sizes, given.timeout))


if __name__ == "__main__":
    main()
