"""`minidb check`: verifies everything in a database that no process has open.

Opening verifies the meta pages and the log. Then, one line each with -v: all pages of the base and what is free (every
block is in exactly one place), the order of every tree, every index against its table, every constraint against the
rows. It goes on after a fault, so that all of them are told.

Opening makes durable what the log holds, as it always does; otherwise nothing is written, no checkpoint either.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from minidb.cli.databases import must_exist
from minidb.cli.messages import error_text
from minidb.constraint_audit import Question, questions
from minidb.database import Database
from minidb.errors import DatabaseCorrupt, Error
from minidb.txn.verify import parts

FAILED = 1
Part = tuple[str, Callable[[], None]]


def main(argv: Sequence[str]) -> int:
    """Runs `minidb check` with these arguments. Returns 0 if everything is in order, else 1."""
    options = parser().parse_args(list(argv))
    try:
        faults, counted = check(options.file, show if options.verbose else None)
    except Error as error:
        print(error_text(error), file=sys.stderr)
        return FAILED
    for fault in faults:
        print(error_text(fault), file=sys.stderr)
    if faults:
        print(f"{options.file}: {len(faults)} of {counted} checks failed")
        return FAILED
    print(f"{options.file}: in order ({counted} checks)")
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="minidb check",
        description="Verifies pages, trees, free space, indexes and constraints of a database.",
        epilog="Of a damaged database, `minidb salvage FILE OUT` rescues what can be read.",
    )
    made.add_argument("file", metavar="FILE", help="the database")
    made.add_argument("-v", "--verbose", action="store_true", help="tell each check as it begins")
    return made


def show(name: str, place: int, count: int) -> None:
    print(f"[{place}/{count}] {name}", flush=True)


def check(path: str, progress: Callable[[str, int, int], None] | None = None) -> tuple[list[Error], int]:
    """(what is wrong, how many checks there were). Raises what opening the database raises.

    Arguments:
        progress: called before each check with its name, its place from 1 on, and how many there are.
    """
    must_exist(path)
    database = Database.shared(path, background=False)
    try:
        found: list[Error] = []
        all_parts = list(checks(database))
        for place, (name, part) in enumerate(all_parts, 1):
            if progress is not None:
                progress(name, place, len(all_parts))
            try:
                part()
            except Error as error:
                found.append(error)
        return found, len(all_parts)
    finally:
        database.leave()


def checks(database: Database) -> Iterator[Part]:
    yield "pages and free space", database.base.check
    yield from parts(database.base, database.relations, database.manager)
    for question in questions(database.relations.catalog):
        yield question.title, partial(ask, database, question)


def ask(database: Database, question: Question) -> None:
    """Raises DatabaseCorrupt if the query finds a row."""
    session = database.session(autocommit=True)
    try:
        row = next(iter(session.execute(question.query)), None)
        if row is not None:
            raise DatabaseCorrupt(f"{database.path}: {question.title} does not hold", detail=f"Row: {tuple(row)!r}")
    finally:
        session.close()
