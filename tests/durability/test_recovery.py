"""What reopening brings back: after a clean close, and after a crash with commits that no checkpoint has folded."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from crash_world import contents, open_on, run_all, small_log

from minidb.database import Database
from minidb.storage.faulty import FaultyFileSystem
from minidb.storage.file import MemoryFileSystem
from minidb.txn import manager

__all__ = ["small_log"]

TYPES = """CREATE TABLE everything (
    id int PRIMARY KEY, a smallint, b bigint, c real, d double precision, e numeric(20,4), f numeric, g text,
    h varchar(10), i char(4), j boolean, k bytea, l date, m time, n timestamp, o timestamptz, p interval, q uuid);
CREATE TABLE ordered (
    g text, e numeric, l date, o timestamptz, k bytea, note text, PRIMARY KEY CLUSTERED (g, e, l, o, k));
INSERT INTO everything VALUES
    (1, -32768, 9223372036854775807, 0.1, 0.1, 12345.6789, 1.00, 'Zoë 水 😀', 'varchar', 'ab', true, '\\x00ff',
     '0001-01-01', '23:59:59.999999', '2026-02-28 12:00:00.5', '2026-02-28 12:00:00+05', '1 month -2 days 3.5 seconds',
     '12345678-1234-5678-1234-567812345678'),
    (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, 0, 0, 'NaN', '-Infinity', 0, 123456789012345678901234567890.123, '', '', '', false, '',
     '9999-12-31', '00:00:00', '1970-01-01 00:00:00', '1970-01-01 00:00:00Z', '0', NULL);
INSERT INTO everything (id, c, d, f) VALUES (4, '-0', '-0', 1.0);
INSERT INTO ordered SELECT coalesce(g, 'none'), coalesce(e, id), coalesce(l, date '2000-01-01'),
    coalesce(o, timestamptz '2000-01-01 00:00:00Z'), coalesce(k, ''), 'row ' || id FROM everything;
CREATE INDEX everything_all ON everything (f DESC, g, o) INCLUDE (k);
CREATE INDEX everything_c ON everything (c);
UPDATE ordered SET e = e + 1 WHERE note = 'row 1';
DELETE FROM ordered WHERE note = 'row 3'"""

SCHEMA = """CREATE TABLE kept (id int PRIMARY KEY, v text);
INSERT INTO kept SELECT g, 'v' || g FROM generate_series(1, 30) g;
CREATE TABLE dropped (id int PRIMARY KEY);
INSERT INTO dropped VALUES (1), (2);
CREATE TABLE emptied (id int PRIMARY KEY, v int UNIQUE);
INSERT INTO emptied VALUES (1, 1), (2, 2);
CREATE INDEX kept_v ON kept (v);
DROP TABLE dropped;
TRUNCATE emptied;
INSERT INTO emptied VALUES (2, 3);
ALTER TABLE kept ADD COLUMN w int DEFAULT 5;
UPDATE kept SET w = 6 WHERE id = 3;
ALTER TABLE kept DROP COLUMN v;
ALTER TABLE kept RENAME COLUMN w TO x;
ALTER TABLE kept RENAME TO renamed;
INSERT INTO renamed VALUES (31, 31);
CREATE TABLE dropped (other text);
INSERT INTO dropped VALUES ('a new one of that name');
CREATE TABLE copy AS SELECT * FROM renamed WHERE id < 4"""

SAVEPOINTS = """CREATE TABLE t (id int PRIMARY KEY, v int);
CREATE TABLE c (id int PRIMARY KEY CLUSTERED, v int);
INSERT INTO t SELECT g, g FROM generate_series(1, 20) g;
INSERT INTO c SELECT g, g FROM generate_series(1, 20) g;
BEGIN;
UPDATE t SET v = v + 100 WHERE id <= 5;
UPDATE c SET id = id + 100 WHERE id <= 5;
SAVEPOINT s;
DELETE FROM t WHERE id BETWEEN 4 AND 8;
DELETE FROM c WHERE id BETWEEN 8 AND 12;
INSERT INTO t SELECT g, g FROM generate_series(21, 60) g;
UPDATE c SET v = -1 WHERE id > 90;
ROLLBACK TO s;
INSERT INTO t VALUES (99, 99);
UPDATE c SET v = -2 WHERE id = 101;
COMMIT;
BEGIN;
DELETE FROM t;
ROLLBACK"""

SCRIPTS = {"types": TYPES, "schema": SCHEMA, "savepoints": SAVEPOINTS}


def crashed(database: Database, files: FaultyFileSystem) -> Database:
    """Opened again after a crash in which nothing unsynced arrived."""
    return open_on(files.crash())


def closed(database: Database, files: MemoryFileSystem) -> Database:
    database.close()
    return open_on(files)


CASES = [(script, end, chunk) for script in SCRIPTS for end in (crashed, closed) for chunk in (5, 20_000)]


@pytest.mark.parametrize("script, end, chunk", CASES)
def test_everything_is_there_again(small_log: None, monkeypatch: pytest.MonkeyPatch, script: str,
                                   end: Callable[[Database, FaultyFileSystem], Database], chunk: int) -> None:
    """From the log alone, and from the base; with transactions written ahead in chunks, and in one piece."""
    monkeypatch.setattr(manager, "CHUNK", chunk)
    files = FaultyFileSystem()
    database = open_on(files)
    run_all(database.session(autocommit=True), SCRIPTS[script])
    expected = contents(database)
    assert all(expected.values())
    again = end(database, files)
    again.check()
    assert contents(again) == expected
    again.checkpoint()
    again.check()
    assert contents(again) == expected


@pytest.mark.parametrize("script", SCRIPTS)
def test_with_a_checkpoint_after_each_statement(small_log: None, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Also in the middle of transactions: the base is as of commits only (R13)."""
    monkeypatch.setattr(manager, "CHUNK", 5)
    plain, often = open_on(MemoryFileSystem()), FaultyFileSystem()
    run_all(plain.session(autocommit=True), SCRIPTS[script])
    database = open_on(often)
    session = database.session(autocommit=True)
    for sql in SCRIPTS[script].split(";\n"):
        session.execute(sql)
        database.checkpoint()
        database.check()
    assert contents(database) == contents(plain)
    again = open_on(often.crash())
    again.check()
    assert contents(again) == contents(plain)


def test_values_come_back_as_they_were() -> None:
    """An index-only scan returns 1.00 and -0.0 as stored, not what compares equal to them (R31)."""
    files = FaultyFileSystem()
    database = open_on(files)
    run_all(database.session(autocommit=True), TYPES)
    for _ in range(2):
        session = database.session(autocommit=True)
        session.execute("SET enable_seqscan = off")
        found = list(session.execute("SELECT f FROM everything WHERE f BETWEEN 1 AND 1 ORDER BY f, id"))
        assert sorted(str(row[0]) for row in found) == ["1.0", "1.00"]
        zero = list(session.execute("SELECT c FROM everything WHERE c = 0"))
        assert [str(row[0]) for row in zero] == ["-0.0"]
        database = crashed(database, files)


def test_uncommitted_work_is_gone() -> None:
    files = FaultyFileSystem()
    database = open_on(files)
    session = database.session(autocommit=True)
    run_all(session, "CREATE TABLE t (id int PRIMARY KEY);\nINSERT INTO t VALUES (1)")
    open_one = database.session()
    open_one.execute("INSERT INTO t VALUES (2)")
    open_one.execute("DELETE FROM t WHERE id = 1")
    database.checkpoint()
    assert contents(crashed(database, files)) == {"t": [("1",)]}
    database.close()
    assert contents(open_on(files)) == {"t": [("1",)]}


def test_row_addresses_are_not_given_twice(small_log: None) -> None:
    """Recovered rows keep their addresses; new ones get others (R20 to R22)."""
    files = FaultyFileSystem()
    database = open_on(files)
    session = database.session(autocommit=True)
    run_all(session, "CREATE TABLE t (id int PRIMARY KEY, v text);\n"
            "INSERT INTO t SELECT g, repeat('x', g) FROM generate_series(1, 50) g;\n"
            "DELETE FROM t WHERE id % 3 = 0")
    for turn in range(4):
        files = FaultyFileSystem(files.crash())
        database = open_on(files)
        session = database.session(autocommit=True)
        session.execute(f"INSERT INTO t SELECT {turn}000 + g, 'new' FROM generate_series(100, 130) g")
        session.execute("UPDATE t SET v = repeat(v, 5) WHERE id < 10")
        session.execute(f"DELETE FROM t WHERE id % 7 = {turn}")
        expected = contents(database)
        if turn % 2:
            database.checkpoint()
        assert contents(open_on(files.crash())) == expected
