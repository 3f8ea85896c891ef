"""Transcripts: several sessions' statements with what came of them, as golden files.

    == a title                      a new scenario: an empty database
    setup: CREATE TABLE ...         run before the play, in a session of its own
    # a comment
    a: BEGIN ISOLATION LEVEL ssi    session a's step
    a: SELECT v FROM t
        10                          what it returned: one line per row; nothing where the tag repeats the statement
    b: UPDATE t SET v = 1
        b waits for a (...)         steps of b are kept until it goes on
    a: COMMIT
        b goes on: UPDATE 1         what others could do because of the step
    look: SELECT ...                a query of a new session

Indented lines are output. `a!: ...` also prints the detail and the cycle of an error. MINIDB_UPDATE_GOLDEN=1 (and
`-n 0`: one process) rewrites the output; review the difference. The steps run on a `minidb.lab.Stage`: one at a time,
so the same steps always give the same transcript, and a step that waits is known to wait at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Any

from minidb.lab.stage import Moment, Outcome, Player, Stage, Step, rows_text, value_text

UPDATE = os.environ.get("MINIDB_UPDATE_GOLDEN") == "1"
INDENT = "    "


class Script(Stage):
    """A stage on which a failed transaction may try anything."""

    def begin(self, player: Player, number: int, step: Step) -> list[Moment]:
        assert isinstance(step.sql, str)
        player.current = (number, step, step.sql)
        self.scheduler.start(player.actor, lambda: player.work(step, str(step.sql)))
        if player.waits:
            return [Moment(number, player.name, step.sql, "waits", words=player.session.waiting_for or "")]
        return [self.ended(player, False)]


def titles(path: Path) -> list[str]:
    """The titles of a file's scenarios."""
    return [line[3:] for line in path.read_text(encoding="utf-8").split("\n") if line.startswith("== ")]


def check_scenario(path: Path, title: str) -> None:
    """Plays one scenario of a file and compares what it prints."""
    text = path.read_text(encoding="utf-8")
    blocks = text.split("\n== ")
    number = next(i for i, block in enumerate(blocks) if block.split("\n")[0] == title)
    golden = blocks[number].split("\n")
    played = list(play([line for line in golden if not line.startswith(INDENT)]))
    if UPDATE:
        blocks[number] = "\n".join(played)
        path.write_text("\n== ".join(blocks), encoding="utf-8")
        return
    difference = "\n".join(unified_diff(golden, played, "golden", "played", lineterm=""))
    assert played == golden, f"{path.name}: MINIDB_UPDATE_GOLDEN=1 accepts this\n{difference}"


def play(lines: list[str]) -> Iterator[str]:
    with Script() as stage:
        yield lines[0]  # the title
        for line in lines[1:]:
            yield line
            who, colon, sql = line.partition(": ")
            if line.startswith("#") or not colon:
                continue
            for said in perform(stage, who, sql):
                yield INDENT + said


def perform(stage: Script, who: str, sql: str) -> list[str]:
    if who == "setup":
        stage.prepare(sql)
        return []
    if who == "look":
        return answer(stage.look(sql), sql)
    name = who.rstrip("!")
    moments = stage.perform(Step(name, sql))
    return [said for moment in moments for said in words_of(moment, name, who.endswith("!"))]


def words_of(moment: Moment, acting: str, detailed: bool) -> list[str]:
    if moment.kind == "waits":
        return [f"{moment.session} waits for {moment.words}"]
    said = failure(moment.outcome.error, detailed) if moment.outcome.error else answer(moment.outcome, moment.text)
    if moment.later:
        return [f"{moment.session} goes on: {said[0]}" if said else f"{moment.session} goes on", *said[1:]]
    if moment.session != acting:
        return [f"{moment.session}: {moment.text}", *said]
    return said


def failure(error: Any, detailed: bool) -> list[str]:
    said = [f"{error.sqlstate} {error.message}"]
    if not detailed:
        return said
    if error.detail:
        said.append(f"detail: {error.detail}")
    for edge in getattr(error, "cycle", ()):
        said.append("cycle: " + ", ".join(f"{name}={value_text(edge[name])}" for name in sorted(edge)))
    return said


def answer(outcome: Outcome, text: str) -> list[str]:
    """Rows, one on a line; tags only where they tell more than the statement."""
    if outcome.columns:
        return [rows_text([row]) for row in outcome.rows] or ["no rows"]
    first = text.split()[0].upper()
    if outcome.tag.split() == [first] or first in ("CREATE", "ALTER", "DROP", "BEGIN"):
        return []
    return [outcome.tag]
