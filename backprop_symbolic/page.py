"""The page of one activation or loss: its exact formula, the proof of its derivative, the forms of it.

A page is a `Derivation` of a graph with one function in it, y = f(x) or E = E_k + R, so that it is
verified and rendered as any other.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping, Sequence
from typing import cast

from sympy import Expr, Integer, Symbol
from sympy.core.relational import Relational

from backprop_symbolic import activations, calculus, losses, softmax
from backprop_symbolic.activations import Activation, LayerActivation
from backprop_symbolic.algebra import Call, Partial, Prime, X, Y, add, contains, neg, replace, symbols
from backprop_symbolic.cases import Case, Uncertain, cases, conditions, slopes
from backprop_symbolic.derivation import BRIEF, NORMAL, Argument, Group, Page, Rule, Section, Step
from backprop_symbolic.elimination import ATOM, PRIME_SIGN, Form, by_cases, eliminate, opened
from backprop_symbolic.evaluate import Evaluator, Numbers, PrimeField, Undecidable
from backprop_symbolic.facts import as_sections, facts
from backprop_symbolic.graph import Graph, Quantity
from backprop_symbolic.losses import Loss
from backprop_symbolic.proof import Names, Prover
from backprop_symbolic.rules import Defined, Eliminated, OnBoard, Opened, Stated, Vanishing
from backprop_symbolic.verify import verify

Hypothesis = tuple[str, Mapping[str, Argument]]


def activation_page(name: str, *, strict: bool = False) -> Page:
    """The verified page of an activation, by its name or by a formula in x; of softmax, its Jacobian.

    Raises UnknownName, BadExpression or NotDifferentiable for what it cannot read or differentiate.
    """
    entry = activations.layer_function(name)
    if isinstance(entry, LayerActivation):
        return softmax.activation_page(entry, strict=strict)
    page = without_facts(entry, strict=strict)
    known = facts(entry)
    graph = dataclasses.replace(page.graph, names=known.names)
    return dataclasses.replace(page, graph=graph, facts=as_sections(known))


def without_facts(entry: Activation, *, strict: bool = False) -> Page:
    """The verified proof of f' and its forms."""
    return cast(Page, verify(_ActivationAuthor(entry).write(), strict=strict))


def loss_page(name: str, *, strict: bool = False) -> Page:
    """The verified page of a loss, by its name or by a formula in t and o.

    Where a softmax stands before the loss, ∂E/∂o_k is derived through it.
    """
    loss = losses.loss(name)
    if loss.through:
        return softmax.loss_page(loss, strict=strict)
    return cast(Page, verify(_LossAuthor(loss).write(), strict=strict))


class _Author:
    """What both kinds of page need: numbered steps and fresh names."""

    def __init__(self, taken: set[str]) -> None:
        self.count = 0
        self.names = Names(taken)
        self.prover = Prover(self.step, self.names)

    def step(self, lhs: Expr, rule: Rule, uses: Sequence[str] = (), detail: int = BRIEF) -> Step:
        self.count += 1
        return Step(f"s{self.count}", lhs, rule.result(), rule, tuple(uses), detail)


# ---------------------------------------------------------------- activations


class _ActivationAuthor(_Author):
    def __init__(self, entry: Activation) -> None:
        letters = (p.latex.strip("\\") for p in entry.parameters)
        super().__init__({"x", "y", "e", "E", *(p.name for p in entry.parameters), *letters})
        self.names.taken.discard("E")
        self.entry = entry
        self.function = Symbol(entry.name)
        self.call = Call(self.function, X)
        self.formula = activations.formula(entry)
        self.derived: Expr = X
        self.letters: list[Symbol] = []  # parameters by which f is differentiated too

    def write(self) -> Page:
        sections = [self.proof(), *self.second_proof(), *self.form(), *self.by_parameters()]
        x, rate = Quantity(X, "input"), Quantity(Symbol("eta"), "constant")
        y = Quantity(Y, "activation", self.call)
        letters = {s: Quantity(s, "constant") for s in self.letters}
        graph = Graph({X: x, rate.symbol: rate, **letters, Y: y}, Y, rate.symbol, {}, title="a function")
        return Page(
            graph,
            tuple(sections),
            {},
            {},
            self.names.meanings,
            tuple(self.hypotheses()),
            heading=("title.activation", {"function": self.call}),
            slopes={X: self.derived},
        )

    def hypotheses(self) -> list[Hypothesis]:
        """The exact formula, its parameters, where it holds, and what is taken at its kinks."""
        entry, call = self.entry, self.call
        found: list[Hypothesis] = []
        if entry.elementary:
            found.append(("function_known", {"call": call}))
        else:
            key = "function_given" if activations.is_formula(entry.name) else "function"
            found.append((key, {"call": call, "formula": self.formula}))
        found.append(("output", {"output": Y, "call": self.call}))
        if entry.aliases:
            found.append(("aliases", {"names": ", ".join(entry.aliases)}))
        if entry.parameters:
            letters: dict[Expr, Expr] = {
                Symbol(p.name): Symbol(p.latex.strip("\\")) for p in entry.parameters
            }
            found.append(("general", {"call": call, "general": replace(activations.general(entry), letters)}))
            for parameter, value in activations.parameter_values(entry).items():
                args: dict[str, Argument] = {
                    "name": str(parameter),
                    "parameter": letters[parameter],
                    "value": value,
                }
                found.append(("parameter", args))
        if not contains(opened(self.formula), X):
            found.append(("constant_function", {"call": call}))
        for key, what in conditions(opened(self.formula)):
            found.append((f"condition_{key}", {"what": what}))
        for point, slope in calculus.kinks(entry):
            prime = Prime(self.function, point)
            key = "kink_here" if activations.is_formula(entry.name) else "kink"
            found.append((key, {"x": X, "point": point, "prime": prime, "slope": slope}))
        return found

    def proof(self) -> Section:
        """d/dx f(x), line by line, to the formula that the rules of calculus leave."""
        section, last = self.prover.activation(self.entry, found=not self.entry.board)
        self.derived = self.names.put_back(last.rhs)
        return section

    def second_proof(self) -> list[Section]:
        """The same from another formula for f, where the entry has one."""
        found: list[Section] = []
        for number, other in enumerate(self.entry.others):
            formula = activations.other_formula(self.entry, number)
            definition = self.step(self.call, Stated(formula))
            lhs = Partial(formula, X)
            lines = activations.other_board(self.entry, number)
            steps = [
                self.step(lhs, OnBoard(self.entry.name, i, rule, number + 1), (definition.id,))
                for i, (_, rule) in enumerate(lines)
            ]
            args: dict[str, Argument] = {"function": self.call}
            groups = (
                Group("other_formula", (definition,), args),
                Group("proof_lines", tuple(steps), args),
            )
            found.append(Section(other.key, groups, args=args, detail=NORMAL))
        return found

    def by_parameters(self) -> list[Section]:
        """∂f/∂a for each parameter a; not for one in a condition, with which a border would move."""
        found: list[Section] = []
        for parameter in self.entry.parameters:
            formula, letter = activations.in_parameter(self.entry, parameter)
            if any(contains(c, letter) for c in formula.atoms(Relational)) or not contains(formula, letter):
                continue
            self.letters.append(letter)
            f = self.names.fresh(formula, "f")
            named = self.step(f, Defined(formula))
            args: dict[str, Argument] = {"parameter": letter, "function": f}
            first, *groups = self.prover.derivative(formula, letter, Partial(f, letter))[0]
            if first.steps[0].lhs == Partial(f, letter):  # the name and the first lines together
                first = Group("by_parameter", (named, *first.steps), args)
            else:
                groups.insert(0, first)
                first = Group("by_parameter", (named,), args)
            found.append(Section("by_parameter", (first, *groups), args=args, detail=NORMAL))
        return found

    # ------------------------------------------------------------ the form in the output

    def form(self) -> list[Section]:
        """f' through y = f(x), as elimination finds it, or why there is no such form."""
        if not contains(opened(self.formula), X):
            return []
        f = opened(self.formula)
        prime = opened(calculus.derivative(self.formula, X))
        args: dict[str, Argument] = {"output": Y, "call": self.call}
        parts = cases(f)
        try:
            by_part = slopes(prime, parts)
        except Uncertain:
            parts, by_part = (), []
        groups: list[Group] = []
        found: list[Form] = []
        for part, slope in zip(parts, by_part, strict=True):
            form, new = self.case(part, slope, len(parts) > 1)
            if form is None:
                return [Section("form", tuple(self.without_form(prime)), args=args)]
            found.append(form)
            groups.extend(new)
        if not found:
            return [Section("form", tuple(self.without_form(prime)), args=args)]
        expr = by_cases(found, parts)
        if len(parts) > 1:
            end = self.step(Partial(Y, X), Eliminated("cases", expr))
            key = "form_cases" if contains(expr, Y) else "form_steps"
            groups.append(Group(key, (end,), args))
        elif not contains(expr, Y) and not contains(expr, X):
            constant = self.step(Partial(Y, X), Stated(expr))
            groups.append(Group("form_constant", (constant,), args))
        if contains(expr, X) and found[0].mixed:
            groups.extend(self.why_not(prime, "form_mixed"))
        return [Section("form", tuple(groups), args=args)]

    def case(self, part: Case, slope: Expr, several: bool) -> tuple[Form | None, list[Group]]:
        """The elimination for one case of f; in a formula with several, its output has its own name."""
        flat = not contains(slope, X)
        y = Y if not several or flat else self.names.fresh(part.value)
        form = eliminate(part.value, slope, y, ATOM)
        if form is None or flat:
            return form, []
        if form.atom is not None:
            form = form.named(self.names.fresh(form.atom[1], "E"))
        if not form.moves:
            return form, []
        args: dict[str, Argument] = {"output": y}
        groups: list[Group] = []
        if several:
            named = self.step(y, Defined(part.value))
            key = "form_case" if isinstance(part.condition, Relational) else "form_else"
            if isinstance(part.condition, Relational):
                args["condition"] = cast(Expr, part.condition)
            groups.append(Group(key, (named,), args, NORMAL))
        lhs: Expr = Partial(y, X)
        steps: list[Step] = []
        for move in form.moves:
            left = lhs if move.lhs is None or move.lhs == PRIME_SIGN else move.lhs
            steps.append(self.step(left, Eliminated(move.rule, move.rhs), detail=NORMAL))
        steps[-1] = Step(**{n: getattr(steps[-1], n) for n in ("id", "lhs", "rhs", "rule", "uses")})
        key = "form_lines_x" if form.atom is None else "form_lines"
        groups.append(Group(key, tuple(steps), args, NORMAL if several else BRIEF))
        return Form(replace(form.expr, {y: Y}), form.atom, form.moves), groups

    def without_form(self, prime: Expr) -> list[Group]:
        """That there is no form, and why as far as it can be shown."""
        return self.why_not(prime, "form_none") or [Group("form_not_found", (), {"output": Y}, alone=True)]

    def why_not(self, prime: Expr, key: str) -> list[Group]:
        """Two x with one y and different slopes: f(1) = f(-1), or a slope that changes its sign."""
        at = _Numbers(opened(self.formula), prime)
        for x in (1, 2, 3):
            here, there = at.both(x), at.both(-x)
            up, down = (cast(Expr, Integer(v)) for v in (x, -x))
            if here and there and abs(here[1] - there[1]) > 1e-3 and at.same(up, down):
                same = self.step(Call(self.function, up), Stated(Call(self.function, down)))
                sign = self.step(Prime(self.function, up), Stated(neg(Prime(self.function, down))))
                steps = (same, sign) if abs(here[1] + there[1]) < 1e-12 else (same,)
                return [Group(f"{key}_even", steps, {"output": Y, "slope": f"{here[1]:.4g}"})]
        values = [(x / 4, both) for x in range(-20, 21) if (both := at.both(x / 4)) is not None]
        falling = min(values, key=lambda v: v[1][1], default=None)
        rising = max(values, key=lambda v: v[1][1], default=None)
        if falling and rising and falling[1][1] < -1e-3 and rising[1][1] > 1e-3:
            args: dict[str, Argument] = {
                "output": Y,
                "left": f"{falling[0]:g}",
                "left_slope": f"{falling[1][1]:.4g}",
                "right": f"{rising[0]:g}",
                "right_slope": f"{rising[1][1]:.4g}",
            }
            return [Group(f"{key}_turns", (), args, alone=True)]
        return [] if key == "form_none" else [Group(f"{key}_open", (), {"output": Y}, alone=True)]


class _Numbers:
    """f and f' at real numbers."""

    def __init__(self, f: Expr, prime: Expr) -> None:
        self.f, self.prime = f, prime
        x = Quantity(X, "input")
        self.graph = Graph({X: x}, X, X, {})

    def same(self, one: Expr, other: Expr) -> bool:
        """Whether f(one) = f(other) can be shown: of log(1 + e) - 1/2 and log(1 + 1/e) + 1/2 it cannot."""
        at = Evaluator(self.graph, {}, PrimeField(random.Random(1)), lambda s: None)
        try:
            left, right = (at.value(replace(self.f, {X: x})) for x in (one, other))
        except (Undecidable, ZeroDivisionError):
            return False
        return bool(left == right)

    def both(self, x: float) -> tuple[float, float] | None:
        """f(x) and f'(x); None where there is no value."""
        at = Evaluator(self.graph, {}, Numbers(), lambda s: complex(x))
        try:
            return at.value(self.f).real, at.value(self.prime).real
        except (Undecidable, OverflowError, ValueError, ZeroDivisionError):
            return None


# ---------------------------------------------------------------- losses


class _LossAuthor(_Author):
    """∂E/∂o_k, where E is the sum of one part for each output and only one part holds o_k."""

    def __init__(self, loss: Loss) -> None:
        super().__init__({"t_k", "o_k", "t", "o", "n", "E", "E_k", "R", "e"})
        self.loss = loss
        self.target, self.output, self.number = Symbol("t_k"), Symbol("o_k"), Symbol("n")
        self.error, self.part, self.rest = Symbol("E"), Symbol("E_k"), Symbol("R")
        self.formula = losses.symbolic_part(loss, self.target, self.output, self.number)

    def write(self) -> Page:
        last, section = self.proof()
        leaves = (
            (self.target, "target"), (self.output, "input"), (self.number, "constant"),
            (self.rest, "constant"), (Symbol("eta"), "constant"),
        )  # fmt: skip
        quantities = {s: Quantity(s, role) for s, role in leaves}
        quantities[self.part] = Quantity(self.part, "part", self.formula)
        quantities[self.error] = Quantity(self.error, "error", add(self.part, self.rest))
        graph = Graph(quantities, self.error, Symbol("eta"), {}, title="a loss")
        return Page(
            graph,
            (section,),
            {},
            {},
            self.names.meanings,
            tuple(self.hypotheses()),
            heading=("title.loss", {"loss": self.loss.name}),
            slopes={self.output: self.names.put_back(last.rhs)},
        )

    def hypotheses(self) -> list[Hypothesis]:
        found: list[Hypothesis] = [
            (
                "loss" if self.loss.name in losses.losses else "loss_given",
                {"error": self.error, "part": self.part, "formula": self.formula},
            ),
            ("loss_symbols", {"target": self.target, "output": self.output}),
        ]
        if self.loss.aliases:
            found.append(("aliases", {"names": ", ".join(self.loss.aliases)}))
        if contains(self.formula, self.number):
            found.append(("loss_number", {"number": self.number}))
        found.extend((key, {}) for key in self.loss.conditions)
        return found

    def proof(self) -> tuple[Step, Section]:
        """∂E/∂o_k: the other parts vanish, the one left is differentiated by the rules."""
        lhs = Partial(self.error, self.output)
        args: dict[str, Argument] = {
            "error": self.error, "output": self.output, "part": self.part, "rest": self.rest,
        }  # fmt: skip
        total = self.step(self.error, Defined(add(self.part, self.rest)))
        opened_ = self.step(lhs, Opened(total.rhs, self.output), (total.id,), NORMAL)
        only = self.step(lhs, Vanishing(self.part, self.output))
        groups = [
            Group("loss_split", (total,), args, NORMAL),
            Group("loss_vanishing", (opened_, only), args),
        ]
        lines, value = self.prover.derivative(self.formula, self.output)
        groups.extend(lines)
        form = losses.symbolic_prime(self.loss, self.target, self.output, self.number)
        last = self.step(lhs, Stated(value if form is None else form))
        names = tuple(s for s in symbols(last.rhs) if s in self.names.meanings)
        ending = ("loss_end_named", {"names": names}) if names else ("loss_end", args)
        groups.append(Group(ending[0], (last,), ending[1]))
        return last, Section("loss_proof", tuple(groups), args=args)
