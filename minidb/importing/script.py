"""A script of another database, its dump for instance: statement by statement, in one transaction.

What cannot be run is undone alone and reported; the rest goes on. Transaction control in the script is skipped: all of
it is kept, or nothing if it is broken off.
"""

from __future__ import annotations

import re
from typing import Any

from minidb.errors import Error
from minidb.importing.report import Progress, Report
from minidb.sql.printing.base import in_quotes
from minidb.sql.script import parse_script

CHECKS_OFF = re.compile(r"set\s+.*\b(?:foreign_key_checks|unique_checks|autocommit)\b", re.IGNORECASE)
SKIPPED = ("begin", "commit", "start", "rollback", "savepoint", "release", "end", "lock", "unlock")


def import_script(session: Any, text: str, dialect: str, progress: Progress | None = None) -> Report:
    session.dialect = dialect
    report = Report()
    before = {table.id for table in session.catalog.tables.values()}
    session.begin()
    try:
        for number, (statement, at) in enumerate(parse_script(text, session.dialect)):
            if progress is not None:
                progress("statements", number, 0)
            if statement.split(None, 1)[0].lower() not in SKIPPED and not CHECKS_OFF.match(statement):
                run(session, statement, text.count("\n", 0, at) + 1, report)
        made = [table for table in session.catalog.tables.values() if table.id not in before]
        session.dialect = None
        for table in made:
            counted = session.execute(f"SELECT count(*) FROM {in_quotes(table.name)}").fetch_batches()
            report.tables[table.name] = next(iter(counted))[0][0]
        session.commit()
    except BaseException:
        session.rollback()
        raise
    return report


def run(session: Any, statement: str, line: int, report: Report) -> None:
    session.savepoint("statement")
    try:
        session.execute(statement)
    except Error as error:
        session.rollback_to("statement")
        shown = " ".join(statement.split())
        report.leave_out(f"line {line}: {shown[:60]}{'...' if len(shown) > 60 else ''}: {error.message}")
    session.release("statement")
