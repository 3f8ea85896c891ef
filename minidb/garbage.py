"""The garbage collector, while very many objects are made that are not garbage.

CPython's collector tracks versions of rows and what holds them together, and looks through each new one several times
before it believes that it will stay: for a large insert that took as long as the insert. None of them is ever garbage
in a cycle. So whoever makes thousands of them says so:

    with lasting:       1. what the program has left behind so far is collected (the youngest generation)
        ...             2. nothing is
                        3. what was made meanwhile joins the oldest generation, unseen: one step, however much it is

What another thread leaves behind in cycles meanwhile joins it, too, and is found when that generation is looked
through. Where the program has frozen objects itself (`gc.freeze`) the third step is left out, as it would thaw them.
"""

from __future__ import annotations

import gc
import threading

ASKED_AGAIN = 100  # uses after which it is counted again how many objects are frozen


class Lasting:
    """Whether the collector is put off, by how many at a time; it is enabled again only if it was enabled before."""

    def __init__(self) -> None:
        self._latch = threading.Lock()
        self._users = 0
        self._enable = False
        self._frozen = 0  # for so many uses it is taken for granted that there are frozen objects

    def __enter__(self) -> None:
        with self._latch:
            if self._users == 0:
                self._enable = gc.isenabled()
                if self._enable:
                    gc.collect(0)
                    gc.disable()
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._latch:
            self._users -= 1
            if self._users == 0 and self._enable:
                self._promote()
                gc.enable()

    def _promote(self) -> None:
        if self._frozen:
            self._frozen -= 1  # counting them takes as long as there are many
        elif gc.get_freeze_count():
            self._frozen = ASKED_AGAIN
        else:
            gc.freeze()
            gc.unfreeze()


lasting = Lasting()  # of the process, as the collector is
