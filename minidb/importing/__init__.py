"""Importing: SQLite files, CSV files and scripts of other databases, each in one transaction, with a report.

    sqlite_file   schema, rows, keys, indexes and views of a SQLite file
    column_types  the type of a column, from what was declared and from the values that are there
    csv_file      a table from a CSV file, its types read off the values
    script        the statements of a script, one by one; what cannot be run is reported
    report        what was done, what was left out and why

What is imported is all there or not at all. A value that the type would not hold makes the type wider, never the value
smaller. What has no like here (triggers, collations ...) is left out and told.
"""
