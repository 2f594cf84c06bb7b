"""Tools that only tests need and not every machine has.

`require("torch")` gives the module, or skips the test with a line that says so. Where the
environment variable BACKPROP_REQUIRE_TOOLS is 1, as on the build server, it fails instead: there
a missing tool is a mistake of the set-up.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import pytest


def require(module: str) -> Any:
    """The module, or a skipped test; with BACKPROP_REQUIRE_TOOLS=1 a failed one."""
    try:
        return import_module(module)
    except ImportError as error:
        message = f"{module} is not installed: {error}"
    if os.environ.get("BACKPROP_REQUIRE_TOOLS") == "1":
        pytest.fail(f"{message} (and BACKPROP_REQUIRE_TOOLS=1)")
    pytest.skip(message)
