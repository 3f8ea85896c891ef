"""`kill -9` of a process with committing threads: every acknowledged commit is there afterwards, and nothing else but
what was under way (R1 to R3, R7 to R10).

The child acknowledges through a pipe: a line when a transaction begins its COMMIT, another when COMMIT has returned.
Each transaction writes to two tables and a counter, so that a half of one would be seen.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

from minidb.database import Database

CHILD = Path(__file__).with_name("committing_child.py")


def kill_after(path: Path, first: int, lines: int, durability: str) -> tuple[set[int], set[int]]:
    """Runs a child until it has said `lines` lines, kills it; returns (begun, acknowledged) as it told them."""
    command = [sys.executable, str(CHILD), str(path), str(first), durability]
    begun: set[int] = set()
    done: set[int] = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for count, line in enumerate(child.stdout, 1):
            note(line, begun, done)
            if count == lines:
                os.kill(child.pid, signal.SIGKILL)
                break
        for line in child.stdout:  # what was in the pipe
            note(line, begun, done)
    assert child.returncode == -signal.SIGKILL
    return begun, done


def note(line: str, begun: set[int], done: set[int]) -> None:
    if line.endswith("\n"):
        word, number = line.split()
        (done if word == "done" else begun).add(int(number))


def look(path: Path) -> set[int]:
    """The transactions that are there, each of them whole."""
    database = Database(str(path), background=False)
    database.check()
    session = database.session(autocommit=True)
    heap = {row[0]: row[1:] for row in session.execute("SELECT id, thread, v FROM h")}
    clustered = {row[1]: row for row in session.execute("SELECT thread, id, v FROM c")}
    totals = dict(iter(session.execute("SELECT thread, total FROM n")))
    session.close()
    database.close()
    assert heap.keys() == clustered.keys()
    for number, (thread, text) in heap.items():
        whole = "v" * (number * 37 % 900)
        assert clustered[number] == (thread, number, whole)
        assert text == ("changed" if number % 3 == 0 else whole)
    assert totals == {thread: sum(1 for row in heap.values() if row[0] == thread) for thread in totals}
    return set(heap)


def kill_again_and_again(path: Path, durability: str, times: int, seed: int) -> int:
    """The same file, killed `times` times; returns how many commits there were. A process crash takes no acknowledged
    commit, at `normal` neither."""
    random = Random(seed)
    known: set[int] = set()
    for turn in range(times):
        begun, done = kill_after(path, turn * 100_000, random.randrange(1, 160), durability)
        found = look(path)
        assert known <= found, "a commit of an earlier turn was lost"
        assert done <= found - known, "an acknowledged commit was lost"
        assert found - known <= begun, "a commit that never began"
        known = found
    return len(known)
