"""A schema door in memory, and a compiler that walks expressions: what DDL needs, without transactions or storage.

`describe` prints the catalog; the door remembers the locks, builds and validations that were asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

import msgspec

from minidb import errors, schema
from minidb.sql import ast, plan
from minidb.sql.binder import Bound, bind, bind_row_expression
from minidb.sql.ddl import DdlResult, execute
from minidb.sql.parser import parse
from minidb.types import BIGINT, TEXT, SqlType, from_text

Row = tuple[Any, ...]


class FakeDoor:
    """A SchemaDoor whose changes take effect at once."""

    def __init__(self) -> None:
        self.catalog = schema.Catalog()
        self.last_id = 0
        self.data: dict[int, list[Row]] = {}
        self.log: list[str] = []

    def new_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def pending(self, constraints: Collection[int]) -> bool:
        return False

    def lock_name(self, name: str) -> None:
        self.log.append(f"lock name {name}")

    def lock_table(self, table: int, mode: str, nowait: bool = False) -> None:
        found = self.catalog.table_by_id(table)
        self.log.append(f"lock {found.name if found else table} {mode}")

    def change(self, catalog: schema.Catalog, *, incompatible: Iterable[int] = ()) -> None:
        ids = list(incompatible)
        self.log.append("change" + (f" incompatible {ids}" if ids else ""))
        check(catalog)
        self.catalog = msgspec.structs.replace(catalog, version=self.catalog.version + 1)
        relations = {t.relation for t in catalog.tables.values()}
        self.data = {relation: self.data.get(relation, []) for relation in relations}
        for table in catalog.tables.values():
            self.data[table.relation] = [_completed(row, table) for row in self.data[table.relation]]

    def table(self, table: int) -> schema.Table:
        found = self.catalog.table_by_id(table)
        assert found is not None
        return found

    def sequence_point(self, relation: int) -> tuple[int, bool]:
        found = next(s for s in self.catalog.sequences.values() if s.relation == relation)
        return found.value, found.called

    def build_index(self, table: int, index: int) -> None:
        found = next(i for i in self.table(table).indexes if i.id == index)
        self.log.append(f"build {found.name}")
        keys = [tuple(row[k.position] for k in found.keys if k.position is not None) for row in self.rows(table)]
        keys = [key for key in keys if None not in key]
        if found.unique and len(set(keys)) < len(keys):
            raise errors.UniqueViolation(f'could not create unique index "{found.name}"')

    def rows(self, table: int) -> list[Row]:
        return self.data[self.table(table).relation]

    def newest_rows(self, table: int) -> Iterator[tuple[int, Row]]:
        yield from enumerate(list(self.rows(table)))

    def insert_row(self, table: int, row: Row) -> None:
        self.rows(table).append(row)

    def delete_row(self, table: int, ref: int, row: Row) -> None:
        self.rows(table).remove(row)

    def validate_foreign_key(self, table: int, constraint: int) -> None:
        key = next(k for k in self.table(table).foreign_keys if k.id == constraint)
        self.log.append(f"validate {key.name}")


def check(catalog: schema.Catalog) -> None:
    """What holds for every catalog that DDL makes."""
    tables = list(catalog.tables.values())
    indexes = [index for table in tables for index in table.indexes]
    assert all(name == schema.key_of(table) for name, table in catalog.tables.items())
    assert all(name == schema.key_of(sequence) for name, sequence in catalog.sequences.items())
    own = [f"{schema.TEMPORARY * table.temporary}{index.name}" for table in tables for index in table.indexes]
    names = [*catalog.tables, *catalog.views, *catalog.sequences, *own]
    assert len(names) == len(set(names))
    sequences, views = catalog.sequences.values(), catalog.views.values()
    ids = [item.id for items in (sequences, tables, indexes, views) for item in items]
    ids += [c.id for t in tables for c in (*t.checks, *t.foreign_keys)]
    assert len(ids) == len(set(ids))
    relations = [t.relation for t in tables] + [i.relation for i in indexes if not i.clustered]
    assert len(relations) == len(set(relations))
    for table in tables:
        live = {column.position for column in table.live_columns}
        assert [column.position for column in table.columns] == list(range(len(table.columns)))
        for index in table.indexes:
            assert index.relation == table.relation or not index.clustered
            assert {k.position for k in index.keys if k.position is not None} | set(index.include) <= live
            assert all(k.position is None or k.type == table.columns[k.position].type for k in index.keys)
        for key in table.foreign_keys:
            parent = catalog.table_by_id(key.parent)
            assert parent is not None and set(key.columns) <= live
            assert set(key.parent_columns) <= {column.position for column in parent.live_columns}


def _completed(row: Row, table: schema.Table) -> Row:
    return row + tuple(None if c.missing is None else from_text(c.type, c.missing) for c in table.columns[len(row) :])


class View:
    """The door's catalog, for the binder; the only view of the inside is `sys.locks (id, mode)`."""

    def __init__(self, door: FakeDoor) -> None:
        self.door = door

    @property
    def catalog(self) -> schema.Catalog:
        return self.door.catalog

    def virtual(self, schema_name: str, name: str) -> tuple[schema.Column, ...] | None:
        if (schema_name, name) != ("sys", "locks"):
            return None
        return schema.Column("id", BIGINT, 0, not_null=True), schema.Column("mode", TEXT, 1)


class Compiler:
    """Computes expressions of a row by walking them."""

    def __init__(self, door: FakeDoor) -> None:
        self.door = door

    def row_function(self, table: schema.Table, expression: str) -> Callable[[Row], Any]:
        bound = bind_row_expression(expression, table, View(self.door))
        return lambda row: evaluate(bound, row)

    def default(self, table: schema.Table, position: int) -> Callable[[Any], Any]:
        raise NotImplementedError


class Context:
    """A session whose random numbers are all the same."""

    def random(self) -> float:
        return 0.25


def evaluate(e: plan.Expression, row: Row) -> Any:
    """The value of an expression over one row."""
    match e:
        case plan.Constant():
            return e.value
        case plan.Column():
            return row[e.position]
        case plan.Convert():
            value = evaluate(e.argument, row)
            return value if value is None or e.function is None else e.function(value)
        case plan.Operator():
            values = [evaluate(a, row) for a in e.arguments]
            return None if None in values else e.operator.call(*values)
        case plan.Call():
            values = [evaluate(a, row) for a in e.arguments]
            context = [Context()] if e.function.needs_context else []
            return None if e.function.strict and None in values else e.function.call(*context, *values)
        case plan.And():
            values = [evaluate(a, row) for a in e.arguments]
            return False if False in values else None if None in values else True
        case plan.Or():
            values = [evaluate(a, row) for a in e.arguments]
            return True if True in values else None if None in values else False
    raise NotImplementedError(type(e).__name__)


class Schema:
    """A database without data: runs DDL, and `VALUES` and `SELECT` of constants for CREATE TABLE AS."""

    def __init__(self) -> None:
        self.door = FakeDoor()

    def execute(self, text: str) -> DdlResult:
        """Runs a DDL statement; if it fails, the schema is as it was."""
        door = self.door
        catalog, data = door.catalog, {relation: list(rows) for relation, rows in door.data.items()}
        try:
            return execute(parse(text), text, door, View(door), self.run_query, Compiler(door))
        except errors.Error:
            door.catalog, door.data = catalog, data
            raise

    def bind(self, text: str, types: tuple[SqlType, ...] = ()) -> Bound:
        return bind(parse(text), text, View(self.door), types)

    def run_query(self, query: ast.Query) -> tuple[list[tuple[str, SqlType]], list[Row]]:
        bound = bind(query, "", View(self.door))
        assert isinstance(bound.plan, plan.Query) and bound.columns is not None
        return [(column.name, column.type) for column in bound.columns], self._rows(bound.plan)

    def _rows(self, query: plan.Query) -> list[Row]:
        match query.input:
            case plan.Values():
                inputs = [tuple(evaluate(e, ()) for e in row) for row in query.input.rows]
            case plan.Scan():
                inputs = list(self.door.data[query.input.table.relation])
            case plan.FunctionScan():
                inputs = [(i,) for i in query.input.function.call(*[evaluate(a, ()) for a in query.input.arguments])]
            case _:
                inputs = [()]
        return [tuple(evaluate(o.expression, row) for o in query.outputs) for row in inputs]

    def table(self, name: str) -> schema.Table:
        return self.door.catalog.tables[name]

    def insert(self, name: str, *rows: Row) -> None:
        """Puts rows into a table; values are written as Python would, and read as the columns' types."""
        types = [column.type for column in self.table(name).columns]
        for row in rows:
            made = [None if v is None else from_text(kind, str(v)) for kind, v in zip(types, row)]
            self.rows(name).append(tuple(made))

    def rows(self, name: str) -> list[Row]:
        return self.door.data[self.table(name).relation]

    def take_log(self) -> list[str]:
        log, self.door.log = self.door.log, []
        return log


def describe(catalog: schema.Catalog) -> str:
    """The catalog as text, names for ids."""
    lines: list[str] = []
    for table in catalog.tables.values():
        lines.append(f"table {table.name}{' clustered' if table.clustered else ''}")
        lines += [f"  {_column(c)}" for c in table.columns]
        lines += [f"  {_index(i, table)}" for i in table.indexes]
        lines += [f"  check {c.name}: {c.expression}{'' if c.validated else ' not valid'}" for c in table.checks]
        lines += [f"  {_foreign_key(k, table, catalog)}" for k in table.foreign_keys]
    lines += [f"view {v.name} ({', '.join(v.columns)}): {v.query}" for v in catalog.views.values()]
    return "\n".join(lines)


def _column(c: schema.Column) -> str:
    parts = [f"{c.position} {c.name} {c.type}"]
    parts += ["not null"] if c.not_null else []
    parts += [f"default {c.default}"] if c.default is not None else []
    parts += [f"missing {c.missing!r}"] if c.missing is not None else []
    parts += [f"generated {c.generated}"] if c.generated is not None else []
    return " ".join(parts + (["dropped"] if c.dropped else []))


def _index(index: schema.Index, table: schema.Table) -> str:
    def key(k: schema.IndexKey) -> str:
        text = table.columns[k.position].name if k.position is not None else f"({k.expression}) {k.type}"
        nulls = "" if k.nulls_first == k.descending else " nulls first" if k.nulls_first else " nulls last"
        return text + (" desc" if k.descending else "") + nulls

    flags = ("primary", "unique", "clustered", "constraint", "nulls_not_distinct", "deferrable", "initially_deferred")
    words = [flag for flag in flags if getattr(index, flag)]
    include = [table.columns[p].name for p in index.include]
    text = f"index {index.name} ({', '.join(key(k) for k in index.keys)})"
    text += f" include ({', '.join(include)})" if include else ""
    text += f" where {index.where}" if index.where is not None else ""
    return f"{text} {' '.join(words)}".rstrip()


def _foreign_key(key: schema.ForeignKey, table: schema.Table, catalog: schema.Catalog) -> str:
    parent = table if key.parent == table.id else catalog.table_by_id(key.parent)
    assert parent is not None
    columns = ", ".join(table.columns[p].name for p in key.columns)
    there = ", ".join(parent.columns[p].name for p in key.parent_columns)
    text = f"foreign key {key.name} ({columns}) to {parent.name} ({there})"
    text += f" on delete {key.on_delete} on update {key.on_update}"
    words = [w for w in ("match_full", "deferrable", "initially_deferred") if getattr(key, w)]
    return " ".join([text, *words] + ([] if key.validated else ["not valid"]))
