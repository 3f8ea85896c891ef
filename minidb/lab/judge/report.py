"""A verdict in words: what was run, what the levels allow and was seen, and each forbidden anomaly with its cycle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from minidb.lab.graph import Anomaly
from minidb.lab.judge.history import OK, transaction_words
from minidb.lab.judge.verdict import Verdict
from minidb.lab.paint import Painter, wrapped

MARGIN = "  "
SERIALIZATION, DEADLOCK, UNIQUE = "40001", "40P01", "23505"
FAILURES = {
    SERIALIZATION: "40001 serialization failures",
    DEADLOCK: "40P01 deadlocks",
    UNIQUE: "23505 unique violations",
    "rollback": "rolled back on purpose",
    "savepoint": "savepoints rolled back to",
}
LONGEST = 160  # characters of a transaction's line


def failures_line(failures: Counter[str]) -> str:
    known = [f"{failures[kind]:,} {words}" for kind, words in FAILURES.items() if failures[kind]]
    others = [f"{number:,} {kind or 'failed'}" for kind, number in failures.items() if kind not in FAILURES]
    return ", ".join([*known, *others]) or "nothing was rolled back"


def allowed_lines(allowed: Counter[tuple[str, str]], painter: Painter) -> Iterator[str]:
    """The anomalies that were seen and may be."""
    if allowed:
        seen = ", ".join(f"{name} ({code}) {number:,}" for (code, name), number in sorted(allowed.items()))
        yield from wrapped(seen, painter.width, f"{MARGIN}allowed, seen: ")


def forbidden_lines(verdict: Verdict, painter: Painter) -> Iterator[str]:
    """Every kind of forbidden anomaly, one shortest cycle each, with its transactions in full."""
    for anomaly in verdict.forbidden:
        number = verdict.counts[anomaly.code, anomaly.name]
        times = f", {number:,} times" if number > 1 else ""
        yield MARGIN + painter(f"✗ {anomaly.code}: {anomaly.name}{times}", "bad")
        yield from wrapped(anomaly.words, painter.width, MARGIN * 2) if anomaly.words else ()
        for edge in anomaly.cycle:
            yield from wrapped(edge.words, painter.width, f"{MARGIN * 2}─{edge.kind}→ ")
        for number in members(anomaly):
            transaction = verdict.observations.transactions[number]
            yield MARGIN * 2 + painter(shortened(transaction_words(transaction)), "dim")


def members(anomaly: Anomaly) -> Iterable[int]:
    return dict.fromkeys(edge.source for edge in anomaly.cycle)


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def verdict_lines(verdict: Verdict, painter: Painter) -> Iterator[str]:
    """What `minidb judge` prints."""
    transactions = verdict.observations.transactions
    committed = sum(transaction.outcome == OK for transaction in transactions)
    yield f"{len(transactions):,} transactions, {committed:,} of them committed"
    yield from allowed_lines(verdict.allowed, painter)
    yield from forbidden_lines(verdict, painter)
    if verdict.clean:
        yield MARGIN + painter("✓ nothing that is forbidden", "good")
