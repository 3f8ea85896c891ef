"""A stage: a few sessions on one database, whose steps are performed one at a time, always with the same outcome.

    with Stage("snapshot") as stage:
        stage.prepare("CREATE TABLE counter (n int)", "INSERT INTO counter VALUES (10)")
        a, b = stage.players("a", "b")
        a("BEGIN")
        a("UPDATE counter SET n = n + 1")
        b("UPDATE counter SET n = n + 1")     # a moment of kind "waits"; b's later steps queue up behind it
        a("COMMIT")                           # two moments: a's, and b's, which goes on

Each player has a session and a thread of its own, and a `Scheduler` gives one of them the turn at a time. What is seen
after each step is a list of *moments*: the step's own first, then those of the players that could go on because of it,
in the order in which they were woken. A step of a player that still waits is kept and performed when it no longer does.
A step of a transaction that has failed is skipped, up to COMMIT or ROLLBACK, as any sensible program would.

The stage stands in a *house*: a database file in a temporary directory. A stage makes one of its own, which goes with
it; many stages, one after the other, may share one, and each leaves it as empty as it was.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from minidb.dbapi import Connection, Database
from minidb.errors import Error
from minidb.lab.scheduler import Actor, Scheduler

ENDS = ("COMMIT", "ROLLBACK")
NUMBERS_FROM = 1
Program = Generator[str, "Outcome", None]


class Outcome(Struct, frozen=True):
    """What a step returned: rows with the names of their columns, or a tag; or an error."""

    tag: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    rowcount: int = -1
    error: Error | None = None

    @property
    def value(self) -> Any:
        """The first column of the first row; None if there is none."""
        return self.rows[0][0] if self.rows else None


NOTHING = Outcome()


class Seen:
    """What the steps with a label have returned so far. A step that has not run, or has failed, returned nothing."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Outcome] = {}

    def __getitem__(self, label: str) -> Outcome:
        return self.outcomes.get(label, NOTHING)

    def value(self, label: str) -> Any:
        return self[label].value

    def values(self) -> Mapping[str, Any]:
        """The value of every label, to be put into the text of a later step."""
        return Known({label: value_text(outcome.value) for label, outcome in self.outcomes.items()})


class Known(dict[str, str]):
    """Values by label, with a question mark for those that nobody has read."""

    def __missing__(self, label: str) -> str:
        return "?"


class Step(Struct, frozen=True):
    """One thing that one session does.

    Attributes:
        sql: the statement. `{label}` in it stands for the value that the step with that label has read. A function
            makes it from all that was seen.
        label: under which name the outcome is seen.
        when: whether the program takes this step at all; None: always.
        otherwise: what the program does instead, in words.
        procedure: called with the connection as one SERIAL transaction; `sql` is then only its description.
    """

    session: str
    sql: str | Callable[[Seen], str]
    label: str = ""
    when: Callable[[Seen], bool] | None = None
    otherwise: str = ""
    procedure: Callable[[Connection], Any] | None = None


class Moment(Struct, frozen=True):
    """Something that was seen on the stage.

    kind: "done", "failed", "waits", "skipped" (the transaction has failed) or "declined" (`Step.when` said no).
    later: the step had waited and has now gone on.
    words: whom and what it waits for, or why it was not performed.
    """

    number: int
    session: str
    text: str
    kind: str
    outcome: Outcome = NOTHING
    later: bool = False
    words: str = ""


class Player:
    """One session with its thread. Calling it performs a step."""

    def __init__(self, stage: Stage, name: str) -> None:
        self.stage = stage
        self.name = name
        self.connection = stage.database.connect(isolation_level=stage.level, autocommit=True, durability="off")
        self.session = self.connection.session
        self.session.name = name
        self.actor = Actor(name, stage.scheduler)
        self.queue: deque[tuple[int, Step]] = deque()
        self.current: tuple[int, Step, str] | None = None
        self.outcome = NOTHING

    def __call__(self, sql: str) -> Outcome:
        """Performs `sql` and returns what came of it; nothing if it waits."""
        self.stage.perform(Step(self.name, sql))
        return NOTHING if self.waits else self.outcome

    @property
    def waits(self) -> bool:
        return self.actor.busy

    @property
    def failed(self) -> bool:
        """Whether its transaction can only be rolled back."""
        return bool(self.session.state == "failed")

    def work(self, step: Step, text: str) -> None:
        """In its own thread."""
        try:
            if step.procedure is not None:
                value = self.connection.call(step.procedure)
                self.outcome = Outcome("CALL", ("result",), ((value,),))
            else:
                self.outcome = outcome_of(self.session.execute(text))
        except Error as error:
            self.outcome = Outcome(error=error)


class Running:
    """A program on its way."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.begun = False

    def next_statement(self, last: Outcome) -> str | None:
        """Gives the program the outcome of its last statement; returns the next one, None at the end."""
        try:
            if not self.begun:
                self.begun = True
                return next(self.program)
            return self.program.throw(last.error) if last.error is not None else self.program.send(last)
        except StopIteration:
            return None
        except Error as error:
            if error is not last.error:
                raise
            return None


class House:
    """A new database file, and the scheduler that takes over its waiting."""

    def __init__(self) -> None:
        self.directory = tempfile.TemporaryDirectory(prefix="minidb-stage-")
        self.scheduler = Scheduler()
        self.database = Database(Path(self.directory.name) / "stage.mdb", waiting=self.scheduler, background=False)

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def clear(self) -> None:
        """Drops all tables."""
        with self.database.connect(autocommit=True, durability="off") as connection:
            for table in connection.session.catalog.tables.values():
                connection.execute(f'DROP TABLE "{table.name}" CASCADE')

    def close(self) -> None:
        self.database.close()
        self.directory.cleanup()


class Stage:
    """See the module. `echo`, if given, is called with a line of text for each moment."""

    def __init__(
        self, level: str = "read committed", echo: Callable[[str], None] | None = None, house: House | None = None
    ) -> None:
        self.level = level
        self.echo = echo
        self.own_house = house is None
        self.house = house or House()
        self.scheduler = self.house.scheduler
        self.database = self.house.database
        self.cast: dict[str, Player] = {}
        self.seen = Seen()
        self.number = NUMBERS_FROM

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Rolls back whatever is open, and leaves nothing behind."""
        self.finish()
        for player in self.cast.values():
            self.scheduler.dismiss(player.actor)
            player.connection.close()
        if self.own_house:
            self.house.close()
        else:
            self.house.clear()

    # -- before and after the play

    def prepare(self, *statements: str) -> None:
        """Runs statements in a session of their own, each a transaction."""
        with self.database.connect(autocommit=True, durability="off") as connection:
            for sql in statements:
                connection.executescript(sql)

    def look(self, sql: str) -> Outcome:
        """What a query of a new session returns."""
        with self.database.connect(autocommit=True) as connection:
            return outcome_of(connection.session.execute(sql))

    def players(self, *names: str) -> tuple[Player, ...]:
        """Players with these names, new ones where there is none yet."""
        for name in names:
            if name not in self.cast:
                self.cast[name] = Player(self, name)
        return tuple(self.cast[name] for name in names)

    # -- the play

    def perform(self, step: Step) -> list[Moment]:
        """Performs one step, or keeps it if its player waits, and lets everybody go on who can."""
        (player,) = self.players(step.session)
        player.queue.append((self.number, step))
        self.number += 1
        return self.tell(self.let_all_go_on())

    def finish(self) -> list[Moment]:
        """Rolls back what is open, so that all who wait go on and end, too."""
        moments: list[Moment] = []
        while (player := next((p for p in self.cast.values() if not p.waits and p.session.state != "idle"), None)):
            player.queue.append((0, Step(player.name, "ROLLBACK")))
            moments += self.let_all_go_on()
        return self.tell(moments)

    def interleave(self, *order: str, **programs: Program) -> None:
        """Runs programs side by side, a statement of each in turn, after the turns that `order` names.

        A program is a generator: it yields SQL and is given the `Outcome`, or the error, which ends it unless it is
        caught. What is still open when it ends is rolled back. A player that waits misses its turns."""
        running = {self.players(name)[0]: Running(program) for name, program in programs.items()}
        for name in order:
            self.advance(self.cast[name], running)
        while sum(self.advance(player, running) for player in list(running)):
            pass

    def advance(self, player: Player, running: dict[Player, Running]) -> bool:
        """Runs the next statement of a player's program. Returns whether there was one that could run."""
        if player.waits or player not in running:
            return False
        sql = running[player].next_statement(player.outcome)
        if sql is None:
            del running[player]
            if player.session.state == "idle":
                return True
            sql = "ROLLBACK"
        self.perform(Step(player.name, sql))
        return True

    def let_all_go_on(self) -> list[Moment]:
        """First the steps that are due, then those who were woken, until nothing moves."""
        moments: list[Moment] = []
        while True:
            due = min((p for p in self.cast.values() if p.queue and not p.waits), key=first_number, default=None)
            if (woken := self.scheduler.resume()) is not None:
                moments += self.after_waiting(self.cast[woken.name])
            elif due is not None:
                moments += self.begin(due, *due.queue.popleft())
            else:
                return moments

    def begin(self, player: Player, number: int, step: Step) -> list[Moment]:
        if player.failed and step.sql not in ENDS:
            return self.left_out(player, number, step)
        if step.when is not None and not step.when(self.seen):
            return [Moment(number, player.name, "", "declined", words=step.otherwise)] if step.otherwise else []
        text = step.sql(self.seen) if callable(step.sql) else filled(step.sql, self.seen.values())
        player.current = (number, step, text)
        self.scheduler.start(player.actor, lambda: player.work(step, text))
        if player.waits:
            return [Moment(number, player.name, text, "waits", words=player.session.waiting_for or "")]
        return [self.ended(player, False)]

    def left_out(self, player: Player, number: int, step: Step) -> list[Moment]:
        if step.when is not None or callable(step.sql):
            return []
        player.outcome = NOTHING
        text = filled(step.sql, self.seen.values())
        return [Moment(number, player.name, text, "skipped", words="its transaction has failed")]

    def after_waiting(self, player: Player) -> list[Moment]:
        if player.waits:
            return []  # went on a little, and waits for somebody else now
        return [self.ended(player, True)]

    def ended(self, player: Player, later: bool) -> Moment:
        assert player.current is not None
        number, step, text = player.current
        if step.label:
            self.seen.outcomes[step.label] = player.outcome
        kind = "done" if player.outcome.error is None else "failed"
        return Moment(number, player.name, text, kind, player.outcome, later)

    def tell(self, moments: list[Moment]) -> list[Moment]:
        if self.echo is not None:
            for moment in moments:
                self.echo(line(moment))
        return moments


def first_number(player: Player) -> int:
    return player.queue[0][0]


def filled(sql: str, values: Mapping[str, Any]) -> str:
    return sql.format_map(values) if "{" in sql else sql


def outcome_of(result: Any) -> Outcome:
    """An outcome from what the session returned."""
    if result.columns is None:
        return Outcome(result.tag, rowcount=result.rowcount)
    rows = tuple(row for batch in result.fetch_batches() for row in batch)
    return Outcome(result.tag, tuple(name for name, _ in result.columns), rows, len(rows))


# -- moments in words


def line(moment: Moment) -> str:
    """One moment on one line, as examples print it."""
    if moment.kind == "declined":
        return f"{moment.session}: ({moment.words})"
    before = " goes on" if moment.later else ""
    said = said_of(moment)
    return f"{moment.session}{before}: {moment.text}" + (f"  -> {said}" if said else "")


def said_of(moment: Moment) -> str:
    """What came of it, without the statement."""
    if moment.kind == "waits":
        return f"waits for {moment.words}"
    if moment.kind == "skipped":
        return f"not run, {moment.words}"
    error = moment.outcome.error
    if error is not None:
        return f"{error.sqlstate} {error.message}"
    return answer(moment.outcome, moment.text)


def answer(outcome: Outcome, text: str) -> str:
    """Rows or tag; nothing where the tag only repeats the statement."""
    if outcome.columns:
        return rows_text(outcome.rows)
    return "" if text.startswith(outcome.tag) else outcome.tag


def rows_text(rows: Iterable[tuple[Any, ...]]) -> str:
    shown = [value_text(row[0]) if len(row) == 1 else f"({', '.join(map(value_text, row))})" for row in rows]
    return ", ".join(shown) if shown else "no rows"


def value_text(value: Any) -> str:
    if value is None:
        return "NULL"
    return str(value).lower() if isinstance(value, bool) else str(value)
