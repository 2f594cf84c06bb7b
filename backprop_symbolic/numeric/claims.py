"""Numbers that somebody else published, judged to the digits they print, and their mistakes named.

A claim is `NAME=NUMBER`:

    w31=0.0822, dE/dw31=0.0822   a gradient; dA/dB for any two quantities
    w31+=0.3589, w31(t+1)=…      a parameter after the update; E(t+1) any quantity computed with it
    Δw31=-0.0411                 the change -η·∂E/∂w
    y_o1=0.7514, delta_o1=…      a quantity of the forward pass, a δ

Where the number is not right it is compared with what the usual mistakes give. Each is computed
from the derivation with that mistake made in it; every one that fits is listed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as replaced
from decimal import Decimal as Exactly
from decimal import InvalidOperation
from functools import partial
from itertools import product
from pathlib import Path
from typing import cast
from unicodedata import normalize

from sympy import Add, Expr, Integer, Rational, Symbol
from sympy import exp as exp_

from backprop_symbolic.algebra import ONE, ZERO, Call, Numeral, Partial, add, mapped, replace, symbols
from backprop_symbolic.derivation import Argument, Step
from backprop_symbolic.errors import BackpropError, BadValues, UnknownName, nearest, quoted
from backprop_symbolic.evaluate import Evaluator, Numbers, Undecidable
from backprop_symbolic.graph import Graph
from backprop_symbolic.numeric.steps import Damage, Steps, siblings
from backprop_symbolic.numeric.values import MAX_FILE
from backprop_symbolic.rules import Inserted

ROUNDED = range(2, 6)  # decimals to which a source may have rounded what it computed with
#: Two numbers nearer than this, relatively, are the same mistake, or none.
SAME = 1e-12
UNEVEN, MAX_UNEVEN = (2, 3), 4  # decimals, and units of a layer, of roundings that differ by unit
FUZZ = 1 + 1e-9  # a claim exactly one unit off is not two


@dataclass(frozen=True)
class Claim:
    """A published number: what it is said to be, the number as printed, a unit of its last digit.

    kind    value, partial, after, change
    symbol  the quantity; `wrt` what it is differentiated by
    """

    text: str
    kind: str
    symbol: Symbol
    printed: str
    value: float
    unit: float
    wrt: Symbol | None = None


@dataclass(frozen=True)
class Cause:
    """A mistake that gives the claimed number: a key of the message files, and its arguments."""

    key: str
    args: Mapping[str, Argument]
    value: float


@dataclass(frozen=True)
class Judged:
    """A claim with what is right, and the mistakes that its number fits."""

    claim: Claim
    right: float
    verdict: str  # right, last_digit or wrong
    causes: tuple[Cause, ...] = ()


# ---------------------------------------------------------------- reading


def read_file(path: str) -> list[str]:
    """The claims of a file: one `NAME = NUMBER` or `NAME,NUMBER` a line, `#` begins a comment."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(MAX_FILE).decode("utf-8-sig")
    except OSError as error:
        raise BadValues(f"claims file {quoted(path)}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadValues(f"claims file {quoted(path)} is not UTF-8 text (byte {error.start})") from None
    except ValueError:
        raise BadValues(f"claims file {quoted(path)}: no such file") from None
    found = []
    for number, row in enumerate(text.splitlines(), 1):
        row = row.split("#", 1)[0].strip()
        if not row:
            continue
        match = re.fullmatch(r"(.+?)\s*(?:=|,)\s*([^=,]+)", row)
        if match is None:
            raise BadValues(f"{path}, line {number}: {quoted(row)} is not NAME = NUMBER")
        found.append(f"{match[1]}={match[2]}")
    if not found:
        raise BadValues(f"claims file {quoted(path)} holds no claim")
    return found


def parse(text: str, graph: Graph) -> Claim:
    """A claim as typed. Raises BadValues or UnknownName."""
    name, sign, number = normalize("NFKC", text).rpartition("=")
    name, number = name.strip(), number.strip().replace("−", "-")
    if not sign or not name:
        raise BadValues(f"claim {quoted(text)} is not NAME=NUMBER, e.g. w31=0.0822")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", number):
        raise BadValues(f"claim {quoted(text)}: {quoted(number)} is not a number")
    try:
        exact = Exactly(number)
    except InvalidOperation:
        raise BadValues(f"claim {quoted(text)}: {quoted(number)} is not a number") from None
    unit = 10.0 ** int(exact.as_tuple().exponent)
    # 0 with no decimals says that there is nothing, not that it is below 1.
    unit = 1e-9 if exact == 0 and unit >= 1 else unit
    make = _Names(graph, text)
    ratio = re.fullmatch(r"[d∂](.+)/[d∂](.+)", name)
    if ratio:
        of, wrt = make.any(ratio[1]), make.any(ratio[2])
        return Claim(text, "partial", of, number, float(exact), unit, wrt)
    change = re.fullmatch(r"(?:Δ|∆)(.+)", name)
    if change:
        return Claim(text, "change", make.parameter(change[1]), number, float(exact), unit)
    after = re.fullmatch(r"(.+?)(?:\+|'|′|\(t\+1\))", name)
    if after:
        return Claim(text, "after", make.computed(after[1]), number, float(exact), unit)
    found = make.any(name)
    if found in graph.parameters:
        return Claim(text, "partial", graph.error, number, float(exact), unit, found)
    return Claim(text, "value", found, number, float(exact), unit)


class _Names:
    """The quantities of a graph by the names that a claim may use."""

    def __init__(self, graph: Graph, text: str) -> None:
        self.graph, self.text = graph, text
        self.known = {s.name: s for s in (*graph.quantities, *graph.deltas.values())}

    def any(self, name: str) -> Symbol:
        """A quantity or a δ: exactly, or up to `_ { } ^ ( )`."""
        name = name.strip()
        if name in self.known:
            return self.known[name]
        bare = re.sub(r"[_{}^()\s\\,]", "", name)
        hits = [s for n, s in self.known.items() if re.sub(r"[_{}^()\s\\,]", "", n) == bare]
        if len(hits) == 1:
            return hits[0]
        close = nearest(name, self.known)
        hint = f" Did you mean {quoted(close)}?" if close else ""
        raise UnknownName(
            f"claim {quoted(self.text)}: no quantity {quoted(name)} in {self.graph.title}.{hint}"
        )

    def parameter(self, name: str) -> Symbol:
        found = self.any(name)
        if found not in self.graph.parameters:
            raise BadValues(f"claim {quoted(self.text)}: {quoted(name)} is no parameter and is not updated")
        return found

    def computed(self, name: str) -> Symbol:
        found = self.any(name)
        if found in self.graph.parameters or (
            found in self.graph.quantities and self.graph[found].definition is not None
        ):
            return found
        raise BadValues(f"claim {quoted(self.text)}: {quoted(name)} does not change by the update")


# ---------------------------------------------------------------- judging


def judge(steps: Steps, claims: Sequence[Claim]) -> list[Judged]:
    """Each claim with what is right, and where it is wrong the mistakes it fits.

    Raises BadValues for a claim about an update where no learning rate was given.
    """
    mistakes = _Mistakes(steps, claims)
    found = [_judged(mistakes, claim) for claim in claims]
    unexplained = [
        j.claim for j in found if j.claim.kind == "value" and j.verdict == "wrong" and not j.causes
    ]
    together = mistakes.rounded_unevenly(unexplained)
    return [replaced(j, causes=(*j.causes, *together.get(j.claim, ()))) for j in found]


def _judged(mistakes: _Mistakes, claim: Claim) -> Judged:
    right = mistakes.right(claim)
    off = abs(claim.value - right)
    if off <= claim.unit / 2 * FUZZ + abs(right) * SAME:
        return Judged(claim, right, "right")
    if off <= claim.unit * FUZZ:
        return Judged(claim, right, "last_digit")
    found: dict[tuple[str, str], Cause] = {}
    for cause in mistakes.about(claim):
        if abs(cause.value - right) <= SAME * max(abs(right), abs(cause.value)):
            continue  # here this mistake changes nothing
        if abs(claim.value - cause.value) <= claim.unit * FUZZ:
            found.setdefault((cause.key, str(cause.args)), cause)
    return Judged(claim, right, "wrong", tuple(found.values()))


class _Mistakes:
    def __init__(self, steps: Steps, claims: Sequence[Claim]) -> None:
        self.steps, self.graph, self.claims = steps, steps.graph, claims
        leaves = {s: complex(n) for s, n in steps.values.numbers.items()}
        self.point = Evaluator(self.graph, self.graph.meanings, Numbers(), leaves.__getitem__)

    # ------------------------------------------------------------ what is right

    def right(self, claim: Claim) -> float:
        steps, symbol = self.steps, claim.symbol
        if claim.kind in ("after", "change"):
            if steps.rate is None:
                raise BadValues(
                    f"claim {quoted(claim.text)}: an update needs the learning rate; give it by "
                    "--set learning_rate=0.5"
                )
            if claim.kind == "change":
                return steps.updated[symbol] - steps.known[symbol]
            if symbol in self.graph.parameters:
                return steps.updated[symbol]
            return steps.passed(steps.updated)[symbol]
        if claim.kind == "partial":
            wrt = cast(Symbol, claim.wrt)
            if symbol == self.graph.error and wrt in self.graph.parameters:
                return steps.gradients[wrt]
            return self.slope(symbol, wrt)
        if symbol in steps.derivation.definitions:
            return steps.delta(symbol)
        if symbol in steps.known:
            return steps.known[symbol]
        return float(self.point.value(symbol).real)

    def slope(self, of: Symbol, wrt: Symbol) -> float:
        try:
            return float(self.point.value(Partial(of, wrt)).real)
        except Undecidable as error:
            raise BadValues(f"∂{of}/∂{wrt} has no value here: {error}") from None

    # ------------------------------------------------------------ what may have gone wrong

    def about(self, claim: Claim) -> Iterator[Cause]:
        """Every usual mistake with the number it gives; those that give none are left out."""
        for key, args, value in self.all(claim):
            try:
                yield Cause(key, args, value())
            except (BackpropError, Undecidable, ArithmeticError, ValueError):
                continue

    def all(self, claim: Claim) -> Iterator[_Mistake]:
        steps, symbol = self.steps, claim.symbol
        if claim.kind == "partial":
            wrt = cast(Symbol, claim.wrt)
            if symbol == self.graph.error and wrt in self.graph.parameters:
                yield from self.of_gradient(wrt)
                yield from self.rate_included(wrt)
            else:
                yield from _scaled(self.right(claim), self.outputs())
        elif claim.kind == "change":
            for key, args, value in self.of_gradient(symbol):
                yield key, args, self.changed(symbol, value)
            yield "rate_left_out", {"rate": self.graph.rate}, lambda: -steps.gradients[symbol]
        elif claim.kind == "after":
            yield from self.of_update(symbol) if symbol in self.graph.parameters else self.of_later(symbol)
        elif symbol in steps.derivation.definitions:
            yield from self.of_delta(symbol)
        elif self.graph[symbol].definition is not None:
            yield from self.of_value(symbol)

    def outputs(self) -> int:
        network = self.graph.network
        return len(self.graph.parts) if network is None else network.sizes[-1]

    # ------------------------------------------------------------ gradients

    def of_gradient(self, w: Symbol) -> Iterator[_Mistake]:
        """What usual mistakes make of ∂E/∂w."""
        steps = self.steps
        yield from _scaled(steps.gradients[w], self.outputs())
        for key, args, damage in self.damages(steps.derivation.results[w].folded, w):
            yield key, args, partial(steps.gradient, w, damage)
        for other in self.graph.parameters:
            if other != w:
                yield "other_parameter", {"other": other}, partial(steps.gradients.__getitem__, other)
        for digits, numbers in self.rounded():
            yield "rounded", {"digits": digits}, partial(steps.gradient, w, Damage(numbers=numbers))

    def rate_included(self, w: Symbol) -> Iterator[_Mistake]:
        rate, steps = self.steps.rate, self.steps
        if rate is not None:
            args: dict[str, Argument] = {"rate": self.graph.rate}
            yield "rate_included", args, lambda: rate * steps.gradients[w]
            yield "change", {"weight": w, **args}, lambda: -rate * steps.gradients[w]

    def of_delta(self, delta: Symbol) -> Iterator[_Mistake]:
        """What usual mistakes make of a δ."""
        steps = self.steps
        yield from _scaled(steps.delta(delta), self.outputs())
        for key, args, damage in self.damages(steps.derivation.definitions[delta]):
            yield key, args, partial(steps.delta, delta, damage)
        for other in steps.derivation.definitions:
            if other != delta:
                yield "other_delta", {"delta": other}, partial(steps.delta, other)
        for digits, numbers in self.rounded():
            yield "rounded", {"digits": digits}, partial(steps.delta, delta, Damage(numbers=numbers))

    def damages(
        self, last: Step, w: Symbol | None = None
    ) -> Iterator[tuple[str, dict[str, Argument], Damage]]:
        """The derivation with one thing done wrong, along the steps that `last` leans on."""
        definitions = self.steps.derivation.definitions
        along = [definitions[d] for d in self.steps.needed(last.rhs)]
        chain = [step for step in (*along, last) if isinstance(step.rule, Inserted)]
        yield from self.lost_slopes(chain)
        for step in chain:
            yield from self.lost_paths(step)
        if w is not None:
            yield from self.wrong_names(last, w)
        yield from self.wrong_weights(chain)
        yield from self.order_of_updates(chain)

    def slopes(self, step: Step) -> Iterator[tuple[Partial, Expr]]:
        """The facts ∂y/∂net = f'(net) that a step was put together from."""
        for key, fact in cast(Inserted, step.rule).values:
            of = cast(Symbol, key.of if isinstance(key, Partial) else None)
            if of in self.graph.quantities and self.graph[of].role == "activation" and fact != ONE:
                yield cast(Partial, key), fact

    def lost_slopes(self, chain: Sequence[Step]) -> Iterator[tuple[str, dict[str, Argument], Damage]]:
        """∂y/∂net left out: in one unit, in a whole layer; taken at net in place of y."""
        layers: dict[int, dict[tuple[str, Expr], Expr]] = {}
        firsts: dict[int, Partial] = {}
        for step in chain:
            for key, fact in self.slopes(step):
                yield "lost_slope", {"slope": key}, Damage({(step.id, key): ONE})
                at_net = replace(fact, {key.of: key.wrt})
                if at_net != fact:
                    yield "slope_at_net", {"net": key.wrt, "output": key.of}, Damage({(step.id, key): at_net})
                layer = self.graph[key.wrt].place.layer
                layers.setdefault(layer, {})[step.id, key] = ONE
                firsts.setdefault(layer, key)
        for layer, facts in layers.items():
            if len(facts) > 1:
                yield "lost_slopes", {"slope": firsts[layer]}, Damage(facts)

    def lost_paths(self, step: Step) -> Iterator[tuple[str, dict[str, Argument], Damage]]:
        """One term of the sum over the paths left out."""
        pattern, values = cast(Inserted, step.rule).pattern, dict(cast(Inserted, step.rule).values)
        for path in pattern.args if isinstance(pattern, Add) else ():
            edge = next((key for key in values if path.has(key)), None)
            if edge is not None:
                yield "lost_path", {"term": replace(path, values)}, Damage({(step.id, edge): ZERO})
        for key, fact in cast(Inserted, step.rule).values:
            terms = fact.args if isinstance(fact, Add) else ()
            if not any(s in self.steps.derivation.definitions for s in symbols(fact)):
                continue
            for i, term in enumerate(terms):
                rest = add(*(t for j, t in enumerate(terms) if j != i))
                yield "lost_path", {"term": term}, Damage({(step.id, key): rest})

    def wrong_names(self, last: Step, w: Symbol) -> Iterator[tuple[str, dict[str, Argument], Damage]]:
        """δ · y with the δ or the y of another unit, or without y."""
        if not isinstance(last.rule, Inserted):
            return
        deltas = {d: q for q, d in self.graph.deltas.items()}
        for key, fact in last.rule.values:
            if fact in deltas:
                for q in siblings(self.graph, deltas[cast(Symbol, fact)]):
                    other = self.graph.deltas[q]
                    if other in self.steps.derivation.definitions:
                        damage = Damage({(last.id, key): other}, {other: self.steps.delta(other)})
                        yield "wrong_delta", {"delta": other}, damage
            elif isinstance(fact, Symbol) and fact in self.graph.quantities:
                for y in siblings(self.graph, fact):
                    yield "wrong_input", {"input": y}, Damage({(last.id, key): y})
                yield "lost_input", {"input": fact}, Damage({(last.id, key): ONE})

    def wrong_weights(self, chain: Sequence[Step]) -> Iterator[tuple[str, dict[str, Argument], Damage]]:
        """Σ δ_k w_kj with W in place of its transpose, or without the weights."""
        weights = {
            (q.place.layer, q.place.index, q.place.from_): s
            for s, q in self.graph.quantities.items()
            if q.naming == "weight"
        }
        swapped: dict[tuple[str, Expr], Expr] = {}
        bare: dict[tuple[str, Expr], Expr] = {}
        for step in chain:
            for key, fact in cast(Inserted, step.rule).values:
                used = [
                    s
                    for s in symbols(fact)
                    if s in self.graph.quantities and self.graph[s].role == "parameter"
                ]
                if not used or not any(s in self.steps.derivation.definitions for s in symbols(fact)):
                    continue
                bare[step.id, key] = replace(fact, dict.fromkeys(used, ONE))
                places = {s: self.graph[s].place for s in used}
                turned = {s: weights.get((p.layer, p.from_, p.index)) for s, p in places.items()}
                if all(turned.values()):
                    swapped[step.id, key] = replace(fact, cast(Mapping[Expr, Expr], turned))
        if swapped:
            yield "transposed", {}, Damage(swapped)
        if bare:
            yield "lost_weights", {}, Damage(bare)

    def order_of_updates(self, chain: Sequence[Step]) -> Iterator[tuple[str, dict[str, Argument], Damage]]:
        """The weights above already updated when the hidden δ is computed."""
        if self.steps.rate is None:
            return
        used = dict.fromkeys(s for step in chain for s in symbols(step.rhs) if s in self.graph.parameters)
        if used:
            new = {w: self.steps.one_by_one[w] for w in used}
            yield "updated_weights", {"weights": tuple(used)}, Damage(numbers=new)

    # ------------------------------------------------------------ updates and what follows from them

    def updated(self, w: Symbol, gradient: Callable[[], float]) -> Callable[[], float]:
        return lambda: self.steps.update(w, gradient())

    def changed(self, w: Symbol, gradient: Callable[[], float]) -> Callable[[], float]:
        return lambda: self.steps.update(w, gradient()) - self.steps.known[w]

    def of_update(self, w: Symbol) -> Iterator[_Mistake]:
        """What usual mistakes make of w(t+1)."""
        steps = self.steps
        for key, args, value in self.of_gradient(w):
            yield key, args, self.updated(w, value)
        yield "rate_left_out", {"rate": self.graph.rate}, lambda: steps.known[w] - steps.gradients[w]
        yield "not_updated", {"weight": w}, lambda: steps.known[w]

    def of_later(self, q: Symbol) -> Iterator[_Mistake]:
        """What usual mistakes make of a quantity computed after the update."""
        steps = self.steps
        yield "before_update", {"quantity": q}, lambda: steps.known[q]
        raised = {w: 2 * steps.known[w] - new for w, new in steps.updated.items()}
        whole = {w: steps.known[w] - g for w, g in steps.gradients.items()}
        cases: list[tuple[str, dict[str, Argument], Mapping[Symbol, float]]] = [
            ("one_by_one", {}, steps.one_by_one),
            ("sign", {}, raised),
            ("rate_left_out", {"rate": self.graph.rate}, whole),
        ]
        for digits in ROUNDED:
            rounded = {w: round(new, digits) for w, new in steps.updated.items()}
            cases.append(("rounded", {"digits": digits}, rounded))
        for key, args, parameters in cases:
            yield key, args, self.passed(q, parameters)
        yield from self.from_claims(q, "after")

    def passed(
        self, q: Symbol, leaves: Mapping[Symbol, float], fixed: Mapping[Symbol, float] | None = None
    ) -> Callable[[], float]:
        """The forward pass to q with other numbers."""
        return lambda: self.steps.passed(leaves, fixed)[q]

    # ------------------------------------------------------------ the forward pass

    def of_value(self, q: Symbol) -> Iterator[_Mistake]:
        """What usual mistakes make of a quantity of the forward pass."""
        steps, definition = self.steps, self.graph.definition(q)
        yield from _scaled(steps.known[q], self.outputs())
        if isinstance(definition, Add) and self.graph[q].role in ("net", "error", "node"):
            terms = definition.args
            for i, term in enumerate(terms):
                rest = add(*(t for j, t in enumerate(terms) if j != i))
                yield "lost_term", {"term": term}, partial(steps.value, rest, steps.known)
        if isinstance(definition, Call):
            net = cast(Symbol, definition.args[1])
            yield "no_activation", {"net": net}, partial(steps.value, net, steps.known)
        bare = _without_exponential(self.opened(q))
        if bare is not None:
            yield "no_exponential", {}, partial(steps.value, bare, steps.known)
        for digits, numbers in self.rounded():
            known = {**steps.known, **{s: n for s, n in numbers.items() if s != q}}
            yield "rounded", {"digits": digits}, partial(steps.value, definition, known)
        for digits, layer in self.rounded_layers(q):
            yield "rounded", {"digits": digits}, self.passed(q, {}, layer)
        yield from self.from_claims(q, "value")

    def opened(self, q: Symbol) -> Expr:
        """A definition with the definitions of what it shares a layer with put in."""
        definition = self.graph.definition(q)
        layer = self.graph[q].place.layer
        inner = {
            s: self.graph.definition(s)
            for s in symbols(definition)
            if self.graph[s].definition is not None and self.graph[s].role not in ("net", "activation")
            and self.graph[s].place.layer == layer
        }  # fmt: skip
        return replace(definition, cast(Mapping[Expr, Expr], inner))

    def rounded(self) -> Iterator[tuple[int, dict[Symbol, float]]]:
        """All computed quantities as they look with a few decimals."""
        for digits in ROUNDED:
            yield (
                digits,
                {
                    s: round(self.steps.known[s], digits)
                    for s, q in self.graph.quantities.items()
                    if q.definition is not None
                },
            )

    def layers_of_outputs(self) -> list[list[Symbol]]:
        """The outputs of the activations, layer by layer."""
        outputs: dict[int, list[Symbol]] = {}
        for s, quantity in self.graph.quantities.items():
            if quantity.role == "activation":
                outputs.setdefault(quantity.place.layer, []).append(s)
        return list(outputs.values())

    def rounded_layers(self, q: Symbol) -> Iterator[tuple[int, dict[Symbol, float]]]:
        """The outputs of one layer as they look with a few decimals, the rest computed from them."""
        for layer in self.layers_of_outputs():
            if q in layer:
                continue
            for digits in ROUNDED:
                yield digits, {s: round(self.steps.known[s], digits) for s in layer}

    def before(self, q: Symbol) -> set[Symbol]:
        """What q is computed from, directly or through others."""
        found: set[Symbol] = set()
        todo = [q]
        while todo:
            definition = self.graph[todo.pop()].definition
            new = set() if definition is None else {*symbols(definition)} - found
            found |= new
            todo.extend(new)
        return found

    def rounded_unevenly(self, claims: Sequence[Claim]) -> dict[Claim, tuple[Cause, ...]]:
        """One layer's outputs rounded or cut, each to two or three decimals, that gives several claims.

        One claim alone would easily be met by some rounding among so many. The claims may be of a
        softmax without its exponentials too.
        """
        found: dict[Claim, tuple[Cause, ...]] = {}
        for key, read in (("", self.as_defined), ("no_exponential", self.without_exponential)):
            rest = [claim for claim in claims if claim not in found]
            for outputs, values in self.uneven_layers() if len(rest) > 1 else ():
                known = self.steps.passed({}, dict(zip(outputs, values, strict=True)))
                results = {claim: read(claim.symbol, known) for claim in rest}
                met = [c for c, value in results.items() if abs(value - c.value) <= c.unit * FUZZ]
                if len(met) > 1:
                    shown = tuple(Numeral(Rational(*v.as_integer_ratio()), Integer(4)) for v in values)
                    args: dict[str, Argument] = {"outputs": tuple(outputs), "values": shown}
                    for claim in met:
                        both = Cause("rounded_unevenly", args, results[claim])
                        found[claim] = (Cause(key, {}, results[claim]), both) if key else (both,)
                    break
        return found

    def uneven_layers(self) -> Iterator[tuple[list[Symbol], tuple[float, ...]]]:
        """Each layer's outputs as they look with two or three decimals, each in its own way."""
        for layer in self.layers_of_outputs():
            if len(layer) <= MAX_UNEVEN:
                numbers = [self.steps.known[s] for s in layer]
                looks = [sorted({_look(n, d, cut) for d in UNEVEN for cut in (0, 1)}) for n in numbers]
                yield from ((layer, values) for values in product(*looks))

    def as_defined(self, q: Symbol, known: Mapping[Symbol, float]) -> float:
        """The number of q, where it has one."""
        return known.get(q, math.inf)

    def without_exponential(self, q: Symbol, known: Mapping[Symbol, float]) -> float:
        """The number of a softmax output with u in place of e^u."""
        bare = None if q not in known else _without_exponential(self.opened(q))
        return math.inf if bare is None else self.steps.value(bare, known)

    def from_claims(self, q: Symbol, kind: str) -> Iterator[_Mistake]:
        """What follows from the other numbers that were claimed."""
        before = self.before(q)
        claimed = {c.symbol: c.value for c in self.claims if c.kind == kind and c.symbol in before}
        new = self.steps.updated if kind == "after" else {}
        leaves = {**new, **{s: n for s, n in claimed.items() if self.graph[s].definition is None}}
        inner = {s: n for s, n in claimed.items() if self.graph[s].definition is not None}
        if claimed:
            yield "from_claims", {}, self.passed(q, leaves, inner)


_Mistake = tuple[str, Mapping[str, Argument], Callable[[], float]]


def _scaled(right: float, outputs: int) -> Iterator[_Mistake]:
    """The sign, and factors of the error: ½, 2, one over the number of outputs."""
    yield "sign", {}, lambda: -right
    if outputs > 1:
        yield "mean_for_sum", {"count": outputs}, lambda: right / outputs
        yield "sum_for_mean", {"count": outputs}, lambda: right * outputs
    yield "factor_half", {}, lambda: right / 2
    yield "factor_two", {}, lambda: right * 2


def _look(value: float, decimals: int, cut: int) -> float:
    """A number with a few decimals, rounded or cut."""
    return math.trunc(value * 10**decimals) / 10**decimals if cut else round(value, decimals)


def _without_exponential(definition: Expr) -> Expr | None:
    """The definition with u where e^u stands, None where no exponential does."""

    def one(node: Expr) -> Expr | None:
        return cast(Expr, node.args[0]) if isinstance(node, exp_) else None

    bare = mapped(definition, one)
    return None if bare == definition else bare
