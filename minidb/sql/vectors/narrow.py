"""Batches of a few columns, out of what the door says of pages: nothing but those columns is unpacked.

A batch can be gone through more than once, and knows its length. With one column it is the column's own list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from minidb.keys import Row
from minidb.sql.vectors.zones import Zones

PageBatch = tuple[Any, list[int], list[Row]]  # see `txn.door.Rows.pages`


class Together:
    """Columns, side by side."""

    __slots__ = ("columns",)

    def __init__(self, columns: Sequence[Sequence[Any]]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self) -> Iterator[Row]:
        return zip(*self.columns)


Narrow = Sequence[Any] | Together  # values of one column, or tuples of several


Positions = tuple[int, ...] | None  # None: whole rows


def narrow_batches(
    pages: Iterable[PageBatch], positions: Positions, zones: Zones | None = None, parameters: Any = ()
) -> Iterator[Narrow]:
    """Batches of the rows in `pages`, without those pages that `zones` exclude."""
    for contents, dropped, rows in pages:
        if contents is not None and zones is not None and zones.skip(contents, parameters):
            contents = None
        yield from narrow((contents, dropped, rows), positions)


def narrow(batch: PageBatch, positions: Positions) -> Iterator[Narrow]:
    """The columns `positions` of a batch of pages."""
    contents, dropped, rows = batch
    if contents is not None and len(contents) > len(dropped):
        yield _of_page(contents, dropped, positions)
    if rows:
        if positions is None:
            yield rows
        else:
            yield list(map(itemgetter(*positions), rows)) if positions else range(len(rows))


def _of_page(contents: Any, dropped: list[int], positions: Positions) -> Narrow:
    if positions is None:
        return without(contents.rows(), dropped)
    if not positions:
        return range(len(contents) - len(dropped))
    columns = [without(contents.values(position), dropped) for position in positions]
    return columns[0] if len(columns) == 1 else Together(columns)


def without(values: list[Any], dropped: list[int]) -> list[Any]:
    if not dropped:
        return values
    values = values.copy()
    for place in sorted(dropped, reverse=True):
        del values[place]
    return values
