"""Schedules: sessions, their steps, and the orders in which the steps are tried. The format is that of PostgreSQL's
isolation tests, with one addition, `invariant`.

    setup { CREATE TABLE account (name text PRIMARY KEY, balance int); }
    teardown { DROP TABLE account; }

    session alice
    setup { BEGIN ISOLATION LEVEL SERIALIZABLE; }
    step look { SELECT balance FROM account; }
    step leave { COMMIT; }
    teardown { ROLLBACK; }

    permutation look leave
    invariant { SELECT sum(balance) = 0 FROM account }
"""

from __future__ import annotations

from msgspec import Struct


class Step(Struct, frozen=True):
    """One thing that a session does: one or several statements, sent at once."""

    session: str
    name: str
    sql: str
    line: int = 0


class Actor(Struct, frozen=True):
    """A session of the schedule."""

    name: str
    steps: tuple[Step, ...]
    setup: str = ""
    teardown: str = ""


class Blocker(Struct, frozen=True):
    """A mark behind a step in a permutation. kind "always" (`*`): reported as waiting first; "step": its end is not
    reported before that step's; "notices": nor before `count` notices of that session came."""

    kind: str
    name: str = ""
    count: int = 0


class Turn(Struct, frozen=True):
    """One step of a permutation."""

    step: str
    blockers: tuple[Blocker, ...] = ()


class Permutation(Struct, frozen=True):
    """An order in which the steps are tried."""

    turns: tuple[Turn, ...]
    line: int = 0

    @property
    def order(self) -> tuple[str, ...]:
        return tuple(turn.step for turn in self.turns)


class Schedule(Struct, frozen=True):
    """A whole file. Step names are unique in it. No permutations: all interleavings are meant."""

    actors: tuple[Actor, ...]
    setups: tuple[str, ...] = ()
    teardown: str = ""
    permutations: tuple[Permutation, ...] = ()
    invariants: tuple[str, ...] = ()
    name: str = ""

    @property
    def steps(self) -> dict[str, Step]:
        return {step.name: step for actor in self.actors for step in actor.steps}
