"""CREATE, ALTER and DROP SEQUENCE. Those of serial and identity columns are made in `identities`.

A change of a sequence gives it a new relation, that is a new state, so that it is undone with its transaction; its lock
keeps nextval of others waiting until then. OWNED BY and a new name leave the state alone.
"""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder.expressions import bind_type
from minidb.sql.ddl.changes import Changes, check_schema
from minidb.sql.ddl.dependents import refuse_or_cascade
from minidb.sql.ddl.sequence_texts import mentions_sequence, renamed_in
from minidb.sql.suggest import nearest
from minidb.types import BIGINT, SqlType

RANGES = {"smallint": 1 << 15, "integer": 1 << 31, "bigint": 1 << 63}
Kind = Literal["sequence", "identity column"]

# -- CREATE -----------------------------------------------------------------------------------------------


def create_sequence(node: ast.CreateSequence, changes: Changes) -> str:
    check_schema(node.name)
    temporary = node.temporary or node.name.schema == "pg_temp"
    if node.if_not_exists and changes.is_taken(node.name.name, temporary):
        changes.notice(f'relation "{node.name.name}" already exists, skipping')
        return "CREATE SEQUENCE"
    changes.claim(node.name.name, node.name.at, temporary)
    sequence = new_sequence(node.name.name, node.options, BIGINT, temporary, node.at, changes)
    sequence = _owned(sequence, node.options, node.at, changes)
    changes.put_sequence(sequence)
    return "CREATE SEQUENCE"


def new_sequence(
    name: str,
    options: ast.SequenceOptions | None,
    default_type: SqlType,
    temporary: bool,
    at: int,
    changes: Changes,
    kind: Kind = "sequence",
) -> schema.Sequence:
    """A sequence that has not been used yet."""
    options = options or ast.SequenceOptions()
    sequence = schema.Sequence(
        id=changes.new_id(),
        name=name,
        relation=changes.new_id(),
        type=_type(options, default_type, at, kind),
        start=0,
        increment=1,
        minimum=0,
        maximum=0,
        temporary=temporary,
    )
    return _with_options(sequence, options, None, at)


# -- ALTER ------------------------------------------------------------------------------------------------


def alter_sequence(node: ast.AlterSequence, changes: Changes) -> str:
    if node.if_exists and not changes.exists(node.name):
        changes.notice(f'relation "{node.name.name}" does not exist, skipping')
        return "ALTER SEQUENCE"
    sequence = locked_sequence(node.name, "share row exclusive", changes)
    if node.rename is not None:
        rename_sequence(sequence, node.rename.new_name, changes)
    if node.options is not None:
        if sequence.identity and node.options.owned_by is not None:
            raise errors.NotSupportedError(
                "cannot change ownership of identity sequence",
                position=node.at,
                detail=f'Sequence "{sequence.name}" is linked to table "{_owner_name(sequence, changes)}".',
            )
        changed = _owned(altered(sequence, node.options, node.at, changes), node.options, node.at, changes)
        changes.put_sequence(changed, replaces=sequence)
    return "ALTER SEQUENCE"


def altered(sequence: schema.Sequence, options: ast.SequenceOptions, at: int, changes: Changes) -> schema.Sequence:
    """A locked sequence with other options; it goes on from where it stands."""
    others = replace(options, owned_by=None)
    if others == ast.SequenceOptions(at=options.at):
        return sequence
    value, called = changes.door.sequence_point(sequence.relation)
    present = replace(sequence, relation=changes.new_id(), value=value, called=called)
    kind: Kind = "identity column" if sequence.identity else "sequence"
    retyped = replace(present, type=_type(options, sequence.type, at, kind))
    return _with_options(retyped, options, present, at)


def restarted(sequence: schema.Sequence, changes: Changes) -> schema.Sequence:
    """TRUNCATE ... RESTART IDENTITY."""
    return replace(sequence, relation=changes.new_id(), value=sequence.start, called=False)


def rename_sequence(sequence: schema.Sequence, new: ast.Name, changes: Changes) -> None:
    """The new name; defaults that draw from the sequence go on to do so."""
    changes.claim(new.value, new.at, sequence.temporary)
    changes.put_sequence(replace(sequence, name=new.value), replaces=sequence)
    for table in _tables_drawing(sequence, changes):
        columns = [
            replace(c, default=renamed_in(c.default, sequence.name, new.value)) if c.default is not None else c
            for c in table.columns
        ]
        changes.door.lock_table(table.id, "access exclusive")
        changes.put(replace(changes.by_id(table.id), columns=tuple(columns)))


# -- DROP -------------------------------------------------------------------------------------------------


def drop_sequences(node: ast.Drop, changes: Changes) -> str:
    for name in node.names:
        if not changes.is_there(name, "sequence", node.if_exists):
            continue
        _drop(locked_sequence(name, "access exclusive", changes, "sequence"), node, changes)
    return "DROP SEQUENCE"


def _drop(sequence: schema.Sequence, node: ast.Drop, changes: Changes) -> None:
    if sequence.identity and sequence.owner is not None and sequence.owner_column is not None:
        owner = changes.by_id(sequence.owner)
        what = f"column {owner.columns[sequence.owner_column].name} of table {owner.name}"
        raise errors.DependentObjectsExist(
            f"cannot drop sequence {sequence.name} because {what} requires it",
            position=node.at,
            hint=f"You can drop {what} instead.",
        )
    users = [(table, c) for table in _tables_drawing(sequence, changes) for c in _columns_drawing(table, sequence)]
    refuse_or_cascade(
        f"sequence {sequence.name}",
        [f"default value for column {c.name} of table {t.name} depends on sequence {sequence.name}" for t, c in users],
        node.cascade,
        node.at,
        changes,
    )
    for table, column in users:
        changes.door.lock_table(table.id, "access exclusive")
        present = changes.by_id(table.id)
        columns = [replace(c, default=None) if c.position == column.position else c for c in present.columns]
        changes.put(replace(present, columns=tuple(columns)))
    changes.drop_sequence(sequence)


def drop_owned(table: schema.Table, position: int | None, changes: Changes) -> None:
    """The sequences that go with a table or column that is dropped."""
    for sequence in changes.catalog.owned_sequences(table, position):
        changes.door.lock_table(sequence.id, "access exclusive")
        changes.drop_sequence(sequence)


def _tables_drawing(sequence: schema.Sequence, changes: Changes) -> list[schema.Table]:
    return [
        table
        for table in changes.catalog.tables.values()
        if table.temporary >= sequence.temporary and _columns_drawing(table, sequence)
    ]


def _columns_drawing(table: schema.Table, sequence: schema.Sequence) -> list[schema.Column]:
    """The columns whose DEFAULT names the sequence."""
    return [c for c in table.live_columns if c.default is not None and mentions_sequence(c.default, sequence.name)]


# -- finding ----------------------------------------------------------------------------------------------


def find_sequence(name: ast.QualifiedName, changes: Changes, what: str = "relation") -> schema.Sequence:
    """The sequence of this name. Raises 42P01, 42809."""
    check_schema(name)
    found = changes.catalog.find_sequence(name.name, name.schema)
    if found is not None:
        return found
    if changes.exists(name):
        hint = "Use DROP TABLE to remove a table." if what == "sequence" else None
        raise errors.WrongObjectType(f'"{name.name}" is not a sequence', position=name.at, hint=hint)
    near = nearest(name.name, [s.name for s in changes.catalog.sequences.values()])
    raise errors.UndefinedTable(
        f'{what} "{name.name}" does not exist',
        position=name.at,
        hint=f'Perhaps you meant the sequence "{near}".' if near else None,
    )


def locked_sequence(name: ast.QualifiedName, mode: str, changes: Changes, what: str = "relation") -> schema.Sequence:
    """The sequence, locked, as it is after the wait."""
    while True:
        found = find_sequence(name, changes, what)
        changes.door.lock_table(found.id, mode)
        again = find_sequence(name, changes, what)
        if again.id == found.id:
            return again


def _owner_name(sequence: schema.Sequence, changes: Changes) -> str:
    return changes.by_id(sequence.owner).name if sequence.owner is not None else ""


# -- options ----------------------------------------------------------------------------------------------


def _type(options: ast.SequenceOptions, default: SqlType, at: int, kind: Kind) -> SqlType:
    found = default if options.type is None else bind_type(options.type)
    check_type(found, at, kind)
    return found


def check_type(found: SqlType, at: int, kind: Kind) -> None:
    if found.name not in RANGES:
        raise errors.InvalidParameterValue(f"{kind} type must be smallint, integer, or bigint", position=at)


def _with_options(
    sequence: schema.Sequence, options: ast.SequenceOptions, before: schema.Sequence | None, at: int
) -> schema.Sequence:
    """The sequence as the options say; `before`: what ALTER SEQUENCE starts from. Raises 22023."""
    increment = sequence.increment if options.increment is None else options.increment
    if increment == 0:
        raise _invalid("INCREMENT must not be zero", at)
    lowest, highest = -RANGES[sequence.type.name], RANGES[sequence.type.name] - 1
    upward = increment > 0
    maximum = _bound(options.maximum, options.no_maximum, highest if upward else -1, before, sequence, "maximum")
    minimum = _bound(options.minimum, options.no_minimum, 1 if upward else lowest, before, sequence, "minimum")
    for word, bound in (("MAXVALUE", maximum), ("MINVALUE", minimum)):
        if not lowest <= bound <= highest:
            raise _invalid(f"{word} ({bound}) is out of range for sequence data type {sequence.type}", at)
    if minimum >= maximum:
        raise _invalid(f"MINVALUE ({minimum}) must be less than MAXVALUE ({maximum})", at)
    start = options.start
    if start is None:
        start = before.start if before is not None else minimum if upward else maximum
    _check_between("START", start, minimum, maximum, at)
    value, called = (start, False) if before is None else (before.value, before.called)
    if options.restart is not None:
        value, called = (start if options.restart is True else int(options.restart)), False
    _check_between("RESTART", value, minimum, maximum, at)
    cache = sequence.cache if options.cache is None else options.cache
    if cache <= 0:
        raise _invalid(f"CACHE ({cache}) must be greater than zero", at)
    return replace(
        sequence,
        increment=increment,
        minimum=minimum,
        maximum=maximum,
        start=start,
        cache=cache,
        cycle=sequence.cycle if options.cycle is None else options.cycle,
        value=value,
        called=called,
    )


def _bound(
    given: int | None, none: bool, default: int, before: schema.Sequence | None, now: schema.Sequence, which: str
) -> int:
    """A bound that nobody has chosen follows the sequence's type."""
    if given is not None:
        return given
    if none or before is None:
        return default
    old: int = getattr(before, which)
    size = RANGES[before.type.name]
    followed = old == (size - 1 if which == "maximum" else -size)
    return default if followed and before.type != now.type else old


def _check_between(word: str, value: int, minimum: int, maximum: int, at: int) -> None:
    if value < minimum:
        raise _invalid(f"{word} value ({value}) cannot be less than MINVALUE ({minimum})", at)
    if value > maximum:
        raise _invalid(f"{word} value ({value}) cannot be greater than MAXVALUE ({maximum})", at)


def _invalid(message: str, at: int) -> errors.Error:
    return errors.InvalidParameterValue(message, position=at)


def _owned(
    sequence: schema.Sequence, options: ast.SequenceOptions, at: int, changes: Changes
) -> schema.Sequence:
    """OWNED BY table.column, or NONE."""
    if options.owned_by is None:
        return sequence
    if not options.owned_by:
        return replace(sequence, owner=None, owner_column=None)
    if len(options.owned_by) < 2:
        raise errors.SyntaxError(
            "invalid OWNED BY option", position=at, hint="Specify OWNED BY table.column or OWNED BY NONE."
        )
    *parts, column_name = options.owned_by
    table = changes.table(ast.QualifiedName(parts=tuple(parts), at=at))
    if table.temporary != sequence.temporary:
        raise errors.OperationalError(
            "sequence must be in same schema as table it is linked to", sqlstate="55000", position=at
        )
    column = table.column(column_name)
    if column is None:
        raise errors.UndefinedColumn(
            f'column "{column_name}" of relation "{table.name}" does not exist', position=at
        )
    return replace(sequence, owner=table.id, owner_column=column.position)
