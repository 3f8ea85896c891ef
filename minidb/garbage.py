"""The garbage collector, put off while very many objects are made that are not garbage.

A version of a row is an object that CPython's collector tracks, and each hundred thousand of them make it look through
all of them several times: a third of the time of a bulk load. None of them is ever garbage in a cycle. So a load puts
the collector off for some thousand rows at a time; in between it may run, so that what the program itself leaves behind
meanwhile does not pile up.
"""

from __future__ import annotations

import gc
import threading


class Pause:
    """Whether the collector is put off, by how many at a time; it is enabled again only if it was enabled before."""

    def __init__(self) -> None:
        self._latch = threading.Lock()
        self._users = 0
        self._enable = False

    def __enter__(self) -> None:
        with self._latch:
            if self._users == 0:
                self._enable = gc.isenabled()
                gc.disable()
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._latch:
            self._users -= 1
            if self._users == 0 and self._enable:
                gc.enable()


no_collection = Pause()  # of the process, as the collector is
