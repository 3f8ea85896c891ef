"""Versions of rows and who may see them: pure data, no latch, no level.

    chains[ref] -> Version(newest) -> older -> ... -> Version(settled)

A chain is complete: its bottom is the row as the base has it (R23), or the insert. Each version points to the `Owner`
of its transaction; beginning, committing and aborting are one store of `owner.number` there (R3):

    PENDING   the transaction runs              (greater than every commit number)
    n         committed as number n             (visible to snapshots S >= n; published when S can be n)
    ABORTED   rolled back, being unlinked       (greater than PENDING: visible to nobody)

So "may this snapshot see it" is one comparison for every level: `owner.number <= S`. READ UNCOMMITTED uses S = PENDING.
A statement sees its own transaction's versions of earlier statements only (R26).
"""

from __future__ import annotations

from typing import Any

import msgspec

from minidb.keys import Row

PENDING = 1 << 62
ABORTED = 1 << 63
SETTLED_NUMBER = 0


class Owner:
    """What versions point to. `txn.transaction.Transaction` extends it; `SETTLED` stands for the base."""

    __slots__ = ("id", "number")
    in_graph = False  # may have edges in the graph of rw-antidependencies

    def __init__(self, owner_id: int, number: int = PENDING) -> None:
        self.id = owner_id
        self.number = number


class Named(Owner):
    """An owner that people know: a transaction, or what is left of one."""

    __slots__ = ()
    session_name: str

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.session_name} (transaction {self.id})" if self.session_name else f"transaction {self.id}"


class Committed(Named):
    """Stands for a transaction without edges once it is published: all that anybody still asks of it, in a fraction of
    its size. `texts` are those of its statements by number, or the text of its only one."""

    __slots__ = ("session_name", "texts")

    def __init__(self, owner_id: int, number: int, session_name: str, texts: dict[int, str] | str) -> None:
        self.id = owner_id
        self.number = number
        self.session_name = session_name
        self.texts = texts

    def write_text(self, statement: int) -> str:
        texts = self.texts
        return texts if isinstance(texts, str) else texts.get(statement, "")


SETTLED = Owner(0, SETTLED_NUMBER)


class Version(msgspec.Struct, eq=False):
    """One version of one row. (A Struct is made in a third of the time of other objects.)

    `row` None is a tombstone; `moved_to` then names the new primary key if the row went there (R33).
    `keyed` says that the change touched a key that others may refer to: it conflicts with FOR KEY SHARE. None: it left
    the entries of all indexes alone.
    """

    row: Row | None
    owner: Owner
    statement: int
    older: Version | None
    keyed: bool | None
    moved_to: Any = None


def visible(version: Version | None, snapshot: int, me: Owner, statement: int) -> Version | None:
    """The version of a chain that `me` sees in `statement` under `snapshot`, None if there is none."""
    while version is not None:
        owner = version.owner
        if owner is me:
            if version.statement < statement:
                return version
        elif owner.number <= snapshot:
            return version
        version = version.older
    return None


def newest(version: Version | None) -> Version | None:
    """The newest version that was not rolled back, committed or not."""
    while version is not None and version.owner.number == ABORTED:
        version = version.older
    return version


def newest_committed(version: Version | None, published: int, me: Owner) -> Version | None:
    """The newest version that is published or `me`'s own."""
    while version is not None and version.owner is not me and version.owner.number > published:
        version = version.older
    return version
