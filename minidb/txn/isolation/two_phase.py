"""SERIALIZABLE 2PL: strict two-phase locking with index-range locks; reads the newest committed version.

Reads hold their interval shared to the end of the transaction, the searches of UPDATE, DELETE and FOR UPDATE in update
mode (R50); a row whose writer has not committed is waited for (R48). Every writer, of any level, honours the intervals.
Sources: Gray & Reuter (1993), ch. 7; Mohan, ARIES/KVL (1990), for locking what is read in an index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidb.txn.intervals import Cut
from minidb.txn.isolation.policy import Policy
from minidb.txn.locks import Request

if TYPE_CHECKING:
    from minidb.txn.manager import Manager
    from minidb.txn.publishing import Publishing
    from minidb.txn.store import Store
    from minidb.txn.transaction import Transaction


class TwoPhaseLocking(Policy):
    level = "2pl"
    in_graph = True
    streams = False
    tracks_reads = True
    reads_newest = True
    awaits_writers = True

    def database_mode(self, txn: Transaction, writing: bool) -> int | None:
        return None if txn.read_only else 0

    def batch_snapshot(self, current: int, published: int) -> int:
        return published

    def read(self, txn: Transaction, manager: Manager, store: Store, relation: int, low: Cut, high: Cut,
             locking: bool) -> Request | None:
        locks = store.intervals
        if not low < high or locks.held_by(txn, relation, low, high, locking):
            return None
        request = locks.reader(txn, relation, low, high, locking)
        if not locks.can_grant(request):
            return request
        locks.grant(request)
        txn.log_read(relation, low, high)
        return None

    def read_key(self, txn: Transaction, manager: Manager, store: Store, relation: int, key: Any,
                 locking: bool) -> bool:
        taken = store.intervals.take_key(txn, relation, key, locking)
        if taken:
            txn.read_log.append((relation, (key, 0), (key, 1), txn.statement_text))
        return taken is not None

    def duplicate(self, txn: Transaction, manager: Manager, store: Store, relation: int, key: Any,
                  visible: bool) -> None:
        request = store.intervals.reader(txn, relation, (key, 0), (key, 1), False)
        store.intervals.grant(request)

    def committed(self, txn: Transaction, manager: Publishing) -> None:
        if manager.conflicts.active:
            for locks in txn.interval_tables.values():
                for table in (locks.shared, locks.update):
                    held = [(relation, marks.of(txn)) for relation, marks in table.items() if txn in marks]
                    manager.conflicts.adopt(txn, held)

    def describe(self, table: str, index: str, interval: str, locking: bool) -> str:
        mode = "update" if locking else "shared"
        return f"{mode} lock on {interval} of {index}, held to the end of the transaction"
