"""The parts of advice: transactions found in a text, levels written into it, and the search by itself."""

from __future__ import annotations

from itertools import product

import pytest

from minidb.isolation import IsolationLevel
from minidb.lab.advice import ORDER
from minidb.lab.allocations import MOST_ALLOCATIONS, Allocation, minimal_allocations
from minidb.lab.planned_transactions import planned_transactions, with_levels
from minidb.lab.schedule import Schedule
from minidb.lab.schedule_text import parse

RU, RC, SI, SSI = ORDER[:4]
LEVELS = (RC, SI, SSI)


def planned(text: str) -> list[tuple[str, tuple[int, ...], bool]]:
    found = planned_transactions(parse(text))
    return [(one.name, tuple(mark.place for mark in one.marks), one.implicit) for one in found]


def at(text: str, *levels: IsolationLevel) -> Schedule:
    schedule = parse(text)
    return with_levels(schedule, planned_transactions(schedule), levels)


def sql(schedule: Schedule) -> list[str]:
    return [step.sql.strip() for actor in schedule.actors for step in actor.steps]


# -- transactions in a text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("session a setup { BEGIN; } step x { SELECT 1; } step y { COMMIT; }", [("a", (0, 1, 2), False)]),
        ("session a step x { SELECT 1; }", [("a", (0,), True)]),
        ("session a step x { SELECT 1; SELECT 2; }", [("a", (0, 1), True)]),
        ("session a step x { SELECT 1; } step y { SELECT 2; }", [("a 1", (0,), True), ("a 2", (1,), True)]),
        ("session a step x { BEGIN; SELECT 1; } teardown { ROLLBACK; }", [("a", (0, 1, 2), False)]),
        ("session a step x { START TRANSACTION; ABORT; SELECT 1; }", [("a 1", (0, 1), False), ("a 2", (2,), True)]),
        ("session a step x { SELECT 1; COMMIT; SELECT 2; }", [("a 1", (0, 1), True), ("a 2", (2,), True)]),
        ("session a step x { BEGIN; SAVEPOINT s; ROLLBACK WORK TO s; END; }", [("a", (0, 1, 2, 3), False)]),
        ("session a step x { BEGIN; COMMIT AND CHAIN; SELECT 1; COMMIT AND NO CHAIN; }", [("a", (0, 1, 2, 3), False)]),
        ("session a setup { SET lock_timeout = 1; SHOW ALL; } step x { COMMIT; }", []),
        ("session a step x { SET lock_timeout = 1; SELECT ';'; }", [("a", (1,), True)]),
        ("session a step x { /* BEGIN; */ SELECT 1; -- COMMIT;\n }", [("a", (0,), True)]),
    ],
)
def test_transactions_are_found(text: str, expected: list[tuple[str, tuple[int, ...], bool]]) -> None:
    assert planned(text) == expected


def test_every_session_has_its_own() -> None:
    text = "session a step x { SELECT 1; } session b step y { BEGIN; } step z { COMMIT; }"
    assert [(one.name, one.actor) for one in planned_transactions(parse(text))] == [("a", 0), ("b", 1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BEGIN; SELECT 1; COMMIT;", "BEGIN ISOLATION LEVEL SNAPSHOT; SELECT 1; COMMIT;"),
        ("START TRANSACTION READ ONLY; COMMIT;", "START TRANSACTION READ ONLY ISOLATION LEVEL SNAPSHOT; COMMIT;"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE; COMMIT;", "BEGIN ISOLATION LEVEL SNAPSHOT; COMMIT;"),
        ("SELECT 1;", "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; SELECT 1;"),
        ("SELECT 1; SELECT 2;", "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; SELECT 1; SELECT 2;"),
        (
            "BEGIN; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; COMMIT;",
            "BEGIN ISOLATION LEVEL SNAPSHOT; SET TRANSACTION ISOLATION LEVEL SNAPSHOT; COMMIT;",
        ),
        ("SET lock_timeout = 1;", "SET lock_timeout = 1;"),
    ],
)
def test_levels_are_written_into_the_text(text: str, expected: str) -> None:
    schedule = f"session a step x {{ {text} }}"
    assert sql(at(schedule, *[SI] * len(planned(schedule)))) == [expected]


def test_each_transaction_has_its_own_level() -> None:
    text = "session a step x { UPDATE t SET v = 1; } step y { BEGIN; SELECT 1; } step z { COMMIT; } permutation x y z"
    schedule = at(text, SSI, RC)
    assert sql(schedule) == [
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE SSI; UPDATE t SET v = 1;",
        "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT 1;", "COMMIT;",
    ]
    assert schedule.permutations == ()


# -- the search


def above(*lowest: Allocation) -> list[Allocation]:
    """All allocations that stand above one of these."""
    return [
        one for one in product(LEVELS, repeat=len(lowest[0]))
        if any(all(map(lambda a, b: LEVELS.index(a) <= LEVELS.index(b), low, one)) for low in lowest)
    ]


@pytest.mark.parametrize("lowest", list(product(LEVELS, repeat=2)))
def test_the_one_lowest_is_found(lowest: Allocation) -> None:
    assert minimal_allocations(LEVELS, 2, above(lowest).__contains__) == ([lowest], True)


def test_several_lowest_are_all_found() -> None:
    assert minimal_allocations(LEVELS, 2, above((SSI, RC), (RC, SSI)).__contains__) == ([(RC, SSI), (SSI, RC)], True)


def test_what_is_good_only_at_the_bottom_is_found() -> None:
    assert minimal_allocations(LEVELS, 2, [(RC, RC), (SSI, SSI)].__contains__) == ([(RC, RC)], True)


def test_nothing_above_a_good_one_is_tried() -> None:
    tried: list[Allocation] = []

    def is_good(allocation: Allocation) -> bool:
        tried.append(allocation)
        return allocation == (SI, RC)

    minimal_allocations(LEVELS, 2, is_good)
    assert (SSI, RC) not in tried and (SI, SI) not in tried and (RC, SSI) in tried


def test_none_is_good() -> None:
    assert minimal_allocations(LEVELS, 3, lambda allocation: False) == ([], True)
    assert minimal_allocations(LEVELS, 9, lambda allocation: False) == ([], False)


def test_many_transactions_are_lowered_one_by_one() -> None:
    lowest = (RC, SI, SSI, RC, SI, RC)
    assert len(LEVELS) ** len(lowest) > MOST_ALLOCATIONS
    tried: list[Allocation] = []

    def is_good(allocation: Allocation) -> bool:
        tried.append(allocation)
        return all(LEVELS.index(low) <= LEVELS.index(level) for low, level in zip(lowest, allocation))

    assert minimal_allocations(LEVELS, len(lowest), is_good) == ([lowest], False)
    assert len(tried) < 20
