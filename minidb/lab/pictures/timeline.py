"""The timeline of a run, before it is text or a page: for each event, how it stands with every session.

A session's *rail* is a line from top to bottom. It is open while a transaction is, and waits from the step that blocked
to the event with which that step went on. Each event cuts the rails into what was above it and what is below:

    row         alice     bob
     1            o                     begins: none above, open below
     2            |        o
     3            |        o  waits     open above, waits below
     4            o        :            commit: open above, none below
     5                     o  went on   waits above, open below
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from minidb.errors import Error
from minidb.lab.explanation import Explanation
from minidb.lab.run import Event

WENT_ON = ("went on", "broke off")


class Rail(Struct, frozen=True):
    """One session's line at one event. above, below: "none", "open", "waits"."""

    above: str
    below: str


class Row(Struct, frozen=True):
    """An event. mark: "step", "waits", "commit", "rollback" or "failed". links: numbers of the links whose source or
    target statement it is. since: position of the event in which its step began to wait, -1 if it did not."""

    position: int
    event: Event
    lane: int
    rails: tuple[Rail, ...]
    mark: str
    links: tuple[int, ...] = ()
    since: int = -1


def timeline(explanation: Explanation) -> tuple[Row, ...]:
    events, sessions = explanation.run.events, explanation.sessions
    waits = list(waiting(events))
    return tuple(
        Row(
            i, event, sessions.index(event.session) if event.session in sessions else 0,
            tuple(rail(explanation, session, event, waits[i], waits[i + 1]) for session in sessions),
            mark(explanation, event),
            tuple(link.number for link in explanation.links if i in (link.source_event, link.target_event)),
            waits[i].get(event.session, -1) if event.kind in WENT_ON else -1,
        )
        for i, event in enumerate(events)
    )


def waiting(events: Sequence[Event]) -> Iterator[dict[str, int]]:
    """Before each event, and at the end: who waits, since which event."""
    now: dict[str, int] = {}
    yield {}
    for i, event in enumerate(events):
        if event.kind == "waits":
            now[event.session] = now.get(event.session, i)
        elif event.kind in WENT_ON:
            now.pop(event.session, None)
        yield dict(now)


def rail(explanation: Explanation, session: str, event: Event, before: dict[str, int], after: dict[str, int]) -> Rail:
    return Rail(
        "waits" if session in before else state_at(explanation, session, event.begun),
        "waits" if session in after else state_at(explanation, session, event.ended),
    )


def state_at(explanation: Explanation, session: str, time: int) -> str:
    """Whether a transaction of the session had begun before this time and not ended."""
    accounts = explanation.run.history.accounts.values()
    inside = any(a.session == session and a.began < time and (a.ended < 0 or a.ended >= time) for a in accounts)
    return "open" if inside else "none"


def mark(explanation: Explanation, event: Event) -> str:
    if event.kind == "waits":
        return "waits"
    if error_of(event) is not None:
        return "failed"
    for account in explanation.run.history.accounts.values():
        if account.session == event.session and event.begun <= account.ended < event.ended:
            return "commit" if account.committed else "rollback"
    return "step"


def error_of(event: Event) -> Error | None:
    return next((answer.error for answer in event.answers if answer.error is not None), None)
