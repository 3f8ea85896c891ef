"""SERIALIZABLE (SSI): a snapshot that notes what it reads, and 40001 where a dangerous structure appears.

Sources: Cahill, Röhm & Fekete (2008); Ports & Grittner (2012). What is read is in `txn.notes`, the edges in
`txn.conflicts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidb.errors import SerializationFailure
from minidb.txn.intervals import Cut
from minidb.txn.isolation.snapshot import Snapshot
from minidb.txn.locks import Request
from minidb.txn.versions import Version

if TYPE_CHECKING:
    from minidb.txn.manager import Manager
    from minidb.txn.store import Store
    from minidb.txn.transaction import Transaction


class SerializableSnapshot(Snapshot):
    level = "ssi"
    in_graph = True
    can_be_victim = True
    streams = False
    tracks_reads = True
    takes_notes = True

    def database_mode(self, txn: Transaction, writing: bool) -> int | None:
        return None if txn.read_only else 0

    def read(self, txn: Transaction, manager: Manager, store: Store, relation: int, low: Cut, high: Cut,
             locking: bool) -> Request | None:
        if not txn.safe and low < high:
            manager.conflicts.note(txn, relation, low, high)
        return None

    def read_key(self, txn: Transaction, manager: Manager, store: Store, relation: int, key: Any,
                 locking: bool) -> bool:
        return True  # has been noted, or is safe (`Reader.find_noted`)

    def passed_over(self, txn: Transaction, manager: Manager, store: Store, relation: int, ref: Any, chain: Version,
                    seen: Version | None, interval: tuple[Cut, Cut]) -> None:
        if not txn.safe:
            place = (store.name, store.names.get(relation, str(relation)), store.row_title(ref, chain.row))
            manager.conflicts.passed_over(txn, chain, seen, place, interval)

    def duplicate(self, txn: Transaction, manager: Manager, store: Store, relation: int, key: Any,
                  visible: bool) -> None:
        manager.conflicts.mark(txn, relation, (key, 0), (key, 1))
        if not visible and txn.doomed is None:
            txn.doomed = SerializationFailure(
                "could not serialize access due to read/write dependencies among transactions",
                detail=f"{txn.title} was told of a key in {store.names.get(relation, store.name)} "
                "that is outside its snapshot.",
                hint="The transaction might succeed if retried.",
            )

    def describe(self, table: str, index: str, interval: str, locking: bool) -> str:
        return f"SIREAD mark on {interval} of {index}"
