"""What a statement returns: rows that are there, or a stream of rows still being produced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from weakref import WeakValueDictionary

import msgspec

from minidb.errors import Error, InFailedTransaction, InvalidCursorState
from minidb.keys import Row
from minidb.types import SqlType

Columns = tuple[tuple[str, SqlType], ...]


class Result(msgspec.Struct, eq=False):
    """What a statement returned. `columns` is None if it has no rows."""

    tag: str
    columns: Columns | None = None
    rows: list[Row] = []  # each has its own
    rowcount: int = -1
    stream: Stream | None = None
    notices: Sequence[str] = ()

    def notice(self, text: str) -> None:
        self.notices = (*self.notices, text)

    def __iter__(self) -> Iterator[Row]:
        for batch in self.fetch_batches():
            yield from batch

    def fetch_batches(self) -> Iterator[list[Row]]:
        if self.stream is None:
            return iter((self.rows,)) if self.rows else iter(())
        return iter(self.stream)

    def close(self) -> None:
        if self.stream is not None:
            self.stream.close()


class OpenStreams:
    """The results of a session that are still being produced. A result that its reader forgets is not kept alive here;
    what it holds is given back by `forgotten`, which only takes note: finalizers run anywhere (R71)."""

    def __init__(self, forgotten: Callable[[Callable[[], None]], None]) -> None:
        self.forgotten = forgotten
        self.known: WeakValueDictionary[int, Stream] = WeakValueDictionary()
        self.count = 0

    def __iter__(self) -> Iterator[Stream]:
        return iter(list(self.known.values()) if self.known else ())

    def add(self, stream: Stream) -> int:
        self.count += 1
        self.known[self.count] = stream
        return self.count


class Stream:
    """Rows that are still being produced, on a snapshot of their own."""

    def __init__(self, streams: OpenStreams, ready: list[list[Row]], batches: Iterator[list[Row]],
                 finish: Callable[[], None]) -> None:
        self.streams = streams
        self.ready = ready
        self.batches = batches
        self.finish = finish
        self.open = True
        self.error: Error | None = None
        self.number = streams.add(self)

    def __del__(self) -> None:
        if self.open:
            self.streams.forgotten(self.finish)

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> list[Row]:
        if self.ready:
            return self.ready.pop(0)
        if self.error is not None:
            raise self.error
        if not self.open:
            raise StopIteration
        return self.advance()

    def advance(self) -> list[Row]:
        try:
            return next(self.batches)
        except StopIteration:
            self.end()
            raise
        except BaseException:
            self.end()
            raise

    def fetch_rest(self) -> None:
        """The transaction ends, and the rows must outlive it."""
        while self.open:
            try:
                self.ready.append(self.advance())
            except StopIteration:
                return

    def discard(self, why: str) -> None:
        """The transaction was rolled back: nothing more can be fetched."""
        if self.open:
            self.end()
            self.ready.clear()
            self.error = InvalidCursorState(why)

    def close(self) -> None:
        self.ready.clear()
        if self.open:
            self.end()

    def end(self) -> None:
        self.open = False
        close = getattr(self.batches, "close", None)
        if close is not None:
            close()
        self.finish()
        self.streams.known.pop(self.number, None)


def failed_transaction() -> InFailedTransaction:
    return InFailedTransaction("current transaction is aborted, commands ignored until end of transaction block")
