"""Eight published derivations reviewed: what is found, what is blamed wrongly, what is left undecided.

The texts are other people's and lie beside a checkout, one label for each row. What a text's prose says
and its rows do not is stated here, as a context file would.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backprop_symbolic.graph import Graph, dense
from backprop_symbolic.notation import notation
from backprop_symbolic.numeric.values import Source, example, stated
from backprop_symbolic.review import command, contextfile
from backprop_symbolic.review.contextfile import ContextFile
from backprop_symbolic.review.tree import REMARK, RIGHT, UNDECIDED, WRONG, Finding, Review
from backprop_symbolic.spec import Network
from benchmarks.timing import Row, figure, seconds, show

TEXTS = Path(__file__).resolve().parent.parent.parent / "shared" / "cases" / "derivations"

#: What makes a row go on from the one before it, in one display.
CONTINUES = re.compile(r"\s*(&|=|\+)")
#: Texts about single numbers and functions; the others are about matrices, or about softmax with indices.
SCALAR = ("D01", "D02", "D07", "D08", "D13", "D20")

#: The facts that a text's prose states: a published example, names, definitions.
SETUPS: Mapping[str, Mapping[str, Any]] = {
    "D01": {"example": "mazur"},
    "D02": {
        "example": "wikidocs",
        "names": {
            "z_1": "net_h1", "z_2": "net_h2", "z_3": "net_o1", "z_4": "net_o2",
            "h_1": "out_h1", "h_2": "out_h2", "o_1": "out_o1", "o_2": "out_o2",
            "x_1": "i1", "x_2": "i2", r"\alpha": "eta", "output_{o1}": "out_o1", "output_{o2}": "out_o2",
            **{f"W_{i}": f"w{i}" for i in range(1, 9)},
        },
    },
    "D04": {},
    "D07": {
        "definitions": [
            r"f(x) = \frac{1}{1 + e^{-x}}",
            r"\alpha_h = \sum_i v_{ih} x_i", r"b_h = f(\alpha_h - \gamma_h)",
            r"\beta_j = \sum_h w_{hj} b_h", r"\hat{y}_j = f(\beta_j - \theta_j)",
            r"E_k = \frac{1}{2} \sum_j (\hat{y}_j - y_j)^2",
            r"g_j = \hat{y}_j (1 - \hat{y}_j) (y_j - \hat{y}_j)",
            r"e_h = b_h (1 - b_h) \sum_j w_{hj} g_j",
        ]
    },
    "D08": {},
    "D11": {},
    "D13": {
        "example": "mazur",
        "names": {
            "x1": "i1", "x2": "i2", "y1": "target_o1", "y2": "target_o2", "J_{total}": "E_total",
            "J_{o1}": "E_o1", "J_{o2}": "E_o2",
            **{f"input_{{({u})}}": f"net_{u}" for u in ("h1", "h2", "o1", "o2")},
            **{f"output_{{({u})}}": f"out_{u}" for u in ("h1", "h2", "o1", "o2")},
        },
    },
    "D20": {},
}  # fmt: skip


@dataclass(frozen=True)
class Text:
    """A labelled text as a document: `lines` tells which line of it holds which row."""

    id: str
    document: str
    lines: Mapping[int, str]
    labels: Mapping[str, str]
    categories: Mapping[str, str]
    rows: Mapping[str, str]


@dataclass
class Tally:
    """What became of the rows of a text, by their ids."""

    found: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    blamed: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    apart: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    right: int = 0
    rows: int = 0
    seconds: float = 0.0


def read(path: Path) -> Text:
    """A text written out, every row on a line of its own."""
    case = json.loads(path.read_text(encoding="utf-8"))
    out: list[str] = []
    lines: dict[int, str] = {}
    displays: list[list[dict[str, Any]]] = []
    for row in case["lines"]:
        plain = row["kind"] == "plain"
        if displays and CONTINUES.match(row["text"]) and not plain:
            displays[-1].append(row)
        else:
            displays.append([row])
    for display in displays:
        plain = display[0]["kind"] == "plain"
        out += [] if plain else ["$$", r"\begin{aligned}"]
        for number, row in enumerate(display, 1):
            ending = "" if plain or number == len(display) else r" \\"
            out.append(" ".join(row["text"].split()) + ending)
            lines[len(out)] = row["id"]
        out += [""] if plain else [r"\end{aligned}", "$$", ""]
    rows = case["lines"]
    return Text(
        case["id"].split("_")[0],
        "\n".join(out),
        lines,
        {row["id"]: row["label"] for row in rows},
        {row["id"]: row["errors"][0]["category"] for row in rows if row.get("errors")},
        {row["id"]: row["text"] for row in rows},
    )


def context(id: str) -> ContextFile:
    """What the prose of a text states."""
    setup = dict(SETUPS[id])
    name = setup.pop("example", None)
    told = contextfile.stated(setup, id)
    sources = (*([] if name is None else [example(name)]), *told.sources)
    return ContextFile(sources, told.names, told.definitions, id)


def network(sources: Sequence[Source]) -> Graph:
    """The network of a published example."""
    said, _ = stated(sources, {})
    chosen = {key: said[key] for key in ("activation", "loss", "bias") if said[key] is not None}
    return dense(Network.parse(str(said["network"]), **chosen), notation(str(said["notation"])))


def reviewed(text: Text) -> Review:
    """The review of a text, in the context of its prose."""
    told = context(text.id)
    graph = network(told.sources) if told.sources else None
    given = command.in_context(told, graph, told.sources)
    return command.judged(f"{text.id}.md", text.document.encode("utf-8"), given)


def verdicts(text: Text, review: Review) -> Mapping[str, list[Finding]]:
    """Row → what was found in it; a finding that spans lines is about each of them."""
    found: dict[str, list[Finding]] = {row: [] for row in text.labels}
    for finding in review.findings:
        place = finding.row.place(finding.span)
        for line in range(place.line, place.end_line + 1):
            if line in text.lines:
                found[text.lines[line]].append(finding)
    return found


def verdict(findings: Sequence[Finding]) -> str:
    """The worst of a row's; a row of which nothing was said is undecided."""
    said = {finding.verdict for finding in findings}
    return next((v for v in (WRONG, UNDECIDED, REMARK, RIGHT) if v in said), UNDECIDED)


def tally(text: Text) -> Tally:
    """A text reviewed and compared with its labels."""
    result = Tally()
    reviews: list[Review] = []
    result.seconds = seconds(lambda: reviews.append(reviewed(text)))
    for row, findings in verdicts(text, reviews[0]).items():
        if not re.search(r"=|\\approx|\\to|\\rightarrow", text.rows[row]):
            continue
        label, judged = text.labels[row], verdict(findings)
        result.rows += 1
        if judged == UNDECIDED:
            result.undecided.append(row)
        if label == "wrong":
            (result.found if judged == WRONG else result.missed).append(row)
            if judged == WRONG:
                named = [f.mistake.key.partition(".")[2] for f in findings if f.mistake is not None]
                follows = any(f.follows for f in findings)
                cause = named[0] if named else "follows" if follows else "no mistake named"
                result.named[f"{text.categories[row]}: {cause}"] += 1
        elif label == "ok":
            result.right += 1
            if judged == WRONG:
                result.blamed.append(row)
        else:
            result.apart[f"{label} called {judged}"] += 1
    return result


def share(part: int, whole: int) -> str:
    """part of whole, in per cent where there is a whole."""
    return f"{part} of {whole}" + (f" ({100 * part / whole:.0f} %)" if whole else "")


def rows_about(name: str, tallies: Sequence[Tally], scalar: bool, listed: bool = True) -> list[Row]:
    """The table's rows about one text, or several together."""
    found, missed, blamed, undecided = (
        [row for one in tallies for row in getattr(one, what)]
        for what in ("found", "missed", "blamed", "undecided")
    )
    rows, right = sum(one.rows for one in tallies), sum(one.right for one in tallies)
    apart: Counter[str] = sum((one.apart for one in tallies), Counter())
    named: Counter[str] = sum((one.named for one in tallies), Counter())

    def which(ids: Sequence[str]) -> str:
        return f"  {' '.join(ids)}" if listed and ids else ""

    wrong, count = len(found) + len(missed), len(undecided)
    shown = share(len(found), wrong) + (f"  missed{which(missed)}" if missed and listed else "")
    enough = len(found) >= 0.8 * wrong if scalar and wrong else None
    few = count <= 0.15 * rows if scalar else None
    table = [
        Row(f"{name}: wrong rows found", "≥ 80 %" if scalar and wrong else "", shown, enough),
        Row(f"{name}: right rows called wrong", "0", share(len(blamed), right) + which(blamed), not blamed),
        Row(f"{name}: not decided", "≤ 15 %" if scalar else "", share(count, rows) + which(undecided), few),
    ]
    for title, counted in (("causes named", named), ("labels apart", apart)):
        if counted:
            said = "; ".join(f"{what} ×{number}" for what, number in sorted(counted.items()))
            table.append(figure(f"{name}: {title}", said))
    return [*table, figure(f"{name}: time", f"{1000 * sum(one.seconds for one in tallies):.0f} ms")]


def measure(only: Sequence[str] = ()) -> list[Row]:
    """The table; empty where the texts are not there, which is told on stderr."""
    if not TEXTS.is_dir():
        print(f"NOT MEASURED: the published derivations are not at {TEXTS}", file=sys.stderr)
        return []
    found: dict[str, Tally] = {}
    for path in sorted(TEXTS.glob("*.json")):
        text = read(path)
        if not only or text.id in only:
            found[text.id] = tally(text)
    rows = [row for id, one in found.items() for row in rows_about(id, [one], id in SCALAR)]
    scalar = [one for id, one in found.items() if id in SCALAR]
    rows += rows_about("scalar texts", scalar, True, listed=False) if scalar else []
    return rows + rows_about("all texts", list(found.values()), False, listed=False)


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.review", description=__doc__)
    parser.add_argument("texts", nargs="*", metavar="ID", help="Some texts only, e.g. D01.")
    parser.add_argument("--write", metavar="DIR", help="Write the texts as documents to DIR and review none.")
    given = parser.parse_args(args)
    if given.write:
        for path in sorted(TEXTS.glob("*.json")):
            text = read(path)
            Path(given.write, f"{text.id}.md").write_text(text.document, encoding="utf-8")
        return
    rows = measure(given.texts)
    if rows:
        show("Published derivations reviewed", rows)


if __name__ == "__main__":
    main()
