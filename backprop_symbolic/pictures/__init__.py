"""The network as a flow chart with the paths from the error back to a parameter.

`units` chooses what is shown of large layers, `chart` reads boxes, links and paths from the graph,
`layout` gives everything its place, and `svg`, `tikz` and `raster` draw what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sympy import Symbol

from backprop_symbolic.derivation import Argument
from backprop_symbolic.document import Message, Picture
from backprop_symbolic.errors import unknown
from backprop_symbolic.graph import Graph
from backprop_symbolic.notation import Notation
from backprop_symbolic.pictures.chart import Chart, chart
from backprop_symbolic.pictures.layout import layout
from backprop_symbolic.pictures.names import name
from backprop_symbolic.pictures.svg import svg
from backprop_symbolic.pictures.tikz import document, tikz
from backprop_symbolic.pictures.units import Shown, shown, shown_of
from backprop_symbolic.rendering.base import Words
from backprop_symbolic.spec import Network
from backprop_symbolic.wording import messages

KINDS = ("svg", "png", "pdf", "tikz")

__all__ = ["KINDS", "Diagram", "diagram", "document", "picture"]


@dataclass(frozen=True)
class Diagram:
    """The flow chart of a graph, the paths of one of its parameters highlighted.

    counts  for how many each quantity stands that stands for several; a graph of a large network
            needs none: its picture chooses what to show
    """

    graph: Graph
    parameter: Symbol
    counts: Mapping[Symbol, int] = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it can be drawn as."""
        return KINDS

    @cached_property
    def chart(self) -> Chart:
        """What is drawn. Raises BadPicture for a network or graph too large to be shown."""
        given = Shown(self.graph, self.counts) if self.counts else shown(self.graph, self.parameter)
        return chart(given, self.parameter)

    @property
    def caption(self) -> Message:
        """What the picture is about."""
        network = self.graph.network
        if network is None:
            return Message("diagram.caption_graph", {"weight": self.parameter})
        last = self.graph[self.parameter].place.layer == network.layers
        return Message(f"diagram.caption_{'output' if last else 'hidden'}", {"weight": self.parameter})

    @property
    def alt(self) -> Message:
        """The picture in words."""
        routes, error = self.chart.routes, self.graph.error
        if len(routes) == 1:
            return Message("diagram.alt_one", {"error": error, "path": routes[0].nodes})
        fork = routes[0].nodes[-1]
        args: dict[str, Argument] = {
            "error": error,
            "weight": self.parameter,
            "count": self.chart.paths,
            "fork": fork,
        }
        return Message("diagram.alt_many", args)

    def draw(
        self, kind: str, names: Mapping[Symbol, str], language: str, templates: Path | None = None
    ) -> bytes:
        """The picture as svg, png, pdf or tikz, `names` being the graph's in that language.

        Raises BadPicture, and NotInstalled where png or pdf needs what is not there.
        """
        if kind not in KINDS:
            raise unknown("kind of picture", kind, KINDS)
        laid_out = layout(self.chart, names, messages(language, templates))
        if kind == "tikz":
            return tikz(laid_out).encode("utf-8")
        say = Words(language, lambda value: name(names[value]).plain, str, templates)
        drawn = svg(laid_out, say(self.caption), say(self.alt))
        if kind == "svg":
            return drawn.encode("utf-8")
        from backprop_symbolic.pictures.raster import raster

        return raster(drawn, kind)


def diagram(network: Network, weight: str, style: Notation) -> Diagram:
    """The diagram of a network and the weight or bias that `weight` names; of a large one, little is built.

    Raises UnknownName, BadNotation, BadPicture.
    """
    found, parameter = shown_of(network, style, weight)
    return Diagram(found.graph, parameter, found.counts)


def picture(graph: Graph, parameter: Symbol, name: str) -> Picture:
    """The diagram as a picture of a document; `name` is its file's. Raises BadPicture."""
    drawing = Diagram(graph, parameter)
    return Picture(name, drawing, drawing.caption, drawing.alt)
