"""Events as text: byte for byte what PostgreSQL's isolation tester prints, which has libpq print its tables.

    step look: SELECT * FROM account;
    name |balance
    -----+-------
    alice|    100
    (1 row)

A column is set to the right if all that stands in it looks like a number, to the left otherwise; headings as their
columns. Widths are counted in bytes, so that beyond ASCII columns look uneven, here as there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from minidb.errors import Error, caret
from minidb.lab.run import Answer, Event
from minidb.lab.schedule import Permutation
from minidb.types import REAL, RECORD, adapt, to_text

NUMBER = re.compile(r"(?!E|e)[0-9.Ee \-]*[0-9]")
"""What libpq takes for a number; dates in ISO notation pass, too."""
FIXED_LENGTH = re.compile(r"character\((\d+)\)")


def event_text(event: Event) -> str:
    """The event's lines, without the last newline."""
    if event.kind == "notice":
        return f"{event.session}: NOTICE:  {event.words}"
    if event.kind == "waits":
        return f"step {event.step}: {event.sql} <waiting ...>"
    head = "<... completed>" if event.kind in ("went on", "broke off") else event.sql
    return "\n".join([f"step {event.step}: {head}", *map(result_text, filter(has_text, event.answers))])


def permutation_text(permutation: Permutation) -> str:
    return " ".join(["starting permutation:", *permutation.order])


def has_text(answer: Answer) -> bool:
    return answer.error is not None or bool(answer.columns)


def result_text(answer: Answer) -> str:
    """An error's message or a table."""
    return "\n".join(table(answer)) if answer.error is None else f"ERROR:  {answer.error.message}"


def table(answer: Answer) -> Iterator[str]:
    types = answer.types or [""] * len(answer.columns)
    rows = [[value_text(value, kind) for value, kind in zip(row, types)] for row in answer.rows]
    lines = [answer.columns, *rows]
    widths = [max(len(line[i].encode()) for line in lines) for i in range(len(answer.columns))]
    right = [all(NUMBER.fullmatch(row[i]) for row in rows if row[i]) for i in range(len(widths))]
    head, *body = ["|".join(map(padded, line, widths, right)) for line in lines]
    yield head
    yield "+".join("-" * width for width in widths)
    yield from body
    yield f"({len(rows)} row{'' if len(rows) == 1 else 's'})\n"


def padded(text: str, width: int, right: bool) -> str:
    blank = " " * (width - len(text.encode()))
    return blank + text if right else text + blank


def value_text(value: Any, kind: str) -> str:
    """As PostgreSQL sends it; `kind` is the name of the type."""
    if value is None:
        return ""
    if isinstance(value, str):
        length = FIXED_LENGTH.fullmatch(kind)
        return value.ljust(int(length[1])) if length else value
    if kind in ("real", "record"):
        return to_text(REAL if kind == "real" else RECORD, value)
    return to_text(*adapt(value))


def failure_text(error: Error) -> str:
    """An error with all that it knows."""
    lines = [f"ERROR:  {error.message}"]
    if error.position is not None and error.statement is not None:
        lines.append(caret(error.statement, error.position))
    lines += [f"{name}:  {text}" for name, text in (("DETAIL", error.detail), ("HINT", error.hint)) if text]
    return "\n".join(lines)


def last_table(answers: Sequence[Answer]) -> str:
    """What a setup or teardown shows: the last statement's rows."""
    return result_text(answers[-1]) if answers and answers[-1].columns else ""
