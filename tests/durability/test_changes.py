"""The change feed: every committed change once, in commit order, with the row before; slots, archives, crashes."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from crash_world import PATH, contents, open_on, run_all, small_log

import minidb
from minidb.changes import Change, Feed, feed_beside, feed_of
from minidb.cli.main import main
from minidb.database import Database
from minidb.errors import DiskFull, DuplicateObject, InvalidParameterValue, ObjectInUse, ObjectNotReady, UndefinedObject
from minidb.storage.faulty import FaultyFileSystem
from minidb.storage.file import MemoryFileSystem
from minidb.txn import manager

__all__ = ["small_log"]

SETUP = """CREATE TABLE t (id int PRIMARY KEY, v text);
CREATE TABLE c (a int, b text, n numeric, PRIMARY KEY CLUSTERED (a, b));
CREATE TABLE bare (x int)"""


def world(files: MemoryFileSystem | None = None, **options: Any) -> Database:
    database = open_on(files or MemoryFileSystem(), **options)
    run_all(database.session(autocommit=True), SETUP)
    return database


def slot_on(database: Database, name: str = "reader") -> int:
    return database.keeper.create_slot(name, 0)


def read(database: Database, slot: str = "reader", *, acknowledge: bool = False) -> list[Change]:
    with feed_of(database, slot=slot) as feed:
        found = list(feed)
        if acknowledge:
            feed.acknowledge()
    return found


def brief(changes: list[Change]) -> list[tuple[Any, ...]]:
    return [(change.operation, change.name, change.before, change.after) for change in changes]


class Replica:
    """Applies changes; every one must fit what is there."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, dict[str, Any]]] = {}
        self.commit = 0

    def apply(self, change: dict[str, Any]) -> None:
        assert change["commit"] >= self.commit
        self.commit = change["commit"]
        rows = self.tables.setdefault(change["name"], {})
        if change["operation"] == "truncate":
            rows.clear()
        if change["kind"] != "row":
            return
        key = json.dumps(change["key"], sort_keys=True)
        assert rows.get(key) == change["before"], change
        if change["after"] is None:
            del rows[key]
        else:
            rows[key] = change["after"]


# -- what is told -----------------------------------------------------------------------------------------


def test_rows_with_their_state_before(small_log: None) -> None:
    database = world()
    begin = slot_on(database)
    session = database.session(autocommit=True)
    session.name = "writer"
    run_all(session, """INSERT INTO t VALUES (1, 'one'), (2, NULL);
UPDATE t SET v = 'uno' WHERE id = 1;
DELETE FROM t WHERE id = 2;
INSERT INTO c VALUES (5, 'x', 1.50);
UPDATE c SET a = 6;
INSERT INTO bare VALUES (7)""")
    changes = read(database)
    assert brief(changes) == [
        ("insert", "t", None, {"id": 1, "v": "one"}),
        ("insert", "t", None, {"id": 2, "v": None}),
        ("update", "t", {"id": 1, "v": "one"}, {"id": 1, "v": "uno"}),
        ("delete", "t", {"id": 2, "v": None}, None),
        ("insert", "c", None, {"a": 5, "b": "x", "n": Decimal("1.50")}),
        ("insert", "c", None, {"a": 6, "b": "x", "n": Decimal("1.50")}),
        ("delete", "c", {"a": 5, "b": "x", "n": Decimal("1.50")}, None),
        ("insert", "bare", None, {"x": 7}),
    ]
    assert [change.commit for change in changes] == [begin + n for n in (1, 1, 2, 3, 4, 5, 5, 6)]
    assert [(change.position, change.last) for change in changes[:3]] == [(0, False), (1, True), (0, True)]
    assert changes[0].key == {"id": 1} and changes[4].key == {"a": 5, "b": "x"} and changes[7].key is None
    assert changes[0].session == "writer" and changes[0].transaction > 0 and changes[0].time.tzinfo is not None


def test_one_change_for_each_row_of_a_transaction(small_log: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it wrote ahead in chunks and rolled back to a savepoint."""
    for chunk in (20_000, 2):
        monkeypatch.setattr(manager, "CHUNK", chunk)
        database = world()
        session = database.session()
        session.execute("INSERT INTO t SELECT g, 'old' FROM generate_series(1, 10) g")
        session.commit()
        slot_on(database)
        session.execute("INSERT INTO t VALUES (11, 'new'), (12, 'new'), (13, 'new')")
        session.execute("UPDATE t SET v = 'newer' WHERE id IN (1, 11)")
        session.execute("SAVEPOINT s")
        session.execute("UPDATE t SET v = 'gone' WHERE id < 9")
        session.execute("INSERT INTO t VALUES (14, 'gone')")
        session.execute("ROLLBACK TO s")
        session.execute("DELETE FROM t WHERE id IN (2, 12)")
        session.execute("UPDATE t SET v = 'last' WHERE id = 3")
        session.execute("UPDATE t SET v = 'very last' WHERE id = 3")
        session.commit()
        found = sorted(brief(read(database)), key=repr)
        assert found == sorted([
            ("insert", "t", None, {"id": 11, "v": "newer"}),
            ("insert", "t", None, {"id": 13, "v": "new"}),
            ("update", "t", {"id": 1, "v": "old"}, {"id": 1, "v": "newer"}),
            ("delete", "t", {"id": 2, "v": "old"}, None),
            ("update", "t", {"id": 3, "v": "old"}, {"id": 3, "v": "very last"}),
        ], key=repr)


def test_what_was_rolled_back_is_not_told(small_log: None) -> None:
    database = world()
    slot_on(database)
    session = database.session()
    session.execute("INSERT INTO t VALUES (1, 'one')")
    session.rollback()
    session.execute("CREATE TEMPORARY TABLE own (x int)")
    session.execute("INSERT INTO own VALUES (1)")
    session.commit()
    assert read(database) == []


def test_changes_of_the_schema(small_log: None) -> None:
    database = world()
    slot_on(database)
    session = database.session(autocommit=True)
    run_all(session, """ALTER TABLE t ADD COLUMN n int DEFAULT 7;
INSERT INTO t VALUES (1, 'one');
ALTER TABLE t RENAME TO u;
ALTER TABLE u DROP COLUMN v;
UPDATE u SET n = 8;
TRUNCATE u;
CREATE VIEW w AS SELECT n FROM u;
DROP VIEW w;
CREATE SEQUENCE s;
DROP TABLE bare""")
    changes = read(database)
    assert [(c.operation, c.kind, c.name) for c in changes] == [
        ("alter", "table", "t"), ("insert", "row", "t"), ("alter", "table", "u"), ("alter", "table", "u"),
        ("update", "row", "u"), ("truncate", "table", "u"), ("create", "view", "w"), ("drop", "view", "w"),
        ("create", "sequence", "s"), ("drop", "table", "bare"),
    ]
    assert changes[0].definition is not None and changes[2].definition is not None
    assert changes[0].definition["columns"] == {"id": "integer", "v": "text", "n": "integer"}
    assert changes[2].definition["renamed_from"] == "t"
    assert changes[1].after == {"id": 1, "v": "one", "n": 7}
    assert changes[4].before == {"id": 1, "n": 7} and changes[4].after == {"id": 1, "n": 8}


def test_old_changes_are_read_with_the_schema_of_their_time(small_log: None) -> None:
    """Across checkpoints and openings, after the tables have changed and gone."""
    files = MemoryFileSystem()
    database = world(files)
    slot_on(database)
    for sql in (
        "INSERT INTO t VALUES (1, 'one')", "ALTER TABLE t ADD COLUMN n int", "INSERT INTO t VALUES (2, 'two', 2)",
        "ALTER TABLE t DROP COLUMN v", "INSERT INTO t VALUES (3, 3)", "DROP TABLE t", "CREATE TABLE t (z text)",
        "INSERT INTO t VALUES ('z')",
    ):
        database.session(autocommit=True).execute(sql)
        if "INTO" in sql:
            database.close()
            database = open_on(files)
        else:
            database.checkpoint()
    rows = [change.after for change in read(database) if change.kind == "row"]
    assert rows == [{"id": 1, "v": "one"}, {"id": 2, "v": "two", "n": 2}, {"id": 3, "n": 3}, {"z": "z"}]


# -- slots ------------------------------------------------------------------------------------------------


def test_a_slot_goes_on_where_it_was_acknowledged(small_log: None) -> None:
    files = MemoryFileSystem()
    database = world(files)
    slot_on(database)
    session = database.session(autocommit=True)
    for number in range(30):
        session.execute("INSERT INTO t VALUES (?, 'x')", (number,))
        if number % 4 == 0:
            database.checkpoint()
        if number == 12:
            assert len(read(database, acknowledge=True)) == 13
    assert [change.after["id"] for change in read(database) if change.after] == list(range(13, 30))
    database.close()
    database = open_on(files)
    with feed_of(database, slot="reader") as feed:
        first = [next(feed), next(feed)]
        feed.acknowledge()  # the second one is not known to be the last of its commit's consumer's work
        assert [change.after["id"] for change in first if change.after] == [13, 14]
    assert next(change.after["id"] for change in read(database) if change.after) == 14


def test_kept_log_goes_when_it_is_acknowledged(small_log: None) -> None:
    files = MemoryFileSystem()
    database = world(files)
    slot_on(database)
    session = database.session(autocommit=True)

    def kept() -> int:
        return sum(files.exists(f"{PATH}-kept-{number:012d}") for number in range(100))

    for number in range(10):
        session.execute("INSERT INTO t VALUES (?, 'x')", (number,))
        database.checkpoint()
    assert kept() == 10
    assert list(session.execute("SELECT name, commits_behind, status FROM sys.slots")) == [("reader", 10, "kept")]
    read(database, acknowledge=True)
    session.execute("INSERT INTO t VALUES (100, 'x')")
    database.checkpoint()
    assert kept() <= 2
    assert list(session.execute("SELECT commits_behind FROM sys.slots")) == [(1,)]
    database.keeper.drop_slot("reader")
    assert kept() == 0 and not files.exists(f"{PATH}-kept-index") and not files.exists(f"{PATH}-slot-reader")
    assert database.manager.keeping == 0
    session.execute("UPDATE t SET v = 'y'")
    database.close()
    open_on(files).check()


def test_slots_that_cannot_be(small_log: None) -> None:
    database = world()
    slot_on(database)
    with pytest.raises(DuplicateObject):
        slot_on(database)
    with pytest.raises(InvalidParameterValue):
        slot_on(database, "../x")
    with pytest.raises(UndefinedObject):
        database.keeper.drop_slot("other")
    with pytest.raises(UndefinedObject):
        feed_of(database, slot="other")
    with feed_of(database, slot="reader"):
        with pytest.raises(ObjectInUse):
            feed_of(database, slot="reader")
        with pytest.raises(ObjectInUse):
            database.keeper.drop_slot("reader")
    database.keeper.drop_slot("reader")


def test_a_slot_that_is_too_far_behind_is_given_up_and_says_so(small_log: None) -> None:
    database = world(slot_limit=20_000)
    slot_on(database, "slow")
    slot_on(database, "fast")
    session = database.session(autocommit=True)
    for number in range(40):
        session.execute("INSERT INTO t VALUES (?, ?)", (number, "x" * 700))
        read(database, "fast", acknowledge=True)
        database.checkpoint()
    states = dict(session.execute("SELECT name, status FROM sys.slots").rows)
    assert states == {"slow": "lost", "fast": "kept"}
    with pytest.raises(ObjectNotReady, match="given up"):
        feed_of(database, slot="slow")
    session.execute("INSERT INTO t VALUES (100, 'x')")
    assert len(read(database, "fast")) == 1


def test_without_a_slot_changes_are_had_from_now_on(small_log: None) -> None:
    database = world()
    session = database.session(autocommit=True)
    session.execute("INSERT INTO t VALUES (1, 'one')")
    with feed_of(database) as feed:
        session.execute("INSERT INTO t VALUES (2, 'two')")
        database.checkpoint()
        database.checkpoint()
        session.execute("INSERT INTO t VALUES (3, 'three')")
        assert [change.after["id"] for change in feed if change.after] == [2, 3]
    assert database.manager.keeping == 0
    with pytest.raises(ObjectNotReady, match="not kept"):
        feed_of(database, since=1)


def test_an_archive_has_all_changes_since_it_was_made(small_log: None) -> None:
    files = MemoryFileSystem()
    database = open_on(files, archive="archive")
    session = database.session(autocommit=True)
    run_all(session, SETUP)
    for number in range(20):
        session.execute("INSERT INTO t VALUES (?, 'x')", (number,))
        if number % 3 == 0:
            database.checkpoint()
    with feed_of(database, since=0) as feed:
        assert len(list(feed)) == 23
    with feed_of(database, since=13) as feed:
        assert [change.after["id"] for change in feed if change.after] == list(range(10, 20))
    database.close()
    with feed_beside(PATH, since=13, fs=files) as feed:
        assert [change.after["id"] for change in feed if change.after] == list(range(10, 20))


def test_a_transaction_that_was_under_way_when_the_slot_was_made(
    small_log: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its chunks were written without old rows: the COMMIT record has them all."""
    monkeypatch.setattr(manager, "CHUNK", 5)
    database = world()
    other = database.session(autocommit=True)
    other.execute("INSERT INTO t SELECT g, 'old' FROM generate_series(1, 20) g")
    session = database.session()
    session.execute("UPDATE t SET v = 'new' WHERE id <= 12")
    session.execute("INSERT INTO bare VALUES (1)")
    assert session.txn is not None and session.txn.chunked
    slot_on(database)
    other.execute("INSERT INTO c VALUES (1, 'x', 1)")
    session.execute("UPDATE t SET v = 'newer' WHERE id = 5")
    session.commit()
    changes = read(database)
    assert [change.name for change in changes].count("t") == 12
    assert {"id": 5, "v": "old"} in [change.before for change in changes]
    assert {"id": 5, "v": "newer"} in [change.after for change in changes]


def test_slots_are_made_while_others_commit(tmp_path: Path) -> None:
    """From the slot's commit on nothing is missing, whenever it is made."""
    database = minidb.Database(tmp_path / "shop.mdb", checkpoint_rows=200)
    with database.connect(autocommit=True) as setup:
        setup.execute("CREATE TABLE t (id int PRIMARY KEY, n int)")
        setup.execute("INSERT INTO t SELECT g, 0 FROM generate_series(0, 9) g")
    stop = threading.Event()

    def work(thread: int) -> None:
        connection = database.connect(durability="normal")
        while not stop.is_set():
            connection.execute("UPDATE t SET n = n + 1 WHERE id = ?", (thread,))
            connection.commit()
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    with database.connect() as connection:
        for turn in range(20):
            begin = connection.create_slot(f"s{turn}")
            time.sleep(0.005)
            with connection.changes(slot=f"s{turn}") as feed:
                changes = [change for change, _ in zip(feed, range(40))]
            commits = sorted({change.commit for change in changes})
            assert commits == list(range(begin + 1, begin + 1 + len(commits)))
            for change in changes:
                assert change.before is not None and change.after is not None
                assert change.after["n"] == change.before["n"] + 1
            connection.drop_slot(f"s{turn}")
    stop.set()
    for thread in threads:
        thread.join()
    database.close()


# -- crashes and full disks -------------------------------------------------------------------------------


@pytest.mark.parametrize("durability", ["full", "off"])
def test_power_loss_at_any_moment_loses_and_doubles_nothing(small_log: None, durability: str) -> None:
    """Reader and writer lose power together, before any write or sync: what the feed had given is committed, and what
    it gives afterwards goes on from what was acknowledged."""
    files = FaultyFileSystem()
    database = world(files)
    slot_on(database)
    session = database.session(autocommit=True, durability=durability)
    start = len(files.history)
    given: list[tuple[int, list[Change]]] = []  # (step of the file system, all that was given until then)
    for number in range(12):
        session.execute("INSERT INTO t VALUES (?, 'x')", (number,))
        session.execute("UPDATE t SET v = v || '.' WHERE id % 3 = ?", (number % 3,))
        if number % 3 == 1:
            with feed_of(database, slot="reader") as feed:
                told = [*(given[-1][1] if given else []), *feed]
                given.append((len(files.history), told))
                feed.acknowledge()
        if number % 4 == 2:
            database.checkpoint()
    choice = random.Random(4)
    steps = range(start, len(files.history) + 1)
    for step in choice.sample(steps, min(90, len(steps))):
        for kept in ([], files.pending(step), choice.sample(files.pending(step), len(files.pending(step)) // 2)):
            again = open_on(files.crash(kept, step=step))
            told = max((seen for when, seen in given if when <= step), key=len, default=[])
            later = read(again)
            fresh = [change for change in later if not told or change.commit > told[-1].commit]
            everything = [*told, *fresh]
            state = {change.after["id"]: change.after["v"] for change in everything if change.after}
            rows = [(repr(key), repr(value)) for key, value in sorted(state.items(), key=lambda item: repr(item[0]))]
            assert rows == contents(again)["t"], step
            doubled = [(change.commit, change.position) for change in everything]
            assert doubled == sorted(set(doubled))


def test_a_full_disk_keeps_the_log_and_loses_no_change(small_log: None) -> None:
    files = FaultyFileSystem()
    database = world(files)
    slot_on(database)
    session = database.session(autocommit=True)
    for turn in range(6):
        files.fail("write", nth=1 + turn % 3, times=-1, code=errno.ENOSPC, path=f"{PATH}-kept-{turn + 1:012d}")
        session.execute("INSERT INTO t VALUES (?, 'x')", (turn,))
        try:
            database.checkpoint()
        except DiskFull:
            pass
        if turn % 2:
            files.heal()
    files.heal()
    database.checkpoint()
    assert [change.after["id"] for change in read(database) if change.after] == list(range(6))
    database.close()
    assert [change.after["id"] for change in read(open_on(files)) if change.after] == list(range(6))


def test_an_acknowledgement_that_fails_is_not_believed(small_log: None) -> None:
    files = FaultyFileSystem()
    database = world(files)
    slot_on(database)
    database.session(autocommit=True).execute("INSERT INTO t VALUES (1, 'x')")
    with feed_of(database, slot="reader") as feed:
        list(feed)
        files.fail("sync", times=-1, path=f"{PATH}-slot-reader")
        with pytest.raises(minidb.OperationalError):
            feed.acknowledge()
        files.heal()
    assert len(read(open_on(files.crash()))) == 1


# -- from another process ---------------------------------------------------------------------------------


def start_writer(path: Path, first: int) -> subprocess.Popen[str]:
    child = Path(__file__).with_name("changing_child.py")
    writer = subprocess.Popen([sys.executable, str(child), str(path), str(first)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None and writer.stdout.readline() == "begun\n"
    return writer


def start_reader(path: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "minidb", "changes", str(path), "--slot", "r", "--follow", "-o", str(out)]
    )


def kill(process: subprocess.Popen[Any]) -> None:
    assert process.poll() is None, "it ended by itself"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


@pytest.mark.parametrize("rounds", [3, pytest.param(15, marks=pytest.mark.slow)])
def test_kill_nine_at_both_ends(tmp_path: Path, rounds: int) -> None:
    """The writer and the reader are killed in turn; in the end the lines say exactly what is in the database."""
    path, out = tmp_path / "shop.mdb", tmp_path / "lines"
    with minidb.connect(path, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, thread int, n int)")
        connection.create_slot("r")
    choice = random.Random(rounds)
    writer, reader = start_writer(path, 0), start_reader(path, out)
    for turn in range(1, rounds + 1):
        time.sleep(choice.uniform(0.05, 0.5))
        kill(reader)
        if turn % 2:
            kill(writer)
            writer = start_writer(path, turn * 100_000)
        reader = start_reader(path, out)
    time.sleep(0.5)
    kill(writer)
    kill(reader)
    assert main(["changes", str(path), "--slot", "r", "-o", str(out)]) == 0
    replica = Replica()
    places = set()
    for line in out.read_text().splitlines():
        change = json.loads(line)
        places.add((change["commit"], change["position"]))
        replica.apply(change)
    assert len(places) == len(out.read_text().splitlines()) > 50
    with minidb.connect(path) as connection:
        rows = connection.execute("SELECT id, thread, n FROM t").fetchall()
    assert {(row["id"], row["thread"], row["n"]) for row in replica.tables["t"].values()} == set(rows)


def test_a_reader_in_another_process_sees_what_is_committed(tmp_path: Path) -> None:
    path = tmp_path / "shop.mdb"
    with minidb.Database(path) as database, database.connect(autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, d date, n numeric, x float8, b bytea, o bool)")
        connection.create_slot("r")
        connection.execute("INSERT INTO t VALUES (1, '2024-02-29', 1.10, 'NaN', '\\x00ff', true)")
        for _ in range(3):
            database._engine.checkpoint()  # type: ignore[attr-defined]
        connection.execute("INSERT INTO t VALUES (2, NULL, 'NaN', 0.1, '', false)")
        command = [sys.executable, "-m", "minidb", "changes", str(path), "--slot", "r"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        rows = [json.loads(line)["after"] for line in done.stdout.splitlines()]
        assert rows == [
            {"id": 1, "d": "2024-02-29", "n": "1.10", "x": "NaN", "b": "\\x00ff", "o": True},
            {"id": 2, "d": None, "n": "NaN", "x": 0.1, "b": "\\x", "o": False},
        ]
        assert subprocess.run(command, capture_output=True, text=True, check=False).stdout == ""
        assert connection.execute("SELECT commits_behind FROM sys.slots").fetchall() == [(0,)]
        manage = [sys.executable, "-m", "minidb", "changes", str(path), "--drop-slot", "r"]
        refused = subprocess.run(manage, capture_output=True, text=True, check=False)
        assert refused.returncode == 1 and "drop_slot()" in refused.stderr


def test_following_in_the_same_process(tmp_path: Path) -> None:
    database = minidb.Database(tmp_path / "shop.mdb", checkpoint_rows=20)
    connection = database.connect(autocommit=True, durability="off")
    connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    found: list[int] = []
    done = threading.Event()

    def follow(feed: Feed) -> None:
        for change in feed:
            assert change.after is not None
            found.append(change.after["id"])
            if len(found) == 200:
                done.set()
                return

    feed = connection.changes(follow=True)
    thread = threading.Thread(target=follow, args=(feed,))
    thread.start()
    for number in range(200):
        connection.execute("INSERT INTO t VALUES (?)", (number,))
    assert done.wait(30)
    thread.join()
    feed.close()
    assert found == list(range(200))
    connection.close()
    database.close()


# -- the command line -------------------------------------------------------------------------------------


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with minidb.connect("shop.mdb") as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
    assert main(["changes", "shop.mdb"]) == 1
    assert "neither slots nor an archive" in capsys.readouterr().err
    assert main(["changes", "shop.mdb", "--create-slot", "r"]) == 0
    with minidb.connect("shop.mdb", autocommit=True) as connection:
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("INSERT INTO t VALUES (2)")
    assert main(["changes", "shop.mdb", "--slots"]) == 0
    out = capsys.readouterr().out
    assert "slot r begins after commit 1" in out and "r: acknowledged commit 1, 2 commits behind" in out
    for number in range(2):
        assert main(["changes", "shop.mdb", "--slot", "r", "-o", "lines"]) == 0
        lines = Path("lines").read_text().splitlines()
        assert [json.loads(line)["after"]["id"] for line in lines] == [1, 2], number
    Path("lines").write_text(lines[0] + "\n" + lines[1][:30])  # half a line: as if killed
    assert main(["changes", "shop.mdb", "--since", "1", "-o", "lines"]) == 0
    assert Path("lines").read_text().splitlines() == lines
    Path("lines").write_text("something else\n")
    assert main(["changes", "shop.mdb", "-o", "lines"]) == 1
    assert "no changes" in capsys.readouterr().err and Path("lines").read_text() == "something else\n"
    assert main(["changes", "shop.mdb", "--drop-slot", "r"]) == 0
