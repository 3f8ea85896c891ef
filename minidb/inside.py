"""Views of the engine's inside: sys.* and information_schema, as rows computed when they are read.

`sys.locks` and its kin show what the lock table, the version chains and the conflict graph hold at this moment; they
take no locks themselves and belong to no snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from minidb import schema
from minidb.keys import Row
from minidb.txn.intervals import key_words, words
from minidb.txn.locks import (
    DATABASE_CONFLICTS,
    DATABASE_MODES,
    TABLE_CONFLICTS,
    TABLE_MODES,
    IntervalLocks,
    ModeLock,
)
from minidb.txn.manager import DATABASE
from minidb.txn.versions import ABORTED, PENDING, visible
from minidb.types import BIGINT, BOOLEAN, INTEGER, TEXT, TIMESTAMPTZ, SqlType, to_text

if TYPE_CHECKING:
    from minidb.database import Database
    from minidb.txn.transaction import Transaction

Maker = Callable[["Database"], Iterator[Row]]


def columns(*pairs: tuple[str, SqlType]) -> tuple[schema.Column, ...]:
    return tuple(schema.Column(name=n, type=t, position=i) for i, (n, t) in enumerate(pairs))


class Inside:
    """The catalogue of inside views of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def columns(self, schema_name: str, name: str) -> tuple[schema.Column, ...] | None:
        found = VIEWS.get(f"{schema_name}.{name}")
        return None if found is None else found[0]

    def rows(self, name: str) -> list[Row]:
        if name.startswith("sequence "):
            return sequence_row(self.database, int(name.removeprefix("sequence ")))
        _, maker = VIEWS[name]
        return list(maker(self.database))


def transactions(database: Database) -> Iterator[Row]:
    manager = database.manager
    with manager.latch:
        active = list(manager.active)
    for txn in active:
        request = txn.waiting
        snapshot = txn.snapshot if 0 <= txn.snapshot < PENDING else None
        state = txn.state if txn.parked is None else "parked"
        yield (
            txn.id, txn.session_name, txn.policy.level, state, txn.read_only, txn.deferrable, snapshot,
            txn.statement_text or None, request.words() if request is not None else None,
            len(txn.changes), txn.doomed is not None,
            utc_time(txn.started),
        )


def utc_time(seconds: float) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC)


def commits(database: Database) -> Iterator[Row]:
    """The commits that AS OF can go back to, for as long as somebody keeps versions."""
    manager = database.manager
    with manager.latch:
        found = list(manager.past.commits())
    for number, seconds, author in found:
        yield number, utc_time(seconds), *author


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
    for relation, readers in manager.conflicts.marks.items():
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
    from minidb.txn.locks import ROW_STRENGTHS

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
            found.extend(read_from(database, store))
    yield from dict.fromkeys(found)


def read_from(database: Database, store: Any) -> Iterator[Row]:
    """wr edges: whose versions the transactions that mark or lock what they read have seen, as far as chains tell."""
    for relation, name in store.names.items():
        index = next((i for i in store.index_list if i.relation == relation), None)
        marks = database.manager.conflicts.marks.get(relation)
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


def storage_of(table: schema.Table) -> str:
    if table.clustered is not None:
        return "clustered"
    return "column heap" if table.layout == "column" else "heap"


def tables(database: Database) -> Iterator[Row]:
    root = database.base.root
    for name, table in sorted(database.relations.catalog.tables.items()):
        store = database.relations.tables[table.id]
        top = root.relations.get(table.relation)
        yield (
            table.id, name, storage_of(table), len(table.live_columns),
            top.entries if top is not None else 0, len(store.chains), top.pages if top is not None else 0,
            top.blocks if top is not None else 0,
        )


def indexes(database: Database) -> Iterator[Row]:
    root = database.base.root
    for name, table in sorted(database.relations.catalog.tables.items()):
        store = database.relations.tables[table.id]
        for index in table.indexes:
            top = root.relations.get(index.relation)
            overlay = len(store.indexes[index.id].overlay) if index.id in store.indexes else len(store.chains)
            yield (
                index.id, index.name, name, index_columns(table, index), index.unique, index.primary, index.clustered,
                ", ".join(table.columns[p].name for p in index.include) or None, index.where,
                top.entries if top is not None else 0, overlay, top.level + 1 if top is not None else 0,
                top.pages if top is not None else 0,
            )


def index_columns(table: schema.Table, index: schema.Index) -> str:
    parts = []
    for key in index.keys:
        text = table.columns[key.position].name if key.position is not None else f"({key.expression})"
        if key.descending:
            text += " DESC"
        if key.nulls_first != key.descending:
            text += " NULLS FIRST" if key.nulls_first else " NULLS LAST"
        parts.append(text)
    return ", ".join(parts)


def table_columns(database: Database) -> Iterator[Row]:
    for name, table in sorted(database.relations.catalog.tables.items()):
        keys = {k.position for k in table.primary_key.keys} if table.primary_key is not None else set()
        for number, column in enumerate(table.live_columns, 1):
            yield (
                name, column.name, number, str(column.type), not column.not_null, column.default,
                column.position in keys, column.generated,
            )


def sequence_row(database: Database, relation: int) -> list[Row]:
    """SELECT ... FROM a sequence."""
    with database.manager.latch:
        state = database.relations.sequences.states[relation]
        return [(state.value, state.left, state.called)]


def sequences(database: Database) -> Iterator[Row]:
    catalog = database.relations.catalog
    for name, sequence in sorted(catalog.sequences.items()):
        value, _, called = sequence_row(database, sequence.relation)[0]
        table = None if sequence.owner is None else catalog.table_by_id(sequence.owner)
        column = None if table is None or sequence.owner_column is None else table.columns[sequence.owner_column].name
        yield (
            sequence.id, name, str(sequence.type), sequence.start, sequence.minimum, sequence.maximum,
            sequence.increment, sequence.cycle, sequence.cache, value if called else None,
            None if table is None else table.name, column,
        )


def comments(database: Database) -> Iterator[Row]:
    catalog = database.relations.catalog
    for kind, thing in commented(catalog):
        text = catalog.comment_on(thing.id)
        if text is not None:
            yield kind, thing.name, None, text
        names = [(c.position, c.name) for c in thing.live_columns] if isinstance(thing, schema.Table) else []
        names = list(enumerate(thing.columns)) if isinstance(thing, schema.View) else names
        for position, name in names:
            text = catalog.comment_on(thing.id, position)
            if text is not None:
                yield "column", thing.name, name, text


def commented(catalog: schema.Catalog) -> Iterator[tuple[str, Any]]:
    for _, table in sorted(catalog.tables.items()):
        yield "table", table
        for index in table.indexes:
            yield "index", index
    for _, view in sorted(catalog.views.items()):
        yield "view", view
    for _, sequence in sorted(catalog.sequences.items()):
        yield "sequence", sequence


def information_sequences(database: Database) -> Iterator[Row]:
    bits = {"smallint": 16, "integer": 32, "bigint": 64}
    for name, s in sorted(database.relations.catalog.sequences.items()):
        if not s.identity:
            yield (
                "minidb", "public", name, str(s.type), bits[s.type.name], 2, 0, str(s.start), str(s.minimum),
                str(s.maximum), str(s.increment), "YES" if s.cycle else "NO",
            )


def information_tables(database: Database) -> Iterator[Row]:
    for name, table in sorted(database.relations.catalog.tables.items()):
        if not table.materialized:  # the standard knows none
            yield ("minidb", "public", name, "BASE TABLE", "YES")
    for name in sorted(n for n, v in database.relations.catalog.views.items() if v.materialized is None):
        yield ("minidb", "public", name, "VIEW", "NO")
    for full in sorted(VIEWS):
        schema_name, name = full.split(".")
        yield ("minidb", schema_name, name, "VIEW", "NO")


def information_columns(database: Database) -> Iterator[Row]:
    for name, table in sorted(database.relations.catalog.tables.items()):
        for number, column in enumerate(table.live_columns, 1):
            kind = column.type
            yield (
                "minidb", "public", name, column.name, number, column.default, "NO" if column.not_null else "YES",
                information_type(kind), kind.length, kind.precision, kind.scale,
            )


def information_type(kind: SqlType) -> str:
    names = {
        "varchar": "character varying", "char": "character", "timestamp": "timestamp without time zone",
        "timestamptz": "timestamp with time zone", "time": "time without time zone",
    }
    return names.get(kind.name, kind.name)


def slots(database: Database) -> Iterator[Row]:
    """Where the readers of the change feed have got to, and what is kept for them."""
    for slot in database.keeper.slots():
        seen = None if slot.time_us is None else utc_time(slot.time_us / 1_000_000)
        yield slot.name, slot.position, seen, slot.lag, slot.kept_bytes, "lost" if slot.lost else "kept"


VIEWS: dict[str, tuple[tuple[schema.Column, ...], Maker]] = {
    "sys.transactions": (
        columns(
            ("id", BIGINT), ("session", TEXT), ("isolation_level", TEXT), ("state", TEXT), ("read_only", BOOLEAN),
            ("deferrable", BOOLEAN), ("snapshot", BIGINT), ("statement", TEXT), ("waiting_for", TEXT),
            ("writes", BIGINT), ("doomed", BOOLEAN), ("started", TIMESTAMPTZ),
        ),
        transactions,
    ),
    "sys.locks": (
        columns(
            ("kind", TEXT), ("object", TEXT), ("index_name", TEXT), ("place", TEXT), ("mode", TEXT),
            ("granted", BOOLEAN), ("transaction", BIGINT), ("session", TEXT), ("waits_for", TEXT), ("state", TEXT),
        ),
        locks,
    ),
    "sys.versions": (
        columns(
            ("table_name", TEXT), ("address", TEXT), ("depth", INTEGER), ("contents", TEXT), ("deleted", BOOLEAN),
            ("state", TEXT), ("begin_commit", BIGINT), ("end_commit", BIGINT), ("transaction", BIGINT),
            ("session", TEXT), ("statement", TEXT),
        ),
        versions,
    ),
    "sys.commits": (
        columns(
            ("number", BIGINT), ("committed_at", TIMESTAMPTZ), ("transaction", BIGINT), ("session", TEXT),
            ("isolation_level", TEXT), ("rows_changed", BIGINT),
        ),
        commits,
    ),
    "sys.dependencies": (
        columns(
            ("kind", TEXT), ("from_transaction", BIGINT), ("from_session", TEXT), ("to_transaction", BIGINT),
            ("to_session", TEXT), ("description", TEXT),
        ),
        dependencies,
    ),
    "sys.slots": (
        columns(
            ("name", TEXT), ("acknowledged_commit", BIGINT), ("acknowledged_at", TIMESTAMPTZ),
            ("commits_behind", BIGINT), ("kept_bytes", BIGINT), ("status", TEXT),
        ),
        slots,
    ),
    "sys.tables": (
        columns(
            ("id", BIGINT), ("name", TEXT), ("storage", TEXT), ("columns", INTEGER), ("settled_rows", BIGINT),
            ("changed_rows", BIGINT), ("pages", BIGINT), ("blocks", BIGINT),
        ),
        tables,
    ),
    "sys.indexes": (
        columns(
            ("id", BIGINT), ("name", TEXT), ("table_name", TEXT), ("columns", TEXT), ("is_unique", BOOLEAN),
            ("is_primary", BOOLEAN), ("is_clustered", BOOLEAN), ("include", TEXT), ("condition", TEXT),
            ("settled_entries", BIGINT), ("overlay_entries", BIGINT), ("height", INTEGER), ("pages", BIGINT),
        ),
        indexes,
    ),
    "sys.columns": (
        columns(
            ("table_name", TEXT), ("name", TEXT), ("position", INTEGER), ("type", TEXT), ("nullable", BOOLEAN),
            ("default_value", TEXT), ("in_primary_key", BOOLEAN), ("generated", TEXT),
        ),
        table_columns,
    ),
    "sys.comments": (
        columns(("kind", TEXT), ("name", TEXT), ("column_name", TEXT), ("comment", TEXT)),
        comments,
    ),
    "sys.sequences": (
        columns(
            ("id", BIGINT), ("name", TEXT), ("type", TEXT), ("start_value", BIGINT), ("min_value", BIGINT),
            ("max_value", BIGINT), ("increment_by", BIGINT), ("cycle", BOOLEAN), ("cache_size", BIGINT),
            ("last_value", BIGINT), ("table_name", TEXT), ("column_name", TEXT),
        ),
        sequences,
    ),
    "information_schema.sequences": (
        columns(
            ("sequence_catalog", TEXT), ("sequence_schema", TEXT), ("sequence_name", TEXT), ("data_type", TEXT),
            ("numeric_precision", INTEGER), ("numeric_precision_radix", INTEGER), ("numeric_scale", INTEGER),
            ("start_value", TEXT), ("minimum_value", TEXT), ("maximum_value", TEXT), ("increment", TEXT),
            ("cycle_option", TEXT),
        ),
        information_sequences,
    ),
    "information_schema.tables": (
        columns(
            ("table_catalog", TEXT), ("table_schema", TEXT), ("table_name", TEXT), ("table_type", TEXT),
            ("is_insertable_into", TEXT),
        ),
        information_tables,
    ),
    "information_schema.columns": (
        columns(
            ("table_catalog", TEXT), ("table_schema", TEXT), ("table_name", TEXT), ("column_name", TEXT),
            ("ordinal_position", INTEGER), ("column_default", TEXT), ("is_nullable", TEXT), ("data_type", TEXT),
            ("character_maximum_length", INTEGER), ("numeric_precision", INTEGER), ("numeric_scale", INTEGER),
        ),
        information_columns,
    ),
}
