"""Expressions as MathML: our LaTeX through math-core, then marked, cut where it may break, measured.

A mark, one character of a private area, goes before each symbol in the LaTeX and comes out as an
element of its own. Taking it out leaves what math-core makes of the LaTeX without it; the token after it
gets the symbol's meaning and a link to its definition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html.entities import html5
from typing import TYPE_CHECKING, Any
from unicodedata import normalize
from xml.etree import ElementTree

from backprop_symbolic.errors import NotInstalled, NotWritable
from backprop_symbolic.printing import BREAK, Latex

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from sympy import Basic, Symbol

FIRST_MARK = 0xF0000  # a private area with room for 65,534 symbols
TOKENS = ("mi", "mn", "mo", "mtext")
SYMBOLIC = ("mi", "mtext", "msub", "msup", "msubsup", "mover")
#: Where a line may be broken: before a relation or between terms, and else between factors.
RELATIONS, TERMS, FACTORS = frozenset("=≈<>≤≥→∈"), frozenset("+−"), frozenset("⋅")
SIGNS = (RELATIONS, TERMS, FACTORS)
#: Fractions and sums in full size, though it stands in a line.
DISPLAYED = {"displaystyle": "true"}
OPENING, CLOSING = frozenset("([{"), frozenset(")]}")
#: Pieces narrower than this many em are not cut any further.
SHORT = 9.0
#: What is lower than this, in em, needs no larger root sign.
LOW = 1.6


@dataclass(frozen=True, slots=True)
class Sign:
    """What a reader learns of a symbol: in words when pointing at it, and where it gets its meaning."""

    title: str = ""
    link: str = ""


class Marking(Latex):
    """LaTeX with a mark before every symbol that `symbols` lists; w(t+1) goes by w."""

    def __init__(self, names: Mapping[Symbol, str], otherwise: str, symbols: Iterable[Symbol]) -> None:
        super().__init__(names, otherwise)
        self.marks = {symbol.name: chr(FIRST_MARK + i) for i, symbol in enumerate(symbols)}

    def name(self, symbol: Symbol) -> str:
        base = re.sub(r"\(t(\+1)?\)$", "", symbol.name)
        return self.marks.get(symbol.name, self.marks.get(base, "")) + super().name(symbol)


class MathML:
    """Writes expressions as MathML elements.

    names   LaTeX of every name
    signs   what is said of a symbol; `used` are the symbols of them that were written
    """

    def __init__(self, names: Mapping[Symbol, str], otherwise: str, signs: Mapping[Symbol, Sign]) -> None:
        self.convert = converter()
        self.latex = Marking(names, otherwise, signs)
        self.signs = dict(zip(self.latex.marks.values(), signs.items(), strict=True))
        self.used: set[Symbol] = set()

    def inline(self, *parts: Basic) -> str:
        """a = b = … inside a sentence."""
        root = self.element(" = ".join(self.latex(part) for part in parts), False)
        return "".join(map(written, _between(_cut(list(root), SIGNS, {}))))

    def row(self, lhs: Basic | None, *parts: Basic, own: Iterable[Symbol] = ()) -> Element:
        """lhs = a = b = …: an element with two children, the left side and what follows it.

        A symbol of `own` gets no link: it is being defined here.
        """
        root = ElementTree.Element("span", {"class": "equation"})
        left = ElementTree.SubElement(root, "span", {"class": "left"})
        if lhs is not None:
            left.append(_formula(list(self.element(self.latex(lhs), True, own)), DISPLAYED))
        right = self.element("".join(f"{{}} = {self.latex(part)}" for part in parts), True, own)
        following = ElementTree.SubElement(root, "span", {"class": "right"})
        following.extend(_between(_cut(_joined(list(right)), SIGNS, DISPLAYED)))
        return root

    def element(self, latex: str, display: bool, own: Iterable[Symbol] = ()) -> Element:
        """The element <math> of some LaTeX. Raises NotWritable."""
        root = self.convert(latex.replace(BREAK, ""), display)
        root = _Unmarking(self.signs, frozenset(own), self.used)(root)
        for child in root:
            _lift(child)
        return root


class _Unmarking:
    """Takes the marks out of an element; the first token after a mark gets what is known of its symbol."""

    def __init__(
        self, signs: Mapping[str, tuple[Symbol, Sign]], own: frozenset[Symbol], used: set[Symbol]
    ) -> None:
        self.signs, self.own, self.used = signs, own, used
        self.mark = ""

    def __call__(self, element: Element) -> Element:
        children: list[Element] = []
        marked = False
        for child in list(element):
            if child.text and child.text in self.signs:
                self.mark, marked = child.text, True
            else:
                children.append(self(child))
        element[:] = children
        if element.tag in TOKENS and self.mark:
            self.explain(element)
        _classed(element)
        # {mark x} made a group of two; without the mark it is x alone, as it was without marks.
        return children[0] if marked and element.tag == "mrow" and len(children) == 1 else element

    def explain(self, token: Element) -> None:
        symbol, sign = self.signs[self.mark]
        self.mark = ""
        self.used.add(symbol)
        attributes = {"title": sign.title} if sign.title else {}
        if sign.link and symbol not in self.own:
            attributes["href"] = f"#{sign.link}"
        if attributes:
            inside = ElementTree.SubElement(token, "span", attributes)
            inside.text, token.text = slanted(token), None


def slanted(token: Element) -> str:
    """The text of a token, a single letter of <mi> as the mathematical italic that a browser shows for it."""
    text = token.text or ""
    return ITALIC.get(text, text) if token.tag == "mi" and not token.get("mathvariant") else text


LATIN = (("A", "Z", 0x1D434), ("a", "z", 0x1D44E))
GREEK = (("Α", "Ω", 0x1D6E2), ("α", "ω", 0x1D6FC))


def _italics() -> Iterator[tuple[str, str]]:
    for first, count, start in (
        ("A", 26, 0x1D434),
        ("a", 26, 0x1D44E),
        ("Α", 25, 0x1D6E2),
        ("α", 25, 0x1D6FC),
    ):
        yield from ((chr(ord(first) + i), chr(start + i)) for i in range(count))
    yield "h", "ℎ"
    yield from zip("∂ϵϑϰϕϱϖ", "𝜕𝜖𝜗𝜘𝜙𝜚𝜛", strict=True)


ITALIC: Mapping[str, str] = dict(_italics())


def _classed(element: Element) -> None:
    """Names what a style sheet must mend where a browser sets it badly: primes, and roots of little."""
    if element.tag == "mo" and element.text and not element.text.strip("′″‴"):
        element.set("class", "prime")
    elif element.tag == "msqrt" and max(map(height, element)) < LOW:
        element.set("class", "low")


def converter() -> Any:
    """What makes an element <math> of LaTeX and whether it is displayed. Raises NotInstalled."""
    try:
        from math_core import LatexError, LatexToMathML
    except ImportError:
        raise NotInstalled(
            "HTML needs math-core: pip install math-core, or pip install 'backprop-symbolic[html]'"
        ) from None
    made = LatexToMathML(fancy_error=False)

    def convert(latex: str, display: bool) -> Element:
        try:
            text = made.convert_with_local_state(latex, displaystyle=display)
        except LatexError as error:
            shown = re.sub(f"[{chr(FIRST_MARK)}-{chr(FIRST_MARK + 0xFFFD)}]", "", latex)
            raise NotWritable(f"no MathML for the formula {shown}: {error}") from None
        return ElementTree.fromstring(re.sub(r"&(\w+;)", _character, text))

    return convert


def _character(entity: re.Match[str]) -> str:
    """&ApplyFunction; as a character; what XML knows stays."""
    return entity[0] if entity[1] in ("lt;", "gt;", "amp;", "quot;", "apos;") else html5[entity[1]]


def written(element: Element) -> str:
    """The element as text for HTML, where <span/> would not end."""
    text = ElementTree.tostring(element, encoding="unicode", short_empty_elements=False)
    return text.replace("</wbr>", "")


# ---------------------------------------------------------------- where lines may break


def _joined(children: list[Element]) -> list[Element]:
    """Without the empty group that stands before a leading sign, which is told to be between two things."""
    found = [child for child in children if child.tag != "mrow" or len(child)]
    for child in found:
        if child.tag == "mo" and child.text in RELATIONS:
            child.set("form", "infix")
    return found


def _lift(child: Element) -> None:
    """A link goes from the letter it was put at to the whole symbol, w_{31} or δ²; elsewhere it is dropped.

    Those who listen hear a formula as one thing: a link inside it would be out of their reach.
    """
    found = [span for span in child.iter("span") if span.get("href")]
    first = next((e for e in child.iter() if e.tag in TOKENS), None)
    for span in found:
        href = span.attrib.pop("href")
        if child.tag in SYMBOLIC and first is not None and span in first:
            child.set("href", href)


def _formula(children: list[Element], attributes: Mapping[str, str]) -> Element:
    """Elements as a formula of their own, or as several about the links between them."""
    runs: list[Element] = []
    for child in children:
        href = child.attrib.pop("href", "")
        if href or not runs or runs[-1].tag == "a":
            runs.append(ElementTree.Element("math", dict(attributes)))
        runs[-1].append(child)
        if href:
            runs[-1] = _link(href, runs[-1])
    if len(runs) == 1:
        return runs[0]
    for child in children:
        if child.tag == "mo" and not child.get("form"):
            _placed(child)
    for run in runs:
        if len(run) == 1 and run[0].tag == "mo":
            ElementTree.SubElement(run, "mrow")  # alone, a sign would get no room around it
    whole = ElementTree.Element("span", {"class": "whole"})
    whole.extend(runs)
    return whole


def _link(href: str, formula: Element) -> Element:
    """A link about one symbol; its title says what it is, or is its letters."""
    title = normalize("NFKC", "".join(formula.itertext()))
    for token in formula.iter():
        for span in token.findall("span"):
            title = span.get("title", title)
            token.text = span.text
            token.remove(span)
    made = ElementTree.Element("a", {"href": href, "title": title})
    made.append(formula)
    return made


def _placed(sign: Element) -> None:
    """Tells a sign, which a link may have made the first or last of its formula, where it stands."""
    if sign.text in OPENING:
        sign.set("form", "prefix")
    elif sign.text in CLOSING:
        sign.set("form", "postfix")
    elif _joins(sign):
        sign.set("form", "infix")


def _between(pieces: list[Element]) -> Iterator[Element]:
    """The pieces with a place for a line break between each two."""
    for i, piece in enumerate(pieces):
        if i:
            yield ElementTree.Element("wbr")
        yield piece


def _cut(
    children: list[Element], signs: tuple[frozenset[str], ...], attributes: Mapping[str, str]
) -> list[Element]:
    """Formulas between which a line may be broken; a long one is cut once more, by the next signs.

    Inside parentheses a line is broken only where nothing else helps, so by one more step.
    """
    if not signs:
        return [_formula(part, attributes) for part in _opened(children)]
    groups = list(_groups(children, signs[0]))
    pieces: list[Element] = []
    for group in groups:
        inner = _cut(group, signs[1:], attributes) if width(group) > SHORT else []
        if not inner:
            pieces.append(_formula(group, attributes))
        elif len(inner) == 1 or len(groups) == 1:
            pieces.extend(inner)
        else:
            together = ElementTree.Element("span", {"class": "pieces"})
            together.extend(_between(inner))
            pieces.append(together)
    return pieces


def _opened(children: list[Element]) -> list[list[Element]]:
    """The parts of one factor: (a + b + c) between the terms in its parentheses."""
    parts: list[list[Element]] = [[]]
    for i, child in enumerate(children):
        if i > 1 and _joins(child) and child.text in TERMS | RELATIONS:
            child.set("form", "infix")
            parts.append([])
        parts[-1].append(child)
    return parts


def _groups(children: list[Element], signs: frozenset[str]) -> Iterator[list[Element]]:
    """The children cut before each of the signs that stands in no parentheses."""
    depth = 0
    group: list[Element] = []
    for child in children:
        if child.tag == "mo" and child.text in OPENING:
            depth += 1
        elif child.tag == "mo" and child.text in CLOSING:
            depth -= 1
        elif group and depth == 0 and child.text in signs and _joins(child):
            child.set("form", "infix")
            yield group
            group = []
        group.append(child)
    yield group


def _joins(child: Element) -> bool:
    """Whether a sign stands between two things: math-core gives one that opens a term no space after it."""
    return child.tag == "mo" and child.get("rspace") != "0"


# ---------------------------------------------------------------- sizes


def width(elements: Iterable[Element], scale: float = 1.0) -> float:
    """About how wide elements are side by side, in em."""
    return sum(_width(element, scale) for element in elements)


def _width(element: Element, scale: float) -> float:
    children = list(element)
    if element.tag in TOKENS:
        text = "".join(element.itertext())
        spaced = element.tag == "mo" and text not in _CLOSE
        return scale * (sum(map(_letter, text)) + (0.5 if spaced else 0.0))
    if element.tag == "mfrac":
        return max(_width(child, scale) for child in children) + 0.2 * scale
    if element.tag in ("msub", "msup"):
        return _width(children[0], scale) + width(children[1:], 0.7 * scale)
    if element.tag in ("msubsup", "munder", "mover", "munderover"):
        around = max(_width(child, 0.7 * scale) for child in children[1:])
        beside = element.tag == "msubsup"
        base = _width(children[0], scale)
        return base + around if beside else max(base, around)
    if element.tag == "mtable":
        columns = zip(*(list(row) for row in children), strict=False)
        return sum(max(_width(cell, scale) for cell in column) + scale for column in columns)
    return width(children, scale) + (0.8 * scale if element.tag == "msqrt" else 0.0)


#: Operators with no room around them.
_CLOSE = frozenset(["(", ")", "[", "]", "{", "}", "|", "′", ",", "\u2061", "\u2063"])


def _letter(character: str) -> float:
    """About how wide a character is: a Hangul syllable is as wide as it is tall."""
    if character in "\u2061\u2063":
        return 0.0
    return 0.95 if 0x1100 <= ord(character) < 0x1D400 and not 0x2000 < ord(character) < 0x2E80 else 0.52


def height(element: Element, scale: float = 1.0) -> float:
    """About how tall an element is, in em."""
    children = [height(child, scale) for child in element]
    if element.tag in TOKENS or not children:
        return scale
    if element.tag == "mfrac":
        return sum(children) + 0.3 * scale
    if element.tag == "mtable":
        return sum(children) + 0.6 * scale * len(children)
    if element.get("accent"):
        return children[0] + 0.2 * scale
    if element.tag in ("munder", "mover", "munderover"):
        return children[0] + 0.7 * sum(children[1:])
    if element.tag in ("msub", "msup", "msubsup"):
        return children[0] + 0.3 * max(children[1:])
    # Tall parentheses come in steps.
    steps = element[0].tag == "mo" and element[0].text in OPENING and element[0].get("stretchy") != "false"
    return max(children) + (0.45 * scale if steps and max(children) > LOW * scale else 0.0)
