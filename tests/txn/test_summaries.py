"""SSI with a bound on what is remembered of committed transactions (R61): nothing is overlooked, memory stays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from minidb.database import Database
from minidb.errors import SerializationFailure
from minidb.session import Session
from minidb.storage.file import MemoryFileSystem


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database("ssi.mdb", files=MemoryFileSystem(), background=False)
    session = made.session(autocommit=True)
    session.execute("CREATE TABLE t (id int PRIMARY KEY, v int)")
    session.execute("INSERT INTO t SELECT g, 0 FROM generate_series(1, 400) g")
    yield made
    made.close()


def ssi(database: Database) -> Session:
    return database.session(isolation_level="serializable", durability="off")


def read(session: Session, key: int) -> object:
    return next(iter(session.execute("SELECT v FROM t WHERE id = ?", (key,))))[0]


def write(session: Session, key: int) -> None:
    session.execute("UPDATE t SET v = v + 1 WHERE id = ?", (key,))


def let_pass(database: Database, count: int) -> None:
    """Others read and write, far away, and commit."""
    for turn in range(count):
        other = ssi(database)
        read(other, 300 + turn % 50)
        write(other, 350 + turn % 50)
        other.commit()
        other.close()


def after_last(database: Database) -> Session:
    """`last` writes row 1 and commits; who begins then sees that, and row 2 as it was."""
    last = ssi(database)
    write(last, 1)
    last.commit()
    first = ssi(database)
    assert read(first, 1) == 1
    assert read(first, 2) == 0
    return first


@pytest.fixture(params=[0, 1, 1000], ids=["all summarised", "all but one", "none"])
def kept(request: pytest.FixtureRequest, database: Database) -> int:
    database.manager.conflicts.most_committed = request.param
    return int(request.param)


def test_memory_stays_within_bounds(database: Database) -> None:
    conflicts = database.manager.conflicts
    conflicts.most_committed = 20
    old = ssi(database)
    read(old, 1)
    let_pass(database, 400)
    assert len(conflicts.committed) == 20
    assert all(len(marked) <= 23 for marked in conflicts.marks.values())
    assert not conflicts.summary.out_edges
    for txn in conflicts.committed:
        assert len(txn.in_edges) + len(txn.out_edges) <= 4
    old.commit()
    assert not conflicts.committed
    assert not conflicts.marks
    assert not conflicts.summary.number


@pytest.mark.parametrize("others", [0, 10])
def test_write_skew_with_one_that_committed_long_ago(database: Database, kept: int, others: int) -> None:
    """Its marks are met by the writer, and its writes by the reader."""
    a, b = ssi(database), ssi(database)
    assert read(a, 1) == read(b, 1) == 0
    assert read(a, 2) == read(b, 2) == 0
    write(a, 1)
    a.commit()
    let_pass(database, others)
    with pytest.raises(SerializationFailure):
        write(b, 2)
        b.commit()


def test_a_pivot_that_committed_long_ago(database: Database, kept: int) -> None:
    """first --rw--> pivot --rw--> last: `first` saw what `last` wrote, and not what the pivot wrote."""
    pivot, last = ssi(database), ssi(database)
    assert read(pivot, 1) == 0
    write(last, 1)
    last.commit()
    first = ssi(database)
    assert read(first, 1) == 1
    write(pivot, 2)
    pivot.commit()
    let_pass(database, 10)
    with pytest.raises(SerializationFailure):
        read(first, 2)
        first.commit()


def test_a_reader_that_committed_long_ago_before_a_pivot_that_runs(database: Database, kept: int) -> None:
    """R63 and R58: the reader saw `last`, and not the pivot that stands before it."""
    pivot = ssi(database)
    assert read(pivot, 1) == 0
    first = after_last(database)
    write(first, 20)
    first.commit()
    let_pass(database, 10)
    with pytest.raises(SerializationFailure):
        write(pivot, 2)
        pivot.commit()


def test_an_edge_from_one_that_committed_long_ago(database: Database, kept: int) -> None:
    """The same three; the pivot has written before the reader committed, and reads afterwards."""
    pivot = ssi(database)
    assert read(pivot, 5) == 0
    first = after_last(database)
    write(pivot, 2)
    write(first, 20)
    first.commit()
    let_pass(database, 10)
    with pytest.raises(SerializationFailure):
        read(pivot, 1)
        pivot.commit()


def test_the_summary_forgets_who_has_ended(database: Database) -> None:
    conflicts = database.manager.conflicts
    conflicts.most_committed = 2
    old = ssi(database)
    read(old, 1)
    for key in range(10, 40):
        writer = ssi(database)
        read(writer, 1)
        reader = ssi(database)
        read(reader, key)
        write(reader, key + 50)
        write(writer, key)
        reader.commit()
        let_pass(database, 3)
        assert len(conflicts.summary.out_edges) <= 3
        if key % 2:
            writer.commit()
        else:
            writer.execute("ROLLBACK")
    let_pass(database, 3)
    assert not conflicts.summary.out_edges
    old.commit()


def test_the_summary_is_asked_again_when_it_has_grown(database: Database) -> None:
    """Its first reader is harmless to the writer; the second one, summarised later, is not."""
    database.manager.conflicts.most_committed = 0
    pivot = ssi(database)
    assert read(pivot, 1) == 0
    harmless = ssi(database)
    read(harmless, 3)
    harmless.commit()
    write(pivot, 3)
    first = after_last(database)
    write(first, 20)
    first.commit()
    with pytest.raises(SerializationFailure):
        write(pivot, 2)
        pivot.commit()


def test_what_has_nothing_to_do_with_each_other_is_not_stopped(database: Database, kept: int) -> None:
    old = ssi(database)
    read(old, 1)
    let_pass(database, 60)
    write(old, 100)
    old.commit()
    assert read(ssi(database), 100) == 1
