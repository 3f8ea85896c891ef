"""Statements that are no queries, in other dialects: what is ours already, and what is said otherwise.

A pattern gives the statements that are run instead; none if the statement asks for what is always so here.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from minidb.errors import Error, NotSupportedError
from minidb.sql.parser import parse

TRANSLATED = frozenset(("select", "with", "values", "insert", "replace", "update", "delete", "merge", "from", "("))
DEFINITIONS = ("create", "alter", "drop")
KINDS = re.compile(
    r"\s*(create|alter|drop)\s+(?:or\s+replace\s+|unique\s+|temp(?:orary)?\s+|clustered\s+|nonclustered\s+)*"
    r"(?:(table|view|index|materialized)\b)?", re.IGNORECASE
)
WRAPPED = re.compile(
    r"""\s*(?:explain\s*(?:\([^)]*\)\s*|analyze\s+|verbose\s+|code\s+)*
      | prepare\s+\w+\s*(?:\([^)]*\)\s*)?as\s+
      | declare\s+\w+\s+(?:\w+\s+)*?cursor\s+(?:with(?:out)?\s+hold\s+)?for\s+
      )(?=(?:select|with|values|insert|replace|update|delete|merge|from)\b)""",
    re.IGNORECASE | re.VERBOSE,
)
FIRST = re.compile(r"(?:\s+|--[^\n]*|/\*.*?\*/|\#[^\n]*)*(\w+|.)?", re.DOTALL)
Making = Callable[["re.Match[str]"], tuple[str, ...]]
TABLES = "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
COLUMNS = (
    "SELECT column_name AS field, data_type AS type, is_nullable AS \"null\", column_default AS \"default\""
    " FROM information_schema.columns WHERE table_name = '{}' ORDER BY ordinal_position"
)

INDEXES = (
    "SELECT name, is_unique, is_primary, columns FROM sys.indexes"
    " WHERE table_name = '{}' ORDER BY is_primary DESC, name"
)


def is_translated(text: str) -> bool:
    """Whether the dialect is asked first."""
    word = FIRST.match(text)
    first = (word[1] or "").lower() if word is not None else ""
    if first in DEFINITIONS:
        kind = KINDS.match(text[word.start(1) :]) if word is not None else None
        return kind is not None and kind[2] is not None
    return first in TRANSLATED or first == "truncate"


def prefix(text: str) -> int:
    """The length of EXPLAIN, PREPARE ... AS or DECLARE ... FOR before a statement; 0 if there is none."""
    found = WRAPPED.match(text)
    return 0 if found is None else found.end()


def is_ours(text: str) -> bool:
    try:
        parse(text)
    except Error:
        return False
    return True


def instead(text: str, dialect: str) -> tuple[str, ...] | None:
    """The statements that mean the same here; None if the dialect's words are not known."""
    for pattern, making in (*OF_DIALECT.get(dialect, ()), *COMMON):
        found = re.fullmatch(pattern, text.strip().rstrip(";").strip(), re.IGNORECASE | re.DOTALL)
        if found is not None:
            return making(found)
    return None


def nothing(match: re.Match[str]) -> tuple[str, ...]:
    return ()


def plain(*statements: str) -> Making:
    return lambda match: tuple(match.expand(text) for text in statements)


def refused(message: str, hint: str) -> Making:
    def making(match: re.Match[str]) -> tuple[str, ...]:
        raise NotSupportedError(message, hint=hint)

    return making


def columns_of(match: re.Match[str]) -> tuple[str, ...]:
    return (COLUMNS.format(_bare(match["table"]).replace("'", "''")),)


def indexes_of(match: re.Match[str]) -> tuple[str, ...]:
    return (INDEXES.format(_bare(match["table"]).replace("'", "''")),)


def renamed(match: re.Match[str]) -> tuple[str, ...]:
    return (f"ALTER TABLE {_quoted(match['old'])} RENAME TO {_quoted(match['new'])}",)


def dropped_index(match: re.Match[str]) -> tuple[str, ...]:
    return (f"DROP INDEX {_quoted(match['name'])}",)


def _bare(name: str) -> str:
    return name.strip("`\"[]'").lower()


def _quoted(name: str) -> str:
    return f'"{_bare(name)}"'


NAME = r"[`\"\[']?\w+[`\"\]']?"
COMMON: tuple[tuple[str, Making], ...] = (
    (r"show\s+(?:full\s+)?tables", plain(TABLES)),
    (rf"(?:describe|desc|show\s+(?:full\s+)?columns\s+(?:from|in))\s+(?P<table>{NAME})", columns_of),
)
OF_DIALECT: dict[str, tuple[tuple[str, Making], ...]] = {
    "sqlite": (
        (r"begin\s+(?:deferred|immediate|exclusive|concurrent)(?:\s+transaction)?", plain("BEGIN")),
        (rf"release\s+(?P<name>{NAME})", plain(r"RELEASE SAVEPOINT \g<name>")),
        (rf"rollback\s+(?:transaction\s+)?to\s+(?P<name>{NAME})", plain(r"ROLLBACK TO SAVEPOINT \g<name>")),
        (rf"pragma\s+(?:\w+\.)?table_info\s*\(\s*(?P<table>{NAME})\s*\)", columns_of),
        (r"pragma\s+(?:\w+\.)?foreign_keys\s*=\s*(?:on|1|true)", nothing),
        (r"pragma\s+(?:\w+\.)?(?:journal_mode|synchronous|cache_size|temp_store|encoding|busy_timeout|page_size"
         r"|mmap_size|user_version|case_sensitive_like|recursive_triggers|locking_mode|wal_autocheckpoint)\s*"
         r"(?:=.*|\(.*\))", nothing),
        (r"pragma\s+(?:optimize|wal_checkpoint|shrink_memory).*", nothing),
        (r"pragma\s+(?:\w+\.)?foreign_keys", plain("SELECT 1 AS foreign_keys")),
        (rf"pragma\s+(?:\w+\.)?index_list\s*\(\s*(?P<table>{NAME})\s*\)", indexes_of),
        (r"explain\s+query\s+plan\s+(?P<query>.*)", plain(r"EXPLAIN \g<query>")),
        (r"reindex", nothing),
        (r"detach.*", nothing),
    ),
    "mysql": (
        (r"start\s+transaction\s+with\s+consistent\s+snapshot(?:\s*,\s*(?P<mode>read\s+(?:only|write)))?",
         lambda m: (f"BEGIN ISOLATION LEVEL REPEATABLE READ {m['mode'] or ''}".strip(),)),
        (r"set\s+(?:session|@@session\.)\s*transaction\s+(?P<modes>.*)",
         plain(r"SET SESSION CHARACTERISTICS AS TRANSACTION \g<modes>")),
        (r"set\s+names\b.*", nothing),
        (r"set\s+(?:session\s+)?(?:character_set_\w+|collation_\w+|sql_mode|sql_notes|time_zone|unique_checks"
         r"|net_read_timeout|wait_timeout)\s*=.*", nothing),
        (r"set\s+@.*", nothing),
        (r"set\s+(?:session\s+)?foreign_key_checks\s*=\s*1", nothing),
        (r"set\s+(?:session\s+)?foreign_key_checks\s*=.*",
         refused("foreign keys are always checked", "DEFERRABLE INITIALLY DEFERRED checks them at COMMIT.")),
        (r"set\s+(?:session\s+|@@)?autocommit\s*=.*",
         refused("autocommit belongs to the connection", "From Python: connection.autocommit = True")),
        (rf"rename\s+table\s+(?P<old>{NAME})\s+to\s+(?P<new>{NAME})", renamed),
        (rf"alter\s+table\s+{NAME}\s+drop\s+(?:index|key)\s+(?P<name>{NAME})", dropped_index),
        (rf"show\s+(?:index|indexes|keys)\s+(?:from|in)\s+(?P<table>{NAME})", indexes_of),
        (r"show\s+(?:databases|schemas)", plain('SELECT current_database() AS "Database"')),
        (r"use\s+.*", nothing),
        (r"lock\s+tables\b.*|unlock\s+tables", nothing),
        (r"commit\s+work|commit", plain("COMMIT")),
    ),
    "tsql": (
        (r"begin\s+tran(?:saction)?(?:\s+\w+)?", plain("BEGIN")),
        (r"commit(?:\s+tran(?:saction)?(?:\s+\w+)?)?", plain("COMMIT")),
        (r"save\s+tran(?:saction)?\s+(?P<name>\w+)", plain(r"SAVEPOINT \g<name>")),
        (r"rollback(?:\s+tran(?:saction)?)?", plain("ROLLBACK")),
        (r"rollback\s+tran(?:saction)?\s+(?P<name>\w+)", plain(r"ROLLBACK TO SAVEPOINT \g<name>")),
        (r"set\s+(?:nocount|ansi_\w+|quoted_identifier|xact_abort)\s+(?:on|off)|go|use\s+.*", nothing),
    ),
    "duckdb": (
        (r"begin\s+transaction", plain("BEGIN")),
        (r"pragma\s+.*|install\s+.*|load\s+.*", nothing),
        (r"set\s+(?:threads|memory_limit|max_memory|temp_directory|preserve_insertion_order|enable_progress_bar)\s*"
         r"(?:=|to)\s*.*", nothing),
    ),
}
