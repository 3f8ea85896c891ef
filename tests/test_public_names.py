"""Public means importable from `minidb` and in `__all__`: nothing more, nothing less."""

from __future__ import annotations

import re
import tomllib
import types
from pathlib import Path

import pytest

import minidb
from minidb import errors

DRIVER = """apilevel threadsafety paramstyle connect Connection Cursor
    STRING BINARY NUMBER DATETIME ROWID
    Date Time Timestamp DateFromTicks TimeFromTicks TimestampFromTicks Binary
    Warning Error InterfaceError DatabaseError DataError OperationalError IntegrityError InternalError ProgrammingError
    NotSupportedError"""
CONTRACT = """Database IsolationLevel Interval RetryableError SerializationFailure DeadlockDetected LockNotAvailable
    UniqueViolation ForeignKeyViolation NotNullViolation CheckViolation UndefinedTable UndefinedColumn SyntaxError
    DatabaseCorrupt"""


def test_all_is_what_can_be_seen() -> None:
    visible = {
        name
        for name, value in vars(minidb).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType) and name != "annotations"
    }
    assert visible | {"__version__"} == set(minidb.__all__)
    assert len(minidb.__all__) == len(set(minidb.__all__))


def test_the_promised_names_are_there() -> None:
    assert set(DRIVER.split()) | set(CONTRACT.split()) <= set(minidb.__all__)


def test_every_error_is_public() -> None:
    kinds = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert kinds <= set(minidb.__all__)


def test_errors_form_the_tree_of_pep_249() -> None:
    assert issubclass(minidb.Warning, Exception) and not issubclass(minidb.Warning, minidb.Error)
    assert not issubclass(minidb.InterfaceError, minidb.DatabaseError)
    for kind in (minidb.SerializationFailure, minidb.DeadlockDetected):
        assert issubclass(kind, minidb.RetryableError) and issubclass(kind, minidb.OperationalError)
    assert not issubclass(minidb.LockNotAvailable, minidb.RetryableError)


def test_public_things_are_documented() -> None:
    for name in minidb.__all__:
        value = getattr(minidb, name)
        if isinstance(value, type) and value.__module__.startswith("minidb.dbapi"):
            members = [m for key, m in vars(value).items() if isinstance(m, types.FunctionType) and key[0] != "_"]
            assert value.__doc__ and all(m.__doc__ for m in members), name


def test_the_readme_s_lines_work_when_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[0]
    exec(compile(lines, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("could not serialize access")


def test_the_version_is_the_project_s() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == minidb.__version__
