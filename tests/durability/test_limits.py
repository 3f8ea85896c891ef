"""Full disks, failed syncs, caches that are too small, old snapshots, and checkpoints while others write."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest
from crash_world import PATH, contents, open_on, run_all, small_log

import minidb
from minidb.database import Database
from minidb.errors import DatabaseFailed, DiskFull, Error, TransactionResolutionUnknown
from minidb.storage.faulty import FaultyFileSystem
from minidb.storage.file import MemoryFileSystem
from minidb.txn import manager

__all__ = ["small_log"]

BIG = "INSERT INTO t SELECT g, repeat('x', 200) FROM generate_series({0}, {0} + 99) g"



def world(**options: object) -> tuple[FaultyFileSystem, Database]:
    files = FaultyFileSystem()
    database = open_on(files, **options)
    session = database.session(autocommit=True)
    run_all(session, "CREATE TABLE t (id int PRIMARY KEY, v text);\nINSERT INTO t VALUES (1, 'one')")
    return files, database


def test_a_full_disk_aborts_one_transaction_and_nothing_else(small_log: None) -> None:
    """53100, and when there is room again all goes on (R4)."""
    files, database = world()
    session, other = database.session(autocommit=True), database.session()
    other.execute("INSERT INTO t VALUES (2, 'two')")
    files.fail("write", times=-1, code=errno.ENOSPC)
    with pytest.raises(DiskFull) as caught:
        session.execute(BIG.format(1000))
    assert caught.value.sqlstate == "53100"
    assert list(session.execute("SELECT id FROM t")) == [(1,)]
    files.heal()
    other.commit()
    session.execute("INSERT INTO t VALUES (3, 'three')")
    expected = contents(database)
    assert [row[0] for row in expected["t"]] == ["1", "2", "3"]
    assert contents(open_on(files.crash())) == expected


def test_a_full_disk_during_a_checkpoint_changes_nothing(small_log: None) -> None:
    """It fails, nothing is lost, and the next one does it (R14)."""
    files, database = world()
    session = database.session(autocommit=True)
    session.execute(BIG.format(1000))
    expected = contents(database)
    for nth in range(1, 12):
        files.fail("write", nth=nth, times=-1, code=errno.ENOSPC, path=PATH)
        try:
            database.checkpoint()
        except DiskFull:
            assert contents(database) == expected
        files.heal()
        assert contents(open_on(files.crash())) == expected
        session.execute(f"INSERT INTO t VALUES ({nth + 1}, 'more')")
        expected = contents(database)
    database.checkpoint()
    database.check()
    assert contents(database) == expected


def test_a_full_disk_while_a_large_transaction_writes_ahead(small_log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "CHUNK", 10)
    files, database = world()
    session = database.session()
    session.execute(BIG.format(1000))
    files.fail("write", times=-1, code=errno.ENOSPC)
    with pytest.raises(DiskFull):
        for start in range(2000, 9000, 100):
            session.execute(BIG.format(start))
        session.commit()
    files.heal()
    session.rollback()
    session.execute("INSERT INTO t VALUES (2, 'two')")
    session.commit()
    expected = contents(database)
    assert [row[0] for row in expected["t"]] == ["1", "2"]
    assert contents(open_on(files.crash())) == expected


def test_a_failed_sync_publishes_nothing_and_reads_go_on(small_log: None) -> None:
    """The outcome is unknown to the caller (08007) or the commit is refused; commits are refused until the database is
    opened again, reads are not (R4, R5)."""
    files, database = world()
    session = database.session(autocommit=True)
    files.fail("sync", times=-1)
    with pytest.raises((TransactionResolutionUnknown, Error)):
        session.execute("INSERT INTO t VALUES (2, 'two')")
    files.heal()
    assert list(session.execute("SELECT id FROM t")) == [(1,)]
    with pytest.raises(DatabaseFailed):
        session.execute("INSERT INTO t VALUES (3, 'three')")
    again = open_on(files.crash())
    again.check()
    assert [row[0] for row in contents(again)["t"]] in (["1"], ["1", "2"])


def test_reads_in_a_transaction_go_on_after_a_failed_sync(small_log: None) -> None:
    files, database = world()
    files.fail("sync", times=-1)
    with pytest.raises(Error):
        database.session(autocommit=True).execute("INSERT INTO t VALUES (2, 'two')")
    reader = database.session()
    assert list(reader.execute("SELECT id FROM t")) == [(1,)]
    reader.commit()


def test_closing_after_a_failure_does_not_raise(small_log: None) -> None:
    files, database = world()
    files.fail("sync", times=-1)
    with pytest.raises(Error):
        database.session(autocommit=True).execute("INSERT INTO t VALUES (2, 'two')")
    database.close()
    files.heal()
    assert [row[0] for row in contents(open_on(files))["t"]] in (["1"], ["1", "2"])


@pytest.mark.parametrize("clustered", ["", " CLUSTERED"])
def test_a_database_larger_than_the_cache(clustered: str) -> None:
    files = MemoryFileSystem()
    database = open_on(files, cache_bytes=30_000, leaf_bytes=None)
    session = database.session(autocommit=True, durability="off")
    session.execute(f"CREATE TABLE t (id int PRIMARY KEY{clustered}, g int, v text)")
    session.execute("CREATE INDEX t_g ON t (g) INCLUDE (id)")
    session.execute("INSERT INTO t SELECT i, i % 100, repeat('x', i % 50) FROM generate_series(1, 6000) i")
    database.checkpoint()
    session.execute("UPDATE t SET g = 777 WHERE id % 1000 = 0")
    for _ in range(2):
        assert list(session.execute("SELECT count(*), sum(length(v)) FROM t")) == [(6000, 120 * sum(range(50)))]
        assert list(session.execute("SELECT g FROM t WHERE id = 4321")) == [(21,)]
        some = session.execute("SELECT id FROM t WHERE g = 42 ORDER BY id")
        assert [row[0] for row in some] == list(range(42, 6000, 100))
        assert list(session.execute("SELECT count(*) FROM t WHERE g = 777")) == [(6,)]
        assert list(session.execute("SELECT count(*) FROM t a JOIN t b ON a.id = b.g + 1 WHERE a.g < 10")) == [(594,)]
        assert [row[0] for row in session.execute("SELECT id FROM t ORDER BY id DESC LIMIT 3")] == [6000, 5999, 5998]
        database.checkpoint()
        database.check()


def test_an_old_snapshot_reads_its_state_across_checkpoints() -> None:
    """And what nobody can see any more is trimmed, so that chains do not grow (R13, R16, R28)."""
    database = open_on(MemoryFileSystem())
    session = database.session(autocommit=True)
    run_all(session, "CREATE TABLE t (id int PRIMARY KEY, v int);\nCREATE INDEX t_v ON t (v);\n"
            "INSERT INTO t SELECT g, g FROM generate_series(1, 30) g")
    database.checkpoint()
    old = database.session(isolation_level="snapshot")
    expected = [(g, g) for g in range(1, 31)]
    assert list(old.execute("SELECT id, v FROM t ORDER BY id")) == expected
    for turn in range(8):
        session.execute("UPDATE t SET v = v + 100 WHERE id < 20")
        session.execute(f"DELETE FROM t WHERE id = {20 + turn}")
        session.execute(f"INSERT INTO t VALUES ({100 + turn}, {turn})")
        database.checkpoint()
        database.check()
        assert list(old.execute("SELECT id, v FROM t ORDER BY id")) == expected
        assert list(old.execute("SELECT v FROM t WHERE v BETWEEN 5 AND 25 ORDER BY v")) == [(g,) for g in range(5, 26)]
    old.commit()
    session.execute("UPDATE t SET v = 0 WHERE id = 1")
    store = next(iter(database.relations.stores.values()))
    session.execute("VACUUM")
    assert not store.chains
    assert not store.indexes or all(not index.overlay for index in store.indexes.values())
    database.check()


def test_vacuum_drops_what_an_old_snapshot_held() -> None:
    database = open_on(MemoryFileSystem())
    session = database.session(autocommit=True)
    run_all(session, "CREATE TABLE t (id int PRIMARY KEY, v int);\nINSERT INTO t VALUES (1, 0)")
    old = database.session(isolation_level="snapshot")
    old.execute("SELECT * FROM t")
    session.execute("UPDATE t SET v = 1")
    session.execute("VACUUM")
    old.commit()
    session.execute("VACUUM")
    (store,) = database.relations.stores.values()
    assert not store.chains


def test_chains_do_not_grow_without_readers() -> None:
    """Vacuum by the commits themselves: a row that is updated again and again keeps a few versions."""
    database = open_on(MemoryFileSystem())
    session = database.session(autocommit=True, durability="off")
    run_all(session, "CREATE TABLE t (id int PRIMARY KEY, v int);\nINSERT INTO t VALUES (1, 0)")
    for _ in range(200):
        session.execute("UPDATE t SET v = v + 1")
    (store,) = database.relations.stores.values()
    assert sum(1 for _ in store.versions()) < 12


def test_checkpoints_in_the_background_under_load() -> None:
    """Threads insert, update and delete while the worker folds all the time; every answer is right all along."""
    database = Database(files=MemoryFileSystem(), path="shop.mdb", checkpoint_rows=20, leaf_bytes=300)
    setup = database.session(autocommit=True)
    run_all(setup, "CREATE TABLE t (id int PRIMARY KEY, thread int, v int);\nCREATE INDEX t_thread ON t (thread, v)")
    failures: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            churn(database, thread)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not failures
    database.checkpoint()
    database.check()
    assert database.checkpointer.count > 1
    assert database.worker is not None and database.worker.error is None
    database.close()


def churn(database: Database, thread: int) -> None:
    session = database.session(autocommit=True, durability="off")
    model: dict[int, int] = {}
    for turn in range(120):
        key = thread * 1000 + turn
        session.execute("INSERT INTO t VALUES (?, ?, ?)", (key, thread, turn))
        model[key] = turn
        if turn % 3 == 0:
            session.execute("UPDATE t SET v = v + 1000 WHERE id = ?", (key - turn // 2,))
            model[key - turn // 2] += 1000
        if turn % 5 == 0:
            gone = min(model)
            session.execute("DELETE FROM t WHERE id = ?", (gone,))
            del model[gone]
        if turn % 10 == 0:
            found = list(session.execute("SELECT id, v FROM t WHERE thread = ? AND v >= 0 ORDER BY v, id", (thread,)))
            assert found == sorted(model.items(), key=lambda item: (item[1], item[0]))


def test_a_commit_needs_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system may have none to give, or the process be about to end."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with minidb.connect(tmp_path / "a.mdb") as connection:
        connection.execute("CREATE TABLE t (a int)")
        connection.execute("INSERT INTO t VALUES (1)")
    with minidb.connect(tmp_path / "a.mdb") as connection:
        assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]
