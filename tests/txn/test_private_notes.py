"""What an SSI transaction reads it enters without the latch; whoever writes there finds it, however the two meet (R55).

In the schedules within one statement, what one transaction does happens in the middle of what the other does, at the
very place where a thread could be interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any
from uuid import UUID

import pytest

from minidb import keys
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
def test_a_read_between_looking_and_installing(database: Database, monkeypatch: pytest.MonkeyPatch,
                                                 change: str) -> None:
    """The entry comes too late for this writer, so the reader must wait for what it installs."""
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
    """Look, look for readers, read, install: the key was entered before all of it."""
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


class Hooked(dict[Any, Any]):
    """Readers, beside whom others make their entries: `after` happens once after that method."""

    after: tuple[str, Callable[[], None]] | None = None

    def happened(self, what: str) -> None:
        if self.after is not None and self.after[0] == what:
            _, work = self.after
            self.after = None
            work()

    def setdefault(self, key: Any, default: Any = None) -> Any:
        found = super().setdefault(key, default)
        self.happened("setdefault")
        return found

    def get(self, key: Any, default: Any = None) -> Any:
        found = super().get(key, default)
        self.happened("get")
        return found

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(key)
        self.happened("del")


def hooked(database: Database) -> Hooked:
    readers = database.manager.conflicts.readers = Hooked()
    return readers


def place_of(session: Session) -> Any:
    """What the transaction has read last."""
    return list(transaction(session).notes or ())[-1]


def enter_only(session: Session, place: Any) -> Any:
    """The first step of a read, without the latch: returns who is found there."""
    txn = transaction(session)
    assert txn.notes is not None
    txn.notes[place] = ""
    return database_of(session).readers.setdefault(place, txn)


def database_of(session: Session) -> Conflicts:
    return session.database.manager.conflicts


def test_all_readers_of_a_key_are_found_and_forgotten_one_by_one(database: Database) -> None:
    readers = database.manager.conflicts.readers
    stays, writer, *others = (ssi(database) for _ in range(6))
    assert read(stays, 1) == read(writer, 1) == 0
    for other in others:
        assert read(other, 7) == read(other, 7) == 0
    place = place_of(others[0])
    first, second, third, fourth = map(transaction, others)
    others[1].rollback()
    assert set(database.manager.conflicts.others_at(transaction(writer), place)) == {first, third, fourth}
    write(writer, 7)
    assert set(transaction(writer).in_edges) == {first, third, fourth}
    assert second not in readers[place]
    for other in (others[0], others[2], others[3]):
        other.rollback()
    assert set(readers[place]) == {transaction(writer)}
    writer.rollback()
    assert place not in readers


def test_who_finds_somebody_enters_in_his_place_when_he_has_gone(database: Database) -> None:
    readers = hooked(database)
    first, second, writer = ssi(database), ssi(database), ssi(database)
    assert read(second, 1) == read(writer, 2) == read(first, 7) == 0
    place = place_of(first)
    readers.after = "setdefault", first.rollback
    assert read(second, 7) == 0
    assert readers.after is None
    assert readers[place] is transaction(second)
    write(writer, 7)
    assert stands_before(second, writer)


@pytest.mark.parametrize("moment", ["get", "del"])
def test_who_enters_while_another_is_taken_out(database: Database, moment: str) -> None:
    """Before the other has gone he is found, and one enters in a hold; after that, one enters by oneself."""
    readers = hooked(database)
    first, second, writer = ssi(database), ssi(database), ssi(database)
    assert read(second, 1) == read(writer, 2) == read(first, 7) == 0
    place, known = place_of(first), transaction(first)
    found: list[Any] = []
    readers.after = moment, lambda: found.append(enter_only(second, place))
    first.rollback()
    assert found == [known if moment == "get" else transaction(second)]
    if moment == "get":
        with database.manager.latch:
            database.manager.conflicts.enter(transaction(second), place)
    assert readers[place] is transaction(second)
    write(writer, 7)
    assert stands_before(second, writer)


def test_keys_that_python_compares_are_entered_in_holds(database: Database) -> None:
    """Two threads that enter the same key at a time could otherwise do so in two places."""
    setup = database.session(autocommit=True)
    setup.execute("CREATE TABLE u (id uuid PRIMARY KEY, n int, d text, UNIQUE (n, d))")
    setup.execute("CREATE UNIQUE INDEX down ON u (d DESC)")
    setup.execute("CREATE UNIQUE INDEX below ON u (n DESC)")
    key = UUID(int=7)
    setup.execute("INSERT INTO u VALUES (?, 1, 'a')", (key,))
    (store,) = (store for store in database.relations.stores.values() if store.name == "u")
    assert {index.schema.name: index.plain for index in store.index_list} == {
        "u_pkey": False, "u_n_d_key": True, "down": False, "below": True,
    }
    reader, writer, readers = ssi(database), ssi(database), hooked(database)
    assert read(writer, 2) == 0
    held: list[bool] = []
    readers.after = "setdefault", lambda: held.append(database.manager.latch.locked())
    assert list(reader.execute("SELECT n FROM u WHERE id = ?", (key,))) == [(1,)]
    assert held == [True]
    writer.execute("DELETE FROM u WHERE id = ?", (key,))
    assert stands_before(reader, writer)


def test_what_was_read_through_an_index_that_goes_was_read_of_the_table(database: Database) -> None:
    reader, conflicts = ssi(database), database.manager.conflicts
    assert read(reader, 7) == 0
    relation, _ = place_of(reader)
    with database.manager.latch:
        conflicts.relation_dropped(relation, 999)
        assert set(conflicts.others_at(transaction(ssi_that_reads(database)), (999, 1))) == {transaction(reader)}
    assert all(place[0] != relation or found is not transaction(reader) for place, found in conflicts.readers.items())


def ssi_that_reads(database: Database) -> Session:
    database.manager.latch.__exit__(None, None, None)
    session = ssi(database)
    assert read(session, 2) == 0
    database.manager.latch.__enter__()
    return session


def test_who_empties_a_table_stands_behind_all_who_have_read_of_it(database: Database) -> None:
    writer, reader = ssi(database), ssi(database)
    database.session(autocommit=True).execute("CREATE TABLE other (n int)")
    list(writer.execute("SELECT * FROM other"))
    assert read(reader, 7) == 0
    known = transaction(reader)
    reader.execute("INSERT INTO other VALUES (1)")
    reader.commit()
    with pytest.raises(SerializationFailure):
        writer.execute("TRUNCATE t")
        assert known in transaction(writer).in_edges
        writer.commit()


def test_nobody_looks_at_who_has_become_safe(database: Database) -> None:
    other, writer = ssi(database), ssi(database)
    write(other, 1)
    assert read(writer, 2) == 0
    reader = ssi(database)
    reader.execute("SET TRANSACTION READ ONLY")
    assert read(reader, 7) == 0
    write(writer, 8)
    other.commit()
    writer.commit()
    assert transaction(reader).safe
    late = ssi(database)
    write(late, 7)
    assert not transaction(late).in_edges
    assert read(reader, 9) == 0
    known = transaction(reader)
    reader.commit()
    with database.manager.latch:
        assert known not in [found for _, found in database.manager.conflicts.entries({place_of(late)[0]})]


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
    assert not conflicts.readers
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


def test_many_keys_become_a_mark_on_the_whole_relation(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MOST_KEYS", 5)
    monkeypatch.setattr(reads, "MOST_KEYS", 5)
    reader, conflicts = ssi(database), database.manager.conflicts
    for key in range(1, 31):
        read(reader, key)
        assert len(transaction(reader).notes or ()) == len(conflicts.readers) <= 5
    (marks,) = conflicts.marks.values()
    assert marks.at(50) == [transaction(reader)]
    writer = ssi(database)
    write(writer, 3)
    assert stands_before(reader, writer)


def test_many_ranges_become_marks(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MOST_RANGES", 5)
    reader, conflicts = ssi(database), database.manager.conflicts
    for key in range(1, 31, 3):
        list(reader.execute("SELECT v FROM t WHERE id BETWEEN ? AND ?", (key, key + 1)))
        assert len(transaction(reader).ranges) <= 5
    assert conflicts.marks
    writer = ssi(database)
    write(writer, 5)
    assert stands_before(reader, writer)


def test_a_rollback_leaves_nothing(database: Database) -> None:
    conflicts = database.manager.conflicts
    stays, goes = ssi(database), ssi(database)
    assert read(stays, 1) == read(goes, 2) == 0
    list(goes.execute("SELECT sum(v) FROM t"))
    goes.rollback()
    assert not conflicts.noted
    assert not conflicts.marks
    assert set(conflicts.readers.values()) == {transaction(stays)}
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


# -- faults that were found by looking for them


def test_who_gives_a_snapshot_up_was_perhaps_the_last_to_meet_others(database: Database) -> None:
    """Else what had committed beside it would stay known without its marks, and be summarised later."""
    conflicts = database.manager.conflicts
    writer, other = ssi(database), ssi(database)
    read(writer, 1)
    write(writer, 2)
    write(other, 1)
    other.commit()
    waiting = Event()
    deferrable = database.session()
    deferrable.on_wait = lambda words: waiting.set() if words else None
    seen: list[object] = []

    def wait_for_a_safe_snapshot() -> None:
        deferrable.execute("BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE")
        seen.append(read(deferrable, 1))
        deferrable.commit()

    thread = Thread(target=wait_for_a_safe_snapshot)
    thread.start()
    assert waiting.wait(10)
    beside = ssi(database)
    read(beside, 10)
    write(beside, 40)
    beside.commit()
    assert conflicts.committed
    writer.commit()
    thread.join(10)
    assert seen == [1]
    assert not conflicts.committed and not conflicts.active and not conflicts.marks and not conflicts.readers


@pytest.mark.parametrize("number", range(1, 6))
def test_a_checkpoint_while_a_key_is_hashed_hides_no_row(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Keys that Python hashes: a thread may be switched between asking the overlay and asking for the root."""
    made = Database("notes.mdb", files=MemoryFileSystem(), background=False)
    session, other, reader = made.session(autocommit=True), ssi(made), ssi(made)
    session.execute("CREATE TABLE t (a int[] NOT NULL UNIQUE, v int)")
    session.execute("INSERT INTO t SELECT array[g], g FROM generate_series(1, 20) g")
    made.checkpoint()
    session.execute("INSERT INTO t VALUES (array[99], 99)")
    for one in (other, reader):
        one.execute("SELECT count(*) FROM t WHERE v = 1")
    question = "SELECT v FROM t WHERE a = '{99}'::int[]"
    session.execute(question)
    hashing, times = keys.ArrayKey.__hash__, 0

    def hash_slowly(key: keys.ArrayKey) -> int:
        nonlocal times
        times += 1
        if times == number and not made.manager.latch.locked():
            monkeypatch.undo()
            made.checkpoint()
        return hashing(key)

    monkeypatch.setattr(keys.ArrayKey, "__hash__", hash_slowly)
    assert reader.execute(question).rows == [(99,)]
    monkeypatch.undo()
    for one in (other, reader):
        one.rollback()
    made.close()
