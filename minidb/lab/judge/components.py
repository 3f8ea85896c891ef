"""Graphs of numbered nodes: strongly connected components and shortest ways, by kinds of edges.

A graph is a list with one mapping per node, from the nodes that follow it to the kinds of edges that lead there:

    WW  the target replaced a version of the source       RW  the source read what the target replaced (antidependency)
    WR  the target read a version of the source           RT  the source had been acknowledged before the target began

Tarjan (1972), without recursion. The ways know one rule more than the kinds: under snapshot isolation no two
antidependencies of a cycle may be kept apart from each other, so ways in which none stands beside another are asked
for, too (Fekete et al., 2005). They are ordinary ways in a graph with two copies of each node, (node, reached by RW?).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

WW, WR, RW, RT = 1, 2, 4, 8
DEPENDENCIES = WW | WR | RT
EVERYTHING = DEPENDENCIES | RW
Graph = list[dict[int, int]]
Edge = tuple[int, int, int]  # source, target, the one kind that is meant
Way = tuple[Edge, ...]


def components(following: Sequence[Sequence[int]]) -> list[list[int]]:
    """The strongly connected components with more than one node."""
    number, low = [0] * len(following), [0] * len(following)  # 0: not visited yet; -1 in `low`: component is known
    found: list[list[int]] = []
    stack: list[int] = []
    counter = 0
    for root in range(len(following)):
        if number[root]:
            continue
        counter += 1
        number[root] = low[root] = counter
        stack.append(root)
        work = [(root, iter(following[root]))]
        while work:
            node, targets = work[-1]
            lowest = low[node]
            for target in targets:
                if not number[target]:
                    counter += 1
                    number[target] = low[target] = counter
                    stack.append(target)
                    work.append((target, iter(following[target])))
                    break
                if low[target] > 0 and number[target] < lowest:
                    lowest = number[target]
            else:
                work.pop()
                low[node] = lowest
                if work and lowest < low[work[-1][0]]:
                    low[work[-1][0]] = lowest
                if lowest == number[node]:
                    take(stack, node, low, found)
                continue
            low[node] = lowest
    return found


def take(stack: list[int], root: int, low: list[int], found: list[list[int]]) -> None:
    """Takes a finished component off the stack."""
    at = len(stack) - 1
    while stack[at] != root:
        at -= 1
    for node in stack[at:]:
        low[node] = -1
    if len(stack) - at > 1:
        found.append(stack[at:])
    del stack[at:]


def knots(graph: Graph) -> list[list[int]]:
    """Components of the graph, whatever the kinds of its edges."""
    return components([list(targets) for targets in graph])


def lone_knots(graph: Graph, nodes: Sequence[int]) -> list[list[int]]:
    """Components of the part of `graph` with these nodes in which no two antidependencies follow each other."""
    places = {node: 2 * place for place, node in enumerate(nodes)}
    following: list[list[int]] = []
    for node in nodes:
        targets = [(places[target], kinds) for target, kinds in graph[node].items() if target in places]
        plain = [place for place, kinds in targets if kinds & DEPENDENCIES]
        following.append(plain + [place + 1 for place, kinds in targets if kinds & RW])
        following.append(plain)
    return [sorted({nodes[place // 2] for place in found}) for found in components(following)]


def shortest(graph: Graph, inside: Collection[int], edge: Edge, kinds: int, lone: bool = False,
             most: int = 0) -> Way | None:
    """The shortest cycle that begins with `edge` and goes on along `kinds`; None if there is none.

    inside: the nodes that it may use. lone: no two antidependencies may follow each other. most: nodes that are looked
    at before it is given up; 0: all.
    """
    source, target, kind = edge
    first = 2 * target + (lone and kind == RW)
    came: dict[int, tuple[int, int]] = {first: (-1, kind)}  # state -> the state before, and the kind between
    layer = [first]
    while layer:
        following: list[int] = []
        for state in layer:
            for node, found in graph[state >> 1].items():
                if node not in inside:
                    continue
                for step, reached in steps(node, found & kinds, state & 1, lone):
                    if node == source and not (lone and step == RW == kind):
                        return (edge, *walked(came, state), (state >> 1, node, step))
                    if reached not in came and node != source:
                        came[reached] = (state, step)
                        following.append(reached)
        layer = following
        if most and len(came) > most:
            return None
    return None


def steps(node: int, kinds: int, after_rw: int, lone: bool) -> Iterable[tuple[int, int]]:
    """(kind, state) for the ways in which an edge to `node` may be taken: dependencies first."""
    plain = kinds & DEPENDENCIES
    if plain:
        yield plain & -plain, 2 * node  # the lowest kind stands for all: what was seen before what time tells
    if kinds & RW and not after_rw:
        yield RW, 2 * node + lone


def walked(came: dict[int, tuple[int, int]], state: int) -> list[tuple[int, int, int]]:
    """The edges from the first state to `state`."""
    way: list[tuple[int, int, int]] = []
    before, kind = came[state]
    while before >= 0:
        way.append((before >> 1, state >> 1, kind))
        state, (before, kind) = before, came[before]
    return way[::-1]


__all__ = [
    "DEPENDENCIES", "EVERYTHING", "Edge", "Graph", "RT", "RW", "WR", "WW", "Way", "components", "knots", "lone_knots",
    "shortest",
]
