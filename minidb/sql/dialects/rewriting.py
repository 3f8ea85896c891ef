"""Whole statements: the parts of other dialects for which PostgreSQL has other words, or a longer way.

    UPDATE a JOIN b ON c SET ...             UPDATE a SET ... FROM b WHERE c
    UPDATE a SET ... FROM a JOIN b ON c      the same (SQL Server)
    DELETE a FROM a JOIN b ON c              DELETE FROM a USING b WHERE c
    UPDATE, DELETE ... ORDER BY ... LIMIT n  ... WHERE key IN (SELECT key ... LIMIT n)
    SELECT ... INTO x                        CREATE TABLE x AS SELECT ...
    TOP n WITH TIES                          FETCH FIRST n ROWS WITH TIES
    FROM dual                                nothing
"""

from __future__ import annotations

from sqlglot import exp

from minidb.errors import NotSupportedError
from minidb.sql.dialects.clauses import rewrite_clauses
from minidb.sql.dialects.definitions import rewrite_alter, rewrite_index, rewrite_table, rewrite_type
from minidb.sql.dialects.functions import rewrite_function
from minidb.sql.dialects.names import Names, column, key_columns
from minidb.sql.dialects.truth import make_conditions
from minidb.sql.dialects.upserts import rewrite_insert

UNKNOWN = (exp.Command, exp.Alias, exp.Column, exp.Use, exp.Show, exp.Describe, exp.Pragma, exp.Attach, exp.Execute)


def rewritten(tree: exp.Expr, names: Names, clustered: bool = False) -> list[exp.Expr | str]:
    """What a statement becomes here: trees, and texts that are ours already."""
    names.fold(tree)
    for dual in [table for table in tree.find_all(exp.Table) if table.name == "dual" and names.dialect == "mysql"]:
        if isinstance(dual.parent, exp.From):
            dual.parent.pop()
    for insert in list(tree.find_all(exp.Insert)):
        rewrite_insert(insert, names)
    for update in list(tree.find_all(exp.Update)):
        if update.this is not None:  # of MERGE it has no table
            _rewrite_update(update, names)
    for delete in list(tree.find_all(exp.Delete)):
        _rewrite_delete(delete, names)
    for column_ in [each for output in tree.find_all(exp.Returning) for each in output.find_all(exp.Column)]:
        if names.dialect == "tsql" and column_.table in ("inserted", "deleted"):
            column_.set("table", None)
    rewrite_clauses(tree, names)
    made = _by_kind(tree, names, clustered)
    return [each if isinstance(each, str) else _finished(each, names) for each in made]


def _by_kind(tree: exp.Expr, names: Names, clustered: bool) -> list[exp.Expr | str]:
    if isinstance(tree, exp.Create) and tree.kind == "TABLE":
        return [*_dropped_before(tree), *rewrite_table(tree, names, clustered)]
    if isinstance(tree, exp.Create) and tree.kind == "INDEX":
        rewrite_index(tree)
    elif isinstance(tree, exp.Create) and (tree.kind or "").endswith(" INDEX"):  # NONCLUSTERED
        tree.set("kind", "INDEX")
    elif isinstance(tree, exp.Alter):
        return rewrite_alter(tree, names)
    elif isinstance(tree, exp.Drop) and tree.kind == "INDEX":
        tree.set("cluster", None)
    elif isinstance(tree, exp.Select) and isinstance(tree.args.get("into"), exp.Into):
        target = tree.args["into"].this
        tree.set("into", None)
        return [exp.Create(this=target, kind="TABLE", expression=tree)]
    return [tree]


def _dropped_before(create: exp.Create) -> list[exp.Expr | str]:
    """CREATE OR REPLACE TABLE is two statements here."""
    if not create.args.get("replace"):
        return []
    create.set("replace", False)
    name = next(create.find_all(exp.Table)).name.replace('"', '""')
    return [f'DROP TABLE IF EXISTS "{name}"']


def _finished(tree: exp.Expr, names: Names) -> exp.Expr:
    for kind in list(tree.find_all(exp.DataType)):
        rewrite_type(kind, names)
    make_conditions(tree, names)
    tree = tree.transform(rewrite_function, names)
    for limit in list(tree.find_all(exp.Limit)):
        options = limit.args.get("limit_options")
        if options is not None and options.args.get("with_ties"):
            options.set("rows", True)
            fetch = exp.Fetch(direction="FIRST", count=limit.expression, limit_options=options)
            limit.replace(fetch)
    return tree


# -- UPDATE and DELETE


def _rewrite_update(update: exp.Update, names: Names) -> None:
    joins = update.this.args.get("joins") or []
    if joins:
        update.this.set("joins", None)
        _take_joins(update, joins)
        update.set("from_", _as_from(joins))
    elif update.args.get("from_") is not None and names.dialect == "tsql":
        _without_self(update, update.args["from_"])
    target = update.this.alias_or_name
    for change in update.expressions:
        side = change.this
        if isinstance(side, exp.Column):
            if side.table and side.table not in (target, update.this.name):
                raise NotSupportedError(f"an UPDATE changes one table: {target}, not {side.table}")
            side.set("table", None)
    _limit_by_key(update, names)


def _take_joins(statement: exp.Expr, joins: list[exp.Join]) -> None:
    """Moves the joins' conditions into WHERE. Only inner joins can be written so."""
    for join in joins:
        if join.side or join.method or join.args.get("using"):
            raise NotSupportedError(
                f"an UPDATE or DELETE with {join.side or 'USING'} JOIN cannot be translated",
                hint="Write the condition as WHERE ... IN (SELECT ...).",
            )
        condition = join.args.get("on")
        if condition is not None:
            where = statement.args.get("where")
            both = condition.copy() if where is None else exp.and_(where.this.copy(), condition.copy())
            statement.set("where", exp.Where(this=both))


def _as_from(joins: list[exp.Join]) -> exp.From:
    first, *others = [join.this.copy() for join in joins]
    first.set("joins", [exp.Join(this=other, kind="CROSS") for other in others] or None)
    return exp.From(this=first)


def _without_self(update: exp.Update, source: exp.From) -> None:
    """SQL Server names the changed table in FROM again, with its alias; the update's own name may be that alias."""
    first = source.this
    if first.name != update.this.name and first.alias != update.this.name:
        return
    joins = first.args.get("joins") or []
    first.set("joins", None)
    update.set("this", first.copy())
    _take_joins(update, joins)
    update.set("from_", _as_from(joins) if joins else None)


def _rewrite_delete(delete: exp.Delete, names: Names) -> None:
    targets = delete.args.get("tables") or []
    if not delete.this and targets:  # SQL Server: DELETE t WHERE ...
        delete.set("this", targets[0])
        targets = []
        delete.set("tables", None)
    source = delete.this
    joins = (source.args.get("joins") or []) if isinstance(source, exp.Table) else []
    if joins or targets:
        if len(targets) > 1 or (targets and targets[0].name not in (source.name, source.alias)):
            raise NotSupportedError("a DELETE empties one table, the first of its FROM")
        source.set("joins", None)
        delete.set("tables", None)
        _take_joins(delete, joins)
        delete.set("using", [join.this.copy() for join in joins] or None)
    _limit_by_key(delete, names)


def _limit_by_key(statement: exp.Update | exp.Delete, names: Names) -> None:
    limit, order = statement.args.get("limit"), statement.args.get("order")
    if limit is None:
        statement.set("order", None)  # the order of the changes shows nowhere
        return
    table = names.table(statement.this)
    keys = key_columns(table) if table is not None else []
    if not keys:
        raise NotSupportedError(f"LIMIT needs a primary key on {statement.this.name}, by which the rows are found")
    chosen = exp.Select(expressions=[column(key) for key in keys])
    chosen = chosen.from_(statement.this.copy())
    where = statement.args.get("where")
    chosen.set("where", where.copy() if where is not None else None)
    chosen.set("order", order.copy() if order is not None else None)
    chosen.set("limit", limit.copy())
    for part in ("limit", "order"):
        statement.set(part, None)
    found: exp.Expr = column(keys[0]) if len(keys) == 1 else exp.Tuple(expressions=[column(key) for key in keys])
    statement.set("where", exp.Where(this=exp.In(this=found, query=chosen.subquery())))
