"""SERIALIZABLE SERIAL: one transaction at a time, by having the database lock alone from its first statement.

The execution model of H-Store and VoltDB (Stonebraker et al., 2007), for stored procedures: `connection.call`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minidb.txn.isolation.two_phase import TwoPhaseLocking

if TYPE_CHECKING:
    from minidb.txn.transaction import Transaction


class Serial(TwoPhaseLocking):
    """Reads as 2PL does: read-only 2PL and SNAPSHOT transactions do run beside it, and SSI ones may have a snapshot."""

    level = "serial"

    def database_mode(self, txn: Transaction, writing: bool) -> int | None:
        return 1

    def describe(self, table: str, index: str, interval: str, locking: bool) -> str:
        return "the whole database, exclusively"
