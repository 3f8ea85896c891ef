"""The demos' scenes as programs for the explorer: each session a function that performs its own steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidb.dbapi import Connection
from minidb.errors import Error
from minidb.lab.demo import Scene
from minidb.lab.stage import ENDS, Outcome, Seen, Step, filled


def programs(scene: Scene) -> dict[str, Callable[[Connection], Any]]:
    return {name: program([s for s in scene.steps if s.session == name]) for name in scene.sessions}


def program(steps: list[Step]) -> Callable[[Connection], Any]:
    def perform(connection: Connection) -> None:
        connection.autocommit = True
        seen, failed = Seen(), False
        for step in steps:
            failed = perform_step(connection, step, seen, failed)

    return perform


def perform_step(connection: Connection, step: Step, seen: Seen, failed: bool) -> bool:
    """Returns whether the transaction has failed; then all steps up to its end are left out."""
    if (failed and step.sql not in ENDS) or (step.when is not None and not step.when(seen)):
        return failed
    try:
        if step.procedure is not None:
            connection.call(step.procedure)
            return False
        text = step.sql(seen) if callable(step.sql) else filled(step.sql, seen.values())
        cursor = connection.execute(text)
        if step.label:
            seen.outcomes[step.label] = Outcome(rows=tuple(cursor.fetchall()) if cursor.description else ())
        return False
    except Error:
        return step.sql not in ENDS and connection.session.state == "failed"
