"""Calls of json_to_record, json_populate_record and their sets: their columns are found here, at the call.

And the type that a table's name means: its row, as in `NULL::person` or `ROW(1, 'Ann')::person`.
"""

from __future__ import annotations

from collections.abc import Sequence

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.scope import Scope
from minidb.sql.binder.workspace import Workspace
from minidb.sql.functions.json_records import FROM_DEFINITION, FROM_ROW, Fields, record_function
from minidb.sql.functions.registry import Function
from minidb.types import JSON, JSONB, SqlType

RECORD_FUNCTIONS = FROM_DEFINITION | FROM_ROW


def record_call(
    name: str, bound: Sequence[plan.Expression], places: Sequence[int], at: int, scope: Scope, columns: Fields | None,
    in_from: bool,
) -> tuple[Function, tuple[plan.Expression, ...]]:
    """The function for this call and its arguments. `columns` is the definition list, None where there is none."""
    kind = JSONB if name.startswith("jsonb") else JSON
    if len(bound) != 1 + (name in FROM_ROW):
        given = ", ".join([str(argument.type) for argument in bound])
        raise errors.UndefinedFunction(f"function {name}({given}) does not exist", position=at)
    fields = columns if name in FROM_DEFINITION else bound[0].type.fields
    if fields is None:
        raise _no_columns(name, bound, at, in_from)
    if name in FROM_ROW and columns is not None:
        _check_definition(fields, columns)
    document = coercion.coerce(bound[-1], kind, places[-1], scope.workspace)
    arguments = (document,) if name in FROM_DEFINITION else (bound[0], document)
    return record_function(name, fields, scope.workspace.zone, in_from), arguments


def _check_definition(fields: Fields, columns: Fields) -> None:
    """A row of values and the columns that the call's definition list wants. Raises 42804."""
    if len(fields) != len(columns):
        found = f"{len(fields)} attribute{'s' if len(fields) != 1 else ''}"
        raise _different_rows(f"Returned row contains {found}, but query expects {len(columns)}.")
    for place, ((_, given), (_, wanted)) in enumerate(zip(fields, columns), 1):
        if given != wanted:
            raise _different_rows(
                f"Returned type {given} at ordinal position {place}, but query expects {wanted}."
            )


def _different_rows(detail: str) -> errors.Error:
    return errors.DatatypeMismatch("function return row and query-specified return row do not match", detail=detail)


def _no_columns(name: str, bound: Sequence[plan.Expression], at: int, in_from: bool) -> errors.Error:
    if name in FROM_ROW:
        if bound[0].type.name in ("unknown", "record"):
            return errors.InvalidParameterValue(
                f"could not determine row type for result of {name}",
                position=at,
                hint="Provide a non-null record argument, such as NULL::table.",
            )
        return errors.DatatypeMismatch(f"first argument of {name} must be a row type", position=at)
    if in_from:
        return errors.SyntaxError(
            'a column definition list is required for functions returning "record"', position=at
        )
    return errors.NotSupportedError(
        "function returning record called in context that cannot accept type record",
        position=at,
        hint="Try calling the function in the FROM clause using a column definition list.",
    )


# -- rows of tables as types ------------------------------------------------------------------------------


def row_type(name: ast.TypeName, workspace: Workspace) -> SqlType | None:
    """The row of the table called `name`; None if there is none."""
    if name.modifiers or name.array:
        return None
    found = workspace.view.catalog.find_table(name.name, None)
    if not isinstance(found, schema.Table):
        return None
    workspace.use_table(found, "access share")  # the plan holds as long as the table stays as it is
    return SqlType("record", fields=tuple([(column.name, column.type) for column in found.live_columns]))


def as_row(bound: plan.Expression, target: SqlType, at: int, workspace: Workspace) -> plan.Expression:
    """`bound` cast to a row type: NULL, or a row of as many columns. Raises 42846."""
    fields = target.fields or ()
    if isinstance(bound, plan.Constant) and bound.value is None:
        return plan.Constant(type=target, value=None)
    if bound.type == target:
        return bound
    if not isinstance(bound, plan.RowValue):
        raise errors.CannotCoerce(
            f"cannot cast type {bound.type} to a row type", position=at, hint="Write ROW(value, ...)."
        )
    if len(bound.arguments) != len(fields):
        few = len(bound.arguments) < len(fields)
        raise errors.CannotCoerce(
            "cannot cast type record to a row type",
            position=at,
            detail=f"Input has too {'few' if few else 'many'} columns.",
        )
    converted = tuple(
        [
            coercion.coerce(argument, kind, at, workspace, "explicit")
            for argument, (_, kind) in zip(bound.arguments, fields)
        ]
    )
    return plan.RowValue(type=target, nullable=False, arguments=converted)
