"""What a session knows of sequences: the values that it has drawn, and those that it holds in reserve (CACHE).

`draw` finds the definition, locks it and asks the door for numbers. A sequence is locked as a table that is written to
is: nextval does not wait for nextval, but ALTER SEQUENCE waits for both, and the definition is looked up again after a
wait.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from minidb import schema
from minidb.errors import Error, NumericValueOutOfRange, OperationalError, ReadOnlyTransaction

if TYPE_CHECKING:
    from minidb.txn.rows import RowDoor

Find = Callable[[], schema.Sequence]  # the definition as the transaction sees it now; raises 42P01, 42809


class Reserve(msgspec.Struct):
    """Numbers that were drawn together and are given out one by one."""

    last: int
    end: int


class SequenceValues:
    """One session's view of all sequences. Not shared between threads."""

    def __init__(self) -> None:
        self.current: dict[int, int] = {}  # by sequence id
        self.latest: int | None = None  # id of the sequence that was drawn from last
        self.reserves: dict[int, Reserve] = {}  # by relation of the state

    def next(self, door: RowDoor, find: Find) -> int:
        definition = self.locked(door, find, "nextval")
        value = self.from_reserve(door, definition) if definition.cache > 1 else door.draw(definition, 1)[0]
        self.latest = definition.id
        self.current[definition.id] = value
        return value

    def from_reserve(self, door: RowDoor, definition: schema.Sequence) -> int:
        reserve = self.reserves.get(definition.relation)
        if reserve is not None and reserve.last != reserve.end:
            reserve.last += definition.increment
            door.use_drawn(definition)
            return reserve.last
        first, last = door.draw(definition, definition.cache)
        self.reserves[definition.relation] = Reserve(first, last)
        return first

    def set(self, door: RowDoor, find: Find, value: int, called: bool) -> int:
        definition = self.locked(door, find, "setval")
        if not definition.minimum <= value <= definition.maximum:
            where = f'for sequence "{definition.name}" ({definition.minimum}..{definition.maximum})'
            raise NumericValueOutOfRange(f"setval: value {value} is out of bounds {where}")
        door.set_sequence(definition, value, called)
        self.reserves.pop(definition.relation, None)
        if called:
            self.current[definition.id] = value
        return value

    def current_value(self, definition: schema.Sequence) -> int:
        if definition.id not in self.current:
            raise not_yet(f'currval of sequence "{definition.name}" is not yet defined in this session')
        return self.current[definition.id]

    def latest_value(self, catalog: schema.Catalog) -> int:
        if self.latest is None or all(s.id != self.latest for s in catalog.sequences.values()):
            raise not_yet("lastval is not yet defined in this session")
        return self.current[self.latest]

    def forget(self) -> None:
        """DISCARD SEQUENCES."""
        self.current.clear()
        self.reserves.clear()
        self.latest = None

    def locked(self, door: RowDoor, find: Find, what: str) -> schema.Sequence:
        definition = find()
        txn = door.txn
        if txn.read_only and not definition.temporary:
            raise ReadOnlyTransaction(f"cannot execute {what}() in a read-only transaction")
        while door.lock_sequence(definition):
            again = find()
            if again is definition:
                break
            definition = again
        return definition


def not_yet(message: str) -> Error:
    return OperationalError(message, sqlstate="55000")


__all__ = ["SequenceValues"]
