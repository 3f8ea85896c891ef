"""Keeping the log for those who read it later: slots of the change feed, readers without a slot, the archive.

    NAME.mdb-kept-...     closed segments that a slot or a reader still needs; its index names the slots
    NAME.mdb-slot-SLOT    how far the reader of a slot has got (`storage.slot_file`)
    DIR/...               the archive: every closed segment, for as long as the user leaves it there

    checkpoint:  switch -> fold -> publish -> Keeper.before_release -> log.release
                                              copies what is closed, syncs, forgets what no slot needs

While anybody keeps the log, records carry the old rows (`manager.keeping`). The number from which on they do is the
`since` of an index: what is older cannot be had as changes.

Invariants

 K1  A segment is copied before the log may use it again; if it cannot be copied, it is not released, and the
     checkpoint says so. So a full disk makes the log longer, and never leaves a hole.
 K2  A slot is in the index, durably, before `create_slot` returns, and so is the catalog of a commit not above it.
 K3  Of the commits above `since` all carry old rows: `keeping` is changed and `since` is read in one hold, and records
     made before are made again (`Manager.log_commit`).
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, NamedTuple

from minidb.errors import DuplicateObject, InvalidParameterValue, ObjectNotReady, UndefinedObject
from minidb.schema import Catalog
from minidb.storage.interface import FileSystem
from minidb.storage.log_archive import Archive, Index, KeptSegment, SlotEntry
from minidb.storage.log_segments import Segment
from minidb.storage.slot_file import SlotFile
from minidb.txn.relations import decode_catalog, encode_catalog

if TYPE_CHECKING:
    from minidb.storage.base import Base
    from minidb.storage.log import Log
    from minidb.txn.manager import Manager

KEPT, SLOT = "-kept-", "-slot-"
SLOT_NAME = re.compile(r"[a-z0-9_]{1,63}")


class SlotState(NamedTuple):
    """What `sys.slots` shows."""

    name: str
    position: int | None
    time_us: int | None
    lost: bool
    lag: int
    kept_bytes: int


class Hold:
    """Somebody reads from `position` on, in this process, without a slot."""

    def __init__(self, position: int) -> None:
        self.position = position


class Keeper:
    """What one database keeps of its log.

    Arguments:
        limit: bytes of kept segments beyond which the slot that is behind most is given up; None: none ever is.
    """

    def __init__(self, fs: FileSystem, path: str, base: Base, log: Log, manager: Manager, checkpoints: threading.Lock,
                 limit: int | None) -> None:
        self.fs = fs
        self.path = path
        self.base = base
        self.log = log
        self.manager = manager
        self.limit = limit
        self.holds: list[Hold] = []
        self._checkpoints = checkpoints  # no checkpoint runs meanwhile; taken before the latch
        self._archive: Archive | None = None
        self._epoch = 0
        self._own = self._load(f"{path}{KEPT}") or self._fresh(f"{path}{KEPT}")
        if self.index.archive:
            self._archive = self._open_archive(self.index.archive)
        self._drop_unused()  # of a reader without a slot, whose process ended
        self._told()

    def _load(self, prefix: str) -> Archive | None:
        found = Archive.load(self.fs, prefix)
        if found is not None and found.index.database_id != self.base.root.database_id:
            found.remove()  # of a database that stood here before
            return None
        return found

    def _fresh(self, prefix: str) -> Archive:
        return Archive(self.fs, prefix, Index(self.base.root.database_id))

    @property
    def index(self) -> Index:
        return self._own.index

    @property
    def active(self) -> bool:
        return bool(self.index.slots or self.holds or self._archive is not None)

    @property
    def archive(self) -> str:
        """The directory of the archive, empty if there is none."""
        return self.index.archive

    @property
    def prefixes(self) -> list[str]:
        """Below which segments are kept, for a reader."""
        return [self._own.prefix] if self._archive is None else [self._own.prefix, self._archive.prefix]

    def slot_path(self, name: str) -> str:
        return f"{self.path}{SLOT}{name}"

    # -- who keeps

    def create_slot(self, name: str, time_us: int) -> int:
        """Makes a slot that begins after the last commit; returns that one's number."""
        if not SLOT_NAME.fullmatch(name):
            raise InvalidParameterValue(
                f'"{name}" is no name for a slot', hint="Lower case letters, digits and underscores, 63 at most."
            )
        with self._checkpoints:
            if any(slot.name == name for slot in self.index.slots):
                raise DuplicateObject(f'slot "{name}" already exists')
            position = self._begin_own()
            SlotFile.create(self.fs, self.slot_path(name), position, time_us)
            self._own.index.slots.append(SlotEntry(name))
            try:
                self._own.save()
            except BaseException:
                self.index.slots.pop()
                self._told()
                raise
            self._told()
            return position

    def drop_slot(self, name: str) -> None:
        """Raises ObjectInUse while it has a reader."""
        with self._checkpoints:
            entry = self._entry(name)
            try:
                SlotFile.open(self.fs, self.slot_path(name), lock=True).close()
            except FileNotFoundError:
                pass
            self.index.slots.remove(entry)
            self._save_own()
            if self.fs.exists(self.slot_path(name)):
                self.fs.remove(self.slot_path(name))
            self._told()

    def _entry(self, name: str) -> SlotEntry:
        found = next((slot for slot in self.index.slots if slot.name == name), None)
        if found is None:
            raise UndefinedObject(f'slot "{name}" does not exist')
        return found

    def hold(self, position: int | None) -> Hold:
        """Keeps everything above `position` (None: above the last commit) until `let_go`.

        Raises ObjectNotReady if that is not there any more, or was never kept."""
        with self._checkpoints:
            published = self._begin_own()
            try:
                since = self.since()
                if position is not None and (since is None or position < since):
                    raise unavailable(position, since)
                found = Hold(published if position is None else position)
                self.holds.append(found)
                return found
            finally:
                self._told()
                self._drop_unused()

    def let_go(self, hold: Hold) -> None:
        with self._checkpoints:
            self.holds.remove(hold)
            self._told()
            self._drop_unused()

    def _drop_unused(self) -> None:
        """What was kept for readers that are gone: from now on it would have holes."""
        if (self.index.segments or self.index.points) and not self._positions():
            self._save_own()

    def set_archive(self, directory: str) -> None:
        """Keeps every segment that is closed from now on in `directory`, too; empty: no longer."""
        with self._checkpoints:
            if directory == self.index.archive:
                return
            archive = None
            if directory:
                archive = self._open_archive(directory)
                if archive.index.segments and archive.index.segments[-1].generation + 1 < self._oldest_generation():
                    raise ObjectNotReady(
                        f"the archive {directory} has a gap: it ends with commit {archive.index.segments[-1].last}",
                        hint="Begin a new archive in an empty directory, and make a backup.",
                    )
            self._archive = archive
            self.index.archive = directory
            since = self._told()
            if archive is not None:
                archive.index.since = archive.index.since or since
                archive.note_catalog(self.base.root.number, self._base_catalog())
                archive.save()
            self._own.save()

    def _open_archive(self, directory: str) -> Archive:
        prefix = f"{directory}/"
        found = Archive.load(self.fs, prefix)
        if found is None:
            return self._fresh(prefix)
        if found.index.database_id != self.base.root.database_id:
            raise InvalidParameterValue(f"{directory} is the archive of another database")
        return found

    def _oldest_generation(self) -> int:
        return min((segment.generation for segment, _ in self.log.closed()), default=1 << 62)

    # -- beginning and ending

    def since(self) -> int | None:
        """The number above which changes can be had now."""
        known = [index.since for index in self.indexes() if index.points]
        return min(known) if known else None

    def indexes(self) -> list[Index]:
        """What is kept, for a reader."""
        return [self.index] if self._archive is None else [self.index, self._archive.index]

    def _begin_own(self) -> int:
        """Sees to it that from the number returned on everything is kept. During no checkpoint."""
        since = self._told(begin=True)
        try:
            if not self._positions():
                gone, self.index.segments, self.index.points = self.index.segments, [], []
                self.index.since = since
                self._own.note_catalog(self.base.root.number, self._base_catalog())
                self._own.save()
                self._own.discard(gone)
        except BaseException:
            self._told()
            raise
        return since

    def _told(self, *, begin: bool = False) -> int:
        with self.manager.latch:
            self._tell(begin)
            return self.manager.assigned

    def _tell(self, begin: bool = False) -> None:
        """K3. Under the latch."""
        active = begin or self.active
        if active and not self.manager.keeping:
            self._epoch += 1
            self.manager.keeping = self._epoch
        elif not active:
            self.manager.keeping = 0

    def _base_catalog(self) -> bytes:
        return plain_catalog(decode_catalog(self.base.root.catalog))

    # -- checkpoints

    def before_release(self, number: int, catalog: Catalog) -> None:
        """The base stands as of `number`, with this catalog: the closed segments are about to be used again (K1)."""
        if not self.active:
            return
        data = plain_catalog(catalog)
        closed = self.log.closed()
        if self._archive is not None:
            keep_all(self._archive, closed, number, data)
            self._archive.save()
        if self.index.slots or self.holds:
            keep_all(self._own, closed, number, data)
            self._give_up_slots()
        self._save_own()

    def _save_own(self) -> None:
        """Saves the database's own index without what nobody needs any more."""
        positions = self._positions()
        gone: list[KeptSegment]
        if positions:
            gone = self._own.prune(min(positions))
            self._own.save()
            self._own.discard(gone)
        elif self.index.archive or self.index.slots:
            gone, self.index.segments, self.index.points = self.index.segments, [], []
            self._own.save()
            self._own.discard(gone)
        else:
            self._own.remove()
            self._own.index = Index(self.base.root.database_id)

    def _positions(self) -> list[int]:
        """From where on the readers still read."""
        found = [hold.position for hold in list(self.holds)]
        for slot in self.index.slots:
            position = None if slot.lost else self.position_of(slot.name)
            if position is not None:
                found.append(position)
        return found

    def position_of(self, name: str) -> int | None:
        """How far a slot's reader has got; None if its file is gone."""
        try:
            file = SlotFile.open(self.fs, self.slot_path(name))
        except FileNotFoundError:
            return None
        file.close()
        return file.position

    def _give_up_slots(self) -> None:
        """The slots that are behind most, as long as more is kept for them than the limit allows."""
        while self.limit is not None:
            positions = self._positions()
            living = [slot for slot in self.index.slots if not slot.lost]
            needed = [segment for segment in self.index.segments if positions and segment.last > min(positions)]
            if not living or sum(segment.end for segment in needed) <= self.limit:
                return
            behind = min(living, key=lambda slot: self.position_of(slot.name) or 0)
            self.index.slots[self.index.slots.index(behind)] = SlotEntry(behind.name, True)
            if not self._positions():
                return

    # -- looking

    def slots(self) -> list[SlotState]:
        published = self.manager.published
        found = []
        for slot in list(self.index.slots):
            try:
                file = SlotFile.open(self.fs, self.slot_path(slot.name))
            except FileNotFoundError:
                found.append(SlotState(slot.name, None, None, True, 0, 0))
                continue
            file.close()
            kept = sum(segment.end for segment in self.index.segments if segment.last > file.position)
            lag = max(0, published - file.position)
            found.append(SlotState(slot.name, file.position, file.time_us, slot.lost, lag, 0 if slot.lost else kept))
        return found


def keep_all(archive: Archive, closed: list[tuple[Segment, int]], number: int, catalog: bytes) -> None:
    for segment, chunks_from in closed:
        archive.keep(segment, chunks_from)
    archive.note_catalog(number, catalog)


def plain_catalog(catalog: Catalog) -> bytes:
    """A catalog as the points of an index have it: equal bytes mean that nothing was changed in between (R67)."""
    return encode_catalog(catalog, ())


def unavailable(position: int, since: int | None) -> ObjectNotReady:
    if since is None:
        return ObjectNotReady(
            f"the changes after commit {position} were not kept",
            hint="A slot or an archive keeps them; without one, changes can be had from now on.",
        )
    return ObjectNotReady(f"the changes after commit {position} are not kept; those after commit {since} are")


__all__ = ["KEPT", "SLOT", "Hold", "Keeper", "SlotState"]
