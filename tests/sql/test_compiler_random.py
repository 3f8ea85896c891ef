"""Random queries on random data give what sqlite3 gives, whatever access path or join method is forced."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_database import ModelDatabase

small = st.one_of(st.none(), st.integers(-3, 6))
word = st.one_of(st.none(), st.sampled_from(["a", "b", "ab", "abc", "c", ""]))
t_rows = st.lists(st.tuples(small, small, word), max_size=14)
u_rows = st.lists(st.tuples(small, small), max_size=9)

FORCED = (
    {},
    {"enable_hashjoin": "off"},
    {"enable_nestloop": "off"},
    {"enable_seqscan": "off"},
    {"enable_indexscan": "off", "enable_indexonlyscan": "off", "enable_bitmapscan": "off"},
)


def columns(*aliases: str) -> st.SearchStrategy[str]:
    names = [
        f"{alias}.{name}" for alias in aliases for name in (("i", "a", "b") if alias[0] == "t" else ("j", "x", "y"))
    ]
    return st.sampled_from(names)


def numbers(*aliases: str) -> st.SearchStrategy[str]:
    leaf = st.one_of(columns(*aliases), st.integers(-3, 6).map(lambda n: f"({n})"))

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            st.tuples(inner, inner).map(lambda t: f"coalesce({t[0]}, {t[1]})"),
            st.tuples(inner, inner).map(lambda t: f"nullif({t[0]}, {t[1]})"),
            st.tuples(inner, st.sampled_from([2, 3, -2])).map(lambda t: f"({t[0]} % ({t[1]}))"),
            st.tuples(inner, st.sampled_from([2, 3, -2])).map(lambda t: f"({t[0]} / ({t[1]}))"),
        )

    return st.recursive(leaf, grow, max_leaves=3)


def predicates(*aliases: str, depth: int = 1) -> st.SearchStrategy[str]:
    value = numbers(*aliases)
    compare = st.tuples(value, st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), value).map(" ".join)
    bare = st.tuples(columns(*aliases), st.sampled_from(["=", "<", ">", ">=", "<="]), st.integers(-3, 6).map(str)).map(
        " ".join
    )
    members = st.lists(st.one_of(st.integers(-3, 6).map(str), st.just("NULL")), min_size=1, max_size=3).map(", ".join)
    leaf: list[st.SearchStrategy[str]] = [
        compare,
        bare,
        st.tuples(columns(*aliases), st.sampled_from(["IS NULL", "IS NOT NULL"])).map(" ".join),
        st.tuples(columns(*aliases), st.sampled_from(["IN", "NOT IN"]), members).map(
            lambda t: f"{t[0]} {t[1]} ({t[2]})"
        ),
        st.tuples(value, st.sampled_from(["IS", "IS NOT"]), value).map(lambda t: f"{t[0]} {t[1]} DISTINCT FROM {t[2]}"),
    ]
    if depth:
        inner = predicates(aliases[0], "u9", depth=0)
        leaf += [
            st.tuples(st.sampled_from(["", "NOT "]), inner).map(
                lambda t: f"{t[0]}EXISTS (SELECT 1 FROM u u9 WHERE {t[1]})"
            ),
            st.tuples(columns(*aliases), st.sampled_from(["IN", "NOT IN"]), columns("u9"), inner).map(
                lambda t: f"{t[0]} {t[1]} (SELECT {t[2]} FROM u u9 WHERE {t[3]})"
            ),
            st.tuples(
                columns(*aliases), st.sampled_from(["max(u9.x)", "count(*)", "sum(u9.y)", "min(u9.j)"]), inner
            ).map(lambda t: f"{t[0]} <= (SELECT {t[1]} FROM u u9 WHERE {t[2]})"),
        ]

    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(inner, st.sampled_from(["AND", "OR"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
            inner.map(lambda text: f"NOT ({text})"),
        )

    return st.recursive(st.one_of(leaf), grow, max_leaves=4)


joins = st.one_of(
    st.tuples(st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]), columns("t1"), columns("u1")).map(
        lambda t: f"t t1 {t[0]} u u1 ON {t[1]} = {t[2]}"
    ),
    st.tuples(st.sampled_from(["JOIN", "LEFT JOIN"]), predicates("t1", "u1", depth=0)).map(
        lambda t: f"t t1 {t[0]} u u1 ON {t[1]}"
    ),
    st.tuples(columns("t1"), columns("u1"), st.sampled_from(["JOIN", "LEFT JOIN"]), columns("u1"), columns("t2")).map(
        lambda t: f"t t1 JOIN u u1 ON {t[0]} = {t[1]} {t[2]} t t2 ON {t[3]} = {t[4]}"
    ),
)
AGGREGATES = ("count(*)", "count({})", "sum({})", "min({})", "max({})", "count(DISTINCT {})", "sum(DISTINCT {})")


def select(source: str, aliases: tuple[str, ...]) -> st.SearchStrategy[str]:
    value, test = numbers(*aliases), predicates(*aliases)
    plain = st.tuples(st.lists(value, min_size=1, max_size=3).map(", ".join), test).map(
        lambda t: f"SELECT {t[0]} FROM {source} WHERE {t[1]}"
    )
    distinct = st.tuples(st.lists(value, min_size=1, max_size=2).map(", ".join), test).map(
        lambda t: f"SELECT DISTINCT {t[0]} FROM {source} WHERE {t[1]}"
    )
    calls = st.lists(
        st.tuples(st.sampled_from(AGGREGATES), value).map(lambda t: t[0].format(t[1])), min_size=1, max_size=3
    )
    whole = st.tuples(calls.map(", ".join), test).map(lambda t: f"SELECT {t[0]} FROM {source} WHERE {t[1]}")
    grouped = st.tuples(columns(*aliases), calls.map(", ".join), test, st.integers(0, 2)).map(
        lambda t: f"SELECT {t[0]}, {t[1]} FROM {source} WHERE {t[2]} GROUP BY {t[0]} HAVING count(*) > {t[3]}"
    )
    return st.one_of(plain, distinct, whole, grouped)


queries = st.one_of(
    select("t t1", ("t1",)),
    joins.flatmap(lambda source: select(source, ("t1", "u1"))),
    st.tuples(select("t t1", ("t1",)), st.just("")).map(lambda t: t[0]),
)


def model(rows_t: list[Any], rows_u: list[Any], **settings: Any) -> ModelDatabase:
    db = ModelDatabase(**settings)
    db.table(
        "t",
        "i int!, a int, b int, s text",
        "primary i",
        "index a",
        "index b|a desc",
        "index a include b",
        "index s",
        "index b where a > 1",
        rows=[(i, *row) for i, row in enumerate(rows_t)],
    )
    db.table(
        "u", "j int!, x int, y int", "clustered j", "index y desc|x", rows=[(i, *row) for i, row in enumerate(rows_u)]
    )
    db.analyze()
    return db


def reference(rows_t: list[Any], rows_u: list[Any]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (i, a, b, s)")
    connection.execute("CREATE TABLE u (j, x, y)")
    connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", [(i, *row) for i, row in enumerate(rows_t)])
    connection.executemany("INSERT INTO u VALUES (?, ?, ?)", [(i, *row) for i, row in enumerate(rows_u)])
    return connection


def ordered(rows: list[Any]) -> list[Any]:
    plain = [tuple(int(value) if value is not None and value == int(value) else value for value in row) for row in rows]
    return sorted(plain, key=lambda row: [(value is not None, value or 0) for value in row])


@pytest.mark.parametrize("forced", FORCED, ids=lambda f: "-".join(f) or "free")
@settings(max_examples=60)
@given(t_rows, u_rows, queries)
def test_queries_against_sqlite(forced: dict[str, Any], rows_t: list[Any], rows_u: list[Any], query: str) -> None:
    sqlite = query
    expected = ordered(reference(rows_t, rows_u).execute(sqlite).fetchall())
    assert ordered(model(rows_t, rows_u, **forced).query(query)) == expected


order_keys = st.lists(
    st.tuples(
        st.sampled_from(["i", "a", "b", "s"]),
        st.sampled_from(["", " DESC"]),
        st.sampled_from([" NULLS FIRST", " NULLS LAST"]),
    ).map("".join),
    min_size=1,
    max_size=3,
    unique_by=lambda key: key.split()[0],
)


@pytest.mark.parametrize("forced", FORCED, ids=lambda f: "-".join(f) or "free")
@settings(max_examples=60)
@given(t_rows, order_keys, st.integers(0, 6), st.integers(0, 3), st.one_of(st.just("1 = 1"), predicates("t1", depth=0)))
def test_orders_and_limits_against_sqlite(
    forced: dict[str, Any], rows: list[Any], keys: list[str], count: int, offset: int, where: str
) -> None:
    order = ", ".join(f"t1.{key}" for key in [*keys, "i NULLS LAST"])
    query = f"SELECT t1.i, t1.a, t1.b, t1.s FROM t t1 WHERE {where} ORDER BY {order} LIMIT {count} OFFSET {offset}"
    expected = reference(rows, []).execute(query).fetchall()
    assert model(rows, [], **forced).query(query) == expected


TEXT_TESTS = (
    "s LIKE 'a%'",
    "s LIKE 'ab%'",
    "s LIKE 'a'",
    "s >= 'ab'",
    "s IN ('a', 'c')",
    "s LIKE '%b'",
    "s NOT LIKE 'a%'",
)


@pytest.mark.parametrize("forced", FORCED, ids=lambda f: "-".join(f) or "free")
@settings(max_examples=20)
@given(t_rows, st.sampled_from(TEXT_TESTS))
def test_text_predicates_against_sqlite(forced: dict[str, Any], rows: list[Any], test: str) -> None:
    query = f"SELECT i FROM t WHERE {test}"
    connection = reference(rows, [])
    connection.execute("PRAGMA case_sensitive_like = ON")
    assert ordered(model(rows, [], **forced).query(query)) == ordered(connection.execute(query).fetchall())


changes = st.one_of(
    predicates("t1", depth=0).map(lambda p: f"DELETE FROM t AS t1 WHERE {p}"),
    st.tuples(numbers("t1"), predicates("t1", depth=0)).map(lambda t: f"UPDATE t AS t1 SET a = {t[0]} WHERE {t[1]}"),
    st.tuples(numbers("u1"), columns("u1")).map(
        lambda t: f"UPDATE t AS t1 SET b = {t[0]} FROM u u1 WHERE t1.i = u1.j AND t1.a > {t[1]}"
    ),
    numbers("t1").map(lambda n: f"INSERT INTO u SELECT t1.i + 100, {n}, t1.b FROM t t1"),
)


@settings(max_examples=150)
@given(t_rows, u_rows, changes)
def test_changes_against_sqlite(rows_t: list[Any], rows_u: list[Any], change: str) -> None:
    db, connection = model(rows_t, rows_u), reference(rows_t, rows_u)
    connection.execute(change)
    db.execute(change)
    for table in ("t", "u"):
        query = f"SELECT * FROM {table}"
        left = sorted(db.query(query), key=repr)
        assert left == sorted(connection.execute(query).fetchall(), key=repr)
