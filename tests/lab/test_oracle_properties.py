"""The oracle against slow definitions, on random histories.

1. Two transactions are connected in the graph if and only if they are by the conflicts of all pairs of their reads and
   writes, which is what serializability is about; the graph only leaves out what follows.
2. Where there is a serial order, running the transactions in it shows every read what it saw.
3. Every cycle is one, and has the code that it is found under.
"""

from __future__ import annotations

import random

import pytest
from written_histories import TABLE, written

from minidb.history import History, Read, Write
from minidb.lab.cycles import code_of, components, shortest_cycle, shortest_cycles, topological_order
from minidb.lab.dependencies import graph_of
from minidb.lab.graph import Dependency, Graph
from minidb.lab.oracle import judge

LEVELS = ("read committed", "snapshot")
Pairs = set[tuple[int, int]]
Keys = dict[str, str | None]  # each row's key, None where there is no row


def random_text(choose: random.Random) -> str:
    """Transactions that lock what they write, as every level does: who would have to wait does something else."""
    running, keys, locks, tokens = [1, 2, 3, 4], dict.fromkeys("xyz", "P"), dict[str, int](), []
    keys["z"] = ""
    uncommitted: dict[int, dict[str, str]] = {}
    while running:
        who = choose.choice(running)
        row, key = choose.choice("xyz"), choose.choice("PQ")
        kind = choose.choice("rrpwwwwxcca")
        if kind == "r":
            tokens.append(f"r{who}({row})")
        elif kind == "p":
            tokens.append(f"p{who}({choose.choice('PQ*')})")
        elif kind in "wx" and locks.setdefault(row, who) == who:
            now = uncommitted.setdefault(who, {}).get(row, keys[row])
            kind = "i" if not now else kind
            change = {"i": key, "x": now, "w": f"{now}>{key}"}[kind]
            tokens.append(f"{kind}{who}({row}:{change})")
            uncommitted[who][row] = "" if kind == "x" else key
        elif kind in "ca":
            tokens.append(f"{kind}{who}")
            running.remove(who)
            if kind == "c":
                keys.update(uncommitted.get(who, {}))
            locks = {row: holder for row, holder in locks.items() if holder != who}
    return " ".join(tokens)


def histories(seed: int) -> list[History]:
    choose = random.Random(seed)
    texts = [random_text(choose) for _ in range(20)]
    return [without_vain_writes(written(text, level)) for text in texts for level in LEVELS]


def without_vain_writes(history: History) -> History:
    """Without rows that a transaction inserted and deleted: an engine says by reads of keys what they depend on."""
    lasting = {(write.transaction, write.ref) for write in net_writes(history.writes)}
    history.writes = [write for write in history.writes if (write.transaction, write.ref) in lasting]
    return history


# -- all conflicts, pair by pair


def all_conflicts(history: History) -> Pairs:
    committed = {a.id: a.number for a in history.accounts.values() if a.number is not None}
    writes = [write for write in history.writes if write.transaction in committed]
    found: Pairs = set()
    for one in writes:
        for other in writes:
            if one.ref == other.ref and committed[one.transaction] < committed[other.transaction]:
                found.add((one.transaction, other.transaction))
    for read in history.reads:
        if read.transaction in committed and not changed_before(history, read):
            for write in net_writes(writes):
                if write.transaction != read.transaction and is_inside(read, write):
                    seen = committed[write.transaction] <= read.as_of
                    pair = (write.transaction, read.transaction)
                    found.add(pair if seen else (pair[1], pair[0]))
    return found


def changed_before(history: History, read: Read) -> bool:
    """Reads of rows that the reader has changed follow from the order of the writes; to keep this simple the whole read
    is left out, and so is it from the history that the oracle gets."""
    return any(w.transaction == read.transaction and w.time < read.time for w in history.writes)


def net_writes(writes: list[Write]) -> list[Write]:
    """One write for all that a transaction did to a row, without what it undid itself."""
    parts: dict[tuple[int, str], list[Write]] = {}
    for write in writes:
        parts.setdefault((write.transaction, write.ref), []).append(write)
    found = []
    for part in parts.values():
        before, after = part[0].before or (), part[-1].after or ()
        if before or after:
            points = tuple(dict.fromkeys((*before, *after)))
            last = part[-1]
            found.append(Write(
                last.time, last.transaction, last.statement, TABLE, last.ref, last.row, part[0].old, last.new, points,
            ))
    return found


def is_inside(read: Read, write: Write) -> bool:
    return any(r == read.relation and read.low <= (key, 0) and (key, 1) <= read.high for r, key in write.points)


def closure(pairs: Pairs) -> Pairs:
    found = set(pairs)
    while True:
        more = {(a, d) for a, b in found for c, d in found if b == c} - found
        if not more:
            return found
        found |= more


def without_own_reads(history: History) -> History:
    history.reads = [read for read in history.reads if not changed_before(history, read)]
    return history


def pairs_of(graph: Graph) -> Pairs:
    return {(edge.source, edge.target) for edge in graph.edges}


@pytest.mark.parametrize("seed", range(15))
def test_what_is_connected_is_what_conflicts(seed: int) -> None:
    for history in map(without_own_reads, histories(seed)):
        assert closure(pairs_of(graph_of(history))) == closure(all_conflicts(history))


# -- a serial order gives the same


@pytest.mark.parametrize("seed", range(15))
def test_a_serial_order_shows_every_read_what_it_saw(seed: int) -> None:
    orders = 0
    for history in histories(seed):
        order = judge(history).order
        if order is not None:
            orders += 1
            replay(history, order)
    assert orders > 5


def replay(history: History, order: tuple[int, ...]) -> None:
    """Each read must find the rows that it found, in the versions that it found."""
    last: dict[str, Write] = {}
    for transaction in order:
        facts: list[Read | Write] = [f for f in (*history.reads, *history.writes) if f.transaction == transaction]
        for fact in sorted(facts, key=lambda fact: fact.time):
            if isinstance(fact, Write):
                last[fact.ref] = fact
            else:
                assert rows_found(fact, last, history) == rows_seen(fact, history), (fact, order)
    assert rows_at_end(last) == rows_at_end(installed(history, float("inf"), -1, -1))


def rows_found(read: Read, state: dict[str, Write], history: History) -> dict[str, int]:
    """Row and the time of its version; rows that nobody has written yet count by what their first change found."""
    starts = {w.ref: w for w in reversed(history.writes)}
    found = {}
    for ref, start in starts.items():
        write = state.get(ref)
        points = start.before if write is None else write.after
        if any(r == read.relation and read.low <= (k, 0) and (k, 1) <= read.high for r, k in points or ()):
            found[ref] = -1 if write is None else write.time
    return found


def rows_seen(read: Read, history: History) -> dict[str, int]:
    return rows_found(read, installed(history, read.as_of, read.transaction, read.time), history)


def installed(history: History, as_of: float, reader: int, time: int) -> dict[str, Write]:
    """The newest version of each row at a snapshot, or the reader's own."""
    newest: dict[str, tuple[float, Write]] = {}
    for write in history.writes:
        number = history.accounts[write.transaction].number
        if write.transaction == reader and write.time < time:
            number = float("inf")
        elif number is None or number > as_of or write.transaction == reader:
            continue
        if write.ref not in newest or newest[write.ref][0] <= number:
            newest[write.ref] = (number, write)
    return {ref: write for ref, (_, write) in newest.items()}


def rows_at_end(state: dict[str, Write]) -> dict[str, int]:
    return {ref: write.time for ref, write in state.items() if write.new is not None}


# -- cycles


@pytest.mark.parametrize("seed", range(15))
def test_cycles_are_cycles(seed: int) -> None:
    for history in histories(seed):
        verdict = judge(history)
        found = shortest_cycles(verdict.graph)
        assert bool(found) == (verdict.order is None) == bool(verdict.anomalies)
        for code, cycle in found.items():
            assert code_of(cycle) == code
        for cycle in [*found.values(), *(anomaly.cycle for anomaly in verdict.anomalies)]:
            assert all(edge.target == cycle[(i + 1) % len(cycle)].source for i, edge in enumerate(cycle))
            assert len({edge.source for edge in cycle}) == len(cycle)


@pytest.mark.parametrize("seed", range(30))
def test_the_shortest_cycle_is_the_shortest_of_all(seed: int) -> None:
    choose = random.Random(seed)
    nodes = range(6)
    edges = tuple(
        Dependency(choose.choice(["ww", "wr", "rw"]), a, b, "t", "x", predicate=choose.random() < 0.3)
        for a in nodes for b in nodes if a != b and choose.random() < 0.25
    )
    graph = Graph({node: str(node) for node in nodes}, edges)
    lengths = [len(cycle) for cycle in simple_cycles(edges)]
    shortest = shortest_cycle(graph)
    assert (len(shortest) if shortest else None) == min(lengths, default=None)
    assert (topological_order(graph) is None) == bool(lengths)
    together = {(a, b) for a in nodes for b in nodes if {(a, b), (b, a)} <= closure(pairs_of(graph)) or a == b}
    component = components(graph)
    assert together == {(a, b) for a in nodes for b in nodes if component[a] == component[b]}


def simple_cycles(edges: tuple[Dependency, ...]) -> list[list[Dependency]]:
    found, paths = [], [[edge] for edge in edges]
    while paths:
        path = paths.pop()
        for edge in edges:
            if edge.source == path[-1].target:
                if edge.target == path[0].source:
                    found.append([*path, edge])
                elif all(edge.target not in (step.source, step.target) for step in path):
                    paths.append([*path, edge])
    return found
