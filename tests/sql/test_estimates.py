"""Estimated beside true rows: skewed data, each kind of predicate, and statistics that have become old."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import minidb

ROWS = 4000


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if plan.get("Actual Loops", 0):
        yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def analyzed(connection: Any, sql: str) -> dict[str, Any]:
    ((text,),) = connection.execute(f"EXPLAIN (ANALYZE, FORMAT json) {sql}").fetchall()
    plan: dict[str, Any] = json.loads(text)[0]["Plan"]
    return plan


def error(node: dict[str, Any]) -> float:
    estimated, actual = max(node["Estimated Rows"], 1), max(node["Actual Rows"], 1)
    return max(estimated / actual, actual / estimated)


@pytest.fixture(scope="module")
def skewed() -> Iterator[Any]:
    """`kind`: 1/2 is 0, 1/4 is 1, 1/8 is 2, ...; `near` follows the rows, `far` does not."""
    connection = minidb.connect(":memory:", autocommit=True)
    connection.execute(
        "CREATE TABLE t (id int PRIMARY KEY, kind int, name text, near int, far int, flag boolean, maybe int, day date)"
    )
    rows = []
    for i in range(ROWS):
        kind = (i + 1 & -(i + 1)).bit_length() - 1
        word = ("apple", "banana", "cherry", "date", "elder")[i * 7919 % 11 % 5]
        day = f"2024-{i % 12 + 1:02d}-{i % 28 + 1:02d}"
        rows.append((i, kind, f"{word}{i % 100}", i, i * 7919 % ROWS, i % 10 == 0, i if i % 4 else None, day))
    connection.cursor().executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?, ?, CAST(? AS date))", rows)
    connection.execute("CREATE INDEX t_near ON t (near)")
    connection.execute("CREATE INDEX t_far ON t (far)")
    connection.execute("CREATE INDEX t_upper ON t (upper(name))")
    connection.execute("CREATE INDEX t_part ON t (far) WHERE kind = 3")
    connection.execute("CREATE TABLE u (kind int, x int)")
    connection.execute("INSERT INTO u SELECT kind, id FROM t WHERE id % 4 = 0 OR kind > 2")
    connection.execute("ANALYZE")
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "condition",
    [
        "kind = 0", "kind = 5", "kind IN (2, 3)", "kind NOT IN (0, 1)", "kind = 0 OR kind = 1",
        "kind = 1 OR near < 400", "near BETWEEN 100 AND 299", "near >= 3900", "maybe IS NULL", "maybe IS NOT NULL",
        "flag", "NOT flag",
        "flag IS NOT TRUE", "name LIKE 'banana%'", "name LIKE 'banana1%'", "name NOT LIKE 'apple%'", "name LIKE '%5'",
        "name ~ '^cherry'", "name ILIKE 'DATE%'", "upper(name) = 'ELDER7'", "upper(name) LIKE 'APPLE%'",
        "kind = ANY (ARRAY[0, 1])", "kind IS DISTINCT FROM 0", "day < date '2024-03-01' + interval '1 month'",
        "day >= timestamp '2024-11-15 10:00'", "kind = 3 AND far < 1000",
    ],
)  # fmt: skip
def test_predicates(skewed: Any, condition: str) -> None:
    (node,) = [n for n in nodes(analyzed(skewed, f"SELECT * FROM t WHERE {condition}")) if "Scan" in n["Node"]]
    assert error(node) < 3, node


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM t JOIN u ON t.kind = u.kind",
        "SELECT * FROM t WHERE EXISTS (SELECT FROM u WHERE u.x = t.id AND u.kind > 2)",
        "SELECT * FROM t WHERE NOT EXISTS (SELECT FROM u WHERE u.x = t.id)",
        "SELECT kind, count(*) FROM t WHERE id < 500 GROUP BY kind",
        "SELECT far, kind, count(*) FROM t GROUP BY far, kind",
        "SELECT id, name, count(*) FROM t GROUP BY id, name",
        "SELECT DISTINCT name FROM t WHERE id < 200",
    ],
)
def test_joins_and_groups(skewed: Any, sql: str) -> None:
    assert error(analyzed(skewed, sql)) < 3


def test_an_index_in_the_order_of_the_rows_is_cheaper(skewed: Any) -> None:
    def plan(column: str) -> str:
        return str(analyzed(skewed, f"SELECT name FROM t WHERE {column} BETWEEN 1000 AND 1699")["Node"])

    assert "Index Scan" in plan("near") and "Seq Scan" in plan("far")


def test_statistics_follow_bulk_loads_and_large_deletes() -> None:
    connection = minidb.connect(":memory:", autocommit=True)
    connection.execute("CREATE TABLE t (a int, b int)")
    for statement, true in (
        ("INSERT INTO t SELECT i, i % 10 FROM generate_series(1, 2000) AS i", 200),
        ("INSERT INTO t SELECT i, 3 FROM generate_series(1, 2000) AS i", 2200),
        ("DELETE FROM t WHERE b = 3 AND a > 10", 11),
    ):
        connection.execute(statement)
        node = analyzed(connection, "SELECT a FROM t WHERE b = 3")
        assert node["Actual Rows"] == true and error(node) < 2
    connection.close()
