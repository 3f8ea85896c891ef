"""`minidb fuzz` and `minidb judge`: what they print, and their exit status."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from minidb.cli.main import main
from minidb.lab.judge import dump
from minidb.txn.isolation.policy import Policy
from minidb.txn.isolation.snapshot import Snapshot
from tests.lab.list_histories import written

SKEW = """
    0 snapshot: r x; append y 1
    1 snapshot: r y; append x 1
    2 serial: r x 1; r y 1
    """


def test_fuzz_prints_what_was_run_and_seen(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fuzz", "--isolation", "si", "--transactions", "120", "--seed", "1", "--round", "60"]) == 0
    printed = capsys.readouterr().out
    assert re.match(r"snapshot: \d{3} transactions committed, [\d,]+ a second, seed 1\n", printed)
    assert "40001 serialization failures" in printed
    assert "allowed, seen: " in printed and "write skew (G2-item)" in printed
    assert printed.endswith("  ✓ nothing that is forbidden\n")


def test_fuzz_shows_the_cycle_and_how_to_have_it_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Snapshot, "changed", Policy.changed)
    saved = str(tmp_path / "found.json")
    command = ["fuzz", "--isolation", "snapshot", "--transactions", "200", "--seed", "0", "--keys", "6", "--save"]
    assert main([*command, saved]) == 1
    printed = capsys.readouterr().out
    assert re.search(r"✗ G\S+: [a-z -]+(, [\d,]+ times)?\n    ─(rw|ww|wr|rt)→ T\d+ \(process \d, snapshot\)", printed)
    assert "  again: minidb fuzz --isolation snapshot --transactions 200 --seed 0 --keys 6\n" in printed
    assert main(["judge", saved]) == 1
    assert "✗ G" in capsys.readouterr().out


def test_judge_judges_by_the_level_that_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    history = written(SKEW)
    for transaction in history.transactions:
        transaction.level = None
    file = tmp_path / "skew.json"
    file.write_bytes(dump(history))
    assert main(["judge", str(file), "--isolation", "repeatable read"]) == 0
    assert "allowed, seen: write skew (G2-item) 1" in capsys.readouterr().out
    assert main(["judge", str(file)]) == 1
    assert capsys.readouterr().out == f"""\
{file}: 3 transactions, 3 of them committed
  ✗ G2-item: write skew
    ─rw→ T0 (process 0) read x = [], without 1, which T1 (process 1) appended
    ─rw→ T1 (process 1) read y = [], without 1, which T0 (process 0) appended
    T0 (process 0): read x = []; append 1 to y
    T1 (process 1): read y = []; append 1 to x
"""


def test_errors_are_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["judge", str(tmp_path / "absent.json")]) == 1
    assert "cannot read" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["fuzz", "--isolation", "perfect"])
    assert "unknown isolation level: 'perfect'" in capsys.readouterr().err
