"""Every statement of the bank as a few lines of Python: what a program without a database would do.

A transaction keeps its writes to itself, and checks at its end that nobody has changed what it wrote (snapshot) or
read (serializable) since it began.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Sequence
from heapq import nlargest
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.dataset import Index, Statement
from benchmarks.engines.handwritten.store import Conflict, Key, Store, encode
from benchmarks.engines.interface import Durability, Level, files_size

BEYOND = float("inf")


class HandwrittenSession:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.accounts = store.tables["account"]
        self.level: Level | None = None
        self.began = 0
        self.reads: list[Key] = []
        self.writes: dict[Key, tuple[Any, ...]] = {}
        self.remembered: list[tuple[Any, ...]] = []

    def prepare(self, statement: Statement) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self, statement.name)
        return method

    def ask(self, text: str) -> list[Any]:
        raise NotImplementedError("it speaks no SQL")

    # -- reading

    def account_of(self, key: int) -> tuple[Any, ...] | None:
        if self.level is None:
            return self.accounts.get(key)
        return self.read(("account", key))

    def balance_of(self, key: int) -> tuple[Any, ...]:
        row = self.accounts[key] if self.level is None else self.read(("account", key))
        return (row[4],)

    def accounts_opened(self, low: int, high: int) -> list[tuple[Any, ...]]:
        accounts = self.accounts
        return [accounts[entry[2]] for entry in self.store.sorted["opened"].irange((low,), (high, BEYOND))]

    def branches_opened(self, low: int, high: int) -> list[tuple[Any, ...]]:
        return [entry[:2] for entry in self.store.sorted["opened"].irange((low,), (high, BEYOND))]

    def total_of_sevenths(self) -> list[tuple[Any, ...]]:
        found = [row[4] for row in self.accounts.values() if row[4] % 7 == 3]
        return [(len(found), sum(found), sum(found) / len(found))]

    def totals(self) -> list[tuple[Any, ...]]:
        return [(branch, count, total) for branch, (count, total) in self.by_branch().items()]

    def by_branch(self) -> dict[int, list[int]]:
        groups: dict[int, list[int]] = {}
        for _, _, branch, _, balance in self.accounts.values():
            group = groups.get(branch)
            if group is None:
                groups[branch] = [1, balance]
            else:
                group[0] += 1
                group[1] += balance
        return groups

    def richest(self) -> list[tuple[Any, ...]]:
        branches = self.store.tables["branch"]
        totals = [(branches[key][1], count, total) for key, (count, total) in self.by_branch().items()]
        return nlargest(10, totals, key=lambda group: group[2])

    def everything(self) -> list[tuple[Any, ...]]:
        return list(self.accounts.values())

    # -- writing

    def deposit(self, amount: int, key: int) -> None:
        self.add("account", key, amount)

    def add_to_teller(self, amount: int, key: int) -> None:
        self.add("teller", key, amount)

    def add_to_branch(self, amount: int, key: int) -> None:
        self.add("branch", key, amount)

    def add(self, table: str, key: int, amount: int) -> None:
        if self.level is not None:
            place = (table, key)
            row = self.read(place)
            self.writes[place] = (*row[:-1], row[-1] + amount)
            return
        store = self.store
        with store.latch:
            row = store.tables[table][key]
            row = (*row[:-1], row[-1] + amount)
            store.publish({(table, key): row}, [])
            ticket = store.log.append(encode((store.number, table, row)))
        if ticket is not None:
            store.log.wait(ticket)

    def remember(self, *row: Any) -> None:
        self.remembered.append(row)

    def insert(self, table: str, columns: int, rows: Iterable[Sequence[Any]]) -> None:
        self.store.insert(table, rows)

    def load(self, table: str, columns: int, rows: Iterable[Sequence[Any]]) -> None:
        self.store.insert(table, rows)

    # -- transactions

    def begin(self, level: Level) -> None:
        self.level = level
        self.began = self.store.number

    def read(self, place: Key) -> tuple[Any, ...]:
        mine = self.writes.get(place)
        if mine is not None:
            return mine
        row = self.store.tables[place[0]][place[1]]
        if self.store.changed.get(place, 0) > self.began:
            raise Conflict
        self.reads.append(place)
        return row

    def commit(self) -> None:
        store, writes, history = self.store, self.writes, self.remembered
        checked = self.reads if self.level is Level.SERIALIZABLE else writes
        changed = store.changed
        with store.latch:
            for place in checked:
                if changed.get(place, 0) > self.began:
                    raise Conflict
            store.publish(writes, history)
            ticket = store.log.append(encode((store.number, list(writes.items()), history)))
        self.end()
        if ticket is not None:
            store.log.wait(ticket)

    def rollback(self) -> None:
        self.end()

    def end(self) -> None:
        self.level = None
        self.reads, self.writes, self.remembered = [], {}, []

    def close(self) -> None:
        pass


class HandwrittenDatabase:
    def __init__(self, store: Store) -> None:
        self.store = store

    def create(self, indexes: Sequence[Index]) -> None:
        self.store.create(indexes)

    def settle(self) -> None:
        self.store.save()

    def session(self) -> HandwrittenSession:
        return HandwrittenSession(self.store)

    def close(self) -> None:
        self.store.close()


class Handwritten:
    key: ClassVar[str] = "handwritten"
    levels: ClassVar[frozenset[Level]] = frozenset({Level.READ_COMMITTED, Level.SNAPSHOT, Level.SERIALIZABLE})
    speaks_sql: ClassVar[bool] = False
    fraction: ClassVar[float] = 1
    embedded: ClassVar[bool] = True
    chooses_columns: ClassVar[bool] = False
    retryable: tuple[type[Exception], ...] = (Conflict,)

    def version(self) -> str:
        return f"by hand: CPython {platform.python_version()}, dicts and sorted lists"

    def open(self, path: Path, durability: Durability) -> HandwrittenDatabase:
        return HandwrittenDatabase(Store(path, durability is Durability.DURABLE))

    def size(self, path: Path) -> int:
        return files_size(path)

    def close(self) -> None:
        pass
