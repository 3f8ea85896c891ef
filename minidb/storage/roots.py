"""Roots: immutable descriptions of one state of the base, from which every page of that state is reached.

    Root ---- number, catalog, database id
         +--- relations: id -> RelationRoot ---- pointer of the tree's top page, its height, what it counts

A root is pinned while somebody may read its pages without holding the latch: for the time of one page read, or for as
long as a parked view or a backup lives (R18). Pins are a list that threads append to and pop from: both are atomic in
CPython and cost a fraction of a lock. `dead` is the other half of the handshake, see `Base.reclaim`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from minidb.errors import DatabaseCorrupt
from minidb.storage.meta import NOWHERE, Meta
from minidb.storage.pages import Pointer, page_id


class StaleRoot(Exception):
    """The root is neither current nor pinned, so its pages may be gone: take the present root and seek again (R17)."""


class RelationRoot:
    """The top of one tree. `level` is the level of the top page: 0 a leaf, -1 for an empty tree.

    Attributes:
        id: what the page cache calls the top page.
        clustered: refs are the keys themselves (clustered tables and heaps).
        entries, pages, blocks: exact counts, for the planner and `sys.tables`.
    """

    __slots__ = ("blocks", "clustered", "entries", "id", "level", "pages", "pointer")

    def __init__(self, pointer: Pointer, level: int, entries: int, pages: int, blocks: int, clustered: bool) -> None:
        self.pointer = pointer
        self.id = page_id(pointer)
        self.level = level
        self.entries = entries
        self.pages = pages
        self.blocks = blocks
        self.clustered = clustered


def empty_relation(clustered: bool) -> RelationRoot:
    return RelationRoot(NOWHERE, -1, 0, 0, 0, clustered)


class Root:
    """One published state of the base.

    Attributes:
        number: F, the commit number as of which this state stands (R13).
        catalog: the catalog's bytes, opaque here.
        relations: the trees by relation id; never changed.
        clean: the database was closed with this root: the log is not needed (R19).
    """

    __slots__ = ("catalog", "clean", "database_id", "dead", "generation", "meta", "number", "pins", "relations")

    def __init__(self, meta: Meta, catalog: bytes, relations: dict[int, RelationRoot]) -> None:
        self.meta = meta
        self.number = meta.number
        self.generation = meta.generation
        self.database_id = meta.database_id
        self.clean = meta.clean
        self.catalog = catalog
        self.relations = relations
        self.pins: list[None] = []
        self.dead = False

    def __repr__(self) -> str:
        return f"<Root {self.generation} of commit {self.number}, {len(self.relations)} relations>"


# -- the relation table as bytes --------------------------------------------------------------------------

_Entry = tuple[int, Pointer, int, int, int, int, bool]
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[_Entry]).decode


def encode_relations(relations: dict[int, RelationRoot]) -> bytes:
    entries: list[Any] = [
        (relation, root.pointer, root.level, root.entries, root.pages, root.blocks, root.clustered)
        for relation, root in relations.items()
    ]
    return _encode(entries)


def decode_relations(data: bytes) -> dict[int, RelationRoot]:
    try:
        return {entry[0]: RelationRoot(*entry[1:]) for entry in _decode(data)}
    except (msgspec.DecodeError, ValueError) as error:
        raise DatabaseCorrupt(f"damaged relation table: {error}") from error
