"""Reading: one row, twenty, and all of them."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.dataset import COVERED, EVERYTHING, FILTERED, GROUPED, JOINED, POINT, RANGE, Statement, scattered
from benchmarks.engines.interface import Engine, Session
from benchmarks.stable import Stable
from benchmarks.workloads.interface import Goal
from benchmarks.workloads.single import Single, Step

WIDTH = 20


def point(session: Session, rows: int) -> Step:
    account_of = session.prepare(POINT)
    return lambda i: account_of(scattered(i, rows))


def short_range(statement: Statement) -> Callable[[Session, int], Step]:
    def step(session: Session, rows: int) -> Step:
        find = session.prepare(statement)

        def find_twenty(i: int) -> object:
            low = scattered(i, rows - WIDTH)
            return find(low, low + WIDTH - 1)

        return find_twenty

    return step


def whole(statement: Statement) -> Callable[[Session, int], Step]:
    def step(session: Session, rows: int) -> Step:
        ask = session.prepare(statement)
        return lambda i: ask()

    return step


class ByColumns(Single):
    """On a table that is kept by columns. Those that have no such choice answer as they always do; of them only the
    yardstick and the one that keeps all its tables so are asked again."""

    def supports(self, engine: Engine) -> bool:
        return engine.chooses_columns or engine.key in ("sqlite", "duckdb")

    def session(self, stable: Stable, engine: Engine) -> Session:
        return stable.session_by_columns(engine, self.durability)


READS = (
    Single("point", "point select by primary key", Goal(1.5, 2), 3000, point),
    Single("range", "20 rows in a range of a secondary index, all columns", Goal(0.9, 1.3), 500, short_range(RANGE)),
    Single("covering", "the same, covering index", Goal(1.2, 2), 500, short_range(COVERED)),
    Single("aggregate", "`count, sum, avg WHERE balance % 7 = 3`, all rows", Goal(0.8, 1), 5, whole(FILTERED)),
    Single("group", "GROUP BY (100 groups), all rows", Goal(1.2, 1.8), 3, whole(GROUPED)),
    ByColumns("aggregate-columns", "the filtered aggregate, table by columns", Goal(4, 4), 20, whole(FILTERED)),
    ByColumns("group-columns", "the GROUP BY, table by columns", Goal(8, 8), 20, whole(GROUPED)),
    Single("join", "join of two tables, group, top 10", Goal(1.3, 2.5), 3, whole(JOINED)),
    Single("fetch", "fetch all rows", Goal(5, 15), 2, whole(EVERYTHING)),
)
