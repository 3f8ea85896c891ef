"""The transactions of a run, cut out of its steps, and the serial orders in which they could have come.

A *unit* is a transaction of one session with the steps that belong to it: from BEGIN to COMMIT or ROLLBACK, or what was
sent at once outside of any. Serial orders keep the order of a session's own units and none else: a serializable run
need not look as if transactions had come in the order of their commits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from minidb.lab.engines.control import Control, Progress, control_of
from minidb.lab.engines.inspection import in_order
from minidb.lab.orders import interleaving_count
from minidb.lab.run import Answer
from minidb.sql.script import parse_script

Reads = tuple[tuple[tuple[Any, ...], ...], ...]


class Unit(Struct, frozen=True):
    """session: whose it is. steps: names. reads: the rows of each result, in no order. committed: or rolled back."""

    session: str
    steps: tuple[str, ...]
    reads: Reads
    committed: bool


class Cutter:
    """Cuts the steps of one session into units."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.progress = Progress()
        self.units: list[Unit] = []
        self.begin()

    def begin(self) -> None:
        self.steps: list[str] = []
        self.reads: list[tuple[tuple[Any, ...], ...]] = []
        self.committed = False

    def add(self, step: str, sql: str, answers: Sequence[Answer]) -> None:
        """The next step, and what came of it."""
        self.steps.append(step)
        for (statement, _), answer in zip(parse_script(sql), answers):
            control = control_of(statement)
            self.progress.note(control, answer.error is not None)
            self.committed = commits(control, answer)
            if answer.columns:
                self.reads.append(in_order(answer.rows))
        if self.progress.state == "idle":
            self.end()

    def end(self) -> None:
        """What is open now ends; a transaction that has not come to its own end is rolled back."""
        if self.steps:
            committed = self.committed and self.progress.state == "idle"
            self.units.append(Unit(self.session, tuple(self.steps), tuple(self.reads), committed))
        self.begin()


def commits(control: Control | None, answer: Answer) -> bool:
    """Whether a session that is outside of a transaction after this statement has committed."""
    return answer.error is None and not (control and control.kind == "rollback") and answer.tag != "ROLLBACK"


# -- orders


def serial_orders(units: Sequence[Unit]) -> Iterator[tuple[Unit, ...]]:
    """All orders of the units; those of one session stay in theirs."""
    if not units:
        yield ()
    for first in firsts(units):
        rest = [unit for unit in units if unit is not first]
        yield from ((first, *others) for others in serial_orders(rest))


def firsts(units: Iterable[Unit]) -> list[Unit]:
    found: dict[str, Unit] = {}
    for unit in units:
        found.setdefault(unit.session, unit)
    return list(found.values())


def order_count(units: Sequence[Unit]) -> int:
    sessions = [unit.session for unit in units]
    return interleaving_count([sessions.count(name) for name in set(sessions)])
