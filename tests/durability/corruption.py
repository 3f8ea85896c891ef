"""Damage anywhere in either file: every outcome but a wrong answer, a hang or an exception that is not ours.

    a database as a crash has left it: commits in the base, commits in the log, some of both replaced later
      | a bit turned round, a stretch overwritten or zeroed, or the file cut off, at a random place
      v
    open, check, read everything   -->   DatabaseCorrupt that names a file, or everything as it was

and salvage, on files, finds no row that was never there.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from crash_world import PATH, Contents, contents
from simulation import Life, open_quietly

from minidb.errors import DatabaseCorrupt
from minidb.storage.file import MemoryFileSystem


class Specimen(NamedTuple):
    """Files to be damaged, and what is in them."""

    files: MemoryFileSystem
    wanted: Contents


def specimen(seed: int, turns: int = 220) -> Specimen:
    """What a process that died has left behind."""
    life = Life(seed, durability="full").live(turns)
    files = life.files.crash(life.files.pending())
    wanted = life.states[life.last].contents()
    life.end()
    return Specimen(files, wanted)


def copy_of(files: MemoryFileSystem) -> MemoryFileSystem:
    copied = MemoryFileSystem()
    for path, inode in files.names.items():
        copied.names[path] = copied.new_inode(inode.data)
    return copied


def damage(files: MemoryFileSystem, random: Random) -> str:
    """Does something bad to one of the files; says what. Mostly where something is written."""
    path = random.choice(sorted(name for name, inode in files.names.items() if inode.data))
    data = files.names[path].data
    place = random.randrange(len(data))
    if random.random() < 0.8:
        used = [block for block in range(0, len(data), 512) if any(data[block : block + 512])]
        place = min(random.choice(used or [0]) + random.randrange(512), len(data) - 1)
    kind = random.randrange(8)
    if kind == 2 and path != PATH:
        kind = 1  # zeros over whole sectors of the newest batch look as if they had never been written
    if kind == 0:
        del data[place or 1 :]  # an empty file of the log is as good as none, and there may be none
        return f"{path} cut off at {place or 1}"
    if kind in (1, 2):
        length = random.choice((2, 8, 64, 512, 4096))
        # no zeros: one in the place of a batch's end mark looks like a write that was torn there
        stretch = bytes(random.choices(range(1, 256), k=length)) if kind == 1 else bytes(length)
        data[place : place + length] = stretch[: len(data) - place]
        return f"{path}: {length} bytes overwritten at {place}"
    data[place] ^= 1 << random.randrange(8)
    return f"{path}: a bit of byte {place}"


def look(files: MemoryFileSystem) -> Contents | None:
    """Everything in the database; None if damage is reported."""
    try:
        database = open_quietly(files)
    except DatabaseCorrupt as error:
        assert PATH in str(error), error
        return None
    try:
        database.check()
        return contents(database)
    except DatabaseCorrupt as error:
        assert PATH in str(error), error
        return None
    finally:
        database.log.abandon()
        database.base.close()


def damage_often(seed: int, times: int) -> tuple[int, int]:
    """(reported, harmless). Raises AssertionError, with what was done, for anything else."""
    random = Random(seed)
    subject = specimen(seed)
    assert look(copy_of(subject.files)) == subject.wanted
    reported = 0
    for _ in range(times):
        files = copy_of(subject.files)
        what = damage(files, random)
        try:
            found = look(files)
            assert found is None or found == subject.wanted, "a wrong answer"
        except BaseException as error:
            error.add_note(f"seed {seed}: {what}")
            raise
        reported += found is None
    return reported, times - reported
