"""Random networks: every step verifies, and the gradient is the one that is measured.

The measuring is the tests' own (tests/oracle.py): a complex step through the registry's formulas as
Python itself computes them, and where nothing has a kink a central difference of real numbers.
"""

from __future__ import annotations

import math

import pytest
from drawn import networks, pairs
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracle import NoValue, Oracle, differ
from sympy import Symbol

from backprop_symbolic import Network, VerifiedDerivation, derive
from backprop_symbolic.activations import activations
from backprop_symbolic.algebra import Partial
from backprop_symbolic.losses import losses


def gradient_at(result: VerifiedDerivation, w: Symbol, oracle: Oracle) -> float:
    """∂E/∂w at a point from the derivation's own last step, each δ from the step that gives it."""
    return oracle.number(result.derivation.results[w].folded.rhs)


def at_a_point(result: VerifiedDerivation, seed: int) -> Oracle:
    """A point, with each δ computed as the derivation says."""
    values = {delta: step.rhs for delta, step in result.derivation.definitions.items()}
    return Oracle(result.graph, values, seed=seed, spread=1.0)


def check(network: Network, which: int) -> None:
    names = derive_names(network)
    assume(names)
    weight = names[which % len(names)]
    result = derive(network, weight)
    assert all(step.evidence is not None and step.evidence.points >= 2 for step in result.steps)
    (w,) = result.derivation.parameters
    compared = 0
    for seed in range(12):
        try:
            oracle = at_a_point(result, seed)
            claimed = gradient_at(result, w, oracle)
            measured = oracle.partial(Partial(result.graph.error, w)).real
        except NoValue:
            continue
        if not (math.isfinite(claimed) and math.isfinite(measured)):
            continue
        assert not differ(claimed, measured, 1e-8), (
            f"{network} {weight}: {claimed} derived, {measured} measured"
        )
        compared += 1
        if compared == 2:
            return
    assume(compared)


def derive_names(network: Network) -> list[str]:
    from backprop_symbolic.graph import dense

    return [w.name for w in dense(network).parameters]


@settings(max_examples=15)
@given(networks(width=6, depth=5), st.integers(0, 10_000))
def test_the_gradient_of_a_random_weight_is_what_a_complex_step_measures(network, which):
    """Any network, any parameter; every step carries evidence."""
    check(network, which)


@pytest.mark.slow
@settings(max_examples=2 * settings.default.max_examples)
@given(networks(width=6, depth=5), st.integers(0, 10_000))
def test_the_gradients_of_many_random_weights(network, which):
    check(network, which)


@settings(max_examples=6)
@given(networks(width=3, depth=3))
def test_all_parameters_at_once_are_what_one_by_one_gives(network):
    """`all` names each δ once; the values are those of the single derivations."""
    result = derive(network, "all")
    assert list(result.gradients)
    oracle = at_a_point_or_skip(result)
    for w in result.derivation.parameters:
        alone = derive(network, w.name)
        try:
            together = gradient_at(result, w, oracle)
            single = gradient_at(alone, w, Oracle(alone.graph, values_of(alone), oracle.leaves))
        except NoValue:
            continue
        assert not differ(together, single, 1e-10)


def values_of(result: VerifiedDerivation) -> dict:
    return {delta: step.rhs for delta, step in result.derivation.definitions.items()}


def at_a_point_or_skip(result: VerifiedDerivation) -> Oracle:
    for seed in range(12):
        try:
            return at_a_point(result, seed)
        except NoValue:
            continue
    assume(False)
    raise AssertionError


@pytest.mark.parametrize(("activation", "loss"), pairs())
def test_every_activation_with_every_loss(activation, loss):
    """An output or hidden weight of the lecture's network, with a central difference of real numbers beside it."""
    turn = activations.names().index(activation) + losses.names().index(loss)
    for weight in (("w31", "w11")[turn % 2],):
        result = derive(Network.dense([2, 2, 2], activation, loss), weight)
        (w,) = result.derivation.parameters
        done = 0
        for seed in range(60):
            try:
                here = at_a_point(result, seed)
                claimed = gradient_at(result, w, here)
                ahead, behind = (
                    Oracle(result.graph, {}, {**here.leaves, w.name: here.leaves[w.name] + h}).number(
                        result.graph.error
                    )
                    for h in (1e-6, -1e-6)
                )
            except NoValue:
                continue
            slope = (ahead - behind) / 2e-6
            if abs(slope) > 1e6:
                continue  # beside a pole the difference quotient means little
            assert abs(claimed - slope) < 1e-4 * max(1.0, abs(slope)), (
                f"{weight}: {claimed} derived, {slope} measured"
            )
            done += 1
            if done == 2:
                break
        assert done, "no point found"
