"""Writing: row locks, interval checks, unique probes, and the installation of versions.

A row is written in this order (R34), and after any wait it begins again at the newest version; nothing is installed
before everything has passed:

    1. row lock                 keeps the place in the row's queue
    2. in one hold:
       intervals of 2PL         of the old and new entry on every index and in the table's own order (R47)
       rw edges                 to SSI readers whose marks cover an entry (R40: before the probe)
       unique probes            of every new key, on newest versions (R38)
       install                  version, overlay entries, undo record

Base pages that a probe needs are read before the hold; a root that has changed meanwhile starts it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from minidb.errors import CardinalityViolation, LockNotAvailable, UniqueViolation
from minidb.keys import Key, Row
from minidb.latches import give_way
from minidb.row_texts import index_key
from minidb.storage.free_space import HeapSpace
from minidb.storage.interface import Ref
from minidb.storage.roots import Root, StaleRoot
from minidb.txn.deferral import DeferredCheck, is_deferred
from minidb.txn.intervals import key_words
from minidb.txn.locks import ROW_CONFLICTS, ROW_STRENGTHS, Request
from minidb.txn.reads import Reader
from minidb.txn.versions import PENDING, Version, newest, newest_committed, visible

if TYPE_CHECKING:
    from minidb import schema
    from minidb.access.index import IndexStore
    from minidb.txn.manager import Manager, Transaction
    from minidb.txn.store import Store

KEY_SHARE, SHARE, NO_KEY_UPDATE, UPDATE = range(4)
LOCKING = tuple(f"SELECT FOR {strength.upper()}" for strength in ROW_STRENGTHS)
BULK = 500  # rows that insert_many installs in one hold


class Clash:
    """A live row in the way of a unique key. `index` None: the clustered primary key."""

    __slots__ = ("index", "key", "ref", "row", "version")

    def __init__(self, index: IndexStore | None, key: Key, ref: Ref, row: Row, version: Version | None) -> None:
        self.index = index
        self.key = key
        self.ref = ref
        self.row = row
        self.version = version


class Change:
    """A row about to be written, with everything that is computed before the latch is taken (R69)."""

    __slots__ = ("keyed", "new", "new_keys", "old", "old_keys", "points", "ref", "store")

    def __init__(self, store: Store, ref: Ref | None, old: Row | None, new: Row | None) -> None:
        self.store = store
        self.ref = ref
        self.old = old
        self.new = new
        self.old_keys = store.keys(old)
        self.new_keys = store.keys(new)
        self.keyed = new is None or any(
            index.unique and before != now
            for index, before, now in zip(store.index_list, self.old_keys, self.new_keys)
        )
        self.points: list[tuple[int, Key]] = []

    def probes(self) -> list[tuple[IndexStore, Key]]:
        """The unique keys that the change brings."""
        return [
            (index, now)
            for index, before, now in zip(self.store.index_list, self.old_keys, self.new_keys)
            if index.live and now is not None and before != now and index.collides(now)
        ]


class Writer(Reader):
    """The writing half of the door, for one transaction."""

    def __init__(self, manager: Manager, txn: Transaction) -> None:
        super().__init__(manager, txn)
        self.moves: list[tuple[Store, Row]] = []  # rows whose clustered key changed, inserted at the end (R33)
        self.doubtful: list[tuple[Store, IndexStore, Key]] = []  # keys judged at the statement's end (R43)
        self.tolerant = False  # an UPDATE is running: a clash may go away before the statement ends
        self.unsettled = False  # something waits for the statement's end: one of these three, or a foreign key

    # -- row locks

    def lock(self, table: int, ref: Ref, seen: Row, strength: str = "update", wait: str = "wait") -> Row | None:
        row = self.lock_row(self.store_of(table), ref, seen, ROW_STRENGTHS.index(strength), wait)
        return row[0] if row is not None else None

    def lock_row(self, store: Store, ref: Ref, seen: Row, strength: int, wait: str = "wait",
                 came: Version | None = None) -> tuple[Row, Ref] | None:
        """Locks the newest version of a row; (row, address) or None if it is gone. Follows a moved row (R33).

        `seen` is what a running statement read there: as long as the row has no chain, it is still the newest, but for
        a dirty read, whose row may have been rolled back. `came`: the tombstone that led here, or the version that was
        met in its newest state and not by the statement's snapshot."""
        manager, txn = self.manager, self.txn
        manager.before_write(txn, store.schema.temporary, LOCKING[strength])
        while True:
            found, stone = None, None
            with manager.latch:
                request = self.try_lock(store, ref, strength, seen)
                if request is None:
                    found, stone = self.newest_row(store, ref, seen, came)
                elif wait == "nowait":
                    raise LockNotAvailable(f'could not obtain lock on row in relation "{store.name}"')
                elif wait == "skip locked":
                    return None
                else:
                    if self.policy.keeps_snapshot:  # a newer version is there to stay: whoever needs the old one fails
                        request.judge = partial(self.newest_row, store, ref, seen, came)
                        request.judge()
                    request.resource.enqueue(request)
                    manager.begin_wait(txn, request)
            if request is None:
                if stone is not None:
                    came, ref = stone, stone.moved_to
                    continue
                if found is seen and self.snapshot == PENDING:
                    found = self.row_at(store, ref)
                return None if found is None else (found, ref)
            try:
                manager.park(txn, request)
            finally:
                if request.granted:  # also when an interrupt came after the grant
                    with manager.latch:
                        self.hold(store, ref, store.row_mask(txn, ref) & ~(1 << strength))

    def try_lock(self, store: Store, ref: Ref, strength: int, seen: Row) -> Request | None:
        """Takes the lock, or returns the request to wait with. Under the latch."""
        txn = self.txn
        held = store.row_mask(txn, ref)
        if held >> strength & 1:
            return None
        top = newest(store.chains.get(ref))
        owner: Any = None if top is None else top.owner
        foreign = owner is not None and owner is not txn and owner.number > self.manager.published
        implied = 0
        if foreign and top is not None:
            implied = 1 << (UPDATE if top.keyed or top.row is None else NO_KEY_UPDATE)
        blocked = bool(implied & ROW_CONFLICTS[strength])
        if not blocked and not store.row_lock_conflict(txn, ref, strength):
            store.set_row_lock(txn, ref, held | 1 << strength)
            self.hold(store, ref, held)
            return None
        lock = store.expand(ref, seen)
        if implied:
            known = lock.holders.get(owner, 0)
            lock.hold(owner, known | implied)
            owner.row_locks.append((store, ref))
            if lock.queue and implied & ~known:  # who waits there came for an earlier row at this address
                self.manager.search_again(lock)
        return Request(txn, lock, strength)

    def hold(self, store: Store, ref: Ref, previous: int) -> None:
        self.txn.row_locks.append((store, ref))
        if self.txn.nested:
            self.txn.undo.append((store, ref, previous))

    def newest_row(self, store: Store, ref: Ref, seen: Row,
                   came: Version | None) -> tuple[Row | None, Version | None]:
        """The row that a locker goes on with (R35), or the tombstone that says where it has moved. Under the latch."""
        txn = self.txn
        chain = store.chains.get(ref)
        if chain is None:
            return seen, None
        top = newest_committed(chain, self.manager.published, txn)
        if top is None:
            return None, None
        if top.owner is txn:
            return (None if top.statement >= self.statement else top.row), None
        if top.owner.number > self.snapshot:
            title = store.row_title(ref, top.row if top.row is not None else seen)
            self.policy.changed(txn, f"row {title} of {store.name}", top.row is None and top.moved_to is None)
            if store.key is not None or top.row is None:
                stone = self.first_tombstone(chain, top, came)
                if stone is not None:
                    return None, (stone if stone.moved_to is not None else None)
        return top.row, None

    def first_tombstone(self, chain: Version, top: Version, came: Version | None) -> Version | None:
        """The first tombstone above the version that this statement saw, or arrived at with a moved row (R33)."""
        seen = visible(chain, self.snapshot, self.txn, self.statement) if came is None else None
        first: Version | None = None
        version: Version | None = top
        while version is not None and version is not seen:
            if version is came or (came is not None and version.row is not None and same_write(version, came)):
                break
            if version.row is None:
                first = version
            version = version.older
        return first

    # -- the verbs

    def insert(self, table: int, row: Row) -> Ref:
        return self.insert_row(self.store_of(table), row)

    def insert_row(self, store: Store, row: Row) -> Ref:
        self.manager.before_write(self.txn, store.schema.temporary, "INSERT")
        change = Change(store, None, None, row)
        ref = self.apply(change)
        self.inserted(store, row)
        return ref

    def update(self, table: int, ref: Ref, old: Row, new: Row) -> None:
        store = self.store_of(table)
        self.manager.before_write(self.txn, store.schema.temporary, "UPDATE")
        if store.key is not None:
            ref = store.key(old)  # where the newest row is: it may have moved since it was found
        if store.key is not None and store.key(new) != ref:
            self.move(store, ref, old, new)
            return
        change = Change(store, ref, old, new)
        if change.keyed and not store.row_mask(self.txn, ref) >> UPDATE & 1:
            self.lock_row(store, ref, old, UPDATE)
        self.tolerant = self.unsettled = True
        self.apply(change)
        self.updated(store, old, new)

    def delete(self, table: int, ref: Ref, old: Row) -> None:
        store = self.store_of(table)
        self.manager.before_write(self.txn, store.schema.temporary, "DELETE")
        if store.key is not None:
            ref = store.key(old)
        self.apply(Change(store, ref, old, None))
        self.deleted(store, old)

    def move(self, store: Store, ref: Ref, old: Row, new: Row) -> None:
        """The clustered primary key changes: a tombstone now, the insert when the statement ends (R33)."""
        assert store.key is not None
        self.lock_row(store, ref, old, UPDATE)
        self.apply(Change(store, ref, old, None), moved_to=store.key(new))
        self.moves.append((store, new))
        self.unsettled = True
        self.updated(store, old, new)

    def insert_many(self, table: int, rows: Sequence[Row]) -> None:
        store = self.store_of(table)
        self.manager.before_write(self.txn, store.schema.temporary, "INSERT")
        self.load_space(store)
        for start in range(0, len(rows), BULK):
            part = rows[start : start + BULK]
            if not self.insert_slice(store, part):
                for row in part:
                    self.apply(Change(store, None, None, row))
            for row in part:
                self.inserted(store, row)
            give_way(self.manager.latch)
            self.manager.check(self.txn)
            self.manager.spill(self.txn)

    def insert_or_conflict(self, table: int, row: Row, arbiters: Sequence[int],
                           lock: bool) -> tuple[Ref | None, Ref | None, Row | None]:
        store = self.store_of(table)
        self.manager.before_write(self.txn, store.schema.temporary, "INSERT")
        change = Change(store, None, None, row)
        while True:
            clash = self.attempt(change, arbiters)
            if not isinstance(clash, Clash):
                self.inserted(store, row)
                return clash, None, None
            self.judge_clash(store, clash)
            if not lock:
                self.give_back(change)
                return None, clash.ref, clash.row
            self.refuse_second_change(change, clash)
            locked = self.lock_row(store, clash.ref, clash.row, UPDATE, came=clash.version)
            if locked is not None and self.still_clashes(store, clash, locked[0]):
                self.give_back(change)
                return None, locked[1], locked[0]

    def refuse_second_change(self, change: Change, clash: Clash) -> None:
        """The row in the way was put there by this statement (R42)."""
        version = clash.version
        if version is not None and version.owner is self.txn and version.statement >= self.statement:
            self.give_back(change)
            raise CardinalityViolation(
                "ON CONFLICT DO UPDATE command cannot affect row a second time",
                hint="Ensure that no rows proposed for insertion within the same command have duplicate constrained "
                "values.",
            )

    def still_clashes(self, store: Store, clash: Clash, row: Row) -> bool:
        return clash.index is None or clash.index.entry(row) == clash.key

    def judge_clash(self, store: Store, clash: Clash) -> None:
        """ON CONFLICT has met a row: a read of the newest state, which the snapshot may lack (R42)."""
        txn = self.txn
        relation = store.relation if clash.index is None else clash.index.relation
        with self.manager.latch:
            if not self.is_visible(clash.version):
                txn.policy.key_gone(txn, f"key {key_words(clash.key)} of {store.names.get(relation, store.name)}")
            if txn.policy.tracks_reads:
                txn.policy.duplicate(txn, self.manager, store, relation, clash.key, True)

    def is_visible(self, version: Version | None) -> bool:
        if version is None or version.owner is self.txn:
            return True
        return version.owner.number <= self.snapshot

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
                    wait, writer = self.obstacle(change, probes, hits, own, writer)
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

    def give_back(self, change: Change) -> None:
        """Frees the address of a row that was not inserted after all."""
        store = change.store
        if change.old is None and change.ref is not None and store.key is None:
            with self.manager.latch:
                if change.ref not in store.chains:
                    store.heap_space.release(change.ref)

    def settled_hit(self, store: Store, root: Root, index: IndexStore, key: Key) -> tuple[Ref, Row | None] | None:
        """The base's row under a unique key: (address, whole row)."""
        hit = index.tree.find(root, key)
        return None if hit is None else (hit[0], store.base_row(root, hit[0]))

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
                    for ref in store.addresses:
                        space.reserve(ref)
                    store.space = space

    def own_hit(self, change: Change, root: Root) -> Row | None:
        """The base's row at a clustered key that is about to be inserted."""
        store = change.store
        if store.key is None or change.old is not None or change.new is None:
            return None
        return store.base_row(root, store.key(change.new))

    def obstacle(self, change: Change, probes: list[tuple[IndexStore, Key]], hits: list[Any], own: Row | None,
                 writer: Request | None) -> tuple[Request | None, Request | None]:
        """What must be waited for before the change can be judged: (request, the writer's place in the queue)."""
        store, txn = change.store, self.txn
        if change.ref is None:
            change.ref = store.new_ref(change.new) if change.new is not None else None
        change.points = store.points(change.ref, change.old_keys, change.new_keys)
        if writer is not None or store.intervals.hinder(txn, change.points):
            if writer is None:
                writer = store.intervals.writer(txn, change.points)
            if not store.intervals.can_grant(writer):
                writer.granted = False  # perhaps granted before, and held up again by a point told of meanwhile (R41)
                return writer, writer
        row = change.new if change.new is not None else change.old
        txn.policy.before_write(txn, self.manager, store, change.points, change.ref, row)
        self.manager.check(txn)  # R40: doomed is asked before any duplicate is told
        for owner in self.uncommitted_owners(change, probes, hits, own):
            return self.manager.ending_of(txn, owner, f"the key that {owner.title} has not committed"), writer
        return None, writer

    def drop_writer(self, writer: Request | None) -> None:
        if writer is not None and writer in writer.resource.queue:
            self.manager.wake_granted(writer.resource.cancel(writer))

    def candidates(self, change: Change, probes: list[tuple[IndexStore, Key]],
                   hits: list[Any]) -> list[tuple[IndexStore | None, Key, Ref]]:
        """Every address that may hold a row with one of the new keys."""
        found: list[tuple[IndexStore | None, Key, Ref]] = []
        if change.store.key is not None and change.old is None:
            found.append((None, change.ref, change.ref))
        for (index, key), hit in zip(probes, hits):
            refs = index.overlay.refs(key)
            found.extend((index, key, ref) for ref in refs)
            if hit is not None and hit[0] not in refs:
                found.append((index, key, hit[0]))
        return [(index, key, ref) for index, key, ref in found if index is None or ref != change.ref]

    def uncommitted_owners(self, change: Change, probes: list[tuple[IndexStore, Key]], hits: list[Any],
                           own: Row | None) -> list[Any]:
        """Transactions whose uncommitted insert, delete or move decides about a key (R38)."""
        published, owners = self.manager.published, []
        for index, key, ref in self.candidates(change, probes, hits):
            top = newest(change.store.chains.get(ref))
            if top is None or top.owner is self.txn or top.owner.number <= published:
                continue
            version: Version | None = top
            while version is not None:
                if self.has_key(index, version.row, key):
                    owners.append(top.owner)
                    break
                if version.owner.number <= published:
                    break
                version = version.older
        return owners

    def has_key(self, index: IndexStore | None, row: Row | None, key: Key) -> bool:
        return row is not None and (index is None or index.entry(row) == key)

    def find_clash(self, change: Change, probes: list[tuple[IndexStore, Key]], hits: list[Any],
                   own: Row | None) -> Clash | None:
        """A live row with one of the new keys. Under the latch; nothing uncommitted of others is in the way."""
        txn, store = self.txn, change.store
        for index, key, ref in self.candidates(change, probes, hits):
            chain = store.chains.get(ref)
            if chain is None:
                row = own if index is None else (next(h for h in hits if h is not None and h[0] == ref)[1])
                if row is not None:
                    return Clash(index, key, ref, row, None)
                continue
            top = newest_committed(chain, self.manager.published, txn)
            if top is not None and self.has_key(index, top.row, key):
                assert top.row is not None
                return Clash(index, key, ref, top.row, top)
            if top is not None and top.owner is not txn and top.owner.number > self.snapshot:
                seen = visible(chain, self.snapshot, txn, self.statement + 1)
                if seen is not None and self.has_key(index, seen.row, key):  # R39
                    txn.policy.key_gone(txn, f"key {key_words(key)} of {store.name}")
        return None

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

    # -- bulk

    def insert_slice(self, store: Store, rows: Sequence[Row]) -> bool:
        """Inserts many rows in one hold; False if one of them needs the long way."""
        keys = [[index.entry(row) for row in rows] for index in store.index_list]
        own = None if store.key is None else [store.key(row) for row in rows]
        root = store.base.root
        try:
            if not self.all_new(store, root, keys, own):
                return False
        except StaleRoot:
            return False
        txn, manager = self.txn, self.manager
        with manager.latch:
            if store.base.root is not root or store.intervals.active or manager.conflicts.marks:
                return False
            if own is not None and not store.chains.keys().isdisjoint(own):
                return False
            for index, entries in zip(store.index_list, keys):
                present = (key for key in entries if key is not None)
                if index.live and index.unique and not index.overlay.by_key.keys().isdisjoint(present):
                    return False
            refs = own if own is not None else store.heap_space.allocate_many(len(rows), 0)
            versions = store.install_many(txn, txn.statement, refs, rows, keys)
            txn.changes.extend([(store, ref, version) for ref, version in zip(refs, versions)])
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
            unique = [key for key in entries if key is not None and index.collides(key)]
            if len(set(unique)) != len(unique):
                return False
            if index.tree.entries(root) and any(index.tree.find(root, key) is not None for key in unique):
                return False
        return True

    # -- unique errors

    def refuse(self, store: Store, clash: Clash) -> None:
        with self.manager.latch:
            self.refuse_now(store, clash)

    def refuse_now(self, store: Store, clash: Clash) -> None:
        """Raises UniqueViolation; what it tells is a read (R40, R41)."""
        txn = self.txn
        relation = store.relation if clash.index is None else clash.index.relation
        if txn.policy.tracks_reads:
            known = self.is_visible(clash.version)
            txn.policy.duplicate(txn, self.manager, store, relation, clash.key, known)
            if not known and self.has_read(relation, clash.key):
                self.manager.check(txn)
        raise duplicate_key(store, clash)

    def has_read(self, relation: int, key: Key) -> bool:
        """Whether the transaction itself looked for the key before: then a retry is due, not an error."""
        return any(
            logged == relation and low <= (key, 0) and high >= (key, 1)
            for logged, low, high, _ in self.txn.read_log
        )

    # -- the statement's end

    def finish_statement(self) -> None:
        """What is judged when all rows are changed: moved rows, doubtful keys, then foreign keys."""
        if self.unsettled:
            self.unsettled = False
            if self.moves or self.doubtful:
                self.settle_changes()
            self.tolerant = False
            self.check_references()
        self.manager.spill(self.txn)

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

    def judge_later(self, store: Store, index: IndexStore, key: Key) -> None:
        if self.still_holds(index.schema.id, store.schema):
            self.judge_key(store, index, key)

    def still_holds(self, constraint: int, table: schema.Table) -> bool:
        """Whether a constraint, as it was when `table` was that, is one of the same rows now."""
        return True

    def judge_key(self, store: Store, index: IndexStore, key: Key) -> None:
        """Whether more than one live row has `key` now."""
        root = store.base.root
        hit = index.tree.find(root, key)
        with self.manager.latch:
            live = []
            refs = set(index.overlay.refs(key)) | ({hit[0]} if hit is not None else set())
            for ref in refs:
                chain = store.chains.get(ref)
                if chain is None:
                    live.append((ref, hit[1] if hit is not None else ()))
                    continue
                top = newest_committed(chain, self.manager.published, self.txn)
                if top is not None and top.row is not None and index.entry(top.row) == key:
                    live.append((ref, top.row))
            if len(live) > 1:
                self.refuse_now(store, Clash(index, key, *live[0], None))

    # -- hooks for foreign keys (txn.foreign_keys)

    def inserted(self, store: Store, row: Row) -> None: ...

    def updated(self, store: Store, old: Row, new: Row) -> None: ...

    def deleted(self, store: Store, old: Row) -> None: ...

    def check_references(self) -> None: ...


def same_write(version: Version, other: Version) -> bool:
    return version.owner is other.owner and version.statement == other.statement


def duplicate_key(store: Store, clash: Clash) -> UniqueViolation:
    index = clash.index.schema if clash.index is not None else store.schema.clustered
    assert index is not None
    return UniqueViolation(
        f'duplicate key value violates unique constraint "{index.name}"',
        detail=f"{index_key(store.schema, index, clash.key)} already exists.",
        constraint=index.name,
        table=store.name,
    )

