"""Old snapshots are parked: they read on, and what was kept in memory for them goes (R29).

As long as a snapshot S is open, each row that was changed since keeps the version that S sees, however often the base
is folded. When that is more than `limit` rows, the checkpoint that has just ended parks the views that are to blame:

    root       the root of that checkpoint, pinned: its pages stay on the disk as long as the view is needed
    tables     frozen copies of the stores: for each row that has a chain now, what S sees of it, and its index entries

A row without a chain is the same for everybody who is registered (R16), so S finds it in the pinned root; and it stays
so, because nobody writes into either. Reading goes the same ways as ever: a frozen store is a store, whose base has
another root. From then on S is no longer registered, and the present delta is trimmed and folded without regard to it.

        registered --park--> (parked, still registered) --enter--> parked --end, or too many: 72000--> gone
             |
             +--has written, or is SSI and not on a safe snapshot: 40001--> gone

Who may be parked: a transaction that keeps its snapshot and has neither written nor locked a row; a single statement of
the other levels while it runs; a result that is still being fetched, also of a transaction that writes, since it sees
none of what comes later. Readers of the newest state hold up nobody: between two batches they are moved on.

A parked transaction's first write raises 40001 (`Manager.before_write`), because what others have changed since is not
known any more. So does its use of a table whose definition has been changed since.

Invariants

 P1  A view is let go by whoever reads with it, between two batches or at the beginning of a statement
     (`RowDoor.enter_parked`), or here while it is not `busy`. Its reader first says that it is busy and then looks
     whether it is parked; here it is first parked, then asked whether it is busy: one of the two sees the other.
 P2  `parked` is set in a hold in which the view is still registered under the same number and has not taken the
     database lock, which comes before each first write.
 P3  One checkpoint at a time, so the root does not change while the copies are made. They are made in slices: what S
     sees of a row does not change as long as S is registered.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from minidb.errors import Error, SerializationFailure
from minidb.storage.interface import Ref
from minidb.txn.parked_views import ParkedView, frozen_store
from minidb.txn.table_locks import DATABASE
from minidb.txn.versions import PENDING, Owner, visible

if TYPE_CHECKING:
    from minidb.keys import Row
    from minidb.storage.base import Base
    from minidb.txn.manager import Manager
    from minidb.txn.relations import Relations
    from minidb.txn.store import Store
    from minidb.txn.transaction import Transaction

SLICE = 500
NOBODY = Owner(0)
LIMIT = 100_000  # rows of the delta that old snapshots may keep
MOST_PARKED = 4  # views of different numbers; beyond it the oldest is given up
ROW_SHARE = 1 << 1  # and stronger table locks: of those who lock rows or write


class OldViews:
    """Parks what is too old, in one database. `limit`: rows of the delta."""

    def __init__(self, base: Base, manager: Manager, relations: Relations, limit: int = LIMIT) -> None:
        self.base = base
        self.manager = manager
        self.relations = relations
        self.limit = limit
        self.most = MOST_PARKED
        self.parked: list[ParkedView] = []

    def run(self, folded: int) -> bool:
        """After a checkpoint that has folded everything up to `folded`; True if views have been parked, so that more
        chains can be dropped. No other checkpoint may run."""
        self.sweep()
        if not self.too_much(folded):
            return False
        guilty = self.guilty(folded)
        if not guilty:
            return False
        copies: dict[Any, ParkedView] = {}
        for number, view in guilty:
            with suppress(Error):  # the expression of an index fails for an old row: the view stays as it is
                self.park(number, view, copies)
        for made in copies.values():
            self.parked.append(made)
            made.forget(self)  # its users may all have ended meanwhile
        for oldest in sorted(self.parked, key=number_of)[: max(len(self.parked) - self.most, 0)]:
            oldest.close()
        self.sweep()
        return True

    def sweep(self) -> None:
        """Lets go of the views that nobody parks any more, and of registrations that are not needed (P1)."""
        for parked in self.parked:
            for user in list(parked.users):
                self.let_go(user)
            parked.forget(self)  # the last user may have been forgotten by everybody
        self.parked = [parked for parked in self.parked if parked.open]

    def let_go(self, view: Any) -> None:
        """Of who reads as of one number to its end; statements with numbers of their own let go by themselves."""
        if not view.busy and (view.policy.keeps_snapshot or hasattr(view, "txn")):
            self.manager.views.pop(view, None)

    def too_much(self, folded: int) -> bool:
        """Whether more than `limit` rows are in the delta although the base has their newest state."""
        stores = self.stores()
        if sum(len(store.chains) for store in stores) <= self.limit:
            return False
        return sum(kept(store, folded) for store in stores) > self.limit

    def stores(self) -> list[Store]:
        return [store for store in list(self.relations.stores.values()) if not store.schema.temporary]

    def guilty(self, folded: int) -> list[tuple[int, Any]]:
        """The views that are older than `folded` and than all that cannot be parked; the oldest first."""
        found: list[tuple[int, Any]] = []
        floor = folded
        for view, number in list(self.manager.views.items()):
            policy = getattr(getattr(view, "txn", view), "policy", None)
            if policy is None or not number:
                floor = min(floor, number)
            elif policy.reads_newest:
                self.move_on(view)
            elif view.parked is None:
                found.append((number, view))
        return sorted((entry for entry in found if entry[0] < floor), key=first_of)

    def move_on(self, view: Any) -> None:
        """Who reads the newest state needs nothing old between two batches."""
        with self.manager.latch:
            if not view.busy and view in self.manager.views:
                self.manager.views[view] = self.manager.published

    # -- parking one

    def park(self, number: int, view: Any, copies: dict[Any, ParkedView]) -> None:
        txn: Transaction = getattr(view, "txn", view)
        alone = view is txn
        if not (txn.id or txn.read_only):
            return  # a single change without a transaction (`alone`): it is about to write
        if alone and self.has_written(txn):
            if txn.policy.keeps_snapshot:
                self.give_up(txn)
            return
        if txn.policy.can_be_victim and not txn.safe:
            self.give_up(txn)
            return
        shared = alone or not txn.wrote
        key: Any = number if shared else view
        if key not in copies:
            copies[key] = self.frozen(number, *((NOBODY, 0) if shared else (txn, view.statement)))
        made = copies[key]
        with self.manager.latch:
            if self.manager.views.get(view) != number or (alone and self.has_written(txn)):
                return
            made.users.add(view)
            view.parked = made  # P2
        self.let_go(view)

    def has_written(self, txn: Transaction) -> bool:
        return bool(txn.weak.get(DATABASE)) or any(m >= ROW_SHARE for m in list(txn.weak.values()))

    def give_up(self, txn: Transaction) -> None:
        with self.manager.latch:
            if txn in self.manager.active and txn.number == PENDING and txn.doomed is None:
                txn.doomed = SerializationFailure(
                    "could not serialize access: the transaction's snapshot has become too old",
                    detail=f"More than {self.limit:,} rows were changed by others since it was taken, and the "
                    "transaction has written, or its reads must be remembered.",
                    hint="The transaction might succeed if retried.",
                )
                self.manager.wake_victim(txn)
        if txn.doomed is not None:
            self.let_go(txn)

    def frozen(self, number: int, me: Owner, statement: int) -> ParkedView:
        made = ParkedView(self.relations, number)
        made.users.add(self)
        try:
            for table, store in list(self.relations.tables.items()):
                made.tables[table] = frozen_store(store, made.frozen, self.states(store, number, me, statement))
        except BaseException:
            made.close()
            raise
        return made

    def states(self, store: Store, number: int, me: Owner, statement: int) -> Iterable[tuple[Ref, Row | None]]:
        """What the view sees of each row that has a chain (P3)."""
        refs = list(store.chains)
        for start in range(0, len(refs), SLICE):
            found = []
            with self.manager.latch:
                for ref in refs[start : start + SLICE]:
                    chain = store.chains.get(ref)
                    if chain is not None:
                        version = visible(chain, number, me, statement)
                        found.append((ref, None if version is None else version.row))
            yield from found


def kept(store: Store, folded: int) -> int:
    """Rows whose newest version is in the base."""
    return sum(1 for chain in list(store.chains.values()) if chain.owner.number <= folded)


def number_of(parked: ParkedView) -> int:
    return parked.number


def first_of(entry: tuple[int, Any]) -> int:
    return entry[0]


__all__ = ["OldViews"]
