"""`minidb restore`: a database from a backup and, with `--archive`, from what was committed after it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from minidb.backup import restore
from minidb.cli.messages import error_text
from minidb.errors import Error

FAILED = 1


def main(argv: Sequence[str]) -> int:
    """Runs `minidb restore` with these arguments. Returns 0, or 1 after an error, which leaves nothing behind."""
    options = parser().parse_args(list(argv))
    until = options.until
    try:
        made = restore(
            options.backup, options.out, archive=options.archive, log=options.log,
            commit=until if isinstance(until, int) else None, until=until if isinstance(until, datetime) else None,
            progress=show if options.verbose else None,
        )
    except Error as error:
        print(error_text(error), file=sys.stderr)
        return FAILED
    when = f", made at {made.time.isoformat()}" if made.time is not None else ""
    print(f"{options.out}: as of commit {made.number}{when}" if made.number else f"{options.out}: a copy")
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="minidb restore",
        description="Makes a database from a backup. With an archive, commits made after the backup are taken, too: "
        "all of them, or those up to a time or a commit.",
    )
    made.add_argument("backup", metavar="BACKUP", help="what `minidb backup` or connection.backup() has made")
    made.add_argument("-o", "--out", metavar="OUT", required=True, help="the database, a new file")
    made.add_argument("--archive", metavar="DIR", help="the original's archive")
    made.add_argument("--log", metavar="FILE", help="the original's name: what was not archived is taken from its log")
    made.add_argument("--until", metavar="TIME|COMMIT", type=target,
                      help="the last commit to take, or a time (ISO 8601; UTC unless it says otherwise)")
    made.add_argument("-v", "--verbose", action="store_true", help="show how far it is")
    return made


def target(text: str) -> int | datetime:
    if text.isdecimal():
        return int(text)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a commit's number nor a time") from None
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


def show(number: int) -> None:
    print(f"commit {number}", file=sys.stderr)
