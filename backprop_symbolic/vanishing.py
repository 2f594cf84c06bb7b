"""How small the gradient becomes on its way to layer 1: a bound, and what networks really do.

    δ_j = (Σ_k δ_k w_kj)·f'(net_j)   ⟹   |δ_j| ≤ sup|f'| · Σ_k |w_kj| · max_k |δ_k|

So each layer multiplies max_j |δ_j| by at most sup|f'| · c, where c is the largest sum of the
absolute weights that leave one unit. The bound at layer 1 is the product over the layers above.
"""

from __future__ import annotations

import dataclasses
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, cast

from sympy import Abs, Expr, Integer, Le, Rational, Symbol

from backprop_symbolic.activations import Activation, activation
from backprop_symbolic.algebra import ZERO, Call, Decimal, Partial, Prime, add, mul, power
from backprop_symbolic.analysis import Value
from backprop_symbolic.derivation import Argument, Group, Section, Step
from backprop_symbolic.document import Document, Message, Paragraph, Table, section_blocks
from backprop_symbolic.errors import BadExpression, BadNetwork, NoBound, quoted, unknown
from backprop_symbolic.facts import Facts, facts, latex_sign, written_number
from backprop_symbolic.graph import Graph, Quantity
from backprop_symbolic.rules import Inserted, Stated
from backprop_symbolic.sampling import Sampled
from backprop_symbolic.spec import Network
from backprop_symbolic.verify import Verifier, decide

SAMPLES = 100  # random networks of the measured column
MAX_UNITS = 20_000  # of one measured network, all layers together


@dataclass(frozen=True, slots=True)
class Course:
    """One activation: sup|f'|, the bound and the measurements after 0, 1, 2, … layers.

    steepest  sup|f'|
    bounds    the bound after n layers, exact where sup|f'| is
    largest   the largest measured ratio after n layers
    typical   the median of the measured ratios
    """

    entry: Activation
    facts: Facts
    steepest: Value
    bounds: tuple[Expr, ...]
    largest: tuple[float, ...]
    typical: tuple[float, ...]

    @property
    def bounds_as_floats(self) -> tuple[float, ...]:
        """The bounds, not below the exact ones."""
        return tuple(_upper(b) for b in self.bounds)


@dataclass(frozen=True, slots=True)
class Vanishing:
    """The courses of several activations through one network."""

    sizes: tuple[int, ...]
    weights: Rational
    seed: int
    courses: tuple[Course, ...]

    @property
    def samples(self) -> int:
        """How many random networks were measured for each activation."""
        return samples_for(self.sizes)

    @property
    def depth(self) -> int:
        """How many layers have weights."""
        return len(self.sizes) - 1


def vanishing(
    network: Network, compare: Sequence[str] = (), weights: Rational | None = None, seed: int = 1
) -> Vanishing:
    """The bounds for the network's activation and for others in its place, and measurements.

    weights  c: no more than this is the sum of the absolute weights that leave one unit; 1 if None

    Raises NoBound where f' is unbounded or its greatest size could not be established, BadNetwork
    where layers have different activations, and UnknownName.
    """
    names = list(dict.fromkeys((*network.activations, *(activation(n).name for n in compare))))
    if len(set(network.activations)) > 1:
        raise BadNetwork(
            f"network {quoted(network.title)} has several activations; "
            "the bound is found for one in all layers"
        )
    if sum(network.sizes) > MAX_UNITS:
        raise BadNetwork(f"network {quoted(network.title)} has more than {MAX_UNITS} units to be measured")
    bound = Rational(1) if weights is None else weights
    courses = tuple(_course(activation(name), network, bound, seed) for name in names)
    return Vanishing(network.sizes, bound, seed, courses)


def _course(entry: Activation, network: Network, weights: Rational, seed: int) -> Course:
    known = facts(entry)
    if not known.steepest.established:
        raise NoBound(
            f"the greatest slope of {quoted(entry.name)} could not be established, so there is no bound"
        )
    value: Value = known.steepest.value.value
    if value.infinite:
        raise NoBound(f"the slope of {quoted(entry.name)} is unbounded, so there is no bound on the gradient")
    factor = steepness(value)
    bounds = tuple(cast(Expr, (factor * weights) ** n) for n in range(network.layers))
    ratios = measure(entry, network.sizes, weights, seed)
    columns = list(zip(*ratios, strict=True)) if ratios else [(0.0,)] * network.layers
    return Course(
        entry, known, value, bounds, tuple(map(max, columns)), tuple(float(median(c)) for c in columns)
    )


def steepness(value: Value) -> Expr:
    """sup|f'| exactly, or a fraction that is not below it."""
    if value.exact is not None:
        return value.exact
    return cast(Expr, Rational(math.ceil(value.box.high * 10**12), 10**12))


def _upper(bound: Expr) -> float:
    """The float next to a bound that is not below it."""
    found = float(bound)
    exact = isinstance(bound, Rational)
    return found if exact and Rational(found) >= bound else math.nextafter(found, math.inf)


# ---------------------------------------------------------------- measured


def samples_for(sizes: Sequence[int]) -> int:
    """How many networks are measured: fewer where they are large."""
    return max(1, min(SAMPLES, MAX_UNITS // sum(sizes)))


def measure(entry: Activation, sizes: Sequence[int], weights: Rational, seed: int) -> list[list[float]]:
    """For random networks: max_j |δ_j| of each layer, from the last to the first, over the last's.

    Each network has random inputs, targets and weights, scaled so that the absolute weights that
    leave a unit sum up to `weights`. One whose last δ are all 0 tells nothing and is left out.
    """
    source = random.Random(seed)
    function = Sampled(entry)
    found = []
    for _ in range(samples_for(sizes)):
        ratios = _one_network(function, sizes, float(weights), source)
        if ratios is not None:
            found.append(ratios)
    return found


def _one_network(
    function: Sampled, sizes: Sequence[int], weights: float, source: random.Random
) -> list[float] | None:
    values = [source.uniform(-2, 2) for _ in range(sizes[0])]
    layers: list[list[list[float]]] = []
    slopes: list[list[float]] = []
    for units in sizes[1:]:
        matrix = _matrix(units, len(values), weights, source)
        nets = [sum(w * y for w, y in zip(row, values, strict=True)) for row in matrix]
        found = [function(net) for net in nets]
        layers.append(matrix)
        slopes.append([slope for _, slope in found])
        values = [value for value, _ in found]
    # E = ½Σ(t - o)²: δ of an output is (o - t)·f'(net).
    deltas = [(y - source.uniform(-1, 1)) * s for y, s in zip(values, slopes[-1], strict=True)]
    last = max(map(abs, deltas))
    if last == 0:
        return None
    ratios = [1.0]
    for matrix, slope in zip(layers[:0:-1], slopes[-2::-1], strict=True):
        deltas = [
            sum(d * row[j] for d, row in zip(deltas, matrix, strict=True)) * s for j, s in enumerate(slope)
        ]
        ratios.append(max(map(abs, deltas)) / last)
    return ratios


def _matrix(units: int, inputs: int, weights: float, source: random.Random) -> list[list[float]]:
    """w_kj, random, with Σ_k |w_kj| = weights for each j."""
    rows = [[source.uniform(-1, 1) for _ in range(inputs)] for _ in range(units)]
    for j in range(inputs):
        total = sum(abs(row[j]) for row in rows)
        for row in rows:
            row[j] *= weights / total
    return rows


# ---------------------------------------------------------------- as a document


def document(found: Vanishing) -> tuple[Document, Mapping[Symbol, str]]:
    """The page: where the factor comes from, the bound as equations, the table; and its names."""
    names: dict[Symbol, str] = {}
    sections = (origin(found, names), *(_bound(course, found, names) for course in found.courses))
    sizes = "-".join(map(str, found.sizes))
    setting: dict[str, Argument] = {"sizes": sizes, "layers": found.depth}
    weights = _decimal(found.weights)
    measured: dict[str, Argument] = {"samples": found.samples, "seed": found.seed, "weights": weights}
    blocks = [
        Paragraph(Message("vanishing.setting", setting)),
        *section_blocks(sections),
        Paragraph(Message("vanishing.table", measured)),
        _table(found, names),
        Paragraph(Message("vanishing.reading")),
    ]
    title = Message("title.vanishing", {"sizes": sizes})
    return Document(title, tuple(blocks)), names


def origin(found: Vanishing, names: dict[Symbol, str]) -> Section:
    """From δ_j to the factor: triangle inequality, sup|f'|, sum of absolute weights."""
    above = _indices(found.sizes[2] if found.depth > 1 else 1)
    deltas = [_name(names, f"delta_{k}", rf"\delta_{{{k}}}") for k in above]
    weights = [_name(names, f"w_{k}j", rf"w_{{{k}j}}") for k in above]
    step = _recursion(found.courses[0].entry, deltas, weights, names)
    slope = cast(Expr, step.rhs.args[1])
    norm = _name(names, "max|delta|", r"\max_k |\delta_k|")
    steepest = _name(names, "sup|f'|", r"\sup |f'|")
    bound = _name(names, "c", "c")
    here, sizes = _abs(step.lhs), [_abs(w) for w in weights]
    terms = [mul(_abs(d), w) for d, w in zip(deltas, sizes, strict=True)]
    args: dict[str, Argument] = {
        "bound": bound,
        "weights": _decimal(found.weights),
        "norm": norm,
        "steepest": steepest,
        "triangle": _at_most(here, mul(add(*terms), _abs(slope))),
        "limit": _at_most(add(*sizes), bound),
        "summed": _at_most(here, mul(add(*sizes), norm, steepest)),
        "factor": _at_most(here, mul(bound, steepest, norm)),
    }
    groups = (
        Group("vanishing_recursion", (step,)),
        *(Group(f"vanishing_{key}", (), args, alone=True) for key in ("triangle", "norm", "factor")),
    )
    return Section("vanishing_origin", groups)


def _recursion(
    entry: Activation, deltas: list[Symbol], weights: list[Symbol], names: dict[Symbol, str]
) -> Step:
    """δ_j = (Σ_k δ_k w_kj)·f'(net_j), decided for an error that depends on every net_k."""
    net, delta = _name(names, "net_j", r"\mathit{net}_j"), _name(names, "delta_j", r"\delta_j")
    y, error = Symbol("y_j"), Symbol("E")
    applied, slope = _applied(entry, net)
    above = [Symbol(f"net_{w.name}") for w in weights]
    quantities = {s: Quantity(s, "input") for s in (net, *weights)}
    quantities[y] = Quantity(y, "node", applied)
    for k, (z, w) in enumerate(zip(above, weights, strict=True)):
        quantities[z] = Quantity(z, "node", add(mul(w, y), Integer(k)))
    parts = [mul(Integer(k + 1), power(z, Integer(2))) for k, z in enumerate(above)]
    quantities[error] = Quantity(error, "error", add(*parts))
    graph = Graph(quantities, error, Symbol("eta"), {})
    meanings: dict[Symbol, Expr] = {d: Partial(error, z) for d, z in zip(deltas, above, strict=True)}
    meanings[delta] = Partial(error, net)
    terms = [mul(d, w) for d, w in zip(deltas, weights, strict=True)]
    step = Step("v0", delta, mul(add(*terms), slope), Stated(mul(add(*terms), slope)))
    return dataclasses.replace(step, evidence=decide(Verifier(graph, meanings), step))


def _applied(entry: Activation, net: Symbol) -> tuple[Expr, Expr]:
    """f(net) and f'(net)."""
    symbol = Symbol(entry.name)
    return Call(symbol, net), Prime(symbol, net)


def _indices(count: int) -> list[str]:
    """1, 2 or, where there are more, the first, the second and the last."""
    return [str(i) for i in range(1, count + 1)] if count <= 3 else ["1", "2", str(count)]


def _bound(course: Course, found: Vanishing, names: dict[Symbol, str]) -> Section:
    """(sup|f'|·c)^n as a chain of equalities, n being the layers between the last and the first."""
    count = found.depth - 1
    names.update(course.facts.names)
    steepest = course.facts.steepest
    bare = not steepest.steps
    groups = [Group(f"fact_{steepest.key}", steepest.steps, steepest.args, alone=bare)]
    if count:
        groups.append(Group("vanishing_power", power_of(course, found, names), {"layers": count}))
    return Section("vanishing_bound", tuple(groups), args={"function": Symbol(course.entry.sign)})


def power_of(course: Course, found: Vanishing, names: dict[Symbol, str]) -> tuple[Step, ...]:
    """bound = (sup|f'|·c)^n = number, each line decided by the verifier."""
    count = found.depth - 1
    lhs = _name(names, f"B[{course.entry.sign}]", f"B_{{{latex_sign(course.entry)}}}")
    slope, bound = Symbol("s"), Symbol("c")
    factor = written_number(steepness(course.steepest))
    pattern = power(mul(slope, bound), Integer(count))
    put = Inserted(pattern, ((slope, factor), (bound, _decimal(found.weights))))
    value = written_number(course.bounds[-1])
    graph = Graph({lhs: Quantity(lhs, "node", put.result())}, lhs, Symbol("eta"), {})
    verifier = Verifier(graph, {})
    steps = [Step("v1", lhs, put.result(), put)]
    if value != put.result() and _short(value):
        steps.append(Step("v2", lhs, value, Stated(value), ("v1",)))
    return tuple(Step(s.id, s.lhs, s.rhs, s.rule, s.uses, s.detail, decide(verifier, s)) for s in steps)


def _short(value: Expr) -> bool:
    return not isinstance(value, Rational) or len(str(value)) <= 24


def _table(found: Vanishing, names: Mapping[Symbol, str]) -> Table:
    """Layers passed; per activation the bound and the largest and the median measured ratio."""
    head = [Message("vanishing.column_layers")]
    for course in found.courses:
        args = {"function": Symbol(course.entry.sign)}
        head.extend(Message(f"vanishing.column_{what}", args) for what in ("bound", "largest", "typical"))
    rows = []
    for n in range(found.depth):
        row: list[Expr] = [Integer(n)]
        for course in found.courses:
            row.append(cell(course.bounds_as_floats[n], 6))
            row.extend(cell(v, 3) for v in (course.largest[n], course.typical[n]))
        rows.append(tuple(row))
    return Table(tuple(head), tuple(rows))


def cell(value: float, significant: int) -> Expr:
    """A float to a few digits; very small ones as a power of ten."""
    if value == 0:
        return ZERO
    digits, _, exponent = f"{value:.{significant}g}".partition("e")
    number = Decimal(Rational(digits)) if "." in digits else Integer(int(digits))
    return number if not exponent else mul(number, power(Integer(10), Integer(int(exponent))))


def rows(found: Vanishing) -> list[dict[str, Any]]:
    """The table as data: a dictionary per activation and number of layers passed."""
    return [
        {
            "activation": course.entry.name,
            "layers_passed": n,
            "layer": found.depth - n,
            "bound": bound,
            "largest_measured": course.largest[n],
            "median_measured": course.typical[n],
        }
        for course in found.courses
        for n, bound in enumerate(course.bounds_as_floats)
    ]


def as_json(found: Vanishing) -> str:
    """The table, and sup|f'| exactly and between two floats."""
    import json

    data = {
        "schema": "1.0",
        "network": list(found.sizes),
        "weights": str(found.weights),
        "norm": "max",
        "samples": found.samples,
        "seed": found.seed,
        "activations": [
            {
                "name": c.entry.name,
                "steepest": None if c.steepest.exact is None else _plain(c.steepest.exact),
                "steepest_between": [c.steepest.box.low, c.steepest.box.high],
                "attained": c.facts.steepest.value.attained,
                "factor": _upper(cast(Expr, steepness(c.steepest) * found.weights)),
            }
            for c in found.courses
        ],
        "rows": rows(found),
    }
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def as_csv(found: Vanishing) -> str:
    """The table with a heading line."""
    import csv
    import io

    stream = io.StringIO()
    table = rows(found)
    writer = csv.DictWriter(stream, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return stream.getvalue()


#: The formats of the table alone; the others are documents.
DATA: Mapping[str, Callable[[Vanishing], str]] = {"json": as_json, "csv": as_csv}
DOCUMENTS = ("text", "markdown", "latex")


def table_format(name: str) -> str:
    """The format called `name`. Raises UnknownName with the nearest."""
    known = [*DOCUMENTS, *DATA]
    if name.strip().casefold() not in known:
        raise unknown("format", name, known)
    return name.strip().casefold()


def _plain(value: Expr) -> str:
    from backprop_symbolic.printing import Plain

    return Plain({})(written_number(value))


# ---------------------------------------------------------------- small makers


def _name(names: dict[Symbol, str], name: str, latex: str) -> Symbol:
    symbol = Symbol(name)
    names[symbol] = latex
    return symbol


def _abs(of: Expr) -> Expr:
    return cast(Expr, Abs(of, evaluate=False))


def _at_most(left: Expr, right: Expr) -> Expr:
    return cast(Expr, Le(left, right, evaluate=False))


def _decimal(value: Rational) -> Expr:
    """A rational number as a whole number, a decimal number, or a fraction."""
    if value.q == 1:
        return value
    twos_and_fives = int(value.q)
    for p in (2, 5):
        while twos_and_fives % p == 0:
            twos_and_fives //= p
    return Decimal(value) if twos_and_fives == 1 else value


def parse_weights(text: str) -> Rational:
    """A positive number as typed: 1, 0.5, 3/2. Raises BadExpression."""
    typed = text.strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9}|/0*[1-9]\d{0,8})?", typed) and (value := Rational(typed)) > 0:
        return cast(Rational, value)
    raise BadExpression(f"--weights takes a positive number such as 1, 0.5 or 3/2, not {quoted(text)}")
