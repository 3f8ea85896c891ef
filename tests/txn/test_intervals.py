"""Intervals of keys against sets of points, mode locks against their definition, versions against a list."""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from minidb.txn.intervals import BEGIN, END, Cut, IntervalSet, words
from minidb.txn.locks import (
    DATABASE_CONFLICTS,
    NAME_CONFLICTS,
    ROW_CONFLICTS,
    ROW_STRENGTHS,
    TABLE_CONFLICTS,
    TABLE_MODES,
    IntervalLocks,
    ModeLock,
    Request,
)
from minidb.txn.versions import ABORTED, PENDING, Owner, Version, newest, newest_committed, visible

KEYS = range(8)
CUTS: list[Cut] = [BEGIN, *product(KEYS, (0, 1)), END]
cuts = st.sampled_from(CUTS)
PLACES = range(len(CUTS) - 1)  # between one cut and the next


def places(low: Cut, high: Cut) -> set[int]:
    """The gaps between neighbouring cuts that the interval covers."""
    return set(range(CUTS.index(low), CUTS.index(high)))


@given(st.lists(st.tuples(cuts, cuts)))
def test_an_interval_set_is_a_set_of_places(pairs: list[tuple[Cut, Cut]]) -> None:
    held, model = IntervalSet(), set[int]()
    for low, high in pairs:
        held.add(low, high)
        model |= places(low, high)
        held.check()
    assert set().union(*(places(low, high) for low, high in held)) == model
    for key in KEYS:
        point = CUTS.index((key, 0))
        assert held.contains(key) == (point in model)
        around = held.around(key)
        assert (around is not None) == (point in model)
        assert around is None or around[0] <= (key, 0) < (key, 1) <= around[1]
    for low, high in product(CUTS, CUTS):
        wanted = places(low, high)
        if wanted:
            assert held.covers(low, high) == (wanted <= model)
            assert held.overlaps(low, high) == bool(wanted & model)
    copy = held.copy()
    copy.add(BEGIN, END)
    assert set().union(*(places(low, high) for low, high in held)) == model


@given(st.lists(st.tuples(cuts, cuts)), st.integers(1, 3))
def test_a_limit_only_coarsens(pairs: list[tuple[Cut, Cut]], limit: int) -> None:
    """Beyond the limit the whole index is taken (R61)."""
    exact, coarse = IntervalSet(), IntervalSet(limit)
    for low, high in pairs:
        exact.add(low, high)
        coarse.add(low, high)
        assert len(coarse) <= limit
        assert all(coarse.covers(*interval) for interval in exact)


def test_words() -> None:
    assert words(BEGIN, END) == "all"
    assert words((7, 0), (7, 1)) == "= 7"
    assert words((1, 0), (5, 0)) == "[1, 5)"
    assert words((1, 1), (5, 1)) == "(1, 5]"
    assert words(BEGIN, ("b", 1)) == "(-inf, 'b']"
    assert words(((1, "a"), 0), END) == "[(1, 'a'), inf)"


def test_conflicts_are_symmetric_and_as_in_postgresql() -> None:
    for table in (TABLE_CONFLICTS, ROW_CONFLICTS, DATABASE_CONFLICTS, NAME_CONFLICTS):
        for one, other in product(range(len(table)), repeat=2):
            assert table[one] >> other & 1 == table[other] >> one & 1
    weak = conflicts_by_name(TABLE_MODES, TABLE_CONFLICTS)
    assert weak["access share"] == {"access exclusive"}
    assert weak["row share"] == {"exclusive", "access exclusive"}
    assert weak["row exclusive"] == {"share", "share row exclusive", "exclusive", "access exclusive"}
    assert weak["share"] == set(TABLE_MODES) - {"access share", "row share", "share"}
    assert weak["access exclusive"] == set(TABLE_MODES)
    row = conflicts_by_name(ROW_STRENGTHS, ROW_CONFLICTS)
    assert row["key share"] == {"update"}
    assert row["share"] == {"no key update", "update"}


def conflicts_by_name(modes: tuple[str, ...], conflicts: tuple[int, ...]) -> dict[str, set[str]]:
    return {mode: {other for n, other in enumerate(modes) if mask >> n & 1} for mode, mask in zip(modes, conflicts)}


class Party:
    """All that a lock asks of a transaction."""

    mark_limit = 4096

    def __init__(self, number: int) -> None:
        self.title = f"t{number}"
        self.interval_tables: dict[int, Any] = {}


actions = st.lists(st.tuples(st.sampled_from(["take", "give"]), st.integers(0, 3), st.integers(0, 7)), max_size=30)


@given(actions)
def test_a_mode_lock_never_grants_what_conflicts(steps: list[tuple[str, int, int]]) -> None:
    """Holders are compatible at all times, nobody waits without a reason, and the first in the queue is not starved."""
    lock = ModeLock("table", 1, "t", TABLE_MODES, TABLE_CONFLICTS)
    parties: list[Any] = [Party(number) for number in range(4)]
    waiting: dict[Any, Any] = {}
    for action, number, mode in steps:
        party = parties[number]
        if action == "give":
            waiting.pop(party, None)
            for request in [r for r in lock.queue if r.txn is party]:
                lock.cancel(request)
            lock.set_held(party, 0)
        elif party not in waiting and not lock.try_now(party, mode):
            waiting[party] = lock.enqueue(Request(party, lock, mode))
        waiting = {each: request for each, request in waiting.items() if not request.granted}
        check_mode_lock(lock, list(waiting.values()))


def check_mode_lock(lock: ModeLock, waiting: list[Any]) -> None:
    for one, other in product(lock.holders, repeat=2):
        for mode in range(8):
            if one is not other and lock.holders[one] >> mode & 1:
                assert not lock.holders[other] & TABLE_CONFLICTS[mode]
    assert lock.queue == [request for request in lock.queue if request in waiting]
    for request in lock.queue:
        assert list(lock.blockers(request)), "nothing is in the way, and it waits"
    if lock.queue:
        assert any(hard for _, hard, _ in lock.blockers(lock.queue[0]))


@given(st.lists(st.tuples(st.integers(0, 3), cuts, cuts, st.booleans()), max_size=12), st.integers(0, 7))
def test_interval_locks_hold_up_exactly_the_writers_inside(reads: list[tuple[int, Cut, Cut, bool]], key: int) -> None:
    """A writer waits for those who hold an interval with its point, whatever mode, and for nobody else (R47)."""
    locks = IntervalLocks({1: "i"})
    parties: list[Any] = [Party(number) for number in range(5)]
    model: dict[Any, set[int]] = {}
    for number, low, high, update in reads:
        if low < high:
            request = locks.reader(parties[number], 1, low, high, update)
            if locks.can_grant(request):
                locks.grant(request)
                model.setdefault(parties[number], set()).update(places(low, high))
    writer = locks.writer(parties[4], [(1, key)])
    holders = {party for party, held in model.items() if CUTS.index((key, 0)) in held}
    assert {party for party, hard, _ in locks.blockers(writer)} == holders
    assert locks.hinder(parties[4], writer.points) == bool(holders)
    for party in parties[:4]:
        assert not locks.hinder(party, writer.points) or holders - {party}
    assert locks.can_grant(locks.writer(parties[4], [(2, key)]))
    for party in parties[:4]:
        locks.release(party)
    assert locks.can_grant(writer)
    assert not locks.active


states = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3), st.booleans()), max_size=6)
NUMBERS = (3, PENDING, ABORTED, 5)


@given(states, st.integers(0, 6), st.integers(1, 4))
def test_visibility_is_the_newest_of_the_past_and_of_my_earlier_statements(chain: list[tuple[int, int, bool]],
                                                                           snapshot: int, statement: int) -> None:
    """Against a list searched from its end: committed up to S, or mine and of an earlier statement (R3, R26)."""
    owners = [Owner(number + 1, value) for number, value in enumerate(NUMBERS)]
    me, top, made = owners[1], None, []
    for owner, at, alive in chain:
        top = Version((at,) if alive else None, owners[owner], at, top, False)
        made.append(top)

    def seen(version: Version) -> bool:
        return version.statement < statement if version.owner is me else version.owner.number <= snapshot

    assert visible(top, snapshot, me, statement) is next((v for v in reversed(made) if seen(v)), None)
    assert newest(top) is next((v for v in reversed(made) if v.owner.number != ABORTED), None)
    wanted = next((v for v in reversed(made) if v.owner is me or v.owner.number <= 4), None)
    assert newest_committed(top, 4, me) is wanted
