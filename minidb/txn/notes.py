"""What SSI transactions have read: noted by the reader for itself, and made a mark only when a writer asks.

    reader   notes.append(...)   without the latch, in a list of its own          most notes never become more than that
    writer   gather              under the latch: the notes of all others become marks, found by key (`marks`)

A key is noted and read without the latch, and still reader and writer cannot miss each other (R55):

    reader   1. makes its note     2. if the latch is held, waits until it is not     3. reads
    writer   in one hold of the latch: gathers the notes, looks for marks, installs its version (R34)

If the latch is free at 2, no writer is between gathering and installing. One that was there before has installed: the
reader finds its version at 3, and what it may not see it looks at in a hold of its own (`reads.Reader.find_noted`). One
that comes later gathers the note of 1. Ranges are noted in the hold that reads them.

Only a transaction that is not alone in the graph asks for marks at all (`conflicts.Conflicts.alone`). Who joins it
later finds its notes as it finds everybody's: with its first write.

Invariants, cited by number where they are guarded:

 1. A transaction with notes stands in `noted`. Who makes the first note of a list enters himself afterwards; who takes
    notes strikes the transaction off first, and then takes until nothing is there. So no note is left that nobody
    knows of.
 2. A note leaves its list only to become a mark, or when nobody can meet its reader any more. The list itself stays
    until then: its transaction may be about to append to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidb.txn.intervals import BEGIN, END, Cut
from minidb.txn.marks import Marks

if TYPE_CHECKING:
    from minidb.txn.transaction import Transaction

MOST_NOTES = 1000  # after so many a transaction makes marks of them itself, which are merged when they are many (R61)
READ_LOG = 128  # reads remembered word for word per transaction, for explanations only

Note = tuple[int, Any, Cut | None, str]  # (relation, low, high, statement), or (relation, key, None, statement)


class Notes:
    """The notes and marks of one database. All methods run under the latch."""

    def __init__(self) -> None:
        self.marks: dict[int, Marks] = {}  # by relation; none is empty
        self.noted: dict[Transaction, None] = {}  # who has notes; readers enter themselves without the latch

    def note(self, txn: Transaction, relation: int, low: Cut, high: Cut) -> None:
        """A range, in the hold that reads it."""
        notes = txn.notes
        assert notes is not None
        notes.append((relation, low, high, txn.statement_text))
        self.noted[txn] = None
        if len(notes) > MOST_NOTES:
            self.take(txn)

    def gather(self, writer: Transaction | None) -> None:
        """Makes marks of everybody else's notes."""
        for txn in tuple(self.noted):
            if txn is not writer:
                self.take(txn)

    def take(self, txn: Transaction) -> None:
        """Makes marks of the notes of `txn`, which may go on appending meanwhile (invariant 1)."""
        self.noted.pop(txn, None)
        notes, marks = txn.notes, self.marks
        while notes:
            part = notes[:]
            del notes[: len(part)]
            for relation, low, high, _ in part:
                held = marks.get(relation)
                if held is None:
                    held = marks[relation] = Marks()
                if high is None:
                    held.add_point(txn, low)
                else:
                    held.add(txn, low, high)
                txn.marked.add(relation)
            txn.read_log = [*txn.read_log, *part][-READ_LOG:]

    def mark(self, txn: Transaction, relation: int, low: Cut, high: Cut) -> None:
        held = self.marks.get(relation)
        if held is None:
            held = self.marks[relation] = Marks()
        held.add(txn, low, high)
        txn.marked.add(relation)

    def drop_marks(self, txn: Transaction) -> None:
        """Nobody needs to know any more what `txn` has read."""
        self.noted.pop(txn, None)
        txn.notes = None
        if txn.marked:
            for relation in txn.marked:
                held = self.marks.get(relation)
                if held is not None:
                    held.remove(txn)
                    if not held:
                        del self.marks[relation]
            txn.marked = set()

    def relation_dropped(self, relation: int, table_relation: int) -> None:
        """Marks on an index that is gone become marks on the whole table (R62)."""
        self.gather(None)
        held = self.marks.pop(relation, None)
        for txn in held.readers() if held is not None else ():
            self.mark(txn, table_relation, BEGIN, END)
            txn.marked.discard(relation)


def covers(note: Note, relation: int, key: Any) -> bool:
    """Whether a key is among what was noted."""
    where, low, high, _ = note
    if where != relation:
        return False
    return bool(low == key if high is None else low <= (key, 0) and high >= (key, 1))


__all__ = ["Note", "Notes", "covers"]
