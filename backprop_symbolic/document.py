"""A derivation as a document: headings, sentences and displayed equations, no markup in it.

A sentence is a key of the message files with its arguments; how it reads is the language's
business, how it looks the format's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sympy import Expr

from backprop_symbolic.algebra import Partial
from backprop_symbolic.derivation import FULL, NORMAL, Argument, Derivation, Group, Section, Step
from backprop_symbolic.rules import Calculated, OnBoard

#: Groups whose lines carry their reason beside them already in a normal document.
REASONED = ("proof_lines",)


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence by its key, with what it speaks of."""

    key: str
    args: Mapping[str, Argument] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of some level, 1 the highest; `label` is (1), (a) or empty."""

    level: int
    text: Message
    label: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One sentence or a few."""

    text: Message


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """lhs = rhs; a row without lhs goes on from the one before it."""

    lhs: Expr | None
    rhs: Expr
    reason: Message | None = None


@dataclass(frozen=True, slots=True)
class Display:
    """Equations that stand together."""

    rows: tuple[Row, ...]


Block = Heading | Paragraph | Bullets | Display


@dataclass(frozen=True, slots=True)
class Document:
    """What is to be rendered, in reading order."""

    title: Message
    blocks: tuple[Block, ...]


def document(derivation: Derivation, detail: int = NORMAL) -> Document:
    """The document of a derivation at a detail: BRIEF, NORMAL or FULL."""
    parameters = derivation.parameters
    blocks: list[Block] = [
        Heading(2, Message("section.setting")),
        Bullets(tuple(Message(f"hypothesis.{key}", args) for key, args in derivation.hypotheses)),
    ]
    for section in derivation.sections:
        blocks.extend(_section(section, detail, 2))
    if derivation.title is not None:
        key, args = derivation.title
        return Document(Message(key, args), tuple(blocks))
    if len(parameters) == 1:
        partial = Partial(derivation.graph.error, parameters[0])
        return Document(Message("title.weight", {"partial": partial}), tuple(blocks))
    title = Message("title.all", {"error": derivation.graph.error, "count": len(parameters)})
    return Document(title, tuple(blocks))


def _section(section: Section, detail: int, level: int) -> Iterator[Block]:
    if section.detail > detail:
        return
    inner: list[Block] = []
    for item in section.items:
        if isinstance(item, Section):
            inner.extend(_section(item, detail, level + 1))
        else:
            inner.extend(_group(item, detail))
    if inner:
        yield Heading(level, Message(f"section.{section.key}", section.args), section.label)
        yield from inner


def _group(group: Group, detail: int) -> Iterator[Block]:
    steps = [step for step in group.steps if step.detail <= detail]
    if group.detail > detail or not steps:
        return
    yield Paragraph(Message(f"group.{group.key}", group.args))
    reasons = detail >= FULL or (detail >= NORMAL and group.key in REASONED)
    rows = []
    before: Expr | None = None
    for step in steps:
        lhs = None if step.lhs == before else step.lhs
        rows.append(Row(lhs, step.rhs, reason(step) if reasons else None))
        before = step.lhs
    yield Display(tuple(rows))


def reason(step: Step) -> Message:
    """Why the step follows, as a short message."""
    rule = step.rule
    if isinstance(rule, Calculated):
        return Message(f"calculus.{rule.rules[0]}")
    if isinstance(rule, OnBoard):
        return Message(f"board.{rule.rule}")
    return Message(f"rule.{rule.key}")
