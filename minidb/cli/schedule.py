"""`minidb schedule`: runs schedules, files in the format of PostgreSQL's isolation tests, and prints what happens.

The text is that of PostgreSQL's isolation tester, so that it can be compared with expected output written for it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from minidb.cli.main import level
from minidb.cli.messages import error_text
from minidb.cli.schedule_files import USAGE_ERROR, complain, read_schedule
from minidb.errors import Error
from minidb.lab.engines.choose import KNOWN, open_engine
from minidb.lab.orders import permutation_count
from minidb.lab.schedule import Schedule
from minidb.lab.tester import Tester

FAILED = 1
COMMAND = "schedule"
OWN = "minidb"
LIMIT = 20_000
Say = Callable[[str], None]


def main(argv: Sequence[str]) -> int:
    """Runs `minidb schedule` with these arguments. Returns 0; 1 if a permutation was invalid, a setup failed or an
    invariant was broken; 2 if a file cannot be read or understood."""
    options = options_of(argv)
    schedules = [read_schedule(COMMAND, name) for name in options.files]
    status = USAGE_ERROR if None in schedules else 0
    for schedule in filter(None, schedules):
        status = max(status, run(schedule, options, heading=len(schedules) > 1))
    return status


def options_of(argv: Sequence[str]) -> argparse.Namespace:
    made = parser()
    options = made.parse_args(list(argv))
    if options.engine == OWN and options.isolation is not None:  # other engines know the names of their levels
        try:
            options.isolation = level(options.isolation)
        except argparse.ArgumentTypeError as error:
            made.error(f"argument --isolation: {error}")
    return options


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="minidb schedule",
        description="Runs schedules (files in the format of PostgreSQL's isolation tests) and prints what happens.",
    )
    made.add_argument("files", nargs="+", metavar="FILE", help="a schedule; - is standard input")
    made.add_argument("--isolation", metavar="LEVEL", help="run every session at this level")
    made.add_argument("--engine", metavar="NAME", default=OWN, help=f"the database to run it on. {KNOWN}")
    made.add_argument("--defer", action="store_true", help="keep steps whose session waits, instead of giving up")
    made.add_argument("-o", dest="directory", metavar="DIR", type=Path, help="write each output to DIR/NAME.out")
    made.add_argument(
        "--limit", metavar="N", type=int, default=LIMIT, help=f"most permutations to run (default: {LIMIT})"
    )
    return made


# -- reading


# -- running


def run(schedule: Schedule, options: argparse.Namespace, heading: bool) -> int:
    count = permutation_count(schedule)
    if count > options.limit:
        return complain(COMMAND, f"{schedule.name}: {too_many(schedule, count, options.limit)}")
    if options.directory is not None:
        return run_into(schedule, options)
    if heading:
        say(f"==> {schedule.name} <==")
    return perform(schedule, options, say, warn)


def too_many(schedule: Schedule, count: int, limit: int) -> str:
    if schedule.permutations:
        return f"the schedule has {count:,} permutations, more than --limit {limit:,}"
    return (
        f"the schedule names no permutations, so that all interleavings are meant: {shown(count)}, more than "
        f"--limit {limit:,}. Name some with `permutation`, or raise the limit."
    )


def shown(count: int) -> str:
    return f"{count:,}" if count < 10**15 else f"about 10^{len(str(count)) - 1}"


def run_into(schedule: Schedule, options: argparse.Namespace) -> int:
    """Writes what would be printed into a file, complaints included, as PostgreSQL's expected files have them."""
    target: Path = options.directory / f"{schedule.name}.out"
    lines: list[str] = []
    status = perform(schedule, options, lines.append, lines.append)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        return complain(COMMAND, f"cannot write {target}: {error.strerror}")
    return status


def perform(schedule: Schedule, options: argparse.Namespace, out: Say, err: Say) -> int:
    try:
        engine = open_engine(options.engine)
    except Error as error:
        err(f"minidb schedule: {error_text(error)}")
        return USAGE_ERROR
    try:
        return 0 if Tester(schedule, engine, out, err, options.isolation, options.defer).run() else FAILED
    finally:
        engine.close()


def say(text: str) -> None:
    print(text, flush=True)


def warn(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
