"""FROM items that are names: tables, views, the engine's inside views, tables of WITH."""

from __future__ import annotations

from collections.abc import Sequence

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder.derived_tables import column_aliases, query_frame, relation_columns
from minidb.sql.binder.items import binds_item
from minidb.sql.binder.ordering import with_locks
from minidb.sql.binder.queries import bind_query
from minidb.sql.binder.scope import CommonTableEntry, Frame, Scope, Source, SourceColumn, common_table_columns
from minidb.sql.parser import parse
from minidb.sql.suggest import nearest
from minidb.types import BIGINT, BOOLEAN

VIRTUAL_SCHEMAS = ("sys", "information_schema")


@binds_item(ast.TableRef)
def _table_ref(item: ast.TableRef, scope: Scope, visible: Frame) -> Frame:
    name = item.name
    if name.schema is None:
        entry = scope.common_table(name.name)
        if entry is not None:
            _refuse_past(item, "a WITH query")
            return _common_table(item, entry, scope)
    if name.schema in VIRTUAL_SCHEMAS:
        _refuse_past(item, "a view of the system")
        return _virtual(item, scope)
    catalog = scope.workspace.view.catalog
    found = find_relation(name, catalog, scope.workspace.open_views)
    if isinstance(found, schema.View):
        return _view(item, found, scope)
    if isinstance(found, schema.Sequence):
        _refuse_past(item, "a sequence")
        return _sequence(item, found, scope)
    return table_frame(item, found or find_table(name, catalog), scope, "access share")


def _refuse_past(item: ast.TableRef, what: str) -> None:
    if item.as_of is not None:
        raise errors.NotSupportedError(f"FOR SYSTEM_TIME cannot be applied to {what}", position=item.as_of.at)


def find_relation(
    name: ast.QualifiedName, catalog: schema.Catalog, open_views: Sequence[str] = ()
) -> schema.Table | schema.View | schema.Sequence | None:
    """What a name in FROM means. The text of a view does not mean the temporary tables of who reads it."""
    if len(name.parts) > 2 or name.schema not in (None, "public", "pg_temp"):
        return None
    inside = bool(open_views) and not open_views[-1].startswith(schema.TEMPORARY)
    return catalog.find(name.name, "public" if inside and name.schema is None else name.schema)


def find_table(name: ast.QualifiedName, catalog: schema.Catalog) -> schema.Table:
    """The base table of this name. Raises 42P01, 3F000."""
    shown = ".".join(name.parts)
    if len(name.parts) > 2 or name.schema not in (None, "public", "pg_temp"):
        if len(name.parts) > 3:
            raise errors.SyntaxError(f"improper qualified name (too many dotted names): {shown}", position=name.at)
        raise errors.UndefinedTable(f'relation "{shown}" does not exist', position=name.at)
    table = catalog.find_table(name.name, name.schema)
    if table is None:
        near = nearest(name.name, [*catalog.tables, *catalog.views])
        raise errors.UndefinedTable(
            f'relation "{shown}" does not exist',
            position=name.at,
            hint=f'Perhaps you meant the table "{near}".' if near else None,
        )
    return table


def table_frame(item: ast.TableRef, table: schema.Table, scope: Scope, mode: str) -> Frame:
    """A base table under a new relation number."""
    if table.materialized == "empty":
        raise errors.ProgrammingError(
            f'materialized view "{table.name}" has not been populated', sqlstate="55000", position=item.at,
            hint="Use the REFRESH MATERIALIZED VIEW command.",
        )
    workspace = scope.workspace
    workspace.use_table(table, mode)
    clause = item.as_of or workspace.as_of
    if clause is not None and mode == "access share":
        table = workspace.table_as_of(table, clause)
    alias = item.alias or table.name
    relation = workspace.new_relation(scope.selection)
    workspace.base_tables[relation] = table
    columns = table_columns(table, relation, alias, item.columns, item.at)
    source = Source(
        alias,
        columns,
        relation,
        table,
        schema="public" if item.alias is None else None,
        table_name=table.name,
    )
    return Frame(plan.Scan(relation=relation, table=table, alias=alias), (source,), columns)


def table_columns(
    table: schema.Table,
    relation: int,
    alias: str,
    aliases: Sequence[str] = (),
    at: int = -1,
    *,
    unchecked: bool = False,
) -> tuple[SourceColumn, ...]:
    """The live columns of a table, by their positions in the stored row.

    `unchecked`: of a row whose NOT NULL columns are not checked yet."""
    live = table.live_columns
    names = column_aliases(alias, [c.name for c in live], aliases, at) if aliases else [c.name for c in live]
    return tuple([SourceColumn(name, _table_column(c, relation, unchecked), alias) for name, c in zip(names, live)])


def _table_column(column: schema.Column, relation: int, unchecked: bool) -> plan.Column:
    return plan.Column(
        relation=relation,
        position=column.position,
        type=column.type,
        nullable=unchecked or not column.not_null,
        name=column.name,
    )


SEQUENCE_COLUMNS = (
    schema.Column("last_value", BIGINT, 0, not_null=True),
    schema.Column("log_cnt", BIGINT, 1, not_null=True),
    schema.Column("is_called", BOOLEAN, 2, not_null=True),
)


def _sequence(item: ast.TableRef, sequence: schema.Sequence, scope: Scope) -> Frame:
    """A sequence is a relation of one row that says where it stands."""
    alias = item.alias or sequence.name
    relation = scope.workspace.new_relation(scope.selection)
    scan = plan.VirtualScan(
        relation=relation, name=f"sequence {sequence.relation}", alias=alias, columns=SEQUENCE_COLUMNS
    )
    names = column_aliases(alias, [c.name for c in SEQUENCE_COLUMNS], item.columns, item.at)
    found = relation_columns(relation, alias, names, [c.type for c in SEQUENCE_COLUMNS], [False] * 3)
    source = Source(
        alias, found, relation, schema="public" if item.alias is None else None, table_name=sequence.name
    )
    return Frame(scan, (source,), found)


def _virtual(item: ast.TableRef, scope: Scope) -> Frame:
    name = item.name
    assert name.schema is not None
    columns = scope.workspace.view.virtual(name.schema, name.name)
    if columns is None:
        raise errors.UndefinedTable(f'relation "{name.schema}.{name.name}" does not exist', position=name.at)
    relation = scope.workspace.new_relation(scope.selection)
    alias = item.alias or name.name
    full_name = f"{name.schema}.{name.name}"
    scan = plan.VirtualScan(relation=relation, name=full_name, alias=alias, columns=columns)
    names = column_aliases(alias, [c.name for c in columns], item.columns, item.at)
    found = relation_columns(relation, alias, names, [c.type for c in columns], [not c.not_null for c in columns])
    source = Source(alias, found, relation, schema=name.schema if item.alias is None else None, table_name=name.name)
    return Frame(scan, (source,), found)


# -- views ------------------------------------------------------------------------------------------------


def _view(item: ast.TableRef, view: schema.View, scope: Scope) -> Frame:
    """The view's query in place of its name; it sees nothing of the query around it."""
    workspace = scope.workspace
    if schema.key_of(view) in workspace.open_views:
        raise errors.ProgrammingError(f'view "{view.name}" refers to itself', sqlstate="42P17", position=item.at)
    query = parse(view.query)
    assert isinstance(query, ast.Query)
    alone = Scope(workspace)
    alone.ctes = scope.ctes
    workspace.open_views.append(schema.key_of(view))
    try:
        with workspace.in_the_past(item.as_of or workspace.as_of):
            bound = bind_query(with_locks(query, item, workspace), alone, hoist=True)
    except errors.Error as error:
        error.position = item.at  # places in the view's text mean nothing to the user
        raise
    finally:
        workspace.open_views.pop()
    names = column_aliases(view.name, [o.name for o in bound.outputs], view.columns, item.at)
    names = column_aliases(item.alias or view.name, names, item.columns, item.at)
    frame = query_frame(bound, item.alias or view.name, names, scope, item.at)
    relation = frame.sources[0].relation
    assert relation is not None
    workspace.views[relation] = view.id
    if id(item) in workspace.locks:
        workspace.locked_inside.add(relation)
    return frame


# -- WITH -------------------------------------------------------------------------------------------------


def _common_table(item: ast.TableRef, entry: CommonTableEntry, scope: Scope) -> Frame:
    alias = item.alias or entry.name
    if entry.inlined is not None:
        assert entry.scope is not None
        with scope.workspace.in_the_past(entry.as_of):
            bound = bind_query(entry.inlined, entry.scope, hoist=True)
        names = common_table_columns(entry, [o.name for o in bound.outputs])
        return query_frame(bound, alias, column_aliases(alias, names, item.columns, item.at), scope, item.at)
    if not entry.columns:
        raise errors.NotSupportedError(f'WITH query "{entry.name}" does not have a RETURNING clause', position=item.at)
    relation = scope.workspace.new_relation(scope.selection)
    scan = plan.CteScan(relation=relation, cte=entry.number, types=entry.types, name=entry.name)
    names = column_aliases(alias, entry.columns, item.columns, item.at)
    columns = relation_columns(relation, alias, names, entry.types, entry.nullable)
    return Frame(scan, (Source(alias, columns, relation),), columns)
