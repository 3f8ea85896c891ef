"""An explanation as one page that needs nothing from elsewhere: it can be mailed, archived, and read without a network.

    verdict         the headline, what it means, the levels
    why             the graph, and every edge of its cycles in words; why anybody was rolled back
    what happened   the timeline of the sessions, with locks and versions beside the step that is looked at
    how it ended    the tables

Without scripts everything is there to be read. The script adds stepping with the arrow keys and shows which steps an
edge is about. Whatever comes from the run is escaped; besides, the page's own policy allows no other script than its
own, by its hash, and nothing to be loaded.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256

from minidb.lab.explanation import Abort, Explanation, Link
from minidb.lab.pictures.inside import views
from minidb.lab.pictures.steps import lane_style, steps
from minidb.lab.pictures.svg import HERE, figure, style, text_of
from minidb.lab.pictures.words import BEFORE, HARMLESS, KINDS, definition, judgement, one_line, sentence
from minidb.lab.stage import value_text
from minidb.lab.transcript import without_numbers

FINAL_ROWS = 40


def html(explanation: Explanation) -> str:
    """The page. The same explanation always gives the same bytes."""
    script = asset("page.js")
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy(script)}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{text_of(one_line(page_title(explanation)))}</title>",
        '<link rel="icon" href="data:,">',
        f"<style>\n{style()}{asset('page.css')}</style>",
        "</head>",
        "<body>",
        *body(explanation),
        f"<script>{script}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def policy(script: str) -> str:
    hashed = b64encode(sha256(script.encode("utf-8")).digest()).decode("ascii")
    sources = {"default-src": "'none'", "style-src": "'unsafe-inline'", "img-src": "data:", "base-uri": "'none'"}
    sources["script-src"] = f"'sha256-{hashed}'"
    return "; ".join(f"{what} {where}" for what, where in sources.items())


def page_title(explanation: Explanation) -> str:
    return f"{explanation.verdict} · {explanation.title}" if explanation.title else explanation.verdict


def body(explanation: Explanation) -> Iterator[str]:
    yield '<main class="page">'
    yield from header(explanation)
    yield from why(explanation)
    yield from happened(explanation)
    yield from ended(explanation)
    yield "</main>"
    yield '<footer class="page">Drawn by <b>minidb explain</b> from the engine’s own record of the run.</footer>'


# -- the verdict


def header(explanation: Explanation) -> Iterator[str]:
    good = explanation.serializable and not explanation.run.broken
    yield f'<header class="{"good" if good else "bad"}">'
    yield f'<p class="eyebrow">{text_of(one_line(explanation.title) or "A run")}</p>'
    yield f"<h1>{text_of(one_line(explanation.verdict))}</h1>"
    yield from (f'<p class="lead">{text}</p>' for text in leads(explanation))
    yield '<ul class="tags">'
    for anomaly in explanation.anomalies[:1]:
        yield f'<li class="code">{text_of(anomaly.code)}</li>'
    yield from (f"<li>{text}</li>" for text in level_tags(explanation))
    yield "</ul></header>"


def leads(explanation: Explanation) -> Iterator[str]:
    if explanation.anomalies:
        yield text_of(definition(explanation.anomalies[0]))
    if explanation.same_as:
        yield HARMLESS
    for abort in explanation.aborts:
        turn = explanation.run.events[abort.event].turn
        message = sentence(without_numbers(one_line(abort.error.message)))
        yield f"{text_of(abort.name)} was rolled back at step {turn}: {text_of(message)}"
    for query in explanation.run.broken:
        yield f"The invariant does not hold at the end: <code>{text_of(one_line(query))}</code>"
    if explanation.enough:
        yield text_of(one_line(explanation.enough))


def level_tags(explanation: Explanation) -> Iterator[str]:
    levels = explanation.run.levels
    if len(set(levels.values())) == 1:
        yield text_of(next(iter(levels.values())))
        return
    for lane, (name, level) in enumerate(levels.items()):
        yield f'<span style="{lane_style(lane)}"><b class="who">{text_of(name)}</b> {text_of(level)}</span>'


# -- why


def why(explanation: Explanation) -> Iterator[str]:
    if not (explanation.graph.names or explanation.links or explanation.aborts):
        return
    title = "Why" if explanation.links or explanation.aborts or explanation.anomalies else BEFORE
    yield f'<section class="why" aria-labelledby="why"><h2 id="why">{title}</h2><div class="split">'
    if explanation.graph.names or explanation.links:
        yield f'<figure class="picture">{figure(explanation)}{key(explanation)}</figure>'
    yield '<div class="reasons">'
    for anomaly, links in zip(explanation.anomalies, explanation.cycles):
        yield f"<h3>{text_of(anomaly.name.capitalize())}</h3>"
        if anomaly.words and not links:
            yield f"<p>{text_of(sentence(one_line(anomaly.words)))}</p>"
        yield from sentences(explanation, links)
    for abort in explanation.aborts:
        yield from reason(explanation, abort)
    yield from others(explanation)
    yield "</div></div></section>"


def key(explanation: Explanation) -> str:
    """What the kinds of arrows mean."""
    kinds = dict.fromkeys(link.kind for link in explanation.links)
    kinds |= dict.fromkeys(edge.kind for edge in explanation.graph.edges)
    items = "".join(f"<div><dt>{kind}</dt><dd>{text_of(KINDS.get(kind, ''))}</dd></div>" for kind in kinds)
    return f'<figcaption><dl class="key">{items}</dl></figcaption>' if items else ""


def sentences(explanation: Explanation, links: Sequence[Link]) -> Iterator[str]:
    if not links:
        return
    yield '<ol class="links">'
    for link in links:
        look = "waits" if link.kind == "waits" else ""
        yield f'<li id="link-{link.number}" class="{look}" data-links="{link.number}">'
        yield f'<span class="badge">{link.number}</span> <b class="kind">{link.kind}</b> '
        yield f"{text_of(sentence(one_line(link.words)))}{step_links(explanation, link)}</li>"
    yield "</ol>"


def step_links(explanation: Explanation, link: Link) -> str:
    positions = [position for position in (link.source_event, link.target_event) if position >= 0]
    words = " → ".join(
        f'<a href="#event-{position}">step {explanation.run.events[position].turn}</a>'
        for position in dict.fromkeys(positions)
    )
    return f' <span class="where">{words}</span>' if words else ""


def reason(explanation: Explanation, abort: Abort) -> Iterator[str]:
    """Why a transaction was rolled back."""
    yield f"<h3>Why {text_of(abort.name)} was rolled back</h3>"
    message = text_of(sentence(without_numbers(one_line(abort.error.message))))
    yield f'<p class="error"><b>{text_of(abort.error.sqlstate)}</b> {message}</p>'
    if abort.links:
        yield from sentences(explanation, abort.links)
    elif abort.error.detail:
        yield f"<p>{text_of(sentence(without_numbers(one_line(abort.error.detail))))}</p>"
    if judgement(abort):
        yield f'<p class="judgement">{text_of(judgement(abort))}</p>'


def others(explanation: Explanation) -> Iterator[str]:
    """The edges of a graph without a cycle."""
    if explanation.others:
        yield '<ul class="links">'
        for kind, words in explanation.others:
            yield f'<li><b class="kind">{kind}</b> {text_of(sentence(one_line(words)))}</li>'
        yield "</ul>"
    elif not explanation.links and len(explanation.graph.names) > 1:
        yield "<p>No transaction depends on another one.</p>"


# -- what happened


def happened(explanation: Explanation) -> Iterator[str]:
    if not explanation.run.events:
        return
    seen = views(explanation)
    recorded = any(view is not None and view.size for view in seen)
    yield '<section class="happened" aria-labelledby="happened"><h2 id="happened">What happened</h2>'
    yield f'<div class="{"stage" if recorded else "stage alone"}">'
    yield from steps(explanation)
    yield from panel(fullest(explanation))
    yield "</div></section>"


def fullest(explanation: Explanation) -> int:
    """The event after which there is most to be seen."""
    sizes = [0 if view is None else view.size for view in views(explanation)]
    return sizes.index(max(sizes))


def panel(first: int) -> Iterator[str]:
    """What the script fills: the inside at the step that is looked at, and buttons."""
    yield f'<aside class="panel" data-first="{first}" aria-label="Locks and versions" hidden>'
    yield '<div class="controls"><button type="button" class="back" aria-label="previous step">←</button>'
    yield '<p class="now" aria-live="polite"></p>'
    yield '<button type="button" class="on" aria-label="next step">→</button></div>'
    yield '<div class="shown"></div></aside>'


# -- how it ended


def ended(explanation: Explanation) -> Iterator[str]:
    run = explanation.run
    if not run.final and not run.left_out:
        return
    yield '<section class="ended" aria-labelledby="ended"><h2 id="ended">How it ended</h2><div class="tables">'
    for name, rows in run.final.items():
        yield f'<div class="scroll"><table class="result"><caption>{text_of(one_line(name))}</caption><tbody>'
        for row in rows[:FINAL_ROWS]:
            yield "<tr>" + "".join(f"<td>{text_of(one_line(value_text(value)))}</td>" for value in row) + "</tr>"
        empty = "no rows" if not rows else f"and {len(rows) - FINAL_ROWS} more rows" if len(rows) > FINAL_ROWS else ""
        yield (f"<tr><td>{empty}</td></tr>" if empty else "") + "</tbody></table></div>"
    yield "</div>"
    if run.left_out:
        yield f"<p>Never run: {text_of(', '.join(run.left_out))}.</p>"
    yield "</section>"


__all__ = ["html"]
