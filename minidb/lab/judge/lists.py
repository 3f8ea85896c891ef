"""Which lists there are at a time. All clients of a run share one `Lists`.

Each design has a window of a few neighbouring keys. After a number of appends it moves up by one key: the lowest list
is left alone from then on, a new one, still without a row, is in reach. So lists stay short, and the ranges that are
read, one key beyond the window included, are gaining rows all the time.

    keys of design 0    0 1 2 [3 4 5] 6 ...          key = design * SPAN + number
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from random import Random

from minidb.lab.judge.designs import Design

SPAN = 10_000_000  # keys of one design
SPARE = 1000  # numbers of the processes that stand for work taken back to a savepoint


class Lists:
    """Arguments: width: lists in each window. length: appends to a design before its window moves."""

    def __init__(self, designs: Sequence[Design], width: int, length: int) -> None:
        self.designs = designs
        self.width = width
        self.length = length
        self.items = count(1)
        self.appends = dict.fromkeys((design.name for design in designs), 0)
        self.first = {design.name: place * SPAN for place, design in enumerate(designs)}

    def choose(self, random: Random) -> tuple[Design, int, int]:
        """A design, and two keys of its window in order; the second may be the one behind it."""
        design = random.choice(self.designs)
        base = self.base(design)
        low = base + random.randrange(self.width)
        return design, low, min(low + random.randrange(self.width), base + self.width)

    def base(self, design: Design) -> int:
        return self.first[design.name] + self.appends[design.name] // self.length

    def next_item(self, design: Design) -> int:
        """A number that no list has yet."""
        self.appends[design.name] += 1
        return next(self.items)

    def spare_process(self, process: int) -> int:
        return SPARE + process

    def all_keys(self, slice_size: int) -> Iterator[tuple[Design, int, int]]:
        """All keys that were ever in reach, in slices."""
        for design in self.designs:
            top = self.base(design) + self.width
            for low in range(self.first[design.name], top + 1, slice_size):
                yield design, low, min(low + slice_size - 1, top)
