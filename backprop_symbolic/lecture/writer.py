"""What writes blocks from sentences and steps, and remembers every step it wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sympy import Expr, Symbol

from backprop_symbolic.derivation import NORMAL, Argument, Group, Section, Step
from backprop_symbolic.document import (
    Block,
    Bullets,
    Display,
    Heading,
    Message,
    Note,
    Paragraph,
    Row,
    section_blocks,
)

#: Names of one kind that are listed one by one; of more, the first and the last are named.
LISTED = 4


def message(key: str, **args: Argument) -> Message:
    """The sentence `key` of the notes."""
    return Message(f"notes.{key}", args)


def say(key: str, **args: Argument) -> Paragraph:
    """A paragraph of the notes."""
    return Paragraph(message(key, **args))


def note(key: str, **args: Argument) -> Note:
    """A remark of the notes."""
    return Note((message(key, **args),))


def several(symbols: Sequence[Expr]) -> Message:
    """The names, or the first, the last and how many there are."""
    if len(symbols) <= LISTED:
        return message("names", names=tuple(symbols))
    return message("names_range", first=symbols[0], last=symbols[-1], count=len(symbols))


@dataclass
class Writer:
    """Writes at a level of detail.

    defined  step → the δ that it gives its meaning
    steps    every step written so far, each with its evidence
    places   anchor of a section → its number, empty where it has none
    """

    detail: int = NORMAL
    defined: Mapping[str, Symbol] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    places: dict[str, tuple[str, Message]] = field(default_factory=dict)
    numbered: int = 0

    def heading(self, key: str, anchor: str, *, number: bool = False, **args: Argument) -> Heading:
        """The heading of a main section; the sections of the derivation are numbered."""
        label = ""
        if number:
            self.numbered += 1
            label = f"{self.numbered}."
        text = message(key, **args)
        self.places[anchor] = label.removesuffix("."), text
        return Heading(2, text, label, anchor)

    def show(self, *steps: Step, names: Sequence[Symbol] = ()) -> Display:
        """Steps as they are, those with one left side as a chain."""
        self.steps.extend(steps)
        rows: list[Row] = []
        before: Expr | None = None
        for step in steps:
            rows.append(Row(None if step.lhs == before else step.lhs, step.rhs))
            before = step.lhs
        return Display(tuple(rows), tuple(names))

    def part(self, items: Iterable[Section | Group], level: int = 3) -> tuple[Block, ...]:
        """Sections and groups of a derivation as its own document has them."""
        items = tuple(items)
        for item in items:
            self.steps.extend(item.steps if isinstance(item, Group) else item.steps())
        return section_blocks(items, self.detail, level, self.defined)

    def list(self, *items: Message, ordered: bool = False) -> Bullets:
        """A list of sentences."""
        return Bullets(items, ordered)
