"""A part of the public sqllogictest suite, where it is at hand: some files of every category.

`make conformance` runs all of it. The runner and the list of what a real PostgreSQL fails as well belong to the data,
whose folder the environment's CONFORMANCE names.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from importlib.util import module_from_spec, spec_from_file_location
from itertools import groupby
from pathlib import Path
from types import ModuleType

import pytest

PLACE = Path(os.environ.get("CONFORMANCE") or Path(__file__).parents[3] / "shared" / "conformance") / "sqllogictest"
FILES = sorted((PLACE / "data").rglob("*.test.gz"))
FEW = 2  # files of each category

pytestmark = pytest.mark.skipif(not FILES, reason="the sqllogictest data is not there")


def _runner() -> ModuleType:
    """The data's own runner, as a module."""
    found = spec_from_file_location("sqllogictest_runner", PLACE / "run.py")
    assert found is not None and found.loader is not None
    module = sys.modules[found.name] = module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _category(path: Path) -> tuple[str, ...]:
    """`index/between`, `random/expr`, `evidence`."""
    return path.relative_to(PLACE / "data").parts[:-1][:2]


def _chosen() -> list[Path]:
    """The smallest files of each category."""
    by_size = sorted(FILES, key=lambda path: (_category(path), path.stat().st_size))
    return [path for _, paths in groupby(by_size, _category) for path in list(paths)[:FEW]]


@pytest.mark.parametrize("path", _chosen(), ids=lambda path: str(path.relative_to(PLACE / "data")))
def test_a_file(path: Path) -> None:
    runner = _runner()
    known = set((PLACE / "known-postgres.txt").read_text(encoding="utf-8").split())
    engine = runner.Minidb(None)
    try:
        result = runner.run_file(engine, str(path), Namespace(timeout=0))
    finally:
        engine.close()
    failures = [f for f in result["failures"] if f"{runner.short(str(path))}:{f[0]}" not in known]
    assert not failures, failures[:3]
    assert result["passed"] > 0
