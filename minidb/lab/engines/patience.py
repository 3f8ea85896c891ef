"""Engines that live in real time: a session that has not answered may be at work or may wait for another one, and only
the server knows which. So it is asked, again and again, until it answers or the server says that it waits.

    ended(pause)   the client has an answer, or gets one within `pause` seconds
    blocked()      the server says that it waits for another session, and that this is not about to end by itself

A session that is known to wait is asked about again only when another one has done something since: `Acts` counts what
all sessions of an engine do.

Patience is bounded: a session that neither ends nor waits within `LIMIT` seconds is an error. The pauses grow from one
to fifty milliseconds, so that a statement that just runs is not asked about at all.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol, TypeVar

from minidb.errors import OperationalError

LIMIT = 30.0  # seconds
SHORTEST, LONGEST = 0.001, 0.05  # seconds


class Acts:
    """How often any session of an engine has sent something or got an answer."""

    def __init__(self) -> None:
        self.count = 0

    def add(self) -> None:
        self.count += 1


class Patient(Protocol):
    """acts: its engine's. stood: their count when it was last known to wait."""

    session: str
    acts: Acts
    stood: int

    @property
    def busy(self) -> bool: ...

    def ended(self, pause: float) -> bool: ...

    def blocked(self) -> bool: ...


SomePatient = TypeVar("SomePatient", bound=Patient)


def wait_until_known(client: Patient, limit: float = LIMIT) -> bool:
    """Returns whether the client's statements have ended; if not, it is known to wait."""
    patience = time.monotonic() + limit
    pause = SHORTEST
    while not client.ended(pause):
        if pause > SHORTEST * 4 and client.blocked():
            client.stood = client.acts.count
            return False
        if time.monotonic() > patience:
            raise OperationalError(f"{client.session} has neither ended nor waits after {limit:g} seconds")
        pause = min(pause * 2, LONGEST)
    client.acts.add()
    return True


def let_go_on(waiting: Sequence[SomePatient]) -> list[SomePatient]:
    """Those that end now, looked at in the order given until nobody does any more."""
    ended: list[SomePatient] = []
    left = list(waiting)
    while moved := [client for client in left if has_news(client) and wait_until_known(client)]:
        ended += moved
        left = [client for client in left if client not in moved]
    return ended


def has_news(client: Patient) -> bool:
    return client.stood != client.acts.count
