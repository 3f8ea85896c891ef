"""Publishing: a commit that is as durable as its level demands becomes visible, and its transaction lets go of all.

    publish_one    published = number --> the versions' owner is one that stays --> locks released, waiters woken
    hand_over      what lies below the new versions: removed at once if nobody can look at it, else queued for trimming
    finish         the rest of a large transaction, in slices, by its own thread

One hold of the latch for each commit or batch of them, in number order, by who leads the log (R1, R2, R11).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from minidb.latches import give_way
from minidb.txn.lone_transaction import LoneTransaction
from minidb.txn.past import Author, Past
from minidb.txn.rollbacks import SLICE, Rollbacks
from minidb.txn.sequences import drawn_settled
from minidb.txn.transaction import Transaction
from minidb.txn.trimming import Trimmer
from minidb.txn.versions import Committed, Owner, Version
from minidb.txn.waiting import Waiting

if TYPE_CHECKING:
    from minidb.txn.store import Store

TRIM = 8  # rows whose old versions are looked at per commit
LOOKED_AT = 15  # bits of the number of changed rows that are 0 when somebody looks whether a checkpoint is due


class Publishing(Rollbacks):
    """How commits become visible.

    Attributes:
        assigned: number of the newest commit on its way to the log.
        on_redefined: called under the latch when a transaction's catalog is published.
        on_outdated: under the latch: a table differs from its statistics.
        on_grown: under the latch, now and then: log and delta have grown.
        delta_rows: changed rows since the last checkpoint began.
    """

    past: Past
    trimmer: Trimmer
    trim_queue: deque[tuple[int, Store, Any]]

    def __init__(self, published: int, waiting: Waiting | None, clock: Callable[[], float]) -> None:
        super().__init__(published, waiting, clock)
        self.assigned = published
        self.on_redefined: Callable[[Transaction], None] | None = None
        self.on_outdated: Callable[[Store], None] = outdate
        self.on_grown: Callable[[], None] | None = None
        self.delta_rows = 0

    def publish(self, tickets: Iterable[Any]) -> None:
        """Called by the log's leader for each batch, in number order: visible, then locks released, then woken."""
        with self.latch:
            for ticket in tickets:
                self.publish_one(ticket.owner, ticket.number)
            self.trim(TRIM)

    def publish_one(self, txn: Transaction, number: int) -> None:
        """Under the latch, in number order."""
        self.published = number
        if self.past.keepers:
            self.past.note(number, author_of(txn))
        if type(txn) is LoneTransaction:
            self.publish_lone(txn, number)
            return
        if txn.drawn is not None:
            drawn_settled(txn)
        if txn.catalog is not None:
            self.idle_locks.clear()  # their titles may be of the past
            if self.on_redefined is not None:
                self.on_redefined(txn)
        if len(txn.changes) <= SLICE:
            owner: Owner = txn
            if not txn.in_graph or not self.conflicts.can_meet(txn):
                owner = Committed(txn.id, number, txn.session_name, txn.texts)
            self.hand_over(number, owner, txn.changes, not self.views or (len(self.views) == 1 and txn in self.views))
            txn.changes = []
        if txn.interval_tables:
            txn.policy.committed(txn, self)  # not before: until now its locks themselves hold writers up
        self.release(txn, True)

    def publish_lone(self, txn: LoneTransaction, number: int) -> None:
        """The same for one that has so little (`lone_transaction`)."""
        owner: Owner = txn
        if not txn.in_graph or not self.conflicts.can_meet(txn):
            owner = Committed(txn.id, number, txn.session_name, txn.statement_text)
        self.hand_over(number, owner, txn.changes, not self.views)
        txn.changes, txn.state = [], "committed"
        del self.active[txn]
        if txn.locks:
            self.release_locks(txn)
        if txn.row_locks:
            self.release_rows(txn, SLICE)
        if txn.ending_waiters:
            self.end_waits(txn)

    def finish(self, txn: Transaction) -> None:
        """What publishing has left of a large transaction, by its own thread: its versions keep their owner, which is
        visible already (R3); what they have replaced and the row locks are given up in slices. So nobody waits for the
        latch while that is done for a million rows."""
        number, changes = int(txn.number), txn.changes
        while changes or txn.row_locks:
            with self.latch:
                self.hand_over(number, txn, changes[-SLICE:], not self.views)
                del changes[-SLICE:]
                self.release_rows(txn, SLICE)
                self.trim(TRIM)
            give_way(self.latch)

    def hand_over(self, number: int, owner: Owner, changes: Sequence[tuple[Store, Any, Version]], unseen: bool) -> None:
        """Versions published as `number` get the owner that stays, and what lies below them is handed over to who
        removes it. Where nobody can look at it any more (R27: `unseen` is asked after publishing), and no entry goes
        with it, it is removed at once."""
        for store, ref, version in changes:
            version.owner = owner
            older = version.older
            if older is not None:
                if unseen and version.keyed is None and older.older is None:
                    version.older = None
                    if number > self.horizon:
                        self.horizon = number
                else:
                    self.trim_queue.append((number, store, ref))
            if store.changes >= store.changes_allowed and not store.outdated:
                self.on_outdated(store)
        before = self.delta_rows
        self.delta_rows = rows = before + len(changes)
        if (before ^ rows) > LOOKED_AT or not changes:
            if self.on_grown is not None:
                self.on_grown()

    def trim(self, most: int) -> None:
        """Vacuum, a few rows at a time: what nobody can see any more goes (R28)."""
        if self.trim_queue or self.trimmer.waiting:
            self.trimmer.trim(most)

    def commit_reader(self, txn: Transaction) -> None:
        with self.latch:
            if txn.in_graph:
                txn.number = self.assigned + 0.5  # type: ignore[assignment]  # after everybody assigned so far
                if self.conflicts.unsettled:
                    self.conflicts.settle_read_only(txn)
                if txn.interval_tables:
                    txn.policy.committed(txn, self)
            self.release(txn, True)


def outdate(store: Store) -> None:
    store.outdated = True


def author_of(txn: Transaction) -> Author:
    """What is kept about a transaction for as long as its commit can be read."""
    changed = {(id(store), ref) for store, ref, _ in txn.changes}
    return txn.id, txn.session_name, txn.policy.level, len(changed)


__all__ = ["TRIM", "Publishing"]
