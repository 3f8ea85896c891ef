"""Statements that are not queries: transaction control, settings, EXPLAIN, locks, maintenance, prepared statements.

`CONTROL` runs in every state of a session; `UTILITIES` run within a transaction, as queries do. Everything that is in
neither table nor in `QUERIES` is DDL.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Timer
from typing import TYPE_CHECKING, Any, Literal

from minidb import schema
from minidb.errors import (
    ActiveTransaction,
    Error,
    InvalidParameterValue,
    NoActiveTransaction,
    NotSupportedError,
    QueryCanceled,
    UndefinedColumn,
    UndefinedFunction,
    UndefinedObject,
    UndefinedTable,
    WrongObjectType,
)
from minidb.isolation import IsolationLevel
from minidb.keys import Row
from minidb.results import Result, failed_transaction
from minidb.setting_changes import SettingChanges
from minidb.setting_changes import change as change_setting
from minidb.settings import boolean, parse_setting, show_setting
from minidb.sql import ast
from minidb.sql.explain import ReadInterval
from minidb.statement_cache import Compiled
from minidb.txn.deferral import set_modes
from minidb.types import TEXT, adapt

if TYPE_CHECKING:
    from minidb.context import Environment
    from minidb.session import Parameters, Session
    from minidb.txn.rows import RowDoor

NO_QUERIES = (ast.Show, ast.SetSetting, ast.Reset)
QUERIES = (ast.Query, ast.Insert, ast.Update, ast.Delete, ast.Merge)
Handler = Callable[..., Any]


def done(tag: str, columns: Any = None, rows: list[Row] | None = None, rowcount: int = -1) -> Result:
    return Result(tag, columns, rows, rowcount)


# -- transaction control ----------------------------------------------------------------------------------


def begin(session: Session, statement: ast.Begin) -> Result:
    modes = statement.modes
    session.begin(isolation_level=modes.isolation, read_only=modes.read_only, deferrable=modes.deferrable)
    return done("BEGIN")


def commit(session: Session, statement: ast.Commit) -> Result:
    ended = ending(session, "COMMIT", statement.chain)
    modes = session.txn
    ended.tag = session.commit()
    chain(session, statement.chain, modes)
    return ended


def rollback(session: Session, statement: ast.Rollback) -> Result:
    ended = ending(session, "ROLLBACK", statement.chain)
    modes = session.txn
    session.rollback()
    chain(session, statement.chain, modes)
    return ended


def ending(session: Session, command: str, chained: bool) -> Result:
    """The result of a statement that ends the transaction; without one it says so."""
    result = done(command)
    if session.state == "idle" and session.autocommit:
        result.notices.append("there is no transaction in progress")
    if session.state == "idle" and chained:
        raise NoActiveTransaction(f"{command} AND CHAIN can only be used in transaction blocks")
    return result


def chain(session: Session, chained: bool, modes: Any) -> None:
    if chained and modes is not None:
        session.begin(isolation_level=modes.policy.level, read_only=modes.read_only, deferrable=modes.deferrable)


def savepoint(session: Session, statement: ast.Savepoint) -> Result:
    session.savepoint(statement.name)
    return done("SAVEPOINT")


def rollback_to(session: Session, statement: ast.RollbackTo) -> Result:
    session.rollback_to(statement.name)
    return done("ROLLBACK")


def release(session: Session, statement: ast.Release) -> Result:
    session.release(statement.name)
    return done("RELEASE")


def set_transaction(session: Session, statement: ast.SetTransaction) -> Result:
    modes = statement.modes
    if statement.session:
        set_session_modes(session, modes)
        return done("SET")
    if session.state == "failed":
        raise failed_transaction()
    if session.autocommit and not session.explicit:
        result = done("SET")
        result.notices.append("SET TRANSACTION can only be used in transaction blocks")
        return result
    change_modes(session, modes)
    return done("SET")


def set_session_modes(session: Session, modes: ast.TransactionModes, local: bool = False) -> None:
    if modes.isolation is not None:
        change_setting(session, "default_transaction_isolation", IsolationLevel.parse(modes.isolation), local)
    if modes.read_only is not None:
        change_setting(session, "default_transaction_read_only", modes.read_only, local)
    if modes.deferrable is not None:
        change_setting(session, "default_transaction_deferrable", modes.deferrable, local)


def change_modes(session: Session, modes: ast.TransactionModes) -> None:
    """Begins the open transaction again, in other modes; only READ ONLY may come later than the first query."""
    txn = session.open_transaction()
    if session.started or session.savepoints:
        if modes.isolation is None and modes.deferrable is None and modes.read_only:
            txn.narrowed = txn.narrowed or not txn.read_only
            txn.read_only = True
            return
        if modes.isolation is not None:
            raise ActiveTransaction("SET TRANSACTION ISOLATION LEVEL must be called before any query")
        if modes.read_only is False:
            if not txn.read_only:
                return
            raise ActiveTransaction("transaction read-write mode must be set before any query")
        raise ActiveTransaction("SET TRANSACTION [NOT] DEFERRABLE must be called before any query")
    explicit, changes = session.explicit, session.setting_changes
    session.setting_changes = SettingChanges()
    session.rollback()
    session.start_transaction(
        IsolationLevel.parse(modes.isolation or txn.policy.level),
        txn.read_only if modes.read_only is None else modes.read_only,
        txn.deferrable if modes.deferrable is None else modes.deferrable,
    )
    session.explicit, session.setting_changes = explicit, changes


CONTROL: dict[type, Handler] = {
    ast.Begin: begin,
    ast.Commit: commit,
    ast.Rollback: rollback,
    ast.Savepoint: savepoint,
    ast.RollbackTo: rollback_to,
    ast.Release: release,
    ast.SetTransaction: set_transaction,
}

# -- settings ---------------------------------------------------------------------------------------------

LEVEL_SETTINGS = ("transaction_isolation", "default_transaction_isolation")
FLAG_SETTINGS = ("transaction_read_only", "default_transaction_read_only")
SPELLED = {"timezone": "TimeZone", "datestyle": "DateStyle", "intervalstyle": "IntervalStyle"}
DEFER_SETTINGS = ("transaction_deferrable", "default_transaction_deferrable")


def shown(session: Session, name: str) -> str:
    """The value of a setting as SHOW prints it."""
    name = name.lower()
    if name in ("transaction_isolation", "transaction isolation level"):
        return session.transaction_level or session.isolation_level
    if name == "default_transaction_isolation":
        return session.isolation_level
    if name in FLAG_SETTINGS:
        txn = session.txn
        default = session.read_only or session.default_read_only
        return show_setting(name, txn.read_only if txn is not None and name.startswith("t") else default)
    if name in DEFER_SETTINGS:
        txn = session.txn
        current = txn.deferrable if txn is not None and name.startswith("t") else session.default_deferrable
        return show_setting(name, current)
    if name == "durability":
        return session.durability
    if name not in session.settings:
        raise UndefinedObject(f'unrecognized configuration parameter "{name}"')
    return show_setting(name, session.settings[name])


def show(session: Session, statement: ast.Show, sql: str, parameters: Parameters | None) -> Result:
    if statement.name is None:
        names = sorted([*session.settings, *LEVEL_SETTINGS, *FLAG_SETTINGS, *DEFER_SETTINGS, "durability"])
        return done("SHOW", (("name", TEXT), ("setting", TEXT)), [(n, shown(session, n)) for n in names])
    name = SPELLED.get(statement.name.lower(), statement.name)
    return done("SHOW", ((name, TEXT),), [(shown(session, statement.name),)])


def set_setting(session: Session, statement: ast.SetSetting, sql: str, parameters: Parameters | None) -> Result:
    result = done("SET")
    if statement.local and session.autocommit and not session.explicit:
        result.notices.append("SET LOCAL can only be used in transaction blocks")
    assign(session, statement.name.lower(), statement.values, statement.local)
    return result


def reset(session: Session, statement: ast.Reset, sql: str, parameters: Parameters | None) -> Result:
    names = [statement.name.lower()] if statement.name is not None else list(session.settings)
    for name in names:
        assign(session, name, (), False)
    return done("RESET")


def assign(session: Session, name: str, values: tuple[Any, ...], local: bool) -> None:
    if name in (*LEVEL_SETTINGS, *FLAG_SETTINGS, *DEFER_SETTINGS):
        assign_mode(session, name, values, local)
        return
    if name == "durability":
        value = str(values[0]).lower() if values else "full"
        if value not in ("full", "normal", "off"):
            raise InvalidParameterValue(f"durability is one of full, normal, off, not {value!r}")
        change_setting(session, name, value, local)
        return
    change_setting(session, name, parse_setting(name, values), local)


def level_of(name: str, value: Any) -> IsolationLevel:
    try:
        return IsolationLevel.parse(str(value))
    except Error as error:
        raise InvalidParameterValue(f'invalid value for parameter "{name}": "{value}"', hint=error.hint) from None


def assign_mode(session: Session, name: str, values: tuple[Any, ...], local: bool) -> None:
    """`transaction_...` is of the open transaction, if there is one; `default_transaction_...` of the next ones."""
    if name in LEVEL_SETTINGS:
        modes = ast.TransactionModes(isolation=level_of(name, values[0] if values else "read committed").value)
    elif name in FLAG_SETTINGS:
        modes = ast.TransactionModes(read_only=bool(values) and boolean(name, values[0]))
    else:
        modes = ast.TransactionModes(deferrable=bool(values) and boolean(name, values[0]))
    if name.startswith("transaction") and (session.explicit or not session.autocommit):
        change_modes(session, modes)
    else:
        set_session_modes(session, modes, local)


# -- EXPLAIN, locks, maintenance --------------------------------------------------------------------------


def explain(session: Session, statement: ast.Explain, sql: str, parameters: Parameters | None) -> Result:
    compiled, values = to_explain(session, statement.statement, sql, parameters)
    if statement.code:
        lines = compiled.prepared.source.splitlines()
    else:
        lines = explain_lines(session, statement, compiled, values)
    return done("EXPLAIN", (("QUERY PLAN", TEXT),), [(line,) for line in lines])


def to_explain(
    session: Session, statement: ast.Statement, sql: str, parameters: Parameters | None
) -> tuple[Compiled, Row]:
    if isinstance(statement, ast.Execute):
        from minidb import prepared_statements

        return prepared_statements.ready(session, statement, sql, parameters)
    if isinstance(statement, ast.DeclareCursor):
        statement = statement.query
    if not isinstance(statement, QUERIES):
        raise NotSupportedError("EXPLAIN works for SELECT, INSERT, UPDATE, DELETE, MERGE, EXECUTE and DECLARE CURSOR")
    return session.prepare(statement, sql, parameters, part=True)


def explain_lines(session: Session, statement: ast.Explain, compiled: Compiled, values: Row) -> list[str]:
    """The plan; with ANALYZE, the true numbers of rows beside the estimates."""
    txn = session.txn
    assert txn is not None
    policy = txn.policy

    def describe(read: ReadInterval) -> str:
        return policy.describe(read.table.name, place_name(read), read.words or "everything", read.locking)

    times: list[tuple[str, float]] = []
    if statement.analyze:
        door, row, context, compiled = session.ready_to_run(compiled, values)
        door.claiming = False
        start = context.clock()
        tree = compiled.prepared.analyze(door, row, context, describe)
        if compiled.writes:
            before = context.clock()
            door.finish_statement()
            times.append(("Constraint Checks", milliseconds(before, context.clock())))
        times.append(("Execution Time", milliseconds(start, context.clock())))
    else:
        tree = compiled.prepared.explain(describe)
    facts = {"Rewrites": ", ".join(compiled.prepared.rewrites()), "Isolation Level": policy.level}
    facts["Table Locks"] = table_locks(session, compiled)
    if statement.format == "json":
        import json

        return [json.dumps([{"Plan": tree.as_dict(), **facts, **dict(times)}], indent=2)]
    lines = [f"{label}: {text}" for label, text in facts.items() if text]
    return [*tree.lines(), *lines, *[f"{label}: {time:.3f} ms" for label, time in times]]


def milliseconds(start: Any, end: Any) -> float:
    seconds: float = (end - start).total_seconds()
    return round(seconds * 1000, 3)


def place_name(read: ReadInterval) -> str:
    """The order that an interval belongs to, in words."""
    return f"{read.table.name}'s own order" if read.index is None else read.index.name


def table_locks(session: Session, compiled: Compiled) -> str:
    names = {table.id: table.name for table in session.catalog.tables.values()}
    return ", ".join(f"{names.get(table, table)} ({mode.upper()})" for table, mode in compiled.tables)


def lock_table(session: Session, statement: ast.LockTable, sql: str, parameters: Parameters | None) -> Result:
    if session.autocommit and not session.explicit:
        raise NoActiveTransaction("LOCK TABLE can only be used in transaction blocks")
    txn = session.txn
    assert txn is not None
    session.finish_streams()
    for name in statement.tables:
        for table in locked_with(session, name):
            session.manager.lock_table(txn, table.id, statement.mode, table.name, statement.nowait)
    return done("LOCK TABLE")


def locked_with(session: Session, name: ast.QualifiedName) -> list[schema.Table]:
    """The table, or all that a view reads."""
    found = relation_named(session, name)
    if isinstance(found, schema.Sequence):
        raise WrongObjectType(f'cannot lock relation "{found.name}"', position=name.at,
                              detail="This operation is not supported for sequences.")
    if isinstance(found, schema.Table):
        return [found]
    from minidb.sql.parser import parse

    names = [node.name for node in ast.walk(parse(found.query)) if isinstance(node, ast.TableRef)]
    known = [one for one in names if session.catalog.find(one.name, one.schema) is not None]
    return [table for one in known for table in locked_with(session, one)]


def relation_named(session: Session, name: ast.QualifiedName) -> schema.Table | schema.View | schema.Sequence:
    parts = [str(part) for part in name.parts]
    known = parts[:-1] in ([], ["public"], ["pg_temp"])
    found = session.catalog.find(parts[-1], name.schema) if known else None
    if found is None:
        raise UndefinedTable(f'relation "{".".join(parts)}" does not exist', position=name.at)
    return found


def tables_to_look_at(
    session: Session, named: tuple[tuple[ast.QualifiedName, tuple[ast.Name, ...]], ...], work: str, result: Result
) -> list[schema.Table]:
    """The tables that VACUUM or ANALYZE names, or all of them."""
    tables = []
    for name, columns in named:
        found = relation_named(session, name)
        if not isinstance(found, schema.Table):
            result.notices.append(
                f'skipping "{found.name}" --- cannot {work} non-tables or special system tables'
            )
            continue
        for column in columns:
            if found.column(column.value) is None:
                raise UndefinedColumn(
                    f'column "{column.value}" of relation "{found.name}" does not exist', position=column.at
                )
        tables.append(found)
    return tables if named else list(session.catalog.tables.values())


def analyze(session: Session, statement: ast.Analyze, sql: str, parameters: Parameters | None) -> Result:
    result = done("ANALYZE")
    for table in tables_to_look_at(session, statement.tables, "analyze", result):
        session.database.analyze(table.id)
    session.database.statements.clear()
    session.own_statements.clear()
    return result


def vacuum(session: Session, statement: ast.Vacuum, sql: str, parameters: Parameters | None) -> Result:
    if session.explicit:
        raise ActiveTransaction("VACUUM cannot run inside a transaction block")
    result = done("VACUUM")
    tables = tables_to_look_at(session, statement.tables, "vacuum", result)
    with session.manager.latch:
        session.manager.trim(1 << 30)
    session.database.checkpoint()
    if statement.analyze:
        for table in tables:
            session.database.analyze(table.id)
    return result


def checkpoint(session: Session, statement: ast.Checkpoint, sql: str, parameters: Parameters | None) -> Result:
    session.database.checkpoint()
    return done("CHECKPOINT")


def discard(session: Session, statement: ast.Discard, sql: str, parameters: Parameters | None) -> Result:
    if statement.what == "all":
        if session.explicit:
            raise ActiveTransaction("DISCARD ALL cannot run inside a transaction block")
        session.prepared.clear()
        if session.cursors is not None:
            session.cursors.close(None)
    if statement.what in ("all", "plans"):
        session.own_statements.clear()
    if statement.what in ("all", "temp"):
        drop_all_temporary(session)
    if statement.what in ("all", "sequences"):
        session.sequences.forget()
    if statement.what == "all":
        for name in list(session.settings):
            assign(session, name, (), False)
    return done("DISCARD " + statement.what.upper())


def set_constraints(session: Session, statement: ast.SetConstraints, sql: str, parameters: Parameters | None) -> Result:
    result = done("SET CONSTRAINTS")
    if session.autocommit and not session.explicit:
        result.notices.append("SET CONSTRAINTS can only be used in transaction blocks")
    names = [constraint_named(session, name) for name in statement.names]
    ids = {key for found in names for key in found} if names else None
    assert session.txn is not None
    set_modes(session.txn, None if ids is None else sorted(ids), statement.deferred)
    return result


def constraint_named(session: Session, name: ast.QualifiedName) -> list[int]:
    """The ids of the deferrable constraints of this name. Raises 42704, 42809."""
    known: list[schema.ForeignKey | schema.Index] = []
    for table in session.catalog.tables.values():
        known += table.foreign_keys
        known += [index for index in table.indexes if index.constraint]
    found = [constraint for constraint in known if constraint.name == name.name]
    if not found:
        raise UndefinedObject(f'constraint "{name.name}" does not exist', position=name.at)
    if not any(constraint.deferrable for constraint in found):
        raise WrongObjectType(f'constraint "{name.name}" is not deferrable', position=name.at)
    return [constraint.id for constraint in found if constraint.deferrable]


# -- prepared statements, cursors, procedures -------------------------------------------------------------


def prepare(session: Session, statement: ast.Prepare, sql: str, parameters: Parameters | None) -> Result:
    from minidb import prepared_statements  # only here: most programs prepare nothing by hand

    return prepared_statements.prepare(session, statement, sql, parameters)


def execute(session: Session, statement: ast.Execute, sql: str, parameters: Parameters | None) -> Result:
    from minidb import prepared_statements

    return prepared_statements.execute(session, statement, sql, parameters)


def evaluate(session: Session, arguments: tuple[ast.Expression, ...], sql: str, parameters: Parameters | None) -> Row:
    """The values of a statement's arguments: constant expressions, computed as a SELECT without FROM."""
    if not arguments:
        return ()
    query = ast.Query(body=ast.Select(targets=tuple(ast.Target(expression=argument) for argument in arguments)))
    return next(iter(session.run_query(query, sql, parameters, part=True)))


def deallocate(session: Session, statement: ast.Deallocate, sql: str, parameters: Parameters | None) -> Result:
    from minidb import prepared_statements

    return prepared_statements.deallocate(session, statement, sql, parameters)


def declare_cursor(session: Session, statement: ast.DeclareCursor, sql: str, parameters: Parameters | None) -> Result:
    from minidb import cursors  # only here: most programs declare none

    return cursors.declare(session, statement, sql, parameters)


def fetch(session: Session, statement: ast.Fetch, sql: str, parameters: Parameters | None) -> Result:
    from minidb import cursors

    return cursors.fetch(session, statement, sql, parameters)


def close_cursor(session: Session, statement: ast.Close, sql: str, parameters: Parameters | None) -> Result:
    from minidb import cursors

    return cursors.close(session, statement, sql, parameters)


def run_as_of(session: Session, statement: ast.Query, sql: str, parameters: Any) -> Result:
    from minidb import time_travel

    return time_travel.run_as_of(session, statement, sql, parameters)


def table_as_of(environment: Environment, table: schema.Table, clause: ast.AsOf) -> schema.Table:
    from minidb import time_travel

    return time_travel.table_as_of(environment, table, clause)


def with_past(session: Session, compiled: Compiled, door: RowDoor) -> RowDoor:
    from minidb import time_travel

    return time_travel.with_past(session, compiled, door)


def positioned(session: Session, statement: ast.Statement, parameters: Any) -> tuple[ast.Statement, Any]:
    from minidb import cursors

    return cursors.positioned(session, statement, parameters)


def call(session: Session, statement: ast.Call, sql: str, parameters: Parameters | None) -> Result:
    """CALL: a procedure in Python, as one SERIAL transaction; what it returns is a row with one column."""
    name = statement.name.name
    connection = session.connection()
    if connection is None or not connection.has_procedure(name):
        raise UndefinedFunction(f"procedure {name} does not exist", position=statement.name.at,
                                hint="connection.register_procedure(name, function) makes one known.")
    if session.state != "idle":
        raise ActiveTransaction("CALL cannot run inside a transaction: the procedure is one of its own")
    values = arguments_of(session, statement, sql, parameters)
    try:
        connection.check_call(name, values)
    except UndefinedFunction as error:
        error.position = statement.name.at
        raise
    value = connection.call(name, *values)
    if value is None:
        return done("CALL")
    return done("CALL", ((name, adapt(value)[0]),), [(value,)])


def arguments_of(session: Session, statement: ast.Call, sql: str, parameters: Parameters | None) -> Row:
    """The arguments' values, computed in a transaction that ends before the procedure's begins."""
    found: list[Row] = []

    def compute() -> Result:
        found.append(evaluate(session, statement.arguments, sql, parameters))
        return done("")

    session.within_transaction(compute, sql)
    if session.state != "idle":
        session.rollback()
    return found[0]


def copy(session: Session, statement: ast.Copy, sql: str, parameters: Parameters | None) -> Result:
    from minidb.copying.run import copy as run_copy  # only here: most programs copy nothing

    return run_copy(session, statement, sql, parameters)


UTILITIES: dict[type, Handler] = {
    ast.Show: show,
    ast.SetSetting: set_setting,
    ast.Reset: reset,
    ast.Explain: explain,
    ast.LockTable: lock_table,
    ast.Analyze: analyze,
    ast.Vacuum: vacuum,
    ast.Checkpoint: checkpoint,
    ast.Discard: discard,
    ast.SetConstraints: set_constraints,
    ast.Prepare: prepare,
    ast.Execute: execute,
    ast.Deallocate: deallocate,
    ast.DeclareCursor: declare_cursor,
    ast.Fetch: fetch,
    ast.Close: close_cursor,
    ast.Copy: copy,
}


# -- statement_timeout ------------------------------------------------------------------------------------


def run_timed(session: Session, run: Callable[[], Result]) -> Result:
    """Runs a statement that another thread stops when `statement_timeout` is over; its rows are fetched within it."""
    expired = Event()

    def stop() -> None:
        expired.set()
        session.interrupt()

    timer = Timer(session.settings["statement_timeout"], stop)
    timer.daemon = True
    session.timed = True
    timer.start()
    try:
        result = run()
        if result.stream is not None:
            result.stream.fetch_rest()
        return result
    except QueryCanceled as error:
        if expired.is_set():
            raise QueryCanceled("canceling statement due to statement timeout") from error
        raise
    finally:
        session.timed = False
        timer.cancel()


# -- DDL --------------------------------------------------------------------------------------------------


def run_ddl(session: Session, statement: ast.Statement, sql: str) -> Result:
    from minidb.sql import ddl  # only here: most programs that start up define nothing

    assert session.txn is not None
    if session.txn.read_only:
        session.manager.before_write(session.txn, command=command_of(statement))
    door = session.schema_door()

    def run_query(query: ast.Query | ast.Execute) -> tuple[Any, Any]:
        if isinstance(query, ast.Execute):
            from minidb import prepared_statements

            prepared, values = prepared_statements.ready_for_itself(session, query, sql)
        else:
            prepared, values = session.prepare(query, sql, None, part=True)
        prepared.run = prepared.prepared.run  # rows to be stored: char(n) without its blanks
        result = session.run_prepared(prepared, values, whole=True)
        return result.columns, iter(result)

    outcome = ddl.execute(statement, sql, door, session.environment(), run_query, session.relations.compiler)
    session.statement_door().finish_statement()
    result = done(outcome.tag)
    result.notices.extend(outcome.notices)
    return result


def command_of(statement: ast.Statement) -> str:
    """What a statement is called in messages: `CREATE TABLE`, `DROP VIEW`."""
    if isinstance(statement, ast.Drop):
        return f"DROP {statement.kind.upper()}"
    if isinstance(statement, ast.Truncate):
        return "TRUNCATE TABLE"
    return "".join(f" {letter}" if letter.isupper() else letter for letter in type(statement).__name__).strip().upper()


def drop_temporary(session: Session, name: str, kind: Literal["table", "view", "sequence"] = "table") -> None:
    """Drops something temporary and what depends on it, without a word."""
    names = (ast.QualifiedName(parts=("pg_temp", name)),)
    run_ddl(session, ast.Drop(kind=kind, names=names, if_exists=True, cascade=True), "")


def drop_all_temporary(session: Session) -> None:
    catalog = session.catalog
    for table in [t for t in catalog.tables.values() if t.temporary]:
        drop_temporary(session, table.name)
    for view in [v for v in session.catalog.views.values() if v.temporary]:
        drop_temporary(session, view.name, "view")
    for sequence in [s for s in session.catalog.sequences.values() if s.temporary]:
        drop_temporary(session, sequence.name, "sequence")


__all__ = ["CONTROL", "QUERIES", "UTILITIES", "run_ddl", "shown"]
