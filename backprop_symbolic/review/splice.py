"""A change in what somebody wrote: in its tree, and in its text, which stays as it was around the change."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from backprop_symbolic.review.tree import (
    Applied,
    At,
    Bars,
    Beside,
    Cases,
    Derivative,
    Name,
    Node,
    Power,
    Primed,
    Product,
    Quotient,
    Root,
    Series,
    Span,
    Sum,
)

#: Puts another node in the place of one, and gives the tree that has it.
Put = Callable[[Node], Node]

_OPENING = re.compile(r"(?:\\(?:left|bigl?|Bigl?|biggl?|Biggl?)\s*)?(?:\(|\[|\\\{|\{)\s*$")
_CLOSING = re.compile(r"\s*(?:\\(?:right|bigr?|Bigr?|biggr?|Biggr?)\s*)?(?:\)|\]|\\\}|\})")
_PAIRS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Written:
    """A node with the text that its spans count in."""

    node: Node
    text: str

    def of(self, node: Node) -> str:
        """The text of a piece of it."""
        return self.text[node.span[0] : node.span[1]]

    def __str__(self) -> str:
        return self.of(self.node)


@dataclass(frozen=True, slots=True)
class Change:
    """A tree with something changed in it, and what was put where in its text."""

    node: Node
    span: Span
    text: str

    def applied(self, written: Written) -> str:
        """The whole side as it reads with the change."""
        start, end = outer(written.text, written.node.span)
        start, end = min(start, self.span[0]), max(end, self.span[1])
        return written.text[start : self.span[0]] + self.text + written.text[self.span[1] : end]


@dataclass(frozen=True, slots=True)
class Site:
    """A piece of a tree, how to put another there, and what it stands in, outermost first."""

    node: Node
    put: Put
    above: tuple[Node, ...] = ()

    @property
    def parent(self) -> Node | None:
        """What it stands in directly; None for the whole."""
        return self.above[-1] if self.above else None


def sites(node: Node) -> Iterator[Site]:
    """Every piece of a tree in reading order, the whole first."""
    yield from _sites(node, lambda new: new, ())


def _sites(node: Node, put: Put, above: tuple[Node, ...]) -> Iterator[Site]:
    yield Site(node, put, above)
    for child, inner in children(node):
        yield from _sites(child, _after(put, inner), (*above, node))


def _after(put: Put, inner: Put) -> Put:
    return lambda new: put(inner(new))


def children(node: Node) -> Iterator[tuple[Node, Put]]:
    """The pieces of a node, each with the function that exchanges it."""
    if isinstance(node, Sum):
        for i, (sign, term) in enumerate(node.terms):
            yield term, _item(node, "terms", node.terms, i, lambda new, sign=sign: (sign, new))  # type: ignore[misc]
    elif isinstance(node, Product):
        for i, factor in enumerate(node.factors):
            yield factor, _item(node, "factors", node.factors, i, lambda new: new)
    elif isinstance(node, Cases):
        for i, (value, condition) in enumerate(node.rows):
            yield value, _item(node, "rows", node.rows, i, lambda new, c=condition: (new, c))  # type: ignore[misc]
    else:
        for attribute in _PARTS.get(type(node), ()):
            child = getattr(node, attribute)
            if child is not None:
                yield child, _attribute(node, attribute)


#: What a node has besides lists.
_PARTS: dict[type[Node], tuple[str, ...]] = {
    Quotient: ("top", "bottom"),
    Power: ("base", "exponent"),
    Root: ("body",),
    Applied: ("argument",),
    At: ("name", "time"),
    Beside: ("name", "inside"),
    Derivative: ("of", "by"),
    Primed: ("body",),
    Series: ("term",),
    Bars: ("body",),
}


def _item(
    node: Node, field: str, items: tuple[object, ...], index: int, wrap: Callable[[Node], object]
) -> Put:
    def put(new: Node) -> Node:
        return replace(node, **{field: (*items[:index], wrap(new), *items[index + 1 :])})  # type: ignore[arg-type]

    return put


def _attribute(node: Node, attribute: str) -> Put:
    return lambda new: replace(node, **{attribute: new})  # type: ignore[arg-type]


def names(node: Node) -> list[Name]:
    """The names in a tree, those of derivatives too, each as often as it is written."""
    return [site.node for site in sites(node) if isinstance(site.node, Name)]


def renamed(written: Written, node: Node, new: dict[Name, tuple[Name, str]]) -> tuple[Node, str]:
    """A piece with names exchanged for others, each with how it is written; and its text."""
    start, end = node.span
    found, text, shift = node, written.text[start:end], -start
    for site in sites(node):
        name = site.node
        if isinstance(name, Name) and name in new:
            shown = new[name][1]
            text = text[: name.span[0] + shift] + shown + text[name.span[1] + shift :]
            shift += len(shown) - (name.span[1] - name.span[0])
    found = exchanged(found, {name: other for name, (other, _) in new.items()})
    return found, text


def exchanged(node: Node, new: dict[Name, Name]) -> Node:
    """A tree with names exchanged wherever they stand."""
    if isinstance(node, Name):
        return new.get(node, node)
    found = node
    for index, (child, _) in enumerate(children(node)):
        other = exchanged(child, new)
        if other is not child:
            # The functions of `children` put into the node they were made of: made anew each time.
            put = [p for _, p in children(found)][index]
            found = put(other)
    return found


# ---------------------------------------------------------------- text


def outer(text: str, span: Span) -> Span:
    """A piece with the brackets around it that hold nothing else; braces that are arguments stay out."""
    start, end = span
    while True:
        before, after = _OPENING.search(text, 0, start), _CLOSING.match(text, end)
        if before is None or after is None:
            return start, end
        sign, closing = before[0].rstrip()[-1], after[0][-1]
        bare = sign == "{" and before[0].rstrip()[-2:] != "\\{"
        if closing != _PAIRS[sign] or (bare and re.search(r"[\w^_}\]]\s*$", text[: before.start()])):
            return start, end
        start, end = before.start(), after.end()


def without(written: Written, items: tuple[Node, ...], index: int) -> Span:
    """Where one of several factors stands, with the sign or blank that joins it to its neighbour."""
    spans = [outer(written.text, item.span) for item in items]
    if index:
        return spans[index - 1][1], spans[index][1]
    return spans[0][0], spans[1][0]


def in_brackets(written: Written, node: Node) -> str:
    """The text of a node, in parentheses where it is a sum that stands in none."""
    start, end = outer(written.text, node.span)
    shown = written.text[start:end]
    if isinstance(node, Sum) and (start, end) == node.span:
        return rf"\left({shown}\right)" if r"\frac" in shown else f"({shown})"
    return shown


def minus(text: str, start: int, end: int) -> Span | None:
    """The last + or - between two places."""
    found = max((text.rfind(sign, start, end) for sign in "-+−–"), default=-1)
    return None if found < 0 else (found, found + 1)
