"""READ UNCOMMITTED: the newest version of every row, committed or not. Prevents G0 (dirty writes), nothing else."""

from __future__ import annotations

from minidb.txn.isolation.policy import Policy


class ReadUncommitted(Policy):
    level = "read uncommitted"
    reads_newest = True
    reads_uncommitted = True
