"""The lexer of schedules: text to tokens for the terminals of `grammar/schedule.lark`, as `sql.lalr` wants them.

    Token = (terminal, other, value, at)

Simpler than SQL's lexer, and different: words keep their case, `#` begins a comment, and `{` takes everything up to
the next `}`, whatever it is, as in PostgreSQL's isolation tests. `invariant` has two readings, keyword in front of a
block and name; the parser takes the one that fits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from minidb.errors import SyntaxError
from minidb.sql.lexer import Terminal, Token

BLANKS = " \t\r\f"
SKIPPED = re.compile(r"(?:[ \t\r\f\n]+|#[^\n\r]*)*")
UNFINISHED = {"{": "unterminated SQL block: there is no } behind it", '"': "unterminated quoted name"}
BRACE = "A } ends a block wherever it stands, in a string or a comment, too. Behind it no semicolon is wanted."
LONGEST_INTEGER = 9  # digits


class Lexer:
    """Cuts text into tokens. Has no state of its own between calls."""

    def __init__(self, terminals: Sequence[Terminal]) -> None:
        self.end = len(terminals)
        self.numbers = {name: number for number, (name, *_) in enumerate(terminals)}
        self.keywords = {text: n for n, (_, kind, text, _) in enumerate(terminals) if kind == "reserved"}
        self.signs = {text: n for n, (_, kind, text, _) in enumerate(terminals) if kind == "sign"}
        patterns = {name: text for name, kind, text, _ in terminals if kind == "regexp"}
        self.before_block = re.compile(patterns.pop("INVARIANT")).match
        words = "|".join(self.keywords)
        patterns["IDENT"] = f"{patterns['IDENT']}|{words}"
        self.match = re.compile("|".join(f"(?P<{name}>{text})" for name, text in patterns.items())).match

    def tokens(self, text: str) -> list[Token]:
        """All tokens of `text`, the last one the end of the input. Raises SyntaxError for what is none."""
        found: list[Token] = []
        at = skip(text, 0)
        while at < len(text):
            token, behind = self.token(text, at, found)
            found.append(token)
            at = skip(text, behind)
        found.append((self.end, -1, None, len(text)))
        return found

    def token(self, text: str, at: int, before: Sequence[Token]) -> tuple[Token, int]:
        """The token that begins at `at`, and the place behind it. `before`: those in front of it, for a hint."""
        sign = self.signs.get(text[at])
        if sign is not None:
            return (sign, -1, text[at], at), at + 1
        match = self.match(text, at)
        if match is None:
            hint = BRACE if before and before[-1][0] == self.numbers["SQL"] else None
            raise SyntaxError(complaint(text[at]), hint=hint, position=at, statement=text)
        assert match.lastgroup is not None
        return self.read(match.lastgroup, match[0], text, at), match.end()

    def read(self, kind: str, piece: str, text: str, at: int) -> Token:
        number = self.numbers[kind]
        if kind == "IDENT":
            if piece in self.keywords:
                return self.keywords[piece], -1, piece, at
            if self.before_block(text, at):
                return self.numbers["INVARIANT"], number, piece, at
            return number, -1, piece, at
        if kind == "SQL":
            return number, -1, piece[1:-1].strip(BLANKS), at
        if kind == "QUOTED_IDENT":
            return number, -1, piece[1:-1].replace('""', '"'), at
        if len(piece) > LONGEST_INTEGER:
            raise SyntaxError(f"the number {piece[:20]} is too large", position=at, statement=text)
        return number, -1, int(piece), at


def skip(text: str, at: int) -> int:
    """The place behind blanks, newlines and comments."""
    match = SKIPPED.match(text, at)
    assert match is not None
    return match.end()


def complaint(character: str) -> str:
    return UNFINISHED.get(character, f"unexpected character {character!r}")
