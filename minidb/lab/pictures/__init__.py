"""Pictures of an explanation: text for a terminal, SVG, Mermaid, Graphviz, and a page.

    text      the lines of a terminal      words, timeline
    svg       the graph                    drawing (what), geometry (where)
    mermaid   the graph                    drawing
    dot       the graph                    drawing
    html      everything                   svg, steps (timeline), inside (locks and versions)
"""

from minidb.lab.pictures.dot import dot
from minidb.lab.pictures.html import html
from minidb.lab.pictures.mermaid import mermaid
from minidb.lab.pictures.svg import svg
from minidb.lab.pictures.text import text

__all__ = ["dot", "html", "mermaid", "svg", "text"]
