"""What is true of an activation f and of f', each fact with the way it was established.

    domain, range, limits of f and f' at ±∞, saturation, kinks and the convention taken there,
    the maximum of |f'| and where, a Lipschitz constant, monotone or not

Everything follows from the zeros of f' and f'' on each piece of f (`analysis` finds and proves
them): between two zeros of f'' the derivative is monotone, so that the greatest value of |f'| is
at a zero of f'' or is a limit at the end of a piece. The equations that are shown are steps and
are decided by the verifier like those of any derivation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, TypeVar, cast

from sympy import Abs, Add, Eq, Expr, Integer, Pow, Rational, Symbol, atan, erf, exp, log, nan, oo

from backprop_symbolic import calculus
from backprop_symbolic.activations import Activation, formula
from backprop_symbolic.algebra import (
    MINUS_ONE,
    ONE,
    Decimal,
    Frac,
    Near,
    Partial,
    Span,
    X,
    Y,
    add,
    mapped,
    mul,
    neg,
    plain,
    power,
    replace,
)
from backprop_symbolic.analysis import (
    INFINITY,
    MINUS_INFINITY,
    Cell,
    Frame,
    NotEstablished,
    Value,
    bounded,
    cells,
    exactly,
    opened,
    side_of,
    sympy_limit,
    value_at,
)
from backprop_symbolic.calculus import tidy
from backprop_symbolic.derivation import BRIEF, FULL, NORMAL, Argument, Group, Section, Step
from backprop_symbolic.errors import BackpropError, Unverified
from backprop_symbolic.evaluate import Undecidable
from backprop_symbolic.graph import Graph, Quantity
from backprop_symbolic.intervals import Interval
from backprop_symbolic.rules import Calculated, Inserted, Stated
from backprop_symbolic.verify import Verifier, decide

WRITTEN = 40  # operations of a formula that is still worth writing out
LONG = 10**6  # a denominator beyond which a number is shown rounded
DIGITS = 10  # of an enclosure that is shown


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: its message, what it says, and how that is known.

    key    the message [group] fact_… that says it
    value  what it says, for programs; None where it could not be established
    how    keys of the messages [group] how_… that say how it is known
    """

    key: str
    value: Any
    how: tuple[str, ...] = ()
    args: Mapping[str, Argument] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    @property
    def established(self) -> bool:
        """Whether it could be proved."""
        return not self.key.startswith("unknown_")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A set of numbers from `low` to `high`."""

    low: Value
    high: Value
    closed_low: bool = False
    closed_high: bool = False

    @property
    def single(self) -> bool:
        return self.low == self.high

    def holds(self, value: float, tolerance: float = 0.0) -> bool:
        """Whether a float lies in it."""
        return self.low.box.low - tolerance <= value <= self.high.box.high + tolerance

    def shown(self) -> Expr:
        """As mathematics; an end that has no closed form rounded outwards."""
        low, high = shown(self.low, math.floor), shown(self.high, math.ceil)
        return Span(low, high, Integer(int(self.closed_low)), Integer(int(self.closed_high)))


@dataclass(frozen=True, slots=True)
class Kink:
    """A point where f' does not exist, or f jumps: what is on both sides, and what is taken there."""

    at: Value
    left: Value
    right: Value
    convention: Value
    jump: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits at -∞ and ∞; None where there is none (sin x) or it is not known or not asked."""

    left: Value | None
    right: Value | None


@dataclass(frozen=True, slots=True)
class Steepest:
    """sup |f'|: the number, the points or pieces where |f'| has this value, else where it tends to it."""

    value: Value
    points: tuple[Value, ...] = ()
    pieces: tuple[Stretch, ...] = ()
    ends: tuple[Value, ...] = ()

    @property
    def attained(self) -> bool:
        return bool(self.points or self.pieces)


@dataclass(frozen=True)
class Facts:
    """All facts of one activation."""

    name: str
    domain: Fact
    range: Fact
    kinks: tuple[Fact, ...]
    limits: tuple[Fact, ...]  # f at -∞, f at ∞, f' at -∞, f' at ∞
    saturation: Fact
    steepest: Fact
    lipschitz: Fact
    monotone: Fact
    derivatives: tuple[Fact, ...]  # f' and f'' of each piece, as the other facts use them
    names: Mapping[Symbol, str]  # LaTeX of the names in the steps: σ(x), σ'(0)

    def __iter__(self) -> Iterator[Fact]:
        yield from (self.domain, self.range, *self.kinks, *self.limits, self.saturation)
        yield from (*self.derivatives, self.steepest, self.lipschitz, self.monotone)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Every equation, in reading order."""
        return tuple(step for fact in self for step in fact.steps)


# ---------------------------------------------------------------- one piece


class Piece:
    """One smooth piece: f, f' and f'' as elements of its frame, their zeros, limits at the ends."""

    def __init__(self, cell: Cell) -> None:
        self.cell, self.low, self.high = cell, cell.low, cell.high
        self.frame = Frame(cell.expr)
        self.f = self.frame.of(cell.expr)
        self.slope = self.frame.derivative(self.f)
        self.bend = self.frame.derivative(self.slope)

    @cached_property
    def bends(self) -> list[Value] | NotEstablished:
        """The zeros of f''; none where f'' is 0 throughout."""
        return _tried(lambda: [] if self.bend == 0 else self.frame.zeros(self.bend, self.low, self.high))

    @cached_property
    def turns(self) -> list[Value] | NotEstablished:
        """The zeros of f'; none where f' is 0 throughout."""

        def found() -> list[Value]:
            if self.slope == 0:
                return []
            try:
                return self.frame.zeros(self.slope, self.low, self.high)
            except NotEstablished:
                places = [self.low, *_known(self.bends), self.high]
                return self.frame.zeros_between(
                    self.slope, places, (_known(self.slope_low), _known(self.slope_high))
                )

        return _tried(found)

    @cached_property
    def f_low(self) -> Value | NotEstablished | None:
        return self.limit(self.f, self.cell.expr, self.low, "+")

    @cached_property
    def f_high(self) -> Value | NotEstablished | None:
        return self.limit(self.f, self.cell.expr, self.high, "-")

    @cached_property
    def slope_low(self) -> Value | NotEstablished | None:
        return self.limit(self.slope, self.written(self.slope), self.low, "+")

    @cached_property
    def slope_high(self) -> Value | NotEstablished | None:
        return self.limit(self.slope, self.written(self.slope), self.high, "-")

    def written(self, element: Any) -> Expr:
        """An element as ordinary SymPy."""
        return cast(Expr, self.frame.written(element.numer) / self.frame.written(element.denom))

    def limit(self, element: Any, expr: Expr, end: Value, side: str) -> Value | NotEstablished | None:
        """The limit at one end of the piece: by value, by growth, or by SymPy."""

        def found() -> Value | None:
            if not end.infinite:
                try:
                    return exactly(value_at(expr, end))
                except NotEstablished:
                    pass
            else:
                try:
                    return exactly(self.frame.limit(element, 1 if end == INFINITY else -1))
                except NotEstablished:
                    pass
            if end.exact is None:
                raise NotEstablished("a limit at a place without closed form")
            limit = sympy_limit(expr, end.exact, side)
            return None if limit is nan else exactly(limit)

        return _tried(found)


T = TypeVar("T")


def _tried(work: Callable[[], T]) -> T | NotEstablished:
    """work(), or why it could not be done."""
    try:
        return work()
    except NotEstablished as reason:
        return reason


def _known(value: Any) -> Any:
    """A value that was established. Raises NotEstablished."""
    if isinstance(value, NotEstablished):
        raise value
    if value is None:
        raise NotEstablished("there is no limit")
    return value


# ---------------------------------------------------------------- all facts


@lru_cache(maxsize=256)
def facts(entry: Activation) -> Facts:
    """All facts about an activation, the equations verified.

    A fact that cannot be proved with the work allowed is there too, and says so. Raises
    NotDifferentiable, BadExpression or UnknownName for a formula that is none, and Unverified
    where an equation does not hold, which would be an error of this package.
    """
    whole = formula(entry)
    author = _Author(entry, whole)
    try:
        return bounded(author.all)
    except NotEstablished:
        return author.nothing()


def sections(entry: Activation) -> tuple[Section, ...]:
    """The facts as sections, for a document; `facts(entry).names` writes their names."""
    return as_sections(facts(entry))


def as_sections(known: Facts) -> tuple[Section, ...]:
    """Facts as one section with a sentence for each."""
    name = next(iter(known.names))
    return (Section("facts", tuple(as_groups(known)), args={"function": name}),)


def as_groups(known: Iterable[Fact], said: set[str] | None = None) -> Iterator[Group]:
    """A sentence for each fact, with its equations; how it is known is said once.

    `said` has what has been said before, and gets what is said here.
    """
    said = set() if said is None else said
    for fact in known:
        yield Group(f"fact_{fact.key}", fact.steps, fact.args, alone=not fact.steps)
        for how in fact.how:
            if how not in said:
                said.add(how)
                yield Group(f"how_{how}", (), {}, NORMAL, alone=True)


class _Author:
    """Writes the facts of one activation."""

    def __init__(self, entry: Activation, whole: Expr) -> None:
        self.entry, self.whole = entry, whole
        sign, latex = entry.sign, latex_sign(entry)
        self.function = Symbol(sign)
        self.y, self.d, self.s = (Symbol(f"{sign}{p}(x)") for p in ("", "'", "''"))
        self.names = {
            self.function: latex,
            self.y: f"{latex}(x)",
            self.d: f"{latex}'(x)",
            self.s: f"{latex}''(x)",
        }
        self.count = 0
        self.pieces: list[Piece] = []

    def nothing(self) -> Facts:
        """Every fact not established."""
        unknown = {
            name: self.unknown(name)
            for name in ("domain", "range", "saturation", "steepest", "lipschitz", "monotone")
        }
        limits = tuple(self.unknown_limit(q, e) for q in (self.y, self.d) for e in (-oo, oo))
        return Facts(
            self.entry.name, **unknown, kinks=(self.unknown("kinks"),), limits=limits, derivatives=(),
            names=self.names,
        )  # fmt: skip

    def all(self) -> Facts:
        self.pieces = [Piece(cell) for cell in cells(self.whole)]
        if not self.pieces:
            raise NotEstablished("defined nowhere")
        steepest = self.proved("steepest", self.steepest)
        return Facts(
            self.entry.name,
            domain=self.domain(),
            range=self.proved("range", self.range),
            kinks=self.kink_facts(),
            limits=self.limits(),
            saturation=self.proved("saturation", self.saturation),
            steepest=steepest,
            lipschitz=self.proved("lipschitz", lambda: self.lipschitz(steepest)),
            monotone=self.proved("monotone", self.monotone),
            derivatives=tuple(self.derivatives()),
            names=self.names,
        )

    def proved(self, name: str, work: Callable[[], Fact]) -> Fact:
        try:
            return work()
        except NotEstablished:
            return self.unknown(name)

    def unknown(self, name: str) -> Fact:
        return Fact(f"unknown_{name}", None, args={"function": self.function})

    def unknown_limit(self, quantity: Symbol, end: Expr) -> Fact:
        return Fact("unknown_limit", None, args={"quantity": quantity, "x": X, "end": end})

    # ------------------------------------------------------------ domain, range

    @cached_property
    def parts(self) -> list[list[Piece]]:
        """Pieces that follow each other with f defined at the points between them."""
        found = [[self.pieces[0]]]
        for before, after in pairwise(self.pieces):
            joined = before.high == after.low and self.value(after.low) is not None
            if joined:
                found[-1].append(after)
            else:
                found.append([after])
        return found

    def value(self, at: Value) -> Value | None:
        """f at an end of a piece, None where it is not defined."""
        if at.infinite:
            return None
        found = _tried(lambda: exactly(value_at(self.whole, at)))
        return None if isinstance(found, NotEstablished) else found

    def domain(self) -> Fact:
        spans = []
        for part in self.parts:
            low, high = part[0].low, part[-1].high
            spans.append(Stretch(low, high, self.value(low) is not None, self.value(high) is not None))
        value = tuple(spans)
        if len(spans) == 1 and spans[0].low.infinite and spans[0].high.infinite:
            return Fact("domain_all", value, args={"function": self.function})
        return Fact("domain", value, args={"function": self.function, "x": X, "spans": _shown(value)})

    def range(self) -> Fact:
        """The values on each piece lie between its limits and its values where f' = 0."""
        found: list[Stretch] = []
        for piece in self.pieces:
            marks = [
                (_known(piece.f_low), self.is_value(piece.low, piece.f_low)),
                *((piece.frame.value(piece.f, turn), True) for turn in _known(piece.turns)),
                (_known(piece.f_high), self.is_value(piece.high, piece.f_high)),
            ]
            if piece.slope == 0:
                found.append(Stretch(marks[0][0], marks[0][0], True, True))
                continue
            low, high = _least(marks), _least([(-v, a) for v, a in marks])
            found.append(Stretch(low[0], -high[0], low[1], high[1]))
        for end in {id(p): p.low for p in self.pieces}.values():
            here = self.value(end)
            if here is not None:
                found.append(Stretch(here, here, True, True))
        value = tuple(_union(found))
        if len(value) == 1 and value[0].low.infinite and value[0].high.infinite:
            return Fact("range_all", value, args={"function": self.function})
        how = self.how_zeros(p.slope for p in self.pieces)
        return Fact("range", value, how, {"function": self.function, "spans": _shown(value)})

    def is_value(self, end: Value, limit: Any) -> bool:
        """Whether the limit at the end of a piece is the value of f there."""
        here = self.value(end)
        return here is not None and here.exact == limit.exact

    # ------------------------------------------------------------ limits, saturation

    def limits(self) -> tuple[Fact, ...]:
        first, last = self.pieces[0], self.pieces[-1]
        found = []
        for quantity, low, high in ((self.y, "f_low", "f_high"), (self.d, "slope_low", "slope_high")):
            for piece, name, end in ((first, low, MINUS_INFINITY), (last, high, INFINITY)):
                if end in (piece.low, piece.high):
                    found.append(self.limit(quantity, cast(Expr, end.exact), getattr(piece, name)))
        return tuple(found)

    def limit(self, quantity: Symbol, end: Expr, value: Any) -> Fact:
        args = {"quantity": quantity, "x": X, "end": end}
        if isinstance(value, NotEstablished):
            return self.unknown_limit(quantity, end)
        if value is None:
            return Fact("limit_none", None, args=args)
        return Fact("limit", value, (), {**args, "value": shown(value)})

    def saturation(self) -> Fact:
        """f' → 0 to the left, to the right."""
        first, last = self.pieces[0], self.pieces[-1]
        left = first.low == MINUS_INFINITY and _known(first.slope_low).exact == 0
        right = last.high == INFINITY and _known(last.slope_high).exact == 0
        key = {(True, True): "both", (True, False): "left", (False, True): "right"}.get((left, right), "not")
        return Fact(f"saturates_{key}", (left, right), args={"function": self.function, "slope": self.d})

    # ------------------------------------------------------------ kinks

    def kink_facts(self) -> tuple[Fact, ...]:
        try:
            kinks = self.kinks
        except (NotEstablished, BackpropError):
            return (self.unknown("kinks"),)
        if not kinks:
            return (Fact("kinks_none", None, args={"function": self.function}),)
        found = []
        for kink in kinks:
            args: dict[str, Argument] = {
                "x": X, "point": shown(kink.at), "left": shown(kink.left), "right": shown(kink.right),
                "slope": self.d, "convention": shown(kink.convention), "function": self.function,
            }  # fmt: skip
            found.append(Fact("jump" if kink.jump else "kink", kink, args=args))
        return tuple(found)

    @cached_property
    def kinks(self) -> list[Kink]:
        found = []
        for part in self.parts:
            for before, after in pairwise(part):
                left, right = _known(before.f_high), _known(after.f_low)
                jump = left.exact != right.exact or self.value(after.low) != left
                if not jump:
                    left, right = _known(before.slope_high), _known(after.slope_low)
                    if left.exact == right.exact:
                        continue
                found.append(Kink(after.low, left, right, self.convention(after.low), jump))
        return found

    def convention(self, at: Value) -> Value:
        """f' as it is used at a kink: the entry's form, else each case differentiated by itself."""
        if self.entry.prime:
            form = calculus.prime(self.entry)
        else:
            form = calculus.lines(opened(self.whole), X)[-1].expr
        here = self.value(at)
        return exactly(value_at(replace(form, {Y: cast(Expr, cast(Value, here).exact)}), at))

    def smooth(self, at: Value) -> bool:
        """Whether f' exists at a point between two pieces."""
        joined = any(after.low == at for part in self.parts for _, after in pairwise(part))
        return joined and all(k.at != at for k in self.kinks)

    # ------------------------------------------------------------ how steep

    def steepest(self) -> Fact:
        """The greatest of |f'| at the zeros of f'' and of its limits at the ends of the pieces."""
        candidates: list[tuple[Value, str, Any]] = []
        for piece in self.pieces:
            ends = (_known(piece.slope_low), _known(piece.slope_high))
            if piece.bend == 0:
                stretch = Stretch(piece.low, piece.high)
                candidates.append((ends[0].magnitude(), "piece", stretch))
                continue
            for zero in _known(piece.bends):
                candidates.append((piece.frame.value(piece.slope, zero).magnitude(), "point", zero))
            for value, at in zip(ends, (piece.low, piece.high), strict=True):
                kind = "point" if not at.infinite and self.smooth(at) else "end"
                candidates.append((value.magnitude(), kind, at))
        best = candidates[0][0]
        for value, _, _ in candidates[1:]:
            if best.below(value):
                best = value
        top = [(v, kind, at) for v, kind, at in candidates if not v.below(best)]
        value = _together([v for v, _, _ in top])
        points = tuple(dict.fromkeys(at for _, kind, at in top if kind == "point"))
        pieces = tuple(at for _, kind, at in top if kind == "piece")
        ends = tuple(at for _, kind, at in top if kind == "end")
        return self.said(Steepest(value, points, pieces, ends))

    def said(self, found: Steepest) -> Fact:
        args: dict[str, Argument] = {
            "size": cast(Expr, Abs(self.d, evaluate=False)), "x": X, "function": self.function
        }  # fmt: skip
        how = self.how_zeros(p.bend for p in self.pieces)
        if found.value.infinite:
            return Fact("steepest_unbounded", found, how, args)
        if found.pieces:
            args |= {"value": shown(found.value), "spans": _shown(found.pieces)}
            return Fact("steepest_throughout", found, how, args)
        if found.points:
            args["points"] = tuple(_at(p) for p in found.points)
            if found.value.exact is None:
                args |= _enclosure(found.value)
                return Fact("steepest_near", found, how, args)
            args["value"] = shown(found.value)
            return Fact("steepest_at", found, how, args, self.at_the_top(found))
        args |= {"value": shown(found.value), "ends": tuple(shown(e) for e in found.ends)}
        return Fact("steepest_supremum", found, how, args)

    def how_zeros(self, elements: Iterator[Any]) -> tuple[str, ...]:
        """How the zeros of some elements were found."""
        found: list[str] = []
        for piece, element in zip(self.pieces, elements, strict=True):
            if element == 0:
                continue
            for factor in piece.frame.factors(element.numer):
                how = "polynomial" if piece.frame.single(factor) else "intervals"
                if how not in found:
                    found.append(how)
        return tuple(sorted(found, reverse=True))

    def lipschitz(self, steepest: Fact) -> Fact:
        """|f(a) - f(b)| ≤ L·|a - b|, where L = sup |f'|, by the mean value theorem."""
        args: dict[str, Argument] = {"function": self.function}
        if not steepest.established:
            raise NotEstablished("sup |f'|")
        if len(self.parts) > 1:
            raise NotEstablished("a domain in several parts")
        value: Value = steepest.value.value
        if value.infinite:
            return Fact("lipschitz_not", None, ("unbounded",), args)
        if any(k.jump for k in self.kinks):
            return Fact("lipschitz_not", None, ("jump",), args)
        if value.exact is None:
            return Fact("lipschitz_near", value, ("mean_value",), {**args, **_enclosure(value)})
        return Fact("lipschitz", value, ("mean_value",), {**args, "value": shown(value)})

    # ------------------------------------------------------------ monotone

    def monotone(self) -> Fact:
        if len(self.parts) > 1:
            raise NotEstablished("a domain in several parts")
        signs: list[tuple[int, Value]] = []
        for piece in self.pieces:
            signs.extend(self.jump_signs(piece.low))
            if piece.slope == 0:
                signs.append((0, piece.low))
                continue
            places = [piece.low, *_known(piece.turns), piece.high]
            signs.extend((piece.frame.sign(piece.slope, a, b), a) for a, b in pairwise(places))
        seen = {sign for sign, _ in signs}
        args: dict[str, Argument] = {"function": self.function, "x": X}
        how = self.how_zeros(p.slope for p in self.pieces)
        if seen == {0}:
            return Fact("constant", "constant", how, args)
        if seen >= {1, -1}:
            turning = tuple(b[1] for a, b in pairwise([s for s in signs if s[0]]) if a[0] != b[0])
            args["points"] = tuple(_at(t) for t in turning)
            return Fact("monotone_not", turning, how, args)
        flat = any(p.slope == 0 for p in self.pieces)
        key = ("increasing" if 1 in seen else "decreasing") + ("" if flat else "_strictly")
        return Fact(key, key, how, args)

    def jump_signs(self, at: Value) -> list[tuple[int, Value]]:
        """The signs of the two steps that f makes at a jump: to its value, and away from it."""
        for kink in self.kinks:
            if kink.jump and kink.at == at:
                here = cast(Expr, cast(Value, self.value(at)).exact)
                steps = (here - cast(Expr, kink.left.exact), cast(Expr, kink.right.exact) - here)
                return [(side_of(exactly(step)), at) for step in steps if step != 0]
        return []

    # ------------------------------------------------------------ equations

    def derivatives(self) -> Iterator[Fact]:
        """d f/dx and d f'/dx of each piece where f' is not constant, verified."""
        for piece in self.pieces:
            if piece.bend == 0:
                continue
            slope, bend = (compact(piece.frame, e) for e in (piece.slope, piece.bend))
            source = opened(self.whole) if len(self.pieces) == 1 else piece.cell.expr
            written = max(_size(slope), _size(bend)) <= WRITTEN
            checked: tuple[Step, ...] = ()
            for of, definition, form in ((self.y, source, slope), (self.d, slope, bend)):
                rows = list(self.differentiated(of, definition, form, written))
                checked += _verified(_graph({X: None, of: definition}), rows)
            key = "derivatives" if len(self.pieces) == 1 else "derivatives_piece"
            args: dict[str, Argument] = {"function": self.function, "x": X}
            if len(self.pieces) > 1:
                args["span"] = Stretch(piece.low, piece.high).shown()
            if written:
                yield Fact(key, (slope, bend), args=args, steps=checked)

    def differentiated(self, of: Symbol, definition: Expr, form: Expr, written: bool) -> Iterator[Step]:
        """∂of/∂x line by line by the rules of calculus, ending with the form that is used."""
        lhs = Partial(of, X)
        before: Expr = Partial(definition, X)
        for line in calculus.lines(definition, X) if written else ():
            rule = Calculated(before, line.rules)
            if line.expr != form and rule.result() == line.expr:
                yield Step(self.id(), lhs, line.expr, rule, (), FULL)
            before = line.expr
        yield Step(self.id(), lhs, form, Stated(form), (), BRIEF)

    def at_the_top(self, found: Steepest) -> tuple[Step, ...]:
        """f''(x₀) = 0 and f'(x₀) = max, for each point that is a zero of f'' inside a piece."""
        steps: list[Step] = []
        for point in found.points:
            piece = next((p for p in self.pieces if point in _known(p.bends)), None)
            if piece is None or point.exact is None:
                continue
            slope, bend = (compact(piece.frame, e) for e in (piece.slope, piece.bend))
            value = piece.frame.value(piece.slope, point).exact
            here = {X: point.exact}
            for symbol, form, result in ((self.s, bend, Integer(0)), (self.d, slope, value)):
                name = self.named(symbol, point.exact)
                definition = _put(form, point.exact)
                inserted = Inserted(form, tuple(here.items()))
                rule = inserted if inserted.result() == definition else Stated(definition)
                rows = [] if _size(form) > WRITTEN else [Step(self.id(), name, definition, rule, (), NORMAL)]
                end = written_number(cast(Expr, result))
                rows = rows if definition != end else []
                rows.append(Step(self.id(), name, end, Stated(end), (), BRIEF))
                steps.extend(_verified(_graph({name: definition}), rows))
        return tuple(steps)

    def named(self, symbol: Symbol, at: Expr) -> Symbol:
        """The name f'(x₀), written with x₀ in it."""
        from backprop_symbolic.printing import BREAK, Latex, Plain

        latex = Latex({})(written_number(at)).replace(BREAK, "")
        name = Symbol(symbol.name.replace("(x)", f"({Plain({})(written_number(at))})"))
        self.names[name] = self.names[symbol].replace("(x)", f"({latex})")
        return name

    def id(self) -> str:
        self.count += 1
        return f"f{self.count}"


# ---------------------------------------------------------------- verification


def _graph(definitions: Mapping[Symbol, Expr | None]) -> Graph:
    """Quantities with their definitions, for the verifier."""
    quantities = {
        symbol: Quantity(symbol, "input" if definition is None else "node", definition)
        for symbol, definition in definitions.items()
    }
    return Graph(quantities, list(quantities)[-1], Symbol("eta"), {})


def _put(form: Expr, at: Expr) -> Expr:
    """A formula in x at a point; arguments and squares are worked out: e^{-(√2/2)²} is e^{-1/2}."""

    def one(node: Expr) -> Expr | None:
        if node.func in (exp, erf, log, atan) and node.args[0].is_number:
            return cast(Expr, node.func(plain(cast(Expr, node.args[0])), evaluate=False))
        if isinstance(node, Pow) and node.args[0].is_number and isinstance(node.args[1], Integer):
            value = plain(node)
            return value if isinstance(value, Rational) else None
        return None

    return tidy(mapped(replace(form, {X: at}), one))


def _verified(graph: Graph, steps: list[Step]) -> tuple[Step, ...]:
    """The steps with their evidence; one that the verifier cannot decide is left out.

    Where the verifier takes an exponential for two (e^{c(a + b)} and e^{ca}·e^{cb} with a c that is
    no fraction) it refutes what is true. So a refuted step counts as wrong only where 40 digits
    refute it too. Raises Unverified for one that is.
    """
    verifier = Verifier(graph, {})
    checked = []
    for step in steps:
        try:
            holds = verifier.holds(step.lhs, step.rhs) > 0
        except Undecidable:
            holds = False
        if not holds:
            if not _agree(graph, step):
                decide(verifier, step)
                raise Unverified(f"step {step.id}: {step.lhs} = {step.rhs} does not hold")
            continue
        evidence = decide(verifier, step)
        checked.append(Step(step.id, step.lhs, step.rhs, step.rule, step.uses, step.detail, evidence))
    return tuple(checked)


def _agree(graph: Graph, step: Step) -> bool:
    """Whether both sides agree to 40 digits at some points, derivatives taken as differences."""
    from mpmath import mp, mpf

    of, differentiated = step.lhs, isinstance(step.lhs, Partial)
    if differentiated:
        of = cast(Partial, step.lhs).of
    source = opened(graph.definition(cast(Symbol, of)))
    if any(p for p in step.rhs.atoms(Partial)):
        return True  # a line on the way: its end is compared
    form = plain(step.rhs)
    seen = 0
    with mp.workdps(60):
        for at in (Rational(-7, 3), Rational(-3, 7), Rational(2, 7), Rational(5, 3)):
            try:
                left, right = (Integer(0), form.xreplace({X: at}))
                if differentiated:
                    step_size = Rational(1, 10**20)
                    ends = [value_at(source, exactly(at + s * step_size)) for s in (1, -1)]
                    left = cast(Expr, (ends[0] - ends[1]) / (2 * step_size))
                else:
                    left = plain(source)
                a, b = (mpf(str(e.evalf(80))) for e in (left, right))
            except (NotEstablished, TypeError, ValueError, ArithmeticError):
                continue
            seen += 1
            if abs(a - b) > mpf(10) ** -30 * (1 + abs(b)):
                return False
    return seen > 0


# ---------------------------------------------------------------- how things are written


def compact(frame: Frame, element: Any) -> Expr:
    """An element as a fraction of factors, as a person writes it: -e^x(e^x - 1)/(e^x + 1)³."""
    top, bottom = (_factored(frame, part) for part in (element.numer, element.denom))
    coefficient = top[0] / bottom[0]
    over, under = abs(coefficient.p), coefficient.q
    upper = [*([Integer(over)] if over != 1 else []), *top[1]]
    lower = [*([Integer(under)] if under != 1 else []), *bottom[1]]
    body = mul(*upper) if upper else ONE
    shown = Frac(body, mul(*lower)) if lower else body
    return shown if coefficient > 0 else MINUS_ONE if shown == ONE else neg(shown)


def _factored(frame: Frame, poly: Any) -> tuple[Any, list[Expr]]:
    """The number and the other factors of a polynomial."""
    if poly == 0:
        return Rational(0), []
    number, factors = poly.factor_list()
    coefficient = Rational(int(number.numerator), int(number.denominator))
    found: list[tuple[bool, Expr]] = []
    for factor, exponent in factors:
        if len(factor) == 1:
            monomial, inner = next(iter(factor.terms()))
            coefficient *= Rational(int(inner.numerator), int(inner.denominator)) ** exponent
            found.append((False, _monomial(frame, tuple(e * exponent for e in monomial))[0]))
            continue
        content, primitive = factor.primitive()
        if factor.coeffs()[0] < 0:
            content, primitive = -content, -primitive
        coefficient *= Rational(int(content.numerator), int(content.denominator)) ** exponent
        written = _sum(frame, primitive)
        found.append((True, written if exponent == 1 else power(written, Integer(exponent))))
    found.sort(key=lambda f: f[0])
    return coefficient, [f for _, f in found]


def _sum(frame: Frame, poly: Any) -> Expr:
    terms = []
    for monomial, coefficient in poly.terms():
        number = Rational(int(coefficient.numerator), int(coefficient.denominator))
        factors = _monomial(frame, monomial)
        size = abs(number)
        shown = mul(*([size] if size != 1 or not factors else []), *factors)
        terms.append(shown if number > 0 else neg(shown))
    positive = all(c > 0 for c in poly.coeffs())
    if positive and not any(poly.monoms()[-1]) and add(*terms).has(exp):
        terms = [terms[-1], *terms[:-1]]  # 1 + e^{-x}
    return add(*terms)


def _monomial(frame: Frame, monomial: tuple[int, ...]) -> list[Expr]:
    """x before constants, exponentials last and each as one power of e."""
    found: list[Expr] = []
    for g, exponent in zip(frame.order, monomial, strict=True):
        if not exponent:
            continue
        if g.kind in ("exp", "exponential"):
            argument = cast(Expr, exponent * cast(Expr, g.argument))
            found.append(cast(Expr, exp(argument, evaluate=False)))
        else:
            found.append(g.key if exponent == 1 else power(g.key, Integer(exponent)))
    return found


def latex_sign(entry: Activation) -> str:
    """The sign of f in LaTeX; upright, as a name and not as an operator with space around it."""
    return entry.latex.replace(r"\operatorname", r"\mathrm")


def written_number(value: Expr) -> Expr:
    """A number as it is written: fractions as fractions, √2/2 and not √2·2^{-1}."""
    if value in (oo, -oo) or isinstance(value, Rational):
        return value
    if isinstance(value, Add):
        return add(*(written_number(term) for term in value.args))
    top, bottom = value.as_numer_denom()
    return value if bottom == 1 else Frac(top, bottom)


def shown(value: Value, rounding: Callable[[float], int] = round) -> Expr:
    """A value as mathematics: exact where it can be, else a decimal."""
    exact = value.exact
    if exact is not None and (not isinstance(exact, Rational) or exact.q <= LONG):
        return written_number(exact)
    return Near(cast(Decimal, decimal(value.middle, 6, rounding)))


def decimal(value: float, digits: int, rounding: Callable[[float], int] = round) -> Expr:
    """A float as a decimal number."""
    scaled = Fraction(value) * 10**digits
    return Decimal(Rational(rounding(scaled), 10**digits))


def _enclosure(value: Value) -> dict[str, Argument]:
    return {
        "low": decimal(value.box.low, DIGITS, math.floor),
        "high": decimal(value.box.high, DIGITS, math.ceil),
    }


def _at(place: Value) -> Expr:
    """x = place."""
    return cast(Expr, Eq(X, shown(place), evaluate=False))


def _shown(spans: tuple[Stretch, ...]) -> tuple[Expr, ...]:
    return tuple(span.shown() for span in spans)


def _size(expr: Expr) -> int:
    return 1 + sum(_size(cast(Expr, arg)) for arg in expr.args)


# ---------------------------------------------------------------- sets of values


def _least(marks: list[tuple[Value, bool]]) -> tuple[Value, bool]:
    """The least value, and whether it is attained."""
    best, attained = marks[0]
    for value, here in marks[1:]:
        if value.below(best):
            best, attained = value, here
        elif not best.below(value):
            attained = attained or here
    return best, attained and not best.infinite


def _together(values: list[Value]) -> Value:
    """One number of which several enclosures are known; the exact one where there is one."""
    for value in values:
        if value.exact is not None:
            return value
    low, high = min(v.box.low for v in values), max(v.box.high for v in values)
    return Value(None, Interval(low, high))


def _union(spans: list[Stretch]) -> list[Stretch]:
    """Sets that overlap or touch in a number that one of them holds, joined."""
    found: list[Stretch] = []
    for span in sorted(spans, key=lambda s: (s.low.middle, not s.closed_low, s.high.middle)):
        if not found or not _touch(found[-1], span):
            found.append(span)
            continue
        last = found[-1]
        closed_low = last.closed_low or (not last.low.below(span.low) and span.closed_low)
        if last.high.below(span.high):
            high, closed_high = span.high, span.closed_high
        else:
            same = not span.high.below(last.high)
            high, closed_high = last.high, last.closed_high or (same and span.closed_high)
        found[-1] = Stretch(last.low, high, closed_low, closed_high)
    return found


def _touch(left: Stretch, right: Stretch) -> bool:
    if left.high.below(right.low):
        return False
    return right.low.below(left.high) or left.closed_high or right.closed_low
