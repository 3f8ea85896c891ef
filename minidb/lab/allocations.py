"""Which level for which transaction: the search, with the explorer as the judge.

    allocation = one level for each transaction, in their order

        (rc, rc)                    an allocation is *minimal* if it is good and nothing below it is: in this picture
        /      \\                    (rc, si) and, if that is not good, perhaps (si, si)
    (si, rc)  (rc, si)
        \\      /                    tried from below, so that what lies above a good one need not be tried
        (si, si)

That higher is safer is not taken for granted. It is so where transactions are plain reads and writes (Vandevoort,
Ketsman & Neven 2023), but SELECT ... FOR UPDATE of a row that is only a guard protects at READ COMMITTED, where the
next statement sees what the former holder did, and not at SNAPSHOT, where it still reads the past. So all allocations
are tried that do not lie above a good one; where that would be too many, each transaction is lowered by itself,
starting from the lowest level that is good for all.

A bad allocation costs little: the orders that have shown others to be bad are tried first, and exploring ends with the
first order that goes wrong.

What counts as wrong is an outcome that no serial order gives, or an invariant that does not hold. A transaction that is
rolled back with 40001 or 40P01 is not wrong: it has to be tried again. As that is not part of the schedule, invariants
say nothing of such an outcome; if it is serializable, trying again is one more transaction in the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from typing import Any

from minidb.isolation import IsolationLevel
from minidb.lab.explorer import RETRYABLE, Exploration, Explorer, Outcome, troupe_of
from minidb.lab.oracle import judge
from minidb.lab.orders import interleaving_count
from minidb.lab.planned_transactions import Planned, with_levels
from minidb.lab.schedule import Schedule
from minidb.lab.serial_orders import Seen, SerialOrders
from minidb.lab.troupe import Performance, Troupe

Allocation = tuple[IsolationLevel, ...]
Tell = Callable[[Allocation, int], None]
MOST_ALLOCATIONS = 300  # that are tried one by one: five transactions at three levels
MOST_ORDERS_KEPT = 30
MANY_INTERLEAVINGS = 5_000  # from here on, some random orders are tried first: what goes wrong often is found at once
FIRST_SAMPLE = 100


class Enough(Exception):
    """Exploring has found what it was asked for."""


class Court:
    """Judges allocations of one schedule, and remembers.

    Arguments:
        most: performances of one exploration. If they do not suffice, a tenth as many random orders are tried besides.
        sample: perform this many random orders in place of all; with `seed`.
        tell: is told before each exploration: the allocation, and how many runs were made so far.
    """

    def __init__(self, schedule: Schedule, transactions: Sequence[Planned], *, most: int, sample: int = 0,
                 seed: int = 0, tell: Tell | None = None) -> None:
        self.schedule = schedule
        self.transactions = transactions
        self.most = most
        self.sample = sample
        self.seed = seed
        self.tell = tell
        self.many = interleaving_count([len(actor.steps) for actor in schedule.actors]) > MANY_INTERLEAVINGS
        self.known: dict[Allocation, bool] = {}
        self.explorations: dict[Allocation, Exploration] = {}
        self.orders: list[tuple[int, ...]] = []  # that have gone wrong somewhere
        self.performed = 0
        self.serial_orders: dict[Any, Seen] = {}

    def troupe(self, allocation: Allocation) -> Troupe:
        return troupe_of(with_levels(self.schedule, self.transactions, allocation))

    def is_good(self, allocation: Allocation) -> bool:
        if allocation not in self.known:
            if self.tell is not None:
                self.tell(allocation, self.performed)
            self.known[allocation] = not self.fails_as_others(allocation) and self.stands(allocation)
        return self.known[allocation]

    def fails_as_others(self, allocation: Allocation) -> bool:
        """Whether an order goes wrong that did so at other levels."""
        if not self.orders:
            return False
        troupe = self.troupe(allocation)
        serial_orders = self.sharing(SerialOrders(troupe))
        for order in self.orders:
            self.performed += 1
            if went_wrong(troupe.replay(order, detailed=False), serial_orders):
                self.keep(order)
                return True
        return False

    def sharing(self, serial_orders: SerialOrders) -> SerialOrders:
        """One memory for all allocations: one after the other, transactions do the same at every level."""
        serial_orders.known = self.serial_orders
        return serial_orders

    def keep(self, order: tuple[int, ...]) -> None:
        """The order that was right last comes first."""
        self.orders = [order, *(other for other in self.orders if other != order)][:MOST_ORDERS_KEPT]

    def stands(self, allocation: Allocation) -> bool:
        """Whether all its interleavings are good; the exploration is then kept."""
        for found in self.attempts(allocation):
            wrong = first_wrong(found)
            if wrong is not None:
                self.keep(wrong.witness.order)
                return False
            if allocation not in self.explorations or found.performed > self.explorations[allocation].performed:
                self.explorations[allocation] = found
        return True

    def attempts(self, allocation: Allocation) -> Iterator[Exploration]:
        """Random orders first if there are many; then all; random ones again if that did not come to its end."""
        if self.sample:
            yield self.explore(allocation, 0, self.sample)
            return
        if self.many:
            yield self.explore(allocation, 0, FIRST_SAMPLE)
        found = self.explore(allocation, 0, 0)
        yield found
        if found.sample:
            yield self.explore(allocation, 0, max(self.most // 10, 1))

    def explore(self, allocation: Allocation, enough: int, sample: int) -> Exploration:
        """Explores until something is wrong and at least `enough` runs were made, or to the end."""
        looked_at = 0
        wrong = False

        def watch(*_: int) -> None:
            nonlocal looked_at, wrong
            wrong = wrong or any(is_wrong(outcome) for outcome in islice(explorer.known.values(), looked_at, None))
            looked_at = len(explorer.known)
            if wrong and explorer.found.performed >= enough:
                raise Enough

        explorer = Explorer(self.troupe(allocation), most=self.most, sample=sample, seed=self.seed, tell=watch)
        self.sharing(explorer.judge)
        try:
            explorer.explore()
        except Enough:
            explorer.found.outcomes = list(explorer.known.values())
        self.performed += explorer.found.performed
        return explorer.found

    def known_orders_at(self, allocation: Allocation) -> Exploration:
        """What the orders do at an allocation that have gone wrong somewhere: a sample."""
        explorer = Explorer(self.troupe(allocation))
        self.sharing(explorer.judge)
        for order in self.orders:
            explorer.take(explorer.troupe.replay(order, detailed=False), 1)
        explorer.found.sample = True
        explorer.found.outcomes = list(explorer.known.values())
        return explorer.found


# -- what is wrong


def is_wrong(outcome: Outcome) -> bool:
    return outcome.serializable is False or bool(outcome.broken and not is_to_be_retried(outcome))


def is_to_be_retried(outcome: Outcome) -> bool:
    return any(state in RETRYABLE for states in outcome.errors.values() for state in states)


def first_wrong(exploration: Exploration) -> Outcome | None:
    return next(filter(is_wrong, exploration.outcomes), None)


def went_wrong(performance: Performance, serial_orders: SerialOrders) -> bool:
    """The same of one performance."""
    verdict = serial_orders.judge(performance, judge(performance.history).order or ())
    failed = any(
        line.answer.error is not None and line.answer.error.sqlstate in RETRYABLE
        for lines in performance.lines for line in lines
    )
    return verdict.serializable is False or bool(performance.broken and not failed)


# -- searching


def minimal_allocations(
    levels: Sequence[IsolationLevel], count: int, is_good: Callable[[Allocation], bool]
) -> tuple[list[Allocation], bool]:
    """The minimal good allocations of `count` transactions, the lowest first, and whether it is all of them.

    levels: from the lowest to the highest.
    """
    if len(levels) ** count <= MOST_ALLOCATIONS:
        return all_minimal(levels, count, is_good), True
    return lowered_one_by_one(levels, count, is_good), False


def all_minimal(
    levels: Sequence[IsolationLevel], count: int, is_good: Callable[[Allocation], bool]
) -> list[Allocation]:
    found: list[tuple[int, ...]] = []
    for ranks in sorted(product(range(len(levels)), repeat=count), key=lambda ranks: (sum(ranks), max(ranks), ranks)):
        above = any(all(map(int.__le__, lower, ranks)) for lower in found)
        if not above and is_good(tuple(levels[rank] for rank in ranks)):
            found.append(ranks)
    return [tuple(levels[rank] for rank in ranks) for ranks in found]


def lowered_one_by_one(
    levels: Sequence[IsolationLevel], count: int, is_good: Callable[[Allocation], bool]
) -> list[Allocation]:
    allocation = next((same for level in levels if is_good(same := (level,) * count)), None)
    if allocation is None:
        return []
    for number in range(count):
        allocation = next(filter(is_good, lowerings(levels, allocation, number)), allocation)
    return [allocation]


def lowerings(levels: Sequence[IsolationLevel], allocation: Allocation, number: int) -> Iterator[Allocation]:
    """The allocation with one transaction at each lower level, the lowest first."""
    for level in levels[: levels.index(allocation[number])]:
        yield with_level(allocation, number, level)


def with_level(allocation: Allocation, number: int, level: IsolationLevel) -> Allocation:
    return (*allocation[:number], level, *allocation[number + 1 :])


__all__ = ["Allocation", "Court", "first_wrong", "is_to_be_retried", "is_wrong", "minimal_allocations", "with_level"]
