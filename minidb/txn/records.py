"""Commits as bytes: what the log carries, and how it is read back.

    payload   [catalog change or nil, [group, ...], [point, ...], [old, ...] or nil, origin or nil, [void, ...]]
    point     [relation, stamp, value, called]          where a sequence stands, see `sequences`
    group     [relation, columns, refs, rows, gone]     rows set and addresses removed, of one table relation
    old       [there, rows]                             which of a group's rows, then of its removed ones, were there
                                                        before (a byte 0 or 1 each), and what they were
    origin    [transaction, session]
    void      a group that only removes: what the chunks say of these rows does not count

A record sets rows to states: `row at ref is now this`, `ref is gone`. Replaying is therefore idempotent and the last
record wins. A change that was written ahead in a chunk and then rolled back to a savepoint is made void by the COMMIT
record, which has the row once more if the transaction's own change of before remains. (To log the state of before
instead would be wrong: the row is unlocked then, and others may change it and commit first.) Indexes are not logged:
their entries follow from the rows.

`old` and `origin` are for the change feed and are there while somebody keeps the log (`keeping`); replaying ignores
them. The old row is the one before the transaction where the record has its first change of that row. A transaction
that wrote chunks before somebody began to keep the log is `blind`: its COMMIT record carries all of it once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from minidb.access.layouts import PrimaryKeyForm, RowCodec, encode_value
from minidb.access.page_parts import decode_rids
from minidb.errors import DatabaseCorrupt
from minidb.keys import Key, Row
from minidb.schema import SequencePoint
from minidb.storage.interface import Ref
from minidb.txn.relations import CatalogChange
from minidb.txn.sequences import points_to_log
from minidb.txn.store import Store
from minidb.txn.versions import ABORTED, Version, newest

if TYPE_CHECKING:
    from minidb.txn.transaction import Transaction

Group = tuple[int, int, bytes, bytes, bytes]  # relation, columns, refs, rows, gone
Old = tuple[bytes, bytes]  # which rows of a group were there, those rows
Origin = tuple[int, str]  # transaction, session
Change = tuple[Ref, Row | None, Row | None]  # address, row now, row before


class Payload(msgspec.Struct, array_like=True, frozen=True):
    catalog: CatalogChange | None
    groups: list[Group]
    points: list[SequencePoint] = []
    old: list[Old] | None = None
    origin: Origin | None = None
    void: list[Group] = []


ENCODE = msgspec.msgpack.Encoder().encode
DECODER = msgspec.msgpack.Decoder(Payload)
NOTHING = b""


def encode_commit(txn: Transaction, catalog: CatalogChange | None, old: bool = False) -> bytes:
    """What the COMMIT record of `txn` carries: everything that its chunks do not. `old`: with the rows before."""
    if catalog is None and not txn.spilled and txn.drawn is None and not old:
        groups = plain_groups(txn.changes)
        if groups:
            return encode_groups(groups)
    writes = writes_of(txn, 0 if old and txn.blind else txn.chunked, remaining(txn))
    if catalog is None and not writes and not txn.spilled and txn.drawn is None:
        txn.durability = "off"  # only temporary tables were written: there is nothing to wait for
    return encode_writes(txn, writes, old, catalog, points_to_log(txn), void_of(txn))


def encode_single(store: Store, ref: Ref, row: Row | None) -> bytes:
    """The whole payload of a transaction that changes one row: a `Payload`, written without making one."""
    return encode_groups((plain_group(store, [ref], [row]),))


def encode_groups(groups: Sequence[Group]) -> bytes:
    return ENCODE((None, groups, (), None, None, ()))


def plain_groups(changes: Iterable[tuple[Store, Ref, Version]]) -> list[Group] | None:
    """What the changes have made of each row, by table; None if some of them are not for the log."""
    states: dict[Store, dict[Ref, Row | None]] = {}
    for store, ref, version in changes:
        rows = states.get(store)
        if rows is not None:
            rows[ref] = version.row
        elif store.dropped or store.schema.temporary:
            return None
        else:
            states[store] = {ref: version.row}
    return [plain_group(store, list(rows), list(rows.values())) for store, rows in states.items()]


def plain_group(store: Store, refs: list[Ref], rows: list[Row | None]) -> Group:
    if None in rows:
        return encode_group(store, [(ref, row, None) for ref, row in zip(refs, rows)])
    head = ENCODE(refs) if store.primary is None else NOTHING
    return store.relation, store.codec.width, head, encode_value(rows), NOTHING


def encode_chunk(txn: Transaction, old: bool = False) -> bytes:
    """The writes since the last chunk."""
    txn.blind = txn.blind or not old
    if not old:
        groups = plain_groups(islice(txn.changes, txn.chunked, None))
        if groups is not None:
            return encode_groups(groups)
    return encode_writes(txn, writes_of(txn, txn.chunked, ()), old, None, [], [])


def encode_writes(txn: Transaction, writes: list[tuple[Store, list[Change]]], old: bool,
                  catalog: CatalogChange | None, points: list[SequencePoint], void: list[Group]) -> bytes:
    groups = [encode_group(store, changes) for store, changes in writes]
    if not old:
        return ENCODE(Payload(catalog, groups, points, None, None, void))
    before = [encode_old(changes) for _, changes in writes]
    return ENCODE(Payload(catalog, groups, points, before, (txn.id, txn.session_name), void))


def writes_of(txn: Transaction, start: int, first: Iterable[tuple[Store, Change]]) -> list[tuple[Store, list[Change]]]:
    """What the changes `first`, then those of the transaction from position `start` on have made of each row, by
    table."""
    states: dict[int, tuple[Store, dict[Ref, tuple[Row | None, Row | None]]]] = {}

    def state_of(store: Store) -> dict[Ref, tuple[Row | None, Row | None]]:
        return states.setdefault(store.relation, (store, {}))[1]

    for store, (ref, row, before) in first:
        state_of(store)[ref] = row, before
    for store, ref, version in islice(txn.changes, start, None):
        state = state_of(store)
        known = state.get(ref)
        state[ref] = version.row, (row_below(version) if known is None else known[1])
    return [
        (store, [(ref, row, before) for ref, (row, before) in changes.items()])
        for store, changes in states.values()
        if not store.dropped and not store.schema.temporary
    ]


def row_below(version: Version) -> Row | None:
    """What the row was before this version."""
    older = version.older
    while older is not None and older.owner.number >= ABORTED:
        older = older.older
    return None if older is None else older.row


def remaining(txn: Transaction) -> Iterator[tuple[Store, Change]]:
    """Of the rows that the chunks have wrong, those that the transaction has changed nevertheless."""
    for store, ref in txn.compensate:
        own = newest(store.chains.get(ref))
        if own is not None and own.owner is txn:
            lowest = own
            while lowest.older is not None and lowest.older.owner is txn:
                lowest = lowest.older
            yield store, (ref, own.row, row_below(lowest))


def void_of(txn: Transaction) -> list[Group]:
    """The rows of which the chunks say what was rolled back to a savepoint."""
    stores: dict[Store, list[Change]] = {}
    for store, ref in txn.compensate:
        if not store.dropped and not store.schema.temporary:
            stores.setdefault(store, []).append((ref, None, None))
    return [encode_group(store, changes) for store, changes in stores.items()]


def encode_group(store: Store, changes: list[Change]) -> Group:
    refs = [ref for ref, row, _ in changes if row is not None]
    rows = [row for _, row, _ in changes if row is not None]
    gone = [ref for ref, row, _ in changes if row is None]
    width = len(store.schema.columns)
    body = encode_value(rows) if rows else NOTHING
    if store.primary is not None:
        keys = [store.primary.values(ref) for ref in gone]
        return store.relation, width, NOTHING, body, encode_value(keys) if keys else NOTHING
    head = encode_value(refs) if refs else NOTHING
    return store.relation, width, head, body, encode_value(gone) if gone else NOTHING


def encode_old(changes: list[Change]) -> Old:
    """The rows before, in the order of a group: of the rows that are set, then of those that are removed."""
    before = [old for _, row, old in changes if row is not None] + [old for _, row, old in changes if row is None]
    rows = [row for row in before if row is not None]
    return bytes(row is not None for row in before), encode_value(rows) if rows else NOTHING


def decode(payload: bytes) -> Payload:
    try:
        return DECODER.decode(payload)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise DatabaseCorrupt(f"a commit record cannot be decoded: {error}") from error


class RowForm(Protocol):
    """What it takes to read a table's groups; a store has it."""

    codec: RowCodec
    primary: PrimaryKeyForm | None
    key: Callable[[Row], Key] | None


Form = TypeVar("Form", bound=RowForm)


def changes_of(group: Group, find_store: Callable[[int], Form | None]) -> Iterator[tuple[Form, Ref, Row | None]]:
    """The row states that a group sets, first the addresses that it empties. Groups of relations that were dropped
    later are passed over."""
    relation, width, head, body, gone = group
    store = find_store(relation)
    if store is None:
        return
    refs, rows, removed = parts_of(store, width, head, body, gone)
    for ref in removed:
        yield store, ref, None
    for ref, row in zip(refs, rows):
        yield store, ref, row


def parts_of(store: RowForm, width: int, head: bytes, body: bytes, gone: bytes) -> tuple[
        list[Ref], list[Row], list[Ref]]:
    """(addresses of the rows that are set, those rows, addresses that are emptied)."""
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
    return refs, rows, removed


def differences_of(group: Group, old: Old, form: RowForm) -> Iterator[Change]:
    """The rows of a group, each with the row before, in the order in which they are encoded."""
    _, width, head, body, gone = group
    refs, rows, removed = parts_of(form, width, head, body, gone)
    there, data = old
    before = form.codec.decode(width, data) if data else []
    if len(there) != len(refs) + len(removed) or sum(there) != len(before):
        raise DatabaseCorrupt("a commit record has another number of old rows than it says")
    rest = iter(before)
    now: list[Row | None] = [*rows, *[None] * len(removed)]
    for ref, row, known in zip([*refs, *removed], now, there):
        yield ref, row, next(rest) if known else None
