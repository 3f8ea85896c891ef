"""One table through several indexes: OR as the union of intervals, AND as their intersection.

    a = 1 OR b = 2      rows of both intervals, each row once, by its address
    a = 1 AND b = 2     addresses of both intervals; the rows are fetched of those that are in both

The intersection asks all predicates again of the rows that it fetches.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from minidb.sql import plan
from minidb.sql.access_paths import DESCENT, FILTER, Access, Candidate
from minidb.sql.physical import Path
from minidb.sql.rules import walk

GATHERED = 0.1  # microseconds to keep a row by its address
ADDRESS = 0.12  # to read an address from an index and look for it among the others
FETCHED = 1.2  # to fetch a row by its address
BRANCHES = 50  # of an OR, at most
INTERVALS = 3  # of an intersection, at most


def union(access: Access, predicates: Sequence[plan.Expression]) -> Candidate | None:
    """OR: each branch through its own index."""
    best: Candidate | None = None
    for term in predicates:
        if not isinstance(term, plan.Or) or len(term.arguments) > BRANCHES:
            continue
        others = [p for p in predicates if p is not term]
        branches = [_branch(access, walk.conjuncts(part)) for part in term.arguments]
        found = [branch for branch in branches if branch is not None]
        if len(found) < len(branches):
            continue
        cost = sum(branch.cost for branch in found) + sum(branch.rows for branch in found) * GATHERED
        rows = min(sum(branch.rows for branch in found), access.rows)
        if best is None or cost < best.cost:
            paths = tuple(branch.path for branch in found)
            filters = tuple(predicates) if any(b.filters for b in found) else tuple(others)
            best = Candidate(Path(kind="union", paths=paths), filters, rows, cost)
    return best


def _branch(access: Access, terms: list[plan.Expression]) -> Candidate | None:
    narrow = [_whole_rows(c) for c in access.candidates(terms) if not c.path.interval.whole]
    return min(narrow, key=lambda candidate: candidate.cost) if narrow else None


def _whole_rows(candidate: Candidate) -> Candidate:
    """The same candidate reading whole rows: rows of several indexes are brought together by address."""
    if candidate.path.kind != "entries":
        return candidate
    path = msgspec.structs.replace(candidate.path, kind="range")
    return msgspec.structs.replace(candidate, path=path, cost=candidate.cost + candidate.rows * 0.3)


def intersection(access: Access, predicates: Sequence[plan.Expression]) -> Candidate | None:
    """AND: the intervals that leave the fewest rows, as long as one more is worth reading it."""
    narrow = [(_entries(access, predicates, c), c) for c in access.candidates(predicates) if _can_take_part(c)]
    if len(narrow) < 2:
        return None
    narrow.sort(key=lambda pair: pair[0])
    chosen: list[Candidate] = []
    left: set[int] = {id(p) for p in predicates}
    read, share = 0.0, 1.0
    for entries, candidate in narrow:
        answered = left - {id(p) for p in candidate.filters}
        gain = access.rows * share * (1 - entries / max(access.rows, 1.0)) * FETCHED
        if not answered or len(chosen) == INTERVALS or (chosen and gain < entries * ADDRESS + DESCENT):
            continue
        left -= answered
        chosen.append(candidate)
        read += entries
        share *= entries / max(access.rows, 1.0)
    if len(chosen) < 2:
        return None
    fetched = access.rows * share
    cost = len(chosen) * DESCENT + read * ADDRESS + fetched * (FETCHED + FILTER * len(predicates))
    paths = tuple(msgspec.structs.replace(candidate.path, kind="range") for candidate in chosen)
    return Candidate(Path(kind="intersection", paths=paths), tuple(predicates), min(c.rows for c in chosen), cost)


def _can_take_part(candidate: Candidate) -> bool:
    index = candidate.path.index
    if index is None or index.clustered or candidate.path.interval.whole:
        return False
    return candidate.path.kind in ("range", "entries")


def _entries(access: Access, predicates: Sequence[plan.Expression], candidate: Candidate) -> float:
    """How many entries the candidate's interval has."""
    return access.share([p for p in predicates if not any(p is f for f in candidate.filters)]) * access.rows
