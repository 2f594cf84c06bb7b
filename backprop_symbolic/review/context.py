"""What a text is about: its definitions, functions and numbers, found in it or given.

    net_{h1} = w_1 i_1 + …    a name that has no meaning yet gets one
    f(x) = 1/(1 + e^{-x})     a function
    0.15 · 0.05 + …           numbers for the names of the formula that stands before them

Where the names are those of a notation of ours, what the text leaves out is taken from a network in
that notation. What is given from outside goes before all that is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from backprop_symbolic.message import Message
from backprop_symbolic.review import grammar
from backprop_symbolic.review.tree import (
    Applied,
    At,
    Bars,
    Beside,
    Cases,
    Derivative,
    Foreign,
    Greatest,
    Name,
    Node,
    NotRead,
    Number,
    Power,
    Primed,
    Product,
    Quotient,
    Relation,
    Row,
    Series,
    Statement,
    Sum,
)

if TYPE_CHECKING:
    from sympy import Symbol

    from backprop_symbolic.graph import Graph

#: Words and letters that are functions wherever they stand before something in parentheses.
FUNCTIONS = {
    "f", "g", "h", "F", "G", "H", "phi", "varphi", "psi", "sigma", "sigmoid", "logistic", "tanh", "relu",
    "ReLU", "softplus", "exp", "log", "ln", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "arctan", "erf",
}  # fmt: skip
#: Functions whose name is their meaning.
ELEMENTARY = {
    "exp", "log", "ln", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "erf",
}  # fmt: skip
#: Letters that stand for an index where they are all of a subscript.
INDICES = frozenset("ijklmnhoqrs")
ERRORS = (
    "E",
    "J",
    "L",
    "C",
    "Etotal",
    "Jtotal",
    "Ltotal",
    "Ctotal",
    "오차",
    "오차yout",
    "오차out",
    "loss",
    "Loss",
)
#: What marks the name of a u that is one for each k.
SINGLE = "·"
RATES = ("eta", "alpha", "epsilon", "lambda", "gamma", "mu", "lr", "rate", "η")


@dataclass(frozen=True)
class Given:
    """What a reader says of the text.

    graph        the network or the definitions, with its notation
    language     whose names the notation is written with; any language's are understood
    values       numbers, by the name as typed
    names        the text's name → the name as typed in the graph
    definitions  further definitions, LaTeX as it would stand in the text
    """

    graph: Graph | None = None
    language: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    definitions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Definition:
    """name = formula, said in a row; `letters` are the indices that stand for any number.

    slip  whether the formula has another index than the name: p_j = e^{a_i}/…
    """

    name: Name
    formula: Node
    row: str
    letters: str = ""
    slip: bool = False

    @property
    def abstract(self) -> bool:
        """Whether it says no more than that y is some function of x."""
        said = self.formula
        if not isinstance(said, (Beside, Applied)) or self.name.sub:
            return False
        return (said.name if isinstance(said, Beside) else said.function).key not in ELEMENTARY


@dataclass(frozen=True, slots=True)
class Function:
    """f(parameter) = formula."""

    name: str
    parameter: Name
    formula: Node
    row: str


#: Statement, relation and side: where a chain says something.
Spot = tuple[int, int, int]


@dataclass
class Stretch:
    """A piece of the text in which no name changes its meaning."""

    definitions: dict[str, Definition] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)


@dataclass
class Context:
    """What the rows of a text may be judged by.

    statements the rows, with output(o1) as the name that it is
    stretches  pieces of the text; `where` tells the one of each statement
    defining   the sides that give the name at the head of their chain its meaning
    graph      given or recognised; `names` leads from the text's keys to its symbols
    strict     whether the graph was given: then no line of the text may contradict it
    values     numbers of leaves; `printed` those of any name, in the order they were printed
    used       the keys of all names; `headed` those that stand alone before an equals sign
    aliases    names that are but another spelling of one that has a meaning
    indexed    whether a name has an index that stands for any number
    single     names without an index of which there is one for each number of a letter: u = o_k - t_k
    rules      the first number and the rule of sequences; timed is whether the text has sequences
    constraints names that others fix: y_2 = 1 - y_1 where y_1 + y_2 = 1
    totals     letters of names that add up to 1: Σ_k y_k = 1
    said       what was found, one sentence each, with rows
    """

    statements: tuple[Statement | NotRead, ...]
    stretches: list[Stretch]
    where: list[int]
    defining: set[Spot]
    graph: Graph | None
    names: dict[str, Symbol]
    strict: bool
    values: dict[str, tuple[float, ...]]
    given: Given
    said: tuple[tuple[Message, tuple[str, ...]], ...]
    used: frozenset[str]
    aliases: Mapping[str, str] = field(default_factory=dict)
    headed: frozenset[str] = frozenset()
    totals: frozenset[str] = frozenset()
    constraints: Mapping[str, Node] = field(default_factory=dict)
    indexed: bool = False
    single: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, Mapping[str, tuple[At, Node]]] = field(default_factory=dict)
    timed: bool = False

    def definition(self, key: str, stretch: int) -> Definition | None:
        """The latest definition of a name; for a name with an index also a later one."""
        for i in range(stretch, -1, -1):
            if key in self.stretches[i].definitions:
                return self.stretches[i].definitions[key]
        if len(key) > 1:
            for later in self.stretches[stretch + 1 :]:
                if key in later.definitions:
                    return later.definitions[key]
        return None

    def function(self, name: str, stretch: int) -> Function | None:
        """The latest definition of a function."""
        for i in range(stretch, -1, -1):
            if name in self.stretches[i].functions:
                return self.stretches[i].functions[name]
        return None


# ---------------------------------------------------------------- trees


@cache
def _parts_of(kind: Any) -> tuple[str, ...]:
    """The fields of a kind of node that may hold nodes."""
    return tuple(f.name for f in fields(kind) if f.type not in ("str", "int", "bool", "Fraction", "Span"))


#: Kinds of node with nothing below them.
_LEAVES = frozenset({Name, Number, Foreign})


def children(node: Node) -> list[Node]:
    """The parts of a node, in the order they are written."""
    kind: Any = type(node)
    if kind is Product:
        return list(cast(Product, node).factors)
    if kind is Sum:
        return [term for _, term in cast(Sum, node).terms]
    found: list[Node] = []
    for name in _parts_of(kind):
        value = getattr(node, name)
        if isinstance(value, Node):
            found.append(value)
        elif type(value) is tuple:
            found.extend(_nodes(value))
    return found


def _nodes(parts: tuple[Any, ...]) -> Iterator[Node]:
    for part in parts:
        if isinstance(part, Node):
            yield part
        elif type(part) is tuple:
            yield from _nodes(part)


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    todo = [node]
    while todo:
        found = todo.pop()
        yield found
        if type(found) not in _LEAVES:
            todo.extend(reversed(children(found)))


def names(node: Node) -> list[Name]:
    """Every name that is written, functions included."""
    return [n for n in walk(node) if isinstance(n, Name)]


def numeric(node: Node) -> bool:
    """Whether it holds no name: 0.4 · 0.5 + 1."""
    for n in walk(node):
        if isinstance(n, Name):
            if n.key not in _KNOWN_NUMBERS:
                return False
        elif isinstance(n, (Derivative, Primed, Series, Cases, Foreign)):
            return False
    return True


#: Names of functions and numbers that stand in what is no more than a number.
_KNOWN_NUMBERS = frozenset({"exp", "sigmoid", "sigma", "e", "tanh", "ln", "log", "f"})


def rounded(node: Node) -> bool:
    """Whether a number that is written with a decimal point stands in it."""
    return any(isinstance(n, Number) and n.unit for n in walk(node))


def source(row: Row, node: Node) -> str:
    """The LaTeX of a node as it stands in its row."""
    return row.text[node.span[0] : node.span[1]].strip()


def letters(name: Name) -> str:
    """The letters of a subscript that is an index: j, ih; empty for o1, total."""
    return name.sub if name.sub and set(name.sub) <= INDICES and len(name.sub) <= 3 else ""


def at_time(name: Name) -> Name:
    """The name without its time."""
    return name if not name.tense else Name(name.base, name.sub, name.sup, "", name.mark, span=name.span)


def settled(statements: Sequence[Statement | NotRead]) -> tuple[Statement | NotRead, ...]:
    """The rows with output(o1) as a name where output_{o1} is one, or where o1 is no name by itself."""
    heads = {
        (n.name.key, n.inside.key): None
        for s in statements
        if isinstance(s, Statement)
        for r in s.relations
        for n in walk(r)
        if isinstance(n, Beside) and isinstance(n.inside, Name) and not n.name.sub
    }
    if not heads:
        return tuple(statements)
    known = keys(statements)
    joined = {pair for pair in heads if pair[0] + pair[1] in known and pair[0] not in FUNCTIONS}
    return tuple(
        replace(s, relations=tuple(cast(Relation, _joined(r, joined)) for r in s.relations))
        if isinstance(s, Statement)
        else s
        for s in statements
    )


#: The letter of time.
TIME = "t"


def timed(statements: Sequence[Statement | NotRead]) -> tuple[Statement | NotRead, ...]:
    """The rows with v(t), v(t - 1), g(i) as numbers of sequences, in a text that has such.

    That is one with a v(t - 1) or v(t + 2), or with the sum of g(i) up to t: w(t) and w(t + 1) alone are
    a weight before and after an update.
    """
    relations = [r for s in statements if isinstance(s, Statement) for r in s.relations]
    nodes = [n for r in relations for n in walk(r)]
    sums = [n for n in nodes if isinstance(n, Series) and n.index is not None and _is_time(n.last)]
    inside = [m.name.key for n in sums for m in walk(n.term) if isinstance(m, Beside) and m.inside == n.index]
    shifted = [
        n.name.key
        for n in nodes
        if isinstance(n, Beside) and isinstance(n.inside, Sum) and _is_time(n.inside)
    ]
    found = {*inside, *shifted}
    if not found:
        return tuple(statements)
    found |= {at_time(n).key for n in nodes if isinstance(n, Name) and n.tense}
    letters_ = {TIME, *(n.index.key for n in sums if n.index is not None)}
    return tuple(
        replace(s, relations=tuple(cast(Relation, _at(r, found, letters_)) for r in s.relations))
        if isinstance(s, Statement)
        else s
        for s in statements
    )


def _is_time(node: Node | None) -> bool:
    """Whether it is t, t - 1, t + 2."""
    if isinstance(node, Sum):
        whole_ = [t for _, t in node.terms if isinstance(t, Number) and t.value.denominator == 1]
        return len(node.terms) == 2 == len(whole_) + 1 and any(_is_time(t) for _, t in node.terms)
    return isinstance(node, Name) and node.key == TIME


def _at(node: Any, found: set[str], letters_: set[str]) -> Any:
    """The tree with the names of sequences, each with its time."""
    if isinstance(node, tuple):
        return _kept(node, tuple(_at(part, found, letters_) for part in node))
    if not isinstance(node, Node):
        return node
    if isinstance(node, Beside) and node.name.key in found:
        time = node.inside
        if _is_time(time) or isinstance(time, Number) or (isinstance(time, Name) and time.key in letters_):
            return At(node.name, time, span=node.span)
    if isinstance(node, Name) and node.tense:
        now = Name(TIME, span=node.span)
        one = Number("1", Fraction(1), Fraction(0))
        return At(at_time(node), now if node.tense == "now" else Sum(((1, now), (1, one))), span=node.span)
    changes = {name: _at(getattr(node, name), found, letters_) for name in _parts_of(cast(type, type(node)))}
    if all(new is getattr(node, name) for name, new in changes.items()):
        return node
    return replace(node, **changes)


def _kept(old: tuple[Any, ...], new: tuple[Any, ...]) -> tuple[Any, ...]:
    """The old tuple where nothing in it is new."""
    return old if all(a is b for a, b in zip(old, new, strict=True)) else new


def _joined(node: Any, pairs: set[tuple[str, str]]) -> Any:
    """The tree with the pairs of names in it as one name each."""
    if isinstance(node, tuple):
        return _kept(node, tuple(_joined(part, pairs) for part in node))
    if not isinstance(node, Node):
        return node
    if (
        isinstance(node, Beside)
        and isinstance(node.inside, Name)
        and (node.name.key, node.inside.key) in pairs
    ):
        return replace(node.name, sub=node.inside.key, span=node.span)
    changes = {name: _joined(getattr(node, name), pairs) for name in _parts_of(cast(type, type(node)))}
    if all(new is getattr(node, name) for name, new in changes.items()):
        return node
    return replace(node, **changes)


# ---------------------------------------------------------------- finding


def find(statements: Sequence[Statement | NotRead], given: Given | None = None) -> Context:
    """What `statements` are about."""
    given = given or Given()
    statements = timed(settled(statements))
    finder = _Finder(given)
    finder.network(statements)
    finder.called = set(called(statements))
    finder.before()
    for number, statement in enumerate(statements):
        finder.where.append(len(finder.stretches) - 1)
        if isinstance(statement, Statement):
            for i, relation in enumerate(statement.relations):
                finder.relation(statement.row, (number, i), relation)
            finder.where[-1] = len(finder.stretches) - 1
    return finder.context(statements)


class _Finder:
    def __init__(self, given: Given) -> None:
        self.given = given
        self.stretches = [Stretch()]
        self.where: list[int] = []
        self.defining: set[Spot] = set()
        self.graph = given.graph
        self.strict = given.graph is not None
        self.names: dict[str, Symbol] = {}
        self.values: dict[str, tuple[float, ...]] = {}
        self.said: list[tuple[Message, tuple[str, ...]]] = []
        self.head: Node | None = None
        self.head_row: Row | None = None
        self.totals: set[str] = set()
        self.constraints: dict[str, Node] = {}
        self.called: set[str] = set()
        self.single_indices: dict[str, str] = {}
        self.rules: dict[str, dict[str, tuple[At, Node]]] = {}

    # ------------------------------------------------------------ the network

    def network(self, statements: Sequence[Statement | NotRead]) -> None:
        """The given graph, or one of ours whose names are those of the text."""
        if self.graph is None:
            found = recognised(keys(statements))
            if found is None:
                return
            self.graph, style = found
            self.said.append((Message("context_notation", {"style": style, "title": titled(self.graph)}), ()))
        else:
            self.said.append((Message("context_given", {"title": titled(self.graph)}), ()))
        self.names = spellings(self.graph)
        typed = {s.name: s for s in self.names.values()}
        for name, engine in self.given.names.items():
            if engine in typed:
                self.names[name] = typed[engine]
                self.names[key_of(name)] = typed[engine]

    def before(self) -> None:
        """The definitions that are given."""
        for i, text in enumerate(self.given.definitions):
            row = Row(f"C{i + 1}", text, tuple((1, j + 1) for j in range(len(text) + 1)), -1 - i)
            parsed = grammar.parse(row)
            if isinstance(parsed, Statement):
                for relation in parsed.relations:
                    self.relation(row, (-1 - i, 0), relation)

    # ------------------------------------------------------------ one relation

    def relation(self, row: Row, spot: tuple[int, int], relation: Relation) -> None:
        sides = relation.sides
        if sides[0] is not None:
            self.head, self.head_row = sides[0], row
        head = self.head
        for k, side in enumerate(sides[1:], 1):
            if relation.signs[k - 1] not in ("=", ":="):
                self.head, self.head_row = side, row
                head = side
                continue
            left = sides[k - 1] if k > 1 else head
            if side is None or left is None:
                continue
            if (letter := total(left, side)) is not None:
                self.totals.add(letter)
                self.tell("context_total", row, side, left)
            if (key := whole(left, side)) and self.current(key) is None and not self.strict:
                self.constraints[key] = Sum(((1, side), *((-1, t) for _, t in cast(Sum, left).terms[:-1])))
                self.tell("context_total", row, side, left)
            self.functional(row, left, side)
            first = k == 1 and sides[0] is head
            if isinstance(head, Name) and self.meaning(row, head, side, first):
                self.defining.add((*spot, k))
            if isinstance(head, At) and first and self.sequence(head, side, row):
                self.defining.add((*spot, k))

    def functional(self, row: Row, left: Node, side: Node) -> None:
        """f(x) = formula, where f has no meaning yet or another one."""
        if isinstance(left, Beside):
            name, argument = left.name, left.inside
        elif isinstance(left, Applied) and not left.primes:
            name, argument = left.function, left.argument
        else:
            return
        if not isinstance(argument, Name) or argument.sub or len(argument.key) > 1:
            return
        inside = [n.key for n in names(side)]
        if argument.key not in inside or name.key in inside or _derived(side):
            return
        now = self.stretches[-1]
        if name.key in now.functions:
            self.stretches.append(Stretch())
        self.stretches[-1].functions[name.key] = Function(name.key, argument, side, row.id)
        self.tell("context_function", row, side, left)

    def meaning(self, row: Row, head: Name, side: Node, first: bool) -> bool:
        """Whether `side` gives `head` its meaning; then it is kept. It is the first after it, or not."""
        key = head.key
        delta = head.base.startswith(("delta", "δ"))
        if (
            head.tense == "next"
            or (head.base in FUNCTIONS and not head.sub and key in self.called)
            or (_derived(side) and not delta)
        ):
            return False
        inside = {at_time(n).key for n in names(side)}
        if not inside or numeric(side) or key in self.below(inside) or _unclear(side):
            return False
        if rounded(side) and len(key) > 1:
            return False  # numbers put in for names: a name of one letter may be defined by them
        other = free_letters(side) - set(letters(head))
        if len(other) == 1 and not head.sub and key not in self.names and not self.strict:
            return self.single(row, head, side, other.pop())
        slip = len(other) == 1 == len(letters(head)) and not free_letters(side) & set(letters(head))
        if other and not slip:
            return False
        if self.strict and key in self.names:
            return False
        known = self.current(key)
        definition = Definition(head, side, row.id, "".join(other) if slip else letters(head), slip)
        if known is not None and known.slip and first:
            self.stretches[-1].definitions[key] = definition
            return True
        if known is not None:
            if known.formula == side or not (len(key) == 1 and key not in self.names):
                return False
            if known.row == row.id or (key in ERRORS and self.restated(known.formula, side)):
                return False
            self.stretches.append(Stretch())
            if not known.abstract:
                self.said.append((Message("context_again", {"name": source(row, head)}), (row.id,)))
        self.stretches[-1].definitions[key] = definition
        if not delta:
            self.tell("context_definition", row, side, head)
        return True

    def sequence(self, head: At, side: Node, row: Row) -> bool:
        """v(0) = 0, v(t) = …: the first number of a sequence and its rule, as they are said first."""
        rules = self.rules.setdefault(head.name.key, {})
        place = "first" if isinstance(head.time, Number) else "rule"
        if place in rules or any(isinstance(n, At) and n == head for n in walk(side)):
            return False
        inner = {n.name.key for n in walk(side) if isinstance(n, At)} - {head.name.key}
        if place == "rule" and any(head.name.key in self.feeding(key) for key in inner):
            return False  # it says again what another rule says
        rules[place] = (head, side)
        self.tell("context_definition", row, side, head)
        return True

    def feeding(self, key: str) -> set[str]:
        """The sequences that the rule of one is written in, and those that theirs are."""
        found: set[str] = set()
        todo = [key]
        while todo:
            rule = self.rules.get(todo.pop(), {}).get("rule")
            new = {n.name.key for n in walk(rule[1]) if isinstance(n, At)} - found if rule else set()
            found |= new
            todo += new
        return found

    def single(self, row: Row, head: Name, side: Node, index: str) -> bool:
        """u = o_k - t_k: u is one for each k, and the line says so of any of them."""
        name = replace(head, base=head.base + SINGLE, sub=index)
        if self.current(head.key) is not None or self.single_indices.setdefault(head.key, index) != index:
            return False
        known = self.current(name.key)
        if known is not None and known.formula == side:
            return False
        if known is not None:
            self.stretches.append(Stretch())
        self.stretches[-1].definitions[name.key] = Definition(name, side, row.id, index)
        self.tell("context_definition", row, side, head)
        self.said.append((Message("context_single", {"name": source(row, head), "index": index}), (row.id,)))
        return True

    def below(self, keys: set[str]) -> set[str]:
        """Names with all that they are computed from: what leads back to a name does not define it."""
        found: set[str] = set()
        todo = list(keys)
        while todo:
            key = todo.pop()
            if key not in found:
                found.add(key)
                known = self.current(key)
                todo += [] if known is None else [at_time(n).key for n in names(known.formula)]
        return found

    def tell(self, key: str, row: Row, side: Node, left: Node) -> None:
        """Says what was taken from a row, as it is written there."""
        formula = f"{self.written(left, row)} = {source(row, side)}"
        self.said.append((Message(key, {"formula": formula}), (row.id,)))

    def written(self, left: Node, row: Row) -> str:
        """The left side, that of an earlier row where this one goes on from it."""
        return source(self.head_row if left is self.head and self.head_row is not None else row, left)

    def restated(self, before: Node, after: Node) -> bool:
        """Whether an error is written once more, in names and functions that it had before."""
        seen = {n.key for s in self.stretches for d in s.definitions.values() for n in names(d.formula)}
        seen |= {key for s in self.stretches for key in s.definitions}
        kinds = [{type(n) for n in walk(x) if isinstance(n, (Applied, Power, Bars))} for x in (before, after)]
        return {n.key for n in names(after)} <= seen and (kinds[0] == kinds[1] or not kinds[0])

    def current(self, key: str) -> Definition | None:
        for stretch in reversed(self.stretches):
            if key in stretch.definitions:
                return stretch.definitions[key]
        return None

    def aliases(self, used: set[str]) -> dict[str, str]:
        """output_{o1} is o_1, E is E_{total}: names without a meaning that can be but one that has one."""
        defined = {key for s in self.stretches for key in s.definitions} | set(self.names)
        found: dict[str, str] = {}
        for key in sorted(used - defined):
            rest = key.removeprefix("output").removeprefix("out")
            if rest != key and rest in defined:
                found[key] = rest
            others = {key + "total", key.removesuffix("total")} - {key}
            for other in others & defined if key in ERRORS else ():
                found[key] = other
        for key, other in found.items():
            self.said.append((Message("context_alias", {"name": key, "other": other}), ()))
        return found

    def context(self, statements: Sequence[Statement | NotRead]) -> Context:
        used = keys(statements)
        aliases = self.aliases(used)
        return Context(
            tuple(statements),
            self.stretches,
            self.where,
            self.defining,
            self.graph,
            self.names,
            self.strict,
            self.values,
            self.given,
            tuple(self.said),
            frozenset(used),
            aliases,
            frozenset(headed(statements)),
            frozenset(self.totals),
            self.constraints,
            any(
                letters(n) or n.sup in INDICES
                for s in statements
                if isinstance(s, Statement)
                for r in s.relations
                for n in names(r)
            ),
            self.single_indices,
            self.rules,
            any(
                isinstance(n, At)
                for s in statements
                if isinstance(s, Statement)
                for r in s.relations
                for n in walk(r)
            ),
        )


def _derived(node: Node) -> bool:
    return any(
        isinstance(n, (Derivative, Primed)) or (isinstance(n, Applied) and n.primes) for n in walk(node)
    )


def _unclear(node: Node) -> bool:
    """Whether a formula has no meaning by itself: a sum over what is not said, a matrix."""
    return any(isinstance(n, Foreign) or (isinstance(n, Series) and n.index is None) for n in walk(node))


def free_letters(node: Node) -> set[str]:
    """Index letters that no sum binds."""
    if isinstance(node, Series):
        inner = free_letters(node.term) - {node.index.key if node.index else ""}
        return inner | ({node.without.base} if isinstance(node.without, Name) else set())
    if isinstance(node, Greatest):
        return free_letters(node.body) - {node.index.key if node.index else ""}
    if isinstance(node, Name):
        return set(letters(node))
    if isinstance(node, Power) and sample(node):
        return free_letters(node.base)
    found: set[str] = set()
    for child in children(node):
        found |= free_letters(child)
    return found


def sample(node: Power) -> bool:
    """Whether an exponent is the number of a sample: y_j^k."""
    index = node.exponent
    return (
        isinstance(node.base, Name)
        and bool(node.base.sub)
        and isinstance(index, Name)
        and not index.sub
        and index.base in INDICES
    )


def completed(node: Any, outer: set[str]) -> Any:
    """The tree with the index of Σ y_k log p_k, which is not written, where it can be but one."""
    if isinstance(node, tuple):
        return _kept(node, tuple(completed(part, outer) for part in node))
    if not isinstance(node, Node):
        return node
    if isinstance(node, Series) and node.index is None:
        inner = free_letters(node.term) - outer
        return replace(node, index=Name(inner.pop())) if len(inner) == 1 else node
    changes = {name: completed(getattr(node, name), outer) for name in _parts_of(cast(type, type(node)))}
    if all(new is getattr(node, name) for name, new in changes.items()):
        return node
    return replace(node, **changes)


# ---------------------------------------------------------------- notations


def keys(statements: Sequence[Statement | NotRead]) -> set[str]:
    """The keys of all names of a text."""
    return {
        at_time(name).key
        for s in statements
        if isinstance(s, Statement)
        for r in s.relations
        for name in names(r)
    }


def total(left: Node, right: Node) -> str | None:
    """The y of Σ_k y_k = 1."""
    if not isinstance(left, Series) or not isinstance(right, Number) or right.value != 1:
        return None
    term = left.term
    whole = isinstance(term, Name) and left.index is not None and term.sub == left.index.key
    return term.base if isinstance(term, Name) and whole and left.without is None else None


def whole(left: Node, right: Node) -> str | None:
    """The y_2 of y_1 + y_2 = 1."""
    if not isinstance(left, Sum) or not isinstance(right, Number) or right.value != 1 or len(left.terms) < 2:
        return None
    parts = [t for s, t in left.terms if s > 0 and isinstance(t, Name) and t.sub]
    if len(parts) != len(left.terms) or len({p.base for p in parts}) > 1 or len(set(parts)) != len(parts):
        return None
    return parts[-1].key


def called(statements: Sequence[Statement | NotRead]) -> Iterator[str]:
    """The keys of the names that stand before something in parentheses, or have a prime: functions."""
    for s in statements:
        for r in s.relations if isinstance(s, Statement) else ():
            for n in walk(r):
                if isinstance(n, Beside):
                    yield n.name.key
                elif isinstance(n, Applied):
                    yield n.function.key


def headed(statements: Sequence[Statement | NotRead]) -> Iterator[str]:
    """The keys of the names that stand alone on the left of an equation."""
    for s in statements:
        for r in s.relations if isinstance(s, Statement) else ():
            head = r.sides[0]
            if isinstance(head, Name) and not head.tense and len(r.sides) > 1:
                yield head.key


@cache
def key_of(latex: str) -> str:
    r"""The key of a name written in LaTeX: \mathit{net}_{h1} → neth1."""
    row = Row("", f"{latex} = 0", tuple((1, i + 1) for i in range(len(latex) + 5)), 0)
    parsed = grammar.parse(row)
    side = parsed.relations[0].sides[0] if isinstance(parsed, Statement) and parsed.relations else None
    if isinstance(side, Name):
        return side.key
    if isinstance(side, Product) and all(isinstance(f, Name) for f in side.factors):
        return "".join(cast(Name, f).key for f in side.factors)
    return latex


def titled(graph: Graph) -> str:
    """2-2-2 for a dense network, else what the graph is called."""
    return graph.network.title if graph.network is not None else graph.title


def spellings(graph: Graph) -> dict[str, Symbol]:
    """Every way in which the notation of a graph writes its names, in any language → the symbol."""
    found: dict[str, Symbol] = {}
    for language in ("en", "ko"):
        for symbol, latex in graph.written(language).items():
            found.setdefault(key_of(latex), symbol)
            found.setdefault(symbol.name.replace("_", ""), symbol)
    for key in list(found):
        if key.startswith("오차"):
            found.setdefault(f"오차y{key[2:]}", found[key])
    error = graph.error
    for word in ("E", "Etotal", "Eout"):
        if word not in found:
            found[word] = error
    return found


def recognised(found: set[str]) -> tuple[Graph, str] | None:
    """A network with one hidden layer in the notation of ours that most indexed names of the text are of."""
    from backprop_symbolic.graph import dense
    from backprop_symbolic.notation import builtin_names, notation
    from backprop_symbolic.spec import Network

    sizes = tuple(_count(found, words) for words in (("x", "i"), ("yh", "outh"), ("yo", "outo")))
    best: tuple[int, Graph, str] | None = None
    for style in builtin_names():
        bias = "layer" if style == "mazur" else "1"
        graph = dense(Network.dense(sizes, bias=bias), notation(style))
        known = spellings(graph)
        roles = {graph[known[k]].role for k in found if k in known and known[k] in graph.quantities}
        hits = sum(k in known for k in found if len(k) > 1)
        if hits >= 6 and {"net", "activation", "parameter"} <= roles and (best is None or hits > best[0]):
            best = (hits, graph, style)
    return None if best is None else (best[1], best[2])


def _count(found: set[str], words: tuple[str, ...]) -> int:
    """How many units a layer has by the names of the text: x1, x2, x3 are three; 2 where it says nothing."""
    for word in words:
        numbers = [int(k[len(word) :]) for k in found if k.startswith(word) and k[len(word) :].isdigit()]
        if numbers and 1 <= max(numbers) <= 20:
            return max(numbers)
    return 2


# ---------------------------------------------------------------- numbers


def matched(formula: Node, numbers: Node) -> dict[Node, Number] | None:
    """The numbers that stand for the names and derivatives of a formula, where both have one shape."""
    bound: dict[Node, Number] = {}
    return bound if _match(formula, numbers, bound) else None


def _match(formula: Node, other: Node, bound: dict[Node, Number]) -> bool:
    if isinstance(formula, Product):
        formula = _flat(formula)
    if isinstance(other, Product):
        other = _flat(other)
    if isinstance(formula, (Name, Derivative)):
        sign, inner = _signed(other)
        if isinstance(inner, Number):
            value = inner if sign > 0 else Number("-" + inner.text, -inner.value, inner.unit)
            known = bound.setdefault(formula, value)
            return known.value == value.value
        return formula == other
    if isinstance(formula, Beside) and isinstance(other, Beside):
        return formula.name == other.name and _match(formula.inside, other.inside, bound)
    if isinstance(formula, Beside):
        return _match(Product((formula.name, formula.inside)), other, bound)
    if isinstance(other, Beside):
        return False
    if type(formula) is not type(other):
        return False
    if isinstance(formula, Number):
        return formula.value == cast(Number, other).value
    if isinstance(formula, Sum):
        theirs = cast(Sum, other).terms
        return len(formula.terms) == len(theirs) and all(
            s == t and _match(a, b, bound) for (s, a), (t, b) in zip(formula.terms, theirs, strict=True)
        )
    mine, others = children(formula), children(other)
    if isinstance(formula, Applied) and formula.function != cast(Applied, other).function:
        return False
    if isinstance(formula, Bars | Quotient | Power | Product | Applied):
        return len(mine) == len(others) and all(
            _match(a, b, bound) for a, b in zip(mine, others, strict=True)
        )
    return False


def _flat(product: Product) -> Product:
    factors: list[Node] = []
    for f in product.factors:
        if isinstance(f, Product):
            factors.extend(_flat(f).factors)
        elif isinstance(f, Beside):
            factors.extend((f.name, f.inside))
        else:
            factors.append(f)
    return Product(tuple(factors))


def _signed(node: Node) -> tuple[int, Node]:
    if isinstance(node, Sum) and len(node.terms) == 1:
        sign, inner = node.terms[0]
        deeper, found = _signed(inner)
        return sign * deeper, found
    return 1, node
