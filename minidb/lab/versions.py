"""The versions of each row, from a recorded history, and what each read saw of them.

    row (table, ref)     Change 0  <-  Change 1  <-  Change 2       one per committed transaction, oldest first
                            ^ seen       ^ first to come behind the read

A *change* is what a committed transaction did to a row in all: from the version that it found to the last one that it
left. Versions that it replaced itself, or took back to a savepoint, are no part of it, and nothing is left of a row
that it inserted and deleted.

Invariants:
1. Changes stand in the order in which their last versions were installed, which is the order of the row's chain. In an
   engine that locks rows to the end that is the order of the commit numbers; where it is not, that is a dirty write.
2. What a read could see is decided as the engine decides it: the newest version of the chain whose commit number is not
   above `as_of`; for a dirty read the newest that had not been rolled back by then.
3. A row that the reader itself has changed before is passed over: whatever stands before or behind it stands before or
   behind its change, too.
4. Of a row that a statement took in its newest version, what its search saw of it before does not count: that is how
   READ COMMITTED goes on after a wait, as if it had searched only then.

What was there before the history began is a version nobody wrote: position -1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from minidb.history import Account, History, Point, Read, Write

RowName = tuple[int, Any]  # the table's relation and the row's address in it
Keys = dict[int, tuple[Any, ...]]  # keys by relation


class Change(Struct, frozen=True, eq=False):
    """What a committed transaction did to a row in all. `before` and `after`: its entries then."""

    transaction: int
    number: float
    first: Write
    last: Write
    before: Keys
    after: Keys

    def touches(self, read: Read) -> bool:
        return holds(read, self.before) or holds(read, self.after)


class Row(Struct, frozen=True, eq=False):
    """All that happened to one row: every write of anybody in time order, and the changes that stayed."""

    name: RowName
    writes: tuple[Write, ...]
    changes: tuple[Change, ...]


class Sight(Struct, frozen=True, eq=False):
    """What one read saw of one row.

    position: of the change that it saw, -1 for what was there before; None if it saw what does not count.
    write: the version that it saw, where somebody wrote it.
    found: whether that version was in the interval, so that the row was returned.
    """

    read: Read
    row: Row
    position: int | None
    write: Write | None
    found: bool

    def latest_before(self) -> Change | None:
        """The last change, up to the one that was seen, that has to do with the interval."""
        assert self.position is not None
        before = self.row.changes[: self.position + 1]
        return next((change for change in reversed(before) if change.touches(self.read)), None)

    def first_behind(self) -> Change | None:
        """The first change after the one that was seen that has to do with the interval."""
        assert self.position is not None
        behind = self.row.changes[self.position + 1 :]
        return next((change for change in behind if change.touches(self.read)), None)


# -- entries


def holds(read: Read, keys: Keys) -> bool:
    """Whether one of the keys lies in the interval that was read."""
    return any(read.low <= (key, 0) and (key, 1) <= read.high for key in keys.get(read.relation, ()))


def before_of(write: Write) -> Keys:
    if write.old is None:
        return {}
    return by_relation(write.before) if write.before is not None else told_by_order(write, 0)


def after_of(write: Write) -> Keys:
    if write.new is None:
        return {}
    return by_relation(write.after) if write.after is not None else told_by_order(write, -1)


def by_relation(points: Iterable[Point]) -> Keys:
    keys: Keys = {}
    for relation, key in points:
        keys[relation] = (*keys.get(relation, ()), key)
    return keys


def told_by_order(write: Write, place: int) -> Keys:
    """The old (0) or new (-1) entries if all that is known is that old ones are listed first."""
    return {relation: (keys[place],) for relation, keys in by_relation(write.points).items()}


# -- rows


class Rows:
    """The rows of a history, by name and by the relations in which they have entries."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.rows = [row_of(history, name, writes) for name, writes in writes_by_row(history).items()]
        self.in_relation: dict[int, list[Row]] = {}
        for row in self.rows:
            for relation in dict.fromkeys(point[0] for write in row.writes for point in write.points):
                self.in_relation.setdefault(relation, []).append(row)
        self.taken = taken_rows(history)

    def sights(self) -> Iterator[Sight]:
        """What the reads of committed transactions saw, in the order of the reads."""
        accounts = self.history.accounts
        for read in self.history.reads:
            if accounts[read.transaction].committed:
                for row in self.in_relation.get(read.relation, ()):
                    if not self.own(read, row) and not self.superseded(read, row):
                        yield self.dirty_sight(read, row) if read.dirty else clean_sight(read, row)

    def own(self, read: Read, row: Row) -> bool:
        """Whether the reader had changed the row in an earlier statement (invariant 3)."""
        return any(
            write.transaction == read.transaction and write.time < read.time and write.statement != read.statement
            and write.time not in self.history.undone
            for write in row.writes
        )

    def superseded(self, read: Read, row: Row) -> bool:
        """Whether the statement took the row later, in its newest version (invariant 4)."""
        if read.kind != "locking":
            return False
        return self.taken.get((read.transaction, read.statement, row.name), -1) > read.time

    def dirty_sight(self, read: Read, row: Row) -> Sight:
        seen = [write for write in row.writes if self.was_there(write, read)]
        if not seen:
            return clean_sight(read, row)
        write = seen[-1]
        at = (i for i, change in enumerate(row.changes) if change.transaction == write.transaction)
        position = next(at, None) if write.time not in self.history.undone else None
        return Sight(read, row, position, write, holds(read, after_of(write)))

    def was_there(self, write: Write, read: Read) -> bool:
        """Whether a version had been written by then, and not been rolled back."""
        if write.time > read.time or write.transaction == read.transaction:
            return False
        account = self.history.accounts[write.transaction]
        if account.aborted:
            gone = self.history.undone_at.get(write.time, account.ended)
            return read.time < gone
        return write.time not in self.history.undone or read.time < self.history.undone_at.get(write.time, -1)


def clean_sight(read: Read, row: Row) -> Sight:
    """By commit number (invariant 2)."""
    changes = row.changes
    if read.dirty:
        return Sight(read, row, -1, None, found_at_start(read, row))
    for position in range(len(changes) - 1, -1, -1):
        change = changes[position]
        if change.number <= read.as_of and change.transaction != read.transaction:
            return Sight(read, row, position, change.last, holds(read, change.after))
    return Sight(read, row, -1, None, found_at_start(read, row))


def found_at_start(read: Read, row: Row) -> bool:
    return bool(row.changes) and holds(read, row.changes[0].before)


def writes_by_row(history: History) -> dict[RowName, list[Write]]:
    found: dict[RowName, list[Write]] = {}
    for write in history.writes:
        found.setdefault((write.relation, write.ref), []).append(write)
    return found


def row_of(history: History, name: RowName, writes: list[Write]) -> Row:
    by_transaction: dict[int, list[Write]] = {}
    for write in writes:
        if history.accounts[write.transaction].committed and write.time not in history.undone:
            by_transaction.setdefault(write.transaction, []).append(write)
    lasting = (part for part in by_transaction.values() if part[0].old is not None or part[-1].new is not None)
    changes = sorted((change_of(history.accounts, part) for part in lasting), key=lambda change: change.last.time)
    return Row(name, tuple(writes), tuple(changes))


def change_of(accounts: dict[int, Account], writes: list[Write]) -> Change:
    first, last = writes[0], writes[-1]
    number = accounts[first.transaction].number
    assert number is not None
    return Change(first.transaction, number, first, last, before_of(first), after_of(last))


def taken_rows(history: History) -> dict[tuple[int, int, RowName], int]:
    """When each statement last read a single row for itself, by the row's place in its table."""
    return {
        (read.transaction, read.statement, (read.relation, read.low[0])): read.time
        for read in history.reads
        if read.kind == "locking" and (read.low[1], read.high[1]) == (0, 1) and read.low[0] == read.high[0]
    }


__all__ = ["Change", "Row", "RowName", "Rows", "Sight", "after_of", "before_of", "holds"]
