"""`backprop notes`: from options to the files of the notes."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import backprop_symbolic.publish as publishing
from backprop_symbolic.derivation import DETAILS
from backprop_symbolic.errors import unknown
from backprop_symbolic.graph import Graph
from backprop_symbolic.lecture.notes import PARTS, SCRIPT, Lecture, Prover, notes
from backprop_symbolic.numeric.values import Values
from backprop_symbolic.rendering.base import Options
from backprop_symbolic.wording import own_templates

Given = Mapping[str, Any]


def options(given: Given, template_dir: str | None) -> Options:
    """How the notes are rendered. Raises UnknownName, BadTemplates."""
    if given["detail"] not in DETAILS:
        raise unknown("detail", given["detail"], DETAILS)
    own = None if template_dir is None else own_templates(template_dir)
    return Options(
        detail=DETAILS[given["detail"]],
        dialect=given["dialect"],
        engine=given["engine"] or "typst",
        templates=own,
    )


def pages(
    graph: Graph,
    values: Values | None,
    given: Given,
    wanted: Sequence[publishing.Edition],
    chosen: Options,
    tell: Callable[[str], None],
    prover: Prover | None = None,
) -> publishing.Pages:
    """Every document of the notes, and the script by which they are proved, where there is a `prover`.

    Raises what the notes, a format or the prover refuses.
    """
    parts = PARTS if given["parts"] is None else tuple(part.strip() for part in given["parts"].split(","))
    lecture = Lecture(
        graph,
        weights=tuple(given["weight"].split()),
        values=values,
        seed=given["seed"],
        options=_typed(given),
        title=given["title"],
        author=given["author"],
        date=given["date"],
        parts=parts,
        plots=not given["no_pictures"],
        detail=chosen.detail,
        digits=given["digits"],
        strict=given["strict"],
        prover=prover,
    )
    tell(graph.title)
    found = notes(lecture)
    pages = publishing.written(found.document, found.names, wanted, chosen, tell)
    if found.script:
        pages.files[SCRIPT] = found.script.encode("utf-8")
        pages.about[SCRIPT] = {"kind": "script"}
    return pages


def _typed(given: Given) -> str:
    """The options that name the network and its numbers, as they are typed."""
    words: list[str] = []
    for name in ("network", "activation", "loss", "l1", "l2", "bias", "notation", "example"):
        if given[name] is not None:
            words += [f"--{name}", str(given[name])]
    if given["graph_file"] is not None:
        words += ["--graph", given["graph_file"]]
    for name, option in (("values_files", "--values"), ("settings", "--set")):
        words += [word for value in given[name] for word in (option, value)]
    for name in ("seed", "sample"):
        if given[name] is not None:
            words += [f"--{name}", str(given[name])]
    return shlex.join(words)
