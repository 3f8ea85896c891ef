"""One index: its tree in the base, and the overlay of entries that uncommitted or unfolded versions touch.

*An entry is a hint, the chain is the truth*: entries of base and overlay only say where a row may be found; a row
with a
chain is taken from the chain, and counts only under the hint that its visible version has (R24).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any

from minidb import schema
from minidb.access.hot_keys import HotKeys
from minidb.access.layouts import (
    IndexLayout,
    PrimaryKeyForm,
    compares_plainly,
    index_key_columns,
    key_facts,
    stored_key_columns,
    stored_types,
)
from minidb.access.sorted_entries import SortedEntries
from minidb.keys import Key, Row, has_null, key_maker
from minidb.storage.base import Base
from minidb.storage.btree import Tree
from minidb.storage.interface import Ref

RowFunction = Callable[[Row], Any]


class Overlay:
    """A set of (key, ref) pairs, found by key and walked in order."""

    __slots__ = ("by_key", "order")

    def __init__(self) -> None:
        self.by_key: dict[Key, Any] = {}  # key -> its ref, or a set of refs
        self.order = SortedEntries()

    def __len__(self) -> int:
        return len(self.order)

    def clear(self) -> None:
        self.by_key.clear()
        self.order.clear()

    def refs(self, key: Key) -> tuple[Ref, ...]:
        """The addresses under exactly this key. Atomic: needs no latch."""
        found = self.by_key.get(key)
        if found is None:
            return ()
        return tuple(found) if type(found) is set else (found,)

    def add(self, key: Key, ref: Ref) -> None:
        if self._note(key, ref):
            self.order.add((key, ref))

    def add_many(self, pairs: list[tuple[Key, Ref]]) -> None:
        new = dict(pairs)
        if len(new) == len(pairs) and self.by_key.keys().isdisjoint(new):
            self.by_key.update(new)
        else:
            pairs = [pair for pair in pairs if self._note(*pair)]
        self.order.add_many(pairs)

    def _note(self, key: Key, ref: Ref) -> bool:
        found = self.by_key.get(key)
        if found is None:
            self.by_key[key] = ref
        elif type(found) is set:
            if ref in found:
                return False
            found.add(ref)
        elif found == ref:
            return False
        else:
            self.by_key[key] = {found, ref}
        return True

    def remove(self, key: Key, ref: Ref) -> None:
        found = self.by_key.get(key)
        if type(found) is set:
            if ref not in found:
                return
            found.discard(ref)
            if not found:
                del self.by_key[key]
        elif found is None or found != ref:
            return
        else:
            del self.by_key[key]
        self.order.remove((key, ref))


class IndexStore:
    """A secondary index of one table."""

    def __init__(self, base: Base, table: schema.Table, index: schema.Index, functions: dict[str, RowFunction],
                 primary: PrimaryKeyForm | None) -> None:
        self.overlay = Overlay()
        self.base = base
        self.ready = True  # False while its tree is being built
        self.live = True  # False once a DROP INDEX has hidden it, until that transaction ends
        self.define(table, index, functions, primary)

    def define(self, table: schema.Table, index: schema.Index, functions: dict[str, RowFunction],
               primary: PrimaryKeyForm | None) -> None:
        """Takes over a (changed) definition."""
        self.schema = index
        self.relation = index.relation
        self.unique = index.unique
        self.condition = functions.get(index.where) if index.where is not None else None
        self.stored = self.stored_function(index, functions)
        own_columns = stored_key_columns(table, index)
        self.key_of_stored = key_maker(own_columns)
        columns = index_key_columns(table, index)
        self.nullable = any(
            key.position is None or not table.columns[key.position].not_null for key in index.keys
        )
        if columns is not None:
            self.key = key_maker(columns)
        else:
            self.key = lambda row: self.key_of_stored(self.stored(row))
        self.layout = IndexLayout(stored_types(table, index), self.key_of_stored, key_facts(own_columns), primary)
        self.tree = Tree(self.base, index.relation, self.layout)
        self.hot = HotKeys(None, self.base)
        self.plain = compares_plainly(index)
        self.path: Any = None  # txn.paths.IndexPath, made when first asked for

    def stored_function(self, index: schema.Index, functions: dict[str, RowFunction]) -> Callable[[Row], Row]:
        positions = [key.position for key in index.keys]
        if None not in positions:
            columns = [*positions, *index.include]
            if len(columns) == 1:
                first = columns[0]
                return lambda row: (row[first],)  # type: ignore[index]
            getter: Callable[[Row], Row] = itemgetter(*columns)
            return getter
        makers: list[RowFunction] = [
            itemgetter(key.position) if key.expression is None else functions[key.expression] for key in index.keys
        ]
        makers += [itemgetter(p) for p in index.include]
        return lambda row: tuple([make(row) for make in makers])

    def entry(self, row: Row | None) -> Key | None:
        """The row's key in this index; None if it has no entry (no row, or outside a partial index)."""
        if row is None or (self.condition is not None and self.condition(row) is not True):
            return None
        return self.key(row)

    def entries(self, rows: Iterable[Row]) -> list[Key | None]:
        """`entry` of each."""
        return list(map(self.key if self.condition is None else self.entry, rows))

    def colliding(self, entries: list[Key | None]) -> list[Key | None]:
        """Those that no two rows must have."""
        if self.condition is None and self.unique and not self.nullable:
            return entries
        return [key for key in entries if key is not None and self.collides(key)]

    def collides(self, key: Key) -> bool:
        """Whether two rows must not both have `key`."""
        return self.unique and (not self.nullable or self.schema.nulls_not_distinct or not has_null(key))
