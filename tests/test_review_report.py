"""The report of a review in every format, and the repaired copy, of reviews made by hand."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import jsonschema
import pytest
from commands import ROOT
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tools import node_module, program, require

from backprop_symbolic.errors import UnknownName
from backprop_symbolic.message import Message
from backprop_symbolic.review import fix, report
from backprop_symbolic.review.tree import REMARK, RIGHT, UNDECIDED, WRONG, Finding, Review, Row
from backprop_symbolic.wording import languages, messages

TEXT = """# A text
$$ y = x^2 $$

$$ \\frac{dy}{dx} = 3x $$
$$ y' = |a < b| \\unknown{`$`} $$
$$ \\frac{dy}{dx} + 1 = 3x + 1 $$
"""


def row(number: int, line: int, text: str = TEXT) -> Row:
    """A row that is all between the dollars of a line."""
    whole = text.split("\n")[line - 1]
    start, end = whole.index("$$") + 3, whole.rindex("$$") - 1
    return Row(f"R{number}", whole[start:end], tuple((line, c + 1) for c in range(start, end + 1)), number)


def finding(number: int, line: int, verdict: str, **more) -> Finding:
    found = row(number, line)
    left, _, right = found.text.partition(" = ")
    return Finding(found, (0, len(found.text)), verdict, left=left, right=right, **more)


REVIEW = Review(
    "lecture.md",
    TEXT,
    ((Message("review.title", {"source": "x^2"}), ("R1",)),),
    (
        finding(1, 2, RIGHT, kind="definition"),
        finding(
            2, 4, WRONG, kind="claim", why=Message("review.rule_wrong_claim"), mistake=Message("review.wrong"),
            repair="2x", at=(("x", "1"),), sides=("2", "3"),
        ),
        finding(3, 5, UNDECIDED, why=Message("review.title", {"source": "\\unknown"})),
        finding(4, 6, WRONG, kind="claim", repair="2x + 1", sides=("3", "4"), follows="R2"),
        finding(1, 2, REMARK, why=Message("review.rule_remark")),
    ),
)  # fmt: skip


def words(language: str, key: str) -> str:
    return messages(language)[f"review.{key}"]


# ---------------------------------------------------------------- a terminal


@pytest.mark.parametrize("language", languages())
def test_text_says_where_what_and_why(language):
    """Line and column, the equation as written, the verdict, and all that is known of it."""
    text = report.write(REVIEW, "text", language)
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if "= 3x" in line)
    assert lines[at].split()[0] == "4:4"
    assert words(language, "wrong") in lines[at]
    assert lines[at].endswith(r"\frac{dy}{dx} = 3x")
    said = [line.strip() for line in lines[at + 1 : at + 5]]
    assert said[0] == words(language, "rule_wrong_claim")
    assert said[1].startswith(words(language, "mistake"))
    assert "x = 1" in said[2]
    assert said[3] == f"{words(language, 'repair')}: 2x"
    summary = words(language, "summary").format(right=1, wrong=2, undecided=1, remark=1)
    assert lines[-1] == summary


def test_what_follows_from_an_earlier_row_names_its_line():
    assert words("en", "follows").format(line=4) in report.write(REVIEW, "text", "en")


def test_quiet_leaves_out_what_is_right_and_counts_it():
    """The counts are those of the whole text."""
    text = report.write(REVIEW, "text", "en", quiet=True)
    assert not re.search(r"^ +2:4 +right", text, re.M)
    assert words("en", "context") not in text
    assert "Right: 1." in text


def test_colour_is_asked_for():
    """No escape without it; with it, the verdict alone is coloured."""
    assert "\x1b" not in report.write(REVIEW, "text", "en")
    coloured = report.write(REVIEW, "text", "en", colour=True)
    assert f"\x1b[{report.COLOURS[WRONG]}mwrong" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == report.write(REVIEW, "text", "en")


def test_a_text_without_equations_says_so():
    empty = replace(REVIEW, context=(), findings=())
    assert report.write(empty, "text", "en").splitlines()[-1] == words("en", "nothing")


@pytest.mark.parametrize("format", ["text", "markdown", "sarif"])
def test_nothing_of_the_text_controls_a_screen(format):
    """Escape sequences and right-to-left marks of a hostile text do not reach a terminal."""
    hostile = "a \x1b[31m\u202e = b"
    at = tuple((1, i + 1) for i in range(len(hostile) + 1))
    found = Finding(
        Row("R1", hostile, at, 1),
        (0, len(hostile)),
        UNDECIDED,
        why=Message("review.title", {"source": hostile}),
    )
    text = report.write(Review("x\x1b.md", hostile, (), (found,)), format, "en")
    shown = json.loads(text)["runs"][0]["results"][0]["message"]["text"] if format == "sarif" else text
    assert not {"\x1b", "\u202e"} & set(shown)


def test_a_long_equation_is_cut_for_readers_and_whole_for_programs():
    long = "x + " * 1000 + "x = y"
    at = tuple((1, i + 1) for i in range(len(long) + 1))
    one = Review("a.md", long, (), (Finding(Row("R1", long, at, 1), (0, len(long)), RIGHT),))
    assert len(report.write(one, "text", "en")) < 2 * report.LONG
    assert json.loads(report.write(one, "json", "en"))["reviews"][0]["findings"][0]["written"] == long


def test_an_unknown_format_is_refused():
    with pytest.raises(UnknownName, match="Did you mean 'sarif'"):
        report.write(REVIEW, "sarif2", "en")


# ---------------------------------------------------------------- Markdown


def test_markdown_shows_the_formulas_and_no_markup_of_the_text():
    """A formula with a dollar or a backtick in it is shown as a program."""
    text = report.write(REVIEW, "markdown", "en")
    assert r"**wrong** $`\frac{dy}{dx} = 3x`$" in text
    assert r"`` y' = |a < b| \unknown{`$`} ``" in text
    items = [token for token in MarkdownIt().parse(text) if token.type == "list_item_open"]
    said = sum(len(told.remarks) for told in report.Teller("en", str, str).findings(REVIEW))
    assert len(items) == len(REVIEW.context) + len(REVIEW.findings) + said


# ---------------------------------------------------------------- a browser


class Outline(HTMLParser):
    """The anchors, the links and the classes of a page; nothing may be left open."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []


@pytest.mark.parametrize("language", languages())
def test_html_is_one_page_with_its_links(language):
    """Formulas are MathML, those without are shown as they are; a consequence leads to its cause."""
    require("math_core")
    html = report.write([REVIEW, replace(REVIEW, source="<b>.md")], "html", language)
    page = Outline()
    page.feed(html)
    assert len(page.ids) == len(set(page.ids))
    assert page.links == ["#f1-R2", "#f2-R2"]
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert {"math", "code"} <= page.tags
    assert not {"script", "b"} & page.tags
    assert "&lt;b&gt;.md" in html
    assert "http" not in re.sub(r"http://www\.w3\.org/\S+", "", html)


def test_the_nu_checker_finds_no_error_in_the_page(tmp_path):
    """HTML and CSS as the standards say, but for a property of MathML Core that the checker does not know."""
    require("math_core")
    jar = node_module("vnu-jar") / "build" / "dist" / "vnu.jar"
    (tmp_path / "page.html").write_text(report.write(REVIEW, "html", "ko"), encoding="utf-8")
    command = [
        program("java"),
        "-Xss1m",
        "-jar",
        jar,
        "--format",
        "json",
        "--errors-only",
        tmp_path / "page.html",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    found = [m["message"] for m in json.loads(done.stderr)["messages"] if "math-depth" not in m["message"]]
    assert found == []


# ---------------------------------------------------------------- programs


def test_json_is_what_its_schema_says():
    """The documented schema accepts it, and refuses it without a verdict."""
    schema = json.loads((ROOT / "docs" / "review.schema.json").read_text(encoding="utf-8"))
    whole = json.loads(report.write([REVIEW, REVIEW], "json", "ko"))
    check = jsonschema.Draft202012Validator(schema)
    check.check_schema(schema)
    check.validate(whole)
    assert whole["schema"] == report.SCHEMA == schema["properties"]["schema"]["const"]
    assert whole["counts"] == {"right": 2, "wrong": 4, "undecided": 2, "remark": 2}
    wrong = whole["reviews"][0]["findings"][1]
    assert (wrong["line"], wrong["column"], wrong["repair"], wrong["mistake"]["key"]) == (4, 4, "2x", "wrong")
    assert wrong["counterexample"] == {"numbers": {"x": "1"}, "left": "2", "right": "3"}
    del wrong["verdict"]
    assert not check.is_valid(whole)


def sarif(review: Review = REVIEW) -> dict:
    return json.loads(report.write(review, "sarif", "en"))


def test_sarif_is_valid_by_the_official_schema():
    """OASIS's schema of SARIF 2.1.0, as a package of its makers has it."""
    folder = node_module("@microsoft/jest-sarif") / "lib" / "schemas"
    schema = json.loads((folder / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
    check = jsonschema.Draft7Validator(schema)
    check.validate(sarif())
    check.validate(sarif(replace(REVIEW, findings=())))
    broken = sarif()
    broken["runs"][0]["results"][0]["level"] = "fatal"
    assert not check.is_valid(broken)


def test_sarif_has_a_result_for_all_that_is_not_right():
    """Levels by verdict, rules that are listed, regions by line and column."""
    run = sarif()["runs"][0]
    assert [result["level"] for result in run["results"]] == ["error", "warning", "error", "note"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["message"]["text"]
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert {k: region[k] for k in region if k != "snippet"} == {
        "startLine": 4,
        "startColumn": 4,
        "endLine": 4,
        "endColumn": 22,
    }
    related = run["results"][2]["relatedLocations"][0]["physicalLocation"]["region"]
    assert related["startLine"] == 4


def test_the_fix_of_sarif_is_the_repaired_text():
    """Applied to the text by its own region, the replacement gives what --fix writes."""
    result = sarif()["runs"][0]["results"][0]
    change = result["fixes"][0]["artifactChanges"][0]["replacements"][0]
    region, lines = change["deletedRegion"], TEXT.split("\n")
    assert region["startLine"] == region["endLine"]
    line = lines[region["startLine"] - 1]
    lines[region["startLine"] - 1] = (
        line[: region["startColumn"] - 1]
        + change["insertedContent"]["text"]
        + line[region["endColumn"] - 1 :]
    )
    assert "\n".join(lines) == fix.repaired(TEXT, fix.edits(REVIEW.findings))


def test_a_file_name_is_a_uri():
    where = sarif(replace(REVIEW, source="역전파 1.md"))["runs"][0]["results"][0]["locations"][0]
    assert re.fullmatch(r"[%0-9A-Z]+%201\.md", where["physicalLocation"]["artifactLocation"]["uri"])


def test_every_format_is_listed_in_the_documents():
    documented = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in documented for name in report.formats.names())


# ---------------------------------------------------------------- the repaired copy


def test_only_what_can_be_repaired_is_changed():
    """The right side of the wrong row; what follows from it is left to follow."""
    assert fix.repaired(TEXT, fix.edits(REVIEW.findings)) == TEXT.replace("= 3x $$", "= 2x $$")


def test_the_left_side_may_be_what_is_repaired():
    """dz/dx = 3x for dy/dx = 3x: the equation is told as it would be right."""
    one = replace(REVIEW.findings[1], repair="z", side=0)
    assert fix.repaired(TEXT, fix.edits([one])) == TEXT.replace("$$ \\frac{dy}{dx} = 3x", "$$ z = 3x")
    assert f"{words('en', 'repair')}: z = 3x" in report.write(replace(REVIEW, findings=(one,)), "text", "en")


@given(st.text(), st.text(), st.lists(st.tuples(st.text("ab=", min_size=1), st.text()), max_size=5))
def test_everything_else_stays_as_it_is(before, after, rows):
    """Whatever stands around the repairs, every character of it is in the copy."""
    text, findings, whole = "", [], ""
    for number, (old, new) in enumerate(rows):
        between = before if number % 2 else after
        text, whole = text + between, whole + between
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
        at = tuple((line, column + i) for i in range(len(old) + 1))
        findings.append(
            Finding(Row(f"R{number}", old, at, number), (0, len(old)), WRONG, right=old, repair=new)
        )
        core = old.strip()
        text, whole = text + old, whole + (new or core)
    assert fix.repaired(text, fix.edits(findings)) == whole
