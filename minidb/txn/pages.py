"""Reading a table kept by columns: whole pages, and which of their rows are contested.

    page without chains        (columns, [], [])                    nobody looks at a row
    few chains                 (columns, [7, 91], [row, row])       rows 7 and 91 do not count; these count besides
    many, or a level that      (None, [], [row, row, ...])          as every other table is read (`reads`)
    must be told of each

The same hold as for other batches decides: is the root still the current one, what does the delta say about this part
of the table, what does the level mark or lock (R17, R24, R25, R48, R55). Rows that no checkpoint has seen yet come as
rows. The columns of a page are immutable, like the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import sleep
from typing import TYPE_CHECKING, cast

from minidb.keys import Key, Row
from minidb.storage.interface import Ref
from minidb.storage.pages import LateLeaf
from minidb.storage.roots import StaleRoot
from minidb.txn.door import PageColumns
from minidb.txn.paths import OwnPath
from minidb.txn.ranges import OVERLAY_BATCH, WHOLE, Blocked
from minidb.txn.slices import Place, count_before
from minidb.txn.versions import visible

if TYPE_CHECKING:
    from minidb.txn.reads import Reader
    from minidb.txn.store import Store

FEW = 16  # rows of a page for each contested one: what is looked up singly costs so much more
PageBatch = tuple[PageColumns | None, list[int], Sequence[Row]]


def pages(reader: Reader, store: Store) -> Iterator[PageBatch]:
    """Everything visible, in the table's own order but for contested rows, which come behind their page."""
    path = OwnPath(store)
    if not reader.takes_short_ways:
        for _, rows in reader.batches(path, None, None, False, 0, False, WHOLE):
            yield None, [], rows
        return
    manager, txn = reader.manager, reader.txn
    place = Place(None, None)
    while not place.done:
        if reader.view.parked is not None:
            path = OwnPath(reader.parked_path(path).store)
        try:
            batch = next_page(reader, path, place)
        except Blocked as blocked:
            manager.park(txn, blocked.request)
            continue
        yield batch
        manager.check(txn)
        if manager.latch.wanted():
            sleep(0)


def next_page(reader: Reader, path: OwnPath, place: Place) -> PageBatch:
    """The next page or rows, and `place` moved behind them. Raises Blocked, as `Reader.next_batch`."""
    base = path.store.base
    while True:
        root = base.root
        try:
            leaf, fence = path.seek(root, place.low)
        except StaleRoot:
            continue
        if type(leaf) is LateLeaf and (place.low is None or not count_before(leaf, place.low)):
            with reader.manager.latch:
                if base.root is not root:
                    continue
                hints = path.hints(place.low, fence, OVERLAY_BATCH, False)
                if not hints:
                    if reader.policy.tracks_reads:
                        reader.note(path, place, fence, False, False)
                    place.advance(fence, False)
                    return columns_of(leaf), [], []
                if not reader.policy.tracks_reads and len(hints) * FEW < len(leaf):
                    place.advance(fence, False)
                    return columns_of(leaf), *contested(reader, path, leaf, hints)
        return None, [], reader.next_batch(path, place, False, 0, False, WHOLE)[1]


def columns_of(leaf: LateLeaf) -> PageColumns:
    return cast(PageColumns, leaf.contents)  # no other contents are made late


def contested(reader: Reader, path: OwnPath, leaf: LateLeaf, hints: list[tuple[Key, Ref]]) -> tuple[
    list[int], list[Row]
]:
    """(places of the leaf that do not count, rows that are seen instead or besides)."""
    txn, chains, statement, refs = reader.txn, path.store.chains, reader.statement, leaf.refs
    snapshot = reader.snapshot = reader.policy.batch_snapshot(reader.snapshot, reader.manager.published)
    dropped: list[int] = []
    seen: list[Row] = []
    for key, ref in hints:
        at = count_before(leaf, (key, ref))
        if at < len(refs) and refs[at] == ref:
            dropped.append(at)
        version = visible(chains[ref], snapshot, txn, statement)
        if version is not None and version.row is not None:
            seen.append(version.row)
    return dropped, seen
