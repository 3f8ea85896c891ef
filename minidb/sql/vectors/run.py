"""What the generated function goes through instead of the table: batches of what vectors have not taken.

    for b1 in f3(rows.pages(7), p, (tests...), v1):     every page goes into v1, totals or groups, or comes out as rows
        ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from minidb.sql.vectors import arrays
from minidb.sql.vectors.arrays import Unsuited
from minidb.sql.vectors.conditions import Condition
from minidb.sql.vectors.groups import Groups, new_groups
from minidb.sql.vectors.keys import Key, grouped
from minidb.sql.vectors.narrow import Narrow, PageBatch, Positions, narrow
from minidb.sql.vectors.terms import Frame
from minidb.sql.vectors.totals import INITIAL, Mask, Slot, add_totals
from minidb.txn.door import PageColumns

Tests = tuple[Callable[[Any], Any], ...]


class Vectors(msgspec.Struct, eq=False):
    """The part of one statement that is done by vectors. `counts_only`: groups are numbers of rows, not states."""

    positions: Positions  # what the row path goes through
    condition: Condition
    keys: tuple[Key, ...]
    slots: tuple[Slot, ...] = ()  # known when the row path has said what it keeps
    counts_only: bool = False

    def new_totals(self) -> list[Any]:
        return [INITIAL[slot.what] for slot in self.slots]

    def batches(self, pages: Iterable[PageBatch], parameters: Any, tests: Tests, into: Any) -> Iterator[Narrow]:
        """`into`: totals, or groups."""
        store = new_groups(self.slots, into, self.counts_only) if self.keys else None
        for contents, dropped, rows in pages:
            if contents is None or not self.takes(contents, dropped, Frame(contents, parameters, tests), store, into):
                yield from narrow((contents, dropped, rows), self.positions)
                continue
            yield ()
            if rows:
                yield from narrow((None, [], rows), self.positions)
        if store is not None:
            store.finish()

    def takes(self, contents: PageColumns, dropped: list[int], frame: Frame, store: Groups | None, totals: Any) -> bool:
        """Whether a page could be brought into the groups of `store` or, without groups, into `totals`."""
        try:
            if not self.condition.may_be(True, frame):
                return True
            mask = self.condition.true(frame)
            if mask is False:
                return True
            mask = _without(mask, dropped, contents.count)
            if store is None:
                add_totals(self.slots, totals, frame, mask)
                return True
            found = grouped(self.keys, frame, mask)
            if len(found.codes):
                store.add(found, frame)
        except Unsuited:
            return False
        return True


def _without(mask: Mask, dropped: list[int], count: int) -> Mask:
    if not dropped:
        return mask
    kept = arrays.numpy().ones(count, bool) if mask is True else mask.copy()
    kept[dropped] = False
    return kept
