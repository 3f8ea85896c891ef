"""READ UNCOMMITTED: the newest version of every row, committed or not. Prevents G0 (dirty writes), nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minidb.txn.isolation.policy import Policy
from minidb.txn.versions import PENDING

if TYPE_CHECKING:
    from minidb.txn.manager import Transaction


class ReadUncommitted(Policy):
    level = "read uncommitted"
    reads_newest = True

    def snapshot(self, txn: Transaction, published: int) -> int:
        return PENDING  # every version of a transaction that was not rolled back
