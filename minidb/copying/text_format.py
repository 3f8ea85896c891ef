r"""The text format: a line per row, `\t` between the fields, `\N` for NULL, backslashes before what would mislead.

    \b \f \n \r \t \v    control characters       \101 \x41    a character by its octal or hexadecimal code
    \.                   alone on a line: the end of the data
    backslash, newline   the newline itself
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from minidb.copying.options import CopyOptions
from minidb.copying.records import Block, Field, blocks

_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_CONTROL = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LETTERS = {value: "\\" + letter for letter, value in _CONTROL.items()}


def read(pieces: Iterator[str], options: CopyOptions, first_line: int = 1) -> Iterator[Block]:
    return blocks(pieces, options.delimiter, _Cutter(options), first_line)


class _Cutter:
    """Cuts a record into its fields."""

    def __init__(self, options: CopyOptions) -> None:
        self.options = options

    def is_plain(self, lines: Sequence[str]) -> bool:
        return not any("\\" in line for line in lines)

    def is_open(self, line: str, inside: bool) -> bool:
        """Whether the newline is the record's own: the last backslash stands before it."""
        return (len(line) - len(line.rstrip("\\"))) % 2 == 1

    def fields(self, text: str) -> Sequence[Field]:
        delimiter, null = self.options.delimiter, self.options.null
        if "\\" not in text:
            parts = text.split(delimiter)
            return [None if part == null else part for part in parts] if null in parts else parts
        return [None if part == null else unescaped(part) for part in _parts(text, delimiter)]

    def last(self, text: str, line: int) -> Block:
        return Block([self.fields(text)], [line], [text], False)


def _parts(line: str, delimiter: str) -> list[str]:
    """Split at delimiters that no backslash stands before."""
    if "\\" + delimiter not in line:
        return line.split(delimiter)
    return re.findall(rf"(?:^|(?<={re.escape(delimiter)}))((?:\\.|[^\\{re.escape(delimiter)}])*)", line, re.DOTALL)


def unescaped(text: str) -> str:
    return _ESCAPE.sub(_meant, text) if "\\" in text else text


def _meant(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    if code[0] in "01234567":
        return chr(int(code, 8) & 0xFF)
    return _CONTROL.get(code, code)


# -- writing ----------------------------------------------------------------------------------------------


def special(options: CopyOptions) -> re.Pattern[str]:
    """What needs a backslash."""
    return re.compile(r"[\b\f\n\r\t\v\\" + re.escape(options.delimiter) + "]")


def writer(options: CopyOptions) -> Callable[[Sequence[Field]], str]:
    """A function that makes a line (without newline) of a row's texts."""
    table = str.maketrans({**_LETTERS, "\\": "\\\\", options.delimiter: _escaped(options.delimiter)})
    misleading = special(options)
    delimiter, null = options.delimiter, options.null

    def line(fields: Sequence[Field]) -> str:
        if None not in fields:
            joined = "".join(fields)  # type: ignore[arg-type]
            if misleading.search(joined) is None:
                return delimiter.join(fields)  # type: ignore[arg-type]
        return delimiter.join([null if field is None else field.translate(table) for field in fields])

    return line


def _escaped(delimiter: str) -> str:
    return _LETTERS.get(delimiter, "\\" + delimiter)
