"""The proof of a derivative, written out: rules one at a time, inner functions by name.

A derivative is a tree of rule applications. A sum, a product, a quotient is taken apart where it
stands; where the chain rule is due, g(inner) with an inner function that is more than a multiple
of x, the inner function gets a name, u = 1 + e^{-x}, its derivative is found on its own, and is
put back. A name is never given twice. Where the whole would be too long to read (READABLE),
the names stay in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, cast

from sympy import Add, Basic, Expr, Mul, Piecewise, Symbol

from backprop_symbolic import activations, calculus
from backprop_symbolic.activations import Activation
from backprop_symbolic.algebra import (
    MINUS_ONE,
    ONE,
    Call,
    Frac,
    Partial,
    Tight,
    X,
    contains,
    mapped,
    number,
    rebuild,
    replace,
    symbols,
)
from backprop_symbolic.calculus import tidy
from backprop_symbolic.derivation import BRIEF, FULL, NORMAL, Argument, Group, Rule, Section, Step
from backprop_symbolic.rules import (
    Calculated,
    Differentiated,
    InnerChain,
    InnerName,
    Inserted,
    OnBoard,
    Stated,
    ThroughActivation,
    WithName,
)

#: Names for inner functions, in the order they are given.
LETTERS = ("u", "v", "w", "s", "p", "q", "r", "a", "b", "c")

#: The longest derivative, in nodes, into which the inner functions are put back.
READABLE = 80


class Steps(Protocol):
    """Makes a numbered step; the author of the document that a proof stands in has it."""

    def __call__(self, lhs: Expr, rule: Rule, uses: Sequence[str] = (), detail: int = BRIEF) -> Step: ...


class Names:
    """Fresh names: each is given once, and none that is taken."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)
        self.meanings: dict[Symbol, Expr] = {}
        self.source = self.letters()

    def letters(self) -> Iterator[str]:
        yield from LETTERS
        number_ = 1
        while True:
            yield from (f"{letter}_{number_}" for letter in LETTERS)
            number_ += 1

    def fresh(self, meaning: Expr, wish: str = "") -> Symbol:
        """A new name for `meaning`; `wish` where that is free."""
        name = (
            wish if wish and wish not in self.taken else next(n for n in self.source if n not in self.taken)
        )
        self.taken.add(name)
        symbol = Symbol(name)
        self.meanings[symbol] = meaning
        return symbol

    def put_back(self, expr: Expr) -> Expr:
        """`expr` with what each name stands for in its place."""
        return replace(expr, dict(self.meanings.items()))


class Prover:
    """Writes proofs into one document: with its steps and its names."""

    def __init__(self, step: Steps, names: Names) -> None:
        self.step, self.names = step, names
        self.naming = False  # whether the names stay in the lines

    # ------------------------------------------------------------ an activation

    def activation(self, entry: Activation, *, found: bool = False) -> tuple[Section, Step]:
        """d/dx f(x) = f'(x), line by line, and the step that ends it.

        It ends in the form in which f' is used further; with `found`, in what the rules of calculus
        leave.
        """
        symbol = Symbol(entry.name)
        call, formula = Call(symbol, X), activations.formula(entry)
        names: tuple[Expr, ...] = ()
        definitions = [] if entry.elementary else [self.step(call, Stated(formula))]
        board = activations.board(entry)
        args: dict[str, Argument] = {"function": call}
        if board:
            lhs = Partial(formula, X)
            steps = [self.step(lhs, OnBoard(entry.name, i, rule)) for i, (_, rule) in enumerate(board)]
            groups = [Group("proof_lines", tuple(steps), args)]
        else:
            groups, value = self.derivative(formula, X)
            names = tuple(s for s in symbols(value) if s in self.names.meanings)
        uses = [step.id for step in definitions]
        lhs = Partial(call, X)
        ends: list[Step] = []
        if found and not board:  # what the rules of calculus leave
            ends.append(self.step(lhs, Stated(value), uses))
        if not ends or entry.prime:  # the form that the entry states, or that is found
            ends.append(self.step(lhs, ThroughActivation(entry.name, X, call), uses))
        if len(ends) == 2 and ends[0].rhs == ends[1].rhs:
            ends.pop(0)
        if board and groups[-1].steps[-1].rhs == ends[-1].rhs and len(groups[-1].steps) > 1:
            groups[-1] = _shortened(groups[-1])
        key = "proof_end"
        if names and found:
            key, args = "proof_end_named", {"function": call, "names": names}
        ending = Group(key, (*definitions, *ends), args)
        return Section("proof", (*groups, ending), args=args, detail=NORMAL), ends[-1]

    # ------------------------------------------------------------ any formula

    def derivative(self, of: Expr, wrt: Symbol, lhs: Expr | None = None) -> tuple[list[Group], Expr]:
        """Groups of lines from ∂of/∂wrt to a formula with no derivative left, and that formula.

        Inner functions are put back where the whole is READABLE; else their names stay in it.
        """
        self.naming = not _readable(calculus.derivative(of, wrt))
        return self.lines(of, wrt, lhs)

    def lines(self, of: Expr, wrt: Symbol, lhs: Expr | None = None) -> tuple[list[Group], Expr]:
        start = Partial(of, wrt)
        lhs = start if lhs is None else lhs
        if _composite(of, wrt):
            groups, steps = self.chained(start, lhs)
            return [*groups, self.by_chain(steps)], steps[-1].rhs
        steps = self.opened(lhs, start)
        before = steps[-1].rhs if steps else start
        inner = _pending(before)
        if not inner:
            return [Group("proof_lines", tuple(steps))], before
        groups = [Group("proof_lines", tuple(steps))] if steps else []
        values: list[tuple[Expr, Expr]] = []
        uses: list[str] = []
        for partial in inner:
            introduced, lines = self.chained(partial, partial)
            groups += [*introduced, self.by_chain(lines)]
            values.append((partial, lines[-1].rhs))
            uses.append(lines[-1].id)
        together = self.step(lhs, Inserted(before, tuple(values)), uses)
        groups.append(Group("put_together", (together,)))
        return groups, together.rhs

    def by_chain(self, lines: list[Step]) -> Group:
        """The lines that use an inner function's name."""
        inner = next(step.rule.inner for step in lines if isinstance(step.rule, InnerChain))
        return Group("chain_lines", tuple(lines), {"inner": inner})

    def opened(self, lhs: Expr, start: Expr) -> list[Step]:
        """The lines that take sums, products and the like apart, until only inner functions are left."""
        steps: list[Step] = []
        before = start
        while due := tuple(p for p in _pending(before) if not _composite(p.of, p.wrt)):
            rules = tuple(dict.fromkeys(key for p in due for key in _keys(p)))
            steps.append(self.step(lhs, Differentiated(before, due, rules), detail=NORMAL))
            before = steps[-1].rhs
        if not steps:
            return steps
        if not _pending(before) and tidy(before) != before:
            steps.append(self.step(lhs, Calculated(before, ("arithmetic",))))
        steps[-1] = _briefly(steps[-1])
        return steps

    def chained(self, partial: Partial, lhs: Expr) -> tuple[list[Group], list[Step]]:
        """g(inner)' = g'(u)·u', u = inner: the groups that find u', and the lines."""
        outer, inner = _parts(partial.of, partial.wrt)
        u = self.names.fresh(inner)
        named = self.step(u, InnerName(inner))
        du = Partial(u, partial.wrt)
        groups, value = self.lines(inner, partial.wrt, du)
        first, *more = groups
        if first.key == "proof_lines" and first.steps and first.steps[0].lhs == du:
            merged = Group("inner_named", (named, *first.steps), {"inner": u, "part": partial.of}, NORMAL)
        else:
            merged, more = Group("inner_named", (named,), {"inner": u, "part": partial.of}, NORMAL), groups
        last_of_inner = groups[-1].steps[-1].id
        of_u = Partial(outer(u), partial.wrt)
        start = self.step(lhs, WithName(of_u), (named.id,), FULL)
        chain = self.step(lhs, InnerChain(outer(u), u, partial.wrt, _outer_key(outer(u), u)), detail=NORMAL)
        # 2x stays together: e^{x²}·2x.
        together = Tight(*cast("tuple[Expr, ...]", value.args)) if _multiple(value) else value
        values = ((du, together),) if self.naming else ((du, together), (u, inner))
        back = self.step(lhs, Inserted(chain.rhs, values), (named.id, last_of_inner))
        inside = [Group(g.key, g.steps, g.args, max(g.detail, NORMAL)) for g in more]
        return [merged, *inside], [start, chain, back]


def _multiple(expr: Expr) -> bool:
    """Whether `expr` is a product written with a number before it, as 2x is."""
    if not isinstance(expr, Mul) or expr.args[0] == MINUS_ONE:
        return False
    return number(expr.args[0]) is not None


def _readable(expr: Expr) -> bool:
    """Whether `expr` has at most READABLE nodes; no more are counted."""
    todo: list[Basic] = [expr]
    count = 0
    while todo and count <= READABLE:
        todo.extend(todo.pop().args)
        count += 1
    return count <= READABLE


def _briefly(step: Step) -> Step:
    return Step(step.id, step.lhs, step.rhs, step.rule, step.uses, BRIEF, step.evidence)


def _shortened(group: Group) -> Group:
    """Without its last line, which the end of the proof says once more."""
    kept = (*group.steps[:-2], _briefly(group.steps[-2]))
    return Group(group.key, kept, group.args, group.detail)


# ---------------------------------------------------------------- what is inner


def _pending(expr: Expr) -> tuple[Partial, ...]:
    """The derivatives that are still to be done in `expr`, in the order they are written."""
    found: dict[Partial, None] = {}

    def one(node: Expr) -> Expr | None:
        if isinstance(node, Partial):
            found[node] = None
            return node
        return None

    mapped(expr, one)
    return tuple(found)


#: Taken apart where they stand; everything else is an outer function of one argument.
_TAKEN_APART = (Add, Mul, Tight, Frac, Piecewise)


def _composite(of: Expr, wrt: Symbol) -> bool:
    """Whether `of` is g(inner) with an inner function that deserves a name."""
    if isinstance(of, (Symbol, *_TAKEN_APART)) or not contains(of, wrt):
        return False
    inner = _inner(of, wrt)
    return inner is not None and not _simple(inner, wrt)


def _inner(of: Expr, wrt: Symbol) -> Expr | None:
    """The one argument that moves, None where several do."""
    args = of.args[1:] if isinstance(of, Call) else of.args
    moving = [a for a in args if isinstance(a, Expr) and contains(a, wrt)]
    return moving[0] if len(moving) == 1 else None


def _simple(inner: Expr, wrt: Symbol) -> bool:
    """Whether the derivative of `inner` is plain to see: x, -x, 2x, x/3, x + 3."""
    if inner == wrt:
        return True
    if isinstance(inner, Add):
        moving = [a for a in inner.args if contains(a, wrt)]
        return (
            len(moving) == 1
            and _simple(moving[0], wrt)
            and all(number(a) is not None or not contains(a, wrt) for a in inner.args if a not in moving)
        )
    if isinstance(inner, (Mul, Tight)):
        moving = [cast(Expr, a) for a in inner.args if contains(a, wrt)]
        return moving == [wrt]
    return isinstance(inner, Frac) and inner.args[0] == wrt and not contains(inner.args[1], wrt)


def _parts(of: Expr, wrt: Symbol) -> tuple[Callable[[Expr], Expr], Expr]:
    """g and its inner function, where of = g(inner)."""
    inner = cast(Expr, _inner(of, wrt))
    place = next(i for i, a in enumerate(of.args) if a is inner or a == inner)

    def outer(u: Expr) -> Expr:
        args: list[Any] = list(of.args)
        args[place] = u
        return cast(Expr, rebuild(of, tuple(args)))

    return outer, inner


def _outer_key(of: Expr, u: Symbol) -> str:
    """The name of the rule for g'(u)."""
    return calculus.expand(Partial(of, u))[1]


def _keys(partial: Partial) -> tuple[str, ...]:
    """The rule for one derivative, and the chain rule where an inner function is left."""
    result, key = calculus.expand(partial)
    inner = None if isinstance(partial.of, (Symbol, *_TAKEN_APART)) else _inner(partial.of, partial.wrt)
    if inner is None or inner == partial.wrt or result == ONE or key == "power_chain":
        return (key,)
    return (key, "chain")
