"""Window functions beyond memory, at run time.

    rows, numbered --sort by partition and order--> one partition after the other --frames--> (number, value)
         --sort by number--> the values of one call in the order of the rows

All that a call looks at of its partition is in a `PagedList`, so that a partition may be larger than the memory, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from minidb.keys import Row
from minidb.sql.compiler.frames import CallSpec, Partition, Rows
from minidb.sql.compiler.paged import PagedList
from minidb.sql.compiler.runtime import SortColumn, order_equal
from minidb.sql.compiler.spilling import Sorter, chunked
from minidb.sql.compiler.temporary_files import Budget, rows_of

_BY_NUMBER: list[SortColumn] = [(0, False, False, False, "")]


class Picked:
    """One place of each row of a list."""

    def __init__(self, rows: PagedList, place: int) -> None:
        self.rows = rows
        self.place = place

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Any:
        return self.rows[place][self.place]

    def __iter__(self) -> Iterator[Any]:
        return (row[self.place] for row in self.rows)


class PagedPartition(Partition):
    def __init__(self, call: CallSpec, rows: PagedList, offsets: tuple[Any, Any], budget: Budget) -> None:
        """`rows`: order keys, arguments, and whether the row passes the FILTER."""
        self.budget = budget
        keys: Rows = Picked(rows, 0) if call.columns else []
        super().__init__(call, keys, Picked(rows, 1), Picked(rows, 2), offsets)

    def _peer_groups(self) -> tuple[Rows, Rows]:
        if not len(self.keys):
            return super()._peer_groups()
        group_of, groups = PagedList(self.budget), PagedList(self.budget)
        for start, end in self.peers():
            for _ in range(start, end):
                group_of.append((len(groups),))
            groups.append((start, end))
        return Picked(group_of, 0), groups

    def running_pairs(self) -> Any:
        return PagedList(self.budget)


def values(
    call: CallSpec,
    partition: Sequence[SortColumn],
    items: Iterable[Row],
    offsets: tuple[Any, Any],
    budget: Budget,
    check: Callable[[], None],
) -> Iterator[Any]:
    """The call's value for each row. An item: (values of the partition, order keys, arguments, whether it passes)."""
    width = len(partition)
    order = [(place + width, desc, first, nullable, special) for place, desc, first, nullable, special in call.columns]
    columns = [*partition, *order]
    sorter = Sorter(columns, budget, check)
    numbered = enumerate(items)
    for chunk in chunked(numbered):
        check()
        sorter.add([(*p, *o, arguments, bool(passes), number) for number, (p, o, arguments, passes) in chunk])
    found = Sorter(_BY_NUMBER, budget, check)
    for chunk in chunked(_of_partitions(call, width, rows_of(sorter), offsets, budget)):
        check()
        found.add(chunk)
    return (row[1] for row in rows_of(found))


def _of_partitions(
    call: CallSpec, width: int, rows: Iterator[Row], offsets: tuple[Any, Any], budget: Budget
) -> Iterator[Row]:
    """(number, value) of each row."""
    end = width + len(call.columns)
    places = range(width)
    following = next(rows, None)
    while following is not None:
        first, following = following, None
        members, numbers = PagedList(budget), PagedList(budget)
        for row in chain((first,), rows):
            if not order_equal(row, first, places):
                following = row
                break
            members.append((row[width:end], row[end], row[end + 1]))
            numbers.append((row[end + 2],))
        part = PagedPartition(call, members, offsets, budget)
        for (number,), value in zip(numbers, part.values()):
            yield number, value
