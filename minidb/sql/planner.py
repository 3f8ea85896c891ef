"""From the rewritten logical plan to the physical one.

Trees of inner joins and filters are taken apart into leaves and predicates (`cluster`), put in order by `join_order`, and
each leaf is read through the access path that costs least. Everything else is planned from its inputs upwards. Two hints
go downwards: the order that somebody above wants, and how many rows will be looked at (R49).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from minidb import schema
from minidb.sql import physical, plan, selectivity
from minidb.sql.access_paths import Access, Candidate, Settings, sort_order
from minidb.sql.binder import bind_row_expression
from minidb.sql.joins import Cluster
from minidb.sql.rules import walk
from minidb.sql.statistics import DEFAULT_ROWS, ColumnStatistics, TableStatistics
