"""A disk that fails on demand and loses power on demand; for the tests of storage, also those of applications.

`FaultyFileSystem` keeps its files in memory and writes down every change and every sync, in order. Two questions can
then be asked, as often as one likes, after one run:

    fail(kind, nth, ...)        the n-th call of a kind from now fails, halfway through if it is a write
    crash(kept, step=n)         a MemoryFileSystem as it is found after the power went off before step n

    history    write A   write A   sync A   write A   truncate B   rename C D   sync directory
    step       0         1         2        3         4            5            6              7 = len(history)

    before step 6:  [ durable: the two first writes ]    pending(6) = [write A, truncate B, rename C D]

What a crash leaves is the durable state with any of the pending changes applied, in any order, each of them whole,
torn or not at all. The caller chooses by handing over the list: `pending(step)` itself (everything arrived), `[]`
(nothing did), a subset, another order, or pieces: `change.sectors()`, `change.torn(start, stop)`.

Invariants

 X1  A change of contents is pending until a sync of the same file succeeds, or of the same place if it is synced by
     the call that writes it (`write_synced`); a change of names until its directory is synced. A write to a file whose
     name is lost is lost with it.
 X2  A sync that fails makes nothing durable, and what was pending then may still arrive but is not made durable by
     any later sync of the file, although that one reports success: so does Linux, which marks the pages clean (R5).
     What was written later in the same place, and synced, stays on top of it.
 X3  Nothing here is random except how much of a failing write arrives (up to the end of a sector) and how much a short
     read returns, unless the order says so; both come from the seed.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from itertools import pairwise
from random import Random
from typing import Literal, NamedTuple

from minidb.storage.file import Inode, MemoryFile, MemoryFileSystem
from minidb.storage.interface import File

SECTOR = 512  # bytes that a disk writes as a whole, or not

Kind = Literal["open", "read", "write", "sync", "truncate", "create", "remove", "rename", "sync_directory",
               "lock"]
FLIP = -1  # in place of an errno, for a read: one bit of what is read is turned round
CHANGES = frozenset({"write", "truncate", "create", "remove", "rename"})


class Change(NamedTuple):
    """One entry of the history: something that changes the disk, or a sync.

    Attributes:
        step: its place in the history.
        inode: the file's number, whatever its name is by then.
        offset: where a write begins; the new size for a truncation.
        data: what is written; for a sync: what was written with it in one call, which then is all that it concerns.
        failed: for a sync: it raised.
        target: the new name for a rename.
    """

    step: int
    kind: Kind
    path: str
    inode: int
    offset: int = 0
    data: bytes = b""
    target: str = ""
    failed: bool = False

    def torn(self, start: int, stop: int) -> Change:
        """The part of a write that arrived: bytes `start` to `stop` of its data."""
        return self._replace(offset=self.offset + start, data=self.data[start:stop])

    def sectors(self) -> list[Change]:
        """A write in pieces of whole sectors, cut where the disk's sectors are cut; anything else as it is."""
        if self.kind != "write" or not self.data:
            return [self]
        first = SECTOR - self.offset % SECTOR
        cuts = [0, *range(first, len(self.data), SECTOR), len(self.data)]
        return [self.torn(start, stop) for start, stop in pairwise(cuts)]


class Fault:
    """One order to fail, see `FaultyFileSystem.fail`."""

    def __init__(self, kind: Kind, nth: int, times: int, code: int, path: str | None, partial: int | None) -> None:
        self.kind = kind
        self.nth = nth
        self.times = times
        self.code = code
        self.path = path
        self.partial = partial

    def strikes(self, kind: Kind, path: str) -> bool:
        """Counts the call; True if it is one of those that fail."""
        if kind != self.kind or self.path not in (None, path) or self.times == 0:
            return False
        self.nth -= 1
        if self.nth > 0:
            return False
        self.times -= 1
        return True


class FaultyFile(MemoryFile):
    """A memory file that reports what is done to it, and fails when told to."""

    __slots__ = ("system",)

    def __init__(self, path: str, inode: Inode, system: FaultyFileSystem, read_only: bool) -> None:
        super().__init__(path, inode, id(system), read_only)
        self.system = system

    def read(self, offset: int, length: int) -> bytes:
        data = super().read(offset, length)
        fault = self.system.struck("read", self.path)
        if fault is None:
            return data
        if fault.code == FLIP:
            return self.system.flipped(data)
        if fault.code:
            raise self.system.error(fault, self.path)
        return data[: fault.partial if fault.partial is not None else self.system.random.randrange(len(data) + 1)]

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        fault = self.system.struck("write", self.path)
        if fault is not None:
            data = bytes(data)[: self.system.arrived(fault, offset, len(data))]
        super().write(offset, data)
        if data:
            self.system.note("write", self.path, self.inode.number, offset=offset, data=bytes(data))
        if fault is not None:
            raise self.system.error(fault, self.path)

    def write_synced(self, offset: int, data: bytes) -> None:
        self.write(offset, data)
        self._sync(offset, data)

    def sync(self) -> None:
        self._sync(0, b"")

    def _sync(self, offset: int, data: bytes) -> None:
        fault = self.system.struck("sync", self.path)
        super().sync()
        self.system.note("sync", self.path, self.inode.number, offset=offset, data=data, failed=fault is not None)
        if fault is not None:
            raise self.system.error(fault, self.path)

    def lock(self, *, shared: bool = False) -> None:
        self.system.check("lock", self.path)
        super().lock(shared=shared)

    def truncate(self, size: int) -> None:
        self.system.check("truncate", self.path)
        super().truncate(size)
        self.system.note("truncate", self.path, self.inode.number, offset=size)


class FaultyFileSystem(MemoryFileSystem):
    """Memory files with a history and orders to fail.

    Arguments:
        base: the files that are there, and durable, at the beginning; they are copied.
        seed: decides how much of a failing write arrives when the order does not say.
    """

    def __init__(self, base: MemoryFileSystem | None = None, *, seed: int = 0) -> None:
        super().__init__()
        self.random: Random = Random(seed)
        self.history: list[Change] = []
        self.faults: list[Fault] = []
        self.counts: dict[Kind, int] = {}
        self.struck_orders = 0
        for path, inode in base.names.items() if base is not None else ():
            self.names[path] = self.new_inode(inode.data)
        self._beginning = {path: (inode.number, bytes(inode.data)) for path, inode in self.names.items()}

    # -- orders ---------------------------------------------------------------------------------------------

    def fail(
        self,
        kind: Kind,
        nth: int = 1,
        *,
        times: int = 1,
        code: int = errno.EIO,
        path: str | None = None,
        partial: int | None = None,
    ) -> Fault:
        """Lets the `nth` call of `kind` from now fail, and the `times` - 1 calls after it.

        Arguments:
            code: the errno. For a read, 0 lets it return fewer bytes instead of raising, FLIP one bit wrong.
            path: only calls on this path are counted.
            partial: bytes of a write that arrive before it fails, or that a read returns; None leaves it to the seed
                (X3).
        """
        fault = Fault(kind, nth, times, code, path, partial)
        self.faults.append(fault)
        return fault

    def heal(self) -> None:
        """Forgets all orders to fail."""
        self.faults.clear()

    def struck(self, kind: Kind, path: str) -> Fault | None:
        """Counts one call and returns the order that makes it fail, if there is one."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        found = [fault for fault in self.faults if fault.strikes(kind, path)]  # all of them count
        self.struck_orders += len(found)
        return found[0] if found else None

    def check(self, kind: Kind, path: str) -> None:
        fault = self.struck(kind, path)
        if fault is not None:
            raise self.error(fault, path)

    def flipped(self, data: bytes) -> bytes:
        """The data with one bit turned round; the seed says which."""
        wrong = bytearray(data)
        if wrong:
            wrong[self.random.randrange(len(wrong))] ^= 1 << self.random.randrange(8)
        return bytes(wrong)

    def arrived(self, fault: Fault, offset: int, length: int) -> int:
        """Bytes of a failing write that arrive: up to the end of some sector, if the order does not say (X3)."""
        if fault.partial is not None:
            return fault.partial
        stops: list[int] = [0, *range(SECTOR - offset % SECTOR, length, SECTOR), length]
        return stops[self.random.randrange(len(stops))]

    @staticmethod
    def error(fault: Fault, path: str) -> OSError:
        return OSError(fault.code, os.strerror(fault.code), path)

    # -- the file system ------------------------------------------------------------------------------------

    def open(self, path: str, *, create: bool = False, read_only: bool = False) -> File:
        self.check("open", path)
        if create and path not in self.names:
            self.check("create", path)
            self.names[path] = self.new_inode()
            self.note("create", path, self.names[path].number)
        self._check_name(path)
        return FaultyFile(path, self.names[path], self, read_only)

    def remove(self, path: str) -> None:
        self.check("remove", path)
        self._check_name(path)
        self.note("remove", path, self.names[path].number)
        super().remove(path)

    def rename(self, old: str, new: str) -> None:
        self.check("rename", old)
        self._check_name(old)
        self.note("rename", old, self.names[old].number, target=new)
        super().rename(old, new)

    def sync_directory(self, path: str) -> None:
        fault = self.struck("sync_directory", path)
        self.note("sync_directory", path, 0, failed=fault is not None)
        if fault is not None:
            raise self.error(fault, path)

    def note(
        self,
        kind: Kind,
        path: str,
        inode: int,
        *,
        offset: int = 0,
        data: bytes = b"",
        target: str = "",
        failed: bool = False,
    ) -> None:
        self.history.append(Change(len(self.history), kind, path, inode, offset, data, target, failed))

    # -- power ----------------------------------------------------------------------------------------------

    def pending(self, step: int | None = None) -> list[Change]:
        """The changes before `step` (default: now) that a crash may still lose, in order (X1, X2)."""
        _, doomed, pending = self._split(step)
        return doomed + pending

    def crash(self, kept: Iterable[Change] = (), *, step: int | None = None) -> MemoryFileSystem:
        """What is on the disk if the power goes off before `step` (default: now).

        Arguments:
            kept: the pending changes that arrived, in the order in which they did; see the module's text.
        """
        durable, doomed, _ = self._split(step)
        kept = list(kept)
        overtaken = {change.step for change in doomed}
        early = sorted(durable + [change for change in kept if change.step in overtaken], key=lambda each: each.step)
        late = [change for change in kept if change.step not in overtaken]
        contents: dict[int, Inode] = {}
        names: dict[str, int] = {}
        for path, (number, data) in self._beginning.items():
            names[path] = number
            contents[number] = Inode(number, data)
        for change in early + late:
            _apply(change, names, contents)
        after = MemoryFileSystem()
        for path, number in names.items():
            after.names[path] = after.new_inode(contents[number].data)
        return after

    def _split(self, step: int | None) -> tuple[list[Change], list[Change], list[Change]]:
        """(durable, doomed by a failed sync, pending) changes before `step`, each in order."""
        durable: list[Change] = []
        doomed: list[Change] = []
        pending: list[Change] = []
        for entry in self.history[:step]:
            if entry.kind in CHANGES:
                pending.append(entry)
                continue
            settled = [change for change in pending if _covers(entry, change)]
            (doomed if entry.failed else durable).extend(settled)
            pending = [change for change in pending if not _covers(entry, change)]
        return durable, doomed, pending


def _covers(sync: Change, change: Change) -> bool:
    """Whether this sync concerns this change (X1)."""
    if change.kind in ("write", "truncate"):
        if sync.kind != "sync" or sync.inode != change.inode:
            return False
        within = sync.offset <= change.offset and change.offset + len(change.data) <= sync.offset + len(sync.data)
        return not sync.data or (change.kind == "write" and within)
    same_directory = os.path.dirname(sync.path) == os.path.dirname(change.path)
    return sync.kind == "sync_directory" and same_directory


def _apply(change: Change, names: dict[str, int], contents: dict[int, Inode]) -> None:
    inode = contents.setdefault(change.inode, Inode(change.inode))
    if change.kind == "write":
        inode.write(change.offset, change.data)
    elif change.kind == "truncate":
        inode.truncate(change.offset)
    elif change.kind == "create":
        names[change.path] = change.inode
    elif change.kind == "remove":
        names.pop(change.path, None)
    elif change.kind == "rename":
        if names.get(change.path) == change.inode:
            del names[change.path]
        names[change.target] = change.inode


def flip(files: MemoryFileSystem, path: str, bit: int) -> None:
    """Turns one bit of a file round, as a bad disk does."""
    data = files.names[path].data
    data[bit // 8] ^= 1 << bit % 8


def subsets(changes: list[Change], *, most: int = 1 << 10) -> Iterator[list[Change]]:
    """All subsets of `changes`, in order; when they would be more than `most`, all prefixes and all but one."""
    if 1 << len(changes) <= most:
        for mask in range(1 << len(changes)):
            yield [change for position, change in enumerate(changes) if mask >> position & 1]
        return
    for length in range(len(changes) + 1):
        yield changes[:length]
    for missing in range(len(changes)):
        yield changes[:missing] + changes[missing + 1 :]
