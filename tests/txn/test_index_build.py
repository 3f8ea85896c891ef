"""CREATE INDEX beside a checkpoint that runs in the background (R65): no entry is lost, whichever comes first."""

from __future__ import annotations

from pathlib import Path

import pytest

from minidb.database import Database

ROWS = 20_000


@pytest.mark.parametrize("clustered", ["", "CLUSTERED"])
def test_indexes_made_right_after_a_large_load_find_everything(tmp_path: Path, clustered: str) -> None:
    database = Database(str(tmp_path / "a.mdb"), checkpoint_rows=1000)
    session = database.session(autocommit=True)
    session.execute(f"CREATE TABLE t (id int PRIMARY KEY {clustered}, a int, b int)")
    session.execute_many("INSERT INTO t VALUES (?, ?, ?)", [(i, i % 100, i % 50) for i in range(ROWS)])
    session.execute("CREATE INDEX t_a ON t (a)")
    session.execute("CREATE INDEX t_b ON t (b) INCLUDE (a)")
    session.execute("SET enable_seqscan = off")
    for _ in range(3):
        assert len(list(session.execute("SELECT * FROM t WHERE a = 5"))) == ROWS // 100
        assert len(list(session.execute("SELECT a, b FROM t WHERE b = 5"))) == ROWS // 50
        database.checkpoint()
    database.check()
    database.close()


def test_an_index_that_was_rolled_back_leaves_nothing(tmp_path: Path) -> None:
    database = Database(str(tmp_path / "a.mdb"), background=False)
    session = database.session(autocommit=True)
    session.execute("CREATE TABLE t (id int PRIMARY KEY, a int)")
    session.execute_many("INSERT INTO t VALUES (?, ?)", [(i, i % 10) for i in range(1000)])
    database.checkpoint()
    relations = len(database.base.root.relations)
    session.execute("BEGIN")
    session.execute("CREATE INDEX t_a ON t (a)")
    assert len(database.base.root.relations) == relations + 1
    session.execute("ROLLBACK")
    session.execute("UPDATE t SET a = 11 WHERE id = 5")
    database.checkpoint()
    assert len(database.base.root.relations) == relations
    database.check()
    database.close()
