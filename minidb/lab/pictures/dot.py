"""The graph in Graphviz' language: `minidb explain FILE --dot graph.dot && dot -Tpng graph.dot -o graph.png`."""

from __future__ import annotations

from collections.abc import Iterator

from minidb.lab.explanation import Explanation
from minidb.lab.pictures.drawing import Arrow, Drawing, Node, drawing
from minidb.lab.pictures.words import one_line

STYLES = {
    "cycle": 'color="#b8321f", fontcolor="#b8321f", penwidth=2.2',
    "prevented": 'color="#b8321f", fontcolor="#b8321f", penwidth=2, style=dashed',
    "waits": 'color="#8a5a00", fontcolor="#8a5a00", penwidth=2, style=dotted',
    "plain": 'color="#6a717c", fontcolor="#6a717c"',
}


def dot(explanation: Explanation) -> str:
    return "\n".join(lines(explanation, drawing(explanation))) + "\n"


def lines(explanation: Explanation, drawn: Drawing) -> Iterator[str]:
    yield f"digraph {quoted(explanation.title or 'run')} {{"
    yield f"    label={quoted(explanation.verdict)}; labelloc=t; rankdir=LR; nodesep=0.6; ranksep=1.1;"
    yield '    graph [fontname="Helvetica", fontsize=16]; edge [fontname="Helvetica", fontsize=11];'
    yield '    node [fontname="Helvetica", fontsize=13, shape=box, style=rounded];'
    yield from (node_line(node) for node in drawn.nodes)
    yield from (arrow_line(arrow) for arrow in drawn.arrows)
    yield "}"


def node_line(node: Node) -> str:
    style = ', style="rounded,dashed"' if node.aborted else ""
    return f"    t{node.number} [label={quoted(node.name, node.state)}{style}];"


def arrow_line(arrow: Arrow) -> str:
    head = f"{' '.join(map(str, arrow.numbers))} {', '.join(arrow.kinds)}".strip()
    label = quoted(head, arrow.place) if arrow.place else quoted(head)
    looks = f"label={label}, tooltip={quoted(arrow.words)}, {STYLES[arrow.look]}"
    return f"    t{arrow.source} -> t{arrow.target} [{looks}];"


def quoted(*texts: str) -> str:
    """A string of one or several lines. Labels know backslashes and HTML's entities."""
    escaped = (one_line(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') for text in texts)
    return '"' + "\\n".join(escaped) + '"'


__all__ = ["dot"]
