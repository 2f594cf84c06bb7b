"""The derivation as a lecture: what is assumed, the output layer, the hidden layer, the delta form.

The sections of the derivation are taken apart by their keys and told in the lecture's order; what is
shown are its steps. Where the lecture writes a line that the derivation does not need, it is decided
here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from sympy import Expr, Symbol

from backprop_symbolic.activations import layer_activations
from backprop_symbolic.algebra import Partial, symbols
from backprop_symbolic.derivation import NORMAL, Group, Section, Step
from backprop_symbolic.document import Block, Heading, Message, Picture, Table
from backprop_symbolic.graph import Quantity
from backprop_symbolic.lecture import general
from backprop_symbolic.lecture.subject import Subject, walk
from backprop_symbolic.lecture.writer import Writer, message, note, say
from backprop_symbolic.rules import Chain, Defined, Inserted

#: Units of a layer that are all written out; of more, only the FIRST ones.
MAX_UNITS, FIRST = 4, 2
#: Gradients of further parameters that are listed.
MAX_GRADIENTS = 12
#: Names in a formula that still fits into a table.
MAX_NAMES = 8
#: Where the delta form is proved for every network, in a checkout.
THEOREM = "proofs/DeltaForm.v"
#: Sections that end a parameter's own: its δ, its update.
CLOSING = ("delta", "update")


@dataclass
class Derived:
    """Writes the sections that derive. `pictures` gives the picture of a parameter, or None."""

    subject: Subject
    writer: Writer
    pictures: dict[Symbol, Picture]

    @property
    def is_network(self) -> bool:
        return self.subject.graph.network is not None

    # ------------------------------------------------------------ what backpropagation is

    def introduction(self) -> Iterator[Block]:
        """Four steps, and gradient descent for one weight."""
        graph, writer = self.subject.graph, self.writer
        yield writer.heading("what", "what")
        yield say("what_it_is")
        yield say("four_steps")
        steps = ("forward", "error", "downhill", "repeat")
        yield writer.list(*(message(f"step_{step}") for step in steps), ordered=True)
        yield say("descent")
        yield writer.show(general.gradient_descent(graph.error, graph.rate))
        yield say(
            "descent_read", before=general.BEFORE, after=general.AFTER, rate=graph.rate,
            partial=Partial(graph.error, general.W),
        )  # fmt: skip
        yield note("library")

    # ------------------------------------------------------------ the setting

    def setting(self) -> Iterator[Block]:
        """Hypotheses, names, the forward pass."""
        writer = self.writer
        yield writer.heading("network" if self.is_network else "graph", "network")
        yield say("assumed")
        hypotheses = self.subject.derivation.hypotheses
        yield writer.list(*(Message(f"hypothesis.{key}", args) for key, args in hypotheses))
        if self.is_network:
            yield say("symbols_mean")
            yield writer.list(*self.names())
        yield Heading(3, Message("section.forward"), anchor="forward")
        yield from self.forward()

    def names(self) -> Iterator[Message]:
        """What the symbols mean, by the names at hand."""
        graph, w = self.subject.graph, self.subject.first
        quantities = list(graph.quantities.values())
        for key, role in (("names_inputs", "input"), ("names_targets", "target")):
            names = [q.symbol for q in quantities if q.role == role]
            if len(names) == 1:
                yield message(f"{key}_one", name=names[0])
            elif len(names) <= MAX_UNITS:
                yield message(key, names=tuple(names))
            else:
                yield message(f"{key}_many", first=names[0], last=names[-1], count=len(names))
        last = graph.network.layers if graph.network else 0
        hidden = {1: "names_layers_one", 2: "names_layers_two"}.get(last, "names_layers")
        yield message(hidden, hidden=last - 1, last=last)
        net, output = self.subject.net(w), self.subject.output(w)
        applied = graph.definition(output) != net
        yield message("names_unit" if applied else "names_unit_plain", net=net, output=output)
        if graph[w].naming == "weight":
            source = self.incoming(w)
            yield message("names_weight", weight=w, source=source, net=net)

    def incoming(self, w: Symbol) -> Expr:
        """What w is multiplied with: y_h1 in w31·y_h1."""
        return self.subject.values[Partial(self.subject.net(w), w)]

    def forward(self) -> Iterator[Block]:
        """The definitions up to the outputs, layer by layer."""
        graph, writer = self.subject.graph, self.writer
        inner = [
            q
            for q in graph.quantities.values()
            if q.definition is not None and q.role not in ("part", "penalty", "error")
        ]
        if not self.is_network:
            yield say("forward_graph")
            if inner:
                yield writer.show(*(self.defined(q) for q in inner))
            return
        yield say("forward_units")
        for layer in range(1, cast(int, graph.network and graph.network.layers) + 1):
            yield from self.forward_layer(layer, [q for q in inner if q.place.layer == layer])

    def forward_layer(self, layer: int, members: Sequence[Quantity]) -> Iterator[Block]:
        """The sums and outputs of one layer; of a large one those of the first units."""
        last = self.subject.graph.network and self.subject.graph.network.layers
        yield say("forward_output" if layer == last else "forward_hidden", layer=layer)
        count = sum(q.role == "net" for q in members)
        shown = count if count <= MAX_UNITS else FIRST
        units = [q for q in members if q.place.index <= shown]
        yield self.writer.show(*(self.defined(q) for q in sorted(units, key=lambda q: q.place.index)))
        if shown < count:
            yield say("forward_more", count=count - shown)
        kinds = {q.role for q in members}
        if "softmax" in kinds:
            yield say("forward_softmax")
        elif any(q.definition in self.subject.graph.deltas for q in members):
            yield say("forward_identity")

    def defined(self, quantity: Quantity) -> Step:
        """q = its definition."""
        symbol = quantity.symbol
        return self.subject.line(f"n_{symbol.name}", symbol, Defined(cast(Expr, quantity.definition)))

    # ------------------------------------------------------------ 1 to 5: the output layer

    def output_layer(self) -> Iterator[Block]:
        """The update that is wanted, the error, the chain rule, the factors, the update with δ."""
        subject, writer, w = self.subject, self.writer, self.subject.first
        graph = subject.graph
        args = {"weight": w, "error": graph.error, "partial": Partial(graph.error, w)}
        yield writer.heading("output_update", "output-update", number=True)
        yield say(f"output_start{self.kind(w)}", weight=w)
        yield from self.picture(w)
        yield say("update_wanted")
        yield writer.show(subject.rule(w))
        rule = subject.rule(w)
        yield say("update_task", partial=args["partial"], rate=graph.rate, before=self.before(rule))
        yield from self.error()
        yield from self.chain_rule(w)
        chain, middle, closing = self.taken_apart(w)
        yield from writer.part(chain)
        yield writer.heading("factors", "factors", number=True)
        for item in (*subject.prepared(w), *middle):
            yield from writer.part((item,))
            if item.key == "weighted_sum":
                yield from self.about_bias()
        yield writer.heading("updating", "updating", number=True)
        yield from writer.part(closing)
        yield from self.of_bias(w)
        delta = subject.delta(w)
        if len(subject.chosen) == 1:
            yield from self.every_gradient()
        elif delta is not None:
            yield note("delta_remember", delta=delta)

    def kind(self, w: Symbol) -> str:
        """The ending of a sentence's key for a bias, none for a weight."""
        return "_bias" if self.subject.graph[w].naming.startswith("bias") else ""

    def before(self, rule: Step) -> Expr:
        """w(t)."""
        return cast(Expr, rule.rhs.args[0])

    def error(self) -> Iterator[Block]:
        """What is made small."""
        graph, writer = self.subject.graph, self.writer
        yield writer.heading("error", "error", number=True)
        yield say("error_what")
        yield from writer.part(self.subject.section("error").items)
        network = graph.network
        if network is not None and network.loss == "half_sse":
            yield say("error_half")
        if network is not None:
            trained = any(graph[w].naming.startswith("bias") for w in graph.parameters)
            yield say("error_goal_bias" if trained else "error_goal")

    def chain_rule(self, w: Symbol | None) -> Iterator[Block]:
        """The chain rule for functions of one variable."""
        writer = self.writer
        yield writer.heading("chain_rule", "chain-rule", number=True)
        if w is not None and not self.is_penalised:
            yield say("chain_need", weight=w)
        yield say("chain_how")
        primes, quotients = general.chain_rule()
        yield writer.show(primes)
        yield say("chain_quotients")
        yield writer.show(quotients)
        yield say("chain_more")

    @property
    def is_penalised(self) -> bool:
        return any(q.role == "penalty" for q in self.subject.graph.quantities.values())

    def taken_apart(
        self, w: Symbol
    ) -> tuple[tuple[Group, ...], tuple[Section | Group, ...], tuple[Group, ...]]:
        """A parameter's own section: the chain, what is found factor by factor, how it ends."""
        chain: list[Group] = []
        middle: list[Section | Group] = []
        closing: list[Group] = []
        for item in self.subject.own(w).items:
            if isinstance(item, Group) and item.key.startswith("chain"):
                chain.append(item)
            elif isinstance(item, Section) and item.key in CLOSING:
                closing.extend(walk((item,)))
            elif isinstance(item, Group) and item.key in ("by_delta", "unused"):
                closing.append(item)
            else:
                middle.append(item)
        return tuple(chain), tuple(middle), tuple(closing)

    def about_bias(self) -> Iterator[Block]:
        """That a bias of 1 is a choice and no rule."""
        network = self.subject.graph.network
        if network is not None and network.bias == "1":
            yield note("bias_is_one")

    def of_bias(self, w: Symbol) -> Iterator[Block]:
        """∂E/∂b for the trained bias of the same unit or layer, found in the same derivation."""
        graph = self.subject.graph
        here = graph[w]
        found = [
            p
            for p in graph.parameters
            if graph[p].naming.startswith("bias")
            and graph[p].place.layer == here.place.layer
            and graph[p].place.index in (0, here.place.index)
            and p != w
        ]
        if found:
            bias = found[0]
            yield say("bias_derivative" if graph[bias].place.index else "bias_shared", bias=bias)
            yield self.writer.show(self.subject.result(bias).folded)

    def picture(self, w: Symbol) -> Iterator[Block]:
        """The picture of a parameter's paths, where there is one."""
        if w in self.pictures:
            yield self.pictures[w]

    # ------------------------------------------------------------ 6, 7: the hidden layer

    def hidden_layer(self) -> Iterator[Block]:
        """The update of a weight below, (2) and (3), then (1) over the paths, and the result."""
        subject, writer, w = self.subject, self.writer, self.subject.chosen[1]
        yield writer.heading("hidden_update", "hidden-update", number=True)
        yield say(f"hidden_start{self.kind(w)}", weight=w)
        yield from self.picture(w)
        yield writer.show(subject.rule(w))
        yield note("hidden_why", output=subject.output(w), error=subject.graph.error)
        chain, middle, _ = self.taken_apart(w)
        yield from writer.part(chain)
        upper = [s for s in middle if isinstance(s, Section) and s.label == "(1)"]
        known = [s for s in middle if isinstance(s, Section) and s.label in ("(2)", "(3)")]
        if len(known) == 2:
            keys = [s.key for s in self.taken_apart(subject.first)[1] if isinstance(s, Section)]
            yield say("hidden_known" if known[0].key in keys else "hidden_first")
            yield from writer.part(known)
            yield say("hidden_new", output=subject.output(w))
        else:
            known = []
        rest = [s for s in middle if s not in upper and s not in known]
        yield writer.heading("hidden_error", "hidden-error", number=True)
        yield from self.above(w, 3)
        for section in upper:
            yield say("hidden_upper", partial=subject.factors(w)[0])
            yield from writer.part(self.in_full(section).items)
        yield from writer.part(rest)

    def above(self, w: Symbol, level: int) -> Iterator[Block]:
        """The δ of the layer above that are not known yet: in full those of w's own unit, the others
        by their result.
        """
        own = self.subject.delta(w)
        whole = [s for s in self.subject.prepared(w) if own is not None and s.args.get("delta") == own]
        others = [s for s in self.subject.prepared(w) if s not in whole]
        steps = list(self.subject.defined_in(others))
        shown = steps if len(steps) <= MAX_UNITS else steps[:FIRST]
        if shown:
            yield say("deltas_above")
            yield self.writer.show(*shown, names=[cast(Symbol, s.lhs) for s in shown])
        if len(shown) < len(steps):
            yield say("deltas_more", count=len(steps) - len(shown))
        yield from self.writer.part(whole, level)

    def in_full(self, section: Section) -> Section:
        """(a) with its first factor written out once more, so that δ is seen in it."""
        items = tuple(self.in_full(i) if isinstance(i, Section) else i for i in section.items)
        if section.key != "path":
            return replace(section, items=items)
        part, net, y = (cast(Symbol, section.args[name]) for name in ("part", "net", "output"))
        (out,) = self.subject.graph.consumers[net]
        values = self.subject.values
        slopes = (Partial(part, out), Partial(out, net))
        known = (values.get(Partial(self.subject.graph.error, out)), values.get(slopes[1]))
        if None in known or not any(group.key == "path_outer_known" for group in walk(items)):
            return replace(section, items=items)
        over = self.subject.line(f"n_{net.name}_1", Partial(part, net), Chain((part, out, net)))
        facts = tuple(zip(slopes, cast("tuple[Expr, Expr]", known), strict=True))
        value = self.subject.line(f"n_{net.name}_2", over.lhs, Inserted(over.rhs, facts), (over.id,))
        chain = Chain((part, net, y)).result()
        weight = values[Partial(net, y)]
        both = ((over.lhs, value.rhs), (Partial(net, y), weight))
        together = self.subject.line(f"n_{net.name}_3", Partial(part, y), Inserted(chain, both), (value.id,))
        together = replace(together, detail=NORMAL)

        def widened(item: Section | Group) -> Section | Group:
            if isinstance(item, Section) and item.key == "path_outer":
                args = {**item.args, "output": out}
                new = (Group("path_outer", (over,), args), Group("path_outer_value", (value,), args))
                return replace(item, items=(*new, *item.items))
            if isinstance(item, Section) and item.key == "path_end":
                (group,) = cast("tuple[Group]", item.items)
                first, *others = group.steps
                return replace(item, items=(replace(group, steps=(first, together, *others)),))
            return item

        return replace(section, items=tuple(map(widened, items)))

    # ------------------------------------------------------------ 8: the delta form

    def delta_form(self) -> Iterator[Block]:
        """Both results side by side, what they share, the line that holds for every layer."""
        subject, writer = self.subject, self.writer
        top, below = subject.chosen[:2]
        yield writer.heading("delta_form", "delta-form", number=True)
        yield say("side_by_side")
        yield writer.show(subject.result(top).gradient, subject.result(below).gradient)
        yield from self.compared(top, below)
        chain_is_short = subject.result(below).gradient.id == subject.result(below).folded.id
        closing = self.taken_apart(below)[2]
        yield from writer.part(g for g in closing if g.key != "by_delta" or not chain_is_short)
        graph = subject.graph
        rates = {q.naming: q.symbol for q in graph.quantities.values()}
        delta, gradient, update = general.delta_form(
            graph.error, graph.rate, rates.get("rate_l1"), rates.get("rate_l2")
        )
        yield say(
            "recursion", unit=general.UNIT, above=general.UPPER, below=general.LOWER, net=general.NET,
            heard=general.W_KJ, entering=general.W_JI, incoming=general.Y_I,
        )  # fmt: skip
        yield writer.show(delta, gradient, update)
        network = graph.network
        if network is not None and any(name in layer_activations for name in network.activations[:-1]):
            yield say("recursion_softmax")
        elif not self.is_penalised:
            yield note("recursion_proved", file=THEOREM)
        yield say("recursion_repeats", above=general.DELTA_K, unit=general.DELTA_J)
        yield say("recursion_cost")
        yield from self.every_gradient()

    def compared(self, top: Symbol, below: Symbol) -> Iterator[Block]:
        """(1), (2), (3) of both weights in a table, where both have these factors."""
        values = self.subject.values
        columns = [self.subject.factors(w) for w in (top, below)]
        found = [[values[f] for f in c if f in values] for c in columns]
        if any(len(c) != 3 or any(len(symbols(v)) > MAX_NAMES for v in c) for c in found):
            yield say("same_form_penalty" if self.is_penalised else "same_form_short")
            pair = (self.subject.result(top), self.subject.result(below))
            if not self.is_penalised:
                yield self.writer.show(*(result.folded for result in pair))
            return
        head = (
            message("column_factor"),
            message("column_output", weight=top),
            message("column_hidden", weight=below),
        )
        rows = tuple(
            (message(f"row_{name}"), *pair)
            for name, *pair in zip(("error", "slope", "incoming"), *found, strict=True)
        )
        yield Table(head, rows, "lll")
        yield say("same_form", output=self.subject.output(top), hidden=self.subject.output(below))

    def every_gradient(self) -> Iterator[Block]:
        """∂E/∂w of the other parameters by δ, where they are few."""
        subject = self.subject
        rest = [w for w in subject.derivation.parameters if w not in subject.chosen]
        others = [subject.result(w).folded for w in rest]
        if others and len(others) <= MAX_GRADIENTS:
            yield say("every_gradient")
            yield self.writer.show(*others)

    # ------------------------------------------------------------ 9: layer by layer

    def further_layers(self) -> Iterator[Block]:
        """The induction step for each layer below the last hidden one."""
        subject, writer = self.subject, self.writer
        yield writer.heading("layers", "layers", number=True)
        yield say("layers_step")
        for w in subject.chosen[2:]:
            layer = subject.layer(w)
            yield Heading(
                3, message("layer", above=layer + 1, layer=layer, weight=w), anchor=f"layer-{layer}"
            )
            yield from self.above(w, 4)
            chain, middle, closing = self.taken_apart(w)
            yield from writer.part((*chain, *middle), 4)
            yield from writer.part(closing, 4)
        yield say("layers_done")

    # ------------------------------------------------------------ graphs without layers

    def parameters(self) -> Iterator[Block]:
        """The error, the chain rule, then one section for each parameter."""
        subject, writer = self.subject, self.writer
        yield from self.error()
        yield from self.chain_rule(None)
        yield say("chain_paths")
        for w in subject.chosen:
            yield writer.heading("parameter", f"parameter-{w.name}", number=True, weight=w)
            yield from self.picture(w)
            yield from writer.part((*subject.prepared(w), *subject.own(w).items))

    # ------------------------------------------------------------ the summary

    def summary(self) -> Iterator[Block]:
        """The training algorithm; why all weights are moved at once."""
        graph, writer = self.subject.graph, self.writer
        kind = "" if self.is_network else "_graph"
        yield writer.heading("summary", "summary")
        steps = ("choose", "forward", "error", "backward", "update", "again")
        special = ("choose", "error", "backward", "update") if kind else ()
        yield writer.list(
            *(
                message(f"algorithm_{s}{kind if s in special else ''}", rate=graph.rate)
                for s in steps
            ),
            ordered=True,
        )  # fmt: skip
        if self.is_network and len(self.subject.chosen) > 1:
            yield from self.order()

    def order(self) -> Iterator[Block]:
        """Why no weight may be moved before all δ are there."""
        subject = self.subject
        below = subject.chosen[1]
        delta = subject.delta(below)
        step = subject.derivation.definitions.get(cast(Symbol, delta))
        held = [] if step is None else [s for s in subject.graph.parameters if s in step.rhs.free_symbols]
        if held:
            yield note("algorithm_order", delta=cast(Symbol, delta), weights=tuple(held[:MAX_UNITS]))
