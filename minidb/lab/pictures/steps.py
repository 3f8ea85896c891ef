"""The timeline and the inside of the engine as HTML: a list of events, each crossed by all sessions' rails.

An event is a list item whose grid has a rail and a column of text for each session, or, on narrow pages, all rails at
the left and one column of text. Rails are decoration: everything that they show is said in the text, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from minidb.lab.explanation import Explanation
from minidb.lab.pictures.inside import Fact, View, views
from minidb.lab.pictures.svg import COLOURS, text_of
from minidb.lab.pictures.timeline import Row, error_of, timeline
from minidb.lab.pictures.words import answer_text, fit, one_line
from minidb.lab.run import Answer
from minidb.lab.stage import value_text
from minidb.lab.transcript import CLAUSES, without_numbers

LANES_SIDE_BY_SIDE = 4
RESULT_ROWS, INSIDE_ROWS = 12, 60
TOKENS = re.compile(
    r"(?P<string>'(?:[^']|'')*')|(?P<comment>--[^\n]*)|(?P<keyword>\b(?:SELECT|FROM|WHERE|INSERT|INTO|VALUES|UPDATE|SET|"
    r"DELETE|BEGIN|START|TRANSACTION|ISOLATION|LEVEL|COMMIT|ROLLBACK|SAVEPOINT|ORDER|GROUP|BY|HAVING|LIMIT|FOR|SHARE|JOIN|"
    r"ON|AND|OR|NOT|IN|AS|LOCK|TABLE|READ|ONLY|WRITE|RETURNING|CONFLICT|DO|NOTHING|BETWEEN|EXISTS|UNION|ALL|DISTINCT|"
    r"CREATE|DROP|ALTER|INDEX|NULL|IS|TRUE|FALSE|WITH|KEY)\b)",
    re.IGNORECASE,
)


def steps(explanation: Explanation) -> Iterator[str]:
    """The sessions' names, and the list of events."""
    names = explanation.sessions
    kind = "timeline" if len(names) <= LANES_SIDE_BY_SIDE else "timeline narrow"
    yield f'<div class="{kind}" style="--lanes:{len(names)}">'
    yield '<div class="lanes" aria-hidden="true">'
    for lane, name in enumerate(names):
        level = one_line(explanation.run.levels.get(name, ""))
        yield f'<span class="lane" style="{lane_style(lane)}"><b>{text_of(name)}</b> <i>{text_of(level)}</i></span>'
    yield '</div><ol class="events">'
    for row, view in zip(timeline(explanation), views(explanation)):
        yield from event(explanation, row, view)
    yield "</ol></div>"


def lane_style(lane: int) -> str:
    return f"--lane:{lane};--session:var(--s{lane % COLOURS})"


def event(explanation: Explanation, row: Row, view: View | None) -> Iterator[str]:
    links = " ".join(map(str, row.links))
    data = f' data-links="{links}"' if links else ""
    yield f'<li class="event at-{row.mark}" id="event-{row.position}"{data} style="{lane_style(row.lane)}">'
    yield from (rail_span(row, lane) for lane in range(len(row.rails)))
    yield '<div class="what">'
    yield head(explanation, row)
    yield from said(explanation, row)
    if view is not None and view.size:
        yield "<details><summary>Locks and versions after this</summary>"
        yield from inside(view, explanation.sessions)
        yield "</details>"
    yield "</div></li>"


def rail_span(row: Row, lane: int) -> str:
    rail = row.rails[lane]
    kind = f"rail above-{rail.above} below-{rail.below}"
    dot = "<i></i>" if lane == row.lane else ""
    return f'<span class="{kind}" style="{lane_style(lane)}" aria-hidden="true">{dot}</span>'


def head(explanation: Explanation, row: Row) -> str:
    """Number, session, the step's name, and the edges that end here."""
    event = row.event
    name = "" if not event.step or one_line(event.step).lower() == one_line(event.sql).lower() else event.step
    badges = "".join(
        f'<a class="badge" href="#link-{number}" data-links="{number}" aria-label="edge {number}">{number}</a>'
        for number in row.links
    )
    turn = f'<a class="turn" href="#event-{row.position}" aria-label="step {event.turn}">{event.turn}</a>'
    who = f'<span class="who">{text_of(event.session)}</span>'
    return f'<p class="head">{turn} {who} <span class="step">{text_of(one_line(name))}</span>{badges}</p>'


def said(explanation: Explanation, row: Row) -> Iterator[str]:
    event, error = row.event, error_of(row.event)
    if row.since >= 0:
        turn = explanation.run.events[row.since].turn
        word = "goes on" if error is None else "fails"
        yield f'<p class="go">step <a href="#event-{row.since}">{turn}</a> {word}</p>'
    else:
        yield f"<pre><code>{sql(event.sql)}</code></pre>"
    if event.kind == "waits":
        yield f'<p class="wait">waits for {text_of(without_numbers(one_line(event.words)))}</p>'
    for one in event.answers:
        yield from answer(one, event.sql)
        yield from (f'<p class="notice">{text_of(one_line(notice))}</p>' for notice in one.notices)


def sql(text: str) -> str:
    """With keywords and strings told apart. A statement on one line is broken before its clauses, if it must be."""
    text = fit(text.strip())
    if "\n" in text:
        return coloured(text)
    return " ".join(f'<span class="clause">{coloured(clause)}</span>' for clause in CLAUSES.split(text))


def coloured(text: str) -> str:
    parts, end = [], 0
    for match in TOKENS.finditer(text):
        parts.append(escape(text[end : match.start()]))
        parts.append(f'<span class="{match.lastgroup}">{escape(match[0])}</span>')
        end = match.end()
    return "".join(parts) + escape(text[end:])


def answer(answer: Answer, statement: str) -> Iterator[str]:
    if answer.error is not None:
        message = text_of(without_numbers(one_line(answer.error.message)))
        yield f'<p class="error"><b>{text_of(answer.error.sqlstate)}</b> {message}</p>'
    elif len(answer.columns) > 1 or len(answer.rows) > 1:
        yield from result(answer)
    elif answer.columns or not statement.strip().upper().startswith(answer.tag):
        yield f'<p class="answer">{text_of(answer_text(answer))}</p>'


def result(answer: Answer) -> Iterator[str]:
    if not answer.rows:
        yield '<p class="answer">no rows</p>'
        return
    yield '<div class="scroll"><table class="result"><thead><tr>'
    yield "".join(f'<th scope="col">{text_of(one_line(name))}</th>' for name in answer.columns)
    yield "</tr></thead><tbody>"
    for row in answer.rows[:RESULT_ROWS]:
        yield "<tr>" + "".join(f"<td>{text_of(one_line(value_text(value)))}</td>" for value in row) + "</tr>"
    yield "</tbody></table></div>"
    if len(answer.rows) > RESULT_ROWS:
        yield f'<p class="answer">and {len(answer.rows) - RESULT_ROWS} more rows</p>'


# -- the inside


def inside(view: View, sessions: Sequence[str]) -> Iterator[str]:
    yield '<div class="inside">'
    yield from facts("Locks", ("session", "mode", "on", ""), view.locks, sessions, "nobody holds or awaits a lock")
    yield from facts("Versions", ("row", "contents", "seen", "by"), view.versions, sessions, "no row has several")
    yield "</div>"


def facts(
    title: str, columns: Sequence[str], rows: Sequence[Fact], sessions: Sequence[str], nothing: str
) -> Iterator[str]:
    yield f'<h3>{title} <span class="count">{sum(fact.change != "gone" for fact in rows)}</span></h3>'
    if not rows:
        yield f'<p class="nothing">{nothing}</p>'
        return
    yield f'<div class="scroll"><table class="facts {title.lower()}"><thead><tr>'
    yield "".join(f'<th scope="col">{name or "<span class=unseen>state</span>"}</th>' for name in columns)
    yield "</tr></thead><tbody>"
    yield from (fact_row(fact, sessions) for fact in rows[:INSIDE_ROWS])
    yield "</tbody></table></div>"
    if len(rows) > INSIDE_ROWS:
        yield f'<p class="nothing">and {len(rows) - INSIDE_ROWS} more</p>'


def fact_row(fact: Fact, sessions: Sequence[str]) -> str:
    kind = " ".join(filter(None, [fact.look, fact.change]))
    style = f' style="{lane_style(sessions.index(fact.session))}"' if fact.session in sessions else ""
    cells = [f"<td>{text_of(cell)}</td>" for cell in fact.cells]
    if fact.change:
        cells[0] = cells[0].replace("<td>", f'<td><span class="unseen">{fact.change}: </span>', 1)
    return f'<tr class="{kind}"{style}>{"".join(cells)}</tr>'
