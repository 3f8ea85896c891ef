"""Serializable levels, alone and mixed, are serializable together; weaker levels are not, and the judge sees it (R59).

See `histories`. Each parameter plays some hundred histories; a failure prints the first bad one as a transcript.
"""

from __future__ import annotations

import pytest
from histories import Theatre

MIXED = ("ssi", "ssi", "2pl", "2pl", "serial")

def play(table: str, levels: tuple[str, ...], seeds: range, checkpoints: float, leaf_bytes: int | None = None) -> int:
    """Plays histories until one is bad (and returns its place), or all are good (0)."""
    theatre = Theatre(table, leaf_bytes=leaf_bytes)
    for number, seed in enumerate(seeds, 1):
        history = theatre.play(seed, levels, checkpoints)
        if history.fault() is not None:
            print(f"seed {seed}: {history.fault()}\n{history}")
            return number
    theatre.database.check()
    theatre.close()
    return 0


@pytest.mark.parametrize(
    "table, levels, seeds, checkpoints",
    [
        ("heap", ("ssi",), range(500), 0.0),
        ("heap", ("ssi",), range(1000, 1300), 0.1),
        ("clustered", ("ssi",), range(2000, 2400), 0.03),
        ("heap", ("2pl",), range(3000, 3250), 0.03),
        ("clustered", ("2pl",), range(4000, 4250), 0.03),
        ("heap", MIXED, range(5000, 5500), 0.03),
        ("clustered", MIXED, range(6000, 6500), 0.1),
        ("clustered", ("serial",), range(7000, 7050), 0.03),
    ],
)
def test_serializable_levels_are_serializable(table: str, levels: tuple[str, ...], seeds: range,
                                              checkpoints: float) -> None:
    assert play(table, levels, seeds, checkpoints) == 0


@pytest.mark.parametrize("level", ["read uncommitted", "read committed", "snapshot"])
def test_the_judge_finds_what_weaker_levels_allow(level: str) -> None:
    assert play("heap", (level,), range(400), 0.03) > 0


@pytest.mark.parametrize("levels", [("ssi",), MIXED, ("read committed", "snapshot", "ssi", "2pl", "read uncommitted")])
def test_nothing_is_left_behind(levels: tuple[str, ...]) -> None:
    """After a hundred histories nobody holds or remembers anything."""
    theatre = Theatre("heap")
    for seed in range(100):
        theatre.play(seed, levels, 0.05)
    manager, store = theatre.database.manager, next(iter(theatre.database.relations.stores.values()))
    assert not manager.active
    assert not manager.views
    assert not manager.table_locks
    assert manager.database_lock.idle
    assert not store.row_locks
    assert not store.intervals.active
    assert not manager.conflicts.marks
    assert not manager.conflicts.readers
    assert not manager.conflicts.active
    assert not manager.conflicts.committed
    theatre.database.checkpoint()
    assert not store.chains
    assert not store.addresses
    theatre.close()
