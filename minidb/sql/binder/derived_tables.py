"""FROM items that are computed: subqueries, functions, VALUES."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.expressions import bind, bind_in_clause, bind_type
from minidb.sql.binder.items import binds_item
from minidb.sql.binder.json_records import RECORD_FUNCTIONS, record_call
from minidb.sql.binder.ordering import with_locks
from minidb.sql.binder.queries import bind_query
from minidb.sql.binder.scope import EMPTY_FRAME, Frame, Scope, Source, SourceColumn
from minidb.sql.binder.trees import relations_in
from minidb.sql.binder.workspace import located
from minidb.sql.functions import resolve
from minidb.sql.functions.json_records import Fields
from minidb.sql.functions.registry import Function
from minidb.sql.functions.side_by_side import together
from minidb.types import BIGINT, SqlType


def outer_scope(scope: Scope, visible: Frame, lateral: bool) -> Scope:
    """What a FROM item sees: the tables to its left only if it is LATERAL, else what is around the SELECT."""
    return scope.beside(visible) if lateral else scope.beside(EMPTY_FRAME, hidden=visible)


def query_frame(
    query: plan.Query, alias: str, names: Sequence[str], scope: Scope, at: int, unnamed: bool = False
) -> Frame:
    """A query as a table: a Project under its own relation number."""
    columns = column_aliases(alias, [o.name for o in query.outputs], names, at)
    relation = scope.workspace.new_relation(scope.selection)
    projected = plan.Project(
        input=query.input, relation=relation, expressions=tuple([o.expression for o in query.outputs]), names=columns
    )
    source_columns = relation_columns(
        relation,
        None if unnamed else alias,
        columns,
        [o.expression.type for o in query.outputs],
        [o.expression.nullable for o in query.outputs],
    )
    sources = () if unnamed else (Source(alias, source_columns, relation),)
    return Frame(projected, sources, source_columns)


def relation_columns(
    relation: int, alias: str | None, names: Sequence[str], types: Sequence[SqlType], nullable: Sequence[bool]
) -> tuple[SourceColumn, ...]:
    return tuple(
        [
            SourceColumn(
                name, plan.Column(relation=relation, position=place, type=kind, nullable=null, name=name), alias
            )
            for place, (name, kind, null) in enumerate(zip(names, types, nullable))
        ]
    )


def column_aliases(alias: str, names: Sequence[str], aliases: Sequence[str], at: int) -> tuple[str, ...]:
    """Column names with `AS alias (aliases)` applied: the first ones are renamed. Raises 42P10."""
    if len(aliases) > len(names):
        raise errors.InvalidColumnReference(
            f'table "{alias}" has {len(names)} columns available but {len(aliases)} columns specified', position=at
        )
    return (*aliases, *names[len(aliases) :])


@binds_item(ast.DerivedTable)
def _derived_table(item: ast.DerivedTable, scope: Scope, visible: Frame) -> Frame:
    before = len(scope.ctes)
    inside = with_locks(item.query, item, scope.workspace)
    query = bind_query(inside, outer_scope(scope, visible, item.lateral), hoist=True)
    if item.lateral and not _visible_relations(visible).isdisjoint(relations_in(tuple(scope.ctes[before:]))):
        raise errors.NotSupportedError("WITH inside LATERAL is not supported yet", position=item.at)
    frame = query_frame(query, item.alias or "unnamed_subquery", item.columns, scope, item.at, item.alias is None)
    if id(item) in scope.workspace.locks:
        scope.workspace.locked_inside |= {source.relation for source in frame.sources if source.relation is not None}
    return frame


def _visible_relations(visible: Frame) -> set[int]:
    return relations_in(tuple([c.expression for source in visible.sources for c in source.columns]))


# -- functions --------------------------------------------------------------------------------------------


@binds_item(ast.TableFunction)
def _table_function(item: ast.TableFunction, scope: Scope, visible: Frame) -> Frame:
    """A function in FROM; it always sees the tables to its left."""
    calls = _calls(item)
    node = calls[0]
    level = outer_scope(scope, visible, True)
    if len(calls) > 1:
        return _side_by_side(calls, item, level, scope)
    scan: plan.FunctionScan | plan.Values
    if isinstance(node, ast.FunctionCall) and _is_plain(node):
        scan, name = _function_scan(node, item, level, scope)
    else:
        scan, name = _value_scan(node, item, scope, level)
    alias = item.alias or name
    # A function with one column names it by its alias.
    names = [*_result_names(scan, alias), *(["ordinality"] if item.ordinality else [])]
    columns = column_aliases(alias, names, [column.name for column in item.columns], item.at)
    nullable = [True] * (len(scan.types) - 1) + [not item.ordinality]
    found = relation_columns(scan.relation, alias, columns, scan.types, nullable)
    scalar = len(found) == 1 and scan.types[0].name != "record"
    return Frame(scan, (Source(alias, found, scan.relation, scalar=scalar),), found)


def _definition(item: ast.TableFunction) -> Fields | None:
    """`AS t(a int, b text)`: what a function whose rows may be any is to give."""
    if not any(column.type is not None for column in item.columns):
        return None
    return tuple([(column.name, bind_type(column.type)) for column in item.columns if column.type is not None])


def _result_names(scan: plan.FunctionScan | plan.Values, alias: str) -> list[str]:
    """A function whose rows have columns says their names."""
    if isinstance(scan, plan.FunctionScan) and scan.function.column is not None:
        return [scan.function.column]
    result = scan.function.result if isinstance(scan, plan.FunctionScan) else None
    return [name for name, _ in result.fields] if isinstance(result, SqlType) and result.fields else [alias]


def _calls(item: ast.TableFunction) -> Sequence[ast.Expression]:
    """The functions of ROWS FROM; `unnest(a, b)` is short for ROWS FROM (unnest(a), unnest(b))."""
    node = item.calls[0]
    if len(item.calls) > 1 or not isinstance(node, ast.FunctionCall):
        return item.calls
    if node.name[-1] != "unnest" or len(node.arguments) < 2 or not _is_plain(node):
        return item.calls
    return [replace(node, arguments=(argument,)) for argument in node.arguments]


def _side_by_side(calls: Sequence[ast.Expression], item: ast.TableFunction, level: Scope, scope: Scope) -> Frame:
    """Several functions run beside each other, shorter ones filled up with NULL, as one function."""
    functions: list[Function] = []
    arguments: list[plan.Expression] = []
    names: list[str] = []
    types: list[SqlType] = []
    widths: list[int] = []
    for node in calls:
        if not isinstance(node, ast.FunctionCall) or not _is_plain(node):
            raise errors.SyntaxError("ROWS FROM takes calls of functions", position=node.at)
        bound = [bind_in_clause(argument, level, "functions in FROM") for argument in node.arguments]
        with located(node.at):
            function, targets = resolve(node.name[-1], tuple([e.type for e in bound]))
        functions.append(function)
        arguments += coercion.coerce_all(bound, targets, [a.at for a in node.arguments], scope.workspace)
        widths.append(len(bound))
        names.append(node.name[-1])
        types.append(function.result_type(targets))
    if item.ordinality:
        names.append("ordinality")
        types.append(BIGINT)
    relation = scope.workspace.new_relation(scope.selection)
    scan = plan.FunctionScan(
        relation=relation, function=together(functions, widths, [e.type for e in arguments]),
        arguments=tuple(arguments), types=tuple(types), ordinality=item.ordinality,
    )
    alias = item.alias or names[0]
    columns = column_aliases(alias, names, [column.name for column in item.columns], item.at)
    nullable = [True] * len(functions) + [False] * item.ordinality
    found = relation_columns(relation, alias, columns, types, nullable)
    return Frame(scan, (Source(alias, found, relation),), found)


def _is_plain(node: ast.FunctionCall) -> bool:
    return not (node.star or node.distinct or node.order_by or node.over or node.filter or node.within_group) and (
        node.name[-1] not in ("coalesce", "nullif", "greatest", "least", "grouping")
    )


def _function_scan(
    node: ast.FunctionCall, item: ast.TableFunction, level: Scope, scope: Scope
) -> tuple[plan.FunctionScan | plan.Values, str]:
    bound = [bind_in_clause(argument, level, "functions in FROM") for argument in node.arguments]
    definition = _definition(item)
    places = [a.at for a in node.arguments]
    if node.name[-1] in RECORD_FUNCTIONS:
        function, arguments = record_call(node.name[-1], bound, places, node.at, level, definition, in_from=True)
        targets: Sequence[SqlType] = ()
    else:
        if definition is not None:
            raise errors.SyntaxError(
                'a column definition list is only allowed for functions returning "record"', position=item.at
            )
        with located(node.at):
            function, targets = resolve(node.name[-1], tuple([e.type for e in bound]))
        if not function.returns_set:
            return _value_scan(node, item, scope, level)
        arguments = coercion.coerce_all(bound, targets, places, scope.workspace)
    result = function.result_type(targets)
    types: tuple[SqlType, ...] = (result,) if result.fields is None else tuple([of for _, of in result.fields])
    if item.ordinality:
        types += (BIGINT,)
    relation = scope.workspace.new_relation(scope.selection)
    scan = plan.FunctionScan(
        relation=relation, function=function, arguments=arguments, types=types, ordinality=item.ordinality
    )
    return scan, node.name[-1]


def _value_scan(
    node: ast.Expression, item: ast.TableFunction, scope: Scope, level: Scope
) -> tuple[plan.Values, str]:
    """CURRENT_DATE, now() and their like in FROM: one row with the value."""
    values = [bind(node, level)]
    if item.ordinality:
        values.append(plan.Constant(type=BIGINT, nullable=False, value=1))
    relation = scope.workspace.new_relation(scope.selection)
    name = node.name[-1] if isinstance(node, ast.FunctionCall) else getattr(node, "name", "column1")
    return plan.Values(relation=relation, rows=(tuple(values),), types=tuple([v.type for v in values])), name
