"""Broken texts: whatever is done to a good one, the review ends with a report or a named refusal.

Each text is one that people write, in which pieces are cut, doubled, exchanged or put in; then it is
reviewed, repaired and told in every format.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backprop_symbolic import Network
from backprop_symbolic.api import derive
from backprop_symbolic.errors import BackpropError
from backprop_symbolic.graph import dense
from backprop_symbolic.notation import notation
from backprop_symbolic.review import command, fix, report
from backprop_symbolic.review.context import Given
from backprop_symbolic.review.tree import REMARK, RIGHT, UNDECIDED, WRONG

ROOT = Path(__file__).resolve().parent.parent

#: What is put in: TeX's signs, pieces of mathematics, of Markdown, of other scripts, and what is no text.
PIECES = (
    *"{}()[]_^&$%#~'`\"|\\/*-+=<>.,:;!?0179 \n\r\t\0",
    *"오차순σ∂δ′²₁→≤−·\u200b\u202e\ufeff\ud7ff\U0001d6fc",
    r"\frac{", r"\partial ", r"\left(", r"\right]", r"\begin{aligned}", r"\end{aligned}", r"\begin{cases}",
    r"\\", "$$", "```math", "```", "\n\n", r"\def\a{\a\a}", r"\newcommand{\x}[9]{#9}", r"\sum_{k=1}^{9}",
    r"\sum_k ", r"\max_j ", r"\sqrt", r"\text{", r"\cdot ", "e^{", "1e999", "1/0", "0.0", "999999999999",
    "^{(t+1)}", "(t+1)", "w_{31}", "dE/dw", r"\frac{\partial E}{\partial w_{31}}", "y_{o1}(1-y_{o1})",
    "f'(net)", r"\sigma'", r"\therefore ", r"\Rightarrow ", "E = E", "<script>", "---\n", "|a|b|\n", "> ",
    r"\log(-1)", r"\exp(10000)", "x^{x^{x^{x}}}", r"\operatorname{a}", r"\mathbf{W}^\top", r"\hat y",
)  # fmt: skip


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """Good texts by the names of their files."""
    graph = dense(Network.parse("2-2-2"), notation("lecture"))
    derived = derive(graph, ["w31"], lang="ko")
    byhand = (ROOT / "docs" / "examples" / "by-hand.md").read_text(encoding="utf-8")
    cells = [{"cell_type": "markdown", "metadata": {}, "source": byhand.splitlines(keepends=True)}]
    book = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, ensure_ascii=False)
    return (
        ("a.md", byhand),
        ("b.md", derived.markdown()),
        ("c.tex", derived.latex()),
        ("d.ipynb", book),
        ("e.md", "$$ y = x^2 + b $$\n\n$$ \\frac{dy}{dx} = 3x $$\n\n$$ \\delta_j = \\sum_k \\delta_k w_{kj} $$"),
    )


#: What is done to a text: at which thousandth of it, how much, and what is put there.
CHANGES = st.lists(
    st.tuples(
        st.integers(0, 999),
        st.one_of(st.just(0), st.integers(0, 12), st.integers(0, 400)),
        st.one_of(st.just(""), st.sampled_from(PIECES), st.text(max_size=4)),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=12,
)


def changed(text: str, changes: list[tuple[int, int, str, int]]) -> str:
    for where, length, piece, times in changes:
        at = where * len(text) // 1000
        text = text[:at] + piece * times + text[at + length :]
    return text


def reviewed(name: str, data: bytes) -> None:
    """The review of a text, its repairs and its reports; or a refusal that names the file in one line."""
    try:
        review = command.judged(name, data, Given())
    except BackpropError as error:
        assert "\n" not in str(error)
        return
    for finding in review.findings:
        assert finding.verdict in (RIGHT, WRONG, UNDECIDED, REMARK)
        start, end = finding.span
        assert 0 <= start <= end <= len(finding.row.text)
        finding.row.place(finding.span)
    change = fix.repaired_notebook if name.endswith(".ipynb") else fix.repaired
    change(review.text, fix.edits(review.findings))
    for kind in report.formats.names():
        for language in ("en", "ko"):
            assert report.write(review, kind, language)


@given(st.integers(0, 4), CHANGES)
def test_a_broken_text_is_reviewed_or_refused(which, changes):
    name, text = texts()[which]
    reviewed(name, changed(text, changes).encode("utf-8", "surrogatepass"))


@pytest.mark.slow
@given(st.integers(0, 4), st.lists(st.tuples(st.integers(0, 9999), st.binary(max_size=3)), max_size=8))
def test_broken_bytes_are_reviewed_or_refused(which, changes):
    name, text = texts()[which]
    data = text.encode()
    for where, piece in changes:
        at = where * len(data) // 10_000
        data = data[:at] + piece + data[at + 1 :]
    reviewed(name, data)
