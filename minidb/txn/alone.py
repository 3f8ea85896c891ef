"""One-row changes that are transactions of their own: UPDATE, DELETE or INSERT of a single row, with autocommit.

Such a statement needs hardly anything of a transaction: it waits for nobody, can be rolled back to nowhere, and is over
before anybody could ask for its locks. Its function runs on a snapshot as a read outside of transactions does, and the
change that it asks for is only noted. Then everything happens in one hold of the latch:

    is the schema that of the plan? does anybody keep writers out of table or database? is the row that was seen still
    the newest, and free? no intervals of 2PL? the new keys unknown?
      no  -> Overtaken: nothing was changed, and the statement takes the long way
      yes -> number, log record, version; then
               off or normal, and nothing else on its way to the log:  published in the same hold, its owner a bare
                                                                       number
               else:  a transaction with its locks, on its way to the log like any other (R1, R2)

Rules that the long way guards one by one hold because it is one hold: R34 (nothing is installed before everything has
passed), R35 (the newest version is the one that was seen), R38 (unique keys), R46 (who wants the table exclusively has
its lock, or comes later), R47 (there are no intervals). Levels that leave traces of what they read do not come here.
What it does not do: foreign keys, clustered keys that change, several rows, the old rows that a kept log wants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidb.errors import Error
from minidb.keys import Key, Row
from minidb.storage.interface import Ref
from minidb.storage.roots import Root
from minidb.txn.claims import Overtaken, is_new
from minidb.txn.locks import DATABASE_CONFLICTS, TABLE_CONFLICTS, TABLE_MODES
from minidb.txn.manager import DATABASE, SHARED, TRIM, Transaction
from minidb.txn.records import encode_single
from minidb.txn.rows import RowDoor
from minidb.txn.store import Store
from minidb.txn.versions import PENDING, Committed, Owner, Version

ROW_EXCLUSIVE = TABLE_MODES.index("row exclusive")
AGAINST_WRITERS = TABLE_CONFLICTS[ROW_EXCLUSIVE]
ALONE = DATABASE_CONFLICTS[SHARED]
NO_KEYS: tuple[Key | None, ...] = ()
Outcome = tuple[int, list[Row] | None]
Change = tuple[Store, Ref | None, Row | None, Row | None]  # table, address, row before, row after


class Unsuited(Exception):
    """The statement asks for more than one simple change, today and always. Never leaves the engine."""


class LoneWriter(RowDoor):
    """The door of such statements, for one session at one level. Its transaction is only what reads are made with."""

    root: Root
    change: Change | None = None
    rewrites = False  # the change leaves every entry alone

    def run(self, function: Callable[..., Outcome], values: Row, version: int, durability: str, text: str) -> Outcome:
        """Runs a compiled statement of catalog `version` and commits its change. Raises Overtaken, Unsuited, and the
        errors of the statement; in all of these cases nothing was changed."""
        manager, txn, relations = self.manager, self.txn, self.relations
        base, self.tables = relations.base, relations.tables
        if manager.keeping or base.root.clean:
            raise Overtaken
        self.change = None
        txn.interrupted = False
        txn.statement_text = text
        views = manager.views
        views[txn] = 0
        published = views[txn] = manager.published
        self.snapshot = PENDING if txn.policy.reads_uncommitted else published
        self.root = base.root
        try:
            outcome = function(self, values, None)
        except Error:
            if relations.catalog.version != version:
                raise Overtaken from None
            raise
        finally:
            views.pop(txn, None)
        if self.change is not None:
            if self.rewrites:
                self.commit_change(self.change, NO_KEYS, version, durability)
            else:
                self.commit_entries(self.change, version, durability)
        return outcome

    # -- the door's verbs that write: only noted

    def claim(self, table: int, ref: Ref, seen: Row, strength: str = "update") -> Row | None:
        return seen

    def rewrite(self, table: int, ref: Ref, old: Row, new: Row) -> None:
        store = self.tables.get(table) or self.store_of(table)
        if self.change is not None:
            raise Unsuited
        self.change = store, ref, old, new
        self.rewrites = True

    def insert(self, table: int, row: Row) -> Ref:
        store = self.store_of(table)
        if self.change is not None or store.key is not None or store.schema.foreign_keys:
            raise Unsuited
        self.change = store, None, None, row
        self.rewrites = False
        return None

    def delete(self, table: int, ref: Ref, old: Row) -> None:
        store = self.store_of(table)
        if self.change is not None or self.referencing(table):
            raise Unsuited
        self.change = store, ref, old, None
        self.rewrites = False

    def lock_row(self, *_: Any, **__: Any) -> Any:
        raise Unsuited

    def update(self, table: int, ref: Ref, old: Row, new: Row) -> None:
        raise Unsuited

    def insert_many(self, table: int, rows: Sequence[Row]) -> None:
        raise Unsuited

    def insert_or_conflict(self, *_: Any) -> Any:
        raise Unsuited

    # -- committing

    def commit_entries(self, change: Change, version: int, durability: str) -> None:
        """An insert or a delete."""
        store, ref, old, new = change
        manager = self.manager
        if new is not None:
            self.load_space(store)
            with manager.latch:
                ref = store.heap_space.allocate(0)
        done = False
        try:
            keys = store.keys(old if new is None else new)
            if new is not None and not self.are_new(store, keys):
                raise Overtaken
            self.commit_change((store, ref, old, new), keys, version, durability)
            done = True
        finally:
            if not done and new is not None:
                with manager.latch:
                    if ref is not None and ref not in store.chains:
                        store.heap_space.release(ref)

    def are_new(self, store: Store, keys: Sequence[Key | None]) -> bool:
        return all(
            key is None or not index.unique or is_new(index, self.root, key)
            for index, key in zip(store.index_list, keys)
        )

    def commit_change(self, change: Change, keys: Sequence[Key | None], version: int, durability: str) -> None:
        store, ref, _, new = change
        payload = encode_single(store, ref, new)
        manager, txn = self.manager, self.txn
        if durability != "full":
            with manager.latch:
                chain = self.refuse_overtaken(change, keys, version)
                number = 0 if manager.past.keepers else manager.pass_through(payload, durability)
                if number:
                    manager.next_id += 1
                    owner = Committed(manager.next_id - 1, number, txn.session_name, txn.statement_text)
                    installed = self.install_alone(change, keys, chain, owner, 0)
                    manager.published = number
                    manager.hand_over(number, owner, ((store, ref, installed),), not manager.views)
                    manager.trim(TRIM)
                    return
        self.commit_in_flight(change, keys, payload, version, durability)

    def commit_in_flight(self, change: Change, keys: Sequence[Key | None], payload: bytes, version: int,
                         durability: str) -> None:
        """With a transaction that others can wait for, since the log takes its time."""
        store, ref, _, _ = change
        manager = self.manager
        log = manager.log
        assert log is not None
        txn = Transaction(0, self.txn.policy, self.txn.session_name, False, False, self.txn.parking)
        txn.durability = durability
        txn.started = manager.clock()
        log.reserve(len(payload))
        ticket = None
        try:
            with manager.latch:
                chain = self.refuse_overtaken(change, keys, version)
                txn.id = manager.next_id
                manager.next_id += 1
                txn.start_statement(self.txn.statement_text)
                manager.active[txn] = None
                self.hold_locks(store, txn)
                installed = self.install_alone(change, keys, chain, txn, txn.statement)
                txn.changes.append((store, ref, installed))
                txn.wrote = True
                ticket = manager.assign(txn, payload)
        finally:
            if ticket is None:
                log.unreserve(len(payload))
        manager.settle(ticket)

    # -- under the latch

    def hold_locks(self, store: Store, txn: Transaction) -> None:
        """What a writer holds of its table and of the database, both of which are free for it."""
        txn.weak = {store.schema.id: 1 << ROW_EXCLUSIVE, DATABASE: 1 << SHARED}
        if self.manager.table_locks:
            for key, mask in txn.weak.items():
                lock = self.manager.table_locks.get(key)
                if lock is not None:
                    lock.hold(txn, mask)
                    txn.locks[id(lock)] = lock

    def refuse_overtaken(self, change: Change, keys: Sequence[Key | None], version: int) -> Version | None:
        """Raises Overtaken unless the schema, the row and its new keys are as the statement has found them, and nobody
        else wants any of them. Returns the row's chain."""
        store, ref, old, _ = change
        manager, relations = self.manager, self.relations
        if (
            relations.catalog.version != version
            or ref in store.row_locks
            or store.intervals.active
            or (manager.table_locks and self.is_kept_out(store))
            or manager.failed is not None
            or manager.keeping  # records are to carry old rows from now on
        ):
            raise Overtaken
        chain = None if old is None else store.chains.get(ref)
        if chain is None:
            if relations.base.root is not self.root:  # in which the row was found, or none
                raise Overtaken
        elif chain.row is not old or chain.owner.number > manager.published:
            raise Overtaken
        if old is None:
            for index, key in zip(store.index_list, keys):
                if index.unique and key in index.overlay.by_key:
                    raise Overtaken
        return chain

    def is_kept_out(self, store: Store) -> bool:
        """Whether somebody keeps writers out of the table or the database, or waits to."""
        locks = self.manager.table_locks
        for key, against in ((store.schema.id, AGAINST_WRITERS), (DATABASE, ALONE)):
            lock = locks.get(key)
            if lock is not None and (lock.queue or lock.held_modes & against):
                return True
        return False

    def install_alone(self, change: Change, keys: Sequence[Key | None], chain: Version | None, owner: Owner,
                      statement: int) -> Version:
        store, ref, old, new = change
        if old is not None and new is not None:
            return store.rewrite(owner, statement, ref, chain, old, new)
        if new is not None:
            return store.add(owner, statement, ref, new, list(keys))
        none: list[Key | None] = [None] * len(keys)
        return store.install(owner, statement, ref, old, None, list(keys), none, True)


__all__ = ["LoneWriter", "Unsuited"]
