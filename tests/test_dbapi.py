"""The driver by itself, over a session that answers by script: PEP 249, blocks, retries, threads, Ctrl-C."""

from __future__ import annotations

import datetime
import signal
import threading
from array import array
from collections import UserDict, deque, namedtuple
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import pytest
from fake_engine import FakeEngine, FakeResult, FakeSession

import minidb
from minidb import errors, types
from minidb.dbapi import database as opening
from minidb.dbapi.connection import Connection
from minidb.isolation import IsolationLevel

ROWS = [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e")]


@pytest.fixture(params=[0, 2], ids=["complete", "stream"])
def session(request: pytest.FixtureRequest) -> FakeSession:
    answers = {"SELECT": ROWS, "UPDATE": 2, "FAIL": errors.UniqueViolation("duplicate key")}
    return FakeSession(answers, batch=request.param)


@pytest.fixture
def conn(session: FakeSession) -> Connection:
    connection = Connection(session)
    connection.backoff = minidb.Backoff(sleep=lambda seconds: None, random=lambda: 0.5)
    return connection


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr(opening, "open_engine", lambda path, **options: fake)
    return fake


# -- the module ---------------------------------------------------------------------------------------------


def test_module_constants() -> None:
    assert (minidb.apilevel, minidb.paramstyle) == ("2.0", "qmark")
    assert minidb.threadsafety >= 1


def test_exceptions_are_on_the_connection() -> None:
    names = """Warning Error InterfaceError DatabaseError DataError OperationalError IntegrityError InternalError
        ProgrammingError NotSupportedError"""
    for name in names.split():
        assert getattr(minidb.Connection, name) is getattr(minidb, name)


def test_type_objects_and_constructors() -> None:
    assert minidb.NUMBER == "integer" and minidb.NUMBER == "numeric" and minidb.NUMBER != "text"
    assert minidb.STRING != minidb.NUMBER and minidb.BINARY == "bytea" and minidb.DATETIME == "timestamptz"
    assert len({minidb.STRING, minidb.NUMBER, minidb.STRING}) == 2
    assert minidb.Date(2024, 2, 29) == datetime.date(2024, 2, 29)
    assert minidb.Timestamp(2024, 2, 29, 12) == datetime.datetime(2024, 2, 29, 12)
    assert minidb.Binary(b"x") == b"x"
    now = datetime.datetime(2024, 2, 29, 12, 30, 15)
    assert minidb.TimestampFromTicks(now.timestamp()) == now
    assert minidb.DateFromTicks(now.timestamp()) == now.date()
    assert minidb.TimeFromTicks(now.timestamp()) == now.time()


def test_every_type_has_a_type_object() -> None:
    kinds = [minidb.STRING, minidb.BINARY, minidb.NUMBER, minidb.DATETIME]
    for kind in types.BASE_TYPES.values():
        if kind.name not in ("record", "void", "any", "anyelement", "anyarray", "anynonarray"):
            assert [k.name for k in kinds if k == kind.name] == [kind.description_code], kind.name


# -- cursors ------------------------------------------------------------------------------------------------


def test_fetching(conn: Connection) -> None:
    cursor = conn.cursor()
    assert cursor.execute("SELECT") is cursor
    assert cursor.fetchone() == (1, "a")
    assert cursor.fetchmany() == [(2, "b")]
    cursor.arraysize = 2
    assert cursor.fetchmany() == [(3, "c"), (4, "d")]
    assert cursor.fetchall() == [(5, "e")]
    assert cursor.fetchone() is None and cursor.fetchall() == [] and cursor.fetchmany(3) == []
    assert list(cursor.execute("SELECT")) == ROWS
    assert conn.execute("SELECT").fetchall() == ROWS
    assert next(conn.execute("SELECT")) == ROWS[0]
    with pytest.raises(errors.DataError):
        cursor.fetchmany(-1)


def test_description_and_counts(conn: Connection) -> None:
    cursor = conn.cursor()
    assert (cursor.description, cursor.rowcount, cursor.lastrowid, cursor.statusmessage) == (None, -1, None, None)
    cursor.execute("SELECT")
    assert cursor.description == [
        ("id", "integer", None, None, None, None, None),
        ("name", "text", None, None, None, None, None),
    ]
    assert cursor.description[0][1] == minidb.NUMBER
    assert (cursor.rowcount, cursor.lastrowid, cursor.connection) == (-1, None, conn)
    cursor.execute("UPDATE")
    assert (cursor.description, cursor.rowcount, cursor.statusmessage) == (None, 2, "UPDATE 2")


def test_nothing_to_fetch(conn: Connection) -> None:
    cursor = conn.cursor()
    for fetch in (cursor.fetchone, cursor.fetchall, cursor.fetchmany, cursor.__next__):
        with pytest.raises(errors.ProgrammingError, match="no statement has been executed"):
            fetch()
    cursor.execute("UPDATE")
    for fetch in (cursor.fetchone, cursor.fetchall, cursor.fetchmany, cursor.__next__):
        with pytest.raises(errors.ProgrammingError, match="returns no rows"):
            fetch()


def test_executing_again_closes_the_result_before(conn: Connection, session: FakeSession) -> None:
    first = FakeResult("SELECT", list(ROWS))
    session.answers["FIRST"] = first
    cursor = conn.execute("FIRST")
    cursor.execute("UPDATE")
    assert first.closed


def test_a_statement_that_fails_leaves_nothing_to_fetch(conn: Connection) -> None:
    cursor = conn.execute("SELECT")
    with pytest.raises(errors.UniqueViolation):
        cursor.execute("FAIL")
    with pytest.raises(errors.ProgrammingError):
        cursor.fetchone()


def test_an_error_between_batches_is_not_taken_for_the_end(conn: Connection, session: FakeSession) -> None:
    result = FakeResult("SELECT", list(ROWS))
    session.answers["STREAM"] = result
    cursor = conn.execute("STREAM")
    assert cursor.fetchmany(2) == ROWS[:2]
    result.closed = True
    for fetch in (cursor.fetchone, cursor.fetchone, cursor.__next__, cursor.fetchall, cursor.fetchmany):
        with pytest.raises(errors.InvalidCursorState):
            fetch()


def test_executemany(conn: Connection, session: FakeSession) -> None:
    cursor = conn.executemany("UPDATE", [(1,), (2,), (3,)])
    assert cursor.rowcount == 6 and cursor.description is None
    assert conn.executemany("UPDATE", iter([(1,)])).rowcount == 2
    for wrong in ("abc", {"a": 1}, 5, None):
        with pytest.raises(errors.ProgrammingError) as caught:
            conn.executemany("UPDATE", wrong)  # type: ignore[arg-type]
        assert caught.value.sqlstate == "07001"


def test_parameter_containers() -> None:
    pair = namedtuple("pair", "first second")
    with minidb.connect(":memory:") as conn:
        for _ in range(3):  # compiled, found, and found by its text
            for given in ((1, 2), [1, 2], range(1, 3), pair(1, 2), deque([1, 2]), array("q", [1, 2])):
                assert conn.execute("SELECT ?, ?", given).fetchone() == (1, 2)
            for named in ({"a": 1}, MappingProxyType({"a": 1}), UserDict({"a": 1})):
                assert conn.execute("SELECT :a", named).fetchone() == (1,)
            assert conn.execute("SELECT 1", None).fetchone() == (1,)
            for wrong in ("ab", b"ab", 5, {1, 2}, object(), iter((1, 2))):
                with pytest.raises(errors.ProgrammingError) as caught:
                    conn.execute("SELECT ?, ?", wrong)  # type: ignore[arg-type]
                assert caught.value.sqlstate == "07001"
            with pytest.raises(errors.ProgrammingError, match=r"HINT: .*\('abc',\)"):
                conn.execute("SELECT ?", "abc")  # type: ignore[arg-type]
            for statement in (None, b"SELECT 1", 5, ["SELECT 1"], {}):
                with pytest.raises(errors.InterfaceError, match="a statement is a str"):
                    conn.execute(statement)  # type: ignore[arg-type]
            assert conn.execute("SELECT 1").fetchone() == (1,), "the transaction goes on"


def test_closed_objects(conn: Connection, session: FakeSession) -> None:
    cursor = conn.execute("SELECT")
    other = conn.execute("SELECT")
    cursor.close()
    cursor.close()
    uses: list[Callable[[], object]] = [
        lambda: cursor.execute("SELECT"),
        lambda: cursor.executemany("UPDATE", []),
        lambda: cursor.callproc("p"),
        cursor.fetchone, cursor.fetchall, cursor.fetchmany, cursor.__next__,
    ]
    for use in uses:
        with pytest.raises(errors.InterfaceError, match="cursor is closed"):
            use()
    assert other.fetchone() == (1, "a")
    conn.close()
    conn.close()
    assert session.closed and conn.closed
    uses = [
        conn.cursor, conn.commit, conn.rollback, conn.__enter__, other.fetchone, other.fetchall, other.__next__,
        lambda: conn.execute("SELECT"),
        lambda: other.execute("SELECT"),
        lambda: conn.executescript("SELECT"),
        lambda: conn.run(print),
        lambda: conn.call(print),
        lambda: conn.isolation_level,
        lambda: conn.transaction().__enter__(),
        lambda: setattr(conn, "autocommit", True),
        lambda: setattr(conn, "isolation_level", "ssi"),
    ]
    for use in uses:
        with pytest.raises(errors.InterfaceError, match="connection is closed"):
            use()
    other.close()
    assert "closed" in repr(conn) and "closed" in repr(cursor)


def test_the_rest_of_pep_249(conn: Connection) -> None:
    with conn.cursor() as cursor:
        cursor.setinputsizes([1])
        cursor.setoutputsize(1, 2)
        with pytest.raises(errors.NotSupportedError):
            cursor.nextset()
    with pytest.raises(errors.InterfaceError):
        cursor.execute("SELECT")


def test_executescript(conn: Connection, session: FakeSession) -> None:
    cursor = conn.executescript("UPDATE; -- a; comment\n SELECT ;")
    assert session.log == ["UPDATE", "SELECT"] and cursor.rowcount == -1


# -- transactions -------------------------------------------------------------------------------------------


def test_commit_and_rollback(conn: Connection, session: FakeSession) -> None:
    assert not conn.in_transaction
    conn.execute("UPDATE")
    assert conn.in_transaction
    conn.commit()
    conn.execute("UPDATE")
    conn.rollback()
    assert session.log == ["UPDATE", "commit", "UPDATE", "rollback"] and not conn.in_transaction


@pytest.mark.parametrize("end", ["rollback", "ROLLBACK", "close"])
def test_rollback_closes_cursors(conn: Connection, end: str) -> None:
    kept = conn.execute("SELECT")
    conn.commit()
    lost, empty = conn.execute("SELECT"), conn.execute("UPDATE")
    assert lost.fetchone() == ROWS[0]
    if end == "ROLLBACK":
        conn.execute("ROLLBACK")
    else:
        conn.rollback()
    for fetch in (lost.fetchone, lost.fetchall, lost.fetchmany, lost.__next__):
        with pytest.raises(errors.ProgrammingError) as caught:
            fetch()
        assert caught.value.sqlstate == "24000"
    assert kept.fetchall() == ROWS
    with pytest.raises(errors.ProgrammingError, match="returns no rows"):
        empty.fetchone()
    assert lost.execute("SELECT").fetchall() == ROWS


def test_committing_a_failed_transaction_rolls_it_back(conn: Connection) -> None:
    cursor = conn.execute("SELECT")
    with pytest.raises(errors.UniqueViolation):
        conn.execute("FAIL")
    conn.commit()
    assert not conn.in_transaction
    with pytest.raises(errors.InvalidCursorState):
        cursor.fetchone()


def test_rollback_leaves_cursors_of_autocommit_alone(conn: Connection) -> None:
    conn.autocommit = True
    cursor = conn.execute("SELECT")
    conn.execute("BEGIN")
    conn.execute("ROLLBACK")
    assert cursor.fetchall() == ROWS


def test_with_connection(session: FakeSession) -> None:
    with Connection(session) as conn:
        conn.execute("UPDATE")
    assert session.log == ["UPDATE", "commit", "close"] and conn.closed
    session.log.clear()
    with pytest.raises(ZeroDivisionError), Connection(session) as conn:
        conn.execute("UPDATE")
        raise ZeroDivisionError
    assert session.log == ["UPDATE", "close"] and conn.closed
    with Connection(session) as conn:
        conn.close()
    with Connection(session) as conn, pytest.raises(errors.UniqueViolation):
        conn.execute("FAIL")
    assert conn.closed


def test_transaction_block(conn: Connection, session: FakeSession) -> None:
    with conn.transaction("ssi", read_only=True, deferrable=True) as inside:
        assert inside is conn
    with pytest.raises(ZeroDivisionError), conn.transaction():
        raise ZeroDivisionError
    assert session.log == [
        "begin isolation_level=ssi read_only=True deferrable=True", "commit", "begin", "rollback"]


def test_nested_blocks_are_savepoints(conn: Connection, session: FakeSession) -> None:
    with conn.transaction():
        with conn.transaction():
            conn.execute("UPDATE")
        with pytest.raises(errors.UniqueViolation), conn.transaction(), conn.transaction():
            conn.execute("FAIL")
    assert session.log == [
        "begin", "savepoint minidb_block_2", "UPDATE", "release minidb_block_2",
        "savepoint minidb_block_2", "savepoint minidb_block_3", "FAIL",
        "rollback to minidb_block_3", "release minidb_block_3",
        "rollback to minidb_block_2", "release minidb_block_2", "commit",
    ]  # fmt: skip


def test_a_block_in_an_implicit_transaction_is_a_savepoint(conn: Connection, session: FakeSession) -> None:
    conn.execute("UPDATE")
    with conn.transaction():
        pass
    assert conn.in_transaction and session.log == ["UPDATE", "savepoint minidb_block_1", "release minidb_block_1"]


def test_naming_a_level_inside_a_transaction(conn: Connection) -> None:
    conn.execute("UPDATE")
    options: list[dict[str, Any]] = [{"isolation_level": "ssi"}, {"read_only": True}, {"deferrable": False}]
    for option in options:
        with pytest.raises(errors.ActiveTransaction) as caught, conn.transaction(**option):
            pass
        assert caught.value.sqlstate == "25001"
    with pytest.raises(errors.ActiveTransaction):
        conn.run(print, isolation_level="ssi")
    with pytest.raises(errors.DataError, match="unknown isolation level"):
        conn.transaction("chaos")


def test_commit_inside_a_block_is_refused(conn: Connection) -> None:
    with conn.transaction():
        for verb in (conn.commit, conn.rollback):
            with pytest.raises(errors.InternalError) as caught:
                verb()
            assert caught.value.sqlstate == "2D000"
    conn.commit()


def test_an_error_that_was_swallowed_is_not_a_success(conn: Connection, session: FakeSession) -> None:
    with pytest.raises(errors.InFailedTransaction), conn.transaction(), pytest.raises(errors.UniqueViolation):
        conn.execute("FAIL")
    assert session.log == ["begin", "FAIL", "rollback"]


def test_a_block_whose_transaction_was_ended_by_hand(conn: Connection, session: FakeSession) -> None:
    with conn.transaction():
        conn.execute("ROLLBACK")
    assert session.log == ["begin", "ROLLBACK"]


# -- trying again -------------------------------------------------------------------------------------------


def failing(times: int) -> Callable[..., Any]:
    """An answer that is a serialization failure for the first `times` calls."""
    left = [times]

    def answer(*_: object) -> Any:
        left[0] -= 1
        return errors.SerializationFailure("could not serialize access") if left[0] >= 0 else 1

    return answer


@pytest.mark.parametrize("where", ["STATEMENT", "commit"])
def test_run_tries_again(conn: Connection, session: FakeSession, where: str) -> None:
    session.answers[where] = failing(2)

    def work(connection: Connection, key: int) -> int:
        connection.execute("STATEMENT")
        return key

    assert conn.run(work, 7, isolation_level="serializable") == 7
    assert session.log.count("begin isolation_level=ssi") == 3 and not conn.in_transaction


@pytest.mark.parametrize("where", ["STATEMENT", "commit"])
def test_run_gives_up(conn: Connection, session: FakeSession, where: str) -> None:
    session.answers[where] = failing(100)
    with pytest.raises(errors.RetryableError) as caught:
        conn.run(lambda c: c.execute("STATEMENT"), retries=5)
    assert session.log.count("begin") == 6 and not conn.in_transaction
    assert caught.value.__notes__ == ["minidb: given up after 6 tries"]
    conn.execute("UPDATE")


def test_only_retryable_errors_are_tried_again(conn: Connection, session: FakeSession) -> None:
    for error in (errors.UniqueViolation("x"), errors.LockNotAvailable("x"), ZeroDivisionError()):
        session.log.clear()
        session.answers["STATEMENT"] = error
        with pytest.raises(type(error)):
            conn.run(lambda c: c.execute("STATEMENT"))
        assert session.log.count("begin") == 1
    session.answers["STATEMENT"] = errors.DeadlockDetected("x")
    session.log.clear()
    with pytest.raises(errors.DeadlockDetected):
        conn.run(lambda c: c.execute("STATEMENT"), retries=1)
    assert session.log.count("begin") == 2


@pytest.mark.parametrize("where", ["STATEMENT", "commit"])
def test_attempts(conn: Connection, session: FakeSession, where: str) -> None:
    session.answers[where] = failing(4)
    made = 0
    for attempt in conn.attempts(5, isolation_level="ssi"):
        with attempt:
            made += 1
            conn.execute("STATEMENT")
    assert made == 5
    session.answers[where] = failing(5)
    with pytest.raises(errors.SerializationFailure) as caught:
        for attempt in conn.attempts(5):
            with attempt:
                conn.execute("STATEMENT")
    assert caught.value.__notes__ == ["minidb: given up after 5 tries"]
    with pytest.raises(errors.DataError):
        conn.attempts(0)


def test_leaving_an_attempt_for_good_is_no_success(conn: Connection, session: FakeSession) -> None:
    def careless() -> str:
        for attempt in conn.attempts(5):
            with attempt:
                return "done"
        raise AssertionError

    session.answers["commit"] = failing(1)
    assert careless() == "done"
    with pytest.raises(errors.SerializationFailure) as caught:
        conn.execute("UPDATE")
    assert "left by `return` or `break`" in caught.value.__notes__[0]
    conn.execute("UPDATE")
    conn.commit()
    session.answers["commit"] = failing(1)
    careless()
    with pytest.raises(errors.SerializationFailure):
        conn.close()
    assert conn.closed


def test_inside_a_transaction_there_is_one_try(conn: Connection, session: FakeSession) -> None:
    session.answers["STATEMENT"] = failing(1)
    with pytest.raises(errors.SerializationFailure), conn.transaction():
        conn.run(lambda c: c.execute("STATEMENT"))
    assert session.log.count("STATEMENT") == 1 and session.log[-1] == "rollback"


def test_run_inside_run_is_repeated_with_it(conn: Connection, session: FakeSession) -> None:
    session.answers["STATEMENT"] = failing(1)
    assert conn.run(lambda c: c.run(lambda d: d.execute("STATEMENT").rowcount)) == 1
    assert session.log.count("begin") == 2


def test_backoff() -> None:
    slept: list[float] = []
    backoff = minidb.Backoff(base=0.01, longest=0.1, sleep=slept.append, random=lambda: 1.0)
    for tries in range(1, 6):
        backoff.pause(tries)
    backoff.random = lambda: 0.0
    backoff.pause(1)
    assert slept == pytest.approx([0.02, 0.04, 0.08, 0.1, 0.1, 0.01])
    assert 0.0005 <= minidb.Backoff().delay(0) <= 0.001 and minidb.Backoff().delay(10_000) <= 1.0


def test_call(conn: Connection, session: FakeSession) -> None:
    def transfer(connection: Connection, amount: int) -> int:
        connection.execute("UPDATE")
        with connection.transaction():
            pass
        with pytest.raises(errors.InternalError):
            connection.commit()
        return amount + 1

    assert conn.call(transfer, 4) == 5
    assert session.log[0] == "begin isolation_level=serial" and session.log[-1] == "commit"
    conn.register_procedure("transfer", transfer)
    assert conn.call("transfer", 1) == 2
    assert conn.cursor().callproc("transfer", (3,)) == [3]
    with pytest.raises(errors.UndefinedFunction):
        conn.cursor().callproc("unknown")


# -- settings and opening -----------------------------------------------------------------------------------


def test_settings(conn: Connection, session: FakeSession) -> None:
    conn.isolation_level = "SERIALIZABLE 2PL"
    assert conn.isolation_level == "2pl"
    conn.isolation_level = IsolationLevel.SNAPSHOT
    assert conn.isolation_level == "snapshot" and type(conn.isolation_level) is str
    with pytest.raises(errors.DataError):
        conn.isolation_level = "chaos"
    conn.lock_timeout = 0.5
    assert session.lock_timeout == 0.5
    wrong: Any
    for wrong in (-1, "5s", True, float("nan")):
        with pytest.raises(errors.InvalidParameterValue):
            conn.lock_timeout = wrong
    conn.autocommit = True
    assert session.autocommit is True
    conn.execute("BEGIN")
    conn.autocommit = True
    with pytest.raises(errors.ActiveTransaction):
        conn.autocommit = False
    assert (conn.read_only, conn.durability) == (False, "full")


def test_connect(engine: FakeEngine) -> None:
    conn = minidb.connect("x.mdb", isolation_level="Serializable", autocommit=True, durability="normal", lock_timeout=2)
    session = engine.sessions[0]
    assert (session.isolation_level, session.autocommit, session.durability) == ("ssi", True, "normal")
    assert session.lock_timeout == 2
    conn.close()
    assert engine.closed and session.closed


def test_wrong_options(engine: FakeEngine) -> None:
    wrong: list[dict[str, Any]] = [{"isolation_level": "x"}, {"durability": "x"}, {"lock_timeout": -1}]
    for option in wrong:
        with pytest.raises(errors.InvalidParameterValue):
            minidb.connect(**option)
        assert engine.closed
    assert minidb.connect(dialect="mysql").session.dialect == "mysql"


def test_database(engine: FakeEngine) -> None:
    with minidb.Database("x.mdb") as db:
        a, b = db.connect(), db.connect(isolation_level="ssi")
        assert a is not b and b.isolation_level == "ssi"
        db.register_procedure("p", lambda connection: 5)
        assert a.call("p") == 5
        a.close()
        assert not engine.closed
    assert b.closed and db.closed and engine.closed
    with pytest.raises(errors.InterfaceError, match="database is closed"):
        db.connect()


def test_a_connection_that_is_forgotten_is_given_back(session: FakeSession) -> None:
    queued: list[object] = []
    session.abandon = queued.append  # type: ignore[attr-defined]
    conn = Connection(session)
    with pytest.warns(ResourceWarning, match="unclosed"):
        del conn
    assert len(queued) == 1


# -- threads and signals ------------------------------------------------------------------------------------


def test_a_second_thread_is_refused_while_the_first_is_at_work(conn: Connection, session: FakeSession) -> None:
    running = threading.Event()

    def slow(parameters: Any) -> Any:
        running.set()
        return session.wait_until_canceled(parameters)

    session.answers["SLOW"] = slow
    caught: list[BaseException] = []

    def first() -> None:
        try:
            conn.execute("SLOW")
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=first)
    thread.start()
    assert running.wait(30)
    uses: list[Callable[[], object]] = [
        lambda: conn.execute("SELECT"), lambda: conn.executemany("UPDATE", []), conn.commit, conn.close,
        lambda: conn.call(print),
    ]
    for use in uses:
        with pytest.raises(errors.InterfaceError, match="another thread"):
            use()
    conn.interrupt()
    thread.join(30)
    assert isinstance(caught[0], errors.QueryCanceled)
    assert session.log == ["SLOW"]
    conn.rollback()
    assert conn.execute("SELECT").fetchone() == ROWS[0]


def press_control_c(session: FakeSession) -> Callable[[Any], Any]:
    """An answer: somebody presses Ctrl-C while the statement runs."""

    def answer(parameters: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return session.wait_until_canceled(parameters)

    return answer


def test_control_c_ends_a_statement_at_a_safe_point(conn: Connection, session: FakeSession) -> None:
    session.answers["SLOW"] = press_control_c(session)
    for use in (lambda: conn.execute("SLOW"), lambda: conn.executemany("SLOW", [()])):
        with pytest.raises(KeyboardInterrupt) as caught:
            use()
        assert isinstance(caught.value.__cause__, errors.QueryCanceled)
        conn.rollback()
    assert conn.execute("SELECT").fetchone() == ROWS[0]


def test_control_c_that_comes_too_late_is_still_heard(conn: Connection, session: FakeSession) -> None:
    session.answers["QUICK"] = lambda parameters: signal.raise_signal(signal.SIGINT) or 1
    with pytest.raises(KeyboardInterrupt):
        conn.execute("QUICK")
    session.answers["commit"] = lambda: signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        conn.commit()
    assert not conn.in_transaction
    conn.execute("UPDATE")


def test_control_c_outside_of_a_statement(conn: Connection) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)

    def procedure(connection: Connection) -> None:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    conn.call(procedure)
    conn.execute("UPDATE")


def test_the_handler_goes_with_the_last_connection(session: FakeSession) -> None:
    before = signal.getsignal(signal.SIGINT)
    ours: list[Any] = []
    signal.signal(signal.SIGINT, lambda number, frame: ours.append(number))
    try:
        handler = signal.getsignal(signal.SIGINT)
        Connection(session).close()
        assert signal.getsignal(signal.SIGINT) is handler  # only Python's own is replaced
    finally:
        signal.signal(signal.SIGINT, before)


# -- on the real engine -------------------------------------------------------------------------------------


@pytest.fixture
def table(database: minidb.Database) -> minidb.Connection:
    made = database.connect()
    made.execute("CREATE TABLE item (id int PRIMARY KEY, price numeric(6,2), name text)")
    made.executemany("INSERT INTO item VALUES (?, ?, ?)", [(1, "1.50", "tea"), (2, 2, "milk")])
    made.commit()
    return made


def test_values_and_description(table: minidb.Connection) -> None:
    cursor = table.execute("SELECT id, price, name, price > :limit AS dear FROM item ORDER BY id", {"limit": 1.7})
    assert [tuple(map(str, row)) for row in cursor] == [("1", "1.50", "tea", "False"), ("2", "2.00", "milk", "True")]
    assert cursor.description is not None
    assert [(name, code, precision, scale) for name, code, _, _, precision, scale, _ in cursor.description] == [
        ("id", "integer", None, None), ("price", "numeric", 6, 2), ("name", "text", None, None),
        ("dear", "boolean", None, None),
    ]  # fmt: skip


def test_parameter_counts_and_names(table: minidb.Connection) -> None:
    table.autocommit = True
    wrong: list[Any] = [(), (1, 2), {"other": 1}, None]
    for parameters in wrong:
        with pytest.raises(minidb.ProgrammingError) as caught:
            table.execute("SELECT ?" if not isinstance(parameters, dict) else "SELECT :name", parameters)
        assert caught.value.sqlstate == "07001", parameters
    with pytest.raises(minidb.ProgrammingError) as caught:
        table.executemany("INSERT INTO item (id, name) VALUES (?, ?)", ["ab"])
    assert caught.value.sqlstate == "07001"


def test_transactions_on_the_engine(table: minidb.Connection, database: minidb.Database) -> None:
    with table.transaction("snapshot"):
        table.execute("UPDATE item SET price = 3 WHERE id = 1")
        with pytest.raises(minidb.UniqueViolation), table.transaction():
            table.execute("DELETE FROM item WHERE id = 1")
            table.execute("INSERT INTO item (id) VALUES (2)")
    other = database.connect(isolation_level="2pl", lock_timeout=0)
    assert [str(p) for (p,) in other.execute("SELECT price FROM item ORDER BY id")] == ["3.00", "2.00"]
    with pytest.raises(minidb.LockNotAvailable):
        database.connect(lock_timeout=0.001).execute("UPDATE item SET name = 'x' WHERE id = 1")
    other.rollback()
    assert table.call(lambda c, n: c.execute("UPDATE item SET price = price + ?", (n,)).rowcount, 1) == 2
    assert str(other.execute("SELECT sum(price) FROM item").fetchone()) == "(Decimal('7.00'),)"


def test_a_stream_and_the_end_of_its_transaction(table: minidb.Connection) -> None:
    table.executemany("INSERT INTO item (id) VALUES (?)", ((i,) for i in range(3, 20_000)))
    table.commit()
    kept = table.execute("SELECT id FROM item ORDER BY id")
    assert kept.fetchone() == (1,)
    table.commit()
    lost = table.execute("SELECT id FROM item ORDER BY id")
    assert lost.fetchmany(2) == [(1,), (2,)]
    table.rollback()
    with pytest.raises(minidb.ProgrammingError) as caught:
        lost.fetchone()
    assert caught.value.sqlstate == "24000"
    assert len(kept.fetchall()) == 19_998


def test_run_tries_again_on_the_engine(table: minidb.Connection, database: minidb.Database) -> None:
    tries: list[int] = []

    def raise_price(connection: minidb.Connection) -> None:
        tries.append(1)
        connection.execute("SELECT price FROM item WHERE id = 1").fetchone()
        if len(tries) == 1:
            with database.connect() as rival:
                rival.execute("UPDATE item SET price = 9 WHERE id = 1")
        connection.execute("UPDATE item SET price = price + 1 WHERE id = 1")

    table.run(raise_price, isolation_level="snapshot")
    assert len(tries) == 2
    assert str(table.execute("SELECT price FROM item WHERE id = 1").fetchone()) == "(Decimal('10.00'),)"


def test_control_c_while_waiting_for_a_lock(table: minidb.Connection, database: minidb.Database) -> None:
    table.execute("UPDATE item SET price = 5 WHERE id = 1")
    waiting = database.connect()
    waits = waiting.session
    waits.on_wait = lambda words: words and signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        waiting.execute("UPDATE item SET price = 6 WHERE id = 1")
    waits.on_wait = None
    waiting.rollback()
    table.commit()
    assert waiting.execute("UPDATE item SET price = 6 WHERE id = 1").rowcount == 1


def test_one_file_is_one_database(path: str) -> None:
    with minidb.connect(path) as first, minidb.connect(path) as second:
        first.execute("CREATE TABLE t (a int)")
        first.commit()
        assert second.execute("SELECT count(*) FROM t").fetchone() == (0,)
        second.commit()
    with minidb.connect(path) as again:
        assert again.execute("SELECT count(*) FROM t").fetchone() == (0,)
    with minidb.connect() as private, pytest.raises(minidb.UndefinedTable):
        private.execute("SELECT * FROM t")
