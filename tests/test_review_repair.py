"""Probable mistakes: every usual slip is found as a repair that holds, shown in the reader's own symbols."""

from __future__ import annotations

import cmath
from functools import cache
from itertools import pairwise
from typing import Any
from zlib import crc32

import faults
import pytest

from backprop_symbolic.review import grammar, repair, sources
from backprop_symbolic.review.splice import Written, outer
from backprop_symbolic.review.tree import (
    Applied,
    Beside,
    Cases,
    Derivative,
    Name,
    Node,
    Number,
    Power,
    Primed,
    Product,
    Quotient,
    Root,
    Row,
    Statement,
    Sum,
)
from backprop_symbolic.wording import messages


def statement(text: str) -> Statement:
    """A row as it is read."""
    found = grammar.parse(Row("R1", text, tuple((1, i + 1) for i in range(len(text) + 1)), 1))
    assert isinstance(found, Statement), found
    return found


# ---------------------------------------------------------------- numbers for what was written


@cache
def drawn(*what: object) -> float:
    """A number between 1 and 2 that hangs on what is asked for alone."""
    return 1 + (crc32(repr(what).encode()) % 1_000_003) / 1_000_003


class World:
    """Numbers for names, and for derivatives what is said of them."""

    def __init__(self, said: dict[str, str] | None = None) -> None:
        self.said: dict[Node, Node] = {}
        for left, right in (said or {}).items():
            sides = statement(f"{left} = {right}").relations[0].sides
            self.said[sides[0]] = sides[1]  # type: ignore[index,assignment]

    def __call__(self, node: Any) -> complex:
        """What a tree comes to."""
        if node in self.said:
            return self(self.said[node])
        if isinstance(node, Number):
            return complex(node.value)
        if isinstance(node, Name):
            return cmath.e if node.base == "e" and not node.sub else drawn(node.key, node.tense)
        if isinstance(node, Sum):
            return sum((sign * self(term) for sign, term in node.terms), 0j)
        if isinstance(node, Product):
            found = 1 + 0j
            for factor in node.factors:
                found *= self(factor)
            return found
        if isinstance(node, Beside):
            return self(node.name) * self(node.inside)
        if isinstance(node, Quotient):
            return self(node.top) / self(node.bottom)
        if isinstance(node, Power):
            return self(node.base) ** self(node.exponent)
        if isinstance(node, Root):
            return cmath.sqrt(self(node.body))
        if isinstance(node, Applied):
            return drawn(node.function.key, node.primes) * self(node.argument) ** 2 + 1
        if isinstance(node, Derivative):
            if isinstance(node.of, Name):
                return complex(drawn("d", node.of.key, node.by.key))
            return self(node.of) * drawn("by", node.by.key)
        if isinstance(node, Primed):
            return self(node.body) * drawn("primed")
        if isinstance(node, Cases):
            return sum((drawn("case", i) * self(value) for i, (value, _) in enumerate(node.rows)), 0j)
        raise AssertionError(node)

    def holds(self, left: Node, right: Node) -> bool:
        a, b = self(left), self(right)
        return abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))


# ---------------------------------------------------------------- one slip each

SAID = {
    r"\frac{dE}{dy_{o1}}": r"y_{o1} - y_{t1}",
    r"\frac{dy_{o1}}{dnet_{3}}": r"y_{o1}(1 - y_{o1})",
    r"\frac{dnet_{3}}{dw_{31}}": r"y_{h1}",
    r"\frac{dnet_{3}}{dw_{32}}": r"y_{h2}",
    r"\frac{dnet_{3}}{dy_{h1}}": r"w_{31}",
    r"\frac{dnet_{4}}{dy_{h1}}": r"w_{41}",
    r"\frac{dE}{dnet_{3}}": r"(y_{o1} - y_{t1}) \cdot y_{o1}(1 - y_{o1})",
    r"\frac{dE}{dw_{31}}": r"(y_{o1} - y_{t1}) \cdot y_{o1}(1 - y_{o1}) \cdot y_{h1}",
    r"\frac{dE}{dy_{h1}}": r"\delta_{o1} \cdot w_{31} + \delta_{o2} \cdot w_{41}",
    r"\frac{dE}{dw_{11}}": r"(\delta_{o1} \cdot w_{31} + \delta_{o2} \cdot w_{41}) \cdot y_{h1}(1 - y_{h1}) \cdot x_{1}",
}
NAMES = r"w_{13} + y_{o2} + y_{t2} + y_{h2} + x_{2} + w_{32} + w_{42} + E_{o1}^{new} + w_{31}^{new} = 0"

CASES = (
    (r"\frac{dE}{dy_{o1}}", r"y_{t1} - y_{o1}", "turned", r"y_{o1} - y_{t1}"),
    (r"\frac{dE}{dy_{o1}}", r"-(y_{o1} - y_{t1})", "sign", r"(y_{o1} - y_{t1})"),
    (r"\frac{dE}{dy_{o1}}", r"y_{o1} + y_{t1}", "sign", r"y_{o1} - y_{t1}"),
    (
        r"\frac{dE}{dnet_{3}}",
        r"(y_{o1} - y_{t1}) \cdot y_{o1}(1 + y_{o1})",
        "sign",
        r"(y_{o1} - y_{t1}) \cdot y_{o1}(1 - y_{o1})",
    ),
    (r"\frac{dE}{dnet_{3}}", r"y_{o1}-y_{t1}", "lost_slope", r"(y_{o1}-y_{t1}) \cdot y_{o1} (1 - y_{o1})"),
    (
        r"\frac{dE}{dw_{31}}",
        r"(y_{o1} - y_{t1}) \cdot y_{o1}(1 - y_{o1})",
        "lost_factor",
        r"(y_{o1} - y_{t1}) \cdot y_{o1}(1 - y_{o1}) \cdot y_{h1}",
    ),
    (
        r"\frac{dE}{dw_{31}}",
        r"(y_{o1} - y_{t1}) \cdot y_{o1}(1 - y_{o1}) \cdot y_{h2}",
        "index",
        r"(y_{o1} - y_{t1}) \cdot y_{o1}(1 - y_{o1}) \cdot y_{h1}",
    ),
    (
        r"\frac{dE}{dnet_{3}}",
        r"(y_{01} - y_{t1}) \cdot y_{o1}(1 - y_{o1})",
        "index",
        r"(y_{o1} - y_{t1}) \cdot y_{o1}(1 - y_{o1})",
    ),
    (r"\frac{dnet_{3}}{dy_{h1}}", "w_{13}", "transposed", "w_{31}"),
    (r"\frac{dnet_{3}}{dy_{h1}}", "w_{31}^{new}", "updated", "w_{31}"),
    (r"\frac{dnet_{3}}{dy_{h1}}", r"w_{31} \cdot y_{h1}", "extra_factor", "w_{31}"),
    (
        r"\frac{dE}{dy_{h1}}",
        r"\delta_{o1} \cdot w_{31}",
        "lost_path",
        r"\delta_{o1} \cdot w_{31} + \delta_{o2} \cdot w_{41}",
    ),
    (
        r"\frac{dE}{dw_{11}}",
        r"\delta_{o1} \cdot w_{31} \cdot y_{h1}(1 - y_{h1}) \cdot x_{1}",
        "lost_path",
        r"(\delta_{o1} \cdot w_{31} + \delta_{o2} \cdot w_{41}) \cdot y_{h1}(1 - y_{h1}) \cdot x_{1}",
    ),
    (
        r"\frac{dE}{dy_{h1}}",
        r"\delta_{o1} \cdot w_{31} + \delta_{o2} \cdot w_{41} + 1",
        "extra_term",
        r"\delta_{o1} \cdot w_{31} + \delta_{o2} \cdot w_{41}",
    ),
    (r"\frac{dE}{dy_{o1}}", r"\frac{1}{2}(y_{o1} - y_{t1})", "extra_factor", r"(y_{o1} - y_{t1})"),
    (r"\frac{dE}{dy_{o1}}", r"2 (y_{o1} - y_{t1})", "extra_factor", r"(y_{o1} - y_{t1})"),
    (r"\frac{dE}{dy_{o1}}", r"(y_{o1} - y_{t1})^{2}", "exponent", r"(y_{o1} - y_{t1})"),
    (
        r"\frac{dE}{dw_{31}}",
        r"\frac{dE}{dy_{o1}} \cdot \frac{dy_{o1}}{dnet_{3}} \cdot \frac{dnet_{3}}{dw_{32}}",
        "derivative",
        r"\frac{dE}{dy_{o1}} \cdot \frac{dy_{o1}}{dnet_{3}} \cdot \frac{dnet_{3}}{dw_{31}}",
    ),
)


@pytest.fixture(scope="module")
def known() -> repair.Vocabulary:
    rows = [f"{left} = {right}" for left, right in SAID.items()]
    return repair.vocabulary([statement(text) for text in (*rows, NAMES)])


@pytest.mark.parametrize(
    ("left", "right", "kind", "meant"), CASES, ids=[f"{c[2]}-{i}" for i, c in enumerate(CASES)]
)
def test_a_slip_is_named_and_repaired_in_the_readers_own_symbols(left, right, kind, meant, known):
    """The repair is what was written with the change, and nothing else."""
    text = f"{left} = {right}"
    one, other = statement(text).relations[0].sides
    found = repair.probable(Written(one, text), Written(other, text), known, World(SAID).holds)
    assert found is not None
    assert found.said.key == f"review.mistake_{kind}"
    assert (found.side, found.text.strip()) == (repair.RIGHT, meant)


def test_the_derivative_on_the_left_may_be_what_is_wrong(known):
    """dy_{o1}/dnet_3 = y_{h1}, where dnet_3/dw_31 is meant; not where the left side stands in another row."""
    text = r"\frac{dy_{o1}}{dnet_{3}} = y_{h1}"
    one, other = statement(text).relations[0].sides
    sides = Written(one, text), Written(other, text)
    found = repair.probable(*sides, known, World(SAID).holds)
    assert found is not None
    assert (found.side, found.text) == (repair.LEFT, r"\frac{dnet_{3}}{dw_{31}}")
    assert found.said.key == "review.mistake_derivative"
    alone = repair.probable(*sides, known, World(SAID).holds, left_too=False)
    assert alone is None or alone.side == repair.RIGHT


def test_what_no_usual_slip_explains_stays_unexplained(known):
    """Never a guess."""
    text = r"\frac{dE}{dy_{o1}} = w_{31}^{3} + x_{1} y_{h2} + 7"
    one, other = statement(text).relations[0].sides
    assert repair.probable(Written(one, text), Written(other, text), known, World(SAID).holds) is None


@pytest.mark.parametrize("seed", range(4))
def test_what_is_shown_is_what_was_judged(seed):
    """Every repair that is tried reads, as text, as the tree that is judged."""
    source = faults.source(seed, numbers=False)
    rows = sources.read(source.written(), source.name)
    statements = grammar.parse_all(rows)
    known, world = repair.vocabulary(statements), World()
    tried = 0
    for found in statements:
        assert isinstance(found, Statement)
        for relation in found.relations:
            sides = [s for s in relation.sides if s is not None]
            for one, other in pairwise(sides):
                text = found.row.text
                side = Written(other, text)
                for i, (said, change) in enumerate(repair.repairs(side, Written(one, text), known)):
                    if i % 7 == seed:  # some of each kind
                        shown = change.applied(side)
                        read = statement(f"0 = {shown}").relations[0].sides[1]
                        assert read is not None
                        assert world.holds(read, change.node), (said.key, str(side), shown)
                        tried += 1
    assert tried > 100


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("written", "right", "kind", "meant"),
    [
        ("0.2748", 0.27841, "digit", "0.2784"),
        ("0.2784", -0.27841, "sign", "-0.2784"),
        ("0.278", 0.27861, "rounding", "0.279"),
        ("0.27", 0.2794, "rounding", "0.28"),
        ("0.2984", 0.2748, "arithmetic", "0.2748"),
        ("0.3748", 0.2748, "digit", "0.2748"),
        ("0.02748", 0.2748, "point", "0.27480"),
        (r"1.25 \cdot 10^{-3}", 1.52e-3, "digit", r"1.52 \cdot 10^{-3}"),
        ("-0.5", -0.7, "digit", "-0.7"),
    ],
)
def test_a_wrong_number_is_told_by_what_went_wrong(written, right, kind, meant):
    found = repair.number_slip(written, right)
    assert found is not None
    assert (found[0].key, found[1]) == (f"review.mistake_{kind}", meant)


def test_a_right_number_has_no_slip():
    assert repair.number_slip("0.2784", 0.27841) is None


@pytest.mark.parametrize(
    ("text", "piece", "whole"),
    [
        ("(a - b) c", "a - b", "(a - b)"),
        (r"\left(a - b\right)^{2}", "a - b", r"\left(a - b\right)"),
        (r"\frac{a - b}{c}", "a - b", "a - b"),
        (r"e^{-x}", "-x", "-x"),
        (r"\{a + b\}'", "a + b", r"\{a + b\}"),
        ("((a))", "a", "((a))"),
    ],
)
def test_brackets_belong_to_what_stands_alone_in_them(text, piece, whole):
    start = text.index(piece)
    first, last = outer(text, (start, start + len(piece)))
    assert text[first:last] == whole


def test_every_mistake_has_its_words():
    """And every word its mistake."""
    import inspect
    import re

    used = set(re.findall(r"review\.mistake_\w+", inspect.getsource(repair)))
    for language in ("en", "ko"):
        assert used == {key for key in messages(language) if key.startswith("review.mistake_")}
