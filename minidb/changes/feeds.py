"""Feeds: where one begins, how it waits for more, and what it acknowledges."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from minidb.changes.change import Change, as_it_is, for_json
from minidb.changes.decoder import ChangeDecoder
from minidb.errors import InterfaceError, ObjectNotReady, OperationalError, UndefinedObject
from minidb.storage.file import OSFileSystem
from minidb.storage.interface import FileSystem
from minidb.storage.log_archive import Archive, Index, known_before
from minidb.storage.log_tail import LogTail, SegmentGone, TailCommit
from minidb.storage.slot_file import SlotFile
from minidb.txn.keeping import KEPT, SLOT, unavailable
from minidb.txn.relations import decode_catalog

if TYPE_CHECKING:
    from minidb.database import Database

PAUSE, LONGEST_PAUSE = 0.005, 0.2  # seconds between two looks at the log


class Feed:
    """An iterator over changes; also a context manager. Not to be used by two threads at once.

    Arguments:
        start: everything after this commit is given.
        known: what is kept says which catalogs are known, and below which numbers nothing is.
        follow: whether to wait for more at the end; `close` from another thread ends it.
    """

    def __init__(self, tail: Callable[[int], LogTail], indexes: list[Index], start: int, *,
                 slot: SlotFile | None = None, follow: bool = False, json: bool = False,
                 before_look: Callable[[], None] = lambda: None, on_close: Callable[[], None] = lambda: None) -> None:
        self.position = start  # the last commit that was given out as a whole
        self.slot = slot
        self.follow = follow
        self.closed = False
        self.on_idle: Callable[[], None] = lambda: None  # called when what was there at one look is given out
        self._start = start
        self._before_look = before_look
        self._on_close = on_close
        since = [index.since for index in indexes if index.points]
        if not since or start < min(since):
            raise unavailable(start, min(since, default=None))
        points = sorted((point for index in indexes for point in index.points), key=lambda point: point.first)
        known = known_before(points, start)
        catalog = next(point.catalog for point in reversed(points) if point.first <= known <= point.last)
        self._tail = tail(known)
        self._decoder = ChangeDecoder(decode_catalog(catalog), for_json if json else as_it_is)
        self._changes = self._run()

    def __iter__(self) -> Iterator[Change]:
        return self

    def __next__(self) -> Change:
        return next(self._changes)

    def _run(self) -> Iterator[Change]:
        pause = PAUSE
        while not self.closed:
            found = False
            for commit in self._read():
                found = True
                if commit.number <= self._start:
                    self._decoder.skip(commit)
                    continue
                yield from self._decoder.changes(commit)
                self.position = commit.number
            if found:
                pause = PAUSE
                self.on_idle()
            elif not self.follow:
                return
            else:
                time.sleep(pause)
                pause = min(pause * 1.5, LONGEST_PAUSE)

    def _read(self) -> Iterator[TailCommit]:
        try:
            self._before_look()
            yield from self._tail.read()
        except SegmentGone as error:
            raise ObjectNotReady(
                f"the log after commit {self.position} is not kept any more", detail=str(error)
            ) from error

    def acknowledge(self, commit: int | None = None) -> None:
        """Everything up to `commit` (the last one given out as a whole) has been handled and need not come again."""
        if self.slot is None:
            raise InterfaceError("only a feed with a slot can be acknowledged")
        self.slot.advance(self.position if commit is None else commit, time.time_ns() // 1000)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._tail.close()
            if self.slot is not None:
                self.slot.close()
            self._on_close()

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def feed_of(database: Database, *, since: int | None = None, slot: str | None = None, follow: bool = False,
            json: bool = False) -> Feed:
    """A feed in the process that has the database open. See `Connection.changes`."""
    keeper = database.keeper

    def look() -> None:
        database.check_usable()
        database.log.flush()  # commits of durability `off` wait in memory

    file, hold = None, None
    if slot is not None:
        file, since = open_slot(keeper.fs, keeper.path, keeper.index, slot, since)
    else:
        hold = keeper.hold(since)
        since = hold.position
    assert since is not None

    def tail(start: int) -> LogTail:
        return LogTail(keeper.fs, keeper.path, database.base.root.database_id, keeper.prefixes, start,
                       bound=lambda: database.manager.published)

    def let_go() -> None:
        if hold is not None:
            keeper.let_go(hold)

    try:
        return Feed(tail, keeper.indexes(), since, slot=file, follow=follow, json=json, before_look=look,
                    on_close=let_go)
    except BaseException:
        let_go()
        if file is not None:
            file.close()
        raise


def feed_beside(path: str, *, since: int | None = None, slot: str | None = None, archive: str | None = None,
                follow: bool = False, json: bool = False, fs: FileSystem | None = None) -> Feed:
    """A feed from the files of a database that perhaps another process has open. `archive`: a directory to look in,
    where the database itself does not remember it."""
    fs = fs or OSFileSystem()
    if not fs.exists(path):
        raise OperationalError(f"there is no database {path}")
    path = fs.resolve(path)
    own = Archive.load(fs, f"{path}{KEPT}")
    other = Archive.load(fs, f"{archive}/") if archive else None
    found = [archive for archive in (own, other) if archive is not None]
    if not found:
        raise ObjectNotReady(
            f"{path} keeps no log: it has neither slots nor an archive",
            hint="Make a slot first: minidb changes FILE --create-slot NAME.",
        )
    if other is None and own is not None and own.index.archive:
        other = Archive.load(fs, f"{own.index.archive}/")
        found += [other] if other is not None else []
    file = None
    if slot is not None:
        file, since = open_slot(fs, path, found[0].index, slot, since)
    indexes = [archive.index for archive in found]
    if since is None:
        since = min(index.since for index in indexes if index.points)

    def tail(start: int) -> LogTail:
        return LogTail(fs, path, found[0].index.database_id, [archive.prefix for archive in found], start)

    try:
        return Feed(tail, indexes, since, slot=file, follow=follow, json=json)
    except BaseException:
        if file is not None:
            file.close()
        raise


def open_slot(fs: FileSystem, path: str, index: Index, name: str, since: int | None) -> tuple[SlotFile, int]:
    """The slot's file, locked, and where to begin: never before the slot's own position."""
    entry = next((slot for slot in index.slots if slot.name == name), None)
    if entry is None:
        raise UndefinedObject(f'slot "{name}" does not exist')
    if entry.lost:
        raise ObjectNotReady(
            f'slot "{name}" was given up: it was so far behind that the limit for kept log was passed',
            hint="Drop it, make it again, and begin with a copy of the tables.",
        )
    file = SlotFile.open(fs, f"{path}{SLOT}{name}", lock=True)
    return file, max(file.position, since or 0)
