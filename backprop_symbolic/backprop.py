"""Backpropagation written down: a graph and its parameters in, a `Derivation` out.

The shape is the lecture's. ∂E/∂w runs along w → net → y → E in three factors, each derived on
its own; where y feeds several sums, the paths (a), (b), … are added; δ = ∂E/∂net gets a name
once and is used by it ever after. So a deeper layer leans on the δ of the layer above and no
path is ever expanded: the work grows with the number of edges.

Nothing here is trusted. Every step goes to `verify` before it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

from sympy import Add, Expr, Mul, Symbol

from backprop_symbolic import activations, calculus, losses
from backprop_symbolic.algebra import (
    MINUS_ONE,
    ONE,
    ZERO,
    Call,
    Frac,
    Partial,
    Prime,
    Tight,
    X,
    add,
    contains,
    exp,
    mul,
    neg,
    sub,
    symbols,
)
from backprop_symbolic.derivation import (
    BRIEF,
    FULL,
    NORMAL,
    Argument,
    Derivation,
    Group,
    Result,
    Rule,
    Section,
    Step,
)
from backprop_symbolic.expressions import typed_number
from backprop_symbolic.graph import Graph, after, now
from backprop_symbolic.proof import Names, Prover
from backprop_symbolic.rules import (
    Assumed,
    Calculated,
    Chain,
    Defined,
    Folded,
    GradientStep,
    Inserted,
    Named,
    Opened,
    Rewritten,
    Stated,
    SumOfErrors,
    SumOverPaths,
    ThroughActivation,
    ThroughSoftmax,
    ThroughSum,
    Vanishing,
)
from backprop_symbolic.spec import Network

#: Paths written out one by one; a wider layer shows the first and lists the others.
MAX_LETTERED = 3


def backprop(graph: Graph, parameters: Sequence[Symbol], *, repeat: bool = False) -> Derivation:
    """The derivation of ∂E/∂w for each of `parameters`, in the order given.

    With `repeat`, a fact that was proved earlier is proved again where it is used.
    """
    return _Author(graph, tuple(parameters), repeat).write()


def softmax_jacobian(graph: Graph, sums: Sequence[Symbol]) -> Section:
    """∂y_i/∂x_j for all outputs y_i of a softmax and all `sums` x_j: the two cases proved for the
    first, the others by them.
    """
    author = _Author(graph, (), False)
    first, *others = sums
    own = author.own_output(first)
    args: dict[str, Argument] = {"quantity": first, "output": own, "outputs": author.mixed(first)}
    proved = author.jacobian(first, own, args)
    rest = tuple(
        author.step(Partial(y, x), ThroughSoftmax(y, author.own_output(x)))
        for x in others
        for y in author.mixed(x)
    )
    items = (*proved.items, Group("softmax_rest", rest, {"others": tuple(others)}))
    return Section(proved.key, items, args=args)


def through_softmax(
    graph: Graph, sums: Sequence[Symbol], forms: Mapping[Symbol, Expr]
) -> tuple[list[Section], dict[Symbol, Expr]]:
    """The error, ∂E/∂o_k for the `sums` o_k of a softmax before it, over the paths through all its
    outputs: the first in full, the others likewise. And each ∂E/∂o_k found.

    `forms` gives the derivative of each part of the error by its output, as the loss states it.
    """
    author = _Author(graph, (), False, forms)
    first, *others = sums
    sections = [author.error_section(), author.through_softmax(first, "")]
    rest = tuple(step for o in others for step in author.through_softmax_short(o))
    groups = (Group("softmax_others", rest),)
    sections.append(Section("softmax_rest", groups, args={"others": tuple(others)}))
    return sections, {o: author.value(graph.error, o).value for o in sums}


@dataclass(frozen=True, slots=True)
class _Fact:
    """What a quantity was found to be, and the step that says so."""

    value: Expr
    step: str


class _Author:
    def __init__(
        self,
        graph: Graph,
        parameters: tuple[Symbol, ...],
        repeat: bool,
        forms: Mapping[Symbol, Expr] | None = None,
    ) -> None:
        self.forms = forms or {}  # part of the error → its derivative, as the loss states it
        self.graph, self.parameters, self.repeat = graph, parameters, repeat
        self.error = graph.error
        self.count = 0
        self.facts: dict[Expr, _Fact] = {}
        self.results: dict[Symbol, Result] = {}
        self.definitions: dict[Symbol, Step] = {}
        self.proved: dict[str, str] = {}  # activation → step that ends its proof
        self.shown: set[tuple[str, object]] = set()  # kinds of derivation already given in full
        self.terms: dict[Symbol, dict[Symbol, list[Expr]]] = {}
        self.followers: dict[Symbol, set[Symbol]] = {}
        taken = {s.name for s in (*graph.quantities, *graph.deltas)}
        self.prover = Prover(self.step, Names(taken | {"x", "y"}))

    # ------------------------------------------------------------ small tools

    def step(self, lhs: Expr, rule: Rule, uses: Sequence[str] = (), detail: int = BRIEF) -> Step:
        self.count += 1
        return Step(f"s{self.count}", lhs, rule.result(), rule, tuple(uses), detail)

    def learn(self, step: Step) -> Step:
        """Remember what `step` says its left side is."""
        self.facts[step.lhs] = _Fact(step.rhs, step.id)
        return step

    def value(self, of: Symbol, wrt: Symbol) -> _Fact:
        return self.facts[Partial(of, wrt)]

    def insert(
        self,
        lhs: Expr,
        pattern: Expr,
        facts: Sequence[tuple[Expr, _Fact]],
        rule: type[Inserted] = Inserted,
        detail: int = BRIEF,
    ) -> Step:
        """lhs = pattern with the facts put in."""
        values = tuple((key, fact.value) for key, fact in facts)
        uses = tuple(dict.fromkeys(fact.step for _, fact in facts if fact.step))
        return self.step(lhs, rule(pattern, values), uses, detail)

    def through_sum(self, net: Symbol, wrt: Symbol) -> ThroughSum:
        """The rule ∂net/∂wrt, given only the terms that hold wrt: a long sum is read once."""
        table = self.terms.get(net)
        if table is None:
            definition = self.graph.definition(net)
            table = self.terms[net] = {}
            for term in definition.args if isinstance(definition, Add) else (definition,):
                for name in symbols(term):
                    table.setdefault(name, []).append(term)
        return ThroughSum(add(*table[wrt]), wrt)

    def next(self, q: Symbol) -> tuple[Symbol, ...]:
        return self.graph.consumers[q]

    def single(self, q: Symbol) -> Symbol | None:
        """The one quantity that q feeds, None where there are several."""
        users = self.next(q)
        return users[0] if len(users) == 1 else None

    def output_of(self, net: Symbol) -> Symbol | None:
        """y where y = f(net) and net feeds nothing else."""
        y = self.single(net)
        return y if y is not None and self.graph[y].role == "activation" else None

    def mixed(self, q: Symbol) -> tuple[Symbol, ...]:
        """The outputs of the softmax that q goes into, in their order; empty where it goes into none."""
        users = self.next(q)
        return users if users and all(self.graph[k].role == "softmax" for k in users) else ()

    def edge(self, k: Symbol, q: Symbol) -> Partial:
        """∂k/∂q along the edge from q to k alone: what else in k follows from q is held."""
        return Partial(k, q, *self.held(k, q))

    def held(self, k: Symbol, q: Symbol) -> tuple[Symbol, ...]:
        if len(self.next(q)) < 2 or self.graph.network is not None:
            return ()  # in a network no quantity reaches another along two ways of unequal length
        after_q = self.following(q)
        return tuple(s for s in symbols(self.graph.definition(k)) if s in after_q)

    def following(self, q: Symbol) -> set[Symbol]:
        """Every quantity that follows from q."""
        if q not in self.followers:
            found: set[Symbol] = set()
            todo = list(self.next(q))
            while todo:
                k = todo.pop()
                if k not in found:
                    found.add(k)
                    todo.extend(self.next(k))
            self.followers[q] = found
        return self.followers[q]

    def first(self, kind: str, key: object) -> bool:
        """Whether this kind of derivation has not been given in full yet (or is to be repeated)."""
        if (kind, key) in self.shown and not self.repeat:
            return False
        self.shown.add((kind, key))
        return True

    # ------------------------------------------------------------ the whole

    def write(self) -> Derivation:
        sections: list[Section] = [self.error_section()]
        shown = self.to_be_shown()
        if shown:
            sections.insert(0, self.forward_section(shown))
        for parameter in self.parameters:
            sections.extend(self.about(parameter))
        meanings = {**self.graph.meanings, **self.prover.names.meanings}
        for w in self.parameters:
            meanings[now(w)] = w
            meanings[after(w)] = add(w, neg(mul(self.graph.rate, Partial(self.error, w))))
        return Derivation(
            self.graph,
            tuple(sections),
            self.results,
            self.definitions,
            meanings,
            tuple(self.hypotheses()),
        )

    def hypotheses(self) -> list[tuple[str, Mapping[str, Argument]]]:
        """What is assumed, before anything is concluded."""
        graph, found = self.graph, list[tuple[str, Mapping[str, Argument]]]()
        network = graph.network
        if network is not None:
            found.append(("network", {"sizes": network.title}))
            found.append((f"bias_{network.bias}", {}))
        else:
            leaves = [q.symbol for q in graph.quantities.values() if q.role == "parameter"]
            found.append(("graph", {"parameters": tuple(leaves), "error": self.error}))
        for name in self.used_activations():
            entry = activations.activation(name)
            symbol = Symbol(name)
            if entry.elementary:
                found.append(("activation_known", {"call": Call(symbol, X)}))
            else:
                formula = activations.formula(entry)
                found.append(("activation", {"call": Call(symbol, X), "formula": formula}))
            for point, slope in calculus.kinks(entry):
                found.append(
                    ("kink", {"x": X, "point": point, "prime": Prime(symbol, point), "slope": slope})
                )
        for mixed in self.softmax_layers():
            found.append(("softmax", {"output": mixed, "formula": graph.definition(mixed)}))
        if network is not None:
            found.extend((key, {}) for key in losses.loss(network.loss).conditions)
            found.extend(self.about_targets())
            found.extend(self.about_penalties(network))
        found.append(("held_fixed", {"rate": graph.rate}))
        return found

    def softmax_layers(self) -> list[Symbol]:
        """The first output of each softmax."""
        first: dict[object, Symbol] = {}
        for q in self.graph.quantities.values():
            if q.role == "softmax":
                first.setdefault((q.naming, q.place.layer), q.symbol)
        return list(first.values())

    def about_targets(self) -> list[tuple[str, Mapping[str, Argument]]]:
        """That the targets add up to 1, where that is used."""
        if not self.graph.constraints:
            return []
        return [("targets_sum", {"total": add(*self.targets), "one": ONE})]

    def about_penalties(self, network: Network) -> list[tuple[str, Mapping[str, Argument]]]:
        """What the penalties add to the error, and that biases are left out."""
        found: list[tuple[str, Mapping[str, Argument]]] = []
        for rate, value in self.graph.values.items():
            args: dict[str, Argument] = {"rate": rate, "value": typed_number(value)}
            found.append((self.graph[rate].naming, args))
        if found and network.bias in ("layer", "node"):
            found.append(("penalty_without_bias", {}))
        return found

    def used_activations(self) -> list[str]:
        names: dict[str, None] = {}
        for quantity in self.graph.quantities.values():
            if quantity.definition is not None:
                names.update((c.name, None) for c in quantity.definition.atoms(Call))
        return list(names)

    def to_be_shown(self) -> list[Symbol]:
        """Whose definition is given first: what lies on the paths, or all of it in full detail.

        Where a weight of a network has one path only, each definition is given where it is used.
        """
        graph = self.graph
        inner = [q.symbol for q in graph.quantities.values() if q.definition is not None]
        if self.repeat:
            return inner
        on_paths = set().union(*(self.following(w) for w in self.parameters))
        shown = [q for q in inner if q in on_paths and graph[q].role not in ("part", "penalty", "error")]
        sums = sum(graph[q].role == "net" for q in shown)
        return shown if sums > 1 or graph.network is None else []

    def forward_section(self, shown: Sequence[Symbol]) -> Section:
        """The forward pass: quantities with their definitions."""
        steps = tuple(self.defined(q) for q in shown)
        return Section("forward", (Group("forward", steps),), detail=NORMAL)

    def defined(self, q: Symbol, detail: int = BRIEF) -> Step:
        return self.step(q, Defined(self.graph.definition(q)), detail=detail)

    def error_section(self) -> Section:
        """The error and its parts."""
        graph = self.graph
        total = self.defined(self.error)
        groups = [Group("error", (total,), {"error": self.error})]
        if graph.parts:
            parts = [self.defined(part) for part in graph.parts]
            groups.append(Group("error_parts", tuple(parts), {"error": self.error}))
            if len(parts) <= MAX_LETTERED:
                whole = self.insert(
                    self.error, total.rhs, [(p.lhs, _Fact(p.rhs, p.id)) for p in parts], detail=NORMAL
                )
                groups.append(Group("error_whole", (whole,), {"error": self.error}, NORMAL))
        penalties = [q.symbol for q in graph.quantities.values() if q.role == "penalty"]
        if penalties:
            groups.append(Group("penalties", tuple(map(self.defined, penalties))))
        return Section("error", tuple(groups), args={"error": self.error})

    def about(self, w: Symbol) -> list[Section]:
        """The sections that derive ∂E/∂w, with the δ they need first."""
        users = self.next(w)
        if not users:
            return [self.unused(w)]
        net = users[0]
        if len(users) > 1 or net not in self.graph.deltas:
            above = self.prepare(users)
            return [*above, self.shared_parameter(w, users)]
        if self.graph.deltas[net] in self.definitions:
            return [self.known_delta(w, net)]
        if self.mixed(net):
            return [*self.prepare(self.skipping(net)), self.mixed_weight(w, net)]
        if self.output_of(net) is None:
            return [*self.prepare(users), self.known_delta(w, net)]
        y = cast(Symbol, self.output_of(net))
        here = self.ends(self.next(y)) or self.lettered_errors(y)
        above = [] if here else self.prepare(self.skipping(net))
        return [*above, self.three_factors(w, net, y)]

    # ------------------------------------------------------------ one weight

    def three_factors(self, w: Symbol, net: Symbol, y: Symbol) -> Section:
        """∂E/∂w = ∂E/∂y · ∂y/∂net · ∂net/∂w, as the lecture does for w31 and w11."""
        chain = self.step(Partial(self.error, w), Chain((self.error, y, net, w)))
        upper = self.upper(y, "(1)")
        local = self.activation_factor(y, net, "(2)")
        inner = self.sum_factor(net, w, "(3)")
        facts = [
            (Partial(self.error, y), self.value(self.error, y)),
            (Partial(y, net), self.value(y, net)),
            (Partial(net, w), self.value(net, w)),
        ]
        again = self.step(chain.lhs, chain.rule, (chain.id,), NORMAL)
        product = self.insert(chain.lhs, chain.rhs, facts)
        conclusion = Section(
            "product", (Group("product", (again, product), {"weight": w}),), args={"weight": w}
        )
        delta, folded = self.delta_of(w, net, y)
        return Section(
            self.kind(w),
            (
                Group("chain", (chain,), {"weight": w, "error": self.error, "net": net, "output": y}),
                upper,
                local,
                inner,
                conclusion,
                delta,
                self.update(w, product, folded),
            ),
            args={"weight": w, "error": self.error},
        )

    def delta_of(self, w: Symbol, net: Symbol, y: Symbol) -> tuple[Section, Step]:
        """δ = ∂E/∂net named, and ∂E/∂w = δ · ∂net/∂w."""
        groups = []
        delta = self.graph.deltas[net]
        if delta not in self.definitions:
            groups.append(Group("delta", self.name_delta(net, y), {"delta": delta, "net": net}))
        lhs = Partial(self.error, w)
        chain = self.step(lhs, Chain((self.error, net, w)), detail=NORMAL)
        folded = self.insert(lhs, chain.rhs, self.delta_facts(net, w), Folded)
        groups.append(Group("by_delta", (chain, folded), {"delta": delta, "weight": w}))
        return Section("delta", tuple(groups), args={"delta": delta}), folded

    def delta_facts(self, net: Symbol, w: Symbol) -> list[tuple[Expr, _Fact]]:
        delta = self.graph.deltas[net]
        return [
            (Partial(self.error, net), _Fact(delta, self.definitions[delta].id)),
            (Partial(net, w), self.value(net, w)),
        ]

    def name_delta(self, net: Symbol, y: Symbol) -> tuple[Step, ...]:
        """δ_net = ∂E/∂net = ∂E/∂y · ∂y/∂net = what was found."""
        delta = self.graph.deltas[net]
        named = self.step(delta, Named(self.error, net))
        chain = self.step(delta, Chain((self.error, y, net)), detail=NORMAL)
        value = self.insert(
            delta,
            chain.rhs,
            [
                (Partial(self.error, y), self.value(self.error, y)),
                (Partial(y, net), self.value(y, net)),
            ],
        )
        self.definitions[delta] = value
        return named, chain, value

    def update(self, w: Symbol, gradient: Step, folded: Step) -> Section:
        """w(t+1) = w(t) - η·∂E/∂w."""
        partial = Partial(self.error, w)
        rule = self.step(after(w), GradientStep(now(w), self.graph.rate, partial))
        steps = [rule]
        if gradient.id != folded.id:
            steps.append(
                self.insert(after(w), rule.rhs, [(partial, _Fact(gradient.rhs, gradient.id))],
                            detail=NORMAL)
            )  # fmt: skip
        last = self.insert(after(w), rule.rhs, [(partial, _Fact(folded.rhs, folded.id))], Folded)
        steps.append(last)
        self.results[w] = Result(w, gradient, folded, last)
        return Section("update", (Group("update", tuple(steps), {"weight": w}),), args={"weight": w})

    def unused(self, w: Symbol) -> Section:
        """A parameter the error does not depend on."""
        zero = self.step(Partial(self.error, w), Stated(ZERO))
        rule = self.step(after(w), GradientStep(now(w), self.graph.rate, Partial(self.error, w)))
        last = self.insert(after(w), rule.rhs, [(zero.lhs, _Fact(zero.rhs, zero.id))])
        self.results[w] = Result(w, zero, zero, last)
        groups = (Group("unused", (zero,), {"weight": w, "error": self.error}),)
        return Section(self.kind(w), groups, args={"weight": w, "error": self.error})

    def known_delta(self, w: Symbol, net: Symbol) -> Section:
        """∂E/∂w = δ · ∂net/∂w, where δ has been derived."""
        delta = self.graph.deltas[net]
        lhs = Partial(self.error, w)
        chain = self.step(lhs, Chain((self.error, net, w)))
        groups: list[Group | Section] = [
            Group("chain_by_delta", (chain,), {"weight": w, "net": net, "delta": delta})
        ]
        steps = [self.learn(self.step(Partial(net, w), self.through_sum(net, w)))]
        groups.append(Group("inner", tuple(steps), {"weight": w, "net": net}, NORMAL))
        folded = self.insert(lhs, chain.rhs, self.delta_facts(net, w), Folded)
        groups.append(Group("by_delta", (folded,), {"delta": delta, "weight": w}))
        groups.append(self.update(w, folded, folded))
        return Section(self.kind(w), tuple(groups), args={"weight": w, "error": self.error})

    def shared_parameter(self, w: Symbol, users: tuple[Symbol, ...]) -> Section:
        """∂E/∂w = Σ_k ∂E/∂k · ∂k/∂w: every use of w counts."""
        lhs = Partial(self.error, w)
        key = "chain_shared" if len(users) > 1 else "chain_single"
        if any(self.graph[k].role == "penalty" for k in users):
            key = "chain_penalty"
        groups: list[Group | Section] = []
        rule, locals_, facts = self.over_edges(users, w)
        if users != (self.error,):
            args: dict[str, Argument] = {"weight": w, "uses": len(users)}
            groups.append(Group(key, (self.step(lhs, rule),), args))
        groups.append(Group(self.each(rule), tuple(locals_), {"weight": w}))
        product = self.insert(lhs, rule.result(), facts, Folded)
        groups.append(Group("by_delta", (product,), {"weight": w}))
        groups.append(self.update(w, product, product))
        return Section(self.kind(w), tuple(groups), args={"weight": w, "error": self.error})

    def over_edges(
        self, users: tuple[Symbol, ...], q: Symbol
    ) -> tuple[SumOverPaths, list[Step], list[tuple[Expr, _Fact]]]:
        """The sum over the edges from q, the steps that give each edge, and all its factors."""
        edges = tuple(self.edge(k, q) for k in users)
        locals_: list[Step] = []
        facts: list[tuple[Expr, _Fact]] = []
        for k, edge in zip(users, edges, strict=True):
            locals_.extend(self.local(k, q))
            if k != self.error:
                facts.append((Partial(self.error, k), self.adjoint(k)))
            facts.append((edge, self.facts[edge]))
        return SumOverPaths(self.error, edges), locals_, facts

    def each(self, rule: SumOverPaths) -> str:
        """The key of the sentence before the derivatives along single edges."""
        return "inner_held" if any(edge.held for edge in rule.edges) else "inner_each"

    def kind(self, w: Symbol) -> str:
        """The key of a parameter's section: weight, bias, or parameter of a graph."""
        if self.graph.network is None:
            return "parameter"
        return "bias" if self.graph[w].naming.startswith("bias") else "weight"

    # ------------------------------------------------------------ the three factors

    def sum_factor(self, net: Symbol, w: Symbol, label: str) -> Section:
        """(3) ∂net/∂w: the weighted sum."""
        definition = self.defined(net, NORMAL)
        local = self.learn(self.step(Partial(net, w), self.through_sum(net, w), (definition.id,)))
        args: dict[str, Argument] = {"net": net, "weight": w, "result": local.rhs}
        return Section(
            "weighted_sum",
            (Group("weighted_sum", (definition,), args, NORMAL), Group("only_term", (local,), args)),
            label,
            args,
        )

    def activation_factor(self, y: Symbol, net: Symbol, label: str) -> Section:
        """(2) ∂y/∂net: the derivative of the activation, proved where it has not been."""
        definition = self.defined(y, NORMAL)
        args: dict[str, Argument] = {"output": y, "net": net}
        call = definition.rhs
        if not isinstance(call, Call):  # the identity: y = net
            local = self.learn(self.step(Partial(y, net), self.through_sum(y, net), (definition.id,)))
            groups: tuple[Group | Section, ...] = (
                Group("identity", (definition,), args, NORMAL),
                Group("identity_one", (local,), args),
            )
            return Section("activation", groups, label, args)
        name = call.name
        args["call"] = call
        args["function"] = Call(cast(Symbol, call.args[0]), X)
        proof = self.prove(name) if self.first("activation", name) else None
        rule = ThroughActivation(name, net, y)
        local = self.learn(self.step(Partial(y, net), rule, (definition.id, self.proved[name])))
        items: list[Group | Section] = [Group("activation", (definition,), args, NORMAL)]
        through_output = contains(local.rhs, y) or not contains(local.rhs, net)
        form = "activation_form" if through_output else "activation_slope"
        items.append(Group(form if proof else "activation_known", (local,), args))
        if proof:
            items.append(proof)
        return Section("activation", tuple(items), label, args)

    def prove(self, name: str) -> Section:
        """d/dx f(x), line by line, as `proof` writes it."""
        section, last = self.prover.activation(activations.activation(name))
        self.proved[name] = last.id
        return section

    def local(self, q: Symbol, p: Symbol) -> list[Step]:
        """∂q/∂p from q's definition, for any quantity."""
        lhs = self.edge(q, p)
        if lhs in self.facts:
            return []
        if self.graph[q].role in ("net", "penalty"):
            return [self.learn(self.step(lhs, self.through_sum(q, p)))]
        definition = self.graph.definition(q)
        lines = calculus.lines(definition, p, *lhs.held)
        steps = [self.step(lhs, Opened(definition, p, lhs.held), detail=NORMAL)]
        before: Expr = Partial(definition, p, *lhs.held)
        for line in lines:
            steps.append(self.step(lhs, Calculated(before, line.rules), detail=NORMAL))
            before = steps[-1].rhs
        steps[-1] = replace(steps[-1], detail=BRIEF)
        self.learn(steps[-1])
        return steps

    # ------------------------------------------------------------ (1): the error seen from y

    def upper(self, y: Symbol, label: str) -> Section:
        """(1) ∂E/∂y: from the error itself for an output, over the paths for a hidden unit."""
        users = self.next(y)
        if users == (self.error,) or (len(users) == 1 and self.graph[users[0]].role == "part"):
            return self.from_error(y, users[0], label)
        if self.lettered_errors(y):
            return self.over_errors(y, users, label)
        if self.mixed(y):
            return self.through_softmax(y, label)
        return self.over_paths(y, users, label)

    def from_error(self, y: Symbol, part: Symbol, label: str) -> Section:
        """∂E/∂y for an output y, where part is its own error."""
        args: dict[str, Argument] = {"error": self.error, "output": y, "part": part}
        lhs = Partial(self.error, y)
        steps: list[Step] = []
        groups: list[Group] = []
        if part != self.error:
            total = self.graph.definition(self.error)
            others = tuple(
                s for s in symbols(total) if s != part and self.graph[s].role in ("part", "penalty")
            )
            steps.append(self.step(lhs, Opened(total, y), detail=NORMAL))
            steps.append(self.step(lhs, Vanishing(part, y)))
            args["others"] = others
            key = "vanishing" if len(others) == 1 else "vanishing_few"
            key = key if len(others) <= MAX_LETTERED else "vanishing_many"
            groups.append(Group(key, tuple(steps), args))
            tail = self.part_lines(part, y, lhs)
        else:
            tail = self.part_lines(part, y, lhs)
        groups.append(Group("error_derivative", tuple(tail), args))
        self.learn(tail[-1])
        return Section("from_error", tuple(groups), label, args)

    def part_lines(self, part: Symbol, y: Symbol, lhs: Expr) -> list[Step]:
        """lhs = ∂part/∂y = … = the form in which the loss's derivative is used."""
        definition = self.graph.definition(part)
        form = self.loss_form(part, y)
        before: Expr = Partial(definition, y)
        if not self.first("loss", ""):
            return [self.step(lhs, Opened(definition, y), detail=NORMAL), self.stated(lhs, form)]
        steps = [self.step(lhs, Opened(definition, y), detail=NORMAL)]
        for line in calculus.lines(definition, y):
            steps.append(self.step(lhs, Calculated(before, line.rules), detail=NORMAL))
            before = steps[-1].rhs
        if steps[-1].rhs == form:
            steps.pop()
            rule: Rule = Calculated(steps[-1].rhs, ("arithmetic",))
            if rule.result() == form:
                return [*steps, self.step(lhs, rule)]
        return [*steps, self.stated(lhs, form)]

    def stated(self, lhs: Expr, form: Expr) -> Step:
        return self.step(lhs, Stated(form))

    def loss_form(self, part: Symbol, y: Symbol) -> Expr:
        """∂part/∂y as the loss's entry writes it, or as calculus leaves it for a user's graph."""
        network = self.graph.network
        if part in self.forms:
            return self.forms[part]
        if network is None:
            return calculus.lines(self.graph.definition(part), y)[-1].expr
        index = self.graph[y].place.index
        target = self.targets[index - 1]
        return losses.prime(losses.loss(network.loss), target, y, network.sizes[-1])

    @cached_property
    def targets(self) -> list[Symbol]:
        return [q.symbol for q in self.graph.quantities.values() if q.role == "target"]

    def lettered_errors(self, y: Symbol) -> dict[Symbol, Symbol]:
        """part → net where each error part is reached from y through exactly one sum.

        This is the lecture's case: the layer above y is the output layer. Otherwise empty.
        """
        parts: dict[Symbol, Symbol] = {}
        for net in self.next(y):
            output = self.output_of(net)
            part = self.single(output) if output is not None else None
            if part is None or self.graph[part].role != "part" or part in parts:
                return {}
            parts[part] = net
        return parts if len(parts) > 1 and len(parts) == len(self.graph.parts) else {}

    def over_errors(self, y: Symbol, users: tuple[Symbol, ...], label: str) -> Section:
        """∂E/∂y = Σ_k ∂E_k/∂y, each split through net_k: (a), (b), …"""
        parts = self.lettered_errors(y)
        args: dict[str, Argument] = {"error": self.error, "output": y, "count": len(parts)}
        lhs = Partial(self.error, y)
        split = self.step(lhs, SumOfErrors(tuple(parts), y))
        items: list[Group | Section] = [Group("over_errors", (split,), args)]
        facts = []
        wide = len(parts) > MAX_LETTERED
        rest: list[Step] = []
        for i, (part, net) in enumerate(parts.items()):
            letter = f"({_letters(i)})"
            if i == 0 and self.first("path", self.graph[y].place.layer):
                items.append(self.first_path(part, net, y, letter))
            elif not wide:
                new, steps = self.next_path(part, net, y)
                here: dict[str, Argument] = {"part": part, "output": y, "net": net}
                here["delta"] = self.graph.deltas[net]
                groups = [Group("delta_again", new, here)] if new else []
                groups.append(Group("path", steps, here))
                items.append(Section("path_again", tuple(groups), letter, here))
            else:
                new, steps = self.next_path(part, net, y, short=True)
                rest.extend((*new, *steps))
            facts.append((Partial(part, y), self.value(part, y)))
        if rest:
            items.append(Group("paths_rest", tuple(rest), args))
        total = self.insert(lhs, split.rhs, facts, Folded)
        self.learn(total)
        again = self.step(lhs, SumOfErrors(tuple(parts), y), detail=NORMAL)
        items.append(Section("path_sum", (Group("path_sum", (again, total), args),), label, args))
        return Section("over_paths", tuple(items), label, args)

    def first_path(self, part: Symbol, net: Symbol, y: Symbol, letter: str) -> Section:
        """(a) ∂E_k/∂y = ∂E_k/∂net_k · ∂net_k/∂y, both factors on their own."""
        lhs = Partial(part, y)
        chain = self.step(lhs, Chain((part, net, y)))
        args: dict[str, Argument] = {"part": part, "net": net, "output": y}
        delta = self.graph.deltas[net]
        outer, in_full = self.through_net(part, net, f"{letter}-1")
        inner = self.learn(self.step(Partial(net, y), self.through_sum(net, y)))
        inner_section = Section(
            "path_inner",
            (Group("path_inner", (self.defined(net, NORMAL), inner), args | {"result": inner.rhs}),),
            f"{letter}-2",
            args,
        )
        pattern = chain.rhs
        inner_fact = (inner.lhs, _Fact(inner.rhs, inner.id))
        steps = [self.step(lhs, Chain((part, net, y)), (chain.id,), NORMAL)]
        if in_full is not None:
            values = [(Partial(part, net), _Fact(in_full.rhs, in_full.id)), inner_fact]
            steps.append(self.insert(lhs, pattern, values, detail=NORMAL))
        fold = [(Partial(part, net), _Fact(delta, self.definitions[delta].id)), inner_fact]
        steps.append(self.learn(self.insert(lhs, pattern, fold, Folded)))
        end = Section("path_end", (Group("path_end", tuple(steps), args | {"delta": delta}),), letter, args)
        return Section("path", (Group("path_chain", (chain,), args), outer, inner_section, end), letter, args)

    def through_net(self, part: Symbol, net: Symbol, label: str) -> tuple[Section, Step | None]:
        """(a)-1 ∂E_k/∂net_k = δ_k; derived in full where δ_k is new. Also the step in full."""
        output = cast(Symbol, self.output_of(net))
        delta = self.graph.deltas[net]
        lhs = Partial(part, net)
        args: dict[str, Argument] = {"part": part, "net": net, "delta": delta, "output": output}
        items: list[Group | Section] = []
        in_full: Step | None = None
        if delta not in self.definitions:
            chain = self.step(lhs, Chain((part, output, net)))
            items.append(Group("path_outer", (chain,), args))
            lines = self.part_lines(part, output, Partial(part, output))
            self.learn(lines[-1])
            items.append(Group("error_derivative", tuple(lines), args))
            local = self.activation_factor(output, net, "")
            proof = [item for item in local.items if isinstance(item, Section)]
            items.extend(item for item in local.items if isinstance(item, Group))
            in_full = self.insert(
                lhs,
                chain.rhs,
                [(lines[-1].lhs, _Fact(lines[-1].rhs, lines[-1].id)),
                 (Partial(output, net), self.value(output, net))],
            )  # fmt: skip
            items.append(Group("path_outer_value", (in_full,), args))
            named = self.step(delta, Named(self.error, net))
            only = self.step(delta, Vanishing(part, net), detail=NORMAL)
            value = self.insert(delta, lhs, [(lhs, _Fact(in_full.rhs, in_full.id))])
            self.definitions[delta] = value
            items.append(Group("delta_here", (named, only, value), args))
            items.extend(proof)
        else:
            only = self.step(lhs, Vanishing(self.error, net))
            known = self.insert(lhs, only.rhs, [(only.rhs, _Fact(delta, self.definitions[delta].id))], Folded)
            items.append(Group("path_outer_known", (only, known), args))
        return Section("path_outer", tuple(items), label, args), in_full

    def next_path(
        self, part: Symbol, net: Symbol, y: Symbol, *, short: bool = False
    ) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
        """(b): the steps to δ_k where it is new, and ∂E_k/∂y = ∂E_k/∂net_k · w = … = δ_k · w."""
        lhs = Partial(part, y)
        delta = self.graph.deltas[net]
        new: list[Step] = []
        if delta not in self.definitions:
            new = self.quiet_delta(net, cast(Symbol, self.output_of(net)), part, short=short)
        steps: list[Step] = []
        chain = self.step(lhs, Chain((part, net, y)), detail=NORMAL if short else BRIEF)
        inner = self.step(Partial(net, y), self.through_sum(net, y), detail=FULL if short else NORMAL)
        if not short:
            steps.append(inner)
        self.learn(inner)
        steps.append(chain)
        inner_fact = (inner.lhs, _Fact(inner.rhs, inner.id if not short else ""))
        if new and not short:
            value = self.definitions[delta]
            steps.append(self.insert(lhs, chain.rhs, [inner_fact], detail=NORMAL))
            steps.append(self.insert(lhs, chain.rhs,
                [(Partial(part, net), _Fact(value.rhs, value.id)), inner_fact], detail=NORMAL))  # fmt: skip
        fold = [(Partial(part, net), _Fact(delta, self.definitions[delta].id)), inner_fact]
        steps.append(self.learn(self.insert(lhs, chain.rhs, fold, Folded)))
        return tuple(new), tuple(steps)

    def quiet_delta(self, net: Symbol, y: Symbol, part: Symbol, *, short: bool = False) -> list[Step]:
        """δ of a further output unit, found as the first one's was."""
        steps: list[Step] = []
        lines = self.part_lines(part, y, Partial(part, y))
        steps.extend(lines if not short else lines[-1:])
        self.learn(lines[-1])
        local = self.local_activation(y, net)
        delta = self.graph.deltas[net]
        chain = self.step(delta, Chain((part, y, net)), detail=NORMAL)
        facts = [(s.lhs, _Fact(s.rhs, s.id)) for s in (lines[-1], local)]
        self.definitions[delta] = self.insert(delta, chain.rhs, facts)
        named = self.step(delta, Named(self.error, net))
        only = self.step(delta, Vanishing(part, net), detail=NORMAL)
        return [*steps, local, named, only, chain, self.definitions[delta]]

    def local_activation(self, y: Symbol, net: Symbol) -> Step:
        """∂y/∂net = f'(net), where f' has been proved."""
        call = self.graph.definition(y)
        if not isinstance(call, Call):
            return self.learn(self.step(Partial(y, net), self.through_sum(y, net)))
        name = call.name
        uses = (self.proved[name],) if name in self.proved else ()
        return self.learn(self.step(Partial(y, net), ThroughActivation(name, net, y), uses))

    def over_paths(self, y: Symbol, users: tuple[Symbol, ...], label: str) -> Section:
        """∂E/∂y = Σ_k δ_k · ∂k/∂y, with the δ of the layer above."""
        lhs = Partial(self.error, y)
        args: dict[str, Argument] = {"error": self.error, "output": y, "count": len(users)}
        rule, inner, facts = self.over_edges(users, y)
        chain = self.step(lhs, rule)
        total = self.learn(self.insert(lhs, chain.rhs, facts, Folded))
        again = self.step(lhs, rule, detail=NORMAL)
        key = "over_paths" if len(users) > 1 else "one_path"
        return Section(
            "over_paths",
            (
                Group(key, (chain,), args),
                Group(self.each(rule), tuple(inner), args),
                Group("paths_sum", (again, total), args),
            ),
            label,
            args,
        )

    def adjoint(self, q: Symbol) -> _Fact:
        """∂E/∂q by its name δ where it has one."""
        delta = self.graph.deltas.get(q)
        if delta is not None:
            return _Fact(delta, self.definitions[delta].id)
        return self.value(self.error, q)

    # ------------------------------------------------------------ the δ above

    def prepare(self, needed: Sequence[Symbol]) -> list[Section]:
        """Sections that derive ∂E/∂q for `needed` and all that they lean on, from the error down."""
        wanted: set[Symbol] = set()
        todo = [q for q in needed if q != self.error]
        while todo:
            q = todo.pop()
            if q in wanted or self.has_adjoint(q):
                continue
            wanted.add(q)
            todo.extend(k for k in self.skipping(q) if k != self.error)
        order = sorted(wanted, key=self.graph.order.__getitem__, reverse=True)
        sections: list[Section] = []
        for layer in _runs(order, self.layer_of):
            # Within a layer the units come in their own order, not backwards.
            inside = sorted(layer, key=self.graph.order.__getitem__) if self.graph.network else layer
            sections.extend(self.delta_sections(inside))
        return sections

    def layer_of(self, q: Symbol) -> object:
        place = self.graph[q].place
        return place.layer if self.graph.network is not None else q

    def has_adjoint(self, q: Symbol) -> bool:
        delta = self.graph.deltas.get(q)
        return delta in self.definitions if delta is not None else Partial(self.error, q) in self.facts

    def skipping(self, q: Symbol) -> list[Symbol]:
        """What ∂E/∂q leans on: the quantities q feeds, looking through y = f(net)."""
        y = self.output_of(q)
        if y is None and not self.mixed(q):
            return list(self.next(q))
        above = self.mixed(q if y is None else y) or self.next(cast(Symbol, y))
        if self.graph[above[0]].role == "softmax":  # all outputs of a softmax feed the same layer
            above = self.next(above[0])
        return [] if self.ends(above) else list(above)

    def ends(self, users: tuple[Symbol, ...]) -> bool:
        return users == (self.error,) or (len(users) == 1 and self.graph[users[0]].role == "part")

    def delta_sections(self, nets: list[Symbol]) -> list[Section]:
        """δ for the units of one layer: the first in full, the others in the same way."""
        sections: list[Section] = []
        rest: list[Step] = []
        for i, q in enumerate(nets):
            y = self.output_of(q)
            if self.mixed(q):
                if i == 0 or self.repeat:
                    sections.append(self.mixed_unit(q))
                else:
                    rest.extend((*self.through_softmax_short(q), *self.name_found(q)))
            elif y is None:
                sections.append(self.plain_adjoint(q))
            elif i == 0 or self.repeat:
                sections.append(self.unit(q, y))
            else:
                rest.extend(self.unit_short(q, y))
        if rest:
            args: dict[str, Argument] = {"delta": self.graph.deltas[nets[0]], "count": len(nets) - 1}
            sections.append(Section("units_rest", (Group("units_rest", tuple(rest), args),), args=args))
        return sections

    def unit(self, net: Symbol, y: Symbol) -> Section:
        """δ_net = ∂E/∂y · ∂y/∂net, both factors on their own."""
        delta = self.graph.deltas[net]
        args: dict[str, Argument] = {"delta": delta, "net": net, "output": y, "error": self.error}
        chain = self.step(Partial(self.error, net), Chain((self.error, y, net)))
        upper = self.upper(y, "(1)")
        local = self.activation_factor(y, net, "(2)")
        named = Section("delta", (Group("delta", self.name_delta(net, y), args),), args=args)
        return Section("unit", (Group("unit_chain", (chain,), args), upper, local, named), args=args)

    def unit_short(self, net: Symbol, y: Symbol) -> list[Step]:
        """δ_net in two lines, found as the first unit's was."""
        users = self.next(y)
        steps: list[Step] = []
        lhs = Partial(self.error, y)
        if self.ends(users):
            lines = self.part_lines(users[0], y, lhs)
            self.learn(lines[-1])
            steps.append(lines[-1])
        elif self.mixed(y):
            steps.extend(self.through_softmax_short(y))
        else:
            facts: list[tuple[Expr, _Fact]] = []
            for k in users:
                inner = self.step(Partial(k, y), self.through_sum(k, y))
                facts.append((Partial(self.error, k), self.adjoint(k)))
                facts.append((inner.lhs, _Fact(inner.rhs, "")))
            pattern = SumOverPaths(self.error, tuple(self.edge(k, y) for k in users)).result()
            steps.append(self.learn(self.insert(lhs, pattern, facts, Folded)))
        steps.append(self.local_activation(y, net))
        return [*steps, *self.name_delta(net, y)]

    # ------------------------------------------------------------ softmax: every sum acts on every output

    def mixed_weight(self, w: Symbol, net: Symbol) -> Section:
        """∂E/∂w = ∂E/∂net · ∂net/∂w, where net goes into a softmax."""
        lhs = Partial(self.error, w)
        delta = self.graph.deltas[net]
        args: dict[str, Argument] = {"weight": w, "net": net, "error": self.error, "delta": delta}
        chain = self.step(lhs, Chain((self.error, net, w)))
        upper = self.through_softmax(net, "(1)")
        inner = self.sum_factor(net, w, "(2)")
        named = Group("delta", self.name_found(net), args)
        again = self.step(lhs, chain.rule, (chain.id,), NORMAL)
        value = self.insert(
            lhs,
            chain.rhs,
            [(p, self.facts[p]) for p in (Partial(self.error, net), Partial(net, w))],
        )
        folded = self.insert(lhs, chain.rhs, self.delta_facts(net, w), Folded)
        items: tuple[Group | Section, ...] = (
            Group("chain_mixed", (chain,), args),
            upper,
            inner,
            Section("product", (Group("product_two", (again, value), args),), args=args),
            Section("delta", (named, Group("by_delta", (folded,), args)), args=args),
            self.update(w, value, folded),
        )
        return Section(self.kind(w), items, args=args)

    def mixed_unit(self, net: Symbol) -> Section:
        """δ_net = ∂E/∂net for a sum that goes into a softmax."""
        args: dict[str, Argument] = {"net": net, "error": self.error, "delta": self.graph.deltas[net]}
        upper = self.through_softmax(net, "")
        return Section("unit", (*upper.items, Group("delta", self.name_found(net), args)), args=args)

    def name_found(self, net: Symbol) -> tuple[Step, ...]:
        """δ_net = ∂E/∂net = what was found."""
        delta, lhs = self.graph.deltas[net], Partial(self.error, net)
        named = self.step(delta, Named(self.error, net))
        value = self.insert(delta, lhs, [(lhs, self.facts[lhs])])
        self.definitions[delta] = value
        return named, value

    def through_softmax(self, q: Symbol, label: str) -> Section:
        """∂E/∂q = Σ_i ∂E/∂y_i · ∂y_i/∂q, over all outputs y_i of the softmax."""
        outputs = self.mixed(q)
        own = self.own_output(q)
        lhs = Partial(self.error, q)
        args: dict[str, Argument] = {
            "error": self.error, "quantity": q, "output": own, "count": len(outputs), "outputs": outputs,
        }  # fmt: skip
        rule = SumOverPaths(self.error, tuple(Partial(y, q) for y in outputs))
        chain = self.step(lhs, rule)
        items: list[Group | Section] = [Group("softmax_paths", (chain,), args)]
        items.extend(self.errors_by(outputs, args))
        items.append(self.jacobian(q, own, args))
        folded = self.folded(lhs, rule, q)
        key = "softmax_folded" if len(folded) > 1 else "softmax_sum"
        items.append(Group(key, tuple(folded), args))
        self.learn(folded[-1])
        return Section("softmax", tuple(items), label, args)

    def through_softmax_short(self, q: Symbol) -> list[Step]:
        """∂E/∂q in as few lines as can be, found as the first one's was."""
        rule = SumOverPaths(self.error, tuple(Partial(y, q) for y in self.mixed(q)))
        for y in self.mixed(q):
            self.learn(self.step(Partial(y, q), ThroughSoftmax(y, self.own_output(q))))
        folded = self.folded(Partial(self.error, q), rule, q)
        self.learn(folded[-1])
        return folded if len(folded) == 1 else [replace(folded[0], detail=NORMAL), folded[-1]]

    def own_output(self, q: Symbol) -> Symbol:
        """The output whose numerator is e^q."""
        outputs = self.mixed(q)
        return next(y for y in outputs if contains(self.graph.definition(y).args[0], q))

    def errors_by(self, outputs: Sequence[Symbol], args: Mapping[str, Argument]) -> list[Section]:
        """∂E/∂y_i for each output of the softmax: the first in full, the others in the same way."""
        lhs = [Partial(self.error, y) for y in outputs]
        if all(p in self.facts for p in lhs) and not self.repeat:
            return []
        first = self.upper(outputs[0], "")
        rest: list[Step] = []
        for y, partial in zip(outputs[1:], lhs[1:], strict=True):
            if self.ends(self.next(y)):
                lines = self.part_lines(self.next(y)[0], y, partial)
                rest.append(self.learn(lines[-1]))
            else:
                rule, inner, facts = self.over_edges(self.next(y), y)
                rest.extend(replace(step, detail=FULL) for step in inner)
                rest.append(self.learn(self.insert(partial, rule.result(), facts, Folded)))
        groups = (*first.items, Group("softmax_others", tuple(rest), args))
        return [Section("softmax_errors", groups, first.label, args)]

    def jacobian(self, q: Symbol, own: Symbol, args: Mapping[str, Argument]) -> Section:
        """∂y_i/∂q for every output: i = j and i ≠ j proved once, then used."""
        others = [y for y in self.mixed(q) if y != own]
        groups: list[Group] = []
        if self.first("softmax", ""):
            other = others[0]
            about = {**args, "output": own, "other": other}
            same = self.softmax_lines(own, q, own)
            groups.append(Group("softmax_same", tuple(same), about))
            groups.append(Group("softmax_other", tuple(self.softmax_lines(other, q, own)), about))
            known = [other, own]
        else:
            known = []
        rest = [
            self.learn(self.step(Partial(y, q), ThroughSoftmax(y, own)))
            for y in self.mixed(q)
            if y not in known
        ]
        if rest:
            groups.append(Group("softmax_known", tuple(rest), args))
        return Section("softmax_jacobian", tuple(groups), args=args)

    def softmax_lines(self, y: Symbol, q: Symbol, own: Symbol) -> list[Step]:
        """∂y/∂q line by line from the quotient to y(1 - y), or to -y·y_j."""
        lhs = Partial(y, q)
        definition = self.graph.definition(y)
        top, total = cast(tuple[Expr, Expr], definition.args)
        steps = [self.step(lhs, Opened(definition, q), detail=NORMAL)]
        before: Expr = Partial(definition, q)
        for line in calculus.lines(definition, q):
            steps.append(self.step(lhs, Calculated(before, line.rules), detail=NORMAL))
            before = steps[-1].rhs
        e = exp(q)
        forms: list[tuple[Expr, str]]
        if y == own:
            forms = [
                (mul(Frac(e, total), Frac(sub(total, e), total)), "split_product"),
                (mul(Frac(e, total), sub(ONE, Frac(e, total))), "split_fraction"),
            ]
        else:
            forms = [(neg(mul(Frac(top, total), Frac(e, total))), "split_product")]
        steps.extend(self.step(lhs, Rewritten(form, how), detail=NORMAL) for form, how in forms)
        steps.append(self.learn(self.step(lhs, ThroughSoftmax(y, own))))
        return steps

    def folded(self, lhs: Partial, rule: SumOverPaths, q: Symbol) -> list[Step]:
        """lhs = Σ_i ∂E/∂y_i·∂y_i/∂q with all put in; for a cross-entropy folded to y_j - t_j."""
        outputs = self.mixed(q)
        facts = [(p, self.facts[p]) for y in outputs for p in (Partial(self.error, y), Partial(y, q))]
        steps = [self.insert(lhs, rule.result(), facts)]
        targets = [_of_cross_entropy(self.facts[Partial(self.error, y)].value, y) for y in outputs]
        if not all(targets):
            return steps
        own = self.own_output(q)
        t = dict(zip(outputs, cast(list[Symbol], targets), strict=True))
        others = [y for y in outputs if y != own]
        one_less = sub(ONE, own)
        in_order = [neg(mul(t[y], one_less)) if y == own else mul(t[y], own) for y in outputs]
        opened = [[neg(t[y]), mul(t[y], own)] if y == own else [mul(t[y], own)] for y in outputs]
        flat = [term for terms in opened for term in terms]
        total = add(*(t[y] for y in outputs))
        lines: list[Rule] = [
            Rewritten(add(*in_order), "cancelled"),
            Rewritten(add(*flat), "multiplied_out"),
            Rewritten(sub(Tight(own, total), t[own]), "factor_out"),
        ]
        if self.graph.constraints and others:
            lines.append(Assumed(sub(own, t[own])))
        steps.extend(self.step(lhs, line, detail=NORMAL) for line in lines[:-1])
        return [*steps, self.step(lhs, lines[-1])]

    def plain_adjoint(self, q: Symbol) -> Section:
        """∂E/∂q for any quantity of a graph, over everything it feeds; named where it has a δ."""
        users = self.next(q)
        lhs = Partial(self.error, q)
        delta = self.graph.deltas.get(q)
        args: dict[str, Argument] = {"quantity": q, "error": self.error, "net": q}
        groups: list[Group] = []
        rule, inner, facts = self.over_edges(users, q)
        groups.append(Group(self.each(rule), tuple(inner), args))
        if users == (self.error,):
            # ∂E/∂q is itself the local derivative: nothing to chain.
            total = inner[-1] if inner else self.step(lhs, Stated(self.facts[lhs].value))
            steps: list[Step] = []
        else:
            key = "over_paths" if len(users) > 1 else "one_path"
            chain_args = args | {"output": q, "count": len(users)}
            groups.insert(0, Group(key, (self.step(lhs, rule),), chain_args))
            total = self.insert(lhs, rule.result(), facts, Folded)
            steps = [total]
        self.learn(total)
        if delta is not None:
            args["delta"] = delta
            value = self.insert(delta, lhs, [(lhs, _Fact(total.rhs, total.id))])
            steps = [*steps, self.step(delta, Named(self.error, q)), value]
            self.definitions[delta] = value
        groups.append(Group("quantity_end", tuple(steps), args))
        return Section("quantity", tuple(g for g in groups if g.steps), args=args)


def _of_cross_entropy(value: Expr, output: Symbol) -> Symbol | None:
    """t where `value` is -t/output, as for cross-entropy; None for anything else."""
    if not (isinstance(value, Mul) and value.args[0] == MINUS_ONE and isinstance(value.args[1], Frac)):
        return None
    top, bottom = value.args[1].args
    return top if len(value.args) == 2 and bottom == output and isinstance(top, Symbol) else None


def _letters(index: int) -> str:
    """a, b, …, z, aa, ab, …"""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("a") + rest) + letters
    return letters


def _runs(items: Sequence[Symbol], key: object) -> list[list[Symbol]]:
    """Neighbours with equal keys together."""
    from itertools import groupby

    return [list(run) for _, run in groupby(items, key=key)]  # type: ignore[call-overload]
