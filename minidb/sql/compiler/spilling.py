"""What is kept in memory has a bound (`work_mem`), and what goes beyond it goes to a temporary file.

    checked_bound asked by plans that keep everything in memory: raises `WorkMemoryExceeded` where they should not; the
                  statement is then run anew with a plan made of the operators here (`sql.statement`)
    Sorter        external merge sort: sorted runs, then a merge of them
    Kept          a list of rows, read any number of times
    TemporaryFile one file for all runs or partitions of an operator

Sizes are those that Python tells of a sample. A file has no name (POSIX), so it is gone when its operator is: after an
error, an interrupt, a forgotten result or a crash as after the last row. Rows are written in batches with `marshal`,
which knows numbers and texts; values of other types are written as a tag and something that it knows. The data has
never left this process when it is read again.
"""

from __future__ import annotations

import heapq
import marshal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from minidb import keys
from minidb.documents import Jsonb
from minidb.keys import Row
from minidb.sql.compiler.runtime import SortColumn, sort
from minidb.types import Interval

BATCH = 500  # rows of one batch in a file
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
    """Bytes of one item of a list, a set or a dict, from a sample of them."""
    items = list(islice(kept.items() if isinstance(kept, dict) else kept, SAMPLED))
    return max(sum(map(size_of, items)) // max(len(items), 1), 8)


def first_bound(limit: int) -> int:
    """How many rows may be kept before their size is looked at."""
    return max(limit // LARGEST_ROW, 8)


def checked_bound(kept: Sized, limit: int) -> int:
    """Up to which length `kept` may grow before this is asked again; raises WorkMemoryExceeded beyond the limit."""
    size = average_size(kept)
    if size * len(kept) > limit:
        raise WorkMemoryExceeded
    return min(limit // size, 2 * len(kept))


# -- values as bytes --------------------------------------------------------------------------------------

_FLATTENED: dict[type, tuple[str, Callable[[Any], Any]]] = {
    Decimal: ("n", str),
    date: ("d", date.toordinal),
    datetime: ("m", datetime.isoformat),
    time: ("t", time.isoformat),
    UUID: ("u", lambda value: value.bytes),
    Interval: ("i", lambda value: (value.months, value.days, value.microseconds)),
    Jsonb: ("j", str),
    tuple: ("a", lambda value: tuple(map(flattened, value))),
}
_RESTORED: dict[str, Callable[[Any], Any]] = {
    "n": Decimal,
    "d": date.fromordinal,
    "m": datetime.fromisoformat,
    "t": time.fromisoformat,
    "u": lambda data: UUID(bytes=data),
    "i": lambda parts: Interval(*parts),
    "j": Jsonb,
    "a": lambda items: tuple(map(restored, items)),
}
_PLAIN = frozenset({int, str, float, bool, type(None), bytes})


def flattened(value: Any) -> Any:
    known = _FLATTENED.get(type(value))
    return value if known is None else (known[0], known[1](value))


def restored(value: Any) -> Any:
    return _RESTORED[value[0]](value[1]) if type(value) is tuple else value


def packed(rows: Sequence[Row]) -> bytes:
    """The columns whose values are not plain, and the rows with these columns flattened."""
    width = len(rows[0])
    special = [place for place in range(width) if not {type(row[place]) for row in rows} <= _PLAIN]
    if not special:
        return marshal.dumps(((), list(rows)))
    columns: list[Any] = list(zip(*rows))
    for place in special:
        columns[place] = map(flattened, columns[place])
    return marshal.dumps((tuple(special), list(zip(*columns))))


def unpacked(data: bytes) -> list[Row]:
    special, rows = marshal.loads(data)
    if special:
        columns: list[Any] = list(zip(*rows))
        for place in special:
            columns[place] = map(restored, columns[place])
        return list(zip(*columns))
    return rows  # type: ignore[no-any-return]


# -- files ------------------------------------------------------------------------------------------------


class TemporaryFile:
    """Batches of rows; what is written is known by offset and size."""

    def __init__(self) -> None:
        from tempfile import TemporaryFile as open_file  # only here: it takes time to load, and few statements spill

        self._file = open_file()  # noqa: SIM115 - closed when nobody reads from it any more
        self._end = 0

    def write(self, rows: Sequence[Row]) -> tuple[int, int]:
        data = packed(rows)
        self._file.seek(self._end)
        self._file.write(data)
        place = self._end, len(data)
        self._end += len(data)
        return place

    def read(self, place: tuple[int, int]) -> list[Row]:
        self._file.seek(place[0])
        return unpacked(self._file.read(place[1]))


class Segment:
    """Rows that belong together: a run, or a partition; what is not yet written waits in a list."""

    __slots__ = ("_file", "_pending", "_places", "rows")

    def __init__(self, file: TemporaryFile) -> None:
        self._file = file
        self._places: list[tuple[int, int]] = []
        self._pending: list[Row] = []
        self.rows = 0

    def add(self, row: Row) -> None:
        self._pending.append(row)
        self.rows += 1
        if len(self._pending) >= BATCH // 10:
            self._flush()

    def extend(self, rows: Sequence[Row]) -> None:
        self.rows += len(rows)
        for start in range(0, len(rows), BATCH):
            self._places.append(self._file.write(rows[start : start + BATCH]))

    def _flush(self) -> None:
        if self._pending:
            self._places.append(self._file.write(self._pending))
            self._pending = []

    def __iter__(self) -> Iterator[list[Row]]:
        self._flush()
        for place in self._places:
            yield self._file.read(place)


# -- lists that are read again ----------------------------------------------------------------------------


class Kept:
    """Rows of an inner side, in memory or in a file; iterating gives rows."""

    def __init__(self, batches: Iterable[list[Row]], limit: int) -> None:
        self._rows: list[Row] = []
        self._segment: Segment | None = None
        bound = first_bound(limit)
        for batch in batches:
            self._rows += batch
            if len(self._rows) > bound:
                bound = self._checked(limit)

    def _checked(self, limit: int) -> int:
        size = average_size(self._rows)
        if size * len(self._rows) > limit or self._segment is not None:
            if self._segment is None:
                self._segment = Segment(TemporaryFile())
            self._segment.extend(self._rows)
            self._rows = []
        return min(limit // size, max(2 * len(self._rows), first_bound(limit)))

    def __iter__(self) -> Iterator[Row]:
        if self._segment is not None:
            for batch in self._segment:
                yield from batch
        yield from self._rows


# -- sorting ----------------------------------------------------------------------------------------------


def order_key(columns: Sequence[SortColumn]) -> Callable[[Row], Any]:
    """A key whose order is that of `runtime.sort`."""
    plain = [(place, descending, nulls_first) for place, descending, nulls_first, _, _ in columns]

    def key(row: Row) -> tuple[Any, ...]:
        return tuple([keys.part(row[place], desc=desc, nulls_first=first) for place, desc, first in plain])

    return key


class Sorter:
    """External merge sort; stable. `add` batches, then iterate over batches of sorted rows."""

    def __init__(self, columns: Sequence[SortColumn], limit: int) -> None:
        self.columns = columns
        self.limit = limit
        self.runs: list[Segment] = []
        self._rows: list[Row] = []
        self._bound = first_bound(limit)
        self._file: TemporaryFile | None = None

    def add(self, batch: list[Row]) -> None:
        self._rows += batch
        if len(self._rows) > self._bound:
            size = average_size(self._rows)
            if size * len(self._rows) > self.limit:
                self._write_run()
            self._bound = min(self.limit // size, max(2 * len(self._rows), first_bound(self.limit)))

    def _write_run(self) -> None:
        if self._file is None:
            self._file = TemporaryFile()
        sort(self._rows, self.columns)
        run = Segment(self._file)
        run.extend(self._rows)
        self.runs.append(run)
        self._rows = []

    def __iter__(self) -> Iterator[list[Row]]:
        sort(self._rows, self.columns)
        if not self.runs:
            if self._rows:
                yield self._rows
            return
        while len(self.runs) > FAN_IN:
            self.runs = [self._merged_run(group) for group in _groups(self.runs, FAN_IN)]
        merged = self._merged([*map(_rows_of, self.runs), iter(self._rows)])
        while batch := list(islice(merged, BATCH)):
            yield batch

    def _merged(self, inputs: Iterable[Iterator[Row]]) -> Iterator[Row]:
        return heapq.merge(*inputs, key=order_key(self.columns))

    def _merged_run(self, runs: Sequence[Segment]) -> Segment:
        assert self._file is not None
        result = Segment(self._file)
        merged = self._merged(map(_rows_of, runs))
        while batch := list(islice(merged, BATCH)):
            result.extend(batch)
        return result


def _rows_of(batches: Iterable[list[Row]]) -> Iterator[Row]:
    for batch in batches:
        yield from batch


def _groups(runs: Sequence[Segment], size: int) -> Iterator[Sequence[Segment]]:
    for start in range(0, len(runs), size):
        yield runs[start : start + size]


def sorted_batches(batches: Iterable[list[Row]], columns: Sequence[SortColumn], limit: int) -> Iterator[list[Row]]:
    """All rows of `batches`, sorted."""
    sorter = Sorter(columns, limit)
    for batch in batches:
        sorter.add(batch)
    return iter(sorter)
