"""The forward pass as named quantities.

A `Graph` is a list of scalar definitions in topological order. `dense` builds one from a
network, `read` from text; whatever comes after works on the definitions alone and knows nothing
of layers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import cast
from unicodedata import name as unicode_name
from unicodedata import normalize

from sympy import Abs, Add, Expr, Mul, Rational, Symbol

from backprop_symbolic import losses
from backprop_symbolic.activations import activations, function_symbol, layer_activations
from backprop_symbolic.algebra import (
    ONE,
    TWO,
    Call,
    Decimal,
    Frac,
    Partial,
    Tight,
    add,
    exp,
    mul,
    neg,
    power,
    symbols,
)
from backprop_symbolic.errors import BadGraph, BadNetwork, BadNotation, UnknownName, nearest, quoted
from backprop_symbolic.notation import Notation, Place, notation
from backprop_symbolic.spec import Network

HALF: Expr = Rational(1, 2)
MAX_EDGES = 20_000  # weights of a dense network that is written out
MAX_DEFINITIONS = 5_000  # lines of a graph file
MAX_FILE = 1_000_000  # bytes of a graph file

LEAVES = ("input", "target", "parameter", "constant")


_NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Quantity:
    """One named number of the forward pass.

    role        input, target, parameter, constant (leaves); net, activation, softmax, part,
                penalty, error, node
    definition  what it is computed from, in the names of other quantities; None for a leaf
    """

    symbol: Symbol
    role: str
    definition: Expr | None = None
    naming: str = ""
    place: Place = _NOWHERE


@dataclass(frozen=True)
class Graph:
    """Scalar definitions in topological order, leaves first, and the error they end in.

    deltas       quantity → the symbol of its δ, for those whose δ gets a name
    constraints  leaf → what it is by hypothesis: t_2 = 1 - t_1 where targets add up to 1
    domains      leaf → the interval in which it lies by hypothesis; checks draw it there
    values       constant → its number as text, where one was given
    names        LaTeX of further names that a document about this graph uses
    """

    quantities: Mapping[Symbol, Quantity]
    error: Symbol
    rate: Symbol
    deltas: Mapping[Symbol, Symbol]
    notation: Notation | None = None
    network: Network | None = None
    title: str = ""
    constraints: Mapping[Symbol, Expr] = field(default_factory=dict)
    domains: Mapping[Symbol, tuple[float, float]] = field(default_factory=dict)
    values: Mapping[Symbol, str] = field(default_factory=dict)
    names: Mapping[Symbol, str] = field(default_factory=dict)
    _written: dict[str, dict[Symbol, str]] = field(default_factory=dict, compare=False, repr=False)

    def __repr__(self) -> str:
        return f"<Graph of {self.title or 'definitions'}: {len(self.quantities)} quantities>"

    @cached_property
    def parameters(self) -> tuple[Symbol, ...]:
        """Every trainable leaf, in order: by layer and unit in a dense network."""
        return tuple(q.symbol for q in self.quantities.values() if q.role == "parameter")

    @cached_property
    def parts(self) -> tuple[Symbol, ...]:
        """The errors of the single outputs, where the error is their sum."""
        return tuple(q.symbol for q in self.quantities.values() if q.role == "part")

    @cached_property
    def order(self) -> Mapping[Symbol, int]:
        """Place of each quantity in the topological order."""
        return {symbol: i for i, symbol in enumerate(self.quantities)}

    @cached_property
    def consumers(self) -> Mapping[Symbol, tuple[Symbol, ...]]:
        """For each quantity those that are defined by it and lead to the error."""
        users: dict[Symbol, list[Symbol]] = {symbol: [] for symbol in self.quantities}
        leads = {self.error}
        for quantity in reversed(list(self.quantities.values())):
            if quantity.symbol in leads and quantity.definition is not None:
                for name in symbols(quantity.definition):
                    users[name].append(quantity.symbol)
                    leads.add(name)
        return {symbol: tuple(reversed(found)) for symbol, found in users.items()}

    @cached_property
    def meanings(self) -> Mapping[Symbol, Expr]:
        """What the names a derivation introduces stand for: δ_q is ∂E/∂q."""
        return {delta: Partial(self.error, q) for q, delta in self.deltas.items()}

    def __getitem__(self, symbol: Symbol) -> Quantity:
        return self.quantities[symbol]

    def definition(self, symbol: Symbol) -> Expr:
        """The definition of a quantity that is no leaf."""
        found = self.quantities[symbol].definition
        if found is None:
            raise KeyError(f"{symbol} is a leaf")
        return found

    def parameter(self, typed: str) -> Symbol:
        """The parameter that `typed` names. Raises UnknownName with the list or the nearest."""
        return find(typed, self.parameters, self.title)

    def written(self, language: str) -> Mapping[Symbol, str]:
        """LaTeX of every name, the δ and the learning rate included."""
        if language not in self._written:
            self._written[language] = _distinct(dict(_written(self, language)), self)
        return self._written[language]


def _distinct(written: dict[Symbol, str], graph: Graph) -> dict[Symbol, str]:
    """`written`, unless two names would look alike: then no line could be read. Raises BadNotation."""
    seen: dict[str, Symbol] = {}
    for symbol, latex in written.items():
        other = seen.setdefault(latex, symbol)
        if other != symbol:
            style = f"notation '{graph.notation.name}'" if graph.notation else "the graph"
            raise BadNotation(
                f"{style} writes {quoted(other.name)} and {quoted(symbol.name)} alike, as {quoted(latex)}"
            )
    return written


def now(parameter: Symbol) -> Symbol:
    """w(t), the parameter before the update."""
    return Symbol(f"{parameter.name}(t)")


def after(parameter: Symbol) -> Symbol:
    """w(t+1), the parameter after the update."""
    return Symbol(f"{parameter.name}(t+1)")


def find(typed: str, parameters: Iterable[Symbol], title: str) -> Symbol:
    """The one parameter called `typed`: exactly, or up to `_ { } ^ ( )` and commas."""
    known = {p.name: p for p in parameters}
    if typed in known:
        return known[typed]
    for marks in (r"[_{}^()\s\\]", r"[_{}^()\s\\,]"):
        bare = re.sub(marks, "", typed)
        hits = [p for name, p in known.items() if re.sub(marks, "", name) == bare]
        if len(hits) == 1:
            return hits[0]
        if hits:
            choices = " or ".join(quoted(p.name) for p in hits)
            raise UnknownName(f"weight {quoted(typed)} is ambiguous in {title}: write {choices}")
    if not known:
        raise UnknownName(f"no weight {quoted(typed)}: {title} has no parameters")
    names = list(known)
    listed = " ".join(names[:24]) + (f" … ({len(names)} in all)" if len(names) > 24 else "")
    close = nearest(typed, names) or names[0]
    raise UnknownName(
        f"no weight {quoted(typed)} in {title}. Its weights: {listed}. Did you mean {quoted(close)}?"
    )


# ---------------------------------------------------------------- dense networks


def dense(network: Network, style: Notation | None = None) -> Graph:
    """net_j = Σ_i w_ji y_i + b, y_j = f(net_j), E = Σ_k part(t_k, y_k) + penalties, all named.

    A softmax layer has y_j = e^net_j / Σ_i e^net_i; its targets add up to 1 where the loss takes
    them for a distribution.

    Raises BadNetwork where the network has more than MAX_EDGES weights, BadNotation where the
    notation gives two quantities one name.
    """
    if network.edges > MAX_EDGES:
        raise BadNetwork(
            f"network {quoted(network.title)} has {network.edges} weights; a written derivation "
            f"carries at most {MAX_EDGES}"
        )
    return _Dense(network, style or notation("lecture")).build()


def excerpt(network: Network, style: Notation, units: Sequence[Sequence[int]]) -> Graph:
    """The same definitions for the chosen units of each layer alone, inputs first, under their own names.

    Sums run over the chosen units only: it shows what feeds what in a network that need not be built,
    and is no network to derive from. Raises BadNotation.
    """
    return _Dense(network, style, units).build()


class _Dense:
    def __init__(
        self, network: Network, style: Notation, units: Sequence[Sequence[int]] | None = None
    ) -> None:
        self.network, self.style = network, style
        self.whole = units is None
        self.units: Sequence[Sequence[int]] = units or [range(1, n + 1) for n in network.sizes]
        self.leaves: list[Quantity] = []
        self.weights: list[Quantity] = []
        self.inner: list[Quantity] = []
        self.deltas: dict[Symbol, Symbol] = {}
        self.taken: dict[str, str] = {}
        self.values: dict[Symbol, str] = {}

    def name(self, naming: str, place: Place) -> Symbol:
        typed = self.style.typed(naming, place)
        if self.taken.setdefault(typed, naming) != naming or typed in self.once:
            raise BadNotation(
                f"notation '{self.style.name}' gives two quantities of a {self.network.title} "
                f"network the same name {quoted(typed)}"
            )
        self.once.add(typed)
        return Symbol(typed)

    def put(
        self, to: list[Quantity], role: str, naming: str, place: Place, definition: Expr | None
    ) -> Symbol:
        symbol = self.name(naming, place)
        to.append(Quantity(symbol, role, definition, naming, place))
        return symbol

    def build(self) -> Graph:
        self.once: set[str] = set()
        network, sizes = self.network, self.network.sizes
        below = [self.put(self.leaves, "input", "input", Place(index=i, node=i), None) for i in self.units[0]]
        targets = [self.put(self.leaves, "target", "target", Place(index=k), None) for k in self.units[-1]]
        nodes, nodes_below = 0, 0
        for layer in range(1, network.layers + 1):
            below = self.layer(layer, below, nodes, nodes_below)
            nodes_below, nodes = nodes, nodes + sizes[layer]
        error = self.errors(targets, below)
        rate = self.put(self.leaves, "constant", "rate", Place(), None)
        return Graph(
            {q.symbol: q for q in (*self.leaves, *self.weights, *self.inner)},
            error,
            rate,
            self.deltas,
            self.style,
            network,
            f"a {network.title} network",
            self.constraints(targets),
            self.domains(targets),
            self.values,
        )

    def domains(self, targets: list[Symbol]) -> dict[Symbol, tuple[float, float]]:
        """Where the targets lie, for losses that are not defined everywhere."""
        interval = losses.TARGETS[losses.loss(self.network.loss).targets]
        return {} if interval is None else dict.fromkeys(targets, interval)

    def constraints(self, targets: list[Symbol]) -> dict[Symbol, Expr]:
        """t_n = 1 - t_1 - … where the outputs are probabilities of a softmax, and so the targets."""
        loss = losses.loss(self.network.loss)
        mixed = loss.through or self.network.activations[-1]
        if not self.whole or loss.targets != "distribution" or mixed not in layer_activations:
            return {}
        return {targets[-1]: add(ONE, *(neg(t) for t in targets[:-1]))}

    def layer(self, layer: int, below: list[Symbol], nodes: int, nodes_below: int) -> list[Symbol]:
        """The quantities of one layer; the outputs y of its units."""
        network = self.network
        last = layer == network.layers
        shared = self.shared_bias(layer)
        name = network.activations[layer - 1]
        naming = "output" if last else "hidden"
        nets: dict[Symbol, Place] = {}
        outputs: list[Symbol] = []
        first = weight_number(network, layer, 1, 1)
        for j in self.units[layer]:
            node = nodes + j
            unit = f"o{j}" if last else f"h{node}"
            place = Place(index=j, node=node, layer=layer, unit=unit)
            terms: list[Expr] = []
            for i, y in zip(self.units[layer - 1], below, strict=True):
                number = first + (j - 1) * network.sizes[layer - 1] + i - 1
                at = Place(j, node, layer, i, nodes_below + i, number, unit)
                terms.append(Tight(self.put(self.weights, "parameter", "weight", at, None), y))
            if network.bias == "node":
                terms.append(self.put(self.weights, "parameter", "bias_node", place, None))
            terms.extend(shared)
            net = self.put(self.inner, "net", "net", place, add(*terms))
            self.deltas[net] = self.name("delta_output" if last else "delta_hidden", place)
            nets[net] = place
            if name not in layer_activations:
                outputs.append(self.put(self.inner, "activation", naming, place, _applied(name, net)))
        if name in layer_activations:
            values = softmax(list(nets))
            for place, value in zip(nets.values(), values, strict=True):
                outputs.append(self.put(self.inner, "softmax", naming, place, value))
        return outputs

    def shared_bias(self, layer: int) -> list[Expr]:
        place = Place(layer=layer)
        if self.network.bias == "1":
            return [ONE]
        if self.network.bias == "layer":
            return [self.put(self.weights, "parameter", "bias_layer", place, None)]
        if self.network.bias == "fixed":
            return [self.put(self.leaves, "constant", "bias_fixed", place, None)]
        return []

    def errors(self, targets: list[Symbol], outputs: list[Symbol]) -> Symbol:
        loss = losses.loss(self.network.loss)
        count = self.network.sizes[-1]
        if loss.through:
            outputs = [
                self.put(self.inner, "softmax", "probability", Place(index=k), value)
                for k, value in zip(self.units[-1], softmax(outputs), strict=True)
            ]
        parts = [losses.part(loss, t, y, count) for t, y in zip(targets, outputs, strict=True)]
        penalties = self.penalties()
        if count == 1 and not penalties:
            return self.put(self.inner, "error", "error", Place(), parts[0])
        names: list[Expr] = [
            self.put(self.inner, "part", "part", Place(index=k), part)
            for k, part in zip(self.units[-1], parts, strict=True)
        ]
        return self.put(self.inner, "error", "error", Place(), add(*names, *penalties))

    def penalties(self) -> list[Expr]:
        """λ₁·R₁ with R₁ = Σ|w|, and ½λ₂·R₂ with R₂ = Σw², over the weights and not the biases."""
        weights = [q.symbol for q in self.weights if q.naming == "weight"]
        terms: list[Expr] = []
        if self.network.l1:
            total = add(*(cast(Expr, Abs(w, evaluate=False)) for w in weights))
            terms.append(mul(self.factor("rate_l1", self.network.l1), self.penalty("penalty_l1", total)))
        if self.network.l2:
            total = add(*(power(w, TWO) for w in weights))
            rate = self.factor("rate_l2", self.network.l2)
            terms.append(mul(HALF, rate, self.penalty("penalty_l2", total)))
        return terms

    def penalty(self, naming: str, total: Expr) -> Symbol:
        return self.put(self.inner, "penalty", naming, Place(), total)

    def factor(self, naming: str, value: str) -> Symbol:
        symbol = self.put(self.leaves, "constant", naming, Place(), None)
        self.values[symbol] = value
        return symbol


def weight_number(network: Network, layer: int, unit: int, below: int) -> int:
    """The number of a weight in all, counted layer by layer, unit by unit, from 1."""
    sizes = network.sizes
    before = sum(a * b for a, b in pairwise(sizes[:layer]))
    return before + (unit - 1) * sizes[layer - 1] + below


def _applied(name: str, net: Symbol) -> Expr:
    """f(net), or net itself where f is the identity."""
    return net if name == "identity" else Call(Symbol(name), net)


def softmax(given: list[Symbol]) -> list[Expr]:
    """e^u_k / Σ_j e^u_j for each u_k."""
    powers = [exp(u) for u in given]
    total = add(*powers)
    return [Frac(p, total) for p in powers]


# ---------------------------------------------------------------- graphs written as text

#: Undeclared names that are leaves by their first letters.
_CONVENTION = (
    ("parameter", re.compile(r"(w|W|b|bias|theta|θ)[\d_]*\d*")),
    ("input", re.compile(r"(x|i|in)[\d_]*\d*")),
    ("target", re.compile(r"(t|y_?t|target)[\d_]*(o?\d+)?")),
)
_DECLARATION = re.compile(r"\s*(input|target|parameter|constant)s?\s*:?\s+(?!\s*=)([^=]*)$")


def read(text: str, where: str = "") -> Graph:
    """A graph from text, one `name = formula` a line, in any order; `#` begins a comment.

    A name that nothing defines is a leaf where it looks like one (w11, b1: parameter; x1:
    input; t1: target) or where a line declares it: `input a b`, `parameter c`, `target d`,
    `constant k`. Raises BadGraph, BadExpression or UnknownName with line and column.
    """
    return _Read(text, where).build()


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    text: str
    number: int
    offset: int


class _Read:
    def __init__(self, text: str, where: str) -> None:
        self.where = where
        self.prefix = f"{where}, " if where else ""
        self.title = f"{where}: " if where else ""
        self.declared: dict[str, str] = {}
        self.lines: dict[str, _Line] = {}
        self.used_at: dict[str, tuple[int, int]] = {}
        if len(text) > MAX_FILE:
            raise BadGraph(f"{self.title}the graph has more than {MAX_FILE} characters")
        rows = text.splitlines()
        if len(rows) > MAX_DEFINITIONS:
            raise BadGraph(f"{self.title}the graph has more than {MAX_DEFINITIONS} lines")
        for number, row in enumerate(rows, 1):
            self.row(row.split("#", 1)[0], number)
        if not self.lines:
            raise BadGraph(f"{self.title}no definition found; write one a line: h1 = sigmoid(net1)")

    def fail(self, number: int, message: str, column: int = 1) -> BadGraph:
        return BadGraph(f"{self.prefix}line {number}, column {column}: {message}")

    def row(self, row: str, number: int) -> None:
        if not row.strip():
            return
        declaration = _DECLARATION.fullmatch(row)
        if declaration:
            for word in re.finditer(r"[^\s,]+", declaration[2]):
                column = declaration.start(2) + word.start() + 1
                self.declare(normalize("NFKC", word.group()), declaration[1], number, column)
            return
        match = re.match(r"\s*([^\s=]+)\s*=(?!=)", row)
        if not match:
            raise self.fail(number, f"{quoted(row.strip())} is not 'name = formula'")
        name = normalize("NFKC", match[1])  # as Python reads the names in a formula
        self.claim(name, number, match.start(1) + 1)
        self.lines[name] = _Line(name, row[match.end() :], number, match.end())

    def declare(self, name: str, role: str, number: int, column: int) -> None:
        self.claim(name, number, column)
        self.declared[name] = role

    def claim(self, name: str, number: int, column: int) -> None:
        if not name.isidentifier():
            raise self.fail(number, f"{quoted(name)} is not a name", column)
        if name == "pi" or name in _FUNCTIONS or name in activations:
            raise self.fail(number, f"{quoted(name)} is the name of a function or constant", column)
        if name in self.lines:
            raise self.fail(
                number, f"{quoted(name)} is already defined in line {self.lines[name].number}", column
            )
        if name in self.declared:
            raise self.fail(number, f"{quoted(name)} is already declared", column)

    def leaf(self, name: str) -> str | None:
        if name in self.declared:
            return self.declared[name]
        return next((role for role, shape in _CONVENTION if shape.fullmatch(name)), None)

    def lookup(self, name: str) -> Symbol | None:
        if name in self.lines or self.leaf(name):
            return Symbol(name)
        if name == "pi":
            return None
        close = nearest(name, [*self.lines, *self.declared])
        hint = f" Did you mean {quoted(close)}?" if close else ""
        raise BadGraph(
            f"{quoted(name)} is used but defined nowhere; define it, or declare it with "
            f"'input {name}' or 'parameter {name}'.{hint}"
        )

    def build(self) -> Graph:
        from backprop_symbolic.expressions import parse

        definitions = {
            name: parse(
                line.text,
                self.lookup,
                function_symbol,
                where=self.where,
                line=line.number,
                offset=line.offset,
            )
            for name, line in self.lines.items()
        }
        order = self.sorted(definitions)
        used = {s.name for definition in definitions.values() for s in symbols(definition)}
        error = self.sink([name for name in definitions if name not in used])
        leaves = sorted(
            {*used, *self.declared} - set(definitions),
            key=lambda n: (LEAVES.index(self.leaf(n) or "input"), natural(n)),
        )
        roles = _roles(definitions, order, error, {n for n in leaves if self.leaf(n) == "parameter"})
        quantities = {Symbol(n): Quantity(Symbol(n), self.leaf(n) or "input") for n in leaves}
        for name in order:
            quantities[Symbol(name)] = Quantity(Symbol(name), roles[name], definitions[name])
        taken = {s.name for s in quantities}
        deltas = {}
        for name in order:
            if roles[name] in ("net", "node"):
                delta = f"delta_{name}"
                while delta in taken:
                    delta += "_"
                taken.add(delta)
                deltas[Symbol(name)] = Symbol(delta)
        rate = next(n for n in ("eta", "learning_rate", "eta_") if n not in taken)
        quantities = {Symbol(rate): Quantity(Symbol(rate), "constant"), **quantities}
        title = f"the graph {self.where}" if self.where else "the graph"
        return Graph(quantities, Symbol(error), Symbol(rate), deltas, title=title)

    def sorted(self, definitions: Mapping[str, Expr]) -> list[str]:
        """The definitions in topological order. Raises BadGraph that names a cycle."""
        from graphlib import CycleError, TopologicalSorter

        needs = {
            name: [s.name for s in symbols(definition) if s.name in definitions]
            for name, definition in definitions.items()
        }
        try:
            return list(TopologicalSorter(needs).static_order())
        except CycleError as error:
            cycle = list(error.args[1])[::-1]
            shown = " → ".join(cycle[:8]) + (" → …" if len(cycle) > 8 else "")
            line = self.lines[cycle[0]].number
            raise self.fail(line, f"the definitions form a cycle: {shown}") from None

    def sink(self, ends: list[str]) -> str:
        if len(ends) == 1:
            return ends[0]
        preferred = [n for n in ends if n.casefold() in ("e", "loss", "l", "error", "e_total", "오차")]
        if len(preferred) == 1:
            return preferred[0]
        shown = ", ".join(quoted(n) for n in ends[:6])
        raise BadGraph(
            f"{self.title}{len(ends)} quantities feed no other ({shown}); one of them must be the "
            "error: call it E"
        )


_FUNCTIONS = frozenset(
    ["exp", "log", "ln", "sqrt", "sin", "cos", "sinh", "cosh", "atan", "erf", "abs", "sign", "max", "min"]
)  # as in expressions.ELEMENTARY; a test holds the two equal


def natural(name: str) -> list[tuple[int, str | int]]:
    """Sort key: w2 before w10."""
    return [(1, int(p)) if p.isdigit() else (0, p) for p in re.split(r"(\d+)", name) if p]


def _roles(
    definitions: Mapping[str, Expr], order: list[str], error: str, parameters: set[str]
) -> dict[str, str]:
    """net: a weighted sum; activation: f(net); part: a term of the error's sum; else node.

    A derivation writes these three as the lecture does. All other quantities are `node`.
    """
    users: dict[str, list[str]] = {name: [] for name in definitions}
    for name, definition in definitions.items():
        for s in symbols(definition):
            if s.name in users:
                users[s.name].append(name)
    total = definitions[error]
    terms = {t.name for t in total.args if isinstance(t, Symbol)} if isinstance(total, Add) else set()
    roles: dict[str, str] = {}
    for name in order:
        definition = definitions[name]
        if name == error:
            roles[name] = "error"
        elif name in terms and users[name] == [error]:
            roles[name] = "part"
        elif _weighted_sum(definition, parameters):
            roles[name] = "net"
        elif isinstance(definition, Call) and roles.get(getattr(definition.args[1], "name", "")) == "net":
            source = definition.args[1].name  # type: ignore[attr-defined]
            roles[name] = "activation" if users[source] == [name] else "node"
        else:
            roles[name] = "node"
    inner = {s.name for s in symbols(total)} & set(definitions)
    if not all(roles[name] == "part" for name in inner):
        # The error is no plain sum of parts: then none of its terms is one.
        roles.update({name: "node" for name, role in roles.items() if role == "part"})
    return roles


def _weighted_sum(definition: Expr, parameters: set[str]) -> bool:
    """Whether every term is a name, a number, or a product of names, and one has a parameter."""
    terms = definition.args if isinstance(definition, Add) else (definition,)
    seen = False
    for term in terms:
        factors = term.args if isinstance(term, (Mul, Tight)) else (term,)
        names = [f for f in factors if isinstance(f, Symbol)]
        if not all(isinstance(f, (Symbol, Decimal)) or f.is_Rational for f in factors):
            return False
        if len(set(names)) < len(names):
            return False
        seen = seen or any(f.name in parameters for f in names)
    return seen


# ---------------------------------------------------------------- LaTeX of the names

_GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu",
    "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta",
    "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega",
}  # fmt: skip


def _written(graph: Graph, language: str) -> Iterator[tuple[Symbol, str]]:
    if graph.notation is not None:
        for quantity in graph.quantities.values():
            yield quantity.symbol, graph.notation.written(quantity.naming, quantity.place, language)
            delta = graph.deltas.get(quantity.symbol)
            if delta is not None:
                last = graph.network is not None and quantity.place.layer == graph.network.layers
                role = "delta_output" if last else "delta_hidden"
                yield delta, graph.notation.written(role, quantity.place, language)
        return
    plain = {s: auto_latex(s.name) for s in graph.quantities}
    plain[graph.rate] = r"\eta"
    plain.update({d: rf"\delta_{{{plain[q]}}}" for q, d in graph.deltas.items()})
    counts: dict[str, int] = {}
    for shown in plain.values():
        counts[shown] = counts.get(shown, 0) + 1
    for symbol, shown in plain.items():
        # w11 and w_11 would look alike: then each is written as it was typed.
        yield symbol, shown if counts[shown] == 1 else _typewriter(symbol.name)
    yield from graph.names.items()


def _typewriter(name: str) -> str:
    shown = name.replace("_", r"\_")
    return rf"\mathtt{{{shown}}}" if name.isascii() else rf"\text{{{shown}}}"


def _greek(letter: str) -> str:
    r"""The command of a Greek letter, without its backslash: θ → theta; "" for any other letter."""
    words = unicode_name(letter, "").split()
    if words[:2] == ["GREEK", "SMALL"] or words[:2] == ["GREEK", "CAPITAL"]:
        spelled = {"lamda": "lambda"}.get(words[-1].lower(), words[-1].lower())
        command = spelled if words[1] == "SMALL" else spelled.capitalize()
        return command if command in _GREEK else ""
    return ""


def auto_latex(name: str) -> str:
    """LaTeX of a name as typed: w11 → w_{11}, net1 → net_1, y_o1 → y_{o1}, delta → δ."""
    match = re.fullmatch(r"([^\W\d_]+)_?(\w*?)_?", name)
    if not match:
        return _typewriter(name)
    base, index = match[1], match[2].replace("_", ",")
    base = (_greek(base) if len(base) == 1 else "") or base
    if base in _GREEK:
        head = f"\\{base}"
    elif len(base) == 1 and base.isascii():
        head = base
    else:
        head = rf"\mathit{{{base}}}" if base.isascii() else rf"\text{{{base}}}"
    if not index:
        return head
    inside = index if index.isascii() else rf"\text{{{index}}}"
    return f"{head}_{{{inside}}}"
