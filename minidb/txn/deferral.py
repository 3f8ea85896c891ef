"""Deferred constraints: which are, by definition or by SET CONSTRAINTS, and the checks that wait for the commit.

A check stays in the transaction's list after SET CONSTRAINTS ... IMMEDIATE has run it: what a ROLLBACK TO undoes later
may be what made it pass. It passes of itself if its constraint has gone since, or the table's rows were made anew: DDL
on a table with checks that have not run is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from minidb import schema

if TYPE_CHECKING:
    from minidb.txn.transaction import Transaction


class DeferredCheck:
    """A check of the constraint or unique index with this id; `done` once SET CONSTRAINTS has run it."""

    __slots__ = ("constraint", "done", "run")

    def __init__(self, constraint: int, run: Callable[[], None]) -> None:
        self.constraint = constraint
        self.run = run
        self.done = False


Modes = dict[int | None, bool]  # by id: whether it is deferred; None: all that are not mentioned


def is_deferred(txn: Transaction, constraint: schema.ForeignKey | schema.Index) -> bool:
    if not constraint.deferrable:
        return False
    modes = txn.constraint_modes
    mode = modes.get(constraint.id, modes.get(None)) if modes else None
    return constraint.initially_deferred if mode is None else mode


def set_modes(txn: Transaction, constraints: Sequence[int] | None, deferred: bool) -> None:
    """SET CONSTRAINTS: for the rest of the transaction; IMMEDIATE runs the checks that are waiting."""
    if constraints is None:
        txn.constraint_modes = {None: deferred}
    else:
        txn.constraint_modes = {**txn.constraint_modes, **dict.fromkeys(constraints, deferred)}
    if not deferred:
        for check in list(txn.deferred):
            if constraints is None or check.constraint in constraints:
                check.run()
                check.done = True
