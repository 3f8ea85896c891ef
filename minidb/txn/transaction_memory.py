"""How much memory one transaction may take for its changes (R30): beyond it 53200, before the process is killed.

What a transaction changes stays in the delta until it has committed and a checkpoint has folded it: a version of each
row, its entries in the overlays, and what it takes to undo it. It is written ahead into the log in chunks
(`Manager.spill`), and each time what has come since is weighed: so many bytes for each change, for each entry, and for
each byte of the rows as they are in the log. That is about twice what Python's objects take by themselves; allocator
and collector need the rest.

The limit is half of the machine's memory, or of what its control group allows, unless `minidb.transaction_memory` says
otherwise. What is rolled back to a savepoint is given back in proportion.
"""

from __future__ import annotations

import os
from collections import Counter
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING

from minidb.errors import OutOfMemory

if TYPE_CHECKING:
    from minidb.txn.transaction import Transaction

PER_CHANGE, PER_ENTRY, PER_BYTE = 500, 250, 2.5
UNKNOWN = 2 << 30  # bytes of memory of a machine that does not tell
GROUP_LIMIT = "/sys/fs/cgroup/memory.max"


def weigh(txn: Transaction, size: int) -> None:
    """Adds the changes since the last time, whose rows have `size` bytes in the log. Raises OutOfMemory."""
    count = amount(txn)
    new = count - txn.weighed
    changed = Counter(map(itemgetter(0), txn.changes[-new:]))
    entries = sum(len(store.index_list) * times for store, times in changed.items())
    txn.weight += new * PER_CHANGE + entries * PER_ENTRY + int(size * PER_BYTE)
    txn.weighed = count
    limit = txn.memory_limit or default_limit()
    if txn.weight > limit:
        raise OutOfMemory(
            f"the transaction's changes take more than {limit >> 20:,} MB of memory",
            detail=f"There are about {count:,} of them.",
            hint="Commit more often, or SET minidb.transaction_memory to a larger size.",
        )


def take_back(txn: Transaction) -> None:
    """Some of the changes were undone."""
    left = amount(txn)
    if left < txn.weighed:
        txn.weight = txn.weight * left // txn.weighed
        txn.weighed = left


def amount(txn: Transaction) -> int:
    """Changes, and rows that are locked by more than a change."""
    return len(txn.changes) + len(txn.row_locks)


@cache
def default_limit() -> int:
    return machine_memory() // 2


def machine_memory() -> int:
    """Bytes of memory that the process may hope for."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return UNKNOWN
    try:
        with open(GROUP_LIMIT, encoding="ascii") as file:
            text = file.read().strip()
    except (OSError, ValueError):
        return found
    return min(found, int(text)) if text.isdigit() else found


__all__ = ["take_back", "weigh"]
