"""What can be read of a damaged database, put into a new one.

    scan      every block of the file: which of them begin a page whose header and checksum are right
    catalog   from the newest meta page that leads to one, else the newest catalog page there is
    rows      through each table's tree; what a damaged inner node hid comes from the pages that the scan has found
    log       every commit up to its end, or to where it is damaged
    out       a new database with that catalog; the rows go in one by one, past foreign keys and other rules

Nothing is believed that has no valid checksum, and the damaged files are only read. What is lost, doubtful or breaks a
rule is told in `Report.losses`; a row that would be the second one under a unique key is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec

from minidb.access.layouts import ClusteredLayout, RowCodec, heap_layout, index_key_columns, key_facts
from minidb.changes.decoder import TableForm
from minidb.constraint_audit import questions
from minidb.database import Database
from minidb.errors import DatabaseCorrupt, DatabaseInUse, Error, OperationalError, UniqueViolation
from minidb.isolation import IsolationLevel
from minidb.keys import Row, key_maker
from minidb.schema import Catalog, Table
from minidb.storage.base import BLOCK
from minidb.storage.file import OSFileSystem
from minidb.storage.interface import Layout
from minidb.storage.log_reader import Commit, LogReader
from minidb.storage.log_recovery import find_segments
from minidb.storage.log_segments import Segment, SegmentFiles
from minidb.storage.meta import META_SIZE, NOWHERE, SLOT_SIZE, Meta, decode_meta
from minidb.storage.page_file import CATALOG, HEADER, LEAF, MARK, RELATIONS, VERSION, PageFile, read_inner, read_leaf
from minidb.storage.pages import Pointer
from minidb.storage.roots import RelationRoot, decode_relations
from minidb.txn.records import Payload, changes_of, decode
from minidb.txn.relations import CatalogChange, changed_names, decode_catalog
from minidb.txn.rows import RowDoor

Rows = dict[Any, Row]
LARGEST_PAGE = 1 << 30  # bytes: what claims to be larger is no page


class Report(msgspec.Struct):
    """What was rescued: rows by table, and in words what was not."""

    rows: dict[str, int] = {}
    losses: list[str] = []


class FoundPage(msgspec.Struct, frozen=True):
    kind: bytes
    relation: int
    pointer: Pointer


def salvage(path: str, out: str) -> Report:
    """Rescues the database in `path` into the new file `out`.

    Raises OperationalError if `path` is not there or `out` is, DatabaseInUse, and DatabaseCorrupt if no catalog can be
    read, without which bytes are not rows.
    """
    if not Path(path).exists():
        raise OperationalError(f"there is no database {path}")
    if Path(out).exists() and Path(out).stat().st_size:
        raise OperationalError(f"{out} is there already", hint="Salvage makes a new database.")
    wreck = Wreck(OSFileSystem().resolve(path))
    try:
        wreck.read()
        fill(out, wreck)
    finally:
        wreck.file.close()
    return wreck.report


class Wreck:
    """A damaged database. After `read`: its catalog, and the rows of each relation by address."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.report = Report()
        self.file = OSFileSystem().open(path, read_only=True)
        try:
            self.file.lock(shared=True)
        except BlockingIOError as error:
            self.file.close()
            raise DatabaseInUse(f"{path}: another process has the database open") from error
        self.pages = PageFile(self.file, BLOCK)
        self.catalog = Catalog()
        self.rows: dict[int, Rows] = {}
        self.points: list[Any] = []
        self.found: list[FoundPage] = []

    def lose(self, what: str) -> None:
        self.report.losses.append(what)

    def read(self) -> None:
        self.found = list(self.scan())
        meta = self.best_meta()
        self.catalog = self.read_catalog(meta)
        self.points = list(self.catalog.points)
        commits = list(self.read_log(meta.number if meta is not None else 0))
        for commit in commits:
            if commit.catalog is not None:
                self.catalog = changed(self.catalog, commit.catalog)
        roots = self.read_roots(meta)
        for table in self.catalog.tables.values():
            self.rows[table.relation] = self.read_table(table, roots.get(table.relation))
        self.replay(commits)

    # -- pages

    def scan(self) -> Iterator[FoundPage]:
        """Every page of the file that is whole, of whatever age."""
        size = self.file.size()
        for block in range(2 * SLOT_SIZE // BLOCK, size // BLOCK):
            head = self.file.read(block * BLOCK, HEADER.size)
            if len(head) < HEADER.size:
                return
            mark, kind, version, relation, generation, own, length, crc = HEADER.unpack(head)
            if (mark, version, own) != (MARK, VERSION, block) or length > min(LARGEST_PAGE, size - block * BLOCK):
                continue
            payload = self.file.read(block * BLOCK + HEADER.size, length)
            if crc32(payload) == crc:
                yield FoundPage(kind, relation, (block, length, generation, crc))

    def newest(self, kind: bytes) -> Iterator[Pointer]:
        """Pages of a kind, the newest first."""
        found = [page.pointer for page in self.found if page.kind == kind]
        return iter(sorted(found, key=lambda pointer: pointer[2], reverse=True))

    def best_meta(self) -> Meta | None:
        metas = [decode_meta(self.file.read(slot * SLOT_SIZE, META_SIZE), slot) for slot in (0, 1)]
        known = sorted((meta for meta in metas if meta is not None), key=lambda meta: meta.generation, reverse=True)
        if not known:
            self.lose("both meta pages are damaged: the newest tables found are used")
        return known[0] if known else None

    def tables_of(self, kind: bytes, pointer: Pointer | None, name: str) -> Iterator[bytes]:
        """The payload that the meta page leads to, then those that the scan has found."""
        if pointer is not None and pointer != NOWHERE:
            try:
                yield self.pages.read(pointer, kind, 0)
            except DatabaseCorrupt as error:
                self.lose(f"{error.message}; an older {name} is used")
        for other in self.newest(kind):
            yield self.pages.read(other, kind, 0)

    def read_catalog(self, meta: Meta | None) -> Catalog:
        if meta is not None and meta.catalog == NOWHERE:
            return Catalog()
        for data in self.tables_of(CATALOG, meta.catalog if meta is not None else None, "catalog"):
            try:
                return decode_catalog(data)
            except DatabaseCorrupt as error:
                self.lose(error.message)
        raise DatabaseCorrupt(f"{self.path}: no catalog can be read, and without it no rows")

    def read_roots(self, meta: Meta | None) -> dict[int, RelationRoot]:
        if meta is not None and meta.relations == NOWHERE:
            return {}
        for data in self.tables_of(RELATIONS, meta.relations if meta is not None else None, "relation table"):
            try:
                return decode_relations(data)
            except DatabaseCorrupt as error:
                self.lose(error.message)
        self.lose("no relation table can be read: rows come from all pages found")
        return {page.relation: None for page in self.found if page.kind == LEAF}  # type: ignore[misc]

    def read_table(self, table: Table, root: RelationRoot | None) -> Rows:
        layout = layout_of(table)
        rows: Rows = {}
        missing = not self.walk(table, layout, root, rows)
        if missing:
            self.take_unreached(table, layout, rows)
        return rows

    def walk(self, table: Table, layout: Layout, root: RelationRoot | None, rows: Rows) -> bool:
        """Takes the rows that a tree leads to; False if part of the tree cannot be found."""
        if root is None or root.level < 0:
            return root is not None or not any(page.relation == table.relation for page in self.found)
        whole = True
        waiting = [(root.pointer, root.level)]
        while waiting:
            pointer, level = waiting.pop()
            try:
                if level:
                    node = read_inner(self.pages, table.relation, pointer)
                    waiting += [(child, level - 1) for child in reversed(node.children)]
                else:
                    leaf = read_leaf(self.pages, table.relation, layout, pointer)
                    rows.update(zip(leaf.refs, leaf.rows))
            except Error as error:
                self.lose(f'table "{table.name}": {error.message}')
                whole = whole and not level
        return whole

    def take_unreached(self, table: Table, layout: Layout, rows: Rows) -> None:
        """Rows from leaves that nothing leads to any more, the newest first; some may have been deleted since."""
        before = len(rows)
        mine = {page.pointer for page in self.found if page.kind == LEAF and page.relation == table.relation}
        for pointer in sorted(mine, key=lambda pointer: pointer[2], reverse=True):
            try:
                leaf = read_leaf(self.pages, table.relation, layout, pointer)
            except Error:
                continue
            for ref, row in zip(leaf.refs, leaf.rows):
                rows.setdefault(ref, row)
        if len(rows) > before:
            self.lose(f'table "{table.name}": {len(rows) - before} rows come from pages that nothing leads to; '
                      "some may be older than the last commit")

    # -- the log

    def read_log(self, after: int) -> Iterator[Payload]:
        """The commits above `after`, each as the payloads of its chunks and of its record."""
        files = SegmentFiles(OSFileSystem(), self.path, 0, 0, 0)
        if not files.names():
            self.lose("there is no log")
            return
        segments: list[Segment] = []
        try:
            segments, _ = find_segments(files, self.identity())
            reader = LogReader(segments, segments[0].header.database_id)  # type: ignore[union-attr]
            for commit in reader.walk():
                if commit.number > after:
                    yield from self.payloads(commit)
        except Error as error:
            self.lose(f"{error.message}; commits behind that place are lost")
        finally:
            for segment in segments:
                segment.file.close()

    def identity(self) -> bytes:
        meta = next((meta for slot in (0, 1)
                     if (meta := decode_meta(self.file.read(slot * SLOT_SIZE, META_SIZE), slot)) is not None), None)
        if meta is None:
            raise DatabaseCorrupt("the log cannot be told from another database's without a meta page")
        return meta.database_id

    def payloads(self, commit: Commit) -> Iterator[Payload]:
        last = decode(commit.payload)
        for chunk in commit.chunks:
            yield msgspec.structs.replace(decode(bytes(chunk)), void=last.void)
        yield msgspec.structs.replace(last, void=[])

    def replay(self, commits: list[Payload]) -> None:
        forms = {table.relation: TableForm(table) for table in self.catalog.tables.values()}
        for payload in commits:
            self.points += payload.points
            undone = [changes_of(group, forms.get) for group in payload.void]
            void = {(form.table.relation, ref) for group in undone for form, ref, _ in group}
            for group in payload.groups:
                for form, ref, row in changes_of(group, forms.get):
                    rows = self.rows[form.table.relation]
                    if (form.table.relation, ref) in void:
                        continue
                    if row is None:
                        rows.pop(ref, None)
                    else:
                        rows[ref] = row


def layout_of(table: Table) -> Layout:
    """How the leaves of a table are read."""
    codec, clustered = RowCodec(table), table.clustered
    if clustered is None:
        return heap_layout(table, codec)
    columns = index_key_columns(table, clustered)
    assert columns is not None, "a clustered key has plain columns"
    return ClusteredLayout(codec, key_maker(columns), key_facts(columns))


def changed(old: Catalog, change: CatalogChange) -> Catalog:
    return msgspec.structs.replace(
        old,
        next_id=max(old.next_id, change.next_id),
        tables=changed_names(old.tables, change.gone_tables, change.tables),
        views=changed_names(old.views, change.gone_views, change.views),
        sequences=changed_names(old.sequences, change.gone_sequences, change.sequences),
    )


# -- the new database -------------------------------------------------------------------------------------


def fill(out: str, wreck: Wreck) -> None:
    database = Database(out, background=False)
    try:
        catalog = wreck.catalog
        database.relations.adopt(
            CatalogChange(
                tables=tuple(catalog.tables.values()), gone_tables=(), views=tuple(catalog.views.values()),
                gone_views=(), next_id=catalog.next_id, sequences=tuple(catalog.sequences.values()),
                comments=tuple(catalog.comments.values()),
            ),
            0,
        )
        database.relations.sequences.restore(wreck.points)
        for table in catalog.tables.values():
            wreck.report.rows[table.name] = put_rows(database, table, wreck)
        judge_constraints(database, wreck)
    finally:
        database.close()


def put_rows(database: Database, table: Table, wreck: Wreck) -> int:
    """Inserts the rows of a table, without the rules that statements obey; returns how many."""
    manager = database.manager
    txn = manager.begin(IsolationLevel.READ_COMMITTED)
    manager.take_snapshot(txn)
    door = RowDoor(manager, txn, database.relations, lambda name: ())
    door.begin()
    put = 0
    for row in wreck.rows[table.relation].values():
        try:
            door.insert_many(table.id, [row])
            put += 1
        except UniqueViolation as error:
            wreck.lose(f'table "{table.name}": a row is left out: {error.detail or error.message}')
    manager.commit(txn)
    return put


def judge_constraints(database: Database, wreck: Wreck) -> None:
    session = database.session(autocommit=True)
    for question in questions(wreck.catalog):
        try:
            row = next(iter(session.execute(question.query)), None)
        except Error as error:
            wreck.lose(f"{question.title} could not be verified: {error.message}")
            continue
        if row is not None:
            wreck.lose(f"{question.title} does not hold, as by the row {tuple(row)!r}")
    session.close()


__all__ = ["Report", "salvage"]
