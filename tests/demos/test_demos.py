"""Every demo at every level, against transcripts; and the matrix, against what the literature says.

`golden/NAME.txt` has, for each scene, one block per group of levels at which the same is seen. An anomaly that a level
allows must happen.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from golden_files import GOLDEN, by_level, check_golden

from minidb.cli import demo as command
from minidb.isolation import IsolationLevel
from minidb.lab.demo import Demo, Scene
from minidb.lab.demos import DEMOS
from minidb.lab.matrix import LEVELS, compute, matrix
from minidb.lab.paint import ASCII, Painter
from minidb.lab.theatre import Theatre
from minidb.lab.transcript import transcript

DOCS = Path(__file__).parents[2] / "docs"
PAPER = Painter(100)
ALL = set(LEVELS)
RU, RC, SI = IsolationLevel.READ_UNCOMMITTED, IsolationLevel.READ_COMMITTED, IsolationLevel.SNAPSHOT

ALLOWED = {
    "G0": set[IsolationLevel](),
    "G1a": {RU},
    "G1b": {RU},
    "G1c": {RU},
    "OTV": {RU},
    "PMP": {RU, RC},
    "P4": {RU, RC},
    "G-single": {RU, RC},
    "G2-item": {RU, RC, SI},
    "G2": {RU, RC, SI},
    "G2 names": {RU, RC, SI},
    "read-only": {RU, RC, SI},
    "P4 atomic update": set[IsolationLevel](),
    "P4 FOR UPDATE": set[IsolationLevel](),
    "P4 compare-set": set[IsolationLevel](),
    "G2 slot locked": {SI},  # as in PostgreSQL: a lock is no change, and the snapshot is older than the wait
    "G2 slot changed": set[IsolationLevel](),
    "P4 procedures": set[IsolationLevel](),
}


@pytest.fixture(scope="module")
def theatre() -> Iterator[Theatre]:
    with Theatre() as made:
        yield made


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)
def test_transcripts(demo: Demo, theatre: Theatre) -> None:
    scenes = [scene_text(scene, theatre) for scene in demo.scenes]
    check_golden(GOLDEN / f"{demo.name}.txt", "\n".join(scenes))


def scene_text(scene: Scene, theatre: Theatre) -> str:
    levels = LEVELS if scene.level is None else (scene.level,)
    texts = [(str(level), "\n".join(transcript(theatre.play(scene, level), PAPER))) for level in levels]
    return f"# {scene.title}\n\n{by_level(texts)}"


def test_every_level_allows_what_it_should_and_nothing_else(theatre: Theatre) -> None:
    happened = {
        line.scene.row: {level for level in LEVELS if line.records[level].verdict.happened}
        for line in compute(DEMOS, theatre)
    }
    assert happened == ALLOWED


def test_what_prevents_it(theatre: Theatre) -> None:
    """Locking levels wait or find deadlocks, SSI aborts, SERIAL only ever waits."""
    for line in compute(DEMOS, theatre):
        how = {level: line.records[level].verdict.how for level in LEVELS}
        assert how[IsolationLevel.SERIAL] == "waits"
        assert how[IsolationLevel.TWO_PHASE_LOCKING] in ("waits", "40P01")
        assert how[IsolationLevel.SSI] in ("40001", "no wait", "waits")


def test_a_level_of_its_own_wins(theatre: Theatre) -> None:
    fixed = [scene for demo in DEMOS for scene in demo.scenes if scene.level is not None]
    assert fixed
    assert all(theatre.play(scene, RU).level is scene.level for scene in fixed)


def test_the_same_again(theatre: Theatre) -> None:
    """A performance in a house of its own shows what one in a used house does."""
    scene = DEMOS[0].scenes[0]
    with Theatre() as another:
        for level in LEVELS:
            seen = ["\n".join(transcript(house.play(scene, level), PAPER)) for house in (theatre, another)]
            assert seen[0] == seen[1]


@pytest.mark.parametrize("width", [64, 80, 100, 120])
def test_everything_fits_on_the_page(width: int, theatre: Theatre) -> None:
    painter = Painter(width)
    for demo in DEMOS:
        for level in (demo.shown_at, demo.prevented_at or demo.shown_at):
            for scene in demo.scenes:
                assert all(len(line) <= width for text in transcript(theatre.play(scene, level), painter)
                           for line in text.split("\n"))
    if width >= 80:
        assert all(len(line) <= width for line in matrix(compute(DEMOS, theatre), painter))


# -- the command


def test_the_whole_demo_is_the_one_in_the_docs(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([]) == 0
    check_golden(DOCS / "demo.txt", capsys.readouterr().out)


def test_one_demo_at_one_level(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["write-skew", "--isolation", "Serializable"]) == 0
    text = capsys.readouterr().out
    assert "prevented: bob got 40001" in text
    assert "ANOMALY" not in text
    assert "\x1b" not in text


def test_two_of_them_briefly(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--brief", "write-skew", "lost-update"]) == 0
    text = capsys.readouterr().out
    assert [line for line in text.splitlines() if line.startswith("━━")][1].startswith("━━ Lost update · P4 ━━")
    assert "at ssi: prevented: bob got 40001" in text


def test_list_names_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    text = capsys.readouterr().out
    assert [line.split()[0] for line in text.splitlines() if not line.startswith(" ")] == [demo.name for demo in DEMOS]


def test_unknown_names_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["write-skwe"]) == 2
    assert "Did you mean write-skew?" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main(["write-skew", "--isolation", "chaos"])
    assert "unknown isolation level: 'chaos'" in capsys.readouterr().err


def test_a_picture(tmp_path: Path) -> None:
    picture = tmp_path / "demo.svg"
    assert command.main(["dirty-write", "--svg", str(picture)]) == 0
    assert "<svg" in picture.read_text(encoding="utf-8")


def test_plain_ascii_is_enough() -> None:
    assert "┌─┐ ✗ → ⋯".translate(ASCII).isascii()
