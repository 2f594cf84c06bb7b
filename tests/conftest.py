"""What every test file shares: hypothesis profiles and the `slow` switch.

HYPOTHESIS_PROFILE=everyday  few examples, the same ones each time (the default)
HYPOTHESIS_PROFILE=ci        more, the same ones each time: a landing does not depend on luck
HYPOTHESIS_PROFILE=thorough  many, drawn anew, with the blob that repeats a failure

Tests marked `slow` run with `--run-slow` or `-m slow`; otherwise pytest's last line counts them as
deselected.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

QUIET = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}
settings.register_profile("everyday", max_examples=25, derandomize=True, database=None, **QUIET)
settings.register_profile("ci", max_examples=100, derandomize=True, database=None, print_blob=True, **QUIET)
settings.register_profile("thorough", max_examples=1_000, print_blob=True, **QUIET)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "everyday"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-slow") or "slow" in (config.getoption("markexpr") or ""):
        return
    slow = [item for item in items if "slow" in item.keywords]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if "slow" not in item.keywords]


# ---------------------------------------------------------------- the time of the suite


def pytest_collection_finish() -> None:
    """What is loaded now stays: the collector need not look through SymPy and the tests again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def call(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    return function(**arguments)


#: `call` in a frame that asks for a megabyte. Python keeps frames in pieces of 16 kB that it maps and
#: unmaps: a loop that happens to call across the border of two pays for it each time, a third of the suite.
#: The piece of a large frame has room for all that the test calls.
roomy = FunctionType(call.__code__.replace(co_stacksize=131_072), globals())


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Each test is called with room for its frames; how it is called stays with pytest."""
    test = pyfuncitem.obj
    pyfuncitem.obj = lambda **arguments: roomy(test, arguments)
