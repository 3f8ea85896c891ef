"""Statements as text that differ only in their literals, as programs write them that know no parameters."""

from __future__ import annotations

from benchmarks.dataset import BRANCHES, scattered
from benchmarks.engines.interface import Session
from benchmarks.workloads.interface import Goal
from benchmarks.workloads.single import Single, Step

COMPLEX = (
    "SELECT b.name, count(*), sum(a.balance) AS total FROM account a JOIN branch b ON b.id = a.branch "
    "WHERE a.id BETWEEN {low} AND {high} AND a.balance > {least} AND b.name <> 'branch {other}' "
    "GROUP BY b.name HAVING count(*) < 1{other} ORDER BY total DESC, b.name LIMIT 5"
)


def simple(session: Session, rows: int) -> Step:
    ask = session.ask
    return lambda i: ask(f"SELECT owner FROM account WHERE id = {scattered(i, rows)}")


def involved(session: Session, rows: int) -> Step:
    ask = session.ask

    def step(i: int) -> object:
        low = scattered(i, rows - 5)
        return ask(COMPLEX.format(low=low, high=low + 4, least=i % 1000, other=i % BRANCHES))

    return step


TEXTS = (
    Single("literals", "statements that differ only in their literals, simple", Goal(0.4, 0.8), 1000, simple,
           with_sql=True),
    Single("literals-complex", "the same, complex (join, group, top 5)", Goal(0.4, 0.8), 300, involved, with_sql=True),
)
