"""The cycles of a component: which kinds there are, each told apart and named, one shortest one for each edge.

    G0             write dependencies only                          dirty write
    G1c            and read dependencies                            circular information flow
    G-single       and one antidependency                           lost update, non-repeatable read, read skew
    G-nonadjacent  and several, none of them beside another one     long fork
    G2-item        anything else                                    write skew, read-only anomaly

A cycle that needs to know what was acknowledged before what has `-realtime` behind its code. There may be more cycles
than anybody could count; what is counted are the different shortest ones that go through some edge.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice

from minidb.lab.judge.components import DEPENDENCIES, EVERYTHING, RT, RW, WR, WW, Edge, Graph, Way, shortest
from minidb.lab.judge.dependencies import Dependencies
from minidb.lab.judge.history import APPEND
from minidb.lab.judge.rules import NAMES

NEARBY = 400  # nodes looked at for one cycle; a longer search is made only where none is found at all
SIZE = 3000  # edges of one component from which cycles are looked for
REALTIME = "-realtime"


def cycles(graph: Graph, nodes: Sequence[int], lone: bool = False) -> list[Way]:
    """Different shortest cycles of a component. lone: only those in which no antidependencies stand beside each other.

    There is at least one, if the component has one."""
    found = distinct(graph, nodes, lone, NEARBY)
    return found or distinct(graph, nodes, lone, 0)


def distinct(graph: Graph, nodes: Sequence[int], lone: bool, most: int) -> list[Way]:
    inside = set(nodes)
    found: dict[tuple[str, frozenset[int]], Way] = {}
    for edge in islice(edges(graph, nodes, inside), SIZE):
        way = cycle_of(graph, inside, edge, lone, most)
        if way is not None:
            key = signature(way)
            if key not in found or len(way) < len(found[key]):
                found[key] = way
    return list(found.values())


def edges(graph: Graph, nodes: Sequence[int], inside: Collection[int]) -> Iterator[Edge]:
    for source in nodes:
        for target, kinds in graph[source].items():
            if target in inside:
                yield from ((source, target, kind) for kind in (WW, WR, RW) if kinds & kind)


def signature(way: Way) -> tuple[str, frozenset[int]]:
    """What makes a cycle differ from others: its code and its transactions."""
    return code_of(way), frozenset(source for source, _, _ in way)


def cycle_of(graph: Graph, inside: Collection[int], edge: Edge, lone: bool, most: int) -> Way | None:
    """The plainest cycle with this edge: one that needs no more kinds than the edge itself."""
    if edge[2] == WW:
        return shortest(graph, inside, edge, WW | RT, most=most)
    if edge[2] == WR:
        return shortest(graph, inside, edge, DEPENDENCIES, most=most)
    way = shortest(graph, inside, edge, DEPENDENCIES, most=most)
    if way is None:
        way = shortest(graph, inside, edge, EVERYTHING, True, most)
    return way if way is not None or lone else shortest(graph, inside, edge, EVERYTHING, most=most)


def code_of(way: Way) -> str:
    """Adya's name of a cycle."""
    kinds = [kind for _, _, kind in way]
    code = plain_code(kinds)
    return code + REALTIME if RT in kinds else code


def plain_code(kinds: Sequence[int]) -> str:
    antidependencies = kinds.count(RW)
    if not antidependencies:
        return "G1c" if WR in kinds else "G0"
    if antidependencies == 1:
        return "G-single"
    beside = any(kind == RW == kinds[place - 1] for place, kind in enumerate(kinds))
    return "G2-item" if beside else "G-nonadjacent"


def name_of(way: Way, dependencies: Dependencies) -> str:
    """What people call it."""
    code = code_of(way)
    if code == "G-single":
        lists = {dependencies.explained(*edge).row for edge in way}
        if len(lists) == 1:
            writes = all(kind in (RW, WW) for _, _, kind in way)
            return "lost update" if writes else "non-repeatable read"
    if code == "G2-item" and any(reads_only(dependencies, source) for source, _, _ in way):
        return "read-only anomaly"
    if code.endswith(REALTIME):
        return f"{NAMES[code.removesuffix(REALTIME)]} against the order of time"
    return NAMES[code]


def reads_only(dependencies: Dependencies, number: int) -> bool:
    return all(operation[0] != APPEND for operation in dependencies.observed.transactions[number].operations)


def turned(way: Way) -> Way:
    """The same cycle, beginning at its oldest transaction."""
    first = min(range(len(way)), key=lambda place: way[place][0])
    return (*way[first:], *way[:first])


def by_length(ways: Sequence[Way]) -> Iterator[Way]:
    return iter(sorted(map(turned, ways), key=lambda way: (len(way), way)))
