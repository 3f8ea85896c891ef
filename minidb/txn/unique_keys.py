"""Unique keys: whose row is in the way of a new one.

A probe looks at the newest state, not at the statement's (R38). An address that may hold a row with the key comes from
the overlay or from the base, whose pages were read before the hold:

    uncommitted_owners    insert, delete or move of another, not committed  -> its end is awaited, then all begins again
    find_clash            live and committed, visible or not                -> a Clash
                          gone, but the snapshot still sees it              -> the level says what that means (R39)
                          gone and committed                                -> free

What an error tells is a read (R40, R41): `refuse_now` reports it to levels that track reads, before anything is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidb.errors import UniqueViolation
from minidb.keys import Key, Row
from minidb.row_texts import index_key
from minidb.storage.interface import Ref
from minidb.storage.roots import Root, StaleRoot
from minidb.txn.intervals import key_words
from minidb.txn.row_locks import RowLocker
from minidb.txn.versions import Version, newest, newest_committed, visible

if TYPE_CHECKING:
    from minidb import schema
    from minidb.access.index import IndexStore
    from minidb.txn.row_change import Change
    from minidb.txn.store import Store


class Clash:
    """A live row in the way of a unique key. `index` None: the clustered primary key."""

    __slots__ = ("index", "key", "ref", "row", "version")

    def __init__(self, index: IndexStore | None, key: Key, ref: Ref, row: Row, version: Version | None) -> None:
        self.index = index
        self.key = key
        self.ref = ref
        self.row = row
        self.version = version


class KeyProber(RowLocker):
    """The part of the door that looks for duplicates."""

    # -- before the hold: reads pages

    def settled_hit(self, store: Store, root: Root, index: IndexStore, key: Key) -> tuple[Ref, Row | None] | None:
        """The base's row under a unique key: (address, whole row)."""
        hit = index.tree.find(root, key)
        return None if hit is None else (hit[0], store.base_row(root, hit[0]))

    def own_hit(self, change: Change, root: Root) -> Row | None:
        """The base's row at a clustered key that is about to be inserted."""
        store = change.store
        if store.key is None or change.old is not None or change.new is None:
            return None
        return store.base_row(root, store.key(change.new))

    # -- under the latch

    def candidates(self, change: Change, probes: list[tuple[IndexStore, Key]],
                   hits: list[Any]) -> list[tuple[IndexStore | None, Key, Ref]]:
        """Every address that may hold a row with one of the new keys."""
        found: list[tuple[IndexStore | None, Key, Ref]] = []
        if change.store.key is not None and change.old is None:
            found.append((None, change.ref, change.ref))
        for (index, key), hit in zip(probes, hits):
            refs = index.overlay.refs(key)
            found.extend((index, key, ref) for ref in refs)
            if hit is not None and hit[0] not in refs:
                found.append((index, key, hit[0]))
        return [(index, key, ref) for index, key, ref in found if index is None or ref != change.ref]

    def uncommitted_owners(self, change: Change, probes: list[tuple[IndexStore, Key]],
                           hits: list[Any]) -> list[Any]:
        """Transactions whose uncommitted insert, delete or move decides about a key (R38)."""
        published, owners = self.manager.published, []
        for index, key, ref in self.candidates(change, probes, hits):
            top = newest(change.store.chains.get(ref))
            if top is None or top.owner is self.txn or top.owner.number <= published:
                continue
            version: Version | None = top
            while version is not None:
                if self.has_key(index, version.row, key):
                    owners.append(top.owner)
                    break
                if version.owner.number <= published:
                    break
                version = version.older
        return owners

    def has_key(self, index: IndexStore | None, row: Row | None, key: Key) -> bool:
        return row is not None and (index is None or index.entry(row) == key)

    def find_clash(self, change: Change, probes: list[tuple[IndexStore, Key]], hits: list[Any],
                   own: Row | None) -> Clash | None:
        """A live row with one of the new keys. Under the latch; nothing uncommitted of others is in the way."""
        txn, store = self.txn, change.store
        for index, key, ref in self.candidates(change, probes, hits):
            chain = store.chains.get(ref)
            if chain is None:
                row = own if index is None else (next(h for h in hits if h is not None and h[0] == ref)[1])
                if row is not None:
                    return Clash(index, key, ref, row, None)
                continue
            top = newest_committed(chain, self.manager.published, txn)
            if top is not None and self.has_key(index, top.row, key):
                assert top.row is not None
                return Clash(index, key, ref, top.row, top)
            if top is not None and top.owner is not txn and top.owner.number > self.snapshot:
                seen = visible(chain, self.snapshot, txn, self.statement + 1)
                if seen is not None and self.has_key(index, seen.row, key):  # R39
                    txn.policy.key_gone(txn, f"key {key_words(key)} of {store.name}")
        return None

    def is_visible(self, version: Version | None) -> bool:
        if version is None or version.owner is self.txn:
            return True
        return version.owner.number <= self.snapshot

    # -- at a statement's end, or later (R43)

    def judge_later(self, store: Store, index: IndexStore, key: Key) -> None:
        if self.still_holds(index.schema.id, store.schema):
            self.judge_key(store, index, key)

    def still_holds(self, constraint: int, table: schema.Table) -> bool:
        """Whether a constraint, as it was when `table` was that, is one of the same rows now."""
        return True

    def judge_key(self, store: Store, index: IndexStore, key: Key) -> None:
        """Refuses the key if more than one live row has it now."""
        while True:
            root = store.base.root
            try:
                hit = index.tree.find(root, key)
            except StaleRoot:
                continue
            with self.manager.latch:
                if store.base.root is root:  # else a row may have gone over from its chain to the base meanwhile
                    self.judge_live(store, index, key, hit)
                    return

    def judge_live(self, store: Store, index: IndexStore, key: Key, hit: tuple[Ref, Row] | None) -> None:
        live = []
        refs = set(index.overlay.refs(key)) | ({hit[0]} if hit is not None else set())
        for ref in refs:
            chain = store.chains.get(ref)
            if chain is None:
                live.append((ref, hit[1] if hit is not None else ()))
                continue
            top = newest_committed(chain, self.manager.published, self.txn)
            if top is not None and top.row is not None and index.entry(top.row) == key:
                live.append((ref, top.row))
        if len(live) > 1:
            self.refuse_now(store, Clash(index, key, *live[0], None))

    # -- errors

    def refuse(self, store: Store, clash: Clash) -> None:
        with self.manager.latch:
            self.refuse_now(store, clash)

    def refuse_now(self, store: Store, clash: Clash) -> None:
        """Raises UniqueViolation; what it tells is a read (R40, R41)."""
        txn = self.txn
        relation = store.relation if clash.index is None else clash.index.relation
        if txn.policy.tracks_reads:
            known = self.is_visible(clash.version)
            txn.policy.duplicate(txn, self.manager, store, relation, clash.key, known)
            if not known and self.txn.has_read(relation, clash.key):
                self.manager.check(txn)
        raise duplicate_key(store, clash)


def duplicate_key(store: Store, clash: Clash) -> UniqueViolation:
    index = clash.index.schema if clash.index is not None else store.schema.clustered
    assert index is not None
    return UniqueViolation(
        f'duplicate key value violates unique constraint "{index.name}"',
        detail=f"{index_key(store.schema, index, clash.key)} already exists.",
        constraint=index.name,
        table=store.name,
    )
