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
               else:  a transaction with its locks, since the log takes its time (`lone_transaction`). Its thread leads
                      the log if nothing else is on its way there, or it is queued like any other (R1, R2)

Rules that the long way guards one by one hold because it is one hold: R34 (nothing is installed before everything has
passed), R35 (the newest version is the one that was seen), R38 (unique keys), R46 (who wants the table exclusively has
its lock, or comes later), R47 (there are no intervals). 2PL and SERIAL, which lock what they read, do not come here.
What it does not do: foreign keys, clustered keys that change, several rows, the old rows that a kept log wants.

At SSI the hold also asks whether the transaction is serial by itself, and leaves it to the long way if not:

    no SSI transaction has a snapshot, and S = published = assigned

Then what the statement has read is the newest state there is in this hold: it reads and writes in one moment, and needs
no notes. In the words of `conflicts`, whatever it has overlooked commits later, so it is not T2, whose T3 has committed
before. If it were T1, T2 would have a snapshot from before T3, which is over: T2 is over too, and not overlooked, or
runs, and is of 2PL or SERIAL, which are never T2 (R59). Nor has one of those read where it writes: there would be
intervals. It can be T3 of those who begin while the log takes its time, and pass over its version: so they get edges to
it (R57). The graph need not know of its end: it has no marks, and its edges go with those who have them. One that
changes nothing has read a safe snapshot if no SSI transaction ran before, and none has begun meanwhile (R63).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minidb.errors import Error
from minidb.isolation import IsolationLevel
from minidb.keys import Key, Row
from minidb.storage.interface import Ref
from minidb.storage.roots import Root
from minidb.txn.claims import Overtaken, is_new
from minidb.txn.isolation import POLICIES
from minidb.txn.locks import DATABASE_CONFLICTS, TABLE_CONFLICTS, TABLE_MODES
from minidb.txn.lone_transaction import LoneTransaction
from minidb.txn.manager import Manager
from minidb.txn.publishing import TRIM
from minidb.txn.records import encode_single
from minidb.txn.relations import Relations
from minidb.txn.rows import RowDoor
from minidb.txn.store import Store
from minidb.txn.table_locks import DATABASE, SHARED
from minidb.txn.transaction import Transaction
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
    version: int  # of the catalog for which the statement was compiled
    durability: str
    change: Change | None = None  # until it is made
    keys: Sequence[Key | None] = NO_KEYS  # the entries that it makes or takes away
    rewrites = False  # the change leaves every entry alone
    serial = False  # at SSI: it must be serial by itself
    begun = 0  # SSI transactions that had begun when the statement did

    def __init__(self, manager: Manager, txn: Transaction, relations: Relations,
                 virtual: Callable[[str], Iterable[Row]]) -> None:
        super().__init__(manager, txn, relations, virtual)
        if txn.policy.takes_notes:
            self.serial = txn.safe = True
            self.policy = POLICIES[IsolationLevel.SNAPSHOT]  # reads leave no trace

    def run(self, function: Callable[..., Outcome], values: Row, version: int, durability: str, text: str) -> Outcome:
        """Runs a compiled statement of catalog `version` and commits its change. Raises Overtaken, Unsuited, and the
        errors of the statement; in all of these cases nothing was changed."""
        manager, txn, relations = self.manager, self.txn, self.relations
        base, self.tables = relations.base, relations.tables
        if manager.keeping or base.root.clean:
            raise Overtaken
        if self.serial:
            self.begun = manager.conflicts.begun
            if manager.conflicts.active or DATABASE in manager.table_locks:
                raise Overtaken
        self.change, self.version, self.durability = None, version, durability
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
            if relations.catalog.version != version or self.is_joined():
                raise Overtaken from None
            raise
        finally:
            views.pop(txn, None)
        change: Change | None = self.change
        if change is not None:
            if self.rewrites:
                self.commit_change(change, NO_KEYS)
            else:
                self.commit_entries(change)
        elif self.is_joined():
            raise Overtaken
        return outcome

    def is_joined(self) -> bool:
        """Whether what it has read may have to be noted, since an SSI transaction has begun meanwhile."""
        return self.serial and self.manager.conflicts.begun != self.begun

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

    def commit_entries(self, change: Change) -> None:
        """An insert or a delete."""
        store, ref, old, new = change
        manager = self.manager
        if new is not None:
            self.load_space(store)
            with manager.latch:
                ref = store.heap_space.allocate(0)
        try:
            keys = store.keys(old if new is None else new)
            if new is not None and not self.are_new(store, keys):
                raise Overtaken
            self.commit_change((store, ref, old, new), keys)
        finally:
            if new is not None and ref is not None and self.change is not None:
                with manager.latch:
                    store.heap_space.release(ref)

    def are_new(self, store: Store, keys: Sequence[Key | None]) -> bool:
        return all(
            key is None or not index.unique or is_new(index, self.root, key)
            for index, key in zip(store.index_list, keys)
        )

    def commit_change(self, change: Change, keys: Sequence[Key | None]) -> None:
        self.change, self.keys = change, keys
        manager = self.manager
        store, ref, _, new = change
        payload = encode_single(store, ref, new)
        if self.durability == "full":
            done = manager.published == manager.assigned and manager.commit_leading(payload, self.enter)
        else:
            done = self.pass_through(change, payload)
        if not done:
            manager.commit_behind(payload, self.enter)

    def pass_through(self, change: Change, payload: bytes) -> bool:
        """An `off` or `normal` commit while nothing else is on its way to the log."""
        manager = self.manager
        with manager.latch:
            chain = self.refuse_overtaken(change)
            number = 0 if manager.past.keepers else manager.pass_through(payload, self.durability)
            if not number:
                return False
            txn = self.txn
            owner = Committed(manager.next_id, number, txn.session_name, txn.statement_text)
            manager.next_id += 1
            installed = self.install_alone(change, chain, owner, 0)
            self.change = None
            manager.published = number
            manager.hand_over(number, owner, ((change[0], change[1], installed),), not manager.views)
            manager.trim(TRIM)
            return True

    # -- under the latch

    def enter(self) -> LoneTransaction:
        """Makes the change, which is still possible, in the name of a transaction that others can wait for: the log
        takes its time."""
        change = self.change
        assert change is not None
        chain = self.refuse_overtaken(change)
        manager, reader = self.manager, self.txn
        txn = LoneTransaction(manager.next_id, reader.policy, reader.session_name, reader.parking,
                              reader.statement_text, self.durability, manager.clock())
        manager.next_id += 1
        manager.active[txn] = None
        store, ref, old, new = change
        txn.weak = {store.schema.id: 1 << ROW_EXCLUSIVE, DATABASE: 1 << SHARED}
        if manager.table_locks:
            self.hold_locks(txn)
        if self.rewrites and old is not None and new is not None:
            version = store.rewrite(txn, 1, ref, chain, old, new)
        else:
            version = self.install_alone(change, chain, txn, 1)
        txn.changes = [(store, ref, version)]
        self.change = None
        return txn

    def hold_locks(self, txn: LoneTransaction) -> None:
        """What a writer holds of its table and of the database, both of which are free for it, where somebody looks."""
        for key, mask in txn.weak.items():
            lock = self.manager.table_locks.get(key)
            if lock is not None:
                lock.hold(txn, mask)
                txn.locks[id(lock)] = lock

    def refuse_overtaken(self, change: Change) -> Version | None:
        """Raises Overtaken unless the schema, the row and its new keys are as the statement has found them, and nobody
        else wants any of them. Returns the row's chain."""
        store, ref, old, _ = change
        manager, relations = self.manager, self.relations
        if (
            relations.catalog.version != self.version
            or ref in store.row_locks
            or store.intervals.active
            or (manager.table_locks and self.is_kept_out(store))
            or manager.failed is not None
            or manager.keeping  # records are to carry old rows from now on
            or (self.serial and not self.is_serial())
        ):
            raise Overtaken
        chain = None if old is None else store.chains.get(ref)
        if chain is None:
            if relations.base.root is not self.root:  # in which the row was found, or none
                raise Overtaken
        elif chain.row is not old or chain.owner.number > manager.published:
            raise Overtaken
        if old is None:
            for index, key in zip(store.index_list, self.keys):
                if index.unique and key in index.overlay.by_key:
                    raise Overtaken
        return chain

    def is_serial(self) -> bool:
        """Whether everything that it has read is the newest there is, and no SSI transaction runs."""
        manager = self.manager
        return not manager.conflicts.active and self.snapshot == manager.published == manager.assigned

    def is_kept_out(self, store: Store) -> bool:
        """Whether somebody keeps writers out of the table or the database, or waits to."""
        locks = self.manager.table_locks
        for key, against in ((store.schema.id, AGAINST_WRITERS), (DATABASE, ALONE)):
            lock = locks.get(key)
            if lock is not None and (lock.queue or lock.held_modes & against):
                return True
        return False

    def install_alone(self, change: Change, chain: Version | None, owner: Owner, statement: int) -> Version:
        store, ref, old, new = change
        if old is not None and new is not None:
            return store.rewrite(owner, statement, ref, chain, old, new)
        if new is not None:
            return store.add(owner, statement, ref, new, list(self.keys))
        none: list[Key | None] = [None] * len(self.keys)
        return store.install(owner, statement, ref, old, None, list(self.keys), none, True)


__all__ = ["LoneWriter", "Unsuited"]
