"""Statements beyond work_mem: the same results, temporary files that are gone afterwards, and how they give up."""

from __future__ import annotations

import gc
import os
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidb
from minidb.sql.compiler import temporary_files
from minidb.sql.compiler.pairing import Join, hash_join, merge_join
from minidb.sql.compiler.runtime import sort
from minidb.sql.compiler.spilling import Kept, Sorter, WorkMemoryExceeded, checked_bound
from minidb.sql.compiler.temporary_files import Budget, packed, unpacked
from minidb.types import Interval

DESCRIPTORS = Path("/proc/self/fd")
QUERIES = (
    "SELECT * FROM t ORDER BY n DESC, b, a",
    "SELECT b, count(*), sum(n) FROM t GROUP BY b ORDER BY b",
    "SELECT DISTINCT n, b FROM t ORDER BY 1, 2",
    "SELECT t.a, u.y FROM t FULL JOIN u ON t.a = u.x AND u.y > 5 ORDER BY 1, 2",
    "SELECT a FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE x = a AND y < a) ORDER BY a",
    "SELECT t.n, count(*) FROM t JOIN t AS o ON t.n = o.n GROUP BY t.n ORDER BY 2 DESC, 1",
)


@pytest.fixture
def connection() -> Any:
    connection = minidb.connect(":memory:", autocommit=True)
    connection.execute("CREATE TABLE t (a int PRIMARY KEY, b text, n numeric)")
    connection.execute("CREATE TABLE u (x int, y int)")
    rows = [(i, "x" * (i % 5) + str(i % 77), None if i % 7 == 0 else Decimal(i * 37 % 300)) for i in range(3000)]
    connection.cursor().executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    connection.cursor().executemany("INSERT INTO u VALUES (?, ?)", [(i * 7 % 4000, i % 13) for i in range(3000)])
    yield connection
    connection.close()


def files_open() -> int:
    gc.collect()
    return sum("(deleted)" in os.readlink(entry) for entry in DESCRIPTORS.iterdir() if entry.is_symlink())


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("memory", ["64kB", "4kB"])
def test_results_are_those_of_memory(connection: Any, query: str, memory: str) -> None:
    expected = connection.execute(query).fetchall()
    connection.execute(f"SET work_mem = '{memory}'")
    assert connection.execute(query).fetchall() == expected


def test_a_statement_that_gives_up_is_run_anew(connection: Any) -> None:
    """The estimate says a few rows; the truth is more than the bound."""
    query = "SELECT b FROM t WHERE a * 0 = 0 AND a + 0 >= 0 AND n IS DISTINCT FROM -1 ORDER BY b, a"
    expected = connection.execute(query).fetchall()
    connection.execute("SET work_mem = '64kB'")
    plan = "\n".join(line for (line,) in connection.execute(f"EXPLAIN {query}").fetchall())
    assert "temporary files" not in plan
    assert connection.execute(query).fetchall() == expected


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="counts open files as Linux shows them")
def test_files_are_gone_after_an_error_and_a_forgotten_result(connection: Any) -> None:
    before = files_open()
    connection.execute("SET work_mem = '4kB'")
    with pytest.raises(minidb.Error):
        connection.execute("SELECT 1 / (a - 2999) FROM (SELECT a FROM t ORDER BY b, a) AS q").fetchall()
    cursor = connection.cursor()
    cursor.execute("SELECT t.a, u.y FROM t JOIN u ON t.a = u.x")
    cursor.fetchone()
    del cursor
    connection.execute("SELECT 1").fetchall()
    assert files_open() == before


def test_the_guard_looks_at_sizes() -> None:
    assert checked_bound([(1,)] * 100, Budget(1 << 20)) > 100
    with pytest.raises(WorkMemoryExceeded):
        checked_bound([("x" * 1000,)] * 100, Budget(50_000))


values = st.one_of(
    st.none(), st.integers(), st.text(max_size=4), st.booleans(), st.binary(max_size=4), st.dates(), st.times(),
    st.datetimes(), st.decimals(allow_nan=False), st.uuids(), st.floats(allow_nan=False),
    st.tuples(st.none(), st.decimals(allow_nan=False)),
)  # fmt: skip


@given(st.lists(st.tuples(values, values), min_size=1, max_size=8))
def test_rows_come_back_from_bytes(rows: list[Any]) -> None:
    found = unpacked(packed(rows))
    assert found == rows
    assert [[type(value) for value in row] for row in found] == [[type(value) for value in row] for row in rows]


def test_special_values_come_back() -> None:
    row = (Decimal("1.00"), date(2024, 1, 2), time(3, 4), datetime(2024, 1, 2, 3), UUID(int=7), Interval(1, 2, 3))
    found = unpacked(packed([row]))[0]
    assert found == row and str(found[0]) == "1.00" and type(found[5]) is Interval


rows_of_two = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 5)), st.integers(0, 99)), max_size=60)


@settings(max_examples=50)
@given(rows_of_two, st.booleans(), st.booleans())
def test_external_sorts(rows: list[Any], descending: bool, nulls_first: bool) -> None:
    columns = [(0, descending, nulls_first, True, ""), (1, not descending, False, False, "")]
    sorter = Sorter(columns, Budget(300))
    for start in range(0, len(rows), 7):
        sorter.add(rows[start : start + 7])
    expected = list(rows)
    sort(expected, columns)
    assert [row for batch in sorter for row in batch] == expected


@settings(max_examples=60)
@given(rows_of_two, rows_of_two, st.sampled_from(["inner", "left", "semi", "anti", "full"]), st.booleans())
def test_joins_against_loops(left: list[Any], right: list[Any], kind: str, tested: bool) -> None:
    test = (lambda one, other: one[1] <= other[1]) if tested else None
    nulls = (None, None)
    join = Join(kind, lambda row: row[0], lambda row: row[0], test, nulls, nulls, lambda: None)
    expected = by_loops(left, right, kind, test, nulls)
    for limit in (1 << 20, 200):
        assert paired(hash_join(join, [left], [right], Budget(limit))) == expected
    in_order = [sorted(side, key=lambda row: (row[0] is None, row[0] or 0)) for side in (left, right)]
    assert paired(merge_join(join, [in_order[0]], [in_order[1]])) == expected


def paired(batches: Any) -> list[Any]:
    return sorted((pair for batch in batches for pair in batch), key=repr)


def by_loops(left: list[Any], right: list[Any], kind: str, test: Any, nulls: Any) -> list[Any]:
    found: list[Any] = []
    met: set[int] = set()
    for one in left:
        places = [
            place
            for place, other in enumerate(right)
            if one[0] is not None and one[0] == other[0] and (test is None or test(one, other))
        ]
        met.update(places)
        if kind in ("semi", "anti"):
            found += [(one, nulls)] if bool(places) == (kind == "semi") else []
        elif places:
            found += [(one, right[place]) for place in places]
        elif kind != "inner":
            found.append((one, nulls))
    if kind == "full":
        found += [(nulls, other) for place, other in enumerate(right) if place not in met]
    return sorted(found, key=repr)


def test_kept_rows_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporary_files, "BATCH", 10)
    rows = [(i, "x" * 50) for i in range(500)]
    kept = Kept([rows[start : start + 9] for start in range(0, 500, 9)], Budget(2000))
    assert list(kept) == rows and list(kept) == rows
