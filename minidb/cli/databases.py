"""Databases that a command expects to be there: one that is mistyped is not made."""

from __future__ import annotations

from pathlib import Path

from minidb.database import Database
from minidb.errors import OperationalError


def must_exist(file: str, hint: str | None = None) -> None:
    """Raises OperationalError if there is no such file."""
    if not Path(file).exists():
        raise OperationalError(f"there is no database {file}", hint=hint)


def open_existing(file: str) -> Database:
    """The database in a file that is there."""
    must_exist(file)
    return Database.shared(file)
