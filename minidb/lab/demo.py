"""A demo: a story in one or more scenes, each played at any isolation level, and judged by what happened.

A scene is data: the tables it begins with, the steps of its sessions, the query that shows how it ended, and a judge.
The judge gets the `Record` of a performance, looks at what was read and at the final state, and says whether the
anomaly happened and what is to be seen of it. How it was prevented is read off the moments, too:

    40001, 40P01    a session got that error
    waits           a session had to wait, and nobody got an error
    no wait         neither: readers were given older versions, or the steps could not go wrong

No verdict knows the level it was reached at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from minidb.errors import RetryableError
from minidb.isolation import IsolationLevel
from minidb.lab.stage import House, Moment, Outcome, Seen, Stage, Step

Judgement = tuple[bool, str]  # did the anomaly happen, and what is to be seen of it


class Record(Struct, frozen=True):
    """What was seen in one performance of a scene."""

    scene: Scene
    level: IsolationLevel
    moments: tuple[Moment, ...]
    seen: Seen
    final: Outcome

    @property
    def verdict(self) -> Verdict:
        return judged(self)

    def value(self, label: str) -> Any:
        """What the step with this label read first."""
        return self.seen.value(label)

    def rows(self, label: str) -> tuple[tuple[Any, ...], ...]:
        return self.seen[label].rows

    def committed(self, *sessions: str) -> bool:
        """Whether the last COMMIT of each of these sessions committed."""
        return all(last_commit(self.moments, session) == "COMMIT" for session in sessions)


class Verdict(Struct, frozen=True):
    """happened: whether the anomaly is there. how: the cell of the matrix. text: the sentence below the scene."""

    happened: bool
    how: str
    text: str


class Scene(Struct, frozen=True):
    """One play.

    Attributes:
        title: what it is about, in a few words.
        setup: SQL that makes the tables.
        steps: what the sessions do, in the order in which they try to.
        final: the query that shows the final state.
        judge: whether the anomaly happened; see the module.
        note: what to watch for, one or two sentences.
        row: its name in the matrix; empty: it is not in it.
        cure: whether it shows a remedy; such rows stand in the matrix's second part.
        level: the only level it is played at, where it is about that level.
        bad, good: the words that begin a verdict.
    """

    title: str
    setup: tuple[str, ...]
    steps: tuple[Step, ...]
    final: str
    judge: Callable[[Record], Judgement]
    note: str = ""
    row: str = ""
    cure: bool = False
    level: IsolationLevel | None = None
    bad: str = "ANOMALY"
    good: str = "prevented"

    @property
    def sessions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(step.session for step in self.steps))


class Demo(Struct, frozen=True):
    """Scenes that belong together.

    Attributes:
        name: on the command line.
        code: what the literature calls the anomaly.
        title, summary: in the overview. story: one paragraph.
        shown_at: the level that shows it best. prevented_at: one that does not let it happen, None if all do not.
    """

    name: str
    code: str
    title: str
    summary: str
    story: str
    shown_at: IsolationLevel
    prevented_at: IsolationLevel | None
    scenes: tuple[Scene, ...]


# -- playing


def play(scene: Scene, level: IsolationLevel, house: House | None = None) -> Record:
    """One performance; without a house, in a new one."""
    level = scene.level or level
    with Stage(level, house=house) as stage:
        stage.prepare(*scene.setup)
        stage.players(*scene.sessions)
        moments = [moment for step in scene.steps for moment in stage.perform(step)]
        moments += stage.finish()
        return Record(scene, level, tuple(moments), stage.seen, stage.look(scene.final))


def judged(record: Record) -> Verdict:
    happened, fact = record.scene.judge(record)
    if happened:
        return Verdict(True, "happens", f"{record.scene.bad}: {fact}")
    how, reason = prevention(record.moments)
    parts = [part for part in (reason, fact) if part]
    return Verdict(False, how, f"{record.scene.good}: {'; '.join(parts)}")


def prevention(moments: tuple[Moment, ...]) -> tuple[str, str]:
    """What kept the anomaly away, in a word and in a clause."""
    failures = [m for m in moments if isinstance(m.outcome.error, RetryableError)]
    if failures:
        return code_of(failures[0]), " and ".join(f"{m.session} got {code_of(m)} at step {m.number}" for m in failures)
    others = [m for m in moments if m.outcome.error is not None]
    if others:
        return code_of(others[0]), " and ".join(f"{m.session} got {code_of(m)} at step {m.number}" for m in others)
    waits = [m for m in moments if m.kind == "waits"]
    if waits:
        return "waits", " and ".join(f"{m.session} waited at step {m.number}" for m in waits)
    return "no wait", "nobody waited"


def code_of(moment: Moment) -> str:
    assert moment.outcome.error is not None
    return moment.outcome.error.sqlstate


def last_commit(moments: tuple[Moment, ...], session: str) -> str:
    """The tag of the last COMMIT of `session`; empty if it failed or never came."""
    ends = [m for m in moments if m.session == session and m.text == "COMMIT" and m.kind in ("done", "failed")]
    return ends[-1].outcome.tag if ends else ""


# -- for writing scenes


def script(sessions: str, text: str) -> tuple[Step, ...]:
    """Steps from lines `session: SQL` or `session, label: SQL`; `sessions` are the names that may stand there."""
    return tuple(parse_lines(set(sessions.split()), text))


def parse_lines(names: set[str], text: str) -> Iterator[Step]:
    for line in filter(None, map(str.strip, text.splitlines())):
        head, _, sql = line.partition(": ")
        session, _, label = head.partition(", ")
        assert session in names, line
        yield Step(session, sql, label)
