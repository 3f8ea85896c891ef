"""One-row changes that are transactions of their own: when they take the short way, and what makes them leave it."""

from __future__ import annotations

import pytest

from minidb.database import Database
from minidb.errors import UniqueViolation
from minidb.session import Session
from minidb.txn.alone import LoneWriter

UPDATE = "UPDATE t SET v = v + ? WHERE id = ?"


@pytest.fixture(params=["off", "full"])
def session(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr(Session, "within_transaction", counted(Session.within_transaction))
    database = Database(background=False)
    session = database.session(autocommit=True, durability=request.param)
    session.execute("CREATE TABLE t (id int PRIMARY KEY, v int CHECK (v < 100))")
    insert, delete = "INSERT INTO t VALUES (?, ?)", "DELETE FROM t WHERE id = ?"
    for sql, values in ((UPDATE, (1, 0)), (insert, (1, 1)), (delete, (0,))):
        session.execute(sql, values)
        session.execute(sql, values if "INSERT" not in sql else (2, 2))
    long_ways.clear()
    return session


long_ways: list[str] = []


def counted(function):  # type: ignore[no-untyped-def]
    def count(self, work, sql, queries=True):  # type: ignore[no-untyped-def]
        long_ways.append(sql)
        return function(self, work, sql, queries)

    return count


def rows(session: Session) -> list[tuple[int, int]]:
    return sorted(session.execute("SELECT * FROM t").rows)


def test_single_changes_take_the_short_way(session: Session) -> None:
    assert session.execute(UPDATE, (5, 1)).tag == "UPDATE 1"
    assert session.execute("INSERT INTO t VALUES (?, ?)", (3, 3)).tag == "INSERT 0 1"
    assert session.execute("DELETE FROM t WHERE id = ?", (2,)).tag == "DELETE 1"
    assert session.execute(UPDATE, (5, 99)).tag == "UPDATE 0"
    for key in (4, 5):
        session.execute("INSERT INTO t VALUES (?, ?)", (key, key))
    assert long_ways == []
    assert rows(session) == [(1, 6), (3, 3), (4, 4), (5, 5)]
    session.database.check()


def test_what_fails_changes_nothing(session: Session) -> None:
    with pytest.raises(UniqueViolation):
        session.execute("INSERT INTO t VALUES (?, ?)", (1, 9))
    with pytest.raises(Exception, match="check constraint"):
        session.execute(UPDATE, (99, 1))
    assert rows(session) == [(1, 1), (2, 2)]
    assert session.state == "idle"


def test_a_change_from_between_is_not_overwritten(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    other = session.database.session(autocommit=True)
    claim = LoneWriter.claim

    def overtaken(self, *arguments):  # type: ignore[no-untyped-def]
        monkeypatch.setattr(LoneWriter, "claim", claim)
        other.execute("UPDATE t SET v = 50 WHERE id = 1")
        return claim(self, *arguments)

    monkeypatch.setattr(LoneWriter, "claim", overtaken)
    session.execute(UPDATE, (5, 1))
    assert rows(session) == [(1, 55), (2, 2)]
    assert UPDATE in long_ways
