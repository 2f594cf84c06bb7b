"""`backprop review` as a user runs it: exit codes, options, refusals, hostile files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from commands import ROOT, Outcome, run

from backprop_symbolic.cli import main
from backprop_symbolic.review import contextfile
from backprop_symbolic.wording import messages

RIGHT = "$$ y = x^2 $$\n$$ \\frac{dy}{dx} = 2x $$\n"
WRONG = "$$ y = x^2 $$\n$$ \\frac{dy}{dx} = -2x $$\n"
OPEN = "$$ y = x^2 $$\n$$ \\frac{dy}{dx} = \\wobble{x} $$\n"


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def review(here, capfdbinary):
    """Runs `backprop review` in this process, in a folder of its own, after writing files."""

    def call(*args: str, **files: str | bytes) -> Outcome:
        for name, content in files.items():
            path = here / name.replace("_", ".", 1)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        with pytest.raises(SystemExit) as stop:
            main(["review", *args])
        out = capfdbinary.readouterr()
        return Outcome(int(stop.value.code or 0), out.out.decode(), out.err.decode())

    return call


def refused(outcome: Outcome, pattern: str) -> None:
    """Exit code 2, nothing on stdout, one line that says what is wrong."""
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert re.fullmatch(rf"Error: (?:{pattern})\n", outcome.err), outcome.err
    assert len(outcome.err) < 500


# ---------------------------------------------------------------- exit codes


@pytest.mark.parametrize(
    ("text", "fail_on", "code"),
    [
        (RIGHT, "wrong", 0), (RIGHT, "undecided", 0),
        (WRONG, "wrong", 1), (WRONG, "undecided", 1), (WRONG, "never", 0),
        (OPEN, "wrong", 0), (OPEN, "undecided", 1), (OPEN, "never", 0),
        ("no mathematics at all", "undecided", 0), ("", "wrong", 0),
    ],
)  # fmt: skip
def test_the_exit_code_is_by_the_worst_verdict(review, text, fail_on, code):
    """0 all right, 1 for what --fail-on names."""
    outcome = review("a.md", "--fail-on", fail_on, a_md=text)
    assert (outcome.code, outcome.err) == (code, "")


def test_several_files_are_one_report(review):
    """As pre-commit calls it; the exit code is that of the worst."""
    outcome = review("a.md", "b.md", "--format", "json", a_md=RIGHT, b_md=WRONG)
    whole = json.loads(outcome.out)
    assert [one["source"] for one in whole["reviews"]] == ["a.md", "b.md"]
    assert outcome.code == 1


def test_standard_input_is_markdown():
    outcome = run("review", "-", command="backprop", stdin=WRONG.encode())
    assert outcome.code == 1
    assert re.search(r"^ +2:\d+ +wrong ", outcome.out, re.M)


def test_the_report_says_all_in_korean(review):
    outcome = review("a.md", "--lang", "ko", a_md=WRONG)
    assert messages("ko")["review.wrong"] in outcome.out
    assert messages("ko")["review.repair"] in outcome.out


def test_quiet_shows_only_what_is_not_right(review):
    assert " right " in review("a.md", a_md=RIGHT).out
    assert " right " not in review("a.md", "--quiet", a_md=RIGHT).out


def test_colours_are_for_terminals(review):
    """Not for a pipe; --colour always is obeyed, in the American spelling too."""
    assert "\x1b" not in review("a.md", a_md=WRONG).out
    assert "\x1b" in review("a.md", "--colour", "always", a_md=WRONG).out
    assert "\x1b" in review("a.md", "--color", "always", a_md=WRONG).out
    refused(review("a.md", "--colour", "alway", a_md=WRONG), ".*Did you mean 'always'\\?")


# ---------------------------------------------------------------- the context


def test_a_network_may_be_stated(review):
    """What the text does not define is the network's."""
    text = "$$ \\frac{\\partial net_3}{\\partial w_{31}} = y_{h1} $$\n$$ \\frac{\\partial net_3}{\\partial w_{32}} = y_{h1} $$\n"
    outcome = review("a.md", "--network", "2-2-2", "--format", "json", a_md=text)
    found = json.loads(outcome.out)["reviews"][0]["findings"]
    assert [one["verdict"] for one in found] == ["right", "wrong"]


def test_a_context_file_names_what_the_text_calls_otherwise(review):
    text = "$$ \\frac{\\partial s_{(1)}}{\\partial w_{31}} = h^{[1]}_1 $$\n"
    stated = 'network = "2-2-2"\n[names]\n"s_{(1)}" = "net_3"\n"h_1^{[1]}" = "y_h1"\n'
    outcome = review("a.md", "--context", "c.toml", "--format", "json", a_md=text, c_toml=stated)
    assert [one["verdict"] for one in json.loads(outcome.out)["reviews"][0]["findings"]] == ["right"]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ('netwerk = "2-2-2"', "no key 'netwerk' in context file 'c.toml'.*Did you mean 'network'\\?"),
        ('network = "2-0-2"', ".*2-0-2.*"),
        ('network = "2-2-2"\n[names]\ns = "net_9"', "no quantity 'net_9' in .names. of 'c.toml'.*Did you mean 'net_.'\\?"),
        ('[names]\ns = "net_3"', ".*state it too.*"),
        ('network = "2-2-2"\n[names]\ns = 3', ".*one of our names between quotes.*"),
        ('network = "2-2-2"\n[names]\n"a + b" = "w31"', ".*'a . b' in .names. is not read as one name"),
        ('names = 3', ".*is a table, .names."),
        ('network = "2-2-2"\n[values]\nw99 = 1', ".*no quantity 'w99'.*"),
        ('network = "2-2-2"\n[values]\nw31 = "a"', ".*w31.*"),
        ('network = "2-2-2"\n[values]\nw31 = nan', ".*w31.*"),
        ('network = "2-2-2"\n[values]\nv = 1\nw31 = 2\n[names]\nv = "w31"', ".*'w31' is given twice, once as 'v'"),
        ('[values]\nloss = "mse"', ".*put it before .values."),
        ('definitions = "z = x"', ".*is a list of formulas.*"),
        ('network = ', ".*is not TOML.*"),
        ("a = " + "[" * 100_000, ".*(not TOML|too deeply).*"),
        (b"\xff\xfe", ".*is not UTF-8.*"),
    ],
)  # fmt: skip
def test_a_wrong_context_file_is_refused(review, text, pattern):
    refused(review("a.md", "--context", "c.toml", a_md=RIGHT, c_toml=text), pattern)


def test_a_context_file_that_is_not_there_is_refused(review):
    refused(review("a.md", "--context", "none.toml", a_md=RIGHT), "context file 'none.toml': No such file.*")


def test_definitions_may_be_stated():
    told = contextfile.stated({"definitions": ["z = w x"]}, "c.toml")
    assert told.definitions == ("z = w x",)
    assert told.sources == ()


# ---------------------------------------------------------------- refusals


def test_options_that_do_not_exist_are_refused_by_name(review):
    refused(review("a.md", "--format", "sarf", a_md=RIGHT), ".*Did you mean 'sarif'\\?")
    refused(review("a.md", "--fail-on", "rong", a_md=RIGHT), ".*Did you mean 'wrong'\\?")
    refused(review("a.md", "--lang", "kp", a_md=RIGHT), ".*Did you mean 'ko'\\?")
    refused(review("a.md", "--netwrk", "2-2", a_md=RIGHT), ".*Did you mean '--network'\\?")
    refused(review(), "Missing argument 'FILE.*")
    refused(review("-", "-"), ".*once only.*")
    refused(review("a.md", "--force", a_md=RIGHT), "--force goes with --fix")


def test_files_that_cannot_be_read_are_refused(review, here):
    refused(
        review("lectur.md", lecture_md=RIGHT),
        "cannot read 'lectur.md': No such file.*Did you mean 'lecture.md'\\?",
    )
    refused(review("."), "cannot read '.': Is a directory")
    refused(review("a\0.md"), "cannot read .*")


HOSTILE = {
    "NUL": b"$$ a = \x00 $$",
    "UTF-16": "$$ a = b $$".encode("utf-16"),
    "no UTF-8": b"$$ a = \xff\xfe b $$",
    "too large": b"$$ a = b $$\n" * 1_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("ending", ["md", "tex"])
def test_hostile_files_are_refused_by_name(review, name, ending):
    """One line that names the file, and exit code 2."""
    refused(review(f"a.{ending}", **{f"a_{ending}": HOSTILE[name]}), ".*a\\.\\w+.*")


def test_a_macro_of_the_text_is_put_in_or_named(review):
    """A definition of a plain form is put in and judged, not repaired; another is named with its line."""
    text = "\\def\\net#1{z_{#1}}\n\\edef\\x{1}\n$$ y = \\net1^2 $$\n$$ dy/d\\net1 = -2\\net1 $$\n$$ y = \\x $$\n"
    outcome = review("a.tex", "--fix", "b.tex", a_tex=text)
    assert re.search(r"^ +4:4 +wrong +dy/dz_\{1\} = -2z_\{1\}\n", outcome.out, re.M)
    assert re.search(r"^ +5:.+ not decided .*\n +.*x itself in line 2", outcome.out, re.M)
    assert "repaired in b.tex: 0" in outcome.err


@pytest.mark.parametrize(
    "text", ["{" * 100_000, "}" * 100_000, "\\frac" * 100_000, "(" * 100_000, "x^" * 100_000]
)
def test_braces_without_end_are_not_decided(review, text):
    """A row of them is one that was not read; the rows around it are judged."""
    outcome = review("a.md", "--format", "json", a_md=f"{RIGHT}\n$$ a = {text} $$\n")
    counts = json.loads(outcome.out)["counts"]
    assert (counts["right"], counts["wrong"]) == (2, 0)
    assert counts["undecided"] >= 1


@pytest.mark.parametrize("format", ["html", "sarif", "markdown", "text"])
def test_what_was_not_read_is_shown_in_every_format(review, format):
    outcome = review("a.md", "--format", format, a_md=f"$$ a = {'{' * 5000} $$ <script>\n")
    assert outcome.code == 0
    assert "<script>" not in outcome.out
    assert len(outcome.out) < 100_000 or format == "html"


# ---------------------------------------------------------------- the repaired copy


def test_fix_writes_a_repaired_copy(review, here):
    """The wrong row is repaired, every other byte is as it was, and the copy is all right."""
    text = "\ufeff# Squares\r\n\r\n> quoted\t \r\n" + WRONG.replace("\n", "\r\n") + "no end of line"
    outcome = review("a.md", "--fix", "b.md", a_md=text)
    assert outcome.code == 1
    copy = (here / "b.md").read_bytes()
    assert copy == text.replace("-2x", "2x").encode()
    assert (here / "a.md").read_bytes() == text.encode()
    assert outcome.err == messages("en")["review.repaired"].format(wrong=1, count=1, file="b.md") + "\n"
    assert review("b.md").code == 0


def test_fix_refuses_to_overwrite(review, here):
    refused(review("a.md", "--fix", "b.md", a_md=WRONG, b_md="mine"), ".*such a file already; --force.*")
    assert (here / "b.md").read_text() == "mine"
    assert review("a.md", "--fix", "b.md", "--force", a_md=WRONG).code == 1
    assert (here / "b.md").read_text() == WRONG.replace("-2x", "2x")
    refused(review("a.md", "--fix", "./a.md", "--force", a_md=WRONG), ".*is 'a.md' itself.*")
    refused(review("a.md", "--fix", "c.md", "-o", "c.md", a_md=WRONG), ".*is 'c.md' itself.*")
    refused(review("a.md", "--fix", "none/c.md", a_md=WRONG), ".*no directory 'none'")
    refused(review("a.md", "b.md", "--fix", "c.md", a_md=WRONG, b_md=WRONG), ".*one file, not 2")
    once = json.dumps({"cells": [{"cell_type": "markdown", "source": ["x", "y"], "last": WRONG}]})
    twice = once.replace('"last"', '"source"')
    refused(review("a.ipynb", "--fix", "c.ipynb", a_ipynb=twice), ".*stands twice.*")


NOTEBOOK = r"""{ "metadata": {"source": "$$ \\frac{dy}{dx} = -2x $$"},
 "cells" : [
  {"cell_type": "code", "source": ["y = -2*x\n"], "outputs": []},
  {"cell_type":"markdown", "source": ["$$ y = x^2 $$\n", "\n",
     "$$ \\frac{dy}{dx} = -2x $$ \u00e9\n"], "id": "é"},
  {"attachments": {"source": []}, "cell_type": "markdown", "source": "$$ z = x^3 $$\n$$ \\frac{dz}{dx} = -3\n x^2 $$"}
 ], "nbformat": 4 }
"""


def test_fix_of_a_notebook(review, here):
    """The strings of the cells are changed; blanks, escapes and all other strings stay byte for byte."""
    assert review("a.ipynb", "--fix", "b.ipynb", a_ipynb=NOTEBOOK).code == 1
    repaired = (here / "b.ipynb").read_bytes().decode()
    expected = NOTEBOOK.replace(r"-2x $$ \u00e9", r"2x $$ \u00e9").replace("-3\\n x^2", "3\\n x^2")
    assert repaired == expected
    assert review("b.ipynb").code == 0


def test_fix_over_several_strings_of_a_cell(review, here):
    """A side that is broken into lines, each a string of its own."""
    source = ["$$ y = x^2 + x $$\n", "$$ \\frac{dy}{dx} = 2x\n", " - \n", " 1 $$\n", "end"]
    book = {"cells": [{"cell_type": "markdown", "source": source}]}
    assert review("a.ipynb", "--fix", "b.ipynb", a_ipynb=json.dumps(book)).code == 1
    lines = json.loads((here / "b.ipynb").read_text())["cells"][0]["source"]
    assert (lines[0], lines[-1], len(lines)) == (source[0], "end", len(source))
    assert review("b.ipynb").code == 0


def test_fix_of_a_right_text_is_the_text(review, here):
    assert review("a.md", "--fix", "b.md", a_md=RIGHT).code == 0
    assert (here / "b.md").read_text() == RIGHT


# ---------------------------------------------------------------- the package


def test_the_hook_calls_the_command():
    """The entry of .pre-commit-hooks.yaml is a command line that the program takes."""
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    entry = re.search(r"entry: backprop (.+)", hooks)
    assert entry
    outcome = run(*entry[1].split(), str(ROOT / "docs" / "examples" / "by-hand.md"), command="backprop")
    assert outcome.code == 1
    assert len(re.findall(r"^ +\d+:\d+ +wrong ", outcome.out, re.M)) == 2
