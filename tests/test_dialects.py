"""Other databases' SQL: whole statements with their results as golden scripts, and what is translated at all."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import minidb
from minidb.schema import Catalog
from minidb.sql.dialects import control
from minidb.sql.dialects.parameters import numbered
from minidb.sql.dialects.places import place_in
from minidb.sql.dialects.translator import Translator
from minidb.sql.script import is_complete, parse_script
from tests.sql.golden_script import check_script

HERE = Path(__file__).parent / "dialects"


@pytest.mark.parametrize("dialect", sorted(path.stem for path in HERE.glob("*.golden")))
def test_golden(dialect: str) -> None:
    with minidb.Database() as database, database.connect(dialect=dialect, autocommit=True) as connection:

        def run(command: str) -> str:
            sql, _, given = command.partition("\n-- ")
            try:
                cursor = connection.execute(sql, ast.literal_eval(given) if given else None)
            except minidb.Error as error:
                return f"{type(error).__name__}: {error}"
            if cursor.description is None:
                return str(cursor.statusmessage)
            rows = sorted(cursor.fetchall(), key=repr) if "order by" not in sql.lower() else cursor.fetchall()
            return "\n".join(map(repr, rows)) or "(no rows)"

        check_script(HERE / f"{dialect}.golden", run)


# -- what is translated


OURS = """
BEGIN ISOLATION LEVEL SERIALIZABLE 2PL
SAVEPOINT a
ROLLBACK TO SAVEPOINT a
RELEASE SAVEPOINT a
SET TRANSACTION ISOLATION LEVEL SNAPSHOT
SET lock_timeout = '5s'
SHOW lock_timeout
EXPLAIN (ANALYZE) INSERT INTO t VALUES (1)
LOCK TABLE t IN SHARE MODE
VACUUM t
CHECKPOINT
COMMIT AND CHAIN
CREATE SEQUENCE s INCREMENT 2
COMMENT ON TABLE t IS 'x'
DEALLOCATE ALL
FETCH 3 FROM c
COPY t FROM stdin
""".strip().split("\n")


@pytest.mark.parametrize("dialect", ["mysql", "sqlite", "duckdb", "tsql"])
@pytest.mark.parametrize("text", OURS)
def test_what_our_grammar_knows_is_ours(dialect: str, text: str) -> None:
    made = Translator(dialect).translated(text, "none", Catalog())
    assert len(made) == 1 and made[0].replace('"', "") == text


def test_our_extensions_pass() -> None:
    text = "CREATE TABLE t (a int, b int, PRIMARY KEY CLUSTERED (a))"
    assert Translator("mysql").translated(text, "none", Catalog()) == (text,)


def test_statements_around_statements() -> None:
    translator = Translator("mysql")
    made = translator.translated("PREPARE p (int) AS SELECT `a` FROM t LIMIT 1, 2", "none", Catalog())
    assert made == ('PREPARE p (int) AS SELECT "a" FROM "t" LIMIT 2 OFFSET 1',)
    assert control.prefix("DECLARE c NO SCROLL CURSOR WITH HOLD FOR SELECT 1") == len(
        "DECLARE c NO SCROLL CURSOR WITH HOLD FOR "
    )


def test_unknown_dialects() -> None:
    with pytest.raises(minidb.InvalidParameterValue, match="there is no dialect") as caught:
        minidb.connect(dialect="mysq")
    assert caught.value.hint == 'Perhaps you meant "mysql".'
    for own in (None, "minidb", "PostgreSQL"):
        with minidb.connect(dialect=own) as connection:
            assert connection.session.dialect is None


# -- parameters


@pytest.mark.parametrize(
    ("dialect", "text", "given", "expected"),
    [
        ("mysql", "SELECT ?, '?', `?`, ? -- ?", "sequence", "SELECT :minidb_1, '?', `?`, :minidb_2 -- ?"),
        ("mysql", r"SELECT '\'?', ? # ?", "sequence", r"SELECT '\'?', :minidb_1 # ?"),
        ("mysql", "SELECT %s LIKE 'a%%', 5 %% 2", "sequence", "SELECT :minidb_1 LIKE 'a%%', 5 % 2"),
        ("mysql", "SELECT 5 %s", "none", "SELECT 5 %s"),
        ("mysql", "SELECT %(a)s, @b", "mapping", "SELECT :a, :b"),
        ("mysql", "SELECT @b, @@version", "none", "SELECT @b, @@version"),
        ("sqlite", "SELECT ?2, ?, ?1, $a, @b, :c", "none", "SELECT :minidb_2, :minidb_3, :minidb_1, :a, :b, :c"),
        ("sqlite", "SELECT [a ?], a::int", "none", "SELECT [a ?], a::int"),
        ("duckdb", "SELECT $2, $1, $name", "none", "SELECT :minidb_2, :minidb_1, :name"),
    ],
)
def test_parameters(dialect: str, text: str, given: str, expected: str) -> None:
    assert numbered(text, dialect, given) == expected


@pytest.fixture
def mysql() -> Iterator[minidb.Connection]:
    with minidb.connect(dialect="mysql") as connection:
        connection.execute("CREATE TABLE t (id INT PRIMARY KEY, v INT, KEY k (v))")
        yield connection


def test_order_of_parameters(mysql: minidb.Connection) -> None:
    mysql.executemany("INSERT INTO t VALUES (%s, %s)", [(n, n * n) for n in range(5)])
    assert mysql.execute("SELECT id FROM t ORDER BY id LIMIT ?, ?", (1, 2)).fetchall() == [(1,), (2,)]
    mysql.executemany("REPLACE INTO t (id, v) VALUES (?, ?)", [(1, True), (9, False)])
    assert mysql.execute("SELECT v FROM t WHERE id IN (1, 9) ORDER BY id").fetchall() == [(1,), (0,)]


def test_wrong_number_of_parameters(mysql: minidb.Connection) -> None:
    with pytest.raises(minidb.ProgrammingError, match="has 2 parameters, but 1 were given"):
        mysql.execute("SELECT ?, ?", (1,))


# -- one statement, all or nothing


def test_a_definition_of_several_parts_is_one_statement(mysql: minidb.Connection) -> None:
    mysql.commit()
    with pytest.raises(minidb.UndefinedColumn):
        mysql.execute("CREATE TABLE u (a INT, KEY x (nowhere))")
    mysql.rollback()
    mysql.execute("CREATE TABLE u (a INT, KEY x (a))")
    mysql.rollback()
    with pytest.raises(minidb.UndefinedTable):
        mysql.execute("SELECT * FROM u")


def test_a_translation_is_made_once_for_each_schema(mysql: minidb.Connection) -> None:
    translator = mysql.session.translator
    text = "REPLACE INTO t (id, v) VALUES (1, 1)"
    mysql.execute(text)
    kept = translator._cache[text, "none"]
    mysql.execute(text)
    assert translator._cache[text, "none"] is kept and kept.version is not None
    mysql.execute("ALTER TABLE t ADD COLUMN w INT DEFAULT 5")
    mysql.execute(text)
    assert translator._cache[text, "none"] is not kept
    assert mysql.execute("SELECT * FROM t").fetchall() == [(1, 1, 5)]


def test_an_error_of_the_translation_fails_the_transaction(mysql: minidb.Connection) -> None:
    mysql.execute("INSERT INTO t VALUES (1, 1)")
    with pytest.raises(minidb.SyntaxError):
        mysql.execute("SELECT FROM WHERE")
    with pytest.raises(minidb.InFailedTransaction):
        mysql.execute("SELECT 1")
    mysql.rollback()


def test_replace_needs_a_key(mysql: minidb.Connection) -> None:
    mysql.execute("CREATE TABLE nokey (a INT)")
    mysql.commit()
    with pytest.raises(minidb.NotSupportedError, match="no primary key"):
        mysql.execute("REPLACE INTO nokey VALUES (1)")


# -- places of errors


@pytest.mark.parametrize(
    ("original", "changed", "word", "place"),
    [
        ("SELECT `x`, `x` FROM t", 'SELECT "x", "x" FROM "t"', 12, 13),
        ("SELECT IFNULL(a, b)", 'SELECT COALESCE("a", "b")', 7, None),
        ("SELECT a", 'SELECT "a"', 10, 8),
    ],
)
def test_places(original: str, changed: str, word: int, place: int | None) -> None:
    assert place_in(original, changed, word) == place


def test_errors_point_into_the_users_text(mysql: minidb.Connection) -> None:
    text = "SELECT id,\n       `vv`\nFROM t LIMIT 5, 1"
    with pytest.raises(minidb.UndefinedColumn) as caught:
        mysql.execute(text)
    assert caught.value.statement == text
    assert text[caught.value.position :].startswith("vv")


# -- scripts


@pytest.mark.parametrize(
    ("dialect", "text", "count"),
    [
        ("mysql", r"select 'it\'s; x', `a;b`; # c; d" + "\nselect \"q;\\\"\";", 2),
        ("tsql", "select [a;b], 'x\\'; select 1", 2),
        ("sqlite", "select `;`, [;], \";\"; select 1;", 2),
        (None, "select E'a\\';', $$;$$; select 1", 2),
    ],
)
def test_scripts_are_cut_as_the_dialect_quotes(dialect: str | None, text: str, count: int) -> None:
    assert len(list(parse_script(text, dialect))) == count


def test_is_complete() -> None:
    assert not is_complete("select 'a\\';", "mysql")
    assert is_complete("select 'a\\';", "sqlite")


def test_executescript() -> None:
    with minidb.connect(dialect="mysql") as connection:
        connection.executescript("CREATE TABLE `a;b` (x TEXT); INSERT INTO `a;b` VALUES ('it\\'s;'); # the end;")
        assert connection.execute("SELECT x FROM `a;b`").fetchall() == [("it's;",)]
