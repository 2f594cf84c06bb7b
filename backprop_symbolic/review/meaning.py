"""What was written, as expressions of the engine.

    y(1 - y)      a product, for y is a quantity; f(x) a call, for f is a function
    {u}'          du/dx, by the x of the line that the chain began with
    w(t + 1)      the number that w is after the update
    p_j           p_1, p_2, p_3 in turn, where j stands for any number
    δ_{o1}        ∂E/∂net_{o1}, where the text does not say otherwise

What is not understood raises NotUnderstood, with its place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as replace_
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

from sympy import Abs, Add, Expr, Function, Integer, Mul, Piecewise, Rational, Symbol, pi
from sympy import atan as atan_
from sympy import cos as cos_
from sympy import cosh as cosh_
from sympy import erf as erf_
from sympy import log as log_
from sympy import sign as sign_
from sympy import sin as sin_
from sympy import sinh as sinh_
from sympy.core.relational import Ge, Gt, Le, Lt

from backprop_symbolic import calculus
from backprop_symbolic.activations import formula_of
from backprop_symbolic.algebra import (
    ONE,
    ZERO,
    Call,
    Frac,
    Partial,
    Prime,
    X,
    add,
    exp,
    mapped,
    mul,
    neg,
    power,
    replace,
    symbols,
)
from backprop_symbolic.errors import NotDifferentiable, UnknownName
from backprop_symbolic.graph import Graph, Quantity
from backprop_symbolic.message import Message
from backprop_symbolic.review.context import (
    ERRORS,
    FUNCTIONS,
    INDICES,
    SINGLE,
    TIME,
    Context,
    Definition,
    letters,
    names,
    sample,
    walk,
)
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
    Number,
    Power,
    Primed,
    Product,
    Quotient,
    Relation,
    Root,
    Series,
    Span,
    Sum,
)

if TYPE_CHECKING:
    from collections.abc import Callable

#: How many numbers an index runs through where its last one is a letter.
TERMS = 3
#: The sum of all that leads nowhere else, so that every quantity leads somewhere.
SINK = Symbol("·")
#: Letters that are functions before a name, and quantities before anything else.
_DOUBTFUL = frozenset("hFGH")
#: Words for functions of ours.
_WORDS = {
    "sigma": "sigmoid", "sigmoid": "sigmoid", "logistic": "sigmoid", "relu": "relu", "ReLU": "relu",
    "softplus": "softplus", "tanh": "tanh",
}  # fmt: skip


class NotUnderstood(Exception):
    """Something that has no meaning here: why, and where in the row."""

    def __init__(self, why: Message, span: Span) -> None:
        super().__init__(why.key)
        self.why, self.span = why, span


@dataclass(frozen=True)
class Reading:
    """One of the ways in which a text can be read.

    direct    ∂q/∂p holds fixed whatever else q is computed from
    abstract  y = f(x) with a function that is not known makes y depend on x
    aliases   names that have no meaning of their own → the names they are read as
    linked    names that are only known to be some function of another
    bases     letters that are read as others wherever they have an index: o_i as a_i
    logistic  a function f that the text does not define is the sigmoid
    """

    direct: bool = False
    abstract: bool = True
    logistic: bool = False
    aliases: tuple[tuple[str, str], ...] = ()
    linked: tuple[tuple[str, str], ...] = ()
    bases: tuple[tuple[str, str], ...] = ()


Indices = Mapping[str, int]


class Definitions(dict[Symbol, "Expr | None"]):
    """name → definition, None for a leaf; `changes` counts the definitions that were made."""

    changes = 0

    def __setitem__(self, symbol: Symbol, formula: Expr | None) -> None:
        super().__setitem__(symbol, formula)
        self.changes += formula is not None


@dataclass
class Meaning:
    """The expressions of one stretch of a text in one reading.

    quantities  name → definition, None for a leaf
    foreign     names that are defined nowhere and stand in no definition
    deltas      names that are read as ∂E/∂net, for the text does not say what they are
    """

    context: Context
    stretch: int
    reading: Reading = Reading()
    quantities: Definitions = field(default_factory=Definitions)
    functions: dict[str, Expr] = field(default_factory=dict)
    foreign: dict[str, Name] = field(default_factory=dict)
    deltas: dict[str, Partial] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    _graph: tuple[int, Graph, Mapping[Symbol, Expr]] | None = None

    # ------------------------------------------------------------ names

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """Names that are read as others."""
        return {**self.context.aliases, **dict(self.reading.aliases)}

    @cached_property
    def bases(self) -> Mapping[str, str]:
        """Letters that are read as others."""
        return dict(self.reading.bases)

    @cached_property
    def links(self) -> Mapping[str, str]:
        """Names that depend on others in a way that is not said."""
        return dict(self.reading.linked)

    def symbol(self, name: Name, indices: Indices) -> Symbol:
        """The symbol of a name, its definition included."""
        name = self.indexed(name, indices)
        if name.sub and name.sup in INDICES:  # ŷ_j^k: the sample's number changes nothing
            name = Name(name.base, name.sub, "", name.tense, name.mark, span=name.span)
        if name.sub and name.base in self.bases:
            name = Name(self.bases[name.base], name.sub, name.sup, name.tense, name.mark, span=name.span)
        key = self.aliases.get(name.key, name.key)
        if name.tense == "next":
            return Symbol(f"{self.canonical(key)}⁺")
        symbol = self.canonical(key)
        if symbol in self.quantities or key in self.pending:
            return symbol
        self.pending.append(key)
        try:
            self.quantities[symbol] = self.defined(symbol, key, name)
        finally:
            self.pending.pop()
        return symbol

    def number(self, name: Name, time: int) -> Symbol:
        """The number of a sequence at a time, by its rule."""
        symbol = Symbol(f"{name.key}({time})")
        if symbol in self.quantities or symbol.name in self.pending:
            return symbol
        self.pending.append(symbol.name)
        try:
            self.quantities[symbol] = self.by_rule(name, time)
        finally:
            self.pending.pop()
        return symbol

    def by_rule(self, name: Name, time: int) -> Expr | None:
        """What a number of a sequence is computed from; None where nothing says it."""
        rules = self.context.rules.get(name.key, {})
        first, rule = rules.get("first"), rules.get("rule")
        if first is not None and Writer(self, {}, None).moment(first[0].time) == time:
            return self.expr(first[1], {})
        if rule is None:
            return None
        t = time - (Writer(self, {TIME: 0}, None).moment(rule[0].time))
        return self.expr(rule[1], {TIME: t}) if t >= 1 else None

    def canonical(self, key: str) -> Symbol:
        """The graph's symbol for a key, or one of its own."""
        return self.context.names.get(key) or Symbol(key)

    def indexed(self, name: Name, indices: Indices) -> Name:
        """The name with numbers for its index letters."""
        sub = name.sub
        if not sub and (letter := self.context.single.get(name.key)) in indices:
            name = replace_(name, base=name.base + SINGLE)
            sub = cast(str, letter)
        if not indices or not sub or not set(sub) & set(indices) or set(sub) - INDICES - set("0123456789"):
            return name
        sub = "".join(str(indices.get(c, c)) for c in sub)
        return Name(name.base, sub, name.sup, name.tense, name.mark, span=name.span)

    def defined(self, symbol: Symbol, key: str, name: Name) -> Expr | None:
        """What a name is computed from; None where it is a leaf."""
        found = self.context.definition(key, self.stretch)
        if found is not None and (self.reading.abstract or not found.abstract):
            try:
                return self.expr(found.formula, {})
            except NotUnderstood:
                return None
        if found is None and (general := self.general(name)) is not None:
            return general
        if name.base in self.context.totals and name.sub == str(TERMS):
            others = [self.symbol(Name(name.base, str(i)), {}) for i in range(1, TERMS)]
            return add(ONE, *(neg(o) for o in others))
        if found is None and key in self.context.constraints:
            return self.expr(self.context.constraints[key], {})
        graph = self.context.graph
        if graph is not None and symbol in graph.constraints:
            return graph.constraints[symbol]
        if graph is not None and symbol in graph.quantities:
            formula = graph[symbol].definition
            if formula is not None:
                for part in symbols(formula):
                    if part not in self.quantities and part.name not in self.pending:
                        self.symbol(Name(part.name), {})
            return formula
        if graph is not None and symbol in graph.meanings:
            return graph.meanings[symbol]
        if name.base in ("delta", "δ") or name.base.startswith(("delta", "δ")):
            return self.delta(name)
        if key in self.links:
            return Call(Symbol(f"{key} of {self.links[key]}"), self.symbol(Name(self.links[key]), {}))
        self.foreign.setdefault(key, name)
        return None

    def general(self, name: Name) -> Expr | None:
        """The definition of p_2 by that of p_j."""
        if not name.sub.isdigit():
            return None
        for found in self.generals:
            same = (found.name.base, found.name.mark, found.name.sup) == (name.base, name.mark, name.sup)
            if same and len(found.letters) == len(name.sub):
                return self.expr(
                    found.formula, {c: int(d) for c, d in zip(found.letters, name.sub, strict=True)}
                )
        return None

    @cached_property
    def generals(self) -> tuple[Definition, ...]:
        """The definitions of names with an index, those of the latest stretch first."""
        stretches = reversed(self.context.stretches[: self.stretch + 1])
        return tuple(d for s in stretches for d in s.definitions.values() if d.letters)

    def delta(self, name: Name) -> Expr | None:
        """∂E/∂net of the unit that the δ is of."""
        error = self.error
        unit = name.sub or name.base.removeprefix("delta").removeprefix("δ")
        if error is None or not unit:
            self.foreign.setdefault(name.key, name)
            return None
        for key in self.known:
            if key == unit or (key.endswith(unit) and not key[: -len(unit)][-1:].isdigit()):
                net = self.sum_of(self.quantities.get(self.symbol(Name(key), {})))
                if net is not None:
                    self.deltas[name.key] = Partial(error, net)
                    return self.deltas[name.key]
        self.foreign.setdefault(name.key, name)
        return None

    def sum_of(self, output: Expr | None) -> Symbol | None:
        """The net of y = f(net), which must be a quantity itself."""
        if output is None or isinstance(output, Partial):
            return None
        inside = symbols(output)
        alone = len(inside) == 1 and self.quantities.get(inside[0]) is not None
        return inside[0] if alone else None

    @cached_property
    def known(self) -> tuple[str, ...]:
        """The keys of all names that have a definition."""
        found = dict.fromkeys(
            key
            for s in self.context.stretches
            for key, d in s.definitions.items()
            if not d.letters and not d.name.base.startswith(("delta", "δ"))
        )
        if self.context.graph is not None:
            found.update(dict.fromkeys(q.symbol.name for q in self.context.graph.quantities.values()))
        return tuple(found)

    @property
    def error(self) -> Symbol | None:
        """The quantity that is differentiated."""
        for key in ERRORS:
            if self.context.definition(key, self.stretch) is not None or key in self.context.names:
                return self.symbol(Name(key), {})
        return None

    # ------------------------------------------------------------ expressions

    def expr(self, node: Node, indices: Indices, variable: Name | None = None) -> Expr:
        """The expression that a node means."""
        return Writer(self, indices, variable).expr(node)

    def foreign_at(self, symbol: Symbol) -> bool:
        """Whether a name stands in no definition: nothing is known of it."""
        graph = self.context.graph
        known = graph is not None and symbol in graph.quantities
        return symbol.name in self.foreign and symbol.name not in self.mentioned and not known

    def holds(self, symbol: Symbol) -> bool:
        """Whether a name stands in the formula of a quantity."""
        return any(e is not None and symbol in symbols(e) for e in self.quantities.values())

    @cached_property
    def spoken(self) -> frozenset[str]:
        """The keys of all names that have a meaning or stand in one."""
        return frozenset({*self.known, *self.mentioned, *self.context.names})

    @cached_property
    def in_order(self) -> tuple[str, ...]:
        """The same in order."""
        return tuple(sorted(self.spoken))

    def beginning(self, key: str) -> Iterator[str]:
        """Those of them that begin with `key`, in order."""
        for other in islice(self.in_order, bisect_left(self.in_order, key), None):
            if not other.startswith(key):
                return
            yield other

    @cached_property
    def folded(self) -> Mapping[str, list[str]]:
        """The same, by how they read where capitals are none."""
        found: dict[str, list[str]] = {}
        for key in self.in_order:
            found.setdefault(key.casefold(), []).append(key)
        return found

    @cached_property
    def mentioned(self) -> frozenset[str]:
        """The keys in the formulas of all definitions, at every number of an index."""
        found: set[str] = set()
        for stretch in self.context.stretches:
            for d in stretch.definitions.values():
                for name in quantities(d.formula):
                    found.add(name.key)
                    if letters(name):
                        found.update(f"{name.mark}{name.base}{i}{name.sup}" for i in range(1, TERMS + 1))
        return frozenset(found)

    def meet(self) -> None:
        """All names of the text that have a definition, so that the graph is built once."""
        for key in self.known:
            self.symbol(Name(key), {})

    @property
    def graph(self) -> Graph:
        """All definitions met so far, in topological order."""
        return self.drawn()[1]

    @property
    def meanings(self) -> Mapping[Symbol, Expr]:
        """Names that are derivatives: δ."""
        return self.drawn()[2]

    def behind(self, names: Iterable[Symbol]) -> set[Symbol]:
        """The names, and all that they are computed from."""
        found: set[Symbol] = set()
        todo = list(names)
        while todo:
            symbol = todo.pop()
            if symbol not in found:
                found.add(symbol)
                formula = self.quantities.get(symbol)
                todo += [] if formula is None else symbols(formula)
        return found

    def drawn(self) -> tuple[int, Graph, Mapping[Symbol, Expr]]:
        """The graph and the δs of the definitions as they are; kept until there is another."""
        changes = self.quantities.changes
        if self._graph is None or self._graph[0] != changes:
            deltas = {s: e for s, e in self.quantities.items() if isinstance(e, Partial)}
            self._graph = (changes, self.ordered(), deltas)
        return self._graph

    def ordered(self) -> Graph:
        found: dict[Symbol, Quantity] = {}
        used: set[Symbol] = set()

        def visit(symbol: Symbol, above: tuple[Symbol, ...]) -> None:
            if symbol in found:
                return
            formula = self.quantities.get(symbol)
            parts = [] if formula is None else symbols(formula)
            if formula is not None and (symbol in parts or any(p in above for p in parts)):
                formula, parts = None, []
            if formula is not None and isinstance(formula, Partial):
                formula, parts = None, []  # a δ: a meaning, no quantity
            for part in parts:
                visit(part, (*above, symbol))
                used.add(part)
            found[symbol] = Quantity(symbol, "node" if formula is not None else "parameter", formula)

        for symbol in self.quantities:
            if not isinstance(self.quantities[symbol], Partial):
                visit(symbol, ())
        tops = [s for s in found if s not in used]
        found[SINK] = Quantity(SINK, "error", add(*tops, ONE))
        return Graph(found, SINK, Symbol("·rate"), {})


class Writer:
    """The expression of a node at given numbers of the indices."""

    def __init__(self, meaning: Meaning, indices: Indices, variable: Name | None) -> None:
        self.meaning, self.indices, self.variable = meaning, indices, variable

    def expr(self, node: Node) -> Expr:
        method = _KINDS.get(type(node))
        if method is None:
            raise NotUnderstood(Message("why_foreign"), node.span)
        return cast(Expr, getattr(self, method)(node))

    # ------------------------------------------------------------ arithmetic

    def number(self, node: Number) -> Expr:
        return cast(Expr, Rational(node.value.numerator, node.value.denominator))

    def name(self, node: Name) -> Expr:
        if node.key == "e":
            return exp(ONE)
        if node.base in ("pi", "π") and not node.sub:
            return cast(Expr, pi)
        if node.base in ("delta", "δ") and len(node.sub) == 2 and set(node.sub) <= set(self.indices):
            return ONE if len({self.indices[c] for c in node.sub}) == 1 else ZERO
        if not node.sub and node.base in self.indices:
            return cast(Expr, Integer(self.indices[node.base]))
        return self.meaning.symbol(node, self.indices)

    def at(self, node: At) -> Expr:
        return self.meaning.number(node.name, self.moment(node.time))

    def moment(self, node: Node) -> int:
        """The number of a time: t - 1, i, 0."""
        value = _constant(self.expr(node))
        if value is None or not isinstance(value, Integer):
            raise NotUnderstood(Message("why_time"), node.span)
        return int(value)

    def sum(self, node: Sum) -> Expr:
        terms = [self.expr(t) if s > 0 else neg(self.expr(t)) for s, t in node.terms]
        return add(*terms)

    def product(self, node: Product) -> Expr:
        factors: list[Expr] = []
        parts = list(node.factors)
        while parts:
            part = parts.pop(0)
            joined = self.joined(part, parts[0]) if parts else None
            if joined is not None:
                parts.pop(0)
                factors.append(self.expr(joined))
            elif _remark(part):
                continue
            else:
                factors.append(self.expr(part))
        return mul(*factors)

    def joined(self, first: Node, second: Node) -> Name | None:
        """One name that was read as two: δ y_{o1}, output{o1}."""
        if not isinstance(first, Name) or not isinstance(second, Name) or first.sub or second.tense:
            return None
        if second.span[0] - first.span[1] > 1:
            return None
        key = first.key + second.key
        span = (first.span[0], second.span[1])
        if first.base in ("delta", "δ"):
            unit = second.sub if second.sub[:1] in ("o", "h") else second.key
            return Name(first.base, unit, "", "", first.mark, span=span) if unit[:1] in ("o", "h") else None
        known = (
            self.meaning.context.definition(key, self.meaning.stretch) or key in self.meaning.context.names
        )
        return Name(first.base, second.key, span=span) if known else None

    def quotient(self, node: Quotient) -> Expr:
        return Frac(self.expr(node.top), self.expr(node.bottom))

    def power(self, node: Power) -> Expr:
        if sample(node):
            return self.expr(node.base)  # ŷ_j^k: the sample's number changes nothing
        if isinstance(node.exponent, Foreign):
            raise NotUnderstood(Message("why_matrix"), node.span)
        if isinstance(node.base, Name) and node.base.key == "e":
            return exp(self.expr(node.exponent))
        if isinstance(node.base, Bars) and isinstance(node.exponent, Number) and node.exponent.value == 2:
            return power(self.expr(node.base.body), Integer(2))
        exponent = self.expr(node.exponent)
        value = _constant(exponent)
        return power(self.expr(node.base), exponent if value is None else value)

    def root(self, node: Root) -> Expr:
        return power(self.expr(node.body), Rational(1, 2))

    def bars(self, node: Bars) -> Expr:
        return cast(Expr, Abs(self.expr(node.body), evaluate=False))

    # ------------------------------------------------------------ functions

    def applied(self, node: Applied) -> Expr:
        return self.call(node.function, node.argument, node.primes, node.span)

    def beside(self, node: Beside) -> Expr:
        name, meaning = node.name, self.meaning
        if isinstance(node.inside, Name) and not name.sub:
            key = name.key + node.inside.key
            if meaning.context.definition(key, meaning.stretch) or key in meaning.context.names:
                return self.name(Name(name.base, node.inside.key, "", name.tense, name.mark, span=node.span))
        known = meaning.context.definition(name.key, meaning.stretch)
        called = meaning.context.function(name.key, meaning.stretch)
        function = name.base in FUNCTIONS and not name.sub and known is None
        if name.base in _DOUBTFUL and not isinstance(node.inside, Name):
            function = False  # h(1 - h) is a product, h(x) a call
        if called is not None or function:
            return self.call(name, node.inside, 0, node.span)
        return mul(self.expr(name), self.expr(node.inside))

    def call(self, function: Name, argument: Node, primes: int, span: Span) -> Expr:
        u = self.expr(argument)
        word = function.key
        own = self.meaning.context.function(word, self.meaning.stretch)
        if own is None and not primes and word in _ELEMENTARY:
            return _ELEMENTARY[word](u)
        unknown = "sigmoid" if self.meaning.reading.logistic else f"any {word}"
        name = f"{word} of the text" if own is not None else _WORDS.get(word, unknown)
        if own is None and primes and word in _ELEMENTARY:
            name = word
            self.meaning.functions[name] = _ELEMENTARY[word](X)
        if own is not None and name not in self.meaning.functions:
            self.meaning.functions[name] = X  # while it is read: a function of itself has no meaning
            body = self.meaning.expr(own.formula, self.indices)
            parameter = self.meaning.symbol(own.parameter, {})
            self.meaning.functions[name] = replace(body, {parameter: X})
        for _ in range(primes - 1):
            name = self.slope(name, span)
        made = Prime if primes else Call
        return made(Symbol(name), u)

    def slope(self, name: str, span: Span) -> str:
        """The name of f' as a function of its own, for the derivative of a derivative."""
        named = f"derivative of {name} of the text"
        if named not in self.meaning.functions:
            formula = self.meaning.functions.get(name)
            if formula is None and (name.startswith("any ") or _is_link(name)):
                raise NotUnderstood(Message("why_second"), span)
            try:
                whole = self.inlined(formula_of(name) if formula is None else formula)
                self.meaning.functions[named] = calculus.derivative(whole, X)
            except (NotDifferentiable, UnknownName):
                raise NotUnderstood(Message("why_second"), span) from None
        return named

    def inlined(self, formula: Expr) -> Expr:
        """A formula in x with the functions of the text written out."""

        def one(node: Expr) -> Expr | None:
            if not isinstance(node, Call) or node.name not in self.meaning.functions:
                return None
            return self.inlined(replace(self.meaning.functions[node.name], {X: cast(Expr, node.args[1])}))

        return mapped(formula, one)

    def opened(self, expr: Expr, span: Span) -> Expr:
        """`expr` with f'(u) as a call of the function f', so that it can be differentiated."""

        def one(node: Expr) -> Expr | None:
            if isinstance(node, Prime):
                return Call(Symbol(self.slope(node.name, span)), cast(Expr, node.args[1]))
            return None

        return mapped(expr, one)

    # ------------------------------------------------------------ derivatives

    def derivative(self, node: Derivative) -> Expr:
        by = self.meaning.symbol(node.by, self.indices)
        return self.partial(self.opened(self.expr(node.of), node.span), by, node.span)

    def partial(self, of: Expr, by: Symbol, span: Span) -> Expr:
        if any(isinstance(p, Partial) for p in _parts(of)):
            raise NotUnderstood(Message("why_second"), span)
        if (
            isinstance(of, Symbol)
            and of != by
            and of.name in self.meaning.foreign
            and self.meaning.foreign_at(of)
        ):
            return Symbol(f"∂{of.name}/∂{by.name}")  # a number of its own: nothing is known of it
        if of != by and by not in symbols(of) and self.meaning.foreign_at(by) and not self.meaning.holds(by):
            raise NotUnderstood(Message("why_unknown_name", {"name": by.name}), span)
        if self.meaning.reading.direct:
            return Partial(of, by, *self.held(of, by))
        return Partial(of, by)

    def held(self, of: Expr, by: Symbol) -> list[Symbol]:
        """What stays as it is where `by` alone changes: whatever `of` is computed from directly."""
        known = self.meaning.quantities
        formula = known.get(of) if isinstance(of, Symbol) else of
        parts = () if formula is None else symbols(formula)
        return [s for s in parts if s != by and known.get(s) is not None]

    def primed(self, node: Primed) -> Expr:
        variable = self.variable
        if variable is None:
            inner = [n for n in names(node.body) if n.base not in FUNCTIONS]
            if len({n.key for n in inner}) != 1:
                raise NotUnderstood(Message("why_variable"), node.span)
            variable = inner[0]
        return self.partial(self.expr(node.body), self.meaning.symbol(variable, self.indices), node.span)

    # ------------------------------------------------------------ sums and cases

    def series(self, node: Series) -> Expr:
        if node.index is None:
            raise NotUnderstood(Message("why_sum"), node.span)
        letter = node.index.key
        first = self.whole(node.first, 1)
        last = self.whole(node.last, TERMS)
        without = self.whole(node.without, 0)
        if last - first > 50:
            raise NotUnderstood(Message("why_sum"), node.span)
        terms = [
            Writer(self.meaning, {**self.indices, letter: i}, self.variable).expr(node.term)
            for i in range(first, last + 1)
            if i != without
        ]
        return add(*terms)

    def whole(self, node: Node | None, default: int) -> int:
        if node is None:
            return default
        if isinstance(node, Name):
            return self.indices.get(node.base, default)
        if isinstance(node, Number) and node.value.denominator == 1:
            return int(node.value)
        if self.meaning.context.timed and TIME in self.indices:
            return self.moment(node)
        raise NotUnderstood(Message("why_sum"), node.span)

    def greatest(self, node: Greatest) -> Expr:
        """max_k, sup: of units alone, which only a line about any unit has."""
        raise NotUnderstood(Message("why_foreign"), node.span)

    def cases(self, node: Cases) -> Expr:
        pairs: list[tuple[Expr, Any]] = []
        for value, condition in node.rows:
            if condition is None:
                pairs.append((self.expr(value), True))
                continue
            decided = self.condition(condition)
            if decided is True and not pairs:
                return self.expr(value)
            if decided is not False:
                pairs.append((self.expr(value), decided))
        if not pairs:
            raise NotUnderstood(Message("why_cases"), node.span)
        return cast(Expr, Piecewise(*pairs, evaluate=False))

    def condition(self, relation: Relation) -> Any:
        left, right = relation.sides[0], relation.sides[-1]
        if len(relation.sides) != 2 or left is None or right is None:
            raise NotUnderstood(Message("why_cases"), relation.span)
        a, b, sign = self.expr(left), self.expr(right), relation.signs[0]
        if isinstance(a, Integer) and isinstance(b, Integer):
            table = {"=": a == b, "≠": a != b, "<": a < b, ">": a > b, "≤": a <= b, "≥": a >= b}
            return bool(table[sign])
        kinds = {"<": Lt, ">": Gt, "≤": Le, "≥": Ge}
        if sign not in kinds:
            raise NotUnderstood(Message("why_cases"), relation.span)
        make: Any = kinds[sign]
        return make(a, b, evaluate=False)


#: Kind of node → the method that writes it.
_KINDS: Mapping[type, str] = {
    Number: "number",
    Name: "name",
    Sum: "sum",
    Product: "product",
    Quotient: "quotient",
    Power: "power",
    Root: "root",
    Bars: "bars",
    Applied: "applied",
    At: "at",
    Beside: "beside",
    Derivative: "derivative",
    Primed: "primed",
    Series: "series",
    Cases: "cases",
    Greatest: "greatest",
}


def _fixed(function: type[Function]) -> Callable[[Expr], Expr]:
    return lambda u: cast(Expr, function(u, evaluate=False))


_ELEMENTARY: Mapping[str, Callable[[Expr], Expr]] = {
    "exp": exp,
    "log": _fixed(log_),
    "ln": _fixed(log_),
    "sin": _fixed(sin_),
    "cos": _fixed(cos_),
    "erf": _fixed(erf_),
    "arctan": _fixed(atan_),
    "sinh": _fixed(sinh_),
    "cosh": _fixed(cosh_),
    "tan": lambda u: Frac(_fixed(sin_)(u), _fixed(cos_)(u)),
    "sqrt": lambda u: power(u, Rational(1, 2)),
    "sgn": _fixed(sign_),
    "sign": _fixed(sign_),
}


def _is_link(name: str) -> bool:
    """Whether a function is only known to be one of some quantity."""
    return " of " in name and not name.endswith(" of the text")


def _remark(node: Node) -> bool:
    """A word beside a number: 1(bias)."""
    return isinstance(node, Name) and node.key == "bias"


def _constant(expr: Expr) -> Rational | None:
    """The number that 2 - 1 is, where an exponent is written so."""
    if isinstance(expr, Rational):
        return cast(Rational, expr)
    if not all(isinstance(p, (Rational, Add, Mul)) for p in _parts(expr)):
        return None  # 9^{9^9} is left as it is written
    value = expr.doit()
    return cast(Rational, value) if isinstance(value, Rational) else None


def _parts(expr: Any) -> list[Any]:
    found, todo = [], [expr]
    while todo:
        e = todo.pop()
        found.append(e)
        todo.extend(e.args)
    return found


def quantities(node: Node) -> list[Name]:
    """The names in a formula that are no functions."""
    called = {
        id(n.function if isinstance(n, Applied) else n.name)
        for n in walk(node)
        if isinstance(n, (Applied, Beside))
        and (isinstance(n, Applied) or (n.name.base in FUNCTIONS and not n.name.sub))
    }
    return [n for n in names(node) if id(n) not in called]
