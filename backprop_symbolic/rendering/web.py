"""What pages for a browser share: a document's blocks as HTML, its outline, symbols and fonts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from html import unescape
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from markupsafe import Markup, escape

from backprop_symbolic.document import Code, Display, Document, Heading, Message, Picture, Row, Table
from backprop_symbolic.rendering import webfonts as fonts
from backprop_symbolic.rendering.base import Options, Words, blocks, environment
from backprop_symbolic.rendering.mathml import ITALIC, MathML, Sign, height, width, written
from backprop_symbolic.terminal import Flat
from backprop_symbolic.wording import messages

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from sympy import Expr, Symbol

#: A document that lists its symbols itself says so by a heading with this anchor.
SYMBOLS = "symbols"
#: Wider than this, in em, a piece of a formula may not fit a telephone's screen: it can be scrolled.
WIDE = 19.0
#: Names of places that the frame of a page has.
RESERVED = ("content", "contents", "title")
#: Left sides wider than this stand on a line of their own; formulas wider than that above their reasons.
LEFT, BESIDE = 9.0, 25.0
#: Without these, elements that show nothing; their text is no text of the page.
_UNSEEN = re.compile(r"<(style|title|desc)\b.*?</\1>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a display: its formula and reason as HTML, and the room they take, in em.

    left    of the left side, width of the whole formula, widest of its widest piece
    chain   the row with the left side that it goes on from
    """

    formula: Markup
    reason: Markup
    left: float
    width: float
    widest: float
    height: float
    chain: Row


class HtmlWords(Words):
    """Sentences as HTML: text escaped, mathematics as it is."""

    def __call__(self, message: Message) -> Markup:
        return Markup(_ATTACHED.sub(r'<span class="whole">\1</span>', super().__call__(message)))

    def list(self, messages: tuple[Message, ...]) -> Markup:
        return Markup(", ").join(self(message) for message in messages)

    def cell(self, cell: object) -> Markup:
        return Markup(super().cell(cell))


class Page:
    """A document on its way to HTML.

    words     sentences with mathematics, plain   the same as Unicode for attributes
    blocks    the blocks as a template needs them
    """

    def __init__(self, document: Document, names: Mapping[Symbol, str], options: Options) -> None:
        self.options, self.names = options, names
        self.table = messages(options.language, options.templates)
        otherwise = self.table["word.otherwise"]
        flat = Flat(names, otherwise)
        self.plain = Words(options.language, lambda value: _flat(flat, value), str, options.templates)
        self.anchors = Anchors()
        self.document = self._anchored(document)
        self.links = self._links()
        meant = dict.fromkeys([*document.meanings, *self.links])
        signs = {s: Sign(self._title(s), self.links.get(s, "")) for s in meant}
        self.math = MathML(names, otherwise, signs)
        self.words = HtmlWords(
            options.language, self._inline, lambda text: str(escape(text)), options.templates
        )
        self.title = unlinked(self.words(self.document.title))
        self.blocks = list(self._blocks())

    def say(self, key: str, **args: str | int) -> str:
        """A sentence of the page itself, as plain text."""
        return self.plain(Message(key, args))

    # Where links lead.
    def _anchored(self, document: Document) -> Document:
        """Every heading with an anchor of its own, and no level left out on the way down."""
        found, level = [], 1
        for block in document.blocks:
            if isinstance(block, Heading):
                level = min(block.level, level + 1, 6)
                anchor = self.anchors.new(block.anchor or block.text.key.partition(".")[2])
                block = replace(block, level=level, anchor=anchor)
            found.append(block)
        return replace(document, blocks=tuple(found))

    def _links(self) -> dict[Symbol, str]:
        """Symbol → the anchor of the display that gives it its meaning, the first one."""
        found: dict[Symbol, str] = {}
        for block in self.document.blocks:
            if isinstance(block, Display):
                for name in block.names:
                    if name not in found:
                        found[name] = self.anchors.new(name.name)
        return found

    def _title(self, symbol: Symbol) -> str:
        meaning = self.document.meanings.get(symbol)
        return self.plain(meaning) if meaning else ""

    # Pieces of HTML.
    def _inline(self, value: Any) -> str:
        return self.math.inline(*(value if isinstance(value, tuple) else (value,)))

    def _blocks(self) -> Iterator[dict[str, Any]]:
        given = list(self.document.blocks)
        made = blocks(self.document, self.words, lambda rows: rows, self._picture)
        defined: set[Symbol] = set()
        for block, shown in zip(given, made, strict=True):
            if isinstance(block, Heading):
                shown["text"] = unlinked(shown["text"])
            elif isinstance(block, Display):
                own = set(block.names)
                shown["rows"] = list(self._lines(block.rows, own))
                shown["anchors"] = [self.links[name] for name in block.names if name not in defined]
                shown["wide"] = any(line.widest > WIDE for line in shown["rows"])
                shown["layout"] = layout(shown["rows"])
                defined |= own
            elif isinstance(block, Table):
                shown["align"] = [_ALIGN.get(c, "r") for c in block.align.ljust(len(block.head), "r")]
            elif isinstance(block, Code):
                shown["lines"] = block.text.splitlines()
            elif isinstance(block, Picture):
                shown["caption"] = self.words(block.caption)
            yield shown

    def _lines(self, rows: Iterable[Row], own: set[Symbol]) -> Iterator[Line]:
        lhs: Expr | None = None
        for row in rows:
            lhs = lhs if row.lhs is None else row.lhs
            yield self._line(row, own, replace(row, lhs=lhs))

    def _line(self, row: Row, own: set[Symbol], chain: Row) -> Line:
        parts = (row.rhs,) if row.result is None else (row.rhs, row.result)
        element = self.math.row(row.lhs, *parts, own=own)
        return Line(
            Markup(written(element)),
            self.words.list(row.reasons),
            width([element[0]]),
            width([element]),
            max(width([piece]) for piece in pieces(element)),
            height(element),
            chain,
        )

    def again(self, line: Line) -> Line:
        """The line with its left side, where what it goes on from is out of sight."""
        return self._line(line.chain, set(), line.chain)

    def _picture(self, picture: Picture) -> Markup:
        """The picture as inline SVG, its ids its own, with its words for those who do not see it."""
        data = picture.drawing.draw("svg", self.names, self.options.language, self.options.templates)
        return inline_svg(
            data, self.anchors.new(picture.name), self.plain(picture.caption), self.plain(picture.alt)
        )

    def symbols(self) -> list[tuple[Markup, Markup, str]]:
        """Symbols, what each is, and where it is defined; none where the document lists them itself."""
        anchors = {block.anchor for block in self.document.blocks if isinstance(block, Heading)}
        if SYMBOLS in anchors:
            return []
        used = [s for s in self.document.meanings if s in self.math.used]
        return [
            (
                unlinked(self.words.math(s)),
                unnamed(self.words(self.document.meanings[s])),
                self.links.get(s, ""),
            )
            for s in used
        ]

    def outline(self) -> list[dict[str, Any]]:
        """Headings of levels 2 and 3, those of level 3 inside the one before them."""
        found: list[dict[str, Any]] = []
        for shown in self.blocks:
            if shown["kind"] == "heading" and shown["level"] <= 3:
                entry = {"text": unnamed(shown["text"]), "anchor": shown["anchor"], "inner": []}
                (found if shown["level"] == 2 or not found else found[-1]["inner"]).append(entry)
        return found

    def written(self, template: str, **values: Any) -> str:
        """The page by a template, with the fonts that its characters need."""
        made = environment(self.options.templates, html=True).get_template(template)
        text = made.render(
            language=self.options.language,
            plain_title=self.plain(self.document.title),
            title=self.title,
            say=self.say,
            fonts=_FONTS,
            **values,
        )
        return text.replace(_FONTS, font_faces(text, self.options.language), 1)


#: A formula with what is attached to it, a full stop or a particle: no line ends between them.
_ATTACHED = re.compile(
    r"((?:<a\b[^>]*>)?<math\b[^>]*>(?:(?!</?math\b).)*</math>(?:</a>)?[^\s<]+)(?![^<]*</a>)"
)
#: Where the fonts go, once all characters are known.
_FONTS = Markup("/* fonts */")
_ALIGN = {"l": "l", "c": "c", "r": "r"}


def layout(rows: Iterable[Line]) -> str:
    """The classes of a display: how its left sides and its reasons stand."""
    rows = list(rows)
    left = max(row.left for row in rows)
    right = max(row.width - row.left for row in rows)
    found = ["stacked"] if left > LEFT else []
    if any(row.reason for row in rows):
        wide = max(left, right) if found else left + right
        found.append("beside" if wide < BESIDE else "below")
    return "".join(f" {name}" for name in found)


def pieces(element: Element) -> Iterator[Element]:
    """The formulas in an element, between which lines may be broken."""
    return element.iter("math")


class Anchors:
    """Names of places in a page, each only once."""

    def __init__(self) -> None:
        self.taken = set(RESERVED)

    def new(self, wanted: str) -> str:
        """`wanted` made of letters, digits, - and _, with a number where it is taken."""
        name = re.sub(r"\W+", "-", wanted).strip("-") or "place"
        found, number = name, 1
        while found in self.taken:
            number += 1
            found = f"{name}-{number}"
        self.taken.add(found)
        return found


def _flat(flat: Flat, value: Any) -> str:
    return " = ".join(flat(part) for part in (value if isinstance(value, tuple) else (value,)))


def unlinked(html: str) -> Markup:
    """Without the links, whose text stays."""
    return Markup(re.sub(r"</?a\b[^>]*>", "", html))


def unnamed(html: str) -> Markup:
    """Without links and titles, for a place that is a link itself."""
    return Markup(re.sub(r"<span title=[^>]*>([^<]*)</span>", r"\1", unlinked(html)))


# ---------------------------------------------------------------- pictures


#: Class of the letters that our drawings slant; in a page they are those of its own font.
ITALIC_CLASS = "bp-i"


def inline_svg(data: bytes, name: str, title: str, description: str) -> Markup:
    """A drawing as part of a page: without a namespace, its ids preceded by `name`, and said in words.

    One that does not know the dark is put on white paper.
    """
    root = ElementTree.fromstring(data)
    for parent in root.iter():
        for child in [c for c in parent if _local(c.tag) == "metadata"]:
            parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        attributes = {_local(key): value for key, value in element.attrib.items()}
        element.attrib.clear()
        for key, value in attributes.items():
            element.set(key, _own(key, value, name))
        if element.tag == "style":
            element.text = _scoped(element.text or "", name)
        elif ITALIC_CLASS in element.get("class", "").split():
            element.set("class", " ".join(c for c in element.get("class", "").split() if c != ITALIC_CLASS))
            element.text = "".join(ITALIC.get(c, c) for c in element.text or "")
    for old in [c for c in root if c.tag in ("title", "desc")]:
        root.remove(old)
    for i, (tag, text) in enumerate((("title", title), ("desc", description))):
        said = ElementTree.Element(tag, {"id": f"{name}-{tag}"})
        said.text = text
        root.insert(i, said)
    root.set("id", name)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    if b"prefers-color-scheme" not in data:
        root.set("class", "paper")
    return Markup(written(root))


def _scoped(rules: str, name: str) -> str:
    """Style rules with ids of their own, and rules about everything about this drawing alone."""
    rules = re.sub(r"url\(#", f"url(#{name}-", rules)
    return re.sub(r"(^|\})\s*\*\s*\{", rf"\1#{name} *{{", rules)


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _own(key: str, value: str, name: str) -> str:
    """The value of an attribute with the ids in it preceded by `name`."""
    if key == "id":
        return f"{name}-{value}"
    if key == "href" and value.startswith("#"):
        return f"#{name}-{value[1:]}"
    return re.sub(r"url\((['\"]?)#", rf"url(\1#{name}-", value)


# ---------------------------------------------------------------- fonts


def font_faces(html: str, language: str) -> str:
    """The fonts with the characters that the page shows; one that would show none is left out.

    Korean is set in Nanum Gothic, other languages in the letters of STIX Two Math; headings are bold.
    """
    seen = _UNSEEN.sub("", html)
    shown, drawn = _text(seen), "".join(re.findall(r"<svg\b.*?</svg>", seen, re.DOTALL))
    formulas = "".join(re.findall(r"<math\b.*?</math>", seen, re.DOTALL)) + drawn
    bold = "".join(inside for _, inside in re.findall(r"<(h[1-6]|th|summary)\b(.*?)</\1>", seen, re.DOTALL))
    bold += drawn
    hangul, mathematics = fonts.font(fonts.HANGUL).glyphs, fonts.font(fonts.MATH).glyphs
    if language == "ko":
        rest = {c for c in shown if ord(c) not in hangul}
        letters = shown
    else:
        rest = shown
        letters = {c for c in shown if ord(c) not in mathematics}
    return (
        fonts.face("Formula", "400", fonts.MATH, rest | _text(formulas) | set(_drawn(formulas)))
        + fonts.face("Letters", "400", fonts.HANGUL, letters)
        + fonts.face("Letters", "700", fonts.HANGUL_BOLD, _text(bold))
    )


def _text(html: str) -> set[str]:
    """The characters between the tags."""
    return {c for c in unescape(re.sub(r"<[^>]*>", "", html)) if c.isprintable()}


def _drawn(html: str) -> Iterator[str]:
    """What a browser draws without its being written: roots, and single letters of <mi> in italics."""
    if "<msqrt" in html:
        yield "√"
    for letter in set(re.findall(r"<mi>(\w|∂)</mi>", html)):
        yield ITALIC.get(letter, letter)
