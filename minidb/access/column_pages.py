"""Pages of a heap whose table is kept by columns: `CREATE TABLE ... WITH (layout = column)`.

    payload    [count, addresses, [values of column 0, values of column 1, ...]]      MessagePack; see `column_values`

A page holds thousands of rows, so that what is done by the page costs little for each of them; it is unpacked column by
column, and only when somebody asks. Who asks for rows gets rows: all but the scans that know better (`txn.pages`)
sees a leaf like any other. The price is paid by single changes: a page is written anew for each checkpoint in which one
of its rows has changed.

Invariants:
 1. A page was written with as many columns as its table had then; the rest are as RowCodec completes them (R66).
 2. A page has at most MOST_ROWS rows: a count that a damaged file names makes no list longer than that.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import Any

import msgspec

from minidb.access.column_arrays import code_array, integer_array
from minidb.access.column_values import ColumnForm, Dictionary, Numbers, Scaled, Values
from minidb.access.layouts import RowCodec, Same
from minidb.access.packed import Packed, check, pack, unpack
from minidb.errors import DatabaseCorrupt
from minidb.keys import Key, Row
from minidb.storage.interface import Ref

MOST_ROWS = 1 << 16
SCALE = 16  # pages are so many times as large as those of rows
LEAST = 16  # bytes that a row counts for at least, however well its values are packed
BYTES_PER_VALUE = 24  # in memory, on top of the row: lists, arrays


class Page(msgspec.Struct, array_like=True, frozen=True):
    count: int
    refs: Packed
    columns: list[Values]


_ENCODE = msgspec.msgpack.Encoder().encode
_PAGE = msgspec.msgpack.Decoder(Page)


class Columns:
    """The columns of one page, each unpacked when it is first asked for. Threads may do that at the same time: both
    make the same."""

    __slots__ = ("arrays", "codec", "count", "forms", "lists", "made", "stored", "where")

    def __init__(self, count: int, stored: list[Values], forms: list[ColumnForm], codec: RowCodec) -> None:
        self.count = count
        self.stored = stored
        self.forms = forms
        self.codec = codec
        self.lists: dict[int, list[Any]] = {}
        self.arrays: dict[int, tuple[Any, Any]] = {}  # of whoever calculates with them, by column
        self.made: list[Row] | None = None
        self.where: Callable[[str], DatabaseCorrupt] | None = None  # names the page in errors

    def __len__(self) -> int:
        return self.count

    @property
    def memory(self) -> int:
        """Bytes that the columns take once they are all unpacked, about."""
        return self.count * BYTES_PER_VALUE * len(self.forms)

    def values(self, position: int) -> list[Any]:
        """The values of a column. Raises DatabaseCorrupt."""
        found = self.lists.get(position)
        if found is None:
            if position < len(self.stored):
                found = self.guarded(lambda: self.forms[position].decode(self.stored[position], self.count))
            else:
                found = [self.codec.missing[position]] * self.count
            self.lists[position] = found
        return found

    # -- for who calculates with whole columns; see `txn.door.PageColumns`

    def bounds(self, position: int) -> tuple[int, int, bool] | None:
        stored = self.stored_of(position)
        return (stored.low, stored.high, bool(stored.nulls)) if type(stored) is Numbers else None

    def integers(self, position: int, np: Any) -> tuple[Any, Any] | None:
        stored = self.stored_of(position)
        if type(stored) is not Numbers:
            return None
        return self.array(position, lambda: integer_array(stored, self.count, np))

    def scaled(self, position: int, np: Any) -> tuple[Any, Any, int, int, int] | None:
        stored = self.stored_of(position)
        if type(stored) is not Scaled:
            return None
        numbers = stored.numbers
        found = self.array(position, lambda: integer_array(numbers, self.count, np))
        return (*found, numbers.low, numbers.high, stored.scale)

    def codes(self, position: int, np: Any) -> tuple[Any, list[Any]] | None:
        stored = self.stored_of(position)
        if type(stored) is not Dictionary:
            return None
        return self.array(position, lambda: code_array(stored, self.forms[position], self.count, np))

    def stored_of(self, position: int) -> Values | None:
        """A column as it is in the page; None if its table got it later."""
        return self.stored[position] if position < len(self.stored) else None

    def array(self, position: int, make: Callable[[], tuple[Any, Any]]) -> tuple[Any, Any]:
        """What `make` makes of a column, once."""
        if position not in self.arrays:
            self.arrays[position] = self.guarded(make)
        return self.arrays[position]

    def guarded(self, action: Callable[[], Any]) -> Any:
        """What `action` makes; an error of it says which page is damaged."""
        try:
            return action()
        except DatabaseCorrupt as error:
            raise error if self.where is None else self.where(error.message) from error

    def rows(self) -> list[Row]:
        if self.made is None:
            width = len(self.forms)
            columns = [self.lists.get(position) or self.values(position) for position in range(width)]
            self.made = list(zip(*columns)) if columns else list(repeat((), self.count))
            self.lists.clear()  # what the rows hold now; who wants a column again unpacks it again
        return self.made


class ColumnLayout(Same):
    """Pages of a heap by columns."""

    scale = SCALE
    least = LEAST

    def __init__(self, codec: RowCodec) -> None:
        self.codec = codec
        self.facts = codec.facts
        self.forms = [ColumnForm(kind) for kind in codec.types]

    def encode(self, keys: list[Key], refs: list[Ref], rows: list[Row]) -> bytes:
        assert len(rows) <= MOST_ROWS, "a page has too many rows"
        columns = [form.encode(values) for form, values in zip(self.forms, zip(*rows))]
        return _ENCODE(Page(len(rows), pack(refs, min(refs), max(refs)), columns))

    def decode(self, data: bytes) -> tuple[list[Key], list[Ref], Columns]:
        try:
            page = _PAGE.decode(data)
        except (msgspec.MsgspecError, RecursionError, ValueError, OverflowError) as error:
            raise DatabaseCorrupt(f"a page of columns cannot be decoded: {error}") from error
        count = page.count
        if not 0 < count <= MOST_ROWS:
            raise DatabaseCorrupt(f"a page of columns has {count} rows")
        if len(page.columns) > len(self.forms):
            raise DatabaseCorrupt(f"a page has {len(page.columns)} columns where its table has {len(self.forms)}")
        check(page.refs, count)
        for form, values in zip(self.forms, page.columns):
            form.check(values, count)
        refs = unpack(page.refs, count)
        return refs, refs, Columns(count, page.columns, self.forms, self.codec)
