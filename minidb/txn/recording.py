"""A manager and a door that write down what transactions do: facts for those who judge them, footprints for those who
want to know which events could be swapped.

Both extend the ones that run without recording, at the few places where data is touched, so that these stay as they
are: a database that does not record has no test for it anywhere. What a `find` or a batch of a scan has read is known
when it returns; where a place is looked at in vain, because somebody must be waited for first, only the footprint says
so. Bulk inserts and reads without a transaction take the long way here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from minidb import schema
from minidb.footprint import EVERYTHING, GRAPH, GRAPH_BEGIN, PUBLISH, SNAPSHOT, WAIT, Footprint
from minidb.history import Account, Cut, History, Read, Relation, Wait, Write
from minidb.isolation import IsolationLevel
from minidb.keys import HIGHEST, Key, Row
from minidb.storage.interface import Ref
from minidb.txn.conflicts import Conflicts
from minidb.txn.edges import Edge
from minidb.txn.locks import (
    DATABASE_CONFLICTS,
    NAME_CONFLICTS,
    ROW_CONFLICTS,
    TABLE_CONFLICTS,
    TABLE_MODES,
    ModeLock,
    Request,
)
from minidb.txn.manager import Manager
from minidb.txn.notes import Entry
from minidb.txn.paths import Path, high_cut, low_cut
from minidb.txn.ranges import Batch, Blocked
from minidb.txn.row_change import Change
from minidb.txn.rows import RowDoor
from minidb.txn.slices import Place, Slice
from minidb.txn.store import Store
from minidb.txn.transaction import Transaction
from minidb.txn.unique_keys import Clash
from minidb.txn.versions import PENDING, Version
from minidb.txn.waiting import Waiting

CONFLICTS_BY_KIND = {"table": TABLE_CONFLICTS, "name": NAME_CONFLICTS, "database": DATABASE_CONFLICTS}


class Recorder:
    """What was written down since the last `begin_event`, and the whole history."""

    def __init__(self) -> None:
        self.history = History()
        self.footprint = Footprint()
        self.made: dict[Version, Write] = {}  # the write that made a version
        self.writes: dict[int, list[Write]] = {}  # by transaction
        self.reads: dict[int, list[Read]] = {}  # of those whose reads hold others up

    def begin_event(self) -> Footprint:
        """A new event starts; its footprint."""
        self.footprint = Footprint()
        return self.footprint

    def touch(self, relation: int, points: Iterable[tuple[int, Key]], new: bool) -> None:
        """A row stands at these points, or is to. `new`: it takes a place among the others of its table."""
        footprint, relations = self.footprint, self.history.relations
        points = tuple(points)
        footprint.written.update(points)
        footprint.tokens.update(point for point in points if owned(relations, relation, point))
        if new:
            footprint.tokens.add(("space", relation))

    @contextmanager
    def looking_away(self) -> Iterator[None]:
        """What runs meanwhile is not written down."""
        kept = self.history, self.footprint
        self.history, self.footprint = History(), Footprint()
        try:
            yield
        finally:
            self.history, self.footprint = kept

    def know(self, store: Store, relation: int) -> None:
        relations = self.history.relations
        if relation not in relations:
            table, clustered = store.schema, store.schema.clustered
            relations[store.relation] = Relation(
                table.name, "", clustered is not None, () if clustered is None else key_columns(table, clustered)
            )
            for index in store.index_list:
                columns = key_columns(table, index.schema)
                relations[index.relation] = Relation(table.name, index.schema.name, index.unique, columns)


def key_columns(table: schema.Table, index: schema.Index) -> tuple[str, ...]:
    """What an index is sorted by, in words."""
    names = (table.columns[key.position].name if key.position is not None else str(key.expression)
             for key in index.keys)
    return tuple(name + (" desc" if key.descending else "") for name, key in zip(names, index.keys))


class RecordingConflicts(Conflicts):
    def __init__(self, manager: RecordingManager) -> None:
        super().__init__(manager.wake_victim)
        self.recorder = manager.recorder

    def passed_over(self, reader: Transaction, chain: Version, seen: Version | None, place: tuple[str, str, Any],
                    interval: tuple[Cut, Cut]) -> None:
        self.recorder.footprint.flags |= GRAPH  # also where the edge is known: who meets it first is a matter of order
        super().passed_over(reader, chain, seen, place, interval)

    def wrote(self, writer: Transaction, points: Iterable[tuple[int, Any]], store: Store, ref: Any,
              row: Row | None) -> None:
        points = list(points)
        self.gather(writer)
        if any(self.is_marked(writer, relation, key) for relation, key in points):
            self.recorder.footprint.flags |= GRAPH
        super().wrote(writer, points, store, ref, row)

    def is_marked(self, writer: Transaction, relation: int, key: Any) -> bool:
        readers = self.others_at(writer, (relation, key))
        return any(reader.number > writer.concurrent_from and not reader.safe for reader in readers)

    def is_safe(self, txn: Transaction) -> None:
        for read in self.recorder.reads.get(txn.id, ()):  # it holds nobody up any more
            self.recorder.footprint.read(read.relation, read.low, read.high, True)
        super().is_safe(txn)

    def add(self, edge: Edge, acting: Transaction) -> None:
        self.recorder.footprint.flags |= GRAPH
        super().add(edge, acting)


class RecordingManager(Manager):
    """Transactions' beginnings, waits, locks and ends."""

    def __init__(self, recorder: Recorder, *, published: int, waiting: Waiting | None, clock: Any) -> None:
        self.recorder = recorder
        super().__init__(published=published, waiting=waiting, clock=clock)
        self.conflicts = RecordingConflicts(self)

    def begin(self, level: IsolationLevel, **options: Any) -> Transaction:
        txn = super().begin(level, **options)
        history = self.recorder.history
        history.accounts[txn.id] = Account(
            id=txn.id, session=txn.session_name, level=level.value, began=history.tick(), read_only=txn.read_only
        )
        return txn

    def start_statement(self, txn: Transaction, text: str) -> None:
        try:
            super().start_statement(txn, text)
        finally:
            self.recorder.history.accounts[txn.id].statements[txn.statement] = text

    def enter_statement(self, txn: Transaction, text: str, modes: Iterable[tuple[int, int]]) -> None:
        self.start_statement(txn, text)
        for table, mode in modes:
            self.lock_table(txn, table, TABLE_MODES[mode], self.title_of(table))
        self.take_snapshot(txn)

    def take_snapshot(self, txn: Transaction) -> None:
        first = txn.snapshot < 0
        super().take_snapshot(txn)
        if first and (txn.policy.keeps_snapshot or txn.in_graph):
            self.recorder.footprint.flags |= SNAPSHOT | (GRAPH_BEGIN if txn.in_graph else 0)

    def end_statement(self, txn: Transaction) -> None:
        super().end_statement(txn)
        if txn.catalog is not None:
            self.recorder.footprint.flags |= EVERYTHING

    # -- locks and waits

    def acquire(self, txn: Transaction, kind: str, key: Any, title: str, mode: int, nowait: bool = False) -> None:
        self.recorder.footprint.lock((kind, key), 1 << mode, CONFLICTS_BY_KIND[kind][mode])
        super().acquire(txn, kind, key, title, mode, nowait)

    def note_weak(self, txn: Transaction, table: int, number: int) -> bool:
        return False  # every lock is an object, whose footprint is taken

    def begin_wait(self, txn: Transaction, request: Request) -> None:
        recorder = self.recorder
        recorder.footprint.flags |= WAIT | SNAPSHOT  # its statement goes on later, by the snapshot that it has
        blockers = tuple(dict.fromkeys(edge[0].id for edge in request.blockers()))
        recorder.footprint.tokens.update(("end", blocker) for blocker in blockers)
        recorder.history.waits.append(Wait(recorder.history.tick(), txn.id, blockers, request.words()))
        super().begin_wait(txn, request)

    # -- rollbacks and ends

    def undo_change(self, txn: Transaction, store: Store, ref: Any, version: Version) -> None:
        self.recorder.footprint.tokens.add(("end", txn.id))
        self.forget_write(version)
        super().undo_change(txn, store, ref, version)

    def undo_lock(self, txn: Transaction, held: Any, ref: Any, before: int) -> None:
        self.recorder.footprint.tokens.add(("end", txn.id))
        if isinstance(held, ModeLock):
            self.note_lock(held, held.holders.get(txn, 0))
        else:
            self.note_row_lock(held, ref, held.row_mask(txn, ref))
        super().undo_lock(txn, held, ref, before)

    def forget_write(self, version: Version) -> None:
        recorder = self.recorder
        write = recorder.made.get(version)
        if write is not None:
            recorder.history.undone.add(write.time)
            recorder.history.undone_at[write.time] = recorder.history.tick()
            recorder.touch(write.relation, write.points, write.old is None)

    def roll_back_waiting(self, txn: Transaction) -> None:
        """It does so itself, as an event of its own."""

    def abort(self, txn: Transaction) -> None:
        if txn.state == "active":
            self.note_end(txn, False)
        super().abort(txn)

    def release(self, txn: Transaction, committed: bool) -> None:
        if committed:
            self.note_end(txn, True)
        super().release(txn, committed)

    def note_end(self, txn: Transaction, committed: bool) -> None:
        recorder = self.recorder
        account, footprint = recorder.history.accounts[txn.id], recorder.footprint
        account.ended = recorder.history.tick()
        footprint.tokens.add(("end", txn.id))
        if committed:
            account.number = txn.number if txn.number != PENDING else self.assigned + 0.5
        else:
            account.aborted = True
        for write in recorder.writes.get(txn.id, ()):
            recorder.touch(write.relation, write.points, write.old is None)
            if committed:
                footprint.published.update(write.points)
                footprint.flags |= PUBLISH
        for read in recorder.reads.get(txn.id, ()):
            footprint.read(read.relation, read.low, read.high, True)
        for lock in txn.locks.values():
            self.note_lock(lock, lock.holders.get(txn, 0))
        for store, ref in txn.row_locks:
            self.note_row_lock(store, ref, store.row_mask(txn, ref))
        for intervals in txn.interval_tables.values():
            for request in intervals.queue:
                footprint.written.update(request.points)
        if txn.in_graph:
            footprint.flags |= GRAPH
        if txn.catalog is not None:
            footprint.flags |= EVERYTHING

    def note_lock(self, lock: ModeLock, mask: int) -> None:
        """A lock is given back; who waits for it may be let go on by this, or by the next one who gives it back."""
        self.note_modes((lock.kind, lock.key), lock.conflicts, mask | queued(lock))

    def note_row_lock(self, store: Store, ref: Ref, mask: int) -> None:
        lock = store.row_locks.get(ref)
        if isinstance(lock, ModeLock):
            mask |= queued(lock)
        self.note_modes(("row", store.relation, ref), ROW_CONFLICTS, mask)

    def note_modes(self, key: Hashable, conflicts: Sequence[int], mask: int) -> None:
        for mode, against in enumerate(conflicts):
            if mask >> mode & 1:
                self.recorder.footprint.lock(key, 1 << mode, against)


def queued(lock: ModeLock) -> int:
    """The modes that are waited for."""
    mask = 0
    for request in lock.queue:
        mask |= 1 << request.mode
    return mask


def owned(relations: dict[int, Relation], table: int, point: tuple[int, Key]) -> bool:
    """Whether only one row can stand at the point: its own place in its table, or a unique key."""
    return point[0] == table or relations[point[0]].unique


class RecordingDoor(RowDoor):
    """What transactions read and write."""

    manager: RecordingManager
    takes_short_ways = False  # every read belongs to a transaction, and is seen
    searching = False  # whether the key that is looked for belongs to a row that will be locked

    # -- reads

    def seen_as_of(self) -> float:
        return self.policy.batch_snapshot(self.snapshot, self.manager.published)

    def note_read(self, store: Store, relation: int, low: Cut, high: Cut, kind: str, as_of: float) -> None:
        recorder, txn = self.manager.recorder, self.txn
        recorder.know(store, relation)
        history = recorder.history
        dirty = as_of >= PENDING
        read = Read(history.tick(), txn.id, txn.statement, relation, low, high, as_of, dirty, kind)
        history.reads.append(read)
        newest = dirty or kind != "plain" or self.policy.tracks_reads
        recorder.footprint.read(relation, low, high, newest)
        if txn.read_only and self.policy.can_be_victim:
            recorder.footprint.flags |= GRAPH  # whether it still leaves marks is decided by others' ends
        if self.policy.tracks_reads:
            recorder.reads.setdefault(txn.id, []).append(read)

    def note_key(self, store: Store, relation: int, key: Key, kind: str, as_of: float) -> None:
        self.note_read(store, relation, (key, 0), (key, 1), kind, as_of)

    def kind_of(self, locking: bool) -> str:
        if self.policy is not self.txn.policy:
            return "check"
        return "locking" if locking else "plain"

    def find(self, table: int, index: int, key: Key, *, locking: bool = False) -> tuple[Ref, Row] | None:
        store = self.store_of(table)
        used = store.indexes.get(index)
        if used is not None and not self.policy.tracks_reads:
            if key in used.overlay.by_key:
                return self.find_merged(store, used, key, locking)
            self.note_key(store, used.relation, key, self.kind_of(locking), self.seen_as_of())
        self.searching = locking
        try:
            return super().find(table, index, key, locking=locking)
        finally:
            self.searching = False

    def find_noted(self, store: Store, index: Any, key: Key, locking: bool,
                   notes: dict[Entry, str]) -> tuple[Ref, Row] | None:
        return self.find_merged(store, index, key, locking)

    def find_in_hold(self, store: Store, index: Any, key: Key, locking: bool) -> tuple[tuple[Ref, Row] | None] | None:
        return None

    def find_clustered(self, store: Store, key: Key) -> tuple[Ref, Row] | None:
        self.note_key(store, store.relation, key, self.kind_of(self.searching), self.seen_as_of())
        return super().find_clustered(store, key)

    def row_at(self, store: Store, ref: Ref) -> Row | None:
        self.note_key(store, store.relation, ref, self.kind_of(self.searching), self.seen_as_of())
        return super().row_at(store, ref)

    def merge(self, path: Path, place: Place, piece: Slice, rows: Sequence[Row], reverse: bool, limit: int,
              locking: bool, form: int) -> Batch:
        low, high = place.low, place.high
        if locking and self.policy.awaits_writers:
            taken = self.manager.recorder.footprint.taken
            taken.setdefault(path.relation, []).append((low_cut(low), high_cut(high)))
        try:
            batch = super().merge(path, place, piece, rows, reverse, limit, locking, form)
        except Blocked:
            self.manager.recorder.footprint.read(path.relation, low_cut(low), high_cut(high), True)
            raise
        self.note_batch(path, low_cut(low), high_cut(high), place, reverse, batch[0], locking)
        return batch

    def note_batch(self, path: Path, low: Cut, high: Cut, place: Place, reverse: bool, refs: Sequence[Ref],
                   locking: bool) -> None:
        """The interval that a batch has read. One that stopped at an entry, to wait there, has not read its key; other
        entries of that key that it has read are noted by their rows."""
        stop = place.high if reverse else place.low
        kind, as_of = self.kind_of(locking), self.seen_as_of()
        if not place.done and stop is not None:
            stopped = len(stop) == 3 if reverse else len(stop) == 2 and stop[1] is not HIGHEST
            if reverse:
                low = (stop[0], 1) if stopped else low_cut(stop)
            else:
                high = (stop[0], 0) if stopped else high_cut(stop)
            if stopped:  # because of what stands there
                self.manager.recorder.footprint.read(path.relation, (stop[0], 0), (stop[0], 1), True)
                for ref in () if path.own else refs:
                    self.note_key(path.store, path.store.relation, ref, kind, as_of)
        if low < high:
            self.note_read(path.store, path.relation, low, high, kind, as_of)

    def virtual(self, name: str) -> Iterable[Row]:
        self.manager.recorder.footprint.flags |= EVERYTHING
        return super().virtual(name)

    # -- sequences: who draws first gets the smaller number, whatever becomes of the transactions

    def draw(self, definition: schema.Sequence, count: int) -> tuple[int, int]:
        self.note_sequence(definition)
        return super().draw(definition, count)

    def set_sequence(self, definition: schema.Sequence, value: int, called: bool) -> None:
        self.note_sequence(definition)
        super().set_sequence(definition, value, called)

    def note_sequence(self, definition: schema.Sequence) -> None:
        self.manager.recorder.footprint.tokens.add(("sequence", definition.relation))

    # -- writes

    def lock_row(self, store: Store, ref: Ref, seen: Row, strength: int, wait: str = "wait",
                 came: Version | None = None) -> tuple[Row, Ref] | None:
        footprint = self.manager.recorder.footprint
        footprint.lock(("row", store.relation, ref), 1 << strength, ROW_CONFLICTS[strength])
        footprint.read(store.relation, (ref, 0), (ref, 1), True)
        locked = super().lock_row(store, ref, seen, strength, wait, came)
        if locked is not None or wait != "skip locked":
            for place in dict.fromkeys((ref, ref if locked is None else locked[1])):
                self.note_key(store, store.relation, place, "locking", self.manager.published)
        return locked

    def judge_clash(self, store: Store, clash: Clash) -> None:
        relation = store.relation if clash.index is None else clash.index.relation
        self.note_key(store, relation, clash.key, "check", self.manager.published)
        super().judge_clash(store, clash)

    def refuse_now(self, store: Store, clash: Clash) -> None:
        relation = store.relation if clash.index is None else clash.index.relation
        self.note_key(store, relation, clash.key, "check", self.manager.published)
        super().refuse_now(store, clash)

    def insert_slice(self, store: Store, rows: Any) -> bool:
        return False

    def claim(self, table: int, ref: Ref, seen: Row, strength: str = "update") -> Row | None:
        return self.lock(table, ref, seen, strength)

    def insert_plainly(self, store: Store, row: Row) -> Ref | None:
        return None

    def obstacle(self, change: Change, probes: list[tuple[Any, Key]], hits: list[Any],
                 writer: Request | None) -> tuple[Request | None, Request | None]:
        found = super().obstacle(change, probes, hits, writer)
        store, recorder = change.store, self.manager.recorder
        recorder.know(store, store.relation)
        recorder.touch(store.relation, change.points, change.old is None and store.key is None)
        return found

    def install(self, change: Change, moved_to: Ref | None) -> Ref:
        store, txn, recorder = change.store, self.txn, self.manager.recorder
        for index, key in change.probes():
            self.note_key(store, index.relation, key, "check", self.manager.published)
        if change.old is None and store.key is not None:
            self.note_key(store, store.relation, change.ref, "check", self.manager.published)
        ref = super().install(change, moved_to)
        history = recorder.history
        row = change.new if change.new is not None else change.old
        write = Write(
            history.tick(), txn.id, txn.statement, store.relation, ref, store.row_title(ref, row), change.old,
            change.new, tuple(change.points), points_of(store, ref, change.old, change.old_keys),
            points_of(store, ref, change.new, change.new_keys),
        )
        history.writes.append(write)
        recorder.writes.setdefault(txn.id, []).append(write)
        recorder.made[store.chains[ref]] = write
        return ref


def points_of(store: Store, ref: Ref, row: Row | None, keys: list[Key | None]) -> tuple[tuple[int, Key], ...]:
    """Where a version stands: in the table's own order and in each index."""
    return () if row is None else tuple(store.points(ref, keys))


__all__ = ["Recorder", "RecordingDoor", "RecordingManager"]
