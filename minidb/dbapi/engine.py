"""What the driver needs of the floor below, as protocols: the engine has them, and so have the tests' fakes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from minidb.schema import Catalog
from minidb.types import SqlType

Row = tuple[Any, ...]
Parameters = Sequence[Any] | Mapping[str, Any]


class Result(Protocol):
    @property
    def columns(self) -> tuple[tuple[str, SqlType], ...] | None:
        """Names and types; None for a statement that has no rows."""

    @property
    def rows(self) -> list[Row]:
        """All rows, unless there is a stream."""

    @property
    def stream(self) -> object | None:
        """What produces the rows of `fetch_batches`; None if all of them are in `rows` already."""

    @property
    def rowcount(self) -> int: ...
    @property
    def tag(self) -> str: ...
    @property
    def notices(self) -> Sequence[str]: ...
    def fetch_batches(self) -> Iterator[list[Row]]: ...
    def close(self) -> None: ...


class Session(Protocol):
    autocommit: bool
    lock_timeout: float | None
    name: str | None  # how others' `waiting_for` calls it
    on_wait: Callable[[str | None], None] | None  # called without the latch when a wait begins (words) and ends (None)

    @property
    def isolation_level(self) -> str: ...
    @isolation_level.setter
    def isolation_level(self, level: str) -> None: ...
    dialect: str | None  # the SQL to expect; None: our own
    port: Any  # copying.ports.Port, for COPY FROM STDIN and TO STDOUT

    @property
    def transaction_level(self) -> str | None:
        """Level of the open transaction."""

    @property
    def catalog(self) -> Catalog:
        """The schema as the session sees it."""

    @property
    def waiting_for(self) -> str | None:
        """What it is blocked on, in words; withdrawn by whoever ends the wait. Other threads may read it."""

    @property
    def state(self) -> str:
        """'idle', 'active' or 'failed'."""

    @property
    def read_only(self) -> bool: ...
    @property
    def durability(self) -> str: ...
    def execute(self, sql: str, parameters: Parameters | None = None) -> Result: ...
    def execute_many(self, sql: str, parameter_sets: Iterable[Parameters]) -> int: ...
    def begin(
        self,
        *,
        isolation_level: str | None = None,
        read_only: bool | None = None,
        deferrable: bool | None = None,
    ) -> None: ...
    def commit(self) -> str:
        """Ends the transaction; a failed one is rolled back. Returns 'COMMIT' or 'ROLLBACK'."""

    def rollback(self) -> None: ...
    def savepoint(self, name: str) -> None: ...
    def rollback_to(self, name: str) -> None: ...
    def release(self, name: str) -> None: ...
    def call(self, procedure: Callable[..., Any], *args: Any) -> Any: ...
    def interrupt(self) -> None:
        """Stops the running statement. Called from other threads and from a signal handler: takes no latch."""

    def close(self) -> None: ...


class Engine(Protocol):
    def session(
        self,
        *,
        isolation_level: str | None = None,
        autocommit: bool = False,
        durability: str = "full",
        lock_timeout: float | None = None,
        read_only: bool = False,
    ) -> Session: ...
    def set_archive(self, directory: str) -> None: ...
    def close(self) -> None: ...
    @property
    def path(self) -> str: ...
    @property
    def closed(self) -> bool: ...
