"""What one DDL statement works with: the schema door, and the little that all statements do with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder import CatalogView
from minidb.sql.suggest import nearest
from minidb.txn.door import SchemaCompiler, SchemaDoor
from minidb.types import SqlType, from_text

Row = tuple[Any, ...]
KNOWN_SCHEMAS = (None, "public", "pg_temp")


class RunQuery(Protocol):
    """Runs a query in the statement's transaction: its columns, each as (name, type), and its rows."""

    def __call__(self, query: ast.Query | ast.Execute) -> tuple[Sequence[tuple[str, SqlType]], Iterable[Row]]: ...


class Changes:
    """One DDL statement. It is a `CatalogView`, too: what is bound sees the changes made so far."""

    def __init__(
        self, door: SchemaDoor, view: CatalogView, run_query: RunQuery, compiler: SchemaCompiler | None
    ) -> None:
        self.door = door
        self.view = view
        self.run_query = run_query
        self._compiler = compiler
        self.notices: list[str] = []

    @property
    def catalog(self) -> schema.Catalog:
        return self.door.catalog

    def virtual(self, schema_name: str, name: str) -> tuple[schema.Column, ...] | None:
        return self.view.virtual(schema_name, name)

    def table_as_of(self, table: schema.Table, clause: ast.AsOf) -> schema.Table:
        """For views that look back."""
        found: schema.Table = self.view.table_as_of(table, clause)  # type: ignore[attr-defined]
        return found

    def new_id(self) -> int:
        return self.door.new_id()

    def notice(self, text: str) -> None:
        self.notices.append(text)

    # -- finding

    def table(self, name: ast.QualifiedName, word: str = "relation") -> schema.Table:
        """The table of this name; `word` is what errors call it. Raises 42P01, 42809."""
        check_schema(name)
        catalog = self.catalog
        found = catalog.find_table(name.name, name.schema)
        if found is not None:
            return found
        if self.exists(name):
            hint = self.drop_hint(name) if word == "table" else None
            raise errors.WrongObjectType(f'"{name.name}" is not a table', position=name.at, hint=hint)
        near = nearest(name.name, catalog.tables)
        raise errors.UndefinedTable(
            f'{word} "{name.name}" does not exist',
            position=name.at,
            hint=f'Perhaps you meant the table "{near}".' if near else None,
        )

    def drop_hint(self, name: ast.QualifiedName) -> str:
        """Which DROP the relation of this name would need."""
        found = self.catalog.find(name.name, name.schema)
        kind = "index" if found is None else type(found).__name__.lower()
        if isinstance(found, schema.View):
            kind = found.kind
        return f"Use DROP {kind.upper()} to remove {'an' if kind == 'index' else 'a'} {kind}."

    def locked_table(self, name: ast.QualifiedName, mode: str, word: str = "relation") -> schema.Table:
        """The table, locked; it is looked up again after the wait, for its definition may have changed meanwhile."""
        while True:
            found = self.table(name, word)
            self.door.lock_table(found.id, mode)
            again = self.table(name, word)
            if again.id == found.id:
                return again

    def check_not_pending(self, table: schema.Table, what: str, at: int) -> None:
        """Raises 55006 where a check of the table's rows waits for the commit: it would not know the table then."""
        own = [key.id for key in table.foreign_keys] + [index.id for index in table.indexes]
        others = [k.id for t in self.catalog.tables.values() for k in t.foreign_keys if k.parent == table.id]
        if self.door.pending({*own, *others}):
            raise errors.ObjectInUse(
                f'cannot {what} "{table.name}" because it has pending trigger events',
                position=at,
                hint="Deferred constraints wait for their check: SET CONSTRAINTS ALL IMMEDIATE.",
            )

    def by_id(self, table: int) -> schema.Table:
        found = self.catalog.table_by_id(table)
        assert found is not None
        return found

    def exists(self, name: ast.QualifiedName) -> bool:
        """Whether the name means anything: a table, view, sequence or index."""
        if name.schema not in KNOWN_SCHEMAS:
            return False
        found = self.catalog.find(name.name, name.schema)
        return found is not None or self.catalog.index_owner(name.name) is not None

    def is_there(self, name: ast.QualifiedName, kind: str, if_exists: bool) -> bool:
        """For DROP IF EXISTS: a notice instead of an error. Without it whoever looks for the object complains."""
        if not if_exists or self.exists(name):
            return True
        missing = f'{kind} "{name.name}"' if name.schema in KNOWN_SCHEMAS else f'schema "{name.schema}"'
        self.notice(f"{missing} does not exist, skipping")
        return False

    def is_taken(self, name: str, temporary: bool = False) -> bool:
        """Whether a table, view, sequence or index has the name: they share one space of names, temporary ones
        another."""
        catalog = self.catalog
        key = schema.TEMPORARY + name if temporary else name
        if key in catalog.tables or key in catalog.views or key in catalog.sequences:
            return True
        return any(i.name == name for t in catalog.tables.values() if t.temporary == temporary for i in t.indexes)

    def claim(self, name: str, at: int, temporary: bool = False) -> None:
        """Keeps a new name for this transaction. Raises 42P07 if it is taken."""
        if not temporary:
            self.door.lock_name(name)
        if self.is_taken(name, temporary):
            raise errors.DuplicateTable(f'relation "{name}" already exists', position=at)

    # -- changing

    def put(self, table: schema.Table, *, replaces: str | None = None, incompatible: bool = False) -> None:
        """Makes `table` part of the catalog, in place of the one called `replaces`."""
        catalog = self.catalog.with_table(table, replaces=replaces)
        self.door.change(catalog, incompatible=(table.id,) if incompatible else ())

    def put_views(self, views: dict[str, schema.View]) -> None:
        self.door.change(replace(self.catalog, views=views))

    def put_sequence(self, sequence: schema.Sequence, *, replaces: schema.Sequence | None = None) -> None:
        before = None if replaces is None else self.catalog.sequences.get(schema.key_of(replaces))
        self.door.change(self.catalog.with_sequence(sequence, replaces=before))

    def drop_sequence(self, sequence: schema.Sequence) -> None:
        self.door.change(self.catalog.without_sequence(sequence))

    # -- rows

    @property
    def compiler(self) -> SchemaCompiler:
        assert self._compiler is not None, "this statement has to compute expressions of the schema"
        return self._compiler

    def row_function(self, table: schema.Table, text: str) -> Callable[[Row], Any]:
        """The value of an expression over a row of `table`."""
        return self.compiler.row_function(table, text)

    def rows(self, table: schema.Table) -> Iterator[Row]:
        """All rows, completed to the table's present width."""
        missing = [None if c.missing is None else from_text(c.type, c.missing) for c in table.columns]
        for _, row in self.door.newest_rows(table.id):
            yield row if len(row) == len(missing) else row + tuple(missing[len(row) :])


def check_schema(name: ast.QualifiedName) -> None:
    """There is one schema for users, `public`. Raises 3F000, 42501."""
    if name.schema in KNOWN_SCHEMAS and len(name.parts) < 3:
        return
    if name.schema in ("sys", "information_schema", "pg_catalog"):
        raise errors.ProgrammingError(
            f'permission denied: "{name.schema}.{name.name}" belongs to the system', sqlstate="42501", position=name.at
        )
    raise errors.ProgrammingError(f'schema "{name.schema}" does not exist', sqlstate="3F000", position=name.at)
