"""The contract, 1.2: isolation levels as SQL and Python offer them, each promise by a small history of two sessions.

Sessions have a short lock timeout, so that a wait shows as LockNotAvailable and no test needs a second thread."""

from __future__ import annotations

import pytest

import minidb

LEVELS = ["read uncommitted", "read committed", "snapshot", "2pl", "ssi", "serial"]
SQL_NAMES = {
    "READ UNCOMMITTED": "read uncommitted",
    "READ COMMITTED": "read committed",
    "SNAPSHOT": "snapshot",
    "REPEATABLE READ": "snapshot",
    "SERIALIZABLE 2PL": "2pl",
    "SERIALIZABLE": "ssi",
    "SERIALIZABLE SSI": "ssi",
    "SERIALIZABLE SERIAL": "serial",
}


def at(db: minidb.Database, level: str, wait: float = 0.05) -> minidb.Connection:
    return db.connect(isolation_level=level, lock_timeout=wait)


def level_of(conn: minidb.Connection) -> str:
    row = conn.execute("SHOW TRANSACTION ISOLATION LEVEL").fetchone()
    assert row is not None
    return str(row[0])


def value(conn: minidb.Connection, key: int = 1) -> int | None:
    row = conn.execute("SELECT v FROM t WHERE id = ?", (key,)).fetchone()
    return None if row is None else row[0]


def state_of(conn: minidb.Connection, sql: str, *parameters: object) -> str:
    with pytest.raises(minidb.Error) as caught:
        conn.execute(sql, parameters)
    return caught.value.sqlstate


@pytest.fixture
def two(db: minidb.Database) -> minidb.Database:
    """Table t with the rows (1, 10) and (2, 20)."""
    auto = db.connect(autocommit=True)
    auto.execute("CREATE TABLE t (id int PRIMARY KEY, v int)")
    auto.execute("INSERT INTO t VALUES (1, 10), (2, 20)")
    return db


# -- naming the level


@pytest.mark.parametrize("spelt", SQL_NAMES)
def test_begin_isolation_level(auto: minidb.Connection, spelt: str) -> None:
    for begin in ("BEGIN", "BEGIN TRANSACTION", "START TRANSACTION", "begin work"):
        auto.execute(f"{begin} ISOLATION LEVEL {spelt}")
        assert level_of(auto) == SQL_NAMES[spelt]
        auto.execute("COMMIT")
    auto.execute(f"BEGIN ISOLATION LEVEL {spelt.lower()}, READ ONLY")
    assert level_of(auto) == SQL_NAMES[spelt]
    auto.execute("ROLLBACK")


@pytest.mark.parametrize("spelt", SQL_NAMES)
def test_set_transaction(auto: minidb.Connection, spelt: str) -> None:
    auto.execute("BEGIN")
    auto.execute(f"SET TRANSACTION ISOLATION LEVEL {spelt}")
    assert level_of(auto) == SQL_NAMES[spelt]
    auto.execute("COMMIT")
    assert level_of(auto) == "read committed"


@pytest.mark.parametrize("spelt", SQL_NAMES)
def test_set_session_characteristics(auto: minidb.Connection, spelt: str) -> None:
    auto.execute(f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {spelt}")
    assert auto.isolation_level == SQL_NAMES[spelt]
    assert level_of(auto) == SQL_NAMES[spelt]
    assert auto.execute("SHOW default_transaction_isolation").fetchone() == (SQL_NAMES[spelt],)


def test_session_characteristics_inside_a_transaction_are_for_the_next(conn: minidb.Connection) -> None:
    conn.execute("SELECT 1")
    conn.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY")
    assert level_of(conn) == "read committed"
    assert conn.execute("SHOW transaction_read_only").fetchone() == ("off",)
    conn.commit()
    assert level_of(conn) == "ssi"
    assert conn.execute("SHOW transaction_read_only").fetchone() == ("on",)


def test_set_transaction_without_autocommit(conn: minidb.Connection) -> None:
    conn.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE 2PL")
    assert level_of(conn) == "2pl"
    conn.rollback()
    assert level_of(conn) == "read committed"
    conn.rollback()
    conn.execute("SET transaction_isolation = 'snapshot'")
    assert level_of(conn) == "snapshot"
    assert conn.isolation_level == "read committed"
    conn.commit()
    conn.execute("SET default_transaction_isolation TO 'ssi'")
    conn.commit()
    assert level_of(conn) == "ssi"


def test_set_transaction_after_a_query_is_25001(conn: minidb.Connection) -> None:
    conn.execute("SELECT 1")
    assert state_of(conn, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE") == "25001"


def test_set_and_show_are_no_queries(conn: minidb.Connection) -> None:
    conn.execute("SET lock_timeout = 100")
    conn.execute("SHOW lock_timeout")
    conn.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
    assert level_of(conn) == "ssi"


def test_begin_in_a_transaction_is_25001(auto: minidb.Connection) -> None:
    auto.execute("BEGIN")
    assert state_of(auto, "BEGIN") == "25001"


def test_default_is_read_committed(auto: minidb.Connection) -> None:
    assert level_of(auto) == "read committed"


# -- READ ONLY, DEFERRABLE


WRITES = [
    "INSERT INTO t VALUES (3, 3)",
    "UPDATE t SET v = 1",
    "DELETE FROM t",
    "CREATE TABLE x (a int)",
    "DROP TABLE t",
    "ALTER TABLE t ADD COLUMN w int",
    "CREATE INDEX i ON t (v)",
    "TRUNCATE t",
    "SELECT * FROM t FOR UPDATE",
    "CREATE TABLE x AS SELECT * FROM t",
]


@pytest.mark.parametrize("sql", WRITES)
@pytest.mark.parametrize("how", ["begin", "set", "session", "connection", "block"])
def test_read_only_is_25006(two: minidb.Database, sql: str, how: str) -> None:
    conn = two.connect(autocommit=True, read_only=how == "connection")
    if how == "begin":
        conn.execute("BEGIN READ ONLY")
    elif how == "set":
        conn.execute("BEGIN")
        conn.execute("SET TRANSACTION READ ONLY")
    elif how == "session":
        conn.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    elif how == "block":
        conn.transaction(read_only=True).__enter__()
    assert value(conn) == 10
    with pytest.raises(minidb.ReadOnlyTransaction) as caught:
        conn.execute(sql)
    assert caught.value.sqlstate == "25006"


def test_read_write_overrides_the_default_but_not_the_connection(two: minidb.Database) -> None:
    conn = two.connect(autocommit=True)
    conn.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
    conn.execute("BEGIN READ WRITE")
    conn.execute("UPDATE t SET v = 11 WHERE id = 1")
    conn.execute("COMMIT")
    reader = two.connect(autocommit=True, read_only=True)
    for begin in (["BEGIN READ WRITE"], ["BEGIN", "SET TRANSACTION READ WRITE"]):
        for sql in begin:
            reader.execute(sql)
        assert state_of(reader, "UPDATE t SET v = 12") == "25006"
        reader.execute("ROLLBACK")


def test_deferrable(two: minidb.Database) -> None:
    conn = two.connect(autocommit=True)
    conn.execute("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE")
    assert conn.execute("SHOW transaction_deferrable").fetchone() == ("on",)
    assert value(conn) == 10
    conn.execute("COMMIT")
    conn.execute("BEGIN ISOLATION LEVEL SERIALIZABLE, READ WRITE, NOT DEFERRABLE")
    conn.execute("COMMIT")


# -- what each level reads


@pytest.mark.parametrize("level", LEVELS)
def test_dirty_read(two: minidb.Database, level: str) -> None:
    a, b = at(two, "rc"), at(two, level)
    a.execute("UPDATE t SET v = 11 WHERE id = 1")
    if level in ("2pl", "serial"):
        assert state_of(b, "SELECT v FROM t WHERE id = 1") == "55P03"
    else:
        assert value(b) == (11 if level == "read uncommitted" else 10)


@pytest.mark.parametrize("level", ["read uncommitted", "read committed", "snapshot", "ssi"])
def test_non_repeatable_read(two: minidb.Database, level: str) -> None:
    a, b = at(two, level), two.connect(autocommit=True)
    assert value(a) == 10
    b.execute("UPDATE t SET v = 11 WHERE id = 1")
    b.execute("INSERT INTO t VALUES (3, 30)")
    seen = level in ("read uncommitted", "read committed")
    assert value(a) == (11 if seen else 10)
    assert a.execute("SELECT count(*) FROM t").fetchone() == (3 if seen else 2,)


def test_snapshot_is_taken_at_the_first_statement(two: minidb.Database) -> None:
    a, b = two.connect(autocommit=True), two.connect(autocommit=True)
    a.execute("BEGIN ISOLATION LEVEL SNAPSHOT")
    b.execute("UPDATE t SET v = 11 WHERE id = 1")
    assert value(a) == 11
    b.execute("UPDATE t SET v = 12 WHERE id = 1")
    assert value(a) == 11


@pytest.mark.parametrize("level", LEVELS)
def test_write_write_waits(two: minidb.Database, level: str) -> None:
    a, b = at(two, "rc"), at(two, level)
    a.execute("UPDATE t SET v = 11 WHERE id = 1")
    assert state_of(b, "UPDATE t SET v = 12 WHERE id = 1") == "55P03"


@pytest.mark.parametrize("level", ["snapshot", "ssi"])
def test_first_updater_wins(two: minidb.Database, level: str) -> None:
    a, b = at(two, level), two.connect(autocommit=True)
    assert value(a, 2) == 20
    b.execute("UPDATE t SET v = 11 WHERE id = 1")
    with pytest.raises(minidb.SerializationFailure) as caught:
        a.execute("UPDATE t SET v = v + 1 WHERE id = 1")
    assert caught.value.sqlstate == "40001"
    assert isinstance(caught.value, minidb.RetryableError | minidb.OperationalError)


def test_2pl_readers_hold_up_every_writer(two: minidb.Database) -> None:
    for level in LEVELS[:-1]:
        a, b = at(two, "2pl"), at(two, level)
        a.execute("SELECT * FROM t WHERE id = 1").fetchall()
        assert state_of(b, "UPDATE t SET v = 0 WHERE id = 1") == "55P03"
        b.rollback()
        b.execute("UPDATE t SET v = 21 WHERE id = 2")
        b.rollback()
        a.rollback()


def test_2pl_locks_the_interval_and_no_more(two: minidb.Database) -> None:
    auto = two.connect(autocommit=True)
    auto.execute("CREATE TABLE big (id int PRIMARY KEY, v int)")
    auto.executemany("INSERT INTO big VALUES (?, ?)", [(i * 10, i) for i in range(1000)])
    auto.execute("ANALYZE big")
    a, b = at(two, "2pl"), at(two, "2pl")
    assert len(a.execute("SELECT * FROM big WHERE id BETWEEN 100 AND 200").fetchall()) == 11
    b.execute("INSERT INTO big VALUES (95, 0), (205, 0)")
    b.execute("UPDATE big SET v = 0 WHERE id = 210")
    b.execute("DELETE FROM big WHERE id BETWEEN 300 AND 400")
    assert state_of(b, "INSERT INTO big VALUES (105, 0)") == "55P03"


@pytest.mark.parametrize("level", LEVELS)
def test_write_skew(two: minidb.Database, level: str) -> None:
    a, b = at(two, level), at(two, level)

    def go(conn: minidb.Connection, write: int) -> None:
        conn.execute("SELECT sum(v) FROM t").fetchall()
        conn.execute("UPDATE t SET v = 0 WHERE id = ?", (write,))

    def history() -> None:
        a.execute("SELECT sum(v) FROM t").fetchall()
        go(b, 2)
        a.execute("UPDATE t SET v = 0 WHERE id = 1")
        a.commit()
        b.commit()

    if level in ("read uncommitted", "read committed", "snapshot"):
        history()
        assert two.connect().execute("SELECT sum(v) FROM t").fetchone() == (0,)
    else:
        with pytest.raises((minidb.SerializationFailure, minidb.LockNotAvailable)):
            history()


def test_ssi_abort_tells_the_cycle(two: minidb.Database) -> None:
    a, b = at(two, "ssi"), at(two, "ssi")
    a.execute("SELECT v FROM t WHERE id = 2").fetchall()
    b.execute("SELECT v FROM t WHERE id = 1").fetchall()
    a.execute("UPDATE t SET v = 0 WHERE id = 1")
    b.execute("UPDATE t SET v = 0 WHERE id = 2")
    a.commit()
    with pytest.raises(minidb.SerializationFailure) as caught:
        b.commit()
    error = caught.value
    assert error.cycle
    text = str(error)
    assert "SELECT v FROM t WHERE id = 1" in text
    assert "UPDATE t SET v = 0" in text
    assert "t_pkey" in text
    assert not b.in_transaction


def test_ssi_disjoint_ranges_do_not_abort(two: minidb.Database) -> None:
    a, b = at(two, "ssi"), at(two, "ssi")
    for conn, key in ((a, 1), (b, 2)):
        conn.execute("SELECT v FROM t WHERE id = ?", (key,)).fetchall()
        conn.execute("UPDATE t SET v = 0 WHERE id = ?", (key,))
    a.commit()
    b.commit()


def test_deadlock_is_found_at_once(two: minidb.Database) -> None:
    import threading

    a, b = two.connect(), two.connect()
    a.execute("UPDATE t SET v = 1 WHERE id = 1")
    b.execute("UPDATE t SET v = 2 WHERE id = 2")
    watch = two.connect(autocommit=True)
    thread = threading.Thread(target=lambda: a.execute("UPDATE t SET v = 1 WHERE id = 2"))
    thread.start()
    while not watch.execute("SELECT 1 FROM sys.transactions WHERE waiting_for IS NOT NULL").fetchall():
        pass
    with pytest.raises(minidb.DeadlockDetected) as caught:
        b.execute("UPDATE t SET v = 2 WHERE id = 1")
    thread.join()
    assert caught.value.sqlstate == "40P01"
    assert caught.value.cycle
    assert "UPDATE t SET v = 1 WHERE id = 2" in str(caught.value)
    a.commit()


def test_serial_is_alone(two: minidb.Database) -> None:
    a, b, c = at(two, "serial"), at(two, "serial"), at(two, "rc")
    assert value(a) == 10
    assert state_of(b, "SELECT 1 FROM t") == "55P03"
    assert value(c) == 10
    assert state_of(c, "UPDATE t SET v = 1 WHERE id = 1") == "55P03"
    c.rollback()
    b.rollback()
    d = at(two, "2pl")
    assert state_of(d, "UPDATE t SET v = 1 WHERE id = 1") == "55P03"


def test_all_levels_side_by_side(two: minidb.Database) -> None:
    conns = [at(two, level) for level in LEVELS[:-1]]
    for number, conn in enumerate(conns):
        conn.execute("INSERT INTO t VALUES (?, 0)", (100 + number,))
    for conn in conns:
        conn.commit()
    assert two.connect().execute("SELECT count(*) FROM t WHERE id >= 100").fetchone() == (5,)


# -- row locks and table locks


@pytest.mark.parametrize("level", LEVELS[:5])
def test_for_update_waits_nowait_skip_locked(two: minidb.Database, level: str) -> None:
    a, b = at(two, level), at(two, level)
    assert a.execute("SELECT v FROM t WHERE id = 1 FOR UPDATE").fetchall() == [(10,)]
    assert state_of(b, "SELECT v FROM t WHERE id = 1 FOR UPDATE") == "55P03"
    b.rollback()
    with pytest.raises(minidb.LockNotAvailable):
        b.execute("SELECT v FROM t WHERE id = 1 FOR UPDATE NOWAIT")
    b.rollback()
    if level != "2pl":
        assert b.execute("SELECT id FROM t ORDER BY id FOR UPDATE SKIP LOCKED").fetchall() == [(2,)]


MODES = ["KEY SHARE", "SHARE", "NO KEY UPDATE", "UPDATE"]
CONFLICTS = {
    ("KEY SHARE", "UPDATE"), ("SHARE", "NO KEY UPDATE"), ("SHARE", "UPDATE"), ("NO KEY UPDATE", "NO KEY UPDATE"),
    ("NO KEY UPDATE", "UPDATE"), ("UPDATE", "UPDATE"),
}


@pytest.mark.parametrize("first", MODES)
@pytest.mark.parametrize("second", MODES)
def test_row_lock_modes(two: minidb.Database, first: str, second: str) -> None:
    a, b = at(two, "rc"), at(two, "rc")
    a.execute(f"SELECT * FROM t WHERE id = 1 FOR {first}").fetchall()
    sql = f"SELECT * FROM t WHERE id = 1 FOR {second} OF t NOWAIT"
    if (first, second) in CONFLICTS or (second, first) in CONFLICTS:
        assert state_of(b, sql) == "55P03"
    else:
        assert b.execute(sql).fetchall() == [(1, 10)]


TABLE_MODES = [
    "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
]
COMPATIBLE = {
    "ACCESS SHARE": TABLE_MODES[:7],
    "ROW SHARE": TABLE_MODES[:6],
    "ROW EXCLUSIVE": TABLE_MODES[:3],
    "SHARE UPDATE EXCLUSIVE": TABLE_MODES[:2],
    "SHARE": [*TABLE_MODES[:2], "SHARE"],
    "SHARE ROW EXCLUSIVE": TABLE_MODES[:2],
    "EXCLUSIVE": TABLE_MODES[:1],
    "ACCESS EXCLUSIVE": [],
}
COMPATIBLE["SHARE UPDATE EXCLUSIVE"] = ["ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE"]
COMPATIBLE["ROW EXCLUSIVE"] = ["ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE"]


@pytest.mark.parametrize("first", TABLE_MODES)
def test_lock_table(two: minidb.Database, first: str) -> None:
    a, b = at(two, "rc"), at(two, "rc")
    for second in TABLE_MODES:
        a.execute(f"LOCK TABLE t IN {first} MODE")
        sql = f"LOCK TABLE t IN {second} MODE NOWAIT"
        if second in COMPATIBLE[first]:
            b.execute(sql)
        else:
            assert state_of(b, sql) == "55P03", (first, second)
        a.rollback()
        b.rollback()


def test_lock_table_needs_a_transaction(two: minidb.Database) -> None:
    auto = two.connect(autocommit=True)
    assert state_of(auto, "LOCK TABLE t") == "25P01"


def test_set_lock_timeout_applies(two: minidb.Database) -> None:
    a, b = two.connect(), two.connect()
    a.execute("UPDATE t SET v = 1 WHERE id = 1")
    b.execute("SET lock_timeout = '20ms'")
    assert state_of(b, "UPDATE t SET v = 2 WHERE id = 1") == "55P03"


# -- failed transactions, savepoints


def test_failed_transaction_is_25P02(two: minidb.Database) -> None:
    conn = two.connect()
    conn.execute("UPDATE t SET v = 11 WHERE id = 1")
    assert state_of(conn, "SELECT 1 / 0") == "22012"
    for sql in ("SELECT 1", "INSERT INTO t VALUES (5, 5)", "CREATE TABLE x (a int)", "SHOW lock_timeout", "BEGIN"):
        with pytest.raises(minidb.InFailedTransaction) as caught:
            conn.execute(sql)
        assert caught.value.sqlstate == "25P02"
    conn.rollback()
    assert value(conn) == 10


@pytest.mark.parametrize("bad", ["SELEC 1", "SELECT nope FROM t", "SELECT ?", "INSERT INTO t VALUES (1, 1)"])
def test_every_error_fails_the_transaction(two: minidb.Database, bad: str) -> None:
    conn = two.connect()
    conn.execute("UPDATE t SET v = 11 WHERE id = 1")
    assert state_of(conn, bad)
    assert state_of(conn, "SELECT 1") == "25P02"
    conn.execute("ROLLBACK")
    assert value(conn) == 10


def test_commit_of_a_failed_transaction_rolls_back(two: minidb.Database) -> None:
    for commit in ("python", "COMMIT", "END"):
        conn = two.connect()
        conn.execute("UPDATE t SET v = 11 WHERE id = 1")
        assert state_of(conn, "SELECT 1 / 0") == "22012"
        if commit == "python":
            conn.commit()
        else:
            conn.execute(commit)
        assert not conn.in_transaction
        assert value(conn) == 10


def test_with_a_failed_transaction(two: minidb.Database) -> None:
    conn = two.connect()
    with pytest.raises(minidb.InFailedTransaction), conn.transaction():
        conn.execute("UPDATE t SET v = 11 WHERE id = 1")
        assert state_of(conn, "SELECT 1 / 0") == "22012"
    assert value(conn) == 10


def test_savepoints(two: minidb.Database) -> None:
    conn = two.connect()
    conn.execute("UPDATE t SET v = 11 WHERE id = 1")
    conn.execute("SAVEPOINT a")
    conn.execute("UPDATE t SET v = 12 WHERE id = 1")
    conn.execute("SAVEPOINT b")
    assert state_of(conn, "SELECT 1 / 0") == "22012"
    assert state_of(conn, "SELECT 1") == "25P02"
    assert state_of(conn, "SAVEPOINT c") == "25P02"
    conn.execute("ROLLBACK TO SAVEPOINT b")
    assert value(conn) == 12
    conn.execute("ROLLBACK TO a")
    assert value(conn) == 11
    assert state_of(conn, "ROLLBACK TO b") == "3B001"
    conn.execute("ROLLBACK TO a")
    conn.execute("RELEASE SAVEPOINT a")
    assert state_of(conn, "RELEASE a") == "3B001"
    conn.execute("ROLLBACK")
    assert value(conn) == 10


def test_savepoints_of_one_name(two: minidb.Database) -> None:
    conn = two.connect()
    for v in (11, 12):
        conn.execute("SAVEPOINT s")
        conn.execute("UPDATE t SET v = ? WHERE id = 1", (v,))
    conn.execute("ROLLBACK TO s")
    assert value(conn) == 11
    conn.execute("RELEASE s")
    conn.execute("ROLLBACK TO s")
    assert value(conn) == 10


def test_savepoints_need_a_transaction(auto: minidb.Connection) -> None:
    for sql in ("SAVEPOINT a", "ROLLBACK TO a", "RELEASE a"):
        assert state_of(auto, sql) == "25P01"


def test_a_statement_is_atomic(two: minidb.Database) -> None:
    conn = two.connect(autocommit=True)
    assert state_of(conn, "INSERT INTO t VALUES (3, 3), (4, 4), (1, 1)") == "23505"
    assert state_of(conn, "UPDATE t SET v = 10 / (v - 20)") == "22012"
    assert conn.execute("SELECT * FROM t ORDER BY id").fetchall() == [(1, 10), (2, 20)]


def test_commit_and_rollback_without_transaction(auto: minidb.Connection) -> None:
    auto.execute("COMMIT")
    auto.execute("ROLLBACK")
    assert not auto.in_transaction


def test_commit_and_chain(two: minidb.Database) -> None:
    conn = two.connect(autocommit=True)
    conn.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
    conn.execute("COMMIT AND CHAIN")
    assert conn.in_transaction
    assert level_of(conn) == "ssi"
    conn.execute("ROLLBACK")


# -- transactional DDL


def test_ddl_rolls_back(two: minidb.Database) -> None:
    conn = two.connect()
    for sql in (
        "CREATE TABLE x (a int)",
        "DROP TABLE t",
        "TRUNCATE t",
        "ALTER TABLE t ADD COLUMN w int DEFAULT 5",
        "ALTER TABLE t DROP COLUMN v",
        "ALTER TABLE t RENAME COLUMN v TO w",
        "ALTER TABLE t RENAME TO u",
        "CREATE INDEX i ON t (v)",
        "ALTER TABLE t ADD CONSTRAINT c CHECK (v > 0)",
    ):
        conn.execute(sql)
        conn.rollback()
        assert conn.execute("SELECT id, v FROM t ORDER BY id").fetchall() == [(1, 10), (2, 20)]
        assert conn.execute("SELECT name FROM sys.tables").fetchall() == [("t",)]
        assert conn.execute("SELECT name FROM sys.indexes").fetchall() == [("t_pkey",)]
        conn.rollback()


def test_ddl_is_seen_by_its_own_transaction(two: minidb.Database) -> None:
    a, b = two.connect(), two.connect(lock_timeout=0.05)
    a.execute("ALTER TABLE t ADD COLUMN w int DEFAULT 5")
    a.execute("UPDATE t SET w = w + v")
    assert a.execute("SELECT w FROM t ORDER BY id").fetchall() == [(15,), (25,)]
    assert state_of(b, "SELECT * FROM t") == "55P03"
    b.rollback()
    a.commit()
    assert b.execute("SELECT * FROM t ORDER BY id").fetchall() == [(1, 10, 15), (2, 20, 25)]


def test_old_snapshot_and_ddl(two: minidb.Database) -> None:
    a, b = at(two, "snapshot"), two.connect(autocommit=True)
    a.execute("CREATE TABLE own (a int)")
    a.execute("SELECT * FROM own").fetchall()
    b.execute("ALTER TABLE t ALTER COLUMN v TYPE text")
    with pytest.raises(minidb.SerializationFailure):
        a.execute("SELECT * FROM t")


def test_two_transactions_with_ddl(db: minidb.Database) -> None:
    a, b = db.connect(), db.connect(lock_timeout=0.05)
    a.execute("CREATE TABLE t (x int, y int)")
    a.commit()
    a.execute("CREATE TABLE a (x int)")
    b.execute("CREATE TABLE b (x int)")
    b.execute("ALTER TABLE t ADD COLUMN z int DEFAULT 7")
    b.commit()
    a.execute("INSERT INTO t VALUES (1, 2)")
    a.commit()
    assert a.execute("SELECT * FROM t").fetchall() == [(1, 2, 7)]
    assert a.execute("SELECT name FROM sys.tables ORDER BY name").fetchall() == [("a",), ("b",), ("t",)]


def test_snapshot_and_unique_key_deleted_since(two: minidb.Database) -> None:
    a, b = at(two, "snapshot"), two.connect(autocommit=True)
    assert value(a) == 10
    b.execute("DELETE FROM t WHERE id = 1")
    assert state_of(a, "INSERT INTO t VALUES (1, 1)") == "40001"
