"""Files written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(output: str | Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of `output` at the end, where nothing was raised.

    It lies beside `output` meanwhile, so that no half-written file is ever seen under that name. A
    device or a pipe is written to, not replaced. Raises OSError.
    """
    import tempfile

    path = Path(os.path.realpath(output))
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
