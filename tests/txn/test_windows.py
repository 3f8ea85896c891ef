"""What happens between two instants that are usually one: number and publication, grant and wake, check and commit.

A file system that calls back in the middle of a sync, and a `Waiting` that does things while a session is parked, make
these windows as wide as a test wants, without threads or sleeping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from minidb.database import Database
from minidb.errors import LockNotAvailable, QueryCanceled, SerializationFailure, UniqueViolation
from minidb.session import Session
from minidb.storage.btree import Tree
from minidb.storage.faulty import FaultyFileSystem
from minidb.txn.unique_keys import KeyProber


class PausingFiles(FaultyFileSystem):
    """Calls `during_sync`, once, when a file is about to be synced."""

    def __init__(self) -> None:
        super().__init__()
        self.during_sync: Callable[[], None] | None = None

    def struck(self, kind: Any, path: str) -> Any:
        if kind == "sync" and self.during_sync is not None:
            action, self.during_sync = self.during_sync, None
            action()
        return super().struck(kind, path)


class Acting:
    """Waiting without threads: whoever would be parked does the next thing that the test has in store."""

    def __init__(self) -> None:
        self.actions: list[Callable[[], None]] = []

    def park(self, parking: Any, timeout: float | None) -> bool:
        if not self.actions:
            return False  # the lock timeout has passed
        self.actions.pop(0)()
        return True

    def wake(self, parking: Any) -> None:
        parking.woken = True


class World:
    def __init__(self) -> None:
        self.files = PausingFiles()
        self.waiting = Acting()
        self.database = Database("shop.mdb", files=self.files, waiting=self.waiting, background=False)
        setup = self.session()
        setup.execute("CREATE TABLE t (id int PRIMARY KEY, v int)")
        setup.execute("INSERT INTO t VALUES (1, 10), (2, 20)")

    def session(self) -> Session:
        return self.database.session(autocommit=True)


@pytest.fixture
def world() -> Iterator[World]:
    yield World()


def begin(world: World, level: str, **options: Any) -> Session:
    session = world.session()
    session.begin(isolation_level=level, **options)
    return session


def rows(session: Session, sql: str = "SELECT v FROM t ORDER BY id") -> list[Any]:
    return [row[0] for row in session.execute(sql)]


@pytest.mark.parametrize("first", ["2pl", "ssi"])
def test_a_snapshot_taken_while_a_commit_is_synced(world: World, first: str) -> None:
    """The commit has its number and is not published: a snapshot begins before it, and the two must still not skew
    (R57, R58, R59)."""
    a = begin(world, first)
    rows(a, "SELECT v FROM t WHERE id = 2")
    a.execute("UPDATE t SET v = 0 WHERE id = 1")
    late = []

    def snapshot() -> None:
        b = world.session()
        b.begin(isolation_level="ssi")
        assert rows(b, "SELECT v FROM t WHERE id = 1") == [10]
        late.append(b)

    world.files.during_sync = snapshot
    a.commit()
    for b in late:
        with pytest.raises(SerializationFailure):
            b.execute("UPDATE t SET v = 0 WHERE id = 2")
            b.commit()


def test_nobody_sees_a_commit_before_it_is_durable(world: World) -> None:
    """Not even READ COMMITTED, and not after a later `off` commit (R2)."""
    seen = []

    def look() -> None:
        seen.append(rows(world.session()))

    world.files.during_sync = look
    world.session().execute("UPDATE t SET v = 11 WHERE id = 1")
    assert seen == [[10, 20]]
    assert rows(world.session()) == [11, 20]


def test_a_snapshot_taken_during_the_sync_conflicts_with_the_commit(world: World) -> None:
    late = []

    def snapshot() -> None:
        late.append(begin(world, "snapshot"))
        rows(late[0])

    world.files.during_sync = snapshot
    world.session().execute("UPDATE t SET v = 11 WHERE id = 1")
    with pytest.raises(SerializationFailure):
        late[0].execute("UPDATE t SET v = v + 1 WHERE id = 1")


@pytest.mark.parametrize("what", ["row", "table"])
def test_interrupted_after_the_grant(world: World, what: str) -> None:
    """The lock was granted and then the waiter is interrupted before it has woken: it must not keep the lock."""
    statement = "UPDATE t SET v = v + 1 WHERE id = 1" if what == "row" else "LOCK TABLE t"
    a, b = begin(world, "read committed"), begin(world, "read committed")
    a.execute(statement)

    def commit_and_interrupt() -> None:
        a.commit()
        b.interrupt()

    world.waiting.actions.append(commit_and_interrupt)
    with pytest.raises(QueryCanceled):
        b.execute(statement)
    b.rollback()
    world.session().execute("UPDATE t SET v = v + 1 WHERE id = 1")
    nothing_held(world)


@pytest.mark.parametrize("what", ["row", "table", "interval", "unique"])
def test_lock_timeout(world: World, what: str) -> None:
    """55P03, the place in the queue is given back, and the transaction can go on from its savepoint."""
    a, b = begin(world, "2pl" if what == "interval" else "read committed"), begin(world, "read committed")
    statement = {
        "row": "UPDATE t SET v = v + 1 WHERE id = 1",
        "table": "LOCK TABLE t",
        "interval": "UPDATE t SET v = v + 1 WHERE id = 1",
        "unique": "INSERT INTO t VALUES (3, 30)",
    }[what]
    a.execute("SELECT * FROM t" if what == "interval" else statement)
    b.execute("SET lock_timeout = '10ms'")
    b.execute("SAVEPOINT s")
    with pytest.raises(LockNotAvailable) as caught:
        b.execute(statement)
    assert caught.value.sqlstate == "55P03"
    b.execute("ROLLBACK TO s")
    a.rollback()
    b.execute(statement)
    b.commit()
    nothing_held(world)


def test_interrupted_while_waiting(world: World) -> None:
    a, b = begin(world, "read committed"), begin(world, "read committed")
    a.execute("UPDATE t SET v = 11 WHERE id = 1")
    world.waiting.actions.append(b.interrupt)
    with pytest.raises(QueryCanceled):
        b.execute("UPDATE t SET v = 12 WHERE id = 1")
    b.rollback()
    a.commit()
    assert rows(world.session()) == [11, 20]
    nothing_held(world)


@pytest.mark.parametrize("when", ["IMMEDIATE", "DEFERRED"])
def test_a_checkpoint_while_a_doubtful_key_is_judged(world: World, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """The row in the way goes over from its chain to the base between the two looks: one of them meets it (R43)."""
    setup = world.session()
    setup.execute("CREATE TABLE u (id int PRIMARY KEY, k int CONSTRAINT k UNIQUE DEFERRABLE)")
    setup.execute("INSERT INTO u VALUES (1, 1)")
    setup.execute("CHECKPOINT")
    setup.execute("INSERT INTO u VALUES (2, 2)")
    judge_key, find = KeyProber.judge_key, Tree.find
    due: list[str] = []

    def judged(*arguments: Any) -> None:
        due.append("CHECKPOINT")
        judge_key(*arguments)

    def found(*arguments: Any) -> Any:
        hit = find(*arguments)
        if due:
            world.session().execute(due.pop())
        return hit

    monkeypatch.setattr(KeyProber, "judge_key", judged)
    monkeypatch.setattr(Tree, "find", found)
    a = begin(world, "read committed")
    a.execute(f"SET CONSTRAINTS k {when}")
    with pytest.raises(UniqueViolation):
        a.execute("UPDATE u SET k = 2 WHERE id = 1")
        a.commit()
    assert not due


def nothing_held(world: World) -> None:
    manager = world.database.manager
    assert not manager.active
    assert not manager.table_locks
    assert manager.database_lock.idle
    for store in world.database.relations.stores.values():
        assert not store.row_locks
        assert not store.intervals.active
