"""A history of lists: what clients asked for and what they were told, and nothing else.

The database is a collection of lists, each with a key. A transaction appends items to lists and reads whole lists;
no item is appended to one list twice, so whoever reads an item is known to have read that append, and a list tells the
order in which its versions came (Kingsbury & Alvaro, Elle, 2020). This is all that the judge knows.

    ("append", key, item)       the item was put behind the others
    ("r", key, (item, ...))     the list was read; an absent list is empty

A transaction is *ok* (its commit was acknowledged), *failed* (it was certainly rolled back) or *info* (nobody knows).
Work that was taken back to a savepoint stands in the history as a failed transaction of its own: nobody may see it.
`invoked` and `completed` are positions in the order in which clients saw things happen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from threading import Lock
from typing import Any

from msgspec import Struct

from minidb.isolation import IsolationLevel

OK, FAIL, INFO = "ok", "fail", "info"
APPEND, READ = "append", "r"
Operation = tuple[str, Any, Any]


class Transaction(Struct, eq=False, gc=False):
    """One transaction as its client saw it.

    Attributes:
        number: its place in the history.
        process: who ran it; a process runs one at a time.
        level: the isolation level that was asked for; None: whoever judges says.
        outcome: OK, FAIL or INFO; INFO as long as it runs.
        operations: what it did, in order; of a failed one as far as it came.
        error: SQLSTATE or another word for why it failed.
    """

    number: int
    process: int
    invoked: int
    level: IsolationLevel | None = None
    completed: int = -1
    outcome: str = INFO
    operations: list[Operation] = []
    error: str = ""

    @property
    def name(self) -> str:
        return f"T{self.number}"

    @property
    def title(self) -> str:
        """Its name, with its process and level."""
        return f"{self.name} (process {self.process}{'' if self.level is None else f', {self.level}'})"


class ListHistory:
    """Transactions in the order in which they began. Several threads may record at once."""

    def __init__(self, transactions: Iterable[Transaction] = ()) -> None:
        self.transactions: list[Transaction] = list(transactions)
        self.positions = count()
        self.lock = Lock()

    def __len__(self) -> int:
        return len(self.transactions)

    # -- recording

    def begin(self, process: int, level: IsolationLevel | None = None) -> Transaction:
        """To be called before the transaction's first statement is sent."""
        with self.lock:  # its number is its place in the list
            transaction = Transaction(len(self.transactions), process, next(self.positions), level, operations=[])
            self.transactions.append(transaction)
        return transaction

    def end(self, transaction: Transaction, outcome: str, error: str = "") -> None:
        """To be called after the answer to COMMIT or ROLLBACK has come."""
        transaction.outcome, transaction.error = outcome, error
        transaction.completed = next(self.positions)

    def taken_back(self, process: int, level: IsolationLevel | None, operations: list[Operation]) -> None:
        """Records work that was rolled back to a savepoint."""
        transaction = self.begin(process, level)
        transaction.operations = operations
        self.end(transaction, FAIL, "savepoint")


def operation_words(operation: Operation) -> str:
    """`append 5 to 3`, `read 3 = [1 2]`."""
    kind, key, value = operation
    return f"append {value} to {key}" if kind == APPEND else f"read {key} = {list_words(value)}"


def transaction_words(transaction: Transaction) -> str:
    """The transaction on one line, with everything that it did."""
    done = "; ".join(map(operation_words, transaction.operations)) or "nothing"
    why = f" {transaction.error}" if transaction.error else ""
    outcome = "" if transaction.outcome == OK else f" [{transaction.outcome}{why}]"
    return f"{transaction.title}: {done}{outcome}"


def list_words(items: Sequence[Any] | None) -> str:
    return "?" if items is None else f"[{' '.join(map(str, items))}]"
