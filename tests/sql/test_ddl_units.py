"""What DDL scripts do not show: names that are too long, and definitions that change during a wait."""

from __future__ import annotations

import pytest
from schema_door import Schema

from minidb import errors
from minidb.sql.ddl import is_ddl
from minidb.sql.ddl.names import MAX_LENGTH, free_name, joined
from minidb.sql.parser import parse


def test_long_names_are_cut_evenly() -> None:
    assert joined("t", "a_b", "key") == "t_a_b_key"
    assert joined("t", "", "pkey") == "t_pkey"
    assert joined("a" * 40, "b" * 40, "check") == "a" * 28 + "_" + "b" * 28 + "_check"
    assert joined("a" * 40, "b" * 40, "fkey") == "a" * 29 + "_" + "b" * 28 + "_fkey"
    assert joined("a" * 80, "b", "idx") == "a" * 57 + "_b_idx"
    assert joined("a" * 80, "", "pkey") == "a" * 58 + "_pkey"
    for table in range(20, 80, 7):
        for column in range(0, 80, 9):
            assert len(joined("a" * table, "b" * column, "idx")) <= MAX_LENGTH


def test_taken_names_are_numbered() -> None:
    taken = {"t_a_idx", "t_a_idx1"}
    assert free_name("t", ["a"], "idx", taken.__contains__) == "t_a_idx2"


def test_a_table_is_looked_up_again_after_the_lock() -> None:
    schema = Schema()
    schema.execute("CREATE TABLE t (a int)")
    lock = schema.door.lock_table

    def changed_meanwhile(table: int, mode: str, nowait: bool = False) -> None:
        schema.door.lock_table = lock  # type: ignore[method-assign]
        schema.execute("ALTER TABLE t ADD COLUMN b int")
        lock(table, mode, nowait)

    schema.door.lock_table = changed_meanwhile  # type: ignore[method-assign]
    schema.execute("CREATE INDEX ON t (b)")
    assert [column.name for column in schema.table("t").columns] == ["a", "b"]


def test_a_table_that_was_replaced_during_the_wait_is_locked_anew() -> None:
    schema = Schema()
    schema.execute("CREATE TABLE t (a int)")
    first = schema.table("t").id
    lock = schema.door.lock_table

    def replaced_meanwhile(table: int, mode: str, nowait: bool = False) -> None:
        schema.door.lock_table = lock  # type: ignore[method-assign]
        schema.execute("DROP TABLE t")
        schema.execute("CREATE TABLE t (c int)")

    schema.door.lock_table = replaced_meanwhile  # type: ignore[method-assign]
    schema.execute("ALTER TABLE t RENAME c TO d")
    assert schema.table("t").id != first
    assert schema.table("t").columns[0].name == "d"
    assert "lock t access exclusive" in schema.take_log()


def test_a_table_that_went_during_the_wait_is_gone() -> None:
    schema = Schema()
    schema.execute("CREATE TABLE t (a int)")
    lock = schema.door.lock_table

    def dropped_meanwhile(table: int, mode: str, nowait: bool = False) -> None:
        schema.door.lock_table = lock  # type: ignore[method-assign]
        schema.execute("DROP TABLE t")

    schema.door.lock_table = dropped_meanwhile  # type: ignore[method-assign]
    with pytest.raises(errors.UndefinedTable):
        schema.execute("ALTER TABLE t ADD COLUMN b int")


def test_errors_carry_place_and_statement() -> None:
    schema = Schema()
    sql = "CREATE TABLE t (a int,\n  b nothing)"
    with pytest.raises(errors.UndefinedObject) as caught:
        schema.execute(sql)
    assert (caught.value.position, caught.value.statement) == (sql.index("nothing"), sql)


def test_which_statements_are_ddl() -> None:
    for sql in ("CREATE TABLE t (a int)", "DROP VIEW v", "ALTER TABLE t ADD a int", "TRUNCATE t", "CREATE SEQUENCE s"):
        assert is_ddl(parse(sql))
    for sql in ("SELECT 1", "INSERT INTO t VALUES (1)", "BEGIN", "VACUUM"):
        assert not is_ddl(parse(sql))
