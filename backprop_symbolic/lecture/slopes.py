"""The vanishing gradient: where the factor of a layer comes from, how steep activations are, what is left.

Every function stands with its derivative, the proof of its greatest slope and a plot of both; then the
bounds and random networks in one table.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sympy import Expr, Integer, Rational, Symbol

from backprop_symbolic import facts as known_facts
from backprop_symbolic import vanishing
from backprop_symbolic.activations import Activation, activation
from backprop_symbolic.algebra import Call, Partial, X, mul, power, sub
from backprop_symbolic.derivation import Group, Section, Step
from backprop_symbolic.document import Block, Heading, Message, Paragraph, Picture, Table
from backprop_symbolic.facts import Facts, facts, written_number
from backprop_symbolic.graph import Graph, Quantity
from backprop_symbolic.lecture.subject import Subject, walk
from backprop_symbolic.lecture.writer import Writer, message, say
from backprop_symbolic.page import without_facts
from backprop_symbolic.rules import Stated
from backprop_symbolic.spec import Network
from backprop_symbolic.vanishing import Course, Vanishing
from backprop_symbolic.verify import Verifier, decide

#: Discussed in every lecture.
USUAL = ("sigmoid", "tanh", "relu", "softplus")
#: Where the network at hand has fewer layers, the table is of one with DEPTH layers of WIDTH units.
DEPTH, WIDTH = 5, 2
#: A network with more units than this isn't measured for the table.
MAX_UNITS = 60


@dataclass
class Slopes:
    """Writes the part on the vanishing gradient.

    after_derivation  whether the derivation stands before it, and with it a proof or two
    names             gets the LaTeX of its own symbols
    said              how facts are known, once said
    command           gets the command that gives its table
    """

    subject: Subject
    writer: Writer
    plots: bool
    after_derivation: bool = True
    names: dict[Symbol, str] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    command: str = ""

    def write(self) -> Iterator[Block]:
        """Heading, origin, one section for each function, the table; nothing where no activation is."""
        if self.subject.graph.network is None and not self.used:
            return
        yield self.writer.heading("vanishing", "vanishing")
        yield say("vanishing_what")
        entries = self.entries()
        found = self.found(entries)
        yield from self.writer.part((vanishing.origin(found, self.names),))
        yield say("vanishing_functions")
        for entry in entries:
            yield from self.function(entry, found)
        yield from self.left(found)

    @cached_property
    def used(self) -> set[str]:
        """The names of the functions that the definitions call."""
        definitions = (q.definition for q in self.subject.graph.quantities.values())
        return {call.name for d in definitions if d is not None for call in d.atoms(Call)}

    def entries(self) -> list[Activation]:
        """The usual functions, and the others that the network has."""
        own = sorted(self.used - set(USUAL))
        return [activation(name) for name in (*USUAL, *own)]

    def found(self, entries: Iterable[Activation]) -> Vanishing:
        """The courses of all functions that have a bound, the network's sizes where it is deep enough."""
        bounded = []
        for entry in entries:
            steepest = facts(entry).steepest
            if steepest.established and not steepest.value.value.infinite:
                bounded.append(entry.name)
        network = self.subject.graph.network
        deep = network is not None and network.layers >= DEPTH - 1 and sum(network.sizes) <= MAX_UNITS
        sizes = network.sizes if network is not None and deep else (WIDTH,) * (DEPTH + 1)
        found = vanishing.vanishing(Network.dense(sizes, bounded[0]), bounded[1:])
        self.command = (
            f"backprop vanishing --network {'-'.join(map(str, sizes))} --activation "
            f"{shlex.quote(bounded[0])} --compare {shlex.quote(','.join(bounded[1:]))}"
        )
        return found

    # ------------------------------------------------------------ one function

    def function(self, entry: Activation, found: Vanishing) -> Iterator[Block]:
        """f, f' with its proof where it has not been proved, the greatest slope, what follows, a plot."""
        writer, call = self.writer, Call(Symbol(entry.name), X)
        page = without_facts(entry)
        known = facts(entry)
        self.names.update(known.names)
        yield Heading(3, message("function", function=call), anchor=f"function-{entry.base}")
        proof = page.sections[0]
        *lines, end = walk((proof,))
        if self.is_proved(entry.name):
            yield say("function_proved")
            yield writer.show(*end.steps)
        else:
            yield from writer.part((*lines, end))
        for key, args in page.hypotheses:
            if key.startswith("kink"):
                yield Paragraph(Message(f"hypothesis.{key}", args))
        yield from self.equation(entry, RELATED)
        yield from self.drawing(entry)
        yield from writer.part(known_facts.as_groups(self.facts(known), self.said))
        yield from self.equation(entry, SEEN)
        yield from self.remarks(entry, known)
        course = next((c for c in found.courses if c.entry == entry), None)
        if course is not None and course.bounds[-1] < 1:
            steps = vanishing.power_of(course, found, self.names)
            yield from writer.part((Group("vanishing_power", steps, {"layers": found.depth - 1}),))

    def is_proved(self, name: str) -> bool:
        """Whether the derivation that stands before has proved this derivative."""
        if not self.after_derivation:
            return False
        call = Call(Symbol(name), X)

        def inside(section: Section) -> bool:
            here = section.key == "proof" and section.args.get("function") == call
            return here or any(inside(item) for item in section.items if isinstance(item, Section))

        return any(inside(self.subject.own(w)) for w in self.subject.chosen) or any(
            inside(section) for w in self.subject.chosen for section in self.subject.prepared(w)
        )

    def facts(self, known: Facts) -> list[known_facts.Fact]:
        """What is said of a function here."""
        derivatives = [] if known.steepest.value is None else list(known.derivatives)
        return [known.saturation, *derivatives, known.steepest]

    def remarks(self, entry: Activation, known: Facts) -> Iterator[Block]:
        """What the greatest slope means for depth."""
        if known.steepest.established:
            kind = self.kind(known)
            value = {"value": known_facts.shown(known.steepest.value.value)} if kind == "below" else {}
            if kind == "points" and any(known.saturation.value or ()):
                kind = "points_saturated"
            yield say(f"slope_{kind}", **value)
        flat = known.monotone.key in ("increasing", "decreasing")
        if flat:
            yield say("slope_flat")

    def equation(self, entry: Activation, table: Mapping[str, tuple[str, Expr, Expr]]) -> Iterator[Block]:
        """One more equation about a function, where a table has one."""
        if entry.name in table:
            key, lhs, rhs = table[entry.name]
            yield say(f"related_{key}")
            yield self.writer.show(_identity(lhs, rhs))

    def kind(self, known: Facts) -> str:
        """How the greatest slope compares with 1."""
        steepest = known.steepest.value
        if steepest.value.infinite:
            return "unbounded"
        height = steepest.value.middle
        if steepest.value.exact != 1:
            return "below" if height < 1 else "above"
        if steepest.pieces:
            return "piece"
        return "points" if steepest.points else "near"

    def drawing(self, entry: Activation) -> Iterator[Block]:
        """f and f' side by side."""
        if self.plots:
            from backprop_symbolic.plots import Curves

            args = {"function": Call(Symbol(entry.name), X), "slope": Partial(Call(Symbol(entry.name), X), X)}
            yield Picture(
                f"curves-{entry.base}", Curves((entry.name,)),
                message("plot_curves", **args), message("plot_curves_alt", **args),
            )  # fmt: skip

    # ------------------------------------------------------------ the table

    def left(self, found: Vanishing) -> Iterator[Block]:
        """Bounds and medians after each layer."""
        yield Heading(3, message("left"), anchor="left")
        sizes = "-".join(map(str, found.sizes))
        yield say("left_table", sizes=sizes, samples=found.samples, seed=found.seed, weights=found.weights)
        always = [c for c in found.courses if set(c.bounds) == {Integer(1)}]
        if always:
            signs = tuple(Symbol(c.entry.sign) for c in always)
            yield say("left_always", functions=signs)
        yield self.table(found, always)
        yield Paragraph(Message("vanishing.reading"))

    def table(self, found: Vanishing, always: list[Course]) -> Table:
        head = [Message("vanishing.column_layers")]
        rows: list[list[Expr | Message]] = [[Integer(n)] for n in range(found.depth)]
        for course in found.courses:
            args: Mapping[str, Expr] = {"function": Symbol(course.entry.sign)}
            if course not in always:
                head.append(Message("vanishing.column_bound", args))
                for n, row in enumerate(rows):
                    row.append(_short(course.bounds[n], course.bounds_as_floats[n]))
            head.append(message("column_median", **args))
            for n, row in enumerate(rows):
                row.append(vanishing.cell(course.typical[n], 2))
        return Table(tuple(head), tuple(map(tuple, rows)), "r" * len(head))


def _short(exact: Expr, rounded: float) -> Expr:
    """A bound exactly where that is short."""
    if isinstance(exact, Rational) and exact.q < 10**6:
        return written_number(exact)
    return vanishing.cell(rounded, 6)


def _call(name: str, of: Expr = X) -> Expr:
    return Call(Symbol(name), of)


_SIGMOID = _call("sigmoid")
_TWICE = _call("sigmoid", mul(Integer(2), X))
#: Function → the message that leads to an equation about it, and the equation: what the function is…
RELATED: Mapping[str, tuple[str, Expr, Expr]] = {
    "tanh": ("sigmoid", _call("tanh"), sub(mul(Integer(2), _TWICE), Integer(1))),
    "softplus": ("relu", Partial(_call("softplus"), X), _SIGMOID),
}
#: … and in which its greatest slope is seen.
SEEN: Mapping[str, tuple[str, Expr, Expr]] = {
    "sigmoid": (
        "square",
        Partial(_SIGMOID, X),
        sub(Rational(1, 4), power(sub(_SIGMOID, Rational(1, 2)), Integer(2))),
    ),
}


def _identity(lhs: Expr, rhs: Expr) -> Step:
    """lhs = rhs for every x, decided."""
    graph = Graph({X: Quantity(X, "input")}, X, Symbol("eta"), {})
    step = Step("n_related", lhs, rhs, Stated(rhs))
    return dataclasses.replace(step, evidence=decide(Verifier(graph, {}), step))
