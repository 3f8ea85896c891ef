"""sys.transactions, sys.commits, sys.slots: who is at work, what has been committed, and who reads behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from minidb.inside.view import View, columns, utc_time
from minidb.keys import Row
from minidb.txn.versions import PENDING
from minidb.types import BIGINT, BOOLEAN, TEXT, TIMESTAMPTZ

if TYPE_CHECKING:
    from minidb.database import Database


def transactions(database: Database) -> Iterator[Row]:
    manager = database.manager
    with manager.latch:
        active = list(manager.active)
    for txn in active:
        request = txn.waiting
        snapshot = txn.snapshot if 0 <= txn.snapshot < PENDING else None
        state = txn.state if txn.parked is None else "parked"
        yield (
            txn.id, txn.session_name, txn.policy.level, state, txn.read_only, txn.deferrable, snapshot,
            txn.statement_text or None, request.words() if request is not None else None,
            len(txn.changes), txn.doomed is not None,
            utc_time(txn.started),
        )


def commits(database: Database) -> Iterator[Row]:
    """The commits that AS OF can go back to, for as long as somebody keeps versions."""
    manager = database.manager
    with manager.latch:
        found = list(manager.past.commits())
    for number, seconds, author in found:
        yield number, utc_time(seconds), *author


def slots(database: Database) -> Iterator[Row]:
    """Where the readers of the change feed have got to, and what is kept for them."""
    for slot in database.keeper.slots():
        seen = None if slot.time_us is None else utc_time(slot.time_us / 1_000_000)
        yield slot.name, slot.position, seen, slot.lag, slot.kept_bytes, "lost" if slot.lost else "kept"


VIEWS: dict[str, View] = {
    "sys.transactions": (
        columns(
            ("id", BIGINT), ("session", TEXT), ("isolation_level", TEXT), ("state", TEXT), ("read_only", BOOLEAN),
            ("deferrable", BOOLEAN), ("snapshot", BIGINT), ("statement", TEXT), ("waiting_for", TEXT),
            ("writes", BIGINT), ("doomed", BOOLEAN), ("started", TIMESTAMPTZ),
        ),
        transactions,
    ),
    "sys.commits": (
        columns(
            ("number", BIGINT), ("committed_at", TIMESTAMPTZ), ("transaction", BIGINT), ("session", TEXT),
            ("isolation_level", TEXT), ("rows_changed", BIGINT),
        ),
        commits,
    ),
    "sys.slots": (
        columns(
            ("name", TEXT), ("acknowledged_commit", BIGINT), ("acknowledged_at", TIMESTAMPTZ),
            ("commits_behind", BIGINT), ("kept_bytes", BIGINT), ("status", TEXT),
        ),
        slots,
    ),
}
