"""The whole of what the suite does in a smaller size: `make torture`. Prints its figures as it goes, and all of them at
the end.

    python tests/durability/torture.py [--seed N] [--crash-points N] [--corruptions N] [--kills N] [--seconds S]
                                       [--processes N]

Campaigns, specimens and killed processes have nothing in common, so they are shared out among processes, at a low
priority. Which seeds are run, and so what is found, does not depend on their number: results are taken in the order of
the seeds, and what is beyond the number that was asked for is thrown away. The threads come last, with the machine to
themselves.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import count
from pathlib import Path
from typing import TypeVar

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

from corruption import damage_often  # noqa: E402
from killing import kill_again_and_again  # noqa: E402
from simulation import Figures, campaign, small_sizes  # noqa: E402
from threads import Bank  # noqa: E402

EVERY = 10.0  # seconds between two lines
DAMAGES = 250  # of one specimen
KILLS = 25  # of one file
Found = TypeVar("Found")


def main() -> None:
    options = parser().parse_args()
    began = time.monotonic()
    say(f"CPython {platform.python_version()}, {options.processes} processes, seed {options.seed}, "
        f"{time.strftime('%Y-%m-%d %H:%M')}")
    with ProcessPoolExecutor(options.processes, initializer=os.nice, initargs=(10,)) as pool:
        figures = [
            crash(pool, options),
            corrupt(pool, options),
            kill(pool, options),
        ]
    figures.append(threads(options.seed, options.seconds))
    say(f"all of it held, in {time.monotonic() - began:,.0f} s:")
    for line in figures:
        say(f"  {line}")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description="Crashes, damages, kills and floods databases, and looks at them.")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--crash-points", type=int, default=50_000)
    made.add_argument("--corruptions", type=int, default=10_000)
    made.add_argument("--kills", type=int, default=300)
    made.add_argument("--seconds", type=float, default=180, help="of real threads")
    made.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    return made


def say(text: str) -> None:
    print(text, flush=True)


def in_order(pool: ProcessPoolExecutor, work: Callable[[int], Found], seeds: Iterable[int]) -> Iterator[Found]:
    """The results of `work` for each seed, in the order of the seeds, of which a few are always under way."""
    under_way: deque[Future[Found]] = deque()
    try:
        for seed in seeds:
            under_way.append(pool.submit(work, seed))
            if len(under_way) > 2 * (os.cpu_count() or 1):
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        for future in under_way:
            future.cancel()


def crash(pool: ProcessPoolExecutor, options: argparse.Namespace) -> str:
    figures, told = Figures(), time.monotonic()
    results = in_order(pool, crash_once, count(options.seed))
    while figures.images < options.crash_points:
        figures.add(next(results))
        if time.monotonic() - told > EVERY:
            told = time.monotonic()
            say(f"  {figures}")
    results.close()  # type: ignore[attr-defined]
    return told_at_once(f"crashes:     {figures}")


def crash_once(seed: int) -> Figures:
    """Half of the campaigns at a durability of their own, the others mixed; half of them on a disk that fails."""
    figures = Figures()
    durability = (None, None, None, "full", "normal", "off")[seed % 6]
    with small_sizes():
        campaign(seed, figures, faults=seed % 2 == 0, durability=durability)
    return figures


def corrupt(pool: ProcessPoolExecutor, options: argparse.Namespace) -> str:
    specimens = -(-options.corruptions // DAMAGES)
    found = list(in_order(pool, corrupt_once, range(options.seed, options.seed + specimens)))
    reported, harmless = (sum(column) for column in zip(*found)) if found else (0, 0)
    return told_at_once(f"corruptions: {reported + harmless:,} of {specimens:,} databases, of which {reported:,} "
                        f"reported and {harmless:,} without effect")


def corrupt_once(seed: int) -> tuple[int, int]:
    with small_sizes():
        return damage_often(seed, DAMAGES)


def kill(pool: ProcessPoolExecutor, options: argparse.Namespace) -> str:
    files = -(-options.kills // KILLS)
    commits = sum(in_order(pool, kill_often, range(options.seed, options.seed + files)))
    return told_at_once(f"kills:       {files * KILLS:,} of a process, {commits:,} commits, none lost")


def kill_often(seed: int) -> int:
    with tempfile.TemporaryDirectory(prefix="minidb-torture-") as directory:
        return kill_again_and_again(Path(directory) / "shop.mdb", ("full", "normal")[seed % 2], KILLS, seed)


def threads(seed: int, seconds: float) -> str:
    with tempfile.TemporaryDirectory(prefix="minidb-torture-") as directory:
        bank = Bank(f"{directory}/bank.mdb", 16, seconds, seed)
        outcomes = bank.run()
    rest = ", ".join(f"{number:,} {state}" for state, number in sorted(outcomes.items()) if state != "committed")
    return told_at_once(
        f"threads:     16 for {seconds:,.0f} s: {outcomes['committed']:,} transactions, {rest}; "
        f"{sum(bank.disk.struck.values()):,} calls of the disk failed"
    )


def told_at_once(text: str) -> str:
    say(text)
    return text


if __name__ == "__main__":
    main()
