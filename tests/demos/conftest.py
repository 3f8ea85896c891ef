"""Golden texts have one width, whatever terminal the suite runs in."""

import pytest


@pytest.fixture(autouse=True)
def one_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
