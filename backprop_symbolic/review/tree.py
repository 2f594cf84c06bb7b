"""What a reader wrote, as a tree: names, numbers, operations, derivatives, each with its place.

Nothing here knows what a name means; `meaning` decides that, with the context of the whole text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from backprop_symbolic.message import Message

#: From where to where in a row's text, in characters.
Span = tuple[int, int]


# ---------------------------------------------------------------- the text


@dataclass(frozen=True, slots=True)
class Place:
    """A piece of a file: lines and columns from 1, the end not included."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Row:
    """One row of mathematics.

    id       R1, R2, … in reading order
    text     LaTeX as it stands in the file, without what encloses it
    at       the (line, column) of each character of `text` in the file, and of the one after the last
    block    the number of the display or inline formula it belongs to; index is its row there, from 0
    display  whether it stands by itself
    label    what stands before it to name it: (1), (a), (a)-1; or empty
    cell     of a notebook, from 0; None elsewhere
    unread   why it is not read: a command that the text itself defines in a way that is not put in
    expanded whether macros of the text were put in: then `text` does not stand in the file as it is
    """

    id: str
    text: str
    at: tuple[tuple[int, int], ...]
    block: int
    index: int = 0
    display: bool = True
    label: str = ""
    cell: int | None = None
    unread: Message | None = None
    expanded: bool = False

    def place(self, span: Span | None = None) -> Place:
        """Where the row, or a piece of it, stands in the file."""
        start, end = (0, len(self.text)) if span is None else span
        return Place(*self.at[start], *self.at[end])


# ---------------------------------------------------------------- the tree


@dataclass(frozen=True, slots=True)
class Node:
    """Something that was written, from `span[0]` to `span[1]` of its row."""

    span: Span = field(kw_only=True, compare=False, default=(0, 0))


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number; `unit` is one of its last printed digit: 1/100 for 0.40, 0 for one that is exact (2)."""

    text: str
    value: Fraction
    unit: Fraction


@dataclass(frozen=True, slots=True)
class Name(Node):
    r"""A name: y_{o1}, 가중합_3, \delta_{o1}, w_{31}^{new}, w_{31}(t+1), W^{(2)}_{11}, a^{[1]}, \hat y_j.

    base   the letters: y, 가중합, delta, net, 오차y
    sub    what stands below, without braces, parentheses and blanks: o1, 31, h_1 → h1
    sup    what stands above where it can be no exponent: (2), [1]; else empty
    tense  "next" for w^+, w^{new}, w(t+1); "now" for w(t), w_t; else empty
    mark   hat, tilde, bar, prime of a name, bold: what is put on the letters; else empty
    """

    base: str
    sub: str = ""
    sup: str = ""
    tense: str = ""
    mark: str = ""

    @property
    def key(self) -> str:
        """What makes two writings one name: w5 and w_5, E_{total} and Etotal, net_{h1} and net_h1."""
        mark = "" if self.mark == "bold" else self.mark
        return f"{mark}{self.base}{self.sub}{self.sup}"


@dataclass(frozen=True, slots=True)
class Sum(Node):
    """Terms with their signs, 1 or -1."""

    terms: tuple[tuple[int, Node], ...]


@dataclass(frozen=True, slots=True)
class Product(Node):
    """Factors, with signs between them or side by side."""

    factors: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Quotient(Node):
    """A fraction that is no derivative."""

    top: Node
    bottom: Node


@dataclass(frozen=True, slots=True)
class Power(Node):
    """base^exponent; whether y_j^k is a power or a name with two indices is for `meaning` to say."""

    base: Node
    exponent: Node


@dataclass(frozen=True, slots=True)
class Root(Node):
    """The square root."""

    body: Node


@dataclass(frozen=True, slots=True)
class Applied(Node):
    r"""A function that is surely one, at its argument: \sigma'(x), sigmoid(z), \ln p, f'(net_{h1})."""

    function: Name
    argument: Node
    primes: int = 0


@dataclass(frozen=True, slots=True)
class Beside(Node):
    """A name before something in parentheses: f(x) is a call, y(1 - y) a product, w(t) a name at a time."""

    name: Name
    inside: Node


@dataclass(frozen=True, slots=True)
class At(Node):
    """v(t), v(t - 1), g(i): a number of a sequence, where the text has sequences."""

    name: Name
    time: Node


@dataclass(frozen=True, slots=True)
class Derivative(Node):
    """d of / d by, with d or ∂; `by` is a name, `of` may be anything."""

    of: Node
    by: Name
    total: bool = False


@dataclass(frozen=True, slots=True)
class Primed(Node):
    r"""{ … }' : the derivative of what stands inside, by what the lines around it say."""

    body: Node


@dataclass(frozen=True, slots=True)
class Series(Node):
    """Σ_{index = first}^{last} term; what is not written is None, `without` is k in k ≠ i."""

    term: Node
    index: Name | None = None
    first: Node | None = None
    last: Node | None = None
    without: Node | None = None


@dataclass(frozen=True, slots=True)
class Cases(Node):
    """A value for each condition; the condition of the last may be None."""

    rows: tuple[tuple[Node, Relation | None], ...]


@dataclass(frozen=True, slots=True)
class Bars(Node):
    """|x|, or ‖x‖ where `double`."""

    body: Node
    double: bool = False


@dataclass(frozen=True, slots=True)
class Greatest(Node):
    r"""\max_k |\delta_k|, \sup |f'|: the greatest of what stands behind; the index may be None."""

    body: Node
    index: Name | None = None


@dataclass(frozen=True, slots=True)
class Foreign(Node):
    """Something that was understood as notation and is outside of what can be judged: X^T, a ⊙ b."""

    what: str


@dataclass(frozen=True, slots=True)
class Relation(Node):
    """sides[0] signs[0] sides[1] signs[1] …; the first side is None where a row goes on from the one before.

    signs  =, ≈, <, >, ≤, ≥, ≠, → and :=
    """

    sides: tuple[Node | None, ...]
    signs: tuple[str, ...]


# ---------------------------------------------------------------- what a row says


@dataclass(frozen=True, slots=True)
class Statement:
    """A row that was read.

    relations    what it claims; several where commas or words stand between them
    connective   therefore, because, implies, or empty
    """

    row: Row
    relations: tuple[Relation, ...]
    connective: str = ""


@dataclass(frozen=True, slots=True)
class NotRead:
    """A row that was not understood: where, and why."""

    row: Row
    span: Span
    why: Message


# ---------------------------------------------------------------- what was found

RIGHT, WRONG, UNDECIDED, REMARK = "right", "wrong", "undecided", "remark"


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one link of a row, or on a row that was not read.

    kind     definition, claim, numbers, or none for what was not read
    left     both sides as they are written (a left side that goes on from above is that one)
    why      a sentence: why it is wrong, or what was not understood; None where it is right
    mistake  the probable slip
    repair   one side, in the reader's own symbols, with which it would be right; or empty
    side     which one that is: 1 the right, 0 the left
    at       numbers for what is free, at which both sides differ, and what both sides come to
    hence    what the names of the line that are computed come to there
    readings in which of several ways it was read, and on what evidence it is right
    follows  the id of an earlier wrong row without which this one would be right
    """

    row: Row
    span: Span
    verdict: str
    kind: str = ""
    left: str = ""
    right: str = ""
    why: Message | None = None
    mistake: Message | None = None
    repair: str = ""
    at: tuple[tuple[str, str], ...] = ()
    sides: tuple[str, str] = ("", "")
    follows: str = ""
    side: int = 1
    hence: tuple[tuple[str, str], ...] = ()
    readings: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """A text and what was found in it.

    source   its name
    text     as it was read
    context  what was taken from the text or given, one sentence each, with the rows it came from
    """

    source: str
    text: str
    context: tuple[tuple[Message, tuple[str, ...]], ...]
    findings: tuple[Finding, ...]
