"""The pytest plugin, in runs of pytest of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import minidb.lab.checking  # kept loaded from one run to the next
import minidb.lab.spec_checks

pytest_plugins = ["pytester"]
ROOT = Path(__file__).parents[2]

BANK = '''
SETUP = ["CREATE TABLE account (id int PRIMARY KEY, balance int)", "INSERT INTO account VALUES (1, 100), (2, 100)"]

class Insufficient(Exception):
    pass

def withdraw(connection):
    with connection.transaction():
        (balance,) = connection.execute("SELECT balance FROM account WHERE id = 1").fetchone()
        if balance < 70:
            raise Insufficient(balance)
        connection.execute("UPDATE account SET balance = ? WHERE id = 1", (balance - 70,))
'''
SKEW = """
# {line}
setup {{ CREATE TABLE doctor (name text PRIMARY KEY, on_call boolean); }}
setup {{ INSERT INTO doctor VALUES ('alice', true), ('bob', true); }}
session alice
setup {{ BEGIN; }}
step a1 {{ SELECT count(*) FROM doctor WHERE on_call; }}
step a2 {{ UPDATE doctor SET on_call = false WHERE name = 'alice'; }}
step a3 {{ COMMIT; }}
session bob
setup {{ BEGIN; }}
step b1 {{ SELECT count(*) FROM doctor WHERE on_call; }}
step b2 {{ UPDATE doctor SET on_call = false WHERE name = 'bob'; }}
step b3 {{ COMMIT; }}
permutation a1 a2 a3 b1 b2 b3
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess("-p", "pytest_minidb", "-p", "no:cacheprovider", *arguments)


def bank(pytester: pytest.Pytester, *lines: str) -> pytest.RunResult:
    body = "\n    ".join(lines)
    pytester.makepyfile(f"{BANK}\ndef test_bank(interleavings):\n    {body}\n")
    return run(pytester)


def spec(pytester: pytest.Pytester, name: str, text: str) -> Path:
    path = pytester.path / "specs" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# -- the fixture


def test_a_failure_tells_the_whole_story(pytester: pytest.Pytester) -> None:
    result = bank(pytester, "interleavings(SETUP, [withdraw, withdraw], level='read committed', raises=Insufficient)")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    for part in (
        "lost update (G-single) at read committed: in 40 of 50 interleavings", "Not serializable: lost update",
        "1 rw · steps", "2 ww · steps", "withdraw 2 changed row 1 of account; withdraw 1 changed it again",
        "At snapshot nothing of this can happen",
    ):
        assert part in text, part
    assert "checking.py" not in text  # what is shown is the test, not our own code


def test_what_the_fixture_gives_back(pytester: pytest.Pytester) -> None:
    bank(
        pytester,
        "options = dict(raises=Insufficient, invariant='SELECT min(balance) >= 0 FROM account')",
        "one = interleavings(SETUP, [withdraw, withdraw], level='ssi', **options)",
        "assert one.good and one.retried['40001'] > 0",
        "both = interleavings(SETUP, [withdraw, withdraw], levels=['snapshot', 'ssi'], **options)",
        "assert list(both) == ['snapshot', 'ssi'] and all(found.good for found in both.values())",
        "wrong = interleavings(SETUP, [withdraw] * 2, level='read committed', expect='lost update', **options)",
        "assert not wrong.serializable",
        "interleavings(SETUP, [withdraw] * 2, level='read committed', allow={'G-single'}, **options)",
    ).assert_outcomes(passed=1)


def test_what_was_expected_must_come(pytester: pytest.Pytester) -> None:
    result = bank(
        pytester, "interleavings(SETUP, [withdraw] * 2, level='ssi', expect='lost update', raises=Insufficient)"
    )
    assert "lost update was expected at ssi, but none of" in result.stdout.str()


def test_a_broken_invariant_fails_though_the_anomaly_is_allowed(pytester: pytest.Pytester) -> None:
    result = bank(
        pytester,
        "interleavings(SETUP, [withdraw] * 2, level='read committed', allow='lost update', raises=Insufficient,",
        "    invariant='SELECT sum(balance) < 100 FROM account')",
    )
    text = result.stdout.str()
    assert "invariant broken (SELECT sum(balance) < 100 FROM account)" in text
    assert "No isolation level helps" in text


def test_an_exception_of_a_function_is_shown_where_it_was_raised(pytester: pytest.Pytester) -> None:
    result = bank(pytester, "interleavings(SETUP, [withdraw, withdraw], level='snapshot')")
    text = result.stdout.str()
    assert "raise Insufficient(balance)" in text and "Insufficient: 30" in text
    assert "minidb: in withdraw 2, in this interleaving:" in text and "scheduler.py" not in text


def test_an_error_in_the_sql_is_no_outcome(pytester: pytest.Pytester) -> None:
    result = bank(pytester, "interleavings(SETUP, [lambda c: c.execute('SELECT * FROM nothing')])")
    assert 'UndefinedTable: relation "nothing" does not exist' in result.stdout.str()


def test_a_name_that_is_none(pytester: pytest.Pytester) -> None:
    text = bank(pytester, "interleavings(SETUP, [withdraw], allow='lost updates')").stdout.str()
    assert "unknown anomaly: 'lost updates'" in text and "Did you mean 'lost update'?" in text


def test_too_many_interleavings_are_warned_of(pytester: pytest.Pytester) -> None:
    result = bank(pytester, "interleavings(SETUP, [withdraw] * 2, level='ssi', most=2, raises=Insufficient)")
    result.assert_outcomes(passed=1, warnings=1)
    assert "SampleWarning: 2 runs were not enough for all interleavings" in result.stdout.str()


def test_random_orders_are_a_sample_that_was_asked_for(pytester: pytest.Pytester) -> None:
    bank(
        pytester, "found = interleavings(SETUP, [withdraw] * 3, level='ssi', sample=20, seed=1, raises=Insufficient)",
        "assert found.sample and found.performed == 20",
    ).assert_outcomes(passed=1)


def test_functions_may_pause(pytester: pytest.Pytester) -> None:
    bank(
        pytester,
        "import time",
        "sleep = time.sleep",
        "interleavings(SETUP, [lambda c: (time.sleep(3600), c.execute('SELECT 1'))])",
        "assert time.sleep is sleep",
    ).assert_outcomes(passed=1)


def test_a_schedule_for_the_fixture(pytester: pytest.Pytester) -> None:
    path = spec(pytester, "skew.spec", SKEW.format(line=""))
    bank(
        pytester, "from pathlib import Path", f"path = Path({str(path)!r})",
        "interleavings(path, levels=['ssi', '2pl'])", "interleavings(path, level='snapshot', expect='write skew')",
    ).assert_outcomes(passed=1)


def test_the_documented_example(pytester: pytest.Pytester) -> None:
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    python, story = re.findall(r"```(?:python|text)\n(.*?)```", text, re.DOTALL)[:2]
    pytester.makepyfile(python)
    shown = run(pytester).stdout.str()
    assert all(line in shown for line in story.splitlines() if line != "  ..."), shown
    pytester.makepyfile(python.replace("'lamp'\").fetch", "'lamp' FOR UPDATE\").fetch"))
    run(pytester).assert_outcomes(passed=1)


# -- schedules in files


def test_no_file_is_collected_unless_it_was_asked_for(pytester: pytest.Pytester) -> None:
    spec(pytester, "app.spec", "a = Analysis(['app.py'])\n")
    pytester.makepyfile("def test_nothing(): pass")
    run(pytester).assert_outcomes(passed=1)


def test_collection(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nminidb_specs = specs/*.spec\nminidb_levels = 2pl\n  ssi\n")
    spec(pytester, "safe.spec", SKEW.format(line="isolation: ssi, 2pl"))
    spec(pytester, "skew.spec", SKEW.format(line="isolation: snapshot expects write skew"))
    spec(pytester, "default.spec", SKEW.format(line=""))
    (pytester.path / "other.spec").write_text("Name: foreign\n")
    result = run(pytester, "-v")
    result.assert_outcomes(passed=5)
    names = ["safe.spec::ssi", "safe.spec::2pl", "skew.spec::snapshot", "default.spec::2pl", "default.spec::ssi"]
    assert all(f"specs/{name} PASSED" in result.stdout.str() for name in names)


def test_a_schedule_that_goes_wrong(pytester: pytest.Pytester) -> None:
    spec(pytester, "skew.spec", SKEW.format(line="isolation: snapshot"))
    result = run(pytester, "--minidb-specs", "specs/*.spec")
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "write skew (G2-item) at snapshot: in" in text and "alice read all of doctor" in text
    assert "Traceback" not in text and "FAILED specs/skew.spec::snapshot" in text


def test_expected_output(pytester: pytest.Pytester) -> None:
    path = spec(pytester, "skew.spec", SKEW.format(line=""))
    right = "\n".join(minidb.lab.spec_checks.output_of(minidb.lab.load(path))) + "\n"
    (path.parent / "skew.out").write_text(right)
    run(pytester, "--minidb-specs", "specs/*.spec", "-v").stdout.fnmatch_lines(["specs/skew.spec::output PASSED*"])
    (path.parent / "skew.out").write_text(right.replace("    2", "    3"))
    result = run(pytester, "--minidb-specs", "specs/*.spec")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["skew.spec does not print what skew.out says", "-    3", "+    2"])
    (path.parent / "skew_1.out").write_text(right)
    run(pytester, "--minidb-specs", "specs/*.spec").assert_outcomes(passed=1)


def test_a_schedule_that_is_none_and_a_level_that_is_none(pytester: pytest.Pytester) -> None:
    spec(pytester, "app.spec", "a = Analysis(['app.py'])\n")
    spec(pytester, "level.spec", SKEW.format(line="isolation: chaos"))
    result = run(pytester, "--minidb-specs", "specs/*.spec")
    result.assert_outcomes(errors=2)
    assert "app.spec: " in result.stdout.str() and "unknown isolation level: 'chaos'" in result.stdout.str()


# -- what it costs those who do not use it


def test_loading_the_plugin_loads_nothing_of_minidb() -> None:
    script = "import sys, pytest_minidb; print([m for m in sys.modules if m.split('.')[0] in ('minidb', 'greenlet')])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_entry_point_names_it_and_the_wheel_holds_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["pytest11"] == {"pytest_minidb": "pytest_minidb"}
    assert "pytest_minidb.py" in project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert (ROOT / "pytest_minidb.py").exists()
