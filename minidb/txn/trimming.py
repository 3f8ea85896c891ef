"""Trimming: versions that nobody can see any more go, also those between two snapshots (R28).

    chain    18 17 16 15 14 13 12 11    9  8  6  3      versions of one row, newest first, by commit number
    views                            10             3   who reads as of 10 sees 9
    left     18                   11    9     6  3      11 and 6 are directly above what is seen

Each commit queues the rows that it has changed. As long as no view is older than a queued commit, its rows are trimmed
from the bottom (`Store.trim`) and that is all. When an old view holds the queue up, `thin` cuts out of the chains what
lies between the views; the row is then remembered once, however often it changes, until the old view is gone.

A version stays if

 T1 a view may see it: one that reads as of one number, there; one that reads the newest state as it moves (READ
    UNCOMMITTED, 2PL, a checkpoint, versions kept for AS OF), everything from its number on;
 T2 it is the newest published one, the lowest of its chain, or the row that the base has (R15);
 T3 it is directly above one that stays for T1: whoever overwrote what an SSI reader has read must be found (R56). While
    an SSI transaction runs, it stays as well if it has an index entry that the one below it has not: a reader of that
    range stands before its writer;
 T4 it is the lowest tombstone above one that stays: who waits for a row follows that one (R33). And as long as a writer
    runs, chains with tombstones below the top stay as they are: it may have come from one of their versions.

A chain that ends with a tombstone and is seen by nobody goes altogether, if the base has nothing at its address: so a
table that is used as a queue does not grow behind an old snapshot. Not while an SSI transaction runs: its edge to who
deleted the row must be found.

`horizon` moves on with all of this: AS OF is refused for numbers at which something was cut (R32).

Everything here runs under the kernel latch.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from minidb.storage.interface import Ref
from minidb.txn.versions import Version

if TYPE_CHECKING:
    from minidb.txn.manager import Manager
    from minidb.txn.store import Store

CROWDED = 64  # queued rows beyond which chains are thinned out
AT_ONCE = 256  # rows that are thinned out in one hold
SLICE = 300  # rows that VACUUM looks at in one hold
LEFT_OVER = 1000  # rows that may be remembered in vain


class Views(NamedTuple):
    """Who may see what, at one moment: single numbers, and everything from a number on."""

    points: list[int]  # ascending
    floor: int  # what is at or above it may be seen by somebody
    careful: int  # the same for chains that a running writer may have met
    edges: bool  # an SSI transaction runs
    oldest: int = 0  # nothing above it was ever cut off at the bottom of a chain

    def see(self, begin: int, end: int, floor: int) -> bool:
        """Whether a version may be seen that was the newest from `begin` on and before `end`."""
        return end > floor or bisect_left(self.points, begin) != bisect_left(self.points, end)


def views_of(manager: Manager) -> Views:
    points: list[int] = []
    oldest = manager.oldest_view()
    floor = careful = manager.published
    for view, number in list(manager.views.items()):
        txn: Any = getattr(view, "txn", view)  # of the door of a result that is still being fetched
        policy = getattr(txn, "policy", None)
        if policy is None or policy.reads_newest or not number:
            floor = min(floor, number)
            continue
        points.append(number)
        if any(modes > 1 for modes in list(txn.weak.values())):  # more than ACCESS SHARE: it may write
            careful = min(careful, number)
    return Views(sorted(points), floor, min(floor, careful), bool(manager.conflicts.active), oldest)


class Trimmer:
    """What has to be trimmed in one database."""

    def __init__(self, manager: Manager) -> None:
        self.manager = manager
        self.queue: deque[tuple[int, Store, Any]] = deque()  # by commit number
        self.waiting: deque[tuple[int, Store, Any]] = deque()  # thinned out, until the old view is gone
        self.crowded: set[tuple[Store, Any]] = set()  # those in `waiting`
        self.enough = CROWDED
        self.many = LEFT_OVER

    def trim(self, most: int) -> None:
        """Looks at `most` rows, and now and then at many, if an old view holds up the queue."""
        if not self.queue and not self.waiting:
            return
        horizon = self.manager.oldest_view()
        queue, waiting = self.queue, self.waiting
        if queue and queue[0][0] > horizon and (most > AT_ONCE or len(queue) >= self.enough):
            self.thin(max(most, AT_ONCE))
        most = max(most, min(len(queue) >> 6, AT_ONCE))  # the more there is the faster it goes
        while queue and most > 0 and queue[0][0] <= horizon:
            _, store, ref = queue.popleft()
            store.trim(ref, horizon)
            most -= 1
        while waiting and most > 0 and waiting[0][0] <= horizon:
            _, store, ref = waiting.popleft()
            self.crowded.discard((store, ref))
            store.trim(ref, horizon)
            self.remember(self.manager.published, store, ref)
            most -= 1

    def trim_all(self, on_slice: Callable[[], None]) -> None:
        """As much as old views allow. Takes the latch, again and again."""
        for _ in range(0, len(self.queue) + len(self.waiting) + 1, SLICE):
            with self.manager.latch:
                self.trim(SLICE)
            on_slice()

    def remember(self, number: int, store: Store, ref: Ref) -> None:
        chain = store.chains.get(ref)
        if chain is not None and chain.older is not None and (store, ref) not in self.crowded:
            self.crowded.add((store, ref))
            self.waiting.append((number, store, ref))

    def thin(self, most: int) -> None:
        """Thins out the chains of `most` queued rows."""
        manager, queue = self.manager, self.queue
        views = views_of(manager)
        while queue and most and queue[0][0] <= views.floor:
            number, store, ref = queue.popleft()
            if not self.drop_unseen(store, ref, views):
                manager.horizon = max(manager.horizon, thin_chain(store, ref, views))
                self.remember(number, store, ref)
            most -= 1
        self.enough = len(queue) + (max(CROWDED, len(views.points)) if most else 0)
        if len(self.waiting) > self.many:
            self.forget_dropped()

    def forget_dropped(self) -> None:
        """Chains go without us as well, when they are folded."""
        self.waiting = deque(entry for entry in self.waiting if entry[2] in entry[1].chains)
        self.crowded = {(store, ref) for _, store, ref in self.waiting}
        self.many = 2 * len(self.waiting) + LEFT_OVER

    def drop_unseen(self, store: Store, ref: Ref, views: Views, folded: int = 0) -> bool:
        """Drops the chain of a row that was inserted and deleted while nobody looked. If the insert is in the base,
        the deletion must be there, too, up to `folded`."""
        chain = store.chains.get(ref)
        if chain is None or chain.row is not None or views.edges or ref in store.row_locks:
            return False
        bottom = lowest(chain)
        number, born = chain.owner.number, bottom.owner.number
        if number > folded and born <= store.base.root.number:
            return False
        if born <= views.oldest:  # it may be an update, of what the base has, whose bottom was trimmed
            return False
        if bottom.row is None or views.see(born, number, views.careful):
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
    gone, cut = spare(store, top, below, views, floor)
    if gone:
        store.drop_keys(ref, gone)
    return cut


def spare(store: Store, top: Version, below: list[Version], views: Views, floor: int) -> tuple[list[Version], int]:
    """Unlinks what need not stay of `below`, which lies under `top`; (those, number up to which something is gone)."""
    gone: list[Version] = []
    cut, settled = 0, store.base.root.number
    kept, seen, stone = below[-1], True, below[-1].row is None  # T2; what was kept last; T3; T4
    for place in range(len(below) - 2, -1, -1):
        version = below[place]
        end = (below[place - 1] if place else top).owner.number
        begin = version.owner.number
        needed = views.see(begin, end, floor) or begin <= settled < end  # T1, T2
        stays = needed or seen or (version.row is None and not stone)
        if stays or (views.edges and not same_entries(store, version, kept)):
            version.older, kept = kept, version
            stone = version.row is None or (stone and not needed)
            seen = needed
        else:
            gone.append(version)
            cut = max(cut, end)
    top.older = kept
    return gone, cut


def same_entries(store: Store, version: Version, other: Version) -> bool:
    return all(index.entry(version.row) == index.entry(other.row) for index in store.index_list)


__all__ = ["Trimmer", "Views", "thin_chain", "views_of"]
