"""Names of quantities as names of Python variables: one for one, and none that Python would miss."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable, Mapping


def mangled(names: Iterable[str], reserved: Iterable[str]) -> Mapping[str, str]:
    """name → variable, no two alike and none in `reserved`.

    A name that is a variable already stays as it is, Hangul included. Otherwise what cannot stand
    in one becomes '_' (w10,3 → w10_3), and a number is added where that is taken.
    """
    given = list(dict.fromkeys(names))
    taken = set(reserved)
    found = {name: name for name in given if _stays(name) and name not in taken}
    taken.update(found)
    for name in given:
        if name not in found:
            found[name] = variable = _free(_legal(name), taken)
            taken.add(variable)
    return {name: found[name] for name in given}


def free(wanted: str, taken: set[str]) -> str:
    """A variable like `wanted` that is not taken yet; it is taken from now on."""
    variable = _free(_legal(wanted), taken)
    taken.add(variable)
    return variable


def _stays(name: str) -> bool:
    """Whether Python reads `name` as this very variable: it takes ﬁ for fi, by NFKC."""
    return (
        name.isidentifier()
        and unicodedata.normalize("NFKC", name) == name
        and not keyword.iskeyword(name)
        and not name.startswith("__")
    )


def _legal(name: str) -> str:
    kept = re.sub(r"\W", "_", unicodedata.normalize("NFKC", name)).strip("_") or "q"
    legal = kept if kept.isidentifier() else f"q_{kept}"
    return f"{legal}_" if keyword.iskeyword(legal) else legal if _stays(legal) else "q"


def _free(wanted: str, taken: set[str]) -> str:
    variable, number = wanted, 2
    while variable in taken:
        variable, number = f"{wanted.rstrip('_')}_{number}", number + 1
    return variable
