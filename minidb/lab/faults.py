"""Where an exception came from: a note that tells the interleaving in which a function raised it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from minidb.lab.functions import FunctionPerformer
from minidb.lab.performers import Line, Performer
from minidb.lab.run import Answer

LONGEST = 100  # characters of a line
MOST_LINES = 40
MOST_ROWS = 3


def add_story(error: Exception, order: Sequence[int], cast: Sequence[Performer]) -> None:
    """Adds to an exception that one of the functions has raised what had happened before. Not to any other."""
    culprit = next((p for p in cast if isinstance(p, FunctionPerformer) and p.fault is error), None)
    if culprit is None:
        return
    lines = list(story(order, cast))
    left_out = len(lines) - MOST_LINES
    if left_out > 0:
        lines = [f"({left_out:,} steps are left out)", *lines[-MOST_LINES:]]
    error.add_note("\n    ".join([f"minidb: in {culprit.name}, in this interleaving:", *lines]))


def story(order: Sequence[int], cast: Sequence[Performer]) -> Iterator[str]:
    """A line for each step: whose, what, and what came of it."""
    width = max(len(performer.name) for performer in cast)
    made = [0] * len(cast)
    for place, number in enumerate(order, 1):
        lines = cast[number].lines
        line = lines[made[number]] if made[number] < len(lines) else None
        made[number] += 1
        yield cut(f"{place:3}  {cast[number].name:{width}}  {line_text(line)}")


def line_text(line: Line | None) -> str:
    if line is None:
        return "waits"
    return f"{' '.join(line.statement.split())}  → {answer_text(line.answer)}"


def answer_text(answer: Answer) -> str:
    if answer.error is not None:
        return f"{answer.error.sqlstate} {answer.error.message}"
    if not answer.columns:
        return answer.tag or "done"
    rows = [f"({', '.join(map(str, row))})" for row in answer.rows[:MOST_ROWS]]
    more = len(answer.rows) - MOST_ROWS
    return ", ".join(rows + ([f"and {more:,} more rows"] if more > 0 else [])) or "no rows"


def cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


__all__ = ["add_story", "answer_text"]
