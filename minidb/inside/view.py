"""A view of the engine's inside: its columns, and the function that makes its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from minidb import schema
from minidb.keys import Row
from minidb.types import SqlType

if TYPE_CHECKING:
    from minidb.database import Database

Maker = Callable[["Database"], Iterator[Row]]
View = tuple[tuple[schema.Column, ...], Maker]


def columns(*pairs: tuple[str, SqlType]) -> tuple[schema.Column, ...]:
    return tuple(schema.Column(name=n, type=t, position=i) for i, (n, t) in enumerate(pairs))


def utc_time(seconds: float) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC)
