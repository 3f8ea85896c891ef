"""`minidb fuzz`: random transactions on lists, and the judge's verdict on what their clients saw.

The run is cut into rounds, each with a database, tables and a seed of its own: the first one's is `--seed`, the next
one's is one more. What a round did follows from its seed (but with `--threads`), so whatever is found can be had again:

    minidb fuzz --isolation snapshot --seed 7 --transactions 1000 --save found.json
    minidb judge found.json
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from minidb.cli.demo import as_level
from minidb.cli.main import FAILED
from minidb.cli.pages import painter_for, positive, show
from minidb.errors import OperationalError
from minidb.isolation import IsolationLevel
from minidb.lab.judge import Verdict, dump, judge
from minidb.lab.judge.designs import DESIGNS
from minidb.lab.judge.report import allowed_lines, failures_line, forbidden_lines
from minidb.lab.judge.threads import run_in_threads
from minidb.lab.judge.workload import Settings, Workload, run
from minidb.lab.paint import Painter, wrapped

ALL, MIXED = "all", "mixed"
MODES = {**{level.value: (level,) for level in IsolationLevel}, MIXED: tuple(IsolationLevel)}
SHOW_EVERY = 0.1  # seconds
NAMES = tuple(design.name for design in DESIGNS)


def main(argv: Sequence[str]) -> int:
    """Runs `minidb fuzz` with these arguments; the exit status is 1 if something forbidden was found."""
    options = parser().parse_args(list(argv))
    painter = painter_for(options)
    modes = list(MODES) if options.isolation == ALL else [options.isolation]
    clean = True
    for mode in modes:
        campaign = Campaign(mode, options, painter)
        show(campaign.lines())
        clean = clean and campaign.clean
    return 0 if clean else FAILED


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="minidb fuzz",
        description="Runs random transactions and looks for anomalies in what they saw.",
        epilog=f"Where nothing else is said, the seed chooses. Tables: {', '.join(NAMES)}.",
    )
    made.add_argument("--isolation", metavar="LEVEL", type=mode_name, default=ALL,
                      help="a level, `mixed` (each transaction draws one), or `all` of these one after the other")
    made.add_argument("--transactions", metavar="N", type=positive, default=5000, help="committed ones, for each level")
    made.add_argument("--seed", metavar="S", type=int, default=None, help="of the first round; else a random one")
    made.add_argument("--round", metavar="N", type=positive, default=2000, help="transactions in each round")
    made.add_argument("--sessions", metavar="K", type=positive, default=0, help="clients at a time")
    made.add_argument("--keys", metavar="K", type=positive, default=0, help="lists in reach at a time")
    made.add_argument("--tables", metavar="NAME", nargs="+", choices=NAMES, default=[], help="how lists are stored")
    made.add_argument("--threads", action="store_true", help="real threads on a database file; cannot be replayed")
    made.add_argument("--save", metavar="FILE", help="write the history of the last round, or of the first bad one")
    made.add_argument("--no-color", dest="colour", action="store_false", help="no colours, even on a terminal")
    return made


def mode_name(name: str) -> str:
    return name if name in (ALL, MIXED) else as_level(name).value


class Campaign:
    """All rounds at one level."""

    def __init__(self, mode: str, options: argparse.Namespace, painter: Painter) -> None:
        self.mode = mode
        self.options = options
        self.painter = painter
        self.seed: int = random_seed() if options.seed is None else options.seed
        self.progress = Progress(mode, options.transactions)
        self.committed = 0
        self.failures: Counter[str] = Counter()
        self.allowed: Counter[tuple[str, str]] = Counter()
        self.seconds = 0.0
        self.clean = True

    def lines(self) -> Iterator[str]:
        """Runs the rounds, until one is bad; then the text about them."""
        left, seed = self.options.transactions, self.seed
        bad: Verdict | None = None
        while left > 0 and bad is None:
            verdict = self.round(min(left, self.options.round), seed)
            left -= self.options.round
            if not verdict.clean:
                bad, self.clean = verdict, False
            else:
                seed += 1
        self.progress.clear()
        yield from self.summary()
        if bad is None:
            yield "  " + self.painter("✓ nothing that is forbidden", "good")
        else:
            yield from forbidden_lines(bad, self.painter)
            yield f"  again: {self.command(seed)}"

    def round(self, transactions: int, seed: int) -> Verdict:
        settings = Settings(
            MODES[self.mode], transactions, seed, self.options.sessions, self.options.keys,
            designs=tuple(self.options.tables),
        )
        began = time.perf_counter()
        workload = self.played(settings)
        self.seconds += time.perf_counter() - began
        self.progress.judging()
        verdict = judge(workload.history)
        if self.options.save:
            save(self.options.save, dump(workload.history))
        self.committed += workload.committed
        self.failures += workload.failures()
        self.allowed += verdict.allowed
        return verdict

    def played(self, settings: Settings) -> Workload:
        before = self.committed

        def show(count: int) -> None:
            self.progress.show(before + count)

        try:
            return run_in_threads(settings, show) if self.options.threads else run(settings, show)
        except Exception as error:
            self.progress.clear()
            error.add_note(f"while running {self.command(settings.seed)}")
            print(f"minidb fuzz: failed; again: {self.command(settings.seed)}", file=sys.stderr)
            raise

    def summary(self) -> Iterator[str]:
        rate = self.committed / max(self.seconds, 1e-9)
        yield (f"{self.painter(self.mode, 'level')}: {self.committed:,} transactions committed, {rate:,.0f} a second, "
               f"seed {self.seed}")
        yield from wrapped(failures_line(self.failures), self.painter.width, "  ")
        yield from allowed_lines(self.allowed, self.painter)

    def command(self, seed: int) -> str:
        """What runs the round with this seed again."""
        options = self.options
        words = ["minidb fuzz", f"--isolation {self.mode!r}" if " " in self.mode else f"--isolation {self.mode}"]
        words += [f"--transactions {min(options.transactions, options.round)}", f"--seed {seed}"]
        words += [f"--{name} {number}" for name in ("sessions", "keys") if (number := getattr(options, name))]
        words += ["--tables", *options.tables] if options.tables else []
        words += ["--threads (each run differs)"] if options.threads else []
        return " ".join(words)


class Progress:
    """One line on a terminal, rewritten; nothing elsewhere."""

    def __init__(self, mode: str, total: int) -> None:
        self.mode = mode
        self.total = total
        self.shown = sys.stderr.isatty()
        self.next_time = 0.0

    def show(self, committed: int) -> None:
        if self.shown and time.monotonic() >= self.next_time:
            self.next_time = time.monotonic() + SHOW_EVERY
            done = min(20, committed * 20 // self.total)
            self.write(f"{self.mode} {'█' * done}{'░' * (20 - done)} {committed:,} of {self.total:,}")

    def judging(self) -> None:
        if self.shown:
            self.write(f"{self.mode}: judging")

    def clear(self) -> None:
        if self.shown:
            self.write("")

    def write(self, text: str) -> None:
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def random_seed() -> int:
    return int.from_bytes(os.urandom(3), "big")


def save(name: str, data: bytes) -> None:
    try:
        Path(name).write_bytes(data)
    except OSError as error:
        raise OperationalError(f"cannot write {name}: {error.strerror}") from None
