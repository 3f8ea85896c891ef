"""One table as storage has it: its heap file or clustered tree, its indexes, and the functions from rows to keys.

Knows the schema and the base; what transactions do to rows is added by `txn.store`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidb import schema
from minidb.access.hot_keys import HotKeys
from minidb.access.index import IndexStore, RowFunction
from minidb.access.layouts import (
    ClusteredLayout,
    PrimaryKeyForm,
    RowCodec,
    compares_plainly,
    heap_layout,
    index_key_columns,
    key_facts,
)
from minidb.keys import Key, Row, key_maker
from minidb.storage.base import Base
from minidb.storage.btree import Tree
from minidb.storage.free_space import HeapSpace
from minidb.storage.heap import Heap
from minidb.storage.interface import Layout, Ref
from minidb.storage.roots import Root


class TableAccess:
    """Where the rows of one table relation lie, and how they are found."""

    def __init__(self, base: Base, table: schema.Table, functions: dict[str, RowFunction]) -> None:
        self.base = base
        self.relation = table.relation
        self.names: dict[int, str] = {}
        self.indexes: dict[int, IndexStore] = {}
        self.dropped = False
        self.fresh = True  # until its first definition is complete
        self.space: HeapSpace | None = None
        self.define(table, functions)

    # -- definition

    def define(self, table: schema.Table, functions: dict[str, RowFunction]) -> None:
        """Takes over a (changed) schema. Rows are completed to its width (R66)."""
        self.schema = table
        self.name = table.name
        self.codec = RowCodec(table)
        clustered = table.clustered
        self.primary: PrimaryKeyForm | None = None
        self.key: Callable[[Row], Key] | None = None
        self.source: Any
        self.tree: Tree  # the one that holds the rows: the clustered tree, or the heap's
        if clustered is not None:
            columns = index_key_columns(table, clustered)
            assert columns is not None, "a clustered key has plain columns"
            self.primary = PrimaryKeyForm(clustered.keys)
            self.key = key_maker(columns)
            self.layout: Layout = ClusteredLayout(self.codec, self.key, key_facts(columns))
            self.source = self.tree = Tree(self.base, self.relation, self.layout)
        else:
            self.layout = heap_layout(table, self.codec)
            self.source = Heap(self.base, self.relation, self.layout)
            self.tree = self.source.tree
        self.hot = HotKeys(None, self.base)
        self.plain = clustered is None or compares_plainly(clustered)
        self.names[self.relation] = clustered.name if clustered is not None else table.name
        self.define_indexes(table, functions)

    def define_indexes(self, table: schema.Table, functions: dict[str, RowFunction]) -> None:
        """An index that has gone is only marked: it is maintained until the transaction that dropped it has ended."""
        present = {index.id: index for index in table.indexes if not index.clustered}
        for index_id, store in self.indexes.items():
            store.live = index_id in present
        for index_id, index in present.items():
            self.names[index.relation] = index.name
            if index_id in self.indexes:
                self.indexes[index_id].define(table, index, functions, self.primary)
            else:
                added = IndexStore(self.base, table, index, functions, self.primary)
                added.ready = self.fresh  # on a table that may have rows it has to be built first
                self.indexes[index_id] = added
        self.fresh = False
        self.index_list: Sequence[IndexStore] = tuple(self.indexes.values())

    def retire_indexes(self) -> list[int]:
        """Forgets the indexes that the schema no longer has; returns their relations."""
        gone = [index_id for index_id, store in self.indexes.items() if not store.live]
        relations = [self.indexes.pop(index_id).relation for index_id in gone]
        self.index_list = tuple(self.indexes.values())
        return relations

    # -- the base, read without the latch

    def base_row(self, root: Root, ref: Ref) -> Row | None:
        found = self.tree.find(root, ref)
        return None if found is None else found[1]

    def base_rows(self, root: Root, refs: Sequence[Ref]) -> list[Row | None]:
        """`base_row` of many addresses."""
        return self.tree.find_rows(root, refs)

    # -- keys

    def keys(self, row: Row | None) -> list[Key | None]:
        """The row's entry in each index. May run expressions: never under the latch for new rows (R69)."""
        return [index.entry(row) for index in self.index_list]

    def points(self, ref: Ref, *key_lists: list[Key | None]) -> list[tuple[int, Key]]:
        """Every place that a write of this row touches: the table's own order and each entry, old and new (R47)."""
        points: list[tuple[int, Key]] = [(self.relation, ref)]
        for keys in key_lists:
            for index, key in zip(self.index_list, keys):
                if key is not None:
                    point = (index.relation, key)
                    if point not in points:
                        points.append(point)
        return points

    def places(self, ref: Ref, row: Row) -> list[tuple[int, Key]]:
        """`points` of a row as it stands. May run expressions, as `keys` does."""
        entries = [(index.relation, index.entry(row)) for index in self.index_list]
        return [(self.relation, ref), *[entry for entry in entries if entry[1] is not None]]

    def new_ref(self, row: Row) -> Ref:
        """An address for a row that is about to be inserted. Under the latch."""
        if self.key is not None:
            return self.key(row)
        return self.heap_space.allocate(0)

    @property
    def heap_space(self) -> HeapSpace:
        assert self.space is not None, "the free addresses of a heap are loaded before the latch is taken"
        return self.space
