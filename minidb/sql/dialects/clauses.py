"""What other dialects allow inside of queries, and we say in another way.

    HAVING n > 1, where n is an alias         the expression itself (MySQL, SQLite, DuckDB)
    WITH c AS (... c ...)                     WITH RECURSIVE (SQL Server has no word for it)
    a COLLATE NOCASE                          lower(a), on both sides of a comparison (SQLite)
    FROM sqlite_master                        the tables, indexes and views that there are
    @@VERSION, @@IDENTITY                     version(), lastval()
    CREATE OR REPLACE TABLE                   DROP TABLE IF EXISTS first (see `rewriting`)
"""

from __future__ import annotations

from sqlglot import exp, parse_one

from minidb.errors import NotSupportedError
from minidb.sql.dialects.names import Names
from minidb.sql.dialects.stars import rewrite_select

MASTER = parse_one(
    """(SELECT 'table' AS "type", name AS "name", name AS "tbl_name" FROM sys.tables
        UNION ALL SELECT 'index', name, table_name FROM sys.indexes
        UNION ALL SELECT 'view', table_name, table_name FROM information_schema.tables
        WHERE table_schema = 'public' AND table_type = 'VIEW')""",
    read="postgres",
)
CATALOGS = ("sqlite_master", "sqlite_schema")
VARIABLES = {"version": "VERSION", "identity": "LASTVAL", "last_insert_id": "LASTVAL"}
COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)


def rewrite_clauses(tree: exp.Expr, names: Names) -> None:
    """Changes the tree in place. Raises NotSupportedError for a variable that has no meaning here."""
    for having in list(tree.find_all(exp.Having)):
        _without_aliases(having)
    for clause in tree.find_all(exp.With):
        if any(_mentions_itself(table) for table in clause.expressions):
            clause.set("recursive", True)
    for select in list(tree.find_all(exp.Select)):
        rewrite_select(select, names)
    for variable in list(tree.find_all(exp.SessionParameter, exp.Parameter)):
        if isinstance(variable, exp.SessionParameter) or isinstance(variable.this, exp.Parameter):
            variable.replace(_variable(variable))
    if names.dialect == "sqlite":
        for collated in list(tree.find_all(exp.Collate)):
            if collated.expression.name.lower() == "nocase":
                _ignore_case(collated)
        for table in list(tree.find_all(exp.Table)):
            if table.name in CATALOGS:
                alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name, quoted=True))
                table.replace(exp.Subquery(this=MASTER.this.copy(), alias=alias))


def _without_aliases(having: exp.Having) -> None:
    select = having.parent
    if not isinstance(select, exp.Select):
        return
    known = {each.alias: each.this for each in select.expressions if isinstance(each, exp.Alias)}
    for column in list(having.find_all(exp.Column)):
        if not column.table and column.name in known and column.find_ancestor(exp.AggFunc, exp.Having) is having:
            column.replace(exp.paren(known[column.name].copy()))


def _mentions_itself(table: exp.Expr) -> bool:
    return any(inner.name == table.alias for inner in table.this.find_all(exp.Table))


def _variable(node: exp.Expr) -> exp.Expr:
    name = node.this.this.name if isinstance(node.this, exp.Parameter) else node.name
    found = VARIABLES.get(name.lower())
    if found is None:
        raise NotSupportedError(f"there is no variable @@{name} here")
    return exp.Anonymous(this=found, expressions=[])


def _ignore_case(collated: exp.Collate) -> None:
    """In a comparison both sides are lowered; IN, LIKE and sort keys stand alone."""
    outer = collated.parent
    lowered = exp.Lower(this=collated.this.copy())
    if isinstance(outer, COMPARISONS):
        other = "expression" if outer.this is collated else "this"
        outer.set(other, exp.Lower(this=outer.args[other].copy()))
    collated.replace(lowered)
