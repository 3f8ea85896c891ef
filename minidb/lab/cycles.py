"""Cycles of a serialization graph, by what they are made of (Adya 1999, chapters 3 and 4; Adya, Liskov & O'Neil 2000).

    code        edges                                                  it proscribes
    G0          ww only                                                PL-1
    G1c         ww and wr, at least one wr                             PL-2
    G-single    exactly one rw                                         PL-2+ (and, with its snapshots, PL-SI)
    G2-item     two or more rw, all of them of rows that were read     PL-2.99
    G2          two or more rw, at least one through a predicate       PL-3

These are the weakest names that fit: where two transactions have several edges, the one that comes first in the list of
kinds (ww, wr, rw item, rw predicate) counts, so that a cycle has the first code of the table that its transactions
give it. (Adya's own G2-item and G2 have G-single among them.)

Shortest cycles come from breadth-first search through each edge of the kind that makes the code, within one strongly
connected component (Tarjan 1972). For G2-item and G2 the search has to pass a second rw; where the shortest such walk
meets a transaction twice, it falls apart into smaller cycles, which have codes of their own, and is left out.

Transactions are taken in the order of `graph.names`, edges in theirs: the same graph always gives the same cycles.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush

from minidb.lab.graph import Dependency, Graph

Cycle = tuple[Dependency, ...]
Pair = tuple[int, int]
CODES = ("G0", "G1c", "G-single", "G2-item", "G2")
WW, WR, RW, PREDICATE = range(4)


def rank(edge: Dependency) -> int:
    """The place of an edge's kind: ww, wr, rw of a row, rw through a predicate."""
    return (PREDICATE if edge.predicate else RW) if edge.kind == "rw" else WR if edge.kind == "wr" else WW


def code_of(cycle: Cycle) -> str:
    """Adya's name of a cycle."""
    ranks = sorted(map(rank, cycle), reverse=True)
    if ranks[0] <= WR:
        return CODES[ranks[0]]
    if len(ranks) == 1 or ranks[1] <= WR:
        return "G-single"
    return "G2-item" if ranks[0] == RW else "G2"


def shortest_cycle(graph: Graph) -> Cycle | None:
    """The shortest cycle of all, and of several the one with the first code; None if there is none."""
    found = sorted(shortest_cycles(graph).values(), key=len)
    return found[0] if found else None


def shortest_cycles(graph: Graph) -> dict[str, Cycle]:
    """For each code the shortest cycle that has it and no earlier one, in the order of `CODES`."""
    best: dict[str, Cycle] = {}
    for cycle in all_candidates(graph):
        code = code_of(cycle)
        if code not in best or len(cycle) < len(best[code]):
            best[code] = cycle
    return {code: best[code] for code in CODES if code in best}


def all_candidates(graph: Graph) -> Iterator[Cycle]:
    """For each edge the shortest cycle of each code that it makes; of cycles of two, every choice of edges that has
    the same code, because it decides about the name."""
    if topological_order(graph) is not None:
        return
    links = Links(graph)
    for edge in links.inside:
        for path in links.returns(edge):
            yield (edge, *path)


class Links:
    """The edges inside of strongly connected components: all, and the weakest of each pair."""

    def __init__(self, graph: Graph) -> None:
        component = components(graph)
        self.inside = [edge for edge in graph.edges if component[edge.source] == component[edge.target]]
        self.parallel: dict[Pair, list[Dependency]] = {}
        for edge in self.inside:
            self.parallel.setdefault((edge.source, edge.target), []).append(edge)
        self.weakest = {pair: min(edges, key=rank) for pair, edges in self.parallel.items()}
        self.out: dict[int, list[Dependency]] = {}
        for edge in self.weakest.values():
            self.out.setdefault(edge.source, []).append(edge)

    def returns(self, edge: Dependency) -> Iterator[Cycle]:
        """Paths from the target of `edge` back to its source that make a cycle with the code of `edge`."""
        kind, least = rank(edge), rank(self.weakest[edge.source, edge.target])
        if kind <= WR:
            if kind == least:
                yield from self.alternatives(edge, self.path(edge, kind, False), WW, kind)
            return
        if least <= WR:
            return
        yield from self.alternatives(edge, self.path(edge, WR, False), WW, WR)
        if kind == least:
            yield from self.alternatives(edge, self.path(edge, kind, True), RW, kind)

    def alternatives(self, edge: Dependency, path: Cycle | None, least: int, most: int) -> Iterator[Cycle]:
        if path is not None and len(path) == 1:
            back = self.parallel[edge.target, edge.source]
            yield from ((other,) for other in back if least <= rank(other) <= most)
        elif path is not None:
            yield path

    def path(self, edge: Dependency, most: int, through_rw: bool) -> Cycle | None:
        """The shortest path back over edges of kinds up to `most`; `through_rw`: with an rw among them."""
        start, goal = (edge.target, False), (edge.source, through_rw)
        came: dict[tuple[int, bool], tuple[tuple[int, bool], Dependency] | None] = {start: None}
        queue = deque([start])
        while queue:
            state = queue.popleft()
            if state == goal:
                return simple(trace(came, state))
            if state[0] == edge.source:
                continue
            for step in self.out.get(state[0], ()):
                there = (step.target, through_rw and (state[1] or rank(step) >= RW))
                if rank(step) <= most and there not in came:
                    came[there] = (state, step)
                    queue.append(there)
        return None


def trace(
    came: Mapping[tuple[int, bool], tuple[tuple[int, bool], Dependency] | None], state: tuple[int, bool]
) -> Cycle:
    steps: list[Dependency] = []
    while (last := came[state]) is not None:
        state, step = last
        steps.append(step)
    return tuple(reversed(steps))


def simple(path: Cycle) -> Cycle | None:
    """The path, if it meets nobody twice."""
    return path if len({edge.source for edge in path}) == len(path) else None


# -- orders


def topological_order(graph: Graph) -> list[int] | None:
    """All transactions so that no edge points backwards; whoever is free to stand anywhere stands where it committed.
    None if there is a cycle."""
    places = {transaction: place for place, transaction in enumerate(graph.names)}
    behind: dict[int, set[int]] = {transaction: set() for transaction in graph.names}
    for edge in graph.edges:
        if edge.source != edge.target:
            behind[edge.source].add(edge.target)
    waits_for = dict.fromkeys(graph.names, 0)
    for targets in behind.values():
        for target in targets:
            waits_for[target] += 1
    order: list[int] = []
    free = [places[transaction] for transaction, count in waits_for.items() if count == 0]  # ascending: a heap
    transactions = tuple(graph.names)
    while free:
        transaction = transactions[heappop(free)]
        order.append(transaction)
        for target in behind[transaction]:
            waits_for[target] -= 1
            if waits_for[target] == 0:
                heappush(free, places[target])
    return order if len(order) == len(transactions) else None


def components(graph: Graph) -> dict[int, int]:
    """The number of each transaction's strongly connected component (Tarjan 1972, without recursion)."""
    out: dict[int, list[int]] = {transaction: [] for transaction in graph.names}
    for edge in graph.edges:
        out[edge.source].append(edge.target)
    search = Tarjan(out)
    for transaction in graph.names:
        if transaction not in search.index:
            search.visit(transaction)
    return search.component


class Tarjan:
    """One depth-first search. `low`: the earliest visited that a transaction's subtree reaches on the stack."""

    def __init__(self, out: Mapping[int, Sequence[int]]) -> None:
        self.out = out
        self.index: dict[int, int] = {}
        self.low: dict[int, int] = {}
        self.stack: list[int] = []
        self.component: dict[int, int] = {}
        self.count = 0

    def visit(self, root: int) -> None:
        work = [(root, self.enter(root))]
        while work:
            node, targets = work[-1]
            target = next(targets, None)
            if target is None:
                work.pop()
                self.leave(node)
                if work:
                    above = work[-1][0]
                    self.low[above] = min(self.low[above], self.low[node])
            elif target not in self.index:
                work.append((target, self.enter(target)))
            elif target not in self.component:
                self.low[node] = min(self.low[node], self.index[target])

    def enter(self, node: int) -> Iterator[int]:
        self.index[node] = self.low[node] = len(self.index)
        self.stack.append(node)
        return iter(self.out[node])

    def leave(self, node: int) -> None:
        """Takes a component off the stack if `node` is its root."""
        if self.low[node] == self.index[node]:
            while node not in self.component:
                self.component[self.stack.pop()] = self.count
            self.count += 1


__all__ = [
    "CODES", "Cycle", "all_candidates", "code_of", "components", "shortest_cycle", "shortest_cycles",
    "topological_order",
]
