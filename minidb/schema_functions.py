"""The SQL texts of a schema as Python functions: index expressions, partial conditions, defaults.

Lends the compiler of statements to the access floor, which knows no SQL (`txn.door.SchemaCompiler`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minidb import schema
from minidb.sql.statement import row_function
from minidb.txn.door import RowFunction


class SchemaFunctions:
    """Compiles the texts of one database's schema; each text once per table definition."""

    settings: Mapping[str, Any] = {}
    catalog = schema.Catalog()  # the texts mention the columns of their own table only

    def virtual(self, schema_name: str, name: str) -> tuple[schema.Column, ...] | None:
        return None

    def statistics(self, table_id: int) -> None:
        return None

    def size(self, table_id: int) -> None:
        return None

    def __init__(self) -> None:
        self.compiled: dict[tuple[int, str], tuple[schema.Table, RowFunction]] = {}

    def row_function(self, table: schema.Table, expression: str) -> RowFunction:
        known = self.compiled.get((table.id, expression))
        if known is None or known[0] is not table:
            known = self.compiled[table.id, expression] = table, row_function(table, expression, self)
        return known[1]

    def default(self, table: schema.Table, position: int) -> Callable[[Any], Any]:
        text = table.columns[position].default
        if text is None:
            return lambda context: None
        function: Any = row_function(table, text, self)
        return lambda context: function((), None, (), context)
