"""The pool of decoded pages, and inner nodes as bytes."""

from __future__ import annotations

import gc
import sys
import threading
import tracemalloc
from typing import Any

import pytest
from base_tools import INTS, fold, make_base
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack

from minidb.errors import DatabaseCorrupt
from minidb.keys import NULL_LAST, Descending
from minidb.storage.btree import Tree
from minidb.storage.codec import pack_key
from minidb.storage.pages import (
    ENOUGH,
    EXPANSION,
    GLANCES,
    PART,
    WHOLE,
    Inner,
    Leaf,
    PageCache,
    PagePool,
    decode_inner,
    encode_inner,
)


def page(size: int = 1_000) -> Leaf:
    leaf = Leaf([1], [1], [(1,)], 0)
    leaf.size = size
    return leaf


def look(pool: PagePool, cache: PageCache, identity: int) -> bool:
    """What a reader does; True for a hit."""
    found = cache.get(identity)
    if found is None:
        pool.put(cache, identity, page())
        return False
    found.hot = True
    return True


def test_the_pool_is_bounded() -> None:
    pool = PagePool(10_000)
    caches: list[PageCache] = [{}, {}]
    for identity in range(100):
        look(pool, caches[identity % 2], identity)
        look(pool, caches[identity % 2], identity // 3 * 2)
        pool.check(caches)
    assert sum(map(len, caches)) == 10 and pool.evicted > 80


def test_a_page_larger_than_the_pool_is_not_kept() -> None:
    pool = PagePool(500)
    cache: PageCache = {}
    big = page()
    assert pool.put(cache, 1, big) is big
    assert not cache and pool.bytes == 0


def test_a_second_decoder_gets_the_page_of_the_first() -> None:
    pool = PagePool(10_000)
    cache: PageCache = {}
    first = page()
    assert pool.put(cache, 1, first) is first
    assert pool.put(cache, 1, page()) is first
    pool.check([cache])


def test_a_scan_leaves_the_working_set_alone() -> None:
    pool = PagePool(100_000)
    cache: PageCache = {}
    for _ in range(3):
        for identity in range(60):
            look(pool, cache, identity)
    for identity in range(1_000, 3_000):
        look(pool, cache, identity)
    assert sum(identity in cache for identity in range(60)) >= 55


def test_what_comes_back_soon_is_kept_longer() -> None:
    pool = PagePool(20_000)
    cache: PageCache = {}
    for identity in range(30):
        look(pool, cache, identity)
    assert not look(pool, cache, 9)  # just evicted, remembered
    for identity in range(100, 160):
        look(pool, cache, identity)
    assert 9 in cache


def test_who_is_let_in_where_there_is_no_room() -> None:
    pool = PagePool(10 * 1_000)
    cache: PageCache = {}
    assert pool.admits(77, 1_000 // EXPANSION, WHOLE), "there is room"
    assert [pool.admits(77, 1_000 // EXPANSION, PART) for _ in range(4)] == [False, True] * 2, "at the second look"
    for identity in range(GLANCES + 100, 0, -1):  # as many as are remembered, and some
        assert not pool.admits(identity, 1, PART)
    assert [pool.admits(identity, 1, PART) for identity in (GLANCES, 1)] == [False, True]
    for identity in range(20):
        look(pool, cache, identity)
    length = 1_000
    assert [pool.admits(88, length, PART) for _ in range(ENOUGH)] == [False] * (ENOUGH - 1) + [True]
    assert [pool.admits(99, length, WHOLE) for _ in range(2)] == [False, True]
    look(pool, cache, 99)
    pool.check([cache])
    assert not pool.admits(99, length, PART), "it begins anew"
    for identity in range(1_000, 2_000):
        assert not pool.admits(identity, length, ENOUGH - 1)
    assert not pool.admits(1_000, length, ENOUGH - 1), "that was forgotten meanwhile"


def test_discard_and_drop() -> None:
    pool = PagePool(10_000)
    caches: list[PageCache] = [{}, {}]
    for identity in range(8):
        look(pool, caches[identity % 2], identity)
    pool.discard(caches[0], 4)
    pool.discard(caches[0], 4)
    pool.check(caches)
    pool.drop(caches[1])
    pool.check(caches)
    assert sorted(caches[0]) == [0, 2, 6] and not caches[1]
    for identity in range(10, 40):
        look(pool, caches[1], identity)
        pool.check(caches)


def test_many_threads() -> None:
    base = make_base(pool=20_000, fanout=8)
    root = fold(base, [(key, key, (key, "x")) for key in range(2_000)], layout=INTS)
    tree = Tree(base, 1, INTS)
    wrong: list[int] = []

    def read(start: int) -> None:
        for key in range(start, start + 6_000, 7):
            if tree.find(root, key % 2_000) != (key % 2_000, (key % 2_000, "x")):
                wrong.append(key)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=read, args=(start * 500,)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not wrong
    base.pool.check([cache for _, cache in base._caches.values()])


def test_the_estimate_of_memory_is_not_far_off() -> None:
    """A decoded row costs about what `Leaf.size` says: between two thirds and four thirds."""
    rows = [(key, f"owner{key:06}", key % 1_000, key * 7) for key in range(2_000)]
    data = msgpack.encode(rows)
    decoder = msgpack.Decoder(list[tuple[int, str, int, int]])
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        decoded = decoder.decode(data)
        keys = [row[0] for row in decoded]
        leaf = Leaf(keys, keys, decoded, len(data))
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 2 / 3 < leaf.size / used < 4 / 3


# -- inner nodes ------------------------------------------------------------------------------------------

pointers = st.tuples(*[st.integers(0, (1 << 64) - 1)] * 4)


@given(st.data(), st.booleans())
def test_inner_nodes_come_back(data: st.DataObject, ties: bool) -> None:
    keys: list[Any] = data.draw(st.lists(st.sampled_from([1, "a", (1, "b"), NULL_LAST, Descending("x")]), max_size=9))
    refs: list[Any] | None = [data.draw(st.sampled_from([None, 7, ("p", 1)])) for _ in keys] if ties else None
    children = [data.draw(pointers) for _ in range(len(keys) + 1)]
    counts = list(range(len(children)))
    node = decode_inner(encode_inner(keys, refs, children, counts))
    assert (node.keys, node.refs, node.children, node.counts) == (keys, refs, children, counts)
    assert node.ids == Inner(keys, refs, children, counts, 0).ids


@given(st.binary(max_size=50))
def test_hostile_inner_nodes(data: bytes) -> None:
    try:
        decode_inner(data)
    except DatabaseCorrupt:
        pass


def test_lists_of_different_length() -> None:
    data = encode_inner([1], None, [(1, 2, 3, 4)], [1])
    with pytest.raises(DatabaseCorrupt, match="differ in length"):
        decode_inner(data)
    with pytest.raises(DatabaseCorrupt):
        decode_inner(pack_key((1, 2, 3, 4)))


def test_the_garbage_collector_lets_go_of_the_contents_of_leaves() -> None:
    """Else each full collection looks through all cached rows (CPython's collector untracks tuples of plain values)."""
    keys = [*range(1000, 1050)]
    leaf = Leaf(keys, keys, [(key, "some text", None) for key in keys], 2000)
    gc.collect()
    gc.collect()
    assert leaf.refs is leaf.keys and list(leaf.keys) == keys
    assert not gc.is_tracked(leaf.keys) and not gc.is_tracked(leaf.rows)
