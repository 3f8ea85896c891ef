"""Histories of lists in a few lines of text, for tests of the judge.

    0 ok: append x 1; r x 1 2        process 0 committed; it appended 1 to x and read x = [1 2]
    1 fail: append x 3               process 1 was rolled back
    2 info: append x 4               nobody knows what became of it
    0 snapshot: r y                  a committed transaction at this level read y = []

Each line is a transaction that ends before the next one begins. `concurrent` histories begin all at once.
"""

from __future__ import annotations

from minidb.isolation import IsolationLevel
from minidb.lab.judge import ListHistory
from minidb.lab.judge.history import APPEND, FAIL, INFO, OK, READ, Operation

LEVELS = {level.value: level for level in IsolationLevel}


def written(text: str, level: str = "ssi", concurrent: bool = True) -> ListHistory:
    """The history that `text` describes; transactions that name no level have `level`."""
    history = ListHistory()
    lines = [line.strip().split(":") for line in text.strip().splitlines()]
    begun = []
    for head, body in lines:
        process, word = head.split(" ", 1)
        transaction = history.begin(int(process), LEVELS.get(word, LEVELS[level]))
        transaction.operations = [operation(part.split()) for part in body.split(";")]
        outcome = word if word in (FAIL, INFO) else OK
        begun.append((transaction, outcome))
        if not concurrent:
            history.end(*begun.pop())
    for transaction, outcome in begun:
        history.end(transaction, outcome)
    return history


def operation(words: list[str]) -> Operation:
    kind, key, *values = words
    if kind == APPEND:
        return APPEND, key, int(values[0])
    return READ, key, tuple(map(int, values))
