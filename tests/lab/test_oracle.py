"""The oracle on histories written by hand: `oracle.golden` has the classical ones, with all that is said of them.

    == lost update: H4 of Berenson et al.
    level: read committed
    history: r1(x) r2(x) w2(x) c2 w1(x) c1
        1 -rw-> 2  T1 read ...             the edges
        G-single lost update: 1 -rw-> 2 -ww-> 1
        order: none

MINIDB_UPDATE_GOLDEN=1 (with `-n 0`) rewrites what is indented.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest
from written_histories import written

from minidb.lab.cycles import shortest_cycle, shortest_cycles
from minidb.lab.dependencies import graph_of
from minidb.lab.graph import Dependency, Graph
from minidb.lab.oracle import Verdict, judge

GOLDEN = Path(__file__).parent / "oracle.golden"
UPDATE = os.environ.get("MINIDB_UPDATE_GOLDEN") == "1"
INDENT = "    "


def blocks() -> list[list[str]]:
    return [block.split("\n") for block in GOLDEN.read_text(encoding="utf-8").split("\n== ")[1:]]


def answers(lines: list[str]) -> Iterator[str]:
    fields = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith(INDENT))
    history = written(fields["history"], fields["level"], "unique" in fields.get("index", ""))
    yield from (INDENT + line for line in verdict_lines(judge(history)))


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    for edge in verdict.graph.edges:
        yield f"{edge.source} -{edge.kind}{' predicate' * edge.predicate}-> {edge.target}  {edge.words}"
    for anomaly in verdict.anomalies:
        path = "".join(f"{edge.source} -{edge.kind}-> " for edge in anomaly.cycle)
        yield f"{anomaly.code} {anomaly.name}: " + (f"{path}{anomaly.cycle[0].source}" if path else anomaly.words)
    yield "order: " + ("none" if verdict.order is None else " ".join(map(str, verdict.order)))


@pytest.mark.parametrize("title", [block[0] for block in blocks()])
def test_written_history(title: str) -> None:
    text = GOLDEN.read_text(encoding="utf-8").split("\n== ")
    number = next(i for i, block in enumerate(text) if block.split("\n")[0] == title)
    golden = text[number].rstrip("\n").split("\n")
    asked = [line for line in golden if not line.startswith(INDENT) and line]
    played = [*asked, *answers(asked)]
    if UPDATE:
        text[number] = "\n".join(played) + "\n"
        GOLDEN.write_text("\n== ".join(text), encoding="utf-8")
        return
    difference = "\n".join(unified_diff(golden, played, "golden", "played", lineterm=""))
    assert played == golden, f"MINIDB_UPDATE_GOLDEN=1 accepts this\n{difference}"


def test_a_graph_without_cycles_has_none() -> None:
    graph = graph_of(written("w1(x) c1 r2(x) w2(y) c2 r3(y) c3"))
    assert shortest_cycle(graph) is None
    assert shortest_cycles(graph) == {}


def test_the_shortest_cycle_of_all() -> None:
    graph = graph_of(written("r1(x) r2(y) r3(z) w1(y) w2(z) w3(x) r4(a) r5(b) w4(b) w5(a) c1 c2 c3 c4 c5", "snapshot"))
    cycle = shortest_cycle(graph)
    assert cycle is not None
    assert [edge.source for edge in cycle] == [5, 4]


def test_the_same_history_gives_the_same_graph() -> None:
    text = "r1(x) r2(x) p3(*) w2(x:P>Q) c2 w1(x) c1 i3(y:P) c3"
    assert judge(written(text)) == judge(written(text))


def test_each_code_has_its_cycle() -> None:
    def edge(kind: str, source: int, target: int, predicate: bool = False) -> Dependency:
        return Dependency(kind, source, target, "t", "x", predicate=predicate)

    edges = (
        edge("rw", 1, 2), edge("ww", 2, 1), edge("rw", 2, 3), edge("ww", 3, 1),
        edge("ww", 4, 5), edge("ww", 5, 4), edge("wr", 6, 7), edge("wr", 7, 6), edge("rw", 6, 7),
        edge("rw", 8, 9), edge("rw", 9, 8, True),
    )
    found = shortest_cycles(Graph(dict.fromkeys(range(1, 10), ""), edges))
    paths = {code: [edge.source for edge in cycle] for code, cycle in found.items()}
    assert paths == {"G0": [4, 5], "G1c": [6, 7], "G-single": [1, 2], "G2-item": [1, 2, 3], "G2": [9, 8]}
