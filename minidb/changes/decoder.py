"""From commits to changes: rows are decoded in the form that their table had, and the catalog is carried on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import msgspec

from minidb import schema
from minidb.access.layouts import PrimaryKeyForm, RowCodec, index_key_columns
from minidb.changes.change import Change, Values
from minidb.errors import DatabaseCorrupt
from minidb.keys import Key, Row, key_maker
from minidb.storage.interface import Ref
from minidb.storage.log_tail import TailCommit
from minidb.txn.records import Payload, changes_of, decode, differences_of
from minidb.txn.relations import CatalogChange, changed_names
from minidb.types import SqlType

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TableForm:
    """What it takes to read a table's rows from the log (records.RowForm)."""

    def __init__(self, table: schema.Table) -> None:
        self.table = table
        self.codec = RowCodec(table)
        self.primary: PrimaryKeyForm | None = None
        self.key: Callable[[Row], Key] | None = None
        self.columns = [(column.name, column.position, column.type) for column in table.live_columns]
        primary = table.primary_key
        positions = [key.position for key in primary.keys] if primary is not None else []
        self.key_columns = [(table.columns[p].name, p, table.columns[p].type) for p in positions if p is not None]
        clustered = table.clustered
        if clustered is not None:
            columns = index_key_columns(table, clustered)
            assert columns is not None, "a clustered key has plain columns"
            self.primary = PrimaryKeyForm(clustered.keys)
            self.key = key_maker(columns)


class Parts(msgspec.Struct, frozen=True):
    """A change before it is known which one is the last."""

    operation: str
    kind: str
    name: str
    key: Values | None = None
    before: Values | None = None
    after: Values | None = None
    definition: Values | None = None


class ChangeDecoder:
    """Makes changes out of commits, in order, and carries the catalog on.

    Arguments:
        catalog: as of the commit before the first one.
        value: how a value is given out, from its type and itself.
    """

    def __init__(self, catalog: schema.Catalog, value: Callable[[SqlType, Any], Any]) -> None:
        self.catalog = catalog
        self.value = value
        self._forms: dict[int, TableForm] = {}
        self._index()

    def _index(self) -> None:
        self._tables = {table.relation: table for table in self.catalog.tables.values()}

    def skip(self, commit: TailCommit) -> None:
        """A commit whose changes nobody wants."""
        change = decode(commit.payload).catalog
        if change is not None:
            self._carry_on(change)

    def changes(self, commit: TailCommit) -> list[Change]:
        payload = decode(commit.payload)
        parts: list[Parts] = []
        if payload.catalog is not None:
            old = self.catalog
            self._carry_on(payload.catalog)
            parts += schema_changes(old, self.catalog, payload.catalog)
        parts += self._row_changes(commit, payload)
        if not parts:
            return []
        transaction, session = payload.origin or (0, "")
        when = EPOCH + timedelta(microseconds=commit.time_us)
        last = len(parts) - 1
        return [
            Change(commit.number, place, place == last, when, transaction, session, part.operation, part.kind,
                   part.name, part.key, part.before, part.after, part.definition)
            for place, part in enumerate(parts)
        ]

    def _carry_on(self, change: CatalogChange) -> None:
        old = self.catalog
        self.catalog = msgspec.structs.replace(
            old,
            tables=changed_names(old.tables, change.gone_tables, change.tables),
            views=changed_names(old.views, change.gone_views, change.views),
            sequences=changed_names(old.sequences, change.gone_sequences, change.sequences),
        )
        self._forms.clear()
        self._index()

    # -- rows

    def _row_changes(self, commit: TailCommit, payload: Payload) -> Iterator[Parts]:
        if not commit.chunks:
            for form, _, row, before in self._differences(commit, payload):
                if row is not None or before is not None:
                    yield self._row_change(form, row, before)
            return
        merged: dict[tuple[int, Ref], tuple[TableForm, Row | None, Row | None]] = {}
        void = self._void(payload)
        for part in chain((decode(place.read()) for place in commit.chunks), [payload]):
            for form, ref, row, before in self._differences(commit, part):
                place = form.table.relation, ref
                if part is not payload and place in void:
                    continue
                known = merged.get(place)
                merged[place] = form, row, (before if known is None else known[2])
        for form, row, before in merged.values():
            if row != before:
                yield self._row_change(form, row, before)

    def _void(self, payload: Payload) -> set[tuple[int, Ref]]:
        """The rows of which chunks say what was rolled back to a savepoint."""
        groups = [changes_of(group, self._form) for group in payload.void]
        return {(form.table.relation, ref) for group in groups for form, ref, _ in group}

    def _differences(self, commit: TailCommit, payload: Payload) -> Iterator[
            tuple[TableForm, Ref, Row | None, Row | None]]:
        if not payload.groups:
            return
        if payload.old is None:
            if payload.origin is None and commit.chunks:
                return  # written before anybody kept the log: the COMMIT record has it once more
            raise DatabaseCorrupt(f"the log has no old rows for commit {commit.number}")
        if len(payload.old) != len(payload.groups):
            raise DatabaseCorrupt(f"the log lacks old rows of commit {commit.number}")
        for group, old in zip(payload.groups, payload.old):
            form = self._form(group[0])
            if form is not None:
                for ref, row, before in differences_of(group, old, form):
                    yield form, ref, row, before

    def _form(self, relation: int) -> TableForm | None:
        form = self._forms.get(relation)
        if form is None:
            table = self._tables.get(relation)
            if table is None:
                return None  # dropped in the same transaction
            form = self._forms[relation] = TableForm(table)
        return form

    def _row_change(self, form: TableForm, row: Row | None, before: Row | None) -> Parts:
        operation = "insert" if before is None else "delete" if row is None else "update"
        key = self._values(form.key_columns, row if row is not None else before) if form.key_columns else None
        return Parts(operation, "row", form.table.name, key, self._values(form.columns, before),
                     self._values(form.columns, row))

    def _values(self, columns: list[tuple[str, int, SqlType]], row: Row | None) -> Values | None:
        if row is None:
            return None
        value = self.value
        return {name: None if row[place] is None else value(kind, row[place]) for name, place, kind in columns}


def schema_changes(old: schema.Catalog, new: schema.Catalog, change: CatalogChange) -> Iterator[Parts]:
    """What a transaction did to the schema: drops first. Identity is the id, so a new name is an alteration."""
    for kind, before, put, gone in (
        ("table", old.tables, change.tables, change.gone_tables),
        ("view", old.views, change.views, change.gone_views),
        ("sequence", old.sequences, change.sequences, change.gone_sequences),
    ):
        known: dict[int, Any] = {thing.id: thing for thing in before.values()}
        kept = {thing.id for thing in put}
        for name in gone:
            if name in before and before[name].id not in kept:
                yield Parts("drop", kind, name)
        for thing in put:
            yield schema_change(kind, known.get(thing.id), thing)


def schema_change(kind: str, before: Any, thing: Any) -> Parts:
    if before is None:
        return Parts("create", kind, thing.name, definition=definition_of(thing))
    if kind == "table" and before.relation != thing.relation and before.columns == thing.columns:
        return Parts("truncate", kind, thing.name)
    definition = definition_of(thing)
    if before.name != thing.name:
        definition["renamed_from"] = before.name
    if kind == "table" and before.relation != thing.relation:
        definition["rewritten"] = True  # its rows follow as inserts
    return Parts("alter", kind, thing.name, definition=definition)


def definition_of(thing: schema.Table | schema.View | schema.Sequence) -> Values:
    if isinstance(thing, schema.Table):
        primary = thing.primary_key
        return {
            "columns": {column.name: str(column.type) for column in thing.live_columns},
            "not_null": [column.name for column in thing.live_columns if column.not_null],
            "primary_key": [
                thing.columns[key.position].name for key in primary.keys if key.position is not None
            ] if primary is not None else None,
            "indexes": [index.name for index in thing.indexes],
        }
    if isinstance(thing, schema.View):
        return {"columns": list(thing.columns), "query": thing.query}
    return {"type": str(thing.type), "start": thing.start, "increment": thing.increment}
