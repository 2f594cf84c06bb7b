"""What a review found, for a terminal, a pull request, a browser or a program.

Each format is one entry of `formats`; what all of them say of a finding is put together once, in `Told`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from backprop_symbolic.message import Message
from backprop_symbolic.registry import Registry
from backprop_symbolic.rendering.base import Words, environment, on_one_line
from backprop_symbolic.rendering.markdown import escape_markdown
from backprop_symbolic.review.fix import place_of_repair
from backprop_symbolic.review.tree import REMARK, RIGHT, UNDECIDED, WRONG, Finding, Review
from backprop_symbolic.terminal import FILLER, padded

#: The verdicts in the order of a summary.
VERDICTS = (RIGHT, WRONG, UNDECIDED, REMARK)
#: Version of the JSON: the second number rises with a new optional field, the first with anything else.
SCHEMA = "1.1"
#: An equation longer than this is cut where a reader sees it; programs get it whole.
LONG = 400
#: The kind of what was not read.
NONE = "none"
#: A piece of text with one of these signs is mathematics of the reader's.
_MATHEMATICS = re.compile(r"[\\_^{}=]")


# ---------------------------------------------------------------- what every format says


@dataclass(frozen=True)
class Reviewed:
    """A review and how many links of each verdict it has, also where not all of them are shown."""

    review: Review
    counts: Mapping[str, int]


def reviewed(review: Review, quiet: bool = False) -> Reviewed:
    """A review with its counts; where `quiet`, without the context and what is right."""
    counts = {v: sum(found.verdict == v for found in review.findings) for v in VERDICTS}
    if quiet:
        kept = tuple(found for found in review.findings if found.verdict != RIGHT)
        review = replace(review, context=(), findings=kept)
    return Reviewed(review, counts)


class Mathematics(Words):
    """Sentences in which what the reader wrote is set as mathematics, and all else is text."""

    def pieces(self, message: Message) -> list[str]:
        key = message.key if "." in message.key else f"review.{message.key}"
        return super().pieces(Message(key, message.args))

    def argument(self, name: str, args: Mapping[str, Any]) -> str:
        value = args.get(name)
        if isinstance(value, str) and _MATHEMATICS.search(value):
            return self.math(value)
        return super().argument(name, args)

    def say(self, key: str, **args: str | int) -> str:
        """A sentence of the report itself."""
        return self(Message(key, args))


@dataclass(frozen=True, slots=True)
class Told:
    """A finding in one format and language; what it does not say is empty.

    written  the equation as it stands in the text
    where    line:column, with the cell of a notebook
    numbers  the counterexample, a sentence
    readings in which of several ways it was read, a sentence each
    follows  of which earlier row it is a consequence, a sentence
    """

    finding: Finding
    where: str
    verdict: str
    written: str
    why: str
    mistake: str
    numbers: str
    repair: str
    follows: str
    readings: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """Everything that is said of the equation, in order."""
        said = (self.why, self.mistake, self.numbers, self.repair, self.follows, *self.readings)
        return tuple(text for text in said if text)


class Teller:
    """Puts findings into words.

    formula  mathematics of the reader's, in a format; `words` are the sentences of its language
    """

    def __init__(self, language: str, formula: Callable[[str], str], escape: Callable[[str], str]) -> None:
        self.formula = formula
        self.words = Mathematics(language, lambda text: formula(str(text)), escape)
        self.say = self.words.say

    def findings(self, review: Review) -> Iterator[Told]:
        """Every finding, told."""
        lines = rows_of(review)
        for finding in review.findings:
            yield self.finding(finding, lines)

    def finding(self, finding: Finding, lines: Mapping[str, str]) -> Told:
        """One finding, told; `lines` tells where a row stands."""
        return Told(
            finding,
            where(finding),
            self.say(finding.verdict),
            self.formula(shortened(written(finding))),
            self.words(finding.why) if finding.why is not None else "",
            self.labelled("mistake", self.words(finding.mistake)) if finding.mistake is not None else "",
            self.numbers(finding),
            self.labelled("repair", self.formula(meant(finding))) if finding.repair else "",
            self.say("follows", line=lines.get(finding.follows, finding.follows)) if finding.follows else "",
            tuple(self.words(self.placed(message, lines)) for message in finding.readings),
        )

    def placed(self, message: Message, lines: Mapping[str, str]) -> Message:
        """A sentence with the line of the row that it names."""
        row = message.args.get("row")
        if not isinstance(row, str):
            return message
        return Message(message.key, {**message.args, "row": lines.get(row, row)})

    def labelled(self, key: str, text: str) -> str:
        """`label: text`, the text being in the format already."""
        return f"{self.say(key)}: {text}"

    def numbers(self, finding: Finding) -> str:
        """For a = 2, b = 3 the left side comes to 1, the right side to 2."""
        left, right = finding.sides
        if not left:
            return ""
        if not finding.at:
            return self.say("sides", left=left, right=right)
        if not finding.hence:
            return self.say("counterexample", numbers=given(finding.at), left=left, right=right)
        numbers, hence = given(finding.at), given(finding.hence)
        return self.say("counterexample_hence", numbers=numbers, hence=hence, left=left, right=right)

    def context(self, review: Review) -> Iterator[tuple[str, str]]:
        """Each sentence of the context, with the lines that it was taken from."""
        lines = rows_of(review)
        for message, rows in review.context:
            places = dict.fromkeys(lines[row] for row in rows if row in lines)
            key = "line" if len(places) == 1 else "lines"
            yield self.say(key, lines=", ".join(places)) if places else "", self.words(message)

    def summary(self, found: Reviewed) -> str:
        """How many of each verdict."""
        if not any(found.counts.values()):
            return self.say("nothing")
        return self.say("summary", **found.counts)


def given(numbers: Sequence[tuple[str, str]]) -> str:
    """a = 2, b = 3."""
    return ", ".join(f"{name} = {value}" for name, value in numbers)


#: What stands between two sides.
_SIGN = re.compile(r"(?:[=≈<>≤≥≠→]|\\(?:approx|simeq|leq?|geq?|neq?|to|rightarrow))\s*$")


def written(finding: Finding) -> str:
    """The equation as it stands in the text, on one line.

    Where its left side stands in a row above, its sign goes first; where it is not right, that side too.
    """
    text, (start, end) = finding.row.text, finding.span
    sign = _SIGN.search(text, 0, start)
    shown = text[sign.start() if sign and finding.kind else start : end]
    if sign and finding.left and finding.verdict in (WRONG, UNDECIDED) and finding.left not in shown:
        shown = f"{finding.left} {shown}"
    return on_one_line(shown).strip()


def meant(finding: Finding) -> str:
    """What would be right: the right side alone, or with another left side the equation."""
    return finding.repair if finding.side else f"{finding.repair} = {finding.right}"


def shortened(text: str) -> str:
    """What a reader is shown of an equation."""
    return text if len(text) <= LONG else f"{text[:LONG]} …"


def where(finding: Finding) -> str:
    """line:column of a finding."""
    place = finding.row.place(finding.span)
    cell = "" if finding.row.cell is None else f"[{finding.row.cell + 1}] "
    return f"{cell}{place.line}:{place.column}"


def rows_of(review: Review) -> Mapping[str, str]:
    """The id of a row → its line."""
    found: dict[str, str] = {}
    for finding in review.findings:
        cell = "" if finding.row.cell is None else f"[{finding.row.cell + 1}] "
        found.setdefault(finding.row.id, f"{cell}{finding.row.place().line}")
    return found


# ---------------------------------------------------------------- a terminal

#: How a verdict is coloured on a terminal.
COLOURS = {RIGHT: "32", WRONG: "1;31", UNDECIDED: "33", REMARK: "36"}


def _write_text(found: Sequence[Reviewed], language: str, colour: bool) -> str:
    return "\n".join(_text(one, language, colour) for one in found)


def _text(found: Reviewed, language: str, colour: bool) -> str:
    tell = Teller(language, visible, visible)

    def paint(text: str, verdict: str) -> str:
        return f"\x1b[{COLOURS[verdict]}m{text}\x1b[0m" if colour else text

    title = tell.say("title", source=found.review.source)
    parts = [title, "=" * len(padded(title)), ""]
    context = list(tell.context(found.review))
    if context:
        parts += [tell.say("context"), *(f"  {said}{_lines(lines)}" for lines, said in context), ""]
    told = list(tell.findings(found.review))
    if told:
        at = max(len(one.where) for one in told)
        wide = max(len(padded(tell.say(verdict))) for verdict in VERDICTS)
        parts.append(tell.say("findings"))
        for one in told:
            verdict = one.verdict + " " * (wide - len(padded(one.verdict)))
            head = f"  {one.where:>{at}}  {paint(verdict, one.finding.verdict)}  {one.written}"
            parts += [head.rstrip(), *(f"{' ' * (at + wide + 6)}{remark}" for remark in one.remarks)]
        parts.append("")
    return "\n".join([*parts, tell.summary(found)]).replace(FILLER, "") + "\n"


def visible(text: str) -> str:
    """Text on one line, with nothing in it that moves a cursor."""
    return "".join(c if c.isprintable() else " " for c in on_one_line(text))


# ---------------------------------------------------------------- Markdown


def _write_markdown(found: Sequence[Reviewed], language: str, colour: bool) -> str:
    return "\n".join(_markdown(one, language) for one in found)


def _markdown(found: Reviewed, language: str) -> str:
    tell = Teller(language, github, lambda text: escape_markdown(visible(text)))
    parts = [f"## {tell.say('title', source=found.review.source)}", "", tell.summary(found), ""]
    context = [f"- {said}{_lines(lines)}" for lines, said in tell.context(found.review)]
    if context:
        parts += [f"### {tell.say('context')}", "", *context, ""]
    told = list(tell.findings(found.review))
    if told:
        parts += [f"### {tell.say('findings')}", ""]
        for one in told:
            parts.append(f"- {one.where} **{one.verdict}** {one.written}")
            parts += [f"  - {remark}" for remark in one.remarks]
        parts.append("")
    return "\n".join(parts)


def _lines(lines: str) -> str:
    return f" ({lines})" if lines else ""


def github(latex: str) -> str:
    """Mathematics in a sentence, as GitHub shows it; as a program where that would end too early."""
    text = visible(latex).strip()
    if not re.search(r"[`$]", text):
        return f"$`{text}`$"
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence} {text} {fence}"


# ---------------------------------------------------------------- a browser


def _write_html(found: Sequence[Reviewed], language: str, colour: bool) -> str:
    from markupsafe import Markup, escape

    from backprop_symbolic.rendering.web import font_faces

    formula = _formulas()
    tell = Teller(language, formula, lambda text: str(escape(text)))
    fonts = Markup("/* fonts */")
    pages = []
    for number, one in enumerate(found, 1):
        first = {finding.row.id: finding for finding in reversed(one.review.findings)}
        rows = [
            {
                "verdict": told.finding.verdict,
                "word": Markup(told.verdict),
                "where": told.where,
                "anchor": f"f{number}-{told.finding.row.id}",
                "first": first[told.finding.row.id] is told.finding,
                "written": Markup(told.written),
                "remarks": [Markup(remark) for remark in told.remarks],
                "follows": f"f{number}-{told.finding.follows}" if told.finding.follows in first else "",
            }
            for told in tell.findings(one.review)
        ]
        context = [(Markup(lines), Markup(said)) for lines, said in tell.context(one.review)]
        title = Markup(tell.say("title", source=one.review.source))
        summary = Markup(tell.summary(one))
        pages.append({"title": title, "summary": summary, "context": context, "rows": rows})
    text = (
        environment(html=True)
        .get_template("html/review.html")
        .render(
            language=language,
            pages=pages,
            fonts=fonts,
            contexts=Markup(tell.say("context")),
            findings=Markup(tell.say("findings")),
        )
    )
    return text.replace(str(fonts), font_faces(text, language), 1)


def _formulas() -> Callable[[str], str]:
    """What makes HTML of the reader's LaTeX: MathML, or where there is none for it, the LaTeX itself."""
    from html import escape
    from xml.etree.ElementTree import ParseError

    from backprop_symbolic.errors import NotWritable
    from backprop_symbolic.rendering.mathml import converter
    from backprop_symbolic.rendering.mathml import written as as_html

    convert = converter()

    def formula(latex: str) -> str:
        text = visible(latex)
        try:
            return as_html(convert(text, False))
        except (NotWritable, ParseError, KeyError):
            return f"<code>{escape(text)}</code>"

    return formula


# ---------------------------------------------------------------- programs


def _write_json(found: Sequence[Reviewed], language: str, colour: bool) -> str:
    import json

    tell = Teller(language, str, str)
    whole = {
        "schema": SCHEMA,
        "language": language,
        "counts": {verdict: sum(one.counts[verdict] for one in found) for verdict in VERDICTS},
        "reviews": [_record(one, tell) for one in found],
    }
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _record(found: Reviewed, tell: Teller) -> dict[str, Any]:
    review = found.review
    return {
        "source": review.source,
        "counts": dict(found.counts),
        "context": [
            {"key": message.key.rpartition(".")[2], "text": tell.words(message), "rows": list(rows)}
            for message, rows in review.context
        ],
        "findings": [_finding(finding, tell) for finding in review.findings],
    }


def _finding(finding: Finding, tell: Teller) -> dict[str, Any]:
    place = finding.row.place(finding.span)
    said: dict[str, Any] = {
        "row": finding.row.id,
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
        "verdict": finding.verdict,
        "written": finding.row.text[slice(*finding.span)],
    }
    optional: dict[str, Any] = {
        "cell": finding.row.cell,
        "label": finding.row.label,
        "kind": finding.kind if finding.kind != NONE else "",
        "left": finding.left,
        "right": finding.right,
        "why": _message(finding.why, tell),
        "mistake": _message(finding.mistake, tell),
        "counterexample": {
            "numbers": dict(finding.at),
            **({"hence": dict(finding.hence)} if finding.hence else {}),
            "left": finding.sides[0],
            "right": finding.sides[1],
        }
        if finding.sides[0]
        else None,
        "repair": finding.repair,
        "side": "left" if finding.repair and not finding.side else None,
        "follows": finding.follows,
        "readings": [_message(message, tell) for message in finding.readings] or None,
    }
    return said | {key: value for key, value in optional.items() if value not in (None, "")}


def _message(message: Message | None, tell: Teller) -> dict[str, str] | None:
    if message is None:
        return None
    return {"key": message.key.rpartition(".")[2], "text": tell.words(message)}


# ---------------------------------------------------------------- SARIF

#: What SARIF calls a verdict that is worth a note.
LEVELS = {WRONG: "error", UNDECIDED: "warning", REMARK: "note", RIGHT: "note"}
#: What a rule is about: a verdict, and of what is wrong the kind of equation.
RULES = (
    (WRONG, "claim"), (WRONG, "definition"), (WRONG, "numbers"), (WRONG, "connective"), (UNDECIDED, ""),
    (REMARK, ""), (RIGHT, ""),
)  # fmt: skip


def rule_of(finding: Finding) -> int:
    """The place in RULES of the rule that a finding comes under."""
    kind = finding.kind if finding.verdict == WRONG else ""
    return RULES.index((finding.verdict, kind or ("claim" if finding.verdict == WRONG else "")))


def rule_id(verdict: str, kind: str) -> str:
    """wrong-claim, undecided, …; what is right is told for the way in which it was read."""
    if verdict == RIGHT:
        return "reading"
    return f"{verdict}-{kind}" if kind else verdict


def _write_sarif(found: Sequence[Reviewed], language: str, colour: bool) -> str:
    import json

    from backprop_symbolic import __version__

    tell = Teller(language, visible, visible)
    rules = [
        {
            "id": rule_id(verdict, kind),
            "shortDescription": {"text": tell.say(f"rule_{rule_id(verdict, kind)}".replace("-", "_"))},
            "defaultConfiguration": {"level": LEVELS[verdict]},
        }
        for verdict, kind in RULES
    ]
    driver = {"name": "backprop-symbolic", "semanticVersion": __version__, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "language": language,
        "columnKind": "unicodeCodePoints",
        "results": [result for one in found for result in _results(one.review, tell)],
    }
    whole = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _results(review: Review, tell: Teller) -> Iterator[dict[str, Any]]:
    artifact = {"uri": quote(review.source, safe="/")}
    first = {finding.row.id: finding for finding in reversed(review.findings)}
    for told in tell.findings(review):
        finding = told.finding
        if finding.verdict == RIGHT and not finding.readings:
            continue
        rule = rule_of(finding)
        result: dict[str, Any] = {
            "ruleId": rule_id(*RULES[rule]),
            "ruleIndex": rule,
            "level": LEVELS[finding.verdict],
            "message": {"text": "\n".join(told.remarks) or told.written},
            "locations": [_location(finding, artifact)],
        }
        if finding.follows in first:
            earlier = _location(first[finding.follows], artifact)
            result["relatedLocations"] = [{"id": 1, "message": {"text": told.follows}, **earlier}]
        region = place_of_repair(finding)
        if region is not None and finding.repair and finding.verdict == WRONG:
            replacement = {
                "deletedRegion": _region(finding, region),
                "insertedContent": {"text": finding.repair},
            }
            change = {"artifactLocation": artifact, "replacements": [replacement]}
            result["fixes"] = [{"description": {"text": told.repair}, "artifactChanges": [change]}]
        yield result


def _location(finding: Finding, artifact: Mapping[str, str]) -> dict[str, Any]:
    region = _region(finding, finding.span)
    region["snippet"] = {"text": finding.row.text[slice(*finding.span)]}
    found: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact, "region": region}}
    if finding.row.cell is not None:
        found["logicalLocations"] = [{"name": f"cell {finding.row.cell + 1}", "kind": "element"}]
    return found


def _region(finding: Finding, span: tuple[int, int]) -> dict[str, Any]:
    place = finding.row.place(span)
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }


# ---------------------------------------------------------------- the registry


@dataclass(frozen=True)
class ReviewFormat:
    """A format of a report: its name and what writes reviews in a language, coloured or not."""

    name: str
    write: Callable[[Sequence[Reviewed], str, bool], str]


formats: Registry[ReviewFormat] = Registry("format of a review")
for _format in (
    ReviewFormat("text", _write_text),
    ReviewFormat("json", _write_json),
    ReviewFormat("markdown", _write_markdown),
    ReviewFormat("html", _write_html),
    ReviewFormat("sarif", _write_sarif),
):
    formats.register(_format)


def write(
    review: Review | Sequence[Review], format: str, language: str, colour: bool = False, quiet: bool = False
) -> str:
    """One review or several in a format and a language. Raises UnknownName, NotInstalled."""
    reviews = (review,) if isinstance(review, Review) else review
    return formats.get(format).write([reviewed(one, quiet) for one in reviews], language, colour)
