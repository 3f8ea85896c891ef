"""A backup to a file: the pages that one root reaches, at the places that they have in the base."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import msgspec

from minidb.backup.labels import Label, encode_label
from minidb.errors import OperationalError
from minidb.storage.disk_errors import disk_error
from minidb.storage.interface import File, FileSystem
from minidb.storage.meta import META_SIZE, NOWHERE, write_creation_mark, write_meta
from minidb.storage.page_file import CATALOG, FREE_MAP, INNER, LEAF, RELATIONS, PageFile, read_inner
from minidb.storage.pages import Pointer
from minidb.storage.roots import Root

if TYPE_CHECKING:
    from minidb.database import Database
    from minidb.storage.base import Base

Progress = Callable[[str, int, int], object]  # status, pages left, pages in all


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
