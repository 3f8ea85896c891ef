"""Runs to draw: played on a stage, with the graph and its anomalies written by hand.

A case is a script as for demos, a level, and the edges of its graph, each as

    kind source#statement -> target#statement  table  row  interval | words

where `#statement` is the number of a step in the script. So the pictures are tested without whoever finds the edges.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from msgspec import Struct

from minidb.history import Account, History
from minidb.lab.demo import script
from minidb.lab.explanation import Explanation, explain
from minidb.lab.graph import Anomaly, Dependency, Graph
from minidb.lab.run import Answer, Event, Inside, Run
from minidb.lab.stage import ENDS, Moment, Stage, Step

TICKS = 10  # the history's times that one event takes
KINDS = {("done", False): "done", ("failed", False): "failed", ("waits", False): "waits"}
KINDS |= {("done", True): "went on", ("failed", True): "broke off"}


class Case(Struct, frozen=True):
    """See the module. `wrong`: code, name and the cycle's edges by number of each anomaly."""

    title: str
    level: str
    sessions: str
    setup: str
    steps: str
    edges: str = ""
    wrong: tuple[tuple[str, str, tuple[int, ...]], ...] = ()
    table: str = "doctor"
    enough: str = ""
    true_cycles: dict[str, bool] = {}
    broken: tuple[str, ...] = ()


DOCTOR = "CREATE TABLE doctor (name text PRIMARY KEY, on_call bool); INSERT INTO doctor VALUES "
DOCTORS = DOCTOR + "('alice', true), ('bob', true)"
LEAVING = """
    alice: BEGIN
    bob: BEGIN
    alice, a_look: SELECT count(*) FROM doctor WHERE on_call
    bob, b_look: SELECT count(*) FROM doctor WHERE on_call
    alice, a_leave: UPDATE doctor SET on_call = false WHERE name = 'alice'
    bob, b_leave: UPDATE doctor SET on_call = false WHERE name = 'bob'
    alice: COMMIT
    bob: COMMIT
"""
BOTH_LEFT = """
    rw alice#3 -> bob#6 doctor 'bob' all | alice read all of doctor; bob changed row 'bob' there
    rw bob#4 -> alice#5 doctor 'alice' all | bob read all of doctor; alice changed row 'alice' there
"""
ACCOUNTS = """
    CREATE TABLE account (name text PRIMARY KEY, balance int);
    INSERT INTO account VALUES ('savings', 0), ('current', 0)
"""

CASES = {
    "write_skew_snapshot": Case(
        "two doctors", "snapshot", "alice bob", DOCTORS, LEAVING, BOTH_LEFT,
        (("G2-item", "write skew", (0, 1)),),
        enough="ssi for both sessions would have been enough: one of them gets 40001.",
        broken=("SELECT count(*) > 0 FROM doctor WHERE on_call",),
    ),
    "write_skew_ssi": Case("two doctors", "ssi", "alice bob", DOCTORS, LEAVING, true_cycles={"bob": True}),
    "write_skew_2pl": Case("two doctors", "2pl", "alice bob", DOCTORS, LEAVING),
    "lost_update": Case(
        "a counter", "read committed", "a b",
        "CREATE TABLE counter (id int PRIMARY KEY, n int); INSERT INTO counter VALUES (1, 10)",
        """
        a: BEGIN
        b: BEGIN
        a, ra: SELECT n FROM counter WHERE id = 1
        b, rb: SELECT n FROM counter WHERE id = 1
        a, wa: UPDATE counter SET n = 11 WHERE id = 1
        b, wb: UPDATE counter SET n = 11 WHERE id = 1
        a: COMMIT
        b: COMMIT
        """,
        """
        rw b#4 -> a#5 counter 1 - | b read row 1 of counter; a overwrote it
        ww a#5 -> b#6 counter 1 - | a wrote row 1 of counter; b overwrote it
        rw a#3 -> b#6 counter 1 - | a read row 1 of counter; b overwrote it
        """,
        (("G-single", "lost update", (0, 1)),), table="counter",
    ),
    "read_only": Case(
        "a report in between", "snapshot", "deposit withdraw report", ACCOUNTS,
        """
        withdraw: BEGIN
        withdraw, look: SELECT sum(balance) FROM account
        deposit: BEGIN
        deposit, pay: UPDATE account SET balance = 20 WHERE name = 'savings'
        deposit: COMMIT
        report: BEGIN READ ONLY
        report, sum: SELECT name, balance FROM account ORDER BY name
        report: COMMIT
        withdraw, take: UPDATE account SET balance = -11 WHERE name = 'current'
        withdraw: COMMIT
        """,
        """
        wr deposit#4 -> report#7 account 'savings' - | report read row 'savings' of account, which deposit wrote
        rw report#7 -> withdraw#9 account 'current' all | report read all of account; withdraw changed it there
        rw withdraw#2 -> deposit#4 account 'savings' all | withdraw read all of account; deposit changed it there
        """,
        (("G2-item", "read-only transaction anomaly", (0, 1, 2)),), table="account",
    ),
    "phantom": Case(
        "a claim", "snapshot", "first second",
        "CREATE TABLE claim (id int PRIMARY KEY, room int); CREATE INDEX claim_room ON claim (room)",
        """
        first: BEGIN
        second: BEGIN
        first, look1: SELECT count(*) FROM claim WHERE room = 12
        second, look2: SELECT count(*) FROM claim WHERE room = 12
        first, take1: INSERT INTO claim VALUES (1, 12)
        second, take2: INSERT INTO claim VALUES (2, 12)
        first: COMMIT
        second: COMMIT
        """,
        """
        rw first#3 -> second#6 claim 2 - | first read room = 12 through claim_room; second inserted row 2 into it
        rw second#4 -> first#5 claim 1 - | second read room = 12 through claim_room; first inserted row 1 into it
        """,
        (("G2", "predicate write skew", (0, 1)),), table="claim",
    ),
    "serial_order": Case(
        "one after the other", "ssi", "alice bob", DOCTORS,
        """
        alice, a: SELECT count(*) FROM doctor
        bob, b: UPDATE doctor SET on_call = false
        """,
        "rw alice#1 -> bob#2 doctor 'alice' all | alice read all of doctor; bob changed row 'alice' there",
    ),
    "three_wait": Case(
        "a queue", "read committed", "a b c",
        "CREATE TABLE counter (id int PRIMARY KEY, n int); INSERT INTO counter VALUES (1, 10)",
        """
        a: BEGIN
        b: BEGIN
        a, wa: UPDATE counter SET n = n + 1 WHERE id = 1
        b, wb: UPDATE counter SET n = n + 2 WHERE id = 1
        c, wc: UPDATE counter SET n = n + 4 WHERE id = 1
        a, look: SELECT n FROM counter
        a: COMMIT
        b: COMMIT
        """,
        """
        ww a#3 -> b#4 counter 1 - | a wrote row 1 of counter; b overwrote it
        ww b#4 -> c#5 counter 1 - | b wrote row 1 of counter; c overwrote it
        """,
        table="counter",
    ),
    "hostile": Case(
        "</title><script>alert(1)</script>", "snapshot", """o"<i>]' end""",
        DOCTOR + """('</script>', true), ('\u202e"q" & ü 🩺', true)""",
        """
        o"<i>]': BEGIN
        o"<i>]', <b>: SELECT name FROM doctor WHERE name <> '<img src=x onerror="alert(1)">' -- </script><!-- ]]>
        end: BEGIN
        end, "q" | x: SELECT name AS "<u>", name AS b FROM doctor
        end, &amp;: UPDATE doctor SET on_call = false WHERE name = '</script>'
        o"<i>]': UPDATE doctor SET on_call = false WHERE name <> '</script>'
        o"<i>]': COMMIT
        end: COMMIT
        """,
        """
        rw o"<i>]'#2 -> end#5 doctor '</script>' "all"]|x | o"<i>]' read "all" of <doctor>; end changed '</script>' #1;
        rw end#4 -> o"<i>]'#6 doctor "q"&`\\ü |> - | end read [all] of {doctor}; o"<i>]' changed \\ there --> %%
        """,
        (("G2-item", "write skew", (0, 1)),),
    ),
}


@cache
def explained(name: str) -> Explanation:
    case = CASES[name]
    run = played(case)
    graph = graph_of(case, run)
    anomalies = [Anomaly(code, called, tuple(graph.edges[n] for n in cycle)) for code, called, cycle in case.wrong]
    numbers = {account.session: number for number, account in run.history.accounts.items()}
    true_cycles = {numbers[session]: true for session, true in case.true_cycles.items()}
    return explain(run, graph, anomalies, title=case.title, true_cycles=true_cycles, enough=case.enough)


# -- playing


def played(case: Case) -> Run:
    sessions = case.sessions.split()
    steps = script(case.sessions, case.steps)
    with Stage(case.level) as stage:
        stage.prepare(case.setup)
        stage.players(*sessions)
        events, history = recorded(stage, steps)
        final = stage.look(f"SELECT * FROM {case.table} ORDER BY 1")
    return Run(
        order=tuple(step.label for step in steps),
        levels=dict.fromkeys(sessions, case.level),
        events=tuple(events),
        history=history,
        final={case.table: final.rows},
        broken=case.broken,
    )


def recorded(stage: Stage, steps: tuple[Step, ...]) -> tuple[list[Event], History]:
    events: list[Event] = []
    history = History()
    for step in steps:
        before = open_transactions(stage)
        for moment in stage.perform(step):
            begun = len(events) * TICKS
            keep_accounts(history, stage, before, moment, begun)
            label = steps[moment.number - 1].label or moment.text.lower()
            events.append(event_of(moment, label, begun, inside_of(stage)))
    return events, history


def open_transactions(stage: Stage) -> dict[str, int]:
    return {row[1]: row[0] for row in stage.look("SELECT id, session FROM sys.transactions").rows if row[1]}


def keep_accounts(history: History, stage: Stage, before: dict[str, int], moment: Moment, begun: int) -> None:
    """As far as the pictures need them: when each transaction began and ended, and how."""
    failed = moment.outcome.error is not None
    number = (open_transactions(stage) | before).get(moment.session)
    if number is None and moment.text in ENDS:
        return  # what it would end has failed before
    if number is None:  # it ended with its only statement
        number = 100 + begun
    level = "in a block" if moment.text.startswith("BEGIN") else "alone"
    account = history.accounts.setdefault(number, Account(number, moment.session, level, begun + 1))
    if moment.kind != "waits" and (failed or moment.text == "COMMIT" or account.level == "alone"):
        account.ended = begun + TICKS - 1
        account.aborted = failed
        account.number = None if failed else begun


def inside_of(stage: Stage) -> Inside:
    return Inside(mappings(stage.look("SELECT * FROM sys.locks")), mappings(stage.look("SELECT * FROM sys.versions")))


def mappings(outcome: Any) -> tuple[dict[str, Any], ...]:
    return tuple(dict(zip(outcome.columns, row)) for row in outcome.rows)


def event_of(moment: Moment, label: str, begun: int, inside: Inside) -> Event:
    outcome = moment.outcome
    answer = Answer(outcome.tag, outcome.columns, ("",) * len(outcome.columns), outcome.rows, outcome.error)
    return Event(
        moment.number, moment.session, label, moment.text, KINDS[moment.kind, moment.later],
        () if moment.kind == "waits" else (answer,), moment.words, begun, begun + TICKS, inside,
    )


# -- the graph


def graph_of(case: Case, run: Run) -> Graph:
    accounts = {account.session: number for number, account in run.history.accounts.items() if account.committed}
    edges = tuple(edge_of(line, run, accounts) for line in filter(None, map(str.strip, case.edges.split("\n"))))
    return Graph({number: session for session, number in accounts.items()}, edges)


def edge_of(text: str, run: Run, accounts: dict[str, int]) -> Dependency:
    facts, _, words = text.rpartition(" | ")
    kind, source, _, target, table, *place = facts.split(" ")
    (source, first), (target, second) = source.split("#"), target.split("#")
    row, interval = " ".join(place[:-1]), place[-1]
    return Dependency(
        kind, accounts[source], accounts[target], table, row, interval=interval.strip("-"), words=words,
        source_time=last_time(run, int(first)), target_time=last_time(run, int(second)),
        source_statement=sql_of(run, int(first)), target_statement=sql_of(run, int(second)),
    )


def last_time(run: Run, turn: int) -> int:
    return max(event.begun for event in run.events if event.turn == turn) + 1


def sql_of(run: Run, turn: int) -> str:
    return next(event.sql for event in run.events if event.turn == turn)


def tangle(transactions: int) -> Explanation:
    """Every transaction depends on every other one: the most that a picture must bear."""
    numbers = range(1, transactions + 1)
    names = {n: f"transaction {n}" for n in numbers}
    edges = tuple(all_edges(transactions))
    cycle = tuple(next(e for e in edges if (e.source, e.target) == (n, n % transactions + 1)) for n in numbers)
    accounts = {n: Account(n, names[n], "snapshot", 0, ended=9, number=n) for n in numbers}
    run = Run((), dict.fromkeys(names.values(), "snapshot"), (), History(accounts=accounts), {})
    return explain(run, Graph(names, edges), [Anomaly("G2-item", "write skew", cycle)], title=f"{transactions} at once")


def all_edges(transactions: int) -> Iterator[Dependency]:
    for source in range(1, transactions + 1):
        for target in range(1, transactions + 1):
            if source != target:
                kind = ("rw", "wr", "ww")[(source + target) % 3]
                words = f"transaction {source} came before transaction {target} in the table called reading"
                yield Dependency(kind, source, target, "reading", f"({source}, {target})", words=words)
