r"""The text format: a line per row, `\t` between the fields, `\N` for NULL, backslashes before what would mislead.

    \b \f \n \r \t \v    control characters       \101 \x41    a character by its octal or hexadecimal code
    \.                   alone on a line: the end of the data
    backslash, newline   the newline itself
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from minidb.copying.options import CopyOptions
from minidb.copying.records import Block, Field, whole_lines

_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_CONTROL = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LETTERS = {value: "\\" + letter for letter, value in _CONTROL.items()}


def read(pieces: Iterator[str], options: CopyOptions, first_line: int = 1) -> Iterator[Block]:
    delimiter = options.delimiter
    number = first_line
    waiting: list[str] = []
    for lines, newline in whole_lines(pieces):
        if not waiting and not any("\\" in line for line in lines):
            yield Block([line.split(delimiter) for line in lines], range(number, number + len(lines)), lines, True)
            number += len(lines)
            continue
        records: list[Sequence[Field]] = []
        starts: list[int] = []
        texts: list[str] = []
        for line in lines:
            number += 1
            if line == "\\." and not waiting:
                yield Block(records, starts, texts, False)
                return
            waiting.append(line)
            if (len(line) - len(line.rstrip("\\"))) % 2:
                continue
            text = newline.join(waiting)
            starts.append(number - len(waiting))
            texts.append(text)
            records.append(_fields(text, options))
            waiting = []
        yield Block(records, starts, texts, False)
    if waiting:
        text = "\n".join(waiting)
        yield Block([_fields(text, options)], [number - len(waiting)], [text], False)


def _fields(line: str, options: CopyOptions) -> Sequence[Field]:
    if "\\" not in line:
        parts = line.split(options.delimiter)
        return [None if part == options.null else part for part in parts] if options.null in parts else parts
    return [None if part == options.null else unescaped(part) for part in _parts(line, options.delimiter)]


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
