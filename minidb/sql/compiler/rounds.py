"""The rows of a recursive common table expression, which come round by round and only as far as somebody reads.

A query that stops early (LIMIT, EXISTS) ends a recursion that would never end by itself. What has come is kept, in a
file beyond `work_mem`: each reader begins with it, and whoever gets to its end asks for more.
"""

from __future__ import annotations

from collections.abc import Iterator

from minidb.keys import Row
from minidb.sql.compiler.paged import PagedList
from minidb.sql.compiler.temporary_files import Budget


class Rounds:
    def __init__(self, coming: Iterator[list[Row]], budget: Budget) -> None:
        self._coming = coming
        self._rows = PagedList(budget)

    def batches(self) -> Iterator[list[Row]]:
        place = 0
        while True:
            if place == len(self._rows):
                batch = next(self._coming, None)
                if batch is None:
                    return
                self._rows.extend(batch)
            else:
                batch = self._rows.after(place)
            place += len(batch)
            yield batch
