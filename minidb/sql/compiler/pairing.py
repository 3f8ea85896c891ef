"""Joins of two streams of rows, at run time: hash joins that may go beyond memory, and merge joins.

Both deliver lists of pairs (left row, right row). `kind` is seen from the left, which is the probe side: 'inner',
'left', 'semi', 'anti' or 'full'; where there is no partner its place has the row of NULLs that was given. `test` is
what else must hold for a pair, or None. A key is a value, or a tuple of them where there are several; None: one of them
is NULL, and the row has no partner.

The hash join is a hybrid of Grace's: while the right side fits into the bound it is a hash table, and the left one
streams past. Beyond it both sides are cut into partitions by their keys, each of which is joined by itself, in the same
way. A single key with more rows than the bound cannot be cut: after `DEEPEST` cuts memory is used as it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from minidb import keys
from minidb.keys import Row
from minidb.sql.compiler.spilling import average_size, first_bound, noted
from minidb.sql.compiler.temporary_files import Budget, Segment, TemporaryFile

Batches = Iterable[list[Row]]
KeyOf = Callable[[Row], Any]
Test = Callable[[Row, Row], Any] | None
Pairs = list[tuple[Row, Row]]

PARTITIONS = 16
DEEPEST = 4
FULL_BATCH = 500  # pairs that are handed out together


class Join:
    """What both methods are told. `check` raises if the statement is to stop."""

    def __init__(
        self,
        kind: str,
        left_key: KeyOf,
        right_key: KeyOf,
        test: Test,
        left_nulls: Row,
        right_nulls: Row,
        check: Callable[[], None],
    ) -> None:
        self.kind = kind
        self.left_key = left_key
        self.right_key = right_key
        self.test = test
        self.left_nulls = left_nulls
        self.right_nulls = right_nulls
        self.check = check

    def matches(self, row: Row, others: list[Row]) -> list[Row]:
        test = self.test
        return others if test is None else [other for other in others if test(row, other)]

    def pairs(self, row: Row, others: list[Row], out: Pairs) -> list[Row]:
        """Adds what `row` gives with the right rows of its key; returns those that it has met."""
        found = self.matches(row, others) if others else others
        kind = self.kind
        if kind == "semi" or kind == "anti":
            if bool(found) == (kind == "semi"):
                out.append((row, self.right_nulls))
        elif found:
            out += [(row, other) for other in found]
        elif kind != "inner":
            out.append((row, self.right_nulls))
        return found

    def lonely(self, rows: Iterable[Row]) -> Pairs:
        return [(self.left_nulls, row) for row in rows]


# -- hash joins -------------------------------------------------------------------------------------------


def hash_join(join: Join, left: Batches, right: Batches, budget: Budget, depth: int = 0) -> Iterator[Pairs]:
    table: dict[Any, list[Row]] = {}
    limit = budget.limit
    bound = first_bound(limit)
    count = 0
    remaining = iter(right)
    for batch in remaining:
        count += len(batch)
        if without := _put(join, batch, table):
            yield join.lonely(without)
        if count > bound and table and depth < DEEPEST:
            size = average_size(table) * len(table)
            budget.held(min(size, limit))
            if size > limit:
                yield from _partitioned(join, left, table, remaining, budget, depth)
                return
            bound = min(limit * count // size, 2 * count)
    noted(table, budget)
    yield from _probed(join, left, table)


def _put(join: Join, batch: list[Row], table: dict[Any, list[Row]]) -> list[Row]:
    """Puts the right rows into the table; returns those without a key that are wanted, which only FULL JOIN does."""
    key_of = join.right_key
    full = join.kind == "full"
    without = []
    for row in batch:
        key = key_of(row)
        if key is None:
            if full:
                without.append(row)
            continue
        bucket = table.get(key)
        if bucket is None:
            table[key] = [row]
        else:
            bucket.append(row)
    return without


def _probed(join: Join, left: Batches, table: dict[Any, list[Row]]) -> Iterator[Pairs]:
    key_of, get, pairs, check = join.left_key, table.get, join.pairs, join.check
    none: list[Row] = []
    met: set[int] | None = set() if join.kind == "full" else None
    out: Pairs = []
    for batch in left:
        for row in batch:
            found = pairs(row, get(key_of(row), none), out)
            if met is not None:
                met.update(map(id, found))
            if len(out) >= FULL_BATCH:
                check()
                yield out
                out = []
    if met is not None:
        out += join.lonely(row for bucket in table.values() for row in bucket if id(row) not in met)
    if out:
        yield out


def _partitioned(
    join: Join,
    left: Batches,
    table: dict[Any, list[Row]],
    remaining: Batches,
    budget: Budget,
    depth: int,
) -> Iterator[Pairs]:
    file = TemporaryFile(budget)
    rights = [Segment(file) for _ in range(PARTITIONS)]
    for key, bucket in table.items():
        segment = rights[_partition(key, depth)]
        for row in bucket:
            segment.add(row)
    table.clear()
    for batch in remaining:
        join.check()
        without = []
        for row in batch:
            key = join.right_key(row)
            if key is not None:
                rights[_partition(key, depth)].add(row)
            elif join.kind == "full":
                without.append(row)
        if without:
            yield join.lonely(without)
    lefts = [Segment(file) for _ in range(PARTITIONS)]
    alone: Pairs = []
    for batch in left:
        join.check()
        for row in batch:
            key = join.left_key(row)
            if key is not None:
                lefts[_partition(key, depth)].add(row)
            else:
                join.pairs(row, [], alone)
        if alone:
            yield alone
            alone = []
    for one, other in zip(lefts, rights):
        yield from hash_join(join, one, other, budget, depth + 1)


def _partition(key: Any, depth: int) -> int:
    """Another cut at each depth."""
    return hash((depth, key)) % PARTITIONS


# -- merge joins ------------------------------------------------------------------------------------------


def merge_join(join: Join, left: Batches, right: Batches) -> Iterator[Pairs]:
    """Both sides come in ascending order of their keys, wherever those without a key stand."""
    out: Pairs = []
    full = join.kind == "full"
    rights = groupby((row for batch in right for row in batch), join.right_key)
    current = _next_group(join, rights, out, full)
    for key, group in groupby((row for batch in left for row in batch), join.left_key):
        if key is not None:
            while current is not None and current[0] < key:
                if full:
                    out += join.lonely(current[1])
                current = _next_group(join, rights, out, full)
        same = current is not None and key is not None and current[0] == key
        others: list[Row] = current[1] if same and current is not None else []
        met: set[int] = set()
        for row in group:
            found = join.pairs(row, others, out)
            if full:
                met.update(map(id, found))
            if len(out) >= FULL_BATCH:
                join.check()
                yield out
                out = []
        if same:
            if full:
                out += join.lonely(row for row in others if id(row) not in met)
            current = _next_group(join, rights, out, full)
    if full:
        while current is not None:
            out += join.lonely(current[1])
            current = _next_group(join, rights, out, full)
    if out:
        yield out


def _next_group(
    join: Join, groups: Iterator[tuple[Any, Iterator[Row]]], out: Pairs, full: bool
) -> tuple[Any, list[Row]] | None:
    """The next rows of the right side that have a key."""
    for key, rows in groups:
        if key is not None:
            return key, list(rows)
        if full:
            out += join.lonely(rows)
    return None


def ordered_key(values: KeyOf, several: bool) -> KeyOf:
    """A key for merging from one for hashing: NaN and arrays in the order of indexes."""

    def key(row: Row) -> Any:
        value = values(row)
        if value is None:
            return None
        return tuple(map(keys.part, value)) if several else keys.part(value)

    return key
