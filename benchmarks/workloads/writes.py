"""Writing by one client: an update that is a transaction of its own, and TPC-B's five statements."""

from __future__ import annotations

from benchmarks.dataset import BALANCE, BRANCH, BRANCHES, DEPOSIT, HISTORY, TELLER, TELLERS, scattered
from benchmarks.engines.interface import Durability, Level, Session
from benchmarks.workloads.interface import Goal
from benchmarks.workloads.single import Single, Step


def update(session: Session, rows: int) -> Step:
    deposit = session.prepare(DEPOSIT)
    return lambda i: deposit(1, scattered(i, rows))


def transfer(session: Session, rows: int) -> Step:
    """The transaction of TPC-B: account, its new balance, teller, branch, history."""
    deposit, balance, history = session.prepare(DEPOSIT), session.prepare(BALANCE), session.prepare(HISTORY)
    add_to_teller, add_to_branch = session.prepare(TELLER), session.prepare(BRANCH)

    def transaction(i: int) -> None:
        account, teller = scattered(i, rows), i % TELLERS
        session.begin(Level.READ_COMMITTED)
        deposit(5, account)
        balance(account)
        add_to_teller(5, teller)
        add_to_branch(5, teller % BRANCHES)
        history(teller, teller % BRANCHES, account, 5)
        session.commit()

    return transaction


DURABLE = Durability.DURABLE
WRITES = (
    Single("update", "update by key, each its own transaction, not synced", Goal(0.8, 1.3), 2000, update),
    Single("update-durable", "the same, durable", Goal(1, 1.1), 500, update, DURABLE),
    Single("tpcb", "TPC-B transaction (5 statements), not synced", Goal(0.8, 1.3), 500, transfer),
    Single("tpcb-durable", "the same, durable", Goal(1, 1.3), 300, transfer, DURABLE),
)
