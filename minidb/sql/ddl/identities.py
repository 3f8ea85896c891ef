"""serial and identity columns: a column, and a sequence that it owns.

A serial column is an integer with `DEFAULT nextval(...)` and NOT NULL. An identity column has no default: INSERT knows
that it draws from the sequence that belongs to it.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.ddl.changes import Changes
from minidb.sql.ddl.columns import is_serial, target_column, with_column
from minidb.sql.ddl.names import free_name
from minidb.sql.ddl.sequence_texts import drawing_text
from minidb.sql.ddl.sequences import altered, check_type, new_sequence, restarted
from minidb.types import SqlType


def add_sequences(table: schema.Table, nodes: Sequence[ast.ColumnDefinition], changes: Changes) -> schema.Table:
    """Makes the sequences of the serial and identity columns among `nodes`; the table with their defaults."""
    for node in nodes:
        column = table.column(node.name)
        assert column is not None
        if is_serial(node):
            _check_alone(node, table, node.default is not None, "multiple default values")
            _check_alone(node, table, node.identity is not None, "both default and identity")
            sequence = _own_sequence(table, column, None, changes, identity=False)
            table = with_column(table, replace(column, default=drawing_text(sequence.name)))
        elif node.identity is not None:
            _own_sequence(table, column, node.identity.options, changes, identity=True)
    return table


def _check_alone(node: ast.ColumnDefinition, table: schema.Table, other: bool, words: str) -> None:
    if other:
        raise errors.SyntaxError(
            f'{words} specified for column "{node.name}" of table "{table.name}"', position=node.at
        )


def _own_sequence(
    table: schema.Table,
    column: schema.Column,
    options: ast.SequenceOptions | None,
    changes: Changes,
    *,
    identity: bool,
) -> schema.Sequence:
    """A new sequence that goes with a column."""

    def is_taken(name: str) -> bool:
        return changes.is_taken(name, table.temporary)

    name = free_name(table.name, [column.name], "seq", is_taken)
    changes.claim(name, -1, table.temporary)
    at = -1 if options is None else options.at
    made = new_sequence(name, options, column.type, table.temporary, at, changes, "identity column")
    sequence = replace(made, owner=table.id, owner_column=column.position, identity=identity)
    changes.put_sequence(sequence)
    return sequence


def copy_sequences(table: schema.Table, source: schema.Table, changes: Changes) -> None:
    """LIKE ... INCLUDING IDENTITY: sequences like those of the other table's identity columns, from their start."""
    for column in table.live_columns:
        model = source.column(column.name)
        if column.identity is None or model is None or model.identity is None:
            continue
        if changes.catalog.sequence_of(table, column.position) is None:
            sequence = _own_sequence(table, column, None, changes, identity=True)
            original = changes.catalog.sequence_of(source, model.position)
            assert original is not None
            ids = {"id": sequence.id, "name": sequence.name, "relation": sequence.relation, "owner": table.id}
            copy = replace(
                original, **ids, owner_column=column.position, temporary=table.temporary,
                value=original.start, called=False,
            )
            changes.put_sequence(restarted(copy, changes), replaces=sequence)


def column_default(table: schema.Table, column: schema.Column, changes: Changes) -> str | None:
    """The text of what fills the column in rows that say nothing of it."""
    if column.identity is None:
        return column.default
    sequence = changes.catalog.sequence_of(table, column.position)
    assert sequence is not None
    return drawing_text(sequence.name)


# -- ALTER COLUMN -----------------------------------------------------------------------------------------


def add_identity(action: ast.AddIdentity, table: schema.Table, changes: Changes) -> None:
    column = target_column(action.column, table)
    where = f'column "{column.name}" of relation "{table.name}"'
    check_type(column.type, action.at, "identity column")
    if column.identity is not None:
        raise _not_possible(f"{where} is already an identity column", action.at)
    if column.default is not None or column.generated is not None:
        raise _not_possible(f"{where} already has a default value", action.at)
    if not column.not_null:
        raise _not_possible(f"{where} must be declared NOT NULL before identity can be added", action.at)
    _own_sequence(table, column, action.identity.options, changes, identity=True)
    kind = "always" if action.identity.always else "by default"
    changes.put(with_column(changes.by_id(table.id), replace(column, identity=kind)))


def set_identity(action: ast.SetIdentity, table: schema.Table, changes: Changes) -> None:
    column = target_column(action.column, table)
    sequence = changes.catalog.sequence_of(table, column.position)
    if column.identity is None or sequence is None:
        raise _not_possible(
            f'column "{column.name}" of relation "{table.name}" is not an identity column', action.at
        )
    if action.options is not None:
        changes.door.lock_table(sequence.id, "share row exclusive")
        changes.put_sequence(altered(sequence, action.options, action.at, changes), replaces=sequence)
    if action.always is not None:
        kind = "always" if action.always else "by default"
        changes.put(with_column(changes.by_id(table.id), replace(column, identity=kind)))


def drop_identity(action: ast.DropIdentity, table: schema.Table, changes: Changes) -> None:
    column = target_column(action.column, table)
    if column.identity is None:
        words = f'column "{column.name}" of relation "{table.name}" is not an identity column'
        if not action.if_exists:
            raise _not_possible(words, action.at)
        changes.notice(f"{words}, skipping")
        return
    changes.put(with_column(table, replace(column, identity=None)))
    for sequence in changes.catalog.owned_sequences(table, column.position):
        if sequence.identity:
            changes.door.lock_table(sequence.id, "access exclusive")
            changes.drop_sequence(sequence)


def retype_sequence(
    column: schema.Column, table: schema.Table, target: SqlType, at: int, changes: Changes
) -> None:
    """ALTER COLUMN ... TYPE: the sequence of an identity column takes the column's type."""
    sequence = changes.catalog.sequence_of(table, column.position)
    if column.identity is not None and sequence is not None:
        changes.door.lock_table(sequence.id, "share row exclusive")
        options = ast.SequenceOptions(type=ast.TypeName(name=target.name))
        changes.put_sequence(altered(sequence, options, at, changes), replaces=sequence)


def refuse_identity(column: schema.Column, table: schema.Table, at: int, hint: str | None = None) -> None:
    """For SET DEFAULT and DROP NOT NULL. Raises 42601."""
    if column.identity is not None:
        raise errors.SyntaxError(
            f'column "{column.name}" of relation "{table.name}" is an identity column', position=at, hint=hint
        )


def restart_owned(table: schema.Table, changes: Changes) -> None:
    """TRUNCATE ... RESTART IDENTITY."""
    for sequence in changes.catalog.owned_sequences(table):
        changes.door.lock_table(sequence.id, "share row exclusive")
        changes.put_sequence(restarted(sequence, changes), replaces=sequence)


def _not_possible(message: str, at: int) -> errors.Error:
    return errors.OperationalError(message, sqlstate="55000", position=at)
