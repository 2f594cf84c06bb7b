"""What holds in every network, as lines of letters: the chain rule, gradient descent, the delta form.

    (f(g(x)))' = f'(g(x))·g'(x)
    w(t+1) = w(t) - η·∂E/∂w
    δ_j = (Σ_k δ_k w_kj)·f'(net_j),   ∂E/∂w_ji = δ_j·y_i,   w_ji(t+1) = w_ji(t) - η·δ_j·y_i

Each line is decided by the verifier on a graph in which the functions have free coefficients. A sum
over k is decided for one, two and three terms.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import cast

from sympy import Abs, Expr, Integer, Rational, Symbol, sign

from backprop_symbolic.algebra import (
    TWO,
    Call,
    Ordinary,
    Partial,
    Tight,
    Total,
    X,
    add,
    mul,
    neg,
    power,
    replace,
)
from backprop_symbolic.derivation import Evidence, Step
from backprop_symbolic.graph import Graph, Quantity
from backprop_symbolic.notation import Place, notation
from backprop_symbolic.rules import GradientStep, Stated
from backprop_symbolic.verify import Verifier, decide

#: How many units of the layer above the delta form is decided for.
UNITS = (1, 2, 3)


def letter(name: str) -> Symbol:
    """A letter of general lines; no quantity of a graph can have its name."""
    return Symbol(f"any {name}")


F, G, WHOLE, OUTER, INNER = map(letter, ("f", "g", "(f(g(x)))'", "f'(g(x))", "g'(x)"))
W, BEFORE, AFTER = map(letter, ("w", "w(t)", "w(t+1)"))
UNIT, UPPER, LOWER, NET, SLOPE = map(letter, ("j", "k", "i", "net_j", "f'(net_j)"))
DELTA_J, DELTA_K, W_KJ, W_JI, Y_I, Y_J = map(letter, ("delta_j", "delta_k", "w_kj", "w_ji", "y_i", "y_j"))
W_BEFORE, W_AFTER = map(letter, ("w_ji(t)", "w_ji(t+1)"))
#: Σ_k δ_k w_kj: what the unit j hears of the error.
HEARD = Total(Tight(DELTA_K, W_KJ), UPPER)


def names(language: str) -> Mapping[Symbol, str]:
    """The LaTeX of the letters; a weighted sum is called as the lecture's notation calls it."""
    net = re.sub(r"\d", "j", notation("lecture").written("net", Place(node=1), language))
    plain = {
        s: s.name.removeprefix("any ")
        for s in (F, G, WHOLE, OUTER, INNER, W, BEFORE, AFTER, UNIT, UPPER, LOWER)
    }
    return {
        **plain, NET: net, SLOPE: f"f'({net})", DELTA_J: r"\delta_j", DELTA_K: r"\delta_k",
        W_KJ: "w_{kj}", W_JI: "w_{ji}", Y_I: "y_i", Y_J: "y_j",
        W_BEFORE: "w_{ji}(t)", W_AFTER: "w_{ji}(t+1)",
    }  # fmt: skip


def chain_rule() -> tuple[Step, Step]:
    """(f(g(x)))' = f'(g(x))·g'(x), and the same as df/dx = df/dg·dg/dx."""
    a, b, c, d = map(letter, "abcd")
    inner = add(mul(a, power(X, TWO)), mul(b, X))
    outer = add(mul(c, power(G, Integer(3))), mul(d, G))
    quantities = {s: Quantity(s, "input") for s in (X, a, b, c, d)}
    quantities |= {G: Quantity(G, "node", inner), F: Quantity(F, "node", outer)}
    graph = Graph(quantities, F, letter("eta"), {})
    meanings: dict[Symbol, Expr] = {WHOLE: Partial(F, X), OUTER: Partial(F, G), INNER: Partial(G, X)}
    verifier = Verifier(graph, meanings)
    primes = _step("g1", WHOLE, mul(OUTER, INNER))
    quotients = _step("g2", Ordinary(F, X), mul(Ordinary(F, G), Ordinary(G, X)))
    return _decided(verifier, primes), _decided(verifier, quotients)


def gradient_descent(error: Symbol, rate: Symbol) -> Step:
    """w(t+1) = w(t) - η·∂E/∂w."""
    quantities = {W: Quantity(W, "parameter"), rate: Quantity(rate, "constant")}
    quantities[error] = Quantity(error, "error", power(W, TWO))
    gradient = Partial(error, W)
    meanings: dict[Symbol, Expr] = {BEFORE: W, AFTER: add(W, neg(mul(rate, gradient)))}
    rule = GradientStep(BEFORE, rate, gradient)
    step = Step("g3", AFTER, rule.result(), rule)
    return _decided(Verifier(Graph(quantities, error, rate, {}), meanings), step)


def delta_form(
    error: Symbol, rate: Symbol, l1: Symbol | None = None, l2: Symbol | None = None
) -> tuple[Step, Step, Step]:
    """δ_j from the δ_k of the layer above, ∂E/∂w_ji by δ_j, and the update of w_ji.

    Penalties with the factors `l1`, `l2` add λ₁·sgn(w_ji) and λ₂·w_ji to ∂E/∂w_ji.
    """
    terms: list[Expr] = [mul(DELTA_J, Y_I)]
    if l1 is not None:
        terms.append(mul(l1, cast(Expr, sign(W_JI, evaluate=False))))
    if l2 is not None:
        terms.append(mul(l2, W_JI))
    gradient = add(*terms)
    forms: list[tuple[str, Expr, Expr]] = [
        ("g4", DELTA_J, mul(HEARD, SLOPE)),
        ("g5", Partial(error, W_JI), gradient),
        ("g6", W_AFTER, add(W_BEFORE, neg(mul(rate, *([gradient] if len(terms) > 1 else terms[0].args))))),
    ]
    steps = [_step(id, lhs, rhs) for id, lhs, rhs in forms]
    cases = [_above(error, rate, count, l1, l2) for count in UNITS]
    first, second, third = (_for_each(step, cases) for step in steps)
    return first, second, third


def _above(
    error: Symbol, rate: Symbol, count: int, l1: Symbol | None, l2: Symbol | None
) -> tuple[Verifier, Expr]:
    """A unit that feeds `count` others, and Σ_k δ_k w_kj written out for it."""
    other, bias = letter("c"), letter("b")
    quantities = {s: Quantity(s, "input") for s in (Y_I, other)}
    quantities |= {s: Quantity(s, "parameter") for s in (W_JI, bias)}
    quantities |= {s: Quantity(s, "constant") for s in (rate, l1, l2) if s is not None}
    sums = [letter(f"net_{k}") for k in range(count)]
    deltas = [letter(f"delta_{k}") for k in range(count)]
    weights = [letter(f"w_{k}j") for k in range(count)]
    quantities |= {w: Quantity(w, "parameter") for w in weights}
    quantities[NET] = Quantity(NET, "net", add(mul(W_JI, Y_I), mul(bias, other)))
    quantities[Y_J] = Quantity(Y_J, "activation", Call(Symbol("tanh"), NET))
    for net, w in zip(sums, weights, strict=True):
        quantities[net] = Quantity(net, "net", add(mul(w, Y_J), bias))
    parts: list[Expr] = [mul(Integer(k + 1), power(net, TWO)) for k, net in enumerate(sums)]
    if l1 is not None:
        parts.append(mul(l1, cast(Expr, Abs(W_JI, evaluate=False))))
    if l2 is not None:
        parts.append(mul(Rational(1, 2), l2, power(W_JI, TWO)))
    quantities[error] = Quantity(error, "error", add(*parts))
    meanings: dict[Symbol, Expr] = {d: Partial(error, net) for d, net in zip(deltas, sums, strict=True)}
    meanings |= {DELTA_J: Partial(error, NET), SLOPE: Partial(Y_J, NET), W_BEFORE: W_JI}
    meanings[W_AFTER] = add(W_JI, neg(mul(rate, Partial(error, W_JI))))
    verifier = Verifier(Graph(quantities, error, rate, {}), meanings)
    return verifier, add(*(mul(d, w) for d, w in zip(deltas, weights, strict=True)))


def _for_each(step: Step, cases: Sequence[tuple[Verifier, Expr]]) -> Step:
    """`step`, decided with its sum written out in every case. Raises Unverified where one fails."""
    found = [
        decide(verifier, Step(step.id, step.lhs, replace(step.rhs, {HEARD: heard}), step.rule))
        for verifier, heard in cases
    ]
    least = min(evidence.points for evidence in found)
    return dataclasses.replace(step, evidence=Evidence(found[0].method, least, found[0].branches))


def _step(id: str, lhs: Expr, rhs: Expr) -> Step:
    return Step(id, lhs, rhs, Stated(rhs))


def _decided(verifier: Verifier, step: Step) -> Step:
    return dataclasses.replace(step, evidence=decide(verifier, step))
