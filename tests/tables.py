"""The tables of docs/activations.md and docs/losses.md, made from the registries.

python -m tests.tables          writes them between their marks
python -m tests.tables --check  names the files that are not current and exits with 1
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sympy import Symbol

from backprop_symbolic import losses as losses_module
from backprop_symbolic.activations import Activation, activations, general, layer_activations
from backprop_symbolic.algebra import X
from backprop_symbolic.calculus import kinks
from backprop_symbolic.graph import auto_latex
from backprop_symbolic.losses import Loss, losses
from backprop_symbolic.printing import BREAK, Latex

DOCS = Path(__file__).resolve().parent.parent / "docs"
BEGIN, END = "<!-- table: made by python -m tests.tables -->", "<!-- end of the table -->"


def formula(expr: Any, entry: Any) -> str:
    """A formula in GitHub's inline mathematics, fit for a table."""
    names = {Symbol(p.name): p.latex for p in entry.parameters} | {X: "x"}
    shown = Latex({**{s: auto_latex(s.name) for s in expr.free_symbols}, **names})(expr)
    return "$`" + shown.replace(BREAK, "").replace("|", r"\vert ") + "`$"


def code(text: str) -> str:
    return f"`{text}`" if text else "none"


def parameters(entry: Any) -> str:
    shown = [f"`{p.name}` = {p.default}" for p in entry.parameters]
    return ", ".join(shown) if shown else ""


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def conventions(entry: Activation) -> str:
    """f' at each kink for the default parameters."""
    number = Latex({})
    return ", ".join(f"$`f'({number(at)}) = {number(slope)}`$" for at, slope in kinks(entry))


def activation_table() -> str:
    rows = [
        (
            code(e.name),
            formula(general(e), e),
            parameters(e),
            conventions(e),
            ", ".join(map(code, e.aliases)),
            code(e.torch),
        )
        for e in activations
    ]
    rows += [(code(e.name), f"`{e.formula}`", "", "", "", code(e.torch)) for e in layer_activations]
    return table(("name", "f(x)", "parameters", "at kinks", "also called", "in PyTorch"), rows)


def loss_form(loss: Loss) -> str:
    return r"$`\sum_k `$ " + formula(losses_module.general(loss), loss)


def loss_table() -> str:
    rows = [
        (
            code(e.name),
            loss_form(e) + (f", o = {e.through} of the outputs" if e.through else ""),
            parameters(e),
            ", ".join(map(code, e.aliases)),
            code(e.torch),
        )
        for e in losses
    ]
    return table(("name", "E of one sample", "parameters", "also called", "the same in PyTorch"), rows)


TABLES = {"activations.md": activation_table, "losses.md": loss_table}


def current(name: str) -> str:
    """The page with its table as the registry has it now."""
    text = (DOCS / name).read_text(encoding="utf-8")
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    assert pattern.search(text), f"{name} has no place for the table"
    return pattern.sub(lambda _: f"{BEGIN}\n\n{TABLES[name]()}\n\n{END}", text)


if __name__ == "__main__":
    stale = [name for name in TABLES if current(name) != (DOCS / name).read_text(encoding="utf-8")]
    if sys.argv[1:] == ["--check"]:
        sys.exit(f"not current: {' '.join(stale)}" if stale else 0)
    for name in stale:
        (DOCS / name).write_text(current(name), encoding="utf-8")
        print(name)
