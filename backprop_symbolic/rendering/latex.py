"""LaTeX: a fragment for \\input, or a whole document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from backprop_symbolic.document import Document, Message, Row
from backprop_symbolic.printing import BREAK, Latex, break_lines
from backprop_symbolic.rendering.base import Format, Options, Words, Written, blocks, environment, formats
from backprop_symbolic.wording import messages

if TYPE_CHECKING:
    from sympy import Symbol


def printer(names: Mapping[Symbol, str], options: Options) -> Latex:
    """What writes an expression as LaTeX."""
    return Latex(names, messages(options.language, options.templates)["word.otherwise"])


def rows_of(printer: Latex, reason: Callable[[tuple[Message, ...]], str]) -> Callable[[tuple[Row, ...]], Any]:
    """What turns rows into left side, sign, right side and reason, long ones broken."""

    def rows(given: tuple[Row, ...]) -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        for row in given:
            # Beside a reason there is less room for the formula.
            width = 46 if row.reasons else 72
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


def inline(printer: Latex, opening: str, closing: str) -> Callable[[Any], str]:
    """What writes mathematics in a sentence, enclosed."""

    def math(value: Any) -> str:
        parts = value if isinstance(value, tuple) else (value,)
        return opening + " = ".join(printer(p).replace(BREAK, "") for p in parts) + closing

    return math


def write(document: Document, names: Mapping[Symbol, str], options: Options) -> Written:
    """The document as LaTeX."""
    write = printer(names, options)
    words = Words(options.language, inline(write, "$", "$"), escape_latex, options.templates)
    title, found = words(document.title), blocks(document, words, rows_of(write, reason_text(words)))
    scripts = {script(c) for c in f"{title}{found}" if c.isalpha() and not c.isascii()}
    text = (
        environment(options.templates)
        .get_template("latex/standalone.tex" if options.standalone else "latex/fragment.tex")
        .render(
            title=title,
            scripts=scripts,
            blocks=found,
            sectioning=["section", "section", "subsection", "subsubsection"],
        )
    )
    return Written(text.rstrip() + "\n")


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
