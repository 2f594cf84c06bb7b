r"""Names: what a quantity is called when typed, and how it is written.

A notation is one TOML file: a table `[typed]` with the name as typed for every role, a table
`[latex]` with the same in LaTeX, and `[latex.ko]` and the like for what a language writes
otherwise. In a pattern `<node>` is a number, and `<,>` is a comma where a number beside it has
two digits: `w<node><,><from_node>` gives w31 and w10,3.

    <index>      place within the layer, from 1        <from>       the same for the unit below
    <node>       number through hidden and output      <from_node>  the same for the unit below
    <layer>      layer, 1 = first with weights         <number>     number of the weight in all
    <unit>       h1, h2, … o1, o2 …: hidden units numbered through, outputs on their own
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from backprop_symbolic.errors import BadNotation, quoted, unknown

ROLES = (
    "input", "target", "weight", "bias_layer", "bias_node", "bias_fixed", "net", "hidden",
    "output", "part", "error", "delta_hidden", "delta_output", "rate",
)  # fmt: skip
#: Roles that a file of one's own may leave out; the lecture's names are used then.
OPTIONAL = ("probability", "penalty_l1", "penalty_l2", "rate_l1", "rate_l2")
FIELDS = ("index", "node", "layer", "from", "from_node", "number", "unit")
_HERE = Path(__file__).parent / "notations"
#: What a LaTeX pattern may hold: letters, digits, indices, and these commands.
_COMMANDS = {
    "mathit", "mathrm", "mathbf", "mathsf", "text", "hat", "bar", "tilde", "vec", "prime", "ell",
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "kappa",
    "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega",
    "Gamma", "Delta", "Theta", "Lambda", "Sigma", "Phi", "Psi", "Omega",
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Where a quantity stands in the network; the numbers a pattern may use."""

    index: int = 0
    node: int = 0
    layer: int = 0
    from_: int = 0
    from_node: int = 0
    number: int = 0
    unit: str = ""

    def field(self, name: str) -> str:
        """The text of one pattern field."""
        return str(getattr(self, "from_" if name == "from" else name))


@dataclass(frozen=True)
class Notation:
    """How quantities are named (`names`) and written (`latex`, by language) for every role."""

    name: str
    names: Mapping[str, str]
    latex: Mapping[str, Mapping[str, str]]
    summary: Mapping[str, str]

    def typed(self, role: str, place: Place) -> str:
        """The name as typed: w31."""
        return _filled(self.names[role])(place)

    def written(self, role: str, place: Place, language: str) -> str:
        """The LaTeX of the name: w_{31}."""
        patterns = self.latex.get(language, {})
        return _filled(patterns.get(role) or self.latex["*"][role])(place)


@cache
def _filled(pattern: str) -> Callable[[Place], str]:
    """The function that writes `pattern` for a place."""
    parts = re.split(r"<([a-z_]+|,)>", pattern)

    def fill(place: Place) -> str:
        texts = [place.field(p) if i % 2 and p != "," else p for i, p in enumerate(parts)]
        for i in range(1, len(parts), 2):
            if parts[i] == ",":
                beside = (texts[i - 2] if i > 1 else "", texts[i + 2] if i + 2 < len(texts) else "")
                texts[i] = "," if any(len(text) > 1 for text in beside) else ""
        return "".join(texts)

    return fill


def builtin_names() -> list[str]:
    """The notations that ship with the package."""
    return sorted((path.stem for path in _HERE.glob("*.toml")), key=lambda n: (n != "lecture", n))


def notation(name: str) -> Notation:
    """A notation by its name, or from a TOML file where `name` is a path that ends in .toml.

    A file is read each time. Raises UnknownName, or BadNotation where the file does not name every
    quantity.
    """
    return _read(Path(name), name) if name.endswith(".toml") else _builtin(name)


@cache
def _builtin(name: str) -> Notation:
    if name not in builtin_names():
        raise unknown("notation", name, builtin_names(), "(a file of your own ends in .toml)")
    return _read(_HERE / f"{name}.toml", name)


def _read(path: Path, shown: str) -> Notation:
    import tomllib

    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadNotation(f"notation file {quoted(shown)}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadNotation(f"notation file {quoted(shown)} is not TOML: {error}") from None
    names, latex = _table(data, "typed", shown), _table(data, "latex", shown)
    languages = {k: v for k, v in latex.items() if isinstance(v, dict)}
    base = {k: v for k, v in latex.items() if not isinstance(v, dict)}
    for title, table in (("typed", names), ("latex", base)):
        missing = [role for role in ROLES if role not in table]
        if missing:
            raise BadNotation(f"notation file {quoted(shown)}: [{title}] names no {quoted(missing[0])}")
    for title, table in (("typed", names), ("latex", base), *languages.items()):
        for role, pattern in table.items():
            _check(pattern, role, title, shown)
    if path.parent != _HERE or path.stem != "lecture":
        lecture = notation("lecture")
        for role in OPTIONAL:
            if role not in names:
                names[role] = lecture.names[role]
                base.setdefault(role, lecture.latex["*"][role])
            base.setdefault(role, names[role])
    summary = data.get("summary", {})
    return Notation(
        str(data.get("name", path.stem)),
        names,
        {"*": base, **languages},
        summary if isinstance(summary, dict) else {},
    )


def _table(data: Mapping[str, Any], key: str, shown: str) -> dict[str, Any]:
    table = data.get(key)
    if not isinstance(table, dict):
        raise BadNotation(f"notation file {quoted(shown)} has no table [{key}]")
    return table


def _check(pattern: object, role: str, table: str, shown: str) -> None:
    where = f"notation file {quoted(shown)}: [{table}] {role} = {quoted(pattern)}"
    if role not in (*ROLES, *OPTIONAL):
        raise BadNotation(f"{where} is for no known role; the roles are {' '.join((*ROLES, *OPTIONAL))}")
    if not isinstance(pattern, str) or not pattern:
        raise BadNotation(f"{where} is not a text")
    for field in re.findall(r"<([^>]*)>", pattern):
        if field != "," and field not in FIELDS:
            raise BadNotation(f"{where} has the unknown field <{field}>; known: {' '.join(FIELDS)}")
    rest = re.sub(r"<[^>]*>", "", pattern)
    if table == "typed":
        if not re.fullmatch(r"[^\W\d]\w*", rest + "x") or not rest:
            raise BadNotation(f"{where} is not a name of letters, digits and '_'")
        return
    for command in re.findall(r"\\([A-Za-z]+|.)", rest):
        if command not in _COMMANDS:
            raise BadNotation(f"{where} uses \\{command}, which a name may not")
    if not re.fullmatch(r"[\w^{}()\[\]',\\ ]*", rest):
        raise BadNotation(f"{where} holds a character that a name may not")
    depth = 0
    for c in rest:
        depth += (c == "{") - (c == "}")
        if depth < 0:
            break
    if depth:
        raise BadNotation(f"{where} has braces that do not match")
