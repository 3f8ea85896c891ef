"""What a transaction reads and writes, from a recorded run, in the form in which the theory of allocation wants it.

The transactions of a schedule are run one after the other, and recorded as one history. An item is an entry of one row
in one index, or its place in its table

    (relation, key, table, ref)       so that reading an interval is reading all entries in it that anybody wrote

and, for what two writers cannot both have, a unique key (relation, key). Rows that nobody writes are left out: they
conflict with nothing. So profiles belong together only if they come from one history.

What is read before a row is taken in its newest version (UPDATE, SELECT FOR UPDATE) counts as read then, as in
`minidb.lab.versions`; a change of such a row is an update, which reads and writes at once. But where another one of the
transactions brings the row into what was searched, or takes it out, the search itself counts as a read, too, and the
update is uncertain. Whatever takes or gives up a unique key is an update of it: its check looks at the newest state.
Checks of references are reads for themselves.

What it is not: a promise about other values or other rows. In another serial order a transaction may do something else;
so take a history of each order, and of the allocations that they need the highest (`allocation_theory.highest`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from minidb.history import History, Key, Read, Write
from minidb.lab.allocation_theory import Item, Operation, Transaction
from minidb.lab.dependencies import names_of
from minidb.lab.versions import RowName, after_of, before_of, holds, taken_rows, writes_by_row


def profile_of(history: History, transaction: int) -> Transaction:
    """The reads and writes of one committed transaction of a history that has all of them, in their order."""
    maker = Profiler(history)
    facts = [(read.time, maker.of_read(read)) for read in history.reads if read.transaction == transaction]
    facts += [
        (write.time, maker.of_write(write)) for write in history.writes
        if write.transaction == transaction and write.time not in history.undone
    ]
    operations = (operation for _, made in sorted(facts, key=lambda fact: fact[0]) for operation in made)
    return Transaction(names_of(history)[transaction], tuple(without_repeats(operations)))


def profiles_of(history: History) -> list[Transaction]:
    """The profiles of all committed transactions, in the order of their commits."""
    return [profile_of(history, transaction) for transaction in names_of(history)]


class Profiler:
    """Makes operations of the facts of one history."""

    def __init__(self, history: History) -> None:
        self.unique = {number for number, relation in history.relations.items() if relation.unique}
        self.taken = taken_rows(history)
        self.written = {(write.transaction, write.statement, (write.relation, write.ref)) for write in history.writes}
        self.reads = history.reads
        self.writes = writes_by_row(history)
        self.entries: dict[int, dict[Item, tuple[Key, RowName]]] = {}
        for write in history.writes:
            if write.time not in history.undone:
                row = (write.relation, write.ref)
                for relation, key in write.points:
                    self.entries.setdefault(relation, {})[relation, key, *row] = (key, row)

    def of_read(self, read: Read) -> Iterator[Operation]:
        for item, (key, row) in self.entries.get(read.relation, {}).items():
            if read.low <= (key, 0) and (key, 1) <= read.high:
                statement = self.snapshot_of(read, row)
                if statement is not None:
                    yield Operation("r", item, statement)

    def snapshot_of(self, read: Read, row: RowName) -> int | None:
        """The statement whose snapshot a read of a row belongs to, one of its own for what looks at the newest state;
        None if it does not count, because the statement took the row later or changed what it took."""
        if read.kind == "plain":
            return read.statement
        if read.kind == "check":
            return alone(read)
        place = (read.transaction, read.statement, row)
        taken = self.taken.get(place, -1)
        if taken < read.time or self.others_decide(read, row):
            return read.statement
        return alone(read) if taken == read.time and place not in self.written else None

    def others_decide(self, read: Read, row: RowName) -> bool:
        """Whether another transaction brings the row into the interval or takes it out: then the search may have missed
        it, and would not have waited."""
        return any(
            write.transaction != read.transaction and holds(read, before_of(write)) != holds(read, after_of(write))
            for write in self.writes.get(row, ())
        )

    def of_write(self, write: Write) -> Iterator[Operation]:
        row = (write.relation, write.ref)
        kind = "u" if (write.transaction, write.statement, row) in self.taken else "w"
        certain = not any(
            read.kind == "locking" and (read.transaction, read.statement) == (write.transaction, write.statement)
            and self.others_decide(read, row)
            for read in self.reads
        )
        for relation, key in write.points:
            yield Operation(kind, (relation, key, *row), write.statement, certain)
        for relation, key in changed_keys(write):
            if relation in self.unique:
                yield Operation("u", (relation, key), write.statement, certain)


def alone(read: Read) -> int:
    """A statement number that no other read has: this one looked at the newest state."""
    return -1 - read.time


def changed_keys(write: Write) -> list[tuple[int, object]]:
    """The entries that a write takes or gives up."""
    before, after = before_of(write), after_of(write)
    return [
        (relation, key) for relation, key in write.points
        if (key in before.get(relation, ())) != (key in after.get(relation, ()))
    ]


def without_repeats(operations: Iterable[Operation]) -> Iterator[Operation]:
    """Leaves out reads of what the transaction has written itself, and all but the first write of an item."""
    written: set[Item] = set()
    seen: set[Operation] = set()
    for operation in operations:
        if operation.item not in written and operation not in seen:
            seen.add(operation)
            yield operation
        if operation.writes:
            written.add(operation.item)


__all__ = ["profile_of", "profiles_of"]
