"""EXPLAIN of what changes rows: the row locks that it takes, and the foreign keys that are looked at when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from minidb import schema
from minidb.sql import physical, plan
from minidb.sql.compiler.new_rows import key_columns

HELD = "held to the end of the transaction"
Details = list[tuple[str, str]]
References = Callable[[schema.Table], Sequence[tuple[schema.Table, schema.ForeignKey]]]
_ACTIONS = {"cascade": "go, too", "set null": "are set to NULL", "set default": "are set to their default"}


def references_in(catalog: schema.Catalog) -> References:
    """The foreign keys that point at a table, with the tables that have them."""

    def references(table: schema.Table) -> list[tuple[schema.Table, schema.ForeignKey]]:
        return [
            (child, key) for child in catalog.tables.values() for key in child.foreign_keys if key.parent == table.id
        ]

    return references


def changes_of(node: physical.Node, references: References) -> Details:
    if isinstance(node, physical.Insert):
        return _of_insert(node.table)
    if isinstance(node, physical.Delete):
        return [_row_locks(node.table, "UPDATE"), *_of_parent(node.table, None, references)]
    if isinstance(node, physical.Update):
        return _of_update(node.table, node.assignments, node.generated, references)
    assert isinstance(node, physical.Merge)
    details: Details = []
    for action in node.actions:
        details += [detail for detail in _of_action(node, action, references) if detail not in details]
    return details


def _of_action(node: physical.Merge, action: plan.MergeAction, references: References) -> Details:
    if action.kind == "insert":
        return _of_insert(node.table)
    if action.kind == "update":
        return _of_update(node.table, action.assignments, node.generated, references)
    if action.kind == "delete":
        return [_row_locks(node.table, "UPDATE"), *_of_parent(node.table, None, references)]
    return []


def conflict_details(node: physical.Insert) -> Details:
    if node.on_conflict is None:
        return []
    if node.on_conflict.update is None:
        return [("On Conflict", "DO NOTHING")]
    locks = f"FOR UPDATE on each row of {node.table.name} in the way, {HELD}"
    return [("On Conflict", "DO UPDATE"), ("Row Locks", locks)]


def _row_locks(table: schema.Table, strength: str) -> tuple[str, str]:
    return "Row Locks", f"FOR {strength} on each row of {table.name} that is found, {HELD}"


def _of_insert(table: schema.Table) -> Details:
    return _of_child(table, range(len(table.columns)))


def _of_update(
    table: schema.Table,
    assignments: Iterable[plan.Assignment],
    generated: Iterable[plan.Assignment],
    references: References,
) -> Details:
    changed = {assignment.position for assignment in (*assignments, *generated)}
    strength = "UPDATE" if changed & key_columns(table) else "NO KEY UPDATE"
    return [_row_locks(table, strength), *_of_child(table, changed), *_of_parent(table, changed, references)]


def _of_child(table: schema.Table, changed: Iterable[int]) -> Details:
    """The rows that foreign keys of new rows refer to are locked, too."""
    positions = set(changed)
    names = [key.name for key in table.foreign_keys if positions & set(key.columns)]
    return [("Row Locks", f"FOR KEY SHARE on the rows that {', '.join(names)} refers to, {HELD}")] if names else []


def _of_parent(table: schema.Table, changed: set[int] | None, references: References) -> Details:
    """What is done about rows that refer to those that are deleted (`changed` None), or whose keys change."""
    details = []
    for child, key in references(table):
        if changed is None or changed & set(key.parent_columns):
            action = _ACTIONS.get(key.on_delete if changed is None else key.on_update, "are an error")
            if changed is not None and key.on_update == "cascade":
                action = "follow"
            words = f"rows of {child.name} that refer to one {action}; looked for {_way(child, key)}"
            details.append((f"Foreign Key {key.name}", words))
    return details


def _way(child: schema.Table, key: schema.ForeignKey) -> str:
    """How children are found: as `txn.foreign_keys` does it."""
    wanted = set(key.columns)
    for index in child.indexes:
        leading = {column.position for column in index.keys[: len(wanted)]}
        if index.where is None and leading == wanted:
            return f"through {index.name}"
    return f"in the whole of {child.name}"
