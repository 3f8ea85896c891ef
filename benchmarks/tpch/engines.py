"""The three databases that the run compares, each loaded with the same rows."""

from __future__ import annotations

import csv
import re
import sqlite3
import tempfile
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import minidb
from benchmarks.tpch.generator import SCHEMA, Generator, Row

INDEXES = (
    "CREATE INDEX lineitem_part ON lineitem (l_partkey, l_suppkey)",
    "CREATE INDEX orders_customer ON orders (o_custkey)",
)


def marks(table: str) -> str:
    return ", ".join("?" * (SCHEMA[table].split(", PRIMARY KEY (")[0].count(", ") + 1))


def load_minidb(generator: Generator, path: str = ":memory:", indexes: Sequence[str] = INDEXES) -> Any:
    connection = minidb.connect(path, autocommit=True, durability="off")
    for table, columns in SCHEMA.items():
        connection.execute(f"CREATE TABLE {table} ({columns})")
        connection.cursor().executemany(f"INSERT INTO {table} VALUES ({marks(table)})", list(generator.rows(table)))
    for index in indexes:
        connection.execute(index)
    connection.execute("CHECKPOINT")
    connection.execute("ANALYZE")
    return connection


def load_sqlite(generator: Generator) -> sqlite3.Connection:
    """Money as REAL and dates as text: sqlite3 has nothing better, so its answers are not compared."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for table, columns in SCHEMA.items():
        connection.execute(f"CREATE TABLE {table} ({columns})")
        rows = ([_plain(value) for value in row] for row in generator.rows(table))
        connection.execute("BEGIN")
        connection.executemany(f"INSERT INTO {table} VALUES ({marks(table)})", rows)
        connection.execute("COMMIT")
    for index in INDEXES:
        connection.execute(index)
    connection.execute("ANALYZE")
    return connection


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def sqlite_text(query: str) -> str:
    """The query in sqlite3's words for dates and substrings."""
    query = re.sub(
        r"date '([\d-]+)' ([+-]) interval '(\d+)' (\w+)",
        lambda m: f"date('{m[1]}', '{m[2]}{m[3]} {m[4]}')",
        query,
    )
    query = re.sub(r"date '([\d-]+)'", r"'\1'", query)
    query = re.sub(r"extract\(year from (\w+)\)", r"cast(strftime('%Y', \1) as integer)", query)
    query = re.sub(r"substring\((\w+) from (\d+) for (\d+)\)", r"substr(\1, \2, \3)", query)
    return query.replace(") as c_orders (c_custkey, c_count)", ") as c_orders").replace(
        "select c_custkey, count(o_orderkey)", "select c_custkey, count(o_orderkey) as c_count"
    )


def load_duckdb(generator: Generator) -> Any:
    import duckdb

    connection = duckdb.connect(":memory:")
    connection.execute("SET threads = 1")
    with tempfile.TemporaryDirectory() as folder:
        for table, columns in SCHEMA.items():
            connection.execute(f"CREATE TABLE {table} ({columns})")
            file = Path(folder) / f"{table}.csv"
            with file.open("w", newline="") as out:
                csv.writer(out).writerows(generator.rows(table))
            connection.execute(f"COPY {table} FROM '{file}' (FORMAT csv, HEADER false)")
    return connection


def comparable(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Rows without what only differs in type: numbers rounded to six significant digits, char(n) without blanks."""
    return [tuple(_comparable(value) for value in row) for row in rows]


def _comparable(value: Any) -> Any:
    if isinstance(value, Decimal | float):
        return float(f"{float(value):.9g}")
    return value.rstrip(" ") if isinstance(value, str) else value
