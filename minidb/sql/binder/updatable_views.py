"""Views that can be changed: which those are, and what they say about the rows of the table below them.

A view can be changed if its query leaves out rows (WHERE) and columns of one table, or of one such view, and does no
more; columns that it computes can be read only. Those are PostgreSQL's automatically updatable views, and the details
of the errors are PostgreSQL's, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder.derived_tables import column_aliases
from minidb.sql.binder.expressions import bind_in_clause
from minidb.sql.binder.named_tables import find_relation, table_columns
from minidb.sql.binder.scope import Frame, Scope, Selection, Source, SourceColumn
from minidb.sql.binder.targets import Item, bind_targets, settle_items
from minidb.sql.binder.workspace import Workspace
from minidb.sql.functions import is_aggregate
from minidb.sql.functions.catalogue import overloads
from minidb.sql.parser import parse

NO_COLUMN = -1  # the position of a column of a view that is none of the table
NO_COLUMNS = "Views that have no updatable columns are not automatically updatable."
_NOT_SINGLE = "Views that do not select from a single table or view are not automatically updatable."
Refusals = dict[str, tuple[str, str]]  # a column's name -> the view that computes it, its name there


class Layer(msgspec.Struct, frozen=True):
    """A view on the way to the table: its query, and the item that the query reads."""

    view: schema.View
    select: ast.Select
    item: ast.TableRef


# -- which views ------------------------------------------------------------------------------------------


def descend(
    view: schema.View, layers: list[Layer], verb: str, at: int, workspace: Workspace
) -> schema.Table | schema.View:
    """What the view reads; the view becomes a further layer. Raises 55000."""
    query = parse(view.query)
    assert isinstance(query, ast.Query)
    workspace.open_views.append(schema.key_of(view))
    reason = why_not_updatable(query, workspace.view.catalog, workspace.open_views)
    if reason is None and verb != "delete from" and not has_columns(query):
        reason = NO_COLUMNS
    if reason is not None:
        raise _not_updatable(view, verb, reason, at)
    item = _single_item(query)
    below = find_relation(item.name, workspace.view.catalog, workspace.open_views)
    assert isinstance(query.body, ast.Select) and isinstance(below, schema.Table | schema.View)
    layers.append(Layer(view, query.body, item))
    return below


def _is_materialized(thing: schema.Table | schema.View) -> bool:
    return bool(thing.materialized) if isinstance(thing, schema.Table) else thing.materialized is not None


def _not_updatable(view: schema.View, verb: str, reason: str, at: int) -> errors.Error:
    return errors.ProgrammingError(
        f'cannot {verb} view "{view.name}"', sqlstate="55000", position=at, detail=reason,
        hint="Change the tables that it reads instead: there are no triggers or rules that could do it.",
    )


def _single_item(query: ast.Query) -> ast.TableRef:
    assert isinstance(query.body, ast.Select)
    (item,) = query.body.from_items
    assert isinstance(item, ast.TableRef)
    return item


def _obstacle(query: ast.Query) -> str | None:
    """Why a view with this query cannot be changed, as far as the query alone tells."""
    what = _contents(query)
    return None if what is None else what if what == _NOT_SINGLE else f"Views {what} are not automatically updatable."


def _contents(query: ast.Query) -> str | None:
    body = query.body
    if not isinstance(body, ast.Select):
        return "containing UNION, INTERSECT, or EXCEPT" if isinstance(body, ast.SetOperation) else _NOT_SINGLE
    functions = [n for t in body.targets for n in _outside_subqueries(t.expression) if isinstance(n, ast.FunctionCall)]
    tests = (
        (body.distinct, "containing DISTINCT"),
        (body.group_by, "containing GROUP BY"),
        (body.having is not None, "containing HAVING"),
        (query.with_ is not None, "containing WITH"),
        (query.limit is not None or query.offset is not None, "containing LIMIT or OFFSET"),
        (any(f.over is None and is_aggregate(f.name[-1]) for f in functions), "that return aggregate functions"),
        (any(f.over is not None for f in functions), "that return window functions"),
        (any(_returns_set(f) for f in functions), "that return set-returning functions"),
        (len(body.from_items) != 1 or not isinstance(body.from_items[0], ast.TableRef), _NOT_SINGLE),
    )
    return next((words for found, words in tests if found), None)


def _outside_subqueries(node: object) -> Iterator[ast.Node]:
    if isinstance(node, tuple):
        for part in node:
            yield from _outside_subqueries(part)
    elif isinstance(node, ast.Node) and not isinstance(node, ast.Query):
        yield node
        for name in node.__struct_fields__:
            yield from _outside_subqueries(getattr(node, name))


def _returns_set(call: ast.FunctionCall) -> bool:
    return any(function.returns_set for function in overloads(call.name[-1]))


def why_not_updatable(query: ast.Query, catalog: schema.Catalog, open_views: Sequence[str] = ()) -> str | None:
    """Why a view with this query cannot be changed, as far as its own query tells: the detail of PostgreSQL's error."""
    reason = _obstacle(query)
    if reason is not None:
        return reason
    below = find_relation(_single_item(query).name, catalog, open_views)
    if not isinstance(below, schema.Table | schema.View) or _is_materialized(below):
        return _NOT_SINGLE
    return None


def has_columns(query: ast.Query) -> bool:
    """Whether a column of the view is one of what it reads."""
    assert isinstance(query.body, ast.Select)
    return any(isinstance(target.expression, ast.ColumnRef | ast.Star) for target in query.body.targets)


# -- what they say ----------------------------------------------------------------------------------------


class BoundLayer(msgspec.Struct, frozen=True):
    layer: Layer
    frame: Frame  # what the view offers to the one above it
    condition: plan.Expression | None
    refusals: Refusals


def bound_layers(
    table: schema.Table, layers: Sequence[Layer], item: ast.TableRef, relation: int, workspace: Workspace,
    unchecked: bool,
) -> list[BoundLayer]:
    """The views over the row of `relation`, from the innermost."""
    inner = layers[-1].item
    alias = inner.alias or table.name
    columns = table_columns(table, relation, alias, inner.columns, inner.at, unchecked=unchecked)
    where = "public" if inner.alias is None else None
    frame = Frame(plan.Empty(), (Source(alias, columns, relation, table, where, table_name=table.name),), columns)
    refusals: Refusals = {}
    found = []
    for place in range(len(layers) - 1, -1, -1):
        above = layers[place - 1].item if place else item
        bound = _bound_layer(layers[place], above, frame, refusals, relation, workspace, item.at)
        frame, refusals = bound.frame, bound.refusals
        found.append(bound)
    return found


def _bound_layer(
    layer: Layer, above: ast.TableRef, below: Frame, refused: Refusals, relation: int,
    workspace: Workspace, at: int,
) -> BoundLayer:
    view, condition = layer.view, None
    scope = Scope(workspace, frame=below, selection=Selection(workspace, "SELECT"))
    with _inside(view, workspace, at):
        items = bind_targets(layer.select.targets, scope)
        settle_items(items, scope, None)
        if layer.select.where is not None:
            condition = bind_in_clause(layer.select.where, scope, "WHERE", "WHERE")
    own = column_aliases(view.name, [i.name for i in items], view.columns, at)
    alias = above.alias or view.name
    names = column_aliases(alias, own, above.columns, at)
    columns = tuple([SourceColumn(name, i.expression, alias) for name, i in zip(names, items)])
    source = Source(alias, columns, relation, None, "public" if above.alias is None else None, table_name=view.name)
    refusals = {
        name: _refusal(i, view.name, own_name, below, refused)
        for name, own_name, i in zip(names, own, items)
        if not _is_column(i.expression, relation)
    }
    return BoundLayer(layer, Frame(plan.Empty(), (source,), columns), condition, refusals)


def _is_column(expression: plan.Expression, relation: int) -> bool:
    return type(expression) is plan.Column and expression.relation == relation


def _refusal(
    item: Item, view: str, name: str, below: Frame, refused: Refusals
) -> tuple[str, str]:
    """The view that computes a column: this one, unless it only hands on what one below it computes."""
    inner = next((c.name for c in below.columns if c.expression is item.expression), None)
    return refused.get(inner, (view, name)) if inner is not None else (view, name)


@contextmanager
def _inside(view: schema.View, workspace: Workspace, at: int) -> Iterator[None]:
    """Names mean what they mean in the view's text; places in it mean nothing to the user."""
    workspace.open_views.append(schema.key_of(view))
    try:
        yield
    except errors.Error as error:
        error.position = at
        raise
    finally:
        workspace.open_views.pop()


def named_columns(
    table: schema.Table, layers: tuple[Layer, ...], item: ast.TableRef, workspace: Workspace
) -> tuple[tuple[schema.Column, ...], Refusals]:
    """The columns that the statement can name, with the defaults that the views give them."""
    relation = workspace.new_relation()
    plain = replace(item, alias=None, columns=())
    top = bound_layers(table, layers, plain, relation, workspace, False)
    columns = tuple([_named_column(c, table, relation) for c in top[-1].frame.columns])
    defaults = _view_defaults(top, relation)
    columns = tuple([replace(c, default=defaults.get(c.position, c.default)) for c in columns])
    return columns, top[-1].refusals


def _named_column(column: SourceColumn, table: schema.Table, relation: int) -> schema.Column:
    expression = column.expression
    if type(expression) is plan.Column and expression.relation == relation:
        return replace(table.columns[expression.position], name=column.name, default=None)
    return schema.Column(column.name, expression.type, NO_COLUMN)


def _view_defaults(layers: Sequence[BoundLayer], relation: int) -> dict[int, str]:
    """The defaults of the views' columns, by the table's positions; those of the outer views count."""
    found: dict[int, str] = {}
    for bound in layers:
        for place, text in bound.layer.view.defaults:
            expression = bound.frame.columns[place].expression
            if type(expression) is plan.Column and expression.relation == relation:
                found[expression.position] = text
    return found


