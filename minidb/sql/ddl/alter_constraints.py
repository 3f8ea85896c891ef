"""ALTER TABLE: constraints added to, taken from and renamed on a table that may have rows."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.ddl.changes import Changes
from minidb.sql.ddl.constraints import add_constraint, refuse_second_primary, with_not_null
from minidb.sql.ddl.dependents import keys_needing, refuse_or_cascade, without_foreign_keys
from minidb.sql.ddl.indexes import remove_index
from minidb.sql.ddl.names import constraint_names
from minidb.sql.ddl.rewrite import rewrite_rows
from minidb.sql.parser import parse_expression
from minidb.sql.suggest import nearest

# -- ADD --------------------------------------------------------------------------------------------------


def add(action: ast.AddConstraint, table: schema.Table, changes: Changes) -> None:
    node = action.constraint
    if isinstance(node, ast.Unique) and node.using_index is not None:
        _add_using_index(node, node.using_index, table, changes)
    else:
        add_to_rows(table, add_constraint(table, node, None, changes), changes)


def add_to_rows(old: schema.Table, new: schema.Table, changes: Changes) -> None:
    """Puts `new` in place of `old`, from which it differs by more constraints, and checks the rows against them."""
    known = {index.id for index in old.indexes}
    indexes = [index for index in new.indexes if index.id not in known]
    stronger = _newly_not_null(old, new)
    check_not_null(old, stronger, changes)
    if any(index.clustered for index in indexes):
        rewrite_rows(old, new, None, changes)
    else:
        changes.put(new, incompatible=bool(indexes or stronger) or _adds_validated(old, new))
        for index in indexes:
            changes.door.build_index(new.id, index.id)
    _validate_added(old, new, changes)


def _newly_not_null(old: schema.Table, new: schema.Table) -> list[schema.Column]:
    stronger = [c for c, before in zip(new.columns, old.columns) if c.not_null and not before.not_null]
    proven = _proven_not_null(old)
    return [column for column in stronger if column.name not in proven]


def _proven_not_null(table: schema.Table) -> set[str]:
    """The columns of which a CHECK says so: no row has to be read."""
    found: set[str] = set()
    for check in table.checks:
        node = parse_expression(check.expression)
        for term in node.operands if isinstance(node, ast.And) else (node,):
            if check.validated and isinstance(term, ast.Is) and term.negated and term.test == "null":
                found |= {term.operand.name} if isinstance(term.operand, ast.ColumnRef) else set()
    return found


def _adds_validated(old: schema.Table, new: schema.Table) -> bool:
    before = {c.id for c in old.checks} | {k.id for k in old.foreign_keys}
    return any(c.validated and c.id not in before for c in new.checks) or any(
        k.validated and k.id not in before for k in new.foreign_keys
    )


def _validate_added(old: schema.Table, new: schema.Table, changes: Changes) -> None:
    checks = {check.id for check in old.checks}
    for check in new.checks:
        if check.id not in checks and check.validated:
            check_rows(new, check, changes)
    keys = {key.id for key in old.foreign_keys}
    for key in new.foreign_keys:
        if key.id not in keys and key.validated:
            changes.door.validate_foreign_key(new.id, key.id)


def check_rows(table: schema.Table, check: schema.Check, changes: Changes) -> None:
    """Raises 23514 if a row violates the constraint."""
    holds = None
    for row in changes.rows(table):
        if holds is None:
            holds = changes.row_function(table, check.expression)
        if holds(row) is False:
            raise errors.CheckViolation(
                f'check constraint "{check.name}" of relation "{table.name}" is violated by some row',
                constraint=check.name,
                table=table.name,
            )


def check_not_null(table: schema.Table, columns: Sequence[schema.Column], changes: Changes) -> None:
    """Raises 23502 if a row has NULL in one of the columns."""
    if not columns:
        return
    for row in changes.rows(table):
        for column in columns:
            if row[column.position] is None:
                raise errors.NotNullViolation(
                    f'column "{column.name}" of relation "{table.name}" contains null values', table=table.name
                )


def _add_using_index(node: ast.Unique, name: str, table: schema.Table, changes: Changes) -> None:
    """Makes a unique index that is there the index of a constraint."""
    index = table.index(name)
    if index is None:
        raise errors.UndefinedObject(f'index "{name}" does not exist', position=node.at)
    _check_usable(index, node)
    if node.primary and table.primary_key is not None:
        refuse_second_primary((node,), table)
    if node.name is not None and node.name != name:
        changes.claim(node.name, node.at, table.temporary)
        changes.notice(f'ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index "{name}" to "{node.name}"')
    made = replace(
        index,
        name=node.name or name,
        constraint=True,
        primary=node.primary,
        deferrable=bool(node.deferrable) or bool(node.deferred),
        initially_deferred=bool(node.deferred),
    )
    new = replace(table, indexes=tuple([made if i.id == index.id else i for i in table.indexes]))
    if node.primary:
        new = with_not_null(new, [k.position for k in index.keys if k.position is not None])
    add_to_rows(table, new, changes)


def _check_usable(index: schema.Index, node: ast.Unique) -> None:
    """The index can carry a constraint. Raises 55000, 42809."""
    if index.constraint:
        raise errors.ProgrammingError(
            f'index "{index.name}" is already associated with a constraint', sqlstate="55000", position=node.at
        )
    reason = None
    if not index.unique:
        reason = f'"{index.name}" is not a unique index'
    elif any(key.position is None for key in index.keys):
        reason = f'index "{index.name}" contains expressions'
    elif index.where is not None:
        reason = f'"{index.name}" is a partial index'
    else:
        for number, key in enumerate(index.keys, 1):
            if key.descending or key.nulls_first:
                reason = f'index "{index.name}" column number {number} does not have default sorting behavior'
                break
    if reason is not None:
        detail = "Cannot create a primary key or unique constraint using such an index."
        raise errors.WrongObjectType(reason, position=node.at, detail=detail)


# -- DROP -------------------------------------------------------------------------------------------------


def drop(action: ast.DropConstraint, table: schema.Table, changes: Changes) -> None:
    name = action.name.value
    if name not in constraint_names(table):
        if not action.if_exists:
            raise _undefined(action.name, table)
        changes.notice(f'constraint "{name}" of relation "{table.name}" does not exist, skipping')
        return
    index = next((i for i in table.indexes if i.name == name and i.constraint), None)
    if index is not None:
        drop_key(table, index, f"constraint {name} on table {table.name}", action.cascade, action.at, changes)
        return
    checks = tuple([check for check in table.checks if check.name != name])
    keys = tuple([key for key in table.foreign_keys if key.name != name])
    changes.put(replace(table, checks=checks, foreign_keys=keys))


def drop_key(table: schema.Table, index: schema.Index, what: str, cascade: bool, at: int, changes: Changes) -> None:
    """Drops a key with its index; a clustered table becomes a heap."""
    if not index.clustered:
        remove_index(table, index, what, cascade, at, changes)
        return
    keys = keys_needing(table, index, changes)
    sentences = [f"constraint {key.name} on table {child.name} depends on index {index.name}" for child, key in keys]
    refuse_or_cascade(what, sentences, cascade, at, changes)
    without_foreign_keys(keys, changes)
    present = changes.by_id(table.id)
    kept = tuple([i for i in present.indexes if i.id != index.id])
    rewrite_rows(present, replace(present, indexes=kept), None, changes)


def _undefined(name: ast.Name, table: schema.Table) -> errors.UndefinedObject:
    near = nearest(name.value, constraint_names(table))
    return errors.UndefinedObject(
        f'constraint "{name.value}" of relation "{table.name}" does not exist',
        position=name.at,
        hint=f'Perhaps you meant the constraint "{near}".' if near else None,
    )


# -- VALIDATE, RENAME, ALTER ------------------------------------------------------------------------------


def validate(action: ast.ValidateConstraint, table: schema.Table, changes: Changes) -> None:
    name = action.name.value
    for check in table.checks:
        if check.name == name and not check.validated:
            check_rows(table, check, changes)
            checks = [replace(c, validated=True) if c.id == check.id else c for c in table.checks]
            changes.put(replace(table, checks=tuple(checks)), incompatible=True)
    for key in table.foreign_keys:
        if key.name == name and not key.validated:
            changes.door.validate_foreign_key(table.id, key.id)
            keys = [replace(k, validated=True) if k.id == key.id else k for k in table.foreign_keys]
            changes.put(replace(table, foreign_keys=tuple(keys)), incompatible=True)
    if name not in constraint_names(table):
        raise _undefined(action.name, table)


def rename(action: ast.RenameConstraint, table: schema.Table, changes: Changes) -> None:
    old, new = action.name.value, action.new_name.value
    if old not in constraint_names(table):
        error = _undefined(action.name, table)
        raise errors.UndefinedObject(
            f'constraint "{old}" for table "{table.name}" does not exist', position=action.name.at, hint=error.hint
        )
    if new in constraint_names(table):
        raise errors.DuplicateObject(
            f'constraint "{new}" for relation "{table.name}" already exists', position=action.new_name.at
        )
    index = next((i for i in table.indexes if i.name == old and i.constraint), None)
    if index is not None:
        rename_index(table, index, action.new_name, changes)
        return
    checks = [replace(c, name=new) if c.name == old else c for c in table.checks]
    keys = [replace(k, name=new) if k.name == old else k for k in table.foreign_keys]
    changes.put(replace(table, checks=tuple(checks), foreign_keys=tuple(keys)))


def rename_index(table: schema.Table, index: schema.Index, new: ast.Name, changes: Changes) -> None:
    changes.claim(new.value, new.at, table.temporary)
    indexes = [replace(i, name=new.value) if i.id == index.id else i for i in table.indexes]
    changes.put(replace(table, indexes=tuple(indexes)))


def alter(action: ast.AlterConstraint, table: schema.Table, changes: Changes) -> None:
    """[NOT] DEFERRABLE of a foreign key."""
    name = action.name.value
    if name not in constraint_names(table):
        raise _undefined(action.name, table)
    key = next((k for k in table.foreign_keys if k.name == name), None)
    if key is None:
        raise errors.WrongObjectType(
            f'constraint "{name}" of relation "{table.name}" is not a foreign key constraint', position=action.name.at
        )
    deferred = bool(action.deferred)
    deferrable = deferred if action.deferrable is None else action.deferrable
    changed = replace(key, deferrable=deferrable or deferred, initially_deferred=deferred)
    keys = [changed if k.id == key.id else k for k in table.foreign_keys]
    changes.put(replace(table, foreign_keys=tuple(keys)))
