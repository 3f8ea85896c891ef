"""The search on toy systems, where every interleaving can be tried."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

import pytest

from minidb.lab.reduction import Move, Search

Programs = Sequence[Sequence[str]]


class Tokens:
    """Touches named things, reading (small letters) or writing (capitals)."""

    def __init__(self, names: str) -> None:
        self.names = names

    def depends_on(self, other: Tokens) -> bool:
        return any(mine.lower() == theirs.lower() and (mine + theirs).lower() != mine + theirs
                   for mine in self.names for theirs in other.names)


def outcome(order: Sequence[int], programs: Programs) -> tuple[tuple[str, ...], ...]:
    """What each session has seen of each thing: who wrote it last."""
    last: dict[str, str] = {}
    seen: list[list[str]] = [[] for _ in programs]
    places = [0] * len(programs)
    for session in order:
        step = programs[session][places[session]]
        places[session] += 1
        for name in step:
            seen[session].append(last.get(name.lower(), "-"))
            if name.isupper():
                last[name.lower()] = f"{session}.{places[session]}"
    return (*map(tuple, seen), tuple(sorted(f"{k}={v}" for k, v in last.items())))


def explore(programs: Programs, reduce: bool) -> tuple[list[tuple[int, ...]], int]:
    """Complete runs, and the number of interleavings that they stand for."""
    search, runs, orders = Search(reduce), [], 0
    while True:
        search.begin()
        places = [0] * len(programs)
        order: list[int] = []
        while enabled := tuple(i for i, program in enumerate(programs) if places[i] < len(program)):
            session = search.choose(enabled)
            if session is None:
                break
            search.moved(Move(session, Tokens(programs[session][places[session]])))
            places[session] += 1
            order.append(session)
        else:
            runs.append(tuple(order))
            orders += search.linear_extensions()
        if not search.end():
            return runs, orders


def multinomial(programs: Programs) -> int:
    result = math.factorial(sum(map(len, programs)))
    for program in programs:
        result //= math.factorial(len(program))
    return result


def test_independent_sessions_need_one_run() -> None:
    programs = (["a", "A"], ["b", "B"], ["c", "C"])
    runs, orders = explore(programs, True)
    assert (len(runs), orders) == (1, multinomial(programs))


def test_everything_on_one_thing_needs_all_runs() -> None:
    programs = (["A", "A"], ["A", "A"])
    runs, orders = explore(programs, True)
    assert (len(runs), orders) == (6, 6)


@pytest.mark.parametrize("seed", range(60))
def test_reduction_loses_no_outcome(seed: int) -> None:
    random = Random(seed)
    programs = [
        ["".join(random.choice("aAbBcCd ") for _ in range(random.randint(1, 2))) for _ in range(random.randint(1, 3))]
        for _ in range(random.randint(2, 3))
    ]
    every, _ = explore(programs, False)
    some, orders = explore(programs, True)
    assert len(every) == multinomial(programs) == len(set(every))
    assert {outcome(order, programs) for order in some} == {outcome(order, programs) for order in every}
    assert orders == multinomial(programs), "each class once, and together they are all interleavings"
    assert len(some) <= len(every)
