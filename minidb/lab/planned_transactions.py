"""The transactions of a schedule, found in its text, and the schedule with a level of its own for each of them.

    session a                                        planned
    setup  { BEGIN; }                                 a 1   BEGIN ISOLATION LEVEL SNAPSHOT
    step x { SELECT ...; }                            a 1
    step y { COMMIT; }                                a 1
    step z { UPDATE ...; }                            a 2   SET TRANSACTION ISOLATION LEVEL READ COMMITTED; UPDATE ...
    step w { SET lock_timeout = 1; }                  none

A transaction begins with BEGIN, or with any statement outside of one that is no mere setting; without BEGIN it ends
with its step. How it goes on at run time does not matter: after an error the same COMMIT or ROLLBACK ends it. COMMIT
AND CHAIN goes on at the same level, and is taken as one with what follows.

The levels are written into the SQL itself, so that a schedule at mixed levels is a file like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from minidb.isolation import IsolationLevel
from minidb.lab.levels import SQL_NAMES, at_level, words_of
from minidb.lab.schedule import Actor, Schedule
from minidb.sql.script import parse_script

BEGINS = ("BEGIN", "START")
ENDS = ("COMMIT", "END", "ROLLBACK", "ABORT")
SETTINGS = ("SET", "RESET", "SHOW", "DISCARD", "PREPARE", "DEALLOCATE", "VACUUM", "ANALYZE", "CHECKPOINT")


class Mark(Struct, frozen=True):
    """One statement of a transaction. piece: which of the session's texts it is in: 0 its setup, then its steps, then
    its teardown; at: where in it. place: its number among all statements of the session. opens: whether the
    transaction begins with it."""

    piece: int
    at: int
    sql: str
    place: int
    opens: bool = False


class Planned(Struct, frozen=True):
    """A transaction of a schedule. name: its session, with a number if that has several. actor: the session's number.
    implicit: no BEGIN says that it begins."""

    name: str
    session: str
    actor: int
    marks: tuple[Mark, ...]
    implicit: bool = False

    @property
    def pieces(self) -> tuple[int, ...]:
        """The session's texts in which it has statements."""
        return tuple(dict.fromkeys(mark.piece for mark in self.marks))


# -- finding them


def planned_transactions(schedule: Schedule) -> tuple[Planned, ...]:
    """All of them, in the order of the sessions."""
    found: list[Planned] = []
    for number, actor in enumerate(schedule.actors):
        own = [Planned(actor.name, actor.name, number, tuple(marks), implicit) for marks, implicit in runs_of(actor)]
        found += own if len(own) == 1 else [replace(one, name=f"{actor.name} {n}") for n, one in enumerate(own, 1)]
    return tuple(found)


def texts_of(actor: Actor) -> list[str]:
    """What the session says: its setup, its steps, its teardown."""
    return [actor.setup, *(step.sql for step in actor.steps), actor.teardown]


def runs_of(actor: Actor) -> Iterator[tuple[list[Mark], bool]]:
    """The statements of each transaction, and whether it is implicit."""
    place = 0
    current: list[Mark] = []
    implicit = False
    for piece, text in enumerate(texts_of(actor)):
        for sql, at in parse_script(text):
            words = [word for word, _, _ in words_of(sql)] or [""]
            mark = Mark(piece, at, sql, place)
            place += 1
            if current:
                current.append(mark)
                if ends(words):
                    yield current, implicit
                    current = []
            elif words[0] not in (*SETTINGS, *ENDS):
                current, implicit = [replace(mark, opens=True)], words[0] not in BEGINS
        if current and implicit:
            yield current, implicit
            current = []
    if current:
        yield current, implicit


def ends(words: Sequence[str]) -> bool:
    """Whether a statement ends its transaction for good."""
    if words[0] not in ENDS or "TO" in words[1:3]:
        return False
    return "CHAIN" not in words or "NO" in words


# -- with levels


def with_levels(
    schedule: Schedule, transactions: Sequence[Planned], levels: Sequence[IsolationLevel]
) -> Schedule:
    """The schedule with each transaction at its level, whatever the text said; without its permutations."""
    edits: dict[tuple[int, int], list[tuple[int, str, str]]] = {}
    for planned, level in zip(transactions, levels):
        for mark in planned.marks:
            new = levelled(mark, planned.implicit, SQL_NAMES[level])
            edits.setdefault((planned.actor, mark.piece), []).append((mark.at, mark.sql, new))
    actors = (rewritten(actor, number, edits) for number, actor in enumerate(schedule.actors))
    return replace(schedule, actors=tuple(actors), permutations=())


def levelled(mark: Mark, implicit: bool, level: str) -> str:
    sql = at_level(mark.sql, level)
    if not mark.opens:
        return sql
    if implicit:
        return f"SET TRANSACTION ISOLATION LEVEL {level}; {sql}"
    return sql if "LEVEL" in [word for word, _, _ in words_of(sql)] else f"{sql} ISOLATION LEVEL {level}"


def rewritten(actor: Actor, number: int, edits: dict[tuple[int, int], list[tuple[int, str, str]]]) -> Actor:
    opening, *steps, ending = (
        edited(text, edits.get((number, piece), ())) for piece, text in enumerate(texts_of(actor))
    )
    new = tuple(replace(step, sql=sql) for step, sql in zip(actor.steps, steps))
    return replace(actor, setup=opening, steps=new, teardown=ending)


def edited(text: str, edits: Sequence[tuple[int, str, str]]) -> str:
    for at, old, new in sorted(edits, reverse=True):
        text = text[:at] + new + text[at + len(old) :]
    return text


__all__ = ["Mark", "Planned", "planned_transactions", "with_levels"]
