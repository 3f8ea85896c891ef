"""COPY from Python: `cursor.copy`, files, blocks of more than one piece, statement_timeout, SQL cursors on files."""

from __future__ import annotations

import io
import random
from datetime import date
from pathlib import Path

import pytest

import minidb
from minidb.copying import csv_format, ports, text_format
from minidb.copying.options import CopyOptions

CSV = CopyOptions(csv=True, delimiter=",", null="")


@pytest.fixture
def conn(connection: minidb.Connection) -> minidb.Connection:
    connection.autocommit = True
    connection.execute("CREATE TABLE t (id int PRIMARY KEY, w text, d date)")
    return connection


def count(conn: minidb.Connection) -> int:
    return int(conn.execute("SELECT count(*) FROM t").fetchall()[0][0])


def test_a_block_is_copied_when_it_ends(conn: minidb.Connection) -> None:
    cursor = conn.cursor()
    with cursor.copy("COPY t FROM STDIN") as copy:
        copy.write("1\tone\t\\N\n2\t")
        copy.write(b"two\t2020-01-01\n")
        copy.write_row((3, "a\tb", date(2020, 3, 4)))
        assert count(conn) == 0
    assert (cursor.rowcount, cursor.statusmessage) == (3, "COPY 3")
    assert conn.execute("SELECT w, d FROM t WHERE id = 3").fetchall() == [("a\tb", date(2020, 3, 4))]


def test_a_block_that_raises_copies_nothing(conn: minidb.Connection) -> None:
    with pytest.raises(KeyError), conn.cursor().copy("COPY t FROM STDIN") as copy:
        copy.write("1\tone\t\\N\n")
        raise KeyError
    assert count(conn) == 0


@pytest.mark.parametrize("data", ["1,a\n2,b", io.StringIO("1,a\n2,b\n"), io.BytesIO(b"1,a\n2,b\n"),
                                  ["1,a\n", "2,", "b\n"], [(1, "a"), (2, None)], iter([])])
def test_what_can_be_copied(conn: minidb.Connection, data: object) -> None:
    copied = conn.cursor().copy("COPY t (id, w) FROM STDIN CSV", data)
    assert copied == count(conn) == (0 if type(data).__name__ == "list_iterator" else 2)


def test_output(conn: minidb.Connection) -> None:
    conn.execute("INSERT INTO t VALUES (1, 'a,b', NULL), (2, NULL, '2020-01-01')")
    with conn.cursor().copy("COPY t TO STDOUT (FORMAT csv, HEADER)") as copy:
        assert copy.read() == 'id,w,d\n1,"a,b",\n2,,2020-01-01\n'
    with conn.cursor().copy("COPY t TO STDOUT CSV HEADER") as copy:
        assert list(copy.rows()) == [("1", "a,b", None), ("2", None, "2020-01-01")]
    target = io.BytesIO()
    assert conn.cursor().copy("COPY (SELECT id FROM t WHERE id > ?) TO STDOUT", target, (1,)) == 1
    assert target.getvalue() == b"2\n"


def test_other_statements_are_refused(conn: minidb.Connection) -> None:
    for sql in ("SELECT 1", "COPY t FROM 'file'"):
        with pytest.raises(minidb.ProgrammingError):
            conn.cursor().copy(sql)
    with pytest.raises(minidb.ProgrammingError, match="needs somebody who gives the data"):
        conn.execute("COPY t FROM STDIN")


def test_a_failed_copy_leaves_nothing_and_names_the_line(conn: minidb.Connection, tmp_path: Path) -> None:
    lines = [f"{number},w{number},2020-01-01" for number in range(5000)]
    lines[4321] = "77,again,2020-01-01"
    file = tmp_path / "rows.csv"
    file.write_text("\n".join(lines))
    with pytest.raises(minidb.UniqueViolation) as caught:
        conn.execute(f"COPY t FROM '{file}' CSV")
    assert caught.value.context == 'COPY t, line 4322: "77,again,2020-01-01"'
    assert count(conn) == 0
    lines[4321] = "4321,x,2020-02-30"
    file.write_text("\r\n".join(["id,w,d", *lines]))
    with pytest.raises(minidb.DataError) as failed:
        conn.execute(f"COPY t FROM '{file}' CSV HEADER")
    assert failed.value.context == 'COPY t, line 4323, column d: "2020-02-30"'
    lines[4321] = "4321,x,"
    file.write_text("\r".join(lines))
    conn.execute(f"COPY t FROM '{file}' CSV")
    assert count(conn) == 5000


def test_what_was_copied_is_there_after_a_restart(path: str, tmp_path: Path) -> None:
    file = tmp_path / "rows.txt"
    with minidb.Database(path) as database:
        conn = database.connect(autocommit=True)
        conn.execute("CREATE TABLE t (id int PRIMARY KEY, w text, d date)")
        conn.cursor().copy("COPY t FROM STDIN", ((n, f"w\n{n}", None) for n in range(3000)))
        conn.execute("CREATE MATERIALIZED VIEW m AS SELECT count(*) AS n FROM t")
        conn.execute(f"COPY t TO '{file}'")
    with minidb.Database(path) as database:
        conn = database.connect(autocommit=True)
        assert conn.execute("SELECT n FROM m").fetchall() == [(3000,)]
        conn.execute("DELETE FROM t")
        conn.execute(f"COPY t FROM '{file}'")
        assert conn.execute("SELECT w FROM t WHERE id = 7").fetchall() == [("w\n7",)]
        conn.execute("REFRESH MATERIALIZED VIEW m")
        conn.execute("CHECKPOINT")
        assert conn.execute("SELECT n FROM m").fetchall() == [(3000,)]


def test_pieces_of_any_size_give_the_same_records() -> None:
    chooser = random.Random(3)
    fields = ["", "a", 'q"q', "a,b", "x\ny", "\\N", "\\", "ü\t", '"', "\\."]
    rows = [[chooser.choice([*fields, None]) for _ in range(3)] for _ in range(60)]
    for csv in (True, False):
        options = CSV if csv else CopyOptions()
        writer = csv_format.writer(options, [False] * 3) if csv else text_format.writer(options)
        text = "".join(writer(row) + "\n" for row in rows)
        for size in (1, 2, 3, 7, 1000):
            pieces = iter([text[at : at + size] for at in range(0, len(text), size)])
            blocks = csv_format.read(pieces, options, "t") if csv else text_format.read(pieces, options)
            found = [
                [None if block.plain and field == options.null else field for field in record]
                for block in blocks for record in block.records
            ]
            assert found == rows


def test_records_of_several_lines_with_an_escape_of_their_own() -> None:
    options = CopyOptions(csv=True, delimiter=",", null="", quote='"', escape="\\")
    text = '1,"a\nb\\"\n",x\n2,"\\\\",y\n3,\\"z\n",\\\n'
    rows = [["1", 'a\nb"\n', "x"], ["2", "\\", "y"], ["3", "\\z\n", "\\"]]
    for size in (1, 4, 100):
        pieces = iter([text[at : at + size] for at in range(0, len(text), size)])
        blocks = list(csv_format.read(pieces, options, "t"))
        assert [record for block in blocks for record in block.records] == rows
        assert [line for block in blocks for line in block.lines] == [1, 4, 5]


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(minidb.DataError, match='invalid byte sequence for encoding "UTF-8": 0xff'):
        list(ports.Input([b"a\xffb"], "utf-8"))


def test_statement_timeout(conn: minidb.Connection) -> None:
    conn.execute("SET statement_timeout = '20ms'")
    with pytest.raises(minidb.QueryCanceled, match="statement timeout"):
        conn.execute("SELECT count(*) FROM generate_series(1, 1000000000)")
    conn.execute("SET statement_timeout = 0")
    assert count(conn) == 0
