"""The notes with numbers: the lines worked out, the check, the training, and the commands for it.

The numbers of a line are those of its step (`numeric.substitute`); what is checked is the same
derivation, and what trains is the program that its steps become.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from sympy import Expr, Integer, Rational, Symbol

from backprop_symbolic.algebra import Numeral, Partial, symbols
from backprop_symbolic.derivation import Step
from backprop_symbolic.document import (
    Block,
    Code,
    Display,
    Figures,
    Heading,
    Message,
    Paragraph,
    Picture,
    Row,
    Table,
    numbers_row,
)
from backprop_symbolic.errors import BadValues, Diverged, Unverified
from backprop_symbolic.graph import Graph, after
from backprop_symbolic.lecture.subject import Subject
from backprop_symbolic.lecture.writer import Writer, message, say
from backprop_symbolic.numeric.check import Line, check
from backprop_symbolic.numeric.samples import Given
from backprop_symbolic.numeric.source import Leaves
from backprop_symbolic.numeric.steps import Steps
from backprop_symbolic.numeric.substitute import figures
from backprop_symbolic.numeric.train import Plan, Trainer, scalar_engine
from backprop_symbolic.numeric.values import (
    Number,
    Source,
    Values,
    evaluate,
    example,
    examples,
    random_values,
    resolve,
)
from backprop_symbolic.printing import definitions
from backprop_symbolic.spec import Network

#: The seed and the learning rate where nothing else is asked for.
SEED, RATE = 1, 0.5
#: Numbers, and rows of a table, that are listed; of more, those of the chosen parameters.
MAX_LISTED = 40
MAX_CHECKED = 12
#: Updates of the training, fewer in a large network.
ITERATIONS, WORK = 1000, 400_000
#: Significant digits in the tables.
DIGITS = 8
#: The share of the error that counts as nothing, and a change of it that isn't seen.
NOTHING, SAME = 1e-6, 1e-6


@dataclass(frozen=True)
class Numbers:
    """The numbers of the example.

    source   the sentence on where they come from
    options  those of a command line that give them, "" where there are none
    rate     the learning rate, where `options` do not give it
    whole    whether `options` state the network or graph too
    """

    values: Values
    source: Message
    options: str
    rate: float | None = None
    whole: bool = False


def numbers(graph: Graph, values: Values | None, seed: int | None, options: str) -> Numbers:
    """Those given; else drawn by the seed; else a published example's that fits; else drawn."""
    if values is not None:
        return Numbers(values, message("numbers_given"), options, whole=True)
    published = None if seed is not None else _published(graph)
    if published is not None:
        return published
    seed = SEED if seed is None else seed
    rate = Source("", numbers={"learning_rate": Number(RATE, f"--set learning_rate={RATE}")})
    found = resolve(graph, [random_values(graph, seed), rate])
    return Numbers(found, message("numbers_seed", seed=seed), f"--seed {seed}", RATE)


def _published(graph: Graph) -> Numbers | None:
    """The first published example about exactly this network, if any."""
    for name in examples():
        source = example(name)
        stated = {key: setting.text for key, setting in source.settings.items()}
        if graph.network is None or "network" not in stated or stated.pop("graph", None) is not None:
            continue
        sizes = stated.pop("network")
        stated.pop("notation", None)
        if Network.parse(sizes, **stated) != graph.network:
            continue
        rate = None if "learning_rate" in source.numbers else RATE
        more = [] if rate is None else [Source("", numbers={"learning_rate": Number(RATE, "")})]
        try:
            values = resolve(graph, [source, *more])
        except BadValues:
            continue  # its numbers are called by names of another notation
        text = message("numbers_published", address=source.address)
        # An example states its own notation; `stated` leaves out only the lecture's.
        style = graph.notation is not None and graph.notation.name == "lecture"
        return Numbers(values, text, f"--example {name}{' --notation lecture' if style else ''}", rate)
    return None


@dataclass
class Worked:
    """Writes the parts with numbers; `vanishing` is the command that gives the table of slopes."""

    subject: Subject
    writer: Writer
    numbers: Numbers
    digits: int
    plots: bool
    vanishing: str = ""

    @property
    def graph(self) -> Graph:
        return self.subject.graph

    @cached_property
    def values(self) -> Values:
        """The numbers with the first sample."""
        return self.numbers.values if len(self.numbers.values.samples) == 1 else self.numbers.values.at(1)

    @cached_property
    def figures(self) -> Figures:
        """Every line of the derivation with its numbers."""
        return figures(self.subject.derivation, self.values, self.digits)

    def number(self, value: float, digits: int | None = None) -> Numeral:
        """A float with the digits of the notes, or with others."""
        exact = Rational(*value.as_integer_ratio())
        return Numeral(cast(Rational, exact), Integer(digits or self.digits))

    # ------------------------------------------------------------ the worked example

    def example(self) -> Iterator[Block]:
        """What is given, the forward pass, each chosen parameter, all of them after one update."""
        writer = self.writer
        yield writer.heading("example", "example")
        yield Paragraph(self.numbers.source)
        if len(self.numbers.values.samples) > 1:
            yield say("numbers_first", count=len(self.numbers.values.samples))
        yield from self.leaves()
        yield Heading(3, Message("section.forward"), anchor="example-forward")
        yield say("example_forward")
        yield from self.forward()
        seen: set[Symbol] = set()
        for w in self.subject.chosen[:2] if self.graph.network is not None else self.subject.chosen:
            kind = self.subject.own(w).key
            yield Heading(3, Message(f"section.{kind}", {"weight": w}), anchor=f"example-{w.name}")
            yield from self.parameter(w, seen)
        yield from self.updates()

    def leaves(self) -> Iterator[Block]:
        """The numbers given."""
        given = self.figures.leaves
        yield Paragraph(Message("group.leaves", {"digits": self.digits}))
        shown = list(given)[:MAX_LISTED] if len(given) > MAX_LISTED else list(given)
        yield Display(tuple(Row(leaf, given[leaf][0]) for leaf in shown))
        if len(shown) < len(given):
            yield say("numbers_more", count=len(given) - len(shown))

    def forward(self) -> Iterator[Block]:
        """Each computed quantity with its numbers; of a large network the first units of each layer."""
        steps = self.figures.forward
        few = len(steps) <= MAX_LISTED
        shown = [q for q in steps if few or self.graph[q].place.index <= 2 or q == self.graph.error]
        rows: list[Row] = []
        for q in shown:
            rows.append(Row(q, self.graph.definition(q)))
            rows.append(numbers_row(None, steps[q]))
        yield Display(tuple(rows))
        if not few:
            yield say("example_forward_more")

    def parameter(self, w: Symbol, seen: set[Symbol]) -> Iterator[Block]:
        """The δ that ∂E/∂w leans on and that have not been shown, ∂E/∂w by δ, and the update."""
        result = self.subject.result(w)
        needed = [d for d in self.needed(result.folded.rhs) if d not in seen]
        shown = needed[-MAX_CHECKED:]
        seen.update(needed)
        if shown:
            yield say("example_deltas" if len(shown) > 1 else "example_delta")
            yield self.with_numbers([self.subject.definition(d) for d in shown])
        yield say("example_gradient", weight=w)
        yield self.with_numbers([result.folded])
        if self.subject.is_used(w):
            yield say("example_update", weight=w)
            yield self.with_numbers([result.update])

    def needed(self, expr: Expr) -> list[Symbol]:
        """The δ that an expression leans on, directly or through others, in their order."""
        table = self.subject.derivation.definitions
        found: set[Symbol] = set()
        todo = [expr]
        while todo:
            for s in symbols(todo.pop()):
                if s in table and s not in found:
                    found.add(s)
                    todo.append(table[s].rhs)
        return [d for d in table if d in found]

    def with_numbers(self, steps: Sequence[Step]) -> Display:
        """Each step, then its numbers."""
        self.writer.steps.extend(steps)
        rows: list[Row] = []
        for step in steps:
            rows.append(Row(step.lhs, step.rhs))
            figure = self.figures.steps.get(step.id)
            if figure is not None and symbols(step.rhs):
                rows.append(numbers_row(None, figure))
        return Display(tuple(rows))

    def gradient(self, w: Symbol) -> float:
        """∂E/∂w as its step gives it."""
        return self.figures.steps[self.subject.derivation.results[w].folded.id].value

    def updated(self, w: Symbol) -> float:
        """w(t+1) as its step gives it."""
        return self.figures.steps[self.subject.derivation.results[w].update.id].value

    def updates(self) -> Iterator[Block]:
        """Every parameter before and after, and the error before and after."""
        if self.graph.rate not in self.values:
            return
        yield Heading(3, message("all_updates"), anchor="all-updates")
        parameters = tuple(w for w in self.graph.parameters if self.subject.is_used(w))
        listed = parameters if len(parameters) <= MAX_LISTED else self.subject.chosen
        yield say("all_updates_table" if listed is parameters else "all_updates_some")
        head = tuple(message(f"column_{c}") for c in ("parameter", "before", "gradient", "after"))
        rows = tuple(
            (w, *(self.number(v, DIGITS) for v in (self.values[w], self.gradient(w), self.updated(w))))
            for w in listed
        )
        yield Table(head, rows, "lrrr")
        error = self.graph.error
        before = self.figures.forward[error].value
        new = {**self.values.numbers, **{w: self.updated(w) for w in parameters}}
        try:
            now_ = evaluate(self.graph, new)[error]
        except BadValues:
            return
        args = {"error": error, "before": self.number(before, DIGITS), "after": self.number(now_, DIGITS)}
        yield say(f"error_{self.change(before, now_)}", **args)

    def change(self, before: float, after_: float) -> str:
        """Whether the error falls, rises or stays; stuck where every derivative is 0."""
        if abs(after_ - before) > SAME * max(abs(before), abs(after_)):
            return "falls" if after_ < before else "rises"
        used = [w for w in self.graph.parameters if self.subject.is_used(w)]
        return "stays" if any(self.gradient(w) for w in used) else "stuck"

    # ------------------------------------------------------------ the check

    def check(self) -> Iterator[Block]:
        """The derived gradients and updates beside central differences and the complex step."""
        yield self.writer.heading("check", "check")
        yield say("check_what")
        yield self.writer.list(*(message(f"check_{way}") for way in ("derived", "central", "complex")))
        parameters = self.checked()
        lines = check(Steps(self.subject.derivation, self.values), ("central", "complex"), parameters)
        wrong = [line for line in lines if line.verdict == "differs"]
        if wrong:
            raise Unverified(
                f"the {wrong[0].kind} of {wrong[0].parameter.name} differs from its references: "
                f"derived {wrong[0].derived:.10g}, found {dict(wrong[0].references)}"
            )
        if len(parameters) < len(self.graph.parameters):
            yield say("check_some", count=len(parameters), total=len(self.graph.parameters))
        shown = [x for x in lines if x.kind == "gradient"]
        shown += [x for x in lines if x.kind == "update" and x.parameter in self.subject.chosen]
        columns = ("quantity", "derived", "central", "complex", "difference", "verdict")
        head = tuple(Message(f"check.{c}") for c in columns)
        yield Table(head, tuple(map(self.checked_row, shown)), "lrrrrl")
        for line in shown:
            if line.sides is not None:
                yield Paragraph(self.sides(line))
        yield say("check_agrees", count=len(lines))

    def checked(self) -> tuple[Symbol, ...]:
        """The parameters that are checked: all, or the chosen ones and the first others."""
        parameters = self.graph.parameters
        if len(parameters) <= MAX_CHECKED:
            return parameters
        first = dict.fromkeys((*self.subject.chosen, *parameters))
        chosen = set(list(first)[:MAX_CHECKED])
        return tuple(w for w in parameters if w in chosen)

    def checked_row(self, line: Line) -> tuple[Expr | Message, ...]:
        is_gradient = line.kind == "gradient"
        subject = Partial(self.graph.error, line.parameter) if is_gradient else after(line.parameter)
        references = [line.references.get(name) for name in ("central", "complex")]
        found = [message("no_value") if r is None else self.number(r, DIGITS) for r in references]
        return (
            subject, self.number(line.derived, DIGITS), *found, self.number(line.difference, 1),
            Message(f"verdict.{line.verdict}"),
        )  # fmt: skip

    def sides(self, line: Line) -> Message:
        """The one-sided derivatives at a kink."""
        left, right = cast("tuple[float, float]", line.sides)
        return Message(
            "check.sides",
            {
                "partial": Partial(self.graph.error, line.parameter),
                "left": self.number(left),
                "right": self.number(right),
                "derived": self.number(line.derived),
            },
        )

    # ------------------------------------------------------------ training

    @property
    def plan(self) -> Plan:
        """How it is trained: plain gradient descent, one sample after the other."""
        rate = self.values.numbers.get(self.graph.rate, RATE)
        size = max(1, len(self.graph.parameters)) * len(self.numbers.values.samples)
        return Plan(rate=rate, iterations=max(100, min(ITERATIONS, WORK // size)), patience=0)

    def training(self) -> Iterator[Block]:
        """The error in the course of many updates, as a table and as a curve."""
        writer, plan, graph = self.writer, self.plan, self.graph
        yield writer.heading("training", "training")
        yield say("training_what", count=plan.iterations, rate=graph.rate, number=self.number(plan.rate))
        try:
            errors = self.trained_errors(plan)
        except Diverged:
            yield say("training_diverges", rate=graph.rate)
            return
        rows = tuple((Integer(i), self.number(errors[i], 6)) for i in _marks(plan.iterations))
        yield Table((Message("train.iteration"), Message("train.error")), rows, "rr")
        first, last = (self.number(errors[i]) for i in (0, plan.iterations))
        change = self.change(errors[0], errors[plan.iterations])
        yield say(f"training_{change}", first=first, last=last)
        if len(self.numbers.values.samples) == 1 and errors[plan.iterations] < NOTHING * errors[0]:
            yield say("training_one")
        if self.plots:
            from backprop_symbolic.plots import ErrorCurve

            points = tuple(sorted(errors.items()))
            yield Picture(
                "error-curve", ErrorCurve(points), message("plot_error"),
                message("plot_error_alt", first=first, last=last),
            )  # fmt: skip

    def trained_errors(self, plan: Plan) -> dict[int, float]:
        """Updates done → the error then, over all samples. Raises Diverged."""
        leaves, values = Leaves.of(self.graph), self.numbers.values
        samples = Given(
            tuple([row[s] for s in leaves.inputs] for row in values.samples),
            tuple([row[s] for s in leaves.targets] for row in values.samples),
        )
        constants = values.tuple(leaves.constants)
        engine = scalar_engine(self.subject.derivation, plan, constants)
        trainer = Trainer(engine, samples, plan, values.tuple(leaves.parameters))
        errors = {0: trainer.error()}
        for done in trainer.steps():
            errors[done] = trainer.error()
        return errors

    # ------------------------------------------------------------ commands

    def commands(self) -> Iterator[Block]:
        """What is typed to get these numbers."""
        yield self.writer.heading("commands", "commands")
        yield say("commands_shell")
        yield Code("\n".join(self.shell()), "sh")
        yield say("commands_python")
        yield Code("\n".join(self.python()), "python")

    def shell(self) -> Iterator[str]:
        """Lines for a shell."""
        graph, given = self.graph, self.numbers
        what = f" {given.options}" if given.whole and given.options else stated(graph)
        if graph.network is None and not (given.whole and given.options):
            yield "cat > graph.txt <<'END'"
            yield from definitions(graph).splitlines()
            yield "END"
        weights = f"--weight {shlex.quote(' '.join(w.name for w in self.subject.chosen))}"
        if not given.whole:
            yield f"backprop derive{what} {weights}"
            what += f" {given.options}"
        if given.options:
            rate = "" if given.rate is None else f" --set learning_rate={given.rate:g}"
            yield f"backprop derive{what}{rate} {weights} --format text"
            yield f"backprop check{what}{rate}"
            if not (graph.network and (graph.network.l1 or graph.network.l2)):
                length = f"--rate {self.plan.rate:g} --iterations {self.plan.iterations} --patience 0"
                yield f"backprop train{what} {length}"
        if self.vanishing:
            yield self.vanishing

    def python(self) -> Iterator[str]:
        """Lines for Python."""
        graph = self.graph
        names = _quoted([w.name for w in self.subject.chosen])
        if graph.network is None:
            yield "from backprop_symbolic import derive, read"
            yield ""
            yield f'graph = read("""{definitions(graph)}""")'
            yield f"derived = derive(graph, {names})"
        else:
            yield "from backprop_symbolic import Network, derive"
            yield ""
            yield f"network = Network.dense({_arguments(graph.network)})"
            style = graph.notation.name if graph.notation is not None else "lecture"
            more = "" if style == "lecture" else f", notation={_quoted(style)}"
            yield f"derived = derive(network, {names}{more})"
        yield "for weight, gradient in derived.gradients.items():"
        yield '    print(weight, ":", gradient)'


def stated(graph: Graph) -> str:
    """The options that state a network: those that are not what they would be without."""
    network = graph.network
    if network is None:
        return " --graph graph.txt"
    found = [("--network", network.title, "2-2-2")]
    alike = len(set(network.activations)) == 1
    found.append(
        ("--activation", network.activations[0] if alike else ",".join(network.activations), "sigmoid")
    )
    found += [("--loss", network.loss, "half_sse"), ("--bias", network.bias, "1")]
    found += [("--l1", network.l1, ""), ("--l2", network.l2, "")]
    if graph.notation is not None:
        found.append(("--notation", graph.notation.name, "lecture"))
    return "".join(f" {option} {shlex.quote(value)}" for option, value, usual in found if value != usual)


def _arguments(network: Network) -> str:
    """The arguments of Network.dense."""
    alike = len(set(network.activations)) == 1
    given = [repr(list(network.sizes))]
    activations: object = network.activations[0] if alike else list(network.activations)
    for name, value, usual in (
        ("activation", activations, "sigmoid"), ("loss", network.loss, "half_sse"),
        ("bias", network.bias, "1"), ("l1", network.l1, ""), ("l2", network.l2, ""),
    ):  # fmt: skip
        if value != usual:
            given.append(f"{name}={_quoted(value)}")
    return ", ".join(given)


def _quoted(value: object) -> str:
    """Texts, and lists of texts, as Python writes them with double quotes."""
    return json.dumps(value, ensure_ascii=False)


def _marks(iterations: int) -> list[int]:
    """0, 1, 10, 100, … and the last."""
    found, mark = [0], 1
    while mark < iterations:
        found.append(mark)
        mark *= 10
    return [*found, iterations]
