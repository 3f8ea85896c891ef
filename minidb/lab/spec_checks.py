"""What a schedule in a file promises, as checks that a test runner can run one by one.

    output        NAME.out, beside the file, in expected/ or in ../expected/, holds what performing its permutations
                  prints: `minidb schedule` must print the same. NAME_1.out and so on are right as well
    at a level    every interleaving of the sessions must be serializable there and keep the invariants

The levels stand in comments of the file, each with what may go wrong there:

    # isolation: ssi, 2pl
    # isolation: snapshot expects write skew
    # isolation: read committed allows lost update, write skew

A file without such a line is explored at the levels that the runner has as its default, if it has invariants or no
expected output: else the output is all that it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from pathlib import Path

from msgspec import Struct

from minidb.errors import InvalidParameterValue
from minidb.isolation import IsolationLevel
from minidb.lab.checking import interleavings
from minidb.lab.engines.choose import open_engine
from minidb.lab.laboratory import load
from minidb.lab.schedule import Schedule
from minidb.lab.tester import Tester

LINE = re.compile(r"^ *# *isolation *: *([^\n]*?)(?: +(expects|allows) +([^\n]*?))?\s*$", re.MULTILINE | re.IGNORECASE)
AS_WRITTEN = "as written"


class Output(Struct, frozen=True):
    """What performing the file's permutations prints. `expected`: files with results that are right."""

    path: Path
    expected: tuple[Path, ...]
    name: str = "output"

    def check(self) -> None:
        """Raises AssertionError with the difference."""
        printed = output_of(load(self.path))
        rights = [file.read_text(encoding="utf-8").splitlines() for file in self.expected]
        if printed not in rights:
            changes = unified_diff(rights[0], printed, self.expected[0].name, "now", lineterm="")
            directory = self.expected[0].parent
            raise AssertionError("\n".join([
                f"{self.path.name} does not print what {self.expected[0].name} says", *changes,
                f"If it is right now: minidb schedule {self.path.name} -o {directory.name}",
            ]))


class AtLevel(Struct, frozen=True):
    """Every interleaving at one level; None: what the file's BEGINs say."""

    path: Path
    level: str | None
    expect: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.level or AS_WRITTEN

    def check(self) -> None:
        """Raises AssertionError with the story."""
        interleavings(self.path, level=self.level, expect=self.expect, allow=self.allow)


Check = Output | AtLevel


def checks_of(path: Path, levels: Sequence[str] = ()) -> list[Check]:
    """The checks of a file, in the order above. `levels`: where it is explored if it does not say. Raises SyntaxError,
    InvalidParameterValue for levels and anomalies that are none, OSError."""
    schedule, expected = load(path), expected_of(path)
    found: list[Check] = [Output(path, expected)] if expected else []
    asked = list(asked_in(path))
    if not asked and (schedule.invariants or not expected):
        asked = [AtLevel(path, level_of(name)) for name in levels or [AS_WRITTEN]]
    return [*found, *asked]


def expected_of(path: Path) -> tuple[Path, ...]:
    for directory in (path.parent, path.parent / "expected", path.parent.parent / "expected"):
        files = [directory / f"{path.stem}.out", *(directory / f"{path.stem}_{n}.out" for n in range(1, 10))]
        if files[0].exists():
            return tuple(file for file in files if file.exists())
    return ()


def asked_in(path: Path) -> Iterator[AtLevel]:
    for levels, verb, names in LINE.findall(path.read_text(encoding="utf-8-sig")):
        anomalies = tuple(name.strip() for name in names.split(",")) if names else ()
        for name in levels.split(","):
            yield AtLevel(
                path, level_of(name.strip()),
                expect=anomalies if verb.lower() == "expects" else (),
                allow=anomalies if verb.lower() == "allows" else (),
            )


def level_of(name: str) -> str | None:
    if " ".join(name.lower().replace("-", " ").split()) == AS_WRITTEN:
        return None
    try:
        return str(IsolationLevel.parse(name))
    except InvalidParameterValue as error:
        error.hint = f"{error.hint} {AS_WRITTEN!r} stands for what BEGIN says."
        raise


def output_of(schedule: Schedule) -> list[str]:
    """The lines that `minidb schedule` prints, complaints included."""
    lines: list[str] = []
    engine = open_engine("minidb")
    try:
        Tester(schedule, engine, lines.append, lines.append).run()
    finally:
        engine.close()
    return "\n".join(lines).splitlines()


__all__ = ["AtLevel", "Check", "Output", "checks_of"]
