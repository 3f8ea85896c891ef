"""The engine's inside as SQL sees it: sys.* and information_schema, rows that are computed when they are read.

    view                one view: its columns, and what makes its rows
    transactions        sys.transactions, commits, slots: who is at work, and who reads behind
    locks               sys.locks
    versions            sys.versions, dependencies: what the version chains and the conflict graph hold
    relations           sys.tables, indexes, columns, comments, sequences
    information_schema  the standard's own
    views               all of them by name

Views of what goes on show what the lock table, the version chains and the conflict graph hold at this moment; they take
no locks themselves and belong to no snapshot. Who asks for none of them does not load them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minidb import schema
from minidb.keys import Row

if TYPE_CHECKING:
    from minidb.database import Database
    from minidb.inside.view import View


class Inside:
    """The catalogue of inside views of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def views(self) -> dict[str, View]:
        """All views, by name with schema."""
        from minidb.inside.views import VIEWS  # few sessions ask

        return VIEWS

    def columns(self, schema_name: str, name: str) -> tuple[schema.Column, ...] | None:
        found = self.views().get(f"{schema_name}.{name}")
        return None if found is None else found[0]

    def rows(self, name: str) -> list[Row]:
        """The rows of a view, or of what `SELECT ... FROM` a sequence reads (`sequence RELATION`)."""
        if name.startswith("sequence "):
            return [sequence_row(self.database, int(name.removeprefix("sequence ")))]
        _, maker = self.views()[name]
        return list(maker(self.database))


def sequence_row(database: Database, relation: int) -> Row:
    """SELECT ... FROM a sequence."""
    with database.manager.latch:
        state = database.relations.sequences.states[relation]
        return state.value, state.left, state.called
