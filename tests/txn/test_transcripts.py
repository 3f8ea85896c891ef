"""Golden transcripts of several sessions: see `transcript`. Each file is a topic, each scenario a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transcript import UPDATE, check_scenario, titles

MOVED = "a clustered key that moved is not followed (R33)"
KNOWN = {
    "a clustered key that moved is followed (R33)": MOVED,
    "moved, and another row is now at that key: that is not the row that was found": MOVED,
    "moved twice in one transaction": MOVED,
    "a unique wait ends when the other returns to its savepoint (R52)": "it ends with the transaction",
}


def scenarios() -> list[Any]:
    found = []
    for path in sorted(Path(__file__).parent.glob("*.golden")):
        for title in titles(path):
            known = [pytest.mark.xfail(reason=KNOWN[title], strict=True)] if title in KNOWN else []
            found.append(pytest.param(path, title, id=f"{path.stem}: {title}", marks=known))
    return found


@pytest.mark.parametrize("path, title", scenarios())
def test_scenario(path: Path, title: str) -> None:
    if UPDATE and title in KNOWN:
        pytest.xfail("what it prints now is wrong")
    check_scenario(path, title)
