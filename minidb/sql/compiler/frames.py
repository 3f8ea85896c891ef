"""Window functions over one partition: frames, ranks, neighbours, running aggregates.

A partition is a list of rows in window order; `peers` tells which rows are equal in it. A frame is a half-open range
`[start, end)` of places, less what EXCLUDE takes out. Aggregates whose frames begin with the partition and only grow
keep one running state; counts and sums of whole numbers are differences of running ones; for others each frame is
aggregated anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, Protocol

import msgspec

from minidb import errors
from minidb.keys import Row
from minidb.sql.compiler.runtime import SortColumn, order_equal, sort
from minidb.types import Interval

_COUNTS = frozenset({"count", "count_star"})
_SUMS = _COUNTS | {"sum_int", "avg_int"}


class FrameSpec(msgspec.Struct, frozen=True):
    """A frame as the plan has it; offsets are places in the tuple of evaluated offsets."""

    mode: str = "range"
    start: str = "unbounded preceding"
    end: str = "current row"
    exclude: str = "no others"
    in_range: tuple[Any, Any, Any] | None = None  # callables: plus, minus, less or equal
    descending: bool = False


class CallSpec(msgspec.Struct, frozen=True):
    """name: of a pure window function; aggregate: otherwise."""

    name: str
    aggregate: Any
    columns: tuple[SortColumn, ...]  # of the order keys
    frame: FrameSpec
    ignore_nulls: bool = False


def compute(
    call: CallSpec,
    partitions: Sequence[Any] | None,
    orders: Sequence[Row] | None,
    arguments: Sequence[Row],
    passes: Sequence[Any] | None,
    offsets: tuple[Any, Any],
    count: int,
) -> list[Any]:
    """The call's value for each of `count` rows, in their order."""
    results: list[Any] = [None] * count
    for members in _partitions(partitions, count):
        keys: list[Row] = []
        if orders is not None:
            members, keys = _in_order(call, members, orders)
        chosen = None if passes is None else [bool(passes[place]) for place in members]
        part = Partition(call, keys, [arguments[place] for place in members], chosen, offsets)
        for place, value in zip(members, part.values()):
            results[place] = value
    return results


def _partitions(keys: Sequence[Any] | None, count: int) -> Iterator[list[int]]:
    if keys is None:
        if count:
            yield list(range(count))
        return
    groups: dict[Any, list[int]] = {}
    for place, key in enumerate(keys):
        groups.setdefault(key, []).append(place)
    yield from groups.values()


def _in_order(call: CallSpec, members: list[int], orders: Sequence[Row]) -> tuple[list[int], list[Row]]:
    """(the members of a partition in window order, their order keys)."""
    width = len(call.columns)
    keyed: list[Row] = [(*orders[place], place) for place in members]
    sort(keyed, call.columns)
    return [row[width] for row in keyed], [row[:width] for row in keyed]


class Rows(Protocol):
    """A list, or what stands for one that is in a file."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: int, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


class Partition:
    """One partition in window order. `keys` is empty where there is no order: all rows are peers then."""

    def __init__(
        self, call: CallSpec, keys: Rows, arguments: Rows, passes: Rows | None, offsets: tuple[Any, Any]
    ) -> None:
        self.call = call
        self.offsets = offsets
        self.keys = keys
        self.arguments = arguments
        self.passes = passes
        self.size = len(arguments)
        self.group_of, self.groups = self._peer_groups()

    def _peer_groups(self) -> tuple[Rows, Rows]:
        """(the group of each row, the ranges of the groups)."""
        if not len(self.keys):
            return Same(0, self.size), [(0, self.size)]
        group_of: list[int] = []
        groups: list[tuple[int, int]] = []
        for start, end in self.peers():
            group_of += [len(groups)] * (end - start)
            groups.append((start, end))
        return group_of, groups

    def peers(self) -> Iterator[tuple[int, int]]:
        """The ranges of rows with equal keys."""
        places = range(len(self.call.columns))
        start, last = 0, None
        for place, key in enumerate(self.keys):
            if last is not None and not order_equal(key, last, places):
                yield start, place
                start = place
            last = key
        yield start, self.size

    def running_pairs(self) -> Any:
        """An empty list of (count, total)."""
        return []

    def values(self) -> Iterable[Any]:
        if self.call.aggregate is not None:
            return self._aggregates()
        function: Callable[[Partition], Iterable[Any]] = _FUNCTIONS[self.call.name]
        return function(self)

    # -- frames

    def frames(self) -> Iterator[tuple[int, int]]:
        frame = self.call.frame
        low = self._offset(0) if frame.start in ("preceding", "following") else 0
        high = self._offset(1) if frame.end in ("preceding", "following") else 0
        for place in range(self.size):
            start = self._bound(frame.start, low, place, False)
            end = self._bound(frame.end, high, place, True)
            yield start, max(start, end)

    def _offset(self, which: int) -> Any:
        value = self.offsets[which]
        side = "starting" if which == 0 else "ending"
        if value is None:
            raise errors.DataError(f"frame {side} offset must not be null", sqlstate="22004")
        if self.call.frame.mode != "range" and value < 0:
            raise errors.DataError(f"frame {side} offset must not be negative", sqlstate="22013")
        least: Any = Interval() if isinstance(value, Interval) else 0
        if self.call.frame.mode == "range" and (value != value or value < least):
            raise errors.DataError("invalid preceding or following size in window function", sqlstate="22013")
        return value

    def _bound(self, kind: str, offset: Any, place: int, is_end: bool) -> int:
        """The place where a frame starts, or the one behind its end."""
        if kind == "unbounded preceding":
            return 0
        if kind == "unbounded following":
            return self.size
        mode = self.call.frame.mode
        if kind == "current row":
            if mode == "rows":
                return place + is_end
            return self._peer_bound(self.group_of[place], is_end)
        step: int = -offset if kind == "preceding" else offset
        if mode == "rows":
            return min(max(place + step + is_end, 0), self.size)
        if mode == "groups":
            group = self.group_of[place] + step
            if group < 0:
                return 0
            if group >= len(self.groups):
                return self.size
            return self._peer_bound(group, is_end)
        return self._range_bound(kind, offset, place, is_end)

    def _peer_bound(self, group: int, is_end: bool) -> int:
        bounds: tuple[int, int] = self.groups[group]
        return bounds[is_end]

    def _range_bound(self, kind: str, offset: Any, place: int, is_end: bool) -> int:
        frame = self.call.frame
        assert frame.in_range is not None
        plus, minus, at_most = frame.in_range
        value = self.keys[place][0]
        if value is None:
            return self._peer_bound(self.group_of[place], is_end)
        forward = (kind == "following") != frame.descending
        bound = plus(value, offset) if forward else minus(value, offset)
        first, last = self._present()
        low, high = first, last
        while low < high:  # bisect by the comparison of the key's type
            middle = (low + high) // 2
            key = self.keys[middle][0]
            if is_end:
                inside = at_most(bound, key) if frame.descending else at_most(key, bound)
            else:
                inside = not (at_most(key, bound) if frame.descending else at_most(bound, key))
            if inside:
                low = middle + 1
            else:
                high = middle
        return low

    def _present(self) -> tuple[int, int]:
        """The range of rows whose key is not NULL."""
        first = 0
        while first < self.size and self.keys[first][0] is None:
            first += 1
        last = self.size
        while last > first and self.keys[last - 1][0] is None:
            last -= 1
        return first, last

    def rows_in(self, place: int, start: int, end: int) -> Sequence[int]:
        """The places of a frame after EXCLUDE."""
        exclude = self.call.frame.exclude
        if exclude == "no others":
            return range(start, end)
        low, high = self.groups[self.group_of[place]]
        if exclude == "current row":
            return [p for p in range(start, end) if p != place]
        if exclude == "group":
            return [p for p in range(start, end) if not low <= p < high]
        return [p for p in range(start, end) if p == place or not low <= p < high]

    # -- aggregates

    def _aggregates(self) -> Iterator[Any]:
        frame = self.call.frame
        if frame.start == "unbounded preceding" and frame.exclude == "no others":
            return self._running()
        if frame.exclude == "no others" and self.call.aggregate.kind in _SUMS:
            return self._differences()
        return self._anew()

    def _anew(self) -> Iterator[Any]:
        frame = self.call.frame
        known: tuple[int, int] | None = None
        value: Any = None
        for place, (start, end) in enumerate(self.frames()):
            if frame.exclude != "no others" or (start, end) != known:
                state = self.call.aggregate.init()
                for member in self.rows_in(place, start, end):
                    state = self._step(state, member)
                value = self.call.aggregate.final(state)
                known = start, end
            yield value

    def _differences(self) -> Iterator[Any]:
        """Counts and sums of whole numbers over any frame are differences of two running ones, and exact."""
        count = total = 0
        running = self.running_pairs()
        running.append((count, total))
        counting = self.call.aggregate.kind in _COUNTS
        for member, values in enumerate(self.arguments):
            if (self.passes is None or self.passes[member]) and None not in values:
                count += 1
                total += 0 if counting else values[0]
            running.append((count, total))
        final = self.call.aggregate.final
        for start, end in self.frames():
            before, now = running[start], running[end]
            yield final(now[0] - before[0] if counting else [now[0] - before[0], now[1] - before[1]])

    def _running(self) -> Iterator[Any]:
        state = self.call.aggregate.init()
        done = -1
        value: Any = None
        for _, end in self.frames():
            if end < done:  # frames that shrink: ROWS UNBOUNDED PRECEDING .. n PRECEDING never does
                state, done = self.call.aggregate.init(), -1
            if end != done:
                for member in range(max(done, 0), end):
                    state = self._step(state, member)
                value, done = self.call.aggregate.final(state), end
            yield value

    def _step(self, state: Any, member: int) -> Any:
        if self.passes is not None and not self.passes[member]:
            return state
        values = self.arguments[member]
        if self.call.aggregate.strict and None in values:
            return state
        return self.call.aggregate.step(state, *values)


class Same:
    """The same value at each place."""

    def __init__(self, value: Any, size: int) -> None:
        self.value = value
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, place: int) -> Any:
        return self.value

    def __iter__(self) -> Iterator[Any]:
        return repeat(self.value, self.size)


# -- pure window functions --------------------------------------------------------------------------------


def _row_number(part: Partition) -> Iterable[Any]:
    return range(1, part.size + 1)


def _rank(part: Partition) -> Iterable[Any]:
    return (part.groups[group][0] + 1 for group in part.group_of)


def _dense_rank(part: Partition) -> Iterable[Any]:
    return (group + 1 for group in part.group_of)


def _percent_rank(part: Partition) -> Iterable[Any]:
    return (part.groups[group][0] / (part.size - 1) if part.size > 1 else 0.0 for group in part.group_of)


def _cume_dist(part: Partition) -> Iterable[Any]:
    return (part.groups[group][1] / part.size for group in part.group_of)


def _ntile(part: Partition) -> Iterable[Any]:
    buckets = part.arguments[0][0] if part.size else None
    if buckets is None:
        return Same(None, part.size)
    if buckets <= 0:
        raise errors.DataError("argument of ntile must be greater than zero", sqlstate="22014")
    size, larger = divmod(part.size, buckets)
    return (bucket for bucket in range(1, min(buckets, part.size) + 1) for _ in range(size + (bucket <= larger)))


def _shifted(part: Partition, sign: int) -> Iterator[Any]:
    for place, values in enumerate(part.arguments):
        offset = values[1] if len(values) > 1 else 1
        if offset is None:
            yield None
            continue
        target = place + sign * offset
        if 0 <= target < part.size:
            yield part.arguments[target][0]
        else:
            yield values[2] if len(values) > 2 else None


def _shifted_present(part: Partition, sign: int) -> Iterator[Any]:
    """lag and lead IGNORE NULLS: rows whose value is NULL are not counted."""
    for place, values in enumerate(part.arguments):
        left = values[1] if len(values) > 1 else 1
        found = values[2] if len(values) > 2 else None
        target = place
        if left is None:
            yield None
            continue
        direction = sign if left >= 0 else -sign
        left = abs(left)
        if left == 0:
            yield values[0]
            continue
        while 0 <= (target := target + direction) < part.size:
            if part.arguments[target][0] is not None:
                left -= 1
                if left == 0:
                    found = part.arguments[target][0]
                    break
        yield found


def _lag(part: Partition) -> Iterable[Any]:
    return _shifted_present(part, -1) if part.call.ignore_nulls else _shifted(part, -1)


def _lead(part: Partition) -> Iterable[Any]:
    return _shifted_present(part, 1) if part.call.ignore_nulls else _shifted(part, 1)


def _nth_of_frame(part: Partition, pick: Callable[[Sequence[int], Row], int | None]) -> Iterator[Any]:
    for place, (start, end) in enumerate(part.frames()):
        places = part.rows_in(place, start, end)
        if part.call.ignore_nulls:
            places = [p for p in places if part.arguments[p][0] is not None]
        chosen = pick(places, part.arguments[place])
        yield None if chosen is None else part.arguments[places[chosen]][0]


def _first_value(part: Partition) -> Iterable[Any]:
    return _nth_of_frame(part, lambda places, _: 0 if places else None)


def _last_value(part: Partition) -> Iterable[Any]:
    return _nth_of_frame(part, lambda places, _: len(places) - 1 if places else None)


def _nth_value(part: Partition) -> Iterable[Any]:
    def pick(places: Sequence[int], values: Row) -> int | None:
        number = values[1]
        if number is None:
            return None
        if number <= 0:
            raise errors.DataError("argument of nth_value must be greater than zero", sqlstate="22016")
        return number - 1 if number <= len(places) else None

    return _nth_of_frame(part, pick)


_FUNCTIONS: dict[str, Callable[[Partition], Iterable[Any]]] = {
    "row_number": _row_number,
    "rank": _rank,
    "dense_rank": _dense_rank,
    "percent_rank": _percent_rank,
    "cume_dist": _cume_dist,
    "ntile": _ntile,
    "lag": _lag,
    "lead": _lead,
    "first_value": _first_value,
    "last_value": _last_value,
    "nth_value": _nth_value,
}
