"""f' written through y = f(x), found by elimination and not from a table.

f and f' are rational functions of one atom, mostly an exponential: with E = e^{-x} the sigmoid is
y = 1/(1 + E) and its derivative E/(1 + E)². Where y = f is linear in the atom it can be solved
for it, E = (1 - y)/y; put into f' and cancelled that leaves y(1 - y). A logarithm or an
arctangent around the rational function is inverted first. Everything happens in exact arithmetic
of rational functions over the rational numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from math import gcd
from typing import Any, cast

from sympy import QQ, Abs, Add, Expr, Mul, Piecewise, Pow, Rational, Symbol, expand
from sympy import atan as atan_
from sympy import cos as cos_
from sympy import cosh as cosh_
from sympy import exp as exp_
from sympy import log as log_
from sympy import sign as sign_
from sympy import sin as sin_
from sympy import sinh as sinh_
from sympy.core.relational import Gt
from sympy.polys.fields import FracElement, field

from backprop_symbolic.activations import formula_of
from backprop_symbolic.algebra import (
    ONE,
    TWO,
    ZERO,
    Call,
    Decimal,
    Frac,
    Tight,
    X,
    Y,
    add,
    contains,
    exp,
    mapped,
    mul,
    neg,
    number,
    plain,
    power,
    rebuild,
    replace,
)
from backprop_symbolic.cases import Case, Uncertain, cases, slopes


@dataclass(frozen=True, slots=True)
class Move:
    """One equation of an elimination and why it holds. `lhs` is None where it goes on from above."""

    lhs: Expr | None
    rhs: Expr
    rule: str


#: The names of the output and of the atom where a form is only used, not shown.
ATOM = Symbol("E")


def form(f: Expr, prime: Expr) -> Expr | None:
    """f' through y alone, or through y and x; None where none is found."""
    f, prime = opened(f), opened(prime)
    parts = cases(f)
    try:
        by_part = slopes(prime, parts)
    except Uncertain:
        return None
    found: list[Form] = []
    for part, slope in zip(parts, by_part, strict=True):
        one = eliminate(part.value, slope, Y, ATOM, moves=False)
        if one is None:
            return None
        found.append(one)
    return by_cases(found, parts) if found else None


@dataclass(frozen=True)
class Form:
    """f' in the output y and, where y alone was not enough, in x.

    expr   the form
    atom   the name of the atom with what it stands for, None where x itself is the atom
    moves  how it was found: the atom, y through it, solved, f' through it, put in, cancelled
    """

    expr: Expr
    atom: tuple[Symbol, Expr] | None
    moves: tuple[Move, ...]

    def named(self, name: Symbol) -> Form:
        """The same with another name for the atom."""
        if self.atom is None:
            return self
        new: dict[Expr, Expr] = {self.atom[0]: name}
        moves = (
            Move(None if m.lhs is None else replace(m.lhs, new), replace(m.rhs, new), m.rule)
            for m in self.moves
        )
        return Form(self.expr, (name, self.atom[1]), tuple(moves))

    @property
    def mixed(self) -> bool:
        """Whether x is still in it."""
        return contains(self.expr, X)


def eliminate(f: Expr, prime: Expr, y: Symbol, atom: Symbol, *, moves: bool = True) -> Form | None:
    """`prime`, the derivative of f in x, through y = f(x); the atom gets the name `atom`.

    Without `moves` the form alone is written out, not how it was found.

    f has no cases; `branches` takes those apart. None where no elimination is found. Among forms
    the one in y alone is preferred; one in x and y is accepted where it divides by nothing in x.
    """
    f, prime = opened(f), opened(prime)
    if f.has(Piecewise, Abs, sign_):
        return None
    try:
        mixed: Form | None = None
        for found in _Table((f, prime), y, atom, moves).forms():
            if found is not None and not found.mixed:
                return found
            mixed = mixed or found
    except (_NotRational, ZeroDivisionError):
        return None
    return mixed


def opened(expr: Expr) -> Expr:
    """`expr` with the formula of each activation, and with the exponentials of sinh and cosh."""

    def one(node: Expr) -> Expr | None:
        if isinstance(node, Call):
            return opened(replace(formula_of(node.name), {X: cast(Expr, node.args[1])}))
        if isinstance(node, (sinh_, cosh_)):
            u = opened(cast(Expr, node.args[0]))
            down = exp(neg(u))
            return Frac(add(exp(u), neg(down) if isinstance(node, sinh_) else down), TWO)
        return None

    return mapped(expr, one)


#: Atoms in which x stands. With more there is next to never a form, and the polynomials get long.
MAX_ATOMS = 3


class _NotRational(Exception):
    """Something that is no rational function of atoms."""


class _Table:
    """The atoms of some expressions, and the expressions as rational functions of them."""

    def __init__(self, exprs: tuple[Expr, Expr], y: Symbol, atom: Symbol, moves: bool) -> None:
        self.moves = moves
        self.y, self.atom = y, atom
        self.decimals = any(expr.has(Decimal) for expr in exprs)
        self.scales: dict[Expr, list[Rational]] = {}  # v → the c of every e^{c·v}
        self.opaque: dict[Expr, None] = {X: None}
        for expr in exprs:
            self.collect(expr)
        self.units = {v: _common(cs) for v, cs in self.scales.items()}
        moving = sum(contains(a, X) for a in (*self.units, *self.opaque))
        if moving > MAX_ATOMS:
            raise _NotRational(f"{moving} atoms: eliminating one would leave the others")
        self.basis: list[Expr] = [*(exp(_times(u, v)) for v, u in self.units.items()), *self.opaque]
        self.field, *generators = field([f"g{i}" for i in range(len(self.basis) + 2)], QQ)
        self.y_, self.z_ = generators[-2:]
        self.generators = dict(zip(self.basis, generators, strict=False))
        self.powers = dict(zip(self.units, generators, strict=False))
        self.f, self.prime = (self.rational(e) for e in exprs)

    # ------------------------------------------------------------ expressions to rational functions

    def collect(self, expr: Expr) -> None:
        """Every atom of `expr`."""
        if isinstance(expr, exp_):
            for v, c in _linear(cast(Expr, expr.args[0])).items():
                if isinstance(v, log_) and c.q == 1:
                    self.collect(cast(Expr, v.args[0]))
                else:
                    self.scales.setdefault(v, []).append(c)
        elif isinstance(expr, (Add, Mul, Tight, Frac)) or _whole_power(expr):
            for arg in expr.args if not _whole_power(expr) else expr.args[:1]:
                self.collect(cast(Expr, arg))
        elif number(expr) is None:
            self.opaque[_key(expr)] = None
            if isinstance(expr, (log_, atan_)):
                self.collect(cast(Expr, expr.args[0]))

    def rational(self, expr: Expr) -> FracElement:
        """`expr` as an element of the field."""
        top, bottom = self.ratio(expr)
        if not bottom:
            raise _NotRational("division by zero")
        return cast(FracElement, self.field.new(top, bottom))

    def ratio(self, expr: Expr) -> tuple[Any, Any]:
        """`expr` as one polynomial over another, not reduced: reducing once, at the end, is cheaper."""
        one = self.field.ring.one
        value = number(expr)
        if value is not None:
            return one * QQ(int(value.p), int(value.q)), one
        if isinstance(expr, Add):
            top, bottom = one * 0, one
            for term in expr.args:
                p, q = self.ratio(term)
                top, bottom = (top + p, q) if q == bottom else (top * q + p * bottom, bottom * q)
            return top, bottom
        if isinstance(expr, (Mul, Tight)):
            top, bottom = one, one
            for factor in expr.args:
                p, q = self.ratio(cast(Expr, factor))
                top, bottom = top * p, bottom * q
            return top, bottom
        if isinstance(expr, Frac):
            (p, q), (r, s) = (self.ratio(cast(Expr, a)) for a in expr.args)
            return p * s, q * r
        if _whole_power(expr):
            n = int(cast(Rational, number(cast(Expr, expr.args[1]))))
            return self.raised(self.ratio(cast(Expr, expr.args[0])), n)
        if isinstance(expr, exp_):
            top, bottom = one, one
            for v, c in _linear(cast(Expr, expr.args[0])).items():
                if isinstance(v, log_) and c.q == 1:
                    p, q = self.raised(self.ratio(cast(Expr, v.args[0])), int(c))
                else:
                    p, q = self.raised((self.powers[v].numer, one), int(c / self.units[v]))
                top, bottom = top * p, bottom * q
            return top, bottom
        found = self.generators.get(_key(expr))
        if found is None:
            raise _NotRational(str(expr))
        return found.numer, one

    def raised(self, ratio: tuple[Any, Any], n: int) -> tuple[Any, Any]:
        """(p/q)^n."""
        top, bottom = ratio if n >= 0 else ratio[::-1]
        return top ** abs(n), bottom ** abs(n)

    # ------------------------------------------------------------ elimination

    def forms(self) -> Iterator[Form | None]:
        """What each way yields: an inverse around the whole, each exponential, x itself."""
        if not any(_degree(self.prime, g) for g in self.generators.values()):
            yield Form(self.expr(self.prime, {}), None, ())
            return
        for around in self.basis:
            if isinstance(around, (log_, atan_)) and _degree(self.f, self.generators[around]):
                yield self.inverted(around)
        for v in self.units:
            yield self.solved(self.powers[v], exp(_times(self.units[v], v)))
        for other in self.opaque:
            if other != X and contains(other, X):
                yield self.solved(self.generators[other], other)
        yield self.solved(self.generators[X], None)

    def solved(self, g: Any, meaning: Expr | None) -> Form | None:
        """From y = f, linear in the atom g."""
        if not _degree(self.f, g):
            return None
        f, prime, times = self.reduced(g, self.f, self.prime)
        root = _mobius(f, g, self.y_)
        if root is None:
            return None
        result = _put(prime, g, root)
        if not self.accepted(result, g) or (
            times > 1 and meaning is not None and not isinstance(meaning, exp_)
        ):
            return None
        if not self.moves:
            return Form(self.expr(result, {}), None, ())
        if meaning is None:
            inside: dict[Any, Expr] = {g: X}
            first: tuple[Move, ...] = ()
            named: tuple[Symbol, Expr] | None = None
        else:
            scaled = exp(_scaled(cast(Expr, meaning.args[0]), times)) if times > 1 else meaning
            inside, named = {g: self.atom}, (self.atom, scaled)
            first = (Move(self.atom, scaled, "atom"),)
        solved = self.expr(root, inside)
        through = self.expr(prime, inside)
        put = replace(through, {inside[g]: solved})
        form = self.expr(result, inside)
        moves = (
            *first,
            Move(self.y, self.expr(f, inside), "through_atom"),
            Move(inside[g], solved, "solved"),
            Move(PRIME_SIGN, through, "through_atom"),
            *(Move(None, e, rule) for e, rule in ((put, "put_in"), (form, "cancelled")) if e != through),
        )
        return Form(form, named, _without_repeats(moves))

    def inverted(self, around: Expr) -> Form | None:
        """From y = c·ln h + d, so h = e^{(y - d)/c}; or the same with the arctangent."""
        outer = self.generators[around]
        root = _mobius(self.f, outer, self.y_)
        if root is None or _degree(self.prime, outer) or set(_used(root, self.field)) - {self.y_}:
            return None
        h = self.rational(opened(cast(Expr, around.args[0])))
        candidates = [(self.powers[v], exp(_times(self.units[v], v))) for v in self.units]
        for g, meaning in (*candidates, (self.generators[X], X)):
            if not _degree(h, g):
                continue
            h_, prime, times = self.reduced(g, h, self.prime)
            back = _mobius(h_, g, self.z_)
            if back is None:
                continue
            result = _put(prime, g, back)
            if any(u != self.z_ for u in _used(result, self.field)):
                continue
            return self.through_inverse(around, root, g, meaning, times, h_, prime, back, result)
        return None

    def through_inverse(
        self,
        around: Expr,
        root: Any,
        g: Any,
        meaning: Expr,
        times: int,
        h: Any,
        prime: Any,
        back: Any,
        result: Any,
    ) -> Form:
        """The moves of `inverted`: E, y, its inverse, E through y, f' through y."""
        if meaning == X:
            inside: dict[Any, Expr] = {g: X}
            named: tuple[Symbol, Expr] | None = None
            first: tuple[Move, ...] = ()
        else:
            scaled = exp(_scaled(cast(Expr, meaning.args[0]), times))
            inside, named = {g: self.atom}, (self.atom, scaled)
            first = (Move(self.atom, scaled, "atom"),)
        name = inside[g]
        argument = self.expr(root, {})
        through = self.expr(prime, inside)
        if isinstance(around, atan_):
            ratio = Frac(
                cast(Expr, sin_(argument, evaluate=False)), cast(Expr, cos_(argument, evaluate=False))
            )
            solved = self.expr(back, {self.z_: ratio})
            form = _by_cosine(result, self.z_, argument) or self.expr(result, {self.z_: ratio})
            moves = (
                *first,
                Move(self.expr(h, inside), ratio, "inverse_atan"),
                Move(name, solved, "solved"),
                Move(PRIME_SIGN, through, "through_atom"),
                Move(None, replace(through, {name: solved}), "put_in"),
                Move(None, form, "pythagoras"),
            )
        else:
            inside[self.z_] = exp(argument)
            solved = self.expr(back, inside)
            form = self.expr(result, inside)
            moves = (
                *first,
                Move(exp(argument), self.expr(h, inside), "inverse_log"),
                Move(name, solved, "solved"),
                Move(PRIME_SIGN, through, "through_atom"),
                Move(None, replace(through, {name: solved}), "put_in"),
                Move(None, form, "cancelled"),
            )
        return Form(form, named, _without_repeats(moves))

    def reduced(self, g: Any, f: Any, prime: Any) -> tuple[Any, Any, int]:
        """f and f' in g^n, where g occurs in n-th powers only; and n."""
        index = self.field.gens.index(g)
        found = [m[index] for e in (f, prime) for p in (e.numer, e.denom) for m in p.monoms()]
        n = reduce(gcd, found, 0)
        if n < 2:
            return f, prime, 1

        def lower(p: Any) -> Any:
            ring = p.ring
            return ring.from_dict({(*m[:index], m[index] // n, *m[index + 1 :]): c for m, c in p.items()})

        return (
            self.field.new(lower(f.numer), lower(f.denom)),
            self.field.new(lower(prime.numer), lower(prime.denom)),
            n,
        )

    def accepted(self, result: Any, g: Any) -> bool:
        """Whether only y is left, or y and x with no division by anything in x."""
        used = _used(result, self.field)
        x = self.generators[X]
        constants = {self.generators[a] for a in self.opaque if not contains(a, X)}
        if set(used) - {self.y_, x} - constants:
            return False
        below = [u for u in used if _degree_in(result.denom, self.field.gens.index(u))]
        return x not in used or (g != x and not below)

    # ------------------------------------------------------------ back to what is written

    def expr(self, value: Any, inside: Mapping[Any, Expr]) -> Expr:
        """A rational function as a person writes it: 1 - y, y(1 - y), (1 - y)²."""
        names: dict[Any, Expr] = {g: a for a, g in self.generators.items()}
        names[self.y_] = self.y
        names.update(inside)
        written = [names.get(g, ONE) for g in self.field.gens]
        return _Writer(written, self.decimals).fraction(value.numer, value.denom)


#: Stands for f' on the left of a move; who shows the moves puts dy/dx there.
PRIME_SIGN = Symbol("f'")


def _without_repeats(moves: tuple[Move, ...]) -> tuple[Move, ...]:
    """Without a move that says of x, or of what stands above it, what is plain: x = x."""
    kept: list[Move] = []
    for move in moves:
        if move.lhs == move.rhs:
            continue
        if kept and kept[-1].rhs == move.rhs and move.lhs in (None, kept[-1].lhs):
            continue
        kept.append(move)
    return tuple(kept)


# ---------------------------------------------------------------- cases


def by_cases(found: list[Form], parts: tuple[Case, ...]) -> Expr:
    """The forms of all cases as one formula; (1 - y)² and (1 + y)² for x > 0 and below are (1 - |y|)²."""
    values = [form.expr for form in found]
    if len(parts) == 2 and parts[0].condition == Gt(X, ZERO, evaluate=False):
        up, down = (plain(value) for value in values)
        odd = plain(parts[0].value) + plain(parts[1].value).subs(X, -X) == 0
        if odd and up != down and up.subs(Y, -Y) == down:
            return replace(values[0], {Y: cast(Expr, Abs(Y, evaluate=False))})
    if all(value == values[0] for value in values):
        return values[0]
    pairs = [(value, part.condition) for value, part in zip(values, parts, strict=True)]
    return cast(Expr, Piecewise(*pairs, evaluate=False))


# ---------------------------------------------------------------- small algebra


def _whole_power(expr: Expr) -> bool:
    if not isinstance(expr, Pow) or isinstance(expr, exp_):
        return False
    n = number(cast(Expr, expr.args[1]))
    return n is not None and n.q == 1


def _key(expr: Expr) -> Expr:
    """What stands for an atom: its argument as evaluated SymPy, the function left alone.

    To evaluate log(1 + e^x) SymPy would first ask what is known of its sign, which takes long.
    """
    if not expr.args:
        return expr
    args = tuple(plain(a) if isinstance(a, Expr) else a for a in expr.args)
    return cast(Expr, rebuild(expr, args))


def _linear(u: Expr) -> dict[Expr, Rational]:
    """u as Σ c·v: v → c; nothing for u = 0, as in x - x."""
    found = expand(plain(u)).as_coefficients_dict()
    return cast(dict[Expr, Rational], {v: c for v, c in found.items() if c != 0})


def _common(cs: list[Rational]) -> Rational:
    """The greatest rational of which all of `cs` are whole multiples, with the sign of the first."""
    top = reduce(gcd, (abs(int(c.p)) for c in cs))
    bottom = reduce(lambda a, b: a * b // gcd(a, b), (int(c.q) for c in cs))
    return cast(Rational, Rational(top, bottom) * (1 if cs[0] > 0 else -1))


def _times(c: Rational, v: Expr) -> Expr:
    """c·v as written: -x, 2x."""
    if v == ONE:
        return cast(Expr, c)
    if c == 1:
        return v
    return neg(v) if c == -1 else neg(mul(cast(Expr, -c), v)) if c < 0 else mul(cast(Expr, c), v)


def _scaled(u: Expr, n: int) -> Expr:
    """n·u for an exponent made by `_times`."""
    ((v, c),) = _linear(u).items()
    return _times(cast(Rational, c * n), v)


def _degree_in(poly: Any, index: int) -> int:
    return max((m[index] for m in poly.monoms()), default=0)


def _degree(value: Any, g: Any) -> int:
    index = value.field.gens.index(g)
    return max(_degree_in(value.numer, index), _degree_in(value.denom, index))


def _used(value: Any, of: Any) -> list[Any]:
    return [g for g in of.gens if _degree(value, g)]


def _split(poly: Any, index: int) -> tuple[Any, Any]:
    """p = a·g + b: the parts a and b."""
    ring = poly.ring
    a = {(*m[:index], 0, *m[index + 1 :]): c for m, c in poly.items() if m[index] == 1}
    b = {m: c for m, c in poly.items() if m[index] == 0}
    return ring.from_dict(a), ring.from_dict(b)


def _mobius(f: Any, g: Any, y: Any) -> Any | None:
    """g from y = f = (a·g + b)/(c·g + d): g = (b - d·y)/(c·y - a). None where f is not of this kind."""
    index = f.field.gens.index(g)
    if _degree_in(f.numer, index) > 1 or _degree_in(f.denom, index) > 1:
        return None
    (a, b), (c, d) = _split(f.numer, index), _split(f.denom, index)
    bottom = c * y.numer - a
    return f.field.new(b - d * y.numer, bottom) if bottom else None


def _put(value: Any, g: Any, root: Any) -> Any:
    """`value` with `root` in the place of g."""
    index = value.field.gens.index(g)

    def evaluated(poly: Any) -> tuple[Any, int]:
        """The polynomial at root, times root's denominator to the degree; and the degree."""
        degree = _degree_in(poly, index)
        by_power: dict[int, dict[Any, Any]] = {}
        for m, c in poly.items():
            by_power.setdefault(m[index], {})[(*m[:index], 0, *m[index + 1 :])] = c
        total = poly.ring.zero
        for k, terms in by_power.items():
            total += poly.ring.from_dict(terms) * root.numer**k * root.denom ** (degree - k)
        return total, degree

    (top, over), (bottom, under) = evaluated(value.numer), evaluated(value.denom)
    if not bottom:
        raise ZeroDivisionError
    shift = under - over
    return value.field.new(top * root.denom ** max(shift, 0), bottom * root.denom ** max(-shift, 0))


def _by_cosine(value: Any, z: Any, u: Expr) -> Expr | None:
    """c·z^k/(1 + z²)^n with z = tan u as c·sin^k u·cos^(2n - k) u."""
    index = value.field.gens.index(z)
    n = _degree_in(value.denom, index) // 2
    rest = value * (1 + z**2) ** n
    if n == 0 or not rest.denom.is_ground or len(rest.numer) != 1:
        return None
    ((monom, c),) = rest.numer.terms()
    k = monom[index]
    if sum(monom) != k or k > 2 * n:
        return None
    ratio = c / rest.denom.LC
    number_ = cast(Expr, Rational(int(ratio.numerator), int(ratio.denominator)))
    factors: list[Expr] = [] if number_ == 1 else [number_]
    for function, exponent in ((sin_, k), (cos_, 2 * n - k)):
        if exponent:
            f = cast(Expr, function(u, evaluate=False))
            factors.append(f if exponent == 1 else power(f, cast(Expr, Rational(exponent))))
    return mul(*factors)


# ---------------------------------------------------------------- polynomials as written


class _Writer:
    """Rational functions as a person writes them; `names` are what the generators stand for."""

    def __init__(self, names: list[Expr], decimals: bool) -> None:
        self.names, self.decimals = names, decimals
        # In a product x stands before every other name, and a function such as ln 2 last.
        self.order = sorted(range(len(names)), key=lambda i: (names[i] != X, not _short(names[i]), i))

    def number(self, value: Any) -> Expr:
        """A number; as a decimal fraction where the formula is written with some."""
        r = Rational(int(value.numerator), int(value.denominator))
        q = int(r.q)
        while q % 2 == 0:
            q //= 2
        while q % 5 == 0:
            q //= 5
        return Decimal(r) if self.decimals and q == 1 and r.q != 1 else cast(Expr, r)

    def fraction(self, top: Any, bottom: Any) -> Expr:
        """top/bottom; over a power of an exponential it is split, so that 1 - e^{-y} results."""
        if _leading(bottom) < 0:
            top, bottom = -top, -bottom
        if self.decimals:
            content = bottom.content()
            top, bottom = top.mul_ground(1 / content), bottom.mul_ground(1 / content)
        if len(bottom) == 1:
            ((monom, c),) = bottom.terms()
            lowers = [i for i, m in enumerate(monom) if m]
            if not lowers:
                return self.factored(top.mul_ground(1 / c))
            if all(isinstance(self.names[i], exp_) for i in lowers):
                terms = {tuple(a - b for a, b in zip(m, monom, strict=True)): v / c for m, v in top.items()}
                return self.polynomial(terms)
        over, under = self.factored(top), self.factored(bottom)
        if isinstance(over, Mul) and over.args[0] == -1:
            return neg(Frac(mul(*over.args[1:]), under))
        return Frac(over, under)

    def factored(self, poly: Any) -> Expr:
        """c·y·(1 - y)²: the number and what all terms share in front, the rest as a power where it is one."""
        if len(poly) < 2:
            return self.polynomial(dict(poly.items()))
        low = tuple(min(m[i] for m in poly.monoms()) for i in range(len(self.names)))
        rest = poly.ring.from_dict(
            {tuple(a - b for a, b in zip(m, low, strict=True)): c for m, c in poly.items()}
        )
        # A power of a sum has three terms at least.
        content, pieces = rest.sqf_list() if len(rest) > 2 else (QQ(1), [(rest, 1)])
        if len(pieces) == 1 and pieces[0][1] > 1:
            base, n = pieces[0]
            base = -base if _leading(base) < 0 else base
            factor = power(self.polynomial(dict(base.items())), cast(Expr, Rational(n)))
        else:
            content = rest.content() * (-1 if all(c < 0 for c in rest.values()) else 1)
            base = rest.mul_ground(1 / content)
            if not any(low) and any(abs(c) != 1 for c in base.values()):
                return self.polynomial(dict(rest.items()))
            factor = self.polynomial(dict(base.items()))
        shared = self.powers(low)
        if abs(content) != 1:
            shared.insert(0, self.number(abs(content)))
        whole = [*shared, factor]
        result = _product(whole)
        return neg(result) if content < 0 else result

    def polynomial(self, terms: Mapping[tuple[int, ...], Any]) -> Expr:
        """Σ c·y^k, lowest power first, but a positive term before the first negative one."""
        if not terms:
            return ZERO
        order = sorted(terms, key=lambda m: (sum(abs(k) for k in m), tuple(-k for k in m)))
        if terms[order[0]] < 0:
            first = next((m for m in order if terms[m] > 0), order[0])
            order.remove(first)
            order.insert(0, first)
        return add(*(self.term(terms[m], m) for m in order))

    def term(self, c: Any, monom: tuple[int, ...]) -> Expr:
        """c·y^k."""
        factors = self.powers(monom)
        if abs(c) != 1 or not factors:
            factors.insert(0, self.number(abs(c)))
        shown = _product(factors)
        return neg(shown) if c < 0 else shown

    def powers(self, monom: tuple[int, ...]) -> list[Expr]:
        """The factors of a product of powers."""
        factors: list[Expr] = []
        for i in self.order:
            name, k = self.names[i], monom[i]
            if isinstance(name, exp_) and k:
                found = {v: cast(Rational, c * k) for v, c in _linear(cast(Expr, name.args[0])).items()}
                factors.append(exp(add(*(_times(c, v) for v, c in found.items()))))
            elif k:
                factors.append(name if k == 1 else power(name, cast(Expr, Rational(k))))
        return factors


def _short(name: Expr) -> bool:
    """Whether `name` is a name, or a power of e, and no function that needs a dot before it."""
    return isinstance(name, (Symbol, exp_)) or name == ONE


def _product(factors: list[Expr]) -> Expr:
    """The product without dots: 2xy; with them where a function is among the factors: y·ln 2."""
    if len(factors) == 1:
        return factors[0]
    plain_ = all(_short(f) or number(f) is not None or isinstance(f, (Add, Pow)) for f in factors)
    return Tight(*factors) if plain_ else mul(*factors)


def _leading(poly: Any) -> Any:
    """The coefficient of the term of lowest degree."""
    return poly[min(poly.monoms(), key=lambda m: (sum(m), m))]
