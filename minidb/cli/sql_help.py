"""What `\\h` prints: the statements and how they are written, the short form."""

from __future__ import annotations

from minidb.errors import UndefinedObject

STATEMENTS = {
    "ALTER TABLE": "ALTER TABLE name { ADD [COLUMN] ... | DROP [COLUMN] ... | RENAME ... | ADD CONSTRAINT ... | ... }",
    "ANALYZE": "ANALYZE [table]",
    "BEGIN": "BEGIN [ISOLATION LEVEL level] [READ ONLY | READ WRITE] [[NOT] DEFERRABLE]\n"
    "levels: READ UNCOMMITTED, READ COMMITTED, SNAPSHOT (REPEATABLE READ),\n"
    "        SERIALIZABLE 2PL, SERIALIZABLE [SSI], SERIALIZABLE SERIAL",
    "COMMIT": "COMMIT",
    "CREATE INDEX": "CREATE [UNIQUE] INDEX [name] ON table\n"
    "    ({column | (expression)} [ASC | DESC] [NULLS FIRST | LAST], ...)\n"
    "    [INCLUDE (column, ...)] [WHERE condition]",
    "CREATE TABLE": "CREATE TABLE [IF NOT EXISTS] name (column type [constraint ...], ... [, table_constraint ...])\n"
    "constraints: NOT NULL, DEFAULT value, CHECK (condition), UNIQUE, PRIMARY KEY [CLUSTERED],\n"
    "             REFERENCES table [(column)] [ON DELETE action] [ON UPDATE action]",
    "CREATE TABLE AS": "CREATE TABLE name AS query",
    "DELETE": "DELETE FROM table [USING ...] [WHERE condition] [RETURNING ...]",
    "DROP INDEX": "DROP INDEX [IF EXISTS] name [CASCADE | RESTRICT]",
    "DROP TABLE": "DROP TABLE [IF EXISTS] name [, ...] [CASCADE | RESTRICT]",
    "EXPLAIN": "EXPLAIN [ANALYZE] statement\nEXPLAIN (CODE) statement",
    "INSERT": "INSERT INTO table [(column, ...)] {VALUES (...), ... | query} [ON CONFLICT ...] [RETURNING ...]",
    "LOCK TABLE": "LOCK TABLE name [, ...] [IN mode MODE] [NOWAIT]",
    "RELEASE": "RELEASE [SAVEPOINT] name",
    "ROLLBACK": "ROLLBACK [TO [SAVEPOINT] name]",
    "SAVEPOINT": "SAVEPOINT name",
    "SELECT": "SELECT [DISTINCT] ... [FROM ...] [WHERE ...] [GROUP BY ...] [HAVING ...] [ORDER BY ...]\n"
    "    [LIMIT n] [OFFSET n] [FOR {UPDATE | NO KEY UPDATE | SHARE | KEY SHARE} [NOWAIT | SKIP LOCKED]]",
    "SET": "SET name = value\nSET TRANSACTION ISOLATION LEVEL level\n"
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL level",
    "SHOW": "SHOW name\nSHOW TRANSACTION ISOLATION LEVEL",
    "TRUNCATE": "TRUNCATE [TABLE] name [, ...]",
    "UPDATE": "UPDATE table SET column = value [, ...] [FROM ...] [WHERE condition] [RETURNING ...]",
    "VALUES": "VALUES (value, ...) [, ...]",
}


def overview() -> str:
    return "\n".join(["Statements (\\h NAME shows one):", *(f"    {name}" for name in STATEMENTS)])


def synopsis(name: str) -> str:
    """How the statement called `name` is written; the beginning of its name is enough. Raises UndefinedObject."""
    wanted = " ".join(name.upper().rstrip(";").split())
    found = [text for statement, text in STATEMENTS.items() if statement == wanted]
    found = found or [text for statement, text in STATEMENTS.items() if statement.startswith(wanted)]
    if not found:
        raise UndefinedObject(f"there is no help for {name}", hint="\\h lists the statements.")
    return "\n\n".join(found)
