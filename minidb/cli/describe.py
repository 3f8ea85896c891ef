"""What `\\d` and its kin print: the objects of a database, from its catalog."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Listed

from minidb.cli.tables import text_table
from minidb.errors import UndefinedTable
from minidb.schema import Catalog, Column, ForeignKey, Index, Sequence, Table, View


def relations(catalog: Catalog) -> str:
    """All tables, views and sequences."""
    rows = [(table.name, kind_of(table)) for table in catalog.tables.values()]
    rows += [(v.name, temporary(v) + "view") for v in catalog.views.values() if v.materialized is None]
    rows += [(sequence.name, temporary(sequence) + "sequence") for sequence in catalog.sequences.values()]
    return listing("relations", ("Name", "Type"), sorted(rows))


def tables(catalog: Catalog) -> str:
    rows = sorted((table.name, kind_of(table), str(len(table.indexes))) for table in catalog.tables.values())
    return listing("tables", ("Name", "Type", "Indexes"), rows)


def views(catalog: Catalog) -> str:
    return listing("views", ("Name", "Definition"), [(v.name, v.query) for _, v in sorted(catalog.views.items())])


def sequences(catalog: Catalog) -> str:
    rows = [(s.name, str(s.type), str(s.start), str(s.increment)) for _, s in sorted(catalog.sequences.items())]
    return listing("sequences", ("Name", "Type", "Start", "Increment"), rows)


def indexes(catalog: Catalog) -> str:
    rows = [
        (index.name, table.name, index_words(table, index))
        for _, table in sorted(catalog.tables.items())
        for index in table.indexes
    ]
    return listing("indexes", ("Name", "Table", "Definition"), sorted(rows))


def listing(what: str, names: tuple[str, ...], rows: Listed[tuple[str, ...]]) -> str:
    return text_table(names, rows, f"List of {what}") if rows else f"There are no {what}."


def kind_of(table: Table) -> str:
    if table.materialized:
        return "materialized view"
    by_columns = " by columns" if table.layout == "column" else ""
    return temporary(table) + ("clustered table" if table.clustered is not None else "table") + by_columns


def temporary(thing: Table | View | Sequence) -> str:
    return "temporary " if thing.temporary else ""


def describe(catalog: Catalog, name: str) -> str:
    """One table, view or index in full. Raises UndefinedTable."""
    folded = unquoted(name)
    found = catalog.find(folded)
    if found is not None:
        return with_comment(describe_relation(catalog, found), catalog, found.id)
    owner = catalog.index_owner(folded)
    if owner is not None:
        table, index = owner
        words = f'Index "{index.name}" on table "{table.name}"\n    {index_words(table, index)}'
        return with_comment(words, catalog, index.id)
    raise UndefinedTable(f'there is no table, view or index "{folded}"')


def describe_relation(catalog: Catalog, found: Table | View | Sequence) -> str:
    if isinstance(found, Table):
        return describe_table(catalog, found)
    return describe_view(found) if isinstance(found, View) else describe_sequence(catalog, found)


def with_comment(words: str, catalog: Catalog, thing: int) -> str:
    comment = catalog.comment_on(thing)
    return words if comment is None else f"{words}\nComment: {comment}"


def describe_sequence(catalog: Catalog, sequence: Sequence) -> str:
    words = [
        f'{temporary(sequence).capitalize()}{"s" if sequence.temporary else "S"}equence "{sequence.name}"',
        f"    {sequence.type} from {sequence.minimum} to {sequence.maximum}, start {sequence.start}, "
        f"increment {sequence.increment}, cache {sequence.cache}" + (", cycle" if sequence.cycle else ""),
    ]
    owner = None if sequence.owner is None else catalog.table_by_id(sequence.owner)
    if owner is not None and sequence.owner_column is not None:
        words.append(f"    owned by {owner.name}.{owner.columns[sequence.owner_column].name}")
    return "\n".join(words)


def unquoted(name: str) -> str:
    """A name as the catalog knows it: folded to lower case unless it is quoted."""
    return name[1:-1].replace('""', '"') if len(name) > 1 and name[0] == name[-1] == '"' else name.lower()


def describe_table(catalog: Catalog, table: Table) -> str:
    columns = [
        (column.name, str(column.type), "not null" if column.not_null else "", default_words(column))
        for column in table.live_columns
    ]
    title = f'{kind_of(table).capitalize()} "{table.name}"'
    names: tuple[str, ...] = ("Column", "Type", "Nullable", "Default")
    comments = [catalog.comment_on(table.id, column.position) or "" for column in table.live_columns]
    if any(comments):
        head = text_table((*names, "Comment"), [(*c, text) for c, text in zip(columns, comments)], title)
    else:
        head = text_table(names, columns, title)
    return "\n".join([head, *constraints(catalog, table)])


def default_words(column: Column) -> str:
    if column.generated is not None:
        return f"generated always as ({column.generated}) stored"
    if column.identity is not None:
        return f"generated {column.identity} as identity"
    return column.default or ""


def constraints(catalog: Catalog, table: Table) -> Iterator[str]:
    yield from section("Indexes", [f'"{i.name}" {index_words(table, i)}' for i in table.indexes])
    yield from section("Check constraints", [f'"{c.name}" CHECK ({c.expression})' for c in table.checks])
    yield from section(
        "Foreign-key constraints",
        [f'"{key.name}" {foreign_key_words(catalog, table, key)}' for key in table.foreign_keys],
    )
    yield from section(
        "Referenced by",
        [
            f'TABLE "{child.name}" CONSTRAINT "{key.name}" {foreign_key_words(catalog, child, key)}'
            for child in catalog.tables.values()
            for key in child.foreign_keys
            if key.parent == table.id
        ],
    )


def section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"{title}:"
        yield from (f"    {line}" for line in lines)


def index_words(table: Table, index: Index) -> str:
    """As `PRIMARY KEY (id)` or `UNIQUE (owner, at DESC) INCLUDE (balance) WHERE balance > 0`."""
    words = "PRIMARY KEY " if index.primary else "UNIQUE " if index.unique else ""
    words += "CLUSTERED " if index.clustered else ""
    words += f"({', '.join(key_words(table, index, i) for i in range(len(index.keys)))})"
    if index.include:
        words += f" INCLUDE ({names(table, index.include)})"
    if index.nulls_not_distinct:
        words += " NULLS NOT DISTINCT"
    return words + (f" WHERE {index.where}" if index.where is not None else "")


def key_words(table: Table, index: Index, number: int) -> str:
    key = index.keys[number]
    words = f"({key.expression})" if key.position is None else table.columns[key.position].name
    words += " DESC" if key.descending else ""
    if key.nulls_first != key.descending:  # not the order that goes without saying
        words += " NULLS FIRST" if key.nulls_first else " NULLS LAST"
    return words


def foreign_key_words(catalog: Catalog, table: Table, key: ForeignKey) -> str:
    parent = catalog.table_by_id(key.parent)
    assert parent is not None
    words = f"FOREIGN KEY ({names(table, key.columns)}) REFERENCES {parent.name}({names(parent, key.parent_columns)})"
    words += f" ON DELETE {key.on_delete.upper()}" if key.on_delete != "no action" else ""
    words += f" ({names(table, key.delete_columns)})" if key.delete_columns else ""
    words += f" ON UPDATE {key.on_update.upper()}" if key.on_update != "no action" else ""
    return words + (" DEFERRABLE" if key.deferrable else "") + ("" if key.validated else " NOT VALID")


def names(table: Table, positions: tuple[int, ...]) -> str:
    return ", ".join(table.columns[position].name for position in positions)


def describe_view(view: View) -> str:
    return "\n".join([f'View "{view.name}" ({", ".join(view.columns)})', f"    {view.query}"])
