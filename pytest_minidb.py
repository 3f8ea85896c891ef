"""pytest plugin of minidb: the fixture `interleavings`, and tests from schedules in files.

    def test_withdraw(interleavings):
        interleavings(SETUP, [withdraw, withdraw], level="snapshot", invariant="SELECT min(balance) >= 0 FROM account")

    [tool.pytest.ini_options]
    minidb_specs = ["tests/specs/*.spec"]       # files to collect, as globs; none by default
    minidb_levels = ["ssi", "2pl"]              # where they are explored if they do not say

Every pytest run of an environment in which minidb is installed loads this module, so it stands outside of the package,
and imports nothing of it before a test asks for it: importing minidb takes longer than many a test. Without
`minidb_specs` it has no hook that collects: other people's `*.spec` files are none of its business.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FLAG = "--minidb-specs"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("minidb", "minidb: interleavings of transactions")
    group.addoption(FLAG, action="append", default=[], metavar="GLOB", help="collect these schedules as tests")
    parser.addini("minidb_specs", "schedules to collect as tests: globs, from the root directory", "args", default=[])
    parser.addini("minidb_levels", "isolation levels to explore schedules at that do not say", "linelist", default=[])


def pytest_configure(config: pytest.Config) -> None:
    patterns = [
        *(below(config.rootpath, pattern) for pattern in config.getini("minidb_specs")),
        *(below(config.invocation_params.dir, pattern) for pattern in config.getoption(FLAG)),
    ]
    if patterns:
        config.pluginmanager.register(Collector(patterns), "minidb_specs")


def below(directory: Path, pattern: str) -> str:
    return os.path.join(glob.escape(str(directory)), pattern)


@pytest.fixture
def interleavings() -> Callable[..., Any]:
    """Explores every interleaving of some functions or of a schedule, and fails with the story if one goes wrong."""
    from minidb.lab.checking import interleavings

    return interleavings


class Collector:
    """Collects the files that the globs name."""

    def __init__(self, patterns: list[str]) -> None:
        self.files = {Path(name).resolve() for pattern in patterns for name in glob.glob(pattern, recursive=True)}

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        if file_path.resolve() not in self.files:
            return None
        collected: SpecFile = SpecFile.from_parent(parent, path=file_path)
        return collected


class SpecFile(pytest.File):
    """A schedule, with a test for each thing that it promises."""

    def collect(self) -> Iterator[pytest.Item]:
        from minidb.errors import Error
        from minidb.lab.spec_checks import checks_of

        try:
            checks = checks_of(self.path, self.config.getini("minidb_levels"))
        except (Error, OSError, UnicodeDecodeError) as error:
            raise self.CollectError(f"{self.path.name}: {error}") from None
        for check in checks:
            yield SpecItem.from_parent(self, name=check.name, check=check)


class SpecItem(pytest.Item):
    """One promise (minidb.lab.spec_checks)."""

    def __init__(self, *, check: Any, **options: Any) -> None:
        super().__init__(**options)
        self.check = check

    def runtest(self) -> None:
        self.check.check()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from minidb.errors import Error

        if isinstance(excinfo.value, AssertionError | Error):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}: {self.name}"
