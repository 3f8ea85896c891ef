"""The name that was probably meant, for the hints of errors about unknown names."""

from __future__ import annotations

from collections.abc import Iterable


def distance(left: str, right: str, limit: int) -> int:
    """How many letters must be put in, left out, exchanged or swapped with their neighbour; more than `limit` is
    `limit + 1` (restricted Damerau-Levenshtein distance)."""
    if abs(len(left) - len(right)) > limit:
        return limit + 1
    before: list[int] = []
    above = list(range(len(right) + 1))
    for i, a in enumerate(left):
        row = [i + 1]
        for j, b in enumerate(right):
            best = min(above[j + 1] + 1, row[j] + 1, above[j] + (a != b))
            if i and j and a == right[j - 1] and b == left[i - 1]:
                best = min(best, before[j - 1] + 1)
            row.append(best)
        if min(row) > limit:
            return limit + 1
        before, above = above, row
    return min(above[-1], limit + 1)


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate closest to `name`, if it is close enough to be a misspelling of it."""
    limit = min(3, (len(name) + 1) // 3)
    found, least = None, limit + 1
    for candidate in candidates:
        steps = distance(name.lower(), candidate.lower(), limit)
        if steps < least:
            found, least = candidate, steps
    return found
