"""Whether a performance is serializable: is there an order in which its transactions, one after the other, give the
same answers and the same final state? Every serial order is really performed, until one fits (view serializability,
with the answers that sessions got as the view).

What counts are the transactions that committed; what others read or tried to write must not show. A session's own
transactions stay in their order. Each serial order is performed once and remembered: most performances of the same
sessions commit the same transactions.

Transactions are made again statement by statement, so each is compared with itself even if another one of its session
was rolled back. Those of Python functions, too: the calls that a function has made are made again, not the function.
It does the same if it is answered the same (`behaviour` sees to that), and returns the same, so calls and answers are
all there is to compare. What it did because an attempt of it was stopped is its own decision, and no reason to call the
rest not serializable: one that was stopped for good and writes that into a log has committed a transaction that it
never has where nobody stops it.

Rows are compared as a multiset: without ORDER BY their order says nothing. What SKIP LOCKED returns depends on locks
by its nature and is not compared. A statement that was refused because of others (NOWAIT, a lock timeout, 40001 or
40P01, after which the session went back to a savepoint) is left out: alone it would not have been.

A function can also learn what only looks like data: the order of rows without ORDER BY, random(). So where no order
gives the same answers, but the graph of the history has no cycle, its order is taken to be right: that all conflicts
agree with it is enough. Schedules, in which nothing follows from an answer, are not given this; there the two ways to
judge check each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from minidb.lab.functions import FunctionPerformer
from minidb.lab.orders import shuffles
from minidb.lab.performers import Line, ScriptPerformer
from minidb.lab.run import Answer
from minidb.lab.stepped_session import Call
from minidb.lab.troupe import Performance, Rows, Troupe

MOST_ORDERS = 5040  # of one set of transactions: seven of them in all orders
REFUSED = ("55P03", "40001", "40P01", "25P02")


class Unit(Struct, frozen=True):
    """One committed transaction: the session's number, and the places of its statements in the session's script; of a
    function also the calls."""

    session: int
    places: tuple[int, ...]
    transaction: int = 0
    calls: tuple[Call, ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for units that do the same."""
        return (self.session, self.places, *(call.key for call in self.calls))


class Seen(Struct, frozen=True):
    """What can be compared: per session the answers of its committed transactions, and the final state."""

    answers: tuple[tuple[Any, ...], ...]
    final: tuple[tuple[str, Rows], ...]


class Verdict(Struct, frozen=True):
    """serializable: None if there were too many orders to try them all. order: transactions, as one serial order that
    fits has them."""

    serializable: bool | None
    order: tuple[int, ...] = ()


class SerialOrders:
    """Judges the performances of one troupe."""

    def __init__(self, troupe: Troupe) -> None:
        self.troupe = troupe
        self.known: dict[tuple[Any, ...], Seen] = {}

    def judge(self, performance: Performance, first: Sequence[int] = ()) -> Verdict:
        """`first`: transactions in an order that all conflicts agree with, if there is one; it is tried first."""
        units = committed_units(performance)
        seen = seen_in(performance, units)
        orders = candidates(units, first)
        for order in islice(orders, MOST_ORDERS):
            if self.serially(order) == seen:
                return Verdict(True, tuple(unit.transaction for unit in order))
        if first and any(unit.calls for unit in units):
            return Verdict(True, tuple(first))
        return Verdict(None if next(orders, None) is not None else False)

    def serially(self, order: Sequence[Unit]) -> Seen:
        key = tuple(unit.key for unit in order)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = self.perform(order)
        return found

    def perform(self, order: Sequence[Unit]) -> Seen:
        troupe = self.troupe
        workbench = troupe.rewind()
        cast = troupe.cast(workbench)
        performance = Performance(len(cast), workbench.recorder.history)
        try:
            for unit in order:
                performer = cast[unit.session]
                if isinstance(performer, ScriptPerformer):
                    performer.only(unit.places)
                else:
                    assert isinstance(performer, FunctionPerformer)
                    performer.repeat(unit.places, unit.calls)
            for number, performer in enumerate(cast):
                performance.lines[number] = performer.lines
        finally:
            for performer in cast:
                performer.leave()
        troupe.look(workbench, performance)
        return seen_in(performance, committed_units(performance))


def committed_units(performance: Performance) -> list[Unit]:
    """The transactions that committed, in the order of their commits."""
    accounts = performance.history.accounts
    units = [
        unit for number, lines in enumerate(performance.lines) for unit in units_of(number, lines)
        if unit.transaction and accounts[unit.transaction].committed
    ]
    return sorted(units, key=lambda unit: (accounts[unit.transaction].number, accounts[unit.transaction].ended))


def units_of(session: int, lines: Sequence[Line]) -> Iterator[Unit]:
    """A session's lines, cut into transactions. A statement in none, such as SET, belongs to the next one."""
    own: list[Line] = []
    current = 0
    for line in lines:
        if current and line.transaction != current:
            yield unit_of(session, own, current)
            own, current = [], 0
        own.append(line)
        current = line.transaction or current
    if own and current:
        yield unit_of(session, own, current)


def unit_of(session: int, lines: Sequence[Line], transaction: int) -> Unit:
    kept = [line for line in lines if not was_refused(line)]
    calls = tuple(line.call for line in kept if line.call is not None)
    return Unit(session, tuple(line.place for line in kept), transaction, calls)


def was_refused(line: Line) -> bool:
    return line.answer.error is not None and line.answer.error.sqlstate in REFUSED


def candidates(units: Sequence[Unit], first: Sequence[int]) -> Iterator[tuple[Unit, ...]]:
    """All orders of the transactions that keep each session's own; the likely one first, then that of the commits."""
    by_number = {unit.transaction: unit for unit in units}
    likely = tuple(by_number[number] for number in first if number in by_number)
    if len(likely) == len(units):
        yield likely
    lists: dict[int, list[Unit]] = {}
    for unit in units:
        lists.setdefault(unit.session, []).append(unit)
    for own in lists.values():
        own.sort(key=lambda unit: unit.places)
    yield from shuffles([tuple(own) for own in lists.values()])


def seen_in(performance: Performance, units: Sequence[Unit]) -> Seen:
    committed = {unit.transaction for unit in units}
    answers = tuple(
        tuple(
            comparable(line) for line in sorted(lines, key=lambda line: line.place)
            if line.transaction in committed and not was_refused(line)
        )
        for lines in performance.lines
    )
    return Seen(answers, tuple(sorted(performance.final.items())))


def comparable(line: Line) -> Any:
    """What an answer says, whatever the order of its rows."""
    if "skip locked" in line.statement.lower():
        return None
    return said(line.answer)


def said(answer: Answer) -> Any:
    if answer.error is not None:
        return ("error", answer.error.sqlstate)
    return (answer.tag, tuple(sorted(map(repr, answer.rows))))


__all__ = ["SerialOrders", "Unit", "Verdict", "committed_units", "said", "seen_in"]
