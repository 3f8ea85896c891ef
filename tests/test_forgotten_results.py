"""A result whose cursor is forgotten half read gives back its transaction, its table locks and its snapshot (R71)."""

from __future__ import annotations

import gc

import minidb


def test_a_forgotten_cursor_holds_nobody_up() -> None:
    database = minidb.Database(":memory:")
    reader, other = database.connect(autocommit=True), database.connect(autocommit=True, lock_timeout=5.0)
    reader.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    reader.executemany("INSERT INTO t VALUES (?, ?)", [(i, "x" * 50) for i in range(20_000)])
    assert reader.execute("SELECT * FROM t").fetchone() == (0, "x" * 50)
    gc.collect()
    other.execute("DROP TABLE t")
    assert other.execute("SELECT * FROM sys.transactions WHERE session <> ''").fetchall()[1:] == []


def test_a_cursor_that_is_kept_is_read_to_its_end() -> None:
    with minidb.connect(":memory:", autocommit=True) as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY)")
        connection.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(20_000)])
        cursor = connection.execute("SELECT id FROM t")
        assert cursor.fetchone() == (0,)
        connection.execute("DELETE FROM t")
        gc.collect()
        assert len(cursor.fetchall()) == 19_999
