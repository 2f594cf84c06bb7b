"""Documents of this package with one line damaged, in the ways in which people slip.

A case is drawn by its seed: a network, a notation, a language, a format, a kind of damage, a line. The
damage is done to the expressions of the document before it is written, and the verifier refutes the line.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cache
from itertools import pairwise

from sympy import Add, Basic, Expr, Integer, Mul, Rational, Symbol

from backprop_symbolic import Network
from backprop_symbolic.algebra import (
    MINUS_ONE,
    Call,
    Numeral,
    Ordinary,
    Partial,
    Prime,
    Tight,
    add,
    mul,
    neg,
    rebuild,
    symbols,
)
from backprop_symbolic.algebra import replace as substituted
from backprop_symbolic.api import VerifiedDerivation, derive
from backprop_symbolic.document import Display, Document, Row, document
from backprop_symbolic.evaluate import Evaluator, Numbers, Undecidable
from backprop_symbolic.graph import Graph, dense
from backprop_symbolic.graph import after as after_update
from backprop_symbolic.notation import notation
from backprop_symbolic.numeric.substitute import with_numbers
from backprop_symbolic.numeric.values import random_values, resolve
from backprop_symbolic.render import write_document
from backprop_symbolic.rendering.base import Options
from backprop_symbolic.review import grammar, judge, sources
from backprop_symbolic.review.context import Given
from backprop_symbolic.review.tree import UNDECIDED, WRONG
from backprop_symbolic.rules import Inserted
from backprop_symbolic.verify import Verifier

#: What the mistake of each kind of damage may be called: some are one and the same change.
KINDS = {
    "sign": ("sign", "turned", "inner_minus"),
    "lost_slope": ("lost_slope",),
    "index": ("index", "transposed"),
    "lost_path": ("lost_path", "lost_term"),
    "extra_factor": ("extra_factor",),
    "derivative": ("derivative", "lost_slope"),  # ∂E/∂y for ∂E/∂net lacks ∂y/∂net
    "lost_minus": ("inner_minus",),
    "digit": ("digit", "rounding"),
    "transposed": ("transposed", "index"),
    "mean": ("mean", "extra_factor"),  # a factor 1/n too many, or lost
    "updated": ("updated",),
    "rounding": ("rounding",),
}
#: Damage to the results of numbers.
NUMBERS = ("digit", "rounding")
FORMATS = ("github", "jekyll", "myst", "quarto", "obsidian", "latex", "standalone", "notebook")
ACTIVATIONS = ("sigmoid", "sigmoid", "tanh", "identity", "softplus", "relu")
BIASES = ("1", "none", "layer", "node", "fixed")
NOTATIONS = ("lecture", "layered", "mazur")


@dataclass(frozen=True, eq=False)
class Source:
    """A document of this package, undamaged, and what it is about."""

    derived: VerifiedDerivation
    document: Document
    style: str
    language: str
    format: str

    @property
    def graph(self) -> Graph:
        return self.derived.graph

    @property
    def name(self) -> str:
        """A file's name that ends as its format does."""
        return "text" + {"latex": ".tex", "standalone": ".tex", "notebook": ".ipynb"}.get(self.format, ".md")

    def written(self, changed: Document | None = None) -> bytes:
        """The bytes of the document, or of a damaged one."""
        kind, standalone, dialect = {
            "latex": ("latex", False, ""),
            "standalone": ("latex", True, ""),
            "notebook": ("markdown", False, "jupyter"),
        }.get(self.format, ("markdown", False, self.format))
        options = Options(self.language, standalone=standalone, dialect=dialect)
        names = self.graph.written(self.language)
        text = write_document(changed or self.document, kind, names, options).data
        if self.format != "notebook":
            return text
        cell = {"cell_type": "markdown", "metadata": {}, "source": text.decode().splitlines(keepends=True)}
        book = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(book, ensure_ascii=False).encode()


@dataclass(frozen=True)
class Fault:
    """A damaged document: which row of which display, what it said, what it says now."""

    source: Source
    kind: str
    block: int
    row: int
    lhs: Expr
    before: Row
    after: Row

    @property
    def damaged(self) -> Document:
        blocks = list(self.source.document.blocks)
        display = blocks[self.block]
        assert isinstance(display, Display)
        rows = (*display.rows[: self.row], self.after, *display.rows[self.row + 1 :])
        blocks[self.block] = replace(display, rows=rows)
        return replace(self.source.document, blocks=tuple(blocks))

    def __str__(self) -> str:
        s = self.source
        return (
            f"{self.kind} in {s.graph.title} {s.style} {s.language} {s.format}: {self.before} -> {self.after}"
        )


# ---------------------------------------------------------------- documents


def source(seed: int, *, numbers: bool | None = None, every: bool = False) -> Source:
    """A document drawn by its seed; with numbers put in for every other one, or as told.

    every  of all weights where they are few
    """
    draw = random.Random(seed)
    layers = draw.choice((2, 3, 3, 3, 4))
    sizes = tuple(draw.randint(1 if layers > 2 else 2, 3) for _ in range(layers))
    activation = tuple(draw.choice(ACTIVATIONS[:5]) for _ in sizes[1:])
    if numbers is None:
        numbers = draw.random() < 0.4
    return _source(
        sizes, activation, draw.choice(("half_sse", "half_sse", "mse")), draw.choice(BIASES),
        draw.choice(NOTATIONS), draw.choice(("en", "ko")), draw.choice(FORMATS), 3 if every else draw.randrange(4), numbers,
    )  # fmt: skip


@cache
def _source(
    sizes: tuple[int, ...], activation: tuple[str, ...], loss: str, bias: str, style: str, language: str,
    format: str, which: int, numbers: bool,
) -> Source:  # fmt: skip
    graph = dense(Network.dense(list(sizes), list(activation), loss, bias), notation(style))
    parameters = [p.name for p in graph.parameters]
    # Of a network of several layers the first weights are those of the hidden layer.
    weight: list[str] | str = (
        "all"
        if which == 3 and len(parameters) <= 9
        else [parameters[0], parameters[-1]][:: 1 if which % 2 else -1][:1]
    )
    derived = derive(graph, weight, lang=language)
    if numbers:
        derived = with_numbers(derived, resolve(graph, [random_values(graph, 3)]))
    return Source(derived, document(derived.derivation, 1, derived.figures), style, language, format)


# ---------------------------------------------------------------- damage


def fault(seed: int) -> Fault | None:
    """A case drawn by its seed; None where its document has no line that its kind of damage fits."""
    draw = random.Random(seed)
    kind = tuple(KINDS)[seed % len(KINDS)]
    found = source(
        draw.randrange(10**9), numbers=True if kind in NUMBERS else None, every=kind == "updated"
    )
    places = [
        (b, r)
        for b, block in enumerate(found.document.blocks)
        if isinstance(block, Display)
        for r in range(len(block.rows))
    ]
    draw.shuffle(places)
    verifier = Verifier(found.graph, found.derived.derivation.meanings)
    for b, r in places:
        display = found.document.blocks[b]
        assert isinstance(display, Display)
        row = display.rows[r]
        lhs = next(x.lhs for x in reversed(display.rows[: r + 1]) if x.lhs is not None)
        if isinstance(lhs, Call) and lhs.args[1] not in found.graph.quantities:
            continue  # f(x) = … : a text is free to define its functions
        options = list(_DAMAGE[kind](found, lhs, row, draw))
        draw.shuffle(options)
        for after in options[:4]:
            if after != row and _refuted(verifier, lhs, row, after):
                return Fault(found, kind, b, r, lhs, row, after)
    return None


def _refuted(verifier: Verifier, lhs: Expr, before: Row, after: Row) -> bool:
    """Whether the verifier says that the line was right and is now wrong."""
    if after.rhs == before.rhs:
        return _out_of_reach(verifier.graph, after)
    try:
        return bool(verifier.holds(lhs, before.rhs)) and not verifier.holds(lhs, after.rhs)
    except (Undecidable, KeyError):
        return False


def _out_of_reach(graph: Graph, row: Row) -> bool:
    """Whether the result cannot come from other numbers that are printed as those of the line are."""
    point = Evaluator(graph, {}, Numbers(), lambda s: 0j)

    def value(changed: dict[Expr, Expr]) -> float:
        return float(point.value(substituted(row.rhs, changed)).real)

    right, reach = value({}), 0.0
    for number in row.rhs.atoms(Numeral):
        _, digits, scale = number.written
        half = Rational(1, 2) * Rational(10) ** ((scale or 0) - len(digits.partition(".")[2]))
        reach += abs(value({number: Numeral(number.value + half, number.args[1])}) - right)
    assert isinstance(row.result, Numeral)
    return abs(float(row.result.value) - right) > 3 * reach


def _symbolic(row: Row) -> bool:
    return row.result is None and not isinstance(row.rhs, Numeral)


def _sites(expr: Expr) -> Iterator[tuple[Expr, Callable[[Expr], Expr]]]:
    """Every piece outside of derivatives, with the function that puts another in its place."""
    yield expr, lambda new: new
    if isinstance(expr, (Partial, Numeral)):
        return
    for i, arg in enumerate(expr.args):
        if not isinstance(arg, Expr) or (isinstance(expr, (Call, Prime)) and i == 0):
            continue
        for piece, put in _sites(arg):
            yield piece, _within(expr, i, put)


def _within(expr: Expr, index: int, put: Callable[[Expr], Expr]) -> Callable[[Expr], Expr]:
    def whole(new: Expr) -> Expr:
        args: tuple[Basic, ...] = (*expr.args[:index], put(new), *expr.args[index + 1 :])
        return rebuild(expr, args)  # type: ignore[return-value]

    return whole


def _rows(row: Row, found: Iterator[Expr]) -> Iterator[Row]:
    for rhs in found:
        yield replace(row, rhs=rhs)


def _sign(source: Source, lhs: Expr, row: Row, draw: random.Random) -> Iterator[Row]:
    """The sign of one term, or of the whole, turned round."""
    if not _symbolic(row):
        return
    for piece, put in _sites(row.rhs):
        if isinstance(piece, Add):
            for i, term in enumerate(piece.args):
                if i:
                    yield replace(row, rhs=put(add(*piece.args[:i], _negative(term), *piece.args[i + 1 :])))
    if isinstance(row.rhs, Mul):
        yield replace(row, rhs=_negative(row.rhs))


def _negative(term: Expr) -> Expr:
    if isinstance(term, Mul) and term.args[0] == MINUS_ONE:
        return mul(*term.args[1:])
    if isinstance(term, Rational):
        return -term
    return Mul(MINUS_ONE, *term.args, evaluate=False) if isinstance(term, Mul) else neg(term)


def _slopes(source: Source) -> set[Expr]:
    """f'(net) as the derivation writes it, and as a derivative."""
    found: set[Expr] = set()
    graph = source.graph
    for step in source.derived.steps:
        if isinstance(step.rule, Inserted):
            for key, fact in step.rule.values:
                if (
                    isinstance(key, Partial)
                    and key.of in graph.quantities
                    and graph[key.of].role == "activation"
                ):
                    found |= {key, fact}
    return {f for f in found if not isinstance(f, (Integer, Symbol))}


def _lost_slope(source: Source, lhs: Expr, row: Row, draw: random.Random) -> Iterator[Row]:
    slopes = _slopes(source)
    for piece, put in _sites(row.rhs) if _symbolic(row) else ():
        if isinstance(piece, Mul):
            for i, factor in enumerate(piece.args):
                if factor in slopes:
                    yield replace(row, rhs=put(mul(*piece.args[:i], *piece.args[i + 1 :])))


def _siblings(source: Source, name: Symbol) -> list[Symbol]:
    """The names of the same kind in the same layer, of which the document speaks."""
    graph = source.graph
    spoken = _spoken(source)
    back = {d: q for q, d in graph.deltas.items()}
    if name in back:
        deltas = [graph.deltas[q] for q in _siblings_of(graph, back[name]) if q in graph.deltas]
        return [d for d in deltas if d in spoken]
    return [s for s in _siblings_of(graph, name) if s in spoken] if name in graph.quantities else []


def _siblings_of(graph: Graph, name: Symbol) -> list[Symbol]:
    own = graph[name]
    return [
        q.symbol
        for q in graph.quantities.values()
        if q.symbol != name and (q.role, q.naming, q.place.layer) == (own.role, own.naming, own.place.layer)
    ]


@cache
def _spoken(source: Source) -> frozenset[Symbol]:
    """The names in a document's equations."""
    found: set[Symbol] = set()
    for block in source.document.blocks:
        if isinstance(block, Display):
            for row in block.rows:
                for expr in (row.lhs, row.rhs):
                    if expr is not None:
                        found |= expr.atoms(Symbol)
    return frozenset(found)


def _index(source: Source, lhs: Expr, row: Row, draw: random.Random) -> Iterator[Row]:
    for piece, put in _sites(row.rhs) if _symbolic(row) else ():
        if isinstance(piece, Symbol):
            for other in _siblings(source, piece):
                yield replace(row, rhs=put(other))


def _lost_path(source: Source, lhs: Expr, row: Row, draw: random.Random) -> Iterator[Row]:
    for piece, put in _sites(row.rhs) if _symbolic(row) else ():
        if isinstance(piece, Add) and len({_form(t) for t in piece.args if symbols(t)}) == 1:
            for i, term in enumerate(piece.args):
                if symbols(term) and sum(bool(symbols(t)) for t in piece.args) > 1:
                    yield replace(row, rhs=put(add(*piece.args[:i], *piece.args[i + 1 :])))


def _form(term: Expr) -> str:
    """A term with every name the same: paths differ in names alone."""
    return re.sub(r"Symbol\('[^']*'\)", "s", _printed(term))


def _printed(term: Basic) -> str:
    from sympy import srepr

    return srepr(term)


def _extra_factor(source: Source, lhs: Expr, row: Row, draw: random.Random) -> Iterator[Row]:
    if not _symbolic(row) or isinstance(row.rhs, Add):
        return
    graph = source.graph
    near = [s for s in symbols(row.rhs) if s in graph.quantities]
    extra: list[Expr] = [
        *near,
        *(
            q.symbol
            for q in graph.quantities.values()
            if q.role == "parameter" and q.symbol in _spoken(source)
        ),
    ]
    extra += [f for f in _slopes(source) if not isinstance(f, Partial)]
    if isinstance(row.rhs, (Mul, Symbol, Tight)):
        factors = row.rhs.args if isinstance(row.rhs, Mul) else (row.rhs,)
        for factor in extra:
            yield replace(row, rhs=mul(*factors, factor))


def _derivative(source: Source, lhs: Expr, row: Row, draw: random.Random) -> Iterator[Row]:
    graph = source.graph
    if not _symbolic(row):
        return
    known = sorted(_partials(source), key=str)
    for piece, put in _sites(row.rhs):
        if isinstance(piece, Partial) and not isinstance(piece, Ordinary) and piece.of in graph.quantities:
            for other in known:
                if other != piece and (other.of == piece.of or other.wrt == piece.wrt):
                    yield replace(row, rhs=put(other))


@cache
def _partials(source: Source) -> frozenset[Partial]:
    found: set[Partial] = set()
    for block in source.document.blocks:
        for row in block.rows if isinstance(block, Display) else ():
            for expr in (row.lhs, row.rhs):
                if expr is not None and isinstance(row, Row):
                    found |= {
                        p
                        for p in expr.atoms(Partial)
                        if isinstance(p.of, Symbol) and not isinstance(p, Ordinary)
                    }
    return frozenset(found)


def _lost_minus(source: Source, lhs: Expr, row: Row, draw: random.Random) -> Iterator[Row]:
    """(t - o)·(-1) without its -1."""
    if _symbolic(row) and isinstance(row.rhs, Mul) and len(row.rhs.args) > 1:
        for i, factor in enumerate(row.rhs.args):
            if factor == MINUS_ONE and i:
                yield replace(row, rhs=mul(*row.rhs.args[:i], *row.rhs.args[i + 1 :]))


def _digit(source: Source, lhs: Expr, row: Row, draw: random.Random) -> Iterator[Row]:
    """A result with one digit changed, or two neighbours exchanged, so that it is off by far."""
    result = row.result
    if result is None or not isinstance(result, Numeral):
        return
    negative, digits, scale = result.written
    places = [i for i, d in enumerate(digits) if d.isdigit()]
    for i in places[:-1]:
        if digits[i] == "0":
            continue
        other = draw.choice([d for d in "123456789" if d != digits[i]])
        yield _with_digits(row, result, digits[:i] + other + digits[i + 1 :], negative, scale)
    for i, j in pairwise(places):
        if j < places[-1] and digits[i] != digits[j] and j == i + 1 and "0" not in (digits[i], digits[j]):
            swapped = digits[:i] + digits[j] + digits[i] + digits[j + 1 :]
            yield _with_digits(row, result, swapped, negative, scale)


def _with_digits(row: Row, result: Numeral, digits: str, negative: bool, scale: int | None) -> Row:
    value = Rational(digits) * Rational(10) ** (scale or 0) * (-1 if negative else 1)
    return replace(row, result=Numeral(value, result.args[1]))


def _rounding(source: Source, lhs: Expr, row: Row, draw: random.Random) -> Iterator[Row]:
    """A result rounded to fewer digits than the document has, and off by one in its last."""
    result = row.result
    if result is None or not isinstance(result, Numeral):
        return
    for digits in (2, 3):
        _, shown, scale = Numeral(result.value, Integer(digits)).written
        unit = Rational(10) ** ((scale or 0) - len(shown.partition(".")[2]))
        short = Rational(shown) * Rational(10) ** (scale or 0) * (-1 if result.value < 0 else 1)
        for near in (short + unit, short - unit):
            off = Numeral(near, Integer(digits))
            if len(off.written[1]) == len(shown) and unit * Rational(3, 4) < abs(near - result.value):
                yield replace(row, result=off)


def _mean(source: Source, lhs: Expr, row: Row, draw: random.Random) -> Iterator[Row]:
    """A mean for a sum, or a sum for a mean: a factor 1/n more, or a factor lost."""
    if not _symbolic(row) or isinstance(row.rhs, (Symbol, Partial)):
        return
    for count in (2, 3):
        yield replace(row, rhs=mul(Rational(1, count), row.rhs))
    if isinstance(row.rhs, Mul) and isinstance(row.rhs.args[0], Rational) and row.rhs.args[0] > 0:
        yield replace(row, rhs=mul(*row.rhs.args[1:]))


def _updated(source: Source, lhs: Expr, row: Row, draw: random.Random) -> Iterator[Row]:
    """A weight as it is after the update."""
    known = source.derived.derivation.meanings
    for piece, put in _sites(row.rhs) if _symbolic(row) else ():
        if isinstance(piece, Symbol) and after_update(piece) in known:
            yield replace(row, rhs=put(after_update(piece)))


def _transposed(source: Source, lhs: Expr, row: Row, draw: random.Random) -> Iterator[Row]:
    """A weight with its two indices exchanged."""
    graph = source.graph
    places = {
        (q.place.layer, q.place.index, q.place.from_): s
        for s, q in graph.quantities.items()
        if q.naming == "weight"
    }
    for piece, put in _sites(row.rhs) if _symbolic(row) else ():
        if isinstance(piece, Symbol) and piece in graph.quantities and graph[piece].naming == "weight":
            place = graph[piece].place
            other = places.get((place.layer, place.from_, place.index))
            if other is not None and other != piece:
                yield replace(row, rhs=put(other))


_DAMAGE: dict[str, Callable[[Source, Expr, Row, random.Random], Iterator[Row]]] = {
    "sign": _sign,
    "lost_slope": _lost_slope,
    "index": _index,
    "lost_path": _lost_path,
    "extra_factor": _extra_factor,
    "derivative": _derivative,
    "lost_minus": _lost_minus,
    "digit": _digit,
    "transposed": _transposed,
    "mean": _mean,
    "updated": _updated,
    "rounding": _rounding,
}


# ---------------------------------------------------------------- what changed in the text


def changed(before: list[str], after: list[str]) -> set[int]:
    """Which of the rows after the damage are not those before it, by number."""
    found: set[int] = set()
    for what, _, _, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what != "equal":
            found |= set(range(start, end)) or {max(0, start - 1)}
    return found


# ---------------------------------------------------------------- judged


@dataclass(frozen=True)
class Judged:
    """What the review says of a damaged document.

    found   the damaged line is called wrong
    named   its kind of mistake is named
    blamed  other lines that are called wrong without following from it, or left undecided
    """

    fault: Fault
    found: bool
    named: bool
    said: str
    blamed: tuple[str, ...]

    def __str__(self) -> str:
        blamed = "; ".join(self.blamed)
        return f"{self.fault}\n  found: {self.found}, named: {self.said or None}, blamed: {blamed or None}"


def judged(seed: int) -> Judged | None:
    """A case drawn by its seed, reviewed with its network given; None where there is none."""
    case = fault(seed)
    if case is None:
        return None
    name, graph = case.source.name, case.source.graph
    before = [row.text for row in sources.read(case.source.written(), name)]
    data = case.source.written(case.damaged)
    rows = sources.read(data, name)
    touched = changed(before, [row.text for row in rows])
    ids = {row.id for i, row in enumerate(rows) if i in touched}
    given = Given(graph=graph, language=case.source.language)
    review = judge.review(name, data.decode(), grammar.parse_all(rows), given)
    bad = [f for f in review.findings if f.verdict in (WRONG, UNDECIDED)]
    here = [f for f in bad if f.row.id in ids and f.verdict == WRONG]
    said = [f.mistake.key.removeprefix("review.mistake_") for f in here if f.mistake is not None]
    blamed = [
        f"{f.row.id} {f.verdict}: {f.left} = {f.right}"
        for f in bad
        if f.row.id not in ids and not (f.verdict == WRONG and f.follows in ids)
    ]
    named = any(key in KINDS[case.kind] for key in said)
    return Judged(case, bool(here), named, ", ".join(said), tuple(blamed))
