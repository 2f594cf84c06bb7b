"""Lectures that between them say every sentence of the notes, and what is read from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from backprop_symbolic import Network, read
from backprop_symbolic.document import (
    Block,
    Bullets,
    Code,
    Display,
    Document,
    Heading,
    Message,
    Note,
    Paragraph,
    Picture,
    Table,
)
from backprop_symbolic.graph import Graph, dense
from backprop_symbolic.lecture import PARTS, Lecture, Notes, notes
from backprop_symbolic.notation import notation
from backprop_symbolic.numeric.values import Number, Source, Values, random_values, resolve

RECURRENT = "net1 = w*x1 + 1\nh1 = tanh(net1)\nnet2 = w*h1 + b2\no1 = sigmoid(net2)\nE = 1/2*(t1 - o1)**2\n"
WITHOUT_ACTIVATION = "parameters a b\nc = a + b\nd = a*b\ne = c - d\nf = e**2\ng = f/2 + 10/f\n"


def network(*sizes: int, style: str = "lecture", **settings: Any) -> Graph:
    """The graph of a dense network."""
    return dense(Network.dense(list(sizes), **settings), notation(style))


def values(graph: Graph, rate: float, samples: int = 1, **numbers: float) -> Values:
    """Drawn numbers with a learning rate; for each sample another first input."""
    given = {"learning_rate": rate, **numbers}
    sources = [random_values(graph, 3), Source("", numbers={n: Number(v, "") for n, v in given.items()})]
    if samples > 1:
        first = resolve(graph, sources).samples[0]
        rows = [{s.name: Number(v + (i if s.name == "x1" else 0), "") for s, v in first.items()}
                for i in range(samples)]  # fmt: skip
        sources.append(Source("", samples=tuple(rows)))
    return resolve(graph, sources)


def _with_values(graph: Graph, rate: float, samples: int = 1, **numbers: float) -> Lecture:
    return Lecture(
        graph, values=values(graph, rate, samples, **numbers), options="--values v.toml", plots=False
    )


#: name → the lecture.
LECTURES: dict[str, Callable[[], Lecture]] = {
    "2-2-2": lambda: Lecture(network(2, 2, 2)),
    "published": lambda: Lecture(network(2, 2, 2, bias="fixed"), plots=False),
    "own words": lambda: Lecture(
        network(2, 2, 2), title="<b>_w_ & $x$</b>", author="A. Kim", date="2024-05-01",
        parts=("introduction",), plots=False,
    ),
    "author": lambda: Lecture(network(1, 1), author="A. Kim", parts=("introduction",), plots=False),
    "date": lambda: Lecture(network(1, 1), date="2024", parts=("introduction",), plots=False),
    "one layer": lambda: Lecture(network(2, 2, activation="identity", bias="layer"), plots=False),
    "one of each": lambda: Lecture(network(1, 1, 1, activation="relu"), plots=False),
    "deep": lambda: Lecture(network(2, 2, 2, 2, 2, activation="tanh", bias="node"), plots=False),
    "wide": lambda: Lecture(network(6, 6, 6, 6), plots=False),
    "softmax": lambda: Lecture(
        network(2, 2, 3, activation=["sigmoid", "softmax"], loss="categorical_cross_entropy"), plots=False
    ),
    "softmax in the loss": lambda: Lecture(
        network(2, 3, 3, 2, activation=["softplus", "relu", "identity"], loss="softmax_cross_entropy"),
        plots=False,
    ),
    "hidden softmax": lambda: Lecture(network(2, 3, 2, activation=["softmax", "sigmoid"]), plots=False),
    "penalties": lambda: Lecture(network(2, 2, 2, bias="node", l1="0.1", l2="0.01"), plots=False),
    "layer bias": lambda: Lecture(network(2, 3, 2, bias="layer", style="layered"), plots=False),
    "a bias": lambda: Lecture(network(2, 2, 2, bias="node"), ("b3", "b1"), plots=False),
    "a bias of a layer": lambda: Lecture(network(2, 2, 2, bias="layer"), ("b2", "b1"), plots=False),
    "slopes": lambda: Lecture(
        network(1, 1, 1, 1, activation=["x**2", "x/2 + atan(x)/2", "x*2"]), parts=("vanishing",), plots=False
    ),
    "too fast": lambda: _with_values(network(2, 2, 1, activation="identity"), 50.0, 2),
    "rises": lambda: _with_values(network(1, 1, activation="identity", bias="none"), 2.5, x1=0.9, w11=1.0),
    "slowly": lambda: _with_values(network(1, 1, activation="relu"), 1e-9, w11=-3.0, x1=0.9),
    "too slowly": lambda: _with_values(network(1, 1), 1e-12),
    "no rate": lambda: Lecture(
        network(2, 2, 2), values=resolve(g := network(2, 2, 2), [_without_rate(g)]), plots=False
    ),
    "kink": lambda: _with_values(
        network(1, 1, 1, activation=["relu", "sigmoid"]), 0.5, x1=1.0, w11=-1.0
    ),
    "recurrent": lambda: Lecture(read(RECURRENT)),
    "no activation": lambda: Lecture(read(WITHOUT_ACTIVATION), plots=False),
    "unused": lambda: Lecture(read("parameter unused\na = w1*x1\nE = a**2\n"), plots=False),
}  # fmt: skip


def _without_rate(graph: Graph) -> Source:
    drawn = random_values(graph, 3)
    return Source("", numbers={n: v for n, v in drawn.numbers.items() if n != "learning_rate"})


@cache
def written(name: str) -> Notes:
    """The notes of a lecture, made once."""
    return notes(LECTURES[name]())


def messages_of(document: Document) -> Iterator[Message]:
    """Every sentence of a document, in reading order."""
    yield document.title
    for block in document.blocks:
        yield from messages_in(block)


def messages_in(block: Block) -> Iterator[Message]:
    """Every sentence of a block."""
    if isinstance(block, (Heading, Paragraph)):
        yield block.text
    elif isinstance(block, (Bullets, Note)):
        yield from block.items
    elif isinstance(block, Table):
        yield from block.head
        yield from (cell for row in block.rows for cell in row if isinstance(cell, Message))
    elif isinstance(block, Picture):
        yield from (block.caption, block.alt)
    elif isinstance(block, Display):
        yield from (reason for row in block.rows for reason in row.reasons)


def prose(found: Notes, language: str) -> str:
    """All sentences in a language, formulas lying down."""
    from backprop_symbolic.rendering.base import Words
    from backprop_symbolic.terminal import Flat

    names = found.names(language)
    words = Words(language, lambda value: _flat(Flat(names), value), str)
    return "\n".join(words(message) for message in messages_of(found.document))


def _flat(write: Any, value: Any) -> str:
    parts = value if isinstance(value, tuple) else (value,)
    return " = ".join(write(part) for part in parts)


def programs(found: Notes) -> dict[str, str]:
    """The programs of the notes by their language."""
    return {block.language: block.text for block in found.document.blocks if isinstance(block, Code)}


__all__ = [
    "LECTURES",
    "PARTS",
    "messages_in",
    "messages_of",
    "network",
    "programs",
    "prose",
    "values",
    "written",
]
