"""A performance on paper: the sessions side by side, one row per step, then the final state and the verdict.

    ┌────┬───────────────────────────┬───────────────────────────┐
    │    │ a                         │ b                         │
    ├────┼───────────────────────────┼───────────────────────────┤
    │  4 │                           │ UPDATE page SET ...       │
    │    │                           │ ⋯ waits for a (...)       │
    │  5 │ COMMIT                    │ ▸ step 4 goes on          │
    │    │                           │ → UPDATE 1                │
    └────┴───────────────────────────┴───────────────────────────┘

What a step sets free stands in the same row as the step. Numbers are those of the script, so that a gap or a step out
of order shows what had to wait.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from minidb.errors import Error, RetryableError
from minidb.lab.demo import Demo, Record, Scene
from minidb.lab.paint import Painter, heading, wrapped
from minidb.lab.stage import Moment, said_of, value_text

Cell = list[tuple[str, str]]  # lines and their looks
Row = tuple[str, dict[str, Cell]]  # the step's number, and what stands in the sessions' columns
MARGIN = "  "
NUMBER_WIDTH = 4
CLAUSES = re.compile(r" (?=(?:SET|FROM|VALUES|WHERE|ORDER BY|FOR UPDATE)\b)")
LOOKS = {"done": "answer", "failed": "error", "waits": "wait", "skipped": "dim", "declined": "dim"}
SIGNS = {"done": "→ ", "failed": "✗ ", "waits": "⋯ ", "skipped": "– "}


def transcript(record: Record, painter: Painter, explain: bool = True) -> Iterator[str]:
    """The table, the final state, the verdict, and with `explain` what each 40001 or 40P01 has to say."""
    yield from table(record, painter)
    yield from final_state(record, painter)
    yield from failures(record, painter, explain)
    yield verdict_line(record, painter)


def scene_heading(demo: Demo, record: Record, painter: Painter) -> str:
    return heading(painter, f"{demo.title} · {demo.code}", str(record.level))


def table(record: Record, painter: Painter) -> Iterator[str]:
    yield from grid(record.scene.sessions, lambda width: rows(record.moments, width), painter)


def grid(sessions: Sequence[str], rows_at: Callable[[int], Iterable[Row]], painter: Painter) -> Iterator[str]:
    """A column for each session; `rows_at` makes what stands in them, given their width."""
    width = grid_width(len(sessions), painter)
    widths = [NUMBER_WIDTH - 2, *[width] * len(sessions)]
    yield rule("┌┬┐", widths, painter)
    names: Row = ("", {name: [(name[:width], f"session {i % 3}")] for i, name in enumerate(sessions)})
    yield from row_lines(names, sessions, width, painter)
    yield rule("├┼┤", widths, painter)
    for row in rows_at(width):
        yield from row_lines(row, sessions, width, painter)
    yield rule("└┴┘", widths, painter)


def grid_width(sessions: int, painter: Painter) -> int:
    """How many places wide a session's column is."""
    return (painter.width - len(MARGIN) - NUMBER_WIDTH - 2) // max(sessions, 1) - 3


def rule(corners: str, widths: Sequence[int], painter: Painter) -> str:
    inner = corners[1].join("─" * (width + 2) for width in widths)
    return MARGIN + painter(corners[0] + inner + corners[2], "rule")


def rows(moments: Iterable[Moment], width: int) -> Iterator[Row]:
    """Moments that stand side by side: a step, and what it has set free in other columns."""
    number, cells = "", dict[str, Cell]()
    for moment in moments:
        if cells and (not moment.later or moment.session in cells):
            yield number, cells
            number, cells = "", {}
        if not moment.later:
            number = str(moment.number or "·")
        cells[moment.session] = cell(moment, width)
    if cells:
        yield number, cells


def cell(moment: Moment, width: int) -> Cell:
    if moment.kind == "declined":
        return looks(wrapped(f"({moment.words})", width), "dim")
    if moment.later:
        head = looks([f"▸ step {moment.number} {'goes on' if moment.kind == 'done' else 'fails'}"], "go")
    else:
        head = looks(statement_lines(moment.text, width), "dim" if moment.kind == "skipped" else "sql")
    said = without_numbers(said_of(moment))
    return head + (looks(wrapped(said, width, SIGNS[moment.kind]), LOOKS[moment.kind]) if said else [])


def statement_lines(text: str, width: int) -> list[str]:
    """The statement, broken before its clauses if it does not fit."""
    lines: list[str] = []
    for clause in CLAUSES.split(text):
        if lines and len(lines[-1]) + 1 + len(clause) <= width:
            lines[-1] += f" {clause}"
        else:
            lines += wrapped(clause, width, "  " if lines else "", "  ")
    return lines


def looks(lines: Iterable[str], look: str) -> Cell:
    return [(line, look) for line in lines]


def row_lines(row: Row, sessions: Sequence[str], width: int, painter: Painter) -> Iterator[str]:
    number, cells = row
    bar = painter("│", "rule")
    for i in range(max(map(len, cells.values()))):
        parts = [painter((number if i == 0 else "").rjust(NUMBER_WIDTH - 2), "dim")]
        for session in sessions:
            lines = cells.get(session, [])
            text, look = lines[i] if i < len(lines) else ("", "sql")
            parts.append(painter(text, look) + " " * (width - len(text)))
        yield MARGIN + bar + bar.join(f" {part} " for part in parts) + bar


# -- below the table


def final_state(record: Record, painter: Painter) -> Iterator[str]:
    names = ", ".join(record.final.columns)
    states = ", ".join(f"({', '.join(map(value_text, row))})" for row in record.final.rows) or "no rows"
    yield from wrapped(f"{names}: {states}", painter.width, f"{MARGIN}final state  ")


def failures(record: Record, painter: Painter, explain: bool) -> Iterator[str]:
    """The cycle of each error, and with `explain` its details."""
    for moment in record.moments:
        error = moment.outcome.error
        if error is not None:
            parts = [cycle_chain(error), error.detail if explain else None]
            text = without_numbers(". ".join(filter(None, parts)))
            if text:
                yield from wrapped(text, painter.width, f"{MARGIN}{error.sqlstate} at step {moment.number}  ")


def cycle_chain(error: Error) -> str:
    """`a waits for b waits for a`, as far as the error knows it."""
    if not isinstance(error, RetryableError) or not error.cycle:
        return ""
    words = str(error.cycle[0]["from"])
    for edge in error.cycle:
        words += f" ─{edge['kind']}→ {edge['to']}"
    return words


def without_numbers(text: str) -> str:
    """Transactions are called by their sessions here; their numbers say nothing."""
    return re.sub(r" \(transaction \d+\)", "", text)


def verdict_line(record: Record, painter: Painter) -> str:
    verdict = record.verdict
    sign, look = ("✗", "bad") if verdict.happened else ("✓", "good")
    first, *more = wrapped(f"{sign} {verdict.text}", painter.width, MARGIN, MARGIN + "  ")
    return "\n".join([MARGIN + painter(first.strip(), look), *(MARGIN + "  " + painter(m.strip(), look) for m in more)])


def elsewhere(record: Record, painter: Painter) -> str:
    """One line on how the same scene went at another level."""
    verdict = record.verdict
    sign, look = ("✗", "bad") if verdict.happened else ("✓", "good")
    text = wrapped(f"at {record.level}: {verdict.text}", painter.width - 2, MARGIN + "  ", MARGIN + "    ")
    first = MARGIN + painter(sign, look) + " " + text[0].strip()
    return "\n".join([first, *text[1:]])


def scene_title(scene: Scene, painter: Painter) -> Iterator[str]:
    yield f"{MARGIN}{painter(scene.title, 'title')}"
    if scene.note:
        yield from (painter(line, "dim") for line in wrapped(scene.note, painter.width, MARGIN))
