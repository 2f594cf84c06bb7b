"""A sentence by its key: what is said, in no language yet. It loads nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backprop_symbolic.derivation import Argument


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence by its key, with what it speaks of."""

    key: str
    args: Mapping[str, Argument] = field(default_factory=dict)
