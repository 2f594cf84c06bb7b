"""`python -m benchmarks`: every table, in a few minutes. It asserts nothing and exits with 0."""

from __future__ import annotations

import argparse

from benchmarks import against_sympy, facts, growth, notes, proofs, review, startup
from benchmarks.timing import show

parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
parser.add_argument("--full", action="store_true", help="run SymPy on the 3 × 16 network too: minutes")
given = parser.parse_args()

show("Whole processes", startup.measure())
show("Growth", growth.measure())
show("Proofs", proofs.measure())
show("Facts", facts.measure())
show("Lecture notes", notes.measure())
if rows := review.measure():
    show("Published derivations reviewed", rows)
show("Against SymPy", against_sympy.measure(against_sympy.REAL if given.full else against_sympy.SMALL))
