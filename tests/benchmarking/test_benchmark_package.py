"""The benchmarks work: every workload runs, and all engines give the same answers to every statement."""

from __future__ import annotations

from math import log2
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import latency
from benchmarks.charts import Bar, Series, line_chart, ratio_chart
from benchmarks.dataset import BALANCE, COVERED, DEPOSIT, EVERYTHING, FILTERED, GROUPED, JOINED, POINT, RANGE, Statement
from benchmarks.document import begin, end, replace_part
from benchmarks.engines.choose import engine_of
from benchmarks.engines.interface import Durability, Engine, Level
from benchmarks.growth import crowding, levels, report, sizes
from benchmarks.growth.model import TreeSize, fit, misses, tried
from benchmarks.report import Sitting, machine, table, write
from benchmarks.runner import due, measure
from benchmarks.spread import percentile, ratios, spread
from benchmarks.stable import stable
from benchmarks.workloads.all import WORKLOADS, chosen
from benchmarks.workloads.crowd import Crowd
from benchmarks.workloads.places import Memory, Opening, Size

ROWS = 200
SLOW = (Memory, Opening, Size)  # they start processes, or load again and again
ASKED: list[tuple[Statement, tuple[Any, ...]]] = [
    (POINT, (7,)), (RANGE, (10, 29)), (COVERED, (10, 29)), (FILTERED, ()), (GROUPED, ()), (JOINED, ()),
    (EVERYTHING, ()), (BALANCE, (3,)),
]


@pytest.fixture
def engines() -> list[Engine]:
    return [engine_of(key) for key in ("minidb", "sqlite", "handwritten")]


def comparable(answer: Any) -> Any:
    """Rows in one order, numbers without their types: an average is a Decimal here and a float there."""
    rows = answer if isinstance(answer, list) else [answer]
    return sorted(tuple(value if isinstance(value, str) else float(f"{value:.9g}") for value in row) for row in rows)


def test_all_engines_answer_alike(engines: list[Engine]) -> None:
    answers = []
    with stable(ROWS, 0.01) as place:
        for engine in engines:
            session = place.session(engine, Durability.WRITTEN)
            session.begin(Level.SNAPSHOT)
            session.prepare(DEPOSIT)(5, 3)
            session.commit()
            session.begin(Level.SERIALIZABLE)
            session.prepare(DEPOSIT)(1000, 4)
            session.rollback()
            answers.append([comparable(session.prepare(statement)(*values)) for statement, values in ASKED])
    for other in answers[1:]:
        for (statement, _), ours, theirs in zip(ASKED, answers[0], other):
            if statement is JOINED:  # equal totals at the tenth place may be anybody's
                ours, theirs = (sorted(row[2] for row in rows) for rows in (ours, theirs))
            assert ours == theirs, statement.name


def test_every_workload_runs_and_is_reported(engines: list[Engine], tmp_path: Path) -> None:
    workloads = [workload for workload in WORKLOADS if not isinstance(workload, SLOW)]
    crowds = [workload for workload in workloads if isinstance(workload, Crowd)]
    alone = [workload for workload in workloads if workload not in crowds]
    sitting = Sitting(machine(), [engine.version() for engine in engines], ROWS, 1, [])
    with stable(ROWS, 0.01, effort=0.01) as place:
        sitting.measured.extend(measure(alone, engines, place, 1, 0.05))
        patient = [engine for engine in engines if engine.key != "sqlite"]  # its threads sleep while they wait
        sitting.measured.extend(measure(crowds, patient, place, 1, 0.05))
    lines = table(sitting)
    assert len(lines) == 2 + len(workloads)
    assert all(line.count("|") == lines[0].count("|") for line in lines)
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{begin('measured')}\nold\n{end('measured')}\nafter\n")
    write(document, sitting)
    text = document.read_text()
    assert text.startswith("before") and text.endswith("after\n") and "old" not in text
    assert "TPC-B" in text
    ElementTree.parse(tmp_path / "performance" / "beside-sqlite3.svg")


@pytest.mark.parametrize("key", ["open", "size", "memory"])
def test_places_are_measured_in_processes_of_their_own(key: str) -> None:
    (workload, *_), engine = chosen(key), engine_of("minidb")
    with stable(ROWS, 0.01) as place:
        assert workload.prepare(place, engine)().value > 0


def test_growth_is_measured_and_told(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    chart = report.charts_of(document)
    text = "\n".join(report.sizes(sizes.measure([100, 200, 400], 1 << 20, 0.01), 1 << 20, chart))
    assert "foretold" in text and "growth-changes" in text
    found = crowding.snapshots([1, 3], 100, 0.01)
    assert [x for x, _ in found["update"]] == [1, 3]
    assert "| 3 |" in "\n".join(report.points("t", "w", "snapshots", "us", found, chart, "x"))
    assert len(list(report.levels(levels.measure(100, 0.01)))) > 8


def test_latency_is_measured_beside_each_disturber() -> None:
    with stable(100, 0.01) as place:
        cells = list(latency.measure(place.database(engine_of("minidb"), Durability.WRITTEN), 100, 0.005))
    assert len(cells) == 2 * len(latency.DISTURBERS)


def test_a_model_finds_the_line_that_made_its_costs() -> None:
    model = fit("rows", {10: 25.0, 100: 205.0, 1000: 2005.0})
    assert (round(model.fixed, 6), round(model.slope, 6)) == (5, 2)


def test_a_model_foretells_what_does_not_fit_the_cache() -> None:
    """10 bytes a row in leaves of 10 rows, one of which is looked at: 2 us a level, 50 us if it is not cached."""
    sizes = {rows: TreeSize(rows / 10, rows * 10.0, 0.0) for rows in (64, 256, 1024, 4096)}
    trees = {rows: {"account_opened": size} for rows, size in sizes.items()}
    missed = {rows: misses("covering range of 20", trees[rows], 5120) for rows in sizes}
    assert missed == {64: 0, 256: 0, 1024: 0.5, 4096: 0.875}
    costs = {rows: 3 + 2 * log2(rows) + 50 * missed[rows] for rows in sizes}
    trial = tried("log2(rows)", "covering range of 20", costs, trees, 5120)
    assert (trial.rows, trial.misses, trial.measured) == (4096, 0.875, costs[4096])
    assert trial.foretold is not None and round(trial.foretold, 6) == round(costs[4096], 6)
    assert trial.model.miss is not None and round(trial.model.miss, 6) == 50
    del costs[1024]
    unknown = tried("log2(rows)", "covering range of 20", costs, trees, 5120)
    assert unknown.foretold is None, "no cost of a miss is known"


def test_figures() -> None:
    assert spread([3, 1, 2]).median == 2
    assert ratios([2, 6], [1, 2]) == [2, 3]
    assert percentile(list(range(1000)), 0.999) == 999
    assert [due(shares, 5) for shares in (0.5, 2, 9)] == [5, 2, 1]


def test_charts_are_well_formed() -> None:
    bars = [Bar("a < b", 0.5, 0.8, False), Bar("b", 30.0, None, True)]
    for svg in (ratio_chart("t & u", bars), line_chart("t", "x", "y", [Series("s", [(1, 2.0), (100, 3.0)], True)])):
        assert "prefers-color-scheme: dark" in svg
        ElementTree.fromstring(svg)


def test_a_part_that_is_not_there_is_refused(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("nothing")
    with pytest.raises(SystemExit):
        replace_part(document, "measured", [])
