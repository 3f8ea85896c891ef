"""DISTINCT, INTERSECT, EXCEPT and WITH RECURSIVE ... UNION beyond memory, at run time.

What is known of a row is asked by its hash, so rows are cut into partitions by their hashes, and each partition is
worked on by itself. A partition that is too large still is cut again, in another way. DISTINCT hands out what fits into
memory as it comes; what is met later waits in partitions, where its order is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from minidb.keys import Row
from minidb.sql.compiler import runtime
from minidb.sql.compiler.spilling import Kept, average_size, first_bound, next_bound, noted
from minidb.sql.compiler.temporary_files import Budget, Segment, TemporaryFile, rows_of

PARTITIONS = 16
DEEPEST = 4  # cuts; rows that are equal cannot be cut any further
SEEN_PARTITIONS = 64

Batches = Iterable[list[Row]]
Check = Callable[[], None]


def partition(key: Any, depth: int, count: int = PARTITIONS) -> int:
    """Another cut at each depth."""
    return hash((depth, key)) % count


# -- DISTINCT ---------------------------------------------------------------------------------------------


def distinct_batches(
    batches: Batches, key: Callable[[Row], Any], budget: Budget, check: Check, depth: int = 0
) -> Iterator[list[Row]]:
    """The first row of each key."""
    seen: set[Any] = set()
    add = seen.add
    bound = first_bound(budget.limit)
    remaining = iter(batches)
    for batch in remaining:
        new = [row for row in batch if (k := key(row)) not in seen and not add(k)]
        if new:
            yield new
        if len(seen) > bound and depth < DEEPEST:
            size = average_size(seen)
            budget.held(min(size * len(seen), budget.limit))
            if size * len(seen) > budget.limit:
                yield from _distinct_later(remaining, key, seen, budget, check, depth)
                return
            bound = next_bound(budget.limit, size, len(seen))
    noted(seen, budget)


def _distinct_later(
    batches: Batches, key: Callable[[Row], Any], seen: set[Any], budget: Budget, check: Check, depth: int
) -> Iterator[list[Row]]:
    """The same for what comes when `seen` is full."""
    file = TemporaryFile(budget)
    segments = [Segment(file) for _ in range(PARTITIONS)]
    for batch in batches:
        check()
        for row in batch:
            k = key(row)
            if k not in seen:
                segments[partition(k, depth)].add(row)
    seen.clear()
    for segment in segments:
        yield from distinct_batches(segment, key, budget, check, depth + 1)


# -- INTERSECT and EXCEPT ---------------------------------------------------------------------------------


def set_operation(
    kind: str, all_rows: bool, left: Batches, right: Batches, budget: Budget, check: Check, depth: int = 0
) -> Iterator[list[Row]]:
    """INTERSECT and EXCEPT, with and without ALL."""
    lefts, rights = Kept(left, budget), Kept(right, budget)
    if (lefts.in_memory is not None and rights.in_memory is not None) or depth == DEEPEST:
        yield runtime.set_operation(kind, all_rows, lefts, rights)
        return
    file = TemporaryFile(budget)
    for one, other in zip(_cut(lefts, file, check, depth), _cut(rights, file, check, depth)):
        yield from set_operation(kind, all_rows, one, other, budget, check, depth + 1)


def _cut(rows: Kept, file: TemporaryFile, check: Check, depth: int) -> list[Segment]:
    segments = [Segment(file) for _ in range(PARTITIONS)]
    for batch in rows.batches():
        check()
        for row in batch:
            segments[partition(row, depth)].add(row)
    return segments


# -- WITH RECURSIVE ---------------------------------------------------------------------------------------


class Marks:
    """A Bloom filter: whether a row was perhaps added, or certainly not (Bloom 1970)."""

    PROBES = 4

    def __init__(self, size: int) -> None:
        self._bits = bytearray(max(size, 64))

    def add(self, row: Row) -> bool:
        """Whether the row was certainly not added before."""
        bits, new = self._bits, False
        code = hash(row)
        for _ in range(self.PROBES):
            code = (code * 6364136223846793005 + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF  # Knuth's MMIX generator
            place, bit = (code >> 11) % len(bits), 1 << (code >> 8 & 7)
            if not bits[place] & bit:
                bits[place] |= bit
                new = True
        return new


class Seen:
    """The rows that UNION has had already: a set, or partitions of which one is in memory at a time. Rounds may be many
    and small, so that only rows that are perhaps not new are looked for in the file."""

    def __init__(self, budget: Budget, check: Check) -> None:
        self._rows: set[Row] = set()
        self._marks = Marks(0)
        self._budget = budget
        self._check = check
        self._bound = first_bound(budget.limit)
        self._segments: list[Segment] = []

    def new(self, batches: Batches) -> Iterator[list[Row]]:
        """Those that are new, each once."""
        remaining = iter(batches)
        if not self._segments:
            yield from self._new_in_memory(remaining)
        if self._segments:
            yield from self._new_in_files(remaining)

    def _new_in_memory(self, batches: Iterator[list[Row]]) -> Iterator[list[Row]]:
        seen = self._rows
        for batch in batches:
            new = [row for row in dict.fromkeys(batch) if row not in seen]
            seen.update(new)
            yield new
            if len(seen) > self._bound:
                size = average_size(seen)
                self._bound = next_bound(self._budget.limit, size, len(seen))
                if size * len(seen) > self._budget.limit:
                    self._leave_memory()
                    return

    def _leave_memory(self) -> None:
        file = TemporaryFile(self._budget)
        self._segments = [Segment(file) for _ in range(SEEN_PARTITIONS)]
        self._marks = Marks(self._budget.limit // 2)
        for row in self._rows:
            self._marks.add(row)
            self._segments[partition(row, 0, SEEN_PARTITIONS)].add(row)
        self._rows.clear()

    def _new_in_files(self, batches: Batches) -> Iterator[list[Row]]:
        add, segments = self._marks.add, self._segments
        doubtful = Kept((), self._budget)
        for batch in batches:
            self._check()
            new: list[Row] = []
            perhaps: list[Row] = []
            for row in batch:
                (new if add(row) else perhaps).append(row)
            for row in new:
                segments[partition(row, 0, SEEN_PARTITIONS)].add(row)
            doubtful.extend(perhaps)
            yield new
        if len(doubtful):
            yield from self._looked_for(doubtful)

    def _looked_for(self, rows: Kept) -> Iterator[list[Row]]:
        file = TemporaryFile(self._budget)
        asked = [Segment(file) for _ in range(SEEN_PARTITIONS)]
        for row in rows:
            asked[partition(row, 0, SEEN_PARTITIONS)].add(row)
        for known, met in zip(self._segments, asked):
            if met.rows:
                self._check()
                seen = set(rows_of(known))
                new = [row for row in dict.fromkeys(rows_of(met)) if row not in seen]
                known.extend(new)
                yield new
