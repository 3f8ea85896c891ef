"""PostgreSQL's own isolation tests: the same text, but for the list `golden/isolation_differences.txt`.

    == spec: the permutation that differs
    # why it is so
    -what PostgreSQL prints
    +what minidb prints

The list is complete: a difference that is not in it fails the test, and so does one that is in it and is gone.
MINIDB_UPDATE_GOLDEN=1 writes the differences anew; reasons stay, and a missing one has to be written.

Two things are evened out: dates stand as MM-DD-YYYY in PostgreSQL's files, and where there are several files for one
spec, each of them is right.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest
from schedule_runs import run_file

CONFORMANCE = Path(os.environ.get("CONFORMANCE") or Path(__file__).parents[3] / "shared" / "conformance") / "isolation"
LIST = Path(__file__).parent / "golden" / "isolation_differences.txt"
DOCUMENT = Path(__file__).parents[2] / "docs" / "isolation.md"
UPDATE = os.environ.get("MINIDB_UPDATE_GOLDEN") == "1"
SPECS = sorted(path.stem for path in (CONFORMANCE / "specs").glob("*.spec"))
DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")

pytestmark = pytest.mark.skipif(not SPECS, reason="PostgreSQL's isolation tests are not there")
Differences = dict[str, tuple[str, str]]  # "spec: permutation" -> reason and difference


def listed() -> Differences:
    text = LIST.read_text(encoding="utf-8") if LIST.exists() else ""
    found = {}
    for block in re.split(r"^== ", text, flags=re.MULTILINE)[1:]:
        title, *lines = block.strip("\n").split("\n")
        reason = "\n".join(line for line in lines if line.startswith("#"))
        found[title] = reason, "\n".join(line for line in lines if not line.startswith("#"))
    return found


def expected_texts(name: str) -> list[str]:
    """One for each variant that PostgreSQL accepts."""
    files = sorted(CONFORMANCE.glob(f"expected/{name}.out")) + sorted(CONFORMANCE.glob(f"expected/{name}_[0-9].out"))
    return [file.read_text(encoding="utf-8") for file in files]


def with_postgresql_dates(text: str) -> str:
    """Dates in results, not in the SQL of steps."""
    lines = [line if line.startswith("step ") else DATE.sub(r"\2-\3-\1", line) for line in text.split("\n")]
    return "\n".join(lines)


def differences(name: str, expected: str, printed: str) -> Iterator[tuple[str, str]]:
    """Per permutation, what differs."""
    blocks, others = (text.split("\nstarting permutation: ") for text in (expected, printed))
    assert len(blocks) == len(others), "another number of permutations"
    for theirs, ours in zip(blocks, others):
        if theirs != ours:
            lines = unified_diff(theirs.split("\n"), ours.split("\n"), lineterm="", n=1)
            changes = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
            yield f"{name}: {theirs.split(chr(10))[0]}", "\n".join(line.rstrip() for line in changes)


def found_in(name: str) -> dict[str, str]:
    """The differences to the variant that differs least."""
    _, text = run_file(CONFORMANCE / "specs" / f"{name}.spec")
    printed = with_postgresql_dates(text)
    variants = [dict(differences(name, expected, printed)) for expected in expected_texts(name)]
    return min(variants, key=lambda found: sum(map(len, found.values())))


@pytest.mark.parametrize("name", SPECS)
def test_a_specification(name: str) -> None:
    found = found_in(name)
    known = {title: text for title, (_, text) in listed().items() if title.startswith(f"{name}: ")}
    if UPDATE:
        rewrite(name, found)
    else:
        assert found == known


def rewrite(name: str, found: dict[str, str]) -> None:
    before = listed()
    kept = {title: both for title, both in before.items() if not title.startswith(f"{name}: ")}
    kept |= {title: (before.get(title, ("#", ""))[0], text) for title, text in found.items()}
    LIST.write_text("\n".join(f"== {t}\n{reason}\n{text}\n" for t, (reason, text) in sorted(kept.items())), "utf-8")


def test_each_difference_has_its_reason_here_and_in_the_documentation() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for title, (reason, _) in listed().items():
        assert len(reason) > 20, f"{title}: no reason"
        assert f"`{title.split(':')[0]}`" in text
