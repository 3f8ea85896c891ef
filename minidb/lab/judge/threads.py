"""The same workload in real threads on a database file: what comes between two statements, or within one, is up to the
machine. Nothing can be replayed, but the judge needs no luck to be right about what it is shown.

Threads change as often as Python lets them, checkpoints run in the background, and commits take every durability.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from threading import Thread

from minidb.database import Database
from minidb.errors import OperationalError
from minidb.lab.judge.client import Client
from minidb.lab.judge.workload import Settings, Workload

SWITCH = 1e-5  # seconds between changes of threads
CHECKPOINT_ROWS = 1500
LOOK_EVERY = 0.2  # seconds
PATIENCE = 300  # looks without a single commit after which the threads are said to be stuck


def run_in_threads(settings: Settings, progress: Callable[[int], None] = lambda count: None) -> Workload:
    """Runs a workload with a thread for each session. Raises the first error that no client expects."""
    with tempfile.TemporaryDirectory(prefix="minidb-fuzz-") as directory, fast_switching():
        database = Database(str(Path(directory) / "fuzz.mdb"), checkpoint_rows=CHECKPOINT_ROWS)
        durability = cycle(("off", "normal", "off"))
        workload = Workload(
            settings, lambda: database.session(autocommit=True, durability=next(durability))
        )
        errors: list[BaseException] = []
        threads = [
            Thread(target=work, args=(workload, client, errors), name=f"client {client.process}", daemon=True)
            for client in workload.clients
        ]
        for thread in threads:
            thread.start()
        watch(workload, threads, errors, progress)
        if not errors:
            for _ in workload.last_words(workload.clients[0]):
                pass
            database.check()
        database.close()
    if errors:
        raise errors[0]
    return workload


@contextmanager
def fast_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def work(workload: Workload, client: Client, errors: list[BaseException]) -> None:
    """A thread's life."""
    try:
        for _ in client.life():
            if errors or workload.committed >= workload.settings.transactions:
                client.stopping = True
                if errors:
                    return
    except BaseException as error:
        errors.append(error)


def watch(workload: Workload, threads: list[Thread], errors: list[BaseException],
          progress: Callable[[int], None]) -> None:
    """Waits for the threads; says so if nothing happens any more."""
    seen, patience = -1, PATIENCE
    while any(thread.is_alive() for thread in threads) and not errors:
        next(thread for thread in threads if thread.is_alive()).join(LOOK_EVERY)
        committed = workload.committed
        patience = PATIENCE if committed != seen else patience - 1
        seen = committed
        progress(committed)
        if not patience:
            raise OperationalError(f"the threads are stuck: {waits(workload)}")


def waits(workload: Workload) -> str:
    waiting = {client.process: client.session.waiting_for for client in workload.clients}
    words = [f"process {process} waits for {whom}" for process, whom in waiting.items() if whom]
    return "; ".join(words) or "nobody waits for a lock"
