"""What somebody probably meant: a wrong equation is repaired in the usual ways until a repair holds.

Smallest changes are tried first, those of the right side before those of the left. Each is made in the
tree, which is judged, and in the text as it was written, which is shown; what was not changed stays.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import combinations, islice, product
from math import floor, isfinite, log10

from backprop_symbolic.message import Message
from backprop_symbolic.review.splice import (
    Change,
    Site,
    Written,
    exchanged,
    in_brackets,
    minus,
    names,
    outer,
    renamed,
    sites,
    without,
)
from backprop_symbolic.review.tree import (
    Applied,
    Beside,
    Cases,
    Derivative,
    Name,
    Node,
    Number,
    Power,
    Primed,
    Product,
    Quotient,
    Statement,
    Sum,
)

#: As many repairs are tried of one equation, and as many of one kind.
MAX_TRIED, MAX_OF_A_KIND = 1200, 300
#: As many repairs are tried in a whole text: a second or two, however many of its lines are wrong.
MAX_IN_ALL = 6_000
#: As many names, derivatives, factors of the surrounding text are tried.
NEAR, FEW = 24, 12
LEFT, RIGHT = 0, 1

_Found = Iterator[tuple[Message, Change]]
_Kind = Callable[["_Side"], _Found]


@dataclass(frozen=True)
class Vocabulary:
    """What a text writes, each as it is written where it is first read.

    names        every name
    derivatives  every derivative of a name
    factors      what the text says that a derivative of a name is: (derivative, its value)
    numbers      every number
    """

    names: Mapping[Name, str] = field(default_factory=dict)
    derivatives: Mapping[Derivative, str] = field(default_factory=dict)
    factors: Mapping[Derivative, Written] = field(default_factory=dict)
    numbers: Mapping[Number, str] = field(default_factory=dict)


@dataclass(slots=True)
class Patience:
    """How many repairs may still be tried."""

    left: int = MAX_IN_ALL

    def spend(self) -> bool:
        """Whether one more may be tried."""
        self.left -= 1
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class Mistake:
    """A probable mistake: in words, the equation's side that it is on, and that side as it would be right.

    text  that side, as it was written but for the change
    """

    said: Message
    side: int
    node: Node
    text: str


def vocabulary(statements: Sequence[object]) -> Vocabulary:
    """What the rows of a text write; those that were not read are passed over."""
    found_names: dict[Name, str] = {}
    derivatives: dict[Derivative, str] = {}
    factors: dict[Derivative, Written] = {}
    numbers: dict[Number, str] = {}
    before: Node | None = None
    for statement in statements:
        if not isinstance(statement, Statement):
            continue
        text = statement.row.text
        for relation in statement.relations:
            for side in relation.sides:
                for site in sites(side) if side is not None else ():
                    node, shown = site.node, text[site.node.span[0] : site.node.span[1]]
                    if isinstance(node, Name) and node != Name("e"):
                        found_names.setdefault(node, shown)
                    elif isinstance(node, Derivative) and isinstance(node.of, Name):
                        derivatives.setdefault(node, shown)
                    elif isinstance(node, Number):
                        numbers.setdefault(node, shown)
            before = relation.sides[0] if relation.sides[0] is not None else before
            last = relation.sides[-1]
            if isinstance(before, Derivative) and last is not None and last is not before:
                factors[before] = Written(last, text)
    return Vocabulary(found_names, derivatives, factors, numbers)


def probable(
    left: Written,
    right: Written,
    known: Vocabulary,
    holds: Callable[[Node, Node], bool],
    *,
    left_too: bool = True,
    patience: Patience | None = None,
) -> Mistake | None:
    """The smallest repair with which left = right holds, or None where no usual one does.

    left_too  whether the left side may be what is wrong: it is not where it goes on from a row above
    patience  what is left of it; spent in trying
    """
    patience = patience or Patience()
    turns = [(RIGHT, right, left), *([(LEFT, left, right)] if left_too else [])]
    for which, side, other in turns:
        for said, change in repairs(side, other, known):
            if not patience.spend():
                return None
            sides = (left.node, change.node) if which == RIGHT else (change.node, right.node)
            if sides[0] != sides[1] and holds(*sides):
                return Mistake(said, which, change.node, change.applied(side))
    return None


def repairs(side: Written, other: Written, known: Vocabulary) -> Iterator[tuple[Message, Change]]:
    """The repairs of one side that are tried, each once, in their order."""
    seen: set[Node] = {side.node}
    for kind in _KINDS:
        for said, change in islice(kind(_Side(side, other, known)), MAX_OF_A_KIND):
            if change.node not in seen and len(seen) <= MAX_TRIED:
                seen.add(change.node)
                if change.applied(side) != str(
                    side
                ):  # as in tanh^2(x), whose exponent has no place of its own
                    yield said, change


@dataclass(frozen=True)
class _Side:
    """The side of an equation that is to be repaired, the other one, and what the text writes."""

    written: Written
    other: Written
    known: Vocabulary

    @property
    def node(self) -> Node:
        return self.written.node

    def shown(self, name: Name) -> str:
        """A name as the text writes it."""
        return self.known.names.get(name) or _plain(name)

    def near(self) -> list[Name]:
        """The names of both sides, then those of the whole text."""
        here = [n for n in (*names(self.node), *names(self.other.node)) if n != Name("e")]
        return list(dict.fromkeys([*here, *self.known.names]))[: NEAR + len(set(here))]

    def put(self, site: Site, node: Node, text: str, span: tuple[int, int] | None = None) -> Change:
        """A change of one piece."""
        return Change(site.put(node), span or site.node.span, text)


# ---------------------------------------------------------------- signs


def _signs(side: _Side) -> _Found:
    """The sign of the whole, of a factor, of a term."""
    inner = _has_inner(side.other.node) or _has_inner(side.node)
    for said, change, whole in _sign_changes(side):
        yield (Message("review.mistake_inner_minus") if whole and inner else said), change


def _sign_changes(side: _Side) -> Iterator[tuple[Message, Change, bool]]:
    """Each with whether it is the sign of the whole that is changed."""
    text = side.written.text
    for site in sites(side.node):
        node, whole = site.node, all(isinstance(n, (Product, Beside, Quotient)) for n in site.above)
        if isinstance(node, Sum):
            if len(node.terms) == 2 and node.terms[0][0] != node.terms[1][0]:
                (_, a), (_, b) = sorted(node.terms, key=lambda t: -t[0])
                turned = Sum(((1, b), (-1, a)), span=node.span)
                shown = f"{in_brackets(side.written, b)} - {in_brackets(side.written, a)}"
                args = {"written": side.written.of(node), "meant": shown}
                yield Message("review.mistake_turned", args), side.put(site, turned, shown), whole
            for i, (sign, _) in enumerate(node.terms):
                terms = (*node.terms[:i], (-sign, node.terms[i][1]), *node.terms[i + 1 :])
                new: Node = Sum(terms, span=node.span)
                if len(terms) == 1 and sign < 0:
                    new = node.terms[0][1]
                change = _sign_of_term(side, site, new, text, i)
                if change is not None:
                    yield Message("review.mistake_sign"), change, whole and len(terms) == 1
    for site in sites(side.node):
        node = site.node
        top = site.parent is None or (isinstance(site.parent, Power) and site.parent.exponent is node)
        if isinstance(node, Applied) or top:
            shown = "-" + in_brackets(side.written, node)
            yield (
                Message("review.mistake_sign"),
                side.put(site, Sum(((-1, node),)), shown, outer(text, node.span)),
                True,
            )


def _sign_of_term(side: _Side, site: Site, new: Node, text: str, index: int) -> Change | None:
    """The sign before a term turned round."""
    node = site.node
    assert isinstance(node, Sum)
    sign, term = node.terms[index]
    start = outer(text, term.span)[0]
    since = node.span[0] if index == 0 else outer(text, node.terms[index - 1][1].span)[1]
    place = minus(text, min(since, start), start)
    if place is None:
        return Change(site.put(new), (start, start), "-" if index == 0 else " - ")
    shown = "" if index == 0 and sign < 0 else "-" if sign > 0 else "+"
    return Change(site.put(new), place, shown)


def _has_inner(node: Node) -> bool:
    """Whether the derivative of something composed is still to be done in it, or is a -1 written out."""
    return any(
        isinstance(s.node, Primed) or (isinstance(s.node, Derivative) and not isinstance(s.node.of, Name))
        for s in sites(node)
    )


# ---------------------------------------------------------------- names


def _sibling(name: Name, other: Name) -> bool:
    """Whether two names differ in their index alone; o and 0, l and 1 are easily mistaken."""
    same = (name.base, name.sup, name.tense, name.mark) == (other.base, other.sup, other.tense, other.mark)
    return same and name.sub != other.sub and _shape(name.sub) == _shape(other.sub)


def _shape(sub: str) -> str:
    """What an index looks like: letters stay, digits are one."""
    return re.sub(r"\d+", "1", re.sub(r"(?<![A-Za-z])0(?=\d)", "o", sub))


def _siblings(side: _Side, name: Name) -> list[Name]:
    """The names that an index makes of this one, the nearest first; one that has the index behind too."""
    found = [other for other in side.known.names if _sibling(name, other)]
    if not found:
        found = [
            o
            for o in side.known.names
            if (o.base, o.mark, o.tense) == (name.base, name.mark, name.tense) and o != name
        ]
    here = set(names(side.node)) | set(names(side.other.node))
    return sorted(found, key=lambda o: (_apart(name, o), o in here))[:FEW]


def _apart(name: Name, other: Name) -> int:
    """In how many signs two indices differ; a transposed one counts as one."""
    if sorted(name.sub) == sorted(other.sub):
        return 1
    return sum(a != b for a, b in zip(name.sub, other.sub, strict=False)) + abs(
        len(name.sub) - len(other.sub)
    )


def _exchange(side: _Side, site: Site, key: str, new: Name) -> tuple[Message, Change]:
    args = {"written": side.written.of(site.node), "meant": side.shown(new)}
    return Message(key, args), side.put(site, new, side.shown(new))


def _in_derivative(site: Site) -> bool:
    return any(isinstance(node, Derivative) for node in site.above)


def _indices(side: _Side) -> _Found:
    """One name, then every occurrence of it, with another index."""
    found = [s for s in sites(side.node) if isinstance(s.node, Name) and not _in_derivative(s)]
    for site in found:
        name = site.node
        assert isinstance(name, Name)
        for other in _siblings(side, name):
            yield _exchange(side, site, _index_key(name, other), other)
    counted = Counter(site.node for site in found)
    for name, times in counted.items():
        if isinstance(name, Name) and times > 1:
            for other in _siblings(side, name):
                yield _everywhere(side, name, other)


def _index_key(name: Name, other: Name) -> str:
    turned = len(name.sub) > 1 and name.sub != other.sub and sorted(name.sub) == sorted(other.sub)
    return "review.mistake_transposed" if turned else "review.mistake_index"


def _everywhere(side: _Side, name: Name, other: Name) -> tuple[Message, Change]:
    """Every occurrence of a name exchanged."""
    node, text = renamed(side.written, side.node, {name: (other, side.shown(other))})
    args = {"written": side.shown(name), "meant": side.shown(other)}
    return Message(_index_key(name, other), args), Change(node, side.node.span, text)


def _times(side: _Side) -> _Found:
    """A weight before the update for one after it, and the other way round."""
    for site in sites(side.node):
        name = site.node
        if not isinstance(name, Name) or _in_derivative(site):
            continue
        for other in side.known.names:
            if replace(other, tense="") == replace(name, tense="") and other.tense != name.tense:
                yield _exchange(side, site, "review.mistake_updated", other)


def _other_names(side: _Side) -> _Found:
    """A name exchanged for any other."""
    for site in sites(side.node):
        if isinstance(site.node, Name) and not _in_derivative(site):
            for other in side.near():
                yield _exchange(side, site, "review.mistake_name", other)


# ---------------------------------------------------------------- derivatives


def _derivatives(side: _Side) -> _Found:
    """A derivative of another name, or by another, of those that the text writes."""
    for site in sites(side.node):
        node = site.node
        if not isinstance(node, Derivative) or not isinstance(node.of, Name):
            continue
        order = sorted(
            (d for d in side.known.derivatives if d != node),
            key=lambda d: (d.of != node.of) + (d.by != node.by),
        )
        for other in order[:NEAR]:
            shown = side.known.derivatives[other]
            args = {"written": side.written.of(node), "meant": shown}
            yield Message("review.mistake_derivative", args), side.put(site, other, shown)
        for place, name in (("of", node.of), ("by", node.by)):
            for new in _siblings(side, name):
                other = replace(node, **{place: new})  # type: ignore[arg-type]
                shown = _respelled(side, node, name, new)
                args = {"written": side.written.of(node), "meant": shown}
                yield Message("review.mistake_derivative", args), side.put(site, other, shown)
        for new in side.near():
            if not new.tense and new not in (node.by, node.of):
                shown = _respelled(side, node, node.by, new)
                args = {"written": side.written.of(node), "meant": shown}
                yield Message("review.mistake_derivative", args), side.put(site, replace(node, by=new), shown)


def _respelled(side: _Side, node: Derivative, name: Name, new: Name) -> str:
    """A derivative with one of its names exchanged."""
    start, end = name.span
    return side.written.text[node.span[0] : start] + side.shown(new) + side.written.text[end : node.span[1]]


# ---------------------------------------------------------------- factors


def _extra_numbers(side: _Side) -> _Found:
    """A number left out that is a factor, as where a mean is taken for a sum."""
    for site in sites(side.node):
        node = site.node
        if isinstance(node, Product) and len(node.factors) > 1:
            for i, factor in enumerate(node.factors):
                if not names(factor):
                    yield _without_factor(side, site, node, i)


def _without_factor(side: _Side, site: Site, node: Product, index: int) -> tuple[Message, Change]:
    """A product without one of its factors."""
    rest = (*node.factors[:index], *node.factors[index + 1 :])
    left = rest[0] if len(rest) == 1 else Product(rest, span=node.span)
    args = {"factor": side.written.of(node.factors[index])}
    change = side.put(site, left, "", without(side.written, node.factors, index))
    return Message("review.mistake_extra_factor", args), change


def _extra_factors(side: _Side) -> _Found:
    """One factor left out."""
    for site in sites(side.node):
        node = site.node
        if isinstance(node, Product) and len(node.factors) > 1:
            for i in range(len(node.factors)):
                yield _without_factor(side, site, node, i)
        elif isinstance(node, Beside):
            pieces = (node.name, node.inside)
            for i, piece in enumerate(pieces):
                args = {"factor": side.written.of(piece)}
                span = without(side.written, pieces, i)
                yield Message("review.mistake_extra_factor", args), side.put(site, pieces[1 - i], "", span)
        elif isinstance(node, Quotient):
            args = {"factor": rf"\frac{{1}}{{{side.written.of(node.bottom)}}}"}
            yield (
                Message("review.mistake_extra_factor", args),
                side.put(site, node.top, side.written.of(node.top)),
            )


def _lost_slopes(side: _Side) -> _Found:
    """f' lost, as the text writes it."""
    return (found for found in _lost_factors(side) if found[0].key == "review.mistake_lost_slope")


def _lost_factors(side: _Side) -> _Found:
    """The whole, or one of its terms, multiplied by what it lacks: f' first."""
    for key, factor, shown in _factors(side):
        for site in _terms(side.node):
            yield Message(key, {"factor": shown}), _multiplied(side, site, factor, shown)


def _terms(node: Node) -> Iterator[Site]:
    """The whole, and every term of a sum that is itself a factor or the whole."""
    for site in sites(node):
        outside = all(isinstance(n, (Sum, Product, Beside)) for n in site.above)
        if site.parent is None or (outside and isinstance(site.parent, Sum)):
            yield site


def _multiplied(side: _Side, site: Site, factor: Node, shown: str) -> Change:
    old = site.node
    factors = (*old.factors, factor) if isinstance(old, Product) else (old, factor)
    text = f"{in_brackets(side.written, old)} \\cdot {_bracketed(factor, shown)}"
    return side.put(site, Product(factors), text, outer(side.written.text, old.span))


def _bracketed(node: Node, text: str) -> str:
    return f"({text})" if isinstance(node, Sum) else text


def _factors(side: _Side) -> Iterator[tuple[str, Node, str]]:
    """What may have been lost: a slope, another factor of the other side or of the text, a name, a number."""
    one = Number("1", Fraction(1), Fraction(0))
    found: list[tuple[str, Node, str]] = []
    for name in side.near()[: NEAR // 2]:
        shown = side.shown(name)
        rest = Sum(((1, one), (-1, name)))
        found.append(("review.mistake_lost_slope", Product((name, rest)), f"{shown} (1 - {shown})"))
        power: Node = Power(Name("e"), Sum(((-1, name),)))
        found.append(("review.mistake_lost_slope", Sum(((1, one), (-1, power))), f"1 - e^{{-{shown}}}"))
    for derivative, value in side.known.factors.items():
        key = (
            "review.mistake_lost_slope" if _is_slope(derivative, value.node) else "review.mistake_lost_factor"
        )
        found.append((key, value.node, str(value)))
    for site in sites(side.other.node):
        if isinstance(site.parent, (Product, Beside)):
            shown = side.other.of(site.node)
            known = side.known.factors.get(site.node) if isinstance(site.node, Derivative) else None
            slope = isinstance(site.node, Applied) and site.node.primes
            if isinstance(site.node, Derivative) and known is not None:
                slope = _is_slope(site.node, known.node)
            slope = slope or any(
                value.node == site.node and _is_slope(of, value.node)
                for of, value in side.known.factors.items()
            )
            key = "review.mistake_lost_slope" if slope else "review.mistake_lost_factor"
            found.append((key, site.node, shown))
    yield from islice(sorted(found, key=lambda f: f[0] != "review.mistake_lost_slope"), 3 * NEAR)
    for name in side.near()[:NEAR]:
        yield "review.mistake_lost_factor", name, side.shown(name)
        power = Power(name, Number("2", Fraction(2), Fraction(0)))
        shown = rf"1 - {side.shown(name)}^{{2}}"
        yield "review.mistake_lost_slope", Sum(((1, one), (-1, power))), shown
    for derivative, shown in islice(side.known.derivatives.items(), 2 * NEAR):
        known = side.known.factors.get(derivative)
        slope = known is not None and _is_slope(derivative, known.node)
        yield "review.mistake_lost_slope" if slope else "review.mistake_lost_factor", derivative, shown


def _is_slope(derivative: Derivative, value: Node) -> bool:
    """Whether the value of a derivative is that of an activation: f', cases, or the output itself in it."""
    return any(isinstance(s.node, (Applied, Cases)) or s.node == derivative.of for s in sites(value))


def _means(side: _Side) -> _Found:
    """A number for a factor: 2, 1/2, the number of outputs."""
    for count in (2, 3, 4):
        number = Number(str(count), Fraction(count), Fraction(0))
        one = Number("1", Fraction(1), Fraction(0))
        for factor, shown in ((number, str(count)), (Quotient(one, number), rf"\frac{{1}}{{{count}}}")):
            for site in _terms(side.node):
                text = f"{shown} {in_brackets(side.written, site.node)}"
                if re.match(r"\s*[\d(]?\d", text[len(shown) :]):
                    text = f"{shown} \\cdot {in_brackets(side.written, site.node)}"
                change = side.put(
                    site, Product((factor, site.node)), text, outer(side.written.text, site.node.span)
                )
                yield Message("review.mistake_mean", {"factor": shown}), change


def _powers(side: _Side) -> _Found:
    """Another exponent."""
    for site in sites(side.node):
        node = site.node
        if isinstance(node, Power):
            args = {"written": side.written.of(node), "meant": in_brackets(side.written, node.base)}
            span = (node.base.span[0], node.span[1])
            base = outer(side.written.text, node.base.span)
            shown = side.written.text[base[0] : base[1]]
            yield (
                Message("review.mistake_exponent", args),
                side.put(site, node.base, shown, (min(span[0], base[0]), span[1])),
            )
        elif isinstance(node, (Name, Sum)) and isinstance(site.parent, (Product, Sum, Quotient, type(None))):
            square = Power(node, Number("2", Fraction(2), Fraction(0)))
            shown = f"{in_brackets(side.written, node)}^{{2}}"
            args = {"written": side.written.of(node), "meant": shown}
            yield (
                Message("review.mistake_exponent", args),
                side.put(site, square, shown, outer(side.written.text, node.span)),
            )


# ---------------------------------------------------------------- terms


def _extra_terms(side: _Side) -> _Found:
    """One term left out."""
    text = side.written.text
    for site in sites(side.node):
        node = site.node
        if not isinstance(node, Sum) or len(node.terms) < 2:
            continue
        for i, (_, term) in enumerate(node.terms):
            rest = (*node.terms[:i], *node.terms[i + 1 :])
            left: Node = Sum(rest, span=node.span) if len(rest) > 1 or rest[0][0] < 0 else rest[0][1]
            if i:
                span = outer(text, node.terms[i - 1][1].span)[1], outer(text, term.span)[1]
            else:
                start = outer(text, node.terms[1][1].span)[0]
                sign = minus(text, outer(text, term.span)[1], start)
                span = node.span[0], start if sign is None or node.terms[1][0] > 0 else sign[0]
            yield (
                Message("review.mistake_extra_term", {"term": side.written.of(term)}),
                side.put(site, left, "", span),
            )


def _lost_terms(side: _Side) -> _Found:
    """A path forgotten: a term once more with other indices; a term of the other side."""
    found = [*_paths_alone(side), *_paths_among_factors(side)]
    for _, said, change in sorted(islice(found, 8 * MAX_OF_A_KIND), key=lambda f: f[0]):
        yield said, change
    for other in sites(side.other.node):
        if isinstance(other.node, Sum):
            for sign, term in other.node.terms:
                shown = side.other.of(term)
                yield Message("review.mistake_lost_term", {"term": shown}), _added(side, sign, term, shown)


def _added(side: _Side, sign: int, term: Node, shown: str) -> Change:
    node = side.node
    terms = node.terms if isinstance(node, Sum) else ((1, node),)
    text = f"{side.written.of(node)} {'-' if sign < 0 else '+'} {shown}"
    return Change(Sum((*terms, (sign, term))), node.span, text)


def _paths_alone(side: _Side) -> Iterator[tuple[int, Message, Change]]:
    """Every term as one path of several, with its length."""
    for site in _terms(side.node):
        taken = isinstance(site.parent, Sum) and (-1, site.node) in site.parent.terms
        span = outer(side.written.text, site.node.span)
        for said, new, text in _with_sibling(side, site.node):
            yield span[1] - span[0], said, side.put(site, new, f"({text})" if taken else text, span)


def _paths_among_factors(side: _Side) -> Iterator[tuple[int, Message, Change]]:
    """Some factors side by side are one path of several: (a b + a' b') c for a b c."""
    for site in sites(side.node):
        node = site.node
        if not isinstance(node, Product) or not all(isinstance(n, (Sum, Product)) for n in site.above):
            continue
        spans = [outer(side.written.text, factor.span) for factor in node.factors]
        for first, last in combinations(range(len(spans) + 1), 2):
            if last - first > 3 or last - first == len(spans):
                continue
            span = spans[first][0], spans[last - 1][1]
            some = node.factors[first:last]
            path = some[0] if len(some) == 1 else Product(some, span=span)
            for said, both, text in _with_sibling(side, path):
                whole = Product((*node.factors[:first], both, *node.factors[last:]))
                yield span[1] - span[0], said, side.put(site, whole, f"({text})", span)


def _with_sibling(side: _Side, term: Node) -> Iterator[tuple[Message, Node, str]]:
    """A term and, added to it, the same with other indices, as far as the text has names for them."""
    start, end = outer(side.written.text, term.span)
    own = list(dict.fromkeys(names(term)))
    choices = [[name, *_siblings(side, name)] for name in own]
    tried = 0
    # Most names change from path to path; those that do not belong to what the paths have in common.
    ways = islice(product(*(range(len(c)) for c in choices)), 4 * MAX_OF_A_KIND)
    for picked in sorted(ways, key=lambda p: (sum(i == 0 for i in p), sum(p))):
        new = {n: c[i] for n, c, i in zip(own, choices, picked, strict=True) if i}
        if not new or tried >= MAX_OF_A_KIND // 4:
            continue
        tried += 1
        sibling, shown = renamed(side.written, term, {n: (o, side.shown(o)) for n, o in new.items()})
        text = f"{side.written.text[start:end]} + {shown}"
        yield Message("review.mistake_lost_path", {"term": shown}), Sum(((1, term), (1, sibling))), text


# ---------------------------------------------------------------- numbers


def _numbers(side: _Side) -> _Found:
    """A number exchanged for one of the text that a slip of the hand makes of it."""
    for site in sites(side.node):
        node = site.node
        if not isinstance(node, Number):
            continue
        for other, shown in side.known.numbers.items():
            if other != node and len(node.text) > 1 and one_slip(node.text, other.text):
                args = {"written": side.written.of(node), "meant": shown}
                yield Message("review.mistake_digit", args), side.put(site, other, shown)


#: By so many units of its last digit a result may be off because it came from rounded numbers.
ROUNDED = 4


def number_slip(written: str, right: float) -> tuple[Message, str] | None:
    """What went wrong in a result of numbers, and the right one to as many digits; None where it is right.

    written  as printed: 0.0822, -1.5e-3, 1.2 \\times 10^{-3}
    """
    match = re.fullmatch(r"\s*([-−]?)\s*(\d*\.?\d*)\s*(.*?)\s*", written, re.S)
    if match is None or not match[2].strip(".") or not isfinite(right):
        return None
    tail = match[3]
    scale = re.search(r"(?:[eE]|10\s*\^\s*\{?)\s*\{?\s*([-−+]?\d{1,3})", tail)
    power = int(scale[1].replace("−", "-")) if scale is not None else 0
    decimals = len(match[2].partition(".")[2])
    value = (-1 if match[1] else 1) * float(match[2])
    exact = right / 10.0**power
    shown = f"{exact:.{decimals}f}"
    if float(shown) == value:
        return None
    meant = f"{shown}{' ' if tail.startswith(chr(92)) else ''}{tail}"
    args: dict[str, str] = {"written": written.strip(), "meant": meant}
    unit = 10.0**-decimals
    if abs(abs(value) - abs(float(shown))) < unit / 2:
        key = "review.mistake_sign"
    elif (
        value == floor(abs(exact) / unit) * unit * (1 if exact >= 0 else -1)
        or abs(value - exact) < 1.5 * unit
    ):
        key = "review.mistake_rounding"
    elif value * exact >= 0 and any(
        one_slip(match[2], f"{abs(exact) + near * unit:.{decimals}f}")
        for near in range(-ROUNDED, ROUNDED + 1)
    ):
        key = "review.mistake_digit"
    elif (
        exact and abs(log10(abs(value / exact)) - round(log10(abs(value / exact)))) < 1e-4 if value else False
    ):
        key = "review.mistake_point"
    else:
        key = "review.mistake_arithmetic"
    return Message(key, args if key != "review.mistake_sign" else {}), meant


def one_slip(written: str, meant: str) -> bool:
    """Whether one digit changed, lost, put in, or two neighbours exchanged makes one text of the other."""
    if written == meant:
        return False
    head = 0
    while head < min(len(written), len(meant)) and written[head] == meant[head]:
        head += 1
    a, b = written[head:], meant[head:]
    if len(a) == len(b):
        return a[1:] == b[1:] or (len(a) > 1 and a[:2] == b[1::-1] and a[2:] == b[2:])
    return a[1:] == b if len(a) == len(b) + 1 else a == b[1:] if len(b) == len(a) + 1 else False


# ---------------------------------------------------------------- all of them


def _plain(name: Name) -> str:
    """A name that the text does not write."""
    base = name.base if len(name.base) == 1 else rf"\mathit{{{name.base}}}"
    sub = f"_{{{name.sub}}}" if name.sub else ""
    sup = f"^{{{name.sup}}}" if name.sup else ""
    return f"{base}{sub}{sup}{'(t+1)' if name.tense == 'next' else ''}"


def _one_or_other(side: _Side) -> _Found:
    """Both names of a difference or a product with other indices at once: (y_1 - t_1) for (y_2 - t_2)."""
    own = [n for n in dict.fromkeys(names(side.node)) if any(c.isdigit() for c in n.sub)]
    for a, b in islice(product("123456789", repeat=2), 81):
        if a == b or not any(a in n.sub for n in own):
            continue
        new = {n: replace(n, sub=n.sub.replace(a, b)) for n in own if a in n.sub}
        if not all(m in side.known.names for m in new.values()):
            continue
        node = exchanged(side.node, new)
        _, text = renamed(side.written, side.node, {n: (m, side.shown(m)) for n, m in new.items()})
        yield Message("review.mistake_index", {"written": a, "meant": b}), Change(node, side.node.span, text)


#: From the smallest change to the largest.
_KINDS: tuple[_Kind, ...] = (
    _signs,
    _numbers,
    _times,
    _indices,
    _extra_numbers,
    _lost_slopes,
    _derivatives,
    _extra_factors,
    _lost_factors,
    _means,
    _powers,
    _extra_terms,
    _lost_terms,
    _one_or_other,
    _other_names,
)

__all__ = [
    "LEFT",
    "RIGHT",
    "Mistake",
    "Patience",
    "Vocabulary",
    "number_slip",
    "one_slip",
    "probable",
    "repairs",
    "vocabulary",
]
