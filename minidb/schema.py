"""What the database knows about its objects: immutable records, shared by every layer above the ground.

A catalog is a value: DDL makes a new one. Ids are never reused; column positions neither (R66), so a row is a tuple by
position in which dropped columns stay as None, and a row written before ADD COLUMN is merely shorter. `relation` is the
id of an object's storage: TRUNCATE and rewrites give a table a new one and leave its id alone.
"""

from __future__ import annotations

from typing import Any

import msgspec

from minidb.types import SqlType


class Column(msgspec.Struct, frozen=True):
    name: str
    type: SqlType
    position: int
    not_null: bool = False
    default: str | None = None  # SQL text
    missing: str | None = None  # value of rows older than the column, in the type's text form (R66)
    dropped: bool = False
    generated: str | None = None  # SQL text of GENERATED ALWAYS AS (...) STORED
    identity: str | None = None  # 'always' or 'by default'
    collation: str | None = None


class IndexKey(msgspec.Struct, frozen=True):
    position: int | None  # None: an expression
    type: SqlType
    expression: str | None = None  # SQL text
    descending: bool = False
    nulls_first: bool = False


class Index(msgspec.Struct, frozen=True):
    id: int
    name: str
    relation: int
    keys: tuple[IndexKey, ...]
    include: tuple[int, ...] = ()  # positions of columns that the leaves carry besides
    unique: bool = False
    primary: bool = False
    clustered: bool = False  # the table's rows live in this tree
    constraint: bool = False  # made by PRIMARY KEY or UNIQUE, dropped with it
    where: str | None = None  # SQL text of a partial index's condition
    nulls_not_distinct: bool = False
    deferrable: bool = False
    initially_deferred: bool = False

    @property
    def certain(self) -> bool:
        """Whether a statement never meets two rows with one key: not in a deferrable one, before it is judged."""
        return self.unique and not self.deferrable


class Check(msgspec.Struct, frozen=True):
    id: int
    name: str
    expression: str  # SQL text
    validated: bool = True


class ForeignKey(msgspec.Struct, frozen=True):
    id: int
    name: str
    columns: tuple[int, ...]
    parent: int  # table id
    parent_columns: tuple[int, ...]
    on_delete: str = "no action"  # 'restrict', 'cascade', 'set null', 'set default'
    on_update: str = "no action"
    delete_columns: tuple[int, ...] = ()  # what SET NULL and SET DEFAULT of on_delete change; () is all of `columns`
    match_full: bool = False
    deferrable: bool = False
    initially_deferred: bool = False
    validated: bool = True


class Table(msgspec.Struct, frozen=True):
    id: int
    name: str
    relation: int
    columns: tuple[Column, ...]  # by position, dropped ones included
    indexes: tuple[Index, ...] = ()
    checks: tuple[Check, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    temporary: bool = False
    on_commit: str = "preserve rows"  # of a temporary table; or 'delete rows', 'drop'
    materialized: str = ""  # the rows of a materialized view: 'populated' or 'empty'
    layout: str = "row"  # of a heap's pages; or 'column'

    @property
    def live_columns(self) -> tuple[Column, ...]:
        return tuple(c for c in self.columns if not c.dropped)

    @property
    def clustered(self) -> Index | None:
        """The index in which the rows live, None for a heap."""
        return next((i for i in self.indexes if i.clustered), None)

    @property
    def primary_key(self) -> Index | None:
        return next((i for i in self.indexes if i.primary), None)

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name and not c.dropped), None)

    def index(self, name: str) -> Index | None:
        return next((i for i in self.indexes if i.name == name), None)


class View(msgspec.Struct, frozen=True):
    id: int
    name: str
    columns: tuple[str, ...]
    query: str  # SQL text
    temporary: bool = False
    materialized: int | None = None  # the table that keeps its rows
    check_option: str | None = None  # 'local' or 'cascaded'
    defaults: tuple[tuple[int, str], ...] = ()  # (place of a column, SQL text), for rows that come through the view

    @property
    def kind(self) -> str:
        return "view" if self.materialized is None else "materialized view"


class Sequence(msgspec.Struct, frozen=True):
    """A sequence. Its state, which no rollback touches, is the transaction floor's; it starts as `value`, `called`."""

    id: int
    name: str
    relation: int  # of the state: RESTART and other changes begin a new one
    type: SqlType
    start: int
    increment: int
    minimum: int
    maximum: int
    cache: int = 1
    cycle: bool = False
    value: int = 1
    called: bool = False  # False: `value` itself is given out next
    owner: int | None = None  # the table that it goes with
    owner_column: int | None = None  # position
    identity: bool = False  # belongs to an identity column, and cannot be dropped alone
    temporary: bool = False


class SequencePoint(msgspec.Struct, frozen=True, array_like=True):
    """Where a sequence stands. Of two points the one with the higher stamp is the later."""

    relation: int
    stamp: int
    value: int
    called: bool


class Comment(msgspec.Struct, frozen=True):
    """COMMENT ON: `object` is the id of a table, index, view or sequence, `position` that of a column."""

    object: int
    position: int | None
    text: str


MATERIALIZED = "pg_matview."  # before the names of materialized views among the views; their tables have the name
TEMPORARY = "pg_temp."  # before the names of temporary objects in a catalog's tables


def key_of(thing: Table | View | Sequence) -> str:
    """The name under which an object stands in the catalog: temporary ones have names of their own."""
    if isinstance(thing, View) and thing.materialized is not None:
        return MATERIALIZED + thing.name
    return TEMPORARY + thing.name if thing.temporary else thing.name


class Catalog(msgspec.Struct, frozen=True):
    """Every object, by name. `version` differs between any two catalogs that ever existed (R67)."""

    version: int = 0
    next_id: int = 1000
    tables: dict[str, Table] = {}
    views: dict[str, View] = {}
    sequences: dict[str, Sequence] = {}
    comments: dict[str, Comment] = {}  # by `comment_key`
    points: tuple[SequencePoint, ...] = ()  # only as it is stored in the base: where the sequences stand

    def table_by_id(self, table_id: int) -> Table | None:
        return next((t for t in self.tables.values() if t.id == table_id), None)

    def index_owner(self, name: str) -> tuple[Table, Index] | None:
        """The index of this name, those of temporary tables first."""
        found = None
        for table in self.tables.values():
            for index in table.indexes:
                if index.name == name and (found is None or table.temporary):
                    found = table, index
        return found

    def with_table(self, table: Table, *, replaces: str | None = None, **changes: Any) -> Catalog:
        gone = TEMPORARY + replaces if replaces is not None and table.temporary else replaces
        tables = {n: t for n, t in self.tables.items() if n != gone}
        tables[key_of(table)] = table
        return msgspec.structs.replace(self, tables=tables, **changes)

    def without_table(self, table: Table) -> Catalog:
        return msgspec.structs.replace(self, tables={n: t for n, t in self.tables.items() if t.id != table.id})

    def comment_on(self, thing: int, position: int | None = None) -> str | None:
        found = self.comments.get(comment_key(thing, position))
        return None if found is None else found.text

    # -- names

    def find(self, name: str, schema: str | None = None) -> Table | View | Sequence | None:
        """The table, view or sequence that a name means: temporary ones come before all others."""
        for key in keys_of(name, schema):
            found = self.tables.get(key) or self.views.get(key) or self.sequences.get(key)
            if found is not None:
                return found
        return None

    def find_table(self, name: str, schema: str | None = None) -> Table | None:
        found = self.find(name, schema)
        return found if isinstance(found, Table) else None

    def find_view(self, name: str, schema: str | None = None) -> View | None:
        found = self.find(name, schema)
        return found if isinstance(found, View) else None

    def find_sequence(self, name: str, schema: str | None = None) -> Sequence | None:
        found = self.find(name, schema)
        return found if isinstance(found, Sequence) else None

    def sequence_of(self, table: Table, position: int) -> Sequence | None:
        """The sequence of an identity column."""
        return next((s for s in self.owned_sequences(table, position) if s.identity), None)

    def owned_sequences(self, table: Table, position: int | None = None) -> list[Sequence]:
        """The sequences that go with a table, or with one of its columns."""
        return [
            s
            for s in self.sequences.values()
            if s.owner == table.id and (position is None or s.owner_column == position)
        ]

    def with_sequence(self, sequence: Sequence, *, replaces: Sequence | None = None) -> Catalog:
        sequences = {n: s for n, s in self.sequences.items() if s is not replaces}
        sequences[key_of(sequence)] = sequence
        return msgspec.structs.replace(self, sequences=sequences)

    def without_sequence(self, sequence: Sequence) -> Catalog:
        kept = {n: s for n, s in self.sequences.items() if s.id != sequence.id}
        return msgspec.structs.replace(self, sequences=kept)


def keys_of(name: str, schema: str | None) -> tuple[str, ...]:
    """The places in the catalog where a name is looked for, in order."""
    if schema is None:
        return (TEMPORARY + name, name)
    return (TEMPORARY + name,) if schema == "pg_temp" else (name,)


def comment_key(thing: int, position: int | None = None) -> str:
    return str(thing) if position is None else f"{thing}.{position}"
