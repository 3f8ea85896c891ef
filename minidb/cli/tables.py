"""Results as text: aligned tables as psql prints them, expanded records, CSV.

     id | name           -[ RECORD 1 ]
    ----+------          id   | 1
      1 | a              name | a
    (1 row)

Numbers stand to the right, everything else to the left, headings in the middle. A value of several lines is
continued with `+` at the end of the line, control characters are shown as escapes, wide characters count twice.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from unicodedata import combining, east_asian_width

from msgspec import Struct

from minidb.types import SqlType, to_text

Columns = Sequence[tuple[str, SqlType]]
Cells = list[str]
FORMATS = ("aligned", "csv")


class Format(Struct):
    """How results are shown; `\\pset` and `\\x` change it."""

    format: str = "aligned"
    expanded: bool = False
    null: str = ""
    title: str | None = None


def table(columns: Columns, rows: Sequence[tuple[Any, ...]], style: Format) -> str:
    """The rows as text, without a newline at the end."""
    cells = [[cell(value, kind, style.null) for value, (_, kind) in zip(row, columns)] for row in rows]
    names = [shown(name) for name, _ in columns]
    if style.format == "csv":
        return csv_text(names, cells)
    if style.expanded:
        return expanded(names, cells)
    right = [kind.category == "N" for _, kind in columns]
    count = f"({len(rows)} {'row' if len(rows) == 1 else 'rows'})"
    return "\n".join([*aligned(names, cells, right, style.title), count])


def text_table(names: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> str:
    """A table of plain strings, as the backslash commands print them."""
    return "\n".join(aligned(list(names), [list(row) for row in rows], [False] * len(names), title))


def cell(value: Any, kind: SqlType, null: str) -> str:
    return null if value is None else shown(to_text(kind, value))


def shown(text: str) -> str:
    """`text` without anything that would move the terminal's cursor; newlines stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else escape(c) for c in text.expandtabs())


def escape(character: str) -> str:
    number = ord(character)
    if character == "\r":
        return "\\r"
    return f"\\x{number:02X}" if number < 256 else f"\\u{number:04X}"


def width(text: str) -> int:
    """How many places of a terminal one line takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def block_width(text: str) -> int:
    return max(map(width, text.split("\n")))


def aligned(names: Cells, rows: list[Cells], right: list[bool], title: str | None = None) -> Iterator[str]:
    widths = [max(block_width(row[i]) for row in [names, *rows]) for i in range(len(names))]
    if title is not None:
        yield centered(title, sum(widths) + 3 * len(widths) - 1).rstrip()
    yield from physical_lines(names, widths, [None] * len(names))
    yield "+".join("-" * (w + 2) for w in widths)
    for row in rows:
        yield from physical_lines(row, widths, list(right))


def physical_lines(row: Cells, widths: list[int], right: Sequence[bool | None]) -> Iterator[str]:
    """One row as one line, or more if a value has several. `right`: None stands for centered."""
    blocks = [text.split("\n") for text in row]
    height = max(map(len, blocks), default=1)
    for number in range(height):
        parts = []
        for block, size, side in zip(blocks, widths, right):
            part = block[number] if number < len(block) else ""
            padded = centered(part, size) if side is None else place(part, size, side)
            parts.append(f" {padded}{'+' if number < len(block) - 1 else ' '}")
        yield "|".join(parts).rstrip()


def place(text: str, size: int, right: bool) -> str:
    blank = " " * (size - width(text))
    return blank + text if right else text + blank


def centered(text: str, size: int) -> str:
    blank = max(0, size - width(text))
    return " " * (blank // 2) + text + " " * (blank - blank // 2)


def expanded(names: Cells, rows: list[Cells]) -> str:
    """One record below the other, as `\\x` shows them."""
    if not rows:
        return "(0 rows)"
    name_width = max(map(width, names), default=0)
    value_width = max((block_width(text) for row in rows for text in row), default=0)
    lines = []
    for number, row in enumerate(rows, 1):
        lines.append(record_rule(number, name_width, value_width))
        for name, text in zip(names, row):
            for i, part in enumerate(text.split("\n")):
                lines.append(f"{place(name if i == 0 else '', name_width, False)} | {part}")
    return "\n".join(lines)


def record_rule(number: int, name_width: int, value_width: int) -> str:
    """`-[ RECORD 1 ]--+-----`: as wide as the record, with a plus above the bar where the label leaves room for it."""
    label = f"-[ RECORD {number} ]"
    if len(label) > name_width + 1:
        return label + "-" * (name_width + 3 + value_width - len(label))
    return label + "-" * (name_width + 1 - len(label)) + "+" + "-" * (value_width + 1)


def csv_text(names: Cells, rows: list[Cells]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue().rstrip("\n")
