"""What INSERT, UPDATE, DELETE and MERGE change: a table, or through a view the table below it.

    UPDATE v SET x = 1 WHERE y = 2        v is SELECT a AS x, b AS y FROM t WHERE c = 3
    UPDATE t SET a = 1 WHERE c = 3 AND b = 2

What a view says is bound over a relation number of the table: once for the rows that are searched, again for the new
row (RETURNING, WITH CHECK OPTION) and for EXCLUDED, because the relation numbers of its subqueries are unique.

WITH CHECK OPTION: a new row must be one that the view shows; CASCADED asks that of all views below it, too.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder.named_tables import VIRTUAL_SCHEMAS, find_relation, find_table, table_columns
from minidb.sql.binder.scope import Frame, Scope, Source
from minidb.sql.binder.updatable_views import (
    NO_COLUMN,
    Layer,
    Refusals,
    bound_layers,
    descend,
    named_columns,
)
from minidb.sql.binder.workspace import Workspace
from minidb.sql.suggest import nearest


class ChangedTable(msgspec.Struct, frozen=True):
    """The target of a statement.

    `columns` are named as the statement must name them; their positions are the table's, or NO_COLUMN. `layers` are the
    views, from the one that the statement names to the one over the table.
    """

    table: schema.Table
    name: str
    verb: str  # 'insert into', 'update', 'delete from'
    columns: tuple[schema.Column, ...]
    layers: tuple[Layer, ...] = ()
    refusals: Refusals = {}  # column -> the view that computes it, its name there

    def column(self, name: ast.Name) -> schema.Column:
        """The column that the statement names. Raises 42703."""
        return named_column(name, self.columns, self.name)

    def check_changeable(self, column: schema.Column, at: int) -> None:
        """Raises 0A000 for a column that a view computes."""
        if column.position != NO_COLUMN:
            return
        view, name = self.refusals[column.name]
        raise errors.NotSupportedError(
            f'cannot {self.verb} column "{name}" of view "{view}"',
            position=at,
            detail="View columns that are not columns of their base relation are not updatable.",
        )

    @property
    def with_defaults(self) -> schema.Table:
        """The table with the defaults that the views give its columns."""
        if not any(layer.view.defaults for layer in self.layers):
            return self.table
        given = {c.position: c.default for c in self.columns if c.position != NO_COLUMN and c.default is not None}
        columns = [
            replace(c, default=given[c.position], identity=None) if c.position in given else c
            for c in self.table.columns
        ]
        return replace(self.table, columns=tuple(columns))


def named_column(name: ast.Name, columns: Sequence[schema.Column], relation: str) -> schema.Column:
    """The one of a relation's columns that has the name. Raises 42703."""
    found = next((c for c in columns if c.name == name.value), None)
    if found is None:
        near = nearest(name.value, [c.name for c in columns])
        raise errors.UndefinedColumn(
            f'column "{name.value}" of relation "{relation}" does not exist',
            position=name.at,
            hint=f'Perhaps you meant to reference the column "{relation}.{near}".' if near else None,
        )
    return found


# -- which table, through which views ---------------------------------------------------------------------


def changed_table(item: ast.TableRef, verb: str, scope: Scope) -> ChangedTable:
    """The table that a statement changes. Raises 42P01, 42809, 55000 for a view that cannot be changed."""
    workspace = scope.workspace
    catalog = workspace.view.catalog
    found = find_relation(item.name, catalog)
    if item.name.schema in VIRTUAL_SCHEMAS:
        raise errors.WrongObjectType(f'cannot change the view "{".".join(item.name.parts)}"', position=item.at)
    if isinstance(found, schema.View):
        return _through_views(found, item, verb, workspace)
    if isinstance(found, schema.Sequence):
        raise errors.WrongObjectType(f'cannot change sequence "{found.name}"', position=item.at)
    table = _base_table(found if isinstance(found, schema.Table) else find_table(item.name, catalog), item, workspace)
    return ChangedTable(table, table.name, verb, table.live_columns)


def _base_table(table: schema.Table, item: ast.TableRef, workspace: Workspace) -> schema.Table:
    if table.materialized:
        raise errors.WrongObjectType(
            f'cannot change materialized view "{table.name}"', position=item.at,
            hint="REFRESH MATERIALIZED VIEW brings it up to date.",
        )
    workspace.use_table(table, "row exclusive")
    return table


def _through_views(view: schema.View, item: ast.TableRef, verb: str, workspace: Workspace) -> ChangedTable:
    if verb == "merge":
        raise errors.NotSupportedError(
            f'cannot execute MERGE on relation "{view.name}"', position=item.at,
            detail="This operation is not supported for views.",
        )
    layers: list[Layer] = []
    opened = len(workspace.open_views)
    try:
        found: schema.Table | schema.View = view
        while isinstance(found, schema.View):
            found = descend(found, layers, verb, item.at, workspace)
    finally:
        del workspace.open_views[opened:]
    table = _base_table(found, item, workspace)
    columns, refusals = named_columns(table, tuple(layers), item, workspace)
    return ChangedTable(table, view.name, verb, columns, tuple(layers), refusals)


# -- names and meanings -----------------------------------------------------------------------------------


def changed_frame(
    changed: ChangedTable, item: ast.TableRef, relation: int, workspace: Workspace, *, unchecked: bool = False
) -> Frame:
    """The row of `relation` under the names of the statement, and the plan that finds the rows which may be changed."""
    alias = item.alias or changed.name
    scan: plan.Plan = plan.Scan(relation=relation, table=changed.table, alias=alias)
    workspace.base_tables[relation] = changed.table
    if not changed.layers:
        columns = table_columns(changed.table, relation, alias, item.columns, item.at, unchecked=unchecked)
        where = "public" if item.alias is None else None
        source = Source(alias, columns, relation, changed.table, where, table_name=changed.name)
        return Frame(scan, (source,), columns)
    frame = Frame(scan)
    for layer in bound_layers(changed.table, changed.layers, item, relation, workspace, unchecked):
        frame = layer.frame
        if layer.condition is not None:
            scan = plan.Filter(input=scan, predicate=layer.condition)
    return Frame(scan, frame.sources, frame.columns)


def view_checks(
    changed: ChangedTable, item: ast.TableRef, relation: int, workspace: Workspace
) -> tuple[tuple[str, plan.Expression], ...]:
    """What WITH CHECK OPTION asks of the new row, as (view, condition), from the innermost view."""
    cascading, checked = False, set()
    for layer in changed.layers:
        if cascading or layer.view.check_option is not None:
            checked.add(layer.view.id)
        cascading = cascading or layer.view.check_option == "cascaded"
    if not checked:
        return ()
    layers = bound_layers(changed.table, changed.layers, item, relation, workspace, True)
    return tuple(
        [(b.layer.view.name, b.condition) for b in layers if b.condition is not None and b.layer.view.id in checked]
    )


