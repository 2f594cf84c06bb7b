"""The verdict on every link of every chain of equations.

    definition   a name gets its meaning: right, unless it contradicts what is given
    claim        decided by the engine's evaluator, at random points of a prime field or real ones
    numbers      decided by intervals: right where correctly rounded inputs can give what is printed

A link that fails in one reading is tried in the others that the text admits before it is called
wrong; where what a name means is in doubt, nothing is decided.
"""

from __future__ import annotations

import cmath
import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache, cached_property
from itertools import islice, product
from typing import Any, cast

from sympy import Abs, Basic, Expr, Piecewise, Symbol, sign

from backprop_symbolic import intervals
from backprop_symbolic.activations import formula_of
from backprop_symbolic.algebra import Call, Partial, Prime, add, mul, neg, symbols
from backprop_symbolic.errors import UnknownName
from backprop_symbolic.evaluate import Evaluator, Numbers, PrimeField, Undecidable
from backprop_symbolic.graph import Graph, dense
from backprop_symbolic.intervals import Interval
from backprop_symbolic.message import Message
from backprop_symbolic.notation import notation
from backprop_symbolic.review import grammar, repair, units
from backprop_symbolic.review.context import (
    FUNCTIONS,
    INDICES,
    RATES,
    SINGLE,
    TIME,
    Context,
    Given,
    at_time,
    completed,
    find,
    free_letters,
    letters,
    matched,
    names,
    numeric,
    rounded,
    source,
    total,
    walk,
    whole,
)
from backprop_symbolic.review.meaning import Meaning, NotUnderstood, Reading
from backprop_symbolic.review.splice import Written, sites
from backprop_symbolic.review.tree import (
    REMARK,
    RIGHT,
    UNDECIDED,
    WRONG,
    Applied,
    At,
    Bars,
    Beside,
    Derivative,
    Finding,
    Foreign,
    Name,
    Node,
    NotRead,
    Number,
    Power,
    Primed,
    Product,
    Quotient,
    Relation,
    Review,
    Root,
    Row,
    Statement,
    Sum,
)
from backprop_symbolic.review.words import GREEK
from backprop_symbolic.spec import Network
from backprop_symbolic.wording import languages

FIELD_POINTS = 2
REAL_POINTS = 6
BOUND_POINTS = 48  # for an inequality
TOLERANCE = 1e-8
#: Numbers with at least so many significant digits may have been rounded; shorter ones are exact.
DIGITS = 3
NEAR = 9  # rows for which a condition i = j holds
MOMENTS = (2, 3, 5)  # times at which an equation for every t is tried
OURS = (2, 2, 2)  # the network in which a line about any unit is tried where a text has none
DEPTH = 12  # definitions inside definitions
SHOWN = 16  # numbers of a counterexample
KINK = Fraction(1, 10**6)  # so far from a kink are its slopes
MOVED = 64  # free quantities of which is tried whether a line changes with them


# ---------------------------------------------------------------- points


class _Evaluator(Evaluator):
    """Values of a text's expressions; a function that is not known has a random value and slope."""

    def __init__(self, meaning: Meaning, domain: Any, leaves: Any, real: Evaluator | None, draw: Any) -> None:
        super().__init__(meaning.graph, meaning.meanings, domain, leaves, real)
        self.meaning, self.draw = meaning, draw
        self.passed = True  # what is asked for alone: not every quantity need have a value here
        self.oracle: dict[tuple[str, int, Any], Any] = {}

    def formula(self, name: str) -> Expr:
        own = self.meaning.functions.get(name)
        return super().formula(name) if own is None else own

    def unknown(self, expr: Basic, order: int, env: Any) -> Any:
        """f(u) or f'(u): one random number for each argument."""
        u = self.value(expr.args[1], env)
        key = (cast(Call, expr).name, order, round(u.real, 9) if isinstance(u, complex) else u)
        if key not in self.oracle:
            self.oracle[key] = self.draw()
        return self.oracle[key]

    def _call(self, expr: Basic, env: Any) -> Any:
        if _free(cast(Call, expr).name):
            return self.unknown(expr, 0, env)
        return super()._call(expr, env)

    def _prime(self, expr: Basic, env: Any) -> Any:
        if _free(cast(Prime, expr).name):
            return self.unknown(expr, 1, env)
        return super()._prime(expr, env)

    def logarithm(self, u: Expr, env: Any) -> Any:
        return None if isinstance(u, Call) and _free(u.name) else super().logarithm(u, env)


def _free(name: str) -> bool:
    return name.startswith("any ") or (" of " in name and not name.endswith(" of the text"))


class Points:
    """Random points at which the definitions of one meaning hold."""

    def __init__(
        self,
        meaning: Meaning,
        seed: int = 20230117,
        real: int = REAL_POINTS,
        region: Mapping[Symbol, tuple[float, float]] | None = None,
    ) -> None:
        self.meaning, self.random, self.count = meaning, random.Random(seed), real
        self.region = region or {}
        self.graph: Any = None
        self.order: Mapping[Symbol, int] = {}
        self._branches: tuple[tuple[int, int], bool] | None = None
        self.field: list[_Evaluator] = []
        self.real: list[_Evaluator] = []
        self.leaves: list[dict[Symbol, Any]] = [{} for _ in range(FIELD_POINTS + real)]

    def prepare(self) -> None:
        """Evaluators for the definitions met so far."""
        if self.graph is self.meaning.graph:
            return
        self.graph = self.meaning.graph
        self.order = {symbol: i for i, symbol in enumerate(self.graph.quantities)}
        self.real = [
            _Evaluator(self.meaning, Numbers(), self.leaf(i, self.number), None, self.number)
            for i in range(self.count)
        ]
        self.field = []
        for i in range(FIELD_POINTS):
            domain = PrimeField(self.random)
            leaf = self.leaf(self.count + i, domain.draw)
            self.field.append(_Evaluator(self.meaning, domain, leaf, self.real[i], domain.draw))

    def number(self) -> complex:
        return complex(self.random.uniform(0.2, 1.2) * self.random.choice((1, 1, -1)))

    def leaf(self, place: int, draw: Callable[[], Any]) -> Callable[[Symbol], Any]:
        known = self.leaves[place]

        def value(symbol: Symbol) -> Any:
            if symbol not in known:
                inside = place < self.count and symbol in self.region
                known[symbol] = self.between(*self.region[symbol]) if inside else draw()
            return known[symbol]

        return value

    def between(self, low: float, high: float) -> complex:
        """A number between two ends, of which one may be infinite."""
        if math.isinf(low) and math.isinf(high):
            return self.number()
        if math.isinf(low):
            return complex(high - self.random.uniform(0.1, 1.5))
        if math.isinf(high):
            return complex(low + self.random.uniform(0.1, 1.5))
        return complex(low + (high - low) * self.random.uniform(0.05, 0.95))

    def holds(self, left: Expr, right: Expr) -> bool | None:
        """Whether both sides are equal at every point; None where no point gave them a value."""
        self.prepare()
        if not self.branches and not any(map(_branching, (left, right))):
            try:
                if all(p.value(left) == p.value(right) for p in self.field):
                    return True  # e^{a + b} and e^c, c = a + b, are apart in the field: reals decide
            except (Undecidable, OverflowError, RecursionError, KeyError):
                pass
        found = 0
        for p in self.real:
            pair = _pair(p, left, right)
            if pair is None:
                continue
            a, b = pair
            if abs(a - b) > TOLERANCE * max(1e-3, abs(a), abs(b)):
                return False
            found += 1
        return True if found >= 2 else None

    @property
    def branches(self) -> bool:
        """Whether a quantity or a function has another formula elsewhere: then two points are too few."""
        state = (id(self.graph), len(self.meaning.functions))
        if self._branches is None or self._branches[0] != state:
            formulas = [e for e in self.meaning.quantities.values() if e is not None]
            formulas += self.meaning.functions.values()
            self._branches = (state, any(map(_branching, formulas)))
        return self._branches[1]

    def at_most(self, left: Expr, right: Expr, strictly: bool) -> bool | None:
        """Whether left ≤ right at every real point; None where too few gave both sides a value."""
        self.prepare()
        found = 0
        for p in self.real:
            pair = _pair(p, left, right)
            if pair is None:
                continue
            a, b = pair[0].real, pair[1].real
            if a > b + TOLERANCE * max(1e-3, abs(a), abs(b)) or (strictly and a == b):
                return False
            found += 1
        return True if 2 * found >= len(self.real) else None

    def zero(self, expr: Expr) -> bool:
        """Whether an expression is 0 at the first point."""
        self.prepare()
        pair = _pair(self.real[0], expr, expr)
        return pair is not None and abs(pair[0]) < 1e-12

    def counterexample(self, left: Expr, right: Expr, larger: bool = False) -> Counterexample:
        """Numbers for what is free at which both sides differ, and what they come to.

        With `larger`, numbers at which the left side is not below the right one.
        """
        for place, p in enumerate(self.real):
            pair = _pair(p, left, right)
            if pair is None or abs(pair[0] - pair[1]) <= 1e-6 * max(1e-3, abs(pair[0]), abs(pair[1])):
                continue
            if larger and pair[0].real <= pair[1].real:
                continue
            named = list(dict.fromkeys(s for e in (left, right) for s in _named(e)))
            free = self.free(place, left, right)
            if len(free) > SHOWN:
                free = named[:SHOWN]  # too many to be put in by hand: the names of the line alone
            valued = {s for e in (left, right) for s in _valued(e)}
            computed = [s for s in named if s in valued and s not in free and self.computed(s)]
            return Counterexample(
                tuple(self.amounts(p, free)),
                tuple(self.amounts(p, [s for s in computed if s not in (left, right)])),
                (_short(pair[0].real), _short(pair[1].real)),
            )
        return Counterexample()

    def computed(self, symbol: Symbol) -> bool:
        """Whether a quantity is computed from others."""
        return self.meaning.quantities.get(symbol) is not None

    def amounts(self, point: Evaluator, these: Sequence[Symbol]) -> Iterator[tuple[Symbol, str]]:
        """What quantities come to at a point."""
        for symbol in these:
            pair = _pair(point, symbol, symbol)
            if pair is not None:
                yield symbol, _short(pair[0].real)

    def free(self, place: int, left: Expr, right: Expr) -> list[Symbol]:
        """The inputs, weights and targets that a side changes with, in the order of the definitions."""
        leaves = self.leaves_of(left, right)
        if len(leaves) > MOVED:
            return leaves
        return [s for s in leaves if self.moves(place, s, left, right)]

    def leaves_of(self, left: Expr, right: Expr) -> list[Symbol]:
        """All that is computed from nothing and that both sides are computed from."""
        behind = self.meaning.behind(s for e in (left, right) for s in _named(e))
        found = [s for s in behind if self.meaning.quantities.get(s) is None]
        order = self.order
        return sorted(found, key=lambda s: (order.get(s, len(order)), s.name))

    def moves(self, place: int, leaf: Symbol, left: Expr, right: Expr) -> bool:
        """Whether a side has another value where one leaf has."""
        here, known = self.real[place], self.leaf(place, self.number)
        oracle = here.oracle

        def moved(symbol: Symbol) -> Any:
            return known(symbol) * 1.25 if symbol == leaf else known(symbol)

        there = _Evaluator(self.meaning, Numbers(), moved, None, self.number)
        there.oracle = oracle
        pairs = [(_pair(here, e, e), _pair(there, e, e)) for e in (left, right)]
        return any(
            a is None or b is None or abs(a[0] - b[0]) > 1e-12 * max(abs(a[0]), abs(b[0])) for a, b in pairs
        )


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Numbers for what is free, what is computed from them, and what both sides come to."""

    at: tuple[tuple[Symbol, str], ...] = ()
    hence: tuple[tuple[Symbol, str], ...] = ()
    sides: tuple[str, str] = ("", "")

    def turned(self) -> Counterexample:
        """With the sides exchanged."""
        return replace(self, sides=self.sides[::-1])


def _pair(point: Evaluator, left: Expr, right: Expr) -> tuple[complex, complex] | None:
    try:
        a, b = complex(point.value(left)), complex(point.value(right))
    except (Undecidable, OverflowError, ValueError, ZeroDivisionError, RecursionError, KeyError):
        return None
    return (a, b) if cmath.isfinite(a) and cmath.isfinite(b) else None


def _parts(expr: Basic) -> Iterator[Basic]:
    todo: list[Basic] = [expr]
    while todo:
        found = todo.pop()
        yield found
        todo.extend(found.args)


def _branching(expr: Basic) -> bool:
    """Whether |u|, cases, or a function that is written with them stand in it."""
    return any(
        isinstance(p, (Abs, Piecewise, sign)) or (isinstance(p, (Call, Prime)) and _by_cases(p.name))
        for p in _parts(expr)
    )


@cache
def _by_cases(name: str) -> bool:
    """Whether a function of ours has another formula elsewhere."""
    if _free(name) or name.endswith(" of the text"):
        return False  # one that is not known, or of the text, whose formula is looked at itself
    try:
        return any(isinstance(p, (Abs, Piecewise, sign)) for p in _parts(formula_of(name)))
    except UnknownName:
        return False


def _named(expr: Basic) -> list[Symbol]:
    return [s for s in symbols(expr) if not s.name.startswith(("∂", "any "))]


def _valued(expr: Basic) -> Iterator[Symbol]:
    """The quantities whose own value tells something: of ∂E/∂y it is y."""
    todo: list[Basic] = [expr]
    while todo:
        found = todo.pop()
        if isinstance(found, Symbol):
            yield found
        todo.extend([found.wrt] if isinstance(found, Partial) else found.args)


def _short(value: float) -> str:
    return f"{value:.6g}"


# ---------------------------------------------------------------- links


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a chain and the row it stands in."""

    node: Node
    row: Row

    @property
    def text(self) -> str:
        return source(self.row, self.node)

    @property
    def formula(self) -> bool:
        """Whether it says what something is computed from, in names alone."""
        return not (isinstance(self.node, Name) or numeric(self.node) or rounded(self.node))


@dataclass
class Chain:
    """a = b = c …: its head, what was last found right, and what was last wrong."""

    head: Side
    last: Side
    wrong: Side | None = None
    blamed: str = ""
    formula: Node | None = None

    @property
    def variable(self) -> Name | None:
        """The x of d/dx at its head."""
        return next((n.by for n in walk(self.head.node) if isinstance(n, Derivative)), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one link, before it is put into words."""

    verdict: str
    kind: str
    why: Message | None = None
    against: Counterexample = Counterexample()
    remarks: tuple[Message, ...] = ()
    readings: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Region:
    """low < x < high, said in a row; without a name, of whatever a line is about."""

    name: Name | None
    low: float
    high: float
    row: Row
    number: int


Holds = Callable[[Node, Node], bool]


def review(
    source_name: str,
    text: str,
    statements: Sequence[Statement | NotRead],
    given: Given | None = None,
) -> Review:
    """A text with what was found in it."""
    context = find(statements, given)
    judged = Judge(context)
    findings = judged.all()
    return Review(source_name, text, (*context.said, *judged.said), findings)


def judge(context: Context) -> tuple[Finding, ...]:
    """The verdict on every link, in reading order."""
    return Judge(context).all()


class Judge:
    """Goes through a text once, from its first row to its last."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.meanings: dict[tuple[int, Reading], tuple[Meaning, Points]] = {}
        self.numbers = Amounts(self)
        self.said: list[tuple[Message, tuple[str, ...]]] = []
        self.chain: Chain | None = None
        self.stretch = 0
        self.condition: int | None = None
        self.region: Region | None = None
        self.number = 0
        self.bases: tuple[tuple[str, str], ...] = ()
        self.blamed: dict[str, str] = {}
        self.limits: list[tuple[Node, Name]] = []
        self.patience = repair.Patience()

    # ------------------------------------------------------------ rows

    def all(self) -> tuple[Finding, ...]:
        """Every finding."""
        found: list[Finding] = []
        statements = self.context.statements
        self.numbers.scan(statements)
        self.told()
        if self.context.timed:
            named = [r for s in statements if isinstance(s, Statement) for r in s.relations]
            shown = dict.fromkeys(n.name.key for r in named for n in walk(r) if isinstance(n, At))
            spelled = ", ".join(rf"{self.shown(key)}(t)" for key in shown)
            self.said.append((Message("context_sequences", {"names": spelled}), ()))
        for number, statement in enumerate(statements):
            self.stretch, self.number = self.context.where[number], number
            if isinstance(statement, NotRead):
                self.chain = None
                found.append(Finding(statement.row, statement.span, UNDECIDED, "none", why=statement.why))
                continue
            before = self.chain
            for i, relation in enumerate(statement.relations):
                found.extend(self.relation(statement, (number, i), relation))
            if statement.connective == "because":
                self.chain = before  # a reason stands beside the chain
        return tuple(found)

    def relation(self, statement: Statement, spot: tuple[int, int], relation: Relation) -> Iterator[Finding]:
        row = statement.row
        sides = relation.sides
        if sides[0] is not None:
            first = Side(sides[0], row)
            self.chain = Chain(first, first)
        if self.is_condition(relation):
            self.condition = self.number
            return
        if self.is_region(relation, row) or in_prose(relation, row):
            return
        for k, node in enumerate(sides[1:], 1):
            if node is None:
                continue
            side, mark = Side(node, row), relation.signs[k - 1]
            if mark not in ("=", ":=", "≈"):
                before, self.chain = self.chain, Chain(side, side)
                if mark not in ("→", "≠"):
                    yield from self.compared(before, side, mark)
                continue
            if self.chain is None:
                yield Finding(row, node.span, UNDECIDED, "none", right=side.text, why=Message("why_no_left"))
                self.chain = Chain(side, side)
                continue
            yield from self.link(self.chain, side, (*spot, k) in self.context.defining)

    # ------------------------------------------------------------ inequalities

    def compared(self, before: Chain | None, side: Side, mark: str) -> Iterator[Finding]:
        """What is to be said of a < b; nothing of |w_1| + |w_2| ≤ c, which says what c is."""
        if before is None:
            yield Finding(
                side.row, side.node.span, UNDECIDED, "none", right=side.text, why=Message("why_no_left")
            )
            return
        left = before.last
        if mark == "≤" and isinstance(side.node, Name) and self.is_limit(left.node, side.node):
            self.limits.append((left.node, side.node))
            formula = rf"{left.text} \le {side.text}"
            self.said.append((Message("context_limit", {"formula": formula}), (side.row.id,)))
            return
        verdict = self.at_most(left.node, side.node, mark)
        if verdict.verdict == UNDECIDED and (other := self.elsewhere(left.node, side.node)) is not None:
            verdict = other.told_where(other.at_most(left.node, side.node, mark), verdict)
        span = side.node.span if left.row is not side.row else (left.node.span[0], side.node.span[1])
        yield Finding(
            side.row, span, verdict.verdict, verdict.kind, left.text, side.text, verdict.why,
            at=self.spelled(verdict.against.at), sides=verdict.against.sides,
            hence=self.spelled(verdict.against.hence), readings=verdict.readings,
        )  # fmt: skip

    def is_limit(self, left: Node, right: Name) -> bool:
        """Whether a name that stands in no definition is to be at least so large."""
        meaning, _ = self.meaning(Reading())
        symbol = meaning.symbol(at_time(right), {})
        return meaning.quantities.get(symbol) is None and meaning.foreign_at(symbol) and not numeric(left)

    def at_most(self, left: Node, right: Node, mark: str) -> Verdict:
        """Whether left ≤ right at many points, in every choice of units for its letters."""
        if mark in (">", "≥"):
            left, right = right, left
        if isinstance(left, Name) and not self.is_quantity(left):
            return Verdict(UNDECIDED, "none", Message("why_relation"))  # 0 < x: what x is, no claim
        meaning, _ = self.meaning(Reading())
        points = Points(meaning, real=BOUND_POINTS)
        why = Message("why_relation")
        for turned in (False, True):
            try:
                written = list(self.written((left, right), meaning, turned))
                self.limit(points, meaning, turned)
                tried = [(a, b, points.at_most(a, b, mark in "<>")) for a, b in written]
            except NotUnderstood as error:
                why = error.why
                continue
            if not tried or any(held is None for _, _, held in tried):
                continue
            failed = next(((a, b) for a, b, held in tried if not held), None)
            if failed is None:
                self.said_once(Message("context_points", {"count": BOUND_POINTS}))
                return Verdict(RIGHT, "claim", readings=self.turned((left, right), turned))
            free = units.letters_of((left, right))
            if not (self.outside(failed) if free else self.doubt(meaning, failed)):
                against = points.counterexample(*failed, larger=True)
                return Verdict(WRONG, "claim", Message("why_bound"), against)
            if self.doubt(meaning, failed, arguments(left) | arguments(right)) is None:
                # What the prose says of x is not read: x may be limited there.
                against = points.counterexample(*failed, larger=True)
                return Verdict(UNDECIDED, "claim", Message("why_bound_here"), against)
        return Verdict(UNDECIDED, "none", why)

    def is_quantity(self, name: Name) -> bool:
        meaning, _ = self.meaning(Reading())
        return bool(letters(name)) or meaning.quantities.get(meaning.symbol(at_time(name), {})) is not None

    def limit(self, points: Points, meaning: Meaning, turned: bool) -> None:
        """Gives each name that is known to be at least so large just that number."""
        points.prepare()
        for node, name in self.limits:
            symbol = meaning.symbol(name, {})
            written = [pair[0] for pair in self.written((node, node), meaning, turned)]
            for point, leaves in zip(points.real, points.leaves, strict=False):
                pairs = [pair for e in written if (pair := _pair(point, e, e)) is not None]
                if pairs:
                    leaves[symbol] = complex(max(a.real for a, _ in pairs))

    # ------------------------------------------------------------ any unit

    @cached_property
    def structure(self) -> units.Structure | None:
        """The units of the network that the text is about."""
        return None if self.context.graph is None else units.Structure.of(self.context.graph)

    def written(
        self, sides: tuple[Node, Node], meaning: Meaning, turned: bool
    ) -> Iterator[tuple[Expr, Expr]]:
        """Both sides for every choice of units for their letters; raises NotUnderstood."""
        free = units.letters_of(sides)
        if not free or self.structure is None:
            yield meaning.expr(sides[0], {}), meaning.expr(sides[1], {})
            return
        for chosen in units.choices(self.structure, sides, free, turned):
            writer = units.UnitWriter(meaning, self.structure, chosen, turned)
            yield writer.expr(sides[0]), writer.expr(sides[1])

    def elsewhere(self, left: Node, right: Node) -> Judge | None:
        """Who judges a line about any unit in a text that is about no network: one with a network of ours."""
        if self.context.graph is not None or not units.letters_of((left, right)):
            return None
        self.ours.limits, self.ours.stretch, self.ours.number = self.limits, 0, self.number
        return self.ours

    @cached_property
    def ours(self) -> Judge:
        """A judge of lines in a network of ours, with the sigmoid."""
        graph = dense(Network.dense(OURS), notation("layered"))
        return Judge(find((), Given(graph=graph)))

    def told_where(self, found: Verdict, before: Verdict) -> Verdict:
        """A verdict in a network of ours: that a line holds is told, that it fails is no mistake."""
        if found.verdict != RIGHT:
            return before
        title = cast(Graph, self.context.graph).network
        said = Message("read_network", {"title": title.title if title is not None else ""})
        return replace(found, readings=(*found.readings, said))

    def anywhere(self, left: Node, right: Node) -> Verdict | None:
        """left = right for any units that its letters may stand for; None where that says nothing.

        A wrong line is one that fails whichever way round the weight w_kj is read.
        """
        if self.structure is None or not units.letters_of((left, right)):
            return None
        meaning, points = self.meaning(Reading())
        failed: tuple[Expr, Expr] | None = None
        for turned in (False, True):
            try:
                tried = [(a, b, points.holds(a, b)) for a, b in self.written((left, right), meaning, turned)]
            except NotUnderstood:
                continue
            if not tried or any(held is None for _, _, held in tried):
                continue
            wrong = next(((a, b) for a, b, held in tried if not held), None)
            if wrong is None:
                self.said_once(Message("context_units"))
                return Verdict(RIGHT, "claim", readings=self.turned((left, right), turned))
            failed = failed or wrong
        if failed is None or self.outside(failed):
            return None
        return Verdict(WRONG, "claim", Message("why_differs"), points.counterexample(*failed))

    def turned(self, sides: tuple[Node, Node], turned: bool) -> tuple[Message, ...]:
        """w_{ij} from the unit i to the unit j, where a line was read the other way round than ours."""
        pair = next((n for s in sides for n in names(s) if len(n.sub) == 2 and letters(n)), None)
        if not turned or pair is None:
            return ()
        weight = f"{pair.base}_{{{pair.sub}}}"
        return (Message("read_turned", {"weight": weight, "lower": pair.sub[0], "upper": pair.sub[1]}),)

    def says_what_delta_is(self, left: Node) -> bool:
        """Whether a line is about δ_j where δ is ∂E/∂net by what else the text or the reader says."""
        if not (isinstance(left, Name) and left.base in units.DELTAS and letters(left)):
            return False
        return self.context.strict or any(
            d.name.base in units.DELTAS and isinstance(d.formula, Derivative)
            for s in self.context.stretches
            for d in s.definitions.values()
        )

    def outside(self, pair: tuple[Expr, Expr]) -> bool:
        """Whether a name in a failed line is none of the network's."""
        graph = cast(Any, self.context.graph)
        known = {*graph.quantities, *graph.meanings, graph.rate, *graph.deltas.values()}
        limits = {name.key for _, name in self.limits}
        return any(
            s not in known and s.name not in limits and s.name not in RATES for e in pair for s in symbols(e)
        )

    def update_anywhere(self, head: Name, right: Node) -> Verdict | None:
        """w_ji(t + 1) = w_ji - η ∂E/∂w_ji for any units."""
        rates = [n for n in names(right) if n.base in RATES]
        error = None if self.structure is None else self.structure.error
        if len(rates) != 1 or error is None or not letters(head):
            return None
        meaning, points = self.meaning(Reading())
        rate = meaning.canonical(rates[0].key)
        failed: tuple[Expr, Expr] | None = None
        for turned in (False, True):
            try:
                pairs = list(self.written((at_time(head), right), meaning, turned))
            except NotUnderstood:
                continue
            expected = [add(w, neg(mul(rate, Partial(error, cast(Symbol, w))))) for w, _ in pairs]
            tried = [(e, v, points.holds(e, v)) for e, (_, v) in zip(expected, pairs, strict=True)]
            if tried and all(held for _, _, held in tried):
                self.said_once(Message("context_units"))
                return Verdict(RIGHT, "definition", readings=self.turned((head, right), turned))
            failed = failed or next(((e, v) for e, v, held in tried if held is False), None)
        if failed is None or self.outside(failed):
            return None
        return Verdict(WRONG, "claim", Message("why_update"), points.counterexample(*failed).turned())

    def said_once(self, message: Message) -> None:
        if all(said != message for said, _ in self.said):
            self.said.append((message, ()))

    def is_region(self, relation: Relation, row: Row) -> bool:
        """x < 0 or (-∞, 0): no claim but where the lines around it hold."""
        found = ends(relation, row.text)
        if found is None:
            return False
        name, low, high = found
        if name is not None and (name.tense or self.is_quantity(name)):
            return False
        self.region = Region(name, low, high, row, self.number)
        return True

    def within(self, left: Node, right: Node) -> Verdict | None:
        """left = right where the text says that it is about a part of the numbers; None where it fails."""
        region = self.region
        if region is None or self.number - region.number > NEAR:
            return None
        meaning, points = self.meaning(Reading())
        try:
            sides = (meaning.expr(left, {}), meaning.expr(right, {}))
        except NotUnderstood:
            return None
        points.prepare()
        free = points.leaves_of(*sides)
        symbol = free[0] if region.name is None else meaning.symbol(region.name, {}) if free else None
        if symbol is None or free != [symbol]:
            return None
        inside = Points(meaning, region={symbol: (region.low, region.high)})
        if not inside.holds(*sides):
            return None
        said = Message("read_condition", {"formula": region.row.text.strip(), "row": region.row.id})
        return Verdict(RIGHT, "claim", readings=(said,))

    def at_kink(self, left: Node, right: Node) -> Verdict | None:
        """f'(c) = v, where f has two slopes at c and v lies between them; None where that is not so."""
        if not isinstance(left, Applied) or left.primes != 1 or names(left.argument):
            return None
        meaning, _ = self.meaning(Reading())
        points = Points(meaning, region={s: (v, v) for s, v in self.numbers.leaves.items()})
        points.prepare()
        values = []
        for shift in (-KINK, Fraction(0), KINK):
            at = Sum(((1, left.argument), (1, Number("", shift, Fraction(0)))))
            pair = _pair(
                points.real[0], meaning.expr(replace(left, argument=at), {}), meaning.expr(right, {})
            )
            if pair is None:
                return None
            values.append(pair)
        (before, value), _, (after, _) = values
        low, high = sorted((before.real, after.real))
        if high - low < TOLERANCE or not low - TOLERANCE <= value.real <= high + TOLERANCE:
            return None
        slopes = {"before": _short(before.real), "after": _short(after.real)}
        return Verdict(RIGHT, "claim", readings=(Message("read_kink", slopes),))

    def is_condition(self, relation: Relation) -> bool:
        """i = j: no claim but what the lines around it hold for."""
        return all(isinstance(s, Name) and not s.sub and s.base in INDICES for s in relation.sides)

    # ------------------------------------------------------------ one link

    def link(self, chain: Chain, side: Side, defining: bool) -> Iterator[Finding]:
        left = chain.last
        verdict = self.verdict(chain, side, defining)
        follows = ""
        if verdict.verdict == WRONG and chain.wrong is not None:
            again = self.verdict(replace(chain, last=chain.wrong, wrong=None), side, False)
            if again.verdict == RIGHT:
                follows, left = chain.blamed, chain.wrong
        if verdict.verdict == WRONG and not follows and verdict.kind == "numbers":
            follows = self.numbers.blame(chain.last, side)
        shown = chain.wrong or chain.last
        span = side.node.span if shown.row is not side.row else (shown.node.span[0], side.node.span[1])
        slip = self.slip(chain, left, side) if verdict.verdict == WRONG and not follows else None
        yield Finding(
            side.row, span, verdict.verdict, verdict.kind, left.text, side.text,
            verdict.why, slip.said if slip else None, slip.text if slip else "",
            self.spelled(verdict.against.at), verdict.against.sides, follows,
            slip.side if slip else repair.RIGHT,
            self.spelled(verdict.against.hence), verdict.readings,
        )  # fmt: skip
        for remark in (*verdict.remarks, *time_remarks(side), *time_remarks(chain.head, side.row)):
            yield Finding(side.row, span, REMARK, verdict.kind, left.text, side.text, remark)
        if verdict.verdict == WRONG and verdict.kind == "definition":
            chain.last, chain.wrong = side, None
        elif verdict.verdict == WRONG:
            chain.wrong, chain.blamed = side, follows or chain.blamed or side.row.id
            self.numbers.wrong(chain, side)
        else:
            if verdict.verdict == RIGHT:
                chain.last, chain.wrong = side, None
            elif numeric(side.node) or not numeric(chain.last.node):
                chain.last = side if chain.wrong is None and verdict.why is None else chain.last
            self.numbers.learn(chain, side, verdict.verdict)
            if side.formula:
                chain.formula = side.node

    def spelled(self, numbers: Sequence[tuple[Symbol, str]]) -> tuple[tuple[str, str], ...]:
        """Numbers by the names as they are written in the text."""
        return tuple((self.spelling(symbol), value) for symbol, value in numbers)

    def spelling(self, symbol: Symbol) -> str:
        """How a quantity is written: in the text, in the notation of its network, or by its letters."""
        return self.writings.get(symbol) or by_letters(symbol.name.partition(SINGLE)[0] or symbol.name)

    @cached_property
    def writings(self) -> Mapping[Symbol, str]:
        """Every quantity with how the text writes it, else the notation of its network."""
        meaning, _ = self.meaning(Reading())
        found: dict[Symbol, str] = {}
        for name, text in self.vocabulary.names.items():
            if not name.tense and " " not in text:
                key = self.context.aliases.get(name.key, name.key)
                found.setdefault(meaning.canonical(key), text)
        if self.context.graph is not None:
            for symbol, text in self.context.graph.written(languages()[0]).items():
                found.setdefault(symbol, text)
        return found

    @cached_property
    def vocabulary(self) -> repair.Vocabulary:
        """What the text writes, and names of the network like them that it leaves out."""
        found = repair.vocabulary(self.context.statements)
        graph = self.context.graph
        if graph is None:
            return found
        bases = {(name.base, name.mark) for name in found.names}
        more: dict[Name, str] = {}
        for latex in {text for code in languages() for text in graph.written(code).values()}:
            name = _name(latex)
            if name is not None and (name.base, name.mark) in bases:
                more.setdefault(name, latex)
        return replace(
            found, names={**found.names, **{n: t for n, t in more.items() if n not in found.names}}
        )

    def slip(self, chain: Chain, left: Side, side: Side) -> repair.Mistake | None:
        """The probable mistake of a wrong link."""
        if _single(side.node) is not None and (value := self.numbers.value(left.node, chain)) is not None:
            found = repair.number_slip(side.text, value)
            if found is not None:
                return repair.Mistake(found[0], repair.RIGHT, side.node, found[1])
        impatient = self.patience.left < 0
        probable = repair.probable(
            Written(left.node, left.row.text),
            Written(side.node, side.row.text),
            self.vocabulary,
            self.predicate(chain),
            left_too=left.row is side.row,
            patience=self.patience,
        )
        if self.patience.left < 0 and not impatient:
            self.said.append((Message("context_impatient"), (side.row.id,)))
        return probable

    def verdict(self, chain: Chain, side: Side, defining: bool) -> Verdict:
        """What is to be said of chain.last = side."""
        left, right = chain.last.node, side.node
        if isinstance(chain.head.node, Name) and chain.head.node.tense == "next" and left is chain.head.node:
            updated = self.update(chain.head.node, right)
            if updated is not None and updated.verdict == UNDECIDED:
                anywhere = self.update_anywhere(chain.head.node, right)
                if anywhere is not None:
                    return anywhere
                found = self.numbers.judge(chain, side)
                return found if found.verdict == RIGHT else updated
            if updated is not None:
                return updated
        if total(left, right) is not None or whole(left, right) in self.context.constraints:
            return Verdict(RIGHT, "definition")
        if isinstance(left, Name) and numeric(right) and self.numbers.is_leaf(left):
            found = self.numbers.judge(chain, side)
            if found.verdict == WRONG and not self.context.given.values:
                return Verdict(RIGHT, "definition")  # a leaf may be given another number later: x = 0
            return found
        if defining:
            anywhere = self.anywhere(left, right) if self.says_what_delta_is(left) else None
            return anywhere or self.definition(left, right)
        if isinstance(left, Beside | Applied) and self.is_function(left, right):
            return Verdict(RIGHT, "definition")
        if isinstance(left, Name) and left.base in FUNCTIONS and not left.sub:
            return self.named_function(left, right)
        if rounded(left) or rounded(right) or (numeric(right) and not _exact(right)):
            exactly = self.claim(chain, left, right, quick=True) if not numeric(right) else None
            if exactly is not None and exactly.verdict == RIGHT:
                return exactly
            found = self.numbers.judge(chain, side)
            apart = self.factors(chain, left, right) if found.verdict == UNDECIDED else None
            return apart or found
        return self.claim(chain, left, right)

    def factors(self, chain: Chain, left: Node, right: Node) -> Verdict | None:
        """dy/dx = 0.5 x is wrong where y = 0.3 x²: no other numbers that are written alike make it right.

        None where nothing that the left side is computed from is written with such factors: then the
        numbers may be those of a sample, put in.
        """
        if numeric(right):
            return None
        meaning, points = self.meaning(Reading())
        try:
            of, value = (meaning.expr(side, {}, chain.variable) for side in (left, right))
        except NotUnderstood:
            return None
        points.prepare()
        if not self.has_factors(meaning, of):
            return None
        found = self.claim(chain, left, right)
        if found.verdict != WRONG:
            return found if found.verdict == RIGHT else None
        moved = [
            add(meaning.expr(side, {}, chain.variable), neg(whole))
            for node, whole in ((left, of), (right, value))
            for side in _nearby(node)
        ]
        for point in points.real:
            pair, moves = _pair(point, of, value), [_pair(point, e, e) for e in moved]
            reach = sum(abs(m[0]) if m is not None else math.inf for m in moves)
            if pair is not None and abs(pair[0] - pair[1]) > reach:
                return found
        return None

    def has_factors(self, meaning: Meaning, expr: Expr) -> bool:
        """Whether a formula that an expression is computed from has decimals before names."""
        written = {
            meaning.canonical(d.name.key)
            for stretch in self.context.stretches
            for d in stretch.definitions.values()
            if rounded(d.formula) and not numeric(d.formula)
        }
        return not written.isdisjoint(meaning.behind(symbols(expr)))

    def is_function(self, left: Beside | Applied, right: Node) -> bool:
        """Whether f(x) = … is what the text defines f by."""
        name = left.name if isinstance(left, Beside) else left.function
        found = self.context.function(name.key, self.stretch)
        return found is not None and found.formula is right

    def definition(self, left: Node, right: Node) -> Verdict:
        """A name's first meaning; its spelling may be a slip of one that has a meaning."""
        remarks: tuple[Message, ...] = ()
        if left.key in self.context.single if isinstance(left, Name) else False:
            return Verdict(RIGHT, "definition")
        if isinstance(left, Name) and free_letters(right) - set(letters(left)):
            index = min(free_letters(right))
            return Verdict(WRONG, "definition", Message("why_index", {"name": left.sub, "index": index}))
        if isinstance(left, Name):
            for other in self.misspelt(left.key):
                reading = Reading(aliases=((left.key, other),))
                meaning, points = self.meaning(reading)
                try:
                    if points.holds(meaning.expr(Name(other), {}), meaning.expr(right, {})):
                        remarks = (Message("remark_name", {"name": left.key, "other": other}),)
                        break
                except NotUnderstood:
                    break
        return Verdict(RIGHT, "definition", remarks=remarks)

    def named_function(self, left: Name, right: Node) -> Verdict:
        """σ = 1/(1 + e^{-x}), its argument left out."""
        variables = {n.key for n in names(right)} - {"e"}
        meaning, points = self.meaning(Reading())
        if len(variables) == 1 and not numeric(right):
            try:
                called = meaning.expr(Applied(left, Name(variables.pop())), {})
                if points.holds(called, meaning.expr(right, {})):
                    return Verdict(RIGHT, "definition")
            except NotUnderstood as error:
                return Verdict(UNDECIDED, "definition", error.why)
        return Verdict(UNDECIDED, "definition", Message("why_unknown_name", {"name": left.key}))

    # ------------------------------------------------------------ claims

    def meaning(self, reading: Reading) -> tuple[Meaning, Points]:
        """The expressions of this stretch in one reading; kept."""
        key = (self.stretch, reading)
        if key not in self.meanings:
            meaning = Meaning(self.context, self.stretch, reading)
            meaning.meet()
            self.meanings[key] = (meaning, Points(meaning))
        return self.meanings[key]

    def predicate(self, chain: Chain) -> Holds:
        """Whether two sides are equal in the plain reading: for whoever tries repairs."""

        def holds(left: Node, right: Node) -> bool:
            if rounded(left) or rounded(right):
                same = self.numbers.equal(left, right)
                return self.claim(chain, left, right, quick=True).verdict == RIGHT if same is None else same
            if isinstance(left, Name) and left.tense == "next":
                updated = self.update(left, right)
                if updated is not None and updated.verdict == UNDECIDED:
                    updated = self.update_anywhere(left, right)
                return updated is not None and updated.verdict == RIGHT
            return self.claim(chain, left, right, quick=True).verdict == RIGHT

        return holds

    def claim(self, chain: Chain, left: Node, right: Node, quick: bool = False) -> Verdict:
        """Whether left = right follows from the definitions, in a reading that the text admits."""
        if self.context.indexed:
            outer = free_letters(chain.head.node)
            left, right = completed(left, outer), completed(right, outer)
        failed: Verdict | None = None
        why: Message | None = None
        readings: Iterator[tuple[Reading, tuple[Message, ...]]] = self.readings(
            left, right, free_variables(chain)
        )
        if quick:
            readings = islice(readings, 1)
        for reading, remarks in readings:
            try:
                found = self.decided(reading, chain, left, right, quick)
            except NotUnderstood as error:
                why = why or error.why
                if error.why.key not in ("why_unknown_name",):
                    break
                continue
            if found.verdict == RIGHT:
                self.adopt(reading, chain.last.row.id)
                said = self.said_of(reading, left, right)
                return replace(found, remarks=remarks, readings=(*found.readings, *said))
            if found.verdict == WRONG and failed is None:
                failed = found
            elif found.verdict == UNDECIDED:
                why = why or found.why
        if failed is not None and not quick and not self.context.strict:
            found_there = self.at_kink(left, right) or self.within(left, right)
            if found_there is not None:
                return found_there
        anywhere = self.anywhere(left, right) if why is not None or failed is not None else None
        if anywhere is not None and (anywhere.verdict == RIGHT or failed is None):
            return anywhere
        if why is not None:
            open_ = Verdict(UNDECIDED, "claim", why)
            other = None if quick else self.elsewhere(left, right)
            found_there = None if other is None else other.anywhere(left, right)
            return open_ if other is None or found_there is None else other.told_where(found_there, open_)
        if failed is None:
            return Verdict(UNDECIDED, "claim", Message("why_no_value"))
        return failed if quick else replace(failed, readings=tuple(self.deltas(Reading(), left, right)))

    def said_of(self, reading: Reading, left: Node, right: Node) -> tuple[Message, ...]:
        """What a line was read as, where that is not what its signs say by themselves."""
        found: list[Message] = []
        if reading.direct:
            found.append(Message("read_direct"))
        if reading.logistic:
            found.append(Message("read_logistic"))
        if not reading.abstract:
            found.append(Message("read_constant"))
        for name, other in (*reading.aliases, *self.shortened(reading, left, right)):
            found.append(Message("read_alias", {"name": self.shown(name), "other": self.shown(other)}))
        for name, other in reading.linked:
            found.append(Message("read_linked", {"name": self.shown(name), "other": self.shown(other)}))
        return (*found, *self.deltas(reading, left, right))

    def shown(self, key: str) -> str:
        """A key as the text writes it."""
        return self.spelling(self.meaning(Reading())[0].canonical(key))

    def shortened(self, reading: Reading, left: Node, right: Node) -> Iterator[tuple[str, str]]:
        """o_i read as a_i, where the line has an o_i."""
        written = {n.base: n.sub for side in (left, right) for n in names(side) if n.sub}
        for base, other in reading.bases:
            if base in written:
                yield f"{base}_{{{written[base]}}}", f"{other}_{{{written[base]}}}"

    def deltas(self, reading: Reading, left: Node, right: Node) -> Iterator[Message]:
        """δ_{o1} read as ∂E/∂net_{o1}, where the text does not say what it is."""
        meaning, _ = self.meaning(reading)
        for name in dict.fromkeys(n for side in (left, right) for n in names(side)):
            read = meaning.deltas.get(name.key)
            if read is not None:
                error, net = self.spelling(cast(Symbol, read.of)), self.spelling(read.wrt)
                formula = rf"\frac{{\partial {error}}}{{\partial {net}}}"
                yield Message("read_alias", {"name": self.shown(name.key), "other": formula})

    def adopt(self, reading: Reading, row: str) -> None:
        """From here on o_i is a_i, where a line held only so."""
        if reading.bases and reading.bases != self.bases:
            self.bases = reading.bases
            for name, other in reading.bases:
                self.said.append((Message("context_alias", {"name": name, "other": other}), (row,)))

    def told(self) -> None:
        """The numbers that the text gives to names that are computed from nothing."""
        given = [f"{name} = {value:g}" for name, value in self.numbers.leaves.items()]
        if given:
            self.said.append((Message("context_values", {"values": ", ".join(given)}), ()))

    def readings(
        self, left: Node, right: Node, free: frozenset[str]
    ) -> Iterator[tuple[Reading, tuple[Message, ...]]]:
        """The plain reading first, then those in which names or derivatives mean something else.

        `free` names stand for any number: they are no slip of another.
        """
        yield Reading(bases=self.bases), ()
        for base, other in self.other_bases(left, right):
            yield Reading(bases=((base, other),)), ()
        if any(d.abstract for s in self.context.stretches for d in s.definitions.values()):
            yield Reading(abstract=False), ()
        yield Reading(direct=True), ()
        yield Reading(logistic=True), ()
        unknown = [key for key in self.unknown(left, right) if key not in free]
        choices = [[(key, other, slip) for other, slip in self.others(key)] for key in unknown]
        choices = [c for c in choices if c]
        if choices:
            for chosen in islice(product(*choices), 12):
                remarks = tuple(
                    Message("remark_name", {"name": key, "other": other})
                    for key, other, slip in chosen
                    if slip
                )
                yield Reading(aliases=tuple((key, other) for key, other, _ in chosen)), remarks
        linked = _linked(unknown, left, right)
        if linked:
            yield Reading(linked=linked), ()

    def other_bases(self, left: Node, right: Node) -> Iterator[tuple[str, str]]:
        """Letters with an index that something is differentiated by and that no formula holds."""
        inner, defined = self.lettered
        by = {
            n.by.base
            for side in (left, right)
            for n in walk(side)
            if isinstance(n, Derivative) and letters(n.by)
        }
        for base in sorted(by - inner - defined - {b for b, _ in self.bases}):
            for other in sorted(inner - defined):
                yield base, other

    @cached_property
    def lettered(self) -> tuple[set[str], set[str]]:
        """The letters of names with an index: of those that stand in definitions, and of those defined."""
        definitions = [d for s in self.context.stretches for d in s.definitions.values()]
        return (
            {n.base for d in definitions for n in names(d.formula) if letters(n)},
            {d.name.base for d in definitions if d.letters},
        )

    def unknown(self, left: Node, right: Node) -> list[str]:
        """The keys of names that the text gives no meaning."""
        meaning, _ = self.meaning(Reading())
        functions = {
            n.function.key if isinstance(n, Applied) else n.name.key
            for side in (left, right)
            for n in walk(side)
            if isinstance(n, Applied)
        }
        found: dict[str, None] = {}
        for side in (left, right):
            for name in names(side):
                key = name.key
                if key in functions or key == "e" or letters(name) or name.base in RATES:
                    continue
                symbol = meaning.symbol(at_time(name), {})
                if meaning.foreign_at(symbol) and meaning.quantities.get(symbol) is None:
                    found[key] = None
        return list(found)

    def others(self, key: str) -> Iterator[tuple[str, bool]]:
        """Names with a meaning that an unknown one may stand for, and whether that is a slip."""
        meaning, _ = self.meaning(Reading())
        known = meaning.spoken
        yield from ((other, False) for other in meaning.folded.get(key.casefold(), ()) if other != key)
        for word in ("output", "out", "y"):
            rest = key.removeprefix(word)
            if rest != key and rest in known:
                yield rest, False
            if key == f"{word}{rest}" and f"o{rest}" in known:
                yield f"o{rest}", False
        if key in ("E", "Etotal", "J", "Jtotal", "L", "오차yout", "오차") and meaning.error is not None:
            yield meaning.error.name, False
        for other in self.misspelt(key):
            yield other, True
        for other in meaning.beginning(key):
            if other[len(key) :].isdigit():
                yield other, True

    def misspelt(self, key: str) -> Iterator[str]:
        """Names with a meaning from which `key` differs by an o for a 0 or a d too many."""
        meaning, _ = self.meaning(Reading())
        known = meaning.spoken
        for i, c in enumerate(key):
            for new in {"0": ["o"], "d": [""], "O": ["o", "0"]}.get(c, []):
                other = key[:i] + new + key[i + 1 :]
                if other in known:
                    yield other
                else:
                    yield from (o for o, slip in self.words(other, known))

    def words(self, key: str, known: frozenset[str]) -> Iterator[tuple[str, bool]]:
        for word in ("output", "out"):
            rest = key.removeprefix(word)
            if rest != key and rest in known:
                yield rest, False

    def decided(
        self, reading: Reading, chain: Chain, left: Node, right: Node, quick: bool = False
    ) -> Verdict:
        """left = right in one reading, for all numbers that its indices may have.

        With `quick`, what fails is wrong, without the numbers that show it.
        """
        meaning, points = self.meaning(reading)
        free = free_letters(left) | free_letters(right) if self.context.indexed else set()
        results: list[tuple[bool, bool]] = []
        first: tuple[Expr, Expr] | None = None
        times = self.context.timed and any(
            (isinstance(n, Name) and n.key == TIME) for side in (left, right) for n in walk(side)
        )
        for indices in _assignments(sorted(free)) if not times else ({TIME: t} for t in MOMENTS):
            a = meaning.expr(left, indices, chain.variable)
            b = meaning.expr(right, indices, chain.variable)
            if reading.direct and not _admissible(meaning, a, b, points):
                return Verdict(UNDECIDED, "claim", None)
            held = points.holds(a, b)
            if held is None:
                return Verdict(UNDECIDED, "claim", Message("why_no_value"))
            if not held and quick:
                return Verdict(WRONG, "claim")
            results.append((held, len(set(indices.values())) == len(indices)))
            if not held and first is None:
                first = (a, b)
        if first is None:
            return Verdict(RIGHT, "claim")
        doubt = self.doubt(meaning, first, free_variables(chain))
        if doubt is not None and (apart := self.at_numbers(meaning, first, free_variables(chain))):
            return apart
        if doubt is not None:
            return Verdict(UNDECIDED, "claim", Message("why_unknown_name", {"name": doubt}))
        if free:
            outer = free_letters(chain.head.node) | free_letters(left)
            return self.with_indices(results, free, outer, points, first)
        against = points.counterexample(*first)
        if against.sides == (
            "",
            "",
        ):  # apart in the field, or by rounding alone: no number shows that it is wrong
            return Verdict(UNDECIDED, "claim", Message("why_no_value"))
        return Verdict(WRONG, "claim", Message("why_differs"), against)

    def at_numbers(self, meaning: Meaning, pair: tuple[Expr, Expr], free: frozenset[str]) -> Verdict | None:
        """A failed link of numbers alone, with names that have a number and else no meaning: μ = 0.9.

        It is wrong where it fails with these numbers too; a derivative may depend on more than a number.
        """
        if any(isinstance(p, (Partial, Prime)) for e in pair for p in _parts(e)):
            return None
        given = {s: (v, v) for s, v in self.numbers.leaves.items()}
        points = Points(meaning, region=given)
        if self.doubt(meaning, pair, free | {s.name for s in given}) is not None or points.holds(*pair):
            return None
        against = points.counterexample(*pair)
        return Verdict(WRONG, "claim", Message("why_differs"), against) if against.sides[0] else None

    def doubt(
        self, meaning: Meaning, pair: tuple[Expr, Expr], free: frozenset[str] = frozenset()
    ) -> str | None:
        """A name in a failed link that the text gives no meaning, or none but a number.

        One that stands on one side alone goes before others. `free` names stand for any number, and
        need no meaning.
        """
        found = list(self.doubts(meaning, pair, free))
        both = {s.name for s in symbols(pair[0])} & {s.name for s in symbols(pair[1])}
        return next((name for name in found if name not in both), found[0] if found else None)

    def doubts(self, meaning: Meaning, pair: tuple[Expr, Expr], free: frozenset[str]) -> Iterator[str]:
        """All such names."""
        todo: list[Basic] = list(pair)
        seen: set[Symbol] = set()
        while todo:
            part = todo.pop()
            todo.extend(part.args)
            if not isinstance(part, Symbol) or part in seen or part.name.startswith("any "):
                continue
            if part.name in free:
                continue
            seen.add(part)
            formula = meaning.quantities.get(part)
            if formula is not None:
                todo.append(formula)
            elif (
                self.context.strict
                and self.context.graph is not None
                and part in self.context.graph.quantities
            ):
                continue  # a leaf of the network that was given
            elif (
                part.name.startswith("∂")
                or part.name in self.context.headed
                or (meaning.foreign_at(part) and part.name not in RATES)
            ):
                yield part.name

    def with_indices(
        self,
        results: list[tuple[bool, bool]],
        free: set[str],
        outer: set[str],
        points: Points,
        pair: tuple[Expr, Expr],
    ) -> Verdict:
        """A link that fails for some numbers of its indices."""
        apart = [held for held, distinct in results if distinct]
        equal = [held for held, distinct in results if not distinct]
        if outer >= free and len(free) > 1 and (all(apart) or (equal and all(equal))):
            if self.condition is not None and self.number - self.condition <= NEAR:
                row = self.context.statements[self.condition].row
                said = Message("read_condition", {"formula": row.text.strip(), "row": row.id})
                return Verdict(RIGHT, "claim", readings=(said,))
            return Verdict(UNDECIDED, "claim", Message("why_condition"))
        return Verdict(WRONG, "claim", Message("why_differs"), points.counterexample(*pair))

    # ------------------------------------------------------------ updates

    def update(self, head: Name, right: Node) -> Verdict | None:
        """w(t + 1) = w - η ∂E/∂w, or without η; None where the right side is a number."""
        if numeric(right):
            return None
        derivative = next((n for n in walk(right) if isinstance(n, Derivative)), None)
        plain = at_time(head)
        readings: list[Reading] = [Reading()]
        if derivative is not None:
            unknown = self.unknown(derivative.of, derivative.by)
            choices = [[(k, o) for o, _ in self.others(k)] for k in unknown]
            readings += [Reading(aliases=tuple(c)) for c in islice(product(*[c for c in choices if c]), 6)]
        why: Message | None = None
        failed: Verdict | None = None
        for reading in readings:
            meaning, points = self.meaning(reading)
            try:
                w = meaning.symbol(plain, {})
                value = meaning.expr(right, {})
                if derivative is not None and not self.context.strict:
                    slope = meaning.expr(Derivative(derivative.of, plain), {})
                elif meaning.error is not None:
                    slope = Partial(meaning.error, w)
                else:
                    return Verdict(UNDECIDED, "claim", Message("why_no_error"))
            except NotUnderstood as error:
                why = why or error.why
                continue
            rates = [Symbol(n.key) for n in names(right) if n.base in RATES]
            said = self.said_of(reading, right, plain)
            for rate in rates:
                if points.holds(value, add(w, neg(mul(meaning.canonical(rate.name), slope)))):
                    return Verdict(RIGHT, "definition", readings=said)
            if not rates and points.holds(value, add(w, neg(slope))):
                return Verdict(RIGHT, "definition", remarks=(Message("remark_rate"),), readings=said)
            doubt = self.doubt(meaning, (value, slope))
            if doubt is not None:
                why = why or Message("why_unknown_name", {"name": doubt})
            elif failed is None:
                expected = add(w, neg(mul(*(meaning.canonical(r.name) for r in rates), slope)))
                against = points.counterexample(expected, value).turned()
                failed = Verdict(WRONG, "claim", Message("why_update"), against)
        if failed is not None:
            return failed
        return Verdict(UNDECIDED, "claim", why or Message("why_no_value"))


_INTERVAL = re.compile(
    r"[\[(]\s*(?P<low>-\\infty|-?\d+(?:\.\d+)?)\s*,(?:\s|\\,)*(?P<high>\\infty|-?\d+(?:\.\d+)?)\s*[\])]"
)


def ends(relation: Relation, text: str) -> tuple[Name | None, float, float] | None:
    """The ends of an interval: x > 0, 0 < x < 1, (-∞, 0); None where a relation is none."""
    sides = relation.sides
    if len(sides) == 1 and isinstance(sides[0], Foreign):
        found = _INTERVAL.fullmatch(text.strip())
        if found is None:
            return None
        low, high = (float(found[end].replace("\\infty", "inf")) for end in ("low", "high"))
        return (None, low, high) if low < high else None
    if len(sides) != 2 or relation.signs[0] not in "<>≤≥":
        return None
    name, number = sides if isinstance(sides[0], Name) else sides[::-1]
    value = None if number is None else _signed_number(number)
    if not isinstance(name, Name) or value is None or letters(name):
        return None
    above = (relation.signs[0] in ">≥") == (name is sides[0])
    return (name, value, math.inf) if above else (name, -math.inf, value)


def _signed_number(node: Node) -> float | None:
    found = _single(node)
    return None if found is None else float(found.value)


def in_prose(relation: Relation, row: Row) -> bool:
    """≈ 1.758 in a sentence: about what it is, the words say."""
    return (
        not row.display
        and relation.sides[0] is None
        and relation.signs == ("≈",)
        and not names(cast(Node, relation.sides[1]))
    )


def free_variables(chain: Chain) -> frozenset[str]:
    """The x of d/dx at the head of a chain, where what is differentiated is written out in x."""
    return frozenset(
        n.by.key
        for n in walk(chain.head.node)
        if isinstance(n, Derivative)
        and not isinstance(n.of, Name)
        and n.by.key in {m.key for m in names(n.of)}
    )


def arguments(node: Node) -> frozenset[str]:
    """The x of each f(x)."""
    found = [n.argument for n in walk(node) if isinstance(n, Applied)]
    return frozenset(a.key for a in found if isinstance(a, Name))


def _nearby(node: Node) -> Iterator[Node]:
    """The tree with each of its decimals half a unit larger, one at a time."""
    for site in sites(node):
        if isinstance(site.node, Number) and site.node.unit:
            yield site.put(replace(site.node, value=site.node.value + site.node.unit / 2))


def _admissible(meaning: Meaning, left: Expr, right: Expr, points: Points) -> bool:
    """Whether every derivative is by a name that its quantity is computed from directly.

    Where none is of a quantity, holding the others changes nothing.
    """
    if not any(
        isinstance(part, Partial) and isinstance(part.of, Symbol)
        for side in (left, right)
        for part in _parts(side)
    ):
        return False
    for side in (left, right):
        for part in _parts(side):
            if isinstance(part, Partial) and isinstance(part.of, Symbol):
                formula = meaning.quantities.get(part.of)
                if part.of != part.wrt and (formula is None or part.wrt not in symbols(formula)):
                    return False
    return not points.zero(left)


def _linked(unknown: list[str], left: Node, right: Node) -> tuple[tuple[str, str], ...]:
    """df/dx = df/dg · dg/dx: f depends on g alone, and g on x."""
    pairs: dict[str, list[str]] = {}
    for side in (left, right):
        for n in walk(side):
            if isinstance(n, Derivative) and isinstance(n.of, Name):
                pairs.setdefault(n.of.key, []).append(n.by.key)
    found: list[tuple[str, str]] = []
    for key in unknown:
        by = dict.fromkeys(pairs.get(key, ()))
        nearest = [b for b in by if not any(b in pairs.get(c, ()) for c in by if c != b)]
        if len(nearest) == 1:
            found.append((key, nearest[0]))
    return tuple(found)


def _assignments(free: list[str]) -> Iterator[Mapping[str, int]]:
    """Numbers for the letters: all equal, all different, and mixed."""
    chosen = [c for c in product((1, 2, 3), repeat=min(len(free), 4)) if not c or c[0] < 3]
    step = max(1, len(chosen) // 12)
    kept = [*chosen[::step], *[c for c in chosen if len(set(c)) == min(len(c), 3)][:4]]
    for numbers in dict.fromkeys(kept):
        yield dict(zip(free, (*numbers, *(1 for _ in free[4:])), strict=True))


def _exact(node: Node) -> bool:
    """Whether all numbers in it are whole: 2 - 1, 1/2."""
    return not any(isinstance(n, Number) and n.unit for n in walk(node))


def time_remarks(side: Side, row: Row | None = None) -> tuple[Message, ...]:
    """w_{31}t where w_{31}(t) is meant."""
    if row is not None and row is not side.row:
        return ()
    found: dict[str, Message] = {}
    for name in names(side.node):
        text = source(side.row, name)
        if name.tense == "now" and text.endswith("t") and "(" not in text and not text.endswith("_t"):
            found[text] = Message("remark_time", {"name": text})
    return tuple(found.values())


# ---------------------------------------------------------------- numbers


class NoNumber(Exception):
    """A name whose number is not known, or something that has none."""


@dataclass
class Amounts:
    """The numbers of a text: those of leaves, those printed, those after an update."""

    judge_: Judge
    leaves: dict[Symbol, float] = field(default_factory=dict)
    after: dict[Symbol, float] = field(default_factory=dict)
    printed: dict[Expr, tuple[Interval, bool]] = field(default_factory=dict)
    blamed: dict[Expr, tuple[Interval, str]] = field(default_factory=dict)
    era: int = 0
    unsure: bool = False
    sharp: bool = False
    seen: set[Interval] = field(default_factory=set)
    moved: Mapping[Interval, float] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        context = self.judge_.context
        for name, value in context.given.values.items():
            symbol = next((s for s in context.names.values() if s.name == name), None)
            self.leaves[symbol if symbol is not None else Symbol(name)] = value

    # ------------------------------------------------------------ values

    @property
    def meaning(self) -> Meaning:
        return self.judge_.meaning(Reading())[0]

    def expr(self, node: Node, chain: Chain | None = None) -> Expr:
        try:
            name = node if isinstance(node, Name) else None
            if name is not None and name.tense == "next":
                return self.updated(name)
            unknown = self.judge_.unknown(node, node)
            aliases = tuple((k, o) for k in unknown for o, _ in islice(self.judge_.others(k), 1))
            self.taken.update(aliases)
            meaning = self.judge_.meaning(Reading(aliases=aliases))[0]
            return meaning.expr(node, {}, chain.variable if chain else None)
        except NotUnderstood as error:
            raise NoNumber from error

    def updated(self, name: Name) -> Expr:
        """w - η ∂E/∂w."""
        meaning, used = self.meaning, self.judge_.context.used
        rate = next((r for r in RATES if r in used), None)
        if rate is None or meaning.error is None:
            raise NoNumber
        w = meaning.symbol(at_time(name), {})
        return add(w, neg(mul(meaning.canonical(rate), Partial(meaning.error, w))))

    def exact(self, expr: Expr, era: int) -> float:
        """The value of an expression at the numbers of the leaves."""
        numbers = self.leaves if era == 0 else {**self.leaves, **self.after}
        meaning = self.meaning

        def leaf(symbol: Symbol) -> complex:
            if symbol not in numbers:
                raise NoNumber
            return complex(numbers[symbol])

        def draw() -> complex:
            raise NoNumber

        evaluator = _Evaluator(meaning, Numbers(), leaf, None, draw)
        try:
            value = complex(evaluator.value(expr))
        except (Undecidable, OverflowError, ValueError, ZeroDivisionError, KeyError, RecursionError) as error:
            raise NoNumber from error
        if not cmath.isfinite(value):
            raise NoNumber
        return value.real

    def interval(
        self, node: Node, era: int, chain: Chain | None, wrong: bool = False, depth: int = 0
    ) -> Interval:
        """What a side may come to, with rounded numbers where numbers are printed."""
        if isinstance(node, Number):
            return self.number(_printed(node))
        if isinstance(node, (Name, Derivative, Primed)):
            if isinstance(node, Name) and node.key == "e":
                return intervals.around(math.e)
            expr = self.expr(node, chain)
            if wrong and expr in self.blamed:
                return self.blamed[expr][0]
            if expr in self.printed and era == self.era:
                number, sure = self.printed[expr]
                self.unsure = self.unsure or not sure
                return self.number(number)
            try:
                return intervals.around(self.exact(expr, era))
            except NoNumber:
                context, stretch = self.judge_.context, self.judge_.stretch
                said = context.definition(node.key, stretch) if isinstance(node, Name) else None
                if said is None or said.letters or depth > DEPTH:
                    raise
                return self.interval(said.formula, era, chain, wrong, depth + 1)
        if isinstance(node, Sum):
            total = intervals.point(0.0)
            for s, term in node.terms:
                part = self.interval(term, era, chain, wrong, depth)
                total = total + part if s > 0 else total - part
            return total
        if isinstance(node, Product):
            whole = intervals.point(1.0)
            for factor in node.factors:
                if isinstance(factor, Name) and factor.key == "bias":
                    continue
                whole = whole * self.interval(factor, era, chain, wrong, depth)
            return whole
        if isinstance(node, Quotient):
            return self.interval(node.top, era, chain, wrong, depth) / self.interval(
                node.bottom, era, chain, wrong, depth
            )
        if isinstance(node, Power):
            return self.power(node, era, chain, wrong, depth)
        if isinstance(node, Bars):
            return self.interval(node.body, era, chain, wrong, depth).magnitude()
        if isinstance(node, Root):
            return intervals.sqrt(self.interval(node.body, era, chain, wrong, depth))
        if isinstance(node, (Applied, Beside)):
            return self.applied(node, era, chain, wrong, depth)
        raise NoNumber

    def number(self, printed: Interval) -> Interval:
        """A printed number: all it may have been before rounding, or where `sharp` one of them."""
        if not self.sharp:
            return printed
        self.seen.add(printed)
        return intervals.around(self.moved.get(printed, printed.middle))

    def propagated(self, node: Node, era: int, chain: Chain | None) -> Iterator[tuple[Interval, bool]]:
        """f(a, b, …) by the numbers as printed; then f ± Σ |f(…, a ± half a unit, …) - f|.

        A number that is printed twice is one number: of y(1 - y) both factors move together.
        """
        self.sharp, self.seen, self.moved = True, set(), {}
        try:
            found = self.interval(node, era, chain)
            yield found, True
            shift = 0.0
            for printed in sorted(self.seen, key=lambda i: (i.low, i.high)):
                ends = []
                for end in (printed.low, printed.high):
                    self.moved = {printed: end}
                    ends.append(abs(self.interval(node, era, chain).middle - found.middle))
                shift += max(ends)
            yield Interval(found.low - shift, found.high + shift), False
        finally:
            self.sharp = False

    def power(self, node: Power, era: int, chain: Chain | None, wrong: bool, depth: int) -> Interval:
        exponent = self.interval(node.exponent, era, chain, wrong, depth)
        if isinstance(node.base, Name) and node.base.key == "e":
            return intervals.exp(exponent)
        n = round(exponent.middle)
        base = self.interval(node.base, era, chain, wrong, depth)
        if abs(exponent.middle - n) > 1e-9 or abs(n) > 50:
            raise NoNumber
        return base**n if n >= 0 else intervals.point(1.0) / base ** (-n)

    def applied(
        self, node: Applied | Beside, era: int, chain: Chain | None, wrong: bool, depth: int
    ) -> Interval:
        function = node.function if isinstance(node, Applied) else node.name
        argument = node.argument if isinstance(node, Applied) else node.inside
        primes = node.primes if isinstance(node, Applied) else 0
        expr = None
        if isinstance(node, Beside):
            expr = self.expr(node, chain)
            if isinstance(expr, Symbol):
                return self.interval(Name(expr.name), era, chain, wrong, depth)
            if not isinstance(expr, Call) and function.key not in ("exp", "ln", "log"):
                return self.interval(function, era, chain, wrong, depth) * self.interval(
                    argument, era, chain, wrong, depth
                )
        u = self.interval(argument, era, chain, wrong, depth)
        if function.key == "exp" and not primes:
            return intervals.exp(u)
        if function.key in ("ln", "log") and not primes:
            return intervals.log(u)
        name = function.key if not isinstance(expr, Call) else expr.name
        if expr is None:
            call = self.expr(node, chain)
            name = call.name if isinstance(call, (Call, Prime)) else name
        slope = intervals.exp(-u)
        one = intervals.point(1.0)
        own = self.meaning.functions.get(name)
        if name != "sigmoid" and not (own is not None and self.is_sigmoid(name)):
            return self.anywhere(node, u, era, chain)
        y = one / (one + slope)
        return y * (one - y) if primes else y

    def anywhere(self, node: Applied | Beside, u: Interval, era: int, chain: Chain | None) -> Interval:
        """f(u) for a narrow interval, from its ends and its middle."""
        values = []
        for x in (u.low, u.middle, u.high):
            if not math.isfinite(x):
                raise NoNumber
            at = Number(repr(x), Fraction(x), Fraction(0))
            other = replace(node, argument=at) if isinstance(node, Applied) else replace(node, inside=at)
            values.append(self.exact(self.expr(other, chain), era))
        return Interval(min(values), max(values))

    def is_sigmoid(self, name: str) -> bool:
        """Whether the text's function is 1/(1 + e^{-x})."""
        points = self.judge_.meaning(Reading())[1]
        x = Symbol("·x")
        return bool(points.holds(Call(Symbol(name), x), Call(Symbol("sigmoid"), x)))

    def scan(self, statements: Sequence[Statement | NotRead]) -> None:
        """The numbers of leaves, wherever in the text they stand."""
        chain: Chain | None = None
        for number, statement in enumerate(statements):
            if isinstance(statement, NotRead):
                chain = None
                continue
            self.judge_.stretch = self.judge_.context.where[number]
            for relation in statement.relations:
                for k, node in enumerate(relation.sides):
                    if node is None:
                        continue
                    side = Side(node, statement.row)
                    if k == 0 or chain is None or relation.signs[k - 1] == "→":
                        chain = Chain(side, side)
                    elif numeric(node) or rounded(node):
                        self.match(chain, node)
                        head, single = chain.head.node, _single(node)
                        if single is not None and k == 1 and isinstance(head, Name) and self.is_leaf(head):
                            self.leaves.setdefault(self.meaning.symbol(head, {}), float(single.value))
                    if side.formula:
                        chain.formula = node

    # ------------------------------------------------------------ verdicts

    def candidates(self, node: Node, era: int, chain: Chain | None) -> list[tuple[Interval, bool]]:
        """What a side may come to: at the exact numbers, by the printed ones as they stand, or as rounded.

        With each, whether it is one number, and no range that rounding allows.
        """
        found = []
        if not numeric(node):
            with suppress(NoNumber):
                found.append((intervals.around(self.exact(self.expr(node, chain), era)), True))
        with suppress(NoNumber):
            found.extend(self.propagated(node, era, chain))
        return found

    def agree(self, left: Node, right: Node, era: int, chain: Chain | None) -> bool | None:
        """Whether both sides are one number to the last printed digit.

        None where they are only within what the rounding of the numbers printed before allows.
        """
        close: bool | None = False
        result = _single(right)
        ranges = [(_last_digit(result), True)] if result is not None else self.candidates(right, era, chain)
        for a, sharp in self.candidates(left, era, chain):
            for b, _ in ranges:
                if _meet(a, b):
                    if sharp or result is None or not result.unit:
                        return True
                    close = None
        return close

    def value(self, node: Node, chain: Chain) -> float | None:
        """The number that a side comes to, None where it has none."""
        found = self.candidates(node, self.era, chain)
        return found[0][0].middle if found else None

    def judge(self, chain: Chain, side: Side) -> Verdict:
        """Whether both sides can be the same number."""
        found = self.compared(chain, side)
        if found.verdict not in (RIGHT, WRONG) or not self.taken:
            return found
        said = self.judge_.said_of(Reading(aliases=tuple(self.taken.items())), chain.last.node, side.node)
        return replace(found, readings=(*found.readings, *said))

    def compared(self, chain: Chain, side: Side) -> Verdict:
        """Whether both sides can be the same number, without the names that are read as others."""
        left, right = chain.last.node, side.node
        self.match(chain, right)
        self.unsure, self.taken = False, {}
        for era in (self.era, 1 - self.era):
            if era == 1 and not self.after:
                continue
            held = self.agree(left, right, era, chain)
            if held is None and self.at_head(chain, right, era):
                held = True
            if held is not False:
                said = [] if held else [self.rounding(left, era, chain)]
                if era == 1 and self.era == 0:
                    said.append(Message("read_after"))
                    if not numeric(left):
                        self.era, self.printed = 1, {}
                return Verdict(RIGHT, "numbers", readings=tuple(said))
        off = next(self.apart(left, right, chain), None)
        if off is not None and (held := self.at_head(chain, right, self.era)) is not False:
            said = [] if held else [self.rounding(chain.head.node, self.era, chain)]
            return Verdict(RIGHT, "numbers", readings=tuple(said))
        if off is not None and self.unsure:
            return Verdict(UNDECIDED, "numbers", Message("why_contradiction"))
        if off is not None:
            sides = (_short(off[0].middle), _short(off[1].middle))
            against = Counterexample(sides=sides)
            return Verdict(WRONG, "numbers", Message("why_numbers", {"value": sides[0]}), against)
        if isinstance(left, Name) and numeric(right) and self.is_leaf(left):
            return Verdict(RIGHT, "definition")
        return Verdict(UNDECIDED, "numbers", Message("why_no_numbers"))

    def at_head(self, chain: Chain, right: Node, era: int) -> bool | None:
        """Whether a number is right for the head of a chain, in which other numbers stand between them."""
        head = chain.head.node
        if head is chain.last.node or numeric(head):
            return False
        return self.agree(head, right, era, chain)

    def rounding(self, node: Node, era: int, chain: Chain) -> Message:
        """What a side comes to before rounding."""
        value = self.candidates(node, era, chain)[0][0].middle
        return Message("read_rounding", {"value": f"{value:.10g}"})

    def apart(self, left: Node, right: Node, chain: Chain) -> Iterator[tuple[Interval, Interval]]:
        """What both sides come to."""
        for a, _ in self.candidates(left, self.era, chain):
            for b, _ in self.candidates(right, self.era, chain):
                yield a, b

    def is_leaf(self, name: Name) -> bool:
        """Whether a name is computed from nothing."""
        try:
            symbol = self.meaning.symbol(at_time(name), {})
        except NotUnderstood:
            return False
        return name.tense != "next" and self.meaning.quantities.get(symbol) is None

    def equal(self, left: Node, right: Node) -> bool | None:
        """Whether two sides can be the same number now; None where a number is missing."""
        return self.agree(left, right, self.era, None)

    def blame(self, left: Side, side: Side) -> str:
        """The wrong row whose number makes this one what it is, or nothing."""
        try:
            a = self.interval(left.node, self.era, None, wrong=True)
            b = self.interval(side.node, self.era, None, wrong=True)
        except NoNumber:
            return ""
        if not _meet(a, b):
            return ""
        for name in names(left.node):
            try:
                found = self.blamed.get(self.expr(name))
            except NoNumber:
                continue
            if found is not None:
                return found[1]
        return ""

    # ------------------------------------------------------------ what is learnt

    def wrong(self, chain: Chain, side: Side) -> None:
        """A number that was found wrong: what follows from it is known to follow."""
        if isinstance(side.node, Number) and isinstance(chain.head.node, Name):
            try:
                self.blamed[self.expr(chain.head.node)] = (_printed(side.node), side.row.id)
            except NoNumber:
                return

    def learn(self, chain: Chain, side: Side, verdict: str) -> None:
        """The numbers that a link gives to names."""
        head, node = chain.head.node, side.node
        if not rounded(node) and not numeric(node):
            return
        if isinstance(head, Name) and head.tense == "next" and isinstance(node, Number):
            self.after.setdefault(self.meaning.symbol(at_time(head), {}), float(node.value))
            return
        if isinstance(head, (Name, Derivative)) and (value := _single(node)) is not None:
            try:
                expr = self.expr(head, chain)
                sure = verdict == RIGHT
                if expr not in self.printed or (sure and not self.printed[expr][1]):
                    self.printed[expr] = (_printed(value), sure)
            except NoNumber:
                pass
        self.match(chain, node)

    def match(self, chain: Chain, node: Node) -> None:
        """Numbers in the places of names."""
        formulas = [chain.formula] if chain.formula is not None else []
        if isinstance(chain.head.node, Name):
            found = self.judge_.context.definition(chain.head.node.key, self.judge_.stretch)
            if found is not None:
                formulas.append(found.formula)
        for formula in formulas:
            bound = matched(formula, node)
            for part, number in (bound or {}).items():
                if isinstance(part, Name):
                    symbol = self.meaning.symbol(at_time(part), {})
                    if self.meaning.quantities.get(symbol) is None:
                        self.leaves.setdefault(symbol, float(number.value))


def by_letters(key: str) -> str:
    """A key as LaTeX: p1 is p_{1}, beta2 is \\beta_{2}."""
    letters_, digits = re.fullmatch(r"(.*?)(\d*)", key, re.DOTALL).groups()  # type: ignore[union-attr]
    if letters_ in GREEK:
        letters_ = f"\\{letters_}"
    return f"{letters_}_{{{digits}}}" if digits and letters_ else key


def _name(latex: str) -> Name | None:
    """A name written in LaTeX, as the grammar reads it."""
    text = f"{latex} = 0"
    read = grammar.parse(Row("", text, ((1, 1),) * (len(text) + 1), 0))
    found = read.relations[0].sides[0] if isinstance(read, Statement) else None
    return found if isinstance(found, Name) else None


def _single(node: Node) -> Number | None:
    if isinstance(node, Number):
        return node
    if isinstance(node, Sum) and len(node.terms) == 1:
        sign_, inner = node.terms[0]
        found = _single(inner)
        if found is not None and sign_ < 0:
            return Number("-" + found.text, -found.value, found.unit)
        return found
    return None


def _printed(node: Number) -> Interval:
    """The numbers that are printed so; one of few digits is exact."""
    value, half = float(node.value), float(node.unit) / 2
    digits = len(node.text.lstrip("-0.").replace(".", ""))
    if not node.unit or digits < DIGITS:
        return intervals.around(value)
    return Interval(value - half * 1.001, value + half * 1.001)


def _last_digit(node: Number) -> Interval:
    """The numbers that are this one when they are rounded to its last printed digit."""
    value, half = float(node.value), float(node.unit) / 2
    return Interval(value - half * 1.001, value + half * 1.001) if half else intervals.around(value)


def _meet(a: Interval, b: Interval) -> bool:
    """Whether one number may lie in both."""
    gap = max(a.low, b.low) - min(a.high, b.high)
    return gap <= 1e-12 * max(abs(a.middle), abs(b.middle))
