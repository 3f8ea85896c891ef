"""SNAPSHOT (REPEATABLE READ): one snapshot, taken at the first statement; the first updater wins, the other gets 40001.

Source: Berenson et al., A Critique of ANSI SQL Isolation Levels (1995). Allows write skew and the read-only anomaly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minidb.errors import SerializationFailure
from minidb.txn.isolation.policy import Policy, concurrent_change

if TYPE_CHECKING:
    from minidb.txn.transaction import Transaction


class Snapshot(Policy):
    level = "snapshot"
    keeps_snapshot = True

    def changed(self, txn: Transaction, what: str, deleted: bool) -> None:
        raise concurrent_change(what, deleted)

    def key_gone(self, txn: Transaction, what: str) -> None:
        raise SerializationFailure(
            "could not serialize access due to concurrent update",
            detail=f"{what} differs between this transaction's snapshot and the newest committed state.",
            hint="The transaction might succeed if retried.",
        )
