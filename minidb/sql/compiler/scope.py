"""Which Python expression stands for which column at a place in the generated source.

A `Scope` is extended by copying, so a place's scope stays as it was for code printed at that place. `tuples` are the
variables that hold whole tuples with their layouts: an operator that keeps rows (hash table, sort) keeps such a tuple
as it is where it has all that is needed, instead of building another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from minidb.sql.physical import WHOLE

ColumnKey = tuple[int, int]
Layout = dict[ColumnKey, int | None]  # place in the tuple; None: the tuple itself


class Scope:
    __slots__ = ("columns", "known", "tuples")

    def __init__(
        self,
        columns: Mapping[ColumnKey, str] | None = None,
        known: Iterable[ColumnKey] = (),
        tuples: tuple[tuple[str, Layout], ...] = (),
    ) -> None:
        self.columns: dict[ColumnKey, str] = dict(columns or {})
        self.known: set[ColumnKey] = set(known)  # not NULL here, whatever their type says
        self.tuples = tuples

    def copy(self) -> Scope:
        return Scope(self.columns, self.known, self.tuples)

    def joined(self, other: Scope) -> Scope:
        return Scope({**self.columns, **other.columns}, self.known | other.known, self.tuples + other.tuples)

    def with_columns(self, columns: Mapping[ColumnKey, str]) -> Scope:
        result = self.copy()
        result.columns.update(columns)
        return result

    def without_tuples(self) -> Scope:
        """The same columns; tuples are made anew, with nothing in them that is not wanted."""
        return Scope(self.columns, self.known)

    def rename(self, bindings: Mapping[str, str]) -> None:
        """Columns whose source was bound to a name are read from there."""
        for column, text in self.columns.items():
            if text in bindings:
                self.columns[column] = bindings[text]

    def layout(self, wanted: Iterable[ColumnKey]) -> tuple[str, Layout]:
        """(source of a tuple that holds the columns `wanted`, its layout)."""
        listed = sorted(set(wanted))
        for variable, layout in self.tuples:
            if all(column in layout for column in listed):
                return variable, layout
        text = ", ".join(self.columns[column] for column in listed)
        return f"({text},)" if listed else "()", {column: place for place, column in enumerate(listed)}

    def unpacked(self, variable: str, layout: Layout, known: Iterable[ColumnKey] = ()) -> Scope:
        """This scope and the columns of a tuple of `layout` in `variable`."""
        return self.joined(opened(variable, layout, known))


def opened(variable: str, layout: Layout, known: Iterable[ColumnKey] = ()) -> Scope:
    """The scope that a tuple of `layout` in `variable` makes."""
    columns = {column: variable if at is None else f"{variable}[{at}]" for column, at in layout.items()}
    return Scope(columns, known, ((variable, layout),))


def row_layout(relation: int, width: int) -> Layout:
    """The layout of a table's row."""
    layout: Layout = {(relation, position): position for position in range(width)}
    layout[relation, WHOLE] = None
    return layout
