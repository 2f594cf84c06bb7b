"""The verifier can fail: every rule × every damage is refused, with both sides and a point.

A damage is done to the right side of a real step of a real derivation: a path dropped, a sign
flipped, f' lost, an index exchanged for another, … Whether the damaged line is really false is
decided by `oracle`, which shares no code with the verifier; a damage that happens to leave the
value as it was is no case. The table TABLE says for each rule and damage that there are cases, or
why there can be none, and both claims are checked.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial

import pytest
from sympy import Abs, Add, Basic, Expr, Integer, Mul, Piecewise, Symbol

from backprop_symbolic import Network, algebra, derive, read
from backprop_symbolic.activations import activation, activations, formula
from backprop_symbolic.algebra import Call, Frac, Partial, Tight, X, Y, add, mul, neg, rebuild
from backprop_symbolic.backprop import backprop
from backprop_symbolic.calculus import prime
from backprop_symbolic.derivation import Derivation, Step
from backprop_symbolic.errors import Unverified
from backprop_symbolic.graph import Graph, dense
from backprop_symbolic.losses import losses
from backprop_symbolic.page import without_facts
from backprop_symbolic.rules import RULES, InnerChain, ThroughActivation
from backprop_symbolic.verify import Refused, Verifier, _claims, decide, end_check, verify
from tests.damage import with_step
from tests.drawn import pairs
from tests.oracle import NoValue, Oracle, differ

# ---------------------------------------------------------------- the derivations that are damaged

SHARED = """
n1 = w1*x1 + w1*x2 + w2*x1*x2 + b1
h1 = sigmoid(n1)
n2 = w1*x2 + w2*x1 + b1     # w1, w2 and b1 are used a second time
h2 = tanh(n2)
o1 = w3*h1 + w1*h2
E1 = (t1 - o1)**2
o2 = w3*h2 + w2*h1
E2 = (t2 - o2)**2
E = E1 + E2
"""
SKIPS = """
parameter unused
a1 = w1*x1 + w2*x2
s1 = sigmoid(a1)
s2 = tanh(s1 + a1*w2)       # a1 reaches s2 directly and through s1
p = s1*s2 + exp(-a1)/(1 + s2**2)
q = tanh(p)*s1 + log(2 + s2**2)
E = (t1 - q)**2/2 + 0.5*p*(t2 - s1)
"""


def network(
    sizes: list[int], names: list[str] | None, repeat: bool, /, **options: object
) -> Callable[[], Derivation]:
    def build() -> Derivation:
        graph = dense(Network.dense(sizes, **options))
        wanted = graph.parameters if names is None else [graph.parameter(n) for n in names]
        return backprop(graph, wanted, repeat=repeat)

    return build


def graph_file(text: str, repeat: bool) -> Callable[[], Derivation]:
    def build() -> Derivation:
        graph = read(text)
        return backprop(graph, graph.parameters, repeat=repeat)

    return build


MIXED = {"activation": ["tanh", "relu", "softplus"], "bias": "layer", "loss": "log_cosh"}
DERIVATIONS: dict[str, Callable[[], Derivation]] = {
    "2-2-2 w31 full": network([2, 2, 2], ["w31"], True),
    "2-2-2 w11 full": network([2, 2, 2], ["w11"], True),
    "2-2-2 all": network([2, 2, 2], None, False),
    "2-2-2-2 all, mixed, bias per layer": network([2, 2, 2, 2], None, False, **MIXED),
    "2-2-2-2 first, mixed, bias per layer, full": network([2, 2, 2, 2], ["w11", "b1"], True, **MIXED),
    "1-2-4 w11, bias per node": network([1, 2, 4], ["w11", "b1"], False, bias="node"),
    "2-2-1-2-1 w12": network([2, 2, 1, 2, 1], ["w12"], False, activation="arctan"),
    "2-2-2 leaky_relu and identity, mae": network(
        [2, 2, 2], ["w11", "w42"], False, activation=["leaky_relu", "identity"], loss="mae"
    ),
    "2-2-2 cross entropy": network(
        [2, 2, 2], ["w11", "w42"], False, loss="binary_cross_entropy", bias="none"
    ),
    "2-2-1 silu": network([2, 2, 1], ["w11"], True, activation="silu", loss="mse", bias="fixed"),
    "2-2-2 elu and softsign": network([2, 2, 2], ["w11"], True, activation=["elu", "softsign"], loss="sse"),
    "2-2-3 softmax, cross entropy, w31": network(
        [2, 2, 3], ["w31"], True, activation=["sigmoid", "softmax"], loss="categorical_cross_entropy"
    ),
    "2-2-2 softmax in the loss, all": network(
        [2, 2, 2], None, False, activation="tanh", loss="softmax_cross_entropy"
    ),
    "2-2-2 softmax hidden": network([2, 2, 2], ["w11", "w31"], False, activation=["softmax", "sigmoid"]),
    "2-2-2 penalties": network([2, 2, 2], ["w11", "w31"], False, l1="0.1", l2="0.01"),
    "shared weights": graph_file(SHARED, False),
    "shared weights, full": graph_file(SHARED, True),
    "several ways from one quantity to another": graph_file(SKIPS, False),
    "page of mish": lambda: without_facts(activation("mish")),
    "page of gelu_tanh": lambda: without_facts(activation("gelu_tanh")),
    "page of sigmoid": lambda: without_facts(activation("sigmoid")),
    "page of softplus": lambda: without_facts(activation("softplus")),
    "page of tanhshrink": lambda: without_facts(activation("tanhshrink")),
}


@cache
def derivation(name: str) -> Derivation:
    return DERIVATIONS[name]()


@cache
def oracles(name: str) -> list[Oracle]:
    """Points at which the damaged lines of a derivation are judged."""
    found: list[Oracle] = []
    for seed in range(60):
        try:
            found.append(Oracle(derivation(name).graph, derivation(name).meanings, seed=seed))
        except NoValue:
            continue
        if len(found) == 8:
            break
    assert len(found) == 8
    return found


# ---------------------------------------------------------------- the damages

Put = Callable[[Expr], Expr]


def places(expr: Basic) -> Iterator[tuple[Basic, Put]]:
    """Every part of `expr`, with the function that exchanges this one part for another."""
    yield expr, lambda new: new
    for i, part in enumerate(expr.args):
        if (isinstance(expr, (Call, algebra.Prime)) and i == 0) or (isinstance(expr, Partial) and i > 1):
            continue
        for node, put in places(part):
            yield node, partial(_put, expr, i, put)


def _put(expr: Basic, i: int, put: Put, new: Expr) -> Expr:
    return rebuild(expr, (*expr.args[:i], put(new), *expr.args[i + 1 :]))


def sums(rhs: Expr) -> Iterator[tuple[tuple[Expr, ...], Put]]:
    for node, put in places(rhs):
        if isinstance(node, Add):
            yield node.args, put


def path_dropped(step: Step, about: Derivation) -> Iterator[Expr]:
    """A term of a sum is forgotten."""
    for terms, put in sums(step.rhs):
        for i in range(len(terms)):
            yield put(add(*terms[:i], *terms[i + 1 :]))


def factor_lost(step: Step, about: Derivation) -> Iterator[Expr]:
    """A factor of a product, or one side of a fraction, is forgotten."""
    for node, put in places(step.rhs):
        if isinstance(node, (Mul, Tight)):
            for i in range(len(node.args)):
                yield put(mul(*node.args[:i], *node.args[i + 1 :]))
        elif isinstance(node, Frac):
            yield put(node.args[0])
            yield put(Frac(Integer(1), node.args[1]))


def prime_lost(step: Step, about: Derivation) -> Iterator[Expr]:
    """The derivative of an activation is forgotten: 1 in the place of f', u in that of f(u)."""
    forms = primes(about)
    for node, put in places(step.rhs):
        if isinstance(node, Partial) and isinstance(node.of, Call):
            yield put(Partial(node.of.args[1], *node.args[1:]))
        elif node in forms:
            yield put(Integer(1))
    if step.rule.key in ("board", "calculus") and isinstance(step.lhs, Partial) and step.lhs.wrt == X:
        yield Integer(1)  # the proof of an activation: the whole line is f'
    if isinstance(step.rule, InnerChain):
        yield Partial(step.rule.inner, step.rule.wrt)  # g'(u) is forgotten


@cache
def _primes(graph: Graph) -> frozenset[Expr]:
    found: set[Expr] = set()
    for q in graph.quantities.values():
        for call in [] if q.definition is None else q.definition.atoms(Call):
            entry = activations.get(str(call.args[0]))
            if q.definition == call:
                found.add(Partial(q.symbol, call.args[1]))
            for u, y in ((call.args[1], q.symbol), (call.args[1], call), (X, Call(call.args[0], X))):
                form = algebra.replace(prime(entry), {X: u, Y: y})
                found |= {form, Tight(*form.args)} if isinstance(form, Mul) else {form}
    return frozenset(found - {Integer(1)})


def primes(about: Derivation) -> frozenset[Expr]:
    """The forms in which f' appears: ∂y/∂net as an atom, and what it is proved to be."""
    return _primes(_ById(about.graph))


class _ById:
    """A graph as a cache key."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.quantities = graph.quantities

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.graph is self.graph

    def __hash__(self) -> int:
        return id(self.graph)


def sign_flipped(step: Step, about: Derivation) -> Iterator[Expr]:
    """The whole right side, or one term of a sum, has the other sign."""
    yield neg(step.rhs)
    for terms, put in sums(step.rhs):
        for i, term in enumerate(terms):
            yield put(add(*terms[:i], neg(term), *terms[i + 1 :]))


def doubled(step: Step, about: Derivation) -> Iterator[Expr]:
    """The whole right side, or one term of a sum, is taken twice."""
    yield mul(Integer(2), step.rhs)
    for terms, put in sums(step.rhs):
        for i, term in enumerate(terms):
            yield put(add(*terms[:i], mul(Integer(2), term), *terms[i + 1 :]))


def index_swapped(step: Step, about: Derivation) -> Iterator[Expr]:
    """A name is exchanged for another of its kind: w31 for w32, y_h1 for y_h2, δ_o1 for δ_o2."""
    kinds = siblings(about.graph)
    for node, put in places(step.rhs):
        if isinstance(node, Symbol):
            for other in kinds.get(node, ()):
                yield put(other)
    for name in algebra.symbols(step.rhs):
        for other in kinds.get(name, ()):
            yield algebra.replace(step.rhs, {name: other})


def siblings(graph: Graph) -> dict[Symbol, tuple[Symbol, ...]]:
    """The two names that follow a name among those of its kind."""
    kinds: dict[object, list[Symbol]] = {}
    for q in graph.quantities.values():
        if q.symbol != graph.rate:
            kinds.setdefault((q.role, q.naming), []).append(q.symbol)
    kinds["δ"] = list(graph.deltas.values())
    return {
        s: tuple(
            dict.fromkeys(o for o in (group[(i + 1) % len(group)], group[(i + 2) % len(group)]) if o != s)
        )
        for group in kinds.values()
        for i, s in enumerate(group)
    }


def function_swapped(step: Step, about: Derivation) -> Iterator[Expr]:
    """f(u) is exchanged for another activation's g(u)."""
    for node, put in places(step.rhs):
        if isinstance(node, Call):
            f, g = SMOOTH[:2]
            yield put(Call(Symbol(g if str(node.args[0]) == f else f), node.args[1]))


#: Activations without cases, which every graph's verifier can decide.
SMOOTH = [e.name for e in activations if not formula(e).has(Piecewise, Abs) and e.name != "identity"]

Damage = Callable[[Step, Derivation], Iterator[Expr]]
DAMAGES: dict[str, Damage] = {
    f.__name__: f
    for f in (path_dropped, factor_lost, prime_lost, sign_flipped, doubled, index_swapped, function_swapped)
}

# ---------------------------------------------------------------- rule × damage

YES = "exercised"
ONE_TERM = "the right side is one term: there is no path to drop"
ONE_FACTOR = "the right side has no product: there is no factor to lose"
NO_PRIME = "f' does not stand in the right side"
NO_CALL = "f(u) does not stand in the right side, only names"
ONE_NAME = "a proof about x alone: there is no second name of its kind"

#: For each rule and damage: that there are cases, or why there are none.
TABLE: dict[str, dict[str, str]] = {
    "definition": {"prime_lost": "a definition differentiates nothing"},
    "open_definition": {},
    "chain_rule": {"path_dropped": ONE_TERM, "function_swapped": NO_CALL},
    "sum_over_paths": {"function_swapped": NO_CALL},
    "sum_of_errors": {"factor_lost": ONE_FACTOR, "prime_lost": NO_PRIME, "function_swapped": NO_CALL},
    "vanishing_terms": {
        "path_dropped": ONE_TERM, "factor_lost": ONE_FACTOR, "prime_lost": NO_PRIME, "function_swapped": NO_CALL,
    },
    "calculus": {},
    "differentiated": {"index_swapped": ONE_NAME},
    "inner_name": {"index_swapped": ONE_NAME, "prime_lost": NO_PRIME},
    "with_name": {"index_swapped": ONE_NAME, "path_dropped": ONE_TERM, "factor_lost": ONE_FACTOR},
    "chain_inner": {"index_swapped": ONE_NAME},
    "eliminated": {"index_swapped": ONE_NAME, "function_swapped": NO_CALL},
    "form": {"prime_lost": "what is stated as f' is the derivative as a whole, of a loss too"},
    "rewrite": {"prime_lost": NO_PRIME, "function_swapped": NO_CALL},
    "hypothesis": {"prime_lost": NO_PRIME, "function_swapped": NO_CALL},
    "board": {"index_swapped": ONE_NAME},
    "through_activation": {},
    "through_softmax": {"prime_lost": NO_PRIME, "function_swapped": NO_CALL},
    "through_weighted_sum": {"prime_lost": NO_PRIME, "function_swapped": NO_CALL},
    "insert": {},
    "fold": {},
    "delta": {
        "path_dropped": ONE_TERM, "factor_lost": ONE_FACTOR, "prime_lost": NO_PRIME, "function_swapped": NO_CALL,
    },
    "gradient_descent": {"prime_lost": NO_PRIME, "function_swapped": NO_CALL},
}  # fmt: skip
CELLS = [(rule, damage) for rule in RULES for damage in DAMAGES]


@dataclass(frozen=True)
class Case:
    """A step and the same step with a damaged right side that is really false."""

    where: str
    step: Step
    damaged: Step


def holds(name: str, lhs: Expr, rhs: Expr) -> bool | None:
    """Whether lhs = rhs at all the oracle's points; None where it has no value at any."""
    seen = False
    for oracle in oracles(name):
        try:
            left, right = oracle.number(lhs), oracle.number(rhs)
        except NoValue:
            continue
        if differ(left, right):
            return False
        seen = True
    return True if seen else None


@cache
def steps_by_rule(name: str) -> dict[str, list[Step]]:
    found: dict[str, dict[tuple[Expr, Expr], Step]] = {}
    for step in derivation(name).steps:
        found.setdefault(step.rule.key, {}).setdefault((step.lhs, step.rhs), step)
    return {key: list(steps.values()) for key, steps in found.items()}


def cases(rule: str, damage: str, limit: int | None) -> Iterator[Case]:
    """The really false damaged steps of one cell; at most `limit` spread over each derivation."""
    for name in DERIVATIONS:
        about = derivation(name)
        candidates = [
            (step, rhs)
            for step in steps_by_rule(name).get(rule, ())
            for rhs in dict.fromkeys(DAMAGES[damage](step, about))
            if rhs != step.rhs
        ]
        stride = 1 if limit is None else max(1, len(candidates) // limit)
        taken = 0
        # A stride that leaves nothing would be an empty test: then every candidate is looked at.
        for step, rhs in (*candidates[::stride], *(candidates if stride > 1 else ())):
            if limit is not None and taken >= limit:
                break
            if holds(name, step.lhs, rhs) is False:
                taken += 1
                yield Case(name, step, replace(step, rhs=rhs))


class Recording(Verifier):
    """A verifier that keeps the counterexample it showed."""

    shown: Refused | None = None

    def counterexample(self, step: Step) -> Refused:
        self.shown = super().counterexample(step)
        return self.shown


@cache
def verifiers(name: str) -> tuple[Recording, Recording]:
    """One that measures each ∂E/∂q itself, and one to which the derivation's values are certified."""
    about = derivation(name)
    plain, certified = Recording(about.graph, about.meanings), Recording(about.graph, about.meanings, seed=7)
    certified.certify(_claims(about))
    return plain, certified


def refused(verifier: Recording, case: Case) -> None:
    """`case` is refused; its message holds both sides and a point, and at the point they differ."""

    def what() -> str:  # formulas are printed where a test fails, not for each that passes
        return f"{case.where}: {case.step.lhs} = {case.step.rhs} damaged to {case.damaged.rhs}"

    with pytest.raises(Unverified) as error:
        decide(verifier, case.damaged)
        pytest.fail(f"accepted: {what()}")
    shown = verifier.shown
    assert shown is not None
    said = str(error.value)
    assert said == str(shown)
    message = re.fullmatch(
        r"step (\S+) \((\w+)\): .* does not hold: left (\S+), right (\S+) at (.+ = .+)", said
    )
    assert message, said
    assert message[1] == case.step.id
    assert message[2] == case.step.rule.key
    assert isinstance(shown.left, float), f"no real counterexample was found: {what()}"
    assert float(message[3]) == pytest.approx(shown.left, rel=1e-4)
    assert float(message[4]) == pytest.approx(shown.right, rel=1e-4)
    about = derivation(case.where)
    given = {name: value for name, value in shown.point.items() if Symbol(name) not in about.meanings}
    again = Oracle(about.graph, about.meanings, given)
    left = again.number(case.damaged.lhs)
    assert left == pytest.approx(shown.left, rel=1e-6, abs=1e-12), what()
    try:
        right = again.number(case.damaged.rhs)
    except NoValue:
        return  # the damaged side is the derivative of a function outside its domain: no value at all
    assert right == pytest.approx(shown.right, rel=1e-6, abs=1e-12), what()
    assert differ(left, right), what()


def check_cell(rule: str, damage: str, limit: int | None) -> None:
    claim = TABLE[rule].get(damage, YES)
    count = 0
    for case in cases(rule, damage, limit):
        count += 1
        assert claim == YES, f"{rule} × {damage} can occur: {case.step.lhs} = {case.damaged.rhs}"
        for verifier in verifiers(case.where):
            refused(verifier, case)
    assert (count > 0) == (claim == YES), f"{rule} × {damage} says {claim!r} and has {count} cases"


def test_the_table_names_every_rule_and_only_known_damages():
    """A new rule must be entered here before the suite passes."""
    assert set(TABLE) == set(RULES)
    assert {d for row in TABLE.values() for d in row} <= set(DAMAGES)
    assert {key for name in DERIVATIONS for key in steps_by_rule(name)} == set(RULES)


@pytest.mark.parametrize(("rule", "damage"), CELLS)
def test_every_rule_times_every_damage_is_refused(rule, damage):
    """A damaged step of each rule is refused with both sides and a real counterexample."""
    check_cell(rule, damage, limit=3)


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "damage"), CELLS)
def test_every_damaged_step_there_is_is_refused(rule, damage):
    """The same for every step and every place in it."""
    check_cell(rule, damage, limit=None)


@pytest.mark.parametrize("name", DERIVATIONS)
def test_undamaged_steps_hold_for_verifier_and_oracle(name):
    """Each step as it was written is accepted, and true by the oracle's complex steps too."""
    for verifier in verifiers(name):
        for steps in steps_by_rule(name).values():
            for step in steps:
                assert decide(verifier, step).points >= 2
                assert holds(name, step.lhs, step.rhs) is True, f"{step.lhs} = {step.rhs}"


# ---------------------------------------------------------------- a damaged derivation as a whole


@pytest.mark.parametrize(("rule", "damage"), [c for c in CELLS if TABLE[c[0]].get(c[1], YES) == YES])
def test_one_damaged_step_stops_the_whole_derivation(rule, damage):
    """`verify` refuses a derivation with one damaged step, and names that step."""
    seen = set()
    for case in cases(rule, damage, limit=1):
        if len(seen) == 4:
            break
        seen.add(case.where)
        with pytest.raises(Unverified, match=rf"^step {case.step.id} \({rule}\): "):
            verify(with_step(derivation(case.where), case.damaged))
    assert seen


@pytest.mark.parametrize("name", DERIVATIONS)
def test_an_undamaged_derivation_passes_as_a_whole(name):
    """`verify` puts evidence on every step and checks the end result at two points."""
    verified = verify(derivation(name))
    assert all(step.evidence is not None and step.evidence.points >= 2 for step in verified.steps)
    assert verified.evidence["points"] == 2
    assert verified.evidence["largest_relative_difference"] < 1e-9


# ---------------------------------------------------------------- δ with a wrong meaning


@pytest.mark.parametrize("damage", ["doubled", "of another quantity", "negated"])
def test_a_wrong_meaning_of_delta_is_refused(damage):
    """δ said to mean anything but ∂E/∂net is refused, although its formula is right."""
    about = derivation("2-2-2 w11 full")
    net, delta = next(iter(about.graph.deltas.items()))
    right = Partial(about.graph.error, net)
    wrong = {
        "doubled": mul(Integer(2), right),
        "of another quantity": Partial(about.graph.error, list(about.graph.deltas)[1]),
        "negated": neg(right),
    }[damage]
    with pytest.raises(Unverified):
        verify(replace(about, meanings={**about.meanings, delta: wrong}))


def test_a_wrong_meaning_of_the_updated_weight_is_refused():
    """w(t+1) said to mean w + η·∂E/∂w is refused."""
    about = derivation("2-2-2 w31 full")
    (updated,) = [s for s in about.meanings if s.name == "w31(t+1)"]
    w = about.parameters[0]
    wrong = add(w, mul(about.graph.rate, Partial(about.graph.error, w)))
    with pytest.raises(Unverified):
        verify(replace(about, meanings={**about.meanings, updated: wrong}))


# ---------------------------------------------------------------- the certificate


def claims_of(name: str) -> dict[Symbol, Expr]:
    return dict(_claims(derivation(name)))


CERTIFIED = ["2-2-2 all", "2-2-2-2 all, mixed, bias per layer", "shared weights"]


@pytest.mark.parametrize("name", CERTIFIED)
def test_true_claims_are_certified(name):
    """What a right derivation claims of ∂E/∂q is taken over at every point."""
    about = derivation(name)
    verifier = Verifier(about.graph, about.meanings)
    before = list(verifier.prepare())
    verifier.certify(claims_of(name))
    assert all(a is b for a, b in zip(before, verifier.points, strict=True))
    assert all(Partial(about.graph.error, q) in p.memo for p in verifier.points for q in claims_of(name))


@pytest.mark.parametrize("name", CERTIFIED)
def test_no_single_false_claim_lets_a_false_step_pass(name):
    """A claim that is wrong in any one place is not taken over: the step that makes it is refused."""
    about = derivation(name)
    for q, claim in claims_of(name).items():
        verifier = Verifier(about.graph, about.meanings)
        false = mul(Integer(2), claim)
        verifier.certify({**claims_of(name), q: false})
        assert verifier.holds(Partial(about.graph.error, q), false) == 0
        assert verifier.holds(Partial(about.graph.error, q), claim) >= 2
        delta = about.graph.deltas.get(q)
        if delta is not None:
            assert verifier.holds(delta, false) == 0
            assert verifier.holds(delta, claim) >= 2


@pytest.mark.parametrize("name", CERTIFIED)
def test_claims_that_are_wrong_together_do_not_pass(name):
    """δ of the output doubled and everything below doubled with it: consistent, false, refused."""
    about = derivation(name)
    verifier = Verifier(about.graph, about.meanings)
    claims = {q: mul(Integer(2), c) for q, c in claims_of(name).items()}
    verifier.certify(claims)
    for q, claim in claims.items():
        assert verifier.holds(Partial(about.graph.error, q), claim) == 0


def test_claims_that_cancel_each_other_do_not_pass():
    """+c on one gradient and -c on another would cancel in a plain sum; a random direction sees it."""
    about = derivation("2-2-2 all")
    claims = claims_of("2-2-2 all")
    w31, w42 = (about.graph.parameter(n) for n in ("w31", "w42"))
    c = Symbol("x1")
    claims[w31], claims[w42] = add(claims[w31], c), add(claims[w42], neg(c))
    verifier = Verifier(about.graph, about.meanings)
    verifier.certify(claims)
    for w in (w31, w42):
        assert verifier.holds(Partial(about.graph.error, w), claims[w]) == 0


# ---------------------------------------------------------------- the end result


def wrong(step: Step) -> Step:
    return replace(step, rhs=mul(Integer(2), step.rhs))


@pytest.mark.parametrize(
    "name", ["2-2-2 all", "2-2-2 w11 full", "shared weights", "several ways from one quantity to another"]
)
def test_the_complex_step_catches_a_wrong_result_whose_steps_are_right(name):
    """Every printed step true, the result taken down wrongly: the end check refuses it."""
    about = derivation(name)
    checked = 0
    for w, result in about.results.items():
        if result.folded.rhs == 0:
            continue
        bad = replace(about, results={**about.results, w: replace(result, folded=wrong(result.folded))})
        with pytest.raises(
            Unverified, match=r"differs from a complex step: derived \S+, measured \S+ at \w+ = "
        ):
            verify(bad)
        checked += 1
    assert checked


def test_the_complex_step_catches_a_wrong_delta_whose_steps_are_right():
    """A δ taken down wrongly changes the results below it: the end check refuses it."""
    about = derivation("2-2-2 all")
    for delta, step in about.definitions.items():
        with pytest.raises(Unverified, match="differs from a complex step"):
            verify(replace(about, definitions={**about.definitions, delta: wrong(step)}))


def test_the_end_check_sees_two_errors_that_would_cancel():
    """Results exchanged between two weights are noticed, though their plain sum is unchanged."""
    about = derivation("2-2-2 all")
    a, b = (about.graph.parameter(n) for n in ("w31", "w42"))
    results = dict(about.results)
    results[a], results[b] = (
        replace(results[a], folded=results[b].folded),
        replace(results[b], folded=results[a].folded),
    )
    with pytest.raises(Unverified, match="differs from a complex step"):
        end_check(replace(about, results=results))


@pytest.mark.parametrize(("activation", "loss"), pairs())
def test_the_end_check_finds_a_point_for_every_activation_and_loss(activation, loss):
    """The comparison with a complex step is really made, whatever the domain of the loss."""
    place = activations.names().index(activation) + losses.names().index(loss)
    outputs = (1, 2, 6)[place % 3] + (losses.get(loss).through != "")
    about = derive(Network.dense([2, 2, outputs], activation, loss), "w11").derivation
    assert about.evidence["points"] >= 1, f"{outputs} outputs"


# ---------------------------------------------------------------- --strict

STRICT = [
    "2-2-2 w31 full",
    "2-2-2 w11 full",
    "2-2-2 cross entropy",
    "2-2-2-2 all, mixed, bias per layer",
    "shared weights",
]


@pytest.mark.parametrize("name", STRICT)
def test_strict_cancels_every_step_exactly(name):
    """With strict each step also cancels to 0 in exact arithmetic, and its evidence says so."""
    verified = verify(derivation(name), strict=True)
    assert {step.evidence.method for step in verified.steps} == {"prime_field+cancellation"}


@pytest.mark.parametrize("activation", activations, ids=lambda entry: entry.name)
def test_strict_proves_every_registered_activation(activation):
    """The proof of each activation's derivative cancels exactly."""
    graph = dense(Network.dense([1, 1], activation.name))
    verify(backprop(graph, graph.parameters), strict=True)


def test_exact_cancellation_refuses_damaged_steps_on_its_own():
    """Where the random points are left out, cancellation alone refuses the damaged steps."""
    tried = 0
    for rule in RULES:
        for damage in DAMAGES:
            if TABLE[rule].get(damage, YES) != YES:
                continue
            for case in cases(rule, damage, limit=1):
                if case.where in STRICT[:2]:
                    verifier, _ = verifiers(case.where)
                    assert not verifier.cancels(case.damaged.lhs, case.damaged.rhs), (
                        f"{case.damaged.lhs} = {case.damaged.rhs}"
                    )
                    tried += 1
    assert tried > 50


def test_evidence_is_not_carried_over_from_a_right_step():
    """A damaged step that still carries evidence of an earlier run is decided anew."""
    verified = verify(derivation("2-2-2 w31 full"))
    step = next(s for s in verified.steps if s.rule.key == "through_activation")
    assert step.evidence is not None
    with pytest.raises(Unverified, match=step.id):
        verify(with_step(verified, wrong(step)))


def test_the_steps_are_immutable():
    """Nothing can be changed in a step after it was decided."""
    step = verify(derivation("2-2-2 w31 full")).steps[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        step.rhs = step.lhs


@pytest.mark.parametrize("name", ["relu", "hard_tanh", "elu"])
def test_a_condition_on_another_unit_is_refused(name):
    """f'(net) by cases of net is refused with the cases of any other unit, however they are numbered."""
    about = dense(Network.dense([2, 5, 4], activation=name))
    verifier = Verifier(about, {})
    outputs = {
        q.definition.args[1]: q.symbol for q in about.quantities.values() if isinstance(q.definition, Call)
    }
    for net, output in outputs.items():
        line = ThroughActivation(name, net, output).result()
        for other in outputs:
            held = verifier.holds(Partial(output, net), algebra.replace(line, {net: other}))
            assert bool(held) == (other == net), f"∂{output}/∂{net} with the cases of {other}"
