"""The questions that the engine asks an isolation level; nothing else in it asks for the level.

One policy object serves all transactions of a level, keeps no state, and runs under the latch unless it says otherwise.
`Policy` answers as the plainest level would: no read leaves a trace, and a row that somebody else has changed is taken
as it is now. Each file beside this one overrides what its level does differently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from minidb.errors import SerializationFailure
from minidb.keys import Row
from minidb.txn.intervals import Cut
from minidb.txn.locks import Request
from minidb.txn.versions import Version

if TYPE_CHECKING:
    from minidb.txn.manager import Manager
    from minidb.txn.publishing import Publishing
    from minidb.txn.store import Store
    from minidb.txn.transaction import Transaction


class Policy:
    level: ClassVar[str] = ""
    in_graph: ClassVar[bool] = False  # takes part in rw-antidependencies
    can_be_victim: ClassVar[bool] = False  # of a dangerous structure
    streams: ClassVar[bool] = True  # a result may be fetched while the transaction goes on (R74)
    keeps_snapshot: ClassVar[bool] = False  # one snapshot for the whole transaction
    tracks_reads: ClassVar[bool] = False  # `read` must be called for every interval
    takes_notes: ClassVar[bool] = False  # what it has read is noted in the transaction, without the latch (`notes`)
    reads_newest: ClassVar[bool] = False  # also what is committed after its statement began
    reads_uncommitted: ClassVar[bool] = False  # a statement's S is PENDING, not what is published when it starts
    awaits_writers: ClassVar[bool] = False  # a reader waits for a row's writer (R48)

    # -- the start

    def database_mode(self, txn: Transaction, writing: bool) -> int | None:
        """0 to share the database lock, 1 to have it alone, None for not yet. Asked at the first statement and at the
        first write or row lock (R54)."""
        return 0 if writing else None

    # -- what a statement sees

    def batch_snapshot(self, current: int, published: int) -> int:
        """S of the next batch of a scan that has read under `current`."""
        return current

    # -- reads

    def read(self, txn: Transaction, manager: Manager, store: Store, relation: int, low: Cut, high: Cut,
             locking: bool) -> Request | None:
        """An interval is about to be read, in this hold. Returns a request that must be waited for first, or None."""
        return None

    def read_key(self, txn: Transaction, manager: Manager, store: Store, relation: int, key: Any,
                 locking: bool) -> bool:
        """`read` of a single key; False if it must be asked for by `read`."""
        return self.read(txn, manager, store, relation, (key, 0), (key, 1), locking) is None

    def passed_over(self, txn: Transaction, manager: Manager, store: Store, relation: int, ref: Any, chain: Version,
                    seen: Version | None, interval: tuple[Cut, Cut]) -> None:
        """The read did not take the newest version of `chain` but `seen`."""

    # -- writes

    def changed(self, txn: Transaction, what: str, deleted: bool) -> None:
        """A row that the statement found has a newer committed version, or was deleted. Returns where the level goes
        on with it; raises SerializationFailure where it does not."""

    def before_write(self, txn: Transaction, manager: Manager, store: Store, points: list[tuple[int, Any]],
                     ref: Any, row: Row | None) -> None:
        """A row with these entries will be installed in this hold, if nothing else is in the way."""
        conflicts = manager.conflicts
        if self.in_graph and conflicts.active and conflicts.alone is not txn:
            conflicts.wrote(txn, points, store, ref, row)

    def duplicate(self, txn: Transaction, manager: Manager, store: Store, relation: int, key: Any,
                  visible: bool) -> None:
        """A unique or foreign-key error is about to be raised: what it tells is a read (R41)."""

    def key_gone(self, txn: Transaction, what: str) -> None:
        """The newest state lacks a key that the transaction's own snapshot has, or has one that it lacks (R39, R44)."""

    # -- the end

    def committed(self, txn: Transaction, manager: Publishing) -> None:
        """The transaction is being published, and its locks will be released in this hold."""

    # -- EXPLAIN

    def describe(self, table: str, index: str, interval: str, locking: bool) -> str:
        """What reading this interval leaves behind, in words."""
        return "nothing: reads take no locks"


def concurrent_change(what: str, deleted: bool) -> SerializationFailure:
    noun, done = ("delete", "deleted") if deleted else ("update", "changed")
    return SerializationFailure(
        f"could not serialize access due to concurrent {noun}",
        detail=f"{what} was {done} by a transaction that committed after this one's snapshot was taken.",
        hint="The transaction might succeed if retried.",
    )
