"""The documents are executed: every command, every Python block, every quoted piece of output.

    ```console   each line after `$` is run; a line `…` stands for any lines of its output
    ```python    doctests, all of one document in one session
    <!-- from: COMMAND --> … <!-- end -->   its formulas stand in what the command prints
    <!-- not run: reason -->                right above a block that cannot run
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from commands import ROOT, run, shell

DOCUMENTS = sorted(
    p for p in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "output" / "README.md", ROOT / "proofs" / "README.md"] if p.is_file()
)
NAMES = [str(p.relative_to(ROOT)) for p in DOCUMENTS]


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, its first line, and why it is not run ("" where it is)."""

    language: str
    text: str
    line: int
    excuse: str


@cache
def blocks(name: str) -> tuple[Block, ...]:
    found, excuse = [], ""
    rows = (ROOT / name).read_text(encoding="utf-8").splitlines()
    i = 0
    while i < len(rows):
        fence = re.match(r"(`{3,})(\w*)\s*$", rows[i])
        if fence:
            end = next(j for j in range(i + 1, len(rows)) if rows[j].rstrip() == fence[1])
            found.append(Block(fence[2], "\n".join(rows[i + 1 : end]) + "\n", i + 2, excuse))
            i = end
        note = re.fullmatch(r"<!-- not run: (.+) -->", rows[i].strip())
        excuse = note[1] if note else excuse if not rows[i].strip() else ""
        i += 1
    return tuple(found)


def sessions(block: Block) -> list[tuple[str, list[str]]]:
    """The commands of a console block with the output that is claimed."""
    found: list[tuple[str, list[str]]] = []
    for row in block.text.splitlines():
        if row.startswith("$ "):
            found.append((row[2:], []))
        else:
            assert found, f"output before the first command: {row!r}"
            found[-1][1].append(row)
    return found


def differs(claimed: list[str], printed: list[str]) -> str:
    """Why `printed` is not what is claimed, "" where it is; `…` stands for any lines."""
    parts: list[list[str]] = [[]]
    for row in claimed:
        if row.strip() == "…":
            parts.append([])
        else:
            parts[-1].append(row.rstrip())
    lines = [row.rstrip() for row in printed]
    while lines and not lines[-1]:
        lines.pop()
    at = 0
    for number, part in enumerate(parts):
        places = [at] if number == 0 else range(at, len(lines) - len(part) + 1)
        found = next((i for i in places if lines[i : i + len(part)] == part), None)
        if found is None:
            return "not printed here:\n" + "\n".join(part)
        at = found + len(part)
    return f"more is printed: {lines[at : at + 3]}" if parts[-1] and at < len(lines) else ""


@pytest.fixture
def copy(tmp_path) -> Path:
    """The checkout as a reader has it, in which commands may leave files."""
    for path in ROOT.iterdir():
        if not path.name.startswith("."):
            (tmp_path / path.name).symlink_to(path)
    return tmp_path


CONSOLE = [(n, b) for n in NAMES for b in blocks(n) if b.language == "console" and not b.excuse]


@pytest.mark.parametrize(("name", "block"), CONSOLE, ids=[f"{n}:{b.line}" for n, b in CONSOLE])
def test_commands_print_what_the_document_says(name, block, copy):
    for command, claimed in sessions(block):
        outcome = shell(command, cwd=copy)
        printed = (outcome.out + outcome.err).splitlines()
        assert differs(claimed, printed) == "", f"{command}\n" + "\n".join(printed[:60])


PYTHON = [n for n in NAMES if any(b.language == "python" and not b.excuse for b in blocks(n))]


@pytest.mark.parametrize("name", PYTHON)
def test_python_blocks_run(name, copy):
    """In a process of its own, so that what a document registers is gone afterwards."""
    texts = [b.text for b in blocks(name) if b.language == "python" and not b.excuse]
    whole = copy / "document.txt"
    whole.write_text("\n".join(texts), encoding="utf-8")
    assert all(">>>" in text for text in texts), "a block without doctest says nothing"
    done = run(whole, command="doctest", cwd=copy)
    assert done.code == 0, done.out + done.err


def quotations() -> list[tuple[str, str, list[str]]]:
    found = []
    for name in NAMES:
        text = (ROOT / name).read_text(encoding="utf-8")
        for command, body in re.findall(r"<!-- from: (.+?) -->\n(.*?)<!-- end -->", text, re.S):
            found.append((name, command, re.findall(r"\$\$\n(.*?)\n\$\$", body, re.S)))
    return found


def test_quoted_formulas_are_printed_by_their_command():
    """What the README shows stands in the output, formula by formula."""
    assert quotations()
    for name, command, formulas in quotations():
        out = shell(command, cwd=ROOT).out
        assert formulas
        for formula in formulas:
            assert f"$$\n{formula}\n$$" in out, f"{name}: {command} does not print\n{formula}"


def test_every_block_is_run_or_says_why_not():
    """Shell and Python blocks are executed or excused; other languages are data."""
    for name in NAMES:
        for block in blocks(name):
            if block.language in ("sh", "bash", "shell", "py", ""):
                assert block.excuse, f"{name}:{block.line}: not executed, and no reason given"


def test_links_lead_somewhere():
    """Relative links name files, and their anchors name headings."""
    for name in NAMES:
        text = re.sub(r"```.*?```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.S)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            file = ((ROOT / name).parent / path).resolve() if path else ROOT / name
            assert file.exists(), f"{name} links to {target}"
            if anchor and file.suffix == ".md":
                assert anchor in anchors(file), f"{name} links to {target}"


def anchors(file: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def test_the_comparison_can_fail():
    """A changed line, a missing line and a surplus line are each seen."""
    assert differs(["a", "…", "c"], ["a", "b", "c"]) == ""
    assert differs(["a", "c"], ["a", "b", "c"])
    assert differs(["a"], ["a", "b"])
    assert differs(["a", "…", "d"], ["a", "b", "c"])
