"""The judge against definitions: serial executions, all orders of a few transactions, all cycles of a small graph."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidb.isolation import IsolationLevel
from minidb.lab.judge import ListHistory, dump, judge, load
from minidb.lab.judge.components import DEPENDENCIES, RW, WW, Graph, components, knots, lone_knots, shortest
from minidb.lab.judge.history import APPEND, OK, READ, Operation, Transaction

KEYS = "xyz"
Plan = list[list[tuple[str, str]]]  # for each transaction: what it does with which list
plans = st.lists(
    st.lists(st.tuples(st.sampled_from([APPEND, READ]), st.sampled_from(KEYS)), min_size=1, max_size=4),
    min_size=1, max_size=8,
)


def serial(plan: Plan, every: int = 10**9) -> ListHistory:
    """Runs the transactions one after the other. Each one in `every` is rolled back."""
    history, lists = ListHistory(), dict.fromkeys(KEYS, ())
    item = 0
    for place, steps in enumerate([*plan, [(READ, key) for key in KEYS]]):
        transaction = history.begin(place % 3, IsolationLevel.SSI)
        changed: dict[str, tuple[int, ...]] = dict(lists)
        for kind, key in steps:
            item += 1
            if kind == APPEND:
                changed[key] += (item,)
            transaction.operations.append((kind, key, item if kind == APPEND else changed[key]))
        failed = place % every == every - 1
        history.end(transaction, "fail" if failed else OK)
        lists = lists if failed else changed
    return history


@given(plans, st.integers(2, 5))
def test_serial_executions_are_clean(plan: Plan, every: int) -> None:
    verdict = judge(serial(plan, every))
    assert verdict.clean and not verdict.allowed


@given(plans)
def test_json_keeps_everything(plan: Plan) -> None:
    history = serial(plan, 3)
    again = load(dump(history))
    assert [(t.process, t.outcome, t.level, t.operations, t.invoked, t.completed) for t in again.transactions] == [
        (t.process, t.outcome, t.level, t.operations, t.invoked, t.completed) for t in history.transactions
    ]


# -- damage


def damaged(history: ListHistory, random: Random, kind: str) -> bool:
    """Damages one read of the history; False if there is none that can be damaged so."""
    places = [
        (transaction, place)
        for transaction in history.transactions
        for place, (what, _, items) in enumerate(transaction.operations)
        if what == READ and len(items) >= (2 if kind == "turn" else 1)
    ]
    if not places:
        return False
    transaction, place = random.choice(places)
    _, key, items = transaction.operations[place]
    changed = {
        "drop": lambda: items[:-1],
        "turn": lambda: (*items[:-2], items[-1], items[-2]),
        "repeat": lambda: (*items, items[0]),
        "invent": lambda: (*items, 10**6),
    }[kind]()
    transaction.operations[place] = (READ, key, changed)
    return True


@pytest.mark.parametrize("kind", ["drop", "turn", "repeat", "invent"])
@given(plans, st.integers())
@settings(max_examples=40)
def test_any_damaged_read_is_found(kind: str, plan: Plan, seed: int) -> None:
    history = serial(plan)
    if damaged(history, Random(seed), kind):
        assert not judge(history).clean


# -- against all orders


def replays(transactions: tuple[Transaction, ...]) -> bool:
    """Whether the transactions, run in this order, read what they read."""
    lists: dict[str, tuple[int, ...]] = {}
    for transaction in transactions:
        for kind, key, value in transaction.operations:
            if kind == APPEND:
                lists[key] = (*lists.get(key, ()), value)
            elif lists.get(key, ()) != value:
                return False
    return True


def concurrent(seed: int) -> ListHistory:
    """Transactions that read any earlier state of the lists, then one that reads everything."""
    random = Random(seed)
    history = ListHistory()
    orders: dict[str, list[int]] = {key: [] for key in "xy"}
    todo: list[tuple[Transaction, list[tuple[str, str]]]] = []
    for number in range(random.randint(2, 4)):
        steps = [(random.choice((APPEND, READ)), random.choice("xy")) for _ in range(random.randint(1, 3))]
        todo.append((history.begin(number, IsolationLevel.SSI), steps))
    for transaction, steps in random.sample(todo, len(todo)):
        operations: list[Operation] = []
        for number, (kind, key) in enumerate(steps):
            if kind == APPEND:
                orders[key].append(transaction.number * 10 + number)
                operations.append((APPEND, key, orders[key][-1]))
            else:
                operations.append((READ, key, ()))
        transaction.operations = operations
    for transaction, _ in todo:
        fill_reads(transaction, orders, random)
    everything = history.begin(9, IsolationLevel.SSI)
    everything.operations = [(READ, key, tuple(order)) for key, order in orders.items()]
    for transaction in history.transactions:
        history.end(transaction, OK)
    return history


def fill_reads(transaction: Transaction, orders: dict[str, list[int]], random: Random) -> None:
    """Lets each read see some beginning of its list, which ends with all the reader's items so far."""
    known: dict[str, tuple[int, ...]] = {}
    for place, (kind, key, value) in enumerate(transaction.operations):
        if kind == APPEND:
            known[key] = tuple(orders[key][: orders[key].index(value) + 1])
        else:
            if key not in known:
                foreign = [item for item in orders[key] if item // 10 != transaction.number]
                stop = random.randint(0, len(foreign))
                known[key] = tuple(orders[key][:stop])
            transaction.operations[place] = (READ, key, known[key])


def test_serializable_means_that_some_order_explains_it() -> None:
    outcomes = []
    for seed in range(1500):
        history = concurrent(seed)
        explained = any(map(replays, permutations(history.transactions)))
        assert judge(history, realtime=False).clean == explained, seed
        outcomes.append(explained)
    assert 200 < sum(outcomes) < 1300


# -- graphs


def random_graph(random: Random) -> Graph:
    size = random.randint(2, 6)
    graph: Graph = [{} for _ in range(size)]
    for _ in range(random.randint(1, 10)):
        source, target = random.sample(range(size), 2)
        graph[source][target] = random.choice((WW, RW, WW | RW))
    return graph


def all_cycles(graph: Graph) -> Iterator[tuple[int, ...]]:
    for size in range(2, len(graph) + 1):
        for nodes in permutations(range(len(graph)), size):
            if nodes[0] == min(nodes) and all(b in graph[a] for a, b in zip(nodes, (*nodes[1:], nodes[0]))):
                yield nodes


def lone(graph: Graph, nodes: tuple[int, ...]) -> bool:
    """Whether the cycle can be walked without two antidependencies in a row."""
    kinds = [graph[a][b] for a, b in zip(nodes, (*nodes[1:], nodes[0]))]
    return not any(not (a | b) & DEPENDENCIES or (a == RW == b) for a, b in zip(kinds, (*kinds[1:], kinds[0])))


def test_components_and_lone_cycles_against_all_cycles() -> None:
    for seed in range(1500):
        graph = random_graph(Random(seed))
        found = list(all_cycles(graph))
        assert {node for nodes in found for node in nodes} == {node for knot in knots(graph) for node in knot}, seed
        lone_ones = [nodes for nodes in found if lone(graph, nodes)]
        known = [knot for outer in knots(graph) for knot in lone_knots(graph, outer)]
        assert bool(lone_ones) == bool(known), seed
        assert {n for nodes in lone_ones for n in nodes} <= {n for knot in known for n in knot}, seed


def test_shortest_cycles_are_shortest() -> None:
    for seed in range(600):
        graph = random_graph(Random(seed))
        found = list(all_cycles(graph))
        inside = set(range(len(graph)))
        for source, targets in enumerate(graph):
            for target, kinds in targets.items():
                through = [len(c) for c in found if (source, target) in zip(c, (*c[1:], c[0]))]
                way = shortest(graph, inside, (source, target, kinds & -kinds), DEPENDENCIES | RW)
                assert (len(way) if way else None) == min(through, default=None), seed


def test_long_chains_need_no_recursion() -> None:
    ring = [[place + 1] for place in range(50_000)] + [[0]]
    assert [len(found) for found in components(ring)] == [50_001]
