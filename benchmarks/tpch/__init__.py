"""The TPC-H benchmark: a generator of its data, its 22 queries, and a run beside sqlite3 and DuckDB."""
