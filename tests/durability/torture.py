"""The whole of what the suite does in a smaller size: `make torture`. Prints its figures as it goes.

    python tests/durability/torture.py [--seed N] [--crash-points N] [--corruptions N] [--kills N] [--seconds S]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

from corruption import damage_often  # noqa: E402
from killing import kill_again_and_again  # noqa: E402
from simulation import Figures, campaign, small_sizes  # noqa: E402
from threads import Bank  # noqa: E402

EVERY = 10.0  # seconds between two lines


def main() -> None:
    options = parser().parse_args()
    began = time.monotonic()
    with small_sizes():
        crash(options.seed, options.crash_points)
        corrupt(options.seed, options.corruptions)
    kill(options.seed, options.kills)
    threads(options.seed, options.seconds)
    say(f"all of it held, in {time.monotonic() - began:,.0f} s")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description="Crashes, damages, kills and floods databases, and looks at them.")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--crash-points", type=int, default=50_000)
    made.add_argument("--corruptions", type=int, default=10_000)
    made.add_argument("--kills", type=int, default=300)
    made.add_argument("--seconds", type=float, default=180, help="of real threads")
    return made


def say(text: str) -> None:
    print(text, flush=True)


def crash(seed: int, wanted: int) -> None:
    """Every third campaign at a durability of its own, the others mixed; half of them on a disk that fails."""
    figures, told = Figures(), time.monotonic()
    while figures.images < wanted:
        durability = (None, None, None, "full", "normal", "off")[seed % 6]
        campaign(seed, figures, faults=seed % 2 == 0, durability=durability)
        seed += 1
        if time.monotonic() - told > EVERY:
            told = time.monotonic()
            say(f"  {figures}")
    say(f"crashes:     {figures}")


def corrupt(seed: int, wanted: int) -> None:
    reported = harmless = 0
    while reported + harmless < wanted:
        found, nothing = damage_often(seed, 250)
        reported, harmless, seed = reported + found, harmless + nothing, seed + 1
    say(f"corruptions: {reported + harmless:,}, of which {reported:,} reported and {harmless:,} without effect")


def kill(seed: int, wanted: int) -> None:
    commits = 0
    for number, durability in enumerate(("full", "normal")):
        for start in range(0, wanted // 2, 50):
            with tempfile.TemporaryDirectory(prefix="minidb-torture-") as directory:
                times = min(50, wanted // 2 - start)
                commits += kill_again_and_again(Path(directory) / "shop.mdb", durability, times, seed + start + number)
    say(f"kills:       {wanted:,} of a process, {commits:,} commits, none lost")


def threads(seed: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory(prefix="minidb-torture-") as directory:
        outcomes = Bank(f"{directory}/bank.mdb", 16, seconds, seed).run()
    rest = ", ".join(f"{count:,} {state}" for state, count in sorted(outcomes.items()) if state != "committed")
    say(f"threads:     16 for {seconds:,.0f} s: {outcomes['committed']:,} transactions, {rest}")


if __name__ == "__main__":
    main()
