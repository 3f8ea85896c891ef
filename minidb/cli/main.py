"""The `minidb` command: reads the command line, opens the database, and hands over to the shell or a subcommand.

Subcommands are modules of this package, imported only when they are called; each has `main(argv) -> exit status`. The
first word decides: a file that is called like one of them is opened as `./demo`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import minidb
from minidb.cli.databases import must_exist
from minidb.cli.messages import error_text
from minidb.cli.sessions import Crew
from minidb.cli.shell import Interrupted, Quit, Shell
from minidb.dbapi.database import MEMORY, open_engine, session_of
from minidb.errors import Error
from minidb.isolation import IsolationLevel

COMMANDS = {
    "advise": "the lowest safe isolation level for each transaction of a schedule",
    "backup": "a consistent copy of a database",
    "changes": "committed changes in commit order, as JSON lines",
    "check": "verify everything in a database: pages, trees, indexes, constraints",
    "compare": "one schedule on several databases: minidb, SQLite, DuckDB, PostgreSQL, MariaDB",
    "demo": "every anomaly, shown happening or prevented at every isolation level",
    "dump": "a database as SQL: for minidb again, PostgreSQL, MariaDB, SQLite or DuckDB",
    "explore": "try every interleaving of a schedule, and name what goes wrong",
    "explain": "one run of a schedule: who depended on whom, and why it went wrong; pictures",
    "fuzz": "random transactions, and an independent judge's verdict on what they saw",
    "import": "a SQLite file, a CSV file or a script of another database into a database",
    "judge": "look for anomalies in a history (JSON as of elle-cli, list-append)",
    "restore": "a database from a backup and the archived log, as of a time or a commit",
    "salvage": "rescue what can be read of a damaged database into a new one",
    "schedule": "run a schedule of several sessions, as PostgreSQL's isolation tester does",
}
MODULES = {"import": "import_"}  # a word that is no name in Python
FAILED = 1
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line `argv` (without the program's name) and returns the exit status: 0 if nothing failed."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if arguments and arguments[0] in COMMANDS:
            module = MODULES.get(arguments[0], arguments[0])
            status: int = import_module(f"minidb.cli.{module}").main(arguments[1:])
            return status
        return open_and_run(parser().parse_args(arguments))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads us: nothing is left to be flushed
        return FAILED
    except (KeyboardInterrupt, Interrupted):
        return INTERRUPTED
    except Error as error:
        print(error_text(error), file=sys.stderr)
        return FAILED


def parser() -> argparse.ArgumentParser:
    commands = "\n".join(f"  minidb {name:<10} {text}" for name, text in COMMANDS.items())
    made = argparse.ArgumentParser(
        prog="minidb",
        description="A shell for a minidb database; -c, -f or piped input run SQL without it.",
        epilog=f"commands (minidb COMMAND --help says more):\n{commands}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("file", nargs="?", default=MEMORY, help="database file, made if absent (default: in memory)")
    made.add_argument("-c", dest="work", metavar="SQL", action="append", type=text_work, help="run SQL (repeatable)")
    made.add_argument("-f", dest="work", metavar="FILE", action="append", type=file_work, help="run a file; - is input")
    made.add_argument("--isolation", metavar="LEVEL", type=level, help="isolation level to start with")
    made.add_argument("--dialect", metavar="NAME", help="the SQL to expect: mysql, sqlite, duckdb, tsql ...")
    made.add_argument("--read-only", action="store_true", help="refuse to change anything")
    made.add_argument("--bail", action="store_true", help="stop at the first error of a script")
    made.add_argument("--version", action="version", version=f"minidb {minidb.__version__}")
    return made


def text_work(text: str) -> tuple[str, str]:
    return "text", text


def file_work(path: str) -> tuple[str, str]:
    return "file", path


def level(name: str) -> str:
    try:
        return IsolationLevel.parse(name).value
    except Error as error:
        raise argparse.ArgumentTypeError(f"{error.message}. {error.hint}") from None


def open_and_run(options: argparse.Namespace) -> int:
    """Opens the database and runs what the options say; everything is rolled back and closed at the end."""
    work: list[tuple[str, str]] = options.work or ([] if sys.stdin.isatty() else [("file", "-")])
    if options.read_only and options.file != MEMORY:
        must_exist(options.file, "Without --read-only it would be made.")
    engine = open_engine(options.file)
    try:
        crew = Crew(
            lambda level: session_of(
                engine, {"isolation_level": level, "autocommit": True, "read_only": options.read_only}, options.dialect
            ),
            options.isolation,
        )
        name = "memory" if options.file == MEMORY else Path(options.file).stem
        shell = Shell(crew, name, interactive=not work)
        try:
            if work:
                run_work(shell, work, options.bail)
            else:
                converse(shell, options.file)
        except Quit:
            pass
        finally:
            shell.close()
        return FAILED if shell.failed and work else 0
    finally:
        engine.close()


def run_work(shell: Shell, work: list[tuple[str, str]], bail: bool) -> None:
    """Runs the texts and files in the order in which they were given."""
    for kind, value in work:
        if kind == "text":
            shell.run_text(value, stop_on_error=True)
        elif value == "-":
            run_input(shell, bail)
        else:
            shell.include(value, stop_on_error=bail)
        if bail and shell.failed:
            return


def run_input(shell: Shell, bail: bool) -> None:
    """Standard input, line by line: a pipe shows its results as they come."""
    for line in sys.stdin:
        shell.feed(line.rstrip("\n"), stop_on_error=bail)
        if bail and shell.failed:
            return
    shell.finish()


def converse(shell: Shell, file: str) -> None:
    from minidb.cli import interactive

    where = "in memory" if file == MEMORY else file
    print(f"minidb {minidb.__version__}, {where}. \\? lists the commands, \\q leaves.")
    interactive.run(shell)


if __name__ == "__main__":
    sys.exit(main())
