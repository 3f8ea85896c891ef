"""What is known of one run of a schedule: the record that printing, judging and explaining work on."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from minidb.errors import Error
from minidb.history import History


class Answer(Struct, frozen=True):
    """What one statement returned: rows with the names and types of their columns, or only a tag; or an error.
    `notices` are what the engine said besides, without `NOTICE:`."""

    tag: str = ""
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    error: Error | None = None
    notices: tuple[str, ...] = ()


class Inside(Struct, frozen=True):
    """What the engine showed of itself after an event: rows of sys.locks and sys.versions, as mappings by column."""

    locks: tuple[dict[str, Any], ...] = ()
    versions: tuple[dict[str, Any], ...] = ()


class Event(Struct, frozen=True):
    """Something that happened.

    turn: number of the step in the run, from 1; a step that waited has two events with the same turn.
    kind: "done", "failed", "waits" (it blocks), "went on" (it had waited and is done now), "broke off" (it had waited
        and failed).
    answers: one per statement of the step that has ended.
    words: whom and what it waits for.
    begun, ended: times in the history between which its facts lie.
    """

    turn: int
    session: str
    step: str
    sql: str
    kind: str
    answers: tuple[Answer, ...] = ()
    words: str = ""
    begun: int = 0
    ended: int = 0
    inside: Inside | None = None


class Run(Struct, frozen=True):
    """One run of a schedule, from the first step to the last.

    order: the steps in the order in which they began. left_out: steps that never could begin.
    levels: each session's isolation level.
    final: every table's rows, sorted. broken: the invariants that did not hold at the end.
    transactions: which steps each transaction (its number in the history) consists of.
    """

    order: tuple[str, ...]
    levels: dict[str, str]
    events: tuple[Event, ...]
    history: History
    final: dict[str, tuple[tuple[Any, ...], ...]]
    broken: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    transactions: dict[int, tuple[str, ...]] = {}
