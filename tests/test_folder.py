"""A folder is written all or nothing, and foreign files are never taken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backprop_symbolic import folder
from backprop_symbolic.errors import OutputRefused

ABOUT = {"a.md": {"language": "en"}}


def everything(root: Path) -> dict[str, bytes | str]:
    """Every file and link below a folder, with what it holds."""
    found: dict[str, bytes | str] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        found[name] = (
            f"-> {path.readlink()}" if path.is_symlink() else "folder" if path.is_dir() else path.read_bytes()
        )
    return found


def test_a_folder_is_made_and_written(tmp_path):
    target = tmp_path / "new" / "deep"
    done = folder.publish(target, {"a.md": b"A", "pictures/p.svg": b"P"}, ABOUT)
    assert done == folder.Published(("a.md", "pictures/p.svg"), ())
    assert set(everything(target)) == {".backprop-notes.json", "a.md", "pictures", "pictures/p.svg"}
    assert folder.known(target)["a.md"]["language"] == "en"


def test_an_unchanged_file_is_not_rewritten(tmp_path):
    folder.publish(tmp_path, {"a.md": b"A", "b.md": b"B"}, ABOUT)
    os.utime(tmp_path / "a.md", (1, 1))
    listed = (tmp_path / folder.LIST).stat().st_mtime_ns
    done = folder.publish(tmp_path, {"a.md": b"A", "b.md": b"B2"}, ABOUT)
    assert done == folder.Published(("b.md",), ("a.md",))
    assert (tmp_path / "a.md").stat().st_mtime == 1
    before = everything(tmp_path)
    assert folder.publish(tmp_path, {"a.md": b"A", "b.md": b"B2"}, ABOUT).written == ()
    assert everything(tmp_path) == before
    assert listed <= (tmp_path / folder.LIST).stat().st_mtime_ns


def test_what_was_written_before_stays_listed(tmp_path):
    """Another format in the same folder does not forget the first one."""
    folder.publish(tmp_path, {"a.md": b"A"}, ABOUT)
    folder.publish(tmp_path, {"b.html": b"B"}, {"b.html": {"language": "ko"}})
    assert set(folder.known(tmp_path)) == {"a.md", "b.html"}
    (tmp_path / "a.md").unlink()
    folder.publish(tmp_path, {"b.html": b"C"}, {})
    assert set(folder.known(tmp_path)) == {"b.html"}


@pytest.mark.parametrize("how", ["foreign", "changed"])
def test_a_foreign_file_is_kept(tmp_path, how):
    """A file that somebody else wrote, or changed, stays; so does everything else."""
    if how == "changed":
        folder.publish(tmp_path, {"b.md": b"B"}, ABOUT)
    (tmp_path / "b.md").write_bytes(b"mine")
    before = everything(tmp_path)
    with pytest.raises(
        OutputRefused, match=r"'b\.md' in .* (was changed since|is not one .*); --force replaces it"
    ):
        folder.publish(tmp_path, {"a.md": b"A", "b.md": b"new"}, ABOUT)
    assert everything(tmp_path) == before
    assert folder.publish(tmp_path, {"a.md": b"A", "b.md": b"new"}, ABOUT, force=True).written == (
        "a.md",
        "b.md",
    )
    assert (tmp_path / "b.md").read_bytes() == b"new"


def test_a_foreign_file_with_the_same_bytes_is_not_in_the_way(tmp_path):
    (tmp_path / "a.md").write_bytes(b"A")
    assert folder.publish(tmp_path, {"a.md": b"A"}, ABOUT).unchanged == ("a.md",)


def test_links_are_not_followed(tmp_path):
    """A link in the folder never leads a write elsewhere, with --force either."""
    outside = tmp_path / "outside.md"
    outside.write_bytes(b"outside")
    target = tmp_path / "notes"
    target.mkdir()
    (target / "a.md").symlink_to(outside)
    with pytest.raises(OutputRefused, match="is a link"):
        folder.publish(target, {"a.md": b"A"}, ABOUT)
    folder.publish(target, {"a.md": b"A"}, ABOUT, force=True)
    assert outside.read_bytes() == b"outside"
    assert (target / "a.md").read_bytes() == b"A"
    (target / "pictures").symlink_to(tmp_path)
    with pytest.raises(OutputRefused, match="is not a folder"):
        folder.publish(target, {"pictures/p.svg": b"P"}, {}, force=True)


@pytest.mark.parametrize("broken", [0, 1, 2, 3])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_everything_as_it_was(tmp_path, monkeypatch, broken, error):
    """Whichever rename fails, old files are back, new ones and new folders are gone."""
    target = tmp_path / "notes"
    folder.publish(target, {"a.md": b"A"}, ABOUT)
    before = everything(tmp_path)
    rename, calls = Path.rename, []

    def failing(self, to):
        calls.append(self)
        if len(calls) == broken + 1:
            raise error
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises((OutputRefused, KeyboardInterrupt)):
        folder.publish(target, {"a.md": b"A2", "sub/b.md": b"B", "c.md": b"C"}, ABOUT)
    monkeypatch.undo()
    assert everything(tmp_path) == before


def test_a_failure_in_a_new_folder_leaves_no_folder(tmp_path, monkeypatch):
    def failing(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", failing)
    with pytest.raises(OutputRefused, match="No space left"):
        folder.publish(tmp_path / "x" / "y", {"a.md": b"A"}, ABOUT)
    assert everything(tmp_path) == {}


@pytest.mark.parametrize(
    "text", ["", "[]", '{"files": []}', '{"files": {"a": 1}}', "{" * 100_000, "[" * 100_000, "\xff"]
)
def test_a_list_that_cannot_be_read_is_named(tmp_path, text):
    (tmp_path / folder.LIST).write_text(text, encoding="latin-1")
    with pytest.raises(OutputRefused, match="is not a list of files"):
        folder.publish(tmp_path, {"a.md": b"A"}, ABOUT)
    assert folder.publish(tmp_path, {"a.md": b"A"}, ABOUT, force=True).written == ("a.md",)


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "f").write_bytes(b"")
    for target in (tmp_path / "f", tmp_path / "f" / "deeper"):
        with pytest.raises(OutputRefused, match="is not a folder"):
            folder.publish(target, {"a.md": b"A"}, ABOUT)
    (tmp_path / "a.md").mkdir()
    with pytest.raises(OutputRefused, match="it is a folder"):
        folder.publish(tmp_path, {"a.md": b"A"}, ABOUT, force=True)


@pytest.mark.parametrize("name", ["../a", "/a", "", folder.LIST, "a/../../b"])
def test_names_stay_within_the_folder(tmp_path, name):
    with pytest.raises(ValueError, match="no name of a file"):
        folder.publish(tmp_path, {name: b"A"}, {})
