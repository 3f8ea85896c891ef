"""A database in memory for trying things out again and again: it records what happens, and can be taken back.

    setup --freeze--> image --run--> anything --rewind--> image --run--> ...

`freeze` folds everything into the base, which is immutable from then on: the image is its root. What a run does lives
in chains, overlays and locks; `rewind` drops these, makes a new manager, and keeps the catalog and the compiled
statements. It takes some microseconds per table. A run that has changed the schema or written to the base (CREATE
INDEX) cannot be taken back so: `rewind` then says False, and the workbench has to be made anew.

It keeps no log after `freeze`: a commit is published at once. Time stands still, and random numbers are the same in
each run.
"""

from __future__ import annotations

from random import Random
from typing import Any

from minidb.database import MEMORY, Database
from minidb.session import Session
from minidb.txn.manager import Manager
from minidb.txn.recording import Recorder, RecordingDoor, RecordingManager
from minidb.txn.store import Store
from minidb.txn.transaction import Transaction
from minidb.txn.waiting import Waiting

NOON = 946_728_000.0  # 2000-01-01 12:00 UTC


class Ticket:
    def __init__(self, number: int) -> None:
        self.number = number
        self.owner: Transaction | None = None


class NoLog:
    """Where the commits of a database go that nobody will open again (txn.manager.CommitLog)."""

    def __init__(self, manager: Manager) -> None:
        self.manager = manager

    last_number = 0

    def reserve(self, size: int) -> None: ...

    def unreserve(self, size: int) -> None: ...

    def queue(self, number: int, payload: bytes, durability: str, time_us: int, transaction_id: int = 0) -> Ticket:
        return Ticket(number)

    def settle(self, ticket: Ticket) -> None:
        self.manager.publish((ticket,))

    def pass_through(self, number: int, payload: bytes, durability: str, time_us: int) -> bool:
        return False

    def lead(self) -> bool:
        return False

    def place(self, number: int, size: int) -> bool:
        return False

    def write_alone(self, number: int, payload: bytes, time_us: int) -> None: ...

    def give_up(self, number: int, error: BaseException) -> Exception:
        raise NotImplementedError

    def hand_on(self) -> None: ...

    def chunk(self, transaction_id: int, payload: bytes) -> None: ...

    def forget(self, transaction_id: int) -> None: ...


class Workbench(Database):
    """See the module. `recorder` holds what the present run has done."""

    door = RecordingDoor

    def __init__(self, waiting: Waiting | None = None) -> None:
        self.recorder = Recorder()
        self.frozen: tuple[Any, ...] | None = None
        self.numbers: dict[int, tuple[int, bool]] = {}  # where the sequences of the image stand
        self.seed = 0
        super().__init__(MEMORY, background=False, waiting=waiting, clock=lambda: NOON)

    def new_manager(self, published: int, waiting: Waiting | None) -> Manager:
        manager = RecordingManager(self.recorder, published=published, waiting=waiting, clock=self.clock)
        self.wire_manager(manager)
        return manager

    def session(self, **options: Any) -> Session:
        session = super().session(**options)
        self.seed += 1
        session.random = Random(self.seed)
        return session

    def checkpoint(self) -> None:
        """Nothing is folded while a run can still be taken back."""
        if self.frozen is None:
            super().checkpoint()

    # -- the image

    def freeze(self) -> None:
        """Makes the present state the one that `rewind` comes back to. No transaction may be open."""
        self.frozen = None
        while any(store.chains for store in self.relations.stores.values() if not store.schema.temporary):
            super().checkpoint()
        self.frozen = (self.base.root, self.relations.catalog)
        self.numbers = self.relations.sequences.values()
        self.rewind()

    def rewind(self) -> bool:
        """Back to the image; what ran since must be over. False if that cannot be done."""
        if self.frozen != (self.base.root, self.relations.catalog):
            return False
        for store in self.relations.stores.values():
            if store.chains or store.row_locks or store.space is not None:
                reset(store)
        self.relations.sequences.set_values(self.numbers)
        self.recorder = Recorder()
        self.seed = 0
        self.next_session = 1
        self.manager = manager = self.new_manager(self.base.root.number, self.manager.waiting)
        manager.log = NoLog(manager)
        manager.encode = no_payload
        manager.before_first_write = None
        self.relations.on_retired = manager.conflicts.relation_dropped
        self.checkpointer.manager = self.checkpointer.old_views.manager = manager
        return True


def no_payload(txn: Transaction) -> bytes:
    return b""


def reset(store: Store) -> None:
    """Forgets everything that is not in the base."""
    store.chains.clear()
    store.addresses.clear()
    store.row_locks.clear()
    store.orphans.clear()
    store.space = None
    store.changes = 0
    store.intervals = type(store.intervals)(store.names)
    for index in store.index_list:
        index.overlay.clear()


__all__ = ["NoLog", "Workbench"]
