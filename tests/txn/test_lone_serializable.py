"""Changes of one row that are SSI transactions of their own: the short way where they are serial by themselves.

What others do happens in the middle of the statement, where a thread could be interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from minidb.database import Database
from minidb.errors import SerializationFailure
from minidb.session import Session
from minidb.storage.file import MemoryFileSystem
from minidb.txn.alone import LoneWriter
from minidb.txn.lone_transaction import LoneTransaction
from minidb.txn.versions import Committed

UPDATE = "UPDATE t SET v = v + 1 WHERE id = ?"
COPY = "INSERT INTO t SELECT ?, max(v) FROM t WHERE id < 50"
DELETE = "DELETE FROM t WHERE id = ?"
INSERT = "INSERT INTO t VALUES (?, 7)"
NOBODY = "DELETE FROM t WHERE id BETWEEN ? AND ? AND v > 3"
CHANGES = [(UPDATE, 1), (DELETE, 1), (INSERT, 77)]
Change = tuple[str, int]


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database("lone.mdb", files=MemoryFileSystem(), background=False)
    session = made.session(autocommit=True)
    session.execute("CREATE TABLE t (id int PRIMARY KEY, v int)")
    session.execute("INSERT INTO t SELECT g, 0 FROM generate_series(1, 50) g")
    yield made
    made.close()


@pytest.fixture
def long_ways(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    taken: list[str] = []
    within = Session.within_transaction

    def within_transaction(self: Session, work: Any, sql: str, queries: bool = True) -> Any:
        taken.append(sql)
        return within(self, work, sql, queries)

    monkeypatch.setattr(Session, "within_transaction", within_transaction)
    return taken


def lone(database: Database, durability: str = "off") -> Session:
    """A session whose statements are all compiled."""
    session = database.session(autocommit=True, isolation_level="serializable", durability=durability)
    for _ in range(3):
        assert session.execute(NOBODY, (1, 2)).tag == "DELETE 0"
        for sql, key in [(INSERT, 78), (UPDATE, 1), (DELETE, 78), (COPY, 79), (DELETE, 79)]:
            session.execute(sql, (key,))
    session.execute("UPDATE t SET v = 0")
    return session


def run(session: Session, change: Change) -> str:
    sql, key = change
    return session.execute(sql, (key,)).tag


def ssi(database: Database) -> Session:
    return database.session(isolation_level="serializable", durability="off")


def read(session: Session, key: int) -> object:
    return next(iter(session.execute("SELECT v FROM t WHERE id = ?", (key,))), (None,))[0]


def write(session: Session, key: int) -> None:
    session.execute(UPDATE, (key,))


def in_the_middle(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, work: Callable[[], object]) -> list[bool]:
    """`work` happens before the next call; returns what is still to come."""
    original, pending = getattr(owner, name), [True]

    def called(*arguments: Any) -> Any:
        if pending:
            pending.pop()
            work()
        return original(*arguments)

    monkeypatch.setattr(owner, name, called)
    return pending


@pytest.mark.parametrize("durability", ["off", "normal", "full"])
def test_one_that_runs_by_itself_takes_the_short_way(database: Database, long_ways: list[str], durability: str) -> None:
    session = lone(database, durability)
    long_ways.clear()
    assert session.execute(COPY, (80,)).tag == "INSERT 0 1"
    assert [run(session, change) for change in CHANGES] == ["UPDATE 1", "DELETE 1", "INSERT 0 1"]
    assert session.execute(UPDATE, (99,)).tag == "UPDATE 0"
    assert long_ways == []
    (store,) = database.relations.stores.values()
    assert all(type(chain.owner) is Committed for chain in store.chains.values() if chain.owner.id)
    assert not database.manager.conflicts.committed


@pytest.mark.parametrize("change", CHANGES)
def test_beside_others_it_is_a_transaction(database: Database, long_ways: list[str], change: Change) -> None:
    session, other = lone(database), ssi(database)
    assert read(other, 1) == 0
    assert read(other, 77) is None
    long_ways.clear()
    known = transaction(other)
    run(session, change)
    assert change[0] in long_ways
    assert known.out_edges


def transaction(session: Session) -> Any:
    assert session.txn is not None
    return session.txn


@pytest.mark.parametrize("change", CHANGES)
def test_who_begins_before_the_hold_is_met(database: Database, monkeypatch: pytest.MonkeyPatch, change: Change) -> None:
    session, pivot = lone(database), ssi(database)

    def begin() -> None:
        read(pivot, 1)
        read(pivot, 77)

    pending = in_the_middle(monkeypatch, LoneWriter, "commit_change", begin)
    run(session, change)
    assert not pending
    assert transaction(pivot).out_edges
    third = ssi(database)
    read(third, change[1])
    assert read(third, 2) == 0
    third.commit()
    with pytest.raises(SerializationFailure):
        write(pivot, 2)
        pivot.commit()


@pytest.mark.parametrize("change", CHANGES)
def test_who_begins_while_the_log_takes_its_time_passes_over_it(database: Database, monkeypatch: pytest.MonkeyPatch,
                                                                long_ways: list[str], change: Change) -> None:
    """It does not see the change; who sees it, and does not see what this one writes, stands between the two."""
    session, pivot = lone(database, "full"), ssi(database)
    sql, key = change
    long_ways.clear()
    pending = in_the_middle(monkeypatch, database.manager.log, "write_alone", lambda: read(pivot, key))
    run(session, change)
    assert sql not in long_ways
    assert not pending
    (owner,) = transaction(pivot).out_edges
    assert type(owner) is LoneTransaction
    third = ssi(database)
    assert read(third, key) == {UPDATE: 1, DELETE: None, INSERT: 7}[sql]
    assert read(third, 2) == 0
    third.commit()
    with pytest.raises(SerializationFailure):
        write(pivot, 2)
        pivot.commit()
    assert not database.manager.conflicts.committed


def test_who_looks_only_later_passes_over_it_too(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its snapshot is from before; the version keeps its owner until it is over."""
    session, pivot = lone(database, "full"), ssi(database)
    pending = in_the_middle(monkeypatch, database.manager.log, "write_alone", lambda: read(pivot, 3))
    write(session, 1)
    assert not pending
    third = ssi(database)
    assert (read(third, 1), read(third, 2)) == (1, 0)
    third.commit()
    with pytest.raises(SerializationFailure):
        assert read(pivot, 1) == 0
        write(pivot, 2)
        pivot.commit()


@pytest.mark.parametrize("level", ["serializable", "snapshot", "serializable 2pl"])
def test_what_it_has_read_is_still_so_when_it_commits(database: Database, monkeypatch: pytest.MonkeyPatch,
                                                      level: str) -> None:
    session = lone(database)
    other = database.session(autocommit=True, isolation_level=level, durability="off")
    pending = in_the_middle(monkeypatch, LoneWriter, "commit_change", lambda: other.execute(UPDATE, (7,)))
    session.execute(COPY, (80,))
    assert not pending
    assert read(session, 80) == 1


def test_one_that_changes_nothing_has_read_too(database: Database, monkeypatch: pytest.MonkeyPatch,
                                               long_ways: list[str]) -> None:
    session, other = lone(database), ssi(database)
    pending = in_the_middle(monkeypatch, LoneWriter, "is_joined", lambda: read(other, 2))
    long_ways.clear()
    assert session.execute(UPDATE, (99,)).tag == "UPDATE 0"
    assert not pending
    assert UPDATE in long_ways


def test_one_that_changes_nothing_beside_others(database: Database) -> None:
    """It has seen what `last` wrote, and not what the pivot is about to write."""
    session, pivot, last = lone(database), ssi(database), ssi(database)
    assert read(pivot, 1) == 0
    write(last, 1)
    last.commit()
    assert session.execute(NOBODY, (1, 2)).tag == "DELETE 0"
    with pytest.raises(SerializationFailure):
        write(pivot, 2)
        pivot.commit()


def test_intervals_of_2pl_are_waited_for(database: Database) -> None:
    session, other = lone(database), database.session(isolation_level="serializable 2pl", durability="off")
    assert read(other, 1) == 0
    session.execute("SET lock_timeout = '1ms'")
    with pytest.raises(Exception, match="lock timeout"):
        write(session, 1)
    other.commit()
    write(session, 1)
    assert read(session, 1) == 1
