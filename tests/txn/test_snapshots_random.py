"""Old snapshots against copies of a dict: whatever happens after one was taken, it reads the same, by every path.

One writer changes, rolls back to savepoints, commits and rolls back; readers open and close; checkpoints and vacuums
run in between, with leaves of a few rows (R13 to R17, R23 to R28, R33, R65).
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from random import Random
from typing import Any

import pytest

from minidb.database import Database
from minidb.session import Session
from minidb.txn.rows import RowDoor

Model = dict[int, tuple[int | None, str]]
INDEXES = ("CREATE INDEX i_v ON t (v)", "CREATE INDEX i_s ON t (s DESC, v) INCLUDE (id)",
           "CREATE INDEX i_p ON t (v) WHERE v > 3", "CREATE UNIQUE INDEX i_u ON t (s, id)")


class Writer:
    """A session with one table, and the model of what it has committed and of what it has changed since."""

    def __init__(self, clustered: bool, seed: int) -> None:
        self.random = Random(seed)
        self.database = Database(background=False, leaf_bytes=120)
        self.session = self.database.session(autocommit=True, durability="off")
        key = "PRIMARY KEY CLUSTERED" if clustered else "PRIMARY KEY"
        self.session.execute(f"CREATE TABLE t (id int {key}, v int, s text)")
        self.waiting_indexes = list(INDEXES)
        self.committed: Model = {}
        self.model: Model = {}
        self.savepoint: Model | None = None
        self.readers: list[tuple[Session, Model]] = []

    def key(self) -> int:
        return self.random.randrange(25)

    def value(self) -> int | None:
        return self.random.choice((None, *range(8)))

    def text(self) -> str:
        return self.random.choice("abc") * self.random.choice((1, 1, 1, 40))

    def step(self) -> None:
        action = self.random.choices(
            (self.insert, self.update, self.delete, self.move, self.commit, self.rollback, self.save, self.back,
             self.open_reader, self.close_reader, self.checkpoint, self.vacuum, self.index),
            (8, 8, 5, 4, 6, 1, 1, 1, 3, 2, 3, 1, 1),
        )[0]
        action()

    def change(self, sql: str, *parameters: Any) -> None:
        if self.session.state == "idle":
            self.session.begin()
        self.session.execute(sql, parameters)

    def insert(self) -> None:
        for _ in range(self.random.choice((1, 3))):
            key, value, text = self.key(), self.value(), self.text()
            if key not in self.model:
                self.change("INSERT INTO t VALUES (?, ?, ?)", key, value, text)
                self.model[key] = (value, text)

    def update(self) -> None:
        low, value = self.key(), self.value()
        high = low + self.random.choice((0, 2))
        self.change("UPDATE t SET v = ? WHERE id BETWEEN ? AND ?", value, low, high)
        for key in self.model:
            if low <= key <= high:
                self.model[key] = (value, self.model[key][1])

    def delete(self) -> None:
        key = self.key()
        self.change("DELETE FROM t WHERE id = ?", key)
        self.model.pop(key, None)

    def move(self) -> None:
        old, new, text = self.key(), self.key(), self.text()
        if new not in self.model or new == old:
            self.change("UPDATE t SET id = ?, s = ? WHERE id = ?", new, text, old)
            if old in self.model:
                self.model[new] = (self.model.pop(old)[0], text)

    def commit(self) -> None:
        self.session.commit()
        self.committed, self.savepoint = dict(self.model), None

    def rollback(self) -> None:
        self.session.rollback()
        self.model, self.savepoint = dict(self.committed), None

    def save(self) -> None:
        if self.session.state == "active":
            self.session.execute("SAVEPOINT s")
            self.savepoint = dict(self.model)

    def back(self) -> None:
        if self.savepoint is not None:
            self.session.execute("ROLLBACK TO s")
            self.model = dict(self.savepoint)

    def open_reader(self) -> None:
        if len(self.readers) < 4:
            reader = self.database.session()
            reader.begin(isolation_level="snapshot")
            reader.execute("SELECT 1 FROM t WHERE id = 0")
            self.readers.append((reader, dict(self.committed)))

    def close_reader(self) -> None:
        if self.readers:
            self.readers.pop(self.random.randrange(len(self.readers)))[0].close()

    def checkpoint(self) -> None:
        self.database.checkpoint()
        self.database.check()

    def vacuum(self) -> None:
        if self.session.state == "idle":
            self.session.execute("VACUUM")

    def index(self) -> None:
        if self.waiting_indexes and self.session.state == "idle" and not self.readers:
            self.session.execute(self.waiting_indexes.pop())

    def check(self) -> None:
        everybody = [*self.readers, (self.session, self.model)]
        for session, model in everybody:
            expected = sorted((key, *row) for key, row in model.items())
            if session.txn is not None:
                assert by_every_path(self.database, session) == [repr(expected)]
            found = session.execute("SELECT id, v, s FROM t ORDER BY id")
            assert [tuple(row) for row in found] == expected
            low = self.random.randrange(8)
            some = session.execute("SELECT id FROM t WHERE v >= ? ORDER BY v, id LIMIT 3", (low,))
            wanted = sorted((row[0], key) for key, row in model.items() if row[0] is not None and row[0] >= low)[:3]
            assert [row[0] for row in some] == [key for _, key in wanted]


def by_every_path(database: Database, session: Session) -> list[str]:
    """The different contents that the table's own order and its indexes show, both ways; one, if all is well."""
    txn = session.txn
    assert txn is not None
    database.manager.take_snapshot(txn)
    txn.statement += 1
    door = RowDoor(database.manager, txn, database.relations, lambda name: ())
    door.begin()
    (table,) = database.relations.visible_catalog(txn).tables.values()
    found = set()
    for reverse in (False, True):
        found.add(in_words(door.scan(table.id, reverse=reverse)))
        for index in table.indexes:
            if index.where is None:
                found.add(in_words(door.range(table.id, index.id, None, None, reverse=reverse, first=reverse * 2)))
    return sorted(found)


def in_words(batches: Iterable[Any]) -> str:
    return repr(sorted((row for _, rows in batches for row in rows), key=itemgetter(0)))


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("seed", range(15))
def test_every_snapshot_keeps_its_state(clustered: bool, seed: int) -> None:
    writer = Writer(clustered, seed)
    for _ in range(150):
        writer.step()
        writer.check()
    while writer.readers:
        writer.close_reader()
    writer.rollback()
    writer.session.execute("VACUUM")
    (store,) = writer.database.relations.stores.values()
    assert not store.chains
    assert all(not index.overlay for index in store.indexes.values())
