"""Other databases' SQL, read as ours.

    text --parameters--> text with named parameters --reading--> sqlglot's tree
         --rewriting, upserts, definitions, functions--> the tree of a statement that means the same here
         --writing--> PostgreSQL's SQL --> our parser

    translator   which statements are translated at all, the cache, errors in the user's own text
    control      transaction control, SHOW and PRAGMA, which sqlglot does not know or reads as something else
    parameters   `?`, `?1`, `:name`, `@name`, `%s`: numbered before anything can change their order
    rewriting    what holds for whole statements: names, truth values, UPDATE and DELETE with joins or LIMIT
    upserts      REPLACE, INSERT OR ..., INSERT IGNORE, ON DUPLICATE KEY UPDATE
    definitions  CREATE TABLE and ALTER TABLE: types, keys, AUTO_INCREMENT
    functions    functions that have other names or arguments
    writing      the generator of our SQL
    places       where in the user's text an error belongs
    outwards     our SQL as other databases', for dumps

The rule. A statement that begins with a word of queries, changes or definitions of tables, views and indexes is read in
the dialect; if the dialect cannot read it and our grammar can, it is ours. Everything else (BEGIN, SAVEPOINT, SET,
LOCK, VACUUM ...) is ours if our grammar accepts it, and is looked up in `control` if not: sqlglot would read
`SAVEPOINT a` as a column with an alias. EXPLAIN, PREPARE and DECLARE are ours around a statement in the dialect.

Names. Where a dialect's names do not depend on case (SQLite, DuckDB, SQL Server, and MySQL, whose tables may), quoted
names are folded as all others are; where unquoted names are upper case (Oracle, Snowflake), quoted upper case ones are.

Only this package and `lab.engines.translate` import sqlglot; nothing imports this package before a dialect is named.
"""
