"""Advice for small schedules, as people see it: golden. MINIDB_UPDATE_GOLDEN=1 accepts what it is now."""

from __future__ import annotations

import os
from difflib import unified_diff
from functools import cache
from pathlib import Path

import pytest

from minidb.errors import InvalidParameterValue
from minidb.isolation import IsolationLevel
from minidb.lab.advice import Advice, advise
from minidb.lab.advice_text import plain, text
from minidb.lab.explaining import explain_schedule
from minidb.lab.explorer import Explorer, troupe_of
from minidb.lab.paint import Painter
from minidb.lab.planned_transactions import planned_transactions, with_levels
from minidb.lab.schedule import Schedule
from minidb.lab.schedule_text import parse, text_of
from tests.lab.schedules import random_schedule

HERE = Path(__file__).parent / "advise"
UPDATE = os.environ.get("MINIDB_UPDATE_GOLDEN") == "1"
SPECS = Path(__file__).parents[3] / "shared" / "conformance" / "isolation" / "specs"
SMALL_SPECS = [
    "simple-write-skew", "fk-contention", "delete-abort-savept", "read-write-unique", "insert-conflict-do-update",
]
RC, SI, SSI = IsolationLevel.READ_COMMITTED, IsolationLevel.SNAPSHOT, IsolationLevel.SSI
NAMES = sorted(path.stem for path in HERE.glob("*.spec"))


@cache
def schedule(name: str) -> Schedule:
    return parse((HERE / f"{name}.spec").read_text(encoding="utf-8"), name)


@cache
def advised(name: str, top: str = "ssi") -> Advice:
    return advise(schedule(name), ("read committed", "snapshot", top))


def levels(advice: Advice) -> dict[str, str]:
    return {row.transaction: str(row.level) for row in advice.rows}


@pytest.mark.parametrize("name", NAMES)
def test_as_text(name: str) -> None:
    now = "\n".join(line.rstrip() for line in text(advised(name), Painter(110))) + "\n"
    path = HERE / f"{name}.out"
    if UPDATE:
        path.write_text(now, encoding="utf-8")
    golden = path.read_text(encoding="utf-8")
    difference = "\n".join(unified_diff(golden.split("\n"), now.split("\n"), "golden", "now", lineterm=""))
    assert now == golden, f"{name}: MINIDB_UPDATE_GOLDEN=1 accepts this\n{difference}"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("write_skew", {"alice": "ssi", "bob": "ssi"}),
        ("lost_update", {"one": "snapshot", "two": "snapshot"}),
        ("single_update", {"one": "read committed", "two": "read committed"}),
        ("read_only", {"withdraw": "ssi", "deposit": "ssi", "report": "ssi"}),
        ("smallbank", {"balance": "ssi", "write_check": "ssi", "transact_savings": "ssi"}),
        ("transfer", {"first": "read committed", "second": "read committed", "audit": "snapshot"}),
        ("several", {"a 1": "read committed", "a 2": "ssi", "b": "ssi"}),
        ("impossible", {}),
    ],
)
def test_what_the_literature_says(name: str, expected: dict[str, str]) -> None:
    assert levels(advised(name)) == expected


@pytest.mark.parametrize("name", NAMES)
def test_every_witness_goes_wrong_when_its_file_is_run(name: str) -> None:
    for _, failure in advised(name).failures:
        explanation = explain_schedule(parse(text_of(failure.witness)))
        if failure.code == "invariant":
            assert failure.name in explanation.run.broken
        else:
            assert not explanation.serializable
            assert (failure.code, failure.name) in [(one.code, one.name) for one in explanation.anomalies]


def is_good(schedule: Schedule, allocation: tuple[IsolationLevel, ...]) -> bool:
    chosen = with_levels(schedule, planned_transactions(schedule), allocation)
    return Explorer(troupe_of(chosen), reduce=False).explore().serializable


@pytest.mark.parametrize("seed", [1, 3, 7, 11])
def test_random_schedules_are_good_as_advised_and_not_below(seed: int) -> None:
    """By every single interleaving, without the search that the advice comes from."""
    advice = advise(random_schedule(seed))
    assert advice.found and advice.complete
    assert is_good(advice.schedule, advice.allocation)
    for number, level in enumerate(advice.allocation):
        for lower in advice.levels[: advice.levels.index(level)]:
            below = (*advice.allocation[:number], lower, *advice.allocation[number + 1 :])
            assert not is_good(advice.schedule, below)


@pytest.mark.parametrize("name", SMALL_SPECS)
def test_specs_of_postgresql(name: str) -> None:
    path = SPECS / f"{name}.spec"
    if not path.exists():
        pytest.skip("the conformance specs are not here")
    advice = advise(parse(path.read_text(encoding="utf-8"), name))
    assert advice.found and is_good(advice.schedule, advice.allocation)


# -- what else it says


def test_raising_one_of_them_alone_can_be_unsafe() -> None:
    raised = advised("guard").raised
    assert raised is not None
    assert [(one.transaction, str(one.level), one.failure.name) for one in raised] == [
        ("alice", "snapshot", "write skew"), ("bob", "snapshot", "write skew"),
    ]


def test_a_witness_keeps_the_lock_that_its_sessions_take() -> None:
    raised = advised("guard").raised
    assert raised and {"a_guard", "b_guard"} <= set(raised[0].failure.order)


def test_a_witness_leaves_out_who_has_no_part_in_it() -> None:
    failure = advised("transfer").rows[-1].failure
    assert failure is not None and len(failure.witness.actors) == 2


def test_another_top() -> None:
    assert levels(advised("write_skew", "2pl")) == {"alice": "2pl", "bob": "2pl"}
    assert levels(advised("read_only", "2pl")) == {
        "withdraw": "2pl", "deposit": "read committed", "report": "read committed",
    }
    assert advised("read_only", "2pl").opinion is None


def test_no_level_is_high_enough() -> None:
    advice = advise(schedule("write_skew"), ("rc", "snapshot"))
    assert not advice.found and advice.problem is not None
    assert (advice.problem.name, advice.problem.allocation) == ("write skew", (SI, SI))


def test_read_uncommitted_can_be_asked_for() -> None:
    advice = advise(schedule("single_update"), ("ru", "rc", "snapshot", "ssi"))
    assert set(levels(advice).values()) == {"read uncommitted"}


def test_invariants_say_nothing_before_somebody_has_tried_again() -> None:
    advice = advised("retried")
    assert levels(advice) == {"one": "snapshot", "two": "snapshot"} and advice.retried


def test_a_sample_says_that_it_is_one() -> None:
    advice = advise(schedule("write_skew"), sample=20, seed=1)
    assert advice.sample and "in a sample of" in "\n".join(text(advice, Painter(200)))
    assert advice.raised is None
    few = advise(schedule("single_update"), most=1)
    assert few.sample


def test_statements_that_fail_for_other_reasons_are_counted() -> None:
    words = """setup { CREATE TABLE t (k int PRIMARY KEY); }
        session a step a1 { INSERT INTO t VALUES (1); } session b step b1 { INSERT INTO t VALUES (1); }"""
    advice = advise(parse(words))
    assert advice.errors == {"23505": 2} and advice.retried == 0


@pytest.mark.parametrize(
    ("chosen", "message"), [((), "no levels"), (("ssi", "2pl"), "alternatives"), (("rc", "chaos"), "unknown isolation")]
)
def test_levels_that_cannot_be_asked_for(chosen: tuple[str, ...], message: str) -> None:
    with pytest.raises(InvalidParameterValue, match=message):
        advise(schedule("write_skew"), chosen)


def test_a_schedule_without_transactions() -> None:
    with pytest.raises(InvalidParameterValue, match="no transactions"):
        advise(parse("session a step x { SET lock_timeout = 1; }"))


def test_for_programs() -> None:
    found = plain(advised("transfer"))
    assert found["transactions"][2]["level"] == "snapshot"
    assert found["transactions"][2]["lower"]["anomaly"] == "read skew"
    assert found["theory"] == levels(advised("transfer"))


# -- the second opinion


def test_the_theory_agrees_where_transactions_are_reads_and_writes() -> None:
    for name in set(NAMES) - {"guard", "impossible"}:
        opinion = advised(name).opinion
        assert opinion is not None and not opinion.differences, name


def difference(words: str) -> str:
    opinion = advise(parse(words)).opinion
    assert opinion is not None and opinion.differences
    return opinion.differences[0].words


TWO_ROWS = "setup { CREATE TABLE t (k text PRIMARY KEY, v int); INSERT INTO t VALUES ('x', 0), ('y', 0); }"


def test_it_does_not_know_locks_on_what_nobody_writes() -> None:
    opinion = advised("guard").opinion
    assert opinion is not None
    assert opinion.levels == {"alice": SSI, "bob": SSI}
    assert "has to wait at b_guard" in opinion.differences[0].words


def test_it_does_not_know_values() -> None:
    words = difference(TWO_ROWS + """
        session a setup { BEGIN; } step a1 { SELECT v FROM t WHERE k = 'x'; } step a2 { SELECT v FROM t WHERE k = 'y'; }
        step a3 { COMMIT; }
        session b step b1 { UPDATE t SET v = 0; }""")
    assert "a non-repeatable read" in words or "read skew" in words
    assert "with these data every answer is that of" in words


def test_it_does_not_know_that_a_session_does_one_thing_after_the_other() -> None:
    words = difference(TWO_ROWS + """
        session a
        setup { BEGIN; } step a1 { SELECT v FROM t WHERE k = 'x'; }
        step a2 { UPDATE t SET v = 1 WHERE k = 'x'; COMMIT; }
        step a3 { UPDATE t SET v = v + 5; }""")
    assert "belong to one session" in words


def test_it_does_not_know_steps() -> None:
    words = difference(TWO_ROWS + """
        session a step a1 { BEGIN; SELECT v FROM t WHERE k = 'x'; UPDATE t SET v = 1 WHERE k = 'x'; COMMIT; }
        session b step b1 { UPDATE t SET v = v + 5; }""")
    assert "within step a1, which is not interrupted" in words
