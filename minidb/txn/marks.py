"""Who has read where on one relation, found by key: SIREAD marks (`conflicts`) and the interval locks of 2PL (`locks`).

    points   key -> its reader, or a dict of its readers        single keys: one look-up finds who has read a key
    keys     reader -> its points
    ranges   reader -> IntervalSet                              whoever has some is asked, one after the other

Most reads are of single keys. A writer asks at every row that it changes, and there may be a thousand readers that have
committed and still matter (R58): so it must not cost a question to each of them.

A reader's marks never vanish before the reader does; they may become coarser: beyond `mark_limit` points the whole
relation is marked, as `IntervalSet` does with ranges (R61). All under the kernel latch. Of what SSI transactions read,
ranges come here when somebody else writes; keys only where a unique error tells of them (`notes`).

A mark on a key allocates nothing but its place in a dict and in a list. Who is the only reader takes all away at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from minidb.keys import Key
from minidb.txn.intervals import BEGIN, END, Cut, IntervalSet

Reader = Any  # a transaction, or the summary of many


class Marks:
    __slots__ = ("keys", "points", "ranges")

    def __init__(self) -> None:
        self.points: dict[Key, Any] = {}
        self.keys: dict[Reader, list[Key]] = {}
        self.ranges: dict[Reader, IntervalSet] = {}

    def __len__(self) -> int:
        """How many readers there are."""
        return len(self.keys.keys() | self.ranges.keys())

    def __bool__(self) -> bool:
        return bool(self.keys or self.ranges)

    def __contains__(self, reader: Reader) -> bool:
        return reader in self.keys or reader in self.ranges

    def add(self, reader: Reader, low: Cut, high: Cut) -> None:
        """Marks [low, high); an empty interval is nothing."""
        key = low[0]
        if low[1] == 0 and high[1] == 1 and key == high[0]:
            self.add_point(reader, key)
        else:
            self.add_range(reader, low, high)

    def add_point(self, reader: Reader, key: Key) -> bool:
        """False if it was marked before."""
        if self.ranges and reader in self.ranges and self.ranges[reader].contains(key):
            return False
        found = self.points.get(key)
        if found is None:
            self.points[key] = reader
        elif found is reader:
            return False
        elif type(found) is not dict:
            self.points[key] = {found: None, reader: None}
        elif reader in found:
            return False
        else:
            found[reader] = None
        own = self.keys.get(reader)
        if own is None:
            self.keys[reader] = [key]
            return True
        own.append(key)
        if len(own) > reader.mark_limit:
            self.remove(reader)
            self.add_range(reader, BEGIN, END)
        return True

    def add_range(self, reader: Reader, low: Cut, high: Cut) -> None:
        """The same without a look-up by key, for a reader that stands for many."""
        intervals = self.ranges.get(reader)
        if intervals is None:
            intervals = self.ranges[reader] = IntervalSet(reader.mark_limit)
        intervals.add(low, high)

    def remove(self, reader: Reader) -> None:
        if self.ranges:
            self.ranges.pop(reader, None)
        own = self.keys.pop(reader, None)
        if own is None:
            return
        points = self.points
        if not self.keys:
            points.clear()
            return
        for key in own:
            found = points[key]
            if found is reader:
                del points[key]
            else:
                del found[reader]
                if not found:
                    del points[key]

    def at(self, key: Key) -> list[Reader]:
        """Who has read there; a reader may be named twice."""
        found = self.points.get(key)
        readers = [] if found is None else list(found) if type(found) is dict else [found]
        if self.ranges:
            readers += [reader for reader, intervals in self.ranges.items() if intervals.contains(key)]
        return readers

    def others_at(self, key: Key, reader: Reader) -> Sequence[Reader]:
        """Who else has read there."""
        found = self.points.get(key)
        if (found is None or found is reader) and not self.ranges:  # most often
            return ()
        return [other for other in self.at(key) if other is not reader]

    def covers(self, reader: Reader, low: Cut, high: Cut) -> bool:
        """Whether all of [low, high) is among what the reader has marked; where ranges end, keys may go on."""
        ranges = self.ranges.get(reader)
        while low < high:
            reached = None if ranges is None else ranges.reach(low)
            if reached is None:
                if low[1] == 1 or not self.has_point(reader, low[0]):
                    return False
                reached = low[0], 1
            low = reached
        return True

    def has_point(self, reader: Reader, key: Key) -> bool:
        """Whether the key was marked by itself."""
        found = self.points.get(key)
        return found is reader or (type(found) is dict and reader in found)

    def others_in(self, low: Cut, high: Cut, reader: Reader) -> Sequence[Reader]:
        """Who else has read anything in [low, high)."""
        if low[1] == 0 and high[1] == 1 and low[0] == high[0]:
            return self.others_at(low[0], reader)
        return [other for other in self.readers() if other is not reader and self.overlaps(other, low, high)]

    def overlaps(self, reader: Reader, low: Cut, high: Cut) -> bool:
        ranges = self.ranges.get(reader)
        if ranges is not None and ranges.overlaps(low, high):
            return True
        return any(low <= (key, 0) < high for key in self.keys.get(reader, ()))

    def readers(self) -> list[Reader]:
        return list({**self.keys, **self.ranges})

    def of(self, reader: Reader) -> IntervalSet:
        """Everything that a reader has marked."""
        intervals = self.ranges[reader].copy() if reader in self.ranges else IntervalSet(reader.mark_limit)
        for key in self.keys.get(reader, ()):
            intervals.add((key, 0), (key, 1))
        return intervals

    def items(self) -> Iterator[tuple[Reader, IntervalSet]]:
        return ((reader, self.of(reader)) for reader in self.readers())


__all__ = ["Marks"]
