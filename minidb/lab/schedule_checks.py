"""From what was written to what is meant: names are looked up, and a draft becomes a `Schedule`.

The same checks as PostgreSQL's isolation tester makes: step names are unique, permutations and blocker marks name
steps that are there, nothing is blocked by its own session. One more: no two sessions have the same name.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from minidb.errors import SyntaxError
from minidb.lab.schedule import Actor, Permutation, Schedule, Step, Turn
from minidb.lab.schedule_actions import (
    Draft,
    DraftBlocker,
    DraftInvariant,
    DraftPermutation,
    DraftSession,
    DraftStep,
    DraftTurn,
)
from minidb.sql.suggest import nearest


class Source:
    """The text of a file, with its lines."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.newlines = [at for at, character in enumerate(text) if character == "\n"]

    def line(self, at: int) -> int:
        """Counted from 1."""
        return bisect_left(self.newlines, at) + 1

    def wrong(self, message: str, at: int, detail: str | None = None, hint: str | None = None) -> SyntaxError:
        return SyntaxError(message, detail=detail, hint=hint, position=at, statement=self.text)


def checked(draft: Draft, text: str, name: str) -> Schedule:
    """The schedule of a draft. Raises SyntaxError at the place of what is wrong."""
    source = Source(text)
    check_names(draft, source)
    owners = {step.name: session.name for session in draft.sessions for step in session.steps}
    permutations = [ending for ending in draft.endings if isinstance(ending, DraftPermutation)]
    for permutation in permutations:
        check_permutation(permutation, owners, source)
    return Schedule(
        actors=tuple(actor(session, source) for session in draft.sessions),
        setups=draft.setups,
        teardown=draft.teardown or "",
        permutations=tuple(made(permutation, source) for permutation in permutations),
        invariants=tuple(ending.sql for ending in draft.endings if isinstance(ending, DraftInvariant)),
        name=name,
    )


# -- checks


def check_names(draft: Draft, source: Source) -> None:
    check_unique("session", draft.sessions, source)
    check_unique("step", (step for session in draft.sessions for step in session.steps), source)


def check_unique(kind: str, things: Iterable[DraftStep] | Iterable[DraftSession], source: Source) -> None:
    seen: dict[str, int] = {}
    for thing in things:
        if thing.name in seen:
            first = source.line(seen[thing.name])
            raise source.wrong(f'duplicate {kind} name "{thing.name}"', thing.at, f"The first one is in line {first}.")
        seen[thing.name] = thing.at


def check_permutation(permutation: DraftPermutation, owners: dict[str, str], source: Source) -> None:
    for turn in permutation.turns:
        if turn.name not in owners:
            raise unknown(f'there is no step "{turn.name}"', turn.name, owners, turn.at, source)
    here = {turn.name: owners[turn.name] for turn in permutation.turns}
    for turn in permutation.turns:
        for blocker in turn.blockers:
            if blocker.blocker.kind != "always":
                check_blocker(turn, blocker, here, source)


def check_blocker(turn: DraftTurn, blocker: DraftBlocker, here: dict[str, str], source: Source) -> None:
    """`here`: the steps of the permutation, with their sessions."""
    name = blocker.blocker.name
    if name not in here:
        raise unknown(f'step "{turn.name}" cannot be blocked by "{name}": that is no step of this permutation',
                      name, here, blocker.at, source)
    if name == turn.name:
        raise source.wrong(f'step "{turn.name}" cannot be blocked by itself', blocker.at)
    if here[name] == here[turn.name]:
        raise source.wrong(
            f'step "{turn.name}" cannot be blocked by "{name}": both are steps of session "{here[name]}"',
            blocker.at,
        )


def unknown(message: str, name: str, known: dict[str, str], at: int, source: Source) -> SyntaxError:
    near = nearest(name, known)
    return source.wrong(message, at, hint=f'Perhaps you meant "{near}".' if near else None)


# -- conversion


def actor(session: DraftSession, source: Source) -> Actor:
    steps = tuple(Step(session.name, step.name, step.sql, source.line(step.at)) for step in session.steps)
    return Actor(session.name, steps, session.setup or "", session.teardown or "")


def made(permutation: DraftPermutation, source: Source) -> Permutation:
    turns = tuple(Turn(turn.name, tuple(mark.blocker for mark in turn.blockers)) for turn in permutation.turns)
    return Permutation(turns, source.line(permutation.at))
