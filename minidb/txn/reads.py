"""Reading: batches of visible rows along a path, merged from base and delta.

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

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from time import sleep
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from minidb.access.hot_keys import HotKeys
from minidb.keys import HIGHEST, Key, Row
from minidb.storage.interface import Ref
from minidb.storage.roots import Root, StaleRoot
from minidb.txn.intervals import Cut
from minidb.txn.locks import Request
from minidb.txn.paths import IndexPath, OwnPath, Path, Position, high_cut, low_cut, position
from minidb.txn.versions import Version, newest, visible

if TYPE_CHECKING:
    from minidb.storage.pages import Leaf
    from minidb.txn.manager import Manager, Transaction
    from minidb.txn.store import Store

FEW = 4  # a contested row costs as much as so many others that are looked at in their order
OVERLAY_BATCH = 1000  # overlay entries that one batch takes at most
CHECK_AFTER = 16  # batches after which a long scan looks whether it is interrupted

WHOLE, STORED = 0, 1  # what a batch returns: whole rows, or the values stored in the index
Batch = tuple[Sequence[Ref], Sequence[Row]]


class Place:
    """Where a scan stands: what is left is [low, high)."""

    __slots__ = ("done", "high", "low")

    def __init__(self, low: Position | None, high: Position | None) -> None:
        self.low = low
        self.high = high
        self.done = low is not None and high is not None and not low < high

    def advance(self, following: Position | None, reverse: bool) -> None:
        """Moves behind a batch that ended at `following`; None: it was the last."""
        if following is None:
            self.done = True
            return
        if reverse:
            self.high = following
        else:
            self.low = following
        self.done = self.low is not None and self.high is not None and not self.low < self.high


class Slice:
    """What one leaf contributes to a batch: parallel sequences, and where the batch ends."""

    __slots__ = ("keys", "next", "refs", "rows")

    def __init__(self, keys: Sequence[Key], refs: Sequence[Ref], rows: Sequence[Row],
                 following: Position | None) -> None:
        self.keys = keys
        self.refs = refs
        self.rows = rows
        self.next = following  # None: nothing of the base is left behind this slice


class Blocked(Exception):
    """The batch met something to wait for."""

    def __init__(self, request: Request) -> None:
        self.request = request


class Reader:
    """The reading half of the door, for one transaction."""

    takes_short_ways = True  # past `batches`, where nobody looks on
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
        self.snapshot, self.statement = self.txn.statement_snapshot, self.txn.statement

    def store_of(self, table: int) -> Store:
        raise NotImplementedError

    def parked_path(self, path: Path) -> Path:
        """The same way through what the view is to read on from (R29)."""
        raise NotImplementedError

    # -- the door's verbs

    def scan(self, table: int, low: Cut | None = None, high: Cut | None = None, *, reverse: bool = False,
             first: int = 0, locking: bool = False) -> Iterable[Batch]:
        return self.rows_of(OwnPath(self.store_of(table)), low, high, reverse, first, locking)

    def range(self, table: int, index: int, low: Cut | None, high: Cut | None, *, reverse: bool = False,
              first: int = 0, locking: bool = False) -> Iterable[Batch]:
        return self.rows_of(self.path(table, index), low, high, reverse, first, locking)

    def rows_of(self, path: Path, low: Cut | None, high: Cut | None, reverse: bool, first: int,
                locking: bool) -> Iterable[Batch]:
        batch = self.within_leaf(path, low, high, reverse, first, WHOLE, locking)
        return self.batches(path, low, high, reverse, first, locking, WHOLE) if batch is None else (batch,)

    def entries(self, table: int, index: int, low: Cut | None, high: Cut | None, *, reverse: bool = False,
                first: int = 0) -> Iterable[Sequence[Row]]:
        path = self.path(table, index)
        batch = self.within_leaf(path, low, high, reverse, first, STORED)
        return self.entry_batches(path, low, high, reverse, first) if batch is None else (batch[1],)

    def entry_batches(self, path: Path, low: Cut | None, high: Cut | None, reverse: bool,
                      first: int) -> Iterator[Sequence[Row]]:
        for _, rows in self.batches(path, low, high, reverse, first, False, STORED):
            yield rows

    def within_leaf(self, path: Path, low: Cut | None, high: Cut | None, reverse: bool, first: int,
                    form: int, locking: bool = False) -> Batch | None:
        """A short range as one batch, if it lies in one cached leaf and nobody has changed a row of it; else None.

        Without the latch, by the argument of `find_settled`: pages are immutable, and what the delta no longer says
        the next root does. A level that marks or locks what it reads is told in the hold that finds it settled."""
        if low is None or high is None or not self.takes_short_ways:
            return None
        store = path.store
        root = store.base.root
        found = path.tree.within(root, low, high)
        if found is None:
            return None
        leaf, start, stop = found
        refs = leaf.refs[start:stop]
        tracks = self.policy.tracks_reads
        if first and stop - start > first and (tracks or not (form == STORED or path.own)):
            return None  # no more is to be read, or marked, than is looked at (R49)
        if form == STORED or path.own:
            rows = leaf.rows[start:stop]
        else:
            try:
                rows = store.base_rows(root, refs)  # type: ignore[assignment]
            except StaleRoot:
                return None
        if tracks:
            if not self.note_settled(path, root, low, high, refs, locking):
                return None
        elif path.contested:
            with self.manager.latch:
                if path.hints(position(low), position(high), 1, False):
                    return None
        if (store.chains and not store.chains.keys().isdisjoint(refs)) or store.base.root is not root:
            return None
        return (refs[::-1], rows[::-1]) if reverse else (refs, rows)

    def note_settled(self, path: Path, root: Root, low: Cut, high: Cut, refs: Sequence[Ref], locking: bool) -> bool:
        """Tells the level of a range whose rows nobody has changed, in the hold that finds this out."""
        store = path.store
        with self.manager.latch:
            if path.contested and path.hints(position(low), position(high), 1, False):
                return False
            if store.base.root is not root or not store.chains.keys().isdisjoint(refs):
                return False
            return self.policy.read(self.txn, self.manager, store, path.relation, low, high, locking) is None

    def addresses(self, table: int, index: int, low: Cut | None, high: Cut | None) -> Iterator[Sequence[Ref]]:
        for refs, _ in self.batches(self.path(table, index), low, high, False, 0, False, STORED):
            yield refs

    def find(self, table: int, index: int, key: Key, *, locking: bool = False) -> tuple[Ref, Row] | None:
        store = self.tables.get(table) or self.store_of(table)
        found = store.indexes.get(index)
        if not self.policy.tracks_reads:
            if found is None:
                return self.find_clustered(store, key)
            return self.find_settled(store, found, key)
        marked = self.find_marked(store, found, key, locking)
        return self.find_merged(store, found, key, locking) if marked is None else marked[0]

    def get(self, table: int, ref: Ref) -> Row | None:
        return self.row_at(self.store_of(table), ref)

    # -- points, without the latch: pages are immutable, and a chain that is dropped means that the root has changed

    def find_settled(self, store: Store, index: Any, key: Key) -> tuple[Ref, Row] | None:
        """The row under a key that no overlay entry mentions: its chain, if any, left the key alone. Other keys take
        the way of all ranges."""
        while True:
            root = store.base.root
            hot = index.hot
            if hot.root is not root:
                hot = index.hot = HotKeys(root, store.base)
            place: tuple[Ref, Row] | None = hot.found.get(key)
            if place is None:
                if key in index.overlay.by_key:
                    return self.find_merged(store, index, key)
                try:
                    hit = index.tree.find(root, key)
                    row = None if hit is None else store.base_row(root, hit[0])
                except StaleRoot:
                    continue
                if row is not None:
                    place = hit[0], row
                    hot.keep(key, place)
            if place is not None:
                chain = store.chains.get(place[0])
                if chain is not None:
                    version = visible(chain, self.snapshot, self.txn, self.statement)
                    if version is None or version.row is None or index.entry(version.row) != key:
                        place = None
                    else:
                        place = place[0], version.row
            if key in index.overlay.by_key:
                return self.find_merged(store, index, key)
            if store.base.root is root:
                return place

    def find_marked(self, store: Store, index: Any, key: Key, locking: bool) -> tuple[tuple[Ref, Row] | None] | None:
        """The row under a key at a level that marks or locks what it reads: noted, and asked for changes, in one hold
        (R48, R55). `index` None: of a table that is ordered by the key. None: it takes the way of all ranges, since
        somebody must be waited for, or an overlay entry mentions the key."""
        base, keeper = store.base, store if index is None else index
        root, hot = base.root, keeper.hot
        if hot.root is not root:
            hot = keeper.hot = HotKeys(root, base)
        place: tuple[Ref, Row] | None = hot.found.get(key)
        if place is None:
            try:
                place = place_in_base(store, index, root, key)
            except StaleRoot:
                return None
            if place is not None:
                hot.keep(key, place)
        manager, policy = self.manager, self.policy
        with manager.latch:
            if base.root is not root or (index is not None and key in index.overlay.by_key):
                return None
            ref = key if place is None else place[0]
            chain = store.chains.get(ref) if place is not None or index is None else None
            if chain is not None and policy.awaits_writers and self.writer_of(chain) is not None:
                return None
            if not policy.read_key(self.txn, manager, store, keeper.relation, key, locking):
                return None
            return (place if chain is None else self.judge_place(store, index, key, ref, chain),)

    def judge_place(self, store: Store, index: Any, key: Key, ref: Ref, chain: Version) -> tuple[Ref, Row] | None:
        """`judge` for one row."""
        policy, manager, txn = self.policy, self.manager, self.txn
        snapshot = self.snapshot = policy.batch_snapshot(self.snapshot, manager.published)
        version = visible(chain, snapshot, txn, self.statement)
        if version is not chain:
            relation = store.relation if index is None else index.relation
            policy.passed_over(txn, manager, store, relation, ref, chain, version, ((key, 0), (key, 1)))
        if version is None or version.row is None or (index is not None and index.entry(version.row) != key):
            return None
        return ref, version.row

    def find_clustered(self, store: Store, key: Key) -> tuple[Ref, Row] | None:
        """The row of a table that is ordered by the key."""
        while True:
            root = store.base.root
            chain = store.chains.get(key)
            if chain is not None:
                version = visible(chain, self.snapshot, self.txn, self.statement)
                return None if version is None or version.row is None else (key, version.row)
            hot = store.hot
            if hot.root is not root:
                hot = store.hot = HotKeys(root, store.base)
            place = hot.found.get(key)
            if place is None:
                try:
                    row = store.base_row(root, key)
                except StaleRoot:
                    continue
                if row is not None:
                    place = key, row
                    hot.keep(key, place)
            if store.base.root is root and key not in store.chains:
                return place

    def find_merged(self, store: Store, index: Any, key: Key, locking: bool = False) -> tuple[Ref, Row] | None:
        """The row under a key by the way of all ranges; `index` None: in the table's own order."""
        for refs, rows in self.batches(path_of(store, index), (key, 0), (key, 1), False, 2, locking, WHOLE):
            if refs:
                return refs[0], rows[0]
        return None

    def row_at(self, store: Store, ref: Ref) -> Row | None:
        txn = self.txn
        while True:
            root = store.base.root
            chain = store.chains.get(ref)
            if chain is not None:
                version = visible(chain, self.snapshot, txn, self.statement)
                return None if version is None else version.row
            try:
                row = store.base_row(root, ref)
            except StaleRoot:
                continue
            if store.base.root is root and ref not in store.chains:
                return row

    # -- ranges

    def path(self, table: int, index: int) -> Path:
        store = self.store_of(table)
        return path_of(store, store.indexes.get(index))

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


def place_in_base(store: Store, index: Any, root: Root, key: Key) -> tuple[Ref, Row] | None:
    """The base's row under a unique key; `index` None: in the table's own order."""
    ref = key
    if index is not None:
        hit = index.tree.find(root, key)
        if hit is None:
            return None
        ref = hit[0]
    row = store.base_row(root, ref)
    return None if row is None else (ref, row)


Entry = tuple[Key, Ref, Row | None]


def merged(piece: Slice, rows: Sequence[Row], hints: list[tuple[Key, Ref]],
           chains: dict[Ref, Version]) -> list[Entry]:
    """Entries of base and overlay in order, without duplicates. Those of the overlay have no row: their chain has
    it."""
    if not hints:
        return list(zip(piece.keys, piece.refs, rows))
    if not piece.refs:
        return [(key, ref, None) for key, ref in sorted(hints)]
    present = set(hints)
    entries: list[Entry] = [
        entry for entry in zip(piece.keys, piece.refs, rows) if entry[1] not in chains or entry[:2] not in present
    ]
    entries += [(key, ref, None) for key, ref in hints]
    entries.sort(key=pair_of)
    return entries


pair_of = itemgetter(0, 1)


def path_of(store: Store, index: Any) -> Path:
    """The way through a secondary index, or through the table's own order for None."""
    if index is None:
        return OwnPath(store)
    path: Path | None = index.path
    if path is None:
        path = index.path = IndexPath(store, index)
    return path


def count_before(leaf: Leaf | Slice, place: Position) -> int:
    """How many entries of `leaf` stand before `place`."""
    key = place[0]
    start = bisect_left(leaf.keys, key)
    if len(place) == 1:
        return start
    stop = bisect_right(leaf.keys, key, start)
    if place[1] is HIGHEST:
        return stop
    return bisect_left(leaf.refs, place[1], start, stop) if len(place) == 2 else bisect_right(
        leaf.refs, place[1], start, stop
    )


def forward(path: Path, root: Root, place: Place, limit: int) -> Slice:
    """The next entries of the base from place.low on: at most one leaf, at most `limit` of them."""
    leaf, fence = path.seek(root, place.low)
    if leaf is None:
        return Slice([], [], [], None)
    start = 0 if place.low is None else count_before(leaf, place.low)
    stop = len(leaf.keys)
    following = fence
    if place.high is not None:
        stop = count_before(leaf, place.high)
        if stop < len(leaf.keys) or fence is None or not fence < place.high:
            following = None
    if limit and stop - start > limit:
        stop = start + limit
        following = (leaf.keys[stop - 1], leaf.refs[stop - 1], 0)
    return part_of(leaf, start, stop, following)


def backward(path: Path, root: Root, place: Place, limit: int) -> Slice:
    """The last entries of the base before place.high."""
    leaf, fence = path.seek_before(root, place.high)
    if leaf is None:
        return Slice([], [], [], None)
    start = 0
    stop = len(leaf.keys) if place.high is None else count_before(leaf, place.high)
    following = fence
    if place.low is not None:
        start = count_before(leaf, place.low)
        if start > 0 or fence is None or not place.low < fence:
            following = None
    if limit and stop - start > limit:
        start = stop - limit
        following = (leaf.keys[start], leaf.refs[start])
    return part_of(leaf, start, stop, following)


def part_of(leaf: Leaf, start: int, stop: int, following: Position | None) -> Slice:
    if start == 0 and stop == len(leaf.keys):
        return Slice(leaf.keys, leaf.refs, leaf.rows, following)
    return Slice(leaf.keys[start:stop], leaf.refs[start:stop], leaf.rows[start:stop], following)


def cut_slice(piece: Slice, rows: Sequence[Row], edge: Position, reverse: bool) -> tuple[Slice, Sequence[Row]]:
    """What of `piece` belongs to a batch that ends at `edge`."""
    at = count_before(piece, edge)
    if reverse:
        return Slice(piece.keys[at:], piece.refs[at:], piece.rows[at:], edge), rows[at:]
    return Slice(piece.keys[:at], piece.refs[:at], piece.rows[:at], edge), rows[:at]
