"""What a database must be able to do so that a schedule can be run on it: a few verbs, one implementation per engine.

    client.start(sql)      sends statements; comes back when they have ended or are known to wait for another session
    client.busy            they wait
    engine.settle()        everybody who need not wait any more goes on, to the end of its statements or the next wait
    client.take()          what came of the statements that have ended
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from minidb.lab.run import Answer


class Client(Protocol):
    """One session of a schedule, with a connection of its own."""

    session: str

    @property
    def busy(self) -> bool:
        """Whether its statements have not ended: they wait for another session."""

    @property
    def words(self) -> str:
        """Whom and what it waits for, as far as the engine tells; empty if it does not wait."""

    def start(self, sql: str) -> None:
        """Sends one or several statements at once. Must not be busy."""

    def take(self) -> tuple[Answer, ...]:
        """What the statements returned that were sent last: one answer each, an error ends them. Must not be busy."""

    def close(self) -> None:
        """Gives up what it waits for, rolls back, disconnects."""


class Engine(Protocol):
    """A database for a schedule: one connection for setup and teardown, one per session."""

    name: str
    version: str

    def run(self, sql: str) -> tuple[Answer, ...]:
        """Runs statements on the control connection, which commits by itself. Raises minidb.Error if one fails."""

    def connect(self, session: str, level: str | None = None) -> Client:
        """A new session; `level`: the isolation level of all its transactions, whatever their BEGIN says. Raises
        FeatureNotSupported for a level that the engine does not have."""

    def settle(self) -> list[Client]:
        """Lets everybody who no longer has to wait go on; those that have ended since, in the order of their ends."""

    def close(self) -> None:
        """Disconnects everybody and leaves nothing behind."""


@runtime_checkable
class Timed(Protocol):
    """An engine whose waits can have time limits. Asked when all has settled and nothing else can happen."""

    def pass_time(self) -> bool:
        """Time passes until the first wait ends by its limit. False: none of those who wait has a limit."""


@runtime_checkable
class Resettable(Protocol):
    """An engine that can forget everything, quickly."""

    def reset(self) -> None:
        """Makes the database empty and new again. All clients must be closed."""
