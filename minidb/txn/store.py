"""The delta of one table: the chains of its changed rows, over the access structures that the base gives.

    base (immutable, as of F)          delta (this object)
    ---------------------------        -----------------------------------------------
    heap page / clustered leaf         chains: address -> newest version -> ... -> bottom
    index leaf                         addresses: those addresses, sorted, for scans
                                       indexes[i].overlay: the entries that versions touch

Invariants (checked by `check`):
 1. A chain's bottom is the base's row or an insert (R23); an address has a chain exactly if it is in `addresses`.
 2. An overlay entry exists exactly for keys that some version of the row's chain has, or had before it was changed
 (R24).
 3. An aborted version is absent for every walker, and is unlinked before its transaction ends (R3).

Everything here runs under the kernel latch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from minidb import schema
from minidb.access.index import IndexStore, RowFunction
from minidb.access.sorted_entries import SortedEntries
from minidb.access.table import TableAccess
from minidb.keys import Key, Row
from minidb.storage.base import Base
from minidb.storage.interface import Ref
from minidb.txn.intervals import key_words
from minidb.txn.locks import ROW_CONFLICTS, ROW_STRENGTHS, IntervalLocks, ModeLock, Request
from minidb.txn.versions import SETTLED, Owner, Version


class Store(TableAccess):
    """The data of one table relation."""

    def __init__(self, base: Base, table: schema.Table, functions: dict[str, RowFunction]) -> None:
        super().__init__(base, table, functions)
        self.chains: dict[Ref, Version] = {}
        self.addresses = SortedEntries()
        self.row_locks: dict[Ref, Any] = {}  # (transaction, mask) or a ModeLock
        self.orphans: set[Ref] = set()  # addresses without a row that are released with their lock
        self.intervals = IntervalLocks(self.names)
        self.incompatible_since = 0  # number of the last incompatible DDL (R64)
        self.changes = 0  # rows inserted, updated or deleted since the statistics were taken
        self.changes_allowed = 500
        self.outdated = False

    def set_width(self) -> None:
        """Completes (or, when an ADD COLUMN is rolled back, cuts) the rows of all chains to the schema's width."""
        width = len(self.schema.columns)
        tail = tuple(self.codec.missing)
        for version in self.versions():
            row = version.row
            if row is not None and len(row) != width:
                version.row = row[:width] if len(row) > width else row + tail[len(row) :]

    def enter_chains(self, indexes: Iterable[IndexStore]) -> None:
        """Gives new indexes the entries of all versions of all chains (R65)."""
        for index in indexes:
            for ref in list(self.chains):
                version: Version | None = self.chains.get(ref)
                while version is not None:
                    key = index.entry(version.row)
                    if key is not None:
                        index.overlay.add(key, ref)
                    version = version.older

    def versions(self) -> Iterable[Version]:
        for chain in list(self.chains.values()):
            version: Version | None = chain
            while version is not None:
                yield version
                version = version.older

    # -- changing chains, under the latch

    def install(self, owner: Owner, statement: int, ref: Ref, old: Row | None, new: Row | None,
                old_keys: list[Key | None], new_keys: list[Key | None], keyed: bool) -> Version:
        """Puts a version on top of the row's chain. `old` is what the writer changes, None for an insert."""
        chain = self.chains.get(ref)
        if chain is None:
            self.addresses.add(ref)
            if old is not None:
                chain = Version(old, SETTLED, 0, None, False)  # R23
        version = Version(new, owner, statement, chain, keyed)
        self.chains[ref] = version
        for index, old_key, new_key in zip(self.index_list, old_keys, new_keys):
            if old_key != new_key:
                if old_key is not None:
                    index.overlay.add(old_key, ref)  # R24
                if new_key is not None:
                    index.overlay.add(new_key, ref)
        self.changes += 1
        return version

    def rewrite(self, owner: Owner, statement: int, ref: Ref, chain: Version | None, old: Row, new: Row) -> Version:
        """`install` of a change that leaves every entry alone, on the chain that the row has."""
        if chain is None:
            self.addresses.add(ref)
            chain = Version(old, SETTLED, 0, None, False)  # R23
        self.chains[ref] = version = Version(new, owner, statement, chain, None)
        self.changes += 1
        return version

    def add(self, owner: Owner, statement: int, ref: Ref, row: Row, keys: list[Key | None]) -> Version:
        """`install` of a new row."""
        chain = self.chains.get(ref)
        if chain is None:
            self.addresses.add(ref)
        self.chains[ref] = version = Version(row, owner, statement, chain, True)
        for index, key in zip(self.index_list, keys):
            if key is not None:
                index.overlay.add(key, ref)
        self.changes += 1
        return version

    def install_many(self, owner: Owner, statement: int, refs: list[Ref], rows: Sequence[Row],
                     keys: list[list[Key | None]]) -> list[Version]:
        """Inserts many new rows; `keys[i]` are the entries in index i."""
        versions = [Version(row, owner, statement, None, False) for row in rows]
        fresh = refs
        if not self.chains.keys().isdisjoint(refs):
            fresh = [ref for ref in refs if ref not in self.chains]
            for version, ref in zip(versions, refs):
                version.older = self.chains.get(ref)
        self.chains.update(zip(refs, versions))
        self.addresses.add_many(fresh)
        for index, entries in zip(self.index_list, keys):
            pairs = list(zip(entries, refs))
            if index.condition is not None:
                pairs = [pair for pair in pairs if pair[0] is not None]
            index.overlay.add_many(pairs)
        self.changes += len(refs)
        return versions

    def unlink(self, ref: Ref, version: Version) -> None:
        """Takes a rolled-back version out of its chain; can be repeated (R72)."""
        top = self.chains.get(ref)
        if top is None:
            return
        if top is version:
            if version.older is None:
                self.forget(ref, [version])
                return
            self.chains[ref] = top = version.older
        else:
            above: Version | None = top
            while above is not None and above.older is not version:
                above = above.older
            if above is None:
                return
            above.older = version.older
        if top.owner is SETTLED and top.older is None and ref not in self.row_locks:
            self.forget(ref, [version, top])
        else:
            self.drop_keys(ref, [version])

    def forget(self, ref: Ref, versions: list[Version]) -> None:
        """Removes the whole chain of `ref`, which consisted of `versions`."""
        del self.chains[ref]
        self.addresses.discard(ref)
        self.drop_keys(ref, versions)
        if self.space is not None and versions[-1].owner is not SETTLED and versions[-1].row is not None:
            if ref in self.row_locks:  # somebody waits for it: the next row there would be waited for instead
                self.orphans.add(ref)
            else:
                self.space.release(ref)  # an insert that never was (R22)

    def drop_keys(self, ref: Ref, gone: list[Version]) -> None:
        """Overlay entries go when no version left in the chain has their key (R24)."""
        left = self.chains.get(ref)
        for index in self.index_list:
            if not index.overlay:
                continue
            for version in gone:
                key = index.entry(version.row)
                if key is not None and not chain_has(index, left, key):
                    index.overlay.remove(key, ref)

    def trim(self, ref: Ref, horizon: int) -> None:
        """Cuts what nobody can see: everything below the newest version with a number <= horizon."""
        version = self.chains.get(ref)
        while version is not None and version.owner.number > horizon:
            version = version.older
        if version is None or version.older is None:
            return
        gone = []
        older: Version | None = version.older
        version.older = None
        while older is not None:
            gone.append(older)
            older = older.older
        self.drop_keys(ref, gone)

    def drop_folded(self, ref: Ref, folded: int, horizon: int) -> bool:
        """Drops the chain if the base says it all, nobody sees anything older, and no lock is on it (R16)."""
        top = self.chains.get(ref)
        if top is None:
            return False
        number = top.owner.number
        if number > folded or number > horizon or ref in self.row_locks:
            return False
        gone = []
        version: Version | None = top
        while version is not None:
            gone.append(version)
            version = version.older
        del self.chains[ref]
        self.addresses.discard(ref)
        self.drop_keys(ref, gone)
        if top.row is None and self.space is not None:
            self.space.release(ref)  # R22
        return True

    # -- row locks, under the latch

    def row_lock_conflict(self, txn: Any, ref: Ref, strength: int) -> bool:
        """Whether somebody else's lock, or uncommitted change, keeps `txn` from locking the row."""
        held = self.row_locks.get(ref)
        if held is None:
            return False
        if isinstance(held, tuple):
            return held[0] is not txn and bool(held[1] & ROW_CONFLICTS[strength])
        return not held.can_grant(Request(txn, held, strength))

    def set_row_lock(self, txn: Any, ref: Ref, mask: int) -> list[Request]:
        """Sets what `txn` holds on the row to `mask`; returns the requests that can go on now."""
        held = self.row_locks.get(ref)
        if held is None or isinstance(held, tuple):
            if held is None or held[0] is txn:
                if mask:
                    self.row_locks[ref] = (txn, mask)
                elif held is not None:
                    self.drop_row_lock(ref)
                return []
            held = self.expand(ref)
        granted = held.set_held(txn, mask)
        if held.idle:
            self.drop_row_lock(ref)
        return granted

    def drop_row_lock(self, ref: Ref) -> None:
        del self.row_locks[ref]
        if ref in self.orphans:
            self.orphans.discard(ref)
            if self.space is not None:
                self.space.release(ref)

    def row_title(self, ref: Ref, row: Row | None) -> str:
        """What people call a row: its primary key, or its address if it has none or is not known."""
        primary = self.schema.primary_key
        if self.key is None and row is None:
            version = self.chains.get(ref)
            while version is not None and version.row is None:
                version = version.older
            row = None if version is None else version.row
        if self.key is not None or primary is None or row is None:
            return key_words(ref)
        values = tuple(row[k.position] for k in primary.keys if k.position is not None)
        return key_words(values[0] if len(values) == 1 else values)

    def expand(self, ref: Ref, row: Row | None = None) -> ModeLock:
        """The row's lock in its full form, with a queue."""
        held = self.row_locks.get(ref)
        if isinstance(held, ModeLock):
            return held
        title = f"row {self.row_title(ref, row)} of {self.name}"
        lock = ModeLock("row", (self, ref), title, ROW_STRENGTHS, ROW_CONFLICTS)
        if held is not None:
            lock.hold(held[0], held[1])
        self.row_locks[ref] = lock
        return lock

    def row_mask(self, txn: Any, ref: Ref) -> int:
        held = self.row_locks.get(ref)
        if held is None:
            return 0
        if isinstance(held, tuple):
            return int(held[1]) if held[0] is txn else 0
        return int(held.holders.get(txn, 0))

    # -- check

    def descends(self, ref: Ref, seen: Row) -> bool:
        """Whether what is at an address now is `seen`, a later version of it or its tombstone, and not another row that
        took the place. In doubt it is not."""
        version = self.chains.get(ref)
        if version is not None and version.row is None:
            return True
        while version is not None and version.row is not None:
            if same_row(version.row, seen):
                return True
            version = version.older
        base = None if version is not None else self.base_row(self.base.root, ref)
        return base is not None and same_row(base, seen)

    def check(self) -> None:
        assert sorted(self.chains) == list(self.addresses), f"{self.name}: addresses and chains differ"
        for index in self.index_list:
            for key, ref in index.overlay.order:
                assert ref in self.chains, f"{index.schema.name}: overlay entry {key!r} without a chain"


def chain_has(index: IndexStore, version: Version | None, key: Key) -> bool:
    while version is not None:
        if index.entry(version.row) == key:
            return True
        version = version.older
    return False


def same_row(row: Row, seen: Row) -> bool:
    """Whether a stored row, which may be shorter than its table, is the completed row `seen`; NaN is itself."""
    return row == seen[: len(row)] or repr(row) == repr(seen[: len(row)])
