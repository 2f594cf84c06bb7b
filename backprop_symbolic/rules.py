"""The rules of backpropagation, one class each. Every rule can recompute its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

from sympy import Expr, Mul, Rational, Symbol

from backprop_symbolic import activations, calculus
from backprop_symbolic.algebra import (
    MINUS_ONE,
    ONE,
    Decimal,
    Partial,
    Tight,
    X,
    Y,
    add,
    contains,
    mapped,
    mul,
    neg,
    number,
    replace,
    sub,
)
from backprop_symbolic.calculus import tidy
from backprop_symbolic.derivation import Rule


@dataclass(frozen=True, slots=True)
class Defined(Rule):
    """q = its definition in the forward pass."""

    key: ClassVar[str] = "definition"
    value: Expr

    def result(self) -> Expr:
        return self.value


@dataclass(frozen=True, slots=True)
class Opened(Rule):
    """∂q/∂p = ∂/∂p (definition of q)."""

    key: ClassVar[str] = "open_definition"
    definition: Expr
    wrt: Symbol
    held: tuple[Symbol, ...] = ()

    def result(self) -> Expr:
        return Partial(self.definition, self.wrt, *self.held)


@dataclass(frozen=True, slots=True)
class Chain(Rule):
    """∂E/∂w = ∂E/∂y · ∂y/∂net · ∂net/∂w."""

    key: ClassVar[str] = "chain_rule"
    along: tuple[Symbol, ...]  # E, y, net, w

    def result(self) -> Expr:
        pairs = zip(self.along, self.along[1:], strict=False)
        return mul(*(Partial(of, wrt) for of, wrt in pairs))


@dataclass(frozen=True, slots=True)
class SumOverPaths(Rule):
    """∂E/∂q = Σ_k ∂E/∂k · ∂k/∂q, over the quantities k that q feeds."""

    key: ClassVar[str] = "sum_over_paths"
    error: Symbol
    edges: tuple[Partial, ...]  # ∂k/∂q for each k; what else leads from q to k is held

    def result(self) -> Expr:
        return add(*(self.term(edge) for edge in self.edges))

    def term(self, edge: Partial) -> Expr:
        """∂E/∂k · ∂k/∂q, or ∂E/∂q itself where q stands in the error's own definition."""
        if edge.of == self.error:
            return edge
        return mul(Partial(self.error, cast(Symbol, edge.of)), edge)


@dataclass(frozen=True, slots=True)
class SumOfErrors(Rule):
    """∂E/∂q = Σ_k ∂E_k/∂q, where E = Σ_k E_k."""

    key: ClassVar[str] = "sum_of_errors"
    parts: tuple[Symbol, ...]
    wrt: Symbol

    def result(self) -> Expr:
        return add(*(Partial(part, self.wrt) for part in self.parts))


@dataclass(frozen=True, slots=True)
class Vanishing(Rule):
    """∂(Σ_k E_k)/∂q = ∂E_j/∂q, where no other E_k depends on q."""

    key: ClassVar[str] = "vanishing_terms"
    kept: Symbol
    wrt: Symbol

    def result(self) -> Expr:
        return Partial(self.kept, self.wrt)


@dataclass(frozen=True, slots=True)
class Calculated(Rule):
    """The next line of a differentiation by the rules of calculus."""

    key: ClassVar[str] = "calculus"
    before: Expr
    rules: tuple[str, ...]  # sum, power_chain, …; the main one first

    def result(self) -> Expr:
        if self.rules == ("arithmetic",):
            return tidy(self.before)

        def one(node: Expr) -> Expr | None:
            return calculus.expand(node)[0] if isinstance(node, Partial) else None

        return tidy(mapped(self.before, one), signs=False)


@dataclass(frozen=True, slots=True)
class Differentiated(Rule):
    """A line of a proof with some of its derivatives done by one rule each; the others wait."""

    key: ClassVar[str] = "differentiated"
    before: Expr
    done: tuple[Partial, ...]
    rules: tuple[str, ...]

    def result(self) -> Expr:
        def one(node: Expr) -> Expr | None:
            if not isinstance(node, Partial):
                return None
            return calculus.expand(node)[0] if node in self.done else node

        return mapped(tidy(mapped(self.before, one), signs=False), _with_its_sign)


def _with_its_sign(node: Expr) -> Expr | None:
    """2·(-1)·x as -2x: the minus that a rule left beside a number goes into the number."""
    value = number(node.args[0]) if isinstance(node, Mul) else None
    if value is None or value == -1 or node.args[1] != MINUS_ONE or len(node.args) < 3:
        return None
    first = cast(Expr, node.args[0])
    flipped = Decimal(cast(Rational, -value)) if isinstance(first, Decimal) else cast(Expr, -value)
    return mul(flipped, *cast(tuple[Expr, ...], node.args[2:]))


@dataclass(frozen=True, slots=True)
class InnerName(Rule):
    """u = 1 + e^{-x}: an inner function gets its name."""

    key: ClassVar[str] = "inner_name"
    inner: Expr

    def result(self) -> Expr:
        return self.inner


@dataclass(frozen=True, slots=True)
class WithName(Rule):
    """d/dx g(inner) = d/dx g(u), where u = inner."""

    key: ClassVar[str] = "with_name"
    named: Partial

    def result(self) -> Expr:
        return self.named


@dataclass(frozen=True, slots=True)
class InnerChain(Rule):
    """d/dx g(u) = g'(u)·du/dx."""

    key: ClassVar[str] = "chain_inner"
    outer: Expr  # g(u)
    inner: Symbol
    wrt: Symbol
    rule: str  # the rule that gives g'(u)

    def result(self) -> Expr:
        slope = calculus.expand(Partial(self.outer, self.inner))[0]
        return tidy(mul(slope, Partial(self.inner, self.wrt)), signs=False)


@dataclass(frozen=True, slots=True)
class Stated(Rule):
    """The form in which a derivative is used further, equal to the line before."""

    key: ClassVar[str] = "form"
    form: Expr

    def result(self) -> Expr:
        return self.form


@dataclass(frozen=True, slots=True)
class Eliminated(Rule):
    """A line of an elimination: E named, y through E, solved, put in, cancelled."""

    key: ClassVar[str] = "eliminated"
    move: str
    value: Expr

    def result(self) -> Expr:
        return self.value


@dataclass(frozen=True, slots=True)
class Rewritten(Rule):
    """The line before in another form; `how` says in which way, a key of the messages [board]."""

    key: ClassVar[str] = "rewrite"
    form: Expr
    how: str

    def result(self) -> Expr:
        return self.form


@dataclass(frozen=True, slots=True)
class Assumed(Rule):
    """The line before with a hypothesis used: t_1 + t_2 = 1."""

    key: ClassVar[str] = "hypothesis"
    form: Expr

    def result(self) -> Expr:
        return self.form


@dataclass(frozen=True, slots=True)
class ThroughSoftmax(Rule):
    """∂y_i/∂u_j = y_i(1 - y_i) where i = j, else -y_i·y_j, for y_i = e^u_i/Σ_k e^u_k."""

    key: ClassVar[str] = "through_softmax"
    output: Symbol  # y_i
    own: Symbol  # y_j, the output that u_j belongs to

    def result(self) -> Expr:
        if self.output == self.own:
            return Tight(self.own, sub(ONE, self.own))
        return neg(mul(self.output, self.own))


@dataclass(frozen=True, slots=True)
class OnBoard(Rule):
    """A line of a board proof, as the activation's entry writes it."""

    key: ClassVar[str] = "board"
    activation: str
    index: int
    rule: str
    other: int = 0  # 0 for the entry's own proof, 1 for the first of its other proofs, …

    def result(self) -> Expr:
        entry = activations.activation(self.activation)
        lines = activations.board(entry) if not self.other else activations.other_board(entry, self.other - 1)
        return lines[self.index][0]


@dataclass(frozen=True, slots=True)
class ThroughActivation(Rule):
    """∂y/∂net = f'(net), in the form f' has been proved in, where y = f(net)."""

    key: ClassVar[str] = "through_activation"
    activation: str
    net: Expr
    output: Expr

    def result(self) -> Expr:
        form = calculus.prime(activations.activation(self.activation))
        if isinstance(form, Mul) and contains(form, Y):  # y(1 - y) is written without a dot
            form = Tight(*form.args)
        return replace(form, {X: self.net, Y: self.output})


@dataclass(frozen=True, slots=True)
class ThroughSum(Rule):
    """∂net/∂w = y: the terms of the weighted sum that hold w, differentiated; the others vanish."""

    key: ClassVar[str] = "through_weighted_sum"
    terms: Expr
    wrt: Symbol

    def result(self) -> Expr:
        return calculus.lines(self.terms, self.wrt)[-1].expr


@dataclass(frozen=True, slots=True)
class Inserted(Rule):
    """A formula with what is known put in for the factors."""

    key: ClassVar[str] = "insert"
    pattern: Expr
    values: tuple[tuple[Expr, Expr], ...]

    def result(self) -> Expr:
        return tidy(replace(self.pattern, dict(self.values)))


@dataclass(frozen=True, slots=True)
class Folded(Inserted):
    """A formula with δ put in for the factors that it names."""

    key: ClassVar[str] = "fold"


@dataclass(frozen=True, slots=True)
class Named(Rule):
    """δ_q = ∂E/∂q: the name is introduced."""

    key: ClassVar[str] = "delta"
    error: Symbol
    wrt: Symbol

    def result(self) -> Expr:
        return Partial(self.error, self.wrt)


@dataclass(frozen=True, slots=True)
class GradientStep(Rule):
    """w(t+1) = w(t) - η·∂E/∂w."""

    key: ClassVar[str] = "gradient_descent"
    before: Symbol
    rate: Symbol
    gradient: Expr

    def result(self) -> Expr:
        return add(self.before, neg(mul(self.rate, self.gradient)))


#: Every rule by its key; the message files and the tests go through it.
RULES: dict[str, type[Rule]] = {
    rule.key: rule
    for rule in (
        Defined, Opened, Chain, SumOverPaths, SumOfErrors, Vanishing, Calculated, Differentiated, InnerName,
        WithName, InnerChain, Eliminated, Stated, Rewritten, Assumed, OnBoard, ThroughActivation,
        ThroughSoftmax, ThroughSum, Inserted, Folded, Named, GradientStep,
    )
}  # fmt: skip
