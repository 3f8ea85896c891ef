"""What random lives have found, each as a short story of its own."""

from __future__ import annotations

from typing import Any

import pytest
from crash_world import contents, open_on, run_all, small_log

from minidb.database import Database
from minidb.storage.faulty import FaultyFileSystem
from minidb.txn import manager

__all__ = ["small_log"]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "CHUNK", 4)


def found_again(files: FaultyFileSystem) -> Any:
    return contents(open_on(files.crash(files.pending())))


def test_a_cascade_that_moves_a_clustered_row() -> None:
    database = Database()
    session = database.session(autocommit=True)
    run_all(session, """CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (parent int REFERENCES parent ON UPDATE CASCADE, n int, PRIMARY KEY CLUSTERED (parent, n));
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (1, 1);
UPDATE parent SET id = 2""")
    assert list(session.execute("SELECT * FROM child")) == [(2, 1)]
    database.check()


def test_others_change_what_a_savepoint_gave_back(small_chunks: None) -> None:
    """A chunk says of row 1 what was rolled back; by then somebody else has changed the row and committed first."""
    files = FaultyFileSystem()
    database = open_on(files)
    one, other = database.session(autocommit=True), database.session(autocommit=True)
    run_all(one, """CREATE TABLE t (id int PRIMARY KEY, v int);
INSERT INTO t SELECT g, 0 FROM generate_series(1, 20) g;
BEGIN;
INSERT INTO t VALUES (30, 0);
SAVEPOINT s;
UPDATE t SET v = 1 WHERE id < 10;
ROLLBACK TO s;
INSERT INTO t SELECT g, 0 FROM generate_series(40, 50) g""")
    other.execute("UPDATE t SET v = 2 WHERE id = 1")
    one.execute("UPDATE t SET v = 3 WHERE id = 2")
    one.execute("COMMIT")
    expected = contents(database)
    assert ("1", "2") in expected["t"] and ("2", "3") in expected["t"]
    assert found_again(files) == expected


def test_a_savepoint_gives_back_a_column_that_chunks_have(small_chunks: None) -> None:
    files = FaultyFileSystem()
    database = open_on(files)
    session = database.session(autocommit=True)
    run_all(session, """CREATE TABLE t (id int PRIMARY KEY);
BEGIN;
SAVEPOINT s;
ALTER TABLE t ADD COLUMN v text;
INSERT INTO t SELECT g, 'x' FROM generate_series(1, 20) g;
ROLLBACK TO s;
INSERT INTO t VALUES (99);
COMMIT""")
    assert found_again(files) == {"t": [("99",)]}


def test_chunks_of_a_savepoint_do_not_hold_the_log(small_log: None, small_chunks: None) -> None:
    """Rolled back to a savepoint before all of its writes, the transaction has chunks nevertheless."""
    database = open_on(FaultyFileSystem())
    session = database.session(autocommit=True)
    session.execute("CREATE TABLE t (id int PRIMARY KEY)")
    for _ in range(3):
        run_all(session, """BEGIN;
SAVEPOINT s;
INSERT INTO t SELECT g FROM generate_series(1, 20) g;
ROLLBACK TO s;
COMMIT""")
        session.execute("INSERT INTO t VALUES (99) ON CONFLICT DO NOTHING")
        database.checkpoint()
    assert not database.log._writer._opened
    assert len(database.log._writer.segments) == 1


@pytest.mark.parametrize("change", ["TRUNCATE t", "DROP TABLE t", "DROP INDEX t_v"])
def test_a_table_that_goes_during_a_checkpoint(change: str) -> None:
    """The base as of F has it, whole: the commit that drops it may be lost."""
    files = FaultyFileSystem()
    database = open_on(files)
    session = database.session(autocommit=True)
    run_all(session, """CREATE TABLE a (id int PRIMARY KEY, v text);
CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE INDEX t_v ON t (v);
INSERT INTO a SELECT g, 'a' || g FROM generate_series(1, 60) g;
INSERT INTO t SELECT g, 'old' || g FROM generate_series(1, 60) g""")
    database.checkpoint()
    session.execute("UPDATE a SET v = 'new'")
    session.execute("UPDATE t SET v = 'new' || id")
    expected = contents(database)
    session.durability = "off"

    changes = [change]

    def once() -> None:
        if changes:
            session.execute(changes.pop())

    database.checkpointer.on_slice = once
    database.checkpoint()
    after = open_on(files.crash())
    after.check()
    assert contents(after) == expected


def test_a_number_in_the_base_is_not_given_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index whose transaction a crash has ended has left its tree."""
    files = FaultyFileSystem()
    database = open_on(files)
    session = database.session(autocommit=True)
    session.execute("CREATE TABLE t (id int PRIMARY KEY)")
    session.execute("INSERT INTO t SELECT g FROM generate_series(1, 60) g")
    session.execute("BEGIN")
    session.execute("CREATE INDEX made ON t (id)")
    after = open_on(files.crash(files.pending()))
    again = after.session(autocommit=True)
    run_all(again, """CREATE TABLE other (id int PRIMARY KEY);
CREATE TABLE third (id int PRIMARY KEY);
INSERT INTO other VALUES (7)""")
    after.check()
    assert contents(after)["other"] == [("7",)]
