"""One small registry: names to entries, with did-you-mean. Everything extensible uses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from backprop_symbolic.errors import unknown


class Named(Protocol):
    """Anything that can be registered."""

    @property
    def name(self) -> str: ...


Entry = TypeVar("Entry", bound=Named)


def spelling(name: str) -> str:
    """`Leaky-ReLU` and `leaky_relu` are one name: case, `-`, `_` and spaces do not count."""
    return "".join(c for c in name.casefold() if c not in "-_ ")


class Registry(Generic[Entry]):
    """Entries in the order they were registered, found by any usual spelling."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._entries: dict[str, Entry] = {}

    def register(self, entry: Entry) -> Entry:
        """Add `entry` and return it. Raises ValueError where the name is taken."""
        key = spelling(entry.name)
        if key in self._entries:
            raise ValueError(f"{self.what} '{entry.name}' is registered twice")
        self._entries[key] = entry
        return entry

    def get(self, name: str) -> Entry:
        """The entry called `name`. Raises UnknownName with the nearest known name."""
        try:
            return self._entries[spelling(name)]
        except KeyError:
            raise unknown(self.what, name, self.names()) from None

    def names(self) -> list[str]:
        """Every registered name."""
        return [entry.name for entry in self._entries.values()]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    def __contains__(self, name: str) -> bool:
        return spelling(name) in self._entries

    def __len__(self) -> int:
        return len(self._entries)
