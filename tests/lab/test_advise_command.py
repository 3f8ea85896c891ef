"""`minidb advise` as a command: what it prints, what it saves, how it ends."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest

from minidb.cli.main import main
from minidb.lab.explaining import explain_schedule
from minidb.lab.schedule_text import parse

HERE = Path(__file__).parent / "advise"
SKEW = HERE / "write_skew.spec"
DOCUMENT = Path(__file__).parents[2] / "docs" / "advise.md"


def command(*arguments: object) -> int:
    return main(["advise", *map(str, arguments)])


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")


def test_it_prints_what_the_text_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(SKEW) == 0
    title, _, rest = capsys.readouterr().out.partition("\n")
    assert title.startswith("━━ write_skew ━━")
    assert rest == (HERE / "write_skew.out").read_text(encoding="utf-8")


def test_no_level_is_high_enough(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(HERE / "impossible.spec") == 1
    assert "One after the other they break it, too." in capsys.readouterr().out


def test_levels_and_top(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(SKEW, "--levels", "rc,snapshot") == 1
    assert command(SKEW, "--levels", "rc,ssi", "--top", "2pl", "--json") == 0
    out = capsys.readouterr().out
    assert json.loads(out[out.index("\n{") :])["levels"] == ["read committed", "2pl"]


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(SKEW, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["name"], one["level"]) for one in found["transactions"]] == [("alice", "ssi"), ("bob", "ssi")]
    assert found["transactions"][0]["lower"]["anomaly"] == "write skew"
    assert found["interleavings"] == 20 and found["theory"] == {"alice": "ssi", "bob": "ssi"}


def test_what_is_saved_can_be_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(SKEW, "--save", tmp_path / "new") == 0
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert names == ["write_skew-advised.spec", "write_skew-alice-at-snapshot.spec", "write_skew-bob-at-snapshot.spec"]
    witness = (tmp_path / "new" / names[1]).read_text(encoding="utf-8")
    assert witness.startswith("# write skew (G2-item), with alice at snapshot, bob at ssi\n# rw ")
    assert explain_schedule(parse(witness)).anomalies[0].name == "write skew"
    assert "SERIALIZABLE SSI" in (tmp_path / "new" / names[0]).read_text(encoding="utf-8")


def test_it_cannot_save_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert command(HERE / "single_update.spec", "--save", tmp_path / "file") == 2
    assert "cannot write" in capsys.readouterr().err


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("session a step x { SELECT 1; }"))
    assert command("-") == 0
    assert "a             read committed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("session a step x { SELECT 1 } permutation y", 'there is no step "y"'),
        ("setup { SELECT 1/0; } session a step x { SELECT 1; }", "division by zero"),
        ("session a step x { SHOW lock_timeout; }", "no transactions"),
    ],
)
def test_files_that_cannot_be_used(text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.spec"
    path.write_text(text, encoding="utf-8")
    assert command(path) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and words in printed.err and str(path) in printed.err


def test_files_that_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path / "absent") == 2
    assert "cannot read" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [(), (SKEW, "--top", "chaos"), (SKEW, "--levels", "rc,chaos"), (SKEW, "--most", "0"), (SKEW, "--nonsense")],
)
def test_wrong_usage(arguments: tuple[object, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command(*arguments)
    assert caught.value.code == 2


def test_the_example_of_the_documentation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec, shown = re.findall(r"```(?:schedule|text)\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[:2]
    path = tmp_path / "payments.spec"
    path.write_text(spec, encoding="utf-8")
    assert command(path) == 0
    assert capsys.readouterr().out == shown
