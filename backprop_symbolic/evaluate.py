"""Values and forward-mode derivatives of expressions over a graph, in any of three domains.

One walk serves all: a prime field, where equality is exact and an exponential is one more free
value; real or complex numbers; and SymPy's own expressions. `Evaluator.partial` gives ∂q/∂p by
pushing a tangent forward through the definitions, one elementary operation at a time. It shares
no rule with `calculus` or `backprop`, so it can judge them.
"""

from __future__ import annotations

import cmath
import heapq
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, cast

from sympy import (
    Abs,
    Add,
    Basic,
    E,
    Expr,
    Integer,
    Mul,
    Piecewise,
    Pow,
    Rational,
    Symbol,
    cancel,
    false,
    pi,
    symbols,
    true,
)
from sympy import atan as atan_
from sympy import cos as cos_
from sympy import cosh as cosh_
from sympy import erf as erf_
from sympy import exp as exp_
from sympy import log as log_
from sympy import sign as sign_
from sympy import sin as sin_
from sympy import sinh as sinh_
from sympy.core.relational import Ge, Gt, Le, Lt, Relational

from backprop_symbolic.activations import formula_of
from backprop_symbolic.algebra import (
    TWO,
    Call,
    Decimal,
    Frac,
    Numeral,
    Ordinary,
    Partial,
    Prime,
    Tight,
    X,
    mapped,
    neg,
    number,
    power,
)
from backprop_symbolic.algebra import symbols as names_in
from backprop_symbolic.graph import Graph

PRIME = 2**61 - 1
#: exp(u) is held as g^ROOT for a random g, so that exp(u/2), exp(u/3), exp(u/1000) exist too.
ROOT = 2**6 * 3**4 * 5**6 * 7**2

Env = tuple[Expr, Any] | None  # what X stands for inside an activation's formula


class Undecidable(Exception):
    """A value that this domain cannot give at this point: another point must be drawn."""


class Domain(Protocol):
    """The arithmetic of one kind of value."""

    def number(self, value: Rational) -> Any: ...
    def sum(self, terms: list[Any]) -> Any: ...
    def product(self, factors: list[Any]) -> Any: ...
    def inverse(self, value: Any) -> Any: ...
    def power(self, base: Any, exponent: Rational) -> Any: ...
    def exponential(self, parts: list[tuple[Rational, Any]]) -> Any: ...
    def function(self, name: str, value: Any) -> Any: ...


class PrimeField:
    """Integers modulo 2^61 - 1; a function that is not rational is a random value per argument."""

    def __init__(self, random: Any) -> None:
        self.random = random
        self.generators: dict[int, int] = {}
        self.logarithms: dict[int, int] = {}
        self.arctangents: dict[int, int] = {}
        self.oracle: dict[tuple[str, int], int] = {}

    def draw(self) -> int:
        return int(self.random.randrange(2, PRIME - 1))

    def number(self, value: Rational) -> int:
        p, q = int(value.p), int(value.q)
        return p % PRIME if q == 1 else p * pow(q, -1, PRIME) % PRIME

    def sum(self, terms: list[int]) -> int:
        return sum(terms) % PRIME

    def product(self, factors: list[int]) -> int:
        result = 1
        for f in factors:
            result = result * f % PRIME
        return result

    def inverse(self, value: int) -> int:
        if value == 0:
            raise Undecidable("division by zero")
        return pow(value, -1, PRIME)

    def power(self, base: int, exponent: Rational) -> int:
        p, q = int(exponent.p), int(exponent.q)
        if p < 0 and base == 0:
            raise Undecidable("division by zero")
        if q == 1:
            return pow(base, p, PRIME)
        if q == 2:  # PRIME ≡ 3 mod 4: a square's root is a power
            root = pow(base, (PRIME + 1) // 4, PRIME)
            if root * root % PRIME == base:
                return pow(root, p, PRIME)
        raise Undecidable(f"no root of degree {q} at this point")

    def exponential(self, parts: list[tuple[Rational, int]]) -> int:
        """e^(Σ c·v): a power of the random value that stands for e^(v/ROOT)."""
        result = 1
        for c, v in parts:
            key = min(v, PRIME - v)
            sign = 1 if v == key else -1
            if v == 0:
                continue
            if key in self.logarithms or PRIME - key in self.logarithms:
                if key not in self.logarithms:
                    key, sign = PRIME - key, -sign
                if c.q != 1:
                    raise Undecidable("a root of a logarithm's argument")
                result = result * self.power(self.logarithms[key], Rational(sign * c.p)) % PRIME
                continue
            exponent = c * ROOT
            if exponent.q != 1:
                raise Undecidable(f"exponent {c}")
            g = self.generators.get(key)
            if g is None:
                g = self.generators[key] = self.draw()
            result = result * pow(g, sign * int(exponent.p), PRIME) % PRIME
        return result

    def function(self, name: str, value: int) -> int:
        if name == "log":
            if value == 1:
                return 0
            found = self.oracle.get((name, value))
            if found is None:
                found = self.oracle[name, value] = self.draw()
                self.logarithms[found] = value
            return found
        if name in ("sin", "cos"):
            # cos(atan v) = 1/√(1 + v²) and sin(atan v) = v·cos(atan v).
            for angle, sign in ((value, 1), (PRIME - value, -1)):
                if angle in self.arctangents:
                    v = sign * self.arctangents[angle]
                    cosine = self.power((1 + v * v) % PRIME, Rational(-1, 2))
                    return cosine if name == "cos" else v * cosine % PRIME
            # A random point of the unit circle, so that sin² + cos² = 1.
            key = min(value, PRIME - value)
            s = self.oracle.setdefault(("circle", key), self.draw())
            scale = self.inverse((1 + s * s) % PRIME)
            if name == "cos":
                return (1 - s * s) * scale % PRIME
            return (2 * s if key == value else -2 * s) * scale % PRIME
        if name in ("atan", "erf"):  # odd functions
            key = min(value, PRIME - value)
            found = self.oracle.setdefault((name, key), self.draw())
            if name == "atan":
                self.arctangents[found] = key
            return found if key == value else PRIME - found
        if name == "pi":  # a square, so that √π exists
            return self.oracle.setdefault(("pi", 0), pow(self.draw(), 2, PRIME))
        raise Undecidable(name)


class Numbers:
    """Real and complex floating point."""

    def number(self, value: Rational) -> complex:
        return complex(int(value.p) / int(value.q))

    def sum(self, terms: list[complex]) -> complex:
        return sum(terms, 0j)

    def product(self, factors: list[complex]) -> complex:
        result = 1 + 0j
        for f in factors:
            result *= f
        return result

    def inverse(self, value: complex) -> complex:
        if value == 0:
            raise Undecidable("division by zero")
        return 1 / value

    def power(self, base: complex, exponent: Rational) -> complex:
        if base == 0 and exponent.p < 0:
            raise Undecidable("division by zero")
        if exponent.q == 1:
            return complex(base ** int(exponent.p))
        if base.real < 0:
            raise Undecidable("a root of a negative number")
        return complex(base ** (int(exponent.p) / int(exponent.q)))

    def exponential(self, parts: list[tuple[Rational, complex]]) -> complex:
        return cmath.exp(sum((complex(c.p / c.q) * v for c, v in parts), 0j))

    def function(self, name: str, value: complex) -> complex:
        if name == "pi":
            return complex(math.pi)
        if name == "erf":
            # First order in the imaginary part, which a complex step keeps below 1e-100.
            slope = 2 / math.sqrt(math.pi) * math.exp(-(value.real**2))
            return complex(math.erf(value.real), slope * value.imag)
        if name == "log" and value.real <= 0:
            raise Undecidable("the logarithm of a number that is not positive")
        return complex(getattr(cmath, name)(value))


class Exact:
    """SymPy expressions: named quantities and exponentials are free symbols."""

    def __init__(self) -> None:
        self.atoms: dict[tuple[str, Expr], Expr] = {}

    def number(self, value: Rational) -> Expr:
        return cast(Expr, value)

    def sum(self, terms: list[Expr]) -> Expr:
        return Add(*terms)

    def product(self, factors: list[Expr]) -> Expr:
        return Mul(*factors)

    def inverse(self, value: Expr) -> Expr:
        if value == 0:
            raise Undecidable("division by zero")
        return cast(Expr, 1 / value)

    def power(self, base: Expr, exponent: Rational) -> Expr:
        return base**exponent

    def atom(self, name: str, value: Expr) -> Expr:
        key = (name, cancel(value))
        return self.atoms.setdefault(key, symbols(f"a{len(self.atoms)}_", positive=True))

    def exponential(self, parts: list[tuple[Rational, Expr]]) -> Expr:
        factors: list[Expr] = []
        for c, v in parts:
            flipped = v.could_extract_minus_sign()
            base = self.atom("exp", -v if flipped else v)
            inside = next((k[1] for k, a in self.atoms.items() if a == v and k[0] == "log"), None)
            factors.append(inside**c if inside is not None else base ** (-c if flipped else c))
        return Mul(*factors)

    def function(self, name: str, value: Expr) -> Expr:
        if name in ("atan", "erf", "sin") and value.could_extract_minus_sign():
            return -self.atom(name, -value)
        if name == "cos" and value.could_extract_minus_sign():
            value = -value
        if name == "log" and value == 1:
            return cast(Expr, Rational(0))
        return self.atom(name, value)


_FUNCTIONS: Mapping[type, str] = {log_: "log", sin_: "sin", cos_: "cos", atan_: "atan", erf_: "erf"}


class Evaluator:
    """Values and partial derivatives at one point of one domain.

    `leaves` gives the value of a leaf or free symbol; `real` decides the branches of piecewise
    functions by real values, and is the evaluator itself where the domain is `Numbers`.
    """

    def __init__(
        self,
        graph: Graph,
        meanings: Mapping[Symbol, Expr],
        domain: Domain,
        leaves: Any,
        real: Evaluator | None = None,
        index: TermIndex | None = None,
    ) -> None:
        self.graph, self.meanings, self.domain, self.leaves = graph, meanings, domain, leaves
        self.real = real
        self.index = index or TermIndex(graph)
        self.zero, self.one = domain.number(Rational(0)), domain.number(Rational(1))
        self.minus_one = domain.number(Rational(-1))
        self.two = domain.number(Rational(2))
        self.memo: dict[Basic, Any] = {}
        self.passed = False
        self.tangents: dict[tuple[Symbol, tuple[Symbol, ...]], _Tangents] = {}
        self.fixed: dict[Symbol, Any] = {}
        #: ∂E/∂q taken as given: a tangent that reaches q on its way to the error goes no further.
        self.given: dict[Symbol, Any] = {}
        #: Branches taken: condition → the answers seen.
        self.branches: dict[Basic, bool] = {}

    # ------------------------------------------------------------ values

    def value(self, expr: Basic, env: Env = None) -> Any:
        """The value of `expr`."""
        if env is None:
            found = self.memo.get(expr)
            if found is None:
                found = self.memo[expr] = self._value(expr, None)
            return found
        return self._value(expr, env)

    def _value(self, expr: Basic, env: Env) -> Any:
        handler = _VALUES.get(type(expr))
        if handler is not None:
            return handler(self, expr, env)
        if isinstance(expr, Rational):
            return self.domain.number(expr)
        if expr is pi:
            return self.domain.function("pi", self.zero)
        if expr is E:
            return self.domain.exponential([(Rational(1), self.one)])
        raise Undecidable(f"{type(expr).__name__} has no value here")

    def _product(self, expr: Basic, env: Env) -> Any:
        return self.domain.product([self.value(a, env) for a in expr.args])

    def _sum(self, expr: Basic, env: Env) -> Any:
        return self.domain.sum([self.value(a, env) for a in expr.args])

    def _fraction(self, expr: Basic, env: Env) -> Any:
        top, bottom = expr.args
        return self.domain.product([self.value(top, env), self.domain.inverse(self.value(bottom, env))])

    def _exponential(self, expr: Basic, env: Env) -> Any:
        return self.domain.exponential(self.exponents(expr.args[0], env))

    def formula(self, name: str) -> Expr:
        """f(x) of the function called `name`."""
        return formula_of(name)

    def _call(self, expr: Basic, env: Env) -> Any:
        return self._value(self.formula(cast(Call, expr).name), (cast(Expr, expr.args[1]), env))

    def _prime(self, expr: Basic, env: Env) -> Any:
        inner: Env = (cast(Expr, expr.args[1]), env)
        return self.tangent(self.formula(cast(Prime, expr).name), inner, _Seed(X, self.one))

    def _pieces(self, expr: Basic, env: Env) -> Any:
        return self.value(self.branch(expr, env), env)

    def _absolute(self, expr: Basic, env: Env) -> Any:
        u = self.value(expr.args[0], env)
        return self.domain.product([self.sign(expr.args[0], env), u])

    def _hyperbolic(self, expr: Basic, env: Env) -> Any:
        up, down = self.both(expr.args[0], env)
        if isinstance(expr, sinh_):
            down = self.domain.product([self.minus_one, down])
        return self.domain.product([self.domain.sum([up, down]), self.domain.inverse(self.two)])

    def _elementary(self, expr: Basic, env: Env) -> Any:
        return self.domain.function(_FUNCTIONS[type(expr)], self.value(expr.args[0], env))

    def both(self, u: Basic, env: Env) -> tuple[Any, Any]:
        """e^u and e^{-u}."""
        parts = self.exponents(u, env)
        return (
            self.domain.exponential(parts),
            self.domain.exponential([(cast(Rational, -c), v) for c, v in parts]),
        )

    def exponents(self, u: Basic, env: Env) -> list[tuple[Rational, Any]]:
        """u as Σ c·v, down to the names: inside a formula x is what it stands for."""
        found: list[tuple[Rational, Any]] = []
        for c, rest in exponents(cast(Expr, u)):
            inner, scope = rest, env
            if env is not None and rest == X:
                inner, scope = env
            elif env is not None and isinstance(rest, Pow) and rest.args[0] == X:
                inner, scope = cast(Expr, Pow(env[0], rest.args[1], evaluate=False)), env[1]
            elif _contains_cases(rest):  # e^{u/{2 …} and e^{u/2} are one value
                inner = mapped(rest, self.chosen(env))
            elif isinstance(rest, Symbol) and rest in self.meanings and rest not in self.fixed:
                inner, scope = self.meanings[rest], None
            elif (log := self.logarithm(rest, env)) is not None:
                inner, scope = log
            if inner is rest:
                found.append((c, self.value(rest, env)))
            else:
                found.extend((cast(Rational, c * d), v) for d, v in self.exponents(inner, scope))
        return found

    def chosen(self, env: Env) -> Callable[[Expr], Expr | None]:
        """The branch that a function by cases takes at this point, for `mapped`."""
        return lambda node: cast(Expr, self.branch(node, env)) if isinstance(node, Piecewise) else None

    def logarithm(self, u: Expr, env: Env) -> tuple[Expr, Env] | None:
        """The formula behind a name or call that is c·ln v: e^{-2y} is v^{-1} where y = ½ ln v."""
        if isinstance(u, Symbol) and u not in self.fixed and u in self.graph.quantities:
            definition = self.graph.quantities[u].definition
            return self.logarithm(definition, None) if isinstance(definition, Call) else None
        if not isinstance(u, Call):
            return None
        formula = self.formula(u.name)
        parts = exponents(formula)
        if len(parts) == 1 and isinstance(parts[0][1], log_):
            return formula, (cast(Expr, u.args[1]), env)
        return None

    def named(self, symbol: Symbol, env: Env) -> Any:
        if env is not None and symbol == X:
            return self.value(env[0], env[1])
        if symbol in self.fixed:
            return self.fixed[symbol]
        quantity = self.graph.quantities.get(symbol)
        if quantity is not None and quantity.definition is not None:
            if not self.passed:
                self.forward()
                return self.memo[symbol]
            return self.value(quantity.definition)
        meaning = self.meanings.get(symbol, self.graph.constraints.get(symbol))
        return self.leaves(symbol) if meaning is None else self.value(meaning)

    def forward(self) -> None:
        """The forward pass in topological order, so that depth costs no recursion."""
        self.passed = True
        for symbol, quantity in self.graph.quantities.items():
            if quantity.definition is not None:
                self.memo[symbol] = self.named(symbol, None)

    def raised(self, expr: Basic, env: Env) -> Any:
        base, exponent = expr.args
        n = exponent if isinstance(exponent, Rational) else getattr(exponent, "value", None)
        if isinstance(n, Rational):
            return self.domain.power(self.value(base, env), n)
        # a^u = e^(u·ln a)
        log = self.domain.function("log", self.value(base, env))
        parts = self.exponents(exponent, env)
        return self.domain.exponential([(c, self.domain.product([v, log])) for c, v in parts])

    # ------------------------------------------------------------ branches

    def branch(self, expr: Basic, env: Env) -> Basic:
        for pair in expr.args:
            if self.holds(pair.args[1], env):
                return pair.args[0]
        raise Undecidable("no branch")

    def holds(self, condition: Basic, env: Env) -> bool:
        if condition in (true, false):
            return bool(condition)
        if not isinstance(condition, Relational):
            raise Undecidable(f"condition {condition}")
        left, right = (complex(self.judge().value(a, env)).real for a in condition.args)
        gap = left - right
        kind = type(condition)
        answer = gap > 0 if kind in (Gt, Ge) else gap < 0
        if kind not in (Gt, Ge, Lt, Le):
            raise Undecidable(f"condition {condition}")
        self.branches[condition if env is None else Call(Symbol("at"), env[0])] = answer
        return bool(answer)

    def judge(self) -> Evaluator:
        """Who decides a branch: real values only."""
        judge = self.real or self
        if not isinstance(judge.domain, Numbers):
            raise Undecidable("a branch without real values")
        return judge

    def sign(self, u: Basic, env: Env) -> Any:
        """±1: the sign of u, decided by its real value; constant around the point."""
        value = complex(self.judge().value(u, env)).real
        self.branches[u if env is None else Call(Symbol("at"), env[0])] = value > 0
        return self.one if value > 0 else self.minus_one

    # ------------------------------------------------------------ forward-mode derivatives

    def partial(self, node: Partial) -> Any:
        """∂of/∂wrt: the tangent that wrt = 1 causes in `of`."""
        of, wrt = node.of, node.wrt
        if node.held:
            return self.tangent(of, None, self.flow(wrt, node.held))
        if isinstance(of, Symbol) and of in self.graph.quantities:
            users = self.graph.consumers.get(wrt, ())
            if len(users) == 1 and users[0] == of:
                return self.direct(of, wrt)
            # A leaf that feeds one quantity moves the error as far as it moves that quantity.
            leaf = wrt in self.graph.quantities and self.graph[wrt].definition is None
            if leaf and len(users) == 1 and users[0] != of and of == self.graph.error:
                first = users[0]
                return self.domain.product([self.direct(first, wrt), self.value(Partial(of, first))])
            return self.flow(wrt).get(of)
        return self.tangent(of, None, self.flow(wrt))

    def direct(self, of: Symbol, wrt: Symbol) -> Any:
        """∂of/∂wrt where wrt feeds nothing but `of`: the terms of its definition that hold wrt."""
        seed = _Seed(wrt, self.one)
        table = self.index.terms(of)
        terms = [self.graph.definition(of)] if table is None else [*table[wrt].values()]
        return self.domain.sum([self.tangent(term, None, seed) for term in terms])

    def flow(self, wrt: Symbol, held: tuple[Symbol, ...] = ()) -> _Tangents:
        found = self.tangents.get((wrt, held))
        if found is None:
            found = self.tangents[wrt, held] = _Tangents(self, wrt, held)
        return found

    def tangent(self, expr: Basic, env: Env, seed: _Tangents | _Seed | Along) -> Any:
        """The derivative of `expr` along `seed`, operation by operation."""
        domain = self.domain
        kind = type(expr)
        if kind is Symbol:
            if env is not None and expr == X:
                if isinstance(seed, _Seed):
                    return seed.get(cast(Symbol, expr))
                return self.tangent(env[0], env[1], seed)
            return seed.get(cast(Symbol, expr))
        if not expr.args or kind is Decimal or kind is Numeral:
            return self.zero
        if kind is Add:
            return domain.sum([self.tangent(a, env, seed) for a in expr.args])
        if kind is Mul or kind is Tight:
            terms = []
            if env is None and len(expr.args) == 2:
                a, b = expr.args
                if type(a) is Symbol and type(b) is Symbol:  # w·y, the term of every weighted sum
                    s, t = seed.get(a), seed.get(b)
                    if s:
                        terms.append(domain.product([s, self.value(b)]))
                    if t:
                        terms.append(domain.product([self.value(a), t]))
                    return domain.sum(terms) if terms else self.zero
            for i, factor in enumerate(expr.args):
                t = self.tangent(factor, env, seed)
                if t != self.zero:
                    others = [self.value(a, env) for j, a in enumerate(expr.args) if j != i]
                    terms.append(domain.product([*others, t]))
            return domain.sum(terms) if terms else self.zero
        if kind is Piecewise:
            return self.tangent(self.branch(expr, env), env, seed)
        if kind is Call:
            arg = cast(Expr, expr.args[1])
            t = self.tangent(arg, env, seed)
            if t == self.zero:
                return t
            # f'(u)·t; the slope is itself a tangent through f's formula, found once for each u.
            return domain.product([t, self.value(Prime(cast(Symbol, expr.args[0]), arg), env)])
        if kind is Frac:
            top, bottom = expr.args
            inverse = domain.inverse(self.value(bottom, env))
            t, b = self.tangent(top, env, seed), self.tangent(bottom, env, seed)
            whole = domain.product([self.value(top, env), inverse])
            return domain.product([domain.sum([t, domain.product([self.minus_one, whole, b])]), inverse])
        if kind is Pow:
            return self.tangent_of_power(expr, env, seed)
        if kind in (Partial, Ordinary, Prime):
            raise Undecidable("a derivative of a derivative")
        u = expr.args[0]
        t = self.tangent(u, env, seed)
        if t == self.zero:
            return t
        return domain.product([self.slope(expr, u, env), t])

    def slope(self, expr: Basic, u: Basic, env: Env) -> Any:
        """f'(u) for an elementary function f."""
        domain, kind = self.domain, type(expr)
        if kind is exp_:
            return self.value(expr, env)
        if kind is log_:
            return domain.inverse(self.value(u, env))
        if kind is sin_:
            return domain.function("cos", self.value(u, env))
        if kind is cos_:
            return domain.product([self.minus_one, domain.function("sin", self.value(u, env))])
        if kind is atan_:
            v = self.value(u, env)
            return domain.inverse(domain.sum([self.one, domain.product([v, v])]))
        if kind is erf_:
            root = domain.power(domain.function("pi", self.zero), Rational(1, 2))
            bell = self.value(exp_(neg(power(cast(Expr, u), TWO)), evaluate=False), env)
            return domain.product([self.two, domain.inverse(root), bell])
        if kind is sinh_ or kind is cosh_:
            up, down = self.both(u, env)
            if kind is cosh_:
                down = domain.product([self.minus_one, down])
            return domain.product([domain.sum([up, down]), domain.inverse(self.two)])
        if kind is Abs:
            return self.sign(u, env)
        if kind is sign_:
            return self.zero
        raise Undecidable(f"{kind.__name__} has no derivative here")

    def tangent_of_power(self, expr: Basic, env: Env, seed: _Tangents | _Seed | Along) -> Any:
        domain = self.domain
        base, exponent = expr.args
        tb, te = self.tangent(base, env, seed), self.tangent(exponent, env, seed)
        result = self.zero
        n = exponent if isinstance(exponent, Rational) else getattr(exponent, "value", None)
        if tb != self.zero:
            if not isinstance(n, Rational):
                ratio = domain.product([self.value(exponent, env), domain.inverse(self.value(base, env))])
                result = domain.product([self.value(expr, env), ratio, tb])
            elif n != 0:
                lower = domain.power(self.value(base, env), cast(Rational, n - 1))
                result = domain.product([domain.number(n), lower, tb])
        if te != self.zero:
            log = domain.function("log", self.value(base, env))
            result = domain.sum([result, domain.product([self.value(expr, env), log, te])])
        return result


#: Kind of expression → how it gets its value.
_VALUES: Mapping[type, Callable[[Evaluator, Any, Env], Any]] = {
    Symbol: Evaluator.named,
    Mul: Evaluator._product,
    Tight: Evaluator._product,
    Add: Evaluator._sum,
    Frac: Evaluator._fraction,
    Pow: Evaluator.raised,
    exp_: Evaluator._exponential,
    Partial: lambda self, expr, env: self.partial(expr),
    Ordinary: lambda self, expr, env: self.partial(expr),
    Call: lambda self, expr, env: self._call(expr, env),
    Prime: lambda self, expr, env: self._prime(expr, env),
    Piecewise: Evaluator._pieces,
    Decimal: lambda self, expr, env: self.domain.number(expr.value),
    Numeral: lambda self, expr, env: self.domain.number(expr.value),
    Abs: Evaluator._absolute,
    sign_: lambda self, expr, env: self.sign(expr.args[0], env),
    sinh_: Evaluator._hyperbolic,
    cosh_: Evaluator._hyperbolic,
    **dict.fromkeys(_FUNCTIONS, Evaluator._elementary),
}


def _contains_cases(expr: Basic) -> bool:
    return isinstance(expr, Piecewise) or any(_contains_cases(arg) for arg in expr.args)


class TermIndex:
    """Which terms of a definition hold a name, so that a long sum is not searched for one of them."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.found: dict[Symbol, dict[Symbol, dict[int, Basic]] | None] = {}

    def terms(self, of: Symbol) -> dict[Symbol, dict[int, Basic]] | None:
        """name → place → term for a definition that is a sum, None for any other.

        By place: two equal terms are two terms.
        """
        if of not in self.found:
            definition = self.graph.quantities[of].definition
            table: dict[Symbol, dict[int, Basic]] | None = None
            if isinstance(definition, Add):
                table = {}
                for place, term in enumerate(definition.args):
                    for name in names_in(term):
                        table.setdefault(name, {})[place] = term
            self.found[of] = table
        return self.found[of]


class _Seed:
    """A tangent at one symbol only."""

    def __init__(self, symbol: Symbol, value: Any) -> None:
        self.symbol, self.value = symbol, value

    def get(self, symbol: Symbol) -> Any:
        return self.value if symbol == self.symbol else 0


class Along:
    """The tangent of every quantity when many are moved at once, each by its share of `direction`."""

    def __init__(self, evaluator: Evaluator, direction: Mapping[Symbol, Any]) -> None:
        self.known: dict[Symbol, Any] = {}
        zero = evaluator.zero
        for symbol, quantity in evaluator.graph.quantities.items():
            moved = zero
            if quantity.definition is not None:
                moved = evaluator.tangent(quantity.definition, None, self)
            if symbol in direction:
                moved = evaluator.domain.sum([moved, direction[symbol]])
            self.known[symbol] = moved

    def get(self, symbol: Symbol) -> Any:
        """The tangent of one quantity."""
        return self.known.get(symbol, 0)


class _Tangents:
    """∂q/∂wrt for every quantity q, pushed forward only as far as it is asked for."""

    def __init__(self, evaluator: Evaluator, wrt: Symbol, held: tuple[Symbol, ...] = ()) -> None:
        self.evaluator, self.wrt, self.held = evaluator, wrt, held
        self.known: dict[Symbol, Any] = {wrt: evaluator.one}
        self.order = evaluator.graph.order
        self.heap: list[tuple[int, Symbol]] = []
        self.queued: set[Symbol] = set()
        self.changed: dict[Symbol, list[Symbol]] = {}
        self.carried: list[Any] = []
        self.spread(wrt)

    def spread(self, symbol: Symbol) -> None:
        for user in self.evaluator.graph.consumers.get(symbol, ()):
            self.changed.setdefault(user, []).append(symbol)
            if user not in self.queued:
                self.queued.add(user)
                heapq.heappush(self.heap, (self.order[user], user))

    def get(self, of: Symbol) -> Any:
        place = self.order.get(of)
        if place is None and of != self.wrt and of in self.evaluator.meanings:
            # u = 1 + e^{-x}, a name of a proof: its tangent is that of what it stands for.
            if of not in self.known:
                self.known[of] = self.evaluator.tangent(self.evaluator.meanings[of], None, self)
            return self.known[of]
        while self.heap and place is not None and self.heap[0][0] <= place:
            _, q = heapq.heappop(self.heap)
            if q == self.wrt or q in self.held:
                continue
            self.known[q] = self.push(q)
            if q in self.evaluator.given:
                domain, given = self.evaluator.domain, self.evaluator.given[q]
                self.carried.append(domain.product([self.known[q], given]))
            elif self.known[q] != self.evaluator.zero:
                self.spread(q)
        found = self.known.get(of, self.evaluator.zero)
        if self.carried and of == self.evaluator.graph.error:
            return self.evaluator.domain.sum([found, *self.carried])
        return found

    def push(self, q: Symbol) -> Any:
        evaluator = self.evaluator
        table = evaluator.index.terms(q)
        if table is None:
            return evaluator.tangent(evaluator.graph.definition(q), None, self)
        touched = {place: t for p in self.changed[q] for place, t in table.get(p, {}).items()}
        return evaluator.domain.sum([evaluator.tangent(t, None, self) for t in touched.values()])


def scaled(base: Expr, n: int) -> tuple[Rational, Expr]:
    """base^n as c·b^n with the numbers taken out: (x/√2)^2 is ½·x^2."""
    c: Rational = Rational(1)
    todo, rest = [(base, 1)], list[tuple[Expr, int]]()
    while todo:
        part, sign = todo.pop()
        value = number(part)
        if value is not None:
            c = cast(Rational, c * value ** (n * sign))
        elif isinstance(part, (Mul, Tight)):
            todo.extend((cast(Expr, a), sign) for a in part.args)
        elif isinstance(part, Frac):
            todo.extend([(cast(Expr, part.args[0]), sign), (cast(Expr, part.args[1]), -sign)])
        elif isinstance(part, Pow) and part.args[1] == Rational(1, 2) and n % 2 == 0 and number(
            cast(Expr, part.args[0])
        ) is not None:  # fmt: skip
            c = cast(Rational, c * cast(Rational, number(cast(Expr, part.args[0]))) ** (n // 2 * sign))
        else:
            rest.append((part, sign))
    if c == 1 and len(rest) != 1:
        return c, cast(Expr, Pow(base, n, evaluate=False))
    factors = [f if sign > 0 else cast(Expr, Pow(f, -1, evaluate=False)) for f, sign in rest[::-1]]
    whole = factors[0] if len(factors) == 1 else Mul(*factors, evaluate=False)
    return c, cast(Expr, Pow(whole, n, evaluate=False))


def _factors(product: Basic) -> Iterator[Basic]:
    """The factors of a product, those of products in it too: x·(-1.702)."""
    for factor in product.args:
        if isinstance(factor, (Mul, Tight)):
            yield from _factors(factor)
        else:
            yield factor


def exponents(u: Expr) -> list[tuple[Rational, Expr]]:
    """u as Σ c·v with rational c, so that e^(2a - b) is e^a twice over e^b."""
    parts: list[tuple[Rational, Expr]] = []
    todo: list[tuple[Rational, Expr]] = [(Rational(1), u)]
    while todo:
        c, v = todo.pop()
        if isinstance(v, Add):
            todo.extend((c, a) for a in v.args)
        elif isinstance(v, (Mul, Tight)):
            rest = []
            for a in _factors(v):
                n = a if isinstance(a, Rational) else getattr(a, "value", None)
                if isinstance(n, Rational):
                    c = cast(Rational, c * n)
                else:
                    rest.append(a)
            inner = cast(Expr, rest[0] if len(rest) == 1 else Mul(*cast(list[Expr], rest), evaluate=False))
            if isinstance(inner, (Add, Frac, Pow)):
                todo.append((c, inner))
            else:
                parts.append((c, inner))
        elif isinstance(v, Frac) and (n := number(cast(Expr, v.args[1]))) is not None:
            todo.append((cast(Rational, c / n), cast(Expr, v.args[0])))
        elif isinstance(v, Pow) and isinstance(v.args[1], Integer) and v.args[1] > 1:
            scale, base = scaled(cast(Expr, v.args[0]), int(v.args[1]))
            parts.append((cast(Rational, c * scale), base))
        elif isinstance(v, (Rational, Decimal, Numeral)):
            n = v if isinstance(v, Rational) else v.value
            parts.append((cast(Rational, c * n), cast(Expr, Rational(1))))
        else:
            parts.append((c, v))
    return parts
