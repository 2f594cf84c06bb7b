"""The mathematics in a rendered document, and the mathematics that should be there.

`rows` and `sentences` say what a Document holds, printed by `Latex` alone, whatever writes it: the
equations of its displays, and the formulas in its sentences, in reading order. The other functions read
the same out of what a format wrote. All of it is LaTeX without blanks, so that a test is one comparison.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping

from sympy import Symbol

from backprop_symbolic.document import (
    Bullets,
    Display,
    Document,
    Heading,
    Message,
    Note,
    Paragraph,
    Picture,
    Table,
)
from backprop_symbolic.printing import BREAK, Latex
from backprop_symbolic.rendering.markdown import DIALECTS
from backprop_symbolic.wording import messages

Equation = tuple[str, str]


def squeezed(latex: str) -> str:
    """LaTeX without the blanks that TeX ignores."""
    return re.sub(r"\s+", "", latex)


# ---------------------------------------------------------------- what should be there


def printed(names: Mapping[Symbol, str], language: str) -> Latex:
    return Latex(names, messages(language)["word.otherwise"])


def rows(document: Document, names: Mapping[Symbol, str], language: str = "en") -> list[Equation]:
    """(left, right) of every row of every display; a row without a left side goes on from the one before."""
    write, found = printed(names, language), []
    for block in document.blocks:
        left = ""
        for row in block.rows if isinstance(block, Display) else ():
            left = left if row.lhs is None else squeezed(write(row.lhs).replace(BREAK, ""))
            sides = [row.rhs] if row.result is None else [row.rhs, row.result]
            found.append((left, "=".join(squeezed(write(s).replace(BREAK, "")) for s in sides)))
    return found


def told(document: Document, title: bool = True) -> Iterator[object]:
    """Every sentence, and every formula of a table, in reading order; the words for a picture's lookers-on not."""
    if title:
        yield document.title
    for block in document.blocks:
        if isinstance(block, (Heading, Paragraph)):
            yield block.text
        elif isinstance(block, (Bullets, Note)):
            yield from block.items
        elif isinstance(block, Table):
            yield from block.head
            for row in block.rows:
                yield from row
        elif isinstance(block, Picture):
            yield block.caption


def sentences(
    document: Document, names: Mapping[Symbol, str], language: str = "en", *, title: bool = True
) -> list[str]:
    """Every formula in a sentence or a table."""
    write, found = printed(names, language), []
    for item in told(document, title):
        if not isinstance(item, Message):
            found.append([item])
            continue
        for left, right in re.findall(r"\{(\w+)(?:=(\w+))?\}", messages(language)[item.key]):
            value = item.args[left]
            if right:
                found.append([value, item.args[right]])
            elif isinstance(value, tuple):
                found.extend([v] for v in value)
            elif not isinstance(value, (str, int)):
                found.append([value])
    return ["=".join(squeezed(write(part).replace(BREAK, "")) for part in parts) for parts in found]


# ---------------------------------------------------------------- reading displays


def split(body: str, mark: str) -> list[str]:
    """`body` at each `mark` that stands in no braces and no inner environment."""
    pieces, depth, start, i = [], 0, 0, 0
    while i < len(body):
        if depth == 0 and body.startswith(mark, i):
            pieces.append(body[start:i])
            i = start = i + len(mark)
            continue
        token = re.compile(r"\\begin\{|\\end\{|\\.|[{}]|.", re.DOTALL).match(body, i)[0]
        depth += (token == "{") - (token == "}")
        if token.startswith((r"\begin", r"\end")):
            depth += 1 if token.startswith(r"\begin") else -1
            i = body.index("}", i) + 1
            continue
        i += len(token)
    return [*pieces, body[start:]]


def rows_of(body: str) -> list[Equation]:
    """(left, right) of each equation in an align or aligned environment; broken lines are joined."""
    found: list[Equation] = []
    for row in split(body, r"\\"):
        cells = split(row.strip().removeprefix("*"), "&")
        left, right = squeezed(cells[0]), squeezed(cells[1])
        if right.startswith("="):
            found.append((left or found[-1][0], right[1:]))
        else:
            assert not left
            assert right.startswith(r"\quad{}")
            found[-1] = (found[-1][0], found[-1][1] + right.removeprefix(r"\quad{}"))
    return found


def equations(displays: Iterable[str]) -> list[Equation]:
    """The equations in displays: each one equation, or an aligned environment of several."""
    found: list[Equation] = []
    for body in displays:
        inner = re.fullmatch(r"\\begin\{aligned\}\n(.*)\n\\end\{aligned\}", body.strip(), re.DOTALL)
        if inner:
            found.extend(rows_of(inner[1]))
            continue
        left, *right = split(body, " = ")
        found.append((squeezed(left), squeezed(split(" = ".join(right), r"\qquad")[0])))
    return found


# ---------------------------------------------------------------- out of what a format wrote


def displays_in_markdown(source: str, dialect: str = "github") -> list[str]:
    """The displays of a text in Markdown, by the dialect's fences alone."""
    opening, closing = map(re.escape, DIALECTS[dialect].display)
    return re.findall(rf"^{opening}\n(.*?)\n{closing}$", source, re.DOTALL | re.MULTILINE)


def markdown_equations(source: str, dialect: str = "github") -> list[Equation]:
    return equations(displays_in_markdown(source, dialect))


def latex_equations(source: str) -> list[Equation]:
    # A display that could be too wide stands inside of \resizebox as aligned.
    bodies = [m[2] for m in re.finditer(r"\\begin\{(align\*|aligned)\}(.*?)\\end\{\1\}", source, re.DOTALL)]
    return [row for body in bodies for row in rows_of(body)]


def cells(source: str, kind: str) -> list[str]:
    """The texts of a notebook's cells of a kind."""
    return ["".join(c["source"]) for c in json.loads(source)["cells"] if c["cell_type"] == kind]


def notebook_equations(source: str) -> list[Equation]:
    return markdown_equations("\n\n".join(cells(source, "markdown")), "jupyter")
