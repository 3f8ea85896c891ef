"""The orders in which the steps of several sessions can follow each other, each session's own in their order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import factorial, prod
from typing import TypeVar

from minidb.lab.schedule import Actor, Permutation, Schedule, Turn

T = TypeVar("T")


def permutations_of(schedule: Schedule) -> Iterator[Permutation]:
    """The schedule's own permutations, or all interleavings if it has none."""
    if schedule.permutations:
        return iter(schedule.permutations)
    return (Permutation(tuple(map(Turn, order))) for order in interleavings(schedule.actors))


def permutation_count(schedule: Schedule) -> int:
    """How many `permutations_of` yields."""
    return len(schedule.permutations) or interleaving_count([len(actor.steps) for actor in schedule.actors])


def interleavings(actors: Sequence[Actor]) -> Iterator[tuple[str, ...]]:
    """Names of steps in every order, as PostgreSQL's isolation tester orders them: who is named first goes first."""
    picks = [i for i, actor in enumerate(actors) for _ in actor.steps]
    while True:
        piles = [iter(actor.steps) for actor in actors]
        yield tuple(next(piles[i]).name for i in picks)
        if not advance(picks):
            return


def advance(picks: list[int]) -> bool:
    """Makes the next greater arrangement of the same numbers (Knuth 7.2.1.2, algorithm L). False if there is none."""
    rise = next((i for i in range(len(picks) - 2, -1, -1) if picks[i] < picks[i + 1]), None)
    if rise is None:
        return False
    other = next(i for i in range(len(picks) - 1, rise, -1) if picks[i] > picks[rise])
    picks[rise], picks[other] = picks[other], picks[rise]
    picks[rise + 1 :] = reversed(picks[rise + 1 :])
    return True


def shuffles(lists: Sequence[tuple[T, ...]]) -> Iterator[tuple[T, ...]]:
    """All ways to put several lists into one that keeps the order of each: who is named first goes first."""
    if not any(lists):
        yield ()
        return
    for number, own in enumerate(lists):
        if own:
            rest = [*lists[:number], own[1:], *lists[number + 1 :]]
            for tail in shuffles(rest):
                yield (own[0], *tail)


def interleaving_count(lengths: Sequence[int]) -> int:
    """The multinomial coefficient: 3 sessions of 4 steps have 34,650 interleavings."""
    return factorial(sum(lengths)) // prod(map(factorial, lengths))
