"""Cutting scripts into statements without parsing them: for files, the shell and `-c`.

What matters is only where a semicolon is one: not inside of strings, quoted names, comments, dollar quotes. Text that
is no SQL at all is cut as well; the parser will complain about the piece that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from minidb import errors
from minidb.sql.lexer import skip_comment

_PIECE = re.compile(
    r"""(?P<blank>\s+|--[^\n]*)
      | (?P<comment>/\*)
      | (?P<end>;)
      | (?P<dollar>\$(?:[^\W\d]\w*)?\$)
      | (?P<text>[eE]'(?:[^'\\]|\\.|'')*(?P<escaped>')? | '[^']*(?P<quote>')? | "[^"]*(?P<double>")?)
      | (?P<word>[\w$]+|.)""",
    re.DOTALL | re.VERBOSE,
)


def _cut(text: str) -> Iterator[tuple[str, int, int]]:
    """Pieces of the text as (kind, start, end): `blank`, `end` (a semicolon), `word`, or `open` for what never ends."""
    position = 0
    while match := _PIECE.match(text, position):
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
            closed = match["escaped"] or match["quote"] or match["double"]
            kind = "word" if closed else "open"
        yield kind, start, position


def parse_script(text: str) -> Iterator[tuple[str, int]]:
    """The statements of a script with their offsets, without their semicolons. What is only comment is skipped."""
    start = end = -1
    for kind, begins, ends in _cut(text):
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


def is_complete(text: str) -> bool:
    """Whether the text ends with a semicolon (and blanks or comments), outside of strings and comments."""
    last = ""
    for kind, _, _ in _cut(text):
        if kind != "blank":
            last = kind
    return last == "end"
