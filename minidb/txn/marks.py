"""SIREAD marks on one relation: who has read where, found by key.

    points   key -> its reader, or a dict of its readers        single keys: one look-up finds who has read a key
    keys     reader -> its points
    ranges   reader -> IntervalSet                              whoever has some is asked, one after the other

Most reads are of single keys. A writer asks at every row that it changes, and there may be a thousand readers that have
committed and still matter (R58): so it must not cost a question to each of them.

A reader's marks never vanish before the reader does; they may become coarser: beyond `mark_limit` points the whole
relation is marked, as `IntervalSet` does with ranges (R61). All under the kernel latch.
"""

from __future__ import annotations

from collections.abc import Iterator
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

    def add_point(self, reader: Reader, key: Key) -> None:
        ranges = self.ranges.get(reader)
        if ranges is not None and ranges.contains(key):
            return
        found = self.points.get(key)
        if found is None:
            self.points[key] = reader
        elif type(found) is dict:
            if reader in found:
                return
            found[reader] = None
        elif found is reader:
            return
        else:
            self.points[key] = {found: None, reader: None}
        own = self.keys.get(reader)
        if own is None:
            self.keys[reader] = [key]
            return
        own.append(key)
        if len(own) > reader.mark_limit:
            self.remove(reader)
            self.add_range(reader, BEGIN, END)

    def add_range(self, reader: Reader, low: Cut, high: Cut) -> None:
        """The same without a look-up by key, for a reader that stands for many."""
        intervals = self.ranges.get(reader)
        if intervals is None:
            intervals = self.ranges[reader] = IntervalSet(reader.mark_limit)
        intervals.add(low, high)

    def remove(self, reader: Reader) -> None:
        self.ranges.pop(reader, None)
        for key in self.keys.pop(reader, ()):
            found = self.points[key]
            if found is reader:
                del self.points[key]
            else:
                del found[reader]
                if not found:
                    del self.points[key]

    def at(self, key: Key) -> list[Reader]:
        """Who has read there; a reader may be named twice."""
        found = self.points.get(key)
        readers = [] if found is None else list(found) if type(found) is dict else [found]
        if self.ranges:
            readers += [reader for reader, intervals in self.ranges.items() if intervals.contains(key)]
        return readers

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
