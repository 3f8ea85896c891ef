"""Backups: a consistent copy of a database while others write, and databases made again from it and the archive.

    backup    checkpoint -> pin the new root -> copy its pages -> both meta pages, a label -> sync -> rename
    restore   copy of the backup -> its log made anew from archived commits, up to a time or a commit -> recovery

The base is copy-on-write: a pinned root stays as it is while commits and checkpoints go on (R18), so the copy is the
database as of one commit, and writers do not notice. The copy is a whole database, closed cleanly: it can be opened as
it is. Every page is checked as it is copied.

    slot 0 of a backup     | meta page, 512 bytes | label: whose backup, of which commit, made when | zeros |

A copy has a database id of its own, so that nothing takes its log for the original's. The label says which log goes on
from it. It counts only as long as the copy has not been written to: a database that has gone its own way cannot be
carried on with the log of another.

Copying *into an open database* goes by relations instead: the target's base gets them as new trees, in one publish.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

import msgspec

from minidb.access.table import TableAccess
from minidb.errors import (
    DatabaseCorrupt,
    InvalidParameterValue,
    NotADatabase,
    ObjectInUse,
    ObjectNotReady,
    OperationalError,
)
from minidb.isolation import IsolationLevel
from minidb.storage.file import OSFileSystem
from minidb.storage.interface import File, FileSystem
from minidb.storage.log import Log
from minidb.storage.log_archive import Archive
from minidb.storage.log_segments import SegmentFiles, disk_error
from minidb.storage.log_tail import LogTail, SegmentGone, TailCommit
from minidb.storage.meta import (
    META_SIZE,
    NOWHERE,
    SLOT_SIZE,
    Meta,
    decode_meta,
    encode_meta,
    read_metas,
    write_creation_mark,
    write_meta,
)
from minidb.storage.page_file import CATALOG, FREE_MAP, INNER, LEAF, RELATIONS, PageFile, read_inner
from minidb.storage.pages import Pointer
from minidb.storage.roots import Root
from minidb.txn.relations import CatalogChange, decode_catalog

if TYPE_CHECKING:
    from minidb.database import Database
    from minidb.storage.base import Base

Progress = Callable[[str, int, int], object]  # status, pages left, pages in all
ROUND = 32 << 20  # bytes of commits that are replayed between two checkpoints of a restore
_LABEL = struct.Struct("<16s16sQQQ")
_CHECKSUM = struct.Struct("<I")
_LABEL_MAGIC = b"minidb backup\r\n\0"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Label(NamedTuple):
    """What a backup says of itself. `generation` is that of its newest meta page until somebody writes to it."""

    origin: bytes
    number: int
    generation: int
    time_us: int


class Restored(NamedTuple):
    """What a restore has made: the database as of commit `number`, made at `time` (None: that of the backup)."""

    number: int
    time: datetime | None


# -- labels -----------------------------------------------------------------------------------------------


def encode_label(label: Label) -> bytes:
    data = _LABEL.pack(_LABEL_MAGIC, *label)
    return data + _CHECKSUM.pack(crc32(data))


def read_label(file: File) -> Label | None:
    data = file.read(META_SIZE, _LABEL.size + _CHECKSUM.size)
    if len(data) < _LABEL.size + _CHECKSUM.size or not data.startswith(_LABEL_MAGIC):
        return None
    body = data[: _LABEL.size]
    if _CHECKSUM.unpack_from(data, _LABEL.size)[0] != crc32(body):
        return None
    return Label(*_LABEL.unpack(body)[1:])


# -- to a file --------------------------------------------------------------------------------------------


def backup(database: Database, target: str, *, pages: int = -1, progress: Progress | None = None,
           sleep: float = 0.0, fs: FileSystem | None = None) -> int:
    """Writes a copy of `database`, as of now, to the new file `target`; returns the commit that it stands for.

    Arguments:
        pages: how many pages to copy at a time; between two such steps `progress` is called and `sleep` seconds pass.

    Raises OperationalError (58P02) if the file exists, DiskFull, DatabaseCorrupt if a page of the database is damaged.
    """
    database.check_usable()
    fs = fs or database.files
    refuse_existing(fs, target)
    with Partial(fs, target) as file:
        database.checkpoint()
        base = database.base
        root = base.pin()
        try:
            copy_pages(base, root, file, pages, progress, sleep)
            finish(file, root, int(database.clock() * 1_000_000))
        finally:
            base.unpin(root)
    return root.number


def refuse_existing(fs: FileSystem, target: str) -> None:
    for name in (target, f"{target}-wal"):
        if fs.exists(name):
            raise OperationalError(f"{name} exists already", sqlstate="58P02", hint="Choose a new name or remove it.")


class Partial:
    """A new file that gets its name when it is complete, and is removed if that never happens."""

    def __init__(self, fs: FileSystem, target: str) -> None:
        self.fs = fs
        self.target = target
        self.name = f"{target}-partial"

    def __enter__(self) -> File:
        try:
            self.file = self.fs.open(self.name, create=True)
            self.file.truncate(0)
        except OSError as error:
            raise disk_error(error, f"create {self.name}") from error
        return self.file

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.file.close()
        if error is None:
            try:
                self.fs.rename(self.name, self.target)
                self.fs.sync_directory(self.target)
            except OSError as failure:
                raise disk_error(failure, f"write {self.target}") from failure
            return
        self.fs.remove(self.name)
        if isinstance(error, OSError):
            raise disk_error(error, f"write {self.target}") from error


def copy_pages(base: Base, root: Root, file: File, pages: int, progress: Progress | None, sleep: float) -> None:
    """All pages that `root` reaches, to the places where they are in the base."""
    write_creation_mark(file)
    places = sorted(pages_of(base.pages, root), key=block_of)
    source, target = base.pages, PageFile(file, base.pages.block)
    for done, (kind, relation, pointer) in enumerate(places):
        if pages > 0 and done and done % pages == 0:
            if progress is not None:
                progress("copying", len(places) - done, len(places))
            time.sleep(sleep)
        target.write(pointer[0], kind, relation, pointer[2], source.read(pointer, kind, relation))
    file.truncate(root.meta.blocks * base.pages.block)
    if progress is not None:
        progress("done", 0, len(places))


def block_of(page: tuple[bytes, int, Pointer]) -> int:
    return page[2][0]


def pages_of(pages: PageFile, root: Root) -> Iterator[tuple[bytes, int, Pointer]]:
    """(kind, relation, pointer) of every page."""
    meta = root.meta
    for kind, pointer in ((RELATIONS, meta.relations), (CATALOG, meta.catalog), (FREE_MAP, meta.free_map)):
        if pointer != NOWHERE:
            yield kind, 0, pointer
    for relation, top in root.relations.items():
        if top.level >= 0:
            yield from tree_pages(pages, relation, top.pointer, top.level)


def tree_pages(pages: PageFile, relation: int, pointer: Pointer, level: int) -> Iterator[tuple[bytes, int, Pointer]]:
    yield (INNER if level else LEAF), relation, pointer
    if level:
        for child in read_inner(pages, relation, pointer).children:
            yield from tree_pages(pages, relation, child, level - 1)


def finish(file: File, root: Root, time_us: int) -> None:
    """Makes the copy a database: the pages first, then what says that they are there."""
    file.sync()
    meta = msgspec.structs.replace(root.meta, database_id=os.urandom(16), clean=True)
    older = msgspec.structs.replace(meta, slot=1)
    newest = msgspec.structs.replace(meta, slot=0, generation=meta.generation + 1)
    file.write(META_SIZE, encode_label(Label(root.database_id, root.number, newest.generation, time_us)))
    write_meta(file, older)
    write_meta(file, newest)
    file.sync()


# -- into an open database --------------------------------------------------------------------------------


def backup_into(source: Database, target: Database, *, progress: Progress | None = None) -> int:
    """Copies everything in `source` into the open and empty database `target`; returns the commit that it stands for.

    Raises ObjectInUse if the target has objects, open transactions or readers of its changes."""
    source.check_usable()
    target.check_usable()
    if source is target:
        raise InvalidParameterValue("a database cannot be copied into itself")
    source.checkpoint()
    root = source.base.pin()
    session = target.session(isolation_level=IsolationLevel.SERIAL.value)
    try:
        session.begin()
        assert session.txn is not None
        target.manager.start_statement(session.txn, "backup")  # alone from here on
        refuse_used(target, session.txn)
        with target.checkpointer.mutex:
            target.checkpointer.run_locked(False)
            copy_relations(source, root, target, progress)
    finally:
        session.close()
        source.base.unpin(root)
    return root.number


def refuse_used(target: Database, own: object) -> None:
    catalog = target.relations.catalog
    if catalog.tables or catalog.views or catalog.sequences:
        raise ObjectInUse("the target of a backup has tables of its own", hint="Copy into an empty database.")
    with target.manager.latch:
        others = [txn for txn in target.manager.active if txn is not own]
    if others:
        raise ObjectInUse("the target of a backup has open transactions")
    if target.keeper.active:
        raise ObjectInUse("the target of a backup has slots or an archive", hint="A feed would not show the copy.")


def copy_relations(source: Database, root: Root, target: Database, progress: Progress | None) -> None:
    catalog = decode_catalog(root.catalog)
    total = sum(top.pages for top in root.relations.values())
    left = total
    target.before_write()
    writer = target.base.begin()
    try:
        for table in catalog.tables.values():
            access = TableAccess(source.base, table, source.relations.functions(table))
            for tree, layout, clustered in trees_of(access):
                if tree.relation in root.relations:
                    writer.fold_tree(
                        tree.relation, layout,
                        ((key, ref, row) for leaf in tree.walk(root)
                         for key, ref, row in zip(leaf.keys, leaf.refs, leaf.rows)),
                        clustered=clustered,
                    )
                    left -= root.relations[tree.relation].pages
                    if progress is not None:
                        progress("copying", left, total)
        made = writer.publish(target.base.root.number, root.catalog)
    except BaseException:
        writer.abandon()
        raise
    change = CatalogChange(
        tables=tuple(catalog.tables.values()), gone_tables=(), views=tuple(catalog.views.values()), gone_views=(),
        next_id=catalog.next_id, sequences=tuple(catalog.sequences.values()), comments=tuple(catalog.comments.values()),
    )
    with target.manager.latch:
        target.base.swap(made)
        target.relations.adopt(change, target.manager.published)
        target.relations.sequences.restore(catalog.points)


def trees_of(access: TableAccess) -> Iterator[tuple[Any, Any, bool]]:
    yield access.tree, access.layout, True
    for index in access.index_list:
        yield index.tree, index.layout, False


# -- restoring --------------------------------------------------------------------------------------------


def restore(source: str, target: str, *, archive: str | None = None, log: str | None = None,
            commit: int | None = None, until: datetime | None = None,
            progress: Callable[[int], object] | None = None, fs: FileSystem | None = None) -> Restored:
    """Makes the new database file `target` from the backup `source` and, if given, what was committed after it.

    Arguments:
        archive: the directory of the original's archive.
        log: the original's file name, if its log is still there: what was not archived yet is taken from that.
        commit: the last commit to take; None: all.
        until: commits made after this time, and what follows them, are not taken; aware, or in UTC.
        progress: called with the number of the last commit after each round.

    Raises ObjectNotReady if the archive does not go on from the backup, or does not reach the commit; DatabaseCorrupt,
    DiskFull. Nothing is left behind then.
    """
    fs = fs or OSFileSystem()
    refuse_existing(fs, target)
    working = f"{target}-restoring"
    try:
        label = copy_backup(fs, source, working)
        done = Restored(label.number if label is not None else 0, None)
        if archive is not None or log is not None:
            if label is None:
                raise ObjectNotReady(
                    f"{source} is no untouched backup, so that no log goes on from it",
                    hint="A backup that was opened and written to has a history of its own.",
                )
            done = roll_forward(fs, working, label, Wanted(archive, log, commit, until), progress)
        elif commit is not None or until is not None:
            raise InvalidParameterValue("a time or a commit to restore to needs an archive or a log")
        remove_log(fs, working)
        fs.rename(working, target)
        fs.sync_directory(target)
    except BaseException as error:
        remove_log(fs, working)
        if fs.exists(working):
            fs.remove(working)
        if isinstance(error, OSError):
            raise disk_error(error, f"restore {target}") from error
        raise
    return done


class Wanted(NamedTuple):
    """What to take of the log."""

    archive: str | None
    log: str | None
    commit: int | None
    until: datetime | None

    def includes(self, commit: TailCommit) -> bool:
        if self.commit is not None and commit.number > self.commit:
            return False
        return self.until is None or EPOCH + timedelta(microseconds=commit.time_us) <= aware(self.until)


def aware(when: datetime) -> datetime:
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


def copy_backup(fs: FileSystem, source: str, target: str) -> Label | None:
    """A copy with an id of its own; the label if it is untouched. A closed database will do, but has none."""
    try:
        file = fs.open(source, read_only=True)
    except OSError as error:
        raise OperationalError(f"cannot open {source}: {error.strerror}") from error
    try:
        file.lock(shared=True)
        newest, older, damaged = read_metas(file)
        if not newest.clean or damaged or older is None:
            raise NotADatabase(
                f"{source} is not a backup, nor a database that was closed",
                hint="Close the database first, or copy it with `minidb backup`.",
            )
        label = read_label(file)
        copied = fs.open(target, create=True)
        try:
            copied.truncate(0)
            copy_file(file, copied, newest)
        finally:
            copied.close()
        fs.sync_directory(target)
    except BlockingIOError as error:
        raise ObjectInUse(f"{source}: another process has the database open") from error
    finally:
        file.close()
    untouched = label is not None and (label.generation, label.number) == (newest.generation, newest.number)
    return label if untouched else None


def copy_file(source: File, target: File, newest: Meta) -> None:
    """The metas last, so that a copy that was interrupted is none."""
    size = newest.blocks * newest.block
    for offset in range(2 * SLOT_SIZE, size, 1 << 20):
        data = source.read(offset, min(1 << 20, size - offset))
        if any(data):  # holes stay holes
            target.write(offset, data)
    target.truncate(size)
    target.sync()
    database_id = os.urandom(16)
    for slot in (0, 1):
        meta = decode_meta(source.read(slot * SLOT_SIZE, META_SIZE), slot)
        if meta is None:
            raise DatabaseCorrupt(f"{source.path}: a meta page is damaged")
        target.write(slot * SLOT_SIZE, encode_meta(msgspec.structs.replace(meta, database_id=database_id)))
    target.sync()


def roll_forward(fs: FileSystem, path: str, label: Label, wanted: Wanted,
                 progress: Callable[[int], object] | None) -> Restored:
    """Takes the wanted commits, in rounds: each is written into the copy's log, recovered, and folded."""
    prefixes = []
    if wanted.archive is not None:
        prefixes.append(f"{wanted.archive}/")
        check_archive(fs, wanted.archive, label)
    tail = LogTail(fs, wanted.log or f"{path}-none", label.origin, prefixes, label.number)
    try:
        commits = Commits(tail, wanted)
        while round_of_commits(fs, path, commits):
            if progress is not None:
                progress(commits.last)
    except SegmentGone as error:
        raise ObjectNotReady(
            f"the log does not go on from the backup, which is of commit {label.number}", detail=str(error),
            hint="A log is used again after a checkpoint, also that of closing; only an archive keeps what was in it.",
        ) from error
    finally:
        tail.close()
    last = max(commits.last, label.number)
    if wanted.commit is not None and last != wanted.commit:
        where = f"the log ends with commit {last}" if last < wanted.commit else f"the backup is of commit {last}"
        raise ObjectNotReady(f"commit {wanted.commit} cannot be restored: {where}")
    made = EPOCH + timedelta(microseconds=label.time_us)
    if wanted.until is not None and not commits.last and made > aware(wanted.until):
        raise ObjectNotReady(f"the backup was made at {made.isoformat()}, after the time to restore to")
    return Restored(last, EPOCH + timedelta(microseconds=commits.time_us) if commits.last else None)


def check_archive(fs: FileSystem, directory: str, label: Label) -> None:
    found = Archive.load(fs, f"{directory}/")
    if found is None:
        raise ObjectNotReady(f"there is no archive in {directory}")
    if found.index.database_id != label.origin:
        raise ObjectNotReady(f"{directory} is the archive of another database than the backup's")


class Commits:
    """The wanted commits of a log, one by one, with a look ahead."""

    def __init__(self, tail: LogTail, wanted: Wanted) -> None:
        self.wanted = wanted
        self.last = 0
        self.time_us = 0
        self._commits = tail.read_all()
        self._next = next(self._commits, None)

    def peek(self) -> TailCommit | None:
        found = self._next
        return found if found is not None and self.wanted.includes(found) else None

    def advance(self) -> None:
        assert self._next is not None
        self.last, self.time_us = self._next.number, self._next.time_us
        self._next = next(self._commits, None)


def round_of_commits(fs: FileSystem, path: str, commits: Commits) -> bool:
    """Makes the log of the copy anew, lets the database recover it, and closes that; False if nothing was left."""
    from minidb.database import Database

    commit = commits.peek()
    if commit is None:
        return False
    log = Log.create(fs, path, identity(fs, path), number=commit.number - 1)
    size = 0
    while commit is not None and size < ROUND:
        size += write_commit(log, commit)
        commits.advance()
        commit = commits.peek()
    log.close()
    Database(path, files=fs, background=False).close()
    return True


def write_commit(log: Log, commit: TailCommit) -> int:
    size = len(commit.payload)
    for place in commit.chunks:
        data = place.read()
        log.chunk(commit.number, data)
        size += len(data)
    log.reserve(len(commit.payload))
    transaction = commit.number if commit.chunks else 0
    log.settle(log.queue(commit.number, commit.payload, "off", commit.time_us, transaction))
    return size


def identity(fs: FileSystem, path: str) -> bytes:
    file = fs.open(path, read_only=True)
    try:
        return read_metas(file)[0].database_id
    finally:
        file.close()


def remove_log(fs: FileSystem, path: str) -> None:
    """Of a database that was closed cleanly, or is given up."""
    for name in SegmentFiles(fs, path, 0, 0, 0).names():
        fs.remove(name)


__all__ = ["Restored", "backup", "backup_into", "restore"]
