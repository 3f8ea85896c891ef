"""`minidb salvage`: rescues every row that can be read of a damaged database into a new one, and says what is lost."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from minidb.cli.messages import error_text
from minidb.errors import Error
from minidb.salvage import salvage

FAILED = 1


def main(argv: Sequence[str]) -> int:
    """Runs `minidb salvage` with these arguments. Returns 0 if nothing was lost, else 1."""
    options = parser().parse_args(list(argv))
    try:
        report = salvage(options.file, options.out)
    except Error as error:
        print(error_text(error), file=sys.stderr)
        return FAILED
    for name, count in report.rows.items():
        print(f"{name}: {count:,} rows")
    for loss in report.losses:
        print(f"LOST:  {loss}")
    print(f"{options.out}: {sum(report.rows.values()):,} rows of {len(report.rows):,} tables"
          + ("" if report.losses else ", nothing is lost"))
    return FAILED if report.losses else 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="minidb salvage",
        description="Rescues what can be read of a damaged database, which is only read, into a new one.",
        epilog="A backup is better: salvage may bring back rows that were deleted, and says so.",
    )
    made.add_argument("file", metavar="FILE", help="the damaged database")
    made.add_argument("out", metavar="OUT", help="the new database")
    return made
