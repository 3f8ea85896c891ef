"""Installing changes: what is asked and done in the one hold that makes a change of a row visible to its transaction.

A row is written in this order (R34), and after any wait it begins again at the newest version; nothing is installed
before everything has passed:

    1. row lock                 keeps the place in the row's queue (`row_locks`)
    2. in one hold (`attempt`):
       intervals of 2PL         of the old and new entry on every index and in the table's own order (R47)
       rw edges                 to SSI readers whose marks cover an entry (R40: before the probe)
       unique probes            of every new key, on newest versions (R38; `unique_keys`)
       install                  version, overlay entries, undo record

Base pages that a probe needs are read before the hold; a root that has changed meanwhile starts it again. What cannot
be judged before all rows of the statement are changed waits for its end: the inserts of rows whose clustered key has
changed (R33), and keys of rows that perhaps make way (R43).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any

from minidb.keys import Key, Row
from minidb.storage.free_space import HeapSpace
from minidb.storage.interface import Ref
from minidb.storage.roots import Root, StaleRoot
from minidb.txn.deferral import DeferredCheck, is_deferred
from minidb.txn.locks import Request
from minidb.txn.row_change import Change
from minidb.txn.unique_keys import Clash, KeyProber

if TYPE_CHECKING:
    from minidb.access.index import IndexStore
    from minidb.txn.manager import Manager
    from minidb.txn.store import Store
    from minidb.txn.transaction import Transaction


class Installer(KeyProber):
    """The part of the door that installs versions."""

    def __init__(self, manager: Manager, txn: Transaction) -> None:
        super().__init__(manager, txn)
        self.moves: list[tuple[Store, Row]] = []  # rows whose clustered key changed, inserted at the end (R33)
        self.doubtful: list[tuple[Store, IndexStore, Key]] = []  # keys judged at the statement's end (R43)
        self.tolerant = False  # an UPDATE is running: a clash may go away before the statement ends
        self.unsettled = False  # something waits for the statement's end: one of these three, or a foreign key

    # -- one change, until it is installed

    def apply(self, change: Change, moved_to: Ref | None = None) -> Ref:
        """Installs the change; raises UniqueViolation if a key is taken."""
        done = self.attempt(change, None, moved_to)
        if isinstance(done, Clash):
            self.give_back(change)
            self.refuse(change.store, done)
        return done

    def attempt(self, change: Change, arbiters: Sequence[int] | None, moved_to: Ref | None = None) -> Any:
        """Installs the change and returns its address, or the first clash (ON CONFLICT: of the arbiters only)."""
        manager, txn, store = self.manager, self.txn, change.store
        if change.old is None:
            self.load_space(store)
        probes = change.probes()
        writer: Request | None = None
        try:
            while True:
                root = store.base.root
                try:
                    hits = [self.settled_hit(store, root, index, key) for index, key in probes]
                    own = self.own_hit(change, root)
                except StaleRoot:
                    continue
                with manager.latch:
                    if store.base.root is not root:
                        continue
                    wait, writer = self.obstacle(change, probes, hits, writer)
                    if wait is None:
                        clash = self.find_clash(change, probes, hits, own)
                        if clash is None:
                            return self.install(change, moved_to)
                        if not self.forgives(change, clash, arbiters):
                            return clash
                        if clash.index is not None:
                            self.doubtful.append((store, clash.index, clash.key))
                            self.unsettled = True
                            return self.install(change, moved_to)
                    else:
                        if wait.resource is not store.intervals:
                            self.drop_writer(writer)
                            writer = None
                        if wait not in wait.resource.queue:
                            wait.resource.enqueue(wait)
                        manager.begin_wait(txn, wait)
                if wait is not None:
                    manager.park(txn, wait)
        except BaseException:
            self.give_back(change)
            raise
        finally:
            if writer is not None:
                with manager.latch:
                    self.drop_writer(writer)

    def obstacle(self, change: Change, probes: list[tuple[IndexStore, Key]], hits: list[Any],
                 writer: Request | None) -> tuple[Request | None, Request | None]:
        """What must be waited for before the change can be judged: (request, the writer's place in the queue)."""
        store, txn = change.store, self.txn
        if change.ref is None:
            change.ref = store.new_ref(change.new) if change.new is not None else None
        change.points = store.points(change.ref, change.old_keys, change.new_keys)
        intervals = store.intervals
        if writer is not None or (intervals.active and intervals.hinder(txn, change.points)):
            if writer is None:
                writer = store.intervals.writer(txn, change.points)
            if not store.intervals.can_grant(writer):
                writer.granted = False  # perhaps granted before, and held up again by a point told of meanwhile (R41)
                return writer, writer
        row = change.new if change.new is not None else change.old
        txn.policy.before_write(txn, self.manager, store, change.points, change.ref, row)
        self.manager.check(txn)  # R40: doomed is asked before any duplicate is told
        for owner in self.uncommitted_owners(change, probes, hits):
            return self.manager.ending_of(txn, owner, f"the key that {owner.title} has not committed"), writer
        return None, writer

    def drop_writer(self, writer: Request | None) -> None:
        if writer is not None and writer in writer.resource.queue:
            self.manager.wake_granted(writer.resource.cancel(writer))

    def forgives(self, change: Change, clash: Clash, arbiters: Sequence[int] | None) -> bool:
        """Whether a clash is left to the statement's end (R43): the row in the way may be changed by then.

        A deferrable key is judged there even if no UPDATE is running, or at the end of the transaction."""
        if arbiters is not None:
            if not arbiters or self.index_id(change.store, clash) in arbiters:
                return False
            self.refuse_now(change.store, clash)
        if clash.index is None:
            return False
        return clash.index.schema.deferrable or (self.tolerant and change.old is not None)

    def index_id(self, store: Store, clash: Clash) -> int:
        if clash.index is not None:
            return clash.index.schema.id
        clustered = store.schema.clustered
        assert clustered is not None
        return clustered.id

    def install(self, change: Change, moved_to: Ref | None) -> Ref:
        txn, store = self.txn, change.store
        version = store.install(
            txn, txn.statement, change.ref, change.old, change.new, change.old_keys, change.new_keys, change.keyed
        )
        version.moved_to = moved_to
        txn.changes.append((store, change.ref, version))
        txn.wrote = True
        return change.ref

    def give_back(self, change: Change) -> None:
        """Frees the address of a row that was not inserted after all."""
        store = change.store
        if change.old is None and change.ref is not None and store.key is None:
            with self.manager.latch:
                if change.ref not in store.chains:
                    store.heap_space.release(change.ref)

    def load_space(self, store: Store) -> None:
        """Finds the free addresses of a heap, once, when it is first inserted into; reads pages (R20)."""
        while store.space is None and store.key is None:
            root = store.base.root
            try:
                space = HeapSpace.load(store.source, root)
            except StaleRoot:
                continue
            with self.manager.latch:
                if store.base.root is root and store.space is None:
                    for ref in store.addresses.unordered():
                        space.reserve(ref)
                    store.space = space

    # -- many rows at once

    def insert_slice(self, store: Store, rows: Sequence[Row]) -> bool:
        """Inserts many rows in one hold; False if one of them needs the long way."""
        keys = [index.entries(rows) for index in store.index_list]
        own = None if store.key is None else [store.key(row) for row in rows]
        root = store.base.root
        try:
            if not self.all_new(store, root, keys, own):
                return False
        except StaleRoot:
            return False
        txn, manager = self.txn, self.manager
        with manager.latch:
            if store.base.root is not root or store.intervals.active:
                return False
            if txn.in_graph and manager.conflicts.alone is not txn and manager.conflicts.active:
                return False
            if own is not None and not store.chains.keys().isdisjoint(own):
                return False
            for index, entries in zip(store.index_list, keys):
                if index.live and index.unique and not index.overlay.by_key.keys().isdisjoint(entries):
                    return False
            refs = own if own is not None else store.heap_space.allocate_many(len(rows), 0)
            versions = store.install_many(txn, txn.statement, refs, rows, keys)
            txn.changes.extend(zip(repeat(store), refs, versions))
            txn.wrote = True
        return True

    def all_new(self, store: Store, root: Root, keys: list[list[Key | None]], own: list[Key] | None) -> bool:
        """Whether the base has none of the unique keys, and the slice no duplicate."""
        if own is not None:
            find = store.source.find
            if len(set(own)) != len(own):
                return False
            if store.source.entries(root) and any(find(root, key) is not None for key in own):
                return False
        for index, entries in zip(store.index_list, keys):
            if not (index.unique and index.live):
                continue
            unique = index.colliding(entries)
            if len(set(unique)) != len(unique):
                return False
            if index.tree.entries(root) and any(index.tree.find(root, key) is not None for key in unique):
                return False
        return True

    # -- the statement's end

    def settle_changes(self) -> None:
        """Inserts moved rows and judges doubtful keys: those of the statement, then those of each round of cascades."""
        moves, self.moves = self.moves, []
        for store, row in moves:
            self.apply(Change(store, None, None, row))
        doubtful, self.doubtful = self.doubtful, []
        for store, index, key in dict.fromkeys(doubtful):
            if is_deferred(self.txn, index.schema):
                judge = partial(self.judge_later, store, index, key)
                self.txn.defer(DeferredCheck(index.schema.id, judge))
            else:
                self.judge_key(store, index, key)
        self.tolerant = False
