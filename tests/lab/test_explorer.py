"""The explorer: it agrees with trying everything one by one, with the demos, and with what each level promises."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from scenes import programs
from schedules import outcomes, random_schedule

from minidb.isolation import IsolationLevel
from minidb.lab import Exploration, Schedule, explain, explore, load, parse, shrink, text_of
from minidb.lab.demo import Demo, Scene
from minidb.lab.demos import DEMOS
from minidb.lab.matrix import rows
from minidb.lab.theatre import Theatre

SPECS = Path(__file__).parents[3] / "shared" / "conformance" / "isolation" / "specs"
GOLDEN = Path(__file__).parent / "golden" / "explorations"
LEVELS = list(IsolationLevel)
SERIALIZABLE = (IsolationLevel.TWO_PHASE_LOCKING, IsolationLevel.SSI, IsolationLevel.SERIAL)
OWN_ANOMALY = {
    "G0": "dirty write", "G1a": "aborted read", "G1b": "intermediate read", "G1c": "circular information flow",
    "OTV": "observed transaction vanishes", "PMP": "phantom", "P4": "lost update", "G-single": "read skew",
    "G2-item": "write skew", "G2": "predicate write skew", "read-only": "read-only transaction anomaly",
}
SKEW = """
setup { CREATE TABLE doctor (name text PRIMARY KEY, on_call boolean) }
setup { INSERT INTO doctor VALUES ('a', true), ('b', true) }
session alice
setup { BEGIN; }
step a1 { SELECT count(*) FROM doctor WHERE on_call; }
step a2 { SELECT 1; }
step a3 { UPDATE doctor SET on_call = false WHERE name = 'a' AND (SELECT count(*) > 1 FROM doctor WHERE on_call); }
step a4 { COMMIT; }
session bob
setup { BEGIN; }
step b1 { SELECT count(*) FROM doctor WHERE on_call; }
step b2 { UPDATE doctor SET on_call = false WHERE name = 'b' AND (SELECT count(*) > 1 FROM doctor WHERE on_call); }
step b3 { COMMIT; }
session carol
step c1 { SELECT 2; }
invariant { SELECT count(*) > 0 FROM doctor WHERE on_call }
"""


def described(found: Exploration) -> str:
    """An exploration on one line."""
    names = sorted(f"{f.anomaly.name} {f.interleavings}" for f in found.findings.values())
    retried = [f"{state} {count}" for state, count in sorted(found.retried.items())]
    verdict = "serializable" if found.serializable else f"{found.wrong} not serializable: {', '.join(names)}"
    failures = f"; {', '.join(retried)}" + (f" ({found.false_positives} needlessly)" if found.false_positives else "")
    return (
        f"{found.possible} can happen, {found.performed} tried, {len(found.outcomes)} outcomes, {verdict}"
        + (failures if retried else "")
    )


def check_golden(name: str, lines: Sequence[str]) -> None:
    path = GOLDEN / f"{name}.txt"
    text = "\n".join(lines) + "\n"
    if os.environ.get("MINIDB_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


# -- reduction


@pytest.mark.parametrize("seed", range(24))
def test_reduction_loses_nothing(seed: int) -> None:
    """The same outcomes as with every interleaving one by one, and the classes are together all of these."""
    schedule, random = random_schedule(seed), Random(seed)
    mixed = {actor.name: random.choice(LEVELS) for actor in schedule.actors}
    levels = mixed if seed % 3 == 0 else random.choice(LEVELS)
    every, counted, performed = outcomes(schedule, levels, reduce=False)
    some, possible, tried = outcomes(schedule, levels, reduce=True)
    assert some == every
    assert counted == performed == possible
    assert tried <= performed


def test_without_blocking_the_classes_are_all_interleavings() -> None:
    found = explore(parse(SKEW), level="snapshot")
    assert found.possible == found.total == 280
    assert found.performed < 20


def test_what_was_explored_twice_is_the_same() -> None:
    first, second = (explore(parse(SKEW), level="ssi") for _ in range(2))
    assert [o.witness for o in first.outcomes] == [o.witness for o in second.outcomes]


# -- what the levels promise


@pytest.mark.parametrize("spec", sorted(SPECS.glob("*.spec")) or [None], ids=lambda spec: spec and spec.stem)
def test_specs(spec: Path | None) -> None:
    if spec is None:
        pytest.skip("the public isolation specs are not here")
    schedule, lines = load(spec), []
    for level in LEVELS:
        found = explore(schedule, level=level)
        if level in SERIALIZABLE:
            assert found.serializable, level
        assert "no serial order gives these answers" not in [f.anomaly.name for f in found.findings.values()]
        lines.append(f"{level}: {described(found)}")
    check_golden(spec.stem, lines)


@pytest.mark.parametrize("demo, scene", [pytest.param(*row, id=row[1].row) for row in rows(DEMOS)])
def test_demos_agree_with_the_matrix(demo: Demo, scene: Scene) -> None:
    """What a demo shows to happen at a level is found there; what it shows to be prevented is in no interleaving."""
    own = OWN_ANOMALY[scene.row.split()[0]]
    with Theatre() as theatre:
        for level in LEVELS:
            if scene.level is not None and level != scene.level:
                continue
            found = explore(scene.setup, programs(scene), level=level)
            names = {finding.anomaly.name for finding in found.findings.values()}
            assert (own in names) is theatre.play(scene, level).verdict.happened, (level, names)
            assert found.serializable or level not in SERIALIZABLE


# -- findings


def test_an_invariant_is_a_finding() -> None:
    found = explore(parse(SKEW), level="snapshot")
    assert found.broken and not found.good
    assert {f.anomaly.code for f in found.findings.values()} == {"G2-item", "invariant"}
    assert explore(parse(SKEW), level="ssi").good


def test_a_witness_is_shrunk_and_replays() -> None:
    schedule = parse(SKEW)
    finding = next(iter(explore(schedule, level="snapshot").findings.values()))
    small = shrink(schedule, finding, "snapshot")
    assert [actor.name for actor in small.actors] == ["alice", "bob"]
    assert "a2" not in small.steps, "a step that does not matter is left out"
    again = parse(text_of(small))
    assert finding.anomaly.name in [f.anomaly.name for f in explore(again, level="snapshot").findings.values()]


def test_the_reason_in_words() -> None:
    story = explain(explore(parse(SKEW), level="snapshot"))
    assert story.verdict == "Not serializable: write skew"
    assert [edge.kind for edge in story.anomalies[0].cycle] == ["rw", "rw"]


def test_needless_aborts_are_counted() -> None:
    """Each has read the other's row before it was changed, but nobody stands behind: no cycle without the third."""
    schedule = parse("""
        setup { CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1), (2, 2), (3, 3); }
        session a
        setup { BEGIN; }
        step a1 { SELECT v FROM t WHERE id = 1; }
        step a2 { UPDATE t SET v = 0 WHERE id = 3; }
        step a3 { COMMIT; }
        session b
        setup { BEGIN; }
        step b1 { SELECT v FROM t WHERE id = 2; }
        step b2 { UPDATE t SET v = 0 WHERE id = 1; }
        step b3 { COMMIT; }
        session c
        setup { BEGIN; }
        step c1 { UPDATE t SET v = 0 WHERE id = 2; }
        step c2 { COMMIT; }
    """)
    found = explore(schedule, level="ssi")
    assert found.retried["40001"] == found.false_positives > 0
    assert explore(schedule, level="snapshot").serializable


def test_samples_say_so() -> None:
    schedule: Schedule = parse(SKEW)
    sample = explore(schedule, level="snapshot", sample=30, seed=1)
    assert sample.sample and sample.performed == 30
    assert not sample.serializable, "thirty random orders of these find it"
    bounded = explore(schedule, level="ssi", most=3)
    assert bounded.sample and bounded.performed == 3
