"""A derivation in Coq: the forward pass, each printed step a lemma in its order, a theorem a parameter.

∂q/∂p of a line is D' P'q P'p, a true derivative (`places`). A step is proved by putting in what is known of
each derivative in it: the edge's slope where there is one way only, what an earlier step found it to be, or
the sum over the edges from p. It goes on until both sides speak of the same derivatives; what is left is
an identity of rational functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from sympy import Basic, Expr, Symbol

from backprop_symbolic import activations, losses
from backprop_symbolic.algebra import Call, Partial, pending, symbols
from backprop_symbolic.derivation import Derivation, Group, Section, Step
from backprop_symbolic.formal.functions import closure, functions, names_called, proved, said
from backprop_symbolic.formal.names import comment, library, paths, table
from backprop_symbolic.formal.places import Places, total
from backprop_symbolic.formal.script import Function, NotExported, Script, closing
from backprop_symbolic.formal.terms import function_name, term


def script(derivation: Derivation) -> Script:
    """The script of a derivation of ∂E/∂w for one parameter or several.

    Raises NotExported for what has no Coq form.
    """
    if not derivation.results:
        raise NotExported(
            "only the derivation of ∂E/∂w has a Coq form here; for f' use --activation or --loss"
        )
    if any(q.role == "softmax" for q in derivation.graph.quantities.values()):
        raise NotExported("lines through softmax have no Coq form yet; other activations of outputs have one")
    return _Author(derivation).write()


@dataclass(frozen=True, slots=True)
class Known:
    """What a derivative was found to be: the proof, the derivatives in it, the names of such in it."""

    proof: str
    partials: tuple[Partial, ...]
    deltas: tuple[Symbol, ...] = ()


class _Author:
    def __init__(self, derivation: Derivation) -> None:
        self.derivation, self.graph = derivation, derivation.graph
        self.proofs = [s for section in derivation.sections for s in _proofs(section)]
        inside = {step.id for section in self.proofs for step in section.steps()}
        self.steps = [step for step in derivation.steps if step.id not in inside]
        read = dict.fromkeys(s for step in self.steps for e in (step.lhs, step.rhs) for s in symbols(e))
        self.meanings = {s: m for s, m in derivation.meanings.items() if s in read}
        self.labels = dict(pair for section in derivation.sections for pair in _labels(section, ""))
        self.lemmas: dict[str, str] = {}
        self.functions = dict(self.prove_functions())
        self.loss = None if self.graph.network is None else losses.loss(self.graph.network.loss)
        partials = [p for step in self.steps for e in (step.lhs, step.rhs) for p in _partials(e)]
        partials += [p for m in self.meanings.values() for p in _partials(m)]
        partials += [Partial(self.graph.error, w) for w in derivation.parameters]
        self.places = Places(self.graph, partials, {n: f for n, (f, _) in self.functions.items()}, self.meets)
        self.names = self.places.names
        self.known: dict[Partial, Known] = {}
        self.glue: dict[tuple[Partial, bool], Known] = {}
        self.pending: list[str] = []

    # ------------------------------------------------------------ the functions

    def prove_functions(self) -> Iterator[tuple[str, tuple[Function, str]]]:
        """name → the function in Coq and its text: by the proof in the document, else by its page's."""
        shown: dict[str, list[Section]] = {}
        for section in self.proofs:
            call = cast(Call, section.args["function"])
            shown.setdefault(call.name, []).append(section)
        called = names_called(
            [q.definition for q in self.graph.quantities.values() if q.definition is not None]
        )
        called += names_called([e for step in self.steps for e in (step.lhs, step.rhs)])
        for name in closure(dict.fromkeys([*called, *shown])):
            entry = activations.activation(name)
            if name not in shown:
                (found,) = (f for f in functions([entry]) if f.name == function_name(name))
                yield name, (found, found.text)
                continue
            first, *again = shown[name]
            found = proved(entry, [first], self.derivation.meanings)
            self.lemmas.update(found.lemmas)
            text = found.text
            for i, section in enumerate(again, 1):  # a proof given once more
                other = proved(entry, [section], self.derivation.meanings)
                module = f"{found.name}'again{i}"
                self.lemmas.update({step: f"{module}.{lemma}" for step, lemma in other.lemmas})
                text += f"Module {module}.\n{other.text}End {module}.\n"
            yield name, (found, text)

    def meets(self, relation: Basic) -> bool:
        """Whether a loss that goes by cases has one value and one slope at a border of them."""
        loss = self.loss
        return loss is not None and loss.base in losses.losses and "off_margin" not in loss.conditions

    # ------------------------------------------------------------ the whole

    def write(self) -> Script:
        body = list(self.body())
        theorems = [self.gradient(w) for w in self.derivation.parameters]
        names = [s.name for s in (*self.graph.quantities, *self.meanings)]
        title = " ".join(w.name for w in self.derivation.parameters[:8])
        lemmas = tuple((step.id, self.lemmas[step.id]) for step in self.derivation.steps)
        text = "\n".join(
            [
                comment(f"the derivative of {self.graph.error.name} by {title}")
                + "\n"
                + table(names)
                + library()
                + paths(),
                *(text for _, text in self.functions.values()),
                *body,
                closing(theorems, [lemma for _, lemma in lemmas]),
            ]
        )
        return Script(text, tuple(theorems), lemmas)

    def body(self) -> Iterator[str]:
        """The section of the network."""
        steps = [line for step in self.steps for line in self.step(step)]
        yield "Section Network."
        yield from self.places.variables()
        for i, statement in enumerate(self.places.premises, 1):
            yield f"Hypothesis supposed'{i} : {statement}."
        yield from self.places.text()
        for name, meaning in self.meanings.items():
            yield f"Definition {self.names(name)} : R := {self.term(meaning)}."
        yield self.every()
        yield from steps
        for w in self.derivation.parameters:
            yield self.theorem(w)
        yield "End Network."

    def term(self, expr: Expr) -> str:
        return term(expr, self.names, self.places.partial)

    def gradient(self, w: Symbol) -> str:
        return f"gradient_{self.names(w)}"

    def theorem(self, w: Symbol) -> str:
        """∂E/∂w is what the derivation ends in."""
        error, name = self.names(self.graph.error), self.names(w)
        end = self.derivation.results[w].folded
        if end.lhs != Partial(self.graph.error, w):
            raise NotExported(f"the derivation of {w} does not end in its derivative")
        return (
            f"Theorem {self.gradient(w)} :\n"
            f"  is_derive (fun v' : R => at'{error} P'{name} v') {name} {self.term(end.rhs)}.\n"
            f"Proof. exact (d_val (d_of (M'{error} P'{name})) {self.lemmas[end.id]}). Qed."
        )

    # ------------------------------------------------------------ the steps

    def step(self, step: Step) -> Iterator[str]:
        """One step as a lemma, and before it what its proof asks for and has not been said."""
        lemma = self.lemmas[step.id] = f"step_{step.id}"
        self.pending = []
        proof = self.proof(step)
        yield from self.pending
        yield (
            f"{comment(self.said(step))}\nLemma {lemma} :\n  {self.term(step.lhs)} = {self.term(step.rhs)}.\n"
            f"Proof. {proof} Qed."
        )
        self.learn(step, lemma)

    def said(self, step: Step) -> str:
        """The step as printed, after the label of its section."""
        label = self.labels.get(step.id, "")
        return f"{label} {said(step)}" if label else said(step)

    def learn(self, step: Step, lemma: str) -> None:
        """What a derivative, or δ, was found to be is used from here on."""
        partial = self.meanings.get(cast(Symbol, step.lhs), step.lhs)
        if isinstance(partial, Partial) and self.places.has_name(partial) and not pending(step.rhs):
            partials, deltas = self.speaks(step.rhs)
            if partial not in partials:
                proof = f"({lemma} : {self.term(partial)} = _)"
                self.known[partial] = Known(proof, tuple(partials), tuple(deltas))

    def speaks(self, expr: Expr) -> tuple[dict[Partial, None], list[Symbol]]:
        """The derivatives that `expr` speaks of, those behind names too; and these names, outer ones first.

        The derivatives are in order, as all that a script is made from: one derivation, one script.
        """
        partials = dict.fromkeys(_partials(expr))
        deltas: list[Symbol] = []
        todo = symbols(expr)
        while todo:
            s = todo.pop()
            meaning = self.meanings.get(s)
            if meaning is not None and s not in deltas:
                deltas.append(s)
                partials |= dict.fromkeys(_partials(meaning))
                todo.extend(symbols(meaning))
        return partials, deltas

    def proof(self, step: Step) -> str:
        """The tactics that prove a step."""
        if isinstance(step.lhs, Symbol) and step.lhs in self.graph.quantities:
            return self.of_quantity(step, step.lhs)
        left, names = self.speaks(step.lhs)
        right, more = self.speaks(step.rhs)
        tactics = [self.unfold([*names, *more])]
        while True:
            key = next((p for p in (*left, *right) if not self.stays(p)), None)
            if key is None:
                differing = [p for p in (*left, *right) if (p in left) != (p in right)]
                apart = [p for p in differing if self.place_of(p) < len(self.places.places)]
                if not apart:
                    break
                key = min(apart, key=lambda p: (self.place_of(p), -self.places.places[cast(Symbol, p.of)]))
            known = self.expansion(key, right if key in left else left)
            # A formula of two steps may be the same in Coq: then the first has put it in.
            attempt = "try " if known.proof.startswith("formula'") else ""
            tactics.append(f"{attempt}rewrite {known.proof}.")
            tactics.append(self.unfold(known.deltas))
            for side in (left, right):
                if key in side:
                    del side[key]
                    side |= dict.fromkeys(known.partials)
        return " ".join([*filter(None, tactics), "closes every'."])

    def of_quantity(self, step: Step, q: Symbol) -> str:
        """A definition, or one with others put in."""
        if step.rhs == self.graph[q].definition:
            return "reflexivity."
        uses = {s.id: s for s in self.steps}
        opened = [q, *(cast(Symbol, uses[u].lhs) for u in step.uses if isinstance(uses[u].lhs, Symbol))]
        return f"unfold {', '.join(map(self.names, opened))}; reflexivity."

    def unfold(self, names: Iterable[Symbol]) -> str:
        words = list(dict.fromkeys(self.names(s) for s in names))
        return f"unfold {', '.join(words)}." if words else ""

    def every(self) -> str:
        """The tactic that opens each function, and each quantity that is one of them."""
        words = [self.names(q) for q in self.graph.quantities if self.places.applied(q) is not None]
        # A slope is written with its function, which is opened after it.
        words += [f.slope for f, _ in self.functions.values()] + [f.name for f, _ in self.functions.values()]
        return f"Ltac every' := {'unfold ' + ', '.join(words) if words else 'idtac'}."

    # ------------------------------------------------------------ what is known of derivatives

    def place_of(self, partial: Partial) -> int:
        return self.places.places[partial.wrt]

    def stays(self, partial: Partial) -> bool:
        """Whether a derivative runs along several edges: others are put in wherever they stand."""
        q, p = partial.of, partial.wrt
        return self.places.has_name(partial) and q in self.places.following(p) and not self.alone(partial)

    def alone(self, partial: Partial) -> bool:
        """Whether q is computed from p and from nothing else that follows from p."""
        q, p = cast(Symbol, partial.of), partial.wrt
        feet = self.places.feet(q)
        return p in feet and not any(r in self.places.following(p) for r in feet)

    def expansion(self, partial: Partial, others: Mapping[Partial, None]) -> Known:
        """What a derivative is: found by a step, or by the edges; `others` is what it is to meet."""
        found = self.known.get(partial)
        if found is not None:
            return found
        inwards = self.stays(partial) and self.inwards(partial, others)
        key = partial, inwards
        if key not in self.glue:
            self.glue[key] = self.glued(partial, inwards)
        return self.glue[key]

    def inwards(self, partial: Partial, others: Mapping[Partial, None]) -> bool:
        """Whether to go by the edges into q, not by those from p: to its terms, or where there is one."""
        q, p = cast(Symbol, partial.of), partial.wrt
        edges = self.places.edges[q]
        if len(edges) == 1:
            return len(self.places.above[p]) > 1
        return all(Partial(e.foot, p) in others for e in edges)

    def glued(self, partial: Partial, inwards: bool) -> Known:
        """A lemma for what the edges say of a derivative, given once."""
        places = self.places
        if not places.has_name(partial):
            fact = places.fact(partial)
            self.pending.append(f"Lemma {fact.lemma} :\n  {fact.statement}.\nProof. {fact.proof}. Qed.")
            moved = [s for s in places.moved(partial) if s != partial.wrt]
            return Known(fact.lemma, tuple(Partial(s, partial.wrt) for s in moved))
        q, p = cast(Symbol, partial.of), partial.wrt
        pair = f"P'{self.names(q)} P'{self.names(p)}"
        about = f"D' edges' nodes' up' rows' {pair}"
        rest: tuple[Partial, ...] = ()
        if q == p:
            right, proof = "1", f"itself D' edges' nodes' rows' P'{self.names(q)} eq_refl"
        elif q not in places.following(p):
            right, proof = "0", f"no_path {about} (eq_refl true <: apart edges' nodes' {pair} = true)"
        elif self.alone(partial):
            right = total(e.slope for e in places.above[p] if e.head == q)
            proof = f"direct {about} (eq_refl true <: alone edges' nodes' {pair} = true)"
        elif inwards:
            right = total(f"{e.slope} * {self.term(Partial(e.foot, p))}" for e in places.edges[q])
            proof = f"terms D' edges' nodes' rows' {pair} eq_refl eq_refl"
            rest = tuple(Partial(e.foot, p) for e in places.edges[q])
        else:
            right = total(f"{self.term(Partial(q, e.head))} * {e.slope}" for e in places.above[p])
            proof = f"paths {about} eq_refl eq_refl"
            rest = tuple(Partial(q, e.head) for e in places.above[p])
        lemma = f"edges'{len(self.glue) + 1}"
        self.pending.append(f"Lemma {lemma} : {self.term(partial)} = {right}.\nProof. exact ({proof}). Qed.")
        return Known(lemma, rest)


def _proofs(section: Section) -> Iterator[Section]:
    """The proofs of activations in a section."""
    if section.key == "proof":
        yield section
        return
    for item in section.items:
        if not isinstance(item, Group):
            yield from _proofs(item)


def _labels(section: Section, outer: str) -> Iterator[tuple[str, str]]:
    """The id of each step and the label of the innermost section around it that has one."""
    label = section.label or outer
    for item in section.items:
        if isinstance(item, Group):
            yield from ((step.id, label) for step in item.steps)
        else:
            yield from _labels(item, label)


def _partials(expr: Basic) -> Iterator[Partial]:
    """The derivatives in `expr`."""
    if isinstance(expr, Partial):
        yield expr
        return
    for arg in expr.args:
        yield from _partials(arg)
