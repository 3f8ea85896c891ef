"""The SQL of schedules, which is PostgreSQL's, in the words of other engines. sqlglot does the work; what is here is
what matters to transactions and what it leaves out.

    FOR NO KEY UPDATE, FOR SHARE, FOR KEY SHARE    MySQL: FOR UPDATE and LOCK IN SHARE MODE, the next stronger ones
                                                   SQLite, DuckDB: gone, these engines have no row locks
    ON CONFLICT                                    MySQL: INSERT IGNORE, ON DUPLICATE KEY UPDATE
    text                                           MySQL: varchar(255), which can be a key
    numeric                                        SQLite: NUMERIC, so that integers stay what they are;
                                                   MySQL: decimal(30, 10), where nothing else is said
    ORDER BY x                                     nulls where the engine puts them: an emulation would keep it from
                                                   using the index, and so from locking what people expect
    DROP TABLE a, b                                SQLite, DuckDB: two statements
    TRUNCATE a                                     SQLite: DELETE FROM a

What an engine cannot do is left as it is, and the engine's own error tells.
"""

from __future__ import annotations

from functools import cache, lru_cache

from sqlglot import exp
from sqlglot.dialects import Dialect

from minidb.sql.dialects.outwards import translating

NULLS = {"sqlite": "nulls_are_small", "mysql": "nulls_are_small", "duckdb": "nulls_are_last"}
VARCHAR = "VARCHAR(255)"
DECIMAL = "DECIMAL(30, 10)"


@cache
def reader(target: str) -> Dialect:
    """PostgreSQL, but with nulls sorted as the target sorts them."""
    dialect = Dialect.get_or_raise("postgres")
    dialect.NULL_ORDERING = NULLS[target]
    return dialect


@lru_cache(maxsize=4096)
def translated(sql: str, target: str) -> tuple[str, ...]:
    """One statement as the target's statements. target: "sqlite", "mysql" or "duckdb". Raises NotSupportedError for
    what sqlglot cannot read."""
    with translating(sql, target):
        trees = [adapted(tree, target) for tree in reader(target).parse(sql) if tree is not None]
        return tuple(text_of(part, target) for tree in trees for part in divided(tree, target))


def adapted(tree: exp.Expr, target: str) -> exp.Expr:
    if target == "sqlite":
        return tree.transform(for_sqlite)
    return tree.transform(for_mysql) if target == "mysql" else tree


def divided(tree: exp.Expr, target: str) -> list[exp.Expr]:
    """DROP of several tables as one DROP for each."""
    tables = tree.args.get("tables") or [] if isinstance(tree, exp.Drop) else []
    if target == "mysql" or len(tables) < 2:
        return [tree]
    return [alone(tree, table) for table in tables]


def alone(drop: exp.Expr, table: exp.Expr) -> exp.Expr:
    copy = drop.copy()
    copy.set("tables", [table.copy()])
    return copy


def text_of(tree: exp.Expr, target: str) -> str:
    text = tree.sql(dialect=target)
    if target == "mysql" and any(not lock.args.get("update") for lock in tree.find_all(exp.Lock)):
        return text.replace("FOR SHARE", "LOCK IN SHARE MODE")  # MariaDB knows only the older words
    return text


def for_sqlite(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.DataType) and node.this == exp.DataType.Type.DECIMAL:
        return exp.DataType(this=exp.DataType.Type.USERDEFINED, kind="NUMERIC")
    if isinstance(node, exp.TruncateTable):
        return exp.Delete(this=node.expressions[0].copy())
    if isinstance(node, exp.Drop):
        node.set("cascade", None)
    return node


def for_mysql(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.DataType) and node.this in (exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR):
        return node if node.expressions else exp.DataType.build(VARCHAR, dialect="mysql")
    if isinstance(node, exp.DataType) and node.this == exp.DataType.Type.DECIMAL and not node.expressions:
        return exp.DataType.build(DECIMAL, dialect="mysql")
    if isinstance(node, exp.Lock):
        return lock_for_mysql(node)
    if isinstance(node, exp.Insert):
        return insert_for_mysql(node)
    return node


def lock_for_mysql(lock: exp.Lock) -> exp.Lock:
    """The row locks that InnoDB has, without OF, which MariaDB does not know."""
    lock.set("expressions", None)
    lock.set("key", None)
    return lock


def insert_for_mysql(insert: exp.Insert) -> exp.Insert:
    conflict = insert.args.get("conflict")
    if not isinstance(conflict, exp.OnConflict):
        return insert
    if not conflict.expressions:
        insert.set("conflict", None)
        insert.set("ignore", True)
        return insert
    changes = [change.transform(from_excluded) for change in conflict.expressions]
    insert.set("conflict", exp.OnConflict(duplicate=True, expressions=changes, action=exp.var("UPDATE")))
    return insert


def from_excluded(node: exp.Expr) -> exp.Expr:
    """`excluded.x` is `VALUES(x)`."""
    if isinstance(node, exp.Column) and node.table.lower() == "excluded":
        return exp.Anonymous(this="VALUES", expressions=[exp.column(node.name)])
    return node
