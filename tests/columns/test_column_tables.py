"""A table by columns is the same table: whatever is asked of it, it answers as one by rows does.

Random tables, changes and queries, at every level, with rows in pages, rows in chains and rows that no checkpoint has
seen; with NumPy (where it is installed) and without. The pages are made small, so that there are several.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import minidb
from minidb.isolation import IsolationLevel

LEVELS = [level.value for level in IsolationLevel]
COLUMNS = "a integer, b bigint, s smallint, t text, d date, m timestamp, f double precision, n numeric, g boolean"


class Pair:
    """The same table twice, by rows and by columns."""

    def __init__(self, columns: str = COLUMNS) -> None:
        self.databases = [minidb.Database(":memory:") for _ in range(2)]
        self.sides = [database.connect(autocommit=True) for database in self.databases]
        for side, layout in zip(self.sides, ("row", "column")):
            side.execute(f"CREATE TABLE r ({columns}) WITH (layout = {layout})")

    def both(self, sql: str, parameters: Any = ()) -> list[Any]:
        return [outcome(side, sql, parameters) for side in self.sides]

    def same(self, sql: str, parameters: Any = ()) -> Any:
        rows, columns = self.both(sql, parameters)
        assert rows == columns, sql
        return columns

    def fill(self, rows: list[tuple[Any, ...]]) -> None:
        for side in self.sides:
            side.cursor().executemany(f"INSERT INTO r VALUES ({', '.join('?' * len(rows[0]))})", rows)

    def close(self) -> None:
        for one in self.databases:
            one.close()


def outcome(side: minidb.Connection, sql: str, parameters: Any = ()) -> Any:
    try:
        cursor = side.execute(sql, parameters)
        return cursor.fetchall() if cursor.description is not None else cursor.rowcount
    except minidb.Error as error:
        return error.sqlstate, error.message  # type: ignore[attr-defined]


def rows_of(seed: int, count: int) -> list[tuple[Any, ...]]:
    source = random.Random(seed)
    wide = source.choice([10, 1000, 1 << 62])
    scales = source.choice([1, 3])

    def maybe(value: Any) -> Any:
        return None if source.random() < 0.1 else value

    return [
        (
            maybe(source.randrange(-5, 20)),
            maybe(source.randrange(-wide, wide)),
            source.randrange(-3, 4),
            maybe(source.choice(["", "a", "b%", "längere Texte", f"t{at}"])),
            maybe(datetime.date(2020, 1, 1) + datetime.timedelta(source.randrange(40))),
            maybe(datetime.datetime(2020, 1, 1) + datetime.timedelta(0, source.randrange(99) * 1000)),
            maybe(source.randrange(-8, 8) / 4),
            maybe(Decimal(source.randrange(-500, 500)).scaleb(-source.randrange(scales))),
            maybe(source.random() < 0.5),
        )
        for at in range(count)
    ]


CONDITIONS = (
    "b % 7 = 3", "a > 3", "a <= 3 AND b > 0", "a = 4 OR t = 'a'", "NOT (a < 5)", "a IS NULL", "b IS NOT NULL",
    "t LIKE '%t%'", "a IN (1, 3, 5)", "a NOT IN (1, 3, NULL)", "d > '2020-01-10'", "d = '2020-01-10'",
    "m < timestamp '2020-01-01 12:00'", "a + 1 > s", "a / 2 = 1", "10 / a = 2", "a <> 0 AND 10 / a = 2", "b * 4 > 3",
    "f > 0.5", "n < 1", "g", "NOT g", "g IS NOT TRUE", "a % s = 1", "s <> 0 AND a % s = 1", "-a > 2",
    "coalesce(a, 3) = 3", "length(t) > 1", "a BETWEEN 2 AND 5", "b > 9000000000", "a = ?", "d >= ?", "b < a",
    "upper(t) = 'A'", "a > 100", "a > -100", "t IS NULL OR NOT (a = 3 AND g)", "b / -1 > 0", "a - b < 0",
)
AGGREGATES = (
    "count(*)", "count(a)", "count(t)", "sum(a)", "sum(b)", "avg(b)", "avg(a)", "sum(s)", "min(a)", "max(b)",
    "min(d)", "max(m)", "min(t)", "max(t)", "sum(n)", "avg(n)", "min(g::int)", "sum(a * 2)", "sum(b * 2)",
    "sum(a + s)", "max(a % 3)", "sum(f)", "min(f)", "max(n)", "count(DISTINCT a)", "sum(a) FILTER (WHERE a > 3)",
    "sum(10 / a)", "bool_or(g)", "sum(1)", "count(a / s)",
)
KEYS = (
    "a", "t", "d", "s", "g", "b", "a % 3", "n", "f", "m", "a, s", "t, g, a", "d, b", "a + s, t", "1", "t, m, d, b, a",
)
PARAMETERS = {"a = ?": 4, "d >= ?": datetime.date(2020, 1, 20)}


def questions(source: random.Random) -> Iterator[tuple[str, list[Any]]]:
    for _ in range(12):
        aggregates = ", ".join(source.sample(AGGREGATES, source.choice([1, 1, 2, 3])))
        condition = source.choice(CONDITIONS)
        where = f" WHERE {condition}" if source.random() < 0.6 else ""
        parameters = [PARAMETERS[condition]] if where and condition in PARAMETERS else []
        if source.random() < 0.6:
            key = source.choice(KEYS)
            yield f"SELECT {key}, {aggregates} FROM r{where} GROUP BY {key}", parameters
        else:
            yield f"SELECT {aggregates} FROM r{where}", parameters
        yield f"SELECT t, a FROM r{where}", parameters
        yield f"SELECT * FROM r{where}", parameters


def equal(rows: Any, columns: Any) -> bool:
    """Groups come in an order that nobody has promised; sums of floats in these tables are exact."""
    if isinstance(rows, list) and isinstance(columns, list):
        return sorted(map(repr, rows)) == sorted(map(repr, columns))
    return bool(rows == columns)


def compare(pair: Pair, source: random.Random) -> None:
    for sql, parameters in questions(source):
        rows, columns = pair.both(sql, parameters)
        assert equal(rows, columns), (sql, rows, columns)


CHANGES = (
    "UPDATE r SET a = a + 1 WHERE s = 2 AND a < 19", "DELETE FROM r WHERE a = 7",
    "UPDATE r SET t = 'new' WHERE d < '2020-01-04'",
    "INSERT INTO r SELECT a, b, s, t, d, m, f, n, g FROM r WHERE a = 3", "UPDATE r SET b = NULL WHERE a = 11",
    "CHECKPOINT", "ALTER TABLE r ADD COLUMN IF NOT EXISTS z int DEFAULT 5",
)


@given(seed=st.integers(0, 1 << 30))
@settings(max_examples=12, deadline=None)
def random_tables(pair_of: Any, seed: int) -> None:
    source = random.Random(seed)
    pair = pair_of()
    try:
        for side in pair.sides:
            side.isolation_level = source.choice(LEVELS)
        for _ in range(source.choice([0, 1, 2])):
            pair.fill(rows_of(source.randrange(1000), source.choice([1, 30, 400])))
            pair.both("CHECKPOINT")
            if source.random() < 0.5:
                pair.both("ALTER TABLE r ADD COLUMN IF NOT EXISTS z int DEFAULT 5")
        compare(pair, source)
        for _ in range(3):
            change = source.choice(CHANGES)
            if not change.startswith("INSERT") or pair.both("SELECT count(*) FROM r") != [[(0,)]] * 2:
                pair.same(change)
        compare(pair, source)
    finally:
        pair.close()


def test_random_tables_answer_alike(vectors: bool) -> None:
    random_tables(Pair)
