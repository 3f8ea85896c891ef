"""Random runs: nothing forbidden at any level, what is allowed does happen, and one seed gives one history."""

from __future__ import annotations

from typing import Any

import pytest

from minidb.database import Database
from minidb.isolation import IsolationLevel
from minidb.lab.judge import Verdict, dump, judge, load
from minidb.lab.judge.appends import APPENDS
from minidb.lab.judge.client import Temper
from minidb.lab.judge.designs import DESIGNS, Design, lock, read, read_range
from minidb.lab.judge.threads import run_in_threads
from minidb.lab.judge.verdict import Seen
from minidb.lab.judge.workload import LEVELS, Settings, run

MODES = {**{level.value: (level,) for level in LEVELS}, "mixed": LEVELS}
HAPPENS = {
    "read uncommitted": {"aborted read", "intermediate read", "circular information flow", "lost update", "write skew"},
    "read committed": {"lost update", "non-repeatable read", "read skew", "long fork", "write skew"},
    "snapshot": {"write skew", "read-only anomaly"},
}


def names(seen: Seen) -> set[str]:
    return {name for _, name in seen}


@pytest.mark.parametrize("mode", MODES)
def test_runs_are_clean_and_show_what_is_allowed(mode: str) -> None:
    workload = run(Settings(MODES[mode], transactions=300, seed=3, sessions=6, keys=6, temper=Temper()))
    verdict = judge(workload.history)
    assert verdict.clean, verdict.forbidden
    assert workload.committed >= 300
    assert names(verdict.allowed) >= HAPPENS.get(mode, set())
    if mode in ("2pl", "ssi", "serial"):
        assert not verdict.allowed


@pytest.mark.parametrize("design", [design.name for design in DESIGNS])
def test_every_design_is_faithful(design: str) -> None:
    verdict = judge(run(Settings(LEVELS, transactions=60, seed=1, sessions=6, keys=2, designs=(design,))).history)
    assert verdict.clean, verdict.forbidden


def test_one_seed_gives_one_history() -> None:
    settings = Settings(LEVELS, transactions=60, seed=5)
    first = dump(run(settings).history)
    assert dump(run(settings).history) == first
    assert dump(run(Settings(LEVELS, transactions=60, seed=6)).history) != first


def test_a_verdict_on_a_file_is_the_same() -> None:
    history = run(Settings((IsolationLevel.READ_COMMITTED,), transactions=100, seed=2)).history
    known, again = judge(history), judge(load(dump(history)))
    assert (again.allowed, again.forbidden) == (known.allowed, known.forbidden)


def test_all_orders_are_read_at_the_end() -> None:
    verdict = judge(run(Settings(LEVELS, transactions=100, seed=4)).history)
    assert verdict.observations.unseen == {}


def test_threads_are_clean() -> None:
    verdict: Verdict = judge(run_in_threads(Settings(LEVELS, transactions=150, seed=1, sessions=4)).history)
    assert verdict.clean, verdict.forbidden


# -- designs


class Table:
    """A design's tables in a database of their own."""

    def __init__(self, design: Design) -> None:
        self.session = Database(background=False).session(autocommit=True, durability="off")
        for sql in design.tables:
            self.session.execute(sql)
        if design.prepared:
            for key in range(8):
                self.run(f"INSERT INTO {design.name} (key, size, list) VALUES (?, 0, '')", key)

    def run(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        result = self.session.execute(sql, parameters)
        return [] if result.columns is None else list(result)

    def plan(self, sql: str) -> str:
        return str(self.run(f"EXPLAIN {sql}")[0][0])


STYLES = [(design, style) for design in DESIGNS for style in dict.fromkeys(design.styles(IsolationLevel.SSI))]


@pytest.mark.parametrize(("design", "style"), STYLES, ids=[f"{design.name}-{style}" for design, style in STYLES])
def test_each_way_to_append_appends(design: Design, style: str) -> None:
    table = Table(design)
    for key, item in ((3, 10), (4, 20), (3, 11), (3, 12)):
        for _ in APPENDS[style](design, table.run, key, item):
            pass
    assert read(design, table.run, 3) == (10, 11, 12)
    assert read_range(design, table.run, 2, 4) == {2: (), 3: (10, 11, 12), 4: (20,)}
    assert lock(design, table.run, 3) in (None, (10, 11, 12))


PATHS = {
    "heap": "Index Scan using heap_pkey",
    "clustered": "Clustered Scan using clustered_pkey",
    "secondary": "Index Scan using secondary_shelf",
    "covering": "Index Only Scan using covering_shelf",
    "moving": "Index Scan using moving_shelf",
    "migrating": "Clustered Scan using migrating_pkey",
}


@pytest.mark.parametrize("name", PATHS)
def test_ranges_are_read_through_the_path_of_the_design(name: str) -> None:
    (design,) = (design for design in DESIGNS if design.name == name)
    column = design.column
    query = f"SELECT {column}, list FROM {name} WHERE {column} BETWEEN 3 AND 5"
    assert Table(design).plan(query).startswith(PATHS[name])


def test_items_are_read_through_a_covering_index() -> None:
    (design,) = (design for design in DESIGNS if design.name == "covered")
    query = "SELECT shelf, item FROM covered WHERE shelf BETWEEN 3 AND 5 ORDER BY shelf, position"
    assert Table(design).plan(query).startswith("Index Only Scan using covered_shelf")
