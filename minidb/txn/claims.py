"""Changing a row in one hold: what a statement does that finds rows, changes them, and nothing besides.

The long way (`writes`) locks the row in one hold, so that it stands still while the new row is computed, and installs
the change in another. Mostly nobody else wants the row. So `claim` only remembers that it was asked for, the new row is
computed from the row as it was seen, and the change looks, in the hold in which it installs, whether that still is the
newest version and free:

    find        the row at S, without the latch
    claim       nothing
    compute     the new row
    rewrite     one hold: the chain's newest version is the very row that was seen (or: no chain, and the base is the
                one of the statement's beginning), no lock of others on the row, no interval of 2PL there
                  yes -> version, undo record; the version itself locks the row, as long as nobody waits for it
                         (`RowLocker.try_lock`): only a stronger lock than NO KEY UPDATE has to be taken
                  no  -> the long way: lock, then install; Overtaken if the lock gave another row than the one seen

Who catches Overtaken runs the statement again with `claiming` off: nothing was changed for that row, and if it is
locked it stays so. A statement that rewrites many rows claims each of them, too; it may have changed some by then,
which are undone first. So a row costs a fifth of what it costs to lock it first, at the price of starting again where
others change the same rows. Levels that wait for writers when they read (2PL, SERIAL) have locked the key that they
looked for: nobody is faster, but others may have locked the row, or share that key.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from minidb.keys import Key, Row
from minidb.latches import give_way
from minidb.storage.interface import Ref
from minidb.storage.roots import Root, StaleRoot
from minidb.txn.locks import ROW_STRENGTHS
from minidb.txn.row_locks import NO_KEY_UPDATE
from minidb.txn.writes import Writer

if TYPE_CHECKING:
    from minidb.access.index import IndexStore
    from minidb.txn.store import Store

STRENGTHS = {name: number for number, name in enumerate(ROW_STRENGTHS)}
OFTEN = 255  # bits of the number of changes that are 0 when a statement of many rows pauses
IMPLIED = ROW_STRENGTHS[NO_KEY_UPDATE]  # the lock that a version stands for


class Overtaken(Exception):
    """Somebody else has changed the claimed row meanwhile. Never leaves the engine."""


class Claimer(Writer):
    """The writing half of the door, with the short way."""

    claiming = True
    claimed: str | None = None  # the strength of the lock that the claimed row is still to get
    root: Root | None = None  # the base when the statement began

    def claim(self, table: int, ref: Ref, seen: Row, strength: str = "update") -> Row | None:
        if not self.claiming:
            return self.lock(table, ref, seen, strength)
        self.claimed = strength
        return seen

    @contextmanager
    def without_claims(self) -> Iterator[None]:
        """For a statement that runs again: what it finds is locked at once."""
        self.claiming, self.claimed = False, None
        try:
            yield
        finally:
            self.claiming = True

    def keep_claim(self, table: int, ref: Ref, old: Row) -> None:
        """Locks a row that was only claimed."""
        strength, self.claimed = self.claimed, None
        if strength is not None and self.lock(table, ref, old, strength) is not old:
            raise Overtaken

    # -- the verbs

    def update(self, table: int, ref: Ref, old: Row, new: Row) -> None:
        if self.claimed is not None:
            self.keep_claim(table, ref, old)
        super().update(table, ref, old, new)

    def delete(self, table: int, ref: Ref, old: Row) -> None:
        if self.claimed is not None:
            self.keep_claim(table, ref, old)
        super().delete(table, ref, old)

    def rewrite(self, table: int, ref: Ref, old: Row, new: Row) -> None:
        store = self.tables.get(table) or self.store_of(table)
        if self.claimed is None or not self.rewrite_claimed(store, ref, old, new):
            self.update(table, ref, old, new)
        elif not len(self.txn.changes) & OFTEN:
            self.pause()

    def pause(self) -> None:
        """Between many rows: others have their turn, and what is large goes its way (R30)."""
        give_way(self.manager.latch)
        self.manager.check(self.txn)
        self.manager.spill(self.txn)

    def rewrite_claimed(self, store: Store, ref: Ref, old: Row, new: Row) -> bool:
        """The change in one hold; False if somebody is in the way."""
        manager, txn = self.manager, self.txn
        assert self.claimed is not None
        alone = not txn.in_graph or manager.conflicts.alone is txn
        points = None if alone and not store.intervals.active else store.places(ref, new)
        with manager.latch:
            chain = store.chains.get(ref)
            if chain is None:
                if store.base.root is not self.root:
                    return False
            elif chain.row is not old or (chain.owner is not txn and chain.owner.number > manager.published):
                return False
            held = store.row_locks.get(ref)
            if held is not None and (type(held) is not tuple or held[0] is not txn):
                return False
            if points is None:
                if store.intervals.active or (txn.in_graph and manager.conflicts.alone is not txn):
                    return False
            elif not self.may_stand(store, points, ref, new):
                return False
            if held is not None or self.claimed != IMPLIED or txn.nested:
                self.lock_claimed(store, ref, 0 if held is None else held[1])
            txn.changes.append((store, ref, store.rewrite(txn, txn.statement, ref, chain, old, new)))
            txn.wrote = True
        self.claimed = None
        return True

    def may_stand(self, store: Store, points: list[tuple[int, Key]], ref: Ref, row: Row) -> bool:
        """Whether nobody has locked an interval in which one of these points lies, and those who have marked one do
        not make a dangerous structure of it (R47, R55). Under the latch, in the hold that installs the row."""
        txn = self.txn
        if store.intervals.active and store.intervals.hinder(txn, points):
            return False
        txn.policy.before_write(txn, self.manager, store, points, ref, row)
        return txn.doomed is None

    def lock_claimed(self, store: Store, ref: Ref, held: int) -> None:
        """Takes the claimed lock on a row on which others have none, or notes that the version stands for it: what
        somebody takes in our name meanwhile is given back with the version. Under the latch."""
        txn = self.txn
        mask = 0 if self.claimed == IMPLIED and not held else held | 1 << STRENGTHS[self.claimed or IMPLIED]
        if txn.nested and (mask != held or not held):
            txn.undo.append((store, ref, held))
        if mask != held:
            store.row_locks[ref] = (txn, mask)
            if not held:
                txn.row_locks.append((store, ref))

    # -- inserting

    def insert_row(self, store: Store, row: Row) -> Ref:
        ref = self.insert_plainly(store, row)
        if ref is None:
            return super().insert_row(store, row)
        self.inserted(store, row)
        return ref

    def insert_plainly(self, store: Store, row: Row) -> Ref | None:
        """Inserts a row that meets nobody; None if it might."""
        manager, txn = self.manager, self.txn
        if store.key is not None:
            return None
        if store.space is None:
            self.load_space(store)
        root = store.base.root
        keys: list[Key | None] = []
        for index in store.index_list:
            key = index.entry(row)
            if key is not None and index.unique and not is_new(index, root, key):
                return None
            keys.append(key)
        with manager.latch:
            if store.base.root is not root:
                return None
            for index, key in zip(store.index_list, keys):
                if index.unique and key in index.overlay.by_key:
                    return None
            ref = store.heap_space.allocate(0)
            if store.intervals.active or (txn.in_graph and manager.conflicts.alone is not txn):
                if not self.may_stand(store, store.points(ref, keys), ref, row):
                    store.heap_space.release(ref)
                    return None
            version = store.add(txn, txn.statement, ref, row, keys)
            txn.changes.append((store, ref, version))
            txn.wrote = True
        return ref


def is_new(index: IndexStore, root: Root, key: Key) -> bool:
    """Whether neither base nor overlay of a unique index know the key."""
    if key in index.overlay.by_key:
        return False
    try:
        return index.tree.find(root, key) is None
    except StaleRoot:
        return False


__all__ = ["Claimer", "Overtaken", "is_new"]
