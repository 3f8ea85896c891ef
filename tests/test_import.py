"""`minidb import`: SQLite files, CSV files, scripts of other databases; and what is reported as left out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

import minidb
from minidb.cli.main import main
from minidb.importing.column_types import TextGuess
from tests.dump_content import KINDS, TABLES, checksum, columns_of, fill

SHOP = """
CREATE TABLE Users (
    Id INTEGER PRIMARY KEY AUTOINCREMENT, Name VARCHAR(20) NOT NULL DEFAULT 'x', born DATE,
    at DATETIME DEFAULT (datetime('now')), ok BOOLEAN DEFAULT 1, price DECIMAL(10,2), w REAL, anything, b BLOB,
    CHECK (length(Name) < 10), UNIQUE (Name, born));
CREATE TABLE pair (a TEXT, b TEXT, v, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE TABLE child (id INT PRIMARY KEY, u INT REFERENCES Users(Id) ON DELETE CASCADE);
CREATE INDEX by_name ON Users (lower(Name)) WHERE ok;
CREATE UNIQUE INDEX by_user ON child (u DESC);
CREATE VIEW cheap AS SELECT Name, ifnull(price, 0) AS p FROM Users LIMIT 0, 10;
CREATE VIEW strange AS SELECT load_extension('x');
CREATE TRIGGER tr AFTER INSERT ON pair BEGIN SELECT 1; END;
INSERT INTO Users VALUES (3, 'a', '2020-01-01', '2020-01-01 10:00:00', 1, 1.5, 2.5, 'x', x'00ff'),
    (7, 'b', NULL, '2020-01-01', 0, 2, 3, 5, NULL);
DELETE FROM Users WHERE Id = 9;
INSERT INTO pair VALUES ('x', 'y', 1.5), ('x', 'z', NULL);
INSERT INTO child VALUES (1, 3), (2, 99);
"""


@pytest.fixture
def shop(tmp_path: Path) -> str:
    path = str(tmp_path / "shop.db")
    with sqlite3.connect(path) as connection:
        connection.executescript(SHOP)
    connection.close()
    return path


def test_sqlite(shop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = str(tmp_path / "shop.mdb")
    assert main(["import", shop, target]) == 0
    told = capsys.readouterr().out
    assert "Users: 2 rows" in told and "cheap: view" in told
    assert "left out: trigger tr" in told and "left out: view strange" in told and "it is NOT VALID" in told
    with minidb.connect(target) as connection:
        kinds = [kind for _, kind in columns_of(connection, "users")]
        expected = "bigint,text,date,timestamp,boolean,numeric,double precision,text,bytea"
        assert ",".join(kinds) == expected
        row = connection.execute("INSERT INTO users (name) VALUES ('q') RETURNING id, ok, born").fetchone()
        assert row == (8, True, None)
        assert connection.execute("SELECT anything, b FROM users WHERE id IN (3, 7) ORDER BY id").fetchall() == [
            ("x", b"\x00\xff"), ("5", None)]
        assert connection.execute("SELECT * FROM cheap").fetchall() != []
        table = connection.session.catalog.tables["pair"]
        assert table.clustered is not None
        with pytest.raises(minidb.CheckViolation):
            connection.execute("INSERT INTO users (name) VALUES ('much too long')")
        connection.rollback()


def test_an_import_is_all_or_nothing(shop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = str(tmp_path / "shop.mdb")
    with minidb.connect(target) as connection:
        connection.execute("CREATE TABLE child (mine int)")
    assert main(["import", shop, target]) == 1
    assert 'relation "child" already exists' in capsys.readouterr().err
    with minidb.connect(target) as connection:
        assert list(connection.session.catalog.tables) == ["child"]


def test_our_own_dump_for_sqlite_comes_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with minidb.connect(str(tmp_path / "a.mdb")) as original:
        fill(original, special=False)
    assert main(["dump", str(tmp_path / "a.mdb"), "--dialect", "sqlite", "-o", str(tmp_path / "a.sql")]) == 0
    there = sqlite3.connect(tmp_path / "a.db")
    there.executescript((tmp_path / "a.sql").read_bytes().decode())
    there.close()
    assert main(["import", str(tmp_path / "a.db"), str(tmp_path / "b.mdb"), "--keep-case"]) == 0
    capsys.readouterr()
    with minidb.connect(str(tmp_path / "a.mdb")) as original, minidb.connect(str(tmp_path / "b.mdb")) as copy:
        for table in TABLES:
            kinds = [kind for _, kind in columns_of(original, table)]
            rows = [connection.execute(f"SELECT * FROM {table}").fetchall() for connection in (original, copy)]
            assert len(rows[1]) == len(rows[0]) and (table != "kinds" or len(rows[0]) == len(KINDS))
            assert checksum(rows[1], kinds) == checksum(rows[0], kinds), table


def test_values_that_contradict_their_types(tmp_path: Path) -> None:
    from minidb.importing.sqlite_file import SqliteImport

    path = str(tmp_path / "odd.db")
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE odd (i INTEGER, d DATE, t TEXT, ok BOOLEAN, n NUMERIC, z TEXT)")
        connection.execute("INSERT INTO odd VALUES ('one', '2020-02-30', x'41', 2, 1, ?)", ("a\0b",))
        connection.execute("INSERT INTO odd VALUES (2, '2020-02-28', 'x', 1, 2.25, 'c')")
    connection.close()
    with minidb.connect(autocommit=True) as target:
        SqliteImport(path, target.session).run()
        assert target.execute("SELECT * FROM odd").fetchall() == [
            ("one", "2020-02-30", "A", 2, 1, b"a\0b"), ("2", "2020-02-28", "x", 1, pytest.approx(2.25), b"c")]


# -- CSV


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "-5", None], "integer"), (["1", "99999999999"], "bigint"), (["1", "1.50"], "numeric"),
        (["1", "1e5"], "double precision"), (["01", "2"], "text"), (["true", "F"], "boolean"), (["t", "1"], "text"),
        (["2020-01-01"], "date"), (["2020-02-30"], "text"), (["2020-01-01 10:00"], "timestamp"),
        (["2020-01-01T10:00:00Z"], "timestamptz"), (["10:00"], "time"), ([None], "text"),
        (["00000000-0000-0000-0000-000000000005"], "uuid"), (["1", "2020-01-01"], "text"),
    ],
)
def test_types_are_read_off(texts: list[str | None], kind: str) -> None:
    guess = TextGuess()
    guess.add(texts)
    assert guess.kind.name == kind


def test_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "My Orders.csv", str(tmp_path / "t.mdb")
    source.write_text('Order Id;Name;zip;x\n1;"a;""b\nc";0123;1.5\n2;;4;\n', encoding="utf-8")
    assert main(["import", str(source), target, "--type", "x=real"]) == 0
    assert capsys.readouterr().out == "my_orders: 2 rows\n"
    with minidb.connect(target) as connection:
        assert columns_of(connection, "my_orders") == [
            ("order_id", "integer"), ("name", "text"), ("zip", "text"), ("x", "real")]
        assert connection.execute("SELECT * FROM my_orders").fetchall() == [
            (1, 'a;"b\nc', "0123", 1.5), (2, None, "4", None)]
    assert main(["import", str(source), target]) == 0  # once more, into the table that is there
    assert main(["import", str(source), target, "--type", "nothing=int"]) == 1
    assert "there is no column" in capsys.readouterr().err


# -- scripts


def test_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = tmp_path / "dump.sql", str(tmp_path / "t.mdb")
    source.write_text(
        "/*!40101 SET NAMES utf8 */;\nSET FOREIGN_KEY_CHECKS=0;\nLOCK TABLES `t` WRITE;\n"
        "CREATE TABLE `t` (`id` INT AUTO_INCREMENT PRIMARY KEY, `s` TEXT) ENGINE=InnoDB;\n"
        "INSERT INTO `t` VALUES (1,'it\\'s'),(2,'\\\\');\nCREATE PROCEDURE p() SELECT 1;\nUNLOCK TABLES;\n",
        encoding="utf-8",
    )
    assert main(["import", str(source), target, "--dialect", "mysql"]) == 0
    told = capsys.readouterr().out
    assert "t: 2 rows\nleft out: line 6: CREATE PROCEDURE" in told and told.count("left out") == 1
    with minidb.connect(target) as connection:
        assert connection.execute("SELECT s FROM t ORDER BY id").fetchall() == [("it's",), ("\\",)]


def test_what_is_no_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.bin").write_bytes(b"\0\1")
    assert main(["import", str(tmp_path / "x.bin"), str(tmp_path / "t.mdb")]) == 1
    assert main(["import", str(tmp_path / "absent.csv"), str(tmp_path / "t.mdb")]) == 1
    assert "there is no file" in capsys.readouterr().err
