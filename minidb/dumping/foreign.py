"""What the targets that are not PostgreSQL have in common: expressions are translated, and some things do not exist."""

from __future__ import annotations

from collections.abc import Iterator

from minidb.dumping.survey import Survey
from minidb.dumping.target import Target
from minidb.errors import NotSupportedError
from minidb.schema import Catalog, Column, ForeignKey, Index, Sequence, Table
from minidb.sql.dialects import outwards
from minidb.sql.printing.base import in_quotes


class ForeignTarget(Target):
    clusters = False
    keeps_views = False
    keeps_view_options = False
    copies = False

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self.written: set[int] = set()  # tables

    def quote(self, name: str) -> str:
        return in_quotes(name)

    def surveyed(self, table: Table, column: Column) -> bool:
        return column.type.name == "numeric"

    def survey(self, table: Table, column: Column) -> Survey | None:
        return self.surveys.get(table.id, {}).get(column.name)

    def expression(self, text: str) -> str | None:
        if "nextval(" in text:
            return None
        try:
            return outwards.expression(text, self.name)
        except NotSupportedError:
            return None

    def query(self, text: str) -> str | None:
        try:
            return outwards.query(text, self.name)
        except NotSupportedError:
            return None

    def column(self, table: Table, column: Column) -> str:
        words = f"{self.quote(column.name)} {self.type_of(table, column)}"
        if self.is_text(table, column):
            self.leave_out(f"{table.name}.{column.name}: the type {column.type}; it is text, which holds its values")
        return words + self.column_source(table, column) + (" NOT NULL" if column.not_null else "")

    def create_table(self, table: Table) -> str:
        text = super().create_table(table)
        self.written.add(table.id)
        return text

    def after_table(self, table: Table) -> Iterator[str]:
        yield from ()

    def own_sequence(self, sequence: Sequence, table: Table) -> Iterator[str]:
        yield from ()

    def late_checks(self, table: Table) -> Iterator[str]:
        for check in table.checks:
            if not check.validated:
                self.leave_out(f"{table.name}: CHECK ({check.expression}) NOT VALID")
        yield from ()

    def actions(self, table: Table, key: ForeignKey) -> str:
        if key.delete_columns:
            self.leave_out(f"{table.name}: foreign key {key.name}: {key.on_delete.upper()} of some columns only")
            key = ForeignKey(key.id, key.name, key.columns, key.parent, key.parent_columns, "no action", key.on_update)
        return super().actions(table, key)

    def create_index(self, table: Table, index: Index) -> str | None:
        if index.nulls_not_distinct:
            self.leave_out(f"index {index.name}: NULLS NOT DISTINCT")
            return None
        return super().create_index(table, index)

    def include(self, table: Table, index: Index) -> str:
        return ""

    def insert(self, table: Table, columns: list[Column]) -> str:
        names = ", ".join(self.quote(column.name) for column in columns)
        return f"INSERT INTO {self.quote(table.name)} ({names}) VALUES\n"

    def comment(self, kind: str, name: str, column: str | None, text: str) -> Iterator[str]:
        place = name if column is None else f"{name}.{column}"
        self.leave_out(f"comment on {kind.lower()} {place}: {text}")
        yield from ()
