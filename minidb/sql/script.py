"""Cutting scripts into statements without parsing them: for files, the shell and `-c`.

What matters is only where a semicolon is one: not inside of strings, quoted names, comments, dollar quotes. Text that
is no SQL at all is cut as well; the parser will complain about the piece that is wrong. Other dialects quote in other
ways: MySQL has backslashes in strings and comments after #, SQL Server and SQLite have names in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from minidb import errors
from minidb.sql.lexer import skip_comment

_ESCAPED = r"[eE]'(?:[^'\\]|\\.|'')*(?P<escaped>')?"
_STRING = r"""'[^']*(?P<quote>')? | "[^"]*(?P<double>")?"""
_WITH_BACKSLASHES = r"""'(?:[^'\\]|\\.|'')*(?P<quote>')? | "(?:[^"\\]|\\.|"")*(?P<double>")?"""
_NAMES = r"`[^`]*(?P<tick>`)?"
_BRACKETS = r"\[[^\]]*(?P<bracket>\])?"
_TEXTS = {
    None: (_ESCAPED, _STRING),
    "mysql": (_WITH_BACKSLASHES, _NAMES),
    "sqlite": (_STRING, _NAMES, _BRACKETS),
    "tsql": (_STRING, _BRACKETS),
}
_CLOSED = ("escaped", "quote", "double", "tick", "bracket")


@cache
def _pieces(dialect: str | None) -> re.Pattern[str]:
    comment = r"(?:--|\#)" if dialect == "mysql" else "--"
    texts = " | ".join(_TEXTS.get(dialect, _TEXTS[None]))
    return re.compile(
        rf"""(?P<blank>\s+|{comment}[^\n]*)
          | (?P<comment>/\*)
          | (?P<end>;)
          | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
          | (?P<text>{texts})
          | (?P<word>[\w$]+|.)""",
        re.DOTALL | re.VERBOSE,
    )


def _cut(text: str, dialect: str | None) -> Iterator[tuple[str, int, int]]:
    """Pieces of the text as (kind, start, end): `blank`, `end` (a semicolon), `word`, or `open` for what never ends."""
    match_piece = _pieces(dialect).match
    position = 0
    while match := match_piece(text, position):
        start, position = position, match.end()
        kind = match.lastgroup or "word"
        if kind == "comment":
            try:
                kind, position = "blank", skip_comment(text, start)
            except errors.SyntaxError:
                kind, position = "open", len(text)
        elif match["dollar"]:
            end = text.find(match["dollar"], position)
            kind, position = ("word", end + len(match["dollar"])) if end >= 0 else ("open", len(text))
        elif match["text"]:
            found = match.groupdict()
            kind = "word" if any(found.get(name) for name in _CLOSED) else "open"
        yield kind, start, position


def parse_script(text: str, dialect: str | None = None) -> Iterator[tuple[str, int]]:
    """The statements of a script with their offsets, without their semicolons. What is only comment is skipped."""
    start = end = -1
    for kind, begins, ends in _cut(text, dialect):
        if kind == "end":
            if start >= 0:
                yield text[start:end], start
            start = -1
        elif kind != "blank":
            if start < 0:
                start = begins
            end = ends
    if start >= 0:
        yield text[start:end], start


def is_complete(text: str, dialect: str | None = None) -> bool:
    """Whether the text ends with a semicolon (and blanks or comments), outside of strings and comments."""
    last = ""
    for kind, _, _ in _cut(text, dialect):
        if kind != "blank":
            last = kind
    return last == "end"
