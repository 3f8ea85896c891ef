"""An adaptive hash index: from keys that were looked up lately straight to their rows.

A search by a unique key descends two trees, that of the index and that of the rows, and compares at every level; most
programs look for the same keys again. So the answers of such searches are kept, as InnoDB's adaptive hash index does
(MySQL Reference Manual, "Adaptive Hash Index"): a dict from key to (address, row), per unique index and per clustered
table.

An answer is the base's, as of one root; base and root are immutable, so within that root it cannot become wrong. A
checkpoint publishes another root, and a changed definition another form of rows: either begins an empty dict. What is
newer than the base is asked for elsewhere, before (`txn.reads`).

Of the searches only every fourth is kept: a key that is looked for often is found here soon all the same, and a program
that never looks for one again pays little.

Keys are counted, not weighed: at most one for each KiB that the page cache may take. When they are that many, all are
forgotten; a full dict that lets single keys go would have to keep their order, which costs what is saved here.
"""

from __future__ import annotations

from minidb.keys import Key, Row
from minidb.storage.base import Base
from minidb.storage.interface import Ref
from minidb.storage.roots import Root

BYTES_PER_KEY = 1024
KEPT_OF = 4  # searches, one; a power of two


class HotKeys:
    """The answers of one root. `found` is read and filled without the latch: single operations of a dict are atomic."""

    __slots__ = ("found", "limit", "root", "searches")

    def __init__(self, root: Root | None, base: Base) -> None:
        self.root = root
        self.limit = base.pool.limit // BYTES_PER_KEY
        self.found: dict[Key, tuple[Ref, Row]] = {}
        self.searches = 0

    def keep(self, key: Key, place: tuple[Ref, Row]) -> None:
        self.searches += 1
        if self.searches & (KEPT_OF - 1):
            return
        if len(self.found) >= self.limit:
            self.found.clear()
        self.found[key] = place
