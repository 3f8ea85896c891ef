"""Statements that are sent together, as in PostgreSQL's simple query protocol: one rule for explorer and tester.

They are one implicit transaction: BEGIN among them makes it an explicit one, COMMIT and ROLLBACK end it, and what is
left of it at the end commits, or after an error rolls back. One statement alone is a transaction of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from minidb.errors import Error
from minidb.lab.run import Answer

BEGIN = re.compile(r"(?:BEGIN(?:\s+(?:WORK|TRANSACTION))?|START\s+TRANSACTION)\b", re.IGNORECASE)


def run_message(session: Any, statements: Sequence[str], say: Callable[[int, str], Answer]) -> Error | None:
    """Lets `say(number, sql)` run each statement, until one fails. Returns the error of the commit at the end."""
    session.autocommit = len(statements) <= 1
    try:
        failed = any(say(number, sql).error is not None for number, sql in enumerate(statements))
        if session.explicit or session.state == "idle":
            return None
        if failed:
            session.rollback()
        else:
            session.commit()
    except Error as error:
        if session.state != "idle":
            session.rollback()
        return error
    finally:
        session.autocommit = True
    return None


def answer_of(session: Any, sql: str) -> Answer:
    """What a statement returns, its rows fetched."""
    try:
        begin = BEGIN.match(sql)
        if begin is None or session.explicit or session.state == "idle":
            return answer_with(session.execute(sql))
        session.explicit = True  # the implicit transaction becomes an explicit one
        modes = sql[begin.end() :].strip()
        if modes:
            session.execute(f"SET TRANSACTION {modes}")
        return Answer("BEGIN")
    except Error as error:
        return Answer(error=error)


def answer_with(result: Any) -> Answer:
    notices = tuple(result.notices)
    if result.columns is None:
        return Answer(result.tag, notices=notices)
    rows = tuple(row for batch in result.fetch_batches() for row in batch)
    names, types = tuple(name for name, _ in result.columns), tuple(str(kind) for _, kind in result.columns)
    return Answer(result.tag, names, types, rows, notices=notices)


__all__ = ["answer_of", "run_message"]
