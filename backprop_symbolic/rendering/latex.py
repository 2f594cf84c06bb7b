"""LaTeX: a fragment for \\input, or a whole document."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backprop_symbolic.document import Code, Display, Document, Heading, Message, Picture, Row, Table
from backprop_symbolic.printing import BREAK, Latex, break_lines, visible
from backprop_symbolic.rendering.base import (
    Format,
    Options,
    Words,
    Written,
    blocks,
    contents,
    environment,
    formats,
    plain_words,
)
from backprop_symbolic.wording import messages

if TYPE_CHECKING:
    from sympy import Symbol


def printer(names: Mapping[Symbol, str], options: Options) -> Latex:
    """What writes an expression as LaTeX."""
    return Latex(names, messages(options.language, options.templates)["word.otherwise"])


@dataclass(frozen=True)
class Measure:
    """How many characters fit beside each other.

    formula   in the right side of an equation, beyond which it is broken
    reasoned  the same beside a reason
    aligned   in all columns of aligned equations together, beyond which they are made smaller
    line      in a line of text
    """

    formula: int
    reasoned: int
    aligned: int
    line: int


ARTICLE = Measure(formula=72, reasoned=46, aligned=84, line=84)


def rows_of(
    printer: Latex,
    reason: Callable[[tuple[Message, ...]], str],
    room: int = ARTICLE.formula,
    reasoned: int = ARTICLE.reasoned,
) -> Callable[[tuple[Row, ...]], Any]:
    """What turns rows into left side, sign, right side and reason, long ones broken.

    room, reasoned  how many characters of a formula fit in a line, and beside a reason
    """

    def rows(given: tuple[Row, ...]) -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        for row in given:
            # Beside a reason there is less room for the formula.
            width = reasoned if row.reasons else room
            right = printer(row.rhs)
            if row.result is not None:
                right += f"{BREAK} = {printer(row.result)}"
            first, *rest = break_lines(right, width)
            left = "" if row.lhs is None else printer(row.lhs).replace(BREAK, "")
            why = reason(row.reasons) if row.reasons else ""
            found.append({"left": left, "sign": "=", "right": first.strip(), "reason": why})
            found.extend({"left": "", "sign": "", "right": r.strip(), "reason": ""} for r in rest)
        return found

    return rows


_LATEX_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}",
    ">": r"\textgreater{}",
}  # fmt: skip


def escape_latex(text: str) -> str:
    """Text as LaTeX text."""
    return "".join(_LATEX_ESCAPES.get(c, c) for c in text)


def escape_text(text: str) -> str:
    """Text as text of a LaTeX document, in which no two signs melt into one: -- or a quotation mark."""
    shown = escape_latex(text).replace('"', r"\textquotedbl{}").replace("`", r"\textasciigrave{}")
    return shown.replace("--", "-{}-").replace("--", "-{}-")


def inline(printer: Latex, opening: str, closing: str) -> Callable[[Any], str]:
    """What writes mathematics in a sentence, enclosed."""

    def math(value: Any) -> str:
        parts = value if isinstance(value, tuple) else (value,)
        return opening + " = ".join(printer(p).replace(BREAK, "") for p in parts) + closing

    return math


def write(document: Document, names: Mapping[Symbol, str], options: Options) -> Written:
    """The document as LaTeX."""
    title, found, files, scripts = latex_blocks(document, names, options, ARTICLE)
    heading, depth = contents(found, options)
    text = (
        environment(options.templates)
        .get_template("latex/standalone.tex" if options.standalone else "latex/fragment.tex")
        .render(
            title=title,
            plain_title=escape_latex(plain_words(names, options)(document.title)),
            contents=escape_latex(heading),
            depth=depth,
            language=options.language,
            packages=packages(found),
            scripts=scripts,
            standalone=options.standalone,
            blocks=found,
            sectioning=["section", "section", "subsection", "subsubsection"],
        )
    )
    return Written(text.rstrip() + "\n", files)


def latex_blocks(
    document: Document, names: Mapping[Symbol, str], options: Options, measure: Measure
) -> tuple[str, list[dict[str, Any]], Mapping[str, bytes], set[str]]:
    """The title, the blocks with all that a template asks of them, the pictures' files, the scripts used."""
    write = printer(names, options)
    words = Words(options.language, inline(write, "$", "$"), escape_text, options.templates)
    headings = words
    if options.standalone:
        plain = plain_words(names, options)
        headings = Words(options.language, _bookmarked(words, plain), escape_text, options.templates)
    files: dict[str, bytes] = {}

    def picture(found: Picture) -> str:
        shown, file = drawn(found, names, options)
        files.update(file)
        return shown

    rows = rows_of(write, reason_text(words), measure.formula, measure.reasoned)
    title, found = words(document.title), blocks(document, words, rows, picture)
    scripts = {script(c) for c in f"{title}{found}" if c.isalpha() and not c.isascii()}
    for block, shown in zip(document.blocks, found, strict=True):
        if isinstance(block, Heading):
            shown["text"] = " ".join(filter(None, [escape_text(block.label), headings(block.text)]))
        elif isinstance(block, Code):
            shown["lines"] = [typewriter(line) for line in block.text.rstrip("\n").split("\n")]
        elif isinstance(block, Table):
            shown.update(laid_out(shown, measure.line))
        elif isinstance(block, Display):
            shown["wide"] = display_width(shown["rows"]) > measure.aligned
    return title, found, files, scripts


def _bookmarked(words: Words, plain: Words) -> Callable[[Any], str]:
    """Mathematics in a heading, said in Unicode for the bookmarks."""
    return lambda value: rf"\texorpdfstring{{{words.math(value)}}}{{{escape_latex(plain.math(value))}}}"


def drawn(picture: Picture, names: Mapping[Symbol, str], options: Options) -> tuple[str, dict[str, bytes]]:
    """A picture in LaTeX and the file that it needs, if any: TikZ where it can be drawn so."""
    kinds, draw = picture.drawing.kinds, picture.drawing.draw
    if "tikz" in kinds:
        return draw("tikz", names, options.language, options.templates).decode("utf-8").strip(), {}
    kind = "pdf" if "pdf" in kinds else "png"
    name = f"{picture.name}.{kind}"
    return rf"\includegraphics{{{name}}}", {name: draw(kind, names, options.language, options.templates)}


def packages(blocks: list[dict[str, Any]]) -> list[str]:
    """The packages that the blocks need."""
    needed = ["amsmath"]
    pictures = [block["picture"] for block in blocks if block["kind"] == "picture"]
    if any("tikzpicture" in picture for picture in pictures):
        needed.append("tikz")
    if pictures or any(block["kind"] == "display" and block["wide"] for block in blocks):
        needed.append("graphicx")
    if any(block["kind"] == "table" and len(block["rows"]) > LONG_TABLE for block in blocks):
        needed.append("longtable")
    return needed


#: A table of more rows may be broken across pages.
LONG_TABLE = 30


def display_width(rows: list[dict[str, str]]) -> int:
    """About how many characters wide aligned rows are: each column as its widest cell."""
    return sum(max(text_width(row[part]) for row in rows) for part in ("left", "sign", "right", "reason"))


def text_width(latex: str) -> int:
    """About how many characters wide a text with mathematics is; a Hangul syllable counts as two."""
    from unicodedata import east_asian_width

    latex = re.sub(
        r"\\begin\{cases\}(.*?)\\end\{cases\}", lambda m: max(m[1].split(r"\\"), key=visible), latex
    )
    return visible(latex) + sum(east_asian_width(c) in "WF" for c in latex) + latex.strip().count(" ")


def laid_out(table: Mapping[str, Any], line: int) -> dict[str, Any]:
    r"""How a table is set: its columns as tabular takes them, the height of its rows, its cells.

    Where it is wider than a line, the widest column of words is broken into lines; `wide` is one that has
    none, and is set in smaller letters.
    """
    letters = list(table["align"] or "r" * len(table["head"]))
    rows = [list(table["head"]), *(list(row) for row in table["rows"])]
    widths = [max(text_width(row[i]) for row in rows) + 2 for i in range(len(letters))]
    over = sum(widths) > line
    words = [i for i, letter in enumerate(letters) if letter == "l"]
    if over and words:
        widest = max(words, key=lambda i: widths[i])
        # Indices are smaller than what they are counted as.
        share = 1 - 0.85 * (sum(widths) - widths[widest]) / line
        if share >= MIN_SHARE:
            letters[widest] = rf"p{{{share:.2f}\linewidth}}"
            for row in rows:
                row[widest] = rf"\raggedright {row[widest]}"
            over = False
    stretch = 1.6 if any(r"\frac" in cell for row in rows for cell in row) else 1.15
    return {"columns": "".join(letters), "wide": over, "head": rows[0], "rows": rows[1:], "stretch": stretch}


#: The least share of a line to which a column of words may be broken.
MIN_SHARE = 0.2


def typewriter(line: str) -> str:
    """A line of a program as LaTeX, its indentation and quotation marks as they are."""
    indent = len(line) - len(line.lstrip(" "))
    text = escape_text(line[indent:]).replace("'", r"\textquotesingle{}")
    return (r"\ " * indent + text) or r"\mbox{}"


def script(letter: str) -> str:
    """What a LaTeX document must load for a letter: latin (nothing), cjk (kotex), other (a wide font)."""
    from unicodedata import name

    spelled = name(letter, "")
    if spelled.startswith("LATIN"):
        return "latin"
    return "cjk" if spelled.startswith(("HANGUL", "CJK", "HIRAGANA", "KATAKANA")) else "other"


def reason_text(words: Words) -> Callable[[tuple[Message, ...]], str]:
    r"""Reasons as one `\text{…}`, mathematics in it and all."""
    return lambda messages: rf"\text{{{words.list(messages)}}}"


formats.register(
    Format(
        "latex",
        "a fragment for \\input, or a whole document with --standalone",
        document=write,
        suffix=".tex",
    )
)
