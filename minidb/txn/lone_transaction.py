"""The transaction of a change that stands alone, while its commit is on its way to the log (`alone`).

It is made in the hold of the latch that gives it its number, and its statement is over by then. So it waits for nobody,
sees nothing, is no victim and has no savepoints; it holds one version, and notes of its locks, for others to wait for.
At SSI it can have edges: those who begin before it is published pass over its version.
There is one for every durable change outside of a transaction, so making one must cost next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidb.txn.isolation import Policy
from minidb.txn.transaction import UNMAPPED, Transaction
from minidb.txn.versions import PENDING, Version
from minidb.txn.waiting import Parking

if TYPE_CHECKING:
    from minidb.txn.store import Store


class LoneTransaction(Transaction):
    """See the module's text. Its number, locks and version are put in by who makes it."""

    read_only = False
    deferrable = False
    wrote = True
    texts: dict[int, str] = UNMAPPED

    def __init__(self, txn_id: int, policy: Policy, session_name: str, parking: Parking, text: str, durability: str,
                 started: float) -> None:
        self.id = txn_id
        self.number = PENDING
        self.policy = policy
        self.session_name = session_name
        self.parking = parking
        self.statement_text = text
        self.durability = durability
        self.started = started
        self.locks = {}
        self.row_locks = []  # who waits for the row puts a lock of it there, in its name
        self.weak: dict[int, int] = {}
        self.changes: list[tuple[Store, Any, Version]] = []
        in_graph = self.in_graph = policy.in_graph
        if in_graph:
            self.in_edges = {}

    def write_text(self, statement: int) -> str:
        return self.statement_text


__all__ = ["LoneTransaction"]
