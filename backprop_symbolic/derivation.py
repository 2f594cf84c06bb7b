"""A derivation as data: sections of steps, each with its rule, what it uses, and its evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from sympy import Expr, Symbol

from backprop_symbolic.algebra import Partial
from backprop_symbolic.graph import Graph

#: How much is shown. A step, group or section carries the least detail at which it appears.
BRIEF, NORMAL, FULL = 0, 1, 2
DETAILS = {"brief": BRIEF, "normal": NORMAL, "full": FULL}

#: What a message may be told: an expression, a word, a number, or a list of expressions.
Argument = Expr | str | int | tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Why a line follows. `key` is its name; the message files say it in words."""

    key: ClassVar[str] = ""

    def result(self) -> Expr:
        """The right side that the rule gives."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Evidence:
    """How a step was decided.

    method    prime_field, or prime_field+cancellation with --strict
    points    number of random points at which both sides were equal
    branches  number of branches of piecewise functions that the points went through
    """

    method: str
    points: int
    branches: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """lhs = rhs, by `rule`. Steps in one group with one lhs are a chain of equalities."""

    id: str
    lhs: Expr
    rhs: Expr
    rule: Rule
    uses: tuple[str, ...] = ()
    detail: int = BRIEF
    evidence: Evidence | None = None

    def recompute(self) -> Expr:
        """The right side once more, from the rule."""
        return self.rule.result()


@dataclass(frozen=True, slots=True)
class Group:
    """Steps that stand together, with the key of the sentence that leads to them.

    Where `alone`, the sentence is said although no step follows.
    """

    key: str
    steps: tuple[Step, ...]
    args: Mapping[str, Argument] = field(default_factory=dict)
    detail: int = BRIEF
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the derivation with a heading; `label` is (1), (a), (a)-1 or empty."""

    key: str
    items: tuple[Group | Section, ...]
    label: str = ""
    args: Mapping[str, Argument] = field(default_factory=dict)
    detail: int = BRIEF

    def steps(self) -> Iterator[Step]:
        """Every step in reading order."""
        for item in self.items:
            yield from item.steps if isinstance(item, Group) else item.steps()


@dataclass(frozen=True)
class Result:
    """What a derivation ends with for one parameter: ∂E/∂w as a product, by δ, and the update."""

    parameter: Symbol
    gradient: Step
    folded: Step
    update: Step


@dataclass(frozen=True, slots=True)
class Checked:
    """That a proof checker accepted a script in which every step of the derivation is a lemma.

    version   Coq's
    digest    SHA-256 of the script
    theorems  the names of its theorems
    axioms    what its proofs rest on
    """

    version: str
    digest: str
    theorems: tuple[str, ...]
    axioms: tuple[str, ...]


@dataclass(frozen=True)
class Derivation:
    """∂E/∂w for one or more parameters of a graph, as sections of steps.

    meanings     what each introduced name stands for: δ_q is ∂E/∂q, w(t+1) is w - η·∂E/∂w
    definitions  the steps that give each δ its value, in the order they are needed
    checked      by a proof checker, where that was asked for
    """

    graph: Graph
    sections: tuple[Section, ...]
    results: Mapping[Symbol, Result]
    definitions: Mapping[Symbol, Step]
    meanings: Mapping[Symbol, Expr]
    hypotheses: tuple[tuple[str, Mapping[str, Argument]], ...] = ()
    evidence: Mapping[str, object] = field(default_factory=dict)
    checked: Checked | None = field(default=None, kw_only=True)

    @property
    def shown(self) -> tuple[Section, ...]:
        """The sections of the document: those to be decided here, and any that were decided before."""
        return self.sections

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step in reading order."""
        return tuple(step for section in self.shown for step in section.steps())

    @property
    def title(self) -> tuple[str, Mapping[str, Argument]]:
        """The key of the title and what it speaks of."""
        if len(self.results) == 1:
            return "title.weight", {"partial": Partial(self.graph.error, self.parameters[0])}
        return "title.all", {"error": self.graph.error, "count": len(self.results)}

    @property
    def ends(self) -> Mapping[Symbol, Expr]:
        """What is found for each parameter; compared with measured values at the end."""
        return {w: result.folded.rhs for w, result in self.results.items()}

    @property
    def parameters(self) -> tuple[Symbol, ...]:
        """The parameters derived."""
        return tuple(self.results)


@dataclass(frozen=True)
class Page(Derivation):
    """A derivation that is about one function.

    heading  the message of the title
    slopes   the derivative found, by its variable; compared with a complex step at the end
    facts    sections whose steps carry their own evidence, found with quantities of their own
    """

    heading: tuple[str, Mapping[str, Argument]] = ("", {})
    slopes: Mapping[Symbol, Expr] = field(default_factory=dict)
    facts: tuple[Section, ...] = ()

    @property
    def shown(self) -> tuple[Section, ...]:
        """The proof, the form in the output, then the facts."""
        return (*self.sections, *self.facts)

    @property
    def title(self) -> tuple[str, Mapping[str, Argument]]:
        """The key of the title and what it speaks of."""
        return self.heading

    @property
    def ends(self) -> Mapping[Symbol, Expr]:
        """x → f'(x)."""
        return self.slopes
