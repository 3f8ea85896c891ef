"""Samples of a table for the planner's statistics: some leaves of the base, some chains of the delta.

Reads a bounded number of pages, whatever the table's size, takes no locks and leaves no marks: what it tells is an
estimate. Deterministic for a given state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minidb.keys import Row
from minidb.storage.pages import LateLeaf, Leaf
from minidb.storage.roots import StaleRoot
from minidb.txn.versions import SETTLED, Version, newest

if TYPE_CHECKING:
    from minidb.txn.store import Store

LEAVES = 40
LATE_LEAVES = 10  # of those whose rows have to be made; they are large,
ROWS_OF_LATE_LEAF = 800  # and so many neighbours of each will do
CHAINS = 2000


def sample_table(store: Store) -> tuple[int, list[Row]]:
    """(about how many rows the table has, some of them)."""
    tree = store.tree
    while True:
        root = store.base.root
        try:
            total = tree.entries(root)
            leaves = tree.sample(root, LEAVES if store.schema.layout == "row" else LATE_LEAVES)
        except StaleRoot:
            continue
        break
    rows: list[Row] = []
    chains = store.chains
    for number, leaf in enumerate(leaves):
        start, stop = part_of_leaf(leaf, number)
        rows.extend(row for ref, row in zip(leaf.refs[start:stop], leaf.rows[start:stop]) if ref not in chains)
    changed, grown = sample_chains(store)
    return max(0, total + grown), rows + changed


def part_of_leaf(leaf: Leaf, number: int) -> tuple[int, int]:
    """Which rows of a leaf are looked at."""
    if type(leaf) is not LateLeaf or len(leaf) <= ROWS_OF_LATE_LEAF:
        return 0, len(leaf)
    start = scattered(number + 1) % (len(leaf) - ROWS_OF_LATE_LEAF)
    return start, start + ROWS_OF_LATE_LEAF


def scattered(number: int) -> int:
    """A number that looks random and is always the same (Knuth's multiplicative hash)."""
    return number * 2654435761 % (1 << 32) >> 8


def sample_chains(store: Store) -> tuple[list[Row], int]:
    """(newest rows of some chains, about how many rows all chains add to the base)."""
    refs = list(store.chains)
    step = max(1, len(refs) // CHAINS)
    rows: list[Row] = []
    grown = 0
    for start in range(0, len(refs), step):
        ref = refs[min(start + scattered(start) % step, len(refs) - 1)]  # not every k-th: values may repeat with k
        version: Version | None = newest(store.chains.get(ref))
        if version is None:
            continue
        row = version.row
        while version.older is not None:
            version = version.older
        settled = version.owner is SETTLED
        if row is not None:
            rows.append(row)
        grown += int(row is not None and not settled) - int(row is None and settled)
    return rows, grown * step
