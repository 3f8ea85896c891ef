"""Separators: the shortest key that tells two neighbouring pages apart.

    ... ("mueller", 17)   |   ("myers", 4) ...          separator  "my"           (the ref is dropped, keys differ)
    ... ("myers", 4)      |   ("myers", 9) ...          separator  ("myers", 9)   (only the ref tells)
    ... (("a", 1, 5), 7)  |   (("a", 2, 3), 1) ...      separator  ("a", 2)       (prefix of the tuple)

Invariant: last entry on the left < separator <= first entry on the right, in the order of (key, ref), where ref None
stands before all refs of its key and a shorter tuple before its extensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidb.keys import Key
from minidb.storage.interface import Ref
from minidb.storage.pages import Fence


def separator(left: Key, left_ref: Ref, right: Key, right_ref: Ref) -> Fence:
    """The shortest separator between two neighbours (left, left_ref) < (right, right_ref)."""
    if left == right:
        return right, right_ref
    return shortest(left, right), None


def shortest(left: Key, right: Key) -> Key:
    """The shortest prefix of `right` above `left`, which is smaller than `right`."""
    if type(left) is not type(right):
        return right
    if type(right) is str or type(right) is bytes:
        return right[: common_prefix(left, right) + 1]
    if type(right) is tuple:
        place = common_prefix(left, right)
        if place >= len(left):
            return right[: place + 1]
        return right[:place] + (shortest(left[place], right[place]),)
    return right


def common_prefix(left: Sequence[Any], right: Sequence[Any]) -> int:
    """How many items `left` and `right` begin with in common."""
    for place, (a, b) in enumerate(zip(left, right)):
        if a != b:
            return place
    return min(len(left), len(right))
