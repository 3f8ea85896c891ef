"""Tables by columns on disk: found again after a crash, checked, saved, dumped; damage is told and costs one page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import minidb
from minidb.cli.check import check
from minidb.cli.dump import main as dump
from minidb.database import Database
from minidb.errors import DatabaseCorrupt
from minidb.salvage import salvage

ROWS = 20_000
SHOWN = "SELECT count(*), sum(n), min(v), max(id) FROM p"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A database as a crash has left it: most rows in pages, some changes in the log alone."""
    path = tmp_path / "live.mdb"
    database = Database(str(path), background=False)
    session = database.session(autocommit=True)
    session.execute("CREATE TABLE p (id int PRIMARY KEY, v text NOT NULL, n bigint) WITH (layout = column)")
    session.execute(f"INSERT INTO p SELECT g, 'value ' || g, g * g % 1000 FROM generate_series(1, {ROWS}) g")
    database.checkpoint()
    session.execute("UPDATE p SET v = 'changed', n = NULL WHERE id = 5")
    session.execute("DELETE FROM p WHERE id = 6")
    session.execute(f"INSERT INTO p VALUES ({ROWS + 1}, 'new', 1)")
    crashed = tmp_path / "shop.mdb"
    for end in ("", "-wal", "-wal2"):
        if Path(f"{path}{end}").exists():
            shutil.copy(f"{path}{end}", f"{crashed}{end}")
    session.close()
    database.close()
    return crashed


def ask(path: Path | str, *statements: str) -> list[tuple[Any, ...]]:
    connection = minidb.connect(path, autocommit=True)
    try:
        for sql in statements:
            cursor = connection.execute(sql)
        return cursor.fetchall()
    finally:
        connection.close()


def total() -> tuple[Any, ...]:
    numbers = [g * g % 1000 for g in range(1, ROWS + 1) if g not in (5, 6)]
    return ROWS, sum(numbers) + 1, "changed", ROWS + 1


def test_a_crash_loses_nothing(shop: Path) -> None:
    assert ask(shop, SHOWN) == [total()]
    assert ask(shop, "CHECKPOINT", SHOWN) == [total()]
    assert ask(shop, "SELECT v, n FROM p WHERE id IN (5, 6, 7)") == [("changed", None), ("value 7", 49)]
    assert ask(shop, "SELECT storage FROM sys.tables WHERE name = 'p'") == [("column heap",)]
    assert check(str(shop))[0] == []


def test_copies_are_the_same_table(shop: Path, tmp_path: Path) -> None:
    with minidb.connect(shop) as connection:
        connection.backup(tmp_path / "copy.mdb")
        with minidb.connect(tmp_path / "into.mdb") as other:
            connection.backup(other)
    assert salvage(str(shop), str(tmp_path / "saved.mdb")).losses == []
    for name in ("copy.mdb", "into.mdb", "saved.mdb"):
        assert ask(tmp_path / name, SHOWN) == [total()]
        assert ask(tmp_path / name, "SELECT storage FROM sys.tables WHERE name = 'p'") == [("column heap",)]


def test_a_dump_says_how_the_table_is_kept(shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert dump([str(shop)]) == 0
    script = capsys.readouterr().out
    assert "\n) WITH (layout = column);\n" in script
    with minidb.connect(shop) as connection:
        statements = list(connection.iterdump())
    assert any(") WITH (layout = column);" in statement for statement in statements)
    with minidb.connect(tmp_path / "again.mdb") as connection:
        connection.executescript("".join(statements))
    assert ask(tmp_path / "again.mdb", SHOWN) == [total()]
    assert dump(["--dialect", "postgres", "--schema-only", str(shop)]) == 0
    assert "layout" not in capsys.readouterr().out


def damage_a_page(shop: Path) -> None:
    data = bytearray(shop.read_bytes())
    place = data.find(b"value 10001")
    assert place > 0
    data[place] ^= 1
    shop.write_bytes(data)


def test_damage_is_told_and_names_the_page(shop: Path) -> None:
    damage_a_page(shop)
    with pytest.raises(DatabaseCorrupt, match="damaged page at block"):
        ask(shop, SHOWN)
    assert ask(shop, "SELECT v FROM p WHERE id = 3") == [("value 3",)]
    assert check(str(shop))[0]


def test_salvage_loses_the_damaged_page_alone(shop: Path, tmp_path: Path) -> None:
    damage_a_page(shop)
    report = salvage(str(shop), str(tmp_path / "out.mdb"))
    assert 0 < ROWS - report.rows["p"] < 10_000
    assert any("damaged page" in loss for loss in report.losses)
    assert ask(tmp_path / "out.mdb", "SELECT v FROM p WHERE id IN (3, 5)") == [("value 3",), ("changed",)]


def test_the_past_can_be_read(shop: Path) -> None:
    with minidb.connect(shop, autocommit=True) as connection:
        connection.execute("SET minidb.keep_versions = '1 h'")
        connection.execute("CHECKPOINT")
        number = connection.execute("SELECT max(number) FROM sys.commits").fetchone()[0]
        connection.execute("DELETE FROM p WHERE id % 2 = 0")
        assert connection.execute(SHOWN).fetchone() != total()
        assert connection.execute(f"{SHOWN} AS OF COMMIT {number}").fetchone() == total()
