"""Sequences: numbers that are given out once, whatever becomes of the transactions that took them.

The definition is in the catalog and transactional; where a sequence stands is here, and no rollback touches it. A
number is taken under the latch, without a sync, and seen by everybody at once. For recovery the log has to say which
numbers may have been used:

    value ...... 32 numbers ahead ...... ahead
      |                                   |
      given out last                      what the log says, once somebody has committed

A draw that goes beyond `ahead` moves it 32 numbers on, under a new stamp. Who draws notes the stamp that covers its
number; its COMMIT record carries the point of that stamp, unless an earlier record does. Records are in number order,
so whatever survives of the log, it covers every number that a surviving transaction has drawn.

Invariants:
 1. `value` is covered by `ahead`: a sequence that goes on from `ahead` gives out nothing twice.
 2. `queued` is the highest stamp that is in the log or in the base; `settled[level]` the highest one that is as durable
    as a commit of that level. Stamps only grow, and a point covers all that were drawn under lower stamps.
 3. Recovery and the base take the point with the highest stamp. A base of a checkpoint says `ahead`; that of a clean
    close says `value`, so that no number is lost.

A transaction that has drawn and written nothing commits through the log only if its stamp is not settled yet. ALTER
SEQUENCE and TRUNCATE ... RESTART IDENTITY give the sequence a new relation, that is a new state, which counts when
they are committed; the lock that they take keeps those who draw away until then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from minidb import schema
from minidb.errors import DataError
from minidb.schema import SequencePoint

if TYPE_CHECKING:
    from minidb.txn.transaction import Transaction

LOGGED_AHEAD = 32  # numbers
LEVELS = {"off": 0, "normal": 1, "full": 2}


class SequenceState:
    """Where one sequence stands. Changed under the latch."""

    __slots__ = ("ahead", "called", "left", "queued", "relation", "settled", "temporary", "value")

    def __init__(self, definition: schema.Sequence) -> None:
        self.relation = definition.relation
        self.temporary = definition.temporary
        self.value = definition.value
        self.called = definition.called
        self.ahead = SequencePoint(self.relation, 0, self.value, self.called)
        self.left = 0  # how many numbers can be given out until `ahead`
        self.queued = 0
        self.settled = [0, 0, 0]  # by durability

    # -- numbers

    def draw(self, definition: schema.Sequence, count: int) -> tuple[int, int]:
        """Gives out up to `count` numbers at once: the first and the last. Raises 2200H at the end."""
        first = self.following(definition)
        last, taken = reach(definition, first, count)
        self.value, self.called = last, True
        self.left -= taken
        if self.left < 0:
            end, covered = reach(definition, last, LOGGED_AHEAD + 1)
            self.left = covered - 1
            self.move(end, True)
        return first, last

    def following(self, definition: schema.Sequence) -> int:
        if not self.called:
            return self.value
        value = self.value + definition.increment
        if definition.minimum <= value <= definition.maximum:
            return value
        upward = definition.increment > 0
        if not definition.cycle:
            end, bound = ("maximum", definition.maximum) if upward else ("minimum", definition.minimum)
            raise DataError(
                f'nextval: reached {end} value of sequence "{definition.name}" ({bound})', sqlstate="2200H"
            )
        return definition.minimum if upward else definition.maximum

    def set(self, value: int, called: bool) -> None:
        """setval."""
        self.value, self.called, self.left = value, called, 0
        self.move(value, called)

    def move(self, value: int, called: bool) -> None:
        self.ahead = SequencePoint(self.relation, self.ahead.stamp + 1, value, called)

    # -- what is durable

    def restore(self, point: SequencePoint) -> None:
        """Goes on from a point of the base or of the log, if it is a later one (invariant 3)."""
        if point.stamp >= self.ahead.stamp:
            self.value, self.called, self.left = point.value, point.called, 0
            self.ahead = point
            self.saved(point.stamp)

    def saved(self, stamp: int, durability: str = "full") -> None:
        """The point of `stamp` has become as durable as a commit of this level."""
        self.queued = max(self.queued, stamp)
        for level in range(LEVELS[durability] + 1):
            self.settled[level] = max(self.settled[level], stamp)

    def exact(self) -> SequencePoint:
        """The point for a base after which nothing is given out."""
        return SequencePoint(self.relation, self.ahead.stamp + 1, self.value, self.called)

    def check(self, definition: schema.Sequence) -> None:
        assert definition.minimum <= self.value <= definition.maximum, f"{definition.name}: out of bounds"
        assert self.queued <= self.ahead.stamp and max(self.settled) <= self.queued, f"{definition.name}: stamps"


def reach(definition: schema.Sequence, first: int, count: int) -> tuple[int, int]:
    """The last of `count` numbers from `first` on, or the last before the end; how many these are."""
    bound = definition.maximum if definition.increment > 0 else definition.minimum
    most = (bound - first) // definition.increment + 1
    taken = max(1, min(count, most))
    return first + (taken - 1) * definition.increment, taken


class Sequences:
    """The states of all sequences of a database, by relation. Changed under the latch."""

    def __init__(self, catalog: schema.Catalog) -> None:
        self.states: dict[int, SequenceState] = {}
        for definition in catalog.sequences.values():
            self.add(definition)
        self.restore(catalog.points)

    def add(self, definition: schema.Sequence) -> SequenceState:
        state = self.states[definition.relation] = SequenceState(definition)
        return state

    def remove(self, relation: int) -> None:
        """The definition was rolled back."""
        self.states.pop(relation, None)

    def adopt(self, definitions: Iterable[schema.Sequence]) -> None:
        """Of definitions read from the log: those that are new begin."""
        for definition in definitions:
            if definition.relation not in self.states:
                self.add(definition)

    def restore(self, points: Iterable[SequencePoint]) -> None:
        for point in points:
            state = self.states.get(point.relation)
            if state is not None:
                state.restore(point)

    def keep_only(self, catalog: schema.Catalog, old: schema.Catalog) -> None:
        """States that only the old catalog knew go."""
        kept = {definition.relation for definition in catalog.sequences.values()}
        for definition in old.sequences.values():
            if definition.relation not in kept:
                self.states.pop(definition.relation, None)

    # -- for taking back what ran (workbench)

    def values(self) -> dict[int, tuple[int, bool]]:
        return {relation: (state.value, state.called) for relation, state in self.states.items()}

    def set_values(self, values: dict[int, tuple[int, bool]]) -> None:
        for relation, (value, called) in values.items():
            self.states[relation].set(value, called)

    # -- for the base

    def points(self, catalog: schema.Catalog, exact: bool) -> tuple[SequencePoint, ...]:
        """Where the sequences of a committed catalog stand. Under the latch."""
        states = [self.states[d.relation] for d in catalog.sequences.values() if d.relation in self.states]
        return tuple([state.exact() if exact else state.ahead for state in states])

    def saved(self, points: Iterable[SequencePoint]) -> None:
        """These are in the base now. Under the latch."""
        for point in points:
            state = self.states.get(point.relation)
            if state is not None and point.stamp <= state.ahead.stamp:
                state.saved(point.stamp)

    def moved_since(self, points: Iterable[SequencePoint]) -> bool:
        """Whether a sequence stands elsewhere than a base with these points says."""
        known = {point.relation: (point.value, point.called) for point in points}
        return any(
            known.get(state.relation, (state.value, state.called)) != (state.value, state.called)
            for state in self.states.values()
        )


# -- what a transaction has drawn -------------------------------------------------------------------------


def note_drawn(txn: Transaction, state: SequenceState) -> None:
    """Remembers that the transaction's end has to wait for the state's stamp. Under the latch."""
    if not state.temporary and state.settled[LEVELS[txn.durability]] < state.ahead.stamp:
        if txn.drawn is None:
            txn.drawn = {}
        txn.drawn[state] = state.ahead.stamp


def needs_log(txn: Transaction) -> bool:
    """Whether a number that the transaction has drawn is not yet as durable as the transaction will be."""
    level = LEVELS[txn.durability]
    return txn.drawn is not None and any(state.settled[level] < stamp for state, stamp in txn.drawn.items())


def points_to_log(txn: Transaction) -> list[SequencePoint]:
    """What the COMMIT record has to say of sequences. Each point was read whole: it is replaced, never changed."""
    found = []
    for state, stamp in (txn.drawn or {}).items():
        if state.queued < stamp:
            point = state.ahead
            assert txn.drawn is not None
            txn.drawn[state] = point.stamp
            found.append(point)
    return found


def drawn_queued(txn: Transaction) -> None:
    """The COMMIT record has its place in the log. Under the latch."""
    for state, stamp in (txn.drawn or {}).items():
        state.queued = max(state.queued, stamp)


def drawn_settled(txn: Transaction) -> None:
    """The transaction is published. Under the latch."""
    for state, stamp in (txn.drawn or {}).items():
        state.saved(stamp, txn.durability)
