"""Temporary tables and the files: nothing of them is logged or folded, and nothing of what is beside them is lost."""

from __future__ import annotations

import pytest
from crash_world import contents, open_on

from minidb.session import Session
from minidb.storage.faulty import FaultyFileSystem
from minidb.txn import manager


def values(session: Session, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in session.execute(sql)]


def test_a_checkpoint_leaves_them_alone_and_a_crash_takes_them() -> None:
    files = FaultyFileSystem()
    database = open_on(files)
    session = database.session(autocommit=True)
    session.execute("CREATE TABLE kept (id serial PRIMARY KEY, v text)")
    session.execute("CREATE TEMP TABLE gone (id serial PRIMARY KEY, v text)")
    session.execute("CREATE INDEX ON gone (v)")
    session.execute("INSERT INTO gone (v) SELECT 'row ' || g FROM generate_series(1, 300) g")
    session.execute("BEGIN")
    session.execute("INSERT INTO kept (v) SELECT v FROM gone WHERE id <= 5")
    session.execute("UPDATE gone SET v = 'changed' WHERE id = 1")
    session.execute("COMMIT")
    for _ in range(3):
        database.checkpoint()
        database.checkpoint()  # has nothing to fold, and looks for chains that are not needed
        database.check()
        assert values(session, "SELECT count(*), min(v) FROM gone") == [(300, "changed")]
        assert values(session, "SELECT id FROM gone WHERE v = 'row 7'") == [(7,)]
        session.execute("UPDATE gone SET v = v WHERE id < 10")
    survivor = open_on(files.crash([]))
    survivor.check()
    assert list(contents(survivor)) == ["kept"] and len(contents(survivor)["kept"]) == 5
    assert not [store for store in survivor.relations.stores.values() if store.schema.temporary]


def test_writing_them_alone_syncs_nothing_and_logs_no_row() -> None:
    files = FaultyFileSystem()
    session = open_on(files).session(autocommit=True)
    session.execute("CREATE TEMP TABLE t (v text)")
    session.execute("INSERT INTO t VALUES ('before')")
    before = len(files.history)
    for _ in range(10):
        session.execute("INSERT INTO t VALUES ('a secret that stays in memory')")
        session.execute("INSERT INTO t VALUES ('one more secret'), ('two more secrets')")
    session.database.log.flush()
    assert not [change for change in files.history[before:] if change.kind.startswith("sync")]
    assert not any(b"secret" in bytes(change.data) for change in files.history if getattr(change, "data", None))


def test_a_large_transaction_writes_ahead_only_what_is_permanent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "CHUNK", 8)
    files = FaultyFileSystem()
    session = open_on(files).session(autocommit=True)
    session.execute("CREATE TABLE kept (v int)")
    session.execute("CREATE TEMP TABLE t (v int)")
    session.execute("BEGIN")
    session.execute("INSERT INTO t SELECT g FROM generate_series(1, 100) g")
    session.execute("SAVEPOINT s")
    session.execute("INSERT INTO t SELECT g FROM generate_series(1, 100) g")
    session.execute("ROLLBACK TO s")
    session.execute("INSERT INTO kept SELECT v FROM t")
    session.execute("COMMIT")
    survivor = open_on(files.crash([]))
    assert len(contents(survivor)["kept"]) == 100


def test_a_closed_session_leaves_nothing_behind() -> None:
    database = open_on(FaultyFileSystem())
    for _ in range(3):
        session = database.session(autocommit=True)
        session.execute("CREATE TEMP TABLE t (id serial PRIMARY KEY)")
        session.execute("CREATE TEMP VIEW v AS SELECT * FROM t")
        session.execute("INSERT INTO t DEFAULT VALUES")
        session.close()
    assert not database.relations.stores and not database.relations.temporary
    assert not database.relations.sequences.states
