"""COPY in the shell: lines behind COPY ... FROM STDIN, output of COPY ... TO STDOUT, \\copy, and how far it is."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from minidb.copying.ports import Port
from minidb.errors import InvalidParameterValue

END = "\\."
_INPUT = re.compile(r"\s*COPY\b(?!\s*\().*?\bFROM\s+STDIN\b", re.IGNORECASE | re.DOTALL)
_ANY = re.compile(r"\s*COPY\b", re.IGNORECASE)
_NAMED = re.compile(r"(?P<what>.*?)\s+(?P<direction>from|to)\s+(?P<file>'(?:[^']|'')*'|\S+)(?P<rest>.*)",
                    re.IGNORECASE | re.DOTALL)
_EVERY = 0.2  # seconds between two reports


def wants_input(statement: str) -> bool:
    """Whether the lines that follow are the statement's data, to a line with `\\.`."""
    return _INPUT.match(statement) is not None


def is_copy(statement: str) -> bool:
    return _ANY.match(statement) is not None


class ShellPort(Port):
    """The shell as the other end of one COPY. `wrote`: its output went to the screen, where no tag belongs."""

    def __init__(self, data: Iterable[str] | None, write: Callable[[str], None], shows_progress: bool) -> None:
        super().__init__(source=data, target=self.take, progress=self.report if shows_progress else None)
        self.write = write
        self.wrote = False
        self.told = time.monotonic()
        self.width = 0

    def take(self, text: str) -> None:
        self.wrote = True
        self.write(text)

    def report(self, rows: int, done: int, total: int) -> None:
        """`120,000 rows, 34 %`, over and over on one line of the terminal."""
        now = time.monotonic()
        finished = bool(total) and done >= total
        if now - self.told < _EVERY and not (finished and self.width):
            return
        self.told = now
        share = f", {done * 100 // total} %" if total else ""
        text = "" if finished else f"{rows:,} rows{share}"
        print("\r" + text.ljust(self.width) + ("\r" if finished else ""), end="", file=sys.stderr, flush=True)
        self.width = len(text)


def client_copy(argument: str) -> str:
    """The COPY that `\\copy argument` means: its file is named from here, `~` and all, with or without quotes."""
    if argument.startswith("("):
        end = _closing(argument)
        head, match = argument[:end], _NAMED.match(" " + argument[end:].lstrip())
    else:
        head, match = "", _NAMED.match(argument)
    if match is None:
        raise InvalidParameterValue("usage: \\copy TABLE [(COLUMNS)] | (QUERY) from | to FILE [WITH (OPTIONS)]")
    file = match["file"].rstrip(";")
    if file.lower() not in ("stdin", "stdout"):
        name = file[1:-1].replace("''", "'") if file.startswith("'") else file
        file = "'" + str(Path(name).expanduser()).replace("'", "''") + "'"
    return f"COPY {head}{match['what']} {match['direction']} {file}{match['rest']}"


def _closing(text: str) -> int:
    """The place behind the parenthesis that closes the first one; quotes are passed over."""
    depth, quote = 0, ""
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
            if depth == 0:
                return place + 1
    raise InvalidParameterValue("the query of \\copy has no closing parenthesis")
