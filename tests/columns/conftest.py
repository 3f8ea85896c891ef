"""What the tests of tables by columns share: small pages, with NumPy (where it is installed) and without."""

from __future__ import annotations

import pytest

from minidb.access.column_pages import ColumnLayout
from minidb.sql.vectors import arrays, choice

NUMPY = pytest.param(True, marks=pytest.mark.skipif(arrays.numpy() is None, reason="NumPy is not installed"))


@pytest.fixture(params=[False, NUMPY], ids=["lists", "vectors"])
def vectors(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether NumPy is used; then on every table, however small. Some eighty rows make a page."""
    monkeypatch.setattr(choice, "WORTH", -1.0)
    monkeypatch.setattr(ColumnLayout, "scale", 1)
    monkeypatch.setattr(ColumnLayout, "least", 100)
    if not request.param:
        monkeypatch.setattr(arrays, "numpy", lambda: None)
    return bool(request.param)
