"""`backprop review`: from files to a report, an exit code and a repaired copy."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from backprop_symbolic.errors import BadText, BadValues, OutputRefused, nearest, quoted, unknown
from backprop_symbolic.review import contextfile, fix, report
from backprop_symbolic.review.contextfile import ContextFile
from backprop_symbolic.review.tree import UNDECIDED, WRONG, Review
from backprop_symbolic.wording import messages

if TYPE_CHECKING:
    from backprop_symbolic.graph import Graph
    from backprop_symbolic.numeric.values import Source
    from backprop_symbolic.review.context import Given

#: --fail-on → the verdicts with which the exit code is 1.
FAILURES = {"wrong": (WRONG,), "undecided": (WRONG, UNDECIDED), "never": ()}
COLOURS = ("auto", "always", "never")

Options = Mapping[str, Any]


def check(options: Options) -> None:
    """Refuses what can be refused before anything is read."""
    report.formats.get(options["format_"])
    messages(options["lang"])
    if options["fail_on"] not in FAILURES:
        raise unknown("verdict", options["fail_on"], FAILURES, "to fail on")
    if options["colour"] not in COLOURS:
        raise unknown("choice", options["colour"], COLOURS, "of --colour")
    files = options["files"]
    if files.count("-") > 1 or ("-" in files and options["graph_file"] == "-"):
        raise click.UsageError("standard input can be read once only: '-' is given twice")
    if options["fix"] is None:
        if options["force"]:
            raise click.UsageError("--force goes with --fix")
        return
    if len(files) > 1:
        raise click.UsageError(f"--fix goes with one file, not {len(files)}")
    _new(options["fix"], options["force"], (files[0], options["output"]))


def _new(path: str, force: bool, others: Sequence[str | None]) -> None:
    """Refuses a repaired copy that cannot be written, or would take the place of something."""
    folder = Path(path).parent
    if not path or Path(path).is_dir() or not folder.is_dir():
        raise OutputRefused(f"cannot write {quoted(path)}: there is no directory {quoted(folder)}")
    for other in others:
        if other is not None and os.path.realpath(path) == os.path.realpath(other):
            raise OutputRefused(f"--fix {quoted(path)} is {quoted(other)} itself: name a new file")
    if Path(path).exists() and not force:
        raise OutputRefused(f"--fix {quoted(path)}: there is such a file already; --force replaces it")


def context_file(path: str | None) -> ContextFile:
    """The context file, or an empty context. Raises BadValues, UnknownName."""
    return ContextFile() if path is None else contextfile.read(path)


def review(
    options: Options,
    context: ContextFile,
    stated: tuple[Graph | None, Sequence[Source]],
    write: Callable[[str, str | None], None],
) -> int:
    """Reviews every file, writes the report and the repaired copy; the exit code."""
    given = in_context(context, *stated, options["sample"])
    texts = [(file if file != "-" else "stdin", _read(file)) for file in options["files"]]
    reviews = [judged(name, data, given) for name, data in texts]
    if options["fix"] is not None:
        _fix(options, reviews[0], texts[0][1], given, write)
    colour = options["colour"] == "always" or (options["colour"] == "auto" and _on_terminal(options))
    write(
        report.write(reviews, options["format_"], options["lang"], colour, options["quiet"]),
        options["output"],
    )
    failures = FAILURES[options["fail_on"]]
    return int(any(finding.verdict in failures for one in reviews for finding in one.findings))


def judged(name: str, data: bytes, given: Given) -> Review:
    """The review of a text. Raises BadText for one that cannot be read."""
    from backprop_symbolic.review import grammar, judge, sources

    rows = sources.read(data, name)
    return judge.review(name, sources.text_of(data, name), grammar.parse_all(rows), given)


def in_context(
    context: ContextFile,
    graph: Graph | None = None,
    sources: Sequence[Source] = (),
    sample: int | None = None,
) -> Given:
    """What is stated of a text: its network, numbers by our names, and what its own names mean.

    Without a network, numbers go by the names of the text. Raises BadValues, UnknownName.
    """
    from backprop_symbolic.numeric.values import known
    from backprop_symbolic.review.context import Given

    if graph is None:
        if context.names:
            raise BadValues(
                f'{context.where}: [names] are names of a network: state it too, e.g. network = "2-2-2"'
            )
        numbers = {name: number.value for source in sources for name, number in source.numbers.items()}
        return Given(values=numbers, definitions=context.definitions)
    ours = [symbol.name for symbol in graph.quantities]
    for name in context.names.values():
        if name not in ours:
            raise unknown("quantity", name, ours, f"in [names] of {quoted(context.where)}")
    names = {_key(name, context.where): ours for name, ours in context.names.items()}
    numbers = {symbol.name: number for symbol, number in known(graph, sources, sample).items()}
    return Given(graph=graph, values=numbers, names=names, definitions=context.definitions)


def _key(latex: str, where: str) -> str:
    """What a name of the text is known by, however it is written. Raises BadValues for what is no name."""
    from backprop_symbolic.review.grammar import parse
    from backprop_symbolic.review.tree import Name, Row, Statement

    text = f"{latex} = 0"
    said = parse(Row("C", text, tuple((1, i + 1) for i in range(len(text) + 1)), 0))
    name = said.relations[0].sides[0] if isinstance(said, Statement) else None
    if not isinstance(name, Name):
        raise BadValues(f"{quoted(where)}: {quoted(latex)} in [names] is not read as one name")
    return name.key


def _read(file: str) -> bytes:
    """The bytes of a file or of standard input, as many as are read at most and one more."""
    from backprop_symbolic.review.sources import MAX_BYTES

    if file == "-":
        if sys.stdin is None:
            raise BadText("there is no standard input to read from")
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        with Path(file).open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        hint = ""
        if isinstance(error, FileNotFoundError):
            folder = Path(file).parent
            close = nearest(Path(file).name, (p.name for p in folder.iterdir())) if folder.is_dir() else None
            hint = f". Did you mean {quoted(folder / close)}?" if close else ""
        raise BadText(f"cannot read {quoted(file)}: {error.strerror}{hint}") from None
    except ValueError:
        raise BadText(f"cannot read {quoted(file)}: no such file") from None


def _on_terminal(options: Options) -> bool:
    """Whether a report goes to a terminal that shows colours."""
    if options["output"] is not None or options["format_"] != "text" or os.environ.get("NO_COLOR"):
        return False
    return sys.stdout is not None and sys.stdout.isatty()


# ---------------------------------------------------------------- the repaired copy


def _fix(
    options: Options, review: Review, data: bytes, given: Given, write: Callable[[str, str | None], None]
) -> None:
    """Writes the copy with those repairs that are right in it, and tells how many they are."""
    mark = data[: len(data) - len(review.text.encode("utf-8"))]  # a byte order mark is no text
    text, count = _repaired(review, given)
    path = options["fix"]
    write(mark.decode("utf-8") + text, path)
    wrong = sum(found.verdict == WRONG and not found.follows for found in review.findings)
    say = report.Teller(options["lang"], report.visible, report.visible).say
    click.echo(say("repaired", count=count, wrong=wrong, file=path), err=True)


def _repaired(review: Review, given: Given) -> tuple[str, int]:
    """The text with the repairs that a second review of it finds right, and how many they are."""
    kept = fix.edits(review.findings)
    change = fix.repaired_notebook if review.source.lower().endswith(".ipynb") else fix.repaired
    while kept:
        text = change(review.text, kept)
        again = judged(review.source, text.encode("utf-8"), given)
        wrong = {found.row.id for found in again.findings if found.verdict == WRONG}
        good = tuple(edit for edit in kept if edit.finding.row.id not in wrong)
        if good == kept:
            return text, len(kept)
        kept = good
    return review.text, 0
