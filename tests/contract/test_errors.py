"""The contract, 1.1: errors by class, SQLSTATE, place and hint."""

from __future__ import annotations

import re

import pytest

import minidb


@pytest.fixture
def shop(auto: minidb.Connection) -> minidb.Connection:
    auto.execute("CREATE TABLE parent (id int PRIMARY KEY)")
    auto.execute(
        "CREATE TABLE item (id int PRIMARY KEY, name text NOT NULL, price numeric(6,2) CHECK (price > 0), "
        "parent_id int REFERENCES parent, code varchar(3) UNIQUE)"
    )
    auto.execute("INSERT INTO parent VALUES (1)")
    auto.execute("INSERT INTO item VALUES (1, 'a', 1, 1, 'x')")
    return auto


CASES = [
    ("SELEC 1", minidb.SyntaxError, "42601"),
    ("SELECT FROM WHERE", minidb.SyntaxError, "42601"),
    ("SELECT 'open", minidb.SyntaxError, "42601"),
    ("SELECT (1", minidb.SyntaxError, "42601"),
    ("SELECT 1 2", minidb.SyntaxError, "42601"),
    ("SELECT /* open", minidb.SyntaxError, "42601"),
    ("", minidb.Error, None),
    (";", minidb.Error, None),
    ("SELECT 1; SELECT 2", minidb.Error, "42601"),
    ("SELECT * FROM nope", minidb.UndefinedTable, "42P01"),
    ("INSERT INTO nope VALUES (1)", minidb.UndefinedTable, "42P01"),
    ("DROP TABLE nope", minidb.UndefinedTable, "42P01"),
    ("SELECT * FROM sys.nope", minidb.UndefinedTable, "42P01"),
    ("SELECT nope FROM item", minidb.UndefinedColumn, "42703"),
    ("SELECT x.id FROM item", minidb.ProgrammingError, "42P01"),
    ("INSERT INTO item (nope) VALUES (1)", minidb.UndefinedColumn, "42703"),
    ("UPDATE item SET nope = 1", minidb.UndefinedColumn, "42703"),
    ("SELECT nope(1)", minidb.UndefinedFunction, "42883"),
    ("SELECT 1 + 'a'::text", minidb.ProgrammingError, "42883"),
    ("SELECT id FROM item, parent", minidb.AmbiguousColumn, "42702"),
    ("SELECT * FROM item a, parent a", minidb.ProgrammingError, "42712"),
    ("SELECT name, count(*) FROM item", minidb.GroupingError, "42803"),
    ("SELECT 1 FROM item WHERE count(*) > 1", minidb.GroupingError, "42803"),
    ("SELECT 1 UNION SELECT 1, 2", minidb.ProgrammingError, "42601"),
    ("SELECT 1 UNION SELECT true", minidb.ProgrammingError, "42804"),
    ("SELECT (SELECT id, name FROM item)", minidb.ProgrammingError, "42601"),
    ("SELECT * FROM item ORDER BY 99", minidb.ProgrammingError, "42P10"),
    ("SELECT id FROM item WHERE name", minidb.ProgrammingError, "42804"),
    ("INSERT INTO item VALUES (2, 'b', 1, 1, 'y', 7)", minidb.ProgrammingError, "42601"),
    ("INSERT INTO item (id, name) VALUES (2)", minidb.ProgrammingError, "42601"),
    ("INSERT INTO item (id, id) VALUES (2, 2)", minidb.ProgrammingError, "42701"),
    ("CREATE TABLE item (a int)", minidb.DuplicateTable, "42P07"),
    ("CREATE INDEX item_pkey ON item (name)", minidb.ProgrammingError, "42P07"),
    ("CREATE TABLE x (a int, a int)", minidb.DuplicateColumn, "42701"),
    ("CREATE TABLE x (a nope)", minidb.ProgrammingError, "42704"),
    ("CREATE TABLE x (a int PRIMARY KEY, b int PRIMARY KEY)", minidb.ProgrammingError, "42P16"),
    ("ALTER TABLE item ADD COLUMN name int", minidb.DuplicateColumn, "42701"),
    ("ALTER TABLE item DROP COLUMN nope", minidb.UndefinedColumn, "42703"),
    ("ALTER TABLE item DROP CONSTRAINT nope", minidb.ProgrammingError, "42704"),
    ("DROP INDEX nope", minidb.ProgrammingError, "42704"),
    ("DROP TABLE parent", minidb.DependentObjectsExist, "2BP01"),
    ("SET nope = 1", minidb.ProgrammingError, "42704"),
    ("SHOW nope", minidb.ProgrammingError, "42704"),
    ("INSERT INTO item VALUES (1, 'b', 1, 1, 'y')", minidb.UniqueViolation, "23505"),
    ("INSERT INTO item VALUES (2, 'b', 1, 1, 'x')", minidb.UniqueViolation, "23505"),
    ("INSERT INTO item VALUES (2, NULL, 1, 1, 'y')", minidb.NotNullViolation, "23502"),
    ("INSERT INTO item (name) VALUES ('b')", minidb.NotNullViolation, "23502"),
    ("INSERT INTO item VALUES (2, 'b', 0, 1, 'y')", minidb.CheckViolation, "23514"),
    ("INSERT INTO item VALUES (2, 'b', 1, 9, 'y')", minidb.ForeignKeyViolation, "23503"),
    ("DELETE FROM parent", minidb.ForeignKeyViolation, "23503"),
    ("UPDATE parent SET id = 2", minidb.ForeignKeyViolation, "23503"),
    ("INSERT INTO item VALUES (2, 'b', 1, 1, 'long')", minidb.StringDataRightTruncation, "22001"),
    ("INSERT INTO item VALUES (2, 'b', 12345, 1, 'y')", minidb.NumericValueOutOfRange, "22003"),
    ("INSERT INTO item VALUES ('two', 'b', 1, 1, 'y')", minidb.InvalidTextRepresentation, "22P02"),
    ("INSERT INTO item VALUES (true, 'b', 1, 1, 'y')", minidb.ProgrammingError, "42804"),
    ("SELECT 1 / 0", minidb.DivisionByZero, "22012"),
    ("SELECT 1 % 0", minidb.DivisionByZero, "22012"),
    ("SELECT 2147483647 + 1", minidb.NumericValueOutOfRange, "22003"),
    ("SELECT 32767::smallint + 1::smallint", minidb.NumericValueOutOfRange, "22003"),
    ("SELECT 9223372036854775807 + 1", minidb.NumericValueOutOfRange, "22003"),
    ("SELECT -(-2147483647 - 1)", minidb.NumericValueOutOfRange, "22003"),
    ("SELECT 1e308 * 10::float8", minidb.NumericValueOutOfRange, "22003"),
    ("SELECT 70000::smallint", minidb.NumericValueOutOfRange, "22003"),
    ("SELECT 'x'::int", minidb.InvalidTextRepresentation, "22P02"),
    ("SELECT 'x'::uuid", minidb.InvalidTextRepresentation, "22P02"),
    ("SELECT 'maybe'::boolean", minidb.InvalidTextRepresentation, "22P02"),
    ("SELECT 'x'::date", minidb.InvalidDatetimeFormat, "22007"),
    ("SELECT '2023-02-29'::date", minidb.DatetimeFieldOverflow, "22008"),
    ("SELECT (SELECT id FROM (VALUES (1), (2)) v(id))", minidb.CardinalityViolation, "21000"),
    ("SELECT true::date", minidb.CannotCoerce, "42846"),
    ("SELECT sum(name) FROM item", minidb.UndefinedFunction, "42883"),
    ("SELECT sqrt(-1)", minidb.DataError, "2201F"),
    ("SELECT ln(0)", minidb.DataError, "2201E"),
    ("SELECT substring('abc', 1, -1)", minidb.DataError, "22011"),
    ("SELECT 1 LIMIT -1", minidb.DataError, "2201W"),
    ("SELECT 1 OFFSET -1", minidb.DataError, "2201X"),
    ("CALL nope()", minidb.Error, None),
    ("CREATE VIEW", minidb.SyntaxError, "42601"),
]


@pytest.mark.parametrize(("sql", "kind", "sqlstate"), CASES)
def test_class_and_sqlstate(shop: minidb.Connection, sql: str, kind: type[minidb.Error], sqlstate: str | None) -> None:
    for _ in range(2):  # the second time it may come from the cache
        with pytest.raises(kind) as caught:
            shop.execute(sql)
        error = caught.value
        assert isinstance(error, minidb.Error)
        assert re.fullmatch("[0-9A-Z]{5}", error.sqlstate)
        assert sqlstate is None or error.sqlstate == sqlstate
        assert error.message
    assert shop.execute("SELECT count(*) FROM item").fetchone() == (1,)


CLASSES = {
    "SerializationFailure": ("40001", "OperationalError"),
    "DeadlockDetected": ("40P01", "OperationalError"),
    "LockNotAvailable": ("55P03", "OperationalError"),
    "UniqueViolation": ("23505", "IntegrityError"),
    "ForeignKeyViolation": ("23503", "IntegrityError"),
    "NotNullViolation": ("23502", "IntegrityError"),
    "CheckViolation": ("23514", "IntegrityError"),
    "UndefinedTable": ("42P01", "ProgrammingError"),
    "UndefinedColumn": ("42703", "ProgrammingError"),
    "SyntaxError": ("42601", "ProgrammingError"),
    "DatabaseCorrupt": ("XX001", "DatabaseError"),
    "QueryCanceled": ("57014", "OperationalError"),
    "DiskFull": ("53100", "OperationalError"),
}


@pytest.mark.parametrize("name", CLASSES)
def test_leaves(name: str) -> None:
    sqlstate, base = CLASSES[name]
    kind = getattr(minidb, name)
    assert kind("x").sqlstate == sqlstate
    assert issubclass(kind, getattr(minidb, base))


def fails(conn: minidb.Connection, sql: str) -> minidb.Error:
    with pytest.raises(minidb.Error) as caught:
        conn.execute(sql)
    return caught.value


def test_a_syntax_error_shows_line_caret_and_what_was_expected(auto: minidb.Connection) -> None:
    error = fails(auto, "SELECT a,\n  b\nFORM t WHERE")
    text = str(error)
    assert "LINE 3: FORM t WHERE" in text
    caret = next(line for line in text.splitlines() if line.strip() == "^")
    assert caret.index("^") == len("LINE 3: FORM ")
    assert error.position == len("SELECT a,\n  b\nFORM ")
    assert "xpected" in text


@pytest.mark.parametrize(
    ("sql", "place", "word"),
    [
        ("SELECT nmae FROM item", "nmae", "name"),
        ("SELECT * FROM itme", "itme", "item"),
        ("SELECT uper(name) FROM item", "uper", "upper"),
        ("UPDATE item SET pirce = 1", "pirce", "price"),
    ],
)
def test_a_misspelt_name_names_its_neighbour(shop: minidb.Connection, sql: str, place: str, word: str) -> None:
    error = fails(shop, sql)
    assert error.position == sql.index(place)
    assert word in (error.hint or "")
    assert "^" in str(error)


def test_integrity_errors_name_constraint_and_key(shop: minidb.Connection) -> None:
    error = fails(shop, "INSERT INTO item VALUES (1, 'b', 1, 1, 'y')")
    assert error.constraint == "item_pkey"
    assert error.table == "item"
    assert "(id)=(1)" in (error.detail or "")
    assert fails(shop, "INSERT INTO item VALUES (2, 'b', 1, 9, 'y')").constraint == "item_parent_id_fkey"
    assert fails(shop, "INSERT INTO item VALUES (2, 'b', -1, 1, 'y')").constraint == "item_price_check"


def test_an_error_leaves_a_cursor_usable(auto: minidb.Connection) -> None:
    cursor = auto.cursor()
    with pytest.raises(minidb.Error):
        cursor.execute("SELECT 1 / 0")
    assert cursor.execute("SELECT 1").fetchone() == (1,)


NESTED = [
    "SELECT " + "(" * 3000 + "1" + ")" * 3000,
    "SELECT " + "-" * 1 + "- ".join([""] * 3000) + "1",
    "SELECT " + " + ".join(["1"] * 5000),
    "SELECT 1 WHERE " + " AND ".join(["1 = 1"] * 3000),
    "SELECT 1 WHERE " + " OR ".join([f"1 = {n}" for n in range(3000)]),
    "SELECT " + "NOT " * 2000 + "true",
    "SELECT " + "CASE WHEN true THEN " * 300 + "1" + " END" * 300,
    "SELECT * FROM " + "(SELECT * FROM " * 150 + "(VALUES (1)) v" + ") v" * 150,
    "SELECT 1 IN (" + ", ".join(str(n) for n in range(5000)) + ")",
    " UNION ALL ".join(["SELECT 1"] * 500),
    "SELECT * FROM " + ", ".join(f"(VALUES (1)) v{n}" for n in range(40)),
    "SELECT abs(" * 200 + "1" + ")" * 200,
    "SELECT " + ", ".join(f"{n} AS c{n}" for n in range(1500)),
]


@pytest.mark.parametrize("sql", NESTED, ids=range(len(NESTED)))
def test_large_statements_work_or_say_so(auto: minidb.Connection, sql: str) -> None:
    try:
        assert auto.execute(sql).fetchall()
    except minidb.Error as error:
        assert error.sqlstate in ("54001", "42601")  # too complex; the one with `--` is a comment
    assert auto.execute("SELECT 1").fetchone() == (1,)
