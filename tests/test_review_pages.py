"""Our own pages of activations, losses, optimizers and of vanishing gradients, reviewed whole.

Every equation is right by the review's own means, none is left open, and a damaged one is wrong.
"""

from __future__ import annotations

from functools import cache

import pytest
from click.testing import CliRunner

from backprop_symbolic.activations import activations
from backprop_symbolic.cli import cli
from backprop_symbolic.losses import losses
from backprop_symbolic.numeric.optimizers import optimizers
from backprop_symbolic.review.command import judged
from backprop_symbolic.review.context import Given
from backprop_symbolic.review.tree import RIGHT, UNDECIDED, WRONG, Review

PAGES = (
    *(("activation", a.name) for a in activations),
    *(("loss", one.name) for one in losses),
    *(("optimizer", o.name) for o in optimizers),
    ("vanishing",),
)
#: One page of each kind of line: bounds, kinks, solved for x, by parameters, decimals, sums over time, cases.
FEW = {
    ("activation", "sigmoid"): ("en", "markdown"),
    ("activation", "softsign"): ("ko", "markdown"),
    ("activation", "selu"): ("en", "latex"),
    ("activation", "threshold"): ("en", "markdown"),
    ("activation", "arctan"): ("ko", "latex"),
    ("loss", "huber"): ("en", "markdown"),
    ("loss", "log_cosh"): ("ko", "latex"),
    ("optimizer", "nesterov"): ("en", "markdown"),
    ("optimizer", "adam"): ("ko", "latex"),
    ("vanishing",): ("en", "markdown"),
}


@cache
def page(command: tuple[str, ...], language: str, format: str) -> str:
    outcome = CliRunner().invoke(cli, [*command, "--lang", language, "--format", format])
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def review(text: str, format: str = "markdown") -> Review:
    return judged("page.md" if format == "markdown" else "page.tex", text.encode(), Given())


def open_or_wrong(found: Review) -> list[tuple[str, str, str]]:
    return [(f.verdict, f.left, f.right) for f in found.findings if f.verdict in (WRONG, UNDECIDED)]


@pytest.mark.parametrize("command", FEW, ids=" ".join)
def test_a_page_is_right_to_the_last_line(command):
    language, format = FEW[command]
    found = review(page(command, language, format), format)
    assert any(f.verdict == RIGHT for f in found.findings)
    assert not open_or_wrong(found)


@pytest.mark.slow
@pytest.mark.parametrize("format", ["markdown", "latex"])
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("command", PAGES, ids=" ".join)
def test_every_page_is_right_to_the_last_line(command, language, format):
    found = review(page(command, language, format), format)
    assert any(f.verdict == RIGHT for f in found.findings)
    assert not open_or_wrong(found)


#: A line of a page, and what it is damaged to.
DAMAGED = [
    (("activation", "sigmoid"), r"&= y (1 - y)", r"&= y (1 + y)"),
    (("activation", "softsign"), r"= \frac{1}{(x - 1)^{2}}", r"= \frac{1}{(x + 1)^{2}}"),
    (("activation", "softsign"), r"\frac{d\mathrm{softsign}'(x)}{dx} &= -\frac{2}{(x + 1)", r"\frac{d\mathrm{softsign}'(x)}{dx} &= \frac{2}{(x + 1)"),
    (("activation", "threshold"), r"\operatorname{Threshold}'(1) = 0", r"\operatorname{Threshold}'(1) = 2"),
    (("activation", "arctan"), r"&= \cos^{2}(y)", r"&= \sin^{2}(y)"),
    (("loss", "log_cosh"), r"= \tanh(o_{k} - t_{k})", r"= \tanh(o_{k} + t_{k})"),
    (("loss", "huber"), r"&= \frac{\partial E_{k}}{\partial o_{k}}", r"&= 2 \frac{\partial E_{k}}{\partial o_{k}}"),
    (("optimizer", "nesterov"), r"v(t) = \sum_{i=1}^{t} \mu^{t - i}", r"v(t) = \sum_{i=1}^{t} \mu^{t + i}"),
    (("optimizer", "nesterov"), r"&= \sum_{i=1}^{t + 1} \mu^{t + 1 - i}", r"&= \sum_{i=1}^{t} \mu^{t + 1 - i}"),
    (("optimizer", "nesterov"), r"u(t) = -\eta \cdot v(t)", r"u(t) = \eta \cdot v(t)"),
    (("optimizer", "nesterov"), r"w(t) = \theta(t) + \mu \cdot u(t - 1)", r"w(t) = \theta(t) + \mu \cdot u(t)"),
    (("optimizer", "adam"), r"&= (1 - \beta_1^{t}) \cdot \gamma", r"&= (1 - \beta_1) \cdot \gamma"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "line", "damaged"), DAMAGED, ids=[d[2] for d in DAMAGED])
def test_a_damaged_line_of_a_page_is_wrong(command, line, damaged):
    """That line is wrong, with numbers that show it, and no other, save what follows from it."""
    text = page(command, "en", "markdown")
    assert line in text
    found = review(text.replace(line, damaged, 1))
    wrong = [f for f in found.findings if f.verdict == WRONG and not f.follows]
    assert len(wrong) == 1, open_or_wrong(found)
    assert wrong[0].sides != ("", "")
    assert damaged.partition("= ")[2][:12] in wrong[0].right
