"""Dumps: a database as the SQL text that makes it again, here or in another database.

    session, in one snapshot --catalog--> plan --target--> definitions ... rows ... what must come after the rows

    dump      the order of things, one consistent snapshot, rows in large inserts
    ordering  which table and view before which
    survey    a look at the data, where a target's types depend on them
    target    what a target is: names, types, values, definitions; our own, and PostgreSQL's, which is nearly the same
    mysql, sqlite, duckdb    the others

The order: sequences, tables (each with its own columns' sequences, keys and checks), rows, where the sequences stand,
indexes, foreign keys, views, comments. Foreign keys come after the rows, so that neither their order nor circles
matter; SQLite and DuckDB know them only in CREATE TABLE.

What a target cannot have is left out and told: as a comment in the dump, and to the caller. A value is never changed:
where a type could not hold all values of a column, the column gets a wider one, text in the end, and that is told, too.
"""
