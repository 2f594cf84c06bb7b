"""The tables in the documents are the registries'."""

from __future__ import annotations

import pytest

from tests.tables import DOCS, TABLES, current


@pytest.mark.parametrize("name", TABLES)
def test_the_table_is_current(name):
    """`python -m tests.tables` would change nothing."""
    assert current(name) == (DOCS / name).read_text(encoding="utf-8")
