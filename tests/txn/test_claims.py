"""Statements that change many rows and claim each: what they do when somebody else is faster, and that nothing is done
twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Thread

import pytest

from minidb.database import Database
from minidb.errors import QueryCanceled, SerializationFailure
from minidb.session import Session
from minidb.storage.file import MemoryFileSystem
from minidb.txn import manager
from minidb.txn.claims import Claimer

ROWS = 40
ALL = "UPDATE t SET v = v + 1 WHERE id > 0"
LEVELS = ["read uncommitted", "read committed", "snapshot", "serializable", "2pl", "serial"]


@pytest.fixture(params=["", "CLUSTERED"], ids=["heap", "clustered"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    made = Database("claims.mdb", files=MemoryFileSystem(), background=False)
    session = made.session(autocommit=True)
    session.execute(f"CREATE TABLE t (id int PRIMARY KEY {request.param}, v int, w int)")
    session.execute(f"INSERT INTO t SELECT g, 0, 0 FROM generate_series(1, {ROWS}) g")
    made.checkpoint()
    yield made
    made.check()
    made.close()


def content(database: Database) -> dict[int, int]:
    return {row[0]: row[1] for row in database.session(autocommit=True).execute("SELECT id, v FROM t").rows}


def before_row(monkeypatch: pytest.MonkeyPatch, number: int, action: Callable[[], object]) -> None:
    """Something happens, once, just before the statement changes its row of this number."""
    original, seen = Claimer.rewrite_claimed, []

    def rewrite(door: Claimer, store: object, ref: object, old: object, new: object) -> bool:
        seen.append(ref)
        if len(seen) == number:
            action()
        return original(door, store, ref, old, new)  # type: ignore[arg-type]

    monkeypatch.setattr(Claimer, "rewrite_claimed", rewrite)


@pytest.mark.parametrize("level", LEVELS)
def test_alone_it_changes_each_row_once(database: Database, level: str) -> None:
    session = database.session(isolation_level=level)
    assert session.execute(ALL).tag == f"UPDATE {ROWS}"
    assert session.execute(ALL + " RETURNING v").rows == [(2,)] * ROWS
    session.commit()
    assert content(database) == dict.fromkeys(range(1, ROWS + 1), 2)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize(
    ("change", "left"), [("UPDATE t SET v = 10 WHERE id = 30", 11), ("DELETE FROM t WHERE id = 30", None)]
)
def test_who_is_overtaken_begins_again(database: Database, monkeypatch: pytest.MonkeyPatch, change: str,
                                       left: int | None, nested: bool) -> None:
    session, other = database.session(), database.session(autocommit=True)
    session.execute("UPDATE t SET v = v + 1 WHERE id = 3")
    if nested:
        session.execute("SAVEPOINT s")
    before_row(monkeypatch, 20, lambda: other.execute(change))
    assert session.execute(ALL).rowcount == ROWS - (left is None)
    session.commit()
    expected = dict.fromkeys(range(1, ROWS + 1), 1) | {3: 2, 30: left}
    assert content(database) == {key: value for key, value in expected.items() if value is not None}


def test_a_row_that_fits_no_longer_is_left_alone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    session, other = database.session(), database.session(autocommit=True)
    before_row(monkeypatch, 20, lambda: other.execute("UPDATE t SET w = 9 WHERE id = 30"))
    assert session.execute("UPDATE t SET v = v + 1 WHERE w = 0").rowcount == ROWS - 1
    session.commit()
    assert content(database)[30] == 0


def test_at_snapshot_it_fails(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    session, other = database.session(isolation_level="snapshot"), database.session(autocommit=True)
    before_row(monkeypatch, 20, lambda: other.execute("UPDATE t SET v = 10 WHERE id = 30"))
    with pytest.raises(SerializationFailure):
        session.execute(ALL)
    session.rollback()
    assert content(database) == dict.fromkeys(range(1, ROWS + 1), 0) | {30: 10}


def test_a_compatible_lock_is_no_hindrance(database: Database) -> None:
    session, other = database.session(), database.session()
    other.execute("SELECT * FROM t WHERE id = 30 FOR KEY SHARE")
    assert session.execute(ALL).rowcount == ROWS
    session.commit()
    other.rollback()
    assert content(database) == dict.fromkeys(range(1, ROWS + 1), 1)


@pytest.mark.parametrize("durability", ["off", "full"])
def test_what_was_written_ahead_is_made_void(monkeypatch: pytest.MonkeyPatch, durability: str) -> None:
    monkeypatch.setattr(manager, "CHUNK", 4)
    monkeypatch.setattr("minidb.txn.claims.OFTEN", 1)
    files = MemoryFileSystem()
    database = Database("claims.mdb", files=files, background=False)
    session, other = database.session(durability=durability), database.session(autocommit=True, durability="off")
    other.execute("CREATE TABLE t (id int PRIMARY KEY, v int, w int)")
    other.execute(f"INSERT INTO t SELECT g, 0, 0 FROM generate_series(1, {ROWS}) g")
    before_row(monkeypatch, 20, lambda: other.execute("UPDATE t SET v = 10, w = 1 WHERE id = 30"))
    assert session.execute("UPDATE t SET v = v + 1 WHERE w = 0").rowcount == ROWS - 1
    session.commit()
    expected = dict.fromkeys(range(1, ROWS + 1), 1) | {30: 10}
    assert content(database) == expected
    database.close()
    again = Database("claims.mdb", files=files, background=False)
    assert content(again) == expected
    again.close()


def test_it_can_be_interrupted(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidb.txn.claims.OFTEN", 1)
    session = database.session()
    before_row(monkeypatch, 20, session.interrupt)
    with pytest.raises(QueryCanceled):
        session.execute(ALL)
    session.rollback()
    assert content(database) == dict.fromkeys(range(1, ROWS + 1), 0)


def test_many_threads_change_all_rows(database: Database) -> None:
    threads, times = 4, 5

    def work(session: Session) -> None:
        for _ in range(times):
            assert session.execute(ALL).rowcount == ROWS
            session.commit()

    sessions = [database.session(durability="off") for _ in range(threads)]
    running = [Thread(target=work, args=(session,)) for session in sessions]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert content(database) == dict.fromkeys(range(1, ROWS + 1), threads * times)
