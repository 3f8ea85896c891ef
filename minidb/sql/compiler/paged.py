"""A list of rows that grows at its end and is read at any place; its beginning goes to a file when it is too large.

What is in the file is in blocks of equally many rows. The blocks read last stay in memory: who reads here goes from
place to place in order, at a few places at a time (both ends of a window's frame, the row itself).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from minidb.keys import Row
from minidb.sql.compiler.spilling import average_size, first_bound, next_bound
from minidb.sql.compiler.temporary_files import BATCH, Budget, TemporaryFile
from minidb.storage.scratch_file import Place

CACHED = 8  # blocks


class PagedList:
    def __init__(self, budget: Budget, rows: Iterable[Row] = ()) -> None:
        self._budget = budget
        self._rows: list[Row] = []  # the last ones
        self._start = 0  # the place of the first of them
        self._bound = first_bound(budget.limit)
        self._file: TemporaryFile | None = None
        self._per_block = 0
        self._blocks: list[Place] = []
        self._cache: dict[int, list[Row]] = {}
        for row in rows:
            self.append(row)

    def __len__(self) -> int:
        return self._start + len(self._rows)

    def append(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) > self._bound:
            self._look()

    def extend(self, rows: Sequence[Row]) -> None:
        self._rows += rows
        if len(self._rows) > self._bound:
            self._look()

    def _look(self) -> None:
        limit = self._budget.limit
        size = average_size(self._rows)
        self._budget.held(min(size * len(self._rows), limit))
        if size * len(self._rows) > limit:
            self._write(size)
        self._bound = max(next_bound(limit, size, len(self._rows)), self._per_block)

    def _write(self, size: int) -> None:
        """Writes all whole blocks; rows have about `size` bytes."""
        if self._file is None:
            self._file = TemporaryFile(self._budget)
            self._per_block = min(max(self._budget.limit // size // CACHED, 1), BATCH)
        step = self._per_block
        whole = len(self._rows) // step * step
        for start in range(0, whole, step):
            self._blocks.append(self._file.write(self._rows[start : start + step]))
        del self._rows[:whole]
        self._start += whole

    def __getitem__(self, place: int) -> Row:
        if place >= self._start:
            return self._rows[place - self._start]
        return self._block(place // self._per_block)[place % self._per_block]

    def after(self, place: int) -> list[Row]:
        """Some of the rows from `place` on, at least one where there is one."""
        if place >= self._start:
            return self._rows[place - self._start :][:BATCH]
        return self._block(place // self._per_block)[place % self._per_block :]

    def __iter__(self) -> Iterator[Row]:
        place = 0
        while rows := self.after(place):
            yield from rows
            place += len(rows)

    def _block(self, number: int) -> list[Row]:
        found = self._cache.pop(number, None)
        if found is None:
            assert self._file is not None
            found = self._file.read(self._blocks[number])
            if len(self._cache) >= CACHED:
                del self._cache[next(iter(self._cache))]
        self._cache[number] = found  # the last one used stands last
        return found
