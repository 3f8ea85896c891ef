"""`minidb dump FILE`: a database as SQL, for minidb again or for PostgreSQL, MariaDB, SQLite, DuckDB."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from minidb.cli.databases import must_exist
from minidb.dbapi.database import open_engine
from minidb.dumping.dump import TARGETS, Dump, Options, consistent


def main(argv: Sequence[str]) -> int:
    """Runs `minidb dump` with these arguments and returns the exit status."""
    options = parser().parse_args(list(argv))
    must_exist(options.file)
    wanted = Options(
        dialect=options.dialect,
        schema=not options.data_only,
        data=not options.schema_only,
        tables=tuple(options.tables),
        inserts=options.inserts,
    )
    engine = open_engine(options.file)
    try:
        session = engine.session(isolation_level="snapshot", read_only=True)
        with consistent(session):
            dump = Dump(session, wanted)
            write(dump, options.out)
        session.close()
    finally:
        engine.close()
    for words in dump.left_out:
        print(f"left out: {words}", file=sys.stderr)
    return 0


def write(texts: Iterable[str], path: str | None) -> None:
    if path is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
        sys.stdout.writelines(texts)
        return
    unfinished = Path(f"{path}.unfinished")  # a dump that was broken off is not mistaken for one
    try:
        with unfinished.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(texts)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="minidb dump",
        description="Writes a database as SQL: its schema and rows, as they are at one moment.",
    )
    made.add_argument("file", metavar="FILE", help="the database")
    made.add_argument("--dialect", metavar="NAME", default="minidb", help=f"for whom: {', '.join(TARGETS)}")
    part = made.add_mutually_exclusive_group()
    part.add_argument("--schema-only", action="store_true", help="no rows")
    part.add_argument("--data-only", action="store_true", help="rows only")
    made.add_argument("-t", "--table", dest="tables", metavar="TABLE", action="append", default=[],
                      help="only this table (repeatable)")
    made.add_argument("--inserts", action="store_true", help="for minidb and postgres: INSERT instead of COPY")
    made.add_argument("-o", "--out", metavar="OUT", help="a file (default: standard output)")
    return made
