"""Edges of the serialization graph as sentences: who did what where, the source's deed first.

    rw    doctor_a read on_call = true through index doctor_on_call (SELECT ...);
          doctor_b changed row 2 out of it (UPDATE ...)
    wr    b inserted row 3 of booking (INSERT ...); a read all of booking and found it (SELECT ...)
    ww    a changed row 1 of account (UPDATE ...); b changed it again (UPDATE ...)
"""

from __future__ import annotations

from collections.abc import Mapping

from minidb.history import History, Key, Read, Relation, Write
from minidb.lab.intervals import condition_words, interval_words
from minidb.lab.versions import Change, Sight, holds

LONGEST_STATEMENT = 120  # characters of it that a sentence quotes


class Sentences:
    """The words of one history's edges. `names`: what its transactions are called."""

    def __init__(self, history: History, names: Mapping[int, str]) -> None:
        self.history = history
        self.names = names

    def name(self, transaction: int) -> str:
        """What a transaction is called; one that did not commit by its session."""
        return self.names.get(transaction) or self.history.accounts[transaction].session

    def statement(self, fact: Read | Write) -> str:
        """The text of the statement that a read or write belongs to; empty if it is not known."""
        return self.history.accounts[fact.transaction].statements.get(fact.statement, "")

    def quoted(self, fact: Read | Write) -> str:
        text = " ".join(self.statement(fact).split())
        if len(text) > LONGEST_STATEMENT:
            text = text[: LONGEST_STATEMENT - 3] + "..."
        return f" ({text})" if text else ""

    def relation(self, number: int) -> Relation:
        return self.history.relations.get(number, Relation(f"relation {number}"))

    # -- the three kinds

    def overlooked(self, sight: Sight, change: Change) -> str:
        """rw: what was read is changed by `change`, which the reader did not see."""
        read, reader, writer = sight.read, self.name(sight.read.transaction), self.name(change.transaction)
        write = deed(read, change)
        if is_row(read, write):
            what = f"row {write.row} of {self.relation(write.relation).table}"
            did = verb(change, "it")
        else:
            what, did = self.what(read), where(read, change)
        return f"{reader} read {what}{self.quoted(read)}; {writer} {did}{self.quoted(write)}"

    def found(self, sight: Sight, write: Write, change: Change | None) -> str:
        """wr: what `write` had left there was read, or what it had taken out of it was missed. `change`: the whole
        change of the row, if `write` ended it."""
        read, row = sight.read, f"row {write.row} of {self.relation(write.relation).table}"
        did = verb(change, row) if change is not None else deed_words(write, row)
        writer = f"{self.name(write.transaction)} {did}{self.quoted(write)}"
        return f"{writer}; {self.reading(sight, write)}{self.quoted(read)}"

    def reading(self, sight: Sight, write: Write) -> str:
        """What the reader of a wr edge did."""
        read, reader = sight.read, self.name(sight.read.transaction)
        if is_row(read, write):
            came = "read it" if sight.found else "looked for it"
        else:
            came = f"read {self.what(read)} and {'found' if sight.found else 'did not find'} it"
        early = read.time < self.history.accounts[write.transaction].ended
        return f"{reader} {came}" + (", not yet committed" if early else "")

    def replaced(self, old: Change, new: Change) -> str:
        """ww: `new` replaced the version of the row that `old` had left."""
        table = self.relation(old.last.relation).table
        first = verb(old, f"row {old.last.row} of {table}")
        again = " again" if new.last.new is not None and new.first.old is not None else ""
        return (
            f"{self.name(old.transaction)} {first}{self.quoted(old.last)}; "
            f"{self.name(new.transaction)} {verb(new, 'it')}{again}{self.quoted(new.last)}"
        )

    def took_key(self, old: Change, new: Change, relation: int, key: Key) -> str:
        """ww: `new` gave its row a unique key that `old` had taken from another row."""
        place, table = self.relation(relation), self.relation(old.last.relation).table
        words = condition_words((key, 0), (key, 1), place.columns)
        through = f" in unique index {place.index}" if place.index else ""
        return (
            f"{self.name(old.transaction)} {verb(old, f'row {old.last.row} of {table}')} and gave up {words}{through}"
            f"{self.quoted(old.last)}; {self.name(new.transaction)} {verb(new, f'row {new.last.row}')} with that key"
            f"{self.quoted(new.last)}"
        )

    # -- places

    def what(self, read: Read) -> str:
        """What a read looked at: `on_call = true through index doctor_on_call`, `all of doctor`."""
        place = self.relation(read.relation)
        words = condition_words(read.low, read.high, place.columns)
        if words == "all":
            return f"all of {place.table}" + (f" through index {place.index}" if place.index else "")
        if not place.columns:
            words = f"keys {words}" if place.index else f"rows {words}"
        return f"{words} through index {place.index}" if place.index else f"{words} in {place.table}"

    def interval(self, read: Read) -> str:
        return interval_words(read.low, read.high)


def is_row(read: Read, write: Write) -> bool:
    """Whether the read looked at this one row by its place in its table."""
    return read.relation == write.relation and (read.low, read.high) == ((write.ref, 0), (write.ref, 1))


def deed(read: Read, change: Change) -> Write:
    """The write of a change that has most to do with the interval: the one that took the row out of it, or left it
    there."""
    return change.last if holds(read, change.after) or change.last.new is None else change.first


def verb(change: Change, what: str) -> str:
    if change.first.old is None:
        return f"inserted {what}"
    return f"deleted {what}" if change.last.new is None else f"changed {what}"


def deed_words(write: Write, what: str) -> str:
    if write.old is None:
        return f"inserted {what}"
    return f"deleted {what}" if write.new is None else f"changed {what}"


def where(read: Read, change: Change) -> str:
    """A change as seen from the interval."""
    row = f"row {change.last.row}"
    if change.first.old is None:
        return f"inserted {row} into it"
    if change.last.new is None:
        return f"deleted {row} from it"
    before, after = holds(read, change.before), holds(read, change.after)
    return f"changed {row} {'inside' if before and after else 'out of' if before else 'into'} it"


__all__ = ["Sentences"]
