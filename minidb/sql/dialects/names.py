"""Names: folded where the dialect does not tell them apart, without the schemas that everything stands in."""

from __future__ import annotations

from sqlglot import exp

from minidb.schema import Catalog, Table
from minidb.sql.dialects.reading import folds_case, folds_to_upper

HOME = {"dbo", "main", "public"}  # schemas that other databases put tables into


class Names:
    """What a translation knows of names. `looked` tells whether it asked the catalog, and so holds for that only."""

    def __init__(self, dialect: str, catalog: Catalog) -> None:
        self.dialect = dialect
        self.folded = folds_case(dialect)
        self.upper = folds_to_upper(dialect)
        self._catalog = catalog
        self.looked = False

    def fold(self, tree: exp.Expr) -> None:
        """Makes every name what it is here; all of them are written in quotes."""
        for table in tree.find_all(exp.Table):
            if table.db.lower() in HOME:
                table.set("db", None)
        for identifier in tree.find_all(exp.Identifier):
            text = identifier.this
            if self.folded or not identifier.args.get("quoted") or (self.upper and text.isupper()):
                identifier.set("this", text.lower())

    def table(self, node: exp.Expr | None) -> Table | None:
        """The table of the catalog that a node names."""
        self.looked = True
        if isinstance(node, exp.Schema):
            node = node.this
        return self._catalog.find_table(node.name) if isinstance(node, exp.Table) else None

    def is_boolean(self, column: exp.Column, tables: dict[str, str]) -> bool:
        """Whether a column of the statement's tables (by alias) is a boolean."""
        self.looked = True
        wanted = [tables[column.table]] if column.table in tables else list(tables.values())
        for name in wanted:
            table = self._catalog.find_table(name)
            found = None if table is None else table.column(column.name)
            if found is not None:
                return found.type.name == "boolean"
        return False


def key_columns(table: Table, unique_only: bool = False) -> list[str]:
    """The primary key's columns, else those of the only unique index; none if it is not clear which index is meant."""
    index = table.primary_key
    if index is None:
        unique = [i for i in table.indexes if i.unique and i.where is None]
        index = unique[0] if len(unique) == 1 else None
    if index is None or any(key.position is None for key in index.keys):
        return []
    return [table.columns[key.position].name for key in index.keys if key.position is not None]


def unique_count(table: Table) -> int:
    return sum(index.unique for index in table.indexes)


def column(name: str, table: str | None = None) -> exp.Column:
    owner = exp.to_identifier(table, quoted=True) if table else None
    return exp.column(exp.to_identifier(name, quoted=True), table=owner)
