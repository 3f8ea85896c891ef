"""The entries of an index that is being built, in order, in bounded memory.

A table's rows come in the table's order. Up to `MOST` entries are sorted as a list. More are dealt out into parts, by
cuts taken from a sample, and each part is sorted alone when its turn comes:

    leaves of the table --entry, stored--> [ < c1 ][ < c2 ] ... [ rest ] --sort one, hand it out--> the fold
                                               each a list of BATCH entries, and behind it a scratch file

The file holds payloads as the index's own leaves have them: what is read again is what the index would say. In memory
are one part, a batch of each other and where they lie.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import itemgetter

from minidb.access.index import IndexStore
from minidb.access.table import TableAccess
from minidb.keys import Key, Row
from minidb.storage.interface import Layout, Ref
from minidb.storage.pages import Leaf
from minidb.storage.roots import Root
from minidb.storage.scratch_file import Place, ScratchFile
from minidb.txn.sorting import sorted_in_parts

MOST = 500_000  # entries that are sorted at once, about: 100 MB
BATCH = 500  # entries that are written at once
SAMPLED = 64  # leaves for each part

Entry = tuple[Key, Ref, Row]
entry_of = itemgetter(0, 1)


def sorted_entries(store: TableAccess, target: IndexStore, root: Root, most: int = MOST) -> Iterable[Entry]:
    """The entries that `target` must have for the rows of the base."""
    parts = store.tree.entries(root) // most + 1
    if parts == 1:
        found = [entry for leaf in store.tree.walk(root) for entry in entries_in(leaf, target)]
        return sorted_in_parts(found, entry_of)
    leaves = store.tree.sample(root, parts * SAMPLED)
    sample = sorted(entry_of(entry) for leaf in leaves for entry in entries_in(leaf, target))
    cuts = [sample[len(sample) * number // parts] for number in range(1, parts)] if sample else []
    return dealt((entry for leaf in store.tree.walk(root) for entry in entries_in(leaf, target)), cuts, target.layout)


def entries_in(leaf: Leaf, target: IndexStore) -> Iterator[Entry]:
    for ref, row in zip(leaf.refs, leaf.rows):
        key = target.entry(row)
        if key is not None:
            yield key, ref, target.stored(row)


def dealt(entries: Iterable[Entry], cuts: list[tuple[Key, Ref]], layout: Layout) -> Iterator[Entry]:
    """`entries` in order."""
    parts: list[list[Entry]] = [[] for _ in range(len(cuts) + 1)]
    with EntryFile(layout, len(parts)) as file:
        for entry in entries:
            number = bisect_right(cuts, entry_of(entry))
            part = parts[number]
            part.append(entry)
            if len(part) == BATCH:
                file.write(number, part)
                part.clear()
        for number, part in enumerate(parts):
            yield from sorted_in_parts([*file.read(number), *part], entry_of)
            part.clear()


class EntryFile:
    """Batches of entries of some parts, in one scratch file. Raises DiskFull."""

    def __init__(self, layout: Layout, parts: int) -> None:
        self.layout = layout
        self.batches: list[list[Place]] = [[] for _ in range(parts)]
        self.file = ScratchFile()

    def __enter__(self) -> EntryFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, part: int, entries: list[Entry]) -> None:
        keys, refs, rows = map(list, zip(*entries))
        self.batches[part].append(self.file.append(self.layout.encode(keys, refs, rows)))

    def read(self, part: int) -> Iterator[Entry]:
        for place in self.batches[part]:
            keys, refs, rows = self.layout.decode(self.file.read(place))
            yield from zip(keys, refs, rows)  # type: ignore[arg-type]
