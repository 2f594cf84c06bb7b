"""One small registry: names to entries, with did-you-mean. Everything extensible uses it.

An entry may have parameters, constants that a user may set: `softplus(beta=2)` is the entry
`softplus` with another β. Entries of other packages come in through an entry point group; they
are loaded when a name is asked for that is not known yet, or when all names are listed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar, cast

from backprop_symbolic.errors import BadParameter, BadPlugin, quoted, unknown

MAX_DIGITS = 30  # of a parameter's value
MAX_EXPONENT = 30


class Named(Protocol):
    """Anything that can be registered. `aliases` and `parameters` are looked at where there are any."""

    @property
    def name(self) -> str: ...


Entry = TypeVar("Entry", bound=Named)


def spelling(name: str) -> str:
    """`Leaky-ReLU` and `leaky_relu` are one name: case, `-`, `_` and spaces do not count."""
    return "".join(c for c in name.casefold() if c not in "-_ ")


# ---------------------------------------------------------------- parameters

#: What a parameter's value must be: key → (in words, the test of a value among all values).
CONDITIONS: Mapping[str, tuple[str, Callable[[Fraction, Mapping[str, Fraction]], bool]]] = {
    "real": ("a number", lambda value, given: True),
    "positive": ("greater than 0", lambda value, given: value > 0),
    "nonnegative": ("0 or greater", lambda value, given: value >= 0),
    "whole": ("a whole number, 0 or greater", lambda value, given: value >= 0 and value.denominator == 1),
    "above_min_val": ("greater than min_val", lambda value, given: value > given["min_val"]),
}


@dataclass(frozen=True)
class Parameter:
    """A constant in a formula, with the value it has where none is given.

    name       as it stands in the formula and is typed: beta
    latex      as it is written: \\beta
    default    an exact number as text
    condition  a key of CONDITIONS: which values are allowed
    aliases    other spellings, such as PyTorch's
    """

    name: str
    latex: str
    default: str
    condition: str = "real"
    aliases: tuple[str, ...] = ()


#: Parameter name → value as text, in the order of the entry's parameters.
Values = tuple[tuple[str, str], ...]


def exact(text: str) -> Fraction | None:
    """The number that `text` writes (2, -0.5, 1e-3, 1/3), exactly; None for anything else."""
    match = re.fullmatch(r"\s*([-+]?)(\d+(?:\.\d*)?|\.\d+)(?:[eE]([-+]?\d+))?(?:/(\d+))?\s*", text, re.ASCII)
    if not match or len(text) > MAX_DIGITS + 10:
        return None
    digits, power, under = match[2], match[3], match[4]
    if ((power or "." in digits) and under) or (power and abs(int(power)) > MAX_EXPONENT) or under == "0":
        return None
    if under is not None and int(under) == 0:
        return None
    value = Fraction(digits) * Fraction(10) ** int(power or 0) / int(under or 1)
    return -value if match[1] == "-" else value


def written(text: str) -> str:
    """The shortest writing of a number: 2.0 → 2, 1e-2 → 0.01, 2/6 → 1/3."""
    value = cast(Fraction, exact(text))
    if value.denominator == 1 or "/" in text:
        return str(value)
    p, q, digits = abs(value.numerator), value.denominator, 0
    while 10**digits % q:
        digits += 1
    whole = str(p * 10**digits // q).rjust(digits + 1, "0")
    return f"{'-' if value < 0 else ''}{whole[:-digits]}.{whole[-digits:]}"


def split(text: str) -> list[str]:
    """The parts between commas; a comma inside parentheses does not part: `elu(alpha=2),relu`."""
    parts, depth, start = list[str](), 0, 0
    for i, c in enumerate(text):
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]


_CALL = re.compile(r"\s*([^()=]+?)\s*\(([^()]*=[^()]*)\)\s*", re.DOTALL)


@lru_cache(maxsize=1024)
def concrete(what: str, entry: Any, arguments: str) -> Any:
    """`entry` with the values that `arguments` gives: beta=2. A function of its arguments alone.

    Raises BadParameter for what is no 'name=number' or is out of the parameter's domain, and
    UnknownName for an unknown parameter.
    """
    label = f"{what} '{entry.name}'"
    known: tuple[Parameter, ...] = getattr(entry, "parameters", ())
    if not known:
        raise BadParameter(f"{label} has no parameters; write {entry.name}")
    spellings = {spelling(name): p for p in known for name in (p.name, *p.aliases)}
    given: dict[str, str] = {}
    for argument in arguments.split(","):
        name, equals, text = (part.strip() for part in argument.partition("="))
        if not equals:
            example = f"{entry.name}({known[0].name}={known[0].default})"
            raise BadParameter(f"{label}: {quoted(argument.strip())} is not 'name=number'; write {example}")
        parameter = spellings.get(spelling(name))
        if parameter is None:
            raise unknown("parameter", name, [p.name for p in known], f"of {label}")
        if parameter.name in given:
            raise BadParameter(f"{label}: {parameter.name} is given twice")
        if exact(text) is None:
            raise BadParameter(f"{label}: {parameter.name} = {quoted(text)} is not a number")
        given[parameter.name] = written(text)
    numbers = {p.name: cast(Fraction, exact(given.get(p.name, p.default))) for p in known}
    for parameter in known:
        words, holds = CONDITIONS[parameter.condition]
        if not holds(numbers[parameter.name], numbers):
            value = given.get(parameter.name, parameter.default)
            raise BadParameter(f"{label}: {parameter.name} must be {words}, not {value}")
    changed = tuple(
        (p.name, given[p.name]) for p in known if p.name in given and exact(given[p.name]) != exact(p.default)
    )
    return entry.with_values(changed) if changed else entry


def canonical(name: str, values: Values) -> str:
    """The name of an entry with values: softplus(beta=2)."""
    return f"{name}({', '.join(f'{n}={v}' for n, v in values)})" if values else name


# ---------------------------------------------------------------- the registry


class Registry(Generic[Entry]):
    """Entries in the order they were registered, found by any usual spelling.

    what   the word for an entry in messages
    kind   the class of the entries, which a plug-in's object must be of
    group  the entry point group through which other packages add entries
    """

    def __init__(self, what: str, kind: type | None = None, group: str = "") -> None:
        self.what, self.kind, self.group = what, kind, group
        self._entries: dict[str, Entry] = {}
        self._aliases: dict[str, Entry] = {}
        self._broken: dict[str, str] | None = None

    def register(self, entry: Entry) -> Entry:
        """Add `entry` and return it. Raises ValueError where a name is taken."""
        names = [entry.name, *getattr(entry, "aliases", ())]
        for name in names:
            if spelling(name) in self._entries or spelling(name) in self._aliases:
                raise ValueError(f"{self.what} '{name}' is registered twice")
        self._entries[spelling(entry.name)] = entry
        self._aliases.update((spelling(name), entry) for name in names[1:])
        return entry

    def get(self, name: str) -> Entry:
        """The entry called `name`, with the values given in it: `softplus`, `softplus(beta=2)`.

        Raises UnknownName with the nearest known name, BadParameter for a value that is not
        allowed, BadPlugin where the name is that of a plug-in that cannot be loaded.
        """
        found = self.find(name)
        if found is not None:
            return found
        if self.group:
            reason = self.broken().get(spelling(name))
            if reason is not None:
                raise BadPlugin(reason)
        raise unknown(
            self.what, name, self.names(), also=[a for e in self for a in getattr(e, "aliases", ())]
        )

    def find(self, name: str) -> Entry | None:
        """The entry called `name`, None where there is none. Raises as `get` for bad values."""
        found = self._find(name)
        if found is None and self.group and self._broken is None:
            self.load()
            found = self._find(name)
        return found

    def _find(self, name: str) -> Entry | None:
        key = spelling(name)
        found = self._entries.get(key) or self._aliases.get(key)
        if found is None and "(" in name and (match := _CALL.fullmatch(name)):
            entry = self._find(match[1])
            if entry is not None:
                return cast(Entry, concrete(self.what, cast(Any, entry), match[2]))
        return found

    def names(self) -> list[str]:
        """Every name, those of plug-ins last."""
        return [entry.name for entry in self]

    def broken(self) -> Mapping[str, str]:
        """Plug-ins that cannot be used: spelling of the name → what is wrong, in one line."""
        self.load()
        return self._broken or {}

    def load(self) -> None:
        """Registers the entries of the group's plug-ins, once. A broken one is noted, the others go on."""
        if self._broken is not None:
            return
        self._broken = {}
        if not self.group:
            return
        from importlib.metadata import entry_points

        for point in sorted(entry_points(group=self.group), key=lambda p: p.name):
            try:
                self.register(self._checked(point.load(), point.value))
            except Exception as error:
                package = f" of {point.dist.name}" if point.dist is not None else ""
                self._broken[spelling(point.name)] = (
                    f"the {self.what} plug-in '{point.name}'{package} cannot be used: "
                    f"{type(error).__name__}: {' '.join(str(error).split())}"
                )

    def _checked(self, entry: object, where: str) -> Entry:
        """`entry` where it is of the registry's kind. Raises TypeError."""
        if self.kind is None or not isinstance(entry, self.kind):
            raise TypeError(f"{where} is no {getattr(self.kind, '__name__', 'entry')}")
        return cast(Entry, entry)

    def __iter__(self) -> Iterator[Entry]:
        self.load()
        return iter(list(self._entries.values()))

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def __len__(self) -> int:
        self.load()
        return len(self._entries)
