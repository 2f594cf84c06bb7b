"""The pages of softmax and of a loss behind a softmax: functions of a whole layer.

The lines are written out for COUNT units, as `backprop` writes them in a derivation. What is said
for every index is one formula more, decided for each choice of the indices.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from itertools import product
from typing import cast

from sympy import Expr, Integer, Piecewise, Symbol
from sympy.core.relational import Eq

from backprop_symbolic import losses
from backprop_symbolic.activations import LayerActivation
from backprop_symbolic.algebra import (
    ONE,
    Frac,
    Partial,
    Tight,
    Total,
    add,
    exp,
    mul,
    neg,
    replace,
    sub,
)
from backprop_symbolic.backprop import softmax_jacobian, through_softmax
from backprop_symbolic.derivation import Argument, Evidence, Group, Page, Rule, Section, Step
from backprop_symbolic.graph import Graph, Quantity
from backprop_symbolic.graph import softmax as softmax_of
from backprop_symbolic.losses import TARGETS, Loss
from backprop_symbolic.rules import Inserted, Rewritten, Stated, ThroughSoftmax
from backprop_symbolic.verify import Verifier, decide, verify

Hypothesis = tuple[str, Mapping[str, Argument]]

COUNT = 3  # units: the fewest at which there is more than one other output
RATE = Symbol("eta")
ROW, COLUMN, K, N = (Symbol(letter) for letter in "ijkn")


def numbered(letter: str) -> tuple[Symbol, ...]:
    """x_1, x_2, x_3."""
    return tuple(Symbol(f"{letter}_{k}") for k in range(1, COUNT + 1))


def of_index(letter: str, index: Symbol) -> Symbol:
    """x_i, for a formula that holds for every index."""
    return Symbol(f"{letter}_{index}")


def in_general(output: str, variable: str, index: Symbol, running: Symbol) -> tuple[Symbol, Expr]:
    """y_i and e^{x_i}/Σ_j e^{x_j}."""
    total = Total(exp(of_index(variable, running)), running)
    return of_index(output, index), Frac(exp(of_index(variable, index)), total)


# ---------------------------------------------------------------- one formula for all indices


def for_each(
    graph: Graph, step: Step, letters: Iterable[str], indices: tuple[Symbol, ...], *, strict: bool = False
) -> Step:
    """`step`, a formula in y_i, x_j, …, decided for every choice of its indices.

    Of a formula with the cases i = j and otherwise the case at hand is taken. Raises Unverified where
    one choice fails.
    """
    verifier = Verifier(graph, {})
    found = []
    for chosen in product(range(1, COUNT + 1), repeat=len(indices)):
        values: dict[Expr, Expr] = {
            of_index(letter, index): Symbol(f"{letter}_{k}")
            for letter in letters
            for index, k in zip(indices, chosen, strict=True)
        }
        form = step.rhs
        if isinstance(form, Piecewise):
            form = cast(Expr, form.args[len(set(chosen)) > 1].args[0])
        instance = Step(step.id, replace(step.lhs, values), replace(form, values), step.rule, step.uses)
        found.append(decide(verifier, instance, strict))
    least = min(evidence.points for evidence in found)
    return dataclasses.replace(step, evidence=Evidence(found[0].method, least, found[0].branches))


# ---------------------------------------------------------------- softmax


def activation_page(entry: LayerActivation, *, strict: bool = False) -> Page:
    """y_i = e^{x_i}/Σ_j e^{x_j} and ∂y_i/∂x_j = y_i(1 - y_i) where i = j, else -y_i·y_j; verified."""
    name, latex = Symbol(entry.sign), entry.latex.replace(r"\operatorname", r"\mathrm")
    outputs, variables, weights = numbered("y"), numbered("x"), numbered("c")
    quantities = {s: Quantity(s, "input") for s in variables}
    quantities |= {s: Quantity(s, "constant") for s in (*weights, RATE)}
    definitions = dict(zip(outputs, softmax_of(list(variables)), strict=True))
    quantities |= {y: Quantity(y, "softmax", value) for y, value in definitions.items()}
    # The slopes of any weighted sum of the outputs measure the whole Jacobian at the end.
    error = Symbol("E")
    total = add(*(mul(c, y) for c, y in zip(weights, outputs, strict=True)))
    quantities[error] = Quantity(error, "error", total)
    graph = Graph(quantities, error, RATE, {}, title="a softmax", names={name: latex})
    jacobian = softmax_jacobian(graph, variables)
    found = {step.lhs: step.rhs for step in jacobian.steps()}
    slopes = {
        x: add(*(mul(c, found[Partial(y, x)]) for c, y in zip(weights, outputs, strict=True)))
        for x in variables
    }
    output, formula = in_general("y", "x", ROW, COLUMN)
    hypotheses: list[Hypothesis] = [
        ("layer_function", {"output": output, "formula": formula, "index": ROW, "count": N}),
        ("written_out", {"count": N, "number": Integer(COUNT)}),
    ]
    if entry.aliases:
        hypotheses.append(("aliases", {"names": ", ".join(entry.aliases)}))
    sections = (jacobian, _sums(definitions, found))
    page = Page(
        graph, sections, {}, {}, {}, tuple(hypotheses),
        heading=("title.layer_activation", {"function": name}), slopes=slopes,
    )  # fmt: skip
    page = cast(Page, verify(page, strict=strict))
    proved, sums = page.sections
    general = Group(
        "softmax_general", (_general_jacobian(graph, strict),), {"quantity": of_index("x", COLUMN)}
    )
    # Decided by now: one formula for all indices has no value in the graph, only its choices have.
    facts = (Section("softmax_general", (general,)), sums)
    return dataclasses.replace(page, sections=(proved,), facts=facts)


def _general_jacobian(graph: Graph, strict: bool) -> Step:
    """∂y_i/∂x_j by cases."""
    y, other = of_index("y", ROW), of_index("y", COLUMN)
    same = ThroughSoftmax(y, y).result(), Eq(ROW, COLUMN, evaluate=False)
    form = cast(Expr, Piecewise(same, (ThroughSoftmax(y, other).result(), True), evaluate=False))
    lhs = Partial(y, of_index("x", COLUMN))
    return for_each(graph, Step("g1", lhs, form, Stated(form)), "xy", (ROW, COLUMN), strict=strict)


def _sums(definitions: Mapping[Symbol, Expr], slopes: Mapping[Expr, Expr]) -> Section:
    """Σ_i y_i = 1, and Σ_j ∂y_1/∂x_j = 0: the same added to every x_j changes nothing."""
    outputs = tuple(definitions)
    tops, bottoms = zip(*(cast(tuple[Expr, Expr], v.args) for v in definitions.values()), strict=True)
    total = add(*outputs)
    rules: list[tuple[Expr, Rule]] = [
        (total, Inserted(total, tuple(definitions.items()))),
        (total, Rewritten(Frac(add(*tops), bottoms[0]), "one_fraction")),
        (total, Rewritten(ONE, "cancelled")),
    ]
    first, *others = outputs
    row = add(*(lhs for lhs in slopes if isinstance(lhs, Partial) and lhs.of == first))
    factored = Tight(first, add(sub(ONE, first), *(neg(y) for y in others)))
    rules += [
        (row, Inserted(row, tuple(slopes.items()))),
        (row, Rewritten(factored, "factor_out")),
        (row, Rewritten(Tight(first, sub(ONE, Tight(total))), "factor_out")),
        (row, Inserted(Tight(first, sub(ONE, total)), ((total, ONE),))),
    ]
    steps = [Step(f"f{k}", lhs, rule.result(), rule) for k, (lhs, rule) in enumerate(rules, 1)]
    groups = (
        Group("softmax_one", tuple(steps[:3])),
        Group("softmax_row", tuple(steps[3:]), {"output": first}),
    )
    return Section("softmax_sums", groups)


# ---------------------------------------------------------------- a loss behind a softmax


def loss_page(loss: Loss, *, strict: bool = False) -> Page:
    """∂E/∂o_k through p_k = e^{o_k}/Σ_j e^{o_j}; for a cross-entropy p_k - t_k, by Σ t_k = 1; verified."""
    outputs, targets, probabilities, parts = (numbered(letter) for letter in "otpE")
    error = Symbol("E")
    quantities = {s: Quantity(s, "target") for s in targets} | {s: Quantity(s, "input") for s in outputs}
    quantities[RATE] = Quantity(RATE, "constant")
    for p, value in zip(probabilities, softmax_of(list(outputs)), strict=True):
        quantities[p] = Quantity(p, "softmax", value)
    for part, t, p in zip(parts, targets, probabilities, strict=True):
        quantities[part] = Quantity(part, "part", losses.part(loss, t, p, COUNT))
    quantities[error] = Quantity(error, "error", add(*parts))
    shares = loss.targets == "distribution"
    constraints = {targets[-1]: add(ONE, *(neg(t) for t in targets[:-1]))} if shares else {}
    interval = TARGETS[loss.targets]
    domains = {} if interval is None else dict.fromkeys(targets, interval)
    graph = Graph(quantities, error, RATE, {}, title="a loss", constraints=constraints, domains=domains)
    forms = {
        part: losses.prime(loss, t, p, COUNT)
        for part, t, p in zip(parts, targets, probabilities, strict=True)
    }
    sections, slopes = through_softmax(graph, outputs, forms)
    page = Page(
        graph, tuple(sections), {}, {}, {}, tuple(_loss_hypotheses(loss, error, targets)),
        heading=("title.loss", {"loss": loss.name}), slopes=slopes,
    )  # fmt: skip
    page = cast(Page, verify(page, strict=strict))
    folds = all(slopes[o] == sub(p, t) for o, p, t in zip(outputs, probabilities, targets, strict=True))
    return dataclasses.replace(page, facts=(_general_slope(graph, strict),) if folds else ())


def _loss_hypotheses(loss: Loss, error: Symbol, targets: tuple[Symbol, ...]) -> list[Hypothesis]:
    """The exact formula, what its letters are, and what is assumed of the targets."""
    probability, formula = in_general("p", "o", K, COLUMN)
    target, output = of_index("t", K), of_index("o", K)
    part = losses.symbolic_part(loss, target, probability, N)
    found: list[Hypothesis] = [
        ("loss", {"error": error, "part": of_index("E", K), "formula": part}),
        ("loss_probability", {"probability": probability, "formula": formula}),
        ("loss_symbols", {"target": target, "output": output}),
    ]
    if loss.aliases:
        found.append(("aliases", {"names": ", ".join(loss.aliases)}))
    found.append(("written_out", {"count": N, "number": Integer(COUNT)}))
    found.extend((key, {}) for key in loss.conditions)
    if loss.targets == "distribution":
        found.append(("targets_sum", {"total": add(*targets), "one": ONE}))
    return found


def _general_slope(graph: Graph, strict: bool) -> Section:
    """∂E/∂o_k = p_k - t_k."""
    form = sub(of_index("p", K), of_index("t", K))
    lhs = Partial(graph.error, of_index("o", K))
    step = for_each(graph, Step("g1", lhs, form, Stated(form)), "opt", (K,), strict=strict)
    return Section("loss_general", (Group("loss_general", (step,), {"output": of_index("o", K)}),))
