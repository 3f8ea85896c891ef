"""Passing over pages: a filter that the bounds of a page's columns decide needs no look at its rows.

The bounds are a *zone map* (`column_values`). They serve every scan of a table by columns, with NumPy and without. Of
the filters those count that stand before the first which is too much for bounds: a page is not passed over if one of
its rows could raise an error before the filter that excludes it is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import msgspec

from minidb.sql import plan
from minidb.sql.vectors.arrays import Unsuited
from minidb.sql.vectors.conditions import Asked, Condition, Conditions, Together
from minidb.sql.vectors.terms import Frame
from minidb.txn.door import PageColumns


class Zones(msgspec.Struct, frozen=True, eq=False):
    condition: Condition

    def skip(self, contents: PageColumns, parameters: Any) -> bool:
        """Whether no row of a page can pass."""
        try:
            return not self.condition.may_be(True, Frame(contents, parameters))
        except Unsuited:
            return False


def useful(filters: Sequence[plan.Expression], relation: int) -> list[tuple[plan.Expression, Condition]]:
    """The filters that bounds may decide, in their order."""
    conditions = Conditions(relation)
    found = takewhile(_is_passable, [(node, conditions.condition(node)) for node in filters])
    return [(node, made) for node, made in found if made is not None and not isinstance(made, Asked)]


def _is_passable(pair: tuple[plan.Expression, Condition | None]) -> bool:
    made = pair[1]
    return made is not None and (made.safe if isinstance(made, Asked) else True)


def zones_of(filters: Sequence[plan.Expression], relation: int) -> Zones | None:
    found = useful(filters, relation)
    return Zones(Together(tuple([made for _, made in found]))) if found else None
