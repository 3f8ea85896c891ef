"""Entries for a new index come in order, also where they are dealt out into a file first."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from minidb.database import Database
from minidb.errors import DiskFull
from minidb.storage.file import MemoryFileSystem
from minidb.txn import index_entries
from minidb.txn.index_entries import entry_of, sorted_entries

ROWS = 5000


@pytest.fixture(name="database")
def make_database() -> Any:
    database = Database("entries.mdb", files=MemoryFileSystem(), background=False)
    session = database.session(autocommit=True)
    session.execute("CREATE TABLE t (id int PRIMARY KEY, few int, name text)")
    session.execute(f"INSERT INTO t SELECT g, g % 3, 'n' || (g * 7919 % {ROWS}) FROM generate_series(1, {ROWS}) g")
    session.execute("CREATE INDEX t_name ON t (name DESC) INCLUDE (id)")
    session.execute("CREATE INDEX t_few ON t (few) WHERE few > 0")
    session.execute("CHECKPOINT")
    yield database
    database.close()


@pytest.mark.parametrize("most", [100, 700, ROWS])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_many_parts_are_as_one(database: Database, number: int, most: int) -> None:
    (store,) = database.relations.stores.values()
    index, root = store.index_list[number], database.base.root
    wanted = [entry for leaf in index.tree.walk(root) for entry in zip(leaf.keys, leaf.refs, leaf.rows)]
    found = list(sorted_entries(store, index, root, most))
    assert found == wanted and found == sorted(found, key=entry_of)


def test_an_index_built_in_parts(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_entries.sorted_entries, "__defaults__", (400,))
    session = database.session(autocommit=True)
    session.execute("CREATE INDEX t_late ON t (name, few)")
    database.check()
    assert list(session.execute("SELECT id FROM t WHERE name = 'n7'")) == list(
        session.execute("SELECT id FROM t WHERE name || '' = 'n7'")
    )


def test_a_full_disk_is_told_and_leaves_nothing(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(index_entries.sorted_entries, "__defaults__", (400,))
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    session = database.session(autocommit=True)
    with pytest.raises(DiskFull, match="temporary file"):
        session.execute("CREATE INDEX t_late ON t (name, few)")
    database.check()
    monkeypatch.undo()
    session.execute("CREATE INDEX t_late ON t (name, few)")
    database.check()
