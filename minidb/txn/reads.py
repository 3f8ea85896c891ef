"""Reading: the door's verbs, and the short ways past the batches of `ranges`.

A range within one cached leaf, of which nobody has changed a row, is one search and two slices. A look-up by a key asks
a hash index of what was asked before, then the base; an overlay that mentions the key sends it the way of all ranges.
Pages are immutable, so neither needs the latch: what the delta no longer says, the next root does, and whoever finds
that the root has changed meanwhile begins again (R17). Levels that mark or lock what they read are told in one hold
(R48, R55), or by notes (`notes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from minidb.access.hot_keys import HotKeys
from minidb.keys import Key, Row
from minidb.storage.interface import Ref
from minidb.storage.roots import Root, StaleRoot
from minidb.txn.intervals import Cut
from minidb.txn.notes import MOST_KEYS, Entry
from minidb.txn.paths import OwnPath, Path, path_of, position
from minidb.txn.ranges import STORED, WHOLE, Batch, RangeReader
from minidb.txn.versions import Version, visible

if TYPE_CHECKING:
    from minidb.txn.store import Store


class Reader(RangeReader):
    """The reading half of the door, for one transaction."""

    takes_short_ways = True  # past `batches`, where nobody looks on

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

        Without the latch, by the argument of `find`: pages are immutable, and what the delta no longer says
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
        """The row under a key. Where reads leave no trace, without the latch: pages are immutable, and a chain that is
        dropped means that the root has changed. A key that no overlay entry mentions was left alone by the chain, if
        any, of the row that the base has under it. Other keys take the way of all ranges."""
        store = self.tables.get(table) or self.store_of(table)
        used = store.indexes.get(index)
        if self.policy.tracks_reads:
            notes = self.txn.notes
            if notes is None:
                return self.find_marked(store, used, key, locking)
            return self.find_noted(store, used, key, locking, notes)
        if used is None:
            return self.find_clustered(store, key)
        base, mentioned = store.base, used.overlay.by_key
        while True:
            root, hot = base.root, used.hot
            if hot.root is not root:
                hot = used.hot = HotKeys(root, base)
            place: tuple[Ref, Row] | None = hot.found.get(key)
            if place is None:
                if key in mentioned:
                    break
                try:
                    place = place_in_base(store, used, root, key)
                except StaleRoot:
                    continue
                if place is not None:
                    hot.keep(key, place)
            if place is not None:
                ref = place[0]
                chain = store.chains.get(ref)
                if chain is not None:
                    version = visible(chain, self.snapshot, self.txn, self.statement)
                    if version is None or version.row is None or used.entry(version.row) != key:
                        place = None
                    else:
                        place = ref, version.row
            if key in mentioned:
                break
            if base.root is root:
                return place
        return self.find_merged(store, used, key)

    def get(self, table: int, ref: Ref) -> Row | None:
        return self.row_at(self.store_of(table), ref)

    # -- points at levels that mark or lock what they read, and in tables that are ordered by the key

    def find_noted(self, store: Store, index: Any, key: Key, locking: bool,
                   notes: dict[Entry, str]) -> tuple[Ref, Row] | None:
        """The row under a key at a level that notes what it reads: the three steps of `notes`, whose invariants are
        cited here, then the argument of `find`. `index` None: of a table that is ordered by the key. What is not the
        newest version is looked at in one hold."""
        manager, txn, base = self.manager, self.txn, store.base
        keeper = store if index is None else index
        entry = keeper.relation, key
        if entry not in notes:
            notes[entry] = txn.statement_text  # invariant 3
            if (
                not keeper.plain  # invariant 2
                or manager.conflicts.readers.setdefault(entry, txn) is not txn  # invariant 1
                or manager.latch.locked()
                or len(notes) > MOST_KEYS
            ):
                with manager.latch:
                    manager.conflicts.enter(txn, entry)
        root, hot = base.root, keeper.hot
        if hot.root is not root:
            hot = keeper.hot = HotKeys(root, base)
        place: tuple[Ref, Row] | None = hot.found.get(key)
        if place is None:
            try:
                place = place_in_base(store, index, root, key)
            except StaleRoot:
                return self.find_marked(store, index, key, locking)
            if place is not None:
                hot.keep(key, place)
        if place is not None or index is None:
            chain = store.chains.get(key if place is None else place[0])
            if chain is not None:
                owner, row = chain.owner, chain.row
                if chain.statement >= self.statement if owner is txn else owner.number > self.snapshot:
                    return self.find_marked(store, index, key, locking)
                if row is None or (index is not None and index.entry(row) != key):
                    place = None
                else:
                    place = key if place is None else place[0], row
        if (index is not None and key in index.overlay.by_key) or base.root is not root:  # the root last, as in `find`
            return self.find_marked(store, index, key, locking)
        return place

    def find_marked(self, store: Store, index: Any, key: Key, locking: bool) -> tuple[Ref, Row] | None:
        """The row under a key at a level that marks or locks what it reads."""
        found = self.find_in_hold(store, index, key, locking)
        return self.find_merged(store, index, key, locking) if found is None else found[0]

    def find_in_hold(self, store: Store, index: Any, key: Key, locking: bool) -> tuple[tuple[Ref, Row] | None] | None:
        """The row under a key: noted, and asked for changes, in one hold (R48, R55). `index` None: of a table that is
        ordered by the key. None: it takes the way of all ranges, since somebody must be waited for, or an overlay
        entry mentions the key."""
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
