"""How lists are stored: as rows of tables, in designs that lead through every kind of access path.

A row per list                  t (key, ..., list text)             append: list = list || ' 17'
    heap        primary key as index, then the heap                 clustered   the row stands in the tree
    secondary   an index that is not unique                         covering    an index that has the whole list in it
    moving      an index on (shelf, size): each append moves the row's entry
    migrating   clustered by (key, size): each append moves the row itself
A row per item                  e (key, position, item)             read: ORDER BY position
    items       heap, primary key (key, position)                   covered     through a covering index
    chained     clustered; position = max(position) + 1

A design is faithful at a level if an append that committed is in the list, behind all that its transaction could know
of, so that what the judge derives from lists is about the engine and not about the program:

  - `list = list || ...` is right at every level: also READ COMMITTED applies it to the newest version of the row.
  - A position must be given out by something that everybody waits for. In `items` and `covered` that is a counter row,
    updated first and locked to the end. In `chained` it is the unique key: who saw fewer rows than there are gets
    23505. READ UNCOMMITTED would see positions of others and go behind them without waiting; it stays away.
  - Writing a whole new list (style `rewrite`) is right where a row that has changed since it was read is an error
    (first updater wins) or is locked by the read: from SNAPSHOT on. Below, it would lose updates by design.
  - A row that was deleted and inserted again (`replace`) is another row for who waits for the old one, who then takes
    the list for absent: it gets 23505 when it inserts it. So only what a level shows on its snapshot counts as absent.
  - A key that is moved by an append (`migrating`) would let two transactions insert the same list twice, since neither
    finds the other's key in the way. There the rows are made in advance.

Lists that no row mentions are empty, so each first append puts a row into ranges that others have read: phantoms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from minidb.isolation import IsolationLevel
from minidb.lab.judge.rules import rank

Rows = list[tuple[Any, ...]]
Run = Callable[..., Rows]  # runs one statement with its parameters
Items = tuple[int, ...]


class Design(Struct, frozen=True):
    """Tables for lists.

    Attributes:
        name: also the name of its table.
        tables: the statements that make them.
        column: by which reads look for a list.
        extra: its columns beside key and list: `shelf` is the key once more, `size` begins at 1.
        change: what an append sets beside the list.
        prepared: rows are made in advance.
        items: a row per item. counter: positions come from a table of their own.
    """

    name: str
    tables: tuple[str, ...]
    column: str = "key"
    extra: tuple[str, ...] = ()
    change: str = ""
    prepared: bool = False
    items: bool = False
    counter: bool = False

    def styles(self, level: IsolationLevel) -> tuple[str, ...]:
        """The ways to append that are faithful at a level."""
        if self.items:
            if self.counter:
                return ("counted",)
            return ("chained",) if rank(level) else ()
        always = ("update",) if self.prepared else ("upsert", "upsert", "update", "returning", "replace")
        return (*always, "rewrite") if rank(level) > 1 else always


HEAP = Design("heap", ("CREATE TABLE heap (key int PRIMARY KEY, list text NOT NULL)",))
CLUSTERED = Design("clustered", ("CREATE TABLE clustered (key int PRIMARY KEY CLUSTERED, list text NOT NULL)",))
SECONDARY = Design(
    "secondary",
    (
        "CREATE TABLE secondary (key int PRIMARY KEY, shelf int NOT NULL, list text NOT NULL)",
        "CREATE INDEX secondary_shelf ON secondary (shelf DESC)",
    ),
    column="shelf", extra=("shelf",),
)
COVERING = Design(
    "covering",
    (
        "CREATE TABLE covering (key int PRIMARY KEY, shelf int NOT NULL, list text NOT NULL)",
        "CREATE INDEX covering_shelf ON covering (shelf) INCLUDE (list)",
    ),
    column="shelf", extra=("shelf",),
)
MOVING = Design(
    "moving",
    (
        "CREATE TABLE moving (key int PRIMARY KEY CLUSTERED, shelf int NOT NULL, size int NOT NULL, "
        "list text NOT NULL)",
        "CREATE INDEX moving_shelf ON moving (shelf, size)",
    ),
    column="shelf", extra=("shelf", "size"), change=", size = moving.size + 1",
)
MIGRATING = Design(
    "migrating",
    (
        "CREATE TABLE migrating (key int, size int, list text NOT NULL, PRIMARY KEY CLUSTERED (key, size))",
        "CREATE INDEX migrating_size ON migrating (size)",
    ),
    extra=("size",), change=", size = migrating.size + 1", prepared=True,
)
ITEMS = Design(
    "items",
    (
        "CREATE TABLE items (key int, position int, item int NOT NULL, PRIMARY KEY (key, position))",
        "CREATE TABLE items_count (key int PRIMARY KEY, n int NOT NULL)",
    ),
    items=True, counter=True,
)
COVERED = Design(
    "covered",
    (
        "CREATE TABLE covered (item int PRIMARY KEY, shelf int NOT NULL, position int NOT NULL)",
        "CREATE INDEX covered_shelf ON covered (shelf, position) INCLUDE (item)",
        "CREATE TABLE covered_count (key int PRIMARY KEY CLUSTERED, n int NOT NULL)",
    ),
    column="shelf", items=True, counter=True,
)
CHAINED = Design(
    "chained",
    ("CREATE TABLE chained (key int, position int, item int NOT NULL, PRIMARY KEY CLUSTERED (key, position))",),
    items=True,
)
DESIGNS = (HEAP, CLUSTERED, SECONDARY, COVERING, MOVING, MIGRATING, ITEMS, COVERED, CHAINED)


# -- reading


def read(design: Design, run: Run, key: int) -> Items:
    """One list."""
    if design.items:
        return tuple(item for (item,) in run(f"SELECT item FROM {design.name} WHERE {design.column} = ? "
                                             "ORDER BY position", key))
    return parsed(run(f"SELECT list FROM {design.name} WHERE {design.column} = ?", key))


def read_range(design: Design, run: Run, low: int, high: int) -> dict[int, Items]:
    """All lists with keys from `low` to `high`, in one statement; absent ones are empty."""
    found: dict[int, Items] = dict.fromkeys(range(low, high + 1), ())
    column = design.column
    if design.items:
        query = f"SELECT {column}, item FROM {design.name} WHERE {column} BETWEEN ? AND ? ORDER BY {column}, position"
        for key, item in run(query, low, high):
            found[key] += (item,)
    else:
        for key, text in run(f"SELECT {column}, list FROM {design.name} WHERE {column} BETWEEN ? AND ?", low, high):
            found[key] += items_of(text)  # a list that came twice would have its items twice
    return found


def lock(design: Design, run: Run, key: int) -> Items | None:
    """Locks a list and reads it; None if the statement does not read it."""
    if design.counter:
        run(f"SELECT n FROM {design.name}_count WHERE key = ? FOR UPDATE", key)
        return None
    if design.items:
        return None
    return parsed(run(f"SELECT list FROM {design.name} WHERE key = ? FOR UPDATE", key))


def parsed(rows: Rows) -> Items:
    return tuple(item for (text,) in rows for item in items_of(text))


def items_of(text: str) -> Items:
    return tuple(map(int, text.split()))


def text_of(items: Sequence[int]) -> str:
    return "".join(f" {item}" for item in items)
