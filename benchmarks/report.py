"""The table: one line for each workload, medians with spread, ratios to sqlite3 beside what is demanded."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.charts import Bar, ratio_chart
from benchmarks.document import replace_part, write_chart
from benchmarks.runner import Measured
from benchmarks.spread import Spread, ratios, spread
from benchmarks.workloads.all import WORKLOADS
from benchmarks.workloads.interface import Figure, Goal, Unit, Workload

PART = "measured"
TITLES = {
    "minidb": "minidb",
    "minidb-off": "minidb, off",
    "sqlite": "sqlite3",
    "duckdb": "DuckDB",
    "postgres": "PostgreSQL",
    "handwritten": "by hand",
}
OURS, YARDSTICK = "minidb", "sqlite"


class Sitting(msgspec.Struct):
    """All that one run has measured, where, and what whoever ran it has to say."""

    machine: str
    versions: list[str]
    rows: int
    rounds: int
    measured: list[Measured]
    note: str = ""


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, CPython {platform.python_version()}"


def table(sitting: Sitting) -> list[str]:
    keys = [key for key in TITLES if any(key in m.figures for m in sitting.measured)]
    head = ["work", *(TITLES[key] for key in keys), "ratio to sqlite3", "must", "aim", ""]
    lines = [line(head), "|---|" + "---:|" * (len(head) - 2) + "---|"]
    return lines + [line(cells(measured, keys)) for measured in sitting.measured]


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def cells(measured: Measured, keys: Sequence[str]) -> list[str]:
    workload = workload_of(measured)
    figures = [shown(measured.figures.get(key, []), workload.unit) for key in keys]
    return [workload.title, *figures, *judged(workload, measured)]


def workload_of(measured: Measured) -> Workload:
    return next(workload for workload in WORKLOADS if workload.key == measured.workload)


def shown(figures: Sequence[Figure], unit: Unit) -> str:
    if not figures:
        return "-"
    found = spread([figure.value for figure in figures])
    retries = spread([figure.retries for figure in figures]).median
    suffix = "" if unit is Unit.PER_SECOND else f" {unit.value}"
    again = f", {retries:.2f} retries each" if retries >= 0.005 else ""
    return f"{number(found.median)}{suffix} ({number(found.low)} to {number(found.high)}{again})"


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:,.2f}"


def judged(workload: Workload, measured: Measured) -> list[str]:
    """The ratio, what is demanded, and what to say of it."""
    ratio = ratio_of(workload, measured)
    text = f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})" if ratio else "-"
    goal = workload.goal
    if goal is None:
        return [text, "-", "-", ""]
    unit = f" {workload.unit.value}" if goal.absolute else ""
    return [text, f"{goal.must:g}{unit}", f"{goal.aim:g}{unit}", verdict(goal, workload, measured, ratio)]


def ratio_of(workload: Workload, measured: Measured) -> Spread | None:
    ours, theirs = ([figure.value for figure in measured.figures.get(key, [])] for key in (OURS, YARDSTICK))
    found = ratios(ours, theirs)
    return spread(found) if found else None


def verdict(goal: Goal, workload: Workload, measured: Measured, ratio: Spread | None) -> str:
    if goal.absolute:
        value = spread([figure.value for figure in measured.figures[OURS]]).median if OURS in measured.figures else None
    else:
        value = ratio.median if ratio else None
    if value is None:
        return ""
    if not reaches(value, goal.must, workload.unit):
        return "**below**"
    return "aim reached" if reaches(value, goal.aim, workload.unit) else ""


def reaches(value: float, goal: float, unit: Unit) -> bool:
    return value >= goal if unit.more_is_better else value <= goal


def summary(sitting: Sitting) -> str:
    return (
        f"Measured on {time.strftime('%Y-%m-%d')}: {', '.join(sitting.versions)}; {sitting.machine}; {sitting.rows:,} "
        f"rows, median of {sitting.rounds} rounds (least to greatest).{sitting.note and ' '}{sitting.note}"
    )


def bars(sitting: Sitting) -> list[Bar]:
    """minidb's throughput beside sqlite3's, in the order of the table."""
    found = []
    for measured in sitting.measured:
        workload = workload_of(measured)
        ratio = ratio_of(workload, measured)
        if ratio and workload.unit.more_is_better:
            must = workload.goal.must if workload.goal else None
            found.append(Bar(workload.key, ratio.median, must, ratio.median >= (must or 0)))
    return found


def write(path: Path, sitting: Sitting) -> None:
    """Replaces the table and its chart in the document."""
    chart = ratio_chart("Throughput of minidb beside sqlite3 (1: the same; stroke: must)", bars(sitting))
    shown = write_chart(path, "beside-sqlite3", chart)
    replace_part(path, PART, [summary(sitting), "", *table(sitting), "", shown])
