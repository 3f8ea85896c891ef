"""Blocks: a transaction as a `with` statement, nested ones as savepoints, and trying again.

A transaction that ends in a RetryableError (40001, 40P01) was right; it only met others. `Attempts` runs it again, from
its start and in a new transaction, after a pause that grows and is partly random, so that two rivals part. Nothing
else is tried again. Inside an open transaction there is nothing that could be repeated from its start: there an
attempt is a savepoint, tried once, and the error goes to whoever owns the transaction.

A `with` statement cannot repeat its block, and does not learn whether `return` or `break` has left it. So when an
attempt fails and another one is owed, the connection refuses to do anything else, with that same error, until the loop
asks for the next attempt: a block that was left for good after a failed commit does not pass for a success.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from minidb.errors import Error, InFailedTransaction, InvalidParameterValue, InvalidTransactionState, RetryableError

if TYPE_CHECKING:
    from minidb.dbapi.connection import Connection

ExceptionType = type[BaseException] | None


class Transaction:
    """`with connection.transaction(): ...`: BEGIN, then COMMIT or ROLLBACK; in an open transaction a savepoint."""

    def __init__(
        self,
        connection: Connection,
        isolation_level: str | None = None,
        read_only: bool | None = None,
        deferrable: bool | None = None,
    ) -> None:
        self._connection = connection
        self._isolation_level = isolation_level
        self._read_only = read_only
        self._deferrable = deferrable
        self._savepoint: str | None = None

    def __enter__(self) -> Connection:
        connection = self._connection
        if connection.in_transaction:
            self._savepoint = connection._nested_savepoint(self._isolation_level, self._read_only, self._deferrable)
        else:
            connection._perform(
                "begin",
                isolation_level=self._isolation_level,
                read_only=self._read_only,
                deferrable=self._deferrable,
            )
        connection._blocks.append(self)
        return connection

    def __exit__(self, kind: ExceptionType, error: BaseException | None, traceback: TracebackType | None) -> None:
        blocks = self._connection._blocks
        if not blocks or blocks.pop() is not self:
            raise InvalidTransactionState("transaction blocks must be left in the reverse order of entering them")
        if error is not None:
            self._undo_after(error)
        elif self._connection._transaction_failed:
            self._undo()
            raise InFailedTransaction(
                "the transaction was rolled back: one of its statements failed and the error was not passed on",
                hint="Put a statement that may fail into a block of its own, which is a savepoint.",
            )
        elif self._connection.in_transaction:
            self._keep()

    def _keep(self) -> None:
        if self._savepoint is not None:
            self._connection._perform("release", self._savepoint)
        else:
            self._connection._commit_or_roll_back()

    def _undo(self) -> None:
        if not self._connection.in_transaction:
            return
        if self._savepoint is None:
            self._connection._perform("rollback")
        else:
            self._connection._perform("rollback_to", self._savepoint)
            self._connection._perform("release", self._savepoint)

    def _undo_after(self, error: BaseException) -> None:
        """Rolls back; if that fails as well, the error that came first is the one to hear about."""
        try:
            self._undo()
        except InFailedTransaction:
            pass  # the error has ended the whole transaction: it is for the outermost block to roll back
        except Error as second:
            error.add_note(f"minidb: and the rollback failed: {second}")


class Backoff:
    """How long to pause before the next try: a random part of `base * 2 ** tries`, at most `longest` seconds.

    `sleep` and `random` can be replaced, by a scheduler or a test."""

    def __init__(
        self,
        base: float = 0.001,
        longest: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] | None = None,
    ) -> None:
        self.base = base
        self.longest = longest
        self.sleep = sleep
        self.random = random

    def delay(self, tries: int) -> float:
        """Seconds to pause after `tries` failed tries: between a half of the limit and the limit."""
        limit = min(self.longest, self.base * 2.0 ** min(tries, 60))
        return limit * (0.5 + 0.5 * self._draw())

    def pause(self, tries: int) -> None:
        """Sleeps for `delay(tries)`."""
        self.sleep(self.delay(tries))

    def _draw(self) -> float:
        if self.random is None:
            from random import random  # takes 5 ms to import, and most programs never come here

            self.random = random
        return self.random()


class Attempts:
    """Iterator over at most `limit` attempts; it ends after the first one that succeeds."""

    def __init__(self, connection: Connection, limit: int, isolation_level: str | None = None) -> None:
        if limit < 1:
            raise InvalidParameterValue(f"at least one attempt is needed, not {limit}")
        self._connection = connection
        self._isolation_level = isolation_level
        self.limit = limit
        self.made = 0
        self.failure: RetryableError | None = None
        self.succeeded = False

    def __iter__(self) -> Iterator[Attempt]:
        return self

    def __next__(self) -> Attempt:
        if self.succeeded:
            raise StopIteration
        if self.failure is not None:
            self._connection._owed_attempt(None)
            self._connection.backoff.pause(self.made)
            self.failure = None
        elif self._connection.in_transaction:
            self.limit = self.made + 1
        if self.made >= self.limit:
            raise StopIteration  # attempts that nobody entered
        self.made += 1
        return Attempt(self, Transaction(self._connection, self._isolation_level))

    def failed(self, error: RetryableError) -> bool:
        """Called by an attempt. Returns whether there will be another one."""
        if self.made < self.limit:
            self.failure = error
            self._connection._owed_attempt(error)
            return True
        if self.limit > 1:
            error.add_note(f"minidb: given up after {self.made} tries")
        return False


class Attempt:
    """One try of a block: `with attempt: ...`. Swallows a RetryableError if there will be another try."""

    def __init__(self, attempts: Attempts, transaction: Transaction) -> None:
        self._attempts = attempts
        self._transaction = transaction

    def __enter__(self) -> Connection:
        return self._transaction.__enter__()

    def __exit__(self, kind: ExceptionType, error: BaseException | None, traceback: TracebackType | None) -> bool:
        try:
            self._transaction.__exit__(kind, error, traceback)
        except RetryableError as failure:  # COMMIT found the conflict
            if self._attempts.failed(failure):
                return True
            raise
        if isinstance(error, RetryableError):
            return self._attempts.failed(error)
        self._attempts.succeeded = error is None
        return False
