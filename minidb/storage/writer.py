"""The writer of the next root: it builds new pages beside the old ones and publishes them all at once, or none.

    begin --> folding --publish--> pages, relation table, catalog, free map --sync--> meta page --sync--> done
                 |                                                    |
                 +--abandon, or any error before the meta page -------+--> everything taken is given back

The writer works without the latch: the current root stays current until the caller swaps the new one in (`Base.swap`).
Order of publishing (R14): the caller has synced the log through the new number; all pages are written and synced; then
the older of the two meta pages is overwritten and synced; then the caller swaps; then, and not before a further
publish, what the root before needed is reused.

Invariants:
 1. New pages go only into extents that neither durable meta page reaches and no pinned root uses (`base.reclaim`).
 2. A page that this writer wrote and replaced again was never reachable: its extent is free when the folding is over,
    and not before, as caches know a page by its block and generation.
 3. Errors before the meta page is written change nothing; the writer is abandoned then (R14). An error while it is
    written leaves open whether the new root counts: the slot is blanked, and if that fails, too, or if any sync
    failed, the base refuses further writers until it is reopened (R4, R5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from minidb.keys import Row
from minidb.storage.compaction import Compaction, Limits, Place, cut_of
from minidb.storage.extents import MAP_MARGIN, Extent, FreeExtents, before, encode_map, merge
from minidb.storage.fold import Change, Fold, Sizes
from minidb.storage.interface import Layout
from minidb.storage.meta import NOWHERE, Meta, blank_slot, write_meta
from minidb.storage.page_file import CATALOG, FREE_MAP, RELATIONS, PageFile, read_inner, read_leaf
from minidb.storage.pages import Inner, Leaf, PageCache, PagePool, Pointer, page_id
from minidb.storage.roots import RelationRoot, Root, empty_relation, encode_relations

Freed = list[tuple[int, Pointer]]  # relation, pointer


class WriterHost(Protocol):
    """What a writer needs of the base."""

    pages: PageFile
    pool: PagePool
    extents: FreeExtents
    sizes: Sizes

    def cache_of(self, relation: int, layout: Layout) -> PageCache: ...

    def known_cache(self, relation: int) -> PageCache:
        """The decoded pages of a relation under whatever layout it has; an empty one if it was never read."""

    def waiting(self, newest: Root) -> list[Extent]:
        """Extents that wait for pinned readers only, once `newest` is the older of the two durable roots."""

    def reserve_file(self, end: int) -> None: ...

    def cut_file(self) -> None: ...

    def published(self, root: Root, freed: Freed) -> None: ...

    def ended(self, *, failed: bool) -> None: ...


def _nothing() -> None:
    pass


class BaseWriter:
    """Builds one new root. Made by `Base.begin`; ends with `publish` or `abandon`."""

    def __init__(self, host: WriterHost, root: Root, generation: int, on_slice: Callable[[], None] | None) -> None:
        self._host = host
        self._pages = host.pages
        self._root = root
        self.generation = generation
        self.on_slice = on_slice or _nothing
        self.relations: dict[int, RelationRoot] = dict(root.relations)
        self._taken: dict[int, int] = {}  # block -> blocks
        self._freed: Freed = []
        self._spoiled: list[int] = []  # blocks of own pages that were replaced again
        self._cut = 1 << 62  # pages from this block on are moved
        self.blocks_written = 0
        self._open = True

    # -- changes --------------------------------------------------------------------------------------------

    def fold_tree(
        self, relation: int, layout: Layout, changes: Iterable[Change], *, clustered: bool = False
    ) -> RelationRoot:
        """Applies `changes`, which ascend strictly in (key, ref), to a tree; makes the tree if it is absent.

        Arguments:
            changes: (key, ref, row); row None deletes the entry if it is there, an entry that is there is replaced.
            clustered: for a tree that is new: refs are the keys themselves.
        """
        assert self._open, "the writer has ended"
        old = self.relations.get(relation)
        if old is None:
            old = empty_relation(clustered)
        cache = self._host.cache_of(relation, layout)
        fold = Fold(self, relation, layout, cache, self._host.sizes, old.clustered, self.on_slice)
        with self._abandoned_on_error():
            self.relations[relation] = fold.run(old, changes)
        return self.relations[relation]

    def fold_heap(self, relation: int, layout: Layout, changes: Iterable[tuple[int, Row | None]]) -> RelationRoot:
        """Applies `changes`, (rid, row or None) in ascending order, to a heap; makes it if it is absent."""
        return self.fold_tree(relation, layout, ((rid, rid, row) for rid, row in changes), clustered=True)

    def drop(self, relation: int) -> None:
        """Drops a relation; all its pages are freed by the publish. Only its inner nodes are read."""
        root = self.relations.pop(relation, None)
        if root is not None and root.level >= 0:
            with self._abandoned_on_error():
                self._drop_page(relation, root.pointer, root.level)

    @contextmanager
    def _abandoned_on_error(self) -> Iterator[None]:
        """A change that was made in part must not be published."""
        try:
            yield
        except BaseException:
            self.abandon()
            raise

    def _drop_page(self, relation: int, pointer: Pointer, level: int) -> None:
        if level:
            for child in read_inner(self._pages, relation, pointer).children:
                self._drop_page(relation, child, level - 1)
        self.free_page(relation, pointer)

    def compact(self, limits: Limits, start: Place | None = None) -> tuple[int, Place | None]:
        """Moves pages from the end of the file to where it is free before; see `compaction`.

        Arguments:
            start: where to begin; None: with the first relation.

        Returns how many pages were moved, and where to go on, None if everything was looked at.
        """
        assert self._open, "the writer has ended"
        with self._abandoned_on_error():
            compaction = Compaction(self, self._find_cut(limits.behind), limits)
            self._cut = compaction.cut
            for relation in sorted(self.relations):
                if start is None or relation >= start.relation:
                    way = start.children if start is not None and relation == start.relation else ()
                    cache = self._host.known_cache(relation)
                    self.relations[relation] = compaction.run(relation, cache, self.relations[relation], way)
                    if compaction.spent:
                        return compaction.moved, compaction.stopped() or Place(relation + 1, ())
            return compaction.moved, None

    def _find_cut(self, most: int) -> int:
        extents = self._host.extents
        freed = merge((pointer[0], self.blocks_of(pointer)) for _, pointer in self._freed)
        spoiled = [(block, self._taken[block]) for block in self._spoiled]
        return cut_of(extents.runs(), [*self._host.waiting(self._root), *freed, *spoiled], extents.end, most)

    # -- pages, for the fold --------------------------------------------------------------------------------

    def write_page(self, kind: bytes, relation: int, payload: bytes) -> Pointer:
        return self._write_into(self._take(self._pages.blocks(len(payload))), kind, relation, payload)

    def _take(self, blocks: int) -> int:
        block = self._host.extents.take(blocks)
        self._taken[block] = blocks
        return block

    def _write_into(self, block: int, kind: bytes, relation: int, payload: bytes) -> Pointer:
        self._host.reserve_file(self._host.extents.end)
        self.blocks_written += self._pages.blocks(len(payload))
        return self._pages.write(block, kind, relation, self.generation, payload)

    def free_page(self, relation: int, pointer: Pointer) -> None:
        if pointer[2] == self.generation:  # invariant 2
            self._spoiled.append(pointer[0])
        else:
            self._freed.append((relation, pointer))

    def blocks_of(self, pointer: Pointer) -> int:
        return self._pages.blocks(pointer[1])

    def read_leaf(self, relation: int, layout: Layout, cache: PageCache, pointer: Pointer) -> tuple[Leaf, bool]:
        leaf = cache.get(page_id(pointer))
        if leaf is not None:
            return leaf, True
        return read_leaf(self._pages, relation, layout, pointer), False

    def read_inner(self, relation: int, cache: PageCache, pointer: Pointer) -> Inner:
        node = cache.get(page_id(pointer))
        return node if node is not None else read_inner(self._pages, relation, pointer)

    def keep(self, cache: PageCache, pointer: Pointer, page: Leaf | Inner) -> None:
        self._host.pool.put(cache, page_id(pointer), page)

    def read_payload(self, kind: bytes, relation: int, pointer: Pointer) -> bytes:
        return self._pages.read(pointer, kind, relation)

    def place_for(self, blocks: int) -> int:
        return self._host.extents.place_for(blocks)

    def sliced(self) -> None:
        self.on_slice()

    # -- the end --------------------------------------------------------------------------------------------

    def publish(
        self,
        number: int,
        catalog: bytes,
        *,
        clean: bool = False,
        before_swap: Callable[[], None] | None = None,
    ) -> Root:
        """Makes the new root durable and returns it; `Base.swap` makes it current.

        Arguments:
            number: F, the commit number as of which the new root stands.
            clean: nothing is in the log that is not in this root.
            before_swap: called when all pages are durable and the meta page is not yet written; an error from it
                abandons the writer.

        Raises DiskFull or OperationalError (58030), after which nothing has changed and the writer is abandoned (R14).
        """
        assert self._open, "the writer has ended"
        with self._abandoned_on_error():
            meta = self._write_tables(number, catalog, clean)
            self._sync()
            if before_swap is not None:
                before_swap()
        self._write_meta(meta)
        root = Root(meta, catalog, self.relations)
        self._open = False
        self._host.published(root, self._freed)
        self._host.cut_file()
        return root

    def _write_tables(self, number: int, catalog: bytes, clean: bool) -> Meta:
        """Catalog, relation table and free map; returns the meta page that reaches them."""
        for block in self._spoiled:
            self._host.extents.give(block, self._taken.pop(block))
        self._host.extents.shrink()
        old = self._root.meta
        catalog_pointer = old.catalog
        if catalog != self._root.catalog or old.catalog[0] >= self._cut:
            catalog_pointer = self._table(CATALOG, catalog, old.catalog)
        relations = self._table(RELATIONS, encode_relations(self.relations), old.relations)
        free_map, end = self._write_free_map(old.free_map)
        return Meta(
            slot=1 - old.slot,
            database_id=old.database_id,
            block=self._pages.block,
            generation=self.generation,
            number=number,
            blocks=end,
            clean=clean,
            relations=relations,
            catalog=catalog_pointer,
            free_map=free_map,
        )

    def _table(self, kind: bytes, payload: bytes, old: Pointer) -> Pointer:
        if old != NOWHERE:
            self.free_page(0, old)
        return self.write_page(kind, 0, payload) if payload else NOWHERE

    def _write_free_map(self, old: Pointer) -> tuple[Pointer, int]:
        """The map of what is free once its own extent is taken (R20), and where what the new root uses ends: what is
        free behind that is not in the map, also where the root before still needs it."""
        if old != NOWHERE:
            self.free_page(0, old)
        waiting = self._host.waiting(self._root)
        limbo = merge((pointer[0], self.blocks_of(pointer)) for _, pointer in self._freed)
        free = merge([*self._host.extents.runs(), *waiting])
        blocks = self._pages.blocks(len(encode_map(free, limbo)) + MAP_MARGIN)
        block = self._take(blocks)
        free = merge([*self._host.extents.runs(), *waiting])
        end = self._host.extents.end
        unused = merge([*free, *limbo])
        if unused and sum(unused[-1]) == end:
            end = unused[-1][0]
        payload = encode_map(before(free, end), before(limbo, end), self._pages.room(blocks))
        assert self._pages.blocks(len(payload)) == blocks, "the free map has outgrown its extent"
        return self._write_into(block, FREE_MAP, 0, payload), end

    def _write_meta(self, meta: Meta) -> None:
        """Invariant 3: the one step whose outcome may be unknown."""
        file = self._pages.file
        try:
            self._pages.guard(lambda: write_meta(file, meta))
        except BaseException:
            self._take_back(meta)
            raise
        try:
            self._pages.guard(file.sync)
        except BaseException:
            self._end(failed=True)  # R5: what a failed sync has left behind, no second one tells
            raise

    def _take_back(self, meta: Meta) -> None:
        """The meta page may have arrived in part or whole: make sure that it does not count."""
        file = self._pages.file
        try:
            blank_slot(file, meta.slot)
            file.sync()
        except OSError:
            self._end(failed=True)
        else:
            self.abandon()

    def _sync(self) -> None:
        try:
            self._pages.guard(self._pages.file.sync)
        except BaseException:
            self._end(failed=True)
            raise

    def abandon(self) -> None:
        """Gives everything back that was taken; nothing has changed. Does nothing after the end."""
        if self._open:
            for block, blocks in self._taken.items():
                self._host.extents.give(block, blocks)
            self._end(failed=False)

    def _end(self, *, failed: bool) -> None:
        self._open = False
        self._host.ended(failed=failed)
