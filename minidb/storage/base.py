"""The base: one file with the database exactly as of a commit number, copy-on-write, published as a whole (R13).

    slot 0 | slot 1 | pages ...                           `meta`       the two meta pages
       \\                                                  `page_file`  pages with headers and checksums
        newest --> relation table --> tree --> leaves     `extents`    which blocks are free
               --> catalog                                `writer`     builds and publishes the next root
               --> free map                               `btree`, `heap`  read the trees

    life of an extent      free --taken by writer N--> used --replaced by writer M--> limbo --> free
                                                                                      ^ until publish M + 1 is durable,
                                                                                        and no root of N to M is pinned

A root is read without any latch: its pages never change, and their extents are not reused while it is current,
durable or pinned. Who reads a page of a root that is not current pins it first, or is told `StaleRoot` and takes the
present one (R17, R18).

Invariants:
 1. `root` is replaced by one store (`swap`), always by a root that is durable.
 2. No page that one of the two durable meta pages reaches is overwritten (R14).
 3. No page of a pinned root is overwritten. The handshake with `reclaim` needs no lock: a reader appends its pin, then
    looks whether the root is dead; `reclaim` declares the root dead, then looks whether there are pins. Whatever the
    order, one of the two sees the other.
 4. Every block is in exactly one place: the meta slots, a page that the current root reaches, limbo, a free run.
 5. There is one writer at a time; after a failed sync there is none (R5).

What this module does not do: it knows no transactions, takes no part in the log, and never calls back into either.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from minidb.errors import DatabaseCorrupt, DatabaseFailed, DatabaseInUse, ReadOnlyTransaction
from minidb.storage.audit import audit_blocks
from minidb.storage.disk_errors import disk_error
from minidb.storage.extents import Extent, FreeExtents, decode_map, merge
from minidb.storage.fold import Sizes
from minidb.storage.interface import File, FileSystem, Layout, Parts
from minidb.storage.meta import NOWHERE, SLOT_SIZE, Meta, read_metas, unfinished, write_creation_mark
from minidb.storage.page_file import (
    CATALOG,
    FREE_MAP,
    RELATIONS,
    PageFile,
    read_inner,
    read_leaf,
    read_parts,
)
from minidb.storage.pages import ENOUGH, PART, SEVERAL, WHOLE, Leaf, Page, PageCache, PagePool, Pointer, page_id
from minidb.storage.roots import Root, StaleRoot, decode_relations
from minidb.storage.writer import BaseWriter, Freed

BLOCK = 4096
LEAF_BLOCKS = 2  # a leaf fills this many blocks, header included
FANOUT = 512
GROWTH = 256  # blocks that the file grows by


class Base:
    """An open base file. Made by `create` or `open`.

    Arguments of both:
        fs, path: where the file is.
        pool: bounds the memory for decoded pages; belongs to this base alone.
        file: the file if it is open already, and locked by the caller; else it is opened and locked here (R75).
        leaf_bytes: the longest leaf payload, unless one row is longer; default: what fits into two blocks.
        fanout: children of an inner node.
        growth: blocks that the file grows by.
    """

    def __init__(
        self,
        file: File,
        pool: PagePool,
        metas: tuple[Meta, Meta | None, bool],
        *,
        read_only: bool,
        leaf_bytes: int | None,
        fanout: int,
        growth: int,
    ) -> None:
        newest, older, damaged = metas
        self.file = file
        self.path = file.path
        self.pool = pool
        self.read_only = read_only
        self.other_slot_damaged = damaged  # R19: the caller asks the log whether `root.number` is new enough
        self.pages = PageFile(file, newest.block)
        self.sizes = Sizes(leaf_bytes or self.pages.room(LEAF_BLOCKS), fanout)
        self.growth = growth
        self._file_blocks = file.size() // newest.block
        self._caches: dict[int, tuple[Layout, PageCache]] = {}
        self._latch = threading.Lock()
        self._writer: BaseWriter | None = None
        self._failed = False
        self._generation = max(newest.generation, older.generation if older else 0)
        self._limbo: deque[tuple[Root, Freed | list[Extent]]] = deque()
        self.root = self._read_root(newest)
        self._durable = self.root
        self._older_generation = older.generation if older else newest.generation - 1
        self._older_blocks = older.blocks if older else newest.blocks
        self.extents = self._read_free_map(newest)

    # -- opening --------------------------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        fs: FileSystem,
        path: str,
        *,
        database_id: bytes,
        pool: PagePool,
        block: int = BLOCK,
        catalog: bytes = b"",
        file: File | None = None,
        leaf_bytes: int | None = None,
        fanout: int = FANOUT,
        growth: int = GROWTH,
    ) -> Base:
        """Makes a new, empty base. Its first meta page is written last, then its directory is synced (R77)."""
        assert len(database_id) == 16, "a database id has 16 bytes"
        owned = file is None
        if file is None:
            file = _open_locked(fs, path, create=True, read_only=False)
        try:
            return cls._create(fs, file, database_id, pool, block, catalog, leaf_bytes, fanout, growth)
        except BaseException:
            if owned:
                file.close()
            raise

    @classmethod
    def _create(
        cls,
        fs: FileSystem,
        file: File,
        database_id: bytes,
        pool: PagePool,
        block: int,
        catalog: bytes,
        leaf_bytes: int | None,
        fanout: int,
        growth: int,
    ) -> Base:
        if not unfinished(file):
            raise FileExistsError(f"{file.path} is not empty")
        try:
            write_creation_mark(file)
            file.sync()
        except OSError as error:
            raise disk_error(error, f"create {file.path}") from error
        nothing = Meta(
            slot=1,
            database_id=database_id,
            block=block,
            generation=0,
            number=0,
            blocks=_first_block(block),
            clean=True,
            relations=NOWHERE,
            catalog=NOWHERE,
            free_map=NOWHERE,
        )
        base = cls(
            file,
            pool,
            (nothing, None, False),
            read_only=False,
            leaf_bytes=leaf_bytes,
            fanout=fanout,
            growth=growth,
        )
        base.swap(base.begin().publish(0, catalog, clean=True))  # nothing is in a log yet
        try:
            fs.sync_directory(file.path)
        except OSError as error:
            raise disk_error(error, f"create {file.path}") from error
        return base

    @classmethod
    def open(
        cls,
        fs: FileSystem,
        path: str,
        *,
        pool: PagePool,
        read_only: bool = False,
        file: File | None = None,
        database_id: bytes = bytes(16),
        leaf_bytes: int | None = None,
        fanout: int = FANOUT,
        growth: int = GROWTH,
    ) -> Base:
        """Opens a base; an empty file, or one whose creation was interrupted, is created with `database_id`.

        Raises NotADatabase, DatabaseCorrupt, DatabaseInUse, FileNotFoundError.
        """
        owned = file is None
        if file is None:
            file = _open_locked(fs, path, create=False, read_only=read_only)
        try:
            if unfinished(file) and not read_only:
                return cls._create(fs, file, database_id, pool, BLOCK, b"", leaf_bytes, fanout, growth)
            return cls(
                file,
                pool,
                read_metas(file),
                read_only=read_only,
                leaf_bytes=leaf_bytes,
                fanout=fanout,
                growth=growth,
            )
        except BaseException:
            if owned:
                file.close()
            raise

    def _read_root(self, meta: Meta) -> Root:
        size = self.file.size()
        if meta.generation and size < meta.blocks * meta.block:
            raise DatabaseCorrupt(
                f"{self.path} is cut off: it has {size} bytes of {meta.blocks * meta.block}",
                hint="Restore the database from a backup.",
            )
        catalog = self._read_table(CATALOG, meta.catalog)
        relations = self._read_table(RELATIONS, meta.relations)
        return Root(meta, catalog, decode_relations(relations) if relations else {})

    def _read_free_map(self, meta: Meta) -> FreeExtents:
        first = _first_block(meta.block)
        if meta.free_map == NOWHERE:
            return FreeExtents(first, meta.blocks)
        free, limbo = decode_map(self._read_table(FREE_MAP, meta.free_map), first, meta.blocks)
        end = max(meta.blocks, self._older_blocks)
        if end > meta.blocks:
            limbo.append((meta.blocks, end - meta.blocks))  # of the root before: the map ends with what this one uses
        before = Root(meta, b"", {})
        before.generation = self._older_generation
        before.dead = True
        self._limbo.append((before, limbo))
        return FreeExtents(first, end, free)

    def _read_table(self, kind: bytes, pointer: Pointer) -> bytes:
        return b"" if pointer == NOWHERE else self.pages.read(pointer, kind, 0)

    def close(self) -> None:
        """Closes the file. A clean shutdown is a publish with `clean=True` before."""
        if self._writer is not None:
            self._writer.abandon()
        self.file.close()

    # -- reading --------------------------------------------------------------------------------------------

    def pin(self, root: Root | None = None) -> Root:
        """Keeps the pages of `root` (default: the current one) until `unpin`. Any thread; costs no lock.

        Raises StaleRoot if `root` is no longer current and nobody else has pinned it.
        """
        if root is not None:
            root.pins.append(None)
            if root.dead:
                root.pins.pop()
                raise StaleRoot
            return root
        while True:
            try:
                return self.pin(self.root)
            except StaleRoot:  # swapped and reclaimed in between
                continue

    def unpin(self, root: Root) -> None:
        root.pins.pop()

    def cache_of(self, relation: int, layout: Layout) -> PageCache:
        """The decoded pages of a relation under a layout. Another layout (`!=`) starts afresh (R66)."""
        with self._latch:
            known = self._caches.get(relation)
            if known is not None and (known[0] is layout or known[0] == layout):
                return known[1]
            if known is not None:
                self.pool.drop(known[1])
            cache: PageCache = {}
            self._caches[relation] = (layout, cache)
            return cache

    def known_cache(self, relation: int) -> PageCache:
        with self._latch:
            known = self._caches.get(relation)
            return {} if known is None else known[1]

    def load(
        self,
        root: Root,
        relation: int,
        layout: Layout,
        cache: PageCache,
        pointer: Pointer,
        level: int,
        weight: int = WHOLE,
    ) -> Page:
        """Reads and decodes a page that is not cached, with the root pinned for just that time (R18).

        A leaf is cached if the pool admits it at this `weight`.
        """
        pool, identity = self.pool, page_id(pointer)
        pool.misses += 1
        self.pin(root)
        try:
            page = self.read(relation, layout, pointer, level)
        finally:
            self.unpin(root)
        pool.decoded += 1
        if level or pool.admits(identity, pointer[1], weight):
            return pool.put(cache, identity, page)
        return page

    def load_parts(
        self, root: Root, relation: int, layout: Layout, cache: PageCache, pointer: Pointer, entries: int
    ) -> Parts | Leaf:
        """A leaf that is not cached, of which little is wanted, at most so many entries: decoded if the pool admits it,
        else its parts."""
        several = entries >= SEVERAL and self.pool.has_room(pointer[1])
        if several or self.pool.admits(page_id(pointer), pointer[1], PART):
            return self.load(root, relation, layout, cache, pointer, 0, ENOUGH)  # type: ignore[return-value]
        self.pin(root)
        try:
            parts = read_parts(self.pages, relation, layout, pointer)
        finally:
            self.unpin(root)
        if parts is None:
            return self.load(root, relation, layout, cache, pointer, 0)  # type: ignore[return-value]
        self.pool.misses += 1
        return parts

    def read(self, relation: int, layout: Layout, pointer: Pointer, level: int) -> Page:
        """A page from the file, checked and decoded; the cache is not asked."""
        if level:
            return read_inner(self.pages, relation, pointer)
        return read_leaf(self.pages, relation, layout, pointer)

    # -- writing --------------------------------------------------------------------------------------------

    def begin(self, on_slice: Callable[[], None] | None = None) -> BaseWriter:
        """The writer of the next root; one at a time. `on_slice` is called after each leaf that is written."""
        if self.read_only:
            raise ReadOnlyTransaction(f"{self.path} is open for reading only")
        with self._latch:
            if self._failed:
                raise DatabaseFailed(f"{self.path}: a write could not be made durable; reopen the database")
            assert self._writer is None, "the base has a writer already"
            assert self.root is self._durable, "a published root was not swapped in"
            self._reclaim()
            self._generation += 1
            self._writer = BaseWriter(self, self.root, self._generation, on_slice)
            return self._writer

    def swap(self, root: Root) -> None:
        """Makes a published root the current one: one store. The caller holds the latch that guards the delta (R14)."""
        assert root is self._durable, "only the root published last can become current"
        self.root = root

    def reclaim(self) -> None:
        """Frees what no durable or pinned root needs any more. `begin` does it, too; call it without the latch."""
        with self._latch:
            if self._writer is None:
                self._reclaim()

    def _reclaim(self) -> None:
        """Of what a root was the last to reach, each page is needed by the pinned ones that are not older than it."""
        waiting: list[tuple[Root, Freed | list[Extent]]] = []
        pinned = -1  # the generation of the newest pinned root so far
        while self._limbo and self._limbo[0][0].generation < self._older_generation:
            root, freed = self._limbo.popleft()
            if _still_pinned(root):
                pinned = root.generation
            needed: Any = []
            for entry in freed:
                if _born(entry) <= pinned:
                    needed.append(entry)
                else:
                    self._release(entry)
            if needed or pinned == root.generation:
                waiting.append((root, needed))
        self._limbo.extendleft(reversed(waiting))

    def _release(self, entry: tuple[int, Pointer] | Extent) -> None:
        first, second = entry
        if isinstance(second, int):
            self.extents.give(first, second)
            return
        self.extents.give(second[0], self.pages.blocks(second[1]))
        known = self._caches.get(first)
        if known is not None:
            self.pool.discard(known[1], page_id(second))

    # -- what the writer asks for -----------------------------------------------------------------------------

    def waiting(self, newest: Root) -> list[Extent]:
        return self._extents_of([freed for root, freed in self._limbo if root.generation < newest.generation])

    def _extents_of(self, lists: list[Freed | list[Extent]]) -> list[Extent]:
        return merge(
            (first, second) if isinstance(second, int) else (second[0], self.pages.blocks(second[1]))
            for entries in lists
            for first, second in entries
        )

    def reserve_file(self, end: int) -> None:
        """Lets the file have at least `end` blocks; grows it in steps."""
        if end > self._file_blocks:
            blocks = -(-end // self.growth) * self.growth
            self.pages.guard(lambda: self.file.truncate(blocks * self.pages.block))
            self._file_blocks = blocks

    def published(self, root: Root, freed: Freed) -> None:
        with self._latch:
            before = self._durable
            self._limbo.append((before, freed))
            self._older_generation = before.generation
            self._older_blocks = before.meta.blocks
            self._durable = root
            self._writer = None
            for relation in before.relations.keys() - root.relations.keys():
                if relation in self._caches:
                    self.pool.drop(self._caches.pop(relation)[1])

    @property
    def slack(self) -> int:
        """Blocks that the file has, or would soon have again, beyond what the current root uses."""
        meta = self.root.meta
        tables = sum(self.pages.blocks(table[1]) for table in (meta.relations, meta.catalog, meta.free_map))
        used = sum(relation.blocks for relation in self.root.relations.values()) + tables
        return max(self.extents.end, self._durable.meta.blocks, self._older_blocks) - self.extents.first - used

    def cut_file(self, *, exactly: bool = False) -> None:
        """Gives the file's end back if neither durable meta page counts it and no pinned root needs it; unless
        `exactly`, only if it is a large part of the file, which would soon grow again."""
        with self._latch:
            if self._writer is not None or self._failed:
                return
            self._reclaim()
            self.extents.shrink()
            needed = max(self.extents.end, self._durable.meta.blocks, self._older_blocks)
            if not exactly:
                needed = -(-needed // self.growth) * self.growth
            if self._file_blocks - needed > (0 if exactly else needed // 2):
                with contextlib.suppress(OSError):  # the space is only not given back
                    self.file.truncate(needed * self.pages.block)
                    self._file_blocks = needed

    def ended(self, *, failed: bool) -> None:
        with self._latch:
            self._failed = self._failed or failed
            self._writer = None

    # -- checking -------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Reads every page of the current root and accounts for every block (invariant 4).

        Raises DatabaseCorrupt. Not while a writer is at work.
        """
        limbo = self._extents_of([freed for _, freed in self._limbo])
        audit_blocks(self.pages, self.root, [*self.extents.runs(), *limbo], self.extents.first, self.extents.end)


def _still_pinned(root: Root) -> bool:
    """If not, it is dead from now on and for good: some of its pages are given back (invariant 3)."""
    if root.dead:
        return False
    if root.pins:
        return True
    root.dead = True
    root.dead = not root.pins
    return not root.dead


def _born(freed: tuple[int, Pointer] | Extent) -> int:
    """The generation whose writer made a page; unknown ones are as old as the file."""
    return 0 if isinstance(freed[1], int) else freed[1][2]


def _first_block(block: int) -> int:
    """The first block behind the meta slots."""
    return -(-2 * SLOT_SIZE // block)


def _open_locked(fs: FileSystem, path: str, *, create: bool, read_only: bool) -> File:
    file = fs.open(path, create=create, read_only=read_only)
    try:
        file.lock(shared=read_only)
    except BlockingIOError as error:
        file.close()
        raise DatabaseInUse(
            f"{path} is in use by another process", hint="One process opens a database at a time."
        ) from error
    except BaseException:
        file.close()
        raise
    return file
