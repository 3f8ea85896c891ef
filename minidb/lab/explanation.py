"""Why a run went as it did: the verdict, the cycle behind it, and the reason for every rollback.

    Run, Graph, Anomaly  --explain-->  Explanation  --pictures-->  text, SVG, Mermaid, DOT, HTML

An explanation adds nothing to what was recorded. It says for each edge at which steps its two statements ran, makes
links of the facts that an error carries (the dangerous structure of a 40001, the waits of a 40P01), so that what was
prevented can be drawn like what happened, and puts the committed transactions in an order if there is one.

Links are numbered from 1 through all cycles, those of anomalies first; every picture uses these numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from minidb.errors import Error, RetryableError
from minidb.history import Account
from minidb.lab.graph import Anomaly, Dependency, Graph
from minidb.lab.oracle import anomalies as anomalies_of
from minidb.lab.oracle import graph_of, topological_order
from minidb.lab.run import Event, Run
from minidb.lab.sentences import LONGEST_STATEMENT

TITLE = re.compile(r"(?:(?P<name>.*) \()?transaction (?P<number>\d+)\)?")
NUMBERS = re.compile(r" \(transaction \d+\)")
UNKNOWN = -1


class Link(Struct, frozen=True):
    """An edge of a cycle, as the pictures show it.

    number: as it is called in every picture. kind: "rw", "wr", "ww", or "waits". place: where, in two or three words.
    source_event, target_event: the positions in `run.events` where its statements ended, -1 if that is not known.
    prevented: it is part of a cycle that a rollback broke.
    """

    number: int
    kind: str
    source: int
    target: int
    words: str
    place: str = ""
    source_event: int = UNKNOWN
    target_event: int = UNKNOWN
    prevented: bool = False


class Abort(Struct, frozen=True):
    """Why a transaction was rolled back.

    event: position in `run.events` of the step that failed. links: the cycle in its error, empty if it has none.
    true_cycle: for a 40001, whether letting everybody commit would have led to what no serial order gives; None if
        nobody has found out.
    """

    transaction: int
    name: str
    event: int
    error: Error
    links: tuple[Link, ...] = ()
    true_cycle: bool | None = None


class Explanation(Struct, frozen=True):
    """A run with everything that there is to say about it.

    cycles: the links of each anomaly, in the same order. order: the committed transactions as a serial order that
    gives the same result; empty if there is none. same_as: where cycles rule every order out, one that gives the same
    answers nevertheless: what was read and written happened to be equal. names: what all transactions are called.
    enough: which level would have been enough, as a sentence; empty if nobody has found out.
    """

    run: Run
    graph: Graph
    anomalies: tuple[Anomaly, ...]
    cycles: tuple[tuple[Link, ...], ...]
    aborts: tuple[Abort, ...]
    names: dict[int, str]
    order: tuple[int, ...] = ()
    title: str = ""
    enough: str = ""
    same_as: tuple[int, ...] = ()

    @property
    def serializable(self) -> bool:
        """Whether a serial order gives the same answers and the same final state."""
        return not self.anomalies or bool(self.same_as)

    @property
    def links(self) -> tuple[Link, ...]:
        """All of them, by number."""
        found = {link.number: link for cycle in self.cycles for link in cycle}
        found |= {link.number: link for abort in self.aborts for link in abort.links}
        return tuple(found[number] for number in sorted(found))

    @property
    def others(self) -> tuple[tuple[str, str], ...]:
        """Where there are no links: kind and words of the graph's edges."""
        if self.links:
            return ()
        return tuple(dict.fromkeys((edge.kind, edge_words(self.run, edge)) for edge in self.graph.edges))

    @property
    def verdict(self) -> str:
        """The headline, without a full stop."""
        if self.same_as:
            name = self.anomalies[0].name
            return f"{name[:1].upper()}{name[1:]}, but no harm: the outcome of {self.in_order(self.same_as)}"
        if self.anomalies:
            return f"Not serializable: {self.anomalies[0].name}"
        if not self.order:
            return "Serializable: nobody committed"
        if len(self.order) == 1:
            return f"Serializable: only {self.in_order(self.order)} committed"
        return f"Serializable as {self.in_order(self.order)}"

    def in_order(self, order: Sequence[int]) -> str:
        return ", then ".join(self.names[number] for number in order)

    @property
    def sessions(self) -> tuple[str, ...]:
        return tuple(self.run.levels) or tuple(dict.fromkeys(event.session for event in self.run.events))


def explain(
    run: Run,
    graph: Graph | None = None,
    anomalies: Sequence[Anomaly] | None = None,
    *,
    title: str = "",
    true_cycles: Mapping[int, bool] | None = None,
    enough: str = "",
) -> Explanation:
    """Explains `run`.

    Args:
        graph, anomalies: what an oracle says of the run's history; None: asks ours.
        title: what the schedule is called.
        true_cycles: for transactions that got a 40001, whether that was a true cycle; see `Abort`.
        enough: see `Explanation`.
    """
    graph = graph_of(run.history) if graph is None else graph
    anomalies = anomalies_of(run.history, graph) if anomalies is None else anomalies
    maker = Links(run)
    cycles = tuple(tuple(maker.of_dependency(edge) for edge in anomaly.cycle) for anomaly in anomalies)
    names = all_names(run, graph)
    aborts = tuple(abort_of(run, maker, names, true_cycles or {}, *found) for found in failures(run))
    order = () if anomalies else tuple(topological_order(graph) or ())
    return Explanation(run, graph, tuple(anomalies), cycles, aborts, names, order, title, enough)


# -- links


class Links:
    """Makes the links of one run; the same edge is the same link in every cycle."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.made: dict[Dependency, Link] = {}
        self.count = 0

    def next_number(self) -> int:
        self.count += 1
        return self.count

    def of_dependency(self, edge: Dependency) -> Link:
        if edge not in self.made:
            self.made[edge] = Link(
                self.next_number(), edge.kind, edge.source, edge.target, edge_words(self.run, edge),
                place_of(edge.table, edge.row, edge.interval),
                event_at(self.run, edge.source_time), event_at(self.run, edge.target_time),
            )
        return self.made[edge]

    def of_facts(self, facts: Mapping[str, Any], last: int) -> Link:
        """A link from one entry of an error's `cycle`; its statements ran at the event `last` or before."""
        source, target = (transaction_called(self.run, facts[end]) for end in ("from", "to"))
        return Link(
            self.next_number(), facts["kind"], source, target, fact_words(facts), fact_place(facts),
            event_of_statement(self.run, source, facts.get("from_statement"), last),
            event_of_statement(self.run, target, facts.get("to_statement"), last),
            prevented=True,
        )


def edge_words(run: Run, edge: Dependency) -> str:
    """An edge as a sentence; without the statements that it quotes where they are to be found in the run's events."""
    words = without_numbers(edge.words)
    if UNKNOWN in (event_at(run, edge.source_time), event_at(run, edge.target_time)):
        return words
    return without_statements(words, edge.source_statement, edge.target_statement)


def place_of(table: str, row: str, interval: str) -> str:
    return f"{table} {row or interval}".strip()


def fact_place(facts: Mapping[str, Any]) -> str:
    """`doctor 'bob'` for the row; what is waited for is too long for a label."""
    return "" if facts["kind"] == "waits" else str(facts["object"]).replace(" row ", " ", 1)


def fact_words(facts: Mapping[str, Any]) -> str:
    source, target = (without_numbers(str(facts[end])) for end in ("from", "to"))
    if facts["kind"] == "waits":
        return f"{source} waits for {facts['object']}, which {target} holds"
    table, _, row = str(facts["object"]).partition(" row ")
    return f"{source} read {interval_words(table, facts)}; {target} wrote row {row} there"


def interval_words(table: str, facts: Mapping[str, Any]) -> str:
    index, interval = facts.get("index") or table, facts.get("interval") or ""
    through = "" if index == table else f" through {index}"
    return f"all of {table}{through}" if interval == "all" else f"{table}{through} {interval}".rstrip()


def without_numbers(text: str) -> str:
    """Transactions are called by their sessions; their numbers say nothing."""
    return NUMBERS.sub("", text)


def without_statements(text: str, *statements: str) -> str:
    """The sentence without the statements that it quotes, as `sentences` does it: the longer one first, for it may
    hold the other one as a subquery."""
    for statement in sorted(statements, key=len, reverse=True):
        one_line = " ".join(statement.split())
        short = one_line[: LONGEST_STATEMENT - 3] + "..." if len(one_line) > LONGEST_STATEMENT else one_line
        text = text.replace(f" ({short})", "", 1) if short else text
    return text


# -- where in the run


def event_at(run: Run, time: int) -> int:
    """The event between whose times a fact lies."""
    return next((i for i, event in enumerate(run.events) if event.begun <= time < event.ended), UNKNOWN)


def event_of_statement(run: Run, transaction: int, statement: str | None, last: int) -> int:
    """The last event up to `last` in which a transaction's session ran a statement."""
    account = run.history.accounts.get(transaction)
    if not statement or account is None:
        return UNKNOWN
    for i in range(min(last, len(run.events) - 1), -1, -1):
        if run.events[i].session == account.session and statement.strip(" ;\n") in run.events[i].sql:
            return i
    return UNKNOWN


def transaction_called(run: Run, title: str) -> int:
    """The number of a transaction from what its error calls it."""
    match = TITLE.fullmatch(title)
    if match is not None:
        return int(match["number"])
    return max((n for n, account in run.history.accounts.items() if account.session == title), default=UNKNOWN)


# -- rollbacks


def failures(run: Run) -> Iterator[tuple[int, int, Error]]:
    """Each transaction that an error rolled back, with the event of that error; later errors only repeat it."""
    seen: set[int | str] = set()
    for i, event in enumerate(run.events):
        error = next((answer.error for answer in event.answers if answer.error is not None), None)
        if error is None:
            continue
        account = account_at(run, event)
        rolled_back = account.aborted if account is not None else isinstance(error, RetryableError)
        key = account.id if account is not None else event.session
        if rolled_back and key not in seen:
            seen.add(key)
            yield (account.id if account is not None else UNKNOWN), i, error


def account_at(run: Run, event: Event) -> Account | None:
    """The transaction that an event's step belonged to: the last of its session that had begun and not ended."""
    found = [
        account for account in run.history.accounts.values()
        if account.session == event.session
        and account.began < max(event.ended, event.begun + 1)
        and (account.ended < 0 or account.ended >= event.begun)
    ]
    return max(found, key=lambda account: account.began, default=None)


def abort_of(
    run: Run, maker: Links, names: Mapping[int, str], true_cycles: Mapping[int, bool],
    transaction: int, event: int, error: Error,
) -> Abort:
    cycle = error.cycle if isinstance(error, RetryableError) else ()
    links = tuple(maker.of_facts(facts, event) for facts in cycle)
    name = names.get(transaction, run.events[event].session)
    return Abort(transaction, name, event, error, links, true_cycles.get(transaction))


# -- transactions


def all_names(run: Run, graph: Graph) -> dict[int, str]:
    """The graph's names; who did not commit is called by the session, with a number where that is somebody else."""
    names, taken = dict(graph.names), set(graph.names.values())
    for number, account in sorted(run.history.accounts.items()):
        if number not in names:
            tries = (f"{account.session} {n}" if n > 1 else account.session for n in range(1, len(taken) + 2))
            names[number] = next(name for name in tries if name not in taken)
            taken.add(names[number])
    return names


__all__ = ["Abort", "Explanation", "Link", "explain"]
