"""A transaction: what it sees, what it did, what it holds, what it waits for. `manager` moves it through its life.

There is one for every statement outside of BEGIN that is more than a read or one simple change, so making one must cost
little: what most transactions never change stands in the class. Versions keep their owner in memory, so the manager
puts a `Committed` in its place when it is over, unless it takes part in the graph of rw-antidependencies.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from minidb.errors import RetryableError
from minidb.txn.deferral import DeferredCheck, Modes
from minidb.txn.edges import Edge
from minidb.txn.intervals import Cut
from minidb.txn.isolation import Policy
from minidb.txn.locks import Ending, IntervalLocks, ModeLock, Request
from minidb.txn.notes import READ_LOG, Entry, Note, covers
from minidb.txn.versions import PENDING, Named, Version
from minidb.txn.waiting import Parking

if TYPE_CHECKING:
    from minidb.schema import Catalog
    from minidb.txn.parked_views import ParkedView
    from minidb.txn.sequences import SequenceState
    from minidb.txn.store import Store
    from minidb.txn.temporary import Temporary

MOST_TEXTS = 200  # the first statements' texts are remembered, for explanations
# Shared by the transactions that never fill their own; none of them can be changed.
NONE: Any = ()
UNMAPPED: Any = MappingProxyType({})
NOTHING: frozenset[Any] = frozenset()
UNMARKED: set[int] = set()


class Transaction(Named):
    """One transaction, from its first statement until nobody needs to know of it any more."""

    durability = "full"
    nested = False  # it has had a savepoint: notes of locks are kept, so that they can be given back one by one
    lock_timeout: float | None = None
    deadlock_timeout = 1.0
    narrowed = False  # READ ONLY was said when it had begun to read and write
    state = "active"
    started = 0.0
    # what it sees
    snapshot = -1  # the transaction's own (levels that keep one), else that of the last statement
    concurrent_from = 0  # transactions that ended at or below this number were over before it began
    statement = 1
    statement_text = ""
    catalog: Catalog | None = None  # its own, after DDL
    catalog_base: Catalog | None = None  # the committed one that it was made from
    temporary: Temporary | None = None  # what its session has of its own
    redefined: set[Store] | frozenset[Store] = NOTHING  # stores that took over a definition of its own
    incompatible: set[int] | frozenset[int] = NOTHING  # tables that older snapshots must not use (R64)
    busy = True  # a statement may be reading; False only where it is known that none is (`old_views`)
    parked: ParkedView | None = None  # reads on from there
    # what it did
    wrote = False
    undo: list[tuple[Any, ...]] = NONE  # of locks, once it is `nested`: (ModeLock | store, ref, previous mask)
    schema_undo: list[Callable[[], None]] = NONE
    compensate: dict[tuple[Store, Any], None] = UNMAPPED  # rows of chunks that were rolled back to a savepoint
    deferred: list[DeferredCheck] = NONE
    constraint_modes: Modes = UNMAPPED  # SET CONSTRAINTS
    drawn: dict[SequenceState, int] | None = None  # stamps of the sequences that it has drawn from
    chunked = 0  # those before this position of `changes` are in the log's chunks already
    spilled = False  # the log has chunks of it, whatever was rolled back since
    blind = False  # some of those chunks lack the old rows
    weighed = 0  # so many changes and row locks take so many bytes of memory (`transaction_memory`):
    weight = 0
    memory_limit: int | None = None
    # what it waits for
    waiting: Request | None = None
    wait_error: Exception | None = None
    ending_waiters: list[Ending] = NONE
    interrupted = False
    on_wait: Callable[[str | None], None] | None = None
    # serializability
    in_graph = False
    marked = UNMARKED
    mark_limit = 4096
    notes: dict[Entry, str] | None = None  # the keys that it has read, with the statement; None: nothing is noted
    ranges: list[Note] = NONE  # that are not marks yet
    read_log: list[Note] | deque[Note] = NONE
    in_edges: dict[Transaction, Edge] = UNMAPPED
    out_edges: dict[Transaction, Edge] = UNMAPPED
    interval_tables: dict[int, IntervalLocks] = UNMAPPED
    doomed: RetryableError | None = None
    unsafe_with: set[Transaction] | None = None
    safe = False
    unsafe = False

    def __init__(self, txn_id: int, policy: Policy, session_name: str, read_only: bool, deferrable: bool,
                 parking: Parking | None = None) -> None:
        self.id = txn_id
        self.number = PENDING
        self.policy = policy
        self.session_name = session_name
        self.read_only = read_only
        self.deferrable = deferrable
        self.changes: list[tuple[Store, Any, Version]] = []  # the versions that it has made, by table and address
        self.locks: dict[int, ModeLock] = {}
        self.weak: dict[int, int] = {}  # table -> modes that it holds; weak ones stand here alone (`manager`, 5)
        self.row_locks: list[tuple[Store, Any]] = []
        self.parking = Parking() if parking is None else parking
        self.texts: dict[int, str] = {}
        if policy.in_graph:
            self.in_graph = True
            self.in_edges = {}
            self.out_edges = {}
            self.marked = set()
            if policy.takes_notes:
                self.notes = {}
                self.ranges = []
            else:
                self.notes = None
                self.interval_tables = {}
                self.read_log = deque(maxlen=READ_LOG)

    def __repr__(self) -> str:
        return f"<{self.title} {self.state}>"

    def start_statement(self, text: str) -> None:
        number = self.statement = self.statement + 1
        self.statement_text = text
        if number <= MOST_TEXTS:
            self.texts[number] = text

    def undo_schema_by(self, undo: Callable[[], None]) -> None:
        if not self.schema_undo:
            self.schema_undo = []
        self.schema_undo.append(undo)

    def defer(self, check: DeferredCheck) -> None:
        if not self.deferred:
            self.deferred = []
        self.deferred.append(check)

    def log_read(self, relation: int, low: Cut, high: Cut) -> None:
        self.read_log.append((relation, low, high, self.statement_text))

    def has_read(self, relation: int, key: Any) -> bool:
        """Whether it has looked for the key, as far as it remembers."""
        if self.notes is not None and (relation, key) in self.notes:
            return True
        return any(covers(note, relation, key) for note in (*self.read_log, *self.ranges))

    def write_text(self, statement: int) -> str:
        """The text of the statement numbered `statement`."""
        return self.texts.get(statement, "")


class Savepoint:
    """A place in a transaction to return to."""

    __slots__ = ("catalog", "catalog_base", "changes", "constraint_modes", "deferred", "name", "read_only",
                 "schema_undo", "settings", "undo")

    def __init__(self, name: str, txn: Transaction, settings: int = 0) -> None:
        self.name = name
        self.settings = settings  # changes of settings before it
        if not txn.nested:
            txn.nested, txn.undo = True, []
        self.changes = len(txn.changes)
        self.undo = len(txn.undo)
        self.catalog = txn.catalog
        self.catalog_base = txn.catalog_base
        self.schema_undo = len(txn.schema_undo)
        self.deferred = len(txn.deferred)
        self.constraint_modes = txn.constraint_modes
        self.read_only = txn.read_only


__all__ = ["Savepoint", "Transaction"]
