"""Signatures of the pure window functions; the executor does their work over its partitions.

lag, lead, first_value, last_value and nth_value return the type of their first argument; lag and lead take an offset
(integer, 1) and a default of that type.
"""

from __future__ import annotations

from collections.abc import Iterator

from minidb.sql.functions.registry import WindowFunction, first_type
from minidb.types import ANYELEMENT, BIGINT, DOUBLE, INTEGER


def window_functions() -> Iterator[WindowFunction]:
    """All window functions."""
    for name in ("row_number", "rank", "dense_rank"):
        yield WindowFunction(name, (), BIGINT)
    for name in ("percent_rank", "cume_dist"):
        yield WindowFunction(name, (), DOUBLE)
    yield WindowFunction("ntile", (INTEGER,), INTEGER)
    for name in ("lag", "lead"):
        yield WindowFunction(name, (ANYELEMENT,), first_type)
        yield WindowFunction(name, (ANYELEMENT, INTEGER), first_type)
        yield WindowFunction(name, (ANYELEMENT, INTEGER, ANYELEMENT), first_type)
    for name in ("first_value", "last_value"):
        yield WindowFunction(name, (ANYELEMENT,), first_type, uses_frame=True)
    yield WindowFunction("nth_value", (ANYELEMENT, INTEGER), first_type, uses_frame=True)
