"""Hypothetical sets: the rank that a row would have, `rank(50) WITHIN GROUP (ORDER BY score)`.

The direct arguments are a row like those of the ORDER BY. Each call gets an aggregate of its own, because only the call
knows in which directions its columns are sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidb.keys import Row, part
from minidb.sql.functions.registry import Aggregate
from minidb.types import BIGINT, DOUBLE, SqlType

Direction = tuple[bool, bool]  # descending, NULLS FIRST
Keys = list[Row]


def _rank(keys: Keys, own: Row) -> int:
    return 1 + sum(key < own for key in keys)


def _dense_rank(keys: Keys, own: Row) -> int:
    return 1 + len({key for key in keys if key < own})


def _percent_rank(keys: Keys, own: Row) -> float:
    return (_rank(keys, own) - 1) / len(keys) if keys else 0.0


def _cume_dist(keys: Keys, own: Row) -> float:
    return (1 + sum(key <= own for key in keys)) / (len(keys) + 1)


HYPOTHETICAL: dict[str, tuple[SqlType, Callable[[Keys, Row], Any]]] = {
    "rank": (BIGINT, _rank),
    "dense_rank": (BIGINT, _dense_rank),
    "percent_rank": (DOUBLE, _percent_rank),
    "cume_dist": (DOUBLE, _cume_dist),
}


def hypothetical(name: str, types: Sequence[SqlType], directions: Sequence[Direction]) -> Aggregate:
    """The aggregate `name` over rows of `types`, which are both its direct and its ordered arguments."""
    result, final = HYPOTHETICAL[name]

    def key(values: Row) -> Row:
        return tuple([part(v, desc=d, nulls_first=n) for v, (d, n) in zip(values, directions)])

    def step(state: Keys, *values: Any) -> Keys:
        state.append(key(values))
        return state

    return Aggregate(
        name,
        (*types, *types),
        result,
        list,
        step,
        lambda state, *own: final(state, key(own)),
        strict=False,
        ordered_set=True,
        direct=len(types),
    )
