"""All interleavings, in the order of PostgreSQL's isolation tester."""

from __future__ import annotations

from itertools import permutations

import pytest

from minidb.lab.orders import interleaving_count, permutation_count, permutations_of
from minidb.lab.schedule import Schedule
from minidb.lab.schedule_text import parse


def schedule(*lengths: int, more: str = "") -> Schedule:
    sessions = [
        f"session {name} " + " ".join(f"step {name}{number} {{}}" for number in range(1, length + 1))
        for name, length in zip("abcdef", lengths)
    ]
    return parse(" ".join(sessions) + more)


def test_two_sessions() -> None:
    orders = [" ".join(permutation.order) for permutation in permutations_of(schedule(2, 2))]
    assert orders == ["a1 a2 b1 b2", "a1 b1 a2 b2", "a1 b1 b2 a2", "b1 a1 a2 b2", "b1 a1 b2 a2", "b1 b2 a1 a2"]


@pytest.mark.parametrize("lengths", [(1,), (5,), (1, 1, 1, 1), (3, 2), (2, 2, 2), (1, 4, 1)])
def test_each_interleaving_comes_once_in_order(lengths: tuple[int, ...]) -> None:
    shuffled = set(permutations([i for i, length in enumerate(lengths) for _ in range(length)]))
    found = [tuple("abcdef".index(step[0]) for step in p.order) for p in permutations_of(schedule(*lengths))]
    assert found == sorted(shuffled)
    assert permutation_count(schedule(*lengths)) == len(found)


def test_a_schedule_with_permutations_has_these_only() -> None:
    known = schedule(3, 3, more=" permutation a1 b1 permutation b2")
    assert [permutation.order for permutation in permutations_of(known)] == [("a1", "b1"), ("b2",)]
    assert permutation_count(known) == 2


def test_how_many_there_are() -> None:
    assert interleaving_count([4, 4, 4]) == 34_650


def test_a_session_of_many_steps_has_one_order() -> None:
    assert sum(1 for _ in permutations_of(schedule(2000))) == 1
