"""`minidb advise`: the lowest isolation level for each transaction of a schedule that keeps every interleaving
serializable, with what goes wrong one level lower."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from minidb.cli.main import level
from minidb.cli.messages import error_text
from minidb.cli.pages import painter_for, positive
from minidb.cli.pages import show as say
from minidb.cli.schedule_files import USAGE_ERROR, complain, read_schedule
from minidb.errors import Error
from minidb.lab.advice import LEVELS, MOST, Advice, advise
from minidb.lab.advice_text import called, plain, text
from minidb.lab.allocations import Allocation
from minidb.lab.paint import heading
from minidb.lab.planned_transactions import with_levels
from minidb.lab.schedule_text import text_of

FAILED = 1
WIDEST, ON_PAPER = 140, 110
COMMAND = "advise"


def main(argv: Sequence[str]) -> int:
    """Runs `minidb advise` with these arguments. Returns 0 if there is a safe allocation, 1 if there is none, 2 if the
    file cannot be read, understood or set up, or a witness cannot be written."""
    options = parser().parse_args(list(argv))
    schedule = read_schedule(COMMAND, options.file)
    if schedule is None:
        return USAGE_ERROR
    progress = Progress(sys.stderr.isatty())
    try:
        advice = advise(
            schedule, chosen(options), most=options.most, sample=options.random, seed=options.seed, tell=progress.show,
        )
    except Error as error:
        return complain(COMMAND, f"{options.file}:\n{error_text(error)}")
    finally:
        progress.clear()
    show(advice, options)
    if options.save is not None and not save(advice, options.save):
        return USAGE_ERROR
    return 0 if advice.found else FAILED


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="minidb advise",
        description="Says for each transaction of a schedule which isolation level is the lowest one that keeps every "
        "interleaving of the steps serializable and the file's invariants true, and what goes wrong one level lower.",
        epilog="Exit status: 0 if there are such levels, 1 if not, 2 if the file cannot be used.",
    )
    made.add_argument("file", metavar="FILE", help="a schedule; - is standard input")
    made.add_argument("--levels", metavar="LEVEL,...", type=levels, default=LEVELS,
                      help=f"levels to choose from (default: {', '.join(LEVELS)})")
    made.add_argument("--top", metavar="LEVEL", type=level, help="a level in place of the highest: 2pl or serial")
    made.add_argument("--most", metavar="N", type=positive, default=MOST,
                      help=f"runs for one choice of levels after which to stop (default: {MOST:,})")
    made.add_argument("--random", metavar="N", type=positive, default=0,
                      help="perform N random orders for each choice instead of all: a sample, for what is too large")
    made.add_argument("--seed", metavar="S", type=int, default=0, help="which random orders (default: 0)")
    made.add_argument("--save", metavar="DIR", type=Path,
                      help="write the witnesses into DIR, and the schedule at the levels advised")
    made.add_argument("--json", action="store_true", help="print JSON")
    made.add_argument("--no-color", dest="colour", action="store_false", help="no colours, even on a terminal")
    return made


def levels(words: str) -> tuple[str, ...]:
    return tuple(level(name) for name in words.split(","))


def chosen(options: argparse.Namespace) -> Sequence[str]:
    return (*options.levels[:-1], options.top) if options.top else tuple(options.levels)


# -- what is shown


class Progress:
    """One line on a terminal that says what is being tried."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self.tried = 0

    def show(self, allocation: Allocation, performed: int) -> None:
        self.tried += 1
        if self.wanted:
            words = f"{self.tried}: {', '.join(allocation)} ({performed:,} runs so far)"
            width = shutil.get_terminal_size((80, 24)).columns - 1
            sys.stderr.write(f"\r\x1b[K{words[:width]}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self.wanted:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def show(advice: Advice, options: argparse.Namespace) -> None:
    if options.json:
        say([json.dumps(plain(advice), indent=2, ensure_ascii=False)])
        return
    painter = painter_for(options, WIDEST, ON_PAPER)
    say([heading(painter, advice.schedule.name, ""), *text(advice, painter)])


# -- what is saved


def save(advice: Advice, directory: Path) -> bool:
    """Writes NAME-TRANSACTION-at-LEVEL.spec for every failure, and NAME-advised.spec."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files_of(advice):
            path = directory / f"{file_name(name)}.spec"
            path.write_text(content, encoding="utf-8", newline="\n")
    except OSError as error:
        complain(COMMAND, f"cannot write {error.filename}: {error.strerror}")
        return False
    return True


def files_of(advice: Advice) -> Iterable[tuple[str, str]]:
    """Names and contents."""
    title = advice.schedule.name
    names = [planned.name for planned in advice.transactions]
    for transaction, failure in advice.failures:
        place = names.index(transaction) if transaction else 0
        about = transaction or "all"
        note = f"{called(failure)}, with {', '.join(map(' at '.join, zip(names, failure.allocation)))}"
        yield f"{title}-{about}-at-{failure.allocation[place]}", text_of(failure.witness, (note, *failure.words))
    if advice.found:
        yield f"{title}-advised", text_of(with_levels(advice.schedule, advice.transactions, advice.allocation))


def file_name(words: str) -> str:
    return re.sub(r"[^\w.-]+", "_", words)
