"""Bytes that somebody made up, behind checksums that are right: see `hostile`. Here a few hundred for each reader."""

from __future__ import annotations

from random import Random

import pytest
from hostile import NAMES, mutated, targets, tried, try_many
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("name", NAMES)
def test_what_we_write_is_read(name: str) -> None:
    """Otherwise the mutations would say nothing."""
    assert sorted(targets()) == sorted(NAMES)
    if name != "label":
        for seed in targets()[name].seeds:
            targets()[name].read(seed)


@pytest.mark.parametrize("name", NAMES)
def test_changed_bytes_give_a_value_or_damage(name: str) -> None:
    try_many(name, Random(name), 400)


@given(st.sampled_from(NAMES), st.binary(max_size=200))
def test_any_bytes_give_a_value_or_damage(name: str, data: bytes) -> None:
    tried(targets()[name], data)


def test_the_mutations_change_something() -> None:
    random, seeds = Random(1), [bytes(range(50))]
    assert len({mutated(random, seeds) for _ in range(100)}) > 90
