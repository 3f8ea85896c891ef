"""sys.locks: every lock and SIREAD mark that is held, and every one that is waited for.

What is only noted in a transaction, or what an uncommitted version stands for, is shown as the lock that it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from minidb.inside.view import View, columns
from minidb.keys import Row
from minidb.txn.intervals import key_words, words
from minidb.txn.locks import (
    DATABASE_CONFLICTS,
    DATABASE_MODES,
    ROW_STRENGTHS,
    TABLE_CONFLICTS,
    TABLE_MODES,
    IntervalLocks,
    ModeLock,
)
from minidb.txn.table_locks import DATABASE
from minidb.types import BIGINT, BOOLEAN, TEXT

if TYPE_CHECKING:
    from minidb.database import Database
    from minidb.txn.transaction import Transaction


def locks(database: Database) -> Iterator[Row]:
    """One row per lock held or waited for: kind, object, index, interval, mode, granted, and who is in the way."""
    manager = database.manager
    with manager.latch:
        found = list(lock_rows(database))
    yield from found


def lock_rows(database: Database) -> Iterator[Row]:
    manager = database.manager
    for lock in [*manager.table_locks.values(), *weak_locks(database), *manager.names.values()]:
        yield from mode_rows(lock, lock.title)
    for store in database.relations.stores.values():
        for ref, held in store.row_locks.items():
            if isinstance(held, ModeLock):
                yield from mode_rows(held, store.name, ref)
            else:
                yield holder_row(held[0], "row", store.name, None, key_words(ref), strength_name(held[1]))
        yield from interval_rows(store.name, store.intervals)
    for relation, readers in manager.conflicts.everything().items():
        table, index = relation_names(database, relation)
        for txn, intervals in readers.items():
            for low, high in intervals:
                yield holder_row(txn, "siread", table, index, words(low, high), "siread")
    for txn in manager.active:
        yield from changed_rows(txn)
        request = txn.waiting
        if request is not None and not isinstance(request.resource, ModeLock | IntervalLocks):
            yield waiter_row(request, "transaction", None, None, request.words(), "end")


def changed_rows(txn: Transaction) -> Iterator[Row]:
    """The locks that nobody had to take, since the transaction's own version of the row stands for them."""
    for store, ref, version in txn.changes:
        if version.older is not None and ref not in store.row_locks:
            if store.chains.get(ref) is version:
                mode = "update" if version.keyed or version.row is None else "no key update"
                yield holder_row(txn, "row", store.name, None, key_words(ref), mode)


def weak_locks(database: Database) -> Iterable[ModeLock]:
    """The table locks that are only noted in their transactions, as if they were there (`txn.manager`, 5)."""
    manager = database.manager
    found: dict[int, ModeLock] = {}
    for txn in manager.active:
        for table, mask in txn.weak.items():
            if mask and table not in manager.table_locks:
                if table not in found:
                    found[table] = lock_object(database, table)
                found[table].hold(txn, mask)
    return found.values()


def lock_object(database: Database, table: int) -> ModeLock:
    if table == DATABASE:
        return ModeLock("database", DATABASE, database.manager.database_lock.title, DATABASE_MODES, DATABASE_CONFLICTS)
    return ModeLock("table", table, f"table {database.relations.title_of(table)}", TABLE_MODES, TABLE_CONFLICTS)


def strength_name(mask: int) -> str:
    return ROW_STRENGTHS[mask.bit_length() - 1]


def mode_rows(lock: ModeLock, name: str, ref: Any = None) -> Iterator[Row]:
    place = key_words(ref) if ref is not None else None
    table = name.removeprefix("table ") if lock.kind in ("table", "row") else None
    for txn, mask in lock.holders.items():
        for number, mode in enumerate(lock.modes):
            if mask >> number & 1:
                yield holder_row(txn, lock.kind, table or lock.title, None, place, mode)
    for request in lock.queue:
        yield waiter_row(request, lock.kind, table or lock.title, None, place, lock.modes[request.mode])


def interval_rows(table: str, locks: IntervalLocks) -> Iterator[Row]:
    for mode, held in (("shared", locks.shared), ("update", locks.update)):
        for relation, readers in held.items():
            for txn, intervals in readers.items():
                for low, high in intervals:
                    yield holder_row(txn, "interval", table, locks.names.get(relation), words(low, high), mode)
    for request in locks.queue:
        if request.points:
            relation, key = request.points[0]
            yield waiter_row(request, "interval", table, locks.names.get(relation), f"= {key_words(key)}", "write")
        elif request.low is not None and request.high is not None:
            place = words(request.low, request.high)
            mode = "update" if request.mode else "shared"
            yield waiter_row(request, "interval", table, locks.names.get(request.relation), place, mode)


def holder_row(txn: Any, kind: str, table: str | None, index: str | None, place: str | None, mode: str) -> Row:
    return (kind, table, index, place, mode, True, txn.id, txn.session_name, None, txn.state)


def waiter_row(request: Any, kind: str, table: str | None, index: str | None, place: str | None, mode: str) -> Row:
    txn = request.txn
    whom = ", ".join(dict.fromkeys(edge[0].session_name or edge[0].title for edge in request.blockers()))
    return (kind, table, index, place, mode, request.granted, txn.id, txn.session_name, whom or None, txn.state)


def relation_names(database: Database, relation: int) -> tuple[str | None, str | None]:
    for store in database.relations.stores.values():
        if relation in store.names:
            return store.name, store.names[relation]
    return None, None


VIEWS: dict[str, View] = {
    "sys.locks": (
        columns(
            ("kind", TEXT), ("object", TEXT), ("index_name", TEXT), ("place", TEXT), ("mode", TEXT),
            ("granted", BOOLEAN), ("transaction", BIGINT), ("session", TEXT), ("waits_for", TEXT), ("state", TEXT),
        ),
        locks,
    ),
}
