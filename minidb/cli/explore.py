"""`minidb explore`: tries every interleaving of a schedule's sessions, at one level after the other."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from minidb.cli.main import level
from minidb.cli.messages import error_text
from minidb.cli.pages import painter_for, positive, show
from minidb.cli.schedule_files import USAGE_ERROR, complain, read_schedule
from minidb.errors import Error
from minidb.isolation import IsolationLevel
from minidb.lab.exploration_text import called, findings_text, levels_text, table
from minidb.lab.explorer import MOST, Exploration, Finding
from minidb.lab.laboratory import explore, shrink
from minidb.lab.paint import Painter, heading
from minidb.lab.schedule import Schedule
from minidb.lab.schedule_text import text_of

FAILED = 1
WIDEST, ON_PAPER = 140, 110
COMMAND = "explore"
TICK = 0.1  # seconds between two drawings of the bar
AS_WRITTEN = "as-written"


def main(argv: Sequence[str]) -> int:
    """Runs `minidb explore` with these arguments. Returns 0 if every outcome at every level is serializable and keeps
    the invariants, 1 if one is not, 2 if a file cannot be read or understood."""
    options = parser().parse_args(list(argv))
    status = 0
    for name in options.files:
        schedule = read_schedule(COMMAND, name)
        status = max(status, USAGE_ERROR if schedule is None else run(schedule, options))
    return status


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="minidb explore",
        description="Tries every interleaving of a schedule's sessions, and says which outcomes are not serializable, "
        "which anomaly that is, and how often. The file's permutations are ignored, its invariants are checked.",
        epilog="Exit status: 0 if all is well at all these levels, 1 if not, 2 if a file cannot be used.",
    )
    made.add_argument("files", nargs="+", metavar="FILE", help="a schedule; - is standard input")
    made.add_argument(
        "--isolation", metavar="LEVEL,...", type=levels, default=list(IsolationLevel),
        help=f"levels to run all sessions at (default: all six; {AS_WRITTEN}: what the file's BEGINs say)",
    )
    made.add_argument("--most", metavar="N", type=positive, default=MOST,
                      help=f"performances per level after which to stop (default: {MOST:,})")
    made.add_argument("--random", metavar="N", type=positive, default=0,
                      help="perform N random orders instead of all: a sample, for what is too large")
    made.add_argument("--seed", metavar="S", type=int, default=0, help="which random orders (default: 0)")
    made.add_argument("--no-reduction", dest="reduce", action="store_false",
                      help="perform every single interleaving, also those that differ only in steps that do not touch")
    made.add_argument("--save", metavar="DIR", type=Path, help="write a shrunk witness of each anomaly into DIR")
    made.add_argument("--quiet", action="store_true", help="the table only")
    made.add_argument("--no-color", dest="colour", action="store_false", help="no colours, even on a terminal")
    return made


def levels(text: str) -> list[str | None]:
    if text.lower() == "all":
        return list(IsolationLevel)
    return [None if name.strip().lower() == AS_WRITTEN else level(name) for name in text.split(",")]


# -- running


def run(schedule: Schedule, options: argparse.Namespace) -> int:
    painter = painter_for(options, WIDEST, ON_PAPER)
    found = []
    try:
        for name in options.isolation:
            bar = Bar(f"{schedule.name} {name or 'as written'}")
            found.append(
                explore(schedule, level=name, most=options.most, sample=options.random, seed=options.seed,
                        reduce=options.reduce, tell=bar)
            )
            bar.clear()
    except Error as error:
        return complain(COMMAND, f"{schedule.name}: {error_text(error)}")
    show(report(schedule, found, painter, options.quiet))
    if options.save is not None:
        save(schedule, found, options.save)
    return 0 if all(exploration.good for exploration in found) else FAILED


def report(schedule: Schedule, found: Sequence[Exploration], painter: Painter, quiet: bool) -> Iterable[str]:
    yield heading(painter, schedule.name, summary(schedule, found[0]))
    yield ""
    yield from table(found, painter)
    if any(exploration.sample for exploration in found):
        yield ""
        yield "  A sample (+): what was found is so; what was not found may still be."
    if not quiet:
        yield from findings_text(found, painter)
    yield ""


def summary(schedule: Schedule, first: Exploration) -> str:
    steps = sum(len(actor.steps) for actor in schedule.actors)
    return f"{len(schedule.actors)} sessions, {steps} steps, {first.total:,} interleavings"


# -- witnesses


def save(schedule: Schedule, found: Sequence[Exploration], directory: Path) -> None:
    """One file for each anomaly at each level, shrunk."""
    directory.mkdir(parents=True, exist_ok=True)
    for exploration in found:
        for finding in exploration.findings.values():
            level_name = next(iter(exploration.levels.values()))
            small = shrink(schedule, finding, level_name)
            target = directory / file_name(schedule, exploration, finding)
            target.write_text(text_of(small, remarks(schedule, exploration, finding)), encoding="utf-8")
            print(f"  saved {target}")


def file_name(schedule: Schedule, exploration: Exploration, finding: Finding) -> str:
    words = f"{schedule.name} {levels_text(exploration)} {called(finding)}"
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:100] + ".spec"


def remarks(schedule: Schedule, exploration: Exploration, finding: Finding) -> list[str]:
    name = levels_text(exploration)
    replay = "" if name == "as written" else f" --isolation '{name}'"
    return [
        f"{called(finding)} at {name}, found by exploring {schedule.name}.",
        f"Replay it with: minidb schedule FILE{replay}",
        f"Explain it with: minidb explain FILE{replay}",
    ]


# -- the terminal


class Bar:
    """How far it has come, on a terminal's last line. Drawn at most ten times a second."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.drawn = 0.0
        self.on = sys.stderr.isatty()

    def __call__(self, performed: int, possible: int, total: int) -> None:
        now = time.monotonic()
        if not self.on or now - self.drawn < TICK:
            return
        self.drawn = now
        share = min(possible / total, 1.0) if total else 0.0
        blocks = "█" * round(share * 30)
        words = f"{self.title}  {blocks:<30} {share:4.0%}  {performed:,} tried" if total else f"{performed:,} tried"
        print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self.on and self.drawn:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
