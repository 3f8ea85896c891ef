"""Serializable snapshot isolation: rw-antidependencies, and the dangerous structure that a cycle must contain.

A cycle in the serialization graph of snapshot transactions always has two consecutive rw edges

    T1 --rw--> T2 --rw--> T3        T3 committed first of the three; T1 and T3 may be the same

(Cahill 2008; Ports & Grittner 2012). T2 is the pivot. An edge R --rw--> W says that R read what W overwrote: R did not
see W's change and so stands before W in any serial order. Edges appear in two places, each in one hold of the latch
with the read or the write itself (R55): a reader passes over a version that it may not see (`passed_over`), and a
writer finds who has read one of its row's entries (`wrote`; `notes` says how, for keys are read without the latch). The
structure is looked for when an edge appears, and when somebody commits, for only then it is known who was first (R57).

Numbers, not times, say who committed first: a transaction has committed when its number is assigned. 2PL and SERIAL
transactions take part in the edges, and are never the victim: one of them is never the pivot of a dangerous structure,
because its locks make every writer after it commit after it (R59).

What a committed transaction has read, and its edges, stay until no SSI transaction with a snapshot below its number is
left (R58). Mostly there is nobody at all: one SSI transaction runs, and none of those that committed is of interest to
it. Then it is `alone`: it need not look for readers when it writes, nor stay the owner of its versions when it is
published, since nobody can pass over them any more (`can_meet`). Who begins beside it finds what it has read as
everybody does.

How we differ from PostgreSQL: marks are intervals of keys instead of pages and tuples, so disjoint ranges never meet;
edges are kept with their facts, so that an abort can say who read what and who wrote it. What one transaction has read
is merged when it is much (`notes`, `marks`), and so are the oldest committed transactions (`summaries`, R61).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from minidb.txn.edges import Edge, serialization_failure
from minidb.txn.intervals import Cut, IntervalSet
from minidb.txn.notes import Notes, covers
from minidb.txn.summaries import Summary, summarise
from minidb.txn.versions import PENDING, Version

if TYPE_CHECKING:
    from minidb.keys import Row
    from minidb.txn.store import Store
    from minidb.txn.transaction import Transaction

MOST_COMMITTED = 1000  # committed transactions that are kept one by one


class Conflicts(Notes):
    """The readers and edges of one database. All methods run under the latch."""

    def __init__(self, on_doom: Callable[[Transaction], None]) -> None:
        super().__init__()
        self.on_doom = on_doom  # wakes a transaction that waits although it can no longer commit
        self.active: dict[Transaction, None] = {}  # SSI transactions with a snapshot, the oldest first
        self.alone: Transaction | None = None  # the only one whose reads matter to anybody, and to others
        self.begun = 0  # so many SSI transactions have begun
        self.unsettled: dict[Transaction, None] = {}  # those of them that only read, and may still become unsafe
        self.committed: deque[Transaction] = deque()  # participants that committed, by number
        self.most_committed = MOST_COMMITTED
        self.summary = Summary()  # of those that committed before these

    def can_meet(self, txn: Transaction) -> bool:
        """Whether an SSI transaction runs that may still pass over what `txn` is now publishing."""
        return self.alone is not txn and bool(self.active)

    # -- life of a participant

    def begin(self, txn: Transaction) -> None:
        """An SSI transaction has just taken its snapshot."""
        if only_reads(txn):
            txn.unsafe_with = {t for t in self.active if not only_reads(t)}
            if txn.unsafe_with:
                self.unsettled[txn] = None
            else:
                self.is_safe(txn)
                txn.notes = None
        self.begun += 1
        self.alone = None if self.active else txn
        self.active[txn] = None

    def withdrawn(self, txn: Transaction) -> None:
        """It gives its snapshot up, for another one. It may have been the last that those who committed could meet."""
        self.active.pop(txn, None)
        self.unsettled.pop(txn, None)
        self.clean()
        self.alone = None
        txn.unsafe, txn.unsafe_with = False, None

    def is_safe(self, txn: Transaction) -> None:
        """What it reads, and has read, can harm nobody (R63): nobody looks at that any more."""
        txn.safe = True

    def assigned(self, txn: Transaction) -> None:
        """`txn` has just got its commit number: as T3 it may have closed a dangerous structure (R57)."""
        if txn.in_edges:
            self.check_pivots(txn)
        if self.unsettled:
            self.settle_read_only(txn)

    def check_pivots(self, txn: Transaction) -> None:
        for pivot in list(txn.in_edges):
            if pivot.number != PENDING or not pivot.policy.can_be_victim:
                continue
            for first in pivot.in_edges:
                if (first.number == PENDING or first is txn) and self.counts(first, txn):
                    self.doom(pivot, pivot.in_edges[first], pivot.out_edges[txn])
                    break

    def ended(self, txn: Transaction, committed: bool) -> None:
        active = self.active
        active.pop(txn, None)
        if not active:  # nobody is left who could meet what was read
            self.readers.clear()
            self.noted.clear()
            self.marks.clear()
            if self.alone is txn and not txn.in_edges and not txn.out_edges:  # and nobody has met this one
                txn.notes = self.alone = None
                self.unsettled.clear()
                return
        if self.unsettled:
            self.unsettled.pop(txn, None)
            if not committed:
                self.settle_read_only(txn)
        if not committed:
            self.rolled_back(txn)
        elif not active or txn.safe:
            self.forget(txn)
        elif txn.notes or txn.ranges or txn.marked or txn.in_edges or txn.out_edges:
            self.committed.append(txn)
            if len(self.committed) > self.most_committed:
                summarise(self, self.committed.popleft())
        if self.committed or self.summary.number:
            self.clean()
        if len(active) == 1 and not self.committed and not self.summary.number:
            self.alone = next(iter(active))
        else:
            self.alone = None

    def rolled_back(self, txn: Transaction) -> None:
        self.forget(txn)
        for reader in txn.in_edges:
            reader.out_edges.pop(txn, None)
        txn.in_edges = {}

    def settle_read_only(self, txn: Transaction) -> None:
        """Tells the read-only transactions that ran beside `txn` whether it has made them unsafe (R63)."""
        for reader in list(self.unsettled):
            waiting_for = reader.unsafe_with
            if waiting_for is None or txn not in waiting_for:
                continue
            waiting_for.discard(txn)
            if txn.number != PENDING and any(t.number <= reader.snapshot for t in txn.out_edges):
                reader.unsafe = True
            if not waiting_for:
                del self.unsettled[reader]
                if not reader.unsafe:
                    self.is_safe(reader)

    def clean(self) -> None:
        """Drops what no running SSI transaction can still meet (R58)."""
        first = next(iter(self.active), None)
        oldest = PENDING if first is None else first.snapshot
        committed = self.committed
        while committed and committed[0].number <= oldest:
            self.forget(committed.popleft())
        if self.summary.number and self.summary.number <= oldest:
            summary: Any = self.summary
            self.forget(summary)
            self.summary = Summary()

    def forget(self, txn: Transaction) -> None:
        """Nobody can meet `txn` any more. Those who have read what it overwrote keep their edges to it: one of them
        may be the pivot, and `txn` the one that committed first, for a reader that began after `txn` was over."""
        if txn.notes or txn.ranges or txn.marked:
            self.drop_marks(txn)
        if txn.out_edges:
            for other in txn.out_edges:
                other.in_edges.pop(txn, None)
            txn.out_edges = {}

    def adopt(self, txn: Transaction, held: Iterable[tuple[int, IntervalSet]]) -> None:
        """Turns the intervals of a 2PL transaction into marks at its commit (R59)."""
        if any(t.snapshot < txn.number for t in self.active):
            for relation, intervals in held:
                for low, high in intervals:
                    self.mark(txn, relation, low, high)

    # -- edges

    def passed_over(self, reader: Transaction, chain: Version, seen: Version | None, place: tuple[str, str, Any],
                    interval: tuple[Cut, Cut]) -> None:
        """`reader` may not see the versions above `seen` (R56)."""
        version: Version | None = chain
        while version is not None and version is not seen:
            owner: Any = version.owner
            if owner is not reader and owner.number > reader.snapshot and owner.number <= PENDING and owner.in_graph:
                if owner not in reader.out_edges:
                    edge = Edge(reader, owner, *place)
                    edge.low, edge.high = interval
                    edge.reader_statement = reader.statement_text
                    edge.writer_statement = owner.write_text(version.statement)
                    self.add(edge, reader)
            version = version.older

    def wrote_all(self, writer: Transaction, relations: dict[int, str], table: str) -> None:
        """`writer` takes the place of a whole table (TRUNCATE, DROP, a rewrite): whoever has read any of it stands
        before it."""
        self.gather(writer)
        found: list[tuple[int, Any]] = [(place[0], reader) for place, reader in self.entries(relations)]
        for relation in relations:
            held = self.marks.get(relation)
            found += [(relation, reader) for reader in held.readers()] if held is not None else ()
        for relation, reader in found:
            if self.is_met(reader, writer):
                edge = Edge(reader, writer, table, relations[relation], "everything")
                edge.writer_statement = writer.statement_text
                self.add(edge, writer)

    def wrote(self, writer: Transaction, points: Iterable[tuple[int, Any]], store: Store, ref: Any,
              row: Row | None) -> None:
        """`writer` installs a row with these entries in this hold: who has read there? (R47, R55)"""
        if self.noted:
            self.gather(writer)
        readers, marks = self.readers, self.marks
        for point in points:
            if readers.get(point, writer) is writer and not marks:  # most often
                continue
            for reader in self.others_at(writer, point):
                if self.is_met(reader, writer):
                    relation, key = point
                    name = store.names.get(relation, str(relation))
                    edge = Edge(reader, writer, store.name, name, store.row_title(ref, row))
                    edge.writer_statement = writer.statement_text
                    self.describe_read(edge, relation, key)
                    self.add(edge, writer)

    def is_met(self, reader: Transaction, writer: Transaction) -> bool:
        """Whether reader --rw--> writer is new, and a cycle can use it: not if the reader is safe, or was over before
        the writer began. The edge of the summary is made again: it may stand for others now."""
        summary: Any = self.summary
        if reader is writer or reader.safe or (reader in writer.in_edges and reader is not summary):
            return False
        return writer.concurrent_from < reader.number <= PENDING

    def describe_read(self, edge: Edge, relation: int, key: Any) -> None:
        notes = edge.reader.notes
        if notes is not None and (relation, key) in notes:
            edge.reader_statement = notes[relation, key]
            edge.low, edge.high = (key, 0), (key, 1)
            return
        for read in reversed(edge.reader.read_log):
            if covers(read, relation, key):
                _, edge.low, edge.high, edge.reader_statement = read
                return

    def add(self, edge: Edge, acting: Transaction) -> None:
        reader, writer = edge.reader, edge.writer
        reader.out_edges[writer] = edge
        writer.in_edges[reader] = edge
        self.check_writer_as_pivot(edge, acting)
        self.check_reader_as_pivot(edge, acting)

    def check_writer_as_pivot(self, edge: Edge, acting: Transaction) -> None:
        """T1 = reader, T2 = writer of the new edge: is there a T3 that committed before both? It may be T1, also where
        the summary stands for that."""
        first, pivot = edge.reader, edge.writer
        for last, out in list(pivot.out_edges.items()):
            if last.number == PENDING or last.number >= pivot.number:
                continue
            if last.number <= first.number and self.counts(first, last):
                self.doom(self.victim(pivot, first), edge, out)
                return

    def check_reader_as_pivot(self, edge: Edge, acting: Transaction) -> None:
        """T2 = reader, T3 = writer of the new edge, which must have committed already."""
        pivot, last = edge.reader, edge.writer
        if last.number == PENDING or last.number >= pivot.number:
            return
        for first, into in list(pivot.in_edges.items()):
            if last.number <= first.number and self.counts(first, last):
                self.doom(self.victim(pivot, first), into, edge)
                return

    def counts(self, first: Transaction, last: Transaction) -> bool:
        """An edge from a read-only transaction counts only if T3 committed below its snapshot (R63). Those of 2PL and
        SERIAL read the newest state, after waits as well, and see T3 in any case."""
        has_read = only_reads(first) or (first.number != PENDING and not first.wrote)
        return not has_read or not first.policy.keeps_snapshot or last.number <= first.snapshot

    def victim(self, pivot: Transaction, first: Transaction) -> Transaction:
        for candidate in (pivot, first):
            if candidate.number == PENDING and candidate.policy.can_be_victim:
                return candidate
        raise AssertionError("a dangerous structure without a possible victim")

    def doom(self, victim: Transaction, into: Edge, out: Edge) -> None:
        if victim.doomed is None:
            victim.doomed = serialization_failure(victim, into, out)
            self.on_doom(victim)


def only_reads(txn: Transaction) -> bool:
    """Whether it was READ ONLY from its beginning on. One that has become so may have written before."""
    return txn.read_only and not txn.narrowed
