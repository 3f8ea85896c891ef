"""What is kept in memory has a bound (`work_mem`), and what goes beyond it goes to a temporary file.

    checked_bound asked by plans that keep everything in memory: raises `WorkMemoryExceeded` where they should not; the
                  statement is then run anew with a plan made of the operators here (`sql.memory`)
    Sorter        external merge sort: sorted runs, then a merge of them
    Kept          a list of rows, read any number of times
    Overflow      what generated code gathers in a list of its own: the list is emptied when it is too large

Sizes are those that Python tells of a sample.
"""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from minidb import keys
from minidb.keys import Row
from minidb.sql.compiler.runtime import SortColumn, sort
from minidb.sql.compiler.temporary_files import BATCH, Budget, Segment, TemporaryFile, rows_of

SAMPLED = 20  # rows whose sizes are added up
LARGEST_ROW = 4096  # bytes: sizes are looked at when there could be so many rows of this size
FAN_IN = 32  # runs that are merged at once


class WorkMemoryExceeded(Exception):
    """A plan that works in memory has met too much data for that."""


# -- sizes ------------------------------------------------------------------------------------------------


def size_of(value: Any) -> int:
    """Bytes that a value takes, with what it holds."""
    size = sys.getsizeof(value)
    if type(value) in (tuple, list):
        size += sum(map(size_of, value))
    return size


def average_size(kept: Any) -> int:
    """Bytes of one item of a list, a set or a dict, from a sample of them: every so many of a list, whose rows may
    grow, the first ones of the others."""
    if isinstance(kept, list):
        items: list[Any] = kept[:: max(len(kept) // SAMPLED, 1)]
    else:
        items = list(islice(kept.items() if isinstance(kept, dict) else kept, SAMPLED))
    return max(sum(map(size_of, items)) // max(len(items), 1), 8)


def first_bound(limit: int) -> int:
    """How many rows may be kept before their size is looked at."""
    return max(limit // LARGEST_ROW, 8)


def next_bound(limit: int, size: int, count: int) -> int:
    """How many rows of this size may be kept before their size is looked at again; there are `count` now."""
    return min(limit // size, 2 * count) if count else limit // size


def checked_bound(kept: Any, budget: Budget) -> int:
    """Up to which length `kept` may grow before this is asked again; raises WorkMemoryExceeded beyond the limit."""
    size = average_size(kept)
    if size * len(kept) > budget.limit:
        raise WorkMemoryExceeded
    return next_bound(budget.limit, size, len(kept))


def chunked(items: Iterable[Any]) -> Iterator[list[Any]]:
    """The items in lists, so that something can be looked at between them."""
    remaining = iter(items)
    while chunk := list(islice(remaining, BATCH)):
        yield chunk


def noted(kept: Any, budget: Budget) -> None:
    """Tells EXPLAIN ANALYZE how large something is that stays in memory."""
    if budget.spill is not None:
        budget.held(average_size(kept) * len(kept) + sys.getsizeof(kept))


# -- lists that are read again ----------------------------------------------------------------------------


class Overflow:
    """Rows that were in a list of generated code until it was too large.

    o1 = Overflow(budget)
    for ...:
        l1 += ...
        if len(l1) > bound: bound = o1.take(l1)
    for m1 in o1.whole(l1):
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.bound = first_bound(budget.limit)
        self._segment: Segment | None = None

    def take(self, rows: list[Row]) -> int:
        """Writes `rows` to the file and empties the list, if they are too many; the length at which to ask again."""
        limit = self.budget.limit
        size = average_size(rows)
        self.budget.held(min(size * len(rows), limit))
        if size * len(rows) > limit:
            if self._segment is None:
                self._segment = Segment(TemporaryFile(self.budget))
            self._segment.extend(rows)
            rows.clear()
        return next_bound(limit, size, len(rows))

    def whole(self, rows: list[Row]) -> Iterable[Row]:
        """All rows in their order; `rows` are the last ones."""
        return rows if self._segment is None else self._all(self._segment, rows)

    def _all(self, segment: Segment, rows: list[Row]) -> Iterator[Row]:
        yield from rows_of(segment)
        yield from rows

    @property
    def written(self) -> int:
        """How many rows are in the file."""
        return 0 if self._segment is None else self._segment.rows


class Kept:
    """Rows that are read any number of times, in memory or in a file; iterating gives rows."""

    def __init__(self, batches: Iterable[list[Row]], budget: Budget) -> None:
        self._rows: list[Row] = []
        self._overflow = Overflow(budget)
        self._bound = self._overflow.bound
        for batch in batches:
            self.extend(batch)
        noted(self._rows, budget)

    def extend(self, batch: Sequence[Row]) -> None:
        self._rows += batch
        if len(self._rows) > self._bound:
            self._bound = self._overflow.take(self._rows)

    def __len__(self) -> int:
        return self._overflow.written + len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._overflow.whole(self._rows))

    def batches(self) -> Iterator[list[Row]]:
        return chunked(self)

    @property
    def in_memory(self) -> list[Row] | None:
        """The list, if there is no file."""
        return None if self._overflow.written else self._rows


# -- sorting ----------------------------------------------------------------------------------------------


def order_key(columns: Sequence[SortColumn]) -> Callable[[Row], Any]:
    """A key whose order is that of `runtime.sort`."""
    plain = [(place, descending, nulls_first) for place, descending, nulls_first, _, _ in columns]

    def key(row: Row) -> tuple[Any, ...]:
        return tuple([keys.part(row[place], desc=desc, nulls_first=first) for place, desc, first in plain])

    return key


class Sorter:
    """External merge sort; stable. `add` batches, then iterate over batches of sorted rows. `check` raises if the
    statement is to stop. `count`: no more than so many of the first rows are wanted (top-N)."""

    def __init__(
        self,
        columns: Sequence[SortColumn],
        budget: Budget,
        check: Callable[[], None] = lambda: None,
        count: int | None = None,
    ) -> None:
        self.count = count
        self.columns = columns
        self.budget = budget
        self.check = check
        self.runs: list[Segment] = []
        self._rows: list[Row] = []
        self._bound = first_bound(budget.limit)
        self._file: TemporaryFile | None = None

    def add(self, batch: Sequence[Row]) -> None:
        self._rows += batch
        if len(self._rows) > self._bound:
            if self.count is not None and len(self._rows) > 2 * self.count:
                self._sort()
            limit = self.budget.limit
            size = average_size(self._rows)
            self.budget.held(min(size * len(self._rows), limit))
            if size * len(self._rows) > limit:
                self._write_run()
            self._bound = next_bound(limit, size, len(self._rows))

    def _sort(self) -> None:
        sort(self._rows, self.columns)
        if self.count is not None:
            del self._rows[self.count :]

    def _write_run(self) -> None:
        self.check()
        if self._file is None:
            self._file = TemporaryFile(self.budget)
        self._sort()
        run = Segment(self._file)
        run.extend(self._rows)
        self.runs.append(run)
        self._rows = []

    def __iter__(self) -> Iterator[list[Row]]:
        self._sort()
        if not self.runs:
            if self._rows:
                noted(self._rows, self.budget)
                yield self._rows
            return
        while len(self.runs) > FAN_IN:
            self.runs = [self._merged_run(group) for group in _groups(self.runs, FAN_IN)]
        merged = self._merged([*map(rows_of, self.runs), iter(self._rows)])
        while batch := list(islice(merged, BATCH)):
            self.check()
            yield batch

    def _merged(self, inputs: Iterable[Iterator[Row]]) -> Iterator[Row]:
        return heapq.merge(*inputs, key=order_key(self.columns))

    def _merged_run(self, runs: Sequence[Segment]) -> Segment:
        assert self._file is not None
        result = Segment(self._file)
        merged = self._merged(map(rows_of, runs))
        while batch := list(islice(merged, BATCH)):
            self.check()
            result.extend(batch)
        return result


def _groups(runs: Sequence[Segment], size: int) -> Iterator[Sequence[Segment]]:
    for start in range(0, len(runs), size):
        yield runs[start : start + size]


def sorted_batches(
    batches: Iterable[list[Row]],
    columns: Sequence[SortColumn],
    budget: Budget,
    check: Callable[[], None],
    count: int | None = None,
) -> Iterator[list[Row]]:
    """The rows of `batches`, sorted; only the first `count`, or some more, where that is given."""
    sorter = Sorter(columns, budget, check, count)
    for batch in batches:
        sorter.add(batch)
    return iter(sorter)
