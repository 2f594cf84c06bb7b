"""The index of symbols: what each is, and in which section it gets its meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sympy import Expr, Symbol

from backprop_symbolic.document import Block, Message, Table, meanings
from backprop_symbolic.graph import Quantity, after, now
from backprop_symbolic.lecture.subject import Subject
from backprop_symbolic.lecture.writer import Writer, message, say, several

#: Quantities of a graph without layers that are listed one by one.
MAX_LISTED = 60

Row = tuple[Expr | Message, Message, Message]


@dataclass
class Index:
    """Writes the table; a symbol is defined in the section that `places` names by its anchor."""

    subject: Subject
    writer: Writer

    def write(self) -> Iterator[Block]:
        """The heading and the table."""
        places = dict(self.writer.places)
        yield self.writer.heading("symbols", "symbols")
        yield say("symbols_what")
        head = tuple(message(f"column_{c}") for c in ("symbol", "meaning", "place"))
        rows = self.of_network() if self.subject.graph.network is not None else self.of_graph()
        found = [(names, meaning, self.place(anchors, places)) for names, meaning, anchors in rows]
        yield Table(head, tuple(found), "lll")

    def place(self, anchors: tuple[str, ...], places: Mapping[str, tuple[str, Message]]) -> Message:
        """The first of some sections that is there: its number, or its name."""
        for anchor in anchors:
            if anchor in places:
                number, text = places[anchor]
                return message("in_section", number=number) if number else text
        return message("no_value")

    def of_network(self) -> Iterator[tuple[Message, Message, tuple[str, ...]]]:
        """One row for each kind of quantity in each layer."""
        graph = self.subject.graph
        here = ("network",)
        for naming in ("input", "target"):
            yield from self.kind(naming, here)
        layers = range(1, (graph.network.layers if graph.network else 0) + 1)
        for layer in layers:
            yield from self.kind("weight", here, layer)
            for naming in ("bias_node", "bias_layer", "bias_fixed"):
                yield from self.kind(naming, here, layer)
        for layer in layers:
            for naming in ("net", "hidden", "output"):
                yield from self.kind(naming, here, layer)
        for naming in ("probability", "part", "penalty_l1", "penalty_l2", "rate_l1", "rate_l2"):
            yield from self.kind(naming, ("error", "network"))
        yield several([graph.error]), meanings(graph)[graph.error], ("error", "network")
        yield several([graph.rate]), meanings(graph)[graph.rate], ("what", "network")
        w = self.subject.first
        yield several([now(w), after(w)]), message("symbols_time", weight=w), ("what", "output-update")
        for layer in reversed(layers):
            yield from self.deltas(layer)

    def kind(
        self, naming: str, place: tuple[str, ...], layer: int = 0
    ) -> Iterator[tuple[Message, Message, tuple[str, ...]]]:
        """The quantities of one naming in one layer; none where there are none."""
        graph = self.subject.graph
        found = [
            q.symbol
            for q in graph.quantities.values()
            if q.naming == naming and (not layer or q.place.layer == layer)
        ]
        if len(found) == 1:
            yield several(found), meanings(graph)[found[0]], place
        elif found:
            yield several(found), message(f"symbols_{naming}", layer=layer, below=layer - 1), place

    def deltas(self, layer: int) -> Iterator[tuple[Message, Message, tuple[str, ...]]]:
        """The δ of one layer."""
        graph = self.subject.graph
        found = [d for q, d in graph.deltas.items() if graph[q].place.layer == layer]
        last = graph.network.layers if graph.network else 0
        place = {last: ("updating", "factors"), last - 1: ("delta-form", "hidden-error")}
        meaning = message("symbols_delta", layer=layer)
        yield several(found), meaning, place.get(layer, ("layers",))

    def of_graph(self) -> Iterator[tuple[Message, Message, tuple[str, ...]]]:
        """One row for each quantity and each δ."""
        graph = self.subject.graph
        said = meanings(graph)
        for quantity in list(graph.quantities.values())[:MAX_LISTED]:
            yield several([quantity.symbol]), said[quantity.symbol], self.of_quantity(quantity)
        for delta in list(graph.deltas.values())[:MAX_LISTED]:
            if delta in self.subject.derivation.definitions:
                yield several([delta]), said[delta], tuple(self.sections_of(delta))

    def of_quantity(self, quantity: Quantity) -> tuple[str, ...]:
        """Where a quantity is defined."""
        if quantity.symbol == self.subject.graph.rate:
            return ("what", "network")
        return ("error", "network") if quantity.role in ("error", "part", "penalty") else ("network",)

    def sections_of(self, delta: Symbol) -> Iterator[str]:
        """The section of the parameter that a δ was found for."""
        step = self.subject.derivation.definitions[delta]
        for w in self.subject.chosen:
            sections = (*self.subject.prepared(w), self.subject.own(w))
            if any(s.id == step.id for section in sections for s in section.steps()):
                yield f"parameter-{w.name}"
