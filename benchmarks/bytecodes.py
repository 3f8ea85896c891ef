"""How much of the interpreter one round of a workload takes, counted: bytecodes and calls, function by function.

    python -m benchmarks.bytecodes                                     every workload, in sum
    python -m benchmarks.bytecodes block --functions 40                a TPC-B transaction, and where it spends them
    python -m benchmarks.bytecodes writing --level serializable --durability full

A statement's microseconds are some hundred bytecodes of ten nanoseconds and more each. Times of single functions drown
at that scale in the machine's noise and in what a profiler costs itself; this count is the same in every run. It does
not tell what C code takes: hashing, encoding, system calls.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import Any, cast

import minidb
from benchmarks.dataset import BALANCE, BRANCH, DEPOSIT, HISTORY, TELLER, Fetch, Statement
from benchmarks.engines.interface import Durability
from benchmarks.engines.own import Own, OwnDatabase
from benchmarks.stable import loaded

WARM = 60  # rounds before those that are counted: plans are made by then, and keys are known
ROUNDS = 20
ROWS = 500
Step = tuple[Statement, tuple[int, ...] | None]

READ: Step = (BALANCE, (5,))
PAY: Step = (DEPOSIT, (3, 7))
AT_TELLER: Step = (TELLER, (3, 4))
AT_BRANCH: Step = (BRANCH, (3, 2))
REMEMBER: Step = (HISTORY, (4, 2, 7, 3))
BEGIN: Step = (Statement("begin", "BEGIN"), None)
COMMIT: Step = (Statement("commit", "COMMIT"), None)

WORKLOADS: dict[str, list[Step]] = {
    "select": [READ],
    "update": [PAY],
    "insert": [REMEMBER],
    "empty": [BEGIN, COMMIT],
    "reading": [BEGIN, READ, READ, COMMIT],
    "writing": [BEGIN, READ, READ, AT_BRANCH, COMMIT],
    "block": [BEGIN, PAY, READ, AT_TELLER, AT_BRANCH, REMEMBER, COMMIT],
}


class Count:
    """What was executed, by function."""

    def __init__(self) -> None:
        self.bytecodes: Counter[CodeType] = Counter()
        self.calls: Counter[CodeType] = Counter()

    def run(self, work: Callable[[], None]) -> None:
        before = sys.gettrace()
        sys.settrace(self.entered)
        try:
            work()
        finally:
            sys.settrace(before)

    def entered(self, frame: FrameType, _event: str, _argument: object) -> Any:
        code = frame.f_code
        if code.co_filename == __file__:
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        self.calls[code] += 1

        def stepped(_frame: FrameType, event: str, _argument: object) -> Any:
            if event == "opcode":
                self.bytecodes[code] += 1
            return stepped

        return stepped

    def per_round(self) -> float:
        return self.bytecodes.total() / ROUNDS


def counted(steps: Sequence[Step], connection: minidb.Connection) -> Count:
    """What `ROUNDS` rounds of a workload take."""
    cursor = connection.cursor()

    def rounds(number: int) -> None:
        for _ in range(number):
            for statement, parameters in steps:
                cursor.execute(statement.sql, parameters)
                if statement.fetch is Fetch.ONE:
                    cursor.fetchone()

    count = Count()
    rounds(WARM)
    count.run(lambda: rounds(ROUNDS))
    return count


def bank(folder: str | Path) -> minidb.Database:
    """The bank of all workloads, a small one."""
    return cast(OwnDatabase, loaded(Own(), Path(folder, "bank.mdb"), Durability.WRITTEN, ROWS)).database


def place(code: CodeType) -> str:
    """Where a function stands, in the package's own words."""
    file = Path(code.co_filename)
    package = Path(minidb.__file__).parent
    name = file.relative_to(package.parent) if file.is_relative_to(package) else file.name
    return f"{name}:{code.co_firstlineno} {code.co_qualname}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(WORKLOADS)}")
    parser.add_argument("--functions", type=int, default=0, help="so many of the functions that take most")
    parser.add_argument("--level", default="read committed", help="isolation level (default: %(default)s)")
    parser.add_argument("--durability", default="normal", help="off, normal or full (default: %(default)s)")
    options = parser.parse_args()
    unknown = [name for name in options.workload if name not in WORKLOADS]
    if unknown:
        parser.error(f"no workload {unknown[0]!r}; there are {', '.join(WORKLOADS)}")
    with TemporaryDirectory(prefix="minidb-count-") as folder:
        database = bank(folder)
        connection = database.connect(
            autocommit=True, isolation_level=options.level, durability=options.durability
        )
        for name in options.workload or WORKLOADS:
            count = counted(WORKLOADS[name], connection)
            print(f"{name:10} {count.per_round():8.1f} bytecodes in {count.calls.total() / ROUNDS:6.1f} calls")
            for code, bytecodes in count.bytecodes.most_common(options.functions):
                print(f"    {bytecodes / ROUNDS:8.1f} {count.calls[code] / ROUNDS:6.1f}  {place(code)}")
        database.close()


if __name__ == "__main__":
    main()
