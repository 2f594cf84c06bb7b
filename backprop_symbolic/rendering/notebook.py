"""A Jupyter notebook: the text in cells of Markdown, programs in cells that run from top to bottom.

A notebook is JSON of a known form (nbformat 4.5), so nothing is needed to write one. It has no outputs:
they come when it is run.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pprint import pformat
from typing import TYPE_CHECKING, Any

from backprop_symbolic.algebra import Call
from backprop_symbolic.derivation import DETAILS, NORMAL, Derivation, Page
from backprop_symbolic.document import Block, Code, Document, Figures, Heading, Message, Paragraph
from backprop_symbolic.document import document as to_document
from backprop_symbolic.graph import Graph
from backprop_symbolic.notation import builtin_names, notation
from backprop_symbolic.printing import Plain
from backprop_symbolic.rendering.base import Format, Options, Written, environment, formats
from backprop_symbolic.rendering.markdown import DIALECTS, Sheet
from backprop_symbolic.spec import Network

if TYPE_CHECKING:
    from sympy import Symbol

    from backprop_symbolic.derivation import Argument

PYTHON = "python"
#: JupyterLab shows no SVG that is attached to a cell, but an image whose address is the data; readers
#: that refuse such an address in Markdown take it in HTML.
CELL = replace(DIALECTS["jupyter"], picture='<img src="<file>" alt="<html>">\n\n<caption>')
TYPES = {"svg": "image/svg+xml", "png": "image/png"}


class Cells(Sheet):
    """A document's pieces for a notebook, its pictures within it."""

    def address(self, name: str) -> str:
        """The data of a picture as an address."""
        data = self.files.pop(name)
        return f"data:{TYPES[name.rpartition('.')[2]]};base64,{b64encode(data).decode('ascii')}"

    def all(self) -> Iterator[dict[str, Any]]:
        """A cell for the title and one for each heading, with what follows it, and one for each program."""
        template, gathered = "markdown/document.md", list[dict[str, Any]]()
        for block in self.blocks:
            program = block["kind"] == "code" and block["language"] == PYTHON
            if (program or block["kind"] == "heading") and (gathered or "document" in template):
                yield _cell("markdown", self.render(template, gathered))
                template, gathered = "markdown/body.md", []
            if program:
                yield _cell("code", block["text"])
            else:
                gathered.append(block)
        if gathered or "document" in template:
            yield _cell("markdown", self.render(template, gathered))


def _cell(kind: str, text: str) -> dict[str, Any]:
    cell = {"cell_type": kind, "metadata": {}, "source": text.strip("\n").splitlines(keepends=True)}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})


def write_document(document: Document, names: Mapping[Symbol, str], options: Options) -> Written:
    """The document as a notebook; its programs in Python are cells that run."""
    sheet = Cells(document, names, options, CELL)
    notebook = {
        "cells": [{"id": f"cell-{number}", **cell} for number, cell in enumerate(sheet.all(), 1)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": PYTHON, "name": "python3"},
            "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": PYTHON},
            "title": sheet.plain_title,
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return Written(json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def write(derivation: Derivation, options: Options) -> str:
    """The derivation as a notebook that derives it, verifies it, and checks it by numbers."""
    found = to_document(derivation, options.detail, options.figures)
    blocks = (*_beginning(derivation, options), *found.blocks, *_end(derivation, options))
    whole = Document(found.title, blocks, found.meanings)
    return write_document(whole, derivation.graph.written(options.language), options).data.decode("utf-8")


# ---------------------------------------------------------------- programs


@dataclass(frozen=True, slots=True)
class Made:
    """How a derivation is made once more.

    kind         weights, page (a proof about one function) or rule (of an optimiser)
    imports      lines
    call         the expression that makes it
    shown        the expression that shows what came out
    definitions  the lines of its graph, where it is no network's
    """

    kind: str
    imports: tuple[str, ...]
    call: str
    shown: str
    definitions: str = ""


def _program(name: str, options: Options, **values: object) -> Code:
    """One of the templates of programs with its values."""
    text = environment(options.templates).get_template(f"notebook/{name}.txt").render(**values)
    return Code(text.strip("\n"), PYTHON)


def _beginning(derivation: Derivation, options: Options) -> Iterator[Block]:
    made = made_by(derivation, options)
    yield Paragraph(Message("notebook.derive"))
    yield _program(
        "derive",
        options,
        imports=made.imports,
        definitions=made.definitions,
        call=made.call,
        shown=made.shown,
    )


def _end(derivation: Derivation, options: Options) -> Iterator[Block]:
    """Every step decided again; for weights the derivatives at numbers, and against central differences."""
    kind = made_by(derivation, options).kind
    yield Heading(2, Message("notebook.run"))
    yield Paragraph(Message("notebook.verify"))
    yield _program("verify", options, kind=kind)
    if kind == "weights":
        given = [] if options.figures is None else _given(derivation.graph, options.figures)
        yield Paragraph(Message("notebook.numbers_given" if given else "notebook.numbers"))
        yield _program("numbers", options, given=given)
        yield Paragraph(Message("notebook.check"))
        rate = options.figures is None or derivation.graph.rate in options.figures.leaves
        yield _program("check", options, rate=rate)


def _given(graph: Graph, figures: Figures) -> list[tuple[str, str]]:
    """The numbers given, in full; those that the network states are no one's to give."""
    return [
        (_literal(leaf.name), repr(int(n.value.p) / int(n.value.q)))
        for leaf, (n, _) in figures.leaves.items()
        if leaf not in graph.values
    ]


def made_by(derivation: Derivation, options: Options) -> Made:
    """The program that makes the derivation once more."""
    if isinstance(derivation, Page):
        return _page(*derivation.title, options)
    if not derivation.results:
        return _rule(derivation.title[1])
    return _weights(derivation, options)


def _page(key: str, args: Mapping[str, Argument], options: Options) -> Made:
    if key == "title.loss":
        prove, name = "prove_loss", str(args["loss"])
    else:
        function = args["function"]
        prove, name = "prove_activation", function.name if isinstance(function, Call) else str(function)
    call = _call(prove, [_literal(name)], options)
    return Made("page", (f"from backprop_symbolic import {prove}",), call, "d.derivation.ends")


def _rule(args: Mapping[str, Argument]) -> Made:
    imports = (
        "from backprop_symbolic.numeric.descent import descent",
        "from backprop_symbolic.numeric.optimizers import optimizers",
    )
    return Made("rule", imports, f"descent(optimizers.get({_literal(str(args['name']))}))", "len(d.steps)")


def _weights(derivation: Derivation, options: Options) -> Made:
    graph, names = derivation.graph, [w.name for w in derivation.parameters]
    whole = len(names) > 1 and len(names) == len(graph.parameters)
    weight = _literal("all" if whole else names[0] if len(names) == 1 else names)
    if graph.network is None:
        imports: tuple[str, ...] = ("from backprop_symbolic import derive, read",)
        return Made(
            "weights", imports, _call("derive", ["graph", weight], options), "d.gradients", definitions(graph)
        )
    imports, made = ("from backprop_symbolic import Network, derive",), network(graph.network)
    style = graph.notation
    named = {}
    if style is not None and style.name in builtin_names() and style == notation(style.name):
        named = {"notation": style.name} if style.name != "lecture" else {}
    elif style is not None:
        shown = pformat(style, width=100, sort_dicts=False)
        made = f"dense(\n{made},\n{shown},\n)"
        imports += ("from backprop_symbolic.graph import dense",)
        imports += ("from backprop_symbolic.notation import Notation",)
    return Made("weights", imports, _call("derive", [made, weight], options, **named), "d.gradients")


def _call(function: str, args: list[str], options: Options, **named: str) -> str:
    """A call with what is not usual named."""
    if options.language != "en":
        named["lang"] = options.language
    if options.detail != NORMAL:
        named["detail"] = next(name for name, detail in DETAILS.items() if detail == options.detail)
    return (
        f"{function}({', '.join([*args, *(f'{name}={_literal(value)}' for name, value in named.items())])})"
    )


def _literal(value: str | list[str] | list[int]) -> str:
    """A value as Python writes it, between double quotation marks."""
    return json.dumps(value, ensure_ascii=False)


def network(given: Network) -> str:
    """A network as the call that makes it."""
    usual = Network.dense(given.sizes)
    # Of several formulas each carries its number, which it is given again.
    activations = [re.sub(r"^f_\d+: ", "", name) for name in given.activations]
    args = [_literal(list(given.sizes))]
    if given.activations != usual.activations:
        args.append(_literal(activations[0] if len(set(activations)) == 1 else activations))
    for name in ("loss", "bias", "l1", "l2"):
        if getattr(given, name) != getattr(usual, name):
            args.append(f"{name}={_literal(getattr(given, name))}")
    return f"Network.dense({', '.join(args)})"


def definitions(graph: Graph) -> str:
    """A graph as the lines of a graph file, every leaf declared."""
    plain = Plain({})
    declared = [
        f"{q.role} {symbol.name}"
        for symbol, q in graph.quantities.items()
        if q.definition is None and symbol != graph.rate
    ]
    defined = [
        f"{symbol.name} = {plain(q.definition)}"
        for symbol, q in graph.quantities.items()
        if q.definition is not None
    ]
    return "\n".join([*declared, *defined])


formats.register(
    Format(
        "notebook",
        "a Jupyter notebook that runs from top to bottom",
        write=write,
        document=write_document,
        suffix=".ipynb",
    )
)
