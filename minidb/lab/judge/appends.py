"""The ways to append an item to a list: SQL programs of one to three statements; `designs` says where each is faithful.

    upsert     INSERT ... ON CONFLICT DO UPDATE           returning   the same, and it tells the list
    update     UPDATE; if there is no row, INSERT         replace     DELETE ... RETURNING, then INSERT
    rewrite    SELECT, then UPDATE with the whole list, or INSERT
    counted    a counter goes up, then INSERT             chained     INSERT ... SELECT max(position) + 1

Each is a generator that yields between its statements and returns what it was told of the list: before its append, and
after it; None where it was not told. `MISSED` comes back if a row that was made in advance was not found: at READ
UNCOMMITTED that may be, if it had been seen where a transaction had moved it that was then rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

from minidb.lab.judge.designs import Design, Items, Run, parsed, text_of

Told = tuple[Items | None, Items | None]
Appending = Generator[None, None, Told]
UNTOLD: Told = (None, None)
MISSED: Told = ((), ())


def upsert(design: Design, run: Run, key: int, item: int) -> Appending:
    run(upsert_text(design), key, *more(design, key), text_of([item]))
    return UNTOLD
    yield


def returning(design: Design, run: Run, key: int, item: int) -> Appending:
    rows = run(f"{upsert_text(design)} RETURNING list", key, *more(design, key), text_of([item]))
    return None, parsed(rows)
    yield


def update(design: Design, run: Run, key: int, item: int) -> Appending:
    name = design.name
    if not run(f"UPDATE {name} SET list = {name}.list || ?{design.change} WHERE key = ? RETURNING key",
               text_of([item]), key):
        if design.prepared:
            return MISSED
        yield
        insert(design, run, key, (item,))
    return UNTOLD


def replace(design: Design, run: Run, key: int, item: int) -> Appending:
    """Told only what it deleted: without a row it does not know whether there is none, or one put there since."""
    rows = run(f"DELETE FROM {design.name} WHERE key = ? RETURNING list", key)
    yield
    before = parsed(rows)
    insert(design, run, key, (*before, item))
    return before if rows else None, None


def rewrite(design: Design, run: Run, key: int, item: int) -> Appending:
    rows = run(f"SELECT list FROM {design.name} WHERE {design.column} = ?", key)
    before = parsed(rows)
    yield
    after = (*before, item)
    if rows:
        run(f"UPDATE {design.name} SET list = ?{design.change} WHERE key = ?", text_of(after), key)
    else:
        insert(design, run, key, after)
    return before, None


def counted(design: Design, run: Run, key: int, item: int) -> Appending:
    counter = f"{design.name}_count"
    ((position,),) = run(
        f"INSERT INTO {counter} VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET n = {counter}.n + 1 RETURNING n", key
    )
    yield
    run(f"INSERT INTO {design.name} ({design.column}, position, item) VALUES (?, ?, ?)", key, position, item)
    return UNTOLD


def chained(design: Design, run: Run, key: int, item: int) -> Appending:
    run(f"INSERT INTO {design.name} SELECT ?, coalesce(max(position), 0) + 1, ? FROM {design.name} WHERE key = ?",
        key, item, key)
    return UNTOLD
    yield


APPENDS: dict[str, Callable[[Design, Run, int, int], Appending]] = {
    "upsert": upsert, "returning": returning, "update": update, "replace": replace, "rewrite": rewrite,
    "counted": counted, "chained": chained,
}


def upsert_text(design: Design) -> str:
    name = design.name
    return (f"{insert_text(design)} ON CONFLICT (key) DO UPDATE SET "
            f"list = {name}.list || excluded.list{design.change}")


def insert(design: Design, run: Run, key: int, items: Items) -> None:
    run(insert_text(design), key, *more(design, key), text_of(items))


def insert_text(design: Design) -> str:
    return f"INSERT INTO {design.name} ({', '.join(('key', *design.extra, 'list'))}) VALUES " \
           f"(?{', ?' * len(design.extra)}, ?)"


def more(design: Design, key: int) -> tuple[int, ...]:
    """What a new row has in the design's own columns."""
    return tuple(key if column == "shelf" else 1 for column in design.extra)
