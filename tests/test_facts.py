"""Facts of activations: held against dense sampling by mpmath, which shares nothing with their proofs.

Every registered activation is met, and formulas as a user would type them.
"""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import atan as atan_
from mpmath import erf, inf, mp, mpf
from mpmath import exp as exp_
from mpmath import log as log_
from sympy import Rational, Symbol, oo, sqrt
from sympy import exp as sympy_exp

from backprop_symbolic import intervals
from backprop_symbolic.activations import Activation, activations, formula
from backprop_symbolic.algebra import Call, Decimal, Frac, Partial, Tight
from backprop_symbolic.analysis import NotEstablished, bounded, cells, exactly, value_at
from backprop_symbolic.document import section_blocks
from backprop_symbolic.evaluate import Undecidable
from backprop_symbolic.facts import Kink, as_sections, facts, sections
from backprop_symbolic.intervals import Interval
from backprop_symbolic.render import Words
from backprop_symbolic.wording import languages, messages

TYPED = {
    "quick_gelu": "x*sigmoid(1.702*x)",
    "erf_gelu": "x/2*(1 + erf(x/sqrt(2)))",
    "tanh_gelu": "x/2*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))",
    "x_tanh": "x*tanh(x)",
    "mish": "x*tanh(softplus(x))",
    "two_kinks": "min(max(x, -1), 2)",
    "nested": "max(min(2*x, 1), abs(x) - 3)",
    "soft_clip": "log((1 + exp(x + 1))/(1 + exp(x - 1)))/2",
    "gauss_slope": "x*exp(-x**2)",
    "falling": "1/(1 + exp(x))",
    "algebraic": "x/sqrt(1 + x**2)",
    "snake_free": "x + atan(x)",
    "steps": "1 if x > 1 else 0.5 if x > 0 else 0",
    "down": "0 if x > 0 else 1",
    "down_flat": "0 if x > 0 else -x",
    "constant": "3",
    "reciprocal": "1/x",
    "entropy": "x*log(x)",
    "square": "x**2",
    "root": "sqrt(x)",
    "sine": "sin(x)",
    "holey": "x/x",
}


def typed(name: str, text: str) -> Activation:
    return Activation(name, text, "", "f", "f")


ENTRIES = [*activations, *(typed(f"typed_{name}", text) for name, text in TYPED.items())]
BY_NAME = {entry.name: entry for entry in ENTRIES}


class Lazy(dict):
    """name → facts, found when first asked for: a worker that runs few tests finds few."""

    def __missing__(self, name):
        self[name] = facts(BY_NAME[name])
        return self[name]


FACTS = Lazy()
#: What the work allowed does not settle, and says so.
OPEN = {"typed_sine": {"range", "saturation", "steepest", "lipschitz", "monotone", "limit"}}

each = pytest.mark.parametrize("name", BY_NAME)


# ---------------------------------------------------------------- an evaluator of the test's own


class Undefined(Exception):
    """No real value here."""


def at(expr, x, y=None):
    """The value of an expression at x, by mpmath, node by node."""
    kind = type(expr).__name__
    if kind == "Symbol":
        return x if expr.name == "x" else y
    if expr.is_Rational:
        return mpf(int(expr.p)) / int(expr.q)
    if isinstance(expr, Decimal):
        return mpf(int(expr.value.p)) / int(expr.value.q)
    if kind == "Pi":
        return +mp.pi
    if isinstance(expr, Call):
        return at(formula(activations.get(expr.name)), at(expr.args[1], x, y))
    if kind == "Piecewise":
        for pair in expr.args:
            if holds(pair.args[1], x, y):
                return at(pair.args[0], x, y)
    args = [at(a, x, y) for a in expr.args]
    if kind == "Add":
        return sum(args, mpf(0))
    if kind == "Mul" or isinstance(expr, Tight):
        product = mpf(1)
        for a in args:
            product *= a
        return product
    if isinstance(expr, Frac) or (kind == "Pow" and args[1] < 0 and args[0] == 0):
        if args[-1] == 0 or kind == "Pow":
            raise Undefined
        return args[0] / args[1]
    if kind == "Pow":
        if args[0] < 0 and args[1] != int(args[1]):
            raise Undefined
        return args[0] ** args[1]
    if kind == "log":
        if args[0] <= 0:
            raise Undefined
        return log_(args[0])
    table = {
        "exp": exp_, "erf": erf, "atan": atan_, "Abs": abs, "sin": mp.sin, "cos": mp.cos, "sinh": mp.sinh,
        "cosh": mp.cosh, "sign": lambda v: mpf((v > 0) - (v < 0)),
    }  # fmt: skip
    return table[kind](args[0])


def holds(condition, x, y=None):
    if condition == True:  # noqa: E712
        return True
    if type(condition).__name__ == "ITE":
        test, first, second = condition.args
        return holds(first if holds(test, x, y) else second, x, y)
    left, right = (at(a, x, y) for a in condition.args)
    return {
        "StrictGreaterThan": left > right,
        "GreaterThan": left >= right,
        "StrictLessThan": left < right,
        "LessThan": left <= right,
    }[type(condition).__name__]


def slope(entry, x, h=None):
    """f'(x) by a central difference of 40 digits."""
    f, h = formula(entry), mpf(10) ** -20 if h is None else h
    return (at(f, x + h) - at(f, x - h)) / (2 * h)


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(50):
        yield


def grid(name, count=161, reach=12):
    """Places inside the domain and away from kinks."""
    known = FACTS[name]
    kinks = [f.value.at.middle for f in known.kinks if isinstance(f.value, Kink)]
    for n in range(count):
        x = mpf(-reach) + mpf(2 * reach) * n / (count - 1) + mpf("0.00123")
        inside = any(s.low.middle < x < s.high.middle for s in known.domain.value)
        if inside and all(abs(x - k) > 1e-6 for k in kinks):
            yield x


def close(value, goal, tolerance=1e-12):
    return abs(value - goal) <= tolerance * (1 + abs(goal))


# ---------------------------------------------------------------- what is established


@each
def test_every_fact_of_every_activation_is_established(name):
    """No fact is left open, but for the functions that say so."""
    left = {f.key.removeprefix("unknown_") for f in FACTS[name] if not f.established}
    several = {"monotone", "lipschitz"} if len(FACTS[name].domain.value) > 1 else set()
    assert left <= OPEN.get(name, set()) | several


@each
def test_every_equation_is_verified(name):
    """Each step carries the verifier's evidence."""
    assert all(step.evidence is not None and step.evidence.points >= 2 for step in FACTS[name].steps)


@pytest.mark.parametrize(
    ("name", "value", "points"),
    [
        ("sigmoid", Rational(1, 4), {0}),
        ("tanh", 1, {0}),
        ("arctan", 1, {0}),
        ("softsign", 1, {0}),
        ("gaussian", sqrt(2) * sympy_exp(-Rational(1, 2)), {-sqrt(2) / 2, sqrt(2) / 2}),
        ("typed_falling", Rational(1, 4), {0}),
        ("typed_gauss_slope", 1, {0}),
    ],
)
def test_the_greatest_slope_is_exact(name, value, points):
    """σ' has its maximum ¼ at 0, not 0.3; tanh' 1 at 0; and where f' is largest is known exactly."""
    found = FACTS[name].steepest.value
    assert found.value.exact == value
    assert {p.exact for p in found.points} == points
    assert found.attained


@pytest.mark.parametrize(
    ("name", "value", "places"),
    [
        ("gelu", 1.1289041451, [2**0.5]),
        ("silu", 1.0998393201, [2.3993572805]),
        ("mish", 1.0884981612, [1.4905711795]),
        ("gelu_tanh", 1.1289, [1.4185]),
    ],
)
def test_the_greatest_slope_in_an_enclosure(name, value, places):
    """Known values of GELU, SiLU and Mish lie in enclosures narrower than 10⁻⁹."""
    if name not in BY_NAME:
        pytest.skip(f"no activation {name} is registered")
    found = FACTS[name].steepest.value
    assert found.value.box.width < 1e-9
    assert found.value.middle == pytest.approx(value, abs=1e-4 if value == 1.1289 else 1e-9)
    assert [p.middle for p in found.points] == pytest.approx(places, abs=1e-4)


@pytest.mark.parametrize(("name", "end"), [("softplus", oo), ("typed_algebraic", None), ("tanhshrink", -oo)])
def test_a_supremum_that_is_not_taken_is_said_to_be_none(name, end):
    """softplus' tends to 1 and never is; x/√(1+x²) takes its greatest slope at 0."""
    if name not in BY_NAME:
        pytest.skip(f"no activation {name} is registered")
    found = FACTS[name].steepest.value
    assert found.value.exact == 1
    assert found.attained == (end is None)
    assert end is None or end in [e.exact for e in found.ends]


def test_equations_say_the_maximum_of_the_sigmoid():
    """σ''(0) = 0 and σ'(0) = ¼ stand there as verified steps."""
    steps = {(str(s.lhs), s.rhs) for s in FACTS["sigmoid"].steps}
    assert ("σ'(0)", Rational(1, 4)) in steps
    assert ("σ''(0)", 0) in steps
    assert any(isinstance(s.lhs, Partial) for s in FACTS["sigmoid"].steps)


# ---------------------------------------------------------------- against dense sampling


@each
def test_no_slope_exceeds_the_maximum(name):
    """|f'| ≤ sup on a dense grid; where it is attained, the sampled slope there is the maximum."""
    known = FACTS[name].steepest
    if not known.established:
        assert name in OPEN
        return
    if known.value.value.infinite:
        ends = [*(s.low for s in FACTS[name].domain.value), *(s.high for s in FACTS[name].domain.value)]
        sizes = []
        for end in ends:
            middle = end.middle
            x = (
                mpf(10) ** 9 * (1 if middle > 0 else -1)
                if abs(middle) == inf
                else mpf(middle) + mpf(10) ** -19
            )
            try:
                sizes.append(
                    abs(slope(BY_NAME[name], x, abs(x - (0 if abs(middle) == inf else middle)) / 10**6))
                )
            except Undefined:
                continue
        assert max(sizes) > 15
        return
    top = mpf(known.value.value.box.high)
    for x in grid(name):
        assert abs(slope(BY_NAME[name], x)) <= top + mpf(10) ** -15
    for point in known.value.points:
        here = slope(BY_NAME[name], mpf(point.middle) if point.exact is None else exact(point))
        assert close(abs(here), known.value.value.middle, 1e-9)
    for piece in known.value.pieces:
        low, high = (max(min(e.middle, 50), -50) for e in (piece.low, piece.high))
        assert close(abs(slope(BY_NAME[name], mpf(low + high) / 2)), known.value.value.middle)


def exact(value):
    return mpf(str(value.exact.evalf(45)))


@each
def test_the_supremum_is_approached(name):
    """The greatest sampled slope comes near sup|f'|, so that no smaller number would do."""
    known = FACTS[name].steepest
    if not known.established or known.value.value.infinite:
        return
    places = list(grid(name, 81, 40))
    places += [mpf(p.middle) for p in known.value.points]
    kinks = {f.value.at.middle for f in FACTS[name].kinks if isinstance(f.value, Kink)}
    for kink in kinks:
        places += [mpf(kink) + s * mpf(10) ** -12 for s in (-1, 1)]
    best = max(abs(slope(BY_NAME[name], x)) for x in places)
    assert best >= known.value.value.box.low - 1e-9


@each
def test_values_are_in_the_range(name):
    """f of a dense grid lies in the range, and comes near both of its ends."""
    known = FACTS[name].range
    if not known.established:
        assert name in OPEN
        return
    f = formula(BY_NAME[name])
    values = [at(f, x) for x in grid(name)]
    for v in values:
        assert any(s.holds(v, 1e-12) for s in known.value), v
    far = [at(f, x) for x in grid(name, 41, 10**6)] + [at(f, mpf(p.middle)) for p in tops(name)]
    for span in known.value:
        for end in (span.low, span.high):
            if end.infinite:
                assert max(abs(v) for v in far) > 10
            else:
                assert min(abs(v - end.middle) for v in (*values, *far)) < 0.12


def tops(name):
    """Places where f turns, as the fact on monotony names them, and isolated ends of the domain."""
    found = FACTS[name].monotone.value
    return found if isinstance(found, tuple) else ()


@each
def test_outside_the_domain_there_is_no_value(name):
    """Where the domain has a gap the formula has no value, and inside it has one."""
    f = formula(BY_NAME[name])
    for x in (mpf(n) / 4 for n in range(-20, 21)):
        inside = any(
            s.low.middle < x < s.high.middle
            or (x == s.low.middle and s.closed_low)
            or (x == s.high.middle and s.closed_high)
            for s in FACTS[name].domain.value
        )
        try:
            at(f, x)
            assert inside, x
        except Undefined:
            assert not inside, x


@each
def test_limits_are_approached(name):
    """f and f' at ±10², ±10⁴, … come nearer and nearer to the limit that is stated."""
    entry, f = BY_NAME[name], formula(BY_NAME[name])
    for fact in FACTS[name].limits:
        if fact.value is None:
            continue
        side = 1 if fact.args["end"] == oo else -1
        places = [side * mpf(10) ** k for k in (2, 4, 7)]
        prime = "'" in str(fact.args["quantity"])
        values = [slope(entry, x) if prime else at(f, x) for x in places]
        if fact.value.infinite:
            turned = [v if fact.value.exact == oo else -v for v in values]
            assert turned[0] < turned[1] < turned[2]
        else:
            gaps = [abs(v - exact(fact.value)) for v in values]
            noise = mpf(10) ** -20
            assert gaps[2] <= gaps[1] + noise
            assert gaps[1] <= gaps[0] + noise
            assert gaps[2] < 1e-6 or gaps[2] < gaps[0] / 100


@each
def test_monotone_as_stated(name):
    """Neighbouring values on a dense grid never go the other way, or go both ways where it is not."""
    known = FACTS[name].monotone
    if not known.established:
        return
    f = formula(BY_NAME[name])
    values = [at(f, x) for x in grid(name)]
    steps = [b - a for a, b in pairwise(values)]
    if known.key.startswith("increasing"):
        assert all(s >= 0 for s in steps)
        if known.key.endswith("strictly"):
            assert all(s > 0 for s in steps)
        else:
            assert any(s == 0 for s in steps)
    elif known.key.startswith("decreasing"):
        assert all(s <= 0 for s in steps)
        assert any(s == 0 for s in steps) == (not known.key.endswith("strictly"))
    elif known.key == "constant":
        assert all(s == 0 for s in steps)
    else:
        assert known.key == "monotone_not"
        for turn in known.value:
            x, h = mpf(turn.middle), mpf("0.01")
            assert (at(f, x) - at(f, x - h)) * (at(f, x + h) - at(f, x)) <= 0


@each
def test_saturation_is_a_slope_that_tends_to_0(name):
    known = FACTS[name].saturation
    if not known.established:
        assert name in OPEN
        return
    for side, stated in zip((-1, 1), known.value, strict=True):
        end = FACTS[name].domain.value[0].low if side < 0 else FACTS[name].domain.value[-1].high
        if end.infinite:
            assert (abs(slope(BY_NAME[name], side * mpf(10) ** 8)) < 1e-4) == stated


# ---------------------------------------------------------------- kinks


@each
def test_kinks_on_both_sides(name):
    """At each kink the one-sided slopes (or values, at a jump) are those stated, and they differ."""
    entry, f = BY_NAME[name], formula(BY_NAME[name])
    for fact in FACTS[name].kinks:
        kink = fact.value
        if not isinstance(kink, Kink):
            continue
        x, h = exact(kink.at), mpf(10) ** -18
        if kink.jump:
            sides = [at(f, x - h), at(f, x + h)]
            assert max(abs(s - at(f, x)) for s in sides) > 1e-6
        else:
            sides = [(at(f, x) - at(f, x - h)) / h, (at(f, x + h) - at(f, x)) / h]
            assert abs(sides[0] - sides[1]) > 1e-6
        assert close(sides[0], exact(kink.left), 1e-12)
        assert close(sides[1], exact(kink.right), 1e-12)
        if entry.prime:
            from backprop_symbolic.activations import prime

            assert close(at(prime(entry), x, at(f, x)), exact(kink.convention))


@each
def test_there_are_no_other_kinks(name):
    """Away from the kinks that are named, slopes from both sides agree."""
    f = formula(BY_NAME[name])
    for x in [*grid(name, 41, 5), *(mpf(n) / 2 for n in range(-12, 13))]:
        if any(isinstance(k.value, Kink) and abs(k.value.at.middle - x) < 1e-6 for k in FACTS[name].kinks):
            continue
        h = mpf(10) ** -18
        try:
            left, right = (at(f, x) - at(f, x - h)) / h, (at(f, x + h) - at(f, x)) / h
        except Undefined:
            continue
        assert close(left, right, 1e-9), x


def test_elu_has_no_kink_and_relu_the_convention_0():
    assert [f.key for f in FACTS["elu"].kinks] == ["kinks_none"]
    (kink,) = FACTS["relu"].kinks
    assert (kink.value.left.exact, kink.value.right.exact, kink.value.convention.exact) == (0, 1, 0)


# ---------------------------------------------------------------- hostile formulas

HOSTILE = {
    "tower": "exp(exp(exp(exp(x))))",
    "wild": "sin(x**3)*exp(sin(x))/(2 + cos(x**2))",
    "many cases": " if x > 0 else ".join(f"x**{n % 7}" for n in range(40)) + " if x > 9 else 0",
    "nested abs": "abs(" * 12 + "x" + " - 1)" * 12,
    "high powers": "(x**64 + x**63 + 1)**64",
    "product": "*".join(f"(x - {n})" for n in range(60)),
    "exponentials": "+".join(f"exp({n}*x)" for n in range(1, 60)),
    "irrational rates": "+".join(f"exp(sqrt({n})*x)" for n in (2, 3, 5, 7, 11, 13)),
    "deep": "tanh(" * 20 + "x" + ")" * 20,
    "power tower": "2**(3**(x**2))",
    "implicit": "1 if x > cos(x) else 0",
    "nothing": "sqrt(-1 - x**2)",
    "logs": "log(log(log(x)))",
    "double zero": "(exp(x) - 1 - x)**2",
}


LONG = ("nested abs", "product", "deep", "exponentials")


@pytest.mark.parametrize(
    "text",
    [pytest.param(t, id=n, marks=[pytest.mark.slow] if n in LONG else []) for n, t in HOSTILE.items()],
)
def test_hostile_formulas_come_to_an_end(text):
    """Whatever the safe parser reads gets its facts, or is told that they could not be established.

    The bound is a number of calls, the same on every machine; half a minute is many times that.
    """
    began = time.monotonic()
    found = facts(typed("f", text))
    assert time.monotonic() - began < 60
    assert all(fact.key for fact in found)
    assert as_sections(found)


def test_work_is_bounded_by_calls_and_the_profiler_is_put_back():
    """An endless loop of calls is stopped, and what watched before goes on watching."""
    import sys

    def endless():
        while True:
            sys.getprofile()

    before = sys.getprofile()
    with pytest.raises(NotEstablished):
        bounded(endless, 1_000)
    assert sys.getprofile() is before
    assert bounded(lambda: 7, 1_000) == 7


def test_a_false_equation_is_refused():
    """The facts' equations go through the verifier: a wrong one does not come out."""
    from backprop_symbolic.algebra import X
    from backprop_symbolic.derivation import Step
    from backprop_symbolic.errors import Unverified
    from backprop_symbolic.facts import _graph, _verified
    from backprop_symbolic.rules import Stated

    y = Symbol("y(x)")
    graph = _graph({X: None, y: formula(activations.get("sigmoid"))})
    wrong = sympy_exp(X, evaluate=False)
    with pytest.raises(Unverified):
        _verified(graph, [Step("s", Partial(y, X), wrong, Stated(wrong))])


# ---------------------------------------------------------------- intervals


finite = st.floats(-50, 50)


@given(finite, finite, finite, finite, st.integers(0, 5))
def test_intervals_hold_every_value(a, b, c, d, n):
    """x∘y lies in X∘Y for every x in X and y in Y, computed in 50 digits."""
    first, second = Interval(min(a, b), max(a, b)), Interval(min(c, d), max(c, d))
    for x in (mpf(a), mpf(b), (mpf(a) + mpf(b)) / 2):
        for y in (mpf(c), mpf(d), (mpf(c) + mpf(d)) / 2):
            results = [
                (first + second, x + y),
                (first - second, x - y),
                (first * second, x * y),
                (first**n, x**n),
            ]
            if y != 0:
                results.append((first / second, x / y))
            results += [
                (intervals.exp(first), exp_(x)),
                (intervals.sin(first), mp.sin(x)),
                (intervals.cos(first), mp.cos(x)),
                (intervals.increasing(__import__("math").erf, first), erf(x)),
                (intervals.increasing(__import__("math").atan, first), atan_(x)),
            ]
            if x > 0:
                results += [(intervals.log(first), log_(x)), (intervals.sqrt(first), mp.sqrt(x))]
            for box, value in results:
                assert box.low <= value <= box.high


@pytest.mark.parametrize("function", [intervals.exp, intervals.sin, intervals.log, lambda u: u * u])
def test_intervals_of_infinite_ends_hold(function):
    """An unbounded interval gives an interval, not an error or a NaN."""
    for box in (Interval(-intervals.INF, 1.0), Interval(1.0, intervals.INF), intervals.EVERYTHING):
        found = function(box)
        assert found.low <= found.high


@settings(max_examples=settings().max_examples // 3)
@given(st.lists(st.integers(-4, 4), min_size=3, max_size=5))
def test_zeros_of_polynomials_are_all_found(coefficients):
    """The turning points of a polynomial are the sign changes of its derivative on a fine grid."""
    text = "+".join(f"({c})*x**{k}" for k, c in enumerate(coefficients, 1))
    found = facts(typed("f", text))
    if not found.monotone.established:
        return
    f = formula(typed("f", text))
    signs = []
    for n in range(-100, 101):
        sign = mp.sign(slope(typed("f", text), mpf(n) / 10 + mpf("0.000917")))
        if sign and (not signs or signs[-1] != sign):
            signs.append(sign)
    turns = found.monotone.value if found.monotone.key == "monotone_not" else ()
    inside = [t for t in turns if abs(t.middle) < 9.9]
    assert len(inside) >= len(signs) - 1
    assert all(abs(at(f, mpf(t.middle)) - at(f, mpf(t.middle) + mpf(10) ** -9)) < 1e-6 for t in inside)


# ---------------------------------------------------------------- cells, values


def test_values_and_cells():
    """Cases, absolute values and signs are settled piece by piece, and values at the ends are exact."""
    found = cells(formula(typed("f", "abs(x - 1) if x > 0 else sign(x)")))
    assert [c.low.exact for c in found] == [-oo, 0, 1]
    assert value_at(formula(typed("f", "abs(x - 1) if x > 0 else sign(x)")), exactly(0)) == 0
    with pytest.raises(NotEstablished):
        value_at(formula(typed("f", "1/x")), exactly(0))
    assert Undecidable is not NotEstablished


# ---------------------------------------------------------------- wording


@pytest.mark.parametrize("language", languages())
@each
def test_every_fact_has_words(name, language):
    """Each fact becomes a sentence with its arguments put in, in each language."""
    from backprop_symbolic.document import Heading, Paragraph
    from backprop_symbolic.printing import Latex

    known = FACTS[name]
    printer = Latex(known.names)
    words = Words(
        language, lambda v: "=".join(printer(p) for p in (v if isinstance(v, tuple) else (v,))), str
    )
    said = [words(b.text) for b in section_blocks(as_sections(known)) if isinstance(b, (Heading, Paragraph))]
    assert len(said) >= 10
    assert all(said)
    assert sections(activations.get("relu")) == as_sections(facts(activations.get("relu")))


def test_no_fact_message_is_dead():
    """Every message on facts is said of some function here, or says that something is not known."""
    said = {f"group.fact_{f.key}" for n in BY_NAME for f in FACTS[n]}
    said |= {f"group.how_{h}" for n in BY_NAME for f in FACTS[n] for h in f.how}
    keys = {k for k in messages("en") if k.startswith(("group.fact_", "group.how_"))}
    assert {k for k in keys - said if not k.startswith("group.fact_unknown_")} == set()
