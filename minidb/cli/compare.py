"""`minidb compare`: runs schedules on several engines, at each of their levels, and prints what came of it.

Without --engine those are asked that need no server: minidb, SQLite in both modes, and DuckDB if it is installed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import chain

from minidb.cli.messages import error_text
from minidb.cli.pages import painter_for
from minidb.cli.pages import show as say
from minidb.cli.schedule_files import USAGE_ERROR, complain, read_schedule
from minidb.errors import Error, NotSupportedError
from minidb.lab.compare import Cell, compare, mark, words
from minidb.lab.engines.choose import open_engine
from minidb.lab.paint import Painter, heading, wrapped
from minidb.lab.schedule import Schedule

COMMAND = "compare"
EVERYWHERE = ("minidb", "sqlite", "sqlite?journal_mode=wal")
PERHAPS = ("duckdb",)
MARGIN = "  "
LOOKS = {"✗": "bad", "✓": "answer", "–": "dim"}
LEGEND = (
    "✗ anomaly: no serial order of the transactions that committed explains what they read and what they left; or an "
    "invariant does not hold   ✓ some order does; a session had to wait (waits) or got the error named, or neither "
    "(no wait)"
)


def main(argv: Sequence[str]) -> int:
    """Runs `minidb compare` with these arguments. Returns 0; 2 if a file or an engine cannot be had."""
    options = parser().parse_args(list(argv))
    schedules = [read_schedule(COMMAND, name) for name in options.files]
    engines = options.engines or [*EVERYWHERE, *filter(is_there, PERHAPS)]
    if None in schedules:
        return USAGE_ERROR
    try:
        show(list(filter(None, schedules)), engines, options)
    except Error as error:
        return complain(COMMAND, error_text(error))
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="minidb compare",
        description="Runs schedules on several engines, at each of their isolation levels, and prints what came of it.",
        epilog="Engines: minidb, sqlite, sqlite?journal_mode=wal, duckdb, postgresql://user@host/database, "
        "mysql://user@host. Of the servers a schema or database of its own is used, which is dropped in the end.",
    )
    made.add_argument("files", nargs="+", metavar="FILE", help="a schedule; - is standard input")
    made.add_argument("--engine", dest="engines", action="append", metavar="URL", help="an engine (repeatable)")
    made.add_argument("--every", action="store_true", help="all interleavings, where the file names no order")
    made.add_argument("--markdown", action="store_true", help="print a table in Markdown")
    made.add_argument("--no-color", dest="colour", action="store_false", help="no colours, even on a terminal")
    return made


def is_there(url: str) -> bool:
    try:
        open_engine(url).close()
    except NotSupportedError:
        return False
    return True


# -- what is shown


def show(schedules: Sequence[Schedule], engines: Sequence[str], options: argparse.Namespace) -> None:
    painter = painter_for(options)
    for schedule in schedules:
        cells = performed(schedule, engines, options.every)
        lines = markdown(schedule.name, cells) if options.markdown else table(schedule.name, cells, painter)
        say(chain(lines, [""]))
    if not options.markdown:
        say(painter(line, "dim") for line in wrapped(LEGEND, painter.width, MARGIN))


def performed(schedule: Schedule, engines: Sequence[str], every: bool) -> Iterator[Cell]:
    for url in engines:
        with closing(open_engine(url)) as engine:
            yield from compare(schedule, engine, every)


def table(name: str, cells: Iterator[Cell], painter: Painter) -> Iterator[str]:
    """One line for each level of each engine, as they come."""
    yield heading(painter, name, "")
    last = ""
    for cell in cells:
        engine = "" if label(cell) == last else label(cell)
        last = label(cell)
        yield from row(engine, cell, painter)


def row(engine: str, cell: Cell, painter: Painter) -> Iterator[str]:
    head = f"{MARGIN}{engine:<24}{cell.level:<17} "
    first, *rest = wrapped(words(cell), painter.width - len(head) - 2)
    yield f"{MARGIN}{engine:<24}{painter(f'{cell.level:<17}', 'level')} " + painter(f"{mark(cell)} {first}", look(cell))
    yield from (" " * (len(head) + 2) + painter(text, look(cell)) for text in rest)


def look(cell: Cell) -> str:
    return LOOKS[mark(cell)]


def label(cell: Cell) -> str:
    """What the engine is called in a table: its version, with what was asked for besides."""
    _, _, option = cell.engine.partition("?journal_mode=")
    return f"{cell.version}, {option.upper()}" if option else cell.version


def markdown(name: str, cells: Iterator[Cell]) -> Iterator[str]:
    yield f"| {name} | level | outcome |"
    yield "|---|---|---|"
    for cell in cells:
        yield f"| {label(cell)} | {cell.level} | {mark(cell)} {words(cell)} |"
