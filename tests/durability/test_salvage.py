"""`minidb check` and `minidb salvage`: what they find, what they rescue, what they say of the rest."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from minidb.cli.check import check
from minidb.cli.main import main
from minidb.database import Database
from minidb.errors import DatabaseCorrupt
from minidb.salvage import salvage

ROWS = 4000


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.mdb"
    database = Database(str(path), background=False)
    session = database.session(autocommit=True)
    session.execute("CREATE TABLE p (id serial PRIMARY KEY, v text NOT NULL, n int CHECK (n > 0))")
    session.execute("CREATE TABLE k (p int REFERENCES p, n int, PRIMARY KEY CLUSTERED (p, n))")
    session.execute("CREATE VIEW w AS SELECT id FROM p")
    session.execute(f"INSERT INTO p (v, n) SELECT 'value ' || g, g FROM generate_series(1, {ROWS}) g")
    session.execute(f"INSERT INTO k SELECT g, g FROM generate_series(1, {ROWS}) g")
    database.checkpoint()
    session.execute("UPDATE p SET v = 'changed' WHERE id = 5")
    session.execute("DELETE FROM k WHERE p = 6")
    session.close()
    database.leave()
    return path


def rows_of(path: Path, sql: str) -> list[tuple[object, ...]]:
    database = Database(str(path), background=False)
    try:
        return [tuple(row) for row in database.session(autocommit=True).execute(sql)]
    finally:
        database.close()


def page_with(path: Path, text: bytes) -> int:
    place = path.read_bytes().find(text)
    assert place > 0
    return place


def test_a_sound_database_is_in_order(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = shop.read_bytes()
    assert main(["check", "-v", str(shop)]) == 0
    text = capsys.readouterr().out
    for part in ("pages and free space", 'index "p_pkey"', 'foreign key "k_p_fkey"', 'NOT NULL of "v"', "in order"):
        assert part in text
    assert shop.read_bytes() == before


def test_all_faults_are_told(shop: Path) -> None:
    data = bytearray(shop.read_bytes())
    data[page_with(shop, b"value 2000")] ^= 1
    shop.write_bytes(data)
    faults, count = check(str(shop))
    assert count > 10
    assert len(faults) >= 2 and all(isinstance(fault, DatabaseCorrupt) for fault in faults)
    assert any("damaged page at block" in fault.message and str(shop) in fault.message for fault in faults)


def test_a_constraint_that_does_not_hold_is_told(shop: Path) -> None:
    database = Database(str(shop), background=False)
    store = next(s for s in database.relations.stores.values() if s.name == "p")
    session = database.session(autocommit=True)
    session.execute("ALTER TABLE k DROP CONSTRAINT k_p_fkey")
    session.execute("INSERT INTO k VALUES (-1, 1)")
    session.execute("ALTER TABLE k ADD CONSTRAINT later FOREIGN KEY (p) REFERENCES p NOT VALID")
    assert store.name == "p"
    table = database.relations.catalog.tables["k"]
    from msgspec.structs import replace

    keys = tuple(replace(key, validated=True) for key in table.foreign_keys)
    database.relations.catalog.tables["k"] = replace(table, foreign_keys=keys)
    database.checkpoint()
    database.leave()
    faults, _ = check(str(shop))
    assert [fault.message for fault in faults] == [f'{shop}: foreign key "later" of table "k" does not hold']


def test_salvage_of_a_sound_database_loses_nothing(shop: Path, tmp_path: Path) -> None:
    report = salvage(str(shop), str(tmp_path / "out.mdb"))
    assert report.losses == []
    assert report.rows == {"p": ROWS, "k": ROWS - 1}
    out = tmp_path / "out.mdb"
    assert check(str(out))[0] == []
    assert rows_of(out, "SELECT v FROM p WHERE id = 5") == [("changed",)]
    assert rows_of(out, "SELECT count(*) FROM w") == [(ROWS,)]
    assert rows_of(out, "INSERT INTO p (v, n) VALUES ('new', 1) RETURNING id > 4000") == [(True,)]


def test_salvage_rescues_all_but_the_damaged_page(shop: Path, tmp_path: Path) -> None:
    data = bytearray(shop.read_bytes())
    data[page_with(shop, b"value 2000")] ^= 1
    shop.write_bytes(data)
    report = salvage(str(shop), str(tmp_path / "out.mdb"))
    assert ROWS - 600 < report.rows["p"] < ROWS
    assert any("damaged page" in loss for loss in report.losses)
    assert any('foreign key "k_p_fkey"' in loss for loss in report.losses)


def test_salvage_without_meta_pages(shop: Path, tmp_path: Path) -> None:
    data = bytearray(shop.read_bytes())
    data[:8192] = bytes(8192)
    shop.write_bytes(data)
    report = salvage(str(shop), str(tmp_path / "out.mdb"))
    assert report.rows["p"] == ROWS
    assert any("both meta pages" in loss for loss in report.losses)


def test_salvage_of_anything_ends_in_a_sound_database_or_says_why(shop: Path, tmp_path: Path) -> None:
    random, whole = Random(4), shop.read_bytes()
    for turn in range(12):
        data = bytearray(whole)
        for _ in range(random.choice((1, 5, 40))):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        shop.write_bytes(data[: random.choice((len(data), len(data) // 2))])
        out = tmp_path / f"out{turn}.mdb"
        try:
            report = salvage(str(shop), str(out))
        except DatabaseCorrupt as error:
            assert str(shop) in error.message
            continue
        database = Database(str(out), background=False)
        database.check()
        found = {row[0] for row in database.session(autocommit=True).execute("SELECT v FROM p")}
        assert found <= {"changed", *(f"value {n}" for n in range(1, ROWS + 1))}
        assert len(found) >= report.rows["p"] - 1
        database.close()
