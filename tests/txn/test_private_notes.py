"""What an SSI transaction reads it notes for itself; whoever writes there finds the note, however the two meet (R55).

In the schedules within one statement, what one transaction does happens in the middle of what the other does, at the
very place where a thread could be interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

import pytest

from minidb.database import Database
from minidb.errors import SerializationFailure
from minidb.session import Session
from minidb.session.lone_statements import LoneStatements
from minidb.storage.file import MemoryFileSystem
from minidb.txn import notes, reads
from minidb.txn.conflicts import Conflicts
from minidb.txn.transaction import Transaction
from minidb.txn.versions import Committed

CHANGES = ["UPDATE t SET v = 1 WHERE id = 7", "UPDATE t SET id = 70 WHERE id = 7", "DELETE FROM t WHERE id = 7",
           "INSERT INTO t VALUES (77, 1)"]


class HasToWait(Exception):
    """Somebody has found the latch taken."""


@pytest.fixture(params=["", "CLUSTERED"], ids=["heap", "clustered"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    made = Database("notes.mdb", files=MemoryFileSystem(), background=False)
    session = made.session(autocommit=True)
    session.execute(f"CREATE TABLE t (id int PRIMARY KEY {request.param}, v int)")
    session.execute("INSERT INTO t SELECT g, 0 FROM generate_series(1, 50) g")
    made.checkpoint()
    yield made
    made.close()


def ssi(database: Database) -> Session:
    return database.session(isolation_level="serializable", durability="off")


def read(session: Session, key: int) -> object:
    return next(iter(session.execute("SELECT v FROM t WHERE id = ?", (key,))))[0]


def write(session: Session, key: int) -> None:
    session.execute("UPDATE t SET v = v + 1 WHERE id = ?", (key,))


def transaction(session: Session) -> Transaction:
    assert session.txn is not None
    return session.txn


def stands_before(first: Session, second: Session) -> bool:
    """Whether first --rw--> second is known."""
    return transaction(second) in transaction(first).out_edges


def find(session: Session, key: int) -> Any:
    """What a statement in the middle of its work does that looks for a key."""
    assert session.door is not None
    (table,) = session.catalog.tables.values()
    primary = table.primary_key
    assert primary is not None
    return session.door.find(table.id, primary.id, key)


def when_looking(monkeypatch: pytest.MonkeyPatch, database: Database, work: Callable[[], None], before: bool) -> None:
    """`work` happens once, right before or after a reader looks whether the latch is held."""
    latch: Any = database.manager.latch
    locked, pending = latch.locked, [work]

    def look() -> bool:
        held = locked() if not before else False
        if pending:
            pending.pop()()
        return locked() if before else held

    monkeypatch.setattr(type(latch), "locked", staticmethod(look))


@pytest.mark.parametrize("before", [True, False], ids=["before it looks", "after it has looked"])
@pytest.mark.parametrize("commits", [False, True], ids=["", "and commits"])
@pytest.mark.parametrize("change", CHANGES[:3])
def test_a_write_between_note_and_read(database: Database, monkeypatch: pytest.MonkeyPatch, before: bool,
                                       commits: bool, change: str) -> None:
    reader, writer = ssi(database), ssi(database)
    assert read(reader, 1) == read(writer, 2) == 0
    known = transaction(writer)

    def work() -> None:
        writer.execute(change)
        if commits:
            writer.commit()

    when_looking(monkeypatch, database, work, before)
    assert read(reader, 7) == 0
    assert known in transaction(reader).out_edges


def test_an_insert_between_note_and_read(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = ssi(database), ssi(database)
    assert read(reader, 1) == read(writer, 2) == 0
    when_looking(monkeypatch, database, lambda: void(writer.execute("INSERT INTO t VALUES (99, 1)")), False)
    assert list(reader.execute("SELECT v FROM t WHERE id = 99")) == []
    assert stands_before(reader, writer)


@pytest.mark.parametrize("change", CHANGES)
def test_a_read_between_gathering_and_installing(database: Database, monkeypatch: pytest.MonkeyPatch,
                                                 change: str) -> None:
    """The note comes too late for this writer, so the reader must wait for what it installs."""
    reader, writer = ssi(database), ssi(database)
    key = 77 if "77" in change else 7
    assert read(reader, 1) == read(writer, 2) == 0
    wrote, met = Conflicts.wrote, []

    def in_the_middle(conflicts: Conflicts, *details: Any) -> None:
        wrote(conflicts, *details)
        if not met:
            met.append(True)
            with monkeypatch.context() as patch:
                patch.setattr(type(database.manager.latch), "__enter__", staticmethod(refuse))
                with pytest.raises(HasToWait):
                    find(reader, key)

    monkeypatch.setattr(Conflicts, "wrote", in_the_middle)
    writer.execute(change)
    assert met
    find(reader, key)
    assert stands_before(reader, writer)


@pytest.mark.parametrize("change", CHANGES)
def test_a_writer_who_begins_while_one_reads(database: Database, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """Look, gather, read, install: the note was made before all of it."""
    reader, writer = ssi(database), ssi(database)
    assert read(reader, 1) == read(writer, 2) == 0
    wrote, gathered, done = Conflicts.wrote, Event(), Event()

    def in_the_middle(conflicts: Conflicts, *details: Any) -> None:
        wrote(conflicts, *details)
        gathered.set()
        assert done.wait(60)

    thread = Thread(target=writer.execute, args=(change,))

    def begin() -> None:
        thread.start()
        assert gathered.wait(60)

    monkeypatch.setattr(Conflicts, "wrote", in_the_middle)
    when_looking(monkeypatch, database, begin, False)
    find(reader, 77 if "77" in change else 7)
    done.set()
    thread.join()
    assert stands_before(reader, writer)


def void(_: object) -> None: ...


def refuse() -> None:
    raise HasToWait


class Growing(list[Any]):
    """Notes whose transaction goes on reading while they are taken."""

    conflicts: Conflicts
    txn: Transaction
    more: list[Any]

    def __delitem__(self, place: Any) -> None:
        super().__delitem__(place)
        self.grow()

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        self.grow()
        return found

    def grow(self) -> None:
        """As the reader makes notes."""
        if self.more:
            self.append(self.more.pop())
            if len(self) == 1:
                self.conflicts.noted[self.txn] = None


def test_no_note_is_lost_while_notes_are_taken(database: Database) -> None:
    reader, conflicts = ssi(database), database.manager.conflicts
    for key in range(1, 6):
        read(reader, key)
    txn = transaction(reader)
    assert txn.notes is not None
    growing = Growing(txn.notes)
    relation, _, _, text = txn.notes[0]
    growing.conflicts, growing.txn = conflicts, txn
    growing.more = [(relation, key, None, text) for key in range(11, 20)]
    txn.notes = growing
    with database.manager.latch:
        conflicts.take(txn)
    assert not growing.more
    assert not growing or txn in conflicts.noted
    with database.manager.latch:
        conflicts.gather(None)
        for key in [*range(1, 6), *range(11, 20)]:
            assert conflicts.marks[relation].at(key) == [txn]


def test_who_is_alone_leaves_no_marks(database: Database) -> None:
    alone, conflicts = ssi(database), database.manager.conflicts
    assert read(alone, 1) == 0
    write(alone, 2)
    assert conflicts.alone is transaction(alone)
    assert not conflicts.marks
    (store, ref, _), = transaction(alone).changes
    alone.commit()
    assert not conflicts.marks
    assert not conflicts.noted
    assert type(store.chains[ref].owner) is Committed  # not the whole transaction


def test_who_comes_later_finds_what_one_has_read_alone(database: Database) -> None:
    first = ssi(database)
    assert read(first, 1) == 0
    assert database.manager.conflicts.alone is transaction(first)
    second = ssi(database)
    write(second, 1)
    assert stands_before(first, second)
    assert read(second, 2) == 0
    second.commit()
    with pytest.raises(SerializationFailure):
        write(first, 2)
        first.commit()


def test_who_was_alone_when_he_wrote_is_passed_over_by_who_came_before_his_commit(database: Database) -> None:
    first = ssi(database)
    write(first, 1)
    second = ssi(database)
    assert read(second, 2) == 0
    known = transaction(first)
    first.commit()
    assert read(second, 1) == 0
    assert known in transaction(second).out_edges


def test_the_notes_of_one_that_has_committed_are_found(database: Database) -> None:
    old, reader = ssi(database), ssi(database)
    assert read(old, 1) == read(reader, 7) == 0
    known = transaction(reader)
    write(reader, 20)
    reader.commit()
    write(old, 7)
    assert known in transaction(old).in_edges


def test_the_notes_of_2pl_are_found(database: Database) -> None:
    old, reader = ssi(database), database.session(isolation_level="serializable 2pl", durability="off")
    assert read(old, 1) == read(reader, 7) == 0
    assert database.manager.conflicts.alone is transaction(old)
    known = transaction(reader)
    reader.commit()
    assert database.manager.conflicts.alone is None
    write(old, 7)
    assert known in transaction(old).in_edges


def test_many_notes_become_marks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MOST_NOTES", 5)
    monkeypatch.setattr(reads, "MOST_NOTES", 5)
    reader, conflicts = ssi(database), database.manager.conflicts
    for key in range(1, 31):
        read(reader, key)
        assert len(transaction(reader).notes or ()) <= 5
    (marks,) = conflicts.marks.values()
    assert len(marks.points) >= 25
    writer = ssi(database)
    write(writer, 3)
    assert stands_before(reader, writer)


def test_a_rollback_leaves_nothing(database: Database) -> None:
    conflicts = database.manager.conflicts
    stays, goes = ssi(database), ssi(database)
    assert read(stays, 1) == read(goes, 2) == 0
    list(goes.execute("SELECT sum(v) FROM t"))
    goes.rollback()
    assert list(conflicts.noted) == [transaction(stays)]
    assert conflicts.alone is transaction(stays)
    write(stays, 2)
    assert not transaction(stays).in_edges


def test_a_lone_read_on_a_safe_snapshot_is_no_transaction(database: Database) -> None:
    lone = database.session(autocommit=True, isolation_level="serializable")
    assert read(lone, 1) == 0  # is compiled
    before = database.manager.next_id
    assert read(lone, 1) == 0
    assert database.manager.next_id == before
    other = ssi(database)
    assert read(other, 1) == 0
    before = database.manager.next_id
    assert read(lone, 1) == 0
    assert database.manager.next_id == before + 1


def test_a_lone_read_beside_one_that_has_begun_meanwhile_is_a_transaction(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever began between its looking around and its snapshot might be a pivot."""
    lone, other = database.session(autocommit=True, isolation_level="serializable"), ssi(database)
    assert read(lone, 1) == 0
    original, pending = LoneStatements.read_alone, [True]

    def read_alone(session: Any, *details: Any) -> Any:
        if session.reader is not None and pending:
            pending.pop()
            assert read(other, 2) == 0
        return original(session, *details)

    monkeypatch.setattr(LoneStatements, "read_alone", read_alone)
    before = database.manager.next_id
    assert read(lone, 1) == 0
    assert not pending
    assert database.manager.next_id == before + 2


def test_a_lone_read_between_a_pivot_and_its_end(database: Database) -> None:
    """It has seen what `last` wrote, and not what the pivot is about to write."""
    pivot, last = ssi(database), ssi(database)
    lone = database.session(autocommit=True, isolation_level="serializable")
    both = "SELECT id, v FROM t WHERE id IN (1, 2) ORDER BY id"
    assert list(lone.execute(both)) == [(1, 0), (2, 0)]  # is compiled
    assert read(pivot, 1) == 0
    write(last, 1)
    last.commit()
    assert list(lone.execute(both)) == [(1, 1), (2, 0)]
    with pytest.raises(SerializationFailure):
        write(pivot, 2)
        pivot.commit()
