"""Intervals and edges in words, and profiles for the theory of allocation."""

from __future__ import annotations

from decimal import Decimal

import pytest
from written_histories import INDEX, TABLE, written

from minidb.history import Account, Cut, History, Read, Relation, Write
from minidb.isolation import IsolationLevel
from minidb.keys import HIGHEST, LOWEST, NULL_LAST, Descending
from minidb.lab.allocation_theory import Operation, lowest_allocation
from minidb.lab.intervals import condition_words, interval_words, key_words
from minidb.lab.oracle import judge
from minidb.lab.profiles import profile_of, profiles_of

BEGIN, END = (LOWEST, 0), (HIGHEST, 1)


@pytest.mark.parametrize("low, high, columns, interval, condition", [
    (BEGIN, END, ("a",), "all", "all"),
    ((7, 0), (7, 1), ("a",), "= 7", "a = 7"),
    ((True, 0), (True, 1), ("on_call",), "= true", "on_call = true"),
    ((1, 0), (5, 0), ("a",), "[1, 5)", "1 <= a < 5"),
    ((1, 1), (5, 1), ("a",), "(1, 5]", "1 < a <= 5"),
    ((3, 1), END, ("a",), "> 3", "a > 3"),
    ((3, 0), (NULL_LAST, 0), ("a",), "[3, NULL)", "a >= 3"),
    (BEGIN, ("m", 0), ("a",), "< 'm'", "a < 'm'"),
    ((NULL_LAST, 0), (NULL_LAST, 1), ("a",), "= NULL", "a is null"),
    (BEGIN, (NULL_LAST, 0), ("a",), "< NULL", "a is not null"),
    ((("x", 2), 0), (("x", 2), 1), ("a", "b"), "= ('x', 2)", "a = 'x' and b = 2"),
    ((("x",), 0), (("x", HIGHEST), 1), ("a", "b"), "= 'x'", "a = 'x'"),
    ((("x", LOWEST), 0), (("x", HIGHEST), 0), ("a", "b"), "= 'x'", "a = 'x'"),
    ((("x", 2), 1), (("x", HIGHEST), 1), ("a", "b"), "(('x', 2), 'x']", "a = 'x' and b > 2"),
    ((("x", HIGHEST), 1), END, ("a", "b"), "> 'x'", "a > 'x'"),
    ((-5, 0), (-5, 1), ("a desc",), "= -5", "a = 5"),
    ((-5, 0), (-1, 0), ("a desc",), "[-5, -1)", "1 < a <= 5"),
    ((Descending("m"), 1), END, ("a desc",), "> 'm'", "a < 'm'"),
    ((Decimal("-1.50"), 0), (Decimal("-1.50"), 1), ("a desc",), "= -1.50", "a = 1.50"),
    ((7, 0), (7, 1), (), "= 7", "= 7"),
    (((1, 2), 0), ((3, 4), 0), ("a", "b"), "[(1, 2), (3, 4))", "[(1, 2), (3, 4))"),
])
def test_intervals(low: Cut, high: Cut, columns: tuple[str, ...], interval: str, condition: str) -> None:
    assert interval_words(low, high) == interval
    assert condition_words(low, high, columns) == condition


def test_keys() -> None:
    assert key_words(("x", NULL_LAST, Descending(4))) == "('x', NULL, 4)"


def doctors() -> History:
    """Two doctors on call; each goes because the other is there."""
    def account(number: int, session: str, row: str) -> Account:
        goes = f"UPDATE doctor SET on_call = false WHERE id = {row}"
        texts = {1: "SELECT count(*)\n  FROM doctor WHERE on_call", 2: goes}
        return Account(number, session, "snapshot", number, False, texts, 6 + number, number)

    def goes(time: int, transaction: int, row: int) -> Write:
        points = ((1, row), (2, True), (2, False))
        return Write(time, transaction, 2, 1, row, str(row), (row, True), (row, False), points)

    return History(
        relations={
            1: Relation("doctor", "", True, ("id",)),
            2: Relation("doctor", "doctor_on_call", False, ("on_call",)),
        },
        accounts={1: account(1, "doctor_a", "1"), 2: account(2, "doctor_b", "2")},
        reads=[Read(3, 1, 1, 2, (True, 0), (True, 1), 0), Read(4, 2, 1, 2, (True, 0), (True, 1), 0)],
        writes=[goes(5, 1, 1), goes(6, 2, 2)],
        time=9,
    )


def test_an_edge_says_who_where_and_which_statement() -> None:
    verdict = judge(doctors())
    assert [anomaly.name for anomaly in verdict.anomalies] == ["write skew"]
    edge = verdict.anomalies[0].cycle[0]
    assert edge.words == (
        "doctor_a read on_call = true through index doctor_on_call (SELECT count(*) FROM doctor WHERE on_call); "
        "doctor_b changed row 2 out of it (UPDATE doctor SET on_call = false WHERE id = 2)"
    )
    assert (edge.table, edge.row, edge.index, edge.interval) == ("doctor", "2", "doctor_on_call", "= true")
    assert (edge.source_time, edge.target_time) == (3, 6)


def test_sessions_with_several_transactions_are_counted() -> None:
    history = written("w1(x) c1 w2(x) c2 w3(x) c3 w4(x) a4")
    for number, session in enumerate(["a", "b", "a", "a"], 1):
        history.accounts[number].session = session
    assert judge(history).graph.names == {1: "a 1", 2: "b", 3: "a 2"}


# -- profiles


def test_a_profile_knows_reads_writes_and_updates() -> None:
    history = written("r1(x) q1(P)+l1(y)+w1(y:P>Q) c1 r2(y) w2(x:P>R) c2", "snapshot")
    x, y = (TABLE, "x", TABLE, "x"), (TABLE, "y", TABLE, "y")
    entries = [(INDEX, key, TABLE, "y") for key in "PQ"]
    found = profile_of(history, 1)
    assert found.name == "T1"
    assert found.operations == (
        Operation("r", x, 1), Operation("r", (INDEX, "P", TABLE, "x"), 2),
        Operation("u", y, 2), *(Operation("u", entry, 2) for entry in entries),
    )


def test_profiles_of_a_write_skew_need_ssi() -> None:
    history = written("r1(x) r1(y) w1(x) c1 r2(x) r2(y) w2(y) c2", "snapshot")
    assert set(lowest_allocation(profiles_of(history)).values()) == {IsolationLevel.SSI}


def test_profiles_of_a_phantom_need_ssi() -> None:
    history = written("p1(P) i1(x:P) c1 p2(P) i2(y:P) c2", "snapshot")
    assert set(lowest_allocation(profiles_of(history)).values()) == {IsolationLevel.SSI}


def test_profiles_of_updates_in_one_statement_need_nothing() -> None:
    history = written("q1(P)+l1(x)+w1(x) c1 q2(P)+l2(x)+w2(x) c2")
    assert set(lowest_allocation(profiles_of(history)).values()) == {IsolationLevel.READ_COMMITTED}


def test_a_search_counts_where_another_one_brings_the_row() -> None:
    history = written("i1(x:P) r1(y) c1 q2(P)+l2(x)+w2(x:P) w2(y) c2")
    assert Operation("r", (INDEX, "P", TABLE, "x"), 1) in profile_of(history, 2).operations
    assert lowest_allocation(profiles_of(history))["T2"] is not IsolationLevel.READ_COMMITTED


def test_a_unique_key_is_written_by_both() -> None:
    history = written("x1(x:7) c1 i2(y:7) c2", unique=True)
    assert (INDEX, "7") in profile_of(history, 1).written_items & profile_of(history, 2).written_items
