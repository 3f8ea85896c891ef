"""Many, large, long, deep: what is refused with a clear error, and what simply works."""

from __future__ import annotations

import errno
import threading
import time
from typing import Any

import pytest
from crash_world import contents, open_on, small_log

import minidb
from minidb.database import Database
from minidb.errors import (
    DiskFull,
    InFailedTransaction,
    InvalidTransactionState,
    ProgramLimitExceeded,
    QueryCanceled,
    StatementTooComplex,
)
from minidb.storage.faulty import FaultyFileSystem
from minidb.storage.file import MemoryFileSystem
from minidb.storage.interface import File
from minidb.storage.page_file import PageFile

__all__ = ["small_log"]


@pytest.fixture
def connection() -> minidb.Connection:
    return minidb.connect(autocommit=True)


# -- statements -------------------------------------------------------------------------------------------

DEEP = {
    "not": ("NOT ", "true", ""),
    "minus": ("- ", "1", ""),
    "cast": ("", "1", "::int"),
    "case": ("CASE WHEN true THEN ", "1", " END"),
    "coalesce": ("coalesce(NULL, ", "1", ")"),
    "subquery": ("(SELECT ", "1", ")"),
    "array": ("ARRAY[", "1", "]"),
}


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("depth", [30, 300, 3000, 30_000])
def test_nesting_is_done_or_refused(connection: minidb.Connection, kind: str, depth: int) -> None:
    before, inner, after = DEEP[kind]
    try:
        connection.execute("SELECT " + before * depth + inner + after * depth).fetchall()
    except minidb.Error as error:
        assert error.sqlstate in ("54001", "42804", "0A000"), error
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_long_chains_are_no_nesting(connection: minidb.Connection) -> None:
    assert connection.execute("SELECT 1" + " + 1" * 2000).fetchone() == (2001,)
    assert connection.execute("SELECT " + "(" * 2000 + "1" + ")" * 2000).fetchone() == (1,)
    assert connection.execute("SELECT 1 WHERE " + " AND ".join(["1 = 1"] * 2000)).fetchall() == [(1,)]


def test_too_much_nesting_leaves_the_session_usable(connection: minidb.Connection) -> None:
    connection.execute("BEGIN")
    with pytest.raises(StatementTooComplex) as caught:
        connection.execute("CREATE VIEW v AS SELECT " + "NOT " * 5000 + "true")
    assert caught.value.sqlstate == "54001"
    connection.execute("ROLLBACK")
    deep = " ".join(f"CREATE VIEW v{n} AS SELECT * FROM v{n - 1};" for n in range(1, 150))
    try:
        connection.executescript("CREATE VIEW v0 AS SELECT 1 AS x;" + deep)
        assert connection.execute("SELECT * FROM v149").fetchall() == [(1,)]
    except StatementTooComplex:
        pass
    assert connection.execute("SELECT * FROM v9").fetchall() == [(1,)]


def test_limits_of_size(connection: minidb.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connection.execute(f"VALUES {', '.join('(?)' for _ in range(3000))}", [1] * 3000).fetchall() == [(1,)] * 3000
    with pytest.raises(ProgramLimitExceeded, match="70,000 parameters; the limit is 65,535"):
        connection.execute("SELECT ?", [1] * 70_000)
    with pytest.raises(ProgramLimitExceeded) as caught:
        connection.execute(f"CREATE TABLE wide ({', '.join(f'c{n} int' for n in range(1601))})")
    assert caught.value.sqlstate == "54011"
    connection.execute(f"CREATE TABLE wide ({', '.join(f'c{n} int' for n in range(1600))})")
    with pytest.raises(ProgramLimitExceeded):
        connection.execute("ALTER TABLE wide ADD COLUMN more int")
    monkeypatch.setattr("minidb.session.session.LONGEST_STATEMENT", 1000)
    with pytest.raises(ProgramLimitExceeded, match="a statement of 1,109 characters; the limit is 1,000"):
        connection.execute(f"SELECT '{'x' * 1100}'")


# -- times ------------------------------------------------------------------------------------------------


def test_a_statement_that_takes_too_long(connection: minidb.Connection) -> None:
    connection.execute("SET statement_timeout = 50")
    with pytest.raises(QueryCanceled, match="statement timeout"):
        connection.execute("SELECT count(*) FROM generate_series(1, 100000000)")
    connection.execute("RESET statement_timeout")
    assert connection.execute("SELECT 1").fetchone() == (1,)


def idle_pair() -> tuple[minidb.Database, minidb.Connection, minidb.Connection]:
    database = minidb.Database()
    first, second = database.connect(autocommit=True), database.connect(autocommit=True, lock_timeout=20)
    first.execute("CREATE TABLE t (id int PRIMARY KEY, v int)")
    first.execute("INSERT INTO t VALUES (1, 1)")
    first.execute("SET idle_in_transaction_session_timeout = '30ms'")
    return database, first, second


def test_a_transaction_left_lying_open_is_rolled_back() -> None:
    """Its locks are free at once; its session hears of it at its next verb."""
    database, first, second = idle_pair()
    assert first.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("30ms",)
    for verb in ("execute", "commit", "rollback"):
        first.execute("BEGIN")
        first.execute("UPDATE t SET v = v + 10")
        second.execute("UPDATE t SET v = v + 1")  # waits until the timeout has passed
        assert not first.session.manager.active
        if verb == "rollback":
            first.rollback()
            continue
        with pytest.raises(InvalidTransactionState) as caught:
            first.commit() if verb == "commit" else first.execute("SELECT 1")
        assert caught.value.sqlstate == "25P03"
        if verb == "execute":
            with pytest.raises(InFailedTransaction):
                first.execute("SELECT 1")
            first.execute("ROLLBACK")
    assert first.execute("SELECT v FROM t").fetchone() == (4,)
    database.close()


def test_work_is_not_idleness() -> None:
    database, first, _ = idle_pair()
    first.execute("BEGIN")
    for _ in range(10):
        first.execute("UPDATE t SET v = v + 1")
        time.sleep(0.005)
    first.execute("SELECT count(*) FROM generate_series(1, 200000)")  # longer than the timeout
    first.execute("COMMIT")
    first.execute("SET idle_in_transaction_session_timeout = 0")
    first.execute("BEGIN")
    first.execute("UPDATE t SET v = v + 1")
    time.sleep(0.06)
    first.execute("COMMIT")
    assert first.execute("SELECT v FROM t").fetchone() == (12,)
    database.close()


# -- numbers and sizes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_many_open_transactions(count: int) -> None:
    database = minidb.Database()
    watcher = database.connect(autocommit=True)
    watcher.execute("CREATE TABLE t (id int PRIMARY KEY, v int)")
    sessions = [database.connect(isolation_level=("rc", "snapshot", "ssi")[n % 3]) for n in range(count)]
    for number, session in enumerate(sessions):
        session.execute("INSERT INTO t VALUES (?, ?)", (number, number))
    active = watcher.session.manager.active
    assert len(active) == count
    assert watcher.execute("SELECT count(*) FROM t").fetchone() == (0,)
    for number, session in enumerate(sessions):
        session.commit() if number % 2 else session.rollback()
        session.close()
    assert watcher.execute("SELECT count(*) FROM t").fetchone() == (count // 2,)
    assert not active
    database.close()


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_many_tables(count: int, small_log: None) -> None:
    files = MemoryFileSystem()
    database = open_on(files)
    session = database.session(autocommit=True, durability="off")
    for number in range(count):
        session.execute(f"CREATE TABLE t{number} (id int PRIMARY KEY, v text)")
        session.execute(f"INSERT INTO t{number} VALUES (1, ?)", (str(number),))
    expected = contents(database)
    database.close()
    again = open_on(files)
    again.check()
    assert contents(again) == expected and len(expected) == count


@pytest.mark.parametrize("count", [3000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_large_transaction_that_is_rolled_back(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidb.txn.manager.CHUNK", count // 5)
    files = MemoryFileSystem()
    database = open_on(files, leaf_bytes=None)
    session = database.session()
    session.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    session.execute("CREATE INDEX t_v ON t (v)")
    session.execute("INSERT INTO t VALUES (0, 'stays')")
    session.commit()
    session.execute(f"INSERT INTO t SELECT g, 'row ' || g FROM generate_series(1, {count}) g")
    session.execute("UPDATE t SET v = 'other'")
    session.rollback()
    store = next(iter(database.relations.tables.values()))
    assert len(store.chains) == 1 and len(store.index_list[1].overlay) <= 1
    database.checkpoint()
    database.check()
    assert contents(database) == {"t": [("0", "'stays'")]}
    database.close()
    assert contents(open_on(files)) == {"t": [("0", "'stays'")]}


@pytest.mark.parametrize("size", [1 << 20, pytest.param(64 << 20, marks=pytest.mark.slow)])
def test_a_large_value(size: int, tmp_path: str) -> None:
    data = bytes(range(256)) * (size // 256)
    path = f"{tmp_path}/shop.mdb"
    database = Database(path, background=False)
    session = database.session(autocommit=True)
    session.execute("CREATE TABLE t (id int PRIMARY KEY, v bytea, s text)")
    session.execute("INSERT INTO t VALUES (1, ?, NULL), (2, NULL, ?)", (data, "é" * (size // 2)))
    for _ in range(2):
        assert session.execute("SELECT v FROM t WHERE id = 1").rows[0][0] == data
        assert session.execute("SELECT length(s), octet_length(s) FROM t WHERE id = 2").rows == [(size // 2, size)]
        database.checkpoint()
    database.close()
    with minidb.connect(path) as again:
        assert again.execute("SELECT v FROM t WHERE id = 1").fetchone() == (data,)
        again.execute("UPDATE t SET s = 'short'")


# -- a disk that is full for a while ----------------------------------------------------------------------


class SmallDisk(FaultyFileSystem):
    """A disk with room for so many bytes. As on a real one, what was written once can be written again."""

    def __init__(self) -> None:
        super().__init__()
        self.room = 1 << 40
        self.used: dict[int, set[int]] = {}  # inode -> blocks

    def open(self, path: str, *, create: bool = False, read_only: bool = False) -> File:
        return SmallDiskFile(self, super().open(path, create=create, read_only=read_only))


class SmallDiskFile:
    def __init__(self, disk: SmallDisk, file: File) -> None:
        self.disk = disk
        self.file = file

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        used = self.disk.used.setdefault(self.file.identity()[1], set())
        more = set(range(offset // 512, (offset + len(data) + 511) // 512)) - used
        if len(more) * 512 > self.disk.room:
            raise OSError(errno.ENOSPC, "the disk is full", self.file.path)
        self.disk.room -= len(more) * 512
        used |= more
        self.file.write(offset, data)

    def write_synced(self, offset: int, data: bytes) -> None:
        self.write(offset, data)
        self.file.sync()

    def store(self, offset: int, end: int, pieces: tuple[bytes, ...]) -> bool:
        self.write(offset, b"".join(pieces))
        return True

    def truncate(self, size: int) -> None:
        self.file.truncate(size)
        used = self.disk.used.setdefault(self.file.identity()[1], set())
        gone = {block for block in used if block * 512 >= size}
        used -= gone
        self.disk.room += len(gone) * 512

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def test_a_disk_that_is_full_at_any_moment_and_then_freed(small_log: None) -> None:
    """Rows, large transactions, DDL, an index, checkpoints: each is done or not done, and the database goes on."""
    work = [
        "INSERT INTO t SELECT g, repeat('x', 300) FROM generate_series({0}, {0} + 9) g",
        "UPDATE t SET v = repeat('y', 200) WHERE id % 3 = 0",
        "CREATE TABLE u{0} (id int PRIMARY KEY, v text)",
        "CREATE INDEX i{0} ON t (v)",
        "checkpoint",
        "DELETE FROM t WHERE id % 5 = 0",
        "TRUNCATE t",
    ]
    full = 0
    files = SmallDisk()
    database = open_on(files)
    session = database.session(autocommit=True)
    session.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    for turn in range(25):
        files.room = turn * 1500 % 17_000
        for number, sql in enumerate(work):
            before = contents(database)
            try:
                if sql == "checkpoint":
                    database.checkpoint()
                else:
                    session.execute(sql.format(1000 * turn + 10 * number))
            except DiskFull:
                full += 1
                assert contents(database) == before
        files.room = 1 << 40
        session.execute("INSERT INTO t VALUES (?, 'room again')", (-turn - 1,))
        expected = contents(database)
        assert contents(open_on(files.crash())) == expected
    assert full > 5
    database.checkpoint()
    database.check()
    database.close()
    assert contents(open_on(files)) == expected


def test_very_many_checkpoints_that_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base has no room for pages, the log goes on; when there is room again, so does the base."""
    def no_room(*_: object) -> None:
        raise DiskFull("no room for a page")

    files = SmallDisk()
    database = open_on(files)
    session = database.session(autocommit=True)
    session.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    with monkeypatch.context() as patched:
        patched.setattr(PageFile, "write", no_room)
        for turn in range(100):
            session.execute("INSERT INTO t VALUES (?, 'row')", (turn,))
            with pytest.raises(DiskFull):
                database.checkpoint()
    database.checkpoint()
    assert not database.log.closed()
    session.execute("INSERT INTO t VALUES (-1, 'later')")
    expected = contents(database)
    assert contents(open_on(files.crash())) == expected
    database.close()


def test_threads_come_and_go() -> None:
    """No thread is left behind by timeouts."""
    before = threading.active_count()
    database, first, _ = idle_pair()
    for _ in range(20):
        first.execute("BEGIN")
        first.execute("SELECT 1")
        first.execute("ROLLBACK")
    database.close()
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before
