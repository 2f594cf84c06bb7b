"""What this package writes is right to the last line, and a line that is damaged is found and named.

Faults are injected into our own documents: the damaged line, and no other, is to be called wrong.
"""

from __future__ import annotations

from functools import cache

import faults
import lectures
import pytest

from backprop_symbolic import Network, derive
from backprop_symbolic.graph import Graph, dense
from backprop_symbolic.notation import notation
from backprop_symbolic.numeric.substitute import with_numbers
from backprop_symbolic.numeric.values import random_values, resolve
from backprop_symbolic.render import write_document
from backprop_symbolic.rendering.base import Options
from backprop_symbolic.review import grammar, judge, sources
from backprop_symbolic.review.context import Given
from backprop_symbolic.review.tree import UNDECIDED, WRONG, Finding, Review

# ---------------------------------------------------------------- damaged


@pytest.mark.parametrize("seed", range(18))
def test_the_damaged_line_is_found_and_no_other_blamed(seed):
    # Where no line of a document can be damaged in the way drawn, the next seed is taken.
    judged = next(j for more in range(0, 9000, 100) if (j := faults.judged(seed + more)) is not None)
    assert judged.found, judged
    assert not judged.blamed, judged


@pytest.mark.slow
@pytest.mark.parametrize("block", range(20))
def test_a_thousand_damaged_lines(block):
    """1,000 cases and more: each found, its kind named in nine of ten of a block at least, no other line blamed."""
    cases = [
        j for seed in range(1000 + 60 * block, 1060 + 60 * block) if (j := faults.judged(seed)) is not None
    ]
    assert len(cases) >= 48
    assert all(case.found and not case.blamed for case in cases), "\n".join(
        str(c) for c in cases if c.blamed or not c.found
    )
    assert sum(case.named for case in cases) >= 0.9 * len(cases), "\n".join(
        str(c) for c in cases if not c.named
    )


# ---------------------------------------------------------------- our own


def whole(text: str | bytes, name: str, graph: Graph | None, language: str) -> Review:
    data = text if isinstance(text, bytes) else text.encode()
    rows = sources.read(data, name)
    return judge.review(name, data.decode(), grammar.parse_all(rows), Given(graph=graph, language=language))


def accept(review: Review) -> None:
    """Nothing wrong and nothing left open."""
    assert len(review.findings) > 5
    bad = [shown(f) for f in review.findings if f.verdict in (WRONG, UNDECIDED)]
    assert not bad, "\n".join(bad[:8])


def shown(finding: Finding) -> str:
    why = finding.why.key if finding.why is not None else ""
    return f"{finding.row.id} {finding.verdict} {why}: {finding.left} = {finding.right}"


NETWORKS = (
    ("2-2-2", "w11", {}),
    ("2-2-2", "w31", {}),
    ("2-2-2", "all", {}),
    ("2-3-1", "all", {"activation": ["tanh", "identity"], "bias": "node", "loss": "mse"}),
    ("2-2-2-1", "w11", {"activation": ["softplus", "tanh", "sigmoid"], "bias": "layer"}),
)


@pytest.mark.parametrize("given", [True, False], ids=["given", "found"])
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(("sizes", "weight", "settings"), NETWORKS, ids=[f"{n}-{w}" for n, w, _ in NETWORKS])
def test_our_derivations_are_right_throughout(sizes, weight, settings, language, given):
    graph = dense(Network.dense([int(s) for s in sizes.split("-")], **settings), notation("lecture"))
    text = derive(graph, weight, lang=language).markdown()
    accept(whole(text, "text.md", graph if given else None, language))


@pytest.mark.parametrize("style", ["lecture", "layered", "mazur"])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_our_numbers_are_right_throughout(style, language):
    graph = dense(Network.parse("2-2-2"), notation(style))
    derived = derive(graph, "all", lang=language)
    numbered = with_numbers(derived, resolve(graph, [random_values(graph, 3)]))
    for standalone in (False, True):
        accept(whole(numbered.latex(standalone=standalone), "text.tex", graph, language))


@cache
def written(name: str, language: str) -> bytes:
    found = lectures.written(name)
    return write_document(found.document, "markdown", found.names(language), Options(language)).data


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("given", [True, False], ids=["given", "found"])
def test_our_lecture_notes_hold_nothing_wrong(language, given):
    graph = lectures.LECTURES["2-2-2"]().graph
    review = whole(written("2-2-2", language), "notes.md", graph if given else None, language)
    assert not [shown(f) for f in review.findings if f.verdict in (WRONG, UNDECIDED)]


#: A general line, an inequality or a second derivative of the notes, and what it is damaged to.
GENERAL = {
    "slope lost": (r"\delta_k w_{kj}\right) \cdot f'", r"\delta_k w_{kj}\right) \cdot f"),
    "factor lost": (r"w_{kj}\right) \cdot f'(\mathit{net}_{j})", r"w_{kj}\right)"),
    "index": (r"w_{ji}} &= \delta_j \cdot y_i", r"w_{ji}} &= \delta_j \cdot y_j"),
    "sign of the update": (r"w_{ji}(t) - \eta", r"w_{ji}(t) + \eta"),
    "sign in the sum": (r"\delta_{1} \cdot w_{1j} + \delta", r"\delta_{1} \cdot w_{1j} - \delta"),
    "triangle": (
        r"\delta_{1} \right\rvert \cdot \left\lvert w_{1j} \right\rvert + ",
        r"\delta_{1} \right\rvert \cdot \left\lvert w_{1j} \right\rvert - ",
    ),
    "bound": (r"\le c \cdot \sup |f'| \cdot", r"\le c \cdot \sup |f'| \cdot \sup |f'| \cdot"),
    "second derivative": (r"(e^{-x} - 1)}{(1 + e^{-x})^{3}}", r"(e^{-x} + 1)}{(1 + e^{-x})^{3}}"),
    "at a point": (
        r"\sigma''(0) &= \frac{e^{0} \cdot (e^{0} - 1)}{8}",
        r"\sigma''(0) &= \frac{e^{0} \cdot (e^{0} - 2)}{8}",
    ),
}


@pytest.mark.parametrize("name", GENERAL)
def test_a_damaged_line_about_any_unit_is_found(name):
    """The damaged line alone is wrong, and nothing else becomes undecided."""
    text = written("2-2-2", "en").decode()
    line, damaged = (part.replace(r"\mathit{net}", r"\mathit{net}") for part in GENERAL[name])
    assert text.count(line) >= 1, line
    review = whole(text.replace(line, damaged, 1).encode(), "notes.md", None, "en")
    bad = [f for f in review.findings if f.verdict in (WRONG, UNDECIDED)]
    assert [f.verdict for f in bad] == [WRONG], [shown(f) for f in bad]
    assert bad[0].sides != ("", "")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_drawn_documents_are_right_throughout(seed):
    source = faults.source(seed)
    accept(whole(source.written(), source.name, source.graph, source.language))
