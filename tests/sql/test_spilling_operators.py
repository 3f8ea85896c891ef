"""Every operator beyond work_mem: the results of a plan in memory, at once and after an interrupt or a full disk."""

from __future__ import annotations

import errno
import gc
import os
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidb
from minidb.sql.compiler import paged, runtime, temporary_files
from minidb.sql.compiler.frames import CallSpec, FrameSpec, compute
from minidb.sql.compiler.paged import PagedList
from minidb.sql.compiler.spilled_sets import Seen, distinct_batches, set_operation
from minidb.sql.compiler.spilled_windows import values
from minidb.sql.compiler.temporary_files import Budget, Spill
from minidb.sql.functions import catalogue
from minidb.types import INTEGER

DESCRIPTORS = Path("/proc/self/fd")
ROWS = 700
QUERIES = (
    "SELECT DISTINCT n, b FROM t",
    "SELECT DISTINCT ON (b) b, a FROM t ORDER BY b, a DESC",
    "SELECT b, n FROM t INTERSECT SELECT b, n FROM t WHERE a % 2 = 0",
    "SELECT b, n FROM t EXCEPT ALL SELECT b, n FROM t WHERE a % 2 = 0",
    "SELECT b FROM t UNION SELECT x::text FROM u",
    "SELECT b FROM t UNION ALL (SELECT b FROM t ORDER BY a)",
    "WITH q AS MATERIALIZED (SELECT a, b FROM t) SELECT count(*), max(r.b) FROM q JOIN q AS r USING (a)",
    "WITH RECURSIVE r(i, p) AS (SELECT 1, 'x' UNION ALL SELECT i + 1, p || i FROM r WHERE i < 300) SELECT * FROM r",
    "WITH RECURSIVE r(i) AS (SELECT a FROM t UNION SELECT (i * 7 + 1) % 900 FROM r) SELECT count(*), sum(i) FROM r",
    "SELECT a, rank() OVER (PARTITION BY b ORDER BY n), sum(a) OVER (ORDER BY a), "
    "lag(a, 2) OVER (ORDER BY n, a) FROM t",
    "SELECT a, sum(a) OVER (ORDER BY n ROWS BETWEEN 3 PRECEDING AND 2 FOLLOWING), count(*) FILTER (WHERE a % 2 = 0) "
    "OVER (PARTITION BY n), avg(a) OVER (ORDER BY b, a GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES) FROM t",
    "SELECT b, n, count(*), grouping(b, n), array_agg(a ORDER BY a) FROM t GROUP BY CUBE (b, n)",
    "SELECT b, n, count(*) FROM t WHERE a < 0 GROUP BY ROLLUP (b, n)",
    "SELECT t.a, u.x FROM t FULL JOIN u ON t.a < u.x AND t.a > 690 AND u.x < 10",
    "SELECT t.a, q.x FROM t LEFT JOIN (SELECT nullif(x, x) AS x FROM u) AS q ON t.a = q.x",
    "SELECT t.a, q.x FROM t FULL JOIN (SELECT nullif(x, x % 5) AS x FROM u) AS q ON t.a = q.x",
    "SELECT n, a FROM t ORDER BY n, b FETCH FIRST 5 ROWS WITH TIES",
    "SELECT n, a FROM t ORDER BY n, a LIMIT (SELECT 400) OFFSET 3",
    "SELECT a FROM t ORDER BY b, a FOR UPDATE",
)
CHANGES = (
    "UPDATE t SET n = n + 1, b = b || 'y' RETURNING a, n",
    "UPDATE t SET b = u.y::text FROM u WHERE u.x = t.a AND u.y = t.a % 13 RETURNING t.a, b",
    "DELETE FROM t USING u WHERE u.x = t.a RETURNING t.a",
    "MERGE INTO t USING (SELECT DISTINCT x FROM u) AS u ON t.a = u.x WHEN MATCHED AND a % 2 = 0 THEN DELETE "
    "WHEN MATCHED THEN UPDATE SET b = 'm' WHEN NOT MATCHED THEN INSERT VALUES (u.x, 'new', 1)",
    "INSERT INTO t SELECT a + 10000, b, n FROM t ORDER BY b RETURNING a",
    "INSERT INTO t SELECT a % 350, b, sum(n) FROM t GROUP BY a, b ORDER BY a ON CONFLICT (a) DO NOTHING",
    "WITH gone AS (DELETE FROM t WHERE a % 2 = 0 RETURNING *) INSERT INTO u SELECT a, 1 FROM gone",
)


def filled() -> Any:
    connection = minidb.connect(":memory:", autocommit=True)
    connection.execute("CREATE TABLE t (a int PRIMARY KEY, b text, n numeric)")
    connection.execute("CREATE TABLE u (x int, y int)")
    rows = [(i, "x" * (i % 5) + str(i % 77), None if i % 7 == 0 else Decimal(i * 37 % 300)) for i in range(ROWS)]
    connection.cursor().executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    connection.cursor().executemany("INSERT INTO u VALUES (?, ?)", [(i * 7 % 900, i % 13) for i in range(ROWS)])
    return connection


@pytest.fixture(scope="module")
def shared() -> Iterator[Any]:
    connection = filled()
    yield connection
    connection.close()


@pytest.fixture
def connection() -> Iterator[Any]:
    connection = filled()
    yield connection
    connection.close()


def unordered(rows: Any) -> list[str]:
    return sorted(map(repr, rows))


def files_open() -> int:
    gc.collect()
    return sum("(deleted)" in os.readlink(entry) for entry in DESCRIPTORS.iterdir() if entry.is_symlink())


@pytest.mark.parametrize("query", QUERIES)
def test_queries(shared: Any, query: str) -> None:
    shared.execute("SET work_mem = '64MB'")
    expected = shared.execute(query).fetchall()
    for memory in ("64kB", "4kB"):
        shared.execute(f"SET work_mem = '{memory}'")
        found = shared.execute(query).fetchall()
        assert unordered(found) == unordered(expected)
        if query.startswith("SELECT n, a FROM t ORDER BY n, a") or "FOR UPDATE" in query:
            assert found == expected


@pytest.mark.parametrize("change", CHANGES)
def test_changes(change: str) -> None:
    outcomes = []
    for memory in ("64MB", "4kB"):
        connection = filled()
        connection.execute(f"SET work_mem = '{memory}'")
        cursor = connection.execute(change)
        returned = unordered(cursor.fetchall()) if cursor.description else []
        outcomes.append((cursor.rowcount, returned, *(unordered(connection.execute(f"TABLE {t}")) for t in "tu")))
        connection.close()
    assert outcomes[0] == outcomes[1]


SPILLING = (
    "SELECT f(a), b FROM t ORDER BY b, n",
    "SELECT DISTINCT f(a), b FROM t",
    "SELECT sum(f(a)) OVER (PARTITION BY b ORDER BY a) FROM t",
    "UPDATE t SET n = f(a)",
    "SELECT f(t.a), u.y FROM t JOIN u ON f(t.a) = u.x",
)


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="counts open files as Linux shows them")
@pytest.mark.parametrize("statement", SPILLING)
def test_an_interrupt_leaves_the_session_usable_and_no_files(connection: Any, statement: str) -> None:
    before = files_open()
    calls = 0

    def f(value: int) -> int:
        nonlocal calls
        calls += 1
        if calls == ROWS * 2 // 3:
            connection.interrupt()
        return value

    connection.create_function("f", 1, f, deterministic=True, arguments=["integer"], returns="integer")
    connection.execute("SET work_mem = '4kB'")
    with pytest.raises(minidb.OperationalError) as caught:
        connection.execute(statement).fetchall()
    assert caught.value.sqlstate == "57014"
    del caught
    assert files_open() == before
    assert connection.execute("SELECT count(*), sum(n) FROM t").fetchone() == (ROWS, connection.execute(
        "SELECT sum(n) FROM t").fetchone()[0])  # fmt: skip


WRITING = (
    "SELECT a, b FROM t ORDER BY b, n",
    "SELECT DISTINCT a * x FROM t, u WHERE y = 1",
    "SELECT sum(a) OVER (PARTITION BY b ORDER BY a) FROM t",
    "SELECT t.a, o.n FROM t JOIN t AS o ON t.b = o.b",
    "SELECT a, b FROM t EXCEPT ALL SELECT a, b FROM t WHERE a < 5",
    "SELECT b, n, count(*) FROM t GROUP BY CUBE (b, n)",
    "WITH RECURSIVE r(i, x) AS (SELECT 1, 'x' UNION ALL SELECT i + 1, x || 'y' FROM r WHERE i < 200) SELECT * FROM r",
    "UPDATE t SET n = a",
)


class FullDisk:
    """A file on a disk that has room for so many bytes."""

    room = 3000

    def __init__(self, file: Any) -> None:
        self.file = file
        self.seek, self.read = file.seek, file.read

    def write(self, data: Any) -> int:
        if FullDisk.room < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")
        FullDisk.room -= len(data)
        written: int = self.file.write(data)
        return written


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="counts open files as Linux shows them")
@pytest.mark.parametrize("statement", WRITING)
def test_a_full_disk(connection: Any, statement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files_open()
    original = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **options: FullDisk(original(**options)))
    FullDisk.room = 3000
    connection.execute("SET work_mem = '4kB'")
    total = connection.execute("SELECT sum(n) FROM t").fetchone()
    connection.execute("BEGIN")
    connection.execute("INSERT INTO u VALUES (-1, -1)")
    connection.execute("SAVEPOINT s")
    with pytest.raises(minidb.OperationalError) as caught:
        connection.execute(statement).fetchall()
    assert caught.value.sqlstate == "53100" and "temporary file" in str(caught.value)
    del caught
    connection.execute("ROLLBACK TO s")
    connection.execute("COMMIT")
    assert files_open() == before
    monkeypatch.undo()
    connection.execute(statement)
    assert connection.execute("SELECT count(*) FROM u WHERE x = -1").fetchone() == (1,)
    if not statement.startswith("UPDATE"):
        assert connection.execute("SELECT sum(n) FROM t").fetchone() == total


# -- the parts by themselves ------------------------------------------------------------------------------

pairs = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 9)), st.integers(0, 30)), max_size=80)
TINY = 300  # bytes


def batches(rows: list[Any]) -> list[list[Any]]:
    return [rows[start : start + 7] for start in range(0, len(rows), 7)]


def nothing() -> None:
    pass


@settings(max_examples=40)
@given(pairs)
def test_distinct_rows(rows: list[Any]) -> None:
    found = [
        row for batch in distinct_batches(batches(rows), lambda row: row[0], Budget(TINY), nothing) for row in batch
    ]
    first = {}
    for row in rows:
        first.setdefault(row[0], row)
    assert unordered(found) == unordered(first.values())
    seen = Seen(Budget(TINY), nothing)
    half = len(rows) // 2
    new = [row for part in (rows[:half], rows[half:]) for batch in seen.new(batches(part)) for row in batch]
    assert unordered(new) == unordered(dict.fromkeys(rows))


@settings(max_examples=40)
@given(pairs, pairs, st.sampled_from(["intersect", "except"]), st.booleans())
def test_set_operations(left: list[Any], right: list[Any], kind: str, all_rows: bool) -> None:
    found = set_operation(kind, all_rows, batches(left), batches(right), Budget(TINY), nothing)
    assert unordered(row for batch in found for row in batch) == unordered(
        runtime.set_operation(kind, all_rows, left, right)
    )


@settings(max_examples=40)
@given(st.lists(st.integers(0, 200), max_size=30), st.data())
def test_paged_lists(sizes: list[int], data: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paged, "BATCH", 5)
        patch.setattr(temporary_files, "BATCH", 5)
        spill = Spill()
        rows, held = [], PagedList(Budget(1000, spill))
        for size in sizes:
            part = [(len(rows) + place, "x" * (place % 9)) for place in range(size % 40)]
            rows += part
            held.extend(part)
        assert len(held) == len(rows) and list(held) == rows
        assert spill.written > 0 or len(rows) < 60
        for _ in range(20 if rows else 0):
            place = data.draw(st.integers(0, len(rows) - 1))
            assert held[place] == rows[place]
            assert held.after(place) == rows[place : place + len(held.after(place))] != []
        assert held.after(len(rows)) == []


frames_ = st.builds(
    FrameSpec,
    mode=st.sampled_from(["rows", "groups"]),
    start=st.sampled_from(["unbounded preceding", "preceding", "current row"]),
    end=st.sampled_from(["current row", "following", "unbounded following"]),
    exclude=st.sampled_from(["no others", "current row", "group", "ties"]),
)


@settings(max_examples=60)
@given(pairs, frames_, st.sampled_from(["sum", "row_number", "rank", "first_value", "lag", "cume_dist"]))
def test_windows(rows: list[Any], frame: FrameSpec, name: str) -> None:
    order = [(0, False, False, False, "")]
    function = catalogue.resolve_aggregate("sum", (INTEGER,))[0] if name == "sum" else None
    call = CallSpec(name=name, aggregate=function, columns=tuple(order), frame=frame)
    partitions = [(row[0],) for row in rows]
    orders = [(row[1] % 4,) for row in rows]
    arguments = [(row[1],) for row in rows]
    expected = compute(call, partitions, orders, arguments, None, (1, 2), len(rows))
    items = zip(partitions, orders, arguments, [True] * len(rows))
    found = values(call, [(0, False, False, True, "")], items, (1, 2), Budget(TINY), nothing)
    assert list(found) == expected
