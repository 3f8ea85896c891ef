"""The binder: from syntax to meaning. Names become columns of numbered relations, every expression gets its type.

    ast.Query, Insert, Update, Delete --bind--> Bound (plan.Query, ...)

workspace     what one statement's binding shares; scope: frames and levels of names; coercion: conversions
expressions   the registry of expression handlers; literals, operators, predicates, conditionals, calls, subscripts,
              subqueries
aggregates, windows, grouping, sorting    what a SELECT gathers besides its rows
items         the registry of FROM items; named_tables, derived_tables, common_tables (WITH)
targets, ordinals, ordering, selects, values, set_operations, queries
changed_tables, updatable_views    what a statement changes, through which views
rows, assignments, inserts, conflicts, updates, merges    changing data
trees         walking, comparing and rewriting plans

Handlers register themselves when their module is imported; this package imports all of them. No pass recurses along a
chain of operators, joins or set operations. The binder knows no transaction, lock or page: the tables that a statement
mentions and the modes to lock them in are part of its answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import (  # noqa: F401 - their handlers register themselves
    conditionals,
    copies,
    derived_tables,
    inserts,
    literals,
    merges,
    named_tables,
    operators,
    predicates,
    subqueries,
    subscripts,
    updates,
)
from minidb.sql.binder.definitions import bind_view, rename_in_view
from minidb.sql.binder.results import ResultColumn, result_columns
from minidb.sql.binder.rows import bind_row_expression, bind_row_node
from minidb.sql.binder.scope import Scope
from minidb.sql.binder.statements import bind_statement
from minidb.sql.binder.workspace import CatalogView, NotLiftable, Workspace, locate
from minidb.types import TEXT, UNKNOWN, SqlType

__all__ = [
    "Bound",
    "BoundPlan",
    "CatalogView",
    "NotLiftable",
    "ResultColumn",
    "bind",
    "bind_row_expression",
    "bind_row_node",
    "bind_view",
    "rename_in_view",
]

BoundPlan = plan.Query | plan.Insert | plan.Update | plan.Delete | plan.Merge


class Bound(msgspec.Struct, frozen=True):
    """A bound statement.

    plan: what the rules, the planner and the compiler work on.
    parameters: the type that each parameter must have when the statement runs: the user's, then the lifted literals'.
    columns: the columns of the result; None if the statement has none (no RETURNING).
    tables: table ids with the lock mode that the statement needs, in ascending order of ids.
    """

    plan: BoundPlan
    parameters: tuple[SqlType, ...]
    columns: tuple[ResultColumn, ...] | None
    tables: tuple[tuple[int, str], ...]


def bind(
    statement: ast.Statement,
    text: str,
    view: CatalogView,
    parameter_types: Sequence[SqlType] = (),
    *,
    parameter_names: Sequence[str] = (),
    lifted_offset: int | None = None,
) -> Bound:
    """The meaning of a query, INSERT, UPDATE or DELETE.

    Args:
        text: the statement's text, for the caret of errors.
        parameter_types: types of the user's parameters as given; UNKNOWN ones take the type of their context.
        parameter_names: for `:name` parameters, their names in the order of `parameter_types`.
        lifted_offset: index of the first lifted literal; behind the user's parameters if not given.
    Raises ProgrammingError and its kin with position and statement; NotLiftable.
    """
    workspace = Workspace(view, parameter_types, parameter_names, lifted_offset)
    try:
        bound = bind_statement(statement, Scope(workspace))
    except errors.Error as error:
        locate(error, text)
        raise
    assert isinstance(bound, BoundPlan)
    outputs = bound.outputs if isinstance(bound, plan.Query) else bound.returning
    return Bound(
        plan=bound,
        parameters=tuple([TEXT if kind == UNKNOWN else kind for kind in workspace.parameters]),
        columns=None if outputs is None else result_columns(outputs),
        tables=tuple(sorted(workspace.table_modes.items())),
    )
