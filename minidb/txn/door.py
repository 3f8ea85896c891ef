"""What compiled statements and schema changes may ask of the transaction floor: the protocols of its two doors.

`Rows` is the only way to data. It knows no SQL; its callers know no isolation level, version or lock. Relations and
indexes are named by their ids in the schema (`Table.id`, `Index.id`). A *cut* is a place between keys: `(key, 0)`
stands before, `(key, 1)` after all entries of that key; None is the open end. A range is two cuts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Protocol

from minidb import schema
from minidb.keys import Key, Row
from minidb.storage.interface import Ref

Cut = tuple[Key, int]


class PageColumns(Protocol):
    """One page of a table that is kept by columns: immutable, each column unpacked when it is first asked for. Integers
    are also dates and timestamps, as `types.numbered` has them. `np` is NumPy. Any method may raise DatabaseCorrupt."""

    count: int

    def __len__(self) -> int: ...

    def rows(self) -> list[Row]: ...

    def values(self, position: int) -> list[Any]: ...

    def bounds(self, position: int) -> tuple[int, int, bool] | None:
        """(least, greatest, whether there are NULLs) of a column of integers; None where that is not known."""

    def integers(self, position: int, np: Any) -> tuple[Any, Any] | None:
        """(array of int64, array of where it is NULL or None); None where `bounds` has none."""

    def scaled(self, position: int, np: Any) -> tuple[Any, Any, int, int, int] | None:
        """Of a column of numeric that is kept as integers: (array of int64, array of NULLs or None, least, greatest,
        digits behind the point)."""

    def codes(self, position: int, np: Any) -> tuple[Any, list[Any]] | None:
        """(array of codes, what they stand for) of a column that is stored so."""


class Rows(Protocol):
    """Data as one statement sees it. Every method may wait for locks and may raise RetryableError, QueryCanceled,
    LockNotAvailable or DatabaseFailed."""

    # -- reading; batches are lists, so that generated loops run over them at full speed. No latch is held at a yield.

    def scan(self, table: int, low: Cut | None = None, high: Cut | None = None, *, reverse: bool = False,
             first: int = 0, locking: bool = False) -> Iterable[tuple[Sequence[Ref], Sequence[Row]]]:
        """Visible rows in the table's own order (heap: RID; clustered: primary key, where cuts may bound it).

        `first`: how many rows the caller expects to need (LIMIT, EXISTS, min), 0 for all: batches begin at that size,
        so that no more is read, locked or marked than was looked at (R49). `locking`: the search of UPDATE, DELETE and
        FOR UPDATE, whose intervals are taken in update mode under 2PL (R50)."""

    def pages(self, table: int) -> Iterable[tuple[PageColumns | None, list[int], Sequence[Row]]]:
        """All visible rows of a table kept by columns: (the contents of a page, which of its rows do not count, rows
        that count besides); None where there are rows alone."""

    def range(self, table: int, index: int, low: Cut | None, high: Cut | None, *, reverse: bool = False,
              first: int = 0, locking: bool = False) -> Iterable[tuple[Sequence[Ref], Sequence[Row]]]:
        """Visible whole rows in index order."""

    def entries(self, table: int, index: int, low: Cut | None, high: Cut | None, *, reverse: bool = False,
                first: int = 0) -> Iterable[Sequence[Row]]:
        """Index-only: per visible row the tuple of the index's stored values: key columns, then INCLUDE columns."""

    def addresses(self, table: int, index: int, low: Cut | None, high: Cut | None) -> Iterator[Sequence[Ref]]:
        """The addresses of visible rows in index order. What the interval leaves behind is that of `range`."""

    def find(self, table: int, index: int, key: Key, *, locking: bool = False) -> tuple[Ref, Row] | None:
        """The one visible row with this complete key in a unique index without NULLs in the key."""

    def get(self, table: int, ref: Ref) -> Row | None:
        """The visible row at an address that this statement has read before."""

    # -- writing

    def lock(self, table: int, ref: Ref, seen: Row, strength: str = "update", wait: str = "wait") -> Row | None:
        """Locks a row before it is changed or for FOR UPDATE and its kin; `seen` is the row as the scan gave it.

        Returns `seen` itself if it is still the newest; another row if the level goes on with the newest version (the
        caller then re-checks its conditions on it, R35, R36); None if the row is gone or (SKIP LOCKED) is locked.
        Raises SerializationFailure where the level forbids going on."""

    def claim(self, table: int, ref: Ref, seen: Row, strength: str = "update") -> Row | None:
        """`lock`, for a statement that changes this row at once. It may be put off until the change; that raises
        Overtaken if somebody else was faster: what the statement has done is undone, and it is run again, with `lock`.
        Only where all that it does besides is to `rewrite` other rows."""

    def insert(self, table: int, row: Row) -> Ref: ...

    def insert_or_conflict(self, table: int, row: Row, arbiters: Sequence[int],
                           lock: bool) -> tuple[Ref | None, Ref | None, Row | None]:
        """ON CONFLICT (R42): (new ref, None, None), or (None, ref, row) of the row in the way, locked when `lock`.
        `arbiters`: index ids, empty for all unique ones."""

    def insert_many(self, table: int, rows: Sequence[Row]) -> None: ...

    def update(self, table: int, ref: Ref, old: Row, new: Row) -> None:
        """`old` must be what `lock` returned."""

    def rewrite(self, table: int, ref: Ref, old: Row, new: Row) -> None:
        """`update` where no column differs that an index or a reference knows."""

    def delete(self, table: int, ref: Ref, old: Row) -> None: ...

    # -- facts

    def virtual(self, name: str) -> Iterable[Row]:
        """Rows of a sys or information_schema view."""

    def check_interrupt(self) -> None:
        """Called by long loops that read nothing; raises QueryCanceled."""


class SchemaDoor(Protocol):
    """Transactional DDL: changes a private catalog, which becomes the database's at commit."""

    @property
    def catalog(self) -> schema.Catalog:
        """The catalog as this transaction sees it."""

    def new_id(self) -> int:
        """An id for a table, index, constraint or relation; never given twice."""

    def pending(self, constraints: Collection[int]) -> bool:
        """Whether a check of one of these constraints (ids of foreign keys and indexes) waits for the commit."""

    def lock_name(self, name: str) -> None:
        """Keeps the name of an object from other transactions to the end of this one."""

    def lock_table(self, table: int, mode: str, nowait: bool = False) -> None:
        """One of the eight modes of PostgreSQL, in lower case ('access exclusive' ...)."""

    def change(self, catalog: schema.Catalog, *, incompatible: Iterable[int] = ()) -> None:
        """Makes `catalog` this transaction's. Relations that appear or vanish are found by comparing. `incompatible`:
        ids of tables that older snapshots must not use any more (R64)."""

    def sequence_point(self, relation: int) -> tuple[int, bool]:
        """Where a sequence stands that is locked: its value, and whether that was given out."""

    def build_index(self, table: int, index: int) -> None:
        """Fills an index that `change` has just added, from all versions of all rows (R65); UniqueViolation."""

    def newest_rows(self, table: int) -> Iterator[tuple[Ref, Row]]:
        """Every row that is newest for this transaction (committed or its own), for validating constraints."""

    def insert_row(self, table: int, row: Row) -> None:
        """For rewrites and CREATE TABLE AS: as Rows.insert."""

    def delete_row(self, table: int, ref: Ref, row: Row) -> None:
        """A row that `newest_rows` has given, of a table that nobody else writes."""

    def validate_foreign_key(self, table: int, constraint: int) -> None:
        """ForeignKeyViolation if a row of `table` has no parent."""


RowFunction = Callable[[Row], Any]


class SchemaCompiler(Protocol):
    """Turns the SQL texts of a schema into functions of a row; handed to `access` by `database`."""

    def row_function(self, table: schema.Table, expression: str) -> RowFunction:
        """For index expressions and conditions (a condition is true only for True)."""

    def default(self, table: schema.Table, position: int) -> Callable[[Any], Any]:
        """The value of the column's DEFAULT, given the session's function context; for SET DEFAULT of a foreign key."""
