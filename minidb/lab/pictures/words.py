"""What the pictures say besides what was recorded: definitions, and text made fit to be shown."""

from __future__ import annotations

import re

from minidb.lab.explanation import Abort, Explanation
from minidb.lab.graph import Anomaly
from minidb.lab.run import Answer, Event
from minidb.lab.stage import rows_text

KINDS = {
    "rw": "source read what target replaced, without seeing it",
    "wr": "target read what source wrote",
    "ww": "target replaced what source wrote",
    "waits": "source waits for target",
}
BY_NAME = {
    "dirty write": "Transactions overwrote each other's writes before these were committed.",
    "aborted read": "A committed transaction read what another wrote and then took back: it never was.",
    "intermediate read": "A committed transaction read a version that its writer replaced before it committed.",
    "circular information flow": "Committed transactions saw each other's writes: each would have to be first.",
    "lost update": "One overwrote what another had changed since it was read, as if that change had never happened.",
    "observed transaction vanishes": "One saw a change of another transaction, and then missed a second change of it.",
    "phantom": "One missed a change that brought a row into what it had searched for, and saw another one of the "
    "same writer.",
    "non-repeatable read": "One read a row again and found it changed by somebody else.",
    "read skew": "What one read belongs to two states: before another one's commit, and after it.",
    "write skew": "Each read what the other one changed, and they wrote different rows, so that no write met another.",
    "predicate write skew": "Each searched for rows in vain that the other one brought there.",
    "read-only transaction anomaly": "Two writers would be in order, but a third one that only read saw the second "
    "and not the first.",
    "long fork": "Two readers saw the changes of two writers in opposite orders.",
}
BY_CODE = {
    "G0": "The transactions' writes follow each other in a circle.",
    "G1a": BY_NAME["aborted read"],
    "G1b": BY_NAME["intermediate read"],
    "G1c": "Writes and reads of committed data close a circle.",
    "G-single": "A circle with exactly one edge from a reader to the one that replaced what it had read.",
    "G2-item": "A circle with edges from readers to those that replaced rows that they had read.",
    "G2": "A circle with edges from readers to those that changed what their searches would have found.",
}
OTHERWISE = "What the committed transactions saw and did fits no order of one after the other."
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


BEFORE = "Who came before whom"
HARMLESS = "The answers and the final state happen to be those of that order; with other values they need not be."


def definition(anomaly: Anomaly) -> str:
    """What its name means, in one sentence."""
    return BY_NAME.get(anomaly.name) or BY_CODE.get(anomaly.code, OTHERWISE)


def fit(text: str) -> str:
    """The text without characters that XML, HTML or a terminal must not get, or that turn the text around them."""
    return UNFIT.sub("\ufffd", text)


def one_line(text: str) -> str:
    return " ".join(fit(text).split())


def shortened(text: str, length: int) -> str:
    text = one_line(text)
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def sentence(text: str) -> str:
    """With a capital only where it does not begin with a name; names stay as they are. Ends with a full stop."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def ordinal(position: int) -> str:
    """0 is the first."""
    return ORDINALS[position] if position < len(ORDINALS) else f"{position + 1}th"


def steps_of(explanation: Explanation, source_event: int, target_event: int) -> str:
    """`steps 3 → 6`, as far as known."""
    turns = [explanation.run.events[event].turn for event in (source_event, target_event) if event >= 0]
    known = list(map(str, dict.fromkeys(turns)))
    return ("steps " if len(known) > 1 else "step ") + " → ".join(known) if known else ""


def answers_text(event: Event) -> list[str]:
    """One line per statement that ended well; a tag only where it says more than the statement."""
    lines = [answer_text(answer) for answer in event.answers if answer.error is None]
    single = len(lines) == 1 and event.sql.strip().upper().startswith(lines[0])
    return [] if single else [line for line in lines if line]


def answer_text(answer: Answer) -> str:
    return one_line(rows_text(answer.rows)) if answer.columns else answer.tag


def judgement(abort: Abort) -> str:
    """Whether a 40001 was needed; empty if nobody has found out."""
    if abort.true_cycle is None:
        return ""
    if abort.true_cycle:
        return "A true cycle: with everybody committed, the outcome would fit no serial order."
    return "A false positive: with everybody committed, the outcome would have fitted a serial order."


def state_of(explanation: Explanation, transaction: int) -> str:
    """What became of a transaction, in two words."""
    abort = next((abort for abort in explanation.aborts if abort.transaction == transaction), None)
    if abort is not None:
        return f"rolled back · {abort.error.sqlstate}"
    committed = commits(explanation)
    if transaction not in committed:
        return "rolled back"
    return "committed" if len(committed) == 1 else f"committed {ordinal(committed.index(transaction))}"


def commits(explanation: Explanation) -> list[int]:
    """The committed transactions in the order of their commits."""
    numbers = {n: a.number for n, a in explanation.run.history.accounts.items() if a.number is not None}
    rest = [n for n in explanation.graph.names if n not in numbers]
    return [*sorted((n for n in numbers if n in explanation.graph.names), key=numbers.__getitem__), *rest]
