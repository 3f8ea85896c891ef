"""Writes docs/sql/functions.md from the registry: every function by chapter, with its arguments and result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import ModuleType

from minidb.sql.functions import aggregates, catalogue, json_values, windows
from minidb.sql.functions.registry import Aggregate, Function, WindowFunction
from minidb.types import SqlType

Overload = Function | Aggregate | WindowFunction

HEAD = """# Functions

This page is made from the registry of functions: none is missing. `...` is any number of further arguments, `|`
separates the types that an argument may have; `SETOF` functions give many rows, in FROM or in the select list. They
behave as in PostgreSQL 15; some are shown in [Types, functions, aggregates](types-and-functions.md). Not in the tables,
because they are syntax:

| | |
|---|---|
| `coalesce(value, ...)` | the first that is not NULL |
| `nullif(a, b)` | NULL where they are equal, else `a` |
| `greatest(value, ...)`, `least(value, ...)` | without the NULLs |
| `rank`, `dense_rank`, `percent_rank`, `cume_dist` `(value, ...) WITHIN GROUP (ORDER BY ...)` | where the row stood |
| `grouping(column, ...)` | which columns a row of GROUPING SETS has summed up, as bits |
| `extract(field FROM value)`, `position(a IN b)`, `overlay`, `substring`, `trim` | see [Calls](expressions.md#calls) |
"""
SHORT = {
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "time with time zone": "timetz",
    "character varying": "varchar",
}


def page() -> str:
    """The whole page."""
    chapters = [HEAD]
    for module in catalogue._MODULES:
        chapters.append(chapter(title(module), module.functions()))
    chapters.append(chapter("Aggregates", [*aggregates.aggregates(), *json_values.aggregates()]))
    chapters.append(chapter("Window functions, beside all aggregates without WITHIN GROUP", windows.window_functions()))
    return "\n".join(chapters)


def title(module: ModuleType) -> str:
    """What the module's docstring calls itself: its first line up to a colon or full stop."""
    line = (module.__doc__ or "").splitlines()[0]
    return line.split(":")[0].split(". ")[0].rstrip(".")


def chapter(heading: str, overloads: Iterable[Overload]) -> str:
    by_name: dict[str, list[Overload]] = {}
    for overload in overloads:
        if overload.name.isidentifier():
            by_name.setdefault(overload.name, []).append(overload)
    rows = [f"| {'<br>'.join(calls(found))} | {results(found)} |" for _, found in sorted(by_name.items())]
    return "\n".join([f"## {heading}", "", "| call | result |", "|---|---|", *rows, ""])


def calls(overloads: Sequence[Overload]) -> list[str]:
    """One line for each number of arguments."""
    by_count: dict[int, list[Overload]] = {}
    for overload in overloads:
        by_count.setdefault(len(overload.arguments), []).append(overload)
    return [call(by_count[count]) for count in sorted(by_count)]


def call(overloads: Sequence[Overload]) -> str:
    places = zip(*(overload.arguments for overload in overloads))
    arguments = [either(map(short, types)) for types in places]
    if any(overload.variadic is not None for overload in overloads):
        arguments.append("...")
    return f"`{overloads[0].name}({', '.join(arguments)})`".replace("|", "\\|")


def results(overloads: Sequence[Overload]) -> str:
    sets = any(isinstance(overload, Function) and overload.returns_set for overload in overloads)
    found = [short(overload.result) if isinstance(overload.result, SqlType) else "" for overload in overloads]
    words = either(word or "as its arguments" for word in found).replace("|", "\\|")
    return f"SETOF {words}" if sets else words


def either(words: Iterable[str]) -> str:
    return " | ".join(dict.fromkeys(words))


def short(kind: SqlType) -> str:
    name = str(kind)
    base = name.removesuffix("[]")
    return SHORT.get(base, base) + name[len(base) :]
