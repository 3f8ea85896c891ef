"""How cost grows; long: a million rows take minutes, ten million the better part of an hour.

    python -m benchmarks.growth.run [--sizes 10000,100000,1000000,10000000] [--cache 64] [--parts sizes,threads,...]
                                    [--folder DIRECTORY] [--write docs/performance.md]

With --folder the loaded banks are kept for the next time. --only-load makes them and measures nothing: ten million rows
take some minutes of one core, at a time at which others may want the machine.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.document import replace_part
from benchmarks.growth import crowding, levels, report, sizes
from benchmarks.growth.bank import kept
from benchmarks.report import machine

PART = "growth"
THREADS = (1, 2, 4, 8, 16, 32, 64)
SNAPSHOTS = (1, 10, 100, 1000, 10_000)
LENGTHS = (1, 10, 100, 1000, 10_000)
PARTS = ("sizes", "cached", "threads", "snapshots", "chains", "levels")


def lines_of(part: str, options: argparse.Namespace, chart: report.Chart) -> Iterator[str]:
    clock = time.process_time if options.processor else time.perf_counter
    if part == "sizes":
        found = sizes.measure(options.sizes, options.cache << 20, folder=options.folder, clock=clock)
        yield from report.sizes(found, options.cache << 20, chart)
    elif part == "cached":
        cache_bytes = options.large << 20
        found = sizes.measure(options.cached, cache_bytes, folder=options.folder, clock=clock)
        yield from report.cached(found, cache_bytes)
    elif part == "threads":
        points = crowding.threads(THREADS, options.rows, options.seconds)
        words = "Updates of different rows, committed per second."
        yield from report.points("With threads", words, "threads", "per second", points, chart, "growth-threads")
    elif part == "snapshots":
        points = crowding.snapshots(SNAPSHOTS, options.rows)
        words = "Microseconds of one operation while so many other transactions hold a snapshot."
        yield from report.points("With open snapshots", words, "snapshots", "us", points, chart, "growth-snapshots")
    elif part == "chains":
        points = crowding.chains(LENGTHS, options.rows)
        words = "Microseconds to read one row that was updated so often since the oldest reader began."
        yield from report.points("Under a long-running reader", words, "updates", "us", points, chart, "growth-chains")
    elif part == "levels":
        yield from report.levels(levels.measure(options.rows))


def main() -> None:
    options = arguments()
    if options.only_load:
        for rows in options.sizes:
            kept(options.folder, rows)
        return
    chart = report.charts_of(options.write)
    when = time.strftime("%Y-%m-%d")
    lines = [f"Measured on {when}: {machine()}; page cache {options.cache} MiB; where nothing else "
             f"is said, {options.rows:,} rows; fastest of five batches"
             f"{', time of the processor' if options.processor else ''}.{options.note and ' '}{options.note}", ""]
    for part in options.parts:
        print(f"{time.strftime('%X')} {part}", file=sys.stderr, flush=True)
        found = list(lines_of(part, options, chart))
        print("\n".join(found), flush=True)
        lines += found
    if options.write:
        replace_part(options.write, PART, lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000,10000000", type=numbers)
    parser.add_argument("--cache", type=int, default=64, help="page cache in MiB")
    parser.add_argument("--cached", default="10000,100000,1000000", type=numbers, help="sizes for the part `cached`")
    parser.add_argument("--large", type=int, default=2048, help="page cache in MiB that holds these")
    parser.add_argument("--folder", type=Path, help="where loaded banks are kept")
    parser.add_argument("--only-load", action="store_true", help="fill the folder, nothing else")
    parser.add_argument("--processor", action="store_true",
                        help="time of the processor for the parts about rows: on a machine that has other work")
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
