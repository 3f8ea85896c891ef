"""Each script in examples/ runs, at every level if it can be given one, and prints what it printed before."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from golden_files import GOLDEN, by_level, check_golden

from minidb.lab.demos import DEMOS
from minidb.lab.matrix import LEVELS

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))


def test_there_is_one_for_each_demo() -> None:
    assert {demo.name.replace("-", "_") for demo in DEMOS} <= {script.stem for script in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_example(script: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[tuple[str, str]] = []
    takes_a_level = "[LEVEL]" in script.read_text("utf-8")
    for level in map(str, LEVELS):
        if takes_a_level or not texts:
            monkeypatch.setattr(sys, "argv", [str(script), level] if takes_a_level else [str(script)])
            runpy.run_path(str(script), run_name="__main__")
            printed = capsys.readouterr().out
        texts.append((level, printed))
    check_golden(GOLDEN / "examples" / f"{script.stem}.txt", by_level(texts))


def test_as_a_user_runs_it() -> None:
    script = [sys.executable, str(EXAMPLES / "write_skew.py")]
    done = subprocess.run(script, capture_output=True, text=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("on call: nobody\n")
