"""What is left of the oldest committed SSI transactions when there are many (R61): one summary for all of them.

A committed transaction C can still be met in two ways, and for both the summary is at least as strict as C was:

    a writer installs what C has read:  C --rw--> writer --rw--> T3      is T3 older than C?
        The marks of all are merged; the summary has the number of the youngest, and counts as one that wrote.
    a reader passes over what C wrote:  reader --rw--> C --rw--> T3      is T3 older than the reader? may it see T3?
        C keeps one out-edge, to the partner with the smallest number: if any answers yes, that one does.

C's own in-edges say nothing any more: it cannot be the pivot before somebody who commits later. So there may be false
alarms, but nothing is overlooked. Readers keep their edge to C only if C is the oldest that they have one to.

Source: Ports & Grittner (2012), 6.2; PostgreSQL's SummarizeOldestCommittedSxact. All under the kernel latch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidb.txn.versions import PENDING, Committed, Owner

if TYPE_CHECKING:
    from minidb.txn.conflicts import Conflicts
    from minidb.txn.edges import Edge
    from minidb.txn.transaction import Transaction


class Summary(Owner):
    """Stands for them as the reader of what they have read."""

    id = 0
    session_name = ""
    title = "an earlier transaction"
    state = "committed"
    read_only = narrowed = safe = False
    wrote = True  # an edge from it always counts
    mark_limit = 4096
    read_log: tuple[Any, ...] = ()
    notes = None
    ranges = ()

    def __init__(self) -> None:
        self.number = 0  # of the youngest
        self.marked: set[int] = set()
        self.in_edges: dict[Any, Edge] = {}
        # to those that still run: who is rolled back takes its edge away, who commits is summarised, and who is
        # forgotten is younger than the summary, which is forgotten in the same hold
        self.out_edges: dict[Any, Edge] = {}


class Partner(Committed):
    """The number and the name of a transaction that a summarised one has an edge to."""

    __slots__ = ("in_edges",)

    def __init__(self, owner_id: int, number: int, session_name: str) -> None:
        super().__init__(owner_id, number, session_name, {})
        self.in_edges: dict[Any, Edge] = {}


def summarise(conflicts: Conflicts, txn: Transaction) -> None:
    """Takes the oldest committed transaction into the summary."""
    summary: Any = conflicts.summary
    conflicts.take(txn)
    for relation, key in txn.notes or ():
        conflicts.mark_range(summary, relation, (key, 0), (key, 1))
    summary.number = max(summary.number, txn.number)
    for relation in txn.marked:
        for low, high in conflicts.marks[relation].of(txn):
            conflicts.mark_range(summary, relation, low, high)
    conflicts.drop_marks(txn)
    shorten_out_edges(summary, txn)
    for reader in list(txn.in_edges):
        if reader is summary or any(other.number < txn.number for other in reader.out_edges):
            reader.out_edges.pop(txn, None)
    txn.in_edges = {}
    txn.texts = {}
    txn.read_log = []


def shorten_out_edges(summary: Any, txn: Transaction) -> None:
    oldest: Edge | None = None
    for writer, edge in txn.out_edges.items():
        writer.in_edges.pop(txn, None)
        if writer.number == PENDING:
            onwards = edge.between(summary, writer)
            writer.in_edges[summary] = summary.out_edges[writer] = onwards
        elif writer.number < txn.number and (oldest is None or writer.number < oldest.writer.number):
            oldest = edge
    txn.out_edges = {}
    if oldest is not None:
        writer = oldest.writer
        partner: Any = Partner(writer.id, writer.number, writer.session_name)
        txn.out_edges[partner] = oldest.between(txn, partner)


__all__ = ["Summary", "summarise"]
