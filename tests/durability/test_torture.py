"""A small piece of `make torture`: crashes, damaged files, real threads (`simulation`, `corruption`, `threads`)."""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path

import pytest
from corruption import damage_often, look, specimen
from crash_world import contents
from simulation import Figures, Life, campaign, crash_everywhere, open_quietly, small_sizes
from threads import Bank

from minidb.errors import Error
from minidb.storage.faulty import FLIP, FaultyFileSystem, Kind


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_crash_at_every_write_and_sync_of_random_lives(seed: int) -> None:
    """2,000 crash points in all, mixed and single durabilities; half of the lives on a disk that fails."""
    durability = (None, None, None, None, "full", "full", "normal", "off")[seed]
    figures = Figures()
    with small_sizes():
        while figures.images < 250:
            campaign(seed * 10 + figures.lives, figures, lives=2, turns=120, faults=seed % 2 == 1,
                     durability=durability, most=250)
    assert figures.images >= 250


def test_equal_seeds_give_equal_lives() -> None:
    with small_sizes():
        lives = [Life(5).live(60) for _ in range(2)]
    first, second = ([(c.kind, c.path, c.offset, len(c.data)) for c in life.files.history] for life in lives)
    assert first == second
    assert lives[0].states[lives[0].last].contents() == lives[1].states[lives[1].last].contents()


def test_the_simulator_notices_a_lost_commit() -> None:
    """A test that cannot fail is worse than none: syncs that do nothing are found out."""
    with small_sizes():
        life = Life(3, durability="full").live(60)
        history = life.files.history
        history[:] = [c._replace(failed=True) if c.kind == "sync" and c.step >= life.start else c for c in history]
        with pytest.raises((AssertionError, Error)):
            crash_everywhere(life, 3, 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_damage_is_reported_or_harmless(seed: int) -> None:
    with small_sizes():
        reported, _ = damage_often(seed, 100)
    assert reported > 20


@pytest.mark.slow
def test_threads_at_mixed_levels(tmp_path: Path) -> None:
    outcomes = Bank(str(tmp_path / "bank.mdb"), 16, 3, seed=2).run()
    assert outcomes["committed"] > 100


@pytest.mark.parametrize("kind", ["open", "lock", "read", "write", "sync", "truncate", "create"])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, FLIP, 0])
def test_any_call_fails_while_a_database_is_opened(kind: Kind, code: int) -> None:
    """Never a raw exception or a wrong answer; and once the disk is well again, everything is there."""
    if code in (FLIP, 0) and kind != "read":
        return
    with small_sizes():
        subject = specimen(6, turns=60)
        for nth in range(1, 12):
            files = FaultyFileSystem(subject.files, seed=nth)
            files.fail(kind, nth, code=code)
            with suppress(Error):
                database = open_quietly(files)
                assert contents(database) == subject.wanted
                database.close()
            files.heal()
            for inode in files.names.values():
                inode.holders.clear()
            if code != FLIP:  # what was read wrong may have been written again
                assert look(files) == subject.wanted
