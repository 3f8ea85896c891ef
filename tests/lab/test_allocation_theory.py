"""Robustness against mixed allocations: examples of the literature, and all interleavings of small random sets.

The slow judge makes every interleaving of the operations and commits, keeps those that the levels allow, by the
definitions of READ COMMITTED, SI and SSI for given schedules (Vandevoort, Ketsman & Neven, section 2), and looks for
cycles in their serialization graphs. It knows nothing of split schedules.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import product

import pytest

from minidb.errors import InvalidParameterValue
from minidb.isolation import IsolationLevel
from minidb.lab.allocation_theory import (
    LEVELS,
    Operation,
    Transaction,
    counterexample,
    highest,
    is_robust,
    lowest_allocation,
    transaction,
)

RC, SI, SSI = LEVELS


# -- the slow judge


class Schedule:
    """An interleaving in the making: what each operation saw, who has committed."""

    def __init__(self, transactions: Sequence[Transaction], levels: Sequence[IsolationLevel]) -> None:
        self.transactions, self.levels = transactions, levels
        self.next = [0] * len(transactions)
        self.began = [-1] * len(transactions)
        self.ended = [-1] * len(transactions)
        self.statement_began: dict[tuple[int, int], int] = {}
        self.writers: dict[object, int] = {}  # who holds a row's lock
        self.versions: dict[object, list[tuple[int, int]]] = {}  # (commit time, who), oldest first
        self.reads: list[tuple[int, object, int]] = []  # who, what, as of when
        self.time = 0

    def copy(self) -> Schedule:
        other = Schedule(self.transactions, self.levels)
        other.next, other.began, other.ended = list(self.next), list(self.began), list(self.ended)
        other.statement_began, other.writers = dict(self.statement_began), dict(self.writers)
        other.versions = {item: list(versions) for item, versions in self.versions.items()}
        other.reads, other.time = list(self.reads), self.time
        return other

    def step(self, who: int) -> bool:
        """The next operation of `who`, or its commit; False if its level does not allow it now."""
        self.time += 1
        operations = self.transactions[who].operations
        if self.next[who] == len(operations):
            return self.commit(who)
        operation = operations[self.next[who]]
        self.next[who] += 1
        if self.began[who] < 0:
            self.began[who] = self.time
        self.statement_began.setdefault((who, operation.statement), self.time)
        return self.read(who, operation) and self.write(who, operation)

    def read(self, who: int, operation: Operation) -> bool:
        if operation.reads:
            rc_time = self.time if operation.kind == "u" else self.statement_began[who, operation.statement]
            self.reads.append((who, operation.item, rc_time if self.levels[who] is RC else self.began[who]))
        return True

    def write(self, who: int, operation: Operation) -> bool:
        if not operation.writes:
            return True
        if self.writers.setdefault(operation.item, who) != who:
            return False  # a dirty write
        newest = self.versions.get(operation.item, [(-1, -1)])[-1][0]
        return self.levels[who] is RC or newest < self.began[who]  # the first updater wins

    def commit(self, who: int) -> bool:
        self.ended[who] = self.time
        for item in [item for item, writer in self.writers.items() if writer == who]:
            del self.writers[item]
            self.versions.setdefault(item, []).append((self.time, who))
        return True

    def edges(self) -> set[tuple[str, int, int]]:
        found = {
            ("ww", one, other)
            for versions in self.versions.values()
            for i, (_, one) in enumerate(versions) for _, other in versions[i + 1 :]
        }
        for reader, item, as_of in self.reads:
            for time, writer in self.versions.get(item, ()):
                if writer != reader:
                    found.add(("wr", writer, reader) if time < as_of else ("rw", reader, writer))
        return found

    def is_dangerous(self, edges: set[tuple[str, int, int]]) -> bool:
        """Two rw edges in a row between concurrent SSI transactions, the last of which committed first; if the first
        only reads, it must have begun later than that."""
        rw = [(a, b) for kind, a, b in edges if kind == "rw" and self.levels[a] is SSI and self.levels[b] is SSI]
        return any(
            pivot == again and self.concurrent(first, pivot) and self.concurrent(pivot, last)
            and self.ended[last] <= self.ended[first] and self.ended[last] < self.ended[pivot]
            and (self.transactions[first].written_items or self.ended[last] < self.began[first])
            for first, pivot in rw for again, last in rw
        )

    def concurrent(self, one: int, other: int) -> bool:
        return self.began[one] < self.ended[other] and self.began[other] < self.ended[one]


def interleavings(schedule: Schedule) -> Iterator[Schedule]:
    running = [who for who, ended in enumerate(schedule.ended) if ended < 0]
    if not running:
        yield schedule
    for who in running:
        after = schedule.copy()
        if after.step(who):
            yield from interleavings(after)


def has_cycle(edges: set[tuple[str, int, int]], count: int) -> bool:
    left, pairs = set(range(count)), {(a, b) for _, a, b in edges if a != b}
    while left:
        free = {node for node in left if not any(a in left and b == node for a, b in pairs)}
        if not free:
            return True
        left -= free
    return False


def robust_by_all_interleavings(transactions: Sequence[Transaction], allocations: Sequence[tuple[IsolationLevel, ...]]
                                ) -> dict[tuple[IsolationLevel, ...], bool]:
    robust = {}
    for levels in allocations:
        robust[levels] = not any(
            has_cycle(edges, len(transactions)) and not done.is_dangerous(edges)
            for done in interleavings(Schedule(transactions, levels))
            for edges in [done.edges()]
        )
    return robust


# -- against it


def random_transaction(name: str, choose: random.Random, length: int) -> Transaction:
    """Each item read at most once and written at most once, the read first; some statements of several operations."""
    operations: list[Operation] = []
    statement = 0
    for _ in range(choose.randint(1, length)):
        kind, item = choose.choice("rrwwu"), choose.choice("xyz")
        mine = [o for o in operations if o.item == item]
        if any(o.writes or o.kind == kind for o in mine) or (mine and kind == "u"):
            continue
        statement += choose.random() < 0.7
        operations.append(Operation(kind, item, statement))
    return Transaction(name, tuple(operations) or (Operation("r", "x", 0),))


def allocation(transactions: Sequence[Transaction], levels: Sequence[IsolationLevel]) -> dict[str, IsolationLevel]:
    return {each.name: level for each, level in zip(transactions, levels)}


@pytest.mark.parametrize("seed", range(60))
def test_two_transactions_like_all_interleavings(seed: int) -> None:
    choose = random.Random(seed)
    transactions = [random_transaction(name, choose, 4) for name in "ab"]
    compare(transactions, list(product(LEVELS, repeat=2)))


@pytest.mark.parametrize("seed", range(40))
def test_three_transactions_like_all_interleavings(seed: int) -> None:
    choose = random.Random(1000 + seed)
    transactions = [random_transaction(name, choose, 2) for name in "abc"]
    compare(transactions, choose.sample(list(product(LEVELS, repeat=3)), 4))


def test_a_dangerous_pair_protects_a_third_one_with_a_snapshot() -> None:
    texts = {"a": "r(x) w(y) w(p)", "b": "r(y) w(x) w(q)", "c": "r(p) r(q)"}
    transactions = [transaction(name, text) for name, text in texts.items()]
    compare(transactions, [(SSI, SSI, SI), (SSI, SI, SI), (SSI, SSI, RC)])


def compare(transactions: Sequence[Transaction], levels: Sequence[tuple[IsolationLevel, ...]]) -> None:
    for chosen, robust in robust_by_all_interleavings(transactions, levels).items():
        found = counterexample(transactions, allocation(transactions, chosen))
        assert (found is None) == robust, f"{transactions} at {chosen}: {found}"


# -- examples


def levels_of(**texts: str) -> dict[str, str]:
    found = lowest_allocation([transaction(name, text) for name, text in texts.items()])
    return {name: str(level) for name, level in found.items()}


def test_write_skew_needs_ssi_on_both_sides() -> None:
    assert levels_of(a="r(x) r(y) u(x)", b="r(x) r(y) u(y)") == {"a": "ssi", "b": "ssi"}


def test_a_lost_update_needs_a_snapshot() -> None:
    assert levels_of(a="r(x) w(x)", b="r(x) w(x)") == {"a": "snapshot", "b": "snapshot"}


def test_an_update_in_one_statement_needs_nothing() -> None:
    assert levels_of(a="u(x)", b="u(x)") == {"a": "read committed", "b": "read committed"}


def test_a_reader_of_two_rows_needs_a_snapshot_but_not_in_one_statement() -> None:
    assert levels_of(reader="r(x) r(y)", writer="u(x) u(y)") == {"reader": "snapshot", "writer": "read committed"}
    assert levels_of(reader="r(x)+r(y)", writer="u(x) u(y)")["reader"] == "read committed"


def test_the_read_only_anomaly_needs_ssi_for_all_three() -> None:
    texts = {"batch": "r(x) r(y) w(x)", "deposit": "r(y) w(y)", "report": "r(x) r(y)"}
    assert levels_of(**texts) == {"batch": "ssi", "deposit": "ssi", "report": "ssi"}


@pytest.mark.parametrize("seed", range(25))
def test_uncertain_operations_miss_no_counterexample(seed: int) -> None:
    """A set with uncertain operations is robust only if it is whichever of them happen."""
    choose = random.Random(seed)
    transactions = []
    for name in "abc":
        plain = random_transaction(name, choose, 4).operations
        transactions.append(Transaction(name, tuple(
            Operation(o.kind, o.item, o.statement, choose.random() < 0.6) for o in plain
        )))
    flags = [o for each in transactions for o in each.operations if not o.certain]
    for levels in product(LEVELS, repeat=3):
        chosen = allocation(transactions, levels)
        if is_robust(transactions, chosen):
            for left_out in product([False, True], repeat=len(flags)):
                assert is_robust(reduced(transactions, left_out), chosen)


def reduced(transactions: Sequence[Transaction], left_out: Sequence[bool]) -> list[Transaction]:
    """Without some of the uncertain operations, the others certain."""
    decisions = iter(left_out)
    return [
        Transaction(each.name, tuple(
            Operation(o.kind, o.item, o.statement) for o in each.operations if o.certain or not next(decisions)
        ))
        for each in transactions
    ]


def test_the_highest_of_several_allocations() -> None:
    assert highest([{"a": RC, "b": SI}, {"a": SSI, "b": RC}, {"c": RC}]) == {"a": SSI, "b": SI, "c": RC}


def test_strangers_need_nothing() -> None:
    assert set(levels_of(a="r(x) w(x)", b="r(y) w(y)").values()) == {"read committed"}


def test_no_level_can_be_lower() -> None:
    choose = random.Random(5)
    for _ in range(30):
        transactions = [random_transaction(name, choose, 3) for name in "abcd"]
        lowest = lowest_allocation(transactions)
        assert is_robust(transactions, lowest)
        for levels in product(LEVELS, repeat=4):
            if is_robust(transactions, allocation(transactions, levels)):
                pairs = [(LEVELS.index(lowest[t.name]), LEVELS.index(level)) for t, level in zip(transactions, levels)]
                assert all(least <= other for least, other in pairs)


def test_the_counterexample_tells_the_cut() -> None:
    transactions = [transaction("a", "r(x) w(x)"), transaction("b", "r(x) w(x)")]
    split = counterexample(transactions, {"a": RC, "b": SI})
    assert split is not None
    assert (split.first, split.cut, split.between) == ("a", 0, ("b",))


def test_levels_that_the_theory_does_not_know() -> None:
    with pytest.raises(InvalidParameterValue, match="2pl"):
        is_robust([transaction("a", "r(x)")], {"a": IsolationLevel.TWO_PHASE_LOCKING})
    with pytest.raises(InvalidParameterValue, match="None of a"):
        is_robust([transaction("a", "r(x)")], {})


def test_words_that_are_no_operation() -> None:
    with pytest.raises(InvalidParameterValue, match="not an operation"):
        transaction("a", "q(x)")
