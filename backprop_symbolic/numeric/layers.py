"""The layer pattern of a derivation: what the steps of all units of a layer have in common.

    net^l = W^l y^{l-1} + b^l,   y^l = f(net^l),   E = Σ part(t, y^L)
    δ^L = g(net, y, t),          δ^l = (W^{l+1})ᵀ δ^{l+1} ⊙ g(net, y)
    ∂E/∂W^l = δ^l (y^{l-1})ᵀ,    ∂E/∂b^l = δ^l,    w(t+1) = w(t) - η·∂E/∂w

f, g, part and the signs are read off the steps, and every unit's steps must have them in common.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from sympy import Add, Expr, Integer, Mul, Rational, Symbol

from backprop_symbolic.algebra import ONE, ZERO, Tight, add, mapped, mul, number, replace, symbols
from backprop_symbolic.derivation import Derivation, Step
from backprop_symbolic.errors import NoMatrixForm
from backprop_symbolic.graph import now
from backprop_symbolic.numeric.stable import Function, factors, stable
from backprop_symbolic.spec import Network
from backprop_symbolic.terminal import Flat

#: What stands for a unit's own quantities in a pattern, and for Σ_k δ_k w_kj of the layer above.
NET, OUT, TARGET, BACK = (Symbol(f"{name} ") for name in ("net", "y", "t", "back"))
#: softmax(y^L), where the error takes the outputs through it.
PROBABILITY = Symbol("p ")

Shape = TypeVar("Shape")


@dataclass(frozen=True)
class Layer:
    """One layer's pattern.

    activation  f(NET); softmax(NET) over the whole layer
    bias        added to each net: a key of BIAS_MODES
    delta       δ in NET, OUT and BACK, in the output layer in NET, OUT and TARGET
    weight      ∂E/∂w_ji = weight·δ_j·y_i;   bias_weight  the same for b
    moved       w(t+1) = w(t) + moved·η·∂E/∂w, for the weights and for the bias
    shown       the step that gives the first unit's δ, and the one of its first weight
    """

    number: int
    activation: Expr
    bias: str
    delta: Expr
    weight: Rational
    bias_weight: Rational
    moved: tuple[Rational, Rational]
    shown: tuple[Step, Step]


@dataclass(frozen=True)
class Pattern:
    """The layers of a derivation and the error of one output, in TARGET, OUT and PROBABILITY."""

    derivation: Derivation
    network: Network
    layers: tuple[Layer, ...]
    part: Expr

    @property
    def through(self) -> bool:
        """Whether the error takes the outputs through a softmax."""
        return PROBABILITY in symbols(self.part)

    @property
    def distributed(self) -> bool:
        """Whether the outputs are probabilities, so that the targets of a sample add up to 1."""
        return self.through or isinstance(self.layers[-1].activation, Function)


def pattern(derivation: Derivation) -> Pattern:
    """The layer pattern of a derivation. Raises NoMatrixForm, which names the step that breaks it."""
    return _Reader(derivation).read()


def small(network: Network) -> Network:
    """A network with the layers of `network` that can be written out, weight by weight.

    Each layer has at most 3 units, neighbours differ in width. Where the loss depends on the
    number of outputs, that number is kept.
    """
    from backprop_symbolic.losses import losses

    if network.edges <= 64 and max(network.sizes) <= 8:
        return network
    sizes = [min(size, 3 if i % 2 else 2) for i, size in enumerate(network.sizes)]
    if "n" in _names(losses.get(network.loss).part):
        sizes[-1] = network.sizes[-1]
    return Network(tuple(sizes), network.activations, network.loss, network.bias)


def _names(text: str) -> set[str]:
    from backprop_symbolic.numeric.printer import identifiers

    return identifiers(text)


class _Reader:
    def __init__(self, derivation: Derivation) -> None:
        self.derivation, self.graph = derivation, derivation.graph
        network = self.graph.network
        if network is None:
            raise NoMatrixForm(
                f"{self.graph.title} has no layers: the matrix form is for networks; use --form scalar"
            )
        missing = [w.name for w in self.graph.parameters if w not in derivation.results]
        if missing:
            raise NoMatrixForm(f"the matrix form needs every weight derived; '{missing[0]}' is not")
        self.network = network
        self.flat = Flat(self.graph.written("en"))
        self.nets, self.outputs = self.by_layer("net"), self.by_layer("activation", "softmax")
        #: The softmax of the outputs, where the error has one.
        self.probabilities = self.outputs.pop(0, [])
        self.leaves = {
            role: [q.symbol for q in self.graph.quantities.values() if q.role == role]
            for role in ("input", "target")
        }
        self.weights: dict[tuple[int, int, int], Symbol] = {}
        self.biases: dict[tuple[int, int], Symbol] = {}
        for q in self.graph.quantities.values():
            place = q.place
            if q.naming == "weight":
                self.weights[place.layer, place.index, place.from_] = q.symbol
            elif q.naming.startswith("bias"):
                self.biases[place.layer, place.index] = q.symbol

    def by_layer(self, *roles: str) -> dict[int, list[Symbol]]:
        found: dict[int, list[Symbol]] = {}
        for q in self.graph.quantities.values():
            if q.role in roles:
                found.setdefault(q.place.layer, []).append(q.symbol)
        return found

    def below(self, layer: int) -> Sequence[Symbol]:
        return self.leaves["input"] if layer == 1 else self.outputs[layer - 1]

    def bias(self, layer: int, unit: int) -> Symbol | None:
        return self.biases.get((layer, unit if self.network.bias == "node" else 0))

    # ------------------------------------------------------------ the whole

    def read(self) -> Pattern:
        layers = tuple(self.layer(number) for number in range(1, self.network.layers + 1))
        return Pattern(self.derivation, self.network, layers, self.part())

    def part(self) -> Expr:
        """The error of one output, where E is the sum of such errors."""
        graph, outputs = self.graph, self.outputs[self.network.layers]
        parts = graph.parts or (graph.error,)
        if graph.parts and graph.definition(graph.error) != add(*graph.parts):
            raise NoMatrixForm(f"{self.flat(graph.error)} is not the sum of the errors of the outputs")
        self.check_probabilities()
        shapes = []
        for unit, (p, y, t) in enumerate(zip(parts, outputs, self.leaves["target"], strict=True), 1):
            own: dict[Expr, Expr] = {y: OUT, t: TARGET, **self.probability(unit)}
            shapes.append((self.shape(graph.definition(p), own), f"the error {self.flat(p)}"))
        return self.one(shapes)

    def probability(self, unit: int) -> dict[Expr, Expr]:
        return {self.probabilities[unit - 1]: PROBABILITY} if self.probabilities else {}

    def check_probabilities(self) -> None:
        """p_k = softmax(y)_k over the outputs, where the error has such."""
        outputs = self.outputs[self.network.layers]
        for p, y in zip(self.probabilities, outputs, strict=False):
            definition = stable(self.graph.definition(p))
            if not isinstance(definition, Function) or definition.arguments != (y, *outputs):
                raise self.broken(p, self.graph.definition(p), "is no softmax of the outputs")

    def layer(self, layer: int) -> Layer:
        units = range(1, len(self.nets[layer]) + 1)
        for unit in units:
            self.check_net(layer, unit)
        first = self.derivation.definitions[self.delta_name(layer, 1)]
        sources = range(1, len(self.below(layer)) + 1)
        weights = [
            (
                self.read_gradient(
                    self.weights[layer, j, i], [self.delta_name(layer, j), self.below(layer)[i - 1]]
                )
            )
            for j in units
            for i in sources
        ]
        weight, moved = self.one(weights)
        bias_weight, bias_moved = self.bias_gradient(layer)
        return Layer(
            layer,
            self.one(self.activation(layer, unit) for unit in units),
            self.network.bias,
            self.one(self.delta(layer, unit) for unit in units),
            weight,
            bias_weight,
            (moved, bias_moved),
            (first, self.derivation.results[self.weights[layer, 1, 1]].folded),
        )

    # ------------------------------------------------------------ one unit

    def delta_name(self, layer: int, unit: int) -> Symbol:
        return self.graph.deltas[self.nets[layer][unit - 1]]

    def check_net(self, layer: int, unit: int) -> None:
        """net_j = Σ_i w_ji y_i + the bias of the mode, and nothing else."""
        net = self.nets[layer][unit - 1]
        definition = self.graph.definition(net)
        terms = list(definition.args) if isinstance(definition, Add) else [definition]
        bias = self.bias(layer, unit)
        expected: list[Expr] = [
            Tight(self.weights[layer, unit, i], y) for i, y in enumerate(self.below(layer), 1)
        ]
        expected += [bias] if bias is not None else [ONE] if self.network.bias == "1" else []
        if terms != expected:
            raise self.broken(net, definition, "is no weighted sum of the layer below")

    def activation(self, layer: int, unit: int) -> tuple[Expr, str]:
        net, y = self.nets[layer][unit - 1], self.outputs[layer][unit - 1]
        definition = self.graph.definition(y)
        opened = stable(definition)
        if isinstance(opened, Function) and opened.arguments == (net, *self.nets[layer]):
            return Function("softmax", NET), ""
        return self.shape(definition, {net: NET}), f"{self.flat(y)} = {self.flat(definition)}"

    def delta(self, layer: int, unit: int) -> tuple[Expr, str]:
        net, y = self.nets[layer][unit - 1], self.outputs[layer][unit - 1]
        step = self.derivation.definitions[self.delta_name(layer, unit)]
        own: dict[Expr, Expr] = {net: NET, y: OUT}
        rhs = step.rhs
        if layer == self.network.layers:
            own[self.leaves["target"][unit - 1]] = TARGET
            own.update(self.probability(unit))
        else:
            rhs = self.with_back(layer, unit, rhs)
        found = self.shape(rhs, own, self.flat(step.lhs))
        if layer < self.network.layers and found != ZERO and factors(found).count(BACK) != 1:
            raise self.broken(step.lhs, step.rhs, "does not lean on the δ of the layer above as Σ δ·w")
        return found, self.equation(step)

    def with_back(self, layer: int, unit: int, rhs: Expr) -> Expr:
        """`rhs` with BACK for Σ_k δ_k w_kj."""
        pairs = [
            {self.delta_name(layer + 1, k), self.weights[layer + 1, k, unit]}
            for k in range(1, len(self.nets[layer + 1]) + 1)
        ]

        def fold(node: Expr) -> Expr | None:
            if isinstance(node, Add) and len(pairs) > 1:
                terms = [factors(term) for term in node.args]
                if (
                    len(terms) == len(pairs)
                    and all(len(term) == 2 and set(term) in pairs for term in terms)
                    and all(any(set(term) == pair for term in terms) for pair in pairs)
                ):
                    return BACK
            if isinstance(node, (Mul, Tight)) and len(pairs) == 1:
                inside = factors(node)
                if all(inside.count(f) == 1 for f in pairs[0]):
                    return mul(BACK, *(f for f in inside if f not in pairs[0]))
            return None

        return mapped(rhs, fold)

    def read_gradient(self, w: Symbol, expected: list[Symbol]) -> tuple[tuple[Rational, Rational], str]:
        """(k, c) where ∂E/∂w = k·(the expected product) and w(t+1) = w(t) + c·η·∂E/∂w."""
        step = self.derivation.results[w].folded
        inside = factors(step.rhs)
        rest = [f for f in inside if f not in expected]
        if sorted(str(f) for f in inside if f in expected) != sorted(s.name for s in expected):
            raise self.broken(step.lhs, step.rhs, "is no product of the unit's δ and what the weight carries")
        return (self.coefficient(rest, step), self.moved(w)), self.equation(step)

    def bias_gradient(self, layer: int) -> tuple[Rational, Rational]:
        """The same for the layer's bias; (1, -1) where none is trained."""
        deltas = [self.delta_name(layer, j) for j in range(1, len(self.nets[layer]) + 1)]
        if self.network.bias == "node":
            found = [
                self.read_gradient(cast(Symbol, self.bias(layer, j)), [d]) for j, d in enumerate(deltas, 1)
            ]
            return self.one(found)
        if self.network.bias != "layer":
            return cast(Rational, Integer(1)), cast(Rational, Integer(-1))
        b = self.biases[layer, 0]
        step = self.derivation.results[b].folded
        *rest, last = factors(step.rhs)
        terms = list(last.args) if isinstance(last, Add) else [last]
        if terms != deltas:
            raise self.broken(step.lhs, step.rhs, "is not the sum of the layer's δ")
        return self.coefficient(rest, step), self.moved(b)

    def moved(self, w: Symbol) -> Rational:
        """c where w(t+1) = w(t) + c·η·∂E/∂w."""
        result = self.derivation.results[w]
        rhs = result.update.rhs
        terms = list(rhs.args) if isinstance(rhs, Add) else [rhs]
        change = [t for t in terms if t != now(w)]
        if len(change) != 1 or len(terms) != 2:
            raise self.broken(result.update.lhs, rhs, "is not w(t) and one change")
        rest = factors(change[0])
        for f in (self.graph.rate, *factors(result.folded.rhs)):
            if f not in rest:
                raise self.broken(result.update.lhs, rhs, "does not change by η·∂E/∂w")
            rest.remove(f)
        return self.coefficient(rest, result.update)

    # ------------------------------------------------------------ small tools

    def coefficient(self, rest: Iterable[Expr], step: Step) -> Rational:
        """The product of numbers; any other factor breaks the pattern."""
        product = cast(Rational, Integer(1))
        for f in rest:
            value = number(f)
            if value is None:
                raise self.broken(step.lhs, step.rhs, f"has the factor {self.flat(f)} besides")
            product = product * value
        return product

    def shape(self, expr: Expr, own: Mapping[Expr, Expr], name: str = "") -> Expr:
        """`expr` in the names of a pattern; no other name may be left."""
        found = replace(expr, own)
        strange = [s for s in symbols(found) if s not in (NET, OUT, TARGET, BACK, PROBABILITY)]
        if strange:
            shown = name or self.flat(expr)
            raise NoMatrixForm(
                f"no matrix form: {shown} = {self.flat(expr)} has {self.flat(strange[0])} in it; "
                "use --form scalar"
            )
        return found

    def one(self, found: Iterable[tuple[Shape, str]]) -> Shape:
        """The shape that all have. Raises NoMatrixForm with the first two that differ."""
        (first, shown), *others = found
        for shape, other in others:
            if shape != first:
                raise NoMatrixForm(
                    f"no matrix form: {shown} and {other} have different shapes; use --form scalar"
                )
        return first

    def equation(self, step: Step) -> str:
        return f"{self.flat(step.lhs)} = {self.flat(step.rhs)} [{step.id}]"

    def broken(self, lhs: Expr, rhs: Expr, why: str) -> NoMatrixForm:
        return NoMatrixForm(f"no matrix form: {self.flat(lhs)} = {self.flat(rhs)} {why}; use --form scalar")
