"""Programs and libraries that some tests need besides Python's own.

A missing one is a loud skip on a reader's machine and a failure where BACKPROP_REQUIRE_TOOLS is set,
as .ci/run does: there nothing may be skipped unseen.
"""

from __future__ import annotations

import importlib
import os
import shutil
import warnings
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

#: Published examples and derivations of other people: beside a checkout, never in it.
SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def missing(what: str, how: str) -> NoReturn:
    """Fails or skips, loudly: `what` is not here, `how` says where it comes from."""
    message = f"{what} IS NOT INSTALLED: nothing was tested with it. {how}"
    if os.environ.get("BACKPROP_REQUIRE_TOOLS"):
        pytest.fail(message)
    warnings.warn(message, stacklevel=3)
    pytest.skip(message)


def program(name: str) -> str:
    """The path of a program."""
    found = shutil.which(name)
    if found is None:
        missing(name, "See .ci/run for the Debian packages.")
    return found


def require(module: str) -> ModuleType:
    """An imported library."""
    try:
        return importlib.import_module(module)
    except ImportError:
        missing(module, "See .ci/run and the extras in pyproject.toml.")


def shared(*parts: str) -> Path:
    """A file or folder of published cases."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        missing(f"{path}", "The published cases lie beside the checkout.")
    return path


def node_module(name: str) -> Path:
    """The folder of a package from npm: beside the tests, or in a folder of NODE_PATH."""
    folders = [Path(__file__).resolve().parent.parent / "node_modules"]
    folders += [Path(folder) for folder in os.environ.get("NODE_PATH", "").split(os.pathsep) if folder]
    for folder in folders:
        if (folder / name).is_dir():
            return folder / name
    missing(name, f"npm install --no-save {name}")
