"""Ranges: batches of visible rows along a path, merged from base and delta.

One batch:

    without the latch   root; leaf = seek(root, place)       pages are immutable; a miss is read here (R18)
                        whole rows of the leaf's entries, if the path is an index
    in one hold         is the root still the current one?   else begin again (R17)
                        overlay entries of the same range
                        level: may it be read, what is marked or locked (R48, R55)
                        every contested row: which version, and does it still stand under this key (R24)
    without the latch   the batch is handed out

Nothing is kept from batch to batch but the snapshot and the position. A leaf none of whose rows has a chain is handed
out as it is (R25).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from time import sleep
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from minidb.keys import Key, Row
from minidb.storage.interface import Ref
from minidb.storage.roots import Root, StaleRoot
from minidb.txn.intervals import Cut
from minidb.txn.locks import Request
from minidb.txn.paths import Path, Position, high_cut, low_cut, path_of, position
from minidb.txn.slices import Entry, Place, Slice, backward, count_before, cut_slice, forward, merged
from minidb.txn.versions import Version, newest, visible

if TYPE_CHECKING:
    from minidb.txn.manager import Manager
    from minidb.txn.store import Store
    from minidb.txn.transaction import Transaction

FEW = 4  # a contested row costs as much as so many others that are looked at in their order
OVERLAY_BATCH = 1000  # overlay entries that one batch takes at most
CHECK_AFTER = 16  # batches after which a long scan looks whether it is interrupted

WHOLE, STORED = 0, 1  # what a batch returns: whole rows, or the values stored in the index
Batch = tuple[Sequence[Ref], Sequence[Row]]


class Blocked(Exception):
    """The batch met something to wait for."""

    def __init__(self, request: Request) -> None:
        self.request = request


class RangeReader:
    """The part of the door that reads ranges, for one transaction."""

    tables: Mapping[int, Store] = MappingProxyType({})  # some that `store_of` would give in this statement

    def __init__(self, manager: Manager, txn: Transaction) -> None:
        self.manager = manager
        self.txn = txn
        self.policy = txn.policy  # foreign keys read through another one
        self.view: Any = txn  # what is registered in `manager.views`
        self.snapshot = 0  # S of the statement
        self.statement = 0  # versions of its own transaction from here on are not seen (R26)

    def begin(self) -> None:
        """A statement starts; its snapshot has been taken."""
        self.snapshot, self.statement = self.txn.snapshot, self.txn.statement

    def store_of(self, table: int) -> Store:
        raise NotImplementedError

    def parked_path(self, path: Path) -> Path:
        """The same way through what the view is to read on from (R29)."""
        raise NotImplementedError

    def path(self, table: int, index: int) -> Path:
        store = self.tables.get(table) or self.store_of(table)
        used = store.indexes.get(index)
        return (used.path if used is not None else None) or path_of(store, used)

    # -- one batch after the other

    def batches(self, path: Path, low: Cut | None, high: Cut | None, reverse: bool, first: int, locking: bool,
                form: int) -> Iterator[Batch]:
        place = Place(position(low), position(high))
        manager, txn = self.manager, self.txn
        latch = manager.latch
        limit = first
        count = 0
        while not place.done:
            if self.view.parked is not None:
                path = self.parked_path(path)
            try:
                batch = self.next_batch(path, place, reverse, limit, locking, form)
            except Blocked as blocked:
                manager.park(txn, blocked.request)
                continue
            if batch[0]:
                yield batch
            limit *= 2
            if latch.wanted():
                sleep(0)
            count += 1
            if count % CHECK_AFTER == 0:
                manager.check(txn)

    def next_batch(self, path: Path, place: Place, reverse: bool, limit: int, locking: bool, form: int) -> Batch:
        """The next rows, and `place` moved behind them. Raises Blocked, with `place` where it has to go on."""
        base = path.store.base
        while True:
            root = base.root
            try:
                piece = backward(path, root, place, limit) if reverse else forward(path, root, place, limit)
                rows = self.base_rows(path, root, piece) if form == WHOLE and not path.own else piece.rows
            except StaleRoot:
                continue
            with self.manager.latch:
                if base.root is root:
                    return self.merge(path, place, piece, rows, reverse, limit, locking, form)

    def base_rows(self, path: Path, root: Root, piece: Slice) -> Sequence[Row]:
        """The whole rows behind index entries, as the base has them."""
        return path.store.base_rows(root, piece.refs)  # type: ignore[return-value]

    def merge(self, path: Path, place: Place, piece: Slice, rows: Sequence[Row], reverse: bool, limit: int,
              locking: bool, form: int) -> Batch:
        """In one hold: overlay, level, versions."""
        store = path.store
        following = piece.next
        if reverse:
            low, high = following or place.low, place.high
        else:
            low, high = place.low, following or place.high
        cap = limit or OVERLAY_BATCH
        hints = path.hints(low, high, cap, reverse)
        if len(hints) == cap:  # the overlay has more than fits: the batch ends behind its last entry
            key, ref = hints[-1]
            following = (key, ref) if reverse else (key, ref, 0)
            piece, rows = cut_slice(piece, rows, following, reverse)
        if hints or (not path.own and store.chains and not store.chains.keys().isdisjoint(piece.refs)):
            if not self.policy.tracks_reads and len(hints) * FEW < len(rows):
                place.advance(following, reverse)
                refs, rows = self.amended(path, piece, rows, hints, form)
                return (refs[::-1], rows[::-1]) if reverse else (refs, rows)
            entries = merged(piece, rows, hints, store.chains)
            if reverse:
                entries.reverse()
            return self.judge(path, place, entries, following, reverse, locking, form)
        if self.policy.tracks_reads:
            self.note(path, place, following, reverse, locking)
        place.advance(following, reverse)
        return (piece.refs[::-1], rows[::-1]) if reverse else (piece.refs, rows)

    def amended(self, path: Path, piece: Slice, rows: Sequence[Row], hints: list[tuple[Key, Ref]],
                form: int) -> Batch:
        """The rows of a slice of which few are contested: those alone are looked at (R24)."""
        txn, chains, statement = self.txn, path.store.chains, self.statement
        snapshot = self.snapshot = self.policy.batch_snapshot(self.snapshot, self.manager.published)
        keys, refs = piece.keys, piece.refs

        def seen(key: Key, ref: Ref) -> Row | None:
            version = visible(chains[ref], snapshot, txn, statement)
            if version is None or version.row is None or path.entry(ref, version.row) != key:
                return None
            return version.row if form == WHOLE else path.stored(version.row)

        found: dict[int, Row | None] = {}  # for places in the slice
        added: list[tuple[int, Ref, Row]] = []  # before places in the slice
        for key, ref in sorted(hints):
            at = count_before(piece, (key, ref))
            if at < len(refs) and refs[at] == ref and keys[at] == key:
                found[at] = seen(key, ref)
            elif ref in chains and (row := seen(key, ref)) is not None:
                added.append((at, ref, row))
        if not path.own:  # rows that have changed without their key
            found.update([(at, seen(keys[at], ref)) for at, ref in enumerate(refs) if ref in chains])
        out_refs, out_rows = list(refs), list(rows)
        for at, row in found.items():
            if row is not None:
                out_rows[at] = row
        for at, ref, row in reversed(added):
            out_refs.insert(at, ref)
            out_rows.insert(at, row)
        for at in sorted([at for at, row in found.items() if row is None], reverse=True):
            at += bisect_right([place for place, _, _ in added], at) if added else 0
            del out_refs[at], out_rows[at]
        return out_refs, out_rows

    def judge(self, path: Path, place: Place, entries: list[Entry], following: Position | None, reverse: bool,
              locking: bool, form: int) -> Batch:
        """Takes the version that may be seen of each contested row (R24), and tells the level what was passed over."""
        txn, manager, chains, policy = self.txn, self.manager, path.store.chains, self.policy
        snapshot = self.snapshot = policy.batch_snapshot(self.snapshot, manager.published)
        tracks, awaits, statement = policy.tracks_reads, policy.awaits_writers, self.statement
        out_refs: list[Ref] = []
        out_rows: list[Row] = []
        passed: list[tuple[Ref, Version, Version | None]] = []
        for number, (key, ref, row) in enumerate(entries):
            chain = chains.get(ref)
            if chain is None:
                if row is not None:
                    out_refs.append(ref)
                    out_rows.append(row)
                continue
            if awaits and self.writer_of(chain) is not None:
                if number == 0:
                    self.await_writer(path, ref, chain)
                following = (key, ref, 0) if reverse else (key, ref)  # the next batch begins, and waits, at this row
                break
            version = visible(chain, snapshot, txn, statement)
            if tracks and version is not chain:
                passed.append((ref, chain, version))
            if version is not None and version.row is not None and path.entry(ref, version.row) == key:
                out_refs.append(ref)
                out_rows.append(version.row if form == WHOLE else path.stored(version.row))
        if tracks:
            self.note(path, place, following, reverse, locking)
            interval = self.interval(place, following, reverse)
            for ref, chain, version in passed:
                policy.passed_over(txn, manager, path.store, path.relation, ref, chain, version, interval)
        place.advance(following, reverse)
        return out_refs, out_rows

    # -- levels that mark or lock what they read, or wait for who has changed it

    def interval(self, place: Place, following: Position | None, reverse: bool) -> tuple[Cut, Cut]:
        if reverse:
            return low_cut(following if following is not None else place.low), high_cut(place.high)
        return low_cut(place.low), high_cut(following if following is not None else place.high)

    def note(self, path: Path, place: Place, through: Position | None, reverse: bool, locking: bool) -> None:
        """Tells the level what is read; raises Blocked if it must wait first."""
        low, high = self.interval(place, through, reverse)
        txn = self.txn
        request = self.policy.read(txn, self.manager, path.store, path.relation, low, high, locking)
        if request is not None:
            request.resource.enqueue(request)
            self.manager.begin_wait(txn, request)
            raise Blocked(request)

    def writer_of(self, chain: Version) -> Any:
        """Who has changed the row and not published yet; None if nobody else has."""
        top = newest(chain)
        if top is None or top.owner is self.txn or top.owner.number <= self.manager.published:
            return None
        return top.owner

    def await_writer(self, path: Path, ref: Ref, chain: Version) -> None:
        """Waits for the row's writer, then seeks again from this row on (R48). Raises Blocked.

        The interval is registered up to this row, not through it: the writer has the row already, and may write it
        again. Nothing can slip in, because the row is read and its key registered in one hold after the wait."""
        owner = self.writer_of(chain)
        title = f"row {path.store.row_title(ref, chain.row)} of {path.store.name}"
        request = self.manager.ending_of(self.txn, owner, title)
        assert request is not None, "an unpublished writer is active"
        self.manager.begin_wait(self.txn, request)
        raise Blocked(request)
