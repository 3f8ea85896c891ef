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


class Catalog(msgspec.Struct, frozen=True):
    """Every object, by name. `version` differs between any two catalogs that ever existed (R67)."""

    version: int = 0
    next_id: int = 1000
    tables: dict[str, Table] = {}
    views: dict[str, View] = {}

    def table_by_id(self, table_id: int) -> Table | None:
        return next((t for t in self.tables.values() if t.id == table_id), None)

    def index_owner(self, name: str) -> tuple[Table, Index] | None:
        for table in self.tables.values():
            for index in table.indexes:
                if index.name == name:
                    return table, index
        return None

    def with_table(self, table: Table, *, replaces: str | None = None, **changes: Any) -> Catalog:
        tables = {n: t for n, t in self.tables.items() if n != replaces}
        tables[table.name] = table
        return msgspec.structs.replace(self, tables=tables, **changes)

    def without_table(self, name: str) -> Catalog:
        return msgspec.structs.replace(self, tables={n: t for n, t in self.tables.items() if n != name})
