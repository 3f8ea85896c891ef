"""The graph as a Mermaid flowchart, which GitHub and many editors draw in Markdown.

Characters that mean something to Mermaid are written as its entities, `#` and the code point.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from minidb.lab.explanation import Explanation
from minidb.lab.pictures.drawing import Arrow, Drawing, drawing
from minidb.lab.pictures.words import one_line

SHAFTS = {"cycle": "==>", "prevented": "-.->", "waits": "-.->", "plain": "-->"}
STROKES = {
    "cycle": "stroke:#c8402c,stroke-width:3px", "prevented": "stroke:#c8402c,stroke-width:2px",
    "waits": "stroke:#b07a00,stroke-width:2px",
}
SPECIAL = re.compile(r"[^\w ,.:()'=·→-]")


def mermaid(explanation: Explanation) -> str:
    return "\n".join(lines(explanation, drawing(explanation))) + "\n"


def lines(explanation: Explanation, drawn: Drawing) -> Iterator[str]:
    yield f"%% {entities(explanation.verdict)}"
    yield "flowchart LR"
    for node in drawn.nodes:
        shape = ":::aborted" if node.aborted else ""
        yield f'    t{node.number}["{entities(node.name)}<br/><small>{entities(node.state)}</small>"]{shape}'
    for arrow in drawn.arrows:
        yield f'    t{arrow.source} {SHAFTS[arrow.look]}|"{label(arrow)}"| t{arrow.target}'
    for look, stroke in STROKES.items():
        numbers = [str(number) for number, arrow in enumerate(drawn.arrows) if arrow.look == look]
        if numbers:
            yield f"    linkStyle {','.join(numbers)} {stroke}"
    yield "    classDef aborted stroke-dasharray:5 4"


def label(arrow: Arrow) -> str:
    head = f"{' '.join(map(str, arrow.numbers))} {', '.join(arrow.kinds)}".strip()
    return f"{head}<br/>{entities(arrow.place)}" if arrow.place else head


def entities(text: str) -> str:
    return SPECIAL.sub(lambda match: f"#{ord(match[0])};", one_line(text))


__all__ = ["mermaid"]
