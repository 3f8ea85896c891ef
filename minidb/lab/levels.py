"""SQL at another isolation level than it asks for.

Only the names of levels are exchanged, in BEGIN, START TRANSACTION, SET TRANSACTION, SET SESSION CHARACTERISTICS and in
SET of the two variables that stand for them. Text is cut into pieces first, so that strings, quoted names and comments
stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from minidb.errors import SyntaxError
from minidb.isolation import IsolationLevel
from minidb.sql.lexer import skip_comment
from minidb.sql.script import parse_script

PIECE = re.compile(r"""\s+ | --[^\n]* | /\* | [eE]'(?:[^'\\]|\\.|'')*' | '[^']*' | "[^"]*" | [\w$]+ | .""",
                   re.DOTALL | re.VERBOSE)
STATEMENTS = ("BEGIN", "START", "SET")
VARIABLES = ("TRANSACTION_ISOLATION", "DEFAULT_TRANSACTION_ISOLATION")
NAMES = (
    ("SERIALIZABLE", "2PL"),
    ("SERIALIZABLE", "SSI"),
    ("SERIALIZABLE", "SERIAL"),
    ("SERIALIZABLE",),
    ("REPEATABLE", "READ"),
    ("READ", "COMMITTED"),
    ("READ", "UNCOMMITTED"),
    ("SNAPSHOT",),
)
SQL_NAMES = {
    IsolationLevel.READ_UNCOMMITTED: "READ UNCOMMITTED",
    IsolationLevel.READ_COMMITTED: "READ COMMITTED",
    IsolationLevel.SNAPSHOT: "SNAPSHOT",
    IsolationLevel.TWO_PHASE_LOCKING: "SERIALIZABLE 2PL",
    IsolationLevel.SSI: "SERIALIZABLE SSI",
    IsolationLevel.SERIAL: "SERIALIZABLE SERIAL",
}
"""What minidb's SQL calls its levels behind ISOLATION LEVEL."""

Word = tuple[str, int, int]  # in upper case, with its place


def at_level(sql: str, level: str) -> str:
    """`sql`, one or several statements, with `level` wherever it names an isolation level. `level` is what that
    engine's SQL wants behind ISOLATION LEVEL; what the SQL does not say is the session's default, not ours to add."""
    edits = [edit for statement, offset in parse_script(sql) for edit in edits_of(statement, offset, level)]
    for start, end, text in reversed(edits):
        sql = sql[:start] + text + sql[end:]
    return sql


def edits_of(statement: str, offset: int, level: str) -> Iterator[tuple[int, int, str]]:
    """What to replace: from, to, by what."""
    words = list(words_of(statement))
    if not words or words[0][0] not in STATEMENTS:
        return
    for i, (word, _, _) in enumerate(words):
        if word == "LEVEL" and words[i - 1][0] == "ISOLATION":
            count = name_length([text for text, _, _ in words[i + 1 :]])
            if count:
                yield offset + words[i + 1][1], offset + words[i + count][2], level
        if word in VARIABLES and i + 2 < len(words) and words[i + 1][0] in ("=", "TO"):
            yield offset + words[i + 2][1], offset + words[-1][2], f"'{level.lower()}'"


def name_length(words: list[str]) -> int:
    """How many words the level's name has that stands at the beginning; 0 if there is none."""
    return next((len(name) for name in NAMES if tuple(words[: len(name)]) == name), 0)


def words_of(statement: str) -> Iterator[Word]:
    """Words, signs and strings, without blanks and comments."""
    at = 0
    while at < len(statement):
        match = PIECE.match(statement, at)
        assert match is not None
        start, at = at, match.end()
        if match[0] == "/*":
            try:
                at = skip_comment(statement, start)
            except SyntaxError:
                return  # whoever runs the statement will say so
        elif not match[0].isspace() and not match[0].startswith("--"):
            yield match[0].upper(), start, at
