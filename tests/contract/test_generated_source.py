"""Nothing that a user says reaches generated Python: names, literals, parameters, whatever is in them.

Every text that is compiled while hostile statements run is looked at: those of statements, of what binds parameters,
of row makers for many rows at once.
"""

from __future__ import annotations

import builtins
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

import minidb
from minidb import parameters
from minidb.errors import Error
from minidb.sql.compiler import emitter

MARK = "zqx"  # in every name, literal and parameter
TEXTS = [
    "zqx'; __import__('os').system('zqx') #", 'zqx"""\nimport os\n"""', "zqx\\", "zqx{0}%s%(zqx)s{zqx!r}",
    "zqx\n    pass",
    "zqx\N{LINE SEPARATOR}zqx\x1a", "zqx') or eval('1", "é\N{PILE OF POO}zqx",
]
NAMES = [text for text in TEXTS if "\n" not in text or '"' not in text]


class Compiled:
    """What was compiled."""

    def __init__(self) -> None:
        self.sources: list[str] = []


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Iterator[Compiled]:
    found = Compiled()
    original = builtins.compile

    def spy(source: Any, name: Any, *rest: Any, **options: Any) -> Any:
        if isinstance(source, str) and not str(name).endswith(".py"):  # else it is a module of our own being imported
            found.sources.append(f"{source} {name}")
        return original(source, name, *rest, **options)

    monkeypatch.setattr(builtins, "compile", spy)
    parameters._checker.cache_clear()
    emitter._compiled.cache_clear()
    yield found
    assert found.sources, "nothing was compiled"
    for source in found.sources:
        for word in (MARK, "__import__", "eval", "os.system", "\N{PILE OF POO}"):
            assert word not in source, source


@pytest.fixture
def connection(compiled: Compiled) -> Iterator[minidb.Connection]:
    with minidb.connect(autocommit=True) as made:
        yield made


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.mark.parametrize("text", TEXTS)
def test_literals(connection: minidb.Connection, text: str) -> None:
    value = literal(text)
    connection.execute(f"CREATE TABLE t (a int, s text DEFAULT {value} CHECK (s <> {value} || 'x'))")
    connection.execute(f"CREATE INDEX t_s ON t (s) WHERE s >= {value}")
    connection.execute(f"CREATE VIEW v AS SELECT a, s || {value} AS w FROM t WHERE s LIKE {value} || '%'")
    connection.execute("INSERT INTO t (a) VALUES (1)")
    connection.execute(f"INSERT INTO t VALUES (2, {value}), (3, {value})")
    for sql in (
        f"SELECT count(*) FROM t WHERE s = {value}",
        f"SELECT a FROM t WHERE s IN ({value}, 'b') ORDER BY s || {value} LIMIT 1",
        f"SELECT CASE s WHEN {value} THEN {value} END, max(s || {value}) OVER (PARTITION BY s) FROM t",
        f"SELECT string_agg(s, {value}) FILTER (WHERE s > {value}) FROM t GROUP BY s HAVING min(s) < {value} || 'z'",
        f"UPDATE t SET s = {value} WHERE s BETWEEN {value} AND {value} RETURNING s",
        f"INSERT INTO t VALUES (9, {value}) ON CONFLICT DO NOTHING RETURNING s || {value}",
        f"SELECT jsonb_build_object({value}, w) ->> {value}, {value}::text FROM v",
    ):
        connection.execute(sql).fetchall()
    for sql in (f"SELECT {value}::int", f"SELECT {value} ~ {value}", f"SELECT to_char(now(), {value})"):
        try:
            connection.execute(sql).fetchall()
        except Error:
            pass


@pytest.mark.parametrize("name", NAMES)
def test_names(connection: minidb.Connection, name: str) -> None:
    n = quoted(name)
    connection.execute(f"CREATE TABLE {n} ({n} int PRIMARY KEY, b text, CONSTRAINT {n} CHECK ({n} > 0))")
    connection.execute(f"CREATE INDEX {quoted(name + 'i')} ON {n} (b, ({n} + 1))")
    connection.execute(f"CREATE SEQUENCE {quoted(name + 's')}")
    connection.execute(f"INSERT INTO {n} ({n}, b) VALUES (nextval({literal(quoted(name + 's'))}), 'x')")
    connection.executemany(f"INSERT INTO {n} ({n}, b) VALUES (?, ?)", [(key, name) for key in range(10, 1500)])
    for sql in (
        f"SELECT {n}.{n} AS {quoted(name + 'a')} FROM {n} WHERE {n}.{n} = 1",
        f"WITH {quoted(name + 'w')} AS (SELECT {n} FROM {n}) SELECT * FROM {quoted(name + 'w')} LIMIT 2",
        f"SELECT count(*) FROM {n} AS {quoted(name + 'x')} JOIN {n} USING ({n}) GROUP BY {n}.b",
        f"UPDATE {n} SET b = 'y' WHERE {n} = 1 RETURNING {n}",
    ):
        connection.execute(sql).fetchall()
    with pytest.raises(Error):
        connection.execute(f"INSERT INTO {n} VALUES (0, 'x')")


@pytest.mark.parametrize("text", TEXTS)
def test_parameters(connection: minidb.Connection, text: str) -> None:
    connection.execute("CREATE TABLE t (a int PRIMARY KEY, s text, n numeric, b bytea)")
    for key in range(3):  # the long way, then the short ones
        connection.execute("INSERT INTO t VALUES (?, ?, ?, ?)", (key, text, Decimal("1.5"), text.encode()))
        assert connection.execute("SELECT s FROM t WHERE s = ? AND a = ?", (text, key)).fetchall() == [(text,)]
        connection.execute("SELECT :zqx, s FROM t WHERE s = :zqx2", {"zqx": text, "zqx2": text}).fetchall()
        connection.execute("UPDATE t SET s = ? WHERE a = ?", (text, key))
    connection.executemany("INSERT INTO t (a, s) VALUES (?, ?)", [(key, text) for key in range(10, 1200)])
    connection.executemany("INSERT INTO t (a, s) VALUES (?, ? || ?)", [(key, text, None) for key in range(2000, 3200)])
    connection.executemany("INSERT INTO t (s, a) VALUES (:zqx, :b)", [{"zqx": text, "b": key} for key in (5000, 5001)])
    connection.executemany("UPDATE t SET s = ? WHERE a = ?", [(text, key) for key in range(10, 20)])
    assert connection.execute("SELECT count(*) FROM t WHERE s = ?", (text,)).fetchone() == (1195,)


def test_values_of_types_with_names_of_their_own(connection: minidb.Connection) -> None:
    connection.execute("CREATE TABLE t (a int, s text)")
    for base, value in ((int, 7), (str, "zqx"), (float, 1.5)):
        kind = type("zqx__import__", (base,), {"__repr__": lambda self: "zqx", "__str__": lambda self: "zqx"})
        for run in (connection.execute, lambda sql, given: connection.executemany(sql, [given] * 3)):
            try:
                run("INSERT INTO t (a) VALUES (?)", (kind(value),))
            except (Error, TypeError):
                pass


def test_copied_and_defined_texts(connection: minidb.Connection) -> None:
    connection.execute("CREATE TABLE t (a int, s text, UNIQUE (a))")
    connection.cursor().copy("COPY t FROM STDIN (FORMAT csv)", io.StringIO("1,zqx'''\n2,\"zqx\"\"\n\"\n"))
    connection.execute("PREPARE \"zqx'\" (int, text) AS SELECT s FROM t WHERE a = $1 AND s <> $2")
    assert connection.execute("EXECUTE \"zqx'\" (1, 'zqx''__import__')").fetchall() == [("zqx'''",)]
    connection.create_function("zqx__import__", 1, lambda value: value)
    connection.execute("SELECT zqx__import__(s) FROM t").fetchall()
    connection.execute("SELECT * FROM (VALUES (1, 'zqx')) AS \"zqx\"(\"zqx'a\", \"zqx\nb\")").fetchall()


@pytest.mark.parametrize("bad", ["zqx\0", "zqx\ud800"])
def test_texts_that_cannot_be_stored(connection: minidb.Connection, bad: str) -> None:
    connection.execute("CREATE TABLE t (a int, s text)")
    for run in (connection.execute, lambda sql, given: connection.executemany(sql, [given] * 1200)):
        with pytest.raises(Error) as caught:
            run("INSERT INTO t (s) VALUES (?)", (bad,))
        assert caught.value.sqlstate == "22021"
    with pytest.raises(Error):
        connection.execute(f"SELECT '{bad}'")
    with pytest.raises(Error):
        connection.execute(f'SELECT 1 AS "{bad}"')
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
