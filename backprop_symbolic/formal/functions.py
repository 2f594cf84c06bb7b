"""Activations and losses in Coq: the definition, the proof of the derivative line by line, the theorem.

The lemmas are the steps of our own proof, in the order they are printed. A derivative that stands in a
line is Coquelicot's `Derive`; that it exists, and what the rules of the library give for it, is a
certificate of its own, so that every line is a statement about true derivatives.

    Definition act_silu (x : R) : R := x * act_sigmoid x.
    Lemma act_silu'd1          is_derive (fun x => x * act_sigmoid x) x (…)     by the rules
    Lemma act_silu's2          Derive (fun x => x * act_sigmoid x) x = …        the line as printed
    Theorem act_silu'derive    is_derive act_silu x (act_silu' x)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import cast

from sympy import Basic, Expr, Gt, Lt, Ne, Piecewise, Symbol

from backprop_symbolic import activations, algebra, calculus, cases, losses, page
from backprop_symbolic.activations import Activation, LayerActivation
from backprop_symbolic.algebra import Call, Frac, Partial, Prime, X, contains, mul, plain
from backprop_symbolic.derivation import Derivation, Group, Rule, Section, Step
from backprop_symbolic.formal.names import Names, comment, identifier, library, table
from backprop_symbolic.formal.obligations import certain, line_of, premise
from backprop_symbolic.formal.script import Function, NotExported, Script, closing
from backprop_symbolic.formal.terms import (
    Assumption,
    Curve,
    Obligation,
    by_tactic,
    certificate,
    function_name,
    parted,
    smaller_first,
    term,
)
from backprop_symbolic.losses import Loss
from backprop_symbolic.printing import Plain
from backprop_symbolic.rules import Calculated, Differentiated, InnerChain, InnerName, OnBoard


def said(step: Step) -> str:
    """A step as a comment shows it: its id, the line as printed, and its rule."""
    write = Plain({})
    return f"{step.id}: {write(step.lhs)} = {write(step.rhs)}   [{ruled(step.rule)}]"


def ruled(rule: Rule) -> str:
    """The key of a rule, with what it went by."""
    if isinstance(rule, (Calculated, Differentiated)):
        return f"{rule.key}: {', '.join(rule.rules)}"
    return f"{rule.key}: {rule.rule}" if isinstance(rule, (OnBoard, InnerChain)) else rule.key


# ---------------------------------------------------------------- the lines of a proof


@dataclass(frozen=True)
class Setting:
    """What a proof is about.

    name      how the names of its definitions and lemmas begin
    variable  by what is differentiated
    meanings  what each name introduced in it stands for
    call      the function at hand and its formula; None for a loss
    known     what is assumed anyway
    smooth    whether the cases on both sides of a condition's border have one value and one slope there
    general   whether every lemma says `forall x`; else variable and premises are those of a section
    """

    name: str
    variable: Symbol
    meanings: Mapping[Symbol, Expr]
    call: tuple[Call, Expr] | None = None
    known: tuple[Assumption, ...] = ()
    smooth: Callable[[Basic], bool] = lambda relation: False
    general: bool = True


@dataclass(frozen=True)
class Fact:
    """That a derivative exists and what the rules give for it, in the case that it stands in."""

    lemma: str
    partial: Partial
    assumed: tuple[Assumption, ...]
    statement: str
    proof: str


class Proof:
    """The lemmas of a proof in Coq: a certificate for each derivative, then each step in its order."""

    def __init__(self, setting: Setting, sections: Iterable[Section]) -> None:
        self.setting = setting
        self.groups = tuple(group for section in sections for group in _groups(section))
        self.steps = tuple(step for group in self.groups for step in group.steps)
        self.x = identifier(setting.variable.name)
        read = {s for step in self.steps for s in symbols_of(step)}
        self.meanings = {s: m for s, m in setting.meanings.items() if s in read}
        self.names = Names({s: f"({self.defined(s)} {self.x})" for s in self.meanings})
        self.known = {name: function(activations.activation(name)) for name in self.called()}
        self.premises: dict[str, None] = {}
        self.where: dict[Expr, tuple[Assumption, ...]] = {}
        self.facts: dict[tuple[Partial, tuple[Assumption, ...]], Fact] = {}
        self.find()

    def defined(self, symbol: Symbol) -> str:
        """The Coq function that an introduced name stands for."""
        return f"{self.setting.name}'{identifier(symbol.name)}"

    def lemma(self, step: Step) -> str:
        return f"{self.setting.name}'{step.id}"

    def called(self) -> list[str]:
        """The other activations that its lines speak of."""
        own = self.setting.call[0].name if self.setting.call else None
        exprs = [e for step in self.steps for e in (step.lhs, step.rhs)]
        return [name for name in names_called(exprs) if name != own]

    # ------------------------------------------------------------ what has to be certified

    def find(self) -> None:
        """A certificate for each derivative, under the conditions of the cases that it stands in."""
        for group in self.groups:
            for step in group.steps:
                if isinstance(step.rule, InnerName):
                    part = Partial(cast(Expr, group.args["part"]), self.setting.variable)
                    self.where[Partial(step.lhs, self.setting.variable)] = self.where.get(part, ())
                assumed = self.where.get(step.lhs, ())
                for side in (step.lhs, step.rhs):
                    for partial, path in self.standing(side, assumed):
                        self.where.setdefault(partial, path)
                        self.certify(partial, path)

    def standing(
        self, expr: Basic, path: tuple[Assumption, ...]
    ) -> Iterator[tuple[Partial, tuple[Assumption, ...]]]:
        """Each derivative that stands in `expr`, with the conditions of its case."""
        if isinstance(expr, Partial):
            yield expr, path
        elif isinstance(expr, Piecewise):
            for pair in expr.args:
                value, relation = pair.args
                if relation == True:  # noqa: E712
                    yield from self.standing(value, path)
                    return
                yes, no = parted(relation, self.names)
                yield from self.standing(value, (*path, yes))
                path = (*path, no)
        else:
            for arg in expr.args:
                yield from self.standing(arg, path)

    def certify(self, partial: Partial, assumed: tuple[Assumption, ...]) -> None:
        if (partial, assumed) in self.facts:
            return
        if partial.wrt != self.setting.variable or partial.held:
            raise NotExported(f"a derivative by {partial.wrt} has no Coq form in the proof of a function")
        x = self.x

        def side(obligation: Obligation) -> str:
            here = replace(obligation, assumed=(*assumed, *obligation.assumed))
            if not certain(here, self.setting.known):
                self.premises[premise(here)] = None
            return by_tactic(obligation)

        found = certificate(
            self.put_back(partial.of),
            {self.setting.variable: Curve(x, "1", f"(m_id {x})")},
            self.names,
            self.known.__getitem__,
            side=side,
            smooth=self.setting.smooth,
        )
        self.facts[partial, assumed] = Fact(
            f"{self.setting.name}'d{len(self.facts) + 1}",
            partial,
            assumed,
            f"is_derive (fun {x} : R => {term(partial.of, self.names)} : R) {x} {found.slope}",
            f"exact (d_of {found.proof}).",
        )

    def put_back(self, expr: Expr) -> Expr:
        """`expr` with what each name stands for in its place, the function at hand by its formula."""
        meant: dict[Expr, Expr] = dict(self.meanings.items())
        if self.setting.call:
            call, formula = self.setting.call
            meant[call] = formula
        while (opened := algebra.replace(expr, meant)) != expr:
            expr = opened
        return expr

    # ------------------------------------------------------------ the text

    @property
    def domain(self) -> str | None:
        """The predicate of the points at which the proof holds; None for all of them."""
        return f"{self.setting.name}'domain" if self.premises else None

    def definitions(self) -> Iterator[str]:
        """The names introduced, and the domain."""
        for symbol, meaning in self.meanings.items():
            yield f"Definition {self.defined(symbol)} ({self.x} : R) : R := {term(meaning, self.names)}."
        if self.domain and self.setting.general:
            every = " /\\ ".join(f"({p})" for p in self.premises)
            yield f"Definition {self.domain} ({self.x} : R) : Prop := {every}."

    def lemmas(self) -> Iterator[str]:
        """Each certificate and each step."""
        for fact in self.facts.values():
            head = f"Lemma {fact.lemma}{self.heads(fact.assumed)} :\n  {fact.statement}."
            yield f"{head}\nProof. {self.opening()}{fact.proof} Qed."
        before: dict[Expr, Step] = {}
        done: dict[str, Step] = {}
        for step in self.steps:
            yield self.line(step, before, done)
            before[self.start(step.lhs)] = done[step.id] = step

    def start(self, lhs: Expr) -> Expr:
        """A left side, f(x) being its formula: d/dx f(x) goes on from d/dx of the formula."""
        return Partial(self.put_back(lhs.of), lhs.wrt) if isinstance(lhs, Partial) else lhs

    def heads(self, assumed: tuple[Assumption, ...]) -> str:
        """What a lemma is about and what it supposes."""
        cases = "".join(f" (case{i} : {a.statement})" for i, a in enumerate(assumed, 1))
        if not self.setting.general:
            return cases
        inside = f" (inside : {self.domain} {self.x})" if self.domain else ""
        return f" ({self.x} : R){inside}{cases}"

    def of(self, lemma: str, assumed: tuple[Assumption, ...]) -> str:
        """A lemma with what it is about."""
        given = ""
        if self.setting.general:
            given = f" {self.x} inside" if self.domain else f" {self.x}"
        return f"({lemma}{given}{' ltac:(side)' * len(assumed)})"

    def opening(self) -> str:
        """The premises taken apart."""
        if not (self.domain and self.setting.general):
            return ""
        return f"pose proof inside as known; unfold {self.domain} in known; given. "

    def line(self, step: Step, before: Mapping[Expr, Step], done: Mapping[str, Step]) -> str:
        """One step as a lemma: from the step before it, the steps that it uses and the certificates."""
        assumed = self.where.get(step.lhs, ())
        left, right = (term(side, self.names, self.derivative) for side in (step.lhs, step.rhs))
        head = f"{comment(said(step))}\nLemma {self.lemma(step)}{self.heads(assumed)} :\n  {left} = {right}."
        if self.meaning(step.lhs) == step.rhs:
            return f"{head}\nProof. reflexivity. Qed."
        tactics: list[str] = []
        previous = before.get(self.start(step.lhs))
        if previous is not None:
            tactics.append(f"refine (eq_trans {self.of(self.lemma(previous), assumed)} _)")
            further = before.get(self.start(previous.rhs))
            if further is not None and further is not previous:  # dE/do = dE_k/do, which was found above
                assumed_there = self.where.get(further.lhs, ())
                tactics.append(f"refine (eq_trans {self.of(self.lemma(further), assumed_there)} _)")
                previous = further
        used = [done[u] for u in step.uses if u in done and isinstance(done[u].lhs, Partial)]
        rewrites = [self.of(self.lemma(u), self.where.get(u.lhs, ())) for u in used]
        shown = {step.lhs if previous is None else previous.rhs, step.rhs}
        standing = {p for side in shown for p, _ in self.standing(side, ())}
        rewrites += [
            f"(d_unique {self.of(fact.lemma, fact.assumed)})"
            for (partial, _), fact in self.facts.items()
            if partial in standing
        ]
        tactics.append("by_cases")
        if rewrites:
            tactics += [f"try rewrite {r}" for r in rewrites]
            tactics.append("by_cases")
        tactics.append(f"line {self.unfolding(False)} {self.unfolding(True)}")
        body = ";\n  ".join(tactics)
        return f"{head}\nProof.\n  {self.opening()}{body}.\nQed."

    def meaning(self, expr: Expr) -> Expr | None:
        """What a name of this proof, or the function at hand, is defined as."""
        if self.setting.call and expr == self.setting.call[0]:
            return self.setting.call[1]
        return self.meanings.get(cast(Symbol, expr))

    def derivative(self, partial: Partial) -> str:
        """∂e/∂x as it stands in a line."""
        return f"(Derive (fun {self.x} : R => {term(partial.of, self.names)}) {self.x})"

    def unfolding(self, others: bool) -> str:
        """The tactic that opens the names of this proof and the slopes of other activations, or all."""
        words = [self.defined(s) for s in reversed(self.meanings)]
        if self.setting.call:
            words.insert(0, self.setting.name)
        words += [known.slope for known in self.known.values()]
        if others:
            for name in closure(self.known):
                words += [function_name(name), f"{function_name(name)}'"]
        return f"ltac:(unfold {', '.join(dict.fromkeys(words))})" if words else "idtac"


def _groups(section: Section) -> Iterator[Group]:
    for item in section.items:
        if isinstance(item, Group):
            yield item
        else:
            yield from _groups(item)


def symbols_of(step: Step) -> list[Symbol]:
    """The names in a step."""
    return [*algebra.symbols(step.lhs), *algebra.symbols(step.rhs)]


def names_called(exprs: Iterable[Basic]) -> list[str]:
    """The activations that stand in `exprs`, each once, in the order they are first read."""
    found: dict[str, None] = {}

    def walk(node: Basic) -> None:
        if isinstance(node, (Call, Prime)):
            found[node.name] = None
        for arg in node.args:
            walk(arg)

    for expr in exprs:
        walk(expr)
    return list(found)


def closure(names: Iterable[str]) -> list[str]:
    """`names` and every activation that those are made of or proved by, what is needed first."""
    found: dict[str, None] = {}

    def add(name: str) -> None:
        if name in found:
            return
        for inner in _needs(name):
            add(inner)
        found[name] = None

    for name in names:
        add(name)
    return list(found)


@lru_cache(maxsize=256)
def _needs(name: str) -> tuple[str, ...]:
    """The other activations in the proof of one."""
    entry = activations.activation(name)
    derivation = page.without_facts(entry)
    steps = [step for section in derivation.sections[:1] for step in section.steps()]
    return tuple(n for n in names_called([e for s in steps for e in (s.lhs, s.rhs)]) if n != entry.name)


# ---------------------------------------------------------------- activations


@lru_cache(maxsize=256)
def function(entry: Activation) -> Function:
    """An activation in Coq, proved by the lines of its page; what it is made of is not in its text.

    Raises NotExported for what has no Coq form.
    """
    derivation = page.without_facts(entry)
    return proved(entry, derivation.sections[:1], derivation.meanings)


def functions(entries: Iterable[Activation]) -> tuple[Function, ...]:
    """Those of `entries` and all that they are made of, each once, what is needed first."""
    found = closure([entry.name for entry in entries])
    return tuple(function(activations.activation(name)) for name in found)


def proved(entry: Activation, sections: Iterable[Section], meanings: Mapping[Symbol, Expr]) -> Function:
    """An activation with the proof that `sections` hold, as a document has it; `meanings` are its names."""
    name = function_name(entry.name)
    call, formula = Call(Symbol(entry.name), X), activations.formula(entry)
    setting = Setting(name, X, meanings, (call, formula), smooth=_meeting(entry))
    sections = tuple(sections)
    proof = Proof(setting, sections)
    last = list(sections[0].steps())[-1]
    start = Partial(call, X)
    if last.lhs != start:
        raise NotExported(f"the proof of {entry.name} does not end in its derivative")
    proof.certify(start, ())
    existence = proof.of(proof.facts[start, ()].lemma, ())
    text = [
        f"Definition {name} (x : R) : R := {term(formula, proof.names)}.",
        *proof.definitions(),
        *proof.lemmas(),
        f"Definition {name}' (x : R) : R := {term(last.rhs, proof.names)}.",
        f"Theorem {name}'derive{proof.heads(())} : is_derive {name} x ({name}' x).\n"
        f"Proof. exact (d_shown {existence} {proof.of(proof.lemma(last), ())}). Qed.",
    ]
    bounds = dict(_bounds(name, formula, proof.names))
    return Function(
        name,
        f"{name}'",
        f"{name}'derive",
        "\n".join([*text, *bounds.values()]) + "\n",
        proof.domain,
        tuple((step.id, proof.lemma(step)) for step in proof.steps),
        tuple(bounds),
    )


def _bounds(name: str, formula: Expr, names: Names) -> Iterator[tuple[str, str]]:
    """0 < f(x) where every part of the formula is positive, and f(x) < 1 for a/(a + b) with b positive."""
    if not cases.positive(formula):
        return
    yield (
        f"{name}'above",
        f"Lemma {name}'above (x : R) : 0 < {name} x.\nProof. unfold {name}. positive. Qed.\n"
        f"#[global] Hint Resolve {name}'above : sides.",
    )
    if not isinstance(formula, Frac):
        return
    top, bottom = cast(tuple[Expr, Expr], formula.args)
    rest = plain(algebra.sub(bottom, top))
    if cases.positive(rest):
        yield (
            f"{name}'below",
            f"Lemma {name}'below (x : R) : {name} x < 1.\n"
            f"Proof. refine (@below_1 _ _ {term(rest, names)} _ _ _); [ positive | positive | ring ]. Qed.\n"
            f"#[global] Hint Resolve {name}'below : sides.",
        )


def _meeting(entry: Activation) -> Callable[[Basic], bool]:
    """Whether the cases of a formula meet at a border: there is one, and no kink at it."""
    kinks = [plain(point) for point, _ in calculus.kinks(entry)]

    def smooth(relation: Basic) -> bool:
        line = line_of(algebra.sub(*smaller_first(relation)), X)
        return line is not None and -line[1] / line[0] not in kinks

    return smooth


def activation_script(entry: Activation | LayerActivation) -> Script:
    """The definition of an activation, every proof of its derivative line by line, and the theorem."""
    if isinstance(entry, LayerActivation):
        raise NotExported(f"{entry.name} has no Coq form yet: it acts on a whole layer")
    derivation = page.without_facts(entry)
    others = {other.key for other in entry.others}
    sections = [s for i, s in enumerate(derivation.sections) if i == 0 or s.key in others]
    main = proved(entry, sections, derivation.meanings)
    needed = [function(activations.activation(n)) for n in closure(_needs(entry.name))]
    return script(f"{entry.name}: {entry.formula}", [f.text for f in needed] + [main.text], [main.theorem],
                  [entry.name], main.lemmas)  # fmt: skip


# ---------------------------------------------------------------- losses

#: The target, the output and the number of outputs, as the page of a loss calls them.
_T, _O, _N = Symbol("t_k"), Symbol("o_k"), Symbol("n")
#: What a loss supposes, by the key of the condition: the names of the hypotheses and what they say.
SUPPOSED: Mapping[str, tuple[tuple[str, Basic], ...]] = {
    "output_in_unit_interval": (("output_above_0", Gt(_O, 0)), ("output_below_1", Lt(_O, 1))),
    "output_positive": (("output_positive", Gt(_O, 0)),),
    "target_positive": (("target_positive", Gt(_T, 0)),),
    "output_off_target": (("output_off_target", Ne(_O, _T)),),
    "off_margin": (("off_margin", Ne(mul(_T, _O), 1)),),
    "target_sign": (),  # true of the data; no line needs it
}


def loss_script(entry: Loss) -> Script:
    """A loss: its hypotheses, the proof of ∂E/∂o_k line by line, and the theorem.

    Raises NotExported for what has no Coq form.
    """
    text, needed, lemmas = loss_proof(entry)
    title = f"{entry.name}: {entry.part}"
    return script(title, [f.text for f in needed] + [text], ["loss'derive"], ["t_k", "o_k", "n", "R"], lemmas)


def loss_proof(
    entry: Loss, derivation: Derivation | None = None
) -> tuple[str, tuple[Function, ...], tuple[tuple[str, str], ...]]:
    """The section of a loss, the activations it is made of, and its lemmas by the ids of its steps.

    `derivation` is its page, found where it is not given.
    """
    if entry.through:
        raise NotExported(f"{entry.name} has no Coq form yet: its outputs go through {entry.through}")
    if derivation is None:
        derivation = page.loss_page(entry.name)
    graph = derivation.graph
    error, rest = graph.error, Symbol("R")
    (part,) = (s for s in graph.quantities if graph[s].role == "part")
    meanings = {part: graph.definition(part), error: graph.definition(error), **derivation.meanings}
    names = Names()
    read = [s for s in (_T, _O, _N, rest) if s != _N or contains(meanings[part], _N)]
    supposed: list[tuple[str, Basic]] = [("outputs_positive", Gt(_N, 0))] if _N in read else []
    supposed += [hypothesis for key in entry.conditions for hypothesis in SUPPOSED[key]]
    known = tuple(Assumption(relation, True, proposition(relation, names)) for _, relation in supposed)
    meets = entry.base in losses.losses and "off_margin" not in entry.conditions
    setting = Setting("loss", _O, meanings, known=known, smooth=lambda relation: meets, general=False)
    proof = Proof(setting, derivation.sections)
    last, start = proof.steps[-1], Partial(error, _O)
    proof.certify(start, ())
    hypotheses = [f"Hypothesis {name} : {a.statement}." for (name, _), a in zip(supposed, known, strict=True)]
    hypotheses += [f"Hypothesis supposed_{i} : {p}." for i, p in enumerate(proof.premises, 1)]
    text = [
        "Section Loss.",
        f"Variables {' '.join(names(s) for s in read)} : R.",
        *hypotheses,
        *proof.definitions(),
        *proof.lemmas(),
        f"Theorem loss'derive : is_derive {proof.defined(error)} {names(_O)} {term(last.rhs, proof.names)}.",
        f"Proof. exact (d_shown {proof.facts[start, ()].lemma} {proof.lemma(last)}). Qed.",
        "End Loss.",
    ]
    needed = functions(activations.activation(name) for name in proof.known)
    return "\n".join(text) + "\n", needed, tuple((step.id, proof.lemma(step)) for step in proof.steps)


def proposition(relation: Basic, names: Names) -> str:
    """u > v or u ≠ v as Coq says it."""
    if isinstance(relation, Ne):
        return f"{term(relation.args[0], names)} <> {term(relation.args[1], names)}"
    return parted(relation, names)[0].statement


# ---------------------------------------------------------------- a whole script


def script(
    title: str,
    texts: Iterable[str],
    theorems: Iterable[str],
    named: Iterable[str] = (),
    lemmas: tuple[tuple[str, str], ...] = (),
) -> Script:
    """The library, `texts`, and what all rests on; at the head, the `named` that Coq spells otherwise."""
    theorems = tuple(theorems)
    end = closing(theorems, [lemma for _, lemma in lemmas])
    text = "\n".join([comment(title) + "\n" + table(named) + library(), *texts, end])
    return Script(text, theorems, lemmas)
