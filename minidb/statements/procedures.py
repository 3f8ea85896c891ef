"""CALL: a procedure in Python, with arguments that are expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minidb.errors import ActiveTransaction, UndefinedFunction
from minidb.keys import Row
from minidb.results import Result
from minidb.sql import ast
from minidb.types import adapt

if TYPE_CHECKING:
    from minidb.session import Parameters, Session


def call(session: Session, statement: ast.Call, sql: str, parameters: Parameters | None) -> Result:
    """CALL: a procedure in Python, as one SERIAL transaction; what it returns is a row with one column."""
    name = statement.name.name
    connection = session.connection()
    if connection is None or not connection.has_procedure(name):
        raise UndefinedFunction(
            f"procedure {name} does not exist",
            position=statement.name.at,
            hint="connection.register_procedure(name, function) makes one known.",
        )
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
        return Result("CALL")
    return Result("CALL", ((name, adapt(value)[0]),), [(value,)])


def arguments_of(session: Session, statement: ast.Call, sql: str, parameters: Parameters | None) -> Row:
    """The arguments' values, computed in a transaction that ends before the procedure's begins."""
    found: list[Row] = []

    def compute() -> Result:
        found.append(evaluate(session, statement.arguments, sql, parameters))
        return Result("")

    session.within_transaction(compute, sql)
    if session.state != "idle":
        session.rollback()
    return found[0]


def evaluate(session: Session, arguments: tuple[ast.Expression, ...], sql: str, parameters: Parameters | None) -> Row:
    """The values of a statement's arguments: constant expressions, computed as a SELECT without FROM."""
    if not arguments:
        return ()
    query = ast.Query(body=ast.Select(targets=tuple(ast.Target(expression=argument) for argument in arguments)))
    return next(iter(session.run_query(query, sql, parameters, part=True)))
