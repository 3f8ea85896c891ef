"""`minidb import SOURCE FILE`: a SQLite file, a CSV file, or another database's script, into a database."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minidb.dbapi.database import open_engine
from minidb.errors import InvalidParameterValue, OperationalError
from minidb.importing.report import Progress, Report

CSV = (".csv", ".tsv", ".txt")


def main(argv: Sequence[str]) -> int:
    """Runs `minidb import` with these arguments and returns the exit status."""
    options = parser().parse_args(list(argv))
    if not Path(options.source).is_file():
        raise OperationalError(f"there is no file {options.source}")
    engine = open_engine(options.file)
    try:
        session = engine.session(autocommit=True)
        report = run(session, options, progress() if sys.stderr.isatty() else None)
        session.close()
    finally:
        engine.close()
    for line in report.lines():
        print(line)
    return 0


def run(session: Any, options: argparse.Namespace, told: Progress | None) -> Report:
    from minidb.importing.sqlite_file import SqliteImport, is_sqlite

    suffix = Path(options.source).suffix.lower()
    if is_sqlite(options.source):
        return SqliteImport(options.source, session, keep_case=options.keep_case, progress=told).run()
    if suffix == ".sql" or options.dialect:
        from minidb.importing.script import import_script

        text = Path(options.source).read_bytes().decode("utf-8").replace("\r\n", "\n")
        return import_script(session, text, options.dialect or "minidb", told)
    if suffix in CSV or options.table:
        from minidb.importing.csv_file import folded, import_csv

        return import_csv(
            session, options.source, options.table or folded(Path(options.source).stem), header=options.header,
            delimiter=options.delimiter, types=dict(map(column_and_type, options.types)), keep_case=options.keep_case,
            progress=told,
        )
    raise InvalidParameterValue(
        f"{options.source} is neither a SQLite file nor named .csv or .sql",
        hint="--table imports it as CSV, --dialect as a script.",
    )


def column_and_type(text: str) -> tuple[str, str]:
    name, equals, kind = text.partition("=")
    if not equals:
        raise InvalidParameterValue(f"a type is given as COLUMN=TYPE, not {text}")
    return name, kind


def progress() -> Progress:
    def show(name: str, done: int, total: int) -> None:
        share = f" of {total}" if total else ""
        print(f"\r{name}: {done}{share}\033[K", end="", file=sys.stderr, flush=True)

    return show


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="minidb import",
        description="Imports a SQLite file, a CSV file or a script of another database; all of it or nothing.",
    )
    made.add_argument("source", metavar="SOURCE", help="a SQLite file, a .csv file, a .sql script")
    made.add_argument("file", metavar="FILE", help="the database, made if absent")
    made.add_argument("--keep-case", action="store_true", help="names as they are, not in lower case")
    made.add_argument("--table", metavar="NAME", help="CSV: the table (default: the file's name)")
    made.add_argument("--type", dest="types", metavar="COLUMN=TYPE", action="append", default=[],
                      help="CSV: the type of a column (repeatable)")
    made.add_argument("--no-header", dest="header", action="store_false", help="CSV: the first line is a row")
    made.add_argument("--delimiter", metavar="C", help="CSV: what stands between fields (default: read off)")
    made.add_argument("--dialect", metavar="NAME", help="script: mysql, sqlite, duckdb, tsql, postgres ...")
    return made
