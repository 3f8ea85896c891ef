"""Layouts: rows and index entries as bytes, one typed decoder per relation and number of columns.

Pages and log records carry rows as MessagePack arrays. msgspec writes Decimal, dates, intervals and UUIDs as text, so
only a decoder that knows the columns' types gives them back; it is made here, from the schema, and storage runs it
without knowing what it does. A fixed-length tuple rejects a shorter row, so every payload carries its number of
columns;
rows that are older than a column are completed here (R66).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import msgspec

from minidb.access.page_parts import Parts, Payload, pack
from minidb.errors import DatabaseCorrupt
from minidb.keys import ArrayKey, Key, KeyColumn, Row, key_maker
from minidb.schema import Index, IndexKey, Table
from minidb.storage.interface import Layout, Ref
from minidb.types import SqlType, decoded, encoded, from_text

ENCODER = msgspec.msgpack.Encoder(enc_hook=encoded)
encode_value = ENCODER.encode
NEGATED = frozenset({"smallint", "integer", "bigint", "real", "double precision", "numeric", "boolean", "date"})
PLAIN = NEGATED | {"text", "varchar", "char", "bytea", "time", "timestamp", "timestamptz"}
INEXACT = ("real", "double precision", "numeric")  # NaN exists, and equal values may differ (1.0, 1.00)


def rows_decoder(types: Sequence[SqlType]) -> Any:
    """What decodes rows with columns of `types`, each of which may be NULL."""
    return decoder_of(tuple([t.python_type for t in types]))


@lru_cache(1000)
def decoder_of(kinds: tuple[Any, ...]) -> Any:
    """The same for Python types; shared by all tables with such columns, since it holds no state and takes long to
    make."""
    row: Any = tuple[tuple([kind | None for kind in kinds])] if kinds else tuple[()]  # type: ignore[misc]
    return msgspec.msgpack.Decoder(list[row], dec_hook=decoded)


class RowCodec:
    """Rows of one table, of any number of columns that it ever had."""

    def __init__(self, table: Table) -> None:
        self.types = [column.type for column in table.columns]
        self.missing = [
            None if column.missing is None else from_text(column.type, column.missing) for column in table.columns
        ]
        self.width = len(self.types)
        self.decoders: dict[int, Any] = {}
        self.facts = (tuple(self.types), tuple(column.missing for column in table.columns))

    def decoder(self, width: int) -> Any:
        decoder = self.decoders.get(width)
        if decoder is None:
            if width > self.width:
                raise DatabaseCorrupt(f"a row has {width} columns where its table has {self.width}")
            decoder = self.decoders[width] = rows_decoder(self.types[:width])
        return decoder

    def decode(self, width: int, data: bytes | memoryview) -> list[Row]:
        """The rows that `encode_value(rows)` wrote when they had `width` columns, completed to today's width."""
        try:
            rows: list[Row] = self.decoder(width).decode(data)
        except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError) as error:
            raise DatabaseCorrupt(f"rows cannot be decoded: {error}") from error
        return self.complete(rows)

    def complete(self, rows: list[Row]) -> list[Row]:
        if not rows or len(rows[0]) == self.width:
            return rows
        tail = tuple(self.missing[len(rows[0]) :])
        return [row + tail for row in rows]


class Same:
    """Layouts are equal if they were made from the same facts: then decoded pages can be shared (R66)."""

    facts: tuple[Any, ...]
    scale = 1
    least = 0

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.facts == other.facts

    def __hash__(self) -> int:
        return hash(self.facts)

    def parts(self, data: bytes) -> Parts | None:
        return None


class HeapLayout(Same):
    """Pages of a heap file: RIDs and rows."""

    def __init__(self, codec: RowCodec) -> None:
        self.codec = codec
        self.facts = codec.facts

    def encode(self, keys: list[Key], refs: list[Ref], rows: list[Row]) -> bytes:
        return pack(encode_value, self.codec.width, refs, rows, rids=True, keyed=False)

    def decode(self, data: bytes) -> tuple[list[Key], list[Ref], list[Row]]:
        payload = Payload(data)
        refs = list(payload.rids())
        rows = self.codec.decode(payload.width, payload.body)
        if len(refs) != len(rows):
            raise DatabaseCorrupt("a heap page has another number of addresses than rows")
        return refs, refs, rows

    def parts(self, data: bytes) -> Parts | None:
        payload = Payload(data)
        if payload.directory is None:
            return None
        return Parts(payload, partial(self.codec.decode, payload.width), None, payload.rids())


def heap_layout(table: Table, codec: RowCodec) -> Layout:
    """How the pages of a heap are encoded."""
    if table.layout == "column":
        from minidb.access.column_pages import ColumnLayout  # most databases have no such table

        return ColumnLayout(codec)
    return HeapLayout(codec)


class ClusteredLayout(Same):
    """Leaves of a clustered table: whole rows; keys and addresses follow from them."""

    def __init__(self, codec: RowCodec, key: Callable[[Row], Key], key_facts: tuple[Any, ...]) -> None:
        self.codec = codec
        self.key = key
        self.facts = (codec.facts, key_facts)

    def encode(self, keys: list[Key], refs: list[Ref], rows: list[Row]) -> bytes:
        return pack(encode_value, self.codec.width, None, rows, rids=False, keyed=True)

    def decode(self, data: bytes) -> tuple[list[Key], list[Ref], list[Row]]:
        payload = Payload(data)
        rows = self.codec.decode(payload.width, payload.body)
        keys = list(map(self.key, rows))
        return keys, keys, rows

    def parts(self, data: bytes) -> Parts | None:
        payload = Payload(data)
        if payload.directory is None:
            return None
        return Parts(payload, partial(self.codec.decode, payload.width), self.key, None)


class IndexLayout(Same):
    """Leaves of a secondary index: the stored values (key columns, then INCLUDE columns) and the rows' addresses.

    Addresses in a clustered table are written as the primary key's values and made into keys again on reading."""

    def __init__(self, types: Sequence[SqlType], key: Callable[[Row], Key], key_facts: tuple[Any, ...],
                 primary: PrimaryKeyForm | None) -> None:
        self.facts = (tuple(types), key_facts, None if primary is None else tuple(primary.types))
        self.types = types
        self.width = len(types)
        self.decoder: Any = None  # made for the first page that is read: most indexes are not, for a long time
        self.key = key
        self.primary = primary

    def encode(self, keys: list[Key], refs: list[Ref], rows: list[Row]) -> bytes:
        stored = refs if self.primary is None else [self.primary.values(ref) for ref in refs]
        return pack(encode_value, self.width, stored, rows, rids=self.primary is None, keyed=True)

    def decode(self, data: bytes) -> tuple[list[Key], list[Ref], list[Row]]:
        payload = self.payload(data)
        rows = self.decode_rows(payload.body)
        refs = list(self.refs(payload))
        if len(refs) != len(rows):
            raise DatabaseCorrupt("an index page has another number of addresses than entries")
        return list(map(self.key, rows)), refs, rows

    def parts(self, data: bytes) -> Parts | None:
        payload = self.payload(data)
        if payload.directory is None:
            return None
        refs = self.refs(payload)
        if len(refs) != payload.count:
            raise DatabaseCorrupt("an index page has another number of addresses than entries")
        return Parts(payload, self.decode_rows, self.key, refs)

    def payload(self, data: bytes) -> Payload:
        payload = Payload(data)
        if payload.width != self.width:
            raise DatabaseCorrupt(f"an index entry has {payload.width} values where {self.width} are expected")
        return payload

    def decode_rows(self, data: bytes) -> list[Row]:
        if self.decoder is None:
            self.decoder = rows_decoder(self.types)
        try:
            rows: list[Row] = self.decoder.decode(data)
        except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError) as error:
            raise DatabaseCorrupt(f"index entries cannot be decoded: {error}") from error
        return rows

    def refs(self, payload: Payload) -> Sequence[Ref]:
        return payload.rids() if self.primary is None else self.primary.decode(payload.head)


class PrimaryKeyForm:
    """A clustered table's primary key: between the key form and the plain values."""

    def __init__(self, keys: Sequence[IndexKey]) -> None:
        self.keys = keys
        self.single = len(keys) == 1
        self.descending = [key.descending for key in keys]
        self.types = [key.type for key in keys]
        self.decoder: Any = rows_decoder(self.types)
        self.make = key_maker([key_column(key, i, True) for i, key in enumerate(keys)])

    def values(self, ref: Ref) -> Row:
        parts = (ref,) if self.single else ref
        return tuple(plain_value(p, d, t) for p, d, t in zip(parts, self.descending, self.types))

    def decode(self, data: bytes | memoryview) -> list[Ref]:
        try:
            return list(map(self.make, self.decoder.decode(data)))
        except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError) as error:
            raise DatabaseCorrupt(f"primary keys cannot be decoded: {error}") from error


def plain_value(part: Any, descending: bool, sql_type: SqlType) -> Any:
    """The value behind one part of a key (never NULL: primary keys only)."""
    from_part = getattr(part, "value", None)
    if from_part is not None and descending:
        part = from_part
        descending = False
    if type(part) is ArrayKey:
        return part.items
    if part is not None and type(part).__name__ == "Extreme":
        return sql_type.python_type("nan")
    if not descending:
        return part
    if sql_type.python_type.__name__ == "date":
        return sql_type.python_type.fromordinal(-part)
    if sql_type.python_type is bool:
        return bool(-part)
    return part.copy_negate() if hasattr(part, "copy_negate") else -part


def key_column(key: IndexKey, position: int, not_null: bool) -> KeyColumn:
    plain = not_null and not key.descending and key.type.name not in INEXACT and key.type.element is None
    return KeyColumn(position, desc=key.descending, nulls_first=key.nulls_first, plain=plain)


def index_key_columns(table: Table, index: Index) -> list[KeyColumn] | None:
    """How the columns of `table` enter the key; None if an expression does."""
    columns = []
    for key in index.keys:
        if key.position is None:
            return None
        columns.append(key_column(key, key.position, table.columns[key.position].not_null))
    return columns


def stored_key_columns(table: Table, index: Index) -> list[KeyColumn]:
    """The same over the tuple of stored values."""
    return [
        key_column(key, i, key.position is not None and table.columns[key.position].not_null)
        for i, key in enumerate(index.keys)
    ]


def compares_plainly(index: Index) -> bool:
    """Whether two of its keys are hashed, and compared for equality, without Python code (`keys`)."""
    return all(key.type.name in (NEGATED if key.descending else PLAIN) for key in index.keys)


def key_facts(columns: Sequence[KeyColumn]) -> tuple[Any, ...]:
    return tuple((c.position, c.desc, c.nulls_first, c.plain) for c in columns)


def stored_types(table: Table, index: Index) -> list[SqlType]:
    return [key.type for key in index.keys] + [table.columns[p].type for p in index.include]
