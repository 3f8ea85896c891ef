"""An in-memory implementation of the `Rows` door: obvious, slow, one user. For tests of generated code.

Tables are dicts from address to row; indexes are sorted anew for each read. `log` records what was asked, so that tests
can tell which interval a plan reads. Reads see the state at the call, so a statement does not meet its own changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from minidb import errors, schema
from minidb.keys import Key, KeyColumn, Row, has_null, key_maker

Cut = tuple[Key, int]
BATCH = 7


class ModelIndex:
    def __init__(self, index: schema.Index, table: schema.Table, functions: dict[str, Callable[[Row], Any]]) -> None:
        self.index = index
        expressions = [functions[key.expression] if key.expression is not None else None for key in index.keys]
        columns = [
            KeyColumn(
                place if key.position is None else key.position,
                desc=key.descending,
                nulls_first=key.nulls_first,
            )
            for place, key in enumerate(index.keys)
        ]
        makers = []
        for column, expression in zip(columns, expressions):
            make = column.maker()
            if expression is not None:
                column = KeyColumn(0, desc=column.desc, nulls_first=column.nulls_first)
                inner = column.maker()
                make = lambda row, e=expression, m=inner: m((e(row),))  # noqa: E731
            makers.append(make)
        self.key = (lambda row: makers[0](row)) if len(makers) == 1 else (lambda row: tuple([m(row) for m in makers]))
        self.values = [
            (expressions[p] if expressions[p] is not None else (lambda row, q=key.position: row[q]))
            for p, key in enumerate(index.keys)
        ] + [(lambda row, q=position: row[q]) for position in index.include]
        self.condition = functions[index.where] if index.where is not None else None

    def entries(self, rows: dict[Any, Row]) -> list[tuple[Key, Any, Row]]:
        found = [
            (self.key(row), ref, row) for ref, row in rows.items() if self.condition is None or self.condition(row)
        ]
        found.sort(key=lambda entry: (entry[0], entry[1]))
        return found


class ModelRows:
    """`functions` gives the compiled form of an expression of the schema: (table, text) -> function of a row."""

    def __init__(self, function: Callable[[schema.Table, str], Callable[[Row], Any]] | None = None) -> None:
        self.tables: dict[int, schema.Table] = {}
        self.data: dict[int, dict[Any, Row]] = {}
        self.indexes: dict[tuple[int, int], ModelIndex] = {}
        self.log: list[tuple[Any, ...]] = []
        self.views: dict[str, list[Row]] = {}
        self.replaced: dict[tuple[int, Any], Row | None] = {}  # what `lock` finds instead of the row that was seen
        self._function = function
        self._next = 1

    def create(self, table: schema.Table, rows: Iterable[Row] = ()) -> None:
        self.tables[table.id] = table
        self.data[table.id] = {}
        for index in table.indexes:
            texts = [key.expression for key in index.keys if key.expression is not None]
            texts += [index.where] if index.where is not None else []
            functions = {text: self._function(table, text) for text in texts} if self._function else {}
            self.indexes[table.id, index.id] = ModelIndex(index, table, functions)
        for row in rows:
            self.insert(table.id, row)

    # -- reading

    def _batches(self, entries: list[tuple[Key, Any, Row]], low, high, reverse, first) -> Iterator[list[Any]]:  # type: ignore[no-untyped-def]
        chosen = [e for e in entries if _after(e[0], low) and not _after(e[0], high, past=True)]
        if reverse:
            chosen.reverse()
        size = first or BATCH
        place = 0
        while place < len(chosen):
            yield chosen[place : place + size]
            place += size
            size = BATCH

    def scan(self, table, low=None, high=None, *, reverse=False, first=0, locking=False):  # type: ignore[no-untyped-def]
        self.log.append(("scan", table, low, high, reverse, first, locking))
        clustered = self.tables[table].clustered
        if clustered is not None:
            entries = self.indexes[table, clustered.id].entries(self.data[table])
        else:
            entries = [(ref, ref, row) for ref, row in self.data[table].items()]
        for batch in self._batches(entries, low, high, reverse, first):
            yield [entry[1] for entry in batch], [entry[2] for entry in batch]

    def range(self, table, index, low, high, *, reverse=False, first=0, locking=False):  # type: ignore[no-untyped-def]
        self.log.append(("range", table, index, low, high, reverse, first, locking))
        entries = self.indexes[table, index].entries(self.data[table])
        for batch in self._batches(entries, low, high, reverse, first):
            yield [entry[1] for entry in batch], [entry[2] for entry in batch]

    def entries(self, table, index, low, high, *, reverse=False, first=0):  # type: ignore[no-untyped-def]
        self.log.append(("entries", table, index, low, high, reverse, first))
        model = self.indexes[table, index]
        for batch in self._batches(model.entries(self.data[table]), low, high, reverse, first):
            yield [tuple([value(entry[2]) for value in model.values]) for entry in batch]

    def addresses(self, table, index, low, high):  # type: ignore[no-untyped-def]
        self.log.append(("addresses", table, index, low, high))
        for batch in self._batches(self.indexes[table, index].entries(self.data[table]), low, high, False, 0):
            yield [entry[1] for entry in batch]

    def find(self, table: int, index: int, key: Key, *, locking: bool = False) -> tuple[Any, Row] | None:
        self.log.append(("find", table, index, key, locking))
        for found, ref, row in self.indexes[table, index].entries(self.data[table]):
            if found == key:
                return ref, row
        return None

    def get(self, table: int, ref: Any) -> Row | None:
        return self.data[table].get(ref)

    # -- writing

    def lock(self, table: int, ref: Any, seen: Row, strength: str = "update", wait: str = "wait") -> Row | None:
        self.log.append(("lock", table, ref, strength, wait))
        if (table, ref) in self.replaced:
            newest = self.replaced.pop((table, ref))
            if newest is None:
                self.data[table].pop(ref, None)
            else:
                self.data[table][ref] = newest
            return newest
        current = self.data[table].get(ref)
        return seen if current == seen else current

    def _conflict(self, table: int, row: Row, arbiters: Sequence[int] = (), skip: Any = None) -> tuple[Any, Row] | None:
        for (owner, number), model in self.indexes.items():
            if owner != table or not model.index.unique or (arbiters and number not in arbiters):
                continue
            if model.condition is not None and not model.condition(row):
                continue
            key = model.key(row)
            if has_null(key):
                continue
            for found, ref, other in model.entries(self.data[table]):
                if found == key and ref != skip:
                    return ref, other
        return None

    def insert(self, table: int, row: Row) -> Any:
        if self._conflict(table, row) is not None:
            raise errors.UniqueViolation("duplicate key value violates unique constraint")
        clustered = self.tables[table].clustered
        ref = self._next if clustered is None else self.indexes[table, clustered.id].key(row)
        self._next += 1
        self.data[table][ref] = row
        return ref

    def insert_or_conflict(self, table, row, arbiters, lock):  # type: ignore[no-untyped-def]
        found = self._conflict(table, row, arbiters)
        if found is not None:
            return None, *found
        return self.insert(table, row), None, None

    def insert_many(self, table: int, rows: Sequence[Row]) -> None:
        for row in rows:
            self.insert(table, row)

    def update(self, table: int, ref: Any, old: Row, new: Row) -> None:
        assert self.data[table][ref] == old
        if self._conflict(table, new, skip=ref) is not None:
            raise errors.UniqueViolation("duplicate key value violates unique constraint")
        clustered = self.tables[table].clustered
        if clustered is not None:
            del self.data[table][ref]
            ref = self.indexes[table, clustered.id].key(new)
        self.data[table][ref] = new

    def rewrite(self, table: int, ref: Any, old: Row, new: Row) -> None:
        self.update(table, ref, old, new)

    def claim(self, table: int, ref: Any, seen: Row, strength: str = "update") -> Row | None:
        return self.lock(table, ref, seen, strength)

    def delete(self, table: int, ref: Any, old: Row) -> None:
        assert self.data[table].pop(ref) == old

    # -- facts

    def virtual(self, name: str) -> Iterable[Row]:
        return self.views[name]

    def check_interrupt(self) -> None:
        pass


def _after(key: Key, cut: Cut | None, past: bool = False) -> bool:
    """Whether `key` lies behind `cut`; an open low end is before everything, an open high end behind."""
    if cut is None:
        return not past
    return key > cut[0] or (key == cut[0] and cut[1] == 0)


__all__ = ["ModelRows", "key_maker"]
