"""Rows of Python values as lines of a COPY statement's format, and its lines as rows of texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from minidb.copying import csv_format, text_format
from minidb.copying.options import read_options
from minidb.sql import ast
from minidb.types import adapt, to_text

TOGETHER = 1000  # rows that become one piece


def row_lines(rows: Iterable[Sequence[Any]], statement: ast.Copy) -> Iterator[str]:
    """Pieces of many lines each."""
    options = read_options(statement)
    source = iter(rows)
    while some := list(islice(source, TOGETHER)):
        line = csv_format.writer(options, [False] * len(some[0])) if options.csv else text_format.writer(options)
        yield "".join([line([_text(value) for value in row]) + "\n" for row in some])


def _text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    kind, adapted = adapt(value)
    return to_text(kind, adapted)


def cut_rows(pieces: Iterator[str], statement: ast.Copy) -> Iterator[tuple[str | None, ...]]:
    options = read_options(statement)
    blocks = csv_format.read(pieces, options, "") if options.csv else text_format.read(pieces, options)
    skipped = not options.header
    for block in blocks:
        for record in block.records:
            if skipped:
                nulls = block.plain and options.null in record
                yield tuple([None if f == options.null else f for f in record]) if nulls else tuple(record)
            skipped = True
