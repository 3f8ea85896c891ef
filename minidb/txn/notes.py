"""What SSI transactions have read: keys, entered by the reader without the latch, where a writer looks them up; ranges,
noted by the reader, and made a mark only when somebody else writes.

    reader   notes[place] = statement; readers.setdefault(place, self)      `place` is (relation, key)
    writer   readers.get(place)                                             for every entry of its row

A key is entered and read without the latch, and still reader and writer cannot miss each other (R55):

    reader   1. enters     2. if the latch is held, waits until it is not     3. reads
    writer   in one hold of the latch: looks for readers, installs its version (R34)

If the latch is free at 2, no writer is between looking and installing. One that was there before has installed: the
reader finds its version at 3, and what it may not see it looks at in a hold of its own (`reads.Reader.find_noted`). One
that comes later finds the entry of 1. Who reads a key again is found by all that come after the first time. Ranges are
noted in the hold that reads them.

Only a transaction that is not alone in the graph asks for readers at all (`conflicts.Conflicts.alone`). Who joins it
later finds what it has read as he finds everybody's: with his first write.

Invariants, cited by number where they are guarded:

 1. Without the latch, `readers` only gets entries where there was none, each by one `setdefault`; what is there changes
    and goes in holds only. So who finds himself there stays until he is taken out; and who finds somebody else goes in
    beside him in a hold (`enter`), where he may find that the other has gone.
 2. `setdefault` is one step to all threads that share an interpreter lock, unless comparing keys runs Python code: two
    could then enter the same key in two places. Indexes with such keys (`layouts.compares_plainly`) are entered in
    holds only. The relation stands first in `place`, so keys of different indexes never meet.
 3. A place stands in the reader's own `notes` before it stands in `readers`. Who takes a reader out does so at its end,
    when it reads no more; or is the reader. One that has become safe while it reads (R63) stays, and is not looked at.
 4. A transaction with ranges that are not marks yet stands in `noted`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING, Any

from minidb.txn.intervals import BEGIN, END, Cut, IntervalSet
from minidb.txn.marks import Marks, Reader

if TYPE_CHECKING:
    from minidb.txn.transaction import Transaction

MOST_KEYS = 4096  # with more keys than these a transaction has read all of the relation of most of them (R61)
MOST_RANGES = 1000  # after so many a transaction makes marks of them itself, which are merged when they are many (R61)
READ_LOG = 128  # ranges remembered word for word per transaction, for explanations only

Entry = tuple[int, Any]  # (relation, key)
Note = tuple[int, Cut, Cut, str]  # (relation, low, high, statement)


class Notes:
    """The readers of keys, the notes and the marks of one database. All methods run under the latch."""

    def __init__(self) -> None:
        self.readers: dict[Entry, Any] = {}  # its reader, or a dict of its readers; entered without the latch, too
        self.marks: dict[int, Marks] = {}  # by relation; none is empty
        self.noted: dict[Transaction, None] = {}  # who has ranges that are not marks yet

    # -- reading

    def enter(self, txn: Transaction, place: Entry) -> None:
        """A key, in a hold: beside others, or instead of those who have gone (invariant 1)."""
        notes = txn.notes
        assert notes is not None
        notes[place] = txn.statement_text
        found = self.readers.setdefault(place, txn)
        if type(found) is dict:
            found[txn] = None
        elif found is not txn:
            self.readers[place] = {found: None, txn: None}
        if len(notes) > MOST_KEYS:
            self.coarsen(txn, notes)

    def note(self, txn: Transaction, relation: int, low: Cut, high: Cut) -> None:
        """A range, in the hold that reads it."""
        if low[1] == 0 and high[1] == 1 and low[0] == high[0]:
            self.enter(txn, (relation, low[0]))
            return
        txn.ranges.append((relation, low, high, txn.statement_text))
        self.noted[txn] = None
        if len(txn.ranges) > MOST_RANGES:
            self.take(txn)

    def coarsen(self, txn: Transaction, notes: dict[Entry, str]) -> None:
        ((relation, _),) = Counter([relation for relation, _ in notes]).most_common(1)
        self.mark(txn, relation, BEGIN, END)
        for place in [place for place in notes if place[0] == relation]:
            del notes[place]
            self.take_out(txn, place)

    # -- marks

    def gather(self, writer: Transaction | None) -> None:
        """Makes marks of everybody else's ranges."""
        for txn in tuple(self.noted):
            if txn is not writer:
                self.take(txn)

    def take(self, txn: Transaction) -> None:
        """Makes marks of the ranges of `txn`."""
        self.noted.pop(txn, None)
        ranges = txn.ranges
        if ranges:
            for relation, low, high, _ in ranges:
                self.mark(txn, relation, low, high)
            txn.read_log = [*txn.read_log, *ranges][-READ_LOG:]
            txn.ranges = []

    def mark(self, txn: Reader, relation: int, low: Cut, high: Cut) -> None:
        held = self.marks.get(relation)
        if held is None:
            held = self.marks[relation] = Marks()
        held.add(txn, low, high)
        txn.marked.add(relation)

    def mark_range(self, reader: Reader, relation: int, low: Cut, high: Cut) -> None:
        """The same without a look-up by key, for a reader that stands for many."""
        held = self.marks.get(relation)
        if held is None:
            held = self.marks[relation] = Marks()
        held.add_range(reader, low, high)
        reader.marked.add(relation)

    # -- forgetting

    def drop_marks(self, txn: Transaction) -> None:
        """Nobody needs to know any more what `txn` has read."""
        notes, txn.notes, txn.ranges = txn.notes, None, []
        readers = self.readers
        if notes and readers:
            for place in notes:
                if readers.get(place) is txn:
                    del readers[place]
                else:
                    self.take_out(txn, place)
        if self.noted:
            self.noted.pop(txn, None)
        if txn.marked:
            for relation in txn.marked:
                held = self.marks.get(relation)
                if held is not None:
                    held.remove(txn)
                    if not held:
                        del self.marks[relation]
            txn.marked = set()

    def take_out(self, txn: Transaction, place: Entry) -> None:
        found = self.readers.get(place)
        if type(found) is dict:
            found.pop(txn, None)
        if found is txn or found == {}:
            del self.readers[place]

    def relation_dropped(self, relation: int, table_relation: int) -> None:
        """What was read through an index that is gone becomes a mark on the whole table (R62)."""
        self.gather(None)
        held = self.marks.pop(relation, None)
        for txn in held.readers() if held is not None else ():
            self.mark(txn, table_relation, BEGIN, END)
            txn.marked.discard(relation)
        for place, txn in tuple(self.entries((relation,))):
            self.mark(txn, table_relation, BEGIN, END)
            self.take_out(txn, place)

    # -- looking

    def others_at(self, writer: Reader, place: Entry) -> list[Reader]:
        """Who else has read there; a reader may be named twice."""
        relation, key = place
        found = self.readers.get(place, writer)
        readers = list(found) if type(found) is dict else [found]
        if relation in self.marks:
            readers += self.marks[relation].at(key)
        return [reader for reader in readers if reader is not writer]

    def entries(self, relations: Container[int]) -> Iterator[tuple[Entry, Reader]]:
        """Every key that was read in these relations, with each of its readers."""
        for place in tuple(self.readers):
            if place[0] in relations:
                found = self.readers[place]
                for reader in tuple(found) if type(found) is dict else (found,):
                    yield place, reader

    def everything(self) -> dict[int, dict[Reader, IntervalSet]]:
        """What everybody has read, by relation: for those who want to see it."""
        self.gather(None)
        found = {
            relation: {reader: intervals for reader, intervals in held.items() if not reader.safe}
            for relation, held in self.marks.items()
        }
        for (relation, key), reader in self.entries({relation for relation, _ in tuple(self.readers)}):
            if not reader.safe:
                own = found.setdefault(relation, {}).setdefault(reader, IntervalSet(reader.mark_limit))
                own.add((key, 0), (key, 1))
        return found


def covers(note: Note, relation: int, key: Any) -> bool:
    """Whether a key is within the range that was noted."""
    where, low, high, _ = note
    return where == relation and bool(low <= (key, 0) and high >= (key, 1))


__all__ = ["Note", "Notes", "Entry", "covers"]
