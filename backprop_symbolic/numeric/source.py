"""The scalar form: a derivation as straight-line Python, one variable for each of its quantities.

Every line is one thing that the derivation says: the definitions of its graph, the step that
gives each δ its value, the step that gives each ∂E/∂w, the step that gives each update. Nothing is
found again, so a wrong step gives a wrong number.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from sympy import Basic, Expr, Pow, Symbol

from backprop_symbolic.algebra import TWO, Call, mapped, power, rebuild, replace, symbols
from backprop_symbolic.derivation import Derivation, Step
from backprop_symbolic.graph import Graph, now
from backprop_symbolic.numeric.names import free, mangled
from backprop_symbolic.numeric.printer import MATH, Dialect, Printer, identifiers
from backprop_symbolic.numeric.stable import Function, opened, stable
from backprop_symbolic.spec import Network
from backprop_symbolic.terminal import Flat

#: Names that the generated program uses for itself.
OWN = (
    "forward", "values", "gradient", "step", "parameters", "inputs", "targets", "constants", "max", "abs",
    "PARAMETERS", "INPUTS", "TARGETS", "CONSTANTS", "GRADIENTS", "pi", "njit", "torch", "jax", "jnp", "math",
)  # fmt: skip
#: What a program may use of `math`; it imports what it does use.
FROM_MATH = (
    "atan", "cos", "cosh", "erf", "exp", "expm1", "log", "log1p", "pi", "sin", "sinh", "sqrt", "tanh",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """variable = text, with the equation it comes from."""

    variable: str
    text: str
    note: str = ""


@dataclass(frozen=True)
class Leaves:
    """The names of a graph's leaves, in the order in which a program takes their values."""

    parameters: tuple[Symbol, ...]
    inputs: tuple[Symbol, ...]
    targets: tuple[Symbol, ...]
    constants: tuple[Symbol, ...]

    @classmethod
    def of(cls, graph: Graph) -> Leaves:
        """All leaves but the learning rate."""

        def role(name: str) -> tuple[Symbol, ...]:
            return tuple(
                q.symbol for q in graph.quantities.values() if q.role == name and q.symbol != graph.rate
            )

        return cls(role("parameter"), role("input"), role("target"), role("constant"))

    def rows(self) -> tuple[tuple[str, tuple[Symbol, ...]], ...]:
        """Each group with the name that the program gives it."""
        return (
            ("parameters", self.parameters),
            ("inputs", self.inputs),
            ("targets", self.targets),
            ("constants", self.constants),
        )


@dataclass
class Program:
    """The lines of a derivation, from its steps, in one dialect.

    forward    what does not depend on the targets; error: what does, the error last
    backward   the δ and what else the gradients need; gradients: one for each derived parameter
    updates    w(t+1) for each derived parameter
    """

    derivation: Derivation
    dialect: Dialect = MATH
    leaves: Leaves = field(init=False)
    names: Mapping[Symbol, str] = field(init=False)
    forward: list[Line] = field(default_factory=list)
    error: list[Line] = field(default_factory=list)
    backward: list[Line] = field(default_factory=list)
    gradients: dict[Symbol, Line] = field(default_factory=dict)
    updates: dict[Symbol, Line] = field(default_factory=dict)

    def __post_init__(self) -> None:
        graph = self.derivation.graph
        self.leaves = Leaves.of(graph)
        all_symbols = [*graph.quantities, *graph.deltas.values()]
        if graph.rate not in graph.quantities:
            all_symbols.append(graph.rate)
        table = mangled((s.name for s in all_symbols), (*OWN, *FROM_MATH))
        self.names = {s: table[s.name] for s in all_symbols}
        self.taken = {*table.values(), *OWN, *FROM_MATH}
        self.hoisted: dict[Expr, Symbol] = {}
        self.flat = Flat(graph.written("en"))
        self.write(graph)

    @property
    def early(self) -> list[Symbol]:
        """The computed quantities that do not depend on the targets."""
        return [q for q in self.computed if q not in self.late]

    @property
    def late_ones(self) -> list[Symbol]:
        """The computed quantities that do, the error among them."""
        return [q for q in self.computed if q in self.late]

    @property
    def computed(self) -> list[Symbol]:
        return [q.symbol for q in self.derivation.graph.quantities.values() if q.definition is not None]

    # ------------------------------------------------------------ the steps, in order

    def write(self, graph: Graph) -> None:
        self.late = set(self.leaves.targets)
        for q in graph.quantities.values():
            if q.definition is None:
                continue
            late = q.symbol == graph.error or any(s in self.late for s in symbols(q.definition))
            if late:
                self.late.add(q.symbol)
            lines = self.error if late else self.forward
            self.add(lines, q.symbol, q.definition, f"{self.flat(q.symbol)} = {self.flat(q.definition)}")
        for delta, step in self.derivation.definitions.items():
            self.add(self.backward, delta, step.rhs, self.equation(step))
        for w, result in self.derivation.results.items():
            name = free(f"d_{self.names[w]}", self.taken)
            text = self.expression(self.backward, result.folded.rhs)
            self.gradients[w] = Line(name, text, self.equation(result.folded))
            update = replace(result.update.rhs, {now(w): w})
            self.updates[w] = Line(
                free(f"new_{self.names[w]}", self.taken),
                self.expression(self.backward, update),
                self.equation(result.update),
            )

    def equation(self, step: Step) -> str:
        """The step as one line of text, with its label."""
        return f"{self.flat(step.lhs)} = {self.flat(step.rhs)}  [{step.id}]"

    def add(self, lines: list[Line], symbol: Symbol, expr: Expr, note: str) -> None:
        lines.append(Line(self.names[symbol], self.expression(lines, expr), note))

    def expression(self, lines: list[Line], expr: Expr) -> str:
        """The text of `expr`; activations inside it become variables of their own, before it."""
        root = opened(expr) if isinstance(expr, Call) else expr
        return self.text(lines, stable(self.without_calls(lines, root)))

    def text(self, lines: list[Line], expr: Expr) -> str:
        simple = self.simple_arguments(lines, expr)  # first: it adds to the names
        return Printer(self.names, self.dialect)(simple)

    def without_calls(self, lines: list[Line], expr: Expr) -> Expr:
        """`expr` with each f(u) in it by a variable that is computed once."""

        def hoist(node: Expr) -> Expr | None:
            return self.hoist(lines, node, node.name) if isinstance(node, Call) else None

        return mapped(expr, hoist)

    def simple_arguments(self, lines: list[Line], expr: Expr) -> Expr:
        """`expr` with the argument of a function that needs it more than once by a variable.

        A square is such a function: u*u is the same number as u**2 and takes a fifth of the time.
        """

        def walk(node: Basic) -> Basic:
            if not node.args or isinstance(node, Symbol):
                return node
            if isinstance(node, Pow) and node.args[1] == TWO and node.args[0].args:
                base = self.hoist(lines, cast(Expr, node.args[0]), "base")
                return power(base, TWO)
            if isinstance(node, Function):
                form, _ = self.dialect.forms.get(node.name, ("{u}{u}", 0))  # softmax needs all, often
                inside = [cast(Expr, walk(a)) for a in node.arguments]
                if form.count("{u}") > 1:
                    inside = [a if isinstance(a, Symbol) else self.hoist(lines, a, "u") for a in inside]
                return Function(node.name, *inside)
            args = tuple(walk(a) for a in node.args)
            same = all(new is old for new, old in zip(args, node.args, strict=True))
            return node if same else rebuild(node, args)

        return cast(Expr, walk(expr))

    def hoist(self, lines: list[Line], expr: Expr, name: str) -> Symbol:
        """The variable that holds `expr`, with its line before the one that needs it."""
        found = self.hoisted.get(expr)
        if lines is self.error and self.late.isdisjoint(symbols(expr)):
            lines = self.forward  # the error may be the first to need it, not the last
        if found is None:
            inside = "_".join(self.names[s] for s in symbols(expr)[:1])
            variable = free(f"{name}_{inside}", self.taken)
            text = self.expression(lines, expr)
            found = self.hoisted[expr] = Symbol(variable)
            self.names = {**self.names, found: variable}
            lines.append(Line(variable, text))
        return found


# ---------------------------------------------------------------- the program's text


def scalar(derivation: Derivation, *, njit: bool = False) -> str:
    """The scalar form as a module: forward, values, gradient and step, with `math` alone.

    With `njit`, numba compiles gradient and step where it is installed.
    """
    program = Program(derivation)
    body = [*tables(program)]
    told: set[str] = set()
    for write in (_forward, _gradient, _step, _values):
        body += ["", "", *(["@njit"] if njit and write in (_gradient, _step) else [])]
        body += _once(write(program), told)
    mixed = is_distributed(derivation.graph)
    body += ["", "", *main_lines(_MAIN, mixed, "t = tuple(value / sum(t) for value in t)")]
    used = identifiers("\n".join(line.split("  #")[0] for line in body if not line.strip().startswith("#")))
    imports = [name for name in FROM_MATH if name in used]
    head = [*header(derivation, "one variable for each quantity, one line for each step"), ""]
    head += [f"from math import {', '.join(imports)}", ""] if imports else []
    head += [*_NJIT, ""] if njit else []
    return "\n".join([*head, *body]) + "\n"


def is_distributed(graph: Graph) -> bool:
    """Whether the outputs are probabilities of a softmax, so that the targets add up to 1."""
    last = graph.network.activations[-1] if graph.network is not None else ""
    return last == "softmax" or any(q.naming == "probability" for q in graph.quantities.values())


def main_lines(lines: Sequence[str], distributed: bool, line: str) -> list[str]:
    """The program's own check, with targets that add up to 1 where the derivation supposes that."""
    mark = "    # targets"
    return [f"    {line}" if given == mark else given for given in lines if given != mark or distributed]


def _once(lines: Iterable[str], told: set[str]) -> Iterator[str]:
    """The lines without the equations that an earlier function has told."""
    for line in lines:
        is_note = line.lstrip().startswith("#")
        if not is_note or line not in told:
            yield line
        if is_note:
            told.add(line)


def header(derivation: Derivation, form: str) -> list[str]:
    """What the program is, and of what network or graph."""
    graph = derivation.graph
    about = [comment(graph.title)] if graph.network is None else network_comment(graph.network)
    return [f'"""Backpropagation as derived by backprop-symbolic: {form}."""', "", *about]


def network_comment(network: Network, derived: Network | None = None) -> list[str]:
    """What network a program is for, and which one was derived where that is a smaller one."""
    lines = [
        comment(
            f"Network {network.title}, activations {' '.join(network.activations)}, loss {network.loss}, "
            f"bias {network.bias}."
        )
    ]
    if derived is not None and derived != network:
        lines.append(
            comment(f"The pattern of its layers is that of a {derived.title} network, derived and verified.")
        )
    return lines


def comment(text: str) -> str:
    """`text` as one comment: no character of it can end the line."""
    shown = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return f"# {shown}".rstrip()


def tables(program: Program) -> list[str]:
    """PARAMETERS = (…) and the like: the names as typed, in the order of their values."""
    rows = [*program.leaves.rows(), ("gradients", tuple(program.gradients))]
    return [f"{title.upper()} = {tuple_text(repr(s.name) for s in group)}" for title, group in rows]


def tuple_text(items: Iterable[str]) -> str:
    """(a, b), (a,) or ()."""
    shown = list(items)
    return f"({', '.join(shown)}{',' if len(shown) == 1 else ''})"


def unpacked(program: Program, *titles: str) -> list[str]:
    """The lines that give the leaves' values to their variables."""
    rows = [(title, group) for title, group in program.leaves.rows() if title in titles and group]
    return [f"{tuple_text(program.names[s] for s in group)} = {title}" for title, group in rows]


def written(lines: Sequence[Line]) -> Iterator[str]:
    """Each line as text, its equation before it."""
    for line in lines:
        if line.note:
            yield comment(line.note)
        yield f"{line.variable} = {line.text}"


def _whole(head: str, summary: str, body: Iterable[str]) -> list[str]:
    return [head, *(f"    {line}" for line in (f'"""{summary}"""', *body))]


def _dictionary(program: Program, symbols_: Iterable[Symbol]) -> Iterator[str]:
    yield "return {"
    for s in symbols_:
        yield f"    {s.name!r}: {program.names[s]},"
    yield "}"


def _forward(program: Program) -> list[str]:
    return _whole(
        "def forward(parameters, inputs, constants=()):",
        "Every quantity that does not depend on the targets, by name.",
        [
            *unpacked(program, "parameters", "inputs", "constants"),
            *written(program.forward),
            *_dictionary(program, program.early),
        ],
    )


def _values(program: Program) -> list[str]:
    return _whole(
        "def values(parameters, inputs, targets, constants=()):",
        "Every quantity by name, the error and each δ too.",
        [
            *unpacked(program, "parameters", "inputs", "targets", "constants"),
            *written([*program.forward, *program.error, *program.backward]),
            *_dictionary(program, [*program.early, *program.late_ones, *program.derivation.definitions]),
        ],
    )


def _gradient(program: Program) -> list[str]:
    error = program.names[program.derivation.graph.error]
    return _whole(
        "def gradient(parameters, inputs, targets, constants=()):",
        "(error, ∂error/∂w for each w of GRADIENTS).",
        [
            *unpacked(program, "parameters", "inputs", "targets", "constants"),
            *written([*program.forward, *program.error, *program.backward, *program.gradients.values()]),
            f"return {error}, {tuple_text(g.variable for g in program.gradients.values())}",
        ],
    )


def _step(program: Program) -> list[str]:
    graph = program.derivation.graph
    new = [program.updates[w].variable if w in program.updates else program.names[w]
           for w in program.leaves.parameters]  # fmt: skip
    return _whole(
        f"def step(parameters, inputs, targets, {program.names[graph.rate]}, constants=()):",
        "(error, new parameters): all weights at once, each from the old ones.",
        [
            *unpacked(program, "parameters", "inputs", "targets", "constants"),
            *written([*program.forward, *program.error, *program.backward, *program.updates.values()]),
            f"return {program.names[graph.error]}, {tuple_text(new)}",
        ],
    )


_NJIT = [
    "try:",
    "    from numba import njit",
    "except ImportError:  # the same numbers, by the interpreter",
    "",
    "    def njit(function):",
    "        return function",
    "",
]
_MAIN = """\
if __name__ == "__main__":  # each derivative beside a central difference, at one point
    point, x, t, c = (
        tuple(0.1 + 0.8 * ((7 * i + start) % 10) / 10 for i in range(len(names)))
        for start, names in ((3, PARAMETERS), (1, INPUTS), (2, TARGETS), (5, CONSTANTS))
    )
    # targets
    error, derived = gradient(point, x, t, c)
    print("error", error)
    for name, value in zip(GRADIENTS, derived):
        at = PARAMETERS.index(name)
        up, down = (point[:at] + (point[at] + h,) + point[at + 1 :] for h in (1e-6, -1e-6))
        print(name, value, (gradient(up, x, t, c)[0] - gradient(down, x, t, c)[0]) / 2e-6)
""".splitlines()
