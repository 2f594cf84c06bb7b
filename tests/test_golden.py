"""Golden examples (tests/golden/) and samples (output/) are what the program writes now.

After a change that is meant: `make golden`, then read the difference as prose.
"""

from __future__ import annotations

import re

import golden
import pytest
from commands import run

LISTED = {str(path.relative_to(golden.ROOT)): path for path in golden.listed()}


@pytest.mark.parametrize("name", LISTED)
def test_is_current(name):
    """The file holds, byte for byte, what would be written now."""
    path = LISTED[name]
    text = golden.listed()[path]()
    assert path.exists(), "missing: run `make golden`"
    assert path.read_bytes().decode("utf-8") == text, "out of date: run `make golden` and read the difference"


def test_nothing_else_lies_there():
    """Each file comes from the tables in tests/golden/__init__.py."""
    assert golden.leftovers() == []


@pytest.mark.parametrize("name", ["w31.tex", "w11.ko.md"])
def test_the_index_names_the_command_that_writes_a_sample(name, tmp_path):
    """Typed as output/README.md says, the command writes the sample."""
    said = re.search(rf"`(derive [^`]* -o {re.escape(name)})`", golden.index())
    assert said
    outcome = run(*said[1].split()[1:], cwd=tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert (tmp_path / name).read_bytes() == (golden.OUTPUT / name).read_bytes()


def test_staleness_is_seen(tmp_path, monkeypatch):
    """A changed, a missing and a surplus file are each reported, and mended by one call."""
    for name in ("GOLDEN", "OUTPUT"):
        monkeypatch.setattr(golden, name, tmp_path / name.lower())
    monkeypatch.setattr(golden, "pages", dict)
    monkeypatch.setattr(golden, "EXAMPLES", {"w31.md": golden.EXAMPLES["w31.md"]})
    monkeypatch.setattr(golden, "SAMPLES", {"w11.tex": golden.SAMPLES["w11.tex"]})
    monkeypatch.setattr(golden, "NOTES", {})
    golden.write()
    assert golden.stale() == {}
    changed, gone = tmp_path / "golden" / "w31.md", tmp_path / "output" / "w11.tex"
    changed.write_text(changed.read_text(encoding="utf-8").replace("w_{31}", "w_{13}"), encoding="utf-8")
    gone.unlink()
    surplus = tmp_path / "output" / "old.md"
    surplus.write_text("old")
    assert set(golden.stale()) == {changed, gone, surplus}
    assert sorted(golden.write()) == sorted([changed, gone, surplus])
    assert golden.stale() == {}


def test_the_published_notes_are_current():
    """output/notes/ holds what the command in output/README.md writes now; figures and PDFs say the same."""
    assert dict(golden.stale_notes()) == {}


def test_changed_notes_are_seen(tmp_path):
    """The comparison forgives fonts and curves, and nothing else."""
    page = (golden.PUBLISHED / "notes.html").read_bytes()
    assert page != (fonts := re.sub(rb"(data:font[^,]*,)....", rb"\1AAAA", page))
    assert golden.same("notes.html", page, fonts)
    assert b"</mi>" in page
    assert not golden.same("notes.html", page, page.replace(b"</mi>", b"x</mi>", 1))
    pdf, other = (golden.PUBLISHED / name for name in ("notes.pdf", "notes.ko.pdf"))
    assert not golden.same("notes.pdf", pdf.read_bytes(), other.read_bytes())
    picture = (golden.PUBLISHED / "path-w11.svg").read_bytes()
    assert not golden.same("path-w11.svg", picture, picture.replace(b"w", b"v"))
