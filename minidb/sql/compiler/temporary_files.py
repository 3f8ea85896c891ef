"""Temporary files: what an operator keeps beyond `work_mem`, as batches of rows.

    Budget         how much one operator may keep in memory; what EXPLAIN ANALYZE notes about it
    TemporaryFile  one file for all runs or partitions of an operator
    Segment        rows that belong together in such a file

The file is a scratch file (`storage.scratch_file`) and gone when its operator is, a forgotten result's, too. Rows are
written in batches with `marshal`, which knows numbers and texts; values of other types are written as a tag and
something that it knows. The data has never left this process when it is read again.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from minidb.documents import Jsonb
from minidb.keys import EXTREMES, ArrayKey, Descending, Extreme, Row
from minidb.storage.scratch_file import Place, ScratchFile
from minidb.types import FLOAT_NAN, NUMERIC_NAN, Interval

BATCH = 500  # rows of one batch in a file
ADVICE = "Temporary files are made where TMPDIR says; a larger work_mem needs fewer of them."


class Spill:
    """What EXPLAIN ANALYZE tells of one operator, in bytes: the most that it held in memory, and what it wrote."""

    __slots__ = ("memory", "written")

    def __init__(self) -> None:
        self.memory = 0
        self.written = 0


class Budget:
    """What an operator may hold in memory, in bytes. `spill` is there while EXPLAIN ANALYZE runs, and only then: a
    compiled statement is run by any number of threads."""

    __slots__ = ("limit", "spill")

    def __init__(self, limit: int, spill: Spill | None = None) -> None:
        self.limit = limit
        self.spill = spill

    def held(self, size: int) -> None:
        """An operator has looked at its size."""
        if self.spill is not None:
            self.spill.memory = max(self.spill.memory, size)

    def wrote(self, size: int) -> None:
        if self.spill is not None:
            self.spill.written += size


# -- values as bytes --------------------------------------------------------------------------------------

_FLATTENED: dict[type, tuple[str, Callable[[Any], Any]]] = {
    Decimal: ("n", str),
    float: ("f", lambda value: value if value == value else None),
    date: ("d", date.toordinal),
    datetime: ("m", datetime.isoformat),
    time: ("t", time.isoformat),
    UUID: ("u", lambda value: value.bytes),
    Interval: ("i", lambda value: (value.months, value.days, value.microseconds)),
    Jsonb: ("j", str),
    Extreme: ("x", lambda value: value.rank),
    Descending: ("v", lambda value: flattened(value.value)),
    ArrayKey: ("k", lambda value: tuple(map(flattened, value.items))),
    tuple: ("a", lambda value: tuple(map(flattened, value))),
}
_RESTORED: dict[str, Callable[[Any], Any]] = {
    "n": lambda text: Decimal(text) if text != "NaN" else NUMERIC_NAN,
    "f": lambda value: FLOAT_NAN if value is None else value,
    "d": date.fromordinal,
    "m": datetime.fromisoformat,
    "t": time.fromisoformat,
    "u": lambda data: UUID(bytes=data),
    "i": lambda parts: Interval(*parts),
    "j": Jsonb,
    "x": EXTREMES.__getitem__,
    "v": lambda value: Descending(restored(value)),
    "k": lambda items: ArrayKey(tuple(map(restored, items))),
    "a": lambda items: tuple(map(restored, items)),
}
_PLAIN = frozenset({int, str, bool, type(None), bytes})
_PLAIN_OR_FLOAT = _PLAIN | {float}


def flattened(value: Any) -> Any:
    known = _FLATTENED.get(type(value))
    return value if known is None else (known[0], known[1](value))


def restored(value: Any) -> Any:
    return _RESTORED[value[0]](value[1]) if type(value) is tuple else value


def _is_plain(values: Sequence[Any]) -> bool:
    """Whether `marshal` gives back what it got; NaN would come back as another object, which no dict finds."""
    types = set(map(type, values))
    return types <= _PLAIN or (types <= _PLAIN_OR_FLOAT and all(value == value for value in values))


def packed(rows: Sequence[Row]) -> bytes:
    """The columns whose values are not plain, and the rows with these columns flattened."""
    columns: list[Any] = list(zip(*rows))
    special = [place for place, values in enumerate(columns) if not _is_plain(values)]
    if not special:
        return marshal.dumps(((), list(rows)))
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
    """Batches of rows in a scratch file, which is closed when nobody reads from it any more."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._file = ScratchFile(ADVICE)

    def write(self, rows: Sequence[Row]) -> Place:
        place = self._file.append(packed(rows))
        self.budget.wrote(place[1])
        return place

    def read(self, place: Place) -> list[Row]:
        return unpacked(self._file.read(place))


class Segment:
    """Rows that belong together: a run, or a partition; what is not yet written waits in a list."""

    __slots__ = ("_file", "_pending", "_places", "rows")

    def __init__(self, file: TemporaryFile) -> None:
        self._file = file
        self._places: list[Place] = []
        self._pending: list[Row] = []
        self.rows = 0

    def __len__(self) -> int:
        return self.rows

    def add(self, row: Row) -> None:
        self._pending.append(row)
        self.rows += 1
        if len(self._pending) >= BATCH // 10:
            self._flush()

    def extend(self, rows: Sequence[Row]) -> None:
        self._flush()
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


def rows_of(batches: Iterable[list[Row]]) -> Iterator[Row]:
    for batch in batches:
        yield from batch
