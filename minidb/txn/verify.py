"""Checking a whole database: every tree, every chain, and every index against its table.

`Database.check` runs it, and the tests after each crash. What the base holds and what the delta would show must agree:
each index has exactly one entry per row that belongs into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from minidb.errors import DatabaseCorrupt
from minidb.storage.roots import Root
from minidb.txn.versions import Version

if TYPE_CHECKING:
    from minidb.access.index import IndexStore
    from minidb.storage.base import Base
    from minidb.txn.manager import Manager
    from minidb.txn.relations import Relations
    from minidb.txn.store import Store


def verify(base: Base, relations: Relations, manager: Manager) -> None:
    """Raises DatabaseCorrupt naming the first table or index that is not right."""
    for _, part in parts(base, relations, manager):
        part()


def parts(base: Base, relations: Relations, manager: Manager) -> Iterator[tuple[str, Callable[[], None]]]:
    """The same in steps, each with its name; for who wants to show how far it is, or to find more than one fault."""
    root = base.root
    for store in list(relations.stores.values()):
        yield f'table "{store.name}"', partial(store.source.check, root)
        for index in store.index_list:
            if index.ready:
                name = f'index "{index.schema.name}" of table "{store.name}"'
                yield name, partial(verify_whole_index, base, root, store, index, manager)
        yield f'changes of table "{store.name}" in memory', partial(verify_memory, base, store, manager)


def verify_whole_index(base: Base, root: Root, store: Store, index: IndexStore, manager: Manager) -> None:
    index.tree.check(root)
    verify_index(base, root, store, index)
    verify_chains(base, root, store, index, manager)


def verify_memory(base: Base, store: Store, manager: Manager) -> None:
    with manager.latch:
        try:
            store.check()
        except AssertionError as error:
            raise DatabaseCorrupt(f"{base.path}: {error}") from error


def verify_index(base: Base, root: Root, store: Store, index: IndexStore) -> None:
    """The index's tree has an entry for each row of the base, and no other."""
    wanted: dict[tuple[Any, Any], Any] = {}
    for leaf in store.tree.walk(root):
        for ref, row in zip(leaf.refs, leaf.rows):
            key = index.entry(row)
            if key is not None:
                wanted[key, ref] = index.stored(row)
    for leaf in index.tree.walk(root):
        for key, ref, stored in zip(leaf.keys, leaf.refs, leaf.rows):
            if (key, ref) not in wanted:
                raise DatabaseCorrupt(f"{base.path}: index {index.schema.name} has an entry {key!r} without a row")
            if repr(wanted.pop((key, ref))) != repr(stored):  # as texts: NaN differs from itself
                raise DatabaseCorrupt(f"{base.path}: index {index.schema.name} differs from its row at {key!r}")
    if wanted:
        key = next(iter(wanted))[0]
        raise DatabaseCorrupt(f"{base.path}: index {index.schema.name} lacks an entry for {key!r}")


def verify_chains(base: Base, root: Root, store: Store, index: IndexStore, manager: Manager) -> None:
    """The newest committed version of every chain is found under its key, in the overlay or in the tree."""
    for ref, chain in list(store.chains.items()):
        version: Version | None = chain
        while version is not None and version.owner.number > manager.published:
            version = version.older
        key = None if version is None else index.entry(version.row)
        if key is None or ref in index.overlay.refs(key):
            continue
        leaf = index.tree.seek(root, key, ref)[0]
        if leaf is None or (key, ref) not in zip(leaf.keys, leaf.refs):
            raise DatabaseCorrupt(f"{base.path}: index {index.schema.name} lacks an entry for the changed row {ref!r}")
