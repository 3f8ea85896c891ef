"""Python functions as sessions: what they may do, what comes of it, and what is a fault."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from random import Random
from threading import Thread
from typing import Any

import pytest
from schedules import random_schedule

import minidb
from minidb import Connection
from minidb.errors import Error, InvalidParameterValue, LockNotAvailable, RetryableError
from minidb.lab import explore
from minidb.lab.behaviour import shown
from minidb.lab.explorer import Exploration, Explorer
from minidb.lab.functions import MOST_STEPS, Role, functions_by_name
from minidb.lab.schedule import Actor
from minidb.lab.serial_orders import SerialOrders
from minidb.lab.troupe import Troupe

SETUP = (
    "CREATE TABLE account (id int PRIMARY KEY, balance int)",
    "INSERT INTO account VALUES (1, 100), (2, 100)",
    "CREATE TABLE log (text text)",
)
Function = Callable[[Connection], Any]
LEVELS = ("read uncommitted", "read committed", "snapshot", "2pl", "ssi", "serial")


def balance(connection: Connection, account: int = 1, more: str = "") -> int:
    row = connection.execute(f"SELECT balance FROM account WHERE id = ? {more}", (account,)).fetchone()
    assert row is not None
    return int(row[0])


def put(connection: Connection, amount: int, account: int = 1) -> None:
    connection.execute("UPDATE account SET balance = ? WHERE id = ?", (amount, account))


def add(connection: Connection, amount: int = 1) -> None:
    put(connection, balance(connection) + amount)


def in_transaction(connection: Connection) -> None:
    with connection.transaction():
        add(connection)


def tried(*functions: Function, level: str | None = None, **options: Any) -> Exploration:
    return explore(SETUP, functions, level=level, **options)


def finals(found: Exploration, table: str = "account") -> set[Any]:
    return {outcome.final[table] for outcome in found.outcomes}


def both_ways(*functions: Function, level: str) -> Exploration:
    """Explored with and without reduction: the same outcomes, as often."""
    parts = functions_by_name(functions)
    found = []
    for reduce in (True, False):
        explorer = Explorer(Troupe(SETUP, parts, dict.fromkeys(parts, level)), reduce=reduce)
        found.append((explorer.explore(), {key: outcome.interleavings for key, outcome in explorer.known.items()}))
    (first, counts), (second, others) = found
    assert counts == others and first.possible == second.possible
    assert first.performed <= second.performed
    return first


# -- what functions do


@pytest.mark.parametrize("level", LEVELS)
def test_an_update_is_lost_where_the_level_lets_it(level: str) -> None:
    found = both_ways(in_transaction, in_transaction, level=level)
    assert found.serializable is (level not in LEVELS[:2])
    assert [finding.anomaly.name for finding in found.findings.values()] == ["lost update"] * (level in LEVELS[:2])


@pytest.mark.parametrize("level", ["read committed", "snapshot", "ssi", "2pl"])
def test_who_tries_again_adds_his_part(level: str) -> None:
    def patient(connection: Connection) -> None:
        connection.run(add, retries=3)

    found = both_ways(patient, patient, level=level)
    assert found.serializable is (level != "read committed")
    if found.serializable:
        assert finals(found) == {((1, 102), (2, 100))} and sum(found.retried.values()) > 0


def test_a_block_that_is_tried_again() -> None:
    def patient(connection: Connection) -> int:
        tries = 0
        for attempt in connection.attempts(4, isolation_level="snapshot"):
            with attempt:
                tries += 1
                add(connection)
        return tries

    found = both_ways(patient, patient, level="snapshot")
    assert found.serializable and finals(found) == {((1, 102), (2, 100))}


@pytest.mark.parametrize("level", ["snapshot", "ssi"])
def test_who_gives_up_has_done_what_he_has_committed(level: str) -> None:
    def impatient(connection: Connection) -> None:
        with connection.transaction():
            connection.execute("INSERT INTO log VALUES ('begun')")
        connection.run(add, retries=0)

    found = tried(impatient, impatient, level=level)
    assert found.serializable
    assert finals(found) == {((1, 101), (2, 100)), ((1, 102), (2, 100))}
    assert finals(found, "log") == {(("begun",), ("begun",))}


@pytest.mark.parametrize("level", ["snapshot", "ssi", "2pl"])
def test_what_is_done_because_of_a_rollback_is_no_anomaly(level: str) -> None:
    """The log's transaction comes in no serial order of the functions: there nobody is rolled back."""

    def careful(connection: Connection) -> str:
        try:
            in_transaction(connection)
        except RetryableError as error:
            with connection.transaction():
                connection.execute("INSERT INTO log VALUES (?)", (str(error),))
            return "given up"
        return "done"

    found = tried(careful, careful, level=level)
    assert found.serializable and found.findings == {}
    assert any(outcome.final["log"] for outcome in found.outcomes)


def test_an_anomaly_beside_an_attempt_that_was_rolled_back_is_found() -> None:
    """At snapshot: a write skew between second attempts, after a first one that was stopped."""

    def leave(connection: Connection, mine: int) -> None:
        for attempt in connection.attempts(3):
            with attempt:
                connection.execute("UPDATE account SET balance = balance + 1 WHERE id = ?", (mine,))
                if sum(amount for (amount,) in connection.execute("SELECT balance FROM account")) > 150:
                    connection.execute("UPDATE account SET balance = 0 WHERE id = ?", (mine,))

    def pay(connection: Connection) -> None:
        with connection.transaction():
            connection.execute("UPDATE account SET balance = balance + 10 WHERE id = 1")

    found = tried(partial(leave, mine=1), partial(leave, mine=2), pay, level="snapshot")
    wrong = [outcome for outcome in found.outcomes if outcome.serializable is False]
    assert any("40001" in states for outcome in wrong for states in outcome.errors.values())
    assert {finding.anomaly.code for finding in found.findings.values()} == {"G2-item"}


def test_two_transactions_in_one_function_are_judged_each_by_itself() -> None:
    def two(connection: Connection) -> None:
        with connection.transaction():
            before = balance(connection)
        with connection.transaction():
            put(connection, before + 1)

    found = tried(two, two, level="serial")
    assert found.serializable  # no level can know what the program keeps in its variables
    assert finals(found) == {((1, 101), (2, 100)), ((1, 102), (2, 100))}


def test_savepoints_and_what_is_caught_in_them() -> None:
    def nested(connection: Connection) -> None:
        with connection.transaction():
            connection.execute("INSERT INTO log VALUES ('outer')")
            with pytest.raises(Error), connection.transaction():
                connection.execute("INSERT INTO log VALUES ('inner')")
                connection.execute("INSERT INTO account VALUES (1, 0)")
            add(connection)

    found = tried(nested, in_transaction, level="read committed")
    assert finals(found, "log") == {(("outer",),)}
    assert {finding.anomaly.name for finding in found.findings.values()} == {"lost update"}


def test_what_nowait_has_refused_is_left_out() -> None:
    def eager(connection: Connection) -> bool:
        with connection.transaction():
            connection.execute("INSERT INTO log VALUES ('here')")
            try:
                with connection.transaction():
                    balance(connection, more="FOR UPDATE NOWAIT")
                    connection.execute("UPDATE account SET balance = balance + 1 WHERE id = 1")
            except LockNotAvailable:
                return False
        return True

    found = tried(eager, eager, level="read committed")
    assert found.serializable and len(finals(found)) == 2


def test_the_order_of_rows_is_no_anomaly() -> None:
    """`early` can insert first and yet stand behind `late`; in a serial order its row would be the second one."""

    def early(connection: Connection) -> str:
        connection.execute("INSERT INTO log VALUES ('early')")
        balance(connection)
        connection.commit()
        return str(connection.execute("SELECT text FROM log LIMIT 1").fetchone())

    def late(connection: Connection) -> None:
        connection.execute("INSERT INTO log VALUES ('late')")
        put(connection, 5)

    found = tried(early, late, level="read committed")
    assert found.serializable and not found.sample


def test_calls_are_made_again_as_they_were_made() -> None:
    """Without the graph's help: answers and settings of each call."""

    def settings(connection: Connection) -> None:
        refused(connection)
        connection.autocommit = True
        connection.execute("INSERT INTO log VALUES ('one')")
        with pytest.raises(Error):
            connection.execute("INSERT INTO account VALUES (1, 0)")
        connection.autocommit = False
        connection.execute("SET lock_timeout = '7s'")
        connection.commit()
        connection.execute("SHOW lock_timeout")
        connection.execute("INSERT INTO log VALUES (:word)", {"word": "two"})
        with connection.transaction():  # a savepoint, as a transaction is open
            connection.executemany("INSERT INTO log VALUES (?)", [["three"], ["four"]])
        connection.commit()

    def refused(connection: Connection) -> None:
        with connection.transaction(), suppress(LockNotAvailable), connection.transaction():
            balance(connection, more="FOR UPDATE NOWAIT")
            connection.execute("UPDATE account SET balance = balance + 1 WHERE id = 1")

    parts = {"settings": settings, "refused": refused}
    troupe = Troupe(SETUP, parts, dict.fromkeys(parts, "read committed"))
    judge = SerialOrders(troupe)
    seen = set()
    for seed in range(20):
        random = Random(seed)
        performance = troupe.perform(random.choice)
        assert performance.values == [("return None", "")] * 2
        seen.add(performance.final["account"])
        assert judge.judge(performance).serializable
    assert len(seen) > 1  # with and without the refusal


def test_many_at_once_cursors_by_row_and_autocommit() -> None:
    def fill(connection: Connection) -> None:
        connection.executemany("INSERT INTO log VALUES (?)", ([letter] for letter in "abc"))
        connection.commit()

    def count(connection: Connection) -> int:
        connection.autocommit = True
        cursor = connection.execute("SELECT text FROM log")
        return sum(1 for _ in cursor)

    found = both_ways(fill, count, level="read committed")
    assert found.serializable and finals(found, "log") == {(("a",), ("b",), ("c",))}
    assert len(found.outcomes) == 2  # all of them or none
    assert found.performed == 2


def test_read_only_and_levels_of_their_own() -> None:
    def report(connection: Connection) -> tuple[int, int]:
        with connection.transaction(isolation_level="snapshot", read_only=True):
            return balance(connection, 1), balance(connection, 2)

    def move(connection: Connection) -> None:
        with connection.transaction():
            put(connection, 90, 1)
            put(connection, 110, 2)

    assert both_ways(report, move, level="snapshot").serializable
    assert tried(report, move).serializable
    assert not tried(report, move, level="read committed").serializable  # the level that is given stands above


def test_sql_that_names_levels_is_overruled_too() -> None:
    def sly(connection: Connection) -> None:
        connection.autocommit = True
        connection.isolation_level = "serial"
        connection.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
        add(connection)
        connection.execute("COMMIT")

    assert tried(sly, sly).serializable
    assert not tried(sly, sly, level="read committed").serializable


def test_a_procedure_is_one_transaction_of_several_steps() -> None:
    found = tried(lambda connection: connection.call(add), lambda connection: connection.call(add))
    assert found.serializable and finals(found) == {((1, 102), (2, 100))}
    dirty = tried(lambda connection: connection.call(add), balance, level="read uncommitted")
    assert {finding.anomaly.code for finding in dirty.findings.values()} <= {"G1b"}
    assert len(dirty.outcomes) == 2


def test_what_is_left_open_is_committed_and_after_an_exception_rolled_back() -> None:
    def forgetful(connection: Connection) -> None:
        put(connection, 1)

    def failing(connection: Connection) -> None:
        put(connection, 2)
        connection.execute("SELECT * FROM nothing")

    assert finals(tried(forgetful)) == {((1, 1), (2, 100))}
    assert finals(tried(failing)) == {((1, 100), (2, 100))}


def test_what_is_returned_tells_outcomes_apart_but_for_its_address() -> None:
    assert len(tried(lambda connection: connection.execute("SELECT 1"), balance).outcomes) == 1
    assert len(tried(balance, lambda connection: put(connection, 5)).outcomes) == 2
    assert shown({"b", "a"}) == shown({"a", "b"}) and shown(object()) == shown(object())
    assert shown([1, {"a": (2.5, None)}]) == "(1, {'a': (2.5, None)})"


def test_who_sleeps_between_tries_does_so_for_nothing() -> None:
    def patient(connection: Connection) -> None:
        connection.backoff.base = 3600
        connection.backoff.longest = 3600
        connection.run(add)

    assert tried(patient, patient, level="ssi").serializable


def test_functions_may_change_the_schema() -> None:
    def extend(connection: Connection) -> None:
        connection.execute("ALTER TABLE account ADD COLUMN note text")

    assert tried(extend, in_transaction, level="snapshot").serializable


def test_an_exploration_can_look_at_its_witnesses_again() -> None:
    found = tried(in_transaction, in_transaction, level="read committed")
    (finding,) = found.findings.values()
    run = found.run(finding.witness)
    numbers = {edge.source for edge in finding.anomaly.cycle}
    assert numbers <= run.history.accounts.keys()  # looking changes nothing, not even what transactions are called
    assert [event.sql for event in run.events][:2] == ["BEGIN", "SELECT balance FROM account WHERE id = ?   [1]"]


def test_functions_as_invariants_leave_no_connection_behind(recwarn: pytest.WarningsRecorder) -> None:
    found = tried(in_transaction, in_transaction, level="read committed", invariant=lambda c: balance(c) == 102)
    assert found.broken and not recwarn.list


# -- names


class Bank:
    def withdraw(self, connection: Connection) -> None:
        add(connection, -10)

    @classmethod
    def deposit(cls, connection: Connection) -> None:
        add(connection, 10)

    def __call__(self, connection: Connection) -> None:
        add(connection)


def test_names() -> None:
    functions = [
        Bank().withdraw, Bank.deposit, Bank(), partial(add, amount=5), lambda c: add(c), lambda c: None, add, add
    ]
    assert list(functions_by_name(functions)) == [
        "Bank.withdraw", "Bank.deposit", "Bank", "add(amount=5)", "lambda 1", "lambda 2", "add 1", "add 2"
    ]


# -- exceptions of their own


class Insufficient(Exception):
    """As a program would have it."""


def withdraw(connection: Connection) -> None:
    with connection.transaction():
        left = balance(connection, more="FOR UPDATE") - 70
        if left < 0:
            raise Insufficient(f"{left}")
        put(connection, left)


def test_an_exception_comes_out_as_it_is_with_the_interleaving() -> None:
    with pytest.raises(Insufficient, match="-40") as caught:
        tried(withdraw, withdraw)
    (note,) = caught.value.__notes__
    assert note.splitlines()[0] == "minidb: in withdraw 2, in this interleaving:"
    assert "withdraw 1  COMMIT" in note and "→ (30)" in note


def test_an_exception_that_a_function_may_end_with_is_an_outcome() -> None:
    role = Role(withdraw, (Insufficient,))
    found = tried(role, role)
    assert found.serializable and finals(found) == {((1, 30), (2, 100))}
    assert len(found.outcomes) == 2  # either of them


def test_an_exception_that_comes_only_in_some_orders_is_found() -> None:
    def nervous(connection: Connection) -> None:
        before = balance(connection)
        connection.commit()
        if balance(connection) != before:
            raise ValueError("it has changed")

    with pytest.raises(ValueError, match="it has changed") as caught:
        tried(nervous, in_transaction)
    assert "in_transaction" in caught.value.__notes__[0]
    tried(nervous)


def test_no_other_errors_than_those_are_told_a_story() -> None:
    with pytest.raises(minidb.UndefinedTable) as caught:
        explore("INSERT INTO nothing VALUES (1)", [add])
    assert not hasattr(caught.value, "__notes__")


# -- faults


def fault(*functions: Function, **options: Any) -> str:
    with pytest.raises(InvalidParameterValue) as caught:
        tried(*functions, **options)
    return str(caught.value)


def endless(connection: Connection) -> None:
    while True:
        balance(connection)


def stubborn(connection: Connection) -> None:
    while True:
        try:
            balance(connection)
        except BaseException:  # even this
            continue


def test_a_function_that_never_ends() -> None:
    words = fault(endless, in_transaction)
    assert words.startswith(f"endless makes more than {MOST_STEPS:,} calls of the database")
    assert "SELECT balance" in words


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_function_that_never_ends_and_catches_everything() -> None:
    assert "more than" in fault(stubborn)


def test_a_function_that_is_not_deterministic() -> None:
    random = Random(0)

    def dice(connection: Connection) -> None:
        put(connection, random.randrange(1_000_000))

    words = fault(dice, in_transaction)
    assert words.startswith("dice is not deterministic") and words.count("UPDATE account") == 2


def test_a_function_that_counts_its_runs() -> None:
    runs: Iterator[int] = iter(range(10**6))

    def longer(connection: Connection) -> None:
        for _ in range(next(runs)):
            balance(connection)
        put(connection, 5)

    assert "longer is not deterministic" in fault(longer, in_transaction)


def test_a_function_that_returns_something_else_each_time() -> None:
    runs = iter(range(10**6))

    def odd(connection: Connection) -> int:
        put(connection, 5)
        return next(runs)

    assert "return 0" in fault(odd, in_transaction)


def test_a_connection_in_another_thread() -> None:
    def threaded(connection: Connection) -> None:
        def work() -> None:
            with pytest.raises(minidb.InterfaceError):
                balance(connection)

        thread = Thread(target=work)
        thread.start()
        thread.join()
        balance(connection)

    assert "used from elsewhere" in fault(threaded, in_transaction)


def test_a_connection_of_another_function() -> None:
    given: list[Connection] = []

    def lender(connection: Connection) -> None:
        given.append(connection)
        balance(connection)
        balance(connection)

    def borrower(connection: Connection) -> None:
        put(connection, 5)
        balance(given[-1])

    with pytest.raises(Error, match=r"used from elsewhere|connection is closed"):
        tried(lender, borrower)


def test_a_connection_that_is_closed() -> None:
    def careless(connection: Connection) -> None:
        balance(connection)
        connection.close()
        balance(connection)

    with pytest.raises(minidb.InterfaceError, match="closed") as caught:
        tried(careless)
    assert caught.value.__notes__


def test_another_connection() -> None:
    def connected(connection: Connection) -> None:
        other = minidb.connect(":memory:")
        other.execute("SELECT 1")
        try:
            balance(connection)
        finally:
            other.close()

    assert fault(connected) == (
        "connected has opened another connection\n"
        "HINT: Only what it does with the connection that it is given can be explored."
    )


def test_no_call_at_all() -> None:
    assert "makes no call of the database" in fault(lambda connection: None)


def test_coroutines_and_generators() -> None:
    async def later(connection: Connection) -> None:
        await asyncio.sleep(0)

    def one_by_one(connection: Connection) -> Iterator[int]:
        yield balance(connection)

    assert "returned a coroutine that has not run" in fault(later)
    assert "returned a generator that has not run" in fault(one_by_one)


def test_a_dismissed_function_does_nothing_more() -> None:
    """The search breaks most of its runs off: what a function does on its way out must not reach the database."""

    def tidy(connection: Connection) -> None:
        try:
            balance(connection)
            connection.execute("UPDATE account SET balance = balance + 1")
        finally:
            connection.execute("INSERT INTO log VALUES ('end')")
            out.append(1)

    out: list[int] = []
    choices = iter([0, 1, 0])
    troupe = Troupe(SETUP, functions_by_name([tidy, tidy]), {})
    performance = troupe.perform(lambda ready: next(choices, None))
    assert not performance.whole and not out
    assert performance.history.writes == [] or {write.row for write in performance.history.writes} == {"1", "2"}


def test_time_is_left_alone() -> None:
    before = time.sleep
    tried(in_transaction)
    assert time.sleep is before


# -- at random


def random_function(random: Random, name: str) -> Function:
    """Reads, and does what depends on it; now and then in a savepoint, sometimes with another try."""
    plan = [(random.choice("rwsab"), random.choice((1, 2))) for _ in range(random.choice((1, 2, 2)))]
    tries = random.choice((1, 1, 2))

    def work(connection: Connection) -> int:
        seen = 0
        for kind, account in plan:
            if kind == "r":
                seen += balance(connection, account)
            elif kind == "w":
                put(connection, seen + 1, account)
            elif kind == "a":
                connection.execute("UPDATE account SET balance = balance * 2 WHERE id = ?", (account,))
            elif kind == "s":
                with connection.transaction():
                    seen += sum(amount for (amount,) in connection.execute("SELECT balance FROM account"))
            elif seen % 2 == 0:
                connection.execute("INSERT INTO log VALUES (?)", (f"{name} {seen}",))
        return seen

    def function(connection: Connection) -> int | None:
        try:
            return connection.run(work, retries=tries - 1)
        except RetryableError:
            return None

    return function


@pytest.mark.parametrize("level", LEVELS)
def test_random_functions(level: str) -> None:
    for seed in range(5):
        random = Random(f"{level} {seed}")
        functions = [random_function(random, name) for name in "ab"]
        found = both_ways(*functions, level=level)
        assert found.serializable or level in LEVELS[:3]
        assert all(anomaly.anomaly.code != "?" for anomaly in found.findings.values())


def as_function(actor: Actor) -> Function:
    """Does what a session of a schedule does, whatever comes of it."""

    def function(connection: Connection) -> None:
        connection.autocommit = True
        for sql in (actor.setup, *(step.sql for step in actor.steps)):
            with suppress(Error):
                connection.execute(sql)

    return function


def picture(found: Exploration) -> tuple[set[Any], set[tuple[str, str]]]:
    finals = {(repr(sorted(outcome.final.items())), outcome.serializable) for outcome in found.outcomes}
    return finals, set(found.findings)


@pytest.mark.parametrize("level", LEVELS)
def test_functions_that_follow_a_schedule_are_judged_like_it(level: str) -> None:
    for seed in range(6):
        schedule = random_schedule(seed)
        functions = {actor.name: as_function(actor) for actor in schedule.actors}
        assert picture(explore(schedule.setups, functions, level=level)) == picture(explore(schedule, level=level))
