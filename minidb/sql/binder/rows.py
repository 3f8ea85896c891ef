"""Expressions of a table's own: DEFAULT, CHECK, GENERATED, index expressions. Their texts come from the schema."""

from __future__ import annotations

from functools import lru_cache

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind_in_clause, null
from minidb.sql.binder.named_tables import table_columns
from minidb.sql.binder.scope import Frame, Scope, Selection, Source
from minidb.sql.binder.trees import walk
from minidb.sql.binder.workspace import CatalogView, Workspace
from minidb.sql.functions import resolve
from minidb.sql.parser import parse_expression
from minidb.sql.printing.base import in_quotes
from minidb.sql.sequence_names import qualified
from minidb.types import BIGINT, BOOLEAN, TEXT, can_coerce


@lru_cache(maxsize=1024)
def _parsed(text: str, temporary: bool = False) -> ast.Expression:
    """An expression of a table; that of a permanent one means nothing temporary."""
    node = parse_expression(text)
    return node if temporary else qualified(node)


def row_scope(table: schema.Table, relation: int, workspace: Workspace, clause: str) -> Scope:
    """A scope in which the columns of one row of the table have names."""
    scope = Scope(workspace, selection=Selection(workspace, clause))
    # Generated columns are computed before the new row's NOT NULL columns are checked.
    columns = table_columns(table, relation, table.name, unchecked=clause == "column generation expressions")
    source = Source(table.name, columns, relation, table, schema="public", table_name=table.name)
    scope.frame = Frame(plan.Empty(), (source,), columns)
    return scope


def bind_row_node(
    node: ast.Expression, table: schema.Table, view: CatalogView, clause: str = "index expressions", relation: int = 0
) -> plan.Expression:
    """An expression over one row of `table`, as `Column(relation, position)`."""
    workspace = Workspace(view)
    scope = row_scope(table, relation, workspace, clause)
    return coercion.settle(bind_in_clause(node, scope, clause), node.at, workspace)


def bind_row_expression(text: str, table: schema.Table, view: CatalogView) -> plan.Expression:
    """The expression of a CHECK, DEFAULT, GENERATED or index, over `Column(relation=0, position)`."""
    return bind_row_node(_parsed(text, table.temporary), table, view)


# -- definitions, checked when they are made ---------------------------------------------------------------


def bind_check(node: ast.Expression, table: schema.Table, view: CatalogView) -> plan.Expression:
    """The condition of a CHECK. Raises 42804 if it is none."""
    workspace = Workspace(view)
    scope = row_scope(table, 0, workspace, "check constraints")
    return bind_in_clause(node, scope, "check constraints", "CHECK")


def bind_condition(node: ast.Expression, table: schema.Table, view: CatalogView) -> plan.Expression:
    """The condition of a partial index."""
    workspace = Workspace(view)
    scope = row_scope(table, 0, workspace, "index predicates")
    bound = bind_in_clause(node, scope, "index predicates", "WHERE")
    check_immutable(bound, "functions in index predicate must be marked IMMUTABLE", node.at)
    return bound


def bind_default(node: ast.Expression, column: schema.Column, view: CatalogView) -> plan.Expression:
    """A DEFAULT, converted to its column's type. Raises 0A000 if it mentions a column, 42804."""
    reference = next((n for n in ast.walk(node) if isinstance(n, ast.ColumnRef)), None)
    if reference is not None:
        raise errors.NotSupportedError("cannot use column reference in DEFAULT expression", position=reference.at)
    workspace = Workspace(view)
    scope = Scope(workspace, selection=Selection(workspace, "DEFAULT expressions"))
    bound = bind_in_clause(node, scope, "DEFAULT expressions")
    if not can_coerce(bound.type, column.type, "assignment"):
        raise errors.DatatypeMismatch(
            f'column "{column.name}" is of type {column.type} but default expression is of type {bound.type}',
            position=node.at,
            hint="You will need to rewrite or cast the expression.",
        )
    return coercion.coerce(bound, column.type, node.at, workspace, "assignment")


def bind_generated(
    node: ast.Expression, column: schema.Column, table: schema.Table, view: CatalogView
) -> plan.Expression:
    """GENERATED ALWAYS AS, converted to its column's type. Raises 42P17 if it depends on more than its row."""
    for reference in ast.walk(node):
        if isinstance(reference, ast.ColumnRef):
            other = table.column(reference.name)
            if other is not None and (other.generated is not None or other.name == column.name):
                raise errors.ProgrammingError(
                    f'cannot use generated column "{other.name}" in column generation expression',
                    sqlstate="42P17",
                    position=reference.at,
                    detail="A generated column cannot reference another generated column."
                    if other.name != column.name
                    else "This would cause the generated column to depend on its own value.",
                )
    workspace = Workspace(view)
    scope = row_scope(table, 0, workspace, "column generation expressions")
    bound = bind_in_clause(node, scope, "column generation expressions")
    check_immutable(bound, "generation expression is not immutable", node.at)
    return coercion.assign(bound, column.type, column.name, node.at, workspace)


def check_immutable(expression: plan.Expression, message: str, at: int) -> None:
    """Nothing in the expression reads the clock, the session or a random number. Raises 42P17."""
    for node in walk(expression):
        if isinstance(node, plan.Call) and node.function.volatility != "immutable":
            raise errors.ProgrammingError(message, sqlstate="42P17", position=at)


# -- for the rows that a statement stores ------------------------------------------------------------------


def stored_expression(
    text: str, table: schema.Table, relation: int, workspace: Workspace, clause: str
) -> plan.Expression:
    """An expression of the schema as part of a statement; places in its text mean nothing there."""
    scope = row_scope(table, relation, workspace, clause)
    node = _parsed(text, table.temporary)
    own, workspace.own = workspace.own, None  # a name means there what it means to everybody
    try:
        return bind_in_clause(node, scope, clause)
    except errors.Error as error:
        error.position = None
        raise
    finally:
        workspace.own = own


def default_of(table: schema.Table, column: schema.Column, workspace: Workspace) -> plan.Expression:
    """The value of a column that none is given for, converted to the column's type."""
    if column.dropped or column.generated is not None:
        return null(column.type)
    if column.identity is not None:
        return coercion.assign(_identity_value(table, column, workspace), column.type, column.name, -1, workspace)
    if column.default is None:
        return null(column.type)
    bound = stored_expression(column.default, replace(table, columns=()), -1, workspace, "DEFAULT expressions")
    return coercion.assign(bound, column.type, column.name, -1, workspace)


def _identity_value(table: schema.Table, column: schema.Column, workspace: Workspace) -> plan.Expression:
    """The next number of the sequence that belongs to an identity column."""
    sequence = workspace.view.catalog.sequence_of(table, column.position)
    assert sequence is not None, "an identity column has its sequence"
    name = ("pg_temp." if sequence.temporary else "public.") + in_quotes(sequence.name)
    function, _ = resolve("nextval", (TEXT,))
    argument = plan.Constant(type=TEXT, nullable=False, value=name)
    return plan.Call(type=BIGINT, nullable=False, function=function, arguments=(argument,))


def generated_columns(table: schema.Table, relation: int, workspace: Workspace) -> tuple[plan.Assignment, ...]:
    """What fills the generated columns, over the new row."""
    found = []
    for column in table.live_columns:
        if column.generated is not None:
            bound = stored_expression(column.generated, table, relation, workspace, "column generation expressions")
            value = coercion.assign(bound, column.type, column.name, -1, workspace)
            found.append(plan.Assignment(column.position, value))
    return tuple(found)


def row_checks(table: schema.Table, relation: int, workspace: Workspace) -> tuple[tuple[str, plan.Expression], ...]:
    """The CHECK constraints, over the new row."""
    return tuple([(check.name, _check(check, table, relation, workspace)) for check in table.checks])


def _check(check: schema.Check, table: schema.Table, relation: int, workspace: Workspace) -> plan.Expression:
    bound = stored_expression(check.expression, table, relation, workspace, "check constraints")
    return coercion.coerce(bound, BOOLEAN, -1, workspace)
