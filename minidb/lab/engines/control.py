"""The statements that begin, mark and end transactions, read from their text: engines spell them differently, and a
schedule's level may have to be replaced by another one.

    BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY      kind "begin", level "serializable", read_only True
    ROLLBACK TO SAVEPOINT f                            kind "rollback to", name "f"
    SET TRANSACTION ISOLATION LEVEL SNAPSHOT           kind "modes"
    SET lock_timeout = 100                             kind "set": a setting that only PostgreSQL and minidb know
"""

from __future__ import annotations

import re

from msgspec import Struct

WORK = r"(?:\s+(?:WORK|TRANSACTION))?"
SETTINGS = (
    r"lock_timeout|deadlock_timeout|statement_timeout|idle_in_transaction_session_timeout|enable_\w+|debug_\w+|jit\w*"
    r"|client_min_messages|default_transaction_\w+|transaction_isolation|datestyle|timezone|search_path|work_mem"
    r"|\w*parallel_\w+|extra_float_digits"
)
KINDS = {
    "begin": rf"(?:BEGIN{WORK}|START\s+TRANSACTION)(?P<modes>.*)",
    "commit": rf"(?:COMMIT|END){WORK}",
    "rollback to": rf"ROLLBACK{WORK}\s+TO(?:\s+SAVEPOINT)?\s+(?P<name>\S+)",
    "rollback": rf"(?:ROLLBACK|ABORT){WORK}",
    "savepoint": r"SAVEPOINT\s+(?P<name>\S+)",
    "release": r"RELEASE(?:\s+SAVEPOINT)?\s+(?P<name>\S+)",
    "modes": r"SET\s+(?:TRANSACTION|SESSION\s+CHARACTERISTICS\s+AS\s+TRANSACTION)(?P<modes>.*)",
    "set": rf"(?:SET|RESET)\s+(?:SESSION\s+|LOCAL\s+)?(?:{SETTINGS})\b.*",
}
PATTERNS = {kind: re.compile(rf"\s*{pattern}\s*;?\s*", re.IGNORECASE | re.DOTALL) for kind, pattern in KINDS.items()}
LEVEL = re.compile(r"ISOLATION\s+LEVEL\s+((?:(?!\bREAD\s+ONLY|\bREAD\s+WRITE|\bNOT\b|\bDEFERRABLE)[\w\s-])+)", re.I)
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


class Control(Struct, frozen=True):
    """A statement that steers the transaction. level: as written, lower case; empty where none is given."""

    kind: str
    name: str = ""
    level: str = ""
    read_only: bool = False
    deferrable: bool = False


def control_of(sql: str) -> Control | None:
    """What `sql`, one statement, does to the transaction; None if it is an ordinary one."""
    text = COMMENT.sub(" ", sql)
    for kind, pattern in PATTERNS.items():
        if match := pattern.fullmatch(text):
            found = match.groupdict()
            modes, name = found.get("modes") or "", found.get("name") or ""
            return Control(kind, name, level_of(modes), has(modes, r"READ\s+ONLY"), deferrable(modes))
    return None


def level_of(modes: str) -> str:
    match = LEVEL.search(modes)
    return " ".join(match[1].lower().split()) if match else ""


def deferrable(modes: str) -> bool:
    return has(modes, "DEFERRABLE") and not has(modes, r"NOT\s+DEFERRABLE")


def has(modes: str, pattern: str) -> bool:
    return re.search(rf"\b{pattern}\b", modes, re.IGNORECASE) is not None


class Progress:
    """Where a session's transaction stands: "idle", "open", or "failed", of which only its end is left.

        idle --begin--> open --commit, rollback--> idle
                         | ^
                   error v | rollback to
                       failed --commit (which rolls back), rollback--> idle
    """

    def __init__(self) -> None:
        self.state = "idle"

    def note(self, control: Control | None, failed: bool) -> None:
        """A statement has ended."""
        kind = control.kind if control else ""
        if kind in ("commit", "rollback"):
            self.state = "idle"  # a COMMIT that fails has ended its transaction, too
        elif failed:
            self.state = "idle" if self.state == "idle" else "failed"
        elif kind == "begin" or (kind == "rollback to" and self.state == "failed"):
            self.state = "open"
