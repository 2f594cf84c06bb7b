"""A context file: what a reader knows of a text and the text does not say, as TOML.

network = "2-2-2"              also activation, loss, bias, notation
definitions = ['z = w x + b']  formulas as the text would write them
[values]                       numbers, by our names or by those of the text
"w_{31}" = 0.4
[names]                        name in the text = our name
"target_{o1}" = "y_t1"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backprop_symbolic.errors import BadValues, quoted, unknown
from backprop_symbolic.numeric.values import Source, from_table, text_of

SETTINGS = ("network", "activation", "loss", "bias", "notation")
TABLES = ("values", "names")
KEYS = (*SETTINGS, "definitions", *TABLES)
MAX_FILE = 1_000_000


@dataclass(frozen=True)
class ContextFile:
    """What a context file says.

    sources      the network and numbers, as a values file says them
    names        name in the text → our name
    definitions  formulas that the text does not have
    """

    sources: tuple[Source, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    definitions: tuple[str, ...] = ()
    where: str = ""


def read(path: str | Path) -> ContextFile:
    """The context of a file. Raises BadValues or UnknownName, with the place."""
    import tomllib

    shown = f"context file {quoted(path)}"
    text = text_of(Path(path), shown, MAX_FILE)
    try:
        table = tomllib.loads(text)
    except RecursionError:
        raise BadValues(f"{shown} is nested too deeply") from None
    except ValueError as error:
        raise BadValues(f"{shown} is not TOML: {error}") from None
    return stated(table, str(path))


def stated(table: Mapping[str, Any], where: str) -> ContextFile:
    """What a table states. Raises BadValues or UnknownName."""
    for key in table:
        if key not in KEYS:
            raise unknown("key", key, KEYS, f"in context file {quoted(where)}")
    for key in TABLES:
        if not isinstance(table.get(key, {}), dict):
            raise BadValues(f"{where}: {quoted(key)} is a table, [{key}]")
    names = table.get("names", {})
    for name, ours in names.items():
        if not isinstance(ours, str) or not ours.strip() or not name.strip():
            raise BadValues(
                f'{where}: names.{quoted(name)} is one of our names between quotes, such as "w31"'
            )
    for name in table.get("values", {}):
        if name in SETTINGS:
            raise BadValues(f"{where}: {quoted(name)} says what the network is: put it before [values]")
    numbers = {names.get(name, name): number for name, number in table.get("values", {}).items()}
    if len(numbers) < len(table.get("values", {})):
        twice = next(name for name in table["values"] if names.get(name, name) != name)
        raise BadValues(f"{where}: {quoted(names[twice])} is given twice, once as {quoted(twice)}")
    definitions = table.get("definitions", [])
    if not isinstance(definitions, list) or not all(isinstance(d, str) and "=" in d for d in definitions):
        raise BadValues(f"{where}: definitions is a list of formulas, such as ['z = w x + b']")
    settings = {key: table[key] for key in SETTINGS if key in table}
    source = from_table({**settings, **numbers}, where)
    return ContextFile((source,) if settings or numbers else (), names, tuple(definitions), where)
