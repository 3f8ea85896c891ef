"""minidb beside sqlite3 and others: the same work, in one run, at the same durability, alternating.

    python benchmarks/run.py [--quick] [--only update,threads] [--engines minidb,sqlite] [--rows 100000] [--rounds 5]
                             [--write docs/performance.md]

`--only` takes names of workloads or their beginnings. What is not installed does not take part. Nothing but ratios
should be read from a machine that does other work besides.
"""

from __future__ import annotations

import argparse
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec

from benchmarks.engines.choose import PLACES, QUICK, USUAL, started
from benchmarks.report import Sitting, machine, table, write
from benchmarks.runner import measure
from benchmarks.stable import stable
from benchmarks.workloads.all import chosen


def main() -> None:
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that what was started is stopped, too
    with ExitStack() as stack:
        engines = started(options.engines.split(","))
        for engine in engines:
            stack.callback(engine.close)
        place = stack.enter_context(stable(options.rows, options.seconds, options.effort))
        sitting = Sitting(machine(), [e.version() for e in engines], options.rows, options.rounds, [], options.note)
        stack.callback(keep, sitting, options)  # also of a run that is interrupted, and before servers are stopped
        for measured in measure(chosen(options.only), engines, place, options.rounds, options.share):
            sitting.measured.append(measured)
            print(table(msgspec.structs.replace(sitting, measured=[measured]))[-1], flush=True)


def keep(sitting: Sitting, options: argparse.Namespace) -> None:
    if options.save:
        options.save.write_bytes(msgspec.json.encode(sitting))
    if options.write and sitting.measured:
        write(options.write, sitting)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="workloads, by name or its beginning")
    parser.add_argument("--engines", help=f"some of {', '.join(PLACES)}; {', '.join(USUAL)} if nothing is said")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="how long each round with threads runs")
    parser.add_argument("--share", type=float, default=20.0, help="seconds for one engine and one workload")
    parser.add_argument("--effort", type=float, default=1.0, help="share of the usual repetitions in a round")
    parser.add_argument("--quick", action="store_true",
                        help="minidb, sqlite3 and by hand, 20,000 rows, 3 short rounds: under two minutes")
    parser.add_argument("--note", default="", help="words to put beside the date")
    parser.add_argument("--save", type=Path, help="write every figure into this file, as JSON")
    parser.add_argument("--write", type=Path, help="replace the measured part of this file")
    options = parser.parse_args()
    if options.quick:
        options.rows, options.rounds, options.seconds, options.share, options.effort = 20_000, 3, 0.2, 2.0, 0.5
    options.engines = options.engines or ",".join(QUICK if options.quick else USUAL)
    return options


if __name__ == "__main__":
    main()
