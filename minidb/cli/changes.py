"""`minidb changes`: committed changes as JSON lines, from the files of a database, whoever has it open.

With `-o FILE` each change arrives exactly once, whenever this process or the database is killed: FILE itself says which
commit was written last, and a commit of which only a part was written is taken back and comes again.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import BinaryIO

import msgspec

from minidb.changes import Feed, feed_beside, json_line
from minidb.cli.databases import open_existing
from minidb.cli.messages import error_text
from minidb.database import Database
from minidb.errors import DatabaseInUse, Error, OperationalError

FAILED = 1
WINDOW = 1 << 16


def main(argv: Sequence[str]) -> int:
    """Runs `minidb changes` with these arguments. Returns 0, or 1 after an error."""
    options = parser().parse_args(list(argv))
    try:
        if options.create_slot or options.drop_slot or options.slots:
            manage(options)
        else:
            follow(options)
    except Error as error:
        sys.stdout.flush()
        print(error_text(error), file=sys.stderr)
        return FAILED
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="minidb changes",
        description="Prints the committed changes of rows and of the schema in commit order, one line of JSON each. "
        "They are kept from the moment on when a slot or an archive was made.",
        epilog="The database may be open in another process meanwhile, apart from making and dropping slots.",
    )
    made.add_argument("file", metavar="FILE", help="the database")
    made.add_argument("--since", metavar="COMMIT", type=int, help="only what was committed after this one")
    made.add_argument("--slot", metavar="NAME", help="go on where the slot is, and move it on")
    made.add_argument("--archive", metavar="DIR", help="an archive that the database does not remember itself")
    made.add_argument("--follow", action="store_true", help="wait for more, until Ctrl-C")
    made.add_argument("-o", "--out", metavar="OUT", help="append to this file, each change exactly once")
    group = made.add_mutually_exclusive_group()
    group.add_argument("--create-slot", metavar="NAME", help="make a slot")
    group.add_argument("--drop-slot", metavar="NAME", help="drop a slot")
    group.add_argument("--slots", action="store_true", help="show the slots")
    return made


def manage(options: argparse.Namespace) -> None:
    try:
        database = open_existing(options.file)
    except DatabaseInUse as error:
        error.hint = "That process can do it: connection.create_slot(), drop_slot(), SELECT * FROM sys.slots."
        raise
    try:
        manage_open(database, options)
    finally:
        database.close()


def manage_open(database: Database, options: argparse.Namespace) -> None:
    keeper = database.keeper
    if options.create_slot:
        number = keeper.create_slot(options.create_slot, int(database.clock() * 1_000_000))
        print(f"slot {options.create_slot} begins after commit {number}")
    elif options.drop_slot:
        keeper.drop_slot(options.drop_slot)
        print(f"slot {options.drop_slot} is dropped")
    else:
        for slot in keeper.slots():
            state = "given up" if slot.lost else f"{slot.kept_bytes:,} bytes kept"
            print(f"{slot.name}: acknowledged commit {slot.position}, {slot.lag:,} commits behind, {state}")


def follow(options: argparse.Namespace) -> None:
    if options.out is None:
        copy(options, sys.stdout.buffer, options.since)
        return
    try:
        with open(options.out, "a+b") as out:
            done = resume(out)
            copy(options, out, done if options.since is None else max(done or 0, options.since))
    except OSError as error:
        raise OperationalError(f"{options.out}: {error.strerror or error}", sqlstate="58030") from error


def copy(options: argparse.Namespace, out: BinaryIO, since: int | None) -> None:
    """Writes the feed's lines; what has been written is acknowledged."""
    with feed_beside(
        options.file, since=since, slot=options.slot, archive=options.archive, follow=options.follow, json=True
    ) as feed:
        feed.on_idle = lambda: hand_over(feed, out)
        for change in feed:
            out.write(json_line(change))


def hand_over(feed: Feed, out: BinaryIO) -> None:
    """All lines are out of this process's hands, then the slot moves on: at worst they come again."""
    out.flush()
    if out is not sys.stdout.buffer:
        os.fsync(out.fileno())
    if feed.slot is not None:
        feed.acknowledge()


def resume(out: BinaryIO) -> int | None:
    """The commit that was written last as a whole; what follows it is cut off. None if there is none."""
    size = out.seek(0, os.SEEK_END)
    window = WINDOW
    while True:
        start = max(0, size - window)
        out.seek(start)
        found = last_commit(out.read(size - start), start == 0)
        if found is not None or start == 0:
            out.truncate(0 if found is None else start + found[1])
            out.seek(0, os.SEEK_END)
            return None if found is None else found[0]
        window *= 4


def last_commit(data: bytes, whole: bool) -> tuple[int, int] | None:
    """(commit, where its last line ends) of the last commit that is complete in `data`, which may begin inside of a
    line unless it is `whole`."""
    end = data.rfind(b"\n") + 1
    while end:
        start = data.rfind(b"\n", 0, end - 1) + 1
        if start == 0 and not whole:
            return None
        try:
            line = msgspec.json.decode(data[start:end])
            if line["last"] is True:
                return int(line["commit"]), end
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            raise OperationalError("the file to append to has lines that are no changes") from None
        end = start
    return None
