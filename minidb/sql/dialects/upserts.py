"""Inserts that say what to do with a row that is there already.

    REPLACE INTO, INSERT OR REPLACE   ON CONFLICT (key) DO UPDATE SET every other column = excluded's, defaults included
    INSERT OR IGNORE, INSERT IGNORE   ON CONFLICT DO NOTHING
    ON DUPLICATE KEY UPDATE           ON CONFLICT (key) DO UPDATE, VALUES(x) is excluded.x

The key is the primary key, or the only unique index. The originals look at every unique index; here a row that is in
the way by another one is a unique violation, an error instead of a row that is silently gone. NULL for an identity
column asks for the next number: a literal NULL becomes DEFAULT.
"""

from __future__ import annotations

from sqlglot import exp

from minidb.errors import NotSupportedError
from minidb.schema import Table
from minidb.sql.dialects.names import Names, column, key_columns


def rewrite_insert(insert: exp.Insert, names: Names) -> None:
    conflict = insert.args.get("conflict")
    way = str(insert.args.get("alternative") or "").upper()
    if insert.args.get("ignore") or way == "IGNORE":
        insert.set("conflict", exp.OnConflict(action=exp.var("DO NOTHING")))
    elif way == "REPLACE":
        _replace(insert, names)
    elif way in ("ROLLBACK", "FAIL"):
        raise NotSupportedError(f"INSERT OR {way} is not supported", hint="An error undoes its statement, as OR ABORT.")
    elif isinstance(conflict, exp.OnConflict):
        _update_duplicates(insert, conflict, names)
    insert.set("ignore", None)
    insert.set("alternative", None)
    if names.dialect in ("mysql", "sqlite"):
        _draw_for_nulls(insert, names)


def _replace(insert: exp.Insert, names: Names) -> None:
    table, keys = _table_and_keys(insert, names)
    others = [each.name for each in table.live_columns if each.name not in keys and each.generated is None]
    changes = [exp.EQ(this=column(name), expression=column(name, "excluded")) for name in others]
    action = exp.var("DO UPDATE") if changes else exp.var("DO NOTHING")
    insert.set("conflict", exp.OnConflict(conflict_keys=_targets(keys), action=action, expressions=changes))


def _update_duplicates(insert: exp.Insert, conflict: exp.OnConflict, names: Names) -> None:
    for key in conflict.args.get("conflict_keys") or []:
        if isinstance(key, exp.Ordered):
            key.replace(key.this)
    if not conflict.args.get("duplicate"):
        _qualify_own(insert, conflict)
        return
    table, keys = _table_and_keys(insert, names)
    alias = insert.args.get("alias") or _alias_of_rows(insert)
    changes = [_from_excluded(change, alias, table.name) for change in conflict.expressions]
    made = exp.OnConflict(conflict_keys=_targets(keys), action=exp.var("DO UPDATE"), expressions=changes)
    insert.set("conflict", made)


def _qualify_own(insert: exp.Insert, conflict: exp.OnConflict) -> None:
    """In DO UPDATE of SQLite and DuckDB a name without a qualifier is the row's own; PostgreSQL finds it ambiguous."""
    target = insert.find(exp.Table)
    if target is None:
        return
    parts = [change.expression for change in conflict.expressions if isinstance(change, exp.EQ)]
    for part in filter(None, [*parts, conflict.args.get("where")]):
        for named in list(part.find_all(exp.Column)):
            if not named.table and named.find_ancestor(exp.Query, exp.OnConflict) is conflict:
                named.replace(column(named.name, target.alias_or_name))


def _alias_of_rows(insert: exp.Insert) -> str:
    """`INSERT INTO t VALUES (...) AS new`: MySQL's newer word for the row that was to be inserted."""
    alias = insert.find(exp.TableAlias)
    if alias is None or not isinstance(insert.expression, exp.Values | exp.Subquery):
        return ""
    name = alias.name
    if isinstance(insert.expression, exp.Subquery):
        insert.set("expression", insert.expression.this)
    elif isinstance(alias.parent, exp.Values):
        alias.parent.set("alias", None)
    return name


def _from_excluded(change: exp.Expr, alias: str, table: str) -> exp.Expr:
    """VALUES(x) and new.x are excluded.x; a plain x in a value is the row's own."""

    def replaced(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Anonymous) and node.name.upper() == "VALUES":
            return column(node.expressions[0].name, "excluded")
        if isinstance(node, exp.Column) and node.table and node.table == alias:
            return column(node.name, "excluded")
        if isinstance(node, exp.Column) and not node.table:
            return column(node.name, table)
        return node

    value = change.expression.transform(replaced)
    return exp.EQ(this=column(change.this.name), expression=value)


def _targets(keys: list[str]) -> list[exp.Expr]:
    return [exp.to_identifier(name, quoted=True) for name in keys]


def _table_and_keys(insert: exp.Insert, names: Names) -> tuple[Table, list[str]]:
    table = names.table(insert.this)
    if table is None:
        raise NotSupportedError(
            f"cannot translate an insert into {insert.find(exp.Table)}, which is no table here",
            hint="Which key decides is looked up in the table.",
        )
    keys = key_columns(table)
    if not keys:
        raise NotSupportedError(
            f'table "{table.name}" has no primary key that tells which rows are the same',
            hint="Write INSERT ... ON CONFLICT (columns) DO UPDATE.",
        )
    return table, keys


def _draw_for_nulls(insert: exp.Insert, names: Names) -> None:
    values = insert.expression
    if not isinstance(values, exp.Values):
        return
    nulls = [item for row in values.expressions for item in row.expressions if isinstance(item, exp.Null)]
    table = names.table(insert.this) if nulls else None
    if table is None:
        return
    if isinstance(insert.this, exp.Schema):
        listed = [identifier.name for identifier in insert.this.expressions]
    else:
        listed = [each.name for each in table.live_columns]
    drawn = {each.name for each in table.live_columns if each.identity is not None}
    for row in values.expressions:
        for name, item in zip(listed, row.expressions):
            if name in drawn and isinstance(item, exp.Null):
                item.replace(exp.var("DEFAULT"))
