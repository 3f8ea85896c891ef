"""Schedules that commands are given as files, and what they say of one that cannot be used."""

from __future__ import annotations

import sys
from pathlib import Path

from minidb.cli.messages import error_text
from minidb.errors import Error
from minidb.lab.schedule import Schedule
from minidb.lab.schedule_text import parse

USAGE_ERROR = 2
STANDARD = "-"


def read_schedule(command: str, name: str) -> Schedule | None:
    """The schedule in a file, or in standard input; None, and a message of `minidb COMMAND`, if there is none."""
    try:
        text = sys.stdin.read() if name == STANDARD else Path(name).read_text(encoding="utf-8-sig")
        return parse(text, "stdin" if name == STANDARD else Path(name).stem)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        complain(command, f"cannot read {name}: {reason}")
    except Error as error:
        complain(command, f"{name}:\n{error_text(error)}")
    return None


def complain(command: str, message: str) -> int:
    """Says what is wrong, and returns the exit status for it."""
    print(f"minidb {command}: {message}", file=sys.stderr, flush=True)
    return USAGE_ERROR
