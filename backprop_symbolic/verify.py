"""Decides every step by a route that shares nothing with the rules that made it.

All named quantities take random values in a prime field that satisfy the forward pass; ∂q/∂p is
the tangent that forward-mode differentiation finds; then both sides of a step are compared. Two
unequal rational expressions of degree d agree at a random point with probability at most
d/(2^61 - 1) (Schwartz, Zippel), and a step passes only where it holds at every point. Branches
of piecewise functions are decided by real values chosen so that each branch is met.
"""

from __future__ import annotations

import cmath
import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import cast

from sympy import Abs, Basic, Expr, Piecewise, Rational, Symbol, cancel, sign
from sympy.core.relational import Relational

from backprop_symbolic import activations
from backprop_symbolic.algebra import Call, Decimal, Partial, X, pending, plain, symbols
from backprop_symbolic.derivation import Derivation, Evidence, Group, Section, Step
from backprop_symbolic.errors import Unverified
from backprop_symbolic.evaluate import Along, Evaluator, Exact, Numbers, PrimeField, TermIndex, Undecidable
from backprop_symbolic.graph import Graph

POINTS = 2  # random points of the prime field; more where there are branches
MAX_POINTS = 12
SIGN_POINTS = 64  # for a line that itself writes a sign, an absolute value or cases of a sum
REDRAWS = 40
LEAVES = 400  # of a counterexample: so many quantities are followed down to their leaves
REAL_POINTS = 8  # where the field has no value
STEP = 1e-30  # of the complex step: so small that the second order vanishes
TOLERANCE = 1e-9
#: Where parameters and other leaves of a real point are drawn, in turn: a logarithm may ask for one
#: sign of every output.
RANGES = (
    ((-1.0, 1.0), (-1.0, 1.0)),
    ((0.0, 1.0), (0.0, 1.0)),
    ((-1.0, 0.0), (0.0, 1.0)),
    ((0.0, 0.3), (0.0, 0.3)),
    ((-0.3, 0.0), (0.0, 0.3)),
    ((-1.0, 0.0), (-1.0, 0.0)),
    ((1.0, 4.0), (1.0, 4.0)),  # log(log(x))
    ((-4.0, -1.0), (-4.0, -1.0)),
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A step that does not hold: both sides at a point where they differ."""

    step: Step
    left: float | int
    right: float | int
    point: Mapping[str, float | int]

    def __str__(self) -> str:
        at = ", ".join(f"{name} = {value:.6g}" for name, value in list(self.point.items())[:12])
        return (
            f"step {self.step.id} ({self.step.rule.key}): {self.step.lhs} = {self.step.rhs} does not "
            f"hold: left {self.left:.6g}, right {self.right:.6g} at {at}"
        )


class Verifier:
    """Decides equations between named quantities of one graph."""

    def __init__(self, graph: Graph, meanings: Mapping[Symbol, Expr], seed: int = 20230117) -> None:
        self.graph, self.meanings = graph, dict(meanings)
        self.random = random.Random(seed)
        self.index = TermIndex(graph)
        self.pieces, self.branching = _by_cases(graph)
        #: So many points leave no two units in the same regions at all of them.
        self.apart = max(
            (len(r) * _digits(len(self.pieces), len(r)) for r in self.pieces.values()), default=0
        )
        self.redraws = 0
        self.points: list[Evaluator] = []
        self.claims: Mapping[Symbol, Expr] = {}
        self.branches = 0

    # ------------------------------------------------------------ points

    def prepare(self) -> list[Evaluator]:
        """Points of the prime field; enough of them to meet every branch."""
        if not self.points:
            regions = max((len(r) for r in self.pieces.values()), default=0)
            for i in range(max(POINTS, regions)):
                self.points.append(self.draw(i))
            if self.branching:
                self.cover()
        return self.points

    def cover(self) -> None:
        """More points until each condition has been true and false, or MAX_POINTS is reached."""
        while True:
            seen: dict[object, set[bool]] = {}
            for point in self.points:
                real = cast(Evaluator, point.real)
                try:
                    real.value(self.graph.error)
                    point.value(self.graph.error)
                except Undecidable:
                    continue
                for condition, answer in (*real.branches.items(), *point.branches.items()):
                    seen.setdefault(condition, set()).add(answer)
            self.branches = sum(len(answers) for answers in seen.values())
            done = all(len(answers) == 2 for answers in seen.values())
            if done or len(self.points) >= MAX_POINTS:
                return
            self.points.append(self.draw(len(self.points)))

    def draw(self, number: int) -> Evaluator:
        """One point: random field values, and real values that decide the branches."""
        field = PrimeField(self.random)
        leaves: dict[Symbol, int] = {}

        def leaf(symbol: Symbol) -> int:
            if symbol not in leaves:
                leaves[symbol] = field.draw()
            return leaves[symbol]

        real = self.real_point(number) if self.branching else None
        return Evaluator(self.graph, self.meanings, field, leaf, real, self.index)

    def real_point(self, number: int) -> Evaluator:
        leaves: dict[Symbol, complex] = {}

        def leaf(symbol: Symbol) -> complex:
            if symbol not in leaves:
                leaves[symbol] = complex(self.random.uniform(*self.graph.domains.get(symbol, (-2, 2))))
            return leaves[symbol]

        real = Evaluator(self.graph, self.meanings, Numbers(), leaf, None, self.index)
        for i, (q, regions) in enumerate(self.pieces.items()):
            # Neighbouring units are in different regions, each unit meets all of them, and any two
            # are apart once. Where that left no value (log 0), the regions are drawn, every other
            # time the last for all.
            place = self.place(number, i, len(regions))
            if self.redraws:
                place = -1 if self.redraws % 2 else self.random.randrange(len(regions))
            real.fixed[q] = complex(regions[place] + self.random.uniform(0, 0.01))
        return real

    def place(self, number: int, unit: int, regions: int) -> int:
        """The region of a unit at a point.

        In the first r points, r the number of regions, the last digit of the unit's number in base r
        says where it begins, in the next r points the digit before, and so on: units that differ in
        a digit are in different regions at each of these points, and each goes through all of them,
        so that every condition x > a tells them apart.
        """
        digit, turn = divmod(number, regions)
        if digit >= _digits(len(self.pieces), regions):
            return self.random.randrange(regions)
        return int(unit // regions**digit + turn) % regions

    def more(self, count: int) -> None:
        """Draws points until there are `count`."""
        while len(self.points) < count:
            self.points.append(self.known(self.draw(len(self.points))))

    # ------------------------------------------------------------ the gradient, all at once

    def certify(self, claims: Mapping[Symbol, Expr]) -> None:
        """Finds all ∂E/∂q at every point by one forward pass, from what is claimed of them.

        `claims` gives ∂E/∂q for many q, from the error backwards. Every q is moved along a random
        direction r at once: the tangent of the error must be Σ r_q·claim_q, which false claims
        meet with probability 1/(2^61 - 1). Where it is met the claims are the values. Where it is
        not, nothing is concluded: each ∂E/∂q is then measured by a forward pass of its own, and
        the step that is wrong shows.
        """
        self.claims = claims
        self.points = [self.known(point) for point in self.prepare()]

    def known(self, point: Evaluator) -> Evaluator:
        """`point` with the values of all ∂E/∂q, or as new where the claims are not met there."""
        try:
            if self.certified(point, self.claims):
                return point
        except (Undecidable, OverflowError):
            pass
        return Evaluator(self.graph, self.meanings, point.domain, point.leaves, point.real, self.index)

    def certified(self, point: Evaluator, claims: Mapping[Symbol, Expr]) -> bool:
        deltas = self.graph.deltas
        for q, claim in claims.items():
            value = point.value(claim)
            point.memo[Partial(self.graph.error, q)] = value
            # Where δ is said to mean anything else, it gets its value from what is said.
            if q in deltas and self.meanings.get(deltas[q]) == Partial(self.graph.error, q):
                point.memo[deltas[q]] = value
        direction = {q: point.domain.number(Rational(self.random.randrange(1, 2**60))) for q in claims}
        expected = [
            point.domain.product([r, point.memo[Partial(self.graph.error, q)]]) for q, r in direction.items()
        ]
        return bool(Along(point, direction).get(self.graph.error) == point.domain.sum(expected))

    # ------------------------------------------------------------ decisions

    def holds(self, lhs: Expr, rhs: Expr) -> int:
        """At how many points lhs = rhs held; 0 where one point refuted it.

        Raises Undecidable where no point could be drawn at which both sides have a value.
        """
        self.prepare()
        if self.branching and (_signs(lhs) or _signs(rhs)):
            self.more(SIGN_POINTS)  # two different signs agree at half of all points
        elif self.branching and (_cases(lhs) or _cases(rhs)):
            self.more(self.apart)  # a condition on one unit may have been written for another
        for i, point in enumerate(self.points):
            for _ in range(REDRAWS):
                try:
                    equal = point.value(lhs) == point.value(rhs)
                    break
                except (Undecidable, OverflowError):
                    self.redraws += 1
                    point = self.points[i] = self.draw(i)
            else:
                raise Undecidable("no point found at which both sides have a value")
            if not equal:
                return 0
        return len(self.points)

    def agrees(self, lhs: Expr, rhs: Expr) -> int | None:
        """At how many real points lhs and rhs agreed to TOLERANCE; 0 where one refuted it.

        None where fewer than REAL_POINTS were found at which both sides have a value.
        """
        found = 0
        for number in range(REDRAWS):
            point = self.real_point(number)
            point.fixed.clear()  # a sum put into a region is not what its definition says
            try:
                left, right = point.value(lhs), point.value(rhs)
            except (Undecidable, OverflowError, ValueError, ZeroDivisionError):
                continue
            if not (cmath.isfinite(left) and cmath.isfinite(right)):
                continue
            if abs(left - right) > TOLERANCE * max(1.0, abs(left), abs(right)):
                return 0
            found += 1
        return found if found >= REAL_POINTS else None

    def cancels(self, lhs: Expr, rhs: Expr) -> bool:
        """Whether lhs - rhs cancels to 0 exactly, named quantities taken as free symbols."""
        deltas = {d: q for q, d in self.graph.deltas.items()}
        named = [s for s in (*_names(lhs), *_names(rhs)) if s in deltas]
        left = [s for s in _names(lhs) if s in deltas]
        seeds = [p.wrt for side in (lhs, rhs) for p in side.atoms(Partial)]
        opened: list[set[Symbol]] = [
            set(),
            {deltas[d] for d in left} | set(seeds),
            {deltas[d] for d in named} | set(seeds),
            set(self.graph.deltas),
        ]
        reals = [p.real for p in self.prepare()]
        return all(any(self.exactly(lhs, rhs, nets, real) for nets in opened) for real in reals)

    def exactly(self, lhs: Expr, rhs: Expr, opened: set[Symbol], real: Evaluator | None) -> bool:
        exact = Evaluator(self.graph, self.meanings, Exact(), lambda s: s, real, self.index)
        for quantity in self.graph.quantities.values():
            if quantity.role in ("net", "node") and quantity.symbol != lhs:
                exact.fixed[quantity.symbol] = quantity.symbol
        for net, delta in self.graph.deltas.items():
            if net not in opened:
                exact.fixed[delta] = exact.given[net] = delta
        try:
            difference = exact.domain.sum(
                [exact.value(lhs), exact.domain.product([exact.minus_one, exact.value(rhs)])]
            )
        except Undecidable:
            return False
        return bool(cancel(difference) == 0)

    def counterexample(self, step: Step) -> Refused:
        """Real values at which the two sides of a refuted step differ, or the field's."""
        names = list(dict.fromkeys((*_names(step.lhs), *_names(step.rhs))))
        leaves = dict.fromkeys(leaf for name in names for leaf in self.leaves_of(name))
        for number in range(4 * REDRAWS):
            real = self.real_point(number)
            real.fixed.clear()
            try:
                left, right = real.value(step.lhs), real.value(step.rhs)
                shown = {str(s): real.value(s).real for s in dict.fromkeys((*names, *leaves))}
            except (Undecidable, OverflowError, ValueError, ZeroDivisionError):
                continue
            if abs(left - right) > 1e-6 * max(1e-3, abs(left), abs(right)):
                return Refused(step, left.real, right.real, shown)
        point = self.points[0]
        try:
            left, right = point.value(step.lhs), point.value(step.rhs)
            return Refused(step, left, right, {str(s): point.value(s) for s in names})
        except (Undecidable, OverflowError):
            return Refused(step, math.nan, math.nan, {})

    def leaves_of(self, symbol: Symbol) -> Iterable[Symbol]:
        """A bounded number of leaves that `symbol` is computed from."""
        todo, seen = [symbol], set[Symbol]()
        while todo and len(seen) < LEAVES:
            s = todo.pop()
            if s in seen:
                continue
            seen.add(s)
            quantity = self.graph.quantities.get(s)
            if quantity is None:
                todo.extend(_names(self.meanings[s]) if s in self.meanings else ())
                continue
            if quantity.definition is None:
                yield s
                if s in self.graph.constraints:  # a target that the others leave
                    todo.extend(symbols(self.graph.constraints[s]))
            else:
                todo.extend(symbols(quantity.definition))


def verify(derivation: Derivation, *, strict: bool = False) -> Derivation:
    """The derivation with evidence for every step.

    Each step must hold at every random point and, with `strict`, cancel exactly; the end results
    must agree with complex-step differences. Raises Unverified, which names the first step that
    fails, both sides and a counterexample.
    """
    verifier = Verifier(derivation.graph, derivation.meanings)
    verifier.certify(_claims(derivation))
    decided: dict[tuple[Expr, Expr], Evidence] = {}

    def check(step: Step) -> Step:
        key = (step.lhs, step.rhs)
        if key not in decided:
            decided[key] = decide(verifier, step, strict)
        # Written out: dataclasses.replace takes longer than the decision itself.
        return Step(step.id, step.lhs, step.rhs, step.rule, step.uses, step.detail, decided[key])

    def section(part: Section) -> Section:
        items = tuple(
            Group(item.key, tuple(check(s) for s in item.steps), item.args, item.detail, item.alone)
            if isinstance(item, Group)
            else section(item)
            for item in part.items
        )
        return Section(part.key, items, part.label, part.args, part.detail)

    sections = tuple(section(part) for part in derivation.sections)
    return replace(derivation, sections=sections, evidence=end_check(derivation, index=verifier.index))


def _claims(derivation: Derivation) -> Mapping[Symbol, Expr]:
    """q → what the derivation finds ∂E/∂q to be, in names alone, in the order it is found."""
    graph = derivation.graph
    named = {delta: q for q, delta in graph.deltas.items()}
    claims: dict[Symbol, Expr] = {}
    for step in derivation.steps:
        if step.lhs in named:
            q = named[cast(Symbol, step.lhs)]
        elif isinstance(step.lhs, Partial) and step.lhs.of == graph.error:
            q = step.lhs.wrt
        else:
            continue
        found_here = step.lhs in named or q not in graph.deltas
        if found_here and q in graph.quantities and not pending(step.rhs):
            claims.pop(q, None)  # a later claim may use a δ that was found in between
            claims[q] = step.rhs
    return claims


def decide(verifier: Verifier, step: Step, strict: bool = False) -> Evidence:
    """Evidence that `step` holds. Raises Unverified with both sides and a counterexample."""
    method = "prime_field"
    points: int | None
    try:
        points = verifier.holds(step.lhs, step.rhs)
    except Undecidable as error:
        # √3 and x^{1/3} have no value in the field; they have one in the real numbers.
        method, points = "real_points", verifier.agrees(step.lhs, step.rhs)
        if points is None:
            raise Unverified(f"step {step.id} ({step.rule.key}) could not be decided: {error}") from None
    if not points:
        raise Unverified(str(verifier.counterexample(step)))
    if strict and not verifier.cancels(step.lhs, step.rhs):
        raise Unverified(
            f"step {step.id} ({step.rule.key}): {step.lhs} = {step.rhs} holds at {points} random points "
            "but does not cancel exactly"
        )
    return Evidence(f"{method}+cancellation" if strict else method, points, verifier.branches)


# ---------------------------------------------------------------- the end result


def end_check(
    derivation: Derivation, points: int = 2, index: TermIndex | None = None
) -> Mapping[str, object]:
    """Compares Σ r_w·∂E/∂w, from the derivation's own results, with a complex step along r.

    r is a random direction over the parameters derived, so that one forward pass checks all of
    them. Raises Unverified where they differ by more than TOLERANCE.
    """
    graph = derivation.graph
    source = random.Random(20230118)
    ends = derivation.ends
    values = {delta: step.rhs for delta, step in derivation.definitions.items()}
    index = index or TermIndex(graph)
    worst, done = 0.0, 0
    for attempt in range(REDRAWS * points):
        trained, other = RANGES[attempt % len(RANGES)]
        leaves = {
            s: complex(source.uniform(*graph.domains.get(s, trained if q.role == "parameter" else other)))
            for s, q in graph.quantities.items()
            if q.definition is None
        }
        direction = {w: source.uniform(0.5, 1.5) for w in derivation.ends}
        moved = {s: v + 1j * STEP * direction.get(s, 0.0) for s, v in leaves.items()}
        try:
            # The step is too small to be seen in a real part: one forward pass serves both sides.
            point = Evaluator(graph, values, Numbers(), moved.__getitem__, None, index)
            slope = point.value(graph.error).imag / STEP
            for delta in values:  # in the order they were derived: depth costs no recursion
                point.value(delta)
            terms = [r * point.value(ends[w]).real for w, r in direction.items()]
        except (Undecidable, OverflowError, ValueError, ZeroDivisionError):
            continue
        claimed = sum(terms)
        scale = max(1e-6, abs(slope), sum(abs(t) for t in terms))
        if not math.isfinite(slope) or not math.isfinite(claimed):
            continue
        difference = abs(slope - claimed) / scale
        if difference > TOLERANCE:
            shown = {str(s): v.real for s, v in list(leaves.items())[:12]}
            at = ", ".join(f"{name} = {value:.6g}" for name, value in shown.items())
            raise Unverified(
                f"the end result differs from a complex step: derived {claimed:.10g}, measured "
                f"{slope:.10g} at {at}"
            )
        worst, done = max(worst, difference), done + 1
        if done == points:
            break
    if not done:
        raise Unverified(
            f"the end result could not be compared with a complex step: no real point was found at which "
            f"{graph.error} has a value"
        )
    return {"method": "complex_step", "points": done, "largest_relative_difference": worst}


# ---------------------------------------------------------------- branches


def _names(expr: Expr) -> list[Symbol]:
    found: dict[Symbol, None] = dict.fromkeys(symbols(expr))
    return list(found)


def _signs(expr: Basic) -> bool:
    """Whether `expr` itself asks for a sign, or for a case of more than a single name."""
    if isinstance(expr, (Abs, sign)):
        return True
    if isinstance(expr, Relational):
        return not all(isinstance(side, (Symbol, Rational, Decimal)) for side in expr.args)
    return any(_signs(arg) for arg in expr.args)


def _cases(expr: Basic) -> bool:
    """Whether `expr` itself is written by cases."""
    return isinstance(expr, Piecewise) or any(_cases(arg) for arg in expr.args)


def _digits(count: int, base: int) -> int:
    """How many digits the numbers below `count` have in `base`; at least one."""
    digits, reach = 1, max(2, base)
    while reach < count:
        digits, reach = digits + 1, reach * max(2, base)
    return digits


def _by_cases(graph: Graph) -> tuple[dict[Symbol, list[float]], bool]:
    """Names that a function by cases is applied to → a value in each region; whether there is any."""
    found: dict[Symbol, list[float]] = {}
    met: set[float] = set()
    any_cases = False
    for quantity in graph.quantities.values():
        if quantity.definition is None or isinstance(quantity.definition, Symbol):
            continue
        for node in _functions(quantity.definition):
            if not isinstance(node, Call):
                any_cases = True
                continue
            regions, cases = _cases_of(node.name)
            met.update(regions)
            any_cases = any_cases or cases
            if regions and isinstance(node.args[1], Symbol):
                found[node.args[1]] = regions
    if met:  # x of the proofs goes through the regions of every activation
        found.setdefault(X, sorted(met))
    return found, any_cases


def _functions(expr: Basic) -> Iterator[Basic]:
    """The activations in `expr`, and what is itself defined by cases."""
    todo: list[Basic] = [expr]
    while todo:
        node = todo.pop()
        if isinstance(node, (Call, Piecewise, Abs, sign)):
            yield node
        todo.extend(node.args)


@cache
def _cases_of(name: str) -> tuple[list[float], bool]:
    """The regions of the activation called `name`, and whether it is defined by cases."""
    formula = activations.formula_of(name)
    inner = list(_functions(formula))
    cases = any(not isinstance(node, Call) or _cases_of(node.name)[1] for node in inner)
    return _regions(formula) if cases else [], cases


def _regions(formula: Expr) -> list[float]:
    """A value in each interval between the points where a formula in x changes its branch."""
    borders: set[float] = set()
    for node in formula.atoms(Relational):
        for side in node.args:
            n = plain(cast(Expr, side))
            if isinstance(n, Rational):
                borders.add(float(n))
    if any(n.args[0] == X for n in formula.atoms(Abs, sign)):
        borders.add(0.0)
    for call in formula.atoms(Call):
        borders.update(_regions(activations.formula_of(call.name)))
    if not borders:
        return []
    points = sorted(borders)
    middles = [(a + b) / 2 for a, b in pairwise(points)]
    return [points[0] - 1.3, *middles, points[-1] + 0.7]
