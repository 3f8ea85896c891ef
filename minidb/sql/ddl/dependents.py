"""What depends on what: foreign keys on tables and unique indexes, views on tables and columns, texts on columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from minidb import errors, schema
from minidb.sql import ast
from minidb.sql.binder import bind, rename_in_view
from minidb.sql.ddl.changes import Changes
from minidb.sql.parser import parse, parse_expression
from minidb.sql.printer import to_sql

Reference = tuple[schema.Table, schema.ForeignKey]


def refuse_or_cascade(what: str, dependents: Sequence[str], cascade: bool, at: int, changes: Changes) -> None:
    """With dependents and without CASCADE: 2BP01. With CASCADE a notice for each. `dependents` are sentences."""
    if dependents and not cascade:
        raise errors.DependentObjectsExist(
            f"cannot drop {what} because other objects depend on it",
            position=at,
            detail="\n".join(dependents),
            hint="Use DROP ... CASCADE to drop the dependent objects too.",
        )
    lines = [f"drop cascades to {sentence.partition(' depends on ')[0]}" for sentence in dependents]
    if len(lines) > 1:
        lines[0] = f"drop cascades to {len(lines)} other objects\nDETAIL:  {lines[0]}"
    if lines:
        changes.notice("\n".join(lines))


# -- foreign keys -----------------------------------------------------------------------------------------


def foreign_keys_to(table: schema.Table, changes: Changes) -> list[Reference]:
    """The foreign keys of other tables that refer to this one."""
    return [
        (child, key)
        for child in changes.catalog.tables.values()
        if child.id != table.id
        for key in child.foreign_keys
        if key.parent == table.id
    ]


def without_foreign_keys(references: Sequence[Reference], changes: Changes) -> None:
    """Drops foreign keys of other tables."""
    for child, key in references:
        changes.door.lock_table(child.id, "access exclusive")
        present = changes.by_id(child.id)
        kept = tuple([k for k in present.foreign_keys if k.id != key.id])
        changes.put(replace(present, foreign_keys=kept))


def keys_needing(table: schema.Table, index: schema.Index, changes: Changes) -> list[Reference]:
    """The foreign keys (its own, too) that only this unique index lets refer to the table."""
    positions = {part.position for part in index.keys}
    others = [i for i in table.indexes if i.id != index.id and i.unique and i.where is None and not i.deferrable]
    if not index.unique or any({part.position for part in other.keys} == positions for other in others):
        return []
    own = [(table, key) for key in table.foreign_keys if key.parent == table.id]
    return [(t, k) for t, k in [*own, *foreign_keys_to(table, changes)] if set(k.parent_columns) == positions]


# -- views ------------------------------------------------------------------------------------------------


def mentioned_tables(query: ast.Node) -> set[str]:
    """The names in FROM that may be tables or views."""
    inner = {node.name for node in ast.walk(query) if isinstance(node, ast.CommonTable)}
    names = {
        node.name.name
        for node in ast.walk(query)
        if isinstance(node, ast.TableRef) and node.name.schema in (None, "public")
    }
    return names - inner


class Reader(msgspec.Struct, frozen=True):
    """A view that reads something; `through` is the view that it reads it through."""

    view: schema.View
    through: schema.View | None = None

    def sentence(self, what: str) -> str:
        above = what if self.through is None else f"{self.through.kind} {self.through.name}"
        return f"{self.view.kind} {self.view.name} depends on {above}"


def readers_of(name: str, changes: Changes, temporary: bool = False) -> list[Reader]:
    """The views that mention the table or view `name`, each with those that mention it behind it. Only temporary ones
    mention what is `temporary`; where that has the name of something permanent, they mean what is temporary."""
    catalog = changes.catalog
    mentions = {key: mentioned_tables(parse(v.query)) for key, v in catalog.views.items()}
    order = sorted(mentions, key=lambda key: catalog.views[key].id)
    found: dict[str, Reader] = {}

    def gather(current: str, through: schema.View | None) -> None:
        plain = current.removeprefix(schema.TEMPORARY)
        for key in order:
            meant = catalog.find(plain, None if catalog.views[key].temporary else "public")
            is_meant = meant is None or schema.key_of(meant) == current
            if plain in mentions[key] and key not in found and is_meant:
                found[key] = Reader(catalog.views[key], through)
                gather(key.removeprefix(schema.MATERIALIZED), catalog.views[key])

    gather(schema.TEMPORARY + name if temporary else name, None)
    return list(found.values())


def views_of(name: str, changes: Changes, temporary: bool = False) -> list[schema.View]:
    """The views that mention the table or view `name`, and those that mention them."""
    return [reader.view for reader in readers_of(name, changes, temporary)]


def drop_views(views: Sequence[schema.View], changes: Changes) -> None:
    for table in [changes.by_id(view.materialized) for view in views if view.materialized is not None]:
        changes.door.lock_table(table.id, "access exclusive")
        changes.door.change(changes.catalog.without_table(table), incompatible=(table.id,))
    if views:
        gone = {view.id for view in views}
        changes.put_views({key: view for key, view in changes.catalog.views.items() if view.id not in gone})


class _Trial(msgspec.Struct):
    """A catalog that is only thought of."""

    catalog: schema.Catalog
    changes: Changes

    def virtual(self, schema_name: str, name: str) -> tuple[schema.Column, ...] | None:
        return self.changes.virtual(schema_name, name)


def broken_readers(readers: Sequence[Reader], catalog: schema.Catalog, changes: Changes) -> list[Reader]:
    """Those that `catalog` would leave without a column or type that they need."""
    trial = _Trial(catalog, changes)
    broken = [reader for reader in readers if not _still_binds(reader.view, trial)]
    gone = {reader.view.id for reader in broken}
    return [r if r.through is None or r.through.id in gone else Reader(r.view) for r in broken]


def _still_binds(view: schema.View, trial: _Trial) -> bool:
    try:
        bind(parse(view.query), view.query, trial)
    except errors.Error:
        return False
    return True


# -- texts that mention columns ---------------------------------------------------------------------------


def mentions_column(text: str | None, column: str) -> bool:
    """Whether an expression of the schema names the column."""
    if text is None:
        return False
    return any(isinstance(node, ast.ColumnRef) and node.name == column for node in ast.walk(parse_expression(text)))


def index_mentions(index: schema.Index, column: schema.Column) -> bool:
    """Whether the column is part of the index in any way."""
    if column.position in index.include or mentions_column(index.where, column.name):
        return True
    return any(k.position == column.position or mentions_column(k.expression, column.name) for k in index.keys)


def with_renamed_columns(text: str, old: str, new: str) -> str:
    """An expression of the schema after a column was renamed."""
    return to_sql(_replaced(parse_expression(text), lambda node: _renamed_column(node, old, new)))


def _renamed_column(node: ast.Node, old: str, new: str) -> ast.Node | None:
    if isinstance(node, ast.ColumnRef) and node.name == old:
        return replace(node, parts=(*node.parts[:-1], new))
    return None


def with_renamed_table(text: str, old: str, new: str) -> str:
    """An expression of the schema after its table was renamed: `old.a` becomes `new.a`."""

    def renamed(node: ast.Node) -> ast.Node | None:
        if isinstance(node, ast.ColumnRef) and len(node.parts) > 1 and node.parts[-2] == old:
            return replace(node, parts=(*node.parts[:-2], new, node.name))
        return None

    return to_sql(_replaced(parse_expression(text), renamed))


def view_with_renamed_table(view: schema.View, old: str, new: str) -> schema.View:
    """A view after a table that it reads was renamed: the old name stays as its alias."""
    query = parse(view.query)
    inner = {node.name for node in ast.walk(query) if isinstance(node, ast.CommonTable)}

    def renamed(node: ast.Node) -> ast.Node | None:
        if not isinstance(node, ast.TableRef) or node.name.name != old or old in inner:
            return None
        name = replace(node.name, parts=(*node.name.parts[:-1], new))
        return replace(node, name=name, alias=node.alias or old)

    return replace(view, query=to_sql(_replaced(query, renamed)))


def view_with_renamed_column(view: schema.View, thing: int, place: int, new: str, changes: Changes) -> schema.View:
    """A view before a column of a table or view that it may read is renamed: what its text will have to be then."""
    query = parse(view.query)
    assert isinstance(query, ast.Query)
    return replace(view, query=to_sql(rename_in_view(query, changes, thing, place, new)))


def reads_column(view: schema.View, table: schema.Table, column: schema.Column, changes: Changes) -> bool:
    """Whether the view itself, not one that it reads, mentions the column."""
    query = parse(view.query)
    assert isinstance(query, ast.Query)
    return rename_in_view(query, changes, table.id, column.position, f"{column.name} renamed") != query


def _replaced(value: Any, change: Any) -> Any:
    """A syntax tree in which the nodes that `change` answers for are exchanged. Texts of the schema are not deep."""
    if isinstance(value, tuple):
        return tuple([_replaced(item, change) for item in value])
    if not isinstance(value, ast.Node):
        return value
    changed = change(value)
    if changed is not None:
        return changed
    fields = {name: _replaced(getattr(value, name), change) for name in value.__struct_fields__}
    return type(value)(**fields)
