"""Trimming between snapshots (R28): chains stay short under an old reader, and each reader goes on seeing its state."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from minidb.database import Database
from minidb.errors import Error, RetryableError, SerializationFailure
from minidb.session import Session
from minidb.storage.file import MemoryFileSystem
from minidb.txn import trimming
from minidb.txn.store import Store
from minidb.txn.versions import Owner, Version


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database("trim.mdb", files=MemoryFileSystem(), background=False, leaf_bytes=400)
    yield made
    made.close()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chains are thinned out as soon as an old view holds up a single row."""
    monkeypatch.setattr(trimming, "CROWDED", 1)


def store_of(database: Database, name: str = "t") -> Store:
    return database.relations.stores[database.relations.catalog.tables[name].relation]


def lengths(store: Store) -> list[int]:
    return [sum(1 for _ in trimming.versions(chain)) for chain in store.chains.values()]


def auto(database: Database, script: str = "") -> Session:
    session = database.session(autocommit=True, durability="off")
    for sql in filter(None, script.split(";")):
        session.execute(sql)
    return session


def value(session: Session, sql: str) -> object:
    return next(iter(session.execute(sql)))[0]


@pytest.mark.parametrize("kind", ["heap", "clustered"])
@pytest.mark.parametrize("level", ["snapshot", "serializable"])
def test_a_hot_row_under_an_old_snapshot(database: Database, kind: str, level: str) -> None:
    clustered = "CLUSTERED" if kind == "clustered" else ""
    session = auto(database, f"CREATE TABLE t (id int PRIMARY KEY {clustered}, v int)")
    session.execute("INSERT INTO t VALUES (1, 0), (2, 0)")
    old = database.session(isolation_level=level)
    assert value(old, "SELECT v FROM t WHERE id = 1") == 0
    middle = database.session(isolation_level="snapshot")
    for turn in range(1, 2001):
        session.execute("UPDATE t SET v = ? WHERE id = 1", (turn,))
        if turn == 700:
            assert value(middle, "SELECT v FROM t WHERE id = 1") == 700
    trimmer = database.manager.trimmer
    assert max(lengths(store_of(database))) <= trimming.CROWDED + 8
    assert len(trimmer.queue) + len(trimmer.waiting) <= trimming.CROWDED + 8
    assert value(old, "SELECT v FROM t WHERE id = 1") == 0
    assert value(middle, "SELECT v FROM t WHERE id = 1") == 700
    old.commit()
    middle.commit()
    session.execute("VACUUM")
    assert not store_of(database).chains
    assert not trimmer.queue
    assert not trimmer.waiting
    assert not trimmer.crowded
    assert value(session, "SELECT v FROM t WHERE id = 1") == 2000
    database.check()


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("kind", ["heap", "clustered", "same key"])
def test_a_queue_behind_an_old_snapshot(database: Database, kind: str, folded: bool) -> None:
    clustered = "" if kind == "heap" else "CLUSTERED"
    session = auto(database, f"CREATE TABLE t (id int PRIMARY KEY {clustered}, v int);CREATE INDEX t_v ON t (v)")
    old = database.session(isolation_level="snapshot")
    assert value(old, "SELECT count(*) FROM t") == 0
    for turn in range(600):
        session.execute("INSERT INTO t VALUES (?, ?)", (1 if kind == "same key" else turn, turn))
        if folded and turn % 50 == 0:
            database.checkpoint()
        session.execute("DELETE FROM t WHERE v = ?", (turn,))
    store = store_of(database)
    database.checkpoint()
    assert sum(lengths(store)) <= 2 * trimming.CROWDED + 8
    assert len(store.indexes[min(store.indexes)].overlay) <= 2 * trimming.CROWDED + 8
    assert value(old, "SELECT count(*) FROM t") == 0
    old.commit()
    session.execute("VACUUM")
    assert not store.chains
    database.check()


def test_a_row_of_the_base_is_not_forgotten_with_its_chain(database: Database) -> None:
    """Changed and deleted while a checkpoint runs: its chain looks like that of a row that came and went."""
    session = auto(database, "CREATE TABLE t (id int PRIMARY KEY, v int);INSERT INTO t VALUES (1, 0), (2, 0)")
    database.checkpoint()
    session.execute("UPDATE t SET v = 1 WHERE id = 1")
    def meanwhile() -> None:
        session.execute("UPDATE t SET v = 2 WHERE id = 1")
        session.execute("INSERT INTO t VALUES (100, 0)")  # trims
        old = database.session(isolation_level="snapshot")
        old.execute("SELECT 1 FROM t")
        session.execute("DELETE FROM t WHERE id = 1")
        old.rollback()

    drop = database.checkpointer.drop_chains

    def drop_chains(folded: Any, number: int) -> None:
        database.checkpointer.drop_chains = drop  # type: ignore[method-assign]
        meanwhile()
        drop(folded, number)

    database.checkpointer.drop_chains = drop_chains  # type: ignore[method-assign]
    database.checkpoint()
    assert value(session, "SELECT count(*) FROM t WHERE id = 1") == 0
    assert value(session, "SELECT count(*) FROM t WHERE v > 0") == 0


def test_many_rows_of_one_transaction_are_trimmed_with_the_next_ones(database: Database) -> None:
    """What is left to do does not grow for ever where transactions are large."""
    session = auto(database, "CREATE TABLE t (id int PRIMARY KEY, v int);"
                   "INSERT INTO t SELECT g, 0 FROM generate_series(1, 200) g")
    for turn in range(200):
        session.execute("UPDATE t SET v = ?", (turn,))
    assert len(database.manager.trim_queue) < 200 * 70
    for turn in range(1200):
        session.execute("INSERT INTO t VALUES (?, 0)", (1000 + turn,))
    assert len(database.manager.trim_queue) < 64


def test_a_commit_that_was_cut_cannot_be_read(at_once: None, database: Database) -> None:
    session = auto(database, "CREATE TABLE t (id int, v int);INSERT INTO t VALUES (1, 0)")
    old = database.session(isolation_level="snapshot")
    assert value(old, "SELECT v FROM t") == 0
    first = database.manager.published
    for turn in range(1, 50):
        session.execute("UPDATE t SET v = ?", (turn,))
    readable = []
    for number in range(first, database.manager.published + 1):
        try:
            readable.append((number - first, value(session, f"SELECT v FROM t AS OF COMMIT {number}")))
        except Error as error:
            assert error.sqlstate == "55000"
    assert readable
    assert all(number == seen for number, seen in readable)
    assert len(readable) < 10


def test_kept_versions_are_kept(at_once: None, database: Database) -> None:
    session = auto(database, "CREATE TABLE t (id int, v int);INSERT INTO t VALUES (1, 0)")
    old = database.session(isolation_level="snapshot")
    assert value(old, "SELECT v FROM t") == 0
    session.execute("SET minidb.keep_versions = '1h'")
    first = database.manager.published
    for turn in range(1, 50):
        session.execute("UPDATE t SET v = ?", (turn,))
    for turn in range(50):
        assert value(session, f"SELECT v FROM t AS OF COMMIT {first + turn}") == turn


def test_a_reader_of_a_range_meets_who_passed_through_it(at_once: None, database: Database) -> None:
    """R56: `w` has moved the row into the range and somebody else out of it again; `w` had read what `r` overwrites."""
    script = """CREATE TABLE t (id int PRIMARY KEY, k int, v int);CREATE INDEX t_k ON t (k);CREATE TABLE x (a int);
        INSERT INTO t VALUES (1, 1, 0), (2, 1000, 0);INSERT INTO x VALUES (0)"""
    session = auto(database, script)
    r, w = (database.session(isolation_level="serializable") for _ in range(2))
    assert value(r, "SELECT a FROM x") == 0
    session.execute("UPDATE t SET v = 1 WHERE id = 1")
    assert value(w, "SELECT a FROM x") == 0
    w.execute("UPDATE t SET k = 500 WHERE id = 1")
    w.commit()
    for turn in range(40):
        session.execute("UPDATE t SET k = 2, v = ? WHERE id = 1", (turn,))
    with pytest.raises(SerializationFailure):
        for sql in ("UPDATE x SET a = 1", "SELECT count(*) FROM t WHERE k BETWEEN 400 AND 600"):
            r.execute(sql)
        r.commit()


def test_a_reader_of_a_row_meets_the_first_who_overwrote_it(at_once: None, database: Database) -> None:
    """T3: `w` had read what `r` overwrites, and others have overwritten the row since."""
    session = auto(database, "CREATE TABLE t (id int PRIMARY KEY, v int);CREATE TABLE x (a int);"
                   "INSERT INTO t VALUES (1, 0);INSERT INTO x VALUES (0)")
    r, w = (database.session(isolation_level="serializable") for _ in range(2))
    assert value(r, "SELECT a FROM x") == 0
    assert value(w, "SELECT a FROM x") == 0
    w.execute("UPDATE t SET v = 1 WHERE id = 1")
    w.commit()
    for turn in range(40):
        session.execute("UPDATE t SET v = ? WHERE id = 1", (turn,))
    assert max(lengths(store_of(database))) < 8
    with pytest.raises(SerializationFailure):
        for sql in ("UPDATE x SET a = 1", "SELECT v FROM t WHERE id = 1"):
            r.execute(sql)
        r.commit()


def test_a_reader_meets_who_deleted_what_it_never_saw(at_once: None, database: Database) -> None:
    """A row that came and went is dropped, but not from under an SSI reader."""
    session = auto(database, "CREATE TABLE t (id int PRIMARY KEY, v int);CREATE TABLE x (a int)")
    session.execute("INSERT INTO x VALUES (0)")
    r, w = (database.session(isolation_level="serializable") for _ in range(2))
    assert value(r, "SELECT a FROM x") == 0
    assert value(w, "SELECT a FROM x") == 0
    w.execute("INSERT INTO t VALUES (1, 1)")
    w.commit()
    session.execute("DELETE FROM t")
    for turn in range(2, 40):
        session.execute("INSERT INTO t VALUES (?, 0)", (turn,))
        session.execute("DELETE FROM t")
    with pytest.raises(SerializationFailure):
        for sql in ("UPDATE x SET a = 1", "SELECT count(*) FROM t WHERE id < 2"):
            r.execute(sql)
        r.commit()


def chain_of(numbers: str) -> Version | None:
    """`9 8x 4`: versions of these commits, newest first; x: a tombstone."""
    chain = None
    for word in reversed(numbers.split()):
        row = None if word.endswith("x") else (word,)
        chain = Version(row, Owner(1, int(word.rstrip("x"))), 1, chain, False)
    return chain


@pytest.mark.parametrize("chain, points, floor, careful, base, left", [
    ("18 17 16 15 14 13 12 11 9 8 6 3", [3, 10], 18, 18, 0, "18 11 9 6 3"),  # the picture
    ("18 17 16 15 3", [], 18, 18, 0, "18 15 3"),
    ("18 17 16 15 3", [16], 18, 18, 0, "18 17 16 15 3"),
    ("18 17 16 15 14 3", [], 15, 15, 0, "18 17 16 15 14 3"),  # everything from 15 on
    ("18 17 16 15 14 13 12 3", [], 15, 15, 0, "18 17 16 15 12 3"),
    ("18 17 16 15 14 13 3", [], 18, 18, 15, "18 16 15 13 3"),  # the base is as of 15
    ("18 17 16x 15 14x 13 3", [3], 18, 18, 0, "18 14x 13 3"),  # the lowest tombstone
    ("18 17 16x 15 14x 13 3", [3], 18, 3, 0, "18 17 16x 15 14x 13 3"),  # a writer runs
    ("18x 17 16 15 14 3", [3], 18, 3, 0, "18x 14 3"),
    ("18 17 16x 15x 14x 3", [3, 15], 18, 18, 0, "18 16x 15x 14x 3"),
    ("99 18 17 16 3", [3], 18, 18, 0, "99 18 16 3"),  # not published yet
    ("5", [3], 18, 18, 0, "5"),
])
def test_what_stays_of_a_chain(chain: str, points: list[int], floor: int, careful: int, base: int, left: str) -> None:
    gone: list[Version] = []
    store: Any = SimpleNamespace(
        chains={7: chain_of(chain)}, base=SimpleNamespace(root=SimpleNamespace(number=base)), index_list=[],
        drop_keys=lambda ref, versions: gone.extend(versions),
    )
    trimming.thin_chain(store, 7, trimming.Views(points, floor, careful, False))
    words = [f"{v.owner.number}{'x' if v.row is None else ''}" for v in trimming.versions(store.chains[7])]
    assert " ".join(words) == left
    assert len(gone) + len(words) == len(chain.split())


class Model:
    """What the rows were, as of each open snapshot."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.random = Random(seed)
        self.rows: dict[int, tuple[int, int]] = {}
        self.readers: list[tuple[Session, dict[int, tuple[int, int]]]] = []
        self.writer = auto(database)

    def step(self) -> None:
        random = self.random
        key, k = random.randrange(6), random.randrange(4)
        kind = random.randrange(20)
        if kind < 11:
            if key in self.rows:
                self.writer.execute("UPDATE t SET k = ?, v = v + 1 WHERE id = ?", (k, key))
                self.rows[key] = k, self.rows[key][1] + 1
            else:
                self.writer.execute("INSERT INTO t VALUES (?, ?, 0)", (key, k))
                self.rows[key] = k, 0
        elif kind < 14:
            self.writer.execute("DELETE FROM t WHERE id = ?", (key,))
            self.rows.pop(key, None)
        elif kind < 16 and len(self.readers) < 5:
            reader = self.database.session(isolation_level=random.choice(["snapshot", "serializable"]))
            reader.execute("SELECT 1 FROM t")
            self.readers.append((reader, dict(self.rows)))
        elif kind < 17 and self.readers:
            self.readers.pop(random.randrange(len(self.readers)))[0].rollback()
        elif kind == 17:
            self.database.checkpoint()
        elif kind == 18:
            self.writer.execute("VACUUM")

    def look(self) -> None:
        for session, rows in [*self.readers, (self.writer, self.rows)]:
            expected = sorted((key, *rest) for key, rest in rows.items())
            assert sorted(session.execute("SELECT id, k, v FROM t")) == expected
            for k in range(4):
                within = sorted(row for row in expected if row[1] == k)
                assert sorted(session.execute("SELECT id, k, v FROM t WHERE k = ?", (k,))) == within


@pytest.mark.parametrize("kind", ["", "CLUSTERED"])
@pytest.mark.parametrize("seed", range(6))
def test_every_snapshot_goes_on_seeing_its_state(at_once: None, database: Database, kind: str, seed: int) -> None:
    auto(database, f"CREATE TABLE t (id int PRIMARY KEY {kind}, k int, v int);CREATE INDEX t_k ON t (k);"
         "SET enable_seqscan = off")
    model = Model(database, seed)
    for turn in range(400):
        model.step()
        if turn % 10 == 0:
            model.look()
            store_of(database).check()
    database.check()
    bound = 3 * (len(model.readers) + 3)
    assert all(length <= 4 * bound for length in lengths(store_of(database)))


def test_threads_move_money_under_old_snapshots(at_once: None, database: Database) -> None:
    """Sums hold in every snapshot, however long it stays open."""
    auto(database, "CREATE TABLE t (id int PRIMARY KEY, v int);"
         "INSERT INTO t SELECT g, 100 FROM generate_series(1, 8) g")
    wrong: list[object] = []
    ended = threading.Event()

    def move(seed: int) -> None:
        random, session = Random(seed), database.session(isolation_level="read committed", durability="off")
        for _ in range(250):
            a, b = sorted(random.sample(range(1, 9), 2))
            try:
                session.execute("UPDATE t SET v = v - 1 WHERE id = ?", (a,))
                session.execute("UPDATE t SET v = v + 1 WHERE id = ?", (b,))
                session.commit()
            except RetryableError:
                session.rollback()

    def look(level: str) -> None:
        session = database.session(isolation_level=level)
        while not ended.is_set():
            first = sorted(session.execute("SELECT id, v FROM t"))
            for _ in range(10):
                again = sorted(session.execute("SELECT id, v FROM t"))
                if first != again or sum(v for _, v in again) != 800:
                    wrong.append((first, again))
            session.rollback()

    movers = [threading.Thread(target=move, args=(seed,)) for seed in range(3)]
    readers = [threading.Thread(target=look, args=(level,)) for level in ("snapshot", "serializable")]
    for thread in (*movers, *readers):
        thread.start()
    for thread in movers:
        thread.join()
    ended.set()
    for thread in readers:
        thread.join()
    assert not wrong
    auto(database, "VACUUM")
    assert not store_of(database).chains
    database.check()
