"""sys.versions and sys.dependencies: what version chains, conflict graph and lock table say about the transactions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from minidb import schema
from minidb.inside.view import View, columns
from minidb.keys import Row
from minidb.txn.intervals import key_words
from minidb.txn.versions import ABORTED, PENDING, visible
from minidb.types import BIGINT, BOOLEAN, INTEGER, TEXT, to_text

if TYPE_CHECKING:
    from minidb.database import Database


def versions(database: Database) -> Iterator[Row]:
    """Every version of every row that has a chain, newest first, with what makes and unmakes it."""
    with database.manager.latch:
        found: list[Row] = []
        for store in database.relations.stores.values():
            for ref in store.addresses:
                found.extend(chain_rows(store, ref))
    yield from found


def chain_rows(store: Any, ref: Any) -> Iterator[Row]:
    version, above, depth = store.chains.get(ref), None, 0
    while version is not None:
        owner = version.owner
        number = owner.number
        state = "aborted" if number >= ABORTED else "uncommitted" if number >= PENDING else "committed"
        begin = None if number >= PENDING else int(number)
        end = None
        if above is not None and above.owner.number < PENDING:
            end = int(above.owner.number)
        yield (
            store.name, key_words(ref), depth, row_words(store.schema, version.row), version.row is None, state, begin,
            end, owner.id or None, getattr(owner, "session_name", None),
            owner.write_text(version.statement) if hasattr(owner, "write_text") else None,
        )
        above, version, depth = version, version.older, depth + 1


def row_words(table: schema.Table, row: Row | None) -> str | None:
    if row is None:
        return None
    return "(" + ", ".join("" if v is None else to_text(c.type, v) for c, v in zip(table.columns, row)) + ")"


def dependencies(database: Database) -> Iterator[Row]:
    """The edges now known: rw from the conflict graph, ww and wr from the chains, waits from the lock table."""
    manager = database.manager
    with manager.latch:
        read = manager.conflicts.everything()
        found: list[Row] = []
        for txn in [*manager.active, *manager.conflicts.committed]:
            for writer, edge in txn.out_edges.items():
                found.append(("rw", txn.id, txn.session_name, writer.id, writer.session_name, edge.words()))
            request = txn.waiting
            if request is not None:
                for other, _, _ in request.blockers():
                    found.append(
                        ("waits", txn.id, txn.session_name, other.id, other.session_name, request.words())
                    )
        for store in database.relations.stores.values():
            for ref, chain in store.chains.items():
                found.extend(overwrites(store.name, ref, chain))
            found.extend(read_from(database, store, read))
    yield from dict.fromkeys(found)


def read_from(database: Database, store: Any, read: dict[int, Any]) -> Iterator[Row]:
    """wr edges: whose versions the transactions that mark or lock what they read have seen, as far as chains tell."""
    for relation, name in store.names.items():
        index = next((i for i in store.index_list if i.relation == relation), None)
        marks = read.get(relation)
        locked = [by_relation.get(relation, {}) for by_relation in (store.intervals.shared, store.intervals.update)]
        for readers in locked if marks is None else [marks, *locked]:
            for txn, intervals in readers.items():
                snapshot = txn.snapshot if txn.policy.keeps_snapshot else database.manager.published
                for ref, chain in store.chains.items():
                    seen = visible(chain, snapshot, txn, txn.statement)
                    if seen is None or seen.owner is txn or not seen.owner.id:
                        continue
                    key = ref if index is None else index.entry(seen.row)
                    if key is not None and intervals.contains(key):
                        writer: Any = seen.owner
                        words = f"{txn.title} read row {store.row_title(ref, seen.row)} of {store.name} through {name}"
                        yield (
                            "wr", writer.id, getattr(writer, "session_name", None), txn.id, txn.session_name,
                            f"{words}, which {writer.title} wrote",
                        )


def overwrites(table: str, ref: Any, version: Any) -> Iterator[Row]:
    while version is not None and version.older is not None:
        new, old = version.owner, version.older.owner
        if new.id and old.id and new.id != old.id:
            yield (
                "ww", old.id, old.session_name, new.id, new.session_name,
                f"{new.title} overwrote row {key_words(ref)} of {table}, which {old.title} wrote",
            )
        version = version.older


VIEWS: dict[str, View] = {
    "sys.versions": (
        columns(
            ("table_name", TEXT), ("address", TEXT), ("depth", INTEGER), ("contents", TEXT), ("deleted", BOOLEAN),
            ("state", TEXT), ("begin_commit", BIGINT), ("end_commit", BIGINT), ("transaction", BIGINT),
            ("session", TEXT), ("statement", TEXT),
        ),
        versions,
    ),
    "sys.dependencies": (
        columns(
            ("kind", TEXT), ("from_transaction", BIGINT), ("from_session", TEXT), ("to_transaction", BIGINT),
            ("to_session", TEXT), ("description", TEXT),
        ),
        dependencies,
    ),
}
