"""The whole lecture as one document: `notes(Lecture(graph))`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from sympy import Symbol

from backprop_symbolic.derivation import NORMAL, Derivation, Step
from backprop_symbolic.document import Block, Document, Message, Paragraph, Picture, checked_args, meanings
from backprop_symbolic.errors import BadPicture, BadSetting, unknown
from backprop_symbolic.graph import Graph
from backprop_symbolic.lecture import general
from backprop_symbolic.lecture.derived import Derived
from backprop_symbolic.lecture.slopes import Slopes
from backprop_symbolic.lecture.subject import Subject, subject
from backprop_symbolic.lecture.symbols import Index
from backprop_symbolic.lecture.worked import Worked, numbers
from backprop_symbolic.lecture.writer import Writer, message, note
from backprop_symbolic.numeric.values import Values

#: What the notes may hold, in their order.
PARTS = ("introduction", "derivation", "summary", "vanishing", "example", "check", "training", "commands",
         "symbols")  # fmt: skip
#: The file of the script by which the derivation is proved.
SCRIPT = "notes.v"


class Proved(Protocol):
    """What a proof checker accepted: the derivation, marked as checked, and its script."""

    @property
    def derivation(self) -> Derivation: ...

    @property
    def script(self) -> Script: ...


class Script(Protocol):
    """The script of a proof."""

    @property
    def text(self) -> str: ...


#: Has a derivation checked by a proof checker; raises where it is not accepted.
Prover = Callable[[Derivation], Proved]


@dataclass(frozen=True)
class Lecture:
    """What the notes are to be about; nothing here depends on a language.

    graph    of a network (`graph.dense`) or of any other kind (`graph.read`)
    weights  the parameters gone through, by name: of a network one of each layer; the first into the
             first unit where none is named
    values   the numbers of the example; else they are drawn by `seed`, or are those of a published
             example about this very network
    options  those of a command line that state the graph and give `values`, as typed; for the
             commands at the end
    title    the user's own, text in every format; author, date: the same
    parts    some of PARTS
    plots    whether there are pictures
    detail   BRIEF, NORMAL or FULL, as of a derivation
    digits   significant digits of the numbers in the example
    strict   decide every step by exact cancellation too
    prover   has the derivation of all parameters checked, which is said at the end of the derivation
    """

    graph: Graph
    weights: tuple[str, ...] = ()
    values: Values | None = None
    seed: int | None = None
    options: str = ""
    title: str = ""
    author: str = ""
    date: str = ""
    parts: tuple[str, ...] = PARTS
    plots: bool = True
    detail: int = NORMAL
    digits: int = 4
    strict: bool = False
    prover: Prover | None = None


@dataclass(frozen=True)
class Notes:
    """The notes: a document, the graph it is about, and every step that it shows.

    own     the LaTeX of the symbols that only the notes have
    script  by which the derivation was proved, where it was
    """

    document: Document
    graph: Graph
    steps: tuple[Step, ...]
    own: Mapping[Symbol, str] = field(default_factory=dict)
    script: str = ""

    def names(self, language: str) -> Mapping[Symbol, str]:
        """The LaTeX of every name in the document, in a language."""
        letters = general.names(language)
        net = {Symbol("net_j"): letters[general.NET]}  # as the vanishing gradient calls it
        return {**self.own, **net, **letters, **self.graph.written(language)}


def notes(lecture: Lecture) -> Notes:
    """The notes of a lecture, every step verified.

    Raises UnknownName for a weight or a part that does not exist, BadSetting for two weights of one
    layer, BadValues where a quantity has no value, and Unverified where a line does not hold.
    """
    for part in lecture.parts:
        if part not in PARTS:
            raise unknown("part of the notes", part, PARTS)
    if lecture.prover is not None and "derivation" not in lecture.parts:
        raise BadSetting("--proved speaks of the derivation, and these notes have no part 'derivation'")
    found = subject(lecture.graph, lecture.weights, lecture.strict)
    script = ""
    if lecture.prover is not None:
        proved = lecture.prover(found.derivation)
        found, script = replace(found, derivation=proved.derivation), proved.script.text
    writer = Writer(lecture.detail, {s.id: d for d, s in found.derivation.definitions.items()})
    slopes = Slopes(found, writer, lecture.plots, "derivation" in lecture.parts)
    blocks = tuple(_blocks(lecture, found, writer, slopes))
    document = Document(_title(lecture), blocks, meanings(lecture.graph, found.derivation))
    return Notes(document, lecture.graph, tuple(writer.steps), slopes.names, script)


def _title(lecture: Lecture) -> Message:
    if lecture.title:
        return message("verbatim", text=lecture.title)
    network = lecture.graph.network
    return message("title_graph") if network is None else message("title", sizes=network.title)


def _blocks(lecture: Lecture, found: Subject, writer: Writer, slopes: Slopes) -> Iterator[Block]:
    """All parts that are wanted, in their order."""
    wanted = set(lecture.parts)
    yield from _by(lecture)
    derived = Derived(found, writer, dict(_pictures(lecture, found)))
    if "introduction" in wanted:
        yield from derived.introduction()
        yield from derived.setting()
    if "derivation" in wanted:
        yield from _derivation(derived, found)
        checked = found.derivation.checked
        if checked is not None:
            yield note("checked", file=SCRIPT, **checked_args(checked))
    if "summary" in wanted:
        yield from derived.summary()
    if "vanishing" in wanted:
        yield from slopes.write()
    if wanted & {"example", "check", "training", "commands"}:
        given = numbers(lecture.graph, lecture.values, lecture.seed, lecture.options)
        worked = Worked(found, writer, given, lecture.digits, lecture.plots, slopes.command)
        for part in ("example", "check", "training", "commands"):
            if part in wanted:
                yield from getattr(worked, part)()
    if "symbols" in wanted:
        yield from Index(found, writer).write()


def _pictures(lecture: Lecture, found: Subject) -> Iterator[tuple[Symbol, Picture]]:
    """The paths of the output weight and of the hidden one, where the graph is not too large for it."""
    if not lecture.plots:
        return
    from backprop_symbolic.pictures import picture

    for w in found.chosen[:2]:
        try:
            yield w, picture(lecture.graph, w, f"path-{w.name}")
        except BadPicture:
            return


def _by(lecture: Lecture) -> Iterator[Block]:
    """Who wrote it, and when."""
    if lecture.author and lecture.date:
        yield Paragraph(message("author_date", author=lecture.author, date=lecture.date))
    elif lecture.author:
        yield Paragraph(message("author", author=lecture.author))
    elif lecture.date:
        yield Paragraph(message("date", date=lecture.date))


def _derivation(derived: Derived, found: Subject) -> Iterator[Block]:
    """From the update that is wanted to the delta form, as deep as the network is."""
    if found.graph.network is None:
        yield from derived.parameters()
        return
    yield from derived.output_layer()
    if len(found.chosen) > 1:
        yield from derived.hidden_layer()
        yield from derived.delta_form()
    if len(found.chosen) > 2:
        yield from derived.further_layers()
