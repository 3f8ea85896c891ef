"""Which transactions may run at which level: robustness against a mixed allocation, decided from what they read and
write, without running anything.

A set of transactions is *robust* against an allocation of READ COMMITTED, SNAPSHOT and SSI if every schedule that these
levels allow is conflict serializable. Vandevoort, Ketsman & Neven (Allocating Isolation Levels to Transactions in a
Multiversion Setting, PODS 2023; for READ COMMITTED alone: Robustness against Read Committed for Transaction Templates,
VLDB 2021) show that it is enough to look for counterexamples of one form, *multiversion split schedules*: one
transaction is cut in two, others run in between, one after the other, and the rest follows

    first part of T1 | T2 ... Tm | second part of T1 | everybody else

so that  T1 -rw-> T2 -> ... -> Tm -> T1  is a cycle, which needs

    1. T1 reads, of what was there before the cut, something that T2 writes;
    2. each of T2 ... Tm conflicts with the next;
    3. Tm reads what T1 writes; or, if T1 is READ COMMITTED, Tm writes what T1 reads or writes behind the cut;
    4. nobody in between writes what T1 has written before the cut (rows are locked), nor, if T1 has a snapshot, what
       it writes at all (the first updater wins);
    5. SSI would not stop it: no dangerous structure A -rw-> T1 -rw-> B, B not behind A, of SSI transactions.

T3 ... Tm-1 need have nothing in common with T1: one that has is a shortcut, T1 -> Ti or Ti -> T1, of the same kind. So
5 is about T2 and Tm, and 2 is a path through the others: all is decided in polynomial time. The tests compare it with
all interleavings of small sets.

How we differ: an operation may be an update, which reads and writes a row in its newest version at once (READ COMMITTED
re-reads what it had to wait for), and reads of one statement see one snapshot at READ COMMITTED, too. So a cut within a
statement parts its updates, but not its reads.

Operations may be uncertain: an UPDATE changes a row only if it finds it. They count where they make a conflict
(1, 2, 3) and do not where they keep somebody away (4, 5), so that no counterexample is missed, whatever happens.

The lowest allocation is unique (proposition 4.2 there): starting from SSI for all, each transaction in turn gets the
lowest level that leaves the set robust, in any order.

What it does not know: READ UNCOMMITTED, 2PL and SERIAL; transactions that do something else altogether because of what
they read. The answer is about just the rows in the profiles.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence

from msgspec import Struct

from minidb.errors import InvalidParameterValue
from minidb.isolation import IsolationLevel

Item = Hashable
LEVELS = (IsolationLevel.READ_COMMITTED, IsolationLevel.SNAPSHOT, IsolationLevel.SSI)
Allocation = Mapping[str, IsolationLevel]


class Operation(Struct, frozen=True):
    """kind: "r" reads, "w" writes, "u" reads and writes at once. item: a row or an index entry. statement: the same
    number for all operations of one statement. certain: False for what happens only if others have, or have not,
    brought the row there."""

    kind: str
    item: Item
    statement: int
    certain: bool = True

    @property
    def reads(self) -> bool:
        return self.kind != "w"

    @property
    def writes(self) -> bool:
        return self.kind != "r"


class Transaction(Struct, frozen=True):
    """What a transaction does, in order."""

    name: str
    operations: tuple[Operation, ...]

    @property
    def read_items(self) -> frozenset[Item]:
        return frozenset(operation.item for operation in self.operations if operation.reads)

    @property
    def written_items(self) -> frozenset[Item]:
        return frozenset(operation.item for operation in self.operations if operation.writes)

    @property
    def certain(self) -> Transaction:
        """What it does in any case."""
        return Transaction(self.name, tuple(operation for operation in self.operations if operation.certain))


class Split(Struct, frozen=True):
    """A counterexample: `first` is cut behind operation number `cut` (from 0); `between` run there, one by one."""

    first: str
    cut: int
    between: tuple[str, ...]


def transaction(name: str, text: str) -> Transaction:
    """A transaction from `r(x) w(y) u(z)`; what `+` joins, as in `r(x)+r(y)`, is one statement."""
    operations = []
    for number, statement in enumerate(text.split()):
        for word in statement.split("+"):
            kind, _, item = word.rstrip(")").partition("(")
            if kind not in ("r", "w", "u") or not item:
                raise InvalidParameterValue(f"not an operation: {word!r}", hint="Write r(x), w(x) or u(x).")
            operations.append(Operation(kind, item, number))
    return Transaction(name, tuple(operations))


# -- robustness


def is_robust(transactions: Sequence[Transaction], allocation: Allocation) -> bool:
    """Whether every schedule that `allocation` allows is conflict serializable."""
    return counterexample(transactions, allocation) is None


def counterexample(transactions: Sequence[Transaction], allocation: Allocation) -> Split | None:
    """A split schedule that is allowed and not serializable, the shortest for the first transaction that has one; None
    if the set is robust.

    Raises InvalidParameterValue for a transaction without a level or with one that the theory does not know."""
    for each in transactions:
        if allocation.get(each.name) not in LEVELS:
            raise InvalidParameterValue(
                f"the theory of allocation does not know level {allocation.get(each.name)!s} of {each.name}",
                hint=f"It knows {', '.join(map(str, LEVELS))}.",
            )
    for first in transactions:
        others = [other for other in transactions if other.name != first.name]
        splits = [split for cut in cuts(first, allocation) if (split := split_at(cut, others, allocation)) is not None]
        if splits:
            return min(splits, key=lambda split: len(split.between))
    return None


class Cut(Struct, frozen=True):
    """A transaction cut behind one of its operations: what it reads before and behind the cut, what it writes."""

    transaction: Transaction
    place: int
    level: IsolationLevel
    early_reads: frozenset[Item]
    late_reads: frozenset[Item]
    late_writes: frozenset[Item]

    def keeps_out(self, other: Transaction) -> bool:
        """Whether `other` cannot run in between, because of what both write (4)."""
        operations = self.transaction.operations
        if self.level is IsolationLevel.READ_COMMITTED:
            operations = operations[: self.place + 1]
        mine = items([o for o in operations if o.writes and o.certain])
        return bool(mine & other.certain.written_items)

    def goes_before(self, other: Transaction) -> bool:
        """T1 -rw-> other (1)."""
        return bool(self.early_reads & other.written_items)

    def comes_behind(self, other: Transaction) -> bool:
        """other -> T1 (3)."""
        return bool(self.transaction.written_items & other.read_items) or bool(
            (self.late_reads | self.late_writes) & other.written_items
        )


def cuts(first: Transaction, allocation: Allocation) -> Iterator[Cut]:
    """All cuts behind which something is left to do, the commit at least."""
    level = allocation[first.name]
    for place, last in enumerate(first.operations):
        behind = first.operations[place + 1 :]
        if level is IsolationLevel.READ_COMMITTED:
            late = [o for o in behind if o.kind == "u" or (o.kind == "r" and o.statement != last.statement)]
        else:
            late = []
        early = [o for o in first.operations if o.reads and o not in late]
        yield Cut(first, place, level, items(early), items(late), items([o for o in behind if o.writes]))


def items(operations: Sequence[Operation]) -> frozenset[Item]:
    return frozenset(operation.item for operation in operations)


def split_at(cut: Cut, others: Sequence[Transaction], allocation: Allocation) -> Split | None:
    """The shortest split schedule with this cut."""
    allowed = [other for other in others if not cut.keeps_out(other)]
    strangers = [other for other in allowed if not conflict(cut.transaction.certain, other.certain)]
    paths = [
        path
        for second in allowed if cut.goes_before(second)
        for last in allowed if cut.comes_behind(last) and not is_stopped(cut, second, last, allocation)
        if (path := shortest_path(second, last, strangers)) is not None
    ]
    best = min(paths, key=len, default=None)
    return None if best is None else Split(cut.transaction.name, cut.place, tuple(each.name for each in best))


def is_stopped(cut: Cut, second: Transaction, last: Transaction, allocation: Allocation) -> bool:
    """Whether SSI sees a dangerous structure around T1 (5)."""
    ssi = IsolationLevel.SSI
    if cut.level is not ssi:
        return False
    first = cut.transaction.certain
    between = [each.certain for each in (second, last) if allocation[each.name] is ssi]
    return any(
        first.read_items & out.written_items and first.written_items & into.read_items
        for i, out in enumerate(between) for into in between[i:]
    )


def shortest_path(start: Transaction, goal: Transaction, strangers: Sequence[Transaction]) -> list[Transaction] | None:
    """From `start` to `goal` by conflicts, through `strangers` only."""
    paths = [[start]]
    left = [each for each in strangers if each.name not in (start.name, goal.name)]
    while paths:
        for path in paths:
            if path[-1].name == goal.name or conflict(path[-1], goal):
                return path if path[-1].name == goal.name else [*path, goal]
        longer = []
        for path in paths:
            for other in [each for each in left if conflict(path[-1], each)]:
                left.remove(other)
                longer.append([*path, other])
        paths = longer
    return None


def conflict(one: Transaction, other: Transaction) -> bool:
    return bool(
        one.written_items & other.written_items or one.written_items & other.read_items
        or one.read_items & other.written_items
    )


# -- allocation


def lowest_allocation(transactions: Sequence[Transaction]) -> dict[str, IsolationLevel]:
    """For each transaction the lowest of READ COMMITTED, SNAPSHOT and SSI such that the set is robust."""
    allocation = {each.name: IsolationLevel.SSI for each in transactions}
    for each in transactions:
        for level in LEVELS[:-1]:
            if is_robust(transactions, {**allocation, each.name: level}):
                allocation[each.name] = level
                break
    return allocation


def highest(allocations: Sequence[Allocation]) -> dict[str, IsolationLevel]:
    """The highest level that each transaction has in any of them: what transactions need that do different things in
    different serial orders, from the allocation for each order."""
    names = dict.fromkeys(name for allocation in allocations for name in allocation)
    return {name: max((a[name] for a in allocations if name in a), key=LEVELS.index) for name in names}


__all__ = [
    "LEVELS", "Operation", "Split", "Transaction", "counterexample", "highest", "is_robust", "lowest_allocation",
    "transaction",
]
