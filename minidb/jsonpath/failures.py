"""What goes wrong while a path is followed: unknown inside a predicate, nothing where the caller asked for silence,
an error everywhere else."""

from __future__ import annotations

from minidb import errors


class Failure(Exception):
    def __init__(self, sqlstate: str, words: str, hint: str | None = None) -> None:
        super().__init__(words)
        self.sqlstate = sqlstate
        self.hint = hint

    def error(self) -> errors.DataError:
        """The error that the caller sees."""
        return errors.DataError(str(self), sqlstate=self.sqlstate, hint=self.hint)
