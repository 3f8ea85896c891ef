"""executemany of INSERT: whatever the parameters are, the rows are those of one execute per set, all or none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest

import minidb
from minidb import bulk_inserts

VALUES: list[Any] = [
    None, 0, 1, -1, 2**31, -(2**40), 2**31 - 1, True, 1.5, "plain",
    "ä\u4e16", "7", "", Decimal("2.50"), date(2024, 2, 29),
]  # fmt: skip


@pytest.fixture
def connection() -> Iterator[minidb.Connection]:
    with minidb.connect(":memory:", autocommit=True) as opened:
        opened.execute("CREATE TABLE t (n bigint, s text, d numeric DEFAULT 7 CHECK (d > 0), twice bigint "
                       "GENERATED ALWAYS AS (n * 2) STORED)")
        opened.execute("CREATE TABLE keyed AS SELECT generate_series(0, 5) AS k")
        opened.execute("ALTER TABLE keyed ADD PRIMARY KEY (k)")
        yield opened


def rows(connection: minidb.Connection) -> list[Any]:
    return connection.execute("SELECT * FROM t").fetchall()


def one_by_one(connection: minidb.Connection, sql: str, sets: list[Any]) -> Any:
    """What the same sets give with execute; nothing of it is left."""
    connection.execute("BEGIN")
    try:
        for parameters in sets:
            connection.execute(sql, parameters)
        return rows(connection)
    except minidb.Error as error:
        return error.sqlstate
    finally:
        connection.execute("ROLLBACK")


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("sql", ["INSERT INTO t VALUES (?, ?, ?)", "INSERT INTO t (s, n) VALUES (upper(?), ? + 1)",
                                 "INSERT INTO t (n) SELECT ? WHERE ? IS NOT NULL",
                                 "INSERT INTO t (n, s) SELECT k, ? FROM keyed WHERE k = ?"])  # fmt: skip
def test_the_same_as_one_by_one(connection: minidb.Connection, seed: int, sql: str,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(seed)
    monkeypatch.setattr(bulk_inserts, "CHUNK", random.choice([1, 3, 10]))
    choices = [random.sample(VALUES, random.choice([1, 2, 4])) for _ in range(sql.count("?"))]
    sets = [random.choice([tuple, list])(random.choice(values) for values in choices) for _ in range(20)]
    expected = one_by_one(connection, sql, sets)
    found: Any
    try:
        connection.executemany(sql, iter(sets))
        found = rows(connection)
    except minidb.Error as error:
        found = error.sqlstate
        assert rows(connection) == []
    assert repr(found) == repr(expected)


def test_small_and_large_integers_and_nulls_are_bound_together(connection: minidb.Connection) -> None:
    sets = [(None if n % 3 == 0 else n << (n % 40), "x" if n % 2 else None, n + 1) for n in range(5000)]
    cursor = connection.executemany("INSERT INTO t VALUES (?, ?, ?)", sets)
    assert cursor.rowcount == 5000
    assert [row[:3] for row in rows(connection)] == sets
    expected = 5000, 2 * sum(numbers[0] or 0 for numbers in sets)
    assert connection.execute("SELECT count(*), sum(twice) FROM t").fetchone() == expected


@pytest.mark.parametrize(
    ("bad", "error"),
    [((1,), "07001"), ((1, "a", 2, 3), "07001"), ("abc", "07001"), (7, "07001"), ((1, "a", -1), "23514"),
     ((1, "a\0", 1), "22021"), ({"n": 1}, "07001"), ((object(), "a", 1), "42846")],
)  # fmt: skip
def test_a_bad_set_leaves_nothing(connection: minidb.Connection, bad: Any, error: str) -> None:
    sets = [*[(n, "a", 1) for n in range(2500)], bad, (1, "a", 1)]
    with pytest.raises(minidb.Error) as caught:
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", sets)
    assert caught.value.sqlstate == error
    assert rows(connection) == []


def test_sets_may_be_mappings(connection: minidb.Connection) -> None:
    connection.executemany("INSERT INTO t (n, s) VALUES (:n, :s)", ({"n": n, "s": str(n)} for n in range(2500)))
    assert connection.execute("SELECT count(*), max(s) FROM t").fetchone() == (2500, "999")


def test_an_error_of_the_iterable_is_the_callers(connection: minidb.Connection) -> None:
    def sets() -> Iterator[tuple[int, str, int]]:
        yield from [(n, "a", 1) for n in range(2500)]
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", sets())
    assert rows(connection) == []
    assert gc.isenabled()


def test_the_collector_is_as_it_was(connection: minidb.Connection) -> None:
    seen = []

    def sets() -> Iterator[tuple[int, str, int]]:
        for n in range(1500):
            seen.append(gc.isenabled())
            yield n, "a", 1

    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", sets())
    assert all(seen)
    assert gc.isenabled()
    gc.disable()
    try:
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", sets())
        assert not gc.isenabled()
    finally:
        gc.enable()
