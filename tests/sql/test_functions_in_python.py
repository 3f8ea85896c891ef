"""Functions, aggregates and collations written in Python, and procedures for CALL."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

import minidb


@pytest.fixture
def conn() -> Iterator[minidb.Connection]:
    with minidb.Database(":memory:") as database:
        connection = database.connect(autocommit=True)
        connection.execute("CREATE TABLE t (id int PRIMARY KEY, w text)")
        connection.execute("INSERT INTO t VALUES (1, 'b'), (2, 'A'), (3, 'a'), (4, NULL)")
        yield connection


def rows(conn: minidb.Connection, sql: str, *parameters: Any) -> list[Any]:
    return [row[0] if len(row) == 1 else row for row in conn.execute(sql, parameters)]


def half(value: int) -> int:
    return value // 2


def test_types_come_from_the_annotation_or_are_given(conn: minidb.Connection) -> None:
    conn.create_function("half", 1, half, deterministic=True)
    conn.create_function("vat", 2, lambda price, rate: price * rate / 100, arguments=("numeric", Decimal),
                         returns="numeric")
    conn.create_function("joined", -1, lambda *values: "+".join(map(str, values)))
    assert rows(conn, "SELECT half(9) + 1, pg_typeof(half(1))") == [(5, "bigint")]
    assert rows(conn, "SELECT vat('200', 19)") == [Decimal(38)]
    assert rows(conn, "SELECT joined(1, 'a', NULL)") == ["1+a+None"]


def test_a_result_is_converted_or_refused(conn: minidb.Connection) -> None:
    conn.create_function("number", 1, lambda value: value, returns="smallint")
    assert rows(conn, "SELECT number('7'), number(NULL)") == [(7, None)]
    for sql, state in (("SELECT number(70000)", "22003"), ("SELECT number('x')", "22P02"),
                       ("SELECT number(date '2020-01-01')", "39004")):
        with pytest.raises(minidb.Error) as caught:
            conn.execute(sql)
        assert caught.value.sqlstate == state


def test_an_exception_is_the_cause_of_the_error(conn: minidb.Connection) -> None:
    conn.create_function("inverse", 1, lambda value: 1 // value, returns=int)
    with pytest.raises(minidb.OperationalError, match="function inverse raised ZeroDivisionError") as caught:
        conn.execute("UPDATE t SET id = inverse(id - 1)")
    assert caught.value.sqlstate == "38000" and isinstance(caught.value.__cause__, ZeroDivisionError)
    assert rows(conn, "SELECT count(*) FROM t") == [4]


def test_a_volatile_function_is_called_for_each_row_and_once_in_a_with_query(conn: minidb.Connection) -> None:
    calls: list[int] = []

    def tick() -> int:
        calls.append(1)
        return len(calls)

    conn.create_function("tick", 0, tick)
    assert rows(conn, "SELECT tick() FROM t") == [1, 2, 3, 4]
    assert rows(conn, "WITH x AS (SELECT tick() AS n) SELECT x.n, y.n FROM x, x y") == [(5, 5)]
    conn.create_function("tick", 0, tick, deterministic=True)
    calls.clear()
    rows(conn, "SELECT tick() FROM t WHERE id = 1")
    assert len(calls) == 1


def test_functions_belong_to_a_connection_and_come_before_built_in_ones(conn: minidb.Connection) -> None:
    with minidb.Database(":memory:") as database:
        one, other = database.connect(autocommit=True), database.connect(autocommit=True)
        assert rows(one, "SELECT upper('x')") == ["X"]
        one.create_function("upper", 1, lambda text: "one " + text)
        assert rows(one, "SELECT upper('x')") == ["one x"]
        assert rows(other, "SELECT upper('x')") == ["X"]
        one.create_function("upper", 1, None)
        assert rows(one, "SELECT upper('x')") == ["X"]


@pytest.mark.parametrize("sql", ["CREATE TABLE z (a int CHECK (half(a) > 1))", "CREATE INDEX ON t (half(id))",
                                 "CREATE VIEW v AS SELECT half(id) FROM t"])
def test_definitions_cannot_use_them(conn: minidb.Connection, sql: str) -> None:
    conn.create_function("half", 1, half, deterministic=True)
    with pytest.raises(minidb.UndefinedFunction):
        conn.execute(sql)


def test_a_check_keeps_its_meaning(conn: minidb.Connection) -> None:
    conn.execute("CREATE TABLE z (w text CHECK (upper(w) = 'X'))")
    conn.create_function("upper", 1, lambda text: "nothing")
    conn.execute("INSERT INTO z VALUES ('x')")


class Product:
    def __init__(self) -> None:
        self.product = 1

    def step(self, value: int | None) -> None:
        self.product *= value or 1

    def finalize(self) -> int:
        return self.product


def test_aggregates_in_groups_and_windows(conn: minidb.Connection) -> None:
    conn.create_aggregate("product", 1, Product)
    assert rows(conn, "SELECT product(id), product(id) FILTER (WHERE id > 2), product(DISTINCT id % 2 + 1) FROM t") == [
        (24, 12, 2)
    ]
    assert rows(conn, "SELECT w IS NULL, product(id) FROM t GROUP BY 1 ORDER BY 1") == [(False, 6), (True, 4)]
    assert rows(conn, "SELECT product(id) OVER (ORDER BY id) FROM t") == [1, 2, 6, 24]
    assert rows(conn, "SELECT product(id) OVER (ORDER BY id ROWS 1 PRECEDING) FROM t") == [1, 2, 6, 12]
    with pytest.raises(minidb.OperationalError) as caught:
        conn.execute("SELECT product(w) FROM t")
    assert caught.value.sqlstate == "38000"


def test_collations(conn: minidb.Connection) -> None:
    conn.create_collation("nocase", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
    assert rows(conn, "SELECT id FROM t ORDER BY w COLLATE nocase DESC, id") == [4, 1, 2, 3]
    assert rows(conn, "SELECT id FROM t WHERE w COLLATE nocase = 'A' ORDER BY id") == [2, 3]
    assert rows(conn, "SELECT x.id, y.id FROM t x JOIN t y ON x.w COLLATE nocase = y.w WHERE x.id = 3 ORDER BY 2") == [
        (3, 2), (3, 3)
    ]
    assert rows(conn, "SELECT w COLLATE nocase FROM t WHERE id = 2") == ["A"]
    conn.create_collation("nocase", None)
    with pytest.raises(minidb.UndefinedObject):
        conn.execute("SELECT id FROM t ORDER BY w COLLATE nocase")


@pytest.mark.parametrize("sql", [
    "SELECT min(w COLLATE nocase) FROM t",
    "SELECT 'a' BETWEEN 'A' COLLATE nocase AND 'B'",
    "SELECT 'a' COLLATE nocase IN ('A')",
    "SELECT greatest('a', 'B' COLLATE nocase)",
    "SELECT least('a' COLLATE nocase, 'B')",
    "SELECT nullif('a' COLLATE nocase, 'A')",
    "SELECT 'a' COLLATE nocase IS DISTINCT FROM 'A'",
    "SELECT CASE 'a' WHEN 'A' COLLATE nocase THEN 1 END",
    "SELECT count(*) FROM t GROUP BY w COLLATE nocase",
    "SELECT DISTINCT w COLLATE nocase FROM t",
    "SELECT DISTINCT ON (w COLLATE nocase) w FROM t",
    "SELECT row_number() OVER (PARTITION BY w COLLATE nocase) FROM t",
])
def test_what_would_pass_over_a_collation_refuses_it(conn: minidb.Connection, sql: str) -> None:
    conn.create_collation("nocase", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
    with pytest.raises(minidb.NotSupportedError, match="does not know collations written in Python"):
        conn.execute(sql)


@pytest.mark.parametrize("sql", [
    "CREATE TABLE c (w text COLLATE nocase)",
    "ALTER TABLE t ALTER w TYPE text COLLATE nocase",
    "CREATE INDEX i ON t (w COLLATE nocase)",
    "CREATE INDEX i ON t (half(id))",
    "CREATE VIEW v AS SELECT half(id) FROM t",
])
def test_the_schema_says_why_it_cannot_use_what_a_connection_has(conn: minidb.Connection, sql: str) -> None:
    conn.create_collation("nocase", lambda a, b: (a.lower() > b.lower()) - (a.lower() < b.lower()))
    conn.create_function("half", 1, half, deterministic=True)
    with pytest.raises(minidb.ProgrammingError) as caught:
        conn.execute(sql)
    assert "belongs to this connection" in (caught.value.detail or "")


def test_a_column_compares_by_code_point(conn: minidb.Connection) -> None:
    conn.execute('CREATE TABLE c (w text COLLATE "C", x varchar(3) COLLATE "default")')
    with pytest.raises(minidb.Error, match='collation "de_DE" for encoding "UTF8" does not exist'):
        conn.execute('CREATE TABLE d (w text COLLATE "de_DE")')
    with pytest.raises(minidb.Error, match="collations are not supported by type integer"):
        conn.execute('CREATE TABLE d (w int COLLATE "C")')


def test_call_runs_a_procedure_as_a_transaction(conn: minidb.Connection) -> None:
    def add(connection: minidb.Connection, first: int, second: int) -> int:
        level = connection.execute("SHOW TRANSACTION ISOLATION LEVEL").fetchone()
        assert level == ("serial",)
        connection.execute("INSERT INTO t VALUES (?, 'new')", (first + second,))
        return first + second

    conn.register_procedure("add_row", add)
    assert rows(conn, "CALL add_row(?, 2 * 3)", 10) == [16]
    assert rows(conn, "SELECT w FROM t WHERE id = 16") == ["new"]
    with pytest.raises(minidb.UniqueViolation):
        conn.execute("CALL add_row(10, 6)")
    with pytest.raises(minidb.UndefinedFunction):
        conn.execute("CALL nothing()")
    with pytest.raises(minidb.UndefinedFunction) as missing:
        conn.execute("CALL add_row(1)")
    assert (missing.value.message, missing.value.position) == ("procedure add_row(integer) does not exist", 5)
    assert "missing a required argument: 'second'" in (missing.value.hint or "")
    with pytest.raises(minidb.UndefinedFunction, match=r"add_row\(integer, numeric, boolean\) does not exist"):
        conn.execute("CALL add_row(1, 2.5, true)")
    with pytest.raises(minidb.UndefinedFunction, match=r"procedure add_row\(integer\) does not exist"):
        conn.call("add_row", 1)
    with pytest.raises(minidb.UndefinedFunction):
        conn.cursor().callproc("add_row", [1, 2, 3])
    with pytest.raises(TypeError, match="unsupported operand"):
        conn.execute("CALL add_row(1, 'x')")
    assert conn.execute("SELECT count(*) FROM t").fetchone() == (5,)
    conn.execute("BEGIN")
    with pytest.raises(minidb.Error) as caught:
        conn.execute("CALL add_row(1, 1)")
    assert caught.value.sqlstate == "25001"
