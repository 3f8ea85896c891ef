"""`minidb backup`: a consistent copy of a database that no process has open."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from minidb.backup import backup
from minidb.cli.databases import open_existing
from minidb.cli.messages import error_text
from minidb.errors import DatabaseInUse, Error

FAILED = 1


def main(argv: Sequence[str]) -> int:
    """Runs `minidb backup` with these arguments. Returns 0, or 1 after an error."""
    options = parser().parse_args(list(argv))
    try:
        number = copy(options.file, options.out, options.verbose)
    except Error as error:
        print(error_text(error), file=sys.stderr)
        return FAILED
    print(f"{options.out}: {options.file} as of commit {number}")
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="minidb backup",
        description="Copies a database, checking every page. The copy is a database; `minidb restore` carries it on.",
        epilog="While a process has the database open, that process makes the copy: connection.backup(OUT).",
    )
    made.add_argument("file", metavar="FILE", help="the database")
    made.add_argument("out", metavar="OUT", help="the copy, a new file")
    made.add_argument("-v", "--verbose", action="store_true", help="show how far it is")
    return made


def copy(file: str, out: str, verbose: bool) -> int:
    try:
        database = open_existing(file)
    except DatabaseInUse as error:
        error.hint = "That process can copy it while it works: connection.backup(OUT)."
        raise
    try:
        return backup(database, out, pages=1000, progress=show if verbose else None)
    finally:
        database.close()


def show(status: str, left: int, total: int) -> None:
    print(f"{status}: {total - left} of {total} pages", file=sys.stderr)
