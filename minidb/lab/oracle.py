"""The oracle: what a recorded history means. Pure functions from facts to a verdict; the parts are

    versions        which versions each row had, and which of them a read saw
    dependencies    the direct serialization graph
    cycles          its cycles, by Adya's codes; serial orders
    anomalies       their common names, and reads of what never was

    verdict = judge(history)
    verdict.order        a serial order that all conflicts agree with, None if there is none
    verdict.anomalies    what went wrong
"""

from __future__ import annotations

from msgspec import Struct

from minidb.history import History
from minidb.lab.anomalies import anomalies
from minidb.lab.cycles import shortest_cycle, shortest_cycles, topological_order
from minidb.lab.dependencies import graph_of
from minidb.lab.graph import Anomaly, Graph
from minidb.lab.versions import Rows


class Verdict(Struct, frozen=True):
    """What the oracle says of a history. order: None if it is not serializable, be it for a cycle or a dirty read."""

    graph: Graph
    anomalies: tuple[Anomaly, ...]
    order: tuple[int, ...] | None

    @property
    def serializable(self) -> bool:
        return self.order is not None


def judge(history: History) -> Verdict:
    """Graph, anomalies and serial order of a history, at once."""
    rows = Rows(history)
    graph = graph_of(history, rows)
    found = anomalies(history, graph, rows)
    order = topological_order(graph) if not found else None
    return Verdict(graph, found, None if order is None else tuple(order))


__all__ = ["Verdict", "anomalies", "graph_of", "judge", "shortest_cycle", "shortest_cycles", "topological_order"]
