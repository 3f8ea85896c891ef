"""What generated statements ask of the door to data: intervals, hints, locks, re-checks; and CPython's limits."""

from __future__ import annotations

import gc
import traceback
import weakref
from typing import Any

import pytest
from model_database import ModelDatabase

from minidb import errors
from minidb.keys import HIGHEST, NULL_FIRST, NULL_LAST
from minidb.types import INTEGER, TEXT


@pytest.fixture
def db() -> ModelDatabase:
    db = ModelDatabase()
    rows = [(i, i % 4 if i % 5 else None, f"s{i % 3}", i) for i in range(40)]
    db.table("t", "i int!, a int, s text, n int!", "primary i", "index a", "index s desc|n", rows=rows)
    db.table("c", "x int!, y int!, z text", "clustered x|y", rows=[(i // 4, i % 4, "z") for i in range(20)])
    db.analyze()
    return db


def asked(db: ModelDatabase, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What the statement asked of `Rows`, less the table's id."""
    db.query(sql, *parameters)
    return [(entry[0], *entry[2:]) for entry in db.rows.log]


def index(db: ModelDatabase, table: str, place: int) -> int:
    return db.catalog.tables[table].indexes[place].id


# -- intervals (R49) --------------------------------------------------------------------------------------


def test_range_ends_before_null(db: ModelDatabase) -> None:
    a = index(db, "t", 1)
    assert asked(db, "SELECT * FROM t WHERE a > 2") == [("range", a, (2, 1), (NULL_LAST, 0), False, 0, False)]
    assert asked(db, "SELECT * FROM t WHERE a < 1") == [("range", a, None, (1, 0), False, 0, False)]
    assert asked(db, "SELECT * FROM t WHERE a IS NULL") == [
        ("range", a, (NULL_LAST, 0), (NULL_LAST, 1), False, 0, False)
    ]


def test_descending_nulls_first(db: ModelDatabase) -> None:
    [(_, _, low, high, *_)] = asked(db, "SELECT * FROM t WHERE s > 's1'")
    assert low == ((NULL_FIRST, HIGHEST), 1)
    assert high[1] == 0 and high[0][0].value == "s1"


def test_prefix_and_range(db: ModelDatabase) -> None:
    [(_, _, low, high, *_)] = asked(db, "SELECT * FROM t WHERE s = 's1' AND n >= 7 AND n < 20")
    assert (low[0][1], low[1], high[0][1], high[1]) == (7, 0, 20, 0)
    assert asked(db, "SELECT * FROM c WHERE x = 2") == [("scan", ((2,), 0), ((2, HIGHEST), 1), False, 0, False)]


def test_complete_keys_are_looked_up(db: ModelDatabase) -> None:
    assert asked(db, "SELECT * FROM t WHERE i = 3") == [("find", index(db, "t", 0), 3, False)]
    assert asked(db, "SELECT * FROM c WHERE y = 3 AND x = 1") == [("find", index(db, "c", 0), (1, 3), False)]


@pytest.mark.parametrize("test", ["i = ?", "a = ?", "i > ?", "s = ?", "a = ? AND n > 3"])
def test_null_reads_nothing(db: ModelDatabase, test: str) -> None:
    assert asked(db, f"SELECT * FROM t WHERE {test}", None) == []


def test_alternatives_are_read_once_each_in_order(db: ModelDatabase) -> None:
    pk = index(db, "t", 0)
    calls = asked(db, "SELECT * FROM t WHERE i IN (3, ?, 1, NULL, 3)", 1)
    assert [(call[0], call[1], call[2][0]) for call in calls] == [("range", pk, 1), ("range", pk, 3)]


def test_limit_says_how_much_it_looks_at(db: ModelDatabase) -> None:
    pk = index(db, "t", 0)
    assert asked(db, "SELECT * FROM t ORDER BY i LIMIT 3") == [("range", pk, None, None, False, 3, False)]
    assert asked(db, "SELECT i FROM t ORDER BY i DESC LIMIT 3 OFFSET 2") == [("entries", pk, None, None, True, 5)]
    assert asked(db, "SELECT * FROM t ORDER BY i LIMIT ?", 4) == [("range", pk, None, None, False, 4, False)]
    assert asked(db, "SELECT max(i) FROM t") == [("entries", pk, None, None, True, 1)]
    assert asked(db, "SELECT * FROM t LIMIT 0") == []
    [call] = asked(db, "SELECT EXISTS (SELECT 1 FROM t WHERE a = 3)")
    assert call[-1] == 1


def test_writes_search_in_update_mode(db: ModelDatabase) -> None:
    pk = index(db, "t", 0)
    assert asked(db, "UPDATE t SET n = 0 WHERE i = 3") == [("find", pk, 3, True), ("lock", 4, "no key update", "wait")]
    assert asked(db, "UPDATE t SET i = 100 WHERE i = 3") == [("find", pk, 3, True), ("lock", 4, "update", "wait")]
    assert asked(db, "DELETE FROM t WHERE i = 100") == [("find", pk, 100, True), ("lock", 4, "update", "wait")]
    calls = asked(db, "SELECT * FROM t WHERE i = 5 FOR SHARE SKIP LOCKED")
    assert calls == [("find", pk, 5, True), ("lock", 6, "share", "skip locked")]


# -- re-checks (R35, R36, R37) ----------------------------------------------------------------------------


def ref(db: ModelDatabase, table: str, key: int) -> Any:
    number = db.catalog.tables[table].id
    return number, next(ref for ref, row in db.rows.data[number].items() if row[0] == key)


def test_update_goes_on_with_the_newest_version(db: ModelDatabase) -> None:
    db.rows.replaced[ref(db, "t", 7)] = (7, 3, "s1", 1000)
    assert db.query("UPDATE t SET n = n + 1 WHERE i = 7 AND a = 3 RETURNING n") == [(1001,)]


def test_update_leaves_what_no_longer_matches(db: ModelDatabase) -> None:
    db.rows.replaced[ref(db, "t", 7)] = (7, 0, "s1", 1000)
    assert db.execute("UPDATE t SET n = n + 1 WHERE i = 7 AND a = 3") == 0
    db.rows.replaced[ref(db, "t", 8)] = None
    assert db.execute("DELETE FROM t WHERE i = 8") == 0


def test_recheck_keeps_the_join_partner(db: ModelDatabase) -> None:
    db.rows.replaced[ref(db, "t", 1)] = (1, 1, "new", 7)
    db.rows.replaced[ref(db, "t", 2)] = (2, 3, "new", 7)  # joins another row now
    changed = db.query(
        "UPDATE t SET n = n + c.x FROM c WHERE c.x = t.a AND c.y = 0 AND t.i < 3 RETURNING t.i, t.n, c.x"
    )
    assert changed == [(1, 8, 1)]


def test_recheck_asks_subqueries_again(db: ModelDatabase) -> None:
    sql = "SELECT i FROM t WHERE i < 4 AND EXISTS (SELECT 1 FROM c WHERE c.x = t.a AND c.y = 2) FOR UPDATE"
    assert db.query(sql) == [(1,), (2,), (3,)]
    db.rows.replaced[ref(db, "t", 2)] = (2, 99, "s", 0)
    assert db.query(sql) == [(1,), (3,)]


def test_locked_rows_below_limit_do_not_count_when_they_are_skipped(db: ModelDatabase) -> None:
    db.rows.replaced[ref(db, "t", 1)] = None
    sql = "SELECT i FROM t WHERE a = 1 ORDER BY i FOR UPDATE SKIP LOCKED LIMIT 2"
    assert db.query(sql) == [(9,), (13,)]
    assert len([entry for entry in db.rows.log if entry[0] == "lock"]) == 3
    db.query(sql + " OFFSET 1")
    assert len([entry for entry in db.rows.log if entry[0] == "lock"]) == 3  # OFFSET rows are locked


def test_computed_outputs_follow_the_newest_version(db: ModelDatabase) -> None:
    db.rows.replaced[ref(db, "t", 2)] = (2, 2, "s", 500)
    assert db.query("SELECT i, n * 2 AS m FROM t WHERE i < 4 ORDER BY m FOR UPDATE") == [
        (0, 0),
        (1, 2),
        (2, 1000),
        (3, 6),
    ]


def test_a_row_that_joins_twice_is_changed_once(db: ModelDatabase) -> None:
    assert db.execute("UPDATE t SET n = n + 1 FROM c WHERE c.x = t.a AND t.i = 1") == 1
    assert db.query("SELECT n FROM t WHERE i = 1") == [(2,)]


def test_changes_do_not_meet_their_own_results(db: ModelDatabase) -> None:
    db.execute("UPDATE t SET i = i + 1000")
    assert db.query("SELECT min(i), max(i), count(*) FROM t") == [(1000, 1039, 40)]
    db.execute("INSERT INTO t SELECT i + 1, a, s, n FROM t WHERE i > 1038")
    assert db.query("SELECT count(*) FROM t") == [(41,)]


# -- limits of CPython ------------------------------------------------------------------------------------


def test_many_joins(db: ModelDatabase) -> None:
    tables = ", ".join(f"t t{n}" for n in range(40))
    joined = " AND ".join(f"t{n}.i = t{n + 1}.i" for n in range(39))
    assert db.query(f"SELECT t0.i, t39.i FROM {tables} WHERE {joined} AND t20.i = 7") == [(7, 7)]


def test_many_left_joins(db: ModelDatabase) -> None:
    joined = " ".join(f"LEFT JOIN t t{n} ON t{n}.i = t{n - 1}.i AND t{n}.a > 0" for n in range(1, 25))
    assert len(db.query(f"SELECT t0.i, t24.i FROM t t0 {joined}")) == 40


def test_deep_expressions(db: ModelDatabase) -> None:
    assert db.query("SELECT " + " + ".join(["n"] * 600) + " FROM t WHERE i = 1") == [(600,)]
    nested = "n"
    for _ in range(60):
        nested = f"(1 + abs({nested}))"
    assert db.query(f"SELECT {nested} FROM t WHERE i = 1") == [(61,)]
    alternatives = " OR ".join(f"i = {n}" for n in range(3000))
    assert len(db.query(f"SELECT i FROM t WHERE ({alternatives}) AND n > -1")) == 40
    cases = "CASE " + " ".join(f"WHEN n = {n} THEN {n}" for n in range(100)) + " END"
    assert db.query(f"SELECT {cases} FROM t WHERE i = 1") == [(1,)]


def test_long_lists(db: ModelDatabase) -> None:
    items = ", ".join(map(str, range(5, 10_000)))
    assert len(db.query(f"SELECT i FROM t WHERE i IN ({items})")) == 35
    rows = ", ".join(f"({n}, 'x')" for n in range(3000))
    assert db.query(f"SELECT count(*) FROM (VALUES {rows}) v(a, b)") == [(3000,)]


# -- the generated module ---------------------------------------------------------------------------------


def test_no_user_text_in_the_source(db: ModelDatabase) -> None:
    source = db.source('SELECT \'hello"""\' || s, s AS "\'evil" FROM t WHERE s = \'"""\' AND i > 123456789012')
    assert "hello" not in source and "evil" not in source and '"""' not in source


def test_traceback_shows_the_source(db: ModelDatabase) -> None:
    prepared, values = db.prepare("SELECT n / (i - 1) FROM t")
    with pytest.raises(errors.DivisionByZero) as caught:
        list(prepared.compiled(db.rows, values, db.context))
    cause = caught.value.__context__
    assert isinstance(cause, ZeroDivisionError) and "r1[3]" in "".join(traceback.format_exception(cause))


def test_functions_are_freed_without_the_collector(db: ModelDatabase) -> None:
    prepared, _ = db.prepare("SELECT i, (SELECT max(n) FROM t u WHERE u.a = t.a) FROM t ORDER BY 2 LIMIT 3")
    watched = weakref.ref(prepared.compiled)
    gc.disable()
    try:
        del prepared
        assert watched() is None
    finally:
        gc.enable()


def test_columns_and_tables(db: ModelDatabase) -> None:
    prepared, _ = db.prepare("SELECT i AS one, s FROM t")
    assert prepared.columns == (("one", INTEGER), ("s", TEXT))
    assert (prepared.verb, prepared.writes, prepared.streams) == ("SELECT", False, True)
    prepared, _ = db.prepare("UPDATE t SET n = 1")
    assert (prepared.columns, prepared.verb, prepared.writes) == (None, "UPDATE", True)
    assert db.prepare("SELECT * FROM t FOR UPDATE")[0].writes
    assert db.prepare("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d")[0].writes


@pytest.mark.parametrize("test", ["a - 0 > 1", "a * 2 - n < 3", "a % 3 = 1", "a % ? = ?", "a + n > ?", "a < n"])
def test_filters_are_tried_without_null_tests(db: ModelDatabase, test: str) -> None:
    """What the hopeful form finds over rows without NULLs, the careful one finds over all."""
    values = [3, 1][: test.count("?")]
    source = db.source(f"SELECT i, a FROM t WHERE {test}", *values)
    assert "except TypeError" in source
    found = db.query(f"SELECT i, a FROM t WHERE ({test}) IS TRUE", *values)
    assert found == db.query(f"SELECT i, a FROM t WHERE {test}", *values) and found
    assert db.query(f"SELECT count(*), sum(n) FROM t WHERE {test}", *values)[0][0] == len(found)
    assert db.query(f"SELECT DISTINCT 7 FROM t WHERE {test}", *values) == [(7,)]  # nothing is remembered twice
    if values:
        assert db.query(f"SELECT i FROM t WHERE {test}", *[None for _ in values]) == []


def test_long_loops_can_be_interrupted(db: ModelDatabase) -> None:
    def interrupt() -> None:
        raise errors.QueryCanceled("canceling statement due to user request")

    db.rows.check_interrupt = interrupt  # type: ignore[method-assign]
    for sql in (
        "SELECT count(*) FROM generate_series(1, 1000000000)",
        "SELECT count(*) FROM t, t u WHERE t.n <> u.n",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    ):
        with pytest.raises(errors.QueryCanceled):
            db.query(sql)


def test_rows_of_a_join_are_locked(db: ModelDatabase) -> None:
    sql = "SELECT t.i, c.y FROM t JOIN c ON c.x = t.a WHERE t.i < 3 AND c.y < 2 ORDER BY 1, 2 FOR UPDATE OF t"
    assert db.query(sql) == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert [entry[0] for entry in db.rows.log].count("lock") == 4
    db.rows.replaced[ref(db, "t", 2)] = (2, 4, "s", 0)
    assert db.query(sql.replace("OF t", "")) == [(1, 0), (1, 1)]


def test_memory_of_a_stream_is_bounded(db: ModelDatabase) -> None:
    prepared, values = db.prepare("SELECT a.i, b.i, c.i FROM t a, t b, t c")
    sizes = [len(batch) for batch in prepared.run(db.rows, values, db.context)]
    assert sum(sizes) == 64_000 and max(sizes) < 20_000
