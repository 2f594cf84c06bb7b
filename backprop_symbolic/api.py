"""What a Python user calls: `derive`, and the verified derivation it returns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from backprop_symbolic.backprop import backprop
from backprop_symbolic.derivation import DETAILS, Derivation, Step
from backprop_symbolic.errors import unknown
from backprop_symbolic.graph import Graph, dense, read
from backprop_symbolic.notation import notation as find_notation
from backprop_symbolic.spec import Network
from backprop_symbolic.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sympy import Expr, Symbol

    from backprop_symbolic.document import Figures


@dataclass(frozen=True)
class VerifiedDerivation:
    """A derivation of which every step carries evidence. `derive` makes it.

    In a notebook it shows itself as mathematics.
    """

    derivation: Derivation
    language: str = "en"
    detail: str = "normal"
    figures: Figures | None = None
    templates: Path | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step in reading order, with its rule and evidence."""
        return self.derivation.steps

    @property
    def graph(self) -> Graph:
        """The forward pass that was derived."""
        return self.derivation.graph

    @property
    def gradient(self) -> Expr:
        """∂E/∂w as the steps yield it, in the named quantities; the δ of the layer above by name.

        For several parameters, see `gradients`.
        """
        (result,) = self.gradients.values()
        return result

    @property
    def gradients(self) -> Mapping[Symbol, Expr]:
        """Each derived parameter with its ∂E/∂w, as the steps yield it."""
        from backprop_symbolic.algebra import plain

        return {w: plain(r.gradient.rhs) for w, r in self.derivation.results.items()}

    @property
    def deltas(self) -> Mapping[Symbol, Expr]:
        """Each δ that the derivation names with its value, in the order they were derived."""
        from backprop_symbolic.algebra import plain

        return {d: plain(step.rhs) for d, step in self.derivation.definitions.items()}

    def verify(self, *, strict: bool = False) -> VerifiedDerivation:
        """Decides every step once more; `strict` adds exact cancellation. Raises Unverified."""
        return replace(self, derivation=verify(self.derivation, strict=strict))

    def render(
        self,
        format: str = "latex",
        *,
        standalone: bool = False,
        lang: str | None = None,
        dialect: str = "",
    ) -> str:
        """The derivation in a format of text: latex, markdown, text, json, html, notebook or another.

        Raises UnknownName, and NotText for a format of bytes.
        """
        from backprop_symbolic.render import textual

        name = textual(format).name
        return self.bytes(name, standalone=standalone, lang=lang, dialect=dialect).decode("utf-8")

    def bytes(
        self,
        format: str = "pdf",
        *,
        standalone: bool = False,
        lang: str | None = None,
        dialect: str = "",
        engine: str = "",
    ) -> bytes:
        """The derivation in any format, as a file holds it.

        dialect  of Markdown: github, jekyll, myst, quarto, obsidian, jupyter
        engine   what makes a PDF: typst, xelatex, lualatex

        Raises UnknownName, NotInstalled, NotTypeset or BadTemplates.
        """
        from backprop_symbolic.render import Options, rendered

        options = Options(
            lang or self.language, DETAILS[self.detail], standalone, self.figures, dialect, engine or "typst",
            self.templates,
        )  # fmt: skip
        with collector_paused():
            return rendered(self.derivation, format, options).data

    def latex(self, *, standalone: bool = False, lang: str | None = None) -> str:
        r"""LaTeX for \input, or a whole document."""
        return self.render("latex", standalone=standalone, lang=lang)

    def markdown(self, *, lang: str | None = None, dialect: str = "") -> str:
        """Markdown as GitHub renders it, or another dialect: jekyll, myst, quarto, obsidian, jupyter."""
        return self.render("markdown", lang=lang, dialect=dialect)

    def text(self, *, lang: str | None = None) -> str:
        """Unicode for a terminal."""
        return self.render("text", lang=lang)

    def json(self, *, lang: str | None = None) -> str:
        """Every step with its rule and evidence, as docs/json.md describes."""
        return self.render("json", lang=lang)

    def notebook(self, *, lang: str | None = None) -> str:
        """A Jupyter notebook that derives, verifies and checks it by numbers once more."""
        return self.render("notebook", lang=lang)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        names = ", ".join(w.name for w in self.derivation.parameters)
        shown = names if len(names) <= 60 else f"{len(self.derivation.parameters)} parameters"
        return f"<VerifiedDerivation of {shown}: {len(self.steps)} steps>"

    def _repr_markdown_(self) -> str:
        from backprop_symbolic.render import Options, render

        options = Options(
            self.language,
            DETAILS[self.detail],
            figures=self.figures,
            dialect="jupyter",
            templates=self.templates,
        )
        return render(self.derivation, "markdown", options)

    def _repr_latex_(self) -> str:
        """The end results alone: ∂E/∂w = … for each parameter."""
        from backprop_symbolic.printing import BREAK, Latex

        write = Latex(self.graph.written(self.language))
        rows = [
            f"{write(r.gradient.lhs)} &= {write(r.gradient.rhs)}" for r in self.derivation.results.values()
        ]
        body = " \\\\\n".join(rows).replace(BREAK, "")
        return f"$\\displaystyle \\begin{{aligned}}\n{body}\n\\end{{aligned}}$"


@contextmanager
def collector_paused() -> Iterator[None]:
    """Without the cyclic garbage collector, which would scan the growing derivation again and again.

    A derivation is built of trees that live as long as it does, so there is nothing to collect.
    """
    import gc

    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def derive(
    network: Network | Graph | str | Path,
    weight: str | Sequence[str] = "all",
    *,
    notation: str = "lecture",
    lang: str = "en",
    detail: str = "normal",
    strict: bool = False,
    templates: str | Path | None = None,
) -> VerifiedDerivation:
    """∂E/∂w step by step, every step verified.

    network   a Network, a Graph, sizes such as "2-2-2", or the path of a graph file
    weight    a name as the notation writes it, a list of names, or "all"
    notation  lecture, layered, mazur, or the path of a TOML file; for a Network only
    strict    decide every step by exact cancellation too
    templates  a folder whose templates and sentences go before ours

    Raises UnknownName, BadTemplates, BadNetwork, BadGraph, BadExpression or BadNotation for what it cannot
    read, and Unverified where a step does not hold, which would be an error of this package.
    """
    if detail not in DETAILS:
        raise unknown("detail", detail, DETAILS)
    from backprop_symbolic.wording import messages, own_templates

    own = None if templates is None else own_templates(templates)
    messages(lang, own)  # an unknown language is refused before anything is derived
    graph = _graph(network, notation)
    graph.written(lang)  # and so are names that would look alike
    if weight == "all":
        parameters = list(graph.parameters)
        order = {w: i for i, w in enumerate(parameters)}
        if graph.network is not None:
            # From the error backwards: the output layer first, as its δ are needed below it.
            parameters.sort(key=lambda w: (-graph[w].place.layer, order[w]))
    else:
        names = [weight] if isinstance(weight, str) else list(weight) or [""]
        parameters = list(dict.fromkeys(graph.parameter(name) for name in names))
    if not parameters:
        raise unknown("weight", "all", [], f"in {graph.title}: it has no parameters")
    with collector_paused():
        derivation = backprop(graph, parameters, repeat=detail == "full")
        return VerifiedDerivation(verify(derivation, strict=strict), lang, detail, templates=own)


def prove_activation(
    name: str,
    *,
    lang: str = "en",
    detail: str = "normal",
    strict: bool = False,
    templates: str | Path | None = None,
) -> VerifiedDerivation:
    """The page of an activation, by its name or as a formula in x: f', its proof, its forms.

    Raises UnknownName, BadExpression or NotDifferentiable for what it cannot read or differentiate.
    """
    from backprop_symbolic.page import activation_page

    return _page(lambda: activation_page(name, strict=strict), lang, detail, templates)


def prove_loss(
    name: str,
    *,
    lang: str = "en",
    detail: str = "normal",
    strict: bool = False,
    templates: str | Path | None = None,
) -> VerifiedDerivation:
    """The page of a loss, by its name or as a formula in t and o: ∂E/∂o and its proof."""
    from backprop_symbolic.page import loss_page

    return _page(lambda: loss_page(name, strict=strict), lang, detail, templates)


def _page(
    make: Callable[[], Derivation], lang: str, detail: str, templates: str | Path | None
) -> VerifiedDerivation:
    from backprop_symbolic.wording import messages, own_templates

    if detail not in DETAILS:
        raise unknown("detail", detail, DETAILS)
    own = None if templates is None else own_templates(templates)
    messages(lang, own)
    with collector_paused():
        return VerifiedDerivation(make(), lang, detail, templates=own)


def _graph(network: Network | Graph | str | Path, notation: str) -> Graph:
    if isinstance(network, Graph):
        return network
    if isinstance(network, str):
        network = Network.parse(network)
    if isinstance(network, Network):
        return dense(network, find_notation(notation))
    return read_file(network)


def read_file(path: Path) -> Graph:
    """A graph from a file. Raises BadGraph where the file cannot be read."""
    from backprop_symbolic.errors import BadGraph, quoted
    from backprop_symbolic.graph import MAX_FILE

    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise BadGraph(f"graph file {quoted(path)}: {error.strerror}") from None
    return read_bytes(data, str(path))


def read_bytes(data: bytes, where: str) -> Graph:
    """A graph from the bytes of a file."""
    from backprop_symbolic.errors import BadGraph, quoted

    try:
        return read(data.decode("utf-8-sig"), where)
    except UnicodeDecodeError as error:
        raise BadGraph(f"graph file {quoted(where)} is not UTF-8 text (byte {error.start})") from None
