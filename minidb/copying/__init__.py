"""COPY: rows from and to files, in PostgreSQL's text format or as CSV.

    characters --records--> lists of texts --columns--> tuples of values --load--> the table, a block at a time
    options    WITH (...), checked
    records    what csv_format and text_format have in common: blocks of records, and where each of them stands
    columns    texts to values by column, values to texts
    load       COPY ... FROM        unload     COPY ... TO
    ports      where the data comes from and goes to when it is no file

A block is about a million characters. It is cut and converted in comprehensions, a column at a time; only where that
fails, the block is looked at value by value, to tell which one was wrong. Characters are decoded in blocks as well, so
that a file of any length needs the memory of one block, besides the rows of the transaction.
"""
