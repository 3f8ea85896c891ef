"""ON CONFLICT: which unique indexes the conflict is about, and what is done then."""

from __future__ import annotations

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder.assignments import bind_assignments
from minidb.sql.binder.changed_tables import ChangedTable, changed_frame
from minidb.sql.binder.expressions import bind_in_clause
from minidb.sql.binder.rows import stored_expression
from minidb.sql.binder.scope import Frame, Scope, Source
from minidb.sql.binder.trees import same


def bind_on_conflict(node: ast.OnConflict, changed: ChangedTable, scope: Scope) -> plan.OnConflict:
    """The clause; `scope` offers the existing row, `excluded` is the one that could not be inserted."""
    arbiters = _arbiters(node, changed, scope)
    excluded = scope.workspace.new_relation(scope.selection)
    if node.action == "nothing":
        return plan.OnConflict(arbiters, None, None, excluded)
    if not (node.keys or node.constraint):
        raise errors.SyntaxError(
            "ON CONFLICT DO UPDATE requires inference specification or constraint name",
            position=node.at,
            hint="For example, ON CONFLICT (column_name).",
        )
    _refuse_two_excluded(node, scope.frame)
    level = scope.beside(_with_excluded(scope.frame, changed, excluded, scope))
    assignments = bind_assignments(node.assignments, changed, level)
    where = bind_in_clause(node.where, level, "WHERE", "WHERE") if node.where is not None else None
    return plan.OnConflict(arbiters, assignments, where, excluded)


def _refuse_two_excluded(node: ast.OnConflict, frame: Frame) -> None:
    """`excluded` means nothing if the table, or its alias, is called so itself. Raises 42P09."""
    if not any(source.alias == "excluded" for source in frame.sources):
        return
    for part in ast.walk(node):
        if isinstance(part, ast.ColumnRef) and part.parts[:-1] == ("excluded",):
            raise errors.ProgrammingError(
                'table reference "excluded" is ambiguous', sqlstate="42P09", position=part.at
            )


def _with_excluded(frame: Frame, changed: ChangedTable, relation: int, scope: Scope) -> Frame:
    """`excluded` beside the table; a name without a qualifier could mean a column of both."""
    item = ast.TableRef(ast.QualifiedName((changed.name,)), alias="excluded")
    rows = changed_frame(changed, item, relation, scope.workspace, unchecked=True)
    (columns,) = [source.columns for source in rows.sources]
    del scope.workspace.base_tables[relation]  # it is no row of the table
    sources = (*frame.sources, Source("excluded", columns, relation))
    return Frame(frame.plan, sources, (*frame.columns, *columns))


# -- arbiters ---------------------------------------------------------------------------------------------


def _arbiters(node: ast.OnConflict, changed: ChangedTable, scope: Scope) -> tuple[int, ...]:
    table = changed.table
    if node.constraint is not None:
        return (_by_constraint(node.constraint, changed).id,)
    if not node.keys:
        return ()
    found = [index for index in table.indexes if index.unique and _matches(index, node, table, scope)]
    if not found:
        raise errors.InvalidColumnReference(
            "there is no unique or exclusion constraint matching the ON CONFLICT specification", position=node.at
        )
    for index in found:
        _check_immediate(index, node.at)
    return tuple([index.id for index in found])


def _by_constraint(name: ast.Name, changed: ChangedTable) -> schema.Index:
    index = None if changed.layers else changed.table.index(name.value)
    if index is None or not index.constraint:
        raise errors.UndefinedObject(
            f'constraint "{name.value}" for table "{changed.name}" does not exist', position=name.at
        )
    _check_immediate(index, name.at)
    return index


def _check_immediate(index: schema.Index, at: int) -> None:
    if index.deferrable:
        raise errors.ProgrammingError(
            "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters",
            sqlstate="55000",
            position=at,
        )


def _matches(index: schema.Index, node: ast.OnConflict, table: schema.Table, scope: Scope) -> bool:
    """Whether the index has exactly these keys, and its condition (if any) is the one that was written."""
    keys = [bind_in_clause(key.expression, scope, "ON CONFLICT") for key in node.keys]
    parts = [_part(part, table, scope) for part in index.keys]
    if not all(any(same(key, part) for part in parts) for key in keys):
        return False
    if not all(any(same(key, part) for key in keys) for part in parts):
        return False
    return index.where is None or _implies(node.keys_where, index.where, table, scope)


def _part(part: schema.IndexKey, table: schema.Table, scope: Scope) -> plan.Expression:
    relation = scope.frame.sources[0].relation
    assert relation is not None
    if part.position is not None:
        column = table.columns[part.position]
        return plan.Column(relation=relation, position=column.position, type=column.type)
    assert part.expression is not None
    return stored_expression(part.expression, table, relation, scope.workspace, "index expressions")


def _implies(given: ast.Expression | None, condition: str, table: schema.Table, scope: Scope) -> bool:
    """Whether the condition that was written contains, as terms of its AND, those of the index."""
    if given is None:
        return False
    relation = scope.frame.sources[0].relation
    assert relation is not None
    wanted = stored_expression(condition, table, relation, scope.workspace, "index predicates")
    bound = bind_in_clause(given, scope, "ON CONFLICT", "WHERE")
    terms = _terms(bound)
    return all(any(same(term, other) for other in terms) for term in _terms(wanted))


def _terms(expression: plan.Expression) -> tuple[plan.Expression, ...]:
    return expression.arguments if isinstance(expression, plan.And) else (expression,)
