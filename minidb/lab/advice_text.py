"""Advice as text: a table of the transactions with their levels and reasons, then what is to be known besides.

    transaction   lowest level     because
    alice         ssi              at snapshot: write skew (G2-item), 18 of 20 interleavings
                                   a_look a_go b_look b_go b_end a_end
                                   rw  alice read all of doctor; bob changed row 'bob' inside it
                                   rw  bob read all of doctor; alice changed row 'alice' inside it
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from minidb.lab.advice import Advice, Failure, Row
from minidb.lab.allocations import Allocation
from minidb.lab.paint import Painter, columns, wrapped

HEADS = ("transaction", "lowest level", "because")
MARGIN = "  "
GAP = 3
LOWEST = "it is the lowest of the levels asked for"


def text(advice: Advice, painter: Painter) -> Iterator[str]:
    """The lines, without a heading."""
    if not advice.found:
        yield from problem(advice, painter)
    else:
        yield from table(advice, painter)
    yield ""
    for name, words, look in remarks(advice):
        yield from remark(name, words, look, painter)


# -- the table


def table(advice: Advice, painter: Painter) -> Iterator[str]:
    left = max(len(HEADS[0]), *(len(row.transaction) for row in advice.rows)) + GAP
    middle = max(len(HEADS[1]), *(len(row.level) for row in advice.rows)) + GAP
    yield MARGIN + painter(columns(HEADS, (left, middle, 0)), "dim")
    seen: dict[object, str] = {}
    for row in advice.rows:
        first, *more = because(row, seen, painter.width - len(MARGIN) - left - middle)
        head = MARGIN + row.transaction.ljust(left)
        yield (head + painter(row.level.ljust(middle), "level") + first).rstrip()
        yield from (" " * (len(head) + middle) + line for line in more)


def because(row: Row, seen: dict[object, str], width: int) -> Iterator[str]:
    """Why it is not lower. A cycle that was shown for another transaction is not shown again."""
    failure = row.failure
    if failure is None:
        yield f"at {row.lower} some order goes wrong" if row.lower else LOWEST
        return
    cycle, order = (failure.name, failure.words), (failure.name, failure.words, failure.order)
    again = f", as for {seen[cycle]}" if cycle in seen else ""
    yield from wrapped(f"at {row.lower}: {called(failure)}{share(failure)}{again}", width)
    if order not in seen:
        yield from wrapped(" ".join(failure.order), width)
    if cycle not in seen:
        yield from cycle_lines(failure, width)
    seen.setdefault(cycle, row.transaction)
    seen.setdefault(order, row.transaction)


def cycle_lines(failure: Failure, width: int) -> Iterator[str]:
    for words in failure.words:
        yield from wrapped(words, width, "", " " * 4)


def called(failure: Failure) -> str:
    return f"invariant broken ({failure.name})" if failure.code == "invariant" else f"{failure.name} ({failure.code})"


def share(failure: Failure) -> str:
    return f", {failure.interleavings:,} of {failure.possible:,} interleavings" if failure.possible else ""


def problem(advice: Advice, painter: Painter) -> Iterator[str]:
    """There is no good allocation: what happens at the top."""
    failure, top = advice.problem, advice.levels[-1]
    yield MARGIN + painter(f"no allocation is good: even with {top} for all something goes wrong", "bad")
    if failure is not None:
        width = painter.width - 2 * len(MARGIN)
        for words in (f"{called(failure)}{share(failure)}", " ".join(failure.order)):
            yield from wrapped(words, width, MARGIN * 2)
        yield from (MARGIN * 2 + line for line in cycle_lines(failure, width))
        if failure.code == "invariant" and failure.words:
            yield from wrapped("One after the other they break it, too.", width, MARGIN * 2)


# -- what else there is to know


def remarks(advice: Advice) -> Iterator[tuple[str, str, str]]:
    """Heading, sentence, look."""
    if advice.found:
        yield "at these levels", verdict(advice), "answer"
        for other in advice.minimal[1:]:
            yield "or", allocation_words(advice, other), ""
        yield from raising(advice)
        yield from theory(advice)
    yield "judged", judged(advice), "dim"


def verdict(advice: Advice) -> str:
    keep = " and keep the invariants" if advice.schedule.invariants else ""
    if keep and advice.retried:
        keep = " and, where nobody has to retry, keep the invariants"
    if advice.sample:
        words = f"nothing went wrong in a sample of {advice.possible:,} interleavings; that is no proof"
    elif advice.possible == 1:
        words = f"the only interleaving that can happen is serializable{keep.replace('keep', 'keeps')}"
    else:
        words = f"all {advice.possible:,} interleavings that can happen are serializable{keep}"
    if advice.unknown:
        words += f"; but of {advice.unknown:,} nobody knows (too many serial orders)"
    for state, count in advice.errors.items():
        words += f"; in {count:,} of them a statement fails with {state}"
    if advice.retried:
        return f"{words}; in {advice.retried:,} of them a transaction fails with 40001 or 40P01 and has to be retried"
    return f"{words}; nobody has to retry"


def raising(advice: Advice) -> Iterator[tuple[str, str, str]]:
    for one in advice.raised or ():
        place = f"{one.transaction} at {one.level}, with the others as they are"
        yield "careful", f"{place}, is not safe: {called(one.failure)}, {' '.join(one.failure.order)}", "bad"


def theory(advice: Advice) -> Iterator[tuple[str, str, str]]:
    opinion = advice.opinion
    if opinion is None:
        yield "theory", "knows read committed, snapshot and ssi only, and was not asked", ""
        return
    orders = "" if opinion.all_orders else f", from {opinion.orders} serial orders only"
    if not opinion.differences:
        yield "theory", f"agrees{orders}", ""
    reasons: dict[str, list[str]] = {}
    for one in opinion.differences:
        reasons.setdefault(one.words, []).append(f"{one.transaction} {one.level}")
    for words, levels in reasons.items():
        yield "theory", f"says {', '.join(levels)}{orders}: {words}", ""


def judged(advice: Advice) -> str:
    ways = len(advice.levels) ** len(advice.transactions)
    words = f"{advice.tried:,} of {ways:,} allocations in {advice.performed:,} runs"
    if not advice.complete:
        words += "; too many to try all, so each transaction was lowered by itself"
    return f"{words}. This is about these steps on these data: other rows or values are other schedules"


def allocation_words(advice: Advice, allocation: Allocation) -> str:
    return ", ".join(f"{planned.name} {level}" for planned, level in zip(advice.transactions, allocation))


def remark(name: str, words: str, look: str, painter: Painter) -> Iterator[str]:
    head = f"{MARGIN}{name.ljust(15)} "
    first, *more = wrapped(f"{words}.", painter.width - len(head))
    yield head + (painter(first, look) if look else first)
    yield from (" " * len(head) + (painter(line, look) if look else line) for line in more)


# -- for programs


def plain(advice: Advice) -> dict[str, Any]:
    """The advice as JSON has it."""
    return {
        "schedule": advice.schedule.name,
        "levels": list(map(str, advice.levels)),
        "found": advice.found,
        "transactions": [
            {"name": row.transaction, "level": str(row.level), "lower": plain_failure(row.failure)}
            for row in advice.rows
        ],
        "minimal": [levels_of(advice, allocation) for allocation in advice.minimal],
        "complete": advice.complete,
        "problem": plain_failure(advice.problem),
        "interleavings": advice.possible,
        "to_be_retried": advice.retried,
        "other_errors": advice.errors,
        "sample": advice.sample,
        "unsafe_when_raised": [
            {"name": one.transaction, "level": str(one.level), **(plain_failure(one.failure) or {})}
            for one in advice.raised or ()
        ],
        "theory": None if advice.opinion is None else {
            name: str(level) for name, level in advice.opinion.levels.items()
        },
        "allocations_tried": advice.tried,
        "runs": advice.performed,
    }


def plain_failure(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {"code": failure.code, "anomaly": failure.name, "order": list(failure.order), "cycle": list(failure.words)}


def levels_of(advice: Advice, allocation: Sequence[str]) -> dict[str, str]:
    return {planned.name: str(level) for planned, level in zip(advice.transactions, allocation)}


__all__ = ["called", "plain", "text"]
