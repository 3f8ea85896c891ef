"""How cost grows; long: a million rows take minutes, ten million the better part of an hour.

    python benchmarks/growth/run.py [--sizes 10000,100000,1000000] [--cache 64] [--parts sizes,threads,...]
                                    [--write docs/performance.md]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.document import replace_part
from benchmarks.growth import crowding, levels, report, sizes
from benchmarks.report import machine

PART = "growth"
THREADS = (1, 2, 4, 8, 16, 32, 64)
SNAPSHOTS = (1, 10, 100, 1000, 10_000)
LENGTHS = (1, 10, 100, 1000, 10_000)
PARTS = ("sizes", "threads", "snapshots", "chains", "levels")


def lines_of(part: str, options: argparse.Namespace, chart: report.Chart) -> Iterator[str]:
    if part == "sizes":
        yield from report.sizes(sizes.measure(options.sizes, options.cache << 20), chart)
    elif part == "threads":
        found = crowding.threads(THREADS, options.rows, options.seconds)
        words = "Updates of different rows, committed per second."
        yield from report.points("With threads", words, "threads", "per second", found, chart, "growth-threads")
    elif part == "snapshots":
        found = crowding.snapshots(SNAPSHOTS, options.rows)
        words = "Microseconds of one operation while so many other transactions hold a snapshot."
        yield from report.points("With open snapshots", words, "snapshots", "us", found, chart, "growth-snapshots")
    elif part == "chains":
        found = crowding.chains(LENGTHS, options.rows)
        words = "Microseconds to read one row that was updated so often since the oldest reader began."
        yield from report.points("Under a long-running reader", words, "updates", "us", found, chart, "growth-chains")
    elif part == "levels":
        yield from report.levels(levels.measure(options.rows))


def main() -> None:
    options = arguments()
    chart = report.charts_of(options.write)
    when = time.strftime("%Y-%m-%d")
    lines = [f"Measured on {when}: {machine()}; page cache {options.cache} MiB; where nothing else "
             f"is said, {options.rows:,} rows; fastest of five batches.{options.note and ' '}{options.note}", ""]
    for part in options.parts:
        print(f"{time.strftime('%X')} {part}", file=sys.stderr, flush=True)
        found = list(lines_of(part, options, chart))
        print("\n".join(found), flush=True)
        lines += found
    if options.write:
        replace_part(options.write, PART, lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000", type=numbers)
    parser.add_argument("--cache", type=int, default=64, help="page cache in MiB")
    parser.add_argument("--rows", type=int, default=100_000, help="for the parts that are not about rows")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each number of threads")
    parser.add_argument("--parts", default=list(PARTS), type=lambda text: text.split(","))
    parser.add_argument("--note", default="", help="words to put beside the date")
    parser.add_argument("--write", type=Path, help="replace the part `growth` of this file")
    return parser.parse_args()


def numbers(text: str) -> list[int]:
    return sorted(int(number) for number in text.split(","))


if __name__ == "__main__":
    main()
