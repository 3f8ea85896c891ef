"""The contract, 1.1: what a Python program may rely on."""

# ruff: noqa: E501  (one case, one line)
from __future__ import annotations

import threading
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import minidb
from minidb import Interval

# -- connecting


def test_module_globals() -> None:
    assert (minidb.apilevel, minidb.paramstyle) == ("2.0", "qmark")
    assert minidb.threadsafety >= 1


def test_memory_is_private_to_the_connection() -> None:
    with minidb.connect(":memory:") as a, minidb.connect(":memory:") as b:
        a.execute("CREATE TABLE t (a int)")
        a.commit()
        with pytest.raises(minidb.UndefinedTable):
            b.execute("SELECT * FROM t")


def test_connects_to_one_path_share_one_database(tmp_path: Path) -> None:
    path = tmp_path / "shop.mdb"
    a, b = minidb.connect(str(path)), minidb.connect(path)
    a.execute("CREATE TABLE t (a int)")
    a.execute("INSERT INTO t VALUES (1)")
    a.commit()
    assert b.execute("SELECT a FROM t").fetchall() == [(1,)]
    a.close()
    b.close()
    with minidb.connect(path) as c:
        assert c.execute("SELECT a FROM t").fetchall() == [(1,)]


def test_a_symlink_is_the_same_database(tmp_path: Path) -> None:
    path, link = tmp_path / "a.mdb", tmp_path / "b.mdb"
    with minidb.connect(path, autocommit=True) as a:
        a.execute("CREATE TABLE t (a int)")
        link.symlink_to(path)
        with minidb.connect(link) as b:
            assert b.execute("SELECT * FROM t").fetchall() == []


def test_database_with_several_sessions_in_memory(db: minidb.Database) -> None:
    a, b = db.connect(), db.connect()
    a.execute("CREATE TABLE t (a int)")
    a.commit()
    a.execute("INSERT INTO t VALUES (1)")
    assert b.execute("SELECT * FROM t").fetchall() == []
    a.commit()
    assert b.execute("SELECT * FROM t").fetchall() == [(1,)]


def test_connect_takes_every_option(tmp_path: Path) -> None:
    with minidb.connect(
        tmp_path / "x.mdb", isolation_level="snapshot", autocommit=True, durability="off", lock_timeout=1.5,
        read_only=False, dialect=None,
    ) as conn:
        assert (conn.isolation_level, conn.autocommit, conn.durability) == ("snapshot", True, "off")
        assert (conn.lock_timeout, conn.read_only) == (1.5, False)
        assert conn.execute("SHOW lock_timeout").fetchone() == ("1500ms",)


def test_connect_defaults(tmp_path: Path) -> None:
    with minidb.connect(tmp_path / "x.mdb") as conn:
        assert (conn.isolation_level, conn.autocommit, conn.durability) == ("read committed", False, "full")
        assert (conn.lock_timeout, conn.read_only) == (None, False)


@pytest.mark.parametrize(
    "options",
    [{"durability": "some"}, {"isolation_level": "chaos"}, {"lock_timeout": -1}, {"lock_timeout": "x"}],
)
def test_wrong_options(options: dict[str, Any]) -> None:
    with pytest.raises(minidb.Error) as caught:
        minidb.connect(":memory:", **options)
    assert caught.value.sqlstate


def test_lock_timeout_units(auto: minidb.Connection) -> None:
    auto.lock_timeout = 2.5
    assert auto.execute("SHOW lock_timeout").fetchone() == ("2500ms",)
    auto.execute("SET lock_timeout = 1500")
    assert auto.lock_timeout == 1.5
    auto.execute("SET lock_timeout = '5s'")
    assert auto.lock_timeout == 5.0
    auto.execute("SET lock_timeout TO '2min'")
    assert auto.execute("SHOW lock_timeout").fetchone() == ("2min",)
    auto.execute("SET lock_timeout = 0")
    assert auto.lock_timeout is None
    with pytest.raises(minidb.Error) as caught:
        auto.execute("SET lock_timeout = 'soon'")
    assert caught.value.sqlstate == "22023"


# -- isolation names

NAMES = {
    "read uncommitted": ["READ UNCOMMITTED", "Read Uncommitted"],
    "read committed": ["READ COMMITTED", "rc", "RC"],
    "snapshot": ["SNAPSHOT", "si", "REPEATABLE READ", "repeatable read"],
    "2pl": ["2PL", "SERIALIZABLE 2PL"],
    "ssi": ["SSI", "serializable", "SERIALIZABLE", "SERIALIZABLE SSI"],
    "serial": ["SERIAL", "SERIALIZABLE SERIAL"],
}


@pytest.mark.parametrize(("canonical", "name"), [(c, n) for c, names in NAMES.items() for n in [c, *names]])
def test_isolation_names(conn: minidb.Connection, canonical: str, name: str) -> None:
    conn.isolation_level = name
    assert conn.isolation_level == canonical
    assert conn.execute("SHOW transaction_isolation").fetchone() == (canonical,)
    assert conn.execute("SHOW TRANSACTION ISOLATION LEVEL").fetchone() == (canonical,)
    conn.rollback()
    with conn.transaction(isolation_level=name):
        assert conn.execute("SHOW TRANSACTION ISOLATION LEVEL").fetchone() == (canonical,)


@pytest.mark.parametrize("level", list(minidb.IsolationLevel))
def test_isolation_level_members(conn: minidb.Connection, level: minidb.IsolationLevel) -> None:
    conn.isolation_level = level
    assert conn.isolation_level == level.value
    assert type(conn.isolation_level) is str


def test_unknown_level(conn: minidb.Connection) -> None:
    with pytest.raises(minidb.Error) as caught:
        conn.isolation_level = "chaos"
    assert caught.value.sqlstate == "22023"
    assert conn.isolation_level == "read committed"


def test_level_is_for_the_next_transactions(conn: minidb.Connection) -> None:
    conn.execute("SELECT 1")
    conn.isolation_level = "ssi"
    assert conn.execute("SHOW TRANSACTION ISOLATION LEVEL").fetchone() == ("read committed",)
    conn.commit()
    assert conn.execute("SHOW TRANSACTION ISOLATION LEVEL").fetchone() == ("ssi",)


# -- transactions from Python


@pytest.fixture
def t(conn: minidb.Connection) -> minidb.Connection:
    conn.execute("CREATE TABLE t (a int PRIMARY KEY)")
    conn.commit()
    return conn


def rows(conn: minidb.Connection) -> list[int]:
    return [row[0] for row in conn.execute("SELECT a FROM t ORDER BY a")]


def test_a_transaction_opens_with_the_first_statement(t: minidb.Connection, db: minidb.Database) -> None:
    assert not t.in_transaction
    t.execute("INSERT INTO t VALUES (1)")
    assert t.in_transaction
    assert rows(db.connect()) == []
    t.rollback()
    assert rows(t) == []


def test_autocommit(t: minidb.Connection, db: minidb.Database) -> None:
    t.autocommit = True
    t.execute("INSERT INTO t VALUES (1)")
    assert not t.in_transaction
    t.rollback()
    assert rows(t) == [1]
    t.execute("BEGIN")
    t.execute("INSERT INTO t VALUES (2)")
    t.execute("ROLLBACK")
    assert rows(t) == [1]


def test_transaction_commits_and_rolls_back(t: minidb.Connection) -> None:
    with t.transaction():
        t.execute("INSERT INTO t VALUES (1)")
    assert not t.in_transaction
    with pytest.raises(ZeroDivisionError), t.transaction():
        t.execute("INSERT INTO t VALUES (2)")
        raise ZeroDivisionError
    assert rows(t) == [1]


def test_nested_transaction_is_a_savepoint(t: minidb.Connection) -> None:
    with t.transaction():
        t.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(minidb.UniqueViolation), t.transaction():
            t.execute("INSERT INTO t VALUES (2)")
            t.execute("INSERT INTO t VALUES (1)")
        with t.transaction():
            t.execute("INSERT INTO t VALUES (3)")
    assert rows(t) == [1, 3]


def test_transaction_inside_an_implicit_one_is_a_savepoint(t: minidb.Connection) -> None:
    t.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(ZeroDivisionError), t.transaction():
        t.execute("INSERT INTO t VALUES (2)")
        raise ZeroDivisionError
    assert t.in_transaction
    assert rows(t) == [1]
    t.rollback()
    assert rows(t) == []


@pytest.mark.parametrize("explicit", [True, False])
def test_naming_a_level_inside_is_25001(t: minidb.Connection, explicit: bool) -> None:
    t.execute("BEGIN" if explicit else "SELECT 1")
    with pytest.raises(minidb.Error) as caught, t.transaction(isolation_level="ssi"):
        pass
    assert caught.value.sqlstate == "25001"
    assert t.execute("SELECT 1").fetchone() == (1,)  # and harms nothing


def test_transaction_in_autocommit(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE t (a int)")
    with pytest.raises(ZeroDivisionError), auto.transaction(isolation_level="snapshot"):
        auto.execute("INSERT INTO t VALUES (1)")
        raise ZeroDivisionError
    assert rows(auto) == []


def test_run_returns_the_value(t: minidb.Connection) -> None:
    assert t.run(lambda c: c.execute("INSERT INTO t VALUES (5) RETURNING a").fetchone()[0]) == 5
    assert not t.in_transaction
    assert rows(t) == [5]


@pytest.mark.parametrize("kind", [minidb.SerializationFailure, minidb.DeadlockDetected])
def test_run_retries_that_often(t: minidb.Connection, kind: type[minidb.Error]) -> None:
    calls = []
    t.backoff.sleep = lambda seconds: None

    def fail(conn: minidb.Connection) -> None:
        calls.append(conn)
        raise kind("again")

    with pytest.raises(kind):
        t.run(fail, isolation_level="ssi", retries=5)
    assert len(calls) == 6
    assert not t.in_transaction


def test_run_retries_nothing_else(t: minidb.Connection) -> None:
    calls = []

    def fail(conn: minidb.Connection) -> None:
        calls.append(conn)
        raise minidb.LockNotAvailable("no")

    with pytest.raises(minidb.LockNotAvailable):
        t.run(fail)
    assert len(calls) == 1


def test_attempts_is_that_many_in_all(t: minidb.Connection) -> None:
    t.backoff.sleep = lambda seconds: None
    made = 0
    with pytest.raises(minidb.SerializationFailure):
        for attempt in t.attempts(5, isolation_level="ssi"):
            with attempt:
                made += 1
                t.execute("INSERT INTO t VALUES (1)")
                raise minidb.SerializationFailure("again")
    assert made == 5
    assert rows(t) == []


def test_attempts_ends_after_success(t: minidb.Connection) -> None:
    t.backoff.sleep = lambda seconds: None
    made = 0
    for attempt in t.attempts(5):
        with attempt:
            made += 1
            t.execute("INSERT INTO t VALUES (?)", (made,))
            if made < 3:
                raise minidb.DeadlockDetected("again")
    assert rows(t) == [3]


def test_run_meets_a_real_conflict(t: minidb.Connection, db: minidb.Database) -> None:
    t.backoff.sleep = lambda seconds: None
    t.execute("CREATE TABLE c (id int PRIMARY KEY, n int)")
    t.execute("INSERT INTO c VALUES (1, 0)")
    t.commit()
    other = db.connect(autocommit=True)
    tries = 0

    def add(conn: minidb.Connection) -> None:
        nonlocal tries
        tries += 1
        (n,) = conn.execute("SELECT n FROM c WHERE id = 1").fetchone() or (0,)
        if tries == 1:
            other.execute("UPDATE c SET n = n + 10 WHERE id = 1")
        conn.execute("UPDATE c SET n = ? WHERE id = 1", (n + 1,))

    t.run(add, isolation_level="snapshot")
    assert tries == 2
    assert t.execute("SELECT n FROM c").fetchone() == (11,)


def test_retryable_is_these_two_only() -> None:
    leaves = {
        kind.default_sqlstate
        for kind in vars(minidb).values()
        if isinstance(kind, type) and issubclass(kind, minidb.RetryableError) and kind is not minidb.RetryableError
    }
    assert leaves == {"40001", "40P01"}


def test_call_is_one_serial_transaction(t: minidb.Connection) -> None:
    def procedure(conn: minidb.Connection, n: int) -> str:
        conn.execute("INSERT INTO t VALUES (?)", (n,))
        level: str = (conn.execute("SHOW TRANSACTION ISOLATION LEVEL").fetchone() or ("",))[0]
        return level

    assert t.call(procedure, 7) == "serial"
    assert not t.in_transaction
    t.register_procedure("add", procedure)
    assert t.call("add", 8) == "serial"
    assert rows(t) == [7, 8]
    t.rollback()

    def broken(conn: minidb.Connection) -> None:
        conn.execute("INSERT INTO t VALUES (9)")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        t.call(broken)
    assert rows(t) == [7, 8]
    t.rollback()
    with pytest.raises(minidb.Error):
        t.call("no such procedure")


def test_with_connection_commits_then_closes(db: minidb.Database) -> None:
    with db.connect() as a:
        a.execute("CREATE TABLE t (a int)")
    assert a.closed
    with pytest.raises(ZeroDivisionError), db.connect() as b:
        b.execute("INSERT INTO t VALUES (1)")
        raise ZeroDivisionError
    assert b.closed
    assert rows(db.connect()) == []


def test_close_rolls_back(t: minidb.Connection, db: minidb.Database) -> None:
    t.execute("INSERT INTO t VALUES (1)")
    t.close()
    t.close()
    assert rows(db.connect()) == []


# -- cursors


def test_rowcount_lastrowid_description(t: minidb.Connection) -> None:
    cur = t.cursor()
    assert cur.description is None
    assert cur.rowcount == -1
    cur.execute("INSERT INTO t VALUES (1), (2), (3)")
    assert (cur.rowcount, cur.lastrowid, cur.description) == (3, None, None)
    cur.execute("UPDATE t SET a = a + 10 WHERE a > 1")
    assert cur.rowcount == 2
    cur.execute("DELETE FROM t WHERE a = 99")
    assert cur.rowcount == 0
    cur.execute("SELECT a AS x, 'y' AS y FROM t")
    assert cur.rowcount == -1
    assert cur.lastrowid is None
    assert cur.description is not None
    assert [column[0] for column in cur.description] == ["x", "y"]
    assert all(len(column) == 7 for column in cur.description)
    assert cur.description[0][1] == minidb.NUMBER
    assert cur.description[1][1] == minidb.STRING


def test_returning_has_rows_and_a_count(t: minidb.Connection) -> None:
    cur = t.execute("INSERT INTO t VALUES (1), (2) RETURNING a, a * 2 AS b")
    assert cur.rowcount == 2
    assert [column[0] for column in cur.description or ()] == ["a", "b"]
    assert cur.fetchall() == [(1, 2), (2, 4)]


def test_fetching(t: minidb.Connection) -> None:
    t.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(10)])
    cur = t.execute("SELECT a FROM t ORDER BY a")
    assert cur.arraysize == 1
    assert cur.fetchone() == (0,)
    assert cur.fetchmany() == [(1,)]
    cur.arraysize = 2
    assert cur.fetchmany() == [(2,), (3,)]
    assert cur.fetchmany(3) == [(4,), (5,), (6,)]
    assert next(iter(cur)) == (7,)
    assert cur.fetchall() == [(8,), (9,)]
    assert cur.fetchone() is None
    assert cur.fetchmany() == []
    assert cur.fetchall() == []


def test_executemany(t: minidb.Connection) -> None:
    cur = t.cursor()
    cur.executemany("INSERT INTO t VALUES (?)", [(1,), (2,), (3,)])
    assert cur.rowcount == 3
    cur.executemany("INSERT INTO t VALUES (:a)", [{"a": 4}, {"a": 5}])
    assert cur.rowcount == 2
    cur.executemany("UPDATE t SET a = a + 100 WHERE a = ?", iter([(1,), (9,), (2,)]))
    assert cur.rowcount == 2
    cur.executemany("DELETE FROM t WHERE a = ?", [])
    assert cur.rowcount in (0, -1)
    assert rows(t) == [3, 4, 5, 101, 102]


def test_executemany_is_one_statement(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE t (a int PRIMARY KEY)")
    with pytest.raises(minidb.UniqueViolation):
        auto.executemany("INSERT INTO t VALUES (?)", [(1,), (2,), (1,)])
    assert rows(auto) == []
    with pytest.raises(minidb.Error) as caught:
        auto.executemany("INSERT INTO t VALUES (?)", [(1,), (2, 3)])
    assert caught.value.sqlstate == "07001"
    assert rows(auto) == []


def test_fetch_without_result(t: minidb.Connection) -> None:
    cur = t.cursor()
    with pytest.raises(minidb.Error):
        cur.fetchone()
    cur.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(minidb.Error):
        cur.fetchall()


def test_closed_cursor(t: minidb.Connection) -> None:
    cur = t.cursor()
    cur.close()
    for use in (lambda: cur.execute("SELECT 1"), cur.fetchone, cur.fetchall, cur.fetchmany, lambda: next(iter(cur))):
        with pytest.raises(minidb.InterfaceError):
            use()
    with t.cursor() as other:
        other.execute("SELECT 1")
    with pytest.raises(minidb.InterfaceError):
        other.execute("SELECT 1")


def test_closed_connection(t: minidb.Connection) -> None:
    cur = t.execute("SELECT 1")
    t.close()
    uses = [t.cursor, t.commit, t.rollback, cur.fetchone, lambda: t.execute("SELECT 1"), lambda: cur.execute("SELECT 1"),
            t.__enter__, t.transaction().__enter__]
    for use in uses:
        with pytest.raises(minidb.InterfaceError):
            use()
    with pytest.raises(minidb.InterfaceError):
        t.isolation_level = "ssi"


def test_closed_database(db: minidb.Database) -> None:
    conn = db.connect()
    db.close()
    with pytest.raises(minidb.InterfaceError):
        conn.execute("SELECT 1")
    with pytest.raises(minidb.InterfaceError):
        db.connect()


def test_exceptions_on_the_connection(conn: minidb.Connection) -> None:
    for name in (
        "Warning", "Error", "InterfaceError", "DatabaseError", "DataError", "OperationalError", "IntegrityError",
        "InternalError", "ProgrammingError", "NotSupportedError",
    ):
        assert getattr(conn, name) is getattr(minidb, name)
    assert issubclass(minidb.Error, Exception) and issubclass(minidb.Warning, Exception)
    for name in ("DataError", "OperationalError", "IntegrityError", "InternalError", "ProgrammingError"):
        assert issubclass(getattr(minidb, name), minidb.DatabaseError)


def test_type_constructors() -> None:
    assert minidb.Date(2024, 2, 29) == date(2024, 2, 29)
    assert minidb.Time(1, 2, 3) == time(1, 2, 3)
    assert minidb.Timestamp(2024, 2, 29, 1, 2, 3) == datetime(2024, 2, 29, 1, 2, 3)
    assert minidb.Binary(b"x") == b"x"
    assert isinstance(minidb.DateFromTicks(0), date)
    assert isinstance(minidb.TimestampFromTicks(0), datetime)
    assert isinstance(minidb.TimeFromTicks(0), time)


def test_setinputsizes(conn: minidb.Connection) -> None:
    cur = conn.cursor()
    cur.setinputsizes([None])
    cur.setoutputsize(10)


# -- parameters


@pytest.mark.parametrize(
    ("sql", "parameters"),
    [
        ("SELECT ?", ()),
        ("SELECT ?", None),
        ("SELECT ?", (1, 2)),
        ("SELECT 1", (1,)),
        ("SELECT :a", {}),
        ("SELECT :a", {"b": 1}),
        ("SELECT :a", (1,)),
        ("SELECT ?", {"a": 1}),
        ("INSERT INTO t VALUES (?)", (1, 2)),
        ("UPDATE t SET a = ? WHERE a = ?", (1,)),
    ],
)
def test_wrong_parameters_are_07001(t: minidb.Connection, sql: str, parameters: Any) -> None:
    with pytest.raises(minidb.ProgrammingError) as caught:
        t.execute(sql, parameters)
    assert caught.value.sqlstate == "07001"


def test_wrong_parameters_after_it_is_cached(t: minidb.Connection) -> None:
    assert t.execute("SELECT a FROM t WHERE a = ?", (1,)).fetchall() == []
    for wrong in ((), (1, 2)):
        t.rollback()
        with pytest.raises(minidb.ProgrammingError) as caught:
            t.execute("SELECT a FROM t WHERE a = ?", wrong)
        assert caught.value.sqlstate == "07001"
    t.rollback()
    assert t.execute("SELECT 1 WHERE 1 = 1").fetchall() == [(1,)]
    with pytest.raises(minidb.ProgrammingError):
        t.execute("SELECT 1 WHERE 1 = 1", (1,))


@pytest.mark.parametrize("parameters", [1, "x", b"x", object(), {1, 2}])
def test_parameters_that_are_no_sequence(conn: minidb.Connection, parameters: Any) -> None:
    with pytest.raises(minidb.Error):
        conn.execute("SELECT ?", parameters)


def test_named_parameters(conn: minidb.Connection) -> None:
    assert conn.execute("SELECT :b - :a, :a::int", {"a": 1, "b": 5}).fetchone() == (4, 1)
    assert conn.execute("SELECT :a::text", {"a": "x", "more": 1}).fetchone() == ("x",)


def test_placeholders_in_literals_and_comments(conn: minidb.Connection) -> None:
    sql = "SELECT '?', ':a', \"c?\" /* ? :b */ FROM (SELECT ? AS \"c?\") AS s -- ?"
    assert conn.execute(sql, (7,)).fetchone() == ("?", ":a", 7)


def test_list_as_parameters(conn: minidb.Connection) -> None:
    assert conn.execute("SELECT ?::int + ?::int", [1, 2]).fetchone() == (3,)


# -- values

VALUES = [
    ("smallint", -32768),
    ("smallint", 32767),
    ("integer", 2147483647),
    ("bigint", -(2**63)),
    ("bigint", 2**63 - 1),
    ("real", 0.5),
    ("double precision", 0.1),
    ("numeric(12,2)", Decimal("1234567890.12")),
    ("numeric", Decimal("1e-20")),
    ("text", ""),
    ("text", "héllo \U0001f600 '\" \\ %"),
    ("varchar(5)", "abcde"),
    ("char(3)", "abc"),
    ("bytea", b"\x00\xff"),
    ("bytea", b""),
    ("boolean", True),
    ("boolean", False),
    ("date", date(2024, 2, 29)),
    ("date", date(1, 1, 1)),
    ("time", time(23, 59, 59, 999999)),
    ("timestamp", datetime(2024, 2, 29, 12, 30, 15, 123456)),
    ("timestamptz", datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)),
    ("interval", Interval(14, 3, 4_000_000)),
    ("uuid", UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
]


@pytest.mark.parametrize(("sql_type", "value"), VALUES)
def test_values_go_round(auto: minidb.Connection, sql_type: str, value: Any) -> None:
    auto.execute(f"CREATE TABLE v (id int PRIMARY KEY, x {sql_type})")
    auto.execute("CREATE INDEX v_x ON v (x)")
    auto.execute("INSERT INTO v VALUES (1, ?), (2, NULL), (3, ?)", (value, None))
    for _ in range(2):
        ((got,),) = auto.execute("SELECT x FROM v WHERE id = 1").fetchall()
        assert got == value
        assert type(got) is type(value)
        assert auto.execute("SELECT id FROM v WHERE x = ?", (value,)).fetchall() == [(1,)]
        assert auto.execute("SELECT id FROM v WHERE x IS NULL ORDER BY id").fetchall() == [(2,), (3,)]
        auto.execute("CHECKPOINT")


@pytest.mark.parametrize(("sql_type", "value"), VALUES)
def test_values_survive_a_restart(tmp_path: Path, sql_type: str, value: Any) -> None:
    with minidb.connect(tmp_path / "v.mdb", durability="off") as conn:
        conn.execute(f"CREATE TABLE v (x {sql_type})")
        conn.execute("INSERT INTO v VALUES (?)", (value,))
    with minidb.connect(tmp_path / "v.mdb") as conn:
        ((got,),) = conn.execute("SELECT x FROM v").fetchall()
        assert (got, type(got)) == (value, type(value))


def test_bool_is_no_int(auto: minidb.Connection) -> None:
    assert auto.execute("SELECT ?, ?", (True, 1)).fetchone() == (True, 1)
    assert type((auto.execute("SELECT ?", (True,)).fetchone() or ())[0]) is bool


def test_real_is_rounded_to_four_bytes(auto: minidb.Connection) -> None:
    import struct

    expected = struct.unpack("f", struct.pack("f", 0.1))[0]
    auto.execute("CREATE TABLE v (x real)")
    auto.execute("INSERT INTO v VALUES (?), (0.1), ('0.1')", (0.1,))
    assert {x for (x,) in auto.execute("SELECT x FROM v")} == {expected}
    assert auto.execute("SELECT CAST(0.1 AS real)").fetchone() == (expected,)
    with pytest.raises(minidb.DataError) as caught:
        auto.execute("INSERT INTO v VALUES (?)", (1e300,))
    assert caught.value.sqlstate == "22003"


def test_decimal_scale(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE v (x numeric(6,2), y numeric)")
    auto.execute("INSERT INTO v VALUES (?, ?)", (Decimal("1.005"), Decimal("1.50")))
    ((x, y),) = auto.execute("SELECT x, y FROM v").fetchall()
    assert (str(x), str(y)) == ("1.01", "1.50")
    auto.execute("INSERT INTO v (x) VALUES (3)")
    assert str((auto.execute("SELECT x FROM v WHERE x = 3").fetchone() or ())[0]) == "3.00"
    with pytest.raises(minidb.DataError) as caught:
        auto.execute("INSERT INTO v (x) VALUES (?)", (Decimal("12345.67"),))
    assert caught.value.sqlstate == "22003"


def test_timestamptz_is_in_utc(auto: minidb.Connection) -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    given = datetime(2024, 1, 1, 3, 0, tzinfo=zone)
    ((got,),) = auto.execute("SELECT ?", (given,)).fetchall()
    assert got == given
    assert got.utcoffset() == timedelta(0)
    ((got,),) = auto.execute("SELECT timestamptz '2024-01-01 03:00:00+05:30'").fetchall()
    assert got == given and got.tzinfo == UTC
    ((got,),) = auto.execute("SELECT now()").fetchall()
    assert got.tzinfo == UTC


def test_timestamps_are_naive(auto: minidb.Connection) -> None:
    row = auto.execute("SELECT timestamp '2024-01-01 03:00', time '03:00', date '2024-01-01'").fetchone()
    assert row == (datetime(2024, 1, 1, 3), time(3), date(2024, 1, 1))


def test_timedelta_is_an_interval(auto: minidb.Connection) -> None:
    assert auto.execute("SELECT ?", (timedelta(days=2, seconds=3),)).fetchone() == (Interval(0, 2, 3_000_000),)


def test_interval_fields(auto: minidb.Connection) -> None:
    ((got,),) = auto.execute("SELECT interval '1 year 2 months 3 days 04:05:06'").fetchall()
    assert (got.months, got.days, got.microseconds) == (14, 3, (4 * 3600 + 5 * 60 + 6) * 1_000_000)


def test_buffers_are_bytea(auto: minidb.Connection) -> None:
    assert auto.execute("SELECT ?, ?", (bytearray(b"a"), memoryview(b"b"))).fetchone() == (b"a", b"b")


def test_str_parameter_is_an_untyped_literal(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE v (i int, d date, n numeric, u uuid, b boolean)")
    u = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
    auto.execute("INSERT INTO v VALUES (?, ?, ?, ?, ?)", ("12", "2024-01-02", "1.5", u, "yes"))
    assert auto.execute("SELECT * FROM v WHERE i = ? AND d = ? AND u = ?", ("12", "2024-01-02", u)).fetchall() == [
        (12, date(2024, 1, 2), Decimal("1.5"), UUID(u), True)
    ]
    with pytest.raises(minidb.DataError) as caught:
        auto.execute("SELECT * FROM v WHERE i = ?", ("twelve",))
    assert caught.value.sqlstate == "22P02"
    assert auto.execute("SELECT ?", ("x",)).fetchone() == ("x",)
    assert auto.execute("SELECT ? || ?", ("x", "y")).fetchone() == ("xy",)


@pytest.mark.parametrize("bad", ["\ud800", "a\0b"])
def test_text_that_is_none_is_22021(auto: minidb.Connection, bad: str) -> None:
    auto.execute("CREATE TABLE v (x text)")
    for sql, parameters in [
        ("INSERT INTO v VALUES (?)", (bad,)),
        ("SELECT ?", (bad,)),
        ("SELECT :a", {"a": bad}),
        (f"SELECT '{bad}'", None),
        (f"INSERT INTO v VALUES ('{bad}')", None),
    ]:
        with pytest.raises(minidb.DataError) as caught:
            auto.execute(sql, parameters)
        assert caught.value.sqlstate == "22021"
    with pytest.raises(minidb.DataError):
        auto.executemany("INSERT INTO v VALUES (?)", [("a",), (bad,)])


def test_text_compares_by_code_point(auto: minidb.Connection) -> None:
    words = ["b", "B", "a", "é", "Z", "\U0001f600", "\uffff"]
    auto.execute("CREATE TABLE v (x text PRIMARY KEY)")
    auto.executemany("INSERT INTO v VALUES (?)", [(w,) for w in words])
    assert [x for (x,) in auto.execute("SELECT x FROM v ORDER BY x")] == sorted(words)
    assert auto.execute("SELECT 'a' < 'B', 'é' > 'z'").fetchone() == (False, True)


def test_large_integers(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE v (s smallint, i int, b bigint)")
    for column, value in (("s", 2**15), ("i", 2**31), ("b", 2**63), ("i", 2**63), ("b", 10**30)):
        with pytest.raises(minidb.DataError) as caught:
            auto.execute(f"INSERT INTO v ({column}) VALUES (?)", (value,))
        assert caught.value.sqlstate == "22003"
        assert auto.execute(f"SELECT count(*) FROM v WHERE {column} = ?", (value,)).fetchone() == (0,)
        assert auto.execute(f"SELECT count(*) FROM v WHERE {column} < ?", (value,)).fetchone() == (0,)
    assert auto.execute("SELECT ?", (10**30,)).fetchone() == (Decimal(10**30),)


@pytest.mark.parametrize("bad", [object(), [object()], {"a": 1}, 1j])
def test_values_of_no_type(auto: minidb.Connection, bad: Any) -> None:
    with pytest.raises(minidb.Error) as caught:
        auto.execute("SELECT ?", (bad,))
    assert caught.value.sqlstate


def test_special_floats(auto: minidb.Connection) -> None:
    row = auto.execute("SELECT ?, ?, 'NaN'::float8 = 'NaN'::float8", (float("inf"), float("nan"))).fetchone() or ()
    assert row[0] == float("inf") and row[1] != row[1] and row[2] is True


# -- streams, threads


def big(auto: minidb.Connection, n: int = 20000) -> None:
    auto.execute("CREATE TABLE t (a int)")
    auto.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(n)])


def test_stream_survives_commit_and_later_changes(auto: minidb.Connection, db: minidb.Database) -> None:
    big(auto)
    conn = db.connect()
    cur = conn.execute("SELECT a FROM t")
    assert cur.fetchone() is not None
    auto.execute("DELETE FROM t")
    conn.commit()
    assert len(cur.fetchall()) == 19999
    assert conn.execute("SELECT count(*) FROM t").fetchone() == (0,)


@pytest.mark.parametrize("level", ["rc", "si", "2pl", "ssi", "serial", "read uncommitted"])
def test_rollback_closes_the_stream(auto: minidb.Connection, db: minidb.Database, level: str) -> None:
    big(auto)
    conn = db.connect(isolation_level=level)
    cur = conn.execute("SELECT a FROM t")
    assert cur.fetchone() is not None
    conn.rollback()
    with pytest.raises(minidb.Error) as caught:
        cur.fetchall()
    assert caught.value.sqlstate == "24000"


def test_update_while_iterating(auto: minidb.Connection) -> None:
    big(auto)
    seen = 0
    for (a,) in auto.execute("SELECT a FROM t"):
        if a % 5000 == 0:
            auto.execute("UPDATE t SET a = a + 1000000 WHERE a = ?", (a,))
        seen += 1
    assert seen == 20000


def test_ddl_while_a_cursor_streams(auto: minidb.Connection) -> None:
    big(auto)
    cur = auto.execute("SELECT a FROM t")
    cur.fetchone()
    auto.execute("DROP TABLE t")
    assert len(cur.fetchall()) == 19999


def test_interrupt_a_long_query(auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE t (a int)")
    auto.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(250)])
    for sql in (  # without safe points they would end after a few seconds
        "SELECT count(*) FROM t a, t b, t c WHERE a.a + b.a = c.a - 1000000",
        "SELECT count(*) FROM generate_series(1, 5000000) AS g WHERE g < 0",
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 300000) SELECT count(*) FROM r WHERE n < 0",
    ):
        timer = threading.Timer(0.1, auto.interrupt)
        timer.start()
        with pytest.raises(minidb.QueryCanceled) as caught:
            auto.execute(sql).fetchall()
        assert caught.value.sqlstate == "57014"
        timer.join()
        assert auto.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("source", ["t a, t b", "t a JOIN t b ON a.a < b.a", "generate_series(1, 1000)"])
def test_loops_have_safe_points(auto: minidb.Connection, source: str) -> None:
    auto.execute("CREATE TABLE t (a int)")
    code = "".join(line for (line,) in auto.execute(f"EXPLAIN (CODE) SELECT count(*) FROM {source}"))
    assert "check_interrupt" in code


def test_interrupt_a_wait(auto: minidb.Connection, db: minidb.Database) -> None:
    auto.execute("CREATE TABLE t (a int PRIMARY KEY, b int)")
    auto.execute("INSERT INTO t VALUES (1, 1)")
    a, b = db.connect(), db.connect()
    a.execute("UPDATE t SET b = 2")
    timer = threading.Timer(0.1, b.interrupt)
    timer.start()
    with pytest.raises(minidb.QueryCanceled):
        b.execute("UPDATE t SET b = 3")
    timer.join()


def test_one_connection_in_two_threads_is_refused(auto: minidb.Connection, db: minidb.Database) -> None:
    auto.execute("CREATE TABLE t (a int PRIMARY KEY, b int)")
    auto.execute("INSERT INTO t VALUES (1, 1)")
    a, b = db.connect(), db.connect()
    a.execute("UPDATE t SET b = 2")
    thread = threading.Thread(target=lambda: b.execute("UPDATE t SET b = 3"))
    thread.start()
    while not auto.execute("SELECT 1 FROM sys.transactions WHERE waiting_for IS NOT NULL").fetchall():
        pass
    with pytest.raises(minidb.InterfaceError):
        b.execute("SELECT 1")
    a.commit()
    thread.join()
    b.commit()
    assert auto.execute("SELECT b FROM t").fetchone() == (3,)


def test_threads_interleave(db: minidb.Database, auto: minidb.Connection) -> None:
    auto.execute("CREATE TABLE t (id int PRIMARY KEY, n int)")
    auto.execute("INSERT INTO t VALUES (1, 0), (2, 0)")
    failures: list[BaseException] = []

    def work(level: str) -> None:
        try:
            with db.connect(isolation_level=level) as conn:
                for _ in range(10):
                    conn.run(lambda c: c.execute("UPDATE t SET n = n + 1 WHERE id = 1"), retries=1000)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(level,)) for level in ("rc", "si", "2pl", "ssi", "serial")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert auto.execute("SELECT n FROM t WHERE id = 1").fetchone() == (50,)
