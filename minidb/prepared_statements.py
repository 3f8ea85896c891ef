"""PREPARE, EXECUTE, DEALLOCATE: statements with a name, for as long as the session lives.

PREPARE binds the statement, with the types that it declares and for the other parameters with those that their places
ask for: what is wrong with it is told then. The compiled statement stands in the statement cache, under the text of its
PREPARE, and is made anew when a schema change, new statistics or another setting has thrown it out; its columns must
then be what they were. EXECUTE's arguments become values of the parameters' types as if they were assigned to columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minidb.errors import (
    DatatypeMismatch,
    Error,
    GroupingError,
    IndeterminateDatatype,
    NotSupportedError,
    ProgrammingError,
    SyntaxError,
    UndefinedObject,
    WindowingError,
)
from minidb.keys import Row
from minidb.results import Columns, Result
from minidb.sql import ast
from minidb.sql.binder.expressions import bind_type
from minidb.sql.binder.workspace import locate, located
from minidb.sql.functions import is_aggregate
from minidb.sql.statement import prepare as compile_statement
from minidb.statement_cache import Compiled, keep
from minidb.types import UNKNOWN, SqlType, can_coerce
from minidb.zoned import conversion, read

if TYPE_CHECKING:
    from minidb.session import Session

QUERIES = (ast.Query, ast.Insert, ast.Update, ast.Delete, ast.Merge)
NO_COLUMNS: Columns = ()


class PreparedStatement:
    """One PREPARE: `text` is all of it, so that places in errors are places in it."""

    def __init__(self, statement: ast.Prepare, text: str) -> None:
        self.name = statement.name
        self.statement = statement.statement
        self.text = text
        self.declared = statement.types
        self.parameters: tuple[SqlType, ...] = ()
        self.columns: Columns | None = None

    def bind(self, session: Session) -> Compiled:
        """Compiles it for the first time. Raises what is wrong with it, 42P18 for a parameter without a type."""
        if not isinstance(self.statement, QUERIES):
            raise NotSupportedError("only SELECT, INSERT, UPDATE, DELETE, MERGE and VALUES can be prepared",
                                    position=self.statement.at, statement=self.text)
        try:
            self.parameters = tuple(bind_type(name) for name in self.declared)
        except Error as error:
            locate(error, self.text)
            raise
        compiled = self.compile(session)
        mentioned = self.mentioned()
        for number in range(len(self.declared) + 1, len(compiled.prepared.parameters) + 1):
            if number not in mentioned:
                raise IndeterminateDatatype(f"could not determine data type of parameter ${number}")
        self.parameters, self.columns = compiled.prepared.parameters, compiled.columns
        return compiled

    def mentioned(self) -> set[int]:
        return {node.index for node in ast.walk(self.statement) if isinstance(node, ast.Parameter)}

    def compile(self, session: Session) -> Compiled:
        count = max([len(self.parameters), *self.mentioned()])
        types = (*self.parameters, *[UNKNOWN] * (count - len(self.parameters)))
        environment = session.environment()
        prepared = compile_statement(self.statement, self.text, environment, types)
        return Compiled(prepared, environment.catalog.version, self.statement, self.text, types, ())

    def compiled(self, session: Session) -> Compiled:
        """The compiled statement, from the cache if it is there and as of today. Raises 0A000."""
        cache = session.statements.variant(session.profile)
        key = ("prepared", self.text)
        found = cache.by_text.get(key)
        if found is None or found.catalog_version != session.catalog.version:
            found = self.compile(session)
            if shape_of(found.columns) != shape_of(self.columns):
                raise NotSupportedError("cached plan must not change result type")
            if session.txn is None or session.txn.catalog is None:
                keep(cache.by_text, key, found)
        return found


def shape_of(columns: Columns | None) -> tuple[Any, ...]:
    return tuple(columns or ())


# -- statements -------------------------------------------------------------------------------------------


def prepare(session: Session, statement: ast.Prepare, sql: str, parameters: Any) -> Result:
    found = PreparedStatement(statement, sql)
    found.bind(session)
    if statement.name in session.prepared:
        raise ProgrammingError(f'prepared statement "{statement.name}" already exists', sqlstate="42P05")
    session.prepared[statement.name] = found
    return Result("PREPARE")


def execute(session: Session, statement: ast.Execute, sql: str, parameters: Any) -> Result:
    return session.run_prepared(*ready(session, statement, sql, parameters))


def ready(session: Session, statement: ast.Execute, sql: str, parameters: Any) -> tuple[Compiled, Row]:
    """What EXECUTE runs, and the values for it."""
    found = named(session, statement.name)
    values = argument_values(session, found, statement, sql, parameters)
    return found.compiled(session), values


def ready_for_itself(session: Session, statement: ast.Execute, sql: str) -> tuple[Compiled, Row]:
    """The same, compiled for the caller alone, who may change it."""
    found = named(session, statement.name)
    return found.compile(session), argument_values(session, found, statement, sql, None)


def named(session: Session, name: str) -> PreparedStatement:
    found = session.prepared.get(name)
    if found is None:
        raise UndefinedObject(f'prepared statement "{name}" does not exist', sqlstate="26000")
    return found


def deallocate(session: Session, statement: ast.Deallocate, sql: str, parameters: Any) -> Result:
    if statement.name is None:
        session.prepared.clear()
        return Result("DEALLOCATE ALL")
    named(session, statement.name)
    del session.prepared[statement.name]
    return Result("DEALLOCATE")


# -- arguments --------------------------------------------------------------------------------------------


def argument_values(
    session: Session, found: PreparedStatement, statement: ast.Execute, sql: str, parameters: Any
) -> Row:
    """The arguments as values of the parameters' types. Raises 42601, 42804, 0A000 and what the conversions raise."""
    arguments, wanted = statement.arguments, found.parameters
    if len(arguments) != len(wanted):
        raise SyntaxError(f'wrong number of parameters for prepared statement "{found.name}"',
                          detail=f"Expected {len(wanted)} parameters but got {len(arguments)}.")
    try:
        for argument in arguments:
            check_argument(argument)
        given = typed_values(session, arguments, sql, parameters)
        return tuple([
            converted(session, *pair, kind, number, argument.at)
            for number, (pair, kind, argument) in enumerate(zip(given, wanted, arguments), 1)
        ])
    except Error as error:
        locate(error, sql)
        raise


def check_argument(argument: ast.Expression) -> None:
    for node in ast.walk(argument):
        if any(isinstance(child, ast.Query) for child in ast.children(node)):
            raise NotSupportedError("cannot use subquery in EXECUTE parameter", position=node.at)
        if isinstance(node, ast.FunctionCall) and node.over is not None:
            raise WindowingError("window functions are not allowed in EXECUTE parameters", position=node.at)
        if isinstance(node, ast.FunctionCall) and is_aggregate(node.name[-1]):
            raise GroupingError("aggregate functions are not allowed in EXECUTE parameters", position=node.at)


def typed_values(
    session: Session, arguments: Sequence[ast.Expression], sql: str, parameters: Any
) -> list[tuple[SqlType, Any]]:
    """Type and value of each argument: literals as they stand, anything else as a SELECT without FROM computes it."""
    if all(isinstance(argument, ast.StringLiteral | ast.NullLiteral) for argument in arguments):
        return [(UNKNOWN, getattr(argument, "value", None)) for argument in arguments]
    query = ast.Query(body=ast.Select(targets=tuple(ast.Target(expression=argument) for argument in arguments)))
    result = session.run_query(query, sql, parameters, part=True)
    assert result.columns is not None
    row = next(iter(result))
    return [
        (UNKNOWN if untyped(argument, value) else kind, value)
        for argument, (_, kind), value in zip(arguments, result.columns, row)
    ]


def untyped(argument: ast.Expression, value: Any) -> bool:
    if isinstance(argument, ast.Parameter | ast.NamedParameter):
        return value is None or type(value) is str
    return isinstance(argument, ast.StringLiteral | ast.NullLiteral)


def converted(session: Session, source: SqlType, value: Any, target: SqlType, number: int, at: int) -> Any:
    if not can_coerce(source, target, "assignment"):
        raise DatatypeMismatch(
            f"parameter ${number} of type {source} cannot be coerced to the expected type {target}",
            position=at,
            hint="You will need to rewrite or cast the expression.",
        )
    if value is None or source == target:
        return value
    zone = str(session.settings["timezone"])
    with located(at):
        if source == UNKNOWN:
            return read(target, value, zone, session.current_time())
        function = conversion(source, target, False, zone)
        return value if function is None else function(value)


__all__ = ["PreparedStatement", "deallocate", "execute", "named", "prepare", "ready", "ready_for_itself"]
