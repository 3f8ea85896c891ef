"""ALTER TABLE, INDEX, VIEW: which action is done where, and what concerns the name alone.

Actions are done one after the other, each on what the ones before it left: first what takes something away, then type
changes (all at once), new columns, keys, and the constraints that need them, as PostgreSQL orders its passes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.ddl import alter_columns, alter_constraints, alter_types, identities, new_columns
from minidb.sql.ddl.alter_views import alter_view
from minidb.sql.ddl.changes import Changes
from minidb.sql.ddl.dependents import with_renamed_table
from minidb.sql.ddl.indexes import owner
from minidb.sql.ddl.layouts import set_layout
from minidb.sql.ddl.materialized_views import alter_materialized_view, refuse_materialized
from minidb.sql.ddl.sequences import locked_sequence, rename_sequence
from minidb.sql.ddl.views import rename_in_views


def alter(node: ast.AlterTable, changes: Changes) -> str:
    tag = f"ALTER {node.kind.upper()}"
    if node.if_exists and not changes.exists(node.name):
        changes.notice(f'relation "{node.name.name}" does not exist, skipping')
        return tag
    if node.kind == "materialized view":
        alter_materialized_view(node, changes)
        return tag
    found = changes.catalog.find(node.name.name, node.name.schema)
    is_index = found is None and changes.catalog.index_owner(node.name.name) is not None
    if node.kind == "index" or (node.kind == "table" and is_index):
        _alter_index(node, changes)
    elif node.kind == "view" or (node.kind == "table" and isinstance(found, schema.View)):
        alter_view(node, changes)
    elif isinstance(found, schema.Sequence) and all(isinstance(a, ast.Rename) for a in node.actions):
        _alter_sequence(node, changes)
    else:
        _alter_table(node, changes)
    return tag


Action = Callable[[Any, schema.Table, Changes], None]


def _alter_table(node: ast.AlterTable, changes: Changes) -> None:
    table = changes.locked_table(node.name, lock_mode(node))
    refuse_materialized(table, node.name.at)
    changes.check_not_pending(table, "ALTER TABLE", node.name.at)
    actions = sorted(node.actions, key=_pass_of) if len(node.actions) > 1 else node.actions
    types = [action for action in actions if isinstance(action, ast.SetType)]
    for action in actions:
        if action in types:
            if action is types[0]:
                alter_types.set_types(types, changes.by_id(table.id), changes)
            continue
        handler = _ACTIONS.get(type(action))
        if handler is None:
            words = "".join(f" {c}" if c.isupper() else c for c in type(action).__name__).upper()
            raise errors.NotSupportedError(f"ALTER TABLE ...{words} is not supported yet", position=action.at)
        handler(action, changes.by_id(table.id), changes)


def _pass_of(action: ast.AlterAction) -> int:
    """Which pass of PostgreSQL's ALTER TABLE an action belongs to."""
    if isinstance(action, ast.DropColumn | ast.DropConstraint | ast.DropIdentity | ast.DropExpression):
        return 0
    if isinstance(action, ast.SetNotNull):
        return 3 if action.not_null else 0
    if isinstance(action, ast.SetDefault):
        return 5 if action.default is not None else 0
    if isinstance(action, ast.AddConstraint):
        return 4 if isinstance(action.constraint, ast.Unique) else 5
    return _PASSES.get(type(action), 6)


_PASSES: dict[type, int] = {ast.SetType: 1, ast.AddColumn: 2, ast.SetIdentity: 3, ast.AddIdentity: 5}


def lock_mode(node: ast.AlterTable) -> str:
    """A new foreign key keeps writers out, but not readers."""
    keys = all(isinstance(a, ast.AddConstraint) and isinstance(a.constraint, ast.ForeignKey) for a in node.actions)
    return "share row exclusive" if keys and node.actions else "access exclusive"


def _alter_index(node: ast.AlterTable, changes: Changes) -> None:
    for action in node.actions:
        if not isinstance(action, ast.Rename):
            raise errors.NotSupportedError("ALTER INDEX can only rename", position=action.at)
        if not changes.exists(node.name):
            raise errors.UndefinedTable(f'relation "{node.name.name}" does not exist', position=node.name.at)
        table, index = owner(node.name, changes)
        changes.door.lock_table(table.id, "access exclusive")
        alter_constraints.rename_index(changes.by_id(table.id), index, action.new_name, changes)


def _alter_sequence(node: ast.AlterTable, changes: Changes) -> None:
    """ALTER TABLE renames sequences, too."""
    for action in node.actions:
        assert isinstance(action, ast.Rename)
        rename_sequence(locked_sequence(node.name, "share row exclusive", changes), action.new_name, changes)


def _rename(action: ast.Rename, table: schema.Table, changes: Changes) -> None:
    """The table's new name; its own texts and the views over it follow."""
    old, new = table.name, action.new_name.value
    changes.claim(new, action.new_name.at, table.temporary)
    checks = [replace(c, expression=with_renamed_table(c.expression, old, new)) for c in table.checks]
    changes.put(replace(table, name=new, checks=tuple(checks)), replaces=old)
    rename_in_views(old, new, changes, table.temporary)


def _set_schema(action: ast.SetSchema, table: schema.Table, changes: Changes) -> None:
    if action.schema != "public":
        raise errors.ProgrammingError(f'schema "{action.schema}" does not exist', sqlstate="3F000", position=action.at)


def _nothing(action: ast.AlterAction, table: schema.Table, changes: Changes) -> None:
    """SET STATISTICS: accepted and without effect."""


_ACTIONS: dict[type, Action] = {
    ast.AddColumn: new_columns.add_column,
    ast.DropColumn: alter_columns.drop_column,
    ast.RenameColumn: alter_columns.rename_column,
    ast.SetDefault: alter_columns.set_default,
    ast.SetNotNull: alter_columns.set_not_null,
    ast.DropExpression: alter_columns.drop_expression,
    ast.AddIdentity: identities.add_identity,
    ast.SetIdentity: identities.set_identity,
    ast.DropIdentity: identities.drop_identity,
    ast.AddConstraint: alter_constraints.add,
    ast.DropConstraint: alter_constraints.drop,
    ast.ValidateConstraint: alter_constraints.validate,
    ast.RenameConstraint: alter_constraints.rename,
    ast.AlterConstraint: alter_constraints.alter,
    ast.Rename: _rename,
    ast.SetSchema: _set_schema,
    ast.SetStatistics: _nothing,
    ast.SetOptions: set_layout,
    ast.ResetOptions: set_layout,
}
