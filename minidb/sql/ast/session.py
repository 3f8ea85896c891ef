"""Statements of a session: transactions, settings, prepared statements, cursors, COPY, EXPLAIN, maintenance."""

from __future__ import annotations

from typing import Literal

from minidb.sql.ast.nodes import Expression, Name, Node, Option, QualifiedName, Statement, TypeName
from minidb.sql.ast.queries import Query

# -- transactions -----------------------------------------------------------------------------------------


IsolationName = Literal["read uncommitted", "read committed", "snapshot", "2pl", "ssi", "serial"]


class TransactionModes(Node, frozen=True):
    """ISOLATION LEVEL, READ ONLY and DEFERRABLE; None where nothing is said. REPEATABLE READ is `snapshot`."""

    isolation: IsolationName | None = None
    read_only: bool | None = None
    deferrable: bool | None = None


class Begin(Statement, frozen=True):
    """`BEGIN [TRANSACTION] modes` or `START TRANSACTION modes`."""

    modes: TransactionModes = TransactionModes()


class Commit(Statement, frozen=True):
    """`COMMIT` or `END`; `chain` for AND CHAIN."""

    chain: bool = False


class Rollback(Statement, frozen=True):
    """`ROLLBACK` or `ABORT`; `chain` for AND CHAIN."""

    chain: bool = False


class Savepoint(Statement, frozen=True):
    """`SAVEPOINT name`."""

    name: str


class RollbackTo(Statement, frozen=True):
    """`ROLLBACK TO [SAVEPOINT] name`."""

    name: str


class Release(Statement, frozen=True):
    """`RELEASE [SAVEPOINT] name`."""

    name: str


class SetTransaction(Statement, frozen=True):
    """`SET TRANSACTION modes`, or `SET SESSION CHARACTERISTICS AS TRANSACTION modes` (`session`)."""

    modes: TransactionModes
    session: bool = False


class SetConstraints(Statement, frozen=True):
    """`SET CONSTRAINTS ALL | names DEFERRED | IMMEDIATE`; `names` is () for ALL."""

    names: tuple[QualifiedName, ...]
    deferred: bool


LockMode = Literal[
    "access share",
    "row share",
    "row exclusive",
    "share update exclusive",
    "share",
    "share row exclusive",
    "exclusive",
    "access exclusive",
]


class LockTable(Statement, frozen=True):
    """`LOCK [TABLE] tables [IN mode MODE] [NOWAIT]`."""

    tables: tuple[QualifiedName, ...]
    mode: LockMode = "access exclusive"
    nowait: bool = False


# -- settings ---------------------------------------------------------------------------------------------


class SetSetting(Statement, frozen=True):
    """`SET [SESSION | LOCAL] name = value, ...`; `values` is () for DEFAULT. SET TIME ZONE is the setting `timezone`.

    Words (`on`, `off`, names) and strings are str, numbers int or float.
    """

    name: str
    values: tuple[str | int | float, ...]
    local: bool = False


class Reset(Statement, frozen=True):
    """`RESET name`; None for ALL."""

    name: str | None


class Show(Statement, frozen=True):
    """`SHOW name`; None for ALL. SHOW TRANSACTION ISOLATION LEVEL is `transaction_isolation`."""

    name: str | None


class Discard(Statement, frozen=True):
    """`DISCARD ALL | PLANS | SEQUENCES | TEMP`."""

    what: Literal["all", "plans", "sequences", "temp"]


# -- prepared statements, cursors, the rest ---------------------------------------------------------------


class Prepare(Statement, frozen=True):
    """`PREPARE name (types) AS statement`."""

    name: str
    types: tuple[TypeName, ...]
    statement: Statement


class Execute(Statement, frozen=True):
    """`EXECUTE name (arguments)`."""

    name: str
    arguments: tuple[Expression, ...] = ()


class Deallocate(Statement, frozen=True):
    """`DEALLOCATE [PREPARE] name`; None for ALL."""

    name: str | None


class DeclareCursor(Statement, frozen=True):
    """`DECLARE name [INSENSITIVE] [[NO] SCROLL] CURSOR [WITH | WITHOUT HOLD] FOR query`."""

    name: str
    query: Query
    scroll: bool | None = None
    hold: bool = False


class Fetch(Statement, frozen=True):
    """`FETCH | MOVE direction FROM cursor`.

    `count` belongs to `forward`, `backward`, `absolute`, `relative`; None is ALL. NEXT is forward 1, PRIOR backward 1,
    FIRST absolute 1, LAST absolute -1.
    """

    cursor: str
    direction: Literal["forward", "backward", "absolute", "relative"] = "forward"
    count: int | None = 1
    move: bool = False


class Close(Statement, frozen=True):
    """`CLOSE name`; None for ALL."""

    cursor: str | None


class Explain(Statement, frozen=True):
    """`EXPLAIN [ANALYZE] [VERBOSE] statement` or `EXPLAIN (ANALYZE, CODE, FORMAT json, COSTS off, ...) statement`."""

    statement: Statement
    analyze: bool = False
    verbose: bool = False
    code: bool = False
    format: Literal["text", "json"] = "text"
    options: tuple[Option, ...] = ()  # the others: costs, timing, buffers, ...


class Vacuum(Statement, frozen=True):
    """`VACUUM [FULL] [VERBOSE] [ANALYZE] table (columns), ...`; () for all."""

    tables: tuple[tuple[QualifiedName, tuple[Name, ...]], ...] = ()
    full: bool = False
    analyze: bool = False
    verbose: bool = False


class Analyze(Statement, frozen=True):
    """`ANALYZE [VERBOSE] table (columns), ...`; () for all."""

    tables: tuple[tuple[QualifiedName, tuple[Name, ...]], ...] = ()
    verbose: bool = False


class Checkpoint(Statement, frozen=True):
    """`CHECKPOINT`."""


class Call(Statement, frozen=True):
    """`CALL procedure(arguments)`."""

    name: QualifiedName
    arguments: tuple[Expression, ...] = ()


class Copy(Statement, frozen=True):
    """`COPY table (columns) | (query) FROM | TO 'file' | STDIN | STDOUT WITH (options)`.

    `file` is None for STDIN and STDOUT. Options: format, header, delimiter, null, quote, escape, encoding.
    """

    source: QualifiedName | Query
    columns: tuple[Name, ...]
    direction: Literal["from", "to"]
    file: str | None
    options: tuple[Option, ...] = ()
    where: Expression | None = None
