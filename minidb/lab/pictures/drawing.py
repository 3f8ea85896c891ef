"""What every picture of the graph shows, before it is known where: nodes, and one arrow for each pair of them.

Committed transactions and all edges between them are there, and whoever was rolled back with the links that its error
tells of. Nodes come in the order of the first cycle, so that it runs around the outside. Edges that go the same way
between the same two are one arrow with several kinds; its look is that of the strongest of them:

    cycle       part of an anomaly
    prevented   part of a cycle that a rollback broke
    waits       part of a deadlock
    plain       all others
"""

from __future__ import annotations

from msgspec import Struct

from minidb.lab.explanation import Explanation, Link
from minidb.lab.pictures.words import state_of

LOOKS = ("cycle", "prevented", "waits", "plain")


class Node(Struct, frozen=True):
    """A transaction. `session`: the position of its session, for its colour."""

    number: int
    name: str
    state: str
    session: int
    aborted: bool


class Arrow(Struct, frozen=True):
    """All edges from one transaction to another. `numbers` of the links among them, smallest first."""

    source: int
    target: int
    kinds: tuple[str, ...]
    look: str
    numbers: tuple[int, ...] = ()
    place: str = ""
    words: str = ""


class Drawing(Struct, frozen=True):
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]


def drawing(explanation: Explanation) -> Drawing:
    links = explanation.links
    pairs = dict.fromkeys([(link.source, link.target) for link in links])
    pairs |= dict.fromkeys((edge.source, edge.target) for edge in explanation.graph.edges)
    numbers = dict.fromkeys(number for link in links for number in (link.source, link.target))
    numbers |= dict.fromkeys(explanation.order or sorted(explanation.graph.names))
    return Drawing(
        tuple(node(explanation, number) for number in numbers),
        tuple(arrow(explanation, *pair) for pair in pairs if pair[0] != pair[1]),
    )


def node(explanation: Explanation, number: int) -> Node:
    account = explanation.run.history.accounts.get(number)
    name = explanation.names.get(number, f"transaction {number}")
    session = account.session if account is not None else name
    sessions = explanation.sessions
    return Node(
        number, name, state_of(explanation, number), sessions.index(session) if session in sessions else 0,
        number not in explanation.graph.names,
    )


def arrow(explanation: Explanation, source: int, target: int) -> Arrow:
    links = [link for link in explanation.links if (link.source, link.target) == (source, target)]
    edges = [edge for edge in explanation.graph.edges if (edge.source, edge.target) == (source, target)]
    kinds = dict.fromkeys([*(link.kind for link in links), *(edge.kind for edge in edges)])
    look = min((look_of(link) for link in links), key=LOOKS.index, default="plain")
    words = " · ".join(link.words for link in links) or next((edge.words for edge in edges), "")
    place = next((link.place for link in links), "")
    return Arrow(source, target, tuple(kinds), look, tuple(link.number for link in links), place, words)


def look_of(link: Link) -> str:
    if link.kind == "waits":
        return "waits"
    return "prevented" if link.prevented else "cycle"
