"""Every error that minidb raises, as one tree.

    Exception
    +- Warning                              PEP 249
    +- Error                                PEP 249; carries .sqlstate, .detail, .hint, .position
       +- InterfaceError                    the driver was used wrongly (closed cursor, wrong thread)
       +- DatabaseError
          +- DataError                      22xxx  a value is out of its range
          +- IntegrityError                 23xxx  UniqueViolation, ForeignKeyViolation, NotNullViolation, ...
          +- ProgrammingError               42xxx  SyntaxError, UndefinedTable, UndefinedColumn, ...: mend the SQL
          +- OperationalError               40xxx, 53xxx, 55xxx, 57xxx: the world, not the statement
          |  +- RetryableError              SerializationFailure 40001, DeadlockDetected 40P01: run it again
          |  +- LockNotAvailable 55P03, QueryCanceled 57014, DiskFull 53100 ...
          +- InternalError                  25xxx state of the transaction; XX001 DatabaseCorrupt
          +- NotSupportedError              0A000

The leaves are cut by what the caller does next: mend the SQL, retry, or report damage. Facts live in
attributes (`cycle`, `position`, `constraint`), the text only repeats them.
"""

from __future__ import annotations

from typing import Any, ClassVar


class Warning(Exception):
    """Important notices, as PEP 249 asks for. minidb raises none itself."""


class Error(Exception):
    """Base of all errors of minidb.

    Attributes:
        sqlstate: five characters, as in the SQL standard and PostgreSQL.
        message: one sentence without the decoration of `str(error)`.
        detail: the facts behind it (which key, which cycle), or None.
        hint: what to try, or None.
        position: offset of the offending place in the statement, in characters from 0, or None.
        statement: the SQL text that `position` counts in, or None.
    """

    default_sqlstate: ClassVar[str] = "XX000"
    context: str | None = None  # where it happened, if not in the statement's text: `COPY t, line 3, column b: "x"`

    def __init__(
        self,
        message: str = "",
        *,
        sqlstate: str | None = None,
        detail: str | None = None,
        hint: str | None = None,
        position: int | None = None,
        statement: str | None = None,
        constraint: str | None = None,
        table: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.sqlstate = sqlstate or self.default_sqlstate
        self.detail = detail
        self.hint = hint
        self.position = position
        self.statement = statement
        self.constraint = constraint
        self.table = table

    def __str__(self) -> str:
        lines = [self.message]
        if self.position is not None and self.statement is not None:
            lines.append(caret(self.statement, self.position))
        if self.detail:
            lines.append(f"DETAIL: {self.detail}")
        if self.hint:
            lines.append(f"HINT: {self.hint}")
        if self.context:
            lines.append(f"CONTEXT: {self.context}")
        return "\n".join(lines)


def caret(statement: str, position: int) -> str:
    """The line of `statement` that holds `position`, with a caret below the place."""
    position = min(position, len(statement))
    start = statement.rfind("\n", 0, position) + 1
    end = statement.find("\n", position)
    line = statement[start : end if end >= 0 else len(statement)]
    column = position - start
    if len(line) > 160:
        cut = max(0, column - 80)
        line, column = line[cut : cut + 160], column - cut
    prefix = f"LINE {statement.count(chr(10), 0, position) + 1}: "
    pad = "".join("\t" if c == "\t" else " " for c in line[:column])
    return f"{prefix}{line}\n{' ' * len(prefix)}{pad}^"


class InterfaceError(Error):
    default_sqlstate = "08003"


class DatabaseError(Error):
    pass


class DataError(DatabaseError):
    default_sqlstate = "22000"


class IntegrityError(DatabaseError):
    default_sqlstate = "23000"


class ProgrammingError(DatabaseError):
    default_sqlstate = "42000"


class OperationalError(DatabaseError):
    default_sqlstate = "58000"


class InternalError(DatabaseError):
    default_sqlstate = "XX000"


class NotSupportedError(DatabaseError):
    default_sqlstate = "0A000"


# -- 22: values -------------------------------------------------------------------------------------------


class NumericValueOutOfRange(DataError):
    default_sqlstate = "22003"


class DivisionByZero(DataError):
    default_sqlstate = "22012"


class InvalidTextRepresentation(DataError):
    default_sqlstate = "22P02"


class InvalidDatetimeFormat(DataError):
    default_sqlstate = "22007"


class DatetimeFieldOverflow(DataError):
    default_sqlstate = "22008"


class StringDataRightTruncation(DataError):
    default_sqlstate = "22001"


class CharacterNotInRepertoire(DataError):
    default_sqlstate = "22021"


class InvalidParameterValue(DataError):
    default_sqlstate = "22023"


# -- 21, 23: constraints ----------------------------------------------------------------------------------


class CardinalityViolation(ProgrammingError):
    default_sqlstate = "21000"


class UniqueViolation(IntegrityError):
    default_sqlstate = "23505"


class ForeignKeyViolation(IntegrityError):
    default_sqlstate = "23503"


class NotNullViolation(IntegrityError):
    default_sqlstate = "23502"


class CheckViolation(IntegrityError):
    default_sqlstate = "23514"


# -- 24, 25, 34: state ------------------------------------------------------------------------------------


class InvalidCursorState(ProgrammingError):
    default_sqlstate = "24000"


class InvalidTransactionState(InternalError):
    default_sqlstate = "25000"


class ActiveTransaction(InvalidTransactionState):
    default_sqlstate = "25001"


class ReadOnlyTransaction(InvalidTransactionState):
    default_sqlstate = "25006"


class NoActiveTransaction(InvalidTransactionState):
    default_sqlstate = "25P01"


class InFailedTransaction(InvalidTransactionState):
    default_sqlstate = "25P02"


class InvalidSavepoint(InvalidTransactionState):
    default_sqlstate = "3B001"


# -- 42: the SQL text -------------------------------------------------------------------------------------


class SyntaxError(ProgrammingError):
    default_sqlstate = "42601"


class UndefinedTable(ProgrammingError):
    default_sqlstate = "42P01"


class UndefinedColumn(ProgrammingError):
    default_sqlstate = "42703"


class UndefinedFunction(ProgrammingError):
    default_sqlstate = "42883"


class UndefinedObject(ProgrammingError):
    default_sqlstate = "42704"


class UndefinedParameter(ProgrammingError):
    default_sqlstate = "42P02"


class DuplicateTable(ProgrammingError):
    default_sqlstate = "42P07"


class DuplicateColumn(ProgrammingError):
    default_sqlstate = "42701"


class DuplicateObject(ProgrammingError):
    default_sqlstate = "42710"


class DuplicateAlias(ProgrammingError):
    default_sqlstate = "42712"


class AmbiguousColumn(ProgrammingError):
    default_sqlstate = "42702"


class AmbiguousFunction(ProgrammingError):
    default_sqlstate = "42725"


class DatatypeMismatch(ProgrammingError):
    default_sqlstate = "42804"


class CannotCoerce(ProgrammingError):
    default_sqlstate = "42846"


class IndeterminateDatatype(ProgrammingError):
    default_sqlstate = "42P18"


class GroupingError(ProgrammingError):
    default_sqlstate = "42803"


class WindowingError(ProgrammingError):
    default_sqlstate = "42P20"


class WrongObjectType(ProgrammingError):
    default_sqlstate = "42809"


class InvalidColumnReference(ProgrammingError):
    default_sqlstate = "42P10"


class InvalidTableDefinition(ProgrammingError):
    default_sqlstate = "42P16"


class InvalidForeignKey(ProgrammingError):
    default_sqlstate = "42830"


class DependentObjectsExist(OperationalError):
    default_sqlstate = "2BP01"


# -- 40, 55: other transactions ---------------------------------------------------------------------------


class RetryableError(OperationalError):
    """The transaction was right and may succeed when it is run again, from its start.

    `cycle` holds the facts: a tuple of dicts, one per edge or wait, with the keys `from`, `to`, `kind`
    ('rw', 'wr', 'ww' or 'waits'), `object` (row or interval in words), `index`, and the statements of both ends.
    """

    default_sqlstate = "40000"

    def __init__(self, message: str = "", *, cycle: tuple[dict[str, Any], ...] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.cycle = cycle


class SerializationFailure(RetryableError):
    default_sqlstate = "40001"


class DeadlockDetected(RetryableError):
    default_sqlstate = "40P01"


class LockNotAvailable(OperationalError):
    default_sqlstate = "55P03"


class ObjectInUse(OperationalError):
    default_sqlstate = "55006"


class ObjectNotReady(OperationalError):
    """What is asked for is not there any more, or not yet, as the changes before a slot was made."""

    default_sqlstate = "55000"


class QueryCanceled(OperationalError):
    default_sqlstate = "57014"


# -- 08, 53, 54, 58, XX: the machine ----------------------------------------------------------------------


class TransactionResolutionUnknown(OperationalError):
    default_sqlstate = "08007"


class InsufficientResources(OperationalError):
    default_sqlstate = "53000"


class DiskFull(InsufficientResources):
    default_sqlstate = "53100"


class OutOfMemory(InsufficientResources):
    default_sqlstate = "53200"


class ProgramLimitExceeded(OperationalError):
    default_sqlstate = "54000"


class StatementTooComplex(ProgramLimitExceeded):
    default_sqlstate = "54001"


class DatabaseInUse(OperationalError):
    """Another process holds the database file."""

    default_sqlstate = "55006"


class SnapshotTooOld(OperationalError):
    default_sqlstate = "72000"


class DatabaseFailed(OperationalError):
    """The database refuses further work until it is reopened (a failed sync, a broken critical section)."""

    default_sqlstate = "58030"


class DatabaseCorrupt(DatabaseError):
    """Bytes on the disk are not what was written; names the file and the place."""

    default_sqlstate = "XX001"


class NotADatabase(DatabaseCorrupt):
    default_sqlstate = "XX001"
