"""A folder of documents written all or nothing, that never takes a file it has not written itself.

What was written is kept in a list in the folder, `.backprop-notes.json`, with a digest of each file.
A file that is not on the list, or was changed since, is foreign.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from backprop_symbolic.errors import OutputRefused, quoted

LIST = ".backprop-notes.json"
MAX_LIST = 1_000_000  # bytes of a list that is read


@dataclass(frozen=True, slots=True)
class Published:
    """What became of each file: written, or left as it was because it was the same."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]


def check(folder: Path, names: Iterable[str], force: bool = False) -> None:
    """Refuses a folder that cannot be written to, or that holds a foreign file under one of `names`.

    What can be refused before anything is derived is refused here. A foreign file of the same bytes
    is not in the way, which is seen by `publish` only. Raises OutputRefused.
    """
    _writable(folder)
    for name in names:
        _plain(folder, name, force)


def known(folder: Path) -> dict[str, Any]:
    """The list of the folder: name → what is known of the file, `sha256` at least; empty where none.

    Raises OutputRefused for a list that cannot be read.
    """
    path = folder / LIST
    try:
        if not path.is_file():
            return {}
        data = path.read_bytes()[: MAX_LIST + 1]
        found = json.loads(data) if len(data) <= MAX_LIST else None
    except (OSError, ValueError, RecursionError):
        found = None
    files = found.get("files") if isinstance(found, dict) else None
    if not isinstance(files, dict) or not all(isinstance(v, dict) for v in files.values()):
        raise OutputRefused(
            f"{quoted(path)} is not a list of files that this program wrote: remove it to go on, "
            "or name another folder"
        )
    return files


def publish(
    folder: Path, files: Mapping[str, bytes], about: Mapping[str, Mapping[str, Any]], force: bool = False
) -> Published:
    """Writes `files` into `folder`, which is made; on any failure everything is as it was before.

    about  what the list keeps of a file beside its digest
    force  foreign files are replaced too

    Raises OutputRefused.
    """
    check(folder, files, force)
    listed = known(folder) if not force else _forgiving(folder)
    new, same = dict[str, bytes](), []
    for name, data in files.items():
        before = _bytes(folder / name)
        if before == data:
            same.append(name)
            continue
        if before is not None and not force and listed.get(name, {}).get("sha256") != _digest(before):
            how = "was changed since" if name in listed else "is not one that this program wrote"
            raise OutputRefused(f"{quoted(name)} in {quoted(folder)} {how}; --force replaces it")
        new[name] = data
    entries = {name: entry for name, entry in listed.items() if _bytes(folder / name) is not None}
    entries |= {name: {**about.get(name, {}), "sha256": _digest(data)} for name, data in files.items()}
    table = (
        json.dumps({"files": dict(sorted(entries.items()))}, ensure_ascii=False, indent=1) + "\n"
    ).encode()
    written = tuple(new)
    if _bytes(folder / LIST) != table:
        new[LIST] = table
    if new:
        _replace_all(folder, new)
    return Published(written, tuple(same))


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _forgiving(folder: Path) -> dict[str, Any]:
    """The list, or none where it cannot be read: with --force it is replaced."""
    try:
        return known(folder)
    except OutputRefused:
        return {}


def _bytes(path: Path) -> bytes | None:
    """A file's bytes; None where there is no file."""
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        raise OutputRefused(f"cannot read {quoted(path)}: {error.strerror}") from None


def _writable(folder: Path) -> None:
    if not str(folder) or folder == Path():
        return
    try:
        there = folder
        while not there.exists() and not there.is_symlink():
            there = there.parent
        if not there.is_dir():
            raise OutputRefused(f"cannot make the folder {quoted(folder)}: {quoted(there)} is not a folder")
        if not os.access(there, os.W_OK | os.X_OK):
            raise OutputRefused(f"cannot write into {quoted(there)}: permission denied")
    except OSError as error:
        raise OutputRefused(f"cannot make the folder {quoted(folder)}: {error.strerror}") from None


def _plain(folder: Path, name: str, force: bool) -> None:
    """Refuses what a file cannot take the place of, and names that lead out of the folder."""
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts or not relative.parts or name == LIST:
        raise ValueError(f"{name!r} is no name of a file within the folder")
    path = folder / name
    for parent in [*path.parents][: len(relative.parts) - 1]:
        if parent.is_symlink() or (parent.exists() and not parent.is_dir()):
            raise OutputRefused(f"cannot write {quoted(path)}: {quoted(parent)} is not a folder")
    if path.is_symlink() and not force:
        raise OutputRefused(
            f"{quoted(name)} in {quoted(folder)} is a link this program did not make; --force replaces it"
        )
    if path.is_dir() and not path.is_symlink():
        raise OutputRefused(f"cannot write {quoted(path)}: it is a folder")


def _replace_all(folder: Path, new: Mapping[str, bytes]) -> None:
    """Puts all files in their places, or none."""
    made = _made(folder)
    stage: Path | None = None
    done: list[tuple[Path, Path | None]] = []
    try:
        stage = Path(tempfile.mkdtemp(dir=folder, prefix=".backprop-"))
        for number, data in enumerate(new.values()):
            (stage / f"new{number}").write_bytes(data)
        for number, name in enumerate(new):
            path = folder / name
            made += _made(path.parent)
            old = stage / f"old{number}" if path.is_symlink() or path.exists() else None
            done.append((path, old))
            if old is not None:
                path.rename(old)
            (stage / f"new{number}").rename(path)
    except BaseException as error:
        for path, old in reversed(done):
            if old is None:
                path.unlink(missing_ok=True)
            elif old.is_symlink() or old.exists():
                old.replace(path)
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)
        for made_here in reversed(made):
            made_here.rmdir()
        if isinstance(error, OSError):
            raise OutputRefused(f"cannot write into {quoted(folder)}: {error.strerror}") from None
        raise
    shutil.rmtree(stage, ignore_errors=True)


def _made(folder: Path) -> list[Path]:
    """Makes a folder with those it lies in; those made, outermost first. Raises OutputRefused."""
    missing = []
    there = folder
    while not there.exists():
        missing.append(there)
        there = there.parent
    made: list[Path] = []
    for path in reversed(missing):
        try:
            path.mkdir()
        except OSError as error:
            for made_here in reversed(made):
                made_here.rmdir()
            raise OutputRefused(f"cannot make the folder {quoted(path)}: {error.strerror}") from None
        made.append(path)
    return made
