"""Sorting a long list without keeping Python's lock for long.

One `list.sort` of 100,000 index entries is one call that no other thread can interrupt, 50 to 80 ms. Here a sample says
where to cut, the values are dealt out into some hundred parts, in Python, and each part is sorted alone. It costs half
as much again, in a thread that nobody waits for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any, TypeVar

PART = 2000  # values that are sorted in one call, about
SAMPLES = 8  # keys looked at for each part

Value = TypeVar("Value")


def sorted_in_parts(values: list[Value], key: Callable[[Value], Any], part: int = PART) -> list[Value]:
    """`values` by `key`; equal ones keep their order. `values` itself may be reordered."""
    if len(values) <= 2 * part:
        values.sort(key=key)
        return values
    parts = len(values) // part
    sample = sorted(map(key, values[:: max(1, len(values) // (parts * SAMPLES))]))
    cuts = [sample[len(sample) * number // parts] for number in range(1, parts)]
    dealt: list[list[Value]] = [[] for _ in range(parts)]
    for value in values:
        dealt[bisect_right(cuts, key(value))].append(value)
    found: list[Value] = []
    for some in dealt:
        some.sort(key=key)
        found += some
    return found


__all__ = ["sorted_in_parts"]
