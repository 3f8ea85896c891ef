"""A transaction too large for memory is refused, and everybody else goes on (R30)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from minidb.database import Database
from minidb.errors import OutOfMemory
from minidb.session import Session
from minidb.storage.file import MemoryFileSystem
from minidb.txn import manager, transaction_memory

LIMIT = "400kB"  # a few hundred rows


@pytest.fixture
def files() -> MemoryFileSystem:
    return MemoryFileSystem()


@pytest.fixture
def database(files: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setattr(manager, "CHUNK", 50)
    made = Database("large.mdb", files=files, background=False)
    session = made.session(autocommit=True)
    session.execute("CREATE TABLE t (id int PRIMARY KEY, v int, s text)")
    session.execute("CREATE INDEX t_v ON t (v)")
    session.execute("INSERT INTO t SELECT g, g, 'x' FROM generate_series(1, 2000) g")
    session.execute("CREATE TABLE tree (id int, v int, PRIMARY KEY CLUSTERED (id))")
    session.execute("INSERT INTO tree SELECT g, g FROM generate_series(1, 2000) g")
    made.checkpoint()
    yield made
    made.close()


def limited(database: Database) -> Session:
    session = database.session()
    session.execute(f"SET minidb.transaction_memory = '{LIMIT}'")
    session.commit()
    return session


def count(session: Session) -> int:
    return int(next(iter(session.execute("SELECT count(*) FROM t")))[0])


@pytest.mark.parametrize("sql", [
    "INSERT INTO t SELECT g, g, 'y' FROM generate_series(5001, 8000) g",
    "INSERT INTO tree SELECT g, g FROM generate_series(5001, 8000) g",
    "UPDATE t SET v = v + 1",
    "UPDATE t SET s = 'other'",
    "UPDATE tree SET id = id + 10000",
    "DELETE FROM t",
    "SELECT * FROM t FOR UPDATE",
    "INSERT INTO t SELECT g, g, 'y' FROM generate_series(1, 3000) g ON CONFLICT (id) DO UPDATE SET s = excluded.s",
    "CREATE TABLE made AS SELECT * FROM t",
])
def test_a_statement_that_changes_too_much(database: Database, sql: str) -> None:
    session = limited(database)
    with pytest.raises(OutOfMemory) as caught:
        session.execute(sql)
    assert caught.value.sqlstate == "53200"
    assert "minidb.transaction_memory" in str(caught.value)
    session.execute("ROLLBACK")
    other = database.session(autocommit=True)
    assert count(other) == 2000
    database.checkpoint()
    assert not any(store.chains or store.row_locks for store in database.relations.stores.values())
    session.execute("INSERT INTO t SELECT g, g, 'y' FROM generate_series(9001, 9100) g")
    session.commit()
    other.execute(sql)  # which is not limited so
    database.check()


def test_many_small_statements(database: Database) -> None:
    session = limited(database)
    done = 0
    with pytest.raises(OutOfMemory):
        for key in range(5001, 9000):
            session.execute("INSERT INTO t VALUES (?, 0, 'y')", (key,))
            done += 1
    assert 100 < done < 1000
    session.execute("ROLLBACK")
    with pytest.raises(OutOfMemory):
        session.execute_many("INSERT INTO t VALUES (?, ?, ?)", [(key, 0, "y") for key in range(5001, 9000)])
    session.execute("ROLLBACK")
    for key in range(5001, 9000):
        session.execute("INSERT INTO t VALUES (?, 0, 'y')", (key,))
        if key % 100 == 0:
            session.commit()
    session.commit()
    assert count(session) == 2000 + 3999


def test_large_rows_weigh_more(database: Database) -> None:
    session = limited(database)
    with pytest.raises(OutOfMemory):
        session.execute("INSERT INTO t SELECT g, g, repeat('y', 5000) FROM generate_series(5001, 5100) g")


def test_what_is_rolled_back_to_a_savepoint_is_given_back(database: Database, files: MemoryFileSystem) -> None:
    session = limited(database)
    session.execute("INSERT INTO t SELECT g, 1, 'kept' FROM generate_series(5001, 5100) g")
    for _ in range(10):
        session.execute("SAVEPOINT a")
        session.execute("INSERT INTO t SELECT g, 2, 'y' FROM generate_series(6001, 6200) g")
        session.execute("ROLLBACK TO a")
    with pytest.raises(OutOfMemory):
        session.execute("UPDATE t SET v = v + 1")
    session.execute("ROLLBACK TO a")
    session.execute("UPDATE t SET v = 7 WHERE id > 5090")
    session.commit()
    database.close()
    again = Database("large.mdb", files=files, background=False)
    look = again.session()
    assert list(look.execute("SELECT v, count(*) FROM t WHERE id > 5000 GROUP BY v ORDER BY v")) == [(1, 90), (7, 10)]
    again.check()
    again.close()


def test_row_locks_that_are_rolled_back_to_a_savepoint_are_given_back(database: Database) -> None:
    session = limited(database)
    session.execute("SELECT * FROM t WHERE id <= 3 FOR SHARE")
    for _ in range(10):
        session.execute("SAVEPOINT a")
        session.execute("SELECT * FROM t WHERE id <= 200 FOR UPDATE")
        session.execute("ROLLBACK TO a")
    assert session.txn is not None and len(session.txn.row_locks) == 3 + 10 * 3  # those that had a weaker lock before
    other = database.session(autocommit=True)
    other.execute("UPDATE t SET v = 0 WHERE id = 4")
    session.commit()
    assert not any(store.row_locks for store in database.relations.stores.values())


def test_a_table_that_is_redefined_is_weighed_as_well(database: Database) -> None:
    session = limited(database)
    session.execute("ALTER TABLE t ADD COLUMN more int")
    with pytest.raises(OutOfMemory):
        for _ in range(10):
            session.execute("UPDATE t SET more = 1 WHERE id <= 500")
    session.execute("ROLLBACK")
    database.check()


def test_the_setting(database: Database) -> None:
    session = database.session(autocommit=True)
    assert list(session.execute("SHOW minidb.transaction_memory")) == [("0",)]
    session.execute("SET minidb.transaction_memory = '1GB'")
    assert list(session.execute("SHOW minidb.transaction_memory")) == [("1024MB",)]
    session.execute("BEGIN")
    session.execute("SET LOCAL minidb.transaction_memory = '100kB'")
    with pytest.raises(OutOfMemory):
        session.execute("UPDATE t SET v = v + 1")
    session.execute("ROLLBACK")
    session.execute("UPDATE t SET v = v + 1")


def test_half_of_the_memory_is_the_limit() -> None:
    assert transaction_memory.default_limit() == transaction_memory.machine_memory() // 2
    assert transaction_memory.machine_memory() > 1 << 20
