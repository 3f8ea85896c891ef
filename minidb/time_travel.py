"""SELECT ... AS OF SYSTEM TIME | COMMIT: a query on the database as it was.

It takes the locks of an ordinary query, then reads through a door of its own whose snapshot is the commit that was
asked for. It sees nothing of its own transaction, and since what it reads cannot change, no level has to remember it.
Tables have the columns of today; a table whose storage was exchanged since (TRUNCATE, a type change) cannot be read as
it was before (40001).
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from minidb.errors import DataError, InvalidParameterValue, NotSupportedError
from minidb.isolation import IsolationLevel
from minidb.results import Result
from minidb.sql import ast
from minidb.statements import evaluate
from minidb.txn.isolation import POLICIES
from minidb.txn.manager import Transaction
from minidb.types import INTERVAL, TIMESTAMPTZ, Interval, from_text

if TYPE_CHECKING:
    from minidb.session import Session


def run_as_of(session: Session, statement: ast.Query, sql: str, parameters: Any) -> Result:
    assert statement.as_of is not None
    if statement.locking:
        raise NotSupportedError("FOR UPDATE is not allowed with AS OF", position=statement.as_of.at, statement=sql)
    number = commit_number(session, statement.as_of, sql)
    prepared, values = session.prepare(replace(statement, as_of=None), sql, parameters, part=True)
    if prepared.writes:
        raise NotSupportedError("AS OF is for queries that change nothing", position=statement.as_of.at, statement=sql)
    prepared, values = session.lock_tables(prepared, values)
    manager = session.manager
    reader = Transaction(0, POLICIES[IsolationLevel.SNAPSHOT], session.label, True, False)
    past = session.manager.past
    with manager.latch:
        past.look(reader, number)
    session.looking = reader
    try:
        reader.snapshot = reader.statement_snapshot = number
        for table, _ in prepared.tables:
            session.relations.check_age(reader, table, always=True)
        door = session.database.door(manager, reader, session.relations, session.database.inside.rows, session.context)
        door.snapshot = number
        door.statement = 1
        produced = prepared.run(door, values, session.context)
        rows = [row for batch in produced for row in batch] if prepared.streams else list(produced)
    finally:
        session.looking = None
        manager.views.pop(reader, None)
    return Result("SELECT", prepared.columns, rows)


def commit_number(session: Session, clause: ast.AsOf, sql: str) -> int:
    """The commit that the clause means."""
    value = evaluate(session, (clause.value,), sql, None)[0]
    if clause.kind == "commit":
        if type(value) is not int:
            raise InvalidParameterValue("AS OF COMMIT takes the number of a commit", position=clause.at, statement=sql)
        return value
    moment = point_in_time(value, session.current_time())
    with session.manager.latch:
        return session.manager.past.number_at(moment)


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


__all__ = ["run_as_of"]
