"""B+trees against a dict, with nodes so small that every step splits and merges something."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from base_tools import (
    CLUSTERED,
    INTS,
    PATH,
    TREE,
    Opened,
    PartLayout,
    backwards,
    check,
    fold,
    forwards,
    make_base,
    open_base,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from minidb.errors import DatabaseCorrupt
from minidb.keys import HIGHEST, LOWEST, NAN_LAST, NULL_FIRST, NULL_LAST, Descending, Key
from minidb.storage.btree import Tree
from minidb.storage.file import MemoryFileSystem
from minidb.storage.page_file import LEAF
from minidb.storage.pages import ENOUGH, SEVERAL, PageMiss, encode_inner
from minidb.storage.roots import Root, StaleRoot

KEYS = [f"k{number:02}" for number in range(30)]
REFS = range(8)
entries = st.tuples(st.sampled_from(KEYS), st.sampled_from(REFS))
rows = st.one_of(st.none(), st.tuples(st.integers(0, 9)), st.tuples(st.sampled_from(["", "x" * 30, "y" * 200])))


class TreeMachine(RuleBasedStateMachine):
    """Folds, abandoned folds, pinned roots and reopenings; after each step every page and every block is checked."""

    pinned = Bundle("pinned")

    @initialize(pool=st.sampled_from([0, 3_000, 1 << 20]), fanout=st.integers(3, 5))
    def begin(self, pool: int, fanout: int) -> None:
        self.files = MemoryFileSystem()
        self.sizes = {"pool": pool, "fanout": fanout}
        self.base = make_base(self.files, **self.sizes)
        self.tree = Tree(self.base, 1, TREE)
        self.model: dict[tuple[str, int], Any] = {}

    def apply(self, changes: dict[tuple[str, int], Any]) -> None:
        fold(self.base, [(*entry, changes[entry]) for entry in sorted(changes)])
        self.model = {entry: row for entry, row in (self.model | changes).items() if row is not None}

    @rule(changes=st.dictionaries(entries, rows, min_size=1, max_size=12))
    def change(self, changes: dict[tuple[str, int], Any]) -> None:
        self.apply(changes)

    @rule(low=entries, count=st.integers(1, 60), row=rows)
    def change_range(self, low: tuple[str, int], count: int, row: Any) -> None:
        everything = [(key, ref) for key in KEYS for ref in REFS]
        start = everything.index(low)
        self.apply(dict.fromkeys(everything[start : start + count], row))

    @rule(keep=st.integers(0, 5))
    def thin_out(self, keep: int) -> None:
        self.apply({entry: None for place, entry in enumerate(sorted(self.model)) if place % 6 >= keep})

    @rule(changes=st.dictionaries(entries, rows, min_size=1, max_size=12))
    def abandon(self, changes: dict[tuple[str, int], Any]) -> None:
        writer = self.base.begin()
        writer.fold_tree(1, TREE, [(*entry, changes[entry]) for entry in sorted(changes)])
        writer.fold_tree(2, TREE, [("a", 1, ())])
        writer.abandon()

    @rule(target=pinned)
    def pin(self) -> tuple[Tree, Root, dict[tuple[str, int], Any]]:
        return self.tree, self.base.pin(), dict(self.model)

    @rule(pin=pinned)
    def read_pinned(self, pin: tuple[Tree, Root, dict[tuple[str, int], Any]]) -> None:
        tree, root, model = pin
        if root.pins and tree is self.tree:
            assert {(key, ref): row for key, ref, row in forwards(tree, root)} == model

    @rule(pin=pinned)
    def unpin(self, pin: tuple[Tree, Root, dict[tuple[str, int], Any]]) -> None:
        if pin[1].pins:
            self.base.unpin(pin[1])

    @rule()
    def reopen(self) -> None:
        self.base.close()
        self.base = open_base(self.files, **self.sizes)
        self.tree = Tree(self.base, 1, TREE)

    @rule(entry=entries, with_ref=st.booleans())
    def seek(self, entry: tuple[str, int], with_ref: bool) -> None:
        key, ref = entry if with_ref else (entry[0], None)
        present = sorted(self.model)
        place = bisect_left(present, entry if with_ref else (key, -1))
        leaf, _ = self.tree.seek(self.base.root, key, ref)
        assert (leaf is None) == (place == len(present))
        assert leaf is None or present[place] in zip(leaf.keys, leaf.refs)
        leaf, _ = self.tree.seek_before(self.base.root, key, ref)
        assert (leaf is None) == (place == 0)
        assert leaf is None or present[place - 1] in zip(leaf.keys, leaf.refs)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        check(self.base, self.tree)
        found = forwards(self.tree, self.base.root)
        assert found == [(*entry, self.model[entry]) for entry in sorted(self.model)]
        assert backwards(self.tree, self.base.root) == found[::-1]
        assert self.tree.entries(self.base.root) == len(self.model)


TestTreeMachine = TreeMachine.TestCase
TestTreeMachine.settings = settings(max_examples=60, stateful_step_count=20, deadline=None, derandomize=True)


# -- search -----------------------------------------------------------------------------------------------


def tree_of(changes: list[Any], *, layout: Any = TREE, **sizes: Any) -> tuple[Tree, Root]:
    base = make_base(**sizes)
    root = fold(base, changes, layout=layout)
    tree = Tree(base, 1, layout)
    check(base, tree)
    return tree, root


def test_a_tree_that_is_absent_or_empty() -> None:
    base = make_base()
    tree = Tree(base, 1, TREE)
    for _ in range(2):
        root = base.root
        assert tree.find(root, 1) is None
        assert tree.seek(root) == tree.seek_before(root) == tree.seek(root, 1, 1) == (None, None)
        assert tree.entries(root) == tree.pages(root) == tree.height(root) == tree.count_between(root) == 0
        assert tree.sample(root, 3) == [] and list(tree.leaves(root)) == []
        tree.check(root)
        fold(base, [(1, 1, ("x",))])
        fold(base, [(1, 1, None)])
        assert base.root.relations[1].level == -1


def test_every_boundary_of_duplicates_across_leaves() -> None:
    present = [(key, ref) for key in (1, 3, 5) for ref in range(0, 40, 2)]
    tree, root = tree_of([(key, ref, (key, ref)) for key, ref in present])
    assert sum(1 for _ in tree.leaves(root)) > 6 and tree.height(root) > 2
    probes = [(key, ref) for key in range(7) for ref in [None, *range(-1, 41)]]
    for key, ref in probes:
        place = bisect_left(present, (key, -9 if ref is None else ref))
        found = forwards(tree, root, key, ref)
        assert [entry[:2] for entry in found][-len(present[place:]) or len(found) :] == present[place:]
        assert bool(found) == (place < len(present))
        found = backwards(tree, root, key, ref)
        assert [entry[:2] for entry in found][::-1][: len(present[:place])] == present[:place]
        assert bool(found) == (place > 0)


def test_seek_never_ends_in_a_leaf_without_an_answer() -> None:
    """Truncated separators leave gaps in which a search falls behind a leaf's last entry."""
    words = ["a", "abacus", "abb", "b", "bzzz", "c", "cab", "d"]
    tree, root = tree_of([(word, 1, ()) for word in words], leaf_bytes=20)
    for probe in [*words, "ab", "abaz", "bz", "caa", "cb", "", "zz"]:
        leaf, _ = tree.seek(root, probe)
        expected = next((word for word in words if word >= probe), None)
        assert (None if leaf is None else next(key for key in leaf.keys if key >= probe)) == expected
        leaf, _ = tree.seek_before(root, probe)
        expected = next((word for word in reversed(words) if word < probe), None)
        assert (None if leaf is None else next(key for key in reversed(leaf.keys) if key < probe)) == expected


MIXED: list[list[Key]] = [
    [LOWEST, NULL_FIRST, 1, Decimal("1.5"), 2.25, NAN_LAST, NULL_LAST, HIGHEST],
    [Descending(text) for text in ("zz", "z", "b", "a", "")],
    [(1, "a"), (1, "b"), (1, NULL_LAST), (2,), (2, "a"), (2, HIGHEST), (NULL_LAST, "a")],
    [("x", Descending("b"), 1), ("x", Descending("a"), 0), ("y", Descending("c"), 5)],
    [b"", b"\0", b"\0\0", b"\1", b"\xff\xff"],
    [date(2026, 1, day) for day in range(1, 20)],
    [(), (0,), (0, 0), (0, 1), (1,)],
]


@pytest.mark.parametrize("keys", MIXED, ids=lambda keys: repr(keys[0]))
def test_keys_of_every_kind(keys: list[Key]) -> None:
    tree, root = tree_of([(key, key, (place,)) for place, key in enumerate(keys)], layout=CLUSTERED, leaf_bytes=1)
    assert tree.pages(root) > len(keys)
    for place, key in enumerate(keys):
        assert tree.find(root, key) == (key, (place,))
        assert [entry[2][0] for entry in forwards(tree, root, key)] == list(range(place, len(keys)))
        assert [entry[2][0] for entry in backwards(tree, root, key)] == list(range(place))[::-1]


def test_prefix_ranges_of_composite_keys() -> None:
    tree, root = tree_of([((a, b), 1, ()) for a in range(10) for b in range(10)])
    leaf, _ = tree.seek(root, (4,))
    assert leaf is not None and (4, 0) in leaf.keys
    leaf, _ = tree.seek(root, (4, HIGHEST))
    assert leaf is not None and (5, 0) in leaf.keys
    assert abs(tree.count_between(root, (4,), (4, HIGHEST)) - 10) <= 4


def test_find_in_a_large_tree() -> None:
    tree, root = tree_of([(key, key, (key, "x")) for key in range(0, 2_000, 2)], layout=INTS, fanout=8)
    assert tree.height(root) >= 4
    for key in range(-1, 2_001):
        assert tree.find(root, key) == ((key, (key, "x")) if key % 2 == 0 and 0 <= key < 2_000 else None)


def test_many_rows_at_once() -> None:
    tree, root = tree_of([(key, key, (key, "x")) for key in range(0, 2_000, 2)], layout=INTS, fanout=8)
    for keys in ([], [5], list(range(-3, 2_003)), [1_998, 0, 7, 1_000, 1_000, -1], list(range(2_000, 0, -7))):
        expected = [(key, "x") if key % 2 == 0 and 0 <= key < 2_000 else None for key in keys]
        assert tree.find_rows(root, keys) == expected
    assert Tree(tree.base, 9, INTS).find_rows(root, [1, 2]) == [None, None]


def test_one_page_per_level_is_read() -> None:
    base = make_base(fanout=8)
    root = fold(base, [(key, key, (key, "x")) for key in range(500)], layout=INTS)
    base.pool.drop(base.cache_of(1, INTS))
    tree = Tree(base, 1, INTS)
    before = base.pool.misses
    for _ in range(3):
        tree.find(root, 250)
        tree.seek(root, 250)
    assert base.pool.misses - before == tree.height(root)


@pytest.mark.parametrize("search", ["find", "seek", "seek_before", "find_rows"])
def test_inner_nodes_stay_cached_under_pressure(search: str) -> None:
    base = make_base(block=4096, leaf_bytes=500, fanout=16, pool=130_000)
    root = fold(base, [(key, key, (key, "x")) for key in range(10_000)], layout=INTS)
    tree = Tree(base, 1, INTS)
    assert tree.height(root) == 3

    def look(key: int) -> None:
        getattr(tree, search)(root, [key] if search == "find_rows" else key)

    for key in range(0, 10_000, 7):
        look(key * 7_919 % 10_000)
    misses = base.pool.misses
    for key in range(1, 10_000, 7):
        look(key * 7_919 % 10_000)
    assert base.pool.misses - misses < 1.05 * 10_000 / 7  # a leaf each time, and next to no inner node


def uncached(layout: PartLayout, keys: Iterable[int] = range(0, 10_000, 2)) -> tuple[Tree, Root]:
    """A tree beside whose inner nodes there is room for a few leaves only."""
    base = make_base(block=4096, leaf_bytes=500, fanout=16, pool=200_000)
    root = fold(base, [(key, key, (key, "x")) for key in keys], layout=layout)
    return Tree(base, 1, layout), root


def test_leaves_are_read_in_parts_where_there_is_no_room() -> None:
    layout = PartLayout()
    tree, root = uncached(layout)
    for number in range(1_000):
        tree.find(root, number * 7_919 % 10_000)
    layout.opened = layout.decoded = 0
    for number in range(2_000):
        key = number * 7_919 % 10_001 - 1
        assert tree.find(root, key) == ((key, (key, "x")) if key % 2 == 0 and key >= 0 else None)
    assert layout.opened > 1_000 > 10 * layout.decoded
    keys = [number * 7_919 % 10_003 - 1 for number in range(3_000)]
    assert tree.find_rows(root, keys) == [(key, "x") if key % 2 == 0 and 0 <= key < 10_000 else None for key in keys]
    tree.base.pool.check([tree.cache])


def test_a_leaf_is_looked_into_once_before_it_is_decoded_while_there_is_room() -> None:
    layout = PartLayout()
    base = make_base(block=4096, leaf_bytes=500, fanout=16)
    root = fold(base, [(key, key, (key, "x")) for key in range(0, 10_000, 2)], layout=layout)
    tree = Tree(base, 1, layout)
    layout.opened = layout.decoded = 0
    for times in (1, 2, 3):
        assert tree.find(root, 5_000) == (5_000, (5_000, "x"))
        assert (layout.opened, layout.decoded) == (1, min(times - 1, 1))
    for keys in (range(0, 2 * SEVERAL - 2, 2), range(8_000, 8_000 + 2 * SEVERAL, 2)):
        assert tree.find_rows(root, list(keys)) == [(key, "x") for key in keys]
    assert (layout.opened, layout.decoded) == (2, 2), "several entries are worth a leaf"
    assert tree.seek(root, 4_000)[0] is not None
    assert (layout.opened, layout.decoded) == (2, 3), "who may want all of it gets it"


def test_a_leaf_that_is_asked_for_again_is_let_in() -> None:
    layout = PartLayout()
    tree, root = uncached(layout)
    for number in range(1_000):
        tree.find(root, number * 7_919 % 10_000)
    for _ in range(2 * ENOUGH + 1):  # the first leaf for which something has to go may be what goes
        tree.find(root, 5_000)
    layout.opened = layout.decoded = 0
    for key in (5_000, 5_002):
        assert tree.find(root, key) == (key, (key, "x"))
    assert layout.opened == layout.decoded == 0


def test_within_a_leaf_that_is_not_cached() -> None:
    tree, root = uncached(PartLayout())
    rows = [(key, key, (key, "x")) for key in range(0, 10_000, 2)]
    whole, same = tree_of(rows, layout=INTS, leaf_bytes=500, block=4096)
    answers = 0
    for number in range(2_000):
        low = (number * 7_919 % 10_010 - 5, number % 2)
        high = (low[0] + number % 23, number // 2 % 2)
        found, wanted = tree.within(root, low, high), whole.within(same, low, high)
        if found is None or wanted is None:
            continue
        answers += 1
        (leaf, start, stop), (other, first, last) = found, wanted
        assert (leaf.keys[start:stop], leaf.rows[start:stop]) == (other.keys[first:last], other.rows[first:last])
        assert leaf.refs[start:stop] == other.refs[first:last]
    assert answers > 1_000
    assert tree.within(root, (0, 0), (9_999, 1)) is None, "several leaves"
    assert Tree(tree.base, 9, INTS).within(root, (1, 0), (2, 0)) is None


def test_a_root_that_is_gone_is_told() -> None:
    tree, root = uncached(PartLayout())
    for number in range(1_000):
        tree.find(root, number * 7_919 % 10_000)
    for value in ("y", "z"):
        fold(tree.base, [(key, key, (key, value)) for key in range(0, 10_000, 2)], layout=tree.layout)
    tree.base.reclaim()
    assert root.dead
    with pytest.raises(StaleRoot):
        for key in range(0, 10_000, 2):
            tree.find(root, key)
    with pytest.raises(StaleRoot):
        tree.find_rows(root, list(range(0, 10_000, 2)))
    assert tree.within(root, (77, 0), (78, 1)) is None


def test_damage_in_a_part_names_the_page() -> None:
    class Damaged(PartLayout):
        def parts(self, data: bytes) -> Any:
            class Broken(Opened):
                def find(self, key: Any) -> Any:
                    raise DatabaseCorrupt("it is broken")

            return Broken([], [], [])

    tree, root = uncached(Damaged())
    with pytest.raises(DatabaseCorrupt, match=r"damaged page at block \d+ \(leaf of relation 1\): it is broken"):
        for key in range(0, 10_000, 2):
            tree.find(root, key)


def test_resident_trees_do_not_read() -> None:
    base = make_base()
    root = fold(base, [(key, 1, ("x" * 9,)) for key in range(100)])
    base.pool.drop(base.cache_of(1, TREE))
    tree = Tree(base, 1, TREE)
    resident = tree.resident()
    misses = 0
    while True:
        try:
            leaf, _ = resident.seek(root, 50)
            break
        except PageMiss as miss:
            misses += 1
            tree.fetch(root, miss)
    assert leaf is not None and 50 in leaf.keys and misses == tree.height(root)
    assert resident.find(root, 50) == (1, ("x" * 9,))
    with pytest.raises(PageMiss):
        resident.seek_before(root)


def test_counts() -> None:
    tree, root = tree_of([(key, key, (key, "x")) for key in range(1_000)], layout=INTS)
    assert tree.entries(root) == tree.count_between(root) == 1_000
    assert sum(count for *_, count in tree.leaves(root)) == 1_000
    for low, high in [(0, 1_000), (100, 900), (333, 334), (5, 5), (7, 3), (None, 500), (500, None), (990, 2_000)]:
        inside = len(range(max(0, low or 0), min(1_000, 1_000 if high is None else high)))
        assert abs(tree.count_between(root, low, high) - inside) <= 12
    leaf, _ = tree.seek(root, 500)
    tree.base.pool.drop(tree.cache)
    assert leaf is not None and tree.count_between(root, leaf.keys[1], leaf.keys[3]) == 2
    sample = tree.sample(root, 10)
    assert len(sample) == 10 and sample[0].keys[0] < 100 and sample[-1].keys[-1] > 900
    assert len(tree.sample(root, 10_000)) == sum(1 for _ in tree.leaves(root))


def test_estimates_read_no_leaves() -> None:
    base = make_base(pool=0)
    root = fold(base, [(key, key, (key, "x")) for key in range(1_000)], layout=INTS)
    tree = Tree(base, 1, INTS)
    assert abs(tree.count_between(root, 100, 900) - 800) <= 12
    assert base.pool.misses == 2 * (tree.height(root) - 1)


# -- the fold ---------------------------------------------------------------------------------------------


def test_untouched_pages_are_neither_read_nor_written() -> None:
    base = make_base(fanout=16)
    fold(base, [(key, key, (key, "x")) for key in range(0, 4_000, 2)], layout=INTS)
    tree = Tree(base, 1, INTS)
    before = {pointer for pointer, *_ in tree.leaves(base.root)}
    read: list[int] = []
    original = base.pages.read
    base.pages = type("Counting", (type(base.pages),), {"read": lambda self, *a: read.append(a[0][0]) or original(*a)})(
        base.pages.file, base.pages.block
    )
    base.pool.drop(base.cache_of(1, INTS))
    fold(base, [(1_001, 1_001, (1_001, "new"))], layout=INTS)
    height = tree.height(base.root)
    assert len(read) == height
    after = {pointer for pointer, *_ in tree.leaves(base.root)}
    assert len(before - after) == 1 and len(after - before) <= 2


def test_the_fold_streams() -> None:
    """Memory is bounded: changes are asked for a slice at a time, and pages leave in between."""
    base = make_base(block=4096, leaf_bytes=1_000)
    written: list[int] = []  # 100 for each leaf: a little less than it holds
    most = 0

    def changes() -> Any:
        nonlocal most
        for key in range(20_000):
            most = max(most, key - sum(written))
            yield key, key, (key, "x")

    writer = base.begin(on_slice=lambda: written.append(100))
    writer.fold_tree(1, INTS, changes(), clustered=True)
    writer.abandon()
    assert len(written) > 100 and most < 4_000


def test_inner_nodes_leave_on_the_way() -> None:
    base = make_base()
    kinds: list[bytes] = []
    writer = base.begin()
    write_page = writer.write_page

    def noting(kind: bytes, relation: int, payload: bytes) -> Any:
        kinds.append(kind)
        return write_page(kind, relation, payload)

    writer.write_page = noting  # type: ignore[method-assign]
    writer.fold_tree(1, INTS, [(key, key, (key, "x")) for key in range(2_000)], clustered=True)
    assert max(map(len, b"".join(kinds).split(b"I"))) <= 3 * 4


def test_the_height_follows_deletions() -> None:
    base = make_base()
    tree = Tree(base, 1, INTS)
    for kept in (1_999, 1_000, 0):
        fold(base, [(key, key, (key, "x")) for key in range(2_000)], layout=INTS)
        assert tree.height(base.root) > 3
        for start in (0, 500, 1_000, 1_500):
            doomed = [key for key in range(start, start + 500) if key != kept]
            fold(base, [(key, key, None) for key in doomed], layout=INTS)
            check(base, tree)
        assert tree.height(base.root) == tree.pages(base.root) == 1


def test_the_fold_does_not_lag_behind_deletions() -> None:
    """A page that overflows flows on through pages that only lose entries; what is pending stays bounded."""
    base = make_base(block=4096, leaf_bytes=1_000, fanout=64)
    fold(base, [(key, key, (key, "x")) for key in range(0, 50_000, 2)], layout=INTS)
    lows = [fence[0] for _, fence, _, _ in Tree(base, 1, INTS).leaves(base.root) if fence is not None]
    written: list[int] = []

    def changes() -> Any:
        for key in range(1, 60, 2):
            yield key, key, (key, "x")
        for place, low in enumerate(lows):
            assert len(written) > 0.95 * place - 4
            yield low, low, None

    base.begin(on_slice=lambda: written.append(1)).fold_tree(1, INTS, changes(), clustered=True)


def test_ascending_inserts_fill_pages() -> None:
    base = make_base(block=4096, leaf_bytes=1_000, fanout=64)
    for start in range(0, 3_000, 50):
        fold(base, [(key, key, (key, "x")) for key in range(start, start + 50)], layout=INTS)
    tree = Tree(base, 1, INTS)
    sizes = [pointer[1] for pointer, *_ in tree.leaves(base.root)]
    assert min(sizes[:-1]) > 800


def test_scattered_inserts_keep_pages_half_full_and_deletes_merge_them() -> None:
    base = make_base(block=1024, leaf_bytes=900, fanout=16)
    tree = Tree(base, 1, INTS)
    for step in range(60):
        fold(base, [(key, key, (key, "x")) for key in range(step * 37 % 60, 6_000, 60 * 9)], layout=INTS)
    check(base, tree)
    while tree.entries(base.root) > 20:
        keys = [key for key, _, _ in forwards(tree, base.root)]
        fold(base, [(key, key, None) for key in keys[::2]], layout=INTS)
        check(base, tree)
        sizes = [pointer[1] for pointer, *_ in tree.leaves(base.root)]
        assert sum(sizes) / len(sizes) > 300 or len(sizes) == 1
    assert tree.height(base.root) == 1


def inner_nodes(tree: Tree, root: Root) -> list[Any]:
    """All inner nodes, level by level, with the last of each level left out."""
    top = tree.top(root)
    assert top is not None
    level, found = [top.pointer], []
    for height in range(top.level, 0, -1):
        nodes = [tree.base.read(tree.relation, tree.layout, pointer, height) for pointer in level]
        found += nodes[:-1]
        level = [child for node in nodes for child in node.children]  # type: ignore[union-attr]
    return found


def test_a_page_that_has_become_small_joins_its_neighbour() -> None:
    base = make_base(block=1024, leaf_bytes=900, fanout=9)
    tree = Tree(base, 1, INTS)
    fold(base, [(key, key, (key, "x")) for key in range(20_000)], layout=INTS)
    for start in range(0, 19_000, 390):
        doomed = [key for key in range(start, start + 380) if key % 100]
        fold(base, [(key, key, None) for key in doomed], layout=INTS)
        check(base, tree)
        sizes = [pointer[1] for pointer, *_ in tree.leaves(base.root)]
        assert min(sizes[:-1]) > 900 / 4
        assert min([len(node) for node in inner_nodes(tree, base.root)], default=3) >= 3


def test_rows_larger_than_a_page() -> None:
    base = make_base()
    big = "x" * 5_000
    fold(base, [(key, 1, (big if key % 7 == 0 else "",)) for key in range(50)])
    tree = Tree(base, 1, TREE)
    check(base, tree)
    assert [row for _, _, row in forwards(tree, base.root)] == [(big if key % 7 == 0 else "",) for key in range(50)]
    fold(base, [(key, 1, ("",)) for key in range(50)])
    check(base, tree)


def test_growing_rows_split_their_page() -> None:
    base = make_base(block=4096, leaf_bytes=1_000, fanout=16)
    fold(base, [(key, key, (key, "x")) for key in range(400)], layout=INTS)
    fold(base, [(key, key, (key, "y" * 900)) for key in range(100, 300)], layout=INTS)
    tree = Tree(base, 1, INTS)
    check(base, tree)
    assert all(pointer[1] <= 1_000 for pointer, *_ in tree.leaves(base.root))


def test_long_keys_do_not_make_long_inner_nodes() -> None:
    base = make_base(block=4096, leaf_bytes=2_000, fanout=64)
    fold(base, [("same" * 200 + f"{key:05}", 1, ()) for key in range(300)])
    tree = Tree(base, 1, TREE)
    check(base, tree)
    assert tree.height(base.root) >= 4


def test_a_replaced_key_is_kept_as_it_is_written_now() -> None:
    base = make_base()
    fold(base, [(Decimal("1.0"), Decimal("1.0"), ("a",))], layout=CLUSTERED)
    fold(base, [(Decimal("1.00"), Decimal("1.00"), ("b",))], layout=CLUSTERED)
    assert str(forwards(Tree(base, 1, CLUSTERED), base.root)) == "[(Decimal('1.00'), Decimal('1.00'), ('b',))]"


def test_deleting_what_is_not_there_changes_nothing() -> None:
    base = make_base()
    fold(base, [(key, 1, ()) for key in range(20)])
    fold(base, [(key, ref, None) for key in range(-3, 25) for ref in (0, 2)])
    assert len(forwards(Tree(base, 1, TREE), base.root)) == 20


@pytest.mark.parametrize("changes", [[(2, 1, ()), (1, 1, ())], [(1, 1, ()), (1, 1, ())], [(1, 2, ()), (1, 1, None)]])
def test_changes_out_of_order_are_refused(changes: list[Any]) -> None:
    for present in ([], [(0, 0, ()), (9, 9, ())]):
        base = make_base()
        fold(base, present)
        writer = base.begin()
        with pytest.raises(AssertionError, match="not in order"):
            writer.fold_tree(1, TREE, changes)
        base.begin().abandon()  # the first writer has given up by itself
        check(base, Tree(base, 1, TREE))


def test_folded_pages_stay_cached_if_they_were() -> None:
    base = make_base(block=4096, leaf_bytes=1_000, fanout=64)
    fold(base, [(key, key, (key, "x")) for key in range(1_000)], layout=INTS)
    tree = Tree(base, 1, INTS)
    tree.find(base.root, 500)
    fold(base, [(key, key, (key, "y")) for key in range(0, 1_000, 100)], layout=INTS)
    misses = base.pool.misses
    assert tree.find(base.root, 500) == (500, (500, "y"))
    assert base.pool.misses == misses
    tree.find(base.root, 100)
    assert base.pool.misses == misses + 1


def test_a_load_behind_a_cached_page_does_not_fill_the_cache() -> None:
    base = make_base(block=4096, leaf_bytes=1_000, fanout=64)
    fold(base, [(key, key, (key, "x")) for key in range(10)], layout=INTS)
    tree = Tree(base, 1, INTS)
    tree.find(base.root, 5)
    fold(base, [(key, key, (key, "x")) for key in range(10, 20_000)], layout=INTS)
    leaves = [page for page in tree.cache.values() if hasattr(page, "rows")]
    assert tree.pages(base.root) > 200 and len(leaves) <= 4


def test_a_cached_page_stays_cached_where_another_flows_into_it() -> None:
    base = make_base(block=4096, leaf_bytes=1_000, fanout=64)
    fold(base, [(key, key, (key, "x")) for key in range(0, 4_000, 2)], layout=INTS)
    tree = Tree(base, 1, INTS)
    lows = [fence[0] for _, fence, _, _ in tree.leaves(base.root) if fence is not None]
    tree.find(base.root, lows[3])  # the leaf before it is not cached
    grown = [(key, key, (key, "new")) for key in range(lows[2], lows[2] + 80)]
    fold(base, [*grown, (lows[3], lows[3], (lows[3], "new"))], layout=INTS)
    misses = base.pool.misses
    assert tree.find(base.root, lows[3]) == (lows[3], (lows[3], "new"))
    assert base.pool.misses == misses


# -- roots and damage -------------------------------------------------------------------------------------


def test_an_old_root_is_stale_once_its_pages_may_be_gone() -> None:
    base = make_base(pool=0)
    old = fold(base, [(key, 1, ("a",)) for key in range(50)])
    tree = Tree(base, 1, TREE)
    for text in "bcd":
        fold(base, [(key, 1, (text,)) for key in range(50)])
    base.reclaim()
    with pytest.raises(StaleRoot):
        tree.find(old, 7)
    with pytest.raises(StaleRoot):
        base.pin(old)
    assert tree.find(base.root, 7) == (1, ("d",))


def test_a_pinned_root_stays_as_it_is() -> None:
    base = make_base(pool=0)
    fold(base, [(key, 1, ("a",)) for key in range(50)])
    old = base.pin()
    for text in "bcdefg":
        fold(base, [(key, 1, (text,)) for key in range(50)])
    tree = Tree(base, 1, TREE)
    assert {row for _, _, row in forwards(tree, old)} == {("a",)}
    tree.check(old)
    base.unpin(old)
    base.reclaim()
    with pytest.raises(StaleRoot):
        base.pin(old)


def damage(base: Any, block: int, kind: bytes, relation: int, payload: bytes) -> tuple[int, int, int, int]:
    """A page with a right checksum and wrong contents."""
    return base.pages.write(block, kind, relation, base.root.generation, payload)


def test_contents_that_cannot_be_decoded() -> None:
    base = make_base()
    root = fold(base, [(1, 1, ())])
    top = root.relations[1]
    for payload in (b"", b"\xff", b"\x90", TREE.encode([], [], []), TREE.encode([1], [], [(1,)])):
        top.pointer = damage(base, top.pointer[0], LEAF, 1, payload)
        top.id = -1
        with pytest.raises(DatabaseCorrupt, match=rf"{PATH}: damaged page at block {top.pointer[0]}"):
            Tree(base, 1, TREE).find(root, 1)


@pytest.mark.parametrize(
    ("entries", "what"),
    [
        ([(2, 1), (1, 1)], "do not ascend"),
        ([(1, 2), (1, 1)], "do not ascend"),
        ([(1, 1), (1, 1)], "do not ascend"),
        ([(1, 1), (2, 2), (3, 3)], "miscounted"),
    ],
)
def test_check_finds_wrong_leaves(entries: list[tuple[int, int]], what: str) -> None:
    base = make_base()
    root = fold(base, [(1, 1, ()), (2, 1, ())])
    top = root.relations[1]
    keys, refs = (list(part) for part in zip(*entries))
    top.pointer = damage(base, top.pointer[0], LEAF, 1, TREE.encode(keys, refs, [()] * len(keys)))
    with pytest.raises(DatabaseCorrupt, match=what):
        Tree(base, 1, TREE).check(root)


def test_check_finds_a_top_with_a_single_child() -> None:
    base = make_base()
    root = fold(base, [(1, 1, ())])
    top = root.relations[1]
    payload = encode_inner([], None, [top.pointer], [1])
    top.pointer, top.level, top.pages = damage(base, top.pointer[0] + 20, b"I", 1, payload), 1, 2
    with pytest.raises(DatabaseCorrupt, match="single child"):
        Tree(base, 1, TREE).check(root)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda keys, counts: (keys[::-1], None, counts), "do not ascend"),
        (lambda keys, counts: ([key - 1 for key in keys], None, counts), "outside its fences"),
        (lambda keys, counts: ([key + 1 for key in keys], None, counts), "outside its fences"),
        (lambda keys, counts: (keys, None, [count + 1 for count in counts]), "miscount"),
        (lambda keys, counts: (keys, [None] * len(keys), counts), "break no tie"),
        (lambda keys, counts: (keys[1:], None, counts), "differ in length"),
    ],
)
def test_check_finds_wrong_inner_nodes(change: Any, what: str) -> None:
    base = make_base(block=1024)
    root = fold(base, [(key, 1, ()) for key in range(30)])
    tree = Tree(base, 1, TREE)
    top = root.relations[1]
    assert top.level == 1
    node = base.read(1, TREE, top.pointer, 1)
    keys, refs, counts = change(node.keys, node.counts)  # type: ignore[union-attr]
    payload = encode_inner(keys, refs, node.children, counts)  # type: ignore[union-attr]
    top.pointer = damage(base, top.pointer[0], b"I", 1, payload)
    with pytest.raises(DatabaseCorrupt, match=what):
        tree.check(root)
