"""Histories as JSON: the form that elle-cli reads, and what is said of a file that does not have it."""

from __future__ import annotations

import pytest

from minidb.isolation import IsolationLevel
from minidb.lab.judge import InvalidHistory, ListHistory, dump, load
from minidb.lab.judge.history import APPEND, FAIL, INFO, OK, READ


def test_the_form() -> None:
    history = ListHistory()
    first, second = history.begin(0, IsolationLevel.SNAPSHOT), history.begin(1)
    first.operations = [(APPEND, "x", 1), (READ, "x", (1,))]
    second.operations = [(READ, 7, ())]
    history.end(second, OK)
    history.end(first, FAIL, "40001")
    history.begin(2)
    assert dump(history).decode() == (
        '[{"index":0,"type":"invoke","process":0,"f":"txn","value":[["append","x",1],["r","x",null]],'
        '"isolation":"snapshot"},\n'
        '{"index":1,"type":"invoke","process":1,"f":"txn","value":[["r",7,null]]},\n'
        '{"index":2,"type":"ok","process":1,"f":"txn","value":[["r",7,[]]]},\n'
        '{"index":3,"type":"fail","process":0,"f":"txn","value":[["append","x",1],["r","x",[1]]],'
        '"isolation":"snapshot","error":"40001"},\n'
        '{"index":4,"type":"invoke","process":2,"f":"txn","value":[]}]\n'
    )


ARRAY = (
    '[{"type": "invoke", "process": 0, "value": [["append", 1, 2], ["r", 1, null]]},'
    ' {"type": "ok", "process": 0, "value": [["append", 1, 2], ["r", 1, [2]]]}]'
)
LINES = (
    '{"type": "invoke", "process": 0, "value": [["append", 1, 2], ["r", 1, null]]}\n'
    '{"type": "ok", "process": 0, "value": [["append", 1, 2], ["r", 1, [2]]]}\n'
)


@pytest.mark.parametrize("text", [ARRAY, LINES], ids=["array", "lines"])
def test_an_array_or_lines(text: str) -> None:
    (transaction,) = load(text.encode(), IsolationLevel.SSI).transactions
    assert transaction.operations == [(APPEND, 1, 2), (READ, 1, (2,))]
    assert (transaction.outcome, transaction.level) == (OK, IsolationLevel.SSI)


def test_what_nobody_knows_is_info() -> None:
    """Without a completion, or with one that says so, what was asked for is all that is known."""
    text = (
        '{"type": "invoke", "process": 0, "value": [["append", 1, 2]]}\n'
        '{"type": "invoke", "process": 1, "value": [["r", 1, null]]}\n'
        '{"type": "info", "process": 1, "value": null}\n'
    )
    first, second = load(text.encode()).transactions
    assert (first.outcome, first.operations, first.completed) == (INFO, [(APPEND, 1, 2)], -1)
    assert (second.outcome, second.operations) == (INFO, [(READ, 1, None)])


@pytest.mark.parametrize(("text", "message"), [
    ("nonsense", "the history is not JSON"),
    ('[{"type": "invoke", "process": 0}]', "operation 0 of the history cannot be read: KeyError\\('value'\\)"),
    ('[{"type": "ok", "process": 0, "value": []}]', "operation 0 of the history cannot be read: KeyError\\(0\\)"),
    ('[{"type": "invoke", "process": 0, "value": [["w", 1, 2]]}]', "unknown operation 'w'"),
    ('[{"type": "invoke", "process": 0, "value": [["append", [1], 2]]}]', "keys and items are numbers or texts"),
    ('[{"type": "begin", "process": 0, "value": []}]', "unknown type 'begin'"),
    ('[{"type": "invoke", "process": 0, "value": [], "isolation": "perfect"}]', "unknown isolation level: 'perfect'"),
    ('[{"type": "invoke", "process": 0, "value": []}, {"type": "invoke", "process": 0, "value": []}]',
     "process 0 already runs a transaction"),
])
def test_what_is_no_history(text: str, message: str) -> None:
    from minidb.errors import DataError

    with pytest.raises(DataError, match=message):
        load(text.encode())
    assert issubclass(InvalidHistory, DataError)
