"""`minidb explain`: which order it runs, what the judges add, and where the pictures go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from minidb.cli.main import main
from minidb.errors import InvalidParameterValue
from minidb.lab.explaining import explain_schedule
from minidb.lab.paint import Painter
from minidb.lab.pictures import svg, text
from minidb.lab.schedule_text import parse

DOCUMENT = Path(__file__).parents[2] / "docs" / "explanations.md"
DOCTORS = """
setup { CREATE TABLE doctor (name text PRIMARY KEY, on_call bool); CREATE INDEX doctor_on_call ON doctor (on_call); }
setup { INSERT INTO doctor VALUES ('alice', true), ('bob', true); }
session alice
setup { BEGIN; }
step look { SELECT count(*) FROM doctor WHERE on_call; }
step leave { UPDATE doctor SET on_call = false WHERE name = 'alice'; }
step done { COMMIT; }
session bob
setup { BEGIN; }
step look_too { SELECT count(*) FROM doctor WHERE on_call; }
step leave_too { UPDATE doctor SET on_call = false WHERE name = 'bob'; }
step done_too { COMMIT; }
"""
INTERLEAVED = ["look", "look_too", "leave", "leave_too", "done", "done_too"]
THREE = """
setup { CREATE TABLE t (k text PRIMARY KEY, v int); INSERT INTO t VALUES ('x', 0), ('y', 0); }
session first
setup { BEGIN; }
step rx { SELECT v FROM t WHERE k = 'x'; }
step c1 { COMMIT; }
session pivot
setup { BEGIN; }
step ry { SELECT v FROM t WHERE k = 'y'; }
step wx { UPDATE t SET v = 1 WHERE k = 'x'; }
step c2 { COMMIT; }
session last
setup { BEGIN; }
step wy { UPDATE t SET v = 1 WHERE k = 'y'; }
step c3 { COMMIT; }
"""
SAME = """
setup { CREATE TABLE t (k text PRIMARY KEY, v int); INSERT INTO t VALUES ('x', 5), ('y', 5); }
session reader
setup { BEGIN; }
step rx { SELECT v FROM t WHERE k = 'x'; }
step ry { SELECT v FROM t WHERE k = 'y'; }
step c1 { COMMIT; }
session writer
setup { BEGIN; }
step w { UPDATE t SET v = 5; }
step c2 { COMMIT; }
permutation rx w c2 ry c1
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "two doctors.spec"
    found.write_text(DOCTORS, encoding="utf-8")
    return found


def test_the_order_that_is_asked_for() -> None:
    explanation = explain_schedule(parse(DOCTORS), "snapshot", INTERLEAVED)
    assert list(explanation.run.order) == INTERLEAVED
    assert explanation.verdict == "Not serializable: write skew"
    first, second = explanation.links
    assert first.words == "alice read on_call = true through index doctor_on_call; bob changed row 'bob' out of it"
    assert (first.source_event, first.target_event) == (0, 3)
    assert (second.source_event, second.target_event) == (1, 2)


def test_without_one_it_is_the_first_permutation() -> None:
    schedule = parse(DOCTORS + "permutation look leave done look_too leave_too done_too")
    assert explain_schedule(schedule, "snapshot").verdict == "Serializable as alice, then bob"


def test_without_any_it_is_the_first_that_goes_wrong() -> None:
    assert explain_schedule(parse(DOCTORS), "snapshot").verdict == "Not serializable: write skew"
    stopped = explain_schedule(parse(DOCTORS), "ssi")
    assert [abort.error.sqlstate for abort in stopped.aborts] == ["40001"]
    assert explain_schedule(parse(DOCTORS), "serial").verdict == "Serializable as alice, then bob"


def test_steps_may_be_left_out_and_change_places() -> None:
    explanation = explain_schedule(parse(DOCTORS), "snapshot", ["leave", "look", "done"])
    assert explanation.run.order == ("leave", "look", "done")


def test_a_step_of_a_session_that_waits_is_kept() -> None:
    schedule = parse(DOCTORS.replace("name = 'bob'; }", "true; }"))
    explanation = explain_schedule(schedule, "read committed", ["leave", "leave_too", "done_too", "look", "done"])
    assert explanation.run.order == ("leave", "leave_too", "look", "done", "done_too")
    assert [event.kind for event in explanation.run.events] == ["done", "waits", "done", "done", "went on", "done"]


def test_unknown_and_repeated_steps_are_refused() -> None:
    with pytest.raises(InvalidParameterValue, match="has no step 'lok'") as caught:
        explain_schedule(parse(DOCTORS), None, ["lok"])
    assert "look, leave, done" in str(caught.value.hint)
    with pytest.raises(InvalidParameterValue, match="step 'look' is named 2 times"):
        explain_schedule(parse(DOCTORS), None, ["look", "look"])


# -- the judges


def test_a_true_cycle() -> None:
    (abort,) = explain_schedule(parse(DOCTORS), "ssi", INTERLEAVED).aborts
    assert (abort.name, abort.true_cycle) == ("bob", True)


def test_a_false_positive() -> None:
    """first -rw-> pivot -rw-> last, and no way back: SSI cannot know that nothing will close it."""
    explanation = explain_schedule(parse(THREE), "ssi", ["rx", "ry", "wy", "c3", "wx", "c2", "c1"])
    assert [(abort.name, abort.true_cycle) for abort in explanation.aborts] == [("pivot", False)]
    assert [link.kind for link in explanation.aborts[0].links] == ["rw", "rw"]


def test_nobody_judges_what_another_error_stops_too() -> None:
    """The second writer of a row fails at snapshot isolation as well, for another reason."""
    schedule = parse(DOCTORS.replace("name = 'bob'; }", "name = 'alice'; }"))
    (abort,) = explain_schedule(schedule, "ssi", ["leave", "look_too", "done", "leave_too", "done_too"]).aborts
    assert (abort.error.sqlstate, abort.true_cycle) == ("40001", None)


def test_a_cycle_that_does_no_harm() -> None:
    explanation = explain_schedule(parse(SAME), "read committed")
    assert [anomaly.code for anomaly in explanation.anomalies] == ["G-single"]
    assert explanation.verdict == "Read skew, but no harm: the outcome of writer, then reader"
    assert explanation.serializable


# -- the command


def test_it_prints_the_text(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(file), "--isolation", "si", "--permutation", " ".join(INTERLEAVED)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("━━ two doctors ━")
    assert "✗ Not serializable: write skew" in said


def test_it_writes_pictures(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beginnings = {"svg": "<svg ", "mermaid": "%% ", "dot": "digraph ", "html": "<!doctype html>"}
    targets = {kind: tmp_path / f"picture.{kind}" for kind in beginnings}
    options = [part for kind, target in targets.items() for part in (f"--{kind}", str(target))]
    assert main(["explain", str(file), "--isolation", "snapshot", *options]) == 0
    for kind, target in targets.items():
        assert target.read_text(encoding="utf-8").startswith(beginnings[kind])
    assert "write skew" in capsys.readouterr().out


def test_a_picture_on_standard_output_stands_alone(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(file), "--isolation", "snapshot", "--dot", "-"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("digraph ")
    assert said.endswith("}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--permutation", "look nothing"], "the schedule has no step 'nothing'"),
        (["--svg", "/nowhere/at/all.svg"], "cannot write /nowhere/at/all.svg"),
    ],
)
def test_what_cannot_be_done(
    file: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", str(file), "--isolation", "snapshot", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_files_that_are_no_schedules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(tmp_path / "none.spec")]) == 2
    wrong = tmp_path / "wrong.spec"
    wrong.write_text("session s\nsteep a { SELECT 1; }\n", encoding="utf-8")
    assert main(["explain", str(wrong)]) == 2
    said = capsys.readouterr().err
    assert "cannot read" in said
    assert "steep" in said


# -- the documentation


def block(kind: str) -> tuple[int, int]:
    """Where the first block of a kind in the documentation begins and ends."""
    text = DOCUMENT.read_text(encoding="utf-8")
    start = text.index(f"```{kind}\n") + len(f"```{kind}\n")
    return start, text.index("```", start)


def test_the_documented_example() -> None:
    """MINIDB_UPDATE_GOLDEN=1 writes text and picture anew."""
    document = DOCUMENT.read_text(encoding="utf-8")
    explanation = explain_schedule(parse(document[slice(*block("schedule"))], "report"), "snapshot")
    said = "\n".join(text(explanation, Painter(100))) + "\n"
    picture = DOCUMENT.with_name("explanation.svg")
    if os.environ.get("MINIDB_UPDATE_GOLDEN") == "1":
        start, end = block("text")
        DOCUMENT.write_text(document[:start] + said + document[end:], encoding="utf-8")
        picture.write_text(svg(explanation), encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8")[slice(*block("text"))] == said
    assert picture.read_text(encoding="utf-8") == svg(explanation)
