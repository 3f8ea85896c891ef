"""When the base file is compacted, and how far: what `storage.compaction` does, in steps that disturb nobody.

    checkpoint   `move_some`: if most of the file is free, about as many pages as the checkpoint has written anyway
    VACUUM       `compact`, until nothing more is to be had
    last close   `compact`, as far as it goes in a moment

Each step of `compact` publishes the same database again, as of the same commit. What it has freed can be taken after
the next publish and cut off after the one behind it, since two meta pages stay whole (R14, R19).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from minidb.storage.compaction import Limits, Place

if TYPE_CHECKING:
    from minidb.storage.base import Base
    from minidb.storage.writer import BaseWriter
    from minidb.txn.manager import Manager

NODES = 16  # inner nodes that each checkpoint looks at for pages to move, at least
BLOCKS_OF_NODE = 16  # blocks written that allow for another one
ALL = 1 << 62
PASSES = 12  # publishes of one `compact`, at most
IDLE = 3  # publishes that free nothing before it gives up: readers of older roots need what is left

BYTES_AT_CLOSE = 64 << 20  # that are moved in the file when the last user goes
NODES_AT_CLOSE = 1000  # inner nodes: in a larger database finding what to move takes too long for that
WORTH_AT_CLOSE = 1 / 8  # part of the file that must be superfluous then
BYTES_OF_STEP = 64 << 20  # of a VACUUM: between two, others may have their checkpoint
WORTH = 1 / 64


class Compactor:
    """Compacts the file of one database. `checkpoints`: held while a base is written."""

    def __init__(self, base: Base, manager: Manager, checkpoints: threading.Lock) -> None:
        self.base = base
        self.manager = manager
        self._checkpoints = checkpoints
        self._place: Place | None = None  # where `move_some` goes on

    def move_some(self, writer: BaseWriter) -> None:
        """Part of a checkpoint."""
        base = self.base
        if base.extents.total > max(base.growth, base.extents.end // 2):
            written = writer.blocks_written
            limits = Limits(max(base.growth, written), NODES + written // BLOCKS_OF_NODE, ALL)
            _, self._place = writer.compact(limits, self._place)

    def vacuum(self, on_slice: Callable[[], None]) -> None:
        """Moves all pages together and gives the end of the file back."""
        base = self.base
        size = base.extents.end
        step = max(BYTES_OF_STEP // base.pages.block, size // 8)
        while self.compact(step, WORTH, on_slice) and base.extents.end < size:
            size = base.extents.end

    def close(self, on_slice: Callable[[], None]) -> None:
        """The last user goes."""
        base = self.base
        nodes = sum(relation.pages for relation in base.root.relations.values()) * 2 // base.sizes.fanout
        if nodes <= NODES_AT_CLOSE:
            self.compact(BYTES_AT_CLOSE // base.pages.block, WORTH_AT_CLOSE, on_slice)

    def compact(self, most: int, worth: float, on_slice: Callable[[], None]) -> bool:
        """Moves pages towards the head of the file and cuts its end off; commits and readers go on meanwhile.

        Arguments:
            most: blocks that are moved.
            worth: part of the file that must be superfluous to make it worth while.

        Returns whether it ended because of `most`.
        """
        base, left, idle = self.base, most, 0
        with self._checkpoints:
            for _ in range(PASSES):
                before = base.slack
                if before <= worth * max(base.growth, base.extents.end) or left <= 0 or idle == IDLE:
                    break
                moved = self._step(left, on_slice)
                left -= moved
                idle = 0 if moved or base.slack < before else idle + 1
            base.cut_file(exactly=True)
            return left <= 0

    def _step(self, most: int, on_slice: Callable[[], None]) -> int:
        """Moves and publishes; returns how many blocks were written for it."""
        root = self.base.root
        writer = self.base.begin(on_slice)
        try:
            writer.compact(Limits(most, ALL, most))
            written = writer.blocks_written
            new_root = writer.publish(root.number, root.catalog, clean=root.clean)
        except BaseException:
            writer.abandon()
            raise
        with self.manager.latch:
            self.base.swap(new_root)
        return written


__all__ = ["Compactor"]
