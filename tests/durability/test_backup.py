"""Backups while others write, backups into open databases, and recovery to a commit or a time from the archive."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from crash_world import PATH, contents, open_on, run_all, small_log

import minidb
from minidb.backup import Restored, backup, restore
from minidb.cli.main import main
from minidb.database import Database
from minidb.errors import (
    DatabaseCorrupt,
    DatabaseInUse,
    DiskFull,
    InvalidParameterValue,
    ObjectInUse,
    ObjectNotReady,
    OperationalError,
)
from minidb.storage.faulty import FaultyFileSystem, flip
from minidb.storage.file import MemoryFileSystem
from minidb.txn import manager

__all__ = ["small_log"]

SETUP = """CREATE TABLE h (id serial PRIMARY KEY, n int, v text DEFAULT 'none');
CREATE INDEX h_n ON h (n) INCLUDE (v);
CREATE UNIQUE INDEX h_part ON h (v) WHERE n < 0;
CREATE TABLE c (a int, b text, PRIMARY KEY CLUSTERED (a, b));
CREATE VIEW w AS SELECT n FROM h;
CREATE SEQUENCE s START 7;
COMMENT ON TABLE h IS 'a heap'"""
NOON = 1_700_000_000.0


class Clock:
    """A second later at each look."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def world(files: MemoryFileSystem | None = None, **options: object) -> Database:
    database = open_on(files or MemoryFileSystem(), clock=Clock(), **options)
    run_all(database.session(autocommit=True), SETUP)
    return database


def write(database: Database, first: int, last: int) -> None:
    session = database.session(autocommit=True)
    for number in range(first, last + 1):
        session.execute("INSERT INTO h (n, v) VALUES (?, ?)", (number, f"row {number}"))
        session.execute("INSERT INTO c VALUES (?, 'x')", (number,))
        if number % 3 == 0:
            session.execute("DELETE FROM h WHERE n = ?", (number - 1,))


# -- copies -----------------------------------------------------------------------------------------------


def test_a_backup_is_a_database(small_log: None) -> None:
    files = MemoryFileSystem()
    database = world(files)
    write(database, 1, 60)
    database.session(autocommit=True).execute("SELECT nextval('s')")
    expected = contents(database)
    number = backup(database, "copy.mdb")
    assert number == database.manager.published
    write(database, 61, 80)
    copy = Database("copy.mdb", files=files, background=False)
    copy.check()
    assert contents(copy) == expected
    session = copy.session(autocommit=True)
    assert list(session.execute("SELECT nextval('s') > 7")) == [(True,)]
    assert list(session.execute("SELECT count(*) FROM w")) == [(len(expected["h"]),)]
    write(copy, 100, 120)
    copy.checkpoint()
    copy.check()
    copy.close()
    again = Database("copy.mdb", files=files, background=False)
    again.check()
    assert again.base.root.database_id != database.base.root.database_id


def test_a_backup_goes_on_while_others_write_and_fold(small_log: None) -> None:
    """The copy has exactly the state at one commit, whatever happens meanwhile: the pages of its root are pinned."""
    files = MemoryFileSystem()
    database = world(files)
    write(database, 1, 150)
    calls: list[tuple[str, int, int]] = []

    def meanwhile(status: str, left: int, total: int) -> None:
        calls.append((status, left, total))
        if len(calls) < 30:
            write(database, 200 + len(calls), 200 + len(calls))
            database.session(autocommit=True).execute("UPDATE h SET v = v || '!' WHERE n % 7 = ?", (len(calls) % 7,))
            database.checkpoint()

    expected = contents(database)
    backup(database, "copy.mdb", pages=1, progress=meanwhile)
    assert len(calls) > 10 and calls[-1][:2] == ("done", 0)
    copy = Database("copy.mdb", files=files, background=False)
    copy.check()
    assert contents(copy) == expected
    database.check()


def test_threads_write_during_a_backup(tmp_path: Path) -> None:
    """Each transaction keeps a sum: the copy has it, too."""
    database = minidb.Database(tmp_path / "shop.mdb", checkpoint_bytes=30_000, checkpoint_rows=50)
    with database.connect(autocommit=True) as setup:
        setup.execute("CREATE TABLE account (id int PRIMARY KEY, balance int, filler text)")
        setup.execute("INSERT INTO account SELECT g, 100, repeat('x', 500) FROM generate_series(1, 200) g")
    stop = threading.Event()

    def transfer(thread: int) -> None:
        connection = database.connect(durability="normal")
        number = thread
        while not stop.is_set():
            number = number * 1103515245 + 12345 & 0x7FFFFFFF
            lower, higher = sorted((number % 100 + 1, number % 97 + 101))
            connection.execute("UPDATE account SET balance = balance - 1 WHERE id = ?", (lower,))
            connection.execute("UPDATE account SET balance = balance + 1 WHERE id = ?", (higher,))
            connection.commit()
        connection.close()

    threads = [threading.Thread(target=transfer, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    with database.connect() as connection:
        for number in range(4):
            connection.backup(tmp_path / f"copy{number}.mdb", pages=3, sleep=0.001)
    stop.set()
    for thread in threads:
        thread.join()
    database.close()
    for number in range(4):
        with minidb.connect(tmp_path / f"copy{number}.mdb") as copy:
            assert copy.execute("SELECT sum(balance), count(*) FROM account").fetchone() == (20_000, 200)


@pytest.mark.parametrize("kind", ["write", "sync", "rename"])
def test_a_backup_that_fails_leaves_nothing_behind(small_log: None, kind: str) -> None:
    files = FaultyFileSystem()
    database = world(files)
    write(database, 1, 40)
    expected = contents(database)
    for nth in (1, 2, 3):
        files.fail(kind, nth=nth, times=-1, code=errno.ENOSPC, path="copy.mdb-partial")  # type: ignore[arg-type]
        try:
            backup(database, "copy.mdb")
        except DiskFull:
            assert not files.exists("copy.mdb") and (kind == "rename" or not files.exists("copy.mdb-partial"))
        else:
            assert nth > 1
            files.remove("copy.mdb")
        files.heal()
    backup(database, "copy.mdb")
    assert contents(Database("copy.mdb", files=files, background=False)) == expected
    assert contents(database) == expected


def test_a_crash_during_a_backup_leaves_no_half_of_one(small_log: None) -> None:
    files = FaultyFileSystem()
    database = world(files)
    write(database, 1, 10)
    expected = contents(database)
    start = len(files.history)
    backup(database, "copy.mdb")
    for step in range(start, len(files.history) + 1, 3):
        for kept in ([], files.pending(step)):
            disk = files.crash(kept, step=step)
            assert contents(open_on(disk)) == expected
            if disk.exists("copy.mdb"):
                assert contents(Database("copy.mdb", files=disk, background=False)) == expected
    assert contents(Database("copy.mdb", files=files.crash(), background=False)) == expected


def test_a_damaged_page_is_found_by_the_backup(small_log: None) -> None:
    files = MemoryFileSystem()
    database = world(files, cache_bytes=1)
    write(database, 1, 40)
    database.checkpoint()
    top = next(root for root in database.base.root.relations.values() if root.level >= 0)
    flip(files, PATH, (top.pointer[0] * 4096 + 40) * 8)
    with pytest.raises(DatabaseCorrupt):
        backup(database, "copy.mdb")
    assert not files.exists("copy.mdb")


def test_existing_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "copy.mdb").write_text("mine")
    with minidb.connect() as connection, pytest.raises(OperationalError) as caught:
        connection.backup(tmp_path / "copy.mdb")
    assert caught.value.sqlstate == "58P02" and (tmp_path / "copy.mdb").read_text() == "mine"


# -- into an open database --------------------------------------------------------------------------------


def test_a_backup_into_an_open_database(tmp_path: Path) -> None:
    source, target = minidb.connect(autocommit=True), minidb.connect(tmp_path / "copy.mdb", autocommit=True)
    source.executescript(SETUP)
    source.execute("INSERT INTO h (n) SELECT g FROM generate_series(1, 3000) g")
    source.execute("INSERT INTO c SELECT g, 'x' FROM generate_series(1, 500) g")
    source.backup(target)
    source.execute("DELETE FROM h")
    assert target.execute("SELECT count(*), max(id) FROM h WHERE v = 'none'").fetchone() == (3000, 3000)
    assert target.execute("SELECT n FROM h WHERE n BETWEEN 5 AND 7").fetchall() == [(5,), (6,), (7,)]
    target.execute("INSERT INTO h (n, v) VALUES (-1, 'once')")
    with pytest.raises(minidb.UniqueViolation):
        target.execute("INSERT INTO h (n, v) VALUES (-2, 'once')")
    target.session.database.check()
    target.close()
    with minidb.connect(tmp_path / "copy.mdb") as again:
        assert again.execute("SELECT count(*), sum(n) FROM h").fetchone() == (3001, 3000 * 3001 // 2 - 1)
        assert again.execute("SELECT count(*) FROM c").fetchone() == (500,)
        again.session.database.check()
    source.close()


def test_a_target_that_is_used_is_refused() -> None:
    source = minidb.connect()
    with minidb.Database() as used:
        connection = used.connect(autocommit=True)
        connection.execute("CREATE TABLE t (id int)")
        with pytest.raises(ObjectInUse, match="tables of its own"):
            source.backup(used)
        connection.execute("DROP TABLE t")
        connection.create_slot("reader")
        with pytest.raises(ObjectInUse, match="slots"):
            source.backup(used)
    with pytest.raises(InvalidParameterValue, match="into itself"):
        source.backup(source)
    with pytest.raises(minidb.InterfaceError):
        source.backup(5)  # type: ignore[arg-type]
    source.close()


# -- recovery to a point in time --------------------------------------------------------------------------


def archived(files: MemoryFileSystem) -> tuple[Database, dict[int, tuple[datetime, object]]]:
    """A database with an archive, a backup in the middle of its life, and its state after each later commit."""
    database = world(files, archive="archive")
    write(database, 1, 20)
    backup(database, "copy.mdb")
    states: dict[int, tuple[datetime, object]] = {}
    session = database.session(autocommit=True)
    for turn, sql in enumerate([
        "INSERT INTO h (n) VALUES (1000)",
        "ALTER TABLE h ADD COLUMN extra int DEFAULT 5",
        "UPDATE h SET extra = n WHERE n % 2 = 0",
        "CREATE TABLE late (id int PRIMARY KEY, v text)",
        "INSERT INTO late SELECT g, repeat('y', 100) FROM generate_series(1, 200) g",
        "CREATE INDEX late_v ON late (v)",
        "DELETE FROM late WHERE id % 2 = 0",
        "TRUNCATE c",
        "INSERT INTO c VALUES (1, 'one')",
        "DROP TABLE late",
        "INSERT INTO h (n) VALUES (2000)",
    ]):
        session.execute(sql)
        assert isinstance(database.clock, Clock)
        states[database.manager.published] = (datetime.fromtimestamp(database.clock.now, UTC), contents(database))
        if turn % 3 == 2:
            database.checkpoint()
    return database, states


def test_every_commit_after_the_backup_can_be_restored(small_log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "CHUNK", 50)  # the large ones write ahead
    files = MemoryFileSystem()
    database, states = archived(files)
    database.close()
    for number, (when, expected) in states.items():
        name = f"at{number}.mdb"
        assert restore("copy.mdb", name, archive="archive", commit=number, fs=files).number == number
        restored = Database(name, files=files, background=False)
        restored.check()
        assert contents(restored) == expected, number
        timed = f"by{number}.mdb"
        assert restore("copy.mdb", timed, archive="archive", until=when, fs=files).number == number
    assert restore("copy.mdb", "all.mdb", archive="archive", fs=files).number == max(states)


def test_what_was_not_archived_is_taken_from_the_log_itself(small_log: None) -> None:
    """The base is lost, its log is not."""
    files = MemoryFileSystem()
    database, states = archived(files)
    last = max(states)
    with pytest.raises(ObjectNotReady, match="the log ends with commit"):
        restore("copy.mdb", "out.mdb", archive="archive", commit=last, fs=files)
    database.log.flush()
    assert restore("copy.mdb", "out.mdb", archive="archive", log=PATH, fs=files).number == last
    assert contents(Database("out.mdb", files=files, background=False)) == states[last][1]


def test_a_log_that_begins_after_the_backup_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, copy, out = (str(tmp_path / file) for file in ("shop.mdb", "copy.mdb", "out.mdb"))
    with minidb.connect(name, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (a int)")
        connection.backup(copy)
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("INSERT INTO t VALUES (2)")
    assert main(["restore", copy, "-o", out, "--log", name, "--until", "3"]) == 1
    told = capsys.readouterr().err
    assert "the log does not go on from the backup, which is of commit 1" in told
    assert "only an archive keeps what was in it" in told
    assert sorted(file.name for file in tmp_path.iterdir() if "out" in file.name) == []


def test_a_restored_database_goes_its_own_way(small_log: None) -> None:
    files = MemoryFileSystem()
    database, _ = archived(files)
    database.close()
    restore("copy.mdb", "out.mdb", archive="archive", fs=files)
    restored = Database("out.mdb", files=files, background=False)
    with pytest.raises(InvalidParameterValue, match="another database"):
        restored.set_archive("archive")
    restored.set_archive("second")
    write(restored, 5000, 5020)
    restored.checkpoint()
    expected = contents(restored)
    backup(restored, "copy2.mdb")
    write(restored, 6000, 6001)
    restored.close()
    with pytest.raises(ObjectNotReady, match="another database than the backup's"):
        restore("copy2.mdb", "wrong.mdb", archive="archive", fs=files)
    restore("copy2.mdb", "out2.mdb", fs=files)
    assert contents(Database("out2.mdb", files=files, background=False)) == expected


def test_a_backup_that_was_written_to_is_not_carried_on(small_log: None) -> None:
    files = MemoryFileSystem()
    database, _ = archived(files)
    database.close()
    copy = Database("copy.mdb", files=files, background=False)
    write(copy, 777, 777)
    copy.close()
    with pytest.raises(ObjectNotReady, match="no untouched backup"):
        restore("copy.mdb", "out.mdb", archive="archive", fs=files)
    assert not [name for name in ("out.mdb", "out.mdb-restoring", "out.mdb-restoring-wal") if files.exists(name)]


def test_a_gap_in_the_archive_is_an_error(small_log: None) -> None:
    files = MemoryFileSystem()
    database, _ = archived(files)
    database.close()
    archive = [name for name in (f"archive/{number:012d}" for number in range(1, 40)) if files.exists(name)]
    files.remove(archive[-2])
    with pytest.raises(ObjectNotReady):
        restore("copy.mdb", "out.mdb", archive="archive", fs=files)
    assert not files.exists("out.mdb")


def test_flipped_bits_in_the_archive_are_found(small_log: None) -> None:
    files = MemoryFileSystem()
    database, states = archived(files)
    database.close()
    name = [name for name in (f"archive/{number:012d}" for number in range(1, 40)) if files.exists(name)][-2]
    flip(files, name, (512 + 200) * 8)
    with pytest.raises((DatabaseCorrupt, ObjectNotReady)):
        restore("copy.mdb", "out.mdb", archive="archive", commit=max(states), fs=files)


def test_an_archive_is_never_skipped(small_log: None) -> None:
    """The disk of the archive is full: the log waits, commits go on, and nothing is missing afterwards."""
    files = FaultyFileSystem()
    database = world(files, archive="archive")
    backup(database, "copy.mdb")
    for turn in range(6):
        files.fail("write", times=-1, code=errno.ENOSPC, path=f"archive/{turn + 2:012d}")
        write(database, 100 * turn, 100 * turn + 3)
        try:
            database.checkpoint()
        except DiskFull:
            assert database.session(autocommit=True).execute("SELECT 1").rows == [(1,)]
    expected = contents(database)
    files.heal()
    database.checkpoint()
    database.close()
    restore("copy.mdb", "out.mdb", archive="archive", fs=files)
    assert contents(Database("out.mdb", files=files, background=False)) == expected


def test_the_file_remembers_its_archive(small_log: None) -> None:
    files = MemoryFileSystem()
    database = world(files, archive="archive")
    backup(database, "copy.mdb")
    write(database, 1, 5)
    database.close()
    again = open_on(files, clock=Clock())
    assert again.keeper.archive == "archive"
    write(again, 6, 9)
    expected = contents(again)
    again.close()
    restore("copy.mdb", "out.mdb", archive="archive", fs=files)
    assert contents(Database("out.mdb", files=files, background=False)) == expected
    third = open_on(files, archive="")
    assert third.keeper.archive == "" and third.manager.keeping == 0


# -- the command line -------------------------------------------------------------------------------------


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with minidb.connect("shop.mdb", archive="archive") as connection:
        connection.execute("CREATE TABLE t (id int)")
    assert main(["backup", "shop.mdb", "copy.mdb"]) == 0
    with minidb.connect("shop.mdb", autocommit=True) as connection:
        for number in range(3):
            connection.execute("INSERT INTO t VALUES (?)", (number,))
    assert main(["restore", "copy.mdb", "-o", "out.mdb", "--archive", "archive", "--until", "3"]) == 0
    with minidb.connect("out.mdb") as restored:
        assert restored.execute("SELECT * FROM t").fetchall() == [(0,), (1,)]
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert main(["restore", "copy.mdb", "-o", "out2.mdb", "--archive", "archive", "--until", later]) == 0
    assert capsys.readouterr().out.startswith("copy.mdb: shop.mdb as of commit 1\nout.mdb: as of commit 3, made at ")
    assert main(["restore", "copy.mdb", "-o", "out.mdb"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["restore", "copy.mdb", "-o", "no.mdb", "--archive", "archive", "--until", "9"]) == 1
    assert "commit 9 cannot be restored: the log ends with commit 4" in capsys.readouterr().err
    assert main(["backup", "missing.mdb", "copy3.mdb"]) == 1


def test_another_process_has_the_file(tmp_path: Path) -> None:
    with minidb.connect(tmp_path / "shop.mdb") as connection:
        connection.execute("CREATE TABLE t (id int)")
        command = [sys.executable, "-m", "minidb", "backup", str(tmp_path / "shop.mdb"), str(tmp_path / "copy.mdb")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "another process has the database open" in done.stderr and "connection.backup(OUT)" in done.stderr


def test_names_for_type_checkers() -> None:
    assert Restored(1, None).number == 1 and issubclass(DatabaseInUse, OperationalError)
