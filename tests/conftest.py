"""What every test file shares: hypothesis profiles and the `slow` switch.

HYPOTHESIS_PROFILE=everyday  few examples, the same ones each time (the default)
HYPOTHESIS_PROFILE=ci        more, the same ones each time: a landing does not depend on luck
HYPOTHESIS_PROFILE=thorough  many, drawn anew, with the blob that repeats a failure

Tests marked `slow` run with `--run-slow` or `-m slow`; otherwise pytest's last line counts them as
deselected.
"""

from __future__ import annotations

import os

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
