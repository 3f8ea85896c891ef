"""All workloads, in the order of the table."""

from __future__ import annotations

from benchmarks.workloads.bulk import BULKS
from benchmarks.workloads.crowd import CROWDS
from benchmarks.workloads.interface import Workload
from benchmarks.workloads.places import PLACES
from benchmarks.workloads.reads import READS
from benchmarks.workloads.texts import TEXTS
from benchmarks.workloads.writes import WRITES

WORKLOADS: tuple[Workload, ...] = (*READS, *WRITES, *CROWDS, *BULKS, *TEXTS, *PLACES)


def chosen(keys: str) -> list[Workload]:
    """Those whose name is, or begins with, one of the names; all if there are none."""
    wanted = [key for key in keys.split(",") if key]
    for key in wanted:
        if not any(workload.key.startswith(key) for workload in WORKLOADS):
            raise SystemExit(f"no workload {key!r}; there are {', '.join(workload.key for workload in WORKLOADS)}")
    return [w for w in WORKLOADS if not wanted or w.key.startswith(tuple(wanted))]
