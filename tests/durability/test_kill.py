"""A process that is killed again and again while its threads commit, see `killing`."""

from __future__ import annotations

from pathlib import Path

import pytest
from killing import kill_again_and_again


@pytest.mark.slow
@pytest.mark.parametrize("durability", ["full", "normal"])
def test_kill_nine(tmp_path: Path, durability: str) -> None:
    kill_again_and_again(tmp_path / "shop.mdb", durability, 6, seed=9)
