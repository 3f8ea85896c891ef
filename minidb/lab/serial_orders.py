"""Whether a performance is serializable: is there an order in which its transactions, one after the other, give the
same answers and the same final state? Every serial order is really performed, until one fits (view serializability,
with the answers that sessions got as the view).

What counts are the transactions that committed; what others read or tried to write must not show. A session's own
transactions stay in their order. Each serial order is performed once and remembered: most performances of the same
sessions commit the same transactions.

Scripts are replayed statement by statement, so a transaction is compared with itself even if another one of its
session was rolled back. A Python function is run anew: what it does after a rollback (trying again, for instance) is
its own decision; its transactions are compared in the order in which they committed.

Rows are compared as a multiset: without ORDER BY their order says nothing. What SKIP LOCKED returns depends on locks
by its nature and is not compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from minidb.lab.performers import FunctionPerformer, Line, ScriptPerformer
from minidb.lab.run import Answer
from minidb.lab.troupe import Performance, Rows, Troupe

MOST_ORDERS = 5040  # of one set of transactions: seven of them in all orders


class Unit(Struct, frozen=True):
    """One committed transaction: the session's number, and the places of its statements in the session's script."""

    session: int
    places: tuple[int, ...]
    transaction: int = 0


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
        self.known: dict[tuple[tuple[int, tuple[int, ...]], ...], Seen] = {}

    def judge(self, performance: Performance, first: Sequence[int] = ()) -> Verdict:
        """`first`: transactions in an order that is likely to fit; it is tried first."""
        units = committed_units(performance)
        seen = seen_in(performance, units)
        orders = candidates(units, first)
        for order in islice(orders, MOST_ORDERS):
            if self.serially(order) == seen:
                return Verdict(True, tuple(unit.transaction for unit in order))
        return Verdict(None if next(orders, None) is not None else False)

    def serially(self, order: Sequence[Unit]) -> Seen:
        key = tuple((unit.session, unit.places) for unit in order)
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
                    one_transaction(performer)
            for number, performer in enumerate(cast):
                performance.lines[number] = performer.lines
        finally:
            for performer in cast:
                performer.leave()
        troupe.look(workbench, performance)
        return seen_in(performance, committed_units(performance))


def one_transaction(performer: FunctionPerformer) -> None:
    """Lets a function go on until a transaction of it has committed."""
    history = performer.workbench.recorder.history
    if not performer.begun:
        performer.open()
    known = committed_count(performer)
    while performer.ready and committed_count(performer) == known:
        performer.step()
    assert history is performer.workbench.recorder.history


def committed_count(performer: FunctionPerformer) -> int:
    accounts = performer.workbench.recorder.history.accounts.values()
    return sum(1 for account in accounts if account.session == performer.name and account.committed)


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
    places: list[int] = []
    current = 0
    for line in lines:
        if current and line.transaction != current:
            yield Unit(session, tuple(places), current)
            places, current = [], 0
        places.append(line.place)
        current = line.transaction or current
    if places and current:
        yield Unit(session, tuple(places), current)


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


def shuffles(lists: Sequence[tuple[Unit, ...]]) -> Iterator[tuple[Unit, ...]]:
    if not any(lists):
        yield ()
        return
    for number, own in enumerate(lists):
        if own:
            rest = [*lists[:number], own[1:], *lists[number + 1 :]]
            for tail in shuffles(rest):
                yield (own[0], *tail)


def seen_in(performance: Performance, units: Sequence[Unit]) -> Seen:
    committed = {unit.transaction for unit in units}
    answers = tuple(
        tuple(
            comparable(line) for line in sorted(lines, key=lambda line: line.place) if line.transaction in committed
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
