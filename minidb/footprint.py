"""What one event of a schedule touched in the engine, and whether two events next to each other could be swapped.

Two events of different sessions are *independent* if running them in the other order gives the same answers and the
same state (Mazurkiewicz 1977). A footprint is taken from what the engine really did: rows, keys, intervals, locks. It
must never claim too little; where the truth is hard to say, it claims too much, which only costs the explorer time.

    this event                                 depends on one that
    ---------------------------------------    -------------------------------------------------------------
    reads an interval, committed state         publishes a row with an entry in it
    reads an interval, newest state            writes, undoes or publishes a row with an entry in it
      (dirty, 2PL, SSI, locking, checks)
    writes, undoes or publishes a row          does so with the same row or unique key
    inserts into a heap                        does so: the addresses differ
    draws from a sequence, or sets it          does so with the same sequence
    takes or gives back a lock                 does so in a mode that conflicts
    takes a snapshot that is kept              publishes anything
    waits                                      waits: who closes a cycle is its victim
    begins, ends or meets conflicts as SSI     does so: who comes first decides who is the pivot
    changes the schema, reads sys.*            is anything
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from minidb.history import Cut, Point

SNAPSHOT = 1  # took a snapshot that later events will read by
PUBLISH = 2  # made something visible
WAIT = 4  # began to wait
GRAPH = 8  # began, ended or met a conflict among serializable transactions
GRAPH_BEGIN = 16  # took a serializable snapshot: these commute among themselves
EVERYTHING = 32

Interval = tuple[Cut, Cut]


class Footprint:
    """Of one event. Filled by the recorder while the event runs."""

    __slots__ = ("committed_reads", "flags", "locks", "newest_reads", "published", "taken", "tokens", "written")

    def __init__(self) -> None:
        self.flags = 0
        self.committed_reads: dict[int, list[Interval]] = {}
        self.newest_reads: dict[int, list[Interval]] = {}
        self.taken: dict[int, list[Interval]] = {}  # read in update mode under 2PL: these conflict with each other
        self.written: set[Point] = set()
        self.published: set[Point] = set()
        self.tokens: set[Hashable] = set()  # what only one can have: rows, unique keys, free addresses, numbers
        self.locks: dict[Hashable, tuple[int, int]] = {}  # lock -> (modes, modes that conflict with them)

    def read(self, relation: int, low: Cut, high: Cut, newest: bool) -> None:
        (self.newest_reads if newest else self.committed_reads).setdefault(relation, []).append((low, high))

    def lock(self, key: Hashable, modes: int, conflicts: int) -> None:
        before = self.locks.get(key, (0, 0))
        self.locks[key] = before[0] | modes, before[1] | conflicts

    def absorb(self, other: Footprint) -> None:
        """Adds everything that `other` touched."""
        self.flags |= other.flags
        for mine, theirs in ((self.committed_reads, other.committed_reads), (self.newest_reads, other.newest_reads),
                             (self.taken, other.taken)):
            for relation, intervals in theirs.items():
                mine.setdefault(relation, []).extend(intervals)
        self.written |= other.written
        self.published |= other.published
        self.tokens |= other.tokens
        for key, (modes, conflicts) in other.locks.items():
            self.lock(key, modes, conflicts)

    def depends_on(self, other: Footprint) -> bool:
        """Whether the two must be tried in both orders. Symmetric."""
        return (
            flags_conflict(self.flags, other.flags)
            or not self.tokens.isdisjoint(other.tokens)
            or locks_conflict(self, other)
            or reads_conflict(self, other)
            or reads_conflict(other, self)
            or takes_conflict(self, other)
        )


def flags_conflict(one: int, other: int) -> bool:
    both = one | other
    if both & EVERYTHING:
        return True
    if one & other & (WAIT | GRAPH):
        return True
    return crossing(one, other, SNAPSHOT, PUBLISH) or crossing(one, other, GRAPH_BEGIN, GRAPH)


def crossing(one: int, other: int, first: int, second: int) -> bool:
    return bool((one & first and other & second) or (one & second and other & first))


def locks_conflict(one: Footprint, other: Footprint) -> bool:
    return any(
        key in other.locks and (modes & other.locks[key][1] or conflicts & other.locks[key][0])
        for key, (modes, conflicts) in one.locks.items()
    )


def reads_conflict(reader: Footprint, writer: Footprint) -> bool:
    if writer.published and (
        contains(reader.committed_reads, writer.published) or contains(reader.newest_reads, writer.published)
    ):
        return True
    return bool(writer.written) and contains(reader.newest_reads, writer.written)


def contains(reads: dict[int, list[Interval]], points: Iterable[Point]) -> bool:
    if not reads:
        return False
    for relation, key in points:
        for low, high in reads.get(relation, ()):
            if low <= (key, 0) and (key, 1) <= high:
                return True
    return False


def takes_conflict(one: Footprint, other: Footprint) -> bool:
    for relation, intervals in one.taken.items():
        for low, high in intervals:
            if any(low < theirs[1] and theirs[0] < high for theirs in other.taken.get(relation, ())):
                return True
    return False


__all__ = ["EVERYTHING", "GRAPH", "GRAPH_BEGIN", "PUBLISH", "SNAPSHOT", "WAIT", "Footprint", "Interval"]
