"""The change feed: committed changes of rows and of the schema, in commit order, read from the log.

    log (live and kept segments) --LogTail--> commits --ChangeDecoder--> Change, Change, ...
                                                           |
                                        the catalog as of each commit, carried on by the changes in the log

A feed begins after a commit, or where a slot's reader has got to. It gives each commit's changes in one piece, and
only what is durable. `acknowledge` says that everything up to a commit has been handled: what comes after a crash of
either side begins behind the last acknowledged one, so that nothing is lost; what was handled and not yet acknowledged
comes again, and its commit number tells.

What a transaction did to one row is one change: inserted and updated is an insert with the last values, inserted and
deleted is nothing. A change of a clustered primary key is a delete and an insert.

`LogFeed` reads files only: it works beside the process that has the database open, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from minidb import schema
from minidb.access.layouts import PrimaryKeyForm, RowCodec, index_key_columns
from minidb.errors import DatabaseCorrupt, InterfaceError, ObjectNotReady, OperationalError, UndefinedObject
from minidb.keys import Key, Row, key_maker
from minidb.storage.file import OSFileSystem
from minidb.storage.interface import FileSystem, Ref
from minidb.storage.log_archive import Archive, Index, known_before
from minidb.storage.log_tail import LogTail, SegmentGone, TailCommit
from minidb.storage.slot_file import SlotFile
from minidb.txn.keeping import KEPT, SLOT, unavailable
from minidb.txn.records import Payload, changes_of, decode, differences_of
from minidb.txn.relations import CatalogChange, changed_names, decode_catalog
from minidb.types import SqlType, to_text

if TYPE_CHECKING:
    from minidb.database import Database

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PAUSE, LONGEST_PAUSE = 0.005, 0.2  # seconds between two looks at the log
Values = dict[str, Any]


class Change(msgspec.Struct, frozen=True):
    """One change.

    Attributes:
        commit: number of the commit; they ascend without gaps, but not every commit changes rows.
        position: of the change within its commit, from 0.
        last: whether it is the commit's last one.
        time: of the commit.
        transaction, session: who made it.
        operation: `insert`, `update`, `delete`, `truncate`, `create`, `alter` or `drop`.
        kind: `table`, `view` or `sequence`, and `row` for a change of a row.
        name: of the table, view or sequence.
        key: the primary key's values, of the new row if there is one; None without a primary key.
        before, after: the row's values by column; None if there was or is no row.
        definition: of a created or altered object: columns and their types, a view's query.
    """

    commit: int
    position: int
    last: bool
    time: datetime
    transaction: int
    session: str
    operation: str
    kind: str
    name: str
    key: Values | None = None
    before: Values | None = None
    after: Values | None = None
    definition: Values | None = None


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


# -- values -----------------------------------------------------------------------------------------------


def as_it_is(_: SqlType, value: Any) -> Any:
    """Python's values, as a cursor gives them out."""
    return value


def for_json(kind: SqlType, value: Any) -> Any:
    """Integers, finite floats, booleans and texts as they are, everything else as its text in SQL."""
    if isinstance(value, bool | int | str) and kind.element is None and kind.name not in ("json", "jsonb", "char"):
        return value
    if isinstance(value, float) and value - value == 0:
        return value
    return to_text(kind, value)


def json_line(change: Change) -> bytes:
    """One line of JSON, with its line end; what is None is left out, apart from `before` and `after` of a row."""
    facts: Values = {
        "commit": change.commit, "position": change.position, "last": change.last,
        "time": change.time.isoformat().replace("+00:00", "Z"), "transaction": change.transaction,
        "session": change.session, "operation": change.operation, "kind": change.kind, "name": change.name,
    }
    if change.kind == "row":
        facts |= {"key": change.key, "before": change.before, "after": change.after}
    elif change.definition is not None:
        facts["definition"] = change.definition
    return msgspec.json.encode(facts) + b"\n"


# -- feeds ------------------------------------------------------------------------------------------------


class Feed:
    """An iterator over changes; also a context manager. Not to be used by two threads at once.

    Arguments:
        start: everything after this commit is given.
        known: what is kept says which catalogs are known, and below which numbers nothing is.
        follow: whether to wait for more at the end; `close` from another thread ends it.
    """

    def __init__(self, tail: Callable[[int], LogTail], indexes: list[Index], start: int, *,
                 slot: SlotFile | None = None, follow: bool = False, json: bool = False,
                 before_look: Callable[[], None] = lambda: None, on_close: Callable[[], None] = lambda: None) -> None:
        self.position = start  # the last commit that was given out as a whole
        self.slot = slot
        self.follow = follow
        self.closed = False
        self.on_idle: Callable[[], None] = lambda: None  # called when what was there at one look is given out
        self._start = start
        self._before_look = before_look
        self._on_close = on_close
        since = [index.since for index in indexes if index.points]
        if not since or start < min(since):
            raise unavailable(start, min(since, default=None))
        points = sorted((point for index in indexes for point in index.points), key=lambda point: point.first)
        known = known_before(points, start)
        catalog = next(point.catalog for point in reversed(points) if point.first <= known <= point.last)
        self._tail = tail(known)
        self._decoder = ChangeDecoder(decode_catalog(catalog), for_json if json else as_it_is)
        self._changes = self._run()

    def __iter__(self) -> Iterator[Change]:
        return self

    def __next__(self) -> Change:
        return next(self._changes)

    def _run(self) -> Iterator[Change]:
        pause = PAUSE
        while not self.closed:
            found = False
            for commit in self._read():
                found = True
                if commit.number <= self._start:
                    self._decoder.skip(commit)
                    continue
                yield from self._decoder.changes(commit)
                self.position = commit.number
            if found:
                pause = PAUSE
                self.on_idle()
            elif not self.follow:
                return
            else:
                time.sleep(pause)
                pause = min(pause * 1.5, LONGEST_PAUSE)

    def _read(self) -> Iterator[TailCommit]:
        try:
            self._before_look()
            yield from self._tail.read()
        except SegmentGone as error:
            raise ObjectNotReady(
                f"the log after commit {self.position} is not kept any more", detail=str(error)
            ) from error

    def acknowledge(self, commit: int | None = None) -> None:
        """Everything up to `commit` (the last one given out as a whole) has been handled and need not come again."""
        if self.slot is None:
            raise InterfaceError("only a feed with a slot can be acknowledged")
        self.slot.advance(self.position if commit is None else commit, time.time_ns() // 1000)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._tail.close()
            if self.slot is not None:
                self.slot.close()
            self._on_close()

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def feed_of(database: Database, *, since: int | None = None, slot: str | None = None, follow: bool = False,
            json: bool = False) -> Feed:
    """A feed in the process that has the database open. See `Connection.changes`."""
    keeper = database.keeper

    def look() -> None:
        database.check_usable()
        database.log.flush()  # commits of durability `off` wait in memory

    file, hold = None, None
    if slot is not None:
        file, since = open_slot(keeper.fs, keeper.path, keeper.index, slot, since)
    else:
        hold = keeper.hold(since)
        since = hold.position
    assert since is not None

    def tail(start: int) -> LogTail:
        return LogTail(keeper.fs, keeper.path, database.base.root.database_id, keeper.prefixes, start,
                       bound=lambda: database.manager.published)

    def let_go() -> None:
        if hold is not None:
            keeper.let_go(hold)

    try:
        return Feed(tail, keeper.indexes(), since, slot=file, follow=follow, json=json, before_look=look,
                    on_close=let_go)
    except BaseException:
        let_go()
        if file is not None:
            file.close()
        raise


def feed_beside(path: str, *, since: int | None = None, slot: str | None = None, archive: str | None = None,
                follow: bool = False, json: bool = False, fs: FileSystem | None = None) -> Feed:
    """A feed from the files of a database that perhaps another process has open. `archive`: a directory to look in,
    where the database itself does not remember it."""
    fs = fs or OSFileSystem()
    if not fs.exists(path):
        raise OperationalError(f"there is no database {path}")
    path = fs.resolve(path)
    own = Archive.load(fs, f"{path}{KEPT}")
    other = Archive.load(fs, f"{archive}/") if archive else None
    found = [archive for archive in (own, other) if archive is not None]
    if not found:
        raise ObjectNotReady(
            f"{path} keeps no log: it has neither slots nor an archive",
            hint="Make a slot first: minidb changes FILE --create-slot NAME.",
        )
    if other is None and own is not None and own.index.archive:
        other = Archive.load(fs, f"{own.index.archive}/")
        found += [other] if other is not None else []
    file = None
    if slot is not None:
        file, since = open_slot(fs, path, found[0].index, slot, since)
    indexes = [archive.index for archive in found]
    if since is None:
        since = min(index.since for index in indexes if index.points)

    def tail(start: int) -> LogTail:
        return LogTail(fs, path, found[0].index.database_id, [archive.prefix for archive in found], start)

    try:
        return Feed(tail, indexes, since, slot=file, follow=follow, json=json)
    except BaseException:
        if file is not None:
            file.close()
        raise


def open_slot(fs: FileSystem, path: str, index: Index, name: str, since: int | None) -> tuple[SlotFile, int]:
    """The slot's file, locked, and where to begin: never before the slot's own position."""
    entry = next((slot for slot in index.slots if slot.name == name), None)
    if entry is None:
        raise UndefinedObject(f'slot "{name}" does not exist')
    if entry.lost:
        raise ObjectNotReady(
            f'slot "{name}" was given up: it was so far behind that the limit for kept log was passed',
            hint="Drop it, make it again, and begin with a copy of the tables.",
        )
    file = SlotFile.open(fs, f"{path}{SLOT}{name}", lock=True)
    return file, max(file.position, since or 0)


__all__ = ["Change", "Feed", "feed_beside", "feed_of", "json_line"]
