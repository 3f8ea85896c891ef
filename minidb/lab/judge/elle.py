"""Histories as the JSON that elle-cli reads for the model list-append, and back.

    [{"index": 0, "type": "invoke", "process": 0, "f": "txn", "value": [["append", 7, 1], ["r", 7, null]]},
     {"index": 1, "type": "ok", "process": 0, "f": "txn", "value": [["append", 7, 1], ["r", 7, [1]]]}]

An invocation and its completion are two operations with one process; `index` is their position in what clients saw.
The level stands in a field `isolation`, the reason of a failure in `error`; elle-cli ignores both. Reading takes one
array, or one operation per line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Any

import msgspec

from minidb.errors import DataError
from minidb.isolation import IsolationLevel
from minidb.lab.judge.history import APPEND, FAIL, INFO, OK, READ, ListHistory, Operation, Transaction

INVOKE = "invoke"
Line = dict[str, Any]
SHAPE = "An operation is an object with type, process and value, as elle-cli reads them for the model list-append."


class InvalidHistory(DataError):
    """The file is not a history of lists."""


# -- out


def dump(history: ListHistory) -> bytes:
    """The history as one JSON array, an operation per line."""
    encode = msgspec.json.encode
    return b"[" + b",\n".join(encode(line) for line in numbered(lines_of(history))) + b"]\n"


def lines_of(history: ListHistory) -> list[tuple[int, Line]]:
    """Invocations and completions with their positions."""
    found: list[tuple[int, Line]] = []
    for transaction in history.transactions:
        asked = [asked_for(operation) for operation in transaction.operations]
        found.append((transaction.invoked, line(transaction, INVOKE, asked)))
        if transaction.completed >= 0:
            found.append((transaction.completed, line(transaction, transaction.outcome, transaction.operations)))
    return sorted(found, key=itemgetter(0))


def asked_for(operation: Operation) -> Operation:
    return operation if operation[0] == APPEND else (*operation[:2], None)


def line(transaction: Transaction, kind: str, operations: list[Operation]) -> Line:
    made: Line = {"type": kind, "process": transaction.process, "f": "txn", "value": operations}
    if transaction.level is not None:
        made["isolation"] = transaction.level.value
    if kind in (FAIL, INFO) and transaction.error:
        made["error"] = transaction.error
    return made


def numbered(lines: Iterable[tuple[int, Line]]) -> Iterator[Line]:
    return ({"index": index, **line} for index, (_, line) in enumerate(lines))


# -- in


def load(data: bytes, level: IsolationLevel | None = None) -> ListHistory:
    """The history in `data`; transactions that name no level get `level`. Raises InvalidHistory."""
    history = ListHistory()
    open_by_process: dict[Any, Transaction] = {}
    for number, found in enumerate(parsed(data)):
        try:
            take(history, open_by_process, found, level)
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidHistory(f"operation {number} of the history cannot be read: {error!r}", hint=SHAPE) from None
    return history


def parsed(data: bytes) -> list[Line]:
    try:
        if data.lstrip()[:1] == b"[":
            return msgspec.json.decode(data, type=list[Line])
        return msgspec.json.Decoder(Line).decode_lines(data)
    except msgspec.DecodeError as error:
        raise InvalidHistory(f"the history is not JSON: {error}", hint=SHAPE) from None


def take(history: ListHistory, running: dict[Any, Transaction], line: Line, level: IsolationLevel | None) -> None:
    """Adds one operation to the history."""
    process, kind = line["process"], line["type"]
    if kind == INVOKE:
        if process in running:
            raise ValueError(f"process {process} already runs a transaction")
        named = line.get("isolation")
        running[process] = history.begin(process, IsolationLevel.parse(named) if named else level)
        running[process].operations = operations_of(line["value"])
    elif kind in (OK, FAIL, INFO):
        transaction = running.pop(process)
        if kind != INFO and line["value"] is not None:
            transaction.operations = operations_of(line["value"])
        history.end(transaction, kind, str(line.get("error", "")))
    else:
        raise ValueError(f"unknown type {kind!r}")


def operations_of(value: list[Any]) -> list[Operation]:
    return [operation_of(*parts) for parts in value]


def operation_of(kind: str, key: Any, value: Any) -> Operation:
    kind = kind.lstrip(":")
    if kind == APPEND:
        return APPEND, hashable(key), hashable(value)
    if kind == READ:
        return READ, hashable(key), None if value is None else tuple(map(hashable, value))
    raise ValueError(f"unknown operation {kind!r}")


def hashable(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        raise TypeError("keys and items are numbers or texts")
    return value
