"""The short ways of reading give what the long one gives: ranges within a leaf, few contested rows, hot keys.

Readers of several ages look at a table that others change; each query runs once by each way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest

import minidb
from minidb.txn import ranges, reads

ROWS = 400
QUERIES = [
    "SELECT * FROM {t}",
    "SELECT sum(a), count(b) FROM {t}",
    "SELECT * FROM {t} WHERE a BETWEEN ? AND ? ORDER BY a, id",
    "SELECT * FROM {t} WHERE a BETWEEN ? AND ? ORDER BY a DESC, id DESC",
    "SELECT a FROM {t} WHERE a BETWEEN ? AND ? ORDER BY a",
    "SELECT a, b FROM {t} WHERE a = ? AND b > ? ORDER BY b DESC",
    "SELECT * FROM {t} WHERE id BETWEEN ? AND ? ORDER BY id DESC",
    "SELECT * FROM {t} WHERE id = ? OR id = ?",
    "SELECT b FROM {t} WHERE id = ?",
    "SELECT b FROM {t} WHERE id = ? AND a <> ?",
    "SELECT * FROM {t} WHERE a >= ? ORDER BY a LIMIT ?",
]


@contextmanager
def long_way() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reads.Reader, "takes_short_ways", False)
        patch.setattr(ranges, "FEW", 1 << 40)
        patch.setattr(reads.Reader, "find", find_by_range)
        yield


def find_by_range(reader: reads.Reader, table: int, index: int, key: Any, *, locking: bool = False) -> Any:
    store = reader.store_of(table)
    return reader.find_merged(store, store.indexes.get(index), key, locking)


def answers(connection: minidb.Connection, queries: list[tuple[str, tuple[Any, ...]]]) -> list[Any]:
    return [sorted(connection.execute(*query).fetchall()) if "ORDER" not in query[0] else
            connection.execute(*query).fetchall() for query in queries]  # fmt: skip


def change(connection: minidb.Connection, random: Random, table: str, times: int) -> None:
    for _ in range(times):
        key = random.randrange(ROWS + 50)
        what = random.random()
        if what < 0.4:
            connection.execute(f"UPDATE {table} SET b = b + 1 WHERE id = ?", (key,))
        elif what < 0.6:
            connection.execute(f"UPDATE {table} SET a = ? WHERE id = ?", (random.randrange(100), key))
        elif what < 0.8:
            connection.execute(f"DELETE FROM {table} WHERE id = ?", (key,))
        else:
            connection.execute(
                f"INSERT INTO {table} VALUES (?, ?, 0) ON CONFLICT (id) DO UPDATE SET b = {table}.b + 10",
                (key, random.randrange(100)),
            )


@pytest.mark.parametrize("clustered", ["", "CLUSTERED"])
@pytest.mark.parametrize("seed", range(6))
def test_every_way_gives_the_same(clustered: str, seed: int) -> None:
    random = Random(seed)
    with minidb.Database(":memory:") as database:
        writer = database.connect(autocommit=True)
        writer.execute(f"CREATE TABLE t (id int PRIMARY KEY {clustered}, a int NOT NULL, b int NOT NULL)")
        writer.execute("CREATE INDEX t_a ON t (a)")
        writer.execute("CREATE INDEX t_ab ON t (a, b)")
        writer.executemany("INSERT INTO t VALUES (?, ?, ?)", [(n, n * 7 % 100, n) for n in range(ROWS)])
        readers: list[minidb.Connection] = []
        for round_number in range(8):
            if round_number % 3 == 0:
                writer.execute("CHECKPOINT")
            reader = database.connect(isolation_level="snapshot")
            reader.execute("SELECT 1 FROM t LIMIT 1").fetchall()
            readers.append(reader)
            change(writer, random, "t", random.choice([1, 5, 60]))
            open_one = database.connect()
            change(open_one, random, "t", 2)  # not committed
            queries = [
                (query.format(t="t"), tuple(sorted(random.randrange(100) for _ in range(query.count("?")))))
                for query in QUERIES
            ]
            for connection in [writer, open_one, *readers]:
                short = answers(connection, queries)
                with long_way():
                    assert answers(connection, queries) == short
            open_one.rollback()
            open_one.close()
            if len(readers) > 3:
                readers.pop(0).close()
        for reader in readers:
            reader.close()
        writer.close()
