"""What transactions did, as plain facts in the order in which they did it.

A `History` is written by an engine that records (`txn.recording`) and read by whoever judges it: it knows no table,
page or lock object, so it stays when the database has gone. Times are positions in the history: 0, 1, 2 ... over all
kinds of facts.

What a read could see is one number, as everywhere in the engine: a version is seen if its transaction's commit number
is not above `as_of`, or if it is the reader's own. A dirty read saw whatever had been written when it ran.

A place in an index is named by `relation`, the index's own number or, for the table's own order, the table's, and by
its key; an interval of it by two cuts as in `txn.intervals`: `(key, 0)` before, `(key, 1)` behind all entries of a key.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

Key = Any
Cut = tuple[Key, int]
Point = tuple[int, Key]  # relation and key


class Relation(Struct, frozen=True):
    """What a relation number stands for. `index` is empty for the table's own order.

    columns: what its keys consist of, names or expressions, with " desc" behind those whose order is turned round;
        empty if it has no keys (a heap's own order) or they are not told.
    """

    table: str
    index: str = ""
    unique: bool = False
    columns: tuple[str, ...] = ()


class Read(Struct, frozen=True):
    """An interval that was read.

    kind: "plain"; "locking" for the search of UPDATE, DELETE and SELECT FOR UPDATE and for the row that they then took
        in its newest version; "check" for what unique and foreign-key checks looked at.
    """

    time: int
    transaction: int
    statement: int
    relation: int
    low: Cut
    high: Cut
    as_of: float
    dirty: bool = False
    kind: str = "plain"


class Write(Struct, frozen=True):
    """A version that was installed: `old` is what it replaced, None for an insert; `new` is None for a delete.

    row: what people call it. points: the old and new entries in every index, and the row's place in its table.
    before, after: those of the points that the old and the new version have. None where they are not told: then of two
        points in one relation the first is the old one, and one alone is taken to be both.
    """

    time: int
    transaction: int
    statement: int
    relation: int
    ref: Any
    row: str
    old: tuple[Any, ...] | None
    new: tuple[Any, ...] | None
    points: tuple[Point, ...]
    before: tuple[Point, ...] | None = None
    after: tuple[Point, ...] | None = None


class Wait(Struct, frozen=True):
    """A transaction began to wait for others."""

    time: int
    transaction: int
    blockers: tuple[int, ...]
    words: str


class Account(Struct):
    """One transaction. `number` is its commit number, or None; those who committed without writing have halves."""

    id: int
    session: str
    level: str
    began: int
    read_only: bool = False
    statements: dict[int, str] = {}
    ended: int = -1
    number: float | None = None
    aborted: bool = False
    retryable: str = ""  # SQLSTATE 40001 or 40P01, if that is what ended it

    @property
    def committed(self) -> bool:
        return self.number is not None


class History(Struct):
    """Facts in time order, each kind in a list of its own.

    undone: times of writes that a rollback to a savepoint, or a failed statement, took back.
    undone_at: when that was, by the write's time; a dirty read in between saw them. Not told: at once.
    """

    relations: dict[int, Relation] = {}
    accounts: dict[int, Account] = {}
    reads: list[Read] = []
    writes: list[Write] = []
    waits: list[Wait] = []
    undone: set[int] = set()
    undone_at: dict[int, int] = {}
    time: int = 0

    def tick(self) -> int:
        self.time += 1
        return self.time - 1


__all__ = ["Account", "Cut", "History", "Key", "Point", "Read", "Relation", "Wait", "Write"]
