"""Constraints: CHECK, PRIMARY KEY, UNIQUE, FOREIGN KEY, as parts of a table's definition.

Each function gives the table with one constraint more. Whether the rows that are there already satisfy it is checked by
`alter_constraints`; here a table has no rows yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder.rows import bind_check
from minidb.sql.ddl.changes import Changes
from minidb.sql.ddl.columns import find_columns
from minidb.sql.ddl.layouts import refuse_clustered
from minidb.sql.ddl.names import constraint_names, free_name
from minidb.sql.functions.operators import resolve_operator
from minidb.sql.printer import to_sql
from minidb.types import can_coerce

# What is added first: a foreign key may refer to the primary key of its own table.
_ORDER: tuple[type, ...] = (ast.Exclude, ast.Check, ast.Unique, ast.ForeignKey)


def add_all(table: schema.Table, nodes: Sequence[tuple[ast.Constraint, str | None]], changes: Changes) -> schema.Table:
    """The table with constraints, each with the column that it stands behind."""
    for kind in _ORDER:
        for node, column in nodes:
            if isinstance(node, kind):
                table = add_constraint(table, node, column, changes)
    return table


def add_constraint(table: schema.Table, node: ast.Constraint, column: str | None, changes: Changes) -> schema.Table:
    """The table with one constraint more; `column` is the one that it stands behind."""
    if isinstance(node, ast.Check):
        return add_check(table, node, changes)
    if isinstance(node, ast.Unique):
        return add_unique(table, node, column, changes)
    if isinstance(node, ast.ForeignKey):
        return add_foreign_key(table, node, column, changes)
    assert isinstance(node, ast.Exclude)
    raise errors.NotSupportedError(
        "exclusion constraints are not supported",
        position=node.at,
        hint="UNIQUE excludes equal rows; anything else is checked by the program, in a SERIALIZABLE transaction.",
    )


def _name(
    node: ast.Constraint, table: schema.Table, columns: Sequence[str], label: str, is_taken: Callable[[str], bool]
) -> str:
    taken = constraint_names(table)
    if node.name is None:
        return free_name(table.name, columns, label, lambda name: name in taken or is_taken(name))
    if node.name in taken:
        raise errors.DuplicateObject(
            f'constraint "{node.name}" for relation "{table.name}" already exists', position=node.at
        )
    return node.name


# -- CHECK ------------------------------------------------------------------------------------------------


def add_check(table: schema.Table, node: ast.Check, changes: Changes) -> schema.Table:
    bind_check(node.expression, table, changes)
    mentioned = {n.name: None for n in ast.walk(node.expression) if isinstance(n, ast.ColumnRef)}
    columns = list(mentioned) if len(mentioned) == 1 else []
    name = _name(node, table, columns, "check", lambda _: False)
    check = schema.Check(changes.new_id(), name, to_sql(node.expression), node.validated)
    return replace(table, checks=(*table.checks, check))


# -- PRIMARY KEY, UNIQUE ----------------------------------------------------------------------------------


def add_unique(table: schema.Table, node: ast.Unique, column: str | None, changes: Changes) -> schema.Table:
    if table.primary_key is not None:
        refuse_second_primary((node,), table)
    names = node.columns or (ast.Name(at=node.at, value=column or ""),)
    kind = "primary key constraint" if node.primary else "unique constraint"
    columns = find_columns(names, table, "named in key", kind)
    include = find_columns(node.include, table, "named in key")
    for key in columns:
        check_key_type(key, node.at)
    all_names = [] if node.primary else [c.name for c in (*columns, *include)]
    label = "pkey" if node.primary else "key"
    name = _name(node, table, all_names, label, lambda name: changes.is_taken(name, table.temporary))
    changes.claim(name, node.at, table.temporary)
    index = _unique_index(node, name, columns, include, table, changes)
    if node.primary:
        table = with_not_null(table, [c.position for c in columns])
    return replace(table, indexes=(*table.indexes, index))


def refuse_second_primary(nodes: Sequence[ast.Constraint], table: schema.Table) -> None:
    """Raises 42P16 for a primary key of a table that has one."""
    for node in nodes:
        if isinstance(node, ast.Unique) and node.primary:
            raise errors.InvalidTableDefinition(
                f'multiple primary keys for table "{table.name}" are not allowed', position=node.at
            )


def _unique_index(
    node: ast.Unique,
    name: str,
    columns: Sequence[schema.Column],
    include: Sequence[schema.Column],
    table: schema.Table,
    changes: Changes,
) -> schema.Index:
    if node.clustered and table.layout == "column":
        refuse_clustered(node.at)
    if node.clustered and table.clustered is not None:
        raise errors.InvalidTableDefinition(f'table "{table.name}" is clustered already', position=node.at)
    if node.clustered and (node.deferrable or node.deferred):
        raise errors.NotSupportedError(
            "a clustered primary key cannot be deferrable",
            position=node.at,
            detail="Its rows lie in the order of their keys: two of them cannot have one key, not even for a while.",
        )
    return schema.Index(
        id=changes.new_id(),
        name=name,
        relation=table.relation if node.clustered else changes.new_id(),
        keys=tuple([schema.IndexKey(c.position, c.type) for c in columns]),
        include=tuple([c.position for c in include]),
        unique=True,
        primary=node.primary,
        clustered=node.clustered,
        constraint=True,
        nulls_not_distinct=node.nulls_not_distinct,
        deferrable=bool(node.deferrable) or bool(node.deferred),
        initially_deferred=bool(node.deferred),
    )


def with_not_null(table: schema.Table, positions: Sequence[int]) -> schema.Table:
    columns = [replace(c, not_null=True) if c.position in positions else c for c in table.columns]
    return replace(table, columns=tuple(columns))


def check_key_type(column: schema.Column, at: int) -> None:
    """Keys need an order. Raises 42704."""
    try:
        resolve_operator("<", column.type, column.type)
    except errors.ProgrammingError:
        raise errors.UndefinedObject(
            f"data type {column.type} has no order, so it cannot be a key of an index", position=at
        ) from None


# -- FOREIGN KEY ------------------------------------------------------------------------------------------


def add_foreign_key(table: schema.Table, node: ast.ForeignKey, column: str | None, changes: Changes) -> schema.Table:
    if node.match == "partial":
        raise errors.NotSupportedError("MATCH PARTIAL not yet implemented", position=node.at)
    names = node.columns or (ast.Name(at=node.at, value=column or ""),)
    what = "referenced in foreign key constraint"
    columns = tuple([column for name in names for column in find_columns([name], table, what)])
    parent = _parent(node, table, changes)
    parent_columns = _parent_columns(node, parent)
    name = _name(node, table, [c.name for c in columns], "fkey", lambda _: False)
    _check_match(node, name, columns, parent_columns)
    _check_actions(node, columns)
    key = schema.ForeignKey(
        id=changes.new_id(),
        name=name,
        columns=tuple([c.position for c in columns]),
        parent=parent.id,
        parent_columns=tuple([c.position for c in parent_columns]),
        on_delete=node.on_delete,
        delete_columns=_delete_columns(node, columns, table),
        on_update=node.on_update,
        match_full=node.match == "full",
        deferrable=bool(node.deferrable) or bool(node.deferred),
        initially_deferred=bool(node.deferred),
        validated=node.validated,
    )
    return replace(table, foreign_keys=(*table.foreign_keys, key))


def _delete_columns(
    node: ast.ForeignKey, columns: Sequence[schema.Column], table: schema.Table
) -> tuple[int, ...]:
    """ON DELETE SET NULL (columns): those that are set, all where none are named. Raises 42P10."""
    found = []
    for name in node.delete_columns:
        (column,) = find_columns([name], table, "referenced in foreign key constraint")
        if all(column.position != key.position for key in columns):
            raise errors.ProgrammingError(
                f'column "{column.name}" referenced in ON DELETE SET action must be part of foreign key',
                sqlstate="42P10",
                position=name.at,
            )
        found.append(column.position)
    return tuple(found)


def _parent(node: ast.ForeignKey, table: schema.Table, changes: Changes) -> schema.Table:
    if node.table.name == table.name and node.table.schema in (None, "pg_temp" if table.temporary else "public"):
        return table
    parent = changes.locked_table(node.table, "share row exclusive")
    if parent.materialized:
        raise errors.WrongObjectType(f'referenced relation "{parent.name}" is not a table', position=node.table.at)
    if parent.temporary != table.temporary:
        kind = "temporary" if table.temporary else "permanent"
        raise errors.InvalidTableDefinition(
            f"constraints on {kind} tables may reference only {kind} tables", position=node.at
        )
    return parent


def _parent_columns(node: ast.ForeignKey, parent: schema.Table) -> tuple[schema.Column, ...]:
    if not node.referenced:
        key = parent.primary_key
        if key is None:
            raise errors.UndefinedObject(
                f'there is no primary key for referenced table "{parent.name}"', position=node.table.at
            )
        if key.deferrable:
            raise _deferrable("primary key", parent, node)
        return tuple([parent.columns[part.position] for part in key.keys if part.position is not None])
    columns = find_columns(node.referenced, parent, "referenced in foreign key constraint")
    positions = {c.position for c in columns}
    matching = [index for index in parent.indexes if _is_key(index, positions)]
    if matching and all(index.deferrable for index in matching):
        raise _deferrable("unique constraint", parent, node)
    if not matching:
        raise errors.InvalidForeignKey(
            f'there is no unique constraint matching given keys for referenced table "{parent.name}"',
            position=node.table.at,
        )
    return columns


def _is_key(index: schema.Index, positions: set[int]) -> bool:
    """Whether the index makes the columns at `positions`, as a set, a key of the table."""
    return index.unique and index.where is None and {part.position for part in index.keys} == positions


def is_referenceable(index: schema.Index, positions: set[int]) -> bool:
    """Whether a foreign key can refer to the columns at `positions` because of the index."""
    return _is_key(index, positions) and not index.deferrable


def _deferrable(kind: str, parent: schema.Table, node: ast.ForeignKey) -> errors.Error:
    return errors.ProgrammingError(
        f'cannot use a deferrable {kind} for referenced table "{parent.name}"', sqlstate="55000", position=node.table.at
    )


def _check_match(
    node: ast.ForeignKey, name: str, columns: Sequence[schema.Column], parents: Sequence[schema.Column]
) -> None:
    if len(columns) != len(parents):
        raise errors.InvalidForeignKey(
            "number of referencing and referenced columns for foreign key disagree", position=node.at
        )
    for column, parent in zip(columns, parents):
        check_comparable(name, column, parent, node.at)


_FAMILIES = (
    {"smallint", "integer", "bigint"},
    {"real", "double precision"},
    {"text", "character varying", "character"},
    {"date", "timestamp", "timestamptz"},
)


def check_comparable(name: str, column: schema.Column, parent: schema.Column, at: int) -> None:
    """A foreign key compares values of one family of types, or its own converted to the parent's. Raises 42804."""
    ours, theirs = column.type.base, parent.type.base
    together = any({ours.name, theirs.name} <= family for family in _FAMILIES)
    if ours == theirs or together or can_coerce(ours, theirs, "implicit"):
        return
    raise errors.DatatypeMismatch(
        f'foreign key constraint "{name}" cannot be implemented',
        position=at,
        detail=f'Key columns "{column.name}" and "{parent.name}" are of incompatible types: '
        f"{column.type} and {parent.type}.",
    )


def _check_actions(node: ast.ForeignKey, columns: Sequence[schema.Column]) -> None:
    """A generated column cannot be set by an action. Raises 42601."""
    if any(c.generated is not None for c in columns):
        for event, action in (("DELETE", node.on_delete), ("UPDATE", node.on_update)):
            if action in ("set null", "set default") or (event == "UPDATE" and action == "cascade"):
                raise errors.SyntaxError(
                    f"invalid ON {event} action for foreign key constraint containing generated column",
                    position=node.at,
                )
