"""What the parser of schedules makes: a draft, in which everything still knows its place in the text.

`Actions` has the methods that `grammar/schedule.lark` names; `schedule_checks` makes a `Schedule` of the draft.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from minidb.lab.schedule import Blocker
from minidb.sql.lalr import placed


class DraftStep(Struct, frozen=True):
    """`at`: place of the name."""

    at: int
    name: str
    sql: str


class DraftSession(Struct, frozen=True):
    at: int
    name: str
    setup: str | None
    steps: tuple[DraftStep, ...]
    teardown: str | None


class DraftBlocker(Struct, frozen=True):
    at: int
    blocker: Blocker


class DraftTurn(Struct, frozen=True):
    at: int
    name: str
    blockers: tuple[DraftBlocker, ...]


class DraftPermutation(Struct, frozen=True):
    at: int
    turns: tuple[DraftTurn, ...]


class DraftInvariant(Struct, frozen=True):
    sql: str


class Draft(Struct, frozen=True):
    """A file, in the order in which it is written; `endings` are permutations and invariants."""

    setups: tuple[str, ...]
    teardown: str | None
    sessions: tuple[DraftSession, ...]
    endings: tuple[DraftPermutation | DraftInvariant, ...]


class Actions:
    """Called by `sql.lalr.Machine` with the place in the text and the values of the parts."""

    def schedule(self, at: int, setups: Any, teardown: str | None, invariants: Any, sessions: Any, ends: Any) -> Draft:
        return Draft(setups, teardown, sessions, invariants + ends)

    def sequence(self, at: int, items: Any = ()) -> tuple[Any, ...]:
        return tuple(items)

    def chain(self, at: int, first: Any, rest: Any = ()) -> tuple[Any, ...]:
        return (first, *rest)

    def nothing(self, at: int) -> None:
        return None

    def block(self, at: int, sql: str) -> str:
        return sql

    def invariant(self, at: int, sql: str) -> DraftInvariant:
        return DraftInvariant(sql)

    @placed(1)
    def session(self, at: int, name: str, setup: str | None, steps: Any, teardown: str | None) -> DraftSession:
        return DraftSession(at, name, setup, steps, teardown)

    @placed(1)
    def step(self, at: int, name: str, sql: str) -> DraftStep:
        return DraftStep(at, name, sql)

    def permutation(self, at: int, turns: Any) -> DraftPermutation:
        return DraftPermutation(at, turns)

    def turn(self, at: int, name: str, blockers: Any = ()) -> DraftTurn:
        return DraftTurn(at, name, blockers)

    def blocked_always(self, at: int) -> DraftBlocker:
        return DraftBlocker(at, Blocker("always"))

    def blocked_by_step(self, at: int, name: str) -> DraftBlocker:
        return DraftBlocker(at, Blocker("step", name))

    def blocked_by_notices(self, at: int, name: str, count: int) -> DraftBlocker:
        return DraftBlocker(at, Blocker("notices", name, count))
