"""An explanation in the terminal: the verdict, the sessions side by side, the cycle, and why anybody was rolled back.

    ┌────┬──────────────────┬──────────────────┐      ┌─▸ alice
    │  4 │                  │ UPDATE ...       │      │     │ 1 rw · steps 3 → 6
    │    │                  │ ⋯ waits for a    │      │     │ alice read ...; bob changed ...
    │  5 │ COMMIT           │ │                │      │     ▼
    │    │                  │ ▸ step 4 goes on │      │   bob
    │    │                  │ → UPDATE 1       │      │     │ 2 rw · steps 4 → 5
    └────┴──────────────────┴──────────────────┘      └─────┘

Sessions that would get too narrow stand below each other: one line for each event.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minidb.lab.explanation import Abort, Explanation, Link
from minidb.lab.paint import Painter, heading, wrapped
from minidb.lab.pictures.timeline import Row as Moment
from minidb.lab.pictures.timeline import error_of, timeline
from minidb.lab.pictures.words import (
    BEFORE,
    HARMLESS,
    answers_text,
    definition,
    fit,
    judgement,
    one_line,
    sentence,
    steps_of,
)
from minidb.lab.stage import rows_text
from minidb.lab.transcript import (
    LOOKS,
    MARGIN,
    SIGNS,
    Cell,
    Row,
    grid,
    grid_width,
    looks,
    statement_lines,
    without_numbers,
)

NARROWEST = 20  # places for a session's column
CYCLES_SHOWN = 5
KINDS = {"went on": "done", "broke off": "failed"}


def text(explanation: Explanation, painter: Painter) -> Iterator[str]:
    """The lines of it, without line ends; as wide as the painter's page."""
    levels = ", ".join(dict.fromkeys(explanation.run.levels.values()))
    yield heading(painter, one_line(explanation.title) or "run", levels)
    yield from verdict(explanation, painter)
    yield from sessions(explanation, painter)
    yield from final_state(explanation, painter)
    for anomaly, links in list(zip(explanation.anomalies, explanation.cycles))[:CYCLES_SHOWN]:
        yield ""
        yield MARGIN + painter(f"{anomaly.name} · {anomaly.code}", "title")
        yield from wrapped(sentence(one_line(anomaly.words)), painter.width, MARGIN) if not links else []
        yield from circle(explanation, links, painter)
    if len(explanation.anomalies) > CYCLES_SHOWN:
        yield f"{MARGIN}and {len(explanation.anomalies) - CYCLES_SHOWN} more"
    for abort in explanation.aborts:
        yield from reason(explanation, abort, painter)
    yield from others(explanation, painter)
    if explanation.enough:
        yield ""
        yield from wrapped(explanation.enough, painter.width, MARGIN)


def verdict(explanation: Explanation, painter: Painter) -> Iterator[str]:
    sign, look = ("✓", "good") if explanation.serializable else ("✗", "bad")
    yield from painted(f"{sign} {explanation.verdict}", painter, look)
    if explanation.anomalies:
        yield from wrapped(definition(explanation.anomalies[0]), painter.width, MARGIN + "  ")
    if explanation.same_as:
        yield from wrapped(HARMLESS, painter.width, MARGIN + "  ")
    for abort in explanation.aborts:
        yield from painted(f"✗ {abort.name} was rolled back: {abort.error.sqlstate}", painter, "error")
    for query in explanation.run.broken:
        yield from painted(f"✗ the invariant does not hold: {one_line(query)}", painter, "bad")


def painted(line: str, painter: Painter, look: str) -> Iterator[str]:
    for number, part in enumerate(wrapped(line, painter.width - len(MARGIN) - 2 * bool(look))):
        yield MARGIN + "  " * bool(number) + painter(part, look)


# -- the sessions


def sessions(explanation: Explanation, painter: Painter) -> Iterator[str]:
    names = explanation.sessions
    if not explanation.run.events:
        return
    if grid_width(len(names), painter) >= NARROWEST:
        yield from grid(names, lambda width: list(table_rows(explanation, width)), painter)
    else:
        yield from listing(explanation, painter)
    if explanation.run.left_out:
        yield from wrapped(f"never run: {', '.join(explanation.run.left_out)}", painter.width, MARGIN)


def table_rows(explanation: Explanation, width: int) -> Iterator[Row]:
    """One for each step, with what it has set free beside it. Who waits meanwhile has a bar in every row."""
    names = explanation.sessions
    group: list[Moment] = []
    for moment in timeline(explanation):
        if group and (moment.since < 0 or any(moment.lane == other.lane for other in group)):
            yield table_row(group, names, width)
            group = []
        group.append(moment)
    if group:
        yield table_row(group, names, width)


def table_row(group: Sequence[Moment], names: Sequence[str], width: int) -> Row:
    cells = {names[moment.lane]: cell(moment, width) for moment in group}
    height = max(map(len, cells.values()))
    for name, before, after in zip(names, group[0].rails, group[-1].rails):
        if before.above == "waits" and after.below == "waits" and name not in cells:
            cells[name] = [("│", "wait")] * height
    first = group[0]
    return (str(first.event.turn) if first.since < 0 else ""), cells


def cell(moment: Moment, width: int) -> Cell:
    kind = KINDS.get(moment.event.kind, moment.event.kind)
    if moment.since >= 0:
        head = looks([f"▸ step {moment.event.turn} {'goes on' if kind == 'done' else 'fails'}"], "go")
    else:
        head = looks(statement_lines(one_line(moment.event.sql), width), "sql")
    said = [line for text in said_of(moment) for line in wrapped(text, width, SIGNS[kind])]
    return head + looks(said, LOOKS[kind])


def said_of(moment: Moment) -> list[str]:
    """What came of it, a line for each statement of the step."""
    event, error = moment.event, error_of(moment.event)
    if event.kind == "waits":
        return [f"waits for {without_numbers(one_line(event.words))}"]
    failed = [f"{error.sqlstate} {without_numbers(one_line(error.message))}"] if error is not None else []
    return [*answers_text(event), *failed]


def listing(explanation: Explanation, painter: Painter) -> Iterator[str]:
    for moment in timeline(explanation):
        event = moment.event
        head = "goes on" if moment.since >= 0 else one_line(event.sql)
        said = "; ".join(said_of(moment))
        first = f"{MARGIN}{event.turn:>3}  "
        yield from wrapped(f"{event.session}: {head}" + (f"  → {said}" if said else ""), painter.width, first)


def final_state(explanation: Explanation, painter: Painter) -> Iterator[str]:
    head = "final state  "
    for name, rows in explanation.run.final.items():
        states = one_line(rows_text(rows))
        yield from wrapped(f"{fit(name)}: {states}", painter.width, MARGIN + head)
        head = " " * len(head)


# -- cycles and reasons


def circle(explanation: Explanation, links: Sequence[Link], painter: Painter) -> Iterator[str]:
    """Its transactions below each other, with arrows down, and back up if it is closed."""
    if not links:
        return
    closed = links[-1].target == links[0].source
    side = "│" if closed else " "
    for number, link in enumerate(links):
        corner = "┌─▸ " if closed and not number else f"{side}   "
        yield MARGIN + painter(corner, "bad") + painter(name_of(explanation, link.source), "title")
        head = f"{link.number} {link.kind}"
        steps = steps_of(explanation, link.source_event, link.target_event)
        shaft = f"{side}     │ "
        for line in [f"{head} · {steps}" if steps else head, *wrapped(one_line(link.words), painter.width - 12)]:
            yield MARGIN + painter(shaft, "bad") + line
        if number < len(links) - 1 or not closed:
            yield MARGIN + painter(f"{side}     ▼", "bad")
    last = painter(name_of(explanation, links[-1].target), "title")
    yield MARGIN + (painter("└─────┘", "bad") if closed else f"    {last}")


def others(explanation: Explanation, painter: Painter) -> Iterator[str]:
    """The edges of a graph without a cycle."""
    if explanation.others:
        yield ""
        yield MARGIN + painter(BEFORE, "title")
    for kind, words in explanation.others:
        yield from wrapped(one_line(words), painter.width, f"{MARGIN}{kind}  ")


def name_of(explanation: Explanation, transaction: int) -> str:
    return one_line(explanation.names.get(transaction, f"transaction {transaction}"))


def reason(explanation: Explanation, abort: Abort, painter: Painter) -> Iterator[str]:
    turn = explanation.run.events[abort.event].turn
    yield ""
    yield MARGIN + painter(f"Why {one_line(abort.name)} was rolled back at step {turn}", "title")
    message = without_numbers(one_line(abort.error.message))
    yield from wrapped(sentence(f"{abort.error.sqlstate} {message}"), painter.width, MARGIN)
    if abort.links:
        yield from circle(explanation, abort.links, painter)
    elif abort.error.detail:
        yield from wrapped(sentence(without_numbers(one_line(abort.error.detail))), painter.width, MARGIN)
    if judgement(abort):
        yield from wrapped(judgement(abort), painter.width, MARGIN)


__all__ = ["text"]
