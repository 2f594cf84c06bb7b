"""A training in words and tables: how it went, why it stopped, where the weights are.

Also what a training leaves behind in files: a log of every iteration, the error curve, and a values
file of the final weights.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backprop_symbolic.derivation import Argument
from backprop_symbolic.document import Message
from backprop_symbolic.errors import BadSetting, OutputRefused, quoted, unknown
from backprop_symbolic.files import replacing
from backprop_symbolic.graph import Graph
from backprop_symbolic.numeric.session import Session
from backprop_symbolic.numeric.train import ITERATIONS, PATIENCE, UNTIL_ERROR, Trainer

if TYPE_CHECKING:
    from collections.abc import Callable

FORMATS = ("text", "markdown", "json")
LOGS = (".csv", ".json")
SAVES = (".toml", ".json")
#: Weights that are listed; more go into a file by --save.
MAX_LISTED = 60


@dataclass(frozen=True)
class Row:
    """The weights after so many iterations, and the error with them."""

    iteration: int
    error: float
    parameters: Any = None


@dataclass
class Report:
    """What a training came to: the first row, those asked for, the last."""

    session: Session
    rows: list[Row] = field(default_factory=list)
    with_weights: bool = False

    def first(self) -> None:
        """Notes the weights before the first update."""
        self.rows.append(self.now())

    def every(self, iterations: int) -> Callable[[int, float, Any], None]:
        """A function to be told of each iteration; it notes some."""

        def note(iteration: int, error: float, parameters: Any) -> None:
            if iteration % iterations == 0 and iteration > self.rows[0].iteration:
                self.rows.append(Row(iteration, error, _kept(parameters)))

        return note

    def last(self) -> Row:
        """Notes and returns the weights after the last update."""
        row = self.now()
        if row.iteration > self.rows[-1].iteration:
            self.rows.append(row)
        return row

    def now(self) -> Row:
        """The weights as they are, and their error over all samples."""
        trainer = self.session.trainer
        return Row(trainer.iteration, trainer.error(), _kept(trainer.parameters))


def _kept(parameters: Any) -> Any:
    """The parameters as they are now: arrays are changed in place."""
    return parameters if isinstance(parameters, tuple) else [p.copy() for p in parameters]


def ending(path: str, allowed: Sequence[str], option: str) -> str:
    """The file's ending. Raises BadSetting for one that is not allowed."""
    found = Path(path).suffix.lower()
    if found not in allowed:
        raise BadSetting(f"{option} {quoted(path)}: its name must end in {', '.join(allowed)}")
    return found


# ---------------------------------------------------------------- words and tables


def write(report: Report, format_: str, language: str, digits: int) -> str:
    """The report in a format. Raises UnknownName."""
    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    if format_ == "json":
        return _json(report)
    from backprop_symbolic.render import Words, environment, escape_markdown
    from backprop_symbolic.terminal import padded

    def plain(text: str) -> str:
        return text

    escape: Callable[[str], str] = escape_markdown if format_ == "markdown" else plain
    words = Words(language, str, escape)
    head, rows = _table(report, digits, words)
    columns = list(zip(head, *rows, strict=True))
    widths = [max(len(padded(cell)) for cell in column) for column in columns]
    trainer = report.session.trainer
    unlisted = words(Message("train.unlisted", {"option": "--save"}))
    samples = {"count": trainer.samples.count, "batch": trainer.plan.batch}
    weights = [] if report.with_weights else _weights(report, digits)
    template = {"markdown": "markdown/training.md", "text": "text/training.txt"}[format_]
    title = words(_title(report))
    text = (
        environment()
        .get_template(template)
        .render(
            title=title,
            samples=words(Message("train.samples", samples)),
            reason=words(_reason(trainer)),
            head=_line(head, widths, padded),
            rows=[_line(row, widths, padded) for row in rows],
            head_cells=[escape(cell) for cell in head],
            row_cells=rows,
            weights=[(escape(name), value) for name, value in weights],
            weights_title=words(Message("train.weights", {"count": trainer.iteration})),
            unlisted="" if report.with_weights or weights else unlisted,
            width=lambda shown: len(padded(shown)),
        )
    )
    return text.rstrip() + "\n"


def _line(cells: Sequence[str], widths: Sequence[int], padded: Callable[[str], str]) -> str:
    return "  ".join(" " * (w - len(padded(cell))) + cell for cell, w in zip(cells, widths, strict=True))


def _title(report: Report) -> Message:
    plan, target = report.session.trainer.plan, report.session.target
    if isinstance(target, Graph) and target.network is not None:
        target = target.network
    args = {"network": target.title, "optimizer": plan.optimizer, "rate": f"{plan.rate:g}"}
    return Message("train.title_sequential" if _is_sequential(report) else "train.title", args)


def _is_sequential(report: Report) -> bool:
    return bool(report.session.about["order of updates"] == "sequential")


def _reason(trainer: Trainer) -> Message:
    plan = trainer.plan
    option = f"--{trainer.reason.replace('_', '-')}"
    args: dict[str, Argument] = {"count": trainer.iteration, "option": option}
    return {
        ITERATIONS: Message("train.iterations", args),
        UNTIL_ERROR: Message("train.until_error", {**args, "error": f"{plan.until_error or 0:g}"}),
        PATIENCE: Message("train.patience", {**args, "patience": plan.patience}),
    }[trainer.reason]


def _table(report: Report, digits: int, words: Callable[[Message], str]) -> tuple[list[str], list[list[str]]]:
    head = [words(Message("train.iteration")), words(Message("train.error"))]
    names = report.session.names if report.with_weights else ()
    rows = []
    for row in report.rows:
        cells = [str(row.iteration), f"{row.error:.{digits}g}"]
        if names:
            cells += [f"{value:.{digits}g}" for value in row.parameters]
        rows.append(cells)
    return [*head, *names], rows


def _weights(report: Report, digits: int) -> list[tuple[str, str]]:
    """The final weights, where they are numbers and few enough to be read."""
    named = report.session.named(report.session.trainer.parameters)
    numbers = [(name, value) for name, value in named.items() if isinstance(value, float)]
    if len(numbers) < len(named) or len(numbers) > MAX_LISTED:
        return []
    return [(name, f"{value:.{digits}g}") for name, value in numbers]


def _json(report: Report) -> str:
    session, trainer = report.session, report.session.trainer
    rows = []
    for row in report.rows:
        entry: dict[str, Any] = {"iteration": row.iteration, "error": row.error}
        if report.with_weights:
            entry["parameters"] = session.named(row.parameters)
        rows.append(entry)
    update = trainer.engine.update  # type: ignore[attr-defined]
    data = {
        "network": session.about["network"],
        "optimizer": trainer.plan.optimizer,
        "settings": dict(zip([s.name for s in update.optimizer.settings], update.settings, strict=True)),
        "learning_rate": trainer.plan.rate,
        "sequential": _is_sequential(report),
        "samples": trainer.samples.count,
        "batch": trainer.plan.batch,
        "iterations": trainer.iteration,
        "epochs": trainer.epoch,
        "reason": trainer.reason,
        "rows": rows,
        "parameters": session.named(trainer.parameters),
    }
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


# ---------------------------------------------------------------- a log of every iteration


@contextmanager
def logging(path: str, session: Session) -> Iterator[Callable[[int, float, Any], None]]:
    """A function that writes one line for each iteration: its number, the error, the weights.

    The weights are there where they are numbers. The file is there at the end, or not at all.
    """
    as_json = ending(path, LOGS, "--log") == ".json"
    names = session.names if isinstance(session.trainer.parameters, tuple) else ()
    try:
        with replacing(path) as file:
            first, head = True, ["iteration", "error", *names]

            def note(iteration: int, error: float, parameters: Any) -> None:
                nonlocal first
                values = [iteration, error, *(parameters if names else ())]
                if as_json:
                    row = json.dumps(dict(zip(head, values, strict=True)), ensure_ascii=False)
                    file.write(f"{'[' if first else ','}\n{row}".encode())
                else:
                    rows = [*([",".join(map(_cell, head))] if first else []), ",".join(map(repr, values))]
                    file.writelines(f"{line}\n".encode() for line in rows)
                first = False

            yield note
            if as_json:
                file.write(b"[]\n" if first else b"\n]\n")
    except OSError as error:
        raise OutputRefused(f"cannot write {quoted(path)}: {error.strerror}") from None


def _cell(name: str) -> str:
    return f'"{name}"' if "," in name else name


# ---------------------------------------------------------------- the final weights


def save(path: str, session: Session) -> None:
    """A values file of the network with its weights as they are now. Raises OutputRefused."""
    kind = ending(path, SAVES, "--save")
    text = _as_toml(_values(session)) if kind == ".toml" else json.dumps(_values(session), indent=1) + "\n"
    try:
        with replacing(path) as file:
            file.write(text.encode())
    except OSError as error:
        raise OutputRefused(f"cannot write {quoted(path)}: {error.strerror}") from None


def _values(session: Session) -> dict[str, Any]:
    trainer, graph = session.trainer, session.graph
    network = session.target if not isinstance(session.target, Graph) else session.target.network
    data: dict[str, Any] = {}
    if network is not None:
        data = {
            "network": network.title,
            "activation": ",".join(network.activations),
            "loss": network.loss,
            "bias": network.bias,
        }
        if graph is not None and graph.notation is not None:
            data["notation"] = graph.notation.name
    else:
        assert isinstance(graph, Graph)
        from backprop_symbolic.printing import definitions

        data = {"graph": definitions(graph)}
    data["learning_rate"] = trainer.plan.rate
    if session.graph is None or session.values is None:
        named = session.named(trainer.parameters)
        data["weights"] = [value for name, value in named.items() if name.startswith("W")]
        biases = [value for name, value in named.items() if name.startswith("b")]
        return {**data, **({"biases": biases} if biases else {})}
    if len(session.values.samples) == 1 and trainer.samples.count == 1:
        for symbol, value in session.values.samples[0].items():
            data[symbol.name] = value
    for symbol, quantity in session.graph.quantities.items():
        if quantity.role == "constant" and symbol != session.graph.rate:
            data[symbol.name] = session.values[symbol]
    data.update(_by_name(session))
    return data


def _by_name(session: Session) -> dict[str, float]:
    from backprop_symbolic.numeric.compile import scalars

    assert session.graph is not None
    parameters = session.trainer.parameters
    numbers = parameters if isinstance(parameters, tuple) else scalars(session.graph, parameters)
    return {s.name: value for s, value in zip(session.graph.parameters, numbers, strict=True)}


def _as_toml(data: Mapping[str, Any]) -> str:
    """A flat table as TOML; a JSON text is a TOML text."""
    return "".join(f"{_key(name)} = {_toml(value)}\n" for name, value in data.items())


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else json.dumps(name, ensure_ascii=False)


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


# ---------------------------------------------------------------- the error curve


def plot(path: str, report: Report, language: str) -> None:
    """The error curve, to its end, as SVG, PNG or PDF. Raises OutputRefused."""
    from backprop_symbolic.plots import error_curve, format_of

    end = report.rows[-1]
    points = [*report.session.trainer.curve.points, (end.iteration, end.error)]
    data = error_curve(points, format_of(path), language)
    try:
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise OutputRefused(f"cannot write {quoted(path)}: {error.strerror}") from None
