"""Random schemas, data and queries in the SQL that minidb and sqlite3 share, for hypothesis.

A `World` is a few small tables with indexes of all kinds; `queries(world)` draws queries over it. Values repeat, so
that joins meet and groups have several rows; NULLs are frequent. Left out is what the two engines mean differently:
division by zero, text compared with numbers, averages, the order of rows that nothing orders.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

NUMBERS, WORDS = "integer", "text"


class Column(NamedTuple):
    name: str
    type: str
    not_null: bool = False


class Table(NamedTuple):
    name: str
    columns: tuple[Column, ...]
    indexes: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    clustered: bool

    def definition(self, minidb: bool) -> str:
        clustered = " CLUSTERED" if minidb and self.clustered else ""
        parts = [f"{c.name} {c.type}{' NOT NULL' if c.not_null else ''}" for c in self.columns]
        return f"CREATE TABLE {self.name} ({', '.join(parts)}, PRIMARY KEY{clustered} ({self.columns[0].name}))"


class World(NamedTuple):
    tables: tuple[Table, ...]

    def fill(self, execute: Callable[..., Any], minidb: bool) -> None:
        for table in self.tables:
            execute(table.definition(minidb))
            marks = ", ".join("?" * len(table.columns))
            for row in table.rows:
                execute(f"INSERT INTO {table.name} VALUES ({marks})", row)
            for number, index in enumerate(table.indexes if minidb else ()):
                execute(f"CREATE INDEX {table.name}_{number} ON {table.name} {index}")

    def sqlite(self) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:")
        self.fill(connection.execute, False)
        return connection


# -- worlds -----------------------------------------------------------------------------------------------

_VALUES = {
    NUMBERS: st.one_of(st.none(), st.integers(-3, 5)),
    WORDS: st.one_of(st.none(), st.sampled_from(["", "a", "ab", "abc", "b", "c"])),
}


@st.composite
def tables(draw: st.DrawFn, name: str) -> Table:
    kinds = draw(st.lists(st.sampled_from([NUMBERS, NUMBERS, WORDS]), min_size=2, max_size=3))
    columns = [Column(f"{name}0", NUMBERS, True)]
    columns += [Column(f"{name}{n}", kind, draw(st.booleans())) for n, kind in enumerate(kinds, 1)]
    values = [_VALUES[c.type].filter(lambda v, c=c: v is not None or not c.not_null) for c in columns[1:]]
    rows = draw(st.lists(st.tuples(*values), max_size=12))
    numbered = tuple((place, *row) for place, row in enumerate(rows))
    indexes = draw(st.lists(_index(columns), max_size=3))
    return Table(name, tuple(columns), tuple(indexes), numbered, draw(st.booleans()))


def _index(columns: list[Column]) -> st.SearchStrategy[str]:
    keys = st.lists(st.sampled_from(columns[1:]), min_size=1, max_size=2, unique=True)
    orders = st.lists(st.sampled_from(["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]), min_size=2, max_size=2)
    expressions = [f"(({c.name} + 1))" for c in columns if c.type == NUMBERS]
    expressions += [f"(coalesce({c.name}, 1))" for c in columns if c.type == NUMBERS]
    more = [f" INCLUDE ({c.name})" for c in columns] + [f" WHERE {c.name} > 0" for c in columns if c.type == NUMBERS]

    def text(parts: tuple[list[Column], list[str], str]) -> str:
        chosen, directions, tail = parts
        return f"({', '.join(c.name + d for c, d in zip(chosen, directions))}){tail}"

    plain = st.tuples(keys, orders, st.sampled_from(["", "", *more])).map(text)
    return st.one_of(plain, plain, plain, st.sampled_from(expressions))


worlds = st.tuples(tables("t"), tables("u"), tables("v")).map(World)


# -- queries ----------------------------------------------------------------------------------------------


class Query(NamedTuple):
    """`reference`: how to ask sqlite3 for the same, where it does not know the words."""

    text: str
    ordered: bool
    reference: str = ""


class Source(NamedTuple):
    """What stands in FROM, and what may be mentioned of it: (name, type)."""

    text: str
    columns: tuple[tuple[str, str], ...]


def columns_of(table: Table, alias: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"{alias}.{c.name}", c.type) for c in table.columns)


def of_type(columns: tuple[tuple[str, str], ...], kind: str) -> list[str]:
    return [name for name, other in columns if other == kind]


@st.composite
def sources(draw: st.DrawFn, world: World) -> Source:
    count = draw(st.integers(1, 3))
    table = draw(st.sampled_from(world.tables))
    text, columns = f"{table.name} AS a0", columns_of(table, "a0")
    for number in range(1, count):
        table = draw(st.sampled_from(world.tables))
        own = columns_of(table, f"a{number}")
        kinds = ["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"]
        kind = draw(st.sampled_from(kinds))
        if kind == "CROSS JOIN":
            text, columns = f"{text} CROSS JOIN {table.name} AS a{number}", columns + own
            continue
        condition = (
            f"{draw(st.sampled_from(of_type(columns, NUMBERS)))} = {draw(st.sampled_from(of_type(own, NUMBERS)))}"
        )
        if draw(st.integers(0, 2)) == 0:
            condition += f" AND {draw(predicates(columns + own, world, 0))}"
        text, columns = f"{text} {kind} {table.name} AS a{number} ON {condition}", columns + own
    return Source(text, columns)


@st.composite
def predicates(draw: st.DrawFn, columns: tuple[tuple[str, str], ...], world: World, depth: int) -> str:
    kind = draw(st.integers(-1, 9 if depth else 6))
    name, column_type = draw(st.sampled_from(columns))
    if kind == -1:
        number = draw(st.sampled_from(of_type(columns, NUMBERS)))
        value = draw(st.sampled_from([f"{number} + 1", f"coalesce({number}, 1)"]))
        return f"{value} {draw(st.sampled_from(['=', '<', '>=']))} {draw(st.integers(-3, 5))}"
    if kind <= 2:
        value = (
            str(draw(st.integers(-3, 5))) if column_type == NUMBERS else f"'{draw(st.sampled_from(['a', 'ab', 'b']))}'"
        )
        return f"{name} {draw(st.sampled_from(['=', '=', '<', '<=', '>', '>=', '<>']))} {value}"
    if kind == 3:
        other = draw(st.sampled_from(of_type(columns, column_type)))
        return f"{name} {draw(st.sampled_from(['=', '<', '>=']))} {other}"
    if kind == 4:
        return f"{name} IS {draw(st.sampled_from(['', 'NOT ']))}NULL"
    if kind == 5:
        number = draw(st.sampled_from(of_type(columns, NUMBERS)))
        members = draw(st.lists(st.integers(-3, 5), min_size=1, max_size=3))
        return f"{number} {draw(st.sampled_from(['', 'NOT ']))}IN ({', '.join(map(str, members))})"
    if kind == 6:
        one, other = draw(predicates(columns, world, 0)), draw(predicates(columns, world, 0))
        return f"({one} {draw(st.sampled_from(['AND', 'OR']))} {other})"
    return draw(_subqueries(columns, world))


@st.composite
def _subqueries(draw: st.DrawFn, columns: tuple[tuple[str, str], ...], world: World) -> str:
    table = draw(st.sampled_from(world.tables))
    inner = columns_of(table, "s")
    number = draw(st.sampled_from(of_type(columns, NUMBERS)))
    own = draw(st.sampled_from(of_type(inner, NUMBERS)))
    test = f"{own} = {draw(st.sampled_from(of_type(columns, NUMBERS)))}" if draw(st.booleans()) else "1 = 1"
    if draw(st.booleans()):
        test += f" AND {draw(predicates(inner, world, 0))}"
    form = draw(st.integers(0, 2))
    if form == 0:
        return f"{draw(st.sampled_from(['', 'NOT ']))}EXISTS (SELECT 1 FROM {table.name} AS s WHERE {test})"
    if form == 1:
        word = draw(st.sampled_from(["IN", "NOT IN"]))
        return f"{number} {word} (SELECT {own} FROM {table.name} AS s WHERE {test})"
    call = draw(st.sampled_from(["max", "min", "count", "sum"]))
    return f"{number} <= (SELECT {call}({own}) FROM {table.name} AS s WHERE {test})"


@st.composite
def selects(draw: st.DrawFn, world: World) -> tuple[str, int]:
    """(a SELECT, its number of columns)."""
    source = draw(sources(world))
    where = " AND ".join(draw(st.lists(predicates(source.columns, world, 1), max_size=3))) or "1 = 1"
    names = [name for name, _ in source.columns]
    numbers = of_type(source.columns, NUMBERS)
    chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    if draw(st.integers(0, 2)):
        word = draw(st.sampled_from(["", "", "DISTINCT "]))
        return f"SELECT {word}{', '.join(chosen)} FROM {source.text} WHERE {where}", len(chosen)
    calls = [
        draw(st.sampled_from(["count(*)", "count({})", "sum({})", "min({})", "max({})", "count(DISTINCT {})"])).format(
            n
        )
        for n in draw(st.lists(st.sampled_from(numbers), min_size=1, max_size=2))
    ]
    if draw(st.integers(0, 3)) == 0:
        return f"SELECT {', '.join(calls)} FROM {source.text} WHERE {where}", len(calls)
    having = draw(st.sampled_from(["", " HAVING count(*) > 1"]))
    groups = ", ".join(chosen)
    return f"SELECT {groups}, {', '.join(calls)} FROM {source.text} WHERE {where} GROUP BY {groups}{having}", len(
        chosen
    ) + len(calls)


@st.composite
def plain_queries(draw: st.DrawFn, world: World) -> Query:
    text, width = draw(selects(world))
    form = draw(st.integers(0, 5))
    if form == 0:
        word = draw(st.sampled_from(["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]))
        one, other = (f"SELECT {a}.{t}0 FROM {t} AS {a}" for a, t in (("x", "t"), ("y", "u")))
        test = draw(predicates(columns_of(world.tables[0], "x"), world, 1))
        return Query(
            f"SELECT * FROM ({one} WHERE {test} {word} {other}) AS q WHERE t0 > {draw(st.integers(-1, 4))}", False
        )
    if form <= 2:
        orders = [
            f"{n}{draw(st.sampled_from(['', ' DESC']))} NULLS {draw(st.sampled_from(['FIRST', 'LAST']))}"
            for n in draw(st.permutations(range(1, width + 1)))
        ]
        limit = draw(st.sampled_from(["", " LIMIT 1", " LIMIT 4", " LIMIT 3 OFFSET 2"]))
        return Query(f"{text} ORDER BY {', '.join(orders)}{limit}", True)
    return Query(text, False)


def normal(rows: list[Any], ordered: bool) -> list[Any]:
    plain = [tuple(int(v) if v is not None and not isinstance(v, str) else v for v in row) for row in rows]
    return plain if ordered else sorted(plain, key=_sort_key)


def _sort_key(row: tuple[Any, ...]) -> list[Any]:
    return [(value is not None, isinstance(value, str), 0 if value is None else value) for value in row]
