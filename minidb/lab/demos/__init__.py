"""The demos, one file each, as they are told: from what no level allows to what only some prevent."""

from __future__ import annotations

from minidb.lab.demo import Demo
from minidb.lab.demos import (
    aborted_read,
    circular_information_flow,
    deadlock,
    dirty_write,
    intermediate_read,
    lost_update,
    lost_update_cures,
    materialized_conflict,
    observed_transaction_vanishes,
    phantom_write_skew,
    predicate_many_preceders,
    read_only_anomaly,
    read_skew,
    serial_execution,
    write_skew,
)

DEMOS: tuple[Demo, ...] = (
    dirty_write.DEMO,
    aborted_read.DEMO,
    intermediate_read.DEMO,
    circular_information_flow.DEMO,
    observed_transaction_vanishes.DEMO,
    predicate_many_preceders.DEMO,
    lost_update.DEMO,
    lost_update_cures.DEMO,
    read_skew.DEMO,
    write_skew.DEMO,
    phantom_write_skew.DEMO,
    materialized_conflict.DEMO,
    read_only_anomaly.DEMO,
    deadlock.DEMO,
    serial_execution.DEMO,
)
