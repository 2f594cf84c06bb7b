"""Whole processes: what a command costs beyond the imports that it cannot do without."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.timing import Row, at_most, paired, process, show

NO_SYMPY = """
import sys
from backprop_symbolic.cli import derive_main
try:
    derive_main(["--help"])
except SystemExit:
    pass
print("sympy" in sys.modules, "jinja2" in sys.modules, file=sys.stderr)
"""


def derive() -> list[str]:
    """The console script beside this Python, or the module where the package is not installed."""
    script = Path(sys.executable).with_name("derive")
    return [str(script)] if script.exists() else [sys.executable, "-m", "backprop_symbolic", "derive"]


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def measure(pairs: int = 15) -> list[Row]:
    rows = []
    for arguments, floor, target in (
        (["--weight", "w31"], "import sympy, jinja2, click", 1.25),
        (["--weight", "w11"], "import sympy, jinja2, click", None),
        (["--help"], "import click", 1.4),
    ):
        ratio, note = paired(process([*derive(), *arguments]), process(python(floor)), pairs)
        what = f"derive {' '.join(arguments)}  /  {floor}"
        rows.append(at_most(what, ratio, target, note) if target else Row(what, "", f"{ratio:.2f}{note}"))
    run = subprocess.run(python(NO_SYMPY), check=True, capture_output=True, text=True)
    clean = run.stderr.split() == ["False", "False"]
    rows.append(Row("derive --help imports neither SymPy nor Jinja", "yes", "yes" if clean else "no", clean))
    return rows


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--pairs", type=int, default=15, help="pairs of processes per row")
    show("Whole processes", measure(parser.parse_args(args).pairs))


if __name__ == "__main__":
    main()
