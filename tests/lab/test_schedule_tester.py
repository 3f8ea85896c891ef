"""What the tester prints for the schedules in `specs`, as golden files (MINIDB_UPDATE_GOLDEN=1 writes them anew).

All of it but invalid permutations, invariants and details of errors was compared with what PostgreSQL 15's isolation
tester prints for the same files.
"""

from __future__ import annotations

import os
from difflib import unified_diff
from pathlib import Path

import pytest
from schedule_runs import run_file, run_text

from minidb.errors import InvalidParameterValue

SPECS = Path(__file__).parent / "specs"
GOLDEN = Path(__file__).parent / "golden" / "schedules"
UPDATE = os.environ.get("MINIDB_UPDATE_GOLDEN") == "1"

FAILING = {
    *("bad-setup", "deferred", "deferred--defer", "deferred-several", "mutual", "mutual--defer", "open-at-the-end"),
    *("write-skew", "write-skew--isolation-snapshot", "write-skew--isolation-read-committed"),
}
LEVELS = ("read uncommitted", "read committed", "snapshot", "2pl", "ssi", "serial")
RUNS = [(path.stem, path, None, False) for path in sorted(SPECS.glob("*.spec"))]
DEFERRED = ("deferred", "deferred-several", "mutual", "timeouts", "waiters")
RUNS += [(f"{name}--defer", SPECS / f"{name}.spec", None, True) for name in DEFERRED]
RUNS += [
    (f"write-skew--isolation-{level.replace(' ', '-')}", SPECS / "write-skew.spec", level, True) for level in LEVELS
]


@pytest.mark.parametrize(("name", "path", "level", "defer"), RUNS, ids=[run[0] for run in RUNS])
def test_what_is_printed(name: str, path: Path, level: str | None, defer: bool) -> None:
    fine, text = run_file(path, level, defer)
    golden = GOLDEN / f"{name}.out"
    if UPDATE:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    expected = golden.read_text(encoding="utf-8")
    difference = unified_diff(expected.splitlines(), text.splitlines(), golden.name, "now", lineterm="")
    assert text == expected, "\n".join(difference)
    assert fine == (name not in FAILING)


def test_the_same_input_gives_the_same_bytes() -> None:
    path = SPECS / "waiters.spec"
    assert run_file(path) == run_file(path)


# -- levels


TABLE = "setup { CREATE TABLE t (n int); INSERT INTO t VALUES (0); }"


def test_a_level_replaces_those_that_the_text_names_and_is_what_single_statements_have() -> None:
    """At SERIAL the reader waits, whatever BEGIN says; the text that is printed stays as it is."""
    _, text = run_text(
        f"""{TABLE} session a step a1 {{ BEGIN ISOLATION LEVEL READ COMMITTED; UPDATE t SET n = 1; }}
        step a2 {{ COMMIT; }} session b step b1 {{ SELECT n FROM t; }} permutation a1 b1 a2""",
        "serial",
    )
    assert "step a1: BEGIN ISOLATION LEVEL READ COMMITTED; UPDATE" in text
    assert "step b1: SELECT n FROM t; <waiting ...>\nstep a2: COMMIT;\nstep b1: <... completed>\nn\n-\n1\n" in text


def test_an_unknown_level() -> None:
    with pytest.raises(InvalidParameterValue):
        run_text("session a step a1 { SELECT 1; }", "chaos")


# -- what goes on around the steps


def test_each_permutation_begins_with_an_empty_database() -> None:
    """There is no teardown, and a transaction stays open."""
    fine, text = run_text(
        f"{TABLE} session a step a1 {{ BEGIN; INSERT INTO t VALUES (1); }} permutation a1 permutation a1"
    )
    assert fine and text.count("step a1") == 2


def test_a_setup_that_would_wait_for_ever() -> None:
    fine, text = run_text(
        f"""{TABLE} session a setup {{ BEGIN; UPDATE t SET n = 1; }} step a1 {{ SELECT 1; }}
        session b setup {{ UPDATE t SET n = 2; }} step b1 {{ SELECT 1; }}"""
    )
    assert not fine
    assert text.count("starting permutation") == 1
    assert "setup of session b failed: ERROR:  it would wait for ever for a (" in text


def test_a_teardown_of_a_session_that_would_wait_for_ever_is_only_told() -> None:
    fine, text = run_text(
        f"""{TABLE} session a step a1 {{ BEGIN; UPDATE t SET n = 1; }}
        session b step b1 {{ SELECT 1 AS one; }} teardown {{ UPDATE t SET n = 2; }}
        permutation a1 b1 permutation b1"""
    )
    assert fine
    assert "teardown of session b failed: ERROR:  it would wait for ever for a (" in text
    assert text.endswith("one\n---\n  1\n(1 row)\n\n")


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("SELECT true", True),
        ("SELECT 1", True),
        ("SELECT false", False),
        ("SELECT NULL", False),
        ("SELECT true WHERE false", False),
        ("SELECT true FROM generate_series(1, 2)", False),
        ("SELECT n = 0 FROM t", True),
        ("UPDATE t SET n = 1", False),
    ],
)
def test_invariants(query: str, kept: bool) -> None:
    fine, text = run_text(f"{TABLE} session a step a1 {{ SELECT 1; }} invariant {{ {query} }}")
    assert fine == kept
    assert text.endswith(f"invariant broken: {query}\n") != kept


def test_an_invariant_that_fails() -> None:
    fine, text = run_text("session a step a1 { BEGIN; } invariant { SELECT 1/0 }")
    assert not fine and text.endswith("invariant SELECT 1/0 failed: ERROR:  division by zero\n")
