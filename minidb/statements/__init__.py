"""Statements that are not queries: one file for each kind of them, and tables of who runs what.

    transactions    BEGIN, COMMIT, ROLLBACK, SAVEPOINT, SET TRANSACTION
    settings        SHOW, SET, RESET
    definitions     DDL
    maintenance     LOCK TABLE, SET CONSTRAINTS, ANALYZE, VACUUM, CHECKPOINT, DISCARD
    explaining, procedures, timeouts
                    EXPLAIN; CALL; what `statement_timeout` does
    doors           the way to what is imported only when it is needed, cursors and COPY for instance

`CONTROL` runs in every state of a session; `UTILITIES` run within a transaction, as queries do. Everything that is in
neither table nor in `QUERIES` is DDL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidb.sql import ast
from minidb.statements.definitions import drop_temporary, run_ddl
from minidb.statements.doors import (
    call,
    close_cursor,
    copy,
    deallocate,
    declare_cursor,
    execute,
    explain,
    fetch,
    maintain,
    positioned,
    prepare,
    run_as_of,
    run_timed,
    table_as_of,
    with_past,
)
from minidb.statements.kinds import NO_QUERIES, QUERIES
from minidb.statements.settings import assign, reset, set_setting, show, shown
from minidb.statements.transactions import (
    begin,
    commit,
    release,
    rollback,
    rollback_to,
    savepoint,
    set_transaction,
)

Handler = Callable[..., Any]

CONTROL: dict[type, Handler] = {
    ast.Begin: begin,
    ast.Commit: commit,
    ast.Rollback: rollback,
    ast.Savepoint: savepoint,
    ast.RollbackTo: rollback_to,
    ast.Release: release,
    ast.SetTransaction: set_transaction,
}
UTILITIES: dict[type, Handler] = {
    ast.Show: show,
    ast.SetSetting: set_setting,
    ast.Reset: reset,
    ast.Explain: explain,
    ast.LockTable: maintain,
    ast.Analyze: maintain,
    ast.Vacuum: maintain,
    ast.Checkpoint: maintain,
    ast.Discard: maintain,
    ast.SetConstraints: maintain,
    ast.Prepare: prepare,
    ast.Execute: execute,
    ast.Deallocate: deallocate,
    ast.DeclareCursor: declare_cursor,
    ast.Fetch: fetch,
    ast.Close: close_cursor,
    ast.Copy: copy,
}

__all__ = [
    "CONTROL",
    "NO_QUERIES",
    "QUERIES",
    "UTILITIES",
    "assign",
    "call",
    "drop_temporary",
    "positioned",
    "run_as_of",
    "run_ddl",
    "run_timed",
    "shown",
    "table_as_of",
    "with_past",
]
