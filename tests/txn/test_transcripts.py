"""Golden transcripts of several sessions: see `transcript`. Each file is a topic, each scenario a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transcript import UPDATE, check_scenario, titles

KNOWN = {
    "ON CONFLICT DO UPDATE of the same row twice is 21000 (R42)": "it hangs",
    "a mark on an index that is dropped counts for the whole table (R62)": "the mark is lost",
    "TRUNCATE writes what others have read": "no edge",
    "SET DEFAULT needs the default's parent, too": "the default is not checked",
    "two sessions create one name": "IF NOT EXISTS is not asked again after the wait",
}


def scenarios() -> list[Any]:
    found = []
    for path in sorted(Path(__file__).parent.glob("*.golden")):
        for title in titles(path):
            known = []
            if title in KNOWN:
                known = [pytest.mark.xfail(reason=KNOWN[title], strict=True, run="hangs" not in KNOWN[title])]
            found.append(pytest.param(path, title, id=f"{path.stem}: {title}", marks=known))
    return found


@pytest.mark.parametrize("path, title", scenarios())
def test_scenario(path: Path, title: str) -> None:
    if UPDATE and title in KNOWN:
        pytest.xfail("what it prints now is wrong")
    check_scenario(path, title)
