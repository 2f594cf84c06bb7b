"""`python -m tests.golden [--check]`, from the root of the checkout."""

from __future__ import annotations

import sys

from tests.golden import ROOT, publish, stale, stale_notes, write

if sys.argv[1:] == ["--check"]:
    found = {**stale(), **dict(stale_notes())}
    for path, diff in found.items():
        print(f"{path.relative_to(ROOT)}\n{diff}\n")
    sys.exit(1 if found else 0)
if sys.argv[1:]:
    sys.exit("usage: python -m tests.golden [--check]")
touched = [*write(), *publish()]
for path in touched:
    print(path.relative_to(ROOT))
print(f"{len(touched)} files changed")
