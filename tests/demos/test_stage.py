"""The stage: steps that wait, queue up, go on, are skipped, and always end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import minidb
from minidb.lab import Program, Stage, Step
from minidb.lab.stage import line


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def stage(lines: list[str]) -> Iterator[Stage]:
    with Stage(echo=lines.append) as made:
        made.prepare("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 10), (2, 20)")
        yield made


def test_steps_behind_a_wait_are_kept(stage: Stage, lines: list[str]) -> None:
    a, b = stage.players("a", "b")
    a("BEGIN")
    a("UPDATE t SET v = 11 WHERE id = 1")
    assert b("UPDATE t SET v = v + 1 WHERE id = 1").tag == ""
    b("SELECT v FROM t WHERE id = 1")
    assert b.waits
    a("COMMIT")
    assert not b.waits
    assert "  -> waits for a (" in lines[2]
    assert [text.split("  -> ")[0] for text in lines[2:]] == [
        "b: UPDATE t SET v = v + 1 WHERE id = 1",
        "a: COMMIT",
        "b goes on: UPDATE t SET v = v + 1 WHERE id = 1",
        "b: SELECT v FROM t WHERE id = 1",
    ]
    assert lines[-1].endswith("-> 12")


def test_those_who_were_woken_go_on_in_order(stage: Stage, lines: list[str]) -> None:
    names = [f"s{i}" for i in range(6)]
    first, *others = stage.players(*names)
    first("BEGIN")
    first("UPDATE t SET v = 0 WHERE id = 1")
    for player in others:
        player("UPDATE t SET v = v + 1 WHERE id = 1")
    first("COMMIT")
    went_on = [text.split()[0] for text in lines if "goes on" in text]
    assert went_on == names[1:]
    assert stage.look("SELECT v FROM t WHERE id = 1").value == 5


def test_a_failed_transaction_skips_to_its_end(stage: Stage, lines: list[str]) -> None:
    (a,) = stage.players("a")
    a("BEGIN")
    a("SELECT 1 / 0")
    a("SELECT 1")
    a("COMMIT")
    assert lines[1:] == [
        "a: SELECT 1 / 0  -> 22012 division by zero",
        "a: SELECT 1  -> not run, its transaction has failed",
        "a: COMMIT  -> ROLLBACK",
    ]


def test_the_end_rolls_everything_back(stage: Stage) -> None:
    a, b, c = stage.players("a", "b", "c")
    for player in (a, b, c):
        player("BEGIN")
        player("UPDATE t SET v = v + 1 WHERE id = 1")
    assert b.waits and c.waits
    told = stage.finish()
    assert [moment.session for moment in told if moment.text == "ROLLBACK"] == ["a", "b", "c"]
    assert stage.look("SELECT v FROM t WHERE id = 1").value == 10


def test_steps_see_what_was_read(stage: Stage) -> None:
    stage.perform(Step("a", "SELECT v FROM t WHERE id = 1", "read"))
    assert stage.perform(Step("a", "DELETE FROM t", when=lambda seen: seen["missing"].rowcount == 0)) == []
    (moment,) = stage.perform(Step("a", "SELECT {read} + 1"))
    assert moment.outcome.value == 11
    (declined,) = stage.perform(Step("a", "SELECT 1", when=lambda seen: seen.value("read") > 10, otherwise="too small"))
    assert line(declined) == "a: (too small)"


def test_a_deadlock_is_found_at_once(stage: Stage) -> None:
    a, b = stage.players("a", "b")
    for player in (a, b):
        player("BEGIN")
    a("UPDATE t SET v = 1 WHERE id = 1")
    b("UPDATE t SET v = 1 WHERE id = 2")
    a("UPDATE t SET v = 1 WHERE id = 2")
    outcome = b("UPDATE t SET v = 1 WHERE id = 1")
    assert isinstance(outcome.error, minidb.DeadlockDetected)
    assert not a.waits


def test_programs_may_catch_errors(stage: Stage) -> None:
    caught = []

    def program() -> Program:
        yield "BEGIN"
        try:
            yield "SELECT 1 / 0"
        except minidb.DivisionByZero as error:
            caught.append(error.sqlstate)
        yield "ROLLBACK"
        value = yield "SELECT v FROM t WHERE id = 2"
        caught.append(value.value)

    stage.interleave(a=program())
    assert caught == ["22012", 20]


def test_a_program_that_ends_early_is_rolled_back(stage: Stage, lines: list[str]) -> None:
    def program() -> Program:
        yield "BEGIN"
        yield "DELETE FROM t"

    stage.interleave(a=program())
    assert lines[-1] == "a: ROLLBACK"
    assert stage.look("SELECT count(*) FROM t").value == 2


def test_an_error_of_the_program_itself_comes_out(stage: Stage) -> None:
    def program() -> Program:
        yield "BEGIN"
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        stage.interleave(a=program())


def test_a_bug_in_a_players_thread_comes_out(stage: Stage) -> None:
    def procedure(connection: minidb.Connection) -> None:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        stage.perform(Step("a", "CALL procedure()", procedure=procedure))
    assert stage.players("a")[0]("SELECT 1").value == 1


def test_nobody_else_may_wait(stage: Stage) -> None:
    """The director's own sessions have no actor to wait in: they say so instead of hanging."""
    (a,) = stage.players("a")
    a("BEGIN")
    a("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(RuntimeError, match="would wait for ever"):
        stage.look("SELECT * FROM t")
