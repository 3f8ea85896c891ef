"""The isolation levels: one Protocol of questions (`policy`), one file of answers per level, one line each here."""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.txn.isolation.policy import Policy
from minidb.txn.isolation.read_committed import ReadCommitted
from minidb.txn.isolation.read_uncommitted import ReadUncommitted
from minidb.txn.isolation.serial import Serial
from minidb.txn.isolation.snapshot import Snapshot
from minidb.txn.isolation.ssi import SerializableSnapshot
from minidb.txn.isolation.two_phase import TwoPhaseLocking

POLICIES: dict[IsolationLevel, Policy] = {
    IsolationLevel.READ_UNCOMMITTED: ReadUncommitted(),
    IsolationLevel.READ_COMMITTED: ReadCommitted(),
    IsolationLevel.SNAPSHOT: Snapshot(),
    IsolationLevel.TWO_PHASE_LOCKING: TwoPhaseLocking(),
    IsolationLevel.SSI: SerializableSnapshot(),
    IsolationLevel.SERIAL: Serial(),
}

__all__ = ["POLICIES", "Policy"]
