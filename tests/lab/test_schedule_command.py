"""`minidb schedule`: files, options, exit status."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest
from schedule_runs import run_text

from minidb.cli.main import main

DOCUMENT = Path(__file__).parents[2] / "docs" / "schedules.md"
SKEW = Path(__file__).parent / "specs" / "write-skew.spec"
ONE = "session s step a { SELECT 1 AS a }\n"
PRINTED = "Parsed test spec with 1 sessions\n\nstarting permutation: a\nstep a: SELECT 1 AS a\na\n-\n1\n(1 row)\n\n"
FOUR_EACH = " ".join(f"session {name} " + "".join(f"step {name}{i} {{}} " for i in range(4)) for name in "abc")


@pytest.fixture
def one(tmp_path: Path) -> Path:
    path = tmp_path / "one.spec"
    path.write_text(ONE, encoding="utf-8")
    return path


def command(*arguments: object) -> int:
    return main(["schedule", *map(str, arguments)])


def test_one_file(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(one) == 0
    assert capsys.readouterr() == (PRINTED, "")


def test_several_files_have_headings(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(one, one) == 0
    assert capsys.readouterr().out == f"==> one <==\n{PRINTED}" * 2


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(ONE))
    assert command("-") == 0
    assert capsys.readouterr().out == PRINTED


def test_a_mark_of_the_byte_order_and_other_line_ends_do_no_harm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "windows.spec"
    path.write_bytes(b"\xef\xbb\xbf# a comment\r\nsession s\r\nstep a { SELECT 1 AS a }\r\n")
    assert command(path) == 0
    assert capsys.readouterr().out == PRINTED


def test_a_level_decides_whether_the_invariant_holds(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(SKEW) == 1
    assert "invariant broken" in capsys.readouterr().out
    assert command(SKEW, "--isolation", "ssi") == 0


def test_output_into_files(one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.spec"
    broken.write_text("setup { SELECT 1/0; } " + ONE, encoding="utf-8")
    assert command("-o", tmp_path / "new" / "results", one, broken) == 1
    assert capsys.readouterr() == ("", "")
    assert (tmp_path / "new" / "results" / "one.out").read_text(encoding="utf-8") == PRINTED
    assert "setup failed: ERROR:  division by zero\n" in (tmp_path / "new/results/broken.out").read_text("utf-8")


def test_output_that_cannot_be_written(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("-o", one, one) == 2
    assert "cannot write" in capsys.readouterr().err


def test_complaints_go_to_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "unused.spec"
    path.write_text(f"{ONE} step b {{ SELECT 2 }} permutation a", encoding="utf-8")
    assert command(path) == 0
    assert capsys.readouterr() == (PRINTED, "unused step name: b\n")


def test_another_engine(tmp_path: Path, one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--engine", "sqlite", one) == 0
    assert capsys.readouterr().out == PRINTED
    assert command("--engine", "oracle", one) == 2
    assert "unknown engine: 'oracle'" in capsys.readouterr().err


# -- what cannot be run


def test_files_that_cannot_be_read_keep_the_others_running(
    one: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = tmp_path / "noise"
    noise.write_bytes(b"session \xff")
    assert command(tmp_path / "absent", tmp_path, noise, one) == 2
    printed = capsys.readouterr()
    assert printed.out.endswith(PRINTED)
    assert [line.rpartition(": ")[2] for line in printed.err.splitlines()] == [
        "No such file or directory", "Is a directory", "it is not UTF-8 text",
    ]


def test_a_syntax_error_names_file_line_and_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.spec"
    path.write_text("session s\nstep a { SELECT 1 }\npermutation b\n", encoding="utf-8")
    assert command(path) == 2
    assert capsys.readouterr().err == (
        f'minidb schedule: {path}:\nERROR:  there is no step "b"\nLINE 3: permutation b\n                    ^\n'
    )


def test_an_empty_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").touch()
    assert command(tmp_path / "empty") == 2
    assert "DETAIL:  Expected setup, teardown, invariant or session." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FOUR_EACH, "all interleavings are meant: 34,650, more than --limit 20,000"),
        (FOUR_EACH.replace("step a0 {}", "".join(f"step x{i} {{}} " for i in range(999))), "about 10^21, more than"),
        (ONE + "permutation a\n" * 20_001, "the schedule has 20,001 permutations, more than --limit 20,000"),
    ],
)
def test_too_many_permutations(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "many.spec"
    path.write_text(text, encoding="utf-8")
    assert command(path) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and words in printed.err


def test_the_limit_can_be_moved(one: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--limit", "0", one) == 2
    assert command("--limit", "1", one) == 0


@pytest.mark.parametrize("arguments", [(), ("--isolation", "chaos", "x"), ("--nonsense", "x"), ("--limit", "x", "x")])
def test_wrong_usage(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command(*arguments)
    assert caught.value.code == 2


def test_the_example_of_the_documentation() -> None:
    schedule, shown = re.findall(r"```\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[:2]
    fine, text = run_text(schedule)
    assert (fine, text) == (False, shown.split("\n", 1)[1])
