"""What functions, and the planner, may ask of a session while it runs a statement."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from minidb import schema, statements
from minidb.errors import ProgrammingError, UndefinedColumn, UndefinedTable, WrongObjectType
from minidb.sql import ast
from minidb.statement_cache import Parameters

if TYPE_CHECKING:
    from minidb.session import Session
    from minidb.time_travel import PastTable


class Context:
    """What functions may ask of the session (sql.functions.registry.FunctionContext)."""

    __slots__ = ("moment", "session")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.moment = session.database.clock()

    @property
    def now(self) -> datetime:
        """The same for the whole transaction."""
        return datetime.fromtimestamp(self.moment, UTC)

    @property
    def statement_time(self) -> datetime:
        return self.now

    @property
    def session_user(self) -> str:
        return "minidb"

    @property
    def time_zone(self) -> str:
        return str(self.session.settings["timezone"])

    def clock(self) -> datetime:
        return self.session.current_time()

    def random(self) -> float:
        if self.session.random is None:
            from random import Random

            self.session.random = Random()
        return float(self.session.random.random())

    def seed(self, value: float) -> None:
        from random import Random

        self.session.random = Random(value)

    def setting(self, name: str) -> str:
        return statements.shown(self.session, name)

    def configure(self, name: str, value: str | None, local: bool) -> str:
        """SET, or RESET without a value; what the setting is then."""
        statements.assign(self.session, name.lower(), () if value is None else (value,), local)
        return statements.shown(self.session, name)

    def sleep(self, seconds: float) -> None:
        """Keeps the session's thread that long; an interrupt ends it."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 0.02))
            door = self.session.door or self.session.reader
            if door is not None:
                door.check_interrupt()

    def commit_number(self) -> int:
        """The last commit that the statement sees."""
        door, published = self.session.door, self.session.manager.published
        return published if door is None else min(door.snapshot, published)

    # -- sequences

    def next_value(self, sequence: tuple[str, ...]) -> int:
        session = self.session
        assert session.door is not None
        return session.sequences.next(session.door, lambda: self.find_sequence(sequence))

    def set_value(self, sequence: tuple[str, ...], value: int, called: bool) -> int:
        session = self.session
        assert session.door is not None
        return session.sequences.set(session.door, lambda: self.find_sequence(sequence), value, called)

    def current_value(self, sequence: tuple[str, ...]) -> int:
        return self.session.sequences.current_value(self.find_sequence(sequence))

    def latest_value(self) -> int:
        return self.session.sequences.latest_value(self.session.catalog)

    def find_sequence(self, parts: tuple[str, ...]) -> schema.Sequence:
        found = self.find_relation(parts)
        if not isinstance(found, schema.Sequence):
            raise WrongObjectType(f'"{parts[-1]}" is not a sequence')
        return found

    def find_relation(self, parts: tuple[str, ...]) -> schema.Table | schema.View | schema.Sequence:
        """What a name means that was given as a value: without the caret that a name in the text has."""
        schema_name = parts[-2] if len(parts) > 1 else None
        if schema_name not in (None, "public", "pg_temp"):
            raise ProgrammingError(f'schema "{schema_name}" does not exist', sqlstate="3F000")
        found = self.session.catalog.find(parts[-1], schema_name)
        if found is None:
            raise UndefinedTable(f'relation "{".".join(parts)}" does not exist')
        return found

    def comment_on(self, relation: tuple[str, ...], column: int | None) -> str | None:
        catalog = self.session.catalog
        index = catalog.index_owner(relation[-1])
        thing = index[1] if index is not None else self.find_relation(relation)
        if column is None or not isinstance(thing, schema.Table):
            return catalog.comment_on(thing.id, None if column is None else column - 1)
        live = thing.live_columns
        return catalog.comment_on(thing.id, live[column - 1].position) if 0 < column <= len(live) else None

    def serial_sequence(self, table: tuple[str, ...], column: str) -> str | None:
        found = self.find_relation(table)
        place = found.column(column) if isinstance(found, schema.Table) else None
        if place is None or not isinstance(found, schema.Table):
            raise UndefinedColumn(f'column "{column}" of relation "{table[-1]}" does not exist')
        owned = self.session.catalog.owned_sequences(found, place.position)
        return f"{'pg_temp' if found.temporary else 'public'}.{owned[0].name}" if owned else None


class Environment:
    """What the planner may ask (sql.statement.Environment)."""

    def __init__(self, session: Session, catalog: schema.Catalog) -> None:
        self.session = session
        self.catalog = catalog
        self.settings = session.settings
        self.python = session.python
        self.parameters: Parameters | None = None  # for AS OF, whose value is asked for when the statement is bound
        self.past: dict[int, PastTable] = {}  # the tables that are read as they were

    def table_as_of(self, table: schema.Table, clause: ast.AsOf) -> schema.Table:
        return statements.table_as_of(self, table, clause)

    def virtual(self, schema_name: str, name: str) -> tuple[schema.Column, ...] | None:
        return self.session.database.inside.columns(schema_name, name)

    def statistics(self, table_id: int) -> Any:
        if table_id < 0:
            table_id = self.past[table_id].table
        return self.session.database.statistics_of(table_id)

    def size(self, table_id: int) -> Any:
        if table_id < 0:
            table_id = self.past[table_id].table
        return self.session.database.size_of(table_id)


__all__ = ["Context", "Environment"]
