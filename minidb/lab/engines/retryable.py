"""What the errors of other engines mean, by engine and code: each becomes one of minidb.errors.

The class says what the caller can do next; `message` is the engine's own text, `detail` its own code.

    SQLite     BUSY, while others write to a log  the snapshot is or will be too old: 40001
               BUSY, with a rollback journal      waiting would be a deadlock: 40P01
               BUSY_SNAPSHOT                      40001
    DuckDB     TransactionException: a conflict   40001, also from COMMIT
    MySQL      1213 deadlock                      40P01, although it says 40001
               1020 record has changed            40001, although it says HY000 (MariaDB, innodb_snapshot_isolation)
               1205, 3572 lock timeout, NOWAIT    55P03, although 1205 says HY000
    PostgreSQL its SQLSTATE                       the same
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from minidb import errors
from minidb.errors import Error

# -- by SQLSTATE


def classes(base: type[Error]) -> Iterator[type[Error]]:
    yield base
    for below in base.__subclasses__():
        yield from classes(below)


BY_STATE = {cls.default_sqlstate: cls for cls in reversed(list(classes(Error)))}  # of several, the most general one
BY_CLASS: dict[str, type[Error]] = {
    "0A": errors.NotSupportedError,
    "22": errors.DataError,
    "23": errors.IntegrityError,
    "25": errors.InvalidTransactionState,
    "40": errors.RetryableError,
    "42": errors.ProgrammingError,
}


def by_state(sqlstate: str) -> type[Error]:
    """The class for a SQLSTATE: its own, or that of its first two characters."""
    return BY_STATE.get(sqlstate) or BY_CLASS.get(sqlstate[:2]) or errors.OperationalError


def postgres_error(sqlstate: str, message: str, detail: str | None = None, hint: str | None = None) -> Error:
    return by_state(sqlstate)(message, sqlstate=sqlstate, detail=detail, hint=hint)


def is_retryable(error: Error | None) -> bool:
    """Whether the whole transaction, run again, may succeed: conflicts, deadlocks, and locks not had in time."""
    return isinstance(error, (errors.RetryableError, errors.LockNotAvailable))


# -- MySQL and MariaDB

MYSQL: dict[int, type[Error]] = {
    1020: errors.SerializationFailure,
    1213: errors.DeadlockDetected,
    1205: errors.LockNotAvailable,
    3572: errors.LockNotAvailable,
    1317: errors.QueryCanceled,
    1062: errors.UniqueViolation,
    1169: errors.UniqueViolation,
    1048: errors.NotNullViolation,
    1216: errors.ForeignKeyViolation,
    1217: errors.ForeignKeyViolation,
    1451: errors.ForeignKeyViolation,
    1452: errors.ForeignKeyViolation,
    3819: errors.CheckViolation,
    4025: errors.CheckViolation,
    1064: errors.SyntaxError,
    1146: errors.UndefinedTable,
    1051: errors.UndefinedTable,
    1054: errors.UndefinedColumn,
    1305: errors.UndefinedFunction,
    1113: errors.ProgrammingError,
    1136: errors.ProgrammingError,
    1050: errors.DuplicateTable,
    1264: errors.NumericValueOutOfRange,
    1365: errors.DivisionByZero,
    1406: errors.StringDataRightTruncation,
    1792: errors.ReadOnlyTransaction,
    1235: errors.NotSupportedError,
}


def mysql_error(code: int, message: str) -> Error:
    kind = MYSQL.get(code, errors.OperationalError)
    if code == 1305 and message.startswith("SAVEPOINT"):
        kind = errors.InvalidSavepoint
    return kind(message, detail=f"error {code} of the server")


# -- SQLite

BUSY, LOCKED, BUSY_SNAPSHOT = 5, 6, 517
SQLITE: dict[int, type[Error]] = {
    BUSY_SNAPSHOT: errors.SerializationFailure,
    LOCKED: errors.ObjectInUse,
    8: errors.ReadOnlyTransaction,
    13: errors.DiskFull,
    1555: errors.UniqueViolation,
    2067: errors.UniqueViolation,
    2579: errors.UniqueViolation,
    787: errors.ForeignKeyViolation,
    1299: errors.NotNullViolation,
    275: errors.CheckViolation,
    19: errors.IntegrityError,
}


def sqlite_error(code: int, name: str, message: str) -> Error:
    """`code` and `name` are SQLite's extended result code. BUSY is told apart by who knows the session: see there."""
    if code & 0xFF == BUSY:
        kind = SQLITE.get(code, errors.LockNotAvailable)
    else:
        kind = SQLITE.get(code) or SQLITE.get(code & 0xFF) or by_text(message)
    return kind(message, detail=f"{name} ({code})")


# -- DuckDB


def duckdb_error(kind: str, message: str) -> Error:
    """`kind` is the name of the exception's class. DuckDB has no codes: its kind of error and the text must do."""
    first = message.strip().split("\n")[0]
    return duckdb_class(kind, first)(first, detail=kind)


def duckdb_class(kind: str, text: str) -> type[Error]:
    if re.search(r"duplicate key|PRIMARY KEY or UNIQUE", text, re.IGNORECASE):
        return errors.UniqueViolation
    if "ransaction is aborted" in text:
        return errors.InFailedTransaction
    if kind == "TransactionException":
        return errors.SerializationFailure if "onflict" in text else errors.OperationalError
    return by_text(text)


# -- engines without codes

TEXTS: tuple[tuple[str, type[Error]], ...] = (
    (r"foreign key", errors.ForeignKeyViolation),
    (r"not null constraint", errors.NotNullViolation),
    (r"check constraint", errors.CheckViolation),
    (r"no such table|table with name .* does not exist", errors.UndefinedTable),
    (r"table .* already exists", errors.DuplicateTable),
    (r"no such column|referenced column .* not found|does not have a column", errors.UndefinedColumn),
    (r"no such function|function with name .* does not exist", errors.UndefinedFunction),
    (r"no such savepoint", errors.InvalidSavepoint),
    (r"syntax error|incomplete input|unrecognized token|parser error", errors.SyntaxError),
    (r"values were supplied|binder error", errors.ProgrammingError),
    (r"interrupt", errors.QueryCanceled),
)


def by_text(message: str) -> type[Error]:
    for pattern, kind in TEXTS:
        if re.search(pattern, message, re.IGNORECASE):
            return kind
    return errors.OperationalError
