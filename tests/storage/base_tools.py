"""What the tests of the base share: a layout for any row, tiny trees, and a slow, obvious model of a tree."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import Any

import msgspec

from minidb.errors import DatabaseCorrupt
from minidb.storage.base import Base
from minidb.storage.btree import Tree
from minidb.storage.codec import pack_keys, unpack_keys
from minidb.storage.file import MemoryFileSystem
from minidb.storage.interface import FileSystem
from minidb.storage.pages import Leaf, PagePool
from minidb.storage.roots import Root

PATH = "shop.mdb"
ID = b"0123456789abcdef"
LARGE = 1 << 30


class KeyLayout:
    """Encodes whatever keys, refs and rows there are with the key codec. Slow, and needs no schema."""

    scale = 1
    least = 0

    def __init__(self, *, clustered: bool = False) -> None:
        self.clustered = clustered

    def encode(self, keys: list[Any], refs: list[Any], rows: list[Any]) -> bytes:
        return pack_keys([tuple(keys), None if self.clustered else tuple(refs), tuple(rows)])

    def decode(self, data: bytes) -> tuple[list[Any], list[Any], list[Any]]:
        parts = unpack_keys(data)
        if len(parts) != 3 or type(parts[0]) is not tuple or type(parts[2]) is not tuple:
            raise DatabaseCorrupt("not what this layout has written")
        keys = list(parts[0])
        return keys, keys if self.clustered else list(parts[1]), list(parts[2])

    def parts(self, data: bytes) -> None:
        return None


class IntLayout:
    """Rows (int, text) by integer key: a clustered table or heap of one text column, as fast as real ones."""

    scale = 1
    least = 0
    _encode = msgspec.msgpack.Encoder().encode
    _decode = msgspec.msgpack.Decoder(tuple[list[int], list[tuple[int, str]]]).decode

    def encode(self, keys: list[Any], refs: list[Any], rows: list[Any]) -> bytes:
        return self._encode((keys, rows))

    def decode(self, data: bytes) -> tuple[list[Any], list[Any], list[Any]]:
        try:
            keys, rows = self._decode(data)
        except (msgspec.DecodeError, RecursionError) as error:
            raise DatabaseCorrupt(str(error)) from error
        return keys, keys, rows

    def parts(self, data: bytes) -> None:
        return None


class PartLayout(IntLayout):
    """The same, whose leaves can be read in parts. `opened` counts how often one was, `decoded` how often not."""

    def __init__(self) -> None:
        self.opened = self.decoded = 0

    def decode(self, data: bytes) -> tuple[list[Any], list[Any], list[Any]]:
        self.decoded += 1
        return super().decode(data)

    def parts(self, data: bytes) -> Any:
        self.opened += 1
        keys, refs, rows = IntLayout.decode(self, data)
        return Opened(keys, refs, rows)


class Opened:
    """Parts of a leaf. It is no Leaf: who takes it for one finds out."""

    def __init__(self, keys: list[Any], refs: list[Any], rows: list[Any]) -> None:
        self.leaf = Leaf(keys, refs, rows, 0)

    def find(self, key: Any) -> Any:
        return self.leaf.find(key)

    def between(self, low: Any, high: Any) -> Any:
        start, stop = bisect_left(self.leaf.keys, low[0]), bisect_right(self.leaf.keys, high[0])
        start, stop = max(0, start - 1), stop + 1  # somewhat more than was asked for
        return self.leaf.keys[start:stop], self.leaf.refs[start:stop], self.leaf.rows[start:stop]


TREE = KeyLayout()
CLUSTERED = KeyLayout(clustered=True)
INTS = IntLayout()


def make_base(fs: FileSystem | None = None, *, pool: int = LARGE, **sizes: Any) -> Base:
    """A new base with tiny pages: 4 children to a node, a few entries to a leaf."""
    sizes = {"block": 256, "leaf_bytes": 60, "fanout": 4, "growth": 8} | sizes
    return Base.create(fs or MemoryFileSystem(), PATH, database_id=ID, pool=PagePool(pool), **sizes)


def open_base(fs: FileSystem, *, pool: int = LARGE, **options: Any) -> Base:
    options = {"leaf_bytes": 60, "fanout": 4, "growth": 8} | options
    return Base.open(fs, PATH, pool=PagePool(pool), **options)


def fold(
    base: Base, changes: Iterable[Any], *, relation: int = 1, number: int | None = None, layout: Any = TREE
) -> Root:
    """Folds sorted changes into one tree and publishes."""
    writer = base.begin()
    writer.fold_tree(relation, layout, changes, clustered=layout is not TREE)
    root = writer.publish(base.root.number + 1 if number is None else number, b"catalog")
    base.swap(root)
    return root


def forwards(tree: Tree, root: Root, key: Any = None, ref: Any = None) -> list[tuple[Any, Any, Any]]:
    """All entries of all leaves from (key, ref) on, leaf by leaf."""
    found: list[tuple[Any, Any, Any]] = []
    leaf, fence = tree.seek(root, key, ref)
    while leaf is not None:
        found += zip(leaf.keys, leaf.refs, leaf.rows)
        if fence is None:
            break
        leaf, fence = tree.seek(root, *fence)
    return found


def backwards(tree: Tree, root: Root, key: Any = None, ref: Any = None) -> list[tuple[Any, Any, Any]]:
    """All entries of all leaves that begin before (key, ref), from there downwards."""
    found: list[tuple[Any, Any, Any]] = []
    leaf, fence = tree.seek_before(root, key, ref)
    while leaf is not None:
        found += zip(reversed(leaf.keys), reversed(leaf.refs), reversed(leaf.rows))
        if fence is None:
            break
        leaf, fence = tree.seek_before(root, *fence)
    return found


def check(base: Base, *trees: Tree) -> None:
    """Every check() there is."""
    base.check()
    base.extents.check()
    base.pool.check([cache for _, cache in base._caches.values()])
    for tree in trees:
        tree.check(base.root)
