"""The shell without its terminal: lines go in, tables and messages come out.

    line --> buffer --split at semicolons--> statement --> current session's thread --> settle --> outcomes, printed
         \\--> backslash command

Scripts (`-c`, `-f`, standard input, `\\i`) and the interactive shell (`interactive`) are both this. A statement of a
session that is blocked stays under way while the next lines go to other sessions; its outcome is printed when it
arrives.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, current_thread, main_thread
from typing import TextIO

from minidb.cli import backslash, copying
from minidb.cli.messages import error_text, notice_text
from minidb.cli.sessions import Crew, Outcome, Worker
from minidb.cli.tables import Format, table
from minidb.errors import Error
from minidb.sql.script import is_complete, parse_script

ANYWHERE = ("\\p", "\\q", "\\r")  # commands that are heard even inside of a string


class Quit(Exception):
    """The input asks to leave, by `\\q`."""


class Interrupted(Exception):
    """Ctrl-C has ended a statement of a script, and ends the script with it."""


class Shell:
    """Reads lines, runs what they say, prints what comes of it."""

    def __init__(self, crew: Crew, database_name: str = "memory", *, interactive: bool = False) -> None:
        """`database_name` is for the prompt."""
        self.crew = crew
        self.database_name = database_name
        self.interactive = interactive
        self.style = Format()
        self.timing = False
        self.failed = False  # whether any statement or command has failed
        self.buffer = ""
        self._file: TextIO | None = None
        self._copying: str | None = None  # the COPY ... FROM STDIN whose data is coming
        self._data: list[str] = []
        self._interrupted = False
        self._printing = Lock()

    # -- input

    def run_text(self, text: str, *, stop_on_error: bool = False) -> None:
        """A whole script or the text of one `-c`; the last statement may lack its semicolon."""
        outer, self.buffer = self.buffer, ""
        failed_before, self.failed = self.failed, False
        try:
            for line in text.split("\n"):  # not `splitlines`: a string may hold what that takes for a line's end
                self.feed(line, stop_on_error=stop_on_error)
                if self.failed and stop_on_error:
                    return
            self.finish()
        finally:
            self.buffer = outer
            self.failed = self.failed or failed_before

    def feed(self, line: str, *, stop_on_error: bool = False) -> None:
        """One line of input, without its newline."""
        if self._copying is not None:
            self._feed_data(line)
            return
        if self.interactive and not self.buffer:
            line = backslash.meant(line)
        if line.lstrip().startswith("\\") and (not self.buffer or self.hears(line, self.buffer)):
            self.command(line.strip())
            return
        self.buffer += line + "\n"
        if ";" not in line:
            return
        statements, self.buffer = cut(self.buffer, self.dialect)
        for statement in statements:
            if copying.wants_input(statement):
                self._copying, self._data = statement, []
                if self.interactive:
                    self.print(f"Enter the data, a line for each row; end with {copying.END} on a line by itself.")
                return
            succeeded = self.run(statement)
            if stop_on_error and not succeeded:
                return

    def hears(self, line: str, begun: str) -> bool:
        """Whether `line` is a command although a statement has been begun: if that is not within a string."""
        if line.strip() in ANYWHERE:
            return True
        return backslash.is_command(line) and is_complete(begun + ";", self.dialect)

    def _feed_data(self, line: str) -> None:
        """A line of the data of COPY ... FROM STDIN."""
        if line != copying.END:
            self._data.append(line + "\n")
            return
        statement, self._copying = self._copying, None
        assert statement is not None
        self.run(statement, self._data)

    def finish(self) -> None:
        """The input has ended: what is left is a statement without its semicolon."""
        if self._copying is not None:
            self._feed_data(copying.END)
        text, self.buffer = self.buffer, ""
        for statement, _ in parse_script(text, self.dialect):
            self.run(statement)

    def include(self, path: str, *, stop_on_error: bool = False) -> None:
        """Runs a file, as `\\i` does."""
        try:
            self.run_text(script_text(path), stop_on_error=stop_on_error)
        except Quit:
            pass
        except (OSError, UnicodeDecodeError) as error:
            self.complain(f"ERROR:  {path}: {getattr(error, 'strerror', None) or error}")

    @property
    def dialect(self) -> str | None:
        return self.crew.current.session.dialect

    # -- statements

    def run(self, statement: str, data: list[str] | None = None) -> bool:
        """Sends one statement to the current session and prints what arrives. Returns whether nothing has failed."""
        failed_before, self.failed = self.failed, False
        try:
            self.show_arrivals()
            if copying.is_copy(statement) and not self.crew.current.busy:
                progress = self.interactive and sys.stderr.isatty()
                self.crew.current.session.port = copying.ShellPort(data, self._write, progress)
            with self._interruptible():
                self.crew.submit(statement)
                self.crew.settle()
            self._settled()
            blocked_by = self.crew.current.blocked_by
            if blocked_by is not None and not self.interactive:
                self.print(f"{self.crew.current.name} waits for {blocked_by}")
        except Error as error:
            self.complain(error_text(error))
        succeeded = not self.failed
        self.failed = self.failed or failed_before
        return succeeded

    def settle(self) -> None:
        """Waits until all sessions are idle or blocked, and prints the outcomes. Ctrl-C stops the current statement."""
        with self._interruptible():
            self.crew.settle()
        self._settled()

    def _settled(self) -> None:
        self.show_arrivals()
        if self._interrupted and not self.interactive:
            raise Interrupted
        self._interrupted = False

    def interrupt(self) -> None:
        """Ctrl-C: the current session's statement ends with QueryCanceled."""
        self._interrupted = True
        self.crew.interrupt()

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        if current_thread() is not main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, lambda number, frame: self.interrupt())
        bell_before = signal.set_wakeup_fd(self.crew.bell.writer, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(bell_before)
            signal.signal(signal.SIGINT, before)

    def show_arrivals(self) -> None:
        """Prints the outcomes that have not been printed. May be called from any thread."""
        with self._printing:
            for worker, outcome in self.crew.arrived():
                self._show(worker, outcome)

    def _show(self, worker: Worker, outcome: Outcome) -> None:
        if worker is not self.crew.current:
            (self.print if outcome.error is None else self._print_error)(f"{worker.name}:")
        for notice in outcome.notices:
            self._print_error(notice_text(notice))
        if outcome.error is not None:
            self.complain(error_text(outcome.error))
        elif outcome.columns is not None:
            self.print(table(outcome.columns, outcome.rows, self.style))
            if self.style.format == "aligned":
                self.print("")
            if outcome.tag.split()[0] in ("INSERT", "UPDATE", "DELETE", "MERGE"):
                self.print(outcome.tag)
        elif not (outcome.tag.startswith("COPY") and getattr(worker.session.port, "wrote", False)):
            self.print(outcome.tag)
        if self.timing:
            self.print(f"Time: {outcome.seconds * 1000:.3f} ms")

    # -- commands

    def command(self, line: str) -> None:
        """A backslash command."""
        try:
            backslash.run(self, line)
        except Error as error:
            self.complain(error_text(error))
        except OSError as error:
            self.complain(f"ERROR:  {error.filename or ''}: {error.strerror}")

    # -- output

    def print(self, text: str) -> None:
        """To standard output, or to the file of `\\o`."""
        print(text, file=self._file or sys.stdout, flush=self.interactive)

    def _write(self, text: str) -> None:
        (self._file or sys.stdout).write(text)

    def complain(self, text: str) -> None:
        """An error: it goes to standard error and decides the exit status."""
        self.failed = True
        self._print_error(text)

    def _print_error(self, text: str) -> None:
        sys.stdout.flush()
        print(text, file=sys.stderr, flush=True)

    def send_output_to(self, path: str | None) -> None:
        """Results go to a file from here on; None: to standard output again. Raises OSError."""
        file = None if path is None else Path(path).expanduser().open("w", encoding="utf-8")
        if self._file is not None:
            self._file.close()
        self._file = file

    # -- the end

    def close(self) -> None:
        """Closes all sessions, rolling back what is open, and prints the outcomes that this has set free."""
        for worker, outcome in self.crew.close():
            self._show(worker, outcome)
        self.send_output_to(None)


def script_text(path: str) -> str:
    """A file's text; its lines may end as on Windows."""
    with Path(path).expanduser().open(encoding="utf-8", newline="") as file:
        return file.read().replace("\r\n", "\n")


def cut(text: str, dialect: str | None = None) -> tuple[list[str], str]:
    """The statements that end with a semicolon, and what has been begun after them (not only blanks and comments)."""
    pieces = list(parse_script(text, dialect))
    if not pieces or is_complete(text, dialect):
        return [statement for statement, _ in pieces], ""
    return [statement for statement, _ in pieces[:-1]], text[pieces[-1][1] :]


def prompt(shell: Shell) -> str:
    """As `shop ssi*>`: the database, the level of the transaction, `*` in a transaction, `!` in a failed one.

    With several sessions `shop/a ssi>`; of a blocked one `shop/a waits for b (row 1 of doctor)>`."""
    crew = shell.crew
    name = shell.database_name if len(crew.workers) == 1 else f"{shell.database_name}/{crew.current.name}"
    blocked_by = crew.current.blocked_by
    if blocked_by is not None:
        return f"{name} waits for {blocked_by}> "
    mark = {"active": "*", "failed": "!"}.get(crew.current.session.state, "")
    return f"{name} {crew.current.level()}{mark}> "
