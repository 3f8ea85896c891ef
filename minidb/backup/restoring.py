"""A database made again: a copy of a backup, carried on by the log or its archive in rounds."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from minidb.backup.labels import Label, read_label
from minidb.backup.to_file import refuse_existing
from minidb.errors import (
    DatabaseCorrupt,
    InvalidParameterValue,
    NotADatabase,
    ObjectInUse,
    ObjectNotReady,
    OperationalError,
)
from minidb.storage.disk_errors import disk_error
from minidb.storage.file import OSFileSystem
from minidb.storage.interface import File, FileSystem
from minidb.storage.log import Log
from minidb.storage.log_archive import Archive
from minidb.storage.log_segments import SegmentFiles
from minidb.storage.log_tail import LogTail, SegmentGone, TailCommit
from minidb.storage.meta import META_SIZE, SLOT_SIZE, Meta, decode_meta, encode_meta, read_metas

if TYPE_CHECKING:
    pass

ROUND = 32 << 20  # bytes of commits that are replayed between two checkpoints of a restore
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Restored(NamedTuple):
    """What a restore has made: the database as of commit `number`, made at `time` (None: that of the backup)."""

    number: int
    time: datetime | None


def restore(source: str, target: str, *, archive: str | None = None, log: str | None = None,
            commit: int | None = None, until: datetime | None = None,
            progress: Callable[[int], object] | None = None, fs: FileSystem | None = None) -> Restored:
    """Makes the new database file `target` from the backup `source` and, if given, what was committed after it.

    Arguments:
        archive: the directory of the original's archive.
        log: the original's file name, if its log is still there: what was not archived yet is taken from that.
        commit: the last commit to take; None: all.
        until: commits made after this time, and what follows them, are not taken; aware, or in UTC.
        progress: called with the number of the last commit after each round.

    Raises ObjectNotReady if the archive does not go on from the backup, or does not reach the commit; DatabaseCorrupt,
    DiskFull. Nothing is left behind then.
    """
    fs = fs or OSFileSystem()
    refuse_existing(fs, target)
    working = f"{target}-restoring"
    try:
        label = copy_backup(fs, source, working)
        done = Restored(label.number if label is not None else 0, None)
        if archive is not None or log is not None:
            if label is None:
                raise ObjectNotReady(
                    f"{source} is no untouched backup, so that no log goes on from it",
                    hint="A backup that was opened and written to has a history of its own.",
                )
            done = roll_forward(fs, working, label, Wanted(archive, log, commit, until), progress)
        elif commit is not None or until is not None:
            raise InvalidParameterValue("a time or a commit to restore to needs an archive or a log")
        remove_log(fs, working)
        fs.rename(working, target)
        fs.sync_directory(target)
    except BaseException as error:
        remove_log(fs, working)
        if fs.exists(working):
            fs.remove(working)
        if isinstance(error, OSError):
            raise disk_error(error, f"restore {target}") from error
        raise
    return done


class Wanted(NamedTuple):
    """What to take of the log."""

    archive: str | None
    log: str | None
    commit: int | None
    until: datetime | None

    def includes(self, commit: TailCommit) -> bool:
        if self.commit is not None and commit.number > self.commit:
            return False
        return self.until is None or EPOCH + timedelta(microseconds=commit.time_us) <= aware(self.until)


def aware(when: datetime) -> datetime:
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)


def copy_backup(fs: FileSystem, source: str, target: str) -> Label | None:
    """A copy with an id of its own; the label if it is untouched. A closed database will do, but has none."""
    try:
        file = fs.open(source, read_only=True)
    except OSError as error:
        raise OperationalError(f"cannot open {source}: {error.strerror}") from error
    try:
        file.lock(shared=True)
        newest, older, damaged = read_metas(file)
        if not newest.clean or damaged or older is None:
            raise NotADatabase(
                f"{source} is not a backup, nor a database that was closed",
                hint="Close the database first, or copy it with `minidb backup`.",
            )
        label = read_label(file)
        copied = fs.open(target, create=True)
        try:
            copied.truncate(0)
            copy_file(file, copied, newest)
        finally:
            copied.close()
        fs.sync_directory(target)
    except BlockingIOError as error:
        raise ObjectInUse(f"{source}: another process has the database open") from error
    finally:
        file.close()
    untouched = label is not None and (label.generation, label.number) == (newest.generation, newest.number)
    return label if untouched else None


def copy_file(source: File, target: File, newest: Meta) -> None:
    """The metas last, so that a copy that was interrupted is none."""
    size = newest.blocks * newest.block
    for offset in range(2 * SLOT_SIZE, size, 1 << 20):
        data = source.read(offset, min(1 << 20, size - offset))
        if any(data):  # holes stay holes
            target.write(offset, data)
    target.truncate(size)
    target.sync()
    database_id = os.urandom(16)
    for slot in (0, 1):
        meta = decode_meta(source.read(slot * SLOT_SIZE, META_SIZE), slot)
        if meta is None:
            raise DatabaseCorrupt(f"{source.path}: a meta page is damaged")
        target.write(slot * SLOT_SIZE, encode_meta(msgspec.structs.replace(meta, database_id=database_id)))
    target.sync()


def roll_forward(fs: FileSystem, path: str, label: Label, wanted: Wanted,
                 progress: Callable[[int], object] | None) -> Restored:
    """Takes the wanted commits, in rounds: each is written into the copy's log, recovered, and folded."""
    prefixes = []
    if wanted.archive is not None:
        prefixes.append(f"{wanted.archive}/")
        check_archive(fs, wanted.archive, label)
    tail = LogTail(fs, wanted.log or f"{path}-none", label.origin, prefixes, label.number)
    try:
        commits = Commits(tail, wanted)
        while round_of_commits(fs, path, commits):
            if progress is not None:
                progress(commits.last)
    except SegmentGone as error:
        raise ObjectNotReady(
            f"the log does not go on from the backup, which is of commit {label.number}", detail=str(error),
            hint="A log is used again after a checkpoint, also that of closing; only an archive keeps what was in it.",
        ) from error
    finally:
        tail.close()
    last = max(commits.last, label.number)
    if wanted.commit is not None and last != wanted.commit:
        where = f"the log ends with commit {last}" if last < wanted.commit else f"the backup is of commit {last}"
        raise ObjectNotReady(f"commit {wanted.commit} cannot be restored: {where}")
    made = EPOCH + timedelta(microseconds=label.time_us)
    if wanted.until is not None and not commits.last and made > aware(wanted.until):
        raise ObjectNotReady(f"the backup was made at {made.isoformat()}, after the time to restore to")
    return Restored(last, EPOCH + timedelta(microseconds=commits.time_us) if commits.last else None)


def check_archive(fs: FileSystem, directory: str, label: Label) -> None:
    found = Archive.load(fs, f"{directory}/")
    if found is None:
        raise ObjectNotReady(f"there is no archive in {directory}")
    if found.index.database_id != label.origin:
        raise ObjectNotReady(f"{directory} is the archive of another database than the backup's")


class Commits:
    """The wanted commits of a log, one by one, with a look ahead."""

    def __init__(self, tail: LogTail, wanted: Wanted) -> None:
        self.wanted = wanted
        self.last = 0
        self.time_us = 0
        self._commits = tail.read_all()
        self._next = next(self._commits, None)

    def peek(self) -> TailCommit | None:
        found = self._next
        return found if found is not None and self.wanted.includes(found) else None

    def advance(self) -> None:
        assert self._next is not None
        self.last, self.time_us = self._next.number, self._next.time_us
        self._next = next(self._commits, None)


def round_of_commits(fs: FileSystem, path: str, commits: Commits) -> bool:
    """Makes the log of the copy anew, lets the database recover it, and closes that; False if nothing was left."""
    from minidb.database import Database

    commit = commits.peek()
    if commit is None:
        return False
    log = Log.create(fs, path, identity(fs, path), number=commit.number - 1)
    size = 0
    while commit is not None and size < ROUND:
        size += write_commit(log, commit)
        commits.advance()
        commit = commits.peek()
    log.close()
    Database(path, files=fs, background=False).close()
    return True


def write_commit(log: Log, commit: TailCommit) -> int:
    size = len(commit.payload)
    for place in commit.chunks:
        data = place.read()
        log.chunk(commit.number, data)
        size += len(data)
    log.reserve(len(commit.payload))
    transaction = commit.number if commit.chunks else 0
    log.settle(log.queue(commit.number, commit.payload, "off", commit.time_us, transaction))
    return size


def identity(fs: FileSystem, path: str) -> bytes:
    file = fs.open(path, read_only=True)
    try:
        return read_metas(file)[0].database_id
    finally:
        file.close()


def remove_log(fs: FileSystem, path: str) -> None:
    """Of a database that was closed cleanly, or is given up."""
    for name in SegmentFiles(fs, path, 0, 0, 0).names():
        fs.remove(name)
