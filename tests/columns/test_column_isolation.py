"""Transactions over a table by columns: what is seen, what is locked and what is marked is what it is for rows.

The table is in pages; a few rows have changed since, so that most pages are taken whole, and some with rows left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import minidb
from minidb.sql.vectors.run import Vectors

Opened = Callable[..., minidb.Connection]
TOTAL = "SELECT count(*), sum(n) FROM t WHERE n >= 0"
BY_GROUP = "SELECT g, count(*), sum(n) FROM t GROUP BY g"
ROWS = 1000


@pytest.fixture
def database(vectors: bool) -> Iterator[minidb.Database]:
    with minidb.Database(":memory:") as made:
        with made.connect(autocommit=True) as setup:
            setup.execute("CREATE TABLE t (id int PRIMARY KEY, g int, n int) WITH (layout = column)")
            setup.execute(f"INSERT INTO t SELECT g, g % 4, 1 FROM generate_series(1, {ROWS}) g")
            setup.execute("CHECKPOINT")
        yield made


@pytest.fixture
def opened(database: minidb.Database) -> Opened:
    def session(level: str = "read committed", autocommit: bool = False) -> minidb.Connection:
        return database.connect(isolation_level=level, autocommit=autocommit, lock_timeout=0.01)

    return session


def total(connection: minidb.Connection) -> tuple[int, int]:
    row = connection.execute(TOTAL).fetchone()
    assert row is not None
    return row  # type: ignore[return-value]


def test_each_level_sees_what_it_should(opened: Opened) -> None:
    writer, dirty, committed, snapshot = opened(), opened("read uncommitted"), opened(), opened("snapshot")
    assert total(snapshot) == (ROWS, ROWS)
    writer.execute("UPDATE t SET n = 11 WHERE id = 500")
    writer.execute("INSERT INTO t VALUES (5000, 1, 100)")
    writer.execute("DELETE FROM t WHERE id = 7")
    assert total(writer) == total(dirty) == (ROWS, ROWS + 109)
    assert total(committed) == total(snapshot) == (ROWS, ROWS)
    writer.commit()
    assert total(committed) == total(opened("2pl")) == total(opened("ssi")) == (ROWS, ROWS + 109)
    assert total(snapshot) == (ROWS, ROWS)
    opened(autocommit=True).execute("CHECKPOINT")
    assert total(snapshot) == (ROWS, ROWS)
    assert total(committed) == (ROWS, ROWS + 109)


def test_a_change_that_is_rolled_back_is_gone(opened: Opened) -> None:
    writer = opened()
    writer.execute("UPDATE t SET n = 50 WHERE id < 20")
    writer.execute("SAVEPOINT s")
    writer.execute("DELETE FROM t WHERE id > 900")
    writer.execute("ROLLBACK TO s")
    assert total(writer) == (ROWS, ROWS + 19 * 49)
    writer.rollback()
    assert total(writer) == (ROWS, ROWS)


@pytest.mark.parametrize("query", [TOTAL, BY_GROUP, "SELECT n FROM t WHERE n = 3"])
@pytest.mark.parametrize("change", ["INSERT INTO t VALUES (5000, 1, 1)", "UPDATE t SET n = 3 WHERE id = 500"])
def test_2pl_locks_what_it_has_read(opened: Opened, query: str, change: str) -> None:
    reader, writer = opened("2pl"), opened()
    before = reader.execute(query).fetchall()
    with pytest.raises(minidb.LockNotAvailable):
        writer.execute(change)
    writer.rollback()
    assert reader.execute(query).fetchall() == before
    reader.commit()
    writer.execute(change)


def test_2pl_waits_for_a_writer(opened: Opened) -> None:
    writer, reader = opened(), opened("2pl")
    writer.execute("UPDATE t SET n = 3 WHERE id = 500")
    with pytest.raises(minidb.LockNotAvailable):
        reader.execute(TOTAL)
    writer.commit()
    reader.rollback()
    assert total(reader) == (ROWS, ROWS + 2)


@pytest.mark.parametrize("checkpointed", [True, False])
def test_ssi_refuses_write_skew_over_a_sum(opened: Opened, checkpointed: bool) -> None:
    if not checkpointed:
        opened(autocommit=True).execute("UPDATE t SET n = 2 WHERE id % 100 = 0")
    one, other = opened("ssi"), opened("ssi")
    assert total(one) == total(other)
    one.execute("UPDATE t SET n = n + 1 WHERE id = 3")
    one.commit()
    with pytest.raises(minidb.SerializationFailure):
        other.execute("INSERT INTO t VALUES (5000, 1, 1)")
        other.commit()


def test_pages_with_few_changes_are_still_taken(
    opened: Opened, vectors: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    takes = Vectors.takes

    def counted(self: Vectors, contents: object, dropped: list[int], *rest: object) -> bool:
        taken.append(len(dropped))
        return takes(self, contents, dropped, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Vectors, "takes", counted)
    connection = opened(autocommit=True)
    connection.execute("UPDATE t SET n = 3 WHERE id IN (4, 5, 800)")
    assert total(connection) == (ROWS, ROWS + 6)
    assert sum(taken) == (3 if vectors else 0)
    assert len(taken) > 5 or not vectors
