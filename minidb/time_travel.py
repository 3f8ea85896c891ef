"""SELECT ... AS OF SYSTEM TIME | COMMIT: a query on the database as it was; t FOR SYSTEM_TIME AS OF: one table of it.

A whole query takes the locks of an ordinary one, then reads through a door of its own whose snapshot is the commit that
was asked for. It sees nothing of its own transaction, and since what it reads cannot change, no level has to remember
it. Tables have the columns of today; a table whose storage was exchanged since (TRUNCATE, a type change) cannot be read
as it was before (55000).

Tables, subqueries and views with a time of their own stand beside others in one statement: the binder asks, for each,
for a table with an id of its own (`table_as_of`), and the statement's door (`RowsThen`) reads that one through a door
to its commit. When that was is asked once, when the statement is bound, and so it is bound at each execution.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from weakref import finalize

import msgspec
from msgspec.structs import replace

from minidb import schema
from minidb.errors import DataError, InvalidParameterValue, NotSupportedError, ObjectNotReady, SerializationFailure
from minidb.isolation import IsolationLevel
from minidb.results import Result
from minidb.sql import ast
from minidb.sql.binder.workspace import located
from minidb.statement_cache import Compiled, check_count, used_parameters
from minidb.statements.procedures import evaluate
from minidb.txn.isolation import POLICIES
from minidb.txn.transaction import Transaction
from minidb.types import INTERVAL, TIMESTAMPTZ, Interval, adapt, from_text

if TYPE_CHECKING:
    from minidb.session import Environment, Session
    from minidb.txn.rows import RowDoor


class PastTable(msgspec.Struct, frozen=True):
    """What a made-up table id of a plan means: a table as of a commit."""

    table: int
    commit: int


# -- a whole query ----------------------------------------------------------------------------------------


def run_as_of(session: Session, statement: ast.Query, sql: str, parameters: Any) -> Result:
    assert statement.as_of is not None
    if statement.locking:
        raise NotSupportedError("FOR UPDATE is not allowed with AS OF", position=statement.as_of.at, statement=sql)
    number = commit_number(session, statement.as_of, sql, parameters)
    check_count(statement, parameters)
    if isinstance(parameters, Mapping):
        parameters = used_parameters(statement, parameters)
    now = replace(statement, as_of=None)
    environment = session.environment()
    environment.parameters = parameters
    prepared, values = session.own_statements.compile(now, sql, parameters, environment, False)
    if prepared.writes:
        raise NotSupportedError("AS OF is for queries that change nothing", position=statement.as_of.at, statement=sql)
    prepared, values = session.lock_tables(prepared, values)
    looking = Looking(session, prepared, number)
    session.looking = looking.reader
    try:
        door = with_past(session, prepared, looking.door) if prepared.past else looking.door
        produced = prepared.run(door, values, session.context)
        rows = [row for batch in produced for row in batch] if prepared.streams else list(produced)
    finally:
        session.looking = None
        looking.end()
    return Result("SELECT", prepared.columns, rows)


class Looking:
    """A door to the database as of a commit. The versions that it sees stay until `end`."""

    def __init__(self, session: Session, compiled: Compiled, number: int) -> None:
        manager = session.manager
        self.manager = manager
        self.reader = Transaction(0, POLICIES[IsolationLevel.SNAPSHOT], session.label, True, False)
        self.reader.temporary = session.temporary
        with manager.latch:
            manager.past.look(self.reader, number)
        try:
            self.reader.snapshot = number
            for table, _ in compiled.tables:
                self.check_age(session, table)
        except BaseException:
            self.end()
            raise
        self.door = session.database.door(
            manager, self.reader, session.relations, session.database.inside.rows, session.context
        )
        self.door.snapshot = number
        self.door.statement = 1

    def check_age(self, session: Session, table: int) -> None:
        try:
            session.relations.check_age(self.reader, table, always=True)
        except SerializationFailure:
            found = session.catalog.table_by_id(table)
            raise ObjectNotReady(
                f'table "{found.name if found is not None else table}" cannot be read as of commit '
                f"{self.reader.snapshot}",
                detail="Its rows or its definition have been exchanged since (TRUNCATE, ALTER TABLE).",
            ) from None

    def end(self) -> None:
        self.manager.views.pop(self.reader, None)


# -- single tables, subqueries, views ---------------------------------------------------------------------


def table_as_of(environment: Environment, table: schema.Table, clause: ast.AsOf) -> schema.Table:
    """The table under an id of its own, which the statement's door knows as a table of the past."""
    with located(clause.at):
        meant = PastTable(table.id, commit_number(environment.session, clause, None, environment.parameters))
    known = next((number for number, other in environment.past.items() if other == meant), None)
    if known is None:
        known = -1 - len(environment.past)
        environment.past[known] = meant
    return replace(table, id=known)


def with_past(session: Session, compiled: Compiled, door: RowDoor) -> RowDoor:
    """A door that reads the tables that are meant as they were through doors of their own."""
    doors: dict[int, Looking] = {}
    for past in compiled.past.values():
        if past.commit not in doors:
            doors[past.commit] = Looking(session, compiled, past.commit)
    rows = RowsThen(door, {number: (doors[p.commit].door, p.table) for number, p in compiled.past.items()})
    for looking in doors.values():
        finalize(rows, looking.end)  # a result that streams goes on to use them
    return rows  # type: ignore[return-value]


class RowsThen:
    """The present, and some tables as they were. Those can only be read."""

    def __init__(self, present: RowDoor, past: dict[int, tuple[RowDoor, int]]) -> None:
        self.present = present
        self.past = past

    def place(self, table: int) -> tuple[RowDoor, int]:
        return self.past.get(table) or (self.present, table)

    def scan(self, table: int, *rest: Any, **options: Any) -> Any:
        door, table = self.place(table)
        return door.scan(table, *rest, **options)

    def pages(self, table: int) -> Any:
        door, table = self.place(table)
        return door.pages(table)

    def range(self, table: int, *rest: Any, **options: Any) -> Any:
        door, table = self.place(table)
        return door.range(table, *rest, **options)

    def entries(self, table: int, *rest: Any, **options: Any) -> Any:
        door, table = self.place(table)
        return door.entries(table, *rest, **options)

    def addresses(self, table: int, *rest: Any, **options: Any) -> Any:
        door, table = self.place(table)
        return door.addresses(table, *rest, **options)

    def find(self, table: int, *rest: Any, **options: Any) -> Any:
        door, table = self.place(table)
        return door.find(table, *rest, **options)

    def get(self, table: int, ref: Any) -> Any:
        door, table = self.place(table)
        return door.get(table, ref)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.present, name)


# -- when -------------------------------------------------------------------------------------------------


def commit_number(session: Session, clause: ast.AsOf, sql: str | None, parameters: Any = None) -> int:
    """The commit that the clause means."""
    value = evaluate_clause(session, clause, parameters)
    if clause.kind == "commit":
        if type(value) is not int:
            raise InvalidParameterValue("AS OF COMMIT takes the number of a commit", position=clause.at, statement=sql)
        return value
    moment = point_in_time(value, session.current_time())
    with session.manager.latch:
        return session.manager.past.number_at(moment)


def evaluate_clause(session: Session, clause: ast.AsOf, parameters: Any) -> Any:
    """The clause's value; of the statement's parameters it may use any."""
    value = clause.value
    if isinstance(parameters, Mapping):
        names = {node.name for node in ast.walk(value) if isinstance(node, ast.NamedParameter)}
        given = {name: parameters[name] for name in names if name in parameters}
        return evaluate(session, (value,), "", given or None)[0]
    if isinstance(value, ast.Parameter):
        given_values = list(parameters or ())
        if value.index > len(given_values):
            raise NotSupportedError("AS OF needs its value when the statement is prepared", position=value.at)
        return adapt(given_values[value.index - 1])[1]
    return evaluate(session, (value,), "", None)[0]


def point_in_time(value: Any, now: datetime) -> float:
    """Seconds since the epoch of a timestamp, a text that spells one, or an interval before now ('-10 s')."""
    if isinstance(value, str):
        try:
            value = from_text(TIMESTAMPTZ, value, now)
        except DataError:
            value = from_text(INTERVAL, value)
    if isinstance(value, Interval):
        return now.timestamp() + value.microseconds / 1e6 + value.days * 86400 + value.months * 30 * 86400
    if isinstance(value, datetime):
        return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    raise InvalidParameterValue("AS OF SYSTEM TIME takes a timestamp, or an interval like '-10 s'")


__all__ = ["PastTable", "run_as_of", "table_as_of", "with_past"]
