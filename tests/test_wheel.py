"""The wheel: built, installed into an empty environment, used outside of the checkout. The grammar travels with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OFFLINE = ("No matching distribution", "Could not find a version", "name resolution", "ConnectionError")
QUERY = """
import minidb
connection = minidb.connect("shop.mdb")
connection.execute("CREATE TABLE item (id int PRIMARY KEY, name text)")
connection.execute("INSERT INTO item VALUES (1, 'tea')")
connection.commit()
connection.close()
print(minidb.__file__, minidb.connect("shop.mdb").execute("SELECT name FROM item").fetchone())
"""


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Output of a command; skips the test if it could not reach the package index."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=kept | environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0 and any(sign in done.stderr + done.stdout for sign in OFFLINE):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing generated in the checkout helps, and the checkout stays as it is."""
    place = tmp_path_factory.mktemp("build")
    made_here = shutil.ignore_patterns(".venv", ".git", "__pycache__", "_grammar.py", ".*_cache", "*.mdb*")
    shutil.copytree(ROOT, place / "source", ignore=made_here)
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", place, place / "source", cwd=place)
    return next(place.glob("minidb-*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_what_it_needs_and_no_more(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    made = {"minidb/sql/_grammar.py", "minidb/lab/_grammar.py", "pytest_minidb.py"}
    copied = {"minidb/grammar/sql.lark", "minidb/grammar/schedule.lark", "minidb/reference/sql.md"}
    assert {"minidb/__init__.py", "minidb/reference/sql/queries.md", *copied, *made} <= set(names)
    assert any(name.endswith("LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "docs/", "benchmarks/"))]


@pytest.mark.slow
def test_the_wheel_works_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    scripts = tmp_path / "venv" / "bin"
    run(scripts / "python", "-m", "pip", "install", "--quiet", wheel, cwd=tmp_path)
    output = run(scripts / "python", "-c", QUERY, cwd=tmp_path)
    assert str(tmp_path / "venv") in output and output.endswith("('tea',)\n")
    assert run(scripts / "minidb", "shop.mdb", "-c", "SELECT count(*) AS items FROM item", cwd=tmp_path) == (
        " items\n-------\n     1\n(1 row)\n\n"
    )
