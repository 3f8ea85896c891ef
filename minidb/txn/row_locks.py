"""Row locks: what keeps a row's place in the queue, and the newest version that a locker goes on with.

A row is locked before it is changed (R34), or for its own sake (SELECT ... FOR UPDATE). Nobody has a lock object for it
until somebody waits: a lock that is held alone is one number in the store, and an uncommitted version stands for the
lock that its change implies:

    try_lock    free, or held by locks that agree    -> noted in the store, given back with the transaction
                held, or a version is in the way     -> `store.expand` makes the lock object, the version's owner holds
                                                        what it implies, and the request waits there (`lock_row`)
    newest_row  with the lock: the newest version, not the one that was seen; what the level says to that (R35)

After every wait it begins again. A row whose clustered key has changed is followed from the first tombstone above the
version that the statement saw to where it has moved (R33).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from minidb.errors import LockNotAvailable
from minidb.keys import Row
from minidb.storage.interface import Ref
from minidb.txn.locks import ROW_CONFLICTS, ROW_STRENGTHS, Request
from minidb.txn.reads import Reader
from minidb.txn.versions import PENDING, Version, newest, newest_committed, visible

if TYPE_CHECKING:
    from minidb.txn.store import Store

KEY_SHARE, SHARE, NO_KEY_UPDATE, UPDATE = range(4)
LOCKING = tuple(f"SELECT FOR {strength.upper()}" for strength in ROW_STRENGTHS)


class RowLocker(Reader):
    """The part of the door that locks rows."""

    def lock(self, table: int, ref: Ref, seen: Row, strength: str = "update", wait: str = "wait") -> Row | None:
        row = self.lock_row(self.store_of(table), ref, seen, ROW_STRENGTHS.index(strength), wait)
        return row[0] if row is not None else None

    def lock_row(self, store: Store, ref: Ref, seen: Row, strength: int, wait: str = "wait",
                 came: Version | None = None) -> tuple[Row, Ref] | None:
        """Locks the newest version of a row; (row, address) or None if it is gone. Follows a moved row (R33).

        `seen` is what a running statement read there: as long as the row has no chain, it is still the newest, but for
        a dirty read, whose row may have been rolled back. `came`: the tombstone that led here, or the version that was
        met in its newest state and not by the statement's snapshot."""
        manager, txn = self.manager, self.txn
        manager.before_write(txn, store.schema.temporary, LOCKING[strength])
        while True:
            found, stone = None, None
            with manager.latch:
                request = self.try_lock(store, ref, strength, seen)
                if request is None:
                    found, stone = self.newest_row(store, ref, seen, came)
                elif wait == "nowait":
                    raise LockNotAvailable(f'could not obtain lock on row in relation "{store.name}"')
                elif wait == "skip locked":
                    return None
                else:
                    if self.policy.keeps_snapshot:  # a newer version is there to stay: whoever needs the old one fails
                        request.judge = partial(self.newest_row, store, ref, seen, came)
                        request.judge()
                    request.resource.enqueue(request)
                    manager.begin_wait(txn, request)
            if request is None:
                if stone is not None:
                    came, ref = stone, stone.moved_to
                    continue
                if found is seen and self.snapshot == PENDING:
                    found = self.row_at(store, ref)
                return None if found is None else (found, ref)
            try:
                manager.park(txn, request)
            finally:
                if request.granted:  # also when an interrupt came after the grant
                    with manager.latch:
                        self.hold(store, ref, store.row_mask(txn, ref) & ~(1 << strength))

    def try_lock(self, store: Store, ref: Ref, strength: int, seen: Row) -> Request | None:
        """Takes the lock, or returns the request to wait with. Under the latch."""
        txn = self.txn
        held = store.row_mask(txn, ref)
        if held >> strength & 1:
            return None
        top = newest(store.chains.get(ref))
        owner: Any = None if top is None else top.owner
        foreign = owner is not None and owner is not txn and owner.number > self.manager.published
        implied = 0
        if foreign and top is not None:
            implied = 1 << (UPDATE if top.keyed or top.row is None else NO_KEY_UPDATE)
        blocked = bool(implied & ROW_CONFLICTS[strength])
        if not blocked and not store.row_lock_conflict(txn, ref, strength):
            store.set_row_lock(txn, ref, held | 1 << strength)
            self.hold(store, ref, held)
            return None
        lock = store.expand(ref, seen)
        if implied:
            known = lock.holders.get(owner, 0)
            lock.hold(owner, known | implied)
            owner.row_locks.append((store, ref))
            if lock.queue and implied & ~known:  # who waits there came for an earlier row at this address
                self.manager.search_again(lock)
        return Request(txn, lock, strength)

    def hold(self, store: Store, ref: Ref, previous: int) -> None:
        self.txn.row_locks.append((store, ref))
        if self.txn.nested:
            self.txn.undo.append((store, ref, previous))

    def newest_row(self, store: Store, ref: Ref, seen: Row,
                   came: Version | None) -> tuple[Row | None, Version | None]:
        """The row that a locker goes on with (R35), or the tombstone that says where it has moved. Under the latch."""
        txn = self.txn
        chain = store.chains.get(ref)
        if chain is None:
            return seen, None
        top = newest_committed(chain, self.manager.published, txn)
        if top is None:
            return None, None
        if top.owner is txn:
            return (None if top.statement >= self.statement else top.row), None
        if top.owner.number > self.snapshot:
            title = store.row_title(ref, top.row if top.row is not None else seen)
            self.policy.changed(txn, f"row {title} of {store.name}", top.row is None and top.moved_to is None)
            if store.key is not None or top.row is None:
                stone = self.first_tombstone(chain, top, came)
                if stone is not None:
                    return None, (stone if stone.moved_to is not None else None)
        return top.row, None

    def first_tombstone(self, chain: Version, top: Version, came: Version | None) -> Version | None:
        """The first tombstone above the version that this statement saw, or arrived at with a moved row (R33)."""
        seen = visible(chain, self.snapshot, self.txn, self.statement) if came is None else None
        first: Version | None = None
        version: Version | None = top
        while version is not None and version is not seen:
            if version is came or (came is not None and version.row is not None and same_write(version, came)):
                break
            if version.row is None:
                first = version
            version = version.older
        return first


def same_write(version: Version, other: Version) -> bool:
    return version.owner is other.owner and version.statement == other.statement
