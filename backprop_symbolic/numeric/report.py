"""What a check found, as a table: text, Markdown, CSV or JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Integer, Rational

from backprop_symbolic.algebra import Numeral, Partial
from backprop_symbolic.document import Message
from backprop_symbolic.graph import Graph, after
from backprop_symbolic.numeric.check import Line
from backprop_symbolic.numeric.claims import Claim, Judged
from backprop_symbolic.printing import BREAK, Latex
from backprop_symbolic.registry import Registry
from backprop_symbolic.render import Words, escape_markdown
from backprop_symbolic.terminal import FILLER, Flat, padded
from backprop_symbolic.wording import messages

#: References that are called by the name of their library, in every language.
LIBRARIES = {"torch": "PyTorch", "jax": "JAX"}


@dataclass(frozen=True)
class Report:
    """What is written: the lines of a check and the claims judged."""

    graph: Graph
    lines: Sequence[Line]
    claims: Sequence[Judged]
    digits: int = 10

    @property
    def passes(self) -> bool:
        """Whether every line agrees and every claim is right."""
        return self.agreeing == len(self.lines) and self.right == len(self.claims)

    @property
    def agreeing(self) -> int:
        """How many lines agree."""
        return sum(line.verdict != "differs" for line in self.lines)

    @property
    def right(self) -> int:
        """How many claims are right."""
        return sum(judged.verdict != "wrong" for judged in self.claims)

    @property
    def references(self) -> list[str]:
        """The references in the order of the table."""
        return list(dict.fromkeys(name for line in self.lines for name in line.references))


@dataclass(frozen=True)
class ReportFormat:
    """A format of a report: its name and the function that writes it."""

    name: str
    write: Callable[[Report, str], str]


def named(line: Line, graph: Graph) -> Any:
    """What a line is about: ∂E/∂w or w(t+1)."""
    return Partial(graph.error, line.parameter) if line.kind == "gradient" else after(line.parameter)


def typed(line: Line, graph: Graph) -> str:
    """The same as a claim types it: dE/dw31, w31(t+1)."""
    if line.kind == "gradient":
        return f"d{graph.error.name}/d{line.parameter.name}"
    return after(line.parameter).name


def claimed(claim: Claim) -> Any:
    """What a claim is about, as mathematics."""
    if claim.kind == "partial":
        assert claim.wrt is not None
        return Partial(claim.symbol, claim.wrt)
    return after(claim.symbol) if claim.kind == "after" else claim.symbol


# ---------------------------------------------------------------- tables for readers


class _Tables:
    """The rows of both tables in one language, with mathematics written by one format."""

    def __init__(self, report: Report, language: str, math: Callable[[Any], str], escape: Any) -> None:
        self.report, self.graph = report, report.graph
        self.math = math
        self.words = Words(language, math, escape)

    def say(self, key: str, **args: Any) -> str:
        return self.words(Message(key, args))

    def number(self, value: float, digits: int | None = None) -> str:
        exact = Rational(*value.as_integer_ratio())
        return self.math(Numeral(exact, Integer(digits or self.report.digits)))

    def lines(self) -> list[list[str]]:
        names = self.report.references
        columns = ["quantity", "derived", *names, "difference", "verdict"]
        rows = [[LIBRARIES.get(column) or self.say(f"check.{column}") for column in columns]]
        for line in self.report.lines:
            found = [self.number(line.references[n]) if n in line.references else "–" for n in names]
            rows.append(
                [
                    self.math(named(line, self.graph)),
                    self.number(line.derived),
                    *found,
                    self.number(line.difference, 1),
                    self.say(f"verdict.{line.verdict}"),
                ]
            )
        return rows

    def claims(self) -> list[list[str]]:
        rows = [[self.say(f"check.{c}") for c in ("quantity", "claim", "right", "verdict", "cause")]]
        for judged in self.report.claims:
            claim = judged.claim
            subject = self.math(claimed(claim))
            rows.append(
                [
                    f"Δ {subject}" if claim.kind == "change" else subject,
                    claim.printed,
                    self.number(judged.right),
                    self.say(f"verdict.{judged.verdict}"),
                    self.causes(judged),
                ]
            )
        return rows

    def causes(self, judged: Judged) -> str:
        if judged.verdict != "wrong":
            return ""
        if not judged.causes:
            return self.say("verdict.unexplained")
        return "; ".join(self.say(f"cause.{cause.key}", **cause.args) for cause in judged.causes)

    def notes(self) -> list[str]:
        """The one-sided derivatives at kinks, and the counts."""
        report = self.report
        found = []
        for line in report.lines:
            if line.sides is not None:
                left, right = (Numeral(Rational(*s.as_integer_ratio()), Integer(6)) for s in line.sides)
                value = Numeral(Rational(*line.derived.as_integer_ratio()), Integer(6))
                partial = named(line, self.graph)
                found.append(self.say("check.sides", partial=partial, left=left, right=right, derived=value))
        found.append(self.say("check.summary_agrees", count=report.agreeing, total=len(report.lines)))
        if report.claims:
            found.append(self.say("check.summary_claims", count=report.right, total=len(report.claims)))
        return found


def _write_text(report: Report, language: str) -> str:
    flat = Flat(report.graph.written(language))
    tables = _Tables(report, language, flat, str)
    title = tables.say("check.title", error=report.graph.error)
    parts = [title, "=" * len(padded(title)), "", *_aligned(tables.lines())]
    if report.claims:
        heading = tables.say("check.claims")
        parts += ["", heading, "-" * len(padded(heading)), "", *_aligned(tables.claims())]
    return "\n".join([*parts, "", *tables.notes()]).replace(FILLER, "") + "\n"


def _aligned(rows: list[list[str]]) -> list[str]:
    """Columns side by side; a syllable of Hangul takes two places."""
    shown = [[padded(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in shown) for i in range(len(shown[0]))]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in shown]


def _write_markdown(report: Report, language: str) -> str:
    latex = Latex(report.graph.written(language), messages(language)["word.otherwise"])
    tables = _Tables(report, language, lambda e: f"$`{latex(e).replace(BREAK, '')}`$", escape_markdown)
    parts = [f"# {tables.say('check.title', error=report.graph.error)}", "", *_pipes(tables.lines())]
    if report.claims:
        parts += ["", f"## {tables.say('check.claims')}", "", *_pipes(tables.claims())]
    notes = [row for note in tables.notes() for row in ("", note)]
    return "\n".join([*parts, *notes]) + "\n"


def _pipes(rows: list[list[str]]) -> list[str]:
    head, *body = [f"| {' | '.join(row)} |" for row in rows]
    return [head, f"|{' --- |' * len(rows[0])}", *body]


# ---------------------------------------------------------------- tables for programs


def _records(report: Report, language: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    flat = Flat(report.graph.written(language))
    words = Words(language, flat, str)
    lines = [
        {
            "quantity": typed(line, report.graph),
            "derived": line.derived,
            "references": dict(line.references),
            "difference": line.difference,
            "verdict": line.verdict,
            **({} if line.sides is None else {"left": line.sides[0], "right": line.sides[1]}),
        }
        for line in report.lines
    ]
    claims = [
        {
            "claim": judged.claim.text,
            "claimed": judged.claim.value,
            "right": judged.right,
            "verdict": judged.verdict,
            "causes": [
                {
                    "cause": cause.key,
                    "value": cause.value,
                    "text": words(Message(f"cause.{cause.key}", cause.args)),
                }
                for cause in judged.causes
            ],
        }
        for judged in report.claims
    ]
    return lines, claims


def _write_json(report: Report, language: str) -> str:
    import json

    lines, claims = _records(report, language)
    whole = {"language": language, "passes": report.passes, "lines": lines, "claims": claims}
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _write_csv(report: Report, language: str) -> str:
    import csv
    import io

    names = report.references
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["quantity", "derived", *names, "difference", "claimed", "verdict", "causes"])
    lines, claims = _records(report, language)
    for line in lines:
        found = [line["references"].get(name, "") for name in names]
        row = [line["quantity"], line["derived"], *found, line["difference"], "", line["verdict"], ""]
        writer.writerow(row)
    for judged, claim in zip(claims, report.claims, strict=True):
        causes = " ".join(cause["cause"] for cause in judged["causes"])
        about = claim.claim.text.rpartition("=")[0].strip()
        row = [about, judged["right"], *[""] * len(names), "", claim.claim.printed, judged["verdict"], causes]
        writer.writerow(row)
    return text.getvalue()


formats: Registry[ReportFormat] = Registry("format of a check")
for _format in (
    ReportFormat("text", _write_text),
    ReportFormat("markdown", _write_markdown),
    ReportFormat("csv", _write_csv),
    ReportFormat("json", _write_json),
):
    formats.register(_format)


def write(report: Report, format: str, language: str) -> str:
    """A report in a format and a language. Raises UnknownName."""
    return formats.get(format).write(report, language)
