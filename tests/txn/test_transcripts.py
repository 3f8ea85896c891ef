"""Golden transcripts of several sessions: see `transcript`. Each file is a topic, each scenario a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transcript import UPDATE, check_scenario, titles

KNOWN: dict[str, str] = {}


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
