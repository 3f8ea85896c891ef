"""Faults: one rule of the engine is switched off, and the judge must notice, from what clients see.

A judge that never finds anything is worth nothing; each of these runs is clean without its fault.
"""

from __future__ import annotations

from typing import Any

import pytest

import minidb
from minidb.errors import OperationalError
from minidb.isolation import IsolationLevel
from minidb.lab.judge import judge
from minidb.lab.judge.client import Temper
from minidb.lab.judge.workload import Settings, run
from minidb.txn.claims import Claimer
from minidb.txn.conflicts import Conflicts
from minidb.txn.isolation.policy import Policy
from minidb.txn.isolation.read_committed import ReadCommitted
from minidb.txn.isolation.snapshot import Snapshot
from minidb.txn.isolation.two_phase import TwoPhaseLocking
from minidb.txn.locks import IntervalLocks
from minidb.txn.manager import Manager
from minidb.txn.notes import Entry
from minidb.txn.reads import Reader
from minidb.txn.transaction import Transaction
from minidb.txn.versions import PENDING

publish, begin, forget = Manager.publish, Conflicts.begin, Conflicts.forget


def too_early(manager: Manager, tickets: Any) -> None:
    """The next commit counts as published before it has happened."""
    publish(manager, tickets)
    manager.published += 1


def always_safe(conflicts: Conflicts, txn: Transaction) -> None:
    begin(conflicts, txn)
    if txn.read_only:
        conflicts.is_safe(txn)


class Everything(dict[Entry, str]):
    def __contains__(self, entry: object) -> bool:
        return True


def unnoted(reader: Reader, store: Any, index: Any, key: Any, locking: bool, notes: dict[Entry, str], *,
            find: Any = Reader.find_noted) -> Any:
    """What is read by its key counts as entered before."""
    return find(reader, store, index, key, locking, Everything())


def forgetful(conflicts: Conflicts, txn: Transaction) -> None:
    """With a committed transaction, what its readers know of it is forgotten, too."""
    for reader in txn.in_edges:
        reader.out_edges.pop(txn, None)
    txn.in_edges = {}
    forget(conflicts, txn)


def one_commit_old(manager: Manager, txn: Transaction, *, take: Any = Manager.take_snapshot) -> None:
    first = txn.snapshot < 0
    take(manager, txn)
    if first:
        txn.snapshot = max(txn.snapshot - 1, 0)


def no_readers(conflicts: Conflicts, first: Transaction, last: Transaction) -> bool:
    """A reader never counts as the first transaction of a dangerous structure."""
    return not (first.read_only or (first.number != PENDING and not first.wrote))


SNAPSHOT, SSI, TWO_PHASE, READ_COMMITTED = (
    IsolationLevel.SNAPSHOT, IsolationLevel.SSI, IsolationLevel.TWO_PHASE_LOCKING, IsolationLevel.READ_COMMITTED,
)
Fault = tuple[IsolationLevel, type, str, Any, set[str]]  # ..., and what must be found; none: anything
FAULTS: dict[str, Fault] = {
    "the first updater does not win": (SNAPSHOT, Snapshot, "changed", Policy.changed, {"lost update"}),
    "a snapshot for each statement": (SNAPSHOT, Snapshot, "keeps_snapshot", False, {"read skew"}),
    "a snapshot that is one commit old": (
        SNAPSHOT, Manager, "take_snapshot", one_commit_old, {"read skew against the order of time"},
    ),
    "published out of turn": (SNAPSHOT, Manager, "publish", too_early, {"read skew"}),
    "versions vanish that are still read": (
        SNAPSHOT, Manager, "oldest_view", lambda self: self.published, {"read skew"},
    ),
    "READ COMMITTED reads what is not committed": (
        READ_COMMITTED, ReadCommitted, "reads_uncommitted", True,
        {"aborted read", "intermediate read", "circular information flow"},
    ),
    "no dangerous structure is broken": (SSI, Conflicts, "doom", lambda *_: None, {"write skew"}),
    "ranges are not noted": (SSI, Conflicts, "note", lambda *_: None, {"write skew"}),
    "keys are not noted": (SSI, Reader, "find_noted", unnoted, {"write skew"}),
    "ranges are not gathered": (SSI, Conflicts, "gather", lambda *_: None, {"write skew"}),
    "readers are overlooked": (SSI, Conflicts, "others_at", lambda *_: [], {"write skew"}),
    "writers do not ask for marks": (SSI, Claimer, "may_stand", lambda *_: True, {"write skew"}),
    "every read-only transaction is safe": (SSI, Conflicts, "begin", always_safe, {"read-only anomaly"}),
    "readers never count": (SSI, Conflicts, "counts", no_readers, {"read-only anomaly"}),
    "intervals are not locked": (TWO_PHASE, TwoPhaseLocking, "read", Policy.read, {"lost update", "write skew"}),
    "keys are not locked": (TWO_PHASE, TwoPhaseLocking, "read_key", lambda *_: True, {"non-repeatable read"}),
    "writers do not ask for intervals": (TWO_PHASE, IntervalLocks, "hinder", lambda *_: False, {"lost update"}),
    "writers are not waited for": (TWO_PHASE, TwoPhaseLocking, "awaits_writers", False, {"read skew"}),
}
SEEDS = 12  # a rare fault needs more than one run
OFTEN = Temper(steps=6, read_only=0.2)
SETTINGS = {
    "readers never count": (500, 6, OFTEN),
    "keys are not noted": (200, 5, OFTEN),
}


def settings(name: str, seed: int) -> Settings:
    transactions, keys, temper = SETTINGS.get(name, (200, 9, OFTEN))
    return Settings((FAULTS[name][0],), transactions, seed, 6, keys, temper=temper)


def read_only_anomaly() -> bool:
    """Whether a reader may see an order that the others contradict: two -rw-> one, which is over when three begins, and
    three -rw-> two. Random runs meet this too rarely."""
    with minidb.Database(":memory:") as database:
        database.connect(autocommit=True).executescript("CREATE TABLE t (k int PRIMARY KEY, v int); "
                                                        "INSERT INTO t VALUES (1, 0), (2, 0)")
        one, two, three = (database.connect(isolation_level="serializable") for _ in range(3))
        two.execute("SELECT v FROM t WHERE k = 1").fetchall()
        one.execute("UPDATE t SET v = 1 WHERE k = 1")
        one.commit()
        three.execute("SELECT v FROM t WHERE k = 1").fetchall()
        two.execute("UPDATE t SET v = 1 WHERE k = 2")
        two.commit()
        try:
            three.execute("SELECT v FROM t WHERE k = 2").fetchall()
            three.commit()
        except minidb.SerializationFailure:
            return False
        return True


def test_edges_are_not_forgotten_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not read_only_anomaly()
    monkeypatch.setattr(Conflicts, "forget", forgetful)
    assert read_only_anomaly()


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, owner, attribute, replacement, expected = FAULTS[name]
    monkeypatch.setattr(owner, attribute, replacement)
    monkeypatch.setattr(Manager, "commit_at_once", lambda *_: False)  # every commit is published by `publish`
    found: set[str] = set()
    for seed in range(SEEDS):
        found |= {anomaly.name for anomaly in judge(run(settings(name, seed)).history, census=False).forbidden}
        if found and found >= expected:
            return
    pytest.fail(f"only found {found}")


def test_a_wait_that_never_ends_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minidb.txn.lock_waits.find_cycle", lambda request: None)
    with pytest.raises(OperationalError, match=r"nobody can go on, and no deadlock was found: process \d waits for"):
        run(Settings((TWO_PHASE,), transactions=500, seed=0))
