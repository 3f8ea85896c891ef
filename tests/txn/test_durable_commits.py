"""What others see and do while a durable commit is in its sync, with its own thread leading the log all the time, or
with a place in the queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from minidb.database import Database
from minidb.errors import DatabaseFailed, OperationalError, SerializationFailure, UniqueViolation
from minidb.session import Session
from minidb.storage.faulty import FaultyFileSystem
from minidb.txn.transaction import Transaction
from minidb.txn.waiting import Parking, Threads

UPDATE = "UPDATE t SET v = v + ? WHERE id = ?"


class Watched(Threads):
    """Tells when a session is about to wait."""

    def __init__(self) -> None:
        self.parked = threading.Semaphore(0)

    def park(self, parking: Parking, timeout: float | None) -> bool:
        self.parked.release()
        return super().park(parking, timeout)


class Bank:
    """A table of two rows, a session whose commit is held up in its sync, and others."""

    def __init__(self) -> None:
        self.files, self.waiting = FaultyFileSystem(), Watched()
        self.database = Database("bank.mdb", files=self.files, background=False, waiting=self.waiting)
        self.session, self.other = self.connect(), self.connect()
        for sql in ("CREATE TABLE t (id int PRIMARY KEY, v int)", "INSERT INTO t VALUES (1, 0), (2, 0)", "CHECKPOINT"):
            self.session.execute(sql)
        for amount in (1, -1, 1):  # the first after a checkpoint, and the first of its shape, take a longer way
            self.session.execute(UPDATE, (amount, 1))
        self.threads: list[threading.Thread] = []
        self.outcomes: list[Any] = []

    def connect(self, **options: Any) -> Session:
        return self.database.session(autocommit=True, durability="full", **options)

    def meanwhile(self, work: Callable[[], object]) -> None:
        """Does it in the middle of the next commit: it has its number, and is not durable."""
        log: Any = self.database.log
        ways = {name: getattr(log, name) for name in ("write_alone", "settle")}

        def held_up(way: Callable[..., None], *arguments: Any) -> None:
            for name, usual in ways.items():
                setattr(log, name, usual)
            work()
            way(*arguments)

        for name, way in ways.items():
            setattr(log, name, partial(held_up, way))

    def begin(self, work: Callable[[], object]) -> None:
        """In another thread; returns when it waits for a lock."""
        thread = threading.Thread(target=self.run, args=(work,))
        self.threads.append(thread)
        thread.start()
        self.waiting.parked.acquire()

    def run(self, work: Callable[[], object]) -> None:
        try:
            self.outcomes.append(work())
        except Exception as error:
            self.outcomes.append(type(error))

    def rows(self, session: Session | None = None) -> list[tuple[int, ...]]:
        return sorted((session or self.other).execute("SELECT * FROM t").rows)

    def end(self) -> None:
        for thread in self.threads:
            thread.join()


@pytest.fixture(params=["leading", "behind"])
def bank(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bank]:
    """Its commits lead the log; or are queued, as if somebody led, and found nobody when they wait."""
    bank = Bank()
    if request.param == "behind":
        monkeypatch.setattr(bank.database.log, "lead", lambda: False)
    yield bank
    bank.end()


def update(session: Session) -> None:
    session.execute(UPDATE, (1, 1))


def transaction(session: Session) -> None:
    session.execute("BEGIN")
    session.execute(UPDATE, (1, 1))
    session.execute("COMMIT")


def deletion(session: Session) -> None:
    session.execute("DELETE FROM t WHERE id = ?", (1,))
    session.execute("INSERT INTO t VALUES (?, ?)", (1, 2))


COMMITS = pytest.mark.parametrize("commit", [update, transaction])


@pytest.mark.parametrize("commit", [update, transaction, deletion])
def test_R12_nobody_sees_it_before_it_is_durable(bank: Bank, commit: Callable[[Session], None]) -> None:
    seen: list[Any] = []
    bank.meanwhile(lambda: seen.append((bank.rows(), bank.rows(bank.connect(isolation_level="read uncommitted")))))
    commit(bank.session)
    assert seen == [([(1, 1), (2, 0)], [(1, 2), (2, 0)] if commit is not deletion else [(2, 0)])]
    assert bank.rows() == [(1, 2), (2, 0)]
    assert bank.database.manager.active == {}
    bank.database.check()


@COMMITS
def test_who_wants_its_row_waits_and_builds_upon_it(bank: Bank, commit: Callable[[Session], None]) -> None:
    bank.meanwhile(lambda: bank.begin(lambda: bank.other.execute(UPDATE, (10, 1)).tag))
    commit(bank.session)
    bank.end()
    assert bank.outcomes == ["UPDATE 1"]
    assert bank.rows() == [(1, 12), (2, 0)]


def test_R38_who_wants_its_key_waits_for_it(bank: Bank) -> None:
    insert = "INSERT INTO t VALUES (?, 0)"
    for key in (4, 5):
        bank.session.execute(insert, (key,))
    bank.meanwhile(lambda: bank.begin(lambda: bank.other.execute(insert, (6,))))
    bank.session.execute(insert, (6,))
    bank.end()
    assert bank.outcomes == [UniqueViolation]


@COMMITS
def test_R35_a_snapshot_of_meanwhile_does_not_overwrite_it(bank: Bank, commit: Callable[[Session], None]) -> None:
    late = bank.connect(isolation_level="snapshot")
    late.execute("BEGIN")
    bank.meanwhile(lambda: late.execute("SELECT * FROM t"))
    commit(bank.session)
    with pytest.raises(SerializationFailure):
        late.execute(UPDATE, (10, 1))


@COMMITS
def test_R46_who_wants_the_table_for_himself_waits_for_it(bank: Bank, commit: Callable[[Session], None]) -> None:
    bank.other.execute("BEGIN")
    bank.meanwhile(lambda: bank.begin(lambda: bank.other.execute("LOCK TABLE t").tag))
    commit(bank.session)
    bank.end()
    assert bank.outcomes == ["LOCK TABLE"]
    bank.other.execute("COMMIT")
    assert not bank.database.manager.table_locks


@COMMITS
def test_it_holds_its_table_also_where_somebody_looks_already(bank: Bank, commit: Callable[[Session], None]) -> None:
    """The lock object is there, with a mode that lets writers in, and then with one that does not."""
    share = bank.connect()
    for session in (share, bank.other):
        session.execute("BEGIN")
    share.execute("LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE")
    bank.meanwhile(lambda: bank.begin(lambda: bank.other.execute("LOCK TABLE t IN SHARE MODE").tag))
    commit(bank.session)
    share.execute("COMMIT")
    bank.end()
    assert bank.outcomes == ["LOCK TABLE"]


@COMMITS
def test_who_changes_the_table_sees_it(bank: Bank, commit: Callable[[Session], None]) -> None:
    bank.meanwhile(lambda: bank.begin(lambda: bank.other.execute("ALTER TABLE t ADD COLUMN w int").tag))
    commit(bank.session)
    bank.end()
    assert bank.outcomes == ["ALTER TABLE"]
    assert bank.rows() == [(1, 2, None), (2, 0, None)]


@pytest.mark.parametrize("sql", ["INSERT INTO t VALUES (?, 0)", "DELETE FROM t WHERE id = ?"])
@pytest.mark.parametrize("times", [1, 2])
def test_R5_an_entry_that_could_not_be_made_durable_is_taken_back(bank: Bank, sql: str, times: int) -> None:
    for key in (3, 4):
        bank.session.execute("INSERT INTO t VALUES (?, 0)", (key,))
        bank.session.execute("DELETE FROM t WHERE id = ?", (key,))
    before = bank.rows()
    bank.files.fail("sync", times=times)
    with pytest.raises(OperationalError, match="writing the log failed"):
        bank.session.execute(sql, (1 if "DELETE" in sql else 5,))
    assert bank.rows(bank.connect(read_only=True)) == before
    assert bank.database.manager.active == {}


@COMMITS
def test_R5_when_its_sync_fails_nobody_sees_it(bank: Bank, commit: Callable[[Session], None]) -> None:
    def others() -> None:
        bank.begin(lambda: bank.other.execute(UPDATE, (10, 1)))
        bank.files.fail("sync")

    bank.meanwhile(others)
    with pytest.raises(DatabaseFailed):
        commit(bank.session)
    bank.end()
    assert bank.outcomes == [DatabaseFailed]
    assert bank.database.manager.active == {}
    reader = bank.connect(read_only=True)
    assert bank.rows(reader) == [(1, 1), (2, 0)]
    again = Database("bank.mdb", files=FaultyFileSystem(bank.files.crash(bank.files.pending())), background=False)
    assert bank.rows(again.session()) == [(1, 1), (2, 0)]


def test_what_changes_before_its_number_is_noticed_in_the_hold_that_would_assign_it(bank: Bank) -> None:
    """Somebody begins to keep the log, and the record is made again; then it is doomed, and rolled back (R57)."""
    manager, encode, encoded = bank.database.manager, bank.database.manager.encode, 0

    def begin_to_keep(txn: Transaction) -> bytes:
        nonlocal encoded
        encoded += 1
        manager.keeping = min(encoded, 2)
        if encoded == 4:
            txn.doomed = SerializationFailure("could not serialize access")
        return encode(txn)

    manager.encode = begin_to_keep
    transaction(bank.session)
    assert (encoded, bank.rows()) == (3, [(1, 2), (2, 0)])
    with pytest.raises(SerializationFailure):
        transaction(bank.session)
    assert bank.rows() == [(1, 2), (2, 0)]
    manager.encode, manager.keeping = encode, 0
    update(bank.session)
    assert bank.rows() == [(1, 3), (2, 0)]
