"""What can be asked of any engine besides running SQL: its levels, its tables, and all that is in them."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from minidb.isolation import IsolationLevel
from minidb.lab.engines.levels import Level
from minidb.lab.engines.protocol import Engine

OWN_LEVELS = tuple(Level(level.value, level.value, (level,)) for level in IsolationLevel)
OWN_TABLES = "SELECT name FROM sys.tables ORDER BY name"
State = dict[str, tuple[tuple[Any, ...], ...]]


@runtime_checkable
class Inspectable(Protocol):
    """An engine that is not minidb."""

    levels: tuple[Level, ...]

    def tables(self) -> tuple[str, ...]:
        """Names of all tables that the schedule has made."""


def levels_of(engine: Engine) -> tuple[Level, ...]:
    return engine.levels if isinstance(engine, Inspectable) else OWN_LEVELS


def tables_of(engine: Engine) -> tuple[str, ...]:
    if isinstance(engine, Inspectable):
        return engine.tables()
    return tuple(name for (name,) in engine.run(OWN_TABLES)[-1].rows)


def state_of(engine: Engine) -> State:
    """Every table's rows, sorted."""
    return {table: rows_of(engine, table) for table in tables_of(engine)}


def rows_of(engine: Engine, table: str) -> tuple[tuple[Any, ...], ...]:
    return in_order(engine.run(f'SELECT * FROM "{table}"')[-1].rows)


def in_order(rows: tuple[tuple[Any, ...], ...]) -> tuple[tuple[Any, ...], ...]:
    """Rows without the order in which they came: equal sets are equal, whatever stands in them."""
    return tuple(sorted(rows, key=repr))

