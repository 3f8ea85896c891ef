from collections.abc import Callable, Iterator

import pytest
from counted_world import World


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], World]]:
    worlds: list[World] = []

    def make(rows: int) -> World:
        worlds.append(World(rows, monkeypatch))
        return worlds[-1]

    yield make
    for world in worlds:
        world.database.close()
