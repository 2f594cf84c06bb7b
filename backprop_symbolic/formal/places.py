"""The forward pass in Coq: every quantity as a function of any one other, and all derivatives between them.

A quantity that moves has a place, a number. `at'h p v` is h where the quantity with place p is overwritten by
v; `D' P'h P'w` is the derivative of v ↦ at'h P'w v at the value of w. For each quantity one lemma says what
its derivative by any place is in those of what it is computed from, edge by edge; paths.v turns these round
into ∂q/∂p = Σ ∂q/∂k·∂k/∂p over the edges from p. So the work grows with the edges, not with the paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from sympy import Add, Basic, Expr, Gt, Lt, Mul, Symbol

from backprop_symbolic import activations, calculus
from backprop_symbolic.algebra import Call, Partial, Tight, X, Y, add, mul, replace, symbols
from backprop_symbolic.formal.names import Names
from backprop_symbolic.formal.obligations import certain, premise
from backprop_symbolic.formal.script import Function
from backprop_symbolic.formal.terms import (
    Assumption,
    Certificate,
    Curve,
    Obligation,
    by_tactic,
    certificate,
    term,
)
from backprop_symbolic.graph import Graph

#: What moves, in every function; it has a prime, as no name of a user's has.
V = "v'"


@dataclass(frozen=True, slots=True)
class Edge:
    """`head` is computed from `foot`, with this slope; a term of Coq."""

    head: Symbol
    foot: Symbol
    slope: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A lemma that says what a derivative is: `statement`, and its `proof`."""

    lemma: str
    statement: str
    proof: str


class Places:
    """The quantities of a graph, those among them that move, and the edges between these."""

    def __init__(
        self,
        graph: Graph,
        partials: Iterable[Partial],
        functions: Mapping[str, Function],
        smooth: Callable[[Basic], bool],
    ) -> None:
        self.graph, self.functions, self.smooth = graph, functions, smooth
        self.names = Names()
        self.premises: dict[str, None] = {}
        self.known: list[Assumption] = []
        self.users: dict[Symbol, list[Symbol]] = {s: [] for s in graph.quantities}
        for q in graph.quantities.values():
            for s in symbols(q.definition) if q.definition is not None else ():
                self.users[s].append(q.symbol)
        self.followers: dict[Symbol, frozenset[Symbol]] = {}
        wanted: dict[Symbol, None] = {}
        for partial in partials:
            wanted[partial.wrt] = None
            if isinstance(partial.of, Symbol):
                wanted[partial.of] = None
        moving = set(wanted).union(*(self.following(p) for p in wanted))
        self.places = {q: i for i, q in enumerate((q for q in self.in_order() if q in moving), 1)}
        self.facts: dict[Partial, Fact] = {}
        self._bounds = list(self.bounds())
        self.edges: dict[Symbol, list[Edge]] = {}
        self.whole: dict[Symbol, Certificate] = {}
        for place in self.places:
            self.edges[place] = list(self.edges_into(place))
            if self.edges[place] and self.applied(place) is None:
                self.whole[place] = self.certify(graph.definition(place), self.curves(self.feet(place), "p"))
        self.above: dict[Symbol, list[Edge]] = {q: [] for q in self.places}
        for edges in self.edges.values():
            for edge in edges:
                self.above[edge.foot].append(edge)

    def in_order(self) -> Iterator[Symbol]:
        """Leaves first, then each quantity after what it is computed from."""
        yield from (q.symbol for q in self.graph.quantities.values() if q.definition is None)
        yield from (q.symbol for q in self.graph.quantities.values() if q.definition is not None)

    def following(self, p: Symbol) -> frozenset[Symbol]:
        """Every quantity that follows from p."""
        if p not in self.followers:
            found: set[Symbol] = set()
            todo = list(self.users[p])
            while todo:
                q = todo.pop()
                if q not in found:
                    found.add(q)
                    todo.extend(self.users[q])
            self.followers[p] = frozenset(found)
        return self.followers[p]

    # ------------------------------------------------------------ slopes

    def feet(self, q: Symbol) -> list[Symbol]:
        """What q is computed from and moves."""
        definition = self.graph[q].definition
        return [] if definition is None else [s for s in symbols(definition) if s in self.places]

    def applied(self, q: Symbol) -> tuple[Function, Symbol] | None:
        """f and u where q = f(u), u a quantity."""
        definition = self.graph[q].definition
        if isinstance(definition, Call) and isinstance(definition.args[1], Symbol):
            return self.functions[definition.name], definition.args[1]
        return None

    def edges_into(self, q: Symbol) -> Iterator[Edge]:
        """The slope of q along each quantity that it is computed from, those terms read that hold it."""
        feet = self.feet(q)
        if not feet:
            return
        definition = self.graph.definition(q)
        found = self.applied(q)
        if isinstance(definition, Call) and found is not None:
            function, u = found
            if function.condition is not None:
                self.premises[f"{function.condition} {self.names(u)}"] = None
            yield Edge(q, feet[0], term(self.prime(definition, q), self.names))
            return
        for foot in feet:
            terms = definition.args if isinstance(definition, Add) else (definition,)
            own = [t for t in terms if foot in t.free_symbols]
            plain = [_other(t, foot) for t in own]
            if None not in plain:
                yield Edge(q, foot, term(add(*cast("list[Expr]", plain)), self.names))
            else:
                slope = self.certify(add(*own), {foot: Curve(V, "1", f"(m_id {self.names(foot)})")}).slope
                yield Edge(q, foot, slope)

    def prime(self, call: Call, q: Symbol) -> Expr:
        """f'(u) in u and q = f(u), as it is used further."""
        form = calculus.prime(activations.activation(call.name))
        return replace(form, {X: cast(Expr, call.args[1]), Y: q})

    def curves(self, symbols_: Iterable[Symbol], place: str) -> dict[Symbol, Curve]:
        """Each of the quantities as a function of what stands at `place`."""
        return {
            s: Curve(
                f"(at'{self.names(s)} {place} {V})",
                self.derivative(s, place),
                f"(M'{self.names(s)} {place})",
            )
            for s in symbols_
        }

    def certify(self, expr: Expr, moved: Mapping[Symbol, Curve]) -> Certificate:
        """The derivative of `expr`; what its rules ask for becomes a hypothesis where it is not certain."""
        return certificate(
            expr, moved, self.names, self.functions.__getitem__, side=self.side, smooth=self.smooth
        )

    def side(self, obligation: Obligation) -> str:
        if not certain(obligation, self.known):
            self.premises[premise(obligation)] = None
        return by_tactic(obligation)

    def bounds(self) -> Iterator[str]:
        """0 < y and y < 1 where y = f(net) and f lies there."""
        for q in self.graph.quantities:
            found = self.applied(q)
            if found is None:
                continue
            function, u = found
            name = self.names(q)
            for bound in function.bounds:
                above = bound.endswith("'above")
                self.known.append(Assumption(Gt(q, 0) if above else Lt(q, 1), True, ""))
                claim, by = (f"0 < {name}", "") if above else (f"0 < 1 - {name}", "Rlt_Rminus _ _ ")
                lemma = f"{name}'{'above' if above else 'below'}"
                yield f"Lemma {lemma} : {claim}.\nProof. exact ({by}({bound} {self.names(u)})). Qed."
                yield f"#[local] Hint Resolve {lemma} : sides."

    # ------------------------------------------------------------ derivatives

    def derivative(self, q: Symbol, place: str) -> str:
        return f"(D' P'{self.names(q)} {place})"

    def has_name(self, partial: Partial) -> bool:
        """Whether ∂of/∂wrt is one of the D' q p."""
        return partial.of in self.places and not partial.held

    def partial(self, partial: Partial) -> str:
        """∂of/∂wrt as it stands in a line: D' for a quantity, Derive for a formula."""
        if self.has_name(partial):
            return self.derivative(cast(Symbol, partial.of), f"P'{self.names(partial.wrt)}")
        moved = self.moved(partial)
        body = term(self.opened(partial), lambda s: moved[s].body if s in moved else self.names(s))
        return f"(Derive (fun {V} : R => {body}) {self.names(partial.wrt)})"

    def opened(self, partial: Partial) -> Expr:
        """What is differentiated: the definition, where a quantity has others held."""
        if isinstance(partial.of, Symbol) and partial.of in self.places:
            return self.graph.definition(partial.of)
        return partial.of

    def moved(self, partial: Partial) -> dict[Symbol, Curve]:
        """What moves with wrt in the formula; what is held does not."""
        p = partial.wrt
        here = symbols(self.opened(partial))
        after = self.following(p).difference(partial.held)
        found = self.curves([s for s in here if s in after], f"P'{self.names(p)}")
        return {p: Curve(V, "1", f"(m_id {self.names(p)})"), **found}

    def fact(self, partial: Partial) -> Fact:
        """What Derive of a formula is, by its certificate."""
        if partial not in self.facts:
            found = self.certify(self.opened(partial), self.moved(partial))
            self.facts[partial] = Fact(
                f"formula'{len(self.facts) + 1}",
                f"{self.partial(partial)} = {found.slope}",
                f"exact (m_unique {found.proof})",
            )
        return self.facts[partial]

    # ------------------------------------------------------------ the text

    def variables(self) -> Iterator[str]:
        """The leaves, and each quantity with its definition."""
        graph = self.graph
        leaves = [q.symbol for q in graph.quantities.values() if q.definition is None]
        free = [s for s in leaves if s not in graph.constraints]
        yield f"Variables {' '.join(self.names(s) for s in free)} : R."
        yield f"Hypothesis {self.names(graph.rate)}'above : 0 < {self.names(graph.rate)}."
        for s, value in graph.constraints.items():
            yield f"Definition {self.names(s)} : R := {term(value, self.names)}."
        for q in graph.quantities.values():
            if q.definition is not None:
                yield f"Definition {self.names(q.symbol)} : R := {term(q.definition, self.names)}."
        yield from self._bounds

    def text(self) -> Iterator[str]:
        """Places, quantities as functions, their derivatives, and the edges."""
        names = self.names
        for q, i in self.places.items():
            yield f"Definition P'{names(q)} : positive := {i}."
        values = "".join(f"\n  | {i}%positive => {names(q)}" for q, i in self.places.items())
        yield f"Definition now' (p : positive) : R :=\n  match p with{values}\n  | _ => 0\n  end."
        for q in self.places:
            body = self.whole[q].body if q in self.whole else self.body(q)
            yield f"Definition at'{names(q)} (p : positive) ({V} : R) : R := put P'{names(q)} p {V} {body}."
        values = "".join(f"\n  | {i}%positive => at'{names(q)} p" for q, i in self.places.items())
        yield (
            f"Definition at' (q p : positive) : R -> R :=\n  match q with{values}\n"
            f"  | _ => fun {V} => {V}\n  end."
        )
        yield (
            "Lemma D'made :\n"
            "  { D : positive -> positive -> R | forall q p, D q p = Derive (at' q p) (now' p) }.\n"
            "Proof. now exists (fun q p => Derive (at' q p) (now' p)). Qed.\n"
            "Definition D' : positive -> positive -> R := proj1_sig D'made.\n"
            "Definition D'is : forall q p, D' q p = Derive (at' q p) (now' p) := proj2_sig D'made."
        )
        for q in self.places:
            yield from self.row(q)
        edges = ";\n   ".join(
            f"(P'{names(e.head)}, P'{names(e.foot)}, {e.slope})" for es in self.edges.values() for e in es
        )
        yield f"Definition edges' : list edge :=\n  [{edges}]."
        yield f"Definition nodes' : list positive := [{'; '.join(map(str, self.places.values()))}]%positive."
        yield "Definition up' : upwards edges' nodes' = true := eq_refl."
        yield (
            "Lemma rows' : Forall (row D' edges') nodes'.\nProof.\n"
            + "".join(f"  apply Forall_cons; [ exact row'{names(q)} | ].\n" for q in self.places)
            + "  apply Forall_nil.\nQed."
        )

    def body(self, q: Symbol) -> str:
        """q as a function of what its place does not overwrite: itself, or f(u)."""
        found = self.applied(q)
        if found is None or not self.edges[q]:
            return self.names(q)
        function, u = found
        return f"({function.name} (at'{self.names(u)} p {V}))"

    def row(self, q: Symbol) -> Iterator[str]:
        """q has its value, and its derivative by any place in those of what it is computed from."""
        name = self.names(q)
        found = self.applied(q)
        if not self.edges[q]:
            proof, closing = f"m_const {name} _", ""
        elif found is not None:
            function, u = found
            yield from self.slope_lemma(q, function, u)
            proof, closing = f"m_chain slope'{name} (M'{self.names(u)} p)", ""
        else:
            proof, closing = f"m_val {self.whole[q].proof} eq_refl _", " linear."
        slope = _total(f"{e.slope} * {self.derivative(e.foot, 'p')}" for e in self.edges[q])
        statement = f"D' P'{name} p = if Pos.eqb P'{name} p then 1 else {slope}"
        yield (
            f"Lemma both'{name} (p : positive) :\n"
            f"  moves (at'{name} p) (now' p) {name} (D' P'{name} p) /\\\n  {statement}.\nProof.\n"
            f"  refine (m_place (D'is P'{name} p) (m_put _ (fun _ => {proof}))).\n"
            f"  intros <-; reflexivity.{closing}\nQed."
        )
        yield f"Definition M'{name} (p : positive) := proj1 (both'{name} p)."
        yield f"Definition row'{name} (p : positive) : {statement} := proj2 (both'{name} p)."

    def slope_lemma(self, q: Symbol, function: Function, u: Symbol) -> Iterator[str]:
        """f'(u) in the form in which it is used further, through q = f(u) where it can be."""
        (edge,) = self.edges[q]
        name, inner = self.names(q), self.names(u)
        inside = "" if function.condition is None else " ltac:(assumption)"
        every = f"ltac:(unfold {name}, {function.slope}, {function.name})"
        yield (
            f"Lemma slope'{name} : is_derive {function.name} {inner} {edge.slope}.\nProof.\n"
            f"  refine (d_val ({function.theorem} {inner}{inside}) _).\n"
            f"  first [ reflexivity | unfold {function.slope}; fold {name}; solve [ rational ]"
            f" | line {every} {every} ].\nQed."
        )


def _total(terms: Iterable[str]) -> str:
    """a + (b + (c + …)), as paths.v has it."""
    *before, last = list(terms) or ["0"]
    return "".join(f"{t} + (" for t in before) + last + ")" * len(before)


def _other(product: Expr, factor: Symbol) -> Expr | None:
    """What stands beside `factor` in a product of names, 1 for the name alone; None for anything else."""
    if product == factor:
        return mul()
    if not isinstance(product, (Mul, Tight)):
        return None
    rest = [cast(Expr, a) for a in product.args if a != factor]
    if len(rest) != len(product.args) - 1 or not all(isinstance(a, Symbol) for a in rest):
        return None
    return mul(*rest)
