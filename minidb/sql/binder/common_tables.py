"""WITH: what each name stands for, and whether it is computed once or bound where it is mentioned.

A query that is mentioned once and not declared MATERIALIZED is bound in its place, as PostgreSQL does it: conditions
around it then reach its tables. Everything else gets a number, a place in `Query.ctes`, and is read by `CteScan`: so
does each `DEEPEST`th query of a chain of queries that read each other, for what is bound within each other recurses.
What mentions columns of an outer query has no rows of its own to keep, and is bound at each place that mentions it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from minidb import errors
from minidb.sql import ast, plan
from minidb.sql.binder import coercion
from minidb.sql.binder.recursion import check_step, in_order, mentioned_names, mentions
from minidb.sql.binder.scope import CommonTableEntry, Scope, common_table_columns
from minidb.sql.binder.statements import bind_statement
from minidb.sql.binder.trees import relations_in
from minidb.sql.functions.catalogue import overloads
from minidb.types import SqlType

DEEPEST = 16  # queries bound within each other at most


def bind_with(with_: ast.With, statement: ast.Node, scope: Scope) -> None:
    """Makes the tables of WITH known in `scope`."""
    names: set[str] = set()
    for table in with_.tables:
        if table.name in names:
            raise errors.DuplicateAlias(f'WITH query name "{table.name}" specified more than once', position=table.at)
        names.add(table.name)
    counts = Counter(mentioned_names(statement))
    for table in in_order(with_.tables) if with_.recursive else with_.tables:
        _bind_table(table, with_, counts[table.name], scope)


def _bind_table(table: ast.CommonTable, with_: ast.With, count: int, scope: Scope) -> None:
    depth = _depth(table, scope)
    if with_.recursive and mentions(table.statement, table.name):
        scope.common_tables[table.name] = _recursive(table, scope)
    elif depth <= DEEPEST and _is_inlined(table, count, scope):
        scope.common_tables[table.name] = _inlined(table, depth, scope)
    else:
        scope.common_tables[table.name] = _computed(table, scope) or _inlined(table, depth, scope)


def _inlined(table: ast.CommonTable, depth: int, scope: Scope) -> CommonTableEntry:
    assert isinstance(table.statement, ast.Query)
    entry = CommonTableEntry(table.name, table.columns, -1, inlined=table.statement, at=table.at)
    entry.as_of = scope.workspace.as_of
    entry.depth = depth
    entry.scope = _definition_scope(scope)
    return entry


def _definition_scope(scope: Scope) -> Scope:
    """The names that a WITH query sees: those known so far, not the later ones."""
    seen = Scope(scope.workspace, scope.parent)
    seen.ctes = scope.ctes
    seen.common_tables = dict(scope.common_tables)
    return seen


def _depth(table: ast.CommonTable, scope: Scope) -> int:
    """How many queries would be bound within each other for this one."""
    known = [scope.common_tables.get(name) for name in set(mentioned_names(table.statement))]
    return 1 + max([entry.depth for entry in known if entry is not None], default=0)


def _is_inlined(table: ast.CommonTable, count: int, scope: Scope) -> bool:
    query = table.statement
    if not isinstance(query, ast.Query) or table.materialized is True or query.locking:
        return False
    if table.materialized is None and count != 1:
        return False
    return not any(_is_volatile(node, scope) for node in ast.walk(query))


def _is_volatile(node: ast.Node, scope: Scope) -> bool:
    if isinstance(node, ast.FunctionCall):
        if scope.workspace.own is not None and scope.workspace.own.is_volatile(node.name[-1]):
            return True
        return any(overload.volatility == "volatile" for overload in overloads(node.name[-1]))
    return False


# -- computed once ----------------------------------------------------------------------------------------


def _computed(table: ast.CommonTable, scope: Scope) -> CommonTableEntry | None:
    """None for what cannot be computed once, because it mentions columns of an outer query."""
    if not isinstance(table.statement, ast.Query) and not _is_outermost(scope):
        raise errors.NotSupportedError(
            "WITH clause containing a data-modifying statement must be at the top level", position=table.at
        )
    bound = bind_statement(table.statement, scope)
    if _is_correlated(bound, scope) and not any(_is_volatile(node, scope) for node in ast.walk(table.statement)):
        return None
    outputs = _outputs(bound)
    number = scope.workspace.new_cte()
    scope.ctes.append(plan.Cte(number, table.name, bound, table.materialized))
    return CommonTableEntry(
        table.name,
        common_table_columns(table, [o.name for o in outputs]),
        number,
        types=tuple([o.expression.type for o in outputs]),
        nullable=tuple([o.expression.nullable for o in outputs]),
    )


def _is_correlated(bound: plan.Plan, scope: Scope) -> bool:
    around = {id(level.selection) for level in scope.levels() if level.selection is not None}
    owners = scope.workspace.owners
    return bool(around) and any(id(owners.get(relation)) in around for relation in relations_in(bound))


def _is_outermost(scope: Scope) -> bool:
    return scope.parent is None or scope.parent.parent is None


def _outputs(bound: plan.Plan) -> tuple[plan.Output, ...]:
    if isinstance(bound, plan.Query):
        return bound.outputs
    return bound.returning or ()  # type: ignore[attr-defined]


# -- recursive --------------------------------------------------------------------------------------------


def _recursive(table: ast.CommonTable, scope: Scope) -> CommonTableEntry:
    """`base UNION [ALL] step`: the step reads what the round before has found."""
    base, step, union_all = _halves(table)
    left = bind_statement(base, scope)
    assert isinstance(left, plan.Query)
    types = tuple([o.expression.type for o in left.outputs])
    number = scope.workspace.new_cte()
    names = common_table_columns(table, [o.name for o in left.outputs])
    entry = CommonTableEntry(table.name, names, number, types, nullable=(True,) * len(types), recursive=True)
    inside = Scope(scope.workspace, scope)
    inside.common_tables = {table.name: entry}
    right = bind_statement(step, inside)
    assert isinstance(right, plan.Query)
    right = _step_types(table, names, types, right, step.at, scope)
    union = plan.RecursiveUnion(number=number, all=union_all, left=left, right=right, types=types)
    scope.ctes.append(plan.Cte(number, table.name, union, table.materialized))
    return CommonTableEntry(table.name, names, number, types, nullable=(True,) * len(types))


def _halves(table: ast.CommonTable) -> tuple[ast.Query, ast.Query, bool]:
    query = table.statement
    if not isinstance(query, ast.Query) or not isinstance(query.body, ast.SetOperation):
        raise _malformed(table)
    body = query.body
    if body.operator != "union":
        raise _malformed(table)
    found = mentions(body.left, table.name)
    if found:
        raise errors.ProgrammingError(
            f'recursive reference to query "{table.name}" must not appear within its non-recursive term',
            sqlstate="42P19",
            position=found[0].at,
        )
    check_step(body.right, table.name)
    if query.order_by or query.limit is not None or query.offset is not None or query.locking:
        raise errors.NotSupportedError(
            "ORDER BY, LIMIT and FOR UPDATE in a recursive query are not implemented", position=table.at
        )
    return _half(body.left, query.with_), _half(body.right, query.with_), body.all


def _half(body: ast.QueryBody | ast.Query, with_: ast.With | None) -> ast.Query:
    if isinstance(body, ast.Query):
        return body
    return ast.Query(at=body.at, body=body, with_=with_)


def _malformed(table: ast.CommonTable) -> errors.ProgrammingError:
    return errors.ProgrammingError(
        f'recursive query "{table.name}" does not have the form non-recursive-term UNION [ALL] recursive-term',
        sqlstate="42P19",
        position=table.at,
    )


def _step_types(
    table: ast.CommonTable, names: Sequence[str], types: Sequence[SqlType], right: plan.Query, at: int, scope: Scope
) -> plan.Query:
    if len(right.outputs) != len(types):
        raise errors.SyntaxError("each UNION query must have the same number of columns", position=at)
    outputs = []
    for place, (output, wanted) in enumerate(zip(right.outputs, types)):
        overall = coercion.common([wanted, output.expression.type], [at, at], "UNION")
        if overall.base != wanted.base:
            raise errors.DatatypeMismatch(
                f'recursive query "{table.name}" column {place + 1} has type {wanted} in non-recursive term but type '
                f"{overall} overall",
                position=at,
                hint=f'Cast the output of the non-recursive term to the correct type (column "{names[place]}").',
            )
        expression = coercion.coerce(output.expression, wanted, at, scope.workspace, "assignment")
        outputs.append(plan.Output(output.name, expression))
    return plan.Query(input=right.input, outputs=tuple(outputs), ctes=right.ctes)
