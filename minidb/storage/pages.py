r"""Pages as they stand in memory: decoded, immutable, cached in a pool that is bounded by bytes.

    Leaf    keys  k0 k1 k2 ...      three parallel tuples, so that a search is one C `bisect` over bare keys.
            refs  r0 r1 r2 ...      Clustered table and heap: refs IS keys (the same object).
            rows  t0 t1 t2 ...      Rows are plain tuples and are handed out as they are.
            Tuples and not lists, because CPython's garbage collector lets go of a tuple of values and of a tuple of
            such tuples, but looks through each list at every full collection: 10 ms for 100,000 rows.

    Inner   keys      s1 s2 ... sn          separators; child i holds entries >= s(i) and < s(i+1)
            refs      r1 r2 ... rn or None  tie-breaks: a separator is (key, ref), ref None = before all refs of the key
            children  p0 p1 p2 ... pn       pointers: (block, length, generation, crc), see `page_file`
            ids       i0 i1 i2 ... in       what the cache calls these children
            counts    c0 c1 c2 ... cn       entries below each child

A *page cache* is a plain dict from id to page, one per relation and layout: a hit is one `dict.get` without any lock.
Because pages are immutable and ids hold the generation of the write, what is found is right, whichever thread put it
there, and a page that two threads decode at once is decoded twice, which harms nobody.

Eviction is S3-FIFO (Yang et al., SOSP 2023): new pages enter a small queue and leave it soon unless they were used
again there; those that were, and those that come back soon after, live in the main queue. A scan of a large table
passes through the small queue and leaves the rest alone.

    miss --put--> [ small: a tenth ] --used again--> [ main ] --not used since last time--> gone
                        |                               ^  \--used--> back to the end of main
                        +--not used--> gone, remembered-+ (comes back while it is remembered)

What is expensive about a cache that is too small is not to read, but to decode a leaf, and to free another, for one
entry of it: 100 to 150 us, against 20 for looking into its bytes (`interface.Parts`). So once there is no room, a leaf
is only let in when it has been asked for often enough lately (`admits`): as often as pays for decoding it, or twice by
somebody who wants all of it. Inner nodes are always let in. And while there is room a leaf of which an entry is wanted
is looked into once before it is decoded: who has just opened a database may never come back to it.

Invariants:
 1. `size` is what a page costs in memory, estimated from its encoded length (a decoded row takes 4 to 5 times its size
    on disk); the sum over all cached pages is at most `limit` after each `put`.
 2. A page is in exactly one queue if it is in a cache; queue entries whose page is gone are skipped.
 3. Eviction only forgets: who holds a page keeps it, so no pins are needed here (extents need them, see `base`).
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Any

import msgspec

from minidb.errors import DatabaseCorrupt
from minidb.keys import Key, Row
from minidb.storage.codec import extension_hook, prepare_keys, restore_keys
from minidb.storage.interface import Contents, Cut, Layout, Ref

Pointer = tuple[int, int, int, int]  # block, length of the payload, generation, crc
Fence = tuple[Key, Ref]  # where a page begins or ends; ref None: before all refs of the key

BYTES_PER_ENTRY = 150  # a tuple, its slots in three lists and the overhead of its objects, measured
BYTES_PER_BYTE = 2.6  # payload on top of that, measured
EXPANSION = 8  # about: a decoded leaf is so many times as large as its payload
ENOUGH = 6  # how often a leaf must have been asked for to be let in where there is no room
WHOLE = 3  # what counts so much: that all of it was asked for
PART = 1  # that an entry was
SEVERAL = 4  # entries of a leaf for which it is decoded at once while there is room
GLANCES = 4096  # leaves of which is known that they were looked into while there was room


class Leaf:
    """A decoded leaf. `size` is its estimated size in memory; `hot` is set by whoever finds it in a cache."""

    __slots__ = ("hot", "keys", "refs", "rows", "size")

    def __init__(self, keys: Sequence[Key], refs: Sequence[Ref], rows: Sequence[Row], length: int) -> None:
        self.keys = tuple(keys)
        self.refs = self.keys if refs is keys else tuple(refs)
        self.rows = tuple(rows)
        self.size = 300 + int(len(rows) * BYTES_PER_ENTRY + length * BYTES_PER_BYTE)
        self.hot = False

    def __len__(self) -> int:
        return len(self.rows)

    def find(self, key: Key) -> tuple[Ref, Row] | None:
        """As `interface.Parts`."""
        place = bisect_left(self.keys, key)
        if place < len(self.keys) and self.keys[place] == key:
            return self.refs[place], self.rows[place]
        return None

    def between(self, low: Cut, high: Cut) -> tuple[Sequence[Key], Sequence[Ref], Sequence[Row]]:
        """As `interface.Parts`."""
        return self.keys, self.refs, self.rows


class LateLeaf(Leaf):
    """A leaf whose rows are made when they are first asked for, from `contents`."""

    __slots__ = ("contents",)

    def __init__(self, keys: Sequence[Key], refs: Sequence[Ref], contents: Contents) -> None:
        self.keys = tuple(keys)
        self.refs = self.keys if refs is keys else tuple(refs)
        self.contents = contents
        self.size = 300 + len(contents) * BYTES_PER_ENTRY + contents.memory
        self.hot = False

    @property
    def rows(self) -> list[Row]:  # type: ignore[override]
        return self.contents.rows()

    def __len__(self) -> int:
        return len(self.keys)


class Inner:
    """A decoded inner node, see the drawing above."""

    __slots__ = ("children", "counts", "hot", "ids", "keys", "refs", "size")

    def __init__(
        self, keys: list[Key], refs: list[Ref] | None, children: list[Pointer], counts: list[int], length: int
    ) -> None:
        self.keys = keys
        self.refs = refs
        self.children = children
        self.ids = [generation << 40 | block for block, _, generation, _ in children]  # `page_id` of each
        self.counts = counts
        self.size = 300 + 350 * len(children) + 2 * length
        self.hot = False

    def __len__(self) -> int:
        return len(self.children)


Page = Leaf | Inner
PageCache = dict[int, Any]  # id -> Page; Any, because a tree's height says which of the two it is


def page_id(pointer: Pointer) -> int:
    """What a cache calls a page: unique for ever, as no generation writes a block twice."""
    return pointer[2] << 40 | pointer[0]


# -- inner nodes as bytes ---------------------------------------------------------------------------------

_encode = msgspec.msgpack.Encoder().encode
_INNER = msgspec.msgpack.Decoder(
    tuple[list[Any], list[Any] | None, list[tuple[int, int, int, int]], list[int]], ext_hook=extension_hook
)


def encode_inner(keys: list[Key], refs: list[Ref] | None, children: list[Pointer], counts: list[int]) -> bytes:
    return _encode((prepare_keys(keys), None if refs is None else prepare_keys(refs), children, counts))


def decode_inner(data: bytes) -> Inner:
    """The inverse of `encode_inner`, or DatabaseCorrupt."""
    try:
        keys, refs, children, counts = _INNER.decode(data)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise DatabaseCorrupt(f"damaged inner node: {error}") from error
    if not len(keys) + 1 == len(children) == len(counts) or (refs is not None and len(refs) != len(keys)):
        raise DatabaseCorrupt("damaged inner node: its lists differ in length")
    return Inner(restore_keys(keys), None if refs is None else restore_keys(refs), children, counts, len(data))


def decode_leaf(layout: Layout, data: bytes) -> Leaf:
    """A leaf by its layout, or DatabaseCorrupt: no leaf is empty, its lists are parallel."""
    keys, refs, rows = layout.decode(data)
    if not len(keys) == len(refs) == len(rows) > 0:
        raise DatabaseCorrupt("its lists differ in length, or are empty")
    return Leaf(keys, refs, rows, len(data)) if type(rows) is list else LateLeaf(keys, refs, rows)  # type: ignore[arg-type]


# -- the pool ---------------------------------------------------------------------------------------------


class PageMiss(Exception):
    """A search that must not read met a page that is not cached. `fetch` of the tree that raised it reads the page."""

    def __init__(self, pointer: Pointer, level: int) -> None:
        super().__init__(pointer)
        self.pointer = pointer
        self.level = level


class PagePool:
    """Bounds the page caches of one database by estimated bytes and decides which page goes.

    Arguments:
        limit: bytes of memory for decoded pages.

    Counters (`misses`, `decoded`, `evicted`) are for tests and `sys` views; they are not exact across threads. Hits are
    not counted: that would cost a tenth of a search.
    """

    __slots__ = ("_ghosts", "_glanced", "_latch", "_main", "_small", "bytes", "decoded", "evicted", "limit", "misses")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self.misses = self.decoded = self.evicted = 0
        self._small: deque[tuple[PageCache, int]] = deque()
        self._main: deque[tuple[PageCache, int]] = deque()
        self._ghosts: OrderedDict[int, int] = OrderedDict()  # page not cached -> how often it was asked for
        self._glanced: set[int] = set()  # pages that were looked into once while there was room
        self._latch = threading.Lock()

    def put(self, cache: PageCache, identity: int, page: Page) -> Page:
        """Caches `page`, or returns the one that another thread has cached meanwhile."""
        with self._latch:
            present = cache.get(identity)
            if present is not None:
                return present  # type: ignore[no-any-return]
            cache[identity] = page
            self.bytes += page.size
            if identity in self._ghosts:
                del self._ghosts[identity]
                self._main.append((cache, identity))
            else:
                self._small.append((cache, identity))
            while self.bytes > self.limit and (self._small or self._main):
                self._evict_one()
            return page

    def admits(self, identity: int, length: int, weight: int) -> bool:
        """Whether a leaf that is not cached shall be put there.

        Arguments:
            length: of its payload.
            weight: what is asked for this time: WHOLE or PART.
        """
        if self.has_room(length):
            return weight > PART or self._glanced_before(identity)
        with self._latch:
            asked = self._ghosts.pop(identity, 0) + weight
            self._remember(identity, asked)
        return asked >= ENOUGH

    def has_room(self, length: int) -> bool:
        """Whether nothing has to go for a leaf with so long a payload."""
        return self.bytes + length * EXPANSION <= self.limit

    def _glanced_before(self, identity: int) -> bool:
        """Any thread: what is lost is one more look into a leaf."""
        if identity in self._glanced:
            self._glanced.discard(identity)
            return True
        if len(self._glanced) >= GLANCES:
            self._glanced.clear()
        self._glanced.add(identity)
        return False

    def discard(self, cache: PageCache, identity: int) -> None:
        """Forgets a page that nobody can look for again; its place in the queue goes in due time."""
        with self._latch:
            page = cache.pop(identity, None)
            if page is not None:
                self.bytes -= page.size

    def drop(self, cache: PageCache) -> None:
        """Forgets a whole cache."""
        with self._latch:
            self.bytes -= sum(page.size for page in cache.values())
            cache.clear()
            self._small = deque(entry for entry in self._small if entry[0] is not cache)
            self._main = deque(entry for entry in self._main if entry[0] is not cache)

    def _evict_one(self) -> None:
        """Moves the oldest page of one queue on: out of the cache, or into the main queue."""
        from_small = len(self._small) * 10 > len(self._main) or not self._main
        cache, identity = self._small.popleft() if from_small else self._main.popleft()
        page = cache.get(identity)
        if page is None:  # invariant 2: discarded
            return
        if page.hot:
            page.hot = False
            self._main.append((cache, identity))
            return
        del cache[identity]
        self.bytes -= page.size
        self.evicted += 1
        if from_small:
            self._remember(identity, 0)

    def _remember(self, identity: int, asked: int) -> None:
        self._ghosts[identity] = asked
        if len(self._ghosts) > len(self._main) + len(self._small) + 16:
            self._ghosts.popitem(last=False)

    def check(self, caches: list[PageCache]) -> None:
        """Invariants 1 and 2, for the caches that use this pool."""
        with self._latch:
            pages = [page for cache in caches for page in cache.values()]
            queued = [(id(cache), identity) for cache, identity in [*self._small, *self._main] if identity in cache]
            assert self.bytes == sum(page.size for page in pages), "the pool has lost count of its bytes"
            assert len(queued) == len(set(queued)) == len(pages), "a cached page is not in exactly one queue"
            assert self.bytes <= self.limit, "the pool is over its limit"
