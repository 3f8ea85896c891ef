"""Commits as bytes: what the log carries, and how it is read back.

    payload   [catalog change or nil, [group, ...]]
    group     [relation, columns, refs, rows, gone]     rows set and addresses removed, of one table relation

A record sets rows to states: `row at ref is now this`, `ref is gone`. Replaying is therefore idempotent and the last
record wins; a change that was written ahead in a chunk and then rolled back to a savepoint is put right by a later
record
with the state of before. Indexes are not logged: their entries follow from the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from minidb.access.layouts import decode_rids, encode_value
from minidb.errors import DatabaseCorrupt
from minidb.keys import Row
from minidb.storage.interface import Ref
from minidb.txn.relations import CatalogChange
from minidb.txn.store import Store
from minidb.txn.versions import ABORTED, Version

if TYPE_CHECKING:
    from minidb.txn.manager import Transaction

Group = tuple[int, int, bytes, bytes, bytes]  # relation, columns, refs, rows, gone


class Payload(msgspec.Struct, array_like=True, frozen=True):
    catalog: CatalogChange | None
    groups: list[Group]


ENCODE = msgspec.msgpack.Encoder().encode
DECODER = msgspec.msgpack.Decoder(Payload)
NOTHING = b""


def encode_commit(txn: Transaction, catalog: CatalogChange | None) -> bytes:
    """What the COMMIT record of `txn` carries: everything that its chunks do not."""
    undo = txn.undo
    if catalog is None and not txn.chunked and not txn.compensate:
        only = single_write(undo)
        if only is not None:
            return ENCODE(Payload(None, [encode_group(only[0], [(only[1], only[2].row)])]))
    return ENCODE(Payload(catalog, encode_writes(txn, txn.chunked)))


def single_write(undo: list[tuple[Any, ...]]) -> tuple[Any, ...] | None:
    """The one version that a small transaction made, None if there are more."""
    found = None
    for entry in undo:
        if type(entry[2]) is Version:
            if found is not None:
                return None
            found = entry
    return found


def encode_chunk(txn: Transaction) -> bytes:
    """The writes since the last chunk."""
    return ENCODE(Payload(None, encode_writes(txn, txn.chunked)))


def encode_writes(txn: Transaction, start: int) -> list[Group]:
    states: dict[int, tuple[Store, dict[Ref, Row | None]]] = {}

    def state_of(store: Store) -> dict[Ref, Row | None]:
        return states.setdefault(store.relation, (store, {}))[1]

    for store, ref in txn.compensate:  # written ahead, then rolled back
        state_of(store)[ref] = committed_state(store, ref, txn)
    undo = txn.undo
    for position in range(start, len(undo)):
        store, ref, what = undo[position]
        if type(what) is Version:
            state_of(store)[ref] = what.row
    return [encode_group(store, list(changes.items())) for store, changes in states.values() if not store.dropped]


def committed_state(store: Store, ref: Ref, txn: Transaction) -> Row | None:
    version = store.chains.get(ref)
    while version is not None and version.owner is not txn and version.owner.number >= ABORTED:
        version = version.older
    if version is not None:
        return version.row
    return store.base_row(store.base.root, ref)


def encode_group(store: Store, changes: list[tuple[Ref, Row | None]]) -> Group:
    refs = [ref for ref, row in changes if row is not None]
    rows = [row for _, row in changes if row is not None]
    gone = [ref for ref, row in changes if row is None]
    width = len(store.schema.columns)
    body = encode_value(rows) if rows else NOTHING
    if store.primary is not None:
        keys = [store.primary.values(ref) for ref in gone]
        return store.relation, width, NOTHING, body, encode_value(keys) if keys else NOTHING
    head = encode_value(refs) if refs else NOTHING
    return store.relation, width, head, body, encode_value(gone) if gone else NOTHING


def decode(payload: bytes) -> Payload:
    try:
        return DECODER.decode(payload)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise DatabaseCorrupt(f"a commit record cannot be decoded: {error}") from error


def changes_of(group: Group, find_store: Callable[[int], Store | None]) -> Iterator[tuple[Store, Ref, Row | None]]:
    """The row states that a group sets. Groups of relations that were dropped later are passed over."""
    relation, width, head, body, gone = group
    store = find_store(relation)
    if store is None:
        return
    rows = store.codec.decode(width, body) if body else []
    if store.primary is None:
        refs = decode_rids(memoryview(head)) if head else []
        removed: list[Ref] = decode_rids(memoryview(gone)) if gone else []
    else:
        assert store.key is not None
        refs = [store.key(row) for row in rows]
        removed = store.primary.decode(gone) if gone else []
    if len(refs) != len(rows):
        raise DatabaseCorrupt("a commit record has another number of addresses than rows")
    for ref in removed:
        yield store, ref, None
    for ref, row in zip(refs, rows):
        yield store, ref, row
