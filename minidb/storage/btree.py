"""B+trees as readers see them: search without latches in immutable, decoded pages.

One implementation, five uses (the fifth is `heap`). An entry is (key, ref, row), ordered by (key, ref):

    use                    key                     ref                    row
    clustered table        primary key             the same object        the whole row
    index on a heap        columns of the index    RID                    those columns as stored, and INCLUDE columns
    index on a clustered   columns of the index    primary key            the same
    heap                   RID                     the same object        the whole row

                       [ "d"     ("k", 7)     "q" ]                 separators: s <= all entries on their right,
                      /      |           |         \\                above all on their left
      [a a b c] -> [d e k k] -> [k k m p] -> [q r s]                ref None = before all refs of the key
                         (k,5) (k,6)  (k,7) (k,9)

A search by (key, ref) goes to the child behind the last separator <= (key, ref). ref None stands for "before all refs
of the key", key None for the very first or very last entry. Leaves are not linked (a copy-on-write tree cannot):
`seek` says where the leaf ends, and that fence is where the next seek begins.

    position = tree.seek(root, low)
    while (leaf := position[0]) is not None:
        ... rows of leaf from bisect on ...
        if position[1] is None: break
        position = tree.seek(root, *position[1])

Invariants (`check` verifies them, see `audit`):
 1. Entries ascend strictly in (key, ref), within a leaf and from leaf to leaf.
 2. Every entry of a child lies between the child's fences: low <= entry < high.
 3. All leaves are at level 0, no page is empty, counts of inner nodes are exact, the top has two children or is a leaf.
 4. Separators of an inner node ascend strictly; `refs` is None if none of them needs a tie-break.

What this module does not do: change anything (that is `fold`), see versions, interpret keys.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minidb.errors import DatabaseCorrupt
from minidb.keys import Key, Row
from minidb.storage.audit import audit_tree
from minidb.storage.base import Base
from minidb.storage.interface import Cut, Layout, Parts, Ref
from minidb.storage.page_file import LEAF, read_leaf
from minidb.storage.pages import ENOUGH, Fence, Inner, Leaf, PageCache, PageMiss, Pointer, page_id
from minidb.storage.roots import RelationRoot, Root, StaleRoot

Found = tuple[Leaf | None, Fence | None]
NOTHING: Found = (None, None)


class Tree:
    """One relation of a base. Every method takes the root to read; any thread, no latch.

    A page that is not cached is read with the root pinned for that time; StaleRoot if the root is neither current nor
    pinned by then (R17, R18). Use `resident()` where nothing may be read (R69).
    """

    __slots__ = ("_get", "base", "cache", "layout", "relation")

    def __init__(self, base: Base, relation: int, layout: Layout) -> None:
        self.base = base
        self.relation = relation
        self.layout = layout
        self.cache: PageCache = base.cache_of(relation, layout)
        self._get = self.cache.get

    def resident(self) -> ResidentTree:
        """The same tree, but searches raise PageMiss where this one would read the file."""
        return ResidentTree(self.base, self.relation, self.layout)

    def fetch(self, root: Root, miss: PageMiss) -> None:
        """Reads the page that a resident search missed."""
        self.base.load(root, self.relation, self.layout, self.cache, miss.pointer, miss.level, ENOUGH)

    def _load(self, root: Root, pointer: Pointer, level: int) -> Any:
        return self.base.load(root, self.relation, self.layout, self.cache, pointer, level)

    # -- search ---------------------------------------------------------------------------------------------

    def find(self, root: Root, key: Key) -> tuple[Ref, Row] | None:
        """(ref, row) of the entry with `key` in a tree whose keys are unique."""
        cache = self.cache
        try:  # the fast path: everything is cached; a KeyError says that something is not
            top = root.relations[self.relation]
            page = cache[top.id]
            page.hot = True
            level = top.level
            while level:
                level -= 1
                page = cache[page.ids[bisect_right(page.keys, key)]]
                page.hot = True
        except KeyError:
            return self._find_uncached(root, key)
        keys = page.keys
        first = keys[0]
        if type(key) is int and type(first) is int:  # addresses and generated keys are dense: the first guess is right,
            place = key - first  # and touches one key, where a search touches many that no cache of the processor has
            if 0 <= place < len(keys) and keys[place] == key:
                return page.refs[place], page.rows[place]
        place = bisect_left(keys, key)
        if place < len(keys) and keys[place] == key:
            return page.refs[place], page.rows[place]
        return None

    def find_rows(self, root: Root, keys: Sequence[Key]) -> list[Row | None]:
        """The rows of many keys in a tree whose keys are unique, None for those that it lacks: as `find` for each, but
        each step for all of them."""
        try:
            leaves = self._cached_leaves(root, keys)
        except KeyError:
            return self._find_rows_uncached(root, keys)
        if leaves and type(keys[0]) is int and type(leaves[0].keys[0]) is int:  # the first guess, as in `find`
            return [
                leaf.rows[place] if (known := leaf.keys)[place := (key - known[0]) % len(known)] == key else
                row_under(leaf, key) for leaf, key in zip(leaves, keys)
            ]
        return list(map(row_under, leaves, keys))

    def _cached_leaves(self, root: Root, keys: Sequence[Key]) -> list[Leaf]:
        """The leaf that may hold each key. Raises KeyError if a page is not cached."""
        cache = self.cache
        top = root.relations[self.relation]
        page = cache[top.id]
        page.hot = True
        if not top.level:
            return [page] * len(keys)
        separators, ids = page.keys, page.ids
        pages = [cache[ids[bisect_right(separators, key)]] for key in keys]
        for _ in range(top.level - 1):
            for page in set(pages):
                page.hot = True
            pages = [cache[page.ids[bisect_right(page.keys, key)]] for page, key in zip(pages, keys)]
        for page in pages:
            page.hot = True
        return pages

    # -- where a page is not cached: a leaf is not decoded for little of it, unless it is to be cached --------

    def _leaf_of(self, root: Root, key: Key) -> Pointer | None:
        """The leaf that holds `key`, which is unique; None if the tree is empty."""
        top = root.relations.get(self.relation)
        if top is None or top.level < 0:
            return None
        pointer = top.pointer
        for level in range(top.level, 0, -1):
            node = self._node(root, pointer, level)
            pointer = node.children[bisect_right(node.keys, key)]
        return pointer

    def _parts(self, root: Root, pointer: Pointer, entries: int = 1) -> Parts | Leaf:
        """A leaf of which little is wanted: at most so many entries, or what lies between two."""
        leaf: Leaf | None = self._get(page_id(pointer))
        if leaf is not None:
            leaf.hot = True
            return leaf
        return self.base.load_parts(root, self.relation, self.layout, self.cache, pointer, entries)

    def _asked(self, pointer: Any, verb: Callable[..., Any], *args: Any) -> Any:
        """What a part of a leaf says; an error names the page."""
        try:
            return verb(*args)
        except DatabaseCorrupt as error:
            raise self.base.pages.damaged(pointer, LEAF, self.relation, error.message) from error

    def _find_uncached(self, root: Root, key: Key) -> tuple[Ref, Row] | None:
        pointer = self._leaf_of(root, key)
        if pointer is None:
            return None
        found: tuple[Ref, Row] | None = self._asked(pointer, self._parts(root, pointer).find, key)
        return found

    def _find_rows_uncached(self, root: Root, keys: Sequence[Key]) -> list[Row | None]:
        found: list[Row | None] = []
        opened: dict[Pointer, Parts | Leaf] = {}  # leaves that have been looked into
        for key in keys:
            pointer = self._leaf_of(root, key)
            if pointer is None:
                found.append(None)
                continue
            leaf = opened.get(pointer)
            if leaf is None:
                leaf = opened[pointer] = self._parts(root, pointer, len(keys))
            hit = self._asked(pointer, leaf.find, key)
            found.append(None if hit is None else hit[1])
        return found

    def _within_uncached(self, root: Root, low: Cut, high: Cut) -> tuple[Leaf, int, int] | None:
        top = root.relations.get(self.relation)
        if top is None or top.level < 0:
            return None
        pointer, fence, key = top.pointer, (), low[0]
        try:
            for level in range(top.level, 0, -1):
                node = self._node(root, pointer, level)
                place = _place_right(node, key, None)
                fence = node.keys[place : place + 1] or fence
                pointer = node.children[place]
            if fence and (fence[0] < high[0] or (high[1] and fence[0] == high[0])):
                return None
            keys, refs, rows = self._asked(pointer, self._parts(root, pointer).between, low, high)
        except StaleRoot:
            return None
        start = bisect_right(keys, key) if low[1] else bisect_left(keys, key)
        return Leaf(keys, refs, rows, 0), start, bisect_right(keys, high[0]) if high[1] else bisect_left(keys, high[0])

    def within(self, root: Root, low: Cut, high: Cut) -> tuple[Leaf, int, int] | None:
        """The leaf that holds all entries between two cuts, and where they begin and end in it. None if they are in
        several leaves."""
        cache, key = self.cache, low[0]
        fence: Any = None
        fenced = False
        try:
            top = root.relations[self.relation]
            page = cache[top.id]
            page.hot = True
            level = top.level
            while level:
                level -= 1
                separators = page.keys
                place = bisect_right(separators, key) if page.refs is None else _place_right(page, key, None)
                if place < len(separators):
                    fence, fenced = separators[place], True
                page = cache[page.ids[place]]
                page.hot = True
        except KeyError:
            return self._within_uncached(root, low, high)
        keys = page.keys
        start = bisect_right(keys, key) if low[1] else bisect_left(keys, key)
        stop = bisect_right(keys, high[0]) if high[1] else bisect_left(keys, high[0])
        if stop == len(keys) and fenced and (fence < high[0] or (high[1] and fence == high[0])):
            return None
        return page, start, stop

    def seek(self, root: Root, key: Key = None, ref: Ref = None) -> Found:
        """The leaf with the first entry >= (key, ref), and the fence where the next leaf begins (None: the last leaf).

        (None, None) if there is no such entry.
        """
        leaf, fence = self._descend(root, key, ref)
        while fence is not None and _ends_before(leaf, key, ref):
            leaf, fence = self._descend(root, *fence)
        return NOTHING if leaf is None or _ends_before(leaf, key, ref) else (leaf, fence)

    def _descend(self, root: Root, key: Key, ref: Ref) -> Found:
        """The leaf whose range holds (key, ref), and its high fence."""
        top = root.relations.get(self.relation)
        if top is None or top.level < 0:
            return NOTHING
        get = self._get
        level = top.level
        page = get(top.id)
        if page is None:
            page = self._load(root, top.pointer, level)
        else:
            page.hot = True
        fence: Fence | None = None
        while level:
            level -= 1
            place = 0 if key is None else _place_right(page, key, ref)
            if place < len(page.keys):
                fence = page.keys[place], page.refs[place] if page.refs else None
            child = get(page.ids[place])
            if child is None:
                child = self._load(root, page.children[place], level)
            else:
                child.hot = True
            page = child
        return page, fence

    def seek_before(self, root: Root, key: Key = None, ref: Ref = None) -> Found:
        """The leaf with the last entry < (key, ref) (key None: the very last), and the fence where this leaf begins.

        The fence is None for the first leaf; the leaf before it is found with `seek_before(root, *fence)`.
        """
        leaf, fence = self._descend_before(root, key, ref)
        while fence is not None and _begins_at_or_after(leaf, key, ref):
            leaf, fence = self._descend_before(root, *fence)
        return NOTHING if leaf is None or _begins_at_or_after(leaf, key, ref) else (leaf, fence)

    def _descend_before(self, root: Root, key: Key, ref: Ref) -> Found:
        """The leaf whose range holds what stands just before (key, ref), and its low fence."""
        top = root.relations.get(self.relation)
        if top is None or top.level < 0:
            return NOTHING
        get = self._get
        level = top.level
        page = get(top.id)
        if page is None:
            page = self._load(root, top.pointer, level)
        else:
            page.hot = True
        fence: Fence | None = None
        while level:
            level -= 1
            place = len(page.keys) if key is None else _place_left(page, key, ref)
            if place:
                fence = page.keys[place - 1], page.refs[place - 1] if page.refs else None
            child = get(page.ids[place])
            if child is None:
                child = self._load(root, page.children[place], level)
            else:
                child.hot = True
            page = child
        return page, fence

    def walk(self, root: Root) -> Iterator[Leaf]:
        """Every leaf, in order. The caller sees to it that `root` stays (StaleRoot otherwise)."""
        fence: Fence | None = (None, None)
        while fence is not None:
            leaf, fence = self.seek(root, *fence)
            if leaf is None:
                return
            yield leaf

    # -- counts and estimates ---------------------------------------------------------------------------------

    def top(self, root: Root) -> RelationRoot | None:
        return root.relations.get(self.relation)

    def entries(self, root: Root) -> int:
        """How many entries there are: exact."""
        top = self.top(root)
        return top.entries if top is not None else 0

    def pages(self, root: Root) -> int:
        top = self.top(root)
        return top.pages if top is not None else 0

    def height(self, root: Root) -> int:
        """Pages from the top to a leaf; 0 for an empty tree."""
        top = self.top(root)
        return top.level + 1 if top is not None else 0

    def count_between(self, root: Root, low: Key = None, high: Key = None) -> int:
        """About how many entries have low <= key < high (None: unbounded).

        Reads inner nodes only, unless both ends lie in one leaf; exact in that case.
        """
        if not self.entries(root):
            return 0
        below_low, first = (0.0, None) if low is None else self._rank(root, low)
        below_high, last = (float(self.entries(root)), None) if high is None else self._rank(root, high)
        if first is not None and first == last:
            keys = self._node(root, first, 0).keys
            return max(0, bisect_left(keys, high) - bisect_left(keys, low))
        return max(0, round(below_high - below_low))

    def _rank(self, root: Root, key: Key) -> tuple[float, Pointer]:
        """(about how many entries are below `key`, the leaf where it would stand)."""
        top = root.relations[self.relation]
        rank, pointer, count = 0.0, top.pointer, top.entries
        for level in range(top.level, 0, -1):
            node = self._node(root, pointer, level)
            place = _place_right(node, key, None)
            rank += sum(node.counts[:place])
            pointer, count = node.children[place], node.counts[place]
        leaf: Leaf | None = self._get(page_id(pointer))
        return rank + (count / 2 if leaf is None else bisect_left(leaf.keys, key)), pointer

    def _node(self, root: Root, pointer: Pointer, level: int) -> Any:
        """A page, from the cache or the file."""
        page = self._get(page_id(pointer))
        if page is None:
            return self._load(root, pointer, level)
        page.hot = True
        return page

    def leaves(self, root: Root) -> Iterator[tuple[Pointer, Fence | None, Fence | None, int]]:
        """(pointer, low fence, high fence, entries) of every leaf; reads inner nodes only."""
        top = self.top(root)
        if top is not None and top.level >= 0:
            yield from self._leaves(root, top.pointer, top.level, None, None, top.entries)

    def _leaves(
        self, root: Root, pointer: Pointer, level: int, low: Fence | None, high: Fence | None, count: int
    ) -> Iterator[tuple[Pointer, Fence | None, Fence | None, int]]:
        if not level:
            yield pointer, low, high, count
            return
        node = self._node(root, pointer, level)
        fences = [low, *zip(node.keys, node.refs or [None] * len(node.keys)), high]
        for place, child in enumerate(node.children):
            yield from self._leaves(root, child, level - 1, fences[place], fences[place + 1], node.counts[place])

    def read_leaf(self, root: Root, pointer: Pointer) -> Leaf:
        """A leaf that `leaves` named. Does not fill the cache."""
        self.base.pin(root)
        try:
            return self._peek(pointer)
        finally:
            self.base.unpin(root)

    def sample(self, root: Root, leaves: int) -> list[Leaf]:
        """Up to `leaves` leaves, evenly spread over the tree: what ANALYZE looks at. Does not fill the cache."""
        top = self.top(root)
        if top is None or top.level < 0 or leaves < 1:
            return []
        step = max(1, top.entries // leaves)
        pointers = dict.fromkeys(self._leaf_at(root, top, rank) for rank in range(step // 2, top.entries, step))
        return [self.read_leaf(root, pointer) for pointer in list(pointers)[:leaves]]

    def _leaf_at(self, root: Root, top: RelationRoot, rank: int) -> Pointer:
        """The leaf that holds the entry number `rank`."""
        pointer = top.pointer
        for level in range(top.level, 0, -1):
            node = self._node(root, pointer, level)
            place = 0
            while rank >= node.counts[place]:
                rank -= node.counts[place]
                place += 1
            pointer = node.children[place]
        return pointer

    def _peek(self, pointer: Pointer) -> Leaf:
        leaf: Leaf | None = self._get(page_id(pointer))
        return read_leaf(self.base.pages, self.relation, self.layout, pointer) if leaf is None else leaf

    # -- checking -------------------------------------------------------------------------------------------

    def check(self, root: Root) -> None:
        """Reads every page from the file and verifies invariants 1 to 4; raises DatabaseCorrupt."""
        top = self.top(root)
        if top is None:
            return
        self.base.pin(root)
        try:
            audit_tree(self.base.pages, self.relation, self.layout, top)
        finally:
            self.base.unpin(root)


class ResidentTree(Tree):
    """A tree whose searches never read the file: they raise PageMiss instead. For use under the latch (R69).

    On a PageMiss: release the latch, `tree.fetch(root, miss)`, take the latch and the present root, search again.
    """

    __slots__ = ()

    def _load(self, root: Root, pointer: Pointer, level: int) -> Any:
        raise PageMiss(pointer, level)

    def _parts(self, root: Root, pointer: Pointer, entries: int = 1) -> Leaf:
        leaf: Leaf | None = self._get(page_id(pointer))
        if leaf is None:
            raise PageMiss(pointer, 0)
        return leaf


# -- places in a page -------------------------------------------------------------------------------------


def row_under(leaf: Leaf, key: Key) -> Row | None:
    """The row of a key that is unique; None if the leaf has none."""
    hit = leaf.find(key)
    return None if hit is None else hit[1]


def _place_right(node: Inner, key: Key, ref: Ref) -> int:
    """How many separators of `node` are <= (key, ref)."""
    keys, refs = node.keys, node.refs
    stop = bisect_right(keys, key)
    if refs is None or not stop or keys[stop - 1] != key:
        return stop
    place = bisect_left(keys, key, 0, stop)
    if refs[place] is None:
        place += 1
    return place if ref is None else bisect_right(refs, ref, place, stop)


def _place_left(node: Inner, key: Key, ref: Ref) -> int:
    """How many separators of `node` are < (key, ref)."""
    keys, refs = node.keys, node.refs
    place = bisect_left(keys, key)
    if ref is None or place == len(keys) or keys[place] != key:
        return place
    if refs is None:
        return place + 1
    stop = bisect_right(keys, key, place)
    if refs[place] is None:
        place += 1
    return bisect_left(refs, ref, place, stop)


def _ends_before(leaf: Leaf | None, key: Key, ref: Ref) -> bool:
    """Whether all entries of `leaf` are < (key, ref)."""
    if leaf is None or key is None:
        return False
    last = leaf.keys[-1]
    if last < key:
        return True
    return ref is not None and last == key and bool(leaf.refs[-1] < ref)


def _begins_at_or_after(leaf: Leaf | None, key: Key, ref: Ref) -> bool:
    """Whether all entries of `leaf` are >= (key, ref)."""
    if leaf is None or key is None:
        return False
    first = leaf.keys[0]
    if first < key:
        return False
    return ref is None or first != key or bool(leaf.refs[0] >= ref)
