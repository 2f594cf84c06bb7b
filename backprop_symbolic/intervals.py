"""Interval arithmetic: [a, b] that surely holds every value a formula takes.

Floating point with outward rounding: after each operation the ends move one float outwards, after
a function of the C library by `SLACK` floats, more than its known error. What a comparison of two
such intervals says about the numbers inside is therefore proved, up to the library's accuracy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

INF = math.inf
SLACK = 8  # floats that a function of the C library is trusted within


@dataclass(frozen=True, slots=True)
class Interval:
    """[low, high]; an end may be infinite. What is not known at all is [-∞, ∞]."""

    low: float
    high: float

    def __add__(self, other: Interval) -> Interval:
        return _outward(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval) -> Interval:
        return _outward(self.low - other.high, self.high - other.low)

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __mul__(self, other: Interval) -> Interval:
        products = [_times(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        return _outward(min(products), max(products))

    def __truediv__(self, other: Interval) -> Interval:
        if other.low <= 0 <= other.high:
            return EVERYTHING
        inverse = _outward(1 / other.high, 1 / other.low)
        return self * inverse

    def __pow__(self, n: int) -> Interval:
        """x^n for a whole n ≥ 0."""
        if n == 0:
            return Interval(1.0, 1.0)
        ends = (_raised(self.low, n), _raised(self.high, n))
        low, high = min(ends), max(ends)
        if n % 2 == 0 and self.low <= 0 <= self.high:
            low = 0.0
        found = _outward(low, high, SLACK)
        return Interval(max(found.low, 0.0), found.high) if n % 2 == 0 else found

    @property
    def sign(self) -> int:
        """1 or -1 where every number in it has this sign, else 0."""
        return 1 if self.low > 0 else -1 if self.high < 0 else 0

    @property
    def width(self) -> float:
        return self.high - self.low

    @property
    def middle(self) -> float:
        return self.low / 2 + self.high / 2

    def meet(self, other: Interval) -> Interval:
        """What lies in both; both are known to hold one number, so it is not empty."""
        return Interval(max(self.low, other.low), min(self.high, other.high))

    def magnitude(self) -> Interval:
        """|x| for x inside."""
        if self.low >= 0:
            return self
        return -self if self.high <= 0 else Interval(0.0, max(-self.low, self.high))


EVERYTHING = Interval(-INF, INF)


def point(value: float) -> Interval:
    """The number itself."""
    return Interval(value, value)


def around(value: float) -> Interval:
    """A number known to the nearest float."""
    return _outward(value, value)


def increasing(function: Callable[[float], float], u: Interval) -> Interval:
    """f([a, b]) = [f(a), f(b)] for an increasing f of the C library."""
    return _outward(_safe(function, u.low), _safe(function, u.high), SLACK)


def exp(u: Interval) -> Interval:
    """e^u, never below 0."""
    found = increasing(math.exp, u)
    return Interval(max(found.low, 0.0), found.high)


def log(u: Interval) -> Interval:
    """ln u; where u may reach 0, without a lower end."""
    if u.high <= 0:
        return EVERYTHING
    low = -INF if u.low <= 0 else increasing(math.log, point(u.low)).low
    return Interval(low, increasing(math.log, point(u.high)).high)


def sqrt(u: Interval) -> Interval:
    """√u, never below 0."""
    if u.high < 0:
        return EVERYTHING
    found = increasing(math.sqrt, Interval(max(u.low, 0.0), u.high))
    return Interval(max(found.low, 0.0), found.high)


def sin(u: Interval) -> Interval:
    """sin u, by the places of its maxima and minima."""
    return cos(u - _HALF_PI)


def cos(u: Interval) -> Interval:
    """cos u, by the places of its maxima and minima."""
    if not u.width < 6 or max(abs(u.low), abs(u.high)) > 1e6:
        return Interval(-1.0, 1.0)
    ends = math.cos(u.low), math.cos(u.high)
    low, high = min(ends) - 1e-14, max(ends) + 1e-14
    first, last = u.low / math.pi - 1e-9, u.high / math.pi + 1e-9
    for k in range(math.ceil(first), math.floor(last) + 1):
        low, high = (low, 1.0) if k % 2 == 0 else (-1.0, high)
    return Interval(max(low, -1.0), min(high, 1.0))


def hull(parts: list[Interval]) -> Interval:
    """The smallest interval that holds all of them."""
    return Interval(min(p.low for p in parts), max(p.high for p in parts))


def _outward(low: float, high: float, floats: int = 1) -> Interval:
    """The ends moved outwards. What is no number was ∞ - ∞: nothing is known there."""
    a = -INF if math.isnan(low) else math.nextafter(low, -INF)
    b = INF if math.isnan(high) else math.nextafter(high, INF)
    if floats > 1 and math.isfinite(a) and math.isfinite(b):
        a, b = a - floats * math.ulp(a), b + floats * math.ulp(b)
    # An end that overflowed to the wrong side of the other is the largest float, not ∞.
    return Interval(min(a, _LARGEST), max(b, -_LARGEST))


def _times(a: float, b: float) -> float:
    """a·b with 0·∞ = 0: an end at ∞ stands for numbers that are finite."""
    return 0.0 if a == 0 or b == 0 else a * b


def _raised(base: float, n: int) -> float:
    try:
        return base**n
    except OverflowError:
        return -INF if base < 0 and n % 2 else INF


def _safe(function: Callable[[float], float], value: float) -> float:
    try:
        return function(value)
    except OverflowError:
        return INF


_LARGEST = 1.7976931348623157e308
_HALF_PI = _outward(math.pi / 2, math.pi / 2)
