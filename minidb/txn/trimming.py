"""Trimming: versions that nobody can see any more go, also those between two snapshots (R28).

    published     18 . . . . . . . . . . 11 . . 9 8 . . . 4        commit numbers
    chain         v18  v17 v16 ... v12  v11     v9          v3     of one row, newest first
    views                                  ^10                 ^3
    left          v18                   v11     v9          v3     (v11: directly above what view 10 sees)

Each commit queues the rows that it has changed. As long as no view is older than a queued commit, its rows are trimmed
from the bottom (`Store.trim`) and that is all. When an old view holds the queue up, `thin` cuts out of the chains what
lies between the views; the row is then remembered once, however often it changes, until the old view is gone.

A version stays if

 T1 a view may see it: one that reads as of one number, there; one that reads the newest state as it moves (READ
    UNCOMMITTED, 2PL, a checkpoint, versions kept for AS OF), everything from its number on;
 T2 it is the newest published one, or the lowest of its chain;
 T3 it is directly above one that stays for T1: whoever overwrote what an SSI reader has read must be found (R56);
 T4 it is the lowest tombstone above one that stays: who waits for a row follows that one (R33). And as long as a writer
    runs, chains with tombstones below the top stay as they are: it may have come from one of their versions.

A chain that ends with a tombstone and is seen by nobody goes altogether, if the base has nothing at its address: so a
table that is used as a queue does not grow behind an old snapshot. Not while an SSI transaction runs: its edge to who
deleted the row must be found.

`horizon` moves on with all of this: AS OF is refused for numbers at which something was cut (R32).

Everything here runs under the kernel latch.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from minidb.storage.interface import Ref
from minidb.txn.versions import SETTLED, Version

if TYPE_CHECKING:
    from minidb.txn.manager import Manager
    from minidb.txn.store import Store

CROWDED = 64  # queued rows beyond which chains are thinned out
AT_ONCE = 256  # rows that are thinned out in one hold


class Views(NamedTuple):
    """Who may see what, at one moment: single numbers, and everything from a number on."""

    points: list[int]  # ascending
    floor: int  # what is at or above it may be seen by somebody
    careful: int  # the same for chains that a running writer may have met

    def see(self, begin: int, end: int, floor: int) -> bool:
        """Whether a version may be seen that was the newest from `begin` on and before `end`."""
        return end > floor or bisect_left(self.points, begin) != bisect_left(self.points, end)


def views_of(manager: Manager) -> Views:
    points: list[int] = []
    floor = careful = manager.published
    for view, number in list(manager.views.items()):
        txn: Any = getattr(view, "txn", view)  # of the door of a result that is still being fetched
        policy = getattr(txn, "policy", None)
        if policy is None or policy.reads_newest or not number:
            floor = min(floor, number)
            continue
        insort(points, number)
        if any(modes > 1 for modes in list(txn.weak.values())):  # more than ACCESS SHARE: it may write
            careful = min(careful, number)
    return Views(points, floor, min(floor, careful))


class Trimmer:
    """What has to be trimmed in one database."""

    def __init__(self, manager: Manager) -> None:
        self.manager = manager
        self.queue: deque[tuple[int, Store, Any]] = deque()  # by commit number
        self.waiting: deque[tuple[int, Store, Any]] = deque()  # thinned out, until the old view is gone
        self.crowded: set[tuple[Store, Any]] = set()  # those in `waiting`
        self.enough = CROWDED

    def trim(self, most: int) -> None:
        """Looks at `most` rows, and now and then at many, if an old view holds up the queue."""
        if not self.queue and not self.waiting:
            return
        horizon = self.manager.oldest_view()
        if len(self.queue) >= self.enough and self.queue[0][0] > horizon:
            self.thin(AT_ONCE)
        most = self.trim_below(self.queue, horizon, most)
        while self.waiting and most and self.waiting[0][0] <= horizon:
            _, store, ref = self.waiting.popleft()
            self.crowded.discard((store, ref))
            store.trim(ref, horizon)
            most -= 1
            self.remember(self.manager.published, store, ref)

    def trim_below(self, queue: deque[tuple[int, Store, Any]], horizon: int, most: int) -> int:
        while queue and most and queue[0][0] <= horizon:
            _, store, ref = queue.popleft()
            store.trim(ref, horizon)
            most -= 1
        return most

    def remember(self, number: int, store: Store, ref: Ref) -> None:
        chain = store.chains.get(ref)
        if chain is not None and chain.older is not None and (store, ref) not in self.crowded:
            self.crowded.add((store, ref))
            self.waiting.append((number, store, ref))

    def thin(self, most: int) -> None:
        """Thins out the chains of `most` queued rows."""
        manager, queue = self.manager, self.queue
        views = views_of(manager)
        settled = manager.base_number()
        while queue and most and queue[0][0] <= views.floor:
            number, store, ref = queue.popleft()
            if not self.drop_unseen(store, ref, views, settled):
                manager.horizon = max(manager.horizon, thin_chain(store, ref, views))
                self.remember(number, store, ref)
            most -= 1
        self.enough = len(queue) + (max(CROWDED, len(views.points)) if most else 0)

    def drop_unseen(self, store: Store, ref: Ref, views: Views, settled: int) -> bool:
        chain = store.chains.get(ref)
        if chain is None or chain.row is not None or self.manager.conflicts.active or ref in store.row_locks:
            return False
        bottom = lowest(chain)
        number, born = chain.owner.number, bottom.owner.number
        if born <= settled or bottom.row is None or views.see(born, number, views.careful):
            return False
        store.forget(ref, list(versions(chain)))
        self.manager.horizon = max(self.manager.horizon, number)
        return True


def versions(chain: Version | None) -> Iterable[Version]:
    while chain is not None:
        yield chain
        chain = chain.older


def lowest(chain: Version) -> Version:
    while chain.older is not None:
        chain = chain.older
    return chain


def thin_chain(store: Store, ref: Ref, views: Views) -> int:
    """Cuts the chain of one row; returns the number up to which it can no longer be read everywhere, 0 if it can."""
    top = store.chains.get(ref)
    while top is not None and top.owner.number > views.floor:
        top = top.older
    if top is None or top.older is None or top.older.older is None:
        return 0
    below = list(versions(top.older))
    floor = views.careful if any(version.row is None for version in below) else views.floor
    gone, cut = spare(top, below, views, floor)
    if gone:
        store.drop_keys(ref, gone)
    return cut


def spare(top: Version, below: list[Version], views: Views, floor: int) -> tuple[list[Version], int]:
    """Unlinks what need not stay of `below`, which lies under `top`; (those, number up to which something is gone)."""
    gone: list[Version] = []
    cut = 0
    kept, seen, stone = below[-1], True, below[-1].row is None  # T2; what was kept last; T3; T4
    for place in range(len(below) - 2, -1, -1):
        version = below[place]
        end = (below[place - 1] if place else top).owner.number
        needed = views.see(version.owner.number, end, floor)  # T1
        if needed or seen or (version.row is None and not stone):
            version.older, kept = kept, version
            stone = version.row is None or (stone and not needed)
            seen = needed
        else:
            gone.append(version)
            cut = max(cut, end)
    top.older = kept
    return gone, cut


__all__ = ["Trimmer", "Views", "thin_chain", "views_of"]
