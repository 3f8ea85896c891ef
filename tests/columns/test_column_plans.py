"""What EXPLAIN says of a table by columns, and what is unpacked: counted, not timed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import minidb
from minidb.access import column_arrays, column_values
from minidb.sql.vectors.run import Vectors

ROWS = 2000


@pytest.fixture
def connection(vectors: bool) -> Iterator[minidb.Connection]:
    with minidb.connect(":memory:", autocommit=True) as made:
        made.execute("CREATE TABLE t (id int, g int, n bigint, v text, d date) WITH (layout = column)")
        values = "g, g % 4, g, 'v' || g % 3, date '2020-01-01' + g / 100"
        made.execute(f"INSERT INTO t SELECT {values} FROM generate_series(1, {ROWS}) g")
        made.execute("CHECKPOINT")
        made.execute("ANALYZE t")  # which unpacks some pages
        yield made


def plan(connection: minidb.Connection, sql: str) -> list[str]:
    lines = [row[0] for row in connection.execute(f"EXPLAIN {sql}")]
    return [line.strip() for line in lines if "Vectors" in line or "Skipped" in line]


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A word for each column of a page that is unpacked from now on."""
    seen: list[str] = []
    decode, array = column_values.ColumnForm.decode, column_arrays.unpacked

    def decoded(form: object, values: object, count: int) -> object:
        seen.append("list")
        return decode(form, values, count)  # type: ignore[arg-type]

    def made(packed: object, count: int, np: object) -> object:
        seen.append("array")
        return array(packed, count, np)  # type: ignore[arg-type]

    monkeypatch.setattr(column_values.ColumnForm, "decode", decoded)
    monkeypatch.setattr(column_arrays, "unpacked", made)
    return seen


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT count(*), sum(n), avg(n), min(d), max(v) FROM t", ""),
        ("SELECT g, v, count(*) FROM t WHERE n % 7 = 3 AND v LIKE 'v%' GROUP BY g, v", ""),
        ("SELECT g + 1, sum(n * 2) FROM t WHERE n IN (1, 2) OR d > '2020-01-03' GROUP BY g + 1", ""),
        ("SELECT stddev(n) FROM t", "stddev"),
        ("SELECT count(DISTINCT n) FROM t", "count"),
        ("SELECT sum(n) FILTER (WHERE g = 1) FROM t", "sum"),
        ("SELECT sum(n::double precision) FROM t", "sum"),
        ("SELECT count(*) FROM t WHERE length(v) > g", "the filter"),
        ("SELECT count(*) FROM t WHERE random() < n", "the filter"),
        ("SELECT v || 'x', sum(n) FROM t GROUP BY v || 'x'", "the group key"),
        ("SELECT g, sum(n) FROM t GROUP BY GROUPING SETS ((g), ())", "grouping sets and sorted groups"),
    ],
)
def test_explain_says_whether_vectors_are_used(
    connection: minidb.Connection, vectors: bool, sql: str, reason: str
) -> None:
    expected = f"no ({reason})" if reason else "NumPy" if vectors else "no (NumPy is not installed)"
    assert plan(connection, sql)[0] == f"Vectors: {expected}"


def test_explain_analyze_counts_rows_one_by_one(connection: minidb.Connection) -> None:
    lines = [row[0] for row in connection.execute("EXPLAIN ANALYZE SELECT sum(n) FROM t WHERE n > 10")]
    assert "  Vectors: no (every row is counted)" in lines
    assert any(f"actual rows={ROWS - 10}" in line for line in lines)


def test_explain_says_which_filters_bounds_decide(connection: minidb.Connection) -> None:
    assert plan(connection, "SELECT v FROM t WHERE n > 5 AND v = 'v1' AND length(v) = 2 AND id < 7") == [
        "Pages Skipped By: t.n > 5"
    ]
    assert plan(connection, "SELECT v FROM t WHERE v LIKE 'a'") == []


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT v FROM t WHERE n > 1990", 10),
        ("SELECT * FROM t WHERE n > 1990", 10),
        ("SELECT v FROM t WHERE NOT (n <= 1990) AND id IS NOT NULL", 10),
        ("SELECT v FROM t WHERE d = '2020-01-21'", 1),
        ("SELECT v FROM t WHERE n > ?", 10),
        ("SELECT v FROM t WHERE v <> 'x' AND n > 1990", 10),
    ],
)
def test_pages_that_bounds_exclude_are_not_unpacked(
    connection: minidb.Connection, unpacked: list[str], sql: str, rows: int
) -> None:
    parameters = (1990,) if "?" in sql else ()
    assert len(connection.execute(sql, parameters).fetchall()) == rows
    assert 0 < len(unpacked) <= 2 * 5  # the five columns of the last two pages


def test_a_page_is_not_excluded_before_an_error_that_it_could_raise(connection: minidb.Connection) -> None:
    with pytest.raises(minidb.DataError, match="division by zero"):
        connection.execute("SELECT v FROM t WHERE 1 / (n - 5) = 0 AND n > 1990").fetchall()
    assert len(connection.execute("SELECT v FROM t WHERE n > 1990 AND 1 / (n - 5) = 0").fetchall()) == 10


def test_an_aggregate_unpacks_what_it_needs_once(connection: minidb.Connection, unpacked: list[str]) -> None:
    pages = connection.execute("SELECT pages FROM sys.tables WHERE name = 't'").fetchone()[0]  # type: ignore[index]
    for _ in range(2):
        assert connection.execute("SELECT sum(n) FROM t WHERE n % 2 = 0").fetchone() == (ROWS * (ROWS + 2) // 4,)
    assert pages - 3 < len(unpacked) <= pages  # the tree's other pages are counted, too
    connection.execute("SELECT count(*) FROM t").fetchone()
    assert len(unpacked) <= pages


def test_groups_of_many_pages_keep_the_order_of_their_first_rows(connection: minidb.Connection) -> None:
    assert [row[0] for row in connection.execute("SELECT g, count(*) FROM t GROUP BY g")] == [1, 2, 3, 0]
    assert [row[0] for row in connection.execute("SELECT v, max(n) FROM t GROUP BY v")] == ["v1", "v2", "v0"]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT sum(b) FROM w", [(5 * (2**63 - 1),)]),
        ("SELECT g, sum(b) FROM w GROUP BY g", [(1, 3 * (2**63 - 1)), (0, 2 * (2**63 - 1))]),
        ("SELECT sum(-b) FROM w", [(-5 * (2**63 - 1),)]),
        ("SELECT min(c % -1), max(c / 2), sum(c % 5) FROM w", [(0, -(2**62), -15)]),
    ],
)
def test_sums_are_exact_beyond_64_bits(connection: minidb.Connection, sql: str, rows: list[tuple[int, ...]]) -> None:
    connection.execute("CREATE TABLE w (b bigint, g int, c bigint) WITH (layout = column)")
    connection.execute(f"INSERT INTO w SELECT {2**63 - 1}, i % 2, {-(2**63)} FROM generate_series(1, 5) i")
    connection.execute("CHECKPOINT")
    assert connection.execute(sql).fetchall() == rows


@pytest.mark.parametrize(
    ("sql", "result"),
    [
        ("SELECT sum(m), avg(m), count(m) FROM w", "27670116110564327421.0 4611686018427387903.5 6"),
        ("SELECT g, sum(m) FROM w WHERE g < 3 GROUP BY g", "1 4611686018427387903.5 2 None"),
        ("SELECT sum(m) FROM w WHERE g = 2", "None"),
    ],
)
def test_sums_of_numeric_keep_their_scale(connection: minidb.Connection, sql: str, result: str) -> None:
    connection.execute("CREATE TABLE w (m numeric, g int) WITH (layout = column)")
    half = "4611686018427387903.5"
    connection.execute(f"INSERT INTO w VALUES ({half}, 1), (NULL, 2), {', '.join([f'({half}, 3)'] * 5)}")
    connection.execute("CHECKPOINT")
    assert " ".join([str(value) for row in connection.execute(sql) for value in row]) == result


@pytest.mark.parametrize(
    "sql", ["SELECT sum(b + 1) FROM w", "SELECT count(*) FROM w WHERE b * 2 > 0", "SELECT sum(-c) FROM w"]
)
def test_overflow_is_an_error_still(connection: minidb.Connection, sql: str) -> None:
    connection.execute("CREATE TABLE w (b bigint, c bigint) WITH (layout = column)")
    connection.execute(f"INSERT INTO w VALUES (1, 1), ({2**63 - 1}, {-(2**63)})")
    connection.execute("CHECKPOINT")
    with pytest.raises(minidb.DataError, match="bigint out of range"):
        connection.execute(sql).fetchall()


def test_every_page_goes_through_vectors(
    connection: minidb.Connection, vectors: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[bool] = []
    takes = Vectors.takes
    monkeypatch.setattr(Vectors, "takes", lambda self, *rest: taken.append(takes(self, *rest)) or taken[-1])
    connection.execute("SELECT g, count(*), sum(n), min(d) FROM t WHERE n % 7 = 3 GROUP BY g").fetchall()
    assert all(taken) and bool(taken) == vectors
