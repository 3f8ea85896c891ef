"""A CSV file as a table: the types are read off the values, in a first pass; COPY does the rest.

Whole numbers are integer or bigint, others numeric; zeros in front make a text (postal codes, telephone numbers). Dates
and times are taken in ISO 8601 only. A column without values is text. An existing table keeps its types.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from minidb.copying import csv_format
from minidb.copying.options import CopyOptions
from minidb.copying.ports import Input, Port, pieces_of
from minidb.errors import DataError, InvalidParameterValue
from minidb.importing.column_types import TextGuess
from minidb.importing.report import Progress, Report
from minidb.sql.printing.base import name as quoted
from minidb.sql.printing.base import string

DELIMITERS = ",;\t|"


def import_csv(session: Any, path: str, table: str, *, header: bool = True, delimiter: str | None = None,
               types: Mapping[str, str] | None = None, keep_case: bool = False,
               progress: Progress | None = None) -> Report:
    """Imports a file into a table, which is made if there is none. `types`: of columns, instead of what is read off."""
    options = CopyOptions(csv=True, delimiter=delimiter or guessed_delimiter(path), null="")
    names, guesses = looked_at(path, options, header)
    names = [name if keep_case else folded(name) for name in names]
    given = dict(types or {})
    if unknown := sorted(given.keys() - set(names)):
        raise InvalidParameterValue(f'there is no column "{unknown[0]}"', hint=f"The columns are {', '.join(names)}.")
    session.begin()
    try:
        if session.catalog.find_table(table) is None:
            columns = [f"{quoted(n)} {given.get(n, g.kind)}" for n, g in zip(names, guesses)]
            session.execute(f"CREATE TABLE {quoted(table)} ({', '.join(columns)})")
        count = copied(session, path, table, names, options, header, progress)
        session.commit()
    except BaseException:
        session.rollback()
        raise
    return Report({table: count})


def copied(session: Any, path: str, table: str, names: list[str], options: CopyOptions, header: bool,
           progress: Progress | None) -> int:
    def told(rows: int, done: int, total: int) -> None:
        if progress is not None:
            progress(table, rows, 0)

    listed = ", ".join(map(quoted, names))
    flag = ", HEADER" if header else ""
    with Path(path).open("rb") as file:
        session.port = Port(source=pieces_of(file), progress=told)
        try:
            how = f"FORMAT csv{flag}, DELIMITER {string(options.delimiter)}"
            count: int = session.execute(f"COPY {quoted(table)} ({listed}) FROM STDIN WITH ({how})").rowcount
        finally:
            session.port = None
    return count


def looked_at(path: str, options: CopyOptions, header: bool) -> tuple[list[str], list[TextGuess]]:
    """The names of the columns and what their values look like."""
    names: list[str] = []
    guesses: list[TextGuess] = []
    for record_block in blocks(path, options):
        records = [list(record) for record in record_block.records]
        if not names and records:
            titles = [str(field or "") if header else "" for field in records[0]]
            names = distinct([title.lstrip("\ufeff").strip() or f"column{n}" for n, title in enumerate(titles, 1)])
            guesses = [TextGuess() for _ in names]
            records = records[1:] if header else records
        for guess, values in zip(guesses, zip(*[r for r in records if len(r) == len(names)])):
            plain = record_block.plain
            guess.add([None if plain and value == options.null else value for value in values])
    if not names:
        raise DataError(f"{path} is empty")
    return names, guesses


def blocks(path: str, options: CopyOptions) -> Iterator[Any]:
    with Path(path).open("rb") as file:
        yield from csv_format.read(iter(Input(pieces_of(file), options.encoding)), options, path)


def distinct(names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        number, free = 2, name
        while free.lower() in [each.lower() for each in found]:
            free, number = f"{name}_{number}", number + 1
        found.append(free)
    return found


def folded(name: str) -> str:
    """`Order Date` as order_date."""
    return re.sub(r"\W+", "_", name.lower()).strip("_") or "column"


def guessed_delimiter(path: str) -> str:
    with Path(path).open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline()
    counts = {delimiter: first.count(delimiter) for delimiter in DELIMITERS}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else ","
