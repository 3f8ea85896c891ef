"""The lexer: text to a list of tokens, by one master regular expression made from the grammar's terminals.

    Token = (terminal, other, value, at)

`terminal` is the number that the tables know it by. A word has up to two readings: `SELECT`-like keyword and name.
Which one holds is decided by the parser, state by state: it takes `terminal` if the state has an action for it,
otherwise `other` (-1 if there is no second reading). Reserved words have none, but behind AS and a dot they are
names, too. `value` is what the actions see: the folded name, the text of a number, the contents of a string. `at` is
the offset.

How terminals of a grammar are understood:

- "WORD" strings are keywords; every other string is a sign, the longest match wins ("2PL" is tried before numbers).
- The terminal IDENT is a word; the keywords that its pattern does not match are reserved.
- Regular expressions with a priority are words that must see something behind them: `AT` before `TIME ZONE`, `TRIM`
  before a parenthesis. They are tried only when their word turns up.
- All other regular expressions are tried in the order of the grammar; `converters` turn their text into values.
- Two things are not regular and are found by hand: nested comments `/* /* */ */` and strings `$tag$ ... $tag$`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from minidb import errors

Token: TypeAlias = tuple[int, int, object, int]
Terminal: TypeAlias = tuple[str, str, str, int]
"""Name, kind ("word", "reserved", "sign", "regexp"), the text or pattern, priority: as the generated tables have it."""

# All that is not ASCII belongs to words, as in PostgreSQL; said by what does not, as `re` takes 10 ms for large ranges.
_WORD = r"(?![eEnN]'|[uU]&')[^\x00-@\[-^`{-\x7f][^\x00-#%-/:-@\[-^`{-\x7f]*"
_DOLLAR = r"\$(?:[^\W\d]\w*)?\$"
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_WORD_END = re.compile(r"[^\w$]|$")
_LONGEST_PIECE = 40  # characters of a token that an error shows


class Lexer:
    """Cuts text into tokens for the terminals of one grammar. Has no state of its own between calls."""

    def __init__(
        self,
        terminals: Sequence[Terminal],
        *,
        converters: Mapping[str, Callable[[str], object]],
        names_after: tuple[str, ...] = ("AS", "."),
    ) -> None:
        self._number = {name: index for index, (name, _, _, _) in enumerate(terminals)}
        self._ident = self._number["IDENT"]
        self._string = self._number.get("STRING", -1)
        self._end = len(terminals)
        by_text = {text: index for index, (_, kind, text, _) in enumerate(terminals) if kind != "regexp"}
        self._names_after = frozenset(by_text[text] for text in names_after if text in by_text)
        self._signs = by_text
        self._words = self._make_words(terminals)
        self._specials = _make_specials(terminals)
        self._compiled: dict[str, list[tuple[Callable[[str, int], object], int]]] = {}
        self._make_master(terminals, converters)

    @property
    def reserved(self) -> frozenset[str]:
        """The keywords (in lower case) that are names only in quotes."""
        return frozenset(word for word, (_, name) in self._words.items() if name < 0)

    # -- tables, made once ------------------------------------------------------------------------------------

    def _make_words(self, terminals: Sequence[Terminal]) -> dict[str, tuple[int, int]]:
        """Lower case keyword -> its two readings."""
        readings = {"word": self._ident, "reserved": -1}
        return {
            text.lower(): (index, readings[kind])
            for index, (_, kind, text, _) in enumerate(terminals)
            if kind in readings
        }

    def _make_master(self, terminals: Sequence[Terminal], converters: Mapping[str, Callable[[str], object]]) -> None:
        """The master pattern and, per group of it, what to do with a match."""
        signs = sorted((text for _, kind, text, _ in terminals if kind == "sign"), key=len, reverse=True)
        digits = [re.escape(text) + r"\b" for text in signs if text[0].isdigit()]
        points = [text for text in signs if not text[0].isdigit()]
        alone = [text for text in points if sum(other[0] == text[0] for other in points) == 1 and text != "."]
        groups = [_WORD, "--", r"/\*", "[" + re.escape("".join(alone)) + "]" if alone else "(?!)", _DOLLAR]
        self._converters: list[tuple[int, Callable[[str], object]]] = [(-1, str)] * (len(groups) + 1)
        if digits:
            groups.append("(?i:" + "|".join(digits) + ")")
            self._converters.append((-2, str))
        for index, (name, kind, text, priority) in enumerate(terminals):
            if kind == "regexp" and name != "IDENT" and not priority:
                groups.append(f"(?i:{text})")
                self._converters.append((index, converters.get(name, str)))
        groups += ["|".join(map(re.escape, points)) or "(?!)", "."]
        self._sign_group = len(groups) - 1
        pattern = r"\s*(?:" + "|".join(f"({group})" for group in groups) + r"|\Z)"
        self._master = re.compile(pattern, re.DOTALL).finditer

    # -- the work ---------------------------------------------------------------------------------------------

    def tokens(self, text: str) -> list[Token]:
        """All tokens of `text`, the last one the end of the input. Raises SyntaxError for what is none."""
        found: list[Token] = []
        position = 0
        while position >= 0:
            position = self._scan(text, position, found)
        return found

    def _scan(self, text: str, position: int, found: list[Token]) -> int:
        """Appends the tokens from `position` on. Returns -1, or where to go on behind what no pattern can skip."""
        words, specials, ident, append = self._words, self._specials, self._ident, found.append
        sign_group, signs = self._sign_group, self._signs
        for match in self._master(text, position):
            group = match.lastindex
            if group == 1:
                word = match[1].lower()
                if word in specials and self._special(text, match.start(1), word, found):
                    continue
                reading = words.get(word)
                if reading is None:
                    append((ident, -1, word, match.start(1)))
                elif reading[1] < 0 and found and found[-1][0] in self._names_after:
                    append((reading[0], ident, word, match.start(1)))
                else:
                    append((reading[0], reading[1], word, match.start(1)))
            elif group == 4 or group == sign_group:
                sign = match[group]
                append((signs[sign], -1, sign, match.start(group)))
            elif group is None:
                append((self._end, -1, None, len(text)))
                return -1
            elif group > sign_group:
                raise _unexpected(text, match.start(group))
            elif group == 2:
                return _line_end(text, match.end())
            elif group == 3:
                return skip_comment(text, match.start(3))
            elif group == 5:
                return self._dollar_string(text, match, found)
            else:
                self._regexp(text, match, group, found)
        raise AssertionError("the master pattern matches everywhere")

    def _regexp(self, text: str, match: re.Match[str], group: int, found: list[Token]) -> None:
        number, convert = self._converters[group]
        piece = match[group]
        if number == -2:
            found.append((self._signs[piece.upper()], -1, piece.lower(), match.start(group)))
            return
        end = match.end()
        if piece[-1].isalnum() and end < len(text) and (text[end].isalnum() or text[end] == "_"):
            raise _broken_off(text, match.start(group), "trailing junk after numeric literal", _WORD_END)
        try:
            found.append((number, -1, convert(piece), match.start(group)))
        except ValueError as error:
            raise errors.SyntaxError(str(error), position=match.start(group), statement=text) from None

    def _special(self, text: str, at: int, word: str, found: list[Token]) -> bool:
        """Adds the terminal of those that begin with `word` whose surroundings fit, if there is one."""
        candidates = self._compiled.get(word)
        if candidates is None:
            candidates = self._compiled[word] = [
                (re.compile(pattern, re.IGNORECASE).match, number) for number, pattern in self._specials[word]
            ]
        for match, number in candidates:
            if match(text, at):
                keyword, name = self._words.get(word, (self._ident, self._ident))
                found.append((number, keyword if name < 0 else self._ident, word, at))
                return True
        return False

    def _dollar_string(self, text: str, match: re.Match[str], found: list[Token]) -> int:
        tag, start = match[5], match.end()
        end = text.find(tag, start)
        if end < 0:
            raise _broken_off(text, match.start(5), "unterminated dollar-quoted string")
        found.append((self._string, -1, text[start:end], match.start(5)))
        return end + len(tag)


def _make_specials(terminals: Sequence[Terminal]) -> dict[str, list[tuple[int, str]]]:
    """First word -> the regular expressions with a priority that begin with it."""
    specials: dict[str, list[tuple[int, str]]] = {}
    for index, (_, kind, text, priority) in enumerate(terminals):
        if kind == "regexp" and priority:
            for word in _first_words(text):
                specials.setdefault(word, []).append((index, text))
    return specials


def _first_words(pattern: str) -> Iterator[str]:
    """`CHAR(?:ACTER)?(?=...)` is char or character."""
    stem, optional, rest = pattern.partition("(?=")[0].lower().partition("(?:")
    yield stem
    if optional:
        yield stem + rest.removesuffix(")?")


def _line_end(text: str, start: int) -> int:
    """The end of the line that a comment ends with."""
    end = text.find("\n", start)
    return end if end >= 0 else len(text)


def skip_comment(text: str, start: int) -> int:
    """The place behind the nested comment that opens at `start`."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    raise _broken_off(text, start, "unterminated /* comment")


def _unexpected(text: str, at: int) -> errors.SyntaxError:
    """The error for a character that begins no token."""
    character = text[at]
    if character == "'":
        return _broken_off(text, at, "unterminated quoted string")
    if character != '"':
        return errors.SyntaxError(f'syntax error at or near "{character}"', position=at, statement=text)
    if text[at : at + 2] == '""':
        return errors.SyntaxError('zero-length delimited identifier at or near """"', position=at, statement=text)
    return _broken_off(text, at, "unterminated quoted identifier")


def _broken_off(text: str, at: int, message: str, end: re.Pattern[str] | None = None) -> errors.SyntaxError:
    """The error for a token that begins well; it goes on to the end of the text, or to what `end` finds."""
    found = end.search(text, at) if end is not None else None
    piece = text[at : found.start() if found is not None else len(text)]
    shown = piece if len(piece) <= _LONGEST_PIECE else piece[: _LONGEST_PIECE - 3] + "..."
    return errors.SyntaxError(f'{message} at or near "{shown}"', position=at, statement=text)
