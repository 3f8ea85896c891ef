"""One rw-antidependency, reader --rw--> writer, with its facts; and the error that two of them may end in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidb.errors import SerializationFailure
from minidb.txn.intervals import Cut, words

if TYPE_CHECKING:
    from minidb.txn.transaction import Transaction


class Edge:
    """reader --rw--> writer, with what is known of it."""

    __slots__ = ("high", "index", "key", "low", "reader", "reader_statement", "table", "writer", "writer_statement")

    def __init__(self, reader: Transaction, writer: Transaction, table: str, index: str, key: Any) -> None:
        self.reader = reader
        self.writer = writer
        self.table = table
        self.index = index
        self.key = key
        self.low: Cut | None = None
        self.high: Cut | None = None
        self.reader_statement = ""
        self.writer_statement = ""

    def between(self, reader: Any, writer: Any) -> Edge:
        """The same edge, with somebody who stands for one of the two."""
        other = Edge(reader, writer, self.table, self.index, self.key)
        other.low, other.high = self.low, self.high
        other.reader_statement, other.writer_statement = self.reader_statement, self.writer_statement
        return other

    def facts(self) -> dict[str, Any]:
        return {
            "from": self.reader.title,
            "to": self.writer.title,
            "kind": "rw",
            "object": f"{self.table} row {self.key}",
            "index": self.index,
            "interval": words(self.low, self.high) if self.low is not None and self.high is not None else None,
            "from_statement": self.reader_statement,
            "to_statement": self.writer_statement,
        }

    def words(self) -> str:
        interval = f" {words(self.low, self.high)}" if self.low is not None and self.high is not None else ""
        through = f"{self.table} through {self.index}{interval}"
        if interval == " all":
            through = f"all of {self.table}" + (f" through {self.index}" if self.index != self.table else "")
        read = f" ({self.reader_statement})" if self.reader_statement else ""
        wrote = f" ({self.writer_statement})" if self.writer_statement else ""
        return (
            f"{self.reader.title} read {through}{read}; "
            f"{self.writer.title} wrote row {self.key} there{wrote}"
        )


def serialization_failure(victim: Transaction, into: Edge, out: Edge) -> SerializationFailure:
    pivot = into.writer
    role = "the pivot" if victim is pivot else "a reader beside the pivot"
    detail = (
        f"{victim.title} is {role} of a dangerous structure: "
        f"{into.reader.title} -rw-> {pivot.title} -rw-> {out.writer.title}, and {out.writer.title} committed first. "
        f"{into.words()}. {out.words()}."
    )
    return SerializationFailure(
        "could not serialize access due to read/write dependencies among transactions",
        detail=detail,
        hint="The transaction might succeed if retried.",
        cycle=(into.facts(), out.facts()),
    )


__all__ = ["Edge", "serialization_failure"]
