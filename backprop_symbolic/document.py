"""A derivation as a document: headings, sentences and displayed equations, no markup in it.

A sentence is a key of the message files with its arguments; how it reads is the language's
business, how it looks the format's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sympy import Expr, Symbol

from backprop_symbolic.algebra import Numeral, X, Y, symbols
from backprop_symbolic.derivation import (
    FULL,
    NORMAL,
    Argument,
    Checked,
    Derivation,
    Group,
    Page,
    Section,
    Step,
)
from backprop_symbolic.graph import Graph, Quantity, now
from backprop_symbolic.graph import after as after_update
from backprop_symbolic.message import Message as Message
from backprop_symbolic.rules import Calculated, Differentiated, Eliminated, InnerChain, OnBoard, Rewritten

#: Groups whose lines carry their reason beside them already in a normal document.
REASONED = (
    "proof_lines", "inner_named", "chain_lines", "put_together", "form_lines", "form_lines_x", "by_parameter",
    "softmax_same", "softmax_other", "softmax_folded",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of some level, 1 the highest; `label` is (1), (a) or empty, `anchor` where links lead."""

    level: int
    text: Message
    label: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One sentence or a few."""

    text: Message


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences, numbered where `ordered`."""

    items: tuple[Message, ...]
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A remark beside the argument, a sentence or a few."""

    items: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """Lines to be typed or run; `language` is sh or python."""

    text: str
    language: str = "sh"


@dataclass(frozen=True, slots=True)
class Row:
    """lhs = rhs, or lhs = rhs = result; a row without lhs goes on from the one before it."""

    lhs: Expr | None
    rhs: Expr
    reasons: tuple[Message, ...] = ()
    result: Expr | None = None


@dataclass(frozen=True, slots=True)
class Display:
    """Equations that stand together; `names` are those that get their meaning here, so links lead here."""

    rows: tuple[Row, ...]
    names: tuple[Symbol, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A right side with numbers put in, and the number it comes to."""

    formula: Expr
    result: Numeral

    @property
    def value(self) -> float:
        """The number, in full."""
        return int(self.result.value.p) / int(self.result.value.q)


@dataclass(frozen=True)
class Figures:
    """The numbers of a derivation.

    leaves   what was given, each with where it came from
    forward  every computed quantity by its definition, in order
    steps    step id → its right side; none for a line in which a derivative is still to be done
    """

    digits: int
    leaves: Mapping[Symbol, tuple[Numeral, str]]
    forward: Mapping[Symbol, Figure]
    steps: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns with a heading each, and rows of mathematics or words; `align` has l, c or r for each."""

    head: tuple[Message, ...]
    rows: tuple[tuple[Expr | Message, ...], ...]
    align: str = ""


class Drawing(Protocol):
    """A picture as data, that can draw itself.

    kinds  what it can be drawn as: svg, png, pdf, tikz
    """

    @property
    def kinds(self) -> tuple[str, ...]: ...

    def draw(
        self, kind: str, names: Mapping[Symbol, str], language: str, templates: Path | None = None
    ) -> bytes:
        """The picture as one of its kinds; `names` gives the LaTeX of the names in it.

        templates  a folder whose messages go before ours
        """


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with a caption; `name` is its file's name without an ending, `alt` says it in words."""

    name: str
    drawing: Drawing
    caption: Message
    alt: Message


Block = Heading | Paragraph | Bullets | Note | Display | Table | Code | Picture


@dataclass(frozen=True, slots=True)
class Document:
    """What is to be rendered, in reading order; `meanings` says of a symbol what it is."""

    title: Message
    blocks: tuple[Block, ...]
    meanings: Mapping[Symbol, Message] = field(default_factory=dict)


def meanings(graph: Graph, derivation: Derivation | None = None) -> Mapping[Symbol, Message]:
    """What every symbol of a graph is, by its role and place; of a derivation, its own names too.

    Those are its δ, w(t), w(t+1), and the names that a proof gives to inner functions.
    """
    found: dict[Symbol, Message] = {}
    for quantity in graph.quantities.values():
        found[quantity.symbol] = _meaning(graph, quantity)
    for q, delta in graph.deltas.items():
        place = graph[q].place
        if place.layer:
            found[delta] = Message("meaning.delta", {"index": place.index, "layer": place.layer})
        else:
            found[delta] = Message("meaning.delta_of", {"quantity": q})
    found[graph.rate] = Message("meaning.rate")
    if isinstance(derivation, Page):
        found |= {s: Message(f"meaning.{key}") for s, key in ((X, "variable"), (Y, "value")) if s in found}
    if derivation is not None:
        for w in derivation.parameters:
            found[now(w)] = Message("meaning.before", {"weight": w})
            found[after_update(w)] = Message("meaning.after", {"weight": w})
        for name, value in derivation.meanings.items():
            if name not in found:
                found[name] = Message("meaning.short", {"formula": value})
    return found


def _meaning(graph: Graph, quantity: Quantity) -> Message:
    """What a quantity is: by its naming in a network, by its role in any other graph."""
    place, naming = quantity.place, quantity.naming
    if naming == "weight":
        args: dict[str, Argument] = {"from": place.from_, "index": place.index, "layer": place.layer}
        if place.layer == 1:
            return Message("meaning.weight_input", args)
        return Message("meaning.weight", {**args, "below": place.layer - 1})
    if naming in ("net", "hidden", "bias_node"):
        return Message(f"meaning.{naming}", {"index": place.index, "layer": place.layer})
    if naming in ("bias_layer", "bias_fixed"):
        return Message(f"meaning.{naming}", {"layer": place.layer})
    if naming in ("input", "target", "output", "part", "probability"):
        return Message(f"meaning.{naming}", {"index": place.index})
    if quantity.role == "error":
        return Message("meaning.error_sum" if graph.parts else "meaning.error")
    # A graph without layers, and what belongs to no layer.
    return Message(f"meaning.{naming or f'a_{quantity.role}'}")


def document(derivation: Derivation, detail: int = NORMAL, figures: Figures | None = None) -> Document:
    """The document of a derivation at a detail: BRIEF, NORMAL or FULL; with numbers where given."""
    blocks: list[Block] = [
        Heading(2, Message("section.setting")),
        Bullets(tuple(Message(f"hypothesis.{key}", args) for key, args in derivation.hypotheses)),
    ]
    if figures is not None:
        blocks.extend(_given(derivation, detail, figures))
    defined = {step.id: delta for delta, step in derivation.definitions.items()}
    for section in derivation.shown:
        blocks.extend(_section(section, detail, 2, figures, defined))
    if derivation.checked is not None:
        blocks.append(Note((Message("prove.checked", checked_args(derivation.checked)),)))
    return Document(Message(*derivation.title), tuple(blocks), meanings(derivation.graph, derivation))


def checked_args(checked: Checked) -> dict[str, Argument]:
    """What a sentence about Coq's verdict is told. The digest is in groups, so that a line can end in it."""
    digest = " ".join(checked.digest[i : i + 16] for i in range(0, len(checked.digest), 16))
    return {"version": checked.version, "digest": digest}


def _given(derivation: Derivation, detail: int, figures: Figures) -> Iterator[Block]:
    """The numbers given, and the forward pass as far as the derivation does not write it itself."""
    yield Heading(2, Message("section.numbers"))
    yield Paragraph(Message("group.leaves", {"digits": figures.digits}))
    yield Display(tuple(Row(leaf, number) for leaf, (number, _) in figures.leaves.items()))
    shown = {
        step.lhs
        for section in derivation.shown
        if section.key in ("forward", "error") and section.detail <= detail
        for step in section.steps()
        if step.detail <= detail
    }
    rest = [(q, figure) for q, figure in figures.forward.items() if q not in shown]
    if rest:
        yield Paragraph(Message("group.forward_numbers"))
        yield Display(tuple(numbers_row(q, figure) for q, figure in rest))


def numbers_row(lhs: Expr | None, figure: Figure) -> Row:
    """lhs = the numbers put in = what they come to."""
    if isinstance(figure.formula, Numeral):
        return Row(lhs, figure.result)
    return Row(lhs, figure.formula, (), figure.result)


def section_blocks(
    items: Iterable[Section | Group],
    detail: int = NORMAL,
    level: int = 2,
    defined: Mapping[str, Symbol] | None = None,
) -> tuple[Block, ...]:
    """Sections, their headings on a level, and groups as blocks; `defined` tells which step defines a δ."""
    found: list[Block] = []
    for item in items:
        if isinstance(item, Section):
            found.extend(_section(item, detail, level, None, defined))
        else:
            found.extend(_group(item, detail, None, defined or {}))
    return tuple(found)


def _section(
    section: Section,
    detail: int,
    level: int,
    figures: Figures | None = None,
    defined: Mapping[str, Symbol] | None = None,
) -> Iterator[Block]:
    """A section's blocks; `defined` tells which step gives which δ its meaning."""
    if section.detail > detail:
        return
    inner: list[Block] = []
    for item in section.items:
        if isinstance(item, Section):
            inner.extend(_section(item, detail, level + 1, figures, defined))
        else:
            inner.extend(_group(item, detail, figures, defined or {}))
    if inner:
        yield Heading(level, Message(f"section.{section.key}", section.args), section.label)
        yield from inner


def _group(
    group: Group, detail: int, figures: Figures | None, defined: Mapping[str, Symbol]
) -> Iterator[Block]:
    steps = [step for step in group.steps if step.detail <= detail]
    if group.detail > detail or not (steps or group.alone):
        return
    yield Paragraph(Message(f"group.{group.key}", group.args))
    if group.alone:
        return
    reasons = detail >= FULL or (detail >= NORMAL and group.key in REASONED)
    rows = []
    before: Expr | None = None
    for step, after in zip(steps, [*steps[1:], None], strict=True):
        lhs = None if step.lhs == before else step.lhs
        rows.append(Row(lhs, step.rhs, reasons_of(step) if reasons else ()))
        before = step.lhs
        ends = after is None or after.lhs != step.lhs
        if figures is not None and ends and step.id in figures.steps and symbols(step.rhs):
            rows.append(numbers_row(None, figures.steps[step.id]))
    yield Display(tuple(rows), tuple(defined[step.id] for step in steps if step.id in defined))


def reasons_of(step: Step) -> tuple[Message, ...]:
    """Why the step follows, as short messages, the main one first."""
    rule = step.rule
    if isinstance(rule, Differentiated):
        return tuple(Message(f"calculus.{key}") for key in rule.rules)
    if isinstance(rule, InnerChain):
        return Message("calculus.chain"), Message(f"calculus.{rule.rule}")
    if isinstance(rule, Calculated):
        return (Message(f"calculus.{rule.rules[0]}"),)
    if isinstance(rule, Eliminated):
        return (Message(f"elimination.{rule.move}"),)
    if isinstance(rule, OnBoard):
        return (Message(f"board.{rule.rule}"),)
    if isinstance(rule, Rewritten):
        return (Message(f"board.{rule.how}"),)
    return (Message(f"rule.{rule.key}"),)
